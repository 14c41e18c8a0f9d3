
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Dictionary in shared memory, see the header.  A lookup costs about 60
 * instructions and one lock of a shard; nothing is allocated after start.
 */


#include "ngx_http_gateway_shm.h"
#include "ngx_http_gateway_status.h"

#include <openssl/rand.h>


#define NGX_HTTP_GATEWAY_SHM_MAGIC   0x67777368  /* "gwsh" */

#define NGX_HTTP_GATEWAY_SHM_SHARDS  64      /* at most; a power of two */
#define NGX_HTTP_GATEWAY_SHM_NODES   64      /* at least, in one of several */
#define NGX_HTTP_GATEWAY_SHM_MIN     16      /* at least, in the only one */

#define NGX_HTTP_GATEWAY_SHM_SAMPLE  16      /* nodes looked at to evict */

#define NGX_HTTP_GATEWAY_SHM_SPIN    256
#define NGX_HTTP_GATEWAY_SHM_WAIT    10      /* milliseconds */
#define NGX_HTTP_GATEWAY_SHM_STUCK   5       /* seconds */


typedef struct {
    uint32_t                         magic;
    uint32_t                         layout;
    uint32_t                         value_size;
    uint32_t                         node_size;
    uint32_t                         shards;
    uint32_t                         room;      /* nodes of a shard */
    uint32_t                         buckets;   /* of a shard */
    uint32_t                         padding;
    uint64_t                         key[2];    /* of the digests */
    ngx_atomic_t                     word;      /* the user's */
    uint32_t                         saved;     /* seconds since the epoch */
    uint32_t                         unsaved;   /* saves that failed */
} ngx_http_gateway_shm_sh_t;


typedef struct {
    ngx_atomic_t                     lock;      /* pid of the holder, or 0 */
    uint32_t                         seq;       /* acquisitions */
    uint32_t                         used;      /* nodes ever used */
    uint32_t                         hand;      /* of the eviction */
    uint32_t                         evicted;   /* live ones */

    /* what those saw who waited for the lock in vain */
    uint32_t                         stuck_seq;
    uint32_t                         stuck_since;

    u_char                           padding[64 - sizeof(ngx_atomic_t) - 24];
} ngx_http_gateway_shm_shard_t;


typedef struct {
    ngx_http_gateway_digest_t        digest;
    uint32_t                         next;      /* node number + 1, or 0 */
    uint32_t                         used;      /* "seq" of the last use */
    uint32_t                         expires;   /* seconds since the epoch */
    uint32_t                         padding;
    /* the value follows */
} ngx_http_gateway_shm_node_t;


struct ngx_http_gateway_shm_s {
    ngx_http_gateway_shm_shard_t    *shards;
    uint32_t                        *buckets;
    u_char                          *nodes;
    ngx_atomic_t                    *word;
    uint64_t                         key[2];
    uint32_t                         shard_mask;
    uint32_t                         bucket_mask;
    uint32_t                         room;
    uint32_t                         node_size;
    uint32_t                         value_size;
    uint32_t                         layout;
    ngx_http_gateway_shm_sh_t       *sh;
    ngx_http_gateway_shm_ready_pt    ready;     /* NULL: nobody wants it */
    void                            *data;
};


static ngx_int_t ngx_http_gateway_shm_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static size_t ngx_http_gateway_shm_unused(ngx_shm_zone_t *zone);
static ngx_http_gateway_shm_sh_t *ngx_http_gateway_shm_create(
    ngx_shm_zone_t *shm_zone);
static void ngx_http_gateway_shm_map(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_sh_t *sh);

static ngx_http_gateway_shm_node_t *ngx_http_gateway_shm_insert(
    ngx_http_gateway_shm_t *shm, ngx_http_gateway_shm_shard_t *shard,
    const ngx_http_gateway_digest_t *digest, uint32_t now);
static uint32_t ngx_http_gateway_shm_evict(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_shard_t *shard, u_char *nodes, uint32_t now);
static ngx_int_t ngx_http_gateway_shm_wait(
    ngx_http_gateway_shm_shard_t *shard);
