/*
 * Copyright (C) the ngx_gateway authors
 *
 * request-transformer-advanced: the same module with more fields.
 */

#include "transformer.h"

static void gwc_request_advanced_check(void *config);

static const gwc_field_t gwc_request_remove[] = {
    { .name = "body", GWC_STRINGS(gwc_transform_t, body, gwc_transform_text) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_name) },
    { .name = "querystring",
      GWC_STRINGS(gwc_transform_t, querystring, gwc_transform_text) },
    { .name = NULL },
};

static const gwc_field_t gwc_request_rename[] = {
    { .name = "body",
      GWC_STRINGS(gwc_transform_t, body, gwc_transform_template_pair) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_rename) },
    { .name = "querystring",
      GWC_STRINGS(gwc_transform_t, querystring, gwc_transform_template_pair) },
    { .name = NULL },
};

static const gwc_field_t gwc_request_replace[] = {
    { .name = "body",
      GWC_STRINGS(gwc_transform_t, body, gwc_transform_template_pair) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_template_header) },
    { .name = "querystring",
      GWC_STRINGS(gwc_transform_t, querystring, gwc_transform_template_pair) },
    { .name = "json_types",
      GWC_STRINGS(gwc_transform_t, json_types, gwc_transform_json_type) },
    {
        .name = "uri",
        .type = GWC_STRING,
        .offset = offsetof(gwc_transform_t, uri),
        .check = gwc_transform_check_template,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_request_value[] = {
    { .name = "body",
      GWC_STRINGS(gwc_transform_t, body, gwc_transform_template_pair) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_template_header) },
    { .name = "querystring",
      GWC_STRINGS(gwc_transform_t, querystring, gwc_transform_template_pair) },
    { .name = "json_types",
      GWC_STRINGS(gwc_transform_t, json_types, gwc_transform_json_type) },
    { .name = NULL },
};

static const gwc_field_t gwc_request_allow[] = {
    { .name = "body", GWC_STRINGS(gwc_allow_t, names, gwc_transform_text) },
    { .name = NULL },
};

static const gwc_field_t gwc_request_advanced_fields[] = {
    {
        .name = "http_method",
        .type = GWC_STRING,
        .offset = offsetof(gwc_transformer_t, http_method),
        .check = gwc_transform_check_method,
    },
    { .name = "remove", GWC_TRANSFORM(remove, gwc_request_remove) },
    { .name = "rename", GWC_TRANSFORM(rename, gwc_request_rename) },
    { .name = "replace", GWC_TRANSFORM(replace, gwc_request_replace) },
    { .name = "add", GWC_TRANSFORM(add, gwc_request_value) },
    { .name = "append", GWC_TRANSFORM(append, gwc_request_value) },
    {
        .name = "allow",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_transformer_t, allow),
        .fields = gwc_request_allow,
        .size = sizeof(gwc_allow_t),
    },
    {
        .name = "dots_in_keys",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_transformer_t, dots_in_keys),
        .dflt = "true",
    },
    {
        .name = "max_body_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_transformer_t, max_body_size),
        .bounded = true,
        .min = 1,
        .max = 1073741824,
        .dflt = "8388608",
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_request_transformer_advanced;

const gwc_plugin_rule_t gwc_rule_request_transformer_advanced = {
    .name = "request-transformer-advanced",
    .directive = "gateway_request_transformer_advanced",
    .priority = 802,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_request_advanced_fields,
    .size = sizeof(gwc_transformer_t),
    .check = gwc_request_advanced_check,
    .emit = gwc_transform_emit_templates,
    .emit_http = gwc_transform_emit_http,
    .rewrites = true,
};


static void
gwc_request_advanced_check(void *config)
{
    gwc_transform_check_paths(config);
}
