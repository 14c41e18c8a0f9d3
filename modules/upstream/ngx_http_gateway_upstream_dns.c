
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Names of targets: the hosts file when the configuration is read, DNS when
 * a worker runs.  A name that does not resolve never fails the start.
 * Addresses stay in use while they are refreshed in the background; the
 * names of services without a gateway_upstream only while requests come.
 */


#include "ngx_http_gateway_upstream_peers.h"


/* seconds */
#define NGX_HTTP_GATEWAY_UPSTREAM_NOT_FOUND  30    /* NXDOMAIN is believed */
#define NGX_HTTP_GATEWAY_UPSTREAM_ERROR      1     /* other errors */
#define NGX_HTTP_GATEWAY_UPSTREAM_RETRY      30    /* asked by the timer */
#define NGX_HTTP_GATEWAY_UPSTREAM_STALE      3600  /* use after errors */
#define NGX_HTTP_GATEWAY_UPSTREAM_MIN_TTL    1

/* milliseconds */
#define NGX_HTTP_GATEWAY_UPSTREAM_SETTLE     1000  /* first wait for all */
#define NGX_HTTP_GATEWAY_UPSTREAM_AFTER      500   /* expiry to refresh */

#define NGX_HTTP_GATEWAY_UPSTREAM_HOSTS_SIZE (16 * 1024 * 1024)


static void ngx_http_gateway_upstream_refresh(
    ngx_http_gateway_upstream_balancer_t *b);
static void ngx_http_gateway_upstream_query(
    ngx_http_gateway_upstream_target_t *target);
static void ngx_http_gateway_upstream_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_gateway_upstream_answer(
    ngx_http_gateway_upstream_target_t *target, ngx_resolver_ctx_t *ctx);
static void ngx_http_gateway_upstream_no_answer(
    ngx_http_gateway_upstream_target_t *target, ngx_int_t error);
static void ngx_http_gateway_upstream_set_addrs(
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

static ngx_int_t ngx_http_gateway_upstream_local(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target, ngx_rbtree_t *hosts);
static ngx_int_t ngx_http_gateway_upstream_name(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target);
static ngx_int_t ngx_http_gateway_upstream_hosts_line(ngx_conf_t *cf,
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

    if (dns->settled) {
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
            && target[i].name->query == NULL
            && target[i].name->retry <= ngx_time())
        {
            ngx_http_gateway_upstream_query(&target[i]);
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
    ngx_resolver_ctx_t                *ctx, temp;
    ngx_http_gateway_upstream_dns_t   *dns;
    ngx_http_gateway_upstream_name_t  *name;

    dns = target->balancer->dns;
    name = target->name;

    /* reserved for names that do not exist, RFC 6761 */

    if (target->host.len > sizeof(".invalid") - 1
        && ngx_strncasecmp(target->host.data + target->host.len
                           - (sizeof(".invalid") - 1),
                           (u_char *) ".invalid", sizeof(".invalid") - 1)
           == 0)
    {
        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_NXDOMAIN);
        return;
    }

    if (dns->resolver == NULL) {
        ctx = NGX_NO_RESOLVER;

    } else {
        ngx_memzero(&temp, sizeof(ngx_resolver_ctx_t));
        temp.name = name->name;
        ctx = ngx_resolve_start(dns->resolver, &temp);
    }

    if (ctx == NULL) {
        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_SERVFAIL);
        return;
    }

    if (ctx == NGX_NO_RESOLVER) {

        if (name->error != NGX_RESOLVE_NXDOMAIN) {
            ngx_log_error(NGX_LOG_ERR, target->balancer->log, 0,
                          "gateway upstream: no resolver defined to resolve "
                          "\"%V\"", &target->host);
        }

        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_NXDOMAIN);
        return;
    }

    ctx->name = name->name;
    ctx->service = name->service;
    ctx->handler = ngx_http_gateway_upstream_resolved;
    ctx->data = target;
    ctx->timeout = dns->timeout;

    /* only requests that may wait for it keep a quitting worker alive */
    ctx->cancelable = target->naddrs ? 1 : 0;

    name->query = ctx;
    dns->queries++;

    /* may call the handler before it returns */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        name->query = NULL;
        dns->queries--;
        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_SERVFAIL);
    }
}


