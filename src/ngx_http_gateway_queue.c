
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Entries that wait to be sent, see the header.
 *
 *   add -> entries -> (timer: enough of them, or the delay is over) -> batch
 *   -> send -> done: gone, or (timer of the batch) -> send
 *
 * Timers are never cancelable, so that a worker that ends waits for them; the
 * one of the queue looks now and then if it does.
 */


#include "ngx_http_gateway_queue.h"


/* milliseconds */
#define NGX_HTTP_GATEWAY_QUEUE_POLL    500
#define NGX_HTTP_GATEWAY_QUEUE_NO_WAIT 50       /* shorter delays are none */
#define NGX_HTTP_GATEWAY_QUEUE_END     5000

#define NGX_HTTP_GATEWAY_QUEUE_WARNING  80      /* percent */


static ngx_http_gateway_queue_batch_t *ngx_http_gateway_queue_batch(
    ngx_http_gateway_queue_t *queue);
static void ngx_http_gateway_queue_append(ngx_http_gateway_queue_t *queue,
    ngx_http_gateway_queue_entry_t *e);
static ngx_int_t ngx_http_gateway_queue_fits(ngx_http_gateway_queue_t *queue,
    size_t len);
static void ngx_http_gateway_queue_drop(ngx_http_gateway_queue_t *queue);
static void ngx_http_gateway_queue_arm(ngx_http_gateway_queue_t *queue);
static void ngx_http_gateway_queue_timer(ngx_event_t *ev);
static void ngx_http_gateway_queue_ending(ngx_http_gateway_queue_t *queue);
static void ngx_http_gateway_queue_send(ngx_event_t *ev);
static void ngx_http_gateway_queue_fetched(ngx_http_gateway_fetch_t *fetch);
static void ngx_http_gateway_queue_free(ngx_http_gateway_queue_batch_t *batch);
static void ngx_http_gateway_queue_clear(ngx_http_gateway_queue_t *queue);
static void ngx_http_gateway_queue_tell(ngx_http_gateway_queue_t *queue);
static ngx_msec_t ngx_http_gateway_queue_msec(double seconds);
static void ngx_http_gateway_queue_cleanup(void *data);


void
ngx_http_gateway_queue_defaults(ngx_http_gateway_queue_conf_t *conf)
{
    conf->max_batch_size = 1;
    conf->max_coalescing_delay = 1;
    conf->max_entries = 10000;
    conf->max_bytes = -1;
    conf->max_retry_time = 60;
    conf->initial_retry_delay = 0.01;
    conf->max_retry_delay = 60;
    conf->concurrency_limit = 1;
}


