
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _GATEWAY_COUNTS_H_INCLUDED_
#define _GATEWAY_COUNTS_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>

#include "gateway_digest.h"


/*
 * A file of counts: what a zone of counters holds, saved for the next start.
 * In plain C, so that it can be tried without nginx.
 *
 *   header | entries: digest, time, value
 *
 * Numbers are in the order of the machine.  Digests are keyed hashes of who
 * was counted; their key, drawn by the zone, is in the header, sealed: added
 * to an HMAC of a nonce under the secret of the installation.  Without that
 * secret the file says nothing about anybody, and cannot be changed: header
 * and entries are under HMACs, and the header says how many entries there
 * are, so nothing is believed that was not written by us.
 */

#define GATEWAY_COUNTS_VERSION  1

/* what the secret is used for */
#define GATEWAY_COUNTS_PURPOSE  "counts of limits"

#define GATEWAY_COUNTS_KEY      16      /* bytes of the zone's key */
#define GATEWAY_COUNTS_DIGEST   16
#define GATEWAY_COUNTS_ZONE     64      /* the longest name, and a zero */
#define GATEWAY_COUNTS_VALUE    1024    /* the longest value */

#define GATEWAY_COUNTS_BUFFER   32768

/* seconds that a clock may have been set back since a save */
#define GATEWAY_COUNTS_BACK     3600


typedef struct {
    char                   magic[8];
    uint32_t               order;       /* 0x01020304 */
    uint32_t               version;
    uint32_t               layout;      /* of values */
    uint32_t               value_size;
    uint64_t               n;           /* entries */
    int64_t                saved;       /* seconds since the epoch */
    char                   zone[GATEWAY_COUNTS_ZONE];
    unsigned char          nonce[16];
    unsigned char          sealed[GATEWAY_COUNTS_KEY];
    unsigned char          secret[16];  /* tells secrets apart */
    unsigned char          entries[GATEWAY_DIGEST_LEN]; /* HMAC of them */
    unsigned char          self[GATEWAY_DIGEST_LEN];    /* of the above */
} gateway_counts_header_t;

/* an entry, without its value */
typedef struct {
    unsigned char          digest[GATEWAY_COUNTS_DIGEST];
    uint32_t               expires;     /* seconds since the epoch */
    uint32_t               padding;     /* zero */
} gateway_counts_entry_t;


/* of what zone, with what in it */
typedef struct {
    char                   zone[GATEWAY_COUNTS_ZONE]; /* filled with zeros */
    uint32_t               layout;
    uint32_t               value_size;
} gateway_counts_kind_t;


typedef enum {
    GATEWAY_COUNTS_OK = 0,
    GATEWAY_COUNTS_DONE,                /* there are no more entries */
    GATEWAY_COUNTS_ERROR,               /* of the system: "error" */
    GATEWAY_COUNTS_OTHER,               /* it is no file of counts */
    GATEWAY_COUNTS_NEWER,               /* of another version or machine */
    GATEWAY_COUNTS_FOREIGN,             /* under another secret */
    GATEWAY_COUNTS_MISPLACED,           /* of another zone or layout */
    GATEWAY_COUNTS_FUTURE,              /* or the clock is wrong */
    GATEWAY_COUNTS_DAMAGED
} gateway_counts_rc_e;


/* a file that is read or written; the descriptor belongs to its user */
typedef struct {
    int                    fd;
    int                    error;       /* number, 0: none */
    gateway_counts_header_t  header;
    uint64_t               n;           /* entries still to be read */
    gateway_digest_key_t   key;
    gateway_digest_t       entries;
    size_t                 pos;         /* in the buffer */
    size_t                 len;
    unsigned char          buf[GATEWAY_COUNTS_BUFFER];
} gateway_counts_file_t;


/*
 * Begins to write at the start of an empty file; zone_key is that of the
 * digests.  OK or ERROR, also of the two below.
 */
gateway_counts_rc_e gateway_counts_create(gateway_counts_file_t *file, int fd,
    const gateway_counts_kind_t *kind, const gateway_digest_key_t *key,
    const unsigned char zone_key[GATEWAY_COUNTS_KEY], int64_t now);

/* value has the bytes that kind says */
gateway_counts_rc_e gateway_counts_write(gateway_counts_file_t *file,
    const gateway_counts_entry_t *entry, const void *value);

/* the header comes last: a file that was left half-way is none */
gateway_counts_rc_e gateway_counts_finish(gateway_counts_file_t *file);

/*
 * Looks at all of a file.  OK: its entries can be read, and zone_key is that
 * of their digests.
 */
gateway_counts_rc_e gateway_counts_open(gateway_counts_file_t *file, int fd,
    const gateway_counts_kind_t *kind, const gateway_digest_key_t *key,
    unsigned char zone_key[GATEWAY_COUNTS_KEY], int64_t now);

/* the next entry; OK, DONE, ERROR, or DAMAGED: it was changed meanwhile */
gateway_counts_rc_e gateway_counts_read(gateway_counts_file_t *file,
    gateway_counts_entry_t *entry, void *value);


#endif /* _GATEWAY_COUNTS_H_INCLUDED_ */
