
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of the stream feature share.
 */


#ifndef _NGX_STREAM_GATEWAY_H_INCLUDED_
#define _NGX_STREAM_GATEWAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>

#include "gateway_stream_router.h"
#include "ngx_http_gateway_networks.h"
#include "ngx_http_gateway_tls.h"
#include "ngx_http_gateway_upstream_peers.h"


typedef struct {
    ngx_str_t                              name;
    ngx_str_t                              id;
    ngx_str_t                              host;
    in_port_t                              port;
    ngx_str_t                              upstream; /* gateway_upstream */
    ngx_uint_t                             retries;
    ngx_http_gateway_upstream_balancer_t  *balancer;
    void                                 **srv_conf; /* of its block */
    u_char                                *file_name;
    ngx_uint_t                             line;
} ngx_stream_gateway_service_t;


typedef struct {
    ngx_str_node_t                         sn;       /* first: the name */
    ngx_stream_gateway_service_t          *service;
} ngx_stream_gateway_node_t;


typedef struct {
    ngx_str_t                              name;
    ngx_str_t                              id;
    ngx_stream_gateway_service_t          *service;  /* NULL: none */
    ngx_array_t                            snis;     /* gateway_str_t */
    ngx_array_t                            sources;  /* ..._stream_end_t */
    ngx_array_t                            destinations;
    ngx_http_gateway_networks_t           *allow;    /* NULL: everybody */
    ngx_http_gateway_networks_t           *deny;
    unsigned                               protocols;
    gateway_expression_t                  *expression;
    uint64_t                               priority;
    unsigned                               priority_set:1;
    unsigned                               preserve_host:1;
    unsigned                               preserve_set:1;
} ngx_stream_gateway_route_t;


typedef struct {
    in_port_t                              listen;
    in_port_t                              public;
} ngx_stream_gateway_port_t;


/* a host of services that share its balancer */
typedef struct {
    ngx_http_gateway_upstream_balancer_t  *balancer;
    in_port_t                              port;
    ngx_resolver_t                        *resolver;
} ngx_stream_gateway_host_t;


typedef struct {
    ngx_array_t                            ports;    /* ..._port_t */
    ngx_array_t                            hosts;    /* ..._host_t */
} ngx_stream_gateway_main_conf_t;


typedef struct {
    ngx_array_t                            services; /* ..._service_t * */
    ngx_rbtree_t                           names;    /* of their blocks */
    ngx_rbtree_node_t                      sentinel;
    ngx_array_t                            routes;   /* ..._route_t * */
    gateway_stream_router_t               *router;   /* NULL: no routes */
    gateway_router_t                      *expressions; /* NULL: none */
    ngx_http_gateway_tls_store_t           certificates;
} ngx_stream_gateway_srv_conf_t;


/* one session */
typedef struct {
    ngx_stream_gateway_route_t            *route;
    ngx_str_t                              sni;      /* lower case */
    ngx_http_gateway_upstream_try_t       *attempt;  /* NULL: no balancer */
    ngx_stream_session_t                  *session;
    unsigned                               greeted:1; /* sni was looked for */
    unsigned                               connected:1; /* the attempt was */
} ngx_stream_gateway_ctx_t;


extern ngx_module_t  ngx_stream_gateway_module;


/* routing, ngx_stream_gateway_route.c */

ngx_int_t ngx_stream_gateway_access_handler(ngx_stream_session_t *s);
ngx_int_t ngx_stream_gateway_preread_handler(ngx_stream_session_t *s);
/* content of servers whose sessions go to services */
void ngx_stream_gateway_content_handler(ngx_stream_session_t *s);


/* balancing, ngx_stream_gateway_upstream.c */

/* NGX_OK: names are known, or nothing needs any; NGX_AGAIN; NGX_ERROR */
ngx_int_t ngx_stream_gateway_resolve(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx);
/* the first peer; NGX_OK, or NGX_DECLINED after a message, or NGX_ERROR */
ngx_int_t ngx_stream_gateway_pick(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx);
/* the name that the peer goes by, or what preserve_host says; maybe empty */
void ngx_stream_gateway_host(ngx_stream_gateway_ctx_t *ctx, ngx_str_t *host);

char *ngx_stream_gateway_balancer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* gives each service of the server its balancer; NGX_OK or NGX_ERROR */
ngx_int_t ngx_stream_gateway_upstreams(ngx_conf_t *cf,
    ngx_stream_gateway_main_conf_t *gmcf,
    ngx_stream_gateway_srv_conf_t *gscf);
/* the cycle ends */
void ngx_stream_gateway_stop(void *data);


/* blocks of services, ngx_stream_gateway_service_conf.c */

/*
 * gateway_stream_service NAME [id=UUID] [name=TEXT] [host=H port=N]
 *     [upstream=NAME] [retries=5] { directives of a stream server }
 */
char *ngx_stream_gateway_service_block(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/* by name of its block, or NULL */
ngx_stream_gateway_service_t *ngx_stream_gateway_find_service(
    ngx_stream_gateway_srv_conf_t *gscf, ngx_str_t *name);

/* whether an argument is "name=value" of this name */
ngx_uint_t ngx_stream_gateway_param_is(ngx_str_t *arg,
    const char *name, ngx_str_t *value);

/* checks the one that was given, or derives it from the name */
char *ngx_stream_gateway_id(ngx_conf_t *cf, const char *entity,
    ngx_str_t *name, ngx_str_t *id);


/* blocks of routes, ngx_stream_gateway_route_conf.c */

/* gateway_stream_route NAME [id=UUID] [service=NAME] { what it matches } */
char *ngx_stream_gateway_route_block(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


/* ngx_stream_gateway_module.c */

/* for the routers: memory of a pool */
void *ngx_stream_gateway_alloc(void *data, size_t size);


#endif /* _NGX_STREAM_GATEWAY_H_INCLUDED_ */
