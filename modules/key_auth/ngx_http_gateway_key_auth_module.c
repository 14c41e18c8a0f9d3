
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by an API key in a header, in the query string or in the
 * body.  Runs as a policy of the access chain; a request with its key in a
 * header costs one pass over the headers, one hash of the key and the
 * identity headers.  Of keys only digests are kept.  Credentials are part of
 * the configuration or in the store; when that cannot be read, requests with
 * a key fail.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_digest.h"
#include "ngx_http_gateway_form.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_store.h"
#include "gateway_uuid.h"


#define NGX_HTTP_GATEWAY_KEY_AUTH_PRIORITY  1250

/* larger bodies are not searched */
#define NGX_HTTP_GATEWAY_KEY_AUTH_BODY      (1024 * 1024)

#define NGX_HTTP_GATEWAY_KEY_AUTH_BUCKETS   64

/* digests that a worker remembers: 48 bytes each */
#define NGX_HTTP_GATEWAY_KEY_AUTH_MEMO      4096

/* Kong's limit for "ttl", in seconds */
#define NGX_HTTP_GATEWAY_KEY_AUTH_MAX_TTL   100000000


/* a name of "key_names" */
typedef struct {
    ngx_str_t                                 name;
    ngx_str_t                                 lowcase;  /* the header */
    ngx_str_t                                 dashed;   /* with "-" for "_";
                                                           empty: no "_" */
} ngx_http_gateway_key_auth_name_t;


typedef struct {
    ngx_http_gateway_auth_conf_t              auth;

    ngx_array_t                              *key_names;
    ngx_flag_t                                key_in_header;
    ngx_flag_t                                key_in_query;
    ngx_flag_t                                key_in_body;
    ngx_flag_t                                hide_credentials;
    ngx_flag_t                                run_on_preflight;

    ngx_http_gateway_key_auth_name_t         *names;
    ngx_uint_t                                nnames;
} ngx_http_gateway_key_auth_conf_t;


typedef struct ngx_http_gateway_key_auth_credential_s
    ngx_http_gateway_key_auth_credential_t;

struct ngx_http_gateway_key_auth_credential_s {
    ngx_http_gateway_credential_t             credential;
    ngx_http_gateway_key_auth_credential_t   *next;     /* in the bucket */
    time_t                                    expires;  /* 0: never */
    u_char                                    digest[GATEWAY_DIGEST_LEN];
};


/*
 * Buckets are chosen by the digest, which is made under a secret: neither the
 * time of a look-up nor the keys of others tell anything about a stored key.
 */
typedef struct {
    ngx_http_gateway_key_auth_credential_t  **buckets;
    ngx_uint_t                                nbuckets; /* a power of two */
    ngx_uint_t                                ncredentials;
    ngx_http_gateway_memo_t                  *memo;     /* with credentials
                                                           or a store */

    ngx_http_gateway_consumer_t              *consumer; /* of the last
                                                           credential */
    ngx_uint_t                                nth;      /* and its number */

    ngx_array_t                               anonymous; /* ..._auth_conf_t */
} ngx_http_gateway_key_auth_main_conf_t;


/* where the key of a request was found */
typedef struct {
    ngx_http_gateway_key_auth_name_t         *name;
    ngx_str_t                                 key;
    ngx_str_t                                 body;
    ngx_uint_t                                body_read;
} ngx_http_gateway_key_auth_found_t;


