
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Spans in JSON, as version 2 of Zipkin's API has them: one of the request,
 * one of what was proxied, and one of each try to reach a peer.
 */


#include "ngx_http_gateway_zipkin.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_status.h"
#include "ngx_http_gateway_tries.h"
#include "ngx_http_gateway_upstream.h"


#define NGX_HTTP_GATEWAY_ZIPKIN_TAGS    128     /* of a span */
#define NGX_HTTP_GATEWAY_ZIPKIN_NOTES   8

/* tags of clients leave room for ours */
#define NGX_HTTP_GATEWAY_ZIPKIN_CLIENT_TAGS  112


typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        value;
} ngx_http_gateway_zipkin_tag_t;


typedef struct {
    const char                      *value;
    int64_t                          time;      /* ms since the epoch */
} ngx_http_gateway_zipkin_note_t;


typedef struct {
    ngx_str_t                        name;
    const char                      *kind;
    u_char                          *id;
    u_char                          *parent;    /* NULL: none */
    int64_t                          start;     /* ms since the epoch */
    int64_t                          end;
    ngx_str_t                        ip;        /* of the other end */
    ngx_uint_t                       port;      /* 0: unknown */
    ngx_str_t                        service;
    ngx_uint_t                       ntags;
    ngx_uint_t                       nnotes;
    ngx_http_gateway_zipkin_tag_t    tags[NGX_HTTP_GATEWAY_ZIPKIN_TAGS];
    ngx_http_gateway_zipkin_note_t   notes[NGX_HTTP_GATEWAY_ZIPKIN_NOTES];
} ngx_http_gateway_zipkin_span_t;


/* what the spans of a request are made of */
typedef struct {
    ngx_http_request_t              *request;
    ngx_http_gateway_ctx_t          *ctx;
    ngx_http_gateway_zipkin_conf_t  *conf;
    ngx_http_gateway_zipkin_data_t  *data;
    ngx_http_gateway_zipkin_span_t  *span;      /* one after the other */
    ngx_str_t                        name;      /* of the request's */
    int64_t                          start;     /* ms since the epoch */
    int64_t                          now;
    int64_t                          access_end;
    int64_t                          body_end;
    ngx_array_t                     *tries;     /* NULL: none */
} ngx_http_gateway_zipkin_report_t;


static void ngx_http_gateway_zipkin_report_request(
    ngx_http_gateway_zipkin_report_t *rp);
static void ngx_http_gateway_zipkin_request_tags(
    ngx_http_gateway_zipkin_report_t *rp);
static void ngx_http_gateway_zipkin_header_tags(
    ngx_http_gateway_zipkin_report_t *rp);
static void ngx_http_gateway_zipkin_header_tag(
    ngx_http_gateway_zipkin_report_t *rp, u_char *p, u_char *last);
static void ngx_http_gateway_zipkin_report_proxy(
    ngx_http_gateway_zipkin_report_t *rp);
static void ngx_http_gateway_zipkin_report_try(
    ngx_http_gateway_zipkin_report_t *rp, ngx_uint_t i);
static void ngx_http_gateway_zipkin_route_tags(
    ngx_http_gateway_zipkin_report_t *rp);
static int64_t ngx_http_gateway_zipkin_time(
    ngx_http_gateway_zipkin_report_t *rp, ngx_msec_t msec);
static void ngx_http_gateway_zipkin_begin(
    ngx_http_gateway_zipkin_report_t *rp, const char *kind, u_char *id,
    u_char *parent);
static void ngx_http_gateway_zipkin_tag(ngx_http_gateway_zipkin_report_t *rp,
    const char *name, ngx_str_t *value);
static void ngx_http_gateway_zipkin_set(ngx_http_gateway_zipkin_report_t *rp,
    ngx_str_t *name, ngx_str_t *value);
static void ngx_http_gateway_zipkin_number(
    ngx_http_gateway_zipkin_report_t *rp, const char *name, int64_t value);
