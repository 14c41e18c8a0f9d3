
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of the upstream feature share.
 *
 *   balancer           one gateway_upstream, or one host:port of services
 *     target           a line of it: a name or an address, weight
 *       addr           what the name resolves to
 *     set              what requests pick from; never changes once built
 *       slot -> peer   an address with its counters, kept over rebuilds
 *   try                the picks of one upstream request; holds its set
 *
 * Everything below a balancer that changes belongs to one worker.
 */


#ifndef _NGX_HTTP_GATEWAY_UPSTREAM_PEERS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_UPSTREAM_PEERS_H_INCLUDED_


#include "ngx_http_gateway_shm.h"
#include "ngx_http_gateway_upstream.h"
#include "gateway_dns.h"


#define NGX_HTTP_GATEWAY_UPSTREAM_TAG       8      /* bytes */
#define NGX_HTTP_GATEWAY_UPSTREAM_SESSIONS  4      /* per peer */
#define NGX_HTTP_GATEWAY_UPSTREAM_NONE      ((ngx_uint_t) -1)

#define NGX_HTTP_GATEWAY_UPSTREAM_TYPES     8      /* of an order */
#define NGX_HTTP_GATEWAY_UPSTREAM_LAST      0xffff /* among types */
#define NGX_HTTP_GATEWAY_UPSTREAM_EMPTY     101    /* among NGX_RESOLVE_...:
                                                      no records of a type */


typedef enum {
    NGX_HTTP_GATEWAY_UPSTREAM_ROUND_ROBIN = 0,
    NGX_HTTP_GATEWAY_UPSTREAM_CONSISTENT,
    NGX_HTTP_GATEWAY_UPSTREAM_LEAST_CONN,
    NGX_HTTP_GATEWAY_UPSTREAM_LATENCY
} ngx_http_gateway_upstream_algorithm_e;


typedef enum {
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE = 0,
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_CONSUMER,
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_IP,
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_HEADER,
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_COOKIE,
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_PATH,
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_QUERY_ARG,
    NGX_HTTP_GATEWAY_UPSTREAM_HASH_URI_CAPTURE
} ngx_http_gateway_upstream_hash_e;


typedef enum {
    NGX_HTTP_GATEWAY_UPSTREAM_PROBE_HTTP = 0,
    NGX_HTTP_GATEWAY_UPSTREAM_PROBE_HTTPS,
    NGX_HTTP_GATEWAY_UPSTREAM_PROBE_TCP
} ngx_http_gateway_upstream_probe_e;


/* what a check saw, each with a counter */
typedef enum {
    NGX_HTTP_GATEWAY_UPSTREAM_SUCCESS = 0,
    NGX_HTTP_GATEWAY_UPSTREAM_HTTP_FAILURE,
    NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE,
    NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT,
    NGX_HTTP_GATEWAY_UPSTREAM_EVENTS
} ngx_http_gateway_upstream_event_e;


typedef struct ngx_http_gateway_upstream_target_s
    ngx_http_gateway_upstream_target_t;
typedef struct ngx_http_gateway_upstream_balancer_s
    ngx_http_gateway_upstream_balancer_t;
typedef struct ngx_http_gateway_upstream_main_conf_s
    ngx_http_gateway_upstream_main_conf_t;


typedef struct ngx_http_gateway_upstream_lookup_s
    ngx_http_gateway_upstream_lookup_t;


/* how names are looked up; times in seconds */
typedef struct {
    ngx_uint_t                            order[
                                          NGX_HTTP_GATEWAY_UPSTREAM_TYPES];
    ngx_uint_t                            norder;   /* 0: not given */
    ngx_array_t                          *search;   /* ngx_str_t, or NULL */
    ngx_uint_t                            ndots;
    time_t                                valid;    /* -1: as records say */
    time_t                                stale;
    time_t                                not_found;
    time_t                                error;
    ngx_msec_t                            timeout;  /* of a server */
    ngx_uint_t                            attempts;
    unsigned                              named:1;  /* SRV only for names as
                                                       _service._proto.name */
    unsigned                              set:1;
} ngx_http_gateway_upstream_dns_conf_t;


