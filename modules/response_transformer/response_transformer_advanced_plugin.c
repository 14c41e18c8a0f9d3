/*
 * Copyright (C) the ngx_gateway authors
 *
 * response-transformer-advanced: the same module with more fields.  Those
 * that Kong's plugin does not have are replace.status, pages and redact.
 */

#include <string.h>

#include "../../src/gateway_regex.h"
#include "diag.h"
#include "transformer.h"

enum {
    GWC_RESPONSE_ERROR = 256
};

static void gwc_response_check_filter(const gwc_field_t *field, void *data);
static void gwc_response_check_range(const gwc_field_t *field, void *data);
static void gwc_response_check_status(const gwc_field_t *field, void *data);
static void gwc_response_check_page(const gwc_field_t *field, void *data);
static void gwc_response_check_regex(const gwc_field_t *field, void *data);
static void gwc_response_check_lua(const gwc_field_t *field, void *data);
static void gwc_response_advanced_check(void *config);

static const gwc_field_t gwc_response_filter = {
    .type = GWC_STRING,
    .check = gwc_response_check_filter,
};

static const gwc_field_t gwc_response_range = {
    .type = GWC_STRING,
    .check = gwc_response_check_range,
};

static const gwc_field_t gwc_response_status = {
    .type = GWC_STRING,
    .check = gwc_response_check_status,
};

static const gwc_field_t gwc_response_page = {
    .type = GWC_STRING,
    .check = gwc_response_check_page,
};

static const gwc_field_t gwc_response_regex = {
    .type = GWC_STRING,
    .check = gwc_response_check_regex,
};

static const gwc_field_t gwc_response_lua = {
    .type = GWC_STRING,
    .check = gwc_response_check_lua,
};

