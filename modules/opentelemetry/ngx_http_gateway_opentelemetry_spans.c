
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Spans in protobuf, as OTLP 1 has them.
 */


#include "ngx_http_gateway_opentelemetry.h"
#include "ngx_http_gateway_otlp.h"
#include "ngx_http_gateway_tries.h"
#include "ngx_http_gateway_upstream.h"


#define NGX_HTTP_GATEWAY_OTLP_INTERNAL  1
#define NGX_HTTP_GATEWAY_OTLP_SERVER    2
#define NGX_HTTP_GATEWAY_OTLP_CLIENT    3


/* what the spans of a request are made of */
typedef struct {
    ngx_http_request_t                     *request;
    ngx_http_gateway_ctx_t                 *ctx;
    ngx_http_gateway_opentelemetry_conf_t  *conf;
    ngx_http_gateway_opentelemetry_data_t  *data;
    ngx_http_gateway_otlp_t                 out;    /* one span */
    ngx_str_t                               resource;
    ngx_array_t                            *tries;
    uint64_t                                now;
} ngx_http_gateway_otlp_report_t;


static void ngx_http_gateway_otlp_request(ngx_http_gateway_otlp_report_t *rp);
static void ngx_http_gateway_otlp_part(ngx_http_gateway_otlp_report_t *rp,
    ngx_http_gateway_span_t *span, ngx_uint_t first);
static void ngx_http_gateway_otlp_try(ngx_http_gateway_otlp_report_t *rp,
    ngx_uint_t i);
static void ngx_http_gateway_otlp_begin(ngx_http_gateway_otlp_report_t *rp,
    const u_char *id, const u_char *parent, ngx_str_t *name, ngx_uint_t kind,
    uint64_t start, uint64_t end);
static void ngx_http_gateway_otlp_end(ngx_http_gateway_otlp_report_t *rp);
static void ngx_http_gateway_otlp_failed(ngx_http_gateway_otlp_report_t *rp);
static ngx_int_t ngx_http_gateway_otlp_variable(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);


void
ngx_http_gateway_opentelemetry_report(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf,
    ngx_http_gateway_opentelemetry_data_t *data)
{
    ngx_uint_t                       i;
    ngx_http_gateway_spans_t        *spans;
    ngx_http_gateway_otlp_report_t   rp;

    ngx_memzero(&rp, sizeof(ngx_http_gateway_otlp_report_t));

    rp.request = r;
    rp.conf = conf;
    rp.data = data;
    rp.out.pool = r->pool;
    rp.now = ngx_http_gateway_trace_now();
    rp.ctx = ngx_http_gateway_get_ctx(r);

    if (rp.ctx == NULL
        || ngx_http_gateway_tries(r, rp.ctx, &rp.tries) != NGX_OK
        || ngx_http_gateway_opentelemetry_resource(r, conf, &rp.resource)
           != NGX_OK)
    {
        return;
    }

    if (data->tracing & NGX_HTTP_GATEWAY_TRACING_REQUEST) {
        ngx_http_gateway_otlp_request(&rp);
    }

    spans = rp.ctx->spans;

    for (i = 0; spans && i < spans->n; i++) {
        ngx_http_gateway_otlp_part(&rp, &spans->span[i], i == 0);
    }

    if (data->tracing & NGX_HTTP_GATEWAY_TRACING_BALANCER) {
        for (i = 0; rp.tries && i < rp.tries->nelts; i++) {
            ngx_http_gateway_otlp_try(&rp, i);
        }
    }
}


