
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sets of peers, and the algorithms that choose from them.
 */


#include "ngx_http_gateway_upstream_peers.h"

#include <math.h>


/* round robin: more places than that are scaled down */
#define NGX_HTTP_GATEWAY_UPSTREAM_MAX_PLACES  (1024 * 1024)

/* consistent hashing: points of a target of average weight */
#define NGX_HTTP_GATEWAY_UPSTREAM_POINTS      160

/* addresses of SRV records share the weight as far as this goes */
#define NGX_HTTP_GATEWAY_UPSTREAM_MAX_SCALE   5040

/* latency: a measurement loses its weight by 1/e in this time */
#define NGX_HTTP_GATEWAY_UPSTREAM_DECAY       10000.0


static ngx_http_gateway_upstream_set_t *ngx_http_gateway_upstream_build(
    ngx_http_gateway_upstream_balancer_t *b);
static ngx_uint_t ngx_http_gateway_upstream_scale(
    ngx_http_gateway_upstream_balancer_t *b);
static ngx_http_gateway_upstream_peer_t *ngx_http_gateway_upstream_peer(
    ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_addr_t *addr);
static void ngx_http_gateway_upstream_average(
    ngx_http_gateway_upstream_set_t *set);
static ngx_uint_t ngx_http_gateway_upstream_sum(
    ngx_http_gateway_upstream_set_t *set, ngx_uint_t *divisor);
static ngx_int_t ngx_http_gateway_upstream_places(
    ngx_http_gateway_upstream_set_t *set);
static ngx_int_t ngx_http_gateway_upstream_points(
    ngx_http_gateway_upstream_set_t *set, ngx_uint_t ntargets);
static int ngx_libc_cdecl ngx_http_gateway_upstream_cmp_slots(const void *one,
    const void *two);
static int ngx_libc_cdecl ngx_http_gateway_upstream_cmp_points(
    const void *one, const void *two);

static ngx_int_t ngx_http_gateway_upstream_round_robin(
    ngx_http_gateway_upstream_try_t *t);
static ngx_int_t ngx_http_gateway_upstream_consistent(
    ngx_http_gateway_upstream_try_t *t);
static ngx_int_t ngx_http_gateway_upstream_least_conn(
    ngx_http_gateway_upstream_try_t *t);
static ngx_int_t ngx_http_gateway_upstream_latency(
    ngx_http_gateway_upstream_try_t *t);
static double ngx_http_gateway_upstream_decay(ngx_msec_t elapsed);


ngx_http_gateway_upstream_set_t *
ngx_http_gateway_upstream_set(ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_http_gateway_upstream_set_t  *set;

    if (b->set && !b->changed) {

        if (b->checks && b->checks->seen != *b->checks->generation) {
            ngx_http_gateway_upstream_sync(b);
        }

        return b->set;
    }

    set = ngx_http_gateway_upstream_build(b);

    if (set == NULL) {
        /* better the old addresses than none; built again next time */
        return b->set;
    }

    if (b->set) {
        ngx_http_gateway_upstream_set_release(b->set);
    }

    b->set = set;
    b->changed = 0;

    if (b->checks) {
        ngx_http_gateway_upstream_sync(b);
    }

    return set;
}


void
ngx_http_gateway_upstream_set_release(ngx_http_gateway_upstream_set_t *set)
{
    ngx_uint_t  i;

    if (--set->refs) {
        return;
    }

    for (i = 0; i < set->nslots; i++) {
        ngx_http_gateway_upstream_peer_release(set->slots[i].peer);
    }

    if (set->places) {
        ngx_free(set->places);
    }

    if (set->points) {
        ngx_free(set->points);
    }

    ngx_free(set);
}


