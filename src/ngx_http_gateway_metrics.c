
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Counters in lanes, one per worker; see the header.
 */


#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_conf.h"


#define NGX_HTTP_GATEWAY_METRICS_MAGIC   0x4d475701
#define NGX_HTTP_GATEWAY_METRICS_CHUNK   4096
#define NGX_HTTP_GATEWAY_METRICS_LANES   64

/* the lane after the others belongs to nobody */
#define NGX_HTTP_GATEWAY_METRICS_SHARED  NGX_HTTP_GATEWAY_METRICS_LANES


typedef struct {
    ngx_atomic_t                     owner;     /* pid, or 0 */
    ngx_atomic_t                     chunk;     /* the newest: its number
                                                   plus one, or 0 */
    u_char                           padding[64 - 2 * sizeof(ngx_atomic_t)];
} ngx_http_gateway_metrics_lane_t;


typedef struct {
    uint32_t                         magic;
    uint32_t                         layout;
    ngx_uint_t                       chunks;
    ngx_atomic_t                     taken;     /* chunks in lanes */
    ngx_atomic_t                     dropped;   /* events */
    u_char                           padding[56 - 3 * sizeof(ngx_atomic_t)];

    ngx_http_gateway_metrics_lane_t  lanes[NGX_HTTP_GATEWAY_METRICS_LANES + 1];
} ngx_http_gateway_metrics_sh_t;


typedef struct {
    ngx_atomic_t                     next;      /* as in the lane */
    ngx_atomic_t                     used;      /* bytes, this head too */
} ngx_http_gateway_metrics_chunk_t;


/* a table with open addressing; room is a power of two, or 0 */
typedef struct {
    ngx_http_gateway_series_t      **elts;
    ngx_uint_t                       room;
    ngx_uint_t                       nelts;
} ngx_http_gateway_metrics_index_t;


/* where requests of a route are counted; a power of two of them */
#define NGX_HTTP_GATEWAY_METRICS_ROUTES  1024

enum {
    NGX_HTTP_GATEWAY_METRICS_OF_LIMITS = 0,
    NGX_HTTP_GATEWAY_METRICS_OF_CACHE,
    NGX_HTTP_GATEWAY_METRICS_OF_CANARY,
    NGX_HTTP_GATEWAY_METRICS_OF
};

typedef struct {
    ngx_http_gateway_route_t        *route;

    /* of each set that counts requests; NULL: not known */
    ngx_http_gateway_series_t       *series[NGX_HTTP_GATEWAY_METRICS_OF];
} ngx_http_gateway_metrics_route_t;


/* one per configuration; what a worker knows of its lane is private */
struct ngx_http_gateway_metrics_s {
    ngx_shm_zone_t                  *zone;
    ngx_http_gateway_metrics_sh_t   *sh;
    u_char                          *chunks;
    uint32_t                         layout;

    ngx_http_gateway_metrics_lane_t  *lane;     /* NULL: none yet */
    ngx_http_gateway_metrics_index_t  index;    /* of the lane */
    time_t                           logged;
    ngx_atomic_uint_t                logged_drops;
    ngx_http_gateway_main_conf_t    *gmcf;
    ngx_http_gateway_metrics_route_t *routes;   /* NULL: nobody counts them */
    unsigned                         shared:1;  /* lane is the last one */
};


static ngx_http_gateway_metrics_lane_t *ngx_http_gateway_metrics_lane(
    ngx_http_gateway_metrics_t *metrics);
static ngx_http_gateway_series_t *ngx_http_gateway_metrics_create(
    ngx_http_gateway_metrics_t *metrics, ngx_http_gateway_series_t *key,
    u_char *labels);
static ngx_http_gateway_series_t *ngx_http_gateway_metrics_take(
    ngx_http_gateway_metrics_t *metrics, size_t size);
static ngx_http_gateway_metrics_chunk_t *ngx_http_gateway_metrics_chunk(
    ngx_http_gateway_metrics_t *metrics, ngx_atomic_uint_t number);

static ngx_http_gateway_series_t **ngx_http_gateway_metrics_find(
    ngx_http_gateway_metrics_index_t *index, ngx_http_gateway_series_t *key,
    u_char *labels);
static ngx_int_t ngx_http_gateway_metrics_grow(
    ngx_http_gateway_metrics_index_t *index, ngx_log_t *log);
static ngx_int_t ngx_http_gateway_metrics_index_lane(
    ngx_http_gateway_metrics_t *metrics);
static void ngx_http_gateway_metrics_cleanup(void *data);
static u_char *ngx_http_gateway_metrics_labels(
    ngx_http_gateway_series_t *series);

