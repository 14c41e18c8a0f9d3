
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Binds in threads.  A bind and its connection belong to the thread from the
 * moment the task is posted until its event comes back; all else belongs to
 * the event loop, so there are no locks.
 *
 * The timeout is for all of it, the wait for a thread included: threads are
 * not held by requests that have long been given up.  libldap has no such
 * thing (with LDAP_OPT_NETWORK_TIMEOUT it even spins while it waits for a TLS
 * server), so a layer of ours below TLS waits for the socket, until then.
 */


#include "ngx_http_gateway_ldap_bind.h"

#include <ldap.h>
#include <lber_types.h>
#include <poll.h>


/*
 * Binds in threads at a time, and connections kept, per server and worker.
 * That is half of the threads that nginx has by default: a server that hangs
 * leaves the others to who else needs them.
 */
#define NGX_HTTP_GATEWAY_LDAP_ACTIVE  16

#define NGX_HTTP_GATEWAY_LDAP_TEXT  256

/* of a layer of a connection: between sockets and TLS */
#define NGX_HTTP_GATEWAY_LDAP_LEVEL                                           \
    ((LBER_SBIOD_LEVEL_PROVIDER + LBER_SBIOD_LEVEL_TRANSPORT) / 2)


typedef struct {
    ngx_queue_t                      queue;     /* of idle ones */
    ngx_msec_t                       since;     /* idle */
    LDAP                            *ld;
    struct ldap_conncb               connect;
    struct timespec                  deadline;  /* of reads and writes */
} ngx_http_gateway_ldap_connection_t;


struct ngx_http_gateway_ldap_bind_s {
    ngx_thread_task_t                task;
    ngx_queue_t                      queue;     /* of those that wait */
    ngx_http_gateway_ldap_server_t  *server;
    ngx_http_gateway_ldap_bind_pt    handler;   /* NULL: detached */
    void                            *data;

    ngx_http_gateway_ldap_connection_t  *connection;
    char                            *dn;
    struct berval                    password;
    struct timespec                  deadline;

    ngx_http_gateway_ldap_outcome_e  outcome;
    int                              code;      /* of LDAP */
    u_char                           text[NGX_HTTP_GATEWAY_LDAP_TEXT];
    unsigned                         waiting:1;
};


/* in threads */
static void ngx_http_gateway_ldap_thread(void *data, ngx_log_t *log);
static int ngx_http_gateway_ldap_connect(ngx_http_gateway_ldap_bind_t *bind);
static int ngx_http_gateway_ldap_options(ngx_http_gateway_ldap_bind_t *bind,
    int remaining);
static int ngx_http_gateway_ldap_connected(LDAP *ld, Sockbuf *sb,
    LDAPURLDesc *srv, struct sockaddr *addr, struct ldap_conncb *ctx);
static void ngx_http_gateway_ldap_disconnected(LDAP *ld, Sockbuf *sb,
    struct ldap_conncb *ctx);
static int ngx_http_gateway_ldap_ask(ngx_http_gateway_ldap_bind_t *bind);
static void ngx_http_gateway_ldap_close(
    ngx_http_gateway_ldap_connection_t *lc);
static int ngx_http_gateway_ldap_remaining(struct timespec *deadline);
static struct timeval ngx_http_gateway_ldap_timeval(int ms);

/* the layer of their connections */
static int ngx_http_gateway_ldap_layer_setup(Sockbuf_IO_Desc *io, void *data);
static int ngx_http_gateway_ldap_layer_remove(Sockbuf_IO_Desc *io);
static int ngx_http_gateway_ldap_layer_control(Sockbuf_IO_Desc *io, int opt,
    void *data);
static ber_slen_t ngx_http_gateway_ldap_layer_read(Sockbuf_IO_Desc *io,
    void *buf, ber_len_t len);
static ber_slen_t ngx_http_gateway_ldap_layer_write(Sockbuf_IO_Desc *io,
    void *buf, ber_len_t len);
static int ngx_http_gateway_ldap_layer_wait(Sockbuf_IO_Desc *io,
    short events);

/* in the event loop */
static size_t ngx_http_gateway_ldap_escape(u_char *dst, ngx_str_t *src);
static ngx_int_t ngx_http_gateway_ldap_post(
    ngx_http_gateway_ldap_bind_t *bind);
