/*
 * Copyright (C) the ngx_gateway authors
 *
 * loggly.
 */

#include "custom_fields.h"
#include "severity.h"

typedef struct {
    gwc_record_t record;
    gwc_severity_t severity;
    gwc_str_t host;
    gwc_int_t port;
    gwc_str_t key;
    gwc_list_t tags; /* gwc_str_t */
    gwc_num_t timeout;
    gwc_list_t custom_fields_by_lua; /* gwc_pair_t */
} gwc_loggly_t;

static const gwc_field_t gwc_loggly_tag = { .type = GWC_STRING };

static const gwc_field_t gwc_loggly_fields[] = {
    GWC_SEVERITY_FIELDS(gwc_loggly_t, severity),
    {
        .name = "host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_loggly_t, host),
        .dflt = "\"logs-01.loggly.com\"",
        .check = gwc_check_host,
    },
    {
        .name = "port",
        .type = GWC_INT,
        .offset = offsetof(gwc_loggly_t, port),
        .dflt = "514",
        .bounded = true,
        .min = 0,
        .max = 65535,
    },
    {
        .name = "key",
        .type = GWC_STRING,
        .offset = offsetof(gwc_loggly_t, key),
        .flags = GWC_REQUIRED | GWC_REFERENCEABLE | GWC_SECRET,
    },
    {
        .name = "tags",
        .type = GWC_SET,
        .offset = offsetof(gwc_loggly_t, tags),
        .dflt = "[\"kong\"]",
        .elem = &gwc_loggly_tag,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "timeout",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_loggly_t, timeout),
        .dflt = "10000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    GWC_CUSTOM_FIELDS(gwc_loggly_t, custom_fields_by_lua),
    { .name = NULL },
};


static gwc_text_t
gwc_loggly_looks_up(const void *config)
{
    const gwc_loggly_t *loggly = config;

    return loggly->host.v;
}


extern const gwc_plugin_rule_t gwc_rule_loggly;

const gwc_plugin_rule_t gwc_rule_loggly = {
    .name = "loggly",
    .directive = "gateway_loggly",
    .priority = 6,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_loggly_fields,
    .size = sizeof(gwc_loggly_t),
    .writes_records = true,
    .looks_up = gwc_loggly_looks_up,
};
