/*
 * Copyright (C) the ngx_gateway authors
 *
 * header-cert-auth; its credentials are those of mtls-auth.
 */

#include "cert_auth.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_cert_auth_t head;
    gwc_str_t certificate_header_name;
    gwc_str_t certificate_header_format;
    gwc_bool_t secure_source;
} gwc_header_cert_auth_t;

static const char *const gwc_header_cert_auth_formats[] = { "base64_encoded",
                                                            "url_encoded",
                                                            NULL };

static const gwc_field_t gwc_header_cert_auth_fields[] = {
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
    {
        .name = "certificate_header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_header_cert_auth_t, certificate_header_name),
        .flags = GWC_REQUIRED,
        .check = gwc_check_header_name,
    },
    {
        .name = "certificate_header_format",
        .type = GWC_STRING,
        .offset = offsetof(gwc_header_cert_auth_t, certificate_header_format),
        .flags = GWC_REQUIRED,
        .one_of = gwc_header_cert_auth_formats,
    },
    {
        .name = "secure_source",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_header_cert_auth_t, secure_source),
        .dflt = "true",
    },
    { .name = NULL },
};

static const gwc_credential_rule_t
    *const gwc_header_cert_auth_credentials[] = { NULL };

extern const gwc_plugin_rule_t gwc_rule_header_cert_auth;

const gwc_plugin_rule_t gwc_rule_header_cert_auth = {
    .name = "header-cert-auth",
    .directive = "gateway_header_cert_auth",
    .priority = 1009,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_header_cert_auth_fields,
    .size = sizeof(gwc_header_cert_auth_t),
    .check = gwc_cert_auth_check,
    .credentials = gwc_header_cert_auth_credentials,
    .uses_store = true,
    .looks_up = gwc_cert_auth_looks_up,
};
