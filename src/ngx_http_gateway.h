
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* the product token of Server and Via, and of "node_info" */
#define NGX_HTTP_GATEWAY_VERSION      "0.1.0"
#define NGX_HTTP_GATEWAY_TOKEN        "ngx_gateway/" NGX_HTTP_GATEWAY_VERSION


/*
 * Contexts of our own blocks.  These bits are free in nginx 1.22 - 1.31
 * (directive types use 0x0000ffff, 0x00010000 and the top byte).
 */
#define NGX_HTTP_GATEWAY_GROUP_CONF     0x00200000
#define NGX_HTTP_GATEWAY_ROUTE_CONF     0x00400000
#define NGX_HTTP_GATEWAY_CONSUMER_CONF  0x00800000

/* where the one directive of a policy may stand */
#define NGX_HTTP_GATEWAY_POLICY_CONF                                          \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF                   \
     |NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_HTTP_GATEWAY_CONSUMER_CONF              \
     |NGX_HTTP_GATEWAY_GROUP_CONF|NGX_CONF_1MORE)


/* the Kong scope that an instance of a policy belongs to; bits */
#define NGX_HTTP_GATEWAY_SCOPE_ROUTE     0x01
#define NGX_HTTP_GATEWAY_SCOPE_SERVICE   0x02
#define NGX_HTTP_GATEWAY_SCOPE_CONSUMER  0x04
#define NGX_HTTP_GATEWAY_SCOPE_GROUP     0x08

/* scopes that a policy refuses (ngx_http_gateway_policy_t.forbidden): who
   cannot be for one consumer cannot be for a group of them */
#define NGX_HTTP_GATEWAY_NO_CONSUMER     NGX_HTTP_GATEWAY_SCOPE_CONSUMER


#define NGX_HTTP_GATEWAY_REQUEST_ID_LEN  32

#define NGX_HTTP_GATEWAY_NIL_UUID  "00000000-0000-0000-0000-000000000000"


typedef struct ngx_http_gateway_policy_s    ngx_http_gateway_policy_t;
typedef struct ngx_http_gateway_instance_s  ngx_http_gateway_instance_t;
typedef struct ngx_http_gateway_chain_s     ngx_http_gateway_chain_t;
typedef struct ngx_http_gateway_service_s   ngx_http_gateway_service_t;
typedef struct ngx_http_gateway_route_s     ngx_http_gateway_route_t;
typedef struct ngx_http_gateway_consumer_s  ngx_http_gateway_consumer_t;
typedef struct ngx_http_gateway_group_s     ngx_http_gateway_group_t;
typedef struct ngx_http_gateway_ctx_s       ngx_http_gateway_ctx_t;
typedef struct ngx_http_gateway_data_s      ngx_http_gateway_data_t;


/*
 * One parameter "name=value" of a policy's directive.  Lists repeat the
 * parameter: "key_names=apikey key_names=x-key".  A field of a nested
 * record is written with dots, as in the declarative file: "redis.host=...".
 */
typedef enum {
    NGX_HTTP_GATEWAY_PARAM_FLAG = 0,   /* ngx_flag_t; on|off|true|false */
    NGX_HTTP_GATEWAY_PARAM_INT,        /* ngx_int_t within min..max */
    NGX_HTTP_GATEWAY_PARAM_NUMBER,     /* double within min..max */
    NGX_HTTP_GATEWAY_PARAM_STRING,     /* ngx_str_t */
    NGX_HTTP_GATEWAY_PARAM_ENUM,       /* ngx_uint_t; "data" is an
                                          ngx_conf_enum_t table */
    NGX_HTTP_GATEWAY_PARAM_LIST,       /* ngx_array_t * of ngx_str_t,
                                          NULL when never given */
    NGX_HTTP_GATEWAY_PARAM_CUSTOM      /* "data" is a
                                          ngx_http_gateway_param_pt */
} ngx_http_gateway_param_type_e;

/*
 * Parses one value of a custom parameter; name is what stands left of "=".
 * A param whose name ends in "." matches every parameter with that prefix
 * (maps: "limits.video.minute=5").  Returns NGX_CONF_OK or a phrase.
 */