static void ngx_http_gateway_ldap_free(ngx_http_gateway_ldap_bind_t *bind);
static void ngx_http_gateway_ldap_done(ngx_event_t *ev);
static void ngx_http_gateway_ldap_next(
    ngx_http_gateway_ldap_server_t *server);
static void ngx_http_gateway_ldap_finish(ngx_http_gateway_ldap_bind_t *bind);
static void ngx_http_gateway_ldap_report(ngx_http_gateway_ldap_bind_t *bind);
static void ngx_http_gateway_ldap_keep(ngx_http_gateway_ldap_server_t *server,
    ngx_http_gateway_ldap_connection_t *lc);
static ngx_http_gateway_ldap_connection_t *ngx_http_gateway_ldap_take(
    ngx_http_gateway_ldap_server_t *server);
static void ngx_http_gateway_ldap_expire(ngx_event_t *ev);
static void ngx_http_gateway_ldap_cleanup(void *data);
static void ngx_http_gateway_ldap_tls_cleanup(void *data);


static Sockbuf_IO  ngx_http_gateway_ldap_layer = {
    ngx_http_gateway_ldap_layer_setup,
    ngx_http_gateway_ldap_layer_remove,
    ngx_http_gateway_ldap_layer_control,
    ngx_http_gateway_ldap_layer_read,
    ngx_http_gateway_ldap_layer_write,
    NULL                                   /* close */
};


ngx_http_gateway_ldap_bind_t *
ngx_http_gateway_ldap_bind(ngx_http_gateway_ldap_server_t *server,
    ngx_str_t *attribute, ngx_str_t *username, ngx_str_t *base_dn,
    ngx_str_t *password, ngx_http_gateway_ldap_bind_pt handler, void *data)
{
    size_t                         dn;
    u_char                        *p;
    ngx_http_gateway_ldap_bind_t  *bind;

    /* with an empty one it would be an unauthenticated bind, RFC 4513 5.1.2,
       which many servers grant */

    if (password->len == 0) {
        return NULL;
    }

    dn = attribute->len + sizeof("=,") + base_dn->len
         + ngx_http_gateway_ldap_escape(NULL, username);

    bind = ngx_calloc(sizeof(ngx_http_gateway_ldap_bind_t) + dn
                      + password->len, ngx_cycle->log);
    if (bind == NULL) {
        return NULL;
    }

    p = (u_char *) (bind + 1);
    bind->dn = (char *) p;

    p = ngx_cpymem(p, attribute->data, attribute->len);
    *p++ = '=';
    p += ngx_http_gateway_ldap_escape(p, username);
    *p++ = ',';
    p = ngx_cpymem(p, base_dn->data, base_dn->len);
    *p++ = '\0';

    bind->password.bv_val = (char *) p;
    bind->password.bv_len = password->len;
    ngx_memcpy(p, password->data, password->len);

    bind->server = server;
    bind->handler = handler;
    bind->data = data;

    (void) clock_gettime(CLOCK_MONOTONIC, &bind->deadline);

    bind->deadline.tv_sec += server->timeout / 1000;
    bind->deadline.tv_nsec += (server->timeout % 1000) * 1000000;

    if (bind->deadline.tv_nsec >= 1000000000) {
        bind->deadline.tv_nsec -= 1000000000;
        bind->deadline.tv_sec++;
    }

    bind->task.handler = ngx_http_gateway_ldap_thread;
    bind->task.ctx = bind;
    bind->task.event.handler = ngx_http_gateway_ldap_done;
    bind->task.event.data = bind;
    bind->task.event.log = ngx_cycle->log;

    if (server->active >= NGX_HTTP_GATEWAY_LDAP_ACTIVE) {
        ngx_queue_insert_tail(&server->waiting, &bind->queue);
        bind->waiting = 1;

    } else if (ngx_http_gateway_ldap_post(bind) != NGX_OK) {
        ngx_http_gateway_ldap_free(bind);
        return NULL;
    }

    return bind;
}


void
ngx_http_gateway_ldap_detach(ngx_http_gateway_ldap_bind_t *bind)
{
    if (bind->waiting) {
        ngx_queue_remove(&bind->queue);
        ngx_http_gateway_ldap_free(bind);
        return;
    }

    bind->handler = NULL;
}


