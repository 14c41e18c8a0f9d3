/*
 * Copyright (C) the ngx_gateway authors
 *
 * mtls-auth, and mtls_auth_credentials, which header-cert-auth knows too.
 */

#include <string.h>

#include "cert_auth.h"
#include "diag.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_cert_auth_t head;
    gwc_bool_t send_ca_dn;
} gwc_mtls_auth_t;

typedef struct {
    gwc_credential_t credential;
    gwc_str_t subject_name;
    gwc_ref_t ca_certificate;
    gwc_str_t fingerprint;
} gwc_mtls_credential_t;

static gwc_list_t gwc_mtls_auth_asks(const void *config);
static gwc_text_t gwc_mtls_credential_key(const void *credential);
static void gwc_mtls_check_credential(void *credential);
static void gwc_mtls_emit_credential(gwc_writer_t *w, const void *credential);

static const gwc_field_t gwc_mtls_auth_fields[] = {
    {
        .name = "anonymous",
        .type = GWC_STRING,
        .offset = offsetof(gwc_cert_auth_t, anonymous),
    },
    {
        .name = "consumer_by",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_cert_auth_t, consumer_by),
        .dflt = "[\"username\", \"custom_id\"]",
        .elem = &gwc_cert_auth_by,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "ca_certificates",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_cert_auth_t, ca_certificates),
        .flags = GWC_REQUIRED,
        .min_len = 1,
        .elem = &gwc_cert_auth_ca,
        .size = sizeof(gwc_ref_t),
    },
    {
        .name = "cache_ttl",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_cert_auth_t, cache_ttl),
        .flags = GWC_REQUIRED,
        .dflt = "60",
        .bounded = true,
        .min = 0,
        .max = 31536000,
    },
    {
        .name = "skip_consumer_lookup",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_cert_auth_t, skip_consumer_lookup),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "allow_partial_chain",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_cert_auth_t, allow_partial_chain),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "authenticated_group_by",
        .type = GWC_STRING,
        .offset = offsetof(gwc_cert_auth_t, authenticated_group_by),
        .dflt = "\"CN\"",
        .one_of = gwc_cert_auth_groups,
    },
    {
        .name = "revocation_check_mode",
        .type = GWC_STRING,
        .offset = offsetof(gwc_cert_auth_t, revocation_check_mode),
        .dflt = "\"IGNORE_CA_ERROR\"",
        .one_of = gwc_cert_auth_modes,
    },
    {
        .name = "http_timeout",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_cert_auth_t, http_timeout),
        .dflt = "30000",
        .bounded = true,
        .min = 1,
        .max = 2147483646,
    },
    {
        .name = "cert_cache_ttl",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_cert_auth_t, cert_cache_ttl),
        .dflt = "60000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    {
        .name = "http_proxy_host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_cert_auth_t, http_proxy_host),
        .check = gwc_check_host,
    },
    {
        .name = "http_proxy_port",
        .type = GWC_INT,
        .offset = offsetof(gwc_cert_auth_t, http_proxy_port),
        .bounded = true,
        .min = 0,
        .max = 65535,
    },
    {
        .name = "https_proxy_host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_cert_auth_t, https_proxy_host),
        .check = gwc_check_host,
    },
    {
        .name = "https_proxy_port",
        .type = GWC_INT,
        .offset = offsetof(gwc_cert_auth_t, https_proxy_port),
        .bounded = true,
        .min = 0,
        .max = 65535,
    },
    {
        .name = "default_consumer",
        .type = GWC_STRING,
        .offset = offsetof(gwc_cert_auth_t, default_consumer),
    },
    /* of the handshake, not of the policy */
    {
        .name = "send_ca_dn",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_mtls_auth_t, send_ca_dn),
        .flags = GWC_NO_EMIT,
        .dflt = "false",
    },
    { .name = NULL },
};

/* Kong has no fingerprint */
static const gwc_field_t gwc_mtls_credential_fields[] = {
    {
        .name = "subject_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_mtls_credential_t, subject_name),
    },
    {
        .name = "ca_certificate",
        .type = GWC_REF,
        .offset = offsetof(gwc_mtls_credential_t, ca_certificate),
        .refers = "ca_certificates",
    },
    {
        .name = "fingerprint",
        .type = GWC_STRING,
        .offset = offsetof(gwc_mtls_credential_t, fingerprint),
    },
    { .name = NULL },
};

