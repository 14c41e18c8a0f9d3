
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lookups of names: the types and search domains of "gateway_dns" in turn,
 * aliases, and for SRV records the addresses of their targets.
 *
 * nginx's resolver gives the servers only.  It asks for SRV records of names
 * of the form "_service._proto.name" alone, has no search domains, asks the
 * next server after five seconds, and leaves holes in its answer where all
 * weights of a priority are 0.
 *
 *   lookup             one name; its memory is a pool of its own
 *     query            the question that is under way, to one server
 *     children         lookups of the targets of SRV records
 *
 * Every question has a socket, hence a port, of its own.
 */


#include "ngx_http_gateway_upstream_peers.h"

#include <openssl/rand.h>


/* questions at a time: with thousands of names they must not take the
   connections that clients need */
#define NGX_HTTP_GATEWAY_UPSTREAM_ACTIVE   256

#define NGX_HTTP_GATEWAY_UPSTREAM_UDP      4096  /* largest answer */
#define NGX_HTTP_GATEWAY_UPSTREAM_ALIASES  8     /* questions about aliases */
#define NGX_HTTP_GATEWAY_UPSTREAM_RECORDS  1024  /* of an answer */
#define NGX_HTTP_GATEWAY_UPSTREAM_TARGETS  64    /* of SRV records */


static ngx_http_gateway_upstream_lookup_t *ngx_http_gateway_upstream_alloc(
    ngx_pool_t *pool, ngx_http_gateway_upstream_dns_conf_t *conf,
    ngx_http_gateway_upstream_servers_t *servers, ngx_str_t *host);
static void ngx_http_gateway_upstream_lookup_next(
    ngx_http_gateway_upstream_lookup_t *l);
static ngx_uint_t ngx_http_gateway_upstream_lookup_type(
    ngx_http_gateway_upstream_lookup_t *l);
static ngx_int_t ngx_http_gateway_upstream_lookup_name(
    ngx_http_gateway_upstream_lookup_t *l, ngx_int_t domain);
static void ngx_http_gateway_upstream_lookup_ask(
    ngx_http_gateway_upstream_lookup_t *l);
static void ngx_http_gateway_upstream_lookup_done(
    ngx_http_gateway_upstream_lookup_t *l, ngx_int_t error);
static void ngx_http_gateway_upstream_lookup_timeout(ngx_event_t *ev);
static void ngx_http_gateway_upstream_lookup_stop(
    ngx_http_gateway_upstream_lookup_t *l);

static void ngx_http_gateway_upstream_query_send(
    ngx_http_gateway_upstream_lookup_t *l);
static void ngx_http_gateway_upstream_query_wake(ngx_event_t *ev);
static void ngx_http_gateway_upstream_query_close(
    ngx_http_gateway_upstream_lookup_t *l);
static void ngx_http_gateway_upstream_query_failed(
    ngx_http_gateway_upstream_lookup_t *l, ngx_int_t error);
static void ngx_http_gateway_upstream_query_timeout(ngx_event_t *ev);
static void ngx_http_gateway_upstream_query_read(ngx_event_t *rev);
static void ngx_http_gateway_upstream_query_read_tcp(ngx_event_t *rev);
static void ngx_http_gateway_upstream_query_write_tcp(ngx_event_t *wev);
static void ngx_http_gateway_upstream_query_empty(ngx_event_t *wev);
static ngx_int_t ngx_http_gateway_upstream_query_answer(
    ngx_http_gateway_upstream_lookup_t *l, u_char *buf, size_t len);
static int ngx_http_gateway_upstream_query_record(void *data,
    const gateway_dns_record_t *record);

static void ngx_http_gateway_upstream_srv(
    ngx_http_gateway_upstream_lookup_t *l);
static void ngx_http_gateway_upstream_srv_child(
    ngx_http_gateway_upstream_lookup_t *child);
static void ngx_http_gateway_upstream_srv_finish(
    ngx_http_gateway_upstream_lookup_t *l);


