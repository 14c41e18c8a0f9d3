/*
 * Copyright (C) the ngx_gateway authors
 *
 * basic-auth and basicauth_credentials.
 */

#include "gateway_password.h"
#include "model.h"
#include "rule.h"
#include "secret.h"

#include <string.h>

/* hex digits of a SHA-1 */
#define GWC_BASIC_AUTH_SHA1 40

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
    gwc_str_t password_hash;
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
        .flags = GWC_SECRET | GWC_REFERENCEABLE,
    },
    /* ours: Kong takes whatever stands in "password" for the password itself,
       so a hash needs a name of its own */
    {
        .name = "password_hash",
        .type = GWC_STRING,
        .offset = offsetof(gwc_basic_auth_credential_t, password_hash),
        .flags = GWC_SECRET | GWC_REFERENCEABLE,
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
    .uses_store = true,
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
gwc_basic_auth_check_hash(const gwc_str_t *hash)
{
    const char *why;

    if (gateway_password_kind(hash->v.data, hash->v.len, &why)
        == GATEWAY_PASSWORD_UNKNOWN)
    {
        gwc_error(hash->node,
                  "this is no hash of a password that is known: "
                  "%s",
                  why);
    }
}


static void
gwc_basic_auth_check_sha1(const gwc_str_t *password)
{
    size_t i;

    for (i = 0; i < password->v.len; i++) {
        char ch = password->v.data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            break;
        }
    }

    if (i != password->v.len || i != GWC_BASIC_AUTH_SHA1) {
        gwc_error(password->node,
                  "with \"_transform: false\" this has to be the SHA-1 of "
                  "password and consumer id, 40 lower-case hex digits");
        gwc_fix("leave \"_transform\" out for passwords in plain text");
    }
}


static void
gwc_basic_auth_check_credential(void *credential)
{
    const gwc_basic_auth_credential_t *c = credential;

    if (c->username.set && memchr(c->username.v.data, ':', c->username.v.len))
    {
        gwc_warning(c->username.node, "a \":\" ends the username in a "
                                      "request: this one never matches");
    }

    if (!c->password.set && !c->password_hash.set) {
        gwc_error(c->credential.e.record.node,
                  "required field missing: \"password\"");
        return;
    }

    if (c->password.set && c->password_hash.set) {
        gwc_error(c->password_hash.node,
                  "there is a \"password\" too, one of them has to go");
        return;
    }

    if (c->password_hash.set) {
        gwc_basic_auth_check_hash(&c->password_hash);

    } else if (gwc_basic_auth_hashed(c->password.node)) {
        gwc_basic_auth_check_sha1(&c->password);

    } else if (gateway_password_resembles(c->password.v.data,
                                          c->password.v.len)) {
        gwc_warning(c->password.node,
                    "this looks like a hash, but is taken for the password "
                    "itself: hashes stand in \"password_hash\"");
    }
}


/*
 * The id is a part of the digest, so the same password of two credentials
 * gives different ones.
 */
static void
gwc_basic_auth_emit_credential(gwc_writer_t *w, const void *credential)
{
    const gwc_basic_auth_credential_t *c = credential;
    const gwc_entity_t *e = &c->credential.e;

    w->secret = true;

    gwc_begin(w, "gateway_basic_auth_credential");
    gwc_argf(w, "id=%s", e->id);
    gwc_param(w, "username", c->username.v);

    if (c->password_hash.set) {
        gwc_param(w, "password_hash", c->password_hash.v);

    } else if (gwc_basic_auth_hashed(c->password.node)) {
        gwc_param(w, "password_sha1", c->password.v);

    } else {
        gwc_argf(w, "password_digest=%s",
                 gwc_secret_hex("basicauth_credentials",
                                (gwc_text_t){ e->id, strlen(e->id) },
                                c->password.v));
    }

    gwc_end(w);
}
