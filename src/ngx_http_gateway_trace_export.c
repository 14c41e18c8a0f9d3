
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends spans in batches.  A worker that ends sends what it has first: its
 * timers hold it.
 */


#include "ngx_http_gateway_trace_export.h"


typedef struct {
    ngx_queue_t                          queue;
    size_t                               len;
    u_char                               data[1];
} ngx_http_gateway_trace_entry_t;


/* entries that are sent together until that works */
typedef struct {
    ngx_http_gateway_trace_export_t     *ex;
    ngx_queue_t                          entries;
    ngx_uint_t                           n;
    ngx_msec_t                           started;
    ngx_msec_t                           delay; /* before the next try */
    ngx_event_t                          timer;
} ngx_http_gateway_trace_batch_t;


static void ngx_http_gateway_trace_export_run(
    ngx_http_gateway_trace_export_t *ex, ngx_uint_t due);
static ngx_int_t ngx_http_gateway_trace_export_batch(
    ngx_http_gateway_trace_export_t *ex);
static void ngx_http_gateway_trace_export_timer(ngx_event_t *ev);
static void ngx_http_gateway_trace_batch_timer(ngx_event_t *ev);
static void ngx_http_gateway_trace_batch_send(
    ngx_http_gateway_trace_batch_t *b);
static ngx_int_t ngx_http_gateway_trace_batch_prepare(
    ngx_http_gateway_trace_batch_t *b, ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_trace_batch_done(ngx_http_gateway_fetch_t *f);
static void ngx_http_gateway_trace_batch_failed(
    ngx_http_gateway_trace_batch_t *b);
static void ngx_http_gateway_trace_batch_free(
    ngx_http_gateway_trace_batch_t *b);


void
ngx_http_gateway_trace_export_defaults(ngx_http_gateway_trace_export_t *ex)
{
    ex->connect_timeout = 1000;
    ex->send_timeout = 5000;
    ex->read_timeout = 5000;
    ex->max_batch_size = 1;
    ex->max_coalescing_delay = 1;
    ex->max_entries = 10000;
    ex->max_retry_time = 60;
    ex->initial_retry_delay = 0.01;
    ex->max_retry_delay = 60;
    ex->concurrency_limit = 1;
}


char *
ngx_http_gateway_trace_export_check(ngx_conf_t *cf,
    ngx_http_gateway_trace_export_t *ex, ngx_http_gateway_fetcher_t *fetcher)
{
    if (ex->url.len
        && ngx_http_gateway_fetch_parse_url(&ex->url, NULL) != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid URL \"%V\"",
                           &ex->url);
        return NGX_CONF_ERROR;
    }

    if (ex->concurrency_limit == 0) {
        return "needs 1 or -1 in \"queue.concurrency_limit\"";
    }

    ex->fetcher = fetcher;

    return NGX_CONF_OK;
}


void
ngx_http_gateway_trace_export(ngx_http_gateway_trace_export_t *ex,
    const ngx_str_t *entry)
{
    ngx_queue_t                     *q;
    ngx_uint_t                       dropped;
    ngx_http_gateway_trace_entry_t  *e;

    if (ex->pid != ngx_pid) {
        ex->pid = ngx_pid;
        ngx_queue_init(&ex->entries);
        ex->timer.handler = ngx_http_gateway_trace_export_timer;
        ex->timer.data = ex;
        ex->timer.log = ngx_cycle->log;
    }

    if (ex->max_bytes && entry->len > (size_t) ex->max_bytes) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%s: a span of %uz bytes is dropped: it is larger than "
                      "max_bytes", ex->name, entry->len);
        return;
    }

    dropped = 0;

    while (ex->n && (ex->n >= (ngx_uint_t) ex->max_entries
                     || (ex->max_bytes && ex->bytes + entry->len
                                          > (size_t) ex->max_bytes)))
    {
        q = ngx_queue_head(&ex->entries);
        ngx_queue_remove(q);

        e = ngx_queue_data(q, ngx_http_gateway_trace_entry_t, queue);
        ex->bytes -= e->len;
        ex->n--;
        ngx_free(e);
        dropped = 1;
    }

    if (dropped && ex->complained != ngx_time()) {
        ex->complained = ngx_time();
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%s: the queue is full, its oldest spans are dropped",
                      ex->name);
    }

    e = ngx_alloc(offsetof(ngx_http_gateway_trace_entry_t, data) + entry->len,
                  ngx_cycle->log);
    if (e == NULL) {
        return;
    }

    e->len = entry->len;
    ngx_memcpy(e->data, entry->data, entry->len);

    ngx_queue_insert_tail(&ex->entries, &e->queue);
    ex->bytes += e->len;
    ex->n++;

    ngx_http_gateway_trace_export_run(ex, 0);
}