ngx_http_gateway_upstream_lookup_t *
ngx_http_gateway_upstream_lookup(ngx_http_gateway_upstream_dns_conf_t *conf,
    ngx_http_gateway_upstream_servers_t *servers, ngx_str_t *host,
    ngx_uint_t last, ngx_msec_t timeout, ngx_uint_t cancelable,
    ngx_http_gateway_upstream_lookup_pt handler, void *data, ngx_log_t *log)
{
    ngx_pool_t                          *pool;
    ngx_http_gateway_upstream_lookup_t  *l;

    pool = ngx_create_pool(4096, log);
    if (pool == NULL) {
        return NULL;
    }

    l = ngx_http_gateway_upstream_alloc(pool, conf, servers, host);
    if (l == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    l->last = last;
    l->handler = handler;
    l->data = data;
    l->cancelable = cancelable ? 1 : 0;

    l->deadline.handler = ngx_http_gateway_upstream_lookup_timeout;
    l->deadline.data = l;
    l->deadline.log = log;
    l->deadline.cancelable = l->cancelable;

    ngx_add_timer(&l->deadline, timeout);

    l->starting = 1;
    ngx_http_gateway_upstream_lookup_next(l);
    l->starting = 0;

    return l;
}


void
ngx_http_gateway_upstream_lookup_free(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_http_gateway_upstream_lookup_stop(l);

    ngx_destroy_pool(l->pool);
}


static ngx_http_gateway_upstream_lookup_t *
ngx_http_gateway_upstream_alloc(ngx_pool_t *pool,
    ngx_http_gateway_upstream_dns_conf_t *conf,
    ngx_http_gateway_upstream_servers_t *servers, ngx_str_t *host)
{
    ngx_uint_t                           i;
    ngx_http_gateway_upstream_lookup_t  *l;

    l = ngx_pcalloc(pool, sizeof(ngx_http_gateway_upstream_lookup_t));
    if (l == NULL) {
        return NULL;
    }

    if (ngx_array_init(&l->answers, pool, 4,
                       sizeof(ngx_http_gateway_upstream_answer_t))
        != NGX_OK)
    {
        return NULL;
    }

    l->pool = pool;
    l->conf = conf;
    l->servers = servers;
    l->host = *host;
    l->error = NGX_HTTP_GATEWAY_UPSTREAM_EMPTY;
    l->ttl = NGX_MAX_UINT32_VALUE;

    if (host->len && host->data[host->len - 1] == '.') {
        l->host.len--;
        l->absolute = 1;
    }

    for (i = 0; i < l->host.len; i++) {
        if (l->host.data[i] == '.') {
            l->dots++;
        }
    }

    l->query.timer.handler = ngx_http_gateway_upstream_query_timeout;
    l->query.timer.data = l;
    l->query.timer.log = pool->log;

    return l;
}


/* asks for the next type, or with the next search domain, or gives up */

static void
ngx_http_gateway_upstream_lookup_next(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_int_t  domain, last;

    for ( ;; ) {

        if (l->type == 0) {

            l->type = ngx_http_gateway_upstream_lookup_type(l);

            if (l->type == 0) {
                ngx_http_gateway_upstream_lookup_done(l, l->error);
                return;
            }

            l->step = 0;
        }

        /* the bare name is number -1, before the domains or after them */

        last = l->absolute || l->conf->search == NULL
               ? 0 : (ngx_int_t) l->conf->search->nelts;

        if (l->step > last) {
            l->type = 0;
            continue;
        }

        if (l->dots < l->conf->ndots) {
            domain = l->step == last ? -1 : l->step;

        } else {
            domain = l->step - 1;
        }

        l->step++;

        if (ngx_http_gateway_upstream_lookup_name(l, domain) == NGX_OK) {
            ngx_http_gateway_upstream_lookup_ask(l);
            return;
        }

        l->error = NGX_RESOLVE_NXDOMAIN;
    }
}


/* the next type of the order that was not asked for yet; 0: none */

static ngx_uint_t
ngx_http_gateway_upstream_lookup_type(ngx_http_gateway_upstream_lookup_t *l)
{
    u_char      *p, *last;
    ngx_uint_t   bit, named, type;

    named = 0;

    if (l->conf->named && l->host.data[0] == '_') {
        last = l->host.data + l->host.len;
        p = ngx_strlchr(l->host.data, last, '.');
        named = p && p + 1 < last && p[1] == '_'
                && ngx_strlchr(p + 1, last, '.');
    }

    while (l->position < l->conf->norder) {

        type = l->conf->order[l->position++];

        if (type == NGX_HTTP_GATEWAY_UPSTREAM_LAST) {
            type = l->last;
        }

        switch (type) {

        case GATEWAY_DNS_A:
            bit = 1;
            break;

        case GATEWAY_DNS_AAAA:
            bit = 2;
            break;

        case GATEWAY_DNS_SRV:
            bit = 4;

            /* targets of SRV records are hosts */

            if (l->parent || (l->conf->named && !named)) {
                continue;
            }

            break;

        default:
            /* a CNAME comes with the others */
            continue;
        }

        if ((named && type != GATEWAY_DNS_SRV) || (l->done & bit)) {
            continue;
        }

        l->done |= bit;

        return type;
    }

    return 0;
}


/* writes the question; domain -1: about the bare name */

static ngx_int_t
ngx_http_gateway_upstream_lookup_name(ngx_http_gateway_upstream_lookup_t *l,
    ngx_int_t domain)
{
    u_char     *p;
    ngx_str_t  *search;

    if (l->host.len >= GATEWAY_DNS_NAME) {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(l->name, l->host.data, l->host.len);

    if (domain >= 0 && l->conf->search) {
        search = l->conf->search->elts;
        search += domain;

        if (l->host.len + 1 + search->len >= GATEWAY_DNS_NAME) {
            return NGX_DECLINED;
        }

        *p++ = '.';
        p = ngx_cpymem(p, search->data, search->len);
    }

    l->name_len = p - l->name;
    ngx_strlow(l->name, l->name, l->name_len);

    l->aliases = 0;
    l->ttl = NGX_MAX_UINT32_VALUE;
    l->answers.nelts = 0;

    return NGX_OK;
}


static void
ngx_http_gateway_upstream_lookup_ask(ngx_http_gateway_upstream_lookup_t *l)
{
    u_char                              id[2];
    ngx_uint_t                          number;
    ngx_http_gateway_upstream_query_t  *q;

    q = &l->query;

    if (RAND_bytes(id, sizeof(id)) == 1) {
        number = id[0] << 8 | id[1];

    } else {
        number = (ngx_uint_t) ngx_random() & 0xffff;
    }

    q->len = gateway_dns_query(q->message + 2, (unsigned) number,
                               (char *) l->name, l->name_len,
                               (unsigned) l->type);

    q->message[0] = (u_char) (q->len >> 8);
    q->message[1] = (u_char) q->len;
    q->server = l->servers->first;
    q->attempt = 0;
    q->refusals = 0;
    q->error = NGX_RESOLVE_TIMEDOUT;
    q->tcp = 0;
    q->timer.cancelable = l->cancelable;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, l->pool->log, 0,
                   "gateway upstream asks for type %ui of \"%*s\" id:%ui",
                   l->type, l->name_len, l->name, number);

    if (q->len == 0) {

        /* no name of DNS: with an empty label, or a long one */

        ngx_add_timer(&q->timer, 1);
        return;
    }

    ngx_http_gateway_upstream_query_send(l);
}


static void
ngx_http_gateway_upstream_lookup_done(ngx_http_gateway_upstream_lookup_t *l,
    ngx_int_t error)
{
    ngx_http_gateway_upstream_lookup_stop(l);

    l->error = error;

    if (l->starting) {

        /* not from here: the caller does not know of the lookup yet */

        l->ended = 1;
        ngx_add_timer(&l->deadline, 1);
        return;
    }

    /* this is the end of l, and of its parent perhaps */

    l->handler(l);
}


static void
ngx_http_gateway_upstream_lookup_timeout(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_lookup_t *l = ev->data;

    if (l->ended) {
        ngx_http_gateway_upstream_lookup_done(l, l->error);
        return;
    }

    l->failed = 1;

    ngx_http_gateway_upstream_lookup_done(l, NGX_RESOLVE_TIMEDOUT);
}


/* nothing of the lookup calls back after this */

static void
ngx_http_gateway_upstream_lookup_stop(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_uint_t                            i;
    ngx_http_gateway_upstream_lookup_t  **child;

    if (l->deadline.timer_set) {
        ngx_del_timer(&l->deadline);
    }

    ngx_http_gateway_upstream_query_close(l);

    child = l->children.elts;

    for (i = 0; i < l->children.nelts; i++) {
        ngx_http_gateway_upstream_lookup_stop(child[i]);
    }
}


/* the question goes to the query's server */

static void
ngx_http_gateway_upstream_query_send(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_int_t                           rc;
    ngx_connection_t                   *c;
    ngx_resolver_connection_t          *server;
    ngx_http_gateway_upstream_query_t  *q;

    q = &l->query;

    ngx_http_gateway_upstream_query_close(l);

    if (l->servers->active >= NGX_HTTP_GATEWAY_UPSTREAM_ACTIVE) {
        ngx_queue_insert_tail(&l->servers->queue, &q->queue);
        q->queued = 1;
        return;
    }

    server = l->servers->resolver->connections.elts;
    server += q->server % l->servers->resolver->connections.nelts;

    ngx_memzero(&q->peer, sizeof(ngx_peer_connection_t));

    q->peer.sockaddr = server->sockaddr;
    q->peer.socklen = server->socklen;
    q->peer.name = &server->server;
    q->peer.type = q->tcp ? SOCK_STREAM : SOCK_DGRAM;
    q->peer.get = ngx_event_get_peer;
    q->peer.log = l->pool->log;
    q->peer.log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(&q->peer);

    if (rc == NGX_ERROR || rc == NGX_BUSY || rc == NGX_DECLINED) {
        goto failed;
    }

    l->servers->active++;

    c = q->peer.connection;
    c->data = l;
    c->log = l->pool->log;
    c->read->log = c->log;
    c->write->log = c->log;

    /* a worker that ends need not wait for it */

    c->read->resolver = 1;
    c->write->resolver = 1;

    ngx_add_timer(&q->timer, l->conf->timeout);

    if (q->tcp) {
        q->sent = 0;
        q->received = 0;
        q->answer = NULL;

        c->read->handler = ngx_http_gateway_upstream_query_read_tcp;
        c->write->handler = ngx_http_gateway_upstream_query_write_tcp;

        if (rc == NGX_OK) {
            ngx_post_event(c->write, &ngx_posted_events);
        }

        return;
    }

    c->read->handler = ngx_http_gateway_upstream_query_read;
    c->write->handler = ngx_http_gateway_upstream_query_empty;

    if (c->send(c, q->message + 2, q->len) != (ssize_t) q->len
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        goto failed;
    }

    return;

failed:

    /* as if the server had not answered, at once */

    ngx_http_gateway_upstream_query_close(l);

    q->broken = 1;
    ngx_add_timer(&q->timer, 1);
}


static void
ngx_http_gateway_upstream_query_close(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_http_gateway_upstream_query_t  *q;

    q = &l->query;

    if (q->timer.timer_set) {
        ngx_del_timer(&q->timer);
    }

    q->broken = 0;

    if (q->queued) {
        ngx_queue_remove(&q->queue);
        q->queued = 0;
    }

    if (q->peer.connection == NULL) {
        return;
    }

    ngx_close_connection(q->peer.connection);
    q->peer.connection = NULL;

    l->servers->active--;

    if (!ngx_queue_empty(&l->servers->queue) && !l->servers->stopped) {
        ngx_post_event(&l->servers->wake, &ngx_posted_events);
    }
}


/* there is room for questions that had to wait */

static void
ngx_http_gateway_upstream_query_wake(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_servers_t *servers = ev->data;

    ngx_queue_t                         *q;
    ngx_http_gateway_upstream_query_t   *query;
    ngx_http_gateway_upstream_lookup_t  *l;

    while (!ngx_queue_empty(&servers->queue)
           && servers->active < NGX_HTTP_GATEWAY_UPSTREAM_ACTIVE)
    {
        q = ngx_queue_head(&servers->queue);
        query = ngx_queue_data(q, ngx_http_gateway_upstream_query_t, queue);
        l = query->timer.data;

        /* takes it from the queue first */
        ngx_http_gateway_upstream_query_send(l);
    }
}


void
ngx_http_gateway_upstream_servers_init(
    ngx_http_gateway_upstream_servers_t *servers, ngx_log_t *log)
{
    ngx_queue_init(&servers->queue);

    servers->wake.handler = ngx_http_gateway_upstream_query_wake;
    servers->wake.data = servers;
    servers->wake.log = log;
}


void
ngx_http_gateway_upstream_servers_stop(
    ngx_http_gateway_upstream_servers_t *servers)
{
    servers->stopped = 1;

    if (servers->wake.posted) {
        ngx_delete_posted_event(&servers->wake);
    }
}


/*
 * The server said so, or cannot be reached: the others may know better.
 * NGX_RESOLVE_TIMEDOUT: it did not say anything.
 */

static void
ngx_http_gateway_upstream_query_failed(ngx_http_gateway_upstream_lookup_t *l,
    ngx_int_t error)
{
    ngx_uint_t                          n;
    ngx_http_gateway_upstream_query_t  *q;

    q = &l->query;
    n = l->servers->resolver->connections.nelts;

    ngx_http_gateway_upstream_query_close(l);

    q->attempt++;

    if (error != NGX_RESOLVE_TIMEDOUT) {
        q->refusals++;
        q->error = error;

    } else if (l->servers->first == q->server % n) {
        l->servers->first = (q->server + 1) % n;
    }

    if (q->attempt < l->conf->attempts && q->refusals < n) {
        q->server = (q->server + 1) % n;
        q->tcp = 0;
        ngx_http_gateway_upstream_query_send(l);
        return;
    }

    l->error = q->error;
    l->failed = 1;

    /* other types might give a wrong answer when the servers are away */

    if (l->error == NGX_RESOLVE_TIMEDOUT) {
        ngx_http_gateway_upstream_lookup_done(l, l->error);
        return;
    }

    ngx_http_gateway_upstream_lookup_next(l);
}


static void
ngx_http_gateway_upstream_query_timeout(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_lookup_t *l = ev->data;

    ngx_http_gateway_upstream_query_t  *q;

    q = &l->query;

    if (q->len == 0) {
        ngx_http_gateway_upstream_query_close(l);

        l->error = NGX_RESOLVE_NXDOMAIN;
        ngx_http_gateway_upstream_lookup_next(l);
        return;
    }

    if (q->broken) {
        q->refusals++;
    }

    ngx_http_gateway_upstream_query_failed(l, NGX_RESOLVE_TIMEDOUT);
}


static void
ngx_http_gateway_upstream_query_read(ngx_event_t *rev)
{
    ssize_t                              n;
    ngx_connection_t                    *c;
    ngx_http_gateway_upstream_lookup_t  *l;
    u_char                               buf[NGX_HTTP_GATEWAY_UPSTREAM_UDP];

    c = rev->data;
    l = c->data;

    do {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {

            /* nobody listens there */

            l->query.refusals++;
            ngx_http_gateway_upstream_query_failed(l, NGX_RESOLVE_TIMEDOUT);
            return;
        }

        /* what is no answer to the question is not from the server */

        if (ngx_http_gateway_upstream_query_answer(l, buf, (size_t) n)
            == NGX_OK)
        {
            return;
        }

    } while (rev->ready);

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_gateway_upstream_query_failed(l, NGX_RESOLVE_TIMEDOUT);
    }
}


