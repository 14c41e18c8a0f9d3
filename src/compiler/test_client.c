/*
 * Copyright (C) the ngx_gateway authors
 *
 * The client of test runs: libcurl, told to add nothing of its own.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#define GWC_TEST_TIMEOUT 60
#define GWC_TEST_RECORD  2000 /* ms for the gateway's line about a request */

typedef struct {
    const gwc_test_run_t *run;
    const gwc_test_request_t *request;
    const gwc_test_listener_t *listener;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
} gwc_test_client_t;


/*
 * The one with the port of the URL, as configured or as clients see it;
 * without a port the first that speaks what the URL does.
 */
static const gwc_test_listener_t *
gwc_client_listener(const gwc_test_run_t *run,
                    const gwc_test_request_t *request)
{
    int port = request->port ? request->port : request->https ? 443 : 80;
    size_t i, turn;

    for (turn = 0; turn < 2; turn++) {
        for (i = 0; i < run->listeners.n; i++) {
            const gwc_test_listener_t *listener = run->listeners.items[i];

            if (listener->ssl == request->https
                && (turn == 1 || listener->public == port
                    || listener->configured == port))
            {
                return listener;
            }
        }
    }

    return NULL;
}


/*
 * libcurl 7.88 connects what it was told is connected already.  That goes
 * well, once, on a socket whose connection was not waited for in connect().
 *
 * Connects, and says first where the client comes from; the port numbers
 * the request in the gateway's record.
 */
static curl_socket_t
gwc_client_connect(void *data, curlsocktype purpose,
                   struct curl_sockaddr *address)
{
    const gwc_test_client_t *client = data;
    const gwc_test_request_t *request = client->request;
    const char *from = "127.0.0.1";
    struct sockaddr_in sin = { 0 };
    struct pollfd ready;
    char *line;
    int fd;

    (void) purpose;
    (void) address;

    if (request->from.set) {
        from = gwc_strndup(request->from.v.data, request->from.v.len);
    }

    line = strchr(from, ':') != NULL
               ? gwc_sprintf("PROXY TCP6 %s ::1 %u %d\r\n", from,
                             client->run->number, client->listener->port)
               : gwc_sprintf("PROXY TCP4 %s 127.0.0.1 %u %d\r\n", from,
                             client->run->number, client->listener->port);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return CURL_SOCKET_BAD;
    }

    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) client->listener->port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    ready = (struct pollfd){ fd, POLLOUT, 0 };

    if ((connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
         && errno != EINPROGRESS)
        || poll(&ready, 1, GWC_TEST_TIMEOUT * 1000) != 1
        || send(fd, line, strlen(line), MSG_NOSIGNAL)
               != (ssize_t) strlen(line))
    {
        (void) close(fd);
        return CURL_SOCKET_BAD;
    }

    return fd;
}


static int
gwc_client_connected(void *data, curl_socket_t fd, curlsocktype purpose)
{
    (void) data;
    (void) fd;
    (void) purpose;

    return CURL_SOCKOPT_ALREADY_CONNECTED;
}


static size_t
gwc_client_header(char *line, size_t size, size_t n, void *data)
{
    gwc_test_result_t *result = data;
    const char *colon, *value;
    size_t len = size * n;

    while (len && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }

    /* what was before is no final answer */
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        value = memchr(line, ' ', len);
        result->headers.n = 0;
        result->version = gwc_strndup(
            line + 5, value != NULL ? (size_t) (value - line - 5) : len - 5);

        return size * n;
    }

    colon = memchr(line, ':', len);

    if (colon != NULL) {
        value = colon + 1;

        while (value < line + len && (*value == ' ' || *value == '\t')) {
            value++;
        }

        gwc_test_add_header(&result->headers, line, (size_t) (colon - line),
                            value, (size_t) (line + len - value));
    }

    return size * n;
}


static size_t
gwc_client_body(char *bytes, size_t size, size_t n, void *data)
{
    gwc_test_result_t *result = data;

    gwc_buf_add(&result->body, bytes, size * n);

    return size * n;
}


static void
gwc_client_add(gwc_test_client_t *client, const char *line)
{
    client->headers = curl_slist_append(client->headers, line);
}


static void
gwc_client_headers(gwc_test_client_t *client)
{
    static const char *const own[] = { "Accept",       "User-Agent", "Expect",
                                       "Content-Type", "Host",       NULL };
    const gwc_test_request_t *request = client->request;
    const gwc_node_t *headers = request->headers;
    bool given[sizeof(own) / sizeof(own[0])] = { false };
    size_t i, k;

    for (i = 0; headers != NULL && i < headers->n; i++) {
        const char *name = headers->keys[i]->text.data;
        const gwc_node_t *item = headers->items[i];

        for (k = 0; own[k] != NULL; k++) {
            given[k] |= strcasecmp(own[k], name) == 0;
        }

        for (k = 0; k < (item->kind == GWC_NODE_SEQ ? item->n : 1); k++) {
            gwc_text_t value = gwc_test_text(
                item->kind == GWC_NODE_SEQ ? item->items[k] : item);

            /* libcurl writes an empty value this way */
            gwc_client_add(client,
                           value.len ? gwc_sprintf("%s: %.*s", name,
                                                   (int) value.len, value.data)
                                     : gwc_sprintf("%s;", name));
        }
    }

    for (i = 0; i < 3; i++) {
        if (!given[i]) {
            gwc_client_add(client, gwc_sprintf("%s:", own[i]));
        }
    }

    if (!given[3]) {
        gwc_client_add(client, request->json != NULL
                                   ? "Content-Type: application/json"
                                   : "Content-Type:");
    }

    if (!given[4] && request->tls.sni.set) {
        gwc_client_add(client, gwc_sprintf("Host: %s", request->authority));
    }
}