static void ngx_http_gateway_metrics_forget(
    ngx_http_gateway_metrics_t *metrics, ngx_http_gateway_series_t *series);
static ngx_http_gateway_series_t *ngx_http_gateway_metrics_of_route(
    ngx_http_gateway_metrics_t *metrics, ngx_http_request_t *r,
    ngx_http_gateway_metrics_route_t *entry, ngx_uint_t of);
static void ngx_http_gateway_metrics_count_request(ngx_http_request_t *r,
    ngx_uint_t of, ngx_uint_t cell);

static ngx_uint_t ngx_http_gateway_metrics_alive(ngx_atomic_uint_t owner);
static ngx_int_t ngx_http_gateway_metrics_sum(
    ngx_http_gateway_metrics_t *metrics, ngx_pool_t *pool,
    ngx_http_gateway_metrics_index_t *sums, ngx_array_t *list,
    ngx_http_gateway_series_t *series, ngx_uint_t alive);
static int ngx_libc_cdecl ngx_http_gateway_metrics_compare(const void *one,
    const void *two);

static ngx_int_t ngx_http_gateway_metrics_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);


/* in the order of what became of the request */

static ngx_str_t  ngx_http_gateway_metrics_rate[] = {
    ngx_string("passed"),
    ngx_string("rejected"),
    ngx_string("rejected_dry_run"),
    ngx_string("failed"),
    ngx_null_string
};

static ngx_str_t  ngx_http_gateway_metrics_response[] = {
    ngx_string("passed"),
    ngx_string("rejected"),
    ngx_string("response_rejected"),
    ngx_string("failed"),
    ngx_null_string
};

static char  *ngx_http_gateway_metrics_limits_labels[] = {
    "service", "route", NULL
};

static ngx_http_gateway_metric_t
    ngx_http_gateway_metrics_limits_metrics[] =
{
    { "gateway_rate_limiting_requests_total",
      "Requests that rate_limiting has decided on",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_METRICS_RATE_LIMITING,
      "outcome", ngx_http_gateway_metrics_rate, NULL },

    { "gateway_response_ratelimiting_requests_total",
      "Requests that response_ratelimiting has decided on",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_METRICS_RESPONSE_RATELIMITING,
      "outcome", ngx_http_gateway_metrics_response, NULL },

    { "gateway_rate_limiting_advanced_requests_total",
      "Requests that rate_limiting_advanced has decided on",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_METRICS_RATE_LIMITING_ADVANCED,
      "outcome", ngx_http_gateway_metrics_rate, NULL },

    { "gateway_service_protection_requests_total",
      "Requests that service_protection has decided on",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_METRICS_SERVICE_PROTECTION,
      "outcome", ngx_http_gateway_metrics_rate, NULL },

    { NULL, NULL, 0, 0, NULL, NULL, NULL }
};

ngx_http_gateway_metrics_set_t  ngx_http_gateway_metrics_limits = {
    NGX_HTTP_GATEWAY_METRICS_LIMITS,
    ngx_http_gateway_metrics_limits_labels,
    ngx_http_gateway_metrics_limits_metrics
};


/* in the order of the cells */

static ngx_str_t  ngx_http_gateway_metrics_cache_statuses[] = {
    ngx_string("bypass"),
    ngx_string("miss"),
    ngx_string("refresh"),
    ngx_string("hit"),
    ngx_null_string
};

static ngx_http_gateway_metric_t
    ngx_http_gateway_metrics_cache_metrics[] =
{
    { "gateway_proxy_cache_requests_total",
      "Requests that proxy_cache has looked at",
      NGX_HTTP_GATEWAY_METRICS_COUNTER, 0,
      "status", ngx_http_gateway_metrics_cache_statuses, NULL },

    { NULL, NULL, 0, 0, NULL, NULL, NULL }
};

ngx_http_gateway_metrics_set_t  ngx_http_gateway_metrics_cache = {
    NGX_HTTP_GATEWAY_METRICS_CACHE,
    ngx_http_gateway_metrics_limits_labels,
    ngx_http_gateway_metrics_cache_metrics
};


static ngx_str_t  ngx_http_gateway_metrics_classes[] = {
    ngx_string("1xx"),
    ngx_string("2xx"),
    ngx_string("3xx"),
    ngx_string("4xx"),
    ngx_string("5xx"),
    ngx_null_string
};

static ngx_http_gateway_metric_t
    ngx_http_gateway_metrics_canary_metrics[] =
{
    { "gateway_canary_requests_total",
      "Requests that canary has sent elsewhere",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_METRICS_CANARY_CHOSEN,
      "class", ngx_http_gateway_metrics_classes, NULL },

    { "gateway_canary_other_requests_total",
      "Requests that canary has left with their service",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_METRICS_CANARY_OTHERS,
      "class", ngx_http_gateway_metrics_classes, NULL },

    { NULL, NULL, 0, 0, NULL, NULL, NULL }
};

