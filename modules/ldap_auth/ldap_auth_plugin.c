/*
 * Copyright (C) the ngx_gateway authors
 *
 * ldap-auth.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t ldap_host;
    gwc_int_t ldap_port;
    gwc_bool_t ldaps;
    gwc_bool_t start_tls;
    gwc_bool_t verify_ldap_host;
    gwc_str_t base_dn;
    gwc_str_t attribute;
    gwc_num_t cache_ttl;
    gwc_bool_t hide_credentials;
    gwc_num_t timeout;
    gwc_num_t keepalive;
    gwc_str_t anonymous;
    gwc_str_t header_type;
    gwc_str_t realm;
} gwc_ldap_auth_t;

static void gwc_ldap_auth_check(void *config);
static bool gwc_ldap_auth_verifies(const void *config);

static const gwc_field_t gwc_ldap_auth_fields[] = {
    {
        .name = "ldap_host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ldap_auth_t, ldap_host),
        .flags = GWC_REQUIRED,
        .check = gwc_check_host,
    },
    {
        .name = "ldap_port",
        .type = GWC_INT,
        .offset = offsetof(gwc_ldap_auth_t, ldap_port),
        .flags = GWC_REQUIRED,
        .dflt = "389",
        .bounded = true,
        .min = 0,
        .max = 65535,
    },
    {
        .name = "ldaps",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_ldap_auth_t, ldaps),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "start_tls",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_ldap_auth_t, start_tls),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "verify_ldap_host",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_ldap_auth_t, verify_ldap_host),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "base_dn",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ldap_auth_t, base_dn),
        .flags = GWC_REQUIRED,
    },
    {
        .name = "attribute",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ldap_auth_t, attribute),
        .flags = GWC_REQUIRED,
    },
    {
        .name = "cache_ttl",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_ldap_auth_t, cache_ttl),
        .flags = GWC_REQUIRED,
        .dflt = "60",
        .bounded = true,
        .min = 0,
        .max = 31536000,
    },
    {
        .name = "hide_credentials",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_ldap_auth_t, hide_credentials),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "timeout",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_ldap_auth_t, timeout),
        .dflt = "10000",
        .bounded = true,
        .min = 1,
        .max = 2147483646,
    },
    {
        .name = "keepalive",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_ldap_auth_t, keepalive),
        .dflt = "60000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    {
        .name = "anonymous",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ldap_auth_t, anonymous),
    },
    {
        .name = "header_type",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ldap_auth_t, header_type),
        .dflt = "\"ldap\"",
        .check = gwc_check_printable,
    },
    {
        .name = "realm",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ldap_auth_t, realm),
        .check = gwc_check_printable,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_ldap_auth;

const gwc_plugin_rule_t gwc_rule_ldap_auth = {
    .name = "ldap-auth",
    .directive = "gateway_ldap_auth",
    .priority = 1200,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_ldap_auth_fields,
    .size = sizeof(gwc_ldap_auth_t),
    .check = gwc_ldap_auth_check,
    .module = "ngx_http_gateway_ldap_auth_module.so",
    .verifies = gwc_ldap_auth_verifies,
    .trusted = "gateway_ldap_auth_trusted_certificate",
};


static void
gwc_ldap_auth_check(void *config)
{
    const gwc_ldap_auth_t *ldap = config;

    if (ldap->ldaps.v && ldap->start_tls.v) {
        gwc_error(ldap->start_tls.node, "'ldaps' and 'start_tls' cannot be "
                                        "enabled simultaneously");
    }

    if (ldap->verify_ldap_host.v && !ldap->ldaps.v && !ldap->start_tls.v) {
        gwc_warning(ldap->verify_ldap_host.node,
                    "without ldaps and start_tls there is no certificate "
                    "to verify, and passwords go over the network in plain "
                    "text");
    }
}


static bool
gwc_ldap_auth_verifies(const void *config)
{
    const gwc_ldap_auth_t *ldap = config;

    return ldap->verify_ldap_host.v && (ldap->ldaps.v || ldap->start_tls.v);
}
