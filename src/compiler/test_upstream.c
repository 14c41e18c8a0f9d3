/*
 * Copyright (C) the ngx_gateway authors
 *
 * Every upstream of a test run.  Each "host:port" of the configuration has
 * an address of its own in 127.0.0.0/8 and all share one port: the address
 * that a connection came in on tells which one was meant.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "prefix.h"
#include "test.h"

/* a request that is larger fails */
#define GWC_TEST_HEAD_MAX (1024 * 1024)
#define GWC_TEST_BODY_MAX (256 * 1024 * 1024)

#define GWC_TEST_DNS_HEADER 12

static const char gwc_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#define GWC_PREFACE_LEN (sizeof(gwc_preface) - 1)

struct gwc_test_conn_s {
    int fd;
    SSL *ssl;
    bool sink;  /* reads and forgets */
    bool begun; /* the first bytes told what is spoken */
    bool dead;
    bool closing; /* after what is to be sent */
    bool wants_write;
    const char *destination;
    gwc_buf_t in, out;
    size_t sent;
    gwc_test_http2_t *http2;

    /* the answer that is under way */
    gwc_test_received_t *received;
    gwc_test_answer_t *answer;
    int64_t due;
};


int64_t
gwc_test_now(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


void
gwc_test_add_header(gwc_vec_t *headers, const char *name, size_t name_len,
                    const char *value, size_t value_len)
{
    gwc_test_header_t *header = gwc_alloc(sizeof(*header));

    header->name = (gwc_text_t){ gwc_strndup(name, name_len), name_len };
    header->value = (gwc_text_t){ gwc_strndup(value, value_len), value_len };
    gwc_vec_push(headers, header);
}


const gwc_text_t *
gwc_test_header(const gwc_vec_t *headers, const char *name)
{
    size_t i;

    for (i = 0; i < headers->n; i++) {
        const gwc_test_header_t *header = headers->items[i];

        if (strcasecmp(header->name.data, name) == 0) {
            return &header->value;
        }
    }

    return NULL;
}


static int
gwc_test_bind(int type, const char *address, int port, int *bound)
{
    struct sockaddr_in sin = { 0 };
    socklen_t len = sizeof(sin);
    int fd, on = 1;

    fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    (void) inet_pton(AF_INET, address, &sin.sin_addr);

    /* nobody else's business; whoever comes is looked at again */
    (void) setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);

    if (type == SOCK_STREAM) {
        (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }

    if (bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || (type == SOCK_STREAM && listen(fd, 1024) == -1)
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        (void) close(fd);
        return -1;
    }

    *bound = ntohs(sin.sin_port);

    return fd;
}


bool
gwc_test_upstream_open(gwc_test_run_t *run)
{
    int i, port;

    /* a port that is free for all three */
    for (i = 0; i < 100; i++) {
        run->listen_fd =
            gwc_test_bind(SOCK_STREAM, "0.0.0.0", 0, &run->trial.port);

        if (run->listen_fd == -1) {
            break;
        }

        port = run->trial.port;
        run->sink_fd = gwc_test_bind(SOCK_DGRAM, GWC_TRIAL_SINK, port, &port);
        run->dns_fd = gwc_test_bind(SOCK_DGRAM, GWC_TRIAL_DNS, port, &port);

        if (run->sink_fd != -1 && run->dns_fd != -1) {
            return true;
        }

        gwc_test_upstream_close(run);
    }

    gwc_io_failed();
    gwc_error(NULL, "cannot listen on 127.0.0.0/8");

    return false;
}


static void
gwc_test_close(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}


static void
gwc_conn_free(gwc_test_conn_t *conn)
{
    if (conn->http2 != NULL) {
        gwc_test_http2_free(conn->http2);
    }

    SSL_free(conn->ssl);
    (void) close(conn->fd);
}


void
gwc_test_upstream_reset(gwc_test_run_t *run)
{
    size_t i;

    for (i = 0; i < run->conns.n; i++) {
        gwc_conn_free(run->conns.items[i]);
    }

    run->conns.n = 0;
}


void
gwc_test_upstream_close(gwc_test_run_t *run)
{
    gwc_test_upstream_reset(run);
    gwc_test_close(&run->listen_fd);
    gwc_test_close(&run->sink_fd);
    gwc_test_close(&run->dns_fd);
}


/* "no such name", at once: nothing of a test run is to be looked up */
static void
gwc_test_dns(const gwc_test_run_t *run)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);
    unsigned char packet[512];
    ssize_t n;

    n = recvfrom(run->dns_fd, packet, sizeof(packet), MSG_DONTWAIT,
                 (struct sockaddr *) &sin, &len);

    if (n < GWC_TEST_DNS_HEADER) {
        return;
    }

    packet[2] |= 0x80;                              /* a response */
    packet[3] = (unsigned char) (0x80 | 3);         /* NXDOMAIN */
    memset(packet + 6, 0, GWC_TEST_DNS_HEADER - 6); /* the question only */

    (void) sendto(run->dns_fd, packet, (size_t) n, MSG_DONTWAIT,
                  (struct sockaddr *) &sin, len);
}


