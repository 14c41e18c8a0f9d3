
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends metrics of each request to an agent of Datadog: lines of StatsD with
 * tags, in datagrams, from the log phase and without waiting.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_statsd.h"


typedef struct {
    ngx_http_gateway_statsd_conf_t   statsd;    /* must be the first */
    ngx_str_t                        service_name_tag;
    ngx_str_t                        status_tag;
    ngx_str_t                        consumer_tag;
} ngx_http_gateway_datadog_conf_t;


static void ngx_http_gateway_datadog_log(ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_datadog_tags(ngx_http_request_t *r,
    ngx_http_gateway_datadog_conf_t *conf,
    ngx_http_gateway_statsd_metric_t *metric, ngx_uint_t status,
    ngx_str_t *tags);
static void ngx_http_gateway_datadog_defaults(void *data);
static char *ngx_http_gateway_datadog_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_datadog_preconfiguration(ngx_conf_t *cf);


/* those of a directive without any */
static ngx_str_t  ngx_http_gateway_datadog_standard[] = {
    ngx_string("request_count|counter|sample_rate=1|tag=app:kong"
               "|consumer_identifier=custom_id"),
    ngx_string("latency|timer|tag=app:kong|consumer_identifier=custom_id"),
    ngx_string("request_size|timer|tag=app:kong"
               "|consumer_identifier=custom_id"),
    ngx_string("response_size|timer|tag=app:kong"
               "|consumer_identifier=custom_id"),
    ngx_string("upstream_latency|timer|tag=app:kong"
               "|consumer_identifier=custom_id"),
    ngx_string("kong_latency|timer|tag=app:kong"
               "|consumer_identifier=custom_id"),
    ngx_null_string
};


static ngx_http_gateway_param_t  ngx_http_gateway_datadog_params[] = {

    NGX_HTTP_GATEWAY_STATSD_PARAMS(ngx_http_gateway_datadog_conf_t, statsd),

    { ngx_string("service_name_tag"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_datadog_conf_t, service_name_tag), 0, 0,
      NULL },

    { ngx_string("status_tag"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_datadog_conf_t, status_tag), 0, 0,
      NULL },

    { ngx_string("consumer_tag"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_datadog_conf_t, consumer_tag), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_datadog = {
    ngx_string("datadog"),
    10,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_datadog_conf_t),
    ngx_http_gateway_datadog_params,
    ngx_http_gateway_datadog_defaults,
    ngx_http_gateway_datadog_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_datadog_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_datadog_commands[] = {

    { ngx_string("gateway_datadog"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_datadog },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_datadog_module_ctx = {
    ngx_http_gateway_datadog_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_datadog_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_datadog_module_ctx,    /* module context */
    ngx_http_gateway_datadog_commands,       /* module directives */
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
ngx_http_gateway_datadog_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_datadog_conf_t *conf = data;

    size_t                             len;
    u_char                            *p, number[NGX_INT64_LEN];
    ngx_str_t                          entry, *tags, value;
    ngx_uint_t                         i, n;
    ngx_http_gateway_statsd_values_t   values;
    ngx_http_gateway_statsd_metric_t  *metric;

    ngx_http_gateway_statsd_values(r, &values);

    metric = conf->statsd.metrics->elts;
    n = conf->statsd.metrics->nelts;

    if (n == 0) {
        return;
    }

    tags = ngx_palloc(r->pool, n * sizeof(ngx_str_t));
    if (tags == NULL) {
        return;
    }

    len = 0;

    for (i = 0; i < n; i++) {

        if (ngx_http_gateway_datadog_tags(r, conf, &metric[i], values.status,
                                          &tags[i])
            != NGX_OK)
        {
            return;
        }

        len += conf->statsd.prefix.len + tags[i].len + metric[i].rate.len
               + 64;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return;
    }

    entry.data = p;

    for (i = 0; i < n; i++) {

        value.data = number;
        value.len = ngx_sprintf(number, "%L",
                                (int64_t) values.value[metric[i].name])
                    - number;

        p = ngx_cpymem(p, conf->statsd.prefix.data, conf->statsd.prefix.len);
        p = ngx_sprintf(p, ".%s",
                        ngx_http_gateway_statsd_stats[metric[i].name]);
        p = ngx_http_gateway_statsd_end(p, NGX_HTTP_GATEWAY_STATSD_DOGSTATSD,
                                        &tags[i], &value, metric[i].type,
                                        &metric[i].rate);
    }

    entry.len = p - entry.data;

    ngx_http_gateway_statsd_add(&conf->statsd, &entry);
}


/* name, status, consumer if there is one, and those of the metric */

static ngx_int_t
ngx_http_gateway_datadog_tags(ngx_http_request_t *r,
    ngx_http_gateway_datadog_conf_t *conf,
    ngx_http_gateway_statsd_metric_t *metric, ngx_uint_t status,
    ngx_str_t *tags)
{
    size_t                   len, i;
    u_char                  *p, *start;
    ngx_str_t                service, consumer, *tag;
    ngx_uint_t               n;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    ngx_str_null(&service);
    ngx_str_null(&consumer);

    if (ctx && ctx->service) {
        (void) ngx_http_gateway_statsd_service(ctx->service, 0, &service);
    }

    if (ctx == NULL || metric->consumer == 0
        || ngx_http_gateway_statsd_consumer(ctx->consumer, metric->consumer,
                                            &consumer)
           != NGX_OK)
    {
        ngx_str_null(&consumer);
    }

    tag = metric->tags.elts;

    len = conf->service_name_tag.len + service.len + conf->status_tag.len
          + conf->consumer_tag.len + consumer.len + NGX_INT_T_LEN
          + sizeof(":,:,:");

    for (n = 0; n < metric->tags.nelts; n++) {
        len += tag[n].len + 1;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    tags->data = p;

    p = ngx_sprintf(p, "%V:", &conf->service_name_tag);
    p = ngx_http_gateway_statsd_put(p, &service, 1);
    p = ngx_sprintf(p, ",%V:", &conf->status_tag);

    if (status) {
        p = ngx_sprintf(p, "%ui", status);

    } else {
        *p++ = '-';
    }

    if (consumer.len) {
        p = ngx_sprintf(p, ",%V:", &conf->consumer_tag);
        start = p;
        p = ngx_http_gateway_statsd_put(p, &consumer, 0);

        /* as in Kong, of ids only */

        for (i = 0;
             metric->consumer == NGX_HTTP_GATEWAY_STATSD_CONSUMER_ID
             && i < consumer.len;
             i++)
        {
            if (start[i] == '-') {
                start[i] = '_';
            }
        }
    }

    for (n = 0; n < metric->tags.nelts; n++) {
        p = ngx_sprintf(p, ",%V", &tag[n]);
    }

    tags->len = p - tags->data;

    return NGX_OK;
}


/* configuration */

static void
ngx_http_gateway_datadog_defaults(void *data)
{
    ngx_http_gateway_datadog_conf_t *conf = data;

    ngx_http_gateway_statsd_defaults(&conf->statsd, "datadog",
                                     NGX_HTTP_GATEWAY_STATSD_KONG_LATENCY);

    ngx_str_set(&conf->service_name_tag, "name");
    ngx_str_set(&conf->status_tag, "status");
    ngx_str_set(&conf->consumer_tag, "consumer");
}


static char *
ngx_http_gateway_datadog_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_datadog_conf_t *conf = data;

    return ngx_http_gateway_statsd_check(cf, &conf->statsd,
                                         ngx_http_gateway_datadog_standard);
}


static ngx_int_t
ngx_http_gateway_datadog_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_datadog);
}
