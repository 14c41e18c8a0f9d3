
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Pieces of bytes to one place, in the background.
 */


#include "ngx_http_gateway_sender.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_connect.h"

#include <ngx_event.h>
#include <ngx_event_connect.h>


#define NGX_HTTP_GATEWAY_SENDER_PIECES  10000
#define NGX_HTTP_GATEWAY_SENDER_BYTES   (16 * 1024 * 1024)

/* the most that UDP over IPv4 takes */
#define NGX_HTTP_GATEWAY_SENDER_DATAGRAM  65507

#define NGX_HTTP_GATEWAY_SENDER_ERROR     320


typedef struct {
    ngx_queue_t                      queue;
    size_t                           len;
    u_char                           data[1];
} ngx_http_gateway_sender_piece_t;


typedef struct {
    ngx_queue_t                      queue;
    ngx_http_gateway_sender_pt       handler;
    void                            *data;
} ngx_http_gateway_sender_waiter_t;


static void ngx_http_gateway_sender_run(ngx_http_gateway_sender_t *sender);
static ngx_int_t ngx_http_gateway_sender_resolve(
    ngx_http_gateway_sender_t *sender);
static void ngx_http_gateway_sender_resolved(ngx_resolver_ctx_t *query);
static ngx_int_t ngx_http_gateway_sender_connect(
    ngx_http_gateway_sender_t *sender);
static void ngx_http_gateway_sender_connected(
    ngx_http_gateway_sender_t *sender);
#if (NGX_SSL)
static void ngx_http_gateway_sender_handshake(
    ngx_http_gateway_sender_t *sender);
static void ngx_http_gateway_sender_handshake_handler(ngx_connection_t *c);
#endif
static void ngx_http_gateway_sender_write(ngx_http_gateway_sender_t *sender);
static void ngx_http_gateway_sender_write_handler(ngx_event_t *wev);
static void ngx_http_gateway_sender_read_handler(ngx_event_t *rev);
static void ngx_http_gateway_sender_opened(ngx_http_gateway_sender_t *sender);
static void ngx_http_gateway_sender_tell(ngx_http_gateway_sender_t *sender,
    const char *error);
static void ngx_http_gateway_sender_fail(ngx_http_gateway_sender_t *sender,
    const char *what);
static void ngx_http_gateway_sender_shift(ngx_http_gateway_sender_t *sender);
static void ngx_http_gateway_sender_close(ngx_http_gateway_sender_t *sender);
static ngx_int_t ngx_http_gateway_sender_init_handler(ngx_conf_t *cf,
    void *data);
static void ngx_http_gateway_sender_cleanup(void *data);


void
ngx_http_gateway_sender_wait(ngx_http_gateway_sender_t *sender,
    ngx_http_gateway_sender_pt handler, void *data)
{
    ngx_http_gateway_sender_waiter_t  *waiter;

    if (sender->ready) {
        handler(data, NULL);
        return;
    }

    waiter = ngx_alloc(sizeof(ngx_http_gateway_sender_waiter_t),
                       ngx_cycle->log);
    if (waiter == NULL) {
        handler(data, "no memory");
        return;
    }

    waiter->handler = handler;
    waiter->data = data;

    ngx_queue_insert_tail(&sender->waiters, &waiter->queue);

    ngx_http_gateway_sender_run(sender);
}


void
ngx_http_gateway_sender_send(ngx_http_gateway_sender_t *sender,
    ngx_str_t *data)
{
    ngx_http_gateway_sender_piece_t  *piece;

    if (data->len > (sender->type == SOCK_DGRAM
                     ? NGX_HTTP_GATEWAY_SENDER_DATAGRAM
                     : NGX_HTTP_GATEWAY_SENDER_BYTES))
    {
        if (sender->failed != ngx_time()) {
            sender->failed = ngx_time();
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "%V: a record of %uz bytes is too large for "
                          "\"%V\"", &sender->feature, data->len,
                          &sender->name);
        }

        return;
    }

    /* where it could not be sent to, it is not tried again at once */

    if (sender->connection == NULL && sender->down == ngx_time()) {
        return;
    }

    while (sender->pieces >= NGX_HTTP_GATEWAY_SENDER_PIECES
           || sender->bytes + data->len > NGX_HTTP_GATEWAY_SENDER_BYTES)
    {
        if (sender->failed != ngx_time()) {
            sender->failed = ngx_time();
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "%V: the queue for \"%V\" is full, the oldest "
                          "records are dropped",
                          &sender->feature, &sender->name);
        }

        if (sender->sent) {
            /* a half of it is on its way: nothing may follow that */
            ngx_http_gateway_sender_close(sender);
        }

        ngx_http_gateway_sender_shift(sender);
    }

    piece = ngx_alloc(offsetof(ngx_http_gateway_sender_piece_t, data)
                      + data->len, ngx_cycle->log);
    if (piece == NULL) {
        return;
    }

    piece->len = data->len;
    ngx_memcpy(piece->data, data->data, data->len);

    ngx_queue_insert_tail(&sender->queue, &piece->queue);
    sender->pieces++;
    sender->bytes += piece->len;

    ngx_http_gateway_sender_run(sender);
}


