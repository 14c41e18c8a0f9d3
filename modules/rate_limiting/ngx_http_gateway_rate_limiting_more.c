
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits that Kong does not have: sliding windows, GCRA (the leaky bucket as
 * a meter), several named limits in one directive, requests that cost more
 * than one.  A request passes when all limits let it pass, and counts only
 * then.
 *
 * A sliding window adds to the count of the current one the part of the
 * previous count that is still in sight.  GCRA keeps the time at which the
 * bucket would be empty ("tat"); each unit moves it by period / limit, and a
 * request passes while that is at most "burst" units ahead of now.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_rate_limiting.h"

#include <math.h>


/* a period without a limit; no parameter has so many digits */
#define NGX_HTTP_GATEWAY_RATE_UNSET  -1.0e18

/* the most that a request may cost */
#define NGX_HTTP_GATEWAY_RATE_COST   1000000


/* in shared memory, of a rule */
typedef struct {
    ngx_http_gateway_rate_limiting_cell_t
                                  cell[NGX_HTTP_GATEWAY_RATE_PERIODS];
} ngx_http_gateway_rate_limiting_cells_t;


/* what is known of windows that begin, if Redis counts for many */
typedef enum {
    NGX_HTTP_GATEWAY_RATE_LIMITING_ASK = 0,  /* nothing */
    NGX_HTTP_GATEWAY_RATE_LIMITING_KNOWN,    /* data->known */
    NGX_HTTP_GATEWAY_RATE_LIMITING_ALONE     /* what is here, Redis is away */
} ngx_http_gateway_rate_limiting_more_known_e;


/* one go at the limits of a request */
typedef struct {
    ngx_http_request_t           *request;
    ngx_http_gateway_rate_limiting_conf_t
                                 *conf;
    ngx_http_gateway_rate_limiting_main_conf_t
                                 *mcf;
    ngx_http_gateway_rate_limiting_data_t
                                 *data;
    ngx_uint_t                    known;
    uint64_t                      now;
    ngx_uint_t                    stop;      /* some limit says so */
} ngx_http_gateway_rate_limiting_more_try_t;


static ngx_int_t ngx_http_gateway_rate_limiting_more_count(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t known,
    ngx_uint_t *stop);
static ngx_int_t ngx_http_gateway_rate_limiting_more_rule(
    ngx_http_gateway_rate_limiting_more_try_t *this,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_int_t sign,
    ngx_uint_t *last);
static ngx_int_t ngx_http_gateway_rate_limiting_more_judge(
    ngx_http_gateway_rate_limiting_more_try_t *this,
    ngx_http_gateway_rate_limiting_rule_t *rule, u_char *value,
    ngx_int_t sign, ngx_uint_t *last);
static ngx_http_gateway_rate_limiting_cell_t *
    ngx_http_gateway_rate_limiting_more_cell(
    ngx_http_gateway_rate_limiting_conf_t *conf, u_char *value,
    ngx_http_gateway_rate_limiting_more_limit_t *limit);
static void ngx_http_gateway_rate_limiting_more_move(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_cell_t *cell, uint64_t now, uint32_t cost,
    ngx_int_t sign);
static void ngx_http_gateway_rate_limiting_more_sane(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_cell_t *cell, uint64_t now);
static ngx_uint_t ngx_http_gateway_rate_limiting_more_look(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_cell_t *cell, uint64_t now, uint32_t cost,
    uint32_t penalty, ngx_http_gateway_rate_limiting_more_used_t *used);