static ngx_msec_t ngx_http_gateway_shm_msec(void);


static ngx_http_gateway_zone_kind_t  ngx_http_gateway_shm_kind = {
    ngx_http_gateway_shm_init_zone,
    ngx_http_gateway_shm_unused,
    NULL
};


#define ngx_http_gateway_shm_rotl(x, b)                                       \
    (((x) << (b)) | ((x) >> (64 - (b))))

#define ngx_http_gateway_shm_node(shm, nodes, i)                              \
    ((ngx_http_gateway_shm_node_t *)                                          \
     ((nodes) + (size_t) (i) * (shm)->node_size))


/* lookup and eviction */

/* locks the shard, unless it is NGX_BUSY; *node is NULL if there is none */

static ngx_inline ngx_int_t
ngx_http_gateway_shm_search(ngx_http_gateway_shm_t *shm,
    const ngx_http_gateway_digest_t *digest,
    ngx_http_gateway_shm_shard_t **found_shard,
    ngx_http_gateway_shm_node_t **found)
{
    u_char                        *nodes;
    uint32_t                       i, n, s;
    ngx_http_gateway_shm_node_t   *node;
    ngx_http_gateway_shm_shard_t  *shard;

    s = (uint32_t) (digest->part[0] >> 32) & shm->shard_mask;
    shard = &shm->shards[s];
    nodes = shm->nodes + (size_t) s * shm->room * shm->node_size;

    if (!ngx_atomic_cmp_set(&shard->lock, 0, (ngx_atomic_uint_t) ngx_pid)
        && ngx_http_gateway_shm_wait(shard) != NGX_OK)
    {
        return NGX_BUSY;
    }

    shard->seq++;

    *found_shard = shard;
    *found = NULL;

    i = shm->buckets[(size_t) s * (shm->bucket_mask + 1)
                     + (digest->part[0] & shm->bucket_mask)];

    /*
     * The bounds matter only after a lock was taken from a holder that was
     * hanging and went on later: no chain, however mangled, may trap us.
     */

    for (n = shm->room; i != 0 && i <= shm->room && n != 0; n--) {

        node = ngx_http_gateway_shm_node(shm, nodes, i - 1);

        if (node->digest.part[0] == digest->part[0]
            && node->digest.part[1] == digest->part[1])
        {
            *found = node;
            break;
        }

        i = node->next;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_shm_acquire(ngx_http_gateway_shm_t *shm,
    const ngx_http_gateway_digest_t *digest, time_t ttl,
    ngx_http_gateway_shm_entry_t *entry)
{
    uint32_t                       now;
    ngx_http_gateway_shm_node_t   *node;
    ngx_http_gateway_shm_shard_t  *shard;

    now = (uint32_t) ngx_time();

    if (ngx_http_gateway_shm_search(shm, digest, &shard, &node) != NGX_OK) {
        return NGX_BUSY;
    }

    if (node == NULL) {
        node = ngx_http_gateway_shm_insert(shm, shard, digest, now);

    } else if (node->expires < now) {
        ngx_memzero(node + 1, shm->value_size);
    }

    node->used = shard->seq;
    node->expires = now + (uint32_t) ttl;

    entry->shard = shard;
    entry->value = node + 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_shm_find(ngx_http_gateway_shm_t *shm,
    const ngx_http_gateway_digest_t *digest,
    ngx_http_gateway_shm_entry_t *entry)
{
    ngx_http_gateway_shm_node_t   *node;
    ngx_http_gateway_shm_shard_t  *shard;

    if (ngx_http_gateway_shm_search(shm, digest, &shard, &node) != NGX_OK) {
        return NGX_BUSY;
    }

    entry->shard = shard;

    if (node == NULL || node->expires < (uint32_t) ngx_time()) {
        ngx_http_gateway_shm_release(entry);
        return NGX_DECLINED;
    }

    node->used = shard->seq;
    entry->value = node + 1;

    return NGX_OK;
}


void
ngx_http_gateway_shm_release(ngx_http_gateway_shm_entry_t *entry)
{
    ngx_http_gateway_shm_shard_t  *shard;

    shard = entry->shard;

    /* not a plain store: the lock is another's if we were taken for hung */

    (void) ngx_atomic_cmp_set(&shard->lock, (ngx_atomic_uint_t) ngx_pid, 0);
}


/*
 * The order of stores is what makes a kill harmless: a node is in no chain
 * while its digest changes, and is complete before the chain shows it.
 */

static ngx_http_gateway_shm_node_t *
ngx_http_gateway_shm_insert(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_shard_t *shard,
    const ngx_http_gateway_digest_t *digest, uint32_t now)
{
    u_char                       *nodes;
    uint32_t                      i, *bucket;
    ngx_uint_t                    s;
    ngx_http_gateway_shm_node_t  *node;

    s = shard - shm->shards;
    nodes = shm->nodes + s * shm->room * shm->node_size;
    bucket = shm->buckets + s * (shm->bucket_mask + 1)
             + (digest->part[0] & shm->bucket_mask);

    if (shard->used < shm->room) {
        i = shard->used++;

    } else {
        i = ngx_http_gateway_shm_evict(shm, shard, nodes, now);
    }

    ngx_memory_barrier();

    node = ngx_http_gateway_shm_node(shm, nodes, i);
    node->digest = *digest;
    ngx_memzero(node + 1, shm->value_size);
    node->next = *bucket;

    ngx_memory_barrier();

    *bucket = i + 1;

    return node;
}


/* takes a node out of its chain */

static uint32_t
ngx_http_gateway_shm_evict(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_shard_t *shard, u_char *nodes, uint32_t now)
{
    uint32_t                      i, n, age, best, *link;
    ngx_uint_t                    live;
    ngx_http_gateway_shm_node_t  *node;

    best = 0;
    age = 0;
    live = 1;

    i = shard->hand < shm->room ? shard->hand : 0;

    for (n = 0; n < NGX_HTTP_GATEWAY_SHM_SAMPLE; n++) {

        node = ngx_http_gateway_shm_node(shm, nodes, i);

        if (node->expires < now) {
            best = i;
            live = 0;
        }

        /* "seq" wraps, so only differences count */

        if (live && shard->seq - node->used >= age) {
            age = shard->seq - node->used;
            best = i;
        }

        i = (i + 1 < shm->room) ? i + 1 : 0;

        if (!live) {
            break;
        }
    }

    shard->hand = i;
    shard->evicted += live;

    node = ngx_http_gateway_shm_node(shm, nodes, best);

    link = shm->buckets
           + (size_t) (shard - shm->shards) * (shm->bucket_mask + 1)
           + (node->digest.part[0] & shm->bucket_mask);

    /* not found when a worker was killed between taking out and putting in */

    for (n = shm->room; *link != 0 && *link <= shm->room && n != 0; n--) {

        if (*link == best + 1) {
            *link = node->next;
            break;
        }

        link = &ngx_http_gateway_shm_node(shm, nodes, *link - 1)->next;
    }

    return best;
}


/*
 * Critical sections take well under a microsecond, so a lock that stays is
 * either that of a preempted worker or that of a killed one.  The pid of a
 * killed one may belong to another process by now: whoever waited in vain
 * leaves a note, and a lock that was not passed on for seconds is taken too.
 */

static ngx_int_t
ngx_http_gateway_shm_wait(ngx_http_gateway_shm_shard_t *shard)
{
    uint32_t           now;
    ngx_uint_t         i;
    ngx_msec_t         start;
    ngx_atomic_uint_t  holder;

    start = 0;

    for ( ;; ) {

        for (i = 0; i < NGX_HTTP_GATEWAY_SHM_SPIN; i++) {

            if (shard->lock == 0
                && ngx_atomic_cmp_set(&shard->lock, 0,
                                      (ngx_atomic_uint_t) ngx_pid))
            {
                return NGX_OK;
            }

            ngx_cpu_pause();
        }

        holder = shard->lock;

        if (holder != 0 && kill((ngx_pid_t) holder, 0) == -1
            && ngx_errno == NGX_ESRCH
            && ngx_atomic_cmp_set(&shard->lock, holder,
                                  (ngx_atomic_uint_t) ngx_pid))
        {
            return NGX_OK;
        }

        if (start == 0) {
            start = ngx_http_gateway_shm_msec();

        } else if (ngx_http_gateway_shm_msec() - start
                   > NGX_HTTP_GATEWAY_SHM_WAIT)
        {
            break;
        }

        ngx_sched_yield();
    }

    now = (uint32_t) ngx_time();

    if (shard->stuck_since == 0 || shard->stuck_seq != shard->seq) {
        shard->stuck_seq = shard->seq;
        shard->stuck_since = now;

        return NGX_BUSY;
    }

    if (now - shard->stuck_since < NGX_HTTP_GATEWAY_SHM_STUCK) {
        return NGX_BUSY;
    }

    holder = shard->lock;

    return ngx_atomic_cmp_set(&shard->lock, holder,
                              (ngx_atomic_uint_t) ngx_pid)
           ? NGX_OK : NGX_BUSY;
}


/* nginx's cached time does not move while we wait */

static ngx_msec_t
ngx_http_gateway_shm_msec(void)
{
    struct timeval  tv;

    ngx_gettimeofday(&tv);

    return (ngx_msec_t) tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1;
}


ngx_atomic_t *
ngx_http_gateway_shm_word(ngx_http_gateway_shm_t *shm)
{
    return shm->word;
}


ngx_http_gateway_shm_t *
ngx_http_gateway_shm_of(ngx_shm_zone_t *zone)
{
    return zone->init == ngx_http_gateway_shm_init_zone ? zone->data : NULL;
}


void
ngx_http_gateway_shm_stat(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_stat_t *stat)
{
    uint32_t  i;

    stat->room = (ngx_uint_t) shm->room * (shm->shard_mask + 1);
    stat->used = 0;
    stat->evicted = 0;
    stat->saved = shm->sh->saved;
    stat->unsaved = shm->sh->unsaved;

    for (i = 0; i <= shm->shard_mask; i++) {
        stat->used += shm->shards[i].used;
        stat->evicted += shm->shards[i].evicted;
    }
}


static size_t
ngx_http_gateway_shm_unused(ngx_shm_zone_t *zone)
{
    ngx_http_gateway_shm_t       *shm;
    ngx_http_gateway_shm_stat_t   stat;

    shm = zone->data;

    ngx_http_gateway_shm_stat(shm, &stat);

    return (stat.room - ngx_min(stat.room, stat.used)) * shm->node_size;
}


/* digests: SipHash-1-3 with 128 bits of output (Aumasson, Bernstein) */

static ngx_inline void
ngx_http_gateway_hash_round(uint64_t *v)
{
    v[0] += v[1];
    v[1] = ngx_http_gateway_shm_rotl(v[1], 13);
    v[1] ^= v[0];
    v[0] = ngx_http_gateway_shm_rotl(v[0], 32);
    v[2] += v[3];
    v[3] = ngx_http_gateway_shm_rotl(v[3], 16);
    v[3] ^= v[2];
    v[0] += v[3];
    v[3] = ngx_http_gateway_shm_rotl(v[3], 21);
    v[3] ^= v[0];
    v[2] += v[1];
    v[1] = ngx_http_gateway_shm_rotl(v[1], 17);
    v[1] ^= v[2];
    v[2] = ngx_http_gateway_shm_rotl(v[2], 32);
}


void
ngx_http_gateway_hash_init(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_hash_t *hash)
{
    hash->v[0] = 0x736f6d6570736575ULL ^ shm->key[0];
    hash->v[1] = 0x646f72616e646f6dULL ^ shm->key[1] ^ 0xee;
    hash->v[2] = 0x6c7967656e657261ULL ^ shm->key[0];
    hash->v[3] = 0x7465646279746573ULL ^ shm->key[1];
}


/* the words of a part, the last one with its length in the top byte */

void
ngx_http_gateway_hash_part(ngx_http_gateway_hash_t *hash, const void *data,
    size_t len)
{
    size_t         i;
    uint64_t       v[4], m;
    const u_char  *p;

    p = data;
    m = (uint64_t) len << 56;

    ngx_memcpy(v, hash->v, sizeof(v));

    for ( /* void */ ; len >= 8; len -= 8) {
        uint64_t  word;

        /* in the order of the machine: digests never leave it */

        ngx_memcpy(&word, p, 8);
        p += 8;

        v[3] ^= word;
        ngx_http_gateway_hash_round(v);
        v[0] ^= word;
    }

    i = 0;

    if (len & 4) {
        uint32_t  half;

        ngx_memcpy(&half, p, 4);
        m |= half;
        i = 4;
    }

    for ( /* void */ ; i < len; i++) {
        m |= (uint64_t) p[i] << (8 * i);
    }

    v[3] ^= m;
    ngx_http_gateway_hash_round(v);
    v[0] ^= m;

    ngx_memcpy(hash->v, v, sizeof(v));
}


void
ngx_http_gateway_hash_final(const ngx_http_gateway_hash_t *hash,
    ngx_http_gateway_digest_t *digest)
{
    uint64_t  v[4];

    ngx_memcpy(v, hash->v, sizeof(v));

    v[2] ^= 0xee;
    ngx_http_gateway_hash_round(v);
    ngx_http_gateway_hash_round(v);
    ngx_http_gateway_hash_round(v);
    digest->part[0] = v[0] ^ v[1] ^ v[2] ^ v[3];

    v[1] ^= 0xdd;
    ngx_http_gateway_hash_round(v);
    ngx_http_gateway_hash_round(v);
    ngx_http_gateway_hash_round(v);
    digest->part[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}


/* the zone */

char *
ngx_http_gateway_shm_size_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    size_t      *slot, least;
    ssize_t      size;
    ngx_str_t   *value;
    ngx_uint_t  *pages;

    slot = (size_t *) (p + cmd->offset);
    pages = cmd->post;

    if (*slot) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);
    least = (pages ? *pages : 8) * ngx_pagesize;

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\": write a number of "
                           "bytes, or one with \"k\" or \"m\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) least) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone size \"%V\" is too small, the least is %uz",
                           &value[1], least);
        return NGX_CONF_ERROR;
    }

    *slot = size;

    return NGX_CONF_OK;
}


