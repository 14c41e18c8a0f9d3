
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Counts that a worker could not send before it ended.  They are in shared
 * memory, but to whom they belong in Redis only that worker knew.  So it
 * leaves a note: the key of the counts, what their keys in Redis begin with,
 * and a digest of the place of the directive, for which workers of the next
 * configuration look it up.
 *
 * Notes are in numbered slots of a zone; a word of it says how many there
 * are, and is all that a worker looks at once in a second.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_rate_limiting.h"


/* of ngx_http_gateway_rate_limiting_note_t; to be raised when it changes */
#define NGX_HTTP_GATEWAY_RATE_UNSENT_LAYOUT  1

/* longer keys get no note; only names of limits and namespaces are so long */
#define NGX_HTTP_GATEWAY_RATE_UNSENT_PREFIX  480

/* seconds: no window is longer */
#define NGX_HTTP_GATEWAY_RATE_UNSENT_TTL     315360000

/* milliseconds */
#define NGX_HTTP_GATEWAY_RATE_UNSENT_LOOK    1000


/* in shared memory */
typedef struct {
    ngx_http_gateway_digest_t     place;
    ngx_http_gateway_digest_t     digest;
    uint32_t                      used;
    uint32_t                      len;
    u_char                        prefix[NGX_HTTP_GATEWAY_RATE_UNSENT_PREFIX];
} ngx_http_gateway_rate_limiting_note_t;


typedef struct {
    ngx_http_gateway_digest_t     digest;
    ngx_http_gateway_rate_limiting_conf_t
                                 *conf;
    ngx_http_gateway_rate_limiting_rule_t
                                 *rule;      /* NULL: periods in windows */
} ngx_http_gateway_rate_limiting_place_t;


static void ngx_http_gateway_rate_limiting_unsent_slot(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, ngx_uint_t number,
    ngx_http_gateway_digest_t *digest);
