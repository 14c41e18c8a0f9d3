
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What consistent hashing hashes, and the cookie it may hand out.
 */


#include "ngx_http_gateway_upstream_peers.h"
#include "ngx_http_gateway_headers.h"
#include "gateway_uuid.h"

#if (NGX_OPENSSL)
#include <openssl/rand.h>
#endif


/* no more arguments are looked at, as in Kong */
#define NGX_HTTP_GATEWAY_UPSTREAM_MAX_ARGS  100


static ngx_int_t ngx_http_gateway_upstream_input(
    ngx_http_gateway_upstream_try_t *t, ngx_http_gateway_upstream_hash_t *h,
    ngx_str_t *value);
static ngx_int_t ngx_http_gateway_upstream_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_upstream_cookie(
    ngx_http_gateway_upstream_try_t *t, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_upstream_find_cookie(ngx_str_t *line,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_upstream_arg(
    ngx_http_gateway_upstream_try_t *t, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_upstream_unescape(ngx_pool_t *pool,
    u_char *p, u_char *last, ngx_str_t *value);
static int ngx_libc_cdecl ngx_http_gateway_upstream_cmp_strings(
    const void *one, const void *two);
static ngx_int_t ngx_http_gateway_upstream_join(ngx_pool_t *pool,
    ngx_str_t *values, ngx_uint_t n, ngx_str_t *separator, ngx_str_t *value);


ngx_int_t
ngx_http_gateway_upstream_hash_request(ngx_http_gateway_upstream_try_t *t)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = ngx_http_gateway_upstream_input(t, &t->balancer->hash, &value);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_gateway_upstream_input(t, &t->balancer->fallback,
                                             &value);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_str_null(&value);
    }

    t->hash = ngx_murmur_hash2(value.data, value.len);

    return NGX_OK;
}


/* NGX_DECLINED: the request has no such thing */

static ngx_int_t
ngx_http_gateway_upstream_input(ngx_http_gateway_upstream_try_t *t,
    ngx_http_gateway_upstream_hash_t *h, ngx_str_t *value)
{
    ngx_http_request_t      *r;
    ngx_http_gateway_ctx_t  *ctx;

    r = t->request->main;
    ctx = t->ctx;

    switch (h->type) {

    case NGX_HTTP_GATEWAY_UPSTREAM_HASH_CONSUMER:

        if (ctx->consumer) {
            *value = ctx->consumer->id;
            return NGX_OK;
        }

        if (ctx->credential) {
            *value = ctx->credential->id;
            return NGX_OK;
        }

        return NGX_DECLINED;

    case NGX_HTTP_GATEWAY_UPSTREAM_HASH_IP:
        *value = r->connection->addr_text;
        return NGX_OK;

    case NGX_HTTP_GATEWAY_UPSTREAM_HASH_HEADER:
        return ngx_http_gateway_upstream_header(r, &h->name, value);

    case NGX_HTTP_GATEWAY_UPSTREAM_HASH_COOKIE:
        return ngx_http_gateway_upstream_cookie(t, &h->name, value);

    case NGX_HTTP_GATEWAY_UPSTREAM_HASH_PATH:
        *value = r->uri;
        return NGX_OK;

    case NGX_HTTP_GATEWAY_UPSTREAM_HASH_QUERY_ARG:
        return ngx_http_gateway_upstream_arg(t, &h->name, value);

    case NGX_HTTP_GATEWAY_UPSTREAM_HASH_URI_CAPTURE:

        /* only names: numbered groups are no input */

        if (ngx_atoi(h->name.data, h->name.len) != NGX_ERROR) {
            return NGX_DECLINED;
        }

        return ngx_http_gateway_route_capture(r, &h->name, value);

    default: /* NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE */
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_gateway_upstream_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_str_t        *values;
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;

    static ngx_str_t  comma = ngx_string(", ");

    for (n = 0; ngx_http_gateway_header_in(r, name, n); n++) { /* void */ }

    if (n == 0) {
        return NGX_DECLINED;
    }

    values = ngx_palloc(r->pool, n * sizeof(ngx_str_t));
    if (values == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        h = ngx_http_gateway_header_in(r, name, i);
        values[i] = h->value;
    }

    return ngx_http_gateway_upstream_join(r->pool, values, n, &comma, value);
}


static ngx_int_t
ngx_http_gateway_upstream_cookie(ngx_http_gateway_upstream_try_t *t,
    ngx_str_t *name, ngx_str_t *value)
{
    size_t                            i;
    uint8_t                           uuid[16];
    ngx_uint_t                        n;
    ngx_table_elt_t                  *h;
    ngx_http_request_t               *r;
    ngx_http_gateway_upstream_try_t  *first;

    static ngx_str_t  cookie = ngx_string("cookie");

    r = t->request->main;

    for (n = 0; /* void */ ; n++) {

        h = ngx_http_gateway_header_in(r, &cookie, n);

        if (h == NULL) {
            break;
        }

        if (ngx_http_gateway_upstream_find_cookie(&h->value, name, value)
            == NGX_OK)
        {
            return NGX_OK;
        }
    }

    /* one request gets one cookie, however often it is proxied */

    first = t->ctx->upstream;

    if (first && first->balancer == t->balancer && first->cookie.len) {
        *value = first->cookie;
        return NGX_OK;
    }

#if (NGX_OPENSSL)
    if (RAND_bytes(uuid, sizeof(uuid)) != 1)
#endif
    {
        for (i = 0; i < sizeof(uuid); i++) {
            uuid[i] = (uint8_t) ngx_random();
        }
    }

    /* version 4 */

    uuid[6] = (uuid[6] & 0x0f) | 0x40;
    uuid[8] = (uuid[8] & 0x3f) | 0x80;

    t->cookie.data = ngx_pnalloc(r->pool, GATEWAY_UUID_LEN);
    if (t->cookie.data == NULL) {
        return NGX_ERROR;
    }

    t->cookie.len = GATEWAY_UUID_LEN;
    gateway_uuid_format((char *) t->cookie.data, uuid);

    *value = t->cookie;

    return NGX_OK;
}


/* names without regard to case, as nginx's $cookie_NAME */

static ngx_int_t
ngx_http_gateway_upstream_find_cookie(ngx_str_t *line, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  *p, *end, *last;

    last = line->data + line->len;

    for (p = line->data; p < last; p = end + 1) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        end = ngx_strlchr(p, last, ';');

        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) > name->len
            && p[name->len] == '='
            && ngx_strncasecmp(p, name->data, name->len) == 0)
        {
            value->data = p + name->len + 1;
            value->len = end - value->data;

            while (value->len && (value->data[value->len - 1] == ' '
                                  || value->data[value->len - 1] == '\t'))
            {
                value->len--;
            }

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_gateway_upstream_send_cookie(ngx_http_request_t *r,
    ngx_http_gateway_upstream_try_t *t)
{
    u_char           *p;
    size_t            len;
    ngx_str_t         value, *name;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    static ngx_str_t  set_cookie = ngx_string("Set-Cookie");

    name = t->balancer->hash.type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_COOKIE
           ? &t->balancer->hash.name : &t->balancer->fallback.name;

    /* the upstream's cookie of that name gives way, others stay */

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;

            if (part->nelts == 0) {
                break;
            }
        }

        if (h[i].hash
            && h[i].key.len == set_cookie.len
            && ngx_strncasecmp(h[i].key.data, set_cookie.data,
                               set_cookie.len)
               == 0
            && h[i].value.len > name->len
            && h[i].value.data[name->len] == '='
            && ngx_strncmp(h[i].value.data, name->data, name->len) == 0)
        {
            h[i].hash = 0;
        }
    }

    len = name->len + sizeof("=; Path=; Same-Site=Lax; HttpOnly") - 1
          + t->cookie.len + t->balancer->cookie_path.len;

    value.data = ngx_pnalloc(r->pool, len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(value.data, "%V=%V; Path=%V; Same-Site=Lax; HttpOnly",
                    name, &t->cookie, &t->balancer->cookie_path);
    value.len = p - value.data;

    if (ngx_http_gateway_header_out_add(r, &set_cookie, &value) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_arg(ngx_http_gateway_upstream_try_t *t,
    ngx_str_t *name, ngx_str_t *value)
{
    u_char              *p, *end, *eq, *last;
    ngx_str_t            key, args, *values;
    ngx_uint_t           i, n;
    ngx_http_request_t  *r;

    static ngx_str_t  comma = ngx_string(",");

    r = t->request->main;
    args = t->ctx->args_changed ? t->ctx->args : r->args;

    values = NULL;
    n = 0;

    last = args.data + args.len;

    for (p = args.data, i = 0;
         p < last && i < NGX_HTTP_GATEWAY_UPSTREAM_MAX_ARGS;
         p = end + 1, i++)
    {
        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        eq = ngx_strlchr(p, end, '=');

        if (ngx_http_gateway_upstream_unescape(r->pool, p, eq ? eq : end,
                                               &key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (key.len != name->len
            || ngx_strncmp(key.data, name->data, name->len) != 0)
        {
            continue;
        }

        if (values == NULL) {
            values = ngx_palloc(r->pool, NGX_HTTP_GATEWAY_UPSTREAM_MAX_ARGS
                                         * sizeof(ngx_str_t));
            if (values == NULL) {
                return NGX_ERROR;
            }
        }

        if (eq == NULL) {
            ngx_str_set(&values[n], "true");

        } else if (ngx_http_gateway_upstream_unescape(r->pool, eq + 1, end,
                                                      &values[n])
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        n++;
    }

    if (n == 0) {
        return NGX_DECLINED;
    }

    ngx_qsort(values, n, sizeof(ngx_str_t),
              ngx_http_gateway_upstream_cmp_strings);

    return ngx_http_gateway_upstream_join(r->pool, values, n, &comma, value);
}


static ngx_int_t
ngx_http_gateway_upstream_unescape(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *value)
{
    u_char  *src, *dst;

    value->data = p;
    value->len = last - p;

    for (src = p; src < last; src++) {
        if (*src == '%' || *src == '+') {
            break;
        }
    }

    if (src == last) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(pool, value->len);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    for (src = p, dst = value->data; src < last; src++, dst++) {
        *dst = (*src == '+') ? ' ' : *src;
    }

    src = value->data;
    dst = value->data;

    ngx_unescape_uri(&dst, &src, value->len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_upstream_cmp_strings(const void *one, const void *two)
{
    const ngx_str_t  *a, *b;

    a = one;
    b = two;

    return (int) ngx_memn2cmp(a->data, b->data, a->len, b->len);
}


static ngx_int_t
ngx_http_gateway_upstream_join(ngx_pool_t *pool, ngx_str_t *values,
    ngx_uint_t n, ngx_str_t *separator, ngx_str_t *value)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    if (n == 1) {
        *value = values[0];
        return NGX_OK;
    }

    len = 0;

    for (i = 0; i < n; i++) {
        len += values[i].len + separator->len;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    for (i = 0; i < n; i++) {

        if (i) {
            p = ngx_cpymem(p, separator->data, separator->len);
        }

        p = ngx_cpymem(p, values[i].data, values[i].len);
    }

    value->len = p - value->data;

    return NGX_OK;
}