/* two bytes of length, then the message */

static void
ngx_http_gateway_upstream_query_read_tcp(ngx_event_t *rev)
{
    u_char                              *p;
    size_t                               size;
    ssize_t                              n;
    ngx_connection_t                    *c;
    ngx_http_gateway_upstream_query_t   *q;
    ngx_http_gateway_upstream_lookup_t  *l;

    c = rev->data;
    l = c->data;
    q = &l->query;

    for ( ;; ) {

        if (q->received < 2) {
            p = q->length + q->received;
            size = 2 - q->received;

        } else {
            p = q->answer + q->received - 2;
            size = q->answer_len + 2 - q->received;
        }

        n = c->recv(c, p, size);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                break;
            }

            return;
        }

        if (n <= 0) {
            break;
        }

        q->received += n;

        if (q->received == 2) {
            q->answer_len = q->length[0] << 8 | q->length[1];

            if (q->answer_len == 0) {
                break;
            }

            q->answer = ngx_palloc(l->pool, q->answer_len);
            if (q->answer == NULL) {
                break;
            }
        }

        if (q->received > 2 && q->received == q->answer_len + 2) {

            if (ngx_http_gateway_upstream_query_answer(l, q->answer,
                                                       q->answer_len)
                == NGX_OK)
            {
                return;
            }

            break;
        }
    }

    ngx_http_gateway_upstream_query_failed(l, NGX_RESOLVE_SERVFAIL);
}