static void
gwc_test_accept(gwc_test_run_t *run)
{
    struct sockaddr_in from = { 0 }, to = { 0 };
    socklen_t len = sizeof(from);
    gwc_test_conn_t *conn;
    uint32_t address;
    size_t i;
    int fd;

    fd = accept4(run->listen_fd, (struct sockaddr *) &from, &len,
                 SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd == -1) {
        return;
    }

    len = sizeof(to);

    if (getsockname(fd, (struct sockaddr *) &to, &len) == -1
        || ntohl(from.sin_addr.s_addr) >> 24 != 127
        || ntohl(to.sin_addr.s_addr) >> 24 != 127)
    {
        (void) close(fd);
        return;
    }

    conn = gwc_alloc(sizeof(*conn));
    conn->fd = fd;
    address = ntohl(to.sin_addr.s_addr);
    i = address - 0x7f400001u; /* 127.64.0.1 */

    if (i < run->trial.targets.n) {
        conn->destination = run->trial.targets.items[i];

    } else {
        conn->sink = true;
    }

    gwc_vec_push(&run->conns, conn);
}


gwc_test_received_t *
gwc_test_received(const gwc_test_conn_t *conn)
{
    gwc_test_received_t *received = gwc_alloc(sizeof(*received));
    const char *name;
    X509 *cert;

    received->destination = conn->destination;
    received->scheme = conn->ssl != NULL ? "https" : "http";

    if (conn->ssl == NULL) {
        return received;
    }

    name = SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);

    if (name != NULL) {
        received->sni = gwc_strndup(name, strlen(name));
    }

    cert = SSL_get1_peer_certificate(conn->ssl);

    if (cert != NULL) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *data;
        long len;

        if (bio != NULL
            && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                                  XN_FLAG_RFC2253)
                   >= 0)
        {
            len = BIO_get_mem_data(bio, &data);
            received->certificate = gwc_strndup(data, (size_t) len);
        }

        BIO_free(bio);
        X509_free(cert);
    }

    return received;
}


/* the first that was not used, else the last, of those for the target */
gwc_test_answer_t *
gwc_test_answer(gwc_test_run_t *run, gwc_test_received_t *received)
{
    static gwc_test_answer_t none;
    gwc_test_answer_t *found = NULL;
    size_t i;

    none.content = GWC_TEXT("ok\n");
    none.filler = true;

    if (run->step == NULL || run->result == NULL) {
        return &none;
    }

    gwc_vec_push(&run->result->received, received);

    for (i = 0; i < run->step->answers.n; i++) {
        gwc_test_answer_t *answer = run->step->answers.items[i];

        if (answer->target.set
            && !gwc_text_is(answer->target.v, received->destination))
        {
            continue;
        }

        found = answer;

        if (!answer->used) {
            answer->used = true;
            break;
        }
    }

    return found != NULL ? found : &none;
}


/* HTTP/1 */


static bool
gwc_conn_bodiless(const gwc_test_conn_t *conn, int64_t status)
{
    return gwc_text_is(conn->received->method, "HEAD") || status == 204
           || status == 304;
}


static void
gwc_conn_headers(gwc_buf_t *out, const gwc_node_t *headers)
{
    size_t i, k;

    for (i = 0; headers != NULL && i < headers->n; i++) {
        const gwc_node_t *item = headers->items[i];

        for (k = 0; k < (item->kind == GWC_NODE_SEQ ? item->n : 1); k++) {
            gwc_text_t value = gwc_test_text(
                item->kind == GWC_NODE_SEQ ? item->items[k] : item);

            gwc_buf_add(out, headers->keys[i]->text.data,
                        headers->keys[i]->text.len);
            gwc_buf_puts(out, ": ");
            gwc_buf_add(out, value.data, value.len);
            gwc_buf_puts(out, "\r\n");
        }
    }
}