/* the servers of a "resolver", shared by those who use it */
typedef struct {
    ngx_resolver_t                       *resolver;
    ngx_http_gateway_upstream_dns_conf_t  conf;     /* without gaps */
    ngx_uint_t                            first;    /* whom to ask first */
    ngx_uint_t                            active;   /* questions under way */
    ngx_queue_t                           queue;    /* others */
    ngx_event_t                           wake;
    unsigned                              stopped:1;
} ngx_http_gateway_upstream_servers_t;


/* an address as a lookup found it; or a SRV record, before that */
typedef struct {
    ngx_sockaddr_t                        sockaddr;
    socklen_t                             socklen;
    ngx_str_t                             name;     /* target of SRV */
    ngx_uint_t                            priority;
    ngx_uint_t                            weight;
    in_port_t                             port;     /* 0: none */
    ngx_uint_t                            share;    /* addresses of the SRV
                                                       record */
} ngx_http_gateway_upstream_answer_t;


/* a question under way */
typedef struct {
    ngx_queue_t                           queue;    /* while queued */
    ngx_peer_connection_t                 peer;
    ngx_event_t                           timer;
    ngx_uint_t                            server;
    ngx_uint_t                            attempt;
    ngx_uint_t                            refusals; /* answers of no use */
    ngx_int_t                             error;
    size_t                                len;
    u_char                                message[2 + GATEWAY_DNS_QUERY];
    size_t                                sent;     /* these by TCP */
    size_t                                received;
    u_char                                length[2];
    u_char                               *answer;
    size_t                                answer_len;
    unsigned                              tcp:1;
    unsigned                              broken:1;
    unsigned                              queued:1;
} ngx_http_gateway_upstream_query_t;


typedef void (*ngx_http_gateway_upstream_lookup_pt)(
    ngx_http_gateway_upstream_lookup_t *l);


struct ngx_http_gateway_upstream_lookup_s {
    ngx_http_gateway_upstream_lookup_pt   handler;
    void                                 *data;

    /* the result; they live until the lookup is freed */
    ngx_int_t                             error;    /* 0: there is one */
    ngx_uint_t                            type;     /* that was found */
    uint32_t                              ttl;
    ngx_array_t                           answers;  /* ..._answer_t */

    ngx_pool_t                           *pool;
    ngx_http_gateway_upstream_dns_conf_t *conf;
    ngx_http_gateway_upstream_servers_t  *servers;
    ngx_event_t                           deadline;
    ngx_http_gateway_upstream_query_t     query;

    ngx_str_t                             host;     /* without a final dot */
    ngx_uint_t                            dots;
    ngx_uint_t                            last;     /* type */
    ngx_uint_t                            position; /* in the order */
    ngx_uint_t                            done;     /* types, as bits */
    ngx_int_t                             step;     /* in the domains */
    ngx_uint_t                            aliases;
    u_char                                name[GATEWAY_DNS_NAME];
    size_t                                name_len;

    ngx_http_gateway_upstream_lookup_t   *parent;   /* of a SRV's target */
    ngx_array_t                           children;
    ngx_uint_t                            pending;

    unsigned                              absolute:1; /* no domains */
    unsigned                              cancelable:1;
    unsigned                              failed:1; /* servers did, at least
                                                       once */
    unsigned                              starting:1;
    unsigned                              ended:1;
};


typedef struct {
    ngx_sockaddr_t                        sockaddr;
    socklen_t                             socklen;
    ngx_str_t                             name;     /* Host, if not the
                                                       target's */
    ngx_uint_t                            weight;
    ngx_uint_t                            share;    /* so many addresses have
                                                       this weight */
} ngx_http_gateway_upstream_addr_t;


