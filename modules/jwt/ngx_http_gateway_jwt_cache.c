
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Signatures that were verified before, in shared memory.  An entry says that
 * this token, byte for byte, was signed with this key; everything else is
 * looked at for each request: whether the key is still one of the issuer's or
 * of a credential, and the claims with their times.  So entries never have to
 * be taken back: a revoked credential or a key that was replaced is not
 * asked for any more, and what nobody asks for gives way to others.
 */


#include "ngx_http_gateway_jwt.h"


/* 4m hold about 30,000 */
#define NGX_HTTP_GATEWAY_JWT_CACHE  (4 * 1024 * 1024)

/* of the entries */
#define NGX_HTTP_GATEWAY_JWT_LAYOUT  0x4a570001

/* seconds without a use, after which an entry gives way first */
#define NGX_HTTP_GATEWAY_JWT_KEEP   3600


typedef struct {
    u_char  key[GATEWAY_JOSE_DIGEST];
    u_char  token[GATEWAY_JOSE_DIGEST];
} ngx_http_gateway_jwt_node_t;


static ngx_int_t ngx_http_gateway_jwt_cache_hash(
    ngx_http_gateway_jwt_main_conf_t *jmcf, const u_char *key,
    ngx_str_t *text, ngx_http_gateway_jwt_node_t *node,
    ngx_http_gateway_digest_t *digest);
static void ngx_http_gateway_jwt_cache_free(void *data);


ngx_int_t
ngx_http_gateway_jwt_init_cache(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_pool_cleanup_t  *cln;

    static ngx_str_t  name = ngx_string("gateway_jwt_cache");

    if (!jmcf->asymmetric) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_jwt_cache_free;
    cln->data = jmcf;

    /* fetched once: OpenSSL looks for an algorithm longer than it hashes */

    jmcf->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    jmcf->md = EVP_MD_CTX_new();

    if (jmcf->sha256 == NULL || jmcf->md == NULL) {
        return NGX_ERROR;
    }

    if (jmcf->caches == 0) {
        return NGX_OK;
    }

    jmcf->cache = ngx_http_gateway_shm_add(cf, &name,
                                           jmcf->cache_size
                                           ? jmcf->cache_size
                                           : NGX_HTTP_GATEWAY_JWT_CACHE,
                                           sizeof(ngx_http_gateway_jwt_node_t),
                                           NGX_HTTP_GATEWAY_JWT_LAYOUT,
                                           &ngx_http_gateway_jwt_module);

    return jmcf->cache ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_http_gateway_jwt_verified(ngx_http_gateway_jwt_main_conf_t *jmcf,
    EVP_PKEY *pkey, const u_char *key, ngx_str_t *text,
    gateway_jose_token_t *token)
{
    ngx_int_t                      rc;
    ngx_uint_t                     found;
    ngx_http_gateway_digest_t      digest;
    ngx_http_gateway_jwt_node_t    node;
    ngx_http_gateway_shm_entry_t   entry;

    rc = NGX_ERROR;

    if (jmcf->cache) {
        rc = ngx_http_gateway_jwt_cache_hash(jmcf, key, text, &node, &digest);
    }

    if (rc == NGX_OK
        && ngx_http_gateway_shm_find(jmcf->cache, &digest, &entry) == NGX_OK)
    {
        found = ngx_memcmp(entry.value, &node,
                           sizeof(ngx_http_gateway_jwt_node_t))
                == 0;

        ngx_http_gateway_shm_release(&entry);

        if (found) {
            return 1;
        }
    }

    if (!gateway_jose_verify(token->alg, pkey, token->text, token->signed_len,
                             token->signature, token->signature_len))
    {
        return 0;
    }

    if (rc == NGX_OK
        && ngx_http_gateway_shm_acquire(jmcf->cache, &digest,
                                        NGX_HTTP_GATEWAY_JWT_KEEP, &entry)
           == NGX_OK)
    {
        ngx_memcpy(entry.value, &node, sizeof(ngx_http_gateway_jwt_node_t));
        ngx_http_gateway_shm_release(&entry);
    }

    return 1;
}


/* of the key and of the token, whose header names the algorithm */

static ngx_int_t
ngx_http_gateway_jwt_cache_hash(ngx_http_gateway_jwt_main_conf_t *jmcf,
    const u_char *key, ngx_str_t *text, ngx_http_gateway_jwt_node_t *node,
    ngx_http_gateway_digest_t *digest)
{
    ngx_http_gateway_hash_t  hash;

    ngx_memcpy(node->key, key, GATEWAY_JOSE_DIGEST);

    if (ngx_http_gateway_jwt_digest(jmcf, text, 1, node->token) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_hash_init(jmcf->cache, &hash);
    ngx_http_gateway_hash_part(&hash, node,
                               sizeof(ngx_http_gateway_jwt_node_t));
    ngx_http_gateway_hash_final(&hash, digest);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_jwt_digest(ngx_http_gateway_jwt_main_conf_t *jmcf,
    ngx_str_t *parts, ngx_uint_t n, u_char digest[GATEWAY_JOSE_DIGEST])
{
    ngx_uint_t  i;

    if (EVP_DigestInit_ex2(jmcf->md, jmcf->sha256, NULL) != 1) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (EVP_DigestUpdate(jmcf->md, parts[i].data, parts[i].len) != 1) {
            return NGX_ERROR;
        }
    }

    return EVP_DigestFinal_ex(jmcf->md, digest, NULL) == 1 ? NGX_OK
                                                           : NGX_ERROR;
}


static void
ngx_http_gateway_jwt_cache_free(void *data)
{
    ngx_http_gateway_jwt_main_conf_t *jmcf = data;

    EVP_MD_CTX_free(jmcf->md);
    EVP_MD_free(jmcf->sha256);
}
