
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Changes status, headers and bodies of responses, those of the gateway
 * itself too.  Runs as a policy of the header and body filters, or as two of
 * them: the advanced plugin is the same code under a name of its own.  Header
 * operations alone never hold a body back; with JSON operations a body of the
 * type application/json is collected up to max_body_size, changed and sent as
 * one piece without Content-Length.  Nothing is shared between workers.
 */


#include "ngx_http_gateway_response_transformer.h"


#define NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_PRIORITY  800


static ngx_int_t ngx_http_gateway_response_transformer_access(
    ngx_http_request_t *r, void *conf);
static ngx_int_t ngx_http_gateway_response_transformer_header(
    ngx_http_request_t *r, void *conf);
static void ngx_http_gateway_response_map_status(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status);

static ngx_int_t ngx_http_gateway_response_transformer_preconfiguration(
    ngx_conf_t *cf);


#define ngx_http_gateway_response_list(field, operation)                      \
    NGX_HTTP_GATEWAY_PARAM_LIST,                                              \
    offsetof(ngx_http_gateway_response_transformer_conf_t, field)             \
    + NGX_HTTP_GATEWAY_TRANSFORM_ ## operation * sizeof(ngx_array_t *),       \
    0, 0, NULL

#define ngx_http_gateway_response_field(type, field, min, max)                \
    NGX_HTTP_GATEWAY_PARAM_ ## type,                                          \
    offsetof(ngx_http_gateway_response_transformer_conf_t, field),            \
    min, max, NULL


static ngx_http_gateway_param_t  ngx_http_gateway_response_params[] = {

    { ngx_string("remove.headers"),
      ngx_http_gateway_response_list(headers, REMOVE) },

    { ngx_string("remove.json"),
      ngx_http_gateway_response_list(json, REMOVE) },

    { ngx_string("remove.if_status"),
      ngx_http_gateway_response_list(if_status, REMOVE) },

    { ngx_string("rename.headers"),
      ngx_http_gateway_response_list(headers, RENAME) },

    { ngx_string("rename.json"),
      ngx_http_gateway_response_list(json, RENAME) },

    { ngx_string("rename.if_status"),
      ngx_http_gateway_response_list(if_status, RENAME) },

    { ngx_string("replace.headers"),
      ngx_http_gateway_response_list(headers, REPLACE) },

    { ngx_string("replace.json"),
      ngx_http_gateway_response_list(json, REPLACE) },

    { ngx_string("replace.json_types"),
      ngx_http_gateway_response_list(types, REPLACE) },

    { ngx_string("replace.if_status"),
      ngx_http_gateway_response_list(if_status, REPLACE) },

    { ngx_string("add.headers"),
      ngx_http_gateway_response_list(headers, ADD) },

    { ngx_string("add.json"),
      ngx_http_gateway_response_list(json, ADD) },

    { ngx_string("add.json_types"),
      ngx_http_gateway_response_list(types, ADD) },

    { ngx_string("add.if_status"),
      ngx_http_gateway_response_list(if_status, ADD) },

    { ngx_string("append.headers"),
      ngx_http_gateway_response_list(headers, APPEND) },

    { ngx_string("append.json"),
      ngx_http_gateway_response_list(json, APPEND) },

    { ngx_string("append.json_types"),
      ngx_http_gateway_response_list(types, APPEND) },

    { ngx_string("append.if_status"),
      ngx_http_gateway_response_list(if_status, APPEND) },

    { ngx_string("allow.json"),
      ngx_http_gateway_response_field(LIST, allow, 0, 0) },

    { ngx_string("replace.status"),
      ngx_http_gateway_response_field(LIST, status, 0, 0) },

    { ngx_string("pages"),
      ngx_http_gateway_response_field(LIST, page, 0, 0) },

    { ngx_string("redact.json"),
      ngx_http_gateway_response_field(LIST, redact_json, 0, 0) },

    { ngx_string("redact.values"),
      ngx_http_gateway_response_field(LIST, redact_values, 0, 0) },

    { ngx_string("redact.with"),
      ngx_http_gateway_response_field(STRING, redact_with, 0, 0) },

    { ngx_string("replace.body"),
      ngx_http_gateway_response_field(STRING, body, 0, 0) },

    { ngx_string("dots_in_keys"),
      ngx_http_gateway_response_field(FLAG, dots_in_keys, 0, 0) },

    { ngx_string("max_body_size"),
      ngx_http_gateway_response_field(INT, max_body_size, 1, 1073741824) },

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


ngx_http_gateway_policy_t  ngx_http_gateway_response_advanced_policy = {
    ngx_string("response_transformer_advanced"),
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

    { ngx_string("gateway_response_transformer_advanced"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_response_advanced_policy },

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


static ngx_int_t
ngx_http_gateway_response_transformer_access(ngx_http_request_t *r,
    void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    if (rtcf->json_steps.nelts || rtcf->allow || rtcf->redacts) {
        ngx_http_gateway_response_body_ask_plain(r);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_response_transformer_header(ngx_http_request_t *r,
    void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    ngx_uint_t  json, status;

    /* the status and the type before anything is changed decide */

    status = r->headers_out.status;

    json = (rtcf->json_steps.nelts || rtcf->allow || rtcf->redacts)
           && ngx_http_gateway_response_is_json(r)
           && ngx_http_gateway_response_wants_json(rtcf, status);

    if (rtcf->header_steps.nelts
        && ngx_http_gateway_response_headers(r, rtcf, status) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rtcf->statuses.nelts) {
        ngx_http_gateway_response_map_status(r, rtcf, status);
    }

    if (!json && rtcf->pages.nelts == 0 && rtcf->body.data == NULL) {
        return NGX_OK;
    }

    return ngx_http_gateway_response_expect(r, rtcf, status, json);
}


static void
ngx_http_gateway_response_map_status(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status)
{
    ngx_uint_t                           i;
    ngx_http_gateway_response_status_t  *map;

    /* these have no body, others do */

    if (status < NGX_HTTP_OK || status == NGX_HTTP_NO_CONTENT
        || status == NGX_HTTP_PARTIAL_CONTENT
        || status == NGX_HTTP_NOT_MODIFIED)
    {
        return;
    }

    map = rtcf->statuses.elts;

    for (i = 0; i < rtcf->statuses.nelts; i++) {

        if (status >= map[i].range.from && status <= map[i].range.to) {
            r->headers_out.status = map[i].status;
            r->headers_out.status_line.len = 0;
            return;
        }
    }
}


ngx_uint_t
ngx_http_gateway_response_in_ranges(ngx_array_t *ranges, ngx_uint_t status)
{
    ngx_uint_t                          i;
    ngx_http_gateway_response_range_t  *range;

    range = ranges->elts;

    for (i = 0; i < ranges->nelts; i++) {
        if (status >= range[i].from && status <= range[i].to) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_response_transformer_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_gateway_add_policy(cf, &ngx_http_gateway_response_policy)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_add_policy(cf,
                                  &ngx_http_gateway_response_advanced_policy);
}