static const gwc_credential_rule_t gwc_mtls_credentials = {
    .entity = "mtls_auth_credentials",
    .fields = gwc_mtls_credential_fields,
    .size = sizeof(gwc_mtls_credential_t),
    .id_key = gwc_mtls_credential_key,
    .check = gwc_mtls_check_credential,
    .emit = gwc_mtls_emit_credential,
};

static const gwc_credential_rule_t *const gwc_mtls_credential_rules[] = {
    &gwc_mtls_credentials,
    NULL,
};

extern const gwc_plugin_rule_t gwc_rule_mtls_auth;

const gwc_plugin_rule_t gwc_rule_mtls_auth = {
    .name = "mtls-auth",
    .directive = "gateway_mtls_auth",
    .priority = 1600,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_mtls_auth_fields,
    .size = sizeof(gwc_mtls_auth_t),
    .check = gwc_cert_auth_check,
    .credentials = gwc_mtls_credential_rules,
    .uses_store = true,
    .looks_up = gwc_cert_auth_looks_up,
    .asks_clients = gwc_mtls_auth_asks,
};


static gwc_list_t
gwc_mtls_auth_asks(const void *config)
{
    const gwc_mtls_auth_t *c = config;

    return c->send_ca_dn.v ? c->head.ca_certificates : (gwc_list_t){ .n = 0 };
}


/* SUBJECT:AUTHORITY, or the fingerprint */
static gwc_text_t
gwc_mtls_credential_key(const void *credential)
{
    const gwc_mtls_credential_t *c = credential;
    const gwc_str_t *name =
        c->fingerprint.set ? &c->fingerprint : &c->subject_name;
    gwc_buf_t key = { 0 };

    if (name->set) {
        gwc_buf_add(&key, name->v.data, name->v.len);
    }

    gwc_buf_puts(&key, ":");

    if (c->ca_certificate.set) {
        gwc_buf_add(&key, c->ca_certificate.v.data, c->ca_certificate.v.len);
    }

    return (gwc_text_t){ key.data, key.len };
}


static void
gwc_mtls_check_credential(void *credential)
{
    const gwc_mtls_credential_t *c = credential;
    const gwc_node_t *node = c->credential.e.record.node;
    size_t i, n = 0;

    if (c->subject_name.node == NULL && c->fingerprint.node == NULL) {
        gwc_error(node, "required field missing: \"subject_name\"");
        return;
    }

    if (c->fingerprint.node == NULL) {
        return;
    }

    if (c->subject_name.set || c->ca_certificate.set) {
        gwc_error(c->fingerprint.node,
                  "a certificate with a fingerprint needs no "
                  "\"subject_name\" and no \"ca_certificate\"");
    }

    for (i = 0; c->fingerprint.set && i < c->fingerprint.v.len; i++) {
        char ch = c->fingerprint.v.data[i];

        if (ch != '\0' && strchr("0123456789abcdefABCDEF", ch) != NULL) {
            n++;

        } else if (ch != ':') {
            n = 0;
            break;
        }
    }

    if (c->fingerprint.set && n != 64) {
        gwc_error(c->fingerprint.node,
                  "expected a SHA-256: 64 hex digits, maybe with colons");
    }
}


static void
gwc_mtls_emit_credential(gwc_writer_t *w, const void *credential)
{
    const gwc_mtls_credential_t *c = credential;

    gwc_begin(w, "gateway_mtls_auth_credential");
    gwc_argf(w, "id=%s", c->credential.e.id);

    if (c->fingerprint.set) {
        gwc_param(w, "fingerprint", c->fingerprint.v);

    } else {
        gwc_param(w, "subject_name", c->subject_name.v);
    }

    if (c->ca_certificate.target != NULL) {
        gwc_argf(w, "ca=%s", c->ca_certificate.target->id);
    }

    gwc_end(w);
}
