/*
 * Copyright (C) the ngx_gateway authors
 *
 * hmac-auth and hmacauth_credentials.
 */

#include "model.h"
#include "rule.h"
#include "secret.h"

typedef struct {
    gwc_record_t record;
    gwc_bool_t hide_credentials;
    gwc_num_t clock_skew;
    gwc_str_t anonymous;
    gwc_bool_t validate_request_body;
    gwc_list_t enforce_headers; /* gwc_str_t */
    gwc_list_t algorithms;      /* gwc_str_t */
    gwc_str_t realm;
} gwc_hmac_auth_t;

typedef struct {
    gwc_credential_t credential;
    gwc_str_t username;
    gwc_str_t secret;
} gwc_hmac_auth_credential_t;

static void gwc_hmac_auth_check_credential(void *credential);
static void gwc_hmac_auth_emit_credential(gwc_writer_t *w,
                                          const void *credential);

static const char *const gwc_hmac_auth_algorithms[] = {
    "hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512", NULL,
};

static const gwc_field_t gwc_hmac_auth_header = {
    .type = GWC_STRING,
};

static const gwc_field_t gwc_hmac_auth_algorithm = {
    .type = GWC_STRING,
    .one_of = gwc_hmac_auth_algorithms,
};

static const gwc_field_t gwc_hmac_auth_fields[] = {
    {
        .name = "hide_credentials",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_hmac_auth_t, hide_credentials),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "clock_skew",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_hmac_auth_t, clock_skew),
        .flags = GWC_EXCLUSIVE_MIN,
        .dflt = "300",
        .bounded = true,
        .min = 0,
        .max = 1e15,
    },
    {
        .name = "anonymous",
        .type = GWC_STRING,
        .offset = offsetof(gwc_hmac_auth_t, anonymous),
    },
    {
        .name = "validate_request_body",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_hmac_auth_t, validate_request_body),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "enforce_headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_hmac_auth_t, enforce_headers),
        .dflt = "[]",
        .elem = &gwc_hmac_auth_header,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "algorithms",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_hmac_auth_t, algorithms),
        .dflt = "[\"hmac-sha1\",\"hmac-sha256\",\"hmac-sha384\","
                "\"hmac-sha512\"]",
        .elem = &gwc_hmac_auth_algorithm,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "realm",
        .type = GWC_STRING,
        .offset = offsetof(gwc_hmac_auth_t, realm),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_hmac_auth_credential_fields[] = {
    {
        .name = "username",
        .type = GWC_STRING,
        .offset = offsetof(gwc_hmac_auth_credential_t, username),
        .flags = GWC_REQUIRED | GWC_UNIQUE,
    },
    {
        .name = "secret",
        .type = GWC_STRING,
        .offset = offsetof(gwc_hmac_auth_credential_t, secret),
        .flags = GWC_SECRET | GWC_REFERENCEABLE,
    },
    { .name = NULL },
};

static const gwc_credential_rule_t gwc_hmac_auth_credentials = {
    .entity = "hmacauth_credentials",
    .fields = gwc_hmac_auth_credential_fields,
    .size = sizeof(gwc_hmac_auth_credential_t),
    .endpoint_key = "username",
    .check = gwc_hmac_auth_check_credential,
    .emit = gwc_hmac_auth_emit_credential,
};

static const gwc_credential_rule_t *const gwc_hmac_auth_credential_rules[] = {
    &gwc_hmac_auth_credentials,
    NULL,
};

extern const gwc_plugin_rule_t gwc_rule_hmac_auth;

const gwc_plugin_rule_t gwc_rule_hmac_auth = {
    .name = "hmac-auth",
    .directive = "gateway_hmac_auth",
    .priority = 1030,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_hmac_auth_fields,
    .size = sizeof(gwc_hmac_auth_t),
    .credentials = gwc_hmac_auth_credential_rules,
    .uses_store = true,
};


/* a secret that is not given is a random one, which is told nobody */
static void
gwc_hmac_auth_check_credential(void *credential)
{
    const gwc_hmac_auth_credential_t *c = credential;

    if (c->secret.node == NULL) {
        gwc_warning(c->credential.e.record.node,
                    "without a \"secret\" nobody can use this credential");
    }
}


static void
gwc_hmac_auth_emit_credential(gwc_writer_t *w, const void *credential)
{
    const gwc_hmac_auth_credential_t *c = credential;
    const gwc_entity_t *e = &c->credential.e;

    w->secret = true;

    gwc_begin(w, "gateway_hmac_auth_credential");
    gwc_argf(w, "id=%s", e->id);
    gwc_param(w, "username", c->username.v);
    if (c->secret.set) {
        gwc_param(w, "secret", c->secret.v);

    } else {
        gwc_argf(w, "secret=%s", gwc_secret_drawn(e->id));
    }

    gwc_end(w);
}
