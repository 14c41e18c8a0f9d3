
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by username and password, RFC 7617.  Runs as a policy of the
 * access chain; a repeated request costs one SipHash of its password and the
 * identity headers, another one an HMAC.  Where a slow hash of the password
 * is kept, the request waits for a thread, unless the password was verified
 * before: such outcomes are in shared memory for a while.  Without room there
 * each request is hashed; when too many wait, more get 503.  Credentials are
 * part of the configuration and are read only.
 */


#include "ngx_http_gateway_basic_auth.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"
#include "gateway_authorization.h"


#define NGX_HTTP_GATEWAY_BASIC_AUTH_PRIORITY  1100

#define NGX_HTTP_GATEWAY_BASIC_AUTH_LAYOUT    1


typedef struct {
    ngx_http_gateway_auth_conf_t              auth;
    ngx_flag_t                                hide_credentials;
} ngx_http_gateway_basic_auth_conf_t;


/* what a request says, and whose name that is */
typedef struct {
    ngx_str_t                                 username;
    ngx_str_t                                 password;
    ngx_http_gateway_basic_auth_credential_t *credential; /* NULL: nobody's */
} ngx_http_gateway_basic_auth_given_t;


#if (NGX_THREADS)

/* kept with a request whose password is hashed */
typedef struct {
    ngx_http_gateway_data_t                   data;
    ngx_http_request_t                       *request;
    ngx_http_gateway_basic_auth_credential_t *credential;
    ngx_int_t                                 rc;       /* NGX_AGAIN: waits */
    ngx_http_gateway_memo_tag_t               tag;      /* of the outcome */
    u_char                                    name[GATEWAY_DIGEST_LEN];
    ngx_http_gateway_basic_auth_waiter_t      waiter;
} ngx_http_gateway_basic_auth_data_t;

#endif


