
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits of _more.c that many gateways share without asking for each request,
 * as _sync.c does it for plain windows: what is known of all gateways is asked
 * for once, this nginx counts on top of that, and its counts go to Redis in
 * batches, whose answers tell those of others.
 *
 *   window: count = known of all + delta (to be sent) + sending
 *   GCRA:   tat = what is known of all, moved by delta and sending, in units
 *
 * When a sliding window ends, what it has not sent yet still goes to its key,
 * because it counts on as the window before.
 *
 * The bucket of GCRA leaks also what was not sent.  So what is sent is not
 * more than what is in it here, and once all of it must have leaked since
 * Redis was heard, it is asked again.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_rate_limiting.h"

#include <math.h>


static void ngx_http_gateway_rate_limiting_more_fetched(void *arg,
    redisReply *reply);
static uint64_t ngx_http_gateway_rate_limiting_more_rest(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, uint64_t now);
static void ngx_http_gateway_rate_limiting_more_take(
    ngx_http_gateway_rate_limiting_changed_t *changed,
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, uint64_t now);
static void ngx_http_gateway_rate_limiting_more_landed(
    ngx_http_gateway_rate_limiting_sent_t *sent,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, redisReply *reply,
    uint64_t now);


ngx_uint_t
ngx_http_gateway_rate_limiting_more_current(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared)
{
    uint32_t  start, now;

    now = (uint32_t) mcf->now;

    if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {

        /* how long it takes to leak */

        start = now - (uint32_t) ngx_min(ngx_max(limit->stop
                                                 * (double) limit->interval
                                                 / 1000000, 1),
                                         (double) limit->rule->ttl);

    } else {
        start = ngx_http_gateway_rate_limiting_more_start(limit, mcf);
    }

    return !ngx_http_gateway_rate_limiting_over(shared->cell.start, start,
                                                now);
}


/* under the lock */

void
ngx_http_gateway_rate_limiting_more_begin(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, uint64_t now,
    ngx_http_gateway_rate_limiting_more_known_t *known)
{
    uint32_t                                start, before, previous;
    ngx_http_gateway_rate_limiting_cell_t  *cell;

    cell = &shared->cell;

    if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {
        cell->tat = now + (known ? known->ahead : 0)
                    + ngx_http_gateway_rate_limiting_more_rest(limit, shared,
                                                               now);
        cell->start = (uint32_t) mcf->now;
        return;
    }

    start = ngx_http_gateway_rate_limiting_more_start(limit, mcf);
    before = ngx_http_gateway_rate_limiting_more_before(limit, mcf);
    previous = 0;

    /* a worker may be killed between any two stores */

    if (cell->start == before) {
        previous = cell->count;
        cell->start = 0;
        ngx_memory_barrier();
        shared->before_delta = shared->delta;
        shared->before_sending = shared->sending;

    } else {
        cell->start = 0;
        ngx_memory_barrier();
        shared->before_delta = 0;
        shared->before_sending = 0;
    }

    if (known) {
        previous = known->previous + shared->before_sending
                   + (uint32_t) shared->before_delta;
    }

    shared->before = before;
    shared->delta = 0;
    shared->sending = 0;
    cell->previous = previous;
    cell->count = known ? known->count : 0;
    ngx_memory_barrier();
    cell->start = start;
}


/* what is in the bucket and Redis does not know */

static uint64_t
ngx_http_gateway_rate_limiting_more_rest(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, uint64_t now)
{
    int64_t  units;

    units = (int64_t) shared->delta + shared->sending;

    if (units <= 0 || shared->cell.tat <= now) {
        return 0;
    }

    return ngx_min((uint64_t) units * limit->interval,
                   shared->cell.tat - now);
}


/* the first request in some window */

