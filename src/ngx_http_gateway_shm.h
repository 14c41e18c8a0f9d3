
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_SHM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SHM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * A dictionary in shared memory: digests of keys to values of a fixed size,
 * zeroed when new.  All of its memory is taken when the zone is made:
 *
 *   header | shards 0 .. n-1 | nodes of 0 .. n-1 | buckets of 0 .. n-1
 *
 * A shard is a hash of chained nodes under a lock of its own.  Chains hold
 * node numbers, not pointers, and every change of a chain is one store, so a
 * worker may be killed at any instruction: a node it had taken out is found
 * again by the eviction, and the lock of a dead worker is taken over.
 *
 * A full shard gives up an expired node, else the least recently used one,
 * among the next ones that its hand comes to.
 */

typedef struct ngx_http_gateway_shm_s  ngx_http_gateway_shm_t;

/* 128 bits of keyed SipHash-1-3; the key is drawn when the zone is made */
typedef struct {
    uint64_t                         part[2];
} ngx_http_gateway_digest_t;

/* a digest in the making; may be copied to go on from a common prefix */
typedef struct {
    uint64_t                         v[4];
} ngx_http_gateway_hash_t;

/* a value found and locked; give it to ngx_http_gateway_shm_release() */
typedef struct {
    void                            *shard;
    void                            *value;
} ngx_http_gateway_shm_entry_t;


/*
 * The setter of a directive with the size of a zone, a size_t that is 0 until
 * then; post: NULL, or a ngx_uint_t, how many pages it has to have if not 8.
 */
char *ngx_http_gateway_shm_size_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Declares the zone; size is that of the whole zone.  layout names what the
 * values hold: a zone kept over a reload is refused when its layout or its
 * value_size is another.  NULL on failure, which was logged.
 */
ngx_http_gateway_shm_t *ngx_http_gateway_shm_add(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, size_t value_size, ngx_uint_t layout,
    void *tag);

/*
 * A key is hashed part by part, each closed by its length.  The keys of one
 * dictionary must have the same number of parts, and all parts but the last
 * a fixed length: other splits of the same bytes may collide.
 */
void ngx_http_gateway_hash_init(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_hash_t *hash);
void ngx_http_gateway_hash_part(ngx_http_gateway_hash_t *hash,
    const void *data, size_t len);
void ngx_http_gateway_hash_final(const ngx_http_gateway_hash_t *hash,
    ngx_http_gateway_digest_t *digest);

/*
 * Finds or makes the entry, which lives for ttl seconds more.  NGX_OK: the
 * shard is locked until ngx_http_gateway_shm_release(); between the two only
 * plain loads and stores are allowed.  NGX_BUSY: the lock could not be had
 * in 10 ms (its holder hangs); nothing is locked.
 */
ngx_int_t ngx_http_gateway_shm_acquire(ngx_http_gateway_shm_t *shm,
    const ngx_http_gateway_digest_t *digest, time_t ttl,
    ngx_http_gateway_shm_entry_t *entry);

/*
 * The same for an entry that is there, whose time goes on.  NGX_DECLINED:
 * there is none, or it has expired; nothing is locked and nothing was made.
 */
ngx_int_t ngx_http_gateway_shm_find(ngx_http_gateway_shm_t *shm,
    const ngx_http_gateway_digest_t *digest,
    ngx_http_gateway_shm_entry_t *entry);

void ngx_http_gateway_shm_release(ngx_http_gateway_shm_entry_t *entry);

/*
 * For those who keep what a zone holds over restarts.  The function is called
 * whenever a configuration takes the zone into use, by the process that reads
 * it: fresh if the zone is new and empty, else it was kept over a reload.
 * Anything but NGX_OK refuses the configuration.
 */
typedef ngx_int_t (*ngx_http_gateway_shm_ready_pt)(void *data,
    ngx_uint_t fresh, ngx_log_t *log);

void ngx_http_gateway_shm_ready(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_ready_pt handler, void *data);

/* the key of the digests; another one only for a fresh zone */
void ngx_http_gateway_shm_get_key(ngx_http_gateway_shm_t *shm,
    u_char key[16]);
void ngx_http_gateway_shm_set_key(ngx_http_gateway_shm_t *shm,
    const u_char key[16]);

/*
 * Entries from place *at on, 0 at first, that have not expired: *n of them,
 * maybe none, each a ngx_http_gateway_shm_copy_t and its value, in room for
 * SHM_COPY of ngx_http_gateway_shm_copied() bytes.  NGX_AGAIN: there are more
 * from *at on; NGX_OK: these were the last; NGX_BUSY: a lock could not be had.
 * What changes meanwhile may be missed or copied twice.
 */
#define NGX_HTTP_GATEWAY_SHM_COPY  32

typedef struct {
    ngx_http_gateway_digest_t        digest;
    uint32_t                         expires;
    uint32_t                         padding;   /* zero */
} ngx_http_gateway_shm_copy_t;

#define ngx_http_gateway_shm_copied(value_size)                               \
    ngx_align(sizeof(ngx_http_gateway_shm_copy_t) + (value_size), 8)

ngx_int_t ngx_http_gateway_shm_copy(ngx_http_gateway_shm_t *shm,
    ngx_uint_t *at, u_char *buf, ngx_uint_t *n);

/*
 * Puts an entry back that has not expired.  NGX_DECLINED: there is no room
 * left where it would be; NGX_BUSY.
 */
ngx_int_t ngx_http_gateway_shm_put(ngx_http_gateway_shm_t *shm,
    const ngx_http_gateway_shm_copy_t *copy, const void *value);

/* another number if some entry was made or looked for since */
uint64_t ngx_http_gateway_shm_turns(ngx_http_gateway_shm_t *shm);

/* tells that all is saved, or that it could not be; by one at a time */
void ngx_http_gateway_shm_saved(ngx_http_gateway_shm_t *shm,
    ngx_uint_t done);

/*
 * A word of the zone that belongs to its user: 0 when the zone is made, kept
 * over reloads, changed with atomics only.  Valid once zones are mapped.
 */
ngx_atomic_t *ngx_http_gateway_shm_word(ngx_http_gateway_shm_t *shm);

/*
 * How many entries fit, are in use, and how many live ones were evicted, and
 * what those who keep them over restarts say; read without locks.
 */
typedef struct {
    ngx_uint_t                       room;
    ngx_uint_t                       used;
    ngx_uint_t                       evicted;
    time_t                           saved;     /* 0: it never was */
    ngx_uint_t                       unsaved;   /* saves that failed */
} ngx_http_gateway_shm_stat_t;

/* the dictionary in a zone of this configuration; NULL: it has none */
ngx_http_gateway_shm_t *ngx_http_gateway_shm_of(ngx_shm_zone_t *zone);

void ngx_http_gateway_shm_stat(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_shm_stat_t *stat);


#endif /* _NGX_HTTP_GATEWAY_SHM_H_INCLUDED_ */
