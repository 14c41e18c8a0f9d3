/*
 * Copyright (C) the ngx_gateway authors
 *
 * TLS of upstreams in test runs: an authority that lives as long as the
 * run, and a certificate for whatever name the gateway asks for.
 */

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "test.h"


static bool
gwc_test_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = extension != NULL && X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);

    return ok;
}


static X509 *
gwc_test_certificate(const char *name, EVP_PKEY *key, X509 *issuer,
                     EVP_PKEY *issuer_key, const char *names)
{
    static uint64_t serial;
    X509_NAME *subject;
    X509 *cert;

    cert = X509_new();

    if (cert == NULL) {
        return NULL;
    }

    subject = X509_get_subject_name(cert);

    if (X509_set_version(cert, 2)
        && ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), ++serial)
        && X509_gmtime_adj(X509_getm_notBefore(cert), -3600)
        && X509_gmtime_adj(X509_getm_notAfter(cert), 86400)
        && X509_set_pubkey(cert, key)
        && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                      (const unsigned char *) name, -1, -1, 0)
        && X509_set_issuer_name(
            cert, issuer != NULL ? X509_get_subject_name(issuer) : subject)
        && gwc_test_extension(
            cert, issuer != NULL ? issuer : cert, NID_basic_constraints,
            issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE")
        && (names == NULL
            || gwc_test_extension(cert, issuer, NID_subject_alt_name, names))
        && X509_sign(cert, issuer_key, EVP_sha256()) > 0)
    {
        return cert;
    }

    X509_free(cert);

    return NULL;
}


/* http/1.1 when it is offered alone: gRPC offers h2 alone */
static int
gwc_test_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
              const unsigned char *in, unsigned in_len, void *data)
{
    static const unsigned char known[] = "\2h2\10http/1.1";

    union {
        const unsigned char *in;
        unsigned char *out;
    } cast;

    (void) ssl;
    (void) data;

    if (SSL_select_next_proto(&cast.out, len, known, sizeof(known) - 1, in,
                              in_len)
        != OPENSSL_NPN_NEGOTIATED)
    {
        return SSL_TLSEXT_ERR_NOACK;
    }

    *out = cast.in;

    return SSL_TLSEXT_ERR_OK;
}


/* whoever shows a certificate may come: tests look at it */
static int
gwc_test_any_client(int ok, X509_STORE_CTX *store)
{
    (void) ok;
    (void) store;

    return 1;
}


/* the name of the server is known by now */
static int
gwc_test_choose_certificate(SSL *ssl, void *data)
{
    gwc_test_run_t *run = data;
    const char *host = SSL_get_app_data(ssl);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    unsigned char ip[16];
    gwc_buf_t names = { 0 };
    X509 *cert;
    bool ok;

    /* nginx compares addresses as it does names */
    gwc_buf_printf(&names, "DNS:%s", host);

    if (inet_pton(AF_INET, host, ip) == 1
        || inet_pton(AF_INET6, host, ip) == 1) {
        names.len = 0;
        gwc_buf_printf(&names, "IP:%s", host);

        if (strchr(host, ':') == NULL) {
            gwc_buf_printf(&names, ",DNS:%s", host);
        }
    }

    if (name != NULL) {
        gwc_buf_printf(&names, ",DNS:%s", name);
    }

    gwc_buf_add(&names, "", 1);

    cert = gwc_test_certificate("upstream", run->key, run->authority,
                                run->authority_key, names.data);
    ok = cert != NULL && SSL_use_certificate(ssl, cert) == 1
         && SSL_use_PrivateKey(ssl, run->key) == 1;
    X509_free(cert);

    return ok ? 1 : 0;
}


bool
gwc_test_tls_open(gwc_test_run_t *run)
{
    char *data;
    BIO *bio;
    long len;

    run->key = EVP_EC_gen("P-256");
    run->authority_key = EVP_EC_gen("P-256");
    run->tls = SSL_CTX_new(TLS_server_method());
    bio = BIO_new(BIO_s_mem());

    if (run->key != NULL && run->authority_key != NULL) {
        run->authority =
            gwc_test_certificate("ngx-gateway test", run->authority_key, NULL,
                                 run->authority_key, NULL);
    }

    if (run->authority == NULL || run->tls == NULL || bio == NULL
        || PEM_write_bio_X509(bio, run->authority) != 1)
    {
        BIO_free(bio);
        gwc_error(NULL, "OpenSSL cannot make a certificate");
        return false;
    }

    len = BIO_get_mem_data(bio, &data);
    run->trial.authority =
        (gwc_text_t){ gwc_strndup(data, (size_t) len), (size_t) len };
    BIO_free(bio);

    SSL_CTX_set_alpn_select_cb(run->tls, gwc_test_alpn, NULL);
    SSL_CTX_set_verify(run->tls, SSL_VERIFY_PEER, gwc_test_any_client);
    SSL_CTX_set_cert_cb(run->tls, gwc_test_choose_certificate, run);
    (void) SSL_CTX_set_session_cache_mode(run->tls, SSL_SESS_CACHE_OFF);
    (void) SSL_CTX_set_session_id_context(run->tls,
                                          (const unsigned char *) "test", 4);

    return true;
}


void
gwc_test_tls_close(gwc_test_run_t *run)
{
    SSL_CTX_free(run->tls);
    X509_free(run->authority);
    EVP_PKEY_free(run->authority_key);
    EVP_PKEY_free(run->key);
}


SSL *
gwc_test_tls_accept(gwc_test_run_t *run, int fd, const char *host)
{
    union {
        const char *in;
        void *out;
    } cast = { .in = host };
    SSL *ssl = SSL_new(run->tls);

    if (ssl == NULL) {
        return NULL;
    }

    if (SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }

    (void) SSL_set_app_data(ssl, cast.out);
    SSL_set_accept_state(ssl);

    return ssl;
}
