/*
 * Copyright (C) the ngx_gateway authors
 *
 * request-transformer.  Templates are parsed here by the code that the
 * module runs, so that what it would refuse has its place in the file.
 */

#include "../../src/gateway_template.h"
#include "diag.h"
#include "model.h"
#include "rule.h"

enum {
    GWC_REQUEST_ERROR = 256
};

typedef struct {
    gwc_record_t record;
    gwc_list_t headers;     /* gwc_str_t */
    gwc_list_t querystring; /* gwc_str_t */
    gwc_list_t body;        /* gwc_str_t */
    gwc_str_t uri;          /* of replace */
} gwc_request_operation_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t http_method;
    gwc_request_operation_t remove;
    gwc_request_operation_t rename;
    gwc_request_operation_t replace;
    gwc_request_operation_t add;
    gwc_request_operation_t append;
} gwc_request_transformer_t;

static void gwc_request_check_method(const gwc_field_t *field, void *data);
static void gwc_request_check_name(const gwc_field_t *field, void *data);
static void gwc_request_check_header(const gwc_field_t *field, void *data);
static void gwc_request_check_rename(const gwc_field_t *field, void *data);
static void gwc_request_check_pair(const gwc_field_t *field, void *data);
static void gwc_request_check_uri(const gwc_field_t *field, void *data);

static const gwc_field_t gwc_request_text = { .type = GWC_STRING };

static const gwc_field_t gwc_request_name = {
    .type = GWC_STRING,
    .check = gwc_request_check_name,
};

static const gwc_field_t gwc_request_header = {
    .type = GWC_STRING,
    .check = gwc_request_check_header,
};

static const gwc_field_t gwc_request_rename = {
    .type = GWC_STRING,
    .check = gwc_request_check_rename,
};

static const gwc_field_t gwc_request_pair = {
    .type = GWC_STRING,
    .check = gwc_request_check_pair,
};

static const gwc_field_t gwc_request_remove_fields[] = {
    {
        .name = "body",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, body),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_text,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, headers),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "querystring",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, querystring),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_text,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_request_rename_fields[] = {
    {
        .name = "body",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, body),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_pair,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, headers),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_rename,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "querystring",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, querystring),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_pair,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_request_replace_fields[] = {
    {
        .name = "body",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, body),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_pair,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, headers),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_header,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "querystring",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, querystring),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_pair,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "uri",
        .type = GWC_STRING,
        .offset = offsetof(gwc_request_operation_t, uri),
        .check = gwc_request_check_uri,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_request_value_fields[] = {
    {
        .name = "body",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, body),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_pair,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, headers),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_header,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "querystring",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_request_operation_t, querystring),
        .flags = GWC_REQUIRED,
        .dflt = "[]",
        .elem = &gwc_request_pair,
        .size = sizeof(gwc_str_t),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_request_transformer_fields[] = {
    {
        .name = "http_method",
        .type = GWC_STRING,
        .offset = offsetof(gwc_request_transformer_t, http_method),
        .check = gwc_request_check_method,
    },
    {
        .name = "remove",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_request_transformer_t, remove),
        .fields = gwc_request_remove_fields,
        .size = sizeof(gwc_request_operation_t),
    },
    {
        .name = "rename",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_request_transformer_t, rename),
        .fields = gwc_request_rename_fields,
        .size = sizeof(gwc_request_operation_t),
    },
    {
        .name = "replace",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_request_transformer_t, replace),
        .fields = gwc_request_replace_fields,
        .size = sizeof(gwc_request_operation_t),
    },
    {
        .name = "add",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_request_transformer_t, add),
        .fields = gwc_request_value_fields,
        .size = sizeof(gwc_request_operation_t),
    },
    {
        .name = "append",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_request_transformer_t, append),
        .fields = gwc_request_value_fields,
        .size = sizeof(gwc_request_operation_t),
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_request_transformer;

const gwc_plugin_rule_t gwc_rule_request_transformer = {
    .name = "request-transformer",
    .directive = "gateway_request_transformer",
    .priority = 801,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_request_transformer_fields,
    .size = sizeof(gwc_request_transformer_t),
};


static void
gwc_request_check_method(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    size_t i;

    (void) field;

    for (i = 0; i < s->v.len; i++) {
        if (s->v.data[i] < 'A' || s->v.data[i] > 'Z') {
            gwc_error(s->node, "a method is all capital letters");
            return;
        }
    }
}


/* 0 after an error */
static int
gwc_request_split(const gwc_str_t *s, gateway_str_t *name,
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
gwc_request_header_name(const gwc_str_t *s, const gateway_str_t *name)
{
    if (gateway_is_header_name(name)) {
        return 1;
    }

    gwc_error(s->node, "'%.*s' is not a valid header", (int) name->len,
              name->data);
    return 0;
}


static void
gwc_request_may_set(const gwc_str_t *s, const gateway_str_t *name)
{
    if (gateway_is_framing_header(name)) {
        gwc_error(s->node,
                  "header '%.*s' says where the body ends and cannot be set",
                  (int) name->len, name->data);
    }
}


static void *
gwc_request_alloc(void *data, size_t size)
{
    (void) data;

    return gwc_alloc(size);
}


static void
gwc_request_template(const gwc_str_t *s, const gateway_str_t *value)
{
    char err[GWC_REQUEST_ERROR];

    if (gateway_template_compile(value, gwc_request_alloc, NULL, err,
                                 sizeof(err))
        == NULL)
    {
        gwc_error(s->node, "value '%.*s' is not in supported format, error:%s",
                  (int) value->len, value->data, err);
    }
}


static void
gwc_request_check_name(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, rest;

    (void) field;

    if (gwc_request_split(s, &name, &rest)) {
        (void) gwc_request_header_name(s, &name);
    }
}


static void
gwc_request_check_header(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (!gwc_request_split(s, &name, &value)
        || !gwc_request_header_name(s, &name)) {
        return;
    }

    if (name.len == s->v.len) {
        gwc_error(s->node, "key '%.*s' has no value", (int) name.len,
                  name.data);
    }

    gwc_request_may_set(s, &name);

    if (!gateway_is_header_value(&value)) {
        gwc_error(s->node, "the value of a header has no line ends");
    }

    gwc_request_template(s, &value);
}


static void
gwc_request_check_rename(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (gwc_request_split(s, &name, &value)
        && gwc_request_header_name(s, &name)
        && gwc_request_header_name(s, &value))
    {
        gwc_request_may_set(s, &name);
        gwc_request_may_set(s, &value);
    }
}


static void
gwc_request_check_pair(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (!gwc_request_split(s, &name, &value)) {
        return;
    }

    if (value.len == 0) {
        gwc_error(s->node, "key '%.*s' has no value", (int) name.len,
                  name.data);
        return;
    }

    gwc_request_template(s, &value);
}


static void
gwc_request_check_uri(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t value = { s->v.data, s->v.len };

    (void) field;

    gwc_request_template(s, &value);
}
