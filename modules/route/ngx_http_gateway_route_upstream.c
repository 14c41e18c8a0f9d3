
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The request as the upstream gets it: the URI, the forwarding headers, and
 * nothing that only concerns the hop before us.  The headers go into
 * r->headers_in, which costs a third of what proxy_set_header does.
 */


#include "ngx_http_gateway_route.h"
#include "ngx_http_gateway_headers.h"


/* headers that are set here, in the order of the table below */
enum {
    NGX_HTTP_GATEWAY_X_FORWARDED_FOR = 0,
    NGX_HTTP_GATEWAY_X_FORWARDED_PROTO,
    NGX_HTTP_GATEWAY_X_FORWARDED_HOST,
    NGX_HTTP_GATEWAY_X_FORWARDED_PORT,
    NGX_HTTP_GATEWAY_X_FORWARDED_PATH,
    NGX_HTTP_GATEWAY_X_FORWARDED_PREFIX,
    NGX_HTTP_GATEWAY_X_REAL_IP,
    NGX_HTTP_GATEWAY_VIA,
    NGX_HTTP_GATEWAY_X_KONG_REQUEST_ID,
    NGX_HTTP_GATEWAY_PROXY,
    NGX_HTTP_GATEWAY_PROXY_CONNECTION,
    NGX_HTTP_GATEWAY_FORWARDED_MAX,
    /* only looked for */
    NGX_HTTP_GATEWAY_CONNECTION = NGX_HTTP_GATEWAY_FORWARDED_MAX,
    NGX_HTTP_GATEWAY_TE,
    NGX_HTTP_GATEWAY_FOUND_MAX
};


typedef struct {
    ngx_table_elt_t    *first;
    ngx_uint_t          n;
} ngx_http_gateway_found_t;


