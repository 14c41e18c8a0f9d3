
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_CONNECT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONNECT_H_INCLUDED_


#include "ngx_http_gateway_conf.h"


/*
 * Where gateway_connect_to has connections to host:port go, or NULL: there
 * they go as usual.  For postconfiguration; brackets of IPv6 addresses may
 * be there or not.
 */
ngx_addr_t *ngx_http_gateway_connect_to(ngx_conf_t *cf, ngx_str_t *host,
    ngx_uint_t port);

/* the same at run time, of what a configuration has; connect may be NULL */
ngx_addr_t *ngx_http_gateway_connect_find(
    ngx_http_gateway_connect_t *connect, ngx_str_t *host, ngx_uint_t port);

/* the directive */
char *ngx_http_gateway_connect_to_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/* takes the client address from the PROXY protocol; POST_READ, first */
ngx_int_t ngx_http_gateway_proxy_client_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_GATEWAY_CONNECT_H_INCLUDED_ */