static void ngx_http_gateway_zipkin_note(ngx_http_gateway_zipkin_report_t *rp,
    const char *value, int64_t time);
static void ngx_http_gateway_zipkin_end(ngx_http_gateway_zipkin_report_t *rp);
static u_char *ngx_http_gateway_zipkin_quote(u_char *p, ngx_str_t *s);
static ngx_uint_t ngx_http_gateway_zipkin_variable(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);


void
ngx_http_gateway_zipkin_report(ngx_http_request_t *r,
    ngx_http_gateway_zipkin_conf_t *conf,
    ngx_http_gateway_zipkin_data_t *data)
{
    u_char                            *p;
    ngx_str_t                          path;
    ngx_time_t                        *tp;
    ngx_uint_t                         i;
    ngx_http_gateway_zipkin_report_t   rp;

    ngx_memzero(&rp, sizeof(ngx_http_gateway_zipkin_report_t));

    rp.request = r;
    rp.conf = conf;
    rp.data = data;

    rp.ctx = ngx_http_gateway_get_ctx(r);
    rp.span = ngx_palloc(r->pool, sizeof(ngx_http_gateway_zipkin_span_t));

    if (rp.ctx == NULL || rp.span == NULL
        || ngx_http_gateway_tries(r, rp.ctx, &rp.tries) != NGX_OK)
    {
        return;
    }

    tp = ngx_timeofday();

    rp.start = (int64_t) r->start_sec * 1000 + r->start_msec;
    rp.now = (int64_t) tp->sec * 1000 + tp->msec;

    rp.body_end = data->has_body_end
                  ? ngx_http_gateway_zipkin_time(&rp, data->body_end)
                  : rp.now;
    rp.access_end = rp.ctx->proxied
                    ? ngx_http_gateway_zipkin_time(&rp, rp.ctx->balanced)
                    : data->has_header
                      ? ngx_http_gateway_zipkin_time(&rp, data->header)
                      : rp.body_end;

    rp.name = rp.ctx->method_name;

    if (conf->with_path) {
        path = rp.ctx->path.len ? rp.ctx->path : r->uri;

        p = ngx_pnalloc(r->pool, rp.name.len + 1 + path.len);
        if (p == NULL) {
            return;
        }

        path.len = ngx_sprintf(p, "%V %V", &rp.name, &path) - p;
        path.data = p;
        rp.name = path;
    }

    for (i = 0; rp.tries && i < rp.tries->nelts; i++) {
        ngx_http_gateway_zipkin_report_try(&rp, i);
    }

    ngx_http_gateway_zipkin_report_proxy(&rp);
    ngx_http_gateway_zipkin_report_request(&rp);
}


static void
ngx_http_gateway_zipkin_report_request(ngx_http_gateway_zipkin_report_t *rp)
{
    ngx_http_request_t              *r = rp->request;
    ngx_http_gateway_zipkin_data_t  *data = rp->data;

    int64_t                          rewritten;

    ngx_http_gateway_zipkin_begin(rp, "SERVER", data->trace.span_id,
                                  data->trace.has_parent
                                  ? data->trace.parent_id : NULL);

    rp->span->name = rp->name;
    rp->span->start = rp->start;
    rp->span->end = rp->now;
    rp->span->ip = r->connection->addr_text;
    rp->span->port = ngx_inet_get_port(r->connection->sockaddr);

    ngx_http_gateway_zipkin_request_tags(rp);

    /* from the request's head to the policies */

    rewritten = data->has_access
                ? ngx_http_gateway_zipkin_time(rp, data->access)
                : rp->start;

    if (rp->conf->duration_tags) {
        ngx_http_gateway_zipkin_number(rp, "kong.rewrite.duration_ms",
                                       rewritten - rp->start);

    } else {
        ngx_http_gateway_zipkin_note(rp, "krf", rewritten);
        ngx_http_gateway_zipkin_note(rp, "krs", rp->start);
    }

    ngx_http_gateway_zipkin_end(rp);
}


