
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Health of addresses.  State and counters of an address are one value in
 * shared memory, which reports change under the lock of its shard.  When an
 * address becomes usable or unusable, the zone's generation moves on, and
 * each worker sets its peers anew before its next choice.
 *
 * A zone that is full forgets the address that was not reported or looked
 * at for the longest time: it is healthy again.
 */


#include "ngx_http_gateway_upstream_peers.h"


/* of ngx_http_gateway_upstream_health_t; to be raised when it changes */
#define NGX_HTTP_GATEWAY_UPSTREAM_LAYOUT  1

#define NGX_HTTP_GATEWAY_UPSTREAM_ZONE    (1024 * 1024)

/* seconds that a state outlives its target; workers look more often */
#define NGX_HTTP_GATEWAY_UPSTREAM_TTL     300
#define NGX_HTTP_GATEWAY_UPSTREAM_KEEP    60000

#define NGX_HTTP_GATEWAY_UPSTREAM_MOST    255


typedef enum {
    NGX_HTTP_GATEWAY_UPSTREAM_GOOD = 0,
    NGX_HTTP_GATEWAY_UPSTREAM_MOSTLY_GOOD,
    NGX_HTTP_GATEWAY_UPSTREAM_MOSTLY_BAD,
    NGX_HTTP_GATEWAY_UPSTREAM_BAD
} ngx_http_gateway_upstream_condition_e;


/* in shared memory; zeroes mean healthy; any mix of old and new is valid */
typedef struct {
    u_char                           condition;
    u_char                           count[NGX_HTTP_GATEWAY_UPSTREAM_EVENTS];
    u_char                           padding[11];
} ngx_http_gateway_upstream_health_t;


#define ngx_http_gateway_upstream_usable(condition)                           \
    ((condition) < NGX_HTTP_GATEWAY_UPSTREAM_MOSTLY_BAD)

#define ngx_http_gateway_upstream_has(set, status)                            \
    ((set)->bits[(status) / 32] & ((uint32_t) 1 << (status) % 32))


static void ngx_http_gateway_upstream_count(
    ngx_http_gateway_upstream_health_t *h,
    ngx_http_gateway_upstream_event_e event, ngx_uint_t limit);
static void ngx_http_gateway_upstream_keep_handler(ngx_event_t *ev);


void
ngx_http_gateway_upstream_report_attempt(ngx_http_gateway_upstream_try_t *t,
    ngx_uint_t last)
{
    ngx_array_t                           *states;
    ngx_http_upstream_state_t             *state;
    ngx_http_gateway_upstream_peer_t      *peer;
    ngx_http_gateway_upstream_limits_t    *limits;
    ngx_http_gateway_upstream_balancer_t  *b;

    t->pending = 0;

    states = t->request->upstream_states;

    if (states == NULL || t->attempt >= states->nelts
        || (t->stale && !last))
    {
        return;
    }

    state = (ngx_http_upstream_state_t *) states->elts + t->attempt;

    b = t->balancer;
    peer = t->set->slots[t->current].peer;
    limits = &b->checks->passive;

    if (!last && state->header_time == (ngx_msec_t) -1) {

        /* nothing came back, the status is of nginx's making */

        ngx_http_gateway_upstream_report(b, peer, limits,
                            state->status == NGX_HTTP_GATEWAY_TIME_OUT
                            ? NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT
                            : NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE);
        return;
    }

    if (last && state->status == NGX_HTTP_GATEWAY_TIME_OUT) {
        ngx_http_gateway_upstream_report(b, peer, limits,
                                         NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT);
        return;
    }

    /* with Kong a refused last attempt is a status too, 502 */

    ngx_http_gateway_upstream_report_status(b, peer, limits, state->status);
}


void
ngx_http_gateway_upstream_report_status(
    ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer,
    ngx_http_gateway_upstream_limits_t *limits, ngx_uint_t status)
{
    if (status > 999) {
        return;
    }

    if (ngx_http_gateway_upstream_has(&limits->healthy, status)) {
        ngx_http_gateway_upstream_report(b, peer, limits,
                                         NGX_HTTP_GATEWAY_UPSTREAM_SUCCESS);
        return;
    }

    if (ngx_http_gateway_upstream_has(&limits->unhealthy, status)) {
        ngx_http_gateway_upstream_report(b, peer, limits,
                                     NGX_HTTP_GATEWAY_UPSTREAM_HTTP_FAILURE);
    }
}


