
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Headers.  Decisions are taken on the headers as they came, so there is one
 * look at them before the first change.  Most operations name headers that a
 * response does not have: a set of marks, made on one walk over the list,
 * tells so without another.
 */


#include "ngx_http_gateway_response_transformer.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_value.h"


/* what a header step has to know of the response as it was */
typedef struct {
    ngx_array_t                     *values;    /* ngx_str_t; of RENAME */
    unsigned                         present:1;
} ngx_http_gateway_response_before_t;


static uint64_t ngx_http_gateway_response_marks(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_response_look(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before);
static ngx_int_t ngx_http_gateway_response_keep(ngx_http_request_t *r,
    ngx_http_gateway_response_before_t *before, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_response_do(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before);
static void ngx_http_gateway_response_clear(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_response_clear_values(
    ngx_http_request_t *r, ngx_http_gateway_response_step_t *step);
static ngx_int_t ngx_http_gateway_response_add(ngx_http_request_t *r,
    ngx_http_gateway_response_place_t *place, ngx_str_t *name,
    ngx_str_t *value);


static ngx_http_gateway_response_place_t
    ngx_http_gateway_response_places[] =
{
    { ngx_string("content-type"), 0 },
    { ngx_string("server"), offsetof(ngx_http_headers_out_t, server) },
    { ngx_string("date"), offsetof(ngx_http_headers_out_t, date) },
    { ngx_string("etag"), offsetof(ngx_http_headers_out_t, etag) },
    { ngx_string("content-encoding"),
      offsetof(ngx_http_headers_out_t, content_encoding) },
    { ngx_string("last-modified"),
      offsetof(ngx_http_headers_out_t, last_modified) },
    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_gateway_response_headers(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status)
{
    uint64_t                             marks;
    ngx_uint_t                           i, n;
    ngx_http_gateway_response_step_t    *step;
    ngx_http_gateway_response_before_t  *before;

    step = rtcf->header_steps.elts;
    n = rtcf->header_steps.nelts;

    before = ngx_pcalloc(r->pool,
                         n * sizeof(ngx_http_gateway_response_before_t));
    if (before == NULL) {
        return NGX_ERROR;
    }

    marks = ngx_http_gateway_response_marks(r);

    for (i = 0; i < n; i++) {

        if ((marks & step[i].mark)
            && step[i].operation != NGX_HTTP_GATEWAY_TRANSFORM_APPEND
            && ngx_http_gateway_response_look(r, &step[i], &before[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < n; i++) {

        if (step[i].operation < NGX_HTTP_GATEWAY_TRANSFORM_ADD
            && !before[i].present && !step[i].length)
        {
            continue;
        }

        if (ngx_http_gateway_response_if_status(rtcf, step[i].operation,
                                                status)
            && ngx_http_gateway_response_do(r, &step[i], &before[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static uint64_t
ngx_http_gateway_response_marks(ngx_http_request_t *r)
{
    uint64_t          marks;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  type = ngx_string("content-type");

    marks = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len) {
                marks |= ngx_http_gateway_header_mark(&h[i].key);
            }
        }
    }

    /* it is not on the list */

    return marks | ngx_http_gateway_header_mark(&type);
}


static ngx_int_t
ngx_http_gateway_response_look(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME) {
        before->values = ngx_array_create(r->pool, 1, sizeof(ngx_str_t));
        if (before->values == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_gateway_response_name_is(&step->name, "content-type", 12)) {

        if (r->headers_out.content_type.len == 0) {
            return NGX_OK;
        }

        return ngx_http_gateway_response_keep(r, before,
                                              &r->headers_out.content_type);
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != step->name.len
                || ngx_strncasecmp(h[i].key.data, step->name.data,
                                   step->name.len) != 0)
            {
                continue;
            }

            if (ngx_http_gateway_response_keep(r, before, &h[i].value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_keep(ngx_http_request_t *r,
    ngx_http_gateway_response_before_t *before, ngx_str_t *value)
{
    ngx_str_t  *s;

    before->present = 1;

    if (before->values == NULL) {
        return NGX_OK;
    }

    s = ngx_array_push(before->values);
    if (s == NULL) {
        return NGX_ERROR;
    }

    *s = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_do(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step,
    ngx_http_gateway_response_before_t *before)
{
    ngx_str_t      *value, text;
    ngx_uint_t      i;
    gateway_str_t   s;

    switch (step->operation) {

    case NGX_HTTP_GATEWAY_TRANSFORM_REMOVE:

        if (step->filtered) {
            return before->present
                   ? ngx_http_gateway_response_clear_values(r, step) : NGX_OK;
        }

        if (before->present || step->length) {
            ngx_http_gateway_response_clear(r, &step->name);
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_TRANSFORM_RENAME:

        if (!before->present || before->values == NULL) {
            return NGX_OK;
        }

        ngx_http_gateway_response_clear(r, &step->value);
        ngx_http_gateway_response_clear(r, &step->name);

        value = before->values->elts;

        for (i = 0; i < before->values->nelts; i++) {
            if (ngx_http_gateway_response_add(r, step->place, &step->value,
                                              &value[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_TRANSFORM_REPLACE:
    case NGX_HTTP_GATEWAY_TRANSFORM_ADD:

        if (before->present
            != (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_REPLACE))
        {
            return NGX_OK;
        }

        if (before->present || !step->alone) {
            ngx_http_gateway_response_clear(r, &step->name);
        }

        break;

    default: /* NGX_HTTP_GATEWAY_TRANSFORM_APPEND */
        break;
    }

    if (step->template == NULL) {
        return ngx_http_gateway_response_add(r, step->place, &step->name,
                                             &step->value);
    }

    text = step->value;

    if (ngx_http_gateway_value_get(r, step->template, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    s.data = (char *) text.data;
    s.len = text.len;

    if (!gateway_is_header_value(&s)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "response transformer: the value of header \"%V\" has "
                      "a line end, it is left out", &step->name);
        return NGX_OK;
    }

    return text.len ? ngx_http_gateway_response_add(r, step->place,
                                                    &step->name, &text)
                    : NGX_OK;
}


static void
ngx_http_gateway_response_clear(ngx_http_request_t *r, ngx_str_t *name)
{
    if (ngx_http_gateway_response_name_is(name, "content-type", 12)) {
        r->headers_out.content_type.len = 0;
        r->headers_out.content_type_len = 0;
        r->headers_out.content_type_lowcase = NULL;
        r->headers_out.charset.len = 0;
        return;
    }

    if (ngx_http_gateway_response_name_is(name, "content-length", 14)) {
        ngx_http_clear_content_length(r);
        return;
    }

    ngx_http_gateway_header_out_remove(r, name);
}


/* the lines that have that value, or one that matches */

static ngx_int_t
ngx_http_gateway_response_clear_values(ngx_http_request_t *r,
    ngx_http_gateway_response_step_t *step)
{
    int               rc;
    size_t            start, end;
    ngx_str_t        *value;
    ngx_uint_t        i, left;
    ngx_array_t       keep;
    gateway_str_t     text;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (ngx_array_init(&keep, r->pool, 4, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    left = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != step->name.len
                || ngx_strncasecmp(h[i].key.data, step->name.data,
                                   step->name.len) != 0)
            {
                continue;
            }

            text.data = (char *) h[i].value.data;
            text.len = h[i].value.len;

            if (step->filter) {

                /* what is too costly to find out goes */

                rc = gateway_regex_match(step->filter, &text, 0, &start,
                                         &end);

            } else {
                rc = h[i].value.len == step->value.len
                     && ngx_memcmp(h[i].value.data, step->value.data,
                                   step->value.len)
                        == 0;
            }

            if (rc) {
                left = 1;
                continue;
            }

            value = ngx_array_push(&keep);
            if (value == NULL) {
                return NGX_ERROR;
            }

            *value = h[i].value;
        }
    }

    if (!left) {
        return NGX_OK;
    }

    ngx_http_gateway_response_clear(r, &step->name);

    value = keep.elts;

    for (i = 0; i < keep.nelts; i++) {
        if (ngx_http_gateway_response_add(r, step->place, &step->name,
                                          &value[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* values with a place of their own in r->headers_out get there too */

static ngx_int_t
ngx_http_gateway_response_add(ngx_http_request_t *r,
    ngx_http_gateway_response_place_t *place, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    if (place && place->offset == 0) {
        r->headers_out.content_type = *value;
        r->headers_out.content_type_len = value->len;
        r->headers_out.content_type_lowcase = NULL;
        r->headers_out.charset.len = 0;
        return NGX_OK;
    }

    h = ngx_http_gateway_header_out_add(r, name, value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    if (place) {
        *(ngx_table_elt_t **) ((char *) &r->headers_out + place->offset) = h;
    }

    return NGX_OK;
}


ngx_http_gateway_response_place_t *
ngx_http_gateway_response_place(ngx_str_t *name)
{
    ngx_http_gateway_response_place_t  *place;

    for (place = ngx_http_gateway_response_places; place->name.len; place++) {
        if (place->name.len == name->len
            && ngx_strncasecmp(place->name.data, name->data, name->len) == 0)
        {
            return place;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_gateway_response_name_is(ngx_str_t *name, const char *text,
    size_t len)
{
    return name->len == len
           && ngx_strncasecmp(name->data, (u_char *) text, len) == 0;
}
