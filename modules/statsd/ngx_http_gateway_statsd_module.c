
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends metrics of each request to a StatsD server: lines in datagrams or over
 * TCP, from the log phase and without waiting.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_statsd.h"
#include "ngx_http_gateway_status.h"


/* seconds between two times that the zones are told of */
#define NGX_HTTP_GATEWAY_STATSD_ZONES  60


typedef struct {
    ngx_http_gateway_statsd_conf_t   statsd;    /* must be the first */
    ngx_array_t                     *allow_status_codes; /* ngx_str_t, "200-
                                                            299"; or NULL */
    ngx_flag_t                       hostname_in_prefix;
    ngx_uint_t                       tag_style;
    ngx_uint_t                       consumer;  /* identifiers by default */
    ngx_uint_t                       service;
    ngx_uint_t                       workspace;
    ngx_array_t                      ranges;    /* ..._range_t */
    ngx_str_t                        hostname;  /* dots are "_" */
    time_t                           zones;     /* told last */
} ngx_http_gateway_statsd_policy_conf_t;


typedef struct {
    ngx_uint_t                       first;
    ngx_uint_t                       last;
} ngx_http_gateway_statsd_range_t;


/* what the lines of one request are made of */
typedef struct {
    ngx_http_gateway_statsd_policy_conf_t  *conf;
    ngx_http_gateway_ctx_t                 *ctx;
    ngx_http_request_t                     *request;
    ngx_http_gateway_statsd_values_t        values;
    ngx_array_t                             out; /* u_char */
    ngx_str_t                               scope;
    ngx_str_t                               tags;
    ngx_str_t                               consumer;
} ngx_http_gateway_statsd_lines_t;


