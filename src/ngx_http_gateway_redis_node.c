
/*
 * Copyright (C) the ngx_gateway authors
 *
 * One Redis server: its connection, made again when it was lost, over which
 * commands are sent without waiting for answers; and whether it is down.
 *
 *   waiting --> out (bytes) --> sent --> answered, in the order of sending
 *
 * Handlers of operations may do everything but end the node itself: what they
 * send only joins "waiting", and a posted event writes it.
 */


#include "ngx_http_gateway_redis_private.h"


static void ngx_http_gateway_redis_node_flush(ngx_event_t *ev);
static ngx_int_t ngx_http_gateway_redis_node_open(
    ngx_http_gateway_redis_node_t *node);
static ngx_int_t ngx_http_gateway_redis_node_find(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_found(
    ngx_http_gateway_names_query_t *query);
static ngx_int_t ngx_http_gateway_redis_node_connect(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_connected(
    ngx_http_gateway_redis_node_t *node);
#if (NGX_SSL)
static void ngx_http_gateway_redis_node_handshake(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_handshake_handler(
    ngx_connection_t *c);
static ngx_int_t ngx_http_gateway_redis_node_verify(
    ngx_http_gateway_redis_node_t *node);
#endif
static void ngx_http_gateway_redis_node_greet(
    ngx_http_gateway_redis_node_t *node);
static ngx_int_t ngx_http_gateway_redis_node_greeting(
    ngx_http_gateway_redis_node_t *node, ngx_str_t *argv, ngx_uint_t argc);
static ngx_int_t ngx_http_gateway_redis_node_greeted(
    ngx_http_gateway_redis_node_t *node, ngx_http_gateway_redis_op_t *op,
    redisReply *reply);
static ngx_int_t ngx_http_gateway_redis_node_put(
    ngx_http_gateway_redis_node_t *node, ngx_http_gateway_redis_op_t *op);
static void ngx_http_gateway_redis_node_write(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_write_handler(ngx_event_t *wev);
static void ngx_http_gateway_redis_node_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_gateway_redis_node_answers(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_settle(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_arm(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_timer(ngx_event_t *ev);
static void ngx_http_gateway_redis_node_trial(ngx_event_t *ev);
static void ngx_http_gateway_redis_node_move(ngx_queue_t *to,
    ngx_queue_t *from);
static void ngx_http_gateway_redis_node_log(
    ngx_http_gateway_redis_node_t *node, const char *why);
static void ngx_http_gateway_redis_node_close(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_node_events(
    ngx_http_gateway_redis_node_t *node);


void
ngx_http_gateway_redis_node_add(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, ngx_uint_t first)
{
    ngx_http_gateway_redis_node_events(node);

    if (first) {
        ngx_queue_insert_head(&node->waiting, &op->queue);

    } else {
        ngx_queue_insert_tail(&node->waiting, &op->queue);
    }

    if (!node->flush.posted) {
        ngx_post_event(&node->flush, &ngx_posted_events);
    }
}


ngx_http_gateway_redis_op_t *
ngx_http_gateway_redis_node_ask(ngx_http_gateway_redis_node_t *node,
    ngx_str_t *argv, ngx_uint_t argc, ngx_http_gateway_redis_pt handler,
    void *data)
{
    ngx_http_gateway_redis_op_t       *op;
    ngx_http_gateway_redis_command_t   command;

    ngx_memzero(&command, sizeof(ngx_http_gateway_redis_command_t));

    command.argv = argv;
    command.argc = argc;

    op = ngx_http_gateway_redis_op(node->redis, &command);
    if (op == NULL) {
        return NULL;
    }

    op->handler = handler;
    op->data = data;

    node->redis->active++;

    ngx_http_gateway_redis_node_add(node, op, 0);

    return op;
}


/* queues and events, which do not exist while the configuration is read */

static void
ngx_http_gateway_redis_node_events(ngx_http_gateway_redis_node_t *node)
{
    if (node->inited) {
        return;
    }

    node->inited = 1;

    ngx_queue_init(&node->waiting);
    ngx_queue_init(&node->sent);

    node->flush.handler = ngx_http_gateway_redis_node_flush;
    node->flush.data = node;
    node->flush.log = ngx_cycle->log;

    node->timer.handler = ngx_http_gateway_redis_node_timer;
    node->timer.data = node;
    node->timer.log = ngx_cycle->log;

    node->trial.handler = ngx_http_gateway_redis_node_trial;
    node->trial.data = node;
    node->trial.log = ngx_cycle->log;
    node->trial.cancelable = 1;
}


static void
ngx_http_gateway_redis_node_flush(ngx_event_t *ev)
{
    ngx_http_gateway_redis_node_t  *node;

    node = ev->data;

    switch (node->state) {

    case NGX_HTTP_GATEWAY_REDIS_CLOSED:

        if (ngx_http_gateway_redis_node_open(node) != NGX_OK) {
            ngx_http_gateway_redis_node_fail(node, "cannot be connected to",
                                             0);
        }

        break;

    case NGX_HTTP_GATEWAY_REDIS_READY:
        ngx_http_gateway_redis_node_write(node);
        break;

    default:
        /* it goes on when the connection is ready */
        break;
    }

    ngx_http_gateway_redis_node_arm(node);
}


static ngx_int_t
ngx_http_gateway_redis_node_open(ngx_http_gateway_redis_node_t *node)
{
    ngx_int_t  rc;

    if (node->timer.timer_set) {
        ngx_del_timer(&node->timer);
    }

    ngx_add_timer(&node->timer, (ngx_msec_t) node->redis->conf.timeout);

    /* a socket has its address already */

    if (node->port == 0 && node->kind != NGX_HTTP_GATEWAY_REDIS_MASTER) {
        return ngx_http_gateway_redis_node_connect(node);
    }

    node->state = NGX_HTTP_GATEWAY_REDIS_RESOLVING;

    if (node->kind == NGX_HTTP_GATEWAY_REDIS_MASTER) {
        rc = ngx_http_gateway_redis_sentinel_find(node);
        return rc == NGX_AGAIN ? NGX_OK : rc;
    }

    return ngx_http_gateway_redis_node_find(node);
}


void
ngx_http_gateway_redis_node_locate(ngx_http_gateway_redis_node_t *node)
{
    if (ngx_http_gateway_redis_node_find(node) != NGX_OK) {
        ngx_http_gateway_redis_node_fail(node, "cannot be connected to", 0);
    }
}


static ngx_int_t
ngx_http_gateway_redis_node_find(ngx_http_gateway_redis_node_t *node)
{
    ngx_int_t  rc;

    node->query.host = node->host;
    node->query.port = node->port;
    node->query.timeout = (ngx_msec_t) node->redis->conf.timeout;
    node->query.log = ngx_cycle->log;
    node->query.handler = ngx_http_gateway_redis_node_found;
    node->query.data = node;

    rc = ngx_http_gateway_names_find(node->redis->names, &node->query);

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_redis_node_connect(node);
    }

    return rc;
}


static void
ngx_http_gateway_redis_node_found(ngx_http_gateway_names_query_t *query)
{
    ngx_http_gateway_redis_node_t  *node;

    node = query->data;

    if (query->error || query->naddrs == 0) {
        ngx_http_gateway_redis_node_fail(node, "cannot be looked up", 0);
        return;
    }

    if (ngx_http_gateway_redis_node_connect(node) != NGX_OK) {
        ngx_http_gateway_redis_node_fail(node, "cannot be connected to", 0);
    }
}


static ngx_int_t
ngx_http_gateway_redis_node_connect(ngx_http_gateway_redis_node_t *node)
{
    ngx_int_t                       rc;
    ngx_connection_t               *c;
    ngx_peer_connection_t           pc;
    ngx_http_gateway_names_addr_t  *addr;

    /* those that fail take turns */

    addr = &node->query.addrs[node->failures % node->query.naddrs];

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = &addr->sockaddr.sockaddr;
    pc.socklen = addr->socklen;
    pc.name = &node->name;
    pc.get = ngx_event_get_peer;
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

    c->data = node;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->pool->log = c->log;
    c->read->handler = ngx_http_gateway_redis_node_read_handler;
    c->write->handler = ngx_http_gateway_redis_node_write_handler;

    node->connection = c;
    node->state = NGX_HTTP_GATEWAY_REDIS_CONNECTING;

    if (pc.sockaddr->sa_family != AF_UNIX && ngx_tcp_nodelay(c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ngx_http_gateway_redis_node_connected(node);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_redis_node_connected(ngx_http_gateway_redis_node_t *node)
{
#if (NGX_SSL)

    if (node->redis->ssl) {
        ngx_http_gateway_redis_node_handshake(node);
        return;
    }

#endif

    ngx_http_gateway_redis_node_greet(node);
}


#if (NGX_SSL)

static void
ngx_http_gateway_redis_node_handshake(ngx_http_gateway_redis_node_t *node)
{
    ngx_str_t         *name;
    ngx_connection_t  *c;
    u_char             text[256];

    c = node->connection;

    if (ngx_ssl_create_connection(node->redis->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_http_gateway_redis_node_fail(node, "has no TLS connection", 0);
        return;
    }

#ifdef SSL_CTRL_SET_TLSEXT_HOSTNAME

    /* addresses are no names for SNI, RFC 6066 3 */

    name = node->redis->conf.server_name.len ? &node->redis->conf.server_name
                                             : &node->host;

    if (name->len < sizeof(text)
        && ngx_inet_addr(name->data, name->len) == INADDR_NONE
        && ngx_strlchr(name->data, name->data + name->len, ':') == NULL)
    {
        (void) ngx_cpystrn(text, name->data, name->len + 1);

        if (SSL_set_tlsext_host_name(c->ssl->connection, (char *) text) == 0) {
            ngx_http_gateway_redis_node_fail(node, "has no TLS connection",
                                             0);
            return;
        }
    }

#endif

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_http_gateway_redis_node_handshake_handler;
        return;
    }

    ngx_http_gateway_redis_node_handshake_handler(c);
}


static void
ngx_http_gateway_redis_node_handshake_handler(ngx_connection_t *c)
{
    ngx_http_gateway_redis_node_t  *node;

    node = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_gateway_redis_node_fail(node, "refused TLS", 0);
        return;
    }

    if (node->redis->conf.ssl_verify
        && ngx_http_gateway_redis_node_verify(node) != NGX_OK)
    {
        ngx_http_gateway_redis_node_fail(node,
                              "has a certificate that is not to be trusted",
                              0);
        return;
    }

    c->read->handler = ngx_http_gateway_redis_node_read_handler;
    c->write->handler = ngx_http_gateway_redis_node_write_handler;

    ngx_http_gateway_redis_node_greet(node);
}


static ngx_int_t
ngx_http_gateway_redis_node_verify(ngx_http_gateway_redis_node_t *node)
{
    X509              *cert;
    ngx_int_t          rc;
    ngx_str_t         *name;
    ngx_connection_t  *c;
    u_char             text[64];

    c = node->connection;

    if (SSL_get_verify_result(c->ssl->connection) != X509_V_OK) {
        return NGX_ERROR;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    name = node->redis->conf.server_name.len ? &node->redis->conf.server_name
                                             : &node->host;

    /* nginx's own check knows names only */

    rc = ngx_ssl_check_host(c, name);

    if (rc != NGX_OK && name->len < sizeof(text)) {
        (void) ngx_cpystrn(text, name->data, name->len + 1);

        if (X509_check_ip_asc(cert, (char *) text, 0) == 1) {
            rc = NGX_OK;
        }
    }

    X509_free(cert);

    return rc;
}

#endif


/* what a new connection begins with; commands follow when all is answered */

static void
ngx_http_gateway_redis_node_greet(ngx_http_gateway_redis_node_t *node)
{
    u_char                          number[NGX_INT_T_LEN];
    ngx_queue_t                    *q;
    ngx_str_t                       argv[3], *username, *password;
    ngx_uint_t                      n;
    ngx_http_gateway_redis_op_t    *op;
    ngx_http_gateway_redis_conf_t  *conf;

    conf = &node->redis->conf;

    node->state = NGX_HTTP_GATEWAY_REDIS_GREETING;

    node->reader = redisReaderCreate();
    if (node->reader == NULL) {
        goto failed;
    }

    username = &conf->username;
    password = &conf->password;

    if (node->kind == NGX_HTTP_GATEWAY_REDIS_SENTINEL) {
        username = &conf->sentinel_username;
        password = &conf->sentinel_password;
    }

    if (password->len) {

        n = 0;
        ngx_str_set(&argv[n], "AUTH");
        n++;

        if (username->len) {
            argv[n++] = *username;
        }

        argv[n++] = *password;

        if (ngx_http_gateway_redis_node_greeting(node, argv, n) != NGX_OK) {
            goto failed;
        }
    }

    if (conf->database && node->kind != NGX_HTTP_GATEWAY_REDIS_SENTINEL) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1].data = number;
        argv[1].len = ngx_sprintf(number, "%i", conf->database) - number;

        if (ngx_http_gateway_redis_node_greeting(node, argv, 2) != NGX_OK) {
            goto failed;
        }
    }

    /* a master that was put down may not know it yet, but says it later */

    if (node->kind == NGX_HTTP_GATEWAY_REDIS_MASTER) {
        ngx_str_set(&argv[0], "ROLE");

    } else {
        ngx_str_set(&argv[0], "PING");
    }

    if (ngx_http_gateway_redis_node_greeting(node, argv, 1) != NGX_OK) {
        goto failed;
    }

    if (node->kind == NGX_HTTP_GATEWAY_REDIS_MASTER) {
        q = ngx_queue_last(&node->sent);
        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);
        op->role = 1;
    }

    ngx_http_gateway_redis_node_write(node);

    return;

failed:

    ngx_http_gateway_redis_node_fail(node, "cannot be greeted", 0);
}


static ngx_int_t
ngx_http_gateway_redis_node_greeting(ngx_http_gateway_redis_node_t *node,
    ngx_str_t *argv, ngx_uint_t argc)
{
    ngx_http_gateway_redis_op_t       *op;
    ngx_http_gateway_redis_command_t   command;

    ngx_memzero(&command, sizeof(ngx_http_gateway_redis_command_t));

    command.argv = argv;
    command.argc = argc;

    op = ngx_http_gateway_redis_op(node->redis, &command);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->greeting = 1;

    ngx_queue_insert_tail(&node->sent, &op->queue);
    node->greetings++;

    return ngx_http_gateway_redis_node_put(node, op);
}


static ngx_int_t
ngx_http_gateway_redis_node_greeted(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, redisReply *reply)
{
    ngx_str_t  text;

    if (reply->type == REDIS_REPLY_ERROR) {

        if (!node->down && node->logged != ngx_time()) {
            node->logged = ngx_time();

            text.data = (u_char *) reply->str;
            text.len = ngx_min(reply->len, 200);

            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "redis: \"%V\" does not let us in: \"%V\"",
                          &node->name, &text);
        }

        return NGX_ERROR;
    }

    if (op->role
        && (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
            || reply->element[0]->type != REDIS_REPLY_STRING
            || ngx_strcmp(reply->element[0]->str, "master") != 0))
    {
        return NGX_ERROR;
    }

    if (--node->greetings) {
        return NGX_OK;
    }

    node->state = NGX_HTTP_GATEWAY_REDIS_READY;
    node->failures = 0;

    ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_OPENED, 1);
    ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_CONNECTED, 1);

    if (node->down) {
        ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_DOWN, -1);

        node->down = 0;
        node->backoff = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "redis: \"%V\" is back", &node->name);
    }

    if (node->timer.timer_set) {
        ngx_del_timer(&node->timer);
    }

    if (!ngx_queue_empty(&node->waiting) && !node->flush.posted) {
        ngx_post_event(&node->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


/* appends the bytes of a command to those to be sent */

static ngx_int_t
ngx_http_gateway_redis_node_put(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op)
{
    size_t   size, len;
    u_char  *out;

    static const char  asking[] = "*1\r\n$6\r\nASKING\r\n";

    len = op->len + (op->asking ? sizeof(asking) - 1 : 0);

    if (node->out_size - node->out_len < len) {

        size = ngx_max(2 * node->out_size, 4096);
        size = ngx_max(size, node->out_len + len);

        out = ngx_alloc(size, ngx_cycle->log);
        if (out == NULL) {
            return NGX_ERROR;
        }

        if (node->out) {
            ngx_memcpy(out, node->out, node->out_len);
            ngx_free(node->out);
        }

        node->out = out;
        node->out_size = size;
    }

    out = node->out + node->out_len;

    if (op->asking) {
        out = ngx_cpymem(out, asking, sizeof(asking) - 1);
    }

    ngx_memcpy(out, op->command, op->len);
    node->out_len += len;

    op->sent = 1;

    return NGX_OK;
}


static void
ngx_http_gateway_redis_node_write(ngx_http_gateway_redis_node_t *node)
{
    ssize_t                       n;
    ngx_queue_t                  *q;
    ngx_connection_t             *c;
    ngx_http_gateway_redis_op_t  *op;

    c = node->connection;

    c->idle = 0;

    for ( ;; ) {

        while (node->state == NGX_HTTP_GATEWAY_REDIS_READY
               && !ngx_queue_empty(&node->waiting)
               && node->out_len < NGX_HTTP_GATEWAY_REDIS_BUFFER)
        {
            q = ngx_queue_head(&node->waiting);
            op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

            if (ngx_http_gateway_redis_node_put(node, op) != NGX_OK) {
                ngx_http_gateway_redis_node_fail(node, "cannot be written to",
                                                 0);
                return;
            }

            ngx_queue_remove(q);
            ngx_queue_insert_tail(&node->sent, q);

            ngx_http_gateway_redis_departed(node, op);
        }

        if (node->out_sent == node->out_len) {
            node->out_len = 0;
            node->out_sent = 0;
            break;
        }

        n = c->send(c, node->out + node->out_sent,
                    node->out_len - node->out_sent);

        if (n > 0) {
            node->out_sent += n;
            continue;
        }

        if (n == NGX_ERROR) {
            ngx_http_gateway_redis_node_fail(node, "cannot be written to", 0);
            return;
        }

        if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
            ngx_http_gateway_redis_node_fail(node, "cannot be written to", 0);
        }

        return;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_gateway_redis_node_fail(node, "cannot be read from", 0);
    }
}


static void
ngx_http_gateway_redis_node_write_handler(ngx_event_t *wev)
{
    int                             err;
    socklen_t                       len;
    ngx_connection_t               *c;
    ngx_http_gateway_redis_node_t  *node;

    c = wev->data;
    node = c->data;

    if (node->state != NGX_HTTP_GATEWAY_REDIS_CONNECTING) {

        if (node->out_len
            || (node->state == NGX_HTTP_GATEWAY_REDIS_READY
                && !ngx_queue_empty(&node->waiting)))
        {
            ngx_http_gateway_redis_node_write(node);
            ngx_http_gateway_redis_node_arm(node);
        }

        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        node->err = err;
        ngx_http_gateway_redis_node_fail(node, "cannot be connected to", 0);
        return;
    }

    ngx_http_gateway_redis_node_connected(node);
}


static void
ngx_http_gateway_redis_node_read_handler(ngx_event_t *rev)
{
    ssize_t                         n;
    ngx_connection_t               *c;
    ngx_http_gateway_redis_node_t  *node;
    u_char                          buf[16384];

    c = rev->data;
    node = c->data;

    if (c->close) {

        /* idle, and the worker exits or lacks connections */

        ngx_http_gateway_redis_node_close(node);
        return;
    }

    if (node->state != NGX_HTTP_GATEWAY_REDIS_GREETING
        && node->state != NGX_HTTP_GATEWAY_REDIS_READY)
    {
        return;
    }

    for ( ;; ) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {

            if (ngx_queue_empty(&node->sent)
                && node->state == NGX_HTTP_GATEWAY_REDIS_READY)
            {
                /* nobody waits for an answer */

                ngx_http_gateway_redis_node_close(node);

                if (!ngx_queue_empty(&node->waiting) && !node->flush.posted) {
                    ngx_post_event(&node->flush, &ngx_posted_events);
                }

                return;
            }

            ngx_http_gateway_redis_node_fail(node, "closed the connection",
                                             0);
            return;
        }

        if (redisReaderFeed(node->reader, (char *) buf, n) != REDIS_OK
            || ngx_http_gateway_redis_node_answers(node) != NGX_OK)
        {
            ngx_http_gateway_redis_node_fail(node, "does not speak RESP", 0);
            return;
        }

        if (node->connection != c) {
            /* a greeting was refused */
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_gateway_redis_node_fail(node, "cannot be read from", 0);
        return;
    }

    ngx_http_gateway_redis_node_settle(node);
}


/* gives what was read to those who wait for it */

static ngx_int_t
ngx_http_gateway_redis_node_answers(ngx_http_gateway_redis_node_t *node)
{
    void                         *answer;
    redisReply                   *reply;
    ngx_int_t                     rc;
    ngx_queue_t                  *q;
    ngx_http_gateway_redis_op_t  *op;

    for ( ;; ) {

        answer = NULL;

        if (redisReaderGetReply(node->reader, &answer) != REDIS_OK) {
            return NGX_ERROR;
        }

        reply = answer;

        if (reply == NULL) {
            return node->reader->len > NGX_HTTP_GATEWAY_REDIS_ANSWER
                   ? NGX_ERROR : NGX_OK;
        }

        if (ngx_queue_empty(&node->sent)) {
            freeReplyObject(reply);
            return NGX_ERROR;
        }

        q = ngx_queue_head(&node->sent);
        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

        if (op->greeting) {
            rc = ngx_http_gateway_redis_node_greeted(node, op, reply);
            ngx_http_gateway_redis_end(op, NULL);
            freeReplyObject(reply);

            if (rc != NGX_OK) {
                ngx_http_gateway_redis_node_fail(node, "refused a greeting",
                                                 0);
                return NGX_OK;
            }

            continue;
        }

        if (op->asking) {
            /* "OK" to that */
            op->asking = 0;

        } else {
            ngx_http_gateway_redis_answer(node, op, reply);
        }

        freeReplyObject(reply);
    }
}


/* after answers: the connection is idle, or the next command is watched */

static void
ngx_http_gateway_redis_node_settle(ngx_http_gateway_redis_node_t *node)
{
    if (node->stale) {
        ngx_http_gateway_redis_node_fail(node, "is no master any more", 0);
        return;
    }

    ngx_http_gateway_redis_node_arm(node);

    if (node->state != NGX_HTTP_GATEWAY_REDIS_READY
        || !ngx_queue_empty(&node->sent) || !ngx_queue_empty(&node->waiting))
    {
        return;
    }

    if (ngx_exiting) {
        ngx_http_gateway_redis_node_close(node);
        return;
    }

    node->connection->idle = 1;
}


/* the timer: the oldest command's, all have the same time */

static void
ngx_http_gateway_redis_node_arm(ngx_http_gateway_redis_node_t *node)
{
    ngx_msec_int_t                left;
    ngx_queue_t                  *q;
    ngx_http_gateway_redis_op_t  *op;

    if (node->state != NGX_HTTP_GATEWAY_REDIS_READY) {
        return;
    }

    if (!ngx_queue_empty(&node->sent)) {
        q = ngx_queue_head(&node->sent);

    } else if (!ngx_queue_empty(&node->waiting)) {
        q = ngx_queue_head(&node->waiting);

    } else {
        if (node->timer.timer_set) {
            ngx_del_timer(&node->timer);
        }

        return;
    }

    /* one that is set is of an older command: it looks again */

    if (!node->timer.timer_set) {
        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

        left = (ngx_msec_int_t) (op->deadline - ngx_current_msec);

        ngx_add_timer(&node->timer, (ngx_msec_t) ngx_max(left, 1));
    }
}


static void
ngx_http_gateway_redis_node_timer(ngx_event_t *ev)
{
    const char                     *why;
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_op_t    *op;
    ngx_http_gateway_redis_node_t  *node;

    node = ev->data;

    if (node->state == NGX_HTTP_GATEWAY_REDIS_READY) {

        if (!ngx_queue_empty(&node->sent)) {
            q = ngx_queue_head(&node->sent);

        } else if (!ngx_queue_empty(&node->waiting)) {
            q = ngx_queue_head(&node->waiting);

        } else {
            return;
        }

        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

        if ((ngx_msec_int_t) (op->deadline - ngx_current_msec) > 0) {
            ngx_http_gateway_redis_node_arm(node);
            return;
        }
    }

    switch (node->state) {

    case NGX_HTTP_GATEWAY_REDIS_RESOLVING:
        why = "cannot be looked up in time";
        break;

    case NGX_HTTP_GATEWAY_REDIS_CONNECTING:
        why = "cannot be connected to in time";
        break;

    default:
        why = "does not answer in time";
    }

    ngx_http_gateway_redis_node_fail(node, why, 1);
}


/* one that is down is tried without any command of a request */

static void
ngx_http_gateway_redis_node_trial(ngx_event_t *ev)
{
    ngx_http_gateway_redis_node_t  *node;

    node = ev->data;

    if (node->state != NGX_HTTP_GATEWAY_REDIS_CLOSED || ngx_exiting) {
        return;
    }

    if (ngx_http_gateway_redis_node_open(node) != NGX_OK) {
        ngx_http_gateway_redis_node_fail(node, "cannot be connected to", 0);
    }
}


/*
 * The connection is lost or was not made.  Of the commands those whose fate
 * is not known are sent once more, unless the server is late.
 */

void
ngx_http_gateway_redis_node_fail(ngx_http_gateway_redis_node_t *node,
    const char *why, ngx_uint_t late)
{
    ngx_uint_t                    ready;
    ngx_queue_t                   failed, *q;
    ngx_http_gateway_redis_op_t  *op;

    ready = (node->state == NGX_HTTP_GATEWAY_REDIS_READY);

    ngx_http_gateway_redis_node_close(node);

    node->failures++;

    ngx_http_gateway_redis_count(node, late ? NGX_HTTP_GATEWAY_REDIS_TIMEOUTS
                                            : NGX_HTTP_GATEWAY_REDIS_BROKEN,
                                 1);

    ngx_http_gateway_redis_node_log(node, why);

    ngx_queue_init(&failed);

    if (ready && !late) {

        while (!ngx_queue_empty(&node->sent)) {
            q = ngx_queue_last(&node->sent);
            op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

            ngx_queue_remove(q);

            ngx_http_gateway_redis_landed(op, 0);

            if (op->repeated) {
                ngx_queue_insert_head(&failed, q);
                continue;
            }

            op->repeated = 1;
            ngx_queue_insert_head(&node->waiting, q);
        }

    } else {
        ngx_http_gateway_redis_node_move(&failed, &node->sent);
        ngx_http_gateway_redis_node_move(&failed, &node->waiting);
    }

    if (late || node->failures >= NGX_HTTP_GATEWAY_REDIS_FAILURES) {

        if (!node->down) {
            ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_DOWN,
                                         1);

            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "redis: \"%V\" is down", &node->name);
        }

        node->down = 1;
        node->backoff = node->backoff
                        ? ngx_min(2 * node->backoff,
                                  NGX_HTTP_GATEWAY_REDIS_BACKOFFS)
                        : NGX_HTTP_GATEWAY_REDIS_BACKOFF;

        if (!ngx_exiting && !node->trial.timer_set) {
            ngx_add_timer(&node->trial, node->backoff);
        }
    }

    /* another one may have its slots soon */

    if (node->redis->node == NULL) {
        ngx_http_gateway_redis_cluster_stale(node->redis);
    }

    if (!ngx_queue_empty(&node->waiting) && !node->flush.posted) {
        ngx_post_event(&node->flush, &ngx_posted_events);
    }

    while (!ngx_queue_empty(&failed)) {
        q = ngx_queue_head(&failed);
        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

        ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_FAILED, 1);
        ngx_http_gateway_redis_end(op, NULL);
    }
}


/* once a second, with what the system or the name servers said */

static void
ngx_http_gateway_redis_node_log(ngx_http_gateway_redis_node_t *node,
    const char *why)
{
    ngx_err_t    err;
    const char  *error;

    err = node->err;
    error = node->query.error;

    node->err = 0;
    node->query.error = NULL;

    if (node->down || node->logged == ngx_time()) {
        return;
    }

    node->logged = ngx_time();

    if (error) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "redis: \"%V\" cannot be looked up: %s",
                      &node->name, error);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err, "redis: \"%V\" %s",
                  &node->name, why);
}


