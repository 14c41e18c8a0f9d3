
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Names of targets: the hosts file when the configuration is read, DNS when
 * a worker runs.  A name that does not resolve never fails the start.
 * Addresses stay in use while they are refreshed in the background; the
 * names of services without a gateway_upstream only while requests come.
 */


#include "ngx_http_gateway_upstream_peers.h"
#include "ngx_http_gateway_connect.h"


/* seconds */
#define NGX_HTTP_GATEWAY_UPSTREAM_RETRY      30    /* asked by the timer */
#define NGX_HTTP_GATEWAY_UPSTREAM_EACH       60    /* the same, TTL 0 */
#define NGX_HTTP_GATEWAY_UPSTREAM_MAX_TTL    (365 * 86400)

/* milliseconds */
#define NGX_HTTP_GATEWAY_UPSTREAM_SETTLE     1000  /* first wait for all */
#define NGX_HTTP_GATEWAY_UPSTREAM_AFTER      500   /* expiry to refresh */

#define NGX_HTTP_GATEWAY_UPSTREAM_HOSTS_SIZE (16 * 1024 * 1024)


static void ngx_http_gateway_upstream_refresh(
    ngx_http_gateway_upstream_balancer_t *b);
static void ngx_http_gateway_upstream_query(
    ngx_http_gateway_upstream_target_t *target);
static void ngx_http_gateway_upstream_resolved(
    ngx_http_gateway_upstream_lookup_t *l);
static void ngx_http_gateway_upstream_answer(
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_lookup_t *l);
static void ngx_http_gateway_upstream_no_answer(
    ngx_http_gateway_upstream_target_t *target, ngx_int_t error,
    ngx_uint_t failed);
static void ngx_http_gateway_upstream_set_addrs(
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_addr_t *addrs, ngx_uint_t n);
static ngx_uint_t ngx_http_gateway_upstream_same_addrs(
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_addr_t *addrs, ngx_uint_t n);
static int ngx_libc_cdecl ngx_http_gateway_upstream_cmp_addrs(const void *one,
    const void *two);
static void ngx_http_gateway_upstream_schedule(
    ngx_http_gateway_upstream_balancer_t *b);
static void ngx_http_gateway_upstream_wake(
    ngx_http_gateway_upstream_balancer_t *b);

static void ngx_http_gateway_upstream_refresh_handler(ngx_event_t *ev);
static void ngx_http_gateway_upstream_settle_handler(ngx_event_t *ev);
static void ngx_http_gateway_upstream_wake_handler(ngx_event_t *ev);

