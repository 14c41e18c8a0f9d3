
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits what responses announce: a header such as "X-Kong-Limit: video=2"
 * from the upstream says what a request has used up of named limits.  The
 * access step reads what was used in each window and tells the upstream what
 * is left, the header filter reads the announcement and refuses the response
 * when nothing was left, the log phase counts.  Counters are in shared memory
 * (_local.c) or in Redis (_redis.c).  When they cannot be had, the request
 * passes without headers, or gets 500 with fault_tolerant=off.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_response_ratelimiting.h"

#include <math.h>


/* more amounts than that are one, so that sums stay in their type */
#define NGX_HTTP_GATEWAY_RESPONSE_MOST    1000000000000

/* seconds between two log lines about counters that cannot be had */
#define NGX_HTTP_GATEWAY_RESPONSE_REPEAT  60

/* what became of a request, in metrics */
#define NGX_HTTP_GATEWAY_RESPONSE_IS_PASSED                                   \
    (NGX_HTTP_GATEWAY_METRICS_RESPONSE_RATELIMITING + 0)
#define NGX_HTTP_GATEWAY_RESPONSE_IS_REJECTED                                 \
    (NGX_HTTP_GATEWAY_METRICS_RESPONSE_RATELIMITING + 1)
#define NGX_HTTP_GATEWAY_RESPONSE_IS_RESPONSE_REJECTED                        \
    (NGX_HTTP_GATEWAY_METRICS_RESPONSE_RATELIMITING + 2)
#define NGX_HTTP_GATEWAY_RESPONSE_IS_FAILED                                   \
    (NGX_HTTP_GATEWAY_METRICS_RESPONSE_RATELIMITING + 3)


typedef enum {
    NGX_HTTP_GATEWAY_RESPONSE_CONSUMER = 0,
    NGX_HTTP_GATEWAY_RESPONSE_CREDENTIAL,
    NGX_HTTP_GATEWAY_RESPONSE_IP
} ngx_http_gateway_response_by_e;


typedef enum {
    NGX_HTTP_GATEWAY_RESPONSE_LOCAL = 0,
    NGX_HTTP_GATEWAY_RESPONSE_REDIS,
    NGX_HTTP_GATEWAY_RESPONSE_CLUSTER
} ngx_http_gateway_response_policy_e;


static ngx_int_t ngx_http_gateway_response_ratelimiting_handler(
    ngx_http_request_t *r, void *arg);
static ngx_http_gateway_response_ratelimiting_data_t *
    ngx_http_gateway_response_ratelimiting_begin(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf);
static void ngx_http_gateway_response_ratelimiting_identify(
    ngx_http_request_t *r, ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data);
static ngx_int_t ngx_http_gateway_response_ratelimiting_admit(
    ngx_http_request_t *r, ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data);
static ngx_int_t ngx_http_gateway_response_ratelimiting_failed(
    ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf);

static ngx_int_t ngx_http_gateway_response_ratelimiting_header(
    ngx_http_request_t *r, void *arg);
static void ngx_http_gateway_response_ratelimiting_announced(
    ngx_http_request_t *r, ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data);
