
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The balancer of sessions: peers, names and health are those of the
 * upstream feature, in nginx's stream proxy in place of its HTTP one.
 */


#include "ngx_stream_gateway.h"


static ngx_int_t ngx_stream_gateway_try(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx);
static void ngx_stream_gateway_cleanup(void *data);
static void ngx_stream_gateway_resume(ngx_http_gateway_upstream_try_t *t);
static ngx_int_t ngx_stream_gateway_next(ngx_stream_session_t *s,
    ngx_http_gateway_upstream_try_t *t);
static void ngx_stream_gateway_hash(ngx_stream_session_t *s,
    ngx_http_gateway_upstream_try_t *t);
static void ngx_stream_gateway_fail(ngx_stream_session_t *s,
    ngx_http_gateway_upstream_balancer_t *b);

static ngx_int_t ngx_stream_gateway_init_upstream(ngx_conf_t *cf,
    ngx_stream_upstream_srv_conf_t *us);
static ngx_int_t ngx_stream_gateway_init_peer(ngx_stream_session_t *s,
    ngx_stream_upstream_srv_conf_t *us);
static ngx_int_t ngx_stream_gateway_get_peer(ngx_peer_connection_t *pc,
    void *data);
static void ngx_stream_gateway_free_peer(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);
static void ngx_stream_gateway_report(ngx_stream_gateway_ctx_t *ctx,
    ngx_peer_connection_t *pc, ngx_uint_t state);
static void ngx_stream_gateway_notify(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t type);
#if (NGX_STREAM_SSL)
static ngx_int_t ngx_stream_gateway_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_stream_gateway_save_session(ngx_peer_connection_t *pc,
    void *data);
#endif

static ngx_http_gateway_upstream_balancer_t *ngx_stream_gateway_named(
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_str_t *name);
static ngx_http_gateway_upstream_balancer_t *ngx_stream_gateway_of_host(
    ngx_conf_t *cf, ngx_stream_gateway_main_conf_t *gmcf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_stream_gateway_service_t *service, ngx_rbtree_t *hosts);
static ngx_int_t ngx_stream_gateway_add_host(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_balancer_t *b,
    ngx_stream_gateway_service_t *service, ngx_rbtree_t *hosts);


