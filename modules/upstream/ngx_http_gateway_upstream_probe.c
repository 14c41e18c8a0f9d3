
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Active health checks.  One worker leads: it holds a lease in the zone,
 * renewed each second, and probes all addresses of all upstreams; when the
 * lease has run out, the worker that sees it first goes on.  A probe is a
 * connection with a pool of its own, which reads one status line.
 */


#include "ngx_http_gateway_upstream_peers.h"
#include "ngx_http_gateway_fetch.h"
#include "ngx_http_gateway_lease.h"


#define NGX_HTTP_GATEWAY_UPSTREAM_RENEW   1000    /* milliseconds */
#define NGX_HTTP_GATEWAY_UPSTREAM_LEASE   3000

/* seconds that the zone holds the lease's entry */
#define NGX_HTTP_GATEWAY_UPSTREAM_ENTRY   300

/* of a status line; what is longer is no HTTP */
#define NGX_HTTP_GATEWAY_UPSTREAM_LINE    1024


typedef struct {
    ngx_queue_t                            queue;
    ngx_peer_connection_t                  pc;
    ngx_pool_t                            *pool;
    ngx_http_gateway_upstream_balancer_t  *balancer;
    ngx_http_gateway_upstream_peer_t      *peer;    /* referenced */
    ngx_buf_t                             *request;
    size_t                                 received;
    unsigned                               connected:1;
    u_char                      line[NGX_HTTP_GATEWAY_UPSTREAM_LINE];
} ngx_http_gateway_upstream_probe_t;


static void ngx_http_gateway_upstream_lead_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_gateway_upstream_lease(
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_uint_t give_up);
static void ngx_http_gateway_upstream_probe_timer(ngx_event_t *ev);
static void ngx_http_gateway_upstream_probe(
    ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer);
static ngx_buf_t *ngx_http_gateway_upstream_probe_request(
    ngx_http_gateway_upstream_probe_t *probe);
static void ngx_http_gateway_upstream_probe_write(ngx_event_t *wev);
static void ngx_http_gateway_upstream_probe_connected(
    ngx_http_gateway_upstream_probe_t *probe);
static void ngx_http_gateway_upstream_probe_send(
    ngx_http_gateway_upstream_probe_t *probe);
static void ngx_http_gateway_upstream_probe_read(ngx_event_t *rev);
static void ngx_http_gateway_upstream_probe_idle(ngx_event_t *ev);
static void ngx_http_gateway_upstream_probe_status(
    ngx_http_gateway_upstream_probe_t *probe, u_char *last);
static void ngx_http_gateway_upstream_probe_ended(
    ngx_http_gateway_upstream_probe_t *probe,
    ngx_http_gateway_upstream_event_e event);
static void ngx_http_gateway_upstream_probe_close(
    ngx_http_gateway_upstream_probe_t *probe);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_gateway_upstream_probe_ssl(
    ngx_http_gateway_upstream_probe_t *probe, ngx_ssl_t *ssl);
static void ngx_http_gateway_upstream_probe_name(
    ngx_http_gateway_upstream_probe_t *probe, ngx_str_t *name);
static void ngx_http_gateway_upstream_probe_handshake(ngx_connection_t *c);
static ngx_int_t ngx_http_gateway_upstream_probe_verify(
    ngx_http_gateway_upstream_probe_t *probe);
#endif


