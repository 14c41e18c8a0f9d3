/*
 * Copyright (C) the ngx_gateway authors
 *
 * request-validator.  Bodies have a JSON Schema, or a schema in Kong's own
 * language, which is turned into one.
 */

#include <jansson.h>
#include <string.h>

#include "diag.h"
#include "field_schema.h"
#include "model.h"
#include "rule.h"

enum {
    GWC_VALIDATOR_DEPTH = 32
};

typedef struct {
    gwc_record_t record;
    gwc_str_t name;
    gwc_str_t in;
    gwc_bool_t required;
    gwc_str_t style;
    gwc_bool_t explode;
    gwc_str_t schema;
} gwc_validator_param_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t version;
    gwc_str_t body_schema;
    gwc_list_t parameter_schema;      /* gwc_validator_param_t */
    gwc_list_t allowed_content_types; /* gwc_str_t */
    gwc_bool_t content_type_parameter_validation;
    gwc_int_t max_body_size;
    gwc_bool_t verbose_response;
    gwc_bool_t problem_json;

    /* the body's, as JSON Schema */
    const char *compiled;
} gwc_validator_t;

static void gwc_validator_check(void *data);
static void gwc_validator_emit(gwc_writer_t *w, const gwc_plugin_t *plugin);
static void gwc_validator_check_type(const gwc_field_t *field, void *value);
static json_t *gwc_validator_kong_fields(const json_t *fields, unsigned depth,
                                         const char **why);
static json_t *gwc_validator_kong(const json_t *field, unsigned depth,
                                  const char **why);

static const char *const gwc_validator_versions[] = {
    "kong", "draft4", "draft6", "draft7", "draft201909", "draft202012", NULL,
};

static const char *const gwc_validator_in[] = {
    "query",
    "header",
    "path",
    NULL,
};

static const char *const gwc_validator_styles[] = {
    "label",          "form",          "matrix",     "simple",
    "spaceDelimited", "pipeDelimited", "deepObject", NULL,
};

static const gwc_field_t gwc_validator_param_fields[] = {
    {
        .name = "name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_validator_param_t, name),
        .flags = GWC_REQUIRED,
        .check = gwc_check_printable,
    },
    {
        .name = "in",
        .type = GWC_STRING,
        .offset = offsetof(gwc_validator_param_t, in),
        .flags = GWC_REQUIRED,
        .one_of = gwc_validator_in,
    },
    {
        .name = "required",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_validator_param_t, required),
        .flags = GWC_REQUIRED,
    },
    {
        .name = "style",
        .type = GWC_STRING,
        .offset = offsetof(gwc_validator_param_t, style),
        .one_of = gwc_validator_styles,
    },
    {
        .name = "explode",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_validator_param_t, explode),
    },
    {
        .name = "schema",
        .type = GWC_STRING,
        .offset = offsetof(gwc_validator_param_t, schema),
    },
    { .name = NULL },
};

static const gwc_field_t gwc_validator_param = {
    .type = GWC_RECORD,
    .fields = gwc_validator_param_fields,
    .size = sizeof(gwc_validator_param_t),
};

static const gwc_field_t gwc_validator_type = {
    .type = GWC_STRING,
    .check = gwc_validator_check_type,
};

static const gwc_field_t gwc_validator_fields[] = {
    {
        .name = "version",
        .type = GWC_STRING,
        .offset = offsetof(gwc_validator_t, version),
        .flags = GWC_REQUIRED,
        .dflt = "\"kong\"",
        .one_of = gwc_validator_versions,
    },
    {
        .name = "body_schema",
        .type = GWC_STRING,
        .offset = offsetof(gwc_validator_t, body_schema),
    },
    {
        .name = "parameter_schema",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_validator_t, parameter_schema),
        .elem = &gwc_validator_param,
        .size = sizeof(gwc_validator_param_t),
    },
    {
        .name = "allowed_content_types",
        .type = GWC_SET,
        .offset = offsetof(gwc_validator_t, allowed_content_types),
        .dflt = "[\"application/json\"]",
        .elem = &gwc_validator_type,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "content_type_parameter_validation",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_validator_t, content_type_parameter_validation),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "max_body_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_validator_t, max_body_size),
        .dflt = "8388608",
        .bounded = true,
        .min = 1,
        .max = 1073741824,
    },
    {
        .name = "verbose_response",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_validator_t, verbose_response),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "problem_json",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_validator_t, problem_json),
        .dflt = "false",
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_request_validator;

