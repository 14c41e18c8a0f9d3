
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Signatures of tokens, RFC 7518 and RFC 8037.  All state is on the stack or
 * freed before the return; keys are only read.
 */


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_auth.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>


#define NGX_HTTP_GATEWAY_JWT_PS_SIZE  256

/* of two integers of 66 bytes */
#define NGX_HTTP_GATEWAY_JWT_DER_SIZE  160


static EVP_PKEY *ngx_http_gateway_jwt_read(ngx_str_t *pem);
static int ngx_http_gateway_jwt_no_password(char *buf, int size, int rwflag,
    void *data);
static ngx_uint_t ngx_http_gateway_jwt_fits(EVP_PKEY *key,
    const ngx_http_gateway_jwt_alg_t *alg);
static void ngx_http_gateway_jwt_free(void *data);
static size_t ngx_http_gateway_jwt_der(ngx_str_t *raw, u_char *der);


static const ngx_http_gateway_jwt_alg_t  ngx_http_gateway_jwt_algs[] = {
    { ngx_string("HS256"), NGX_HTTP_GATEWAY_JWT_HS, EVP_sha256, 0 },
    { ngx_string("HS384"), NGX_HTTP_GATEWAY_JWT_HS, EVP_sha384, 0 },
    { ngx_string("HS512"), NGX_HTTP_GATEWAY_JWT_HS, EVP_sha512, 0 },
    { ngx_string("RS256"), NGX_HTTP_GATEWAY_JWT_RS, EVP_sha256, 0 },
    { ngx_string("RS384"), NGX_HTTP_GATEWAY_JWT_RS, EVP_sha384, 0 },
    { ngx_string("RS512"), NGX_HTTP_GATEWAY_JWT_RS, EVP_sha512, 0 },
    { ngx_string("PS256"), NGX_HTTP_GATEWAY_JWT_PS, EVP_sha256,
      NGX_HTTP_GATEWAY_JWT_PS_SIZE },
    { ngx_string("PS384"), NGX_HTTP_GATEWAY_JWT_PS, EVP_sha384,
      NGX_HTTP_GATEWAY_JWT_PS_SIZE },
    { ngx_string("PS512"), NGX_HTTP_GATEWAY_JWT_PS, EVP_sha512,
      NGX_HTTP_GATEWAY_JWT_PS_SIZE },
    { ngx_string("ES256"), NGX_HTTP_GATEWAY_JWT_ES, EVP_sha256, 64 },
    { ngx_string("ES384"), NGX_HTTP_GATEWAY_JWT_ES, EVP_sha384, 96 },
    { ngx_string("ES512"), NGX_HTTP_GATEWAY_JWT_ES, EVP_sha512, 132 },
    { ngx_string("EdDSA"), NGX_HTTP_GATEWAY_JWT_ED, NULL, 0 },
    { ngx_null_string, NGX_HTTP_GATEWAY_JWT_HS, NULL, 0 }
};


const ngx_http_gateway_jwt_alg_t *
ngx_http_gateway_jwt_algorithm(const u_char *name, size_t len)
{
    const ngx_http_gateway_jwt_alg_t  *alg;

    for (alg = ngx_http_gateway_jwt_algs; alg->name.len; alg++) {
        if (alg->name.len == len && ngx_memcmp(alg->name.data, name, len) == 0)
        {
            return alg;
        }
    }

    return NULL;
}


EVP_PKEY *
ngx_http_gateway_jwt_key(ngx_pool_t *pool, ngx_str_t *pem,
    const ngx_http_gateway_jwt_alg_t *alg)
{
    EVP_PKEY            *key;
    ngx_pool_cleanup_t  *cln;

    key = ngx_http_gateway_jwt_read(pem);

    /* what failed before the right form was found */

    ERR_clear_error();

    if (key == NULL) {
        return NULL;
    }

    if (!ngx_http_gateway_jwt_fits(key, alg)) {
        EVP_PKEY_free(key);
        return NULL;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        EVP_PKEY_free(key);
        return NULL;
    }

    cln->handler = ngx_http_gateway_jwt_free;
    cln->data = key;

    return key;
}


