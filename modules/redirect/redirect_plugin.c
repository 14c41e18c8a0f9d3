/*
 * Copyright (C) the ngx_gateway authors
 *
 * redirect.
 */

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_int_t status_code;
    gwc_str_t location;
    gwc_bool_t keep_incoming_path;
} gwc_redirect_t;

static const gwc_field_t gwc_redirect_fields[] = {
    {
        .name = "status_code",
        .type = GWC_INT,
        .offset = offsetof(gwc_redirect_t, status_code),
        .flags = GWC_REQUIRED,
        .dflt = "301",
        .bounded = true,
        .min = 100,
        .max = 599,
        .check = gwc_check_final_status,
    },
    {
        .name = "location",
        .type = GWC_STRING,
        .offset = offsetof(gwc_redirect_t, location),
        .flags = GWC_REQUIRED,
        .check = gwc_check_url,
    },
    {
        .name = "keep_incoming_path",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_redirect_t, keep_incoming_path),
        .dflt = "false",
    },
    { .name = NULL },
};

static bool gwc_redirect_answers(const void *config);

extern const gwc_plugin_rule_t gwc_rule_redirect;

const gwc_plugin_rule_t gwc_rule_redirect = {
    .name = "redirect",
    .directive = "gateway_redirect",
    .priority = 779,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_redirect_fields,
    .size = sizeof(gwc_redirect_t),
    .answers = gwc_redirect_answers,
};


static bool
gwc_redirect_answers(const void *config)
{
    (void) config;

    return true;
}
