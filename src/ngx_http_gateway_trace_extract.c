
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Contexts of traces from request headers.
 */


#include "ngx_http_gateway_trace_private.h"
#include "ngx_http_gateway_args.h"


/* headers of baggage that are read */
#define NGX_HTTP_GATEWAY_TRACE_BAGGAGE_MAX  100


typedef struct {
    ngx_http_request_t              *request;
    ngx_http_gateway_trace_t        *trace;
    uint64_t                         marks;     /* of all headers */
    ngx_uint_t                       found;     /* the format is there */
} ngx_http_gateway_trace_in_t;


/* sets in->found and the context; NGX_OK or NGX_ERROR */
typedef ngx_int_t (*ngx_http_gateway_trace_read_pt)(
    ngx_http_gateway_trace_in_t *in);


static ngx_int_t ngx_http_gateway_trace_read_w3c(
    ngx_http_gateway_trace_in_t *in);
static ngx_int_t ngx_http_gateway_trace_read_b3(
    ngx_http_gateway_trace_in_t *in);
static ngx_uint_t ngx_http_gateway_trace_read_single(
    ngx_http_gateway_trace_in_t *in, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_trace_read_jaeger(
    ngx_http_gateway_trace_in_t *in);
static ngx_int_t ngx_http_gateway_trace_read_ot(
    ngx_http_gateway_trace_in_t *in);
static ngx_int_t ngx_http_gateway_trace_read_datadog(
    ngx_http_gateway_trace_in_t *in);
static ngx_int_t ngx_http_gateway_trace_read_aws(
    ngx_http_gateway_trace_in_t *in);
static ngx_int_t ngx_http_gateway_trace_read_gcp(
    ngx_http_gateway_trace_in_t *in);
static ngx_int_t ngx_http_gateway_trace_read_instana(
    ngx_http_gateway_trace_in_t *in);
static ngx_int_t ngx_http_gateway_trace_read_baggage(
    ngx_http_gateway_trace_in_t *in, const char *prefix);
static ngx_int_t ngx_http_gateway_trace_invalid(
    ngx_http_gateway_trace_in_t *in, const char *what);
static ngx_uint_t ngx_http_gateway_trace_find(ngx_http_gateway_trace_in_t *in,
    ngx_http_gateway_header_name_t *name, ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_trace_is(ngx_str_t *value,
    const char *text);
static ngx_uint_t ngx_http_gateway_trace_switch(
    ngx_http_gateway_trace_in_t *in, ngx_http_gateway_header_name_t *name,
    const char *what, ngx_uint_t *sampled);
static size_t ngx_http_gateway_trace_digits(u_char *p, u_char *last,
    ngx_uint_t decimal);
static ngx_uint_t ngx_http_gateway_trace_set_id(ngx_http_gateway_trace_t *t,
    u_char *text, size_t len);
static ngx_uint_t ngx_http_gateway_trace_set(u_char *id, size_t size,
    u_char *text, size_t len);
static size_t ngx_http_gateway_trace_set_decimal(u_char *id, size_t size,
    u_char *text, size_t len);


/* by format; B3 is read in both forms */

static ngx_http_gateway_trace_read_pt  ngx_http_gateway_trace_readers[] = {
    ngx_http_gateway_trace_read_w3c,
    ngx_http_gateway_trace_read_b3,
    ngx_http_gateway_trace_read_b3,
    ngx_http_gateway_trace_read_jaeger,
    ngx_http_gateway_trace_read_ot,
    ngx_http_gateway_trace_read_datadog,
    ngx_http_gateway_trace_read_aws,
    ngx_http_gateway_trace_read_gcp,
    ngx_http_gateway_trace_read_instana
};


ngx_int_t
ngx_http_gateway_trace_extract(ngx_http_request_t *r,
    ngx_http_gateway_trace_conf_t *tcf, ngx_http_gateway_trace_t *trace)
{
    ngx_uint_t                   i;
    ngx_http_gateway_trace_in_t  in;

    in.request = r;
    in.trace = trace;
    in.found = 0;
    in.marks = tcf->nextract ? ngx_http_gateway_header_in_marks(r) : 0;

    for (i = 0; i < tcf->nextract; i++) {

        ngx_memzero(trace, sizeof(ngx_http_gateway_trace_t));

        if (ngx_http_gateway_trace_readers[tcf->extract[i]](&in) != NGX_OK) {
            return NGX_ERROR;
        }

        if (in.found) {
            trace->from = tcf->extract[i];
            return NGX_OK;
        }
    }

    ngx_memzero(trace, sizeof(ngx_http_gateway_trace_t));
    trace->from = NGX_HTTP_GATEWAY_TRACE_NONE;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_read_w3c(ngx_http_gateway_trace_in_t *in)
{
    u_char                     flags, *p;
    ngx_str_t                  value;
    ngx_uint_t                 n;
    ngx_http_gateway_trace_t  *t = in->trace;

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_traceparent,
                                    &value);
    if (n == 0 || value.len == 0) {
        return NGX_OK;
    }

    p = value.data;

    if (n > 1 || value.len != sizeof("00---01") - 1
                              + NGX_HTTP_GATEWAY_TRACE_ID_TEXT
                              + NGX_HTTP_GATEWAY_SPAN_ID_TEXT
        || ngx_strncmp(p, "00-", 3) != 0 || p[35] != '-' || p[52] != '-'
        || !ngx_http_gateway_trace_set_id(t, p + 3, 32)
        || !ngx_http_gateway_trace_set(t->span_id,
                                       NGX_HTTP_GATEWAY_SPAN_ID_LEN, p + 36,
                                       16)
        || !ngx_http_gateway_trace_valid(t->span_id,
                                         NGX_HTTP_GATEWAY_SPAN_ID_LEN)
        || !ngx_http_gateway_trace_set(&flags, 1, p + 53, 2))
    {
        return ngx_http_gateway_trace_invalid(in, "traceparent");
    }

    t->has_span = 1;
    t->flags = flags;
    t->sampled = (flags & 1) ? NGX_HTTP_GATEWAY_TRACE_SAMPLED
                             : NGX_HTTP_GATEWAY_TRACE_DROPPED;
    in->found = 1;

    return NGX_OK;
}


/* what the header of its own does not say the other ones may */

static ngx_int_t
ngx_http_gateway_trace_read_b3(ngx_http_gateway_trace_in_t *in)
{
    u_char                     span[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    u_char                     parent[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    ngx_str_t                  id, span_id, parent_id, value;
    ngx_uint_t                 i, n, nid, nspan, nparent, valid, sampled;
    ngx_table_elt_t           *h;
    ngx_http_gateway_trace_t  *t = in->trace;

    static ngx_str_t  tracestate = ngx_string("tracestate");

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_b3_single,
                                    &value);
    if (n) {
        in->found = 1;

    } else if (in->marks & ngx_http_gateway_header_mark(&tracestate)) {

        for (i = 0; n == 0; i++) {
            h = ngx_http_gateway_header_in(in->request, &tracestate, i);

            if (h == NULL) {
                break;
            }

            if (h->value.len > 3 && ngx_strncmp(h->value.data, "b3=", 3) == 0)
            {
                value.data = h->value.data + 3;
                value.len = h->value.len - 3;
                n = 1;
            }
        }
    }

    if (n == 1) {
        in->found = 1;
        t->single = 1;

        if (!ngx_http_gateway_trace_read_single(in, &value)) {
            t->has_trace = 0;
            t->has_span = 0;
            t->has_parent = 0;
            t->original = 0;
            t->sampled = NGX_HTTP_GATEWAY_TRACE_UNDECIDED;
            t->debug = 0;
            (void) ngx_http_gateway_trace_invalid(in, "b3");
        }
    }

    if (ngx_http_gateway_trace_switch(in, &ngx_http_gateway_trace_b3_sampled,
                                      "x-b3-sampled", &sampled)
        && t->sampled == NGX_HTTP_GATEWAY_TRACE_UNDECIDED)
    {
        t->sampled = sampled;
    }

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_b3_flags,
                                    &value);
    if (n) {
        in->found = 1;

        if (n == 1 && ngx_http_gateway_trace_is(&value, "1")) {
            t->debug = 1;

            if (t->sampled == NGX_HTTP_GATEWAY_TRACE_UNDECIDED || !t->single) {
                t->sampled = NGX_HTTP_GATEWAY_TRACE_SAMPLED;
            }

        } else {
            (void) ngx_http_gateway_trace_invalid(in, "x-b3-flags");
        }
    }

    nid = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_b3_id, &id);
    nspan = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_b3_span,
                                        &span_id);
    nparent = ngx_http_gateway_trace_find(in,
                                          &ngx_http_gateway_trace_b3_parent,
                                          &parent_id);

    if (nid || nspan || nparent) {
        in->found = 1;

        valid = (nid < 2 && nspan < 2 && nparent < 2
                 && (!nid || ((id.len == 16 || id.len == 32)
                              && ngx_http_gateway_trace_digits(id.data,
                                              id.data + id.len, 0) == id.len))
                 && (!nspan || (span_id.len == 16
                                && ngx_http_gateway_trace_set(span,
                                                        sizeof(span),
                                                        span_id.data, 16)))
                 && (!nparent || (parent_id.len == 16
                                  && ngx_http_gateway_trace_set(parent,
                                                        sizeof(parent),
                                                        parent_id.data, 16))));

        if (!valid) {
            (void) ngx_http_gateway_trace_invalid(in, "x-b3-traceid");

        } else if (t->has_trace
                   || (nid && ngx_http_gateway_trace_set_id(t, id.data,
                                                            id.len)))
        {
            if (nspan && !t->has_span) {
                ngx_memcpy(t->span_id, span, sizeof(span));
                t->has_span = 1;
            }

            if (nparent && !t->has_parent) {
                ngx_memcpy(t->parent_id, parent, sizeof(parent));
                t->has_parent = 1;
            }
        }
    }

    t->has_span = t->has_span
                  && ngx_http_gateway_trace_valid(t->span_id,
                                                NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    t->reuse = in->found;

    return NGX_OK;
}


/* trace-span[-sampled[-parent]], trace-span-parent, or sampled alone */

static ngx_uint_t
ngx_http_gateway_trace_read_single(ngx_http_gateway_trace_in_t *in,
    ngx_str_t *value)
{
    u_char                    *p, *last, c;
    size_t                     len;
    ngx_http_gateway_trace_t  *t = in->trace;

    p = value->data;
    last = p + value->len;
    len = ngx_http_gateway_trace_digits(p, last, 0);

    if (value->len > 1) {

        if ((len != 16 && len != 32) || (size_t) (last - p) < len + 17
            || p[len] != '-' || !ngx_http_gateway_trace_set_id(t, p, len))
        {
            return 0;
        }

        p += len + 1;

        if (!ngx_http_gateway_trace_set(t->span_id, sizeof(t->span_id), p,
                                        16))
        {
            return 0;
        }

        t->has_span = 1;
        p += 16;

        if (p == last) {
            return 1;
        }

        if (*p++ != '-') {
            return 0;
        }
    }

    if (last - p == 1 || (last - p > 1 && p[1] == '-')) {
        c = *p++;

        if (c == '0') {
            t->sampled = NGX_HTTP_GATEWAY_TRACE_DROPPED;

        } else if (c == '1' || c == 'd') {
            t->sampled = NGX_HTTP_GATEWAY_TRACE_SAMPLED;
            t->debug = (c == 'd');

        } else {
            return 0;
        }

        if (p == last) {
            return 1;
        }

        p++;
    }

    if (last - p != 16
        || !ngx_http_gateway_trace_set(t->parent_id, sizeof(t->parent_id), p,
                                       16))
    {
        return 0;
    }

    t->has_parent = 1;

    return 1;
}


static ngx_int_t
ngx_http_gateway_trace_read_jaeger(ngx_http_gateway_trace_in_t *in)
{
    u_char                    *p, *last, *part[4], flags;
    size_t                     len[4];
    ngx_str_t                  value;
    ngx_uint_t                 i, n;
    ngx_http_gateway_trace_t  *t = in->trace;

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_jaeger,
                                    &value);
    if (n == 0 || value.len == 0) {
        return NGX_OK;
    }

    p = value.data;
    last = p + value.len;

    for (i = 0; i < 4; i++) {
        part[i] = p;
        len[i] = ngx_http_gateway_trace_digits(p, last, 0);
        p += len[i];

        if (len[i] == 0 || (i < 3 && (p == last || *p++ != ':'))) {
            break;
        }
    }

    if (n > 1 || i != 4 || p != last || len[0] > 32 || len[1] > 16
        || len[2] > 16 || len[3] > 2
        || !ngx_http_gateway_trace_set_id(t, part[0], len[0])
        || !ngx_http_gateway_trace_set(t->span_id, sizeof(t->span_id),
                                       part[1], len[1])
        || !ngx_http_gateway_trace_valid(t->span_id, sizeof(t->span_id))
        || !ngx_http_gateway_trace_set(t->parent_id, sizeof(t->parent_id),
                                       part[2], len[2])
        || !ngx_http_gateway_trace_set(&flags, 1, part[3], len[3]))
    {
        return ngx_http_gateway_trace_invalid(in, "uber-trace-id");
    }

    /* "0" for a parent: there is none */

    t->has_span = 1;
    t->has_parent = ngx_http_gateway_trace_valid(t->parent_id,
                                                 sizeof(t->parent_id));
    t->reuse = 1;
    t->sampled = (flags & 1) ? NGX_HTTP_GATEWAY_TRACE_SAMPLED
                             : NGX_HTTP_GATEWAY_TRACE_DROPPED;
    in->found = 1;

    return ngx_http_gateway_trace_read_baggage(in,
                                              NGX_HTTP_GATEWAY_TRACE_UBERCTX);
}


