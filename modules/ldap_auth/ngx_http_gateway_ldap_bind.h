
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_LDAP_BIND_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LDAP_BIND_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>


/*
 * Simple binds to one LDAP server, RFC 4511, by libldap in threads: nothing
 * here blocks the event loop.  Connections that an answer came over are kept
 * for further binds; each worker has its own.
 */

typedef struct {
    /* set by the owner, before ..._init() */
    ngx_str_t                        host;
    ngx_uint_t                       port;
    ngx_flag_t                       ldaps;
    ngx_flag_t                       start_tls;
    ngx_flag_t                       verify;
    ngx_msec_t                       timeout;
    ngx_msec_t                       keepalive;  /* 0: nothing is kept */
    ngx_thread_pool_t               *threads;
    void                            *tls;        /* ..._ldap_tls() */

    /* its own */
    char                            *uri;
    ngx_queue_t                      idle;       /* newest first */
    ngx_uint_t                       nidle;
    ngx_queue_t                      waiting;    /* binds, oldest first */
    ngx_uint_t                       active;     /* binds in threads */
    ngx_event_t                      timer;
    time_t                           failed;     /* last message */
} ngx_http_gateway_ldap_server_t;


typedef enum {
    NGX_HTTP_GATEWAY_LDAP_NONE = 0,
    NGX_HTTP_GATEWAY_LDAP_OK,
    NGX_HTTP_GATEWAY_LDAP_DENIED,                /* the server's answer */
    NGX_HTTP_GATEWAY_LDAP_FAILED                 /* there was no answer */
} ngx_http_gateway_ldap_outcome_e;


typedef struct ngx_http_gateway_ldap_bind_s  ngx_http_gateway_ldap_bind_t;

typedef void (*ngx_http_gateway_ldap_bind_pt)(void *data,
    ngx_http_gateway_ldap_outcome_e outcome);


/*
 * What TLS needs, made once and shared by servers: verify with the PEM
 * certificates of a file, or do not verify (NULL).  It ends with the
 * configuration.  NULL after a message.
 */
void *ngx_http_gateway_ldap_tls(ngx_conf_t *cf, ngx_str_t *trusted);

/* For postconfiguration; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_ldap_init(ngx_conf_t *cf,
    ngx_http_gateway_ldap_server_t *server);

/* for init_process: what libldap does but once is done before threads run */
void ngx_http_gateway_ldap_init_process(void);

/*
 * Starts a bind as "attribute=username,base_dn", with the username escaped.
 * The password is copied, and forgotten after the answer.  handler is called
 * from the event loop, once, and never before this returns; data may be
 * NULLed by ..._detach() until then.  NULL on failure.
 */
ngx_http_gateway_ldap_bind_t *ngx_http_gateway_ldap_bind(
    ngx_http_gateway_ldap_server_t *server, ngx_str_t *attribute,
    ngx_str_t *username, ngx_str_t *base_dn, ngx_str_t *password,
    ngx_http_gateway_ldap_bind_pt handler, void *data);

/* nobody waits for it any more: the handler will not be called */
void ngx_http_gateway_ldap_detach(ngx_http_gateway_ldap_bind_t *bind);


#endif /* _NGX_HTTP_GATEWAY_LDAP_BIND_H_INCLUDED_ */
