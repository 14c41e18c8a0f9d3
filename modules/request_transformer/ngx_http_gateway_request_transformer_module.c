
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
#include "ngx_http_gateway_value.h"


#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_PRIORITY           801
#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_ADVANCED_PRIORITY  802

/* bytes; more are never held in memory */
#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_MAX       8388608


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

static void ngx_http_gateway_request_transformer_defaults(void *conf);
static char *ngx_http_gateway_request_transformer_check(ngx_conf_t *cf,
    void *conf);
static char *ngx_http_gateway_request_check_method(
    ngx_http_gateway_request_transformer_conf_t *rtcf);
static char *ngx_http_gateway_request_check_allow(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf);
static char *ngx_http_gateway_request_check_list(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_transform_e operation);
static char *ngx_http_gateway_request_add_step(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry);
static char *ngx_http_gateway_request_check_header(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry);
static char *ngx_http_gateway_request_check_body(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step);
static ngx_int_t ngx_http_gateway_request_header_name(ngx_conf_t *cf,
    ngx_http_gateway_header_name_t *header, ngx_str_t *name);
static char *ngx_http_gateway_request_compile(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step);
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


static void
ngx_http_gateway_request_transformer_defaults(void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    rtcf->max_body_size = NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_MAX;
    rtcf->dots_in_keys = 1;
}