static ngx_int_t
ngx_http_gateway_trace_read_ot(ngx_http_gateway_trace_in_t *in)
{
    u_char                     span[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    ngx_str_t                  id, span_id;
    ngx_uint_t                 nid, nspan;
    ngx_http_gateway_trace_t  *t = in->trace;

    (void) ngx_http_gateway_trace_switch(in,
                                         &ngx_http_gateway_trace_ot_sampled,
                                         "ot-tracer-sampled", &t->sampled);

    nid = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_ot_id, &id);
    nspan = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_ot_span,
                                        &span_id);

    if (nid || nspan) {

        if (nid > 1 || nspan > 1
            || (nid && id.len != 16 && id.len != 32)
            || (nspan && (span_id.len != 16
                          || !ngx_http_gateway_trace_set(span, sizeof(span),
                                                         span_id.data, 16)))
            || (nid && !ngx_http_gateway_trace_set_id(t, id.data, id.len)))
        {
            (void) ngx_http_gateway_trace_invalid(in, "ot-tracer-traceid");

        } else if (nid) {
            in->found = 1;

            if (nspan && ngx_http_gateway_trace_valid(span, sizeof(span))) {
                ngx_memcpy(t->span_id, span, sizeof(span));
                t->has_span = 1;
            }
        }
    }

    if (!in->found && t->sampled == NGX_HTTP_GATEWAY_TRACE_UNDECIDED) {
        return NGX_OK;
    }

    in->found = 1;

    return ngx_http_gateway_trace_read_baggage(in,
                                              NGX_HTTP_GATEWAY_TRACE_BAGGAGE);
}