static void
ngx_http_gateway_upstream_query_write_tcp(ngx_event_t *wev)
{
    ssize_t                              n;
    ngx_connection_t                    *c;
    ngx_http_gateway_upstream_query_t   *q;
    ngx_http_gateway_upstream_lookup_t  *l;

    c = wev->data;
    l = c->data;
    q = &l->query;

    while (q->sent < q->len + 2) {

        n = c->send(c, q->message + q->sent, q->len + 2 - q->sent);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_gateway_upstream_query_failed(l, NGX_RESOLVE_SERVFAIL);
            return;
        }

        q->sent += n;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_http_gateway_upstream_query_failed(l, NGX_RESOLVE_SERVFAIL);
    }
}


static void
ngx_http_gateway_upstream_query_empty(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, wev->log, 0,
                   "gateway upstream query write event");
}


/* NGX_OK: that was it, the lookup may be gone; NGX_DECLINED: no answer */

static ngx_int_t
ngx_http_gateway_upstream_query_answer(ngx_http_gateway_upstream_lookup_t *l,
    u_char *buf, size_t len)
{
    gateway_dns_answer_t                answer;
    ngx_http_gateway_upstream_query_t  *q;

    q = &l->query;

    l->answers.nelts = 0;

    if (gateway_dns_answer(buf, len, q->message + 2, q->len, &answer,
                           ngx_http_gateway_upstream_query_record, l)
        != 0)
    {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, l->pool->log, 0,
                       "gateway upstream: no answer in %uz bytes", len);
        return NGX_DECLINED;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, l->pool->log, 0,
                   "gateway upstream answer rcode:%ui truncated:%d "
                   "records:%uz ttl:%uD", (ngx_uint_t) answer.rcode,
                   answer.truncated, answer.n, answer.ttl);

    if (answer.rcode && answer.rcode != GATEWAY_DNS_NXDOMAIN) {
        ngx_http_gateway_upstream_query_failed(l, (ngx_int_t) answer.rcode);
        return NGX_OK;
    }

    if (answer.truncated) {

        if (q->tcp) {
            return NGX_DECLINED;
        }

        q->tcp = 1;
        ngx_http_gateway_upstream_query_send(l);
        return NGX_OK;
    }

    ngx_http_gateway_upstream_query_close(l);

    if (answer.rcode) {
        l->error = NGX_RESOLVE_NXDOMAIN;
        ngx_http_gateway_upstream_lookup_next(l);
        return NGX_OK;
    }

    l->ttl = ngx_min(l->ttl, answer.ttl);

    if (l->answers.nelts == 0) {

        if (answer.alias_len
            && l->aliases++ < NGX_HTTP_GATEWAY_UPSTREAM_ALIASES)
        {
            ngx_memcpy(l->name, answer.alias, answer.alias_len);
            l->name_len = answer.alias_len;

            ngx_http_gateway_upstream_lookup_ask(l);
            return NGX_OK;
        }

        l->error = NGX_HTTP_GATEWAY_UPSTREAM_EMPTY;
        ngx_http_gateway_upstream_lookup_next(l);
        return NGX_OK;
    }

    if (l->type == GATEWAY_DNS_SRV) {
        ngx_http_gateway_upstream_srv(l);
        return NGX_OK;
    }

    ngx_http_gateway_upstream_lookup_done(l, 0);

    return NGX_OK;
}


