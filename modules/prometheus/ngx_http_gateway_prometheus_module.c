
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Request metrics per service, route and consumer, counted in the log phase
 * into the worker's own lane of shared memory: no lock, no atomic operation,
 * about 270 instructions per request.  When the zone is full, requests of
 * series that do not fit are counted as dropped, logged once a minute, and
 * served as ever.  The page that Prometheus reads is made in
 * ngx_http_gateway_prometheus_export.c.
 */


#include "ngx_http_gateway_prometheus.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_status.h"
#include "ngx_http_gateway_shm.h"


#define NGX_HTTP_GATEWAY_PROMETHEUS_PRIORITY  13

#define NGX_HTTP_GATEWAY_PROMETHEUS_ZONE      (8 * 1024 * 1024)

#define NGX_HTTP_GATEWAY_PROMETHEUS_CACHE     2048      /* a power of two */

/* what an instance counts, one bit for each set */
#define NGX_HTTP_GATEWAY_PROMETHEUS_BIT(set)  (1 << (set))

/* there is no room for this series, and there never will be */
#define NGX_HTTP_GATEWAY_PROMETHEUS_FULL                                      \
    ((ngx_http_gateway_series_t *) 1)


typedef struct {
    ngx_http_gateway_instance_t   instance;

    ngx_flag_t                    status_code_metrics;
    ngx_flag_t                    latency_metrics;
    ngx_flag_t                    bandwidth_metrics;
    ngx_flag_t                    upstream_health_metrics;
    ngx_flag_t                    per_consumer;
    ngx_flag_t                    ai_metrics;      /* no such policies yet */
    ngx_flag_t                    wasm_metrics;    /* accepted, no effect */

    ngx_uint_t                    sets;            /* bits of the first three
                                                      flags */
} ngx_http_gateway_prometheus_conf_t;


/*
 * The series of requests that have all of this in common, as far as they
 * were needed.  A later combination with the same slot takes it over.
 */
typedef struct {
    ngx_http_gateway_route_t     *route;
    ngx_http_gateway_consumer_t  *consumer;
    ngx_uint_t                    answer;    /* code, and source in bit 16 */

    ngx_uint_t                    sets;      /* bits: known */
    ngx_http_gateway_series_t    *series[NGX_HTTP_GATEWAY_PROMETHEUS_SETS];
} ngx_http_gateway_prometheus_entry_t;


typedef struct {
    size_t                               size;      /* of the zone */
    ngx_http_gateway_metrics_t          *metrics;
    ngx_http_gateway_prometheus_entry_t *cache;

    unsigned                             used:1;    /* by some instance */
    unsigned                             upstreams:1;
} ngx_http_gateway_prometheus_main_conf_t;


typedef struct {
    ngx_uint_t                    names;     /* on the page */
} ngx_http_gateway_prometheus_loc_conf_t;


static void ngx_http_gateway_prometheus_log(ngx_http_request_t *r,
    void *conf);
static void ngx_http_gateway_prometheus_latencies(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t from_service);
static void ngx_http_gateway_prometheus_fill(
    ngx_http_gateway_metrics_t *metrics, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_prometheus_entry_t *entry, ngx_uint_t sets);
static void ngx_http_gateway_prometheus_series(
    ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_prometheus_entry_t *entry, ngx_uint_t set,
    ngx_uint_t cells, ngx_str_t *values, ngx_uint_t n);

static ngx_int_t ngx_http_gateway_prometheus_handler(ngx_http_request_t *r);