ngx_http_gateway_metrics_set_t  ngx_http_gateway_metrics_canary = {
    NGX_HTTP_GATEWAY_METRICS_CANARY,
    ngx_http_gateway_metrics_limits_labels,
    ngx_http_gateway_metrics_canary_metrics
};


#define ngx_http_gateway_metrics_walk(chunk, series)                          \
    for (series = (ngx_http_gateway_series_t *)                               \
             ((u_char *) chunk + sizeof(ngx_http_gateway_metrics_chunk_t));   \
         (u_char *) series < (u_char *) chunk + chunk->used;                  \
         series = (ngx_http_gateway_series_t *)                               \
             ((u_char *) series + series->size))


ngx_http_gateway_metrics_t *
ngx_http_gateway_metrics_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    ngx_uint_t layout, void *tag)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_gateway_metrics_t  *metrics;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_gateway_metrics_t));
    if (cln == NULL) {
        return NULL;
    }

    metrics = cln->data;
    ngx_memzero(metrics, sizeof(ngx_http_gateway_metrics_t));

    cln->handler = ngx_http_gateway_metrics_cleanup;

    metrics->layout = (uint32_t) layout;
    metrics->gmcf = ngx_http_conf_get_module_main_conf(cf,
                                                     ngx_http_gateway_module);

    metrics->zone = ngx_shared_memory_add(cf, name, size, tag);
    if (metrics->zone == NULL) {
        return NULL;
    }

    metrics->zone->init = ngx_http_gateway_metrics_init_zone;
    metrics->zone->data = metrics;

    return metrics;
}


ngx_http_gateway_series_t *
ngx_http_gateway_metrics_series(ngx_http_gateway_metrics_t *metrics,
    ngx_uint_t set, ngx_uint_t cells, const ngx_str_t *values, ngx_uint_t n)
{
    u_char                      *p, labels[NGX_HTTP_GATEWAY_METRICS_LABELS];
    ngx_uint_t                   i;
    ngx_slab_pool_t             *shpool;
    ngx_http_gateway_series_t    key, *series;

    p = labels;

    for (i = 0; i < n; i++) {

        if (values[i].len > (size_t) (labels + sizeof(labels) - p - 2)) {
            return NULL;
        }

        *p++ = (u_char) (values[i].len >> 8);
        *p++ = (u_char) values[i].len;
        p = ngx_cpymem(p, values[i].data, values[i].len);

        /* the length of the next one */
        if (labels + sizeof(labels) - p < 2) {
            return NULL;
        }
    }

    key.set = (uint16_t) set;
    key.cells = (uint16_t) cells;
    key.len = (uint32_t) (p - labels);
    key.hash = ngx_murmur_hash2(labels, key.len) + (uint32_t) set * 0x9e3779b1;

    if (metrics->lane == NULL
        && ngx_http_gateway_metrics_lane(metrics) == NULL)
    {
        return NULL;
    }

    if (ngx_http_gateway_metrics_grow(&metrics->index, ngx_cycle->log)
        != NGX_OK)
    {
        return NULL;
    }

    series = *ngx_http_gateway_metrics_find(&metrics->index, &key, labels);

    if (series) {
        return series;
    }

    if (!metrics->shared) {
        return ngx_http_gateway_metrics_create(metrics, &key, labels);
    }

    shpool = (ngx_slab_pool_t *) metrics->zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
    series = ngx_http_gateway_metrics_create(metrics, &key, labels);
    ngx_shmtx_unlock(&shpool->mutex);

    return series;
}


void
ngx_http_gateway_metrics_count(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t cell, uint64_t value)
{
    if (metrics->shared) {
        (void) ngx_atomic_fetch_add(&series->cell[cell],
                                    (ngx_atomic_int_t) value);
        return;
    }

    /* nobody else writes here: a load and a store will do */
    series->cell[cell] += (ngx_atomic_uint_t) value;
}


void
ngx_http_gateway_metrics_observe(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t cell,
    const ngx_uint_t *bounds, ngx_uint_t n, ngx_uint_t value)
{
    ngx_uint_t     i;
    ngx_atomic_t  *cells;

    /* most values are small: they end at the first bound */

    for (i = 0; i < n && value > bounds[i]; i++) { /* void */ }

    cells = &series->cell[cell];

    if (metrics->shared) {
        (void) ngx_atomic_fetch_add(&cells[i], 1);
        (void) ngx_atomic_fetch_add(&cells[n + 1], (ngx_atomic_int_t) value);
        return;
    }

    cells[i]++;
    cells[n + 1] += value;
}


