/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command test: requests and expectations of test files, run against
 * the compiled gateway.  test_file.c reads the files, test_gateway.c
 * compiles and runs nginx, test_client.c sends requests, test_upstream.c is
 * every upstream, test_check.c compares, test_report.c tells.
 */

#ifndef GWC_TEST_H
#define GWC_TEST_H

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <sys/types.h>
#include <time.h>

#include "command.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t sni;
    gwc_str_t certificate; /* files */
    gwc_str_t key;
} gwc_test_tls_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t method;
    gwc_str_t url;
    const gwc_node_t *headers; /* a map, or NULL */
    const gwc_node_t *body;
    gwc_str_t body_file;
    const gwc_node_t *json;
    const gwc_node_t *http;
    gwc_str_t from;
    gwc_test_tls_t tls;

    /* taken from the above */
    gwc_text_t content;
    bool has_content;
    const char *version; /* of HTTP */
    bool https;
    const char *authority; /* as in the URL */
    const char *host;      /* without its port */
    int port;              /* 0: none in the URL */
    const char *target;    /* from the path on */
} gwc_test_request_t;

/* what an upstream answers */
typedef struct {
    gwc_record_t record;
    gwc_str_t target; /* "host:port"; not set: any */
    gwc_int_t status;
    const gwc_node_t *headers;
    const gwc_node_t *trailers;
    const gwc_node_t *body;
    gwc_str_t body_file;
    const gwc_node_t *json;
    gwc_num_t delay;
    gwc_str_t fail;

    gwc_text_t content;
    bool filler; /* nobody asked for this content */
    bool used;
} gwc_test_answer_t;

/* nodes as written; NULL: nothing is expected.  A null: there is none. */
typedef struct {
    gwc_record_t record;
    const gwc_node_t *status;
    const gwc_node_t *route;
    const gwc_node_t *service;
    const gwc_node_t *consumer;
    const gwc_node_t *source;
    const gwc_node_t *headers;
    const gwc_node_t *body;
    const gwc_node_t *json;
    const gwc_node_t *upstream;
} gwc_test_expect_t;

typedef struct {
    gwc_record_t record;
    gwc_test_request_t request;
    const gwc_node_t *upstream;
    gwc_test_expect_t expect;
    gwc_int_t repeat;

    gwc_vec_t answers; /* gwc_test_answer_t */
} gwc_test_step_t;

typedef struct {
    gwc_test_step_t step; /* first: the test is its only step, or has steps */
    gwc_str_t name;
    gwc_str_t window;
    gwc_list_t steps; /* gwc_test_step_t */

    const char *title;
} gwc_test_t;

typedef struct {
    gwc_record_t record;
    gwc_list_t tests; /* gwc_test_t */
    const char *file;
} gwc_test_file_t;

typedef struct {
    gwc_text_t name;
    gwc_text_t value;
} gwc_test_header_t;

/* a request as it reached an upstream */
typedef struct {
    const char *destination; /* "host:port" */
    const char *scheme;      /* "http" or "https" */
    const char *version;     /* "1.0", "1.1", "2" */
    const char *sni;         /* NULL: none */
    const char *certificate; /* subject of the client's; NULL: none */
    gwc_text_t method;
    gwc_text_t target;
    gwc_vec_t headers; /* gwc_test_header_t */
    gwc_buf_t body;
} gwc_test_received_t;

/* what became of one request */
typedef struct {
    const char *error; /* NULL: there was an answer */
    int status;
    const char *version;
    gwc_vec_t headers;
    gwc_buf_t body;
    gwc_vec_t received; /* gwc_test_received_t */

    bool recorded; /* what the gateway says about it */
    gwc_text_t route, service, consumer, custom_id, source;
} gwc_test_result_t;

typedef struct {
    const gwc_node_t *node; /* of the expectation; NULL: the run itself */
    const char *what;
    const char *expected;
    const char *got;
} gwc_test_failure_t;

typedef struct {
    const gwc_test_t *test;
    const gwc_test_file_t *file;
    gwc_vec_t failures; /* gwc_test_failure_t; none: passed */
    size_t step;        /* the one that failed, from 1; 0: not of a step */
    size_t turn;        /* of its repetitions, from 1 */
    const char *shown;  /* the request that failed */
    gwc_vec_t log;      /* char *: lines of nginx's error log */
    time_t began;       /* the first request */
    double seconds;
} gwc_test_outcome_t;

typedef struct {
    int fd;
    int port;   /* the private one */
    int public; /* the one that clients would connect to */
    int configured;
    bool ssl;
} gwc_test_listener_t;

typedef struct gwc_test_conn_s gwc_test_conn_t;