ngx_int_t
ngx_stream_gateway_resolve(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx)
{
    if (ctx->route->service->balancer == NULL) {
        /* a "proxy_pass" of its own */
        return NGX_OK;
    }

    if (ctx->attempt == NULL
        && ngx_stream_gateway_try(s, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->attempt->waiting) {
        return NGX_AGAIN;
    }

    s->connection->log->action = "resolving an upstream";

    return ngx_http_gateway_upstream_resolve(ctx->attempt);
}


static ngx_int_t
ngx_stream_gateway_try(ngx_stream_session_t *s, ngx_stream_gateway_ctx_t *ctx)
{
    ngx_pool_cleanup_t               *cln;
    ngx_http_gateway_upstream_try_t  *t;

    cln = ngx_pool_cleanup_add(s->connection->pool,
                               sizeof(ngx_http_gateway_upstream_try_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    t = cln->data;
    ngx_memzero(t, sizeof(ngx_http_gateway_upstream_try_t));

    t->resume = ngx_stream_gateway_resume;
    t->session = s;
    t->balancer = ctx->route->service->balancer;
    t->current = NGX_HTTP_GATEWAY_UPSTREAM_NONE;

    cln->handler = ngx_stream_gateway_cleanup;

    ctx->attempt = t;

    return NGX_OK;
}


static void
ngx_stream_gateway_cleanup(void *data)
{
    ngx_http_gateway_upstream_try_t  *t = data;

    if (t->waiting) {
        ngx_queue_remove(&t->queue);
    }

    if (t->set == NULL) {
        return;
    }

    if (t->counted) {
        t->set->slots[t->current].peer->active--;
    }

    ngx_http_gateway_upstream_set_release(t->set);
}


static void
ngx_stream_gateway_resume(ngx_http_gateway_upstream_try_t *t)
{
    ngx_stream_core_run_phases(t->session);
}


ngx_int_t
ngx_stream_gateway_pick(ngx_stream_session_t *s,
    ngx_stream_gateway_ctx_t *ctx)
{
    ngx_int_t                         rc;
    ngx_http_gateway_upstream_try_t  *t;

    t = ctx->attempt;

    if (t == NULL) {
        return NGX_OK;
    }

    rc = ngx_stream_gateway_next(s, t);

    if (rc == NGX_OK) {
        t->picked = 1;

    } else if (rc == NGX_DECLINED) {
        ngx_stream_gateway_fail(s, t->balancer);
    }

    return rc;
}


/* all attempts use one set */

static ngx_int_t
ngx_stream_gateway_next(ngx_stream_session_t *s,
    ngx_http_gateway_upstream_try_t *t)
{
    ngx_int_t                            rc;
    ngx_http_gateway_upstream_checks_t  *checks;

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

    if (!t->hashed) {
        ngx_stream_gateway_hash(s, t);
        t->hashed = 1;
    }

    rc = ngx_http_gateway_upstream_choose(t);

    if (rc == NGX_OK) {
        t->set->slots[t->current].peer->active++;
        t->counted = 1;
    }

    return rc;
}


/* there is a client address, and nothing else to hash */

static void
ngx_stream_gateway_hash(ngx_stream_session_t *s,
    ngx_http_gateway_upstream_try_t *t)
{
    ngx_str_t                             *addr;
    ngx_http_gateway_upstream_balancer_t  *b;

    b = t->balancer;
    addr = &s->connection->addr_text;

    if (b->hash.type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_IP
        || b->fallback.type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_IP)
    {
        t->hash = ngx_murmur_hash2(addr->data, addr->len);
    }
}


static void
ngx_stream_gateway_fail(ngx_stream_session_t *s,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_log_t                           *log;
    ngx_http_gateway_upstream_name_t    *name;
    ngx_http_gateway_upstream_target_t  *target;

    log = s->connection->log;
    target = b->targets.elts;
    name = b->implicit ? target->name : NULL;

    if (name == NULL || name->error == 0) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "gateway upstream \"%V\": no usable peer", &b->name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "gateway upstream: \"%V\" could not be resolved (%s)",
                  &target->host,
                  ngx_http_gateway_upstream_dns_strerror(name->error));
}


void
ngx_stream_gateway_host(ngx_stream_gateway_ctx_t *ctx, ngx_str_t *host)
{
    ngx_http_gateway_upstream_try_t  *t;

    if (ctx->route->preserve_host && ctx->sni.len) {
        *host = ctx->sni;
        return;
    }

    t = ctx->attempt;

    if (t && t->set && t->current != NGX_HTTP_GATEWAY_UPSTREAM_NONE) {
        *host = t->set->slots[t->current].peer->host;
        return;
    }

    *host = ctx->route->service->host;
}


char *
ngx_stream_gateway_balancer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_upstream_server_t    *us;
    ngx_stream_upstream_srv_conf_t  *uscf;

    uscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_upstream_module);

    if (uscf->peer.init_upstream == ngx_stream_gateway_init_upstream) {
        return "is duplicate";
    }

    if (uscf->peer.init_upstream) {
        return "stands with no other load balancing method";
    }

    uscf->peer.init_upstream = ngx_stream_gateway_init_upstream;
    uscf->flags = NGX_STREAM_UPSTREAM_CREATE;

    /* nginx wants a server, of which nothing is used */

    us = ngx_array_push(uscf->servers);
    if (us == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(us, sizeof(ngx_stream_upstream_server_t));

    ngx_str_set(&us->name, "gateway_stream_balancer");
    us->down = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_stream_gateway_init_upstream(ngx_conf_t *cf,
    ngx_stream_upstream_srv_conf_t *us)
{
    if (us->servers->nelts > 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"server\" and \"gateway_stream_balancer\" in one "
                      "upstream in %s:%ui: name servers in "
                      "\"gateway_upstream\" or \"gateway_stream_service\"",
                      us->file_name, us->line);
        return NGX_ERROR;
    }

#if (NGX_STREAM_UPSTREAM_ZONE)

    /* nginx would copy what servers there are, and there are none */

    if (us->shm_zone) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"zone\" and \"gateway_stream_balancer\" in one "
                      "upstream in %s:%ui: there is nothing of nginx's to "
                      "share",
                      us->file_name, us->line);
        return NGX_ERROR;
    }