void
ngx_http_gateway_upstream_probe_start(
    ngx_http_gateway_upstream_main_conf_t *gumcf)
{
    ngx_uint_t                              i;
    ngx_http_gateway_hash_t                 hash;
    ngx_http_gateway_upstream_active_t     *active;
    ngx_http_gateway_upstream_balancer_t  **b;

    static size_t  none[2] = { (size_t) -1, (size_t) -1 };

    /* a key that no address has, of as many parts */

    ngx_http_gateway_hash_init(gumcf->shm, &hash);
    ngx_http_gateway_hash_part(&hash, none, sizeof(none));
    ngx_http_gateway_hash_part(&hash, "lease", 5);
    ngx_http_gateway_hash_part(&hash, "", 0);
    ngx_http_gateway_hash_part(&hash, "", 0);
    ngx_http_gateway_hash_final(&hash, &gumcf->lease);

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {

        if (b[i]->checks == NULL || b[i]->checks->active == NULL) {
            continue;
        }

        active = b[i]->checks->active;

        active->main = gumcf;
        active->timer.handler = ngx_http_gateway_upstream_probe_timer;
        active->timer.data = b[i];
        active->timer.log = b[i]->log;
        active->timer.cancelable = 1;
    }

    gumcf->lead.handler = ngx_http_gateway_upstream_lead_handler;
    gumcf->lead.data = gumcf;
    gumcf->lead.log = ngx_cycle->log;
    gumcf->lead.cancelable = 1;

    ngx_add_timer(&gumcf->lead, 1);
}


void
ngx_http_gateway_upstream_probe_stop(
    ngx_http_gateway_upstream_main_conf_t *gumcf)
{
    ngx_uint_t                              i;
    ngx_queue_t                            *q;
    ngx_http_gateway_upstream_probe_t      *probe;
    ngx_http_gateway_upstream_balancer_t  **b;

    if (gumcf->lead.timer_set) {
        ngx_del_timer(&gumcf->lead);
    }

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {
        if (b[i]->checks && b[i]->checks->active
            && b[i]->checks->active->timer.timer_set)
        {
            ngx_del_timer(&b[i]->checks->active->timer);
        }
    }

    while (!ngx_queue_empty(&gumcf->probes)) {
        q = ngx_queue_head(&gumcf->probes);
        probe = ngx_queue_data(q, ngx_http_gateway_upstream_probe_t, queue);

        ngx_http_gateway_upstream_probe_close(probe);
    }

    if (gumcf->leading) {
        gumcf->leading = 0;
        (void) ngx_http_gateway_upstream_lease(gumcf, 1);
    }
}


static void
ngx_http_gateway_upstream_lead_handler(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_main_conf_t *gumcf = ev->data;

    ngx_uint_t                              i, leading;
    ngx_http_gateway_upstream_active_t     *active;
    ngx_http_gateway_upstream_balancer_t  **b;

    if (ngx_exiting || ngx_terminate) {

        /* the workers that go on need not wait for the lease to run out */

        if (gumcf->leading) {
            gumcf->leading = 0;
            (void) ngx_http_gateway_upstream_lease(gumcf, 1);
        }

        return;
    }

    leading = ngx_http_gateway_upstream_lease(gumcf, 0);

    if (leading && !gumcf->leading) {

        ngx_log_error(NGX_LOG_INFO, ev->log, 0,
                      "gateway upstream: this worker does health checks");

        b = gumcf->balancers.elts;

        for (i = 0; i < gumcf->nexplicit; i++) {

            if (b[i]->checks == NULL || b[i]->checks->active == NULL) {
                continue;
            }

            active = b[i]->checks->active;

            if (!active->timer.timer_set) {
                /* upstreams do not begin in one step */
                ngx_add_timer(&active->timer, 1 + i % 64);
            }
        }
    }

    gumcf->leading = leading;

    ngx_add_timer(ev, NGX_HTTP_GATEWAY_UPSTREAM_RENEW);
}


/* whether this worker holds the lease now */

static ngx_uint_t
ngx_http_gateway_upstream_lease(ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_uint_t give_up)
{
    ngx_uint_t                    ours;
    ngx_http_gateway_shm_entry_t  entry;

    if (ngx_http_gateway_shm_acquire(gumcf->shm, &gumcf->lease,
                                     NGX_HTTP_GATEWAY_UPSTREAM_ENTRY, &entry)
        != NGX_OK)
    {
        return 0;
    }

    /* the lease is there instead of the state of an address */

    if (give_up) {
        ngx_http_gateway_lease_give(entry.value);
        ours = 0;

    } else {
        ours = ngx_http_gateway_lease_take(entry.value,
                                           NGX_HTTP_GATEWAY_UPSTREAM_LEASE);
    }

    ngx_http_gateway_shm_release(&entry);

    return ours;
}


