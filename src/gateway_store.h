
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _GATEWAY_STORE_H_INCLUDED_
#define _GATEWAY_STORE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lmdb.h>

#include "gateway_digest.h"


/*
 * The store of consumers and credentials that commands add and revoke while
 * the gateway runs: an LMDB file, in plain C for the nginx module, which
 * reads it, and the tool, which writes it.
 *
 * One tree holds everything:
 *
 *     "H"                          version, check of the secret, counts
 *     "C" id                       consumer
 *     "C" id kind digest           (empty) a credential of that consumer
 *     "K" kind digest              credential, or the revocation of one that
 *                                  the file has
 *     "R" kind digest              (empty) a revocation among them
 *     "U" digest                   id of the consumer of this username, where
 *                                  the id does not follow from it
 *     "X" digest                   id of the consumer of this custom_id
 *
 * Ids are 16 bytes, digests HMAC-SHA-256 (16 bytes of it in "U" and "X"),
 * numbers big-endian.  Texts have two bytes of length before them, and so
 * have lists, which are texts in a row.
 */

#define GATEWAY_STORE_VERSION   1

/* in the directory of the store; LMDB adds a file with "-lock" */
#define GATEWAY_STORE_FILE      "consumers.mdb"

/* processes at a time */
#define GATEWAY_STORE_READERS   2046

/* gateway_digest_key() of the names, see gateway_store_name() */
#define GATEWAY_STORE_PURPOSE   "credential_store"

/* nonce and tag of what is sealed */
#define GATEWAY_STORE_SEAL      28

/* no text or list is longer */
#define GATEWAY_STORE_TEXT_MAX  65535


/* kinds of credentials; they are in the file, their numbers never change */
enum {
    GATEWAY_STORE_KEY = 0,      /* key-auth, by HMAC of the key */
    GATEWAY_STORE_BASIC,        /* basic-auth, by username */
    GATEWAY_STORE_JWT,          /* jwt, by key */
    GATEWAY_STORE_HMAC,         /* hmac-auth, by username */
    GATEWAY_STORE_KINDS
};


/* what stands before a name in its digest, besides the kinds */
#define GATEWAY_STORE_USERNAME  'U'
#define GATEWAY_STORE_CUSTOM    'X'


/* states of a credential */
enum {
    GATEWAY_STORE_ADDED = 0,
    GATEWAY_STORE_REVOKED,      /* of the file */
    GATEWAY_STORE_DROPPED       /* revoked, and no longer in the file */
};


/* what functions return; errors come with a text in store->error */
enum {
    GATEWAY_STORE_OK = 0,
    GATEWAY_STORE_NONE,         /* there is no such file, no such entry */
    GATEWAY_STORE_ERROR
};


typedef struct {
    const char        *data;
    size_t             len;
} gateway_store_text_t;


typedef struct {
    uint8_t            id[16];
    int64_t            created;     /* seconds */
    gateway_store_text_t  username;
    gateway_store_text_t  custom_id;
    gateway_store_text_t  tags;     /* lists: gateway_store_next() */
    gateway_store_text_t  acls;
    gateway_store_text_t  groups;
} gateway_store_consumer_t;


typedef struct {
    uint8_t            state;
    uint8_t            id[16];
    uint8_t            consumer[16];
    int64_t            created;
    int64_t            expires;     /* 0: never */
    gateway_store_text_t  name;     /* username or key; not of key-auth */
    gateway_store_text_t  algorithm;
    gateway_store_text_t  secret;   /* basic-auth: digest or hash; hmac-auth
                                       and HS256...: sealed; else PEM */
} gateway_store_credential_t;


typedef struct {
    uint64_t           consumers;
    uint64_t           added[GATEWAY_STORE_KINDS];
    uint64_t           revoked[GATEWAY_STORE_KINDS];
} gateway_store_counts_t;


typedef struct {
    MDB_env           *env;         /* NULL: not open */
    MDB_txn           *txn;
    MDB_dbi            dbi;
    dev_t              device;
    ino_t              inode;
    size_t             page;
    uint64_t           txnid;       /* of counts; 0: not read yet */
    gateway_store_counts_t  counts;
    unsigned char      check[GATEWAY_DIGEST_LEN];
    char               error[256];
} gateway_store_t;


