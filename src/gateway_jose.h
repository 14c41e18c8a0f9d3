
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Signed tokens and public keys as bytes: RFC 7515 (compact form), 7517,
 * 7518, 8037.  Plain C, for the nginx modules, the tool and the fuzzer.
 */


#ifndef _GATEWAY_JOSE_H_INCLUDED_
#define _GATEWAY_JOSE_H_INCLUDED_


#include <stddef.h>

#include <jansson.h>
#include <openssl/evp.h>


/* longer tokens are refused before they are decoded */
#define GATEWAY_JOSE_TOKEN   16384

/* of a set: bytes of its JSON, keys, and bytes of a key's id */
#define GATEWAY_JOSE_SET     262144
#define GATEWAY_JOSE_KEYS    128
#define GATEWAY_JOSE_KID     1024

/* SHA-256 of a key */
#define GATEWAY_JOSE_DIGEST  32


typedef enum {
    GATEWAY_JOSE_HS = 0,
    GATEWAY_JOSE_RS,
    GATEWAY_JOSE_PS,
    GATEWAY_JOSE_ES,
    GATEWAY_JOSE_ED
} gateway_jose_family_e;

typedef struct {
    const char              *name;       /* "HS256" */
    gateway_jose_family_e    family;
    const EVP_MD          *(*md)(void);  /* NULL: of the key itself */
    int                      bits;       /* ES: of the curve */
    size_t                   signature;  /* ES: its only size; else 0 */
} gateway_jose_alg_t;


typedef enum {
    GATEWAY_JOSE_OK = 0,
    GATEWAY_JOSE_BAD_JSON,
    GATEWAY_JOSE_BAD_ALG,
    GATEWAY_JOSE_BAD_CLAIMS,
    GATEWAY_JOSE_BAD_SIGNATURE
} gateway_jose_error_e;

/* a token in its parts */
typedef struct {
    const char                *text;
    size_t                     signed_len; /* of the text that is signed */
    const gateway_jose_alg_t  *alg;
    json_t                    *header;
    json_t                    *claims;     /* an object or an array */
    unsigned char             *signature;  /* in the buffer */
    size_t                     signature_len;
} gateway_jose_token_t;


/* a public key */
typedef struct {
    char                      *kid;        /* "" if it has none */
    size_t                     kid_len;
    const gateway_jose_alg_t  *alg;        /* the only one; NULL: any */
    EVP_PKEY                  *pkey;
    unsigned char              digest[GATEWAY_JOSE_DIGEST];
} gateway_jose_key_t;

typedef struct {
    gateway_jose_key_t         keys[GATEWAY_JOSE_KEYS];
    size_t                     n;
    size_t                     skipped;    /* keys of no use here */
    char                       problem[128]; /* the first one that is broken,
                                                or "" */
} gateway_jose_keys_t;


typedef enum {
    GATEWAY_JOSE_FOUND = 0,
    GATEWAY_JOSE_UNKNOWN,      /* no key of that id */
    GATEWAY_JOSE_MISFIT,       /* one, but not for the algorithm */
    GATEWAY_JOSE_AMBIGUOUS     /* no id, and several keys that fit */
} gateway_jose_find_e;


/* NULL for all that is not supported, "none" among it */
const gateway_jose_alg_t *gateway_jose_alg(const char *name, size_t len);

/*
 * base64url, padding or not; refused are other characters and lengths that no
 * text has.  dst takes 3 bytes for 4 characters.  loose: bits are set that say
 * nothing, so that other texts mean the same.  0, or -1.
 */
int gateway_jose_decode(unsigned char *dst, size_t *dst_len, const char *src,
    size_t len, int *loose);

/*
 * Reads a token; buf is as large as the text, which has to stay.  Members
 * given twice are refused: one could mean one thing here and another in the
 * upstream.  Whatever it returns, gateway_jose_free_token() is due.
 */
gateway_jose_error_e gateway_jose_parse(gateway_jose_token_t *token,
    const char *text, size_t len, unsigned char *buf);
void gateway_jose_free_token(gateway_jose_token_t *token);

/*
 * A public key in PEM, or the public half of a private one; to be freed.
 * NULL if it cannot be read.
 */
EVP_PKEY *gateway_jose_read_pem(const char *pem, size_t len);

/* 1 if the algorithm works with keys of this kind and size */
int gateway_jose_fits(EVP_PKEY *pkey, const gateway_jose_alg_t *alg);

/* 0, or -1 on failure */
int gateway_jose_digest(EVP_PKEY *pkey,
    unsigned char digest[GATEWAY_JOSE_DIGEST]);

/*
 * A JWK Set (or one JWK).  Keys that are for encryption, symmetric, or of
 * kinds that we do not know are left out, as RFC 7517 asks; broken ones and
 * private ones too, and problem says so.  NULL when it is no set, or has no
 * key that is left; why then says why.
 */
gateway_jose_keys_t *gateway_jose_read_keys(const char *json, size_t len,
    char *why, size_t why_size);
void gateway_jose_free_keys(gateway_jose_keys_t *keys);

/* the key for a token; kid NULL: the only one that fits the algorithm */
gateway_jose_find_e gateway_jose_find(const gateway_jose_keys_t *keys,
    const char *kid, size_t kid_len, const gateway_jose_alg_t *alg,
    const gateway_jose_key_t **found);

/* a secret for HS*, made ready once; to be freed.  NULL on failure */
EVP_MAC_CTX *gateway_jose_secret(const gateway_jose_alg_t *alg,
    const unsigned char *secret, size_t len);

/* 1 if the signature under the secret is right; constant in time */
int gateway_jose_verify_secret(EVP_MAC_CTX *secret, const char *text,
    size_t len, const unsigned char *signature, size_t signature_len);

/* the same for the others; the key has to fit */
int gateway_jose_verify(const gateway_jose_alg_t *alg, EVP_PKEY *pkey,
    const char *text, size_t len, const unsigned char *signature,
    size_t signature_len);


#endif /* _GATEWAY_JOSE_H_INCLUDED_ */