static ngx_int_t
ngx_http_gateway_ldap_post(ngx_http_gateway_ldap_bind_t *bind)
{
    ngx_http_gateway_ldap_server_t  *server;

    server = bind->server;

    bind->connection = ngx_http_gateway_ldap_take(server);

    if (ngx_thread_task_post(server->threads, &bind->task) != NGX_OK) {

        if (bind->connection) {
            ngx_http_gateway_ldap_keep(server, bind->connection);
        }

        return NGX_ERROR;
    }

    server->active++;

    return NGX_OK;
}


static void
ngx_http_gateway_ldap_free(ngx_http_gateway_ldap_bind_t *bind)
{
    ngx_explicit_memzero(bind->password.bv_val, bind->password.bv_len);
    ngx_free(bind);
}


/*
 * The value of an attribute in a DN, RFC 4514 2.4; more is escaped than has
 * to be.  Returns the length; dst NULL: does nothing else.
 */

static size_t
ngx_http_gateway_ldap_escape(u_char *dst, ngx_str_t *src)
{
    u_char      ch;
    size_t      i, len;
    ngx_uint_t  escape;

    static u_char  hex[] = "0123456789ABCDEF";

    len = 0;

    for (i = 0; i < src->len; i++) {
        ch = src->data[i];

        switch (ch) {

        case '"':
        case '+':
        case ',':
        case ';':
        case '<':
        case '=':
        case '>':
        case '\\':
            escape = 1;
            break;

        case ' ':
        case '#':
            /* matter at the ends only */
            escape = (i == 0 || i == src->len - 1);
            break;

        default:
            escape = (ch < 0x20 || ch == 0x7f);
        }

        if (dst == NULL) {
            len += escape ? 3 : 1;
            continue;
        }

        if (escape) {
            dst[len++] = '\\';
            dst[len++] = hex[ch >> 4];
            dst[len++] = hex[ch & 0xf];

        } else {
            dst[len++] = ch;
        }
    }

    return len;
}


static void
ngx_http_gateway_ldap_thread(void *data, ngx_log_t *log)
{
    ngx_http_gateway_ldap_bind_t *bind = data;

    int  rc;

    bind->outcome = NGX_HTTP_GATEWAY_LDAP_FAILED;

    if (ngx_http_gateway_ldap_remaining(&bind->deadline) == 0) {
        bind->code = LDAP_TIMEOUT;
        ngx_sprintf(bind->text, "the time is up%Z");
        goto done;
    }

    if (bind->connection) {

        bind->connection->deadline = bind->deadline;

        if (ngx_http_gateway_ldap_ask(bind) == LDAP_SUCCESS) {
            goto done;
        }

        /* the server may have closed it meanwhile: that is no failure yet */

        ngx_http_gateway_ldap_close(bind->connection);
        bind->connection = NULL;

        if (bind->code != LDAP_SERVER_DOWN) {
            goto done;
        }
    }

    rc = ngx_http_gateway_ldap_connect(bind);

    if (rc == LDAP_SUCCESS) {
        rc = ngx_http_gateway_ldap_ask(bind);
    }

    if (rc != LDAP_SUCCESS && bind->connection) {
        ngx_http_gateway_ldap_close(bind->connection);
        bind->connection = NULL;
    }

done:

    ngx_explicit_memzero(bind->password.bv_val, bind->password.bv_len);
}


/* without StartTLS the connection itself is made by what is asked first */

static int
ngx_http_gateway_ldap_connect(ngx_http_gateway_ldap_bind_t *bind)
{
    int                                  rc, remaining;
    ngx_http_gateway_ldap_connection_t  *lc;

    remaining = ngx_http_gateway_ldap_remaining(&bind->deadline);

    if (remaining == 0) {
        bind->code = LDAP_TIMEOUT;
        ngx_sprintf(bind->text, "the time is up%Z");
        return LDAP_TIMEOUT;
    }

    lc = ngx_calloc(sizeof(ngx_http_gateway_ldap_connection_t),
                    ngx_cycle->log);
    if (lc == NULL) {
        bind->code = LDAP_NO_MEMORY;
        return LDAP_NO_MEMORY;
    }

    lc->deadline = bind->deadline;
    lc->connect.lc_add = ngx_http_gateway_ldap_connected;
    lc->connect.lc_del = ngx_http_gateway_ldap_disconnected;
    lc->connect.lc_arg = lc;

    bind->connection = lc;

    rc = ldap_initialize(&lc->ld, bind->server->uri);

    if (rc != LDAP_SUCCESS) {
        lc->ld = NULL;

    } else {
        rc = ngx_http_gateway_ldap_options(bind, remaining);
    }

    if (rc == LDAP_SUCCESS && bind->server->start_tls) {
        rc = ldap_start_tls_s(lc->ld, NULL, NULL);
    }

    if (rc != LDAP_SUCCESS) {
        bind->code = rc;
        ngx_snprintf(bind->text, NGX_HTTP_GATEWAY_LDAP_TEXT - 1, "%s%s",
                     ldap_err2string(rc),
                     bind->server->start_tls ? " (StartTLS)" : "");
    }

    return rc;
}


