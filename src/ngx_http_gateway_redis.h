
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_


#include "ngx_http_gateway.h"

#include <hiredis/hiredis.h>


/*
 * Commands for Redis (or Valkey) on the event loop of the worker.
 *
 * Each worker has one connection per server, over which commands are sent
 * without waiting for the answers to those before; what is asked in one turn
 * of the loop leaves in one write.  A connection is made when the first
 * command needs one, with TLS, AUTH and SELECT, and made again when it was
 * lost.  Nothing here blocks.
 *
 * A command fails when its answer is not there in time, and at once while its
 * server is known to be down: after a time-out, or three failures in a row.
 * Such a server is tried in the background until it answers PING, first
 * after 100 milliseconds, at last every two seconds.  A command whose
 * connection was lost before the answer is sent again, once: it may have been
 * executed twice then.
 *
 * With sentinels the master is asked for whenever a connection is made.  In a
 * cluster a command goes to the node that has the slot of its first key; all
 * keys of one command must have the same hash tag.
 *
 * How to use it, in a policy:
 *
 *   - embed ngx_http_gateway_redis_conf_t in the conf, its rows
 *     NGX_HTTP_GATEWAY_REDIS_PARAMS(conf_t, field) in the table of parameters
 *     and ngx_http_gateway_redis_defaults() in defaults();
 *   - call ngx_http_gateway_redis_add() in check();
 *   - in the access handler call ngx_http_gateway_redis_ask(), anywhere else
 *     (log phase, timers) ngx_http_gateway_redis_send().
 */

typedef struct ngx_http_gateway_redis_s     ngx_http_gateway_redis_t;
typedef struct ngx_http_gateway_redis_op_s  ngx_http_gateway_redis_op_t;


/* where a server is and how to talk to it; parameters "redis.host=" etc. */
typedef struct {
    ngx_str_t                        host;      /* or "unix:/path" */
    ngx_int_t                        port;
    ngx_int_t                        timeout;   /* milliseconds; 0: a minute */
    ngx_str_t                        username;
    ngx_str_t                        password;  /* empty: no AUTH */
    ngx_int_t                        database;
    ngx_flag_t                       ssl;
    ngx_flag_t                       ssl_verify;
    ngx_str_t                        server_name; /* of TLS; or the host */

    ngx_array_t                     *sentinel_nodes; /* ngx_str_t, "host" or
                                                        "host:port" */
    ngx_str_t                        sentinel_master;
    ngx_str_t                        sentinel_username;
    ngx_str_t                        sentinel_password;

    ngx_array_t                     *cluster_nodes; /* as sentinel_nodes */
} ngx_http_gateway_redis_conf_t;


#define ngx_http_gateway_redis_param(type, field, name, kind, min, max)       \
    { ngx_string("redis." #name), NGX_HTTP_GATEWAY_PARAM_##kind,              \
      offsetof(type, field.name), min, max, NULL }

/* rows of a table of parameters */
#define NGX_HTTP_GATEWAY_REDIS_PARAMS(type, field)                            \
    ngx_http_gateway_redis_param(type, field, host, STRING, 0, 0),            \
    ngx_http_gateway_redis_param(type, field, port, INT, 1, 65535),           \
    ngx_http_gateway_redis_param(type, field, timeout, INT, 0, 2147483646),   \
    ngx_http_gateway_redis_param(type, field, username, STRING, 0, 0),        \
    ngx_http_gateway_redis_param(type, field, password, STRING, 0, 0),        \
    ngx_http_gateway_redis_param(type, field, database, INT, 0, 2147483647),  \
    ngx_http_gateway_redis_param(type, field, ssl, FLAG, 0, 0),               \
    ngx_http_gateway_redis_param(type, field, ssl_verify, FLAG, 0, 0),        \
    ngx_http_gateway_redis_param(type, field, server_name, STRING, 0, 0),     \
    ngx_http_gateway_redis_param(type, field, sentinel_nodes, LIST, 0, 0),    \
    ngx_http_gateway_redis_param(type, field, sentinel_master, STRING, 0, 0), \
    ngx_http_gateway_redis_param(type, field, sentinel_username, STRING,      \
                                 0, 0),                                       \
    ngx_http_gateway_redis_param(type, field, sentinel_password, STRING,      \
                                 0, 0),                                       \
    ngx_http_gateway_redis_param(type, field, cluster_nodes, LIST, 0, 0)

/* port 6379, timeout 2000; for a zeroed conf */
void ngx_http_gateway_redis_defaults(ngx_http_gateway_redis_conf_t *conf);

/* a host, sentinels or nodes of a cluster are given */
ngx_uint_t ngx_http_gateway_redis_given(ngx_http_gateway_redis_conf_t *conf);

/*
 * What commands are sent to; those who say the same share it.  While the
 * configuration is read; NULL after a message.
 */
ngx_http_gateway_redis_t *ngx_http_gateway_redis_add(ngx_conf_t *cf,
    ngx_http_gateway_redis_conf_t *conf);

/* keys of one command must share a hash tag: it is a cluster */
ngx_uint_t ngx_http_gateway_redis_clustered(ngx_http_gateway_redis_t *redis);


/* sent as EVALSHA, as EVAL to a server that does not know it yet */
typedef struct {
    ngx_str_t                        text;
    u_char                           digest[40];  /* hex, made when needed */
    unsigned                         digested:1;
} ngx_http_gateway_redis_script_t;


typedef struct {
    /* NULL: argv[0] is the command, and argv[1], if any, its key */
    ngx_http_gateway_redis_script_t *script;
    ngx_uint_t                       nkeys;     /* of argv, script only */
    ngx_str_t                       *argv;      /* copied; any bytes */
    ngx_uint_t                       argc;
} ngx_http_gateway_redis_command_t;


/*
 * The answer, which is freed afterwards; its type may be REDIS_REPLY_ERROR.
 * NULL: there is none, which has been logged.
 */
typedef void (*ngx_http_gateway_redis_pt)(void *data, redisReply *reply);

/*
 * Sends a command; the handler is called later, never before this returns.
 * handler NULL: nobody wants the answer.  NULL: it cannot be sent, because
 * the server is down or too many commands are under way.
 */
ngx_http_gateway_redis_op_t *ngx_http_gateway_redis_send(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_command_t *command,
    ngx_http_gateway_redis_pt handler, void *data);

/* the handler of a command under way will not be called */
void ngx_http_gateway_redis_forget(ngx_http_gateway_redis_op_t *op);

/*
 * The same for a request in its access handler.  NGX_AGAIN: return that; the
 * handler is called with the answer, then the access handler again, unless
 * the request ends before.  NGX_DECLINED: it cannot be sent; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_redis_ask(ngx_http_request_t *r,
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_command_t *command,
    ngx_http_gateway_redis_pt handler, void *data);


/* for the core: after all directives were read */
ngx_int_t ngx_http_gateway_redis_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_ */