/* how a name is doing; only for targets whose name needs DNS */
typedef struct {
    ngx_http_gateway_upstream_lookup_t   *lookup;   /* in progress */
    time_t                                retry;    /* not asked before */
    time_t                                refresh;  /* asked by the timer */
    time_t                                good;     /* last success */
    ngx_uint_t                            type;     /* that worked last */
    ngx_int_t                             error;    /* NGX_RESOLVE_..., or 0;
                                                       NGX_AGAIN: not asked */
    ngx_uint_t                            runs;     /* lookups */
    ngx_uint_t                            successes;
    ngx_uint_t                            failures;
    ngx_uint_t                            stale;    /* failures that left the
                                                       old addresses */
    unsigned                              each:1;   /* asked for each request:
                                                       TTL 0 */
} ngx_http_gateway_upstream_name_t;


struct ngx_http_gateway_upstream_target_s {
    ngx_http_gateway_upstream_balancer_t *balancer;
    ngx_str_t                             text;     /* "host:port" */
    ngx_str_t                             host;     /* IPv6 in brackets */
    in_port_t                             port;
    ngx_uint_t                            weight;

    ngx_str_t                             id;       /* these to be shown */
    ngx_array_t                          *tags;     /* ngx_str_t, or NULL */
    time_t                                created_at;
    time_t                                updated_at;

    ngx_http_gateway_upstream_addr_t     *addrs;    /* ngx_alloc() if named,
                                                       else of the cycle */
    ngx_uint_t                            naddrs;
    ngx_http_gateway_upstream_name_t     *name;     /* NULL: no DNS */
    ngx_addr_t                           *connect_to; /* instead of the only
                                                         address, or NULL */
};


typedef struct {
    void                                 *session;
    u_char                                tag[NGX_HTTP_GATEWAY_UPSTREAM_TAG];
} ngx_http_gateway_upstream_session_t;


/* a set of statuses, 100 to 999 */
typedef struct {
    uint32_t                              bits[32];
} ngx_http_gateway_upstream_statuses_t;


/* what is counted, of requests or of probes */
typedef struct {
    ngx_uint_t             limit[NGX_HTTP_GATEWAY_UPSTREAM_EVENTS]; /* 0: not
                                                       counted */
    ngx_http_gateway_upstream_statuses_t  healthy;
    ngx_http_gateway_upstream_statuses_t  unhealthy;
} ngx_http_gateway_upstream_limits_t;


/* probes; first as configured, then what the leading worker has under way */
typedef struct {
    ngx_http_gateway_upstream_limits_t    limits;   /* must be the first */
    ngx_msec_t                            healthy_interval;   /* 0: none */
    ngx_msec_t                            unhealthy_interval;
    ngx_msec_t                            timeout;
    ngx_uint_t                            concurrency;
    ngx_str_t                             path;
    ngx_str_t                             headers;  /* whole lines */
    ngx_str_t                             sni;
    ngx_str_t                             trusted_certificate;
    ngx_str_t                             certificate;
    ngx_str_t                             certificate_key;
#if (NGX_HTTP_SSL)
    ngx_ssl_t                            *ssl;      /* NULL: type http */
#endif
    ngx_uint_t                            type;     /* ..._probe_e */
    ngx_uint_t                            verify;   /* 0 or 1 */
    ngx_uint_t                            host_set; /* among headers */

    ngx_http_gateway_upstream_main_conf_t *main;
    ngx_event_t                           timer;
    ngx_uint_t                            running;
    ngx_uint_t                            short_of; /* some have to wait */
} ngx_http_gateway_upstream_active_t;


/* health checks of a balancer */
typedef struct {
    ngx_http_gateway_upstream_limits_t    passive;
    ngx_http_gateway_upstream_active_t   *active;   /* NULL: none */
    ngx_uint_t                            threshold; /* 1/1000 per cent */
    ngx_http_gateway_shm_t               *shm;
    ngx_atomic_t                         *generation; /* of all states in
                                                         the zone */
    ngx_atomic_uint_t                     seen;     /* when peers were set */
    unsigned                              enabled:1; /* something counts */
    unsigned                              broken:1; /* below the threshold */
    unsigned                              threshold_set:1;
    unsigned                              passive_set:1;
} ngx_http_gateway_upstream_checks_t;