void
ngx_http_gateway_metrics_drop(ngx_http_gateway_metrics_t *metrics)
{
    ngx_atomic_uint_t  dropped;

    dropped = ngx_atomic_fetch_add(&metrics->sh->dropped, 1) + 1;

    if (ngx_time() - metrics->logged < 60) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "metrics: zone \"%V\" is full, %uA values were not counted "
                  "for want of memory, %uA in all: make the zone larger",
                  &metrics->zone->shm.name, dropped - metrics->logged_drops,
                  dropped);

    metrics->logged = ngx_time();
    metrics->logged_drops = dropped;
}


/*
 * Finds a lane for this worker: one that nobody owns, or whose owner is no
 * more.  A pid that now names another process only keeps its lane from being
 * used again.
 */
static ngx_http_gateway_metrics_lane_t *
ngx_http_gateway_metrics_lane(ngx_http_gateway_metrics_t *metrics)
{
    ngx_uint_t                        i;
    ngx_atomic_uint_t                 owner;
    ngx_http_gateway_metrics_lane_t  *lane;

    lane = metrics->sh->lanes;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_LANES; i++) {

        owner = lane[i].owner;

        if (owner == (ngx_atomic_uint_t) ngx_pid) {
            /* the configuration before this one, in the same process */
            goto found;
        }

        if (ngx_http_gateway_metrics_alive(owner)) {
            continue;
        }

        if (ngx_atomic_cmp_set(&lane[i].owner, owner,
                               (ngx_atomic_uint_t) ngx_pid))
        {
            goto found;
        }
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "metrics: all %d lanes are in use, sharing one",
                  NGX_HTTP_GATEWAY_METRICS_LANES);

    metrics->shared = 1;

found:

    metrics->lane = &lane[i];

    if (ngx_http_gateway_metrics_index_lane(metrics) != NGX_OK) {
        /* tried again with the next series; the lane stays ours */
        metrics->lane = NULL;
        metrics->shared = 0;
    }

    return metrics->lane;
}


/* in the shared lane, under the mutex; the index has room for it */
static ngx_http_gateway_series_t *
ngx_http_gateway_metrics_create(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *key, u_char *labels)
{
    size_t                       size;
    ngx_http_gateway_series_t   *series, **found;

    size = offsetof(ngx_http_gateway_series_t, cell)
           + key->cells * sizeof(ngx_atomic_t) + key->len;
    size = ngx_align(size, sizeof(ngx_atomic_t));

    series = ngx_http_gateway_metrics_take(metrics, size);
    if (series == NULL) {
        return NULL;
    }

    series->size = (uint32_t) size;
    series->set = key->set;
    series->cells = key->cells;
    series->hash = key->hash;
    series->len = key->len;
    ngx_memzero((void *) series->cell, key->cells * sizeof(ngx_atomic_t));
    ngx_memcpy(ngx_http_gateway_metrics_labels(series), labels, key->len);

    /* readers look no further than "used" */
    ngx_memory_barrier();

    ngx_http_gateway_metrics_chunk(metrics, metrics->lane->chunk)->used
                                                                     += size;

    found = ngx_http_gateway_metrics_find(&metrics->index, key, labels);
    *found = series;
    metrics->index.nelts++;

    return series;
}


/* room for a series at the end of the lane, not yet part of it */
static ngx_http_gateway_series_t *
ngx_http_gateway_metrics_take(ngx_http_gateway_metrics_t *metrics,
    size_t size)
{
    ngx_atomic_uint_t                  number;
    ngx_http_gateway_metrics_sh_t     *sh;
    ngx_http_gateway_metrics_chunk_t  *chunk;

    sh = metrics->sh;

    if (metrics->lane->chunk) {
        chunk = ngx_http_gateway_metrics_chunk(metrics, metrics->lane->chunk);

        if (chunk->used + size <= NGX_HTTP_GATEWAY_METRICS_CHUNK) {
            return (ngx_http_gateway_series_t *)
                                             ((u_char *) chunk + chunk->used);
        }
    }

    if (size > NGX_HTTP_GATEWAY_METRICS_CHUNK
               - sizeof(ngx_http_gateway_metrics_chunk_t)
        || sh->taken >= sh->chunks)
    {
        return NULL;
    }

    /* other workers may be past the test too: it may grow past the end */
    number = ngx_atomic_fetch_add(&sh->taken, 1);

    if (number >= sh->chunks) {
        return NULL;
    }

    chunk = ngx_http_gateway_metrics_chunk(metrics, number + 1);
    chunk->next = metrics->lane->chunk;
    chunk->used = sizeof(ngx_http_gateway_metrics_chunk_t);

    ngx_memory_barrier();

    metrics->lane->chunk = number + 1;

    return (ngx_http_gateway_series_t *) ((u_char *) chunk + chunk->used);
}