char *
ngx_http_gateway_queue_check(ngx_http_gateway_queue_conf_t *conf)
{
    if (conf->concurrency_limit == 0) {
        return "needs 1 or -1 in \"queue.concurrency_limit\"";
    }

    if (conf->initial_retry_delay < 0.001 || conf->max_retry_delay < 0.001) {
        return "needs at least 0.001 in \"queue.initial_retry_delay\" and "
               "\"queue.max_retry_delay\"";
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_queue_init(ngx_conf_t *cf, ngx_http_gateway_queue_t *queue)
{
    ngx_pool_cleanup_t  *cln;

    ngx_queue_init(&queue->entries);
    ngx_queue_init(&queue->batches);

    queue->timer.handler = ngx_http_gateway_queue_timer;
    queue->timer.data = queue;
    queue->timer.log = &cf->cycle->new_log;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_queue_cleanup;
    cln->data = queue;

    return NGX_OK;
}


void
ngx_http_gateway_queue_add(ngx_http_gateway_queue_t *queue,
    ngx_http_gateway_queue_conf_t *conf, void *data, const ngx_str_t *entry)
{
    ngx_uint_t                       was;
    ngx_http_gateway_queue_entry_t  *e;
    ngx_http_gateway_queue_batch_t  *batch;

    if (queue->n == 0 && queue->nbatches == 0) {
        queue->conf = conf;
    }

    conf = queue->conf;
    queue->data = data;

    if (ngx_http_gateway_queue_fits(queue, entry->len) != NGX_OK) {
        return;
    }

    e = ngx_alloc(offsetof(ngx_http_gateway_queue_entry_t, data) + entry->len,
                  ngx_cycle->log);
    if (e == NULL) {
        return;
    }

    e->len = entry->len;
    ngx_memcpy(e->data, entry->data, entry->len);

    was = queue->n;

    if (was == 0) {
        queue->first = ngx_current_msec;
    }

    ngx_http_gateway_queue_append(queue, e);

    if (conf->concurrency_limit == -1) {

        batch = ngx_http_gateway_queue_batch(queue);

        if (batch == NULL) {
            ngx_http_gateway_queue_drop(queue);
            return;
        }

        ngx_add_timer(&batch->timer, 0);
    }

    /* else the timer is set, and for the right time */

    if (!queue->timer.timer_set
        || (queue->nbatches == 0
            && (was == 0 || queue->n == (ngx_uint_t) conf->max_batch_size)))
    {
        ngx_http_gateway_queue_arm(queue);
    }
}


static void
ngx_http_gateway_queue_append(ngx_http_gateway_queue_t *queue,
    ngx_http_gateway_queue_entry_t *e)
{
    ngx_queue_insert_tail(&queue->entries, &e->queue);
    queue->n++;
    queue->bytes += e->len;
}


ngx_uint_t
ngx_http_gateway_queue_room(ngx_http_gateway_queue_t *queue,
    ngx_http_gateway_queue_conf_t *conf, size_t len)
{
    if (queue->n || queue->nbatches) {
        conf = queue->conf;
    }

    if (conf->concurrency_limit == -1) {
        return queue->nbatches < (ngx_uint_t) conf->max_entries;
    }

    return queue->n < (ngx_uint_t) conf->max_entries
           && (conf->max_bytes == -1
               || queue->bytes + len <= (size_t) conf->max_bytes);
}


/* makes room for an entry; NGX_DECLINED after a message */

static ngx_int_t
ngx_http_gateway_queue_fits(ngx_http_gateway_queue_t *queue, size_t len)
{
    ngx_uint_t                      max;
    ngx_http_gateway_queue_conf_t  *conf;

    conf = queue->conf;
    max = (ngx_uint_t) conf->max_entries;

    if (conf->max_bytes != -1 && len > (size_t) conf->max_bytes) {

        if (queue->told_failed != ngx_time()) {
            queue->told_failed = ngx_time();
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "%V: queue \"%V\": string to be queued is longer "
                          "(%uz bytes) than the queue's max_bytes (%i bytes)",
                          &queue->feature, &queue->name, len,
                          conf->max_bytes);
        }

        return NGX_DECLINED;
    }

    if (conf->concurrency_limit == -1) {

        /* those under way cannot be called back */

        if (queue->nbatches >= max) {
            queue->dropped++;
            ngx_http_gateway_queue_tell(queue);
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    if (queue->n * 100 >= max * NGX_HTTP_GATEWAY_QUEUE_WARNING) {

        if (!queue->warned) {
            queue->warned = 1;
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "%V: queue \"%V\": queue at 80%% capacity",
                          &queue->feature, &queue->name);
        }

    } else {
        queue->warned = 0;
    }

    while (queue->n
           && (queue->n >= max
               || (conf->max_bytes != -1
                   && queue->bytes + len > (size_t) conf->max_bytes)))
    {
        ngx_http_gateway_queue_drop(queue);
        queue->dropped++;
    }

    ngx_http_gateway_queue_tell(queue);

    return NGX_OK;
}


/* forgets the oldest entry */

static void
ngx_http_gateway_queue_drop(ngx_http_gateway_queue_t *queue)
{
    ngx_queue_t                     *q;
    ngx_http_gateway_queue_entry_t  *e;

    q = ngx_queue_head(&queue->entries);
    e = ngx_queue_data(q, ngx_http_gateway_queue_entry_t, queue);

    ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc) */

    queue->n--;
    queue->bytes -= e->len;

    ngx_free(e);
}


/* of the oldest entries, as many as may be in one; NULL: no memory */

static ngx_http_gateway_queue_batch_t *
ngx_http_gateway_queue_batch(ngx_http_gateway_queue_t *queue)
{
    ngx_uint_t                       max;
    ngx_queue_t                     *q;
    ngx_http_gateway_queue_entry_t  *e;
    ngx_http_gateway_queue_batch_t  *batch;

    batch = ngx_calloc(sizeof(ngx_http_gateway_queue_batch_t),
                       ngx_cycle->log);
    if (batch == NULL) {
        return NULL;
    }

    batch->queue = queue;
    batch->data = queue->data;
    batch->timer.handler = ngx_http_gateway_queue_send;
    batch->timer.data = batch;
    batch->timer.log = ngx_cycle->log;

    ngx_queue_init(&batch->entries);

    max = (queue->conf->concurrency_limit == -1)
          ? 1 : (ngx_uint_t) queue->conf->max_batch_size;

    while (batch->n < max && !ngx_queue_empty(&queue->entries)) {

        q = ngx_queue_head(&queue->entries);
        e = ngx_queue_data(q, ngx_http_gateway_queue_entry_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&batch->entries, q);

        queue->n--;
        queue->bytes -= e->len;
        batch->n++;
        batch->bytes += e->len;
    }

    /* those that stay have waited as long, about */

    ngx_queue_insert_tail(&queue->batches, &batch->link);
    queue->nbatches++;

    return batch;
}


/* sets the timer of the queue; none while there is nothing to do */

static void
ngx_http_gateway_queue_arm(ngx_http_gateway_queue_t *queue)
{
    ngx_msec_t      delay;
    ngx_msec_int_t  left;

    /* nginx does not move a timer by less than 300 milliseconds */

    if (queue->timer.timer_set) {
        ngx_del_timer(&queue->timer);
    }

    if (queue->n == 0 && queue->nbatches == 0 && queue->lost == 0
        && queue->dropped == 0)
    {
        return;
    }

    delay = NGX_HTTP_GATEWAY_QUEUE_POLL;

    if (queue->n && queue->nbatches == 0) {

        left = (ngx_msec_int_t) ngx_http_gateway_queue_msec(
                                        queue->conf->max_coalescing_delay);

        if (queue->n >= (ngx_uint_t) queue->conf->max_batch_size
            || left < NGX_HTTP_GATEWAY_QUEUE_NO_WAIT || ngx_exiting)
        {
            left = 0;

        } else {
            left -= (ngx_msec_int_t) (ngx_current_msec - queue->first);
        }

        delay = ngx_min(delay, (ngx_msec_t) ngx_max(left, 0));
    }

    ngx_add_timer(&queue->timer, delay);
}


static void
ngx_http_gateway_queue_timer(ngx_event_t *ev)
{
    ngx_msec_int_t                   left;
    ngx_http_gateway_queue_t        *queue;
    ngx_http_gateway_queue_batch_t  *batch;

    queue = ev->data;

    ngx_http_gateway_queue_tell(queue);

    if (ngx_exiting && queue->n + queue->nbatches) {

        ngx_http_gateway_queue_ending(queue);

        if ((ngx_msec_int_t) (queue->end - ngx_current_msec) <= 0) {
            ngx_http_gateway_queue_clear(queue);
            return;
        }
    }

    if (queue->n && queue->nbatches == 0) {

        left = (ngx_msec_int_t) ngx_http_gateway_queue_msec(
                                        queue->conf->max_coalescing_delay);
        left -= (ngx_msec_int_t) (ngx_current_msec - queue->first);

        if (queue->n >= (ngx_uint_t) queue->conf->max_batch_size
            || left < NGX_HTTP_GATEWAY_QUEUE_NO_WAIT || ngx_exiting)
        {
            batch = ngx_http_gateway_queue_batch(queue);

            if (batch) {
                ngx_http_gateway_queue_send(&batch->timer);
            }
        }
    }

    ngx_http_gateway_queue_arm(queue);
}


/* what waits to be sent again is tried at once */

static void
ngx_http_gateway_queue_ending(ngx_http_gateway_queue_t *queue)
{
    ngx_queue_t                     *q;
    ngx_http_gateway_queue_batch_t  *batch;

    if (queue->ending) {
        return;
    }

    queue->ending = 1;
    queue->end = ngx_current_msec + NGX_HTTP_GATEWAY_QUEUE_END;

    for (q = ngx_queue_head(&queue->batches);
         q != ngx_queue_sentinel(&queue->batches);
         q = ngx_queue_next(q))
    {
        batch = ngx_queue_data(q, ngx_http_gateway_queue_batch_t, link);

        if (batch->timer.timer_set) {
            ngx_del_timer(&batch->timer);
            ngx_add_timer(&batch->timer, 0);
        }
    }
}


static void
ngx_http_gateway_queue_send(ngx_event_t *ev)
{
    ngx_http_gateway_queue_t        *queue;
    ngx_http_gateway_queue_batch_t  *batch;

    batch = ev->data;
    queue = batch->queue;

    if (!batch->started) {
        batch->started = 1;
        batch->start = ngx_current_msec;
        batch->delay = ngx_http_gateway_queue_msec(
                                         queue->conf->initial_retry_delay);
    }

    queue->send(batch);
}


void
ngx_http_gateway_queue_done(ngx_http_gateway_queue_batch_t *batch,
    const char *error)
{
    double                     spent;
    ngx_msec_t                 delay, max;
    ngx_http_gateway_queue_t  *queue;

    queue = batch->queue;

    if (error) {

        if (queue->told_failed != ngx_time()) {
            queue->told_failed = ngx_time();
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "%V: queue \"%V\": handler could not process "
                          "entries: %s", &queue->feature, &queue->name, error);
        }

        spent = (double) (ngx_msec_int_t) (ngx_current_msec - batch->start)
                / 1000;

        if (spent <= queue->conf->max_retry_time) {

            max = ngx_http_gateway_queue_msec(queue->conf->max_retry_delay);
            delay = ngx_min(batch->delay, max);

            batch->delay = ngx_min(delay * 2, max);

            if (ngx_exiting) {
                delay = ngx_min(delay, NGX_HTTP_GATEWAY_QUEUE_POLL);
            }

            ngx_add_timer(&batch->timer, delay);
            return;
        }

        queue->lost += batch->n;
        ngx_http_gateway_queue_tell(queue);
    }

    ngx_http_gateway_queue_free(batch);

    if (queue->nbatches == 0) {
        ngx_http_gateway_queue_arm(queue);
    }
}