static void
ngx_http_gateway_sender_run(ngx_http_gateway_sender_t *sender)
{
    if (sender->connection) {

        if (sender->ready) {
            ngx_http_gateway_sender_write(sender);
        }

        return;
    }

    if (sender->query) {
        return;
    }

    if (sender->socklen == 0
        || (sender->valid && sender->valid < ngx_time()))
    {
        if (ngx_http_gateway_sender_resolve(sender) != NGX_OK) {
            ngx_http_gateway_sender_fail(sender, "cannot be looked up");
        }

        return;
    }

    if (ngx_http_gateway_sender_connect(sender) != NGX_OK) {
        ngx_http_gateway_sender_fail(sender, "cannot be connected to");
    }
}


static ngx_int_t
ngx_http_gateway_sender_resolve(ngx_http_gateway_sender_t *sender)
{
    ngx_resolver_ctx_t  *query;

    if (sender->resolver == NULL) {
        return NGX_ERROR;
    }

    query = ngx_resolve_start(sender->resolver, NULL);

    if (query == NULL || query == NGX_NO_RESOLVER) {
        return NGX_ERROR;
    }

    query->name = sender->host;
    query->handler = ngx_http_gateway_sender_resolved;
    query->data = sender;
    query->timeout = sender->resolver_timeout;

    sender->query = query;

    if (ngx_resolve_name(query) != NGX_OK) {
        sender->query = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_gateway_sender_resolved(ngx_resolver_ctx_t *query)
{
    ngx_int_t                   state;
    ngx_http_gateway_sender_t  *sender;

    sender = query->data;
    state = query->state;

    if (state == NGX_OK && query->naddrs
        && query->addrs[0].socklen <= (socklen_t) sizeof(ngx_sockaddr_t))
    {
        ngx_memcpy(&sender->sockaddr, query->addrs[0].sockaddr,
                   query->addrs[0].socklen);
        sender->socklen = query->addrs[0].socklen;
        ngx_inet_set_port(&sender->sockaddr.sockaddr,
                          (in_port_t) sender->port);
        sender->valid = ngx_max(query->valid, ngx_time() + 1);

    } else {
        state = NGX_ERROR;
    }

    sender->query = NULL;
    ngx_resolve_name_done(query);

    if (state != NGX_OK) {
        ngx_http_gateway_sender_fail(sender, "cannot be looked up");
        return;
    }

    ngx_http_gateway_sender_run(sender);
}


static ngx_int_t
ngx_http_gateway_sender_connect(ngx_http_gateway_sender_t *sender)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t   pc;

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = &sender->sockaddr.sockaddr;
    pc.socklen = sender->socklen;
    pc.name = &sender->name;
    pc.get = ngx_event_get_peer;
    pc.type = sender->type;
    pc.log = ngx_cycle->log;
    pc.log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(&pc);

    c = pc.connection;

    if (rc == NGX_ERROR || rc == NGX_BUSY || rc == NGX_DECLINED) {
        if (c) {
            ngx_close_connection(c);
        }

        return NGX_ERROR;
    }

    c->pool = ngx_create_pool(512, ngx_cycle->log);
    if (c->pool == NULL) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    c->data = sender;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->pool->log = c->log;
    c->read->handler = ngx_http_gateway_sender_read_handler;
    c->write->handler = ngx_http_gateway_sender_write_handler;

    sender->connection = c;
    sender->ready = 0;
    sender->sent = 0;

    if (rc == NGX_AGAIN) {
        ngx_add_timer(c->write, sender->timeout);
        return NGX_OK;
    }

    ngx_http_gateway_sender_connected(sender);

    return NGX_OK;
}


static void
ngx_http_gateway_sender_connected(ngx_http_gateway_sender_t *sender)
{
#if (NGX_SSL)

    if (sender->ssl) {
        ngx_http_gateway_sender_handshake(sender);
        return;
    }

#endif

    ngx_http_gateway_sender_opened(sender);
}


#if (NGX_SSL)

/* the certificate is not verified, as in Kong */

static void
ngx_http_gateway_sender_handshake(ngx_http_gateway_sender_t *sender)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = sender->connection;

    if (c->ssl == NULL) {

        if (ngx_ssl_create_connection(sender->ssl, c,
                                      NGX_SSL_CLIENT)
            != NGX_OK)
        {
            ngx_http_gateway_sender_fail(sender, "has no TLS connection");
            return;
        }

#ifdef SSL_CTRL_SET_TLSEXT_HOSTNAME

        if (sender->sni.len
            && SSL_set_tlsext_host_name(c->ssl->connection,
                                        (char *) sender->sni.data)
               == 0)
        {
            ngx_http_gateway_sender_fail(sender, "has no TLS connection");
            return;
        }

#endif
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        if (!c->write->timer_set) {
            ngx_add_timer(c->write, sender->timeout);
        }

        c->ssl->handler = ngx_http_gateway_sender_handshake_handler;
        return;
    }

    ngx_http_gateway_sender_handshake_handler(c);
}


