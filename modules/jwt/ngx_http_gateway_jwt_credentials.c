
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Credentials of jwt: those of directives and those of the store, with their
 * keys and secrets ready for use.
 */


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_store.h"


/* keys of the store that a worker keeps */
#define NGX_HTTP_GATEWAY_JWT_KEPT      64


/* one of them; pem is its text */
typedef struct {
    ngx_str_t                           pem;
    EVP_PKEY                           *pkey;        /* NULL: it is none */
    u_char                              digest[GATEWAY_JOSE_DIGEST];
} ngx_http_gateway_jwt_kept_t;


static EVP_PKEY *ngx_http_gateway_jwt_stored_key(ngx_str_t *pem,
    const gateway_jose_alg_t *alg, u_char *digest);
static char *ngx_http_gateway_jwt_credential_key(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf,
    ngx_http_gateway_jwt_credential_t *credential);
static void ngx_http_gateway_jwt_free_key(void *data);
static ngx_int_t ngx_http_gateway_jwt_secret(ngx_pool_t *pool,
    ngx_http_gateway_jwt_credential_t *credential, ngx_uint_t plain,
    ngx_uint_t base64);
static void ngx_http_gateway_jwt_free_secret(void *data);


static ngx_http_gateway_named_param_t  ngx_http_gateway_jwt_fields[] = {

    { ngx_string("key="),
      offsetof(ngx_http_gateway_jwt_credential_t, key) },

    { ngx_string("secret="),
      offsetof(ngx_http_gateway_jwt_credential_t, secret) },

    { ngx_string("rsa_public_key="),
      offsetof(ngx_http_gateway_jwt_credential_t, pem) },

    { ngx_string("jwks_uri="),
      offsetof(ngx_http_gateway_jwt_credential_t, jwks_uri) },

    { ngx_string("jwks="),
      offsetof(ngx_http_gateway_jwt_credential_t, jwks) },

    { ngx_string("algorithm="),
      offsetof(ngx_http_gateway_jwt_credential_t, algorithm) },

    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_gateway_jwt_lookup(ngx_http_request_t *r,
    ngx_http_gateway_jwt_main_conf_t *jmcf, ngx_str_t *key,
    ngx_uint_t base64, ngx_http_gateway_jwt_credential_t **found)
{
    void                               *named;
    ngx_int_t                           rc;
    ngx_http_gateway_stored_t          *stored;
    ngx_http_gateway_jwt_credential_t  *credential;

    rc = ngx_http_gateway_store_named(r, GATEWAY_STORE_JWT, &jmcf->table, key,
                                      &named, &stored);

    *found = named;

    if (rc != NGX_OK || named) {
        return rc;
    }

    credential = ngx_pcalloc(r->pool,
                             sizeof(ngx_http_gateway_jwt_credential_t));
    if (credential == NULL) {
        return NGX_ERROR;
    }

    credential->named.credential = stored->credential;
    credential->alg = gateway_jose_alg((char *) stored->algorithm.data,
                                       stored->algorithm.len);

    if (credential->alg == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "jwt: credential \"%V\" in the store has an unknown "
                      "algorithm", &stored->credential.id);
        return NGX_ERROR;
    }

    *found = credential;

    if (credential->alg->family == GATEWAY_JOSE_HS) {
        credential->secret = stored->secret;

        return ngx_http_gateway_jwt_secret(r->pool, credential, !base64,
                                           base64);
    }

    /* without a key it is refused, as one of the configuration is */

    credential->pkey = ngx_http_gateway_jwt_stored_key(&stored->secret,
                                                       credential->alg,
                                                       credential->digest);

    return NGX_OK;
}


/*
 * Reading a key costs more than verifying a signature with it: a worker keeps
 * some of them, by their text.  The key lives until the next event.
 */

static EVP_PKEY *
ngx_http_gateway_jwt_stored_key(ngx_str_t *pem, const gateway_jose_alg_t *alg,
    u_char *digest)
{
    ngx_http_gateway_jwt_kept_t  *kept;

    static ngx_http_gateway_jwt_kept_t  keys[NGX_HTTP_GATEWAY_JWT_KEPT];

    kept = &keys[ngx_murmur_hash2(pem->data, pem->len)
                 % NGX_HTTP_GATEWAY_JWT_KEPT];

    if (kept->pem.len != pem->len
        || ngx_memcmp(kept->pem.data, pem->data, pem->len) != 0)
    {
        if (kept->pem.data) {
            EVP_PKEY_free(kept->pkey);
            ngx_free(kept->pem.data);
            kept->pkey = NULL;
        }

        kept->pem.len = 0;
        kept->pem.data = ngx_alloc(pem->len, ngx_cycle->log);
        if (kept->pem.data == NULL) {
            return NULL;
        }

        kept->pem.len = pem->len;
        ngx_memcpy(kept->pem.data, pem->data, pem->len);

        kept->pkey = gateway_jose_read_pem((char *) pem->data, pem->len);

        if (kept->pkey && gateway_jose_digest(kept->pkey, kept->digest) != 0) {
            EVP_PKEY_free(kept->pkey);
            kept->pkey = NULL;
        }
    }

    if (kept->pkey == NULL || !gateway_jose_fits(kept->pkey, alg)) {
        return NULL;
    }

    ngx_memcpy(digest, kept->digest, GATEWAY_JOSE_DIGEST);

    return kept->pkey;
}


