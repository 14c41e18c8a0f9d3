
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The balancer towards the core (first pick) and towards nginx's upstream
 * (peer.init, get, free, TLS sessions).
 *
 * nginx's keepalive finds idle connections by socket address alone.  The
 * address we give it therefore carries a tag in bytes that connect() does
 * not look at: protocol, and for TLS the location's settings and the name,
 * so that no request runs over a connection verified for another name.
 */


#include "ngx_http_gateway_upstream_peers.h"
#include "ngx_http_gateway_reply.h"

#include <ngx_md5.h>


static ngx_http_gateway_upstream_try_t *ngx_http_gateway_upstream_try(
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_upstream_cleanup(void *data);
static void ngx_http_gateway_upstream_resume(
    ngx_http_gateway_upstream_try_t *t);
static ngx_int_t ngx_http_gateway_upstream_next(
    ngx_http_gateway_upstream_try_t *t);
static ngx_int_t ngx_http_gateway_upstream_fail(ngx_http_request_t *r,
    ngx_http_gateway_upstream_balancer_t *b);
static void ngx_http_gateway_upstream_host(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_upstream_peer_t *peer,
    ngx_str_t *host);

static ngx_int_t ngx_http_gateway_upstream_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_gateway_upstream_get_peer(
    ngx_peer_connection_t *pc, void *data);
static ngx_int_t ngx_http_gateway_upstream_update_host(
    ngx_http_gateway_upstream_try_t *t);
static ngx_int_t ngx_http_gateway_upstream_address(
    ngx_http_gateway_upstream_try_t *t, ngx_peer_connection_t *pc);
static void ngx_http_gateway_upstream_free_peer(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_gateway_upstream_set_session(
    ngx_peer_connection_t *pc, void *data);
static void ngx_http_gateway_upstream_save_session(
    ngx_peer_connection_t *pc, void *data);
#endif

static ngx_int_t ngx_http_gateway_upstream_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_upstream_rewrite_handler(
    ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_gateway_upstream_pick(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_int_t                           rc;
    ngx_http_gateway_upstream_try_t    *t;
    ngx_http_gateway_upstream_peer_t   *peer;

    t = ctx->upstream;

    if (t == NULL) {
        t = ngx_http_gateway_upstream_try(r, ctx);
        if (t == NULL) {
            return NGX_ERROR;
        }

        ctx->upstream = t;
    }

    if (t->waiting) {
        return NGX_AGAIN;
    }

    if (t->picked || t->taken) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_upstream_resolve(t);

    if (rc == NGX_AGAIN) {

        /* a client that goes away takes the request with it */

        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_ERROR;
        }

        r->read_event_handler = ngx_http_test_reading;

        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_upstream_next(t);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_upstream_fail(r, t->balancer);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    t->picked = 1;

    peer = t->set->slots[t->current].peer;

    ngx_http_gateway_upstream_host(r, ctx, peer, &ctx->upstream_host);

    ctx->balanced = ngx_current_msec;
    ctx->proxied = 1;

    return NGX_OK;
}


static ngx_http_gateway_upstream_try_t *
ngx_http_gateway_upstream_try(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_pool_cleanup_t               *cln;
    ngx_http_gateway_upstream_try_t  *t;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_gateway_upstream_try_t));
    if (cln == NULL) {
        return NULL;
    }

    t = cln->data;
    ngx_memzero(t, sizeof(ngx_http_gateway_upstream_try_t));

    t->resume = ngx_http_gateway_upstream_resume;
    t->request = r;
    t->ctx = ctx;
    t->balancer = ctx->balancer ? ctx->balancer
                  : ctx->service ? ctx->service->balancer : NULL;
    t->current = NGX_HTTP_GATEWAY_UPSTREAM_NONE;

    cln->handler = ngx_http_gateway_upstream_cleanup;

    return t;
}


static void
ngx_http_gateway_upstream_cleanup(void *data)
{
    ngx_http_gateway_upstream_try_t  *t = data;

    if (t->waiting) {
        ngx_queue_remove(&t->queue);
    }

    if (t->set == NULL) {
        return;
    }

    /* the request has been logged by now */

    if (t->pending) {
        ngx_http_gateway_upstream_report_attempt(t, 1);
    }

    if (t->counted) {
        t->set->slots[t->current].peer->active--;
    }

    ngx_http_gateway_upstream_set_release(t->set);
}


/* names have been resolved, or could not be */

static void
ngx_http_gateway_upstream_resume(ngx_http_gateway_upstream_try_t *t)
{
    ngx_http_request_t  *r;

    r = t->request;

    ngx_http_set_log_request(r->connection->log, r);

    r->read_event_handler = ngx_http_block_reading;

    ngx_http_gateway_resume(r);
}


/* the next peer by the algorithm; all attempts use one set */

static ngx_int_t
ngx_http_gateway_upstream_next(ngx_http_gateway_upstream_try_t *t)
{
    ngx_int_t                            rc;
    ngx_http_gateway_upstream_checks_t  *checks;

    if (t->balancer == NULL) {
        return NGX_DECLINED;
    }

    checks = t->balancer->checks;

    if (t->set == NULL) {
        t->set = ngx_http_gateway_upstream_set(t->balancer);

        if (t->set == NULL) {
            return NGX_ERROR;
        }

        t->set->refs++;

    } else if (checks && checks->seen != *checks->generation) {
        ngx_http_gateway_upstream_sync(t->balancer);
    }

    rc = ngx_http_gateway_upstream_choose(t);

    if (rc == NGX_OK) {
        t->set->slots[t->current].peer->active++;
        t->counted = 1;
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_upstream_fail(ngx_http_request_t *r,
    ngx_http_gateway_upstream_balancer_t *b)
{
    u_char                              *p;
    ngx_str_t                            message;
    const char                          *reason;
    ngx_http_gateway_upstream_name_t    *name;
    ngx_http_gateway_upstream_target_t  *target;

    static ngx_str_t  no_peer =
        ngx_string("failure to get a peer from the ring-balancer");
    static ngx_str_t  no_name = ngx_string("name resolution failed");

    target = b->targets.elts;
    name = b->implicit ? target->name : NULL;

    if (name == NULL || name->error == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway upstream \"%V\": no usable peer", &b->name);

        return ngx_http_gateway_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      &no_peer);
    }

    if (name->error == NGX_RESOLVE_NXDOMAIN
        || name->error == NGX_HTTP_GATEWAY_UPSTREAM_EMPTY)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway upstream: no address for \"%V\"",
                      &target->host);

        return ngx_http_gateway_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      &no_name);
    }

    reason = ngx_http_gateway_upstream_dns_strerror(name->error);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "gateway upstream: \"%V\" could not be resolved (%s)",
                  &target->host, reason);

    message.len = sizeof("failed the initial dns/balancer resolve for '' "
                         "with: ") - 1
                  + target->host.len + ngx_strlen(reason);
    message.data = ngx_pnalloc(r->pool, message.len);
    if (message.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_snprintf(message.data, message.len,
                     "failed the initial dns/balancer resolve for '%V' "
                     "with: %s", &target->host, reason);
    message.len = p - message.data;

    return ngx_http_gateway_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                  &message);
}


