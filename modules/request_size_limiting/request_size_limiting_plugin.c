/*
 * Copyright (C) the ngx_gateway authors
 *
 * request-size-limiting.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_int_t allowed_payload_size;
    gwc_str_t size_unit;
    gwc_bool_t require_content_length;
} gwc_request_size_limiting_t;

static const char *const gwc_request_size_limiting_units[] = {
    "megabytes",
    "kilobytes",
    "bytes",
    NULL,
};

static const gwc_field_t gwc_request_size_limiting_fields[] = {
    {
        .name = "allowed_payload_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_request_size_limiting_t, allowed_payload_size),
        .dflt = "128",
        .bounded = true,
        .min = 0,
        .max = 2147483647,
    },
    {
        .name = "size_unit",
        .type = GWC_STRING,
        .offset = offsetof(gwc_request_size_limiting_t, size_unit),
        .flags = GWC_REQUIRED,
        .dflt = "\"megabytes\"",
        .one_of = gwc_request_size_limiting_units,
    },
    {
        .name = "require_content_length",
        .type = GWC_BOOL,
        .offset =
            offsetof(gwc_request_size_limiting_t, require_content_length),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_request_size_limiting;

const gwc_plugin_rule_t gwc_rule_request_size_limiting = {
    .name = "request-size-limiting",
    .directive = "gateway_request_size_limiting",
    .priority = 951,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_request_size_limiting_fields,
    .size = sizeof(gwc_request_size_limiting_t),
};
