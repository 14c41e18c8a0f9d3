/*
 * Copyright (C) the ngx_gateway authors
 *
 * The self-signed certificates that TLS listeners show until real ones are
 * configured.  Made once and kept: clients may have pinned them.
 */

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prefix.h"

#define GWC_CERT_DAYS 7300


static bool
gwc_cert_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension;
    bool ok;

    extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    ok = extension != NULL && X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);

    return ok;
}


static bool
gwc_cert_fill(X509 *cert, EVP_PKEY *key)
{
    unsigned char serial[8];
    X509_NAME *name;
    uint64_t number;

    if (RAND_bytes(serial, sizeof(serial)) != 1) {
        return false;
    }

    memcpy(&number, serial, sizeof(number));
    name = X509_get_subject_name(cert);

    return X509_set_version(cert, 2)
           && ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), number >> 1)
           && X509_gmtime_adj(X509_getm_notBefore(cert), -3600)
           && X509_time_adj_ex(X509_getm_notAfter(cert), GWC_CERT_DAYS, 0,
                               NULL)
           && X509_set_pubkey(cert, key)
           && X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                                         (const unsigned char *) "ngx_gateway",
                                         -1, -1, 0)
           && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                         (const unsigned char *) "localhost",
                                         -1, -1, 0)
           && X509_set_issuer_name(cert, name)
           && gwc_cert_extension(cert, NID_basic_constraints,
                                 "critical,CA:FALSE")
           && gwc_cert_extension(cert, NID_subject_alt_name, "DNS:localhost")
           && X509_sign(cert, key, EVP_sha256()) > 0;
}


static FILE *
gwc_cert_open(const char *path, mode_t mode)
{
    FILE *file;
    int fd;

    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              mode);

    if (fd == -1) {
        return NULL;
    }

    file = fchmod(fd, mode) == 0 ? fdopen(fd, "w") : NULL;

    if (file == NULL) {
        (void) close(fd);
    }

    return file;
}


/* the key first: a certificate that is there has one */
static bool
gwc_cert_write(const char *cert_path, const char *key_path, X509 *cert,
               EVP_PKEY *key)
{
    FILE *file;
    bool ok;

    file = gwc_cert_open(key_path, 0600);

    if (file == NULL) {
        return false;
    }

    ok = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = fclose(file) == 0 && ok;

    if (!ok) {
        return false;
    }

    file = gwc_cert_open(cert_path, 0644);

    if (file == NULL) {
        return false;
    }

    ok = PEM_write_X509(file, cert) == 1;

    return fclose(file) == 0 && ok;
}


static bool
gwc_cert_make(const char *cert_path, const char *key_path, bool rsa)
{
    char *tmp = gwc_sprintf("%s.new", cert_path);
    EVP_PKEY *key;
    X509 *cert;
    bool ok;

    key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    cert = X509_new();

    ok = key != NULL && cert != NULL && gwc_cert_fill(cert, key)
         && gwc_cert_write(tmp, key_path, cert, key)
         && rename(tmp, cert_path) == 0;

    X509_free(cert);
    EVP_PKEY_free(key);

    return ok;
}


bool
gwc_certs_make(const char *directory)
{
    size_t i;

    for (i = 0; i < 2; i++) {
        char *cert =
            gwc_sprintf("%s/%s", directory, gwc_default_certificates[i][0]);
        char *key =
            gwc_sprintf("%s/%s", directory, gwc_default_certificates[i][1]);

        if (access(cert, F_OK) == 0 && access(key, F_OK) == 0) {
            continue;
        }

        if (!gwc_cert_make(cert, key, i == 0)) {
            gwc_io_failed();
            gwc_error(NULL, "cannot make the certificate \"%s\"", cert);
            return false;
        }
    }

    return true;
}
