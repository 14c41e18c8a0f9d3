
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


/* the course of a fetch, ngx_http_gateway_fetch.c */

/* over a connection that is ready for it */
void ngx_http_gateway_fetch_request(ngx_http_gateway_fetch_t *f);

/* f->out, and reads what is there */
void ngx_http_gateway_fetch_send(ngx_http_gateway_fetch_t *f);

void ngx_http_gateway_fetch_write_handler(ngx_event_t *wev);
void ngx_http_gateway_fetch_read_handler(ngx_event_t *rev);

/* NGX_DECLINED: it is none that is followed; else the fetch goes on or ends */
ngx_int_t ngx_http_gateway_fetch_redirect(ngx_http_gateway_fetch_t *f);

/* ends it; err: 0, or what the system says */
void ngx_http_gateway_fetch_failed(ngx_http_gateway_fetch_t *f, ngx_err_t err,
    const char *what);


/* what comes back, ngx_http_gateway_fetch_answer.c */

/* NGX_AGAIN: there has to be more; NGX_DONE: that is all; NGX_ERROR: ended */
ngx_int_t ngx_http_gateway_fetch_parse(ngx_http_gateway_fetch_t *f);


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