static bool
gwc_has_key(const gwc_node_t *map, const char *name)
{
    size_t i;

    for (i = 0; map != NULL && i < map->n; i++) {
        if (strcasecmp(map->keys[i]->text.data, name) == 0) {
            return true;
        }
    }

    return false;
}


static void
gwc_conn_reply(gwc_test_conn_t *conn)
{
    const gwc_test_answer_t *answer = conn->answer;
    int64_t status = answer->status.set ? answer->status.v : 200;
    bool ends_by_close = false;

    if (answer->fail.set) {
        if (gwc_text_is(answer->fail.v, "reset")) {
            const struct linger now = { 1, 0 };

            (void) setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now,
                              sizeof(now));
        }

        /* "timeout": whoever waits gives up */
        conn->dead = !gwc_text_is(answer->fail.v, "timeout");
        conn->answer = NULL;
        return;
    }

    gwc_buf_printf(&conn->out, "HTTP/1.1 %lld Test\r\n", (long long) status);
    gwc_conn_headers(&conn->out, answer->headers);

    if (answer->json != NULL && !gwc_has_key(answer->headers, "Content-Type"))
    {
        gwc_buf_puts(&conn->out, "Content-Type: application/json\r\n");
    }

    if (gwc_has_key(answer->headers, "Transfer-Encoding")) {
        /* as it is written, until the end */
        ends_by_close = true;

    } else if (!gwc_has_key(answer->headers, "Content-Length") && status != 204
               && status != 304)
    {
        gwc_buf_printf(&conn->out, "Content-Length: %zu\r\n",
                       answer->content.len);
    }

    gwc_buf_puts(&conn->out, "\r\n");

    if (answer->content.len && !gwc_conn_bodiless(conn, status)) {
        gwc_buf_add(&conn->out, answer->content.data, answer->content.len);
    }

    conn->closing = ends_by_close || gwc_has_key(answer->headers, "Connection")
                    || strcmp(conn->received->version, "1.0") == 0;
    conn->answer = NULL;
}


/* the length of a chunked body that is complete; 0: not yet; -1: bad */
static ssize_t
gwc_conn_chunks(const char *data, size_t len, gwc_buf_t *body)
{
    const char *p = data, *end = data + len, *newline;
    unsigned long size;
    char *stop;

    for (;;) {
        newline = memchr(p, '\n', (size_t) (end - p));

        if (newline == NULL) {
            return 0;
        }

        if (!isxdigit((unsigned char) *p)) {
            return -1;
        }

        size = strtoul(p, &stop, 16);

        if (size > GWC_TEST_BODY_MAX) {
            return -1;
        }

        p = newline + 1;

        if (size == 0) {
            break;
        }

        if ((size_t) (end - p) < size + 2) {
            return 0;
        }

        gwc_buf_add(body, p, size);
        p += size + 2;
    }

    /* trailers */
    for (;;) {
        newline = memchr(p, '\n', (size_t) (end - p));

        if (newline == NULL) {
            return 0;
        }

        if (newline - p <= 1) {
            return newline + 1 - data;
        }

        p = newline + 1;
    }
}


static bool
gwc_conn_head(gwc_test_received_t *received, const char *head, size_t len)
{
    const char *line = head, *end = head + len;

    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t) (end - line));
        size_t n = (size_t) ((newline != NULL ? newline : end) - line);
        const char *p, *q;

        while (n && line[n - 1] == '\r') {
            n--;
        }

        if (line == head) {
            p = memchr(line, ' ', n);
            q = p != NULL ? memrchr(line, ' ', n) : NULL;

            if (p == NULL || q == p || line + n - q < 9) {
                return false;
            }

            received->method =
                (gwc_text_t){ gwc_strndup(line, (size_t) (p - line)),
                              (size_t) (p - line) };
            received->target =
                (gwc_text_t){ gwc_strndup(p + 1, (size_t) (q - p - 1)),
                              (size_t) (q - p - 1) };
            received->version =
                gwc_strndup(q + 6, (size_t) (line + n - q - 6));

        } else if (n) {
            p = memchr(line, ':', n);

            if (p == NULL) {
                return false;
            }

            q = p + 1;

            while (q < line + n && (*q == ' ' || *q == '\t')) {
                q++;
            }

            gwc_test_add_header(&received->headers, line, (size_t) (p - line),
                                q, (size_t) (line + n - q));
        }

        line = newline != NULL ? newline + 1 : end;
    }

    return true;
}


