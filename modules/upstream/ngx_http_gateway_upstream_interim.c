
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Interim answers (1xx) of HTTP/1 upstreams, which come before the one that
 * counts.  nginx takes each for the answer itself and then waits for a body
 * that has no end; only newer ones know 103.  Here they are passed over,
 * before nginx's parser sees them: it costs one look at a byte per answer.
 * Answers that are no HTTP at all are invalid here, not HTTP/0.9.
 */


#include "ngx_http_gateway_upstream_peers.h"


static ngx_int_t ngx_http_gateway_upstream_reinit(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_upstream_process(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_upstream_is_interim(u_char *p, size_t len);
static u_char *ngx_http_gateway_upstream_header_end(u_char *p, u_char *last);


void
ngx_http_gateway_upstream_skip_interim(ngx_http_request_t *r,
    ngx_http_gateway_upstream_try_t *t)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    /* text of HTTP/1 comes from the proxy module alone */

    if (u->schema.len == 0 || u->schema.data[0] != 'h') {
        return;
    }

    t->process_header = u->process_header;
    t->reinit_request = u->reinit_request;

    u->process_header = ngx_http_gateway_upstream_process;
    u->reinit_request = ngx_http_gateway_upstream_reinit;
}


/* another attempt: the proxy module has put its own parser back */

static ngx_int_t
ngx_http_gateway_upstream_reinit(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_gateway_ctx_t           *ctx;
    ngx_http_gateway_upstream_try_t  *t;

    ctx = ngx_http_get_module_ctx(r, ngx_http_gateway_module);
    t = ctx->upstream;

    rc = t->reinit_request(r);

    t->process_header = r->upstream->process_header;
    r->upstream->process_header = ngx_http_gateway_upstream_process;

    return rc;
}


static ngx_int_t
ngx_http_gateway_upstream_process(ngx_http_request_t *r)
{
    u_char                           *end;
    ngx_buf_t                        *b;
    ngx_int_t                         rc;
    ngx_uint_t                        version;
    ngx_http_gateway_ctx_t           *ctx;
    ngx_http_gateway_upstream_try_t  *t;

    b = &r->upstream->buffer;

    for ( ;; ) {

        if (b->last - b->pos > 9 && b->pos[9] != '1') {
            break;
        }

        rc = ngx_http_gateway_upstream_is_interim(b->pos, b->last - b->pos);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_DECLINED) {
            break;
        }

        end = ngx_http_gateway_upstream_header_end(b->pos, b->last);

        if (end == NULL) {
            /* all of it has to fit into the buffer, as any header does */
            return NGX_AGAIN;
        }

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway upstream: interim answer of %uz bytes",
                       (size_t) (end - b->pos));

        b->pos = end;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_gateway_module);
    t = ctx->upstream;

    r->upstream->process_header = t->process_header;

    version = r->http_version;
    rc = r->upstream->process_header(r);

    if (rc == NGX_OK && r->http_version != version) {

        /* no status line: to nginx an HTTP/0.9 answer, which makes its own
           one header-less as well */

        r->http_version = version;

        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    return rc;
}


/*
 * NGX_OK: it is one; NGX_DECLINED: it is none; NGX_AGAIN: too early to say.
 * The caller has looked at the first digit of the status.
 */

static ngx_int_t
ngx_http_gateway_upstream_is_interim(u_char *p, size_t len)
{
    static u_char  start[] = "HTTP/1.1 1";

    if (ngx_memcmp(p, start, ngx_min(len, 7)) != 0
        || (len > 8 && p[8] != ' '))
    {
        return NGX_DECLINED;
    }

    if (len < sizeof("HTTP/1.1 100") - 1) {
        return NGX_AGAIN;
    }

    if (p[10] == '0' && p[11] == '1') {
        return NGX_DECLINED;
    }

#ifdef NGX_HTTP_EARLY_HINTS

    /* nginx passes them on when told to */

    if (p[10] == '0' && p[11] == '3') {
        return NGX_DECLINED;
    }

#endif

    return NGX_OK;
}


/* behind the empty line that ends a header; NULL: it has not come yet */

static u_char *
ngx_http_gateway_upstream_header_end(u_char *p, u_char *last)
{
    while (p < last) {

        p = ngx_strlchr(p, last, LF);

        if (p == NULL || ++p == last) {
            return NULL;
        }

        if (*p == LF) {
            return p + 1;
        }

        if (*p == CR && p + 1 < last && p[1] == LF) {
            return p + 2;
        }
    }

    return NULL;
}