#endif

    us->peer.init = ngx_stream_gateway_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_init_peer(ngx_stream_session_t *s,
    ngx_stream_upstream_srv_conf_t *us)
{
    ngx_stream_upstream_t     *u;
    ngx_stream_gateway_ctx_t  *ctx;

    ctx = ngx_stream_get_module_ctx(s, ngx_stream_gateway_module);

    if (ctx == NULL || ctx->attempt == NULL) {
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "upstream \"%V\" with \"gateway_stream_balancer\" used "
                      "outside of a \"gateway_stream_service\" with a host "
                      "or an upstream", &us->host);
        return NGX_ERROR;
    }

    u = s->upstream;

    u->peer.data = ctx;
    u->peer.name = &us->host;
    u->peer.get = ngx_stream_gateway_get_peer;
    u->peer.free = ngx_stream_gateway_free_peer;
    u->peer.notify = ngx_stream_gateway_notify;
    u->peer.tries = 1 + ctx->route->service->retries;
#if (NGX_STREAM_SSL)
    u->peer.set_session = ngx_stream_gateway_set_session;
    u->peer.save_session = ngx_stream_gateway_save_session;
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_stream_gateway_ctx_t  *ctx = data;

    ngx_int_t                          rc;
    ngx_http_gateway_upstream_try_t   *t;
    ngx_http_gateway_upstream_peer_t  *peer;

    t = ctx->attempt;
    ctx->connected = 0;

    pc->cached = 0;
    pc->connection = NULL;

    if (t->picked) {
        t->picked = 0;

    } else {
        rc = ngx_stream_gateway_next(ctx->session, t);

        if (rc == NGX_DECLINED) {
            ngx_stream_gateway_fail(ctx->session, t->balancer);
            return NGX_BUSY;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    peer = t->set->slots[t->current].peer;

    pc->sockaddr = &peer->sockaddr.sockaddr;
    pc->socklen = peer->socklen;
    pc->name = &peer->text;

    return NGX_OK;
}


static void
ngx_stream_gateway_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_stream_gateway_ctx_t  *ctx = data;

    ngx_stream_session_t             *s;
    ngx_http_gateway_upstream_try_t  *t;

    s = ctx->session;
    t = ctx->attempt;

    ngx_log_debug3(NGX_LOG_DEBUG_STREAM, pc->log, 0,
                   "gateway stream free slot:%ui tries:%ui state:%ui",
                   t->current, pc->tries, state);

    if (t->counted) {
        t->set->slots[t->current].peer->active--;
        t->counted = 0;
    }

    if (state) {

        if (t->tried == NULL) {
            t->tried = ngx_pcalloc(s->connection->pool, t->set->nslots);
        }

        if (t->tried) {
            t->tried[t->current] = 1;
        }
    }

    ngx_stream_gateway_report(ctx, pc, state);

    if (pc->tries) {
        pc->tries--;
    }
}


/* what the attempt says about the peer; nothing when the client left */

