/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates and keys in PEM, and what is wrong with them.
 */

#ifndef GWC_PEM_H
#define GWC_PEM_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "arena.h"

/* the first certificate; those behind it must be readable too.  NULL: why
   says what is wrong */
X509 *gwc_pem_certificate(gwc_text_t pem, const char **why);
/* never asks for a passphrase */
EVP_PKEY *gwc_pem_private_key(gwc_text_t pem, const char **why);
/* any form: "BEGIN PUBLIC KEY" and the older "BEGIN RSA PUBLIC KEY" */
EVP_PKEY *gwc_pem_public_key(gwc_text_t pem, const char **why);

/* how many "BEGIN CERTIFICATE" there are */
size_t gwc_pem_count(gwc_text_t pem);

/* a certificate that has expired, soon will, or is not valid yet: a phrase
   with the date, or NULL */
const char *gwc_pem_age(const X509 *cert);

/* why OpenSSL would not serve it (weak keys and digests), or NULL */
const char *gwc_pem_refused(X509 *cert);

/* OpenSSL's last reason, for a message; forgets it */
const char *gwc_pem_reason(void);

#endif
