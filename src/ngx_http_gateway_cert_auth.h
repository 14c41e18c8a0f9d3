
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_CERT_AUTH_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CERT_AUTH_H_INCLUDED_


#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_cert_status.h"


/*
 * What the policies have in common that know consumers by a certificate:
 * mtls_auth takes that of the connection, header_cert_auth one of a header.
 */

#define NGX_HTTP_GATEWAY_CERT_DIGEST  32    /* SHA-256 */


/* gateway_ca_certificate NAME FILE */
typedef struct {
    ngx_str_t                        name;
    X509                            *cert;
    u_char                           digest[NGX_HTTP_GATEWAY_CERT_DIGEST];
} ngx_http_gateway_ca_t;


typedef struct ngx_http_gateway_cert_verdict_s
    ngx_http_gateway_cert_verdict_t;

typedef struct {
    ngx_http_gateway_auth_conf_t     auth;
    ngx_array_t                     *ca_certificates; /* names */
    ngx_array_t                     *consumer_by;
    ngx_flag_t                       skip_consumer_lookup;
    ngx_uint_t                       authenticated_group_by;
    ngx_str_t                        default_consumer;
    ngx_flag_t                       allow_partial_chain;
    ngx_uint_t                       revocation_check_mode;
    double                           http_timeout;    /* milliseconds */
    double                           cert_cache_ttl;  /* milliseconds */
    double                           cache_ttl;       /* seconds */
    ngx_str_t                        http_proxy_host;
    ngx_int_t                        http_proxy_port;
    ngx_str_t                        https_proxy_host;
    ngx_int_t                        https_proxy_port;

    /* resolved */
    ngx_http_gateway_policy_t       *policy;
    ngx_http_gateway_consumer_t     *consumer;  /* default_consumer */
    ngx_uint_t                       by[2];     /* consumer_by, in order */
    ngx_array_t                     *cas;       /* ..._ca_t * */
    X509_STORE                      *store;
    ngx_http_gateway_cert_status_conf_t  status;
    ngx_http_gateway_cert_verdict_t *verdicts;  /* of this worker; NULL: none
                                                   yet */
    ngx_pool_t                      *pool;      /* of the configuration */
} ngx_http_gateway_cert_auth_conf_t;


extern ngx_conf_enum_t  ngx_http_gateway_cert_auth_groups[];
extern ngx_conf_enum_t  ngx_http_gateway_cert_auth_modes[];


/* the parameters of both, whose confs start with the one above */
#define NGX_HTTP_GATEWAY_CERT_AUTH_PARAM(text, kind, member, from, to, more)  \
    { ngx_string(text), kind,                                                 \
      offsetof(ngx_http_gateway_cert_auth_conf_t, member), from, to, more }

#define NGX_HTTP_GATEWAY_CERT_AUTH_PARAMS                                     \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("ca_certificates",                       \
        NGX_HTTP_GATEWAY_PARAM_LIST, ca_certificates, 0, 0, NULL),            \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("consumer_by",                           \
        NGX_HTTP_GATEWAY_PARAM_LIST, consumer_by, 0, 0, NULL),                \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("skip_consumer_lookup",                  \
        NGX_HTTP_GATEWAY_PARAM_FLAG, skip_consumer_lookup, 0, 0, NULL),       \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("authenticated_group_by",                \
        NGX_HTTP_GATEWAY_PARAM_ENUM, authenticated_group_by, 0, 0,            \
        ngx_http_gateway_cert_auth_groups),                                   \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("default_consumer",                      \
        NGX_HTTP_GATEWAY_PARAM_STRING, default_consumer, 0, 0, NULL),         \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("anonymous",                             \
        NGX_HTTP_GATEWAY_PARAM_STRING, auth.anonymous, 0, 0, NULL),           \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("allow_partial_chain",                   \
        NGX_HTTP_GATEWAY_PARAM_FLAG, allow_partial_chain, 0, 0, NULL),        \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("revocation_check_mode",                 \
        NGX_HTTP_GATEWAY_PARAM_ENUM, revocation_check_mode, 0, 0,             \
        ngx_http_gateway_cert_auth_modes),                                    \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("http_timeout",                          \
        NGX_HTTP_GATEWAY_PARAM_NUMBER, http_timeout, 1, 2147483646, NULL),    \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("cert_cache_ttl",                        \
        NGX_HTTP_GATEWAY_PARAM_NUMBER, cert_cache_ttl, 0, 2147483646, NULL),  \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("cache_ttl",                             \
        NGX_HTTP_GATEWAY_PARAM_NUMBER, cache_ttl, 0, 31536000, NULL),         \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("http_proxy_host",                       \
        NGX_HTTP_GATEWAY_PARAM_STRING, http_proxy_host, 0, 0, NULL),          \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("http_proxy_port",                       \
        NGX_HTTP_GATEWAY_PARAM_INT, http_proxy_port, 0, 65535, NULL),         \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("https_proxy_host",                      \
        NGX_HTTP_GATEWAY_PARAM_STRING, https_proxy_host, 0, 0, NULL),         \
    NGX_HTTP_GATEWAY_CERT_AUTH_PARAM("https_proxy_port",                      \
        NGX_HTTP_GATEWAY_PARAM_INT, https_proxy_port, 0, 65535, NULL)


/* defaults() and check() of the policies */
void ngx_http_gateway_cert_auth_defaults(void *conf);
char *ngx_http_gateway_cert_auth_check(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_conf_t *cacf);

/* for their postconfigurations; the first call does it all */
ngx_int_t ngx_http_gateway_cert_auth_init(ngx_conf_t *cf);

/*
 * For access(), first of all: takes out what the client says of its
 * certificate; 1 when there is nothing else to do.
 */
ngx_uint_t ngx_http_gateway_cert_auth_skip(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf);

/*
 * For access(): who shows the certificate (NULL: there is none), with the
 * others it sent along, which may be NULL.  A value for access() to return;
 * after NGX_AGAIN, the same has to be asked again when the handler is called.
 */
ngx_int_t ngx_http_gateway_cert_auth(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf, X509 *cert,
    STACK_OF(X509) *chain);

/* the setters of gateway_ca_certificate and of gateway_mtls_auth_credential */
char *ngx_http_gateway_cert_auth_ca(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cert_auth_credential(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


#endif /* _NGX_HTTP_GATEWAY_CERT_AUTH_H_INCLUDED_ */
