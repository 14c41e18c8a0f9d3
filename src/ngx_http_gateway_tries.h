
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_TRIES_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRIES_H_INCLUDED_


#include "ngx_http_gateway.h"


/* an attempt to get an answer from a peer of the upstream */
typedef struct {
    int64_t                          start;     /* ms since the epoch */
    ngx_str_t                        ip;        /* IPv6 without brackets */
    ngx_uint_t                       port;
    ngx_msec_t                       connect;   /* ms that connecting took */
    ngx_uint_t                       code;      /* status of a failed one */
    unsigned                         failed:1;  /* another one followed */
    unsigned                         answered:1; /* failed by its status */
} ngx_http_gateway_try_t;


/* all attempts of a proxied request; NGX_OK or NGX_ERROR, *tries NULL: none */
ngx_int_t ngx_http_gateway_tries(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_array_t **tries);


#endif /* _NGX_HTTP_GATEWAY_TRIES_H_INCLUDED_ */
