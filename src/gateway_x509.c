
/*
 * Copyright (C) the ngx_gateway authors
 */


#include "gateway_x509.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>


/* more is no chain of a client */
#define GATEWAY_X509_CHAIN  32


static STACK_OF(X509) *gateway_x509_read_pem(const char *pem, size_t len);


X509 *
gateway_x509_peer(SSL *ssl, STACK_OF(X509) **chain)
{
    *chain = SSL_get_peer_cert_chain(ssl);

    return SSL_get0_peer_certificate(ssl);
}


int
gateway_x509_asked(SSL *ssl)
{
    return (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0;
}


X509 *
gateway_x509_read(const char *data, size_t len, STACK_OF(X509) **chain)
{
    X509                 *cert;
    STACK_OF(X509)       *certs;
    const unsigned char  *p;

    *chain = NULL;

    certs = gateway_x509_read_pem(data, len);

    if (certs != NULL) {

        cert = sk_X509_shift(certs);

        if (sk_X509_num(certs) != 0) {
            *chain = certs;

        } else {
            sk_X509_free(certs);
        }

        return cert;
    }

    if (len > LONG_MAX) {
        return NULL;
    }

    p = (const unsigned char *) data;
    cert = d2i_X509(NULL, &p, (long) len);

    /* nothing may follow */

    if (cert != NULL && p != (const unsigned char *) data + len) {
        X509_free(cert);
        cert = NULL;
    }

    ERR_clear_error();

    return cert;
}


X509_STORE *
gateway_x509_store(const char *pem, size_t len)
{
    int              i;
    X509_STORE      *store;
    STACK_OF(X509)  *certs;

    certs = gateway_x509_read_pem(pem, len);
    if (certs == NULL) {
        return NULL;
    }

    store = X509_STORE_new();

    for (i = 0; store != NULL && i < sk_X509_num(certs); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(certs, i)) != 1) {
            X509_STORE_free(store);
            store = NULL;
        }
    }

    sk_X509_pop_free(certs, X509_free);
    ERR_clear_error();

    return store;
}


/* all certificates of a text, at least one, or NULL */

static STACK_OF(X509) *
gateway_x509_read_pem(const char *pem, size_t len)
{
    BIO             *bio;
    int              whole;
    X509            *cert;
    unsigned long    code;
    STACK_OF(X509)  *certs;

    if (len > INT_MAX) {
        return NULL;
    }

    ERR_clear_error();

    bio = BIO_new_mem_buf(pem, (int) len);
    certs = sk_X509_new_null();

    if (bio == NULL || certs == NULL) {
        BIO_free(bio);
        sk_X509_free(certs);
        return NULL;
    }

    for ( ;; ) {
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        if (cert == NULL) {
            break;
        }

        if (sk_X509_push(certs, cert) == 0) {
            X509_free(cert);
            break;
        }
    }

    BIO_free(bio);

    code = ERR_peek_last_error();

    whole = ERR_GET_LIB(code) == ERR_LIB_PEM
            && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;

    ERR_clear_error();

    if (!whole || sk_X509_num(certs) == 0) {
        sk_X509_pop_free(certs, X509_free);
        return NULL;
    }

    return certs;
}


int
gateway_x509_verify(X509 *cert, STACK_OF(X509) *chain, X509_STORE *store,
    const gateway_x509_options_t *options)
{
    int                 rc;
    X509_STORE_CTX     *ctx;
    X509_VERIFY_PARAM  *param;

    if (options->verified != NULL) {
        *options->verified = NULL;
    }

    if (chain != NULL && sk_X509_num(chain) > GATEWAY_X509_CHAIN) {
        return X509_V_ERR_CERT_CHAIN_TOO_LONG;
    }

    ctx = X509_STORE_CTX_new();

    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, cert, chain) != 1) {
        X509_STORE_CTX_free(ctx);
        ERR_clear_error();
        return X509_V_ERR_OUT_OF_MEM;
    }

    param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_depth(param, options->depth);
    X509_VERIFY_PARAM_set_auth_level(param, GATEWAY_X509_LEVEL);

    if (options->partial) {
        (void) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    }

    if (X509_STORE_CTX_set_default(ctx, "ssl_client") != 1) {
        rc = X509_V_ERR_INVALID_CALL;

    } else if (X509_verify_cert(ctx) == 1) {
        rc = X509_V_OK;

        if (options->verified != NULL) {
            *options->verified = X509_STORE_CTX_get1_chain(ctx);

            if (*options->verified == NULL) {
                rc = X509_V_ERR_OUT_OF_MEM;
            }
        }

    } else {
        rc = X509_STORE_CTX_get_error(ctx);

        /* never success for what has failed */

        if (rc == X509_V_OK) {
            rc = X509_V_ERR_UNSPECIFIED;
        }
    }

    X509_STORE_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}