typedef char *(*ngx_http_gateway_param_pt)(ngx_conf_t *cf, void *conf,
    ngx_str_t *name, ngx_str_t *value);

typedef struct {
    ngx_str_t                        name;
    ngx_http_gateway_param_type_e    type;
    size_t                           offset;    /* in the policy's conf */
    ngx_int_t                        min;       /* INT, NUMBER; inclusive */
    ngx_int_t                        max;       /* max == 0: no bounds */
    void                            *data;
} ngx_http_gateway_param_t;


/*
 * A policy is what the declarative format calls a plugin: one feature with
 * one directive, at most one instance of which acts on a request.
 */
struct ngx_http_gateway_policy_s {
    ngx_str_t                        name;      /* "key_auth" */
    ngx_int_t                        priority;  /* higher runs first */
    ngx_uint_t                       forbidden; /* scopes; bits */

    size_t                           conf_size; /* starts with an
                                                   instance (below) */
    ngx_http_gateway_param_t        *params;    /* ends with a null name */

    /* fills the defaults of a zeroed conf, before parameters are read */
    void                           (*defaults)(void *conf);
    /* after the parameters: NGX_CONF_OK, a phrase, or NGX_CONF_ERROR */
    char                          *(*check)(ngx_conf_t *cf, void *conf);

    /*
     * NGX_OK or NGX_DECLINED: go on with the next policy; NGX_AGAIN: wait,
     * ngx_http_gateway_resume() goes on by calling this handler again;
     * NGX_DONE: answered by ngx_http_gateway_error() and the like (return
     * their value); NGX_ERROR or an HTTP status: fail with 500 or status
     */
    ngx_int_t                      (*access)(ngx_http_request_t *r,
                                         void *conf);
    /* before the response header goes out; NGX_OK or NGX_ERROR */
    ngx_int_t                      (*header)(ngx_http_request_t *r,
                                         void *conf);
    /* may replace *in; NGX_OK or NGX_ERROR */
    ngx_int_t                      (*body)(ngx_http_request_t *r,
                                         void *conf, ngx_chain_t **in);
    void                           (*log)(ngx_http_request_t *r,
                                         void *conf);

    ngx_uint_t                       index;     /* set on registration */
};


/* the head of each policy's conf */
struct ngx_http_gateway_instance_s {
    ngx_http_gateway_policy_t       *policy;
    ngx_uint_t                       scope;     /* bits */
    ngx_str_t                        service_id;  /* of the scope, or nil */
    ngx_str_t                        route_id;
    ngx_str_t                        for_service; /* of a consumer or group: */
    ngx_str_t                        for_route;   /* names that narrow it */
    u_char                          *file_name;   /* of the directive */
    ngx_uint_t                       line;
    unsigned                         off:1;       /* "gateway_x off" */
};


typedef struct {
    ngx_http_gateway_policy_t       *policy;
    ngx_http_gateway_instance_t     *instance;  /* NULL: only some consumer
                                                   or group may bring one */
} ngx_http_gateway_chain_entry_t;

struct ngx_http_gateway_chain_s {
    ngx_uint_t                       nelts;
    ngx_http_gateway_chain_entry_t  *elts;      /* by priority, descending */
    ngx_http_gateway_instance_t    **instances; /* of elts; the choice itself
                                                   where no consumer has one */
    unsigned                         personal:1;  /* a consumer or a group
                                                     may have its own */
    unsigned                         access:1;  /* some entry has it */
    unsigned                         header:1;
    unsigned                         body:1;
    unsigned                         log:1;
    ngx_uint_t                       traced;    /* what is measured, bits of
                                                   ngx_http_gateway_spans.h */
};


/*
 * Location configuration of the core; also what a gateway_route, a
 * gateway_consumer and a gateway_consumer_group block hold instead of a full
 * location.
 */
typedef struct {
    ngx_http_gateway_instance_t    **instances; /* by policy index; NULL
                                                   until one is set */
    ngx_http_gateway_chain_t        *chain;     /* built after merging */

    ngx_http_gateway_service_t      *service;   /* what block this is */
    ngx_http_gateway_route_t        *route;
    ngx_http_gateway_consumer_t     *consumer;
    ngx_http_gateway_group_t        *group;
} ngx_http_gateway_loc_conf_t;


