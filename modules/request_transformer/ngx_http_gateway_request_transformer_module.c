
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Changes requests on their way to the upstream: path, method, headers, body
 * and query string.  Runs as a policy of the access chain.  All templates are
 * rendered before the first change, so they see the request as it came.  A
 * body is read only if there are operations on bodies and the Content-Type is
 * one of the three that are understood.  Nothing is shared between workers.
 */


#include "ngx_http_gateway_request_transformer.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_reply.h"


#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_PRIORITY  801

/* bytes; more are never held in memory */
#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_MAX       8388608

/* a message of the template's parser */
#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_ERROR     256


/* reading the body may suspend the policy, which then goes on here */
enum {
    NGX_HTTP_GATEWAY_REQUEST_STAGE_METHOD = 0,
    NGX_HTTP_GATEWAY_REQUEST_STAGE_HEADERS,
    NGX_HTTP_GATEWAY_REQUEST_STAGE_BODY
};


enum {
    NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER = 0,
    NGX_HTTP_GATEWAY_REQUEST_TYPE_JSON,
    NGX_HTTP_GATEWAY_REQUEST_TYPE_MULTIPART,
    NGX_HTTP_GATEWAY_REQUEST_TYPE_FORM
};


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_array_t                     *lists[
                                   NGX_HTTP_GATEWAY_REQUEST_OPERATIONS
                                   * NGX_HTTP_GATEWAY_REQUEST_PLACES];
    ngx_str_t                        http_method;
    ngx_str_t                        uri;
    ngx_int_t                        max_body_size;

    /* in the order in which they are done; ..._request_step_t */
    ngx_array_t                      steps[NGX_HTTP_GATEWAY_REQUEST_PLACES];
    ngx_http_gateway_request_step_t  path;
    ngx_uint_t                       nslots;
    ngx_uint_t                       method;    /* nginx's bit */
    unsigned                         to_query:1;  /* GET, HEAD, TRACE */
} ngx_http_gateway_request_transformer_conf_t;


static ngx_int_t ngx_http_gateway_request_transformer_handler(
    ngx_http_request_t *r, void *conf);
static ngx_int_t ngx_http_gateway_request_fail(ngx_http_request_t *r,
    ngx_int_t rc);

