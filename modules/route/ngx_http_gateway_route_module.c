
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Routing: chooses a gateway_route and the location of its service in the
 * SERVER_REWRITE phase, after the rewrite module's directives.  Costs one
 * normalisation and one lookup per request, whatever the number of routes.
 */


#include "ngx_http_gateway_route.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_spans.h"
#include "ngx_http_gateway_trace.h"


static ngx_uint_t ngx_http_gateway_route_has_bare_lf(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_route_traced_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_route_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_route_path(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t reject);
static int ngx_http_gateway_route_header_value(void *data,
    const gateway_str_t *name, size_t i, gateway_str_t *value);
static ngx_int_t ngx_http_gateway_route_use(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_route_t *route);
static ngx_int_t ngx_http_gateway_route_check(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_route_t *route);
static ngx_int_t ngx_http_gateway_route_upgrade(ngx_http_request_t *r,
    ngx_str_t *protocols, ngx_str_t *message);

static void *ngx_http_gateway_route_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_route_merge_srv_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_gateway_route_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_gateway_route_commands[] = {

    { ngx_string("gateway_service"),
      NGX_HTTP_SRV_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_http_gateway_service_block,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_route"),
      NGX_HTTP_SRV_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_http_gateway_route_block,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hosts"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_strings,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_route_block_t, hosts),
      NULL },

    { ngx_string("paths"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_strings,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_route_block_t, paths),
      NULL },

    { ngx_string("methods"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_strings,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_route_block_t, methods),
      NULL },

    { ngx_string("snis"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_strings,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_route_block_t, snis),
      NULL },

    { ngx_string("expression"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_expression,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("priority"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_route_priority,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sources"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_endpoints,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_route_block_t, sources),
      NULL },

    { ngx_string("destinations"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_endpoints,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_route_block_t, destinations),
      NULL },

    { ngx_string("header"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_route_header,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("protocols"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_route_field,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("strip_path"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_route_field,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("preserve_host"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_route_field,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("path_handling"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_route_field,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("created_at"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_route_field,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("regex_priority"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_route_field,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("https_redirect_status_code"),
      NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_route_field,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_route_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_route_init,           /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_route_create_srv_conf,  /* create server configuration */
    ngx_http_gateway_route_merge_srv_conf,   /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_route_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_route_module_ctx,    /* module context */
    ngx_http_gateway_route_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * Whether a line of the header ends with LF alone, which nginx reads as an
 * end and another server as a part of the line.  nginx has put a null byte
 * where the value of a line ends: over the CR, or over spaces before it, or
 * over the LF.  The lines are where they were read to; the one that is first
 * in its buffer has nothing of the line before it there.
 */

static ngx_uint_t
ngx_http_gateway_route_has_bare_lf(ngx_http_request_t *r)
{
    u_char           *p;
    ngx_buf_t        *b;
    ngx_uint_t        i;
    ngx_chain_t      *cl;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (r->http_version < NGX_HTTP_VERSION_10
        || r->http_version >= NGX_HTTP_VERSION_20)
    {
        return 0;
    }

    if (r->request_line.data[r->request_line.len] != CR) {
        return 1;
    }

    /* the empty line, behind which the body begins, and the one before it */

    b = r->header_in;

    if (b->pos - b->start < 2 || b->pos[-1] != LF || b->pos[-2] != CR) {
        return 1;
    }

    if (b->pos - b->start >= 4
        && (b->pos[-3] != LF || (b->pos[-4] != CR && b->pos[-4] != '\0')))
    {
        return 1;
    }

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        p = h[i].key.data;

        for (cl = r->http_connection->busy; cl; cl = cl->next) {
            if (p == cl->buf->start) {
                break;
            }
        }

        if (cl == NULL && (p[-1] != LF || (p[-2] != CR && p[-2] != '\0'))) {
            return 1;
        }
    }
}


/* the same, with how long it takes */

static ngx_int_t
ngx_http_gateway_route_traced_handler(ngx_http_request_t *r)
{
    uint64_t                 start;
    ngx_int_t                rc;
    ngx_http_gateway_ctx_t  *ctx;

    if (r != r->main || r->uri_changes != NGX_HTTP_MAX_URI_CHANGES + 1) {
        return NGX_DECLINED;
    }

    start = ngx_http_gateway_trace_now();

    rc = ngx_http_gateway_route_handler(r);

    if (rc == NGX_DECLINED) {
        ctx = ngx_http_gateway_get_ctx(r);

        if (ctx && ctx->chain && ctx->chain->traced) {
            ngx_http_gateway_span_add(r, ctx,
                                      NGX_HTTP_GATEWAY_TRACING_ROUTER, start,
                                      ngx_http_gateway_trace_now());
        }
    }

    return rc;
}


ngx_int_t
ngx_http_gateway_route_first_path(ngx_http_gateway_route_t *route,
    ngx_str_t *path)
{
    gateway_str_t                   *paths;
    ngx_http_gateway_route_block_t  *block;

    block = (ngx_http_gateway_route_block_t *) route;

    if (block->paths.nelts == 0) {
        return NGX_DECLINED;
    }

    paths = block->paths.elts;

    path->data = (u_char *) paths[0].data;
    path->len = paths[0].len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_route_handler(ngx_http_request_t *r)
{
    int                                 rc;
    void                               *m;
    gateway_router_match_t              match;
    gateway_router_request_t            request;
    ngx_http_gateway_ctx_t             *ctx;
    ngx_http_gateway_srv_conf_t        *gscf;
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_route_srv_conf_t  *rscf;
#if (NGX_HTTP_SSL && defined SSL_CTRL_SET_TLSEXT_HOSTNAME)
    const char                         *sni;
#endif

    static ngx_str_t  no_route =
        ngx_string("no Route matched with those values");

    /* once per request: not in subrequests nor after internal redirects */

    if (r != r->main || r->uri_changes != NGX_HTTP_MAX_URI_CHANGES + 1) {
        return NGX_DECLINED;
    }

    rscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_route_module);
    gscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_module);

    if (!gscf->gateway) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_gateway_route_has_bare_lf(r)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client ended a line without CR");
        return NGX_HTTP_BAD_REQUEST;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    ngx_http_gateway_route_target(r, &ctx->target, &ctx->query);

    rc = ngx_http_gateway_route_path(r, ctx, gmcf->reject_encoded_dots);
    if (rc != NGX_OK) {
        return rc;
    }

    if (rscf->router == NULL) {
        goto no_match;
    }

    ngx_memzero(&request, sizeof(gateway_router_request_t));

    request.method.data = (char *) r->method_name.data;
    request.method.len = r->method_name.len;
    request.path.data = (char *) ctx->path.data;
    request.path.len = ctx->path.len;
    request.port = ngx_http_gateway_port(r);
    request.header = ngx_http_gateway_route_header_value;
    request.header_data = r;
    request.facts = &ngx_http_gateway_route_facts;

    if (r->headers_in.host) {
        request.host.data = (char *) r->headers_in.host->value.data;
        request.host.len = r->headers_in.host->value.len;
    }

#if (NGX_HTTP_SSL)

    if (r->connection->ssl) {
        request.tls = 1;

#ifdef SSL_CTRL_SET_TLSEXT_HOSTNAME
        sni = SSL_get_servername(r->connection->ssl->connection,
                                 TLSEXT_NAMETYPE_host_name);
        if (sni) {
            request.sni.data = sni;
            request.sni.len = ngx_strlen(sni);
        }
#endif
    }

#endif

    rc = gateway_router_match(rscf->router, &request, &match);

    if (rc < 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway route: a regular expression gave up on the "
                      "request");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == 0) {
        goto no_match;
    }

    ctx->matched = match.matched;

    if (match.ncaptures > 1) {

        m = ngx_palloc(r->pool, gateway_router_match_size(&match));
        if (m == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->captures = gateway_router_match_copy(m, &match);
    }

    return ngx_http_gateway_route_use(r, ctx, match.route);

no_match:

    if (!gscf->no_route_404) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_error(r, NGX_HTTP_NOT_FOUND, &no_route);
}


/* the normal form; the raw bytes themselves when they are normal already */

static ngx_int_t
ngx_http_gateway_route_path(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_uint_t reject)
{
    ptrdiff_t   len;
    ngx_str_t  *raw, *path;

    raw = &ctx->target;
    path = &ctx->path;

    if (!r->complex_uri && !r->quoted_uri && raw->len
        && raw->data[0] == '/')
    {
        *path = *raw;
        return NGX_OK;
    }

    if (raw->len && raw->data[0] == '?') {

        /* "GET http://example.com?query" has no path at all */

        ctx->query.data = raw->data;
        ctx->query.len += raw->len;

        ngx_str_set(raw, "/");
        *path = *raw;

        return NGX_OK;
    }

    path->data = ngx_pnalloc(r->pool, raw->len + 1);
    if (path->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    len = reject ? gateway_path_normalize((char *) path->data,
                                          (char *) raw->data, raw->len)
                 : gateway_path_normalize_lax((char *) path->data,
                                              (char *) raw->data, raw->len);

    if (len < 0) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "gateway route: a dot segment hides behind an encoded "
                      "slash");
        return NGX_HTTP_BAD_REQUEST;
    }

    path->len = len;

    return NGX_OK;
}


/* the i-th value of a header, "-" and "_" in names being the same */

static int
ngx_http_gateway_route_header_value(void *data, const gateway_str_t *name,
    size_t i, gateway_str_t *value)
{
    ngx_http_request_t *r = data;

    u_char            ch;
    ngx_uint_t        n, k;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (n = 0; /* void */ ; n++) {

        if (n >= part->nelts) {
            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            h = part->elts;
            n = 0;
        }

        if (h[n].key.len != name->len) {
            continue;
        }

        for (k = 0; k < name->len; k++) {
            ch = h[n].lowcase_key[k];

            if (ch == '-') {
                ch = '_';
            }

            if (ch != (u_char) name->data[k]) {
                break;
            }
        }

        if (k == name->len && i-- == 0) {
            value->data = (char *) h[n].value.data;
            value->len = h[n].value.len;
            return 1;
        }
    }
}


static ngx_int_t
ngx_http_gateway_route_use(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_route_t *route)
{
    ngx_int_t                           rc;
    ngx_http_gateway_service_t         *service;
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_route_srv_conf_t  *rscf;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway route: \"%V\"", &route->name);

    rc = ngx_http_gateway_route_check(r, ctx, route);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx->route = route;
    ctx->service = route->service;
    ctx->matched_any = 1;

    if (ngx_http_gateway_set_chain(r, ctx, route->conf->chain) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->strip_identity) {
        ngx_http_gateway_route_strip_identity(r);
    }

    rscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_route_module);

    service = route->service ? route->service : rscf->nowhere;

    /*
     * The location is entered here and judged by FIND_CONFIG, which finds
     * nothing nested in it and goes on with its usual work.
     */

    r->loc_conf = service->loc_conf;

    return NGX_DECLINED;
}


/* the answers that depend on the route alone, before any policy runs */

static ngx_int_t
ngx_http_gateway_route_check(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_route_t *route)
{
    u_char     *p;
    ngx_str_t   host, location, *type;
    ngx_uint_t  grpc;

    static ngx_str_t  https = ngx_string("TLS/1.2, HTTP/1.1");
    static ngx_str_t  use_https = ngx_string("Please use HTTPS protocol");
    static ngx_str_t  http2 = ngx_string("HTTP/2");
    static ngx_str_t  use_http2 = ngx_string("Please use HTTP2 protocol");
    static ngx_str_t  not_grpc =
        ngx_string("Non-gRPC request matched gRPC route");
    static ngx_str_t  location_name = ngx_string("Location");
    static ngx_str_t  grpc_type = ngx_string("application/grpc");
    static ngx_str_t  status_name = ngx_string("grpc-status");
    static ngx_str_t  status = ngx_string("1");
    static ngx_str_t  message_name = ngx_string("grpc-message");
    static ngx_str_t  message =
        ngx_string("gRPC request matched gRPCs route");

    if (route->protocols & NGX_HTTP_GATEWAY_PROTO_HTTP) {
        return NGX_OK;
    }

    if (route->protocols & NGX_HTTP_GATEWAY_PROTO_HTTPS) {

        if (ngx_http_gateway_is_https(r)) {
            return NGX_OK;
        }

        if (route->https_redirect_status == 426) {
            return ngx_http_gateway_route_upgrade(r, &https, &use_https);
        }

        ngx_http_gateway_route_forwarded_host(r, ctx, &host);

        p = ngx_pnalloc(r->pool, sizeof("https://") - 1 + host.len
                                 + r->unparsed_uri.len);
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        location.data = p;
        p = ngx_cpymem(p, "https://", sizeof("https://") - 1);
        p = ngx_cpymem(p, host.data, host.len);
        p = ngx_cpymem(p, r->unparsed_uri.data, r->unparsed_uri.len);
        location.len = p - location.data;

        if (ngx_http_gateway_header_out_add(r, &location_name, &location)
            == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_gateway_exit(r, route->https_redirect_status, NULL,
                                     NULL);
    }

    /* gRPC only */

    grpc = 0;

    if (r->headers_in.content_type) {
        type = &r->headers_in.content_type->value;
        grpc = type->len >= grpc_type.len
               && ngx_strncmp(type->data, grpc_type.data, grpc_type.len) == 0;
    }

    if (!grpc) {
        return ngx_http_gateway_error(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                      &not_grpc);
    }

    if (r->http_version != NGX_HTTP_VERSION_20) {
        return ngx_http_gateway_route_upgrade(r, &http2, &use_http2);
    }

    if (!(route->protocols & NGX_HTTP_GATEWAY_PROTO_GRPC)
        && !ngx_http_gateway_is_https(r))
    {
        if (ngx_http_gateway_header_out_add(r, &status_name, &status) == NULL
            || ngx_http_gateway_header_out_add(r, &message_name, &message)
               == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_gateway_exit(r, NGX_HTTP_OK, &grpc_type, NULL);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_route_upgrade(ngx_http_request_t *r, ngx_str_t *protocols,
    ngx_str_t *message)
{
    static ngx_str_t  connection = ngx_string("Connection");
    static ngx_str_t  upgrade = ngx_string("Upgrade");

    /* in HTTP/2 these would break the stream */

    if (r->http_version < NGX_HTTP_VERSION_20
        && (ngx_http_gateway_header_out_add(r, &connection, &upgrade) == NULL
            || ngx_http_gateway_header_out_add(r, &upgrade, protocols)
               == NULL))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_error(r, 426, message);
}


ngx_int_t
ngx_http_gateway_route_capture(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    gateway_str_t              n, v;
    ngx_http_gateway_ctx_t    *ctx;
    gateway_router_request_t   request;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || ctx->captures == NULL) {
        return NGX_DECLINED;
    }

    ngx_memzero(&request, sizeof(gateway_router_request_t));

    request.path.data = (char *) ctx->path.data;
    request.path.len = ctx->path.len;
    n.data = (char *) name->data;
    n.len = name->len;

    if (!gateway_router_capture(ctx->captures, &request, &n, &v)) {
        return NGX_DECLINED;
    }

    value->data = (u_char *) v.data;
    value->len = v.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_route_capture_name(ngx_http_request_t *r, ngx_uint_t n,
    ngx_str_t *name)
{
    ngx_http_gateway_ctx_t  *ctx;

    union {
        const char  *in;
        u_char      *out;
    } cast;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || ctx->captures == NULL) {
        return NGX_DECLINED;
    }

    cast.in = gateway_router_capture_name(ctx->captures, n);

    if (cast.in == NULL) {
        return NGX_DECLINED;
    }

    name->data = cast.out;
    name->len = ngx_strlen(cast.out);

    return NGX_OK;
}


static void *
ngx_http_gateway_route_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_route_srv_conf_t  *rscf;

    rscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_route_srv_conf_t));
    if (rscf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rscf->routes = { NULL };
     *     rscf->nowhere = NULL;
     *     rscf->router = NULL;
     */

    ngx_rbtree_init(&rscf->services, &rscf->sentinel,
                    ngx_str_rbtree_insert_value);

    return rscf;
}


static char *
ngx_http_gateway_route_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    /* routes belong to the one server they stand in */

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_route_init(ngx_conf_t *cf)
{
    ngx_uint_t                           i, used;
    ngx_array_t                         *handlers;
    ngx_http_handler_pt                 *h;
    ngx_http_core_srv_conf_t           **cscfp;
    ngx_http_core_main_conf_t           *cmcf;
    ngx_http_gateway_main_conf_t        *gmcf;
    ngx_http_gateway_route_srv_conf_t   *rscf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    cscfp = cmcf->servers.elts;
    used = 0;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        rscf = cscfp[i]->ctx->srv_conf[
                                 ngx_http_gateway_route_module.ctx_index];

        if (rscf->routes.nelts == 0) {
            continue;
        }

        used = 1;

        if (ngx_http_gateway_route_build(cf, gmcf, rscf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* without routes gateway_no_route may still want its 404 */

    if (!used && !gmcf->used) {
        return NGX_OK;
    }

    gmcf->prepare = ngx_http_gateway_route_prepare;

    /*
     * Handlers run last-registered first: standing first in the array, ours
     * runs after the rewrite module's.
     */

    handlers = &cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;
    ngx_memmove(&h[1], &h[0],
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
    h[0] = (gmcf->tracing & NGX_HTTP_GATEWAY_TRACING_ROUTER)
           ? ngx_http_gateway_route_traced_handler
           : ngx_http_gateway_route_handler;

    return NGX_OK;
}