ngx_http_gateway_shm_t *
ngx_http_gateway_shm_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    size_t value_size, ngx_uint_t layout, void *tag)
{
    ngx_shm_zone_t          *shm_zone;
    ngx_http_gateway_shm_t  *shm;

    shm = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_shm_t));
    if (shm == NULL) {
        return NULL;
    }

    shm->value_size = (uint32_t) value_size;
    shm->layout = (uint32_t) layout;

    shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (shm_zone == NULL) {
        return NULL;
    }

    if (shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is already in use", name);
        return NULL;
    }

    shm_zone->init = ngx_http_gateway_shm_init_zone;
    shm_zone->data = shm;

    ngx_http_gateway_status_zone_kind(&ngx_http_gateway_shm_kind);

    return shm;
}


static ngx_int_t
ngx_http_gateway_shm_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t            *shpool;
    ngx_http_gateway_shm_t     *shm;
    ngx_http_gateway_shm_sh_t  *sh;

    shm = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data || shm_zone->shm.exists) {

        /* kept over a reload; what the old cycle's "data" holds may come
           from another build of this file, so only the zone is believed */

        sh = shpool->data;

        if (sh == NULL || sh->magic != NGX_HTTP_GATEWAY_SHM_MAGIC
            || sh->layout != shm->layout || sh->value_size != shm->value_size)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "zone \"%V\" holds values of another layout than "
                          "this configuration or version wants: change the "
                          "size of the zone, which makes a new one, or "
                          "restart", &shm_zone->shm.name);
            return NGX_ERROR;
        }

    } else {
        sh = ngx_http_gateway_shm_create(shm_zone);

        if (sh == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_shm_map(shm, sh);

    if (shm->ready == NULL) {
        return NGX_OK;
    }

    return shm->ready(shm->data, !data && !shm_zone->shm.exists,
                      shm_zone->shm.log);
}


static ngx_http_gateway_shm_sh_t *
ngx_http_gateway_shm_create(ngx_shm_zone_t *shm_zone)
{
    size_t                      size, node_size, shard_size;
    ngx_uint_t                  shards, room, buckets;
    ngx_slab_pool_t            *shpool;
    ngx_http_gateway_shm_t     *shm;
    ngx_http_gateway_shm_sh_t  *sh;

    shm = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    size = shpool->pfree * ngx_pagesize;
    node_size = ngx_align(sizeof(ngx_http_gateway_shm_node_t)
                          + shm->value_size, 16);

    for (shards = NGX_HTTP_GATEWAY_SHM_SHARDS; /* void */ ; shards /= 2) {

        shard_size = (size - ngx_align(sizeof(ngx_http_gateway_shm_sh_t), 64))
                     / shards;

        if (shard_size <= sizeof(ngx_http_gateway_shm_shard_t)) {
            room = 0;

        } else {
            /* at most one bucket per node */
            room = (shard_size - sizeof(ngx_http_gateway_shm_shard_t))
                   / (node_size + sizeof(uint32_t));
        }

        if (room >= NGX_HTTP_GATEWAY_SHM_NODES || shards == 1) {
            break;
        }
    }

    if (room < NGX_HTTP_GATEWAY_SHM_MIN) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" is too small: it has room for %ui values "
                      "of %uD bytes", &shm_zone->shm.name, room,
                      shm->value_size);
        return NULL;
    }

    room = ngx_min(room, 0x7fffffff / shards);

    for (buckets = 1; buckets * 2 <= room; buckets *= 2) { /* void */ }

    sh = ngx_slab_alloc(shpool, size);
    if (sh == NULL) {
        return NULL;
    }

    /* all but the nodes, whose pages come into being on first use */

    ngx_memzero(sh, ngx_align(sizeof(ngx_http_gateway_shm_sh_t), 64)
                    + shards * sizeof(ngx_http_gateway_shm_shard_t));

    ngx_memzero((u_char *) sh
                + ngx_align(sizeof(ngx_http_gateway_shm_sh_t), 64)
                + shards * sizeof(ngx_http_gateway_shm_shard_t)
                + shards * room * node_size,
                shards * buckets * sizeof(uint32_t));

    sh->magic = NGX_HTTP_GATEWAY_SHM_MAGIC;
    sh->layout = shm->layout;
    sh->value_size = shm->value_size;
    sh->node_size = (uint32_t) node_size;
    sh->shards = (uint32_t) shards;
    sh->room = (uint32_t) room;
    sh->buckets = (uint32_t) buckets;

    if (RAND_bytes((u_char *) sh->key, sizeof(sh->key)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() failed for zone \"%V\"",
                      &shm_zone->shm.name);
        return NULL;
    }

    shpool->data = sh;

    return sh;
}