typedef struct {
    ngx_uint_t                            refs;     /* sets */
    ngx_http_gateway_upstream_target_t   *target;
    ngx_sockaddr_t                        sockaddr;
    socklen_t                             socklen;
    ngx_str_t                             text;     /* "ip:port" */
    ngx_str_t                             host;     /* Host without port */
    ngx_str_t                             host_port;
    in_port_t                             port;

    ngx_uint_t                            active;   /* requests under way */
    double                                ewma;     /* milliseconds */
    ngx_msec_t                            touched;  /* when ewma was set */

    /*
     * Health checks, when there are any, set these; a peer that is down is
     * skipped by every algorithm.
     */
    ngx_http_gateway_digest_t             digest;   /* in the zone */
    ngx_http_gateway_upstream_state_e     health;
    ngx_msec_t                            probed;   /* when last */
    unsigned                              down:1;
    unsigned                              probing:1;
    unsigned                              seen:1;   /* probed is a value */
    unsigned                              measured:1; /* ewma is a value */

#if (NGX_HTTP_SSL)
    ngx_uint_t                            last_session;
    ngx_http_gateway_upstream_session_t
                         sessions[NGX_HTTP_GATEWAY_UPSTREAM_SESSIONS];
#endif
} ngx_http_gateway_upstream_peer_t;


typedef struct {
    ngx_http_gateway_upstream_peer_t     *peer;
    ngx_uint_t                            weight;
} ngx_http_gateway_upstream_slot_t;


typedef struct {
    uint32_t                              hash;
    uint32_t                              slot;
} ngx_http_gateway_upstream_point_t;


/* one block of memory; slots are in the order of peers' text */
typedef struct {
    ngx_uint_t                            refs;     /* balancer and tries */
    ngx_uint_t                            nslots;
    ngx_uint_t                            usable;   /* slots with a weight */
    ngx_uint_t                            scale;    /* of weights */
    ngx_uint_t                            next;     /* where the next search
                                                       begins */
    ngx_http_gateway_upstream_slot_t     *slots;
    ngx_uint_t                            nplaces;  /* round robin */
    uint32_t                             *places;
    ngx_uint_t                            npoints;  /* consistent hashing */
    ngx_http_gateway_upstream_point_t    *points;   /* by hash */
} ngx_http_gateway_upstream_set_t;


typedef struct {
    ngx_http_gateway_upstream_hash_e      type;
    ngx_str_t                             name;     /* header: lower case */
} ngx_http_gateway_upstream_hash_t;


/* the part of a balancer that only names need */
typedef struct {
    ngx_http_gateway_upstream_dns_conf_t *conf;
    ngx_http_gateway_upstream_servers_t  *servers;  /* NULL: no resolver */
    ngx_msec_t                            timeout;  /* of a lookup */
    ngx_uint_t                            queries;  /* lookups in progress */
    time_t                                due;      /* least retry */
    ngx_queue_t                           waiting;  /* tries */
    ngx_event_t                           refresh;
    ngx_event_t                           settle;   /* ends the first wait */
    ngx_event_t                           wake;
    unsigned                              settled:1;
    unsigned                              used:1;   /* since a refresh */
    unsigned                              each:1;   /* asks for names of
                                                       TTL 0 */
} ngx_http_gateway_upstream_dns_t;


