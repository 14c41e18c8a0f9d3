/*
 * Copyright (C) the ngx_gateway authors
 *
 * response-validator.
 */

#include "field_schema.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t body_schema;
    gwc_list_t status; /* gwc_str_t */
    gwc_str_t on_violation;
    gwc_int_t max_body_size;
} gwc_response_validator_t;

static void gwc_response_validator_emit(gwc_writer_t *w,
                                        const gwc_plugin_t *plugin);
static void gwc_response_validator_check_schema(const gwc_field_t *field,
                                                void *value);
static void gwc_response_validator_check_status(const gwc_field_t *field,
                                                void *value);

static const char *const gwc_response_validator_violations[] = {
    "reject",
    "log",
    NULL,
};

static const gwc_field_t gwc_response_validator_status = {
    .type = GWC_STRING,
    .check = gwc_response_validator_check_status,
};

static const gwc_field_t gwc_response_validator_fields[] = {
    {
        .name = "body_schema",
        .type = GWC_STRING,
        .offset = offsetof(gwc_response_validator_t, body_schema),
        .flags = GWC_REQUIRED,
        .check = gwc_response_validator_check_schema,
    },
    {
        .name = "status",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_validator_t, status),
        .dflt = "[\"200-299\"]",
        .min_len = 1,
        .elem = &gwc_response_validator_status,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "on_violation",
        .type = GWC_STRING,
        .offset = offsetof(gwc_response_validator_t, on_violation),
        .dflt = "\"reject\"",
        .one_of = gwc_response_validator_violations,
    },
    {
        .name = "max_body_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_response_validator_t, max_body_size),
        .dflt = "8388608",
        .bounded = true,
        .min = 1,
        .max = 1073741824,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_response_validator;

const gwc_plugin_rule_t gwc_rule_response_validator = {
    .name = "response-validator",
    .directive = "gateway_response_validator",
    .priority = 799,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_response_validator_fields,
    .size = sizeof(gwc_response_validator_t),
    .emit = gwc_response_validator_emit,
};


static void
gwc_response_validator_check_schema(const gwc_field_t *field, void *value)
{
    const gwc_str_t *text = value;
    json_t *json = gwc_json_schema_parse(text);

    (void) field;

    if (json != NULL) {
        (void) gwc_json_schema_compiles(text->node, json);
        json_decref(json);
    }
}


/* three digits from there on, from 200 to 599; 0: there are none */
static unsigned
gwc_response_validator_digits(const char *p)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return 0;
        }

        n = n * 10 + (unsigned) (p[i] - '0');
    }

    return n < 200 || n > 599 ? 0 : n;
}


static void
gwc_response_validator_check_status(const gwc_field_t *field, void *value)
{
    const gwc_str_t *status = value;
    const char *text = status->v.data;
    unsigned from = 0, to = 0;

    (void) field;

    if (status->v.len == 3) {
        from = gwc_response_validator_digits(text);
        to = from;

    } else if (status->v.len == 7 && text[3] == '-') {
        from = gwc_response_validator_digits(text);
        to = gwc_response_validator_digits(text + 4);
    }

    if (from == 0 || to < from) {
        gwc_error(status->node, "expected statuses from 200 to 599, as "
                                "\"200\" or \"200-299\"");
    }
}


static void
gwc_response_validator_emit(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    const gwc_response_validator_t *config = plugin->config;
    size_t i;

    gwc_begin(w, plugin->rule->directive);
    gwc_json_schema_emit(w, "body_schema", config->body_schema.v);

    for (i = 0; config->status.node != NULL && i < config->status.n; i++) {
        gwc_param(w, "status", GWC_ITEM(config->status, gwc_str_t, i)->v);
    }

    if (config->on_violation.node != NULL) {
        gwc_param(w, "on_violation", config->on_violation.v);
    }

    if (config->max_body_size.node != NULL) {
        gwc_argf(w, "max_body_size=%lld", (long long) config->max_body_size.v);
    }

    gwc_end(w);
}
