
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Arguments of query strings and of form bodies.  One pass over the bytes,
 * memory only for what has to be decoded or rewritten.
 */


#include "ngx_http_gateway_args.h"


static u_char *ngx_http_gateway_arg_char(u_char *p, u_char *last,
    u_char *ch);
static ngx_int_t ngx_http_gateway_hex(u_char *p, u_char *last);
static ngx_int_t ngx_http_gateway_args_rewrite(ngx_pool_t *pool,
    ngx_str_t *args, const ngx_str_t *name, ngx_uint_t normalize);
static u_char *ngx_http_gateway_arg_normalize(u_char *dst,
    const ngx_str_t *src);


ngx_uint_t
ngx_http_gateway_arg_next(ngx_str_t *args, ngx_http_gateway_arg_t *arg)
{
    u_char  *p, *last;

    if (args->len == 0) {
        return 0;
    }

    last = args->data + args->len;

    arg->raw.data = args->data;

    p = ngx_strlchr(args->data, last, '&');

    if (p) {
        arg->raw.len = p - args->data;
        args->data = p + 1;
        args->len = last - args->data;

    } else {
        arg->raw.len = args->len;
        args->data = last;
        args->len = 0;
    }

    last = arg->raw.data + arg->raw.len;

    p = ngx_strlchr(arg->raw.data, last, '=');

    arg->name.data = arg->raw.data;

    if (p) {
        arg->name.len = p - arg->raw.data;
        arg->value.data = p + 1;
        arg->value.len = last - arg->value.data;
        arg->bare = 0;

    } else {
        arg->name.len = arg->raw.len;
        arg->value.data = last;
        arg->value.len = 0;
        arg->bare = 1;
    }

    return 1;
}


ngx_uint_t
ngx_http_gateway_arg_is(ngx_http_gateway_arg_t *arg, const ngx_str_t *name)
{
    u_char  *p, *last, ch;
    size_t   i;

    /* decoding never makes a name longer */

    if (arg->name.len < name->len) {
        return 0;
    }

    p = arg->name.data;
    last = p + arg->name.len;

    for (i = 0; i < name->len; i++) {

        if (p == last) {
            return 0;
        }

        p = ngx_http_gateway_arg_char(p, last, &ch);

        if (ch != name->data[i]) {
            return 0;
        }
    }

    return p == last;
}


ngx_uint_t
ngx_http_gateway_args_find(const ngx_str_t *args, const ngx_str_t *name,
    ngx_http_gateway_arg_t *arg)
{
    ngx_str_t               rest;
    ngx_uint_t              n;
    ngx_http_gateway_arg_t  next;

    n = 0;
    rest = *args;

    while (n < 2 && ngx_http_gateway_arg_next(&rest, &next)) {

        if (ngx_http_gateway_arg_is(&next, name)) {

            if (n == 0) {
                *arg = next;
            }

            n++;
        }
    }

    return n;
}


ngx_int_t
ngx_http_gateway_unescape(ngx_pool_t *pool, const ngx_str_t *src,
    ngx_str_t *dst)
{
    u_char  *p, *last, *out;

    last = src->data + src->len;

    for (p = src->data; p < last; p++) {
        if (*p == '%' || *p == '+') {
            break;
        }
    }

    if (p == last) {
        *dst = *src;
        return NGX_OK;
    }

    out = ngx_pnalloc(pool, src->len);
    if (out == NULL) {
        return NGX_ERROR;
    }

    dst->data = out;

    for (p = src->data; p < last; out++) {
        p = ngx_http_gateway_arg_char(p, last, out);
    }

    dst->len = out - dst->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_args_remove(ngx_pool_t *pool, ngx_str_t *args,
    const ngx_str_t *name)
{
    return ngx_http_gateway_args_rewrite(pool, args, name, 1);
}


ngx_int_t
ngx_http_gateway_args_cut(ngx_pool_t *pool, ngx_str_t *args,
    const ngx_str_t *name)
{
    return ngx_http_gateway_args_rewrite(pool, args, name, 0);
}


static ngx_int_t
ngx_http_gateway_args_rewrite(ngx_pool_t *pool, ngx_str_t *args,
    const ngx_str_t *name, ngx_uint_t normalize)
{
    u_char                  *p;
    ngx_str_t                rest, out;
    ngx_uint_t               first;
    ngx_http_gateway_arg_t   arg;

    if (args->len == 0) {
        return NGX_OK;
    }

    out.data = ngx_pnalloc(pool, args->len);
    if (out.data == NULL) {
        return NGX_ERROR;
    }

    p = out.data;
    rest = *args;
    first = 1;

    while (ngx_http_gateway_arg_next(&rest, &arg)) {

        if (ngx_http_gateway_arg_is(&arg, name)) {
            continue;
        }

        if (!first) {
            *p++ = '&';
        }

        first = 0;
        p = normalize ? ngx_http_gateway_arg_normalize(p, &arg.raw)
                      : ngx_cpymem(p, arg.raw.data, arg.raw.len);
    }

    out.len = p - out.data;
    *args = out;

    return NGX_OK;
}


void
ngx_http_gateway_args_replace(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *args)
{
    ctx->args = *args;
    ctx->args_changed = 1;

    /* the route feature writes the whole target of its requests itself */

    if (ctx->service == NULL) {
        r->args = *args;
        r->valid_unparsed_uri = 0;
    }
}


/* decodes one character, returns the place after it; p < last */

static u_char *
ngx_http_gateway_arg_char(u_char *p, u_char *last, u_char *ch)
{
    ngx_int_t  n;

    if (*p == '%') {
        n = ngx_http_gateway_hex(p + 1, last);

        if (n >= 0) {
            *ch = (u_char) n;
            return p + 3;
        }
    }

    *ch = (*p == '+') ? ' ' : *p;

    return p + 1;
}


/* the value of two hex digits, -1 if they are none */

static ngx_int_t
ngx_http_gateway_hex(u_char *p, u_char *last)
{
    if (last - p < 2) {
        return -1;
    }

    /* ngx_hextoi() returns NGX_ERROR for anything but hex digits */

    return ngx_hextoi(p, 2);
}


static u_char *
ngx_http_gateway_arg_normalize(u_char *dst, const ngx_str_t *src)
{
    u_char     *p, *last, ch;
    ngx_int_t   n;

    last = src->data + src->len;

    for (p = src->data; p < last; /* void */) {

        n = (*p == '%') ? ngx_http_gateway_hex(p + 1, last) : -1;

        if (n < 0) {
            *dst++ = *p++;
            continue;
        }

        ch = (u_char) n;

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9')
            || ch == '-' || ch == '.' || ch == '_' || ch == '~')
        {
            *dst++ = ch;

        } else {
            *dst++ = '%';
            *dst++ = ngx_toupper(p[1]);
            *dst++ = ngx_toupper(p[2]);
        }

        p += 3;
    }

    return dst;
}
