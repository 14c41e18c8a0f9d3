
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by a signed JSON Web Token, RFC 7519.  Runs as a policy of
 * the access chain; a request costs the decoding of its token and one
 * signature.  Keys are read once, with the configuration; the algorithm is
 * that of the credential, so that no token can choose another.
 */


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_credentials.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"

#include <jansson.h>


#define NGX_HTTP_GATEWAY_JWT_PRIORITY  1450

/* longer tokens are refused before they are decoded */
#define NGX_HTTP_GATEWAY_JWT_SIZE      16384

/* one year in seconds, as in Kong */
#define NGX_HTTP_GATEWAY_JWT_MAX_EXP   31536000


typedef struct {
    ngx_http_gateway_auth_conf_t       auth;
    ngx_array_t                       *uri_param_names;
    ngx_array_t                       *cookie_names;
    ngx_array_t                       *header_names;  /* in lower case */
    ngx_array_t                       *claims_to_verify;
    ngx_str_t                          key_claim_name;
    ngx_flag_t                         secret_is_base64;
    ngx_flag_t                         run_on_preflight;
    double                             maximum_expiration;

    ngx_uint_t                         verify_exp;
    ngx_uint_t                         verify_nbf;
    ngx_str_t                          invalid;    /* challenge */
    ngx_str_t                          no_claim;   /* messages */
    ngx_str_t                          empty_claim;
    ngx_str_t                          no_credentials;
    char                              *claim;      /* terminated */
} ngx_http_gateway_jwt_conf_t;


typedef struct {
    ngx_http_gateway_named_t           named;
    ngx_str_t                          key;
    ngx_str_t                          secret;
    ngx_str_t                          decoded;    /* secret from base64 */
    ngx_str_t                          pem;
    ngx_str_t                          algorithm;
    const ngx_http_gateway_jwt_alg_t  *alg;
    EVP_PKEY                          *pkey;
} ngx_http_gateway_jwt_credential_t;


typedef struct {
    ngx_http_gateway_named_table_t     table;
    ngx_array_t                        anonymous;  /* ..._auth_conf_t */
} ngx_http_gateway_jwt_main_conf_t;


/* what was found in all places */
typedef struct {
    ngx_str_t                          text;
    unsigned                           bare:1;     /* "?jwt" */
    unsigned                           several:1;
} ngx_http_gateway_jwt_token_t;


/* parts of a token */
typedef struct {
    ngx_str_t                          signed_text;
    ngx_str_t                          signature;  /* decoded */
    json_t                            *header;
    json_t                            *claims;
    const ngx_http_gateway_jwt_alg_t  *alg;
} ngx_http_gateway_jwt_parts_t;


static ngx_int_t ngx_http_gateway_jwt_handler(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_jwt_fail(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    const ngx_str_t *challenge, const ngx_str_t *message, ngx_str_t *body);

static ngx_int_t ngx_http_gateway_jwt_collect(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    ngx_http_gateway_jwt_token_t *token);
static ngx_int_t ngx_http_gateway_jwt_in_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *name,
    ngx_http_gateway_jwt_token_t *token);
static void ngx_http_gateway_jwt_in_cookie(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_gateway_jwt_token_t *token);
static void ngx_http_gateway_jwt_in_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_gateway_jwt_token_t *token);
static void ngx_http_gateway_jwt_add(ngx_http_gateway_jwt_token_t *token,
    ngx_str_t *text);

static ngx_int_t ngx_http_gateway_jwt_parse(ngx_http_request_t *r,
    ngx_str_t *token, ngx_http_gateway_jwt_parts_t *parts,
    const ngx_str_t **message);
static ngx_int_t ngx_http_gateway_jwt_decode(ngx_pool_t *pool,
    ngx_str_t *encoded, ngx_str_t *decoded);
static ngx_int_t ngx_http_gateway_jwt_json(ngx_pool_t *pool,
    ngx_str_t *encoded, json_t **json);
static ngx_int_t ngx_http_gateway_jwt_check_token(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_parts_t *parts,
    ngx_http_gateway_jwt_credential_t **found, const ngx_str_t **message,
    ngx_str_t *body);
static ngx_uint_t ngx_http_gateway_jwt_claims(ngx_http_gateway_jwt_conf_t *jcf,
    json_t *claims, ngx_str_t *body);

static void ngx_http_gateway_jwt_defaults(void *conf);
static ngx_int_t ngx_http_gateway_jwt_list(ngx_conf_t *cf, ngx_array_t **list,
    const char *name);
