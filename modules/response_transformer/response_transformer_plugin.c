/*
 * Copyright (C) the ngx_gateway authors
 *
 * response-transformer.  What the module would refuse is refused here, with
 * the place in the file.
 */

#include "../../src/gateway_template.h"
#include "diag.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_list_t headers;    /* gwc_str_t */
    gwc_list_t json;       /* gwc_str_t */
    gwc_list_t json_types; /* gwc_str_t */
} gwc_response_operation_t;

typedef struct {
    gwc_record_t record;
    gwc_response_operation_t remove;
    gwc_response_operation_t rename;
    gwc_response_operation_t replace;
    gwc_response_operation_t add;
    gwc_response_operation_t append;
} gwc_response_transformer_t;

static void gwc_response_check_name(const gwc_field_t *field, void *value);
static void gwc_response_check_header(const gwc_field_t *field, void *data);
static void gwc_response_check_rename(const gwc_field_t *field, void *data);
static void gwc_response_check_json(const gwc_field_t *field, void *data);

static const char *const gwc_response_types[] = {
    "boolean",
    "number",
    "string",
    NULL,
};

static const gwc_field_t gwc_response_name = {
    .type = GWC_STRING,
    .check = gwc_response_check_name,
};

static const gwc_field_t gwc_response_text = { .type = GWC_STRING };

static const gwc_field_t gwc_response_header = {
    .type = GWC_STRING,
    .check = gwc_response_check_header,
};

static const gwc_field_t gwc_response_rename = {
    .type = GWC_STRING,
    .check = gwc_response_check_rename,
};

static const gwc_field_t gwc_response_json = {
    .type = GWC_STRING,
    .check = gwc_response_check_json,
};

static const gwc_field_t gwc_response_type = {
    .type = GWC_STRING,
    .one_of = gwc_response_types,
};

static const gwc_field_t gwc_response_remove_fields[] = {
    {
        .name = "json",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_operation_t, json),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_response_text,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_operation_t, headers),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_response_name,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_response_rename_fields[] = {
    {
        .name = "json",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_operation_t, json),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_response_json,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_operation_t, headers),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_response_rename,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_response_value_fields[] = {
    {
        .name = "json",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_operation_t, json),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_response_json,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "json_types",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_operation_t, json_types),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_response_type,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_response_operation_t, headers),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_response_header,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_response_transformer_fields[] = {
    {
        .name = "remove",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_response_transformer_t, remove),
        .fields = gwc_response_remove_fields,
        .size = sizeof(gwc_response_operation_t),
    },
    {
        .name = "rename",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_response_transformer_t, rename),
        .fields = gwc_response_rename_fields,
        .size = sizeof(gwc_response_operation_t),
    },
    {
        .name = "replace",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_response_transformer_t, replace),
        .fields = gwc_response_value_fields,
        .size = sizeof(gwc_response_operation_t),
    },
    {
        .name = "add",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_response_transformer_t, add),
        .fields = gwc_response_value_fields,
        .size = sizeof(gwc_response_operation_t),
    },
    {
        .name = "append",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_response_transformer_t, append),
        .fields = gwc_response_value_fields,
        .size = sizeof(gwc_response_operation_t),
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_response_transformer;

const gwc_plugin_rule_t gwc_rule_response_transformer = {
    .name = "response-transformer",
    .directive = "gateway_response_transformer",
    .priority = 800,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_response_transformer_fields,
    .size = sizeof(gwc_response_transformer_t),
};


/* 0 after an error */
static int
gwc_response_split(const gwc_str_t *s, gateway_str_t *name,
                   gateway_str_t *value)
{
    gateway_str_t pair = { s->v.data, s->v.len };

    if (!gateway_pair_split(&pair, name, value)) {
        gwc_error(s->node, "'%.*s' has no name", (int) s->v.len, s->v.data);
        return 0;
    }

    return 1;
}


static int
gwc_response_header_name(const gwc_str_t *s, const gateway_str_t *name)
{
    if (gateway_is_header_name(name)) {
        return 1;
    }

    gwc_error(s->node, "'%.*s' is not a valid header", (int) name->len,
              name->data);
    return 0;
}


static void
gwc_response_may_set(const gwc_str_t *s, const gateway_str_t *name)
{
    if (gateway_is_framing_header(name)) {
        gwc_error(s->node,
                  "header '%.*s' says where the body ends and cannot be set",
                  (int) name->len, name->data);
    }
}


static void
gwc_response_check_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    gateway_str_t name, rest;

    (void) field;

    if (gwc_response_split(s, &name, &rest)) {
        (void) gwc_response_header_name(s, &name);
    }
}


static void
gwc_response_check_pair(const gwc_str_t *s)
{
    size_t i;

    for (i = 0; i < s->v.len; i++) {
        if (s->v.data[i] == ':') {
            return;
        }
    }

    gwc_error(s->node, "'%.*s' has no value", (int) s->v.len, s->v.data);
    gwc_fix("%.*s:value", (int) s->v.len, s->v.data);
}


static void
gwc_response_check_header(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (!gwc_response_split(s, &name, &value)
        || !gwc_response_header_name(s, &name))
    {
        return;
    }

    gwc_response_check_pair(s);
    gwc_response_may_set(s, &name);

    if (!gateway_is_header_value(&value)) {
        gwc_error(s->node, "the value of a header has no line ends");
    }
}


static void
gwc_response_check_rename(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (gwc_response_split(s, &name, &value)
        && gwc_response_header_name(s, &name)
        && gwc_response_header_name(s, &value))
    {
        gwc_response_may_set(s, &name);
        gwc_response_may_set(s, &value);
    }
}


static void
gwc_response_check_json(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (gwc_response_split(s, &name, &value)) {
        gwc_response_check_pair(s);
    }
}