static void
ngx_http_gateway_zipkin_request_tags(ngx_http_gateway_zipkin_report_t *rp)
{
    ngx_str_t                        s;
    ngx_uint_t                       i;
    ngx_keyval_t                    *kv;
    ngx_http_request_t              *r = rp->request;
    ngx_http_gateway_ctx_t          *ctx = rp->ctx;
    ngx_http_gateway_zipkin_conf_t  *conf = rp->conf;

    static ngx_str_t  lc = ngx_string("kong");
    static ngx_str_t  versions[] = { ngx_string("HTTP/1"),
                                     ngx_string("HTTP/1.1"),
                                     ngx_string("HTTP/2"),
                                     ngx_string("HTTP/3") };

    ngx_http_gateway_zipkin_tag(rp, "lc", &lc);
    ngx_http_gateway_zipkin_tag(rp, "http.method", &ctx->method_name);

    if (ngx_http_gateway_zipkin_variable(r, "host", &s)) {
        ngx_http_gateway_zipkin_tag(rp, "http.host", &s);
    }

    s = ctx->path.len ? ctx->path : r->uri;
    ngx_http_gateway_zipkin_tag(rp, "http.path", &s);

    ngx_http_gateway_zipkin_tag(rp, "http.protocol",
                           &versions[r->http_version >= 3000 ? 3
                                     : r->http_version >= 2000 ? 2
                                     : r->http_version > 1000 ? 1 : 0]);

    if (conf->static_tags) {
        kv = conf->static_tags->elts;

        for (i = 0; i < conf->static_tags->nelts; i++) {
            ngx_http_gateway_zipkin_set(rp, &kv[i].key, &kv[i].value);
        }
    }

    ngx_http_gateway_zipkin_header_tags(rp);

    ngx_http_gateway_zipkin_number(rp, "http.status_code",
                                   (int64_t) (r->err_status
                                              ? r->err_status
                                              : r->headers_out.status));

    if (ctx->consumer) {
        ngx_http_gateway_zipkin_tag(rp, "kong.consumer", &ctx->consumer->id);
    }

    if (conf->include_credential && ctx->credential) {
        ngx_http_gateway_zipkin_tag(rp, "kong.credential",
                                    &ctx->credential->id);
    }

    if (ngx_http_gateway_status_node_id(r->pool, &s) == NGX_OK) {
        ngx_http_gateway_zipkin_tag(rp, "kong.node.id", &s);
    }
}


/* "a=b; c=d", in any number of headers */

static void
ngx_http_gateway_zipkin_header_tags(ngx_http_gateway_zipkin_report_t *rp)
{
    u_char           *p, *last, *end;
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    for (n = 0; /* void */ ; n++) {

        h = ngx_http_gateway_header_in(rp->request, &rp->conf->tags_header,
                                       n);
        if (h == NULL) {
            return;
        }

        last = h->value.data + h->value.len;

        for (p = h->value.data; p < last; p = end + 1) {
            for (end = p; end < last && *end != ';'; end++) { /* void */ }

            if (end > p) {
                ngx_http_gateway_zipkin_header_tag(rp, p, end);
            }
        }
    }
}


/* spaces around the name and the value do not count */

