
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_FETCH_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_gateway_names.h"


/*
 * HTTP/1.1 requests of our own: keys, revocation lists, introspection,
 * exports.  They run on the event loop and never block it; each has a pool
 * of its own, a time for everything together and a limit for what it takes in.
 * Names are looked up as those of upstreams are; over TLS, certificates are
 * verified.
 *
 * A connection ends with a fetch, or is kept for the next one to the same
 * place when the fetch says so.  Such a fetch is sent a second time, over a
 * new connection, when the one that was kept breaks before an answer: only
 * for requests that may arrive twice.
 *
 *     static void
 *     example_done(ngx_http_gateway_fetch_t *f)
 *     {
 *         if (f->error.len) {
 *             ... no answer: f->error says why
 *         } else {
 *             ... f->status, f->answer, ngx_http_gateway_fetch_header(f, "x")
 *         }
 *
 *         ngx_http_gateway_fetch_free(f);
 *     }
 *
 *     f = ngx_http_gateway_fetch_create(&conf->fetcher, &url);
 *     f->handler = example_done;
 *     f->data = conf;
 *     ngx_http_gateway_fetch_start(f);
 */

typedef struct ngx_http_gateway_fetch_s       ngx_http_gateway_fetch_t;
typedef struct ngx_http_gateway_fetch_link_s  ngx_http_gateway_fetch_link_t;

typedef void (*ngx_http_gateway_fetch_pt)(ngx_http_gateway_fetch_t *f);


/* what the fetches for one purpose have in common; of a configuration */
typedef struct {
    /* set by the owner, before ..._init(); cleared memory gives defaults */
    ngx_str_t                        trusted_certificate; /* file of
                                                authorities; empty: those of
                                                the system */
    ngx_str_t                        certificate;     /* for servers that */
    ngx_str_t                        certificate_key; /* ask for one */
    ngx_uint_t                       no_verify;
    ngx_msec_t                       timeout;   /* of a fetch, 10 s */
    size_t                           limit;     /* of an answer's body, 1m */
    ngx_uint_t                       redirects; /* of GET that are followed,
                                                   0; never from https to
                                                   http */

    /* its own */
    ngx_http_gateway_names_t        *names;
    ngx_queue_t                      fetches;   /* under way */
    ngx_queue_t                      idle;      /* ..._link_t, latest first */
#if (NGX_SSL)
    ngx_ssl_t                       *ssl;
#endif
} ngx_http_gateway_fetcher_t;


/* parts of a URL, inside of it */
typedef struct {
    ngx_str_t                        authority; /* as Host has it */
    ngx_str_t                        host;      /* IPv6 without brackets */
    ngx_str_t                        target;    /* begins with "/" or "?", or
                                                   is empty */
    in_port_t                        port;
    unsigned                         tls:1;
} ngx_http_gateway_fetch_url_t;


struct ngx_http_gateway_fetch_s {
    /* set by the owner between create and start; strings have to stay */
    ngx_http_gateway_fetch_pt        handler;
    void                            *data;
    ngx_str_t                        method;    /* "GET" */
    ngx_array_t                      headers;   /* see add_header */
    ngx_str_t                        body;
    ngx_msec_t                       timeout;   /* those of the fetcher */
    size_t                           limit;
    ngx_msec_t                       keepalive; /* how long its connection
                                                   waits for another fetch; 0:
                                                   it is closed */
    ngx_uint_t                       awaited;   /* by a request: a worker
                                                   that ends finishes it */
    ngx_str_t                        proxy;     /* a host that is connected to
                                                   instead; empty: none */
    in_port_t                        proxy_port;

    /* the result, for the handler */
    ngx_str_t                        error;     /* empty: there is an answer */
    ngx_uint_t                       status;
    ngx_array_t                      answer_headers; /* ngx_keyval_t */
    ngx_str_t                        answer;    /* body */
    ngx_str_t                        url;       /* the last one */

    /* its own; the pool may be used, and ends with the fetch */
    ngx_pool_t                      *pool;
    ngx_http_gateway_fetcher_t      *fetcher;
    ngx_queue_t                      queue;
    ngx_event_t                      timer;     /* of everything */
    ngx_http_gateway_fetch_url_t     to;
    ngx_http_gateway_names_query_t   query;
    ngx_uint_t                       next;      /* address */
    ngx_peer_connection_t            peer;
    ngx_http_gateway_fetch_link_t   *link;      /* of the connection */
    ngx_chain_t                     *out;       /* what is to be sent */
    ngx_buf_t                       *in;
    ngx_http_request_t              *r;         /* for nginx's parsers */
    ngx_http_status_t                parsed;
    ngx_http_chunked_t               chunked;
    off_t                            length;    /* -1: until the end */
    size_t                           room;      /* of answer */
    ngx_uint_t                       redirects; /* left */

    unsigned                         queued:1;
    unsigned                         started:1;
    unsigned                         connected:1;
    unsigned                         reused:1;  /* over a connection that was
                                                   kept */
    unsigned                         again:1;   /* because that one broke */
    unsigned                         closes:1;  /* nothing follows on the
                                                   connection */
    unsigned                         tunnel:1;  /* asked a proxy for one */
    unsigned                         status_done:1;
    unsigned                         headers_done:1;
    unsigned                         is_chunked:1;
    unsigned                         done:1;
};


/*
 * For postconfiguration; the fetcher has to live as long as the
 * configuration.  When that ends, its fetches do, without a call.
 * NGX_OK, or NGX_ERROR after a message.
 */
ngx_int_t ngx_http_gateway_fetcher_init(ngx_conf_t *cf,
    ngx_http_gateway_fetcher_t *fetcher);

/* NULL, or a phrase that says what is wrong; parts may be NULL */
const char *ngx_http_gateway_fetch_parse_url(const ngx_str_t *url,
    ngx_http_gateway_fetch_url_t *parts);

/* keeps a copy of the URL; NULL when there is no memory */
ngx_http_gateway_fetch_t *ngx_http_gateway_fetch_create(
    ngx_http_gateway_fetcher_t *fetcher, const ngx_str_t *url);

/*
 * Host, Connection, Content-Length are written by us.  NGX_DECLINED: there is
 * a character that may not be in a header; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_fetch_add_header(ngx_http_gateway_fetch_t *f,
    const char *name, const ngx_str_t *value);

/*
 * The handler is called once, and never before this returns.  It, or what it
 * leads to, frees the fetch.
 */
void ngx_http_gateway_fetch_start(ngx_http_gateway_fetch_t *f);

/* ends it as well; then the handler is not called any more */
void ngx_http_gateway_fetch_free(ngx_http_gateway_fetch_t *f);

/* of the answer, the first one of this name in any case; or NULL */
ngx_str_t *ngx_http_gateway_fetch_header(ngx_http_gateway_fetch_t *f,
    const char *name);

/*
 * How many seconds the answer stays fresh, RFC 9111: what Cache-Control and
 * Age say; 0 if it must not be kept, -1 if they say nothing.
 */
time_t ngx_http_gateway_fetch_fresh(ngx_http_gateway_fetch_t *f);

#if (NGX_SSL)

/*
 * Whether the certificate of the other end was verified, and is that of the
 * name (or address).  NULL, or why not; buf takes the text.
 */
u_char *ngx_http_gateway_fetch_verify(ngx_connection_t *c, ngx_str_t *name,
    u_char *buf, size_t size);

#endif


#endif /* _NGX_HTTP_GATEWAY_FETCH_H_INCLUDED_ */