static void
ngx_stream_gateway_report(ngx_stream_gateway_ctx_t *ctx,
    ngx_peer_connection_t *pc, ngx_uint_t state)
{
    ngx_connection_t                      *c;
    ngx_http_gateway_upstream_try_t       *t;
    ngx_http_gateway_upstream_event_e      event;
    ngx_http_gateway_upstream_balancer_t  *b;

    t = ctx->attempt;
    b = t->balancer;
    c = pc->connection;

    if (b->checks == NULL || !b->checks->enabled) {
        return;
    }

    if (state & NGX_PEER_FAILED) {
        event = c && (c->read->timedout || c->write->timedout)
                ? NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT
                : NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE;

    } else if (ctx->connected && pc->type == SOCK_STREAM) {
        event = NGX_HTTP_GATEWAY_UPSTREAM_SUCCESS;

    } else {
        return;
    }

    ngx_http_gateway_upstream_report(b, t->set->slots[t->current].peer,
                                     &b->checks->passive, event);
}


/* connected, TLS included */

static void
ngx_stream_gateway_notify(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t type)
{
    ngx_stream_gateway_ctx_t  *ctx = data;

    ngx_stream_upstream_t            *u;
    ngx_http_gateway_upstream_try_t  *t;

    if (type != NGX_STREAM_UPSTREAM_NOTIFY_CONNECT) {
        return;
    }

    ctx->connected = 1;

    t = ctx->attempt;
    u = ctx->session->upstream;

    if (t->balancer->algorithm == NGX_HTTP_GATEWAY_UPSTREAM_LATENCY) {
        ngx_http_gateway_upstream_measure(t, u->state->connect_time, 0);
    }
}


#if (NGX_STREAM_SSL)

/* each session has its own handshake */

static ngx_int_t
ngx_stream_gateway_set_session(ngx_peer_connection_t *pc, void *data)
{
    return NGX_OK;
}


static void
ngx_stream_gateway_save_session(ngx_peer_connection_t *pc, void *data)
{
}

#endif


/* configuration */

ngx_int_t
ngx_stream_gateway_upstreams(ngx_conf_t *cf,
    ngx_stream_gateway_main_conf_t *gmcf,
    ngx_stream_gateway_srv_conf_t *gscf)
{
    ngx_uint_t                              i, n;
    ngx_rbtree_t                            hosts;
    ngx_rbtree_node_t                       sentinel;
    ngx_stream_gateway_service_t          **service;
    ngx_http_gateway_upstream_balancer_t   *b;
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    service = gscf->services.elts;
    n = 0;

    for (i = 0; i < gscf->services.nelts; i++) {
        n += service[i]->upstream.len || service[i]->host.len;
    }

    if (n == 0) {
        return NGX_OK;
    }

    gumcf = ngx_http_cycle_get_module_main_conf(cf->cycle,
                                            ngx_http_gateway_upstream_module);
    if (gumcf == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_stream_service\" in %s:%ui needs an "
                      "\"http\" block before \"stream\", it may be empty: "
                      "upstreams are defined there",
                      service[0]->file_name, service[0]->line);
        return NGX_ERROR;
    }

    ngx_rbtree_init(&hosts, &sentinel, ngx_str_rbtree_insert_value);

    if (ngx_http_gateway_upstream_hosts(cf, cf->temp_pool, gumcf, &hosts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < gscf->services.nelts; i++) {

        if (service[i]->upstream.len) {
            b = ngx_stream_gateway_named(gumcf, &service[i]->upstream);

            if (b == NULL) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "gateway_upstream \"%V\" of "
                              "gateway_stream_service \"%V\" not found in "
                              "%s:%ui", &service[i]->upstream,
                              &service[i]->name, service[i]->file_name,
                              service[i]->line);
                return NGX_ERROR;
            }

        } else if (service[i]->host.len) {
            b = ngx_stream_gateway_of_host(cf, gmcf, gumcf, service[i],
                                           &hosts);

            if (b == NULL) {
                return NGX_ERROR;
            }

        } else {
            b = NULL;
        }

        service[i]->balancer = b;
    }

    return NGX_OK;
}


