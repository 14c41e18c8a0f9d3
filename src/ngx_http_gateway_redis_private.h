
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of the Redis client share.  Everything here but the
 * configuration belongs to one worker.
 */


#ifndef _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_names.h"
#include "ngx_http_gateway_redis.h"

#include <ngx_event.h>
#include <ngx_event_connect.h>


/* commands under way; the ones after that are refused */
#define NGX_HTTP_GATEWAY_REDIS_QUEUE     10000

/* bytes that wait to be sent; commands after that stay in the queue */
#define NGX_HTTP_GATEWAY_REDIS_BUFFER    (1024 * 1024)

/* the longest answer */
#define NGX_HTTP_GATEWAY_REDIS_ANSWER    (64 * 1024 * 1024)

/* failures in a row after which a server is down */
#define NGX_HTTP_GATEWAY_REDIS_FAILURES  3

/* times that a cluster may send a command elsewhere */
#define NGX_HTTP_GATEWAY_REDIS_REDIRECTS 5

/* milliseconds between trials of one that is down: the first, the last */
#define NGX_HTTP_GATEWAY_REDIS_BACKOFF   100
#define NGX_HTTP_GATEWAY_REDIS_BACKOFFS  2000


typedef struct ngx_http_gateway_redis_node_s  ngx_http_gateway_redis_node_t;


struct ngx_http_gateway_redis_op_s {
    ngx_queue_t                      queue;
    ngx_http_gateway_redis_t        *redis;
    ngx_http_gateway_redis_pt        handler;   /* NULL: nobody waits */
    void                            *data;
    char                            *command;   /* of hiredis */
    size_t                           len;
    ngx_http_gateway_redis_script_t *script;
    ngx_msec_t                       deadline;
    ngx_uint_t                       slot;      /* in a cluster */
    ngx_uint_t                       redirects;
    ngx_http_gateway_redis_node_t   *flying;    /* has it, and did not
                                                   answer yet */
    unsigned                         asking:1;  /* "ASKING" goes before it */
    unsigned                         greeting:1; /* of a new connection */
    unsigned                         role:1;    /* such a one, "ROLE" */
    unsigned                         sent:1;    /* once at least */
    unsigned                         repeated:1; /* on a new connection */
    unsigned                         evaluated:1; /* as EVAL */
};


typedef enum {
    NGX_HTTP_GATEWAY_REDIS_CLOSED = 0,
    NGX_HTTP_GATEWAY_REDIS_RESOLVING,
    NGX_HTTP_GATEWAY_REDIS_CONNECTING,
    NGX_HTTP_GATEWAY_REDIS_GREETING,
    NGX_HTTP_GATEWAY_REDIS_READY
} ngx_http_gateway_redis_state_e;


typedef enum {
    NGX_HTTP_GATEWAY_REDIS_SERVER = 0,          /* of a cluster, too */
    NGX_HTTP_GATEWAY_REDIS_MASTER,              /* sentinels know where */
    NGX_HTTP_GATEWAY_REDIS_SENTINEL
} ngx_http_gateway_redis_kind_e;


/* one server and the connection to it */
struct ngx_http_gateway_redis_node_s {
    ngx_http_gateway_redis_t        *redis;
    ngx_str_t                        host;      /* without brackets */
    in_port_t                        port;
    ngx_str_t                        name;      /* for messages */

    ngx_http_gateway_names_query_t   query;     /* its addresses */

    ngx_http_gateway_redis_kind_e    kind;
    ngx_http_gateway_redis_op_t     *question;  /* to a sentinel */
    ngx_uint_t                       asked;     /* of them */
    u_char                           master[255]; /* host of a master */

    ngx_http_gateway_redis_state_e   state;
    ngx_connection_t                *connection;
    redisReader                     *reader;
    u_char                          *out;       /* commands to be sent */
    size_t                           out_size;
    size_t                           out_len;
    size_t                           out_sent;

    ngx_queue_t                      waiting;   /* not written yet */
    ngx_queue_t                      sent;      /* oldest first */
    ngx_uint_t                       greetings; /* their answers to come */

    ngx_event_t                      flush;     /* posted */
    ngx_event_t                      timer;     /* of the oldest command, of
                                                   connecting */
    ngx_event_t                      trial;     /* while it is down */
    ngx_msec_t                       backoff;
    ngx_uint_t                       failures;  /* in a row */
    time_t                           logged;
    ngx_err_t                        err;       /* of what fails now */

    ngx_http_gateway_series_t       *series;    /* NULL: not known */

    unsigned                         uncounted:1; /* there is no room for it */
    unsigned                         down:1;
    unsigned                         inited:1;
    unsigned                         stale:1;   /* to be connected anew */
};


struct ngx_http_gateway_redis_s {
    ngx_http_gateway_redis_conf_t    conf;
    u_char                          *file_name; /* of the directive */
    ngx_uint_t                       line;

    ngx_http_gateway_names_t        *names;
#if (NGX_SSL)
    ngx_ssl_t                       *ssl;
#endif

    ngx_http_gateway_redis_node_t   *node;      /* server or master; NULL: a
                                                   cluster */
    ngx_array_t                      nodes;     /* of a cluster; sentinels */
    ngx_uint_t                       turn;      /* whom of them to ask next */

