
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_CERT_STATUS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CERT_STATUS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_fetch.h"
#include "ngx_http_gateway_shm.h"

#include <openssl/ssl.h>


/*
 * Whether the issuer of a certificate has revoked it: its OCSP responders are
 * asked, RFC 6960, then its revocation lists are fetched, RFC 5280 5.  What
 * they say is kept in shared memory, so that one request in a while waits for
 * it; requests of one worker for the same certificate wait together.
 */

typedef enum {
    NGX_HTTP_GATEWAY_CERT_NONE = 0,    /* nobody knows yet */
    NGX_HTTP_GATEWAY_CERT_GOOD,
    NGX_HTTP_GATEWAY_CERT_REVOKED,
    NGX_HTTP_GATEWAY_CERT_SILENT,      /* it names nobody to ask */
    NGX_HTTP_GATEWAY_CERT_FAILED       /* nobody could say */
} ngx_http_gateway_cert_status_e;


/* how to find out; of a configuration */
typedef struct {
    X509_STORE                      *store;     /* of the authorities */
    ngx_msec_t                       timeout;   /* of one fetch */
    ngx_msec_t                       ttl;       /* of what was said */
    ngx_str_t                        http_proxy;  /* host; empty: none */
    in_port_t                        http_proxy_port;
    ngx_str_t                        https_proxy;
    in_port_t                        https_proxy_port;

    ngx_http_gateway_shm_t          *shm;       /* set by ..._init() */
    ngx_http_gateway_fetcher_t      *fetcher;
} ngx_http_gateway_cert_status_conf_t;


typedef struct ngx_http_gateway_cert_wait_s  ngx_http_gateway_cert_wait_t;

/* a request that waits; the memory is the caller's */
struct ngx_http_gateway_cert_wait_s {
    ngx_http_gateway_cert_wait_t    *next;
    void                            *check;     /* not NULL while it waits */
    ngx_http_gateway_cert_status_e   status;
    void                           (*handler)(void *data);
    void                            *data;
};


/*
 * For postconfiguration; all configurations share a zone and a fetcher.
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_cert_status_init(ngx_conf_t *cf,
    ngx_http_gateway_cert_status_conf_t *conf);

/*
 * The status; or NONE: the handler is called once wait->status is set, never
 * before this returns.  wait->handler and data are set by the caller.  Both
 * certificates may be freed afterwards.
 */
ngx_http_gateway_cert_status_e ngx_http_gateway_cert_status(
    ngx_http_gateway_cert_status_conf_t *conf, X509 *cert, X509 *issuer,
    ngx_http_gateway_cert_wait_t *wait, ngx_log_t *log);

/* the handler is not called any more */
void ngx_http_gateway_cert_status_cancel(ngx_http_gateway_cert_wait_t *wait);


#endif /* _NGX_HTTP_GATEWAY_CERT_STATUS_H_INCLUDED_ */
