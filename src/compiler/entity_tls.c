/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates and keys of the file, read by OpenSSL.
 */

#include "entities.h"
#include "pem.h"
#include "schema.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>


static X509 *
gwc_tls_cert(const gwc_str_t *value)
{
    const char *why = "";
    X509 *cert = gwc_pem_certificate(value->v, &why);

    if (cert == NULL) {
        gwc_error(value->node, "invalid certificate: %s", why);
    }

    return cert;
}


static EVP_PKEY *
gwc_tls_key(const gwc_str_t *value, bool private)
{
    const char *why = "";
    EVP_PKEY *key = private ? gwc_pem_private_key(value->v, &why)
                            : gwc_pem_public_key(value->v, &why);

    if (key == NULL) {
        gwc_error(value->node, "invalid %s key: %s",
                  private ? "private" : "public", why);
    }

    return key;
}


void
gwc_check_public_key(const gwc_field_t *field, void *value)
{
    (void) field;

    EVP_PKEY_free(gwc_tls_key(value, false));
}


/* the type of the pair's key, or EVP_PKEY_NONE after an error */
static int
gwc_tls_pair(const gwc_str_t *cert, const gwc_str_t *key, const char **refused)
{
    X509 *x509 = gwc_tls_cert(cert);
    EVP_PKEY *pkey = gwc_tls_key(key, true);
    int type = EVP_PKEY_NONE;
    const char *age;

    if (x509 != NULL && pkey != NULL) {
        age = gwc_pem_age(x509);

        if (age != NULL) {
            gwc_warning(cert->node, "the certificate %s", age);
        }

        *refused = gwc_pem_refused(x509);

        if (X509_check_private_key(x509, pkey) == 1) {
            type = EVP_PKEY_base_id(pkey);

        } else {
            ERR_clear_error();
            gwc_error(key->node, "the key does not belong to the certificate");
        }
    }

    X509_free(x509);
    EVP_PKEY_free(pkey);

    return type;
}


void
gwc_check_certificate(void *entity)
{
    gwc_certificate_t *c = entity;
    int type, alt;

    if (!c->cert.set || !c->key.set) {
        return;
    }

    type = gwc_tls_pair(&c->cert, &c->key, &c->refused);

    if (gwc_written(&c->cert_alt) != gwc_written(&c->key_alt)) {
        gwc_error(c->e.record.node,
                  "\"cert_alt\" and \"key_alt\" must be set together");
        return;
    }

    if (!c->cert_alt.set || !c->key_alt.set) {
        return;
    }

    alt = gwc_tls_pair(&c->cert_alt, &c->key_alt, &c->refused_alt);

    if (alt != EVP_PKEY_NONE && alt == type) {
        gwc_error(c->cert_alt.node,
                  "the alternative certificate must have a key of another "
                  "type");
    }
}


void
gwc_check_ca_certificate(void *entity)
{
    gwc_ca_certificate_t *ca = entity;
    unsigned char digest[32];
    unsigned int len, i;
    const char *age;
    X509 *cert;

    if (!ca->cert.set) {
        return;
    }

    cert = gwc_tls_cert(&ca->cert);

    if (cert == NULL) {
        return;
    }

    if (gwc_pem_count(ca->cert.v) != 1) {
        gwc_error(ca->cert.node, "expected exactly one certificate");
    }

    age = gwc_pem_age(cert);

    if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
        gwc_error(ca->cert.node, "the certificate %s", age);

    } else if (age != NULL) {
        gwc_warning(ca->cert.node, "the certificate %s", age);
    }

    if (X509_check_ca(cert) != 1) {
        gwc_error(ca->cert.node,
                  "the certificate is not one of a CA (basic constraints)");
    }

    if (X509_digest(cert, EVP_sha256(), digest, &len) == 1) {
        gwc_buf_t hex = { 0 };

        for (i = 0; i < len; i++) {
            gwc_buf_printf(&hex, "%02x", digest[i]);
        }

        ca->cert_digest.node = ca->cert.node;
        ca->cert_digest.set = true;
        ca->cert_digest.v.data = hex.data;
        ca->cert_digest.v.len = hex.len;
    }

    X509_free(cert);
}


/* what is wrong with the text of a JWK, or NULL */
static const char *
gwc_tls_jwk(gwc_text_t kid, const gwc_str_t *jwk)
{
    static const char *const types[] = { "RSA", "EC", "OKP", "oct" };
    const char *what = "the JWK has no known \"kty\"";
    json_t *root =
        json_loadb(jwk->v.data, jwk->v.len, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(root, "kid"));
    const char *kty = json_string_value(json_object_get(root, "kty"));
    size_t i;

    if (!json_is_object(root)) {
        what = "the JWK is no JSON object";

    } else if (id == NULL || !gwc_text_is(kid, id)) {
        what = "\"kid\" in the JWK must be equal to the key's \"kid\"";

    } else {
        for (i = 0; kty != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
            if (strcmp(kty, types[i]) == 0) {
                what = NULL;
            }
        }
    }

    json_decref(root);

    return what;
}


void
gwc_check_key(void *entity)
{
    const gwc_key_entity_t *key = entity;
    const gwc_node_t *node = key->pem.record.node;
    bool pem = node != NULL && node->kind != GWC_NODE_NULL;
    EVP_PKEY *public_key, *private_key;
    const char *what;

    if (gwc_written(&key->jwk) == pem) {
        gwc_error(key->e.record.node,
                  "exactly one of \"jwk\" and \"pem\" must be set");
        return;
    }

    if (!pem) {
        what = key->jwk.set && key->kid.set
                   ? gwc_tls_jwk(key->kid.v, &key->jwk)
                   : NULL;

        if (what != NULL) {
            gwc_error(key->jwk.node, "%s", what);
        }

        return;
    }

    if (!gwc_written(&key->pem.public_key)
        && !gwc_written(&key->pem.private_key) && key->pem.record.set)
    {
        gwc_error(key->pem.record.node,
                  "at least one of \"public_key\" and \"private_key\" must "
                  "be set");
        return;
    }

    public_key = key->pem.public_key.set
                     ? gwc_tls_key(&key->pem.public_key, false)
                     : NULL;
    private_key = key->pem.private_key.set
                      ? gwc_tls_key(&key->pem.private_key, true)
                      : NULL;

    if (public_key != NULL && private_key != NULL
        && EVP_PKEY_eq(public_key, private_key) != 1)
    {
        ERR_clear_error();
        gwc_error(key->pem.private_key.node,
                  "the private key does not belong to the public one");
    }

    EVP_PKEY_free(public_key);
    EVP_PKEY_free(private_key);
}
