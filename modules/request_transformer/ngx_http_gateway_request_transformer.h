
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"
#include "gateway_template.h"


/* arguments of a query or form, parts of a multipart body */
#define NGX_HTTP_GATEWAY_REQUEST_MAX_FIELDS  4096


typedef enum {
    NGX_HTTP_GATEWAY_REQUEST_REMOVE = 0,
    NGX_HTTP_GATEWAY_REQUEST_RENAME,
    NGX_HTTP_GATEWAY_REQUEST_REPLACE,
    NGX_HTTP_GATEWAY_REQUEST_ADD,
    NGX_HTTP_GATEWAY_REQUEST_APPEND,
    NGX_HTTP_GATEWAY_REQUEST_OPERATIONS
} ngx_http_gateway_request_operation_e;


enum {
    NGX_HTTP_GATEWAY_REQUEST_HEADERS = 0,
    NGX_HTTP_GATEWAY_REQUEST_QUERY,
    NGX_HTTP_GATEWAY_REQUEST_BODY,
    NGX_HTTP_GATEWAY_REQUEST_PLACES
};


typedef struct {
    ngx_http_gateway_request_operation_e   operation;
    ngx_http_gateway_header_name_t         name;  /* lowcase: headers only */
    ngx_http_gateway_header_name_t         to;    /* RENAME of a header */
    ngx_str_t                              value; /* or the new name */
    gateway_template_t                    *template;  /* NULL: as it is */
    ngx_uint_t                             slot;  /* of its rendering */
    unsigned                               host:1;
    unsigned                               framing:1;
    unsigned                               failed:1;  /* has been logged */
} ngx_http_gateway_request_step_t;


/* what a template gave for this request */
typedef struct {
    ngx_str_t                              value;
    unsigned                               failed:1;
} ngx_http_gateway_request_rendering_t;


typedef struct {
    ngx_http_gateway_data_t                head;
    ngx_http_gateway_request_rendering_t  *renderings;
    ngx_uint_t                             stage;
} ngx_http_gateway_request_ctx_t;


/* ngx_http_gateway_request_transformer_fields.c */

/* NGX_OK, NGX_ERROR, or NGX_DECLINED: its template failed */
ngx_int_t ngx_http_gateway_request_value(ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value);

/*
 * Does the steps to the arguments of a query, which are then sorted and all
 * encoded anew, or of a form, where the others stay as they are.  NGX_OK: text
 * is the new one; NGX_DECLINED: unchanged; NGX_ERROR or an HTTP status.
 */
ngx_int_t ngx_http_gateway_request_args(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps,
    ngx_uint_t query, ngx_str_t *text);

/* the same for the other kinds of bodies */
ngx_int_t ngx_http_gateway_request_json(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps,
    ngx_str_t *text);
ngx_int_t ngx_http_gateway_request_multipart(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps,
    ngx_str_t *text);


#endif /* _NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_H_INCLUDED_ */