static ngx_http_gateway_metrics_chunk_t *
ngx_http_gateway_metrics_chunk(ngx_http_gateway_metrics_t *metrics,
    ngx_atomic_uint_t number)
{
    return (ngx_http_gateway_metrics_chunk_t *)
               (metrics->chunks
                + (number - 1) * NGX_HTTP_GATEWAY_METRICS_CHUNK);
}


static u_char *
ngx_http_gateway_metrics_labels(ngx_http_gateway_series_t *series)
{
    return (u_char *) series + offsetof(ngx_http_gateway_series_t, cell)
           + series->cells * sizeof(ngx_atomic_t);
}


void
ngx_http_gateway_metrics_value(ngx_http_gateway_series_t *series,
    ngx_uint_t i, ngx_str_t *value)
{
    u_char  *p;

    p = ngx_http_gateway_metrics_labels(series);

    while (i--) {
        p += 2 + (p[0] << 8) + p[1];
    }

    value->len = (p[0] << 8) + p[1];
    value->data = p + 2;
}


/* where the key is, or where it would go; the table has grown for it */
static ngx_http_gateway_series_t **
ngx_http_gateway_metrics_find(ngx_http_gateway_metrics_index_t *index,
    ngx_http_gateway_series_t *key, u_char *labels)
{
    ngx_uint_t                  i;
    ngx_http_gateway_series_t  *series;

    for (i = key->hash & (index->room - 1); /* void */;
         i = (i + 1) & (index->room - 1))
    {
        series = index->elts[i];

        if (series == NULL
            || (series->hash == key->hash
                && series->set == key->set
                && series->len == key->len
                && ngx_memcmp(ngx_http_gateway_metrics_labels(series), labels,
                              key->len)
                   == 0))
        {
            return &index->elts[i];
        }
    }
}


/* makes room for one more; at most three quarters are ever in use */
static ngx_int_t
ngx_http_gateway_metrics_grow(ngx_http_gateway_metrics_index_t *index,
    ngx_log_t *log)
{
    ngx_uint_t                         i;
    ngx_http_gateway_series_t        **found, *series;
    ngx_http_gateway_metrics_index_t   larger;

    if (index->nelts < index->room / 4 * 3) {
        return NGX_OK;
    }

    larger.room = index->room ? index->room * 2 : 256;
    larger.nelts = index->nelts;
    larger.elts = ngx_calloc(larger.room * sizeof(void *), log);
    if (larger.elts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < index->room; i++) {
        series = index->elts[i];

        if (series) {
            found = ngx_http_gateway_metrics_find(&larger, series,
                                   ngx_http_gateway_metrics_labels(series));
            *found = series;
        }
    }

    if (index->elts) {
        ngx_free(index->elts);
    }

    *index = larger;

    return NGX_OK;
}