static ngx_uint_t ngx_http_gateway_route_is_identity(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_gateway_route_is_disguised(ngx_table_elt_t *h);
static ngx_int_t ngx_http_gateway_route_set_uri(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static ngx_uint_t ngx_http_gateway_route_find(ngx_http_request_t *r,
    ngx_http_gateway_found_t *found);
static ngx_int_t ngx_http_gateway_route_set(ngx_http_request_t *r,
    ngx_http_gateway_found_t *found, ngx_uint_t i, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_route_forward(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_found_t *found);
static ngx_int_t ngx_http_gateway_route_plain(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static ngx_http_gateway_route_listen_t *ngx_http_gateway_route_listen(
    ngx_http_request_t *r, ngx_http_gateway_main_conf_t *gmcf);
static ngx_str_t *ngx_http_gateway_route_via(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_route_via_chain(ngx_http_request_t *r,
    ngx_str_t *value);
static u_char *ngx_http_gateway_route_pending(u_char *p,
    ngx_http_gateway_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_route_lines(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_found_t *found,
    ngx_str_t *values);
static ngx_int_t ngx_http_gateway_route_prefix(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_route_hop_by_hop(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_route_named(ngx_http_request_t *r,
    ngx_str_t *value);
static u_char *ngx_http_gateway_route_number(u_char *p, ngx_uint_t number);


static ngx_http_gateway_header_name_t  ngx_http_gateway_forwarded[] = {
    ngx_http_gateway_header_name("X-Forwarded-For", "x-forwarded-for"),
    ngx_http_gateway_header_name("X-Forwarded-Proto", "x-forwarded-proto"),
    ngx_http_gateway_header_name("X-Forwarded-Host", "x-forwarded-host"),
    ngx_http_gateway_header_name("X-Forwarded-Port", "x-forwarded-port"),
    ngx_http_gateway_header_name("X-Forwarded-Path", "x-forwarded-path"),
    ngx_http_gateway_header_name("X-Forwarded-Prefix", "x-forwarded-prefix"),
    ngx_http_gateway_header_name("X-Real-IP", "x-real-ip"),
    ngx_http_gateway_header_name("Via", "via"),
    ngx_http_gateway_header_name("X-Kong-Request-Id", "x-kong-request-id"),
    ngx_http_gateway_header_name("Proxy", "proxy"),
    ngx_http_gateway_header_name("Proxy-Connection", "proxy-connection"),
    ngx_http_gateway_header_name("Connection", "connection"),
    ngx_http_gateway_header_name("TE", "te")
};


ngx_int_t
ngx_http_gateway_route_prepare(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_int_t                 n;
    ngx_http_gateway_found_t  found[NGX_HTTP_GATEWAY_FOUND_MAX];

    if (ngx_http_gateway_route_set_uri(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(found, sizeof(found));

    if (!ngx_http_gateway_route_find(r, found)
        && ctx->service->headers_block && !ctx->trusted)
    {
        /* the common case: nobody said anything that we say */
        return ngx_http_gateway_route_plain(r, ctx);
    }

    if (found[NGX_HTTP_GATEWAY_CONNECTION].n) {
        n = ngx_http_gateway_route_hop_by_hop(r);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n) {
            /* what was found may have moved */
            ngx_memzero(found, sizeof(found));
            (void) ngx_http_gateway_route_find(r, found);
        }
    }

    return ngx_http_gateway_route_forward(r, ctx, found);
}


/*
 * $gateway_upstream_headers of a request without any of the headers that
 * concern us.  What is the same for all requests of a listener is copied in
 * one piece.
 */

static ngx_int_t
ngx_http_gateway_route_plain(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    u_char                            *p;
    size_t                             len;
    ngx_str_t                          id, host, prefix, *addr;
    ngx_uint_t                         i;
    ngx_table_elt_t                   *h;
    ngx_http_gateway_route_listen_t   *listen;
    ngx_http_gateway_main_conf_t      *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    listen = ngx_http_gateway_route_listen(r, gmcf);

    addr = &r->connection->addr_text;

    ngx_http_gateway_route_forwarded_host(r, ctx, &host);
    ngx_str_null(&prefix);

    if (ctx->route->strip_path && ctx->route->has_paths && ctx->matched > 1
        && ngx_http_gateway_route_prefix(r, ctx, &prefix) != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = listen->len + sizeof("\r\nX-Kong-Request-Id: ") - 1
          + NGX_HTTP_GATEWAY_REQUEST_ID_LEN
          + sizeof("\r\nX-Real-IP: \r\nX-Forwarded-For: ") - 1
          + 2 * addr->len
          + sizeof("\r\nX-Forwarded-Host: \r\nX-Forwarded-Path: ") - 1
          + host.len + ctx->target.len
          + sizeof("\r\nX-Forwarded-Prefix: ") - 1 + prefix.len;

    h = ctx->pending;

    for (i = 0; i < ctx->npending; i++) {
        len += h[i].key.len + h[i].value.len + sizeof("\r\n: ") - 1;
    }

    p = ngx_pnalloc(r->pool, ctx->upstream_host.len + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->forwarded_host = ctx->upstream_host.data;
    p = ngx_cpymem(p, ctx->upstream_host.data, ctx->upstream_host.len);

    ctx->forwarded.data = p;

    p = ngx_cpymem(p, listen->text, listen->len);

    if (gmcf->headers_upstream & NGX_HTTP_GATEWAY_HEADER_REQUEST_ID) {
        ngx_http_gateway_request_id(ctx, &id);
        p = ngx_cpymem(p, "\r\nX-Kong-Request-Id: ",
                       sizeof("\r\nX-Kong-Request-Id: ") - 1);
        p = ngx_cpymem(p, id.data, NGX_HTTP_GATEWAY_REQUEST_ID_LEN);
    }

    p = ngx_cpymem(p, "\r\nX-Real-IP: ", sizeof("\r\nX-Real-IP: ") - 1);
    p = ngx_cpymem(p, addr->data, addr->len);
    p = ngx_cpymem(p, "\r\nX-Forwarded-For: ",
                   sizeof("\r\nX-Forwarded-For: ") - 1);
    p = ngx_cpymem(p, addr->data, addr->len);

    if (host.len) {
        p = ngx_cpymem(p, "\r\nX-Forwarded-Host: ",
                       sizeof("\r\nX-Forwarded-Host: ") - 1);
        p = ngx_cpymem(p, host.data, host.len);
    }

    p = ngx_cpymem(p, "\r\nX-Forwarded-Path: ",
                   sizeof("\r\nX-Forwarded-Path: ") - 1);
    p = ngx_cpymem(p, ctx->target.data, ctx->target.len);

    if (prefix.len) {
        p = ngx_cpymem(p, "\r\nX-Forwarded-Prefix: ",
                       sizeof("\r\nX-Forwarded-Prefix: ") - 1);
        p = ngx_cpymem(p, prefix.data, prefix.len);
    }

    p = ngx_http_gateway_route_pending(p, ctx);

    ctx->forwarded.len = p - ctx->forwarded.data;

    return NGX_OK;
}


/* the lines that depend on the listener and the protocol; made once each */

static ngx_http_gateway_route_listen_t *
ngx_http_gateway_route_listen(ngx_http_request_t *r,
    ngx_http_gateway_main_conf_t *gmcf)
{
    u_char                             *p;
    in_port_t                           port;
    ngx_str_t                          *via;
    ngx_uint_t                          i, kind;
    ngx_http_gateway_route_listen_t    *listen;
    ngx_http_gateway_route_srv_conf_t  *rscf;

    rscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_route_module);

    port = ngx_http_gateway_port(r);
    kind = r->http_version;

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        kind |= 0x10000;
    }
#endif

    for (i = 0; i < NGX_HTTP_GATEWAY_ROUTE_LISTENS - 1; i++) {
        listen = &rscf->listens[i];

        if (listen->port == port && listen->kind == kind) {
            return listen;
        }

        if (listen->len == 0) {
            break;
        }
    }

    /* the last one is written anew each time */

    listen = &rscf->listens[i];
    via = ngx_http_gateway_route_via(r);

    p = ngx_cpymem(listen->text, "\r\nConnection: keep-alive",
                   sizeof("\r\nConnection: keep-alive") - 1);
    p = ngx_cpymem(p, "\r\nX-Forwarded-Proto: http",
                   sizeof("\r\nX-Forwarded-Proto: http") - 1);

    if (kind & 0x10000) {
        *p++ = 's';
    }

    p = ngx_cpymem(p, "\r\nX-Forwarded-Port: ",
                   sizeof("\r\nX-Forwarded-Port: ") - 1);
    p = ngx_http_gateway_route_number(p, port);
    p = ngx_cpymem(p, "\r\nVia: ", sizeof("\r\nVia: ") - 1);
    p = ngx_cpymem(p, via->data, via->len);

    listen->port = port;
    listen->kind = kind;
    listen->len = p - listen->text;

    return listen;
}


static ngx_str_t *
ngx_http_gateway_route_via(ngx_http_request_t *r)
{
    static ngx_str_t  via10 = ngx_string("1.0 " NGX_HTTP_GATEWAY_TOKEN);
    static ngx_str_t  via11 = ngx_string("1.1 " NGX_HTTP_GATEWAY_TOKEN);
    static ngx_str_t  via2 = ngx_string("2 " NGX_HTTP_GATEWAY_TOKEN);
    static ngx_str_t  via3 = ngx_string("3 " NGX_HTTP_GATEWAY_TOKEN);

    return (r->http_version < NGX_HTTP_VERSION_11) ? &via10
           : (r->http_version < NGX_HTTP_VERSION_20) ? &via11
             : (r->http_version == NGX_HTTP_VERSION_20) ? &via2 : &via3;
}


/* the received ones, in however many lines, before ours */

static ngx_int_t
ngx_http_gateway_route_via_chain(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char           *p;
    size_t            len;
    ngx_str_t         own;
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    static ngx_str_t  via = ngx_string("via");

    own = *value;
    len = own.len;

    for (n = 0; /* void */ ; n++) {
        h = ngx_http_gateway_header_in(r, &via, n);

        if (h == NULL) {
            break;
        }

        len += h->value.len + 2;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    for (n = 0; /* void */ ; n++) {
        h = ngx_http_gateway_header_in(r, &via, n);

        if (h == NULL) {
            break;
        }

        if (h->value.len) {
            p = ngx_cpymem(p, h->value.data, h->value.len);
            *p++ = ',';
            *p++ = ' ';
        }
    }

    p = ngx_cpymem(p, own.data, own.len);
    value->len = p - value->data;

    return NGX_OK;
}


static u_char *
ngx_http_gateway_route_pending(u_char *p, ngx_http_gateway_ctx_t *ctx)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    h = ctx->pending;

    for (i = 0; i < ctx->npending; i++) {
        *p++ = CR;
        *p++ = LF;
        p = ngx_cpymem(p, h[i].key.data, h[i].key.len);
        *p++ = ':';
        *p++ = ' ';
        p = ngx_cpymem(p, h[i].value.data, h[i].value.len);
    }

    return p;
}


void
ngx_http_gateway_route_target(ngx_http_request_t *r, ngx_str_t *path,
    ngx_str_t *args)
{
    u_char  *p, *last;

    *path = r->unparsed_uri;

    /* a "?" counts from the second character on */

    p = path->data + (path->len ? 1 : 0);
    last = path->data + path->len;

    p = ngx_strlchr(p, last, '?');

    if (p) {
        args->data = p;
        args->len = last - p;
        path->len = p - path->data;
        return;
    }

    ngx_str_null(args);
}


void
ngx_http_gateway_route_forwarded_host(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *host)
{
    ngx_table_elt_t           *h;
    ngx_http_core_srv_conf_t  *cscf;

    if (ctx->trusted) {
        h = ngx_http_gateway_header_in(r,
               &ngx_http_gateway_forwarded[NGX_HTTP_GATEWAY_X_FORWARDED_HOST]
                   .lowcase, 0);
        if (h) {
            *host = h->value;
            return;
        }
    }

    if (r->headers_in.server.len) {
        *host = r->headers_in.server;
        return;
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    *host = cscf->server_name;
}


/*
 * X-Consumer-*, X-Authenticated-*, X-Credential-Identifier and
 * X-Anonymous-Consumer; also spelled with "_", which CGI and many frameworks
 * take for the same.  For that reason other headers go too when they are
 * spelled so: what the gateway itself says of the client's address, and what
 * says where the body ends.
 */

void
ngx_http_gateway_route_strip_identity(ngx_http_request_t *r)
{
    ngx_str_t         lowcase;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

again:

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len < sizeof("x-real-ip") - 1) {
            continue;
        }

        switch (h[i].lowcase_key[0]) {

        case 'x':

            if (h[i].lowcase_key[2] == 'c' || h[i].lowcase_key[2] == 'a') {

                if (ngx_http_gateway_route_is_identity(&h[i])) {
                    break;
                }

                continue;
            }

            if ((h[i].lowcase_key[2] == 'f' || h[i].lowcase_key[2] == 'r')
                && ngx_http_gateway_route_is_disguised(&h[i]))
            {
                break;
            }

            continue;

        case 'c':

            if (h[i].lowcase_key[7] == '_'
                && ngx_http_gateway_route_is_disguised(&h[i]))
            {
                break;
            }

            continue;

        case 't':

            if (h[i].lowcase_key[8] == '_'
                && ngx_http_gateway_route_is_disguised(&h[i]))
            {
                break;
            }

            continue;

        default:
            continue;
        }

        lowcase.data = h[i].lowcase_key;
        lowcase.len = h[i].key.len;

        (void) ngx_http_gateway_header_in_remove(r, &lowcase);

        goto again;
    }
}


static ngx_uint_t
ngx_http_gateway_route_is_identity(ngx_table_elt_t *h)
{
    u_char      name[24];
    ngx_uint_t  k, len;

    len = ngx_min(h->key.len, sizeof(name));

    for (k = 0; k < len; k++) {
        name[k] = h->lowcase_key[k] == '_' ? '-' : h->lowcase_key[k];
    }

    return (len >= 11 && ngx_strncmp(name, "x-consumer-", 11) == 0)
           || (len >= 16 && ngx_strncmp(name, "x-authenticated-", 16) == 0)
           || (h->key.len == 23
               && ngx_strncmp(name, "x-credential-identifier", 23) == 0)
           || (h->key.len == 20
               && ngx_strncmp(name, "x-anonymous-consumer", 20) == 0);
}


/* a name that only "_" tells from one which is not the client's to choose */

static ngx_uint_t
ngx_http_gateway_route_is_disguised(ngx_table_elt_t *h)
{
    ngx_str_t   *name;
    ngx_uint_t   k, n;

    static ngx_str_t  names[] = {
        ngx_string("x-real-ip"),
        ngx_string("x-forwarded-for"),
        ngx_string("x-forwarded-host"),
        ngx_string("x-forwarded-port"),
        ngx_string("x-forwarded-path"),
        ngx_string("x-forwarded-proto"),
        ngx_string("x-forwarded-prefix"),
        ngx_string("content-length"),
        ngx_string("transfer-encoding"),
        ngx_null_string
    };

    for (name = names; name->len; name++) {

        if (name->len != h->key.len) {
            continue;
        }

        n = 0;

        for (k = 0; k < name->len; k++) {

            if (h->lowcase_key[k] == '_' && name->data[k] == '-') {
                n++;
                continue;
            }

            if (h->lowcase_key[k] != name->data[k]) {
                break;
            }
        }

        if (k == name->len) {
            return n;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_route_set_uri(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    u_char                        *p;
    size_t                         len;
    ngx_str_t                      args;
    ngx_uint_t                     strip;
    gateway_str_t                  service, path;
    ngx_http_gateway_route_t      *route;
    ngx_http_gateway_main_conf_t  *gmcf;

    route = ctx->route;
    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    /* $request_uri in logs stays what the client sent */

    if (gmcf->request_uri_index != NGX_ERROR) {
        (void) ngx_http_get_indexed_variable(r, gmcf->request_uri_index);
    }

    if (ctx->upstream_uri.len == 0) {

        /* the path of a gRPC request names the method: nothing is stripped */

        strip = route->strip_path && !(ctx->service->protocol.len
                                       && ctx->service->protocol.data[0]
                                          == 'g');

        service.data = (char *) ctx->service->path.data;
        service.len = ctx->service->path.len;
        path.data = (char *) ctx->path.data;
        path.len = ctx->path.len;

        p = ngx_pnalloc(r->pool, service.len + path.len + 2);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ctx->upstream_uri.data = p;
        ctx->upstream_uri.len = gateway_path_upstream((char *) p, &service,
                                      &path, ctx->matched, route->has_paths,
                                      strip, route->joins_v1);
    }

    args = ctx->args_changed ? ctx->args : ctx->query;

    len = ctx->upstream_uri.len;

    p = ngx_pnalloc(r->pool, 3 * len + args.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    r->unparsed_uri.data = p;

    if (gateway_path_is_clean((char *) ctx->upstream_uri.data, len)) {
        p = ngx_cpymem(p, ctx->upstream_uri.data, len);

    } else {
        p += gateway_path_escape((char *) p, (char *) ctx->upstream_uri.data,
                                 len);
    }

    if (ctx->args_changed && args.len) {
        *p++ = '?';
    }

    p = ngx_cpymem(p, args.data, args.len);

    r->unparsed_uri.len = p - r->unparsed_uri.data;
    r->valid_unparsed_uri = 1;

    return NGX_OK;
}


static u_char *
ngx_http_gateway_route_number(u_char *p, ngx_uint_t number)
{
    ngx_uint_t  scale;

    for (scale = 1; scale <= number / 10; scale *= 10) { /* void */ }

    for ( /* void */ ; scale; scale /= 10) {
        *p++ = (u_char) ('0' + number / scale % 10);
    }

    return p;
}


/* headers named in the client's Connection concern only this hop; how many */

static ngx_int_t
ngx_http_gateway_route_hop_by_hop(ngx_http_request_t *r)
{
    ngx_int_t         rc, removed;
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    static ngx_str_t  connection = ngx_string("connection");

    removed = 0;

    for (n = 0; /* void */ ; n++) {

        h = ngx_http_gateway_header_in(r, &connection, n);

        if (h == NULL) {
            return removed;
        }

        rc = ngx_http_gateway_route_named(r, &h->value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        removed += rc;
    }
}


/* takes out the headers that one value of Connection names; how many */

static ngx_int_t
ngx_http_gateway_route_named(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char     *p, *last, *start, *lowcase;
    ngx_int_t   removed;
    ngx_str_t   name, *k;

    static ngx_str_t  keep[] = {
        ngx_string("close"), ngx_string("keep-alive"), ngx_string("upgrade"),
        /* nginx decides about Connection itself; the others say how the
           request is framed, routed or answered */
        ngx_string("connection"), ngx_string("host"),
        ngx_string("content-length"), ngx_string("transfer-encoding"),
        ngx_string("te"), ngx_null_string
    };

    removed = 0;
    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
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

        if (name.len == 0) {
            continue;
        }

        for (k = keep; k->len; k++) {
            if (k->len == name.len
                && ngx_strncasecmp(k->data, name.data, name.len) == 0)
            {
                break;
            }
        }

        if (k->len) {
            continue;
        }

        lowcase = ngx_pnalloc(r->pool, name.len);
        if (lowcase == NULL) {
            return NGX_ERROR;
        }

        ngx_strlow(lowcase, name.data, name.len);
        name.data = lowcase;

        removed += ngx_http_gateway_header_in_remove(r, &name);
    }

    return removed;
}


/*
 * One walk over the request's headers for all names of the table; whether
 * there is any of them, or Upgrade.  A header is told by its length and last
 * letters first: most have neither.
 */

static ngx_uint_t
ngx_http_gateway_route_find(ngx_http_request_t *r,
    ngx_http_gateway_found_t *found)
{
    ngx_uint_t                       i, k, any;
    ngx_list_part_t                 *part;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_name_t  *name;

    any = 0;
    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return any;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        switch (h[i].lowcase_key[0]) {

        case 'c':

            if (h[i].key.len != sizeof("connection") - 1) {
                continue;
            }

            k = NGX_HTTP_GATEWAY_CONNECTION;
            break;

        case 't':
            k = NGX_HTTP_GATEWAY_TE;
            break;

        case 'u':

            if (h[i].key.len == sizeof("upgrade") - 1) {
                any = 1;
            }

            continue;

        case 'v':
            k = NGX_HTTP_GATEWAY_VIA;
            break;

        case 'p':
            k = h[i].key.len == 5 ? NGX_HTTP_GATEWAY_PROXY
                                  : NGX_HTTP_GATEWAY_PROXY_CONNECTION;
            break;

        case 'x':

            switch (h[i].key.len) {

            case sizeof("X-Forwarded-For") - 1:
                k = NGX_HTTP_GATEWAY_X_FORWARDED_FOR;
                break;

            case sizeof("X-Forwarded-Host") - 1:

                k = (h[i].lowcase_key[12] == 'h')
                    ? NGX_HTTP_GATEWAY_X_FORWARDED_HOST
                    : (h[i].lowcase_key[13] == 'o')
                      ? NGX_HTTP_GATEWAY_X_FORWARDED_PORT
                      : NGX_HTTP_GATEWAY_X_FORWARDED_PATH;
                break;

            case sizeof("X-Forwarded-Proto") - 1:

                /* X-Kong-Request-Id is of the same length */

                k = (h[i].lowcase_key[2] == 'f')
                    ? NGX_HTTP_GATEWAY_X_FORWARDED_PROTO
                    : NGX_HTTP_GATEWAY_X_KONG_REQUEST_ID;
                break;

            case sizeof("X-Forwarded-Prefix") - 1:
                k = NGX_HTTP_GATEWAY_X_FORWARDED_PREFIX;
                break;

            case sizeof("X-Real-IP") - 1:
                k = NGX_HTTP_GATEWAY_X_REAL_IP;
                break;

            default:
                continue;
            }

            break;

        default:
            continue;
        }

        name = &ngx_http_gateway_forwarded[k];

        if (h[i].key.len != name->lowcase.len
            || ngx_strncmp(h[i].lowcase_key, name->lowcase.data,
                           name->lowcase.len) != 0)
        {
            continue;
        }

        any = 1;

        if (found[k].n++ == 0) {
            found[k].first = &h[i];
        }
    }
}


/* value NULL: the header goes */

static ngx_int_t
ngx_http_gateway_route_set(ngx_http_request_t *r,
    ngx_http_gateway_found_t *found, ngx_uint_t i, ngx_str_t *value)
{
    ngx_http_gateway_header_name_t  *header;

    header = &ngx_http_gateway_forwarded[i];

    if (value == NULL || value->len == 0) {

        if (found[i].n) {
            (void) ngx_http_gateway_header_in_remove(r, &header->lowcase);
        }

        return NGX_OK;
    }

    if (found[i].n) {
        return ngx_http_gateway_header_in_put(r, header, value);
    }

    return ngx_http_gateway_header_in_add(r, header, value);
}


static ngx_int_t
ngx_http_gateway_route_forward(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_found_t *found)
{
    u_char                        *p;
    in_port_t                      port;
    ngx_str_t                      values[NGX_HTTP_GATEWAY_FORWARDED_MAX],
                                   *addr, *v;
    ngx_uint_t                     i;
    ngx_table_elt_t               *h;
    ngx_http_gateway_main_conf_t  *gmcf;

    static ngx_str_t  http = ngx_string("http");
    static ngx_str_t  https = ngx_string("https");

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    ngx_memzero(values, sizeof(values));

    /* X-Forwarded-For: the address before realip is appended, by whomever */

    addr = ctx->peer_addr.len ? &ctx->peer_addr : &r->connection->addr_text;
    v = &values[NGX_HTTP_GATEWAY_X_FORWARDED_FOR];
    h = found[NGX_HTTP_GATEWAY_X_FORWARDED_FOR].first;

    if (h && h->value.len) {
        p = ngx_pnalloc(r->pool, h->value.len + 2 + addr->len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        v->data = p;
        p = ngx_cpymem(p, h->value.data, h->value.len);
        *p++ = ',';
        *p++ = ' ';
        p = ngx_cpymem(p, addr->data, addr->len);
        v->len = p - v->data;

    } else {
        *v = r->connection->addr_text;
    }

    values[NGX_HTTP_GATEWAY_X_REAL_IP] = r->connection->addr_text;

    values[NGX_HTTP_GATEWAY_X_FORWARDED_PROTO] = http;

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        values[NGX_HTTP_GATEWAY_X_FORWARDED_PROTO] = https;
    }
#endif

    ngx_http_gateway_route_forwarded_host(r, ctx,
                                &values[NGX_HTTP_GATEWAY_X_FORWARDED_HOST]);

    port = ngx_http_gateway_port(r);

    p = ngx_pnalloc(r->pool, sizeof("65535") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    values[NGX_HTTP_GATEWAY_X_FORWARDED_PORT].data = p;
    values[NGX_HTTP_GATEWAY_X_FORWARDED_PORT].len =
                              ngx_http_gateway_route_number(p, port) - p;

    values[NGX_HTTP_GATEWAY_X_FORWARDED_PATH] = ctx->target;

    if (ctx->route->strip_path && ctx->route->has_paths && ctx->matched > 1
        && ngx_http_gateway_route_prefix(r, ctx,
                               &values[NGX_HTTP_GATEWAY_X_FORWARDED_PREFIX])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* trusted peers may have said all of this better */

    if (ctx->trusted) {
        for (i = NGX_HTTP_GATEWAY_X_FORWARDED_PROTO;
             i <= NGX_HTTP_GATEWAY_X_FORWARDED_PREFIX;
             i++)
        {
            if (found[i].first && found[i].first->value.len) {
                values[i] = found[i].first->value;
            }
        }
    }

    v = &values[NGX_HTTP_GATEWAY_VIA];
    *v = *ngx_http_gateway_route_via(r);

    if (found[NGX_HTTP_GATEWAY_VIA].n
        && ngx_http_gateway_route_via_chain(r, v) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (gmcf->headers_upstream & NGX_HTTP_GATEWAY_HEADER_REQUEST_ID) {
        ngx_http_gateway_request_id(ctx,
                               &values[NGX_HTTP_GATEWAY_X_KONG_REQUEST_ID]);

    } else if (found[NGX_HTTP_GATEWAY_X_KONG_REQUEST_ID].first) {

        /* a client's own value passes then */

        values[NGX_HTTP_GATEWAY_X_KONG_REQUEST_ID] =
                     found[NGX_HTTP_GATEWAY_X_KONG_REQUEST_ID].first->value;
    }

    if (ctx->service->headers_block) {
        return ngx_http_gateway_route_lines(r, ctx, found, values);
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_FORWARDED_MAX; i++) {
        if (ngx_http_gateway_route_set(r, found, i, &values[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what was stripped; decoded bytes that a header may not hold are encoded */

static ngx_int_t
ngx_http_gateway_route_prefix(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *value)
{
    value->data = ctx->path.data;
    value->len = ctx->matched;

    if (gateway_path_is_clean((char *) value->data, value->len)) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(r->pool, 3 * ctx->matched);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = gateway_path_escape((char *) value->data,
                                     (char *) ctx->path.data, ctx->matched);

    return NGX_OK;
}


/* inlined, so that name is copied by its constant length */

static ngx_inline u_char *
ngx_http_gateway_route_line(u_char *p, const char *name, ngx_str_t *values,
    ngx_uint_t i)
{
    if (values[i].len) {
        p = ngx_cpymem(p, name, strlen(name));
        p = ngx_cpymem(p, values[i].data, values[i].len);
    }

    return p;
}


/*
 * The headers as lines that follow Host in $gateway_upstream_headers.  No
 * value may hold a line end: what clients sent was checked by nginx's parser,
 * paths are encoded above, names of consumers are checked when configured.
 */

static ngx_int_t
ngx_http_gateway_route_lines(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_found_t *found,
    ngx_str_t *values)
{
    u_char           *p;
    size_t            len;
    ngx_str_t         te;
    ngx_uint_t        i, websocket;
    ngx_table_elt_t  *h;

    h = r->headers_in.upgrade;
    websocket = h && h->value.len == sizeof("websocket") - 1
                && ngx_strncasecmp(h->value.data, (u_char *) "websocket",
                                   sizeof("websocket") - 1)
                   == 0;

    ngx_str_null(&te);
    h = found[NGX_HTTP_GATEWAY_TE].first;

    if (h && ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                              (u_char *) "trailers",
                              sizeof("trailers") - 1 - 1))
    {
        ngx_str_set(&te, "\r\nTE: trailers");
    }

    len = sizeof("\r\nConnection: keep-alive, Upgrade"
                 "\r\nUpgrade: websocket") - 1 + te.len;

    for (i = 0; i < NGX_HTTP_GATEWAY_FORWARDED_MAX; i++) {

        if (found[i].n) {
            (void) ngx_http_gateway_header_in_remove(r,
                                    &ngx_http_gateway_forwarded[i].lowcase);
        }

        if (values[i].len) {
            len += ngx_http_gateway_forwarded[i].name.len + values[i].len
                   + sizeof("\r\n: ") - 1;
        }
    }

    for (i = 0; i < ctx->npending; i++) {
        len += ctx->pending[i].key.len + ctx->pending[i].value.len
               + sizeof("\r\n: ") - 1;
    }

    p = ngx_pnalloc(r->pool, ctx->upstream_host.len + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->forwarded_host = ctx->upstream_host.data;
    p = ngx_cpymem(p, ctx->upstream_host.data, ctx->upstream_host.len);

    ctx->forwarded.data = p;

    p = ngx_cpymem(p, "\r\nConnection: keep-alive",
                   sizeof("\r\nConnection: keep-alive") - 1);

    if (websocket) {
        p = ngx_cpymem(p, ", Upgrade\r\nUpgrade: websocket",
                       sizeof(", Upgrade\r\nUpgrade: websocket") - 1);
    }

    p = ngx_cpymem(p, te.data, te.len);

    p = ngx_http_gateway_route_line(p, "\r\nX-Forwarded-For: ",
                                values, NGX_HTTP_GATEWAY_X_FORWARDED_FOR);
    p = ngx_http_gateway_route_line(p, "\r\nX-Forwarded-Proto: ",
                                values, NGX_HTTP_GATEWAY_X_FORWARDED_PROTO);
    p = ngx_http_gateway_route_line(p, "\r\nX-Forwarded-Host: ",
                                values, NGX_HTTP_GATEWAY_X_FORWARDED_HOST);
    p = ngx_http_gateway_route_line(p, "\r\nX-Forwarded-Port: ",
                                values, NGX_HTTP_GATEWAY_X_FORWARDED_PORT);
    p = ngx_http_gateway_route_line(p, "\r\nX-Forwarded-Path: ",
                                values, NGX_HTTP_GATEWAY_X_FORWARDED_PATH);
    p = ngx_http_gateway_route_line(p, "\r\nX-Forwarded-Prefix: ",
                                values, NGX_HTTP_GATEWAY_X_FORWARDED_PREFIX);
    p = ngx_http_gateway_route_line(p, "\r\nX-Real-IP: ",
                                values, NGX_HTTP_GATEWAY_X_REAL_IP);
    p = ngx_http_gateway_route_line(p, "\r\nVia: ",
                                values, NGX_HTTP_GATEWAY_VIA);
    p = ngx_http_gateway_route_line(p, "\r\nX-Kong-Request-Id: ",
                                values, NGX_HTTP_GATEWAY_X_KONG_REQUEST_ID);

    p = ngx_http_gateway_route_pending(p, ctx);

    ctx->forwarded.len = p - ctx->forwarded.data;

    return NGX_OK;
}
