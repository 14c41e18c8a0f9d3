
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_REPLY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REPLY_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Answers made by the gateway.  Each discards the request body, sends the
 * whole response and finalizes the request; the caller returns the value
 * (NGX_DONE) at once and does not touch r again.  Response headers must be
 * pushed to r->headers_out before the call.
 */

/*
 * "error" style: format negotiated by Accept, with request_id.  message NULL
 * means the default text of the status.
 */
ngx_int_t ngx_http_gateway_error(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *message);

/* "exit" style: {"message":"..."} as compact JSON, message is escaped */
ngx_int_t ngx_http_gateway_exit_message(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_str_t *message);

/*
 * any body; content_type NULL or empty: no Content-Type, and to gRPC the body
 * is the message; body NULL: empty
 */
ngx_int_t ngx_http_gateway_exit(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *content_type, const ngx_str_t *body);

/*
 * Answers with a response that an upstream has sent before: status, type and
 * headers are in r->headers_out, and the gateway's headers will be those of a
 * proxied response.  length: announced to HEAD, -1 for none.
 */
ngx_int_t ngx_http_gateway_replay(ngx_http_request_t *r,
    const ngx_str_t *body, off_t length);

/*
 * Content handler for nginx-made errors (error_page): the same formats, but
 * without Accept the request's Content-Type decides, then the default type.
 */
ngx_int_t ngx_http_gateway_error_page_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_GATEWAY_REPLY_H_INCLUDED_ */
