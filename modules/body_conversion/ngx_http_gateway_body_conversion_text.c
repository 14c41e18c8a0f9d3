
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Bytes: what is written, and encodings of what is read.  There are few of
 * the latter on purpose: libxml2 would load any that the system has for a
 * name that a client sends.
 */


#include "ngx_http_gateway_body_conversion.h"


typedef enum {
    NGX_HTTP_GATEWAY_CONVERSION_UTF_8 = 0,
    NGX_HTTP_GATEWAY_CONVERSION_LATIN_1,
    NGX_HTTP_GATEWAY_CONVERSION_UTF_16_LE,
    NGX_HTTP_GATEWAY_CONVERSION_UTF_16_BE,
    NGX_HTTP_GATEWAY_CONVERSION_UNKNOWN
} ngx_http_gateway_conversion_encoding_e;


static ngx_http_gateway_conversion_encoding_e
    ngx_http_gateway_conversion_encoding(ngx_http_gateway_conversion_t *cv,
    ngx_str_t *text);
static void ngx_http_gateway_conversion_declared(const ngx_str_t *text,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_conversion_latin_1(ngx_pool_t *pool,
    ngx_str_t *text);
static ngx_int_t ngx_http_gateway_conversion_utf_16(ngx_pool_t *pool,
    ngx_str_t *text, ngx_uint_t high);
static u_char *ngx_http_gateway_conversion_utf_8(u_char *p, uint32_t c);


ngx_int_t
ngx_http_gateway_conversion_put(ngx_http_gateway_conversion_t *cv,
    const void *data, size_t len)
{
    u_char  *p;
    size_t   size;

    if (len > cv->max - cv->out.len) {
        return NGX_ABORT;
    }

    if (len > cv->size - cv->out.len) {

        size = cv->size ? cv->size : 4096;

        while (size - cv->out.len < len) {
            size *= 2;
        }

        p = ngx_palloc(cv->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (cv->size) {
            ngx_memcpy(p, cv->out.data, cv->out.len);
            (void) ngx_pfree(cv->pool, cv->out.data);
        }

        cv->out.data = p;
        cv->size = size;
    }

    if (len) {
        ngx_memcpy(cv->out.data + cv->out.len, data, len);
        cv->out.len += len;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_conversion_refuse(ngx_http_gateway_conversion_t *cv,
    const char *why)
{
    cv->why = why;

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_gateway_conversion_char(u_char **p, u_char *last)
{
    uint32_t  c;

    if (**p < 0x80) {
        c = *(*p)++;

    } else {
        c = ngx_utf8_decode(p, last - *p);
    }

    if (c < 0x20) {
        return (c == '\t' || c == '\n' || c == '\r') ? NGX_OK : NGX_DECLINED;
    }

    return (c < 0xd800 || (c >= 0xe000 && c < 0xfffe)
            || (c >= 0x10000 && c < 0x110000))
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_gateway_conversion_decode(ngx_http_gateway_conversion_t *cv,
    const ngx_str_t *in, ngx_str_t *text)
{
    u_char     *p, *last;
    ngx_int_t   rc;

    *text = *in;

    switch (ngx_http_gateway_conversion_encoding(cv, text)) {

    case NGX_HTTP_GATEWAY_CONVERSION_UTF_8:
        rc = NGX_OK;
        break;

    case NGX_HTTP_GATEWAY_CONVERSION_LATIN_1:
        rc = ngx_http_gateway_conversion_latin_1(cv->pool, text);
        break;

    case NGX_HTTP_GATEWAY_CONVERSION_UTF_16_LE:
        rc = ngx_http_gateway_conversion_utf_16(cv->pool, text, 1);
        break;

    case NGX_HTTP_GATEWAY_CONVERSION_UTF_16_BE:
        rc = ngx_http_gateway_conversion_utf_16(cv->pool, text, 0);
        break;

    default:
        return ngx_http_gateway_conversion_refuse(cv,
                                    "in an encoding that is not understood");
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    p = text->data;
    last = p + text->len;

    while (rc == NGX_OK && p < last) {
        rc = ngx_http_gateway_conversion_char(&p, last);
    }

    return rc == NGX_OK ? NGX_OK
                        : ngx_http_gateway_conversion_refuse(cv,
                                                   "not in its encoding");
}


/* takes a byte order mark off */

static ngx_http_gateway_conversion_encoding_e
ngx_http_gateway_conversion_encoding(ngx_http_gateway_conversion_t *cv,
    ngx_str_t *text)
{
    u_char      *p;
    ngx_str_t    name;
    ngx_uint_t   i;

    static const struct {
        const char                              *name;
        ngx_http_gateway_conversion_encoding_e   encoding;
    } known[] = {
        { "utf-8", NGX_HTTP_GATEWAY_CONVERSION_UTF_8 },
        { "utf8", NGX_HTTP_GATEWAY_CONVERSION_UTF_8 },
        { "us-ascii", NGX_HTTP_GATEWAY_CONVERSION_UTF_8 },
        { "ascii", NGX_HTTP_GATEWAY_CONVERSION_UTF_8 },
        { "iso-8859-1", NGX_HTTP_GATEWAY_CONVERSION_LATIN_1 },
        { "latin1", NGX_HTTP_GATEWAY_CONVERSION_LATIN_1 },
        { "utf-16le", NGX_HTTP_GATEWAY_CONVERSION_UTF_16_LE },
        { "utf-16be", NGX_HTTP_GATEWAY_CONVERSION_UTF_16_BE },
        { NULL, NGX_HTTP_GATEWAY_CONVERSION_UNKNOWN }
    };

    p = text->data;

    if (text->len >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
        text->data += 3;
        text->len -= 3;
        return NGX_HTTP_GATEWAY_CONVERSION_UTF_8;
    }

    if (text->len >= 2 && p[0] + p[1] == 0xff + 0xfe
        && (p[0] == 0xff || p[0] == 0xfe))
    {
        text->data += 2;
        text->len -= 2;
        return p[0] == 0xff ? NGX_HTTP_GATEWAY_CONVERSION_UTF_16_LE
                            : NGX_HTTP_GATEWAY_CONVERSION_UTF_16_BE;
    }

    name = cv->charset;

    if (name.len == 0) {
        ngx_http_gateway_conversion_declared(text, &name);
    }

    if (name.len == 0) {
        return NGX_HTTP_GATEWAY_CONVERSION_UTF_8;
    }

    for (i = 0; known[i].name; i++) {
        if (ngx_strlen(known[i].name) == name.len
            && ngx_strncasecmp(name.data, (u_char *) known[i].name, name.len)
               == 0)
        {
            break;
        }
    }

    return known[i].encoding;
}


/* <?xml version="1.0" encoding="name"?> */

static void
ngx_http_gateway_conversion_declared(const ngx_str_t *text, ngx_str_t *name)
{
    u_char  *p, *last, quote;

    ngx_str_null(name);

    if (text->len < sizeof("<?xml ?>") - 1
        || ngx_strncmp(text->data, "<?xml", sizeof("<?xml") - 1) != 0)
    {
        return;
    }

    p = text->data;
    last = ngx_strlchr(p, p + text->len, '>');

    if (last == NULL) {
        return;
    }

    p = ngx_strlcasestrn(p, last, (u_char *) "encoding",
                         sizeof("encoding") - 2);
    if (p == NULL) {
        return;
    }

    p += sizeof("encoding") - 1;

    while (p < last && *p != '"' && *p != '\'') {
        p++;
    }

    if (p == last) {
        return;
    }

    quote = *p++;
    name->data = p;

    while (p < last && *p != quote) {
        p++;
    }

    name->len = p - name->data;
}


static ngx_int_t
ngx_http_gateway_conversion_latin_1(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char  *p, *src, *last;

    src = text->data;
    last = src + text->len;

    p = ngx_pnalloc(pool, text->len * 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    while (src < last) {
        p = ngx_http_gateway_conversion_utf_8(p, *src++);
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* high is where the upper byte of a unit stands */

static ngx_int_t
ngx_http_gateway_conversion_utf_16(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t high)
{
    u_char    *p, *src, *last;
    uint32_t   c, low;

    if (text->len % 2) {
        return NGX_DECLINED;
    }

    src = text->data;
    last = src + text->len;

    p = ngx_pnalloc(pool, text->len / 2 * 3);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for ( /* void */ ; src < last; src += 2) {

        c = (uint32_t) src[high] << 8 | src[1 - high];

        if (c >= 0xd800 && c < 0xdc00) {

            if (last - src < 4) {
                return NGX_DECLINED;
            }

            src += 2;
            low = (uint32_t) src[high] << 8 | src[1 - high];

            if (low < 0xdc00 || low >= 0xe000) {
                return NGX_DECLINED;
            }

            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }

        p = ngx_http_gateway_conversion_utf_8(p, c);
    }

    text->len = p - text->data;

    return NGX_OK;
}


static u_char *
ngx_http_gateway_conversion_utf_8(u_char *p, uint32_t c)
{
    if (c < 0x80) {
        *p++ = (u_char) c;
        return p;
    }

    if (c < 0x800) {
        *p++ = (u_char) (0xc0 | c >> 6);

    } else if (c < 0x10000) {
        *p++ = (u_char) (0xe0 | c >> 12);
        *p++ = (u_char) (0x80 | (c >> 6 & 0x3f));

    } else {
        *p++ = (u_char) (0xf0 | c >> 18);
        *p++ = (u_char) (0x80 | (c >> 12 & 0x3f));
        *p++ = (u_char) (0x80 | (c >> 6 & 0x3f));
    }

    *p++ = (u_char) (0x80 | (c & 0x3f));

    return p;
}
