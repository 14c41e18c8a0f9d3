
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_INFLATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_INFLATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* 1: gzip or deflate */
ngx_uint_t ngx_http_gateway_may_inflate(ngx_str_t *encoding);

/*
 * NGX_OK: out is what in was; NGX_DECLINED: in is malformed or not complete;
 * NGX_ABORT: out would be larger than max; NGX_ERROR
 */
ngx_int_t ngx_http_gateway_inflate(ngx_pool_t *pool, const ngx_str_t *in,
    size_t max, ngx_str_t *out);


#endif /* _NGX_HTTP_GATEWAY_INFLATE_H_INCLUDED_ */
