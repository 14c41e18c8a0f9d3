
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The secret of the installation, and digests under it.  The file is read by
 * the process that reads the configuration; workers have it in memory.
 */


#include "ngx_http_gateway_digest.h"
#include "ngx_http_gateway_conf.h"

#include <openssl/rand.h>


typedef struct {
    ngx_http_gateway_memo_tag_t      tag;
    u_char                           digest[GATEWAY_DIGEST_LEN];
} ngx_http_gateway_memo_slot_t;

struct ngx_http_gateway_memo_s {
    gateway_digest_key_t             key;
    uint64_t                         secret[2];
    ngx_uint_t                       mask;
    ngx_http_gateway_memo_slot_t    *slots;
};


static ngx_int_t ngx_http_gateway_secret(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);
static void ngx_http_gateway_memo_part(uint64_t *v, const ngx_str_t *part);


char *
ngx_http_gateway_secret_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t *gmcf = conf;

    int         rc;
    size_t      len;
    ngx_str_t  *value, name;

    if (gmcf->secret_lasts) {
        return "is duplicate";
    }

    if (gmcf->secret.len) {
        return "has to stand before all credentials";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    gmcf->secret.data = ngx_pnalloc(cf->pool, GATEWAY_SECRET_MAX);
    if (gmcf->secret.data == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = gateway_secret_read((char *) name.data, (char *) gmcf->secret.data,
                             &len);

    if (rc > 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, rc,
                           "cannot read \"%V\" of \"gateway_secret_file\"",
                           &name);
        return NGX_CONF_ERROR;
    }

    if (rc != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"gateway_secret_file\" is no secret: "
                           "expected a file of %d to %d bytes", &name,
                           GATEWAY_SECRET_MIN, GATEWAY_SECRET_MAX);
        return NGX_CONF_ERROR;
    }

    gmcf->secret.len = len;
    gmcf->secret_lasts = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_secret(ngx_conf_t *cf, ngx_http_gateway_main_conf_t *gmcf)
{
    if (gmcf->secret.len) {
        return NGX_OK;
    }

    gmcf->secret.data = ngx_pnalloc(cf->pool, GATEWAY_DIGEST_LEN);
    if (gmcf->secret.data == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes(gmcf->secret.data, GATEWAY_DIGEST_LEN) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no random bytes for digests of credentials");
        return NGX_ERROR;
    }

    gmcf->secret.len = GATEWAY_DIGEST_LEN;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_digest_key(ngx_conf_t *cf, gateway_digest_key_t *key,
    const char *purpose)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (ngx_http_gateway_secret(cf, gmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    gateway_digest_key(key, gmcf->secret.data, gmcf->secret.len, purpose);

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_digest_is_lasting(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    return gmcf->secret_lasts;
}


ngx_http_gateway_memo_t *
ngx_http_gateway_memo_create(ngx_conf_t *cf, const char *purpose, ngx_uint_t n)
{
    ngx_http_gateway_memo_t  *memo;

    memo = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_memo_t));
    if (memo == NULL) {
        return NULL;
    }

    if (purpose
        && ngx_http_gateway_digest_key(cf, &memo->key, purpose) != NGX_OK)
    {
        return NULL;
    }

    memo->mask = n - 1;
    memo->slots = ngx_pcalloc(cf->pool,
                              n * sizeof(ngx_http_gateway_memo_slot_t));
    if (memo->slots == NULL) {
        return NULL;
    }

    if (RAND_bytes((u_char *) memo->secret, sizeof(memo->secret)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no random bytes for digests of credentials");
        return NULL;
    }

    return memo;
}


gateway_digest_key_t *
ngx_http_gateway_memo_key(ngx_http_gateway_memo_t *memo)
{
    return &memo->key;
}


static ngx_inline uint64_t
ngx_http_gateway_memo_rotl(uint64_t x, ngx_uint_t n)
{
    return x << n | x >> (64 - n);
}


static ngx_inline void
ngx_http_gateway_memo_round(uint64_t *v)
{
    v[0] += v[1];
    v[1] = ngx_http_gateway_memo_rotl(v[1], 13) ^ v[0];
    v[0] = ngx_http_gateway_memo_rotl(v[0], 32);

    v[2] += v[3];
    v[3] = ngx_http_gateway_memo_rotl(v[3], 16) ^ v[2];

    v[0] += v[3];
    v[3] = ngx_http_gateway_memo_rotl(v[3], 21) ^ v[0];

    v[2] += v[1];
    v[1] = ngx_http_gateway_memo_rotl(v[1], 17) ^ v[2];
    v[2] = ngx_http_gateway_memo_rotl(v[2], 32);
}


/*
 * SipHash by Aumasson and Bernstein, with 128 bits of output; each part is
 * closed as a message is.  The byte order of the machine will do.
 */

ngx_uint_t
ngx_http_gateway_memo_digest(ngx_http_gateway_memo_t *memo,
    const ngx_str_t *first, const ngx_str_t *second,
    ngx_http_gateway_memo_tag_t *tag, u_char digest[GATEWAY_DIGEST_LEN])
{
    uint64_t                       v[4];
    ngx_uint_t                     i;
    gateway_digest_t               hmac;
    ngx_http_gateway_memo_slot_t  *slot;

    v[0] = memo->secret[0] ^ 0x736f6d6570736575ULL;
    v[1] = memo->secret[1] ^ 0x646f72616e646f6dULL ^ 0xee;
    v[2] = memo->secret[0] ^ 0x6c7967656e657261ULL;
    v[3] = memo->secret[1] ^ 0x7465646279746573ULL;

    if (first) {
        ngx_http_gateway_memo_part(v, first);
    }

    ngx_http_gateway_memo_part(v, second);

    v[2] ^= 0xee;

    for (i = 0; i < 4; i++) {
        ngx_http_gateway_memo_round(v);
    }

    tag->part[0] = v[0] ^ v[1] ^ v[2] ^ v[3];

    v[1] ^= 0xdd;

    for (i = 0; i < 4; i++) {
        ngx_http_gateway_memo_round(v);
    }

    tag->part[1] = v[0] ^ v[1] ^ v[2] ^ v[3];

    slot = &memo->slots[tag->part[0] & memo->mask];

    if (slot->tag.part[0] == tag->part[0] && slot->tag.part[1] == tag->part[1])
    {
        ngx_memcpy(digest, slot->digest, GATEWAY_DIGEST_LEN);
        return 1;
    }

    gateway_digest_init(&hmac, &memo->key);

    if (first) {
        gateway_digest_update(&hmac, first->data, first->len);
    }

    gateway_digest_update(&hmac, second->data, second->len);
    gateway_digest_final(&hmac, digest);

    return 0;
}


static void
ngx_http_gateway_memo_part(uint64_t *v, const ngx_str_t *part)
{
    size_t    i;
    uint64_t  m;

    for (i = 0; i + 8 <= part->len; i += 8) {
        ngx_memcpy(&m, part->data + i, 8);

        v[3] ^= m;
        ngx_http_gateway_memo_round(v);
        ngx_http_gateway_memo_round(v);
        v[0] ^= m;
    }

    m = (uint64_t) part->len << 56;

    for ( /* void */ ; i < part->len; i++) {
        m |= (uint64_t) part->data[i] << (8 * (i & 7));
    }

    v[3] ^= m;
    ngx_http_gateway_memo_round(v);
    ngx_http_gateway_memo_round(v);
    v[0] ^= m;
}


void
ngx_http_gateway_memo_keep(ngx_http_gateway_memo_t *memo,
    const ngx_http_gateway_memo_tag_t *tag,
    const u_char digest[GATEWAY_DIGEST_LEN])
{
    ngx_http_gateway_memo_slot_t  *slot;

    slot = &memo->slots[tag->part[0] & memo->mask];

    slot->tag = *tag;
    ngx_memcpy(slot->digest, digest, GATEWAY_DIGEST_LEN);
}
