/*
 * Copyright (C) the ngx_gateway authors
 *
 * udp-log.
 */

#include "custom_fields.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t host;
    gwc_int_t port;
    gwc_int_t timeout;
    gwc_list_t custom_fields_by_lua; /* gwc_pair_t */
} gwc_udp_log_t;

static const gwc_field_t gwc_udp_log_fields[] = {
    {
        .name = "host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_udp_log_t, host),
        .flags = GWC_REQUIRED,
        .check = gwc_check_host,
    },
    {
        .name = "port",
        .type = GWC_INT,
        .offset = offsetof(gwc_udp_log_t, port),
        .flags = GWC_REQUIRED,
        .bounded = true,
        .min = 0,
        .max = 65535,
    },
    {
        .name = "timeout",
        .type = GWC_INT,
        .offset = offsetof(gwc_udp_log_t, timeout),
        .dflt = "10000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    GWC_CUSTOM_FIELDS(gwc_udp_log_t, custom_fields_by_lua),
    { .name = NULL },
};


static gwc_text_t
gwc_udp_log_looks_up(const void *config)
{
    const gwc_udp_log_t *udp = config;

    return udp->host.v;
}


extern const gwc_plugin_rule_t gwc_rule_udp_log;

const gwc_plugin_rule_t gwc_rule_udp_log = {
    .name = "udp-log",
    .directive = "gateway_udp_log",
    .priority = 8,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_udp_log_fields,
    .size = sizeof(gwc_udp_log_t),
    .writes_records = true,
    .looks_up = gwc_udp_log_looks_up,
};
