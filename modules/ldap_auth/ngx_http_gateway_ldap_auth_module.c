
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by a simple bind to an LDAP server.  Runs as a policy of the
 * access chain.  A request costs a look into shared memory; when there is no
 * outcome for its username and password it waits, and a thread asks the
 * server.  Without an answer the request fails with 500: an outage is not
 * taken for a wrong password, and lets nobody in.  Without room in shared
 * memory, or when a lock cannot be had, the server is asked each time.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_connect.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_ldap_bind.h"
#include "ngx_http_gateway_shm.h"
#include "gateway_uuid.h"

#include <math.h>
#include <openssl/sha.h>


#define NGX_HTTP_GATEWAY_LDAP_AUTH_PRIORITY  1200

#define NGX_HTTP_GATEWAY_LDAP_AUTH_ZONE      (1024 * 1024)
#define NGX_HTTP_GATEWAY_LDAP_AUTH_LAYOUT    1


typedef struct {
    ngx_http_gateway_auth_conf_t      auth;
    ngx_str_t                         ldap_host;
    ngx_int_t                         ldap_port;
    ngx_flag_t                        ldaps;
    ngx_flag_t                        start_tls;
    ngx_flag_t                        verify_ldap_host;
    ngx_str_t                         base_dn;
    ngx_str_t                         attribute;
    double                            cache_ttl;     /* seconds */
    ngx_flag_t                        hide_credentials;
    double                            timeout;       /* milliseconds */
    double                            keepalive;
    ngx_str_t                         header_type;

    ngx_http_gateway_ldap_server_t    server;
    u_char                            key[SHA256_DIGEST_LENGTH]; /* of all
                                           that an outcome depends on */
} ngx_http_gateway_ldap_auth_conf_t;


typedef struct {
    ngx_array_t                       anonymous;     /* ..._auth_conf_t * */
    ngx_array_t                       confs;         /* those with a server */
    ngx_str_t                         trusted;       /* file of certificates */
    size_t                            size;          /* of the zone */
    ngx_http_gateway_shm_t           *shm;
} ngx_http_gateway_ldap_auth_main_conf_t;


/* in shared memory */
typedef struct {
    ngx_msec_t                        expires;
    ngx_http_gateway_ldap_outcome_e   outcome;       /* NONE, OK or DENIED */
} ngx_http_gateway_ldap_auth_node_t;


/* what is kept with a request while it waits */
typedef struct {
    ngx_http_gateway_data_t           data;
    ngx_http_request_t               *request;
    ngx_http_gateway_ldap_auth_conf_t  *conf;
    ngx_http_gateway_ldap_bind_t     *bind;          /* under way, or NULL */
    ngx_http_gateway_ldap_outcome_e   outcome;       /* of that header */
    ngx_uint_t                        header;        /* 0 or 1 */
    ngx_str_t                         username;
    ngx_http_gateway_digest_t         digest;
    unsigned                          watched:1;     /* has its cleanup */
} ngx_http_gateway_ldap_auth_data_t;


static ngx_int_t ngx_http_gateway_ldap_auth_handler(ngx_http_request_t *r,
    void *conf);
static ngx_http_gateway_ldap_auth_data_t *ngx_http_gateway_ldap_auth_data(
    ngx_http_request_t *r, ngx_http_gateway_ldap_auth_conf_t *lacf);
static ngx_int_t ngx_http_gateway_ldap_auth_check_header(
    ngx_http_request_t *r, ngx_http_gateway_ldap_auth_data_t *data,
    ngx_str_t *header);
static ngx_int_t ngx_http_gateway_ldap_auth_parse(ngx_http_request_t *r,
    ngx_str_t *scheme, ngx_str_t *header, ngx_str_t *username,
    ngx_str_t *password);
static ngx_int_t ngx_http_gateway_ldap_auth_bind(ngx_http_request_t *r,
    ngx_http_gateway_ldap_auth_data_t *data, ngx_str_t *password);
static void ngx_http_gateway_ldap_auth_bound(void *data,
    ngx_http_gateway_ldap_outcome_e outcome);
