
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by username and password, RFC 7617.  Runs as a policy of the
 * access chain; a request costs one hash of its password and the identity
 * headers.  Passwords are kept as salted digests only.  Credentials are part
 * of the configuration and are read only.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_credentials.h"
#include "ngx_http_gateway_headers.h"

#include <ngx_sha1.h>
#include <openssl/sha.h>


#define NGX_HTTP_GATEWAY_BASIC_AUTH_PRIORITY  1100

#define NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1_LEN  20


typedef struct {
    ngx_http_gateway_auth_conf_t              auth;
    ngx_flag_t                                hide_credentials;
} ngx_http_gateway_basic_auth_conf_t;


typedef struct {
    ngx_http_gateway_named_t                  named;
    ngx_str_t                                 username;
    ngx_str_t                                 password;  /* as written */
    ngx_str_t                                 sha256;
    ngx_str_t                                 sha1;

    ngx_str_t                                 digest;
    u_char                                    bytes[SHA256_DIGEST_LENGTH];
} ngx_http_gateway_basic_auth_credential_t;


typedef struct {
    ngx_http_gateway_named_table_t            table;
    ngx_http_gateway_basic_auth_credential_t *unknown;  /* compared with when
                                                           there is none */
    ngx_array_t                               anonymous; /* ..._auth_conf_t */
} ngx_http_gateway_basic_auth_main_conf_t;


