/*
 * Copyright (C) the ngx_gateway authors
 *
 * cors.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_list_t origins;         /* gwc_str_t */
    gwc_list_t headers;         /* gwc_str_t */
    gwc_list_t exposed_headers; /* gwc_str_t */
    gwc_list_t methods;         /* gwc_str_t */
    gwc_num_t max_age;
    gwc_bool_t credentials;
    gwc_bool_t private_network;
    gwc_bool_t preflight_continue;
    gwc_bool_t allow_origin_absent;
} gwc_cors_t;

static void gwc_cors_check_origin(const gwc_field_t *field, void *value);

static const char *const gwc_cors_methods[] = {
    "GET",    "HEAD",    "PUT",   "PATCH",   "POST",
    "DELETE", "OPTIONS", "TRACE", "CONNECT", NULL,
};

static const gwc_field_t gwc_cors_origin = {
    .type = GWC_STRING,
    .check = gwc_cors_check_origin,
};

static const gwc_field_t gwc_cors_header = { .type = GWC_STRING };

static const gwc_field_t gwc_cors_method = {
    .type = GWC_STRING,
    .one_of = gwc_cors_methods,
};

static const gwc_field_t gwc_cors_fields[] = {
    {
        .name = "origins",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_cors_t, origins),
        .elem = &gwc_cors_origin,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_cors_t, headers),
        .elem = &gwc_cors_header,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "exposed_headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_cors_t, exposed_headers),
        .elem = &gwc_cors_header,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "methods",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_cors_t, methods),
        .dflt = "[\"GET\",\"HEAD\",\"PUT\",\"PATCH\",\"POST\",\"DELETE\","
                "\"OPTIONS\",\"TRACE\",\"CONNECT\"]",
        .elem = &gwc_cors_method,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "max_age",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_cors_t, max_age),
    },
    {
        .name = "credentials",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_cors_t, credentials),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "private_network",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_cors_t, private_network),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "preflight_continue",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_cors_t, preflight_continue),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "allow_origin_absent",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_cors_t, allow_origin_absent),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_cors;

const gwc_plugin_rule_t gwc_rule_cors = {
    .name = "cors",
    .directive = "gateway_cors",
    .priority = 2000,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_cors_fields,
    .size = sizeof(gwc_cors_t),
};


/* "*" alone is no regex, but means all origins */
static void
gwc_cors_check_origin(const gwc_field_t *field, void *value)
{
    const gwc_str_t *origin = value;

    if (!gwc_text_is(origin->v, "*")) {
        gwc_check_regex(field, value);
    }
}
