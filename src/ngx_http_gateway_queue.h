
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_QUEUE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_QUEUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_gateway_fetch.h"


/*
 * Entries that wait in the memory of a worker until a transport has sent
 * them, in batches, in order, and again when that failed.  What it does and
 * what its fields mean is what the "queue" of Kong's plugins does.
 *
 * A worker that ends sends what waits for at most five seconds; then, and
 * when it is killed, the rest is lost.
 *
 * How to use it, in a policy:
 *
 *   - embed ngx_http_gateway_queue_conf_t in the conf, its rows
 *     NGX_HTTP_GATEWAY_QUEUE_PARAMS(conf_t, field) in the table of parameters
 *     and ngx_http_gateway_queue_defaults() in defaults();
 *   - fill a ngx_http_gateway_queue_t that lives as long as the configuration
 *     and call ngx_http_gateway_queue_init() in postconfiguration, behind the
 *     init of what its batches lean on (a fetcher);
 *   - in the log phase call ngx_http_gateway_queue_add();
 *   - in send(), which gets a batch, send it, and call
 *     ngx_http_gateway_queue_done() once, at once or later; over HTTP, give
 *     a fetch to ngx_http_gateway_queue_fetch(), which does.
 */

typedef struct ngx_http_gateway_queue_s        ngx_http_gateway_queue_t;
typedef struct ngx_http_gateway_queue_batch_s  ngx_http_gateway_queue_batch_t;


/* parameters "queue.max_batch_size=" etc.; times in seconds */
typedef struct {
    ngx_int_t                        max_batch_size;
    double                           max_coalescing_delay;
    ngx_int_t                        max_entries;
    ngx_int_t                        max_bytes; /* -1: any number */
    double                           max_retry_time;  /* -1: no retries */
    double                           initial_retry_delay;
    double                           max_retry_delay;
    ngx_int_t                        concurrency_limit;  /* 1 or -1 */
} ngx_http_gateway_queue_conf_t;


typedef struct {
    ngx_queue_t                      queue;
    size_t                           len;
    u_char                           data[1];
} ngx_http_gateway_queue_entry_t;


struct ngx_http_gateway_queue_batch_s {
    ngx_http_gateway_queue_t        *queue;
    void                            *data;      /* of the latest entry */
    ngx_uint_t                       n;
    size_t                           bytes;     /* of all entries */
    ngx_queue_t                      entries;   /* oldest first */

    /* its own */
    ngx_queue_t                      link;
    ngx_event_t                      timer;     /* when it is sent (again) */
    ngx_msec_t                       start;
    ngx_msec_t                       delay;     /* before the next time */
    ngx_http_gateway_fetch_t        *fetch;     /* under way, or NULL */
    unsigned                         started:1;
};


struct ngx_http_gateway_queue_s {
    /* set by the owner, before ..._init() */
    ngx_str_t                        feature;   /* for messages */
    ngx_str_t                        name;      /* the same; no secrets */
    void                           (*send)(ngx_http_gateway_queue_batch_t *b);
    ngx_uint_t                       status;    /* the only good one of
                                                   answers; 0: any < 300 */

    /* its own */
    ngx_http_gateway_queue_conf_t   *conf;      /* of whoever filled it when
                                                   it was empty */
    void                            *data;
    ngx_queue_t                      entries;   /* that wait, oldest first */
    ngx_uint_t                       n;
    size_t                           bytes;
    ngx_queue_t                      batches;   /* under way */
    ngx_uint_t                       nbatches;
    ngx_event_t                      timer;
    ngx_msec_t                       first;     /* when the oldest came */
    ngx_msec_t                       end;       /* of a worker that ends */
    ngx_uint_t                       lost;      /* and not told yet */
    ngx_uint_t                       dropped;   /* the same */
    time_t                           told_lost;
    time_t                           told_dropped;
    time_t                           told_failed;
    unsigned                         warned:1;
    unsigned                         ending:1;
};


#define ngx_http_gateway_queue_param(type, field, name, kind, min, max)       \
    { ngx_string("queue." #name), NGX_HTTP_GATEWAY_PARAM_##kind,              \
      offsetof(type, field.name), min, max, NULL }

/* rows of a table of parameters */
#define NGX_HTTP_GATEWAY_QUEUE_PARAMS(type, field)                            \
    ngx_http_gateway_queue_param(type, field, max_batch_size, INT,            \
                                 1, 1000000),                                 \
    ngx_http_gateway_queue_param(type, field, max_coalescing_delay, NUMBER,   \
                                 0, 3600),                                    \
    ngx_http_gateway_queue_param(type, field, max_entries, INT, 1, 1000000),  \
    ngx_http_gateway_queue_param(type, field, max_bytes, INT, 0, 2147483647), \
    ngx_http_gateway_queue_param(type, field, max_retry_time, NUMBER,         \
                                 -1, 1000000),                                \
    ngx_http_gateway_queue_param(type, field, initial_retry_delay, NUMBER,    \
                                 0, 1000000),                                 \
    ngx_http_gateway_queue_param(type, field, max_retry_delay, NUMBER,        \
                                 0, 1000000),                                 \
    ngx_http_gateway_queue_param(type, field, concurrency_limit, INT, -1, 1)

/* for a zeroed conf */
void ngx_http_gateway_queue_defaults(ngx_http_gateway_queue_conf_t *conf);

/* after the parameters: NGX_CONF_OK, or a phrase */
char *ngx_http_gateway_queue_check(ngx_http_gateway_queue_conf_t *conf);

/* for postconfiguration; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_queue_init(ngx_conf_t *cf,
    ngx_http_gateway_queue_t *queue);

/*
 * Keeps a copy of the entry; data is for the batch that it will be in.  send()
 * is never called before this returns.
 */
void ngx_http_gateway_queue_add(ngx_http_gateway_queue_t *queue,
    ngx_http_gateway_queue_conf_t *conf, void *data, const ngx_str_t *entry);

/* whether an entry of this length fits without another one giving way */
ngx_uint_t ngx_http_gateway_queue_room(ngx_http_gateway_queue_t *queue,
    ngx_http_gateway_queue_conf_t *conf, size_t len);

/* error NULL: the batch was sent; it is gone then, or will be sent again */
void ngx_http_gateway_queue_done(ngx_http_gateway_queue_batch_t *batch,
    const char *error);

/*
 * Starts a fetch, which belongs to the queue from now on, and ends the batch
 * by what comes back.
 */
void ngx_http_gateway_queue_fetch(ngx_http_gateway_queue_batch_t *batch,
    ngx_http_gateway_fetch_t *fetch);


#endif /* _NGX_HTTP_GATEWAY_QUEUE_H_INCLUDED_ */
