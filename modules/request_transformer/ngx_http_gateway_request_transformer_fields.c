
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The operations on query strings and on the three kinds of bodies.  Time is
 * linear in their size for each step, and the number of fields is bounded.
 */


#include "ngx_http_gateway_request_transformer.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_form.h"


typedef struct {
    ngx_str_t                        raw;       /* as it came; len 0: ours */
    ngx_str_t                        name;
    ngx_str_t                        value;
    ngx_uint_t                       place;     /* where it stood */
    unsigned                         bare:1;    /* without "=" */
    unsigned                         removed:1;
    unsigned                         changed:1;
    unsigned                         file:1;    /* multipart: not ours */
} ngx_http_gateway_field_t;


typedef struct {
    ngx_array_t                      list;      /* ..._field_t */
    unsigned                         changed:1;
} ngx_http_gateway_fields_t;


static ngx_int_t ngx_http_gateway_fields_parse(ngx_http_request_t *r,
    ngx_http_gateway_fields_t *fields, ngx_str_t *text);
static ngx_int_t ngx_http_gateway_fields_steps(
    ngx_http_gateway_fields_t *fields, ngx_http_gateway_request_ctx_t *ctx,
    ngx_array_t *steps);
static void ngx_http_gateway_fields_allow(ngx_http_gateway_fields_t *fields,
    ngx_http_gateway_request_transformer_conf_t *rtcf);
static ngx_int_t ngx_http_gateway_fields_step(
    ngx_http_gateway_fields_t *fields, ngx_http_gateway_request_step_t *step,
    ngx_str_t *value);
static ngx_http_gateway_field_t *ngx_http_gateway_fields_find(
    ngx_http_gateway_fields_t *fields, ngx_str_t *name, ngx_uint_t *n);
static void ngx_http_gateway_fields_remove(ngx_http_gateway_fields_t *fields,
    ngx_str_t *name, ngx_http_gateway_field_t *keep);
static ngx_int_t ngx_http_gateway_fields_push(
    ngx_http_gateway_fields_t *fields, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_fields_write(ngx_http_request_t *r,
    ngx_http_gateway_fields_t *fields, ngx_uint_t query, ngx_str_t *text);
static u_char *ngx_http_gateway_fields_escape(u_char *p, ngx_str_t *s);
static int ngx_libc_cdecl ngx_http_gateway_fields_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_http_gateway_request_json_step(
    ngx_http_gateway_json_t *json, ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step);
static ngx_int_t ngx_http_gateway_parts_write(ngx_http_request_t *r,
    ngx_http_gateway_fields_t *fields, ngx_str_t *boundary, ngx_str_t *head,
    ngx_str_t *tail, ngx_str_t *text);
static ngx_uint_t ngx_http_gateway_parts_clash(ngx_str_t *value,
    ngx_str_t *boundary);
static u_char *ngx_http_gateway_parts_name(u_char *p, ngx_str_t *name);


ngx_int_t
ngx_http_gateway_request_args(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps, ngx_str_t *text)
{
    ngx_int_t                  rc;
    ngx_http_gateway_fields_t  fields;

    rc = ngx_http_gateway_fields_parse(r, &fields, text);

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_fields_steps(&fields, ctx, steps);
    }

    return rc == NGX_OK ? ngx_http_gateway_fields_write(r, &fields, 1, text)
                        : rc;
}


