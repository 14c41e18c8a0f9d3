
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Responses in shared memory.  All of a zone is taken when it is made:
 *
 *   header | shard 0 | shard 1 | ...
 *   shard:  lock and lists | nodes | buckets | links | marks | blocks
 *
 * A node is an entry, its bytes lie in a chain of blocks of 1 KB.  Each shard
 * has a robust mutex: when a worker is killed while it holds one, the kernel
 * tells the next, who rebuilds all lists of the shard from the nodes that are
 * complete.  So it does not matter at which instruction that happens.
 *
 * Bytes are copied 64 KB at a time with the lock released in between; the
 * number of the entry's generation tells whether it is still the same one.
 */


#include "ngx_http_gateway_proxy_cache.h"
#include "ngx_http_gateway_status.h"

#include <pthread.h>


#define NGX_HTTP_GATEWAY_PROXY_CACHE_MAGIC   0x67777063  /* "gwpc" */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_LAYOUT  3

#define NGX_HTTP_GATEWAY_PROXY_CACHE_SHARDS  16          /* at most */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_SHARD   (4 * 1024 * 1024)
#define NGX_HTTP_GATEWAY_PROXY_CACHE_MIN     64          /* blocks */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK   1024
#define NGX_HTTP_GATEWAY_PROXY_CACHE_CHUNK   64          /* blocks */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_WAIT    10000000    /* nanoseconds */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_WRITE   10          /* seconds, at most */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_FETCHES 64          /* of a shard */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_PROBES  8
#define NGX_HTTP_GATEWAY_PROXY_CACHE_OPEN    5000        /* milliseconds */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_SIZE    (128 * 1024 * 1024)


enum {
    NGX_HTTP_GATEWAY_PROXY_CACHE_FREE = 0,
    NGX_HTTP_GATEWAY_PROXY_CACHE_WRITING,
    NGX_HTTP_GATEWAY_PROXY_CACHE_LIVE
};


/* numbers of nodes and blocks begin with 1 */
typedef struct {
    u_char                           key[NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN];
    uint64_t                         generation;
    int64_t                          timestamp;
    int64_t                          ttl;
    int64_t                          expires;
    int64_t                          length;
    int64_t                          started;   /* being written */
    uint64_t                         head;      /* bytes */
    uint64_t                         body;
    uint32_t                         state;
    uint32_t                         status;
    uint32_t                         epoch;
    uint32_t                         block;     /* the first */
    uint32_t                         blocks;
    uint32_t                         chain;     /* next of the bucket, or of
                                                   the free ones */
    uint32_t                         newer;
    uint32_t                         older;
} ngx_http_gateway_proxy_cache_node_t;


/*
 * A key that a request fetches while others wait for it.  Its first bytes do:
 * of two that have them in common, one waits without need.
 */
typedef struct {
    uint64_t                         hash;
    uint64_t                         token;     /* of the request; 0: its
                                                   responses are not stored,
                                                   nobody need wait */
    uint64_t                         until;     /* in ngx_current_msec */
} ngx_http_gateway_proxy_cache_fetch_t;


typedef struct {
    pthread_mutex_t                  mutex;
    ngx_atomic_t                     lost;      /* 1: a writer has given up */
    uint64_t                         generation;
    int64_t                          searched;  /* for what is left behind */
    uint32_t                         writing;   /* nodes */
    uint32_t                         epoch;     /* older ones are removed */
    uint32_t                         used_nodes;     /* ever */
    uint32_t                         used_blocks;
    uint32_t                         free_node;
    uint32_t                         free_block;
    uint32_t                         free_blocks;    /* how many */
    uint32_t                         newest;
    uint32_t                         oldest;
    uint64_t                         tokens;    /* given out so far */
    ngx_http_gateway_proxy_cache_fetch_t
                                fetches[NGX_HTTP_GATEWAY_PROXY_CACHE_FETCHES];
} ngx_http_gateway_proxy_cache_shard_t;


typedef struct {
    uint32_t                         magic;
    uint32_t                         layout;
    uint32_t                         shards;
    uint32_t                         nodes;     /* of a shard */
    uint32_t                         blocks;
    uint32_t                         buckets;
    uint64_t                         shard_size;
} ngx_http_gateway_proxy_cache_sh_t;


struct ngx_http_gateway_proxy_cache_store_s {
    u_char                          *base;      /* of shard 0 */
    size_t                           shard_size;
    uint32_t                         shards;
    uint32_t                         nodes;
    uint32_t                         blocks;
    uint32_t                         buckets;
};