const gwc_plugin_rule_t gwc_rule_request_validator = {
    .name = "request-validator",
    .directive = "gateway_request_validator",
    .priority = 999,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_validator_fields,
    .size = sizeof(gwc_validator_t),
    .check = gwc_validator_check,
    .emit = gwc_validator_emit,
};


static void
gwc_validator_check_type(const gwc_field_t *field, void *value)
{
    const gwc_str_t *type = value;
    const char *slash = memchr(type->v.data, '/', type->v.len);

    gwc_check_printable(field, value);

    if (slash == NULL || slash == type->v.data
        || slash == type->v.data + type->v.len - 1)
    {
        gwc_error(type->node, "expected a media type, as "
                              "\"application/json\"");
    }
}


static void
gwc_validator_check_body(gwc_validator_t *config)
{
    json_t *json = gwc_json_schema_parse(&config->body_schema);
    json_t *converted;
    const char *why = NULL;
    char *text;

    if (json == NULL) {
        return;
    }

    if (gwc_text_is(config->version.v, "kong")) {
        converted = gwc_validator_kong_fields(json, 0, &why);
        json_decref(json);
        json = converted;

        if (json == NULL) {
            gwc_error(config->body_schema.node,
                      "invalid schema in Kong's language: %s", why);
            gwc_fix("version: draft4, with a JSON Schema");
            return;
        }
    }

    if (gwc_json_schema_compiles(config->body_schema.node, json)) {
        text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        config->compiled = gwc_sprintf("%s", text != NULL ? text : "");
        free(text);
    }

    json_decref(json);
}


static void
gwc_validator_check_param(const gwc_validator_param_t *param)
{
    bool query = gwc_text_is(param->in.v, "query");
    json_t *json;
    const char *type;

    if (param->schema.set != param->style.set) {
        gwc_error(param->record.node,
                  "\"style\" and \"schema\" must be set together");
        return;
    }

    if (!param->schema.set) {
        return;
    }

    if (query ? !(gwc_text_is(param->style.v, "form")
                  || gwc_text_is(param->style.v, "spaceDelimited")
                  || gwc_text_is(param->style.v, "pipeDelimited"))
              : !gwc_text_is(param->style.v, "simple"))
    {
        gwc_error(param->style.node,
                  query ? "arguments may have the styles form, "
                          "spaceDelimited and pipeDelimited"
                        : "headers and paths may have the style simple");
    }

    json = gwc_json_schema_parse(&param->schema);

    if (json == NULL) {
        return;
    }

    (void) gwc_json_schema_compiles(param->schema.node, json);

    type = json_string_value(json_object_get(json, "type"));

    if (type != NULL && strcmp(type, "object") == 0) {
        gwc_error(param->schema.node,
                  "parameters that are objects are not supported");
    }

    json_decref(json);
}


static void
gwc_validator_check(void *data)
{
    gwc_validator_t *config = data;
    size_t i;

    if (!config->body_schema.set && config->parameter_schema.n == 0) {
        gwc_error(config->record.node,
                  "at least one of \"body_schema\" and \"parameter_schema\" "
                  "must be set");
    }

    if (config->body_schema.set) {
        gwc_validator_check_body(config);
    }

    for (i = 0; i < config->parameter_schema.n; i++) {
        gwc_validator_check_param(
            GWC_ITEM(config->parameter_schema, gwc_validator_param_t, i));
    }
}


static void
gwc_validator_flag(gwc_writer_t *w, const char *name, bool on)
{
    gwc_argf(w, "%s=%s", name, on ? "on" : "off");
}


static void
gwc_validator_emit_param(gwc_writer_t *w, const gwc_validator_param_t *param)
{
    const char *name =
        gwc_sprintf("%.*s.%.*s", (int) param->in.v.len, param->in.v.data,
                    (int) param->name.v.len, param->name.v.data);
    bool query = gwc_text_is(param->in.v, "query");

    /* without a schema anything goes, if it is there */
    gwc_json_schema_emit(w, name,
                         param->schema.set ? param->schema.v
                                           : (gwc_text_t){ "{}", 2 });

    if (param->required.v) {
        gwc_argf(w, "required=%s", name);
    }

    if (query && param->style.set && !gwc_text_is(param->style.v, "form")) {
        gwc_argf(w, "style=%s:%.*s", name, (int) param->style.v.len,
                 param->style.v.data);

    } else if (query && param->explode.set && !param->explode.v) {
        gwc_argf(w, "no_explode=%s", name);
    }
}


