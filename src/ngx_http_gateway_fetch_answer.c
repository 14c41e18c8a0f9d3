
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Answers to HTTP requests of our own: status line, headers, where the body
 * ends, and how long it may be kept.
 */


#include "ngx_http_gateway_fetch_private.h"


static ngx_int_t ngx_http_gateway_fetch_parse_headers(
    ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_fetch_keep_header(
    ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_fetch_framing(ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_fetch_parse_body(
    ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_fetch_append(ngx_http_gateway_fetch_t *f,
    size_t size);


ngx_str_t *
ngx_http_gateway_fetch_header(ngx_http_gateway_fetch_t *f, const char *name)
{
    size_t         len;
    ngx_uint_t     i;
    ngx_keyval_t  *h;

    h = f->answer_headers.elts;
    len = ngx_strlen(name);

    for (i = 0; i < f->answer_headers.nelts; i++) {

        if (h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
        {
            return &h[i].value;
        }
    }

    return NULL;
}


time_t
ngx_http_gateway_fetch_fresh(ngx_http_gateway_fetch_t *f)
{
    u_char      *p, *end, *last;
    time_t       fresh;
    ngx_int_t    age;
    ngx_str_t   *value;

    value = ngx_http_gateway_fetch_header(f, "cache-control");

    if (value == NULL) {
        return -1;
    }

    fresh = -1;
    last = value->data + value->len;

    for (p = value->data; p < last; p = end + 1) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        if ((end - p >= 8
             && (ngx_strncasecmp(p, (u_char *) "no-store", 8) == 0
                 || ngx_strncasecmp(p, (u_char *) "no-cache", 8) == 0)))
        {
            return 0;
        }

        if (end - p > 8 && ngx_strncasecmp(p, (u_char *) "max-age=", 8) == 0)
        {
            for (p += 8, fresh = 0;
                 p < end && *p >= '0' && *p <= '9' && fresh < 0x7fffffff / 10;
                 p++)
            {
                fresh = fresh * 10 + (*p - '0');
            }
        }
    }

    value = ngx_http_gateway_fetch_header(f, "age");

    if (fresh > 0 && value) {
        age = ngx_atoi(value->data, value->len);

        if (age > 0) {
            fresh = (age < fresh) ? fresh - age : 0;
        }
    }

    return fresh;
}


ngx_int_t
ngx_http_gateway_fetch_parse(ngx_http_gateway_fetch_t *f)
{
    ngx_int_t  rc;

    while (!f->headers_done) {

        if (!f->status_done) {

            rc = ngx_http_parse_status_line(f->r, f->in, &f->parsed);

            if (rc == NGX_AGAIN) {
                return NGX_AGAIN;
            }

            if (rc != NGX_OK) {
                ngx_http_gateway_fetch_failed(f, 0, "the answer is no HTTP");
                return NGX_ERROR;
            }

            f->status_done = 1;
            f->status = f->parsed.code;
        }

        rc = ngx_http_gateway_fetch_parse_headers(f);

        if (rc != NGX_OK) {
            return rc;
        }

        if (f->status >= 100 && f->status < 200 && f->status != 101) {

            /* an interim answer */

            f->answer_headers.nelts = 0;
            f->status_done = 0;
            f->r->state = 0;
            ngx_memzero(&f->parsed, sizeof(ngx_http_status_t));
            continue;
        }

        f->headers_done = 1;

        rc = ngx_http_gateway_fetch_redirect(f);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        rc = ngx_http_gateway_fetch_framing(f);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_http_gateway_fetch_parse_body(f);
}


/* NGX_OK: all of them are there */

static ngx_int_t
ngx_http_gateway_fetch_parse_headers(ngx_http_gateway_fetch_t *f)
{
    ngx_int_t  rc;

    for ( ;; ) {

        rc = ngx_http_parse_header_line(f->r, f->in, 1);

        if (rc == NGX_HTTP_PARSE_HEADER_DONE) {
            return NGX_OK;
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK || f->r->invalid_header) {
            ngx_http_gateway_fetch_failed(f, 0, "a header is invalid");
            return NGX_ERROR;
        }

        if (ngx_http_gateway_fetch_keep_header(f) != NGX_OK) {
            ngx_http_gateway_fetch_failed(f, 0, "no memory");
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_gateway_fetch_keep_header(ngx_http_gateway_fetch_t *f)
{
    ngx_keyval_t  *h;

    h = ngx_array_push(&f->answer_headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    /* the buffer is used again for the body */

    h->key.len = f->r->header_name_end - f->r->header_name_start;
    h->value.len = f->r->header_end - f->r->header_start;

    h->key.data = ngx_pnalloc(f->pool, h->key.len + h->value.len);
    if (h->key.data == NULL) {
        return NGX_ERROR;
    }

    h->value.data = h->key.data + h->key.len;

    ngx_memcpy(h->key.data, f->r->header_name_start, h->key.len);
    ngx_memcpy(h->value.data, f->r->header_start, h->value.len);

    return NGX_OK;
}


/* where the body ends, RFC 9112, 6.3, and if more may follow it */

static ngx_int_t
ngx_http_gateway_fetch_framing(ngx_http_gateway_fetch_t *f)
{
    off_t          length;
    ngx_uint_t     i;
    ngx_keyval_t  *h;

    /* HTTP/1.0 has no connections that stay, RFC 9112, 9.3 */

    if (f->parsed.http_version < NGX_HTTP_VERSION_11) {
        f->closes = 1;
    }

    h = f->answer_headers.elts;

    for (i = 0; i < f->answer_headers.nelts; i++) {

        if (h[i].key.len == sizeof("Connection") - 1
            && ngx_strncasecmp(h[i].key.data, (u_char *) "Connection",
                               h[i].key.len)
               == 0
            && ngx_strlcasestrn(h[i].value.data,
                                h[i].value.data + h[i].value.len,
                                (u_char *) "close", 5 - 1))
        {
            f->closes = 1;
            continue;
        }

        if (h[i].key.len == sizeof("Transfer-Encoding") - 1
            && ngx_strncasecmp(h[i].key.data, (u_char *) "Transfer-Encoding",
                               h[i].key.len)
               == 0)
        {
            if (h[i].value.len != sizeof("chunked") - 1
                || ngx_strncasecmp(h[i].value.data, (u_char *) "chunked",
                                   h[i].value.len)
                   != 0
                || f->is_chunked)
            {
                ngx_http_gateway_fetch_failed(f, 0,
                                             "the transfer encoding is not "
                                             "supported");
                return NGX_ERROR;
            }

            f->is_chunked = 1;
            continue;
        }

        if (h[i].key.len == sizeof("Content-Length") - 1
            && ngx_strncasecmp(h[i].key.data, (u_char *) "Content-Length",
                               h[i].key.len)
               == 0)
        {
            length = ngx_atoof(h[i].value.data, h[i].value.len);

            if (length == NGX_ERROR
                || (f->length != -1 && f->length != length))
            {
                ngx_http_gateway_fetch_failed(f, 0,
                                             "the length of the answer is "
                                             "invalid");
                return NGX_ERROR;
            }

            f->length = length;
        }
    }

    if (f->is_chunked) {
        f->length = -1;
    }

    if (f->status == NGX_HTTP_NO_CONTENT || f->status == NGX_HTTP_NOT_MODIFIED
        || (f->method.len == 4 && ngx_strncmp(f->method.data, "HEAD", 4) == 0))
    {
        return NGX_DONE;
    }

    if (f->length > (off_t) f->limit) {
        ngx_http_gateway_fetch_failed(f, 0, "the answer is too long");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_fetch_parse_body(ngx_http_gateway_fetch_t *f)
{
    size_t      size;
    ngx_buf_t  *b;
    ngx_int_t   rc;

    b = f->in;

    if (!f->is_chunked) {

        size = b->last - b->pos;

        if (f->length != -1) {
            size = (size_t) ngx_min((off_t) size,
                                    f->length - (off_t) f->answer.len);
        }

        if (ngx_http_gateway_fetch_append(f, size) != NGX_OK) {
            return NGX_ERROR;
        }

        if (f->length != -1 && (off_t) f->answer.len == f->length) {
            return NGX_DONE;
        }

        b->pos = b->start;
        b->last = b->start;

        return NGX_AGAIN;
    }

    for ( ;; ) {

#if (nginx_version >= 1027002)
        rc = ngx_http_parse_chunked(f->r, b, &f->chunked, 0);
#else
        rc = ngx_http_parse_chunked(f->r, b, &f->chunked);
#endif

        if (rc == NGX_OK) {

            size = (size_t) ngx_min((off_t) (b->last - b->pos),
                                    f->chunked.size);

            if (ngx_http_gateway_fetch_append(f, size) != NGX_OK) {
                return NGX_ERROR;
            }

            f->chunked.size -= (off_t) size;
            continue;
        }

        if (rc == NGX_DONE) {
            return NGX_DONE;
        }

        if (rc == NGX_AGAIN) {
            b->pos = b->start;
            b->last = b->start;

            return NGX_AGAIN;
        }

        ngx_http_gateway_fetch_failed(f, 0, "a chunk is invalid");

        return NGX_ERROR;
    }
}


/* moves so much from the buffer */

static ngx_int_t
ngx_http_gateway_fetch_append(ngx_http_gateway_fetch_t *f, size_t size)
{
    u_char  *p;
    size_t   room;

    if (size > f->limit - f->answer.len) {
        ngx_http_gateway_fetch_failed(f, 0, "the answer is too long");
        return NGX_ERROR;
    }

    if (f->answer.len + size > f->room) {

        room = ngx_max(2 * f->room, NGX_HTTP_GATEWAY_FETCH_BUFFER);
        room = ngx_max(room, f->answer.len + size);

        if (f->length != -1) {
            room = (size_t) f->length;
        }

        p = ngx_pnalloc(f->pool, room);
        if (p == NULL) {
            ngx_http_gateway_fetch_failed(f, 0, "no memory");
            return NGX_ERROR;
        }

        if (f->answer.len) {
            ngx_memcpy(p, f->answer.data, f->answer.len);
            (void) ngx_pfree(f->pool, f->answer.data);
        }

        f->answer.data = p;
        f->room = room;
    }

    if (size) {
        ngx_memcpy(f->answer.data + f->answer.len, f->in->pos, size);
    }

    f->answer.len += size;
    f->in->pos += size;

    return NGX_OK;
}
