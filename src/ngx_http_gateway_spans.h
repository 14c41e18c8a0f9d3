
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_SPANS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SPANS_H_INCLUDED_


#include "ngx_http_gateway.h"


/* what is measured; bits of "tracing" in the main conf and in chains */
#define NGX_HTTP_GATEWAY_TRACING_REQUEST         0x0001
#define NGX_HTTP_GATEWAY_TRACING_DB_QUERY        0x0002
#define NGX_HTTP_GATEWAY_TRACING_DNS_QUERY       0x0004
#define NGX_HTTP_GATEWAY_TRACING_ROUTER          0x0008
#define NGX_HTTP_GATEWAY_TRACING_HTTP_CLIENT     0x0010
#define NGX_HTTP_GATEWAY_TRACING_BALANCER        0x0020
#define NGX_HTTP_GATEWAY_TRACING_PLUGIN_REWRITE  0x0040
#define NGX_HTTP_GATEWAY_TRACING_PLUGIN_ACCESS   0x0080
#define NGX_HTTP_GATEWAY_TRACING_PLUGIN_HEADER   0x0100

/* spans of a request that are kept, later ones are not */
#define NGX_HTTP_GATEWAY_SPANS_MAX               64


/* a part of the gateway's work for a request */
typedef struct {
    ngx_uint_t                       kind;      /* one of the bits */
    ngx_http_gateway_policy_t       *policy;    /* of policies */
    uint64_t                         start;     /* ns since the epoch */
    uint64_t                         end;       /* 0: has not ended */
} ngx_http_gateway_span_t;


typedef struct {
    ngx_uint_t                       n;
    ngx_http_gateway_span_t          span[NGX_HTTP_GATEWAY_SPANS_MAX];
} ngx_http_gateway_spans_t;


/*
 * Begins a span, and ends the one before it.  One that has not ended goes on
 * when it begins again: a policy that was suspended is called twice.
 */
void ngx_http_gateway_span_begin(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t kind,
    ngx_http_gateway_policy_t *policy);

/* ends the span that has not ended, if there is one */
void ngx_http_gateway_span_end(ngx_http_gateway_ctx_t *ctx);

/* adds one that has ended */
void ngx_http_gateway_span_add(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t kind, uint64_t start,
    uint64_t end);


#endif /* _NGX_HTTP_GATEWAY_SPANS_H_INCLUDED_ */