struct ngx_http_gateway_upstream_balancer_s {
    ngx_str_t                             name;
    ngx_str_t                             id;       /* to be shown */
    ngx_http_gateway_upstream_algorithm_e algorithm;
    ngx_http_gateway_upstream_hash_t      hash;
    ngx_http_gateway_upstream_hash_t      fallback;
    ngx_str_t                             cookie_path;
    ngx_str_t                             host_header;
    ngx_uint_t                            slots;
    ngx_array_t                           targets;
    ngx_http_gateway_upstream_dns_t      *dns;      /* NULL: no names */
    ngx_http_gateway_upstream_checks_t   *checks;   /* NULL: none */
    ngx_http_gateway_upstream_set_t      *set;      /* NULL: not built */
    ngx_log_t                            *log;
    u_char                               *file_name;
    ngx_uint_t                            line;
    unsigned                              implicit:1; /* of services */
    unsigned                              changed:1;  /* set is outdated */
    unsigned                              use_srv_name:1;
    unsigned                              algorithm_set:1;
    unsigned                              hash_set:1;
    unsigned                              fallback_set:1;
};


struct ngx_http_gateway_upstream_main_conf_s {
    ngx_array_t                           balancers; /* ..._balancer_t *,
                                                        explicit ones first */
    ngx_uint_t                            nexplicit;
    ngx_str_t                             hosts_file;
    ngx_http_gateway_upstream_dns_conf_t  dns;
    ngx_array_t                           servers;  /* ..._servers_t * */
    ngx_array_t                          *places;   /* ..._place_t *, or
                                                       NULL */
    void                                 *names;    /* of connections in the
                                                       background */
    ngx_http_gateway_shm_t               *shm;      /* states of checks */
    size_t                                size;     /* of the zone */
    ngx_event_t                           keep;     /* holds states */
    ngx_event_t                           lead;     /* renews the lease */
    ngx_queue_t                           probes;   /* under way */
    ngx_http_gateway_digest_t             lease;
    ngx_event_t                           start;
    ngx_uint_t                            started;  /* balancers */
    unsigned                              probing:1; /* some are configured */
    unsigned                              leading:1; /* by this worker */
    unsigned                              used:1;   /* a gateway_balancer */
};


typedef struct ngx_http_gateway_upstream_try_s
    ngx_http_gateway_upstream_try_t;

/* of requests, and of sessions of stream{} too: these have no request */
struct ngx_http_gateway_upstream_try_s {
    ngx_queue_t                           queue;    /* while waiting */
    void                (*resume)(ngx_http_gateway_upstream_try_t *t);
    void                                 *session;  /* of stream{} */
    ngx_http_request_t                   *request;
    ngx_http_gateway_ctx_t               *ctx;
    ngx_http_gateway_upstream_balancer_t *balancer; /* NULL: no service */
    ngx_http_gateway_upstream_set_t      *set;
    ngx_uint_t                            current;  /* slot */
    ngx_uint_t                            attempt;  /* in upstream_states */
    u_char                               *tried;    /* by slot, or NULL */
    /* of the proxy module, while ours stand before them */
    ngx_int_t                           (*process_header)(
                                              ngx_http_request_t *r);
    ngx_int_t                           (*reinit_request)(
                                              ngx_http_request_t *r);
    uint32_t                              hash;
    ngx_str_t                             cookie;   /* to set; value */
    ngx_sockaddr_t                        sockaddr; /* current's, and tag */
    u_char                                tag[NGX_HTTP_GATEWAY_UPSTREAM_TAG];
    unsigned                              hashed:1;
    unsigned                              waiting:1;
    unsigned                              waited:1; /* for names, once */
    unsigned                              picked:1; /* but not connected */
    unsigned                              taken:1;  /* by a peer.init */
    unsigned                              counted:1; /* in peer's active */
    unsigned                              failed:1; /* no peer, on retry */
    unsigned                              pending:1; /* the attempt is to be
                                                        reported */
    unsigned                              stale:1;  /* it met an idle
                                                       connection's end */
};


extern ngx_module_t  ngx_http_gateway_upstream_module;


/* configuration, ngx_http_gateway_upstream_module.c */

/* a balancer without targets, which is not among those of main; or NULL */
ngx_http_gateway_upstream_balancer_t *ngx_http_gateway_upstream_create(
    ngx_conf_t *cf, ngx_str_t *name);