struct ngx_http_gateway_service_s {
    ngx_str_t                        name;      /* or its id, if unnamed */
    ngx_str_t                        id;
    ngx_str_t                        host;
    in_port_t                        port;
    ngx_str_t                        protocol;  /* "http", "https", ... */
    ngx_str_t                        path;      /* "" when unset */
    ngx_uint_t                       retries;
    ngx_str_t                        upstream;  /* gateway_upstream name */
    void                            *balancer;  /* owned by "upstream" */
    unsigned                         headers_block:1;  /* its location sends
                                                $gateway_upstream_headers */

    ngx_str_t                        record;    /* JSON, for logs; or nil */
    void                           **loc_conf;  /* of its location */
    ngx_http_gateway_loc_conf_t     *conf;
    u_char                          *file_name;
    ngx_uint_t                       line;
};


#define NGX_HTTP_GATEWAY_PROTO_HTTP    0x01
#define NGX_HTTP_GATEWAY_PROTO_HTTPS   0x02
#define NGX_HTTP_GATEWAY_PROTO_GRPC    0x04
#define NGX_HTTP_GATEWAY_PROTO_GRPCS   0x08

struct ngx_http_gateway_route_s {
    ngx_str_t                        name;      /* or its id, if unnamed */
    ngx_str_t                        id;
    ngx_http_gateway_service_t      *service;   /* NULL: answers 503 */
    ngx_http_gateway_loc_conf_t     *conf;
    ngx_http_gateway_loc_conf_t     *parent;    /* of the server */
    ngx_uint_t                       protocols; /* bits */
    ngx_uint_t                       https_redirect_status;
    unsigned                         strip_path:1;
    unsigned                         preserve_host:1;
    unsigned                         path_v1:1; /* as written, for logs */
    unsigned                         joins_v1:1; /* path_v1 is honoured */
    unsigned                         has_paths:1;
    ngx_str_t                        service_name; /* as written */
    ngx_str_t                        record;    /* JSON, for logs; or nil */
    u_char                          *file_name;
    ngx_uint_t                       line;
};


/*
 * A consumer group.  Its instances act on all requests of its members; not to
 * be confused with the groups of acl, which choose no instance.
 */
struct ngx_http_gateway_group_s {
    ngx_str_t                        name;
    ngx_str_t                        id;
    ngx_array_t                    **overrides; /* as a consumer's */
    ngx_uint_t                       number;    /* 1 .. all groups */
    u_char                          *file_name; /* of the block, or of the
                                                   first mention of it */
    ngx_uint_t                       line;
    unsigned                         defined:1; /* has a block */
};


struct ngx_http_gateway_consumer_s {
    ngx_str_t                        name;      /* of the block */
    ngx_str_t                        id;
    ngx_str_t                        username;
    ngx_str_t                        custom_id;
    ngx_str_t                        record;    /* JSON, for logs; or nil */
    ngx_array_t                     *acl_groups;  /* ngx_str_t, or NULL */
    ngx_array_t                     *groups;    /* consumer groups:
                                                   ngx_http_gateway_group_t *
                                                   by name; NULL: none */
    ngx_str_t                        group_names; /* "a, b", of groups */
    ngx_array_t                     *stored_groups; /* of acl, ngx_str_t, of
                                                   one who is in the store
                                                   only; or NULL */
    /* its own instances: per policy index an array of
       ngx_http_gateway_instance_t *, best rank first; or NULL */
    ngx_array_t                    **overrides;
    ngx_uint_t                       number;    /* 1 .. all consumers; 0: of
                                                   the store, lives with the
                                                   request */
    u_char                          *file_name;
    ngx_uint_t                       line;
};


/* one credential of any kind; the auth policy's own struct starts with it */
typedef struct {
    ngx_str_t                        id;         /* UUID */
    ngx_str_t                        identifier; /* X-Credential-Identifier */
    ngx_http_gateway_consumer_t     *consumer;   /* NULL: none */
} ngx_http_gateway_credential_t;