/* what is in one queue goes to the end of another */

static void
ngx_http_gateway_redis_node_move(ngx_queue_t *to, ngx_queue_t *from)
{
    if (!ngx_queue_empty(from)) {
        ngx_queue_add(to, from);
        ngx_queue_init(from);
    }
}


static void
ngx_http_gateway_redis_node_close(ngx_http_gateway_redis_node_t *node)
{
    ngx_pool_t        *pool;
    ngx_queue_t       *q, *next;
    ngx_connection_t  *c;

    ngx_http_gateway_redis_op_t  *op;

    ngx_http_gateway_names_end(&node->query);

    if (node->question) {
        ngx_http_gateway_redis_forget(node->question);
        node->question = NULL;
    }

    node->stale = 0;

    if (node->timer.timer_set) {
        ngx_del_timer(&node->timer);
    }

    for (q = ngx_queue_head(&node->sent);
         q != ngx_queue_sentinel(&node->sent);
         q = next)
    {
        next = ngx_queue_next(q);
        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

        if (op->greeting) {
            ngx_http_gateway_redis_end(op, NULL);
        }
    }

    if (node->reader) {
        redisReaderFree(node->reader);
        node->reader = NULL;
    }

    if (node->state == NGX_HTTP_GATEWAY_REDIS_READY) {
        ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_CONNECTED,
                                     -1);
    }

    node->state = NGX_HTTP_GATEWAY_REDIS_CLOSED;
    node->greetings = 0;
    node->out_len = 0;
    node->out_sent = 0;

    if (node->out_size > 16 * 4096) {
        ngx_free(node->out);
        node->out = NULL;
        node->out_size = 0;
    }

    c = node->connection;

    if (c == NULL) {
        return;
    }

    node->connection = NULL;

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


