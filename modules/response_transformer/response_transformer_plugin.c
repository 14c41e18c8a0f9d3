/*
 * Copyright (C) the ngx_gateway authors
 *
 * response-transformer.  What the module would refuse is refused here, with
 * the place in the file.
 */

#include "transformer.h"

static const gwc_field_t gwc_response_remove[] = {
    { .name = "json", GWC_STRINGS(gwc_transform_t, json, gwc_transform_text) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_name) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_rename[] = {
    { .name = "json", GWC_STRINGS(gwc_transform_t, json, gwc_transform_pair) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_rename) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_value[] = {
    { .name = "json", GWC_STRINGS(gwc_transform_t, json, gwc_transform_pair) },
    { .name = "json_types",
      GWC_STRINGS(gwc_transform_t, json_types, gwc_transform_json_type) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_header) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_transformer_fields[] = {
    { .name = "remove", GWC_TRANSFORM(remove, gwc_response_remove) },
    { .name = "rename", GWC_TRANSFORM(rename, gwc_response_rename) },
    { .name = "replace", GWC_TRANSFORM(replace, gwc_response_value) },
    { .name = "add", GWC_TRANSFORM(add, gwc_response_value) },
    { .name = "append", GWC_TRANSFORM(append, gwc_response_value) },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_response_transformer;

const gwc_plugin_rule_t gwc_rule_response_transformer = {
    .name = "response-transformer",
    .directive = "gateway_response_transformer",
    .priority = 800,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_response_transformer_fields,
    .size = sizeof(gwc_transformer_t),
    .emit = gwc_transform_emit_texts,
};
