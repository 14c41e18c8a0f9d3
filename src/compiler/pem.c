/*
 * Copyright (C) the ngx_gateway authors
 */

#include "pem.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <time.h>

/* setting up a decoder takes OpenSSL much longer than a key does */
typedef struct {
    EVP_PKEY *key; /* what was decoded */
    OSSL_DECODER_CTX *ctx;
} gwc_pem_decoder_t;

/* before the end of a certificate */
#define GWC_PEM_SOON_DAYS 30

static const char gwc_pem_begin[] = "-----BEGIN ";


const char *
gwc_pem_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();

    return reason != NULL ? reason : "not readable";
}


/* "CERTIFICATE" of "-----BEGIN CERTIFICATE-----", or NULL */
static const char *
gwc_pem_label(gwc_text_t pem)
{
    const char *p, *end;

    p = memmem(pem.data, pem.len, gwc_pem_begin, sizeof(gwc_pem_begin) - 1);

    if (p == NULL) {
        return NULL;
    }

    p += sizeof(gwc_pem_begin) - 1;
    end = memmem(p, (size_t) (pem.data + pem.len - p), "-----", 5);

    if (end == NULL || memchr(p, '\n', (size_t) (end - p)) != NULL
        || end - p > 40) {
        return NULL;
    }

    return gwc_strndup(p, (size_t) (end - p));
}


static bool
gwc_pem_is_blank(gwc_text_t pem)
{
    size_t i;

    for (i = 0; i < pem.len; i++) {
        if (strchr(" \t\r\n", pem.data[i]) == NULL) {
            return false;
        }
    }

    return true;
}


/* OpenSSL's reason, or a better one where it only knows that it failed */
static const char *
gwc_pem_why(gwc_text_t pem, const char *expected)
{
    const char *reason = gwc_pem_reason();
    const char *label = gwc_pem_label(pem);

    if (gwc_pem_is_blank(pem)) {
        return "it is empty";
    }

    if (label == NULL) {
        return "no start line";
    }

    if (strlen(label) < strlen(expected)
        || strcmp(label + strlen(label) - strlen(expected), expected) != 0)
    {
        return gwc_sprintf("no start line: it holds \"%s\", not \"%s\"", label,
                           expected);
    }

    if (strcmp(label, "ENCRYPTED PRIVATE KEY") == 0
        || memmem(pem.data, pem.len, "Proc-Type: 4,ENCRYPTED", 22) != NULL)
    {
        return "it is encrypted, and there is nobody to ask for the "
               "passphrase";
    }

    return reason;
}


static BIO *
gwc_pem_bio(gwc_text_t pem)
{
    return BIO_new_mem_buf(pem.data ? pem.data : "", (int) pem.len);
}


X509 *
gwc_pem_certificate(gwc_text_t pem, const char **why)
{
    BIO *bio = gwc_pem_bio(pem);
    X509 *cert, *next;
    unsigned long code;

    ERR_clear_error();

    cert = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;

    if (cert == NULL) {
        *why = gwc_pem_why(pem, "CERTIFICATE");
        BIO_free(bio);
        return NULL;
    }

    for (;;) {
        next = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        if (next == NULL) {
            break;
        }

        X509_free(next);
    }

    BIO_free(bio);
    code = ERR_peek_last_error();

    if (ERR_GET_LIB(code) != ERR_LIB_PEM
        || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
    {
        *why = gwc_sprintf("in the chain: %s", gwc_pem_reason());
        X509_free(cert);
        return NULL;
    }

    ERR_clear_error();

    return cert;
}


static int
gwc_pem_no_password(char *buf, int size, int writing, void *data)
{
    (void) buf;
    (void) size;
    (void) writing;
    (void) data;

    return -1;
}


/* a key in the usual form, of a usual type; NULL for whatever else it is */
static EVP_PKEY *
gwc_pem_decode(BIO *bio)
{
    static const char *const types[] = { "EC", "RSA" };
    static gwc_pem_decoder_t decoders[2];
    unsigned char *data = NULL;
    EVP_PKEY *key = NULL;
    char *label, *header;
    long len;
    size_t i;

    if (bio == NULL || PEM_read_bio(bio, &label, &header, &data, &len) != 1) {
        return NULL;
    }

    for (i = 0; i < 2 && strcmp(label, "PRIVATE KEY") == 0; i++) {
        gwc_pem_decoder_t *decoder = &decoders[i];
        const unsigned char *p = data;
        size_t left = (size_t) len;

        if (decoder->ctx == NULL) {
            decoder->ctx = OSSL_DECODER_CTX_new_for_pkey(
                &decoder->key, "DER", "PrivateKeyInfo", types[i],
                EVP_PKEY_KEYPAIR, NULL, NULL);
        }

        decoder->key = NULL;

        if (decoder->ctx != NULL
            && OSSL_DECODER_from_data(decoder->ctx, &p, &left) == 1)
        {
            key = decoder->key;
            break;
        }
    }

    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, (size_t) len);

    return key;
}


