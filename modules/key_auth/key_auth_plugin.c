/*
 * Copyright (C) the ngx_gateway authors
 *
 * key-auth and keyauth_credentials.
 */

#include "model.h"
#include "rule.h"
#include "secret.h"

typedef struct {
    gwc_record_t record;
    gwc_list_t key_names; /* gwc_str_t */
    gwc_bool_t hide_credentials;
    gwc_str_t anonymous;
    gwc_bool_t key_in_header;
    gwc_bool_t key_in_query;
    gwc_bool_t key_in_body;
    gwc_bool_t run_on_preflight;
    gwc_str_t realm;
} gwc_key_auth_t;

typedef struct {
    gwc_credential_t credential;
    gwc_str_t key;
    gwc_int_t ttl;
} gwc_key_auth_credential_t;

static void gwc_key_auth_check_credential(void *credential);
static void gwc_key_auth_emit_credential(gwc_writer_t *w,
                                         const void *credential);

static const gwc_field_t gwc_key_auth_name = {
    .type = GWC_STRING,
    .check = gwc_check_header_name,
};

static const gwc_field_t gwc_key_auth_fields[] = {
    {
        .name = "key_names",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_key_auth_t, key_names),
        .flags = GWC_REQUIRED,
        .dflt = "[\"apikey\"]",
        .min_len = 1,
        .elem = &gwc_key_auth_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "hide_credentials",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_key_auth_t, hide_credentials),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "anonymous",
        .type = GWC_STRING,
        .offset = offsetof(gwc_key_auth_t, anonymous),
    },
    {
        .name = "key_in_header",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_key_auth_t, key_in_header),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "key_in_query",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_key_auth_t, key_in_query),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "key_in_body",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_key_auth_t, key_in_body),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "run_on_preflight",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_key_auth_t, run_on_preflight),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "realm",
        .type = GWC_STRING,
        .offset = offsetof(gwc_key_auth_t, realm),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_key_auth_credential_fields[] = {
    {
        .name = "key",
        .type = GWC_STRING,
        .offset = offsetof(gwc_key_auth_credential_t, key),
        .flags = GWC_UNIQUE | GWC_SECRET | GWC_REFERENCEABLE,
    },
    {
        .name = "ttl",
        .type = GWC_INT,
        .offset = offsetof(gwc_key_auth_credential_t, ttl),
        .bounded = true,
        .min = 1,
        .max = 100000000,
    },
    { .name = NULL },
};

static const gwc_credential_rule_t gwc_key_auth_credentials = {
    .entity = "keyauth_credentials",
    .fields = gwc_key_auth_credential_fields,
    .size = sizeof(gwc_key_auth_credential_t),
    .check = gwc_key_auth_check_credential,
    .emit = gwc_key_auth_emit_credential,
};

static const gwc_credential_rule_t *const gwc_key_auth_credential_rules[] = {
    &gwc_key_auth_credentials,
    NULL,
};

extern const gwc_plugin_rule_t gwc_rule_key_auth;

const gwc_plugin_rule_t gwc_rule_key_auth = {
    .name = "key-auth",
    .directive = "gateway_key_auth",
    .priority = 1250,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_key_auth_fields,
    .size = sizeof(gwc_key_auth_t),
    .credentials = gwc_key_auth_credential_rules,
    .uses_store = true,
};


/* a key that is not given is a random one, which is told nobody */
static void
gwc_key_auth_check_credential(void *credential)
{
    const gwc_key_auth_credential_t *c = credential;

    if (c->key.node == NULL) {
        gwc_warning(c->credential.e.record.node,
                    "without a \"key\" nobody can use this credential");
    }
}


static void
gwc_key_auth_emit_credential(gwc_writer_t *w, const void *credential)
{
    const gwc_key_auth_credential_t *c = credential;
    const gwc_entity_t *e = &c->credential.e;

    if (!c->key.set) {
        return;
    }

    w->secret = true;

    gwc_begin(w, "gateway_key_auth_credential");
    gwc_argf(w, "id=%s", e->id);
    gwc_argf(w, "key_digest=%s",
             gwc_secret_hex("keyauth_credentials", GWC_TEXT(""), c->key.v));

    if (c->ttl.set) {
        gwc_argf(w, "ttl=%lld", (long long) c->ttl.v);

        /* without it the time runs from each load, as in Kong */
        if (e->created_at.set) {
            gwc_argf(w, "created_at=%.0f", e->created_at.v);
        }
    }

    gwc_end(w);
}
