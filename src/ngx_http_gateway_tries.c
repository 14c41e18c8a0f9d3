
/*
 * Copyright (C) the ngx_gateway authors
 *
 * nginx keeps how long each try took; where it began follows from that,
 * backwards from the last one.  Choosing a peer takes no time that could be
 * told in milliseconds.
 */


#include "ngx_http_gateway_tries.h"


ngx_int_t
ngx_http_gateway_tries(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_array_t **tries)
{
    u_char                     *p, *last;
    int64_t                     start;
    ngx_str_t                   ip;
    ngx_int_t                   port;
    ngx_uint_t                  i, n;
    ngx_http_gateway_try_t     *t;
    ngx_http_upstream_state_t  *state;

    *tries = NULL;

    if (!ctx->proxied || r->upstream_states == NULL) {
        return NGX_OK;
    }

    state = r->upstream_states->elts;
    n = r->upstream_states->nelts;

    *tries = ngx_array_create(r->pool, n, sizeof(ngx_http_gateway_try_t));
    if (*tries == NULL) {
        return NGX_ERROR;
    }

    start = (int64_t) r->start_sec * 1000 + r->start_msec
            + (ngx_msec_int_t) (ctx->balanced - ctx->start);

    for (i = 0; i + 1 < n; i++) {
        if (state[i].response_time != (ngx_msec_t) -1) {
            start -= (int64_t) state[i].response_time;
        }
    }

    for (i = 0; i < n; i++) {

        /* redirects have no peer; without one to choose, it has no port */

        if (state[i].peer == NULL) {
            continue;
        }

        ip = *state[i].peer;
        last = ip.data + ip.len;

        for (p = last; p > ip.data && p[-1] != ':'; p--) { /* void */ }

        port = (p > ip.data) ? ngx_atoi(p, last - p) : NGX_ERROR;

        if (port == NGX_ERROR) {
            continue;
        }

        ip.len = p - 1 - ip.data;

        if (ip.len > 2 && ip.data[0] == '[') {
            ip.data++;
            ip.len -= 2;
        }

        t = ngx_array_push(*tries);
        if (t == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(t, sizeof(ngx_http_gateway_try_t));

        t->start = start;
        t->ip = ip;
        t->port = port;

        if (state[i].connect_time != (ngx_msec_t) -1) {
            t->connect = state[i].connect_time;
        }

        if (i + 1 < n && state[i + 1].peer != NULL) {

            /* the next one was tried since this one failed */

            t->failed = 1;
            t->code = state[i].status;
            t->answered = (state[i].header_time != (ngx_msec_t) -1);
        }

        if (state[i].response_time != (ngx_msec_t) -1) {
            start += (int64_t) state[i].response_time;
        }
    }

    return NGX_OK;
}