static void ngx_http_gateway_ldap_auth_gone(void *data);
static ngx_int_t ngx_http_gateway_ldap_auth_succeed(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_ldap_auth_data_t *data);

static void ngx_http_gateway_ldap_auth_digest(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_ldap_auth_data_t *data, ngx_str_t *password);
static ngx_http_gateway_ldap_outcome_e ngx_http_gateway_ldap_auth_cached(
    ngx_http_gateway_shm_t *shm, ngx_http_gateway_ldap_auth_data_t *data);
static void ngx_http_gateway_ldap_auth_store(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_ldap_auth_data_t *data);

static void ngx_http_gateway_ldap_auth_defaults(void *conf);
static char *ngx_http_gateway_ldap_auth_check(ngx_conf_t *cf, void *conf);
static void *ngx_http_gateway_ldap_auth_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_ldap_auth_init_main_conf(ngx_conf_t *cf,
    void *conf);
static ngx_int_t ngx_http_gateway_ldap_auth_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_ldap_auth_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_ldap_auth_init_server(ngx_conf_t *cf,
    ngx_http_gateway_ldap_auth_main_conf_t *lamcf,
    ngx_http_gateway_ldap_auth_conf_t *lacf);
static ngx_int_t ngx_http_gateway_ldap_auth_init_key(ngx_conf_t *cf,
    ngx_http_gateway_ldap_auth_main_conf_t *lamcf,
    ngx_http_gateway_ldap_auth_conf_t *lacf);
static ngx_int_t ngx_http_gateway_ldap_auth_init_process(ngx_cycle_t *cycle);