/*
 * Opens the store in directory for reading.  To be called after fork(), once
 * at a time in a process.  The key is of GATEWAY_STORE_PURPOSE; it must live
 * until the call returns.  GATEWAY_STORE_NONE: the file is not there (yet).
 */
int gateway_store_open(gateway_store_t *store, const char *directory,
    const gateway_digest_key_t *key);
void gateway_store_close(gateway_store_t *store);

/*
 * Whether the file is still the one that is open, and whole; a few system
 * calls.  GATEWAY_STORE_NONE: it was removed or replaced, open it anew.
 */
int gateway_store_verify(gateway_store_t *store, const char *directory);

/*
 * Sees what was committed: refreshes counts when something was.  Costs some
 * dozens of instructions when nothing changed.
 */
int gateway_store_refresh(gateway_store_t *store);

/*
 * A snapshot for the calls below, which must be short: the texts that they
 * return lie in the file and are valid until gateway_store_end().
 */
int gateway_store_begin(gateway_store_t *store);
void gateway_store_end(gateway_store_t *store);

int gateway_store_find(gateway_store_t *store, unsigned kind,
    const unsigned char digest[GATEWAY_DIGEST_LEN],
    gateway_store_credential_t *credential);
int gateway_store_consumer(gateway_store_t *store, const uint8_t id[16],
    gateway_store_consumer_t *consumer);

/* by username (GATEWAY_STORE_USERNAME) or custom_id */
int gateway_store_consumer_by(gateway_store_t *store, unsigned char what,
    const gateway_digest_key_t *key, const char *name, size_t len,
    gateway_store_consumer_t *consumer);


/* the next text of a list; 0 at its end */
int gateway_store_next(gateway_store_text_t *list,
    gateway_store_text_t *text);

/* of a kind of credential, or of a consumer's name */
void gateway_store_name(const gateway_digest_key_t *key, unsigned char what,
    const char *name, size_t len, unsigned char digest[GATEWAY_DIGEST_LEN]);

/*
 * Secrets that workers need in clear, encrypted with AES-256-GCM for the
 * entry of this kind and digest.  out has room for len + GATEWAY_STORE_SEAL,
 * or len - GATEWAY_STORE_SEAL.  0, or -1: no randomness; damaged, or sealed
 * under another secret.
 */
int gateway_store_seal(const gateway_digest_key_t *key, unsigned kind,
    const unsigned char digest[GATEWAY_DIGEST_LEN], const char *secret,
    size_t len, unsigned char *out);
int gateway_store_unseal(const gateway_digest_key_t *key, unsigned kind,
    const unsigned char digest[GATEWAY_DIGEST_LEN],
    const unsigned char *sealed, size_t len, char *out);


/* records, for the one who writes them; 0, or -1: not of that form */
int gateway_store_read_consumer(gateway_store_consumer_t *consumer,
    const MDB_val *value);
int gateway_store_read_credential(gateway_store_credential_t *credential,
    const MDB_val *value);
int gateway_store_read_counts(gateway_store_t *store, const MDB_val *value,
    gateway_store_counts_t *counts);

/* the space a record takes, and the record; out has room */
size_t gateway_store_consumer_size(const gateway_store_consumer_t *consumer);
void gateway_store_write_consumer(unsigned char *out,
    const gateway_store_consumer_t *consumer);
size_t gateway_store_credential_size(
    const gateway_store_credential_t *credential);
void gateway_store_write_credential(unsigned char *out,
    const gateway_store_credential_t *credential);

#define GATEWAY_STORE_HEADER                                                  \
    (4 + GATEWAY_DIGEST_LEN + 8 * (1 + 2 * GATEWAY_STORE_KINDS))

void gateway_store_write_counts(unsigned char out[GATEWAY_STORE_HEADER],
    const gateway_store_t *store, const gateway_store_counts_t *counts);

/* what the header has to say about the secret */
void gateway_store_check(const gateway_digest_key_t *key,
    unsigned char check[GATEWAY_DIGEST_LEN]);


#endif /* _GATEWAY_STORE_H_INCLUDED_ */
