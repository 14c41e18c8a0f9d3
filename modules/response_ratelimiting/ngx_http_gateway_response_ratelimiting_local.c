
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Counters of announced amounts in shared memory, an entry for each limit of
 * each identifier with the windows of all periods.
 */


#include "ngx_http_gateway_response_ratelimiting.h"


/* of ngx_http_gateway_response_node_t; to be raised when it changes */
#define NGX_HTTP_GATEWAY_RESPONSE_LAYOUT  1

#define NGX_HTTP_GATEWAY_RESPONSE_ZONE    (12 * 1024 * 1024)

/* how much ahead of ours the cached second of another worker may be */
#define NGX_HTTP_GATEWAY_RESPONSE_SKEW    2


/* in shared memory; a worker may be killed between any two stores */
typedef struct {
    uint64_t                      count;
    uint64_t                      start;     /* seconds since the epoch */
} ngx_http_gateway_response_count_t;

typedef struct {
    ngx_http_gateway_response_count_t
                                  window[NGX_HTTP_GATEWAY_PERIODS];
} ngx_http_gateway_response_node_t;


static ngx_int_t ngx_http_gateway_response_node(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf,
    ngx_http_gateway_response_ratelimiting_data_t *data,
    ngx_http_gateway_response_limit_t *limit,
    ngx_http_gateway_shm_entry_t *entry);
static ngx_uint_t ngx_http_gateway_response_live(const void *value,
    time_t now);
static ngx_http_gateway_response_count_t *ngx_http_gateway_response_count(
    ngx_http_gateway_shm_entry_t *entry,
    ngx_http_gateway_response_ratelimiting_data_t *data, ngx_uint_t period);


ngx_int_t
ngx_http_gateway_response_ratelimiting_local(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf,
    ngx_http_gateway_response_ratelimiting_data_t *data)
{
    int64_t                            *used;
    ngx_uint_t                          i, k;
    ngx_http_gateway_shm_entry_t        entry;
    ngx_http_gateway_response_limit_t  *limit;

    limit = conf->limits->elts;
    used = data->used;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (ngx_http_gateway_response_node(conf, mcf, data, &limit[i], &entry)
            != NGX_OK)
        {
            return NGX_BUSY;
        }

        for (k = 0; k < limit[i].n; k++) {
            *used++ = (int64_t) ngx_http_gateway_response_count(&entry, data,
                                          limit[i].windows[k].period)->count;
        }

        ngx_http_gateway_shm_release(&entry);
    }

    return NGX_OK;
}


void
ngx_http_gateway_response_ratelimiting_local_count(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf,
    ngx_http_gateway_response_ratelimiting_data_t *data)
{
    ngx_uint_t                          i, k;
    ngx_http_gateway_shm_entry_t        entry;
    ngx_http_gateway_response_count_t  *w;
    ngx_http_gateway_response_limit_t  *limit;

    limit = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (data->announced[i] == 0
            || ngx_http_gateway_response_node(conf, mcf, data, &limit[i],
                                              &entry)
               != NGX_OK)
        {
            continue;
        }

        for (k = 0; k < limit[i].n; k++) {
            w = ngx_http_gateway_response_count(&entry, data,
                                                limit[i].windows[k].period);

            /* of a window that is over nobody asks any more */

            if (w->start == data->start[limit[i].windows[k].period]) {
                w->count += data->announced[i];
            }
        }

        ngx_http_gateway_shm_release(&entry);
    }
}


static ngx_int_t
ngx_http_gateway_response_node(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf,
    ngx_http_gateway_response_ratelimiting_data_t *data,
    ngx_http_gateway_response_limit_t *limit,
    ngx_http_gateway_shm_entry_t *entry)
{
    u_char                     kind;
    ngx_http_gateway_hash_t    hash;
    ngx_http_gateway_digest_t  digest, name;

    kind = (u_char) data->kind;

    /* parts have a fixed length, but for the last one */

    ngx_http_gateway_hash_init(mcf->shm, &hash);
    ngx_http_gateway_hash_part(&hash, limit->name.data, limit->name.len);
    ngx_http_gateway_hash_final(&hash, &name);

    ngx_http_gateway_hash_init(mcf->shm, &hash);
    ngx_http_gateway_hash_part(&hash, conf->instance.route_id.data,
                               conf->instance.route_id.len);
    ngx_http_gateway_hash_part(&hash, conf->instance.service_id.data,
                               conf->instance.service_id.len);
    ngx_http_gateway_hash_part(&hash, &kind, 1);
    ngx_http_gateway_hash_part(&hash, &name, sizeof(name));
    ngx_http_gateway_hash_part(&hash, data->id.data, data->id.len);
    ngx_http_gateway_hash_final(&hash, &digest);

    return ngx_http_gateway_shm_acquire(mcf->shm, &digest, limit->ttl, entry);
}


/*
 * Under the lock.  A window that has begun since is empty.  One in the near
 * future was begun by a worker whose clock is cached a little later; one far
 * off, by a clock that was wrong.
 */

static ngx_http_gateway_response_count_t *
ngx_http_gateway_response_count(ngx_http_gateway_shm_entry_t *entry,
    ngx_http_gateway_response_ratelimiting_data_t *data, ngx_uint_t period)
{
    ngx_http_gateway_response_node_t   *node = entry->value;
    ngx_http_gateway_response_count_t  *w;

    w = &node->window[period];

    if (w->start < data->start[period]
        || w->start > (uint64_t) ngx_time() + NGX_HTTP_GATEWAY_RESPONSE_SKEW)
    {
        w->count = 0;
        ngx_memory_barrier();
        w->start = data->start[period];
    }

    return w;
}


/* some window has not ended */

static ngx_uint_t
ngx_http_gateway_response_live(const void *value, time_t now)
{
    const ngx_http_gateway_response_node_t  *node = value;

    uint32_t    start[NGX_HTTP_GATEWAY_PERIODS];
    ngx_uint_t  i;

    ngx_http_gateway_windows(now, start);

    for (i = 0; i < NGX_HTTP_GATEWAY_PERIODS; i++) {
        if (node->window[i].count && node->window[i].start >= start[i]) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_response_ratelimiting_local_zone(ngx_conf_t *cf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf)
{
    static ngx_str_t  name = ngx_string("gateway_response_ratelimiting");

    mcf->shm = ngx_http_gateway_shm_add(cf, &name,
                            mcf->size ? mcf->size
                                      : NGX_HTTP_GATEWAY_RESPONSE_ZONE,
                            sizeof(ngx_http_gateway_response_node_t),
                            NGX_HTTP_GATEWAY_RESPONSE_LAYOUT,
                            &ngx_http_gateway_response_ratelimiting_module);

    if (mcf->shm == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_counts_add(cf, &mcf->counts,
                            "gateway_response_ratelimiting_zone", &name,
                            mcf->shm, sizeof(ngx_http_gateway_response_node_t),
                            NGX_HTTP_GATEWAY_RESPONSE_LAYOUT,
                            ngx_http_gateway_response_live);
}