static double ngx_http_gateway_rate_limiting_more_weight(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
static ngx_uint_t ngx_http_gateway_rate_limiting_more_reset(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, double count,
    double previous, uint32_t cost, ngx_uint_t refused);
static ngx_int_t ngx_http_gateway_rate_limiting_more_ask(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data);
static void ngx_http_gateway_rate_limiting_more_answered(void *arg,
    redisReply *reply);
static uint32_t ngx_http_gateway_rate_limiting_more_cost(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_more_add(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule);
static char *ngx_http_gateway_rate_limiting_more_compile(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf);
static ngx_uint_t ngx_http_gateway_rate_limiting_more_needed(
    ngx_http_gateway_rate_limiting_conf_t *conf);


static ngx_http_gateway_redis_script_t
    ngx_http_gateway_rate_limiting_more_script =
{
    /* ARGV: cost, 1 if it counts even when refused, up to the first limit that
       stops it, then per limit its kind, what it stops at, the weight of the
       previous window or the interval, and seconds to live.  KEYS: per limit
       one, of a sliding window also that of the previous one.  Returns
       whether it passes, then per limit what was used, and the count of the
       current window or the microseconds until the bucket is empty. */
    ngx_string("local cost = tonumber(ARGV[1])\n"
               "local time = redis.call('TIME')\n"
               "local now = time[1] * 1000000 + time[2]\n"
               "local pass, k, result, todo = 1, 1, {}, {}\n"
               "for a = 3, #ARGV, 4 do\n"
               "  local key, kind = KEYS[k], ARGV[a]\n"
               "  local stop, x = tonumber(ARGV[a + 1]),"
                                " tonumber(ARGV[a + 2])\n"
               "  local used, more\n"
               "  local counts = pass == 1 or nil\n"
               "  if kind == 'g' then\n"
               "    local tat = tonumber(redis.call('GET', key) or 0)\n"
               "    if tat < now then tat = now end\n"
               "    more = tat - now\n"
               "    used = math.ceil(more / x)\n"
               "    if more + cost * x > stop * x then pass = 0 end\n"
               "    tat = tat + cost * x\n"
               "    todo[#todo + 1] = {key, tat, math.ceil((tat - now)"
                                                      " / 1000), counts}\n"
               "  else\n"
               "    more = tonumber(redis.call('GET', key) or 0)\n"
               "    used = more\n"
               "    if kind == 's' then\n"
               "      k = k + 1\n"
               "      local before = tonumber(redis.call('GET', KEYS[k])"
                                             " or 0)\n"
               "      used = used + math.ceil(before * x)\n"
               "    end\n"
               "    if used + cost > stop then pass = 0 end\n"
               "    todo[#todo + 1] = {key, false, ARGV[a + 3], counts}\n"
               "  end\n"
               "  k = k + 1\n"
               "  result[#result + 1] = used\n"
               "  result[#result + 1] = more\n"
               "end\n"
               "for _, t in ipairs(todo) do\n"
               "  if cost == 0 or (pass == 0 and (ARGV[2] == '0'"
                                                " or not t[4])) then\n"
               "    break\n"
               "  end\n"
               "  if t[2] then\n"
               "    redis.call('SET', t[1], string.format('%.0f', t[2]),"
                              " 'PX', t[3])\n"
               "  elseif redis.call('INCRBY', t[1], cost) == cost then\n"
               "    redis.call('EXPIRE', t[1], t[3])\n"
               "  end\n"
               "end\n"
               "table.insert(result, 1, pass)\n"
               "return result\n"),
    "",
    0
};


ngx_int_t
ngx_http_gateway_rate_limiting_more(ngx_http_request_t *r,
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

        data->now = mcf->now;
        data->cost = ngx_http_gateway_rate_limiting_more_cost(r, conf);
        data->more = ngx_pcalloc(r->pool, conf->more->n
                         * sizeof(ngx_http_gateway_rate_limiting_more_used_t));
        if (data->more == NULL) {
            return NGX_ERROR;
        }

        if (conf->policy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL) {
            return ngx_http_gateway_rate_limiting_more_count(r, conf, mcf,
                            data, NGX_HTTP_GATEWAY_RATE_LIMITING_ALONE, stop);
        }

        if (conf->sync_rate == -1) {
            rc = ngx_http_gateway_rate_limiting_more_ask(r, conf, mcf, data);

        } else {
            rc = ngx_http_gateway_rate_limiting_more_count(r, conf, mcf, data,
                                    NGX_HTTP_GATEWAY_RATE_LIMITING_ASK, stop);

            if (rc != NGX_DECLINED) {
                return rc;
            }

            rc = ngx_http_gateway_rate_limiting_more_fetch(r, conf, mcf, data);
        }

        if (rc == NGX_AGAIN) {
            data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_ASKED;
        }

        return rc == NGX_DECLINED ? NGX_BUSY : rc;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_ASKED:
        return NGX_AGAIN;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_ANSWERED:

        if (conf->sync_rate == -1) {
            *stop = data->refused;
            return NGX_OK;
        }

        /* the windows are those that were asked about */

        if (mcf->now != data->now) {
            ngx_http_gateway_rate_limiting_windows(mcf, data->now);
        }

        return ngx_http_gateway_rate_limiting_more_count(r, conf, mcf, data,
                                  NGX_HTTP_GATEWAY_RATE_LIMITING_KNOWN, stop);

    default: /* NGX_HTTP_GATEWAY_RATE_LIMITING_FAILED */
        return NGX_BUSY;
    }
}


ngx_int_t
ngx_http_gateway_rate_limiting_more_alone(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop)
{
    if (mcf->now != ngx_time()) {
        ngx_http_gateway_rate_limiting_windows(mcf, ngx_time());
    }

    return ngx_http_gateway_rate_limiting_more_count(r, conf, mcf, data,
                                  NGX_HTTP_GATEWAY_RATE_LIMITING_ALONE, stop);
}


uint64_t
ngx_http_gateway_rate_limiting_more_now(void)
{
    struct timeval  tv;

    ngx_gettimeofday(&tv);

    return (uint64_t) tv.tv_sec * 1000000 + (uint64_t) tv.tv_usec;
}


/*
 * Counts here, rule by rule; what passed the ones before is taken back when
 * one refuses.  NGX_DECLINED: Redis must be asked, nothing is counted.
 */

static ngx_int_t
ngx_http_gateway_rate_limiting_more_count(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t known,
    ngx_uint_t *stop)
{
    ngx_int_t                                   rc;
    ngx_uint_t                                  i, k;
    ngx_uint_t                   last[NGX_HTTP_GATEWAY_RATE_LIMITS + 1];
    ngx_http_gateway_rate_limiting_more_t      *more;
    ngx_http_gateway_rate_limiting_more_try_t   this;

    more = conf->more;

    this.request = r;
    this.conf = conf;
    this.mcf = mcf;
    this.data = data;
    this.known = known;
    this.now = ngx_http_gateway_rate_limiting_more_now();
    this.stop = 0;

    rc = NGX_OK;

    for (i = 0; i < more->rules && rc == NGX_OK; i++) {
        rc = ngx_http_gateway_rate_limiting_more_rule(&this, more->rule[i],
                                                      this.stop ? 0
                                                      : conf->penalty ? 2 : 1,
                                                      &last[i]);
    }

    *stop = this.stop;

    if (rc != NGX_OK || (*stop && !conf->penalty)) {

        for (k = 0; k < i; k++) {
            if (last[k] > more->rule[k]->first) {
                (void) ngx_http_gateway_rate_limiting_more_rule(&this,
                                                more->rule[k], -1, &last[k]);
            }
        }
    }

    return rc;
}


/*
 * sign 1: counts unless it stops; 2: counts up to the first limit that stops;
 * 0: looks only; -1: takes it back.  *last is behind the last limit that is
 * counted.
 */

static ngx_int_t
ngx_http_gateway_rate_limiting_more_rule(
    ngx_http_gateway_rate_limiting_more_try_t *this,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_int_t sign,
    ngx_uint_t *last)
{
    ngx_int_t                                       rc;
    ngx_uint_t                                      i, send;
    ngx_http_gateway_shm_t                         *shm;
    ngx_http_gateway_digest_t                       digest;
    ngx_http_gateway_shm_entry_t                    entry;
    ngx_http_gateway_rate_limiting_conf_t          *conf;
    ngx_http_gateway_rate_limiting_more_limit_t    *limit;
    ngx_http_gateway_rate_limiting_shared_cells_t  *shared;

    conf = this->conf;

    if (sign >= 0) {
        *last = rule->first;
    }

    if (rule->n == 0) {
        return NGX_OK;
    }

    ngx_http_gateway_rate_limiting_more_digest(this->request, conf, this->mcf,
                                               rule, 0, &digest);

    shm = conf->sync ? this->mcf->more_synced.shm : this->mcf->more.shm;

    if (ngx_http_gateway_shm_acquire(shm, &digest, 2 * rule->ttl, &entry)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    rc = sign < 0 ? NGX_OK
                  : ngx_http_gateway_rate_limiting_more_judge(this, rule,
                                                     entry.value, sign, last);
    if (rc != NGX_OK) {
        ngx_http_gateway_shm_release(&entry);
        return rc;
    }

    for (i = rule->first; i < *last; i++) {
        limit = &conf->more->limits[i];

        ngx_http_gateway_rate_limiting_more_move(conf, limit,
                ngx_http_gateway_rate_limiting_more_cell(conf, entry.value,
                                                         limit),
                this->now, this->data->cost, sign);
    }

    send = 0;

    if (conf->sync && sign > 0 && *last > rule->first && this->data->cost) {

        /* one worker sees to it, unless it is gone */

        shared = entry.value;

        if (shared->taken < (uint32_t) this->mcf->now) {
            shared->taken = ngx_http_gateway_rate_limiting_taken(conf->sync,
                                                             this->mcf->now);
            send = 1;
        }
    }

    ngx_http_gateway_shm_release(&entry);

    if (send) {
        ngx_http_gateway_rate_limiting_change(this->request, conf, rule,
                                              &digest);
    }

    return NGX_OK;
}


/* under the lock: how far it may be counted; NGX_DECLINED: not known */

static ngx_int_t
ngx_http_gateway_rate_limiting_more_judge(
    ngx_http_gateway_rate_limiting_more_try_t *this,
    ngx_http_gateway_rate_limiting_rule_t *rule, u_char *value,
    ngx_int_t sign, ngx_uint_t *last)
{
    uint32_t                                       cost;
    ngx_uint_t                                     i, end, stopped;
    ngx_http_gateway_rate_limiting_cell_t         *cell;
    ngx_http_gateway_rate_limiting_more_limit_t   *limit;
    ngx_http_gateway_rate_limiting_shared_cell_t  *shared;

    cost = this->data->cost;
    stopped = 0;
    end = sign ? rule->first + rule->n : rule->first;

    for (i = rule->first; i < rule->first + rule->n; i++) {

        limit = &this->conf->more->limits[i];
        cell = ngx_http_gateway_rate_limiting_more_cell(this->conf, value,
                                                        limit);

        if (this->conf->sync == NULL) {
            ngx_http_gateway_rate_limiting_more_sane(limit, cell, this->now);

        } else {
            shared = (ngx_http_gateway_rate_limiting_shared_cell_t *) cell;

            if (!ngx_http_gateway_rate_limiting_more_current(limit, this->mcf,
                                                             shared))
            {
                if (this->known == NGX_HTTP_GATEWAY_RATE_LIMITING_ASK) {
                    return NGX_DECLINED;
                }

                ngx_http_gateway_rate_limiting_more_begin(limit, this->mcf,
                    shared, this->now,
                    this->known == NGX_HTTP_GATEWAY_RATE_LIMITING_KNOWN
                    ? &this->data->known[i] : NULL);
            }
        }

        if (ngx_http_gateway_rate_limiting_more_look(limit, this->mcf, cell,
                                      this->now, cost,
                                      sign == 2 && !stopped ? cost : 0,
                                      &this->data->more[i])
            && !stopped)
        {
            stopped = 1;
            end = sign == 2 ? i + 1 : rule->first;
        }
    }

    this->stop |= stopped;
    *last = end;

    return NGX_OK;
}


static ngx_http_gateway_rate_limiting_cell_t *
ngx_http_gateway_rate_limiting_more_cell(
    ngx_http_gateway_rate_limiting_conf_t *conf, u_char *value,
    ngx_http_gateway_rate_limiting_more_limit_t *limit)
{
    ngx_http_gateway_rate_limiting_cells_t         *cells;
    ngx_http_gateway_rate_limiting_shared_cells_t  *shared;

    if (conf->sync) {
        shared = (ngx_http_gateway_rate_limiting_shared_cells_t *) value;
        return &shared->cell[limit->cell].cell;
    }

    cells = (ngx_http_gateway_rate_limiting_cells_t *) value;

    return &cells->cell[limit->cell];
}


static void
ngx_http_gateway_rate_limiting_more_move(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_cell_t *cell, uint64_t now, uint32_t cost,
    ngx_int_t sign)
{
    ngx_http_gateway_rate_limiting_shared_cell_t  *shared;

    if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {

        if (sign > 0) {
            cell->tat = ngx_max(cell->tat, now) + cost * limit->interval;

        } else {
            cell->tat -= ngx_min(cell->tat, cost * limit->interval);
        }

    } else if (sign > 0) {
        cell->count += ngx_min(cost, 0xffffffff - cell->count);

    } else {
        cell->count -= ngx_min(cell->count, cost);
    }

    if (conf->sync) {
        shared = (ngx_http_gateway_rate_limiting_shared_cell_t *) cell;
        shared->delta += sign > 0 ? (int32_t) cost : -(int32_t) cost;
    }
}


/* a tat in the far future is of a clock or a limit that was wrong */

static void
ngx_http_gateway_rate_limiting_more_sane(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_cell_t *cell, uint64_t now)
{
    double  most;

    if (limit->kind != NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA
        || cell->tat <= now)
    {
        return;
    }

    most = (double) limit->stop * (double) limit->interval;

    if ((double) (cell->tat - now) > most) {
        cell->tat = now + (uint64_t) most;
    }
}


static ngx_uint_t
ngx_http_gateway_rate_limiting_more_look(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_cell_t *cell, uint64_t now, uint32_t cost,
    uint32_t penalty, ngx_http_gateway_rate_limiting_more_used_t *used)
{
    double      previous, ahead;
    uint32_t    start;
    ngx_uint_t  stop;

    if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {

        ahead = cell->tat > now ? (double) (cell->tat - now) : 0;

        used->used = (uint32_t) ceil(ahead / (double) limit->interval);

        stop = ahead + cost * (double) limit->interval
               > limit->stop * (double) limit->interval;

        /* until it passes; or until all of the burst is there again */

        if (stop) {
            ahead -= ((double) limit->stop - cost) * (double) limit->interval;
        }

        used->reset = (ngx_uint_t) ceil(ahead / 1000000);

        return stop;
    }

    start = ngx_http_gateway_rate_limiting_more_start(limit, mcf);

    if (ngx_http_gateway_rate_limiting_over(cell->start, start,
                                            (uint32_t) mcf->now))
    {
        cell->previous = cell->start
                         == ngx_http_gateway_rate_limiting_more_before(limit,
                                                                       mcf)
                         ? cell->count : 0;
        cell->count = 0;
        ngx_memory_barrier();
        cell->start = start;
    }

    previous = 0;
    used->used = cell->count;

    if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING) {
        previous = cell->previous;
        previous *= ngx_http_gateway_rate_limiting_more_weight(limit, mcf);
        used->used = (uint32_t) ngx_min(used->used + ceil(previous),
                                        4294967295.0);
        previous = cell->previous;
    }

    stop = (uint64_t) used->used + cost > limit->stop;

    used->reset = ngx_http_gateway_rate_limiting_more_reset(limit, mcf,
                              (double) cell->count + (stop ? penalty : 0),
                              previous, cost, stop);

    return stop;
}


uint32_t
ngx_http_gateway_rate_limiting_more_start(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    return limit->period < NGX_HTTP_GATEWAY_RATE_PERIODS
           ? mcf->start[limit->period]
           : (uint32_t) (mcf->now - mcf->now % limit->length);
}


uint32_t
ngx_http_gateway_rate_limiting_more_before(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    return limit->period < NGX_HTTP_GATEWAY_RATE_PERIODS
           ? mcf->previous[limit->period]
           : ngx_http_gateway_rate_limiting_more_start(limit, mcf)
             - (uint32_t) limit->length;
}


/* the part of the previous window that is in sight */

static double
ngx_http_gateway_rate_limiting_more_weight(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    double  elapsed;

    elapsed = (double) (mcf->now
                 - (time_t) ngx_http_gateway_rate_limiting_more_start(limit,
                                                                      mcf));

    return elapsed < (double) limit->length
           ? 1 - elapsed / (double) limit->length : 0;
}


/*
 * Seconds to the end of the window, or, in a sliding one, until a request
 * that was refused would pass: the count of the window before shrinks in this
 * one, and if that is not enough, that of this one in the next.
 */

static ngx_uint_t
ngx_http_gateway_rate_limiting_more_reset(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, double count,
    double previous, uint32_t cost, ngx_uint_t refused)
{
    double  left, room, length;

    length = (double) limit->length;
    left = length
           - (double) (mcf->now
                 - (time_t) ngx_http_gateway_rate_limiting_more_start(limit,
                                                                      mcf));

    if (refused && limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING) {

        room = (double) limit->stop - cost;

        if (room >= count && previous > 0) {
            left -= length * (room - count) / previous;

        } else if (count > 0 && room >= 0) {
            left += length * (1 - room / count);
        }
    }

    return left > 1 ? (ngx_uint_t) ceil(left) : 1;
}


void
ngx_http_gateway_rate_limiting_more_digest(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_uint_t what,
    ngx_http_gateway_digest_t *digest)
{
    u_char                                kind;
    ngx_str_t                             id;
    ngx_uint_t                            i, n;
    ngx_http_gateway_hash_t               hash;
    ngx_http_gateway_rate_limiting_key_t  key;

    ngx_http_gateway_rate_limiting_more_tag(conf, mcf, rule);

    *digest = rule->tag;
    n = ngx_max(rule->key.nkinds, 1);

    for (i = 0; i < n; i++) {

        key = rule->key;

        if (key.nkinds) {
            key.limit_by = key.kinds[i];
        }

        kind = ngx_http_gateway_rate_limiting_identifier(r, conf, &key, 0, &id)
               ? (u_char) key.limit_by : NGX_HTTP_GATEWAY_RATE_LIMITING_IP;
        kind |= (u_char) (what << 7);

        ngx_http_gateway_hash_init(mcf->more.shm, &hash);
        ngx_http_gateway_hash_part(&hash, digest, sizeof(*digest));
        ngx_http_gateway_hash_part(&hash, &kind, 1);
        ngx_http_gateway_hash_part(&hash, id.data, id.len);
        ngx_http_gateway_hash_final(&hash, digest);
    }
}


void
ngx_http_gateway_rate_limiting_more_tag(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_rule_t *rule)
{
    ngx_str_t                *route, *service, *name;
    ngx_http_gateway_hash_t   hash;

    if (rule->tagged) {
        return;
    }

    /* what has a place of its own shares it with others elsewhere */

    route = rule->place.len ? &rule->place : &conf->instance.route_id;
    service = rule->place.len ? &rule->place : &conf->instance.service_id;
    name = rule->space.len ? &rule->space : &rule->name;

    ngx_http_gateway_hash_init(mcf->more.shm, &hash);
    ngx_http_gateway_hash_part(&hash, route->data, route->len);
    ngx_http_gateway_hash_part(&hash, service->data, service->len);
    ngx_http_gateway_hash_part(&hash, name->data, name->len);
    ngx_http_gateway_hash_final(&hash, &rule->tag);

    rule->tagged = 1;
}


static uint32_t
ngx_http_gateway_rate_limiting_more_cost(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_int_t  cost;
    ngx_str_t  value;

    if (conf->more->cost == NULL
        || ngx_http_complex_value(r, conf->more->cost, &value) != NGX_OK)
    {
        return 1;
    }

    /* what is no number costs what others cost */

    cost = ngx_atoi(value.data, value.len);

    if (cost < 0) {
        return 1;
    }

    return (uint32_t) ngx_min(cost, NGX_HTTP_GATEWAY_RATE_COST);
}


/* Redis */

static ngx_int_t
ngx_http_gateway_rate_limiting_more_ask(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data)
{
    u_char                                       *p;
    ngx_str_t                                    *argv, prefix;
    ngx_uint_t                                    i, n, k;
    ngx_http_gateway_redis_command_t              command;
    ngx_http_gateway_rate_limiting_rule_t        *rule;
    ngx_http_gateway_rate_limiting_more_t        *more;
    ngx_http_gateway_rate_limiting_more_limit_t  *limit;
    static const u_char                           kinds[] = "fsg";

    more = conf->more;

    /* at most two keys and four arguments each */

    argv = ngx_palloc(r->pool, (2 + 6 * more->n) * sizeof(ngx_str_t));
    if (argv == NULL) {
        return NGX_ERROR;
    }

    rule = NULL;
    ngx_str_null(&prefix);
    n = 0;
    k = 0;

    for (i = 0; i < more->n; i++) {
        n += 1 + (more->limits[i].kind
                  == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING);
    }

    command.script = &ngx_http_gateway_rate_limiting_more_script;
    command.nkeys = n;
    command.argv = argv;
    command.argc = n + 2 + 4 * more->n;

    p = ngx_pnalloc(r->pool, NGX_INT32_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    argv[n].data = p;
    argv[n].len = ngx_sprintf(p, "%uD", data->cost) - p;
    n++;

    ngx_str_set(&argv[n], "0");
    argv[n].data = (u_char *) (conf->penalty ? "1" : "0");
    n++;

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

        p = ngx_pnalloc(r->pool, 2 * (prefix.len + NGX_HTTP_GATEWAY_RATE_KEY)
                                 + NGX_INT32_LEN + 32 + NGX_TIME_T_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        argv[k].data = p;

        p = ngx_http_gateway_rate_limiting_more_key(p, &prefix, limit,
                      ngx_http_gateway_rate_limiting_more_start(limit, mcf));

        argv[k].len = p - argv[k].data;
        k++;

        if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING) {
            argv[k].data = p;
            p = ngx_http_gateway_rate_limiting_more_key(p, &prefix, limit,
                      ngx_http_gateway_rate_limiting_more_before(limit, mcf));
            argv[k].len = p - argv[k].data;
            k++;
        }

        argv[n].data = (u_char *) &kinds[limit->kind];
        argv[n].len = 1;
        n++;

        argv[n].data = p;
        p = ngx_sprintf(p, "%uD", limit->stop);
        argv[n].len = p - argv[n].data;
        n++;

        argv[n].data = p;
        p = limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA
            ? ngx_sprintf(p, "%uL", limit->interval)
            : ngx_sprintf(p, "%.6f",
                          ngx_http_gateway_rate_limiting_more_weight(limit,
                                                                     mcf));
        argv[n].len = p - argv[n].data;
        n++;

        argv[n].data = p;
        p = ngx_sprintf(p, "%T", limit->kind
                                 == NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING
                                 ? 2 * limit->length : limit->length);
        argv[n].len = p - argv[n].data;
        n++;
    }

    data->conf = conf;

    return ngx_http_gateway_redis_ask(r, conf->server, &command,
                                 ngx_http_gateway_rate_limiting_more_answered,
                                 data);
}


/* windows of their own are told by their length */

u_char *
ngx_http_gateway_rate_limiting_more_key(u_char *buf, ngx_str_t *prefix,
    ngx_http_gateway_rate_limiting_more_limit_t *limit, uint32_t start)
{
    if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {
        return ngx_sprintf(buf, "%Vgcra:%s", prefix,
                           ngx_http_gateway_rate_limiting_periods
                               [limit->period].name);
    }

    return limit->period < NGX_HTTP_GATEWAY_RATE_PERIODS
           ? ngx_http_gateway_rate_limiting_key(buf, prefix, limit->period,
                                                start)
           : ngx_sprintf(buf, "%V%uD:%T", prefix, start, limit->length);
}


static void
ngx_http_gateway_rate_limiting_more_answered(void *arg, redisReply *reply)
{
    ngx_http_gateway_rate_limiting_data_t *data = arg;

    double                                        extra, previous, weight;
    ngx_uint_t                                    i, past, stop;
    ngx_http_gateway_rate_limiting_more_t        *more;
    ngx_http_gateway_rate_limiting_more_used_t   *used;
    ngx_http_gateway_rate_limiting_main_conf_t   *mcf;
    ngx_http_gateway_rate_limiting_more_limit_t  *limit;

    data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_FAILED;
    more = data->conf->more;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 1 + 2 * more->n)
    {
        return;
    }

    for (i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER) {
            return;
        }
    }

    mcf = data->conf->mcf;

    /* the windows are those that were asked about */

    if (mcf->now != data->now) {
        ngx_http_gateway_rate_limiting_windows(mcf, data->now);
    }

    data->refused = reply->element[0]->integer == 0;
    past = 0;

    for (i = 0; i < more->n; i++) {

        limit = &more->limits[i];
        used = &data->more[i];

        used->used = (uint32_t) ngx_min(reply->element[1 + 2 * i]->integer,
                                        0xffffffff);
        extra = (double) reply->element[2 + 2 * i]->integer;

        if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {

            if (extra + data->cost * (double) limit->interval
                > limit->stop * (double) limit->interval)
            {
                extra -= ((double) limit->stop - data->cost)
                         * (double) limit->interval;
            }

            used->reset = (ngx_uint_t) ceil(extra / 1000000);
            continue;
        }

        weight = ngx_http_gateway_rate_limiting_more_weight(limit, mcf);
        previous = weight > 0 ? (used->used - extra) / weight : 0;

        stop = (uint64_t) used->used + data->cost > limit->stop;

        if (stop && data->conf->penalty && !past) {
            extra += data->cost;
            past = 1;
        }

        used->reset = ngx_http_gateway_rate_limiting_more_reset(limit, mcf,
                          extra, previous, data->cost, stop);
    }

    data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_ANSWERED;
}


