/*
 * Copyright (C) the ngx_gateway authors
 *
 * jwt and jwt_secrets.
 */

#include "model.h"
#include "rule.h"
#include "secret.h"

#include "gateway_jose.h"
#include "gateway_jwt_headers.h"

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
    gwc_str_t jwks_uri;
    gwc_str_t jwks;
    gwc_bool_t jwks_tls_verify;
    gwc_int_t jwks_max_age;
    gwc_int_t jwks_min_age;
    gwc_int_t jwks_timeout;
    gwc_list_t algorithms;        /* gwc_str_t */
    gwc_list_t issuer;            /* gwc_str_t */
    gwc_list_t audience;          /* gwc_str_t */
    gwc_list_t required_claims;   /* gwc_pair_t */
    gwc_list_t claims_to_headers; /* gwc_pair_t */
    gwc_str_t groups_claim;
    gwc_str_t consumer_claim;
    gwc_list_t consumer_by; /* gwc_str_t */
    gwc_bool_t consumer_optional;
    gwc_num_t leeway;
} gwc_jwt_t;

typedef struct {
    gwc_credential_t credential;
    gwc_str_t key;
    gwc_str_t secret;
    gwc_str_t rsa_public_key;
    gwc_str_t algorithm;
    gwc_str_t jwks_uri;
    gwc_str_t jwks;
} gwc_jwt_credential_t;

static void gwc_jwt_check_uri(const gwc_field_t *field, void *value);
static void gwc_jwt_check_keys(const gwc_field_t *field, void *value);
static void gwc_jwt_check_header(const gwc_field_t *field, void *value);
static void gwc_jwt_check(void *config);
static gwc_text_t gwc_jwt_host(const gwc_str_t *uri);
static bool gwc_jwt_is_https(const gwc_str_t *uri);
static gwc_text_t gwc_jwt_looks_up(const void *config);
static bool gwc_jwt_verifies(const void *config);
static gwc_text_t gwc_jwt_credential_looks_up(const void *credential);
static bool gwc_jwt_credential_verifies(const void *credential);
static bool gwc_jwt_given(const gwc_str_t *field);
static bool gwc_jwt_symmetric(const gwc_jwt_credential_t *credential);
static void gwc_jwt_check_credential(void *credential);
static void gwc_jwt_emit_credential(gwc_writer_t *w, const void *credential);

static const char *const gwc_jwt_claims[] = { "exp", "nbf", NULL };

static const char *const gwc_jwt_algorithms[] = {
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256",
    "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA", NULL,
};

static const char *const gwc_jwt_by[] = { "id", "username", "custom_id",
                                          NULL };

static const gwc_field_t gwc_jwt_name = {
    .type = GWC_STRING,
};

static const gwc_field_t gwc_jwt_claim = {
    .type = GWC_STRING,
    .one_of = gwc_jwt_claims,
};

static const gwc_field_t gwc_jwt_alg = {
    .type = GWC_STRING,
    .one_of = gwc_jwt_algorithms,
};

static const gwc_field_t gwc_jwt_word = {
    .type = GWC_STRING,
    .one_of = gwc_jwt_by,
};

/* "": any value */
static const gwc_field_t gwc_jwt_required = {
    .type = GWC_STRING,
    .offset = offsetof(gwc_pair_t, value),
    .flags = GWC_EMPTY_OK,
};

