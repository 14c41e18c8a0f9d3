
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Changes headers and JSON bodies of responses, those of the gateway itself
 * too.  Runs as a policy of the header and body filters.  Header operations
 * alone never hold a body back; with JSON operations a body of the type
 * application/json is collected up to max_body_size, changed and sent as one
 * piece without Content-Length.  Nothing is shared between workers.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_transform.h"
#include "gateway_template.h"

#include <math.h>
#include <stdlib.h>


#define NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_PRIORITY  800

/* bytes; more are never held in memory */
#define NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_MAX       8388608

/* a number as text */
#define NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_DIGITS    64


enum {
    NGX_HTTP_GATEWAY_RESPONSE_REMOVE = 0,
    NGX_HTTP_GATEWAY_RESPONSE_RENAME,
    NGX_HTTP_GATEWAY_RESPONSE_REPLACE,
    NGX_HTTP_GATEWAY_RESPONSE_ADD,
    NGX_HTTP_GATEWAY_RESPONSE_APPEND,
    NGX_HTTP_GATEWAY_RESPONSE_OPERATIONS
};


typedef struct {
    ngx_uint_t                       operation;
    ngx_str_t                        name;
    ngx_str_t                        value;     /* header's value, new name,
                                                   or JSON text */
} ngx_http_gateway_response_step_t;


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_array_t                     *headers[
                                       NGX_HTTP_GATEWAY_RESPONSE_OPERATIONS];
    ngx_array_t                     *json[
                                       NGX_HTTP_GATEWAY_RESPONSE_OPERATIONS];
    ngx_array_t                     *types[
                                       NGX_HTTP_GATEWAY_RESPONSE_OPERATIONS];
    ngx_int_t                        max_body_size;

    /* in the order in which they are done; ..._response_step_t */
    ngx_array_t                      header_steps;
    ngx_array_t                      json_steps;
} ngx_http_gateway_response_transformer_conf_t;


/* what a header step has to know of the response as it was */
typedef struct {
    ngx_array_t                     *values;    /* ngx_str_t; of RENAME */
    unsigned                         present:1;
} ngx_http_gateway_response_before_t;


/* there is one only if the body is to be changed */
typedef struct {
    ngx_http_gateway_data_t          head;
    u_char                          *body;
    size_t                           len;
    size_t                           size;
    unsigned                         done:1;
} ngx_http_gateway_response_ctx_t;


static ngx_int_t ngx_http_gateway_response_transformer_access(
    ngx_http_request_t *r, void *conf);
static ngx_int_t ngx_http_gateway_response_transformer_header(
    ngx_http_request_t *r, void *conf);