static void
ngx_http_gateway_zipkin_header_tag(ngx_http_gateway_zipkin_report_t *rp,
    u_char *p, u_char *last)
{
    u_char     *eq;
    ngx_str_t   name, value;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    eq = ngx_strlchr(p, last, '=');

    if (eq) {
        name.data = p;

        for (name.len = eq - p;
             name.len && (p[name.len - 1] == ' ' || p[name.len - 1] == '\t');
             name.len--)
        {
            /* void */
        }

        for (p = eq + 1; p < last && (*p == ' ' || *p == '\t'); p++) {
            /* void */
        }

        while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
            last--;
        }

        value.data = p;
        value.len = last - p;

        if (name.len && value.len
            && rp->span->ntags < NGX_HTTP_GATEWAY_ZIPKIN_CLIENT_TAGS
            && ngx_strlchr(name.data, name.data + name.len, ' ') == NULL)
        {
            ngx_http_gateway_zipkin_set(rp, &name, &value);
            return;
        }
    }

    ngx_log_error(NGX_LOG_INFO, rp->request->connection->log, 0,
                  "zipkin: a tag in the header \"%V\" is invalid and ignored",
                  &rp->conf->tags_header);
}


static void
ngx_http_gateway_zipkin_report_proxy(ngx_http_gateway_zipkin_report_t *rp)
{
    u_char                          *p;
    int64_t                          start, header, body;
    in_port_t                        port;
    ngx_str_t                        host;
    ngx_http_gateway_try_t          *t;
    ngx_http_gateway_zipkin_data_t  *data = rp->data;

    ngx_http_gateway_zipkin_begin(rp, "CLIENT", data->proxy_id,
                                  data->trace.span_id);

    p = ngx_pnalloc(rp->request->pool, rp->name.len + sizeof(" (proxy)"));
    if (p == NULL) {
        return;
    }

    rp->span->name.data = p;
    rp->span->name.len = ngx_sprintf(p, "%V (proxy)", &rp->name) - p;

    header = data->has_header
             ? ngx_http_gateway_zipkin_time(rp, data->header) : rp->now;
    body = data->has_body ? ngx_http_gateway_zipkin_time(rp, data->body)
                          : rp->now;
    start = data->has_access ? ngx_http_gateway_zipkin_time(rp, data->access)
                             : header;

    rp->span->start = start;
    rp->span->end = rp->body_end;

    if (rp->conf->duration_tags) {

        if (data->has_access) {
            ngx_http_gateway_zipkin_number(rp, "kong.access.duration_ms",
                                           rp->access_end - start);
        }

        if (data->has_header) {
            ngx_http_gateway_zipkin_number(rp,
                                           "kong.header_filter.duration_ms",
                                           body - header);
        }

        if (data->has_body) {
            ngx_http_gateway_zipkin_number(rp, "kong.body_filter.duration_ms",
                                           rp->body_end - body);
        }

    } else {

        if (data->has_header) {
            ngx_http_gateway_zipkin_note(rp, "khs", header);
        }

        if (data->has_body) {
            ngx_http_gateway_zipkin_note(rp, "khf", body);
            ngx_http_gateway_zipkin_note(rp, "kbs", body);
        }

        ngx_http_gateway_zipkin_note(rp, "kas", start);
        ngx_http_gateway_zipkin_note(rp, "kaf", rp->access_end);

        if (!data->has_body) {
            ngx_http_gateway_zipkin_note(rp, "khf", rp->now);
        }

        ngx_http_gateway_zipkin_note(rp, "kbf", rp->now);
    }

    if (rp->tries && rp->tries->nelts) {
        t = (ngx_http_gateway_try_t *) rp->tries->elts + rp->tries->nelts - 1;

        rp->span->ip = t->ip;
        rp->span->port = t->port;

        if (rp->ctx->service) {
            (void) ngx_http_gateway_upstream_goes_to(rp->ctx, &host, &port);
            ngx_http_gateway_zipkin_tag(rp, "peer.hostname", &host);
        }
    }

    ngx_http_gateway_zipkin_route_tags(rp);
    ngx_http_gateway_zipkin_end(rp);
}