/* configuration */

size_t
ngx_http_gateway_rate_limiting_more_size(void)
{
    return sizeof(ngx_http_gateway_rate_limiting_cells_t);
}


void
ngx_http_gateway_rate_limiting_more_mark(void *value)
{
    ngx_http_gateway_rate_limiting_cells_t  *cells = value;

    cells->cell[NGX_HTTP_GATEWAY_RATE_PERIODS - 1].held = 1;
}


/* windows may have any length, so an entry is good for as long as it lives */

ngx_uint_t
ngx_http_gateway_rate_limiting_more_live(const void *value, time_t now)
{
    const ngx_http_gateway_rate_limiting_cells_t  *cells = value;

    return cells->cell[NGX_HTTP_GATEWAY_RATE_PERIODS - 1].held == 0;
}


void
ngx_http_gateway_rate_limiting_previous(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    struct tm   tm;
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        mcf->previous[i] = mcf->start[i]
                           - (uint32_t) ngx_http_gateway_rate_limiting_periods
                                            [i].length;
    }

    ngx_libc_gmtime((time_t) mcf->start[4] - 1, &tm);
    mcf->previous[4] = mcf->start[4] - (uint32_t) tm.tm_mday * 86400;

    ngx_libc_gmtime((time_t) mcf->start[5] - 1, &tm);
    mcf->previous[5] = mcf->start[5] - (uint32_t) (tm.tm_yday + 1) * 86400;
}


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_more_by[] = {
    { ngx_string("consumer"), NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER },
    { ngx_string("credential"), NGX_HTTP_GATEWAY_RATE_LIMITING_CREDENTIAL },
    { ngx_string("ip"), NGX_HTTP_GATEWAY_RATE_LIMITING_IP },
    { ngx_string("service"), NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE },
    { ngx_string("header"), NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER },
    { ngx_string("path"), NGX_HTTP_GATEWAY_RATE_LIMITING_PATH },
    { ngx_string("consumer-group"), NGX_HTTP_GATEWAY_RATE_LIMITING_GROUP },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_more_types[] = {
    { ngx_string("fixed"), NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED },
    { ngx_string("sliding"), NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_more_algorithms[] = {
    { ngx_string("window"), NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED },
    { ngx_string("gcra"), NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA },
    { ngx_null_string, 0 }
};


static ngx_uint_t
ngx_http_gateway_rate_limiting_more_is(ngx_str_t *text, const char *what)
{
    return text->len == ngx_strlen(what)
           && ngx_memcmp(text->data, what, text->len) == 0;
}


/* "limits.NAME.field" */

char *
ngx_http_gateway_rate_limiting_more_param(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = data;

    double                                   number;
    u_char                                  *dot, *p;
    ngx_str_t                                rest, part;
    ngx_uint_t                               i, k;
    ngx_conf_enum_t                         *e;
    ngx_http_gateway_rate_limiting_rule_t   *rule, **rules;

    part.data = name->data + sizeof("limits.") - 1;
    rest.data = name->data + name->len;

    dot = ngx_strlchr(part.data, rest.data, '.');

    if (dot == NULL || dot == part.data) {
        return "expected \"limits.NAME.minute\" and the like";
    }

    part.len = dot - part.data;
    rest.len = rest.data - dot - 1;
    rest.data = dot + 1;

    for (p = part.data; p < dot; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_'))
        {
            return "the name of a limit has letters, digits, \"-\" and \"_\"";
        }
    }

    if (conf->rules == NULL) {
        conf->rules = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (conf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rules = conf->rules->elts;
    rule = NULL;

    for (i = 0; i < conf->rules->nelts; i++) {
        if (rules[i]->name.len == part.len
            && ngx_memcmp(rules[i]->name.data, part.data, part.len) == 0)
        {
            rule = rules[i];
        }
    }

    if (rule == NULL) {
        rule = ngx_pcalloc(cf->pool,
                           sizeof(ngx_http_gateway_rate_limiting_rule_t));
        rules = ngx_array_push(conf->rules);

        if (rule == NULL || rules == NULL) {
            return NGX_CONF_ERROR;
        }

        *rules = rule;
        rule->name = part;

        for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {
            rule->values[i] = NGX_HTTP_GATEWAY_RATE_UNSET;
        }
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {

        if (!ngx_http_gateway_rate_limiting_more_is(&rest,
                              ngx_http_gateway_rate_limiting_periods[i].name))
        {
            continue;
        }

        number = (double) ngx_atofp(value->data, value->len, 3) / 1000;

        if (number <= 0) {
            return "expected a number above 0";
        }

        rule->values[i] = number;

        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_rate_limiting_more_is(&rest, "burst")) {
        rule->burst = ngx_atoi(value->data, value->len);
        return rule->burst > 0 ? NGX_CONF_OK : "expected a number above 0";
    }

    if (ngx_http_gateway_rate_limiting_more_is(&rest, "header_name")) {
        rule->key.header_name = *value;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_rate_limiting_more_is(&rest, "path")) {
        rule->key.path = *value;
        return NGX_CONF_OK;
    }

    {
        struct {
            const char       *name;
            ngx_conf_enum_t  *values;
            ngx_uint_t       *field;
        } fields[] = {
            { "limit_by", ngx_http_gateway_rate_limiting_more_by,
              &rule->key.limit_by },
            { "window_type", ngx_http_gateway_rate_limiting_more_types,
              &rule->window_type },
            { "algorithm", ngx_http_gateway_rate_limiting_more_algorithms,
              &rule->algorithm }
        };

        for (k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {

            if (!ngx_http_gateway_rate_limiting_more_is(&rest,
                                                        fields[k].name))
            {
                continue;
            }

            for (e = fields[k].values; e->name.len; e++) {
                if (e->name.len == value->len
                    && ngx_memcmp(e->name.data, value->data, value->len) == 0)
                {
                    *fields[k].field = e->value;
                    return NGX_CONF_OK;
                }
            }

            return "there is no such value";
        }
    }

    return "there is no such field of a limit";
}


static ngx_uint_t
ngx_http_gateway_rate_limiting_more_needed(
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    return conf->rules != NULL || conf->cost.len != 0
           || conf->rule.window_type != NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED
           || conf->rule.algorithm != NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED;
}


char *
ngx_http_gateway_rate_limiting_more_check(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    char                                   *rv;
    ngx_uint_t                              i, n;
    ngx_http_gateway_rate_limiting_more_t  *more;

    conf->mcf = mcf;

    if (conf->concurrency) {
        mcf->more.used = 1;
    }

    if (conf->rule.burst
        && conf->rule.algorithm != NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA)
    {
        return "needs \"algorithm=gcra\" with \"burst\"";
    }

    if (!ngx_http_gateway_rate_limiting_more_needed(conf)) {
        return NGX_CONF_OK;
    }

    more = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_rate_limiting_more_t));
    if (more == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->more = more;

    n = 1 + (conf->rules ? conf->rules->nelts : 0);

    more->rule = ngx_palloc(cf->pool, n * sizeof(void *));
    if (more->rule == NULL) {
        return NGX_CONF_ERROR;
    }

    more->rules = n;
    more->rule[0] = &conf->rule;

    for (i = 1; i < n; i++) {
        more->rule[i] = ((ngx_http_gateway_rate_limiting_rule_t **)
                             conf->rules->elts)[i - 1];
    }

    for (i = 0; i < n; i++) {
        rv = ngx_http_gateway_rate_limiting_more_add(cf, conf, more->rule[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    mcf->more.used = 1;

    return ngx_http_gateway_rate_limiting_more_compile(cf, conf);
}


static char *
ngx_http_gateway_rate_limiting_more_add(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule)
{
    u_char                                       *p;
    ngx_uint_t                                    i;
    ngx_http_gateway_rate_limiting_more_t        *more;
    ngx_http_gateway_rate_limiting_more_limit_t  *limit;

    more = conf->more;
    rule->first = more->n;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {

        if (rule->values[i] == NGX_HTTP_GATEWAY_RATE_UNSET) {
            continue;
        }

        if (more->n == NGX_HTTP_GATEWAY_RATE_LIMITS) {
            return "has too many limits, 24 are the most";
        }

        limit = &more->limits[more->n++];

        limit->rule = rule;
        limit->kind = rule->algorithm == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA
                      ? rule->algorithm : rule->window_type;
        limit->period = i;
        limit->cell = i;
        limit->length = ngx_http_gateway_rate_limiting_periods[i].length;
        limit->limit = rule->values[i];
        limit->stop = (uint32_t) ngx_min(ceil(limit->limit), 4294967295.0);
        limit->interval = (uint64_t) ngx_max(1000000.0 * (double) limit->length
                                             / limit->limit, 1.0);

        if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA && rule->burst)
        {
            limit->stop = (uint32_t) rule->burst;
        }

        p = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_RATE_TEXT
                                  + rule->name.len + sizeof("-minute"));
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        /* what is left of GCRA is left of the burst */

        ngx_http_gateway_rate_limiting_number(p,
                          limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA
                          ? (double) limit->stop : limit->limit,
                          &limit->text);

        limit->name.data = p + NGX_HTTP_GATEWAY_RATE_TEXT;
        limit->name.len = ngx_sprintf(limit->name.data, "%V%s%s", &rule->name,
                              rule->name.len ? "-" : "",
                              ngx_http_gateway_rate_limiting_periods[i].name)
                          - limit->name.data;

        rule->ttl = limit->length;
        rule->n++;
    }

    if (rule->n == 0 && rule->name.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the limit \"%V\" of \"gateway_rate_limiting\" has "
                           "no period", &rule->name);
        return NGX_CONF_ERROR;
    }

    if (rule->name.len && rule->burst
        && rule->algorithm != NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA)
    {
        return "needs \"algorithm=gcra\" with \"burst\"";
    }

    return ngx_http_gateway_rate_limiting_check_key(cf, &rule->key);
}


static char *
ngx_http_gateway_rate_limiting_more_compile(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_int_t                          cost;
    ngx_uint_t                         i;
    ngx_http_compile_complex_value_t   ccv;

    if (conf->policy != NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL
        && conf->redis.cluster_nodes)
    {
        for (i = 1; i < conf->more->rules; i++) {
            if (conf->more->rule[i]->key.limit_by
                != conf->more->rule[i - 1]->key.limit_by
                && (i > 1 || conf->rule.n))
            {
                return "in a cluster needs the same \"limit_by\" for all "
                       "limits, so that they are on one node";
            }
        }
    }

    if (conf->cost.len == 0) {
        return NGX_CONF_OK;
    }

    conf->more->cost = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (conf->more->cost == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &conf->cost;
    ccv.complex_value = conf->more->cost;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->more->cost->lengths == NULL) {

        cost = ngx_atoi(conf->cost.data, conf->cost.len);

        if (cost < 0 || cost > NGX_HTTP_GATEWAY_RATE_COST) {
            return "needs a \"cost\" that is a number from 0 to 1000000, or "
                   "has variables";
        }
    }

    return NGX_CONF_OK;
}