static void
ngx_http_gateway_shm_map(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_sh_t *sh)
{
    u_char  *p;

    p = (u_char *) sh + ngx_align(sizeof(ngx_http_gateway_shm_sh_t), 64);
    shm->shards = (ngx_http_gateway_shm_shard_t *) p;

    p += sh->shards * sizeof(ngx_http_gateway_shm_shard_t);

    /* nodes first: their alignment is the larger one */

    shm->nodes = p;

    p += (size_t) sh->shards * sh->room * sh->node_size;
    shm->buckets = (uint32_t *) p;

    shm->sh = sh;
    shm->word = &sh->word;
    shm->key[0] = sh->key[0];
    shm->key[1] = sh->key[1];
    shm->shard_mask = sh->shards - 1;
    shm->bucket_mask = sh->buckets - 1;
    shm->room = sh->room;
    shm->node_size = sh->node_size;
}


/* what is kept over restarts */

void
ngx_http_gateway_shm_ready(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_ready_pt handler, void *data)
{
    shm->ready = handler;
    shm->data = data;
}


void
ngx_http_gateway_shm_get_key(ngx_http_gateway_shm_t *shm, u_char key[16])
{
    ngx_memcpy(key, shm->key, sizeof(shm->key));
}


void
ngx_http_gateway_shm_set_key(ngx_http_gateway_shm_t *shm, const u_char key[16])
{
    ngx_memcpy(shm->key, key, sizeof(shm->key));
    ngx_memcpy(shm->sh->key, key, sizeof(shm->key));
}