/*
 * Adds a target: host is an IPv4 address, an IPv6 address in brackets, or a
 * name.  NGX_OK, or NGX_ERROR after a message.
 */
ngx_int_t ngx_http_gateway_upstream_add_target(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *host, in_port_t port,
    ngx_uint_t weight);

/* reads the hosts file of main into a tree, as below; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_upstream_hosts(ngx_conf_t *cf, ngx_pool_t *pool,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_rbtree_t *hosts);


/* sets and algorithms, ngx_http_gateway_upstream_set.c */

/* the balancer's set, rebuilt when changed; not referenced.  NULL on error */
ngx_http_gateway_upstream_set_t *ngx_http_gateway_upstream_set(
    ngx_http_gateway_upstream_balancer_t *b);
void ngx_http_gateway_upstream_set_release(
    ngx_http_gateway_upstream_set_t *set);

/* drops a reference */
void ngx_http_gateway_upstream_peer_release(
    ngx_http_gateway_upstream_peer_t *peer);

/* sets t->current; NGX_OK or, when no peer is usable, NGX_DECLINED */
ngx_int_t ngx_http_gateway_upstream_choose(
    ngx_http_gateway_upstream_try_t *t);

/* an attempt on the current peer took that long, or failed */
void ngx_http_gateway_upstream_measure(ngx_http_gateway_upstream_try_t *t,
    ngx_msec_t elapsed, ngx_uint_t failed);


/* names, ngx_http_gateway_upstream_dns.c */

/*
 * Asks for what is due.  NGX_OK: go on with what is known; NGX_AGAIN: t has
 * been queued, its resume() is called when to ask again.
 */
ngx_int_t ngx_http_gateway_upstream_resolve(
    ngx_http_gateway_upstream_try_t *t);

/* makes the dns part, with names of targets that need it; NGX_OK/NGX_ERROR */
ngx_int_t ngx_http_gateway_upstream_dns_init(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_balancer_t *b, ngx_resolver_t *resolver,
    ngx_msec_t timeout, ngx_rbtree_t *hosts);
void ngx_http_gateway_upstream_dns_start(
    ngx_http_gateway_upstream_balancer_t *b);
void ngx_http_gateway_upstream_dns_stop(
    ngx_http_gateway_upstream_balancer_t *b);

/*
 * Reads a hosts file into a tree of ngx_str_node_t, each followed by its
 * ngx_addr_t, in the pool; NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_upstream_read_hosts(ngx_conf_t *cf,
    ngx_pool_t *pool, ngx_str_t *file, ngx_rbtree_t *hosts);

/* what a resolver's users share, made when missing; NULL on error */
ngx_http_gateway_upstream_servers_t *ngx_http_gateway_upstream_servers(
    ngx_conf_t *cf, ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_resolver_t *resolver);


/* lookups, ngx_http_gateway_upstream_lookup.c */

/*
 * Looks host up, which stays where it is; last: the type that worked last,
 * or 0.  The handler is called once, and never before this returns; it frees
 * the lookup.  cancelable: a worker that ends need not wait.  NULL on error.
 */
ngx_http_gateway_upstream_lookup_t *ngx_http_gateway_upstream_lookup(
    ngx_http_gateway_upstream_dns_conf_t *conf,
    ngx_http_gateway_upstream_servers_t *servers, ngx_str_t *host,
    ngx_uint_t last, ngx_msec_t timeout, ngx_uint_t cancelable,
    ngx_http_gateway_upstream_lookup_pt handler, void *data, ngx_log_t *log);

/* prepares what lookups share; and ends it: lookups may only be freed */
void ngx_http_gateway_upstream_servers_init(
    ngx_http_gateway_upstream_servers_t *servers, ngx_log_t *log);
void ngx_http_gateway_upstream_servers_stop(
    ngx_http_gateway_upstream_servers_t *servers);

/* ends it as well */
void ngx_http_gateway_upstream_lookup_free(
    ngx_http_gateway_upstream_lookup_t *l);

