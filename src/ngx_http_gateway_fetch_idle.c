
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Connections of HTTP requests of our own between two of them: per fetcher and
 * worker a list, the latest first.  What the other end sends or closes
 * meanwhile ends one, and so does a worker that ends.
 */


#include "ngx_http_gateway_fetch_private.h"


/* of one endpoint, as many as Kong keeps */
#define NGX_HTTP_GATEWAY_FETCH_IDLE  30


static ngx_uint_t ngx_http_gateway_fetch_idle_same(
    ngx_http_gateway_fetch_link_t *link, ngx_http_gateway_fetch_url_t *to);
static ngx_uint_t ngx_http_gateway_fetch_idle_may(
    ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_idle_trim(
    ngx_http_gateway_fetch_link_t *link);
static void ngx_http_gateway_fetch_idle_handler(ngx_event_t *rev);
static void ngx_http_gateway_fetch_idle_dummy_handler(ngx_event_t *wev);


ngx_http_gateway_fetch_link_t *
ngx_http_gateway_fetch_idle_take(ngx_http_gateway_fetch_t *f)
{
    ngx_queue_t                    *q, *idle;
    ngx_connection_t               *c;
    ngx_http_gateway_fetch_link_t  *link;

    idle = &f->fetcher->idle;

    for (q = ngx_queue_head(idle);
         q != ngx_queue_sentinel(idle);
         q = ngx_queue_next(q))
    {
        link = ngx_queue_data(q, ngx_http_gateway_fetch_link_t, queue);

        if (!ngx_http_gateway_fetch_idle_same(link, &f->to)) {
            continue;
        }

        ngx_queue_remove(q);

        c = link->connection;

        if (c->read->timer_set) {
            ngx_del_timer(c->read);
        }

        c->read->cancelable = 0;

        return link;
    }

    return NULL;
}


ngx_int_t
ngx_http_gateway_fetch_idle_keep(ngx_http_gateway_fetch_t *f)
{
    ngx_connection_t               *c;
    ngx_http_gateway_fetch_link_t  *link;

    if (!ngx_http_gateway_fetch_idle_may(f)) {
        return NGX_DECLINED;
    }

    c = f->peer.connection;
    link = f->link;

    if (link->host.data == NULL) {

        link->host.data = ngx_pnalloc(c->pool, f->to.host.len);
        if (link->host.data == NULL) {
            return NGX_DECLINED;
        }

        ngx_memcpy(link->host.data, f->to.host.data, f->to.host.len);

        link->host.len = f->to.host.len;
        link->port = f->to.port;
        link->tls = f->to.tls;
    }

    f->peer.connection = NULL;
    f->link = NULL;

    c->data = link;
    c->idle = 1;
    c->read->handler = ngx_http_gateway_fetch_idle_handler;
    c->write->handler = ngx_http_gateway_fetch_idle_dummy_handler;

    link->fetcher = f->fetcher;
    ngx_queue_insert_head(&f->fetcher->idle, &link->queue);

    /* a worker that ends does not wait for it */

    c->read->cancelable = 1;
    ngx_add_timer(c->read, f->keepalive);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_gateway_fetch_idle_close(link);
        return NGX_OK;
    }

    ngx_http_gateway_fetch_idle_trim(link);

    if (c->read->ready) {
        ngx_http_gateway_fetch_idle_handler(c->read);
    }

    return NGX_OK;
}


/* nothing may be left of the request and of its answer, RFC 9112, 9.3 */

static ngx_uint_t
ngx_http_gateway_fetch_idle_may(ngx_http_gateway_fetch_t *f)
{
    ngx_connection_t  *c;

    c = f->peer.connection;

    if (f->keepalive == 0 || f->proxy.len || c == NULL || f->out
        || f->closes || f->in->pos != f->in->last || ngx_exiting
        || ngx_terminate || c->close || c->error || c->read->eof
        || c->read->error || c->read->pending_eof)
    {
        return 0;
    }

#if (NGX_SSL)

    if (c->ssl && SSL_pending(c->ssl->connection)) {
        return 0;
    }

#endif

    return 1;
}


static ngx_uint_t
ngx_http_gateway_fetch_idle_same(ngx_http_gateway_fetch_link_t *link,
    ngx_http_gateway_fetch_url_t *to)
{
    return link->port == to->port && link->tls == to->tls
           && link->host.len == to->host.len
           && ngx_strncasecmp(link->host.data, to->host.data, to->host.len)
              == 0;
}


/* the oldest of its endpoint gives way to this one */

static void
ngx_http_gateway_fetch_idle_trim(ngx_http_gateway_fetch_link_t *link)
{
    ngx_uint_t                      n;
    ngx_queue_t                    *q, *idle;
    ngx_http_gateway_fetch_url_t    to;
    ngx_http_gateway_fetch_link_t  *other, *oldest;

    idle = &link->fetcher->idle;
    oldest = link;
    n = 0;

    to.host = link->host;
    to.port = link->port;
    to.tls = link->tls;

    for (q = ngx_queue_head(idle);
         q != ngx_queue_sentinel(idle);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_gateway_fetch_link_t, queue);

        if (ngx_http_gateway_fetch_idle_same(other, &to)) {
            oldest = other;
            n++;
        }
    }

    if (n > NGX_HTTP_GATEWAY_FETCH_IDLE) {
        ngx_http_gateway_fetch_idle_close(oldest);
    }
}


/* the time is over, the worker ends, or the other end does something */

static void
ngx_http_gateway_fetch_idle_handler(ngx_event_t *rev)
{
    int                n;
    char               buf[1];
    ngx_connection_t  *c;

    c = rev->data;

    if (!c->close && !rev->timedout) {

        n = recv(c->fd, buf, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {

            rev->ready = 0;

            if (ngx_handle_read_event(rev, 0) == NGX_OK) {
                return;
            }
        }
    }

    ngx_http_gateway_fetch_idle_close(c->data);
}


static void
ngx_http_gateway_fetch_idle_dummy_handler(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, wev->log, 0,
                   "gateway fetch: event of an idle connection");
}


void
ngx_http_gateway_fetch_idle_close(ngx_http_gateway_fetch_link_t *link)
{
    ngx_queue_remove(&link->queue);

    ngx_http_gateway_fetch_link_close(link);
}
