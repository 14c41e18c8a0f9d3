
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The request body for policies.  It is read before the content handler
 * asks for it, so "proxy_request_buffering off" has no effect on a request
 * whose body some policy wants to see; nginx sends "100 Continue" and keeps
 * to client_max_body_size and client_body_timeout as ever.  Bodies beyond
 * client_body_buffer_size go through a temporary file and are read back.
 */


#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_headers.h"


static void ngx_http_gateway_body_handler(ngx_http_request_t *r);
static void ngx_http_gateway_body_resume_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_body_collect(ngx_http_request_t *r,
    off_t max, ngx_str_t *body);


ngx_int_t
ngx_http_gateway_body_read(ngx_http_request_t *r, off_t max, ngx_str_t *body)
{
    ngx_int_t                rc;
    ngx_http_gateway_ctx_t  *ctx;

    ngx_str_null(body);

    r = r->main;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->waiting_body) {

        /* an error while reading comes back here through error_page */

        return r->err_status ? (ngx_int_t) r->err_status : NGX_AGAIN;
    }

    if (r->request_body) {
        return ngx_http_gateway_body_collect(r, max, body);
    }

    if (r->discard_body
        || (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked))
    {
        return NGX_OK;
    }

    if (r->headers_in.content_length_n > max) {
        return NGX_DECLINED;
    }

    r->request_body_no_buffering = 0;
    r->request_body_in_single_buf = 1;

    /*
     * The handler may run inside of the call, when nothing is to be waited
     * for, or from an event later on; only then it has to resume the chain.
     */

    ctx->waiting_body = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_gateway_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {

        /* what remains of the body would be taken for the next request */

        ctx->waiting_body = 0;
        r->keepalive = 0;

        return rc;
    }

    /* the reference was taken for a content handler, which we are not */

    r->count--;

    if (ctx->waiting_body) {
        r->request_body->post_handler = ngx_http_gateway_body_resume_handler;
        return NGX_AGAIN;
    }

    return ngx_http_gateway_body_collect(r, max, body);
}


static void
ngx_http_gateway_body_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    ctx->waiting_body = 0;
}


static void
ngx_http_gateway_body_resume_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_body_handler(r);

    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_gateway_resume(r);
}


static ngx_int_t
ngx_http_gateway_body_collect(ngx_http_request_t *r, off_t max,
    ngx_str_t *body)
{
    off_t         size;
    u_char       *p;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_uint_t    nbufs;
    ngx_chain_t  *cl;

    size = 0;
    nbufs = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
        nbufs++;
    }

    if (size > max) {
        return NGX_DECLINED;
    }

    if (size == 0) {
        return NGX_OK;
    }

    body->len = (size_t) size;

    if (nbufs == 1 && !r->request_body->bufs->buf->in_file) {
        body->data = r->request_body->bufs->buf->pos;
        return NGX_OK;
    }

    body->data = ngx_pnalloc(r->pool, body->len);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    p = body->data;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (!b->in_file) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        n = ngx_read_file(b->file, p, (size_t) (b->file_last - b->file_pos),
                          b->file_pos);

        if (n != (ssize_t) (b->file_last - b->file_pos)) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "could not read back the request body from \"%V\"",
                          &b->file->name);
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_body_replace(ngx_http_request_t *r, ngx_str_t *body)
{
    u_char                   *p;
    ngx_buf_t                *b;
    ngx_str_t                 length;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    static ngx_str_t  name = ngx_string("Content-Length");
    static ngx_str_t  lowcase = ngx_string("content-length");

    r = r->main;
    rb = r->request_body;

    if (rb == NULL) {

        /* the request came without one */

        rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
        if (rb == NULL) {
            return NGX_ERROR;
        }

        r->request_body = rb;
    }

    cl = NULL;

    if (body->len) {
        b = ngx_calloc_buf(r->pool);
        if (b == NULL) {
            return NGX_ERROR;
        }

        /* start is where a retry begins again */

        b->start = body->data;
        b->pos = body->data;
        b->last = body->data + body->len;
        b->end = b->last;
        b->memory = 1;
        b->last_buf = 1;

        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = b;
        cl->next = NULL;
    }

    rb->bufs = cl;

    /* the file itself goes with the request's pool */

    rb->temp_file = NULL;

    r->headers_in.content_length_n = body->len;

    /* a chunked request has no such header, and the upstream gets none */

    if (r->headers_in.content_length) {
        p = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        length.data = p;
        length.len = ngx_sprintf(p, "%uz", body->len) - p;

        return ngx_http_gateway_header_in_set(r, &name, &lowcase, &length);
    }

    return NGX_OK;
}