static void
ngx_http_gateway_sender_handshake_handler(ngx_connection_t *c)
{
    ngx_http_gateway_sender_t  *sender;

    sender = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_gateway_sender_fail(sender, c->write->timedout
                                             || c->read->timedout
                                             ? "timed out"
                                             : "refused TLS");
        return;
    }

    c->read->handler = ngx_http_gateway_sender_read_handler;
    c->write->handler = ngx_http_gateway_sender_write_handler;

    ngx_http_gateway_sender_opened(sender);
}

#endif


static void
ngx_http_gateway_sender_opened(ngx_http_gateway_sender_t *sender)
{
    sender->ready = 1;

    ngx_http_gateway_sender_tell(sender, NULL);

    /* what a waiter sent may have ended it */

    if (sender->ready) {
        ngx_http_gateway_sender_write(sender);
    }
}


static void
ngx_http_gateway_sender_tell(ngx_http_gateway_sender_t *sender,
    const char *error)
{
    ngx_queue_t                       *q;
    ngx_http_gateway_sender_pt         handler;
    ngx_http_gateway_sender_waiter_t  *waiter;
    void                              *data;

    while (!ngx_queue_empty(&sender->waiters)) {

        q = ngx_queue_head(&sender->waiters);
        waiter = ngx_queue_data(q, ngx_http_gateway_sender_waiter_t, queue);

        /* the analyzer does not see that removing a head made another one */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        handler = waiter->handler;
        data = waiter->data;

        ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc) */
        ngx_free(waiter);

        handler(data, error);
    }
}


static void
ngx_http_gateway_sender_write(ngx_http_gateway_sender_t *sender)
{
    ssize_t                           n;
    ngx_uint_t                        again;
    ngx_queue_t                      *q;
    ngx_connection_t                 *c;
    ngx_http_gateway_sender_piece_t  *piece;

    c = sender->connection;
    again = (sender->type == SOCK_DGRAM);

    c->idle = 0;
    ngx_reusable_connection(c, 0);

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    while (!ngx_queue_empty(&sender->queue)) {

        q = ngx_queue_head(&sender->queue);
        piece = ngx_queue_data(q, ngx_http_gateway_sender_piece_t, queue);

        /* the analyzer does not see that removing a head made another one */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        n = c->send(c, piece->data + sender->sent, piece->len - sender->sent);

        if (n == NGX_AGAIN || n == 0) {

            if (!c->write->timer_set) {
                ngx_add_timer(c->write, sender->timeout);
            }

            if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
                ngx_http_gateway_sender_fail(sender, "cannot be written to");
            }

            return;
        }

        if (n < 0) {

            if (sender->type == SOCK_DGRAM) {

                /*
                 * May be about the one before, which nobody took; of this
                 * one, if it fails again.
                 */

                c->write->error = 0;
                c->error = 0;

                if (again) {
                    again = 0;
                    continue;
                }

                if (sender->sockaddr.sockaddr.sa_family != AF_UNIX) {
                    ngx_http_gateway_sender_shift(sender);
                    again = 1;
                    continue;
                }
            }

            ngx_http_gateway_sender_fail(sender, "cannot be written to");
            return;
        }

        if (c->write->timer_set) {
            ngx_del_timer(c->write);
        }

        sender->sent += n;

        if (sender->sent == piece->len || sender->type == SOCK_DGRAM) {
            ngx_http_gateway_sender_shift(sender);
            again = (sender->type == SOCK_DGRAM);
        }
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (ngx_exiting || ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_gateway_sender_close(sender);
        return;
    }

    c->idle = 1;
    ngx_reusable_connection(c, 1);

    if (sender->keepalive) {
        ngx_add_timer(c->read, sender->keepalive);
    }
}