static void
ngx_http_gateway_zipkin_report_try(ngx_http_gateway_zipkin_report_t *rp,
    ngx_uint_t i)
{
    u_char                   id[NGX_HTTP_GATEWAY_SPAN_ID_LEN], *p;
    ngx_str_t                state;
    ngx_http_gateway_try_t  *t;

    static ngx_str_t  yes = ngx_string("true");

    t = (ngx_http_gateway_try_t *) rp->tries->elts + i;

    ngx_http_gateway_trace_random(id, sizeof(id));
    ngx_http_gateway_zipkin_begin(rp, "CLIENT", id, rp->data->trace.span_id);

    p = ngx_pnalloc(rp->request->pool, rp->name.len + NGX_INT_T_LEN
                                       + sizeof(" (balancer try )"));
    if (p == NULL) {
        return;
    }

    rp->span->name.data = p;
    rp->span->name.len = ngx_sprintf(p, "%V (balancer try %ui)", &rp->name,
                                     i + 1)
                         - p;

    rp->span->start = t->start;
    rp->span->end = t->start + (int64_t) t->connect;
    rp->span->ip = t->ip;
    rp->span->port = t->port;

    ngx_http_gateway_zipkin_number(rp, "kong.balancer.try", (int64_t) i + 1);

    if (t->failed) {
        ngx_http_gateway_zipkin_tag(rp, "error", &yes);

        if (t->answered) {
            ngx_str_set(&state, "next");

        } else {
            ngx_str_set(&state, "failed");
        }

        ngx_http_gateway_zipkin_tag(rp, "kong.balancer.state", &state);
        ngx_http_gateway_zipkin_number(rp, "http.status_code",
                                       (int64_t) t->code);
    }

    ngx_http_gateway_zipkin_route_tags(rp);
    ngx_http_gateway_zipkin_end(rp);
}


/* an entity without a name is named by its id here, which is no name */

static void
ngx_http_gateway_zipkin_route_tags(ngx_http_gateway_zipkin_report_t *rp)
{
    ngx_http_gateway_ctx_t  *ctx = rp->ctx;

    if (ctx->service && ctx->service->id.len) {
        ngx_http_gateway_zipkin_tag(rp, "kong.service", &ctx->service->id);

        if (ctx->service->name.len != ctx->service->id.len
            || ngx_memcmp(ctx->service->name.data, ctx->service->id.data,
                          ctx->service->id.len)
               != 0)
        {
            rp->span->service = ctx->service->name;
            ngx_http_gateway_zipkin_tag(rp, "kong.service_name",
                                        &ctx->service->name);
        }
    }

    if (ctx->route && ctx->route->id.len) {
        ngx_http_gateway_zipkin_tag(rp, "kong.route", &ctx->route->id);

        if (ctx->route->name.len != ctx->route->id.len
            || ngx_memcmp(ctx->route->name.data, ctx->route->id.data,
                          ctx->route->id.len)
               != 0)
        {
            ngx_http_gateway_zipkin_tag(rp, "kong.route_name",
                                        &ctx->route->name);
        }
    }
}


static int64_t
ngx_http_gateway_zipkin_time(ngx_http_gateway_zipkin_report_t *rp,
    ngx_msec_t msec)
{
    return rp->start + (ngx_msec_int_t) (msec - rp->ctx->start);
}


static void
ngx_http_gateway_zipkin_begin(ngx_http_gateway_zipkin_report_t *rp,
    const char *kind, u_char *id, u_char *parent)
{
    ngx_http_gateway_zipkin_span_t  *span = rp->span;

    span->kind = kind;
    span->id = id;
    span->parent = parent;
    span->port = 0;
    span->ntags = 0;
    span->nnotes = 0;
    ngx_str_null(&span->ip);
    ngx_str_null(&span->service);
}


static void
ngx_http_gateway_zipkin_tag(ngx_http_gateway_zipkin_report_t *rp,
    const char *name, ngx_str_t *value)
{
    ngx_str_t  s;

    s.data = (u_char *) name;
    s.len = ngx_strlen(name);

    ngx_http_gateway_zipkin_set(rp, &s, value);
}


/* the last one of a name counts; empty ones Zipkin does not take */

