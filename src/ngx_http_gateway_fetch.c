
/*
 * Copyright (C) the ngx_gateway authors
 *
 * HTTP requests of our own in the background, see the header.
 *
 *   look the name up -> connect (the next address when one refuses) -> TLS
 *   -> send, and read what comes at the same time -> the handler
 *
 * A connection that was kept takes the place of all that is before sending.
 *
 * Everything that ends a fetch goes through ..._end(), which posts the call
 * of the handler, so that it never runs inside of its owner's call.
 */


#include "ngx_http_gateway_fetch_private.h"

#include <ngx_event_connect.h>


#define NGX_HTTP_GATEWAY_FETCH_TIMEOUT  10000   /* milliseconds */
#define NGX_HTTP_GATEWAY_FETCH_LIMIT    (1024 * 1024)


static void ngx_http_gateway_fetch_begin(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_found(
    ngx_http_gateway_names_query_t *query);
static ngx_int_t ngx_http_gateway_fetch_reuse(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_connect(ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_fetch_link(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_prepare(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_connected(ngx_http_gateway_fetch_t *f);
static ngx_chain_t *ngx_http_gateway_fetch_write(ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_fetch_again(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_closed(ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_fetch_location(ngx_http_gateway_fetch_t *f,
    ngx_str_t *location);
static void ngx_http_gateway_fetch_end(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_close(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_fetch_timer(ngx_event_t *ev);
static void ngx_http_gateway_fetcher_stop(void *data);


ngx_int_t
ngx_http_gateway_fetcher_init(ngx_conf_t *cf,
    ngx_http_gateway_fetcher_t *fetcher)
{
    ngx_pool_cleanup_t  *cln;

    if (fetcher->timeout == 0) {
        fetcher->timeout = NGX_HTTP_GATEWAY_FETCH_TIMEOUT;
    }

    if (fetcher->limit == 0) {
        fetcher->limit = NGX_HTTP_GATEWAY_FETCH_LIMIT;
    }

    ngx_queue_init(&fetcher->fetches);
    ngx_queue_init(&fetcher->idle);

    fetcher->names = ngx_http_gateway_names_init(cf);
    if (fetcher->names == NULL) {
        return NGX_ERROR;
    }

#if (NGX_SSL)

    fetcher->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (fetcher->ssl == NULL) {
        return NGX_ERROR;
    }

    fetcher->ssl->log = cf->log;

    if (ngx_ssl_create(fetcher->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(fetcher->ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = fetcher->ssl;

    if (fetcher->certificate.len
        && ngx_ssl_certificate(cf, fetcher->ssl, &fetcher->certificate,
                               &fetcher->certificate_key, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* as deep a chain as OpenSSL would follow by itself */

    if (fetcher->trusted_certificate.len) {

        if (ngx_ssl_trusted_certificate(cf, fetcher->ssl,
                                        &fetcher->trusted_certificate, 100)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (SSL_CTX_set_default_verify_paths(fetcher->ssl->ctx) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

#endif

    /* registered last, hence runs before what fetches lean on ends */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_fetcher_stop;
    cln->data = fetcher;

    return NGX_OK;
}


const char *
ngx_http_gateway_fetch_parse_url(const ngx_str_t *url,
    ngx_http_gateway_fetch_url_t *parts)
{
    u_char                        *p, *last, *end;
    ngx_int_t                      port;
    ngx_http_gateway_fetch_url_t   dummy;

    if (parts == NULL) {
        parts = &dummy;
    }

    ngx_memzero(parts, sizeof(ngx_http_gateway_fetch_url_t));

    p = url->data;
    last = p + url->len;

    for (end = p; end < last; end++) {
        if (*end <= 0x20 || *end >= 0x7f) {
            return "a URL has neither blanks nor characters that are not "
                   "ASCII";
        }
    }

    if (url->len > 8 && ngx_strncasecmp(p, (u_char *) "https://", 8) == 0) {
        parts->tls = 1;
        parts->port = 443;
        p += 8;

    } else if (url->len > 7
               && ngx_strncasecmp(p, (u_char *) "http://", 7) == 0)
    {
        parts->port = 80;
        p += 7;

    } else {
        return "it must begin with \"https://\" or \"http://\"";
    }

    for (end = p; end < last && *end != '/' && *end != '?' && *end != '#';
         end++)
    {
        if (*end == '@') {
            return "a user's name cannot be in it";
        }
    }

    parts->authority.data = p;
    parts->authority.len = end - p;

    /* a fragment is not sent */

    parts->target.data = end;

    while (end < last && *end != '#') {
        end++;
    }

    parts->target.len = end - parts->target.data;
    last = parts->authority.data + parts->authority.len;

    if (p < last && *p == '[') {

        end = ngx_strlchr(p, last, ']');

        if (end == NULL) {
            return "the host is invalid";
        }

        parts->host.data = p + 1;
        parts->host.len = end - p - 1;
        end++;

    } else {

        end = ngx_strlchr(p, last, ':');

        if (end == NULL) {
            end = last;
        }

        parts->host.data = p;
        parts->host.len = end - p;
    }

    if (parts->host.len == 0 || parts->host.len > 253) {
        return "the host is invalid";
    }

    if (end == last) {
        return NULL;
    }

    port = (*end == ':') ? ngx_atoi(end + 1, last - end - 1) : NGX_ERROR;

    if (port < 1 || port > 65535) {
        return "the port is invalid";
    }

    parts->port = (in_port_t) port;

    return NULL;
}


ngx_http_gateway_fetch_t *
ngx_http_gateway_fetch_create(ngx_http_gateway_fetcher_t *fetcher,
    const ngx_str_t *url)
{
    ngx_pool_t                *pool;
    ngx_http_gateway_fetch_t  *f;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    f = ngx_pcalloc(pool, sizeof(ngx_http_gateway_fetch_t));
    if (f == NULL) {
        goto failed;
    }

    f->url.len = url->len;
    f->url.data = ngx_pnalloc(pool, url->len);
    if (f->url.data == NULL) {
        goto failed;
    }

    ngx_memcpy(f->url.data, url->data, url->len);

    if (ngx_array_init(&f->headers, pool, 4, sizeof(ngx_keyval_t)) != NGX_OK
        || ngx_array_init(&f->answer_headers, pool, 16, sizeof(ngx_keyval_t))
           != NGX_OK)
    {
        goto failed;
    }

    ngx_str_set(&f->method, "GET");

    f->pool = pool;
    f->fetcher = fetcher;
    f->timeout = fetcher->timeout;
    f->limit = fetcher->limit;
    f->redirects = fetcher->redirects;

    return f;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


ngx_int_t
ngx_http_gateway_fetch_add_header(ngx_http_gateway_fetch_t *f,
    const char *name, const ngx_str_t *value)
{
    size_t         i;
    ngx_keyval_t  *h;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] == CR || value->data[i] == LF
            || value->data[i] == '\0')
        {
            return NGX_DECLINED;
        }
    }

    h = ngx_array_push(&f->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


void
ngx_http_gateway_fetch_start(ngx_http_gateway_fetch_t *f)
{
    f->started = 1;

    f->timer.handler = ngx_http_gateway_fetch_timer;
    f->timer.data = f;
    f->timer.log = f->pool->log;
    f->timer.cancelable = f->awaited ? 0 : 1;

    ngx_queue_insert_tail(&f->fetcher->fetches, &f->queue);
    f->queued = 1;

    if ((ngx_exiting && !f->awaited) || ngx_terminate) {
        ngx_http_gateway_fetch_failed(f, 0, "the worker ends");
        return;
    }

    ngx_add_timer(&f->timer, f->timeout);

    ngx_http_gateway_fetch_begin(f);
}


void
ngx_http_gateway_fetch_free(ngx_http_gateway_fetch_t *f)
{
    ngx_http_gateway_names_end(&f->query);
    ngx_http_gateway_fetch_close(f);

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->queued) {
        ngx_queue_remove(&f->queue);
    }

    ngx_destroy_pool(f->pool);
}


/* to f->url, whatever was before */

static void
ngx_http_gateway_fetch_begin(ngx_http_gateway_fetch_t *f)
{
    ngx_int_t    rc;
    const char  *wrong;

    wrong = ngx_http_gateway_fetch_parse_url(&f->url, &f->to);

    if (wrong) {
        ngx_http_gateway_fetch_failed(f, 0, wrong);
        return;
    }

#if !(NGX_SSL)

    if (f->to.tls) {
        ngx_http_gateway_fetch_failed(f, 0, "nginx was built without TLS");
        return;
    }

#endif

    f->next = 0;
    f->connected = 0;
    f->tunnel = 0;
    f->status_done = 0;
    f->headers_done = 0;
    f->is_chunked = 0;
    f->length = -1;
    f->status = 0;
    f->answer_headers.nelts = 0;
    ngx_str_null(&f->answer);
    f->room = 0;

    if (ngx_http_gateway_fetch_reuse(f) == NGX_OK) {
        return;
    }

    f->query.host = f->proxy.len ? f->proxy : f->to.host;
    f->query.port = f->proxy.len ? f->proxy_port : f->to.port;
    f->query.timeout = f->timeout;
    f->query.log = f->pool->log;
    f->query.cancelable = f->awaited ? 0 : 1;
    f->query.handler = ngx_http_gateway_fetch_found;
    f->query.data = f;

    rc = ngx_http_gateway_names_find(f->fetcher->names, &f->query);

    if (rc == NGX_AGAIN) {
        return;
    }

    ngx_http_gateway_fetch_found(&f->query);
}


/* NGX_DECLINED: there is no connection for it */

static ngx_int_t
ngx_http_gateway_fetch_reuse(ngx_http_gateway_fetch_t *f)
{
    f->reused = 0;

    if (f->keepalive == 0 || f->again || f->proxy.len) {
        return NGX_DECLINED;
    }

    f->link = ngx_http_gateway_fetch_idle_take(f);

    if (f->link == NULL) {
        return NGX_DECLINED;
    }

    f->peer.connection = f->link->connection;
    f->reused = 1;
    f->connected = 1;

    ngx_http_gateway_fetch_prepare(f);
    ngx_http_gateway_fetch_request(f);

    return NGX_OK;
}


static void
ngx_http_gateway_fetch_found(ngx_http_gateway_names_query_t *query)
{
    ngx_http_gateway_fetch_t  *f;

    f = query->data;

    if (query->naddrs == 0) {
        ngx_http_gateway_fetch_failed(f, 0, query->error
                                      ? query->error : "no address");
        return;
    }

    ngx_http_gateway_fetch_connect(f);
}


static void
ngx_http_gateway_fetch_connect(ngx_http_gateway_fetch_t *f)
{
    ngx_int_t                       rc;
    ngx_http_gateway_names_addr_t  *addr;

    for ( ;; ) {

        ngx_http_gateway_fetch_close(f);

        addr = &f->query.addrs[f->next++];

        ngx_memzero(&f->peer, sizeof(ngx_peer_connection_t));

        f->peer.sockaddr = &addr->sockaddr.sockaddr;
        f->peer.socklen = addr->socklen;
        f->peer.name = &f->to.authority;
        f->peer.get = ngx_event_get_peer;
        f->peer.log = f->pool->log;
        f->peer.log_error = NGX_ERROR_INFO;

        rc = ngx_event_connect_peer(&f->peer);

        if (rc == NGX_OK || rc == NGX_AGAIN) {
            break;
        }

        if (rc == NGX_DECLINED && f->next < f->query.naddrs) {
            continue;
        }

        ngx_http_gateway_fetch_failed(f, 0, "it cannot be connected to");
        return;
    }

    if (f->peer.connection == NULL) {
        ngx_http_gateway_fetch_failed(f, 0, "it cannot be connected to");
        return;
    }

    if (ngx_http_gateway_fetch_link(f) != NGX_OK) {
        ngx_http_gateway_fetch_failed(f, 0, "no memory");
        return;
    }

    ngx_http_gateway_fetch_prepare(f);

    if (rc == NGX_OK) {
        ngx_http_gateway_fetch_connected(f);
    }
}


/* a new connection may outlive the fetch, so it has a pool of its own */

static ngx_int_t
ngx_http_gateway_fetch_link(ngx_http_gateway_fetch_t *f)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = f->peer.connection;

    pool = ngx_create_pool(512, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    f->link = ngx_pcalloc(pool, sizeof(ngx_http_gateway_fetch_link_t));
    if (f->link == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    f->link->connection = c;

    c->pool = pool;
    c->log = pool->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->sendfile = 0;

    c->read->resolver = 1;
    c->write->resolver = 1;

    return NGX_OK;
}


/* makes a connection the fetch's */

static void
ngx_http_gateway_fetch_prepare(ngx_http_gateway_fetch_t *f)
{
    ngx_connection_t  *c;

    c = f->peer.connection;

    c->data = f;

    /* a worker that ends need not wait for it, and closes it */

    c->idle = f->awaited ? 0 : 1;

    c->read->handler = ngx_http_gateway_fetch_read_handler;
    c->write->handler = ngx_http_gateway_fetch_write_handler;
}


static void
ngx_http_gateway_fetch_connected(ngx_http_gateway_fetch_t *f)
{
    f->connected = 1;

#if (NGX_SSL)

    if (f->to.tls) {

        if (f->proxy.len) {
            ngx_http_gateway_fetch_tunnel(f);

        } else {
            ngx_http_gateway_fetch_handshake(f);
        }

        return;
    }

#endif

    ngx_http_gateway_fetch_request(f);
}


void
ngx_http_gateway_fetch_request(ngx_http_gateway_fetch_t *f)
{
    ngx_connection_t  *c;

    c = f->peer.connection;

    f->closes = f->keepalive == 0 || f->proxy.len || ngx_exiting
                || ngx_terminate;

    f->out = ngx_http_gateway_fetch_write(f);
    f->in = ngx_create_temp_buf(f->pool, NGX_HTTP_GATEWAY_FETCH_BUFFER);
    f->r = ngx_pcalloc(f->pool, sizeof(ngx_http_request_t));

    if (f->out == NULL || f->in == NULL || f->r == NULL) {
        ngx_http_gateway_fetch_failed(f, 0, "no memory");
        return;
    }

    f->r->connection = c;
    f->r->pool = f->pool;

    ngx_memzero(&f->parsed, sizeof(ngx_http_status_t));
    ngx_memzero(&f->chunked, sizeof(ngx_http_chunked_t));

    ngx_http_gateway_fetch_send(f);
}


static ngx_chain_t *
ngx_http_gateway_fetch_write(ngx_http_gateway_fetch_t *f)
{
    size_t         len;
    ngx_buf_t     *b;
    ngx_str_t     *target;
    ngx_uint_t     i, whole;
    ngx_chain_t   *out, *cl;
    ngx_keyval_t  *h;

    static ngx_str_t  none = ngx_string("");

    target = &f->to.target;
    h = f->headers.elts;

    /* a proxy for plain HTTP is told the whole URL, RFC 9112 3.2.2 */

    whole = f->proxy.len && !f->to.tls;

    len = f->method.len + sizeof(" http:/// HTTP/1.1" CRLF) - 1 + target->len
          + f->to.authority.len
          + sizeof("Host: " CRLF) - 1 + f->to.authority.len
          + sizeof("Connection: close" CRLF) - 1
          + sizeof("Content-Length: " CRLF CRLF) - 1 + NGX_SIZE_T_LEN;

    for (i = 0; i < f->headers.nelts; i++) {
        len += h[i].key.len + sizeof(": " CRLF) - 1 + h[i].value.len;
    }

    b = ngx_create_temp_buf(f->pool, len);
    out = ngx_alloc_chain_link(f->pool);

    if (b == NULL || out == NULL) {
        return NULL;
    }

    out->buf = b;
    out->next = NULL;

    b->last = ngx_sprintf(b->last, "%V %s%V%s%V HTTP/1.1" CRLF "Host: %V" CRLF
                          "%s", &f->method,
                          whole ? "http://" : "",
                          whole ? &f->to.authority : &none,
                          target->len && target->data[0] == '/' ? "" : "/",
                          target, &f->to.authority,
                          f->closes ? "Connection: close" CRLF : "");

    for (i = 0; i < f->headers.nelts; i++) {
        b->last = ngx_sprintf(b->last, "%V: %V" CRLF, &h[i].key, &h[i].value);
    }

    if (f->body.len || f->method.data[0] == 'P') {
        b->last = ngx_sprintf(b->last, "Content-Length: %uz" CRLF,
                              f->body.len);
    }

    *b->last++ = CR;
    *b->last++ = LF;

    if (f->body.len == 0) {
        return out;
    }

    b = ngx_calloc_buf(f->pool);
    cl = ngx_alloc_chain_link(f->pool);

    if (b == NULL || cl == NULL) {
        return NULL;
    }

    b->memory = 1;
    b->pos = f->body.data;
    b->last = b->pos + f->body.len;

    cl->buf = b;
    cl->next = NULL;
    out->next = cl;

    return out;
}


void
ngx_http_gateway_fetch_send(ngx_http_gateway_fetch_t *f)
{
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_connection_t  *c;

    c = f->peer.connection;

    while (f->out) {

        b = f->out->buf;

        n = c->send(c, b->pos, b->last - b->pos);

        if (n == NGX_ERROR) {
            /* there may be an answer that says why */
            f->out = NULL;
            break;
        }

        if (n == NGX_AGAIN || n == 0) {

            if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
                ngx_http_gateway_fetch_failed(f, 0, "it cannot be written to");
                return;
            }

            break;
        }

        b->pos += n;

        if (b->pos == b->last) {
            f->out = f->out->next;
        }
    }

    if (f->out == NULL && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_gateway_fetch_failed(f, 0, "it cannot be written to");
        return;
    }

    ngx_http_gateway_fetch_read_handler(c->read);
}


void
ngx_http_gateway_fetch_write_handler(ngx_event_t *wev)
{
    int                        err;
    socklen_t                  len;
    ngx_connection_t          *c;
    ngx_http_gateway_fetch_t  *f;

    c = wev->data;
    f = c->data;

    if (f->connected) {

        if (f->out) {
            ngx_http_gateway_fetch_send(f);
        }

        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err == 0) {
        ngx_http_gateway_fetch_connected(f);
        return;
    }

    if (f->next < f->query.naddrs) {
        ngx_http_gateway_fetch_connect(f);
        return;
    }

    ngx_http_gateway_fetch_failed(f, err, "it cannot be connected to");
}


void
ngx_http_gateway_fetch_read_handler(ngx_event_t *rev)
{
    ssize_t                    n;
    ngx_buf_t                 *b;
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_gateway_fetch_t  *f;

    c = rev->data;
    f = c->data;

    if (c->close) {
        ngx_http_gateway_fetch_failed(f, 0, "the worker ends");
        return;
    }

    if (f->r == NULL) {
        /* not sent yet; a failure to connect comes to the other handler */
        return;
    }

    for ( ;; ) {

        b = f->in;

        if (b->last == b->end) {

            /* a body is taken out at once, so this is the head */

            ngx_http_gateway_fetch_failed(f, 0, "the head of the answer is "
                                          "too long");
            return;
        }

        n = c->recv(c, b->last, b->end - b->last);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_http_gateway_fetch_failed(f, 0, "it cannot be read");
            }

            return;
        }

        if (n <= 0 && ngx_http_gateway_fetch_again(f) == NGX_OK) {
            return;
        }

        if (n == NGX_ERROR) {
            ngx_http_gateway_fetch_failed(f, 0, "the connection broke");
            return;
        }

        if (n == 0) {
            ngx_http_gateway_fetch_closed(f);
            return;
        }

        b->last += n;

#if (NGX_SSL)

        if (f->tunnel) {

            if (ngx_http_gateway_fetch_tunnel_done(f) == NGX_OK) {
                return;
            }

            continue;
        }

#endif

        rc = ngx_http_gateway_fetch_parse(f);

        if (rc == NGX_DONE) {
            (void) ngx_http_gateway_fetch_idle_keep(f);
            ngx_http_gateway_fetch_end(f);
            return;
        }

        if (rc != NGX_AGAIN) {
            /* told, or on its way to another place */
            return;
        }
    }
}


/*
 * The other end may have closed a connection that was kept while the request
 * was on its way to it.  NGX_OK: it is sent again over a new one.
 */

static ngx_int_t
ngx_http_gateway_fetch_again(ngx_http_gateway_fetch_t *f)
{
    if (!f->reused || f->status_done || f->in->last != f->in->start) {
        return NGX_DECLINED;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, f->pool->log, 0,
                   "gateway fetch of \"%V\": the connection that was kept is "
                   "closed", &f->url);

    f->again = 1;

    ngx_http_gateway_fetch_close(f);

    f->r = NULL;

    ngx_http_gateway_fetch_begin(f);

    return NGX_OK;
}


static void
ngx_http_gateway_fetch_closed(ngx_http_gateway_fetch_t *f)
{
    if (f->headers_done && !f->is_chunked && f->length == -1) {
        ngx_http_gateway_fetch_end(f);
        return;
    }

    ngx_http_gateway_fetch_failed(f, 0, "the connection was closed before the "
                                  "answer was complete");
}


/* NGX_DECLINED: it is none that is followed; else the fetch goes on or ends */

ngx_int_t
ngx_http_gateway_fetch_redirect(ngx_http_gateway_fetch_t *f)
{
    ngx_uint_t                     i, n;
    ngx_str_t                     *location;
    ngx_keyval_t                  *h;
    ngx_http_gateway_fetch_url_t   to;

    if (f->redirects == 0
        || f->method.len != 3 || ngx_strncmp(f->method.data, "GET", 3) != 0
        || (f->status != NGX_HTTP_MOVED_PERMANENTLY
            && f->status != NGX_HTTP_MOVED_TEMPORARILY
            && f->status != NGX_HTTP_SEE_OTHER
            && f->status != NGX_HTTP_TEMPORARY_REDIRECT
            && f->status != NGX_HTTP_PERMANENT_REDIRECT))
    {
        return NGX_DECLINED;
    }

    location = ngx_http_gateway_fetch_header(f, "location");

    if (location == NULL || location->len == 0) {
        return NGX_DECLINED;
    }

    f->redirects--;
    to = f->to;

    if (ngx_http_gateway_fetch_location(f, location) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_fetch_parse_url(&f->url, &f->to) == NULL
        && ((to.tls && !f->to.tls) || to.host.len != f->to.host.len
            || to.port != f->to.port
            || ngx_strncasecmp(to.host.data, f->to.host.data, to.host.len)
               != 0))
    {
        if (to.tls && !f->to.tls) {
            ngx_http_gateway_fetch_failed(f, 0, "a redirect leaves TLS");
            return NGX_ERROR;
        }

        /* what proves who we are is for the first place only */

        h = f->headers.elts;

        for (i = 0, n = 0; i < f->headers.nelts; i++) {
            if ((h[i].key.len == 13
                 && ngx_strncasecmp(h[i].key.data, (u_char *) "Authorization",
                                    13)
                    == 0)
                || (h[i].key.len == 6
                    && ngx_strncasecmp(h[i].key.data, (u_char *) "Cookie", 6)
                       == 0))
            {
                continue;
            }

            h[n++] = h[i];
        }

        f->headers.nelts = n;
    }

    ngx_http_gateway_fetch_close(f);

    f->r = NULL;

    ngx_http_gateway_fetch_begin(f);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_fetch_location(ngx_http_gateway_fetch_t *f,
    ngx_str_t *location)
{
    u_char     *p;
    ngx_str_t   url;

    if (location->data[0] != '/') {

        /* a relative one has no scheme, which is told then */

        f->url = *location;
        return NGX_OK;
    }

    url.data = ngx_pnalloc(f->pool, sizeof("https://") - 1 + location->len
                                    + f->to.authority.len);
    if (url.data == NULL) {
        ngx_http_gateway_fetch_failed(f, 0, "no memory");
        return NGX_ERROR;
    }

    if (location->len > 1 && location->data[1] == '/') {
        p = ngx_sprintf(url.data, "%s:%V", f->to.tls ? "https" : "http",
                        location);

    } else {
        p = ngx_sprintf(url.data, "%s://%V%V", f->to.tls ? "https" : "http",
                        &f->to.authority, location);
    }

    url.len = p - url.data;
    f->url = url;

    return NGX_OK;
}


/* err: 0, or what the system says */

void
ngx_http_gateway_fetch_failed(ngx_http_gateway_fetch_t *f, ngx_err_t err,
    const char *what)
{
    u_char  *p, *last;

    f->error.data = ngx_pnalloc(f->pool, NGX_HTTP_GATEWAY_FETCH_ERROR);

    if (f->error.data == NULL) {
        ngx_str_set(&f->error, "no memory");

    } else {
        last = f->error.data + NGX_HTTP_GATEWAY_FETCH_ERROR;
        p = ngx_slprintf(f->error.data, last, "%s", what);

        if (err && last - p > 64) {
            p = ngx_slprintf(p, last, " (%d: ", err);
            p = ngx_strerror(err, p, last - p - 1);
            *p++ = ')';
        }

        f->error.len = p - f->error.data;
    }

    ngx_http_gateway_fetch_end(f);
}


static void
ngx_http_gateway_fetch_end(ngx_http_gateway_fetch_t *f)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, f->pool->log, 0,
                   "gateway fetch of \"%V\": status:%ui error:\"%V\"",
                   &f->url, f->status, &f->error);

    ngx_http_gateway_names_end(&f->query);
    ngx_http_gateway_fetch_close(f);

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    f->done = 1;

    ngx_post_event(&f->timer, &ngx_posted_events);
}


static void
ngx_http_gateway_fetch_close(ngx_http_gateway_fetch_t *f)
{
    ngx_connection_t               *c;
    ngx_http_gateway_fetch_link_t  *link;

    c = f->peer.connection;
    link = f->link;

    if (f->timer.posted) {
        ngx_delete_posted_event(&f->timer);
    }

    f->peer.connection = NULL;
    f->link = NULL;

    if (link) {
        ngx_http_gateway_fetch_link_close(link);

    } else if (c) {
        ngx_close_connection(c);
    }
}


void
ngx_http_gateway_fetch_link_close(ngx_http_gateway_fetch_link_t *link)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = link->connection;

#if (NGX_SSL)

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

#endif

    pool = c->pool;

    ngx_close_connection(c);
    ngx_destroy_pool(pool);
}


/* the time is over, or the fetch is */

static void
ngx_http_gateway_fetch_timer(ngx_event_t *ev)
{
    ngx_http_gateway_fetch_t  *f;

    f = ev->data;

    if (!f->done) {
        ngx_http_gateway_fetch_failed(f, 0, f->connected
                                      ? "no complete answer came in time"
                                      : "it could not be reached in time");
        return;
    }

    /* this is the end of f */

    f->handler(f);
}


/* the configuration ends */

static void
ngx_http_gateway_fetcher_stop(void *data)
{
    ngx_http_gateway_fetcher_t *fetcher = data;

    ngx_queue_t                    *q;
    ngx_http_gateway_fetch_t       *f;
    ngx_http_gateway_fetch_link_t  *link;

    while (!ngx_queue_empty(&fetcher->fetches)) {
        q = ngx_queue_head(&fetcher->fetches);
        f = ngx_queue_data(q, ngx_http_gateway_fetch_t, queue);

        ngx_http_gateway_fetch_free(f);
    }

    while (!ngx_queue_empty(&fetcher->idle)) {
        q = ngx_queue_head(&fetcher->idle);
        link = ngx_queue_data(q, ngx_http_gateway_fetch_link_t, queue);

        ngx_http_gateway_fetch_idle_close(link);
    }
}