/* what the owners of the lane before us have left */
static ngx_int_t
ngx_http_gateway_metrics_index_lane(ngx_http_gateway_metrics_t *metrics)
{
    ngx_atomic_uint_t                   number;
    ngx_http_gateway_series_t          *series, **found;
    ngx_http_gateway_metrics_chunk_t   *chunk;

    for (number = metrics->lane->chunk; number; number = chunk->next) {
        chunk = ngx_http_gateway_metrics_chunk(metrics, number);

        ngx_http_gateway_metrics_walk(chunk, series) {

            if (!metrics->shared) {
                ngx_http_gateway_metrics_forget(metrics, series);
            }

            if (ngx_http_gateway_metrics_grow(&metrics->index, ngx_cycle->log)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            found = ngx_http_gateway_metrics_find(&metrics->index, series,
                                   ngx_http_gateway_metrics_labels(series));

            if (*found == NULL) {
                *found = series;
                metrics->index.nelts++;
            }
        }
    }

    return NGX_OK;
}


void
ngx_http_gateway_metrics_release(ngx_http_gateway_metrics_t *metrics)
{
    ngx_atomic_uint_t                  number;
    ngx_http_gateway_series_t         *series;
    ngx_http_gateway_metrics_chunk_t  *chunk;

    if (metrics->lane && !metrics->shared) {

        for (number = metrics->lane->chunk; number; number = chunk->next) {
            chunk = ngx_http_gateway_metrics_chunk(metrics, number);

            ngx_http_gateway_metrics_walk(chunk, series) {
                ngx_http_gateway_metrics_forget(metrics, series);
            }
        }

        (void) ngx_atomic_cmp_set(&metrics->lane->owner,
                                  (ngx_atomic_uint_t) ngx_pid, 0);
    }

    metrics->lane = NULL;
}


/* gauges tell of workers that live: those of another one begin with 0 */
static void
ngx_http_gateway_metrics_forget(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series)
{
    ngx_uint_t                       i, k;
    ngx_array_t                     *sets;
    ngx_http_gateway_metric_t       *metric;
    ngx_http_gateway_metrics_set_t **set;

    sets = metrics->gmcf->metric_sets;

    if (sets == NULL) {
        return;
    }

    set = sets->elts;

    for (i = 0; i < sets->nelts; i++) {

        if (set[i]->set != series->set) {
            continue;
        }

        for (metric = set[i]->metrics; metric->name; metric++) {

            if (metric->type != NGX_HTTP_GATEWAY_METRICS_GAUGE) {
                continue;
            }

            series->cell[metric->cell] = 0;

            if (metric->label) {
                for (k = 1; metric->values[k].len; k++) {
                    series->cell[metric->cell + k] = 0;
                }
            }
        }
    }
}


/* the end of a configuration */
static void
ngx_http_gateway_metrics_cleanup(void *data)
{
    ngx_http_gateway_metrics_t *metrics = data;

    if (metrics->index.elts) {
        ngx_free(metrics->index.elts);
        metrics->index.elts = NULL;
        metrics->index.room = 0;
    }
}


ngx_array_t *
ngx_http_gateway_metrics_collect(ngx_http_gateway_metrics_t *metrics,
    ngx_pool_t *pool)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i, alive;
    ngx_array_t                       *list;
    ngx_atomic_uint_t                  number;
    ngx_http_gateway_series_t         *series;
    ngx_http_gateway_metrics_index_t   sums;
    ngx_http_gateway_metrics_chunk_t  *chunk;

    list = ngx_array_create(pool, 64, sizeof(ngx_http_gateway_series_t *));
    if (list == NULL) {
        return NULL;
    }

    ngx_memzero(&sums, sizeof(ngx_http_gateway_metrics_index_t));
    rc = NGX_OK;

    for (i = 0; i <= NGX_HTTP_GATEWAY_METRICS_SHARED; i++) {

        alive = i == NGX_HTTP_GATEWAY_METRICS_SHARED
                || ngx_http_gateway_metrics_alive(metrics->sh->lanes[i].owner);

        for (number = metrics->sh->lanes[i].chunk;
             number && rc == NGX_OK;
             number = chunk->next)
        {
            chunk = ngx_http_gateway_metrics_chunk(metrics, number);

            ngx_http_gateway_metrics_walk(chunk, series) {
                rc = ngx_http_gateway_metrics_sum(metrics, pool, &sums, list,
                                                  series, alive);

                if (rc != NGX_OK) {
                    break;
                }
            }
        }
    }

    if (sums.elts) {
        ngx_free(sums.elts);
    }

    if (rc != NGX_OK) {
        return NULL;
    }

    if (list->nelts) {
        ngx_qsort(list->elts, list->nelts, sizeof(void *),
                  ngx_http_gateway_metrics_compare);
    }

    return list;
}


/* an owner that was killed has not given its lane up */
static ngx_uint_t
ngx_http_gateway_metrics_alive(ngx_atomic_uint_t owner)
{
    return owner != 0
           && (kill((ngx_pid_t) owner, 0) != -1 || ngx_errno != NGX_ESRCH);
}