static void
ngx_http_gateway_upstream_host(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_upstream_peer_t *peer,
    ngx_str_t *host)
{
    in_port_t  port;

    r = r->main;

    if (ctx->replaced_host.len) {
        *host = ctx->replaced_host;
        return;
    }

    if (ctx->route && ctx->route->preserve_host) {
        *host = r->headers_in.host ? r->headers_in.host->value
                                   : r->headers_in.server;
        return;
    }

    port = 80;

    if (ctx->service->protocol.len
        && ctx->service->protocol.data[ctx->service->protocol.len - 1] == 's')
    {
        /* https, grpcs */
        port = 443;
    }

    *host = peer->port == port ? peer->host : peer->host_port;
}


ngx_int_t
ngx_http_gateway_upstream_init(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    if (us->servers->nelts > 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"server\" and \"gateway_balancer\" in one upstream "
                      "in %s:%ui: name servers in \"gateway_upstream\" or "
                      "\"gateway_service\"", us->file_name, us->line);
        return NGX_ERROR;
    }

#if (NGX_HTTP_UPSTREAM_ZONE)

    /* nginx would copy what servers there are, and there are none */

    if (us->shm_zone) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"zone\" and \"gateway_balancer\" in one upstream in "
                      "%s:%ui: there is nothing of nginx's to share",
                      us->file_name, us->line);
        return NGX_ERROR;
    }