/* the head of what a policy keeps with a request */
struct ngx_http_gateway_data_s {
    ngx_http_gateway_policy_t       *policy;
    ngx_http_gateway_data_t         *next;
};


/*
 * What we know of a request.  It hangs on a pool cleanup besides r->ctx, so
 * it survives internal redirects: use ngx_http_gateway_get_ctx().
 */
struct ngx_http_gateway_ctx_s {
    ngx_http_gateway_route_t        *route;
    ngx_http_gateway_service_t      *service;
    ngx_http_gateway_chain_t        *chain;
    ngx_http_gateway_instance_t    **confs;     /* frozen choice, by chain
                                                   position */
    ngx_uint_t                       next;      /* access: position to run */
    ngx_uint_t                       frozen;    /* confs[] below are chosen */

    ngx_http_gateway_consumer_t     *consumer;
    ngx_http_gateway_credential_t   *credential;
    ngx_str_t                        authenticated_groups; /* "a, b" */
    u_char                          *one_group; /* their data when they are
                                                   one, commas and all */

    ngx_str_t                        peer_addr; /* connecting address before
                                                   realip; only with
                                                   trusted_ips */
    ngx_str_t                        target;    /* the client's, no query */
    ngx_str_t                        query;     /* the client's, with "?" */
    ngx_str_t                        path;      /* normalised, see router */
    ngx_str_t                        args;      /* after "?", may change */
    size_t                           matched;   /* bytes of path matched by
                                                   the route's path */
    void                            *captures;  /* owned by "route" */
    ngx_str_t                        upstream_uri; /* path sent upstream */
    ngx_str_t                        upstream_host; /* Host sent upstream */
    ngx_str_t                        replaced_host; /* the same if a policy
                                                   wants another one */
    ngx_str_t                        forwarded; /* header lines for
                                                   $gateway_upstream_headers */
    u_char                          *forwarded_host; /* the Host that stands
                                                   right before forwarded */
    ngx_table_elt_t                 *pending;   /* request headers that go
                                                   with them, see headers.h */
    ngx_uint_t                       npending;
    void                            *balancer;  /* instead of the service's,
                                                   or NULL */
    void                            *upstream;  /* owned by "upstream" */
    ngx_http_gateway_data_t         *data;      /* of policies, a list */
    ngx_array_t                     *shared;    /* ngx_keyval_t, or NULL */
    ngx_array_t                     *trace_ids; /* owned by "trace" */
    void                            *spans;     /* owned by "spans" */
    void                            *log_lines; /* owned by "log_lines" */
    ngx_uint_t                       method;    /* the client's */
    ngx_str_t                        method_name;

    ngx_msec_t                       start;     /* ngx_current_msec values */
    ngx_msec_t                       balanced;  /* last peer chosen; 0: not */

    u_char          request_id[NGX_HTTP_GATEWAY_REQUEST_ID_LEN];

    unsigned                         id_set:1;
    unsigned                         anonymous:1;  /* consumer is the
                                                      fallback */
    unsigned                         chain_set:1;
    unsigned                         access_started:1;
    unsigned                         access_done:1;
    unsigned                         answered:1;   /* made by us */
    unsigned                         proxied:1;    /* a peer was picked */
    unsigned                         args_changed:1;
    unsigned                         matched_any:1;  /* router has run */
    unsigned                         suspended:1;
    unsigned                         header_done:1;
    unsigned                         trusted:1;    /* peer in trusted_ips */
    unsigned                         waiting_body:1;
    unsigned                         cert_headers:1;  /* X-Client-Cert-* are
                                                         ours */
    unsigned                         held:4;       /* policies that hold the
                                                      response's header */
    unsigned                         dropped:1;    /* another replaces it */
    unsigned                         replaced:1;   /* and its header is out */
    unsigned                         cached:1;     /* answered with what an
                                                      upstream has sent */
};


/* core, ngx_http_gateway_module.c */

extern ngx_module_t  ngx_http_gateway_module;

/*
 * Registers a policy; call it in the feature's preconfiguration.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_add_policy(ngx_conf_t *cf,
    ngx_http_gateway_policy_t *policy);

/* the setter of each policy's directive; cmd->post is the policy */
char *ngx_http_gateway_policy_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * The conf of the instance of this policy that acts on the request, or NULL.
 * Decided when the policy's turn comes, the same in all later phases.
 */
