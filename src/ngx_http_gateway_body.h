
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_BODY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_BODY_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Reads the whole request body for an access handler and gives it as one
 * piece of memory, which the caller may not change.  A body is read only
 * once; later calls give it again.
 *
 * NGX_OK: there it is, maybe empty.  NGX_AGAIN: return it from the access
 * handler, which is called again when the body is there.  NGX_DECLINED: the
 * body is larger than max bytes; it stays as it is for the upstream.
 * NGX_ERROR or an HTTP status: return it from the access handler.
 */
ngx_int_t ngx_http_gateway_body_read(ngx_http_request_t *r, off_t max,
    ngx_str_t *body);

/*
 * Replaces the body that ngx_http_gateway_body_read() gave, maybe an empty
 * one of a request without a body, and Content-Length.  The bytes are not
 * copied: they live as long as the request.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_body_replace(ngx_http_request_t *r,
    ngx_str_t *body);


#endif /* _NGX_HTTP_GATEWAY_BODY_H_INCLUDED_ */
