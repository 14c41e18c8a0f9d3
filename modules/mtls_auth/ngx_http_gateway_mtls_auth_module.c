
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by the certificate that the client showed in its handshake.
 * Runs as a policy of the access chain; src/ngx_http_gateway_cert_auth.c does
 * the work.  The handshake has to ask for the certificate, which is the
 * business of gateway_client_certificate.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_cert_auth.h"
#include "gateway_x509.h"


#define NGX_HTTP_GATEWAY_MTLS_AUTH_PRIORITY  1600


static ngx_int_t ngx_http_gateway_mtls_auth_handler(ngx_http_request_t *r,
    void *conf);
static char *ngx_http_gateway_mtls_auth_check(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_http_gateway_mtls_auth_preconfiguration(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_mtls_auth_params[] = {

    NGX_HTTP_GATEWAY_CERT_AUTH_PARAMS,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_mtls_auth_policy = {
    ngx_string("mtls_auth"),
    NGX_HTTP_GATEWAY_MTLS_AUTH_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_cert_auth_conf_t),
    ngx_http_gateway_mtls_auth_params,
    ngx_http_gateway_cert_auth_defaults,
    ngx_http_gateway_mtls_auth_check,
    ngx_http_gateway_mtls_auth_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_mtls_auth_commands[] = {

    { ngx_string("gateway_mtls_auth"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_mtls_auth_policy },

    { ngx_string("gateway_mtls_auth_credential"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_cert_auth_credential,
      0,
      0,
      NULL },

    { ngx_string("gateway_ca_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_gateway_cert_auth_ca,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_mtls_auth_module_ctx = {
    ngx_http_gateway_mtls_auth_preconfiguration, /* preconfiguration */
    ngx_http_gateway_cert_auth_init,       /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_mtls_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_mtls_auth_module_ctx, /* module context */
    ngx_http_gateway_mtls_auth_commands,   /* module directives */
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
ngx_http_gateway_mtls_auth_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_cert_auth_conf_t  *cacf = conf;

    X509            *cert;
    STACK_OF(X509)  *chain;

    if (ngx_http_gateway_cert_auth_skip(r, cacf)) {
        return NGX_DECLINED;
    }

    cert = NULL;
    chain = NULL;

#if (NGX_HTTP_SSL)

    if (r->connection->ssl) {
        cert = gateway_x509_peer(r->connection->ssl->connection, &chain);
    }

#endif

    return ngx_http_gateway_cert_auth(r, cacf, cert, chain);
}


static char *
ngx_http_gateway_mtls_auth_check(ngx_conf_t *cf, void *conf)
{
    return ngx_http_gateway_cert_auth_check(cf, conf);
}


static ngx_int_t
ngx_http_gateway_mtls_auth_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_mtls_auth_policy);
}