void
ngx_http_gateway_queue_fetch(ngx_http_gateway_queue_batch_t *batch,
    ngx_http_gateway_fetch_t *fetch)
{
    fetch->handler = ngx_http_gateway_queue_fetched;
    fetch->data = batch;
    fetch->awaited = 1;

    batch->fetch = fetch;

    ngx_http_gateway_fetch_start(fetch);
}


static void
ngx_http_gateway_queue_fetched(ngx_http_gateway_fetch_t *fetch)
{
    u_char                          *p, *last;
    u_char                           text[640];
    const char                      *error;
    ngx_http_gateway_queue_t        *queue;
    ngx_http_gateway_queue_batch_t  *batch;

    batch = fetch->data;
    queue = batch->queue;
    error = NULL;

    p = text;
    last = text + sizeof(text) - 1;

    if (fetch->error.len) {
        p = ngx_slprintf(p, last, "%V", &fetch->error);

    } else if (queue->status ? fetch->status != queue->status
                             : fetch->status >= 300)
    {
        p = ngx_slprintf(p, last, "returned status code %ui", fetch->status);
    }

    if (p != text) {

        /* most queues are named after the place they send to */

        if (queue->name.data == queue->feature.data) {
            p = ngx_slprintf(p, last, " (endpoint \"%V\")",
                             &fetch->to.authority);
        }

        *p = '\0';
        error = (const char *) text;
    }

    batch->fetch = NULL;
    ngx_http_gateway_fetch_free(fetch);

    ngx_http_gateway_queue_done(batch, error);
}


