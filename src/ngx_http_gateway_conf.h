
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_


#include "ngx_http_gateway.h"


/* what gateway_headers switches on; bits */
#define NGX_HTTP_GATEWAY_HEADER_VIA               0x0002
#define NGX_HTTP_GATEWAY_HEADER_SERVER            0x0004
#define NGX_HTTP_GATEWAY_HEADER_PROXY_LATENCY     0x0008
#define NGX_HTTP_GATEWAY_HEADER_RESPONSE_LATENCY  0x0010
#define NGX_HTTP_GATEWAY_HEADER_UPSTREAM_LATENCY  0x0020
#define NGX_HTTP_GATEWAY_HEADER_UPSTREAM_STATUS   0x0040
#define NGX_HTTP_GATEWAY_HEADER_REQUEST_ID        0x0080
#define NGX_HTTP_GATEWAY_HEADER_OFF               0x0100
#define NGX_HTTP_GATEWAY_HEADER_ADMIN_LATENCY     0x0200

#define NGX_HTTP_GATEWAY_HEADER_TOKENS                                        \
    (NGX_HTTP_GATEWAY_HEADER_VIA|NGX_HTTP_GATEWAY_HEADER_SERVER)
#define NGX_HTTP_GATEWAY_HEADER_LATENCIES                                     \
    (NGX_HTTP_GATEWAY_HEADER_PROXY_LATENCY                                    \
     |NGX_HTTP_GATEWAY_HEADER_RESPONSE_LATENCY                                \
     |NGX_HTTP_GATEWAY_HEADER_UPSTREAM_LATENCY                                \
     |NGX_HTTP_GATEWAY_HEADER_ADMIN_LATENCY)


/* answers come as one of these; also indexes of error templates */
enum {
    NGX_HTTP_GATEWAY_FORMAT_JSON = 0,
    NGX_HTTP_GATEWAY_FORMAT_PLAIN,
    NGX_HTTP_GATEWAY_FORMAT_XML,
    NGX_HTTP_GATEWAY_FORMAT_HTML,
    NGX_HTTP_GATEWAY_FORMATS,
    NGX_HTTP_GATEWAY_FORMAT_GRPC = NGX_HTTP_GATEWAY_FORMATS
};


/* text around the two slots of an error template: message, request id */
typedef struct {
    ngx_str_t                        part[3];
    ngx_uint_t                       slots;     /* 0..2 */
} ngx_http_gateway_template_t;


typedef struct {
    in_port_t                        listen;
    in_port_t                        public;
} ngx_http_gateway_port_map_t;


/* gateway_connect_to */
typedef struct {
    ngx_rbtree_t                     tree;      /* by "host:port" */
    ngx_rbtree_node_t                sentinel;
    ngx_addr_t                       others;    /* socklen 0: none */
} ngx_http_gateway_connect_t;


/*
 * Prepares the request for the upstream after the access chain; set by the
 * route feature.  NGX_OK, or as an access handler of a policy.
 */
typedef ngx_int_t (*ngx_http_gateway_prepare_pt)(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);


/* what auth_guard wants to know, see ngx_http_gateway_auth.h */
typedef struct {
    ngx_int_t                      (*attempt)(ngx_http_request_t *r,
                                         ngx_http_gateway_policy_t *policy,
                                         const ngx_str_t *name);
    void                           (*failed)(ngx_http_request_t *r);
    void                           (*succeeded)(ngx_http_request_t *r);
} ngx_http_gateway_auth_guard_t;