/* sends what can be; due: the entries have waited long enough */

static void
ngx_http_gateway_trace_export_run(ngx_http_gateway_trace_export_t *ex,
    ngx_uint_t due)
{
    while (ex->n && (ex->concurrency_limit == -1 || ex->sending == 0)
           && (due || ex->concurrency_limit == -1
               || ex->n >= (ngx_uint_t) ex->max_batch_size || ngx_exiting))
    {
        if (ngx_http_gateway_trace_export_batch(ex) != NGX_OK) {
            break;
        }
    }

    if (ex->n && ex->sending == 0 && !ex->timer.timer_set) {
        ngx_add_timer(&ex->timer,
                      (ngx_msec_t) (ex->max_coalescing_delay * 1000) + 1);
    }
}


static void
ngx_http_gateway_trace_export_timer(ngx_event_t *ev)
{
    ngx_http_gateway_trace_export_run(ev->data, 1);
}


static ngx_int_t
ngx_http_gateway_trace_export_batch(ngx_http_gateway_trace_export_t *ex)
{
    ngx_queue_t                     *q;
    ngx_uint_t                       max;
    ngx_http_gateway_trace_batch_t  *b;
    ngx_http_gateway_trace_entry_t  *e;

    b = ngx_calloc(sizeof(ngx_http_gateway_trace_batch_t), ngx_cycle->log);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->ex = ex;
    b->started = ngx_current_msec;
    b->delay = (ngx_msec_t) (ex->initial_retry_delay * 1000);
    b->timer.handler = ngx_http_gateway_trace_batch_timer;
    b->timer.data = b;
    b->timer.log = ngx_cycle->log;
    ngx_queue_init(&b->entries);

    max = ex->concurrency_limit == -1 ? 1 : (ngx_uint_t) ex->max_batch_size;

    while (ex->n && b->n < max) {
        q = ngx_queue_head(&ex->entries);
        ngx_queue_remove(q);

        e = ngx_queue_data(q, ngx_http_gateway_trace_entry_t, queue);
        ex->bytes -= e->len;
        ex->n--;

        ngx_queue_insert_tail(&b->entries, q);
        b->n++;
    }

    ex->sending++;

    ngx_http_gateway_trace_batch_send(b);

    return NGX_OK;
}


static void
ngx_http_gateway_trace_batch_timer(ngx_event_t *ev)
{
    ngx_http_gateway_trace_batch_send(ev->data);
}


static void
ngx_http_gateway_trace_batch_send(ngx_http_gateway_trace_batch_t *b)
{
    ngx_http_gateway_fetch_t  *f;

    f = ngx_http_gateway_fetch_create(b->ex->fetcher, &b->ex->url);

    if (f && ngx_http_gateway_trace_batch_prepare(b, f) == NGX_OK) {
        ngx_http_gateway_fetch_start(f);
        return;
    }

    if (f) {
        ngx_http_gateway_fetch_free(f);
    }

    ngx_http_gateway_trace_batch_failed(b);
}