static ngx_uint_t ngx_http_gateway_response_is_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_response_expect_body(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf);
static ngx_int_t ngx_http_gateway_response_headers(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf);
static ngx_int_t ngx_http_gateway_response_look(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before);
static ngx_int_t ngx_http_gateway_response_keep(ngx_http_request_t *r,
    ngx_http_gateway_response_before_t *before, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_response_do(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before);
static void ngx_http_gateway_response_clear(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_response_add(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_response_name_is(ngx_str_t *name,
    const char *text, size_t len);

static ngx_int_t ngx_http_gateway_response_transformer_body(
    ngx_http_request_t *r, void *conf, ngx_chain_t **in);
static ngx_int_t ngx_http_gateway_response_collect(ngx_http_request_t *r,
    ngx_http_gateway_response_ctx_t *ctx, ngx_buf_t *b, size_t max);
static ngx_int_t ngx_http_gateway_response_change(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *body);

static void ngx_http_gateway_response_transformer_defaults(void *conf);
static char *ngx_http_gateway_response_transformer_check(ngx_conf_t *cf,
    void *conf);
static char *ngx_http_gateway_response_header_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry);
static char *ngx_http_gateway_response_json_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry, ngx_str_t *type);
static ngx_int_t ngx_http_gateway_response_number(ngx_conf_t *cf,
    ngx_str_t *value);
static ngx_int_t ngx_http_gateway_response_transformer_preconfiguration(
    ngx_conf_t *cf);


#define ngx_http_gateway_response_offset(field, operation)                    \
    (offsetof(ngx_http_gateway_response_transformer_conf_t, field)            \
     + (operation) * sizeof(ngx_array_t *))


static ngx_http_gateway_param_t  ngx_http_gateway_response_params[] = {

    { ngx_string("remove.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(headers,
                                       NGX_HTTP_GATEWAY_RESPONSE_REMOVE),
      0, 0, NULL },

    { ngx_string("remove.json"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(json,
                                       NGX_HTTP_GATEWAY_RESPONSE_REMOVE),
      0, 0, NULL },

    { ngx_string("rename.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(headers,
                                       NGX_HTTP_GATEWAY_RESPONSE_RENAME),
      0, 0, NULL },

    { ngx_string("rename.json"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(json,
                                       NGX_HTTP_GATEWAY_RESPONSE_RENAME),
      0, 0, NULL },

    { ngx_string("replace.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(headers,
                                       NGX_HTTP_GATEWAY_RESPONSE_REPLACE),
      0, 0, NULL },

    { ngx_string("replace.json"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(json,
                                       NGX_HTTP_GATEWAY_RESPONSE_REPLACE),
      0, 0, NULL },

    { ngx_string("replace.json_types"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(types,
                                       NGX_HTTP_GATEWAY_RESPONSE_REPLACE),
      0, 0, NULL },

    { ngx_string("add.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(headers,
                                       NGX_HTTP_GATEWAY_RESPONSE_ADD),
      0, 0, NULL },

    { ngx_string("add.json"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(json, NGX_HTTP_GATEWAY_RESPONSE_ADD),
      0, 0, NULL },

    { ngx_string("add.json_types"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(types, NGX_HTTP_GATEWAY_RESPONSE_ADD),
      0, 0, NULL },

    { ngx_string("append.headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(headers,
                                       NGX_HTTP_GATEWAY_RESPONSE_APPEND),
      0, 0, NULL },

    { ngx_string("append.json"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(json,
                                       NGX_HTTP_GATEWAY_RESPONSE_APPEND),
      0, 0, NULL },

    { ngx_string("append.json_types"), NGX_HTTP_GATEWAY_PARAM_LIST,
      ngx_http_gateway_response_offset(types,
                                       NGX_HTTP_GATEWAY_RESPONSE_APPEND),
      0, 0, NULL },

    { ngx_string("max_body_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_response_transformer_conf_t, max_body_size),
      1, 1073741824, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_response_policy = {
    ngx_string("response_transformer"),
    NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_PRIORITY,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_response_transformer_conf_t),
    ngx_http_gateway_response_params,
    ngx_http_gateway_response_transformer_defaults,
    ngx_http_gateway_response_transformer_check,
    ngx_http_gateway_response_transformer_access,
    ngx_http_gateway_response_transformer_header,
    ngx_http_gateway_response_transformer_body,
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_response_transformer_commands[] = {

    { ngx_string("gateway_response_transformer"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_response_policy },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_response_transformer_module_ctx = {
    ngx_http_gateway_response_transformer_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_response_transformer_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_response_transformer_module_ctx, /* module context */
    ngx_http_gateway_response_transformer_commands, /* module directives */
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


/*
 * A compressed body could not be changed, and a field that is to be hidden
 * would leave whenever a client says that it understands gzip: the upstream
 * is not told.  nginx's own gzip filter still knows.
 */

static ngx_int_t
ngx_http_gateway_response_transformer_access(ngx_http_request_t *r,
    void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    static ngx_str_t  name = ngx_string("accept-encoding");

    if (rtcf->json_steps.nelts == 0) {
        return NGX_DECLINED;
    }

#if (NGX_HTTP_GZIP)

    if (r->headers_in.accept_encoding) {
        (void) ngx_http_gzip_ok(r);
    }

#endif

    (void) ngx_http_gateway_header_in_remove(r, &name);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_response_transformer_header(ngx_http_request_t *r,
    void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    ngx_int_t   rc;
    ngx_uint_t  json;

    /* the type before the headers are changed decides */

    json = rtcf->json_steps.nelts && ngx_http_gateway_response_is_json(r);

    if (rtcf->header_steps.nelts
        && ngx_http_gateway_response_headers(r, rtcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!json) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_response_expect_body(r, rtcf);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    /* another text under the name of the old one, and parts of neither */

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_weak_etag(r);

    r->allow_ranges = 0;

    return NGX_OK;
}


/* one of the types, if there are several, is application/json */

static ngx_uint_t
ngx_http_gateway_response_is_json(ngx_http_request_t *r)
{
    u_char  *p, *last, *start;

    static const char  json[] = "application/json";

    p = r->headers_out.content_type.data;
    last = p + r->headers_out.content_type.len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        if ((size_t) (p - start) >= sizeof(json) - 1
            && ngx_strncasecmp(start, (u_char *) json, sizeof(json) - 1) == 0
            && (start + sizeof(json) - 1 == p
                || start[sizeof(json) - 1] == ';'
                || start[sizeof(json) - 1] == ' '
                || start[sizeof(json) - 1] == '\t'))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * NGX_OK: the length will change; NGX_DECLINED: the body stays; NGX_ERROR:
 * answered with 502, or out of memory
 */

static ngx_int_t
ngx_http_gateway_response_expect_body(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf)
{
    ngx_table_elt_t                  *encoding;
    ngx_http_gateway_response_ctx_t  *ctx;

    if (r->headers_out.status == NGX_HTTP_PARTIAL_CONTENT) {
        return NGX_DECLINED;
    }

    encoding = r->headers_out.content_encoding;

    if (encoding && encoding->hash && encoding->value.len
        && !(encoding->value.len == 8
             && ngx_strncasecmp(encoding->value.data, (u_char *) "identity",
                                8) == 0))
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "response transformer: a body encoded with \"%V\" "
                      "stays as it is", &encoding->value);
        return NGX_DECLINED;
    }

    if (r->header_only
        || r->method == NGX_HTTP_HEAD
        || r->headers_out.status == NGX_HTTP_NO_CONTENT
        || r->headers_out.status == NGX_HTTP_NOT_MODIFIED
        || r->headers_out.status < NGX_HTTP_OK)
    {
        return NGX_OK;
    }

    if (r->headers_out.content_length_n > rtcf->max_body_size) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "response transformer: a body of %O bytes is larger "
                      "than \"max_body_size\"",
                      r->headers_out.content_length_n);

        (void) ngx_http_filter_finalize_request(r, NULL,
                                                NGX_HTTP_BAD_GATEWAY);
        return NGX_ERROR;
    }

    ctx = ngx_http_gateway_add_data(r, &ngx_http_gateway_response_policy,
                                    sizeof(ngx_http_gateway_response_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->body = NULL;
    ctx->len = 0;
    ctx->size = (r->headers_out.content_length_n > 0)
                ? (size_t) r->headers_out.content_length_n : 4096;
    ctx->done = 0;

    r->main_filter_need_in_memory = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_headers(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf)
{
    ngx_uint_t                           i, n;
    ngx_http_gateway_response_step_t    *step;
    ngx_http_gateway_response_before_t  *before;

    step = rtcf->header_steps.elts;
    n = rtcf->header_steps.nelts;

    before = ngx_pcalloc(r->pool,
                         n * sizeof(ngx_http_gateway_response_before_t));
    if (before == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_http_gateway_response_look(r, &step[i], &before[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < n; i++) {
        if (ngx_http_gateway_response_do(r, &step[i], &before[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_look(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (step->operation == NGX_HTTP_GATEWAY_RESPONSE_REMOVE
        || step->operation == NGX_HTTP_GATEWAY_RESPONSE_APPEND)
    {
        return NGX_OK;
    }

    if (step->operation == NGX_HTTP_GATEWAY_RESPONSE_RENAME) {
        before->values = ngx_array_create(r->pool, 1, sizeof(ngx_str_t));
        if (before->values == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_gateway_response_name_is(&step->name, "content-type", 12)) {

        if (r->headers_out.content_type.len == 0) {
            return NGX_OK;
        }

        return ngx_http_gateway_response_keep(r, before,
                                              &r->headers_out.content_type);
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != step->name.len
                || ngx_strncasecmp(h[i].key.data, step->name.data,
                                   step->name.len) != 0)
            {
                continue;
            }

            if (ngx_http_gateway_response_keep(r, before, &h[i].value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_keep(ngx_http_request_t *r,
    ngx_http_gateway_response_before_t *before, ngx_str_t *value)
{
    ngx_str_t  *s;

    before->present = 1;

    if (before->values == NULL) {
        return NGX_OK;
    }

    s = ngx_array_push(before->values);
    if (s == NULL) {
        return NGX_ERROR;
    }

    *s = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_do(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    switch (step->operation) {

    case NGX_HTTP_GATEWAY_RESPONSE_REMOVE:
        ngx_http_gateway_response_clear(r, &step->name);
        return NGX_OK;

    case NGX_HTTP_GATEWAY_RESPONSE_RENAME:

        if (!before->present) {
            return NGX_OK;
        }

        ngx_http_gateway_response_clear(r, &step->value);
        ngx_http_gateway_response_clear(r, &step->name);

        value = before->values->elts;

        for (i = 0; i < before->values->nelts; i++) {
            if (ngx_http_gateway_response_add(r, &step->value, &value[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_RESPONSE_REPLACE:
    case NGX_HTTP_GATEWAY_RESPONSE_ADD:

        if (before->present
            != (step->operation == NGX_HTTP_GATEWAY_RESPONSE_REPLACE))
        {
            return NGX_OK;
        }

        ngx_http_gateway_response_clear(r, &step->name);
        break;

    default: /* NGX_HTTP_GATEWAY_RESPONSE_APPEND */
        break;
    }

    return ngx_http_gateway_response_add(r, &step->name, &step->value);
}


static void
ngx_http_gateway_response_clear(ngx_http_request_t *r, ngx_str_t *name)
{
    if (ngx_http_gateway_response_name_is(name, "content-type", 12)) {
        r->headers_out.content_type.len = 0;
        r->headers_out.content_type_len = 0;
        r->headers_out.content_type_lowcase = NULL;
        r->headers_out.charset.len = 0;
        return;
    }

    if (ngx_http_gateway_response_name_is(name, "content-length", 14)) {
        ngx_http_clear_content_length(r);
        return;
    }

    ngx_http_gateway_header_out_remove(r, name);
}


/* values with a place of their own in r->headers_out get there too */

static ngx_int_t
ngx_http_gateway_response_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    if (ngx_http_gateway_response_name_is(name, "content-type", 12)) {
        r->headers_out.content_type = *value;
        r->headers_out.content_type_len = value->len;
        r->headers_out.content_type_lowcase = NULL;
        r->headers_out.charset.len = 0;
        return NGX_OK;
    }

    h = ngx_http_gateway_header_out_add(r, name, value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_response_name_is(name, "server", 6)) {
        r->headers_out.server = h;

    } else if (ngx_http_gateway_response_name_is(name, "date", 4)) {
        r->headers_out.date = h;

    } else if (ngx_http_gateway_response_name_is(name, "etag", 4)) {
        r->headers_out.etag = h;

    } else if (ngx_http_gateway_response_name_is(name, "content-encoding",
                                                 16))
    {
        r->headers_out.content_encoding = h;

    } else if (ngx_http_gateway_response_name_is(name, "last-modified", 13)) {
        r->headers_out.last_modified = h;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_response_name_is(ngx_str_t *name, const char *text,
    size_t len)
{
    return name->len == len
           && ngx_strncasecmp(name->data, (u_char *) text, len) == 0;
}


static ngx_int_t
ngx_http_gateway_response_transformer_body(ngx_http_request_t *r, void *conf,
    ngx_chain_t **in)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    ngx_buf_t                        *b;
    ngx_str_t                         body;
    ngx_uint_t                        last;
    ngx_chain_t                      *cl;
    ngx_http_gateway_response_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_data(r, &ngx_http_gateway_response_policy);

    if (ctx == NULL || ctx->done) {
        return NGX_OK;
    }

    last = 0;

    for (cl = *in; cl && !last; cl = cl->next) {

        if (ngx_http_gateway_response_collect(r, ctx, cl->buf,
                                              rtcf->max_body_size)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        last = cl->buf->last_buf;
    }

    *in = NULL;

    if (!last) {
        return NGX_OK;
    }

    ctx->done = 1;

    body.data = ctx->body;
    body.len = ctx->len;

    if (ngx_http_gateway_response_change(r, rtcf, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    if (body.len) {
        b->pos = body.data;
        b->last = body.data + body.len;
        b->memory = 1;
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    cl->buf = b;
    cl->next = NULL;
    *in = cl;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_collect(ngx_http_request_t *r,
    ngx_http_gateway_response_ctx_t *ctx, ngx_buf_t *b, size_t max)
{
    u_char  *p;
    size_t   len, size;

    if (!ngx_buf_in_memory(b)) {
        return NGX_OK;
    }

    len = b->last - b->pos;

    if (len > max - ctx->len) {

        /* the header is out, so there is no other way to tell */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "response transformer: the body is larger than "
                      "\"max_body_size\"");
        return NGX_ERROR;
    }

    if (ctx->body == NULL || len > ctx->size - ctx->len) {

        size = ctx->size;

        while (size - ctx->len < len) {
            size *= 2;
        }

        p = ngx_palloc(r->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (ctx->body) {
            ngx_memcpy(p, ctx->body, ctx->len);
            (void) ngx_pfree(r->pool, ctx->body);
        }

        ctx->body = p;
        ctx->size = size;
    }

    ngx_memcpy(ctx->body + ctx->len, b->pos, len);

    ctx->len += len;

    b->pos = b->last;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_change(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *body)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    ngx_http_gateway_json_t            json;
    ngx_http_gateway_response_step_t  *step;

    if (body->len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_json_parse(r->pool, body, &json);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "response transformer: the body is no JSON object, it "
                      "stays as it is");
        return NGX_OK;
    }

    step = rtcf->json_steps.elts;

    for (i = 0; rc == NGX_OK && i < rtcf->json_steps.nelts; i++) {

        switch (step[i].operation) {

        case NGX_HTTP_GATEWAY_RESPONSE_REMOVE:
            ngx_http_gateway_json_remove(&json, &step[i].name);
            break;

        case NGX_HTTP_GATEWAY_RESPONSE_RENAME:
            rc = ngx_http_gateway_json_rename(&json, &step[i].name,
                                              &step[i].value);
            break;

        case NGX_HTTP_GATEWAY_RESPONSE_APPEND:
            rc = ngx_http_gateway_json_append(&json, &step[i].name,
                                              &step[i].value);
            break;

        default: /* REPLACE what is there, ADD what is not */

            if (ngx_http_gateway_json_lacks(&json, &step[i].name)
                == (step[i].operation == NGX_HTTP_GATEWAY_RESPONSE_ADD))
            {
                rc = ngx_http_gateway_json_set(&json, &step[i].name,
                                               &step[i].value);
            }
        }
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return json.changed ? ngx_http_gateway_json_write(&json, body) : NGX_OK;
}


static void
ngx_http_gateway_response_transformer_defaults(void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    rtcf->max_body_size = NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_MAX;
}


static char *
ngx_http_gateway_response_transformer_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    char        *rv;
    ngx_str_t   *entry, *type;
    ngx_uint_t   op, i, ntypes;

    if (ngx_array_init(&rtcf->header_steps, cf->pool, 4,
                       sizeof(ngx_http_gateway_response_step_t))
        != NGX_OK
        || ngx_array_init(&rtcf->json_steps, cf->pool, 4,
                          sizeof(ngx_http_gateway_response_step_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (op = 0; op < NGX_HTTP_GATEWAY_RESPONSE_OPERATIONS; op++) {

        if (rtcf->headers[op]) {
            entry = rtcf->headers[op]->elts;

            for (i = 0; i < rtcf->headers[op]->nelts; i++) {
                rv = ngx_http_gateway_response_header_step(cf, rtcf, op,
                                                           &entry[i]);
                if (rv != NGX_CONF_OK) {
                    return rv;
                }
            }
        }

        type = NULL;
        ntypes = 0;

        if (rtcf->types[op]) {
            type = rtcf->types[op]->elts;
            ntypes = rtcf->types[op]->nelts;

            for (i = 0; i < ntypes; i++) {

                if (!ngx_http_gateway_response_name_is(&type[i], "string", 6)
                    && !ngx_http_gateway_response_name_is(&type[i], "number",
                                                          6)
                    && !ngx_http_gateway_response_name_is(&type[i], "boolean",
                                                          7))
                {
                    return "has \"json_types\" other than \"string\", "
                           "\"number\" and \"boolean\"";
                }
            }
        }

        if (rtcf->json[op]) {
            entry = rtcf->json[op]->elts;

            for (i = 0; i < rtcf->json[op]->nelts; i++) {
                rv = ngx_http_gateway_response_json_step(cf, rtcf, op,
                                        &entry[i], i < ntypes ? &type[i]
                                                              : NULL);
                if (rv != NGX_CONF_OK) {
                    return rv;
                }
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_response_header_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry)
{
    gateway_str_t                      pair, name, value;
    ngx_http_gateway_response_step_t  *step;

    pair.data = (char *) entry->data;
    pair.len = entry->len;

    if (!gateway_pair_split(&pair, &name, &value)
        || !gateway_is_header_name(&name)
        || (operation == NGX_HTTP_GATEWAY_RESPONSE_RENAME
            && !gateway_is_header_name(&value)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_response_transformer\" is "
                           "not a valid header", entry);
        return NGX_CONF_ERROR;
    }

    if (!gateway_is_header_value(&value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the value of header \"%*s\" in "
                           "\"gateway_response_transformer\" has a line end",
                           name.len, name.data);
        return NGX_CONF_ERROR;
    }

    if (operation != NGX_HTTP_GATEWAY_RESPONSE_REMOVE
        && (gateway_is_framing_header(&name)
            || (operation == NGX_HTTP_GATEWAY_RESPONSE_RENAME
                && gateway_is_framing_header(&value))))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_response_transformer\": a "
                           "header that says where the body ends cannot be "
                           "set", entry);
        return NGX_CONF_ERROR;
    }

    /* "name:" changes nothing */

    if (operation != NGX_HTTP_GATEWAY_RESPONSE_REMOVE && value.len == 0) {
        return NGX_CONF_OK;
    }

    /* nor does the same name */

    if (operation == NGX_HTTP_GATEWAY_RESPONSE_RENAME
        && name.len == value.len
        && ngx_strncmp(name.data, value.data, name.len) == 0)
    {
        return NGX_CONF_OK;
    }

    step = ngx_array_push(&rtcf->header_steps);
    if (step == NULL) {
        return NGX_CONF_ERROR;
    }

    step->operation = operation;
    step->name.data = (u_char *) name.data;
    step->name.len = name.len;
    step->value.data = (u_char *) value.data;
    step->value.len = value.len;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_response_json_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry, ngx_str_t *type)
{
    ngx_int_t                          rc;
    ngx_str_t                          text;
    gateway_str_t                      pair, name, value;
    ngx_http_gateway_response_step_t  *step;

    pair.data = (char *) entry->data;
    pair.len = entry->len;

    if (!gateway_pair_split(&pair, &name, &value)
        || (operation != NGX_HTTP_GATEWAY_RESPONSE_REMOVE
            && name.len == entry->len))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in "
                           "\"gateway_response_transformer\", expected "
                           "\"name:value\"", entry);
        return NGX_CONF_ERROR;
    }

    text.data = (u_char *) value.data;
    text.len = value.len;

    if (operation == NGX_HTTP_GATEWAY_RESPONSE_RENAME && text.len == 0) {
        return NGX_CONF_OK;
    }

    if (operation > NGX_HTTP_GATEWAY_RESPONSE_RENAME) {

        if (type && type->data[0] == 'n') {
            rc = ngx_http_gateway_response_number(cf, &text);

            if (rc == NGX_DECLINED) {
                ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                                   "\"%V\" in \"gateway_response_transformer"
                                   "\" has no number, it is left out", entry);
                return NGX_CONF_OK;
            }

        } else if (type && type->data[0] == 'b') {
            rc = NGX_OK;

            if (text.len == 4 && ngx_strncmp(text.data, "true", 4) == 0) {
                ngx_str_set(&text, "true");

            } else {
                ngx_str_set(&text, "false");
            }

        } else {
            rc = ngx_http_gateway_json_quote(cf->pool, &text, &text);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    step = ngx_array_push(&rtcf->json_steps);
    if (step == NULL) {
        return NGX_CONF_ERROR;
    }

    step->operation = operation;
    step->name.data = (u_char *) name.data;
    step->name.len = name.len;
    step->value = text;

    return NGX_CONF_OK;
}


/* the number in JSON's spelling; NGX_DECLINED if it is none */

static ngx_int_t
ngx_http_gateway_response_number(ngx_conf_t *cf, ngx_str_t *value)
{
    u_char  *p;
    char     digits[NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_DIGITS], *end;
    double   n;

    if (value->len == 0 || value->len >= sizeof(digits)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(digits, value->data, value->len);
    digits[value->len] = '\0';

    n = strtod(digits, &end);

    while (*end == ' ') {
        end++;
    }

    if (end == digits || *end != '\0' || !isfinite(n)) {
        return NGX_DECLINED;
    }

    /* whole numbers of any length keep their digits */

    p = value->data + (value->data[0] == '-' ? 1 : 0);

    if (*p >= '1' && *p <= '9') {

        while (p < value->data + value->len && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p == value->data + value->len) {
            return NGX_OK;
        }
    }

    p = ngx_pnalloc(cf->pool, sizeof(digits));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;
    value->len = snprintf((char *) p, sizeof(digits), "%.14g", n);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_transformer_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_response_policy);
}
