
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The log record of a request, which all policies that log send: one JSON
 * object, written in one pass into the memory of the request.  Only with
 * custom fields is it read back and changed as a tree.  Bytes that are not
 * UTF-8 become U+FFFD, so that what is written is JSON whatever came in.
 */


#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_trace.h"
#include "ngx_http_gateway_tries.h"
#include "gateway_custom_field.h"

#include <jansson.h>


#define NGX_HTTP_GATEWAY_RECORD_SIZE   4096                 /* at first */
#define NGX_HTTP_GATEWAY_RECORD_MAX    (2 * 1024 * 1024)

/* headers or arguments that a record has, as in Kong */
#define NGX_HTTP_GATEWAY_RECORD_PAIRS  100

/* what is written; the last byte written tells if a comma is due */
typedef struct {
    u_char                          *start;
    u_char                          *pos;
    u_char                          *end;
    ngx_http_request_t              *request;
    unsigned                         failed:1;
} ngx_http_gateway_record_t;


/* one custom field */
typedef struct {
    ngx_array_t                      path;      /* ngx_str_t */
    ngx_str_t                        name;      /* as configured */
    gateway_custom_field_kind_e      kind;
    ngx_str_t                        text;      /* headers: in lower case */
} ngx_http_gateway_record_field_t;


typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        value;
    unsigned                         bare:1;    /* argument without a "=" */
    unsigned                         done:1;
} ngx_http_gateway_record_pair_t;


typedef struct {
    ngx_uint_t                       n;
    ngx_http_gateway_record_pair_t   pair[NGX_HTTP_GATEWAY_RECORD_PAIRS];
} ngx_http_gateway_record_pairs_t;