    /* of a cluster */
    uint16_t                        *slots;     /* number of the node, from 1;
                                                   NULL: nothing is known */
    ngx_queue_t                      orphans;   /* wait for the map */
    ngx_event_t                      wake;      /* asks for it */
    ngx_http_gateway_redis_op_t     *question;  /* for it, under way */
    ngx_http_gateway_redis_node_t   *mapper;    /* is asked */
    ngx_uint_t                       asked;     /* in this round */
    ngx_msec_t                       refreshed;
    ngx_pool_t                      *pool;      /* of nodes found later */
    unsigned                         inited:1;

    ngx_http_gateway_main_conf_t    *gmcf;

    ngx_uint_t                       active;    /* commands under way */
    time_t                           logged;
};


/* ngx_http_gateway_redis.c */

/* takes an operation off its queue and tells its owner; frees it */
void ngx_http_gateway_redis_end(ngx_http_gateway_redis_op_t *op,
    redisReply *reply);

/* an operation without an owner; NULL: no memory */
ngx_http_gateway_redis_op_t *ngx_http_gateway_redis_op(
    ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_command_t *command);

/* 1 for "host:port", which is no host */
ngx_uint_t ngx_http_gateway_redis_has_port(ngx_str_t *host);

/* what an operation of this node was answered */
void ngx_http_gateway_redis_answer(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, redisReply *reply);


/* connections, ngx_http_gateway_redis_node.c */

/*
 * Makes a node in that pool: host is copied, and may be a name, an address or
 * a socket.  NULL on failure, also if the host has a port.
 */
ngx_http_gateway_redis_node_t *ngx_http_gateway_redis_node(
    ngx_http_gateway_redis_t *redis, ngx_pool_t *pool, ngx_str_t *host,
    in_port_t port);

/* appends an operation to what waits, or puts it before the others */
void ngx_http_gateway_redis_node_add(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, ngx_uint_t first);

/* a question of our own; NULL: no memory */
ngx_http_gateway_redis_op_t *ngx_http_gateway_redis_node_ask(
    ngx_http_gateway_redis_node_t *node, ngx_str_t *argv, ngx_uint_t argc,
    ngx_http_gateway_redis_pt handler, void *data);

/* goes on with opening when the host is known; it fails by itself */
void ngx_http_gateway_redis_node_locate(ngx_http_gateway_redis_node_t *node);

/*
 * The connection is lost or cannot be made.  late: because of a time-out,
 * so commands are not sent again.
 */
void ngx_http_gateway_redis_node_fail(ngx_http_gateway_redis_node_t *node,
    const char *why, ngx_uint_t late);

/* ends everything; no owner of an operation is told */
void ngx_http_gateway_redis_node_stop(ngx_http_gateway_redis_node_t *node);


/* masters, ngx_http_gateway_redis_sentinel.c */

/* NGX_AGAIN: node_locate() or node_fail() will be called; or NGX_ERROR */
ngx_int_t ngx_http_gateway_redis_sentinel_find(
    ngx_http_gateway_redis_node_t *node);


/* clusters, ngx_http_gateway_redis_cluster.c */

ngx_uint_t ngx_http_gateway_redis_cluster_slot(ngx_str_t *key);

/* there is no use in sending something to that slot */
ngx_uint_t ngx_http_gateway_redis_cluster_down(
    ngx_http_gateway_redis_t *redis, ngx_uint_t slot);

/* sends an operation to the node of its slot, or lets it wait */
void ngx_http_gateway_redis_cluster_add(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_op_t *op);

/* something has changed: asks for the map soon */
void ngx_http_gateway_redis_cluster_stale(ngx_http_gateway_redis_t *redis);

/* NGX_OK: the operation is elsewhere now; NGX_DECLINED: an ordinary error */
ngx_int_t ngx_http_gateway_redis_cluster_error(
    ngx_http_gateway_redis_node_t *node, ngx_http_gateway_redis_op_t *op,
    redisReply *reply);

void ngx_http_gateway_redis_cluster_stop(ngx_http_gateway_redis_t *redis);


/* metrics, ngx_http_gateway_redis_metrics.c */

/* cells of the series of a node */
#define NGX_HTTP_GATEWAY_REDIS_COMMANDS   0
#define NGX_HTTP_GATEWAY_REDIS_FAILED     1
#define NGX_HTTP_GATEWAY_REDIS_TIMEOUTS   2
#define NGX_HTTP_GATEWAY_REDIS_BROKEN     3
#define NGX_HTTP_GATEWAY_REDIS_REFUSALS   4
#define NGX_HTTP_GATEWAY_REDIS_OPENED     5
#define NGX_HTTP_GATEWAY_REDIS_CONNECTED  6
#define NGX_HTTP_GATEWAY_REDIS_DOWN       7
#define NGX_HTTP_GATEWAY_REDIS_IN_FLIGHT  8
#define NGX_HTTP_GATEWAY_REDIS_LATENCY    9
#define NGX_HTTP_GATEWAY_REDIS_BOUNDS     9
#define NGX_HTTP_GATEWAY_REDIS_CELLS                                          \
    (NGX_HTTP_GATEWAY_REDIS_LATENCY + NGX_HTTP_GATEWAY_REDIS_BOUNDS + 2)

extern ngx_http_gateway_metrics_set_t  ngx_http_gateway_redis_metrics;

void ngx_http_gateway_redis_count(ngx_http_gateway_redis_node_t *node,
    ngx_uint_t cell, ngx_int_t change);

/* a command was written, its answer is there or will not come from there */
void ngx_http_gateway_redis_departed(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op);
void ngx_http_gateway_redis_landed(ngx_http_gateway_redis_op_t *op,
    ngx_uint_t answered);


#endif /* _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_ */
