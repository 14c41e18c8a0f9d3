
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Tokens, and their signatures.  All state is on the stack or freed before
 * the return; keys are only read.
 */


#include "gateway_jose.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>


/* of two integers of 66 bytes */
#define GATEWAY_JOSE_DER  160


static json_t *gateway_jose_json(const char *text, size_t len,
    unsigned char *buf);
static int gateway_jose_no_password(char *buf, int size, int rwflag,
    void *data);
static size_t gateway_jose_der(const unsigned char *raw, size_t len,
    unsigned char der[GATEWAY_JOSE_DER]);


static const gateway_jose_alg_t  gateway_jose_algs[] = {
    { "HS256", GATEWAY_JOSE_HS, EVP_sha256, 0, 0 },
    { "HS384", GATEWAY_JOSE_HS, EVP_sha384, 0, 0 },
    { "HS512", GATEWAY_JOSE_HS, EVP_sha512, 0, 0 },
    { "RS256", GATEWAY_JOSE_RS, EVP_sha256, 0, 0 },
    { "RS384", GATEWAY_JOSE_RS, EVP_sha384, 0, 0 },
    { "RS512", GATEWAY_JOSE_RS, EVP_sha512, 0, 0 },
    { "PS256", GATEWAY_JOSE_PS, EVP_sha256, 0, 0 },
    { "PS384", GATEWAY_JOSE_PS, EVP_sha384, 0, 0 },
    { "PS512", GATEWAY_JOSE_PS, EVP_sha512, 0, 0 },
    { "ES256", GATEWAY_JOSE_ES, EVP_sha256, 256, 64 },
    { "ES384", GATEWAY_JOSE_ES, EVP_sha384, 384, 96 },
    { "ES512", GATEWAY_JOSE_ES, EVP_sha512, 521, 132 },
    { "EdDSA", GATEWAY_JOSE_ED, NULL, 0, 0 },
    { NULL, GATEWAY_JOSE_HS, NULL, 0, 0 }
};


const gateway_jose_alg_t *
gateway_jose_alg(const char *name, size_t len)
{
    const gateway_jose_alg_t  *alg;

    for (alg = gateway_jose_algs; alg->name != NULL; alg++) {
        if (strlen(alg->name) == len && memcmp(alg->name, name, len) == 0) {
            return alg;
        }
    }

    return NULL;
}


int
gateway_jose_decode(unsigned char *dst, size_t *dst_len, const char *src,
    size_t len, int *loose)
{
    size_t               i, n, padding;
    uint32_t             bits, spare;
    const unsigned char  *p;

    /* the value and 1, or 0 */
    static const unsigned char  values[256] = {
        ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
        ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
        ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17,
        ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
        ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
        ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
        ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,
        ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
        ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47,
        ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
        ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,
        ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
        ['-'] = 63, ['_'] = 64,
    };

    spare = 0;
    padding = 0;

    while (len > 0 && src[len - 1] == '=' && padding < 2) {
        len--;
        padding++;
    }

    if (len % 4 == 1 || (padding != 0 && (len + padding) % 4 != 0)) {
        return -1;
    }

    p = (const unsigned char *) src;
    bits = 0;
    n = 0;

    for (i = 0; i < len; i++) {

        if (values[p[i]] == 0) {
            return -1;
        }

        bits = bits << 6 | (uint32_t) (values[p[i]] - 1);

        if (i % 4 == 3) {
            dst[n++] = (unsigned char) (bits >> 16);
            dst[n++] = (unsigned char) (bits >> 8);
            dst[n++] = (unsigned char) bits;
            bits = 0;
        }
    }

    if (len % 4 == 2) {

        spare = bits & 0x0f;
        dst[n++] = (unsigned char) (bits >> 4);

    } else if (len % 4 == 3) {

        spare = bits & 0x03;
        dst[n++] = (unsigned char) (bits >> 10);
        dst[n++] = (unsigned char) (bits >> 2);
    }

    *dst_len = n;
    *loose = spare != 0;

    return 0;
}