static ngx_int_t ngx_http_gateway_request_render_all(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_request_render(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step);
static int ngx_http_gateway_request_get(void *data,
    gateway_template_source_t source, const gateway_str_t *name,
    gateway_template_value_t *value);
static int ngx_http_gateway_request_get_header(ngx_http_request_t *r,
    ngx_str_t *name, gateway_template_value_t *value);
static int ngx_http_gateway_request_get_arg(ngx_http_request_t *r,
    ngx_str_t *name, gateway_template_value_t *value);
static int ngx_http_gateway_request_join(ngx_http_request_t *r,
    gateway_template_value_t *value, ngx_str_t *more);
static void *ngx_http_gateway_request_alloc(void *data, size_t size);

static ngx_int_t ngx_http_gateway_request_set_path(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step);
static ngx_int_t ngx_http_gateway_request_set_method(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf);
static void ngx_http_gateway_request_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *gctx, ngx_str_t *args);
static ngx_int_t ngx_http_gateway_request_headers(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps);
static ngx_int_t ngx_http_gateway_request_header(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_request_rename(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step);
static ngx_int_t ngx_http_gateway_request_body(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx);
static ngx_uint_t ngx_http_gateway_request_type(ngx_http_request_t *r);

static ngx_int_t ngx_http_gateway_request_transformer_header(
    ngx_http_request_t *r, void *conf);

static void ngx_http_gateway_request_transformer_defaults(void *conf);
static char *ngx_http_gateway_request_transformer_check(ngx_conf_t *cf,
    void *conf);
static char *ngx_http_gateway_request_check_method(
    ngx_http_gateway_request_transformer_conf_t *rtcf);
static char *ngx_http_gateway_request_add_step(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_request_operation_e operation, ngx_str_t *entry);
static char *ngx_http_gateway_request_check_header(ngx_conf_t *cf,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry);
static ngx_int_t ngx_http_gateway_request_header_name(ngx_conf_t *cf,
    ngx_http_gateway_header_name_t *header, ngx_str_t *name);
static char *ngx_http_gateway_request_compile(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step);
static void *ngx_http_gateway_request_conf_alloc(void *data, size_t size);
static ngx_int_t ngx_http_gateway_request_transformer_preconfiguration(
    ngx_conf_t *cf);


#define ngx_http_gateway_request_offset(operation, place)                     \
    (offsetof(ngx_http_gateway_request_transformer_conf_t, lists)             \
     + ((operation) * NGX_HTTP_GATEWAY_REQUEST_PLACES + (place))              \
       * sizeof(ngx_array_t *))


static ngx_http_gateway_param_t  ngx_http_gateway_request_params[] = {

    { ngx_string("remove.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_REMOVE,
                                      NGX_HTTP_GATEWAY_REQUEST_HEADERS),
      0, 0, NULL },

    { ngx_string("remove.querystring"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_REMOVE,
                                      NGX_HTTP_GATEWAY_REQUEST_QUERY),
      0, 0, NULL },

    { ngx_string("remove.body"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_REMOVE,
                                      NGX_HTTP_GATEWAY_REQUEST_BODY),
      0, 0, NULL },

    { ngx_string("rename.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_RENAME,
                                      NGX_HTTP_GATEWAY_REQUEST_HEADERS),
      0, 0, NULL },

    { ngx_string("rename.querystring"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_RENAME,
                                      NGX_HTTP_GATEWAY_REQUEST_QUERY),
      0, 0, NULL },

    { ngx_string("rename.body"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_RENAME,
                                      NGX_HTTP_GATEWAY_REQUEST_BODY),
      0, 0, NULL },

    { ngx_string("replace.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_REPLACE,
                                      NGX_HTTP_GATEWAY_REQUEST_HEADERS),
      0, 0, NULL },

    { ngx_string("replace.querystring"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_REPLACE,
                                      NGX_HTTP_GATEWAY_REQUEST_QUERY),
      0, 0, NULL },

    { ngx_string("replace.body"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_REPLACE,
                                      NGX_HTTP_GATEWAY_REQUEST_BODY),
      0, 0, NULL },

    { ngx_string("add.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_ADD,
                                      NGX_HTTP_GATEWAY_REQUEST_HEADERS),
      0, 0, NULL },

    { ngx_string("add.querystring"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_ADD,
                                      NGX_HTTP_GATEWAY_REQUEST_QUERY),
      0, 0, NULL },

    { ngx_string("add.body"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_ADD,
                                      NGX_HTTP_GATEWAY_REQUEST_BODY),
      0, 0, NULL },

    { ngx_string("append.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_APPEND,
                                      NGX_HTTP_GATEWAY_REQUEST_HEADERS),
      0, 0, NULL },

    { ngx_string("append.querystring"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_APPEND,
                                      NGX_HTTP_GATEWAY_REQUEST_QUERY),
      0, 0, NULL },

    { ngx_string("append.body"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_request_offset(NGX_HTTP_GATEWAY_REQUEST_APPEND,
                                      NGX_HTTP_GATEWAY_REQUEST_BODY),
      0, 0, NULL },

    { ngx_string("http_method"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_request_transformer_conf_t, http_method),
      0, 0, NULL },

    { ngx_string("replace.uri"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_request_transformer_conf_t, uri),
      0, 0, NULL },

    { ngx_string("max_body_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_request_transformer_conf_t, max_body_size),
      1, 1073741824, NULL },

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


static ngx_command_t  ngx_http_gateway_request_transformer_commands[] = {

    { ngx_string("gateway_request_transformer"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_request_policy },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_request_transformer_module_ctx = {
    ngx_http_gateway_request_transformer_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
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

    ctx = ngx_http_gateway_get_data(r, &ngx_http_gateway_request_policy);

    if (ctx == NULL) {
        ctx = ngx_http_gateway_add_data(r, &ngx_http_gateway_request_policy,
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

    if (rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_BODY].nelts) {

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

    rc = ngx_http_gateway_request_args(r, ctx, steps, 1, &args);

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
ngx_http_gateway_request_render_all(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i, k;
    ngx_http_gateway_request_step_t  *step;

    ctx->renderings = NULL;

    if (rtcf->nslots == 0) {
        return NGX_OK;
    }

    ctx->renderings = ngx_pcalloc(r->pool, rtcf->nslots
                              * sizeof(ngx_http_gateway_request_rendering_t));
    if (ctx->renderings == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_gateway_request_render(r, ctx, &rtcf->path);
    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_REQUEST_PLACES; i++) {
        step = rtcf->steps[i].elts;

        for (k = 0; k < rtcf->steps[i].nelts; k++) {
            rc = ngx_http_gateway_request_render(r, ctx, &step[k]);

            /* whether there is a body to change is not known yet */

            if (rc == NGX_HTTP_INTERNAL_SERVER_ERROR
                && i == NGX_HTTP_GATEWAY_REQUEST_BODY)
            {
                continue;
            }

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_request_render(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step)
{
    int                                    rc;
    const char                            *reason;
    ngx_uint_t                             level;
    gateway_str_t                          out;
    gateway_template_env_t                 env;
    ngx_http_gateway_request_rendering_t  *rendering;

    if (step->template == NULL) {
        return NGX_OK;
    }

    env.get = ngx_http_gateway_request_get;
    env.alloc = ngx_http_gateway_request_alloc;
    env.data = r;

    rc = gateway_template_render(step->template, &env, &out, &reason);

    if (rc == -1) {
        return NGX_ERROR;
    }

    rendering = &ctx->renderings[step->slot];

    if (rc == 0) {

        /* once per worker, then only for those who look for it */

        level = step->failed ? NGX_LOG_INFO : NGX_LOG_ERR;
        step->failed = 1;
        rendering->failed = 1;

        ngx_log_error(level, r->connection->log, 0,
                      "request transformer: failed to render the template "
                      "\"%V\": %s", &step->value, reason);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rendering->value.data = (u_char *) out.data;
    rendering->value.len = out.len;

    return NGX_OK;
}


static int
ngx_http_gateway_request_get(void *data, gateway_template_source_t source,
    const gateway_str_t *name, gateway_template_value_t *value)
{
    ngx_http_request_t  *r = data;

    ngx_str_t  key, capture;

    key.data = (u_char *) name->data;
    key.len = name->len;

    if (source == GATEWAY_TEMPLATE_HEADERS) {
        return ngx_http_gateway_request_get_header(r, &key, value);
    }

    if (source == GATEWAY_TEMPLATE_QUERY) {
        return ngx_http_gateway_request_get_arg(r, &key, value);
    }

    if (ngx_http_gateway_route_capture(r, &key, &capture) == NGX_OK) {
        value->type = GATEWAY_TEMPLATE_STRING;
        value->text.data = (char *) capture.data;
        value->text.len = capture.len;
    }

    return 0;
}


/* "headers.x_y" is also the way to write "headers['x-y']" */

static int
ngx_http_gateway_request_get_header(ngx_http_request_t *r, ngx_str_t *name,
    gateway_template_value_t *value)
{
    ngx_str_t         dashed;
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, name, 0);

    if (h == NULL && ngx_strlchr(name->data, name->data + name->len, '_')) {

        dashed.len = name->len;
        dashed.data = ngx_pnalloc(r->pool, name->len);
        if (dashed.data == NULL) {
            return -1;
        }

        for (i = 0; i < name->len; i++) {
            dashed.data[i] = name->data[i] == '_' ? '-' : name->data[i];
        }

        *name = dashed;

        h = ngx_http_gateway_header_in(r, name, 0);
    }

    for (n = 1; h; n++) {

        if (ngx_http_gateway_request_join(r, value, &h->value) != 0) {
            return -1;
        }

        h = ngx_http_gateway_header_in(r, name, n);
    }

    return 0;
}


static int
ngx_http_gateway_request_get_arg(ngx_http_request_t *r, ngx_str_t *name,
    gateway_template_value_t *value)
{
    ngx_str_t               args, text;
    ngx_http_gateway_arg_t  arg;

    ngx_http_gateway_request_query(r, ngx_http_gateway_get_ctx(r), &args);

    while (ngx_http_gateway_arg_next(&args, &arg)) {

        if (!ngx_http_gateway_arg_is(&arg, name)) {
            continue;
        }

        if (arg.bare) {

            if (value->type == GATEWAY_TEMPLATE_NIL) {
                value->type = GATEWAY_TEMPLATE_TRUE;
            }

            continue;
        }

        if (ngx_http_gateway_unescape(r->pool, &arg.value, &text) != NGX_OK
            || ngx_http_gateway_request_join(r, value, &text) != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
ngx_http_gateway_request_join(ngx_http_request_t *r,
    gateway_template_value_t *value, ngx_str_t *more)
{
    u_char  *p;

    if (value->type < GATEWAY_TEMPLATE_STRING) {
        value->type = GATEWAY_TEMPLATE_STRING;
        value->text.data = (char *) more->data;
        value->text.len = more->len;
        return 0;
    }

    p = ngx_pnalloc(r->pool, value->text.len + 2 + more->len);
    if (p == NULL) {
        return -1;
    }

    value->type = GATEWAY_TEMPLATE_LIST;

    ngx_memcpy(p, value->text.data, value->text.len);
    value->text.data = (char *) p;

    p += value->text.len;
    *p++ = ',';
    *p++ = ' ';
    p = ngx_cpymem(p, more->data, more->len);

    value->text.len = p - (u_char *) value->text.data;

    return 0;
}


static void *
ngx_http_gateway_request_alloc(void *data, size_t size)
{
    ngx_http_request_t  *r = data;

    return ngx_palloc(r->pool, size);
}


/*
 * The normal form goes upstream.  "?" and "#" are part of the path here: a
 * value that a client had a say in must not become a query.
 */

static ngx_int_t
ngx_http_gateway_request_set_path(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step)
{
    u_char                  *p, *src, *dst, *start;
    size_t                   i;
    ptrdiff_t                len;
    ngx_str_t                value;
    ngx_http_gateway_ctx_t  *gctx;

    if (ngx_http_gateway_request_value(ctx, step, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (value.len == 0 || value.data[0] != '/') {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "request transformer: the path of \"replace.uri\" does "
                      "not begin with \"/\"");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    start = ngx_pnalloc(r->pool, 6 * value.len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] == '?' || value.data[i] == '#') {
            p = ngx_sprintf(p, "%%%02Xd", value.data[i]);

        } else {
            *p++ = value.data[i];
        }
    }

    dst = start + 3 * value.len;

    len = gateway_path_normalize((char *) dst, (char *) start, p - start);

    if (len < 0) {
        return NGX_HTTP_BAD_REQUEST;
    }

    gctx = ngx_http_gateway_get_ctx(r);

    if (gctx->service) {
        gctx->upstream_uri.data = dst;
        gctx->upstream_uri.len = len;
        return NGX_OK;
    }

    /* in a location nginx encodes the path itself */

    src = dst;
    p = start;

    ngx_unescape_uri(&p, &src, len, 0);

    for (src = start; src < p; src++) {
        if (*src == '\0') {
            return NGX_HTTP_BAD_REQUEST;
        }
    }

    r->uri.data = start;
    r->uri.len = p - start;
    r->valid_unparsed_uri = 0;

    /* to be encoded, and nothing of it to be replaced by proxy_pass's URI */

    r->quoted_uri = 1;
    r->valid_location = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_request_set_method(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf)
{
    u_char                  *p;
    ngx_int_t                rc;
    ngx_str_t                body, args;
    ngx_array_t              none;
    ngx_http_gateway_ctx_t  *gctx;

    ngx_str_null(&body);

    if (rtcf->to_query
        && ngx_http_gateway_request_type(r)
           == NGX_HTTP_GATEWAY_REQUEST_TYPE_FORM)
    {
        rc = ngx_http_gateway_body_read(r, rtcf->max_body_size, &body);

        if (rc != NGX_OK) {
            return rc == NGX_DECLINED ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                                      : rc;
        }
    }

    r->method_name = rtcf->http_method;

    /*
     * How the answer to the client is framed depends on its own method being
     * HEAD or not, so that one is neither taken from it nor given to it.
     */

    if (r->method != NGX_HTTP_HEAD && rtcf->method != NGX_HTTP_HEAD) {
        r->method = rtcf->method;
    }

    if (body.len == 0) {
        return NGX_OK;
    }

    gctx = ngx_http_gateway_get_ctx(r);

    ngx_http_gateway_request_query(r, gctx, &args);

    p = ngx_pnalloc(r->pool, args.len + 1 + body.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (args.len) {
        ngx_memcpy(p, args.data, args.len);
        p[args.len++] = '&';
    }

    ngx_memcpy(p + args.len, body.data, body.len);

    args.data = p;
    args.len += body.len;

    /* parsed and written again: the body may hold any bytes */

    none.elts = NULL;
    none.nelts = 0;

    rc = ngx_http_gateway_request_args(r, NULL, &none, 1, &args);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_gateway_args_replace(r, gctx, &args);

    return NGX_OK;
}


static void
ngx_http_gateway_request_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *gctx, ngx_str_t *args)
{
    *args = gctx->args_changed ? gctx->args : r->args;
}


static ngx_int_t
ngx_http_gateway_request_headers(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps)
{
    ngx_int_t                         rc;
    ngx_str_t                         value;
    ngx_uint_t                        i;
    gateway_str_t                     s;
    ngx_http_gateway_request_step_t  *step;

    step = steps->elts;

    for (i = 0; i < steps->nelts; i++) {

        if (ngx_http_gateway_request_value(ctx, &step[i], &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (step[i].template) {
            s.data = (char *) value.data;
            s.len = value.len;

            if (!gateway_is_header_value(&s)) {
                ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                              "request transformer: the value of header "
                              "\"%V\" has a line end", &step[i].name.name);
                return NGX_HTTP_BAD_REQUEST;
            }
        }

        rc = ngx_http_gateway_request_header(r, &step[i], &value);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_request_header(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value)
{
    ngx_http_gateway_ctx_t  *gctx;

    if (step->host) {

        if (step->operation == NGX_HTTP_GATEWAY_REQUEST_REPLACE
            && value->len)
        {
            gctx = ngx_http_gateway_get_ctx(r);
            gctx->replaced_host = *value;
            gctx->upstream_host = *value;
        }

        return NGX_OK;
    }

    switch (step->operation) {

    case NGX_HTTP_GATEWAY_REQUEST_REMOVE:

        if (!step->framing) {
            (void) ngx_http_gateway_header_in_remove(r, &step->name.lowcase);
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_REQUEST_RENAME:
        return ngx_http_gateway_request_rename(r, step);

    case NGX_HTTP_GATEWAY_REQUEST_REPLACE:

        if (ngx_http_gateway_header_in(r, &step->name.lowcase, 0) == NULL) {
            return NGX_OK;
        }

        return ngx_http_gateway_header_in_put(r, &step->name, value);

    case NGX_HTTP_GATEWAY_REQUEST_ADD:

        if (ngx_http_gateway_header_in(r, &step->name.lowcase, 0)) {
            return NGX_OK;
        }

        break;

    default: /* NGX_HTTP_GATEWAY_REQUEST_APPEND */
        break;
    }

    return ngx_http_gateway_header_in_add(r, &step->name, value);
}


static ngx_int_t
ngx_http_gateway_request_rename(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step)
{
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_array_t       values;
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, &step->name.lowcase, 0);

    if (h == NULL) {
        return NGX_OK;
    }

    if (step->name.lowcase.len == step->to.lowcase.len
        && ngx_memcmp(step->name.lowcase.data, step->to.lowcase.data,
                      step->to.lowcase.len)
           == 0)
    {
        for (i = 1; h; i++) {
            h->key = step->to.name;
            h = ngx_http_gateway_header_in(r, &step->to.lowcase, i);
        }

        return NGX_OK;
    }

    if (ngx_array_init(&values, r->pool, 1, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 1; h; i++) {
        value = ngx_array_push(&values);
        if (value == NULL) {
            return NGX_ERROR;
        }

        *value = h->value;
        h = ngx_http_gateway_header_in(r, &step->name.lowcase, i);
    }

    (void) ngx_http_gateway_header_in_remove(r, &step->name.lowcase);
    (void) ngx_http_gateway_header_in_remove(r, &step->to.lowcase);

    value = values.elts;

    for (i = 0; i < values.nelts; i++) {
        if (ngx_http_gateway_header_in_add(r, &step->to, &value[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_request_body(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx)
{
    ngx_int_t     rc;
    ngx_str_t     body;
    ngx_uint_t    type;
    ngx_array_t  *steps;

    type = ngx_http_gateway_request_type(r);

    if (type == NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_body_read(r, rtcf->max_body_size, &body);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE : rc;
    }

    steps = &rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_BODY];

    if (type == NGX_HTTP_GATEWAY_REQUEST_TYPE_JSON) {
        rc = ngx_http_gateway_request_json(r, ctx, steps, &body);

    } else if (type == NGX_HTTP_GATEWAY_REQUEST_TYPE_MULTIPART) {
        rc = ngx_http_gateway_request_multipart(r, ctx, steps, &body);

    } else {
        rc = ngx_http_gateway_request_args(r, ctx, steps, 0, &body);
    }

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    return rc == NGX_OK ? ngx_http_gateway_body_replace(r, &body) : rc;
}


/* of the Content-Type that the headers' stage has left */

static ngx_uint_t
ngx_http_gateway_request_type(ngx_http_request_t *r)
{
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = r->headers_in.content_type;

    if (h == NULL) {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER;
    }

    p = h->value.data;
    last = p + h->value.len;

    if (ngx_strlcasestrn(p, last, (u_char *) "application/json", 16 - 1)) {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_JSON;
    }

    if (ngx_strlcasestrn(p, last, (u_char *) "multipart/form-data", 19 - 1)) {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_MULTIPART;
    }

    if (ngx_strlcasestrn(p, last,
                         (u_char *) "application/x-www-form-urlencoded",
                         33 - 1))
    {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_FORM;
    }

    return NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER;
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


static void
ngx_http_gateway_request_transformer_defaults(void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    rtcf->max_body_size = NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_MAX;
}


static char *
ngx_http_gateway_request_transformer_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    char         *rv;
    ngx_str_t    *entry;
    ngx_uint_t    op, place, i;
    ngx_array_t  *list;

    rv = ngx_http_gateway_request_check_method(rtcf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rtcf->path.value = rtcf->uri;

    rv = ngx_http_gateway_request_compile(cf, rtcf, &rtcf->path);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (place = 0; place < NGX_HTTP_GATEWAY_REQUEST_PLACES; place++) {

        if (ngx_array_init(&rtcf->steps[place], cf->pool, 2,
                           sizeof(ngx_http_gateway_request_step_t))
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        for (op = 0; op < NGX_HTTP_GATEWAY_REQUEST_OPERATIONS; op++) {

            list = rtcf->lists[op * NGX_HTTP_GATEWAY_REQUEST_PLACES + place];

            if (list == NULL) {
                continue;
            }

            entry = list->elts;

            for (i = 0; i < list->nelts; i++) {
                rv = ngx_http_gateway_request_add_step(cf, rtcf, place, op,
                                                       &entry[i]);
                if (rv != NGX_CONF_OK) {
                    return rv;
                }
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_check_method(
    ngx_http_gateway_request_transformer_conf_t *rtcf)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    static struct {
        ngx_str_t   name;
        ngx_uint_t  method;
    }  methods[] = {
        { ngx_string("GET"), NGX_HTTP_GET },
        { ngx_string("HEAD"), NGX_HTTP_HEAD },
        { ngx_string("POST"), NGX_HTTP_POST },
        { ngx_string("PUT"), NGX_HTTP_PUT },
        { ngx_string("DELETE"), NGX_HTTP_DELETE },
        { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
        { ngx_string("PATCH"), NGX_HTTP_PATCH },
        { ngx_string("TRACE"), NGX_HTTP_TRACE },
        { ngx_null_string, 0 }
    };

    name = &rtcf->http_method;

    if (name->len == 0) {
        return NGX_CONF_OK;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 'A' || name->data[i] > 'Z') {
            return "has an \"http_method\" that is not all capital letters";
        }
    }

    rtcf->method = NGX_HTTP_UNKNOWN;

    for (i = 0; methods[i].name.len; i++) {
        if (methods[i].name.len == name->len
            && ngx_strncmp(methods[i].name.data, name->data, name->len) == 0)
        {
            rtcf->method = methods[i].method;
        }
    }

    rtcf->to_query = rtcf->method == NGX_HTTP_GET
                     || rtcf->method == NGX_HTTP_HEAD
                     || rtcf->method == NGX_HTTP_TRACE;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_add_step(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_request_operation_e operation, ngx_str_t *entry)
{
    char                             *rv;
    gateway_str_t                     pair, name, value;
    ngx_http_gateway_request_step_t  *step, tmp;

    pair.data = (char *) entry->data;
    pair.len = entry->len;

    if (!gateway_pair_split(&pair, &name, &value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_request_transformer\" has no "
                           "name", entry);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&tmp, sizeof(ngx_http_gateway_request_step_t));

    tmp.operation = operation;
    tmp.name.name.data = (u_char *) name.data;
    tmp.name.name.len = name.len;
    tmp.value.data = (u_char *) value.data;
    tmp.value.len = value.len;

    if (place == NGX_HTTP_GATEWAY_REQUEST_HEADERS) {
        rv = ngx_http_gateway_request_check_header(cf, &tmp, entry);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        /* "name:" changes nothing */

        if (operation > NGX_HTTP_GATEWAY_REQUEST_RENAME && value.len == 0) {
            return NGX_CONF_OK;
        }

    } else if (operation != NGX_HTTP_GATEWAY_REQUEST_REMOVE
               && value.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key \"%V\" in \"gateway_request_transformer\" "
                           "has no value", &tmp.name.name);
        return NGX_CONF_ERROR;
    }

    if (operation != NGX_HTTP_GATEWAY_REQUEST_REMOVE) {
        rv = ngx_http_gateway_request_compile(cf, rtcf, &tmp);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    step = ngx_array_push(&rtcf->steps[place]);
    if (step == NULL) {
        return NGX_CONF_ERROR;
    }

    *step = tmp;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_check_header(ngx_conf_t *cf,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry)
{
    gateway_str_t  name, value;

    name.data = (char *) step->name.name.data;
    name.len = step->name.name.len;
    value.data = (char *) step->value.data;
    value.len = step->value.len;

    step->framing = gateway_is_framing_header(&name)
                    || (step->operation == NGX_HTTP_GATEWAY_REQUEST_RENAME
                        && gateway_is_framing_header(&value));

    if (!gateway_is_header_name(&name)
        || (step->operation == NGX_HTTP_GATEWAY_REQUEST_RENAME
            && !gateway_is_header_name(&value)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_request_transformer\" is not "
                           "a valid header", entry);
        return NGX_CONF_ERROR;
    }

    if (!gateway_is_header_value(&value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the value of header \"%V\" in "
                           "\"gateway_request_transformer\" has a line end",
                           &step->name.name);
        return NGX_CONF_ERROR;
    }

    if (step->framing && step->operation != NGX_HTTP_GATEWAY_REQUEST_REMOVE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_request_transformer\": a "
                           "header that says where the body ends cannot be "
                           "set", entry);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_request_header_name(cf, &step->name,
                                             &step->name.name)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (step->operation == NGX_HTTP_GATEWAY_REQUEST_RENAME
        && ngx_http_gateway_request_header_name(cf, &step->to, &step->value)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    step->host = (step->name.lowcase.len == 4
                  && ngx_strncmp(step->name.lowcase.data, "host", 4) == 0)
                 || (step->to.lowcase.len == 4
                     && ngx_strncmp(step->to.lowcase.data, "host", 4) == 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_request_header_name(ngx_conf_t *cf,
    ngx_http_gateway_header_name_t *header, ngx_str_t *name)
{
    header->name = *name;
    header->lowcase.len = name->len;
    header->lowcase.data = ngx_pnalloc(cf->pool, name->len);

    if (header->lowcase.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(header->lowcase.data, name->data, name->len);

    return NGX_OK;
}


static char *
ngx_http_gateway_request_compile(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step)
{
    char                 err[NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_ERROR];
    gateway_str_t        text;
    gateway_template_t  *template;

    text.data = (char *) step->value.data;
    text.len = step->value.len;

    template = gateway_template_compile(&text,
                                        ngx_http_gateway_request_conf_alloc,
                                        cf->pool, err, sizeof(err));
    if (template == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value \"%V\" in \"gateway_request_transformer\" "
                           "is not in supported format: %s",
                           &step->value, err);
        return NGX_CONF_ERROR;
    }

    if (!gateway_template_is_plain(template)) {
        step->template = template;
        step->slot = rtcf->nslots++;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_request_conf_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static ngx_int_t
ngx_http_gateway_request_transformer_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_request_policy);
}