typedef struct {
    ngx_array_t                      policies;  /* ..._policy_t *, by index */
    ngx_array_t                      order;     /* the same by priority */
    ngx_array_t                      loc_confs; /* ..._loc_conf_t * */
    ngx_array_t                      services;  /* ..._service_t * */
    ngx_array_t                      routes;    /* ..._route_t * */
    ngx_array_t                      consumers; /* ..._consumer_t * */
    ngx_array_t                      groups;    /* ..._group_t * */
    ngx_rbtree_t                     groups_tree; /* the same by name */
    ngx_rbtree_node_t                groups_sentinel;
    u_char                          *by_consumer; /* by policy index: some
                                                     consumer or group has
                                                     its own */

    ngx_uint_t                       headers;   /* bits */
    ngx_uint_t                       headers_upstream;
    ngx_str_t                        charset;   /* of text without one */
    ngx_flag_t                       strip_identity;
    ngx_flag_t                       debug_header;
    ngx_flag_t                       reject_encoded_dots;
    ngx_flag_t                       strict;    /* match calculation */
    ngx_uint_t                       flavor;    /* gateway_router_flavor_t */
    ngx_array_t                     *trusted;   /* ngx_cidr_t */
    ngx_array_t                     *port_maps; /* ..._port_map_t */
    ngx_http_gateway_connect_t      *connect_to; /* NULL: none */
    ngx_flag_t                       proxy_client; /* PROXY protocol */
    ngx_uint_t                       default_format;
    ngx_http_gateway_template_t     *templates[NGX_HTTP_GATEWAY_FORMATS];

    ngx_str_t                        secret;    /* of the installation, or
                                                   drawn; owned by digest */

    ngx_uint_t                       tracing;   /* what is measured, bits of
                                                   ngx_http_gateway_spans.h */
    ngx_http_gateway_policy_t       *tracer;    /* where this policy is */

    void                            *store;     /* owned by "store" */
    ngx_array_t                     *counters;  /* ..._counters_t * */
    ngx_array_t                     *inits;     /* ..._init_t, or NULL */
    ngx_array_t                     *admin_routes; /* ..._admin_route_t * */
    ngx_array_t                     *metric_sets; /* ..._metrics_set_t * */
    struct ngx_http_gateway_metrics_s
                                    *metrics;   /* of prometheus, or NULL */
    const ngx_http_gateway_auth_guard_t  *guard;  /* NULL: not in use */

    ngx_http_gateway_prepare_pt      prepare;
    void                            *cert_auth;   /* of cert_auth.c */
    void                            *cert_status; /* of cert_status.c */
    ngx_int_t                        request_uri_index;
    ngx_array_t                     *redis;     /* ..._redis_t *, or NULL */
    ngx_str_t                        redis_trusted; /* certificates, a file */
    unsigned                         used:1;    /* some policy or route */
    unsigned                         judges:1;  /* a policy asks for trust in
                                                   servers without routes */
    unsigned                         body:1;    /* some chain has bodies */
    unsigned                         log_lines:1;  /* somebody wants lines
                                                      of the error log */
    unsigned                         secret_lasts:1;  /* is of a file */
    unsigned                         shares:1;  /* somebody wants to know
                                                   what policies share */
} ngx_http_gateway_main_conf_t;


/* what a part of a policy's conf needs once everything is read */
typedef ngx_int_t (*ngx_http_gateway_init_pt)(ngx_conf_t *cf, void *data);

typedef struct {
    ngx_http_gateway_init_pt         handler;   /* NGX_OK or NGX_ERROR */
    void                            *data;
} ngx_http_gateway_init_t;


typedef struct {
    ngx_flag_t                       gateway;   /* has services or routes */
    ngx_flag_t                       no_route_404;
} ngx_http_gateway_srv_conf_t;


/* policies and the chain, ngx_http_gateway_conf.c */

/*
 * While directives are read, as in check() of a policy: calls the handler in
 * the core's postconfiguration, in the order of these calls.  NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_add_init(ngx_conf_t *cf,
    ngx_http_gateway_init_pt handler, void *data);

/* calls them; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_run_inits(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);

/* merges the instances of parent under those of conf; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_merge_instances(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf, ngx_http_gateway_loc_conf_t *parent,
    ngx_http_gateway_loc_conf_t *conf);

/* sorts policies, merges routes, ranks consumers' instances, builds chains */
ngx_int_t ngx_http_gateway_build_chains(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);

/*
 * A conf context for a block that takes only our directives: the enclosing
 * one with our location configuration replaced.  NULL on failure.
 */
ngx_http_conf_ctx_t *ngx_http_gateway_block_ctx(ngx_conf_t *cf,
    ngx_http_gateway_loc_conf_t *conf);

/* the setter of "gateway_consumer NAME {}" */
char *ngx_http_gateway_consumer_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_consumer_field(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* consumer groups, ngx_http_gateway_groups.c */

/* the setters of "gateway_consumer_group NAME {}" and of "groups NAME ..." */
char *ngx_http_gateway_group_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_consumer_groups(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * When all blocks are read: refuses groups that have none, and orders the
 * groups of each consumer by name.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_init_groups(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);

/* orders the groups of a consumer by name and writes group_names */
ngx_int_t ngx_http_gateway_group_names(ngx_pool_t *pool,
    ngx_http_gateway_consumer_t *consumer);

/* at run time; NULL: there is none of this name */
ngx_http_gateway_group_t *ngx_http_gateway_find_group(
    ngx_http_gateway_main_conf_t *gmcf, ngx_str_t *name);


/* writes the id of an entity without one, derived from its name */
ngx_int_t ngx_http_gateway_derive_id(ngx_conf_t *cf, const char *entity,
    ngx_str_t *name, ngx_str_t *id);


/* request contexts, ngx_http_gateway_ctx.c */

/* chooses the instance for position i of the chain and freezes it */
ngx_http_gateway_instance_t *ngx_http_gateway_freeze(
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t i);

/* the chain for the header, body and log phases; NULL if there is none */
ngx_http_gateway_chain_t *ngx_http_gateway_phase_chain(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);

ngx_int_t ngx_http_gateway_set_chain(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_chain_t *chain);


/* filters, ngx_http_gateway_filter.c */

/* body: some chain has a policy with a body handler */
void ngx_http_gateway_init_filters(ngx_uint_t body);


/* variables, ngx_http_gateway_variables.c */

ngx_int_t ngx_http_gateway_add_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_ */
