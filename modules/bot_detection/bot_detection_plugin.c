/*
 * Copyright (C) the ngx_gateway authors
 *
 * bot-detection.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_list_t allow; /* gwc_str_t */
    gwc_list_t deny;  /* gwc_str_t */
} gwc_bot_detection_t;

static const gwc_field_t gwc_bot_detection_regex = {
    .type = GWC_STRING,
    .check = gwc_check_regex,
};

static const gwc_field_t gwc_bot_detection_fields[] = {
    {
        .name = "allow",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_bot_detection_t, allow),
        .dflt = "[]",
        .elem = &gwc_bot_detection_regex,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "deny",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_bot_detection_t, deny),
        .dflt = "[]",
        .elem = &gwc_bot_detection_regex,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_bot_detection;

const gwc_plugin_rule_t gwc_rule_bot_detection = {
    .name = "bot-detection",
    .directive = "gateway_bot_detection",
    .priority = 2500,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_bot_detection_fields,
    .size = sizeof(gwc_bot_detection_t),
};