static int
ngx_http_gateway_upstream_query_record(void *data,
    const gateway_dns_record_t *record)
{
    ngx_http_gateway_upstream_lookup_t *l = data;

    struct sockaddr_in                  *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6                 *sin6;
#endif
    ngx_http_gateway_upstream_answer_t  *a;

    if (l->answers.nelts == NGX_HTTP_GATEWAY_UPSTREAM_RECORDS) {
        return -1;
    }

    /*
     * A name may have a SRV record that leads to itself; it says nothing,
     * and its address is asked for next.
     */

    if (record->type == GATEWAY_DNS_SRV
        && record->target_len == l->name_len
        && ngx_memcmp(record->target, l->name, l->name_len) == 0)
    {
        return 0;
    }

    a = ngx_array_push(&l->answers);
    if (a == NULL) {
        return -1;
    }

    ngx_memzero(a, sizeof(ngx_http_gateway_upstream_answer_t));

    a->share = 1;

    switch (record->type) {

    case GATEWAY_DNS_A:
        sin = &a->sockaddr.sockaddr_in;
        sin->sin_family = AF_INET;
        ngx_memcpy(&sin->sin_addr, record->address, 4);
        a->socklen = sizeof(struct sockaddr_in);
        break;

#if (NGX_HAVE_INET6)
    case GATEWAY_DNS_AAAA:
        sin6 = &a->sockaddr.sockaddr_in6;
        sin6->sin6_family = AF_INET6;
        ngx_memcpy(&sin6->sin6_addr, record->address, 16);
        a->socklen = sizeof(struct sockaddr_in6);
        break;
#endif

    case GATEWAY_DNS_SRV:
        a->priority = record->priority;
        a->weight = record->weight ? record->weight : 1;
        a->port = (in_port_t) record->port;
        a->name.len = record->target_len;
        a->name.data = ngx_pnalloc(l->pool, a->name.len);

        if (a->name.data == NULL) {
            l->answers.nelts--;
            return -1;
        }

        ngx_memcpy(a->name.data, record->target, a->name.len);
        break;

    default:
        l->answers.nelts--;
        break;
    }

    return 0;
}


