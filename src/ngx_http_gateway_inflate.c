
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Bodies that came compressed, in one piece.
 */


#include "ngx_http_gateway_inflate.h"

#include <zlib.h>


static ngx_int_t ngx_http_gateway_inflate_try(ngx_pool_t *pool,
    const ngx_str_t *in, int window, size_t max, ngx_str_t *out);
static ngx_int_t ngx_http_gateway_inflate_grow(ngx_pool_t *pool,
    ngx_str_t *out, size_t *size, size_t max);
static void *ngx_http_gateway_inflate_zalloc(void *opaque, u_int items,
    u_int size);
static void ngx_http_gateway_inflate_zfree(void *opaque, void *address);


ngx_uint_t
ngx_http_gateway_may_inflate(ngx_str_t *encoding)
{
    ngx_uint_t  i;

    static ngx_str_t  known[] = {
        ngx_string("gzip"), ngx_string("x-gzip"), ngx_string("deflate"),
        ngx_null_string
    };

    for (i = 0; known[i].len; i++) {
        if (known[i].len == encoding->len
            && ngx_strncasecmp(known[i].data, encoding->data, encoding->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_inflate(ngx_pool_t *pool, const ngx_str_t *in,
    size_t max, ngx_str_t *out)
{
    ngx_int_t  rc;

    /* 32 tells gzip and zlib apart by their first bytes */

    rc = ngx_http_gateway_inflate_try(pool, in, MAX_WBITS + 32, max, out);

    if (rc == NGX_DECLINED) {

        /* what some senders take for "deflate": without zlib's header */

        rc = ngx_http_gateway_inflate_try(pool, in, -MAX_WBITS, max, out);
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_inflate_try(ngx_pool_t *pool, const ngx_str_t *in,
    int window, size_t max, ngx_str_t *out)
{
    int        rc;
    size_t     size;
    z_stream   zs;
    ngx_int_t  grown;

    ngx_memzero(&zs, sizeof(z_stream));

    zs.zalloc = ngx_http_gateway_inflate_zalloc;
    zs.zfree = ngx_http_gateway_inflate_zfree;
    zs.opaque = pool;
    zs.next_in = in->data;
    zs.avail_in = in->len;

    if (inflateInit2(&zs, window) != Z_OK) {
        return NGX_ERROR;
    }

    size = 0;
    ngx_str_null(out);

    for ( ;; ) {

        if (out->len == size) {
            grown = ngx_http_gateway_inflate_grow(pool, out, &size, max);
            if (grown != NGX_OK) {
                (void) inflateEnd(&zs);
                return grown;
            }
        }

        zs.next_out = out->data + out->len;
        zs.avail_out = size - out->len;

        rc = inflate(&zs, Z_NO_FLUSH);

        out->len = size - zs.avail_out;

        if (rc == Z_STREAM_END) {

            /* several members of gzip follow one another */

            if (zs.avail_in >= 2 && zs.next_in[0] == 0x1f
                && zs.next_in[1] == 0x8b && window > 0)
            {
                if (inflateReset(&zs) != Z_OK) {
                    break;
                }

                continue;
            }

            (void) inflateEnd(&zs);

            return out->len > max ? NGX_ABORT : NGX_OK;
        }

        if (rc != Z_OK || (zs.avail_in == 0 && zs.avail_out != 0)) {
            break;
        }
    }

    (void) inflateEnd(&zs);

    return NGX_DECLINED;
}


/* up to one byte more than max, which is then too much */

static ngx_int_t
ngx_http_gateway_inflate_grow(ngx_pool_t *pool, ngx_str_t *out,
    size_t *size, size_t max)
{
    u_char  *p;
    size_t   more;

    if (*size > max) {
        return NGX_ABORT;
    }

    more = *size ? 2 * *size : 16384;
    more = ngx_min(more, max + 1);

    p = ngx_palloc(pool, more);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (out->len) {
        ngx_memcpy(p, out->data, out->len);
        (void) ngx_pfree(pool, out->data);
    }

    out->data = p;
    *size = more;

    return NGX_OK;
}


static void *
ngx_http_gateway_inflate_zalloc(void *opaque, u_int items, u_int size)
{
    return ngx_palloc(opaque, (size_t) items * size);
}


static void
ngx_http_gateway_inflate_zfree(void *opaque, void *address)
{
    (void) ngx_pfree(opaque, address);
}