static void
gwc_validator_emit(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    const gwc_validator_t *config = plugin->config;
    size_t i;

    gwc_begin(w, plugin->rule->directive);

    if (config->compiled != NULL) {
        gwc_json_schema_emit(
            w, "body_schema",
            (gwc_text_t){ config->compiled, strlen(config->compiled) });
    }

    for (i = 0; i < config->parameter_schema.n; i++) {
        gwc_validator_emit_param(
            w, GWC_ITEM(config->parameter_schema, gwc_validator_param_t, i));
    }

    for (i = 0; config->allowed_content_types.node != NULL
                && i < config->allowed_content_types.n;
         i++)
    {
        gwc_param(w, "allowed_content_types",
                  GWC_ITEM(config->allowed_content_types, gwc_str_t, i)->v);
    }

    if (!config->content_type_parameter_validation.v) {
        gwc_validator_flag(w, "content_type_parameter_validation", false);
    }

    if (config->max_body_size.node != NULL) {
        gwc_argf(w, "max_body_size=%lld", (long long) config->max_body_size.v);
    }

    if (config->verbose_response.v) {
        gwc_validator_flag(w, "verbose_response", true);
    }

    if (config->problem_json.v) {
        gwc_validator_flag(w, "problem_json", true);
    }

    gwc_end(w);
}


/*
 * Kong's language: a record is a list of objects with one member, the name of
 * a field and what it may be.
 */

static json_t *
gwc_validator_kong_fields(const json_t *fields, unsigned depth,
                          const char **why)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    const char *name;
    json_t *field, *schema;
    size_t i;

    if (!json_is_array(fields)) {
        *why = "expected a list of fields, as [{\"name\": {\"type\": "
               "\"string\"}}]";
    }

    for (i = 0; *why == NULL && i < json_array_size(fields); i++) {
        json_t *item = json_array_get(fields, i);

        if (json_object_size(item) != 1) {
            *why = "expected objects with one member in the list of fields";
            break;
        }

        json_object_foreach(item, name, field)
        {
            schema = gwc_validator_kong(field, depth + 1, why);

            if (schema == NULL) {
                break;
            }

            if (json_is_true(json_object_get(field, "required"))) {
                json_array_append_new(required, json_string(name));

            } else {
                json_object_set_new(schema, "nullable", json_true());
            }

            json_object_set_new(properties, name, schema);
        }
    }

    if (*why != NULL) {
        json_decref(properties);
        json_decref(required);
        return NULL;
    }

    schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties",
                       properties, "additionalProperties", 0);

    if (json_array_size(required)) {
        json_object_set_new(schema, "required", required);

    } else {
        json_decref(required);
    }

    return schema;
}


/* the bound of a length, under the name that it has for the type */
static bool
gwc_validator_kong_length(json_t *schema, const char *type, bool least,
                          const json_t *value)
{
    const char *name;

    if (strcmp(type, "string") == 0) {
        name = least ? "minLength" : "maxLength";

    } else if (strcmp(type, "array") == 0 || strcmp(type, "set") == 0) {
        name = least ? "minItems" : "maxItems";

    } else if (strcmp(type, "map") == 0) {
        name = least ? "minProperties" : "maxProperties";

    } else {
        return false;
    }

    json_object_set_new(schema, name, json_deep_copy(value));
    return true;
}


/* regexes need no escapes for what stands for itself in JSON Schema */
static json_t *
gwc_validator_kong_prefix(const char *prefix)
{
    gwc_buf_t buf = { 0 };

    gwc_buf_puts(&buf, "^");

    for (; prefix != NULL && *prefix != '\0'; prefix++) {
        if (strchr("\\^$.|?*+()[]{}", *prefix) != NULL) {
            gwc_buf_puts(&buf, "\\");
        }

        gwc_buf_add(&buf, prefix, 1);
    }

    return json_stringn(buf.data, buf.len);
}


