
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Path, method and headers.
 */


#include "ngx_http_gateway_request_transformer.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_body.h"


static ngx_int_t ngx_http_gateway_request_header(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_request_rename(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step);


/*
 * The normal form goes upstream.  "?" and "#" are part of the path here: a
 * value that a client had a say in must not become a query.
 */

ngx_int_t
ngx_http_gateway_request_set_path(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step)
{
    u_char                  *p, *src, *dst, *start;
    size_t                   i;
    ptrdiff_t                len;
    ngx_str_t                value;
    ngx_http_gateway_ctx_t  *gctx;

    if (ngx_http_gateway_request_value(ctx, step, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (value.len == 0 || value.data[0] != '/') {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "request transformer: the path of \"replace.uri\" does "
                      "not begin with \"/\"");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    start = ngx_pnalloc(r->pool, 6 * value.len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] == '?' || value.data[i] == '#') {
            p = ngx_sprintf(p, "%%%02Xd", value.data[i]);

        } else {
            *p++ = value.data[i];
        }
    }

    dst = start + 3 * value.len;

    len = gateway_path_normalize((char *) dst, (char *) start, p - start);

    if (len < 0) {
        return NGX_HTTP_BAD_REQUEST;
    }

    gctx = ngx_http_gateway_get_ctx(r);

    if (gctx->service) {
        gctx->upstream_uri.data = dst;
        gctx->upstream_uri.len = len;
        return NGX_OK;
    }

    /* in a location nginx encodes the path itself */

    src = dst;
    p = start;

    ngx_unescape_uri(&p, &src, len, 0);

    for (src = start; src < p; src++) {
        if (*src == '\0') {
            return NGX_HTTP_BAD_REQUEST;
        }
    }

    r->uri.data = start;
    r->uri.len = p - start;
    r->valid_unparsed_uri = 0;

    /* to be encoded, and nothing of it to be replaced by proxy_pass's URI */

    r->quoted_uri = 1;
    r->valid_location = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_request_set_method(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf)
{
    u_char                  *p;
    ngx_int_t                rc;
    ngx_str_t                body, args;
    ngx_array_t              none;
    ngx_http_gateway_ctx_t  *gctx;

    ngx_str_null(&body);

    if (rtcf->to_query
        && ngx_http_gateway_request_type(r)
           == NGX_HTTP_GATEWAY_REQUEST_TYPE_FORM)
    {
        rc = ngx_http_gateway_body_read(r, rtcf->max_body_size, &body);

        if (rc != NGX_OK) {
            return rc == NGX_DECLINED ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                                      : rc;
        }
    }

    r->method_name = rtcf->http_method;

    /*
     * How the answer to the client is framed depends on its own method being
     * HEAD or not, so that one is neither taken from it nor given to it.
     */

    if (r->method != NGX_HTTP_HEAD && rtcf->method != NGX_HTTP_HEAD) {
        r->method = rtcf->method;
    }

    if (body.len == 0) {
        return NGX_OK;
    }

    gctx = ngx_http_gateway_get_ctx(r);

    ngx_http_gateway_request_query(r, gctx, &args);

    p = ngx_pnalloc(r->pool, args.len + 1 + body.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (args.len) {
        ngx_memcpy(p, args.data, args.len);
        p[args.len++] = '&';
    }

    ngx_memcpy(p + args.len, body.data, body.len);

    args.data = p;
    args.len += body.len;

    /* parsed and written again: the body may hold any bytes */

    none.elts = NULL;
    none.nelts = 0;

    rc = ngx_http_gateway_request_args(r, NULL, &none, &args);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_gateway_args_replace(r, gctx, &args);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_request_headers(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps)
{
    ngx_int_t                         rc;
    ngx_str_t                         value;
    uint64_t                          marks;
    ngx_uint_t                        i, absent;
    gateway_str_t                     s;
    ngx_http_gateway_request_step_t  *step;

    step = steps->elts;
    marks = steps->nelts ? ngx_http_gateway_header_in_marks(r) : 0;

    for (i = 0; i < steps->nelts; i++) {

        absent = !(marks & step[i].mark);

        if (absent && !step[i].host
            && step[i].operation < NGX_HTTP_GATEWAY_TRANSFORM_ADD)
        {
            /* a template that failed is answered even so */

            if (step[i].template
                && ngx_http_gateway_request_value(ctx, &step[i], &value)
                   != NGX_OK)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            continue;
        }

        if (ngx_http_gateway_request_value(ctx, &step[i], &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (step[i].template) {
            s.data = (char *) value.data;
            s.len = value.len;

            if (!gateway_is_header_value(&s)) {
                ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                              "request transformer: the value of header "
                              "\"%V\" has a line end", &step[i].name.name);
                return NGX_HTTP_BAD_REQUEST;
            }
        }

        rc = (absent && !step[i].host)
             ? ngx_http_gateway_header_in_add(r, &step[i].name, &value)
             : ngx_http_gateway_request_header(r, &step[i], &value);

        if (rc != NGX_OK) {
            return rc;
        }

        marks |= step[i].makes;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_request_header(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value)
{
    ngx_http_gateway_ctx_t  *gctx;

    if (step->host) {

        if (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_REPLACE
            && value->len)
        {
            gctx = ngx_http_gateway_get_ctx(r);
            gctx->replaced_host = *value;
            gctx->upstream_host = *value;
        }

        return NGX_OK;
    }

    switch (step->operation) {

    case NGX_HTTP_GATEWAY_TRANSFORM_REMOVE:

        if (!step->framing) {
            (void) ngx_http_gateway_header_in_remove(r, &step->name.lowcase);
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_TRANSFORM_RENAME:
        return ngx_http_gateway_request_rename(r, step);

    case NGX_HTTP_GATEWAY_TRANSFORM_REPLACE:

        if (ngx_http_gateway_header_in(r, &step->name.lowcase, 0) == NULL) {
            return NGX_OK;
        }

        return ngx_http_gateway_header_in_put(r, &step->name, value);

    case NGX_HTTP_GATEWAY_TRANSFORM_ADD:

        if (ngx_http_gateway_header_in(r, &step->name.lowcase, 0)) {
            return NGX_OK;
        }

        break;

    default: /* NGX_HTTP_GATEWAY_TRANSFORM_APPEND */
        break;
    }

    return ngx_http_gateway_header_in_add(r, &step->name, value);
}


static ngx_int_t
ngx_http_gateway_request_rename(ngx_http_request_t *r,
    ngx_http_gateway_request_step_t *step)
{
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_array_t       values;
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, &step->name.lowcase, 0);

    if (h == NULL) {
        return NGX_OK;
    }

    if (step->name.lowcase.len == step->to.lowcase.len
        && ngx_memcmp(step->name.lowcase.data, step->to.lowcase.data,
                      step->to.lowcase.len)
           == 0)
    {
        for (i = 1; h; i++) {
            h->key = step->to.name;
            h = ngx_http_gateway_header_in(r, &step->to.lowcase, i);
        }

        return NGX_OK;
    }

    if (ngx_array_init(&values, r->pool, 1, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 1; h; i++) {
        value = ngx_array_push(&values);
        if (value == NULL) {
            return NGX_ERROR;
        }

        *value = h->value;
        h = ngx_http_gateway_header_in(r, &step->name.lowcase, i);
    }

    (void) ngx_http_gateway_header_in_remove(r, &step->name.lowcase);
    (void) ngx_http_gateway_header_in_remove(r, &step->to.lowcase);

    value = values.elts;

    for (i = 0; i < values.nelts; i++) {
        if (ngx_http_gateway_header_in_add(r, &step->to, &value[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_request_type(ngx_http_request_t *r)
{
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = r->headers_in.content_type;

    if (h == NULL) {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER;
    }

    p = h->value.data;
    last = p + h->value.len;

    if (ngx_strlcasestrn(p, last, (u_char *) "application/json", 16 - 1)) {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_JSON;
    }

    if (ngx_strlcasestrn(p, last, (u_char *) "multipart/form-data", 19 - 1)) {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_MULTIPART;
    }

    if (ngx_strlcasestrn(p, last,
                         (u_char *) "application/x-www-form-urlencoded",
                         33 - 1))
    {
        return NGX_HTTP_GATEWAY_REQUEST_TYPE_FORM;
    }

    return NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER;
}
