/*
 * Copyright (C) the ngx_gateway authors
 *
 * rate-limiting-advanced, as in Kong Enterprise: a directive of its own in
 * the same module.
 */

#include "diag.h"
#include "windows.h"

typedef struct {
    gwc_record_t record;
    gwc_bool_t enabled;
    gwc_num_t interval;
    gwc_int_t retry_times;
    gwc_int_t queue_limit;
} gwc_advanced_throttling_t;

typedef struct {
    gwc_windows_t windows; /* must be the first */
    gwc_str_t identifier;
    gwc_list_t compound_identifier; /* gwc_str_t */
    gwc_str_t header_name;
    gwc_str_t path;
    gwc_advanced_throttling_t throttling;
    gwc_list_t consumer_groups; /* gwc_str_t */
    gwc_bool_t enforce_consumer_groups;
} gwc_rate_advanced_t;

static void gwc_rate_advanced_check(void *data);

static const char *const gwc_rate_advanced_identifiers[] = {
    "consumer", "consumer-group", "credential", "header", "ip",
    "path",     "route",          "service",    NULL,
};

static const gwc_field_t gwc_rate_advanced_identifier = {
    .type = GWC_STRING,
    .one_of = gwc_rate_advanced_identifiers,
};

static const gwc_field_t gwc_rate_advanced_name = {
    .type = GWC_STRING,
};

static const gwc_field_t gwc_rate_advanced_throttling[] = {
    {
        .name = "enabled",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_advanced_throttling_t, enabled),
        .dflt = "false",
    },
    {
        .name = "interval",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_advanced_throttling_t, interval),
        .dflt = "5",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "retry_times",
        .type = GWC_INT,
        .offset = offsetof(gwc_advanced_throttling_t, retry_times),
        .dflt = "3",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "queue_limit",
        .type = GWC_INT,
        .offset = offsetof(gwc_advanced_throttling_t, queue_limit),
        .dflt = "5",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_rate_advanced_fields[] = {
    GWC_WINDOWS_LIMIT_FIELDS,
    {
        .name = "identifier",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, identifier),
        .dflt = "\"consumer\"",
        .one_of = gwc_rate_advanced_identifiers,
    },
    {
        .name = "compound_identifier",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_rate_advanced_t, compound_identifier),
        .elem = &gwc_rate_advanced_identifier,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, header_name),
        .check = gwc_check_header_name,
    },
    {
        .name = "path",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, path),
        .check = gwc_check_path,
    },
    GWC_WINDOWS_STORE_FIELDS,
    {
        .name = "throttling",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_rate_advanced_t, throttling),
        .fields = gwc_rate_advanced_throttling,
        .size = sizeof(gwc_advanced_throttling_t),
    },
    GWC_WINDOWS_REDIS_FIELD,
    {
        .name = "consumer_groups",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_rate_advanced_t, consumer_groups),
        .flags = GWC_NO_EMIT,
        .elem = &gwc_rate_advanced_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "enforce_consumer_groups",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_advanced_t, enforce_consumer_groups),
        .flags = GWC_NO_EMIT,
        .dflt = "false",
    },
    GWC_WINDOWS_UNUSED_FIELDS,
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_rate_limiting_advanced;

const gwc_plugin_rule_t gwc_rule_rate_limiting_advanced = {
    .name = "rate-limiting-advanced",
    .directive = "gateway_rate_limiting_advanced",
    .priority = 910,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_rate_advanced_fields,
    .size = sizeof(gwc_rate_advanced_t),
    .check = gwc_rate_advanced_check,
    .looks_up = gwc_windows_looks_up,
    .verifies = gwc_windows_verifies,
    .trusted = "gateway_redis_trusted_certificate",
    .emit_http = gwc_windows_emit_http,
};


static bool
gwc_rate_advanced_is_by(const gwc_rate_advanced_t *config, const char *kind)
{
    size_t i;

    if (config->compound_identifier.n == 0) {
        return gwc_text_is(config->identifier.v, kind);
    }

    for (i = 0; i < config->compound_identifier.n; i++) {
        if (gwc_text_is(GWC_ITEM(config->compound_identifier, gwc_str_t, i)->v,
                        kind)) {
            return true;
        }
    }

    return false;
}


static void
gwc_rate_advanced_check_identifier(const gwc_rate_advanced_t *config)
{
    const gwc_node_t *node = config->compound_identifier.n != 0
                                 ? config->compound_identifier.node
                                 : config->identifier.node;

    if (gwc_rate_advanced_is_by(config, "header") && !config->header_name.set)
    {
        gwc_error(node, "\"header_name\" must be set to limit by \"header\"");
    }

    if (gwc_rate_advanced_is_by(config, "path") && !config->path.set) {
        gwc_error(node, "\"path\" must be set to limit by \"path\"");
    }
}


static void
gwc_rate_advanced_check(void *data)
{
    gwc_rate_advanced_t *config = data;

    gwc_windows_check(&config->windows);
    gwc_rate_advanced_check_identifier(config);

    if (config->enforce_consumer_groups.v && config->consumer_groups.n == 0) {
        gwc_error(config->enforce_consumer_groups.node,
                  "\"consumer_groups\" must be set when "
                  "\"enforce_consumer_groups\" is true");
    }
}
