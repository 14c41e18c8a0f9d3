
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates by the name that a TLS client asks for (SNI), chosen during
 * the handshake from what was read when the configuration was: no file is
 * touched then.  At most four lookups a handshake, nothing per request.
 */


#include "ngx_http_gateway_tls.h"
#include "ngx_http_gateway.h"

#include <openssl/pem.h>


/* one pair of a certificate and its key; a second one of another key type */
typedef struct {
    X509                            *cert;
    EVP_PKEY                        *key;
    STACK_OF(X509)                  *chain;     /* NULL: none */
} ngx_http_gateway_tls_pair_t;

typedef struct {
    ngx_http_gateway_tls_pair_t      pairs[2];
    ngx_uint_t                       npairs;
} ngx_http_gateway_tls_cert_t;

typedef struct {
    ngx_str_node_t                   sn;        /* first: the name */
    ngx_http_gateway_tls_cert_t     *cert;
} ngx_http_gateway_tls_name_t;


static int ngx_http_gateway_tls_handler(ngx_ssl_conn_t *ssl_conn, void *data);
static ngx_http_gateway_tls_cert_t *ngx_http_gateway_tls_find(
    ngx_http_gateway_tls_store_t *store, ngx_str_t *name);
static ngx_http_gateway_tls_cert_t *ngx_http_gateway_tls_lookup(
    ngx_http_gateway_tls_store_t *store, u_char *data, size_t len);

static char *ngx_http_gateway_tls_certificate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_tls_pair(ngx_conf_t *cf,
    ngx_http_gateway_tls_cert_t *cert, ngx_str_t *file, ngx_str_t *key);
static ngx_int_t ngx_http_gateway_tls_read_cert(ngx_conf_t *cf,
    ngx_http_gateway_tls_pair_t *pair, ngx_str_t *file);
static ngx_int_t ngx_http_gateway_tls_read_key(ngx_conf_t *cf,
    ngx_http_gateway_tls_pair_t *pair, ngx_str_t *file);
static int ngx_http_gateway_tls_password(char *buf, int size, int writing,
    void *data);
static char *ngx_http_gateway_tls_name(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, ngx_http_gateway_tls_cert_t *cert,
    ngx_str_t *name);
static void ngx_http_gateway_tls_cleanup(void *data);
static void *ngx_http_gateway_tls_create_srv_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_tls_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_gateway_tls_commands[] = {

    { ngx_string("gateway_certificate"),
      NGX_HTTP_SRV_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_tls_certificate,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_tls_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_tls_init,             /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_tls_create_srv_conf,  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_tls_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_tls_module_ctx,      /* module context */
    ngx_http_gateway_tls_commands,         /* module directives */
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


/* 1: go on; 0: the handshake fails */

static int
ngx_http_gateway_tls_handler(ngx_ssl_conn_t *ssl_conn, void *data)
{
    ngx_http_gateway_tls_store_t *store = data;

    size_t                        len;
    u_char                        lower[256];
    ngx_str_t                     name;
    ngx_uint_t                    i;
    const char                   *sni;
    ngx_connection_t             *c;
    ngx_http_gateway_tls_cert_t  *cert;

    sni = SSL_get_servername(ssl_conn, TLSEXT_NAMETYPE_host_name);

    if (sni == NULL) {
        return 1;
    }

    len = ngx_strlen(sni);

    if (len == 0 || len > sizeof(lower)) {
        return 1;
    }

    ngx_strlow(lower, (u_char *) sni, len);

    if (len > 1 && lower[len - 1] == '.') {
        len--;
    }

    name.data = lower;
    name.len = len;

    cert = ngx_http_gateway_tls_find(store, &name);

    if (cert == NULL) {
        /* the server's own ssl_certificate */
        return 1;
    }

    SSL_certs_clear(ssl_conn);

    for (i = 0; i < cert->npairs; i++) {

        if (SSL_use_cert_and_key(ssl_conn, cert->pairs[i].cert,
                                 cert->pairs[i].key, cert->pairs[i].chain, 1)
            != 1)
        {
            c = ngx_ssl_get_connection(ssl_conn);
            ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                          "tls: a certificate of the configuration cannot be "
                          "used");
            return 0;
        }
    }

    return 1;
}


/*
 * The name itself, then with "*" for its first label where that leaves two,
 * with "*" for its last label, and "*" alone.
 */

static ngx_http_gateway_tls_cert_t *
ngx_http_gateway_tls_find(ngx_http_gateway_tls_store_t *store,
    ngx_str_t *name)
{
    u_char                       *first, *last, *end, buf[258];
    ngx_http_gateway_tls_cert_t  *cert;

    cert = ngx_http_gateway_tls_lookup(store, name->data, name->len);

    if (cert) {
        return cert;
    }

    end = name->data + name->len;
    first = ngx_strlchr(name->data, end, '.');

    if (first) {

        last = end;

        while (last[-1] != '.') {
            last--;
        }

        if (last - 1 > first) {

            buf[0] = '*';
            ngx_memcpy(&buf[1], first, end - first);

            cert = ngx_http_gateway_tls_lookup(store, buf, 1 + (end - first));

            if (cert) {
                return cert;
            }
        }

        ngx_memcpy(buf, name->data, last - name->data);
        buf[last - name->data] = '*';

        cert = ngx_http_gateway_tls_lookup(store, buf, last - name->data + 1);

        if (cert) {
            return cert;
        }
    }

    return ngx_http_gateway_tls_lookup(store, (u_char *) "*", 1);
}


static ngx_http_gateway_tls_cert_t *
ngx_http_gateway_tls_lookup(ngx_http_gateway_tls_store_t *store,
    u_char *data, size_t len)
{
    ngx_str_t                     name;
    ngx_http_gateway_tls_name_t  *node;

    name.data = data;
    name.len = len;

    node = (ngx_http_gateway_tls_name_t *)
               ngx_str_rbtree_lookup(&store->names, &name,
                                     ngx_crc32_short(data, len));

    return node ? node->cert : NULL;
}


/* gateway_certificate CERT KEY [alt=CERT,KEY] NAME...; */

static char *
ngx_http_gateway_tls_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_gateway_tls_add(cf, conf);
}


