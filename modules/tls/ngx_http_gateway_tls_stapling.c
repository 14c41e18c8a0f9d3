
/*
 * Copyright (C) the ngx_gateway authors
 *
 * OCSP stapling for certificates by name: nginx's own, with the settings of
 * the server.  nginx staples certificates of a context of OpenSSL; each of
 * ours gets one of its own to be known by, which no client ever sees.
 */


#include "ngx_http_gateway_tls_private.h"


static ngx_int_t ngx_http_gateway_tls_stapling_cert(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_ssl_srv_conf_t *sscf,
    ngx_http_gateway_tls_cert_t *cert);
static ngx_int_t ngx_http_gateway_tls_stapling_pair(ngx_conf_t *cf,
    ngx_ssl_t *ssl, ngx_http_gateway_tls_pair_t *pair);


ngx_int_t
ngx_http_gateway_tls_stapling(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    ngx_http_gateway_tls_srv_conf_t *tscf)
{
    ngx_uint_t                     i;
    ngx_http_ssl_srv_conf_t       *sscf;
    ngx_http_gateway_tls_cert_t  **certs;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    /* a response from a file is the one of a single certificate */

    if (!sscf->stapling || sscf->stapling_file.len || tscf->store.n == 0) {
        return NGX_OK;
    }

    certs = tscf->store.certs->elts;

    for (i = 0; i < tscf->store.certs->nelts; i++) {
        if (ngx_http_gateway_tls_stapling_cert(cf, cscf, sscf, certs[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_tls_stapling_cert(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_ssl_srv_conf_t *sscf,
    ngx_http_gateway_tls_cert_t *cert)
{
    ngx_ssl_t                 *ssl;
    ngx_uint_t                 i;
    X509_STORE                *store;
    ngx_pool_cleanup_t        *cln;
    ngx_http_core_loc_conf_t  *clcf;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    for (i = 0; i < cert->npairs; i++) {
        if (ngx_http_gateway_tls_stapling_pair(cf, ssl, &cert->pairs[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* ssl_trusted_certificate of the server, for ssl_stapling_verify */

    store = SSL_CTX_get_cert_store(sscf->ssl.ctx);

    if (X509_STORE_up_ref(store) != 1) {
        return NGX_ERROR;
    }

    SSL_CTX_set_cert_store(ssl->ctx, store);

#if (nginx_version >= 1027002)

    /* staples are known to the context that the connection has */

    ssl->staple_rbtree = sscf->ssl.staple_rbtree;

#endif

    if (ngx_ssl_stapling(cf, ssl, &sscf->stapling_file,
                         &sscf->stapling_responder, sscf->stapling_verify)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    clcf = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];

    if (ngx_ssl_stapling_resolver(cf, ssl, clcf->resolver,
                                  clcf->resolver_timeout)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (nginx_version >= 1027002)
    sscf->ssl.staple_rbtree = ssl->staple_rbtree;
#endif

    return NGX_OK;
}


/* nginx reads the files again; we serve what it read, which has the staple */

static ngx_int_t
ngx_http_gateway_tls_stapling_pair(ngx_conf_t *cf, ngx_ssl_t *ssl,
    ngx_http_gateway_tls_pair_t *pair)
{
    X509       *cert;
    ngx_str_t   file, key;

    file = pair->file;
    key = pair->key_file;

    if (ngx_ssl_certificate(cf, ssl, &file, &key, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cert = SSL_CTX_get0_certificate(ssl->ctx);

    if (cert == NULL || X509_up_ref(cert) != 1) {
        return NGX_ERROR;
    }

    X509_free(pair->cert);
    pair->cert = cert;

    return NGX_OK;
}
