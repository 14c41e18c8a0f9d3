
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Answers of the listener for administration.
 */


#include "ngx_http_gateway_admin_private.h"


ngx_str_t  ngx_http_gateway_admin_json =
    ngx_string("application/json; charset=utf-8");


ngx_int_t
ngx_http_gateway_admin_error(ngx_http_request_t *r, ngx_uint_t code,
    const char *name, const char *option, const char *message)
{
    u_char  *p, *start;

    start = ngx_pnalloc(r->pool, 256 + 2 * ngx_strlen(message));
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (option) {
        p = ngx_sprintf(start, "{\"message\":\"invalid option (%s: %s)\","
                               "\"name\":\"%s\",\"code\":%ui,"
                               "\"options\":{\"%s\":\"%s\"}}",
                        option, message, name, code, option, message);

    } else {
        p = ngx_sprintf(start, "{\"message\":\"%s\",\"name\":\"%s\","
                               "\"code\":%ui}",
                        message, name, code);
    }

    return ngx_http_gateway_admin_send(r, NGX_HTTP_BAD_REQUEST, start,
                                       p - start);
}


ngx_int_t
ngx_http_gateway_admin_add(ngx_http_request_t *r, ngx_chain_t ***last,
    off_t *size, const u_char *data, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(r->pool);
    b = ngx_calloc_buf(r->pool);

    if (cl == NULL || b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) data;
    b->last = b->pos + len;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;

    **last = cl;
    *last = &cl->next;
    *size += len;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_admin_send(ngx_http_request_t *r, ngx_uint_t status,
    u_char *data, size_t len)
{
    off_t         size;
    ngx_chain_t  *out, **last;

    out = NULL;
    last = &out;
    size = 0;

    if (ngx_http_gateway_admin_add(r, &last, &size, data, len) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_status_send(r, status,
                                        &ngx_http_gateway_admin_json, out,
                                        size);
}


ngx_int_t
ngx_http_gateway_admin_not_found(ngx_http_request_t *r)
{
    static ngx_str_t  message = ngx_string("Not found");

    return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_FOUND, &message);
}
