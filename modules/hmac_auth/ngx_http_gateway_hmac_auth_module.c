
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by a signature over parts of the request, made with a shared
 * secret (draft-cavage-http-signatures).  Runs as a policy of the access
 * chain; a request costs one look-up and one string for each header that is
 * signed, and one HMAC.  Credentials are part of the configuration and are
 * read only.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_credentials.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_store.h"
#include "gateway_authorization.h"
#include "gateway_hmac.h"

#include <openssl/sha.h>


#define NGX_HTTP_GATEWAY_HMAC_AUTH_PRIORITY  1030

/* signatures over more headers are refused: each costs a copy of its value */
#define NGX_HTTP_GATEWAY_HMAC_AUTH_NAMES     64

/* larger bodies cannot be validated */
#define NGX_HTTP_GATEWAY_HMAC_AUTH_BODY      (8 * 1024 * 1024)

#define NGX_HTTP_GATEWAY_HMAC_AUTH_NALGS     4


typedef struct {
    ngx_http_gateway_auth_conf_t              auth;
    ngx_flag_t                                hide_credentials;
    ngx_flag_t                                validate_request_body;
    double                                    clock_skew;
    ngx_array_t                              *enforce_headers;
    ngx_array_t                              *algorithms;
    ngx_uint_t                                allowed;  /* bits of them */
} ngx_http_gateway_hmac_auth_conf_t;


typedef struct {
    ngx_http_gateway_named_t                  named;
    ngx_str_t                                 username;
    ngx_str_t                                 secret;
} ngx_http_gateway_hmac_auth_credential_t;


typedef struct {
    ngx_http_gateway_named_table_t            table;
    ngx_array_t                               anonymous; /* ..._auth_conf_t */
} ngx_http_gateway_hmac_auth_main_conf_t;


/* kept while the body is awaited: the signature is right */
typedef struct {
    ngx_http_gateway_data_t                   data;
    ngx_http_gateway_hmac_auth_credential_t  *credential;
} ngx_http_gateway_hmac_auth_data_t;


/* the parameters of the header */
typedef struct {
    ngx_str_t                                 username;
    ngx_str_t                                 algorithm;
    ngx_str_t                                 headers;
    ngx_str_t                                 signature;
} ngx_http_gateway_hmac_auth_given_t;


/* a line of what is signed: prefix, then value */
typedef struct {
    ngx_str_t                                 name;   /* with ":" after it */
    ngx_str_t                                 value;  /* after a blank */
    unsigned                                  bare:1; /* only the value */
} ngx_http_gateway_hmac_auth_line_t;


typedef struct {
    ngx_str_t                                 name;
    gateway_hmac_e                            hash;
} ngx_http_gateway_hmac_auth_alg_t;