typedef struct {
    gwc_options_t *options;
    gwc_input_t input;
    gwc_nginx_t nginx;
    gwc_trial_t trial;
    const char *prefix;
    gwc_vec_t listeners; /* gwc_test_listener_t */
    pid_t child;         /* nginx's master; 0: none */
    bool died;           /* it ended by itself */
    int exit_status;
    gwc_buf_t complaints; /* what it wrote to stderr */
    int complaints_fd;
    off_t logged; /* of the error log, looked at so far */

    /* the upstreams */
    int listen_fd, sink_fd, dns_fd;
    gwc_vec_t conns; /* gwc_test_conn_t */
    SSL_CTX *tls;
    EVP_PKEY *key;
    X509 *authority;
    EVP_PKEY *authority_key;

    /* the line of each request */
    int record_fd;
    gwc_buf_t record;

    CURLM *multi;
    unsigned number;

    /* under way */
    const gwc_test_step_t *step;
    gwc_test_result_t *result;
} gwc_test_run_t;

/* a signal asked us to end */
bool gwc_test_interrupted(void);

/* test_file.c: sorts the arguments; false: neither, errors are in diag */
bool gwc_test_files(gwc_options_t *options, gwc_vec_t *files);
/* the text of a scalar, or what its vault reference names */
gwc_text_t gwc_test_text(const gwc_node_t *node);
/* a value as JSON text */
void gwc_test_json(gwc_buf_t *buf, const gwc_node_t *node);

/* test_gateway.c: an exit status */
int gwc_test_prepare(gwc_test_run_t *run);
bool gwc_test_start(gwc_test_run_t *run);
/* ends nginx, if it runs; lines: what it logged since, from "warn" up */
void gwc_test_stop(gwc_test_run_t *run, gwc_vec_t *lines);
void gwc_test_finish(gwc_test_run_t *run);
/* lets everything go on that can, for at most so long */
void gwc_test_turn(gwc_test_run_t *run, int milliseconds);

/* test_client.c */
void gwc_test_send(gwc_test_run_t *run, const gwc_test_request_t *request);

/* test_upstream.c */
bool gwc_test_upstream_open(gwc_test_run_t *run);
void gwc_test_upstream_close(gwc_test_run_t *run);
/* ends connections, as between tests */
void gwc_test_upstream_reset(gwc_test_run_t *run);
/* adds what to wait for; the time until something is due, or less */
int gwc_test_upstream_poll(gwc_test_run_t *run, struct curl_waitfd *fds,
                           unsigned *n, unsigned room, int milliseconds);
void gwc_test_upstream_handle(gwc_test_run_t *run,
                              const struct curl_waitfd *fds, unsigned n);
int64_t gwc_test_now(void); /* milliseconds */

/* what an upstream speaks; output is added to conn's */
gwc_test_answer_t *gwc_test_answer(gwc_test_run_t *run,
                                   gwc_test_received_t *received);
gwc_test_received_t *gwc_test_received(const gwc_test_conn_t *conn);
void gwc_test_add_header(gwc_vec_t *headers, const char *name, size_t name_len,
                         const char *value, size_t value_len);
/* the value of the first, or NULL */
const gwc_text_t *gwc_test_header(const gwc_vec_t *headers, const char *name);

/* test_http2.c: the other protocol of upstreams */
typedef struct gwc_test_http2_s gwc_test_http2_t;
gwc_test_http2_t *gwc_test_http2_create(gwc_test_run_t *run,
                                        gwc_test_conn_t *conn);
/* false: the connection is to be closed */
bool gwc_test_http2_input(gwc_test_http2_t *h2, const char *data, size_t len);
bool gwc_test_http2_output(gwc_test_http2_t *h2, gwc_buf_t *out);
/* when the next answer is due; INT64_MAX: none */
int64_t gwc_test_http2_due(const gwc_test_http2_t *h2);
void gwc_test_http2_free(gwc_test_http2_t *h2);

/* test_tls.c */
bool gwc_test_tls_open(gwc_test_run_t *run);
void gwc_test_tls_close(gwc_test_run_t *run);
/* a connection with TLS, whose certificate is for the name asked for */
SSL *gwc_test_tls_accept(gwc_test_run_t *run, int fd, const char *host);

/* test_check.c: what the nodes mean is checked when they are read */
void gwc_test_check_expect(const gwc_test_expect_t *expect);
void gwc_test_compare(const gwc_test_expect_t *expect,
                      const gwc_test_result_t *result, gwc_vec_t *failures);
void gwc_test_fail(gwc_vec_t *failures, const gwc_node_t *node,
                   const char *what, const char *expected, const char *got);

/* test_report.c */
void gwc_test_tap_begin(size_t tests);
void gwc_test_tap(size_t number, const gwc_test_outcome_t *outcome);
/* false: cannot be written */
bool gwc_test_junit(const char *path, const gwc_vec_t *outcomes);

#endif