/* probes what is due, as many at a time as are allowed */

static void
ngx_http_gateway_upstream_probe_timer(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_balancer_t *b = ev->data;

    ngx_uint_t                           i;
    ngx_msec_t                           interval, wait;
    ngx_msec_int_t                       left;
    ngx_http_gateway_upstream_set_t     *set;
    ngx_http_gateway_upstream_peer_t    *peer;
    ngx_http_gateway_upstream_active_t  *active;

    active = b->checks->active;

    if (ngx_exiting || ngx_terminate || !active->main->leading) {
        return;
    }

    active->short_of = 0;

    /* an address that has become unusable may have another interval */

    wait = NGX_HTTP_GATEWAY_UPSTREAM_RENEW;

    set = ngx_http_gateway_upstream_set(b);

    if (set == NULL) {
        ngx_add_timer(ev, wait);
        return;
    }

    /* a probe that fails at once must not take the set away */

    set->refs++;

    for (i = 0; i < set->nslots; i++) {

        peer = set->slots[i].peer;

        if (set->slots[i].weight == 0 || peer->probing) {
            continue;
        }

        if (!peer->seen) {
            peer->seen = 1;
            peer->probed = ngx_current_msec;
        }

        interval = peer->down ? active->unhealthy_interval
                              : active->healthy_interval;

        if (interval == 0) {
            continue;
        }

        left = (ngx_msec_int_t) (peer->probed + interval - ngx_current_msec);

        if (left > 0) {
            wait = ngx_min(wait, (ngx_msec_t) left);
            continue;
        }

        if (active->running >= active->concurrency) {
            active->short_of = 1;
            continue;
        }

        wait = ngx_min(wait, interval);

        ngx_http_gateway_upstream_probe(b, peer);
    }

    ngx_http_gateway_upstream_set_release(set);

    /* a probe that ended may have set it */

    if (!ev->timer_set) {
        ngx_add_timer(ev, wait);
    }
}


