
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Refuses requests with a large body, in the access step, by Content-Length;
 * a body without one is read first and measured, in memory or in nginx's
 * temporary file.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_reply.h"


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_int_t                     allowed_payload_size;
    ngx_uint_t                    size_unit; /* bytes */
    ngx_flag_t                    require_content_length;

    off_t                         limit;     /* bytes */
} ngx_http_gateway_request_size_limiting_conf_t;


static ngx_int_t ngx_http_gateway_request_size_limiting_handler(
    ngx_http_request_t *r, void *data);
static off_t ngx_http_gateway_request_size_limiting_size(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_request_size_limiting_reject(
    ngx_http_request_t *r);

static void ngx_http_gateway_request_size_limiting_defaults(void *data);
static char *ngx_http_gateway_request_size_limiting_check(ngx_conf_t *cf,
    void *data);
static ngx_int_t ngx_http_gateway_request_size_limiting_preconfiguration(
    ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_request_size_limiting_units[] = {
    { ngx_string("megabytes"), 1024 * 1024 },
    { ngx_string("kilobytes"), 1024 },
    { ngx_string("bytes"), 1 },
    { ngx_null_string, 0 }
};


#define ngx_http_gateway_request_size_limiting_field(field)                   \
    offsetof(ngx_http_gateway_request_size_limiting_conf_t, field)


static ngx_http_gateway_param_t
    ngx_http_gateway_request_size_limiting_params[] =
{
    { ngx_string("allowed_payload_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      ngx_http_gateway_request_size_limiting_field(allowed_payload_size),
      0, NGX_MAX_INT32_VALUE, NULL },

    { ngx_string("size_unit"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      ngx_http_gateway_request_size_limiting_field(size_unit), 0, 0,
      ngx_http_gateway_request_size_limiting_units },

    { ngx_string("require_content_length"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      ngx_http_gateway_request_size_limiting_field(require_content_length),
      0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_request_size_limiting = {
    ngx_string("request_size_limiting"),
    951,
    0,

    sizeof(ngx_http_gateway_request_size_limiting_conf_t),
    ngx_http_gateway_request_size_limiting_params,
    ngx_http_gateway_request_size_limiting_defaults,
    ngx_http_gateway_request_size_limiting_check,

    ngx_http_gateway_request_size_limiting_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_request_size_limiting_commands[] = {

    { ngx_string("gateway_request_size_limiting"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_request_size_limiting },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_request_size_limiting_module_ctx = {
    ngx_http_gateway_request_size_limiting_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_request_size_limiting_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_request_size_limiting_module_ctx, /* module context */
    ngx_http_gateway_request_size_limiting_commands,    /* module directives */
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
ngx_http_gateway_request_size_limiting_handler(ngx_http_request_t *r,
    void *data)
{
    ngx_http_gateway_request_size_limiting_conf_t  *conf = data;

    ngx_int_t  rc;
    ngx_str_t  body;

    static ngx_str_t  length_required =
        ngx_string("A valid Content-Length header is required");

    /* nginx has refused a Content-Length that is no number */

    if (r->headers_in.content_length) {

        if (r->headers_in.content_length_n > conf->limit) {
            return ngx_http_gateway_request_size_limiting_reject(r);
        }

        return NGX_OK;
    }

    if (conf->require_content_length && !r->headers_in.chunked) {
        return ngx_http_gateway_error(r, NGX_HTTP_LENGTH_REQUIRED,
                                      &length_required);
    }

    /* no byte is wanted here: a body stays where it was read to */

    rc = ngx_http_gateway_body_read(r, 0, &body);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_gateway_request_size_limiting_size(r) > conf->limit) {
        return ngx_http_gateway_request_size_limiting_reject(r);
    }

    return NGX_OK;
}


static off_t
ngx_http_gateway_request_size_limiting_size(ngx_http_request_t *r)
{
    off_t         size;
    ngx_chain_t  *cl;

    size = 0;

    if (r->request_body) {
        for (cl = r->request_body->bufs; cl; cl = cl->next) {
            size += ngx_buf_size(cl->buf);
        }
    }

    return size;
}


static ngx_int_t
ngx_http_gateway_request_size_limiting_reject(ngx_http_request_t *r)
{
    ngx_uint_t        status;
    ngx_table_elt_t  *expect;

    static ngx_str_t  exceeded = ngx_string("Request size limit exceeded");

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "request_size_limiting: the body is too large");

    expect = r->headers_in.expect;
    status = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;

    if (expect && expect->value.len == sizeof("100-continue") - 1
        && ngx_strncasecmp(expect->value.data, (u_char *) "100-continue",
                           sizeof("100-continue") - 1)
           == 0)
    {
        status = 417;
    }

    return ngx_http_gateway_error(r, status, &exceeded);
}


static void
ngx_http_gateway_request_size_limiting_defaults(void *data)
{
    ngx_http_gateway_request_size_limiting_conf_t  *conf = data;

    conf->allowed_payload_size = 128;
    conf->size_unit = 1024 * 1024;
}


static char *
ngx_http_gateway_request_size_limiting_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_request_size_limiting_conf_t  *conf = data;

    conf->limit = (off_t) conf->allowed_payload_size
                  * (off_t) conf->size_unit;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_request_size_limiting_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                     &ngx_http_gateway_request_size_limiting);
}