static EVP_PKEY *
ngx_http_gateway_jwt_read(ngx_str_t *pem)
{
    BIO       *bio;
    EVP_PKEY  *key;

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return NULL;
    }

    key = PEM_read_bio_PUBKEY(bio, NULL, ngx_http_gateway_jwt_no_password,
                              NULL);

    if (key == NULL) {
        (void) BIO_reset(bio);
        key = PEM_read_bio_PrivateKey(bio, NULL,
                                      ngx_http_gateway_jwt_no_password, NULL);
    }

    BIO_free(bio);

    return key;
}


/* instead of asking at the terminal */

static int
ngx_http_gateway_jwt_no_password(char *buf, int size, int rwflag, void *data)
{
    return 0;
}


static ngx_uint_t
ngx_http_gateway_jwt_fits(EVP_PKEY *key, const ngx_http_gateway_jwt_alg_t *alg)
{
    int  bits;

    bits = EVP_PKEY_bits(key);

    switch (alg->family) {

    case NGX_HTTP_GATEWAY_JWT_RS:
    case NGX_HTTP_GATEWAY_JWT_PS:
        return EVP_PKEY_base_id(key) == EVP_PKEY_RSA;

    case NGX_HTTP_GATEWAY_JWT_ES:
        return EVP_PKEY_base_id(key) == EVP_PKEY_EC
               && bits == (alg->signature == 132 ? 521
                                                 : (int) alg->signature * 4);

    case NGX_HTTP_GATEWAY_JWT_ED:
        return EVP_PKEY_base_id(key) == EVP_PKEY_ED25519
               || EVP_PKEY_base_id(key) == EVP_PKEY_ED448;

    case NGX_HTTP_GATEWAY_JWT_HS:
        break;
    }

    return 0;
}


static void
ngx_http_gateway_jwt_free(void *data)
{
    EVP_PKEY_free(data);
}


ngx_uint_t
ngx_http_gateway_jwt_verify(const ngx_http_gateway_jwt_alg_t *alg,
    ngx_str_t *secret, EVP_PKEY *key, ngx_str_t *text, ngx_str_t *signature)
{
    int            ok;
    u_char         mac[EVP_MAX_MD_SIZE];
    u_char         der[NGX_HTTP_GATEWAY_JWT_DER_SIZE];
    ngx_str_t      expected, given;
    EVP_MD_CTX    *ctx;
    unsigned int   size;
    EVP_PKEY_CTX  *pctx;

    if (alg->family == NGX_HTTP_GATEWAY_JWT_HS) {

        if (HMAC(alg->md(), secret->data, (int) secret->len, text->data,
                 text->len, mac, &size)
            == NULL)
        {
            ERR_clear_error();
            return 0;
        }

        expected.data = mac;
        expected.len = size;

        return ngx_http_gateway_auth_equal(&expected, signature);
    }

    if (key == NULL
        || (alg->signature && signature->len != alg->signature))
    {
        return 0;
    }

    given = *signature;

    if (alg->family == NGX_HTTP_GATEWAY_JWT_ES) {
        given.len = ngx_http_gateway_jwt_der(signature, der);
        given.data = der;

        if (given.len == 0) {
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
                              key)
         == 1;

    if (ok && alg->family == NGX_HTTP_GATEWAY_JWT_PS) {
        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1;
    }

    ok = ok && EVP_DigestVerify(ctx, given.data, given.len, text->data,
                                text->len)
               == 1;

    EVP_MD_CTX_free(ctx);

    /* nginx would report what is left there at the next TLS error */

    ERR_clear_error();

    return ok ? 1 : 0;
}


/* r and s, one after the other, as the structure that OpenSSL takes */

static size_t
ngx_http_gateway_jwt_der(ngx_str_t *raw, u_char *der)
{
    int         half, len;
    u_char     *p;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    half = (int) (raw->len / 2);
    len = 0;

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(raw->data, half, NULL);
    s = BN_bin2bn(raw->data + half, half, NULL);

    if (sig == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);

    } else {
        len = i2d_ECDSA_SIG(sig, NULL);

        if (len > 0 && len <= NGX_HTTP_GATEWAY_JWT_DER_SIZE) {
            p = der;
            len = i2d_ECDSA_SIG(sig, &p);

        } else {
            len = 0;
        }
    }

    ECDSA_SIG_free(sig);

    return len > 0 ? (size_t) len : 0;
}