static char *ngx_http_gateway_jwt_check(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_http_gateway_jwt_texts(ngx_conf_t *cf,
    ngx_http_gateway_jwt_conf_t *jcf);
static ngx_int_t ngx_http_gateway_jwt_text(ngx_conf_t *cf, ngx_str_t *text,
    const char *before, ngx_str_t *middle, const char *after);
static char *ngx_http_gateway_jwt_credential(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_jwt_secret(ngx_conf_t *cf,
    ngx_http_gateway_jwt_credential_t *credential);
static void *ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_jwt_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_jwt_init(ngx_conf_t *cf);


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

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_named_param_t  ngx_http_gateway_jwt_fields[] = {

    { ngx_string("key="),
      offsetof(ngx_http_gateway_jwt_credential_t, key) },

    { ngx_string("secret="),
      offsetof(ngx_http_gateway_jwt_credential_t, secret) },

    { ngx_string("rsa_public_key="),
      offsetof(ngx_http_gateway_jwt_credential_t, pem) },

    { ngx_string("algorithm="),
      offsetof(ngx_http_gateway_jwt_credential_t, algorithm) },

    { ngx_null_string, 0 }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_jwt_policy = {
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
    NULL,                                  /* init process */
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

/* for the log, the client gets the list */
static ngx_str_t  ngx_http_gateway_jwt_claims_fail =
    ngx_string("registered claims do not hold");


static ngx_int_t
ngx_http_gateway_jwt_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_jwt_conf_t  *jcf = conf;

    ngx_int_t                           rc;
    ngx_str_t                           body;
    const ngx_str_t                    *message, *challenge;
    ngx_http_gateway_ctx_t             *ctx;
    ngx_http_gateway_jwt_parts_t        parts;
    ngx_http_gateway_jwt_token_t        token;
    ngx_http_gateway_jwt_credential_t  *credential;

    ctx = ngx_http_gateway_get_ctx(r);

    if (!jcf->run_on_preflight && ctx->method == NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_auth_skip(ctx, &jcf->auth)) {
        return NGX_DECLINED;
    }

    ngx_memzero(&token, sizeof(ngx_http_gateway_jwt_token_t));

    if (ngx_http_gateway_jwt_collect(r, ctx, jcf, &token) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_null(&body);
    credential = NULL;
    rc = NGX_DECLINED;
    challenge = &jcf->invalid;

    if (token.several || (token.bare && token.text.data)) {
        message = &ngx_http_gateway_jwt_several;

    } else if (token.bare) {
        message = &ngx_http_gateway_jwt_unrecognizable;

    } else if (token.text.data == NULL) {
        message = &ngx_http_gateway_jwt_unauthorized;
        challenge = &jcf->auth.challenge;

    } else {
        ngx_memzero(&parts, sizeof(ngx_http_gateway_jwt_parts_t));

        rc = ngx_http_gateway_jwt_parse(r, &token.text, &parts, &message);

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_jwt_check_token(r, jcf, &parts, &credential,
                                                  &message, &body);
        }

        json_decref(parts.header);
        json_decref(parts.claims);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_jwt_fail(r, ctx, jcf, challenge, message,
                                         &body);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_auth_succeed(r, ctx,
                                         &credential->named.credential);
}


/* body: of the answer, when it is not made of the message */

static ngx_int_t
ngx_http_gateway_jwt_fail(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_jwt_conf_t *jcf, const ngx_str_t *challenge,
    const ngx_str_t *message, ngx_str_t *body)
{
    ngx_table_elt_t  *type;

    static ngx_str_t  json = ngx_string("application/json; charset=utf-8");

    if (jcf->auth.consumer) {
        return ngx_http_gateway_auth_fallback(r, ctx, &jcf->auth);
    }

    if (ngx_http_gateway_auth_challenge(r, &jcf->auth, challenge, message)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    type = r->headers_in.content_type;

    if (body->len
        && (type == NULL
            || type->value.len < sizeof("application/grpc") - 1
            || ngx_strncasecmp(type->value.data, (u_char *) "application/grpc",
                               sizeof("application/grpc") - 1)
               != 0))
    {
        return ngx_http_gateway_exit(r, NGX_HTTP_UNAUTHORIZED, &json, body);
    }

    if (body->len) {
        message = &ngx_http_gateway_jwt_unauthorized;
    }

    return ngx_http_gateway_exit_message(r, NGX_HTTP_UNAUTHORIZED, message);
}


/* from all places, each token once */

static ngx_int_t
ngx_http_gateway_jwt_collect(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    ngx_http_gateway_jwt_token_t *token)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = jcf->uri_param_names->elts;

    for (i = 0; ctx->args.len && i < jcf->uri_param_names->nelts; i++) {
        if (ngx_http_gateway_jwt_in_query(r, ctx, &name[i], token) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (jcf->cookie_names) {
        name = jcf->cookie_names->elts;

        for (i = 0; i < jcf->cookie_names->nelts; i++) {
            ngx_http_gateway_jwt_in_cookie(r, &name[i], token);
        }
    }

    name = jcf->header_names->elts;

    for (i = 0; i < jcf->header_names->nelts; i++) {
        ngx_http_gateway_jwt_in_header(r, &name[i], token);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_in_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *name,
    ngx_http_gateway_jwt_token_t *token)
{
    ngx_str_t               args, text;
    ngx_http_gateway_arg_t  arg;

    args = ctx->args;

    while (ngx_http_gateway_arg_next(&args, &arg)) {

        if (!ngx_http_gateway_arg_is(&arg, name)) {
            continue;
        }

        if (arg.bare) {
            token->bare = 1;
            continue;
        }

        if (ngx_http_gateway_unescape(r->pool, &arg.value, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_gateway_jwt_add(token, &text);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_in_cookie(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_gateway_jwt_token_t *token)
{
    ngx_str_t  text;

#if (nginx_version >= 1029006)

    if (ngx_http_parse_cookie_lines(r, r->headers_in.cookie, name, &text)
        == NULL)
    {
        return;
    }

#elif (nginx_version >= 1023000)

    if (ngx_http_parse_multi_header_lines(r, r->headers_in.cookie, name, &text)
        == NULL)
    {
        return;
    }

#else

    if (ngx_http_parse_multi_header_lines(&r->headers_in.cookies, name, &text)
        == NGX_DECLINED)
    {
        return;
    }

#endif

    ngx_http_gateway_jwt_add(token, &text);
}


/* "Bearer" or "bearer" somewhere in the first header, blanks, the token */

static void
ngx_http_gateway_jwt_in_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_gateway_jwt_token_t *token)
{
    u_char           *p, *last;
    ngx_str_t         text;
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, name, 0);
    if (h == NULL) {
        return;
    }

    p = h->value.data;
    last = p + h->value.len;

    for ( /* void */ ; last - p > 7; p++) {

        if ((*p != 'B' && *p != 'b') || ngx_strncmp(p + 1, "earer", 5) != 0
            || (p[6] != ' ' && p[6] != '\t'))
        {
            continue;
        }

        p += 7;

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        text.data = p;
        text.len = last - p;

        ngx_http_gateway_jwt_add(token, &text);
        return;
    }
}


static void
ngx_http_gateway_jwt_add(ngx_http_gateway_jwt_token_t *token, ngx_str_t *text)
{
    if (text->len == 0) {
        return;
    }

    if (token->text.data == NULL) {
        token->text = *text;
        return;
    }

    if (token->text.len != text->len
        || ngx_memcmp(token->text.data, text->data, text->len) != 0)
    {
        token->several = 1;
    }
}


/* NGX_OK, NGX_DECLINED with a message, or NGX_ERROR */

static ngx_int_t
ngx_http_gateway_jwt_parse(ngx_http_request_t *r, ngx_str_t *token,
    ngx_http_gateway_jwt_parts_t *parts, const ngx_str_t **message)
{
    u_char     *p, *last;
    json_t     *alg;
    ngx_int_t   rc;
    ngx_str_t   header, claims, signature;

    *message = &ngx_http_gateway_jwt_bad_json;

    if (token->len > NGX_HTTP_GATEWAY_JWT_SIZE) {
        return NGX_DECLINED;
    }

    last = token->data + token->len;

    p = ngx_strlchr(token->data, last, '.');
    if (p == NULL) {
        return NGX_DECLINED;
    }

    header.data = token->data;
    header.len = p - token->data;
    claims.data = p + 1;

    p = ngx_strlchr(claims.data, last, '.');
    if (p == NULL) {
        return NGX_DECLINED;
    }

    claims.len = p - claims.data;
    signature.data = p + 1;
    signature.len = last - signature.data;

    parts->signed_text.data = token->data;
    parts->signed_text.len = p - token->data;

    rc = ngx_http_gateway_jwt_json(r->pool, &header, &parts->header);

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_jwt_json(r->pool, &claims, &parts->claims);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    *message = &ngx_http_gateway_jwt_bad_alg;

    alg = json_object_get(parts->header, "alg");

    if (!json_is_string(alg)) {
        return NGX_DECLINED;
    }

    parts->alg = ngx_http_gateway_jwt_algorithm(
                                         (u_char *) json_string_value(alg),
                                         json_string_length(alg));
    if (parts->alg == NULL) {
        return NGX_DECLINED;
    }

    if (!json_is_object(parts->claims) && !json_is_array(parts->claims)) {
        *message = &ngx_http_gateway_jwt_bad_claims;
        return NGX_DECLINED;
    }

    *message = &ngx_http_gateway_jwt_bad_signature;

    return ngx_http_gateway_jwt_decode(r->pool, &signature, &parts->signature);
}


/* base64url, padding or not; NGX_OK, NGX_DECLINED or NGX_ERROR */

static ngx_int_t
ngx_http_gateway_jwt_decode(ngx_pool_t *pool, ngx_str_t *encoded,
    ngx_str_t *decoded)
{
    size_t     len;
    ngx_str_t  src;

    /* nginx's function ends at the first "=", whatever follows */

    for (len = encoded->len; len && encoded->data[len - 1] == '='; len--) {
        /* void */
    }

    src.data = encoded->data;
    src.len = len;

    if (ngx_strlchr(src.data, src.data + len, '=')) {
        return NGX_DECLINED;
    }

    decoded->data = ngx_pnalloc(pool, ngx_base64_decoded_length(len) + 1);
    if (decoded->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_decode_base64url(decoded, &src) == NGX_OK ? NGX_OK
                                                         : NGX_DECLINED;
}


/*
 * One JSON value.  A member given twice could mean one thing here and another
 * in the upstream.  All numbers are read as doubles: none is too long.
 */

static ngx_int_t
ngx_http_gateway_jwt_json(ngx_pool_t *pool, ngx_str_t *encoded, json_t **json)
{
    ngx_int_t     rc;
    ngx_str_t     text;
    json_error_t  error;

    rc = ngx_http_gateway_jwt_decode(pool, encoded, &text);
    if (rc != NGX_OK) {
        return rc;
    }

    *json = json_loadb((char *) text.data, text.len,
                       JSON_REJECT_DUPLICATES|JSON_DECODE_ANY
                       |JSON_DECODE_INT_AS_REAL, &error);

    return *json ? NGX_OK : NGX_DECLINED;
}


/* NGX_OK with *found, or NGX_DECLINED with a message and maybe a body */

static ngx_int_t
ngx_http_gateway_jwt_check_token(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, ngx_http_gateway_jwt_parts_t *parts,
    ngx_http_gateway_jwt_credential_t **found, const ngx_str_t **message,
    ngx_str_t *body)
{
    json_t                             *claim;
    ngx_str_t                           key, *secret;
    ngx_http_gateway_jwt_main_conf_t   *jmcf;
    ngx_http_gateway_jwt_credential_t  *credential;

    claim = json_object_get(parts->claims, jcf->claim);

    if (claim == NULL || json_is_false(claim)) {
        claim = json_object_get(parts->header, jcf->claim);
    }

    if (claim == NULL || json_is_false(claim)) {
        *message = &jcf->no_claim;
        return NGX_DECLINED;
    }

    credential = NULL;

    if (json_is_string(claim)) {
        key.data = (u_char *) json_string_value(claim);
        key.len = json_string_length(claim);

        if (key.len == 0) {
            *message = &jcf->empty_claim;
            return NGX_DECLINED;
        }

        jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

        credential = ngx_http_gateway_named_find(&jmcf->table, &key);
    }

    if (credential == NULL) {
        *message = &jcf->no_credentials;
        return NGX_DECLINED;
    }

    if (parts->alg != credential->alg) {
        *message = &ngx_http_gateway_jwt_algorithm_differs;
        return NGX_DECLINED;
    }

    secret = jcf->secret_is_base64 ? &credential->decoded
                                   : &credential->secret;

    if (credential->alg->family == NGX_HTTP_GATEWAY_JWT_HS
        && secret->len == 0)
    {
        *message = &ngx_http_gateway_jwt_no_key;
        return NGX_DECLINED;
    }

    if (!ngx_http_gateway_jwt_verify(credential->alg, secret,
                                     credential->pkey, &parts->signed_text,
                                     &parts->signature))
    {
        *message = &ngx_http_gateway_jwt_signature_differs;
        return NGX_DECLINED;
    }

    if (!ngx_http_gateway_jwt_claims(jcf, parts->claims, body)) {
        *message = &ngx_http_gateway_jwt_claims_fail;
        return NGX_DECLINED;
    }

    *found = credential;

    return NGX_OK;
}


/* 1 if they hold; otherwise body is what is wrong with each of them */

static ngx_uint_t
ngx_http_gateway_jwt_claims(ngx_http_gateway_jwt_conf_t *jcf, json_t *claims,
    ngx_str_t *body)
{
    double       now;
    json_t      *claim;
    ngx_uint_t   nbf, exp;

    /* by nbf and exp, each: holds, no number, out of its time */

    static ngx_str_t  bodies[3][3] = {
        { ngx_null_string,
          ngx_string("{\"exp\":\"must be a number\"}"),
          ngx_string("{\"exp\":\"token expired\"}") },

        { ngx_string("{\"nbf\":\"must be a number\"}"),
          ngx_string("{\"nbf\":\"must be a number\","
                     "\"exp\":\"must be a number\"}"),
          ngx_string("{\"nbf\":\"must be a number\","
                     "\"exp\":\"token expired\"}") },

        { ngx_string("{\"nbf\":\"token not valid yet\"}"),
          ngx_string("{\"nbf\":\"token not valid yet\","
                     "\"exp\":\"must be a number\"}"),
          ngx_string("{\"nbf\":\"token not valid yet\","
                     "\"exp\":\"token expired\"}") }
    };

    static ngx_str_t  exceeds =
        ngx_string("{\"exp\":\"exceeds maximum allowed expiration\"}");

    now = (double) ngx_time();
    nbf = 0;
    exp = 0;

    if (jcf->verify_nbf) {
        claim = json_object_get(claims, "nbf");

        if (!json_is_number(claim)) {
            nbf = 1;

        } else if (json_number_value(claim) > now) {
            nbf = 2;
        }
    }

    claim = NULL;

    if (jcf->verify_exp) {
        claim = json_object_get(claims, "exp");

        if (!json_is_number(claim)) {
            exp = 1;

        } else if (json_number_value(claim) <= now) {
            exp = 2;
        }
    }

    *body = bodies[nbf][exp];

    if (body->len) {
        return 0;
    }

    if (jcf->maximum_expiration > 0
        && json_number_value(claim) - now > jcf->maximum_expiration)
    {
        *body = exceeds;
        return 0;
    }

    return 1;
}


static void
ngx_http_gateway_jwt_defaults(void *conf)
{
    ngx_http_gateway_jwt_conf_t  *jcf = conf;

    jcf->run_on_preflight = 1;
    ngx_str_set(&jcf->key_claim_name, "iss");
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


static char *
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

    if (credential->algorithm.data == NULL) {
        ngx_str_set(&credential->algorithm, "HS256");
    }

    credential->alg = ngx_http_gateway_jwt_algorithm(
                                                 credential->algorithm.data,
                                                 credential->algorithm.len);
    if (credential->alg == NULL) {
        return "has an unknown \"algorithm\"";
    }

    if (credential->alg->family == NGX_HTTP_GATEWAY_JWT_HS) {

        if (credential->secret.len == 0) {
            return "has no secret: write \"secret=...\"";
        }

        if (ngx_http_gateway_jwt_secret(cf, credential) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else {

        if (credential->pem.len == 0) {
            return "has no public key: write \"rsa_public_key=...\"";
        }

        credential->pkey = ngx_http_gateway_jwt_key(cf->pool, &credential->pem,
                                                    credential->alg);
        if (credential->pkey == NULL) {
            return "has an invalid \"rsa_public_key\": expected a key in PEM "
                   "that is of use for the algorithm";
        }
    }

    credential->named.credential.identifier = credential->key;

    return ngx_http_gateway_named_add(cf, &jmcf->table, "jwt_secrets",
                                      &credential->named);
}


/* either alphabet; what is no base64 stays empty, and fits to no token */

static ngx_int_t
ngx_http_gateway_jwt_secret(ngx_conf_t *cf,
    ngx_http_gateway_jwt_credential_t *credential)
{
    size_t      i;
    ngx_int_t   rc;
    ngx_str_t   text, *decoded;

    decoded = &credential->decoded;

    text.len = credential->secret.len;
    text.data = ngx_pstrdup(cf->temp_pool, &credential->secret);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '+') {
            text.data[i] = '-';

        } else if (text.data[i] == '/') {
            text.data[i] = '_';
        }
    }

    rc = ngx_http_gateway_jwt_decode(cf->pool, &text, decoded);

    ngx_explicit_memzero(text.data, text.len);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_str_null(decoded);
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf)
{
    /* set by ngx_pcalloc(): an empty table */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_main_conf_t));
}


static ngx_int_t
ngx_http_gateway_jwt_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_jwt_policy);
}


static ngx_int_t
ngx_http_gateway_jwt_init(ngx_conf_t *cf)
{
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    return ngx_http_gateway_auth_init(cf, &jmcf->anonymous);
}