/* takes a request that is complete; false: there is none */
static bool
gwc_conn_request(gwc_test_run_t *run, gwc_test_conn_t *conn)
{
    const char *end;
    const gwc_text_t *header;
    gwc_test_received_t *received;
    size_t head, body = 0;
    ssize_t n;

    if (conn->answer != NULL || conn->in.len == 0) {
        return false;
    }

    end = memmem(conn->in.data, conn->in.len, "\r\n\r\n", 4);

    if (end == NULL) {
        conn->dead = conn->in.len > GWC_TEST_HEAD_MAX;
        return false;
    }

    head = (size_t) (end - conn->in.data) + 4;
    received = gwc_test_received(conn);

    if (!gwc_conn_head(received, conn->in.data, head - 4)) {
        conn->dead = true;
        return false;
    }

    header = gwc_test_header(&received->headers, "Transfer-Encoding");

    if (header != NULL) {
        n = gwc_conn_chunks(conn->in.data + head, conn->in.len - head,
                            &received->body);

        if (n <= 0) {
            conn->dead = n < 0 || conn->in.len > GWC_TEST_BODY_MAX;
            return false;
        }

        body = (size_t) n;

    } else {
        header = gwc_test_header(&received->headers, "Content-Length");

        if (header != NULL) {
            body = strtoul(header->data, NULL, 10);
            conn->dead = body > GWC_TEST_BODY_MAX;
        }

        if (conn->dead || conn->in.len - head < body) {
            return false;
        }

        gwc_buf_add(&received->body, conn->in.data + head, body);
    }

    memmove(conn->in.data, conn->in.data + head + body,
            conn->in.len - head - body);
    conn->in.len -= head + body;

    conn->received = received;
    conn->answer = gwc_test_answer(run, received);
    conn->due =
        gwc_test_now()
        + (conn->answer->delay.set ? (int64_t) (conn->answer->delay.v * 1000)
                                   : 0);

    return true;
}


/* connections */


static void
gwc_conn_flush(gwc_test_conn_t *conn)
{
    conn->wants_write = false;

    while (conn->sent < conn->out.len && !conn->dead) {
        size_t rest = conn->out.len - conn->sent;
        ssize_t n;

        if (conn->ssl != NULL) {
            n = SSL_write(conn->ssl, conn->out.data + conn->sent,
                          rest > 65536 ? 65536 : (int) rest);

            if (n <= 0) {
                int error = SSL_get_error(conn->ssl, (int) n);

                conn->wants_write = error == SSL_ERROR_WANT_WRITE;
                conn->dead = error != SSL_ERROR_WANT_WRITE
                             && error != SSL_ERROR_WANT_READ;
                return;
            }

        } else {
            n = send(conn->fd, conn->out.data + conn->sent, rest,
                     MSG_NOSIGNAL);

            if (n == -1) {
                conn->wants_write = errno == EAGAIN;
                conn->dead = errno != EAGAIN && errno != EINTR;
                return;
            }
        }

        conn->sent += (size_t) n;
    }

    conn->out.len = 0;
    conn->sent = 0;

    if (conn->closing) {
        conn->dead = true;
    }
}


static void
gwc_conn_go(gwc_test_run_t *run, gwc_test_conn_t *conn)
{
    if (!conn->begun && !conn->sink) {
        size_t n = conn->in.len;

        if (n == 0) {
            return;
        }

        if (memcmp(conn->in.data, gwc_preface,
                   n < GWC_PREFACE_LEN ? n : GWC_PREFACE_LEN)
            == 0)
        {
            if (n < GWC_PREFACE_LEN) {
                return;
            }

            conn->http2 = gwc_test_http2_create(run, conn);
        }

        conn->begun = true;
    }

    if (conn->sink) {
        conn->in.len = 0;
        return;
    }

    if (conn->http2 != NULL) {
        if (!gwc_test_http2_input(conn->http2, conn->in.data, conn->in.len)
            || !gwc_test_http2_output(conn->http2, &conn->out))
        {
            conn->closing = true;
        }

        conn->in.len = 0;

    } else {
        do {
            if (conn->answer != NULL && gwc_test_now() >= conn->due) {
                gwc_conn_reply(conn);
            }
        } while (!conn->dead && !conn->closing && gwc_conn_request(run, conn));
    }

    gwc_conn_flush(conn);
}