static int
ngx_http_gateway_ldap_options(ngx_http_gateway_ldap_bind_t *bind,
    int remaining)
{
    int              require, version;
    LDAP            *ld;
    struct timeval   tv;

    ld = bind->connection->ld;
    version = LDAP_VERSION3;
    tv = ngx_http_gateway_ldap_timeval(remaining);

    if (ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version)
        != LDAP_OPT_SUCCESS
        || ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF)
           != LDAP_OPT_SUCCESS
        || ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &tv)
           != LDAP_OPT_SUCCESS
        || ldap_set_option(ld, LDAP_OPT_TIMEOUT, &tv) != LDAP_OPT_SUCCESS
        || ldap_set_option(ld, LDAP_OPT_CONNECT_CB,
                           &bind->connection->connect)
           != LDAP_OPT_SUCCESS)
    {
        return LDAP_LOCAL_ERROR;
    }

    if (bind->server->tls) {
        require = bind->server->verify ? LDAP_OPT_X_TLS_DEMAND
                                       : LDAP_OPT_X_TLS_NEVER;

        if (ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &require)
            != LDAP_OPT_SUCCESS
            || ldap_set_option(ld, LDAP_OPT_X_TLS_CTX, bind->server->tls)
               != LDAP_OPT_SUCCESS)
        {
            return LDAP_LOCAL_ERROR;
        }
    }

    return LDAP_SUCCESS;
}


/* TCP is connected: from here on the layer keeps the time */

static int
ngx_http_gateway_ldap_connected(LDAP *ld, Sockbuf *sb, LDAPURLDesc *srv,
    struct sockaddr *addr, struct ldap_conncb *ctx)
{
    struct timeval  none;

    none.tv_sec = -1;
    none.tv_usec = 0;

    if (ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &none)
        != LDAP_OPT_SUCCESS)
    {
        return -1;
    }

    return ber_sockbuf_add_io(sb, &ngx_http_gateway_ldap_layer,
                              NGX_HTTP_GATEWAY_LDAP_LEVEL, ctx->lc_arg);
}


static void
ngx_http_gateway_ldap_disconnected(LDAP *ld, Sockbuf *sb,
    struct ldap_conncb *ctx)
{
    /* libldap demands one */
}


/* LDAP_SUCCESS: there was an answer, see outcome; else an error of LDAP */

static int
ngx_http_gateway_ldap_ask(ngx_http_gateway_ldap_bind_t *bind)
{
    int              rc, code, id;
    LDAP            *ld;
    LDAPMessage     *res;
    struct timeval   tv;

    res = NULL;
    code = LDAP_OTHER;
    ld = bind->connection->ld;
    tv = ngx_http_gateway_ldap_timeval(
                           ngx_http_gateway_ldap_remaining(&bind->deadline));

    rc = ldap_sasl_bind(ld, bind->dn, LDAP_SASL_SIMPLE, &bind->password,
                        NULL, NULL, &id);

    if (rc == LDAP_SUCCESS) {

        switch (ldap_result(ld, id, LDAP_MSG_ALL, &tv, &res)) {

        case -1:
            if (ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &rc)
                != LDAP_OPT_SUCCESS || rc == LDAP_SUCCESS)
            {
                rc = LDAP_SERVER_DOWN;
            }
            break;

        case 0:
            rc = LDAP_TIMEOUT;
            break;

        case LDAP_RES_BIND:
            rc = ldap_parse_result(ld, res, &code, NULL, NULL, NULL, NULL, 1);
            break;

        default:
            (void) ldap_msgfree(res);
            rc = LDAP_PROTOCOL_ERROR;
        }
    }

    if (rc != LDAP_SUCCESS) {

        if (ngx_http_gateway_ldap_remaining(&bind->deadline) == 0) {
            rc = LDAP_TIMEOUT;
        }

        bind->code = rc;
        ngx_snprintf(bind->text, NGX_HTTP_GATEWAY_LDAP_TEXT - 1, "%s",
                     ldap_err2string(rc));
        return rc;
    }

    bind->code = code;

    switch (code) {

    case LDAP_SUCCESS:
        bind->outcome = NGX_HTTP_GATEWAY_LDAP_OK;
        break;

    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
        /* says nothing about the password */
        bind->outcome = NGX_HTTP_GATEWAY_LDAP_FAILED;
        break;

    default:
        bind->outcome = NGX_HTTP_GATEWAY_LDAP_DENIED;
    }

    ngx_snprintf(bind->text, NGX_HTTP_GATEWAY_LDAP_TEXT - 1, "%s (%d)",
                 ldap_err2string(code), code);

    return LDAP_SUCCESS;
}


