/*
 * Copyright (C) the ngx_gateway authors
 *
 * jwt and jwt_secrets.
 */

#include "model.h"
#include "rule.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

typedef struct {
    gwc_record_t record;
    gwc_list_t uri_param_names;  /* gwc_str_t */
    gwc_list_t cookie_names;     /* gwc_str_t */
    gwc_list_t header_names;     /* gwc_str_t */
    gwc_list_t claims_to_verify; /* gwc_str_t */
    gwc_str_t key_claim_name;
    gwc_bool_t secret_is_base64;
    gwc_num_t maximum_expiration;
    gwc_str_t anonymous;
    gwc_bool_t run_on_preflight;
    gwc_str_t realm;
} gwc_jwt_t;

typedef struct {
    gwc_credential_t credential;
    gwc_str_t key;
    gwc_str_t secret;
    gwc_str_t rsa_public_key;
    gwc_str_t algorithm;
} gwc_jwt_credential_t;

static void gwc_jwt_check(void *config);
static bool gwc_jwt_symmetric(const gwc_jwt_credential_t *credential);
static void gwc_jwt_check_credential(void *credential);
static void gwc_jwt_emit_credential(gwc_writer_t *w, const void *credential);

static const char *const gwc_jwt_claims[] = { "exp", "nbf", NULL };

static const char *const gwc_jwt_algorithms[] = {
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256",
    "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA", NULL,
};

static const gwc_field_t gwc_jwt_name = {
    .type = GWC_STRING,
};

static const gwc_field_t gwc_jwt_claim = {
    .type = GWC_STRING,
    .one_of = gwc_jwt_claims,
};

static const gwc_field_t gwc_jwt_fields[] = {
    {
        .name = "uri_param_names",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, uri_param_names),
        .dflt = "[\"jwt\"]",
        .elem = &gwc_jwt_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "cookie_names",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, cookie_names),
        .dflt = "[]",
        .elem = &gwc_jwt_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "header_names",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, header_names),
        .dflt = "[\"authorization\"]",
        .elem = &gwc_jwt_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "key_claim_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_t, key_claim_name),
        .dflt = "\"iss\"",
    },
    {
        .name = "secret_is_base64",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_jwt_t, secret_is_base64),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "claims_to_verify",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, claims_to_verify),
        .elem = &gwc_jwt_claim,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "anonymous",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_t, anonymous),
    },
    {
        .name = "run_on_preflight",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_jwt_t, run_on_preflight),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "maximum_expiration",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_jwt_t, maximum_expiration),
        .dflt = "0",
        .bounded = true,
        .min = 0,
        .max = 31536000,
    },
    {
        .name = "realm",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_t, realm),
    },
    { .name = NULL },
};

/* Kong draws keys and secrets that are not given; here they never come from
   us */
static const gwc_field_t gwc_jwt_credential_fields[] = {
    {
        .name = "key",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_credential_t, key),
        .flags = GWC_REQUIRED | GWC_UNIQUE,
    },
    {
        .name = "secret",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_credential_t, secret),
        .flags = GWC_SECRET | GWC_REFERENCEABLE,
    },
    {
        .name = "rsa_public_key",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_credential_t, rsa_public_key),
        .flags = GWC_REFERENCEABLE,
    },
    {
        .name = "algorithm",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_credential_t, algorithm),
        .dflt = "\"HS256\"",
        .one_of = gwc_jwt_algorithms,
    },
    { .name = NULL },
};

static const gwc_credential_rule_t gwc_jwt_credentials = {
    .entity = "jwt_secrets",
    .fields = gwc_jwt_credential_fields,
    .size = sizeof(gwc_jwt_credential_t),
    .endpoint_key = "key",
    .check = gwc_jwt_check_credential,
    .emit = gwc_jwt_emit_credential,
};

static const gwc_credential_rule_t *const gwc_jwt_credential_rules[] = {
    &gwc_jwt_credentials,
    NULL,
};

extern const gwc_plugin_rule_t gwc_rule_jwt;

const gwc_plugin_rule_t gwc_rule_jwt = {
    .name = "jwt",
    .directive = "gateway_jwt",
    .priority = 1450,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_jwt_fields,
    .size = sizeof(gwc_jwt_t),
    .check = gwc_jwt_check,
    .credentials = gwc_jwt_credential_rules,
};


static void
gwc_jwt_check(void *config)
{
    const gwc_jwt_t *jwt = config;
    size_t i;

    if (!jwt->maximum_expiration.set || !(jwt->maximum_expiration.v > 0)) {
        return;
    }

    for (i = 0; i < jwt->claims_to_verify.n; i++) {
        if (gwc_text_is(GWC_ITEM(jwt->claims_to_verify, gwc_str_t, i)->v,
                        "exp")) {
            return;
        }
    }

    gwc_error(jwt->maximum_expiration.node,
              "\"claims_to_verify\" must contain \"exp\" when this is set");
    gwc_fix("claims_to_verify: [exp]");
}


static bool
gwc_jwt_symmetric(const gwc_jwt_credential_t *credential)
{
    return !credential->algorithm.set
           || credential->algorithm.v.data[0] == 'H';
}


/* instead of asking at the terminal */
static int
gwc_jwt_no_password(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return 0;
}


static void
gwc_jwt_check_credential(void *credential)
{
    const gwc_jwt_credential_t *c = credential;
    EVP_PKEY *key;
    BIO *bio;

    if (gwc_jwt_symmetric(c)) {
        if (c->secret.node == NULL || c->secret.node->kind == GWC_NODE_NULL) {
            gwc_error(c->credential.e.record.node,
                      "required field missing: \"secret\": secrets are "
                      "never made up");
        }

        return;
    }

    if (c->rsa_public_key.node == NULL
        || c->rsa_public_key.node->kind == GWC_NODE_NULL)
    {
        gwc_error(c->credential.e.record.node,
                  "\"rsa_public_key\" is required for this algorithm");
        return;
    }

    /* it was given, but is no string: told already */
    if (!c->rsa_public_key.set) {
        return;
    }

    bio = BIO_new_mem_buf(c->rsa_public_key.v.data,
                          (int) c->rsa_public_key.v.len);
    if (bio == NULL) {
        return;
    }

    key = PEM_read_bio_PUBKEY(bio, NULL, gwc_jwt_no_password, NULL);

    if (key == NULL) {
        (void) BIO_reset(bio);
        key = PEM_read_bio_PrivateKey(bio, NULL, gwc_jwt_no_password, NULL);
    }

    BIO_free(bio);
    ERR_clear_error();

    if (key == NULL) {
        gwc_error(c->rsa_public_key.node,
                  "invalid key: expected a public key in PEM");
        return;
    }

    EVP_PKEY_free(key);
}


/* only what the algorithm uses */
static void
gwc_jwt_emit_credential(gwc_writer_t *w, const void *credential)
{
    const gwc_jwt_credential_t *c = credential;
    const gwc_entity_t *e = &c->credential.e;

    w->secret = true;

    gwc_begin(w, "gateway_jwt_secret");
    gwc_argf(w, "id=%s", e->id);
    gwc_param(w, "key", c->key.v);

    if (c->algorithm.set && !gwc_text_is(c->algorithm.v, "HS256")) {
        gwc_param(w, "algorithm", c->algorithm.v);
    }

    if (gwc_jwt_symmetric(c)) {
        gwc_param(w, "secret", c->secret.v);
    } else {
        gwc_param(w, "rsa_public_key", c->rsa_public_key.v);
    }

    gwc_end(w);
}
