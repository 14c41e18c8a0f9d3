/*
 * Copyright (C) the ngx_gateway authors
 *
 * request-transformer.  Templates are parsed here by the code that the
 * module runs, so that what it would refuse has its place in the file.
 */

#include "transformer.h"

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
    { .name = NULL },
};

static const gwc_field_t gwc_request_transformer_fields[] = {
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
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_request_transformer;

const gwc_plugin_rule_t gwc_rule_request_transformer = {
    .name = "request-transformer",
    .directive = "gateway_request_transformer",
    .priority = 801,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_request_transformer_fields,
    .size = sizeof(gwc_transformer_t),
    .emit = gwc_transform_emit_templates,
    .emit_http = gwc_transform_emit_http,
    .rewrites = true,
};