static void
gwc_client_protocol(CURL *curl, const gwc_test_request_t *request)
{
    long version = CURL_HTTP_VERSION_1_1;

    if (strcmp(request->version, "1.0") == 0) {
        version = CURL_HTTP_VERSION_1_0;

    } else if (strcmp(request->version, "2") == 0) {
        version = request->https ? CURL_HTTP_VERSION_2TLS
                                 : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    }

    (void) curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, version);
    (void) curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN,
                            version == CURL_HTTP_VERSION_2TLS ? 1L : 0L);
}


static void
gwc_client_tls(CURL *curl, const gwc_test_request_t *request)
{
    /* what is shown is the gateway's, and not what is tried here */
    (void) curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    (void) curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    (void) curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);

    if (request->tls.certificate.set) {
        (void) curl_easy_setopt(curl, CURLOPT_SSLCERT,
                                gwc_strndup(request->tls.certificate.v.data,
                                            request->tls.certificate.v.len));
        (void) curl_easy_setopt(
            curl, CURLOPT_SSLKEY,
            gwc_strndup(request->tls.key.v.data, request->tls.key.v.len));
    }
}


static void
gwc_client_setup(CURL *curl, gwc_test_client_t *client,
                 gwc_test_result_t *result)
{
    const gwc_test_request_t *request = client->request;
    const char *host = request->authority;
    const char *method;

    if (request->tls.sni.set) {
        host = gwc_strndup(request->tls.sni.v.data, request->tls.sni.v.len);
    }

    /* the target goes out as written, whatever it is */
    (void) curl_easy_setopt(
        curl, CURLOPT_URL,
        gwc_sprintf("%s://%s/", request->https ? "https" : "http", host));
    (void) curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, request->target);
    (void) curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);

    client->connect_to = curl_slist_append(
        NULL, gwc_sprintf("::127.0.0.1:%d", client->listener->port));
    (void) curl_easy_setopt(curl, CURLOPT_CONNECT_TO, client->connect_to);
    (void) curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION,
                            gwc_client_connect);
    (void) curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, client);
    (void) curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION,
                            gwc_client_connected);
    (void) curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void) curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long) GWC_TEST_TIMEOUT);
    (void) curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);

    method = request->method.set
                 ? gwc_strndup(request->method.v.data, request->method.v.len)
             : request->has_content ? "POST"
                                    : "GET";

    if (request->has_content) {
        (void) curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t) request->content.len);
        (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                                request->content.len ? request->content.data
                                                     : "");

    } else if (strcmp(method, "HEAD") == 0) {
        (void) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }

    (void) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);

    gwc_client_protocol(curl, request);
    gwc_client_tls(curl, request);
    gwc_client_headers(client);
    (void) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
    (void) curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, gwc_client_header);
    (void) curl_easy_setopt(curl, CURLOPT_HEADERDATA, result);
    (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, gwc_client_body);
    (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, result);
}


static bool
gwc_client_is_done(const gwc_test_run_t *run, CURLcode *code)
{
    const CURLMsg *message;
    int left;

    for (;;) {
        message = curl_multi_info_read(run->multi, &left);

        if (message == NULL) {
            return false;
        }

        if (message->msg == CURLMSG_DONE) {
            *code = message->data.result;
            return true;
        }
    }
}


void
gwc_test_send(gwc_test_run_t *run, const gwc_test_request_t *request)
{
    gwc_test_result_t *result = run->result;
    gwc_test_client_t client = { 0 };
    char message[CURL_ERROR_SIZE] = "";
    CURLcode code = CURLE_OK;
    int64_t until;
    long status = 0;
    CURL *curl;

    client.run = run;
    client.request = request;
    client.listener = gwc_client_listener(run, request);
    run->number = run->number % 60000 + 1;

    if (client.listener == NULL) {
        result->error = gwc_sprintf("the gateway has no listener for %s",
                                    request->https ? "https" : "http");
        return;
    }

    curl = curl_easy_init();

    if (curl == NULL) {
        result->error = "libcurl does not start";
        return;
    }

    (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    gwc_client_setup(curl, &client, result);
    (void) curl_multi_add_handle(run->multi, curl);

    while (!gwc_client_is_done(run, &code) && !gwc_test_interrupted()
           && !run->died)
    {
        gwc_test_turn(run, 100);
    }

    (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    result->status = (int) status;

    if (code != CURLE_OK) {
        result->error = gwc_strndup(message, strlen(message));

        if (message[0] == '\0') {
            result->error = curl_easy_strerror(code);
        }
    }

    (void) curl_multi_remove_handle(run->multi, curl);
    curl_easy_cleanup(curl);
    curl_slist_free_all(client.headers);
    curl_slist_free_all(client.connect_to);

    /* the line comes when the request is over for the gateway too */
    until = gwc_test_now() + GWC_TEST_RECORD;

    while (!result->recorded && !run->died && gwc_test_now() < until
           && !gwc_test_interrupted())
    {
        gwc_test_turn(run, 50);
    }
}