/* also in the event loop: it does not wait for the socket there */

static void
ngx_http_gateway_ldap_close(ngx_http_gateway_ldap_connection_t *lc)
{
    ngx_memzero(&lc->deadline, sizeof(struct timespec));

    if (lc->ld) {
        (void) ldap_unbind_ext(lc->ld, NULL, NULL);
    }

    ngx_free(lc);
}


/* milliseconds, 0 when there are none left */

static int
ngx_http_gateway_ldap_remaining(struct timespec *deadline)
{
    int64_t          ms;
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    ms = ((int64_t) deadline->tv_sec - now.tv_sec) * 1000
         + (deadline->tv_nsec - now.tv_nsec) / 1000000;

    return ms > 0 ? (int) ngx_min(ms, INT_MAX) : 0;
}


static struct timeval
ngx_http_gateway_ldap_timeval(int ms)
{
    struct timeval  tv;

    tv.tv_sec = ms / 1000;
    tv.tv_usec = (ms % 1000) * 1000;

    return tv;
}


static int
ngx_http_gateway_ldap_layer_setup(Sockbuf_IO_Desc *io, void *data)
{
    io->sbiod_pvt = data;

    return 0;
}


static int
ngx_http_gateway_ldap_layer_remove(Sockbuf_IO_Desc *io)
{
    io->sbiod_pvt = NULL;

    return 0;
}


static int
ngx_http_gateway_ldap_layer_control(Sockbuf_IO_Desc *io, int opt, void *data)
{
    return LBER_SBIOD_CTRL_NEXT(io, opt, data);
}


static ber_slen_t
ngx_http_gateway_ldap_layer_read(Sockbuf_IO_Desc *io, void *buf,
    ber_len_t len)
{
    if (ngx_http_gateway_ldap_layer_wait(io, POLLIN) == -1) {
        return -1;
    }

    return LBER_SBIOD_READ_NEXT(io, buf, len);
}


static ber_slen_t
ngx_http_gateway_ldap_layer_write(Sockbuf_IO_Desc *io, void *buf,
    ber_len_t len)
{
    if (ngx_http_gateway_ldap_layer_wait(io, POLLOUT) == -1) {
        return -1;
    }

    return LBER_SBIOD_WRITE_NEXT(io, buf, len);
}


static int
ngx_http_gateway_ldap_layer_wait(Sockbuf_IO_Desc *io, short events)
{
    int                                  n;
    ber_socket_t                         fd;
    struct pollfd                        pfd;
    ngx_http_gateway_ldap_connection_t  *lc;

    lc = io->sbiod_pvt;

    if (ber_sockbuf_ctrl(io->sbiod_sb, LBER_SB_OPT_GET_FD, &fd) != 1) {
        ngx_set_errno(EBADF);
        return -1;
    }

    pfd.fd = fd;
    pfd.events = events;

    do {
        n = poll(&pfd, 1, ngx_http_gateway_ldap_remaining(&lc->deadline));
    } while (n == -1 && ngx_errno == NGX_EINTR);

    if (n == 0) {
        /* not EAGAIN, after which TLS would try again and again */
        ngx_set_errno(NGX_ETIMEDOUT);
        return -1;
    }

    return n == -1 ? -1 : 0;
}