/* a locked shard, with its parts */
typedef struct {
    ngx_http_gateway_proxy_cache_store_t  *store;
    ngx_http_gateway_proxy_cache_shard_t  *sh;
    ngx_http_gateway_proxy_cache_node_t   *nodes;    /* [1] is the first */
    uint32_t                              *buckets;
    uint32_t                              *links;    /* of blocks, from [1] */
    u_char                                *marks;
    u_char                                *blocks;
} ngx_http_gateway_proxy_cache_part_t;


static size_t ngx_http_gateway_proxy_cache_unused(ngx_shm_zone_t *zone);
static ngx_int_t ngx_http_gateway_proxy_cache_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_http_gateway_proxy_cache_create(
    ngx_shm_zone_t *shm_zone, ngx_slab_pool_t *shpool);
static size_t ngx_http_gateway_proxy_cache_sizes(size_t size,
    ngx_http_gateway_proxy_cache_sh_t *sh);
static ngx_int_t ngx_http_gateway_proxy_cache_init_mutex(
    pthread_mutex_t *mutex);
static void ngx_http_gateway_proxy_cache_part(
    ngx_http_gateway_proxy_cache_store_t *store, ngx_uint_t n,
    ngx_http_gateway_proxy_cache_part_t *part);
static ngx_int_t ngx_http_gateway_proxy_cache_lock(
    ngx_http_gateway_proxy_cache_store_t *store, ngx_uint_t n,
    ngx_http_gateway_proxy_cache_part_t *part);
static void ngx_http_gateway_proxy_cache_unlock(
    ngx_http_gateway_proxy_cache_part_t *part);
static void ngx_http_gateway_proxy_cache_repair(
    ngx_http_gateway_proxy_cache_part_t *part);
static ngx_uint_t ngx_http_gateway_proxy_cache_claim(
    ngx_http_gateway_proxy_cache_part_t *part,
    ngx_http_gateway_proxy_cache_node_t *node);
static ngx_uint_t ngx_http_gateway_proxy_cache_shard_of(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key);
static uint32_t *ngx_http_gateway_proxy_cache_bucket(
    ngx_http_gateway_proxy_cache_part_t *part, const u_char *key);
static uint32_t ngx_http_gateway_proxy_cache_search(
    ngx_http_gateway_proxy_cache_part_t *part, const u_char *key);
static void ngx_http_gateway_proxy_cache_link(
    ngx_http_gateway_proxy_cache_part_t *part, uint32_t n);
static void ngx_http_gateway_proxy_cache_push(
    ngx_http_gateway_proxy_cache_part_t *part, uint32_t n);
static void ngx_http_gateway_proxy_cache_pull(
    ngx_http_gateway_proxy_cache_part_t *part, uint32_t n);
static void ngx_http_gateway_proxy_cache_drop(
    ngx_http_gateway_proxy_cache_part_t *part, uint32_t n);
static void ngx_http_gateway_proxy_cache_free(
    ngx_http_gateway_proxy_cache_part_t *part, uint32_t n);
static void ngx_http_gateway_proxy_cache_reclaim(
    ngx_http_gateway_proxy_cache_part_t *part);
static uint32_t ngx_http_gateway_proxy_cache_alloc(
    ngx_http_gateway_proxy_cache_part_t *part, uint32_t blocks);
static ngx_http_gateway_proxy_cache_fetch_t *
    ngx_http_gateway_proxy_cache_fetch(
    ngx_http_gateway_proxy_cache_part_t *part, uint64_t hash,
    ngx_uint_t make);
static ngx_int_t ngx_http_gateway_proxy_cache_copy(
    ngx_http_gateway_proxy_cache_store_t *store,
    ngx_http_gateway_proxy_cache_place_t *place, uint32_t state, u_char *to,
    ngx_str_t *from, size_t size);


static ngx_http_gateway_zone_kind_t  ngx_http_gateway_proxy_cache_kind = {
    ngx_http_gateway_proxy_cache_init_zone,
    ngx_http_gateway_proxy_cache_unused,
    NULL
};


/* entries */