/* in Kong's words */
const char *ngx_http_gateway_upstream_dns_strerror(ngx_int_t error);


/* the directive gateway_dns, ngx_http_gateway_upstream_dns.c */

char *ngx_http_gateway_upstream_dns_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


/* the status listener, ngx_http_gateway_upstream_status.c */

char *ngx_http_gateway_upstream_status_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_gateway_dns_status_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


/* hash inputs, ngx_http_gateway_upstream_hash.c */

/* sets t->hash, and t->cookie when it made one; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_upstream_hash_request(
    ngx_http_gateway_upstream_try_t *t);

/* adds Set-Cookie to the response; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_upstream_send_cookie(ngx_http_request_t *r,
    ngx_http_gateway_upstream_try_t *t);


/* health, ngx_http_gateway_upstream_health.c */

/* makes the zone when some balancer has checks; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_upstream_health_init(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf);
/* the zone is mapped */
void ngx_http_gateway_upstream_health_map(
    ngx_http_gateway_upstream_main_conf_t *gumcf);
void ngx_http_gateway_upstream_health_start(
    ngx_http_gateway_upstream_main_conf_t *gumcf);
void ngx_http_gateway_upstream_health_stop(
    ngx_http_gateway_upstream_main_conf_t *gumcf);

/* names the peer in the zone */
void ngx_http_gateway_upstream_health_peer(
    ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer);

/* takes over what all workers know into the peers of the balancer's set */
void ngx_http_gateway_upstream_sync(ngx_http_gateway_upstream_balancer_t *b);

/* somebody knows better; the caller syncs */
void ngx_http_gateway_upstream_force(ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer, ngx_uint_t healthy);

/* a check of the peer had that result, limits are those of its side */
void ngx_http_gateway_upstream_report(ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer,
    ngx_http_gateway_upstream_limits_t *limits,
    ngx_http_gateway_upstream_event_e event);
void ngx_http_gateway_upstream_report_status(
    ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer,
    ngx_http_gateway_upstream_limits_t *limits, ngx_uint_t status);

/* the pending attempt is over; the last one, or another follows */
void ngx_http_gateway_upstream_report_attempt(
    ngx_http_gateway_upstream_try_t *t, ngx_uint_t last);


/* probes, ngx_http_gateway_upstream_probe.c; the zone is there */

void ngx_http_gateway_upstream_probe_start(
    ngx_http_gateway_upstream_main_conf_t *gumcf);
void ngx_http_gateway_upstream_probe_stop(
    ngx_http_gateway_upstream_main_conf_t *gumcf);


/* interim answers, ngx_http_gateway_upstream_interim.c */

/* has them passed over; t is that of the request's context */
void ngx_http_gateway_upstream_skip_interim(ngx_http_request_t *r,
    ngx_http_gateway_upstream_try_t *t);


/* lines of health checks, ngx_http_gateway_upstream_checks.c */

/* "threshold", "passive", "active"; NGX_CONF_OK, NGX_CONF_ERROR or a phrase */
char *ngx_http_gateway_upstream_threshold(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);
char *ngx_http_gateway_upstream_passive(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);
char *ngx_http_gateway_upstream_active(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);


/* nginx's upstream, ngx_http_gateway_upstream_peer.c */

ngx_int_t ngx_http_gateway_upstream_init(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
ngx_int_t ngx_http_gateway_upstream_init_filters(ngx_conf_t *cf);


/* blocks "gateway_upstream", ngx_http_gateway_upstream_conf.c */

/* the setter of "gateway_upstream NAME {}" */
char *ngx_http_gateway_upstream_block(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/* makes one of this name and enters it; or NULL */
ngx_http_gateway_upstream_balancer_t *ngx_http_gateway_upstream_add(
    ngx_conf_t *cf, ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_str_t *name);


#endif /* _NGX_HTTP_GATEWAY_UPSTREAM_PEERS_H_INCLUDED_ */
