/*
 * Copyright (C) the ngx_gateway authors
 *
 * deprecation.
 */

#include "diag.h"
#include "gateway_date.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t deprecation;
    gwc_str_t sunset;
    gwc_str_t deprecation_link;
    gwc_str_t sunset_link;
    gwc_str_t successor_link;
    gwc_bool_t gone_after_sunset;
    gwc_str_t message;
} gwc_deprecation_t;

static void gwc_deprecation_check(void *data);
static void gwc_deprecation_check_date(const gwc_field_t *field, void *value);
static void gwc_deprecation_check_link(const gwc_field_t *field, void *value);

static const gwc_field_t gwc_deprecation_fields[] = {
    {
        .name = "deprecation",
        .type = GWC_STRING,
        .offset = offsetof(gwc_deprecation_t, deprecation),
        .check = gwc_deprecation_check_date,
    },
    {
        .name = "sunset",
        .type = GWC_STRING,
        .offset = offsetof(gwc_deprecation_t, sunset),
        .check = gwc_deprecation_check_date,
    },
    {
        .name = "deprecation_link",
        .type = GWC_STRING,
        .offset = offsetof(gwc_deprecation_t, deprecation_link),
        .check = gwc_deprecation_check_link,
    },
    {
        .name = "sunset_link",
        .type = GWC_STRING,
        .offset = offsetof(gwc_deprecation_t, sunset_link),
        .check = gwc_deprecation_check_link,
    },
    {
        .name = "successor_link",
        .type = GWC_STRING,
        .offset = offsetof(gwc_deprecation_t, successor_link),
        .check = gwc_deprecation_check_link,
    },
    {
        .name = "gone_after_sunset",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_deprecation_t, gone_after_sunset),
        .dflt = "false",
    },
    {
        .name = "message",
        .type = GWC_STRING,
        .offset = offsetof(gwc_deprecation_t, message),
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_deprecation;

const gwc_plugin_rule_t gwc_rule_deprecation = {
    .name = "deprecation",
    .directive = "gateway_deprecation",
    .priority = 1990,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_deprecation_fields,
    .size = sizeof(gwc_deprecation_t),
    .check = gwc_deprecation_check,
};


static void
gwc_deprecation_check(void *data)
{
    const gwc_deprecation_t *config = data;
    int64_t deprecation, sunset;

    if (!config->deprecation.set && !config->sunset.set) {
        gwc_error(
            config->record.node,
            "at least one of \"deprecation\" and \"sunset\" must be set");
        gwc_fix("deprecation: 2026-11-29");
        return;
    }

    if (config->gone_after_sunset.v && !config->sunset.set) {
        gwc_error(config->gone_after_sunset.node,
                  "\"gone_after_sunset\" needs a \"sunset\"");
    }

    if (config->deprecation.set && config->sunset.set
        && gateway_date_parse(&deprecation, config->deprecation.v.data,
                              config->deprecation.v.len)
               == 0
        && gateway_date_parse(&sunset, config->sunset.v.data,
                              config->sunset.v.len)
               == 0
        && sunset < deprecation)
    {
        gwc_error(config->sunset.node,
                  "\"sunset\" must not be before \"deprecation\"");
    }
}


static void
gwc_deprecation_check_date(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    int64_t seconds;

    if (gateway_date_parse(&seconds, s->v.data, s->v.len) != 0) {
        gwc_error(s->node,
                  "\"%s\" is not a date: expected YYYY-MM-DD or "
                  "YYYY-MM-DDThh:mm:ssZ",
                  field->name);
    }
}


/* it stands between "<" and ">" in a header */
static void
gwc_deprecation_check_link(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t i;

    for (i = 0; i < s->v.len; i++) {
        unsigned char c = (unsigned char) s->v.data[i];

        if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"') {
            gwc_error(s->node,
                      "\"%s\" must be a URL without blanks, \"<\", \">\" and "
                      "quotes",
                      field->name);
            return;
        }
    }
}
