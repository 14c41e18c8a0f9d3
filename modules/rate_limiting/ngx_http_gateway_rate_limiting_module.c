
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits requests per second, minute, hour, day, month and year in fixed
 * windows of the UTC calendar, in the access step of the chain.  Counters are
 * in shared memory (_local.c), which costs one lookup per request, or in
 * Redis (_redis.c), which costs a question to it; _headers.c says in the
 * response what is left.  When the counters cannot be had, the request passes
 * without headers, or gets 500 with fault_tolerant=off.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_rate_limiting.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_windows.h"
#include "gateway_template.h"


/* a period without a limit; no parameter has so many digits */
#define NGX_HTTP_GATEWAY_RATE_UNSET     -1.0e18


static ngx_int_t ngx_http_gateway_rate_limiting_handler(
    ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_rate_limiting_others(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
static ngx_int_t ngx_http_gateway_rate_limiting_refuse(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_data_t *data, const char *why);
static ngx_http_gateway_group_t *ngx_http_gateway_rate_limiting_group(
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_rate_limiting_conf_t *conf);

static void ngx_http_gateway_rate_limiting_is(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t status);

static void ngx_http_gateway_rate_limiting_defaults(void *data);
static char *ngx_http_gateway_rate_limiting_check(ngx_conf_t *cf,
    void *data);
static char *ngx_http_gateway_rate_limiting_check_order(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_check_policy(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_zone(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_rate_limiting_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_rate_limiting_preconfiguration(
    ngx_conf_t *cf);
static void *ngx_http_gateway_rate_limiting_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_rate_limiting_init_main_conf(ngx_conf_t *cf,
    void *conf);


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_by[] = {
    { ngx_string("consumer"), NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER },
    { ngx_string("credential"), NGX_HTTP_GATEWAY_RATE_LIMITING_CREDENTIAL },
    { ngx_string("ip"), NGX_HTTP_GATEWAY_RATE_LIMITING_IP },
    { ngx_string("service"), NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE },
    { ngx_string("header"), NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER },
    { ngx_string("path"), NGX_HTTP_GATEWAY_RATE_LIMITING_PATH },
    { ngx_string("consumer-group"), NGX_HTTP_GATEWAY_RATE_LIMITING_GROUP },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_policies[] = {
    { ngx_string("local"), NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL },
    { ngx_string("redis"), NGX_HTTP_GATEWAY_RATE_LIMITING_REDIS },
    { ngx_string("cluster"), NGX_HTTP_GATEWAY_RATE_LIMITING_CLUSTER },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_window_types[] = {
    { ngx_string("fixed"), NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED },
    { ngx_string("sliding"), NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_algorithms[] = {
    { ngx_string("window"), NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED },
    { ngx_string("gcra"), NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_fallbacks[] = {
    { ngx_string("none"), NGX_HTTP_GATEWAY_RATE_LIMITING_NONE },
    { ngx_string("local"), NGX_HTTP_GATEWAY_RATE_LIMITING_HERE },
    { ngx_null_string, 0 }
};


#define ngx_http_gateway_rate_limiting_limit(n)                               \
    NGX_HTTP_GATEWAY_PARAM_NUMBER,                                            \
    offsetof(ngx_http_gateway_rate_limiting_conf_t, rule.values)              \
        + (n) * sizeof(double), 0, 0, NULL


static ngx_http_gateway_param_t  ngx_http_gateway_rate_limiting_params[] = {

    { ngx_string("second"), ngx_http_gateway_rate_limiting_limit(0) },
    { ngx_string("minute"), ngx_http_gateway_rate_limiting_limit(1) },
    { ngx_string("hour"), ngx_http_gateway_rate_limiting_limit(2) },
    { ngx_string("day"), ngx_http_gateway_rate_limiting_limit(3) },
    { ngx_string("month"), ngx_http_gateway_rate_limiting_limit(4) },
    { ngx_string("year"), ngx_http_gateway_rate_limiting_limit(5) },

    { ngx_string("limit_by"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, rule.key.limit_by), 0, 0,
      ngx_http_gateway_rate_limiting_by },

    { ngx_string("header_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, rule.key.header_name), 0,
      0, NULL },

    { ngx_string("path"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, rule.key.path), 0, 0,
      NULL },

    { ngx_string("policy"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, policy), 0, 0,
      ngx_http_gateway_rate_limiting_policies },

    { ngx_string("fault_tolerant"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, fault_tolerant), 0, 0,
      NULL },

    { ngx_string("hide_client_headers"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, hide_client_headers),
      0, 0, NULL },

    { ngx_string("error_code"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, error_code), 200, 599,
      NULL },

    { ngx_string("error_message"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, error_message), 0, 0,
      NULL },

    { ngx_string("sync_rate"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, sync_rate), 0, 0,
      NULL },

    { ngx_string("fallback"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, fallback), 0, 0,
      ngx_http_gateway_rate_limiting_fallbacks },

    { ngx_string("window_type"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, rule.window_type), 0, 0,
      ngx_http_gateway_rate_limiting_window_types },

    { ngx_string("algorithm"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, rule.algorithm), 0, 0,
      ngx_http_gateway_rate_limiting_algorithms },

    { ngx_string("burst"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, rule.burst),
      1, 1000000000, NULL },

    { ngx_string("limits."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      (void *) ngx_http_gateway_rate_limiting_more_param },

    { ngx_string("cost"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, cost), 0, 0, NULL },

    { ngx_string("concurrency"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, concurrency),
      1, 1000000000, NULL },

    { ngx_string("dry_run"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, dry_run), 0, 0, NULL },

    { ngx_string("ietf_headers"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, ietf_headers), 0, 0,
      NULL },

    NGX_HTTP_GATEWAY_REDIS_PARAMS(ngx_http_gateway_rate_limiting_conf_t,
                                  redis),

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


ngx_http_gateway_policy_t  ngx_http_gateway_rate_limiting = {
    ngx_string("rate_limiting"),
    910,
    0,

    sizeof(ngx_http_gateway_rate_limiting_conf_t),
    ngx_http_gateway_rate_limiting_params,
    ngx_http_gateway_rate_limiting_defaults,
    ngx_http_gateway_rate_limiting_check,

    ngx_http_gateway_rate_limiting_handler,
    ngx_http_gateway_rate_limiting_header,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_rate_limiting_commands[] = {

    { ngx_string("gateway_rate_limiting"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_rate_limiting },

    { ngx_string("gateway_rate_limiting_advanced"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_rate_limiting_advanced },

    { ngx_string("gateway_service_protection"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_service_protection },

    { ngx_string("gateway_rate_limiting_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_gateway_rate_limiting_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_variable_t  ngx_http_gateway_rate_limiting_vars[] = {

    { ngx_string("gateway_rate_limiting_status"), NULL,
      ngx_http_gateway_rate_limiting_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_rate_limiting_advanced_status"), NULL,
      ngx_http_gateway_rate_limiting_variable, 1,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_service_protection_status"), NULL,
      ngx_http_gateway_rate_limiting_variable, 2,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_http_module_t  ngx_http_gateway_rate_limiting_module_ctx = {
    ngx_http_gateway_rate_limiting_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_rate_limiting_create_main_conf,
                                           /* create main configuration */
    ngx_http_gateway_rate_limiting_init_main_conf,
                                           /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_rate_limiting_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_rate_limiting_module_ctx, /* module context */
    ngx_http_gateway_rate_limiting_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_rate_limiting_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_rate_limiting_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = data;

    uint32_t    used[NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t  stop;

    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r,
                                        ngx_http_gateway_rate_limiting_module);

    if (!conf->plain) {
        return ngx_http_gateway_rate_limiting_others(r, conf, mcf);
    }

    if (mcf->now != ngx_time()) {
        ngx_http_gateway_rate_limiting_windows(mcf, ngx_time());
    }

    if (ngx_http_gateway_rate_limiting_local(r, conf, mcf, used, &stop)
        != NGX_OK)
    {
        return ngx_http_gateway_rate_limiting_failed(r, conf, mcf,
                                "a process hangs with the lock of the "
                                "counters");
    }

    return ngx_http_gateway_rate_limiting_decided(r, conf, mcf, used, stop);
}


/* counters in Redis, other algorithms, requests at a time */

static ngx_int_t
ngx_http_gateway_rate_limiting_others(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_int_t                               rc;
    ngx_uint_t                              stop;
    ngx_http_gateway_rate_limiting_data_t  *data;

    data = ngx_http_gateway_rate_limiting_data(r, conf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (conf->concurrency && !data->entered) {

        rc = ngx_http_gateway_rate_limiting_enter(r, conf, mcf);

        if (rc == NGX_DECLINED) {
            return ngx_http_gateway_rate_limiting_refuse(r, conf, data,
                                            "too many requests at a time");
        }

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR
                   : ngx_http_gateway_rate_limiting_failed(r, conf, mcf,
                                "a process hangs with the lock of the "
                                "counters");
        }

        data->entered = 1;
    }

    if (conf->n == 0 && conf->more == NULL) {
        ngx_http_gateway_rate_limiting_is(r, conf, data,
                                      NGX_HTTP_GATEWAY_RATE_LIMITING_PASSED);
        return NGX_OK;
    }

    rc = ngx_http_gateway_rate_limiting_ask_store(r, conf, mcf, data, &stop);

    switch (rc) {

    case NGX_OK:
        return ngx_http_gateway_rate_limiting_decided(r, conf, mcf,
                                                      data->used, stop);

    case NGX_BUSY:
        return ngx_http_gateway_rate_limiting_failed(r, conf, mcf,
                        conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL
                        ? "a process hangs with the lock of the counters"
                        : "Redis gives no count, see \"redis:\" in the log");

    default:
        return rc;
    }
}


ngx_int_t
ngx_http_gateway_rate_limiting_ask_store(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop)
{
    ngx_int_t  rc;

    if (conf->more) {
        rc = ngx_http_gateway_rate_limiting_more(r, conf, mcf, data, stop);

        if (rc == NGX_BUSY
            && conf->fallback == NGX_HTTP_GATEWAY_RATE_LIMITING_HERE)
        {
            rc = ngx_http_gateway_rate_limiting_more_alone(r, conf, mcf, data,
                                                           stop);
        }

        return rc;
    }

    if (conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL) {

        if (mcf->now != ngx_time()) {
            ngx_http_gateway_rate_limiting_windows(mcf, ngx_time());
        }

        return ngx_http_gateway_rate_limiting_local(r, conf, mcf, data->used,
                                                    stop);
    }

    if (conf->sync_rate == -1) {
        rc = ngx_http_gateway_rate_limiting_redis(r, conf, mcf, data, stop);

    } else {
        rc = ngx_http_gateway_rate_limiting_synced(r, conf, mcf, data, stop);
    }

    if (rc == NGX_BUSY
        && conf->fallback == NGX_HTTP_GATEWAY_RATE_LIMITING_HERE)
    {
        rc = ngx_http_gateway_rate_limiting_alone(r, conf, mcf, data, stop);
    }

    return rc;
}


ngx_int_t
ngx_http_gateway_rate_limiting_decided(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t stop)
{
    ngx_http_gateway_rate_limiting_data_t  *data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "rate_limiting: stop:%ui", stop);

    if (conf->hide_client_headers || conf->dry_run) {
        data = ngx_http_gateway_rate_limiting_data(r, conf);
        if (data == NULL) {
            return NGX_ERROR;
        }

    } else {
        data = ngx_http_gateway_rate_limiting_keep(r, conf, mcf, used, stop);
        if (data == NULL) {
            return NGX_ERROR;
        }

        data->shown = 1;
    }

    if (!stop) {
        ngx_http_gateway_rate_limiting_is(r, conf, data,
                                      NGX_HTTP_GATEWAY_RATE_LIMITING_PASSED);
        return NGX_OK;
    }

    return ngx_http_gateway_rate_limiting_refuse(r, conf, data,
                                                 "limit exceeded");
}


static ngx_int_t
ngx_http_gateway_rate_limiting_refuse(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_data_t *data, const char *why)
{
    if (conf->dry_run) {
        ngx_http_gateway_rate_limiting_is(r, conf, data,
                                     NGX_HTTP_GATEWAY_RATE_LIMITING_DRY_RUN);

        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "rate_limiting: %s, dry run", why);
        return NGX_OK;
    }

    ngx_http_gateway_rate_limiting_is(r, conf, data,
                                      NGX_HTTP_GATEWAY_RATE_LIMITING_REFUSED);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "rate_limiting: %s", why);

    return ngx_http_gateway_error(r, conf->error_code, &conf->error_message);
}


/* what became of the request */

static void
ngx_http_gateway_rate_limiting_is(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t status)
{
    data->status = status;

    ngx_http_gateway_metrics_request(r, conf->metrics + status
                                     - NGX_HTTP_GATEWAY_RATE_LIMITING_PASSED);
}


ngx_uint_t
ngx_http_gateway_rate_limiting_identifier(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_key_t *key, ngx_uint_t text,
    ngx_str_t *id)
{
    struct sockaddr           *sa;
    ngx_table_elt_t           *h;
    struct sockaddr_in        *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6       *sin6;
#endif
    ngx_http_gateway_ctx_t    *ctx;
    ngx_http_gateway_group_t  *group;

    ctx = ngx_http_gateway_get_ctx(r);

    switch (key->limit_by) {

    case NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER:

        if (ctx->consumer) {
            *id = ctx->consumer->id;
            return 1;
        }

        /* fall through */

    case NGX_HTTP_GATEWAY_RATE_LIMITING_CREDENTIAL:

        if (ctx->credential) {
            *id = ctx->credential->id;
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE:

        if (ctx->service) {
            *id = ctx->service->id;
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER:

        h = ngx_http_gateway_header_in(r, &key->header_lowcase, 0);

        if (h) {
            *id = h->value;
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_PATH:

        /* outside of routes there is only nginx's own form */

        *id = ctx->path.len ? ctx->path : r->uri;

        if (id->len == key->path.len
            && ngx_memcmp(id->data, key->path.data, id->len) == 0)
        {
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_GROUP:

        group = ngx_http_gateway_rate_limiting_group(ctx, conf);

        if (group) {
            *id = group->id;
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_ROUTE:

        if (ctx->route) {
            *id = ctx->route->id;
            return 1;
        }

        break;
    }

    /* what the realip module has found, if it is in use */

    if (text) {
        *id = r->connection->addr_text;
        return 0;
    }

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        id->len = sizeof(sin->sin_addr);
        id->data = (u_char *) &sin->sin_addr;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        id->len = sizeof(sin6->sin6_addr);
        id->data = (u_char *) &sin6->sin6_addr;
        break;
#endif

    default:
        ngx_str_set(id, "unix:");
        break;
    }

    return 0;
}


/* the consumer group that brought the instance, else the consumer's first */

static ngx_http_gateway_group_t *
ngx_http_gateway_rate_limiting_group(ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_uint_t                     i, k;
    ngx_array_t                   *own;
    ngx_http_gateway_group_t     **group;
    ngx_http_gateway_instance_t  **instance;

    if (ctx->consumer == NULL || ctx->consumer->groups == NULL
        || ctx->consumer->groups->nelts == 0)
    {
        return NULL;
    }

    group = ctx->consumer->groups->elts;

    for (i = 0; i < ctx->consumer->groups->nelts; i++) {

        own = group[i]->overrides
              ? group[i]->overrides[conf->instance.policy->index]
              : NULL;

        if (own == NULL) {
            continue;
        }

        instance = own->elts;

        for (k = 0; k < own->nelts; k++) {
            if (instance[k] == &conf->instance) {
                return group[i];
            }
        }
    }

    return group[0];
}


ngx_int_t
ngx_http_gateway_rate_limiting_failed(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, const char *why)
{
    ngx_uint_t                              level;
    ngx_http_gateway_rate_limiting_data_t  *data;

    static ngx_str_t  unexpected = ngx_string("An unexpected error occurred");

    if (mcf->logged == 0
        || ngx_time() - mcf->logged >= NGX_HTTP_GATEWAY_RATE_REPEAT)
    {
        mcf->logged = ngx_time();
        level = conf->fault_tolerant ? NGX_LOG_WARN : NGX_LOG_ERR;

        ngx_log_error(level, r->connection->log, 0,
                      "rate_limiting: %s, requests %s", why,
                      conf->fault_tolerant ? "pass without limit" : "fail");
    }

    data = ngx_http_gateway_rate_limiting_data(r, conf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_rate_limiting_is(r, conf, data,
                                      NGX_HTTP_GATEWAY_RATE_LIMITING_LOST);

    if (conf->fault_tolerant || conf->dry_run) {
        return NGX_OK;
    }

    return ngx_http_gateway_exit_message(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                         &unexpected);
}


ngx_http_gateway_rate_limiting_data_t *
ngx_http_gateway_rate_limiting_add(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_http_gateway_rate_limiting_data_t  *data;

    data = ngx_http_gateway_add_data(r, conf->instance.policy,
               offsetof(ngx_http_gateway_rate_limiting_data_t, text)
               + (conf->n + 2) * NGX_HTTP_GATEWAY_RATE_TEXT);

    if (data) {
        data->shown = 0;
        data->status = NGX_HTTP_GATEWAY_RATE_LIMITING_UNKNOWN;
        data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_NEW;
        data->entered = 0;
        data->waiting = 0;
        data->tries = 0;
        data->queued = NULL;
    }

    return data;
}


ngx_http_gateway_rate_limiting_data_t *
ngx_http_gateway_rate_limiting_data(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_http_gateway_rate_limiting_data_t  *data;

    data = ngx_http_gateway_get_data(r, conf->instance.policy);

    return data ? data : ngx_http_gateway_rate_limiting_add(r, conf);
}


static void
ngx_http_gateway_rate_limiting_defaults(void *data)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {
        conf->rule.values[i] = NGX_HTTP_GATEWAY_RATE_UNSET;
    }

    conf->rule.key.limit_by = NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER;
    conf->fault_tolerant = 1;
    conf->error_code = 429;
    ngx_str_set(&conf->error_message, "API rate limit exceeded");
    conf->sync_rate = -1;
    conf->metrics = NGX_HTTP_GATEWAY_METRICS_RATE_LIMITING;

    ngx_http_gateway_redis_defaults(&conf->redis);
}


static char *
ngx_http_gateway_rate_limiting_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = data;

    char                                        *rv;
    u_char                                      *p;
    ngx_uint_t                                   i;
    ngx_http_gateway_rate_limiting_limit_t      *limit;
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                        ngx_http_gateway_rate_limiting_module);

    if (ngx_http_gateway_metrics_set_add(cf,
                                         &ngx_http_gateway_metrics_limits)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_rate_limiting_check_order(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {

        if (conf->rule.values[i] == NGX_HTTP_GATEWAY_RATE_UNSET) {
            continue;
        }

        limit = &conf->limits[conf->n++];

        limit->period = i;
        limit->limit = conf->rule.values[i];

        /* requests are whole: with a limit of 0.5 the first one passes */

        limit->stop = limit->limit >= 4294967295.0
                      ? 0xffffffff
                      : (uint32_t) limit->limit
                        + (limit->limit > (uint32_t) limit->limit);

        p = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_RATE_TEXT);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_http_gateway_rate_limiting_number(p, limit->limit, &limit->text);

        conf->ttl = ngx_http_gateway_periods[i].longest;
    }

    if (conf->n == 0 && conf->rules == NULL && conf->concurrency == 0) {
        return "needs at least one of \"second\", \"minute\", \"hour\", "
               "\"day\", \"month\", \"year\"";
    }

    rv = ngx_http_gateway_rate_limiting_check_key(cf, &conf->rule.key);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_rate_limiting_check_policy(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_rate_limiting_more_check(cf, conf, mcf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (conf->sync && conf->more) {
        mcf->more_synced.used = 1;

    } else if (conf->sync) {
        mcf->synced.used = 1;
    }

    conf->plain = (conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL
                   && conf->more == NULL && conf->concurrency == 0);

    if (conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL
        && conf->more == NULL)
    {
        mcf->local.used = 1;
    }

    if (ngx_http_gateway_rate_limiting_head(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->ietf_headers
        && ngx_http_gateway_rate_limiting_ietf_policy(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_rate_limiting_check_key(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_key_t *key)
{
    gateway_str_t  name;

    if (key->limit_by == NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER
        && key->header_name.len == 0)
    {
        return "needs \"header_name\" with \"limit_by=header\"";
    }

    if (key->limit_by == NGX_HTTP_GATEWAY_RATE_LIMITING_PATH
        && key->path.len == 0)
    {
        return "needs \"path\" with \"limit_by=path\"";
    }

    if (key->path.len && key->path.data[0] != '/') {
        return "needs a \"path\" that starts with \"/\"";
    }

    name.data = (const char *) key->header_name.data;
    name.len = key->header_name.len;

    if (name.len && !gateway_is_header_name(&name)) {
        return "has a \"header_name\" that no header can have";
    }

    key->header_lowcase.len = key->header_name.len;
    key->header_lowcase.data = ngx_pnalloc(cf->pool, key->header_name.len);
    if (key->header_lowcase.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(key->header_lowcase.data, key->header_name.data,
               key->header_name.len);

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_rate_limiting_check_order(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_uint_t                                i, k;
    ngx_http_gateway_rate_limiting_period_t  *period;

    period = ngx_http_gateway_rate_limiting_periods;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {

        if (conf->rule.values[i] == NGX_HTTP_GATEWAY_RATE_UNSET) {
            continue;
        }

        if (conf->rule.values[i] <= 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%s\" in \"gateway_rate_limiting\": "
                               "the limit must be above 0", period[i].name);
            return NGX_CONF_ERROR;
        }

        for (k = 0; k < i; k++) {

            if (conf->rule.values[k] != NGX_HTTP_GATEWAY_RATE_UNSET
                && conf->rule.values[i] < conf->rule.values[k])
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "The limit for %s(%.1f) cannot be lower "
                                   "than the limit for %s(%.1f)",
                                   period[i].name, conf->rule.values[i],
                                   period[k].name, conf->rule.values[k]);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_rate_limiting_check_policy(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    if (conf->policy != NGX_HTTP_GATEWAY_RATE_LIMITING_REDIS
        && conf->sync_rate != -1)
    {
        return "sync_rate can only be used with the redis policy";
    }

    if (conf->sync_rate != -1 && conf->sync_rate < 0.02) {
        return "sync_rate must be greater than 0.02, or -1 to disable";
    }

    if (conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL) {
        return conf->fallback == NGX_HTTP_GATEWAY_RATE_LIMITING_NONE
               ? NGX_CONF_OK
               : "fallback can only be used with the redis policy";
    }

    if (!ngx_http_gateway_redis_given(&conf->redis)) {
        return conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_REDIS
               ? "needs \"redis.host\" with \"policy=redis\""
               : "has no database for \"policy=cluster\": counters can be in "
                 "Redis, which needs \"redis.host\"";
    }

    if (conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_CLUSTER) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "there is no database for \"policy=cluster\", "
                           "counters are in Redis as with \"policy=redis\"");
        conf->policy = NGX_HTTP_GATEWAY_RATE_LIMITING_REDIS;
    }

    conf->server = ngx_http_gateway_redis_add(cf, &conf->redis);
    if (conf->server == NULL) {
        return NGX_CONF_ERROR;
    }

    if (conf->sync_rate == -1
        && conf->fallback == NGX_HTTP_GATEWAY_RATE_LIMITING_NONE)
    {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                        ngx_http_gateway_rate_limiting_module);

    conf->sync = ngx_http_gateway_rate_limiting_sync(cf, conf, mcf);

    return conf->sync ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_rate_limiting_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->size) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\": write a number of "
                           "bytes, or one with \"k\" or \"m\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone size \"%V\" is too small, the least is %uz",
                           &value[1], 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    mcf->size = size;

    return ngx_http_gateway_counts_params(cf, &mcf->counts, 2);
}


/* $gateway_rate_limiting_status and those of the other two */

static ngx_int_t
ngx_http_gateway_rate_limiting_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                              *text;
    ngx_http_gateway_rate_limiting_data_t  *rld;

    static ngx_http_gateway_policy_t  *policies[] = {
        &ngx_http_gateway_rate_limiting,
        &ngx_http_gateway_rate_limiting_advanced,
        &ngx_http_gateway_service_protection
    };

    static ngx_str_t  texts[] = {
        ngx_null_string,
        ngx_string("PASSED"),
        ngx_string("REJECTED"),
        ngx_string("REJECTED_DRY_RUN"),
        ngx_string("FAILED")
    };

    rld = ngx_http_gateway_get_data(r, policies[data]);

    if (rld == NULL
        || rld->status == NGX_HTTP_GATEWAY_RATE_LIMITING_UNKNOWN)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    text = &texts[rld->status];

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = text->len;
    v->data = text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_rate_limiting_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_gateway_rate_limiting_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    if (ngx_http_gateway_add_policy(cf,
                                    &ngx_http_gateway_rate_limiting_advanced)
        != NGX_OK
        || ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_service_protection)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_rate_limiting);
}


static void *
ngx_http_gateway_rate_limiting_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     mcf->local = { NULL };
     *     mcf->synced = { NULL };
     *     mcf->size = 0;
     *     mcf->counts = { { 0, NULL }, 0 };
     *     mcf->now = 0;
     *     mcf->logged = 0;
     */

    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_rate_limiting_main_conf_t));
}


static char *
ngx_http_gateway_rate_limiting_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf = conf;

    return ngx_http_gateway_rate_limiting_zones(cf, mcf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}
