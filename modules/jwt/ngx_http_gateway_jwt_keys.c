
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sets of keys: given in the configuration, or fetched from a URL.
 *
 *   shared memory    text of the last good answer, its version, when the next
 *                    fetch is due, and the lease of the worker that makes it
 *   each worker      the keys that it made of that version
 *
 * A fetch begins when it is due, or when a token names a key that is not
 * there, but never sooner than min_age after the one before.  Such a request
 * waits for a fetch that began after it came.  While the server of the keys
 * is down, those that are known stay in use.  The shared part outlives
 * reloads.
 */


#include "ngx_http_gateway_jwt.h"


#define NGX_HTTP_GATEWAY_JWT_ZONE     (4 * 1024 * 1024)

/* milliseconds */
#define NGX_HTTP_GATEWAY_JWT_POLL     50
#define NGX_HTTP_GATEWAY_JWT_BACKOFF  60000

#define NGX_HTTP_GATEWAY_JWT_REDIRECTS  3

/* requests of a worker that wait for one set */
#define NGX_HTTP_GATEWAY_JWT_WAITING  1024

/* ids that were looked for in vain, of a worker; and for how long, in
   multiples of min_age */
#define NGX_HTTP_GATEWAY_JWT_MISSES   16
#define NGX_HTTP_GATEWAY_JWT_MISSED   6


/* in shared memory; never freed, so that workers may point to it */
typedef struct ngx_http_gateway_jwt_shared_s  ngx_http_gateway_jwt_shared_t;

struct ngx_http_gateway_jwt_shared_s {
    ngx_http_gateway_jwt_shared_t     *next;
    u_char                             id[GATEWAY_JOSE_DIGEST];
    uint64_t                           generation; /* last configuration that
                                                      has it */
    u_char                            *text;
    size_t                             len;
    ngx_atomic_t                       version;    /* of text; 0: none */
    ngx_atomic_t                       starts;     /* fetches that began */
    ngx_atomic_t                       ended;      /* number of the last one
                                                      that ended */
    ngx_atomic_t                       failures;   /* since the last success */
    uint64_t                           started;    /* these ngx_current_msec */
    uint64_t                           due;
    ngx_http_gateway_lease_t           lease;
};

typedef struct {
    ngx_http_gateway_jwt_shared_t     *first;
    uint64_t                           generation;
} ngx_http_gateway_jwt_root_t;


struct ngx_http_gateway_jwt_set_s {
    ngx_http_gateway_jwt_source_t      source;
    ngx_http_gateway_jwt_main_conf_t  *main;
    u_char                             id[GATEWAY_JOSE_DIGEST];
    ngx_http_gateway_jwt_shared_t     *shared;
    ngx_slab_pool_t                   *slab;

    /* of this worker */
    gateway_jose_keys_t               *keys;
    ngx_atomic_uint_t                  version;
    ngx_http_gateway_fetch_t          *fetch;
    ngx_atomic_uint_t                  number;   /* of the fetch */
    ngx_event_t                        refresh;
    ngx_event_t                        poll;
    ngx_queue_t                        waiting;
    ngx_uint_t                         nwaiting;
    ngx_uint_t                         failing;  /* was told */

    struct {
        uint32_t                       hash;
        ngx_atomic_uint_t              version;
        uint64_t                       until;
    } misses[NGX_HTTP_GATEWAY_JWT_MISSES];
    ngx_uint_t                         miss;     /* the next one */
};


static void ngx_http_gateway_jwt_update(ngx_http_gateway_jwt_set_t *set);
static ngx_int_t ngx_http_gateway_jwt_wait(ngx_http_request_t *r,
    ngx_http_gateway_jwt_set_t *set, ngx_http_gateway_jwt_wait_t *wait);
static void ngx_http_gateway_jwt_gone(void *data);
static uint32_t ngx_http_gateway_jwt_miss_hash(ngx_str_t *kid,
    const gateway_jose_alg_t *alg);
static ngx_uint_t ngx_http_gateway_jwt_missed(ngx_http_gateway_jwt_set_t *set,
    uint32_t hash);
