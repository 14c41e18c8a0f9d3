/*
 * Copyright (C) the ngx_gateway authors
 *
 * request-termination.
 */

#include "diag.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_int_t status_code;
    gwc_str_t message;
    gwc_str_t content_type;
    gwc_str_t body;
    gwc_bool_t echo;
    gwc_str_t trigger;
} gwc_request_termination_t;

static void gwc_request_termination_check(void *data);
static bool gwc_request_termination_shows(const void *data);
static bool gwc_request_termination_answers(const void *data);

static const gwc_field_t gwc_request_termination_fields[] = {
    {
        .name = "status_code",
        .type = GWC_INT,
        .offset = offsetof(gwc_request_termination_t, status_code),
        .flags = GWC_REQUIRED,
        .dflt = "503",
        .bounded = true,
        .min = 100,
        .max = 599,
        .check = gwc_check_final_status,
    },
    {
        .name = "message",
        .type = GWC_STRING,
        .offset = offsetof(gwc_request_termination_t, message),
    },
    {
        .name = "content_type",
        .type = GWC_STRING,
        .offset = offsetof(gwc_request_termination_t, content_type),
    },
    {
        .name = "body",
        .type = GWC_STRING,
        .offset = offsetof(gwc_request_termination_t, body),
    },
    {
        .name = "echo",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_request_termination_t, echo),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "trigger",
        .type = GWC_STRING,
        .offset = offsetof(gwc_request_termination_t, trigger),
        .check = gwc_check_header_name,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_request_termination;

const gwc_plugin_rule_t gwc_rule_request_termination = {
    .name = "request-termination",
    .directive = "gateway_request_termination",
    .priority = 2,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_request_termination_fields,
    .size = sizeof(gwc_request_termination_t),
    .check = gwc_request_termination_check,
    .shows_entities = gwc_request_termination_shows,
    .answers = gwc_request_termination_answers,
};


static void
gwc_request_termination_check(void *data)
{
    const gwc_request_termination_t *config = data;
    bool whole = config->body.set || config->content_type.set;

    if (config->message.set && whole) {
        gwc_error(config->message.node,
                  "\"message\" cannot be used with \"body\" or "
                  "\"content_type\"");
    }

    if (config->echo.v && whole) {
        gwc_error(config->echo.node,
                  "\"echo\" cannot be used with \"body\" or "
                  "\"content_type\"");
    }

    if (config->content_type.set && !config->body.set) {
        gwc_error(config->content_type.node,
                  "\"content_type\" requires a \"body\"");
    }
}


/* the echo has the route and the service */
static bool
gwc_request_termination_shows(const void *data)
{
    const gwc_request_termination_t *config = data;

    return config->echo.v;
}


/* with a trigger it is up to the request */
static bool
gwc_request_termination_answers(const void *data)
{
    const gwc_request_termination_t *config = data;

    return !config->trigger.set;
}
