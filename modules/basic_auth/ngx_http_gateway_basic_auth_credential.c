
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Usernames and passwords as they stand in the configuration.
 */


#include "ngx_http_gateway_basic_auth.h"
#include "ngx_http_gateway_store.h"

#include <ngx_sha1.h>

#if (NGX_THREADS)
#include <crypt.h>
#include <openssl/rand.h>
#endif


static char *ngx_http_gateway_basic_auth_form(ngx_conf_t *cf,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential);
static char *ngx_http_gateway_basic_auth_form_hash(ngx_conf_t *cf,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential);
static ngx_int_t ngx_http_gateway_basic_auth_stored(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf, ngx_str_t *secret,
    ngx_http_gateway_basic_auth_credential_t *credential);
static ngx_int_t ngx_http_gateway_basic_auth_hex(u_char *bytes,
    ngx_str_t *hex, size_t len);


static ngx_http_gateway_named_param_t
    ngx_http_gateway_basic_auth_fields[] = {

    { ngx_string("username="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, username) },

    { ngx_string("password="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, password) },

    { ngx_string("password_digest="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, digest) },

    { ngx_string("password_sha1="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, sha1) },

    { ngx_string("password_hash="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, hash) },

    { ngx_null_string, 0 }
};


char *
ngx_http_gateway_basic_auth_credential(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf = conf;

    char                                      *rv;
    ngx_http_gateway_basic_auth_credential_t  *credential;

    credential = ngx_pcalloc(cf->pool,
                             sizeof(ngx_http_gateway_basic_auth_credential_t));
    if (credential == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_gateway_named_read(cf, ngx_http_gateway_basic_auth_fields,
                                     &credential->named);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (credential->username.len == 0) {
        return "has no username: write \"username=...\"";
    }

    if ((credential->password.data != NULL)
        + (credential->digest.data != NULL)
        + (credential->sha1.data != NULL)
        + (credential->hash.data != NULL)
        != 1)
    {
        return "needs one of \"password=\", \"password_hash=\", "
               "\"password_digest=\" and \"password_sha1=\"";
    }

    if (bamcf->digests == NULL) {
        bamcf->digests = ngx_http_gateway_memo_create(cf,
                                            "basicauth_credentials",
                                            NGX_HTTP_GATEWAY_BASIC_AUTH_MEMO);
        if (bamcf->digests == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    /* the id is a part of digests: it is known where they are made */

    if (credential->digest.data && credential->named.credential.id.len == 0) {
        return "has a \"password_digest\" without \"id\", which is a part of "
               "it";
    }

    credential->named.credential.identifier = credential->username;

    rv = ngx_http_gateway_named_add(cf, &bamcf->table,
                                    "basicauth_credentials",
                                    &credential->named);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_gateway_basic_auth_form(cf, bamcf, credential);
}


static char *
ngx_http_gateway_basic_auth_form(ngx_conf_t *cf,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential)
{
    ngx_str_t         *password, *id;
    gateway_digest_t   digest;

    if (credential->password.data) {
        password = &credential->password;
        id = &credential->named.credential.id;

        gateway_digest_init(&digest,
                            ngx_http_gateway_memo_key(bamcf->digests));
        gateway_digest_update(&digest, id->data, id->len);
        gateway_digest_update(&digest, password->data, password->len);
        gateway_digest_final(&digest, credential->bytes);

        ngx_explicit_memzero(password->data, password->len);
        ngx_str_null(password);

        return NGX_CONF_OK;
    }

    if (credential->digest.data) {

        if (!ngx_http_gateway_digest_is_lasting(cf)) {
            return "has a \"password_digest\", which needs "
                   "\"gateway_secret_file\" before it";
        }

        return ngx_http_gateway_basic_auth_hex(credential->bytes,
                                               &credential->digest,
                                               GATEWAY_DIGEST_LEN)
               == NGX_OK
               ? NGX_CONF_OK : "has an invalid \"password_digest\": expected "
                               "64 hex digits";
    }

    if (credential->sha1.data) {
        credential->form = NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1;

        return ngx_http_gateway_basic_auth_hex(credential->bytes,
                                        &credential->sha1,
                                        NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1_LEN)
               == NGX_OK
               ? NGX_CONF_OK : "has an invalid \"password_sha1\": expected "
                               "40 hex digits";
    }

    return ngx_http_gateway_basic_auth_form_hash(cf, bamcf, credential);
}


static char *
ngx_http_gateway_basic_auth_form_hash(ngx_conf_t *cf,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential)
{
#if (NGX_THREADS)

    u_char      *p;
    ngx_str_t   *hash, *id;
    const char  *why;

    hash = &credential->hash;
    id = &credential->named.credential.id;

    credential->form = NGX_HTTP_GATEWAY_BASIC_AUTH_HASH;
    credential->kind = gateway_password_kind((char *) hash->data, hash->len,
                                             &why);

    if (credential->kind == GATEWAY_PASSWORD_UNKNOWN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"password_hash\" of username \"%V\": %s",
                           &credential->username, why);
        return NGX_CONF_ERROR;
    }

    /* libxcrypt may have been built without it */

    if (credential->kind != GATEWAY_PASSWORD_ARGON2ID
        && (crypt_checksalt((char *) hash->data) == CRYPT_SALT_INVALID
            || crypt_checksalt((char *) hash->data)
               == CRYPT_SALT_METHOD_DISABLED))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"password_hash\" of username \"%V\" is of a kind "
                           "that crypt() of this system does not know",
                           &credential->username);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_basic_auth_hashes(cf, bamcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->temp_pool, id->len + hash->len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(ngx_cpymem(p, id->data, id->len), hash->data, hash->len);

    (void) SHA256(p, id->len + hash->len, credential->bytes);

    return NGX_CONF_OK;

#else

    return "has a \"password_hash\", which needs an nginx that was built with "
           "threads (--with-threads)";

#endif
}


#if (NGX_THREADS)

ngx_int_t
ngx_http_gateway_basic_auth_hashes(ngx_conf_t *cf,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf)
{
    if (bamcf->names) {
        return NGX_OK;
    }

    bamcf->names = ngx_http_gateway_memo_create(cf, NULL,
                                            NGX_HTTP_GATEWAY_BASIC_AUTH_MEMO);
    if (bamcf->names == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes((u_char *) &bamcf->seed, sizeof(bamcf->seed)) != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no random bytes for hashes of passwords");
        return NGX_ERROR;
    }

    return NGX_OK;
}

#endif


ngx_int_t
ngx_http_gateway_basic_auth_find(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf, ngx_str_t *username,
    ngx_http_gateway_basic_auth_credential_t **found)
{
    void                                      *named;
    ngx_int_t                                  rc;
    ngx_http_gateway_stored_t                 *stored;
    ngx_http_gateway_basic_auth_credential_t  *credential;

    rc = ngx_http_gateway_store_named(r, GATEWAY_STORE_BASIC, &bamcf->table,
                                      username, &named, &stored);

    *found = named;

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* a name that nobody has is one that was given */

    if (rc != NGX_OK || named) {
        return NGX_OK;
    }

    credential = ngx_pcalloc(r->pool,
                             sizeof(ngx_http_gateway_basic_auth_credential_t));
    if (credential == NULL) {
        return NGX_ERROR;
    }

    credential->named.credential = stored->credential;

    rc = ngx_http_gateway_basic_auth_stored(r, bamcf, &stored->secret,
                                            credential);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "basic_auth: the password of credential \"%V\" in the "
                      "store %s", &stored->credential.id,
                      rc == NGX_DECLINED
                      ? "is a hash, which needs \"gateway_basic_auth_hashing\""
                      : "is of no known form");
        return NGX_ERROR;
    }

    *found = credential;

    return NGX_OK;
}