static void
ngx_http_gateway_zipkin_set(ngx_http_gateway_zipkin_report_t *rp,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_uint_t                      i;
    ngx_http_gateway_zipkin_tag_t  *tag;

    if (value->len == 0) {
        return;
    }

    for (i = 0; i < rp->span->ntags; i++) {
        tag = &rp->span->tags[i];

        if (tag->name.len == name->len
            && ngx_memcmp(tag->name.data, name->data, name->len) == 0)
        {
            tag->value = *value;
            return;
        }
    }

    if (i < NGX_HTTP_GATEWAY_ZIPKIN_TAGS) {
        tag = &rp->span->tags[rp->span->ntags++];
        tag->name = *name;
        tag->value = *value;
    }
}


static void
ngx_http_gateway_zipkin_number(ngx_http_gateway_zipkin_report_t *rp,
    const char *name, int64_t value)
{
    ngx_str_t  s;

    s.data = ngx_pnalloc(rp->request->pool, NGX_INT64_LEN);

    if (s.data) {
        s.len = ngx_sprintf(s.data, "%L", ngx_max(value, 0)) - s.data;
        ngx_http_gateway_zipkin_tag(rp, name, &s);
    }
}


static void
ngx_http_gateway_zipkin_note(ngx_http_gateway_zipkin_report_t *rp,
    const char *value, int64_t time)
{
    ngx_http_gateway_zipkin_note_t  *note;

    note = &rp->span->notes[rp->span->nnotes++];
    note->value = value;
    note->time = time;
}


