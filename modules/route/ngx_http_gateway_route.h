
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_ROUTE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ROUTE_H_INCLUDED_


#include "ngx_http_gateway_conf.h"
#include "gateway_router.h"


/* a gateway_route block: what the core sees, and what it matches */
typedef struct {
    ngx_http_gateway_route_t         route;
    ngx_array_t                      hosts;     /* gateway_str_t */
    ngx_array_t                      paths;
    ngx_array_t                      methods;
    ngx_array_t                      snis;
    ngx_array_t                      headers;   /* ..._router_header_t */
    ngx_array_t                      sources;   /* ..._router_endpoint_t */
    ngx_array_t                      destinations;
    ngx_str_t                        expression;
    ngx_int_t                        priority;  /* of the expression */
    ngx_int_t                        regex_priority;
    time_t                           created_at; /* 0: unknown */
    unsigned                         strip_set:1;
    unsigned                         protocols_set:1;
    unsigned                         preserve_set:1;
    unsigned                         regex_set:1;
    unsigned                         priority_set:1;
    unsigned                         redirect_set:1;
    unsigned                         handling_set:1;
} ngx_http_gateway_route_block_t;


/* the forwarding lines that requests of one listener have in common */
typedef struct {
    in_port_t                        port;
    ngx_uint_t                       kind;      /* HTTP version, TLS */
    size_t                           len;       /* 0: unused */
    u_char                           text[160];
} ngx_http_gateway_route_listen_t;

#define NGX_HTTP_GATEWAY_ROUTE_LISTENS  9


typedef struct {
    ngx_rbtree_t                     services;  /* by name */
    ngx_rbtree_node_t                sentinel;
    ngx_array_t                      routes;    /* ..._route_block_t * */
    ngx_http_gateway_service_t      *nowhere;   /* of routes without one */
    gateway_router_t                *router;    /* NULL: no routes */
    /* filled by each worker for itself; the last one is never kept */
    ngx_http_gateway_route_listen_t  listens[NGX_HTTP_GATEWAY_ROUTE_LISTENS];
} ngx_http_gateway_route_srv_conf_t;


extern ngx_module_t  ngx_http_gateway_route_module;


/* gateway_service, gateway_route: ngx_http_gateway_route_conf.c */

char *ngx_http_gateway_service_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_route_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_route_strings(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_route_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_route_field(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_gateway_route_build(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf,
    ngx_http_gateway_route_srv_conf_t *rscf);


/* the flavor "expressions": ngx_http_gateway_route_expression.c */

char *ngx_http_gateway_route_expression(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_route_priority(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_route_endpoints(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the conditions that only this flavor has */
void ngx_http_gateway_route_conditions(gateway_router_route_t *route,
    ngx_http_gateway_route_block_t *block);

/* the block that is being read */
ngx_http_gateway_route_block_t *ngx_http_gateway_current_block(
    ngx_conf_t *cf);

/* of an ngx_http_request_t */
extern const gateway_router_facts_t  ngx_http_gateway_route_facts;


/* the request for the upstream: ngx_http_gateway_route_upstream.c */

/* takes out what clients may not say about identity */
void ngx_http_gateway_route_strip_identity(ngx_http_request_t *r);

/* URI and headers, after the access chain; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_route_prepare(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);

/* the raw target up to its "?"; args: from there on, or empty */
void ngx_http_gateway_route_target(ngx_http_request_t *r, ngx_str_t *path,
    ngx_str_t *args);

/* X-Forwarded-Host: the received one from trusted peers, else $host */
void ngx_http_gateway_route_forwarded_host(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *host);


#endif /* _NGX_HTTP_GATEWAY_ROUTE_H_INCLUDED_ */