static void ngx_http_gateway_record_request(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_record_uri(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx, ngx_str_t *uri);
static void ngx_http_gateway_record_url(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_str_t *uri);
static void ngx_http_gateway_record_args(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_record_tls(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r);
static void ngx_http_gateway_record_headers_in(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_record_pairs_t *pairs);
static void ngx_http_gateway_record_response(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r);
static void ngx_http_gateway_record_headers_out(ngx_http_request_t *r,
    ngx_http_gateway_record_pairs_t *pairs);
static void ngx_http_gateway_record_latencies(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_record_tries(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_record_entities(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_record_trace(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_record_route(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_route_t *route);
static void ngx_http_gateway_record_service(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_service_t *service);
static void ngx_http_gateway_record_consumer(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_consumer_t *consumer);

static ngx_int_t ngx_http_gateway_record_customize(
    ngx_http_gateway_record_t *rec, ngx_array_t *fields);
static void ngx_http_gateway_record_set(ngx_http_request_t *r, json_t *root,
    ngx_http_gateway_record_field_t *field);
static ngx_uint_t ngx_http_gateway_record_value(ngx_http_request_t *r,
    ngx_http_gateway_record_field_t *field, ngx_str_t *value);
static int ngx_http_gateway_record_dump(const char *text, size_t len,
    void *data);

static ngx_http_gateway_record_pair_t *ngx_http_gateway_record_pair(
    ngx_http_gateway_record_pairs_t *pairs, ngx_str_t *name,
    ngx_str_t *value);
static void ngx_http_gateway_record_pairs(ngx_http_gateway_record_t *rec,
    const char *name, ngx_http_gateway_record_pairs_t *pairs,
    ngx_uint_t any_case);
static void ngx_http_gateway_record_comma(ngx_http_gateway_record_t *rec);
static void ngx_http_gateway_record_key(ngx_http_gateway_record_t *rec,
    const char *name);
static void ngx_http_gateway_record_open(ngx_http_gateway_record_t *rec,
    const char *name, const char *bracket);
static void ngx_http_gateway_record_string(ngx_http_gateway_record_t *rec,
    const char *name, ngx_str_t *value);
static void ngx_http_gateway_record_cstring(ngx_http_gateway_record_t *rec,
    const char *name, const char *value);
static void ngx_http_gateway_record_number(ngx_http_gateway_record_t *rec,
    const char *name, int64_t value);
static void ngx_http_gateway_record_bool(ngx_http_gateway_record_t *rec,
    const char *name, ngx_uint_t value);
static ngx_uint_t ngx_http_gateway_record_variable(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static void ngx_http_gateway_record_quote(ngx_http_gateway_record_t *rec,
    ngx_str_t *value, ngx_uint_t name, ngx_uint_t lower);
static size_t ngx_http_gateway_record_utf8(const u_char *p, size_t len);
static void ngx_http_gateway_record_put(ngx_http_gateway_record_t *rec,
    const void *data, size_t len);


ngx_int_t
ngx_http_gateway_record(ngx_http_request_t *r,
    ngx_http_gateway_record_conf_t *rcf, ngx_str_t *record)
{
    ngx_str_t                   s;
    ngx_http_gateway_ctx_t     *ctx;
    ngx_http_gateway_record_t   rec;

    ngx_memzero(&rec, sizeof(ngx_http_gateway_record_t));
    rec.request = r;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_record_put(&rec, "{", 1);

    ngx_http_gateway_record_request(&rec, r, ctx);

    if (ctx->proxied) {
        ngx_http_gateway_record_string(&rec, "upstream_uri",
                                       &r->unparsed_uri);

    } else if (r->upstream) {
        ngx_http_gateway_record_string(&rec, "upstream_uri",
                                       &r->upstream->uri);

    } else {
        ngx_http_gateway_record_cstring(&rec, "upstream_uri", "");
    }

    if (!ngx_http_gateway_record_variable(r, "upstream_status", &s)) {
        ngx_str_set(&s, "");
    }

    ngx_http_gateway_record_string(&rec, "upstream_status", &s);

    ngx_http_gateway_record_response(&rec, r);
    ngx_http_gateway_record_latencies(&rec, r, ctx);
    ngx_http_gateway_record_tries(&rec, r, ctx);
    ngx_http_gateway_record_entities(&rec, ctx);

    ngx_http_gateway_record_string(&rec, "client_ip",
                                   &r->connection->addr_text);
    ngx_http_gateway_record_number(&rec, "started_at",
                            (int64_t) r->start_sec * 1000 + r->start_msec);

    ngx_http_gateway_record_cstring(&rec, "source",
                                    !ctx->answered && r->upstream
                                    && r->upstream->state
                                    && r->upstream->state->header_time
                                       != (ngx_msec_t) -1
                                    ? "upstream" : "kong");

    ngx_http_gateway_record_cstring(&rec, "workspace",
                                    NGX_HTTP_GATEWAY_RECORD_WORKSPACE);
    ngx_http_gateway_record_cstring(&rec, "workspace_name", "default");

    ngx_http_gateway_record_trace(&rec, ctx);

    if (ngx_http_gateway_record_variable(r, "gateway_correlation_id", &s)) {
        ngx_http_gateway_record_string(&rec, "correlation_id", &s);
    }

    ngx_http_gateway_record_put(&rec, "}", 1);

    if (!rec.failed && rcf->fields) {
        if (ngx_http_gateway_record_customize(&rec, rcf->fields) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* room for the line feed */

    ngx_http_gateway_record_put(&rec, "\n", 1);

    if (rec.failed) {
        return NGX_ERROR;
    }

    record->data = rec.start;
    record->len = rec.pos - rec.start - 1;

    return NGX_OK;
}


static void
ngx_http_gateway_record_request(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx)
{
    ngx_str_t                         id, uri;
    ngx_http_gateway_record_pairs_t   pairs;

    ngx_http_gateway_record_open(rec, "request", "{");

    ngx_http_gateway_request_id(ctx, &id);
    ngx_http_gateway_record_string(rec, "id", &id);

    ngx_http_gateway_record_uri(rec, r, ctx, &uri);
    ngx_http_gateway_record_string(rec, "uri", &uri);
    ngx_http_gateway_record_url(rec, r, &uri);
    ngx_http_gateway_record_args(rec, r, ctx);

    ngx_http_gateway_record_string(rec, "method",
                                   ctx->method_name.len ? &ctx->method_name
                                                        : &r->method_name);

    ngx_http_gateway_record_headers_in(r, ctx, &pairs);
    ngx_http_gateway_record_pairs(rec, "headers", &pairs, 1);

    ngx_http_gateway_record_number(rec, "size", r->request_length);

    ngx_http_gateway_record_tls(rec, r);

    ngx_http_gateway_record_put(rec, "}", 1);
}


/* as the client sent it, although nginx's may be the upstream's by now */

static void
ngx_http_gateway_record_uri(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx, ngx_str_t *uri)
{
    u_char  *p;

    *uri = r->unparsed_uri;

    if (ctx->target.len == 0) {
        return;
    }

    p = ngx_pnalloc(r->pool, ctx->target.len + ctx->query.len);
    if (p == NULL) {
        rec->failed = 1;
        return;
    }

    uri->data = p;
    uri->len = ctx->target.len + ctx->query.len;

    p = ngx_cpymem(p, ctx->target.data, ctx->target.len);

    if (ctx->query.len) {
        ngx_memcpy(p, ctx->query.data, ctx->query.len);
    }
}


/* the port is the listener's, whatever the client wrote */

static void
ngx_http_gateway_record_url(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_str_t *uri)
{
    ngx_str_t  scheme, host, url;

    ngx_str_set(&host, "");
    ngx_str_set(&scheme, "http");

    (void) ngx_http_gateway_record_variable(r, "scheme", &scheme);
    (void) ngx_http_gateway_record_variable(r, "host", &host);

    url.data = ngx_pnalloc(r->pool, scheme.len + sizeof("://:65535") - 1
                                    + host.len + uri->len);
    if (url.data == NULL) {
        rec->failed = 1;
        return;
    }

    url.len = ngx_sprintf(url.data, "%V://%V:%ui%V", &scheme, &host,
                          (ngx_uint_t) ngx_http_gateway_port(r), uri)
              - url.data;

    ngx_http_gateway_record_string(rec, "url", &url);
}


static void
ngx_http_gateway_record_args(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx)
{
    ngx_str_t                         args, name, value;
    ngx_http_gateway_arg_t            arg;
    ngx_http_gateway_record_pair_t   *pair;
    ngx_http_gateway_record_pairs_t   pairs;

    pairs.n = 0;
    args = ctx->target.len ? ctx->args : r->args;

    while (pairs.n < NGX_HTTP_GATEWAY_RECORD_PAIRS
           && ngx_http_gateway_arg_next(&args, &arg))
    {
        if (arg.name.len == 0) {
            continue;
        }

        if (ngx_http_gateway_unescape(r->pool, &arg.name, &name) != NGX_OK
            || ngx_http_gateway_unescape(r->pool, &arg.value, &value)
               != NGX_OK)
        {
            rec->failed = 1;
            return;
        }

        pair = ngx_http_gateway_record_pair(&pairs, &name, &value);

        if (pair) {
            pair->bare = arg.bare;
        }
    }

    ngx_http_gateway_record_pairs(rec, "querystring", &pairs, 0);
}


static void
ngx_http_gateway_record_tls(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r)
{
    ngx_str_t  s;

    if (!ngx_http_gateway_record_variable(r, "ssl_protocol", &s)) {
        return;
    }

    ngx_http_gateway_record_open(rec, "tls", "{");
    ngx_http_gateway_record_string(rec, "version", &s);

    if (ngx_http_gateway_record_variable(r, "ssl_cipher", &s)) {
        ngx_http_gateway_record_string(rec, "cipher", &s);
    }

    if (ngx_http_gateway_record_variable(r, "ssl_client_verify", &s)) {
        ngx_http_gateway_record_string(rec, "client_verify", &s);
    }

    ngx_http_gateway_record_put(rec, "}", 1);
}


/* credentials that hold secrets are not shown */

static void
ngx_http_gateway_record_headers_in(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_record_pairs_t *pairs)
{
    ngx_uint_t                       i;
    ngx_list_part_t                 *part;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_record_pair_t  *pair;

    pairs->n = 0;
    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        (void) ngx_http_gateway_record_pair(pairs, &h[i].key, &h[i].value);
    }

    for (i = 0; i < ctx->npending; i++) {
        (void) ngx_http_gateway_record_pair(pairs, &ctx->pending[i].key,
                                            &ctx->pending[i].value);
    }

    for (i = 0; i < pairs->n; i++) {
        pair = &pairs->pair[i];

        if ((pair->name.len == sizeof("authorization") - 1
             && ngx_strncasecmp(pair->name.data, (u_char *) "authorization",
                                pair->name.len)
                == 0)
            || (pair->name.len == sizeof("proxy-authorization") - 1
                && ngx_strncasecmp(pair->name.data,
                                   (u_char *) "proxy-authorization",
                                   pair->name.len)
                   == 0))
        {
            ngx_str_set(&pair->value, "REDACTED");
        }
    }
}


static void
ngx_http_gateway_record_response(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r)
{
    ngx_http_gateway_record_pairs_t  pairs;

    ngx_http_gateway_record_open(rec, "response", "{");

    ngx_http_gateway_record_number(rec, "status",
                                   r->err_status ? r->err_status
                                                 : r->headers_out.status);

    ngx_http_gateway_record_headers_out(r, &pairs);
    ngx_http_gateway_record_pairs(rec, "headers", &pairs, 1);

    ngx_http_gateway_record_number(rec, "size", r->connection->sent);

    ngx_http_gateway_record_put(rec, "}", 1);
}


/* those that nginx makes of fields come before the list */

static void
ngx_http_gateway_record_headers_out(ngx_http_request_t *r,
    ngx_http_gateway_record_pairs_t *pairs)
{
    u_char           *p;
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  type = ngx_string("content-type");
    static ngx_str_t  length = ngx_string("content-length");
    static ngx_str_t  encoding = ngx_string("transfer-encoding");
    static ngx_str_t  connection = ngx_string("connection");
    static ngx_str_t  chunked = ngx_string("chunked");
    static ngx_str_t  keepalive = ngx_string("keep-alive");
    static ngx_str_t  close = ngx_string("close");

    pairs->n = 0;

    if (r->headers_out.status == 0) {
        return;
    }

    value = r->headers_out.content_type;

    if (value.len) {

        if (r->headers_out.content_type_len == value.len
            && r->headers_out.charset.len)
        {
            p = ngx_pnalloc(r->pool, value.len + sizeof("; charset=") - 1
                                     + r->headers_out.charset.len);
            if (p) {
                value.len = ngx_sprintf(p, "%V; charset=%V", &value,
                                        &r->headers_out.charset)
                            - p;
                value.data = p;
            }
        }

        (void) ngx_http_gateway_record_pair(pairs, &type, &value);
    }

    if (r->headers_out.content_length == NULL
        && r->headers_out.content_length_n >= 0)
    {
        value.data = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);

        if (value.data) {
            value.len = ngx_sprintf(value.data, "%O",
                                    r->headers_out.content_length_n)
                        - value.data;
            (void) ngx_http_gateway_record_pair(pairs, &length, &value);
        }
    }

    if (r->chunked) {
        (void) ngx_http_gateway_record_pair(pairs, &encoding, &chunked);
    }

    if (r->http_version < NGX_HTTP_VERSION_20) {
        (void) ngx_http_gateway_record_pair(pairs, &connection,
                                            r->keepalive ? &keepalive
                                                         : &close);
    }

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash) {
            (void) ngx_http_gateway_record_pair(pairs, &h[i].key,
                                                &h[i].value);
        }
    }
}


/* milliseconds; "kong" ends when the last peer was chosen, or with us */

void
ngx_http_gateway_record_times(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_record_times_t *times)
{
    ngx_time_t                 *tp;
    ngx_msec_int_t              request, gateway, proxy, receive;
    ngx_http_upstream_state_t  *state;

    tp = ngx_timeofday();

    request = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                                + (ngx_msec_int_t) (tp->msec - r->start_msec));

    state = (r->upstream && !ctx->answered) ? r->upstream->state : NULL;
    proxy = -1;
    receive = 0;

    if (state && state->header_time != (ngx_msec_t) -1) {
        proxy = (ngx_msec_int_t) state->header_time;

        if (state->response_time != (ngx_msec_t) -1
            && state->response_time > state->header_time)
        {
            receive = (ngx_msec_int_t) (state->response_time
                                        - state->header_time);
        }
    }

    if (ctx->balanced && !ctx->answered) {
        gateway = (ngx_msec_int_t) (ctx->balanced - ctx->start);

    } else if (proxy >= 0) {
        gateway = request - proxy - receive;

    } else {
        gateway = request;
    }

    times->request = ngx_max(request, 0);
    times->gateway = ngx_max(gateway, 0);
    times->proxy = proxy;
    times->receive = receive;
}


static void
ngx_http_gateway_record_latencies(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_record_times_t  times;

    ngx_http_gateway_record_times(r, ctx, &times);

    ngx_http_gateway_record_open(rec, "latencies", "{");
    ngx_http_gateway_record_number(rec, "request", times.request);
    ngx_http_gateway_record_number(rec, "kong", times.gateway);
    ngx_http_gateway_record_number(rec, "proxy", times.proxy);
    ngx_http_gateway_record_number(rec, "receive", times.receive);
    ngx_http_gateway_record_put(rec, "}", 1);
}


static void
ngx_http_gateway_record_tries(ngx_http_gateway_record_t *rec,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx)
{
    ngx_uint_t               i;
    ngx_array_t             *tries;
    ngx_http_gateway_try_t  *t;

    if (ngx_http_gateway_tries(r, ctx, &tries) != NGX_OK) {
        rec->failed = 1;
        return;
    }

    if (tries == NULL) {
        return;
    }

    t = tries->elts;

    ngx_http_gateway_record_open(rec, "tries", "[");

    for (i = 0; i < tries->nelts; i++) {

        ngx_http_gateway_record_open(rec, NULL, "{");
        ngx_http_gateway_record_number(rec, "balancer_start", t[i].start);
        ngx_http_gateway_record_number(rec, "balancer_start_ns",
                                       t[i].start * 1000000);
        ngx_http_gateway_record_number(rec, "balancer_latency", 0);
        ngx_http_gateway_record_number(rec, "balancer_latency_ns", 0);
        ngx_http_gateway_record_string(rec, "ip", &t[i].ip);
        ngx_http_gateway_record_number(rec, "port", (int64_t) t[i].port);

        if (t[i].failed) {
            ngx_http_gateway_record_cstring(rec, "state",
                                            t[i].answered ? "next"
                                                          : "failed");
            ngx_http_gateway_record_number(rec, "code", (int64_t) t[i].code);
        }

        ngx_http_gateway_record_put(rec, "}", 1);
    }

    ngx_http_gateway_record_put(rec, "]", 1);
}


/* the ids that were sent upstream, by format */

static void
ngx_http_gateway_record_trace(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_str_t   format, id;
    ngx_uint_t  n;

    for (n = 0;
         ngx_http_gateway_trace_written(ctx, n, &format, &id) == NGX_OK;
         n++)
    {
        if (n == 0) {
            ngx_http_gateway_record_open(rec, "trace_id", "{");
        }

        ngx_http_gateway_record_string(rec, (char *) format.data, &id);
    }

    if (n) {
        ngx_http_gateway_record_put(rec, "}", 1);
    }
}


static void
ngx_http_gateway_record_entities(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_ctx_t *ctx)
{
    if (ctx->credential) {
        ngx_http_gateway_record_open(rec, "authenticated_entity", "{");
        ngx_http_gateway_record_string(rec, "id", &ctx->credential->id);

        if (ctx->credential->consumer) {
            ngx_http_gateway_record_string(rec, "consumer_id",
                                           &ctx->credential->consumer->id);
        }

        ngx_http_gateway_record_put(rec, "}", 1);
    }

    if (ctx->route) {
        ngx_http_gateway_record_route(rec, ctx->route);
    }

    if (ctx->service) {
        ngx_http_gateway_record_service(rec, ctx->service);
    }

    if (ctx->consumer) {
        ngx_http_gateway_record_consumer(rec, ctx->consumer);
    }
}


static void
ngx_http_gateway_record_route(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_route_t *route)
{
    ngx_uint_t  i;

    static const char  *protocols[] = { "http", "https", "grpc", "grpcs" };

    ngx_http_gateway_record_key(rec, "route");

    if (route->record.len) {
        ngx_http_gateway_record_put(rec, route->record.data,
                                    route->record.len);
        return;
    }

    ngx_http_gateway_record_put(rec, "{", 1);
    ngx_http_gateway_record_string(rec, "id", &route->id);
    ngx_http_gateway_record_string(rec, "name", &route->name);

    ngx_http_gateway_record_open(rec, "protocols", "[");

    for (i = 0; i < 4; i++) {
        if (route->protocols & (1 << i)) {
            ngx_http_gateway_record_cstring(rec, NULL, protocols[i]);
        }
    }

    ngx_http_gateway_record_put(rec, "]", 1);

    ngx_http_gateway_record_bool(rec, "strip_path", route->strip_path);
    ngx_http_gateway_record_bool(rec, "preserve_host", route->preserve_host);
    ngx_http_gateway_record_number(rec, "https_redirect_status_code",
                                   route->https_redirect_status);
    ngx_http_gateway_record_cstring(rec, "path_handling",
                                    route->path_v1 ? "v1" : "v0");

    if (route->service) {
        ngx_http_gateway_record_open(rec, "service", "{");
        ngx_http_gateway_record_string(rec, "id", &route->service->id);
        ngx_http_gateway_record_put(rec, "}", 1);
    }

    ngx_http_gateway_record_put(rec, "}", 1);
}


static void
ngx_http_gateway_record_service(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_service_t *service)
{
    ngx_http_gateway_record_key(rec, "service");

    if (service->record.len) {
        ngx_http_gateway_record_put(rec, service->record.data,
                                    service->record.len);
        return;
    }

    ngx_http_gateway_record_put(rec, "{", 1);
    ngx_http_gateway_record_string(rec, "id", &service->id);
    ngx_http_gateway_record_string(rec, "name", &service->name);
    ngx_http_gateway_record_string(rec, "host", &service->host);
    ngx_http_gateway_record_number(rec, "port", service->port);
    ngx_http_gateway_record_string(rec, "protocol", &service->protocol);

    if (service->path.len) {
        ngx_http_gateway_record_string(rec, "path", &service->path);
    }

    ngx_http_gateway_record_number(rec, "retries", service->retries);
    ngx_http_gateway_record_put(rec, "}", 1);
}


static void
ngx_http_gateway_record_consumer(ngx_http_gateway_record_t *rec,
    ngx_http_gateway_consumer_t *consumer)
{
    ngx_http_gateway_record_key(rec, "consumer");

    if (consumer->record.len) {
        ngx_http_gateway_record_put(rec, consumer->record.data,
                                    consumer->record.len);
        return;
    }

    ngx_http_gateway_record_put(rec, "{", 1);
    ngx_http_gateway_record_string(rec, "id", &consumer->id);

    if (consumer->username.len) {
        ngx_http_gateway_record_string(rec, "username", &consumer->username);
    }

    if (consumer->custom_id.len) {
        ngx_http_gateway_record_string(rec, "custom_id",
                                       &consumer->custom_id);
    }

    ngx_http_gateway_record_put(rec, "}", 1);
}


/* custom fields */

static ngx_int_t
ngx_http_gateway_record_customize(ngx_http_gateway_record_t *rec,
    ngx_array_t *fields)
{
    int                               rc;
    json_t                           *root;
    ngx_uint_t                        i;
    json_error_t                      error;
    ngx_http_gateway_record_field_t  *field;

    root = json_loadb((char *) rec->start, rec->pos - rec->start,
                      JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        ngx_log_error(NGX_LOG_ALERT, rec->request->connection->log, 0,
                      "gateway log record: %s at position %d", error.text,
                      error.position);
        return NGX_ERROR;
    }

    field = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        ngx_http_gateway_record_set(rec->request, root, &field[i]);
    }

    rec->pos = rec->start;

    rc = json_dump_callback(root, ngx_http_gateway_record_dump, rec,
                            JSON_COMPACT);
    json_decref(root);

    return (rc == 0 && !rec->failed) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_gateway_record_set(ngx_http_request_t *r, json_t *root,
    ngx_http_gateway_record_field_t *field)
{
    json_t      *node, *next, *text;
    ngx_str_t    value, *step;
    ngx_uint_t   i;

    node = root;
    step = field->path.elts;

    for (i = 0; i + 1 < field->path.nelts; i++) {
        next = json_object_get(node, (char *) step[i].data);

        if (next == NULL) {
            next = json_object();

            if (next == NULL
                || json_object_set_new(node, (char *) step[i].data, next)
                   != 0)
            {
                return;
            }
        }

        if (!json_is_object(next)) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "gateway log record: custom field \"%V\" is left "
                          "out, \"%V\" of it is no object",
                          &field->name, &step[i]);
            return;
        }

        node = next;
    }

    if (!ngx_http_gateway_record_value(r, field, &value)) {
        (void) json_object_del(node, (char *) step[i].data);
        return;
    }

    text = json_stringn((char *) value.data, value.len);

    if (text == NULL) {
        /* not in UTF-8 */
        (void) json_object_del(node, (char *) step[i].data);
        return;
    }

    (void) json_object_set_new(node, (char *) step[i].data, text);
}


/* 0: nil */

static ngx_uint_t
ngx_http_gateway_record_value(ngx_http_request_t *r,
    ngx_http_gateway_record_field_t *field, ngx_str_t *value)
{
    ngx_str_t                         args;
    ngx_uint_t                        i;
    ngx_table_elt_t                  *h;
    ngx_http_gateway_arg_t            arg;
    ngx_http_gateway_ctx_t           *ctx;
    ngx_http_gateway_record_pair_t   *pair;
    ngx_http_gateway_record_pairs_t   pairs;

    switch (field->kind) {

    case GATEWAY_CUSTOM_FIELD_LITERAL:
        *value = field->text;
        return 1;

    case GATEWAY_CUSTOM_FIELD_REQUEST_HEADER:
        h = ngx_http_gateway_header_in(r, &field->text, 0);

        if (h == NULL) {
            return 0;
        }

        *value = h->value;
        return 1;

    case GATEWAY_CUSTOM_FIELD_QUERY_ARG:
        ctx = ngx_http_gateway_get_ctx(r);
        args = (ctx && ctx->target.len) ? ctx->args : r->args;

        if (ngx_http_gateway_args_find(&args, &field->text, &arg) == 0) {
            return 0;
        }

        if (arg.bare) {
            /* as in the query string of the record: without a value */
            ngx_str_set(value, "true");
            return 1;
        }

        return ngx_http_gateway_unescape(r->pool, &arg.value, value)
               == NGX_OK;

    case GATEWAY_CUSTOM_FIELD_RESPONSE_HEADER:
        ngx_http_gateway_record_headers_out(r, &pairs);

        for (i = 0; i < pairs.n; i++) {
            pair = &pairs.pair[i];

            if (pair->name.len == field->text.len
                && ngx_strncasecmp(pair->name.data, field->text.data,
                                   pair->name.len)
                   == 0)
            {
                *value = pair->value;
                return 1;
            }
        }

        return 0;

    default: /* GATEWAY_CUSTOM_FIELD_NIL */
        return 0;
    }
}


static int
ngx_http_gateway_record_dump(const char *text, size_t len, void *data)
{
    ngx_http_gateway_record_t  *rec = data;

    ngx_http_gateway_record_put(rec, text, len);

    return rec->failed ? -1 : 0;
}


/* writing */

static ngx_http_gateway_record_pair_t *
ngx_http_gateway_record_pair(ngx_http_gateway_record_pairs_t *pairs,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_record_pair_t  *pair;

    if (pairs->n == NGX_HTTP_GATEWAY_RECORD_PAIRS) {
        return NULL;
    }

    pair = &pairs->pair[pairs->n++];

    pair->name = *name;
    pair->value = *value;
    pair->bare = 0;
    pair->done = 0;

    return pair;
}


/* an object; those of one name share it in an array */

static void
ngx_http_gateway_record_pairs(ngx_http_gateway_record_t *rec,
    const char *name, ngx_http_gateway_record_pairs_t *pairs,
    ngx_uint_t any_case)
{
    ngx_uint_t                       i, k, n;
    ngx_http_gateway_record_pair_t  *pair;
    ngx_http_gateway_record_pair_t  *same[NGX_HTTP_GATEWAY_RECORD_PAIRS];

    ngx_http_gateway_record_open(rec, name, "{");

    for (i = 0; i < pairs->n; i++) {

        if (pairs->pair[i].done) {
            continue;
        }

        n = 0;

        for (k = i; k < pairs->n; k++) {
            pair = &pairs->pair[k];

            if (pair->done || pair->name.len != pairs->pair[i].name.len) {
                continue;
            }

            if (any_case
                ? ngx_strncasecmp(pair->name.data, pairs->pair[i].name.data,
                                  pair->name.len)
                : ngx_memcmp(pair->name.data, pairs->pair[i].name.data,
                             pair->name.len))
            {
                continue;
            }

            pair->done = 1;
            same[n++] = pair;
        }

        ngx_http_gateway_record_comma(rec);
        ngx_http_gateway_record_quote(rec, &pairs->pair[i].name, 1, any_case);
        ngx_http_gateway_record_put(rec, n > 1 ? ":[" : ":", n > 1 ? 2 : 1);

        for (k = 0; k < n; k++) {

            if (k) {
                ngx_http_gateway_record_put(rec, ",", 1);
            }

            if (same[k]->bare) {
                ngx_http_gateway_record_put(rec, "true", 4);

            } else {
                ngx_http_gateway_record_quote(rec, &same[k]->value, 0, 0);
            }
        }

        if (n > 1) {
            ngx_http_gateway_record_put(rec, "]", 1);
        }
    }

    ngx_http_gateway_record_put(rec, "}", 1);
}


/* no value ends with an opening bracket: strings end with a quote */

static void
ngx_http_gateway_record_comma(ngx_http_gateway_record_t *rec)
{
    if (!rec->failed && rec->pos[-1] != '{' && rec->pos[-1] != '[') {
        ngx_http_gateway_record_put(rec, ",", 1);
    }
}


/* name is NULL in arrays */

static void
ngx_http_gateway_record_key(ngx_http_gateway_record_t *rec, const char *name)
{
    ngx_http_gateway_record_comma(rec);

    if (name) {
        ngx_http_gateway_record_put(rec, "\"", 1);
        ngx_http_gateway_record_put(rec, name, ngx_strlen(name));
        ngx_http_gateway_record_put(rec, "\":", 2);
    }
}


static void
ngx_http_gateway_record_open(ngx_http_gateway_record_t *rec,
    const char *name, const char *bracket)
{
    ngx_http_gateway_record_key(rec, name);
    ngx_http_gateway_record_put(rec, bracket, 1);
}


static void
ngx_http_gateway_record_string(ngx_http_gateway_record_t *rec,
    const char *name, ngx_str_t *value)
{
    ngx_http_gateway_record_key(rec, name);
    ngx_http_gateway_record_quote(rec, value, 0, 0);
}


static void
ngx_http_gateway_record_cstring(ngx_http_gateway_record_t *rec,
    const char *name, const char *value)
{
    ngx_http_gateway_record_key(rec, name);
    ngx_http_gateway_record_put(rec, "\"", 1);
    ngx_http_gateway_record_put(rec, value, ngx_strlen(value));
    ngx_http_gateway_record_put(rec, "\"", 1);
}


static void
ngx_http_gateway_record_number(ngx_http_gateway_record_t *rec,
    const char *name, int64_t value)
{
    u_char  *p, text[NGX_INT64_LEN];

    p = ngx_sprintf(text, "%L", value);

    ngx_http_gateway_record_key(rec, name);
    ngx_http_gateway_record_put(rec, text, p - text);
}


static void
ngx_http_gateway_record_bool(ngx_http_gateway_record_t *rec,
    const char *name, ngx_uint_t value)
{
    ngx_http_gateway_record_key(rec, name);
    ngx_http_gateway_record_put(rec, value ? "true" : "false", value ? 4 : 5);
}


/* 0: there is no such variable, or it is empty */

static ngx_uint_t
ngx_http_gateway_record_variable(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_str_t                   s;
    ngx_http_variable_value_t  *v;

    s.data = (u_char *) name;
    s.len = ngx_strlen(name);

    v = ngx_http_get_variable(r, &s, ngx_hash_key(s.data, s.len));

    if (v == NULL || v->not_found || v->len == 0) {
        return 0;
    }

    value->data = v->data;
    value->len = v->len;

    return 1;
}


/*
 * Names have no NUL, which readers written in C would end them at, and those
 * of headers are in lower case.
 */

static void
ngx_http_gateway_record_quote(ngx_http_gateway_record_t *rec,
    ngx_str_t *value, ngx_uint_t name, ngx_uint_t lower)
{
    u_char  c, *p, *start, *last, text[6];
    size_t  n;

    static u_char  hex[] = "0123456789abcdef";

    ngx_http_gateway_record_put(rec, "\"", 1);

    p = value->data;
    last = p + value->len;
    start = p;

    while (p < last) {

        c = *p;

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\'
            && !(lower && c >= 'A' && c <= 'Z'))
        {
            p++;
            continue;
        }

        n = (c >= 0x80) ? ngx_http_gateway_record_utf8(p, last - p) : 0;

        if (n) {
            p += n;
            continue;
        }

        ngx_http_gateway_record_put(rec, start, p - start);
        start = ++p;

        if (c == '"' || c == '\\') {
            text[0] = '\\';
            text[1] = c;
            ngx_http_gateway_record_put(rec, text, 2);

        } else if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
            ngx_http_gateway_record_put(rec, &c, 1);

        } else if (c >= 0x80 || (c == 0 && name)) {
            ngx_http_gateway_record_put(rec, "\\ufffd", 6);

        } else {
            ngx_memcpy(text, "\\u00", 4);
            text[4] = hex[c >> 4];
            text[5] = hex[c & 0xf];
            ngx_http_gateway_record_put(rec, text, 6);
        }
    }

    ngx_http_gateway_record_put(rec, start, p - start);
    ngx_http_gateway_record_put(rec, "\"", 1);
}