static const gwc_field_t gwc_jwt_header = {
    .type = GWC_STRING,
    .offset = offsetof(gwc_pair_t, value),
    .check = gwc_jwt_check_header,
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

    /* from here on ours */
    {
        .name = "jwks_uri",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_t, jwks_uri),
        .flags = GWC_REFERENCEABLE,
        .check = gwc_jwt_check_uri,
    },
    {
        .name = "jwks",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_t, jwks),
        .flags = GWC_REFERENCEABLE,
        .check = gwc_jwt_check_keys,
    },
    {
        .name = "jwks_tls_verify",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_jwt_t, jwks_tls_verify),
        .dflt = "true",
    },
    {
        .name = "jwks_max_age",
        .type = GWC_INT,
        .offset = offsetof(gwc_jwt_t, jwks_max_age),
        .dflt = "3600",
        .bounded = true,
        .min = 1,
        .max = 2592000,
    },
    {
        .name = "jwks_min_age",
        .type = GWC_INT,
        .offset = offsetof(gwc_jwt_t, jwks_min_age),
        .dflt = "5",
        .bounded = true,
        .min = 1,
        .max = 3600,
    },
    {
        .name = "jwks_timeout",
        .type = GWC_INT,
        .offset = offsetof(gwc_jwt_t, jwks_timeout),
        .dflt = "5000",
        .bounded = true,
        .min = 1,
        .max = 60000,
    },
    {
        .name = "algorithms",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, algorithms),
        .min_len = 1,
        .elem = &gwc_jwt_alg,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "issuer",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, issuer),
        .min_len = 1,
        .elem = &gwc_jwt_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "audience",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, audience),
        .min_len = 1,
        .elem = &gwc_jwt_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "required_claims",
        .type = GWC_MAP,
        .offset = offsetof(gwc_jwt_t, required_claims),
        .elem = &gwc_jwt_required,
        .size = sizeof(gwc_pair_t),
    },
    {
        .name = "claims_to_headers",
        .type = GWC_MAP,
        .offset = offsetof(gwc_jwt_t, claims_to_headers),
        .elem = &gwc_jwt_header,
        .size = sizeof(gwc_pair_t),
    },
    {
        .name = "groups_claim",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_t, groups_claim),
    },
    {
        .name = "consumer_claim",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_t, consumer_claim),
    },
    {
        .name = "consumer_by",
        .type = GWC_SET,
        .offset = offsetof(gwc_jwt_t, consumer_by),
        .dflt = "[\"username\", \"custom_id\"]",
        .min_len = 1,
        .elem = &gwc_jwt_word,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "consumer_optional",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_jwt_t, consumer_optional),
        .dflt = "false",
    },
    {
        .name = "leeway",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_jwt_t, leeway),
        .dflt = "0",
        .bounded = true,
        .min = 0,
        .max = 3600,
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
        .flags = GWC_UNIQUE,
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
    {
        .name = "jwks_uri",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_credential_t, jwks_uri),
        .flags = GWC_REFERENCEABLE,
        .check = gwc_jwt_check_uri,
    },
    {
        .name = "jwks",
        .type = GWC_STRING,
        .offset = offsetof(gwc_jwt_credential_t, jwks),
        .flags = GWC_REFERENCEABLE,
        .check = gwc_jwt_check_keys,
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
    .looks_up = gwc_jwt_credential_looks_up,
    .verifies = gwc_jwt_credential_verifies,
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
    .uses_store = true,
    .looks_up = gwc_jwt_looks_up,
    .verifies = gwc_jwt_verifies,
    .trusted = "gateway_jwt_trusted_certificate",
};


/* https, or http for one's own network */
static void
gwc_jwt_check_uri(const gwc_field_t *field, void *value)
{
    const gwc_str_t *uri = value;
    gwc_text_t host = gwc_jwt_host(uri);
    size_t i;

    (void) field;

    if (host.len == 0) {
        gwc_error(uri->node, "invalid URL: expected https://HOST/PATH or "
                             "http://HOST/PATH, without a user's name");
        return;
    }

    for (i = 0; i < uri->v.len; i++) {
        if (uri->v.data[i] <= ' ' || uri->v.data[i] > '~') {
            gwc_error(uri->node, "invalid URL: it has neither blanks nor "
                                 "characters that are not ASCII");
            return;
        }
    }
}


static void
gwc_jwt_check_keys(const gwc_field_t *field, void *value)
{
    const gwc_str_t *jwks = value;
    gateway_jose_keys_t *keys;
    char why[256];

    (void) field;

    keys = gateway_jose_read_keys(jwks->v.data, jwks->v.len, why, sizeof(why));

    if (keys == NULL || keys->problem[0] != '\0') {
        gwc_error(jwks->node, "invalid key set: %s",
                  keys == NULL ? why : keys->problem);
    }

    gateway_jose_free_keys(keys);
}


static void
gwc_jwt_check_header(const gwc_field_t *field, void *value)
{
    const gwc_str_t *header = value;
    const char *problem;

    (void) field;

    problem = gateway_jwt_header_problem(header->v.data, header->v.len);

    if (problem != NULL) {
        gwc_error(header->node, "invalid header: %s", problem);
    }
}