static ngx_int_t ngx_http_gateway_hmac_auth_handler(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_hmac_auth_request(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_hmac_auth_conf_t *hacf,
    ngx_http_gateway_hmac_auth_credential_t **found, ngx_str_t **message);
static ngx_int_t ngx_http_gateway_hmac_auth_lookup(ngx_http_request_t *r,
    ngx_http_gateway_hmac_auth_main_conf_t *hamcf, ngx_str_t *username,
    ngx_http_gateway_hmac_auth_credential_t **found);
static ngx_int_t ngx_http_gateway_hmac_auth_date(ngx_http_request_t *r,
    ngx_str_t *name, double skew);
static ngx_int_t ngx_http_gateway_hmac_auth_parse(ngx_str_t *header,
    ngx_http_gateway_hmac_auth_given_t *given);
static const ngx_http_gateway_hmac_auth_alg_t *
    ngx_http_gateway_hmac_auth_algorithm(ngx_str_t *name, ngx_uint_t *bit);
static ngx_uint_t ngx_http_gateway_hmac_auth_enforced(
    ngx_http_gateway_hmac_auth_conf_t *hacf, ngx_str_t *headers);
static ngx_uint_t ngx_http_gateway_hmac_auth_next(ngx_str_t *headers,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_hmac_auth_verify(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_hmac_auth_given_t *given,
    gateway_hmac_e hash, ngx_str_t *secret);
static ngx_int_t ngx_http_gateway_hmac_auth_line(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_hmac_auth_line_t *line);
static ngx_int_t ngx_http_gateway_hmac_auth_body(ngx_http_request_t *r);

static void ngx_http_gateway_hmac_auth_defaults(void *conf);
static char *ngx_http_gateway_hmac_auth_check(ngx_conf_t *cf, void *conf);
static char *ngx_http_gateway_hmac_auth_credential(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_gateway_hmac_auth_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_hmac_auth_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_hmac_auth_init(ngx_conf_t *cf);


static ngx_http_gateway_hmac_auth_alg_t  ngx_http_gateway_hmac_auth_algs[] = {
    { ngx_string("hmac-sha1"), GATEWAY_HMAC_SHA1 },
    { ngx_string("hmac-sha256"), GATEWAY_HMAC_SHA256 },
    { ngx_string("hmac-sha384"), GATEWAY_HMAC_SHA384 },
    { ngx_string("hmac-sha512"), GATEWAY_HMAC_SHA512 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_hmac_auth_params[] = {

    { ngx_string("hide_credentials"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_hmac_auth_conf_t, hide_credentials), 0, 0,
      NULL },

    { ngx_string("clock_skew"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_hmac_auth_conf_t, clock_skew), 0, 0, NULL },

    { ngx_string("anonymous"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_hmac_auth_conf_t, auth.anonymous), 0, 0,
      NULL },

    { ngx_string("validate_request_body"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_hmac_auth_conf_t, validate_request_body), 0,
      0, NULL },

    { ngx_string("enforce_headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_hmac_auth_conf_t, enforce_headers), 0, 0,
      NULL },

    { ngx_string("algorithms"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_hmac_auth_conf_t, algorithms), 0, 0, NULL },

    { ngx_string("realm"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_hmac_auth_conf_t, auth.realm), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_named_param_t  ngx_http_gateway_hmac_auth_fields[] = {

    { ngx_string("username="),
      offsetof(ngx_http_gateway_hmac_auth_credential_t, username) },

    { ngx_string("secret="),
      offsetof(ngx_http_gateway_hmac_auth_credential_t, secret) },

    { ngx_null_string, 0 }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_hmac_auth_policy = {
    ngx_string("hmac_auth"),
    NGX_HTTP_GATEWAY_HMAC_AUTH_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_hmac_auth_conf_t),
    ngx_http_gateway_hmac_auth_params,
    ngx_http_gateway_hmac_auth_defaults,
    ngx_http_gateway_hmac_auth_check,
    ngx_http_gateway_hmac_auth_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_hmac_auth_commands[] = {

    { ngx_string("gateway_hmac_auth"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_hmac_auth_policy },

    { ngx_string("gateway_hmac_auth_credential"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_hmac_auth_credential,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_hmac_auth_module_ctx = {
    ngx_http_gateway_hmac_auth_preconfiguration, /* preconfiguration */
    ngx_http_gateway_hmac_auth_init,       /* postconfiguration */

    ngx_http_gateway_hmac_auth_create_main_conf, /* create main conf */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_hmac_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_hmac_auth_module_ctx, /* module context */
    ngx_http_gateway_hmac_auth_commands,   /* module directives */
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


static ngx_str_t  ngx_http_gateway_hmac_auth_unauthorized =
    ngx_string("Unauthorized");

static ngx_str_t  ngx_http_gateway_hmac_auth_no_date =
    ngx_string("HMAC signature cannot be verified, a valid date or x-date "
               "header is required for HMAC Authentication");

static ngx_str_t  ngx_http_gateway_hmac_auth_cannot =
    ngx_string("HMAC signature cannot be verified");

static ngx_str_t  ngx_http_gateway_hmac_auth_differs =
    ngx_string("HMAC signature does not match");


static ngx_int_t
ngx_http_gateway_hmac_auth_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_hmac_auth_conf_t  *hacf = conf;

    ngx_int_t                                 rc;
    ngx_str_t                                *message;
    ngx_http_gateway_ctx_t                   *ctx;
    ngx_http_gateway_hmac_auth_data_t        *data;
    ngx_http_gateway_hmac_auth_credential_t  *credential;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ngx_http_gateway_auth_skip(ctx, &hacf->auth)) {
        return NGX_DECLINED;
    }

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_hmac_auth_policy);

    if (data) {

        /* the body was awaited, and the header may be gone */

        credential = data->credential;

    } else {
        rc = ngx_http_gateway_hmac_auth_request(r, ctx, hacf, &credential,
                                                &message);

        if (rc == NGX_DECLINED) {
            return ngx_http_gateway_auth_fail(r, ctx, &hacf->auth, message);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (hacf->validate_request_body) {

        if (data == NULL) {
            data = ngx_http_gateway_add_data(r,
                                    &ngx_http_gateway_hmac_auth_policy,
                                    sizeof(ngx_http_gateway_hmac_auth_data_t));
            if (data == NULL) {
                return NGX_ERROR;
            }

            data->credential = credential;
        }

        rc = ngx_http_gateway_hmac_auth_body(r);

        if (rc == NGX_DECLINED) {
            return ngx_http_gateway_auth_fail(r, ctx, &hacf->auth,
                                          &ngx_http_gateway_hmac_auth_differs);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_http_gateway_auth_succeed(r, ctx,
                                         &credential->named.credential);
}


/*
 * All but the body.  NGX_OK with *found, NGX_DECLINED with *message, or what
 * the access handler returns.  The order of the checks can be told from the
 * messages and is Kong's: the date comes before the header is parsed.
 */

static ngx_int_t
ngx_http_gateway_hmac_auth_request(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_hmac_auth_conf_t *hacf,
    ngx_http_gateway_hmac_auth_credential_t **found, ngx_str_t **message)
{
    ngx_int_t                                 rc;
    ngx_str_t                                *used;
    ngx_uint_t                                bit;
    ngx_table_elt_t                          *h, *proxy;
    ngx_http_gateway_hmac_auth_given_t        given;
    const ngx_http_gateway_hmac_auth_alg_t   *alg;
    ngx_http_gateway_hmac_auth_main_conf_t   *hamcf;
    ngx_http_gateway_hmac_auth_credential_t  *credential;

    static ngx_str_t  authorization = ngx_string("authorization");
    static ngx_str_t  proxy_authorization = ngx_string("proxy-authorization");
    static ngx_str_t  x_date = ngx_string("x-date");
    static ngx_str_t  date = ngx_string("date");

    h = ngx_http_gateway_header_in(r, &authorization, 0);
    proxy = ngx_http_gateway_header_in(r, &proxy_authorization, 0);

    if (h == NULL && proxy == NULL) {
        *message = &ngx_http_gateway_hmac_auth_unauthorized;
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_hmac_auth_date(r, &x_date, hacf->clock_skew) != NGX_OK
        && ngx_http_gateway_hmac_auth_date(r, &date, hacf->clock_skew)
           != NGX_OK)
    {
        *message = &ngx_http_gateway_hmac_auth_no_date;
        return NGX_DECLINED;
    }

    *message = &ngx_http_gateway_hmac_auth_cannot;
    *found = NULL;

    used = &proxy_authorization;
    rc = NGX_DECLINED;

    if (proxy) {
        rc = ngx_http_gateway_hmac_auth_parse(&proxy->value, &given);
    }

    if (rc != NGX_OK) {
        used = &authorization;

        if (h) {
            rc = ngx_http_gateway_hmac_auth_parse(&h->value, &given);
        }
    }

    alg = NULL;
    credential = NULL;

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_auth_attempt(r, &hacf->auth, &given.username);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        rc = NGX_OK;
    }

    if (rc == NGX_OK && ngx_http_gateway_hmac_auth_enforced(hacf,
                                                            &given.headers))
    {
        alg = ngx_http_gateway_hmac_auth_algorithm(&given.algorithm, &bit);

        if (alg && (hacf->allowed & bit)) {
            hamcf = ngx_http_get_module_main_conf(r,
                                            ngx_http_gateway_hmac_auth_module);

            rc = ngx_http_gateway_hmac_auth_lookup(r, hamcf, &given.username,
                                                   &credential);
            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }
        }
    }

    rc = NGX_DECLINED;

    if (credential) {

        /* a header that is signed may be the one that is hidden below */

        rc = ngx_http_gateway_hmac_auth_verify(r, ctx, &given, alg->hash,
                                               &credential->secret);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_ABORT) {
            rc = NGX_DECLINED;

        } else {
            *message = &ngx_http_gateway_hmac_auth_differs;
        }
    }

    if (hacf->hide_credentials) {
        (void) ngx_http_gateway_header_in_remove(r, used);
    }

    *found = credential;

    return rc;
}


/* *found is NULL when nobody has the username */

static ngx_int_t
ngx_http_gateway_hmac_auth_lookup(ngx_http_request_t *r,
    ngx_http_gateway_hmac_auth_main_conf_t *hamcf, ngx_str_t *username,
    ngx_http_gateway_hmac_auth_credential_t **found)
{
    void                                     *named;
    ngx_int_t                                 rc;
    ngx_http_gateway_stored_t                *stored;
    ngx_http_gateway_hmac_auth_credential_t  *credential;

    rc = ngx_http_gateway_store_named(r, GATEWAY_STORE_HMAC, &hamcf->table,
                                      username, &named, &stored);

    *found = named;

    if (rc != NGX_OK || named) {
        return rc;
    }

    credential = ngx_pcalloc(r->pool,
                             sizeof(ngx_http_gateway_hmac_auth_credential_t));
    if (credential == NULL) {
        return NGX_ERROR;
    }

    credential->named.credential = stored->credential;
    credential->secret = stored->secret;

    *found = credential;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_hmac_auth_date(ngx_http_request_t *r, ngx_str_t *name,
    double skew)
{
    time_t            t;
    double            difference;
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, name, 0);
    if (h == NULL) {
        return NGX_DECLINED;
    }

    t = ngx_parse_http_time(h->value.data, h->value.len);
    if (t == NGX_ERROR) {
        return NGX_DECLINED;
    }

    difference = (double) ngx_time() - (double) t;

    if (difference < 0) {
        difference = -difference;
    }

    return difference > skew ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_hmac_auth_parse(ngx_str_t *header,
    ngx_http_gateway_hmac_auth_given_t *given)
{
    gateway_authorization_hmac_t  hmac;

    if (gateway_authorization_hmac(&hmac, header->data, header->len) != 0) {
        return NGX_DECLINED;
    }

    given->username.data = hmac.username.data;
    given->username.len = hmac.username.len;
    given->algorithm.data = hmac.algorithm.data;
    given->algorithm.len = hmac.algorithm.len;
    given->headers.data = hmac.headers.data;
    given->headers.len = hmac.headers.len;
    given->signature.data = hmac.signature.data;
    given->signature.len = hmac.signature.len;

    return NGX_OK;
}


static const ngx_http_gateway_hmac_auth_alg_t *
ngx_http_gateway_hmac_auth_algorithm(ngx_str_t *name, ngx_uint_t *bit)
{
    ngx_uint_t                         i;
    ngx_http_gateway_hmac_auth_alg_t  *alg;

    for (i = 0; i < NGX_HTTP_GATEWAY_HMAC_AUTH_NALGS; i++) {
        alg = &ngx_http_gateway_hmac_auth_algs[i];

        if (alg->name.len == name->len
            && ngx_strncmp(alg->name.data, name->data, name->len) == 0)
        {
            *bit = (ngx_uint_t) 1 << i;
            return alg;
        }
    }

    return NULL;
}


/* 1 if all enforced headers are listed, as they are written */

static ngx_uint_t
ngx_http_gateway_hmac_auth_enforced(ngx_http_gateway_hmac_auth_conf_t *hacf,
    ngx_str_t *headers)
{
    ngx_str_t   *enforced, list, name;
    ngx_uint_t   i, listed;

    if (hacf->enforce_headers == NULL) {
        return 1;
    }

    enforced = hacf->enforce_headers->elts;

    for (i = 0; i < hacf->enforce_headers->nelts; i++) {
        list = *headers;
        listed = 0;

        while (!listed && ngx_http_gateway_hmac_auth_next(&list, &name)) {
            listed = (name.len == enforced[i].len
                      && ngx_strncmp(name.data, enforced[i].data, name.len)
                         == 0);
        }

        if (!listed) {
            return 0;
        }
    }

    return 1;
}


/* takes the next name off the list; 0 at the end or when it is empty */

static ngx_uint_t
ngx_http_gateway_hmac_auth_next(ngx_str_t *headers, ngx_str_t *name)
{
    u_char  *p, *last;

    p = headers->data;
    last = p + headers->len;

    while (p < last && *p != ' ') {
        p++;
    }

    name->data = headers->data;
    name->len = p - headers->data;

    if (p < last) {
        p++;
    }

    headers->data = p;
    headers->len = last - p;

    return name->len != 0;
}


/*
 * NGX_OK, NGX_DECLINED: another signature; NGX_ABORT: the list of headers
 * is not well formed; NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_hmac_auth_verify(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_hmac_auth_given_t *given,
    gateway_hmac_e hash, ngx_str_t *secret)
{
    u_char                             *text, *p, mac[GATEWAY_HMAC_MAX];
    size_t                              len;
    ngx_str_t                           list, name, computed, decoded;
    ngx_uint_t                          i, n;
    ngx_http_gateway_hmac_auth_line_t  *lines, *line;

    n = 1;

    for (len = 0; len < given->headers.len; len++) {
        n += (given->headers.data[len] == ' ');
    }

    if (n > NGX_HTTP_GATEWAY_HMAC_AUTH_NAMES) {
        return NGX_ABORT;
    }

    lines = ngx_pcalloc(r->pool,
                        n * sizeof(ngx_http_gateway_hmac_auth_line_t));
    if (lines == NULL) {
        return NGX_ERROR;
    }

    list = given->headers;
    len = n;

    for (i = 0; i < n; i++) {

        if (!ngx_http_gateway_hmac_auth_next(&list, &name)) {
            return NGX_ABORT;
        }

        lines[i].name = name;

        if (ngx_http_gateway_hmac_auth_line(r, ctx, &lines[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        len += lines[i].name.len + sizeof(": ") - 1 + lines[i].value.len;
    }

    text = ngx_pnalloc(r->pool, len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = text;

    for (i = 0; i < n; i++) {
        line = &lines[i];

        if (i) {
            *p++ = LF;
        }

        if (!line->bare) {
            p = ngx_cpymem(p, line->name.data, line->name.len);
            *p++ = ':';

            if (line->value.data) {
                *p++ = ' ';
            }
        }

        if (line->value.data) {
            p = ngx_cpymem(p, line->value.data, line->value.len);
        }
    }

    computed.data = mac;
    computed.len = gateway_hmac(hash, secret->data, secret->len, text,
                                p - text, mac);

    decoded.data = ngx_pnalloc(r->pool,
                            ngx_base64_decoded_length(given->signature.len));
    if (decoded.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_decode_base64(&decoded, &given->signature) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_auth_equal(&computed, &decoded)
           ? NGX_OK : NGX_DECLINED;
}


/*
 * The value for the line of this name: that of the header, or of what stands
 * for the first line of the request, as the client sent it.
 */

static ngx_int_t
ngx_http_gateway_hmac_auth_line(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_hmac_auth_line_t *line)
{
    u_char           *p;
    size_t            i;
    ngx_str_t         lowcase, *name;
    ngx_uint_t        request_line;
    ngx_table_elt_t  *h;

    name = &line->name;

    lowcase.len = name->len;
    lowcase.data = ngx_pnalloc(r->pool, name->len);
    if (lowcase.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(lowcase.data, name->data, name->len);

    h = ngx_http_gateway_header_in(r, &lowcase, 0);

    if (h == NULL && ngx_strlchr(lowcase.data, lowcase.data + lowcase.len,
                                 '_'))
    {
        /* a name with "_" also stands for the header with "-", as in Kong */

        for (i = 0; i < lowcase.len; i++) {
            if (lowcase.data[i] == '_') {
                lowcase.data[i] = '-';
            }
        }

        h = ngx_http_gateway_header_in(r, &lowcase, 0);
    }

    if (h) {
        line->value.data = h->value.len ? h->value.data : (u_char *) "";
        line->value.len = h->value.len;
        return NGX_OK;
    }

    request_line = (name->len == sizeof("request-line") - 1
                    && ngx_strncmp(name->data, "request-line", name->len)
                       == 0);

    if (!request_line
        && (name->len != sizeof("@request-target") - 1
            || ngx_strncmp(name->data, "@request-target", name->len) != 0))
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, ctx->method_name.len + r->unparsed_uri.len
                             + sizeof("  HTTP/.") - 1 + 2 * NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    line->value.data = p;

    if (request_line) {
        p = ngx_sprintf(p, "%V %V HTTP/%ui.%ui", &ctx->method_name,
                        &r->unparsed_uri, r->http_version / 1000,
                        r->http_version % 1000);
        line->bare = 1;

    } else {
        ngx_strlow(p, ctx->method_name.data, ctx->method_name.len);
        p += ctx->method_name.len;
        *p++ = ' ';
        p = ngx_cpymem(p, r->unparsed_uri.data, r->unparsed_uri.len);
    }

    line->value.len = p - line->value.data;

    return NGX_OK;
}


/*
 * Digest need not be signed.  NGX_OK, NGX_DECLINED: another body; other values
 * are to be returned from the handler.
 */

static ngx_int_t
ngx_http_gateway_hmac_auth_body(ngx_http_request_t *r)
{
    u_char            digest[SHA256_DIGEST_LENGTH];
    u_char            text[ngx_base64_encoded_length(SHA256_DIGEST_LENGTH)];
    ngx_int_t         rc;
    ngx_str_t         body, src, dst;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("digest");

    rc = ngx_http_gateway_body_read(r, NGX_HTTP_GATEWAY_HMAC_AUTH_BODY, &body);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "hmac_auth: request body is too large to be validated");
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    h = ngx_http_gateway_header_in(r, &name, 0);

    if (h == NULL) {
        return body.len ? NGX_DECLINED : NGX_OK;
    }

    if (body.len == 0) {
        body.data = digest;
    }

    (void) SHA256(body.data, body.len, digest);

    src.data = digest;
    src.len = SHA256_DIGEST_LENGTH;
    dst.data = text;

    ngx_encode_base64(&dst, &src);

    if (h->value.len != sizeof("SHA-256=") - 1 + dst.len
        || ngx_strncmp(h->value.data, "SHA-256=", sizeof("SHA-256=") - 1) != 0
        || ngx_memcmp(h->value.data + sizeof("SHA-256=") - 1, dst.data,
                      dst.len)
           != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_gateway_hmac_auth_defaults(void *conf)
{
    ngx_http_gateway_hmac_auth_conf_t  *hacf = conf;

    hacf->clock_skew = 300;
}


static char *
ngx_http_gateway_hmac_auth_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_hmac_auth_conf_t  *hacf = conf;

    ngx_str_t                               *value;
    ngx_uint_t                               i, bit;
    ngx_http_gateway_hmac_auth_main_conf_t  *hamcf;

    if (!(hacf->clock_skew > 0)) {
        return "has an invalid \"clock_skew\": expected more than 0 seconds";
    }

    if (hacf->algorithms == NULL) {
        hacf->allowed = (1 << NGX_HTTP_GATEWAY_HMAC_AUTH_NALGS) - 1;

    } else {
        value = hacf->algorithms->elts;

        for (i = 0; i < hacf->algorithms->nelts; i++) {

            /* "algorithms=" is an empty list */

            if (value[i].len == 0) {
                continue;
            }

            if (ngx_http_gateway_hmac_auth_algorithm(&value[i], &bit) == NULL)
            {
                return "has an invalid \"algorithms\": expected hmac-sha1, "
                       "hmac-sha256, hmac-sha384 or hmac-sha512";
            }

            hacf->allowed |= bit;
        }
    }

    hamcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_gateway_hmac_auth_module);

    return ngx_http_gateway_auth_check(cf, &hamcf->anonymous, &hacf->auth,
                                       "hmac");
}


static char *
ngx_http_gateway_hmac_auth_credential(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_hmac_auth_main_conf_t  *hamcf = conf;

    char                                     *rv;
    ngx_http_gateway_hmac_auth_credential_t  *credential;

    credential = ngx_pcalloc(cf->pool,
                             sizeof(ngx_http_gateway_hmac_auth_credential_t));
    if (credential == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_gateway_named_read(cf, ngx_http_gateway_hmac_auth_fields,
                                     &credential->named);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (credential->username.len == 0) {
        return "has no username: write \"username=...\"";
    }

    if (credential->secret.len == 0) {
        return "has no secret: write \"secret=...\"";
    }

    credential->named.credential.identifier = credential->username;

    return ngx_http_gateway_named_add(cf, &hamcf->table,
                                      "hmacauth_credentials",
                                      &credential->named);
}


static void *
ngx_http_gateway_hmac_auth_create_main_conf(ngx_conf_t *cf)
{
    /* set by ngx_pcalloc(): an empty table */

    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_hmac_auth_main_conf_t));
}


static ngx_int_t
ngx_http_gateway_hmac_auth_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_hmac_auth_policy);
}


static ngx_int_t
ngx_http_gateway_hmac_auth_init(ngx_conf_t *cf)
{
    ngx_http_gateway_hmac_auth_main_conf_t  *hamcf;

    hamcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_gateway_hmac_auth_module);

    return ngx_http_gateway_auth_init(cf, &hamcf->anonymous);
}
