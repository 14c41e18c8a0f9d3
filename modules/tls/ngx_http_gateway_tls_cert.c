
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates and their keys, read when the configuration is.
 */


#include "ngx_http_gateway_tls_private.h"

#include <openssl/decoder.h>
#include <openssl/pem.h>


/* setting one up takes OpenSSL much longer than a key does */
typedef struct {
    EVP_PKEY                        *key;       /* what was decoded */
    OSSL_DECODER_CTX                *ctx;
    int                              type;
} ngx_http_gateway_tls_decoder_t;


static EVP_PKEY *ngx_http_gateway_tls_read_key(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, X509 *cert, ngx_str_t *file);
static EVP_PKEY *ngx_http_gateway_tls_decode(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, X509 *cert, BIO *bio);
static ngx_http_gateway_tls_decoder_t *ngx_http_gateway_tls_decoder(
    ngx_conf_t *cf, ngx_http_gateway_tls_store_t *store, EVP_PKEY *like);
static void ngx_http_gateway_tls_decoder_cleanup(void *data);
static int ngx_http_gateway_tls_password(char *buf, int size, int writing,
    void *data);


char *
ngx_http_gateway_tls_pair(ngx_conf_t *cf, ngx_http_gateway_tls_store_t *store,
    ngx_http_gateway_tls_cert_t *cert, ngx_str_t *file, ngx_str_t *key)
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

    pair->key = ngx_http_gateway_tls_read_key(cf, store, pair->cert,
                                              &pair->key_file);
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
ngx_http_gateway_tls_read_key(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, X509 *cert, ngx_str_t *file)
{
    BIO       *bio;
    EVP_PKEY  *key;

    key = NULL;
    bio = BIO_new_file((char *) file->data, "r");

    if (bio) {

        key = ngx_http_gateway_tls_decode(cf, store, cert, bio);

        if (key == NULL) {
            ERR_clear_error();
            (void) BIO_reset(bio);

            key = PEM_read_bio_PrivateKey(bio, NULL,
                                          ngx_http_gateway_tls_password, NULL);
        }

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


/*
 * A key of the certificate's type in the usual form, by a decoder that is
 * there; NULL for whatever else it is.
 */

static EVP_PKEY *
ngx_http_gateway_tls_decode(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, X509 *cert, BIO *bio)
{
    char                            *label, *header;
    long                             len;
    size_t                           left;
    EVP_PKEY                        *key, *like;
    unsigned char                   *data;
    const unsigned char             *p;
    ngx_http_gateway_tls_decoder_t  *decoder;

    key = NULL;
    like = X509_get0_pubkey(cert);

    if (like == NULL || PEM_read_bio(bio, &label, &header, &data, &len) != 1) {
        return NULL;
    }

    if (ngx_strcmp(label, "PRIVATE KEY") == 0) {

        decoder = ngx_http_gateway_tls_decoder(cf, store, like);

        if (decoder) {
            p = data;
            left = len;

            decoder->key = NULL;

            if (OSSL_DECODER_from_data(decoder->ctx, &p, &left) == 1) {
                key = decoder->key;
            }
        }
    }

    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, len);

    return key;
}


static ngx_http_gateway_tls_decoder_t *
ngx_http_gateway_tls_decoder(ngx_conf_t *cf,
    ngx_http_gateway_tls_store_t *store, EVP_PKEY *like)
{
    ngx_uint_t                        i;
    ngx_pool_cleanup_t               *cln;
    ngx_http_gateway_tls_decoder_t   *decoder, **decoders;

    if (store->decoders == NULL) {
        store->decoders = ngx_array_create(cf->pool, 4, sizeof(void *));

        if (store->decoders == NULL) {
            return NULL;
        }
    }

    decoders = store->decoders->elts;

    for (i = 0; i < store->decoders->nelts; i++) {
        if (decoders[i]->type == EVP_PKEY_base_id(like)) {
            return decoders[i];
        }
    }

    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_gateway_tls_decoder_t));
    if (cln == NULL) {
        return NULL;
    }

    decoder = cln->data;
    decoder->type = EVP_PKEY_base_id(like);
    decoder->ctx = OSSL_DECODER_CTX_new_for_pkey(&decoder->key, "DER",
                                          "PrivateKeyInfo",
                                          EVP_PKEY_get0_type_name(like),
                                          EVP_PKEY_KEYPAIR, NULL, NULL);
    if (decoder->ctx == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_tls_decoder_cleanup;

    decoders = ngx_array_push(store->decoders);
    if (decoders == NULL) {
        return NULL;
    }

    *decoders = decoder;

    return decoder;
}


static void
ngx_http_gateway_tls_decoder_cleanup(void *data)
{
    ngx_http_gateway_tls_decoder_t *decoder = data;

    OSSL_DECODER_CTX_free(decoder->ctx);
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
