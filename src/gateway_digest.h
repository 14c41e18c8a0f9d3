
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _GATEWAY_DIGEST_H_INCLUDED_
#define _GATEWAY_DIGEST_H_INCLUDED_


#include <stddef.h>
#include <openssl/sha.h>


/*
 * Digests that stand for credentials on disk and in memory: HMAC-SHA-256,
 * RFC 2104, under a secret of the installation.  In plain C: the tool writes
 * them, the module compares.
 *
 * Each purpose ("keyauth_credentials") has a key of its own, the HMAC of its
 * name under the secret, so a digest of one says nothing about another's.
 */

#define GATEWAY_DIGEST_LEN      32

/* of the secret, as bytes of its file */
#define GATEWAY_SECRET_MIN      32
#define GATEWAY_SECRET_MAX      4096

/* of the file that is made when there is none: hex digits and a newline */
#define GATEWAY_SECRET_TEXT     65


/* a key, absorbed: an HMAC costs two blocks from here */
typedef struct {
    SHA256_CTX       inner;
    SHA256_CTX       outer;
} gateway_digest_key_t;

typedef struct {
    SHA256_CTX       inner;
    SHA256_CTX       outer;
} gateway_digest_t;


/*
 * Reads a file into secret[GATEWAY_SECRET_MAX], newlines and blanks at its
 * end left out.  0; an error number; or -1: it is too short or too long, or
 * no regular file.
 */
int gateway_secret_read(const char *path, char *secret, size_t *len);

/* draws one: hex digits and a newline, not terminated; 0, or -1 */
int gateway_secret_make(char text[GATEWAY_SECRET_TEXT]);

/* the key of a purpose */
void gateway_digest_key(gateway_digest_key_t *key, const void *secret,
    size_t len, const char *purpose);

/* of data in parts; what is variable in length and not last needs a mark */
void gateway_digest_init(gateway_digest_t *digest,
    const gateway_digest_key_t *key);
void gateway_digest_update(gateway_digest_t *digest, const void *data,
    size_t len);
void gateway_digest_final(gateway_digest_t *digest,
    unsigned char out[GATEWAY_DIGEST_LEN]);

/* all of it at once */
void gateway_digest(const gateway_digest_key_t *key, const void *data,
    size_t len, unsigned char out[GATEWAY_DIGEST_LEN]);

/* lower-case hex digits, not terminated */
void gateway_digest_hex(char hex[2 * GATEWAY_DIGEST_LEN],
    const unsigned char digest[GATEWAY_DIGEST_LEN]);

/* back again; 0, or -1: not 64 hex digits */
int gateway_digest_parse(unsigned char digest[GATEWAY_DIGEST_LEN],
    const char *hex, size_t len);


#endif /* _GATEWAY_DIGEST_H_INCLUDED_ */
