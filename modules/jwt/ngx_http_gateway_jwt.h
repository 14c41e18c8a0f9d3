
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_consumers.h"
#include "ngx_http_gateway_credentials.h"
#include "ngx_http_gateway_fetch.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_lease.h"
#include "ngx_http_gateway_shm.h"

#include "gateway_jose.h"


/*
 *   module       the policy, its directives, the order of checks
 *   token        where tokens are found in a request
 *   credentials  those of directives and of the store, their keys and secrets
 *   claims       what a token must say, and what is made of what it says
 *   keys         sets of keys, fetched and shared by the workers
 *   cache        signatures that were verified before
 */


/* how sets are fetched by default; seconds, and milliseconds */
#define NGX_HTTP_GATEWAY_JWT_MAX_AGE   3600
#define NGX_HTTP_GATEWAY_JWT_MIN_AGE   5
#define NGX_HTTP_GATEWAY_JWT_TIMEOUT   5000


typedef struct ngx_http_gateway_jwt_main_conf_s
    ngx_http_gateway_jwt_main_conf_t;

/* keys of an issuer; one for each URL */
typedef struct ngx_http_gateway_jwt_set_s  ngx_http_gateway_jwt_set_t;


/* how the keys of a URL are fetched */
typedef struct {
    ngx_str_t                        uri;
    ngx_uint_t                       no_verify; /* of TLS */
    time_t                           max_age;
    time_t                           min_age;
    ngx_msec_t                       timeout;
} ngx_http_gateway_jwt_source_t;


/* a claim with a value, or a header to put it in */
typedef struct {
    ngx_str_t                        claim;     /* terminated */
    ngx_str_t                        value;     /* empty: any */
    ngx_str_t                        body;      /* of the refusal */
    ngx_http_gateway_header_name_t  *header;
} ngx_http_gateway_jwt_claim_t;


typedef struct {
    ngx_http_gateway_auth_conf_t     auth;
    ngx_array_t                     *uri_param_names;
    ngx_array_t                     *cookie_names;
    ngx_array_t                     *header_names;  /* in lower case */
    ngx_array_t                     *claims_to_verify;
    ngx_str_t                        key_claim_name;
    ngx_flag_t                       secret_is_base64;
    ngx_flag_t                       run_on_preflight;
    double                           maximum_expiration;

    ngx_str_t                        jwks_uri;
    ngx_str_t                        jwks;
    ngx_flag_t                       jwks_tls_verify;
    ngx_int_t                        jwks_max_age;  /* seconds */
    ngx_int_t                        jwks_min_age;
    ngx_int_t                        jwks_timeout;  /* milliseconds */
    ngx_array_t                     *algorithms;
    ngx_array_t                     *issuer;
    ngx_array_t                     *audience;
    ngx_array_t                     *required;      /* ..._claim_t */
    ngx_array_t                     *headers;       /* ..._claim_t */
    ngx_str_t                        groups_claim;
    ngx_str_t                        consumer_claim;
    ngx_array_t                     *consumer_by;
    ngx_flag_t                       consumer_optional;
    double                           leeway;

    ngx_http_gateway_jwt_set_t      *set;       /* NULL: none */
    ngx_uint_t                       allowed;   /* algorithms; bits */
    ngx_uint_t                       by;        /* ..._consumers_find() */
    ngx_uint_t                       verify_exp;
    ngx_uint_t                       verify_nbf;
    ngx_str_t                        invalid;   /* challenge */
    ngx_str_t                        no_claim;  /* messages */
    ngx_str_t                        empty_claim;
    ngx_str_t                        no_credentials;
    char                            *claim;     /* terminated */
} ngx_http_gateway_jwt_conf_t;


typedef struct {
    ngx_http_gateway_named_t         named;
    ngx_str_t                        key;
    ngx_str_t                        secret;
    EVP_MAC_CTX                     *mac;       /* of the secret */
    EVP_MAC_CTX                     *decoded;   /* of it from base64; NULL: it
                                                   is none */
    ngx_str_t                        pem;
    ngx_str_t                        jwks_uri;
    ngx_str_t                        jwks;
    ngx_str_t                        algorithm;
    const gateway_jose_alg_t        *alg;       /* NULL: any, of a set */
    EVP_PKEY                        *pkey;
    ngx_http_gateway_jwt_set_t      *set;
    u_char                           digest[GATEWAY_JOSE_DIGEST];
} ngx_http_gateway_jwt_credential_t;


struct ngx_http_gateway_jwt_main_conf_s {
    ngx_http_gateway_named_table_t   table;
    ngx_array_t                      anonymous; /* ..._auth_conf_t */
    ngx_http_gateway_consumers_t    *consumers; /* NULL: not needed */
    ngx_uint_t                       by_claim;  /* some conf looks for them */

    ngx_array_t                      sets;      /* ..._set_t * */
    ngx_http_gateway_fetcher_t       fetchers[2];   /* [1]: no_verify */
    ngx_str_t                        trusted;
    size_t                           keys_size;
    ngx_shm_zone_t                  *keys_zone;
    ngx_uint_t                       started;