static ngx_int_t ngx_http_gateway_upstream_static(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target, ngx_addr_t *addr);
static ngx_int_t ngx_http_gateway_upstream_local(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target, ngx_rbtree_t *hosts);
static char *ngx_http_gateway_upstream_dns_parameter(ngx_conf_t *cf,
    ngx_http_gateway_upstream_dns_conf_t *conf, ngx_str_t *name,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_dns_order(
    ngx_http_gateway_upstream_dns_conf_t *conf, ngx_str_t *value);
static char *ngx_http_gateway_upstream_dns_search(ngx_conf_t *cf,
    ngx_http_gateway_upstream_dns_conf_t *conf, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_upstream_hosts_line(ngx_pool_t *pool,
    ngx_rbtree_t *hosts, u_char *p, u_char *last);


ngx_int_t
ngx_http_gateway_upstream_resolve(ngx_http_gateway_upstream_try_t *t)
{
    ngx_http_gateway_upstream_dns_t  *dns;
    ngx_http_gateway_upstream_set_t  *set;

    dns = t->balancer->dns;

    if (dns == NULL) {
        return NGX_OK;
    }

    dns->used = 1;

    /* a name of TTL 0 is due all the time; once is enough for a request */

    if (t->waited) {
        set = ngx_http_gateway_upstream_set(t->balancer);

        if (set && set->usable) {
            return NGX_OK;
        }
    }

    if (ngx_time() >= dns->due) {
        ngx_http_gateway_upstream_refresh(t->balancer);
    }

    if (dns->queries == 0) {
        return NGX_OK;
    }

    /*
     * At first all names are waited for, a little: a ring made of a part of
     * the targets would send keys to other peers than a moment later.
     */

    if (dns->settled && (!dns->each || t->waited)) {
        set = ngx_http_gateway_upstream_set(t->balancer);

        if (set == NULL) {
            return NGX_ERROR;
        }

        if (set->usable) {
            return NGX_OK;
        }
    }

    ngx_queue_insert_tail(&dns->waiting, &t->queue);
    t->waiting = 1;

    return NGX_AGAIN;
}


static void
ngx_http_gateway_upstream_refresh(ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_uint_t                           i;
    ngx_http_gateway_upstream_target_t  *target;

    target = b->targets.elts;

    for (i = 0; i < b->targets.nelts; i++) {

        if (target[i].name
            && target[i].name->lookup == NULL
            && target[i].name->retry <= ngx_time())
        {
            ngx_http_gateway_upstream_query(&target[i]);

            if (target[i].name->lookup && target[i].name->each) {
                b->dns->each = 1;
            }
        }
    }

    b->dns->used = 0;

    if (b->dns->queries == 0) {
        b->dns->settled = 1;

    } else if (!b->dns->settled && !b->dns->settle.timer_set) {
        ngx_add_timer(&b->dns->settle, NGX_HTTP_GATEWAY_UPSTREAM_SETTLE);
    }

    ngx_http_gateway_upstream_schedule(b);
}


static void
ngx_http_gateway_upstream_query(ngx_http_gateway_upstream_target_t *target)
{
    ngx_http_gateway_upstream_dns_t   *dns;
    ngx_http_gateway_upstream_name_t  *name;

    dns = target->balancer->dns;
    name = target->name;

    name->runs++;

    /* reserved for names that do not exist, RFC 6761 */

    if (target->host.len > sizeof(".invalid") - 1
        && ngx_strncasecmp(target->host.data + target->host.len
                           - (sizeof(".invalid") - 1),
                           (u_char *) ".invalid", sizeof(".invalid") - 1)
           == 0)
    {
        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_NXDOMAIN, 0);
        return;
    }

    if (dns->servers == NULL) {

        if (name->error != NGX_RESOLVE_NXDOMAIN) {
            ngx_log_error(NGX_LOG_ERR, target->balancer->log, 0,
                          "gateway upstream: no resolver defined to resolve "
                          "\"%V\"", &target->host);
        }

        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_NXDOMAIN, 0);
        return;
    }

    /* only requests that may wait for it keep a quitting worker alive */

    name->lookup = ngx_http_gateway_upstream_lookup(dns->conf, dns->servers,
                                        &target->host, name->type,
                                        dns->timeout, target->naddrs ? 1 : 0,
                                        ngx_http_gateway_upstream_resolved,
                                        target, target->balancer->log);

    if (name->lookup == NULL) {
        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_SERVFAIL, 1);
        return;
    }

    dns->queries++;
}


static void
ngx_http_gateway_upstream_resolved(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_http_gateway_upstream_target_t    *target;
    ngx_http_gateway_upstream_balancer_t  *b;

    target = l->data;
    b = target->balancer;

    if (l->error == 0) {
        ngx_http_gateway_upstream_answer(target, l);

    } else {
        ngx_http_gateway_upstream_no_answer(target, l->error, l->failed);
    }

    target->name->lookup = NULL;
    ngx_http_gateway_upstream_lookup_free(l);

    if (--b->dns->queries == 0) {
        b->dns->settled = 1;
        b->dns->each = 0;
    }

    ngx_http_gateway_upstream_schedule(b);
    ngx_http_gateway_upstream_wake(b);
}


