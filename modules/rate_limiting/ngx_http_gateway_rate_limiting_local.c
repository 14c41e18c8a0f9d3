
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Counters in shared memory.  One lookup per request finds those of all
 * periods; check and count are one step under the lock of a shard, so no
 * limit is overshot.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_rate_limiting.h"
#include "ngx_http_gateway_windows.h"


/* of ngx_http_gateway_rate_limiting_node_t; to be raised when it changes */
#define NGX_HTTP_GATEWAY_RATE_LAYOUT    1

#define NGX_HTTP_GATEWAY_RATE_ZONE      (12 * 1024 * 1024)

/* in shared memory; a worker may be killed between any two stores */
typedef struct {
    uint32_t                      start;     /* seconds since the epoch */
    uint32_t                      count;
} ngx_http_gateway_rate_limiting_window_t;

typedef struct {
    ngx_http_gateway_rate_limiting_window_t
                                  window[NGX_HTTP_GATEWAY_RATE_PERIODS];
} ngx_http_gateway_rate_limiting_node_t;


static ngx_http_gateway_digest_t *ngx_http_gateway_rate_limiting_known(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_store_t *store,
    ngx_http_gateway_consumer_t *consumer);
static ngx_uint_t ngx_http_gateway_rate_limiting_live(const void *value,
    time_t now);
static ngx_uint_t ngx_http_gateway_rate_limiting_count(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_node_t *node, uint32_t *used);


ngx_int_t
ngx_http_gateway_rate_limiting_local(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t *stop)
{
    ngx_http_gateway_digest_t      digest;
    ngx_http_gateway_shm_entry_t   entry;

    ngx_http_gateway_rate_limiting_digest(r, conf, &mcf->local, &digest);

    if (ngx_http_gateway_shm_acquire(mcf->local.shm, &digest, conf->ttl,
                                     &entry)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    *stop = ngx_http_gateway_rate_limiting_count(conf, mcf, entry.value,
                                                 used);

    ngx_http_gateway_shm_release(&entry);

    return NGX_OK;
}


void
ngx_http_gateway_rate_limiting_windows(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, time_t now)
{
    ngx_http_gateway_windows(now, mcf->start);

    mcf->now = now;

    if (mcf->more.used) {
        ngx_http_gateway_rate_limiting_previous(mcf);
    }
}


/*
 * The key of a counter is made of two keyed hashes, that of the scope and that
 * of the identifier, so that both can be kept: of a consumer's request neither
 * is computed again.
 *
 * Kong mixes the kinds of identifiers, so that a client who knows another's
 * address or consumer id may spend the other's requests through a header.
 */

void
ngx_http_gateway_rate_limiting_digest(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_store_t *store,
    ngx_http_gateway_digest_t *digest)
{
    u_char                        kind;
    ngx_str_t                     id;
    ngx_http_gateway_ctx_t       *ctx;
    ngx_http_gateway_hash_t       hash;
    ngx_http_gateway_digest_t    *known;
    ngx_http_gateway_consumer_t  *consumer;

    if (!conf->hashed) {
        ngx_http_gateway_hash_init(store->shm, &hash);
        ngx_http_gateway_hash_part(&hash, conf->instance.route_id.data,
                                   conf->instance.route_id.len);
        ngx_http_gateway_hash_part(&hash, conf->instance.service_id.data,
                                   conf->instance.service_id.len);
        ngx_http_gateway_hash_final(&hash, &conf->scope);

        conf->hashed = 1;
    }

    known = NULL;

    if (conf->rule.key.limit_by == NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER) {

        ctx = ngx_http_gateway_get_ctx(r);
        consumer = ctx->consumer;

        if (consumer && consumer->number) {
            known = ngx_http_gateway_rate_limiting_known(r, store, consumer);

            if (known && (known->part[0] || known->part[1])) {
                digest->part[0] = known->part[0] ^ conf->scope.part[0];
                digest->part[1] = known->part[1] ^ conf->scope.part[1];

                return;
            }
        }
    }

    kind = ngx_http_gateway_rate_limiting_identifier(r, conf, &conf->rule.key,
                                                     0, &id)
           ? (u_char) conf->rule.key.limit_by
           : NGX_HTTP_GATEWAY_RATE_LIMITING_IP;

    ngx_http_gateway_hash_init(store->shm, &hash);
    ngx_http_gateway_hash_part(&hash, &kind, 1);
    ngx_http_gateway_hash_part(&hash, id.data, id.len);
    ngx_http_gateway_hash_final(&hash, digest);

    if (known) {
        *known = *digest;
    }

    digest->part[0] ^= conf->scope.part[0];
    digest->part[1] ^= conf->scope.part[1];
}


/* where this worker keeps the hash of a consumer; NULL: nowhere */

static ngx_http_gateway_digest_t *
ngx_http_gateway_rate_limiting_known(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_store_t *store,
    ngx_http_gateway_consumer_t *consumer)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    if (store->consumers == NULL) {

        gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

        store->consumers = ngx_pcalloc(ngx_cycle->pool,
                                     gmcf->consumers.nelts
                                     * sizeof(ngx_http_gateway_digest_t));
        if (store->consumers == NULL) {
            return NULL;
        }
    }

    return &store->consumers[consumer->number - 1];
}