#endif

    us->peer.init = ngx_http_gateway_upstream_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t              *u;
    ngx_http_gateway_ctx_t           *ctx;
    ngx_http_gateway_upstream_try_t  *t;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    t = ctx->upstream;

    if (t == NULL || t->taken || !t->picked) {

        /* after a redirect, or a subrequest: picks on its own */

        t = ngx_http_gateway_upstream_try(r, ctx);
        if (t == NULL) {
            return NGX_ERROR;
        }

        if (ctx->upstream == NULL) {
            ctx->upstream = t;
        }

        if (t->balancer == NULL) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "upstream \"%V\" with \"gateway_balancer\" used "
                          "outside of a \"gateway_service\"", &us->host);
        }
    }

    t->taken = 1;
    t->request = r;

    u = r->upstream;

    u->peer.data = t;
    u->peer.name = &us->host;
    u->peer.get = ngx_http_gateway_upstream_get_peer;
    u->peer.free = ngx_http_gateway_upstream_free_peer;
    u->peer.tries = 1 + (ctx->service ? ctx->service->retries : 0);
#if (NGX_HTTP_SSL)
    u->peer.set_session = ngx_http_gateway_upstream_set_session;
    u->peer.save_session = ngx_http_gateway_upstream_save_session;
#endif

    if (t == ctx->upstream) {
        ngx_http_gateway_upstream_skip_interim(r, t);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_gateway_upstream_try_t  *t = data;

    ngx_int_t                          rc;
    ngx_http_gateway_upstream_try_t   *first;
    ngx_http_gateway_upstream_peer_t  *peer;

    pc->cached = 0;
    pc->connection = NULL;

    if (t->pending) {
        ngx_http_gateway_upstream_report_attempt(t, 0);
    }

    if (t->picked) {
        t->picked = 0;

    } else {
        rc = ngx_http_gateway_upstream_next(t);

        if (rc == NGX_DECLINED) {

            /* the contract's 503 instead of nginx's 502, see the filter */

            first = t->ctx->upstream;
            first->failed = 1;

            pc->name = &t->request->upstream->upstream->host;

            return NGX_BUSY;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_gateway_upstream_update_host(t) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_upstream_address(t, pc) != NGX_OK) {
        return NGX_ERROR;
    }

    peer = t->set->slots[t->current].peer;

    pc->name = &peer->text;

    t->ctx->balanced = ngx_current_msec;

    if (t->balancer->checks && t->balancer->checks->enabled) {
        t->attempt = t->request->upstream_states->nelts - 1;
        t->pending = 1;
        t->stale = 0;
    }

    return NGX_OK;
}


/*
 * nginx makes the request before it asks for a peer, and once: when Host
 * belongs to another peer now, the request is made again.
 */

static ngx_int_t
ngx_http_gateway_upstream_update_host(ngx_http_gateway_upstream_try_t *t)
{
    ngx_int_t                rc;
    ngx_str_t                host, old;
    ngx_http_request_t      *r;
    ngx_http_upstream_t     *u;
    ngx_http_gateway_ctx_t  *ctx;

    r = t->request;
    ctx = t->ctx;

    ngx_http_gateway_upstream_host(r, ctx,
                                   t->set->slots[t->current].peer, &host);

    old = ctx->upstream_host;

    if (host.len == old.len
        && ngx_strncmp(host.data, old.data, host.len) == 0)
    {
        return NGX_OK;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway upstream host \"%V\", was \"%V\"", &host, &old);

    u = r->upstream;

    ctx->upstream_host = host;

    u->request_bufs = r->request_body ? r->request_body->bufs : NULL;

    rc = u->create_request(r);

    /* the name that is the main request's stays so in subrequests */

    if (r != r->main && t != ctx->upstream) {
        ctx->upstream_host = old;
    }

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_upstream_address(ngx_http_gateway_upstream_try_t *t,
    ngx_peer_connection_t *pc)
{
    u_char                            *p;
    ngx_http_upstream_t               *u;
    ngx_http_gateway_upstream_peer_t  *peer;
#if (NGX_HTTP_SSL)
    ngx_md5_t                          md5;
    ngx_str_t                          name;
    u_char                             digest[16];
#endif

    u = t->request->upstream;
    peer = t->set->slots[t->current].peer;

    ngx_memzero(t->tag, NGX_HTTP_GATEWAY_UPSTREAM_TAG);
    ngx_memcpy(t->tag, &u->create_request,
               ngx_min(sizeof(u->create_request),
                       NGX_HTTP_GATEWAY_UPSTREAM_TAG));

#if (NGX_HTTP_SSL)

    if (u->ssl) {

        name = u->ssl_name;

        if (u->conf->ssl_name
            && ngx_http_complex_value(t->request, u->conf->ssl_name, &name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_md5_init(&md5);
        ngx_md5_update(&md5, t->tag, NGX_HTTP_GATEWAY_UPSTREAM_TAG);
        ngx_md5_update(&md5, &u->conf, sizeof(u->conf));
        ngx_md5_update(&md5, name.data, name.len);
        ngx_md5_final(digest, &md5);

        ngx_memcpy(t->tag, digest, NGX_HTTP_GATEWAY_UPSTREAM_TAG);
    }

#endif

    ngx_memzero(&t->sockaddr, sizeof(ngx_sockaddr_t));
    ngx_memcpy(&t->sockaddr, &peer->sockaddr, peer->socklen);

    pc->sockaddr = &t->sockaddr.sockaddr;
    pc->socklen = peer->socklen;

    if (pc->sockaddr->sa_family == AF_INET) {
        p = (u_char *) t->sockaddr.sockaddr_in.sin_zero;
        ngx_memcpy(p, t->tag, NGX_HTTP_GATEWAY_UPSTREAM_TAG);

    } else if (sizeof(ngx_sockaddr_t) >= peer->socklen
                                         + NGX_HTTP_GATEWAY_UPSTREAM_TAG)
    {
        p = (u_char *) &t->sockaddr + peer->socklen;
        ngx_memcpy(p, t->tag, NGX_HTTP_GATEWAY_UPSTREAM_TAG);
        pc->socklen += NGX_HTTP_GATEWAY_UPSTREAM_TAG;
    }

    return NGX_OK;
}


static void
ngx_http_gateway_upstream_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_gateway_upstream_try_t  *t = data;

    ngx_uint_t            stale;
    ngx_msec_t            elapsed;
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    c = pc->connection;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "gateway upstream free slot:%ui tries:%ui state:%ui",
                   t->current, pc->tries, state);

    if (t->counted) {
        t->set->slots[t->current].peer->active--;
        t->counted = 0;
    }

    /* an idle connection that turned out to be closed is no failure */

    stale = pc->cached && c && !c->read->timedout && !c->write->timedout;
    t->stale = stale ? 1 : 0;

    if (state && !stale) {

        if (t->tried == NULL) {
            t->tried = ngx_pcalloc(t->request->pool, t->set->nslots);
        }

        if (t->tried) {
            t->tried[t->current] = 1;
        }
    }

    if (t->balancer->algorithm == NGX_HTTP_GATEWAY_UPSTREAM_LATENCY
        && !(state && stale))
    {
        u = t->request->upstream;
        elapsed = ngx_current_msec - u->start_time;

        if (u->state && u->state->connect_time != (ngx_msec_t) -1) {
            elapsed += u->state->connect_time;
        }

        ngx_http_gateway_upstream_measure(t, elapsed,
                                          state & NGX_PEER_FAILED);
    }

    if (pc->tries) {
        pc->tries--;
    }
}


#if (NGX_HTTP_SSL)

/* sessions are kept per tag: verified for one name is not for another */

static ngx_int_t
ngx_http_gateway_upstream_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_gateway_upstream_try_t  *t = data;

    ngx_uint_t                            i;
    ngx_http_gateway_upstream_peer_t     *peer;
    ngx_http_gateway_upstream_session_t  *s;

    peer = t->set->slots[t->current].peer;

    for (i = 0; i < NGX_HTTP_GATEWAY_UPSTREAM_SESSIONS; i++) {
        s = &peer->sessions[i];

        if (s->session
            && ngx_memcmp(s->tag, t->tag, NGX_HTTP_GATEWAY_UPSTREAM_TAG) == 0)
        {
            return ngx_ssl_set_session(pc->connection, s->session);
        }
    }

    return NGX_OK;
}


static void
ngx_http_gateway_upstream_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_gateway_upstream_try_t  *t = data;

    ngx_uint_t                            i;
    ngx_ssl_session_t                    *session;
    ngx_http_gateway_upstream_peer_t     *peer;
    ngx_http_gateway_upstream_session_t  *s;

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    peer = t->set->slots[t->current].peer;
    s = NULL;

    for (i = 0; i < NGX_HTTP_GATEWAY_UPSTREAM_SESSIONS; i++) {

        if (peer->sessions[i].session
            && ngx_memcmp(peer->sessions[i].tag, t->tag,
                          NGX_HTTP_GATEWAY_UPSTREAM_TAG)
               == 0)
        {
            s = &peer->sessions[i];
            break;
        }
    }

    if (s == NULL) {
        i = peer->last_session++ % NGX_HTTP_GATEWAY_UPSTREAM_SESSIONS;
        s = &peer->sessions[i];
    }

    if (s->session) {
        ngx_ssl_free_session(s->session);
    }

    s->session = session;
    ngx_memcpy(s->tag, t->tag, NGX_HTTP_GATEWAY_UPSTREAM_TAG);
}

#endif


static ngx_int_t
ngx_http_gateway_upstream_header_filter(ngx_http_request_t *r)
{
    ngx_http_gateway_ctx_t           *ctx;
    ngx_http_gateway_upstream_try_t  *t;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || ctx->upstream == NULL || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    t = ctx->upstream;

    if (t->failed && r->headers_out.status == NGX_HTTP_BAD_GATEWAY) {
        r->headers_out.status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (t->cookie.len
        && ngx_http_gateway_upstream_send_cookie(r, t) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* runs in error_page's internal redirect, before the page is made */

static ngx_int_t
ngx_http_gateway_upstream_rewrite_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_ctx_t           *ctx;
    ngx_http_gateway_upstream_try_t  *t;

    if (r->err_status != NGX_HTTP_BAD_GATEWAY) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx && ctx->upstream) {
        t = ctx->upstream;

        if (t->failed) {
            r->err_status = NGX_HTTP_SERVICE_UNAVAILABLE;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_gateway_upstream_init_filters(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_upstream_rewrite_handler;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_upstream_header_filter;

    return NGX_OK;
}