static ngx_uint_t ngx_http_gateway_rate_limiting_unsent_slots(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
static void ngx_http_gateway_rate_limiting_unsent_place(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule,
    ngx_http_gateway_digest_t *digest);
static void ngx_http_gateway_rate_limiting_unsent_mix(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, const void *data, size_t len);
static void ngx_http_gateway_rate_limiting_unsent_look(ngx_event_t *ev);
static void ngx_http_gateway_rate_limiting_unsent_adopt(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_note_t *note);
static ngx_int_t ngx_http_gateway_rate_limiting_unsent_places(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
static int ngx_libc_cdecl ngx_http_gateway_rate_limiting_unsent_compare(
    const void *one, const void *two);


/* the worker ends */

void
ngx_http_gateway_rate_limiting_unsent_keep(
    ngx_http_gateway_rate_limiting_changed_t *changed)
{
    ngx_uint_t                                   i, n;
    ngx_http_gateway_digest_t                    place, slot;
    ngx_http_gateway_shm_entry_t                 entry;
    ngx_http_gateway_rate_limiting_note_t       *note;
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    mcf = changed->conf->sync->mcf;
    n = ngx_http_gateway_rate_limiting_unsent_slots(mcf);

    if (mcf->unsent.full
        || changed->prefix.len > NGX_HTTP_GATEWAY_RATE_UNSENT_PREFIX)
    {
        return;
    }

    ngx_http_gateway_rate_limiting_unsent_place(mcf, changed->conf,
                                                changed->rule, &place);

    /* workers begin at different slots */

    if (mcf->unsent.next == 0) {
        mcf->unsent.next = (ngx_uint_t) ngx_pid * 2654435761;
    }

    for (i = 0; i < n; i++) {

        ngx_http_gateway_rate_limiting_unsent_slot(mcf,
                                                   mcf->unsent.next++ % n,
                                                   &slot);

        if (ngx_http_gateway_shm_acquire(mcf->unsent.shm, &slot,
                                         NGX_HTTP_GATEWAY_RATE_UNSENT_TTL,
                                         &entry)
            != NGX_OK)
        {
            continue;
        }

        note = entry.value;

        if (note->used) {
            ngx_http_gateway_shm_release(&entry);
            continue;
        }

        note->place = place;
        note->digest = changed->digest;
        note->len = (uint32_t) changed->prefix.len;
        ngx_memcpy(note->prefix, changed->prefix.data, changed->prefix.len);
        ngx_memory_barrier();
        note->used = 1;

        ngx_http_gateway_shm_release(&entry);

        (void) ngx_atomic_fetch_add(
                             ngx_http_gateway_shm_word(mcf->unsent.shm), 1);
        return;
    }

    mcf->unsent.full = 1;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "rate_limiting: counts that were not sent are lost, unless "
                  "their clients come again: there is room for %ui, make the "
                  "zone larger", n);
}


/* half of what there is room for: shards are not filled evenly */

static ngx_uint_t
ngx_http_gateway_rate_limiting_unsent_slots(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_http_gateway_shm_stat_t  stat;

    ngx_http_gateway_shm_stat(mcf->unsent.shm, &stat);

    return ngx_max(stat.room / 2, 1);
}


static void
ngx_http_gateway_rate_limiting_unsent_slot(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, ngx_uint_t number,
    ngx_http_gateway_digest_t *digest)
{
    uint64_t  n;

    n = number;

    ngx_memzero(digest, sizeof(ngx_http_gateway_digest_t));
    ngx_http_gateway_rate_limiting_unsent_mix(mcf, digest, &n, sizeof(n));
}


/* whose counts they are, and in which Redis */

static void
ngx_http_gateway_rate_limiting_unsent_place(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule,
    ngx_http_gateway_digest_t *digest)
{
    uint64_t        number[4];
    ngx_str_t      *text[8], *node;
    ngx_uint_t      i, k, n;
    ngx_array_t    *nodes[2];

    number[0] = rule != NULL;
    number[1] = (uint64_t) conf->redis.port;
    number[2] = (uint64_t) conf->redis.database;
    number[3] = 0;

    nodes[0] = conf->redis.sentinel_nodes;
    nodes[1] = conf->redis.cluster_nodes;

    for (k = 0; k < 2; k++) {
        number[3] = 2 * number[3] + (nodes[k] != NULL);
    }

    n = 0;
    text[n++] = &conf->redis.host;
    text[n++] = &conf->redis.sentinel_master;
    text[n++] = &conf->instance.route_id;
    text[n++] = &conf->instance.service_id;

    if (rule) {
        text[n++] = &rule->name;
        text[n++] = &rule->space;
        text[n++] = &rule->place;
    }

    ngx_memzero(digest, sizeof(ngx_http_gateway_digest_t));
    ngx_http_gateway_rate_limiting_unsent_mix(mcf, digest, number,
                                              sizeof(number));

    for (i = 0; i < n; i++) {
        ngx_http_gateway_rate_limiting_unsent_mix(mcf, digest, text[i]->data,
                                                  text[i]->len);
    }

    for (k = 0; k < 2; k++) {

        node = nodes[k] ? nodes[k]->elts : NULL;

        for (i = 0; node && i < nodes[k]->nelts; i++) {
            ngx_http_gateway_rate_limiting_unsent_mix(mcf, digest,
                                                      node[i].data,
                                                      node[i].len);
        }
    }
}


static void
ngx_http_gateway_rate_limiting_unsent_mix(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, const void *data, size_t len)
{
    ngx_http_gateway_hash_t  hash;

    ngx_http_gateway_hash_init(mcf->unsent.shm, &hash);
    ngx_http_gateway_hash_part(&hash, digest, sizeof(*digest));
    ngx_http_gateway_hash_part(&hash, data, len);
    ngx_http_gateway_hash_final(&hash, digest);
}


/* workers that go on */

ngx_int_t
ngx_http_gateway_rate_limiting_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    /* not in the processes of caches */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                        ngx_http_gateway_rate_limiting_module);

    if (mcf == NULL || mcf->unsent.shm == NULL) {
        return NGX_OK;
    }

    mcf->unsent.timer.handler = ngx_http_gateway_rate_limiting_unsent_look;
    mcf->unsent.timer.data = mcf;
    mcf->unsent.timer.log = cycle->log;
    mcf->unsent.timer.cancelable = 1;

    ngx_add_timer(&mcf->unsent.timer, NGX_HTTP_GATEWAY_RATE_UNSENT_LOOK);

    return NGX_OK;
}