void
ngx_http_gateway_upstream_report(ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer,
    ngx_http_gateway_upstream_limits_t *limits,
    ngx_http_gateway_upstream_event_e event)
{
    ngx_uint_t                           was, is;
    ngx_http_gateway_shm_entry_t         entry;
    ngx_http_gateway_upstream_health_t  *h;

    static const char  *events[] = {
        "successes", "HTTP failures", "TCP failures", "timeouts"
    };

    if (limits->limit[event] == 0) {
        return;
    }

    if (ngx_http_gateway_shm_acquire(b->checks->shm, &peer->digest,
                                     NGX_HTTP_GATEWAY_UPSTREAM_TTL, &entry)
        != NGX_OK)
    {
        return;
    }

    h = entry.value;

    was = ngx_http_gateway_upstream_usable(h->condition);
    ngx_http_gateway_upstream_count(h, event, limits->limit[event]);
    is = ngx_http_gateway_upstream_usable(h->condition);

    ngx_http_gateway_shm_release(&entry);

    if (was == is) {
        return;
    }

    (void) ngx_atomic_fetch_add(b->checks->generation, 1);

    ngx_log_error(NGX_LOG_NOTICE, b->log, 0,
                  "gateway upstream \"%V\": %V (%V) is %s, %s: %ui",
                  &b->name, &peer->text, &peer->target->text,
                  is ? "healthy" : "unhealthy", events[event],
                  limits->limit[event]);

    if (b->set) {
        ngx_http_gateway_upstream_sync(b);
    }
}


void
ngx_http_gateway_upstream_force(ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer, ngx_uint_t healthy)
{
    ngx_http_gateway_shm_entry_t         entry;
    ngx_http_gateway_upstream_health_t  *h;

    if (ngx_http_gateway_shm_acquire(b->checks->shm, &peer->digest,
                                     NGX_HTTP_GATEWAY_UPSTREAM_TTL, &entry)
        != NGX_OK)
    {
        return;
    }

    h = entry.value;

    ngx_memzero(h->count, sizeof(h->count));
    h->condition = healthy ? NGX_HTTP_GATEWAY_UPSTREAM_GOOD
                           : NGX_HTTP_GATEWAY_UPSTREAM_BAD;

    ngx_http_gateway_shm_release(&entry);

    (void) ngx_atomic_fetch_add(b->checks->generation, 1);

    ngx_log_error(NGX_LOG_NOTICE, b->log, 0,
                  "gateway upstream \"%V\": %V (%V) is %s, as asked for",
                  &b->name, &peer->text, &peer->target->text,
                  healthy ? "healthy" : "unhealthy");
}


static void
ngx_http_gateway_upstream_count(ngx_http_gateway_upstream_health_t *h,
    ngx_http_gateway_upstream_event_e event, ngx_uint_t limit)
{
    ngx_http_gateway_upstream_condition_e  end, before;

    /* where such events lead, and what stands before the opposite end */

    if (event == NGX_HTTP_GATEWAY_UPSTREAM_SUCCESS) {
        end = NGX_HTTP_GATEWAY_UPSTREAM_GOOD;
        before = NGX_HTTP_GATEWAY_UPSTREAM_MOSTLY_BAD;

    } else {
        end = NGX_HTTP_GATEWAY_UPSTREAM_BAD;
        before = NGX_HTTP_GATEWAY_UPSTREAM_MOSTLY_GOOD;
    }

    if (h->condition == end) {
        return;
    }

    if (event == NGX_HTTP_GATEWAY_UPSTREAM_SUCCESS) {
        h->count[NGX_HTTP_GATEWAY_UPSTREAM_HTTP_FAILURE] = 0;
        h->count[NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE] = 0;
        h->count[NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT] = 0;

    } else {
        h->count[NGX_HTTP_GATEWAY_UPSTREAM_SUCCESS] = 0;
    }

    if (h->count[event] < NGX_HTTP_GATEWAY_UPSTREAM_MOST) {
        h->count[event]++;
    }

    if (h->count[event] >= limit) {
        h->condition = end;

    } else if (h->condition == NGX_HTTP_GATEWAY_UPSTREAM_GOOD
               || h->condition == NGX_HTTP_GATEWAY_UPSTREAM_BAD)
    {
        h->condition = before;
    }
}


void
ngx_http_gateway_upstream_sync(ngx_http_gateway_upstream_balancer_t *b)
{
    uint64_t                             total, available;
    ngx_uint_t                           i;
    ngx_http_gateway_shm_entry_t         entry;
    ngx_http_gateway_upstream_peer_t    *peer;
    ngx_http_gateway_upstream_slot_t    *slot;
    ngx_http_gateway_upstream_health_t  *h;
    ngx_http_gateway_upstream_checks_t  *checks;

    checks = b->checks;

    /* first: what changes meanwhile is seen the next time */

    checks->seen = *checks->generation;

    ngx_memory_barrier();

    total = 0;
    available = 0;

    for (i = 0; i < b->set->nslots; i++) {

        slot = &b->set->slots[i];
        peer = slot->peer;

        if (slot->weight == 0) {
            continue;
        }

        if (checks->enabled
            && ngx_http_gateway_shm_acquire(checks->shm, &peer->digest,
                                            NGX_HTTP_GATEWAY_UPSTREAM_TTL,
                                            &entry)
               == NGX_OK)
        {
            h = entry.value;
            peer->down = !ngx_http_gateway_upstream_usable(h->condition);

            ngx_http_gateway_shm_release(&entry);

            peer->health = peer->down ? NGX_HTTP_GATEWAY_UPSTREAM_UNHEALTHY
                                      : NGX_HTTP_GATEWAY_UPSTREAM_HEALTHY;
        }

        total += slot->weight;

        if (!peer->down) {
            available += slot->weight;
        }
    }

    checks->broken = available * 100000 <= total * checks->threshold;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, b->log, 0,
                   "gateway upstream \"%V\" available weight:%uL of %uL",
                   &b->name, available, total);
}