static ngx_int_t
ngx_http_gateway_metrics_sum(ngx_http_gateway_metrics_t *metrics,
    ngx_pool_t *pool, ngx_http_gateway_metrics_index_t *sums,
    ngx_array_t *list, ngx_http_gateway_series_t *series, ngx_uint_t alive)
{
    ngx_uint_t                   i;
    ngx_http_gateway_series_t   *copy, **found, **elt;

    if (ngx_http_gateway_metrics_grow(sums, pool->log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!alive) {
        copy = ngx_palloc(pool, series->size);
        if (copy == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(copy, series, series->size);
        ngx_http_gateway_metrics_forget(metrics, copy);

        series = copy;
    }

    found = ngx_http_gateway_metrics_find(sums, series,
                                   ngx_http_gateway_metrics_labels(series));

    if (*found) {
        for (i = 0; i < series->cells; i++) {
            (*found)->cell[i] += series->cell[i];
        }

        return NGX_OK;
    }

    *found = ngx_palloc(pool, series->size);
    if (*found == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(*found, series, series->size);
    sums->nelts++;

    elt = ngx_array_push(list);
    if (elt == NULL) {
        return NGX_ERROR;
    }

    *elt = *found;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_metrics_compare(const void *one, const void *two)
{
    u_char                     *a, *b;
    ngx_int_t                   rc;
    ngx_uint_t                  n, m;
    ngx_http_gateway_series_t  *first, *second;

    first = *(ngx_http_gateway_series_t **) one;
    second = *(ngx_http_gateway_series_t **) two;

    if (first->set != second->set) {
        return first->set < second->set ? -1 : 1;
    }

    a = ngx_http_gateway_metrics_labels(first);
    b = ngx_http_gateway_metrics_labels(second);

    /* value by value; both have the same number of them */

    while (a < ngx_http_gateway_metrics_labels(first) + first->len) {
        n = (a[0] << 8) + a[1];
        m = (b[0] << 8) + b[1];

        rc = ngx_memcmp(a + 2, b + 2, ngx_min(n, m));

        if (rc != 0) {
            return (int) rc;
        }

        if (n != m) {
            return n < m ? -1 : 1;
        }

        a += 2 + n;
        b += 2 + m;
    }

    return 0;
}


ngx_str_t *
ngx_http_gateway_metrics_stat(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_metrics_stat_t *stat)
{
    ngx_uint_t  i;

    stat->chunks = metrics->sh->chunks;
    stat->used = ngx_min(metrics->sh->taken, metrics->sh->chunks);
    stat->chunk = NGX_HTTP_GATEWAY_METRICS_CHUNK;
    stat->dropped = metrics->sh->dropped;
    stat->lanes = 0;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_LANES; i++) {
        if (metrics->sh->lanes[i].owner) {
            stat->lanes++;
        }
    }

    return &metrics->zone->shm.name;
}


static ngx_int_t
ngx_http_gateway_metrics_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_gateway_metrics_t *old = data;

    size_t                          size, room;
    ngx_slab_pool_t                *shpool;
    ngx_http_gateway_metrics_t     *metrics;
    ngx_http_gateway_metrics_sh_t  *sh;

    metrics = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    size = sizeof(ngx_http_gateway_metrics_sh_t);
    size = ngx_align(size, NGX_HTTP_GATEWAY_METRICS_CHUNK);

    if (old || shm_zone->shm.exists) {
        sh = old ? old->sh : shpool->data;

        if (sh->magic != NGX_HTTP_GATEWAY_METRICS_MAGIC
            || sh->layout != metrics->layout)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "zone \"%V\" was made by another version: restart "
                          "nginx, or give the zone another size",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        goto done;
    }

    /* everything at once */

    room = shpool->pfree * ngx_pagesize;

    if (room < size + 4 * NGX_HTTP_GATEWAY_METRICS_CHUNK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" is too small", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    sh = ngx_slab_alloc(shpool, room);
    if (sh == NULL) {
        return NGX_ERROR;
    }

    /* fresh pages are zeroed by the system */

    sh->magic = NGX_HTTP_GATEWAY_METRICS_MAGIC;
    sh->layout = metrics->layout;

    shpool->data = sh;

    sh->chunks = (room - size) / NGX_HTTP_GATEWAY_METRICS_CHUNK;

done:

    metrics->sh = sh;
    metrics->chunks = (u_char *) sh + size;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_counters_add(ngx_conf_t *cf,
    ngx_http_gateway_counters_t *counters)
{
    ngx_http_gateway_counters_t   **p;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->counters == NULL) {
        gmcf->counters = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (gmcf->counters == NULL) {
            return NGX_ERROR;
        }
    }

    p = ngx_array_push(gmcf->counters);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = counters;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_metrics_set_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_set_t *set)
{
    ngx_uint_t                        i;
    ngx_http_gateway_main_conf_t     *gmcf;
    ngx_http_gateway_metrics_set_t  **sets;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->metric_sets == NULL) {
        gmcf->metric_sets = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (gmcf->metric_sets == NULL) {
            return NGX_ERROR;
        }
    }

    sets = gmcf->metric_sets->elts;

    for (i = 0; i < gmcf->metric_sets->nelts; i++) {
        if (sets[i] == set) {
            return NGX_OK;
        }
    }

    sets = ngx_array_push(gmcf->metric_sets);
    if (sets == NULL) {
        return NGX_ERROR;
    }

    *sets = set;

    return NGX_OK;
}


void
ngx_http_gateway_metrics_change(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t cell, ngx_int_t change)
{
    /* a worker that exits has given its lane up by now */

    if (series == NULL || metrics->lane == NULL) {
        return;
    }

    ngx_http_gateway_metrics_count(metrics, series, cell, (uint64_t) change);
}


ngx_uint_t
ngx_http_gateway_metrics_ready(ngx_http_gateway_metrics_t *metrics)
{
    return metrics->lane != NULL;
}


void
ngx_http_gateway_metrics_request(ngx_http_request_t *r, ngx_uint_t cell)
{
    ngx_http_gateway_metrics_count_request(r,
                                   NGX_HTTP_GATEWAY_METRICS_OF_LIMITS, cell);
}


void
ngx_http_gateway_metrics_cached(ngx_http_request_t *r, ngx_uint_t cell)
{
    ngx_http_gateway_metrics_count_request(r,
                                   NGX_HTTP_GATEWAY_METRICS_OF_CACHE, cell);
}


void
ngx_http_gateway_metrics_released(ngx_http_request_t *r, ngx_uint_t cell)
{
    ngx_http_gateway_metrics_count_request(r,
                                   NGX_HTTP_GATEWAY_METRICS_OF_CANARY, cell);
}


static void
ngx_http_gateway_metrics_count_request(ngx_http_request_t *r, ngx_uint_t of,
    ngx_uint_t cell)
{
    uintptr_t                          hash;
    ngx_http_gateway_ctx_t            *ctx;
    ngx_http_gateway_route_t          *route;
    ngx_http_gateway_series_t         *series;
    ngx_http_gateway_metrics_t        *metrics;
    ngx_http_gateway_main_conf_t      *gmcf;
    ngx_http_gateway_metrics_route_t  *entry;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    metrics = gmcf->metrics;

    if (metrics == NULL) {
        return;
    }

    if (metrics->routes == NULL) {

        /* one that a worker makes, when it needs it, and keeps */

        metrics->routes = ngx_pcalloc(ngx_cycle->pool,
                                      NGX_HTTP_GATEWAY_METRICS_ROUTES
                                  * sizeof(ngx_http_gateway_metrics_route_t));
        if (metrics->routes == NULL) {
            return;
        }
    }

    ctx = ngx_http_gateway_get_ctx(r);
    route = ctx ? ctx->route : NULL;

    hash = (uintptr_t) route >> 4;
    hash ^= hash >> 10;

    entry = &metrics->routes[hash & (NGX_HTTP_GATEWAY_METRICS_ROUTES - 1)];
    series = entry->series[of];

    if (entry->route != route || series == NULL) {
        series = ngx_http_gateway_metrics_of_route(metrics, r, entry, of);
        if (series == NULL) {
            return;
        }
    }

    ngx_http_gateway_metrics_count(metrics, series, cell, 1);
}


static ngx_http_gateway_series_t *
ngx_http_gateway_metrics_of_route(ngx_http_gateway_metrics_t *metrics,
    ngx_http_request_t *r, ngx_http_gateway_metrics_route_t *entry,
    ngx_uint_t of)
{
    ngx_str_t                  names[2];
    ngx_http_gateway_ctx_t    *ctx;
    ngx_http_gateway_route_t  *route;

    static struct {
        ngx_uint_t             set;
        ngx_uint_t             cells;
    } sets[] = {
        { NGX_HTTP_GATEWAY_METRICS_LIMITS,
          NGX_HTTP_GATEWAY_METRICS_LIMITS_CELLS },
        { NGX_HTTP_GATEWAY_METRICS_CACHE,
          NGX_HTTP_GATEWAY_METRICS_CACHE_CELLS },
        { NGX_HTTP_GATEWAY_METRICS_CANARY,
          NGX_HTTP_GATEWAY_METRICS_CANARY_CELLS }
    };

    ctx = ngx_http_gateway_get_ctx(r);

    route = ctx ? ctx->route : NULL;

    ngx_http_gateway_metrics_names(ctx ? ctx->service : NULL, route, names);

    if (entry->route != route) {
        ngx_memzero(entry, sizeof(ngx_http_gateway_metrics_route_t));
        entry->route = route;
    }

    entry->series[of] = ngx_http_gateway_metrics_series(metrics, sets[of].set,
                                                        sets[of].cells, names,
                                                        2);
    if (entry->series[of] == NULL) {
        ngx_http_gateway_metrics_drop(metrics);
    }

    return entry->series[of];
}


void
ngx_http_gateway_metrics_names(ngx_http_gateway_service_t *service,
    ngx_http_gateway_route_t *route, ngx_str_t *names)
{
    ngx_str_set(&names[0], "");
    ngx_str_set(&names[1], "");

    if (service) {
        /* an unnamed service has its id for a name */
        names[0] = (service->name.len == service->id.len
                    && ngx_strncmp(service->name.data, service->id.data,
                                   service->id.len) == 0)
                   ? service->host : service->name;
    }

    if (route) {
        names[1] = route->name;
    }
}
