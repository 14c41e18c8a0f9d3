
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Contexts of traces as request headers for the upstream.
 */


#include "ngx_http_gateway_trace_private.h"


static ngx_int_t ngx_http_gateway_trace_put(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t *name, const u_char *data, size_t len);
static ngx_int_t ngx_http_gateway_trace_write(ngx_http_request_t *r,
    ngx_uint_t format, ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_w3c(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_b3(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_b3_single(
    ngx_http_request_t *r, ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_jaeger(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_ot(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_datadog(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_aws(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_gcp(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_instana(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_write_baggage(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, const char *prefix);
static ngx_int_t ngx_http_gateway_trace_id_text(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_uint_t size, ngx_uint_t other,
    ngx_str_t *id);
static ngx_int_t ngx_http_gateway_trace_note(ngx_http_request_t *r,
    ngx_uint_t format, ngx_str_t *id);
static uint64_t ngx_http_gateway_trace_number(const u_char *id);


ngx_http_gateway_header_name_t  ngx_http_gateway_traceparent =
    ngx_http_gateway_header_name("traceparent", "traceparent");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_id =
    ngx_http_gateway_header_name("x-b3-traceid", "x-b3-traceid");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_span =
    ngx_http_gateway_header_name("x-b3-spanid", "x-b3-spanid");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_parent =
    ngx_http_gateway_header_name("x-b3-parentspanid", "x-b3-parentspanid");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_sampled =
    ngx_http_gateway_header_name("x-b3-sampled", "x-b3-sampled");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_flags =
    ngx_http_gateway_header_name("x-b3-flags", "x-b3-flags");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_single =
    ngx_http_gateway_header_name("b3", "b3");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_jaeger =
    ngx_http_gateway_header_name("uber-trace-id", "uber-trace-id");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_ot_id =
    ngx_http_gateway_header_name("ot-tracer-traceid", "ot-tracer-traceid");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_ot_span =
    ngx_http_gateway_header_name("ot-tracer-spanid", "ot-tracer-spanid");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_ot_sampled =
    ngx_http_gateway_header_name("ot-tracer-sampled", "ot-tracer-sampled");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_datadog_id =
    ngx_http_gateway_header_name("x-datadog-trace-id", "x-datadog-trace-id");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_datadog_parent =
    ngx_http_gateway_header_name("x-datadog-parent-id",
                                 "x-datadog-parent-id");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_datadog_priority =
    ngx_http_gateway_header_name("x-datadog-sampling-priority",
                                 "x-datadog-sampling-priority");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_aws =
    ngx_http_gateway_header_name("x-amzn-trace-id", "x-amzn-trace-id");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_gcp =
    ngx_http_gateway_header_name("x-cloud-trace-context",
                                 "x-cloud-trace-context");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_instana_id =
    ngx_http_gateway_header_name("x-instana-t", "x-instana-t");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_instana_span =
    ngx_http_gateway_header_name("x-instana-s", "x-instana-s");
ngx_http_gateway_header_name_t  ngx_http_gateway_trace_instana_level =
    ngx_http_gateway_header_name("x-instana-l", "x-instana-l");


ngx_int_t
ngx_http_gateway_trace_inject(ngx_http_request_t *r,
    ngx_http_gateway_trace_conf_t *tcf, ngx_http_gateway_trace_t *trace)
{
    ngx_str_t    id, *name;
    ngx_uint_t   i, format;

    if (tcf->clear) {
        name = tcf->clear->elts;

        for (i = 0; i < tcf->clear->nelts; i++) {
            (void) ngx_http_gateway_header_in_remove(r, &name[i]);
        }
    }

    for (i = 0; i < tcf->ninject; i++) {

        format = tcf->inject[i];

        if (format == NGX_HTTP_GATEWAY_TRACE_PRESERVE) {

            format = trace->from != NGX_HTTP_GATEWAY_TRACE_NONE
                     ? trace->from : tcf->default_format;

            if (format == NGX_HTTP_GATEWAY_TRACE_B3 && trace->single) {
                format = NGX_HTTP_GATEWAY_TRACE_B3_SINGLE;
            }
        }

        if (ngx_http_gateway_trace_write(r, format, trace, &id) != NGX_OK
            || ngx_http_gateway_trace_note(r, format, &id) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_write(ngx_http_request_t *r, ngx_uint_t format,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    switch (format) {

    case NGX_HTTP_GATEWAY_TRACE_B3:
        return ngx_http_gateway_trace_write_b3(r, trace, id);

    case NGX_HTTP_GATEWAY_TRACE_B3_SINGLE:
        return ngx_http_gateway_trace_write_b3_single(r, trace, id);

    case NGX_HTTP_GATEWAY_TRACE_JAEGER:
        return ngx_http_gateway_trace_write_jaeger(r, trace, id);

    case NGX_HTTP_GATEWAY_TRACE_OT:
        return ngx_http_gateway_trace_write_ot(r, trace, id);

    case NGX_HTTP_GATEWAY_TRACE_DATADOG:
        return ngx_http_gateway_trace_write_datadog(r, trace, id);

    case NGX_HTTP_GATEWAY_TRACE_AWS:
        return ngx_http_gateway_trace_write_aws(r, trace, id);

    case NGX_HTTP_GATEWAY_TRACE_GCP:
        return ngx_http_gateway_trace_write_gcp(r, trace, id);

    case NGX_HTTP_GATEWAY_TRACE_INSTANA:
        return ngx_http_gateway_trace_write_instana(r, trace, id);

    default: /* NGX_HTTP_GATEWAY_TRACE_W3C */
        return ngx_http_gateway_trace_write_w3c(r, trace, id);
    }
}


static ngx_int_t
ngx_http_gateway_trace_write_w3c(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char  *p, *start;

    start = ngx_pnalloc(r->pool, sizeof("00---01") - 1
                                 + NGX_HTTP_GATEWAY_TRACE_ID_TEXT
                                 + NGX_HTTP_GATEWAY_SPAN_ID_TEXT);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(start, "00-", 3);

    id->data = p;
    id->len = NGX_HTTP_GATEWAY_TRACE_ID_TEXT;

    p = ngx_http_gateway_trace_hex(p, trace->trace_id,
                                   NGX_HTTP_GATEWAY_TRACE_ID_LEN);
    *p++ = '-';
    p = ngx_http_gateway_trace_hex(p, trace->span_id,
                                   NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    *p++ = '-';
    *p++ = '0';
    *p++ = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED) ? '1' : '0';

    return ngx_http_gateway_trace_put(r, &ngx_http_gateway_traceparent, start,
                                      p - start);
}


static ngx_int_t
ngx_http_gateway_trace_write_b3(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char      *p;
    ngx_uint_t   sampled;

    p = ngx_pnalloc(r->pool, 2 * NGX_HTTP_GATEWAY_SPAN_ID_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_trace_id_text(r, trace, 16, 8, id) != NGX_OK
        || ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_b3_id,
                                      id->data, id->len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_http_gateway_trace_hex(p, trace->span_id,
                                      NGX_HTTP_GATEWAY_SPAN_ID_LEN);

    if (ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_b3_span, p,
                                   NGX_HTTP_GATEWAY_SPAN_ID_TEXT)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (trace->has_parent) {
        p += NGX_HTTP_GATEWAY_SPAN_ID_TEXT;

        (void) ngx_http_gateway_trace_hex(p, trace->parent_id,
                                          NGX_HTTP_GATEWAY_SPAN_ID_LEN);

        if (ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_b3_parent,
                                       p, NGX_HTTP_GATEWAY_SPAN_ID_TEXT)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (trace->debug) {
        return ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_b3_flags,
                                          (u_char *) "1", 1);
    }

    sampled = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED);

    return ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_b3_sampled,
                                      (u_char *) (sampled ? "1" : "0"), 1);
}


static ngx_int_t
ngx_http_gateway_trace_write_b3_single(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char  *p, *start;

    start = ngx_pnalloc(r->pool, sizeof("--1-") - 1
                                 + NGX_HTTP_GATEWAY_TRACE_ID_TEXT
                                 + 2 * NGX_HTTP_GATEWAY_SPAN_ID_TEXT);
    if (start == NULL
        || ngx_http_gateway_trace_id_text(r, trace, 16, 8, id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_cpymem(start, id->data, id->len);
    *p++ = '-';
    p = ngx_http_gateway_trace_hex(p, trace->span_id,
                                   NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    *p++ = '-';
    *p++ = trace->debug ? 'd'
           : trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED ? '1' : '0';

    if (trace->has_parent) {
        *p++ = '-';
        p = ngx_http_gateway_trace_hex(p, trace->parent_id,
                                       NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    }

    return ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_b3_single,
                                      start, p - start);
}


static ngx_int_t
ngx_http_gateway_trace_write_jaeger(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char  *p, *start;

    start = ngx_pnalloc(r->pool, sizeof(":::01") - 1
                                 + NGX_HTTP_GATEWAY_TRACE_ID_TEXT
                                 + 2 * NGX_HTTP_GATEWAY_SPAN_ID_TEXT);
    if (start == NULL
        || ngx_http_gateway_trace_id_text(r, trace, 16, 8, id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_cpymem(start, id->data, id->len);
    *p++ = ':';
    p = ngx_http_gateway_trace_hex(p, trace->span_id,
                                   NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    *p++ = ':';

    if (trace->has_parent) {
        p = ngx_http_gateway_trace_hex(p, trace->parent_id,
                                       NGX_HTTP_GATEWAY_SPAN_ID_LEN);

    } else {
        *p++ = '0';
    }

    *p++ = ':';
    *p++ = '0';
    *p++ = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED) ? '1' : '0';

    if (ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_jaeger, start,
                                   p - start)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_trace_write_baggage(r, trace,
                                              NGX_HTTP_GATEWAY_TRACE_UBERCTX);
}


static ngx_int_t
ngx_http_gateway_trace_write_ot(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char      *p;
    ngx_uint_t   sampled;

    p = ngx_pnalloc(r->pool, NGX_HTTP_GATEWAY_SPAN_ID_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_gateway_trace_hex(p, trace->span_id,
                                      NGX_HTTP_GATEWAY_SPAN_ID_LEN);

    sampled = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED);

    if (ngx_http_gateway_trace_id_text(r, trace, 8, 16, id) != NGX_OK
        || ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_ot_id,
                                      id->data, id->len)
           != NGX_OK
        || ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_ot_span, p,
                                      NGX_HTTP_GATEWAY_SPAN_ID_TEXT)
           != NGX_OK
        || ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_ot_sampled,
                                      (u_char *) (sampled ? "1" : "0"), 1)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_trace_write_baggage(r, trace,
                                              NGX_HTTP_GATEWAY_TRACE_BAGGAGE);
}


static ngx_int_t
ngx_http_gateway_trace_write_datadog(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char      *p;
    ngx_uint_t   sampled;

    p = ngx_pnalloc(r->pool, 2 * NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    id->data = p;
    p = ngx_sprintf(p, "%uL", ngx_http_gateway_trace_number(
                        trace->trace_id + NGX_HTTP_GATEWAY_TRACE_ID_LEN / 2));
    id->len = p - id->data;

    if (ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_datadog_id,
                                   id->data, id->len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_sprintf(p, "%uL", ngx_http_gateway_trace_number(trace->span_id));

    if (ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_datadog_parent,
                                   id->data + id->len,
                                   p - id->data - id->len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sampled = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED);

    return ngx_http_gateway_trace_put(r,
                                      &ngx_http_gateway_trace_datadog_priority,
                                      (u_char *) (sampled ? "1" : "0"), 1);
}


static ngx_int_t
ngx_http_gateway_trace_write_aws(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char  *p, *start;

    /* seconds and the rest of the id */
    size_t   head = 4;

    start = ngx_pnalloc(r->pool, sizeof("Root=1--;Parent=;Sampled=1") - 1
                                 + NGX_HTTP_GATEWAY_TRACE_ID_TEXT
                                 + NGX_HTTP_GATEWAY_SPAN_ID_TEXT);
    if (start == NULL
        || ngx_http_gateway_trace_id_text(r, trace, 16, 16, id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_cpymem(start, "Root=1-", sizeof("Root=1-") - 1);
    p = ngx_http_gateway_trace_hex(p, trace->trace_id, head);
    *p++ = '-';
    p = ngx_http_gateway_trace_hex(p, trace->trace_id + head,
                                   NGX_HTTP_GATEWAY_TRACE_ID_LEN - head);
    p = ngx_cpymem(p, ";Parent=", sizeof(";Parent=") - 1);
    p = ngx_http_gateway_trace_hex(p, trace->span_id,
                                   NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    p = ngx_cpymem(p, ";Sampled=", sizeof(";Sampled=") - 1);
    *p++ = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED) ? '1' : '0';

    return ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_aws, start,
                                      p - start);
}


static ngx_int_t
ngx_http_gateway_trace_write_gcp(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char      *p;
    ngx_uint_t   sampled;

    p = ngx_pnalloc(r->pool, NGX_HTTP_GATEWAY_TRACE_ID_TEXT + NGX_INT64_LEN
                             + sizeof("/;o=1") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    id->data = p;
    id->len = NGX_HTTP_GATEWAY_TRACE_ID_TEXT;

    sampled = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED);

    p = ngx_http_gateway_trace_hex(p, trace->trace_id,
                                   NGX_HTTP_GATEWAY_TRACE_ID_LEN);
    p = ngx_sprintf(p, "/%uL;o=%ui",
                    ngx_http_gateway_trace_number(trace->span_id), sampled);

    return ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_gcp,
                                      id->data, p - id->data);
}


static ngx_int_t
ngx_http_gateway_trace_write_instana(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_str_t *id)
{
    u_char      *p;
    ngx_uint_t   sampled;

    p = ngx_pnalloc(r->pool, NGX_HTTP_GATEWAY_SPAN_ID_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_gateway_trace_hex(p, trace->span_id,
                                      NGX_HTTP_GATEWAY_SPAN_ID_LEN);

    sampled = (trace->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED);

    if (ngx_http_gateway_trace_id_text(r, trace, 16, 8, id) != NGX_OK
        || ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_instana_id,
                                      id->data, id->len)
           != NGX_OK
        || ngx_http_gateway_trace_put(r, &ngx_http_gateway_trace_instana_span,
                                      p, NGX_HTTP_GATEWAY_SPAN_ID_TEXT)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_trace_put(r,
                                      &ngx_http_gateway_trace_instana_level,
                                      (u_char *) (sampled ? "1" : "0"), 1);
}


/* all but letters, digits and - _ . ~ ! * ' ( ) is escaped */

static ngx_int_t
ngx_http_gateway_trace_write_baggage(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, const char *prefix)
{
    u_char        *p, c;
    size_t         len, k;
    ngx_str_t      name, value;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    static const u_char  hex[] = "0123456789ABCDEF";

    if (trace->baggage == NULL) {
        return NGX_OK;
    }

    len = ngx_strlen(prefix);
    kv = trace->baggage->elts;

    for (i = 0; i < trace->baggage->nelts; i++) {

        name.len = len + kv[i].key.len;
        name.data = ngx_pnalloc(r->pool, name.len + 3 * kv[i].value.len);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(name.data, prefix, len);
        p = ngx_cpymem(p, kv[i].key.data, kv[i].key.len);

        value.data = p;

        for (k = 0; k < kv[i].value.len; k++) {
            c = kv[i].value.data[k];

            if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || (c && ngx_strchr("-_.~!*'()", c)))
            {
                *p++ = c;
                continue;
            }

            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 0x0f];
        }

        value.len = p - value.data;

        if (ngx_http_gateway_header_in_set(r, &name, &name, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The id as digits: size bytes of it, or as many as came in if there were
 * other.
 */

static ngx_int_t
ngx_http_gateway_trace_id_text(ngx_http_request_t *r,
    ngx_http_gateway_trace_t *trace, ngx_uint_t size, ngx_uint_t other,
    ngx_str_t *id)
{
    if (trace->original == other) {
        size = other;
    }

    id->len = 2 * size;
    id->data = ngx_pnalloc(r->pool, id->len);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_gateway_trace_hex(id->data,
                  trace->trace_id + NGX_HTTP_GATEWAY_TRACE_ID_LEN - size,
                  size);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_put(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t *name, const u_char *data, size_t len)
{
    ngx_str_t  value;

    value.data = (u_char *) data;
    value.len = len;

    return ngx_http_gateway_header_in_put(r, name, &value);
}


/* for the log record; the last one of a format counts */

static ngx_int_t
ngx_http_gateway_trace_note(ngx_http_request_t *r, ngx_uint_t format,
    ngx_str_t *id)
{
    ngx_str_t               *name;
    ngx_uint_t               i;
    ngx_keyval_t            *kv;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->trace_ids == NULL) {
        ctx->trace_ids = ngx_array_create(r->main->pool, 2,
                                          sizeof(ngx_keyval_t));
        if (ctx->trace_ids == NULL) {
            return NGX_ERROR;
        }
    }

    if (format == NGX_HTTP_GATEWAY_TRACE_B3_SINGLE) {
        format = NGX_HTTP_GATEWAY_TRACE_B3;
    }

    name = &ngx_http_gateway_trace_formats[format].name;
    kv = ctx->trace_ids->elts;

    for (i = 0; i < ctx->trace_ids->nelts; i++) {
        if (kv[i].key.data == name->data) {
            kv[i].value = *id;
            return NGX_OK;
        }
    }

    kv = ngx_array_push(ctx->trace_ids);
    if (kv == NULL) {
        return NGX_ERROR;
    }

    kv->key = *name;
    kv->value = *id;

    return NGX_OK;
}


static uint64_t
ngx_http_gateway_trace_number(const u_char *id)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | id[i];
    }

    return n;
}