static const gwc_field_t gwc_response_remove[] = {
    { .name = "json", GWC_STRINGS(gwc_transform_t, json, gwc_transform_text) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_response_filter) },
    { .name = "if_status",
      GWC_STRINGS(gwc_transform_t, if_status, gwc_response_range) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_rename[] = {
    { .name = "json", GWC_STRINGS(gwc_transform_t, json, gwc_transform_pair) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_rename) },
    { .name = "if_status",
      GWC_STRINGS(gwc_transform_t, if_status, gwc_response_range) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_replace[] = {
    { .name = "json", GWC_STRINGS(gwc_transform_t, json, gwc_transform_pair) },
    { .name = "json_types",
      GWC_STRINGS(gwc_transform_t, json_types, gwc_transform_json_type) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_header) },
    { .name = "if_status",
      GWC_STRINGS(gwc_transform_t, if_status, gwc_response_range) },
    { .name = "status",
      GWC_STRINGS(gwc_transform_t, status, gwc_response_status) },
    {
        .name = "body",
        .type = GWC_STRING,
        .offset = offsetof(gwc_transform_t, text),
        .flags = GWC_EMPTY_OK,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_response_value[] = {
    { .name = "json", GWC_STRINGS(gwc_transform_t, json, gwc_transform_pair) },
    { .name = "json_types",
      GWC_STRINGS(gwc_transform_t, json_types, gwc_transform_json_type) },
    { .name = "headers",
      GWC_STRINGS(gwc_transform_t, headers, gwc_transform_header) },
    { .name = "if_status",
      GWC_STRINGS(gwc_transform_t, if_status, gwc_response_range) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_allow[] = {
    { .name = "json", GWC_STRINGS(gwc_allow_t, names, gwc_transform_text) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_redact[] = {
    { .name = "json", GWC_STRINGS(gwc_redact_t, json, gwc_response_regex) },
    { .name = "values",
      GWC_STRINGS(gwc_redact_t, values, gwc_response_regex) },
    {
        .name = "with",
        .type = GWC_STRING,
        .offset = offsetof(gwc_redact_t, with),
        .flags = GWC_EMPTY_OK,
        .dflt = "\"***\"",
    },
    { .name = NULL },
};

/* of Kong's plugin; what is empty changes nothing */
static const gwc_field_t gwc_response_transform[] = {
    { .name = "functions",
      GWC_STRINGS(gwc_functions_t, functions, gwc_response_lua) },
    { .name = "json", GWC_STRINGS(gwc_functions_t, json, gwc_transform_text) },
    { .name = "if_status",
      GWC_STRINGS(gwc_functions_t, if_status, gwc_response_range) },
    { .name = NULL },
};

static const gwc_field_t gwc_response_advanced_fields[] = {
    { .name = "remove", GWC_TRANSFORM(remove, gwc_response_remove) },
    { .name = "rename", GWC_TRANSFORM(rename, gwc_response_rename) },
    { .name = "replace", GWC_TRANSFORM(replace, gwc_response_replace) },
    { .name = "add", GWC_TRANSFORM(add, gwc_response_value) },
    { .name = "append", GWC_TRANSFORM(append, gwc_response_value) },
    {
        .name = "allow",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_transformer_t, allow),
        .fields = gwc_response_allow,
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
    { .name = "pages",
      GWC_STRINGS(gwc_transformer_t, pages, gwc_response_page) },
    {
        .name = "redact",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_transformer_t, redact),
        .fields = gwc_response_redact,
        .size = sizeof(gwc_redact_t),
    },
    {
        .name = "transform",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_transformer_t, transform),
        .flags = GWC_NO_EMIT,
        .fields = gwc_response_transform,
        .size = sizeof(gwc_functions_t),
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_response_transformer_advanced;

const gwc_plugin_rule_t gwc_rule_response_transformer_advanced = {
    .name = "response-transformer-advanced",
    .directive = "gateway_response_transformer_advanced",
    .priority = 800,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_response_advanced_fields,
    .size = sizeof(gwc_transformer_t),
    .check = gwc_response_advanced_check,
    .emit = gwc_transform_emit_texts,
};


static void
gwc_response_regex_compiles(const gwc_str_t *s, const char *data, size_t len)
{
    char err[GWC_RESPONSE_ERROR];
    gateway_str_t pattern = { data, len };
    gateway_regex_t *regex;

    regex = gateway_regex_compile(&pattern, err, sizeof(err));

    if (regex == NULL) {
        gwc_error(s->node, "'%.*s' is no regex: %s", (int) len, data, err);
        return;
    }

    gateway_regex_free(regex);
}


static void
gwc_response_check_regex(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;

    (void) field;

    gwc_response_regex_compiles(s, s->v.data, s->v.len);
}


/* "name", "name:value" or "name:/regex/" */
static void
gwc_response_check_filter(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    const char *value = memchr(s->v.data, ':', s->v.len);
    size_t len;

    gwc_transform_name.check(field, data);

    if (value == NULL) {
        return;
    }

    while (value < s->v.data + s->v.len && *value == ':') {
        value++;
    }

    len = (size_t) (s->v.data + s->v.len - value);

    if (len >= 3 && value[0] == '/' && value[len - 1] == '/') {
        gwc_response_regex_compiles(s, value + 1, len - 2);
    }
}


/* 0, or the length of "404" or "500-599" */
static size_t
gwc_response_range_len(const char *p, size_t len)
{
    size_t i;

    if (len != 3 && (len != 7 || p[3] != '-')) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (i != 3 && (p[i] < '0' || p[i] > '9')) {
            return 0;
        }
    }

    if (p[0] == '0' || (len == 7 && memcmp(p, p + 4, 3) > 0)) {
        return 0;
    }

    return len;
}


static void
gwc_response_check_range(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;

    (void) field;

    if (!gwc_response_range_len(s->v.data, s->v.len)) {
        gwc_error(s->node,
                  "'%.*s' is neither a status nor a range of them, such as "
                  "500-599",
                  (int) s->v.len, s->v.data);
    }
}


/* "500-599:503" */
static void
gwc_response_check_status(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    const char *to = memchr(s->v.data, ':', s->v.len);

    (void) field;

    if (to == NULL
        || !gwc_response_range_len(s->v.data, (size_t) (to - s->v.data))
        || gwc_response_range_len(to + 1,
                                  (size_t) (s->v.data + s->v.len - to - 1))
               != 3)
    {
        gwc_error(s->node, "'%.*s' does not map statuses as 500-599:503 does",
                  (int) s->v.len, s->v.data);
        return;
    }

    to++;

    if (to[0] == '1' || memcmp(to, "204", 3) == 0 || memcmp(to, "206", 3) == 0
        || memcmp(to, "304", 3) == 0)
    {
        gwc_error(s->node,
                  "%.3s has no body, or a part of one, and cannot take the "
                  "place of another status",
                  to);
    }
}


/* "500-599:text/html:text" */
static void
gwc_response_check_page(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    const char *last = s->v.data + s->v.len;
    const char *type = memchr(s->v.data, ':', s->v.len), *text = NULL;

    (void) field;

    if (type != NULL) {
        text = memchr(type + 1, ':', (size_t) (last - type - 1));
    }

    if (text == NULL
        || !gwc_response_range_len(s->v.data, (size_t) (type - s->v.data))
        || memchr(type, '/', (size_t) (text - type)) == NULL
        || memchr(type, '\n', (size_t) (text - type)) != NULL
        || memchr(type, '\r', (size_t) (text - type)) != NULL)
    {
        gwc_error(s->node, "a page is statuses, a type and a text, such as "
                           "500-599:text/html:<p>Sorry</p>");
    }
}


static void
gwc_response_check_lua(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;

    (void) field;

    gwc_error(s->node, "functions in Lua are not supported");
}


static void
gwc_response_advanced_check(void *config)
{
    gwc_transform_check_paths(config);
}
