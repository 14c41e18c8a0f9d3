
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Where a session goes.  It is routed once, before any TLS handshake: the
 * ClientHello is looked at but not taken from the socket, so that the same
 * listener can hand a connection on as it is (tls_passthrough) or let nginx
 * terminate it (tls).  From the preread phase on the session runs with the
 * configuration of its service.
 */


#include "ngx_stream_gateway.h"


static ngx_int_t ngx_stream_gateway_greet(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx);
static ngx_int_t ngx_stream_gateway_wait(ngx_stream_session_t *s,
    ngx_uint_t begun);
static ngx_int_t ngx_stream_gateway_route(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx);
static ngx_int_t ngx_stream_gateway_addr(struct sockaddr *sa,
    gateway_stream_addr_t *addr);
static ngx_int_t ngx_stream_gateway_restrict(ngx_stream_session_t *s,
    ngx_stream_gateway_route_t *route);


ngx_int_t
ngx_stream_gateway_access_handler(ngx_stream_session_t *s)
{
    ngx_int_t                       rc;
    ngx_stream_gateway_ctx_t       *ctx;
    ngx_stream_gateway_srv_conf_t  *gscf;

    gscf = ngx_stream_get_module_srv_conf(s, ngx_stream_gateway_module);

    if (gscf->router == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_stream_get_module_ctx(s, ngx_stream_gateway_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(s->connection->pool,
                          sizeof(ngx_stream_gateway_ctx_t));
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        ctx->session = s;
        ngx_stream_set_ctx(s, ctx, ngx_stream_gateway_module);
    }

    if (ctx->route == NULL) {

        rc = ngx_stream_gateway_greet(s, ctx);

        if (rc == NGX_OK) {
            rc = ngx_stream_gateway_route(s, ctx);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_stream_gateway_resolve(s, ctx);

    return rc == NGX_OK ? NGX_DECLINED : rc;
}


/* NGX_OK, NGX_AGAIN, or the status that ends the session */

static ngx_int_t
ngx_stream_gateway_greet(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx)
{
    int                rc;
    char               name[GATEWAY_CLIENT_HELLO_NAME];
    size_t             len;
    ssize_t            n;
    ngx_err_t          err;
    ngx_event_t       *rev;
    ngx_connection_t  *c;
    u_char             buf[GATEWAY_CLIENT_HELLO_MAX];

    c = s->connection;
    rev = c->read;

    if (ctx->greeted || !s->ssl || c->type != SOCK_STREAM) {
        return NGX_OK;
    }

    c->log->action = "waiting for a TLS client";

    if (rev->timedout) {
        ngx_connection_error(c, NGX_ETIMEDOUT, "client timed out");
        return NGX_STREAM_OK;
    }

    n = recv(c->fd, (char *) buf, sizeof(buf), MSG_PEEK);

    err = ngx_socket_errno;

    ngx_log_debug1(NGX_LOG_DEBUG_STREAM, c->log, 0,
                   "gateway stream peeked: %z", n);

    if (n == -1) {

        if (err == NGX_EAGAIN) {
            return ngx_stream_gateway_wait(s, 0);
        }

        ngx_connection_error(c, err, "recv() failed");
        return NGX_STREAM_OK;
    }

    if (n == 0) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client closed connection before its TLS handshake");
        return NGX_STREAM_OK;
    }

    rc = gateway_client_hello(buf, (size_t) n, name, &len);

    if (rc == 1 && n < (ssize_t) sizeof(buf)) {
        return ngx_stream_gateway_wait(s, 1);
    }

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    ctx->greeted = 1;

    if (rc != 0 || len == 0) {
        return NGX_OK;
    }

    if (len > 1 && name[len - 1] == '.') {
        len--;
    }

    ctx->sni.data = ngx_pnalloc(c->pool, len);
    if (ctx->sni.data == NULL) {
        return NGX_ERROR;
    }

    ctx->sni.len = len;
    ngx_strlow(ctx->sni.data, (u_char *) name, len);

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_wait(ngx_stream_session_t *s, ngx_uint_t begun)
{
    ngx_event_t                 *rev;
    ngx_connection_t            *c;
    ngx_stream_core_srv_conf_t  *cscf;

    c = s->connection;
    rev = c->read;

    /* what was peeked at hides the end behind it from recv() */

    if (begun && rev->pending_eof) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client closed connection within its ClientHello");
        return NGX_STREAM_OK;
    }

    rev->ready = 0;

    if (!rev->timer_set) {
        cscf = ngx_stream_get_module_srv_conf(s, ngx_stream_core_module);
        ngx_add_timer(rev, cscf->preread_timeout);
    }

    rev->handler = ngx_stream_session_handler;

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_stream_gateway_route(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx)
{
    ngx_uint_t                       i;
    ngx_connection_t                *c;
    gateway_stream_request_t         request;
    ngx_stream_gateway_port_t       *port;
    ngx_stream_gateway_route_t      *route;
    const gateway_stream_route_t    *found;
    ngx_stream_gateway_srv_conf_t   *gscf;
    ngx_stream_gateway_main_conf_t  *gmcf;

    c = s->connection;
    gscf = ngx_stream_get_module_srv_conf(s, ngx_stream_gateway_module);
    gmcf = ngx_stream_get_module_main_conf(s, ngx_stream_gateway_module);

    /* with "listen *:port" the address is asked for here */

    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->type == SOCK_DGRAM) {
        request.protocols = GATEWAY_STREAM_UDP;

    } else {
        request.protocols = s->ssl ? GATEWAY_STREAM_ANY_TLS
                                   : GATEWAY_STREAM_TCP;
    }

    request.sni.data = (char *) ctx->sni.data;
    request.sni.len = ctx->sni.len;

    if (ngx_stream_gateway_addr(c->sockaddr, &request.source) != NGX_OK
        || ngx_stream_gateway_addr(c->local_sockaddr, &request.destination)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "gateway stream: neither an IPv4 nor an IPv6 address");
        return NGX_STREAM_INTERNAL_SERVER_ERROR;
    }

    port = gmcf->ports.elts;

    for (i = 0; i < gmcf->ports.nelts; i++) {
        if (port[i].listen == request.destination.port) {
            request.destination.port = port[i].public;
            break;
        }
    }

    found = gateway_stream_router_match(gscf->router, &request);

    if (found == NULL) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "no Route found with those values");
        return NGX_STREAM_INTERNAL_SERVER_ERROR;
    }

    route = found->data;

    ngx_log_debug2(NGX_LOG_DEBUG_STREAM, c->log, 0,
                   "gateway stream route:\"%V\" sni:\"%V\"",
                   &route->name, &ctx->sni);

    if (ngx_stream_gateway_restrict(s, route) != NGX_OK) {
        return NGX_STREAM_FORBIDDEN;
    }

    if (route->service == NULL) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "no Service found with those values");
        return NGX_STREAM_SERVICE_UNAVAILABLE;
    }

    if (route->protocols & GATEWAY_STREAM_PASSTHROUGH) {
        /* nginx takes no part in the handshake */
        s->ssl = 0;
    }

    ctx->route = route;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_addr(struct sockaddr *sa, gateway_stream_addr_t *addr)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;

        ngx_memzero(addr->addr, 10);
        addr->addr[10] = 0xff;
        addr->addr[11] = 0xff;
        ngx_memcpy(&addr->addr[12], &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        ngx_memcpy(addr->addr, &sin6->sin6_addr, 16);
        break;
#endif

    default:
        return NGX_ERROR;
    }

    addr->port = ngx_inet_get_port(sa);

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_restrict(ngx_stream_session_t *s,
    ngx_stream_gateway_route_t *route)
{
    struct sockaddr  *sa;

    sa = s->connection->sockaddr;

    if ((route->deny && ngx_http_gateway_networks_match(route->deny, sa))
        || (route->allow
            && !ngx_http_gateway_networks_match(route->allow, sa)))
    {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "ip_restriction: address not allowed");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* the handshake, if there was one, is over */

ngx_int_t
ngx_stream_gateway_preread_handler(ngx_stream_session_t *s)
{
    ngx_int_t                  rc;
    ngx_stream_gateway_ctx_t  *ctx;

    ctx = ngx_stream_get_module_ctx(s, ngx_stream_gateway_module);

    if (ctx == NULL || ctx->route == NULL) {
        return NGX_DECLINED;
    }

    s->srv_conf = ctx->route->service->srv_conf;

    rc = ngx_stream_gateway_pick(s, ctx);

    if (rc == NGX_DECLINED) {
        return NGX_STREAM_SERVICE_UNAVAILABLE;
    }

    return rc == NGX_OK ? NGX_DECLINED : NGX_ERROR;
}


/* nobody comes here: a session has a service, or ended */

void
ngx_stream_gateway_content_handler(ngx_stream_session_t *s)
{
    ngx_log_error(NGX_LOG_ALERT, s->connection->log, 0,
                  "gateway stream: a session without a service");

    ngx_stream_finalize_session(s, NGX_STREAM_INTERNAL_SERVER_ERROR);
}