void
ngx_http_gateway_redis_node_stop(ngx_http_gateway_redis_node_t *node)
{
    ngx_queue_t                  *q;
    ngx_http_gateway_redis_op_t  *op;

    if (!node->inited) {
        return;
    }

    ngx_http_gateway_redis_node_close(node);

    ngx_http_gateway_redis_node_move(&node->sent, &node->waiting);

    while (!ngx_queue_empty(&node->sent)) {
        q = ngx_queue_head(&node->sent);
        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

        op->handler = NULL;
        ngx_http_gateway_redis_end(op, NULL);
    }

    if (node->trial.timer_set) {
        ngx_del_timer(&node->trial);
    }

    if (node->flush.posted) {
        ngx_delete_posted_event(&node->flush);
    }

    if (node->out) {
        ngx_free(node->out);
        node->out = NULL;
        node->out_size = 0;
    }

    node->inited = 0;
}


ngx_http_gateway_redis_node_t *
ngx_http_gateway_redis_node(ngx_http_gateway_redis_t *redis,
    ngx_pool_t *pool, ngx_str_t *host, in_port_t port)
{
    u_char                         *p;
    ngx_url_t                       url;
    ngx_http_gateway_redis_node_t  *node;

    node = ngx_pcalloc(pool, sizeof(ngx_http_gateway_redis_node_t)
                             + 2 * host->len + sizeof("[]:65535"));
    if (node == NULL) {
        return NULL;
    }

    node->redis = redis;

    p = (u_char *) node + sizeof(ngx_http_gateway_redis_node_t);

    node->host.data = p;
    node->host.len = host->len;

    p = ngx_cpymem(p, host->data, host->len);

    if (host->len > 5 && ngx_strncmp(host->data, "unix:", 5) == 0) {

        node->name = node->host;

        ngx_memzero(&url, sizeof(ngx_url_t));
        url.url = node->host;

        if (ngx_parse_url(pool, &url) != NGX_OK || url.naddrs == 0) {
            return NULL;
        }

        ngx_memcpy(&node->query.addrs[0].sockaddr, url.addrs[0].sockaddr,
                   url.addrs[0].socklen);
        node->query.addrs[0].socklen = url.addrs[0].socklen;
        node->query.naddrs = 1;

        return node;
    }

    if (host->len > 2 && host->data[0] == '['
        && host->data[host->len - 1] == ']')
    {
        node->host.data++;
        node->host.len -= 2;
    }

    /* port 0: the name of a master, which sentinels look up */

    if (port && ngx_http_gateway_redis_has_port(&node->host)) {
        return NULL;
    }

    node->port = port;

    node->name.data = p;
    node->name.len = ngx_sprintf(p, ngx_strlchr(node->host.data,
                                                node->host.data
                                                + node->host.len, ':')
                                    ? "[%V]:%d" : "%V:%d",
                                 &node->host, (int) port)
                     - p;

    return node;
}
