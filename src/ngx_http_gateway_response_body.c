
/*
 * Copyright (C) the ngx_gateway authors
 *
 * See ngx_http_gateway_response_body.h.
 */


#include "ngx_http_gateway_response_body.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_inflate.h"


static ngx_uint_t ngx_http_gateway_response_body_breaks_off(
    ngx_http_request_t *r, ngx_chain_t *in);
static ngx_int_t ngx_http_gateway_response_body_add(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_buf_t *b);


/*
 * A body in a coding that we do not know could not be used, and what a policy
 * hides would leave whenever a client says that it understands it; those that
 * we know would cost to undo.  nginx's own gzip filter still knows.
 */

void
ngx_http_gateway_response_body_ask_plain(ngx_http_request_t *r)
{
    static ngx_str_t  name = ngx_string("accept-encoding");

#if (NGX_HTTP_GZIP)

    if (r->headers_in.accept_encoding) {
        (void) ngx_http_gzip_ok(r);
    }

#endif

    (void) ngx_http_gateway_header_in_remove(r, &name);
}


ngx_uint_t
ngx_http_gateway_response_is_bodiless(ngx_http_request_t *r)
{
    return r->header_only
           || r->method == NGX_HTTP_HEAD
           || r->headers_out.status == NGX_HTTP_NO_CONTENT
           || r->headers_out.status == NGX_HTTP_NOT_MODIFIED
           || r->headers_out.status < NGX_HTTP_OK;
}


ngx_int_t
ngx_http_gateway_response_body_coding(ngx_http_request_t *r,
    const char *owner)
{
    ngx_table_elt_t  *encoding;

    encoding = r->headers_out.content_encoding;

    if (encoding == NULL || !encoding->hash || encoding->value.len == 0
        || (encoding->value.len == sizeof("identity") - 1
            && ngx_strncasecmp(encoding->value.data, (u_char *) "identity",
                               sizeof("identity") - 1)
               == 0))
    {
        return NGX_OK;
    }

    if (ngx_http_gateway_may_inflate(&encoding->value)) {
        return NGX_AGAIN;
    }

    if (owner) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "%s: a body encoded with \"%V\" stays as it is",
                      owner, &encoding->value);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_gateway_response_body_expect(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, const char *owner, size_t max)
{
    off_t  length;

    length = r->headers_out.content_length_n;

    if (length > (off_t) max) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "%s: a body of %O bytes is larger than "
                      "\"max_body_size\"", owner, length);

        return ngx_http_gateway_drop_response(r, ngx_http_gateway_get_ctx(r),
                                              NGX_HTTP_BAD_GATEWAY);
    }

    ngx_http_gateway_response_body_watch(r, body, owner, max);

    ngx_http_gateway_hold_header(ngx_http_gateway_get_ctx(r));

    return NGX_OK;
}


void
ngx_http_gateway_response_body_watch(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, const char *owner, size_t max)
{
    off_t  length;

    length = r->headers_out.content_length_n;

    body->owner = owner;
    ngx_str_null(&body->text);
    body->size = length > 0 && length <= (off_t) max ? (size_t) length : 4096;
    body->max = max;
    body->done = 0;

    r->main_filter_need_in_memory = 1;
}


void
ngx_http_gateway_response_body_changes(ngx_http_request_t *r)
{
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_weak_etag(r);

    r->allow_ranges = 0;
}


ngx_int_t
ngx_http_gateway_response_body_collect(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_chain_t **in)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    for (cl = *in; cl; cl = cl->next) {

        rc = ngx_http_gateway_response_body_add(r, body, cl->buf);

        if (rc != NGX_OK) {
            return rc;
        }

        cl->buf->pos = cl->buf->last;

        if (cl->buf->last_buf) {
            return NGX_OK;
        }
    }

    if (ngx_http_gateway_response_body_breaks_off(r, *in)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "%s: the body is not complete", body->owner);
        return NGX_ABORT;
    }

    *in = NULL;

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_gateway_response_body_copy(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_chain_t *in)
{
    ngx_int_t  rc;

    for ( /* void */ ; in; in = in->next) {

        rc = ngx_http_gateway_response_body_add(r, body, in->buf);

        if (rc != NGX_OK || in->buf->last_buf) {
            return rc;
        }
    }

    return NGX_AGAIN;
}


/* nginx flushes what there is of a response whose upstream has failed */

static ngx_uint_t
ngx_http_gateway_response_body_breaks_off(ngx_http_request_t *r,
    ngx_chain_t *in)
{
    return in && in->buf->flush && ngx_buf_special(in->buf)
           && r->upstream && r->upstream->cleanup == NULL;
}


static ngx_int_t
ngx_http_gateway_response_body_add(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_buf_t *b)
{
    u_char  *p;
    size_t   len, size;

    if (!ngx_buf_in_memory(b)) {
        return NGX_OK;
    }

    len = b->last - b->pos;

    if (len > body->max - body->text.len) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "%s: the body is larger than \"max_body_size\"",
                      body->owner);
        return NGX_ABORT;
    }

    if (body->text.data == NULL || len > body->size - body->text.len) {

        size = body->size;

        while (size - body->text.len < len) {
            size *= 2;
        }

        p = ngx_palloc(r->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (body->text.data) {
            ngx_memcpy(p, body->text.data, body->text.len);
            (void) ngx_pfree(r->pool, body->text.data);
        }

        body->text.data = p;
        body->size = size;
    }

    ngx_memcpy(body->text.data + body->text.len, b->pos, len);

    body->text.len += len;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_response_body_inflate(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body)
{
    ngx_int_t  rc;
    ngx_str_t  plain;

    rc = ngx_http_gateway_inflate(r->pool, &body->text, body->max, &plain);

    switch (rc) {

    case NGX_OK:
        body->text = plain;
        break;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "%s: a compressed body is malformed", body->owner);
        break;

    case NGX_ABORT:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "%s: the body is larger than \"max_body_size\" when "
                      "it is decompressed", body->owner);
        break;
    }

    return rc;
}


ngx_int_t
ngx_http_gateway_response_body_finish(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_int_t rc, ngx_str_t *text,
    ngx_chain_t **in)
{
    body->done = 1;

    if (rc == NGX_ABORT) {
        return ngx_http_gateway_drop_response(r, ngx_http_gateway_get_ctx(r),
                                              NGX_HTTP_BAD_GATEWAY);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_release_header(ngx_http_gateway_get_ctx(r));

    return ngx_http_gateway_response_body_out(r, text, 1, in);
}


ngx_int_t
ngx_http_gateway_response_body_out(ngx_http_request_t *r, ngx_str_t *text,
    ngx_uint_t last, ngx_chain_t **out)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    if (text->len) {
        b->pos = text->data;
        b->last = text->data + text->len;
        b->memory = 1;
    }

    b->last_buf = last;
    b->last_in_chain = 1;

    cl->buf = b;
    cl->next = NULL;
    *out = cl;

    return NGX_OK;
}