char *
ngx_http_gateway_jwt_credential(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_main_conf_t  *jmcf = conf;

    char                               *rv;
    ngx_http_gateway_jwt_credential_t  *credential;

    credential = ngx_pcalloc(cf->pool,
                             sizeof(ngx_http_gateway_jwt_credential_t));
    if (credential == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_gateway_named_read(cf, ngx_http_gateway_jwt_fields,
                                     &credential->named);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (credential->key.len == 0) {
        return "has no key: write \"key=...\"";
    }

    rv = ngx_http_gateway_jwt_credential_key(cf, jmcf, credential);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    credential->named.credential.identifier = credential->key;

    return ngx_http_gateway_named_add(cf, &jmcf->table, "jwt_secrets",
                                      &credential->named);
}


static char *
ngx_http_gateway_jwt_credential_key(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf,
    ngx_http_gateway_jwt_credential_t *credential)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_gateway_jwt_source_t   source;

    if (credential->algorithm.data) {

        credential->alg = gateway_jose_alg((char *) credential->algorithm.data,
                                           credential->algorithm.len);
        if (credential->alg == NULL) {
            return "has an unknown \"algorithm\"";
        }
    }

    if (credential->jwks.len || credential->jwks_uri.len) {

        if ((credential->jwks.len && credential->jwks_uri.len)
            || credential->pem.len || credential->secret.len)
        {
            return "has several keys: write one of \"jwks=\", \"jwks_uri=\", "
                   "\"rsa_public_key=\" and \"secret=\"";
        }

        if (credential->alg && credential->alg->family == GATEWAY_JOSE_HS) {
            return "has an \"algorithm\" that does not work with public keys";
        }

        jmcf->asymmetric = 1;

        if (credential->jwks.len) {
            credential->set = ngx_http_gateway_jwt_add_keys(cf,
                                                           &credential->jwks);

        } else {
            source.uri = credential->jwks_uri;
            source.no_verify = 0;
            source.max_age = NGX_HTTP_GATEWAY_JWT_MAX_AGE;
            source.min_age = NGX_HTTP_GATEWAY_JWT_MIN_AGE;
            source.timeout = NGX_HTTP_GATEWAY_JWT_TIMEOUT;

            credential->set = ngx_http_gateway_jwt_add_set(cf, jmcf, &source);
        }

        return credential->set ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (credential->alg == NULL) {
        credential->alg = gateway_jose_alg("HS256", 5);
    }

    if (credential->alg->family == GATEWAY_JOSE_HS) {

        if (credential->secret.len == 0) {
            return "has no secret: write \"secret=...\"";
        }

        return ngx_http_gateway_jwt_secret(cf->pool, credential, 1, 1)
               == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    jmcf->asymmetric = 1;

    if (credential->pem.len == 0) {

        /* Kong takes such a credential, and refuses its tokens */

        if (credential->alg->family == GATEWAY_JOSE_ES) {
            return NGX_CONF_OK;
        }

        return "has no public key: write \"rsa_public_key=...\"";
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    credential->pkey = gateway_jose_read_pem((char *) credential->pem.data,
                                             credential->pem.len);

    cln->handler = ngx_http_gateway_jwt_free_key;
    cln->data = credential->pkey;

    if (credential->pkey == NULL
        || !gateway_jose_fits(credential->pkey, credential->alg)
        || gateway_jose_digest(credential->pkey, credential->digest) != 0)
    {
        return "has an invalid \"rsa_public_key\": expected a key in PEM "
               "that is of use for the algorithm";
    }

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_jwt_free_key(void *data)
{
    EVP_PKEY_free(data);
}


/*
 * Makes the secret ready, as it is and, or, from base64: either alphabet; what
 * is no base64 fits to no token.
 */

static ngx_int_t
ngx_http_gateway_jwt_secret(ngx_pool_t *pool,
    ngx_http_gateway_jwt_credential_t *credential, ngx_uint_t plain,
    ngx_uint_t base64)
{
    size_t               i;
    ngx_int_t            rc;
    ngx_str_t            text, src, decoded;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_jwt_free_secret;
    cln->data = credential;

    if (plain) {
        credential->mac = gateway_jose_secret(credential->alg,
                                              credential->secret.data,
                                              credential->secret.len);
        if (credential->mac == NULL) {
            return NGX_ERROR;
        }
    }

    if (!base64) {
        return NGX_OK;
    }

    text.len = credential->secret.len;
    text.data = ngx_pstrdup(pool, &credential->secret);
    decoded.data = ngx_pnalloc(pool, ngx_base64_decoded_length(text.len));

    if (text.data == NULL || decoded.data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '+') {
            text.data[i] = '-';

        } else if (text.data[i] == '/') {
            text.data[i] = '_';
        }
    }

    for (src = text; src.len && src.data[src.len - 1] == '='; src.len--) {
        /* void */
    }

    rc = NGX_OK;

    /* not as strictly as tokens: it is for whoever chose it to know */

    if (ngx_strlchr(src.data, src.data + src.len, '=') == NULL
        && ngx_decode_base64url(&decoded, &src) == NGX_OK && decoded.len)
    {
        credential->decoded = gateway_jose_secret(credential->alg,
                                                  decoded.data, decoded.len);

        ngx_explicit_memzero(decoded.data, decoded.len);

        if (credential->decoded == NULL) {
            rc = NGX_ERROR;
        }
    }

    ngx_explicit_memzero(text.data, text.len);

    return rc;
}


static void
ngx_http_gateway_jwt_free_secret(void *data)
{
    ngx_http_gateway_jwt_credential_t *credential = data;

    EVP_MAC_CTX_free(credential->mac);
    EVP_MAC_CTX_free(credential->decoded);
}