static char *ngx_http_gateway_prometheus_check(ngx_conf_t *cf, void *conf);
static char *ngx_http_gateway_prometheus_metrics(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_prometheus_preconfiguration(ngx_conf_t *cf);
static void *ngx_http_gateway_prometheus_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_prometheus_init_main_conf(ngx_conf_t *cf,
    void *conf);
static void *ngx_http_gateway_prometheus_create_loc_conf(ngx_conf_t *cf);
static void ngx_http_gateway_prometheus_exit_process(ngx_cycle_t *cycle);


static ngx_http_gateway_param_t  ngx_http_gateway_prometheus_params[] = {

    { ngx_string("status_code_metrics"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_prometheus_conf_t, status_code_metrics),
      0, 0, NULL },

    { ngx_string("latency_metrics"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_prometheus_conf_t, latency_metrics),
      0, 0, NULL },

    { ngx_string("bandwidth_metrics"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_prometheus_conf_t, bandwidth_metrics),
      0, 0, NULL },

    { ngx_string("upstream_health_metrics"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_prometheus_conf_t, upstream_health_metrics),
      0, 0, NULL },

    { ngx_string("per_consumer"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_prometheus_conf_t, per_consumer),
      0, 0, NULL },

    { ngx_string("ai_metrics"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_prometheus_conf_t, ai_metrics),
      0, 0, NULL },

    { ngx_string("wasm_metrics"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_prometheus_conf_t, wasm_metrics),
      0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_prometheus_policy = {
    ngx_string("prometheus"),
    NGX_HTTP_GATEWAY_PROMETHEUS_PRIORITY,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_prometheus_conf_t),
    ngx_http_gateway_prometheus_params,
    NULL,                                  /* defaults */
    ngx_http_gateway_prometheus_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_prometheus_log,
    0                                      /* index */
};


/* the least that a zone has */
static ngx_uint_t  ngx_http_gateway_prometheus_pages = 16;


static ngx_command_t  ngx_http_gateway_prometheus_commands[] = {

    { ngx_string("gateway_prometheus"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_prometheus_policy },

    { ngx_string("gateway_prometheus_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_shm_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_prometheus_main_conf_t, size),
      &ngx_http_gateway_prometheus_pages },

    { ngx_string("gateway_prometheus_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_gateway_prometheus_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_prometheus_module_ctx = {
    ngx_http_gateway_prometheus_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_prometheus_create_main_conf, /* create main conf */
    ngx_http_gateway_prometheus_init_main_conf, /* init main conf */

    NULL,                                  /* create server conf */
    NULL,                                  /* merge server conf */

    ngx_http_gateway_prometheus_create_loc_conf, /* create location conf */
    NULL                                   /* merge location conf */
};


ngx_module_t  ngx_http_gateway_prometheus_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_prometheus_module_ctx, /* module context */
    ngx_http_gateway_prometheus_commands,  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_prometheus_exit_process, /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_uint_t  ngx_http_gateway_prometheus_kong_bounds[] = {
    1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000,
    0
};

ngx_uint_t  ngx_http_gateway_prometheus_other_bounds[] = {
    25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000, 0
};


/* requests without a route are not counted, as in Kong */
static void
ngx_http_gateway_prometheus_log(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_prometheus_conf_t *pcf = conf;

    uintptr_t                                 hash;
    ngx_uint_t                                sets, answer, from_service;
    ngx_http_gateway_ctx_t                   *ctx;
    ngx_http_gateway_series_t                *series;
    ngx_http_gateway_metrics_t               *metrics;
    ngx_http_gateway_consumer_t              *consumer;
    ngx_http_gateway_prometheus_entry_t      *entry;
    ngx_http_gateway_prometheus_main_conf_t  *pmcf;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || ctx->route == NULL) {
        return;
    }

    pmcf = ngx_http_get_module_main_conf(r,
                                         ngx_http_gateway_prometheus_module);

    answer = r->err_status ? r->err_status : r->headers_out.status;

    /* the last upstream's header was accepted, and nothing replaced it */
    from_service = !ctx->answered && r->upstream && r->upstream->state
                   && r->upstream->state->header_time != (ngx_msec_t) -1;

    consumer = pcf->per_consumer ? ctx->consumer : NULL;

    answer |= from_service << 16;

    hash = (uintptr_t) ctx->route * 31 + (uintptr_t) consumer;
    hash = (hash >> 4) + answer * 7;
    hash ^= hash >> 11;

    entry = &pmcf->cache[hash & (NGX_HTTP_GATEWAY_PROMETHEUS_CACHE - 1)];

    /* one without a number lives with its request: another may follow there */

    if (entry->route != ctx->route
        || entry->consumer != consumer
        || (consumer && consumer->number == 0)
        || entry->answer != answer)
    {
        entry->route = ctx->route;
        entry->consumer = consumer;
        entry->answer = answer;
        entry->sets = 0;
    }

    metrics = pmcf->metrics;
    sets = pcf->sets;

    if (sets & ~entry->sets) {
        ngx_http_gateway_prometheus_fill(metrics, ctx, entry, sets);
    }

    if (sets & NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                       NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS))
    {
        series = entry->series[NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS];

        if (series == NGX_HTTP_GATEWAY_PROMETHEUS_FULL) {
            ngx_http_gateway_metrics_drop(metrics);

        } else {
            ngx_http_gateway_metrics_count(metrics, series, 0, 1);
        }
    }

    if (sets & NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                      NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH))
    {
        series = entry->series[NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH];

        if (series == NGX_HTTP_GATEWAY_PROMETHEUS_FULL) {
            ngx_http_gateway_metrics_drop(metrics);

        } else {
            ngx_http_gateway_metrics_count(metrics, series,
                                          NGX_HTTP_GATEWAY_PROMETHEUS_INGRESS,
                                          r->request_length);
            ngx_http_gateway_metrics_count(metrics, series,
                                           NGX_HTTP_GATEWAY_PROMETHEUS_EGRESS,
                                           r->connection->sent);
        }
    }

    if (sets & NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                        NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY))
    {
        series = entry->series[NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY];

        if (series == NGX_HTTP_GATEWAY_PROMETHEUS_FULL) {
            ngx_http_gateway_metrics_drop(metrics);

        } else {
            ngx_http_gateway_prometheus_latencies(r, ctx, metrics, series,
                                                  from_service);
        }
    }
}


/* as the log record has them: latencies.kong, .proxy and .request */
static void
ngx_http_gateway_prometheus_latencies(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t from_service)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   request, gateway;

    tp = ngx_timeofday();

    request = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                                + (ngx_msec_int_t) (tp->msec - r->start_msec));

    if (ctx->balanced && !ctx->answered) {
        gateway = (ngx_msec_int_t) (ctx->balanced - ctx->start);

    } else {
        /* an answer of our own goes out as soon as it is made */
        gateway = (ngx_msec_int_t) (ngx_current_msec - ctx->start);
    }

    /* the clock of "request" may have been set back */

    ngx_http_gateway_metrics_observe(metrics, series,
        NGX_HTTP_GATEWAY_PROMETHEUS_KONG_LATENCY,
        ngx_http_gateway_prometheus_kong_bounds,
        NGX_HTTP_GATEWAY_PROMETHEUS_KONG_BOUNDS, ngx_max(gateway, 0));

    ngx_http_gateway_metrics_observe(metrics, series,
        NGX_HTTP_GATEWAY_PROMETHEUS_REQUEST_LATENCY,
        ngx_http_gateway_prometheus_other_bounds,
        NGX_HTTP_GATEWAY_PROMETHEUS_OTHER_BOUNDS, ngx_max(request, 0));

    if (from_service) {
        ngx_http_gateway_metrics_observe(metrics, series,
            NGX_HTTP_GATEWAY_PROMETHEUS_UPSTREAM_LATENCY,
            ngx_http_gateway_prometheus_other_bounds,
            NGX_HTTP_GATEWAY_PROMETHEUS_OTHER_BOUNDS,
            r->upstream->state->header_time);
    }
}


