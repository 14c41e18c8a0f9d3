
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_SENDER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SENDER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"


/*
 * Sends pieces of bytes to one place over TCP (with or without TLS), UDP or a
 * UNIX socket, on the event loop of the worker, without waiting for it: what
 * cannot go out at once is copied into a queue of at most 10000 pieces and
 * 16 MB, whose oldest ones give way.  There are no retries: when the place
 * cannot be reached, what waits is dropped, and what comes in the same second,
 * with a message once a second.  Who keeps what it sends, in a queue, waits
 * for the connection first.
 * Each worker has its own connection.
 *
 * How to use it, in a policy:
 *
 *   - embed ngx_http_gateway_sender_t in the conf, its rows
 *     NGX_HTTP_GATEWAY_SENDER_PARAMS(conf_t, field) or _HOST_PARAMS in the
 *     table of parameters, and set what the owner sets in defaults();
 *   - return ngx_http_gateway_sender_check() in check();
 *   - in the log phase call ngx_http_gateway_sender_send().
 */

typedef struct {
    /* set by the owner, before ..._init() */
    ngx_str_t                        feature;   /* for messages */
    ngx_str_t                        host;      /* or "unix:/path" */
    ngx_uint_t                       port;      /* NGX_CONF_UNSET_UINT:
                                                   must be given */
    int                              type;      /* SOCK_STREAM, SOCK_DGRAM */
    ngx_msec_t                       timeout;   /* to connect, to write */
    ngx_msec_t                       keepalive; /* of an idle connection; 0:
                                                   without an end */
    ngx_flag_t                       tls;
    ngx_str_t                        sni;       /* empty: none */

    /* its own */
    ngx_sockaddr_t                   sockaddr;
    socklen_t                        socklen;   /* 0: not known */
    time_t                           valid;     /* address, until then; 0:
                                                   always */
    ngx_resolver_t                  *resolver;
    ngx_msec_t                       resolver_timeout;
    ngx_resolver_ctx_t              *query;

    ngx_connection_t                *connection;
    ngx_queue_t                      waiters;   /* for the connection */
    ngx_queue_t                      queue;     /* oldest first */
    ngx_uint_t                       pieces;
    size_t                           bytes;
    size_t                           sent;      /* of the oldest piece */
    time_t                           failed;    /* last message */
    time_t                           down;      /* last failure */
#if (NGX_SSL)
    ngx_ssl_t                       *ssl;
#endif
    ngx_str_t                        name;      /* "host:port" */
    unsigned                         ready:1;   /* connected */
} ngx_http_gateway_sender_t;


/* error: NULL, or why there is no connection */
typedef void (*ngx_http_gateway_sender_pt)(void *data, const char *error);


/* the head of the confs of policies that send a record in the log phase */
typedef struct {
    ngx_http_gateway_record_conf_t   record;
    ngx_http_gateway_sender_t        sender;
} ngx_http_gateway_sender_record_conf_t;


/* rows of a table of parameters */
#define NGX_HTTP_GATEWAY_SENDER_HOST_PARAMS(type, field)                      \
    { ngx_string("host"), NGX_HTTP_GATEWAY_PARAM_STRING,                      \
      offsetof(type, field.host), 0, 0, NULL },                               \
    { ngx_string("port"), NGX_HTTP_GATEWAY_PARAM_INT,                         \
      offsetof(type, field.port), 0, 65535, NULL }

#define NGX_HTTP_GATEWAY_SENDER_PARAMS(type, field)                           \
    NGX_HTTP_GATEWAY_SENDER_HOST_PARAMS(type, field),                         \
    { ngx_string("timeout"), NGX_HTTP_GATEWAY_PARAM_INT,                      \
      offsetof(type, field.timeout), 0, 2147483646, NULL }


/*
 * After the parameters: NGX_CONF_OK, a phrase, or NGX_CONF_ERROR.  What is
 * left is done when everything is read.
 */
char *ngx_http_gateway_sender_check(ngx_conf_t *cf,
    ngx_http_gateway_sender_t *sender);

/*
 * For postconfiguration, for who does without the above.  Addresses are used
 * as they are, "localhost" is 127.0.0.1, names are looked up at run time by
 * the resolver of http{}.  NGX_OK, or NGX_ERROR after a message.
 */
ngx_int_t ngx_http_gateway_sender_init(ngx_conf_t *cf,
    ngx_http_gateway_sender_t *sender);

/*
 * Calls the handler once, now or later, when the address is known and the
 * connection there, or not.  Not called when the configuration ends before.
 */
void ngx_http_gateway_sender_wait(ngx_http_gateway_sender_t *sender,
    ngx_http_gateway_sender_pt handler, void *data);

/* sends or queues a copy of the bytes */
void ngx_http_gateway_sender_send(ngx_http_gateway_sender_t *sender,
    ngx_str_t *data);


#endif /* _NGX_HTTP_GATEWAY_SENDER_H_INCLUDED_ */
