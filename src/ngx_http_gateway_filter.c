
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The header and body filters of the chain, and the headers that the
 * gateway itself adds to responses.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_log_lines.h"
#include "ngx_http_gateway_spans.h"


static ngx_int_t ngx_http_gateway_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_send_header(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_gateway_set_charset(ngx_http_request_t *r,
    ngx_http_gateway_main_conf_t *gmcf);
static void ngx_http_gateway_clean_upstream_headers(ngx_http_request_t *r);
static void ngx_http_gateway_clean_named(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_gateway_add_headers(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_main_conf_t *gmcf);
static ngx_table_elt_t *ngx_http_gateway_clean_own_headers(
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx, ngx_uint_t headers);
static ngx_uint_t ngx_http_gateway_negotiated(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_uint_t ngx_http_gateway_of_connection(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_gateway_add_via(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t headers,
    ngx_table_elt_t *received);
static ngx_int_t ngx_http_gateway_add_server(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t enabled);
static ngx_int_t ngx_http_gateway_add_number(ngx_http_request_t *r,
    ngx_str_t *name, ngx_msec_int_t number);
static ngx_int_t ngx_http_gateway_add_debug(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);


static ngx_str_t  ngx_http_gateway_proxy_latency =
    ngx_string("X-Kong-Proxy-Latency");
static ngx_str_t  ngx_http_gateway_upstream_latency =
    ngx_string("X-Kong-Upstream-Latency");
static ngx_str_t  ngx_http_gateway_response_latency =
    ngx_string("X-Kong-Response-Latency");
static ngx_str_t  ngx_http_gateway_upstream_status =
    ngx_string("X-Kong-Upstream-Status");
static ngx_str_t  ngx_http_gateway_request_id_name =
    ngx_string("X-Kong-Request-Id");


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_gateway_init_filters(ngx_uint_t body)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_header_filter;

    if (body) {
        ngx_http_next_body_filter = ngx_http_top_body_filter;
        ngx_http_top_body_filter = ngx_http_gateway_body_filter;
    }
}


static ngx_int_t
ngx_http_gateway_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_http_gateway_ctx_t        *ctx;
    ngx_http_gateway_chain_t      *chain;
    ngx_http_gateway_policy_t     *policy;
    ngx_http_gateway_srv_conf_t   *gscf;
    ngx_http_gateway_instance_t   *instance;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL) {
        gscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_module);

        if (!gscf->gateway) {
            return ngx_http_next_header_filter(r);
        }

        ctx = ngx_http_gateway_create_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    if (ctx->log_lines) {
        ngx_http_gateway_log_lines_attach(r, ctx);
    }

    if (ctx->header_done) {

        if (ctx->dropped && !ctx->replaced) {
            ctx->replaced = 1;
            return ngx_http_gateway_send_header(r, ctx);
        }

        return ngx_http_next_header_filter(r);
    }

    ctx->header_done = 1;

    if (r->upstream) {
        ngx_http_gateway_clean_upstream_headers(r);
    }

    chain = ngx_http_gateway_phase_chain(r, ctx);

    if (ctx->spans) {

        /* of a policy that answers */

        ngx_http_gateway_span_end(ctx);
    }

    if (chain && chain->header) {

        for (i = 0; i < chain->nelts; i++) {
            policy = chain->elts[i].policy;

            if (policy->header == NULL) {
                continue;
            }

            instance = i < ctx->frozen ? ctx->confs[i]
                                       : ngx_http_gateway_freeze(ctx, i);

            if (instance == NULL) {
                continue;
            }

            if (chain->traced & NGX_HTTP_GATEWAY_TRACING_PLUGIN_HEADER) {
                ngx_http_gateway_span_begin(r, ctx,
                               NGX_HTTP_GATEWAY_TRACING_PLUGIN_HEADER, policy);
            }

            if (policy->header(r, instance) == NGX_ERROR) {
                return NGX_ERROR;
            }
        }
    }

    if (ctx->spans) {
        ngx_http_gateway_span_end(ctx);
    }

    return ctx->held ? NGX_OK : ngx_http_gateway_send_header(r, ctx);
}


static ngx_int_t
ngx_http_gateway_send_header(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->charset.len && ctx->proxied) {
        ngx_http_gateway_set_charset(r, gmcf);
    }

    if (ngx_http_gateway_add_headers(r, ctx, gmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (gmcf->debug_header && ctx->route
        && ngx_http_gateway_add_debug(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_gateway_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i, held;
    ngx_http_gateway_ctx_t       *ctx;
    ngx_http_gateway_chain_t     *chain;
    ngx_http_gateway_policy_t    *policy;
    ngx_http_gateway_instance_t  *instance;

    if (r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_gateway_module);

    if (ctx == NULL || ctx->chain == NULL || !ctx->chain->body
        || ctx->dropped)
    {
        return ngx_http_next_body_filter(r, in);
    }

    chain = ctx->chain;
    held = ctx->held;

    for (i = 0; i < chain->nelts; i++) {
        policy = chain->elts[i].policy;

        if (policy->body == NULL) {
            continue;
        }

        instance = i < ctx->frozen ? ctx->confs[i]
                                   : ngx_http_gateway_freeze(ctx, i);

        if (instance && policy->body(r, instance, &in) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (ctx->held) {
        return NGX_OK;
    }

    if (held) {
        rc = ngx_http_gateway_send_header(r, ctx);

        if (rc == NGX_ERROR || rc > NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_body_filter(r, in);
}


void
ngx_http_gateway_hold_header(ngx_http_gateway_ctx_t *ctx)
{
    ctx->held++;
}


void
ngx_http_gateway_release_header(ngx_http_gateway_ctx_t *ctx)
{
    ctx->held--;
}


ngx_int_t
ngx_http_gateway_drop_response(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t status)
{
    ctx->held = 0;
    ctx->dropped = 1;

    /* the connection is closed afterwards, which drops what was on its way */

    (void) ngx_http_filter_finalize_request(r, NULL, status);

    return NGX_ERROR;
}


/*
 * What nginx's charset module does for its default types, without recoding
 * and a tenth of its cost.
 */

static void
ngx_http_gateway_set_charset(ngx_http_request_t *r,
    ngx_http_gateway_main_conf_t *gmcf)
{
    size_t      len;
    u_char     *type;
    ngx_str_t  *t;

    static ngx_str_t  types[] = {
        ngx_string("text/html"), ngx_string("text/xml"),
        ngx_string("text/plain"), ngx_string("text/vnd.wap.wml"),
        ngx_string("application/javascript"),
        ngx_string("application/rss+xml"), ngx_null_string
    };

    len = r->headers_out.content_type_len;
    type = r->headers_out.content_type.data;

    if (r->headers_out.charset.len || len == 0
        || len != r->headers_out.content_type.len
        || (r->headers_out.content_encoding
            && r->headers_out.content_encoding->value.len))
    {
        return;
    }

    for (t = types; t->len; t++) {
        if (t->len == len
            && (ngx_memcmp(t->data, type, len) == 0
                || ngx_strncasecmp(t->data, type, len) == 0))
        {
            r->headers_out.charset = gmcf->charset;
            return;
        }
    }
}


/*
 * Takes out the hop-by-hop headers that nginx's proxy lets through: names
 * listed in the upstream's Connection.
 */

static void
ngx_http_gateway_clean_upstream_headers(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (r->upstream->headers_in.connection == NULL) {
        return;
    }

    for (part = &r->upstream->headers_in.headers.part;
         part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == sizeof("connection") - 1
                && ngx_memcmp(h[i].lowcase_key, "connection",
                              sizeof("connection") - 1)
                   == 0
                && !(h[i].value.len == sizeof("keep-alive") - 1
                     && ngx_memcmp(h[i].value.data, "keep-alive",
                                   sizeof("keep-alive") - 1)
                        == 0))
            {
                ngx_http_gateway_clean_named(r, &h[i].value);
            }
        }
    }
}


static void
ngx_http_gateway_clean_named(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char     *p, *last, *start;
    ngx_str_t   name;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        if (*p == ' ' || *p == '\t' || *p == ',') {
            p++;
            continue;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        name.data = start;
        name.len = p - start;

        while (name.len && (name.data[name.len - 1] == ' '
                            || name.data[name.len - 1] == '\t'))
        {
            name.len--;
        }

        if ((name.len == 5
             && ngx_strncasecmp(name.data, (u_char *) "close", 5) == 0)
            || (name.len == 10
                && ngx_strncasecmp(name.data, (u_char *) "keep-alive", 10)
                   == 0)
            || (name.len == 7
                && ngx_strncasecmp(name.data, (u_char *) "upgrade", 7) == 0))
        {
            continue;
        }

        ngx_http_gateway_header_out_remove(r, &name);
    }
}


static ngx_int_t
ngx_http_gateway_add_headers(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_str_t         id;
    ngx_uint_t        headers;
    ngx_msec_int_t    ms;
    ngx_table_elt_t  *via;

    headers = gmcf->headers;

    via = ngx_http_gateway_clean_own_headers(r, ctx, headers);

    if (ctx->proxied) {

        if (headers & NGX_HTTP_GATEWAY_HEADER_UPSTREAM_LATENCY) {

            ms = (ngx_msec_int_t) (ngx_current_msec - ctx->balanced);

            if (ngx_http_gateway_add_number(r,
                                       &ngx_http_gateway_upstream_latency, ms)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (headers & NGX_HTTP_GATEWAY_HEADER_PROXY_LATENCY) {

            ms = (ngx_msec_int_t) (ctx->balanced - ctx->start);

            if (ngx_http_gateway_add_number(r,
                                          &ngx_http_gateway_proxy_latency, ms)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if ((headers & NGX_HTTP_GATEWAY_HEADER_UPSTREAM_STATUS)
            && ctx->cached)
        {
            if (ngx_http_gateway_add_number(r,
                            &ngx_http_gateway_upstream_status,
                            (ngx_msec_int_t) r->headers_out.status)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

        } else if ((headers & NGX_HTTP_GATEWAY_HEADER_UPSTREAM_STATUS)
                   && r->upstream && r->upstream->state
                   && r->upstream->state->status)
        {
            if (ngx_http_gateway_add_number(r,
                            &ngx_http_gateway_upstream_status,
                            (ngx_msec_int_t) r->upstream->state->status)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

    } else if (headers & NGX_HTTP_GATEWAY_HEADER_RESPONSE_LATENCY) {

        ms = (ngx_msec_int_t) (ngx_current_msec - ctx->start);

        if (ngx_http_gateway_add_number(r, &ngx_http_gateway_response_latency,
                                        ms)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_gateway_add_via(r, ctx, headers, via) != NGX_OK
        || ngx_http_gateway_add_server(r, ctx,
                                     headers & NGX_HTTP_GATEWAY_HEADER_SERVER)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (headers & NGX_HTTP_GATEWAY_HEADER_REQUEST_ID) {

        ngx_http_gateway_request_id(ctx, &id);

        if (ngx_http_gateway_header_out_add(r,
                                       &ngx_http_gateway_request_id_name, &id)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Takes out what the upstream or a policy wrote where the gateway's own
 * headers stand, and hop-by-hop headers of the upstream that nobody asked
 * for: all on one walk.  Returns the Via received.
 */

static ngx_table_elt_t *
ngx_http_gateway_clean_own_headers(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t headers)
{
    ngx_str_t        *own;
    ngx_uint_t        i, set;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *via;

    via = NULL;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            switch (h[i].key.len) {

            case sizeof("Via") - 1:

                if (h[i].hash
                    && ngx_strncasecmp(h[i].key.data, (u_char *) "via", 3)
                       == 0)
                {
                    via = &h[i];
                }

                continue;

            case sizeof("Trailer") - 1:  /* and Upgrade */

                if ((r->upstream && !ngx_http_gateway_negotiated(r, &h[i]))
                    || ngx_http_gateway_of_connection(r, &h[i]))
                {
                    h[i].hash = 0;
                }

                continue;

            case sizeof("Connection") - 1:  /* and Keep-Alive */
            case sizeof("Proxy-Connection") - 1:

                if (ngx_http_gateway_of_connection(r, &h[i])) {
                    h[i].hash = 0;
                }

                continue;

            case sizeof("X-Kong-Request-Id") - 1:
                own = &ngx_http_gateway_request_id_name;
                set = headers & NGX_HTTP_GATEWAY_HEADER_REQUEST_ID;
                break;

            case sizeof("X-Kong-Proxy-Latency") - 1:
                own = &ngx_http_gateway_proxy_latency;
                set = ctx->proxied
                      ? headers & NGX_HTTP_GATEWAY_HEADER_PROXY_LATENCY : 0;
                break;

            case sizeof("X-Kong-Upstream-Status") - 1:
                own = &ngx_http_gateway_upstream_status;
                set = ctx->proxied
                      ? headers & NGX_HTTP_GATEWAY_HEADER_UPSTREAM_STATUS : 0;
                break;

            case sizeof("X-Kong-Upstream-Latency") - 1:

                /* as long as X-Kong-Response-Latency */

                if (ctx->proxied) {
                    own = &ngx_http_gateway_upstream_latency;
                    set = headers & NGX_HTTP_GATEWAY_HEADER_UPSTREAM_LATENCY;

                } else {
                    own = &ngx_http_gateway_response_latency;
                    set = headers & NGX_HTTP_GATEWAY_HEADER_RESPONSE_LATENCY;
                }

                break;

            default:
                continue;
            }

            if (set
                && ngx_strncasecmp(h[i].key.data, own->data, own->len) == 0)
            {
                h[i].hash = 0;
            }
        }
    }

    return via;
}


/* whether the client may see this header of the upstream */

static ngx_uint_t
ngx_http_gateway_negotiated(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_table_elt_t  *te, *upgrade;

    static ngx_str_t  name = ngx_string("te");

    if (ngx_strncasecmp(h->key.data, (u_char *) "trailer", 7) == 0) {

        te = ngx_http_gateway_header_in(r, &name, 0);

        return te && ngx_strlcasestrn(te->value.data,
                                      te->value.data + te->value.len,
                                      (u_char *) "trailers", 8 - 1);
    }

    if (ngx_strncasecmp(h->key.data, (u_char *) "upgrade", 7) == 0) {

        upgrade = r->headers_in.upgrade;

        return h->value.len == sizeof("websocket") - 1
               && ngx_strncasecmp(h->value.data, (u_char *) "websocket",
                                  sizeof("websocket") - 1)
                  == 0
               && upgrade && upgrade->value.len == h->value.len
               && ngx_strncasecmp(upgrade->value.data, h->value.data,
                                  h->value.len)
                  == 0;
    }

    return 1;
}


/* headers of an HTTP/1 connection, with which HTTP/2 clients refuse answers */

static ngx_uint_t
ngx_http_gateway_of_connection(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_str_t  *name;

    static ngx_str_t  names[] = {
        ngx_string("upgrade"),
        ngx_string("connection"),
        ngx_string("keep-alive"),
        ngx_string("proxy-connection"),
        ngx_null_string
    };

    if (r->http_version < NGX_HTTP_VERSION_20) {
        return 0;
    }

    for (name = names; name->len; name++) {
        if (name->len == h->key.len
            && ngx_strncasecmp(name->data, h->key.data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Via of proxied answers: "1.1 <token>" after the upstream's own */

static ngx_int_t
ngx_http_gateway_add_via(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_uint_t headers, ngx_table_elt_t *received)
{
    u_char     *p;
    ngx_str_t   value;

    static ngx_str_t  name = ngx_string("Via");
    static ngx_str_t  via = ngx_string("1.1 " NGX_HTTP_GATEWAY_TOKEN);
    static ngx_str_t  via2 = ngx_string("2 " NGX_HTTP_GATEWAY_TOKEN);

    if (!ctx->proxied || !(headers & NGX_HTTP_GATEWAY_HEADER_VIA)) {
        return NGX_OK;
    }

    value = (ctx->service && ctx->service->protocol.len >= 4
             && ctx->service->protocol.data[0] == 'g')
            ? via2 : via;

    if (received == NULL) {
        return ngx_http_gateway_header_out_add(r, &name, &value) ? NGX_OK
                                                                 : NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, received->value.len + 2 + value.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(p, "%V, %V", &received->value, &value);

    received->value.len += 2 + value.len;
    received->value.data = p;

    return NGX_OK;
}


/*
 * Server: the upstream's own stays; otherwise ours, or none at all.  nginx
 * writes its own unless headers_out.server is set.
 */

static ngx_int_t
ngx_http_gateway_add_server(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t enabled)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Server");
    static ngx_str_t  token = ngx_string(NGX_HTTP_GATEWAY_TOKEN);

    h = r->headers_out.server;

    if (h && h->hash
        && (ctx->cached || (r->upstream && !ctx->answered)))
    {
        return NGX_OK;
    }

    if (h == NULL) {
        h = ngx_http_gateway_header_out_add(r, &name, &token);
        if (h == NULL) {
            return NGX_ERROR;
        }

        r->headers_out.server = h;
    }

    h->value = token;
    h->hash = enabled ? 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_add_number(ngx_http_request_t *r, ngx_str_t *name,
    ngx_msec_int_t number)
{
    u_char     *p, *last;
    ngx_str_t   value;

    static u_char  digits[] = "0123456789";

    if (number < 10) {

        /* most latencies are */

        value.data = &digits[ngx_max(number, 0)];
        value.len = 1;

        return ngx_http_gateway_header_out_add(r, name, &value) ? NGX_OK
                                                                : NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = p + NGX_INT64_LEN;
    p = last;

    do {
        *--p = (u_char) (number % 10 + '0');
        number /= 10;
    } while (number);

    value.data = p;
    value.len = last - p;

    return ngx_http_gateway_header_out_add(r, name, &value) ? NGX_OK
                                                            : NGX_ERROR;
}


/* with gateway_allow_debug_header, for requests that carry Kong-Debug */

static ngx_int_t
ngx_http_gateway_add_debug(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_uint_t  i;

    static ngx_str_t  request = ngx_string("kong-debug");
    static ngx_str_t  names[] = {
        ngx_string("Kong-Route-Id"),
        ngx_string("Kong-Route-Name"),
        ngx_string("Kong-Service-Id"),
        ngx_string("Kong-Service-Name")
    };

    ngx_str_t  *values[4];

    if (ngx_http_gateway_header_in(r, &request, 0) == NULL) {
        return NGX_OK;
    }

    ngx_memzero(values, sizeof(values));

    values[0] = &ctx->route->id;
    values[1] = &ctx->route->name;

    if (ctx->service) {
        values[2] = &ctx->service->id;
        values[3] = &ctx->service->name;
    }

    for (i = 0; i < 4; i++) {

        /* an unnamed entity is called by its id here, and has no name */

        if (values[i] == NULL
            || ((i & 1) && values[i]->len == values[i - 1]->len
                && ngx_strncmp(values[i]->data, values[i - 1]->data,
                               values[i]->len) == 0))
        {
            continue;
        }

        if (ngx_http_gateway_header_out_add(r, &names[i], values[i]) == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
