
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by a signed JSON Web Token, RFC 7519.  Runs as a policy of
 * the access chain.  The key is that of a credential, which the token names,
 * or one of the issuer's set, which may have to be fetched; the algorithm is
 * the key's, so that no token can choose another.  A request costs the
 * decoding of its token, and a signature or, when that was verified before,
 * a look into shared memory.
 */


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_store.h"


#define NGX_HTTP_GATEWAY_JWT_PRIORITY  1450

/* one year in seconds, as in Kong */
#define NGX_HTTP_GATEWAY_JWT_MAX_EXP   31536000

/* the only size of signatures of PS* under a credential's key, as in Kong */
#define NGX_HTTP_GATEWAY_JWT_PS_SIZE   256


/* a request's token, and what comes of it */
typedef struct {
    ngx_str_t                           text;
    gateway_jose_token_t                parts;
    ngx_http_gateway_jwt_credential_t  *credential;  /* NULL: issuer's key */
    ngx_http_gateway_credential_t      *identity;
    const ngx_str_t                    *message;     /* of the refusal */
    ngx_str_t                           body;        /* instead of it */
    ngx_str_t                           text_message;
    unsigned                            issued:1;    /* by a set's key */
    unsigned                            silent:1;    /* no challenge */
} ngx_http_gateway_jwt_try_t;


static ngx_int_t ngx_http_gateway_jwt_handler(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_jwt_fail(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    const ngx_str_t *challenge, ngx_http_gateway_jwt_try_t *t);
static ngx_int_t ngx_http_gateway_jwt_judge(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    ngx_http_gateway_jwt_try_t *t);
static ngx_int_t ngx_http_gateway_jwt_parse(ngx_http_request_t *r,
    ngx_http_gateway_jwt_try_t *t);
static ngx_int_t ngx_http_gateway_jwt_find(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_try_t *t);
static ngx_int_t ngx_http_gateway_jwt_check_signature(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_try_t *t);
static ngx_int_t ngx_http_gateway_jwt_check_issued(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_try_t *t);
static void ngx_http_gateway_jwt_defaults(void *conf);
static ngx_int_t ngx_http_gateway_jwt_list(ngx_conf_t *cf, ngx_array_t **list,
    const char *name);
static char *ngx_http_gateway_jwt_check(ngx_conf_t *cf, void *conf);
static char *ngx_http_gateway_jwt_check_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf, ngx_http_gateway_jwt_conf_t *jcf);
static ngx_uint_t ngx_http_gateway_jwt_bit(const gateway_jose_alg_t *alg);
static ngx_int_t ngx_http_gateway_jwt_texts(ngx_conf_t *cf,
    ngx_http_gateway_jwt_conf_t *jcf);
static ngx_int_t ngx_http_gateway_jwt_text(ngx_conf_t *cf, ngx_str_t *text,
    const char *before, ngx_str_t *middle, const char *after);
static char *ngx_http_gateway_jwt_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_jwt_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_jwt_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_jwt_init_process(ngx_cycle_t *cycle);


