
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Changes requests on their way to the upstream: path, method, headers, body
 * and query string.  Runs as a policy of the access chain, or as two of them:
 * the advanced plugin is the same code under a name and a priority of its
 * own.  All templates are rendered before the first change, so they see the
 * request as it came.  A body is read only if there are operations on bodies
 * and the Content-Type is one of the three that are understood.  Nothing is
 * shared between workers.
 */


#include "ngx_http_gateway_request_transformer.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_reply.h"


#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_PRIORITY           801
#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_ADVANCED_PRIORITY  802

/* reading the body may suspend the policy, which then goes on here */
enum {
    NGX_HTTP_GATEWAY_REQUEST_STAGE_METHOD = 0,
    NGX_HTTP_GATEWAY_REQUEST_STAGE_HEADERS,
    NGX_HTTP_GATEWAY_REQUEST_STAGE_BODY
};


static ngx_int_t ngx_http_gateway_request_transformer_handler(
    ngx_http_request_t *r, void *conf);
static ngx_int_t ngx_http_gateway_request_fail(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_int_t ngx_http_gateway_request_body(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx);

static ngx_int_t ngx_http_gateway_request_transformer_header(
    ngx_http_request_t *r, void *conf);

static void *ngx_http_gateway_request_transformer_create_main_conf(
    ngx_conf_t *cf);
static char *ngx_http_gateway_request_transformer_expressions(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_request_transformer_preconfiguration(
    ngx_conf_t *cf);


#define ngx_http_gateway_request_list(operation, place)                       \
    NGX_HTTP_GATEWAY_PARAM_LIST,                                              \
    offsetof(ngx_http_gateway_request_transformer_conf_t, lists)              \
    + (NGX_HTTP_GATEWAY_TRANSFORM_ ## operation                               \
       * NGX_HTTP_GATEWAY_REQUEST_PLACES                                      \
       + NGX_HTTP_GATEWAY_REQUEST_ ## place) * sizeof(ngx_array_t *),         \
    0, 0, NULL

#define ngx_http_gateway_request_types(operation)                             \
    NGX_HTTP_GATEWAY_PARAM_LIST,                                              \
    offsetof(ngx_http_gateway_request_transformer_conf_t, types)              \
    + NGX_HTTP_GATEWAY_TRANSFORM_ ## operation * sizeof(ngx_array_t *),       \
    0, 0, NULL

#define ngx_http_gateway_request_field(type, field, min, max)                 \
    NGX_HTTP_GATEWAY_PARAM_ ## type,                                          \
    offsetof(ngx_http_gateway_request_transformer_conf_t, field),             \
    min, max, NULL


static ngx_http_gateway_param_t  ngx_http_gateway_request_params[] = {

    { ngx_string("remove.headers"),
      ngx_http_gateway_request_list(REMOVE, HEADERS) },

    { ngx_string("remove.querystring"),
      ngx_http_gateway_request_list(REMOVE, QUERY) },

    { ngx_string("remove.body"),
      ngx_http_gateway_request_list(REMOVE, BODY) },

    { ngx_string("rename.headers"),
      ngx_http_gateway_request_list(RENAME, HEADERS) },

    { ngx_string("rename.querystring"),
      ngx_http_gateway_request_list(RENAME, QUERY) },

    { ngx_string("rename.body"),
      ngx_http_gateway_request_list(RENAME, BODY) },

    { ngx_string("replace.headers"),
      ngx_http_gateway_request_list(REPLACE, HEADERS) },

    { ngx_string("replace.querystring"),
      ngx_http_gateway_request_list(REPLACE, QUERY) },

    { ngx_string("replace.body"),
      ngx_http_gateway_request_list(REPLACE, BODY) },

    { ngx_string("add.headers"),
      ngx_http_gateway_request_list(ADD, HEADERS) },

    { ngx_string("add.querystring"),
      ngx_http_gateway_request_list(ADD, QUERY) },

    { ngx_string("add.body"),
      ngx_http_gateway_request_list(ADD, BODY) },

    { ngx_string("append.headers"),
      ngx_http_gateway_request_list(APPEND, HEADERS) },

    { ngx_string("append.querystring"),
      ngx_http_gateway_request_list(APPEND, QUERY) },

    { ngx_string("append.body"),
      ngx_http_gateway_request_list(APPEND, BODY) },

    { ngx_string("replace.json_types"),
      ngx_http_gateway_request_types(REPLACE) },

    { ngx_string("add.json_types"),
      ngx_http_gateway_request_types(ADD) },

    { ngx_string("append.json_types"),
      ngx_http_gateway_request_types(APPEND) },

    { ngx_string("allow.body"),
      ngx_http_gateway_request_field(LIST, allow, 0, 0) },

    { ngx_string("dots_in_keys"),
      ngx_http_gateway_request_field(FLAG, dots_in_keys, 0, 0) },

    { ngx_string("http_method"),
      ngx_http_gateway_request_field(STRING, http_method, 0, 0) },

    { ngx_string("replace.uri"),
      ngx_http_gateway_request_field(STRING, uri, 0, 0) },

    { ngx_string("max_body_size"),
      ngx_http_gateway_request_field(INT, max_body_size, 1, 1073741824) },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_request_policy = {
    ngx_string("request_transformer"),
    NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_PRIORITY,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_request_transformer_conf_t),
    ngx_http_gateway_request_params,
    ngx_http_gateway_request_transformer_defaults,
    ngx_http_gateway_request_transformer_check,
    ngx_http_gateway_request_transformer_handler,
    ngx_http_gateway_request_transformer_header,
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_http_gateway_policy_t  ngx_http_gateway_request_advanced_policy = {
    ngx_string("request_transformer_advanced"),
    NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_ADVANCED_PRIORITY,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_request_transformer_conf_t),
    ngx_http_gateway_request_params,
    ngx_http_gateway_request_transformer_defaults,
    ngx_http_gateway_request_transformer_check,
    ngx_http_gateway_request_transformer_handler,
    ngx_http_gateway_request_transformer_header,
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_request_transformer_commands[] = {

    { ngx_string("gateway_request_transformer"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_request_policy },

    { ngx_string("gateway_request_transformer_advanced"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_request_advanced_policy },

    { ngx_string("gateway_request_transformer_expressions"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_request_transformer_expressions,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_request_transformer_module_ctx = {
    ngx_http_gateway_request_transformer_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_request_transformer_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_request_transformer_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_request_transformer_module_ctx, /* module context */
    ngx_http_gateway_request_transformer_commands, /* module directives */
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
ngx_http_gateway_request_transformer_handler(ngx_http_request_t *r,
    void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    ngx_int_t                        rc;
    ngx_str_t                        args;
    ngx_array_t                     *steps;
    ngx_http_gateway_ctx_t          *gctx;
    ngx_http_gateway_request_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_data(r, rtcf->instance.policy);

    if (ctx == NULL) {
        ctx = ngx_http_gateway_add_data(r, rtcf->instance.policy,
                                     sizeof(ngx_http_gateway_request_ctx_t));
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        ctx->stage = NGX_HTTP_GATEWAY_REQUEST_STAGE_METHOD;

        rc = ngx_http_gateway_request_render_all(r, rtcf, ctx);

        if (rc == NGX_OK && rtcf->uri.len) {
            rc = ngx_http_gateway_request_set_path(r, ctx, &rtcf->path);
        }

        if (rc != NGX_OK) {
            return ngx_http_gateway_request_fail(r, rc);
        }
    }

    if (ctx->stage == NGX_HTTP_GATEWAY_REQUEST_STAGE_METHOD) {

        rc = rtcf->http_method.len
             ? ngx_http_gateway_request_set_method(r, rtcf) : NGX_OK;

        if (rc != NGX_OK) {
            return ngx_http_gateway_request_fail(r, rc);
        }

        ctx->stage = NGX_HTTP_GATEWAY_REQUEST_STAGE_HEADERS;
    }

    if (ctx->stage == NGX_HTTP_GATEWAY_REQUEST_STAGE_HEADERS) {

        rc = ngx_http_gateway_request_headers(r, ctx,
                              &rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_HEADERS]);

        if (rc != NGX_OK) {
            return ngx_http_gateway_request_fail(r, rc);
        }

        ctx->stage = NGX_HTTP_GATEWAY_REQUEST_STAGE_BODY;
    }

    if (rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_BODY].nelts || rtcf->allow) {

        rc = ngx_http_gateway_request_body(r, rtcf, ctx);

        if (rc != NGX_OK) {
            return ngx_http_gateway_request_fail(r, rc);
        }
    }

    steps = &rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_QUERY];

    if (steps->nelts == 0) {
        return NGX_OK;
    }

    gctx = ngx_http_gateway_get_ctx(r);

    ngx_http_gateway_request_query(r, gctx, &args);

    rc = ngx_http_gateway_request_args(r, ctx, steps, &args);

    if (rc != NGX_OK) {
        return ngx_http_gateway_request_fail(r, rc);
    }

    ngx_http_gateway_args_replace(r, gctx, &args);

    return NGX_OK;
}


/* what the client sees of statuses that are meant for it */

static ngx_int_t
ngx_http_gateway_request_fail(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc == NGX_HTTP_BAD_REQUEST
        || rc == NGX_HTTP_INTERNAL_SERVER_ERROR
        || rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
    {
        return ngx_http_gateway_error(r, rc, NULL);
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_request_body(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_str_t   body;
    ngx_uint_t  type;

    type = ngx_http_gateway_request_type(r);

    if (type == NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_body_read(r, rtcf->max_body_size, &body);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE : rc;
    }

    if (type == NGX_HTTP_GATEWAY_REQUEST_TYPE_JSON) {
        rc = ngx_http_gateway_request_json(r, ctx, rtcf, &body);

    } else if (type == NGX_HTTP_GATEWAY_REQUEST_TYPE_MULTIPART) {
        rc = ngx_http_gateway_request_multipart(r, ctx, rtcf, &body);

    } else {
        rc = ngx_http_gateway_request_form(r, ctx, rtcf, &body);
    }

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    return rc == NGX_OK ? ngx_http_gateway_body_replace(r, &body) : rc;
}


/*
 * The answer to HEAD tells the length of a body that does not follow; for a
 * client that did not ask with HEAD there is an empty one.
 */

static ngx_int_t
ngx_http_gateway_request_transformer_header(ngx_http_request_t *r,
    void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    if (rtcf->method == NGX_HTTP_HEAD && r->method != NGX_HTTP_HEAD
        && r->upstream
        && r->headers_out.status != NGX_HTTP_NO_CONTENT
        && r->headers_out.status != NGX_HTTP_NOT_MODIFIED)
    {
        ngx_http_clear_content_length(r);
        r->headers_out.content_length_n = 0;
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_request_transformer_create_main_conf(ngx_conf_t *cf)
{
    /* set by ngx_pcalloc(): no_expressions */

    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_request_transformer_main_t));
}


/* may be repeated: both plugins bring it */

static char *
ngx_http_gateway_request_transformer_expressions(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_request_transformer_main_t  *rtmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        rtmcf->no_expressions = 1;

    } else if (ngx_strcmp(value[1].data, "on") == 0) {
        rtmcf->no_expressions = 0;

    } else {
        return "is neither \"on\" nor \"off\"";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_request_transformer_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_gateway_add_policy(cf, &ngx_http_gateway_request_policy)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_add_policy(cf,
                                   &ngx_http_gateway_request_advanced_policy);
}
