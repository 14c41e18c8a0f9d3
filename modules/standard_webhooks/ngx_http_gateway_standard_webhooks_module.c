
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lets webhooks pass whose signature is right, as the Standard Webhooks
 * specification has them, in the access step after limits.  Costs reading the
 * body into memory and one HMAC of it.
 */


#include "ngx_http_gateway.h"
#include "gateway_hmac.h"
#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"

#include <openssl/crypto.h>


/* bytes; larger webhooks get 413 */
#define NGX_HTTP_GATEWAY_WEBHOOKS_MAX        8388608

/* of webhook-id; longer ones are refused */
#define NGX_HTTP_GATEWAY_WEBHOOKS_ID         1024

/* a base64 SHA-256, and the version in front of it */
#define NGX_HTTP_GATEWAY_WEBHOOKS_SIGNATURE                                   \
    (3 + ngx_base64_encoded_length(32))


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_str_t                     secret_v1;
    ngx_int_t                     tolerance_second;
} ngx_http_gateway_standard_webhooks_conf_t;


/* what the headers of a request say */
typedef struct {
    ngx_str_t                     id;
    time_t                        timestamp;
    ngx_str_t                     signatures;
} ngx_http_gateway_webhook_t;


static ngx_int_t ngx_http_gateway_standard_webhooks_handler(
    ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_standard_webhooks_headers(
    ngx_http_request_t *r, ngx_http_gateway_webhook_t *webhook);
static ngx_int_t ngx_http_gateway_standard_webhooks_sign(
    ngx_http_request_t *r, ngx_http_gateway_standard_webhooks_conf_t *conf,
    ngx_http_gateway_webhook_t *webhook, ngx_str_t *body, u_char *signature);
static ngx_uint_t ngx_http_gateway_standard_webhooks_has(
    ngx_http_gateway_webhook_t *webhook, u_char *signature);
static ngx_int_t ngx_http_gateway_standard_webhooks_refuse(
    ngx_http_request_t *r, const char *why);

static void ngx_http_gateway_standard_webhooks_defaults(void *data);
static char *ngx_http_gateway_standard_webhooks_check(ngx_conf_t *cf,
    void *data);
static ngx_int_t ngx_http_gateway_standard_webhooks_preconfiguration(
    ngx_conf_t *cf);


static ngx_http_gateway_param_t
    ngx_http_gateway_standard_webhooks_params[] =
{
    { ngx_string("secret_v1"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_standard_webhooks_conf_t, secret_v1), 0, 0,
      NULL },

    { ngx_string("tolerance_second"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_standard_webhooks_conf_t, tolerance_second),
      0, 2147483647, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_standard_webhooks = {
    ngx_string("standard_webhooks"),
    760,
    NGX_HTTP_GATEWAY_NO_CONSUMER,

    sizeof(ngx_http_gateway_standard_webhooks_conf_t),
    ngx_http_gateway_standard_webhooks_params,
    ngx_http_gateway_standard_webhooks_defaults,
    ngx_http_gateway_standard_webhooks_check,

    ngx_http_gateway_standard_webhooks_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_standard_webhooks_commands[] = {

    { ngx_string("gateway_standard_webhooks"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_standard_webhooks },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_standard_webhooks_module_ctx = {
    ngx_http_gateway_standard_webhooks_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_standard_webhooks_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_standard_webhooks_module_ctx, /* module context */
    ngx_http_gateway_standard_webhooks_commands, /* module directives */
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


static ngx_int_t
ngx_http_gateway_standard_webhooks_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_standard_webhooks_conf_t  *conf = data;

    u_char                      signature[NGX_HTTP_GATEWAY_WEBHOOKS_SIGNATURE];
    ngx_int_t                   rc;
    ngx_str_t                   body;
    ngx_http_gateway_webhook_t  webhook;

    if (ngx_http_gateway_standard_webhooks_headers(r, &webhook) != NGX_OK) {
        return ngx_http_gateway_standard_webhooks_refuse(r, "header missing");
    }

    /* as in Kong, who is ahead of us is not too early */

    if (ngx_time() - webhook.timestamp > conf->tolerance_second) {
        return ngx_http_gateway_standard_webhooks_refuse(r, "too old");
    }

    rc = ngx_http_gateway_body_read(r, NGX_HTTP_GATEWAY_WEBHOOKS_MAX, &body);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_error(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      NULL);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (body.len == 0) {
        return ngx_http_gateway_standard_webhooks_refuse(r, "body missing");
    }

    if (ngx_http_gateway_standard_webhooks_sign(r, conf, &webhook, &body,
                                                signature)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_http_gateway_standard_webhooks_has(&webhook, signature)) {
        return ngx_http_gateway_standard_webhooks_refuse(r,
                                                         "wrong signature");
    }

    return NGX_OK;
}


/* NGX_DECLINED: one is missing; of repeated ones the first counts */

static ngx_int_t
ngx_http_gateway_standard_webhooks_headers(ngx_http_request_t *r,
    ngx_http_gateway_webhook_t *webhook)
{
    ngx_table_elt_t  *id, *timestamp, *signature;

    static ngx_str_t  id_name = ngx_string("webhook-id");
    static ngx_str_t  timestamp_name = ngx_string("webhook-timestamp");
    static ngx_str_t  signature_name = ngx_string("webhook-signature");

    id = ngx_http_gateway_header_in(r, &id_name, 0);
    timestamp = ngx_http_gateway_header_in(r, &timestamp_name, 0);
    signature = ngx_http_gateway_header_in(r, &signature_name, 0);

    if (id == NULL || timestamp == NULL || signature == NULL
        || id->value.len > NGX_HTTP_GATEWAY_WEBHOOKS_ID)
    {
        return NGX_DECLINED;
    }

    webhook->id = id->value;
    webhook->signatures = signature->value;
    webhook->timestamp = ngx_atotm(timestamp->value.data,
                                   timestamp->value.len);

    /* what is no number is long ago */

    if (webhook->timestamp == (time_t) NGX_ERROR) {
        webhook->timestamp = 0;
    }

    return NGX_OK;
}


/* "v1," and the base64 of an HMAC-SHA-256 of "id.timestamp.body" */

static ngx_int_t
ngx_http_gateway_standard_webhooks_sign(ngx_http_request_t *r,
    ngx_http_gateway_standard_webhooks_conf_t *conf,
    ngx_http_gateway_webhook_t *webhook, ngx_str_t *body, u_char *signature)
{
    u_char     *p, *start, hmac[GATEWAY_HMAC_MAX];
    size_t      len;
    ngx_str_t   digest, base64;

    len = webhook->id.len + 1 + NGX_TIME_T_LEN + 1 + body->len;

    start = ngx_palloc(r->pool, len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(start, "%V.%T.", &webhook->id, webhook->timestamp);
    p = ngx_cpymem(p, body->data, body->len);

    digest.data = hmac;
    digest.len = gateway_hmac(GATEWAY_HMAC_SHA256, conf->secret_v1.data,
                              conf->secret_v1.len, start, p - start, hmac);

    /* it may be large */

    (void) ngx_pfree(r->pool, start);

    base64.data = ngx_cpymem(signature, "v1,", 3);
    ngx_encode_base64(&base64, &digest);

    return NGX_OK;
}


/* one of several, which a sender that changes its secret gives */

static ngx_uint_t
ngx_http_gateway_standard_webhooks_has(ngx_http_gateway_webhook_t *webhook,
    u_char *signature)
{
    u_char      *p, *last, *end;
    ngx_uint_t   found;

    p = webhook->signatures.data;
    last = p + webhook->signatures.len;
    found = 0;

    while (p < last) {

        end = ngx_strlchr(p, last, ' ');
        if (end == NULL) {
            end = last;
        }

        if (end - p == NGX_HTTP_GATEWAY_WEBHOOKS_SIGNATURE
            && CRYPTO_memcmp(p, signature,
                             NGX_HTTP_GATEWAY_WEBHOOKS_SIGNATURE)
               == 0)
        {
            found = 1;
        }

        p = end + 1;
    }

    return found;
}


static ngx_int_t
ngx_http_gateway_standard_webhooks_refuse(ngx_http_request_t *r,
    const char *why)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "standard_webhooks: %s", why);

    return ngx_http_gateway_error(r, NGX_HTTP_BAD_REQUEST, NULL);
}


static void
ngx_http_gateway_standard_webhooks_defaults(void *data)
{
    ngx_http_gateway_standard_webhooks_conf_t  *conf = data;

    conf->tolerance_second = 300;
}


static char *
ngx_http_gateway_standard_webhooks_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_standard_webhooks_conf_t  *conf = data;

    if (conf->secret_v1.len == 0) {
        return "needs \"secret_v1\"";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_standard_webhooks_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_standard_webhooks);
}