static void
ngx_http_gateway_zipkin_end(ngx_http_gateway_zipkin_report_t *rp)
{
    u_char                          *p;
    size_t                           size;
    ngx_str_t                        json, service;
    ngx_uint_t                       i;
    ngx_http_gateway_trace_t        *t = &rp->data->trace;
    ngx_http_gateway_zipkin_span_t  *span = rp->span;

    service = span->service.len ? span->service
                                : rp->conf->default_service_name;

    /* a byte takes up to six */

    size = 1024 + 6 * (span->name.len + service.len + span->ip.len
                       + rp->conf->local_service_name.len)
           + span->nnotes * 64;

    for (i = 0; i < span->ntags; i++) {
        size += 8 + 6 * (span->tags[i].name.len + span->tags[i].value.len);
    }

    p = ngx_pnalloc(rp->request->pool, size);
    if (p == NULL) {
        return;
    }

    json.data = p;

    p = ngx_cpymem(p, "{\"traceId\":\"", sizeof("{\"traceId\":\"") - 1);
    p = ngx_http_gateway_trace_hex(p, t->trace_id
                                      + NGX_HTTP_GATEWAY_TRACE_ID_LEN
                                      - rp->data->bytes, rp->data->bytes);
    p = ngx_cpymem(p, "\",\"name\":", sizeof("\",\"name\":") - 1);
    p = ngx_http_gateway_zipkin_quote(p, &span->name);

    if (span->parent) {
        p = ngx_cpymem(p, ",\"parentId\":\"", sizeof(",\"parentId\":\"") - 1);
        p = ngx_http_gateway_trace_hex(p, span->parent,
                                       NGX_HTTP_GATEWAY_SPAN_ID_LEN);
        *p++ = '"';
    }

    p = ngx_cpymem(p, ",\"id\":\"", sizeof(",\"id\":\"") - 1);
    p = ngx_http_gateway_trace_hex(p, span->id, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    p = ngx_sprintf(p, "\",\"kind\":\"%s\",\"timestamp\":%L,\"duration\":%L,"
                    "\"localEndpoint\":{\"serviceName\":",
                    span->kind, span->start * 1000,
                    ngx_max(span->end - span->start, 0) * 1000);
    p = ngx_http_gateway_zipkin_quote(p, &rp->conf->local_service_name);
    p = ngx_cpymem(p, "},\"remoteEndpoint\":",
                   sizeof("},\"remoteEndpoint\":") - 1);

    if (service.len || span->port) {
        *p++ = '{';

        if (service.len) {
            p = ngx_cpymem(p, "\"serviceName\":",
                           sizeof("\"serviceName\":") - 1);
            p = ngx_http_gateway_zipkin_quote(p, &service);
            *p++ = ',';
        }

        if (span->ip.len) {
            p = ngx_sprintf(p, "\"ipv%s\":",
                            ngx_strlchr(span->ip.data,
                                        span->ip.data + span->ip.len, ':')
                            ? "6" : "4");
            p = ngx_http_gateway_zipkin_quote(p, &span->ip);
            *p++ = ',';
        }

        if (span->port) {
            p = ngx_sprintf(p, "\"port\":%ui,", span->port);
        }

        p[-1] = '}';

    } else {
        p = ngx_cpymem(p, "null", 4);
    }

    if (span->ntags) {
        p = ngx_cpymem(p, ",\"tags\":{", sizeof(",\"tags\":{") - 1);

        for (i = 0; i < span->ntags; i++) {
            p = ngx_http_gateway_zipkin_quote(p, &span->tags[i].name);
            *p++ = ':';
            p = ngx_http_gateway_zipkin_quote(p, &span->tags[i].value);
            *p++ = ',';
        }

        p[-1] = '}';
    }

    if (span->nnotes) {
        p = ngx_cpymem(p, ",\"annotations\":[",
                       sizeof(",\"annotations\":[") - 1);

        for (i = 0; i < span->nnotes; i++) {
            p = ngx_sprintf(p, "{\"value\":\"%s\",\"timestamp\":%L},",
                            span->notes[i].value, span->notes[i].time * 1000);
        }

        p[-1] = ']';
    }

    *p++ = '}';
    json.len = p - json.data;

    ngx_http_gateway_trace_export(&rp->conf->export, &json);
}


/* bytes that are not UTF-8 become U+FFFD */

static u_char *
ngx_http_gateway_zipkin_quote(u_char *p, ngx_str_t *s)
{
    u_char    *start, *pos, *last;
    uint32_t   c;

    *p++ = '"';

    pos = s->data;
    last = pos + s->len;

    while (pos < last) {

        if (*pos < 0x80) {

            if (*pos == 0x7f) {
                *p++ = *pos;

            } else {
                p = (u_char *) ngx_escape_json(p, pos, 1);
            }

            pos++;
            continue;
        }

        start = pos;
        c = ngx_utf8_decode(&pos, last - pos);

        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            p = ngx_cpymem(p, "\\ufffd", 6);
            pos = start + 1;
            continue;
        }

        p = ngx_cpymem(p, start, pos - start);
    }

    *p++ = '"';

    return p;
}


static ngx_uint_t
ngx_http_gateway_zipkin_variable(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_str_t                   s;
    ngx_uint_t                  key;
    ngx_http_variable_value_t  *v;

    s.data = (u_char *) name;
    s.len = ngx_strlen(name);
    key = ngx_hash_key(s.data, s.len);

    v = ngx_http_get_variable(r, &s, key);

    if (v == NULL || v->not_found) {
        return 0;
    }

    value->data = v->data;
    value->len = v->len;

    return 1;
}


ngx_int_t
ngx_http_gateway_zipkin_encode(ngx_http_gateway_trace_export_t *ex,
    ngx_str_t *entries, ngx_uint_t n, ngx_http_gateway_fetch_t *f)
{
    u_char      *p;
    size_t       size;
    ngx_uint_t   i;

    for (i = 0, size = 2; i < n; i++) {
        size += entries[i].len + 1;
    }

    p = ngx_pnalloc(f->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    f->body.data = p;
    *p++ = '[';

    for (i = 0; i < n; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, entries[i].data, entries[i].len);
    }

    *p++ = ']';
    f->body.len = p - f->body.data;

    return NGX_OK;
}