static void
ngx_http_gateway_upstream_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_http_gateway_upstream_target_t    *target;
    ngx_http_gateway_upstream_balancer_t  *b;

    target = ctx->data;
    b = target->balancer;

    if (ctx->state == NGX_OK && ctx->naddrs) {
        ngx_http_gateway_upstream_answer(target, ctx);

    } else {
        ngx_http_gateway_upstream_no_answer(target,
                                            ctx->state == NGX_OK
                                            ? NGX_RESOLVE_NXDOMAIN
                                            : ctx->state);
    }

    target->name->query = NULL;
    ngx_resolve_name_done(ctx);

    if (--b->dns->queries == 0) {
        b->dns->settled = 1;
    }

    ngx_http_gateway_upstream_schedule(b);
    ngx_http_gateway_upstream_wake(b);
}


static void
ngx_http_gateway_upstream_answer(ngx_http_gateway_upstream_target_t *target,
    ngx_resolver_ctx_t *ctx)
{
    u_short                            priority;
    ngx_uint_t                         i, n, ipv4;
    ngx_resolver_addr_t               *addr;
    ngx_http_gateway_upstream_addr_t  *addrs;
    ngx_http_gateway_upstream_name_t  *name;

    name = target->name;

    addrs = ngx_calloc(ctx->naddrs
                       * sizeof(ngx_http_gateway_upstream_addr_t),
                       target->balancer->log);
    if (addrs == NULL) {
        ngx_http_gateway_upstream_no_answer(target, NGX_RESOLVE_SERVFAIL);
        return;
    }

    /* the best priority of SRV records; IPv6 only where there is no IPv4 */

    priority = ctx->addrs[0].priority;

    for (i = 1; i < ctx->naddrs; i++) {
        if (ctx->addrs[i].priority < priority) {
            priority = ctx->addrs[i].priority;
        }
    }

    ipv4 = 0;

    for (i = 0; i < ctx->naddrs; i++) {
        if (ctx->addrs[i].priority == priority
            && ctx->addrs[i].sockaddr->sa_family == AF_INET)
        {
            ipv4 = 1;
        }
    }

    n = 0;

    for (i = 0; i < ctx->naddrs; i++) {
        addr = &ctx->addrs[i];

        if (addr->priority != priority
            || (ipv4 && addr->sockaddr->sa_family != AF_INET))
        {
            continue;
        }

        ngx_memcpy(&addrs[n].sockaddr, addr->sockaddr, addr->socklen);
        addrs[n].socklen = addr->socklen;
        addrs[n].weight = target->weight;

        if (name->service.len && target->weight) {
            addrs[n].weight = addr->weight ? addr->weight : 1;
        }

        if (name->service.len == 0
            || ngx_inet_get_port(&addrs[n].sockaddr.sockaddr) == 0)
        {
            ngx_inet_set_port(&addrs[n].sockaddr.sockaddr, target->port);
        }

        n++;
    }

    ngx_qsort(addrs, n, sizeof(ngx_http_gateway_upstream_addr_t),
              ngx_http_gateway_upstream_cmp_addrs);

    if (name->error && name->error != NGX_AGAIN) {
        ngx_log_error(NGX_LOG_NOTICE, target->balancer->log, 0,
                      "gateway upstream: \"%V\" resolves again",
                      &target->host);
    }

    name->error = 0;
    name->good = ngx_time();
    name->retry = ngx_max(ctx->valid,
                          ngx_time() + NGX_HTTP_GATEWAY_UPSTREAM_MIN_TTL);
    name->refresh = name->retry;

    ngx_http_gateway_upstream_set_addrs(target, addrs, n);
}


