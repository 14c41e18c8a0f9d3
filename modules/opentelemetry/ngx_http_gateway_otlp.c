
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Messages of OTLP in protobuf.
 */


#include "ngx_http_gateway_otlp.h"


static ngx_uint_t ngx_http_gateway_otlp_room(ngx_http_gateway_otlp_t *out,
    size_t len);


void
ngx_http_gateway_otlp_text(ngx_http_gateway_otlp_t *out, ngx_uint_t field,
    const char *name, ngx_str_t *value)
{
    size_t  outer, inner;

    outer = ngx_http_gateway_otlp_attribute(out, field, (u_char *) name,
                                            ngx_strlen(name), &inner);
    ngx_http_gateway_otlp_utf8(out, 1, value);
    ngx_http_gateway_otlp_close(out, inner);
    ngx_http_gateway_otlp_close(out, outer);
}


/* numbers of Lua are doubles, and collectors know ours as such */

void
ngx_http_gateway_otlp_number(ngx_http_gateway_otlp_t *out, const char *name,
    double value)
{
    size_t    outer, inner;
    uint64_t  bits;

    ngx_memcpy(&bits, &value, sizeof(bits));

    outer = ngx_http_gateway_otlp_attribute(out, 9, (u_char *) name,
                                            ngx_strlen(name), &inner);
    ngx_http_gateway_otlp_fixed64(out, 4, bits);
    ngx_http_gateway_otlp_close(out, inner);
    ngx_http_gateway_otlp_close(out, outer);
}


void
ngx_http_gateway_otlp_integer(ngx_http_gateway_otlp_t *out, const char *name,
    uint64_t value)
{
    size_t  outer, inner;

    outer = ngx_http_gateway_otlp_attribute(out, 9, (u_char *) name,
                                            ngx_strlen(name), &inner);
    ngx_http_gateway_otlp_varint(out, 3 << 3);
    ngx_http_gateway_otlp_varint(out, value);
    ngx_http_gateway_otlp_close(out, inner);
    ngx_http_gateway_otlp_close(out, outer);
}


/* a KeyValue up to its value; what to close after it and the value */

size_t
ngx_http_gateway_otlp_attribute(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field, const u_char *name, size_t len, size_t *value)
{
    size_t  outer;

    outer = ngx_http_gateway_otlp_open(out, field);
    ngx_http_gateway_otlp_bytes(out, 1, name, len);
    *value = ngx_http_gateway_otlp_open(out, 2);

    return outer;
}


static ngx_uint_t
ngx_http_gateway_otlp_room(ngx_http_gateway_otlp_t *out, size_t len)
{
    u_char  *p;
    size_t   used, size;

    if (out->failed) {
        return 0;
    }

    used = out->pos - out->start;

    if (used + len <= (size_t) (out->end - out->start)) {
        return 1;
    }

    for (size = 1024; size < used + len; size *= 2) { /* void */ }

    p = ngx_pnalloc(out->pool, size);
    if (p == NULL) {
        out->failed = 1;
        return 0;
    }

    if (used) {
        ngx_memcpy(p, out->start, used);
    }

    out->start = p;
    out->pos = p + used;
    out->end = p + size;

    return 1;
}


void
ngx_http_gateway_otlp_varint(ngx_http_gateway_otlp_t *out, uint64_t n)
{
    if (!ngx_http_gateway_otlp_room(out, 10)) {
        return;
    }

    while (n > 0x7f) {
        *out->pos++ = (u_char) (n | 0x80);
        n >>= 7;
    }

    *out->pos++ = (u_char) n;
}


void
ngx_http_gateway_otlp_bytes(ngx_http_gateway_otlp_t *out, ngx_uint_t field,
    const void *data, size_t len)
{
    ngx_http_gateway_otlp_varint(out, field << 3 | 2);
    ngx_http_gateway_otlp_varint(out, len);

    if (len && ngx_http_gateway_otlp_room(out, len)) {
        out->pos = ngx_cpymem(out->pos, data, len);
    }
}


void
ngx_http_gateway_otlp_raw(ngx_http_gateway_otlp_t *out, const void *data,
    size_t len)
{
    if (len && ngx_http_gateway_otlp_room(out, len)) {
        out->pos = ngx_cpymem(out->pos, data, len);
    }
}


/* strings have to be UTF-8: other bytes become U+FFFD */

void
ngx_http_gateway_otlp_utf8(ngx_http_gateway_otlp_t *out, ngx_uint_t field,
    const ngx_str_t *s)
{
    u_char    *p, *last, *start;
    size_t     message;
    uint32_t   c;

    p = s->data;
    last = p + s->len;

    while (p < last && *p < 0x80) {
        p++;
    }

    if (p == last) {
        ngx_http_gateway_otlp_bytes(out, field, s->data, s->len);
        return;
    }

    message = ngx_http_gateway_otlp_open(out, field);

    for (p = s->data; p < last; /* void */ ) {

        if (!ngx_http_gateway_otlp_room(out, 4)) {
            return;
        }

        if (*p < 0x80) {
            *out->pos++ = *p++;
            continue;
        }

        start = p;
        c = ngx_utf8_decode(&p, last - p);

        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            out->pos = ngx_cpymem(out->pos, "\xef\xbf\xbd", 3);
            p = start + 1;
            continue;
        }

        out->pos = ngx_cpymem(out->pos, start, p - start);
    }

    ngx_http_gateway_otlp_close(out, message);
}


void
ngx_http_gateway_otlp_fixed32(ngx_http_gateway_otlp_t *out, ngx_uint_t field,
    uint32_t n)
{
    ngx_uint_t  i;

    ngx_http_gateway_otlp_varint(out, field << 3 | 5);

    if (ngx_http_gateway_otlp_room(out, 4)) {
        for (i = 0; i < 4; i++) {
            *out->pos++ = (u_char) n;
            n >>= 8;
        }
    }
}


void
ngx_http_gateway_otlp_fixed64(ngx_http_gateway_otlp_t *out, ngx_uint_t field,
    uint64_t n)
{
    ngx_uint_t  i;

    ngx_http_gateway_otlp_varint(out, field << 3 | 1);

    if (ngx_http_gateway_otlp_room(out, 8)) {
        for (i = 0; i < 8; i++) {
            *out->pos++ = (u_char) n;
            n >>= 8;
        }
    }
}


/* where the message begins, with a byte for its length before it */

size_t
ngx_http_gateway_otlp_open(ngx_http_gateway_otlp_t *out, ngx_uint_t field)
{
    ngx_http_gateway_otlp_varint(out, field << 3 | 2);
    ngx_http_gateway_otlp_varint(out, 0);

    return out->failed ? 0 : (size_t) (out->pos - out->start);
}


void
ngx_http_gateway_otlp_close(ngx_http_gateway_otlp_t *out, size_t message)
{
    u_char  *p;
    size_t   len, n, more;

    if (out->failed) {
        return;
    }

    len = (size_t) (out->pos - out->start) - message;

    for (more = 0, n = len; n > 0x7f; n >>= 7) {
        more++;
    }

    if (more) {

        if (!ngx_http_gateway_otlp_room(out, more)) {
            return;
        }

        p = out->start + message;
        ngx_memmove(p + more, p, len);
        out->pos += more;
    }

    p = out->start + message - 1;

    for (n = len; n > 0x7f; n >>= 7) {
        *p++ = (u_char) (n | 0x80);
    }

    *p = (u_char) n;
}