static ngx_http_gateway_upstream_set_t *
ngx_http_gateway_upstream_build(ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_int_t                            rc;
    ngx_uint_t                           i, k, n;
    ngx_http_gateway_upstream_set_t     *set;
    ngx_http_gateway_upstream_slot_t    *slot;
    ngx_http_gateway_upstream_addr_t    *addr;
    ngx_http_gateway_upstream_target_t  *targets;

    targets = b->targets.elts;
    n = 0;

    for (i = 0; i < b->targets.nelts; i++) {
        n += targets[i].naddrs;
    }

    set = ngx_calloc(sizeof(ngx_http_gateway_upstream_set_t)
                     + n * sizeof(ngx_http_gateway_upstream_slot_t), b->log);
    if (set == NULL) {
        return NULL;
    }

    set->refs = 1;
    set->scale = ngx_http_gateway_upstream_scale(b);
    set->slots = (ngx_http_gateway_upstream_slot_t *) &set[1];

    for (i = 0; i < b->targets.nelts; i++) {

        for (k = 0; k < targets[i].naddrs; k++) {
            addr = &targets[i].addrs[k];

            slot = &set->slots[set->nslots];
            slot->weight = addr->weight * set->scale
                           / ngx_max(addr->share, 1);

            if (slot->weight == 0 && addr->weight) {
                slot->weight = 1;
            }

            slot->peer = ngx_http_gateway_upstream_peer(b, &targets[i], addr);

            if (slot->peer == NULL) {
                ngx_http_gateway_upstream_set_release(set);
                return NULL;
            }

            set->nslots++;

            if (slot->weight) {
                set->usable++;
            }
        }
    }

    /* the order of targets in the configuration must not matter */

    ngx_qsort(set->slots, set->nslots,
              sizeof(ngx_http_gateway_upstream_slot_t),
              ngx_http_gateway_upstream_cmp_slots);

    switch (b->algorithm) {

    case NGX_HTTP_GATEWAY_UPSTREAM_CONSISTENT:
        rc = ngx_http_gateway_upstream_points(set, b->targets.nelts);
        break;

    case NGX_HTTP_GATEWAY_UPSTREAM_LATENCY:
        ngx_http_gateway_upstream_average(set);
        rc = NGX_OK;
        break;

    case NGX_HTTP_GATEWAY_UPSTREAM_LEAST_CONN:
        /* workers must not all begin with the same peer */
        set->next = (ngx_uint_t) ngx_random();
        rc = NGX_OK;
        break;

    default: /* NGX_HTTP_GATEWAY_UPSTREAM_ROUND_ROBIN */
        rc = ngx_http_gateway_upstream_places(set);
        break;
    }

    if (rc != NGX_OK) {
        ngx_http_gateway_upstream_set_release(set);
        return NULL;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, b->log, 0,
                   "gateway upstream \"%V\" set of %ui, usable:%ui",
                   &b->name, set->nslots, set->usable);

    return set;
}


/* the least multiple of the shares: weights that are divided stay whole */

static ngx_uint_t
ngx_http_gateway_upstream_scale(ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_uint_t                           a, c, i, k, rest, scale;
    ngx_http_gateway_upstream_target_t  *targets;

    targets = b->targets.elts;
    scale = 1;   /* stays above 0 */

    for (i = 0; i < b->targets.nelts; i++) {

        for (k = 0; k < targets[i].naddrs; k++) {
            a = scale;
            c = targets[i].addrs[k].share;

            if (c <= 1) {
                continue;
            }

            while (c) {
                rest = a % c;
                a = c;
                c = rest;
            }

            scale = scale / a * targets[i].addrs[k].share;

            if (scale > NGX_HTTP_GATEWAY_UPSTREAM_MAX_SCALE) {
                return NGX_HTTP_GATEWAY_UPSTREAM_MAX_SCALE;
            }
        }
    }

    return scale;
}


/* takes the peer over from the last set, or makes a new one */

