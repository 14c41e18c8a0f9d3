/*
 * Copyright (C) the ngx_gateway authors
 *
 * correlation-id.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t header_name;
    gwc_str_t generator;
    gwc_bool_t echo_downstream;
} gwc_correlation_id_t;

static const char *const gwc_correlation_id_generators[] = {
    "uuid",
    "uuid#counter",
    "tracker",
    NULL,
};

static const gwc_field_t gwc_correlation_id_fields[] = {
    {
        .name = "header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_correlation_id_t, header_name),
        .dflt = "\"Kong-Request-ID\"",
        .check = gwc_check_header_name,
    },
    {
        .name = "generator",
        .type = GWC_STRING,
        .offset = offsetof(gwc_correlation_id_t, generator),
        .flags = GWC_REQUIRED,
        .dflt = "\"uuid#counter\"",
        .one_of = gwc_correlation_id_generators,
    },
    {
        .name = "echo_downstream",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_correlation_id_t, echo_downstream),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_correlation_id;

const gwc_plugin_rule_t gwc_rule_correlation_id = {
    .name = "correlation-id",
    .directive = "gateway_correlation_id",
    .priority = 100001,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_correlation_id_fields,
    .size = sizeof(gwc_correlation_id_t),
};
