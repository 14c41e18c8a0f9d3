
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_UPSTREAM_H_INCLUDED_


#include "ngx_http_gateway.h"


/* what is known of the health of an address */
typedef enum {
    NGX_HTTP_GATEWAY_UPSTREAM_CHECKS_OFF = 0,
    NGX_HTTP_GATEWAY_UPSTREAM_HEALTHY,
    NGX_HTTP_GATEWAY_UPSTREAM_UNHEALTHY,
    NGX_HTTP_GATEWAY_UPSTREAM_DNS_ERROR
} ngx_http_gateway_upstream_state_e;


/* one address of a target of a gateway_upstream, as this worker sees it */
typedef struct {
    ngx_str_t                          upstream;
    ngx_str_t                          target;   /* "name:port" */
    ngx_str_t                          address;  /* "ip:port"; empty: the
                                                    name has none (yet) */
    ngx_uint_t                         weight;
    ngx_http_gateway_upstream_state_e  state;
} ngx_http_gateway_upstream_info_t;


/* anything but NGX_OK ends the walk and is what it returns */
typedef ngx_int_t (*ngx_http_gateway_upstream_visit_pt)(void *data,
    ngx_http_gateway_upstream_info_t *info);


/*
 * Picks the first peer of a request whose service has a balancer; call it
 * when the access chain is through.  NGX_OK: ctx->upstream, upstream_host,
 * balanced and proxied are set; NGX_AGAIN: a name is being resolved,
 * ngx_http_gateway_resume() is called when to call again; NGX_DONE:
 * answered with 503 or 500; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_upstream_pick(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);

/*
 * Somewhere else for requests of a service.  Whoever has it puts its balancer
 * into ctx->balancer before the access chain is through.
 */
typedef struct {
    ngx_http_gateway_service_t        *service;
    ngx_str_t                          host;     /* of a gateway_upstream, or
                                                    name or address; empty:
                                                    the service's */
    in_port_t                          port;     /* 0: the service's; targets
                                                    of a gateway_upstream have
                                                    their own */
    u_char                            *file_name; /* where it was said */
    ngx_uint_t                         line;
    void                              *balancer; /* NULL: where the service
                                                    is */
} ngx_http_gateway_upstream_place_t;

/*
 * Registers a place, which lives as long as the configuration; call it in
 * ngx_http_gateway_add_init()'s handlers.  The balancer is set in the
 * postconfiguration of the upstream feature.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_upstream_add_place(ngx_conf_t *cf,
    ngx_http_gateway_upstream_place_t *place);

/*
 * Where a request with a service goes: the host of a service or of a place,
 * or the name of a gateway_upstream, then 0 is returned: it is no host.
 */
ngx_uint_t ngx_http_gateway_upstream_goes_to(ngx_http_gateway_ctx_t *ctx,
    ngx_str_t *host, in_port_t *port);

/*
 * Whether a request could be sent there: 0 for a gateway_upstream without an
 * address that is healthy, as far as this worker knows.
 */
ngx_uint_t ngx_http_gateway_upstream_usable(
    ngx_http_gateway_upstream_place_t *place);

/*
 * Visits the addresses of all gateway_upstream blocks in the order of the
 * configuration.  The strings live until the next event of the worker.
 */
ngx_int_t ngx_http_gateway_upstream_walk(
    ngx_http_gateway_upstream_visit_pt visit, void *data);


#endif /* _NGX_HTTP_GATEWAY_UPSTREAM_H_INCLUDED_ */