/* plain or TLS: the first byte tells */
static bool
gwc_conn_peek(gwc_test_run_t *run, gwc_test_conn_t *conn)
{
    char first;
    ssize_t n = recv(conn->fd, &first, 1, MSG_PEEK);
    const char *host;

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }

    if (n <= 0) {
        conn->dead = true;
        return false;
    }

    if (first == 0x16 && !conn->sink) {
        host = conn->destination;
        host = gwc_strndup(host, (size_t) (strrchr(host, ':') - host));
        conn->ssl = gwc_test_tls_accept(run, conn->fd, host);
        conn->dead = conn->ssl == NULL;
    }

    return !conn->dead;
}


static void
gwc_conn_read(gwc_test_run_t *run, gwc_test_conn_t *conn)
{
    char data[65536];
    ssize_t n;

    if (!conn->begun && conn->in.len == 0 && conn->ssl == NULL
        && !gwc_conn_peek(run, conn))
    {
        return;
    }

    for (;;) {
        if (conn->ssl != NULL) {
            n = SSL_read(conn->ssl, data, sizeof(data));

            if (n <= 0) {
                int error = SSL_get_error(conn->ssl, (int) n);

                conn->wants_write = error == SSL_ERROR_WANT_WRITE;
                conn->dead = error != SSL_ERROR_WANT_WRITE
                             && error != SSL_ERROR_WANT_READ;
                ERR_clear_error();
                break;
            }

        } else {
            n = recv(conn->fd, data, sizeof(data), 0);

            if (n <= 0) {
                conn->dead = n == 0 || (errno != EAGAIN && errno != EINTR);
                break;
            }
        }

        if (!conn->sink) {
            gwc_buf_add(&conn->in, data, (size_t) n);
        }
    }

    if (!conn->dead) {
        gwc_conn_go(run, conn);
    }
}


int
gwc_test_upstream_poll(gwc_test_run_t *run, struct curl_waitfd *fds,
                       unsigned *n, unsigned room, int milliseconds)
{
    const int own[] = { run->listen_fd, run->sink_fd, run->dns_fd };
    int64_t now = gwc_test_now();
    size_t i;

    for (i = 0; i < sizeof(own) / sizeof(own[0]) && *n < room; i++) {
        fds[(*n)++] = (struct curl_waitfd){ own[i], CURL_WAIT_POLLIN, 0 };
    }

    for (i = 0; i < run->conns.n && *n < room; i++) {
        const gwc_test_conn_t *conn = run->conns.items[i];
        int64_t due = INT64_MAX;

        if (conn->http2 != NULL) {
            due = gwc_test_http2_due(conn->http2);

        } else if (conn->answer != NULL) {
            due = conn->due;
        }

        if (due < now + milliseconds) {
            milliseconds = due > now ? (int) (due - now) : 0;
        }

        fds[(*n)++] = (struct curl_waitfd){
            conn->fd,
            (short) (CURL_WAIT_POLLIN
                     | (conn->wants_write ? CURL_WAIT_POLLOUT : 0)),
            0
        };
    }

    return milliseconds;
}


static bool
gwc_test_is_ready(int fd, const struct curl_waitfd *fds, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        if (fds[i].fd == fd) {
            return fds[i].revents != 0;
        }
    }

    return false;
}


void
gwc_test_upstream_handle(gwc_test_run_t *run, const struct curl_waitfd *fds,
                         unsigned n)
{
    char data[65536];
    size_t i, k = 0;

    for (i = 0; i < run->conns.n; i++) {
        gwc_test_conn_t *conn = run->conns.items[i];

        if (gwc_test_is_ready(conn->fd, fds, n)) {
            gwc_conn_read(run, conn);
        }

        if (!conn->dead && conn->begun) {
            gwc_conn_go(run, conn);
        }
    }

    for (i = 0; i < run->conns.n; i++) {
        gwc_test_conn_t *conn = run->conns.items[i];

        if (conn->dead) {
            gwc_conn_free(conn);

        } else {
            run->conns.items[k++] = conn;
        }
    }

    run->conns.n = k;

    if (gwc_test_is_ready(run->listen_fd, fds, n)) {
        gwc_test_accept(run);
    }

    if (gwc_test_is_ready(run->dns_fd, fds, n)) {
        gwc_test_dns(run);
    }

    if (gwc_test_is_ready(run->sink_fd, fds, n)) {
        (void) recv(run->sink_fd, data, sizeof(data), MSG_DONTWAIT);
    }
}
