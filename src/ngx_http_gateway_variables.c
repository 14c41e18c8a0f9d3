
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Variables of the core; those that the upstream request is built from
 * change between attempts and are never cached.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"


static ngx_int_t ngx_http_gateway_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_variable_entity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_variable_upstream(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_variable_headers(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_variable_latency(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_gateway_set_value(ngx_http_variable_value_t *v,
    ngx_str_t *s);


enum {
    NGX_HTTP_GATEWAY_ROUTE_ID = 0,
    NGX_HTTP_GATEWAY_ROUTE_NAME,
    NGX_HTTP_GATEWAY_SERVICE_ID,
    NGX_HTTP_GATEWAY_SERVICE_NAME,
    NGX_HTTP_GATEWAY_CONSUMER_ID,
    NGX_HTTP_GATEWAY_CONSUMER_USERNAME,
    NGX_HTTP_GATEWAY_CONSUMER_CUSTOM_ID,
    NGX_HTTP_GATEWAY_CONSUMER_GROUPS,
    NGX_HTTP_GATEWAY_CREDENTIAL,
    NGX_HTTP_GATEWAY_SOURCE
};

enum {
    NGX_HTTP_GATEWAY_UPSTREAM_HOST = 0,
    NGX_HTTP_GATEWAY_UPSTREAM_SSL_NAME,
    NGX_HTTP_GATEWAY_UPSTREAM_CONNECTION,
    NGX_HTTP_GATEWAY_UPSTREAM_UPGRADE,
    NGX_HTTP_GATEWAY_UPSTREAM_TE
};

enum {
    NGX_HTTP_GATEWAY_LATENCY_PROXY = 0,
    NGX_HTTP_GATEWAY_LATENCY_UPSTREAM
};


static ngx_http_variable_t  ngx_http_gateway_vars[] = {

    { ngx_string("gateway_request_id"), NULL,
      ngx_http_gateway_variable_request_id, 0, 0, 0 },

    { ngx_string("gateway_route_id"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_ROUTE_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_route_name"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_ROUTE_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_service_id"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_SERVICE_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_service_name"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_SERVICE_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_consumer_id"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_CONSUMER_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_consumer_username"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_CONSUMER_USERNAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_consumer_custom_id"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_CONSUMER_CUSTOM_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_consumer_groups"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_CONSUMER_GROUPS,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_credential_identifier"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_CREDENTIAL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_source"), NULL,
      ngx_http_gateway_variable_entity, NGX_HTTP_GATEWAY_SOURCE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_upstream_host"), NULL,
      ngx_http_gateway_variable_upstream, NGX_HTTP_GATEWAY_UPSTREAM_HOST,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_upstream_headers"), NULL,
      ngx_http_gateway_variable_headers, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_upstream_ssl_name"), NULL,
      ngx_http_gateway_variable_upstream, NGX_HTTP_GATEWAY_UPSTREAM_SSL_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_upstream_connection"), NULL,
      ngx_http_gateway_variable_upstream,
      NGX_HTTP_GATEWAY_UPSTREAM_CONNECTION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_upstream_upgrade"), NULL,
      ngx_http_gateway_variable_upstream, NGX_HTTP_GATEWAY_UPSTREAM_UPGRADE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_upstream_te"), NULL,
      ngx_http_gateway_variable_upstream, NGX_HTTP_GATEWAY_UPSTREAM_TE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_proxy_latency"), NULL,
      ngx_http_gateway_variable_latency, NGX_HTTP_GATEWAY_LATENCY_PROXY,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("gateway_upstream_latency"), NULL,
      ngx_http_gateway_variable_latency, NGX_HTTP_GATEWAY_LATENCY_UPSTREAM,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_gateway_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_gateway_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                id;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_request_id(ctx, &id);
    ngx_http_gateway_set_value(v, &id);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_variable_entity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t               *s;
    ngx_http_gateway_ctx_t  *ctx;

    static ngx_str_t  service = ngx_string("service");
    static ngx_str_t  gateway = ngx_string("gateway");

    ctx = ngx_http_gateway_get_ctx(r);
    s = NULL;

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_GATEWAY_ROUTE_ID:
        s = ctx->route ? &ctx->route->id : NULL;
        break;

    case NGX_HTTP_GATEWAY_ROUTE_NAME:
        s = ctx->route ? &ctx->route->name : NULL;
        break;

    case NGX_HTTP_GATEWAY_SERVICE_ID:
        s = ctx->service ? &ctx->service->id : NULL;
        break;

    case NGX_HTTP_GATEWAY_SERVICE_NAME:
        s = ctx->service ? &ctx->service->name : NULL;
        break;

    case NGX_HTTP_GATEWAY_CONSUMER_ID:
        s = ctx->consumer ? &ctx->consumer->id : NULL;
        break;

    case NGX_HTTP_GATEWAY_CONSUMER_USERNAME:
        s = ctx->consumer ? &ctx->consumer->username : NULL;
        break;

    case NGX_HTTP_GATEWAY_CONSUMER_CUSTOM_ID:
        s = ctx->consumer ? &ctx->consumer->custom_id : NULL;
        break;

    case NGX_HTTP_GATEWAY_CONSUMER_GROUPS:
        s = ctx->consumer ? &ctx->consumer->group_names : NULL;
        break;

    case NGX_HTTP_GATEWAY_CREDENTIAL:
        s = ctx->credential ? &ctx->credential->identifier : NULL;
        break;

    case NGX_HTTP_GATEWAY_SOURCE:
        /* a header that was invalid has a status, but no time */
        s = (ctx->proxied && r->upstream && r->upstream->state
             && r->upstream->state->header_time != (ngx_msec_t) -1)
            ? &service : &gateway;
        break;
    }

    if (s == NULL || s->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_gateway_set_value(v, s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_variable_upstream(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p;
    ngx_str_t                s;
    ngx_uint_t               websocket;
    ngx_table_elt_t         *h;
    ngx_http_gateway_ctx_t  *ctx;

    static ngx_str_t  te = ngx_string("te");
    static ngx_str_t  trailers = ngx_string("trailers");
    static ngx_str_t  upgrade = ngx_string("websocket");
    static ngx_str_t  keepalive = ngx_string("keep-alive");
    static ngx_str_t  keepalive_upgrade = ngx_string("keep-alive, Upgrade");

    switch (data) {

    case NGX_HTTP_GATEWAY_UPSTREAM_HOST:
    case NGX_HTTP_GATEWAY_UPSTREAM_SSL_NAME:

        ctx = ngx_http_gateway_get_ctx(r);

        if (ctx == NULL || ctx->upstream_host.len == 0) {
            v->not_found = 1;
            return NGX_OK;
        }

        s = ctx->upstream_host;

        if (data == NGX_HTTP_GATEWAY_UPSTREAM_SSL_NAME) {

            /* without the port; an IPv6 literal keeps its brackets */

            p = s.data + s.len;

            while (p > s.data && p[-1] >= '0' && p[-1] <= '9') {
                p--;
            }

            if (p > s.data && p[-1] == ':'
                && (s.data[0] != '[' || (p - 1 > s.data && p[-2] == ']')))
            {
                s.len = p - 1 - s.data;
            }
        }

        ngx_http_gateway_set_value(v, &s);

        return NGX_OK;

    case NGX_HTTP_GATEWAY_UPSTREAM_TE:

        h = ngx_http_gateway_header_in(r, &te, 0);

        if (h && ngx_strlcasestrn(h->value.data,
                                  h->value.data + h->value.len,
                                  (u_char *) "trailers", 8 - 1))
        {
            ngx_http_gateway_set_value(v, &trailers);
            return NGX_OK;
        }

        v->len = 0;
        v->valid = 1;
        v->not_found = 0;
        v->no_cacheable = 0;
        v->data = (u_char *) "";

        return NGX_OK;
    }

    h = r->headers_in.upgrade;

    websocket = h && h->value.len == upgrade.len
                && ngx_strncasecmp(h->value.data, upgrade.data, upgrade.len)
                   == 0;

    if (data == NGX_HTTP_GATEWAY_UPSTREAM_CONNECTION) {
        ngx_http_gateway_set_value(v, websocket ? &keepalive_upgrade
                                                : &keepalive);
        return NGX_OK;
    }

    ngx_str_null(&s);
    ngx_http_gateway_set_value(v, websocket ? &upgrade : &s);

    return NGX_OK;
}


/*
 * Host and, as further lines, every header that the gateway adds.  Host may
 * change between attempts, the rest was written once by the route feature.
 */

static ngx_int_t
ngx_http_gateway_variable_headers(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p;
    ngx_str_t                s, *host;
    ngx_http_gateway_ctx_t  *ctx;

    static ngx_str_t  connection = ngx_string("\r\nConnection: keep-alive");

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || ctx->service == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ctx->forwarded.len == 0) {
        ctx->forwarded = connection;
    }

    host = ctx->upstream_host.len ? &ctx->upstream_host : &ctx->service->host;

    if (host->data == ctx->forwarded_host) {

        /* the Host that it was written with: one piece already */

        s.data = ctx->forwarded.data - host->len;
        s.len = host->len + ctx->forwarded.len;

        ngx_http_gateway_set_value(v, &s);

        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, host->len + ctx->forwarded.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s.data = p;
    s.len = host->len + ctx->forwarded.len;

    p = ngx_cpymem(p, host->data, host->len);
    ngx_memcpy(p, ctx->forwarded.data, ctx->forwarded.len);

    ngx_http_gateway_set_value(v, &s);

    return NGX_OK;
}


/* milliseconds; as in the response headers of the same names */

static ngx_int_t
ngx_http_gateway_variable_latency(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p;
    ngx_str_t                s;
    ngx_msec_int_t           ms;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || !ctx->proxied) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (data == NGX_HTTP_GATEWAY_LATENCY_PROXY) {
        ms = (ngx_msec_int_t) (ctx->balanced - ctx->start);

    } else {
        if (r->upstream == NULL || r->upstream->state == NULL
            || r->upstream->state->header_time == (ngx_msec_t) -1)
        {
            v->not_found = 1;
            return NGX_OK;
        }

        ms = (ngx_msec_int_t) r->upstream->state->header_time;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s.data = p;
    s.len = ngx_sprintf(p, "%M", (ngx_msec_t) ngx_max(ms, 0)) - p;

    ngx_http_gateway_set_value(v, &s);

    return NGX_OK;
}


static void
ngx_http_gateway_set_value(ngx_http_variable_value_t *v, ngx_str_t *s)
{
    v->len = (unsigned) s->len & 0xfffffff;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = s->data;
}