/* what a value must be besides its type; false: not supported */
static bool
gwc_validator_kong_rule(json_t *schema, const char *type, const char *name,
                        const json_t *value, unsigned depth, const char **why)
{
    json_t *sub;

    if (strcmp(name, "type") == 0 || strcmp(name, "required") == 0
        || strcmp(name, "description") == 0 || strcmp(name, "default") == 0)
    {
        return true;
    }

    if (strcmp(name, "elements") == 0 || strcmp(name, "values") == 0
        || strcmp(name, "keys") == 0)
    {
        sub = gwc_validator_kong(value, depth + 1, why);

        if (sub == NULL) {
            return false;
        }

        json_object_set_new(schema,
                            name[0] == 'e'   ? "items"
                            : name[0] == 'v' ? "additionalProperties"
                                             : "propertyNames",
                            sub);
        return true;
    }

    if (strcmp(name, "fields") == 0) {
        sub = gwc_validator_kong_fields(value, depth + 1, why);

        if (sub == NULL) {
            return false;
        }

        json_object_update(schema, sub);
        json_decref(sub);
        return true;
    }

    if (strcmp(name, "len_min") == 0 || strcmp(name, "len_max") == 0) {
        return gwc_validator_kong_length(schema, type, name[5] == 'i', value);
    }

    if (strcmp(name, "len_eq") == 0) {
        return gwc_validator_kong_length(schema, type, true, value)
               && gwc_validator_kong_length(schema, type, false, value);
    }

    if (strcmp(name, "between") == 0 && json_array_size(value) == 2) {
        json_object_set(schema, "minimum", json_array_get(value, 0));
        json_object_set(schema, "maximum", json_array_get(value, 1));
        return true;
    }

    if (strcmp(name, "gt") == 0) {
        json_object_set_new(schema, "exclusiveMinimum", json_deep_copy(value));
        return true;
    }

    if (strcmp(name, "one_of") == 0) {
        json_object_set_new(schema, "enum", json_deep_copy(value));
        return true;
    }

    if (strcmp(name, "eq") == 0) {
        json_object_set_new(schema, "const", json_deep_copy(value));
        return true;
    }

    if (strcmp(name, "not_one_of") == 0) {
        json_object_set_new(schema, "not",
                            json_pack("{s:o}", "enum", json_deep_copy(value)));
        return true;
    }

    if (strcmp(name, "starts_with") == 0 && json_is_string(value)) {
        json_object_set_new(
            schema, "pattern",
            gwc_validator_kong_prefix(json_string_value(value)));
        return true;
    }

    if (strcmp(name, "uuid") == 0 && json_is_true(value)) {
        json_object_set_new(schema, "format", json_string("uuid"));
        return true;
    }

    return false;
}


static json_t *
gwc_validator_kong(const json_t *field, unsigned depth, const char **why)
{
    static const char *const types[] = {
        "string",  "string",  "number", "number", "integer", "integer",
        "boolean", "boolean", "array",  "array",  "set",     "array",
        "map",     "object",  "record", "object", NULL,
    };
    const char *type = json_string_value(json_object_get(field, "type"));
    const char *name;
    json_t *schema;
    const json_t *value;
    size_t i;

    if (depth > GWC_VALIDATOR_DEPTH) {
        *why = "it is nested too deeply";
        return NULL;
    }

    for (i = 0; types[i] != NULL; i += 2) {
        if (type != NULL && strcmp(types[i], type) == 0) {
            break;
        }
    }

    if (types[i] == NULL) {
        *why = "the \"type\" of a field must be string, number, integer, "
               "boolean, array, set, map or record";
        return NULL;
    }

    schema = json_pack("{s:s}", "type", types[i + 1]);

    if (strcmp(type, "set") == 0) {
        json_object_set_new(schema, "uniqueItems", json_true());
    }

    json_object_foreach((json_t *) (uintptr_t) field, name, value)
    {
        if (!gwc_validator_kong_rule(schema, type, name, value, depth, why)) {
            if (*why == NULL) {
                *why = gwc_sprintf("\"%s\" of a %s is not supported",
                                   gwc_sprintf("%.40s", name), type);
            }

            json_decref(schema);
            return NULL;
        }
    }

    return schema;
}