/* the series that are asked for */
static void
ngx_http_gateway_prometheus_fill(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_prometheus_entry_t *entry,
    ngx_uint_t sets)
{
    u_char      code[NGX_INT_T_LEN];
    ngx_str_t   values[5], *consumer;

    static ngx_str_t  empty = ngx_string("");

    ngx_http_gateway_metrics_names(ctx->service, entry->route, values);

    consumer = entry->consumer ? &entry->consumer->username : &empty;

    if (sets & NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                       NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS))
    {
        values[2].data = code;
        values[2].len = ngx_sprintf(code, "%ui", entry->answer & 0xffff)
                        - code;

        if (entry->answer >> 16) {
            ngx_str_set(&values[3], "service");

        } else {
            ngx_str_set(&values[3], "kong");
        }

        values[4] = *consumer;

        ngx_http_gateway_prometheus_series(metrics, entry,
            NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS,
            NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS_CELLS, values, 5);
    }

    if (sets & NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                      NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH))
    {
        values[2] = *consumer;

        ngx_http_gateway_prometheus_series(metrics, entry,
            NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH,
            NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH_CELLS, values, 3);
    }

    if (sets & NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                        NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY))
    {
        ngx_http_gateway_prometheus_series(metrics, entry,
            NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY,
            NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY_CELLS, values, 2);
    }
}


static void
ngx_http_gateway_prometheus_series(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_prometheus_entry_t *entry, ngx_uint_t set,
    ngx_uint_t cells, ngx_str_t *values, ngx_uint_t n)
{
    ngx_http_gateway_series_t  *series;

    series = ngx_http_gateway_metrics_series(metrics, set, cells, values, n);

    entry->series[set] = series ? series : NGX_HTTP_GATEWAY_PROMETHEUS_FULL;
    entry->sets |= NGX_HTTP_GATEWAY_PROMETHEUS_BIT(set);
}