static ngx_http_gateway_upstream_peer_t *
ngx_http_gateway_upstream_peer(ngx_http_gateway_upstream_balancer_t *b,
    ngx_http_gateway_upstream_target_t *target,
    ngx_http_gateway_upstream_addr_t *addr)
{
    u_char                            *p, *last;
    size_t                             len;
    ngx_str_t                         *host;
    ngx_uint_t                         i;
    ngx_http_gateway_upstream_peer_t  *peer;

    host = b->host_header.len ? &b->host_header
           : addr->name.len ? &addr->name : &target->host;

    if (b->set) {

        for (i = 0; i < b->set->nslots; i++) {
            peer = b->set->slots[i].peer;

            if (peer->target == target
                && (target->connect_to
                    || (peer->socklen == addr->socklen
                        && ngx_memcmp(&peer->sockaddr, &addr->sockaddr,
                                      addr->socklen) == 0))
                && peer->host.len == host->len
                && ngx_strncmp(peer->host.data, host->data, host->len) == 0)
            {
                peer->refs++;
                return peer;
            }
        }
    }

    len = NGX_SOCKADDR_STRLEN + host->len + sizeof(":65535") - 1;

    peer = ngx_calloc(sizeof(ngx_http_gateway_upstream_peer_t) + len, b->log);
    if (peer == NULL) {
        return NULL;
    }

    peer->refs = 1;
    peer->target = target;
    peer->sockaddr = addr->sockaddr;
    peer->socklen = addr->socklen;
    peer->port = ngx_inet_get_port(&peer->sockaddr.sockaddr);

    p = (u_char *) &peer[1];
    last = p + len;

    peer->text.data = p;
    peer->text.len = ngx_sock_ntop(&peer->sockaddr.sockaddr, peer->socklen, p,
                                   NGX_SOCKADDR_STRLEN, 1);
    p += peer->text.len;

    peer->host_port.data = p;
    p = ngx_slprintf(p, last, "%V:%ui", host, (ngx_uint_t) peer->port);
    peer->host_port.len = p - peer->host_port.data;

    peer->host.data = peer->host_port.data;
    peer->host.len = host->len;

    if (b->checks) {
        ngx_http_gateway_upstream_health_peer(b, peer);
    }

    if (target->connect_to) {
        ngx_memzero(&peer->sockaddr, sizeof(ngx_sockaddr_t));
        ngx_memcpy(&peer->sockaddr, target->connect_to->sockaddr,
                   target->connect_to->socklen);
        peer->socklen = target->connect_to->socklen;
    }

    return peer;
}


void
ngx_http_gateway_upstream_peer_release(ngx_http_gateway_upstream_peer_t *peer)
{
#if (NGX_HTTP_SSL)
    ngx_uint_t  i;
#endif

    if (--peer->refs) {
        return;
    }

#if (NGX_HTTP_SSL)
    for (i = 0; i < NGX_HTTP_GATEWAY_UPSTREAM_SESSIONS; i++) {
        if (peer->sessions[i].session) {
            ngx_ssl_free_session(peer->sessions[i].session);
        }
    }
#endif

    ngx_free(peer);
}


/* peers that are new begin with the average of the others */

static void
ngx_http_gateway_upstream_average(ngx_http_gateway_upstream_set_t *set)
{
    double                             sum;
    ngx_uint_t                         i, n;
    ngx_http_gateway_upstream_peer_t  *peer;

    sum = 0;
    n = 0;

    for (i = 0; i < set->nslots; i++) {
        peer = set->slots[i].peer;

        if (peer->measured) {
            sum += peer->ewma;
            n++;
        }
    }

    for (i = 0; i < set->nslots; i++) {
        peer = set->slots[i].peer;

        if (!peer->measured) {
            peer->ewma = n ? sum / (double) n : 0;
            peer->touched = ngx_current_msec;
            peer->measured = 1;
        }
    }
}


static ngx_uint_t
ngx_http_gateway_upstream_sum(ngx_http_gateway_upstream_set_t *set,
    ngx_uint_t *divisor)
{
    ngx_uint_t  i, a, b, c, sum;

    a = 0;
    sum = 0;

    for (i = 0; i < set->nslots; i++) {
        b = set->slots[i].weight;
        sum += b;

        while (b) {
            c = a % b;
            a = b;
            b = c;
        }
    }

    *divisor = a;

    return sum;
}