static void ngx_http_gateway_jwt_miss(ngx_http_gateway_jwt_set_t *set,
    uint32_t hash);

static void ngx_http_gateway_jwt_poll(ngx_event_t *ev);
static void ngx_http_gateway_jwt_wake(ngx_http_gateway_jwt_set_t *set);
static void ngx_http_gateway_jwt_refresh(ngx_event_t *ev);
static void ngx_http_gateway_jwt_schedule(ngx_http_gateway_jwt_set_t *set);
static ngx_uint_t ngx_http_gateway_jwt_may_fetch(
    ngx_http_gateway_jwt_set_t *set);
static ngx_int_t ngx_http_gateway_jwt_fetch(ngx_http_gateway_jwt_set_t *set);
static void ngx_http_gateway_jwt_fetched(ngx_http_gateway_fetch_t *f);
static ngx_int_t ngx_http_gateway_jwt_store(ngx_http_gateway_jwt_set_t *set,
    ngx_str_t *text);
static uint64_t ngx_http_gateway_jwt_after(ngx_http_gateway_jwt_set_t *set,
    time_t fresh);
static ngx_uint_t ngx_http_gateway_jwt_backoff(
    ngx_http_gateway_jwt_set_t *set);
static uint64_t ngx_http_gateway_jwt_msec(void);

static ngx_int_t ngx_http_gateway_jwt_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_http_gateway_jwt_shared_t *ngx_http_gateway_jwt_share(
    ngx_slab_pool_t *slab, ngx_http_gateway_jwt_root_t *root,
    ngx_http_gateway_jwt_set_t *set);
static void ngx_http_gateway_jwt_stop_sets(void *data);
static void ngx_http_gateway_jwt_free_set(void *data);


ngx_int_t
ngx_http_gateway_jwt_find_key(ngx_http_request_t *r,
    ngx_http_gateway_jwt_set_t *set, ngx_str_t *kid,
    const gateway_jose_alg_t *alg, const gateway_jose_key_t **key)
{
    uint32_t                      hash;
    gateway_jose_find_e           rc;
    ngx_http_gateway_jwt_wait_t  *wait;

    ngx_http_gateway_jwt_update(set);

    rc = GATEWAY_JOSE_UNKNOWN;

    if (set->keys) {
        rc = gateway_jose_find(set->keys, (char *) kid->data, kid->len, alg,
                               key);
    }

    /* without an id, another kind of key may have come since */

    if (rc == GATEWAY_JOSE_MISFIT && kid->data == NULL) {
        rc = GATEWAY_JOSE_UNKNOWN;
    }

    switch (rc) {

    case GATEWAY_JOSE_FOUND:
        return NGX_OK;

    case GATEWAY_JOSE_MISFIT:
        return NGX_ABORT;

    case GATEWAY_JOSE_AMBIGUOUS:
        return NGX_DECLINED;

    case GATEWAY_JOSE_UNKNOWN:
        break;
    }

    if (set->shared == NULL) {
        return NGX_DECLINED;
    }

    hash = ngx_http_gateway_jwt_miss_hash(kid, alg);

    if (set->keys && ngx_http_gateway_jwt_missed(set, hash)) {
        return NGX_DECLINED;
    }

    wait = ngx_http_gateway_get_data(r, &ngx_http_gateway_jwt_policy);

    if (wait == NULL) {
        wait = ngx_http_gateway_add_data(r, &ngx_http_gateway_jwt_policy,
                                         sizeof(ngx_http_gateway_jwt_wait_t));
        if (wait == NULL) {
            return NGX_ERROR;
        }

        wait->request = NULL;
        wait->set = NULL;
        wait->begun = 0;
        wait->over = 0;
    }

    if (!wait->over) {
        return ngx_http_gateway_jwt_wait(r, set, wait);
    }

    if (set->shared->failures || set->keys == NULL
        || set->shared->ended < wait->need)
    {
        return NGX_BUSY;
    }

    ngx_http_gateway_jwt_miss(set, hash);

    return NGX_DECLINED;
}


