
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Counters that many gateways share without asking for each request.  Of each
 * window this nginx knows how many requests there were at all gateways when it
 * last heard, and counts its own on top of that; what it counted goes to Redis
 * in batches, and the answers tell the others' counts.  The workers share what
 * is known in shared memory.
 *
 *   count = known of all + delta (to be sent) + sending (not answered yet)
 *
 * Counts that cannot be sent are kept and sent later, as long as their window
 * lasts.  A worker that ends sends what it has at once, and leaves what it
 * cannot send to others (_unsent.c); one that is killed loses it.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_rate_limiting.h"


/* keys sent in one turn of the event loop */
#define NGX_HTTP_GATEWAY_RATE_BATCH    500

/* keys of a worker that wait to be sent; those after that are not shared */
#define NGX_HTTP_GATEWAY_RATE_CHANGED  100000

/* milliseconds between attempts while Redis cannot be asked */
#define NGX_HTTP_GATEWAY_RATE_AGAIN    100
#define NGX_HTTP_GATEWAY_RATE_AGAINS   2000


/* in shared memory; a worker may be killed between any two stores */
typedef struct {
    uint32_t                      start;     /* 0: nothing is known */
    uint32_t                      count;
    uint32_t                      delta;
    uint32_t                      sending;
} ngx_http_gateway_rate_limiting_shared_window_t;

typedef struct {
    ngx_http_gateway_rate_limiting_shared_window_t
                                  window[NGX_HTTP_GATEWAY_RATE_PERIODS];
    uint32_t                      taken;     /* some worker sees to sending
                                                until that second */
    uint32_t                      padding;
} ngx_http_gateway_rate_limiting_shared_t;


static char  *ngx_http_gateway_rate_limiting_unsent_labels[] = { NULL };

static ngx_http_gateway_metric_t
    ngx_http_gateway_rate_limiting_unsent_metrics[] =
{
    { "gateway_rate_limiting_unsent_keys",
      "Clients whose counts wait to be sent to Redis",
      NGX_HTTP_GATEWAY_METRICS_GAUGE, 0, NULL, NULL, NULL },

    { NULL, NULL, 0, 0, NULL, NULL, NULL }
};

static ngx_http_gateway_metrics_set_t
    ngx_http_gateway_rate_limiting_unsent_keys =
{
    NGX_HTTP_GATEWAY_METRICS_UNSENT,
    ngx_http_gateway_rate_limiting_unsent_labels,
    ngx_http_gateway_rate_limiting_unsent_metrics
};


static ngx_int_t ngx_http_gateway_rate_limiting_fetch(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data);
static ngx_int_t ngx_http_gateway_rate_limiting_take(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t known,
    ngx_uint_t *stop);
