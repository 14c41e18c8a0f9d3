/*
 * Copyright (C) the ngx_gateway authors
 *
 * auth-guard, a plugin of ours.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_int_t max_client_failures;
    gwc_int_t max_credential_failures;
    gwc_int_t window_size;
    gwc_int_t block_duration;
    gwc_int_t ipv6_prefix;
    gwc_list_t exempt; /* gwc_str_t */
} gwc_auth_guard_t;

static void gwc_auth_guard_check(void *config);

static const gwc_field_t gwc_auth_guard_address = {
    .type = GWC_STRING,
    .check = gwc_check_ip_or_cidr,
};

static const gwc_field_t gwc_auth_guard_fields[] = {
    {
        .name = "max_client_failures",
        .type = GWC_INT,
        .offset = offsetof(gwc_auth_guard_t, max_client_failures),
        .flags = GWC_REQUIRED,
        .dflt = "10",
        .bounded = true,
        .min = 0,
        .max = 1000000,
    },
    {
        .name = "max_credential_failures",
        .type = GWC_INT,
        .offset = offsetof(gwc_auth_guard_t, max_credential_failures),
        .flags = GWC_REQUIRED,
        .dflt = "0",
        .bounded = true,
        .min = 0,
        .max = 1000000,
    },
    {
        .name = "window_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_auth_guard_t, window_size),
        .flags = GWC_REQUIRED,
        .dflt = "60",
        .bounded = true,
        .min = 1,
        .max = 86400,
    },
    {
        .name = "block_duration",
        .type = GWC_INT,
        .offset = offsetof(gwc_auth_guard_t, block_duration),
        .flags = GWC_REQUIRED,
        .dflt = "300",
        .bounded = true,
        .min = 1,
        .max = 86400,
    },
    {
        .name = "ipv6_prefix",
        .type = GWC_INT,
        .offset = offsetof(gwc_auth_guard_t, ipv6_prefix),
        .flags = GWC_REQUIRED,
        .dflt = "64",
        .bounded = true,
        .min = 1,
        .max = 128,
    },
    {
        .name = "exempt",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_auth_guard_t, exempt),
        .elem = &gwc_auth_guard_address,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_auth_guard;

const gwc_plugin_rule_t gwc_rule_auth_guard = {
    .name = "auth-guard",
    .directive = "gateway_auth_guard",
    .priority = 1950,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_auth_guard_fields,
    .size = sizeof(gwc_auth_guard_t),
    .check = gwc_auth_guard_check,
};


static void
gwc_auth_guard_check(void *config)
{
    const gwc_auth_guard_t *guard = config;

    if (guard->max_client_failures.v == 0
        && guard->max_credential_failures.v == 0) {
        gwc_error(guard->max_client_failures.node != NULL
                      ? guard->max_client_failures.node
                      : guard->record.node,
                  "nothing is limited when max_client_failures and "
                  "max_credential_failures are both 0");
    }
}