    ngx_flag_t                       caches;    /* gateway_jwt_cache */
    size_t                           cache_size;
    ngx_http_gateway_shm_t          *cache;
    EVP_MD                          *sha256;
    EVP_MD_CTX                      *md;
    ngx_uint_t                       asymmetric;    /* some key is */
    ngx_uint_t                       used;      /* there is a policy */
};


/* what was found in all places */
typedef struct {
    ngx_str_t                        text;
    unsigned                         bare:1;    /* "?jwt" */
    unsigned                         several:1;
} ngx_http_gateway_jwt_found_t;


/* kept with a request that waits for keys */
typedef struct {
    ngx_http_gateway_data_t          head;
    ngx_http_request_t              *request;
    ngx_queue_t                      queue;
    ngx_http_gateway_jwt_set_t      *set;       /* while it waits */
    ngx_atomic_uint_t                version;   /* of keys, that lacked it */
    ngx_atomic_uint_t                need;      /* number of the fetch that
                                                   will tell */
    uint64_t                         deadline;
    unsigned                         begun:1;
    unsigned                         over:1;
} ngx_http_gateway_jwt_wait_t;


extern ngx_module_t  ngx_http_gateway_jwt_module;
extern ngx_http_gateway_policy_t  ngx_http_gateway_jwt_policy;


/* ..._token.c: from all places, each token once; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_jwt_collect(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    ngx_http_gateway_jwt_found_t *found);


/* ..._claims.c */

/*
 * 1 if all hold; else body is a JSON object that says what is wrong with
 * each of them.
 */
ngx_uint_t ngx_http_gateway_jwt_claims(ngx_http_gateway_jwt_conf_t *jcf,
    json_t *claims, ngx_str_t *body);

/*
 * Whose the token of an issuer's key is: *credential, with its consumer, and
 * the groups in ctx.  credential: the one the key belongs to, or NULL.
 * NGX_OK; NGX_DECLINED: there is no such consumer, message says so; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_jwt_identity(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    json_t *claims, ngx_http_gateway_credential_t **credential,
    ngx_str_t *message);

/* removes what the client sent under the names of headers for claims */
void ngx_http_gateway_jwt_clear_headers(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf);

ngx_int_t ngx_http_gateway_jwt_set_headers(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, json_t *claims);

/* params of the directive */
char *ngx_http_gateway_jwt_required_claim(ngx_conf_t *cf, void *conf,
    ngx_str_t *name, ngx_str_t *value);
char *ngx_http_gateway_jwt_claim_header(ngx_conf_t *cf, void *conf,
    ngx_str_t *name, ngx_str_t *value);


/* ..._keys.c */

/*
 * The set of a URL, or of keys in JSON, made when it is new.  NULL after a
 * message.
 */
ngx_http_gateway_jwt_set_t *ngx_http_gateway_jwt_add_set(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf,
    ngx_http_gateway_jwt_source_t *source);
ngx_http_gateway_jwt_set_t *ngx_http_gateway_jwt_add_keys(ngx_conf_t *cf,
    ngx_str_t *json);

/*
 * The key for a token.  kid.data NULL: it names none.  NGX_OK; NGX_AGAIN: the
 * request waits and is resumed; NGX_DECLINED: there is none; NGX_ABORT: it is
 * for another algorithm; NGX_BUSY: nobody knows, the keys cannot be had;
 * NGX_ERROR.  The key lives until the next event.
 */
ngx_int_t ngx_http_gateway_jwt_find_key(ngx_http_request_t *r,
    ngx_http_gateway_jwt_set_t *set, ngx_str_t *kid,
    const gateway_jose_alg_t *alg, const gateway_jose_key_t **key);

/* for postconfiguration; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_jwt_add_zone(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf);
ngx_int_t ngx_http_gateway_jwt_init_sets(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf);
/* in a worker; once */
void ngx_http_gateway_jwt_start_sets(ngx_http_gateway_jwt_main_conf_t *jmcf);


/* ..._cache.c */

ngx_int_t ngx_http_gateway_jwt_init_cache(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf);

/* SHA-256; NGX_OK or NGX_ERROR.  Only where some key is asymmetric */
ngx_int_t ngx_http_gateway_jwt_digest(ngx_http_gateway_jwt_main_conf_t *jmcf,
    ngx_str_t *parts, ngx_uint_t n, u_char digest[GATEWAY_JOSE_DIGEST]);

/*
 * Verifies the signature of a token, or knows that it was right before.  1 if
 * it is; key is the digest of the key.
 */
ngx_uint_t ngx_http_gateway_jwt_verified(
    ngx_http_gateway_jwt_main_conf_t *jmcf, EVP_PKEY *pkey,
    const u_char *key, ngx_str_t *text, gateway_jose_token_t *token);


/* credentials, ngx_http_gateway_jwt_credentials.c */

/*
 * *found is NULL when nobody has this key.  NGX_OK, NGX_DECLINED, or
 * NGX_ERROR: the store cannot be read.
 */
ngx_int_t ngx_http_gateway_jwt_lookup(ngx_http_request_t *r,
    ngx_http_gateway_jwt_main_conf_t *jmcf, ngx_str_t *key,
    ngx_uint_t base64, ngx_http_gateway_jwt_credential_t **found);

/* the setter of "gateway_jwt_credential" */
char *ngx_http_gateway_jwt_credential(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


#endif /* _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_ */