static ngx_http_gateway_param_t  ngx_http_gateway_ldap_auth_params[] = {

    { ngx_string("ldap_host"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, ldap_host), 0, 0, NULL },

    { ngx_string("ldap_port"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, ldap_port), 0, 65535,
      NULL },

    { ngx_string("ldaps"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, ldaps), 0, 0, NULL },

    { ngx_string("start_tls"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, start_tls), 0, 0, NULL },

    { ngx_string("verify_ldap_host"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, verify_ldap_host), 0, 0,
      NULL },

    { ngx_string("base_dn"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, base_dn), 0, 0, NULL },

    { ngx_string("attribute"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, attribute), 0, 0, NULL },

    { ngx_string("cache_ttl"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, cache_ttl), 0, 31536000,
      NULL },

    { ngx_string("hide_credentials"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, hide_credentials), 0, 0,
      NULL },

    { ngx_string("timeout"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, timeout), 1, 2147483646,
      NULL },

    { ngx_string("keepalive"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, keepalive), 0, 2147483646,
      NULL },

    { ngx_string("anonymous"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, auth.anonymous), 0, 0,
      NULL },

    { ngx_string("header_type"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, header_type), 0, 0, NULL },

    { ngx_string("realm"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ldap_auth_conf_t, auth.realm), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_ldap_auth_policy = {
    ngx_string("ldap_auth"),
    NGX_HTTP_GATEWAY_LDAP_AUTH_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_ldap_auth_conf_t),
    ngx_http_gateway_ldap_auth_params,
    ngx_http_gateway_ldap_auth_defaults,
    ngx_http_gateway_ldap_auth_check,
    ngx_http_gateway_ldap_auth_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_ldap_auth_commands[] = {

    { ngx_string("gateway_ldap_auth"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_ldap_auth_policy },

    { ngx_string("gateway_ldap_auth_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_shm_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_ldap_auth_main_conf_t, size),
      NULL },

    { ngx_string("gateway_ldap_auth_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_ldap_auth_main_conf_t, trusted),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_ldap_auth_module_ctx = {
    ngx_http_gateway_ldap_auth_preconfiguration, /* preconfiguration */
    ngx_http_gateway_ldap_auth_init,       /* postconfiguration */

    ngx_http_gateway_ldap_auth_create_main_conf, /* create main conf */
    ngx_http_gateway_ldap_auth_init_main_conf, /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_ldap_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_ldap_auth_module_ctx, /* module context */
    ngx_http_gateway_ldap_auth_commands,   /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_ldap_auth_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_gateway_ldap_auth_unauthorized =
    ngx_string("Unauthorized");

static ngx_str_t  ngx_http_gateway_ldap_auth_headers[] = {
    ngx_string("proxy-authorization"),
    ngx_string("authorization"),
    ngx_null_string
};


/*
 * Called again when an outcome is there, and by events of the connection
 * before that.
 */

static ngx_int_t
ngx_http_gateway_ldap_auth_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_ldap_auth_conf_t  *lacf = conf;

    ngx_int_t                           rc;
    ngx_str_t                          *name;
    ngx_table_elt_t                    *h;
    ngx_http_gateway_ctx_t             *ctx;
    ngx_http_gateway_ldap_auth_data_t  *data;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ngx_http_gateway_auth_skip(ctx, &lacf->auth)) {
        return NGX_DECLINED;
    }

    data = ngx_http_gateway_ldap_auth_data(r, lacf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (data->bind) {
        return NGX_AGAIN;
    }

    for ( ;; ) {

        switch (data->outcome) {

        case NGX_HTTP_GATEWAY_LDAP_OK:
            return ngx_http_gateway_ldap_auth_succeed(r, ctx, data);

        case NGX_HTTP_GATEWAY_LDAP_FAILED:
            return NGX_ERROR;

        case NGX_HTTP_GATEWAY_LDAP_DENIED:
            data->outcome = NGX_HTTP_GATEWAY_LDAP_NONE;
            data->header++;
            break;

        default: /* NGX_HTTP_GATEWAY_LDAP_NONE */
            break;
        }

        name = &ngx_http_gateway_ldap_auth_headers[data->header];

        if (name->data == NULL) {
            return ngx_http_gateway_auth_fail(r, ctx, &lacf->auth,
                                    &ngx_http_gateway_ldap_auth_unauthorized);
        }

        h = ngx_http_gateway_header_in(r, name, 0);

        if (h == NULL) {
            data->header++;
            continue;
        }

        rc = ngx_http_gateway_ldap_auth_check_header(r, data, &h->value);

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


static ngx_http_gateway_ldap_auth_data_t *
ngx_http_gateway_ldap_auth_data(ngx_http_request_t *r,
    ngx_http_gateway_ldap_auth_conf_t *lacf)
{
    ngx_http_gateway_ldap_auth_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_ldap_auth_policy);

    if (data) {
        return data;
    }

    data = ngx_http_gateway_add_data(r, &ngx_http_gateway_ldap_auth_policy,
                                   sizeof(ngx_http_gateway_ldap_auth_data_t));
    if (data == NULL) {
        return NULL;
    }

    data->request = r;
    data->conf = lacf;
    data->bind = NULL;
    data->outcome = NGX_HTTP_GATEWAY_LDAP_NONE;
    data->header = 0;
    data->watched = 0;

    return data;
}


/* NGX_OK: data->outcome is set; NGX_AGAIN: it will be; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_ldap_auth_check_header(ngx_http_request_t *r,
    ngx_http_gateway_ldap_auth_data_t *data, ngx_str_t *header)
{
    ngx_int_t                                rc;
    ngx_str_t                                password;
    ngx_http_gateway_ldap_auth_main_conf_t  *lamcf;

    rc = ngx_http_gateway_ldap_auth_parse(r, &data->conf->header_type, header,
                                          &data->username, &password);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        data->outcome = NGX_HTTP_GATEWAY_LDAP_DENIED;
        return NGX_OK;
    }

    rc = ngx_http_gateway_auth_attempt(r, &data->conf->auth, &data->username);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    lamcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_ldap_auth_module);

    ngx_http_gateway_ldap_auth_digest(lamcf->shm, data, &password);

    data->outcome = ngx_http_gateway_ldap_auth_cached(lamcf->shm, data);

    if (data->outcome == NGX_HTTP_GATEWAY_LDAP_NONE) {
        rc = ngx_http_gateway_ldap_auth_bind(r, data, &password);

    } else {
        rc = NGX_OK;
    }

    ngx_explicit_memzero(password.data, password.len);

    return rc;
}


/*
 * Blanks or none, the scheme in any case, blanks, base64 up to the end.
 * NGX_OK, NGX_DECLINED when it is not of this form, NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_ldap_auth_parse(ngx_http_request_t *r, ngx_str_t *scheme,
    ngx_str_t *header, ngx_str_t *username, ngx_str_t *password)
{
    u_char     *p, *last, *colon;
    ngx_str_t   encoded, decoded;

    p = header->data;
    last = p + header->len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if ((size_t) (last - p) <= scheme->len
        || ngx_strncasecmp(p, scheme->data, scheme->len) != 0)
    {
        return NGX_DECLINED;
    }

    p += scheme->len;

    if (*p != ' ' && *p != '\t') {
        return NGX_DECLINED;
    }

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    encoded.data = p;
    encoded.len = last - p;

    decoded.data = ngx_pnalloc(r->pool,
                               ngx_base64_decoded_length(encoded.len) + 1);
    if (decoded.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_decode_base64(&decoded, &encoded) != NGX_OK) {
        return NGX_DECLINED;
    }

    last = decoded.data + decoded.len;
    colon = ngx_strlchr(decoded.data, last, ':');

    /*
     * An empty password would be no authentication at all: servers grant
     * such binds to anyone, RFC 4513 5.1.2.
     */

    if (colon == NULL || colon == decoded.data || colon + 1 == last) {
        return NGX_DECLINED;
    }

    /* the username becomes a header */

    for (p = decoded.data; p < colon; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            return NGX_DECLINED;
        }
    }

    username->data = decoded.data;
    username->len = colon - decoded.data;

    password->data = colon + 1;
    password->len = last - password->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_ldap_auth_bind(ngx_http_request_t *r,
    ngx_http_gateway_ldap_auth_data_t *data, ngx_str_t *password)
{
    ngx_event_t                        *rev;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_gateway_ldap_auth_conf_t  *lacf;

    lacf = data->conf;
    rev = r->connection->read;

    if (!data->watched) {

        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_gateway_ldap_auth_gone;
        cln->data = data;
        data->watched = 1;
    }

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    data->bind = ngx_http_gateway_ldap_bind(&lacf->server, &lacf->attribute,
                                            &data->username, &lacf->base_dn,
                                            password,
                                            ngx_http_gateway_ldap_auth_bound,
                                            data);
    if (data->bind == NULL) {
        return NGX_ERROR;
    }

    /* a client that goes away is seen */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


static void
ngx_http_gateway_ldap_auth_bound(void *data,
    ngx_http_gateway_ldap_outcome_e outcome)
{
    ngx_http_gateway_ldap_auth_data_t *lad = data;

    ngx_http_request_t                      *r;
    ngx_http_gateway_ldap_auth_main_conf_t  *lamcf;

    r = lad->request;

    ngx_http_set_log_request(r->connection->log, r);

    lad->bind = NULL;
    lad->outcome = outcome;

    if (outcome != NGX_HTTP_GATEWAY_LDAP_FAILED) {
        lamcf = ngx_http_get_module_main_conf(r,
                                           ngx_http_gateway_ldap_auth_module);

        ngx_http_gateway_ldap_auth_store(lamcf->shm, lad);
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_gateway_resume(r);
}


static void
ngx_http_gateway_ldap_auth_gone(void *data)
{
    ngx_http_gateway_ldap_auth_data_t *lad = data;

    if (lad->bind) {
        ngx_http_gateway_ldap_detach(lad->bind);
        lad->bind = NULL;
    }
}


/*
 * There is a credential but no consumer.  Its id is derived from the place
 * of the user in the directory: the same in all workers and after a reload.
 */

static ngx_int_t
ngx_http_gateway_ldap_auth_succeed(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_ldap_auth_data_t *data)
{
    uint8_t                         uuid[16];
    ngx_uint_t                      i;
    ngx_http_gateway_credential_t  *credential;

    credential = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_credential_t)
                                      + GATEWAY_UUID_LEN);
    if (credential == NULL) {
        return NGX_ERROR;
    }

    gateway_uuid_v5(uuid, data->conf->key, (char *) data->username.data,
                    data->username.len);

    credential->id.data = (u_char *) (credential + 1);
    credential->id.len = GATEWAY_UUID_LEN;
    credential->identifier = data->username;

    gateway_uuid_format((char *) credential->id.data, uuid);

    if (data->conf->hide_credentials) {
        for (i = 0; ngx_http_gateway_ldap_auth_headers[i].data; i++) {
            (void) ngx_http_gateway_header_in_remove(r,
                                     &ngx_http_gateway_ldap_auth_headers[i]);
        }
    }

    return ngx_http_gateway_auth_succeed(r, ctx, credential);
}


/*
 * Outcomes are found by a keyed digest of username and password, whose key
 * is drawn with the zone and is nowhere else.
 */

static void
ngx_http_gateway_ldap_auth_digest(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_ldap_auth_data_t *data, ngx_str_t *password)
{
    uint64_t                 len;
    ngx_http_gateway_hash_t  hash;

    len = data->username.len;

    ngx_http_gateway_hash_init(shm, &hash);
    ngx_http_gateway_hash_part(&hash, data->conf->key, SHA256_DIGEST_LENGTH);
    ngx_http_gateway_hash_part(&hash, &len, sizeof(len));

    /* the colon and the password are right behind it */

    ngx_http_gateway_hash_part(&hash, data->username.data,
                               data->username.len + 1 + password->len);
    ngx_http_gateway_hash_final(&hash, &data->digest);
}


static ngx_http_gateway_ldap_outcome_e
ngx_http_gateway_ldap_auth_cached(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_ldap_auth_data_t *data)
{
    time_t                              ttl;
    ngx_http_gateway_shm_entry_t        entry;
    ngx_http_gateway_ldap_outcome_e     outcome;
    ngx_http_gateway_ldap_auth_node_t  *node;

    if (data->conf->cache_ttl == 0) {
        return NGX_HTTP_GATEWAY_LDAP_NONE;
    }

    ttl = (time_t) data->conf->cache_ttl + 1;

    if (ngx_http_gateway_shm_acquire(shm, &data->digest, ttl, &entry)
        != NGX_OK)
    {
        return NGX_HTTP_GATEWAY_LDAP_NONE;
    }

    node = entry.value;
    outcome = node->outcome;

    /* the entry lives on by each look at it, the outcome does not */

    if (outcome != NGX_HTTP_GATEWAY_LDAP_NONE
        && (ngx_msec_int_t) (node->expires - ngx_current_msec) <= 0)
    {
        outcome = NGX_HTTP_GATEWAY_LDAP_NONE;
        node->outcome = NGX_HTTP_GATEWAY_LDAP_NONE;
    }

    ngx_http_gateway_shm_release(&entry);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, data->request->connection->log, 0,
                   "ldap_auth: cached outcome:%d", outcome);

    return outcome;
}


static void
ngx_http_gateway_ldap_auth_store(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_ldap_auth_data_t *data)
{
    time_t                              ttl;
    ngx_http_gateway_shm_entry_t        entry;
    ngx_http_gateway_ldap_auth_node_t  *node;

    if (data->conf->cache_ttl == 0) {
        return;
    }

    ttl = (time_t) data->conf->cache_ttl + 1;

    if (ngx_http_gateway_shm_acquire(shm, &data->digest, ttl, &entry)
        != NGX_OK)
    {
        return;
    }

    node = entry.value;

    /* a worker may be killed in between: the time first, while there is no
       outcome to go with it */

    node->outcome = NGX_HTTP_GATEWAY_LDAP_NONE;
    ngx_memory_barrier();
    node->expires = ngx_current_msec
                    + (ngx_msec_t) (data->conf->cache_ttl * 1000);
    ngx_memory_barrier();
    node->outcome = data->outcome;

    ngx_http_gateway_shm_release(&entry);
}


/* configuration */

static void
ngx_http_gateway_ldap_auth_defaults(void *conf)
{
    ngx_http_gateway_ldap_auth_conf_t  *lacf = conf;

    lacf->ldap_port = 389;
    lacf->cache_ttl = 60;
    lacf->timeout = 10000;
    lacf->keepalive = 60000;
    ngx_str_set(&lacf->header_type, "ldap");
}


static char *
ngx_http_gateway_ldap_auth_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_ldap_auth_conf_t  *lacf = conf;

    char                                     *scheme;
    u_char                                    ch;
    size_t                                    i;
    ngx_http_gateway_ldap_auth_conf_t       **p;
    ngx_http_gateway_ldap_auth_main_conf_t   *lamcf;

    lamcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_ldap_auth_module);

    if (lacf->ldap_host.len == 0) {
        return "has no server: write \"ldap_host=...\"";
    }

    if (lacf->base_dn.len == 0) {
        return "has no directory: write \"base_dn=...\"";
    }

    if (lacf->attribute.len == 0) {
        return "has no attribute of users: write \"attribute=...\"";
    }

    if (lacf->ldaps && lacf->start_tls) {
        return "has both \"ldaps\" and \"start_tls\", which exclude each "
               "other";
    }

    /* it becomes a part of an URL */

    for (i = 0; i < lacf->ldap_host.len; i++) {
        ch = lacf->ldap_host.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ngx_strchr(".-_:[]", ch) != NULL))
        {
            return "has an invalid \"ldap_host\": expected a name or an "
                   "address";
        }
    }

    if (lacf->header_type.len == 0) {
        return "has an empty \"header_type\"";
    }

    for (i = 0; i < lacf->header_type.len; i++) {
        ch = lacf->header_type.data[i];

        if (ch < 0x20 || ch == 0x7f) {
            return "has a control character in \"header_type\"";
        }
    }

    p = ngx_array_push(&lamcf->confs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = lacf;

    lacf->server.threads = ngx_thread_pool_add(cf, NULL);
    if (lacf->server.threads == NULL) {
        return NGX_CONF_ERROR;
    }

    /* only the default is changed, as in Kong */

    if (lacf->header_type.len == 4
        && ngx_strncmp(lacf->header_type.data, "ldap", 4) == 0)
    {
        scheme = "LDAP";

    } else {
        scheme = ngx_pcalloc(cf->pool, lacf->header_type.len + 1);
        if (scheme == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memcpy(scheme, lacf->header_type.data, lacf->header_type.len);
    }

    return ngx_http_gateway_auth_check(cf, &lamcf->anonymous, &lacf->auth,
                                       scheme);
}


static void *
ngx_http_gateway_ldap_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_ldap_auth_main_conf_t  *lamcf;

    lamcf = ngx_pcalloc(cf->pool,
                        sizeof(ngx_http_gateway_ldap_auth_main_conf_t));
    if (lamcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     lamcf->anonymous = { NULL };
     *     lamcf->trusted = { 0, NULL };
     *     lamcf->size = 0;
     *     lamcf->shm = NULL;
     */

    if (ngx_array_init(&lamcf->confs, cf->pool, 4, sizeof(void *))
        != NGX_OK)
    {
        return NULL;
    }

    return lamcf;
}


static char *
ngx_http_gateway_ldap_auth_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_ldap_auth_main_conf_t  *lamcf = conf;

    static ngx_str_t  name = ngx_string("gateway_ldap_auth");

    if (lamcf->confs.nelts == 0) {
        return NGX_CONF_OK;
    }

    if (lamcf->trusted.len
        && ngx_conf_full_name(cf->cycle, &lamcf->trusted, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    lamcf->shm = ngx_http_gateway_shm_add(cf, &name,
                                lamcf->size ? lamcf->size
                                            : NGX_HTTP_GATEWAY_LDAP_AUTH_ZONE,
                                sizeof(ngx_http_gateway_ldap_auth_node_t),
                                NGX_HTTP_GATEWAY_LDAP_AUTH_LAYOUT,
                                &ngx_http_gateway_ldap_auth_module);

    return lamcf->shm ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_gateway_ldap_auth_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_ldap_auth_policy);
}


static ngx_int_t
ngx_http_gateway_ldap_auth_init(ngx_conf_t *cf)
{
    void                                    *tls[2];
    ngx_uint_t                               i, verify;
    ngx_http_gateway_ldap_auth_conf_t       *lacf, **confs;
    ngx_http_gateway_ldap_auth_main_conf_t  *lamcf;

    lamcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_ldap_auth_module);

    confs = lamcf->confs.elts;
    tls[0] = NULL;
    tls[1] = NULL;

    for (i = 0; i < lamcf->confs.nelts; i++) {

        lacf = confs[i];

        if (ngx_http_gateway_ldap_auth_init_server(cf, lamcf, lacf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (!lacf->ldaps && !lacf->start_tls) {
            continue;
        }

        verify = lacf->verify_ldap_host;

        if (verify && lamcf->trusted.len == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"verify_ldap_host\" in %s:%ui needs a "
                          "gateway_ldap_auth_trusted_certificate in http",
                          lacf->auth.instance.file_name,
                          lacf->auth.instance.line);
            return NGX_ERROR;
        }

        if (tls[verify] == NULL) {
            tls[verify] = ngx_http_gateway_ldap_tls(cf, verify
                                                        ? &lamcf->trusted
                                                        : NULL);
            if (tls[verify] == NULL) {
                return NGX_ERROR;
            }
        }

        lacf->server.tls = tls[verify];
    }

    return ngx_http_gateway_auth_init(cf, &lamcf->anonymous);
}


static ngx_int_t
ngx_http_gateway_ldap_auth_init_server(ngx_conf_t *cf,
    ngx_http_gateway_ldap_auth_main_conf_t *lamcf,
    ngx_http_gateway_ldap_auth_conf_t *lacf)
{
    ngx_str_t                        host;
    ngx_addr_t                      *instead;
    ngx_http_gateway_ldap_server_t  *server;

    server = &lacf->server;

    server->host = lacf->ldap_host;
    server->port = lacf->ldap_port;
    server->ldaps = lacf->ldaps;
    server->start_tls = lacf->start_tls;
    server->verify = lacf->verify_ldap_host;
    server->timeout = (ngx_msec_t) ceil(lacf->timeout);
    server->keepalive = (ngx_msec_t) ceil(lacf->keepalive);

    if (ngx_http_gateway_ldap_auth_init_key(cf, lamcf, lacf) != NGX_OK) {
        return NGX_ERROR;
    }

    instead = ngx_http_gateway_connect_to(cf, &lacf->ldap_host, server->port);

    if (instead && instead->sockaddr->sa_family != AF_UNIX) {

        host.data = ngx_pnalloc(cf->pool, NGX_SOCKADDR_STRLEN);
        if (host.data == NULL) {
            return NGX_ERROR;
        }

        host.len = ngx_sock_ntop(instead->sockaddr, instead->socklen,
                                 host.data, NGX_SOCKADDR_STRLEN, 0);

        server->host = host;
        server->port = ngx_inet_get_port(instead->sockaddr);
    }

    return ngx_http_gateway_ldap_init(cf, server);
}


/* strings end with a zero byte, which none of them holds */

static ngx_int_t
ngx_http_gateway_ldap_auth_init_key(ngx_conf_t *cf,
    ngx_http_gateway_ldap_auth_main_conf_t *lamcf,
    ngx_http_gateway_ldap_auth_conf_t *lacf)
{
    size_t   len;
    u_char  *text, *p;

    len = lacf->ldap_host.len + lacf->base_dn.len + lacf->attribute.len
          + lamcf->trusted.len + 4 + 5 * (NGX_INT64_LEN + 1);

    text = ngx_pnalloc(cf->temp_pool, len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(lacf->ldap_host.data, lacf->ldap_host.data,
               lacf->ldap_host.len);

    p = ngx_slprintf(text, text + len, "%V%Z%V%Z%V%Z%V%Z%i %i %i %i %M",
                     &lacf->ldap_host, &lacf->base_dn, &lacf->attribute,
                     &lamcf->trusted, lacf->ldap_port, lacf->ldaps,
                     lacf->start_tls, lacf->verify_ldap_host,
                     (ngx_msec_t) (lacf->cache_ttl * 1000));

    (void) SHA256(text, p - text, lacf->key);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_ldap_auth_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_ldap_init_process();

    return NGX_OK;
}