static ngx_int_t ngx_http_gateway_key_auth_handler(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_key_auth_search(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_key_auth_conf_t *kacf,
    ngx_http_gateway_key_auth_found_t *found);
static ngx_http_gateway_field_e ngx_http_gateway_key_auth_in_header(
    ngx_http_request_t *r, ngx_http_gateway_key_auth_name_t *name,
    ngx_str_t *key);
static ngx_http_gateway_field_e ngx_http_gateway_key_auth_in_query(
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_key_auth_name_t *name, ngx_str_t *key);
static ngx_int_t ngx_http_gateway_key_auth_body(ngx_http_request_t *r,
    ngx_http_gateway_key_auth_found_t *found);
static ngx_int_t ngx_http_gateway_key_auth_hide(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_key_auth_conf_t *kacf,
    ngx_http_gateway_key_auth_found_t *found);

static ngx_int_t ngx_http_gateway_key_auth_lookup(ngx_http_request_t *r,
    ngx_http_gateway_key_auth_main_conf_t *kamcf, ngx_str_t *key,
    ngx_http_gateway_credential_t **found);
static ngx_http_gateway_key_auth_credential_t *
    ngx_http_gateway_key_auth_find(
    ngx_http_gateway_key_auth_main_conf_t *kamcf, u_char *digest);
static ngx_inline uint64_t ngx_http_gateway_key_auth_hash(u_char *digest);

static void ngx_http_gateway_key_auth_defaults(void *conf);
static char *ngx_http_gateway_key_auth_check(ngx_conf_t *cf, void *conf);
static char *ngx_http_gateway_key_auth_credential(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_key_auth_add(ngx_conf_t *cf,
    ngx_http_gateway_key_auth_main_conf_t *kamcf,
    ngx_http_gateway_key_auth_credential_t *credential);
static ngx_int_t ngx_http_gateway_key_auth_grow(ngx_conf_t *cf,
    ngx_http_gateway_key_auth_main_conf_t *kamcf);
static ngx_int_t ngx_http_gateway_key_auth_derive_id(ngx_conf_t *cf,
    ngx_http_gateway_key_auth_main_conf_t *kamcf,
    ngx_http_gateway_key_auth_credential_t *credential);
static void *ngx_http_gateway_key_auth_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_key_auth_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_key_auth_init(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_key_auth_params[] = {

    { ngx_string("key_names"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_key_auth_conf_t, key_names), 0, 0, NULL },

    { ngx_string("key_in_header"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_key_auth_conf_t, key_in_header), 0, 0, NULL },

    { ngx_string("key_in_query"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_key_auth_conf_t, key_in_query), 0, 0, NULL },

    { ngx_string("key_in_body"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_key_auth_conf_t, key_in_body), 0, 0, NULL },

    { ngx_string("hide_credentials"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_key_auth_conf_t, hide_credentials), 0, 0,
      NULL },

    { ngx_string("run_on_preflight"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_key_auth_conf_t, run_on_preflight), 0, 0,
      NULL },

    { ngx_string("anonymous"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_key_auth_conf_t, auth.anonymous), 0, 0,
      NULL },

    { ngx_string("realm"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_key_auth_conf_t, auth.realm), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_key_auth_policy = {
    ngx_string("key_auth"),
    NGX_HTTP_GATEWAY_KEY_AUTH_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_key_auth_conf_t),
    ngx_http_gateway_key_auth_params,
    ngx_http_gateway_key_auth_defaults,
    ngx_http_gateway_key_auth_check,
    ngx_http_gateway_key_auth_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_key_auth_commands[] = {

    { ngx_string("gateway_key_auth"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_key_auth_policy },

    { ngx_string("gateway_key_auth_credential"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_key_auth_credential,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_key_auth_module_ctx = {
    ngx_http_gateway_key_auth_preconfiguration, /* preconfiguration */
    ngx_http_gateway_key_auth_init,        /* postconfiguration */

    ngx_http_gateway_key_auth_create_main_conf, /* create main conf */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_key_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_key_auth_module_ctx, /* module context */
    ngx_http_gateway_key_auth_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_gateway_key_auth_none =
    ngx_string("No API key found in request");

static ngx_str_t  ngx_http_gateway_key_auth_duplicate =
    ngx_string("Duplicate API key found");

static ngx_str_t  ngx_http_gateway_key_auth_unauthorized =
    ngx_string("Unauthorized");


static ngx_int_t
ngx_http_gateway_key_auth_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_key_auth_conf_t  *kacf = conf;

    ngx_int_t                                rc;
    ngx_http_gateway_ctx_t                  *ctx;
    ngx_http_gateway_credential_t           *credential;
    ngx_http_gateway_key_auth_found_t        found;
    ngx_http_gateway_key_auth_main_conf_t   *kamcf;

    ctx = ngx_http_gateway_get_ctx(r);

    if (!kacf->run_on_preflight && ctx->method == NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_auth_skip(ctx, &kacf->auth)) {
        return NGX_DECLINED;
    }

    found.name = NULL;
    found.key.len = 0;
    found.body.len = 0;
    found.body_read = 0;

    rc = ngx_http_gateway_key_auth_search(r, ctx, kacf, &found);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_auth_fail(r, ctx, &kacf->auth,
                                         &ngx_http_gateway_key_auth_duplicate);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (found.name && kacf->hide_credentials) {
        rc = ngx_http_gateway_key_auth_hide(r, ctx, kacf, &found);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (found.key.len == 0) {
        return ngx_http_gateway_auth_fail(r, ctx, &kacf->auth,
                                          &ngx_http_gateway_key_auth_none);
    }

    rc = ngx_http_gateway_auth_attempt(r, &kacf->auth, NULL);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    kamcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_key_auth_module);

    rc = ngx_http_gateway_key_auth_lookup(r, kamcf, &found.key, &credential);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_gateway_auth_fail(r, ctx, &kacf->auth,
                                      &ngx_http_gateway_key_auth_unauthorized);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "key_auth: credential \"%V\" of consumer \"%V\"",
                   &credential->id, &credential->consumer->name);

    return ngx_http_gateway_auth_succeed(r, ctx, credential);
}


/*
 * The first name with a value in a place ends the search, whatever the value
 * is worth: a wrong key in a header does not fall back to the query string.
 * NGX_OK: found, or found.name is NULL; NGX_DECLINED: there are several keys;
 * NGX_AGAIN: the body is on its way; otherwise a failure.
 */

static ngx_int_t
ngx_http_gateway_key_auth_search(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_key_auth_conf_t *kacf,
    ngx_http_gateway_key_auth_found_t *found)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    ngx_http_gateway_field_e           field;
    ngx_http_gateway_key_auth_name_t  *name;

    for (i = 0; i < kacf->nnames; i++) {
        name = &kacf->names[i];
        field = NGX_HTTP_GATEWAY_FIELD_NONE;

        if (kacf->key_in_header) {
            field = ngx_http_gateway_key_auth_in_header(r, name, &found->key);
        }

        if (field == NGX_HTTP_GATEWAY_FIELD_NONE && kacf->key_in_query) {
            field = ngx_http_gateway_key_auth_in_query(r, ctx, name,
                                                       &found->key);
        }

        if (field == NGX_HTTP_GATEWAY_FIELD_NONE && kacf->key_in_body) {
            rc = ngx_http_gateway_key_auth_body(r, found);

            if (rc != NGX_OK) {
                return rc;
            }

            field = ngx_http_gateway_form_find(r, &found->body, &name->name,
                                               &found->key);
        }

        switch (field) {

        case NGX_HTTP_GATEWAY_FIELD_STRING:
            found->name = name;
            return NGX_OK;

        case NGX_HTTP_GATEWAY_FIELD_LIST:
            return NGX_DECLINED;

        case NGX_HTTP_GATEWAY_FIELD_ERROR:
            return NGX_ERROR;

        case NGX_HTTP_GATEWAY_FIELD_NONE:
        case NGX_HTTP_GATEWAY_FIELD_OTHER:
            break;
        }
    }

    return NGX_OK;
}


/* a name with "_" also stands for the header with "-", as in Kong */

static ngx_http_gateway_field_e
ngx_http_gateway_key_auth_in_header(ngx_http_request_t *r,
    ngx_http_gateway_key_auth_name_t *name, ngx_str_t *key)
{
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    n = ngx_http_gateway_header_in_find(r, &name->lowcase, &h);

    if (n == 0 && name->dashed.len) {
        n = ngx_http_gateway_header_in_find(r, &name->dashed, &h);
    }

    if (n == 1) {
        *key = h->value;
        return NGX_HTTP_GATEWAY_FIELD_STRING;
    }

    return n ? NGX_HTTP_GATEWAY_FIELD_LIST : NGX_HTTP_GATEWAY_FIELD_NONE;
}


static ngx_http_gateway_field_e
ngx_http_gateway_key_auth_in_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_key_auth_name_t *name,
    ngx_str_t *key)
{
    ngx_http_gateway_arg_t  arg;

    switch (ngx_http_gateway_args_find(&ctx->args, &name->name, &arg)) {

    case 0:
        return NGX_HTTP_GATEWAY_FIELD_NONE;

    case 1:
        break;

    default:
        return NGX_HTTP_GATEWAY_FIELD_LIST;
    }

    if (arg.bare) {
        return NGX_HTTP_GATEWAY_FIELD_OTHER;
    }

    if (ngx_http_gateway_unescape(r->pool, &arg.value, key) != NGX_OK) {
        return NGX_HTTP_GATEWAY_FIELD_ERROR;
    }

    return NGX_HTTP_GATEWAY_FIELD_STRING;
}


/* a body that is too large or of another type holds no key */

static ngx_int_t
ngx_http_gateway_key_auth_body(ngx_http_request_t *r,
    ngx_http_gateway_key_auth_found_t *found)
{
    ngx_int_t  rc;

    if (found->body_read || !ngx_http_gateway_form_known(r)) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_body_read(r, NGX_HTTP_GATEWAY_KEY_AUTH_BODY,
                                    &found->body);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "key_auth: request body is too large to be searched");
        rc = NGX_OK;
    }

    if (rc == NGX_OK) {
        found->body_read = 1;
    }

    return rc;
}


/*
 * Wherever the key was, all places lose it.  The body comes first: as long
 * as it has to be waited for, nothing is changed and the search is repeated.
 */

static ngx_int_t
ngx_http_gateway_key_auth_hide(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_key_auth_conf_t *kacf,
    ngx_http_gateway_key_auth_found_t *found)
{
    ngx_int_t                          rc;
    ngx_str_t                          body, args;
    ngx_http_gateway_key_auth_name_t  *name;

    name = found->name;

    if (kacf->key_in_body) {
        rc = ngx_http_gateway_key_auth_body(r, found);

        if (rc != NGX_OK) {
            return rc;
        }

        body = found->body;
        rc = ngx_http_gateway_form_remove(r, &body, &name->name);

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_body_replace(r, &body);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    /* found.key stays valid: only the list of headers changes */

    (void) ngx_http_gateway_header_in_remove(r, &name->lowcase);

    if (name->dashed.len) {
        (void) ngx_http_gateway_header_in_remove(r, &name->dashed);
    }

    if (ctx->args.len) {
        args = ctx->args;

        if (ngx_http_gateway_args_remove(r->pool, &args, &name->name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_gateway_args_replace(r, ctx, &args);
    }

    return NGX_OK;
}


/*
 * The configuration's come first, unless they were revoked.  NGX_OK,
 * NGX_DECLINED, or NGX_ERROR: the store cannot be read.
 */

static ngx_int_t
ngx_http_gateway_key_auth_lookup(ngx_http_request_t *r,
    ngx_http_gateway_key_auth_main_conf_t *kamcf, ngx_str_t *key,
    ngx_http_gateway_credential_t **found)
{
    u_char                                   digest[GATEWAY_DIGEST_LEN];
    ngx_int_t                                rc;
    ngx_uint_t                               known;
    ngx_http_gateway_stored_t               *stored;
    ngx_http_gateway_memo_tag_t              tag;
    ngx_http_gateway_key_auth_credential_t  *credential;

    /* there are neither credentials nor a store */

    if (kamcf->memo == NULL) {
        return NGX_DECLINED;
    }

    known = ngx_http_gateway_memo_digest(kamcf->memo, NULL, key, &tag,
                                         digest);

    rc = ngx_http_gateway_store_find_key(r, digest, &stored);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_ABORT) {
        return NGX_DECLINED;
    }

    credential = kamcf->ncredentials
                 ? ngx_http_gateway_key_auth_find(kamcf, digest) : NULL;

    if (credential
        && (credential->expires == 0 || credential->expires > ngx_time()))
    {
        *found = &credential->credential;

    } else if (stored) {
        *found = &stored->credential;

    } else {
        return NGX_DECLINED;
    }

    if (!known) {
        ngx_http_gateway_memo_keep(kamcf->memo, &tag, digest);
    }

    return NGX_OK;
}


static ngx_http_gateway_key_auth_credential_t *
ngx_http_gateway_key_auth_find(ngx_http_gateway_key_auth_main_conf_t *kamcf,
    u_char *digest)
{
    ngx_str_t                                a, b;
    ngx_http_gateway_key_auth_credential_t  *credential;

    a.data = digest;
    a.len = b.len = GATEWAY_DIGEST_LEN;

    credential = kamcf->buckets[ngx_http_gateway_key_auth_hash(digest)
                                & (kamcf->nbuckets - 1)];

    while (credential) {
        b.data = credential->digest;

        if (ngx_http_gateway_auth_equal(&a, &b)) {
            return credential;
        }

        credential = credential->next;
    }

    return NULL;
}


/* a digest is as good as random already */

static ngx_inline uint64_t
ngx_http_gateway_key_auth_hash(u_char *digest)
{
    uint64_t  hash;

    ngx_memcpy(&hash, digest, sizeof(uint64_t));

    return hash;
}


static void
ngx_http_gateway_key_auth_defaults(void *conf)
{
    ngx_http_gateway_key_auth_conf_t  *kacf = conf;

    kacf->key_in_header = 1;
    kacf->key_in_query = 1;
    kacf->run_on_preflight = 1;
}


static char *
ngx_http_gateway_key_auth_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_key_auth_conf_t  *kacf = conf;

    u_char                                  ch;
    size_t                                  k;
    ngx_str_t                              *value, apikey;
    ngx_uint_t                              i;
    ngx_http_gateway_key_auth_name_t       *name;
    ngx_http_gateway_key_auth_main_conf_t  *kamcf;

    ngx_str_set(&apikey, "apikey");

    kacf->nnames = kacf->key_names ? kacf->key_names->nelts : 1;
    value = kacf->key_names ? kacf->key_names->elts : &apikey;

    kacf->names = ngx_pcalloc(cf->pool,
                 kacf->nnames * sizeof(ngx_http_gateway_key_auth_name_t));
    if (kacf->names == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < kacf->nnames; i++) {
        name = &kacf->names[i];
        name->name = value[i];

        name->lowcase.len = name->name.len;
        name->lowcase.data = ngx_pnalloc(cf->pool, name->name.len * 2 + 1);
        if (name->lowcase.data == NULL) {
            return NGX_CONF_ERROR;
        }

        name->dashed.data = name->lowcase.data + name->lowcase.len;

        for (k = 0; k < name->name.len; k++) {
            ch = ngx_tolower(name->name.data[k]);

            if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
                  || ch == '-' || ch == '_'))
            {
                break;
            }

            name->lowcase.data[k] = ch;

            if (ch == '_') {
                ch = '-';
                name->dashed.len = name->name.len;
            }

            name->dashed.data[k] = ch;
        }

        if (k != name->name.len || k == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in \"key_names\" of "
                               "\"gateway_key_auth\": use letters, digits, "
                               "\"-\" and \"_\"", &name->name);
            return NGX_CONF_ERROR;
        }
    }

    kamcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_gateway_key_auth_module);

    return ngx_http_gateway_auth_check(cf, &kamcf->anonymous, &kacf->auth,
                                       "Key");
}


static char *
ngx_http_gateway_key_auth_credential(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_key_auth_main_conf_t  *kamcf = conf;

    time_t                                   ttl, created;
    uint8_t                                  uuid[16];
    ngx_str_t                               *value, key, digest;
    ngx_uint_t                               i;
    ngx_http_gateway_loc_conf_t             *glcf;
    ngx_http_gateway_key_auth_credential_t  *credential;

    credential = ngx_pcalloc(cf->pool,
                             sizeof(ngx_http_gateway_key_auth_credential_t));
    if (credential == NULL) {
        return NGX_CONF_ERROR;
    }

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    credential->credential.consumer = glcf->consumer;

    ttl = 0;
    created = ngx_time();
    ngx_str_null(&key);
    ngx_str_null(&digest);
    value = cf->args->elts;

    /* no message shows an argument: it may be a key, if misspelled */

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "id=", 3) == 0) {
            credential->credential.id.data = value[i].data + 3;
            credential->credential.id.len = value[i].len - 3;

            if (gateway_uuid_parse(uuid, (char *) value[i].data + 3,
                                   value[i].len - 3)
                != 0)
            {
                return "has an invalid \"id\": expected a UUID";
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "key=", 4) == 0) {
            key.data = value[i].data + 4;
            key.len = value[i].len - 4;

            continue;
        }

        if (ngx_strncmp(value[i].data, "key_digest=", 11) == 0) {
            digest.data = value[i].data + 11;
            digest.len = value[i].len - 11;

            continue;
        }

        if (ngx_strncmp(value[i].data, "ttl=", 4) == 0) {
            ttl = ngx_atotm(value[i].data + 4, value[i].len - 4);

            if (ttl <= 0 || ttl > NGX_HTTP_GATEWAY_KEY_AUTH_MAX_TTL) {
                return "has an invalid \"ttl\": expected seconds, from 1 to "
                       "100000000";
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "created_at=", 11) == 0) {
            created = ngx_atotm(value[i].data + 11, value[i].len - 11);

            if (created < 0) {
                return "has an invalid \"created_at\": expected seconds "
                       "since 1970";
            }

            continue;
        }

        return "has an unknown parameter: expected \"id=\", \"key=\", "
               "\"key_digest=\", \"ttl=\" or \"created_at=\"";
    }

    if (key.len == 0 && digest.data == NULL) {
        return "has no key: write \"key=...\"";
    }

    if (key.len && digest.data) {
        return "has a \"key\" and a \"key_digest\": one of them is to be "
               "left out";
    }

    if (kamcf->memo == NULL) {
        kamcf->memo = ngx_http_gateway_memo_create(cf, "keyauth_credentials",
                                           NGX_HTTP_GATEWAY_KEY_AUTH_MEMO);
        if (kamcf->memo == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (digest.data == NULL) {
        gateway_digest(ngx_http_gateway_memo_key(kamcf->memo), key.data,
                       key.len, credential->digest);

        ngx_explicit_memzero(key.data, key.len);

    } else if (!ngx_http_gateway_digest_is_lasting(cf)) {
        return "has a \"key_digest\", which needs \"gateway_secret_file\" "
               "before it";

    } else if (gateway_digest_parse(credential->digest, (char *) digest.data,
                                    digest.len)
               != 0)
    {
        return "has an invalid \"key_digest\": expected 64 hex digits";
    }

    if (ttl) {
        credential->expires = created + ttl;
    }

    if (glcf->consumer != kamcf->consumer) {
        kamcf->consumer = glcf->consumer;
        kamcf->nth = 0;
    }

    kamcf->nth++;

    if (credential->credential.id.len == 0
        && ngx_http_gateway_key_auth_derive_id(cf, kamcf, credential)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    credential->credential.identifier = credential->credential.id;

    return ngx_http_gateway_key_auth_add(cf, kamcf, credential);
}


static char *
ngx_http_gateway_key_auth_add(ngx_conf_t *cf,
    ngx_http_gateway_key_auth_main_conf_t *kamcf,
    ngx_http_gateway_key_auth_credential_t *credential)
{
    ngx_uint_t                               n;
    ngx_http_gateway_key_auth_credential_t  *other;

    other = kamcf->ncredentials
            ? ngx_http_gateway_key_auth_find(kamcf, credential->digest) : NULL;

    if (other) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate key in \"gateway_key_auth_credential\": "
                           "credential \"%V\" of consumer \"%V\" has the "
                           "same key as credential \"%V\" of consumer \"%V\"",
                           &credential->credential.id,
                           &credential->credential.consumer->name,
                           &other->credential.id,
                           &other->credential.consumer->name);
        return NGX_CONF_ERROR;
    }

    if (kamcf->ncredentials == kamcf->nbuckets
        && ngx_http_gateway_key_auth_grow(cf, kamcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    n = ngx_http_gateway_key_auth_hash(credential->digest)
        & (kamcf->nbuckets - 1);

    credential->next = kamcf->buckets[n];
    kamcf->buckets[n] = credential;
    kamcf->ncredentials++;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_key_auth_grow(ngx_conf_t *cf,
    ngx_http_gateway_key_auth_main_conf_t *kamcf)
{
    ngx_uint_t                                i, k, n;
    ngx_http_gateway_key_auth_credential_t   *credential, *next, **buckets;

    n = kamcf->nbuckets ? kamcf->nbuckets * 2
                        : NGX_HTTP_GATEWAY_KEY_AUTH_BUCKETS;

    buckets = ngx_pcalloc(cf->pool, n * sizeof(void *));
    if (buckets == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < kamcf->nbuckets; i++) {

        for (credential = kamcf->buckets[i]; credential; credential = next) {
            next = credential->next;
            k = ngx_http_gateway_key_auth_hash(credential->digest) & (n - 1);

            credential->next = buckets[k];
            buckets[k] = credential;
        }
    }

    /* gives large tables back to the system, small ones stay in the pool */

    if (kamcf->buckets) {
        (void) ngx_pfree(cf->pool, kamcf->buckets);
    }

    kamcf->buckets = buckets;
    kamcf->nbuckets = n;

    return NGX_OK;
}


/*
 * An id for a credential written by hand without one: of the consumer's name
 * and the credential's number, so that nothing is told about the key.
 */

static ngx_int_t
ngx_http_gateway_key_auth_derive_id(ngx_conf_t *cf,
    ngx_http_gateway_key_auth_main_conf_t *kamcf,
    ngx_http_gateway_key_auth_credential_t *credential)
{
    u_char     *p;
    size_t      len;
    uint8_t     uuid[16];
    ngx_str_t  *name, *id;

    name = &credential->credential.consumer->name;
    id = &credential->credential.id;

    p = ngx_pnalloc(cf->temp_pool, name->len + NGX_INT_T_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = ngx_sprintf(p, "%V:%ui", name, kamcf->nth) - p;

    id->data = ngx_pnalloc(cf->pool, GATEWAY_UUID_LEN);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    id->len = GATEWAY_UUID_LEN;

    gateway_uuid_entity(uuid, "keyauth_credentials", (char *) p, len);
    gateway_uuid_format((char *) id->data, uuid);

    return NGX_OK;
}


static void *
ngx_http_gateway_key_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_key_auth_main_conf_t  *kamcf;

    kamcf = ngx_pcalloc(cf->pool,
                        sizeof(ngx_http_gateway_key_auth_main_conf_t));
    if (kamcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     kamcf->buckets = NULL;
     *     kamcf->nbuckets = 0;
     *     kamcf->ncredentials = 0;
     *     kamcf->memo = NULL;
     *     kamcf->consumer = NULL;
     *     kamcf->nth = 0;
     *     kamcf->anonymous = { NULL };
     */

    return kamcf;
}


static ngx_int_t
ngx_http_gateway_key_auth_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_key_auth_policy);
}


static ngx_int_t
ngx_http_gateway_key_auth_init(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t           *gmcf;
    ngx_http_gateway_key_auth_main_conf_t  *kamcf;

    kamcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_gateway_key_auth_module);
    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->store && kamcf->memo == NULL) {
        kamcf->memo = ngx_http_gateway_memo_create(cf, "keyauth_credentials",
                                           NGX_HTTP_GATEWAY_KEY_AUTH_MEMO);
        if (kamcf->memo == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_auth_init(cf, &kamcf->anonymous);
}