/* makes keys of the shared text when that is another than before */

static void
ngx_http_gateway_jwt_update(ngx_http_gateway_jwt_set_t *set)
{
    char                  why[128];
    u_char               *text;
    size_t                len;
    ngx_atomic_uint_t     version;
    gateway_jose_keys_t  *keys;

    /* 0: none yet, or it had to give way; then ours stay */

    if (set->shared == NULL || set->shared->version == 0
        || set->shared->version == set->version)
    {
        return;
    }

    text = ngx_alloc(GATEWAY_JOSE_SET, ngx_cycle->log);
    if (text == NULL) {
        return;
    }

    ngx_shmtx_lock(&set->slab->mutex);

    version = set->shared->version;
    len = version ? set->shared->len : 0;

    ngx_memcpy(text, set->shared->text, len);

    ngx_shmtx_unlock(&set->slab->mutex);

    if (version == 0) {
        ngx_free(text);
        return;
    }

    keys = gateway_jose_read_keys((char *) text, len, why, sizeof(why));

    ngx_free(text);

    set->version = version;

    if (keys == NULL) {
        /* not for want of memory only by chance: it could be read before */
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "gateway jwt: keys of \"%V\" are lost: %s",
                      &set->source.uri, why);
        return;
    }

    gateway_jose_free_keys(set->keys);
    set->keys = keys;
}


static ngx_int_t
ngx_http_gateway_jwt_wait(ngx_http_request_t *r,
    ngx_http_gateway_jwt_set_t *set, ngx_http_gateway_jwt_wait_t *wait)
{
    ngx_event_t         *rev;
    ngx_pool_cleanup_t  *cln;

    if (!wait->begun) {

        /* what is not there while the server is down need not be waited for */

        if (set->shared->failures && set->fetch == NULL
            && !ngx_http_gateway_jwt_may_fetch(set))
        {
            return NGX_BUSY;
        }

        wait->begun = 1;
        wait->request = r;
        wait->need = set->shared->starts + 1;
        wait->deadline = ngx_http_gateway_jwt_msec() + set->source.timeout
                         + (uint64_t) set->source.min_age * 1000;

        /* nothing was ever fetched: the first one will do */

        if (set->shared->version == 0 && set->shared->starts) {
            wait->need = set->shared->ended + 1;
        }

        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_gateway_jwt_gone;
        cln->data = wait;
    }

    if (set->nwaiting >= NGX_HTTP_GATEWAY_JWT_WAITING) {
        return NGX_BUSY;
    }

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    wait->version = set->version;
    wait->set = set;
    ngx_queue_insert_tail(&set->waiting, &wait->queue);
    set->nwaiting++;

    /* a client that goes away is seen */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (!set->poll.timer_set) {
        ngx_add_timer(&set->poll, 1);
    }

    return NGX_AGAIN;
}


static void
ngx_http_gateway_jwt_gone(void *data)
{
    ngx_http_gateway_jwt_wait_t *wait = data;

    if (wait->set) {
        ngx_queue_remove(&wait->queue);
        wait->set->nwaiting--;
        wait->set = NULL;
    }
}


static uint32_t
ngx_http_gateway_jwt_miss_hash(ngx_str_t *kid, const gateway_jose_alg_t *alg)
{
    if (kid->data) {
        return ngx_crc32_long(kid->data, kid->len);
    }

    return ngx_crc32_long((u_char *) alg->name, ngx_strlen(alg->name));
}