static ngx_int_t
ngx_http_gateway_trace_read_datadog(ngx_http_gateway_trace_in_t *in)
{
    size_t                     len;
    ngx_str_t                  value;
    ngx_uint_t                 n;
    ngx_http_gateway_trace_t  *t = in->trace;

    n = ngx_http_gateway_trace_find(in,
                                    &ngx_http_gateway_trace_datadog_priority,
                                    &value);
    if (n) {
        if (n == 1 && (ngx_http_gateway_trace_is(&value, "1")
                       || ngx_http_gateway_trace_is(&value, "2")))
        {
            t->sampled = NGX_HTTP_GATEWAY_TRACE_SAMPLED;

        } else if (n == 1 && (ngx_http_gateway_trace_is(&value, "0")
                              || ngx_http_gateway_trace_is(&value, "-1")))
        {
            t->sampled = NGX_HTTP_GATEWAY_TRACE_DROPPED;

        } else {
            return ngx_http_gateway_trace_invalid(in,
                                              "x-datadog-sampling-priority");
        }

        in->found = 1;
    }

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_datadog_id,
                                    &value);
    if (n == 0) {
        return NGX_OK;
    }

    len = (n == 1) ? ngx_http_gateway_trace_set_decimal(t->trace_id,
                                            sizeof(t->trace_id), value.data,
                                            value.len)
                   : 0;

    if (len == 0) {
        return ngx_http_gateway_trace_invalid(in, "x-datadog-trace-id");
    }

    t->original = len;
    t->has_trace = 1;
    in->found = 1;

    n = ngx_http_gateway_trace_find(in,
                                    &ngx_http_gateway_trace_datadog_parent,
                                    &value);
    if (n) {
        t->has_span = (n == 1 && ngx_http_gateway_trace_set_decimal(
                                            t->span_id, sizeof(t->span_id),
                                            value.data, value.len));

        if (!t->has_span && !ngx_http_gateway_trace_is(&value, "0")) {
            (void) ngx_http_gateway_trace_invalid(in, "x-datadog-parent-id");
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_read_aws(ngx_http_gateway_trace_in_t *in)
{
    u_char                    *p, *last, *end, *eq, *v;
    u_char                     id[NGX_HTTP_GATEWAY_TRACE_ID_TEXT];
    size_t                     len, key;
    ngx_str_t                  value;
    ngx_uint_t                 n;
    ngx_http_gateway_trace_t  *t = in->trace;

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_aws, &value);

    if (n == 0 || value.len == 0) {
        return NGX_OK;
    }

    p = value.data;
    last = p + value.len;

    for ( /* void */ ; n == 1 && p < last; p = end + 1) {

        for (end = p; end < last && *end != ';'; end++) { /* void */ }

        while (p < end && *p == ' ') {
            p++;
        }

        eq = ngx_strlchr(p, end, '=');

        if (eq == NULL) {
            continue;
        }

        for (key = eq - p; key && p[key - 1] == ' '; key--) { /* void */ }

        for (v = eq + 1; v < end && *v == ' '; v++) { /* void */ }

        for (len = end - v; len && v[len - 1] == ' '; len--) { /* void */ }

        if (key == 4 && ngx_strncmp(p, "Root", 4) == 0) {

            if (len != 35 || v[0] != '1' || v[1] != '-' || v[10] != '-') {
                n = 2;
                break;
            }

            ngx_memcpy(id, v + 2, 8);
            ngx_memcpy(id + 8, v + 11, 24);

            if (!ngx_http_gateway_trace_set_id(t, id, 32)) {
                n = 2;
            }

        } else if (key == 6 && ngx_strncmp(p, "Parent", 6) == 0) {

            if (len != 16 || !ngx_http_gateway_trace_set(t->span_id,
                                                sizeof(t->span_id), v, 16))
            {
                n = 2;
            }

            t->has_span = 1;

        } else if (key == 7 && ngx_strncmp(p, "Sampled", 7) == 0) {

            if (len != 1 || (*v != '0' && *v != '1')) {
                n = 2;
                break;
            }

            t->sampled = (*v == '1') ? NGX_HTTP_GATEWAY_TRACE_SAMPLED
                                     : NGX_HTTP_GATEWAY_TRACE_DROPPED;
        }
    }

    if (n > 1) {
        return ngx_http_gateway_trace_invalid(in, "x-amzn-trace-id");
    }

    if (!t->has_trace || !ngx_http_gateway_trace_valid(t->span_id,
                                                       sizeof(t->span_id)))
    {
        t->has_span = 0;
    }

    in->found = (t->has_trace
                 || t->sampled != NGX_HTTP_GATEWAY_TRACE_UNDECIDED);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_read_gcp(ngx_http_gateway_trace_in_t *in)
{
    u_char                    *p, *last;
    size_t                     len;
    ngx_str_t                  value;
    ngx_uint_t                 i, n;
    ngx_http_gateway_trace_t  *t = in->trace;

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_gcp, &value);

    if (n == 0) {
        return NGX_OK;
    }

    p = value.data;
    last = p + value.len;

    /* in lower case only */

    for (i = 0; i < value.len && i < 32; i++) {
        if (p[i] >= 'A' && p[i] <= 'F') {
            n = 2;
        }
    }

    if (n > 1 || value.len < 34 || p[32] != '/'
        || !ngx_http_gateway_trace_set_id(t, p, 32))
    {
        return ngx_http_gateway_trace_invalid(in, "x-cloud-trace-context");
    }

    p += 33;
    len = ngx_http_gateway_trace_digits(p, last, 1);

    t->has_span = ngx_http_gateway_trace_set_decimal(t->span_id,
                                             sizeof(t->span_id), p, len) != 0;

    if (len == 0 || (!t->has_span && !(len == 1 && *p == '0'))) {
        return ngx_http_gateway_trace_invalid(in, "x-cloud-trace-context");
    }

    p += len;
    t->sampled = NGX_HTTP_GATEWAY_TRACE_DROPPED;

    if (p != last) {

        if (last - p != 4 || ngx_strncmp(p, ";o=", 3) != 0 || p[3] < '0'
            || p[3] > '9')
        {
            return ngx_http_gateway_trace_invalid(in,
                                                  "x-cloud-trace-context");
        }

        if (p[3] == '1') {
            t->sampled = NGX_HTTP_GATEWAY_TRACE_SAMPLED;
        }
    }

    in->found = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_read_instana(ngx_http_gateway_trace_in_t *in)
{
    ngx_str_t                  id, span, level;
    ngx_uint_t                 nid, nspan, n;
    ngx_http_gateway_trace_t  *t = in->trace;

    nid = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_instana_id,
                                      &id);
    nspan = ngx_http_gateway_trace_find(in,
                                        &ngx_http_gateway_trace_instana_span,
                                        &span);
    if (nid == 0 || nspan == 0) {
        return NGX_OK;
    }

    if (nid > 1 || nspan > 1 || (id.len != 16 && id.len != 32)
        || span.len > 16
        || !ngx_http_gateway_trace_set_id(t, id.data, id.len)
        || !ngx_http_gateway_trace_set(t->span_id, sizeof(t->span_id),
                                       span.data, span.len))
    {
        return ngx_http_gateway_trace_invalid(in, "x-instana-t");
    }

    t->has_span = ngx_http_gateway_trace_valid(t->span_id,
                                               sizeof(t->span_id));

    n = ngx_http_gateway_trace_find(in, &ngx_http_gateway_trace_instana_level,
                                    &level);

    t->sampled = (n == 1 && level.len && level.data[0] == '1')
                 ? NGX_HTTP_GATEWAY_TRACE_SAMPLED
                 : NGX_HTTP_GATEWAY_TRACE_DROPPED;
    in->found = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_read_baggage(ngx_http_gateway_trace_in_t *in,
    const char *prefix)
{
    size_t                     len;
    ngx_str_t                  key;
    ngx_uint_t                 i;
    ngx_keyval_t              *kv;
    ngx_list_part_t           *part;
    ngx_table_elt_t           *h;
    ngx_http_request_t        *r = in->request;
    ngx_http_gateway_trace_t  *t = in->trace;

    len = ngx_strlen(prefix);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len <= len
                || ngx_strncasecmp(h[i].key.data, (u_char *) prefix, len)
                   != 0)
            {
                continue;
            }

            if (t->baggage == NULL) {
                t->baggage = ngx_array_create(r->pool, 4,
                                              sizeof(ngx_keyval_t));
                if (t->baggage == NULL) {
                    return NGX_ERROR;
                }
            }

            if (t->baggage->nelts == NGX_HTTP_GATEWAY_TRACE_BAGGAGE_MAX) {
                return NGX_OK;
            }

            kv = ngx_array_push(t->baggage);
            if (kv == NULL) {
                return NGX_ERROR;
            }

            key.len = h[i].key.len - len;
            key.data = ngx_pnalloc(r->pool, key.len);
            if (key.data == NULL) {
                return NGX_ERROR;
            }

            ngx_strlow(key.data, h[i].key.data + len, key.len);
            kv->key = key;

            if (ngx_http_gateway_unescape(r->pool, &h[i].value, &kv->value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* the value comes from the client, so it is not shown */

static ngx_int_t
ngx_http_gateway_trace_invalid(ngx_http_gateway_trace_in_t *in,
    const char *what)
{
    ngx_log_error(NGX_LOG_INFO, in->request->connection->log, 0,
                  "tracing: the header \"%s\" is invalid and ignored", what);

    return NGX_OK;
}


/* how many there are, up to two; value is that of the first */

static ngx_uint_t
ngx_http_gateway_trace_find(ngx_http_gateway_trace_in_t *in,
    ngx_http_gateway_header_name_t *name, ngx_str_t *value)
{
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    if (!(in->marks & ngx_http_gateway_header_mark(&name->lowcase))) {
        return 0;
    }

    n = ngx_http_gateway_header_in_find(in->request, &name->lowcase, &h);

    if (n) {
        *value = h->value;
    }

    return n;
}


static ngx_uint_t
ngx_http_gateway_trace_is(ngx_str_t *value, const char *text)
{
    return value->len == ngx_strlen(text)
           && ngx_strncmp(value->data, text, value->len) == 0;
}


/* a header of 0, 1, false or true; whether it says something */

static ngx_uint_t
ngx_http_gateway_trace_switch(ngx_http_gateway_trace_in_t *in,
    ngx_http_gateway_header_name_t *name, const char *what,
    ngx_uint_t *sampled)
{
    ngx_str_t   value;
    ngx_uint_t  n;

    n = ngx_http_gateway_trace_find(in, name, &value);

    if (n == 0) {
        return 0;
    }

    if (n == 1) {
        if (ngx_http_gateway_trace_is(&value, "1")
            || ngx_http_gateway_trace_is(&value, "true"))
        {
            *sampled = NGX_HTTP_GATEWAY_TRACE_SAMPLED;
            in->found = 1;
            return 1;
        }

        if (ngx_http_gateway_trace_is(&value, "0")
            || ngx_http_gateway_trace_is(&value, "false"))
        {
            *sampled = NGX_HTTP_GATEWAY_TRACE_DROPPED;
            in->found = 1;
            return 1;
        }
    }

    (void) ngx_http_gateway_trace_invalid(in, what);

    return 0;
}


static size_t
ngx_http_gateway_trace_digits(u_char *p, u_char *last, ngx_uint_t decimal)
{
    u_char  c, *start;

    for (start = p; p < last; p++) {
        c = *p | 0x20;

        if ((*p < '0' || *p > '9') && (decimal || c < 'a' || c > 'f')) {
            break;
        }
    }

    return p - start;
}


static ngx_uint_t
ngx_http_gateway_trace_set_id(ngx_http_gateway_trace_t *t, u_char *text,
    size_t len)
{
    if (!ngx_http_gateway_trace_set(t->trace_id, sizeof(t->trace_id), text,
                                    len)
        || !ngx_http_gateway_trace_valid(t->trace_id, sizeof(t->trace_id)))
    {
        return 0;
    }

    t->original = (len + 1) / 2;
    t->has_trace = 1;

    return 1;
}


/* len hex digits as the last of size bytes, the first ones are zero */

static ngx_uint_t
ngx_http_gateway_trace_set(u_char *id, size_t size, u_char *text, size_t len)
{
    u_char  c;
    size_t  i, pos;

    if (len == 0 || len > 2 * size
        || ngx_http_gateway_trace_digits(text, text + len, 0) != len)
    {
        return 0;
    }

    ngx_memzero(id, size);

    for (i = 0; i < len; i++) {
        c = text[len - 1 - i];
        c = (c <= '9') ? c - '0' : (c | 0x20) - 'a' + 10;

        pos = size - 1 - i / 2;
        id[pos] |= (i & 1) ? c << 4 : c;
    }

    return 1;
}


/*
 * The same of decimal digits with spaces around them; how many bytes the
 * number has, 0: it is none, too large, or zero.
 */

static size_t
ngx_http_gateway_trace_set_decimal(u_char *id, size_t size, u_char *text,
    size_t len)
{
    size_t      i, k;
    ngx_uint_t  carry;

    while (len && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }

    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }

    if (len == 0 || len > 39
        || ngx_http_gateway_trace_digits(text, text + len, 1) != len)
    {
        return 0;
    }

    ngx_memzero(id, size);

    for (i = 0; i < len; i++) {
        carry = text[i] - '0';

        for (k = size; k > 0; k--) {
            carry += id[k - 1] * 10;
            id[k - 1] = (u_char) carry;
            carry >>= 8;
        }

        if (carry) {
            ngx_memzero(id, size);
            return 0;
        }
    }

    for (k = 0; k < size && id[k] == 0; k++) { /* void */ }

    return size - k;
}