static void
ngx_http_gateway_upstream_answer(ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_lookup_t *l)
{
    u_char                              *p;
    time_t                               ttl;
    size_t                               size;
    ngx_uint_t                           i, n, srv_name;
    ngx_http_gateway_upstream_addr_t    *addrs;
    ngx_http_gateway_upstream_name_t    *name;
    ngx_http_gateway_upstream_answer_t  *answer;

    name = target->name;

    answer = l->answers.elts;
    n = l->answers.nelts;

    srv_name = l->type == GATEWAY_DNS_SRV && target->balancer->use_srv_name;
    size = n * sizeof(ngx_http_gateway_upstream_addr_t);

    for (i = 0; srv_name && i < n; i++) {
        size += answer[i].name.len;
    }

    addrs = ngx_calloc(size, target->balancer->log);
    if (addrs == NULL) {
        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_SERVFAIL, 1);
        return;
    }

    p = (u_char *) &addrs[n];

    for (i = 0; i < n; i++) {

        ngx_memcpy(&addrs[i].sockaddr, &answer[i].sockaddr,
                   answer[i].socklen);
        addrs[i].socklen = answer[i].socklen;
        addrs[i].weight = target->weight;
        addrs[i].share = 1;

        if (l->type == GATEWAY_DNS_SRV && target->weight) {
            addrs[i].weight = answer[i].weight;
            addrs[i].share = answer[i].share;
        }

        if (srv_name) {
            addrs[i].name.data = p;
            addrs[i].name.len = answer[i].name.len;
            p = ngx_cpymem(p, answer[i].name.data, answer[i].name.len);
        }

        ngx_inet_set_port(&addrs[i].sockaddr.sockaddr,
                          answer[i].port ? answer[i].port : target->port);
    }

    ngx_qsort(addrs, n, sizeof(ngx_http_gateway_upstream_addr_t),
              ngx_http_gateway_upstream_cmp_addrs);

    if (name->error && name->error != NGX_AGAIN) {
        ngx_log_error(NGX_LOG_NOTICE, target->balancer->log, 0,
                      "gateway upstream: \"%V\" resolves again",
                      &target->host);
    }

    ttl = target->balancer->dns->conf->valid;

    if (ttl < 0) {
        ttl = ngx_min((time_t) l->ttl, NGX_HTTP_GATEWAY_UPSTREAM_MAX_TTL);
    }

    name->successes++;
    name->error = 0;
    name->type = l->type;
    name->good = ngx_time();
    name->each = ttl == 0;
    name->retry = ngx_time() + ttl;
    name->refresh = ngx_time()
                    + (ttl ? ttl : NGX_HTTP_GATEWAY_UPSTREAM_EACH);

    ngx_http_gateway_upstream_set_addrs(target, addrs, n);
}


/* failed: by a server, so that the name may still be there */

static void
ngx_http_gateway_upstream_no_answer(
    ngx_http_gateway_upstream_target_t *target, ngx_int_t error,
    ngx_uint_t failed)
{
    ngx_http_gateway_upstream_name_t      *name;
    ngx_http_gateway_upstream_dns_conf_t  *conf;

    name = target->name;
    conf = target->balancer->dns->conf;

    if (name->error != error) {
        ngx_log_error(NGX_LOG_WARN, target->balancer->log, 0,
                      "gateway upstream: \"%V\" could not be resolved (%s)",
                      &target->host,
                      ngx_http_gateway_upstream_dns_strerror(error));
    }

    name->failures++;
    name->error = error;
    name->retry = ngx_time() + conf->error;
    name->refresh = ngx_time() + NGX_HTTP_GATEWAY_UPSTREAM_RETRY;

    if (target->naddrs) {

        if ((failed || error != NGX_RESOLVE_NXDOMAIN)
            && ngx_time() - name->good < conf->stale)
        {
            /* the old addresses do */
            name->stale++;
            name->each = 0;
            return;
        }

        ngx_http_gateway_upstream_set_addrs(target, NULL, 0);
    }

    if (error == NGX_RESOLVE_NXDOMAIN
        || error == NGX_HTTP_GATEWAY_UPSTREAM_EMPTY)
    {
        name->retry = ngx_time() + conf->not_found;
        name->refresh = ngx_max(name->retry, name->refresh);
    }
}


/* takes addrs over */

static void
ngx_http_gateway_upstream_set_addrs(
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_addr_t *addrs, ngx_uint_t n)
{
    if (ngx_http_gateway_upstream_same_addrs(target, addrs, n)) {

        if (addrs) {
            ngx_free(addrs);
        }

        return;
    }

    if (target->addrs) {
        ngx_free(target->addrs);
    }

    target->addrs = addrs;
    target->naddrs = n;
    target->balancer->changed = 1;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, target->balancer->log, 0,
                   "gateway upstream target \"%V\" has %ui addresses",
                   &target->text, n);
}


