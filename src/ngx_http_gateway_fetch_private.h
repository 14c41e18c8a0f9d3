
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_FETCH_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_FETCH_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_fetch.h"

#include <ngx_event.h>


/* what the files of the client share; its users need none of it */

/* status line and headers together; also what is read at a time */
#define NGX_HTTP_GATEWAY_FETCH_BUFFER   16384

#define NGX_HTTP_GATEWAY_FETCH_ERROR    256


/* what a connection outlives a fetch with; of the connection's pool */
struct ngx_http_gateway_fetch_link_s {
    ngx_queue_t                      queue;     /* of a fetcher, while idle */
    ngx_connection_t                *connection;
    ngx_http_gateway_fetcher_t      *fetcher;
    ngx_str_t                        host;      /* set with the first wait */
    in_port_t                        port;
    unsigned                         tls:1;
};


/* the course of a fetch, ngx_http_gateway_fetch.c */

/* over a connection that is ready for it */
void ngx_http_gateway_fetch_request(ngx_http_gateway_fetch_t *f);

/* f->out, and reads what is there */
void ngx_http_gateway_fetch_send(ngx_http_gateway_fetch_t *f);

void ngx_http_gateway_fetch_write_handler(ngx_event_t *wev);
void ngx_http_gateway_fetch_read_handler(ngx_event_t *rev);

/* NGX_DECLINED: it is none that is followed; else the fetch goes on or ends */
ngx_int_t ngx_http_gateway_fetch_redirect(ngx_http_gateway_fetch_t *f);

/* closes the connection of a link that is in no list; its pool ends as well */
void ngx_http_gateway_fetch_link_close(ngx_http_gateway_fetch_link_t *link);

/* ends it; err: 0, or what the system says */
void ngx_http_gateway_fetch_failed(ngx_http_gateway_fetch_t *f, ngx_err_t err,
    const char *what);


/* what comes back, ngx_http_gateway_fetch_answer.c */

/* NGX_AGAIN: there has to be more; NGX_DONE: that is all; NGX_ERROR: ended */
ngx_int_t ngx_http_gateway_fetch_parse(ngx_http_gateway_fetch_t *f);


/* connections between two fetches, ngx_http_gateway_fetch_idle.c */

/* one to where f goes, or NULL; it is f's then */
ngx_http_gateway_fetch_link_t *ngx_http_gateway_fetch_idle_take(
    ngx_http_gateway_fetch_t *f);

/*
 * When the answer is complete.  NGX_OK: f has no connection any more;
 * NGX_DECLINED: it has to be closed.
 */
ngx_int_t ngx_http_gateway_fetch_idle_keep(ngx_http_gateway_fetch_t *f);

void ngx_http_gateway_fetch_idle_close(ngx_http_gateway_fetch_link_t *link);


#if (NGX_SSL)

/* TLS, ngx_http_gateway_fetch_tls.c; both end with a request */

void ngx_http_gateway_fetch_handshake(ngx_http_gateway_fetch_t *f);

/* through a proxy; then ..._tunnel_done() for what it answers */
void ngx_http_gateway_fetch_tunnel(ngx_http_gateway_fetch_t *f);

/*
 * NGX_AGAIN: the head is not complete; NGX_OK: the handshake has begun, or
 * the fetch has failed.
 */
ngx_int_t ngx_http_gateway_fetch_tunnel_done(ngx_http_gateway_fetch_t *f);

#endif


#endif /* _NGX_HTTP_GATEWAY_FETCH_PRIVATE_H_INCLUDED_ */
