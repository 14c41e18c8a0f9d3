
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Addresses of names at run time, for connections in the background: found
 * as those of upstreams are, by gateway_connect_to, the hosts file, and the
 * servers of http{}'s "resolver" in the ways of gateway_dns.  Provided by
 * "upstream".
 */


#ifndef _NGX_HTTP_GATEWAY_NAMES_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_NAMES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* of a name; those that come first */
#define NGX_HTTP_GATEWAY_NAMES_ADDRS  4


/* what is known of names; of one configuration */
typedef struct ngx_http_gateway_names_s  ngx_http_gateway_names_t;

typedef struct ngx_http_gateway_names_query_s
    ngx_http_gateway_names_query_t;

typedef void (*ngx_http_gateway_names_pt)(
    ngx_http_gateway_names_query_t *query);

typedef struct {
    ngx_sockaddr_t                   sockaddr;  /* with the port */
    socklen_t                        socklen;
} ngx_http_gateway_names_addr_t;

struct ngx_http_gateway_names_query_s {
    /* set by the owner; the host has to stay */
    ngx_str_t                        host;      /* IPv6 without brackets */
    in_port_t                        port;
    ngx_msec_t                       timeout;
    ngx_log_t                       *log;
    ngx_uint_t                       cancelable; /* a worker that ends need
                                                    not wait */
    ngx_http_gateway_names_pt        handler;
    void                            *data;

    /* the result */
    const char                      *error;     /* NULL: there is one */
    ngx_uint_t                       naddrs;
    ngx_http_gateway_names_addr_t    addrs[NGX_HTTP_GATEWAY_NAMES_ADDRS];

    void                            *lookup;    /* under way */
};


/* for postconfiguration, as often as needed; NULL after a message */
ngx_http_gateway_names_t *ngx_http_gateway_names_init(ngx_conf_t *cf);

/*
 * NGX_OK: the addresses are there; NGX_AGAIN: the handler will be called,
 * once, unless the query is ended before; NGX_ERROR: there are none.
 */
ngx_int_t ngx_http_gateway_names_find(ngx_http_gateway_names_t *names,
    ngx_http_gateway_names_query_t *query);

/* 1 if nothing can find that name: DNS would be needed, without a resolver */
ngx_uint_t ngx_http_gateway_names_hopeless(ngx_http_gateway_names_t *names,
    ngx_str_t *host, in_port_t port);

/* ends a query under way; nothing happens if there is none */
void ngx_http_gateway_names_end(ngx_http_gateway_names_query_t *query);


#endif /* _NGX_HTTP_GATEWAY_NAMES_H_INCLUDED_ */