static ngx_uint_t
ngx_http_gateway_upstream_same_addrs(
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_addr_t *addrs, ngx_uint_t n)
{
    ngx_uint_t  i;

    if (n != target->naddrs) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (ngx_http_gateway_upstream_cmp_addrs(&addrs[i], &target->addrs[i])
            != 0)
        {
            return 0;
        }
    }

    return 1;
}


static int ngx_libc_cdecl
ngx_http_gateway_upstream_cmp_addrs(const void *one, const void *two)
{
    ngx_int_t                                rc;
    const ngx_http_gateway_upstream_addr_t  *a, *b;

    a = one;
    b = two;

    if (a->socklen != b->socklen) {
        return a->socklen < b->socklen ? -1 : 1;
    }

    rc = ngx_memcmp(&a->sockaddr, &b->sockaddr, a->socklen);

    if (rc != 0) {
        return (int) rc;
    }

    if (a->weight != b->weight) {
        return a->weight < b->weight ? -1 : 1;
    }

    if (a->share != b->share) {
        return a->share < b->share ? -1 : 1;
    }

    return (int) ngx_memn2cmp(a->name.data, b->name.data, a->name.len,
                              b->name.len);
}


/* when requests ask again, and when the timer does */

static void
ngx_http_gateway_upstream_schedule(ngx_http_gateway_upstream_balancer_t *b)
{
    time_t                               refresh;
    ngx_uint_t                           i, asking;
    ngx_msec_t                           delay;
    ngx_http_gateway_upstream_dns_t     *dns;
    ngx_http_gateway_upstream_name_t    *name;
    ngx_http_gateway_upstream_target_t  *target;

    dns = b->dns;
    target = b->targets.elts;

    dns->due = NGX_MAX_TIME_T_VALUE;
    refresh = NGX_MAX_TIME_T_VALUE;
    asking = 0;

    for (i = 0; i < b->targets.nelts; i++) {
        name = target[i].name;

        if (name == NULL) {
            continue;
        }

        if (name->lookup) {
            asking = 1;
            continue;
        }

        dns->due = ngx_min(dns->due, name->retry);
        refresh = ngx_min(refresh, name->refresh);
    }

    if (dns->refresh.timer_set) {
        ngx_del_timer(&dns->refresh);
    }

    if (asking && refresh == NGX_MAX_TIME_T_VALUE) {
        return;
    }

    delay = NGX_HTTP_GATEWAY_UPSTREAM_AFTER;

    if (refresh > ngx_time()) {
        /* a TTL may be anything; a day is far enough */
        delay += (ngx_msec_t) ngx_min(refresh - ngx_time(), 86400) * 1000;
    }

    ngx_add_timer(&dns->refresh, delay);
}


static void
ngx_http_gateway_upstream_refresh_handler(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_balancer_t  *b;

    b = ev->data;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    /* a service's name that nobody used waits for the next request */

    if (b->implicit && !b->dns->used) {
        return;
    }

    ngx_http_gateway_upstream_refresh(b);
}


static void
ngx_http_gateway_upstream_settle_handler(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_balancer_t  *b;

    b = ev->data;

    b->dns->settled = 1;

    ngx_http_gateway_upstream_wake(b);
}


/* never from here directly: the resolver or a request is on the stack */

static void
ngx_http_gateway_upstream_wake(ngx_http_gateway_upstream_balancer_t *b)
{
    if (!ngx_queue_empty(&b->dns->waiting)) {
        ngx_post_event(&b->dns->wake, &ngx_posted_events);
    }
}


static void
ngx_http_gateway_upstream_wake_handler(ngx_event_t *ev)
{
    ngx_queue_t                           *q, waiting;
    ngx_http_gateway_upstream_try_t       *t;
    ngx_http_gateway_upstream_balancer_t  *b;

    b = ev->data;

    if (ngx_queue_empty(&b->dns->waiting)) {
        return;
    }

    /* those that must wait on queue anew; a request may end others */

    q = ngx_queue_head(&b->dns->waiting);
    ngx_queue_remove(&b->dns->waiting);
    ngx_queue_init(&b->dns->waiting);
    ngx_queue_insert_tail(q, &waiting);

    while (!ngx_queue_empty(&waiting)) {

        q = ngx_queue_head(&waiting);
        t = ngx_queue_data(q, ngx_http_gateway_upstream_try_t, queue);

        ngx_queue_remove(q);
        t->waiting = 0;
        t->waited = 1;
        t->resume(t);
    }
}