static void
gwc_jwt_check(void *config)
{
    const gwc_jwt_t *jwt = config;
    size_t i;

    if (jwt->jwks_uri.set && jwt->jwks.set) {
        gwc_error(jwt->jwks.node,
                  "only one of \"jwks\" and \"jwks_uri\" may be set");
    }

    if (jwt->jwks_min_age.set && jwt->jwks_max_age.set
        && jwt->jwks_min_age.v > jwt->jwks_max_age.v)
    {
        gwc_error(jwt->jwks_min_age.node != NULL ? jwt->jwks_min_age.node
                                                 : jwt->jwks_max_age.node,
                  "\"jwks_min_age\" must not be above \"jwks_max_age\"");
    }

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


/* of a URL with a scheme that we speak; empty if it is none */
static gwc_text_t
gwc_jwt_host(const gwc_str_t *uri)
{
    gwc_text_t host = { "", 0 };
    const char *p, *last, *end;

    if (!uri->set) {
        return host;
    }

    p = uri->v.data;
    last = p + uri->v.len;

    if (gwc_jwt_is_https(uri)) {
        p += 8;

    } else if (uri->v.len > 7 && strncasecmp(p, "http://", 7) == 0) {
        p += 7;

    } else {
        return host;
    }

    for (end = p; end < last && strchr("/?#", *end) == NULL; end++) {
        if (*end == '@') {
            return host;
        }
    }

    if (p < end && *p == '[') {
        last = memchr(p, ']', (size_t) (end - p));

        if (last != NULL) {
            host.data = p;
            host.len = (size_t) (last + 1 - p);
        }

        return host;
    }

    last = memchr(p, ':', (size_t) (end - p));

    host.data = p;
    host.len = (size_t) ((last != NULL ? last : end) - p);

    return host;
}


static bool
gwc_jwt_is_https(const gwc_str_t *uri)
{
    return uri->set && uri->v.len > 8
           && strncasecmp(uri->v.data, "https://", 8) == 0;
}


static gwc_text_t
gwc_jwt_looks_up(const void *config)
{
    return gwc_jwt_host(&((const gwc_jwt_t *) config)->jwks_uri);
}


static bool
gwc_jwt_verifies(const void *config)
{
    const gwc_jwt_t *jwt = config;

    return gwc_jwt_is_https(&jwt->jwks_uri) && jwt->jwks_tls_verify.v;
}


static gwc_text_t
gwc_jwt_credential_looks_up(const void *credential)
{
    return gwc_jwt_host(
        &((const gwc_jwt_credential_t *) credential)->jwks_uri);
}


static bool
gwc_jwt_credential_verifies(const void *credential)
{
    return gwc_jwt_is_https(
        &((const gwc_jwt_credential_t *) credential)->jwks_uri);
}


static bool
gwc_jwt_given(const gwc_str_t *field)
{
    return field->node != NULL && field->node->kind != GWC_NODE_NULL;
}


static bool
gwc_jwt_symmetric(const gwc_jwt_credential_t *credential)
{
    return !credential->algorithm.set
           || credential->algorithm.v.data[0] == 'H';
}


static void
gwc_jwt_check_credential(void *credential)
{
    const gwc_jwt_credential_t *c = credential;
    const gateway_jose_alg_t *alg;
    EVP_PKEY *key;

    if (c->key.node == NULL) {
        gwc_warning(c->credential.e.record.node,
                    "without a \"key\" nobody can use this credential");
    }

    if (gwc_jwt_given(&c->jwks_uri) || gwc_jwt_given(&c->jwks)) {

        if (gwc_jwt_given(&c->jwks_uri) + gwc_jwt_given(&c->jwks)
                + gwc_jwt_given(&c->secret) + gwc_jwt_given(&c->rsa_public_key)
            > 1)
        {
            gwc_error(c->credential.e.record.node,
                      "only one of \"secret\", \"rsa_public_key\", \"jwks\" "
                      "and \"jwks_uri\" may be set");
        }

        if (gwc_jwt_given(&c->algorithm) && gwc_jwt_symmetric(c)) {
            gwc_error(c->algorithm.node,
                      "this algorithm does not work with public keys");
        }

        return;
    }

    if (gwc_jwt_symmetric(c)) {
        if (!gwc_jwt_given(&c->secret)) {
            gwc_warning(c->credential.e.record.node,
                        "without a \"secret\" nobody can use this "
                        "credential");
        }

        return;
    }

    if (!gwc_jwt_given(&c->rsa_public_key)) {

        /* Kong does not ask for it then */
        if (c->algorithm.v.data[0] == 'E' && c->algorithm.v.data[1] == 'S') {
            gwc_warning(c->credential.e.record.node,
                        "without \"rsa_public_key\" no token can be "
                        "verified: all of them are refused");
            return;
        }

        gwc_error(c->credential.e.record.node,
                  "\"rsa_public_key\" is required for this algorithm");
        return;
    }

    /* it was given, but is no string: told already */
    if (!c->rsa_public_key.set) {
        return;
    }

    key = gateway_jose_read_pem(c->rsa_public_key.v.data,
                                c->rsa_public_key.v.len);

    if (key == NULL) {
        gwc_error(c->rsa_public_key.node,
                  "invalid key: expected a public key in PEM");
        return;
    }

    alg = gateway_jose_alg(c->algorithm.v.data, c->algorithm.v.len);

    if (alg != NULL && !gateway_jose_fits(key, alg)) {
        gwc_error(c->rsa_public_key.node,
                  "invalid key: it is of no use for %s", alg->name);
    }

    EVP_PKEY_free(key);
}


/* only what the algorithm uses */
static void
gwc_jwt_emit_credential(gwc_writer_t *w, const void *credential)
{
    const gwc_jwt_credential_t *c = credential;
    const gwc_entity_t *e = &c->credential.e;

    if (!c->key.set) {
        return;
    }

    w->secret = true;

    gwc_begin(w, "gateway_jwt_secret");
    gwc_argf(w, "id=%s", e->id);
    gwc_param(w, "key", c->key.v);

    if (c->algorithm.set && !gwc_text_is(c->algorithm.v, "HS256")) {
        gwc_param(w, "algorithm", c->algorithm.v);
    }

    if (c->jwks_uri.set) {
        gwc_param(w, "jwks_uri", c->jwks_uri.v);

    } else if (c->jwks.set) {
        gwc_param(w, "jwks", c->jwks.v);

    } else if (gwc_jwt_symmetric(c)) {
        if (c->secret.set) {
            gwc_param(w, "secret", c->secret.v);

        } else {
            gwc_argf(w, "secret=%s", gwc_secret_drawn(e->id));
        }

    } else if (c->rsa_public_key.set) {
        gwc_param(w, "rsa_public_key", c->rsa_public_key.v);
    }

    gwc_end(w);
}