gateway_jose_error_e
gateway_jose_parse(gateway_jose_token_t *token, const char *text, size_t len,
    unsigned char *buf)
{
    int          loose;
    json_t      *alg;
    const char  *claims, *signature;

    memset(token, 0, sizeof(gateway_jose_token_t));

    token->text = text;

    if (len > GATEWAY_JOSE_TOKEN) {
        return GATEWAY_JOSE_BAD_JSON;
    }

    claims = memchr(text, '.', len);
    if (claims == NULL) {
        return GATEWAY_JOSE_BAD_JSON;
    }

    claims++;

    signature = memchr(claims, '.', (size_t) (text + len - claims));
    if (signature == NULL) {
        return GATEWAY_JOSE_BAD_JSON;
    }

    token->signed_len = (size_t) (signature - text);

    signature++;

    token->header = gateway_jose_json(text, (size_t) (claims - 1 - text), buf);
    if (token->header == NULL) {
        return GATEWAY_JOSE_BAD_JSON;
    }

    token->claims = gateway_jose_json(claims,
                                      (size_t) (signature - 1 - claims), buf);
    if (token->claims == NULL) {
        return GATEWAY_JOSE_BAD_JSON;
    }

    alg = json_object_get(token->header, "alg");

    if (json_is_string(alg)) {
        token->alg = gateway_jose_alg(json_string_value(alg),
                                      json_string_length(alg));
    }

    if (token->alg == NULL) {
        return GATEWAY_JOSE_BAD_ALG;
    }

    if (!json_is_object(token->claims) && !json_is_array(token->claims)) {
        return GATEWAY_JOSE_BAD_CLAIMS;
    }

    if (gateway_jose_decode(buf, &token->signature_len, signature,
                            (size_t) (text + len - signature), &loose)
        != 0)
    {
        return GATEWAY_JOSE_BAD_SIGNATURE;
    }

    /* one signature has one text: the others are of no token */

    if (loose) {
        token->signature_len = 0;
    }

    token->signature = buf;

    return GATEWAY_JOSE_OK;
}


void
gateway_jose_free_token(gateway_jose_token_t *token)
{
    json_decref(token->header);
    json_decref(token->claims);

    token->header = NULL;
    token->claims = NULL;
}


/* one JSON value; all numbers are read as doubles: none is too long */

static json_t *
gateway_jose_json(const char *text, size_t len, unsigned char *buf)
{
    int           loose;
    size_t        n;
    json_error_t  error;

    /* it is signed as it is written, however that may be */

    if (gateway_jose_decode(buf, &n, text, len, &loose) != 0) {
        return NULL;
    }

    return json_loadb((const char *) buf, n,
                      JSON_REJECT_DUPLICATES|JSON_DECODE_ANY
                      |JSON_DECODE_INT_AS_REAL, &error);
}


EVP_PKEY *
gateway_jose_read_pem(const char *pem, size_t len)
{
    BIO       *bio;
    EVP_PKEY  *pkey;

    if (len > INT_MAX) {
        return NULL;
    }

    bio = BIO_new_mem_buf(pem, (int) len);
    if (bio == NULL) {
        return NULL;
    }

    pkey = PEM_read_bio_PUBKEY(bio, NULL, gateway_jose_no_password, NULL);

    if (pkey == NULL) {
        (void) BIO_reset(bio);
        pkey = PEM_read_bio_PrivateKey(bio, NULL, gateway_jose_no_password,
                                       NULL);
    }

    BIO_free(bio);

    /* what failed before the right form was found */

    ERR_clear_error();

    return pkey;
}


/* instead of asking at the terminal */

static int
gateway_jose_no_password(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return 0;
}


int
gateway_jose_fits(EVP_PKEY *pkey, const gateway_jose_alg_t *alg)
{
    switch (alg->family) {

    case GATEWAY_JOSE_RS:
    case GATEWAY_JOSE_PS:
        return EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA;

    case GATEWAY_JOSE_ES:
        return EVP_PKEY_base_id(pkey) == EVP_PKEY_EC
               && EVP_PKEY_bits(pkey) == alg->bits;

    case GATEWAY_JOSE_ED:
        return EVP_PKEY_base_id(pkey) == EVP_PKEY_ED25519
               || EVP_PKEY_base_id(pkey) == EVP_PKEY_ED448;

    case GATEWAY_JOSE_HS:
        break;
    }

    return 0;
}