static ngx_http_gateway_param_t  ngx_http_gateway_jwt_params[] = {

    { ngx_string("uri_param_names"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, uri_param_names), 0, 0, NULL },

    { ngx_string("cookie_names"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, cookie_names), 0, 0, NULL },

    { ngx_string("header_names"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, header_names), 0, 0, NULL },

    { ngx_string("key_claim_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_jwt_conf_t, key_claim_name), 0, 0, NULL },

    { ngx_string("secret_is_base64"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_jwt_conf_t, secret_is_base64), 0, 0, NULL },

    { ngx_string("claims_to_verify"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, claims_to_verify), 0, 0, NULL },

    { ngx_string("maximum_expiration"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_jwt_conf_t, maximum_expiration), 0,
      NGX_HTTP_GATEWAY_JWT_MAX_EXP, NULL },

    { ngx_string("anonymous"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_jwt_conf_t, auth.anonymous), 0, 0, NULL },

    { ngx_string("run_on_preflight"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_jwt_conf_t, run_on_preflight), 0, 0, NULL },

    { ngx_string("realm"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_jwt_conf_t, auth.realm), 0, 0, NULL },

    { ngx_string("jwks_uri"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_jwt_conf_t, jwks_uri), 0, 0, NULL },

    { ngx_string("jwks"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_jwt_conf_t, jwks), 0, 0, NULL },

    { ngx_string("jwks_tls_verify"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_jwt_conf_t, jwks_tls_verify), 0, 0, NULL },

    { ngx_string("jwks_max_age"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_jwt_conf_t, jwks_max_age), 1, 2592000, NULL },

    { ngx_string("jwks_min_age"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_jwt_conf_t, jwks_min_age), 1, 3600, NULL },

    { ngx_string("jwks_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_jwt_conf_t, jwks_timeout), 1, 60000, NULL },

    { ngx_string("algorithms"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, algorithms), 0, 0, NULL },

    { ngx_string("issuer"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, issuer), 0, 0, NULL },

    { ngx_string("audience"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, audience), 0, 0, NULL },

    { ngx_string("required_claims."), NGX_HTTP_GATEWAY_PARAM_CUSTOM,
      0, 0, 0, (void *) ngx_http_gateway_jwt_required_claim },

    { ngx_string("claims_to_headers."), NGX_HTTP_GATEWAY_PARAM_CUSTOM,
      0, 0, 0, (void *) ngx_http_gateway_jwt_claim_header },

    { ngx_string("groups_claim"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_jwt_conf_t, groups_claim), 0, 0, NULL },

    { ngx_string("consumer_claim"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_jwt_conf_t, consumer_claim), 0, 0, NULL },

    { ngx_string("consumer_by"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_jwt_conf_t, consumer_by), 0, 0, NULL },

    { ngx_string("consumer_optional"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_jwt_conf_t, consumer_optional), 0, 0, NULL },

    { ngx_string("leeway"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_jwt_conf_t, leeway), 0, 3600, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


ngx_http_gateway_policy_t  ngx_http_gateway_jwt_policy = {
    ngx_string("jwt"),
    NGX_HTTP_GATEWAY_JWT_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_jwt_conf_t),
    ngx_http_gateway_jwt_params,
    ngx_http_gateway_jwt_defaults,
    ngx_http_gateway_jwt_check,
    ngx_http_gateway_jwt_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_jwt_commands[] = {

    { ngx_string("gateway_jwt"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_jwt_policy },

    { ngx_string("gateway_jwt_secret"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_jwt_credential,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_jwt_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_main_conf_t, trusted),
      NULL },

    { ngx_string("gateway_jwt_keys_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_shm_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_main_conf_t, keys_size),
      NULL },

    { ngx_string("gateway_jwt_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_jwt_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_main_conf_t, cache_size),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_jwt_module_ctx = {
    ngx_http_gateway_jwt_preconfiguration, /* preconfiguration */
    ngx_http_gateway_jwt_init,             /* postconfiguration */

    ngx_http_gateway_jwt_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_jwt_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_jwt_module_ctx,      /* module context */
    ngx_http_gateway_jwt_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_jwt_init_process,     /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_gateway_jwt_unauthorized =
    ngx_string("Unauthorized");

static ngx_str_t  ngx_http_gateway_jwt_several =
    ngx_string("Multiple tokens provided");

static ngx_str_t  ngx_http_gateway_jwt_unrecognizable =
    ngx_string("Unrecognizable token");

static ngx_str_t  ngx_http_gateway_jwt_bad_json =
    ngx_string("Bad token; invalid JSON");

static ngx_str_t  ngx_http_gateway_jwt_bad_alg =
    ngx_string("Bad token; invalid alg");

static ngx_str_t  ngx_http_gateway_jwt_bad_claims =
    ngx_string("Bad token; invalid claims");

static ngx_str_t  ngx_http_gateway_jwt_bad_signature =
    ngx_string("Bad token; invalid signature");

static ngx_str_t  ngx_http_gateway_jwt_algorithm_differs =
    ngx_string("Invalid algorithm");

static ngx_str_t  ngx_http_gateway_jwt_no_key =
    ngx_string("Invalid key/secret");

static ngx_str_t  ngx_http_gateway_jwt_signature_differs =
    ngx_string("Invalid signature");

static ngx_str_t  ngx_http_gateway_jwt_no_kid =
    ngx_string("No credentials found for given 'kid'");

static ngx_str_t  ngx_http_gateway_jwt_no_keys =
    ngx_string("The keys of tokens cannot be had at present");

/* for the log, the client gets the list, and the name */
static ngx_str_t  ngx_http_gateway_jwt_claims_fail =
    ngx_string("claims do not hold");

static ngx_str_t  ngx_http_gateway_jwt_no_consumer =
    ngx_string("Could not find consumer for a claim");


/* again when the keys are there that the request waited for */

static ngx_int_t
ngx_http_gateway_jwt_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_jwt_conf_t  *jcf = conf;

    ngx_int_t                      rc;
    const ngx_str_t               *challenge;
    ngx_http_gateway_ctx_t        *ctx;
    ngx_http_gateway_jwt_try_t     t;
    ngx_http_gateway_jwt_wait_t   *wait;
    ngx_http_gateway_jwt_found_t   found;

    static ngx_str_t  shared = ngx_string("authenticated_jwt_token");

    ctx = ngx_http_gateway_get_ctx(r);

    if (jcf->headers) {
        ngx_http_gateway_jwt_clear_headers(r, jcf);
    }

    if (!jcf->run_on_preflight && ctx->method == NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_auth_skip(ctx, &jcf->auth)) {
        return NGX_DECLINED;
    }

    /* an event of the connection, before the keys are there */

    wait = ngx_http_gateway_get_data(r, &ngx_http_gateway_jwt_policy);

    if (wait && wait->set) {
        return NGX_AGAIN;
    }

    ngx_memzero(&found, sizeof(ngx_http_gateway_jwt_found_t));

    if (ngx_http_gateway_jwt_collect(r, ctx, jcf, &found) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&t, sizeof(ngx_http_gateway_jwt_try_t));

    rc = NGX_DECLINED;
    challenge = &jcf->invalid;

    if (found.several || (found.bare && found.text.data)) {
        t.message = &ngx_http_gateway_jwt_several;

    } else if (found.bare) {
        t.message = &ngx_http_gateway_jwt_unrecognizable;

    } else if (found.text.data == NULL) {
        t.message = &ngx_http_gateway_jwt_unauthorized;
        challenge = &jcf->auth.challenge;

    } else {
        t.text = found.text;
        rc = ngx_http_gateway_jwt_judge(r, ctx, jcf, &t);
    }

    switch (rc) {

    case NGX_OK:

        if (ngx_http_gateway_share(r, ctx, &shared, &t.text) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_gateway_auth_succeed(r, ctx, t.identity);

    case NGX_DECLINED:
        return ngx_http_gateway_jwt_fail(r, ctx, jcf, challenge, &t);

    case NGX_BUSY:

        /* no fault of the client, so no anonymous consumer either */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "jwt: %V",
                      &ngx_http_gateway_jwt_no_keys);

        return ngx_http_gateway_exit_message(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                             &ngx_http_gateway_jwt_no_keys);

    default:
        return rc;
    }
}


static ngx_int_t
ngx_http_gateway_jwt_fail(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_jwt_conf_t *jcf, const ngx_str_t *challenge,
    ngx_http_gateway_jwt_try_t *t)
{
    ngx_table_elt_t  *type;
    const ngx_str_t  *message;

    static ngx_str_t  json = ngx_string("application/json; charset=utf-8");

    if (jcf->auth.consumer) {
        return ngx_http_gateway_auth_fallback(r, ctx, &jcf->auth);
    }

    message = t->message;

    if (t->silent) {

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "jwt: %V",
                      message);

        return ngx_http_gateway_exit_message(r, NGX_HTTP_UNAUTHORIZED,
                                             &t->text_message);
    }

    if (ngx_http_gateway_auth_challenge(r, &jcf->auth, challenge, message)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    type = r->headers_in.content_type;

    if (t->body.len
        && (type == NULL
            || type->value.len < sizeof("application/grpc") - 1
            || ngx_strncasecmp(type->value.data, (u_char *) "application/grpc",
                               sizeof("application/grpc") - 1)
               != 0))
    {
        return ngx_http_gateway_exit(r, NGX_HTTP_UNAUTHORIZED, &json,
                                     &t->body);
    }

    if (t->body.len) {
        message = &ngx_http_gateway_jwt_unauthorized;
    }

    return ngx_http_gateway_exit_message(r, NGX_HTTP_UNAUTHORIZED, message);
}


/*
 * NGX_OK: t->identity is whose the token is; NGX_DECLINED: refused, the rest
 * of t says why; NGX_AGAIN: the request waits; NGX_BUSY: there are no keys to
 * tell; NGX_DONE: it was answered; NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_jwt_judge(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_try_t *t)
{
    ngx_int_t  rc;

    rc = ngx_http_gateway_jwt_parse(r, t);

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_jwt_find(r, jcf, t);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_jwt_check_signature(r, jcf, t);
    }

    if (rc == NGX_OK
        && !ngx_http_gateway_jwt_claims(jcf, t->parts.claims, &t->body))
    {
        t->message = &ngx_http_gateway_jwt_claims_fail;
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK && t->issued) {

        rc = ngx_http_gateway_jwt_identity(r, ctx, jcf, t->parts.claims,
                                           &t->identity, &t->text_message);

        if (rc == NGX_DECLINED) {
            t->message = &ngx_http_gateway_jwt_no_consumer;
            t->silent = 1;
        }

        if (rc == NGX_OK && jcf->headers) {
            rc = ngx_http_gateway_jwt_set_headers(r, jcf, t->parts.claims);
        }
    }

    gateway_jose_free_token(&t->parts);

    return rc;
}


static ngx_int_t
ngx_http_gateway_jwt_parse(ngx_http_request_t *r,
    ngx_http_gateway_jwt_try_t *t)
{
    u_char  *buf;

    /* no more than a token may have, see there */

    buf = ngx_pnalloc(r->pool, ngx_min(t->text.len, GATEWAY_JOSE_TOKEN) + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    switch (gateway_jose_parse(&t->parts, (char *) t->text.data, t->text.len,
                               buf))
    {

    case GATEWAY_JOSE_OK:
        return NGX_OK;

    case GATEWAY_JOSE_BAD_JSON:
        t->message = &ngx_http_gateway_jwt_bad_json;
        break;

    case GATEWAY_JOSE_BAD_ALG:
        t->message = &ngx_http_gateway_jwt_bad_alg;
        break;

    case GATEWAY_JOSE_BAD_CLAIMS:
        t->message = &ngx_http_gateway_jwt_bad_claims;
        break;

    case GATEWAY_JOSE_BAD_SIGNATURE:
        t->message = &ngx_http_gateway_jwt_bad_signature;
        break;
    }

    return NGX_DECLINED;
}


/* the credential that the token names; none is needed with an issuer's set */

static ngx_int_t
ngx_http_gateway_jwt_find(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_try_t *t)
{
    json_t                            *claim;
    ngx_int_t                          rc;
    ngx_str_t                          key;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    claim = json_object_get(t->parts.claims, jcf->claim);

    if (claim == NULL || json_is_false(claim)) {
        claim = json_object_get(t->parts.header, jcf->claim);
    }

    t->message = &jcf->no_credentials;

    if (claim == NULL || json_is_false(claim)) {
        t->message = &jcf->no_claim;

    } else if (json_is_string(claim)) {
        key.data = (u_char *) json_string_value(claim);
        key.len = json_string_length(claim);

        if (key.len == 0) {
            t->message = &jcf->empty_claim;

        } else {
            /* an issuer's name is that of all its users */

            rc = ngx_http_gateway_auth_attempt(r, &jcf->auth,
                                               jcf->set ? NULL : &key);
            if (rc != NGX_DECLINED) {
                return rc;
            }

            jmcf = ngx_http_get_module_main_conf(r,
                                                 ngx_http_gateway_jwt_module);

            if (ngx_http_gateway_jwt_lookup(r, jmcf, &key,
                                            jcf->secret_is_base64 ? 1 : 0,
                                            &t->credential)
                == NGX_ERROR)
            {
                return NGX_ERROR;
            }
        }
    }

    if (t->credential == NULL && jcf->set == NULL) {
        return NGX_DECLINED;
    }

    if (t->credential) {
        t->identity = &t->credential->named.credential;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_check_signature(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_try_t *t)
{
    EVP_MAC_CTX                        *secret;
    gateway_jose_token_t               *parts;
    ngx_http_gateway_jwt_main_conf_t   *jmcf;
    ngx_http_gateway_jwt_credential_t  *credential;

    parts = &t->parts;
    credential = t->credential;

    if ((credential && credential->alg && parts->alg != credential->alg)
        || (jcf->allowed
            && !(jcf->allowed & ngx_http_gateway_jwt_bit(parts->alg))))
    {
        t->message = &ngx_http_gateway_jwt_algorithm_differs;
        return NGX_DECLINED;
    }

    if (credential == NULL || credential->set) {
        return ngx_http_gateway_jwt_check_issued(r, jcf, t);
    }

    t->message = &ngx_http_gateway_jwt_signature_differs;

    if (parts->alg->family == GATEWAY_JOSE_HS) {

        secret = jcf->secret_is_base64 ? credential->decoded
                                       : credential->mac;

        if (secret == NULL) {
            t->message = &ngx_http_gateway_jwt_no_key;
            return NGX_DECLINED;
        }

        return gateway_jose_verify_secret(secret, parts->text,
                                          parts->signed_len,
                                          parts->signature,
                                          parts->signature_len)
               ? NGX_OK : NGX_DECLINED;
    }

    if (credential->pkey == NULL) {
        t->message = &ngx_http_gateway_jwt_no_key;
        return NGX_DECLINED;
    }

    if (parts->alg->family == GATEWAY_JOSE_PS
        && parts->signature_len != NGX_HTTP_GATEWAY_JWT_PS_SIZE)
    {
        return NGX_DECLINED;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    return ngx_http_gateway_jwt_verified(jmcf, credential->pkey,
                                         credential->digest, &t->text, parts)
           ? NGX_OK : NGX_DECLINED;
}


/* by a key of the credential's set, or of the policy's */

static ngx_int_t
ngx_http_gateway_jwt_check_issued(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_try_t *t)
{
    json_t                            *id;
    ngx_int_t                          rc;
    ngx_str_t                          kid;
    const gateway_jose_key_t          *key;
    ngx_http_gateway_jwt_set_t        *set;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    /* without a master, a reload starts no process */

    if (!jmcf->started) {
        ngx_http_gateway_jwt_start_sets(jmcf);
    }

    t->message = &ngx_http_gateway_jwt_algorithm_differs;

    /* whoever has a public key could make such a signature of it */

    if (t->parts.alg->family == GATEWAY_JOSE_HS) {
        return NGX_DECLINED;
    }

    ngx_str_null(&kid);

    id = json_object_get(t->parts.header, "kid");

    if (id) {

        if (!json_is_string(id) || json_string_length(id) > GATEWAY_JOSE_KID) {
            t->message = &ngx_http_gateway_jwt_no_kid;
            return NGX_DECLINED;
        }

        kid.data = (u_char *) json_string_value(id);
        kid.len = json_string_length(id);
    }

    set = t->credential ? t->credential->set : jcf->set;

    rc = ngx_http_gateway_jwt_find_key(r, set, &kid, t->parts.alg, &key);

    if (rc == NGX_ABORT) {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        t->message = &ngx_http_gateway_jwt_no_kid;
        return rc;
    }

    if (!ngx_http_gateway_jwt_verified(jmcf, key->pkey, key->digest, &t->text,
                                       &t->parts))
    {
        t->message = &ngx_http_gateway_jwt_signature_differs;
        return NGX_DECLINED;
    }

    t->issued = 1;

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_defaults(void *conf)
{
    ngx_http_gateway_jwt_conf_t  *jcf = conf;

    jcf->run_on_preflight = 1;
    ngx_str_set(&jcf->key_claim_name, "iss");

    jcf->jwks_tls_verify = 1;
    jcf->jwks_max_age = NGX_HTTP_GATEWAY_JWT_MAX_AGE;
    jcf->jwks_min_age = NGX_HTTP_GATEWAY_JWT_MIN_AGE;
    jcf->jwks_timeout = NGX_HTTP_GATEWAY_JWT_TIMEOUT;
}


/* gives a list its default; "name=" makes an empty one */

static ngx_int_t
ngx_http_gateway_jwt_list(ngx_conf_t *cf, ngx_array_t **list, const char *name)
{
    ngx_str_t   *value;
    ngx_uint_t   i, n;

    if (*list == NULL) {
        *list = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
        if (*list == NULL) {
            return NGX_ERROR;
        }

        value = ngx_array_push(*list);
        if (value == NULL) {
            return NGX_ERROR;
        }

        value->data = (u_char *) name;
        value->len = ngx_strlen(name);
    }

    value = (*list)->elts;
    n = 0;

    for (i = 0; i < (*list)->nelts; i++) {
        if (value[i].len) {
            value[n++] = value[i];
        }
    }

    (*list)->nelts = n;

    return NGX_OK;
}


static char *
ngx_http_gateway_jwt_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_jwt_conf_t  *jcf = conf;

    char                              *rv;
    u_char                            *lowcase;
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (ngx_http_gateway_jwt_list(cf, &jcf->uri_param_names, "jwt") != NGX_OK
        || ngx_http_gateway_jwt_list(cf, &jcf->header_names, "authorization")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = jcf->header_names->elts;

    for (i = 0; i < jcf->header_names->nelts; i++) {
        lowcase = ngx_pnalloc(cf->pool, value[i].len);
        if (lowcase == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(lowcase, value[i].data, value[i].len);
        value[i].data = lowcase;
    }

    if (jcf->claims_to_verify) {
        value = jcf->claims_to_verify->elts;

        for (i = 0; i < jcf->claims_to_verify->nelts; i++) {

            if (value[i].len == 3 && ngx_strncmp(value[i].data, "exp", 3) == 0)
            {
                jcf->verify_exp = 1;

            } else if (value[i].len == 3
                       && ngx_strncmp(value[i].data, "nbf", 3) == 0)
            {
                jcf->verify_nbf = 1;

            } else if (value[i].len) {
                return "has an invalid \"claims_to_verify\": expected exp or "
                       "nbf";
            }
        }
    }

    if (jcf->maximum_expiration > 0 && !jcf->verify_exp) {
        return "has \"maximum_expiration\", which needs "
               "\"claims_to_verify=exp\"";
    }

    if (jcf->key_claim_name.len == 0) {
        return "has an empty \"key_claim_name\"";
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    jmcf->used = 1;

    rv = ngx_http_gateway_jwt_check_keys(cf, jmcf, jcf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_auth_check(cf, &jmcf->anonymous, &jcf->auth,
                                     "Bearer");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_http_gateway_jwt_texts(cf, jcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* all that goes beyond Kong's plugin */

static char *
ngx_http_gateway_jwt_check_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf, ngx_http_gateway_jwt_conf_t *jcf)
{
    ngx_str_t                      *value;
    ngx_uint_t                      i, bit;
    const gateway_jose_alg_t       *alg;
    ngx_http_gateway_jwt_source_t   source;

    if (jcf->algorithms) {
        value = jcf->algorithms->elts;

        for (i = 0; i < jcf->algorithms->nelts; i++) {

            alg = gateway_jose_alg((char *) value[i].data, value[i].len);

            if (alg == NULL) {
                return "has an unknown algorithm in \"algorithms\"";
            }

            jcf->allowed |= ngx_http_gateway_jwt_bit(alg);
        }
    }

    if (jcf->consumer_by) {
        value = jcf->consumer_by->elts;

        for (i = 0; i < jcf->consumer_by->nelts; i++) {

            bit = ngx_http_gateway_consumers_by(&value[i]);

            if (bit == 0) {
                return "has an invalid \"consumer_by\": expected id, "
                       "username or custom_id";
            }

            jcf->by |= bit;
        }

    } else {
        jcf->by = NGX_HTTP_GATEWAY_BY_USERNAME|NGX_HTTP_GATEWAY_BY_CUSTOM_ID;
    }

    jmcf->by_claim |= jcf->consumer_claim.len != 0;

    if (jcf->jwks.len && jcf->jwks_uri.len) {
        return "has both of \"jwks\" and \"jwks_uri\"";
    }

    if (jcf->jwks_min_age > jcf->jwks_max_age) {
        return "has a \"jwks_min_age\" above its \"jwks_max_age\"";
    }

    if (jcf->jwks.len) {
        jcf->set = ngx_http_gateway_jwt_add_keys(cf, &jcf->jwks);

    } else if (jcf->jwks_uri.len) {
        source.uri = jcf->jwks_uri;
        source.no_verify = jcf->jwks_tls_verify ? 0 : 1;
        source.max_age = jcf->jwks_max_age;
        source.min_age = jcf->jwks_min_age;
        source.timeout = jcf->jwks_timeout;

        jcf->set = ngx_http_gateway_jwt_add_set(cf, jmcf, &source);

    } else {
        return NGX_CONF_OK;
    }

    jmcf->asymmetric = 1;

    return jcf->set ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_gateway_jwt_bit(const gateway_jose_alg_t *alg)
{
    return (ngx_uint_t) 1 << (alg - gateway_jose_alg("HS256", 5));
}


static ngx_int_t
ngx_http_gateway_jwt_texts(ngx_conf_t *cf, ngx_http_gateway_jwt_conf_t *jcf)
{
    ngx_str_t  *name, claim;

    name = &jcf->key_claim_name;

    if (ngx_http_gateway_jwt_text(cf, &claim, "", name, "") != NGX_OK
        || ngx_http_gateway_jwt_text(cf, &jcf->no_claim, "No mandatory '",
                                     name, "' in claims")
           != NGX_OK
        || ngx_http_gateway_jwt_text(cf, &jcf->empty_claim, "Invalid '", name,
                                     "' in claims")
           != NGX_OK
        || ngx_http_gateway_jwt_text(cf, &jcf->no_credentials,
                                     "No credentials found for given '", name,
                                     "'")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    jcf->claim = (char *) claim.data;

    return ngx_http_gateway_jwt_text(cf, &jcf->invalid, "",
                                     &jcf->auth.challenge,
                                     jcf->auth.realm.len
                                     ? ", error=\"invalid_token\""
                                     : " error=\"invalid_token\"");
}


static ngx_int_t
ngx_http_gateway_jwt_text(ngx_conf_t *cf, ngx_str_t *text, const char *before,
    ngx_str_t *middle, const char *after)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, ngx_strlen(before) + middle->len
                              + ngx_strlen(after) + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    p = ngx_sprintf(p, "%s%V%s", before, middle, after);
    text->len = p - text->data;
    *p = '\0';

    return NGX_OK;
}


/* off, on, or the size of its zone */

static char *
ngx_http_gateway_jwt_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_main_conf_t  *jmcf = conf;

    ngx_str_t  *value;

    if (jmcf->caches != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    jmcf->caches = ngx_strcmp(value[1].data, "off") != 0;

    if (jmcf->caches == 0 || ngx_strcmp(value[1].data, "on") == 0) {
        return NGX_CONF_OK;
    }

    return ngx_http_gateway_shm_size_slot(cf, cmd, conf);
}


static void *
ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_main_conf_t));
    if (jmcf == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): an empty table, no sets, sizes of 0 */

    jmcf->caches = NGX_CONF_UNSET;

    return jmcf;
}


static ngx_int_t
ngx_http_gateway_jwt_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_jwt_policy);
}


static ngx_int_t
ngx_http_gateway_jwt_init(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t      *gmcf;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    /* of the keys in a store nobody knows */

    if (jmcf->used && gmcf->store) {
        jmcf->asymmetric = 1;
    }

    if (jmcf->by_claim) {
        jmcf->consumers = ngx_http_gateway_consumers_init(cf);
        if (jmcf->consumers == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_gateway_jwt_add_zone(cf, jmcf) != NGX_OK
        || ngx_http_gateway_jwt_init_sets(cf, jmcf) != NGX_OK
        || ngx_http_gateway_jwt_init_cache(cf, jmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_auth_init(cf, &jmcf->anonymous);
}


static ngx_int_t
ngx_http_gateway_jwt_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    jmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_jwt_module);

    if (jmcf && !jmcf->started) {
        ngx_http_gateway_jwt_start_sets(jmcf);
    }

    return NGX_OK;
}