static char *
ngx_http_gateway_request_transformer_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    char        *rv;
    ngx_uint_t   op, place;

    rv = ngx_http_gateway_request_check_method(rtcf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rtcf->path.value = rtcf->uri;

    rv = ngx_http_gateway_request_compile(cf, rtcf, &rtcf->path);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_request_check_allow(cf, rtcf);
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

        for (op = 0; op < NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS; op++) {
            rv = ngx_http_gateway_request_check_list(cf, rtcf, place, op);
            if (rv != NGX_CONF_OK) {
                return rv;
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


/* an empty list is none: everything is allowed */

static char *
ngx_http_gateway_request_check_allow(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf)
{
    ngx_str_t                     *name;
    ngx_uint_t                     i;
    ngx_http_gateway_json_path_t  *path;

    if (rtcf->allow && rtcf->allow->nelts == 0) {
        rtcf->allow = NULL;
    }

    if (rtcf->allow == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_array_init(&rtcf->allowed, cf->pool, rtcf->allow->nelts,
                       sizeof(ngx_http_gateway_json_path_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    name = rtcf->allow->elts;

    for (i = 0; i < rtcf->allow->nelts; i++) {

        path = ngx_array_push(&rtcf->allowed);

        if (path == NULL
            || ngx_http_gateway_json_path(cf->pool, &name[i],
                                          !rtcf->dots_in_keys, path)
               != NGX_OK)
        {
            return "has a malformed path in \"allow.body\"";
        }

        rtcf->depth = ngx_max(rtcf->depth, path->depth);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_check_list(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_transform_e operation)
{
    char                             *rv;
    ngx_str_t                        *entry, *type;
    ngx_uint_t                        i, ntypes;
    ngx_array_t                      *list, *types;
    ngx_http_gateway_request_step_t   step;

    types = (place == NGX_HTTP_GATEWAY_REQUEST_BODY) ? rtcf->types[operation]
                                                     : NULL;
    ntypes = types ? types->nelts : 0;
    type = ntypes ? types->elts : NULL;

    for (i = 0; i < ntypes; i++) {
        if (ngx_strcmp(type[i].data, "string") != 0
            && ngx_strcmp(type[i].data, "number") != 0
            && ngx_strcmp(type[i].data, "boolean") != 0)
        {
            return "has \"json_types\" other than \"string\", \"number\" "
                   "and \"boolean\"";
        }
    }

    list = rtcf->lists[operation * NGX_HTTP_GATEWAY_REQUEST_PLACES + place];

    if (list == NULL) {
        return NGX_CONF_OK;
    }

    entry = list->elts;

    for (i = 0; i < list->nelts; i++) {
        ngx_memzero(&step, sizeof(ngx_http_gateway_request_step_t));

        step.operation = operation;
        step.type = i < ntypes ? type[i].data[0] : 's';

        rv = ngx_http_gateway_request_add_step(cf, rtcf, place, &step,
                                               &entry[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_add_step(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry)
{
    char                             *rv;
    gateway_str_t                     pair, name, value;
    ngx_http_gateway_request_step_t  *new;

    pair.data = (char *) entry->data;
    pair.len = entry->len;

    if (!gateway_pair_split(&pair, &name, &value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" has no name", entry,
                           &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    step->name.name.data = (u_char *) name.data;
    step->name.name.len = name.len;
    step->value.data = (u_char *) value.data;
    step->value.len = value.len;

    if (place == NGX_HTTP_GATEWAY_REQUEST_HEADERS) {
        rv = ngx_http_gateway_request_check_header(cf, rtcf, step, entry);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        /* "name:" changes nothing */

        if (step->operation > NGX_HTTP_GATEWAY_TRANSFORM_RENAME
            && value.len == 0)
        {
            return NGX_CONF_OK;
        }

    } else if (step->operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE
               && value.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key \"%V\" in \"gateway_%V\" has no value",
                           &step->name.name, &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    if (step->operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE) {
        rv = ngx_http_gateway_request_compile(cf, rtcf, step);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (place == NGX_HTTP_GATEWAY_REQUEST_BODY) {
        rv = ngx_http_gateway_request_check_body(cf, rtcf, step);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    new = ngx_array_push(&rtcf->steps[place]);
    if (new == NULL) {
        return NGX_CONF_ERROR;
    }

    *new = *step;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_check_body(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step)
{
    ngx_int_t  rc;

    rc = ngx_http_gateway_json_path(cf->pool, &step->name.name,
                                    !rtcf->dots_in_keys, &step->path);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" is a malformed path",
                           &step->name.name, &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    rtcf->depth = ngx_max(rtcf->depth, step->path.depth);

    if (rc == NGX_OK
        && step->operation >= NGX_HTTP_GATEWAY_TRANSFORM_REPLACE
        && step->template == NULL)
    {
        rc = ngx_http_gateway_json_value(cf->pool, step->type, &step->value,
                                         &step->json);

        if (rc == NGX_DECLINED) {

            /* forms take it as it is; JSON does without it at run time */

            return NGX_CONF_OK;
        }
    }

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_request_check_header(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry)
{
    ngx_str_t      *policy;
    gateway_str_t   name, value;

    policy = &rtcf->instance.policy->name;

    name.data = (char *) step->name.name.data;
    name.len = step->name.name.len;
    value.data = (char *) step->value.data;
    value.len = step->value.len;

    step->framing = gateway_is_framing_header(&name)
                    || (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
                        && gateway_is_framing_header(&value));

    if (!gateway_is_header_name(&name)
        || (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
            && !gateway_is_header_name(&value)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" is not a valid header",
                           entry, policy);
        return NGX_CONF_ERROR;
    }

    if (!gateway_is_header_value(&value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the value of header \"%V\" in \"gateway_%V\" has "
                           "a line end", &step->name.name, policy);
        return NGX_CONF_ERROR;
    }

    if (step->framing
        && step->operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\": a header that says "
                           "where the body ends cannot be set", entry,
                           policy);
        return NGX_CONF_ERROR;
    }

    step->mark = ngx_http_gateway_header_mark(&step->name.name);
    step->makes = (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME)
                  ? ngx_http_gateway_header_mark(&step->value) : step->mark;

    if (ngx_http_gateway_request_header_name(cf, &step->name,
                                             &step->name.name)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
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
    char  err[NGX_HTTP_GATEWAY_VALUE_ERROR];

    if (ngx_http_gateway_value_compile(cf, &step->value, 1, &step->template,
                                       err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value \"%V\" in \"gateway_%V\" is not in "
                           "supported format: %s", &step->value,
                           &rtcf->instance.policy->name, err);
        return NGX_CONF_ERROR;
    }

    if (step->template) {
        step->slot = rtcf->nslots++;
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