static void ngx_http_gateway_statsd_policy_log(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_gateway_statsd_write(
    ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric);
static ngx_int_t ngx_http_gateway_statsd_value(
    ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric);
static ngx_int_t ngx_http_gateway_statsd_user(
    ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric);
static ngx_int_t ngx_http_gateway_statsd_zones(
    ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric);
static ngx_int_t ngx_http_gateway_statsd_line(
    ngx_http_gateway_statsd_lines_t *lines, const ngx_str_t *stat,
    const ngx_str_t *tags, const ngx_str_t *value, const char *type,
    const ngx_str_t *rate);
static ngx_int_t ngx_http_gateway_statsd_scope(
    ngx_http_gateway_statsd_lines_t *lines, ngx_uint_t by);
static ngx_int_t ngx_http_gateway_statsd_tags(
    ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric);
static void ngx_http_gateway_statsd_workspace(
    ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric, ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_statsd_allowed(
    ngx_http_gateway_statsd_policy_conf_t *conf, ngx_uint_t status);
static char *ngx_http_gateway_statsd_prepare(ngx_conf_t *cf,
    ngx_http_gateway_statsd_policy_conf_t *conf);
static void ngx_http_gateway_statsd_policy_defaults(void *data);
static char *ngx_http_gateway_statsd_policy_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_statsd_policy_preconfiguration(
    ngx_conf_t *cf);


/* those of a directive without any, in Kong's order */
static ngx_str_t  ngx_http_gateway_statsd_policy_standard[] = {
    ngx_string("request_count|counter|sample_rate=1"),
    ngx_string("latency|timer"),
    ngx_string("request_size|counter|sample_rate=1"),
    ngx_string("status_count|counter|sample_rate=1"),
    ngx_string("response_size|counter|sample_rate=1"),
    ngx_string("unique_users|set"),
    ngx_string("request_per_user|counter|sample_rate=1"),
    ngx_string("upstream_latency|timer"),
    ngx_string("kong_latency|timer"),
    ngx_string("status_count_per_user|counter|sample_rate=1"),
    ngx_string("status_count_per_workspace|counter|sample_rate=1"),
    ngx_string("status_count_per_user_per_route|counter|sample_rate=1"),
    ngx_string("shdict_usage|gauge|sample_rate=1"),
    ngx_null_string
};


static ngx_conf_enum_t  ngx_http_gateway_statsd_styles[] = {
    { ngx_string("dogstatsd"), NGX_HTTP_GATEWAY_STATSD_DOGSTATSD },
    { ngx_string("influxdb"), NGX_HTTP_GATEWAY_STATSD_INFLUXDB },
    { ngx_string("librato"), NGX_HTTP_GATEWAY_STATSD_LIBRATO },
    { ngx_string("signalfx"), NGX_HTTP_GATEWAY_STATSD_SIGNALFX },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_statsd_policy_params[] = {

    NGX_HTTP_GATEWAY_STATSD_PARAMS(ngx_http_gateway_statsd_policy_conf_t,
                                   statsd),

    { ngx_string("allow_status_codes"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_statsd_policy_conf_t,
               allow_status_codes), 0, 0,
      NULL },

    { ngx_string("udp_packet_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_statsd_policy_conf_t,
               statsd.packet_size), 0, 65507,
      NULL },

    { ngx_string("use_tcp"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_statsd_policy_conf_t, statsd.use_tcp), 0, 0,
      NULL },

    { ngx_string("hostname_in_prefix"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_statsd_policy_conf_t,
               hostname_in_prefix), 0, 0,
      NULL },

    { ngx_string("consumer_identifier_default"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_statsd_policy_conf_t, consumer), 0, 0,
      ngx_http_gateway_statsd_identifiers },

    { ngx_string("service_identifier_default"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_statsd_policy_conf_t, service), 0, 0,
      &ngx_http_gateway_statsd_identifiers[3] },

    { ngx_string("workspace_identifier_default"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_statsd_policy_conf_t, workspace), 0, 0,
      &ngx_http_gateway_statsd_identifiers[7] },

    { ngx_string("tag_style"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_statsd_policy_conf_t, tag_style), 0, 0,
      ngx_http_gateway_statsd_styles },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_statsd_policy = {
    ngx_string("statsd"),
    11,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_statsd_policy_conf_t),
    ngx_http_gateway_statsd_policy_params,
    ngx_http_gateway_statsd_policy_defaults,
    ngx_http_gateway_statsd_policy_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_statsd_policy_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_statsd_policy_commands[] = {

    { ngx_string("gateway_statsd"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_statsd_policy },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_statsd_module_ctx = {
    ngx_http_gateway_statsd_policy_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_statsd_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_statsd_module_ctx,    /* module context */
    ngx_http_gateway_statsd_policy_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void
ngx_http_gateway_statsd_policy_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_statsd_policy_conf_t *conf = data;

    ngx_str_t                          entry;
    ngx_uint_t                         i;
    ngx_http_gateway_statsd_lines_t    lines;
    ngx_http_gateway_statsd_metric_t  *metric;

    ngx_memzero(&lines, sizeof(ngx_http_gateway_statsd_lines_t));

    ngx_http_gateway_statsd_values(r, &lines.values);

    if (!ngx_http_gateway_statsd_allowed(conf, lines.values.status)) {
        return;
    }

    lines.conf = conf;
    lines.request = r;
    lines.ctx = ngx_http_gateway_create_ctx(r);

    if (lines.ctx == NULL
        || ngx_array_init(&lines.out, r->pool, 1024, 1) != NGX_OK)
    {
        return;
    }

    metric = conf->statsd.metrics->elts;

    for (i = 0; i < conf->statsd.metrics->nelts; i++) {
        if (ngx_http_gateway_statsd_write(&lines, &metric[i]) != NGX_OK) {
            return;
        }
    }

    if (lines.out.nelts == 0) {
        return;
    }

    entry.data = lines.out.elts;
    entry.len = lines.out.nelts;

    ngx_http_gateway_statsd_add(&conf->statsd, &entry);
}


static ngx_int_t
ngx_http_gateway_statsd_write(ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric)
{
    if (metric->name == NGX_HTTP_GATEWAY_STATSD_SHDICT_USAGE) {
        return ngx_http_gateway_statsd_zones(lines, metric);
    }

    if (lines->conf->tag_style) {

        /* users, workspaces and statuses are tags then */

        if (metric->name >= NGX_HTTP_GATEWAY_STATSD_VALUES) {
            return NGX_OK;
        }

        if (ngx_http_gateway_statsd_tags(lines, metric) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ngx_http_gateway_statsd_scope(lines, metric->service
                                             ? metric->service
                                             : lines->conf->service)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (metric->name < NGX_HTTP_GATEWAY_STATSD_VALUES) {
        return ngx_http_gateway_statsd_value(lines, metric);
    }

    return ngx_http_gateway_statsd_user(lines, metric);
}


static ngx_int_t
ngx_http_gateway_statsd_value(ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric)
{
    u_char           number[NGX_INT64_LEN];
    ngx_str_t        stat, value;
    const char      *name;
    ngx_msec_int_t   n;

    n = lines->values.value[metric->name];

    if (n == -1) {
        return NGX_OK;
    }

    value.data = number;
    value.len = ngx_sprintf(number, "%L", (int64_t) n) - number;

    name = ngx_http_gateway_statsd_stats[metric->name];

    stat.data = ngx_pnalloc(lines->request->pool, lines->scope.len + 32);
    if (stat.data == NULL) {
        return NGX_ERROR;
    }

    stat.len = ngx_sprintf(stat.data, "%V%s%s", &lines->scope,
                           lines->scope.len ? "." : "", name)
               - stat.data;

    return ngx_http_gateway_statsd_line(lines, &stat, &lines->tags, &value,
                                        metric->type, &metric->rate);
}


/* those that count statuses and users, never with tags */

static ngx_int_t
ngx_http_gateway_statsd_user(ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric)
{
    u_char      *p, *last;
    ngx_str_t    stat, value, consumer, workspace, *route;
    const char  *type;

    static ngx_str_t  one = ngx_string("1");

    ngx_str_null(&consumer);

    if (metric->name != NGX_HTTP_GATEWAY_STATSD_STATUS_COUNT
        && metric->name != NGX_HTTP_GATEWAY_STATSD_STATUS_PER_WORKSPACE
        && ngx_http_gateway_statsd_consumer(lines->ctx->consumer,
                                            metric->consumer
                                            ? metric->consumer
                                            : lines->conf->consumer,
                                            &consumer)
           != NGX_OK)
    {
        return NGX_OK;
    }

    stat.data = ngx_pnalloc(lines->request->pool, lines->scope.len
                                                  + consumer.len + 256);
    if (stat.data == NULL) {
        return NGX_ERROR;
    }

    p = stat.data;
    last = p + lines->scope.len + consumer.len + 256;
    value = one;
    type = "c";

    switch (metric->name) {

    case NGX_HTTP_GATEWAY_STATSD_STATUS_COUNT:
        p = ngx_slprintf(p, last, "%V", &lines->scope);
        break;

    case NGX_HTTP_GATEWAY_STATSD_UNIQUE_USERS:
        value.data = ngx_pnalloc(lines->request->pool, consumer.len);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        value.len = ngx_http_gateway_statsd_put(value.data, &consumer, 0)
                    - value.data;
        type = "s";

        p = ngx_slprintf(p, last, "%V.user.uniques", &lines->scope);
        stat.len = p - stat.data;

        return ngx_http_gateway_statsd_line(lines, &stat, NULL, &value, type,
                                            NULL);

    case NGX_HTTP_GATEWAY_STATSD_STATUS_PER_WORKSPACE:
        ngx_http_gateway_statsd_workspace(lines, metric, &workspace);
        p = ngx_slprintf(p, last, "%V.workspace.%V", &lines->scope,
                         &workspace);
        break;

    case NGX_HTTP_GATEWAY_STATSD_STATUS_PER_USER_PER_ROUTE:

        if (lines->ctx->route == NULL) {
            return NGX_OK;
        }

        route = &lines->ctx->route->id;
        p = ngx_slprintf(p, p + 128, "route.%V.user.", route);
        p = ngx_http_gateway_statsd_put(p, &consumer, 0);
        break;

    default:
        p = ngx_slprintf(p, last, "%V.user.", &lines->scope);
        p = ngx_http_gateway_statsd_put(p, &consumer, 0);
        break;
    }

    if (metric->name == NGX_HTTP_GATEWAY_STATSD_REQUEST_PER_USER) {
        p = ngx_slprintf(p, last, ".request.count");

    } else {
        p = ngx_slprintf(p, last, ".status.%ui", lines->values.status);
    }

    stat.len = p - stat.data;

    return ngx_http_gateway_statsd_line(lines, &stat, NULL, &value, type,
                                        &metric->rate);
}


/* of one worker, now and then, since they are shared */

static ngx_int_t
ngx_http_gateway_statsd_zones(ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric)
{
    u_char                                 *p, number[NGX_INT64_LEN];
    ngx_str_t                               stat, tags, value;
    ngx_uint_t                              i, which;
    ngx_shm_zone_t                         *zone;
    ngx_list_part_t                        *part;
    ngx_http_gateway_statsd_policy_conf_t  *conf;

    static const char  *names[] = { "free_space", "capacity" };

    conf = lines->conf;

    if (ngx_worker != 0
        || (conf->zones
            && conf->zones + NGX_HTTP_GATEWAY_STATSD_ZONES >= ngx_time()))
    {
        return NGX_OK;
    }

    conf->zones = ngx_time();

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            zone = part->elts;
            i = 0;
        }

        if (zone[i].shm.addr == NULL) {
            continue;
        }

        for (which = 0; which < 2; which++) {

            value.data = number;
            value.len = ngx_sprintf(number, "%uz",
                                    which ? zone[i].shm.size
                                    : ngx_http_gateway_status_unused(&zone[i]))
                        - number;

            p = ngx_pnalloc(lines->request->pool,
                            2 * (conf->hostname.len + zone[i].shm.name.len)
                            + 128);
            if (p == NULL) {
                return NGX_ERROR;
            }

            ngx_str_null(&tags);
            stat.data = p;

            if (conf->tag_style) {
                p = ngx_sprintf(p, "shdict.%s", names[which]);
                stat.len = p - stat.data;

                tags.data = p;
                p = ngx_sprintf(p, conf->tag_style
                                   == NGX_HTTP_GATEWAY_STATSD_DOGSTATSD
                                   ? "node:%V,shdict:" : "node=%V,shdict=",
                                &conf->hostname);
                p = ngx_http_gateway_statsd_put(p, &zone[i].shm.name, 0);
                tags.len = p - tags.data;

            } else {
                if (!conf->hostname_in_prefix) {
                    p = ngx_sprintf(p, "node.%V.", &conf->hostname);
                }

                p = ngx_cpymem(p, "shdict.", sizeof("shdict.") - 1);
                p = ngx_http_gateway_statsd_put(p, &zone[i].shm.name, 1);
                p = ngx_sprintf(p, ".%s", names[which]);
                stat.len = p - stat.data;
            }

            if (ngx_http_gateway_statsd_line(lines, &stat, &tags, &value, "g",
                                             &metric->rate)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_statsd_line(ngx_http_gateway_statsd_lines_t *lines,
    const ngx_str_t *stat, const ngx_str_t *tags, const ngx_str_t *value,
    const char *type, const ngx_str_t *rate)
{
    u_char                                 *p, *start;
    size_t                                  len;
    ngx_http_gateway_statsd_policy_conf_t  *conf;

    conf = lines->conf;

    len = conf->statsd.prefix.len + stat->len + (tags ? tags->len : 0)
          + value->len + (rate ? rate->len : 0) + 32;

    start = ngx_array_push_n(&lines->out, len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(start, "%V.%V", &conf->statsd.prefix, stat);
    p = ngx_http_gateway_statsd_end(p, conf->tag_style, tags, value, type,
                                    rate);

    lines->out.nelts -= len - (p - start);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_statsd_scope(ngx_http_gateway_statsd_lines_t *lines,
    ngx_uint_t by)
{
    u_char     *p;
    ngx_str_t   name;

    if (lines->ctx->service == NULL) {
        ngx_str_set(&lines->scope, "global.unmatched");
        return NGX_OK;
    }

    if (ngx_http_gateway_statsd_service(lines->ctx->service, by, &name)
        != NGX_OK)
    {
        ngx_str_set(&name, "unnamed");
    }

    p = ngx_pnalloc(lines->request->pool, sizeof("service.") + name.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    lines->scope.data = p;

    p = ngx_cpymem(p, "service.", sizeof("service.") - 1);
    p = ngx_http_gateway_statsd_put(p, &name, 1);

    lines->scope.len = p - lines->scope.data;

    return NGX_OK;
}


/* none without a service, as in Kong */

static ngx_int_t
ngx_http_gateway_statsd_tags(ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric)
{
    u_char                                 *p, c;
    ngx_str_t                               service, consumer, workspace;
    ngx_str_t                               route;
    ngx_http_gateway_ctx_t                 *ctx;
    ngx_http_gateway_statsd_policy_conf_t  *conf;

    ctx = lines->ctx;
    conf = lines->conf;

    ngx_str_null(&lines->tags);
    ngx_str_null(&route);

    if (ctx->service == NULL
        || ngx_http_gateway_statsd_service(ctx->service, metric->service
                                           ? metric->service : conf->service,
                                           &service)
           != NGX_OK)
    {
        return NGX_OK;
    }

    if (ctx->route) {
        route = ctx->route->name;
    }

    if (ngx_http_gateway_statsd_consumer(ctx->consumer, metric->consumer
                                         ? metric->consumer : conf->consumer,
                                         &consumer)
        != NGX_OK)
    {
        ngx_str_null(&consumer);
    }

    ngx_http_gateway_statsd_workspace(lines, metric, &workspace);

    p = ngx_pnalloc(lines->request->pool,
                    service.len + route.len + consumer.len + workspace.len
                    + conf->hostname.len + 128);
    if (p == NULL) {
        return NGX_ERROR;
    }

    c = (conf->tag_style == NGX_HTTP_GATEWAY_STATSD_DOGSTATSD) ? ':' : '=';

    lines->tags.data = p;

    p = ngx_sprintf(p, "service%c", c);
    p = ngx_http_gateway_statsd_put(p, &service, 0);

    if (route.len) {
        p = ngx_sprintf(p, ",route%c", c);
        p = ngx_http_gateway_statsd_put(p, &route, 0);
    }

    p = ngx_sprintf(p, ",workspace%c%V", c, &workspace);

    if (consumer.len) {
        p = ngx_sprintf(p, ",consumer%c", c);
        p = ngx_http_gateway_statsd_put(p, &consumer, 0);
    }

    p = ngx_sprintf(p, ",node%c%V,status%c%ui", c, &conf->hostname, c,
                    lines->values.status);

    lines->tags.len = p - lines->tags.data;

    return NGX_OK;
}


static void
ngx_http_gateway_statsd_workspace(ngx_http_gateway_statsd_lines_t *lines,
    ngx_http_gateway_statsd_metric_t *metric, ngx_str_t *name)
{
    ngx_uint_t  by;

    by = metric->workspace ? metric->workspace : lines->conf->workspace;

    if (by == NGX_HTTP_GATEWAY_STATSD_WORKSPACE_NAME) {
        ngx_str_set(name, "default");

    } else {
        ngx_str_set(name, NGX_HTTP_GATEWAY_RECORD_WORKSPACE);
    }
}


static ngx_uint_t
ngx_http_gateway_statsd_allowed(ngx_http_gateway_statsd_policy_conf_t *conf,
    ngx_uint_t status)
{
    ngx_uint_t                        i;
    ngx_http_gateway_statsd_range_t  *range;

    if (conf->allow_status_codes == NULL) {
        return 1;
    }

    range = conf->ranges.elts;

    for (i = 0; i < conf->ranges.nelts; i++) {
        if (status >= range[i].first && status <= range[i].last) {
            return 1;
        }
    }

    return 0;
}


/* configuration */

static void
ngx_http_gateway_statsd_policy_defaults(void *data)
{
    ngx_http_gateway_statsd_policy_conf_t *conf = data;

    ngx_http_gateway_statsd_defaults(&conf->statsd, "statsd",
                                     NGX_HTTP_GATEWAY_STATSD_SHDICT_USAGE);

    conf->consumer = NGX_HTTP_GATEWAY_STATSD_CUSTOM_ID;
    conf->service = NGX_HTTP_GATEWAY_STATSD_SERVICE_NAME_OR_HOST;
    conf->workspace = NGX_HTTP_GATEWAY_STATSD_WORKSPACE_ID;
}


/* the name of the host, the prefix, and ranges of statuses */

static char *
ngx_http_gateway_statsd_prepare(ngx_conf_t *cf,
    ngx_http_gateway_statsd_policy_conf_t *conf)
{
    u_char                           *p, *end;
    ngx_int_t                         first, last;
    ngx_str_t                        *text, prefix;
    ngx_uint_t                        i;
    ngx_http_gateway_statsd_range_t  *range;

    conf->hostname.data = ngx_pnalloc(cf->pool, cf->cycle->hostname.len);
    if (conf->hostname.data == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->hostname.len = ngx_http_gateway_statsd_put(conf->hostname.data,
                                                     &cf->cycle->hostname, 1)
                         - conf->hostname.data;

    if (conf->hostname_in_prefix && conf->tag_style == 0) {

        prefix.data = ngx_pnalloc(cf->pool, conf->statsd.prefix.len
                                            + conf->hostname.len + 8);
        if (prefix.data == NULL) {
            return NGX_CONF_ERROR;
        }

        prefix.len = ngx_sprintf(prefix.data, "%V.node.%V",
                                 &conf->statsd.prefix, &conf->hostname)
                     - prefix.data;
        conf->statsd.prefix = prefix;
    }

    if (conf->allow_status_codes == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_array_init(&conf->ranges, cf->pool, 2,
                       sizeof(ngx_http_gateway_statsd_range_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    text = conf->allow_status_codes->elts;

    for (i = 0; i < conf->allow_status_codes->nelts; i++) {

        /* an empty list is written so */

        if (text[i].len == 0) {
            continue;
        }

        end = text[i].data + text[i].len;
        p = ngx_strlchr(text[i].data, end, '-');

        first = p ? ngx_atoi(text[i].data, p - text[i].data) : NGX_ERROR;
        last = p ? ngx_atoi(p + 1, end - p - 1) : NGX_ERROR;

        if (first == NGX_ERROR || last == NGX_ERROR) {
            return "needs ranges as \"200-299\" in \"allow_status_codes\"";
        }

        range = ngx_array_push(&conf->ranges);
        if (range == NULL) {
            return NGX_CONF_ERROR;
        }

        range->first = (ngx_uint_t) first;
        range->last = (ngx_uint_t) last;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_statsd_policy_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_statsd_policy_conf_t *conf = data;

    char  *rv;

    rv = ngx_http_gateway_statsd_check(cf, &conf->statsd,
                                    ngx_http_gateway_statsd_policy_standard);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_gateway_statsd_prepare(cf, conf);
}


static ngx_int_t
ngx_http_gateway_statsd_policy_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_statsd_policy);
}