/* configuration and process */

ngx_int_t
ngx_http_gateway_upstream_dns_init(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_balancer_t *b, ngx_resolver_t *resolver,
    ngx_msec_t timeout, ngx_rbtree_t *hosts)
{
    ngx_int_t                            rc;
    ngx_uint_t                           i;
    ngx_http_gateway_upstream_dns_t     *dns;
    ngx_http_gateway_upstream_target_t  *target;

    dns = NULL;
    target = b->targets.elts;

    for (i = 0; i < b->targets.nelts; i++) {

        target[i].connect_to = ngx_http_gateway_connect_to(cf,
                                            &target[i].host, target[i].port);

        if (target[i].naddrs) {
            continue;
        }

        if (target[i].connect_to) {

            /* where it goes is known, so its name is not asked for */

            if (ngx_http_gateway_upstream_static(cf, &target[i],
                                                 target[i].connect_to)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        rc = ngx_http_gateway_upstream_local(cf, &target[i], hosts);

        if (rc == NGX_OK) {
            continue;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        target[i].name = ngx_pcalloc(cf->pool,
                                     sizeof(ngx_http_gateway_upstream_name_t));
        if (target[i].name == NULL) {
            return NGX_ERROR;
        }

        target[i].name->error = NGX_AGAIN;

        if (dns == NULL) {
            dns = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_gateway_upstream_dns_t));
            if (dns == NULL) {
                return NGX_ERROR;
            }

            b->dns = dns;
        }
    }

    if (dns == NULL) {
        return NGX_OK;
    }

    dns->conf = &gumcf->dns;
    dns->timeout = timeout;

    if (resolver && resolver->connections.nelts) {

        dns->servers = ngx_http_gateway_upstream_servers(cf, gumcf, resolver);
        if (dns->servers == NULL) {
            return NGX_ERROR;
        }

        dns->conf = &dns->servers->conf;
    }

    ngx_queue_init(&dns->waiting);

    dns->refresh.handler = ngx_http_gateway_upstream_refresh_handler;
    dns->refresh.data = b;
    dns->refresh.log = b->log;
    dns->refresh.cancelable = 1;

    dns->settle.handler = ngx_http_gateway_upstream_settle_handler;
    dns->settle.data = b;
    dns->settle.log = b->log;
    dns->settle.cancelable = 1;

    dns->wake.handler = ngx_http_gateway_upstream_wake_handler;
    dns->wake.data = b;
    dns->wake.log = b->log;

    return NGX_OK;
}


void
ngx_http_gateway_upstream_dns_start(ngx_http_gateway_upstream_balancer_t *b)
{
    if (b->dns && ngx_time() >= b->dns->due) {
        ngx_http_gateway_upstream_refresh(b);
    }
}


void
ngx_http_gateway_upstream_dns_stop(ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_uint_t                           i;
    ngx_http_gateway_upstream_dns_t     *dns;
    ngx_http_gateway_upstream_target_t  *target;

    dns = b->dns;

    if (dns == NULL) {
        return;
    }

    if (dns->refresh.timer_set) {
        ngx_del_timer(&dns->refresh);
    }

    if (dns->settle.timer_set) {
        ngx_del_timer(&dns->settle);
    }

    if (dns->wake.posted) {
        ngx_delete_posted_event(&dns->wake);
    }

    target = b->targets.elts;

    for (i = 0; i < b->targets.nelts; i++) {

        if (target[i].name == NULL) {
            continue;
        }

        if (target[i].name->lookup) {
            ngx_http_gateway_upstream_lookup_free(target[i].name->lookup);
            target[i].name->lookup = NULL;
        }

        if (target[i].addrs) {
            ngx_free(target[i].addrs);
            target[i].addrs = NULL;
            target[i].naddrs = 0;
        }
    }
}


/* NGX_OK: has its addresses now; NGX_DECLINED: ask the DNS */

static ngx_int_t
ngx_http_gateway_upstream_local(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target, ngx_rbtree_t *hosts)
{
    uint32_t                           hash;
    ngx_str_t                          name;
    ngx_addr_t                         addr;
    ngx_str_node_t                    *node;

    name.len = target->host.len;
    name.data = ngx_pnalloc(cf->temp_pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(name.data, target->host.data, name.len);

    if (name.len && name.data[name.len - 1] == '.') {
        name.len--;
    }

    hash = ngx_crc32_short(name.data, name.len);
    node = ngx_str_rbtree_lookup(hosts, &name, hash);

    if (node) {
        /* the address follows the node, see ..._hosts_line() */
        addr = *(ngx_addr_t *) &node[1];

    } else if (name.len == sizeof("localhost") - 1
               && ngx_memcmp(name.data, "localhost", name.len) == 0)
    {
        if (ngx_parse_addr(cf->temp_pool, &addr, (u_char *) "127.0.0.1",
                           sizeof("127.0.0.1") - 1)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_upstream_static(cf, target, &addr);
}


/* gives the target its only address, with the port of its own */

static ngx_int_t
ngx_http_gateway_upstream_static(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target, ngx_addr_t *addr)
{
    ngx_http_gateway_upstream_addr_t  *addrs;

    addrs = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_upstream_addr_t));
    if (addrs == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(&addrs->sockaddr, addr->sockaddr, addr->socklen);
    ngx_inet_set_port(&addrs->sockaddr.sockaddr, target->port);
    addrs->socklen = addr->socklen;
    addrs->weight = target->weight;
    addrs->share = 1;

    target->addrs = addrs;
    target->naddrs = 1;

    return NGX_OK;
}


ngx_http_gateway_upstream_servers_t *
ngx_http_gateway_upstream_servers(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_resolver_t *resolver)
{
    ngx_uint_t                             i, ipv4, ipv6;
    ngx_http_gateway_upstream_servers_t   *s, **sp;
    ngx_http_gateway_upstream_dns_conf_t  *conf;

    sp = gumcf->servers.elts;

    for (i = 0; i < gumcf->servers.nelts; i++) {
        if (sp[i]->resolver == resolver) {
            return sp[i];
        }
    }

    s = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_upstream_servers_t));
    sp = ngx_array_push(&gumcf->servers);

    if (s == NULL || sp == NULL) {
        return NULL;
    }

    *sp = s;

    s->resolver = resolver;
    s->conf = gumcf->dns;

    ngx_http_gateway_upstream_servers_init(s, &cf->cycle->new_log);

    conf = &s->conf;

    if (conf->valid < 0 && resolver->valid) {
        conf->valid = resolver->valid;
    }

    if (conf->norder) {
        return s;
    }

#if (NGX_HAVE_INET6)
    ipv6 = resolver->ipv6;
#else
    ipv6 = 0;
#endif

#if (NGX_HAVE_INET6 && nginx_version >= 1023001)
    ipv4 = resolver->ipv4;
#else
    ipv4 = 1;
#endif

    conf->order[conf->norder++] = NGX_HTTP_GATEWAY_UPSTREAM_LAST;
    conf->order[conf->norder++] = GATEWAY_DNS_SRV;

    if (ipv4) {
        conf->order[conf->norder++] = GATEWAY_DNS_A;
    }

    if (ipv6) {
        conf->order[conf->norder++] = GATEWAY_DNS_AAAA;
    }

    return s;
}


char *
ngx_http_gateway_upstream_dns_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_upstream_main_conf_t  *gumcf = conf;

    char        *rv, *p;
    ngx_str_t   *args, name, value;
    ngx_uint_t   i;

    if (gumcf->dns.set) {
        return "is duplicate";
    }

    gumcf->dns.set = 1;

    args = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        p = ngx_strchr(args[i].data, '=');

        if (p == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": write "
                               "NAME=VALUE", &args[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        name.data = args[i].data;
        name.len = (u_char *) p - name.data;
        value.data = (u_char *) p + 1;
        value.len = args[i].len - name.len - 1;

        rv = ngx_http_gateway_upstream_dns_parameter(cf, &gumcf->dns, &name,
                                                     &value);
        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": %s",
                               &args[i], &cmd->name, rv);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_dns_parameter(ngx_conf_t *cf,
    ngx_http_gateway_upstream_dns_conf_t *conf, ngx_str_t *name,
    ngx_str_t *value)
{
    size_t       i;
    ngx_int_t    n, ms;
    ngx_uint_t   k;

    static struct {
        ngx_str_t  name;
        size_t     offset;
    } times[] = {
        { ngx_string("valid"),
          offsetof(ngx_http_gateway_upstream_dns_conf_t, valid) },
        { ngx_string("stale"),
          offsetof(ngx_http_gateway_upstream_dns_conf_t, stale) },
        { ngx_string("not_found"),
          offsetof(ngx_http_gateway_upstream_dns_conf_t, not_found) },
        { ngx_string("error"),
          offsetof(ngx_http_gateway_upstream_dns_conf_t, error) },
    };

    if (name->len == 5 && ngx_strncmp(name->data, "order", 5) == 0) {
        return ngx_http_gateway_upstream_dns_order(conf, value);
    }

    if (name->len == 6 && ngx_strncmp(name->data, "search", 6) == 0) {
        return ngx_http_gateway_upstream_dns_search(cf, conf, value);
    }

    if (name->len == 3 && ngx_strncmp(name->data, "srv", 3) == 0) {

        if (ngx_strcmp(value->data, "named") == 0) {
            conf->named = 1;

        } else if (ngx_strcmp(value->data, "any") != 0) {
            return "it must be \"any\" or \"named\"";
        }

        return NGX_CONF_OK;
    }

    if (name->len == 7 && ngx_strncmp(name->data, "timeout", 7) == 0) {
        ms = ngx_parse_time(value, 0);

        if (ms == NGX_ERROR || ms == 0) {
            return "it must be a time above 0";
        }

        conf->timeout = ms;
        return NGX_CONF_OK;
    }

    if (name->len == 5 && ngx_strncmp(name->data, "ndots", 5) == 0) {
        n = ngx_atoi(value->data, value->len);

        if (n == NGX_ERROR || n > 15) {
            return "it must be 0 to 15";
        }

        conf->ndots = n;
        return NGX_CONF_OK;
    }

    if (name->len == 8 && ngx_strncmp(name->data, "attempts", 8) == 0) {
        n = ngx_atoi(value->data, value->len);

        if (n == NGX_ERROR || n < 1 || n > 100) {
            return "it must be 1 to 100";
        }

        conf->attempts = n;
        return NGX_CONF_OK;
    }

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {

        if (name->len != times[i].name.len
            || ngx_strncmp(name->data, times[i].name.data, name->len) != 0)
        {
            continue;
        }

        n = ngx_parse_time(value, 1);

        if (n == NGX_ERROR) {
            return "it must be a time in seconds";
        }

        k = times[i].offset;
        *(time_t *) ((u_char *) conf + k) = n;

        return NGX_CONF_OK;
    }

    return "there is no such parameter";
}


static char *
ngx_http_gateway_upstream_dns_order(
    ngx_http_gateway_upstream_dns_conf_t *conf, ngx_str_t *value)
{
    u_char      *p, *end, *last;
    ngx_uint_t   i;

    static struct {
        ngx_str_t   name;
        ngx_uint_t  type;
    } types[] = {
        { ngx_string("LAST"), NGX_HTTP_GATEWAY_UPSTREAM_LAST },
        { ngx_string("SRV"), GATEWAY_DNS_SRV },
        { ngx_string("A"), GATEWAY_DNS_A },
        { ngx_string("AAAA"), GATEWAY_DNS_AAAA },
        { ngx_string("CNAME"), GATEWAY_DNS_CNAME },
        { ngx_null_string, 0 }
    };

    conf->norder = 0;
    last = value->data + value->len;

    for (p = value->data; p <= last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        for (i = 0; types[i].type; i++) {
            if (types[i].name.len == (size_t) (end - p)
                && ngx_strncasecmp(p, types[i].name.data, end - p) == 0)
            {
                break;
            }
        }

        if (types[i].type == 0) {
            return "types are LAST, SRV, A, AAAA and CNAME";
        }

        if (conf->norder == NGX_HTTP_GATEWAY_UPSTREAM_TYPES) {
            return "too many types";
        }

        conf->order[conf->norder++] = types[i].type;
    }

    for (i = 0; i < conf->norder; i++) {
        if (conf->order[i] == GATEWAY_DNS_A
            || conf->order[i] == GATEWAY_DNS_AAAA
            || conf->order[i] == GATEWAY_DNS_SRV)
        {
            return NGX_CONF_OK;
        }
    }

    return "one of SRV, A and AAAA must be there";
}


static char *
ngx_http_gateway_upstream_dns_search(ngx_conf_t *cf,
    ngx_http_gateway_upstream_dns_conf_t *conf, ngx_str_t *value)
{
    u_char     *p, *end, *last;
    ngx_str_t  *domain;

    if (conf->search) {
        return "it is a duplicate";
    }

    conf->search = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
    if (conf->search == NULL) {
        return "no memory";
    }

    last = value->data + value->len;

    for (p = value->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        if (end == p || end - p >= GATEWAY_DNS_NAME) {
            return "domains are names, with commas between them";
        }

        domain = ngx_array_push(conf->search);
        if (domain == NULL) {
            return "no memory";
        }

        domain->data = p;
        domain->len = end - p;

        if (end[-1] == '.') {
            domain->len--;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_upstream_read_hosts(ngx_conf_t *cf, ngx_pool_t *pool,
    ngx_str_t *file, ngx_rbtree_t *hosts)
{
    off_t            size;
    u_char          *p, *buf, *end, *last;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_t       hf;
    ngx_file_info_t  fi;

    ngx_memzero(&hf, sizeof(ngx_file_t));

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return NGX_DECLINED;
    }

    rc = NGX_ERROR;

    hf.fd = fd;
    hf.name = *file;
    hf.log = cf->log;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", file);
        goto done;
    }

    size = ngx_file_size(&fi);

    if (size > NGX_HTTP_GATEWAY_UPSTREAM_HOSTS_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "hosts file \"%V\" is larger than %d bytes", file,
                           NGX_HTTP_GATEWAY_UPSTREAM_HOSTS_SIZE);
        goto done;
    }

    if (size == 0) {
        rc = NGX_OK;
        goto done;
    }

    buf = ngx_palloc(pool, (size_t) size);
    if (buf == NULL) {
        goto done;
    }

    n = ngx_read_file(&hf, buf, (size_t) size, 0);

    if (n == NGX_ERROR) {
        goto done;
    }

    last = buf + n;

    for (p = buf; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {
            end = last;
        }

        if (ngx_http_gateway_upstream_hosts_line(pool, hosts, p, end)
            != NGX_OK)
        {
            goto done;
        }
    }

    rc = NGX_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    return rc;
}


/*
 * "address name name ... # comment"; of each name the first IPv4 address
 * counts, else the first IPv6 one.  What is no address is skipped.
 */

static ngx_int_t
ngx_http_gateway_upstream_hosts_line(ngx_pool_t *pool, ngx_rbtree_t *hosts,
    u_char *p, u_char *last)
{
    u_char          *word;
    uint32_t         hash;
    ngx_str_t        name;
    ngx_addr_t       addr, *old;
    ngx_uint_t       words;
    ngx_str_node_t  *node;

    words = 0;
    addr.sockaddr = NULL;

    while (p < last && *p != '#') {

        if (*p == ' ' || *p == '\t' || *p == CR) {
            p++;
            continue;
        }

        word = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != CR && *p != '#') {
            p++;
        }

        if (words++ == 0) {
            if (ngx_parse_addr(pool, &addr, word, p - word) != NGX_OK) {
                return NGX_OK;
            }

            continue;
        }

        name.data = word;
        name.len = p - word;
        ngx_strlow(name.data, name.data, name.len);

        hash = ngx_crc32_short(name.data, name.len);
        node = ngx_str_rbtree_lookup(hosts, &name, hash);

        if (node) {
            old = (ngx_addr_t *) &node[1];

            if (old->sockaddr->sa_family != AF_INET
                && addr.sockaddr->sa_family == AF_INET)
            {
                *old = addr;
            }

            continue;
        }

        node = ngx_palloc(pool, sizeof(ngx_str_node_t) + sizeof(ngx_addr_t));
        if (node == NULL) {
            return NGX_ERROR;
        }

        node->node.key = hash;
        node->str = name;
        *(ngx_addr_t *) &node[1] = addr;

        ngx_rbtree_insert(hosts, &node->node);
    }

    return NGX_OK;
}