/*
 * Under the lock.  Fills used[] with the requests of each window before this
 * one; counts this one unless some limit is reached, which is returned.
 */

static ngx_uint_t
ngx_http_gateway_rate_limiting_count(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_node_t *node, uint32_t *used)
{
    uint32_t                                  start, now;
    ngx_uint_t                                i, stop;
    ngx_http_gateway_rate_limiting_limit_t   *limit;
    ngx_http_gateway_rate_limiting_window_t  *w;

    now = (uint32_t) mcf->now;
    stop = 0;

    for (i = 0; i < conf->n; i++) {

        limit = &conf->limits[i];
        w = &node->window[limit->period];
        start = mcf->start[limit->period];

        if (ngx_http_gateway_rate_limiting_over(w->start, start, now)) {
            w->count = 0;
            ngx_memory_barrier();
            w->start = start;
        }

        used[i] = w->count;
        stop |= used[i] >= limit->stop;
    }

    if (stop) {
        return 1;
    }

    for (i = 0; i < conf->n; i++) {
        node->window[conf->limits[i].period].count = used[i] + 1;
    }

    return 0;
}


/* some window has not ended */

static ngx_uint_t
ngx_http_gateway_rate_limiting_live(const void *value, time_t now)
{
    const ngx_http_gateway_rate_limiting_node_t  *node = value;

    uint32_t    start[NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t  i;

    ngx_http_gateway_windows(now, start);

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {
        if (node->window[i].count
            && !ngx_http_gateway_rate_limiting_over(node->window[i].start,
                                                    start[i], (uint32_t) now))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_rate_limiting_zones(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    size_t  size;

    static ngx_str_t  local = ngx_string("gateway_rate_limiting");
    static ngx_str_t  synced = ngx_string("gateway_rate_limiting_synced");
    static ngx_str_t  more = ngx_string("gateway_rate_limiting_more");
    static ngx_str_t  more_synced =
                          ngx_string("gateway_rate_limiting_more_synced");

    size = mcf->size ? mcf->size : NGX_HTTP_GATEWAY_RATE_ZONE;

    if (mcf->local.used) {
        mcf->local.shm = ngx_http_gateway_shm_add(cf, &local, size,
                              sizeof(ngx_http_gateway_rate_limiting_node_t),
                              NGX_HTTP_GATEWAY_RATE_LAYOUT,
                              &ngx_http_gateway_rate_limiting_module);
        if (mcf->local.shm == NULL
            || ngx_http_gateway_counts_add(cf, &mcf->counts,
                              "gateway_rate_limiting_zone", &local,
                              mcf->local.shm,
                              sizeof(ngx_http_gateway_rate_limiting_node_t),
                              NGX_HTTP_GATEWAY_RATE_LAYOUT,
                              ngx_http_gateway_rate_limiting_live)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (mcf->more.used) {
        mcf->more.shm = ngx_http_gateway_shm_add(cf, &more, size,
                              ngx_http_gateway_rate_limiting_more_size(),
                              NGX_HTTP_GATEWAY_RATE_MORE_LAYOUT,
                              &ngx_http_gateway_rate_limiting_module);
        if (mcf->more.shm == NULL
            || ngx_http_gateway_counts_add(cf, &mcf->counts,
                              "gateway_rate_limiting_zone", &more,
                              mcf->more.shm,
                              ngx_http_gateway_rate_limiting_more_size(),
                              NGX_HTTP_GATEWAY_RATE_MORE_LAYOUT,
                              ngx_http_gateway_rate_limiting_more_live)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (mcf->more_synced.used) {
        mcf->more_synced.shm = ngx_http_gateway_shm_add(cf, &more_synced, size,
                       sizeof(ngx_http_gateway_rate_limiting_shared_cells_t),
                       NGX_HTTP_GATEWAY_RATE_MORE_SYNC_LAYOUT,
                       &ngx_http_gateway_rate_limiting_module);
        if (mcf->more_synced.shm == NULL) {
            return NGX_ERROR;
        }
    }

    if (mcf->syncs
        && ngx_http_gateway_rate_limiting_unsent_zone(cf, mcf, size)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->synced.used) {
        mcf->synced.shm = ngx_http_gateway_shm_add(cf, &synced, size,
                              ngx_http_gateway_rate_limiting_sync_size(),
                              NGX_HTTP_GATEWAY_RATE_SYNC_LAYOUT,
                              &ngx_http_gateway_rate_limiting_module);
        if (mcf->synced.shm == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