static ngx_int_t ngx_http_gateway_basic_auth_handler(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_basic_auth_parse(ngx_http_request_t *r,
    ngx_str_t *header, ngx_str_t *username, ngx_str_t *password);
static ngx_int_t ngx_http_gateway_basic_auth_verify(ngx_pool_t *pool,
    ngx_http_gateway_basic_auth_credential_t *credential,
    ngx_str_t *password);
static ngx_int_t ngx_http_gateway_basic_auth_sha256(ngx_pool_t *pool,
    ngx_str_t *id, ngx_str_t *password, u_char *digest);

static char *ngx_http_gateway_basic_auth_check(ngx_conf_t *cf, void *conf);
static char *ngx_http_gateway_basic_auth_credential(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_basic_auth_digest(
    ngx_http_gateway_basic_auth_credential_t *credential, ngx_str_t *hex,
    size_t len);
static void *ngx_http_gateway_basic_auth_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_basic_auth_preconfiguration(
    ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_basic_auth_init(ngx_conf_t *cf);


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


static ngx_http_gateway_named_param_t
    ngx_http_gateway_basic_auth_fields[] = {

    { ngx_string("username="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, username) },

    { ngx_string("password="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, password) },

    { ngx_string("password_sha256="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, sha256) },

    { ngx_string("password_sha1="),
      offsetof(ngx_http_gateway_basic_auth_credential_t, sha1) },

    { ngx_null_string, 0 }
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

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_basic_auth_module_ctx = {
    ngx_http_gateway_basic_auth_preconfiguration, /* preconfiguration */
    ngx_http_gateway_basic_auth_init,      /* postconfiguration */

    ngx_http_gateway_basic_auth_create_main_conf, /* create main conf */
    NULL,                                  /* init main configuration */

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
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_gateway_basic_auth_unauthorized =
    ngx_string("Unauthorized");


/*
 * Proxy-Authorization comes first: when it names a credential, its password
 * decides, and Authorization is not looked at.
 */

static ngx_int_t
ngx_http_gateway_basic_auth_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_basic_auth_conf_t  *bacf = conf;

    ngx_int_t                                  rc;
    ngx_str_t                                  username, password, given;
    ngx_uint_t                                 i, found;
    ngx_table_elt_t                           *h;
    ngx_http_gateway_ctx_t                    *ctx;
    ngx_http_gateway_basic_auth_main_conf_t   *bamcf;
    ngx_http_gateway_basic_auth_credential_t  *credential;

    static ngx_str_t  names[] = {
        ngx_string("proxy-authorization"),
        ngx_string("authorization")
    };

    ctx = ngx_http_gateway_get_ctx(r);

    if (ngx_http_gateway_auth_skip(ctx, &bacf->auth)) {
        return NGX_DECLINED;
    }

    bamcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_basic_auth_module);

    ngx_str_null(&given);
    credential = NULL;
    found = 0;

    for (i = 0; i < 2 && credential == NULL; i++) {

        h = ngx_http_gateway_header_in(r, &names[i], 0);
        if (h == NULL) {
            continue;
        }

        rc = ngx_http_gateway_basic_auth_parse(r, &h->value, &username,
                                               &password);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (bacf->hide_credentials) {
            (void) ngx_http_gateway_header_in_remove(r, &names[i]);
        }

        if (rc == NGX_OK) {
            credential = ngx_http_gateway_named_find(&bamcf->table,
                                                     &username);
            given = password;
            found = 1;
        }
    }

    /* a username that no one has takes the time of a wrong password */

    rc = NGX_DECLINED;

    if (found) {
        rc = ngx_http_gateway_basic_auth_verify(r->pool,
                           credential ? credential : bamcf->unknown, &given);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (credential == NULL || rc != NGX_OK) {
        return ngx_http_gateway_auth_fail(r, ctx, &bacf->auth,
                                   &ngx_http_gateway_basic_auth_unauthorized);
    }

    return ngx_http_gateway_auth_succeed(r, ctx,
                                         &credential->named.credential);
}


/*
 * "Basic" or "basic" somewhere in the value, blanks or none, base64 up to its
 * end.  NGX_OK, NGX_DECLINED when it is not of this form, NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_basic_auth_parse(ngx_http_request_t *r, ngx_str_t *header,
    ngx_str_t *username, ngx_str_t *password)
{
    u_char     *p, *last, *colon;
    ngx_str_t   encoded, decoded;

    p = header->data;
    last = p + header->len;

    for ( /* void */ ; last - p > 5; p++) {
        if ((*p == 'B' || *p == 'b') && ngx_strncmp(p + 1, "asic", 4) == 0) {
            break;
        }
    }

    if (last - p <= 5) {
        return NGX_DECLINED;
    }

    p += 5;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    encoded.data = p;
    encoded.len = last - p;

    decoded.data = ngx_pnalloc(r->pool,
                               ngx_base64_decoded_length(encoded.len));
    if (decoded.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_decode_base64(&decoded, &encoded) != NGX_OK) {
        return NGX_DECLINED;
    }

    colon = ngx_strlchr(decoded.data, decoded.data + decoded.len, ':');

    if (colon == NULL || colon == decoded.data) {
        return NGX_DECLINED;
    }

    username->data = decoded.data;
    username->len = colon - decoded.data;

    password->data = colon + 1;
    password->len = decoded.data + decoded.len - password->data;

    return NGX_OK;
}


/* NGX_OK, NGX_DECLINED: another password; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_basic_auth_verify(ngx_pool_t *pool,
    ngx_http_gateway_basic_auth_credential_t *credential,
    ngx_str_t *password)
{
    u_char      bytes[SHA256_DIGEST_LENGTH];
    ngx_str_t   digest, *id;
    ngx_sha1_t  sha1;

    digest.data = bytes;
    digest.len = credential->digest.len;

    if (digest.len == NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1_LEN) {
        id = &credential->named.credential.consumer->id;

        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, password->data, password->len);
        ngx_sha1_update(&sha1, id->data, id->len);
        ngx_sha1_final(bytes, &sha1);

    } else if (ngx_http_gateway_basic_auth_sha256(pool,
                                          &credential->named.credential.id,
                                          password, bytes)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_auth_equal(&credential->digest, &digest)
           ? NGX_OK : NGX_DECLINED;
}


/* of the credential's id, which is the salt and of fixed length, and it */

static ngx_int_t
ngx_http_gateway_basic_auth_sha256(ngx_pool_t *pool, ngx_str_t *id,
    ngx_str_t *password, u_char *digest)
{
    size_t   len;
    u_char  *salted, *p;

    len = id->len + password->len;

    salted = ngx_pnalloc(pool, len);
    if (salted == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(salted, id->data, id->len);
    ngx_memcpy(p, password->data, password->len);

    (void) SHA256(salted, len, digest);

    ngx_explicit_memzero(salted, len);

    return NGX_OK;
}


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

    credential->digest.data = credential->bytes;

    rv = ngx_http_gateway_named_read(cf, ngx_http_gateway_basic_auth_fields,
                                     &credential->named);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (credential->username.len == 0) {
        return "has no username: write \"username=...\"";
    }

    if ((credential->password.data != NULL)
        + (credential->sha256.data != NULL)
        + (credential->sha1.data != NULL)
        != 1)
    {
        return "needs one of \"password=\", \"password_sha256=\" and "
               "\"password_sha1=\"";
    }

    /* the salt has to be known where the digest was made */

    if (credential->sha256.data && credential->named.credential.id.len == 0) {
        return "has \"password_sha256\" without \"id\", which is the salt";
    }

    credential->named.credential.identifier = credential->username;

    rv = ngx_http_gateway_named_add(cf, &bamcf->table,
                                    "basicauth_credentials",
                                    &credential->named);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (credential->password.data) {
        credential->digest.len = SHA256_DIGEST_LENGTH;

        if (ngx_http_gateway_basic_auth_sha256(cf->temp_pool,
                                           &credential->named.credential.id,
                                           &credential->password,
                                           credential->bytes)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        ngx_explicit_memzero(credential->password.data,
                             credential->password.len);
        ngx_str_null(&credential->password);

    } else if (credential->sha256.data) {
        if (ngx_http_gateway_basic_auth_digest(credential,
                                               &credential->sha256,
                                               SHA256_DIGEST_LENGTH)
            != NGX_OK)
        {
            return "has an invalid \"password_sha256\": expected 64 hex "
                   "digits";
        }

    } else if (ngx_http_gateway_basic_auth_digest(credential,
                                        &credential->sha1,
                                        NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1_LEN)
               != NGX_OK)
    {
        return "has an invalid \"password_sha1\": expected 40 hex digits";
    }

    /* files hold one kind of digests, so unknown users take its time */

    bamcf->unknown = credential;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_basic_auth_digest(
    ngx_http_gateway_basic_auth_credential_t *credential, ngx_str_t *hex,
    size_t len)
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

        credential->bytes[i] = (u_char) n;
    }

    credential->digest.len = len;

    return NGX_OK;
}


static void *
ngx_http_gateway_basic_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_basic_auth_main_conf_t   *bamcf;
    ngx_http_gateway_basic_auth_credential_t  *unknown;

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
     */

    unknown = ngx_pcalloc(cf->pool,
                          sizeof(ngx_http_gateway_basic_auth_credential_t));
    if (unknown == NULL) {
        return NULL;
    }

    unknown->digest.data = unknown->bytes;
    unknown->digest.len = SHA256_DIGEST_LENGTH;
    ngx_str_set(&unknown->named.credential.id, NGX_HTTP_GATEWAY_NIL_UUID);

    bamcf->unknown = unknown;

    return bamcf;
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
    ngx_http_gateway_basic_auth_main_conf_t  *bamcf;

    bamcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_basic_auth_module);

    return ngx_http_gateway_auth_init(cf, &bamcf->anonymous);
}