static void
ngx_http_gateway_upstream_probe(ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer)
{
    ngx_int_t                           rc;
    ngx_pool_t                         *pool;
    ngx_connection_t                   *c;
    ngx_http_gateway_upstream_probe_t  *probe;

    peer->probed = ngx_current_msec;

    pool = ngx_create_pool(2048, b->log);
    if (pool == NULL) {
        return;
    }

    probe = ngx_pcalloc(pool, sizeof(ngx_http_gateway_upstream_probe_t));
    if (probe == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    probe->pool = pool;
    probe->balancer = b;
    probe->peer = peer;

    probe->request = ngx_http_gateway_upstream_probe_request(probe);
    if (probe->request == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    ngx_queue_insert_tail(&b->checks->active->main->probes, &probe->queue);

    peer->refs++;
    peer->probing = 1;
    b->checks->active->running++;

    probe->pc.sockaddr = &peer->sockaddr.sockaddr;
    probe->pc.socklen = peer->socklen;
    probe->pc.name = &peer->text;
    probe->pc.get = ngx_event_get_peer;
    probe->pc.log = b->log;
    probe->pc.log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(&probe->pc);

    if (rc == NGX_DECLINED) {
        ngx_http_gateway_upstream_probe_ended(probe,
                                      NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE);
        return;
    }

    if (rc != NGX_OK && rc != NGX_AGAIN) {

        /* no connection to be had here tells nothing about the peer */

        ngx_http_gateway_upstream_probe_close(probe);
        return;
    }

    c = probe->pc.connection;

    c->data = probe;
    c->pool = pool;
    c->idle = 1;
    c->sendfile = 0;

    c->read->handler = ngx_http_gateway_upstream_probe_idle;
    c->write->handler = ngx_http_gateway_upstream_probe_write;

    if (rc == NGX_AGAIN) {
        ngx_add_timer(c->write, b->checks->active->timeout);
        return;
    }

    ngx_http_gateway_upstream_probe_connected(probe);
}


static ngx_buf_t *
ngx_http_gateway_upstream_probe_request(
    ngx_http_gateway_upstream_probe_t *probe)
{
    size_t                               len;
    ngx_buf_t                           *buf;
    ngx_str_t                           *host;
    ngx_http_gateway_upstream_active_t  *active;

    active = probe->balancer->checks->active;
    host = &probe->peer->host;

    len = sizeof("GET  HTTP/1.0" CRLF "Host: " CRLF CRLF) - 1
          + active->path.len + active->headers.len + host->len;

    buf = ngx_create_temp_buf(probe->pool, len);
    if (buf == NULL) {
        return NULL;
    }

    buf->last = ngx_sprintf(buf->last, "GET %V HTTP/1.0" CRLF "%V",
                            &active->path, &active->headers);

    if (!active->host_set) {
        buf->last = ngx_sprintf(buf->last, "Host: %V" CRLF, host);
    }

    *buf->last++ = CR;
    *buf->last++ = LF;

    return buf;
}


/* connected, or room to send more */

static void
ngx_http_gateway_upstream_probe_write(ngx_event_t *wev)
{
    int                                 err;
    socklen_t                           len;
    ngx_connection_t                   *c;
    ngx_http_gateway_upstream_probe_t  *probe;

    c = wev->data;
    probe = c->data;

    if (wev->timedout) {
        ngx_http_gateway_upstream_probe_ended(probe,
                                          NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT);
        return;
    }

    if (probe->connected) {
        ngx_http_gateway_upstream_probe_send(probe);
        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, err,
                       "gateway upstream probe of %V: connect",
                       &probe->peer->text);

        ngx_http_gateway_upstream_probe_ended(probe,
                                      NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE);
        return;
    }

    ngx_http_gateway_upstream_probe_connected(probe);
}


static void
ngx_http_gateway_upstream_probe_connected(
    ngx_http_gateway_upstream_probe_t *probe)
{
    ngx_http_gateway_upstream_active_t  *active;

    probe->connected = 1;

    active = probe->balancer->checks->active;

    if (active->type == NGX_HTTP_GATEWAY_UPSTREAM_PROBE_TCP) {
        ngx_http_gateway_upstream_probe_ended(probe,
                                          NGX_HTTP_GATEWAY_UPSTREAM_SUCCESS);
        return;
    }

#if (NGX_HTTP_SSL)

    if (active->ssl) {

        if (ngx_http_gateway_upstream_probe_ssl(probe, active->ssl)
            != NGX_OK)
        {
            ngx_http_gateway_upstream_probe_close(probe);
        }

        return;
    }

#endif

    ngx_http_gateway_upstream_probe_send(probe);
}


#if (NGX_HTTP_SSL)

/* NGX_ERROR: no fault of the peer, the caller closes the probe */

static ngx_int_t
ngx_http_gateway_upstream_probe_ssl(ngx_http_gateway_upstream_probe_t *probe,
    ngx_ssl_t *ssl)
{
    u_char            *text;
    ngx_int_t          rc;
    ngx_str_t          name;
    ngx_msec_t         timeout;
    ngx_connection_t  *c;

    c = probe->pc.connection;
    timeout = probe->balancer->checks->active->timeout;

    if (ngx_ssl_create_connection(ssl, c, NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_gateway_upstream_probe_name(probe, &name);

    /* RFC 6066 has no addresses in SNI */

    if (ngx_inet_addr(name.data, name.len) == INADDR_NONE
        && ngx_strlchr(name.data, name.data + name.len, ':') == NULL)
    {
        text = ngx_pnalloc(probe->pool, name.len + 1);
        if (text == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_cpystrn(text, name.data, name.len + 1);

        if (SSL_set_tlsext_host_name(c->ssl->connection, (char *) text)
            == 0)
        {
            return NGX_ERROR;
        }
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(c->write, timeout);
        c->ssl->handler = ngx_http_gateway_upstream_probe_handshake;
        return NGX_OK;
    }

    ngx_http_gateway_upstream_probe_handshake(c);

    return NGX_OK;
}


/* sni, else Host; without a port, and IPv6 without brackets */

static void
ngx_http_gateway_upstream_probe_name(ngx_http_gateway_upstream_probe_t *probe,
    ngx_str_t *name)
{
    u_char  *p;

    *name = probe->balancer->checks->active->sni;

    if (name->len == 0) {
        *name = probe->peer->host;
    }

    if (name->data[0] == '[') {
        p = ngx_strlchr(name->data, name->data + name->len, ']');

        if (p) {
            name->data++;
            name->len = p - name->data;
        }

        return;
    }

    p = ngx_strlchr(name->data, name->data + name->len, ':');

    if (p) {
        name->len = p - name->data;
    }
}


static void
ngx_http_gateway_upstream_probe_handshake(ngx_connection_t *c)
{
    ngx_http_gateway_upstream_probe_t  *probe;

    probe = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_gateway_upstream_probe_ended(probe,
                                 c->write->timedout
                                 ? NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT
                                 : NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE);
        return;
    }

    if (probe->balancer->checks->active->verify
        && ngx_http_gateway_upstream_probe_verify(probe) != NGX_OK)
    {
        ngx_http_gateway_upstream_probe_ended(probe,
                                      NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE);
        return;
    }

    c->read->handler = ngx_http_gateway_upstream_probe_idle;
    c->write->handler = ngx_http_gateway_upstream_probe_write;

    ngx_http_gateway_upstream_probe_send(probe);
}


static ngx_int_t
ngx_http_gateway_upstream_probe_verify(
    ngx_http_gateway_upstream_probe_t *probe)
{
    u_char             text[NGX_HTTP_GATEWAY_UPSTREAM_LINE];
    ngx_str_t          name;
    ngx_connection_t  *c;

    c = probe->pc.connection;

    ngx_http_gateway_upstream_probe_name(probe, &name);

    if (ngx_http_gateway_fetch_verify(c, &name, text, sizeof(text)) == NULL) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, 0, "gateway upstream probe of %V: %s",
                  &probe->peer->text, text);

    return NGX_ERROR;
}

#endif


static void
ngx_http_gateway_upstream_probe_send(ngx_http_gateway_upstream_probe_t *probe)
{
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_msec_t         timeout;
    ngx_connection_t  *c;

    c = probe->pc.connection;
    b = probe->request;
    timeout = probe->balancer->checks->active->timeout;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    while (b->pos < b->last) {

        n = c->send(c, b->pos, b->last - b->pos);

        if (n == NGX_ERROR || n == 0) {
            ngx_http_gateway_upstream_probe_ended(probe,
                                      NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE);
            return;
        }

        if (n == NGX_AGAIN) {
            ngx_add_timer(c->write, timeout);

            if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
                ngx_http_gateway_upstream_probe_close(probe);
            }

            return;
        }

        b->pos += n;
    }

    c->write->handler = ngx_http_gateway_upstream_probe_idle;
    c->read->handler = ngx_http_gateway_upstream_probe_read;

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_gateway_upstream_probe_close(probe);
        return;
    }

    ngx_add_timer(c->read, timeout);

    ngx_http_gateway_upstream_probe_read(c->read);
}