char *
ngx_http_gateway_tls_add(ngx_conf_t *cf, ngx_http_gateway_tls_store_t *store)
{
    char                         *rv;
    ngx_str_t                    *value, *key, alt[2];
    ngx_uint_t                    i, names;
    ngx_pool_cleanup_t           *cln;
    ngx_http_gateway_tls_cert_t  *cert;

    value = cf->args->elts;
    names = 0;

    if (cf->args->nelts < 4) {
        return "expects a certificate, its key and at least one name";
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_gateway_tls_cert_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cert = cln->data;
    ngx_memzero(cert, sizeof(ngx_http_gateway_tls_cert_t));
    cln->handler = ngx_http_gateway_tls_cleanup;

    rv = ngx_http_gateway_tls_pair(cf, cert, &value[1], &value[2]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 3; i < cf->args->nelts; i++) {

        if (value[i].len > 9
            && ngx_strncmp(value[i].data, "cert_alt=", 9) == 0)
        {
            if (i + 1 == cf->args->nelts || cert->npairs == 2
                || value[i + 1].len <= 8
                || ngx_strncmp(value[i + 1].data, "key_alt=", 8) != 0)
            {
                return "expects \"key_alt=\" after its one \"cert_alt=\"";
            }

            key = &value[i + 1];

            alt[0].data = value[i].data + 9;
            alt[0].len = value[i].len - 9;
            alt[1].data = key->data + 8;
            alt[1].len = key->len - 8;

            rv = ngx_http_gateway_tls_pair(cf, cert, &alt[0], &alt[1]);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            i++;
            continue;
        }

        rv = ngx_http_gateway_tls_name(cf, store, cert, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        names++;
    }

    return names ? NGX_CONF_OK : "names nobody to serve it to";
}


static char *
ngx_http_gateway_tls_pair(ngx_conf_t *cf, ngx_http_gateway_tls_cert_t *cert,
    ngx_str_t *file, ngx_str_t *key)
{
    ngx_http_gateway_tls_pair_t  *pair;

    pair = &cert->pairs[cert->npairs++];

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK
        || ngx_conf_full_name(cf->cycle, key, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_tls_read_cert(cf, pair, file) != NGX_OK
        || ngx_http_gateway_tls_read_key(cf, pair, key) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (X509_check_private_key(pair->cert, pair->key) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "the key \"%V\" does not belong to \"%V\"", key, file);
        return NGX_CONF_ERROR;
    }

    if (cert->npairs == 2
        && EVP_PKEY_base_id(cert->pairs[0].key)
           == EVP_PKEY_base_id(cert->pairs[1].key))
    {
        return "needs keys of two types";
    }

    return NGX_CONF_OK;
}


/* the certificate, and those after it in the file as its chain */

static ngx_int_t
ngx_http_gateway_tls_read_cert(ngx_conf_t *cf,
    ngx_http_gateway_tls_pair_t *pair, ngx_str_t *file)
{
    BIO            *bio;
    X509           *x509;
    unsigned long   n;

    bio = BIO_new_file((char *) file->data, "r");
    if (bio == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "cannot read \"%V\"", file);
        return NGX_ERROR;
    }

    pair->cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);

    if (pair->cert == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "cannot read a certificate from \"%V\"", file);
        BIO_free(bio);
        return NGX_ERROR;
    }

    for ( ;; ) {

        x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        if (x509 == NULL) {
            break;
        }

        if (pair->chain == NULL) {
            pair->chain = sk_X509_new_null();
        }

        if (pair->chain == NULL || sk_X509_push(pair->chain, x509) == 0) {
            X509_free(x509);
            BIO_free(bio);
            return NGX_ERROR;
        }
    }

    BIO_free(bio);

    n = ERR_peek_last_error();

    if (ERR_GET_LIB(n) != ERR_LIB_PEM
        || ERR_GET_REASON(n) != PEM_R_NO_START_LINE)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "cannot read the chain in \"%V\"", file);
        return NGX_ERROR;
    }

    /* the end of the file */
    ERR_clear_error();

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_tls_read_key(ngx_conf_t *cf,
    ngx_http_gateway_tls_pair_t *pair, ngx_str_t *file)
{
    BIO  *bio;

    bio = BIO_new_file((char *) file->data, "r");

    if (bio) {
        pair->key = PEM_read_bio_PrivateKey(bio, NULL,
                                        ngx_http_gateway_tls_password, NULL);
        BIO_free(bio);
    }

    if (pair->key == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "cannot read a private key from \"%V\"", file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* nobody is there to ask */

static int
ngx_http_gateway_tls_password(char *buf, int size, int writing, void *data)
{
    return -1;
}


static char *
ngx_http_gateway_tls_name(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, ngx_http_gateway_tls_cert_t *cert,
    ngx_str_t *name)
{
    ngx_http_gateway_tls_name_t  *node;

    ngx_strlow(name->data, name->data, name->len);

    if (name->len > 1 && name->data[name->len - 1] == '.') {
        name->len--;
    }

    if (name->len == 0 || name->len > 255) {
        return "has an invalid name";
    }

    if (ngx_http_gateway_tls_lookup(store, name->data, name->len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate name \"%V\" in \"%V\"", name,
                           (ngx_str_t *) cf->args->elts);
        return NGX_CONF_ERROR;
    }

    node = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_tls_name_t));
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    node->cert = cert;
    node->sn.str = *name;
    node->sn.node.key = ngx_crc32_short(name->data, name->len);

    ngx_rbtree_insert(&store->names, &node->sn.node);
    store->n++;

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_tls_cleanup(void *data)
{
    ngx_http_gateway_tls_cert_t *cert = data;

    ngx_uint_t  i;

    for (i = 0; i < cert->npairs; i++) {
        X509_free(cert->pairs[i].cert);
        EVP_PKEY_free(cert->pairs[i].key);
        sk_X509_pop_free(cert->pairs[i].chain, X509_free);
    }
}


void
ngx_http_gateway_tls_init_store(ngx_http_gateway_tls_store_t *store)
{
    ngx_rbtree_init(&store->names, &store->sentinel,
                    ngx_str_rbtree_insert_value);
    store->n = 0;
}


void
ngx_http_gateway_tls_use(ngx_ssl_t *ssl, ngx_http_gateway_tls_store_t *store)
{
    SSL_CTX_set_cert_cb(ssl->ctx, ngx_http_gateway_tls_handler, store);
}


static void *
ngx_http_gateway_tls_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_tls_store_t  *store;

    store = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_tls_store_t));
    if (store == NULL) {
        return NULL;
    }

    ngx_http_gateway_tls_init_store(store);

    return store;
}


static ngx_int_t
ngx_http_gateway_tls_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_ssl_srv_conf_t        *sscf;
    ngx_http_core_srv_conf_t      **cscfp;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_gateway_tls_store_t   *store;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        store = cscfp[i]->ctx->srv_conf[ngx_http_gateway_tls_module.ctx_index];

        if (store->n == 0) {
            continue;
        }

        sscf = cscfp[i]->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

        if (sscf->ssl.ctx == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"gateway_certificate\" needs \"ssl_certificate\" "
                          "in its server in %s:%ui", cscfp[i]->file_name,
                          cscfp[i]->line);
            return NGX_ERROR;
        }

        ngx_http_gateway_tls_use(&sscf->ssl, store);
    }

    return NGX_OK;
}