static void
ngx_http_gateway_otlp_request(ngx_http_gateway_otlp_report_t *rp)
{
    u_char                   *p;
    uint64_t                  start;
    ngx_str_t                 host, scheme, uri, s;
    ngx_http_request_t       *r = rp->request;
    ngx_http_gateway_ctx_t   *ctx = rp->ctx;
    ngx_http_gateway_otlp_t  *out = &rp->out;

    static ngx_str_t  name = ngx_string("kong");
    static ngx_str_t  flavors[] = { ngx_string("1.0"), ngx_string("1.1"),
                                    ngx_string("2.0"), ngx_string("3.0") };

    start = ((uint64_t) r->start_sec * 1000 + r->start_msec) * 1000000;

    ngx_http_gateway_otlp_begin(rp, rp->data->root,
                                rp->data->trace.has_parent
                                ? rp->data->trace.parent_id : NULL,
                                &name, NGX_HTTP_GATEWAY_OTLP_SERVER, start,
                                rp->now);

    ngx_str_null(&host);
    ngx_str_set(&scheme, "http");
    (void) ngx_http_gateway_otlp_variable(r, "host", &host);

    if (ngx_http_gateway_is_https(r)) {
        ngx_str_set(&scheme, "https");
    }

    uri = r->unparsed_uri;

    p = ngx_pnalloc(r->pool, scheme.len + sizeof("://") + host.len + uri.len
                             + ctx->target.len + ctx->query.len);
    if (p == NULL) {
        return;
    }

    s.data = p;

    if (ctx->target.len) {
        p = ngx_sprintf(p, "%V://%V%V%V", &scheme, &host, &ctx->target,
                        &ctx->query);

    } else {
        p = ngx_sprintf(p, "%V://%V%V", &scheme, &host, &uri);
    }

    s.len = p - s.data;

    ngx_http_gateway_otlp_text(out, 9, "http.method", &ctx->method_name);
    ngx_http_gateway_otlp_text(out, 9, "http.url", &s);
    ngx_http_gateway_otlp_text(out, 9, "http.host", &host);
    ngx_http_gateway_otlp_text(out, 9, "http.scheme", &scheme);
    ngx_http_gateway_otlp_text(out, 9, "http.flavor",
                               &flavors[r->http_version >= 3000 ? 3
                                        : r->http_version >= 2000 ? 2
                                        : r->http_version > 1000 ? 1 : 0]);
    ngx_http_gateway_otlp_text(out, 9, "http.client_ip",
                               &r->connection->addr_text);
    ngx_http_gateway_otlp_text(out, 9, "net.peer.ip",
                               ctx->peer_addr.len ? &ctx->peer_addr
                                                  : &r->connection->addr_text);

    ngx_http_gateway_request_id(ctx, &s);
    ngx_http_gateway_otlp_text(out, 9, "kong.request.id", &s);

    ngx_http_gateway_otlp_integer(out, "http.status_code",
                                  r->err_status ? r->err_status
                                                : r->headers_out.status);

    ngx_str_set(&s, "");

    if (ctx->route) {
        (void) ngx_http_gateway_route_first_path(ctx->route, &s);
    }

    ngx_http_gateway_otlp_text(out, 9, "http.route", &s);
    ngx_http_gateway_otlp_end(rp);
}


/* policies are called what plugins are */

static void
ngx_http_gateway_otlp_part(ngx_http_gateway_otlp_report_t *rp,
    ngx_http_gateway_span_t *span, ngx_uint_t first)
{
    u_char                    id[NGX_HTTP_GATEWAY_SPAN_ID_LEN], *p, *parent;
    size_t                    i, prefix;
    in_port_t                 port;
    ngx_str_t                 name, host;
    ngx_uint_t                request;
    ngx_http_gateway_try_t   *t;

    static ngx_str_t  router = ngx_string("kong.router");
    static ngx_str_t  dns = ngx_string("kong.dns");

    request = rp->data->tracing & NGX_HTTP_GATEWAY_TRACING_REQUEST;
    parent = request ? rp->data->root : NULL;

    if (!request && first) {

        /* it stands for the request */

        ngx_memcpy(id, rp->data->root, sizeof(id));

        if (rp->data->trace.has_parent) {
            parent = rp->data->trace.parent_id;
        }

    } else {
        ngx_http_gateway_trace_random(id, sizeof(id));
    }

    name = (span->kind == NGX_HTTP_GATEWAY_TRACING_ROUTER) ? router : dns;

    if (span->policy) {

        p = ngx_pnalloc(rp->request->pool,
                        sizeof("kong.header_filter.plugin.") - 1
                        + span->policy->name.len);
        if (p == NULL) {
            return;
        }

        name.data = p;
        p = ngx_sprintf(p, "kong.%s.plugin.",
                        span->kind == NGX_HTTP_GATEWAY_TRACING_PLUGIN_HEADER
                        ? "header_filter" : "access");
        prefix = p - name.data;
        name.len = prefix + span->policy->name.len;

        for (i = 0; i < span->policy->name.len; i++) {
            *p++ = span->policy->name.data[i] == '_'
                   ? '-' : span->policy->name.data[i];
        }
    }

    ngx_http_gateway_otlp_begin(rp, id, parent, &name,
                                span->kind
                                == NGX_HTTP_GATEWAY_TRACING_DNS_QUERY
                                ? NGX_HTTP_GATEWAY_OTLP_CLIENT
                                : NGX_HTTP_GATEWAY_OTLP_INTERNAL,
                                span->start, span->end ? span->end : rp->now);

    if (span->kind == NGX_HTTP_GATEWAY_TRACING_DNS_QUERY
        && rp->ctx->service)
    {
        (void) ngx_http_gateway_upstream_goes_to(rp->ctx, &host, &port);

        ngx_http_gateway_otlp_text(&rp->out, 9, "dns.record.domain", &host);
        ngx_http_gateway_otlp_number(&rp->out, "dns.record.port", port);

        if (rp->tries && rp->tries->nelts) {
            t = rp->tries->elts;
            ngx_http_gateway_otlp_text(&rp->out, 9, "dns.record.ip", &t->ip);

        } else {
            ngx_http_gateway_otlp_failed(rp);
        }
    }

    ngx_http_gateway_otlp_end(rp);
}


