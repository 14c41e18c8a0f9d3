
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What expressions know of a request.
 */


#include "ngx_http_gateway_value.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_headers.h"


static int ngx_http_gateway_value_request_get(void *data,
    gateway_template_source_t source, const gateway_str_t *name,
    gateway_template_value_t *value);
static int ngx_http_gateway_value_request_get_header(ngx_http_request_t *r,
    ngx_str_t *name, gateway_template_value_t *value);
static int ngx_http_gateway_value_request_get_arg(ngx_http_request_t *r,
    ngx_str_t *name, gateway_template_value_t *value);
static int ngx_http_gateway_value_request_push(ngx_http_request_t *r,
    gateway_template_value_t *value, ngx_str_t *more);


void
ngx_http_gateway_value_request_env(ngx_http_request_t *r,
    gateway_template_env_t *env)
{
    ngx_http_gateway_value_env(r, env);

    env->get = ngx_http_gateway_value_request_get;
}


static int
ngx_http_gateway_value_request_get(void *data,
    gateway_template_source_t source, const gateway_str_t *name,
    gateway_template_value_t *value)
{
    ngx_http_request_t  *r = data;

    ngx_str_t  key, capture;

    key.data = (u_char *) name->data;
    key.len = name->len;

    if (source == GATEWAY_TEMPLATE_HEADERS) {
        return ngx_http_gateway_value_request_get_header(r, &key, value);
    }

    if (source == GATEWAY_TEMPLATE_QUERY) {
        return ngx_http_gateway_value_request_get_arg(r, &key, value);
    }

    if (source == GATEWAY_TEMPLATE_SHARED) {

        if (ngx_http_gateway_shared(r, &key, &capture) != NGX_OK) {
            return 0;
        }

        value->type = GATEWAY_TEMPLATE_STRING;
        value->text.data = (char *) capture.data;
        value->text.len = capture.len;

        return 0;
    }

    if (ngx_http_gateway_route_capture(r, &key, &capture) == NGX_OK) {
        value->type = GATEWAY_TEMPLATE_STRING;
        value->text.data = (char *) capture.data;
        value->text.len = capture.len;
    }

    return 0;
}


/* "headers.x_y" is also the way to write "headers['x-y']" */

static int
ngx_http_gateway_value_request_get_header(ngx_http_request_t *r,
    ngx_str_t *name, gateway_template_value_t *value)
{
    ngx_str_t         dashed;
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, name, 0);

    if (h == NULL && ngx_strlchr(name->data, name->data + name->len, '_')) {

        dashed.len = name->len;
        dashed.data = ngx_pnalloc(r->pool, name->len);
        if (dashed.data == NULL) {
            return -1;
        }

        for (i = 0; i < name->len; i++) {
            dashed.data[i] = name->data[i] == '_' ? '-' : name->data[i];
        }

        *name = dashed;

        h = ngx_http_gateway_header_in(r, name, 0);
    }

    for (n = 1; h; n++) {

        if (ngx_http_gateway_value_request_push(r, value, &h->value) != 0) {
            return -1;
        }

        h = ngx_http_gateway_header_in(r, name, n);
    }

    return 0;
}


static int
ngx_http_gateway_value_request_get_arg(ngx_http_request_t *r, ngx_str_t *name,
    gateway_template_value_t *value)
{
    ngx_str_t                args, text;
    ngx_http_gateway_arg_t   arg;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);
    args = r->args;

    /* an error page has none of its own */

    if (ctx && (ctx->args_changed || args.len == 0)) {
        args = ctx->args;
    }

    while (ngx_http_gateway_arg_next(&args, &arg)) {

        if (!ngx_http_gateway_arg_is(&arg, name)) {
            continue;
        }

        if (arg.bare) {

            if (value->type == GATEWAY_TEMPLATE_NIL) {
                value->type = GATEWAY_TEMPLATE_TRUE;
            }

            continue;
        }

        if (ngx_http_gateway_unescape(r->pool, &arg.value, &text) != NGX_OK
            || ngx_http_gateway_value_request_push(r, value, &text) != 0)
        {
            return -1;
        }
    }

    return 0;
}


/* the second value makes a list of them */

static int
ngx_http_gateway_value_request_push(ngx_http_request_t *r,
    gateway_template_value_t *value, ngx_str_t *more)
{
    size_t          n;
    gateway_str_t  *items;

    if (value->type < GATEWAY_TEMPLATE_STRING) {
        value->type = GATEWAY_TEMPLATE_STRING;
        value->text.data = (char *) more->data;
        value->text.len = more->len;
        return 0;
    }

    if (value->type == GATEWAY_TEMPLATE_STRING) {
        value->type = GATEWAY_TEMPLATE_LIST;
        value->items = &value->text;
        value->nitems = 1;
    }

    /* room for 2, 4, 8, ... */

    n = value->nitems;
    items = (gateway_str_t *) value->items;

    if ((n & (n - 1)) == 0) {

        items = ngx_palloc(r->pool, 2 * n * sizeof(gateway_str_t));
        if (items == NULL) {
            return -1;
        }

        ngx_memcpy(items, value->items, n * sizeof(gateway_str_t));

        value->items = items;
    }

    items[n].data = (char *) more->data;
    items[n].len = more->len;

    value->nitems++;

    return 0;
}