static ngx_int_t
ngx_http_gateway_trace_batch_prepare(ngx_http_gateway_trace_batch_t *b,
    ngx_http_gateway_fetch_t *f)
{
    ngx_str_t                       *entries, value;
    ngx_uint_t                       i, typed;
    ngx_queue_t                     *q;
    ngx_keyval_t                    *kv;
    ngx_http_gateway_trace_entry_t  *e;

    f->handler = ngx_http_gateway_trace_batch_done;
    f->data = b;
    f->awaited = 1;
    f->timeout = b->ex->connect_timeout + b->ex->send_timeout
                 + b->ex->read_timeout;
    ngx_str_set(&f->method, "POST");

    typed = 0;

    if (b->ex->headers) {
        kv = b->ex->headers->elts;

        for (i = 0; i < b->ex->headers->nelts; i++) {

            typed |= (kv[i].key.len == sizeof("content-type") - 1
                      && ngx_strcasecmp(kv[i].key.data,
                                        (u_char *) "content-type")
                         == 0);

            if (ngx_http_gateway_fetch_add_header(f,
                                     (char *) kv[i].key.data, &kv[i].value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (!typed) {
        value.data = (u_char *) b->ex->content_type;
        value.len = ngx_strlen(value.data);

        if (ngx_http_gateway_fetch_add_header(f, "Content-Type", &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    entries = ngx_palloc(f->pool, b->n * sizeof(ngx_str_t));
    if (entries == NULL) {
        return NGX_ERROR;
    }

    i = 0;

    for (q = ngx_queue_head(&b->entries);
         q != ngx_queue_sentinel(&b->entries);
         q = ngx_queue_next(q))
    {
        e = ngx_queue_data(q, ngx_http_gateway_trace_entry_t, queue);
        entries[i].data = e->data;
        entries[i++].len = e->len;
    }

    return b->ex->encode(b->ex, entries, b->n, f);
}


static void
ngx_http_gateway_trace_batch_done(ngx_http_gateway_fetch_t *f)
{
    ngx_uint_t                       ok;
    ngx_http_gateway_trace_batch_t  *b;

    b = f->data;

    ok = f->error.len == 0
         && (b->ex->only_200 ? f->status == 200
                             : f->status >= 200 && f->status < 300);

    if (!ok && b->ex->complained != ngx_time()) {
        b->ex->complained = ngx_time();

        if (f->error.len) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "%s: sending %ui spans failed: %V", b->ex->name,
                          b->n, &f->error);

        } else {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "%s: sending %ui spans failed: the collector "
                          "answered %ui", b->ex->name, b->n, f->status);
        }
    }

    ngx_http_gateway_fetch_free(f);

    if (ok) {
        ngx_http_gateway_trace_batch_free(b);
        return;
    }

    ngx_http_gateway_trace_batch_failed(b);
}


static void
ngx_http_gateway_trace_batch_failed(ngx_http_gateway_trace_batch_t *b)
{
    ngx_msec_t                        most;
    ngx_http_gateway_trace_export_t  *ex;

    ex = b->ex;

    if (ex->max_retry_time < 0
        || ngx_current_msec - b->started
           >= (ngx_msec_t) (ex->max_retry_time * 1000))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%s: could not send entries due to max_retry_time "
                      "exceeded, %ui spans are lost", ex->name, b->n);
        ngx_http_gateway_trace_batch_free(b);
        return;
    }

    most = (ngx_msec_t) (ex->max_retry_delay * 1000);

    ngx_add_timer(&b->timer, ngx_min(b->delay, most) + 1);

    b->delay = ngx_min(2 * b->delay, most);
}


static void
ngx_http_gateway_trace_batch_free(ngx_http_gateway_trace_batch_t *b)
{
    ngx_queue_t                      *q;
    ngx_http_gateway_trace_export_t  *ex;

    ex = b->ex;

    while (!ngx_queue_empty(&b->entries)) {
        q = ngx_queue_head(&b->entries);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_gateway_trace_entry_t, queue));
    }

    ngx_free(b);

    ex->sending--;

    ngx_http_gateway_trace_export_run(ex, 0);
}