static void
ngx_http_gateway_sender_write_handler(ngx_event_t *wev)
{
    int                         err;
    socklen_t                   len;
    ngx_connection_t           *c;
    ngx_http_gateway_sender_t  *sender;

    c = wev->data;
    sender = c->data;

    if (wev->timedout) {
        ngx_http_gateway_sender_fail(sender, "timed out");
        return;
    }

    if (sender->ready) {
        if (!ngx_queue_empty(&sender->queue)) {
            ngx_http_gateway_sender_write(sender);
        }

        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_http_gateway_sender_fail(sender, "cannot be connected to");
        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    ngx_http_gateway_sender_connected(sender);
}


/* nobody answers: what comes is an end, an error, or thrown away */

static void
ngx_http_gateway_sender_read_handler(ngx_event_t *rev)
{
    ssize_t                     n;
    u_char                      buf[512];
    ngx_connection_t           *c;
    ngx_http_gateway_sender_t  *sender;

    c = rev->data;
    sender = c->data;

    if (c->close || rev->timedout) {

        /* idle, and the worker exits, lacks connections, or time is up */

        ngx_http_gateway_sender_close(sender);
        return;
    }

    if (!sender->ready) {
        return;
    }

    do {
        n = c->recv(c, buf, sizeof(buf));
    } while (n > 0);

    if (n == NGX_AGAIN) {
        if (ngx_handle_read_event(rev, 0) == NGX_OK) {
            return;
        }

    } else if (sender->type == SOCK_DGRAM) {

        rev->error = 0;
        rev->eof = 0;
        c->error = 0;
        return;
    }

    if (!ngx_queue_empty(&sender->queue)) {
        ngx_http_gateway_sender_fail(sender, "closed the connection");
        return;
    }

    ngx_http_gateway_sender_close(sender);
}


static void
ngx_http_gateway_sender_fail(ngx_http_gateway_sender_t *sender,
    const char *what)
{
    u_char  text[NGX_HTTP_GATEWAY_SENDER_ERROR];

    sender->down = ngx_time();

    /* waiters say so themselves */

    if (sender->failed != ngx_time()
        && (sender->pieces || ngx_queue_empty(&sender->waiters)))
    {
        sender->failed = ngx_time();

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%V: \"%V\" %s, %ui records are dropped",
                      &sender->feature, &sender->name, what, sender->pieces);
    }

    ngx_http_gateway_sender_close(sender);

    while (!ngx_queue_empty(&sender->queue)) {
        ngx_http_gateway_sender_shift(sender);
    }

    *ngx_slprintf(text, text + sizeof(text) - 1, "\"%V\" %s", &sender->name,
                  what)
        = '\0';

    ngx_http_gateway_sender_tell(sender, (char *) text);
}


/* forgets the oldest piece */

static void
ngx_http_gateway_sender_shift(ngx_http_gateway_sender_t *sender)
{
    ngx_queue_t                      *q;
    ngx_http_gateway_sender_piece_t  *piece;

    q = ngx_queue_head(&sender->queue);
    piece = ngx_queue_data(q, ngx_http_gateway_sender_piece_t, queue);

    ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc): as above */

    sender->pieces--;
    sender->bytes -= piece->len;
    sender->sent = 0;

    ngx_free(piece);
}


static void
ngx_http_gateway_sender_close(ngx_http_gateway_sender_t *sender)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = sender->connection;

    if (c == NULL) {
        return;
    }

    sender->connection = NULL;
    sender->ready = 0;
    sender->sent = 0;

#if (NGX_SSL)

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 0;
        (void) ngx_ssl_shutdown(c);
    }

#endif

    pool = c->pool;

    ngx_close_connection(c);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* configuration */