static ngx_uint_t
ngx_http_gateway_jwt_missed(ngx_http_gateway_jwt_set_t *set, uint32_t hash)
{
    uint64_t    now;
    ngx_uint_t  i;

    now = ngx_http_gateway_jwt_msec();

    for (i = 0; i < NGX_HTTP_GATEWAY_JWT_MISSES; i++) {
        if (set->misses[i].hash == hash
            && set->misses[i].version == set->version
            && set->misses[i].until > now)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_gateway_jwt_miss(ngx_http_gateway_jwt_set_t *set, uint32_t hash)
{
    ngx_uint_t  i;

    i = set->miss++ % NGX_HTTP_GATEWAY_JWT_MISSES;

    set->misses[i].hash = hash;
    set->misses[i].version = set->version;
    set->misses[i].until = ngx_http_gateway_jwt_msec()
                           + (uint64_t) set->source.min_age * 1000
                             * NGX_HTTP_GATEWAY_JWT_MISSED;
}


/* runs while requests wait: another worker may have what they wait for */

static void
ngx_http_gateway_jwt_poll(ngx_event_t *ev)
{
    ngx_http_gateway_jwt_set_t *set = ev->data;

    ngx_uint_t                    wanted;
    ngx_queue_t                  *q;
    ngx_http_gateway_jwt_wait_t  *wait;

    ngx_http_gateway_jwt_wake(set);

    wanted = 0;

    for (q = ngx_queue_head(&set->waiting);
         q != ngx_queue_sentinel(&set->waiting);
         q = ngx_queue_next(q))
    {
        wait = ngx_queue_data(q, ngx_http_gateway_jwt_wait_t, queue);

        if (set->shared->starts < wait->need) {
            wanted = 1;
        }
    }

    if (wanted && set->fetch == NULL && ngx_http_gateway_jwt_may_fetch(set)) {
        (void) ngx_http_gateway_jwt_fetch(set);
    }

    if (set->nwaiting && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_GATEWAY_JWT_POLL);
    }
}


/* those that need not wait any longer go on */

static void
ngx_http_gateway_jwt_wake(ngx_http_gateway_jwt_set_t *set)
{
    uint64_t                      now;
    ngx_queue_t                  *q, waiting, others;
    ngx_http_request_t           *r;
    ngx_http_gateway_jwt_wait_t  *wait;

    if (ngx_queue_empty(&set->waiting)) {
        return;
    }

    now = ngx_http_gateway_jwt_msec();

    /* a request that goes on may end others, or wait again */

    ngx_queue_init(&waiting);
    ngx_queue_init(&others);
    ngx_queue_add(&waiting, &set->waiting);
    ngx_queue_init(&set->waiting);

    while (!ngx_queue_empty(&waiting)) {

        q = ngx_queue_head(&waiting);
        wait = ngx_queue_data(q, ngx_http_gateway_jwt_wait_t, queue);

        ngx_queue_remove(q);

        if (set->shared->ended >= wait->need || now >= wait->deadline) {
            wait->over = 1;

        } else if (set->shared->version == wait->version) {
            ngx_queue_insert_tail(&others, q);
            continue;
        }

        wait->set = NULL;
        set->nwaiting--;

        r = wait->request;

        ngx_http_set_log_request(r->connection->log, r);

        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_core_run_phases;

        ngx_http_gateway_resume(r);
    }

    if (!ngx_queue_empty(&others)) {
        ngx_queue_add(&set->waiting, &others);
    }
}


static void
ngx_http_gateway_jwt_refresh(ngx_event_t *ev)
{
    ngx_http_gateway_jwt_set_t *set = ev->data;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    /* so that a request need not do it */

    ngx_http_gateway_jwt_update(set);

    if (set->fetch == NULL
        && ngx_http_gateway_jwt_msec() >= set->shared->due
        && ngx_http_gateway_jwt_may_fetch(set)
        && ngx_http_gateway_jwt_fetch(set) == NGX_OK)
    {
        /* goes on when the fetch has ended */
        return;
    }

    ngx_http_gateway_jwt_schedule(set);
}


static void
ngx_http_gateway_jwt_schedule(ngx_http_gateway_jwt_set_t *set)
{
    uint64_t    now;
    ngx_msec_t  delay;

    now = ngx_http_gateway_jwt_msec();

    /* when another worker is at it, it is seen what comes of that */

    delay = 1000;

    if (set->shared->due > now) {
        delay = (ngx_msec_t) ngx_min(set->shared->due - now, 86400000);

        /* not all workers at once */

        delay += 1 + (ngx_msec_t) ngx_pid % 50;
    }

    if (set->refresh.timer_set) {
        ngx_del_timer(&set->refresh);
    }

    ngx_add_timer(&set->refresh, delay);
}


static ngx_uint_t
ngx_http_gateway_jwt_may_fetch(ngx_http_gateway_jwt_set_t *set)
{
    if (ngx_terminate) {
        return 0;
    }

    return set->shared->starts == 0
           || ngx_http_gateway_jwt_msec()
              >= set->shared->started
                 + (uint64_t) set->source.min_age * 1000;
}


/* NGX_OK: begun, by this worker; NGX_BUSY: by another; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_jwt_fetch(ngx_http_gateway_jwt_set_t *set)
{
    ngx_str_t                       accept;
    ngx_uint_t                      ours;
    ngx_http_gateway_fetch_t       *f;
    ngx_http_gateway_jwt_shared_t  *sh;

    sh = set->shared;

    f = ngx_http_gateway_fetch_create(
                              &set->main->fetchers[set->source.no_verify],
                              &set->source.uri);
    if (f == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&accept, "application/jwk-set+json, application/json");

    if (ngx_http_gateway_fetch_add_header(f, "Accept", &accept) != NGX_OK) {
        ngx_http_gateway_fetch_free(f);
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&set->slab->mutex);

    ours = ngx_http_gateway_jwt_may_fetch(set)
           && ngx_http_gateway_lease_take(&sh->lease,
                                          set->source.timeout + 1000);

    if (ours) {
        sh->started = ngx_http_gateway_jwt_msec();
        set->number = ++sh->starts;
    }

    ngx_shmtx_unlock(&set->slab->mutex);

    if (!ours) {
        ngx_http_gateway_fetch_free(f);
        return NGX_BUSY;
    }

    f->handler = ngx_http_gateway_jwt_fetched;
    f->data = set;
    f->timeout = set->source.timeout;
    f->limit = GATEWAY_JOSE_SET;
    f->awaited = set->nwaiting ? 1 : 0;

    set->fetch = f;

    ngx_http_gateway_fetch_start(f);

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_fetched(ngx_http_gateway_fetch_t *f)
{
    char                            why[256];
    ngx_int_t                       rc;
    ngx_uint_t                      changed;
    ngx_atomic_uint_t               version;
    gateway_jose_keys_t            *keys;
    ngx_http_gateway_jwt_set_t     *set;
    ngx_http_gateway_jwt_shared_t  *sh;

    set = f->data;
    sh = set->shared;
    keys = NULL;
    changed = 0;

    if (f->error.len) {
        *ngx_slprintf((u_char *) why, (u_char *) why + sizeof(why) - 1, "%V",
                      &f->error)
            = '\0';

    } else if (f->status != NGX_HTTP_OK) {
        *ngx_slprintf((u_char *) why, (u_char *) why + sizeof(why) - 1,
                      "the answer has status %ui", f->status)
            = '\0';

    } else {
        keys = gateway_jose_read_keys((char *) f->answer.data, f->answer.len,
                                      why, sizeof(why));
    }

    set->fetch = NULL;

    if (ngx_exiting && f->error.len && !f->awaited) {

        /* nothing is wrong with the server: another worker asks it */

        ngx_shmtx_lock(&set->slab->mutex);
        ngx_http_gateway_lease_give(&sh->lease);
        sh->started = 0;
        ngx_shmtx_unlock(&set->slab->mutex);

        ngx_http_gateway_fetch_free(f);
        return;
    }

    ngx_shmtx_lock(&set->slab->mutex);

    rc = NGX_OK;
    version = sh->version;

    if (keys) {
        rc = ngx_http_gateway_jwt_store(set, &f->answer);
        changed = version != sh->version;
    }

    if (keys && rc == NGX_OK) {
        sh->failures = 0;
        sh->due = ngx_http_gateway_jwt_after(set,
                                             ngx_http_gateway_fetch_fresh(f));

    } else {
        sh->failures++;
        sh->due = ngx_http_gateway_jwt_msec()
                  + ngx_http_gateway_jwt_backoff(set);
    }

    version = sh->version;
    sh->ended = set->number;

    ngx_http_gateway_lease_give(&sh->lease);

    ngx_shmtx_unlock(&set->slab->mutex);

    if (keys == NULL || rc != NGX_OK) {

        /* the change, not each failure */

        if (!set->failing) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "gateway jwt: no keys from \"%V\": %s%s",
                          &set->source.uri,
                          rc != NGX_OK ? "gateway_jwt_keys_zone is too small"
                                       : why,
                          set->keys ? "; those from before stay in use" : "");
        }

        set->failing = 1;
        gateway_jose_free_keys(keys);

    } else {

        if (changed || set->failing) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "gateway jwt: %uz keys from \"%V\"", keys->n,
                          &set->source.uri);
        }

        if (changed && keys->problem[0]) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "gateway jwt: a key from \"%V\" is not used: %s",
                          &set->source.uri, keys->problem);
        }

        set->failing = 0;

        gateway_jose_free_keys(set->keys);
        set->keys = keys;
        set->version = version;
    }

    ngx_http_gateway_fetch_free(f);

    if (!ngx_exiting) {
        ngx_http_gateway_jwt_schedule(set);
    }

    if (set->nwaiting) {

        if (set->poll.timer_set) {
            ngx_del_timer(&set->poll);
        }

        ngx_http_gateway_jwt_poll(&set->poll);
    }
}