static void
ngx_http_gateway_upstream_no_answer(
    ngx_http_gateway_upstream_target_t *target, ngx_int_t error)
{
    ngx_http_gateway_upstream_name_t  *name;

    name = target->name;

    if (name->error != error) {
        ngx_log_error(NGX_LOG_WARN, target->balancer->log, 0,
                      "gateway upstream: \"%V\" could not be resolved "
                      "(%i: %s)", &target->host, error,
                      ngx_resolver_strerror(error));
    }

    name->error = error;
    name->retry = ngx_time() + NGX_HTTP_GATEWAY_UPSTREAM_ERROR;
    name->refresh = ngx_time() + NGX_HTTP_GATEWAY_UPSTREAM_RETRY;

    if (target->naddrs) {

        if (error != NGX_RESOLVE_NXDOMAIN
            && ngx_time() - name->good < NGX_HTTP_GATEWAY_UPSTREAM_STALE)
        {
            /* the old addresses do */
            name->retry = name->refresh;
            return;
        }

        ngx_http_gateway_upstream_set_addrs(target, NULL, 0);
    }

    if (error == NGX_RESOLVE_NXDOMAIN) {
        name->retry = ngx_time() + NGX_HTTP_GATEWAY_UPSTREAM_NOT_FOUND;
    }
}


/* takes addrs over */

static void
ngx_http_gateway_upstream_set_addrs(
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_addr_t *addrs, ngx_uint_t n)
{
    if (n == target->naddrs
        && n
        && ngx_memcmp(addrs, target->addrs,
                      n * sizeof(ngx_http_gateway_upstream_addr_t))
           == 0)
    {
        ngx_free(addrs);
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


static int ngx_libc_cdecl
ngx_http_gateway_upstream_cmp_addrs(const void *one, const void *two)
{
    return ngx_memcmp(one, two, sizeof(ngx_http_gateway_upstream_addr_t));
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

        if (name->query) {
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
        t->resume(t);
    }
}


/* configuration and process */

ngx_int_t
ngx_http_gateway_upstream_dns_init(ngx_conf_t *cf,
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

        if (target[i].naddrs) {
            continue;
        }

        rc = ngx_http_gateway_upstream_local(cf, &target[i], hosts);

        if (rc == NGX_OK) {
            continue;
        }

        if (rc == NGX_ERROR
            || ngx_http_gateway_upstream_name(cf, &target[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }

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

    dns->resolver = resolver;
    dns->timeout = timeout;

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

        if (target[i].name->query) {
            ngx_resolve_name_done(target[i].name->query);
            target[i].name->query = NULL;
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
    ngx_http_gateway_upstream_addr_t  *addrs;

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

    addrs = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_upstream_addr_t));
    if (addrs == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(&addrs->sockaddr, addr.sockaddr, addr.socklen);
    ngx_inet_set_port(&addrs->sockaddr.sockaddr, target->port);
    addrs->socklen = addr.socklen;
    addrs->weight = target->weight;

    target->addrs = addrs;
    target->naddrs = 1;

    return NGX_OK;
}


/* "_svc._proto.name" is asked for its SRV records, others for A, AAAA */

static ngx_int_t
ngx_http_gateway_upstream_name(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target)
{
    u_char                            *p, *last;
    ngx_http_gateway_upstream_name_t  *name;

    name = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_upstream_name_t));
    if (name == NULL) {
        return NGX_ERROR;
    }

    name->name = target->host;
    name->error = NGX_AGAIN;
    target->name = name;

    last = target->host.data + target->host.len;

    if (target->host.data[0] != '_') {
        return NGX_OK;
    }

    p = ngx_strlchr(target->host.data, last, '.');

    if (p == NULL || p + 1 == last || p[1] != '_') {
        return NGX_OK;
    }

    p = ngx_strlchr(p + 1, last, '.');

    if (p == NULL || p + 1 == last) {
        return NGX_OK;
    }

    name->service.data = target->host.data;
    name->service.len = p - target->host.data;
    name->name.data = p + 1;
    name->name.len = last - (p + 1);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_upstream_read_hosts(ngx_conf_t *cf, ngx_str_t *file,
    ngx_rbtree_t *hosts)
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

    buf = ngx_palloc(cf->temp_pool, (size_t) size);
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

        if (ngx_http_gateway_upstream_hosts_line(cf, hosts, p, end)
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
ngx_http_gateway_upstream_hosts_line(ngx_conf_t *cf, ngx_rbtree_t *hosts,
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
            if (ngx_parse_addr(cf->temp_pool, &addr, word, p - word)
                != NGX_OK)
            {
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

        node = ngx_palloc(cf->temp_pool,
                          sizeof(ngx_str_node_t) + sizeof(ngx_addr_t));
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