static void
ngx_http_gateway_upstream_probe_read(ngx_event_t *rev)
{
    u_char                             *last;
    ssize_t                             n;
    ngx_connection_t                   *c;
    ngx_http_gateway_upstream_probe_t  *probe;

    c = rev->data;
    probe = c->data;

    if (c->close) {
        ngx_http_gateway_upstream_probe_close(probe);
        return;
    }

    if (rev->timedout) {
        ngx_http_gateway_upstream_probe_ended(probe,
                                          NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT);
        return;
    }

    for ( ;; ) {

        n = c->recv(c, probe->line + probe->received,
                    sizeof(probe->line) - probe->received);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_http_gateway_upstream_probe_close(probe);
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_gateway_upstream_probe_ended(probe,
                                      NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE);
            return;
        }

        last = ngx_strlchr(probe->line + probe->received,
                           probe->line + probe->received + n, LF);

        probe->received += n;

        if (last || probe->received == sizeof(probe->line)) {
            ngx_http_gateway_upstream_probe_status(probe, last);
            return;
        }
    }
}


/* the other direction, and connections that nginx closes as it exits */

static void
ngx_http_gateway_upstream_probe_idle(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    if (c->close) {
        ngx_http_gateway_upstream_probe_close(c->data);
    }
}


/* "HTTP/1.1 200 OK"; last is the end of the line, NULL if there was none */