/* locked; the version goes on when the text is another one */

static ngx_int_t
ngx_http_gateway_jwt_store(ngx_http_gateway_jwt_set_t *set, ngx_str_t *text)
{
    u_char                         *p;
    ngx_http_gateway_jwt_root_t    *root;
    ngx_http_gateway_jwt_shared_t  *sh, *other;

    sh = set->shared;

    if (sh->version && sh->len == text->len
        && ngx_memcmp(sh->text, text->data, text->len) == 0)
    {
        return NGX_OK;
    }

    p = ngx_slab_alloc_locked(set->slab, text->len);

    if (p == NULL) {

        /* sets that are no more in the configuration make room */

        root = set->slab->data;

        for (other = root->first; other; other = other->next) {
            if (other->generation != root->generation && other->text) {
                ngx_slab_free_locked(set->slab, other->text);
                other->text = NULL;
                other->len = 0;
                other->version = 0;
            }
        }

        p = ngx_slab_alloc_locked(set->slab, text->len);
    }

    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);

    if (sh->text) {
        ngx_slab_free_locked(set->slab, sh->text);
    }

    sh->text = p;
    sh->len = text->len;

    /* not 0: of another one before, workers may still have the keys */

    sh->version = sh->starts + 1;

    return NGX_OK;
}