static ngx_http_gateway_upstream_balancer_t *
ngx_stream_gateway_named(ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_str_t *name)
{
    ngx_uint_t                              i;
    ngx_http_gateway_upstream_balancer_t  **b;

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {
        if (b[i]->name.len == name->len
            && ngx_strncmp(b[i]->name.data, name->data, name->len) == 0)
        {
            return b[i];
        }
    }

    return NULL;
}


/* services of equal host, port and resolver share one */

static ngx_http_gateway_upstream_balancer_t *
ngx_stream_gateway_of_host(ngx_conf_t *cf,
    ngx_stream_gateway_main_conf_t *gmcf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_stream_gateway_service_t *service, ngx_rbtree_t *hosts)
{
    u_char                                 *p;
    ngx_str_t                               host;
    ngx_uint_t                              i;
    ngx_stream_core_srv_conf_t             *cscf;
    ngx_stream_gateway_host_t              *known;
    ngx_http_gateway_upstream_balancer_t   *b;

    cscf = service->srv_conf[ngx_stream_core_module.ctx_index];
    host = service->host;

    if (host.data[0] != '['
        && ngx_strlchr(host.data, host.data + host.len, ':'))
    {
        host.data = ngx_pnalloc(cf->pool, service->host.len + 2);
        if (host.data == NULL) {
            return NULL;
        }

        p = ngx_sprintf(host.data, "[%V]", &service->host);
        host.len = p - host.data;
    }

    known = gmcf->hosts.elts;

    for (i = 0; i < gmcf->hosts.nelts; i++) {

        if (known[i].port == service->port
            && known[i].resolver == cscf->resolver
            && known[i].balancer->name.len == host.len
            && ngx_strncmp(known[i].balancer->name.data, host.data, host.len)
               == 0)
        {
            return known[i].balancer;
        }
    }

    b = ngx_http_gateway_upstream_create(cf, &host);
    known = ngx_array_push(&gmcf->hosts);

    if (b == NULL || known == NULL) {
        return NULL;
    }

    known->balancer = b;
    known->port = service->port;
    known->resolver = cscf->resolver;

    b->implicit = 1;
    b->file_name = service->file_name;
    b->line = service->line;

    if (ngx_stream_gateway_add_host(cf, gumcf, b, service, hosts) != NGX_OK) {
        return NULL;
    }

    return b;
}


/* what is called here looks into the configuration of http{} */

static ngx_int_t
ngx_stream_gateway_add_host(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_balancer_t *b,
    ngx_stream_gateway_service_t *service, ngx_rbtree_t *hosts)
{
    void                        *saved;
    ngx_int_t                    rc;
    ngx_stream_core_srv_conf_t  *cscf;

    cscf = service->srv_conf[ngx_stream_core_module.ctx_index];

    saved = cf->ctx;
    cf->ctx = ngx_get_conf(cf->cycle->conf_ctx, ngx_http_module);

    rc = ngx_http_gateway_upstream_add_target(cf, b, &b->name, service->port,
                                              100);
    if (rc == NGX_OK) {
        rc = ngx_http_gateway_upstream_dns_init(cf, gumcf, b, cscf->resolver,
                                                cscf->resolver_timeout, hosts);

    } else {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid host of gateway_stream_service \"%V\" in "
                      "%s:%ui", &service->name, service->file_name,
                      service->line);
    }

    cf->ctx = saved;

    return rc;
}


void
ngx_stream_gateway_stop(void *data)
{
    ngx_stream_gateway_main_conf_t *gmcf = data;

    ngx_uint_t                             i;
    ngx_stream_gateway_host_t             *host;
    ngx_http_gateway_upstream_balancer_t  *b;

    host = gmcf->hosts.elts;

    for (i = 0; i < gmcf->hosts.nelts; i++) {

        b = host[i].balancer;

        ngx_http_gateway_upstream_dns_stop(b);

        if (b->set) {
            ngx_http_gateway_upstream_set_release(b->set);
            b->set = NULL;
        }
    }
}