static void ngx_http_gateway_response_ratelimiting_parse(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_response_ratelimiting_show(
    ngx_http_request_t *r, ngx_http_gateway_response_window_t *window,
    int64_t remaining);
static void ngx_http_gateway_response_ratelimiting_refuse(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_response_ratelimiting_body(
    ngx_http_request_t *r, void *arg, ngx_chain_t **in);
static void ngx_http_gateway_response_ratelimiting_log(ngx_http_request_t *r,
    void *arg);

static void ngx_http_gateway_response_ratelimiting_defaults(void *arg);
static ngx_int_t ngx_http_gateway_response_ratelimiting_number(
    ngx_pool_t *pool, int64_t n, uint32_t less, ngx_str_t *text);
static char *ngx_http_gateway_response_ratelimiting_limit(ngx_conf_t *cf,
    void *arg, ngx_str_t *name, ngx_str_t *value);
static ngx_http_gateway_response_limit_t *
    ngx_http_gateway_response_ratelimiting_named(ngx_conf_t *cf,
    ngx_http_gateway_response_ratelimiting_conf_t *conf, ngx_str_t *name);
static char *ngx_http_gateway_response_ratelimiting_check(ngx_conf_t *cf,
    void *arg);
static char *ngx_http_gateway_response_ratelimiting_check_limit(
    ngx_conf_t *cf, ngx_http_gateway_response_limit_t *limit);
static char *ngx_http_gateway_response_ratelimiting_check_policy(
    ngx_conf_t *cf, ngx_http_gateway_response_ratelimiting_conf_t *conf);
static ngx_int_t ngx_http_gateway_response_ratelimiting_text(ngx_conf_t *cf,
    ngx_str_t *text, const char *prefix, ngx_str_t *name, const char *dash,
    const char *suffix);
static char *ngx_http_gateway_response_ratelimiting_zone(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_response_ratelimiting_preconfiguration(
    ngx_conf_t *cf);
static void *ngx_http_gateway_response_ratelimiting_create_main_conf(
    ngx_conf_t *cf);
static char *ngx_http_gateway_response_ratelimiting_init_main_conf(
    ngx_conf_t *cf, void *conf);


static ngx_conf_enum_t  ngx_http_gateway_response_ratelimiting_by[] = {
    { ngx_string("consumer"), NGX_HTTP_GATEWAY_RESPONSE_CONSUMER },
    { ngx_string("credential"), NGX_HTTP_GATEWAY_RESPONSE_CREDENTIAL },
    { ngx_string("ip"), NGX_HTTP_GATEWAY_RESPONSE_IP },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_response_ratelimiting_policies[] = {
    { ngx_string("local"), NGX_HTTP_GATEWAY_RESPONSE_LOCAL },
    { ngx_string("redis"), NGX_HTTP_GATEWAY_RESPONSE_REDIS },
    { ngx_string("cluster"), NGX_HTTP_GATEWAY_RESPONSE_CLUSTER },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t
    ngx_http_gateway_response_ratelimiting_params[] =
{
    /* "limits.<name>.<period>" */
    { ngx_string("limits."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_response_ratelimiting_limit },

    { ngx_string("header_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_response_ratelimiting_conf_t, header_name),
      0, 0, NULL },

    { ngx_string("limit_by"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_response_ratelimiting_conf_t, limit_by), 0, 0,
      ngx_http_gateway_response_ratelimiting_by },

    { ngx_string("policy"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_response_ratelimiting_conf_t, policy), 0, 0,
      ngx_http_gateway_response_ratelimiting_policies },

    { ngx_string("fault_tolerant"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_response_ratelimiting_conf_t, fault_tolerant),
      0, 0, NULL },

    { ngx_string("hide_client_headers"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_response_ratelimiting_conf_t,
               hide_client_headers),
      0, 0, NULL },

    { ngx_string("block_on_first_violation"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_response_ratelimiting_conf_t,
               block_on_first_violation),
      0, 0, NULL },

    NGX_HTTP_GATEWAY_REDIS_PARAMS(
        ngx_http_gateway_response_ratelimiting_conf_t, redis),

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_response_ratelimiting = {
    ngx_string("response_ratelimiting"),
    900,
    0,

    sizeof(ngx_http_gateway_response_ratelimiting_conf_t),
    ngx_http_gateway_response_ratelimiting_params,
    ngx_http_gateway_response_ratelimiting_defaults,
    ngx_http_gateway_response_ratelimiting_check,

    ngx_http_gateway_response_ratelimiting_handler,
    ngx_http_gateway_response_ratelimiting_header,
    ngx_http_gateway_response_ratelimiting_body,
    ngx_http_gateway_response_ratelimiting_log,

    0
};


static ngx_command_t  ngx_http_gateway_response_ratelimiting_commands[] = {

    { ngx_string("gateway_response_ratelimiting"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_response_ratelimiting },

    { ngx_string("gateway_response_ratelimiting_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_gateway_response_ratelimiting_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_response_ratelimiting_main_conf_t, size),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_response_ratelimiting_module_ctx = {
    ngx_http_gateway_response_ratelimiting_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_response_ratelimiting_create_main_conf,
                                           /* create main configuration */
    ngx_http_gateway_response_ratelimiting_init_main_conf,
                                           /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_response_ratelimiting_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_response_ratelimiting_module_ctx, /* module context */
    ngx_http_gateway_response_ratelimiting_commands, /* module directives */
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


static ngx_int_t
ngx_http_gateway_response_ratelimiting_handler(ngx_http_request_t *r,
    void *arg)
{
    ngx_http_gateway_response_ratelimiting_conf_t  *conf = arg;

    ngx_int_t                                            rc;
    ngx_http_gateway_response_ratelimiting_data_t       *data;
    ngx_http_gateway_response_ratelimiting_main_conf_t  *mcf;

    data = ngx_http_gateway_get_data(r,
                                     &ngx_http_gateway_response_ratelimiting);
    if (data == NULL) {
        data = ngx_http_gateway_response_ratelimiting_begin(r, conf);
        if (data == NULL) {
            return NGX_ERROR;
        }
    }

    if (conf->policy == NGX_HTTP_GATEWAY_RESPONSE_LOCAL) {
        mcf = ngx_http_get_module_main_conf(r,
                                ngx_http_gateway_response_ratelimiting_module);

        rc = ngx_http_gateway_response_ratelimiting_local(conf, mcf, data);

    } else {
        rc = ngx_http_gateway_response_ratelimiting_redis(r, conf, data);
    }

    switch (rc) {

    case NGX_OK:
        return ngx_http_gateway_response_ratelimiting_admit(r, conf, data);

    case NGX_BUSY:
        return ngx_http_gateway_response_ratelimiting_failed(r, conf);

    default:
        return rc;
    }
}


static ngx_http_gateway_response_ratelimiting_data_t *
ngx_http_gateway_response_ratelimiting_begin(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf)
{
    ngx_http_gateway_response_ratelimiting_data_t  *data;

    data = ngx_http_gateway_add_data(r,
                       &ngx_http_gateway_response_ratelimiting,
                       sizeof(ngx_http_gateway_response_ratelimiting_data_t)
                       + (conf->n + conf->limits->nelts) * sizeof(int64_t));
    if (data == NULL) {
        return NULL;
    }

    data->state = NGX_HTTP_GATEWAY_RESPONSE_NEW;
    data->used = (int64_t *) (data + 1);
    data->announced = data->used + conf->n;
    data->n = conf->n;
    data->known = 0;
    data->stopped = 0;

    ngx_memzero(data->announced, conf->limits->nelts * sizeof(int64_t));

    ngx_http_gateway_windows(ngx_time(), data->start);
    ngx_http_gateway_response_ratelimiting_identify(r, conf, data);

    return data;
}


static void
ngx_http_gateway_response_ratelimiting_identify(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data)
{
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    if (conf->limit_by == NGX_HTTP_GATEWAY_RESPONSE_CONSUMER && ctx->consumer)
    {
        data->kind = NGX_HTTP_GATEWAY_RESPONSE_CONSUMER;
        data->id = ctx->consumer->id;

    } else if (conf->limit_by != NGX_HTTP_GATEWAY_RESPONSE_IP
               && ctx->credential)
    {
        data->kind = NGX_HTTP_GATEWAY_RESPONSE_CREDENTIAL;
        data->id = ctx->credential->id;

    } else {

        /* what the realip module has found, if it is in use */

        data->kind = NGX_HTTP_GATEWAY_RESPONSE_IP;
        data->id = r->connection->addr_text;
    }
}


/* tells the upstream what is left of each limit, unless it is not asked */

static ngx_int_t
ngx_http_gateway_response_ratelimiting_admit(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data)
{
    int64_t                             least, remaining, *used;
    ngx_str_t                           value;
    uint32_t                            less;
    ngx_uint_t                          i, k;
    ngx_http_gateway_response_limit_t  *limit;

    limit = conf->limits->elts;
    used = data->used;

    for (i = 0; i < conf->limits->nelts; i++) {

        least = 0;
        less = 0;

        for (k = 0; k < limit[i].n; k++) {
            remaining = limit[i].windows[k].limit - *used++;

            if (k == 0 || remaining < least
                || (remaining == least && limit[i].windows[k].less > less))
            {
                least = remaining;
                less = limit[i].windows[k].less;
            }
        }

        /* Kong lets requests pass again once a limit was overshot */

        if (conf->block_on_first_violation && least <= 0) {
            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "response_ratelimiting: limit exceeded");

            ngx_http_gateway_metrics_request(r,
                                     NGX_HTTP_GATEWAY_RESPONSE_IS_REJECTED);

            return ngx_http_gateway_error(r, 429, &limit[i].message);
        }

        if (ngx_http_gateway_response_ratelimiting_number(r->pool, least,
                                                          less, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_gateway_header_in_set(r, &limit[i].upstream_header,
                                           &limit[i].upstream_lowcase, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    data->known = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_ratelimiting_failed(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf)
{
    ngx_uint_t                                           level;
    ngx_http_gateway_response_ratelimiting_main_conf_t  *mcf;

    static ngx_str_t  unexpected = ngx_string("An unexpected error occurred");

    mcf = ngx_http_get_module_main_conf(r,
                                ngx_http_gateway_response_ratelimiting_module);

    if (mcf->logged == 0
        || ngx_time() - mcf->logged >= NGX_HTTP_GATEWAY_RESPONSE_REPEAT)
    {
        mcf->logged = ngx_time();
        level = conf->fault_tolerant ? NGX_LOG_WARN : NGX_LOG_ERR;

        ngx_log_error(level, r->connection->log, 0,
                      "response_ratelimiting: the counters cannot be had, "
                      "requests %s",
                      conf->fault_tolerant ? "pass without limit" : "fail");
    }

    ngx_http_gateway_metrics_request(r, NGX_HTTP_GATEWAY_RESPONSE_IS_FAILED);

    if (conf->fault_tolerant) {
        return NGX_OK;
    }

    return ngx_http_gateway_exit_message(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                         &unexpected);
}


static ngx_int_t
ngx_http_gateway_response_ratelimiting_header(ngx_http_request_t *r,
    void *arg)
{
    ngx_http_gateway_response_ratelimiting_conf_t  *conf = arg;

    int64_t                                         remaining, *used;
    ngx_uint_t                                      i, k, stop;
    ngx_http_gateway_response_limit_t              *limit;
    ngx_http_gateway_response_ratelimiting_data_t  *data;

    data = ngx_http_gateway_get_data(r,
                                     &ngx_http_gateway_response_ratelimiting);

    if (data && data->known) {
        ngx_http_gateway_response_ratelimiting_announced(r, conf, data);
    }

    /* it is between us and the upstream, even when it is not counted */

    ngx_http_gateway_header_out_remove(r, &conf->header_name);

    if (data == NULL || !data->known) {
        return NGX_OK;
    }

    limit = conf->limits->elts;
    used = data->used;
    stop = 0;

    for (i = 0; i < conf->limits->nelts; i++) {

        for (k = 0; k < limit[i].n; k++) {
            remaining = limit[i].windows[k].limit - *used++;

            if (data->announced[i] && remaining <= 0) {
                stop = 1;
            }

            if (!conf->hide_client_headers
                && ngx_http_gateway_response_ratelimiting_show(r,
                                             &limit[i].windows[k],
                                             remaining - data->announced[i])
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    ngx_http_gateway_metrics_request(r, stop
                           ? NGX_HTTP_GATEWAY_RESPONSE_IS_RESPONSE_REJECTED
                           : NGX_HTTP_GATEWAY_RESPONSE_IS_PASSED);

    if (stop) {
        data->stopped = 1;
        ngx_http_gateway_response_ratelimiting_refuse(r);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_response_ratelimiting_announced(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash == 0
            || h[i].key.len != conf->header_name.len
            || ngx_strncasecmp(h[i].key.data, conf->header_name.data,
                               conf->header_name.len)
               != 0)
        {
            continue;
        }

        ngx_http_gateway_response_ratelimiting_parse(conf, data, &h[i].value);
    }
}


/*
 * "video=2, image=1".  What is malformed, or names no limit, is skipped; of
 * a name that comes twice the last one counts.
 */

static void
ngx_http_gateway_response_ratelimiting_parse(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data, ngx_str_t *value)
{
    u_char                             *p, *last, *end, *equals;
    off_t                               n;
    ngx_str_t                           name, number;
    ngx_uint_t                          i;
    ngx_http_gateway_response_limit_t  *limit;

    limit = conf->limits->elts;
    p = value->data;
    last = p + value->len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        equals = ngx_strlchr(p, end, '=');
        if (equals == NULL) {
            continue;
        }

        name.data = p;
        name.len = equals - p;
        number.data = equals + 1;
        number.len = end - number.data;

        while (name.len && *name.data == ' ') {
            name.data++;
            name.len--;
        }

        while (name.len && name.data[name.len - 1] == ' ') {
            name.len--;
        }

        while (number.len && *number.data == ' ') {
            number.data++;
            number.len--;
        }

        while (number.len && number.data[number.len - 1] == ' ') {
            number.len--;
        }

        n = ngx_atoof(number.data, number.len);
        if (n == NGX_ERROR) {
            continue;
        }

        for (i = 0; i < conf->limits->nelts; i++) {

            if (limit[i].name.len == name.len
                && ngx_memcmp(limit[i].name.data, name.data, name.len) == 0)
            {
                data->announced[i] = ngx_min(n,
                                             NGX_HTTP_GATEWAY_RESPONSE_MOST);
                break;
            }
        }
    }
}


static ngx_int_t
ngx_http_gateway_response_ratelimiting_show(ngx_http_request_t *r,
    ngx_http_gateway_response_window_t *window, int64_t remaining)
{
    ngx_str_t  value;

    if (ngx_http_gateway_response_ratelimiting_number(r->pool,
                                        ngx_max(remaining, 0),
                                        remaining > 0 ? window->less : 0,
                                        &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the upstream does not speak for us */

    ngx_http_gateway_header_out_remove(r, &window->limit_header);
    ngx_http_gateway_header_out_remove(r, &window->remaining_header);

    if (ngx_http_gateway_header_out_add(r, &window->limit_header,
                                        &window->text)
        == NULL
        || ngx_http_gateway_header_out_add(r, &window->remaining_header,
                                           &value)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* n, less so many millionths */

static ngx_int_t
ngx_http_gateway_response_ratelimiting_number(ngx_pool_t *pool, int64_t n,
    uint32_t less, ngx_str_t *text)
{
    u_char  *p;

    text->data = ngx_pnalloc(pool, NGX_INT64_LEN + sizeof("-.123456") - 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = text->data;

    if (less == 0) {
        p = ngx_sprintf(p, "%L", n);

    } else {
        p = (n > 0) ? ngx_sprintf(p, "%L.%06uD", n - 1, 1000000 - less)
                    : ngx_sprintf(p, "-%L.%06uD", -n, less);

        while (p[-1] == '0') {
            p--;
        }
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* 429 without a body, in place of what the upstream sent */

static void
ngx_http_gateway_response_ratelimiting_refuse(ngx_http_request_t *r)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "response_ratelimiting: limit exceeded");

    r->headers_out.status = 429;
    ngx_str_null(&r->headers_out.status_line);

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    r->headers_out.content_length_n = 0;
    ngx_str_null(&r->headers_out.content_type);
    r->headers_out.content_type_len = 0;

    if (r->headers_out.content_encoding) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }

    r->allow_ranges = 0;
}


static ngx_int_t
ngx_http_gateway_response_ratelimiting_body(ngx_http_request_t *r, void *arg,
    ngx_chain_t **in)
{
    ngx_uint_t                                      last;
    ngx_chain_t                                    *cl;
    ngx_http_gateway_response_ratelimiting_data_t  *data;

    data = ngx_http_gateway_get_data(r,
                                     &ngx_http_gateway_response_ratelimiting);

    if (data == NULL || !data->stopped) {
        return NGX_OK;
    }

    /* the upstream is read to its end, so that its connection is kept */

    last = 0;

    for (cl = *in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
        last |= cl->buf->last_buf;
    }

    *in = NULL;

    if (!last) {
        return NGX_OK;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = ngx_calloc_buf(r->pool);
    if (cl->buf == NULL) {
        return NGX_ERROR;
    }

    cl->buf->last_buf = 1;
    cl->buf->last_in_chain = 1;
    cl->next = NULL;

    *in = cl;

    return NGX_OK;
}


static void
ngx_http_gateway_response_ratelimiting_log(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_response_ratelimiting_conf_t  *conf = arg;

    ngx_uint_t                                           i;
    ngx_http_gateway_response_ratelimiting_data_t       *data;
    ngx_http_gateway_response_ratelimiting_main_conf_t  *mcf;

    data = ngx_http_gateway_get_data(r,
                                     &ngx_http_gateway_response_ratelimiting);

    if (data == NULL || data->stopped) {
        return;
    }

    for (i = 0; i < conf->limits->nelts; i++) {
        if (data->announced[i]) {
            break;
        }
    }

    if (i == conf->limits->nelts) {
        return;
    }

    if (conf->policy != NGX_HTTP_GATEWAY_RESPONSE_LOCAL) {
        ngx_http_gateway_response_ratelimiting_redis_count(r, conf, data);
        return;
    }

    mcf = ngx_http_get_module_main_conf(r,
                                ngx_http_gateway_response_ratelimiting_module);

    ngx_http_gateway_response_ratelimiting_local_count(conf, mcf, data);
}


static void
ngx_http_gateway_response_ratelimiting_defaults(void *arg)
{
    ngx_http_gateway_response_ratelimiting_conf_t  *conf = arg;

    ngx_str_set(&conf->header_name, "x-kong-limit");
    conf->limit_by = NGX_HTTP_GATEWAY_RESPONSE_CONSUMER;
    conf->policy = NGX_HTTP_GATEWAY_RESPONSE_LOCAL;
    conf->fault_tolerant = 1;

    ngx_http_gateway_redis_defaults(&conf->redis);
}


static char *
ngx_http_gateway_response_ratelimiting_limit(ngx_conf_t *cf, void *arg,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_response_ratelimiting_conf_t  *conf = arg;

    u_char                             *dot, *last, *p, c;
    off_t                               n;
    uint32_t                            part, weight;
    ngx_str_t                           limit_name, period;
    ngx_uint_t                          i;
    ngx_http_gateway_response_limit_t  *limit;

    limit_name.data = name->data + sizeof("limits.") - 1;
    last = name->data + name->len;

    for (dot = last - 1; dot > limit_name.data && *dot != '.'; dot--) {
        /* void */
    }

    if (dot <= limit_name.data) {
        return "expected \"limits.<name>.<period>=<number>\"";
    }

    limit_name.len = dot - limit_name.data;
    period.data = dot + 1;
    period.len = last - period.data;

    /* it stands in names of headers */

    for (i = 0; i < limit_name.len; i++) {
        c = limit_name.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || c == '-' || c == '_'
              || c == '.'))
        {
            return "names of limits consist of letters, digits, \"-\", "
                   "\"_\" and \".\"";
        }
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_PERIODS; i++) {

        if (ngx_strlen(ngx_http_gateway_periods[i].name) == period.len
            && ngx_memcmp(ngx_http_gateway_periods[i].name, period.data,
                          period.len)
               == 0)
        {
            break;
        }
    }

    if (i == NGX_HTTP_GATEWAY_PERIODS) {
        return "the period must be second, minute, hour, day, month or year";
    }

    /* six digits behind the point count */

    for (dot = value->data; dot < value->data + value->len; dot++) {
        if (*dot == '.') {
            break;
        }
    }

    n = ngx_atoof(value->data, dot - value->data);
    last = value->data + value->len;
    part = 0;
    weight = 100000;

    for (p = dot + 1; p < last && n != NGX_ERROR; p++) {

        if (*p < '0' || *p > '9') {
            n = NGX_ERROR;
        }

        part += (uint32_t) (*p - '0') * weight;
        weight /= 10;
    }

    if (n == NGX_ERROR || (n == 0 && part == 0)
        || n >= NGX_HTTP_GATEWAY_RESPONSE_MOST + (part == 0))
    {
        return "expected a number above 0";
    }

    limit = ngx_http_gateway_response_ratelimiting_named(cf, conf,
                                                         &limit_name);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    if (limit->values[i] > 0) {
        return "is duplicate";
    }

    limit->values[i] = (double) n + part / 1e6;
    limit->less[i] = part ? 1000000 - part : 0;

    return NGX_CONF_OK;
}


/* the limit of that name, made when it is new */

static ngx_http_gateway_response_limit_t *
ngx_http_gateway_response_ratelimiting_named(ngx_conf_t *cf,
    ngx_http_gateway_response_ratelimiting_conf_t *conf, ngx_str_t *name)
{
    ngx_uint_t                          i;
    ngx_http_gateway_response_limit_t  *limit;

    if (conf->limits == NULL) {
        conf->limits = ngx_array_create(cf->pool, 2,
                                    sizeof(ngx_http_gateway_response_limit_t));
        if (conf->limits == NULL) {
            return NULL;
        }
    }

    limit = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (limit[i].name.len == name->len
            && ngx_memcmp(limit[i].name.data, name->data, name->len) == 0)
        {
            return &limit[i];
        }
    }

    limit = ngx_array_push(conf->limits);
    if (limit == NULL) {
        return NULL;
    }

    ngx_memzero(limit, sizeof(ngx_http_gateway_response_limit_t));
    limit->name = *name;

    return limit;
}


static char *
ngx_http_gateway_response_ratelimiting_check(ngx_conf_t *cf, void *arg)
{
    ngx_http_gateway_response_ratelimiting_conf_t  *conf = arg;

    ngx_uint_t                          i;
    ngx_http_gateway_response_limit_t  *limit;

    if (ngx_http_gateway_metrics_set_add(cf,
                                         &ngx_http_gateway_metrics_limits)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->limits == NULL) {
        return "needs at least one \"limits.<name>.<period>\"";
    }

    if (conf->header_name.len == 0) {
        return "has an empty \"header_name\"";
    }

    limit = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (ngx_http_gateway_response_ratelimiting_check_limit(cf, &limit[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        conf->n += limit[i].n;
    }

    return ngx_http_gateway_response_ratelimiting_check_policy(cf, conf);
}


static char *
ngx_http_gateway_response_ratelimiting_check_limit(ngx_conf_t *cf,
    ngx_http_gateway_response_limit_t *limit)
{
    ngx_uint_t                           i, k;
    ngx_http_gateway_response_window_t  *window;

    for (i = 0; i < NGX_HTTP_GATEWAY_PERIODS; i++) {

        if (limit->values[i] <= 0) {
            continue;
        }

        for (k = 0; k < i; k++) {

            if (limit->values[k] > limit->values[i]) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "The limit for %s(%.1f) cannot be lower "
                                   "than the limit for %s(%.1f)",
                                   ngx_http_gateway_periods[i].name,
                                   limit->values[i],
                                   ngx_http_gateway_periods[k].name,
                                   limit->values[k]);
                return NGX_CONF_ERROR;
            }
        }

        window = &limit->windows[limit->n++];

        window->period = i;
        window->limit = (int64_t) ceil(limit->values[i]);
        window->less = limit->less[i];
        limit->ttl = ngx_http_gateway_periods[i].longest;

        if (ngx_http_gateway_response_ratelimiting_number(cf->pool,
                                                          window->limit,
                                                          window->less,
                                                          &window->text)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_response_ratelimiting_text(cf,
                        &window->limit_header, "X-RateLimit-Limit-",
                        &limit->name, "-", ngx_http_gateway_periods[i].name)
            != NGX_OK
            || ngx_http_gateway_response_ratelimiting_text(cf,
                        &window->remaining_header, "X-RateLimit-Remaining-",
                        &limit->name, "-", ngx_http_gateway_periods[i].name)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_gateway_response_ratelimiting_text(cf,
                        &limit->upstream_header, "X-RateLimit-Remaining-",
                        &limit->name, "", "")
        != NGX_OK
        || ngx_http_gateway_response_ratelimiting_text(cf, &limit->message,
                        "API rate limit exceeded for '", &limit->name, "'", "")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    limit->upstream_lowcase.len = limit->upstream_header.len;
    limit->upstream_lowcase.data = ngx_pnalloc(cf->pool,
                                               limit->upstream_header.len);
    if (limit->upstream_lowcase.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(limit->upstream_lowcase.data, limit->upstream_header.data,
               limit->upstream_header.len);

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_response_ratelimiting_check_policy(ngx_conf_t *cf,
    ngx_http_gateway_response_ratelimiting_conf_t *conf)
{
    ngx_http_gateway_response_ratelimiting_main_conf_t  *mcf;

    if (conf->policy == NGX_HTTP_GATEWAY_RESPONSE_LOCAL) {
        mcf = ngx_http_conf_get_module_main_conf(cf,
                                ngx_http_gateway_response_ratelimiting_module);
        mcf->used = 1;

        return NGX_CONF_OK;
    }

    if (!ngx_http_gateway_redis_given(&conf->redis)) {
        return conf->policy == NGX_HTTP_GATEWAY_RESPONSE_REDIS
               ? "needs \"redis.host\" with \"policy=redis\""
               : "has no database for \"policy=cluster\": counters can be in "
                 "Redis, which needs \"redis.host\"";
    }

    if (conf->policy == NGX_HTTP_GATEWAY_RESPONSE_CLUSTER) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "there is no database for \"policy=cluster\", "
                           "counters are in Redis as with \"policy=redis\"");
        conf->policy = NGX_HTTP_GATEWAY_RESPONSE_REDIS;
    }

    conf->server = ngx_http_gateway_redis_add(cf, &conf->redis);

    return conf->server ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_gateway_response_ratelimiting_text(ngx_conf_t *cf, ngx_str_t *text,
    const char *prefix, ngx_str_t *name, const char *dash, const char *suffix)
{
    text->len = ngx_strlen(prefix) + name->len + ngx_strlen(dash)
                + ngx_strlen(suffix);

    text->data = ngx_pnalloc(cf->pool, text->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(text->data, "%s%V%s%s", prefix, name, dash, suffix);

    return NGX_OK;
}


static char *
ngx_http_gateway_response_ratelimiting_zone(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_response_ratelimiting_main_conf_t  *mcf = conf;

    char  *rv;

    rv = ngx_http_gateway_shm_size_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_gateway_counts_params(cf, &mcf->counts, 2);
}


static ngx_int_t
ngx_http_gateway_response_ratelimiting_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                     &ngx_http_gateway_response_ratelimiting);
}


static void *
ngx_http_gateway_response_ratelimiting_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     mcf->shm = NULL;
     *     mcf->size = 0;
     *     mcf->counts = { { 0, NULL }, 0 };
     *     mcf->used = 0;
     *     mcf->logged = 0;
     */

    return ngx_pcalloc(cf->pool,
                   sizeof(ngx_http_gateway_response_ratelimiting_main_conf_t));
}


static char *
ngx_http_gateway_response_ratelimiting_init_main_conf(ngx_conf_t *cf,
    void *conf)
{
    ngx_http_gateway_response_ratelimiting_main_conf_t  *mcf = conf;

    if (!mcf->used) {
        return NGX_CONF_OK;
    }

    return ngx_http_gateway_response_ratelimiting_local_zone(cf, mcf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}