/* when keys that are fresh for so long have to be fetched again */

static uint64_t
ngx_http_gateway_jwt_after(ngx_http_gateway_jwt_set_t *set, time_t fresh)
{
    if (fresh < 0 || fresh > set->source.max_age) {
        fresh = set->source.max_age;
    }

    fresh = ngx_max(fresh, set->source.min_age);

    return ngx_http_gateway_jwt_msec() + (uint64_t) fresh * 1000;
}


static ngx_uint_t
ngx_http_gateway_jwt_backoff(ngx_http_gateway_jwt_set_t *set)
{
    ngx_uint_t  delay, n;

    delay = (ngx_uint_t) set->source.min_age * 1000;

    for (n = 1;
         n < set->shared->failures && delay < NGX_HTTP_GATEWAY_JWT_BACKOFF;
         n++)
    {
        delay *= 2;
    }

    return ngx_max(ngx_min(delay, NGX_HTTP_GATEWAY_JWT_BACKOFF),
                   (ngx_uint_t) set->source.min_age * 1000);
}


/* of the machine, the same in all workers */

static uint64_t
ngx_http_gateway_jwt_msec(void)
{
    return (uint64_t) ngx_current_msec;
}


/* configuration */

ngx_http_gateway_jwt_set_t *
ngx_http_gateway_jwt_add_set(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf,
    ngx_http_gateway_jwt_source_t *source)
{
    const char                   *wrong;
    ngx_uint_t                    i;
    ngx_http_gateway_jwt_set_t   *set, **setp;

    wrong = ngx_http_gateway_fetch_parse_url(&source->uri, NULL);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"jwks_uri\" \"%V\": %s", &source->uri,
                           wrong);
        return NULL;
    }

    if (jmcf->sets.elts == NULL
        && ngx_array_init(&jmcf->sets, cf->pool, 4, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    setp = jmcf->sets.elts;

    for (i = 0; i < jmcf->sets.nelts; i++) {

        set = setp[i];

        if (set->source.no_verify == source->no_verify
            && set->source.uri.len == source->uri.len
            && ngx_strncmp(set->source.uri.data, source->uri.data,
                           source->uri.len)
               == 0)
        {
            /* one set for all who name it, as fresh as any of them asks */

            set->source.max_age = ngx_min(set->source.max_age,
                                          source->max_age);
            set->source.min_age = ngx_min(set->source.min_age,
                                          source->min_age);
            set->source.timeout = ngx_max(set->source.timeout,
                                          source->timeout);
            return set;
        }
    }

    set = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_set_t));
    setp = ngx_array_push(&jmcf->sets);

    if (set == NULL || setp == NULL) {
        return NULL;
    }

    *setp = set;

    set->source = *source;
    set->main = jmcf;

    if (EVP_Digest(source->uri.data, source->uri.len, set->id, NULL,
                   EVP_sha256(), NULL)
        != 1)
    {
        return NULL;
    }

    /* what was fetched without a check must not pass for checked */

    set->id[0] = (u_char) ((set->id[0] & 0xfe) | source->no_verify);

    return set;
}


