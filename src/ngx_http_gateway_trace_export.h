
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_TRACE_EXPORT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRACE_EXPORT_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_fetch.h"


/*
 * Spans on their way to a collector: each worker keeps them in memory, sends
 * them in batches by POST, and tries again what failed.  Requests never wait.
 * When there are too many the oldest are dropped, with a message.
 */

typedef struct ngx_http_gateway_trace_export_s
    ngx_http_gateway_trace_export_t;

/*
 * Makes the body of one request of n entries, in the pool of the fetch.
 * NGX_OK or NGX_ERROR.
 */
typedef ngx_int_t (*ngx_http_gateway_trace_encode_pt)(
    ngx_http_gateway_trace_export_t *ex, ngx_str_t *entries, ngx_uint_t n,
    ngx_http_gateway_fetch_t *f);


/* part of the conf of a policy; zeros and _defaults() first */
struct ngx_http_gateway_trace_export_s {
    /* parameters */
    ngx_str_t                        url;       /* empty: nothing is sent */
    ngx_array_t                     *headers;   /* ngx_keyval_t, or NULL */
    ngx_int_t                        connect_timeout;   /* milliseconds */
    ngx_int_t                        send_timeout;
    ngx_int_t                        read_timeout;
    ngx_int_t                        max_batch_size;
    double                           max_coalescing_delay;  /* seconds */
    ngx_int_t                        max_entries;
    ngx_int_t                        max_bytes;         /* 0: any number */
    double                           max_retry_time;    /* -1: no retry */
    double                           initial_retry_delay;
    double                           max_retry_delay;
    ngx_int_t                        concurrency_limit; /* 1, -1: none */

    /* of the policy */
    const char                      *name;      /* for messages */
    const char                      *content_type;
    ngx_http_gateway_trace_encode_pt encode;
    void                            *data;      /* of encode */
    ngx_uint_t                       only_200;  /* else any 2xx is success */

    /* its own; of each worker */
    ngx_http_gateway_fetcher_t      *fetcher;
    ngx_pid_t                        pid;       /* whose the entries are */
    ngx_queue_t                      entries;
    ngx_uint_t                       n;
    size_t                           bytes;
    ngx_uint_t                       sending;   /* batches */
    ngx_event_t                      timer;
    time_t                           complained;
};


/* the rows of a table of parameters, but those of the URL and headers */
#define NGX_HTTP_GATEWAY_TRACE_EXPORT_PARAMS(type, member)                    \
    { ngx_string("connect_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,              \
      offsetof(type, member.connect_timeout), 0, 2147483646, NULL },          \
    { ngx_string("send_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,                 \
      offsetof(type, member.send_timeout), 0, 2147483646, NULL },             \
    { ngx_string("read_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,                 \
      offsetof(type, member.read_timeout), 0, 2147483646, NULL },             \
    { ngx_string("queue.max_batch_size"), NGX_HTTP_GATEWAY_PARAM_INT,         \
      offsetof(type, member.max_batch_size), 1, 1000000, NULL },              \
    { ngx_string("queue.max_coalescing_delay"),                               \
      NGX_HTTP_GATEWAY_PARAM_NUMBER,                                          \
      offsetof(type, member.max_coalescing_delay), 0, 3600, NULL },           \
    { ngx_string("queue.max_entries"), NGX_HTTP_GATEWAY_PARAM_INT,            \
      offsetof(type, member.max_entries), 1, 1000000, NULL },                 \
    { ngx_string("queue.max_bytes"), NGX_HTTP_GATEWAY_PARAM_INT,              \
      offsetof(type, member.max_bytes), 0, 0, NULL },                         \
    { ngx_string("queue.max_retry_time"), NGX_HTTP_GATEWAY_PARAM_NUMBER,      \
      offsetof(type, member.max_retry_time), 0, 0, NULL },                    \
    { ngx_string("queue.initial_retry_delay"),                                \
      NGX_HTTP_GATEWAY_PARAM_NUMBER,                                          \
      offsetof(type, member.initial_retry_delay), 0, 1000000, NULL },         \
    { ngx_string("queue.max_retry_delay"), NGX_HTTP_GATEWAY_PARAM_NUMBER,     \
      offsetof(type, member.max_retry_delay), 0, 1000000, NULL },             \
    { ngx_string("queue.concurrency_limit"), NGX_HTTP_GATEWAY_PARAM_INT,      \
      offsetof(type, member.concurrency_limit), -1, 1, NULL }


void ngx_http_gateway_trace_export_defaults(
    ngx_http_gateway_trace_export_t *ex);

/* for the policy's check: NULL, or a phrase */
char *ngx_http_gateway_trace_export_check(ngx_conf_t *cf,
    ngx_http_gateway_trace_export_t *ex, ngx_http_gateway_fetcher_t *fetcher);

/* takes a copy of an entry */
void ngx_http_gateway_trace_export(ngx_http_gateway_trace_export_t *ex,
    const ngx_str_t *entry);


#endif /* _NGX_HTTP_GATEWAY_TRACE_EXPORT_H_INCLUDED_ */