/* the records of the best priority count; their targets are looked up */

static void
ngx_http_gateway_upstream_srv(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_uint_t                            i, n, priority;
    ngx_http_gateway_upstream_answer_t   *a;
    ngx_http_gateway_upstream_lookup_t   *child, **childp;

    a = l->answers.elts;
    priority = a[0].priority;

    for (i = 1; i < l->answers.nelts; i++) {
        priority = ngx_min(priority, a[i].priority);
    }

    n = 0;

    for (i = 0; i < l->answers.nelts; i++) {

        if (a[i].priority == priority
            && n < NGX_HTTP_GATEWAY_UPSTREAM_TARGETS)
        {
            a[n++] = a[i];
        }
    }

    l->answers.nelts = n;

    if (ngx_array_init(&l->children, l->pool, n,
                       sizeof(ngx_http_gateway_upstream_lookup_t *))
        != NGX_OK)
    {
        l->failed = 1;
        ngx_http_gateway_upstream_lookup_done(l, NGX_RESOLVE_SERVFAIL);
        return;
    }

    for (i = 0; i < n; i++) {

        child = ngx_http_gateway_upstream_alloc(l->pool, l->conf, l->servers,
                                                &a[i].name);
        childp = ngx_array_push(&l->children);

        if (child == NULL || childp == NULL) {
            l->failed = 1;
            l->children.nelts -= childp ? 1 : 0;
            ngx_http_gateway_upstream_lookup_done(l, NGX_RESOLVE_SERVFAIL);
            return;
        }

        *childp = child;

        child->parent = l;
        child->absolute = 1;
        child->cancelable = l->cancelable;
        child->handler = ngx_http_gateway_upstream_srv_child;

        l->pending++;
    }

    /* one more, so that none of them can be the last one meanwhile */

    l->pending++;
    childp = l->children.elts;

    for (i = 0; i < n; i++) {
        ngx_http_gateway_upstream_lookup_next(childp[i]);
    }

    l->pending--;

    if (l->pending == 0) {
        ngx_http_gateway_upstream_srv_finish(l);
    }
}