static void
ngx_http_gateway_rate_limiting_unsent_look(ngx_event_t *ev)
{
    ngx_uint_t                                   i, n, found;
    ngx_atomic_t                                *word;
    ngx_atomic_uint_t                            notes;
    ngx_http_gateway_digest_t                    slot;
    ngx_http_gateway_shm_entry_t                 entry;
    ngx_http_gateway_rate_limiting_note_t       *note, copy;
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    if (ngx_exiting) {
        return;
    }

    mcf = ev->data;

    ngx_add_timer(ev, NGX_HTTP_GATEWAY_RATE_UNSENT_LOOK);

    word = ngx_http_gateway_shm_word(mcf->unsent.shm);
    notes = *word;

    if (notes == 0 || ngx_http_gateway_rate_limiting_unsent_places(mcf)
                      != NGX_OK)
    {
        return;
    }

    n = ngx_http_gateway_rate_limiting_unsent_slots(mcf);
    found = 0;

    for (i = 0; i < n; i++) {

        ngx_http_gateway_rate_limiting_unsent_slot(mcf, i, &slot);

        if (ngx_http_gateway_shm_find(mcf->unsent.shm, &slot, &entry)
            != NGX_OK)
        {
            continue;
        }

        note = entry.value;
        copy.used = 0;

        if (note->used) {
            copy = *note;
            note->used = 0;
        }

        ngx_http_gateway_shm_release(&entry);

        if (copy.used) {
            found = 1;
            (void) ngx_atomic_fetch_add(word, -1);
            ngx_http_gateway_rate_limiting_unsent_adopt(mcf, &copy);
        }
    }

    /* its writer was killed before it counted, or its reader afterwards */

    if (!found) {
        (void) ngx_atomic_cmp_set(word, notes, 0);
    }
}


static void
ngx_http_gateway_rate_limiting_unsent_adopt(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_note_t *note)
{
    int                                      order;
    ngx_str_t                                prefix;
    ngx_uint_t                               low, high, i;
    ngx_http_gateway_rate_limiting_place_t  *place;

    place = mcf->unsent.places->elts;
    low = 0;
    high = mcf->unsent.places->nelts;

    while (low < high) {

        i = (low + high) / 2;
        order = ngx_memcmp(&note->place, &place[i].digest,
                           sizeof(ngx_http_gateway_digest_t));

        if (order == 0) {
            prefix.len = ngx_min(note->len,
                                 NGX_HTTP_GATEWAY_RATE_UNSENT_PREFIX);
            prefix.data = note->prefix;

            ngx_http_gateway_rate_limiting_change_key(place[i].conf,
                                                      place[i].rule,
                                                      &note->digest, &prefix,
                                                      1);
            return;
        }

        if (order < 0) {
            high = i;

        } else {
            low = i + 1;
        }
    }

    /* the place is not in this configuration */
}


/* all places of this configuration, made when they are needed first */

static ngx_int_t
ngx_http_gateway_rate_limiting_unsent_places(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_uint_t                               i, k, n;
    ngx_array_t                             *places;
    ngx_http_gateway_rate_limiting_conf_t  **conf;
    ngx_http_gateway_rate_limiting_more_t   *more;
    ngx_http_gateway_rate_limiting_rule_t   *rule;
    ngx_http_gateway_rate_limiting_place_t  *place;

    if (mcf->unsent.places) {
        return NGX_OK;
    }

    places = ngx_array_create(ngx_cycle->pool, mcf->syncs->nelts,
                              sizeof(ngx_http_gateway_rate_limiting_place_t));
    if (places == NULL) {
        return NGX_ERROR;
    }

    conf = mcf->syncs->elts;

    for (i = 0; i < mcf->syncs->nelts; i++) {

        more = conf[i]->more;
        n = more ? more->rules : 1;

        for (k = 0; k < n; k++) {

            rule = more ? more->rule[k] : NULL;

            if (rule && rule->n == 0) {
                continue;
            }

            place = ngx_array_push(places);
            if (place == NULL) {
                return NGX_ERROR;
            }

            place->conf = conf[i];
            place->rule = rule;

            ngx_http_gateway_rate_limiting_unsent_place(mcf, conf[i], rule,
                                                        &place->digest);
        }
    }

    ngx_qsort(places->elts, places->nelts,
              sizeof(ngx_http_gateway_rate_limiting_place_t),
              ngx_http_gateway_rate_limiting_unsent_compare);

    mcf->unsent.places = places;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_rate_limiting_unsent_compare(const void *one,
    const void *two)
{
    const ngx_http_gateway_rate_limiting_place_t  *a = one, *b = two;

    return ngx_memcmp(&a->digest, &b->digest,
                      sizeof(ngx_http_gateway_digest_t));
}


/* configuration */

/* a fourth of the other zones */

ngx_int_t
ngx_http_gateway_rate_limiting_unsent_zone(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, size_t size)
{
    static ngx_str_t  name = ngx_string("gateway_rate_limiting_unsent");

    mcf->unsent.shm = ngx_http_gateway_shm_add(cf, &name,
                              ngx_max(size / 4, 8 * ngx_pagesize),
                              sizeof(ngx_http_gateway_rate_limiting_note_t),
                              NGX_HTTP_GATEWAY_RATE_UNSENT_LAYOUT,
                              &ngx_http_gateway_rate_limiting_module);

    return mcf->unsent.shm ? NGX_OK : NGX_ERROR;
}