ngx_http_gateway_jwt_set_t *
ngx_http_gateway_jwt_add_keys(ngx_conf_t *cf, ngx_str_t *json)
{
    char                         why[256];
    ngx_pool_cleanup_t          *cln;
    ngx_http_gateway_jwt_set_t  *set;

    set = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_set_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (set == NULL || cln == NULL) {
        return NULL;
    }

    set->keys = gateway_jose_read_keys((char *) json->data, json->len, why,
                                       sizeof(why));

    cln->handler = ngx_http_gateway_jwt_free_set;
    cln->data = set;

    if (set->keys && set->keys->problem[0] == '\0') {
        return set;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"jwks\": %s",
                       set->keys ? set->keys->problem : why);

    return NULL;
}


ngx_int_t
ngx_http_gateway_jwt_add_zone(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    static ngx_str_t  name = ngx_string("gateway_jwt_keys");

    if (jmcf->sets.nelts == 0) {
        return NGX_OK;
    }

    jmcf->keys_zone = ngx_shared_memory_add(cf, &name,
                                            jmcf->keys_size
                                            ? jmcf->keys_size
                                            : NGX_HTTP_GATEWAY_JWT_ZONE,
                                            &ngx_http_gateway_jwt_module);
    if (jmcf->keys_zone == NULL) {
        return NGX_ERROR;
    }

    jmcf->keys_zone->init = ngx_http_gateway_jwt_init_zone;
    jmcf->keys_zone->data = jmcf;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_jwt_init_sets(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_uint_t                    i;
    ngx_pool_cleanup_t           *cln;
    ngx_http_gateway_jwt_set_t   *set, **setp;

    if (jmcf->sets.nelts == 0) {
        return NGX_OK;
    }

    for (i = 0; i < 2; i++) {
        jmcf->fetchers[i].no_verify = i;
        jmcf->fetchers[i].trusted_certificate = jmcf->trusted;
        jmcf->fetchers[i].redirects = NGX_HTTP_GATEWAY_JWT_REDIRECTS;

        if (ngx_http_gateway_fetcher_init(cf, &jmcf->fetchers[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    setp = jmcf->sets.elts;

    for (i = 0; i < jmcf->sets.nelts; i++) {

        set = setp[i];

        ngx_queue_init(&set->waiting);

        set->refresh.handler = ngx_http_gateway_jwt_refresh;
        set->refresh.data = set;
        set->refresh.log = &cf->cycle->new_log;
        set->refresh.cancelable = 1;

        /* requests wait for it, so a worker that ends does */

        set->poll.handler = ngx_http_gateway_jwt_poll;
        set->poll.data = set;
        set->poll.log = &cf->cycle->new_log;
    }

    /* registered after the fetchers' cleanups, hence runs before them */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_jwt_stop_sets;
    cln->data = jmcf;

    return NGX_OK;
}


void
ngx_http_gateway_jwt_start_sets(ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_uint_t                    i;
    ngx_http_gateway_jwt_set_t  **set;

    jmcf->started = 1;

    set = jmcf->sets.elts;

    for (i = 0; i < jmcf->sets.nelts; i++) {
        ngx_add_timer(&set[i]->refresh, 1 + i);
    }
}


/* zones are there, with what they had before a reload */

static ngx_int_t
ngx_http_gateway_jwt_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                         i;
    ngx_slab_pool_t                   *slab;
    ngx_http_gateway_jwt_set_t       **set;
    ngx_http_gateway_jwt_root_t       *root;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = shm_zone->data;
    slab = (ngx_slab_pool_t *) shm_zone->shm.addr;
    root = slab->data;

    if (data == NULL && !shm_zone->shm.exists) {
        root = ngx_slab_calloc(slab, sizeof(ngx_http_gateway_jwt_root_t));
        if (root == NULL) {
            return NGX_ERROR;
        }

        slab->data = root;

        /* told by us, with what it is about */
        slab->log_nomem = 0;
    }

    ngx_shmtx_lock(&slab->mutex);

    root->generation++;
    set = jmcf->sets.elts;

    for (i = 0; i < jmcf->sets.nelts; i++) {

        set[i]->slab = slab;
        set[i]->shared = ngx_http_gateway_jwt_share(slab, root, set[i]);

        if (set[i]->shared == NULL) {
            break;
        }
    }

    ngx_shmtx_unlock(&slab->mutex);

    if (i < jmcf->sets.nelts) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "gateway_jwt_keys_zone is too small");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_http_gateway_jwt_shared_t *
ngx_http_gateway_jwt_share(ngx_slab_pool_t *slab,
    ngx_http_gateway_jwt_root_t *root, ngx_http_gateway_jwt_set_t *set)
{
    ngx_http_gateway_jwt_shared_t  *sh;

    for (sh = root->first; sh; sh = sh->next) {
        if (ngx_memcmp(sh->id, set->id, GATEWAY_JOSE_DIGEST) == 0) {
            break;
        }
    }

    if (sh == NULL) {
        sh = ngx_slab_calloc_locked(slab,
                                    sizeof(ngx_http_gateway_jwt_shared_t));
        if (sh == NULL) {
            return NULL;
        }

        ngx_memcpy(sh->id, set->id, GATEWAY_JOSE_DIGEST);

        sh->next = root->first;
        root->first = sh;
    }

    sh->generation = root->generation;

    return sh;
}


/* the configuration ends, and its fetches with it */

static void
ngx_http_gateway_jwt_stop_sets(void *data)
{
    ngx_http_gateway_jwt_main_conf_t *jmcf = data;

    ngx_uint_t                    i;
    ngx_http_gateway_jwt_set_t   *set, **setp;

    setp = jmcf->sets.elts;

    for (i = 0; i < jmcf->sets.nelts; i++) {

        set = setp[i];

        if (set->refresh.timer_set) {
            ngx_del_timer(&set->refresh);
        }

        if (set->poll.timer_set) {
            ngx_del_timer(&set->poll);
        }

        if (set->fetch) {
            ngx_shmtx_lock(&set->slab->mutex);
            ngx_http_gateway_lease_give(&set->shared->lease);
            set->shared->started = 0;
            ngx_shmtx_unlock(&set->slab->mutex);
        }

        ngx_http_gateway_jwt_free_set(set);
    }
}


static void
ngx_http_gateway_jwt_free_set(void *data)
{
    ngx_http_gateway_jwt_set_t *set = data;

    gateway_jose_free_keys(set->keys);
    set->keys = NULL;
}