static ngx_int_t
ngx_http_gateway_upstream_places(ngx_http_gateway_upstream_set_t *set)
{
    uint32_t     slot;
    uint64_t     count;
    ngx_uint_t   i, k, n, sum, divisor, total;

    sum = ngx_http_gateway_upstream_sum(set, &divisor);

    if (sum == 0) {
        return NGX_OK;
    }

    total = sum / divisor;

    if (total > NGX_HTTP_GATEWAY_UPSTREAM_MAX_PLACES) {
        total = NGX_HTTP_GATEWAY_UPSTREAM_MAX_PLACES;
    }

    /* rounding up to at least one place each may need one more per slot */

    set->places = ngx_alloc((total + set->nslots) * sizeof(uint32_t),
                            ngx_cycle->log);
    if (set->places == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < set->nslots; i++) {

        count = (uint64_t) set->slots[i].weight * total / sum;

        if (count == 0 && set->slots[i].weight) {
            count = 1;
        }

        while (count--) {
            set->places[n++] = (uint32_t) i;
        }
    }

    set->nplaces = n;

    for (i = n; i > 1; i--) {
        k = (ngx_uint_t) ngx_random() % i;

        slot = set->places[i - 1];
        set->places[i - 1] = set->places[k];
        set->places[k] = slot;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_points(ngx_http_gateway_upstream_set_t *set,
    ngx_uint_t ntargets)
{
    u_char                             *p;
    uint64_t                            count;
    ngx_uint_t                          i, k, n, sum, divisor;
    ngx_http_gateway_upstream_peer_t   *peer;
    ngx_http_gateway_upstream_point_t  *point;
    u_char                              buf[NGX_SOCKADDR_STRLEN
                                            + sizeof(" ") + NGX_INT_T_LEN];

    sum = ngx_http_gateway_upstream_sum(set, &divisor);

    if (sum == 0) {
        return NGX_OK;
    }

    n = ntargets * NGX_HTTP_GATEWAY_UPSTREAM_POINTS + set->nslots;

    set->points = ngx_alloc(n * sizeof(ngx_http_gateway_upstream_point_t),
                            ngx_cycle->log);
    if (set->points == NULL) {
        return NGX_ERROR;
    }

    point = set->points;

    for (i = 0; i < set->nslots; i++) {

        peer = set->slots[i].peer;

        count = (uint64_t) set->slots[i].weight * ntargets
                * NGX_HTTP_GATEWAY_UPSTREAM_POINTS / sum;

        if (count == 0 && set->slots[i].weight) {
            count = 1;
        }

        for (k = 0; k < count; k++) {
            p = ngx_snprintf(buf, sizeof(buf), "%V %ui", &peer->text, k);

            point->hash = ngx_murmur_hash2(buf, p - buf);
            point->slot = (uint32_t) i;
            point++;
        }
    }

    set->npoints = point - set->points;

    ngx_qsort(set->points, set->npoints,
              sizeof(ngx_http_gateway_upstream_point_t),
              ngx_http_gateway_upstream_cmp_points);

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_upstream_cmp_slots(const void *one, const void *two)
{
    ngx_int_t                                rc;
    const ngx_http_gateway_upstream_slot_t  *a, *b;

    a = one;
    b = two;

    rc = ngx_memn2cmp(a->peer->text.data, b->peer->text.data,
                      a->peer->text.len, b->peer->text.len);

    if (rc == 0) {
        rc = ngx_memn2cmp(a->peer->target->host.data,
                          b->peer->target->host.data,
                          a->peer->target->host.len,
                          b->peer->target->host.len);
    }

    return (int) rc;
}


static int ngx_libc_cdecl
ngx_http_gateway_upstream_cmp_points(const void *one, const void *two)
{
    const ngx_http_gateway_upstream_point_t  *a, *b;

    a = one;
    b = two;

    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }

    return a->slot < b->slot ? -1 : a->slot > b->slot;
}


ngx_int_t
ngx_http_gateway_upstream_choose(ngx_http_gateway_upstream_try_t *t)
{
    ngx_int_t  rc;

    if (t->set->usable == 0
        || (t->balancer->checks && t->balancer->checks->broken))
    {
        return NGX_DECLINED;
    }

    switch (t->balancer->algorithm) {

    case NGX_HTTP_GATEWAY_UPSTREAM_CONSISTENT:
        rc = ngx_http_gateway_upstream_consistent(t);
        break;

    case NGX_HTTP_GATEWAY_UPSTREAM_LEAST_CONN:
        rc = ngx_http_gateway_upstream_least_conn(t);
        break;

    case NGX_HTTP_GATEWAY_UPSTREAM_LATENCY:
        rc = ngx_http_gateway_upstream_latency(t);
        break;

    default: /* NGX_HTTP_GATEWAY_UPSTREAM_ROUND_ROBIN */
        rc = ngx_http_gateway_upstream_round_robin(t);
        break;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP,
                   t->request ? t->request->connection->log
                              : t->balancer->log, 0,
                   "gateway upstream \"%V\" rc:%i slot:%ui",
                   &t->balancer->name, rc, t->current);

    return rc;
}


static ngx_int_t
ngx_http_gateway_upstream_round_robin(ngx_http_gateway_upstream_try_t *t)
{
    ngx_uint_t                        i, slot;
    ngx_http_gateway_upstream_set_t  *set;

    set = t->set;

    for (i = 0; i < set->nplaces; i++) {

        if (set->next >= set->nplaces) {
            set->next = 0;
        }

        slot = set->places[set->next++];

        if (!set->slots[slot].peer->down) {
            t->current = slot;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* the last point at or below the hash, then downwards and round */

static ngx_int_t
ngx_http_gateway_upstream_consistent(ngx_http_gateway_upstream_try_t *t)
{
    ngx_uint_t                        i, n, low, high, slot;
    ngx_http_gateway_upstream_set_t  *set;

    set = t->set;

    if (!t->hashed) {
        if (ngx_http_gateway_upstream_hash_request(t) != NGX_OK) {
            return NGX_ERROR;
        }

        t->hashed = 1;
    }

    low = 0;
    high = set->npoints;

    while (low < high) {
        i = (low + high) / 2;

        if (set->points[i].hash <= t->hash) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    for (n = 0; n < set->npoints; n++) {

        low = low ? low - 1 : set->npoints - 1;
        slot = set->points[low].slot;

        if (!set->slots[slot].peer->down) {
            t->current = slot;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_upstream_least_conn(ngx_http_gateway_upstream_try_t *t)
{
    ngx_uint_t                         i, k, best;
    ngx_http_gateway_upstream_set_t   *set;
    ngx_http_gateway_upstream_slot_t  *slot, *least;

    set = t->set;

    for ( ;; ) {

        best = NGX_HTTP_GATEWAY_UPSTREAM_NONE;
        least = NULL;

        /* among equals in turn, hence the moving start */

        for (i = 0; i < set->nslots; i++) {
            k = (set->next + i) % set->nslots;
            slot = &set->slots[k];

            if (slot->weight == 0
                || slot->peer->down
                || (t->tried && t->tried[k]))
            {
                continue;
            }

            /* (active + 1) / weight without division */

            if (least == NULL
                || (uint64_t) (slot->peer->active + 1) * least->weight
                   < (uint64_t) (least->peer->active + 1) * slot->weight)
            {
                least = slot;
                best = k;
            }
        }

        if (least) {
            t->current = best;
            set->next = best + 1;
            return NGX_OK;
        }

        if (t->tried == NULL) {
            return NGX_DECLINED;
        }

        /* all have failed this request: begin anew */

        t->tried = NULL;
    }
}


static ngx_int_t
ngx_http_gateway_upstream_latency(ngx_http_gateway_upstream_try_t *t)
{
    double                             score, lowest;
    ngx_uint_t                         i, best;
    ngx_http_gateway_upstream_set_t   *set;
    ngx_http_gateway_upstream_slot_t  *slot;

    set = t->set;
    lowest = 0;
    best = NGX_HTTP_GATEWAY_UPSTREAM_NONE;

    for (i = 0; i < set->nslots; i++) {
        slot = &set->slots[i];

        if (slot->weight == 0 || slot->peer->down) {
            continue;
        }

        /* a single address is tried again, others only once */

        if (t->tried && t->tried[i] && set->usable > 1) {
            continue;
        }

        score = slot->peer->ewma
                * ngx_http_gateway_upstream_decay(ngx_current_msec
                                                  - slot->peer->touched)
                / (double) slot->weight;

        if (best == NGX_HTTP_GATEWAY_UPSTREAM_NONE || score < lowest) {
            lowest = score;
            best = i;
        }
    }

    if (best == NGX_HTTP_GATEWAY_UPSTREAM_NONE) {
        return NGX_DECLINED;
    }

    t->current = best;

    return NGX_OK;
}


void
ngx_http_gateway_upstream_measure(ngx_http_gateway_upstream_try_t *t,
    ngx_msec_t elapsed, ngx_uint_t failed)
{
    double                             value, keep;
    ngx_http_gateway_upstream_peer_t  *peer;

    peer = t->set->slots[t->current].peer;

    value = (double) elapsed;

    /* to refuse fast is no merit */

    if (failed && value < peer->ewma) {
        value = peer->ewma;
    }

    keep = ngx_http_gateway_upstream_decay(ngx_current_msec - peer->touched);

    peer->ewma = peer->ewma * keep + value * (1.0 - keep);
    peer->touched = ngx_current_msec;
}


static double
ngx_http_gateway_upstream_decay(ngx_msec_t elapsed)
{
    return exp(- (double) elapsed / NGX_HTTP_GATEWAY_UPSTREAM_DECAY);
}