char *
ngx_http_gateway_sender_check(ngx_conf_t *cf,
    ngx_http_gateway_sender_t *sender)
{
    if (sender->host.len == 0) {
        return "needs \"host\"";
    }

    if (sender->port == NGX_CONF_UNSET_UINT) {
        return "needs \"port\"";
    }

#if !(NGX_SSL)
    if (sender->tls) {
        return "needs an nginx with TLS for \"tls\"";
    }
#endif

    if (ngx_http_gateway_add_init(cf, ngx_http_gateway_sender_init_handler,
                                  sender)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_sender_init_handler(ngx_conf_t *cf, void *data)
{
    return ngx_http_gateway_sender_init(cf, data);
}


ngx_int_t
ngx_http_gateway_sender_init(ngx_conf_t *cf,
    ngx_http_gateway_sender_t *sender)
{
    u_char                    *p;
    ngx_str_t                  host;
    ngx_url_t                  url;
    ngx_addr_t                 addr, *instead;
    ngx_pool_cleanup_t        *cln;
    ngx_http_core_loc_conf_t  *clcf;

    ngx_queue_init(&sender->waiters);
    ngx_queue_init(&sender->queue);

    host = sender->host;

    sender->name.data = ngx_pnalloc(cf->pool, host.len + sizeof(":65535"));
    if (sender->name.data == NULL) {
        return NGX_ERROR;
    }

    if (host.len > 5 && ngx_strncmp(host.data, "unix:", 5) == 0) {

        sender->name = host;

        ngx_memzero(&url, sizeof(ngx_url_t));
        url.url = host;

        if (ngx_parse_url(cf->pool, &url) != NGX_OK || url.naddrs == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "%V: invalid socket \"%V\"", &sender->feature,
                          &host);
            return NGX_ERROR;
        }

        ngx_memcpy(&sender->sockaddr, url.addrs[0].sockaddr,
                   url.addrs[0].socklen);
        sender->socklen = url.addrs[0].socklen;

    } else {

        p = ngx_sprintf(sender->name.data, "%V:%ui", &host, sender->port);
        sender->name.len = p - sender->name.data;

        if (host.len > 2 && host.data[0] == '['
            && host.data[host.len - 1] == ']')
        {
            host.data++;
            host.len -= 2;
        }

        if (host.len == 9
            && ngx_strncasecmp(host.data, (u_char *) "localhost", 9) == 0)
        {
            ngx_str_set(&host, "127.0.0.1");
        }

        instead = ngx_http_gateway_connect_to(cf, &host, sender->port);

        if (instead) {
            ngx_memcpy(&sender->sockaddr, instead->sockaddr,
                       instead->socklen);
            sender->socklen = instead->socklen;

        } else if (ngx_parse_addr(cf->pool, &addr, host.data, host.len)
                   == NGX_OK)
        {
            ngx_memcpy(&sender->sockaddr, addr.sockaddr, addr.socklen);
            sender->socklen = addr.socklen;
            ngx_inet_set_port(&sender->sockaddr.sockaddr,
                              (in_port_t) sender->port);

        } else {
            clcf = ngx_http_conf_get_module_loc_conf(cf,
                                                     ngx_http_core_module);

            sender->resolver = clcf->resolver;
            sender->resolver_timeout = clcf->resolver_timeout;

            if (sender->resolver_timeout == NGX_CONF_UNSET_MSEC) {
                sender->resolver_timeout = 30000;
            }

            if (sender->resolver == NULL
                || sender->resolver->connections.nelts == 0)
            {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "%V: to look up \"%V\", \"resolver\" is "
                              "needed in \"http\"", &sender->feature, &host);
                return NGX_ERROR;
            }
        }
    }

#if (NGX_SSL)

    if (sender->tls) {

        sender->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
        if (sender->ssl == NULL) {
            return NGX_ERROR;
        }

        sender->ssl->log = cf->log;

        if (ngx_ssl_create(sender->ssl,
                           NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        cln = ngx_pool_cleanup_add(cf->pool, 0);
        if (cln == NULL) {
            ngx_ssl_cleanup_ctx(sender->ssl);
            return NGX_ERROR;
        }

        cln->handler = ngx_ssl_cleanup_ctx;
        cln->data = sender->ssl;
    }

#endif

    /* runs before that of the resolver, which was registered earlier */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_sender_cleanup;
    cln->data = sender;

    return NGX_OK;
}


static void
ngx_http_gateway_sender_cleanup(void *data)
{
    ngx_http_gateway_sender_t *sender = data;

    ngx_queue_t                       *q;
    ngx_http_gateway_sender_waiter_t  *waiter;

    if (sender->query) {
        ngx_resolve_name_done(sender->query);
        sender->query = NULL;
    }

    ngx_http_gateway_sender_close(sender);

    while (!ngx_queue_empty(&sender->waiters)) {
        q = ngx_queue_head(&sender->waiters);
        waiter = ngx_queue_data(q, ngx_http_gateway_sender_waiter_t, queue);

        ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc) */
        ngx_free(waiter);
    }

    while (!ngx_queue_empty(&sender->queue)) {
        ngx_http_gateway_sender_shift(sender);
    }
}
