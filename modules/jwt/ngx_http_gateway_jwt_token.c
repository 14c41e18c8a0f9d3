
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Where tokens are found in a request: the query string, cookies, headers.
 */


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_args.h"


static ngx_int_t ngx_http_gateway_jwt_in_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *name,
    ngx_http_gateway_jwt_found_t *found);
static void ngx_http_gateway_jwt_in_cookie(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_gateway_jwt_found_t *found);
static void ngx_http_gateway_jwt_in_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_gateway_jwt_found_t *found);
static void ngx_http_gateway_jwt_add(ngx_http_gateway_jwt_found_t *found,
    ngx_str_t *text);


ngx_int_t
ngx_http_gateway_jwt_collect(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    ngx_http_gateway_jwt_found_t *found)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = jcf->uri_param_names->elts;

    for (i = 0; ctx->args.len && i < jcf->uri_param_names->nelts; i++) {
        if (ngx_http_gateway_jwt_in_query(r, ctx, &name[i], found) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (jcf->cookie_names) {
        name = jcf->cookie_names->elts;

        for (i = 0; i < jcf->cookie_names->nelts; i++) {
            ngx_http_gateway_jwt_in_cookie(r, &name[i], found);
        }
    }

    name = jcf->header_names->elts;

    for (i = 0; i < jcf->header_names->nelts; i++) {
        ngx_http_gateway_jwt_in_header(r, &name[i], found);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_in_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *name,
    ngx_http_gateway_jwt_found_t *found)
{
    ngx_str_t               args, text;
    ngx_http_gateway_arg_t  arg;

    args = ctx->args;

    while (ngx_http_gateway_arg_next(&args, &arg)) {

        if (!ngx_http_gateway_arg_is(&arg, name)) {
            continue;
        }

        if (arg.bare) {
            found->bare = 1;
            continue;
        }

        if (ngx_http_gateway_unescape(r->pool, &arg.value, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_gateway_jwt_add(found, &text);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_in_cookie(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_gateway_jwt_found_t *found)
{
    ngx_str_t  text;

#if (nginx_version >= 1029006)

    if (ngx_http_parse_cookie_lines(r, r->headers_in.cookie, name, &text)
        == NULL)
    {
        return;
    }

#elif (nginx_version >= 1023000)

    if (ngx_http_parse_multi_header_lines(r, r->headers_in.cookie, name, &text)
        == NULL)
    {
        return;
    }

#else

    if (ngx_http_parse_multi_header_lines(&r->headers_in.cookies, name, &text)
        == NGX_DECLINED)
    {
        return;
    }

#endif

    ngx_http_gateway_jwt_add(found, &text);
}


/* "Bearer" or "bearer" somewhere in the first header, blanks, the token */

static void
ngx_http_gateway_jwt_in_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_gateway_jwt_found_t *found)
{
    u_char           *p, *last;
    ngx_str_t         text;
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, name, 0);
    if (h == NULL) {
        return;
    }

    p = h->value.data;
    last = p + h->value.len;

    for ( /* void */ ; last - p > 7; p++) {

        if ((*p != 'B' && *p != 'b') || ngx_strncmp(p + 1, "earer", 5) != 0
            || (p[6] != ' ' && p[6] != '\t'))
        {
            continue;
        }

        p += 7;

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        text.data = p;
        text.len = last - p;

        ngx_http_gateway_jwt_add(found, &text);
        return;
    }
}


static void
ngx_http_gateway_jwt_add(ngx_http_gateway_jwt_found_t *found, ngx_str_t *text)
{
    if (text->len == 0) {
        return;
    }

    if (found->text.data == NULL) {
        found->text = *text;
        return;
    }

    if (found->text.len != text->len
        || ngx_memcmp(found->text.data, text->data, text->len) != 0)
    {
        found->several = 1;
    }
}