static void
ngx_http_gateway_upstream_probe_status(
    ngx_http_gateway_upstream_probe_t *probe, u_char *last)
{
    u_char                                *p;
    ngx_int_t                              status;
    ngx_http_gateway_upstream_peer_t      *peer;
    ngx_http_gateway_upstream_balancer_t  *b;

    status = NGX_ERROR;
    p = probe->line;

    if (last && last - p >= (ssize_t) sizeof("HTTP/1.1 200") - 1
        && ngx_strncmp(p, "HTTP/", 5) == 0
        && p[5] >= '0' && p[5] <= '9' && p[6] == '.'
        && p[7] >= '0' && p[7] <= '9' && p[8] == ' '
        && (p[12] == ' ' || p[12] == CR || p[12] == LF))
    {
        status = ngx_atoi(p + 9, 3);
    }

    if (status < 100) {
        ngx_http_gateway_upstream_probe_ended(probe,
                                     NGX_HTTP_GATEWAY_UPSTREAM_HTTP_FAILURE);
        return;
    }

    b = probe->balancer;
    peer = probe->peer;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, b->log, 0,
                   "gateway upstream probe of %V: %i", &peer->text, status);

    peer->refs++;

    ngx_http_gateway_upstream_probe_close(probe);

    ngx_http_gateway_upstream_report_status(b, peer,
                                            &b->checks->active->limits,
                                            (ngx_uint_t) status);

    ngx_http_gateway_upstream_peer_release(peer);
}


static void
ngx_http_gateway_upstream_probe_ended(
    ngx_http_gateway_upstream_probe_t *probe,
    ngx_http_gateway_upstream_event_e event)
{
    ngx_http_gateway_upstream_peer_t      *peer;
    ngx_http_gateway_upstream_balancer_t  *b;

    b = probe->balancer;
    peer = probe->peer;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, b->log, 0,
                   "gateway upstream probe of %V ended: %d",
                   &peer->text, (int) event);

    peer->refs++;

    ngx_http_gateway_upstream_probe_close(probe);

    ngx_http_gateway_upstream_report(b, peer, &b->checks->active->limits,
                                     event);

    ngx_http_gateway_upstream_peer_release(peer);
}


static void
ngx_http_gateway_upstream_probe_close(
    ngx_http_gateway_upstream_probe_t *probe)
{
    ngx_pool_t                          *pool;
    ngx_connection_t                    *c;
    ngx_http_gateway_upstream_active_t  *active;

    c = probe->pc.connection;
    active = probe->balancer->checks->active;

    if (c) {

#if (NGX_HTTP_SSL)

        if (c->ssl) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;

            (void) ngx_ssl_shutdown(c);
        }

#endif

        ngx_close_connection(c);
    }

    /* the analyzer does not see that removing a head made another one */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    ngx_queue_remove(&probe->queue);

    probe->peer->probing = 0;
    active->running--;

    if (active->short_of && active->timer.timer_set) {

        /* others wait for their turn */

        ngx_del_timer(&active->timer);
        ngx_add_timer(&active->timer, 1);
    }

    ngx_http_gateway_upstream_peer_release(probe->peer);

    pool = probe->pool;
    ngx_destroy_pool(pool);
}
