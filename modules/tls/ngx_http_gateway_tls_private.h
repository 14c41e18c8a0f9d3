
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Between the files of this module.
 */


#ifndef _NGX_HTTP_GATEWAY_TLS_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TLS_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_tls.h"


#define NGX_HTTP_GATEWAY_TLS_DIGEST  32     /* SHA-256 */

/* longer names are no names of hosts */
#define NGX_HTTP_GATEWAY_TLS_NAME    256


/* one pair of a certificate and its key; a second one of another key type */
typedef struct {
    X509                            *cert;
    EVP_PKEY                        *key;
    STACK_OF(X509)                  *chain;     /* NULL: none */
    ngx_str_t                        file;
    ngx_str_t                        key_file;
} ngx_http_gateway_tls_pair_t;

typedef struct {
    ngx_http_gateway_tls_pair_t      pairs[2];
    ngx_uint_t                       npairs;
    /* of the first certificate */
    u_char                           digest[NGX_HTTP_GATEWAY_TLS_DIGEST];
} ngx_http_gateway_tls_cert_t;

/* gateway_client_certificate: what is asked of clients */
typedef struct {
    ngx_flag_t                       require;
    ngx_int_t                        depth;
    X509_STORE                      *store;     /* NULL: not verified */
    STACK_OF(X509_NAME)             *names;     /* told to clients; or NULL */
} ngx_http_gateway_tls_rule_t;

typedef struct {
    ngx_str_node_t                   sn;        /* first: the name */
    void                            *value;     /* a cert, or a rule */
} ngx_http_gateway_tls_name_t;

typedef struct {
    ngx_http_gateway_tls_store_t     store;
    ngx_http_gateway_tls_names_t     rules;
    /* for the names that rules does not have, and for clients without one */
    ngx_http_gateway_tls_rule_t     *rule;
    /* of the server's own certificates */
    u_char                           digest[NGX_HTTP_GATEWAY_TLS_DIGEST];
} ngx_http_gateway_tls_srv_conf_t;

typedef struct {
    ngx_shm_zone_t                  *tickets;   /* NULL: nginx's own */
    ngx_uint_t                       certs;
    ngx_uint_t                       rules;
    ngx_uint_t                       required;
    /* of what is asked of clients, in all servers */
    EVP_MD_CTX                      *md;
    u_char                           digest[NGX_HTTP_GATEWAY_TLS_DIGEST];
} ngx_http_gateway_tls_main_conf_t;


/*
 * The name in the handshake, in lower case and without a final dot; empty
 * when there is none.  lower: NGX_HTTP_GATEWAY_TLS_NAME bytes.
 */
void ngx_http_gateway_tls_servername(ngx_ssl_conn_t *ssl_conn, ngx_str_t *name,
    u_char *lower);

/* ngx_http_gateway_tls_names.c */

void ngx_http_gateway_tls_names_init(ngx_http_gateway_tls_names_t *names);
/* adds a name, NGX_DECLINED when it is there */
ngx_int_t ngx_http_gateway_tls_names_add(ngx_conf_t *cf,
    ngx_http_gateway_tls_names_t *names, ngx_str_t *name, void *value);
/* the value of the name or of a wildcard, or NULL; name in lower case */
void *ngx_http_gateway_tls_names_find(ngx_http_gateway_tls_names_t *names,
    ngx_str_t *name);

/* ngx_http_gateway_tls_cert.c */

/* reads a pair and makes it the next one of cert */
char *ngx_http_gateway_tls_pair(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, ngx_http_gateway_tls_cert_t *cert,
    ngx_str_t *file, ngx_str_t *key);
/* frees a cert; the handler of a cleanup */
void ngx_http_gateway_tls_cert_cleanup(void *data);
/* certificates of a file, at least one; NULL after an error */
STACK_OF(X509) *ngx_http_gateway_tls_read(ngx_conf_t *cf, ngx_str_t *file);

/* ngx_http_gateway_tls_client.c */

char *ngx_http_gateway_tls_client(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* the rule for a name, in lower case and maybe empty, or NULL */
ngx_http_gateway_tls_rule_t *ngx_http_gateway_tls_client_find(
    ngx_http_gateway_tls_srv_conf_t *tscf, ngx_str_t *name);
/* asks the client for its certificate */
ngx_int_t ngx_http_gateway_tls_client_ask(ngx_ssl_conn_t *ssl_conn,
    ngx_http_gateway_tls_rule_t *rule);
/* POST_READ: a Host that requires more than the name in the handshake did */
ngx_int_t ngx_http_gateway_tls_client_handler(ngx_http_request_t *r);

/* ngx_http_gateway_tls_tickets.c */

char *ngx_http_gateway_tls_tickets(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_gateway_tls_tickets_set(ngx_conf_t *cf, SSL_CTX *ssl_ctx);

/* ngx_http_gateway_tls_stapling.c */

/* ssl_stapling of the server for the certificates of gateway_certificate */
ngx_int_t ngx_http_gateway_tls_stapling(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_gateway_tls_srv_conf_t *tscf);


extern ngx_module_t  ngx_http_gateway_tls_module;


#endif /* _NGX_HTTP_GATEWAY_TLS_PRIVATE_H_INCLUDED_ */