/* the length of a character of several bytes, or 0 when it is none */

static size_t
ngx_http_gateway_record_utf8(const u_char *p, size_t len)
{
    size_t    i, n;
    uint32_t  c, least;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
        c = p[0] & 0x1f;
        least = 0x80;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        c = p[0] & 0x0f;
        least = 0x800;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        c = p[0] & 0x07;
        least = 0x10000;

    } else {
        return 0;
    }

    if (len < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = (c << 6) | (p[i] & 0x3f);
    }

    if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }

    return n;
}


static void
ngx_http_gateway_record_put(ngx_http_gateway_record_t *rec, const void *data,
    size_t len)
{
    size_t   used, size;
    u_char  *p;

    if (rec->failed || len == 0) {
        return;
    }

    if (len > (size_t) (rec->end - rec->pos)) {

        used = rec->pos - rec->start;
        size = ngx_max((size_t) (rec->end - rec->start),
                       NGX_HTTP_GATEWAY_RECORD_SIZE / 2);

        while (size < used + len) {
            size *= 2;
        }

        size = ngx_max(size, NGX_HTTP_GATEWAY_RECORD_SIZE);

        if (size > NGX_HTTP_GATEWAY_RECORD_MAX) {
            ngx_log_error(NGX_LOG_ERR, rec->request->connection->log, 0,
                          "gateway log record: larger than %d bytes, dropped",
                          NGX_HTTP_GATEWAY_RECORD_MAX);
            rec->failed = 1;
            return;
        }

        p = ngx_pnalloc(rec->request->pool, size);
        if (p == NULL) {
            rec->failed = 1;
            return;
        }

        if (used) {
            ngx_memcpy(p, rec->start, used);
        }

        rec->start = p;
        rec->pos = p + used;
        rec->end = p + size;
    }

    rec->pos = ngx_cpymem(rec->pos, data, len);
}