/*
 * So many nodes are looked at, under one lock, that a worker who wants it
 * waits for about a microsecond.
 */

ngx_int_t
ngx_http_gateway_shm_copy(ngx_http_gateway_shm_t *shm, ngx_uint_t *at,
    u_char *buf, ngx_uint_t *n)
{
    u_char                        *nodes;
    uint32_t                       i, s, now, last;
    ngx_http_gateway_shm_node_t   *node;
    ngx_http_gateway_shm_copy_t   *copy;
    ngx_http_gateway_shm_entry_t   entry;
    ngx_http_gateway_shm_shard_t  *shard;

    *n = 0;

    s = (uint32_t) (*at / shm->room);
    i = (uint32_t) (*at % shm->room);

    if (s > shm->shard_mask) {
        return NGX_OK;
    }

    shard = &shm->shards[s];
    nodes = shm->nodes + (size_t) s * shm->room * shm->node_size;
    now = (uint32_t) ngx_time();

    if (!ngx_atomic_cmp_set(&shard->lock, 0, (ngx_atomic_uint_t) ngx_pid)
        && ngx_http_gateway_shm_wait(shard) != NGX_OK)
    {
        return NGX_BUSY;
    }

    last = ngx_min(shard->used, shm->room);
    last = ngx_min(last, i + NGX_HTTP_GATEWAY_SHM_COPY);

    for ( /* void */ ; i < last; i++) {

        node = ngx_http_gateway_shm_node(shm, nodes, i);

        if (node->expires < now) {
            continue;
        }

        copy = (ngx_http_gateway_shm_copy_t *) buf;
        copy->digest = node->digest;
        copy->expires = node->expires;
        copy->padding = 0;
        ngx_memcpy(copy + 1, node + 1, shm->value_size);

        buf += ngx_http_gateway_shm_copied(shm->value_size);
        (*n)++;
    }

    /* the next part of the shard, or the next shard */

    if (i < ngx_min(shard->used, shm->room)) {
        *at = (ngx_uint_t) s * shm->room + i;

    } else {
        *at = ((ngx_uint_t) s + 1) * shm->room;
    }

    entry.shard = shard;
    ngx_http_gateway_shm_release(&entry);

    return s == shm->shard_mask && *at / shm->room > s ? NGX_OK : NGX_AGAIN;
}


