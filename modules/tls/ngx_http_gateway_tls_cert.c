
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates and their keys, read when the configuration is.
 */


#include "ngx_http_gateway_tls_private.h"

#include <openssl/pem.h>


static EVP_PKEY *ngx_http_gateway_tls_read_key(ngx_conf_t *cf,
    ngx_str_t *file);
static int ngx_http_gateway_tls_password(char *buf, int size, int writing,
    void *data);


char *
ngx_http_gateway_tls_pair(ngx_conf_t *cf, ngx_http_gateway_tls_cert_t *cert,
    ngx_str_t *file, ngx_str_t *key)
{
    STACK_OF(X509)               *chain;
    ngx_http_gateway_tls_pair_t  *pair;

    pair = &cert->pairs[cert->npairs++];

    pair->file = *file;
    pair->key_file = *key;

    if (ngx_conf_full_name(cf->cycle, &pair->file, 1) != NGX_OK
        || ngx_conf_full_name(cf->cycle, &pair->key_file, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    chain = ngx_http_gateway_tls_read(cf, &pair->file);
    if (chain == NULL) {
        return NGX_CONF_ERROR;
    }

    pair->cert = sk_X509_shift(chain);

    if (sk_X509_num(chain)) {
        pair->chain = chain;

    } else {
        sk_X509_free(chain);
    }

    pair->key = ngx_http_gateway_tls_read_key(cf, &pair->key_file);
    if (pair->key == NULL) {
        return NGX_CONF_ERROR;
    }

    if (X509_check_private_key(pair->cert, pair->key) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "the key \"%V\" does not belong to \"%V\"",
                      &pair->key_file, &pair->file);
        return NGX_CONF_ERROR;
    }

    if (cert->npairs == 2
        && EVP_PKEY_base_id(cert->pairs[0].key)
           == EVP_PKEY_base_id(cert->pairs[1].key))
    {
        return "needs keys of two types";
    }

    if (cert->npairs == 1
        && X509_digest(pair->cert, EVP_sha256(), cert->digest, NULL) != 1)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "X509_digest() failed");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


STACK_OF(X509) *
ngx_http_gateway_tls_read(ngx_conf_t *cf, ngx_str_t *file)
{
    BIO             *bio;
    X509            *x509;
    ngx_uint_t       last;
    unsigned long    n;
    STACK_OF(X509)  *certs;

    bio = BIO_new_file((char *) file->data, "r");
    if (bio == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "cannot read \"%V\"", file);
        return NULL;
    }

    certs = sk_X509_new_null();
    if (certs == NULL) {
        BIO_free(bio);
        return NULL;
    }

    for ( ;; ) {

        x509 = sk_X509_num(certs)
                   ? PEM_read_bio_X509(bio, NULL, NULL, NULL)
                   : PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);

        if (x509 == NULL) {
            break;
        }

        if (sk_X509_push(certs, x509) == 0) {
            X509_free(x509);
            break;
        }
    }

    BIO_free(bio);

    n = ERR_peek_last_error();

    last = ERR_GET_LIB(n) == ERR_LIB_PEM
           && ERR_GET_REASON(n) == PEM_R_NO_START_LINE;

    if (sk_X509_num(certs) == 0 || !last) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      sk_X509_num(certs)
                          ? "cannot read the chain in \"%V\""
                          : "cannot read a certificate from \"%V\"", file);
        sk_X509_pop_free(certs, X509_free);
        return NULL;
    }

    /* the end of the file */
    ERR_clear_error();

    return certs;
}


static EVP_PKEY *
ngx_http_gateway_tls_read_key(ngx_conf_t *cf, ngx_str_t *file)
{
    BIO       *bio;
    EVP_PKEY  *key;

    key = NULL;
    bio = BIO_new_file((char *) file->data, "r");

    if (bio) {
        key = PEM_read_bio_PrivateKey(bio, NULL,
                                      ngx_http_gateway_tls_password, NULL);
        BIO_free(bio);
    }

    if (key == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "cannot read a private key from \"%V\"", file);
        return NULL;
    }

    /* of decoders that were tried before the right one */
    ERR_clear_error();

    return key;
}


/* nobody is there to ask */

static int
ngx_http_gateway_tls_password(char *buf, int size, int writing, void *data)
{
    return -1;
}


void
ngx_http_gateway_tls_cert_cleanup(void *data)
{
    ngx_http_gateway_tls_cert_t *cert = data;

    ngx_uint_t  i;

    for (i = 0; i < cert->npairs; i++) {
        X509_free(cert->pairs[i].cert);
        EVP_PKEY_free(cert->pairs[i].key);
        sk_X509_pop_free(cert->pairs[i].chain, X509_free);
    }
}