static void
ngx_http_gateway_upstream_srv_child(ngx_http_gateway_upstream_lookup_t *child)
{
    if (--child->parent->pending == 0) {
        ngx_http_gateway_upstream_srv_finish(child->parent);
    }
}


/* each address of a record gets its share of the record's weight */

static void
ngx_http_gateway_upstream_srv_finish(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_int_t                             error;
    ngx_uint_t                            i, k, n;
    ngx_array_t                           records;
    ngx_http_gateway_upstream_answer_t   *a, *record, *address;
    ngx_http_gateway_upstream_lookup_t  **child;

    error = 0;

    records = l->answers;
    record = records.elts;
    n = records.nelts;
    child = l->children.elts;

    if (ngx_array_init(&l->answers, l->pool, n,
                       sizeof(ngx_http_gateway_upstream_answer_t))
        != NGX_OK)
    {
        l->failed = 1;
        ngx_http_gateway_upstream_lookup_done(l, NGX_RESOLVE_SERVFAIL);
        return;
    }

    for (i = 0; i < n; i++) {

        if (child[i]->error) {
            error = child[i]->error;
            l->failed |= child[i]->failed;

            /* asked again soon, for what is missing */
            l->ttl = ngx_min(l->ttl, 5);
            continue;
        }

        l->ttl = ngx_min(l->ttl, child[i]->ttl);
        address = child[i]->answers.elts;

        for (k = 0; k < child[i]->answers.nelts; k++) {

            a = ngx_array_push(&l->answers);
            if (a == NULL) {
                l->failed = 1;
                ngx_http_gateway_upstream_lookup_done(l,
                                                      NGX_RESOLVE_SERVFAIL);
                return;
            }

            *a = record[i];
            a->sockaddr = address[k].sockaddr;
            a->socklen = address[k].socklen;
            a->share = child[i]->answers.nelts;
        }
    }

    ngx_http_gateway_upstream_lookup_done(l, l->answers.nelts ? 0 : error);
}


const char *
ngx_http_gateway_upstream_dns_strerror(ngx_int_t error)
{
    switch (error) {

    case NGX_RESOLVE_FORMERR:
        return "dns server error: 1 format error";

    case NGX_RESOLVE_SERVFAIL:
        return "dns server error: 2 server failure";

    case NGX_RESOLVE_NXDOMAIN:
        return "dns server error: 3 name error";

    case NGX_RESOLVE_NOTIMP:
        return "dns server error: 4 not implemented";

    case NGX_RESOLVE_REFUSED:
        return "dns server error: 5 refused";

    case NGX_HTTP_GATEWAY_UPSTREAM_EMPTY:
        return "dns client error: 101 empty record received";

    case NGX_RESOLVE_TIMEDOUT:
        return "timeout";

    default:
        return "dns server error";
    }
}