static void
ngx_http_gateway_ldap_done(ngx_event_t *ev)
{
    ngx_http_gateway_ldap_bind_t    *bind;
    ngx_http_gateway_ldap_server_t  *server;

    bind = ev->data;
    server = bind->server;

    server->active--;

    if (bind->connection) {
        ngx_http_gateway_ldap_keep(server, bind->connection);
    }

    ngx_http_gateway_ldap_report(bind);
    ngx_http_gateway_ldap_next(server);
    ngx_http_gateway_ldap_finish(bind);
}


static void
ngx_http_gateway_ldap_next(ngx_http_gateway_ldap_server_t *server)
{
    ngx_queue_t                   *q;
    ngx_http_gateway_ldap_bind_t  *bind;

    while (!ngx_queue_empty(&server->waiting)
           && server->active < NGX_HTTP_GATEWAY_LDAP_ACTIVE)
    {
        q = ngx_queue_head(&server->waiting);
        bind = ngx_queue_data(q, ngx_http_gateway_ldap_bind_t, queue);

        /* the analyzer does not see that removing a head made another one */
        ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc) */
        bind->waiting = 0;

        if (ngx_http_gateway_ldap_post(bind) != NGX_OK) {
            bind->outcome = NGX_HTTP_GATEWAY_LDAP_FAILED;
            ngx_http_gateway_ldap_finish(bind);
        }
    }
}


static void
ngx_http_gateway_ldap_finish(ngx_http_gateway_ldap_bind_t *bind)
{
    void                             *data;
    ngx_http_gateway_ldap_bind_pt     handler;
    ngx_http_gateway_ldap_outcome_e   outcome;

    handler = bind->handler;
    data = bind->data;
    outcome = bind->outcome;

    ngx_http_gateway_ldap_free(bind);

    if (handler) {
        handler(data, outcome);
    }
}


/* what does not depend on the user is for the operator, once a second */

static void
ngx_http_gateway_ldap_report(ngx_http_gateway_ldap_bind_t *bind)
{
    ngx_uint_t  level;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "ldap_auth: \"%s\" outcome:%d %s",
                   bind->server->uri, bind->outcome, bind->text);

    switch (bind->outcome) {

    case NGX_HTTP_GATEWAY_LDAP_FAILED:
        level = NGX_LOG_ERR;
        break;

    case NGX_HTTP_GATEWAY_LDAP_DENIED:
        if (bind->code == LDAP_INVALID_CREDENTIALS
            || bind->code == LDAP_NO_SUCH_OBJECT)
        {
            return;
        }

        level = NGX_LOG_WARN;
        break;

    default:
        return;
    }

    if (bind->server->failed == ngx_time()) {
        return;
    }

    bind->server->failed = ngx_time();

    ngx_log_error(level, ngx_cycle->log, 0,
                  "ldap_auth: \"%s\" %s: %s", bind->server->uri,
                  level == NGX_LOG_ERR ? "gives no answer"
                                       : "refuses to authenticate",
                  bind->text);
}


/* connections that wait for the next bind */

static void
ngx_http_gateway_ldap_keep(ngx_http_gateway_ldap_server_t *server,
    ngx_http_gateway_ldap_connection_t *lc)
{
    if (server->keepalive == 0 || ngx_exiting
        || server->nidle == NGX_HTTP_GATEWAY_LDAP_ACTIVE)
    {
        ngx_http_gateway_ldap_close(lc);
        return;
    }

    lc->since = ngx_current_msec;

    ngx_queue_insert_head(&server->idle, &lc->queue);
    server->nidle++;

    if (!server->timer.timer_set) {
        ngx_add_timer(&server->timer, server->keepalive);
    }
}


static ngx_http_gateway_ldap_connection_t *
ngx_http_gateway_ldap_take(ngx_http_gateway_ldap_server_t *server)
{
    ngx_queue_t  *q;

    if (server->nidle == 0) {
        return NULL;
    }

    q = ngx_queue_head(&server->idle);

    /* the analyzer does not see that removing a head made another one */
    ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc) */
    server->nidle--;

    return ngx_queue_data(q, ngx_http_gateway_ldap_connection_t, queue);
}


