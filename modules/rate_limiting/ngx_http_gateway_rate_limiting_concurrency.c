
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Requests of one client that are under way at a time, in this nginx.  Each
 * worker has a counter of its own for the key, so that those of workers that
 * were killed can be told and taken away.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_rate_limiting.h"


/*
 * Workers that hold requests of one key; others share the last counter.  All
 * of them have room in RATE_MORE_FREE bytes.
 */
#define NGX_HTTP_GATEWAY_RATE_HOLDERS  16

/* seconds that an unused key is kept */
#define NGX_HTTP_GATEWAY_RATE_HELD     86400


/* in shared memory */
typedef struct {
    uint32_t                      pid;       /* 0: free */
    uint32_t                      count;
} ngx_http_gateway_rate_limiting_holder_t;


/* of a request that was let in */
typedef struct {
    ngx_http_gateway_rate_limiting_main_conf_t
                                 *mcf;
    ngx_http_gateway_digest_t     digest;
} ngx_http_gateway_rate_limiting_held_t;


static ngx_int_t ngx_http_gateway_rate_limiting_hold(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, ngx_uint_t limit, uint32_t *pids);
static ngx_http_gateway_rate_limiting_holder_t *
    ngx_http_gateway_rate_limiting_holder(
    ngx_http_gateway_rate_limiting_holder_t *holder);
static ngx_uint_t ngx_http_gateway_rate_limiting_dead(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, uint32_t *pids);
static void ngx_http_gateway_rate_limiting_leave(void *data);


ngx_int_t
ngx_http_gateway_rate_limiting_enter(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_gateway_digest_t   digest;

    ngx_http_gateway_rate_limiting_more_digest(r, conf, mcf, &conf->rule, 1,
                                               &digest);

    return ngx_http_gateway_rate_limiting_enter_key(r, mcf, &digest,
                                               (ngx_uint_t) conf->concurrency,
                                               &cln);
}


ngx_int_t
ngx_http_gateway_rate_limiting_enter_key(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, ngx_uint_t limit,
    ngx_pool_cleanup_t **cleanup)
{
    uint32_t                                pids[
                                            NGX_HTTP_GATEWAY_RATE_HOLDERS];
    ngx_int_t                               rc;
    ngx_pool_cleanup_t                     *cln;
    ngx_http_gateway_rate_limiting_held_t  *held;

    cln = ngx_pool_cleanup_add(r->main->pool,
                               sizeof(ngx_http_gateway_rate_limiting_held_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    held = cln->data;
    held->mcf = mcf;
    held->digest = *digest;

    rc = ngx_http_gateway_rate_limiting_hold(mcf, digest, limit, pids);

    if (rc == NGX_DECLINED
        && ngx_http_gateway_rate_limiting_dead(mcf, digest, pids))
    {
        rc = ngx_http_gateway_rate_limiting_hold(mcf, digest, limit, pids);
    }

    if (rc == NGX_OK) {
        cln->handler = ngx_http_gateway_rate_limiting_leave;
        *cleanup = cln;
    }

    return rc;
}


void
ngx_http_gateway_rate_limiting_leave_key(ngx_pool_cleanup_t *cln)
{
    cln->handler(cln->data);
    cln->handler = NULL;
}


/* NGX_DECLINED: the limit is reached by requests of these workers */

static ngx_int_t
ngx_http_gateway_rate_limiting_hold(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, ngx_uint_t limit, uint32_t *pids)
{
    ngx_uint_t                                i, sum;
    ngx_http_gateway_shm_entry_t              entry;
    ngx_http_gateway_rate_limiting_holder_t  *holder;

    if (ngx_http_gateway_shm_acquire(mcf->more.shm, digest,
                                     NGX_HTTP_GATEWAY_RATE_HELD, &entry)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    ngx_http_gateway_rate_limiting_more_mark(entry.value);

    holder = entry.value;
    sum = 0;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_HOLDERS; i++) {
        pids[i] = holder[i].pid;
        sum += holder[i].count;
    }

    if (sum < limit) {
        ngx_http_gateway_rate_limiting_holder(holder)->count++;
    }

    ngx_http_gateway_shm_release(&entry);

    return sum < limit ? NGX_OK : NGX_DECLINED;
}


/* the counter of this worker; under the lock */

static ngx_http_gateway_rate_limiting_holder_t *
ngx_http_gateway_rate_limiting_holder(
    ngx_http_gateway_rate_limiting_holder_t *holder)
{
    ngx_uint_t                                i;
    ngx_http_gateway_rate_limiting_holder_t  *unused;

    unused = NULL;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_HOLDERS - 1; i++) {

        if (holder[i].pid == (uint32_t) ngx_pid) {
            return &holder[i];
        }

        if (unused == NULL && holder[i].count == 0) {
            unused = &holder[i];
        }
    }

    if (unused) {
        unused->pid = (uint32_t) ngx_pid;
        return unused;
    }

    return &holder[i];
}


/* takes away what killed workers held; 0: they are all alive */

static ngx_uint_t
ngx_http_gateway_rate_limiting_dead(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, uint32_t *pids)
{
    ngx_uint_t                                i, found;
    ngx_http_gateway_shm_entry_t              entry;
    ngx_http_gateway_rate_limiting_holder_t  *holder;

    found = 0;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_HOLDERS; i++) {

        if (pids[i] && kill((pid_t) pids[i], 0) == -1 && ngx_errno == ESRCH) {
            found = 1;

        } else {
            pids[i] = 0;
        }
    }

    if (!found
        || ngx_http_gateway_shm_acquire(mcf->more.shm, digest,
                                        NGX_HTTP_GATEWAY_RATE_HELD, &entry)
           != NGX_OK)
    {
        return 0;
    }

    holder = entry.value;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_HOLDERS; i++) {
        if (pids[i] && holder[i].pid == pids[i]) {
            holder[i].count = 0;
            holder[i].pid = 0;
        }
    }

    ngx_http_gateway_shm_release(&entry);

    return 1;
}


/* the request ends; its key may have been evicted, or the lock hang */

static void
ngx_http_gateway_rate_limiting_leave(void *data)
{
    ngx_http_gateway_rate_limiting_held_t *held = data;

    ngx_http_gateway_shm_entry_t              entry;
    ngx_http_gateway_rate_limiting_holder_t  *holder;

    if (ngx_http_gateway_shm_acquire(held->mcf->more.shm, &held->digest,
                                     NGX_HTTP_GATEWAY_RATE_HELD, &entry)
        != NGX_OK)
    {
        return;
    }

    holder = ngx_http_gateway_rate_limiting_holder(entry.value);

    if (holder->count) {
        holder->count--;
    }

    ngx_http_gateway_shm_release(&entry);
}
