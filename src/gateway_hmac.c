
/*
 * Copyright (C) the ngx_gateway authors
 *
 * HMAC by OpenSSL's hash functions alone, which are deprecated there, but
 * neither allocate nor fail.
 */


/* before any header of OpenSSL */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "gateway_hmac.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>


typedef union {
    SHA_CTX          sha1;
    SHA256_CTX       sha256;
    SHA512_CTX       sha512;
} gateway_hmac_ctx_t;


static size_t gateway_hmac_block(gateway_hmac_e hash);
static void gateway_hmac_begin(gateway_hmac_e hash, gateway_hmac_ctx_t *ctx,
    const unsigned char *pad);
static void gateway_hmac_add(gateway_hmac_e hash, gateway_hmac_ctx_t *ctx,
    const void *data, size_t size);
static size_t gateway_hmac_end(gateway_hmac_e hash, gateway_hmac_ctx_t *ctx,
    unsigned char *out);


size_t
gateway_hmac(gateway_hmac_e hash, const void *key, size_t len,
    const void *data, size_t size, unsigned char out[GATEWAY_HMAC_MAX])
{
    size_t              i, n, block;
    unsigned char       pad[SHA512_CBLOCK];
    gateway_hmac_ctx_t  ctx;

    block = gateway_hmac_block(hash);
    memset(pad, 0, block);

    if (len > block) {
        gateway_hmac_begin(hash, &ctx, NULL);
        gateway_hmac_add(hash, &ctx, key, len);
        (void) gateway_hmac_end(hash, &ctx, pad);

    } else if (len) {
        memcpy(pad, key, len);
    }

    for (i = 0; i < block; i++) {
        pad[i] ^= 0x36;
    }

    gateway_hmac_begin(hash, &ctx, pad);
    gateway_hmac_add(hash, &ctx, data, size);
    n = gateway_hmac_end(hash, &ctx, out);

    for (i = 0; i < block; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }

    gateway_hmac_begin(hash, &ctx, pad);
    gateway_hmac_add(hash, &ctx, out, n);
    n = gateway_hmac_end(hash, &ctx, out);

    OPENSSL_cleanse(pad, sizeof(pad));
    OPENSSL_cleanse(&ctx, sizeof(ctx));

    return n;
}


static size_t
gateway_hmac_block(gateway_hmac_e hash)
{
    return hash == GATEWAY_HMAC_SHA1 || hash == GATEWAY_HMAC_SHA256
           ? SHA256_CBLOCK : SHA512_CBLOCK;
}


/* pad is a block, or NULL */

static void
gateway_hmac_begin(gateway_hmac_e hash, gateway_hmac_ctx_t *ctx,
    const unsigned char *pad)
{
    switch (hash) {

    case GATEWAY_HMAC_SHA1:
        (void) SHA1_Init(&ctx->sha1);
        break;

    case GATEWAY_HMAC_SHA256:
        (void) SHA256_Init(&ctx->sha256);
        break;

    case GATEWAY_HMAC_SHA384:
        (void) SHA384_Init(&ctx->sha512);
        break;

    case GATEWAY_HMAC_SHA512:
    default:
        (void) SHA512_Init(&ctx->sha512);
        break;
    }

    if (pad) {
        gateway_hmac_add(hash, ctx, pad, gateway_hmac_block(hash));
    }
}


static void
gateway_hmac_add(gateway_hmac_e hash, gateway_hmac_ctx_t *ctx,
    const void *data, size_t size)
{
    switch (hash) {

    case GATEWAY_HMAC_SHA1:
        (void) SHA1_Update(&ctx->sha1, data, size);
        break;

    case GATEWAY_HMAC_SHA256:
        (void) SHA256_Update(&ctx->sha256, data, size);
        break;

    case GATEWAY_HMAC_SHA384:
        (void) SHA384_Update(&ctx->sha512, data, size);
        break;

    case GATEWAY_HMAC_SHA512:
    default:
        (void) SHA512_Update(&ctx->sha512, data, size);
        break;
    }
}


static size_t
gateway_hmac_end(gateway_hmac_e hash, gateway_hmac_ctx_t *ctx,
    unsigned char *out)
{
    switch (hash) {

    case GATEWAY_HMAC_SHA1:
        (void) SHA1_Final(out, &ctx->sha1);
        return SHA_DIGEST_LENGTH;

    case GATEWAY_HMAC_SHA256:
        (void) SHA256_Final(out, &ctx->sha256);
        return SHA256_DIGEST_LENGTH;

    case GATEWAY_HMAC_SHA384:
        (void) SHA384_Final(out, &ctx->sha512);
        return SHA384_DIGEST_LENGTH;

    case GATEWAY_HMAC_SHA512:
    default:
        (void) SHA512_Final(out, &ctx->sha512);
        return SHA512_DIGEST_LENGTH;
    }
}
