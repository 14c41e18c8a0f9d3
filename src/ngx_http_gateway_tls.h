
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates by SNI, for servers of http{} and of stream{}.
 */


#ifndef _NGX_HTTP_GATEWAY_TLS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TLS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* names of servers, in lower case, with "*" for a first or last label */
typedef struct {
    ngx_rbtree_t                     tree;
    ngx_rbtree_node_t                sentinel;
    ngx_uint_t                       n;
} ngx_http_gateway_tls_names_t;

/* of one server; lives as long as the configuration */
typedef struct {
    ngx_http_gateway_tls_names_t     names;
    ngx_array_t                     *certs;     /* NULL: none yet */
    ngx_array_t                     *decoders;  /* of keys; NULL: none yet */
    ngx_uint_t                       n;         /* of certificates */
} ngx_http_gateway_tls_store_t;


void ngx_http_gateway_tls_init_store(ngx_http_gateway_tls_store_t *store);

/*
 * Adds what the parameters of the directive say, "CERT KEY [cert_alt=FILE
 * key_alt=FILE] NAME...".  NGX_CONF_OK, NGX_CONF_ERROR or a phrase.
 */
char *ngx_http_gateway_tls_add(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store);

/* handshakes with that context choose from the store */
void ngx_http_gateway_tls_use(ngx_ssl_t *ssl,
    ngx_http_gateway_tls_store_t *store);


#endif /* _NGX_HTTP_GATEWAY_TLS_H_INCLUDED_ */
