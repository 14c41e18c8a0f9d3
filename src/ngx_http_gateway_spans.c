
/*
 * Copyright (C) the ngx_gateway authors
 *
 * How long the parts of the gateway's work take: called only where requests
 * are traced, and then it costs two looks at the clock for each part.
 */


#include "ngx_http_gateway_spans.h"
#include "ngx_http_gateway_trace.h"


static ngx_http_gateway_span_t *ngx_http_gateway_span_push(
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx);


void
ngx_http_gateway_span_begin(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t kind,
    ngx_http_gateway_policy_t *policy)
{
    ngx_http_gateway_span_t   *span;
    ngx_http_gateway_spans_t  *spans;

    spans = ctx->spans;

    if (spans && spans->n) {
        span = &spans->span[spans->n - 1];

        if (span->end == 0) {

            if (span->kind == kind && span->policy == policy) {
                return;
            }

            ngx_http_gateway_span_end(ctx);
        }
    }

    span = ngx_http_gateway_span_push(r, ctx);

    if (span) {
        span->kind = kind;
        span->policy = policy;
        span->start = ngx_http_gateway_trace_now();
        span->end = 0;
    }
}


void
ngx_http_gateway_span_end(ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_spans_t  *spans;

    spans = ctx->spans;

    if (spans && spans->n && spans->span[spans->n - 1].end == 0) {
        spans->span[spans->n - 1].end = ngx_http_gateway_trace_now();
    }
}


void
ngx_http_gateway_span_add(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_uint_t kind, uint64_t start, uint64_t end)
{
    ngx_http_gateway_span_t  *span;

    span = ngx_http_gateway_span_push(r, ctx);

    if (span) {
        span->kind = kind;
        span->policy = NULL;
        span->start = start;
        span->end = end;
    }
}


static ngx_http_gateway_span_t *
ngx_http_gateway_span_push(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_spans_t  *spans;

    spans = ctx->spans;

    if (spans == NULL) {
        spans = ngx_palloc(r->main->pool, sizeof(ngx_http_gateway_spans_t));
        if (spans == NULL) {
            return NULL;
        }

        spans->n = 0;
        ctx->spans = spans;
    }

    return spans->n < NGX_HTTP_GATEWAY_SPANS_MAX ? &spans->span[spans->n++]
                                                 : NULL;
}