/* states belong to upstream, address and the target's name */

void
ngx_http_gateway_upstream_health_peer(ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_peer_t *peer)
{
    size_t                   len[2];
    ngx_http_gateway_hash_t  hash;

    len[0] = b->name.len;
    len[1] = peer->text.len;

    ngx_http_gateway_hash_init(b->checks->shm, &hash);
    ngx_http_gateway_hash_part(&hash, len, sizeof(len));
    ngx_http_gateway_hash_part(&hash, b->name.data, b->name.len);
    ngx_http_gateway_hash_part(&hash, peer->text.data, peer->text.len);
    ngx_http_gateway_hash_part(&hash, peer->target->host.data,
                               peer->target->host.len);
    ngx_http_gateway_hash_final(&hash, &peer->digest);
}


/* states of addresses that requests rarely meet must not expire */

static void
ngx_http_gateway_upstream_keep_handler(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_main_conf_t *gumcf = ev->data;

    ngx_uint_t                              i;
    ngx_http_gateway_upstream_balancer_t  **b;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {
        if (b[i]->checks && b[i]->checks->enabled
            && ngx_http_gateway_upstream_set(b[i]))
        {
            ngx_http_gateway_upstream_sync(b[i]);
        }
    }

    ngx_add_timer(ev, NGX_HTTP_GATEWAY_UPSTREAM_KEEP);
}


ngx_int_t
ngx_http_gateway_upstream_health_init(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf)
{
    ngx_uint_t                              i, wanted;
    ngx_http_gateway_upstream_balancer_t  **b;

    static ngx_str_t  name = ngx_string("gateway_upstream");

    ngx_queue_init(&gumcf->probes);

    b = gumcf->balancers.elts;
    wanted = gumcf->size;

    for (i = 0; i < gumcf->nexplicit && !wanted; i++) {
        wanted = b[i]->checks != NULL;
    }

    if (!wanted) {
        return NGX_OK;
    }

    gumcf->shm = ngx_http_gateway_shm_add(cf, &name,
                               gumcf->size ? gumcf->size
                                           : NGX_HTTP_GATEWAY_UPSTREAM_ZONE,
                               sizeof(ngx_http_gateway_upstream_health_t),
                               NGX_HTTP_GATEWAY_UPSTREAM_LAYOUT,
                               &ngx_http_gateway_upstream_module);
    if (gumcf->shm == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < gumcf->nexplicit; i++) {

        if (b[i]->checks == NULL) {
            continue;
        }

        b[i]->checks->shm = gumcf->shm;

        if (b[i]->checks->active) {
            gumcf->probing = 1;
        }
    }

    return NGX_OK;
}


void
ngx_http_gateway_upstream_health_map(
    ngx_http_gateway_upstream_main_conf_t *gumcf)
{
    ngx_uint_t                              i;
    ngx_http_gateway_upstream_balancer_t  **b;

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {
        if (b[i]->checks) {
            b[i]->checks->generation = ngx_http_gateway_shm_word(gumcf->shm);
        }
    }
}


void
ngx_http_gateway_upstream_health_start(
    ngx_http_gateway_upstream_main_conf_t *gumcf)
{
    if (gumcf->shm == NULL) {
        return;
    }

    gumcf->keep.handler = ngx_http_gateway_upstream_keep_handler;
    gumcf->keep.data = gumcf;
    gumcf->keep.log = ngx_cycle->log;
    gumcf->keep.cancelable = 1;

    /* not all workers at once */

    ngx_add_timer(&gumcf->keep, NGX_HTTP_GATEWAY_UPSTREAM_KEEP / 2
                                + (ngx_msec_t) ngx_random()
                                  % (NGX_HTTP_GATEWAY_UPSTREAM_KEEP / 2));

    if (gumcf->probing) {
        ngx_http_gateway_upstream_probe_start(gumcf);
    }
}


void
ngx_http_gateway_upstream_health_stop(
    ngx_http_gateway_upstream_main_conf_t *gumcf)
{
    if (gumcf->keep.timer_set) {
        ngx_del_timer(&gumcf->keep);
    }

    if (gumcf->probing) {
        ngx_http_gateway_upstream_probe_stop(gumcf);
    }
}