static ngx_int_t ngx_http_gateway_basic_auth_handler(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_basic_auth_given(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_conf_t *bacf,
    ngx_http_gateway_basic_auth_given_t *given);
static ngx_int_t ngx_http_gateway_basic_auth_verify(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_given_t *given);
static ngx_http_gateway_basic_auth_credential_t *
    ngx_http_gateway_basic_auth_any(
    ngx_http_gateway_basic_auth_main_conf_t *bamcf, ngx_str_t *username);
static ngx_int_t ngx_http_gateway_basic_auth_verify_fast(
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential,
    ngx_http_gateway_basic_auth_given_t *given);
static ngx_int_t ngx_http_gateway_basic_auth_finish(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_conf_t *bacf,
    ngx_http_gateway_basic_auth_credential_t *credential, ngx_int_t rc);
static ngx_int_t ngx_http_gateway_basic_auth_busy(ngx_http_request_t *r);

#if (NGX_THREADS)
static ngx_int_t ngx_http_gateway_basic_auth_verify_slow(
    ngx_http_request_t *r, ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential,
    ngx_http_gateway_basic_auth_given_t *given);
static ngx_int_t ngx_http_gateway_basic_auth_wait(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_data_t *data);
static void ngx_http_gateway_basic_auth_hashed(void *data, ngx_int_t rc);
static void ngx_http_gateway_basic_auth_gone(void *data);
static void ngx_http_gateway_basic_auth_init_names(
    ngx_http_gateway_basic_auth_main_conf_t *bamcf);
#endif

static char *ngx_http_gateway_basic_auth_check(ngx_conf_t *cf, void *conf);
static char *ngx_http_gateway_basic_auth_hashing(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_gateway_basic_auth_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_basic_auth_init_main_conf(ngx_conf_t *cf,
    void *conf);
static ngx_int_t ngx_http_gateway_basic_auth_preconfiguration(
    ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_basic_auth_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_basic_auth_init_process(
    ngx_cycle_t *cycle);


static ngx_http_gateway_param_t  ngx_http_gateway_basic_auth_params[] = {

    { ngx_string("hide_credentials"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_basic_auth_conf_t, hide_credentials), 0, 0,
      NULL },

    { ngx_string("anonymous"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_basic_auth_conf_t, auth.anonymous), 0, 0,
      NULL },

    { ngx_string("realm"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_basic_auth_conf_t, auth.realm), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_basic_auth_policy = {
    ngx_string("basic_auth"),
    NGX_HTTP_GATEWAY_BASIC_AUTH_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_basic_auth_conf_t),
    ngx_http_gateway_basic_auth_params,
    NULL,                                  /* defaults */
    ngx_http_gateway_basic_auth_check,
    ngx_http_gateway_basic_auth_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_basic_auth_commands[] = {

    { ngx_string("gateway_basic_auth"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_basic_auth_policy },

    { ngx_string("gateway_basic_auth_credential"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_basic_auth_credential,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_basic_auth_hashing"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_basic_auth_hashing,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_basic_auth_module_ctx = {
    ngx_http_gateway_basic_auth_preconfiguration, /* preconfiguration */
    ngx_http_gateway_basic_auth_init,      /* postconfiguration */

    ngx_http_gateway_basic_auth_create_main_conf, /* create main conf */
    ngx_http_gateway_basic_auth_init_main_conf, /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_basic_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_basic_auth_module_ctx, /* module context */
    ngx_http_gateway_basic_auth_commands,  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_basic_auth_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* where all are in the store: nothing has its digest */

static ngx_http_gateway_basic_auth_credential_t
    ngx_http_gateway_basic_auth_nobody;


static ngx_str_t  ngx_http_gateway_basic_auth_unauthorized =
    ngx_string("Unauthorized");

static ngx_str_t  ngx_http_gateway_basic_auth_unavailable =
    ngx_string("Service unavailable");


static ngx_int_t
ngx_http_gateway_basic_auth_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_basic_auth_conf_t  *bacf = conf;

    ngx_int_t                                 rc;
    ngx_http_gateway_ctx_t                   *ctx;
    ngx_http_gateway_basic_auth_given_t       given;
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;
#if (NGX_THREADS)
    ngx_http_gateway_basic_auth_data_t       *data;
#endif

    bamcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_basic_auth_module);

    /* with a hash that was asked for, the headers may be gone */

#if (NGX_THREADS)
    if (bamcf->names) {
        data = ngx_http_gateway_get_data(r,
                                         &ngx_http_gateway_basic_auth_policy);

        if (data) {
            return ngx_http_gateway_basic_auth_finish(r, bacf,
                                                      data->credential,
                                                      data->rc);
        }
    }
#endif

    ctx = ngx_http_gateway_get_ctx(r);

    if (ngx_http_gateway_auth_skip(ctx, &bacf->auth)) {
        return NGX_DECLINED;
    }

    given.credential = NULL;

    rc = ngx_http_gateway_basic_auth_given(r, bamcf, bacf, &given);

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_auth_attempt(r, &bacf->auth, &given.username);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        rc = ngx_http_gateway_basic_auth_verify(r, bamcf, &given);

        ngx_explicit_memzero(given.password.data, given.password.len);
    }

    return ngx_http_gateway_basic_auth_finish(r, bacf, given.credential, rc);
}


/*
 * Proxy-Authorization comes first: when it names a credential, its password
 * decides, and Authorization is not looked at.  NGX_OK, NGX_DECLINED when no
 * header can be read, NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_basic_auth_given(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_conf_t *bacf,
    ngx_http_gateway_basic_auth_given_t *given)
{
    u_char                         *buf;
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_table_elt_t                *h;
    gateway_authorization_basic_t   basic;

    static ngx_str_t  names[] = {
        ngx_string("proxy-authorization"),
        ngx_string("authorization")
    };

    rc = NGX_DECLINED;

    for (i = 0; i < 2 && given->credential == NULL; i++) {

        h = ngx_http_gateway_header_in(r, &names[i], 0);
        if (h == NULL) {
            continue;
        }

        buf = ngx_pnalloc(r->pool,
                          gateway_authorization_decoded(h->value.len));
        if (buf == NULL) {
            return NGX_ERROR;
        }

        if (gateway_authorization_basic(&basic, h->value.data, h->value.len,
                                        buf)
            == 0)
        {
            given->username.data = basic.username.data;
            given->username.len = basic.username.len;
            given->password.data = basic.password.data;
            given->password.len = basic.password.len;

            rc = ngx_http_gateway_basic_auth_find(r, bamcf, &given->username,
                                                  &given->credential);
            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }
        }

        if (bacf->hide_credentials) {
            (void) ngx_http_gateway_header_in_remove(r, &names[i]);
        }
    }

    return rc;
}


/*
 * A username that nobody has costs what a wrong password of somebody costs.
 * NGX_OK, NGX_DECLINED, NGX_AGAIN: the answer comes later, NGX_BUSY,
 * NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_basic_auth_verify(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_given_t *given)
{
    ngx_int_t                                  rc;
    ngx_http_gateway_basic_auth_credential_t  *credential;

    credential = given->credential;

    if (credential == NULL) {
        credential = ngx_http_gateway_basic_auth_any(bamcf, &given->username);

        if (credential == NULL && bamcf->digests == NULL) {
            return NGX_DECLINED;
        }

        if (credential == NULL) {
            credential = &ngx_http_gateway_basic_auth_nobody;
        }
    }

#if (NGX_THREADS)
    if (credential->form == NGX_HTTP_GATEWAY_BASIC_AUTH_HASH) {
        return ngx_http_gateway_basic_auth_verify_slow(r, bamcf, credential,
                                                       given);
    }
#endif

    rc = ngx_http_gateway_basic_auth_verify_fast(bamcf, credential, given);

    return given->credential ? rc : NGX_DECLINED;
}


/*
 * One of those that are known, always the same for a username: names that
 * nobody has then take as long, one by one, as those that somebody has.
 */

static ngx_http_gateway_basic_auth_credential_t *
ngx_http_gateway_basic_auth_any(ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_str_t *username)
{
    uint64_t                         hash;
    ngx_uint_t                       n;
    ngx_http_gateway_named_table_t  *table;

    table = &bamcf->table;

    if (table->n == 0) {
        return NULL;
    }

    hash = (ngx_murmur_hash2(username->data, username->len) ^ bamcf->seed)
           * 0x9e3779b97f4a7c15ULL;
    n = (ngx_uint_t) (hash >> 32) & (table->nbuckets - 1);

    while (table->buckets[n] == NULL) {
        n = (n + 1) & (table->nbuckets - 1);
    }

    return (ngx_http_gateway_basic_auth_credential_t *) table->buckets[n];
}


static ngx_int_t
ngx_http_gateway_basic_auth_verify_fast(
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential,
    ngx_http_gateway_basic_auth_given_t *given)
{
    u_char                        digest[GATEWAY_DIGEST_LEN];
    ngx_str_t                    *id, a, b;
    ngx_uint_t                    known;
    ngx_http_gateway_memo_tag_t   tag;

    static ngx_str_t  nobody = ngx_string(NGX_HTTP_GATEWAY_NIL_UUID);

    a.data = digest;
    b.data = credential->bytes;

    if (credential->form == NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1) {
        a.len = b.len = NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1_LEN;

        ngx_http_gateway_basic_auth_sha1(&given->password,
                                  &credential->named.credential.consumer->id,
                                  digest);

        return ngx_http_gateway_auth_equal(&a, &b) ? NGX_OK : NGX_DECLINED;
    }

    a.len = b.len = GATEWAY_DIGEST_LEN;

    id = given->credential ? &credential->named.credential.id : &nobody;

    known = ngx_http_gateway_memo_digest(bamcf->digests, id, &given->password,
                                         &tag, digest);

    if (!ngx_http_gateway_auth_equal(&a, &b)) {
        return NGX_DECLINED;
    }

    if (!known) {
        ngx_http_gateway_memo_keep(bamcf->digests, &tag, digest);
    }

    return NGX_OK;
}


/* what the verification gave, as an access handler returns it */

static ngx_int_t
ngx_http_gateway_basic_auth_finish(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_conf_t *bacf,
    ngx_http_gateway_basic_auth_credential_t *credential, ngx_int_t rc)
{
    ngx_http_gateway_ctx_t  *ctx;

    switch (rc) {

    case NGX_AGAIN:
    case NGX_ERROR:
        return rc;

    case NGX_BUSY:
        return ngx_http_gateway_basic_auth_busy(r);

    default: /* NGX_OK, NGX_DECLINED */
        break;
    }

    ctx = ngx_http_gateway_get_ctx(r);

    if (credential == NULL || rc != NGX_OK) {
        return ngx_http_gateway_auth_fail(r, ctx, &bacf->auth,
                                   &ngx_http_gateway_basic_auth_unauthorized);
    }

    return ngx_http_gateway_auth_succeed(r, ctx,
                                         &credential->named.credential);
}


static ngx_int_t
ngx_http_gateway_basic_auth_busy(ngx_http_request_t *r)
{
    static time_t     logged;
    static ngx_str_t  name = ngx_string("Retry-After");
    static ngx_str_t  value = ngx_string("1");

    if (logged != ngx_time()) {
        logged = ngx_time();

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "basic_auth: more passwords to hash than "
                      "\"gateway_basic_auth_hashing\" lets wait");
    }

    if (ngx_http_gateway_header_out_add(r, &name, &value) == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  &ngx_http_gateway_basic_auth_unavailable);
}


#if (NGX_THREADS)

static ngx_int_t
ngx_http_gateway_basic_auth_verify_slow(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf,
    ngx_http_gateway_basic_auth_credential_t *credential,
    ngx_http_gateway_basic_auth_given_t *given)
{
    u_char                               name[GATEWAY_DIGEST_LEN];
    ngx_int_t                            rc;
    ngx_str_t                            first, second;
    ngx_uint_t                           known;
    ngx_http_gateway_digest_t            place;
    ngx_http_gateway_memo_tag_t          tag;
    ngx_http_gateway_shm_entry_t         entry;
    ngx_http_gateway_basic_auth_data_t  *data;

    static u_char  nobody[GATEWAY_DIGEST_LEN];

    first.len = GATEWAY_DIGEST_LEN;

    if (given->credential) {
        first.data = credential->bytes;
        second = given->password;

    } else {
        /* the colon and the password are right behind it */
        first.data = nobody;
        second.data = given->username.data;
        second.len = given->username.len + 1 + given->password.len;
    }

    known = ngx_http_gateway_memo_digest(bamcf->names, &first, &second, &tag,
                                         name);

    ngx_memcpy(&place, name, sizeof(ngx_http_gateway_digest_t));

    if (ngx_http_gateway_shm_find(bamcf->verified, &place, &entry) == NGX_OK) {
        ngx_http_gateway_shm_release(&entry);

        if (!known) {
            ngx_http_gateway_memo_keep(bamcf->names, &tag, name);
        }

        return NGX_OK;
    }

    data = ngx_http_gateway_add_data(r, &ngx_http_gateway_basic_auth_policy,
                                  sizeof(ngx_http_gateway_basic_auth_data_t));
    if (data == NULL) {
        return NGX_ERROR;
    }

    data->request = r;
    data->credential = given->credential;
    data->tag = tag;
    ngx_memcpy(data->name, name, GATEWAY_DIGEST_LEN);

    data->waiter.job = NULL;
    data->waiter.handler = ngx_http_gateway_basic_auth_hashed;
    data->waiter.data = data;

    data->rc = ngx_http_gateway_basic_auth_hash(&bamcf->hasher,
                                                credential->kind,
                                                &credential->hash,
                                                &given->password, name,
                                                &data->waiter);
    if (data->rc != NGX_AGAIN) {
        return data->rc;
    }

    rc = ngx_http_gateway_basic_auth_wait(r, data);

    if (rc != NGX_AGAIN) {
        data->rc = rc;
        ngx_http_gateway_basic_auth_leave(&bamcf->hasher, &data->waiter);
    }

    return rc;
}


/* a client that goes away is seen */

static ngx_int_t
ngx_http_gateway_basic_auth_wait(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_data_t *data)
{
    ngx_event_t         *rev;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_basic_auth_gone;
    cln->data = data;

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


static void
ngx_http_gateway_basic_auth_hashed(void *data, ngx_int_t rc)
{
    ngx_http_gateway_basic_auth_data_t *bad = data;

    ngx_http_request_t                       *r;
    ngx_http_gateway_digest_t                 place;
    ngx_http_gateway_shm_entry_t              entry;
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;

    r = bad->request;

    ngx_http_set_log_request(r->connection->log, r);

    if (bad->credential && rc == NGX_OK) {
        bamcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_basic_auth_module);

        ngx_http_gateway_memo_keep(bamcf->names, &bad->tag, bad->name);
        ngx_memcpy(&place, bad->name, sizeof(ngx_http_gateway_digest_t));

        if (ngx_http_gateway_shm_acquire(bamcf->verified, &place, bamcf->ttl,
                                         &entry)
            == NGX_OK)
        {
            ngx_http_gateway_shm_release(&entry);
        }
    }

    bad->rc = rc;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_gateway_resume(r);
}


static void
ngx_http_gateway_basic_auth_gone(void *data)
{
    ngx_http_gateway_basic_auth_data_t *bad = data;

    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;

    bamcf = ngx_http_get_module_main_conf(bad->request,
                                          ngx_http_gateway_basic_auth_module);

    ngx_http_gateway_basic_auth_leave(&bamcf->hasher, &bad->waiter);
}

#endif


/* configuration */

static char *
ngx_http_gateway_basic_auth_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_basic_auth_conf_t  *bacf = conf;

    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;

    if (bacf->auth.realm.data == NULL) {
        ngx_str_set(&bacf->auth.realm, "service");
    }

    bamcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_basic_auth_module);

    return ngx_http_gateway_auth_check(cf, &bamcf->anonymous, &bacf->auth,
                                       "Basic");
}


static char *
ngx_http_gateway_basic_auth_hashing(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf = conf;

    ssize_t      size;
    ngx_int_t    n;
    ngx_str_t   *value, text;
    ngx_uint_t   i;

    if (bamcf->ttl != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    bamcf->ttl = 0;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "threads=", 8) == 0) {
            bamcf->pool.data = value[i].data + 8;
            bamcf->pool.len = value[i].len - 8;

            if (bamcf->pool.len) {
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "active=", 7) == 0) {
            n = ngx_atoi(value[i].data + 7, value[i].len - 7);

            if (n > 0 && n <= 1024) {
                bamcf->active = n;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "queue=", 6) == 0) {
            n = ngx_atoi(value[i].data + 6, value[i].len - 6);

            if (n >= 0 && n <= 65536) {
                bamcf->queue = n;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "cache=", 6) == 0) {
            text.data = value[i].data + 6;
            text.len = value[i].len - 6;
            size = ngx_parse_size(&text);

            if (size >= (ssize_t) (8 * ngx_pagesize)) {
                bamcf->cache = size;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "ttl=", 4) == 0) {
            text.data = value[i].data + 4;
            text.len = value[i].len - 4;
            n = ngx_parse_time(&text, 1);

            if (n > 0 && n <= 86400) {
                bamcf->ttl = n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": expected "
                           "\"threads=name\", \"active=\" from 1 to 1024, "
                           "\"queue=\" up to 65536, \"cache=\" from %uz "
                           "bytes, or \"ttl=\" up to a day",
                           &value[i], 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_basic_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;

    bamcf = ngx_pcalloc(cf->pool,
                        sizeof(ngx_http_gateway_basic_auth_main_conf_t));
    if (bamcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     bamcf->table = { NULL };
     *     bamcf->anonymous = { NULL };
     *     bamcf->digests = NULL;
     *     bamcf->names = NULL;
     *     bamcf->verified = NULL;
     *     bamcf->pool = { 0, NULL };
     *     bamcf->active = 0;
     */

    bamcf->queue = NGX_CONF_UNSET_UINT;
    bamcf->cache = NGX_CONF_UNSET_SIZE;
    bamcf->ttl = NGX_CONF_UNSET;

    return bamcf;
}


static char *
ngx_http_gateway_basic_auth_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf = conf;

    ngx_str_t                      name;
#if (NGX_THREADS)
    ngx_uint_t                     configured;
    ngx_http_gateway_main_conf_t  *gmcf;

    configured = bamcf->ttl != NGX_CONF_UNSET;
#endif

    ngx_conf_init_uint_value(bamcf->queue, 64);
    ngx_conf_init_size_value(bamcf->cache, 1024 * 1024);

    if (bamcf->ttl <= 0) {
        bamcf->ttl = 600;
    }

#if (NGX_THREADS)

    /* hashes may be added to the store while we run */

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (configured && gmcf->store
        && ngx_http_gateway_basic_auth_hashes(cf, bamcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

#endif

    if (bamcf->names == NULL) {
        return NGX_CONF_OK;
    }

    ngx_str_set(&name, "gateway_basic_auth");

    bamcf->verified = ngx_http_gateway_shm_add(cf, &name, bamcf->cache,
                                          sizeof(uint64_t),
                                          NGX_HTTP_GATEWAY_BASIC_AUTH_LAYOUT,
                                          &ngx_http_gateway_basic_auth_module);

    return bamcf->verified ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_gateway_basic_auth_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_basic_auth_policy);
}


static ngx_int_t
ngx_http_gateway_basic_auth_init(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t             *gmcf;
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;

    bamcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_basic_auth_module);

#if (NGX_THREADS)
    if (bamcf->names) {
        bamcf->hasher.threads = ngx_thread_pool_add(cf,
                                       bamcf->pool.len ? &bamcf->pool : NULL);
        if (bamcf->hasher.threads == NULL) {
            return NGX_ERROR;
        }
    }
#endif

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->store && bamcf->digests == NULL) {
        bamcf->digests = ngx_http_gateway_memo_create(cf,
                                            "basicauth_credentials",
                                            NGX_HTTP_GATEWAY_BASIC_AUTH_MEMO);
        if (bamcf->digests == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_auth_init(cf, &bamcf->anonymous);
}


/* hashing takes whole processors: by default each has one hash at a time */

static ngx_int_t
ngx_http_gateway_basic_auth_init_process(ngx_cycle_t *cycle)
{
#if (NGX_THREADS)

    ngx_int_t                                 n;
    ngx_core_conf_t                          *ccf;
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;

    bamcf = ngx_http_cycle_get_module_main_conf(cycle,
                                          ngx_http_gateway_basic_auth_module);

    if (bamcf == NULL || bamcf->names == NULL) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    n = ccf->worker_processes > 0 ? ngx_ncpu / ccf->worker_processes : 1;

    bamcf->hasher.max_active = bamcf->active ? bamcf->active
                                             : (ngx_uint_t) ngx_max(n, 1);
    bamcf->hasher.max_waiting = bamcf->queue;

    ngx_http_gateway_basic_auth_hasher_init(&bamcf->hasher);
    ngx_http_gateway_basic_auth_init_names(bamcf);

#endif

    return NGX_OK;
}


#if (NGX_THREADS)

/*
 * Outcomes have HMACs for names.  The secret is drawn out of the key of the
 * zone: it is the same in all workers, lives from start to stop, and is
 * nowhere else.
 */

static void
ngx_http_gateway_basic_auth_init_names(
    ngx_http_gateway_basic_auth_main_conf_t *bamcf)
{
    u_char                     i;
    ngx_http_gateway_hash_t    hash;
    ngx_http_gateway_digest_t  secret[4];

    for (i = 0; i < 4; i++) {
        ngx_http_gateway_hash_init(bamcf->verified, &hash);
        ngx_http_gateway_hash_part(&hash, &i, 1);
        ngx_http_gateway_hash_final(&hash, &secret[i]);
    }

    gateway_digest_key(ngx_http_gateway_memo_key(bamcf->names), secret,
                       sizeof(secret), "basic_auth outcomes");

    ngx_explicit_memzero(secret, sizeof(secret));
}

#endif
