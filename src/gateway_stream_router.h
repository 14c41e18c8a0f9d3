
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Routes of stream{}: by server name, source and destination, in plain C
 * without nginx, and what a TLS ClientHello asks for.
 */


#ifndef _GATEWAY_STREAM_ROUTER_H_INCLUDED_
#define _GATEWAY_STREAM_ROUTER_H_INCLUDED_


#include "gateway_expression.h"


/* what a route is for, and what a connection is: one bit */
#define GATEWAY_STREAM_TCP          0x01
#define GATEWAY_STREAM_UDP          0x02
#define GATEWAY_STREAM_TLS          0x04    /* to be terminated */
#define GATEWAY_STREAM_PASSTHROUGH  0x08

/* a connection to a listener with TLS may become either */
#define GATEWAY_STREAM_ANY_TLS                                                \
    (GATEWAY_STREAM_TLS|GATEWAY_STREAM_PASSTHROUGH)


/* IPv4 addresses are mapped into IPv6, as are their networks */
typedef struct {
    uint8_t                    addr[16];
    uint16_t                   port;
} gateway_stream_addr_t;


/* one item of sources or destinations: all that is given must be equal */
typedef struct {
    uint8_t                    addr[16];
    unsigned                   bits;         /* of addr that count, to 128 */
    uint16_t                   port;
    unsigned                   has_addr:1;
    unsigned                   has_port:1;
    unsigned                   cidr:1;       /* written as a network */
} gateway_stream_end_t;


/* one route as it is configured; the lists must outlive the router */
typedef struct {
    uint8_t                    id[16];       /* UUID, breaks ties */
    unsigned                   protocols;
    const gateway_str_t       *snis;
    size_t                     nsnis;
    const gateway_stream_end_t  *sources;
    size_t                     nsources;
    const gateway_stream_end_t  *destinations;
    size_t                     ndestinations;
    /* in place of these three; NULL: none */
    const gateway_expression_t  *expression;
    uint64_t                   priority;     /* see below */
    void                      *data;         /* the caller's route */
} gateway_stream_route_t;


typedef struct {
    unsigned                   protocols;    /* one bit, or ..._ANY_TLS */
    gateway_str_t              sni;          /* lower case; empty: none */
    gateway_stream_addr_t      source;
    gateway_stream_addr_t      destination;
} gateway_stream_request_t;


typedef struct gateway_stream_router_s  gateway_stream_router_t;


/* in the priority of expressions, above all others */
#define GATEWAY_STREAM_EXPRESSION   ((uint64_t) 0xff << 56)

/* of routes without one; "traditional" counts kinds first */
uint64_t gateway_stream_priority(const gateway_stream_route_t *route,
    int traditional);

/*
 * Copies the routes, in any order.  Memory comes from alloc and is never
 * freed singly.  NULL when there is none.
 */
gateway_stream_router_t *gateway_stream_router_create(
    const gateway_stream_route_t *routes, size_t n,
    void *(*alloc)(void *data, size_t size), void *data);

/* the built router whose expressions the routes have */
void gateway_stream_router_expressions(gateway_stream_router_t *router,
    const gateway_router_t *expressions);

/* the best route, or NULL: none, or a regex gave up */
const gateway_stream_route_t *gateway_stream_router_match(
    const gateway_stream_router_t *router,
    const gateway_stream_request_t *request);

/*
 * "10.0.0.0/8", "::1", "1.2.3.4": 0, or -1 when it is none of these.  Bits
 * behind the network are cleared.
 */
int gateway_stream_parse_addr(gateway_stream_end_t *end, const char *text,
    size_t len);

/* 0, or -1: a "*" that is not the first or the last label */
int gateway_stream_check_sni(const gateway_str_t *sni);


#define GATEWAY_CLIENT_HELLO_MAX   (16384 + 5)
#define GATEWAY_CLIENT_HELLO_NAME  255

/*
 * Looks for the server name in the first bytes of a TLS connection: 0, and
 * its length, which is 0 when there is none; 1: more bytes are needed; -1:
 * this is no ClientHello.
 */
int gateway_client_hello(const uint8_t *data, size_t len,
    char name[GATEWAY_CLIENT_HELLO_NAME], size_t *namelen);


#endif /* _GATEWAY_STREAM_ROUTER_H_INCLUDED_ */