ngx_int_t
ngx_http_gateway_request_form(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_str_t *text)
{
    ngx_int_t                  rc;
    ngx_http_gateway_fields_t  fields;

    rc = ngx_http_gateway_fields_parse(r, &fields, text);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_gateway_fields_allow(&fields, rtcf);

    rc = ngx_http_gateway_fields_steps(&fields, ctx,
                                 &rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_BODY]);
    if (rc != NGX_OK) {
        return rc;
    }

    return fields.changed ? ngx_http_gateway_fields_write(r, &fields, 0, text)
                          : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_fields_steps(ngx_http_gateway_fields_t *fields,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps)
{
    ngx_str_t                         value;
    ngx_uint_t                        i;
    ngx_http_gateway_request_step_t  *step;

    step = steps->elts;

    for (i = 0; i < steps->nelts; i++) {

        if (ngx_http_gateway_request_value(ctx, &step[i], &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (ngx_http_gateway_fields_step(fields, &step[i], &value) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what "allow.body" does not name, files too */

static void
ngx_http_gateway_fields_allow(ngx_http_gateway_fields_t *fields,
    ngx_http_gateway_request_transformer_conf_t *rtcf)
{
    ngx_str_t                 *name;
    ngx_uint_t                 i, k;
    ngx_http_gateway_field_t  *list;

    if (rtcf->allow == NULL) {
        return;
    }

    name = rtcf->allow->elts;
    list = fields->list.elts;

    for (i = 0; i < fields->list.nelts; i++) {

        for (k = 0; k < rtcf->allow->nelts; k++) {

            if (list[i].name.len == name[k].len
                && ngx_memcmp(list[i].name.data, name[k].data, name[k].len)
                   == 0)
            {
                break;
            }
        }

        if (k == rtcf->allow->nelts) {
            list[i].removed = 1;
            fields->changed = 1;
        }
    }
}


static ngx_int_t
ngx_http_gateway_fields_parse(ngx_http_request_t *r,
    ngx_http_gateway_fields_t *fields, ngx_str_t *text)
{
    ngx_str_t                  rest;
    ngx_http_gateway_arg_t     arg;
    ngx_http_gateway_field_t  *field;

    fields->changed = 0;

    if (ngx_array_init(&fields->list, r->pool, 16,
                       sizeof(ngx_http_gateway_field_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rest = *text;

    while (ngx_http_gateway_arg_next(&rest, &arg)) {

        if (arg.name.len == 0) {
            continue;
        }

        if (fields->list.nelts == NGX_HTTP_GATEWAY_REQUEST_MAX_FIELDS) {
            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "request transformer: too many arguments");
            return NGX_HTTP_BAD_REQUEST;
        }

        field = ngx_array_push(&fields->list);
        if (field == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(field, sizeof(ngx_http_gateway_field_t));

        field->raw = arg.raw;
        field->bare = arg.bare;

        if (ngx_http_gateway_unescape(r->pool, &arg.name, &field->name)
            != NGX_OK
            || ngx_http_gateway_unescape(r->pool, &arg.value, &field->value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_fields_step(ngx_http_gateway_fields_t *fields,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value)
{
    ngx_str_t                 *name;
    ngx_uint_t                 i, n;
    ngx_http_gateway_field_t  *field, *list;

    name = &step->name.name;
    field = ngx_http_gateway_fields_find(fields, name, &n);

    switch (step->operation) {

    case NGX_HTTP_GATEWAY_TRANSFORM_REMOVE:
        ngx_http_gateway_fields_remove(fields, name, NULL);
        return NGX_OK;

    case NGX_HTTP_GATEWAY_TRANSFORM_RENAME:

        if (field == NULL
            || value->len == 0
            || (name->len == value->len
                && ngx_memcmp(name->data, value->data, name->len) == 0))
        {
            return NGX_OK;
        }

        ngx_http_gateway_fields_remove(fields, value, NULL);

        list = fields->list.elts;

        for (i = 0; i < fields->list.nelts; i++) {

            if (!list[i].removed && !list[i].file
                && list[i].name.len == name->len
                && ngx_memcmp(list[i].name.data, name->data, name->len) == 0)
            {
                list[i].name = *value;
                list[i].changed = 1;
                fields->changed = 1;
            }
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_TRANSFORM_REPLACE:

        if (field) {
            ngx_http_gateway_fields_remove(fields, name, field);

            field->value = *value;
            field->bare = 0;
            field->changed = 1;
            fields->changed = 1;
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_TRANSFORM_ADD:

        if (field) {
            return NGX_OK;
        }

        break;

    default: /* NGX_HTTP_GATEWAY_TRANSFORM_APPEND */

        /* "a" alone is no value that could become one of several */

        if (field && n == 1 && field->bare) {
            field->value = *value;
            field->bare = 0;
            field->changed = 1;
            fields->changed = 1;
            return NGX_OK;
        }

        break;
    }

    return ngx_http_gateway_fields_push(fields, name, value);
}


static ngx_http_gateway_field_t *
ngx_http_gateway_fields_find(ngx_http_gateway_fields_t *fields,
    ngx_str_t *name, ngx_uint_t *n)
{
    ngx_uint_t                 i;
    ngx_http_gateway_field_t  *list, *first;

    *n = 0;
    first = NULL;
    list = fields->list.elts;

    for (i = 0; i < fields->list.nelts; i++) {

        if (list[i].removed || list[i].file
            || list[i].name.len != name->len
            || ngx_memcmp(list[i].name.data, name->data, name->len) != 0)
        {
            continue;
        }

        if ((*n)++ == 0) {
            first = &list[i];
        }
    }

    return first;
}


static void
ngx_http_gateway_fields_remove(ngx_http_gateway_fields_t *fields,
    ngx_str_t *name, ngx_http_gateway_field_t *keep)
{
    ngx_uint_t                 i;
    ngx_http_gateway_field_t  *list;

    list = fields->list.elts;

    for (i = 0; i < fields->list.nelts; i++) {

        if (&list[i] != keep && !list[i].removed && !list[i].file
            && list[i].name.len == name->len
            && ngx_memcmp(list[i].name.data, name->data, name->len) == 0)
        {
            list[i].removed = 1;
            fields->changed = 1;
        }
    }
}


static ngx_int_t
ngx_http_gateway_fields_push(ngx_http_gateway_fields_t *fields,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_field_t  *field;

    field = ngx_array_push(&fields->list);
    if (field == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(field, sizeof(ngx_http_gateway_field_t));

    field->name = *name;
    field->value = *value;
    field->changed = 1;
    fields->changed = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_fields_write(ngx_http_request_t *r,
    ngx_http_gateway_fields_t *fields, ngx_uint_t query, ngx_str_t *text)
{
    u_char                    *p;
    size_t                     len;
    ngx_uint_t                 i, first;
    ngx_http_gateway_field_t  *list;

    list = fields->list.elts;
    len = 0;

    for (i = 0; i < fields->list.nelts; i++) {
        list[i].place = i;
        len += ngx_max(3 * (list[i].name.len + list[i].value.len) + 1,
                       list[i].raw.len)
               + 1;
    }

    if (query) {
        ngx_qsort(list, fields->list.nelts, sizeof(ngx_http_gateway_field_t),
                  ngx_http_gateway_fields_cmp);
    }

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    first = 1;

    for (i = 0; i < fields->list.nelts; i++) {

        if (list[i].removed) {
            continue;
        }

        if (!first) {
            *p++ = '&';
        }

        first = 0;

        if (!query && !list[i].changed) {
            p = ngx_cpymem(p, list[i].raw.data, list[i].raw.len);
            continue;
        }

        p = ngx_http_gateway_fields_escape(p, &list[i].name);

        if (!list[i].bare) {
            *p++ = '=';
            p = ngx_http_gateway_fields_escape(p, &list[i].value);
        }
    }

    text->len = p - text->data;

    return NGX_OK;
}


static u_char *
ngx_http_gateway_fields_escape(u_char *p, ngx_str_t *s)
{
    return (u_char *) ngx_escape_uri(p, s->data, s->len,
                                     NGX_ESCAPE_URI_COMPONENT);
}


/* by name; values of one name keep their order */

static int ngx_libc_cdecl
ngx_http_gateway_fields_cmp(const void *one, const void *two)
{
    ngx_int_t                        rc;
    const ngx_http_gateway_field_t  *a, *b;

    a = one;
    b = two;

    rc = ngx_memn2cmp(a->name.data, b->name.data, a->name.len, b->name.len);

    if (rc == 0) {
        return a->place < b->place ? -1 : 1;
    }

    return (int) rc;
}


ngx_int_t
ngx_http_gateway_request_json(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_str_t *text)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_array_t                      *steps;
    ngx_http_gateway_json_t           json;
    ngx_http_gateway_request_step_t  *step;

    rc = ngx_http_gateway_json_parse(r->pool, text, rtcf->depth, &json);

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "request transformer: too many members in a JSON body");
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (rtcf->allow) {
        ngx_http_gateway_json_allow(&json, rtcf->allowed.elts,
                                    rtcf->allowed.nelts);
    }

    steps = &rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_BODY];
    step = steps->elts;

    for (i = 0; i < steps->nelts; i++) {
        rc = ngx_http_gateway_request_json_step(&json, ctx, &step[i]);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!json.root.changed) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_json_write(&json, text);
}


static ngx_int_t
ngx_http_gateway_request_json_step(ngx_http_gateway_json_t *json,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    if (ngx_http_gateway_request_value(ctx, step, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (step->json.data) {
        value = step->json;

    } else if (step->operation >= NGX_HTTP_GATEWAY_TRANSFORM_REPLACE) {

        rc = ngx_http_gateway_json_value(json->pool, step->type, &value,
                                         &value);

        if (rc == NGX_DECLINED) {

            /* it should be a number */

            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
        && value.len == 0)
    {
        return NGX_OK;
    }

    return ngx_http_gateway_json_do(json, step->operation, &step->path,
                                    &value);
}


ngx_int_t
ngx_http_gateway_request_multipart(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_str_t *text)
{
    u_char                           *p, *last, *close, *next;
    ngx_str_t                         boundary, value, head, tail;
    ngx_uint_t                        i, k;
    ngx_array_t                      *steps;
    ngx_http_gateway_field_t         *field;
    ngx_http_gateway_fields_t         fields;
    ngx_http_gateway_form_part_t      part;
    ngx_http_gateway_request_step_t  *step;

    /* parts are renamed before they are removed, and nothing is appended */

    static ngx_http_gateway_transform_e  order[] = {
        NGX_HTTP_GATEWAY_TRANSFORM_RENAME,
        NGX_HTTP_GATEWAY_TRANSFORM_REMOVE,
        NGX_HTTP_GATEWAY_TRANSFORM_REPLACE,
        NGX_HTTP_GATEWAY_TRANSFORM_ADD
    };

    if (ngx_http_gateway_form_boundary(r, &boundary) != NGX_OK) {
        return NGX_DECLINED;
    }

    fields.changed = 0;

    if (ngx_array_init(&fields.list, r->pool, 8,
                       sizeof(ngx_http_gateway_field_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&head, "");
    ngx_str_set(&tail, "");

    if (text->len) {
        last = text->data + text->len;
        p = ngx_http_gateway_form_delimiter(text->data, last, &boundary,
                                            NULL);
        close = p;

        if (p == NULL) {
            return NGX_DECLINED;
        }

        head.data = text->data;
        head.len = p - text->data;

        while ((p = ngx_http_gateway_form_part(p, last, &boundary, &part))
               != NULL)
        {
            if (fields.list.nelts == NGX_HTTP_GATEWAY_REQUEST_MAX_FIELDS) {
                return NGX_HTTP_BAD_REQUEST;
            }

            field = ngx_array_push(&fields.list);
            if (field == NULL) {
                return NGX_ERROR;
            }

            ngx_memzero(field, sizeof(ngx_http_gateway_field_t));

            field->raw = part.raw;
            field->name = part.name;
            field->value = part.value;
            field->file = part.file;

            close = p;
        }

        /* without its last delimiter the body is not complete */

        (void) ngx_http_gateway_form_delimiter(close, last, &boundary, &next);

        if (next) {
            return NGX_DECLINED;
        }

        tail.data = close;
        tail.len = last - close;
    }

    ngx_http_gateway_fields_allow(&fields, rtcf);

    steps = &rtcf->steps[NGX_HTTP_GATEWAY_REQUEST_BODY];
    step = steps->elts;

    for (k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
        for (i = 0; i < steps->nelts; i++) {

            if (step[i].operation != order[k]) {
                continue;
            }

            if (ngx_http_gateway_request_value(ctx, &step[i], &value)
                != NGX_OK)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            if (ngx_http_gateway_fields_step(&fields, &step[i], &value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (!fields.changed) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_parts_write(r, &fields, &boundary, &head, &tail,
                                        text);
}


static ngx_int_t
ngx_http_gateway_parts_write(ngx_http_request_t *r,
    ngx_http_gateway_fields_t *fields, ngx_str_t *boundary, ngx_str_t *head,
    ngx_str_t *tail, ngx_str_t *text)
{
    u_char                    *p;
    size_t                     len;
    ngx_uint_t                 i;
    ngx_http_gateway_field_t  *list;

    static const char  disposition[] =
        "\r\nContent-Disposition: form-data; name=\"";

    list = fields->list.elts;
    len = head->len + tail->len + boundary->len + sizeof("----\r\n") - 1;

    for (i = 0; i < fields->list.nelts; i++) {

        if (list[i].changed
            && ngx_http_gateway_parts_clash(&list[i].value, boundary))
        {
            return NGX_HTTP_BAD_REQUEST;
        }

        len += list[i].changed
               ? sizeof("--") + boundary->len + sizeof(disposition)
                 + 3 * list[i].name.len + sizeof("\"\r\n\r\n\r\n")
                 + list[i].value.len
               : list[i].raw.len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    p = ngx_cpymem(p, head->data, head->len);

    for (i = 0; i < fields->list.nelts; i++) {

        if (list[i].removed) {
            continue;
        }

        if (!list[i].changed) {
            p = ngx_cpymem(p, list[i].raw.data, list[i].raw.len);
            continue;
        }

        *p++ = '-';
        *p++ = '-';
        p = ngx_cpymem(p, boundary->data, boundary->len);
        p = ngx_cpymem(p, disposition, sizeof(disposition) - 1);
        p = ngx_http_gateway_parts_name(p, &list[i].name);
        p = ngx_cpymem(p, "\"\r\n\r\n", sizeof("\"\r\n\r\n") - 1);
        p = ngx_cpymem(p, list[i].value.data, list[i].value.len);
        *p++ = CR;
        *p++ = LF;
    }

    if (tail->len) {
        p = ngx_cpymem(p, tail->data, tail->len);

    } else {
        *p++ = '-';
        *p++ = '-';
        p = ngx_cpymem(p, boundary->data, boundary->len);
        p = ngx_cpymem(p, "--\r\n", sizeof("--\r\n") - 1);
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* a value that a client had a say in must not begin parts of its own */

static ngx_uint_t
ngx_http_gateway_parts_clash(ngx_str_t *value, ngx_str_t *boundary)
{
    u_char  *p, *last;

    p = value->data;
    last = p + value->len;

    while ((size_t) (last - p) >= boundary->len) {

        if (ngx_memcmp(p, boundary->data, boundary->len) == 0) {
            return 1;
        }

        p++;
    }

    return 0;
}


/* as browsers write what would end the name */

static u_char *
ngx_http_gateway_parts_name(u_char *p, ngx_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {

        switch (name->data[i]) {

        case '"':
            p = ngx_cpymem(p, "%22", 3);
            break;

        case CR:
            p = ngx_cpymem(p, "%0D", 3);
            break;

        case LF:
            p = ngx_cpymem(p, "%0A", 3);
            break;

        default:
            *p++ = name->data[i];
            break;
        }
    }

    return p;
}
