
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What features bring to the listener for administration: paths below a first
 * segment of their own, that act on what they keep.
 */


#ifndef _NGX_HTTP_GATEWAY_ADMIN_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ADMIN_H_INCLUDED_


#include "ngx_http_gateway.h"


typedef struct {
    ngx_str_t                        name;      /* the first segment */
    const char                     **paths;     /* for /endpoints, ends with
                                                   NULL */
    /* the methods of a path for "Allow"; NULL: there is no such path */
    const ngx_str_t               *(*allow)(ngx_str_t *segments,
                                         ngx_uint_t n);
    /* content handler, for paths and methods that are allowed; the request's
       body was discarded */
    ngx_int_t                      (*handler)(ngx_http_request_t *r,
                                         ngx_str_t *segments, ngx_uint_t n);
} ngx_http_gateway_admin_route_t;


/* in pre- or postconfiguration; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_admin_route_add(ngx_conf_t *cf,
    ngx_http_gateway_admin_route_t *route);

/* segments decoded; NULL: of no feature */
ngx_http_gateway_admin_route_t *ngx_http_gateway_admin_route_find(
    ngx_http_request_t *r, ngx_str_t *segments, ngx_uint_t n);


#endif /* _NGX_HTTP_GATEWAY_ADMIN_H_INCLUDED_ */