static void ngx_http_gateway_rate_limiting_watch(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
static void ngx_http_gateway_rate_limiting_ending(ngx_event_t *ev);
static void ngx_http_gateway_rate_limiting_unwatch(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
static void ngx_http_gateway_rate_limiting_unsent(
    ngx_http_gateway_rate_limiting_sync_t *sync, ngx_int_t change);
static void ngx_http_gateway_rate_limiting_timer(ngx_event_t *ev);
static ngx_msec_t ngx_http_gateway_rate_limiting_again_in(
    ngx_http_gateway_rate_limiting_sync_t *sync);
static ngx_int_t ngx_http_gateway_rate_limiting_push(
    ngx_http_gateway_rate_limiting_changed_t *changed);
static ngx_int_t ngx_http_gateway_rate_limiting_collect(
    ngx_http_gateway_rate_limiting_changed_t *changed);
static ngx_int_t ngx_http_gateway_rate_limiting_ship(
    ngx_http_gateway_rate_limiting_changed_t *changed);
static void ngx_http_gateway_rate_limiting_pushed(void *data,
    redisReply *reply);
static void ngx_http_gateway_rate_limiting_settle(
    ngx_http_gateway_rate_limiting_changed_t *changed, redisReply *reply);
static void ngx_http_gateway_rate_limiting_sync_cleanup(void *data);


ngx_http_gateway_redis_script_t  ngx_http_gateway_rate_limiting_add_up = {
    ngx_string("local time = redis.call('TIME')\n"
               "local now = time[1] * 1000000 + time[2]\n"
               "local count = {}\n"
               "for i, key in ipairs(KEYS) do\n"
               "  local n, ttl = tonumber(ARGV[2 * i - 1]), ARGV[2 * i]\n"
               "  if ttl == '0' then\n"
               "    local tat = tonumber(redis.call('GET', key) or 0)\n"
               "    if tat < now then tat = now end\n"
               "    tat = tat + n\n"
               "    if n > 0 then\n"
               "      redis.call('SET', key, string.format('%.0f', tat),"
                                " 'PX', math.ceil((tat - now) / 1000))\n"
               "    end\n"
               "    count[i] = tat - now\n"
               "  elseif n > 0 then\n"
               "    count[i] = redis.call('INCRBY', key, ARGV[2 * i - 1])\n"
               "    if count[i] == n then\n"
               "      redis.call('EXPIRE', key, ttl)\n"
               "    end\n"
               "  else\n"
               "    count[i] = tonumber(redis.call('GET', key) or 0)\n"
               "  end\n"
               "end\n"
               "return count\n"),
    "",
    0
};


ngx_int_t
ngx_http_gateway_rate_limiting_synced(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop)
{
    ngx_int_t  rc;

    switch (data->state) {

    case NGX_HTTP_GATEWAY_RATE_LIMITING_NEW:

        if (mcf->now != ngx_time()) {
            ngx_http_gateway_rate_limiting_windows(mcf, ngx_time());
        }

        rc = ngx_http_gateway_rate_limiting_take(r, conf, mcf, data, 0, stop);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        /* the first request in some window */

        data->now = mcf->now;

        rc = ngx_http_gateway_rate_limiting_fetch(r, conf, mcf, data);

        if (rc == NGX_AGAIN) {
            data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_ASKED;
        }

        return rc == NGX_DECLINED ? NGX_BUSY : rc;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_ASKED:
        return NGX_AGAIN;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_ANSWERED:

        if (mcf->now != data->now) {
            ngx_http_gateway_rate_limiting_windows(mcf, data->now);
        }

        return ngx_http_gateway_rate_limiting_take(r, conf, mcf, data, 1,
                                                   stop);

    default: /* NGX_HTTP_GATEWAY_RATE_LIMITING_FAILED */
        return NGX_BUSY;
    }
}


ngx_int_t
ngx_http_gateway_rate_limiting_alone(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop)
{
    if (mcf->now != ngx_time()) {
        ngx_http_gateway_rate_limiting_windows(mcf, ngx_time());
    }

    ngx_memzero(data->used, sizeof(data->used));

    return ngx_http_gateway_rate_limiting_take(r, conf, mcf, data, 1, stop);
}


static ngx_int_t
ngx_http_gateway_rate_limiting_fetch(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data)
{
    u_char                            *p;
    ngx_str_t                          prefix;
    ngx_str_t                          argv[1 + NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t                         i, period;
    ngx_http_gateway_redis_command_t   command;

    if (ngx_http_gateway_rate_limiting_prefix(r, conf, &conf->rule, &prefix)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "MGET");

    for (i = 0; i < conf->n; i++) {

        period = conf->limits[i].period;

        p = ngx_pnalloc(r->pool, prefix.len + NGX_HTTP_GATEWAY_RATE_KEY);
        if (p == NULL) {
            return NGX_ERROR;
        }

        argv[1 + i].data = p;
        argv[1 + i].len = ngx_http_gateway_rate_limiting_key(p, &prefix,
                                                  period, mcf->start[period])
                          - p;
    }

    ngx_memzero(&command, sizeof(ngx_http_gateway_redis_command_t));

    command.argv = argv;
    command.argc = 1 + conf->n;

    data->limits = conf->n;

    return ngx_http_gateway_redis_ask(r, conf->server, &command,
                                      ngx_http_gateway_rate_limiting_answered,
                                      data);
}


/*
 * Counts here.  NGX_DECLINED: of some window nothing is known, and "known"
 * does not say that used[] of data holds it.
 */

static ngx_int_t
ngx_http_gateway_rate_limiting_take(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t known,
    ngx_uint_t *stop)
{
    uint32_t                                  start, now;
    ngx_uint_t                                i, period, send;
    ngx_http_gateway_digest_t                 digest;
    ngx_http_gateway_shm_entry_t              entry;
    ngx_http_gateway_rate_limiting_shared_t  *shared;

    ngx_http_gateway_rate_limiting_shared_window_t  *w;

    ngx_http_gateway_rate_limiting_digest(r, conf, &mcf->synced, &digest);

    if (ngx_http_gateway_shm_acquire(mcf->synced.shm, &digest, conf->ttl,
                                     &entry)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    shared = entry.value;
    now = (uint32_t) mcf->now;
    send = 0;
    *stop = 0;

    for (i = 0; i < conf->n; i++) {

        period = conf->limits[i].period;
        w = &shared->window[period];
        start = mcf->start[period];

        if (ngx_http_gateway_rate_limiting_over(w->start, start, now)) {

            if (!known) {
                ngx_http_gateway_shm_release(&entry);
                return NGX_DECLINED;
            }

            w->start = 0;
            ngx_memory_barrier();
            w->delta = 0;
            w->sending = 0;
            w->count = data->used[i];
            ngx_memory_barrier();
            w->start = start;
        }

        data->used[i] = w->count;
        *stop |= w->count >= conf->limits[i].stop;
    }

    if (!*stop) {

        for (i = 0; i < conf->n; i++) {
            w = &shared->window[conf->limits[i].period];
            w->count++;
            w->delta++;
        }

        /* one worker sees to it, unless it is gone */

        if (shared->taken < now) {
            shared->taken = ngx_http_gateway_rate_limiting_taken(conf->sync,
                                                                 mcf->now);
            send = 1;
        }
    }

    ngx_http_gateway_shm_release(&entry);

    if (send) {
        ngx_http_gateway_rate_limiting_change(r, conf, NULL, &digest);
    }

    return NGX_OK;
}


uint32_t
ngx_http_gateway_rate_limiting_taken(
    ngx_http_gateway_rate_limiting_sync_t *sync, time_t now)
{
    return (uint32_t) now + 2 + (uint32_t) (2 * sync->interval / 1000);
}


void
ngx_http_gateway_rate_limiting_change(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule,
    ngx_http_gateway_digest_t *digest)
{
    ngx_str_t  prefix;

    if (ngx_http_gateway_rate_limiting_prefix(r, conf,
                                              rule ? rule : &conf->rule,
                                              &prefix)
        == NGX_OK)
    {
        ngx_http_gateway_rate_limiting_change_key(conf, rule, digest, &prefix,
                                                  0);
    }
}


void
ngx_http_gateway_rate_limiting_change_key(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule,
    ngx_http_gateway_digest_t *digest, ngx_str_t *prefix, ngx_uint_t soon)
{
    size_t                                     room;
    ngx_http_gateway_rate_limiting_sync_t     *sync;
    ngx_http_gateway_rate_limiting_changed_t  *changed;

    sync = conf->sync;

    if (sync->n >= NGX_HTTP_GATEWAY_RATE_CHANGED) {
        return;
    }

    ngx_http_gateway_rate_limiting_watch(sync->mcf);

    room = offsetof(ngx_http_gateway_rate_limiting_changed_t, sent)
           + (rule ? 2 * rule->n : NGX_HTTP_GATEWAY_RATE_PERIODS)
             * sizeof(ngx_http_gateway_rate_limiting_sent_t);

    changed = ngx_alloc(room + prefix->len, ngx_cycle->log);
    if (changed == NULL) {
        return;
    }

    changed->conf = conf;
    changed->rule = rule;
    changed->digest = *digest;
    changed->prefix.len = prefix->len;
    changed->prefix.data = (u_char *) changed + room;
    ngx_memcpy(changed->prefix.data, prefix->data, prefix->len);

    ngx_queue_insert_tail(&sync->changed, &changed->queue);
    ngx_http_gateway_rate_limiting_unsent(sync, 1);

    if (soon || ngx_exiting) {
        ngx_add_timer(&sync->timer, 1);

    } else if (!sync->timer.timer_set) {
        ngx_add_timer(&sync->timer, sync->interval);
    }
}


/*
 * When a worker is to end, nginx calls the handlers of idle connections, also
 * of one that is none.
 */

static void
ngx_http_gateway_rate_limiting_watch(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_connection_t  *c;

    /* a single process ends at once */

    if (mcf->watcher || ngx_exiting || ngx_process != NGX_PROCESS_WORKER) {
        return;
    }

    c = ngx_get_connection(0, ngx_cycle->log);
    if (c == NULL) {
        return;
    }

    /* not -1, which is a free one */

    c->fd = (ngx_socket_t) -2;
    c->idle = 1;
    c->data = mcf;
    c->read->handler = ngx_http_gateway_rate_limiting_ending;
    c->read->log = ngx_cycle->log;

    mcf->watcher = c;
}


static void
ngx_http_gateway_rate_limiting_ending(ngx_event_t *ev)
{
    ngx_uint_t                                   i;
    ngx_connection_t                            *c;
    ngx_http_gateway_rate_limiting_conf_t      **conf;
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    c = ev->data;
    mcf = c->data;

    ngx_http_gateway_rate_limiting_unwatch(mcf);

    conf = mcf->syncs->elts;

    for (i = 0; i < mcf->syncs->nelts; i++) {
        if (conf[i]->sync->timer.timer_set) {
            ngx_add_timer(&conf[i]->sync->timer, 1);
        }
    }
}


static void
ngx_http_gateway_rate_limiting_unwatch(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_connection_t  *c;

    c = mcf->watcher;

    if (c) {
        c->idle = 0;
        c->fd = 0;
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;

        mcf->watcher = NULL;
    }
}


/* the number of keys that wait, also in the metrics */

static void
ngx_http_gateway_rate_limiting_unsent(
    ngx_http_gateway_rate_limiting_sync_t *sync, ngx_int_t change)
{
    ngx_http_gateway_metrics_t  *metrics;

    sync->n += change;

    metrics = sync->gmcf->metrics;

    if (metrics == NULL) {
        return;
    }

    if (sync->series == NULL) {
        sync->series = ngx_http_gateway_metrics_series(metrics,
                                              NGX_HTTP_GATEWAY_METRICS_UNSENT,
                                              1, NULL, 0);
    }

    ngx_http_gateway_metrics_change(metrics, sync->series, 0, change);
}


static void
ngx_http_gateway_rate_limiting_timer(ngx_event_t *ev)
{
    ngx_uint_t                                 i, left;
    ngx_queue_t                               *q;
    ngx_http_gateway_rate_limiting_sync_t     *sync;
    ngx_http_gateway_rate_limiting_changed_t  *changed;

    sync = ev->data;

    left = sync->n;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_BATCH && i < left; i++) {

        q = ngx_queue_head(&sync->changed);
        changed = ngx_queue_data(q, ngx_http_gateway_rate_limiting_changed_t,
                                 queue);

        /* the analyzer does not see that removing a head made another one */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        ngx_queue_remove(q);
        ngx_http_gateway_rate_limiting_unsent(sync, -1);

        if (ngx_http_gateway_rate_limiting_push(changed) == NGX_OK) {
            continue;
        }

        /* not now */

        if (ngx_exiting) {
            ngx_http_gateway_rate_limiting_unsent_keep(changed);
            ngx_free(changed);
            continue;
        }

        ngx_queue_insert_head(&sync->changed, &changed->queue);
        ngx_http_gateway_rate_limiting_unsent(sync, 1);

        ngx_add_timer(ev, ngx_http_gateway_rate_limiting_again_in(sync));
        return;
    }

    if (sync->n) {
        ngx_add_timer(ev, 1);
    }
}


/* when Redis may be back; it says at once when it is not */

static ngx_msec_t
ngx_http_gateway_rate_limiting_again_in(
    ngx_http_gateway_rate_limiting_sync_t *sync)
{
    return ngx_min(ngx_max(sync->interval, NGX_HTTP_GATEWAY_RATE_AGAIN),
                   NGX_HTTP_GATEWAY_RATE_AGAINS);
}


/* NGX_OK: it is under way, or there is nothing to send; else it is kept */

static ngx_int_t
ngx_http_gateway_rate_limiting_push(
    ngx_http_gateway_rate_limiting_changed_t *changed)
{
    if (ngx_http_gateway_rate_limiting_collect(changed) != NGX_OK) {
        return NGX_ERROR;
    }

    if (changed->n == 0) {
        ngx_free(changed);
        return NGX_OK;
    }

    if (ngx_http_gateway_rate_limiting_ship(changed) != NGX_OK) {
        ngx_http_gateway_rate_limiting_settle(changed, NULL);
        return NGX_ERROR;
    }

    changed->conf->sync->sending++;

    return NGX_OK;
}


/* takes what is to be sent; from now on others may take the key */

static ngx_int_t
ngx_http_gateway_rate_limiting_collect(
    ngx_http_gateway_rate_limiting_changed_t *changed)
{
    ngx_uint_t                                period;
    ngx_http_gateway_shm_entry_t              entry;
    ngx_http_gateway_rate_limiting_conf_t    *conf;
    ngx_http_gateway_rate_limiting_sent_t    *sent;
    ngx_http_gateway_rate_limiting_shared_t  *shared;

    ngx_http_gateway_rate_limiting_shared_window_t  *w;

    if (changed->rule) {
        return ngx_http_gateway_rate_limiting_more_collect(changed);
    }

    conf = changed->conf;

    if (ngx_http_gateway_shm_acquire(conf->sync->mcf->synced.shm,
                                     &changed->digest, conf->ttl, &entry)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    shared = entry.value;
    changed->n = 0;

    /* another directive at the same place may have counted other periods */

    for (period = 0; period < NGX_HTTP_GATEWAY_RATE_PERIODS; period++) {

        w = &shared->window[period];

        if (w->delta == 0 || w->start == 0) {
            continue;
        }

        sent = &changed->sent[changed->n++];

        sent->limit = NULL;
        sent->period = (uint32_t) period;
        sent->start = w->start;
        sent->delta = w->delta;
        sent->amount = w->delta;

        w->sending += w->delta;
        w->delta = 0;
    }

    shared->taken = 0;

    ngx_http_gateway_shm_release(&entry);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_rate_limiting_ship(
    ngx_http_gateway_rate_limiting_changed_t *changed)
{
    u_char                                 *p, *start;
    ngx_str_t                  argv[6 * NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t                              i, n;
    ngx_http_gateway_redis_op_t            *op;
    ngx_http_gateway_redis_command_t        command;
    ngx_http_gateway_rate_limiting_sent_t  *sent;

    n = changed->n;

    start = ngx_alloc(n * (changed->prefix.len + NGX_HTTP_GATEWAY_RATE_KEY
                           + NGX_INT64_LEN + NGX_TIME_T_LEN),
                      ngx_cycle->log);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    for (i = 0; i < n; i++) {

        sent = &changed->sent[i];

        argv[i].data = p;
        p = sent->limit
            ? ngx_http_gateway_rate_limiting_more_key(p, &changed->prefix,
                                                      sent->limit, sent->start)
            : ngx_http_gateway_rate_limiting_key(p, &changed->prefix,
                                                 sent->period, sent->start);
        argv[i].len = p - argv[i].data;

        argv[n + 2 * i].data = p;
        p = ngx_sprintf(p, "%uL", sent->amount);
        argv[n + 2 * i].len = p - argv[n + 2 * i].data;

        argv[n + 2 * i + 1].data = p;
        p = ngx_sprintf(p, "%T",
                        sent->limit
                        ? ngx_http_gateway_rate_limiting_more_ttl(sent->limit)
                        : ngx_http_gateway_rate_limiting_periods
                              [sent->period].length);
        argv[n + 2 * i + 1].len = p - argv[n + 2 * i + 1].data;
    }

    ngx_memzero(&command, sizeof(ngx_http_gateway_redis_command_t));

    command.script = &ngx_http_gateway_rate_limiting_add_up;
    command.nkeys = n;
    command.argv = argv;
    command.argc = 3 * n;

    op = ngx_http_gateway_redis_send(changed->conf->server, &command,
                                     ngx_http_gateway_rate_limiting_pushed,
                                     changed);

    ngx_free(start);

    return op ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_gateway_rate_limiting_pushed(void *data, redisReply *reply)
{
    ngx_http_gateway_rate_limiting_changed_t *changed = data;

    ngx_http_gateway_rate_limiting_sync_t  *sync;

    sync = changed->conf->sync;
    sync->sending--;

    if (reply
        && (reply->type != REDIS_REPLY_ARRAY || reply->elements != changed->n))
    {
        reply = NULL;
    }

    ngx_http_gateway_rate_limiting_settle(changed, reply);

    if (reply == NULL && ngx_exiting) {
        ngx_http_gateway_rate_limiting_unsent_keep(changed);
    }

    if (reply || ngx_exiting || sync->n >= NGX_HTTP_GATEWAY_RATE_CHANGED) {
        ngx_free(changed);
        return;
    }

    ngx_queue_insert_tail(&sync->changed, &changed->queue);
    ngx_http_gateway_rate_limiting_unsent(sync, 1);

    if (!sync->timer.timer_set) {
        ngx_add_timer(&sync->timer,
                      ngx_http_gateway_rate_limiting_again_in(sync));
    }
}


/* what is known of the windows now; without an answer it is sent again */

static void
ngx_http_gateway_rate_limiting_settle(
    ngx_http_gateway_rate_limiting_changed_t *changed, redisReply *reply)
{
    uint32_t                                  delta;
    ngx_uint_t                                i;
    redisReply                               *count;
    ngx_http_gateway_shm_entry_t              entry;
    ngx_http_gateway_rate_limiting_conf_t    *conf;
    ngx_http_gateway_rate_limiting_shared_t  *shared;

    ngx_http_gateway_rate_limiting_shared_window_t  *w;

    if (changed->rule) {
        ngx_http_gateway_rate_limiting_more_settle(changed, reply);
        return;
    }

    conf = changed->conf;

    if (ngx_http_gateway_shm_acquire(conf->sync->mcf->synced.shm,
                                     &changed->digest, conf->ttl, &entry)
        != NGX_OK)
    {
        return;
    }

    shared = entry.value;

    for (i = 0; i < changed->n; i++) {

        w = &shared->window[changed->sent[i].period];

        if (w->start != changed->sent[i].start) {
            continue;
        }

        delta = ngx_min(changed->sent[i].delta, w->sending);
        w->sending -= delta;

        if (reply == NULL) {
            w->delta += delta;
            continue;
        }

        count = reply->element[i];

        if (count->type == REDIS_REPLY_INTEGER && count->integer > 0) {
            w->count = (uint32_t) ngx_min(count->integer, 0x7fffffff)
                       + w->delta + w->sending;
        }
    }

    if (reply == NULL && !ngx_exiting) {
        shared->taken = ngx_http_gateway_rate_limiting_taken(conf->sync,
                                                             ngx_time());
    }

    ngx_http_gateway_shm_release(&entry);
}


/* configuration */

size_t
ngx_http_gateway_rate_limiting_sync_size(void)
{
    return sizeof(ngx_http_gateway_rate_limiting_shared_t);
}


ngx_http_gateway_rate_limiting_sync_t *
ngx_http_gateway_rate_limiting_sync(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_pool_cleanup_t                      *cln;
    ngx_http_gateway_rate_limiting_sync_t   *sync;
    ngx_http_gateway_rate_limiting_conf_t  **all;

    if (mcf->syncs == NULL) {
        mcf->syncs = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (mcf->syncs == NULL) {
            return NULL;
        }
    }

    all = ngx_array_push(mcf->syncs);
    if (all == NULL) {
        return NULL;
    }

    *all = conf;

    sync = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_rate_limiting_sync_t));
    if (sync == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_rate_limiting_sync_cleanup;
    cln->data = sync;

    ngx_queue_init(&sync->changed);

    sync->mcf = mcf;
    sync->gmcf = ngx_http_conf_get_module_main_conf(cf,
                                                    ngx_http_gateway_module);
    sync->interval = conf->sync_rate == -1
                     ? NGX_HTTP_GATEWAY_RATE_AGAIN
                     : (ngx_msec_t) (conf->sync_rate * 1000);

    sync->timer.handler = ngx_http_gateway_rate_limiting_timer;
    sync->timer.data = sync;
    sync->timer.log = &cf->cycle->new_log;

    if (ngx_http_gateway_metrics_set_add(cf,
                                  &ngx_http_gateway_rate_limiting_unsent_keys)
        != NGX_OK)
    {
        return NULL;
    }

    return sync;
}


static void
ngx_http_gateway_rate_limiting_sync_cleanup(void *data)
{
    ngx_http_gateway_rate_limiting_sync_t *sync = data;

    ngx_queue_t  *q;

    if (sync->timer.timer_set) {
        ngx_del_timer(&sync->timer);
    }

    if (sync->mcf->unsent.timer.timer_set) {
        ngx_del_timer(&sync->mcf->unsent.timer);
    }

    ngx_http_gateway_rate_limiting_unwatch(sync->mcf);

    while (!ngx_queue_empty(&sync->changed)) {
        q = ngx_queue_head(&sync->changed);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
        ngx_queue_remove(q);

        ngx_free(ngx_queue_data(q, ngx_http_gateway_rate_limiting_changed_t,
                                queue));
    }
}