ngx_int_t
ngx_http_gateway_shm_put(ngx_http_gateway_shm_t *shm,
    const ngx_http_gateway_shm_copy_t *copy, const void *value)
{
    time_t                         ttl;
    ngx_http_gateway_shm_entry_t   entry;
    ngx_http_gateway_shm_shard_t  *shard;

    shard = &shm->shards[(uint32_t) (copy->digest.part[0] >> 32)
                         & shm->shard_mask];

    if (shard->used >= shm->room) {
        return NGX_DECLINED;
    }

    ttl = (time_t) copy->expires - ngx_time();

    if (ngx_http_gateway_shm_acquire(shm, &copy->digest, ttl, &entry)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    ngx_memcpy(entry.value, value, shm->value_size);

    ngx_http_gateway_shm_release(&entry);

    return NGX_OK;
}


uint64_t
ngx_http_gateway_shm_turns(ngx_http_gateway_shm_t *shm)
{
    uint32_t  i;
    uint64_t  turns;

    turns = 0;

    for (i = 0; i <= shm->shard_mask; i++) {
        turns += shm->shards[i].seq;
    }

    return turns;
}


void
ngx_http_gateway_shm_saved(ngx_http_gateway_shm_t *shm, ngx_uint_t done)
{
    if (done) {
        shm->sh->saved = (uint32_t) ngx_time();

    } else {
        shm->sh->unsaved++;
    }
}
