
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of the Redis client share.  Everything here but the
 * configuration belongs to one worker.
 */


#ifndef _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_


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
    unsigned                         greeting:1; /* of a new connection */
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


/* one server and the connection to it */
struct ngx_http_gateway_redis_node_s {
    ngx_http_gateway_redis_t        *redis;
    ngx_str_t                        host;      /* without brackets */
    in_port_t                        port;
    ngx_str_t                        name;      /* for messages */

    ngx_http_gateway_names_query_t   query;     /* its addresses */

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

    unsigned                         down:1;
    unsigned                         inited:1;
    unsigned                         reading:1; /* its handlers are called */
};


struct ngx_http_gateway_redis_s {
    ngx_http_gateway_redis_conf_t    conf;
    u_char                          *file_name; /* of the directive */
    ngx_uint_t                       line;

    ngx_http_gateway_names_t        *names;
#if (NGX_SSL)
    ngx_ssl_t                       *ssl;
#endif

    ngx_http_gateway_redis_node_t   *node;      /* the only one */
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

/* what an operation of this node was answered */
void ngx_http_gateway_redis_answer(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, redisReply *reply);


/* connections, ngx_http_gateway_redis_node.c */

/*
 * Makes a node in that pool: host is copied, and may be a name, an address or
 * a socket.  NULL on failure.
 */
ngx_http_gateway_redis_node_t *ngx_http_gateway_redis_node(
    ngx_http_gateway_redis_t *redis, ngx_pool_t *pool, ngx_str_t *host,
    in_port_t port);

/* appends an operation to what waits, or puts it before the others */
void ngx_http_gateway_redis_node_add(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, ngx_uint_t first);

/* ends everything; no owner of an operation is told */
void ngx_http_gateway_redis_node_stop(ngx_http_gateway_redis_node_t *node);


#endif /* _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_ */
