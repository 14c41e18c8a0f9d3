/*
 * Copyright (C) the ngx_gateway authors
 *
 * body-conversion.
 */

#include <string.h>

#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t request;
    gwc_str_t response;
    gwc_str_t root;
    gwc_int_t max_body_size;
} gwc_body_conversion_t;

static void gwc_body_conversion_check(void *config);
static void gwc_body_conversion_check_root(const gwc_field_t *field,
                                           void *value);

static const char *const gwc_body_conversions[] = {
    "none",
    "xml_to_json",
    "json_to_xml",
    NULL,
};

static const gwc_field_t gwc_body_conversion_fields[] = {
    {
        .name = "request",
        .type = GWC_STRING,
        .offset = offsetof(gwc_body_conversion_t, request),
        .dflt = "\"none\"",
        .one_of = gwc_body_conversions,
    },
    {
        .name = "response",
        .type = GWC_STRING,
        .offset = offsetof(gwc_body_conversion_t, response),
        .dflt = "\"none\"",
        .one_of = gwc_body_conversions,
    },
    {
        .name = "root",
        .type = GWC_STRING,
        .offset = offsetof(gwc_body_conversion_t, root),
        .dflt = "\"root\"",
        .check = gwc_body_conversion_check_root,
    },
    {
        .name = "max_body_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_body_conversion_t, max_body_size),
        .dflt = "8388608",
        .bounded = true,
        .min = 1,
        .max = 1073741824,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_body_conversion;

const gwc_plugin_rule_t gwc_rule_body_conversion = {
    .name = "body-conversion",
    .directive = "gateway_body_conversion",
    .priority = 803,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_body_conversion_fields,
    .size = sizeof(gwc_body_conversion_t),
    .check = gwc_body_conversion_check,
    .module = "ngx_http_gateway_body_conversion_module.so",
};


static void
gwc_body_conversion_check(void *config)
{
    const gwc_body_conversion_t *conversion = config;

    if (gwc_text_is(conversion->request.v, "none")
        && gwc_text_is(conversion->response.v, "none"))
    {
        gwc_error(conversion->record.node,
                  "at least one of \"request\" and \"response\" must be "
                  "\"xml_to_json\" or \"json_to_xml\"");
    }
}


static void
gwc_body_conversion_check_root(const gwc_field_t *field, void *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char others[] = "0123456789-.";
    const gwc_str_t *root = value;
    size_t i;

    (void) field;

    for (i = 0; i < root->v.len; i++) {
        char c = root->v.data[i];

        if (memchr(letters, c, sizeof(letters) - 1) == NULL
            && (i == 0 || memchr(others, c, sizeof(others) - 1) == NULL))
        {
            break;
        }
    }

    if (i < root->v.len || i > 1024) {
        gwc_error(root->node, "expected the name of an element: letters, "
                              "digits, \"_\", \"-\" and \".\", first a "
                              "letter or \"_\"");
    }
}