static void
ngx_http_gateway_otlp_try(ngx_http_gateway_otlp_report_t *rp, ngx_uint_t i)
{
    u_char                   id[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    uint64_t                 start, end;
    in_port_t                port;
    ngx_str_t                host;
    ngx_http_gateway_try_t  *t;

    static ngx_str_t  name = ngx_string("kong.balancer");

    t = (ngx_http_gateway_try_t *) rp->tries->elts + i;

    start = (uint64_t) t->start * 1000000;

    /* the last one is the one that the upstream was told of */

    if (i + 1 == rp->tries->nelts) {
        ngx_memcpy(id, rp->data->balancer, sizeof(id));
        end = ngx_max(rp->now, start);

    } else {
        ngx_http_gateway_trace_random(id, sizeof(id));
        end = start + (uint64_t) t->connect * 1000000;
    }

    ngx_http_gateway_otlp_begin(rp, id, rp->data->root, &name,
                                NGX_HTTP_GATEWAY_OTLP_CLIENT, start, end);

    ngx_http_gateway_otlp_number(&rp->out, "try_count", (double) i + 1);
    ngx_http_gateway_otlp_text(&rp->out, 9, "net.peer.ip", &t->ip);
    ngx_http_gateway_otlp_number(&rp->out, "net.peer.port", (double) t->port);

    if (rp->ctx->service) {
        (void) ngx_http_gateway_upstream_goes_to(rp->ctx, &host, &port);
        ngx_http_gateway_otlp_text(&rp->out, 9, "net.peer.name", &host);
    }

    if (t->failed) {
        ngx_http_gateway_otlp_integer(&rp->out, "http.status_code", t->code);
        ngx_http_gateway_otlp_failed(rp);
    }

    ngx_http_gateway_otlp_end(rp);
}


static void
ngx_http_gateway_otlp_begin(ngx_http_gateway_otlp_report_t *rp,
    const u_char *id, const u_char *parent, ngx_str_t *name, ngx_uint_t kind,
    uint64_t start, uint64_t end)
{
    ngx_http_gateway_otlp_t  *out = &rp->out;

    out->pos = out->start;
    out->failed = 0;

    ngx_http_gateway_otlp_bytes(out, 1, rp->data->trace.trace_id,
                                NGX_HTTP_GATEWAY_TRACE_ID_LEN);
    ngx_http_gateway_otlp_bytes(out, 2, id, NGX_HTTP_GATEWAY_SPAN_ID_LEN);

    if (parent) {
        ngx_http_gateway_otlp_bytes(out, 4, parent,
                                    NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    }

    ngx_http_gateway_otlp_bytes(out, 5, name->data, name->len);

    ngx_http_gateway_otlp_varint(out, 6 << 3);
    ngx_http_gateway_otlp_varint(out, kind);

    ngx_http_gateway_otlp_fixed64(out, 7, start);
    ngx_http_gateway_otlp_fixed64(out, 8, end);
}


static void
ngx_http_gateway_otlp_end(ngx_http_gateway_otlp_report_t *rp)
{
    ngx_str_t  entry;

    if (rp->out.failed) {
        return;
    }

    entry.data = rp->out.start;
    entry.len = rp->out.pos - rp->out.start;

    ngx_http_gateway_opentelemetry_export(rp->request, rp->conf,
                                          &rp->conf->export, &rp->resource,
                                          &entry);
}


/* status: error */

static void
ngx_http_gateway_otlp_failed(ngx_http_gateway_otlp_report_t *rp)
{
    size_t  message;

    message = ngx_http_gateway_otlp_open(&rp->out, 15);
    ngx_http_gateway_otlp_varint(&rp->out, 3 << 3);
    ngx_http_gateway_otlp_varint(&rp->out, 2);
    ngx_http_gateway_otlp_close(&rp->out, message);
}


static ngx_int_t
ngx_http_gateway_otlp_variable(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_str_t                   s;
    ngx_http_variable_value_t  *v;

    s.data = (u_char *) name;
    s.len = ngx_strlen(name);

    v = ngx_http_get_variable(r, &s, ngx_hash_key(s.data, s.len));

    if (v == NULL || v->not_found) {
        return NGX_DECLINED;
    }

    value->data = v->data;
    value->len = v->len;

    return NGX_OK;
}