void *ngx_http_gateway_get_conf(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy);

/* the context of the request's main request; NULL if it has none (yet) */
ngx_http_gateway_ctx_t *ngx_http_gateway_get_ctx(ngx_http_request_t *r);

/* the same, made when missing; NULL on allocation failure */
ngx_http_gateway_ctx_t *ngx_http_gateway_create_ctx(ngx_http_request_t *r);

/*
 * What the policy keeps with the request over its phases and over internal
 * redirects: a struct of its own that starts with ngx_http_gateway_data_t.
 * size bytes, not cleared but for the head; NULL on allocation failure.
 */
void *ngx_http_gateway_add_data(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy, size_t size);

/* the same, found again; NULL when there is none */
void *ngx_http_gateway_get_data(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy);

/*
 * What policies tell others of a request, by name: what Kong has in
 * kong.ctx.shared.  Nothing is copied.  _share() does nothing unless somebody
 * wants to know (_wants_shared(), while the configuration is read); NGX_OK or
 * NGX_ERROR.  _shared() is NGX_OK, or NGX_DECLINED: there is none.
 */
ngx_int_t ngx_http_gateway_share(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, const ngx_str_t *name,
    const ngx_str_t *value);
ngx_int_t ngx_http_gateway_shared(ngx_http_request_t *r,
    const ngx_str_t *name, ngx_str_t *value);
void ngx_http_gateway_wants_shared(ngx_conf_t *cf);

/* 32 lower-case hex digits, made on first use; data lives in ctx */
void ngx_http_gateway_request_id(ngx_http_gateway_ctx_t *ctx,
    ngx_str_t *id);

/* the effective scheme is https: by X-Forwarded-Proto from trusted peers */
ngx_uint_t ngx_http_gateway_is_https(ngx_http_request_t *r);

/* the listening port, or the public one mapped to it */
in_port_t ngx_http_gateway_port(ngx_http_request_t *r);

/*
 * For the header handler of a policy that wants to see the body before the
 * header goes out: it does not, until the policy's body handler calls
 * _release_header(), at the latest with the last buffer.  What body handlers
 * return before that is lost.
 */
void ngx_http_gateway_hold_header(ngx_http_gateway_ctx_t *ctx);
void ngx_http_gateway_release_header(ngx_http_gateway_ctx_t *ctx);

/*
 * Answers with that status instead of the response whose header is held or is
 * being looked at; the handler returns the value.  Policies do not see what
 * is sent then.
 */
ngx_int_t ngx_http_gateway_drop_response(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t status);

/* goes on after an access handler returned NGX_AGAIN */
void ngx_http_gateway_resume(ngx_http_request_t *r);

/*
 * All gateway_service blocks (ngx_http_gateway_service_t *) and all
 * gateway_route blocks (ngx_http_gateway_route_t *), complete from the
 * features' postconfiguration on.
 */
ngx_array_t *ngx_http_gateway_services(ngx_conf_t *cf);
ngx_array_t *ngx_http_gateway_routes(ngx_conf_t *cf);

/*
 * A named or numbered group of the regex path that matched the request;
 * NGX_OK, or NGX_DECLINED when there is none.  Provided by "route".
 */
ngx_int_t ngx_http_gateway_route_capture(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);

/* the n-th name of its groups, from 0; NGX_DECLINED: there is none */
ngx_int_t ngx_http_gateway_route_capture_name(ngx_http_request_t *r,
    ngx_uint_t n, ngx_str_t *name);

/* the first path of the route as written; NGX_DECLINED: it has none */
ngx_int_t ngx_http_gateway_route_first_path(ngx_http_gateway_route_t *route,
    ngx_str_t *path);

/* by id or username, the id first, then the name of the block; or NULL */
ngx_http_gateway_consumer_t *ngx_http_gateway_find_consumer(ngx_conf_t *cf,
    ngx_str_t *name);


#endif /* _NGX_HTTP_GATEWAY_H_INCLUDED_ */