/* a digest, or a hash; NGX_DECLINED: there are no threads for hashes */

static ngx_int_t
ngx_http_gateway_basic_auth_stored(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf, ngx_str_t *secret,
    ngx_http_gateway_basic_auth_credential_t *credential)
{
#if (NGX_THREADS)
    u_char      *p;
    size_t       len;
    ngx_str_t   *id;
    const char  *why;
#endif

    if (secret->len == 0 || secret->data[0] != '$') {
        return ngx_http_gateway_basic_auth_hex(credential->bytes, secret,
                                               GATEWAY_DIGEST_LEN);
    }

#if (NGX_THREADS)

    if (bamcf->names == NULL) {
        return NGX_DECLINED;
    }

    id = &credential->named.credential.id;
    len = id->len + secret->len;

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, id->data, id->len);
    ngx_memcpy(p + id->len, secret->data, secret->len);
    p[len] = '\0';

    (void) SHA256(p, len, credential->bytes);

    credential->form = NGX_HTTP_GATEWAY_BASIC_AUTH_HASH;
    credential->hash.data = p + id->len;
    credential->hash.len = secret->len;
    credential->kind = gateway_password_kind((char *) credential->hash.data,
                                             secret->len, &why);

    return credential->kind == GATEWAY_PASSWORD_UNKNOWN ? NGX_ERROR : NGX_OK;

#else

    return NGX_DECLINED;

#endif
}


static ngx_int_t
ngx_http_gateway_basic_auth_hex(u_char *bytes, ngx_str_t *hex, size_t len)
{
    size_t     i;
    ngx_int_t  n;

    if (hex->len != 2 * len) {
        return NGX_ERROR;
    }

    for (i = 0; i < len; i++) {
        n = ngx_hextoi(hex->data + 2 * i, 2);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        bytes[i] = (u_char) n;
    }

    return NGX_OK;
}


void
ngx_http_gateway_basic_auth_sha1(ngx_str_t *password, ngx_str_t *consumer_id,
    u_char *digest)
{
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, password->data, password->len);
    ngx_sha1_update(&sha1, consumer_id->data, consumer_id->len);
    ngx_sha1_final(digest, &sha1);
}