int
gateway_jose_digest(EVP_PKEY *pkey, unsigned char digest[GATEWAY_JOSE_DIGEST])
{
    int             len;
    unsigned char  *der;

    der = NULL;
    len = i2d_PUBKEY(pkey, &der);

    if (len <= 0) {
        ERR_clear_error();
        return -1;
    }

    SHA256(der, (size_t) len, digest);
    OPENSSL_free(der);

    return 0;
}


EVP_MAC_CTX *
gateway_jose_secret(const gateway_jose_alg_t *alg,
    const unsigned char *secret, size_t len)
{
    char          digest[] = "SHA256";
    EVP_MAC      *mac;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *ctx;

    if (alg->family != GATEWAY_JOSE_HS) {
        return NULL;
    }

    memcpy(digest + 3, alg->name + 2, 3);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
                                                 0);
    params[1] = OSSL_PARAM_construct_end();

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ctx = EVP_MAC_CTX_new(mac);

    if (ctx != NULL && EVP_MAC_init(ctx, secret, len, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }

    EVP_MAC_free(mac);
    ERR_clear_error();

    return ctx;
}


int
gateway_jose_verify_secret(EVP_MAC_CTX *secret, const char *text, size_t len,
    const unsigned char *signature, size_t signature_len)
{
    size_t         size;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    /* from the beginning, with the key that it has */

    if (EVP_MAC_init(secret, NULL, 0, NULL) != 1
        || EVP_MAC_update(secret, (const unsigned char *) text, len) != 1
        || EVP_MAC_final(secret, mac, &size, sizeof(mac)) != 1)
    {
        ERR_clear_error();
        return 0;
    }

    return signature_len == size
           && CRYPTO_memcmp(mac, signature, signature_len) == 0;
}


int
gateway_jose_verify(const gateway_jose_alg_t *alg, EVP_PKEY *pkey,
    const char *text, size_t len, const unsigned char *signature,
    size_t signature_len)
{
    int             ok;
    EVP_MD_CTX     *ctx;
    EVP_PKEY_CTX   *pctx;
    unsigned char   der[GATEWAY_JOSE_DER];

    if (alg->signature != 0 && signature_len != alg->signature) {
        return 0;
    }

    if (alg->family == GATEWAY_JOSE_ES) {

        signature_len = gateway_jose_der(signature, signature_len, der);
        signature = der;

        if (signature_len == 0) {
            ERR_clear_error();
            return 0;
        }
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        ERR_clear_error();
        return 0;
    }

    ok = EVP_DigestVerifyInit(ctx, &pctx, alg->md ? alg->md() : NULL, NULL,
                              pkey)
         == 1;

    if (ok && alg->family == GATEWAY_JOSE_PS) {

        /* of the salt any length is taken, as in Kong */

        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1;
    }

    ok = ok && EVP_DigestVerify(ctx, signature, signature_len,
                                (const unsigned char *) text, len)
               == 1;

    EVP_MD_CTX_free(ctx);

    /* nginx would report what is left there at the next TLS error */

    ERR_clear_error();

    return ok ? 1 : 0;
}


/* r and s, one after the other, as the structure that OpenSSL takes */

static size_t
gateway_jose_der(const unsigned char *raw, size_t len,
    unsigned char der[GATEWAY_JOSE_DER])
{
    int             half, size;
    BIGNUM         *r, *s;
    ECDSA_SIG      *sig;
    unsigned char  *p;

    half = (int) (len / 2);
    size = 0;

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(raw, half, NULL);
    s = BN_bin2bn(raw + half, half, NULL);

    if (sig == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);

    } else {
        size = i2d_ECDSA_SIG(sig, NULL);

        if (size > 0 && size <= GATEWAY_JOSE_DER) {
            p = der;
            size = i2d_ECDSA_SIG(sig, &p);

        } else {
            size = 0;
        }
    }

    ECDSA_SIG_free(sig);

    return size > 0 ? (size_t) size : 0;
}
