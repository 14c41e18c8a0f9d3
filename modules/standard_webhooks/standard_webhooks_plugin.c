/*
 * Copyright (C) the ngx_gateway authors
 *
 * standard-webhooks.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t secret_v1;
    gwc_int_t tolerance_second;
} gwc_standard_webhooks_t;

static const gwc_field_t gwc_standard_webhooks_fields[] = {
    {
        .name = "secret_v1",
        .type = GWC_STRING,
        .offset = offsetof(gwc_standard_webhooks_t, secret_v1),
        .flags = GWC_REQUIRED | GWC_SECRET | GWC_REFERENCEABLE,
    },
    {
        .name = "tolerance_second",
        .type = GWC_INT,
        .offset = offsetof(gwc_standard_webhooks_t, tolerance_second),
        .flags = GWC_REQUIRED,
        .dflt = "300",
        .bounded = true,
        .min = 0,
        .max = 2147483647,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_standard_webhooks;

const gwc_plugin_rule_t gwc_rule_standard_webhooks = {
    .name = "standard-webhooks",
    .directive = "gateway_standard_webhooks",
    .priority = 760,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_standard_webhooks_fields,
    .size = sizeof(gwc_standard_webhooks_t),
};