static void
ngx_http_gateway_ldap_expire(ngx_event_t *ev)
{
    ngx_msec_t                           age;
    ngx_queue_t                         *q;
    ngx_http_gateway_ldap_server_t      *server;
    ngx_http_gateway_ldap_connection_t  *lc;

    server = ((ngx_connection_t *) ev->data)->data;

    while (server->nidle) {

        q = ngx_queue_last(&server->idle);
        lc = ngx_queue_data(q, ngx_http_gateway_ldap_connection_t, queue);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
        age = ngx_current_msec - lc->since;

        if (age < server->keepalive) {
            ngx_add_timer(ev, server->keepalive - age);
            return;
        }

        ngx_queue_remove(q);
        server->nidle--;

        ngx_http_gateway_ldap_close(lc);
    }
}


/* configuration */

void *
ngx_http_gateway_ldap_tls(ngx_conf_t *cf, ngx_str_t *trusted)
{
    int                  client, require;
    LDAP                *ld;
    void                *tls;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    if (ldap_initialize(&ld, NULL) != LDAP_SUCCESS) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ldap_auth: ldap_initialize() failed");
        return NULL;
    }

    /* the handle carries it: those of connections take references */

    cln->handler = ngx_http_gateway_ldap_tls_cleanup;
    cln->data = ld;

    client = 0;
    require = trusted ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;

    if (ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &require)
        != LDAP_OPT_SUCCESS
        || (trusted
            && ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, trusted->data)
               != LDAP_OPT_SUCCESS)
        || ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client)
           != LDAP_OPT_SUCCESS
        || ldap_get_option(ld, LDAP_OPT_X_TLS_CTX, &tls) != LDAP_OPT_SUCCESS
        || tls == NULL)
    {
        if (trusted) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "ldap_auth: cannot load trusted certificates from "
                          "\"%V\"", trusted);

        } else {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "ldap_auth: libldap has no TLS");
        }

        return NULL;
    }

    return tls;
}


static void
ngx_http_gateway_ldap_tls_cleanup(void *data)
{
    (void) ldap_unbind_ext(data, NULL, NULL);
}


ngx_int_t
ngx_http_gateway_ldap_init(ngx_conf_t *cf,
    ngx_http_gateway_ldap_server_t *server)
{
    u_char              *p;
    ngx_str_t            host;
    ngx_uint_t           brackets;
    ngx_connection_t    *c;
    ngx_pool_cleanup_t  *cln;

    host = server->host;

    brackets = host.data[0] != '['
               && ngx_strlchr(host.data, host.data + host.len, ':') != NULL;

    p = ngx_pnalloc(cf->pool, host.len + sizeof("ldaps://[]:65535"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    server->uri = (char *) p;

    ngx_sprintf(p, "%s://%s%V%s:%ui%Z", server->ldaps ? "ldaps" : "ldap",
                brackets ? "[" : "", &host, brackets ? "]" : "",
                server->port);

    ngx_queue_init(&server->idle);
    ngx_queue_init(&server->waiting);

    /* the event module wants to know the number of a socket */

    c = ngx_pcalloc(cf->pool, sizeof(ngx_connection_t));
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->fd = (ngx_socket_t) -1;
    c->data = server;

    server->timer.handler = ngx_http_gateway_ldap_expire;
    server->timer.data = c;
    server->timer.log = &cf->cycle->new_log;
    server->timer.cancelable = 1;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_ldap_cleanup;
    cln->data = server;

    return NGX_OK;
}


static void
ngx_http_gateway_ldap_cleanup(void *data)
{
    ngx_http_gateway_ldap_server_t *server = data;

    ngx_http_gateway_ldap_connection_t  *lc;

    if (server->timer.timer_set) {
        ngx_del_timer(&server->timer);
    }

    while ((lc = ngx_http_gateway_ldap_take(server)) != NULL) {
        ngx_http_gateway_ldap_close(lc);
    }
}


void
ngx_http_gateway_ldap_init_process(void)
{
    LDAPAPIInfo  info;

    info.ldapai_info_version = LDAP_API_INFO_VERSION;

    if (ldap_get_option(NULL, LDAP_OPT_API_INFO, &info) == LDAP_OPT_SUCCESS) {
        ber_memvfree((void **) info.ldapai_extensions);
        ldap_memfree(info.ldapai_vendor_name);
    }
}