ngx_int_t
ngx_http_gateway_rate_limiting_more_fetch(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data)
{
    u_char                                       *p;
    uint32_t                                      start;
    ngx_str_t                                    *argv, prefix;
    ngx_uint_t                                    i, k, n;
    ngx_http_gateway_redis_command_t              command;
    ngx_http_gateway_rate_limiting_rule_t        *rule;
    ngx_http_gateway_rate_limiting_more_t        *more;
    ngx_http_gateway_rate_limiting_more_limit_t  *limit;

    more = conf->more;

    data->known = ngx_palloc(r->pool, more->n
                        * sizeof(ngx_http_gateway_rate_limiting_more_known_t));

    /* at most two keys each, with two arguments */

    argv = ngx_palloc(r->pool, 6 * more->n * sizeof(ngx_str_t));

    if (data->known == NULL || argv == NULL) {
        return NGX_ERROR;
    }

    rule = NULL;
    ngx_str_null(&prefix);
    n = 0;

    for (i = 0; i < more->n; i++) {

        limit = &more->limits[i];

        if (rule != limit->rule) {
            rule = limit->rule;

            if (ngx_http_gateway_rate_limiting_prefix(r, conf, rule, &prefix)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        start = ngx_http_gateway_rate_limiting_more_start(limit, mcf);

        for (k = 0; k < 2; k++) {

            p = ngx_pnalloc(r->pool, prefix.len + NGX_HTTP_GATEWAY_RATE_KEY);
            if (p == NULL) {
                return NGX_ERROR;
            }

            argv[n].data = p;
            argv[n].len = ngx_http_gateway_rate_limiting_more_key(p, &prefix,
                                                                  limit, start)
                          - p;
            n++;

            if (limit->kind != NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING) {
                break;
            }

            start = ngx_http_gateway_rate_limiting_more_before(limit, mcf);
        }
    }

    command.script = &ngx_http_gateway_rate_limiting_add_up;
    command.nkeys = n;
    command.argv = argv;
    command.argc = 3 * n;

    k = n;

    for (i = 0; i < more->n; i++) {

        ngx_str_set(&argv[k], "0");
        argv[k + 1] = argv[k];

        if (more->limits[i].kind != NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {
            ngx_str_set(&argv[k + 1], "1");
        }

        k += 2;

        if (more->limits[i].kind == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING) {
            argv[k] = argv[k - 2];
            argv[k + 1] = argv[k - 1];
            k += 2;
        }
    }

    data->conf = conf;

    return ngx_http_gateway_redis_ask(r, conf->server, &command,
                                  ngx_http_gateway_rate_limiting_more_fetched,
                                  data);
}


static void
ngx_http_gateway_rate_limiting_more_fetched(void *arg, redisReply *reply)
{
    ngx_http_gateway_rate_limiting_data_t *data = arg;

    ngx_uint_t                                    i, k, n;
    ngx_http_gateway_rate_limiting_more_t        *more;
    ngx_http_gateway_rate_limiting_more_known_t  *known;

    data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_FAILED;
    more = data->conf->more;
    n = more->n;

    for (i = 0; i < more->n; i++) {
        n += more->limits[i].kind == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING;
    }

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != n)
    {
        return;
    }

    for (i = 0; i < n; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER
            || reply->element[i]->integer < 0)
        {
            return;
        }
    }

    for (i = 0, k = 0; i < more->n; i++) {

        known = &data->known[i];
        ngx_memzero(known,
                    sizeof(ngx_http_gateway_rate_limiting_more_known_t));

        if (more->limits[i].kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {
            known->ahead = (uint64_t) reply->element[k++]->integer;
            continue;
        }

        known->count = (uint32_t) ngx_min(reply->element[k]->integer,
                                          0x7fffffff);
        k++;

        if (more->limits[i].kind == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING) {
            known->previous = (uint32_t) ngx_min(reply->element[k]->integer,
                                                 0x7fffffff);
            k++;
        }
    }

    data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_ANSWERED;
}


/* what was counted goes to Redis */

ngx_int_t
ngx_http_gateway_rate_limiting_more_collect(
    ngx_http_gateway_rate_limiting_changed_t *changed)
{
    uint64_t                                        now;
    ngx_uint_t                                      i, n;
    ngx_http_gateway_shm_entry_t                    entry;
    ngx_http_gateway_rate_limiting_conf_t          *conf;
    ngx_http_gateway_rate_limiting_rule_t          *rule;
    ngx_http_gateway_rate_limiting_more_limit_t    *limit;
    ngx_http_gateway_rate_limiting_shared_cells_t  *shared;

    conf = changed->conf;
    rule = changed->rule;
    now = ngx_http_gateway_rate_limiting_more_now();

    if (ngx_http_gateway_shm_acquire(conf->sync->mcf->more_synced.shm,
                                     &changed->digest, 2 * rule->ttl, &entry)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    shared = entry.value;
    changed->n = 0;
    n = 0;

    for (i = rule->first; i < rule->first + rule->n; i++) {
        limit = &conf->more->limits[i];

        n += shared->cell[limit->cell].delta > 0
             || shared->cell[limit->cell].before_delta > 0;
    }

    /* also those without a delta: what others have counted is told */

    for (i = rule->first; n && i < rule->first + rule->n; i++) {
        limit = &conf->more->limits[i];

        ngx_http_gateway_rate_limiting_more_take(changed, limit,
                                           &shared->cell[limit->cell], now);
    }

    shared->taken = 0;

    ngx_http_gateway_shm_release(&entry);

    return NGX_OK;
}


static void
ngx_http_gateway_rate_limiting_more_take(
    ngx_http_gateway_rate_limiting_changed_t *changed,
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, uint64_t now)
{
    ngx_http_gateway_rate_limiting_sent_t  *sent;

    if (shared->cell.start == 0) {
        return;
    }

    sent = &changed->sent[changed->n++];

    sent->limit = limit;
    sent->start = shared->cell.start;
    sent->delta = (uint32_t) ngx_max(shared->delta, 0);
    sent->amount = sent->delta;

    shared->delta -= (int32_t) sent->delta;
    shared->sending += sent->delta;

    if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {
        sent->amount = shared->cell.tat > now
                       ? ngx_min(sent->delta * limit->interval,
                                 shared->cell.tat - now)
                       : 0;
        return;
    }

    if (limit->kind != NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING) {
        return;
    }

    sent = &changed->sent[changed->n++];

    sent->limit = limit;
    sent->start = shared->before;
    sent->delta = (uint32_t) ngx_max(shared->before_delta, 0);
    sent->amount = sent->delta;

    shared->before_delta -= (int32_t) sent->delta;
    shared->before_sending += sent->delta;
}


time_t
ngx_http_gateway_rate_limiting_more_ttl(
    ngx_http_gateway_rate_limiting_more_limit_t *limit)
{
    switch (limit->kind) {

    case NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA:
        return 0;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING:
        return 2 * limit->length;

    default:
        return limit->length;
    }
}


void
ngx_http_gateway_rate_limiting_more_settle(
    ngx_http_gateway_rate_limiting_changed_t *changed, redisReply *reply)
{
    uint64_t                                        now;
    ngx_uint_t                                      i;
    ngx_http_gateway_shm_entry_t                    entry;
    ngx_http_gateway_rate_limiting_conf_t          *conf;
    ngx_http_gateway_rate_limiting_sent_t          *sent;
    ngx_http_gateway_rate_limiting_shared_cells_t  *shared;

    conf = changed->conf;
    now = ngx_http_gateway_rate_limiting_more_now();

    if (ngx_http_gateway_shm_acquire(conf->sync->mcf->more_synced.shm,
                                     &changed->digest, 2 * changed->rule->ttl,
                                     &entry)
        != NGX_OK)
    {
        return;
    }

    shared = entry.value;

    for (i = 0; i < changed->n; i++) {

        sent = &changed->sent[i];

        ngx_http_gateway_rate_limiting_more_landed(sent,
                                           &shared->cell[sent->limit->cell],
                                           reply ? reply->element[i] : NULL,
                                           now);
    }

    if (reply == NULL && !ngx_exiting) {
        shared->taken = ngx_http_gateway_rate_limiting_taken(conf->sync,
                                                             ngx_time());
    }

    ngx_http_gateway_shm_release(&entry);
}


/* of a window that is not there any more nothing is to be done */

static void
ngx_http_gateway_rate_limiting_more_landed(
    ngx_http_gateway_rate_limiting_sent_t *sent,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, redisReply *reply,
    uint64_t now)
{
    int64_t     count;
    int32_t    *delta;
    uint32_t   *sending, *total, part;
    ngx_uint_t  gcra;

    gcra = (sent->limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA);

    if (gcra || sent->start == shared->cell.start) {
        delta = &shared->delta;
        sending = &shared->sending;
        total = &shared->cell.count;

    } else if (sent->start == shared->before) {
        delta = &shared->before_delta;
        sending = &shared->before_sending;
        total = &shared->cell.previous;

    } else {
        return;
    }

    part = ngx_min(sent->delta, *sending);
    *sending -= part;

    if (reply == NULL) {
        *delta += (int32_t) part;
        return;
    }

    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0) {
        return;
    }

    if (gcra) {
        shared->cell.tat = now + (uint64_t) reply->integer
                           + ngx_http_gateway_rate_limiting_more_rest(
                                                  sent->limit, shared, now);
        shared->cell.start = (uint32_t) ngx_time();
        return;
    }

    count = ngx_min(reply->integer, 0x7fffffff);
    count += (int64_t) *delta + *sending;

    *total = (uint32_t) ngx_max(count, 0);
}