/* configuration */

/* "custom_fields_by_lua.request.headers.x=return nil" */

char *
ngx_http_gateway_record_field(ngx_conf_t *cf, void *conf, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_http_gateway_record_conf_t *rcf = conf;

    char                             *message;
    u_char                           *p, *last, *d;
    ngx_str_t                        *step;
    gateway_custom_field_t            source;
    ngx_http_gateway_record_field_t  *field;

    message = (char *) gateway_custom_field_parse(&source,
                                                  (char *) value->data,
                                                  value->len);
    if (message) {
        return message;
    }

    if (rcf->fields == NULL) {
        rcf->fields = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_gateway_record_field_t));
        if (rcf->fields == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    field = ngx_array_push(rcf->fields);
    if (field == NULL) {
        return NGX_CONF_ERROR;
    }

    field->kind = source.kind;
    field->name.data = name->data + sizeof("custom_fields_by_lua.") - 1;
    field->name.len = name->len - (sizeof("custom_fields_by_lua.") - 1);

    field->text.data = ngx_pnalloc(cf->pool, source.len + 1);

    if (field->text.data == NULL
        || ngx_array_init(&field->path, cf->pool, 2, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    field->text.len = gateway_custom_field_text(&source,
                                                (char *) field->text.data);

    if (field->kind == GATEWAY_CUSTOM_FIELD_REQUEST_HEADER
        || field->kind == GATEWAY_CUSTOM_FIELD_RESPONSE_HEADER)
    {
        ngx_strlow(field->text.data, field->text.data, field->text.len);
    }

    /* steps of the path, each terminated; "\." is a dot in a name */

    p = field->name.data;
    last = p + field->name.len;

    for ( ;; ) {
        step = ngx_array_push(&field->path);
        d = ngx_pnalloc(cf->pool, last - p + 1);

        if (step == NULL || d == NULL) {
            return NGX_CONF_ERROR;
        }

        step->data = d;

        while (p < last && *p != '.') {

            if (*p == '\\' && p + 1 < last && p[1] == '.') {
                p++;
            }

            *d++ = *p++;
        }

        *d = '\0';
        step->len = d - step->data;

        if (step->len == 0) {
            return "needs a name on each side of a \".\"";
        }

        if (p == last) {
            break;
        }

        p++;
    }

    return NGX_CONF_OK;
}


/* gateway_record TEXT ...: parts of one JSON object, put together */

static u_char *
ngx_http_gateway_record_time(u_char *p, json_t *object, const char *name,
    ngx_uint_t *first)
{
    if (json_object_get(object, name)) {
        return p;
    }

    p = ngx_sprintf(p, "%s\"%s\":%T", *first ? "" : ",", name, ngx_time());
    *first = 0;

    return p;
}


char *
ngx_http_gateway_record_entity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    size_t                        len;
    u_char                       *p;
    json_t                       *json;
    ngx_str_t                    *value, *record;
    ngx_uint_t                    i, first;
    json_error_t                  error;
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    if (glcf->consumer) {
        record = &glcf->consumer->record;

    } else if (glcf->route) {
        record = &glcf->route->record;

    } else if (glcf->service) {
        record = &glcf->service->record;

    } else {
        return "is allowed in \"gateway_service\", \"gateway_route\" and "
               "\"gateway_consumer\" only";
    }

    if (record->data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    len = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        len += value[i].len;
    }

    /* room for the times, see below */

    p = ngx_pnalloc(cf->pool, len + sizeof(",\"created_at\":") - 1
                              + sizeof(",\"updated_at\":") - 1
                              + 2 * NGX_TIME_T_LEN);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    record->data = p;
    record->len = len;

    for (i = 1; i < cf->args->nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
    }

    json = json_loadb((char *) record->data, len, JSON_REJECT_DUPLICATES,
                      &error);

    if (json == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no JSON object: %s at position %d",
                           &cmd->name, error.text, error.position);
        return NGX_CONF_ERROR;
    }

    /* what is written as it is must not break the line */

    if (!json_is_object(json)
        || ngx_strlchr(record->data, record->data + len, LF)
        || ngx_strlchr(record->data, record->data + len, CR))
    {
        json_decref(json);
        return "expects one JSON object without line breaks";
    }

    /* times that it does not have are those of loading it */

    while (p[-1] != '}') {
        p--;
    }

    first = json_object_size(json) == 0;
    p = ngx_http_gateway_record_time(p - 1, json, "created_at", &first);
    p = ngx_http_gateway_record_time(p, json, "updated_at", &first);
    *p++ = '}';
    record->len = p - record->data;

    json_decref(json);

    return NGX_CONF_OK;
}