EVP_PKEY *
gwc_pem_private_key(gwc_text_t pem, const char **why)
{
    BIO *bio = gwc_pem_bio(pem);
    EVP_PKEY *key;

    ERR_clear_error();

    key = gwc_pem_decode(bio);

    if (key == NULL && bio != NULL) {
        ERR_clear_error();
        (void) BIO_reset(bio);

        key = PEM_read_bio_PrivateKey(bio, NULL, gwc_pem_no_password, NULL);
    }

    if (key == NULL) {
        *why = gwc_pem_why(pem, "PRIVATE KEY");
    }

    BIO_free(bio);
    ERR_clear_error();

    return key;
}


EVP_PKEY *
gwc_pem_public_key(gwc_text_t pem, const char **why)
{
    BIO *bio = gwc_pem_bio(pem);
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
        &key, "PEM", NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);

    ERR_clear_error();

    if (decoder != NULL && bio != NULL) {
        (void) OSSL_DECODER_from_bio(decoder, bio);
    }

    if (key == NULL) {
        *why = gwc_pem_why(pem, "PUBLIC KEY");
    }

    OSSL_DECODER_CTX_free(decoder);
    BIO_free(bio);
    ERR_clear_error();

    return key;
}


size_t
gwc_pem_count(gwc_text_t pem)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const char *end = pem.data + pem.len;
    const char *p = pem.data;
    size_t n = 0;

    while (p != NULL && p < end) {
        p = memmem(p, (size_t) (end - p), begin, sizeof(begin) - 1);

        if (p != NULL) {
            n++;
            p += sizeof(begin) - 1;
        }
    }

    return n;
}


const char *
gwc_pem_refused(X509 *cert)
{
    static SSL_CTX *ctx;

    if (ctx == NULL) {
        ctx = SSL_CTX_new(TLS_server_method());
    }

    if (ctx == NULL || SSL_CTX_use_certificate(ctx, cert) == 1) {
        return NULL;
    }

    return gwc_pem_reason();
}


static const char *
gwc_pem_date(const ASN1_TIME *time)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1) {
        return "an unknown date";
    }

    return gwc_sprintf("%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                       tm.tm_mday);
}


const char *
gwc_pem_age(const X509 *cert)
{
    const ASN1_TIME *from = X509_get0_notBefore(cert);
    const ASN1_TIME *to = X509_get0_notAfter(cert);
    time_t soon = time(NULL) + (time_t) GWC_PEM_SOON_DAYS * 24 * 60 * 60;

    if (X509_cmp_current_time(to) < 0) {
        return gwc_sprintf("has expired on %s", gwc_pem_date(to));
    }

    if (X509_cmp_current_time(from) > 0) {
        return gwc_sprintf("is not valid before %s", gwc_pem_date(from));
    }

    if (X509_cmp_time(to, &soon) < 0) {
        return gwc_sprintf("expires on %s", gwc_pem_date(to));
    }

    return NULL;
}
