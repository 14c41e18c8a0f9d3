/*
 * Copyright (C) the ngx_gateway authors
 *
 * basic-auth and basicauth_credentials.
 */

#include "model.h"
#include "rule.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

typedef struct {
    gwc_record_t record;
    gwc_str_t anonymous;
    gwc_bool_t hide_credentials;
    gwc_str_t realm;
} gwc_basic_auth_t;

typedef struct {
    gwc_credential_t credential;
    gwc_str_t username;
    gwc_str_t password;
} gwc_basic_auth_credential_t;

static bool gwc_basic_auth_hashed(const gwc_node_t *node);
static void gwc_basic_auth_check_credential(void *credential);
static void gwc_basic_auth_emit_credential(gwc_writer_t *w,
                                           const void *credential);

static const gwc_field_t gwc_basic_auth_fields[] = {
    {
        .name = "anonymous",
        .type = GWC_STRING,
        .offset = offsetof(gwc_basic_auth_t, anonymous),
    },
    {
        .name = "hide_credentials",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_basic_auth_t, hide_credentials),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "realm",
        .type = GWC_STRING,
        .offset = offsetof(gwc_basic_auth_t, realm),
        .flags = GWC_REQUIRED,
        .dflt = "\"service\"",
    },
    { .name = NULL },
};

static const gwc_field_t gwc_basic_auth_credential_fields[] = {
    {
        .name = "username",
        .type = GWC_STRING,
        .offset = offsetof(gwc_basic_auth_credential_t, username),
        .flags = GWC_REQUIRED | GWC_UNIQUE,
    },
    {
        .name = "password",
        .type = GWC_STRING,
        .offset = offsetof(gwc_basic_auth_credential_t, password),
        .flags = GWC_REQUIRED | GWC_SECRET | GWC_REFERENCEABLE,
    },
    { .name = NULL },
};

static const gwc_credential_rule_t gwc_basic_auth_credentials = {
    .entity = "basicauth_credentials",
    .fields = gwc_basic_auth_credential_fields,
    .size = sizeof(gwc_basic_auth_credential_t),
    .endpoint_key = "username",
    .check = gwc_basic_auth_check_credential,
    .emit = gwc_basic_auth_emit_credential,
};

static const gwc_credential_rule_t *const gwc_basic_auth_credential_rules[] = {
    &gwc_basic_auth_credentials,
    NULL,
};

extern const gwc_plugin_rule_t gwc_rule_basic_auth;

const gwc_plugin_rule_t gwc_rule_basic_auth = {
    .name = "basic-auth",
    .directive = "gateway_basic_auth",
    .priority = 1100,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_basic_auth_fields,
    .size = sizeof(gwc_basic_auth_t),
    .credentials = gwc_basic_auth_credential_rules,
};


/* "_transform: false" in the file that the node is from: its passwords are
   digests already */
static bool
gwc_basic_auth_hashed(const gwc_node_t *node)
{
    const gwc_node_t *transform;

    while (node != NULL && node->parent != NULL) {
        node = node->parent;
    }

    transform = node != NULL ? gwc_node_get(node, "_transform") : NULL;

    return transform != NULL && transform->kind == GWC_NODE_BOOL
           && !transform->boolean;
}


static void
gwc_basic_auth_check_credential(void *credential)
{
    const gwc_basic_auth_credential_t *c = credential;
    size_t i;

    if (c->username.set && memchr(c->username.v.data, ':', c->username.v.len))
    {
        gwc_warning(c->username.node, "a \":\" ends the username in a "
                                      "request: this one never matches");
    }

    if (!c->password.set || !gwc_basic_auth_hashed(c->password.node)) {
        return;
    }

    for (i = 0; i < c->password.v.len; i++) {
        char ch = c->password.v.data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            break;
        }
    }

    if (i != c->password.v.len || i != 2 * (size_t) SHA_DIGEST_LENGTH) {
        gwc_error(c->password.node,
                  "with \"_transform: false\" this has to be the SHA-1 of "
                  "password and consumer id, 40 lower-case hex digits");
        gwc_fix("leave \"_transform\" out for passwords in plain text");
    }
}


/*
 * The salt is the credential's id: the same file gives the same bytes, and
 * the same password of two credentials different ones.
 */
static void
gwc_basic_auth_emit_credential(gwc_writer_t *w, const void *credential)
{
    const gwc_basic_auth_credential_t *c = credential;
    const gwc_entity_t *e = &c->credential.e;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    gwc_buf_t salted = { 0 };
    size_t i;

    static const char digits[] = "0123456789abcdef";

    w->secret = true;

    gwc_begin(w, "gateway_basic_auth_credential");
    gwc_argf(w, "id=%s", e->id);
    gwc_param(w, "username", c->username.v);

    if (gwc_basic_auth_hashed(c->password.node)) {
        gwc_param(w, "password_sha1", c->password.v);
        gwc_end(w);
        return;
    }

    gwc_buf_puts(&salted, e->id);
    gwc_buf_add(&salted, c->password.v.data, c->password.v.len);

    (void) SHA256((const unsigned char *) salted.data, salted.len, digest);

    OPENSSL_cleanse(salted.data, salted.len);

    for (i = 0; i < sizeof(digest); i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 0xf];
    }

    hex[2 * i] = '\0';

    gwc_argf(w, "password_sha256=%s", hex);
    gwc_end(w);
}