ngx_int_t
ngx_http_gateway_proxy_cache_find(ngx_http_gateway_proxy_cache_store_t *store,
    const u_char *key, ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_place_t *place)
{
    uint32_t                              n;
    ngx_http_gateway_proxy_cache_node_t  *node;
    ngx_http_gateway_proxy_cache_part_t   part;

    place->shard = ngx_http_gateway_proxy_cache_shard_of(store, key);

    if (ngx_http_gateway_proxy_cache_lock(store, place->shard, &part)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    place->epoch = part.sh->epoch;

    n = ngx_http_gateway_proxy_cache_search(&part, key);

    if (n == 0) {
        ngx_http_gateway_proxy_cache_unlock(&part);
        return NGX_DECLINED;
    }

    ngx_http_gateway_proxy_cache_pull(&part, n);
    ngx_http_gateway_proxy_cache_push(&part, n);

    node = &part.nodes[n];

    place->node = n;
    place->generation = node->generation;

    entry->status = node->status;
    entry->timestamp = node->timestamp;
    entry->ttl = node->ttl;
    entry->expires = node->expires;
    entry->length = node->length;
    entry->head.len = node->head;
    entry->body.len = node->body;

    ngx_http_gateway_proxy_cache_unlock(&part);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_proxy_cache_read(ngx_http_gateway_proxy_cache_store_t *store,
    ngx_pool_t *pool, ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_place_t *place)
{
    u_char  *p;
    size_t   size;

    size = entry->head.len + entry->body.len;

    p = ngx_palloc(pool, size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    entry->head.data = p;
    entry->body.data = p + entry->head.len;

    return ngx_http_gateway_proxy_cache_copy(store, place,
                              NGX_HTTP_GATEWAY_PROXY_CACHE_LIVE, p, NULL,
                              size);
}


ngx_int_t
ngx_http_gateway_proxy_cache_write(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key,
    ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_place_t *place)
{
    size_t                                size, blocks;
    uint32_t                              n, old;
    ngx_int_t                             rc;
    ngx_str_t                             from[2];
    ngx_http_gateway_proxy_cache_node_t  *node;
    ngx_http_gateway_proxy_cache_part_t   part;

    size = entry->head.len + entry->body.len;
    blocks = (size + NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK - 1)
             / NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK;

    /* one must not push out all others */

    if (blocks == 0 || blocks > store->blocks / 4) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_proxy_cache_lock(store, place->shard, &part)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    n = (part.sh->epoch == place->epoch)
        ? ngx_http_gateway_proxy_cache_alloc(&part, (uint32_t) blocks) : 0;

    if (n == 0) {
        ngx_http_gateway_proxy_cache_unlock(&part);
        return NGX_DECLINED;
    }

    node = &part.nodes[n];

    ngx_memcpy(node->key, key, NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN);
    node->timestamp = entry->timestamp;
    node->ttl = entry->ttl;
    node->expires = entry->expires;
    node->length = entry->length;
    node->head = entry->head.len;
    node->body = entry->body.len;
    node->status = (uint32_t) entry->status;
    node->epoch = part.sh->epoch;

    place->node = n;
    place->generation = node->generation;

    ngx_http_gateway_proxy_cache_unlock(&part);

    from[0] = entry->head;
    from[1] = entry->body;

    rc = ngx_http_gateway_proxy_cache_copy(store, place,
                              NGX_HTTP_GATEWAY_PROXY_CACHE_WRITING, NULL,
                              from, size);

    if (ngx_http_gateway_proxy_cache_lock(store, place->shard, &part)
        != NGX_OK)
    {
        /* its blocks are in no list: the next holder looks for them */

        (void) ngx_atomic_cmp_set(&part.sh->lost, 0, 1);
        return NGX_BUSY;
    }

    node = &part.nodes[n];

    if (node->generation != place->generation
        || node->state != NGX_HTTP_GATEWAY_PROXY_CACHE_WRITING)
    {
        ngx_http_gateway_proxy_cache_unlock(&part);
        return NGX_DECLINED;
    }

    part.sh->writing--;

    if (rc != NGX_OK || part.sh->epoch != place->epoch) {
        ngx_http_gateway_proxy_cache_free(&part, n);
        ngx_http_gateway_proxy_cache_unlock(&part);
        return rc == NGX_BUSY ? NGX_BUSY : NGX_DECLINED;
    }

    old = ngx_http_gateway_proxy_cache_search(&part, key);

    if (old) {
        ngx_http_gateway_proxy_cache_drop(&part, old);
    }

    ngx_memory_barrier();

    node->state = NGX_HTTP_GATEWAY_PROXY_CACHE_LIVE;

    ngx_http_gateway_proxy_cache_link(&part, n);
    ngx_http_gateway_proxy_cache_unlock(&part);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_proxy_cache_remove(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key)
{
    uint32_t                             n;
    ngx_http_gateway_proxy_cache_part_t  part;

    if (ngx_http_gateway_proxy_cache_lock(store,
                          ngx_http_gateway_proxy_cache_shard_of(store, key),
                          &part)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    n = ngx_http_gateway_proxy_cache_search(&part, key);

    if (n) {
        ngx_http_gateway_proxy_cache_drop(&part, n);
    }

    ngx_http_gateway_proxy_cache_unlock(&part);

    return n ? NGX_OK : NGX_DECLINED;
}


/* entries of an earlier epoch are given up when somebody comes across them */

ngx_int_t
ngx_http_gateway_proxy_cache_flush(
    ngx_http_gateway_proxy_cache_store_t *store)
{
    ngx_int_t                            rc;
    ngx_uint_t                           i;
    ngx_http_gateway_proxy_cache_part_t  part;

    rc = NGX_OK;

    for (i = 0; i < store->shards; i++) {

        if (ngx_http_gateway_proxy_cache_lock(store, i, &part) != NGX_OK) {
            rc = NGX_BUSY;
            continue;
        }

        part.sh->epoch++;

        ngx_http_gateway_proxy_cache_unlock(&part);
    }

    return rc;
}


/* fetches: which keys are under way */

ngx_int_t
ngx_http_gateway_proxy_cache_begin(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key,
    ngx_http_gateway_proxy_cache_place_t *place, ngx_msec_t age,
    uint64_t *token)
{
    uint64_t                               hash;
    ngx_int_t                              rc;
    ngx_http_gateway_proxy_cache_part_t    part;
    ngx_http_gateway_proxy_cache_fetch_t  *fetch;

    if (ngx_http_gateway_proxy_cache_lock(store, place->shard, &part)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    ngx_memcpy(&hash, key, sizeof(uint64_t));

    fetch = ngx_http_gateway_proxy_cache_fetch(&part, hash, 1);

    if (fetch == NULL) {
        rc = NGX_DECLINED;

    } else if (fetch->hash == hash && fetch->until > ngx_current_msec) {
        rc = fetch->token ? NGX_AGAIN : NGX_DECLINED;

    } else {
        *token = ++part.sh->tokens;

        fetch->hash = hash;
        fetch->token = *token;
        fetch->until = ngx_current_msec + age;

        rc = NGX_OK;
    }

    ngx_http_gateway_proxy_cache_unlock(&part);

    return rc;
}


void
ngx_http_gateway_proxy_cache_end(ngx_http_gateway_proxy_cache_store_t *store,
    const u_char *key, ngx_http_gateway_proxy_cache_place_t *place,
    uint64_t token, ngx_uint_t open)
{
    uint64_t                               hash;
    ngx_http_gateway_proxy_cache_part_t    part;
    ngx_http_gateway_proxy_cache_fetch_t  *fetch;

    /* else it ends by its age */

    if (ngx_http_gateway_proxy_cache_lock(store, place->shard, &part)
        != NGX_OK)
    {
        return;
    }

    ngx_memcpy(&hash, key, sizeof(uint64_t));

    fetch = ngx_http_gateway_proxy_cache_fetch(&part, hash, 0);

    if (fetch && fetch->token == token) {
        fetch->token = 0;
        fetch->until = open ? ngx_current_msec
                              + NGX_HTTP_GATEWAY_PROXY_CACHE_OPEN
                            : 0;
    }

    ngx_http_gateway_proxy_cache_unlock(&part);
}


/* that of the hash; else, if it is to be made, one that has ended, or NULL */

static ngx_http_gateway_proxy_cache_fetch_t *
ngx_http_gateway_proxy_cache_fetch(ngx_http_gateway_proxy_cache_part_t *part,
    uint64_t hash, ngx_uint_t make)
{
    ngx_uint_t                             i;
    ngx_http_gateway_proxy_cache_fetch_t  *fetch, *ended;

    ended = NULL;

    for (i = 0; i < NGX_HTTP_GATEWAY_PROXY_CACHE_PROBES; i++) {

        /* the first bytes of the hash chose the shard */

        fetch = &part->sh->fetches[((hash >> 32) + i)
                                   % NGX_HTTP_GATEWAY_PROXY_CACHE_FETCHES];

        if (fetch->hash == hash) {
            return fetch;
        }

        if (ended == NULL && fetch->until <= ngx_current_msec) {
            ended = fetch;
        }
    }

    return make ? ended : NULL;
}


/* to: out of the blocks, or NULL: from two texts into them */

static ngx_int_t
ngx_http_gateway_proxy_cache_copy(ngx_http_gateway_proxy_cache_store_t *store,
    ngx_http_gateway_proxy_cache_place_t *place, uint32_t state, u_char *to,
    ngx_str_t *from, size_t size)
{
    u_char                               *block;
    size_t                                len, first, done;
    uint32_t                              b;
    ngx_uint_t                            i;
    ngx_http_gateway_proxy_cache_node_t  *node;
    ngx_http_gateway_proxy_cache_part_t   part;

    b = 0;
    done = 0;

    while (done < size) {

        if (ngx_http_gateway_proxy_cache_lock(store, place->shard, &part)
            != NGX_OK)
        {
            return NGX_BUSY;
        }

        node = &part.nodes[place->node];

        if (node->generation != place->generation || node->state != state) {
            ngx_http_gateway_proxy_cache_unlock(&part);
            return NGX_DECLINED;
        }

        if (done == 0) {
            b = node->block;
        }

        for (i = 0;
             done < size && i < NGX_HTTP_GATEWAY_PROXY_CACHE_CHUNK;
             i++)
        {
            if (b == 0 || b > store->blocks) {
                ngx_http_gateway_proxy_cache_unlock(&part);
                return NGX_DECLINED;
            }

            block = part.blocks
                    + (size_t) (b - 1) * NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK;
            len = ngx_min(size - done, NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK);

            if (to) {
                ngx_memcpy(to + done, block, len);

            } else {
                first = from[0].len > done ? ngx_min(from[0].len - done, len)
                                           : 0;

                if (first) {
                    ngx_memcpy(block, from[0].data + done, first);
                }

                if (len > first) {
                    ngx_memcpy(block + first,
                               from[1].data + (done + first - from[0].len),
                               len - first);
                }
            }

            done += len;
            b = part.links[b];
        }

        ngx_http_gateway_proxy_cache_unlock(&part);
    }

    return NGX_OK;
}


/* a locked shard: what follows is called with the lock held */

static ngx_uint_t
ngx_http_gateway_proxy_cache_shard_of(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key)
{
    return key[0] & (store->shards - 1);
}


static uint32_t *
ngx_http_gateway_proxy_cache_bucket(ngx_http_gateway_proxy_cache_part_t *part,
    const u_char *key)
{
    uint32_t  hash;

    ngx_memcpy(&hash, key + 4, sizeof(uint32_t));

    return &part->buckets[hash & (part->store->buckets - 1)];
}


/* 0: there is none that is valid */

static uint32_t
ngx_http_gateway_proxy_cache_search(ngx_http_gateway_proxy_cache_part_t *part,
    const u_char *key)
{
    uint32_t                              n;
    ngx_http_gateway_proxy_cache_node_t  *node;

    for (n = *ngx_http_gateway_proxy_cache_bucket(part, key);
         n;
         n = node->chain)
    {
        node = &part->nodes[n];

        if (ngx_memcmp(node->key, key, NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN)
            != 0)
        {
            continue;
        }

        if (node->epoch != part->sh->epoch
            || (node->expires && node->expires < (int64_t) ngx_time()))
        {
            ngx_http_gateway_proxy_cache_drop(part, n);
            return 0;
        }

        return n;
    }

    return 0;
}


static void
ngx_http_gateway_proxy_cache_link(ngx_http_gateway_proxy_cache_part_t *part,
    uint32_t n)
{
    uint32_t                             *bucket;
    ngx_http_gateway_proxy_cache_node_t  *node;

    node = &part->nodes[n];
    bucket = ngx_http_gateway_proxy_cache_bucket(part, node->key);

    node->chain = *bucket;
    *bucket = n;

    ngx_http_gateway_proxy_cache_push(part, n);
}


static void
ngx_http_gateway_proxy_cache_push(ngx_http_gateway_proxy_cache_part_t *part,
    uint32_t n)
{
    ngx_http_gateway_proxy_cache_node_t  *node;

    node = &part->nodes[n];

    node->newer = 0;
    node->older = part->sh->newest;

    if (node->older) {
        part->nodes[node->older].newer = n;

    } else {
        part->sh->oldest = n;
    }

    part->sh->newest = n;
}


static void
ngx_http_gateway_proxy_cache_pull(ngx_http_gateway_proxy_cache_part_t *part,
    uint32_t n)
{
    ngx_http_gateway_proxy_cache_node_t  *node;

    node = &part->nodes[n];

    if (node->newer) {
        part->nodes[node->newer].older = node->older;

    } else {
        part->sh->newest = node->older;
    }

    if (node->older) {
        part->nodes[node->older].newer = node->newer;

    } else {
        part->sh->oldest = node->newer;
    }
}


/* takes a live one out of all lists */

static void
ngx_http_gateway_proxy_cache_drop(ngx_http_gateway_proxy_cache_part_t *part,
    uint32_t n)
{
    uint32_t                             *link;
    ngx_http_gateway_proxy_cache_node_t  *node;

    node = &part->nodes[n];
    node->state = NGX_HTTP_GATEWAY_PROXY_CACHE_FREE;

    for (link = ngx_http_gateway_proxy_cache_bucket(part, node->key);
         *link;
         link = &part->nodes[*link].chain)
    {
        if (*link == n) {
            *link = node->chain;
            break;
        }
    }

    ngx_http_gateway_proxy_cache_pull(part, n);
    ngx_http_gateway_proxy_cache_free(part, n);
}


static void
ngx_http_gateway_proxy_cache_free(ngx_http_gateway_proxy_cache_part_t *part,
    uint32_t n)
{
    uint32_t                              b, i;
    ngx_http_gateway_proxy_cache_node_t  *node;

    node = &part->nodes[n];
    node->state = NGX_HTTP_GATEWAY_PROXY_CACHE_FREE;

    b = node->block;

    for (i = 1; i < node->blocks; i++) {
        b = part->links[b];
    }

    part->links[b] = part->sh->free_block;
    part->sh->free_block = node->block;
    part->sh->free_blocks += node->blocks;

    node->chain = part->sh->free_node;
    part->sh->free_node = n;
}


/* a node with so many blocks, the least recently used ones giving way */

static uint32_t
ngx_http_gateway_proxy_cache_alloc(ngx_http_gateway_proxy_cache_part_t *part,
    uint32_t blocks)
{
    uint32_t                               n, b, i, *link;
    ngx_http_gateway_proxy_cache_node_t   *node;
    ngx_http_gateway_proxy_cache_shard_t  *sh;
    ngx_http_gateway_proxy_cache_store_t  *store;

    sh = part->sh;
    store = part->store;

    while (sh->free_blocks + (store->blocks - sh->used_blocks) < blocks
           || (sh->free_node == 0 && sh->used_nodes == store->nodes))
    {
        if (sh->writing && sh->searched != (int64_t) ngx_time()) {
            sh->searched = ngx_time();
            ngx_http_gateway_proxy_cache_reclaim(part);
            continue;
        }

        if (sh->oldest == 0) {
            return 0;
        }

        ngx_http_gateway_proxy_cache_drop(part, sh->oldest);
    }

    if (sh->free_node) {
        n = sh->free_node;
        sh->free_node = part->nodes[n].chain;

    } else {
        n = sh->used_nodes + 1;
        part->nodes[n].state = NGX_HTTP_GATEWAY_PROXY_CACHE_FREE;
        sh->used_nodes = n;
    }

    node = &part->nodes[n];
    node->generation = ++sh->generation;
    node->blocks = blocks;
    link = &node->block;

    for (i = 0; i < blocks; i++) {

        if (sh->free_block) {
            b = sh->free_block;
            sh->free_block = part->links[b];
            sh->free_blocks--;

        } else {
            b = ++sh->used_blocks;
        }

        *link = b;
        link = &part->links[b];
    }

    *link = 0;
    node->started = ngx_time();
    node->state = NGX_HTTP_GATEWAY_PROXY_CACHE_WRITING;
    sh->writing++;

    return n;
}


/* what workers had begun to write when they were killed without the lock */

static void
ngx_http_gateway_proxy_cache_reclaim(
    ngx_http_gateway_proxy_cache_part_t *part)
{
    uint32_t                              n;
    ngx_http_gateway_proxy_cache_node_t  *node;

    for (n = 1; n <= part->sh->used_nodes; n++) {
        node = &part->nodes[n];

        if (node->state == NGX_HTTP_GATEWAY_PROXY_CACHE_WRITING
            && (int64_t) ngx_time() - node->started
               > NGX_HTTP_GATEWAY_PROXY_CACHE_WRITE)
        {
            part->sh->writing--;
            ngx_http_gateway_proxy_cache_free(part, n);
        }
    }
}


/*
 * After the death of a holder: what is complete stays, without the order of
 * its use; those being written by others are lost, which they notice.
 */

static void
ngx_http_gateway_proxy_cache_repair(ngx_http_gateway_proxy_cache_part_t *part)
{
    uint32_t                               n;
    ngx_http_gateway_proxy_cache_node_t   *node;
    ngx_http_gateway_proxy_cache_shard_t  *sh;
    ngx_http_gateway_proxy_cache_store_t  *store;

    sh = part->sh;
    store = part->store;

    sh->used_nodes = ngx_min(sh->used_nodes, store->nodes);
    sh->used_blocks = ngx_min(sh->used_blocks, store->blocks);

    sh->writing = 0;
    sh->newest = 0;
    sh->oldest = 0;
    sh->free_node = 0;
    sh->free_block = 0;
    sh->free_blocks = 0;

    ngx_memzero(part->buckets, store->buckets * sizeof(uint32_t));
    ngx_memzero(part->marks, (size_t) store->blocks + 1);

    for (n = 1; n <= sh->used_nodes; n++) {
        node = &part->nodes[n];

        if (node->state == NGX_HTTP_GATEWAY_PROXY_CACHE_LIVE
            && node->epoch == sh->epoch
            && ngx_http_gateway_proxy_cache_claim(part, node))
        {
            ngx_http_gateway_proxy_cache_link(part, n);
            continue;
        }

        node->state = NGX_HTTP_GATEWAY_PROXY_CACHE_FREE;
        node->chain = sh->free_node;
        sh->free_node = n;
    }

    for (n = 1; n <= sh->used_blocks; n++) {
        if (!part->marks[n]) {
            part->links[n] = sh->free_block;
            sh->free_block = n;
            sh->free_blocks++;
        }
    }
}


static ngx_uint_t
ngx_http_gateway_proxy_cache_claim(ngx_http_gateway_proxy_cache_part_t *part,
    ngx_http_gateway_proxy_cache_node_t *node)
{
    uint32_t  b, i;

    b = node->block;

    for (i = 0; i < node->blocks; i++) {

        if (b == 0 || b > part->sh->used_blocks || part->marks[b]) {
            break;
        }

        part->marks[b] = 1;
        b = part->links[b];
    }

    if (i == node->blocks && i
        && (node->head + node->body + NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK - 1)
           / NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK == i)
    {
        return 1;
    }

    for (b = node->block; i; i--) {
        part->marks[b] = 0;
        b = part->links[b];
    }

    return 0;
}


/* locks */

static void
ngx_http_gateway_proxy_cache_part(ngx_http_gateway_proxy_cache_store_t *store,
    ngx_uint_t n, ngx_http_gateway_proxy_cache_part_t *part)
{
    u_char  *p;

    p = store->base + n * store->shard_size;

    part->store = store;
    part->sh = (ngx_http_gateway_proxy_cache_shard_t *) p;

    p += ngx_align(sizeof(ngx_http_gateway_proxy_cache_shard_t), 64);
    part->nodes = (ngx_http_gateway_proxy_cache_node_t *) p;

    p += ((size_t) store->nodes + 1)
         * sizeof(ngx_http_gateway_proxy_cache_node_t);
    part->buckets = (uint32_t *) p;

    p += store->buckets * sizeof(uint32_t);
    part->links = (uint32_t *) p;

    p += ((size_t) store->blocks + 1) * sizeof(uint32_t);
    part->marks = p;

    p += (size_t) store->blocks + 1;
    part->blocks = p;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_lock(ngx_http_gateway_proxy_cache_store_t *store,
    ngx_uint_t n, ngx_http_gateway_proxy_cache_part_t *part)
{
    int              rc;
    struct timespec  until;

    ngx_http_gateway_proxy_cache_part(store, n, part);

    rc = pthread_mutex_trylock(&part->sh->mutex);

    if (rc == EBUSY) {
        (void) clock_gettime(CLOCK_REALTIME, &until);

        until.tv_nsec += NGX_HTTP_GATEWAY_PROXY_CACHE_WAIT;

        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }

        rc = pthread_mutex_timedlock(&part->sh->mutex, &until);
    }

    if (rc == EOWNERDEAD) {
        ngx_http_gateway_proxy_cache_repair(part);
        rc = pthread_mutex_consistent(&part->sh->mutex);
    }

    if (rc != 0) {
        return NGX_BUSY;
    }

    if (part->sh->lost) {
        part->sh->lost = 0;
        ngx_http_gateway_proxy_cache_repair(part);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_proxy_cache_unlock(ngx_http_gateway_proxy_cache_part_t *part)
{
    (void) pthread_mutex_unlock(&part->sh->mutex);
}


/* the zone */

ngx_http_gateway_proxy_cache_store_t *
ngx_http_gateway_proxy_cache_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, void *tag)
{
    ngx_shm_zone_t  *shm_zone;

    shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (shm_zone == NULL) {
        return NULL;
    }

    if (shm_zone->data == NULL) {
        shm_zone->data = ngx_pcalloc(cf->pool,
                                sizeof(ngx_http_gateway_proxy_cache_store_t));
        shm_zone->init = ngx_http_gateway_proxy_cache_init_zone;
    }

    ngx_http_gateway_status_zone_kind(&ngx_http_gateway_proxy_cache_kind);

    return shm_zone->data;
}


/* without the locks: it is for the metrics */

static size_t
ngx_http_gateway_proxy_cache_unused(ngx_shm_zone_t *zone)
{
    size_t                                 blocks;
    ngx_uint_t                             i;
    ngx_http_gateway_proxy_cache_part_t    part;
    ngx_http_gateway_proxy_cache_store_t  *store;

    store = zone->data;
    blocks = 0;

    for (i = 0; i < store->shards; i++) {
        ngx_http_gateway_proxy_cache_part(store, i, &part);

        blocks += part.sh->free_blocks + store->blocks
                  - ngx_min(part.sh->used_blocks, store->blocks);
    }

    return blocks * NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK;
}


void
ngx_http_gateway_proxy_cache_zone_sizes(ngx_conf_t *cf)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *zone;

    for (part = (ngx_list_part_t *) &cf->cycle->shared_memory.part;
         part;
         part = part->next)
    {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].init == ngx_http_gateway_proxy_cache_init_zone
                && zone[i].shm.size == 0)
            {
                zone[i].shm.size = NGX_HTTP_GATEWAY_PROXY_CACHE_SIZE;
            }
        }
    }
}


static ngx_int_t
ngx_http_gateway_proxy_cache_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t                       *shpool;
    ngx_http_gateway_proxy_cache_sh_t     *sh;
    ngx_http_gateway_proxy_cache_store_t  *store;

    store = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_http_gateway_proxy_cache_create(shm_zone, shpool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* kept over a reload, only the zone itself is believed */

    sh = shpool->data;

    if (sh == NULL || sh->magic != NGX_HTTP_GATEWAY_PROXY_CACHE_MAGIC
        || sh->layout != NGX_HTTP_GATEWAY_PROXY_CACHE_LAYOUT)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" is of another version: change its size, "
                      "which makes a new one, or restart",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    store->base = (u_char *) sh
                  + ngx_align(sizeof(ngx_http_gateway_proxy_cache_sh_t), 64);
    store->shard_size = sh->shard_size;
    store->shards = sh->shards;
    store->nodes = sh->nodes;
    store->blocks = sh->blocks;
    store->buckets = sh->buckets;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_create(ngx_shm_zone_t *shm_zone,
    ngx_slab_pool_t *shpool)
{
    size_t                                 size;
    uint32_t                               i;
    ngx_http_gateway_proxy_cache_sh_t     *sh, sizes;
    ngx_http_gateway_proxy_cache_part_t    part;
    ngx_http_gateway_proxy_cache_store_t   store;

    size = shpool->pfree * ngx_pagesize;

    ngx_memzero(&sizes, sizeof(ngx_http_gateway_proxy_cache_sh_t));

    if (ngx_http_gateway_proxy_cache_sizes(size, &sizes) == 0) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" is too small", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    sh = ngx_slab_alloc(shpool, size);
    if (sh == NULL) {
        return NGX_ERROR;
    }

    *sh = sizes;

    store.base = (u_char *) sh
                 + ngx_align(sizeof(ngx_http_gateway_proxy_cache_sh_t), 64);
    store.shard_size = sh->shard_size;
    store.shards = sh->shards;
    store.nodes = sh->nodes;
    store.blocks = sh->blocks;
    store.buckets = sh->buckets;

    /* pages of nodes and blocks come into being on first use */

    for (i = 0; i < sh->shards; i++) {
        ngx_http_gateway_proxy_cache_part(&store, i, &part);

        ngx_memzero(part.sh, sizeof(ngx_http_gateway_proxy_cache_shard_t));
        ngx_memzero(part.buckets, sh->buckets * sizeof(uint32_t));

        if (ngx_http_gateway_proxy_cache_init_mutex(&part.sh->mutex)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "no mutex for zone \"%V\" could be made",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }
    }

    sh->magic = NGX_HTTP_GATEWAY_PROXY_CACHE_MAGIC;
    sh->layout = NGX_HTTP_GATEWAY_PROXY_CACHE_LAYOUT;
    shpool->data = sh;

    return NGX_OK;
}


/* 0: too small */

static size_t
ngx_http_gateway_proxy_cache_sizes(size_t size,
    ngx_http_gateway_proxy_cache_sh_t *sh)
{
    size_t  fixed, each, room, blocks;

    size -= ngx_align(sizeof(ngx_http_gateway_proxy_cache_sh_t), 64);

    for (sh->shards = NGX_HTTP_GATEWAY_PROXY_CACHE_SHARDS;
         sh->shards > 1
         && size / sh->shards < NGX_HTTP_GATEWAY_PROXY_CACHE_SHARD;
         sh->shards /= 2)
    {
        /* void */
    }

    room = size / sh->shards / 64 * 64;

    fixed = ngx_align(sizeof(ngx_http_gateway_proxy_cache_shard_t), 64)
            + 2 * sizeof(ngx_http_gateway_proxy_cache_node_t) + 64;

    /* half a node, and at most one bucket, for each block */

    each = sizeof(ngx_http_gateway_proxy_cache_node_t) / 2
           + 2 * sizeof(uint32_t) + 1 + NGX_HTTP_GATEWAY_PROXY_CACHE_BLOCK;

    if (room <= fixed
        || (room - fixed) / each < NGX_HTTP_GATEWAY_PROXY_CACHE_MIN)
    {
        return 0;
    }

    blocks = ngx_min((room - fixed) / each, 0x7fffffff);

    sh->blocks = (uint32_t) blocks;
    sh->nodes = (uint32_t) (blocks / 2);
    sh->shard_size = room;

    for (sh->buckets = 1; sh->buckets * 2 <= sh->nodes; sh->buckets *= 2) {
        /* void */
    }

    return blocks;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_init_mutex(pthread_mutex_t *mutex)
{
    ngx_int_t            rc;
    pthread_mutexattr_t  attr;

    if (pthread_mutexattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
        && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0
        && pthread_mutex_init(mutex, &attr) == 0)
    {
        rc = NGX_OK;
    }

    (void) pthread_mutexattr_destroy(&attr);

    return rc;
}