static void
ngx_http_gateway_queue_free(ngx_http_gateway_queue_batch_t *batch)
{
    ngx_queue_t                     *q;
    ngx_http_gateway_queue_entry_t  *e;

    if (batch->fetch) {
        ngx_http_gateway_fetch_free(batch->fetch);
    }

    if (batch->timer.timer_set) {
        ngx_del_timer(&batch->timer);
    }

    while (!ngx_queue_empty(&batch->entries)) {
        q = ngx_queue_head(&batch->entries);
        e = ngx_queue_data(q, ngx_http_gateway_queue_entry_t, queue);

        ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc) */
        ngx_free(e);
    }

    ngx_queue_remove(&batch->link);
    batch->queue->nbatches--;

    ngx_free(batch);
}


/* the rest is lost */

static void
ngx_http_gateway_queue_clear(ngx_http_gateway_queue_t *queue)
{
    ngx_queue_t                     *q;
    ngx_http_gateway_queue_batch_t  *batch;

    while (!ngx_queue_empty(&queue->batches)) {
        q = ngx_queue_head(&queue->batches);
        batch = ngx_queue_data(q, ngx_http_gateway_queue_batch_t, link);

        /* the analyzer does not see that freeing one made another the head */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        queue->lost += batch->n;
        ngx_http_gateway_queue_free(batch);
    }

    while (!ngx_queue_empty(&queue->entries)) {
        queue->lost++;
        ngx_http_gateway_queue_drop(queue);
    }

    if (queue->lost || queue->dropped) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%V: queue \"%V\": %ui queue entries were lost since "
                      "the worker ends", &queue->feature, &queue->name,
                      queue->lost + queue->dropped);
        queue->lost = 0;
        queue->dropped = 0;
    }

    if (queue->timer.timer_set) {
        ngx_del_timer(&queue->timer);
    }
}


/* once a second; the timer of the queue tells the rest */

static void
ngx_http_gateway_queue_tell(ngx_http_gateway_queue_t *queue)
{
    if (queue->dropped && queue->told_dropped != ngx_time()) {

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%V: queue \"%V\": queue full, dropping old entries "
                      "until processing is successful again, %ui queue "
                      "entries were dropped", &queue->feature, &queue->name,
                      queue->dropped);

        queue->told_dropped = ngx_time();
        queue->dropped = 0;
    }

    if (queue->lost && queue->told_lost != ngx_time()) {

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%V: queue \"%V\": could not send entries due to "
                      "max_retry_time exceeded. %ui queue entries were lost",
                      &queue->feature, &queue->name, queue->lost);

        queue->told_lost = ngx_time();
        queue->lost = 0;
    }
}


static ngx_msec_t
ngx_http_gateway_queue_msec(double seconds)
{
    return (ngx_msec_t) (seconds * 1000 + 0.5);
}


/* of the configuration */

static void
ngx_http_gateway_queue_cleanup(void *data)
{
    ngx_http_gateway_queue_t *queue = data;

    ngx_http_gateway_queue_clear(queue);
}