static ngx_int_t
ngx_http_gateway_prometheus_handler(ngx_http_request_t *r)
{
    off_t                                     len;
    ngx_int_t                                 rc;
    ngx_str_t                                 value;
    ngx_uint_t                                names;
    ngx_chain_t                              *out;
    ngx_http_gateway_prometheus_loc_conf_t   *plcf;
    ngx_http_gateway_prometheus_main_conf_t  *pmcf;

    static ngx_str_t  type = ngx_string("text/plain; charset=UTF-8");
    static ngx_str_t  message = ngx_string("invalid names (expected 'kong' "
                                           "or 'gateway')");

    if (ngx_http_gateway_status_get(r, &rc) != NGX_OK) {
        return rc;
    }

    pmcf = ngx_http_get_module_main_conf(r,
                                         ngx_http_gateway_prometheus_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_prometheus_module);

    names = plcf->names;

    if (ngx_http_arg(r, (u_char *) "names", 5, &value) == NGX_OK) {

        if (value.len == 4 && ngx_strncmp(value.data, "kong", 4) == 0) {
            names = NGX_HTTP_GATEWAY_PROMETHEUS_KONG;

        } else if (value.len == 7
                   && ngx_strncmp(value.data, "gateway", 7) == 0)
        {
            names = NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY;

        } else {
            return ngx_http_gateway_status_message(r, NGX_HTTP_BAD_REQUEST,
                                                   &message);
        }
    }

    if (ngx_http_gateway_prometheus_export(r, pmcf->metrics, names,
                                           pmcf->upstreams, &out, &len)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK, &type, out, len);
}


static char *
ngx_http_gateway_prometheus_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_prometheus_conf_t *pcf = conf;

    ngx_http_gateway_prometheus_main_conf_t  *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf,
                                         ngx_http_gateway_prometheus_module);

    pmcf->used = 1;

    if (pcf->status_code_metrics) {
        pcf->sets |= NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                       NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS);
    }

    if (pcf->bandwidth_metrics) {
        pcf->sets |= NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                      NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH);
    }

    if (pcf->latency_metrics) {
        pcf->sets |= NGX_HTTP_GATEWAY_PROMETHEUS_BIT(
                                        NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY);
    }

    /* a gauge of the whole node: one instance turns it on */
    if (pcf->upstream_health_metrics) {
        pmcf->upstreams = 1;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_prometheus_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_prometheus_loc_conf_t *plcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        if (ngx_strcmp(value[1].data, "names=kong") == 0) {
            plcf->names = NGX_HTTP_GATEWAY_PROMETHEUS_KONG;

        } else if (ngx_strcmp(value[1].data, "names=gateway") == 0) {
            plcf->names = NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": write "
                               "\"names=kong\" or \"names=gateway\"",
                               &value[1], &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_prometheus_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_prometheus_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_prometheus_policy);
}


static void *
ngx_http_gateway_prometheus_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_prometheus_main_conf_t  *pmcf;

    pmcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_prometheus_main_conf_t));
    if (pmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     pmcf->size = 0;
     *     pmcf->metrics = NULL;
     *     pmcf->cache = NULL;
     *     pmcf->used = 0;
     *     pmcf->upstreams = 0;
     */

    return pmcf;
}


static char *
ngx_http_gateway_prometheus_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_prometheus_main_conf_t *pmcf = conf;

    ngx_http_gateway_main_conf_t  *gmcf;

    static ngx_str_t  name = ngx_string("gateway_prometheus");

    if (pmcf->size == 0) {

        if (!pmcf->used) {
            return NGX_CONF_OK;
        }

        pmcf->size = NGX_HTTP_GATEWAY_PROMETHEUS_ZONE;
    }

    pmcf->metrics = ngx_http_gateway_metrics_add(cf, &name, pmcf->size,
                                       NGX_HTTP_GATEWAY_PROMETHEUS_LAYOUT,
                                       &ngx_http_gateway_prometheus_module);
    if (pmcf->metrics == NULL) {
        return NGX_CONF_ERROR;
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    gmcf->metrics = pmcf->metrics;

    /* each worker fills its own copy */

    pmcf->cache = ngx_pcalloc(cf->pool, NGX_HTTP_GATEWAY_PROMETHEUS_CACHE
                               * sizeof(ngx_http_gateway_prometheus_entry_t));
    if (pmcf->cache == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_prometheus_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_prometheus_loc_conf_t  *plcf;

    plcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_prometheus_loc_conf_t));
    if (plcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     plcf->names = NGX_HTTP_GATEWAY_PROMETHEUS_KONG;
     */

    return plcf;
}


static void
ngx_http_gateway_prometheus_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_prometheus_main_conf_t  *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                         ngx_http_gateway_prometheus_module);

    if (pmcf && pmcf->metrics) {
        ngx_http_gateway_metrics_release(pmcf->metrics);
    }
}
