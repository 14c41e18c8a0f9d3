/*
 * Copyright (C) the ngx_gateway authors
 *
 * The writing side of the store of consumers and credentials: see
 * gateway_store.h for what is in it, and layer.h for what the file has.
 */

#ifndef GWC_STORE_H
#define GWC_STORE_H

#include "arena.h"
#include "layer.h"

#include "gateway_store.h"

/* the directory in the prefix, and in the configuration */
#define GWC_STORE_DIRECTORY "store"

typedef enum {
    GWC_STORE_DONE,
    GWC_STORE_CONFLICT, /* told by gwc_store_conflict */
    GWC_STORE_FULL,     /* give up this transaction, grow, do it again */
    GWC_STORE_FAILED    /* told in diag */
} gwc_store_result_t;

/* one record on its way into the tree */
typedef struct {
    size_t key; /* in bytes; the value is behind it */
    unsigned klen;
    unsigned vlen;
    unsigned order; /* the later one of two with the same key wins */
    unsigned line;
} gwc_store_put_t;

typedef struct {
    gateway_store_t tree; /* env, dbi, counts; txn of the transaction */
    const gateway_digest_key_t *names;
    const gateway_digest_key_t *keys;      /* of key-auth */
    const gateway_digest_key_t *passwords; /* of basic-auth */
    const char *directory;
    const gwc_layer_t *layer;
    const char *file; /* whose lines puts have; NULL: the command line */
    gateway_store_counts_t counts;
    bool fresh; /* nothing was in it before this transaction */

    /* puts that wait to be sorted */
    gwc_store_put_t *puts;
    size_t n, room;
    gwc_buf_t bytes;
    unsigned char *scratch;
    size_t scratch_size;
    size_t conflicts;
} gwc_store_t;

/*
 * Opens the store of the prefix, which is locked, for writing; create: makes
 * it when there is none.  False after an error, or without one when there is
 * none.  room: bytes that will be added, about.
 */
bool gwc_store_open(gwc_store_t *store, const char *prefix,
                    const gwc_layer_t *layer, bool create, size_t room);
/* the same for reading; no lock is needed */
bool gwc_store_open_read(gwc_store_t *store, const char *prefix);
void gwc_store_close(gwc_store_t *store);
/* it exists */
bool gwc_store_exists(const char *prefix);

gwc_store_result_t gwc_store_begin(gwc_store_t *store);
/* what was put since gwc_store_begin() is there for everybody, or nothing */
gwc_store_result_t gwc_store_commit(gwc_store_t *store);
void gwc_store_abort(gwc_store_t *store);
/* after GWC_STORE_FULL: twice the room */
bool gwc_store_grow(gwc_store_t *store);

/*
 * Puts are kept until there are many, sorted and written: this is several
 * times faster than one by one.  line: where it stands in store->file.
 */
gwc_store_result_t
gwc_store_put_consumer(gwc_store_t *store,
                       const gateway_store_consumer_t *consumer,
                       unsigned line);
gwc_store_result_t gwc_store_put_credential(
    gwc_store_t *store, unsigned kind, const unsigned char *digest,
    const gateway_store_credential_t *credential, unsigned line);
gwc_store_result_t gwc_store_flush(gwc_store_t *store);

/* the id for a consumer of this username: known, or derived from it */
gwc_store_result_t gwc_store_consumer_id(gwc_store_t *store, uint8_t id[16],
                                         gwc_text_t username);

/* inside of a transaction; GATEWAY_STORE_OK, _NONE, _ERROR (told) */
int gwc_store_get_consumer(gwc_store_t *store, const uint8_t id[16],
                           gateway_store_consumer_t *consumer);
int gwc_store_get_credential(gwc_store_t *store, unsigned kind,
                             const unsigned char *digest,
                             gateway_store_credential_t *credential);
/* by id, username or custom_id */
int gwc_store_find_consumer(gwc_store_t *store, gwc_text_t name,
                            gateway_store_consumer_t *consumer);

/* takes an added credential out; GWC_STORE_DONE also when there is none */
gwc_store_result_t gwc_store_delete_credential(gwc_store_t *store,
                                               unsigned kind,
                                               const unsigned char *digest);
/* with all credentials that were added; *n: how many */
gwc_store_result_t gwc_store_delete_consumer(gwc_store_t *store,
                                             const uint8_t id[16], size_t *n);
/* the revocation of one that the file has, or its end */
gwc_store_result_t gwc_store_revoke(gwc_store_t *store,
                                    const gwc_layer_credential_t *layered);
gwc_store_result_t gwc_store_restore(gwc_store_t *store, unsigned kind,
                                     const unsigned char *digest);

/* revocations whose credential the layer has not, or has again */
gwc_store_result_t gwc_store_reconcile(gwc_store_t *store);

/* walks over keys that begin so; false from the function ends the walk */
typedef bool (*gwc_store_each_pt)(gwc_store_t *store, const MDB_val *key,
                                  const MDB_val *value, void *data);
bool gwc_store_each(gwc_store_t *store, const void *prefix, size_t len,
                    gwc_store_each_pt each, void *data);

/* an error at a line of store->file, or of the command */
void gwc_store_error(gwc_store_t *store, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* names of the kinds: "keyauth_credentials", "key-auth" */
extern const char *const gwc_store_entities[GATEWAY_STORE_KINDS];
extern const char *const gwc_store_plugins[GATEWAY_STORE_KINDS];

#endif
