/*
 * Copyright (C) the ngx_gateway authors
 *
 * The JSON Schema (draft 2020-12) of the format, from the same tables that
 * check it, for editors.
 */

#include "entities.h"
#include "json.h"

#include <math.h>
#include <string.h>

static void gwc_schema_print(gwc_buf_t *buf, const gwc_field_t *field);


static void
gwc_schema_key(gwc_buf_t *buf, const char *name, bool *first)
{
    gwc_buf_puts(buf, *first ? "" : ",");
    *first = false;
    gwc_json_add_string(buf, (gwc_text_t){ name, strlen(name) });
    gwc_buf_puts(buf, ":");
}


static void
gwc_schema_properties(gwc_buf_t *buf, const gwc_field_t *field, bool *first)
{
    for (; field->name != NULL; field++) {
        gwc_schema_key(buf, field->name, first);
        gwc_schema_print(buf, field);
    }
}


static void
gwc_schema_required(gwc_buf_t *buf, const gwc_field_t *field)
{
    bool first = true;

    for (; field->name != NULL; field++) {
        if ((field->flags & GWC_REQUIRED) && field->dflt == NULL) {
            gwc_buf_puts(buf, first ? ",\"required\":[" : ",");
            first = false;
            gwc_json_add_string(
                buf, (gwc_text_t){ field->name, strlen(field->name) });
        }
    }

    gwc_buf_puts(buf, first ? "" : "]");
}


static void
gwc_schema_bounds(gwc_buf_t *buf, const gwc_field_t *field)
{
    if (!field->bounded) {
        return;
    }

    gwc_buf_printf(buf, ",\"%s\":%.17g",
                   field->flags & GWC_EXCLUSIVE_MIN ? "exclusiveMinimum"
                                                    : "minimum",
                   field->min);

    if (!isinf(field->max)) {
        gwc_buf_printf(buf, ",\"maximum\":%.17g", field->max);
    }
}


static void
gwc_schema_string_type(gwc_buf_t *buf, const gwc_field_t *field)
{
    const char *const *word;

    gwc_buf_puts(buf, "\"type\":\"string\"");

    if (field->one_of != NULL) {
        gwc_buf_puts(buf, ",\"enum\":[");

        for (word = field->one_of; *word != NULL; word++) {
            gwc_buf_puts(buf, word == field->one_of ? "" : ",");
            gwc_json_add_string(buf, (gwc_text_t){ *word, strlen(*word) });
        }

        gwc_buf_puts(buf, "]");

    } else if (!(field->flags & GWC_EMPTY_OK)) {
        gwc_buf_puts(buf, ",\"minLength\":1");
    }
}


static void
gwc_schema_print(gwc_buf_t *buf, const gwc_field_t *field)
{
    bool first = true;

    gwc_buf_puts(buf, "{");

    switch (field->type) {
    case GWC_BOOL:
        gwc_buf_puts(buf, "\"type\":\"boolean\"");
        break;

    case GWC_INT:
        gwc_buf_puts(buf, "\"type\":\"integer\"");
        gwc_schema_bounds(buf, field);
        break;

    case GWC_NUMBER:
        gwc_buf_puts(buf, "\"type\":\"number\"");
        gwc_schema_bounds(buf, field);
        break;

    case GWC_STRING:
        gwc_schema_string_type(buf, field);
        break;

    case GWC_REF:
        gwc_buf_puts(buf, "\"type\":[\"string\",\"object\",\"null\"]");
        break;

    case GWC_ARRAY:
    case GWC_SET:
        gwc_buf_puts(buf, "\"type\":\"array\",\"items\":");
        gwc_schema_print(buf, field->elem);

        if (field->min_len > 0) {
            gwc_buf_printf(buf, ",\"minItems\":%zu", field->min_len);
        }

        break;

    case GWC_MAP:
        gwc_buf_puts(buf, "\"type\":\"object\",\"additionalProperties\":");
        gwc_schema_print(buf, field->elem);
        break;

    case GWC_RECORD:
        gwc_buf_puts(buf, "\"type\":\"object\",\"properties\":{");
        gwc_schema_properties(buf, field->fields, &first);
        gwc_buf_puts(buf, "},\"additionalProperties\":false");
        gwc_schema_required(buf, field->fields);
        break;

    case GWC_ANY:
        break;
    }

    if (field->dflt != NULL) {
        gwc_buf_printf(buf, "%s\"default\":%s",
                       field->type == GWC_ANY ? "" : ",", field->dflt);
    }

    gwc_buf_puts(buf, "}");
}


/* which config goes with which name */
static void
gwc_schema_plugins(gwc_buf_t *buf)
{
    size_t i;
    bool first;

    gwc_buf_puts(buf, ",\"allOf\":[");

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        const gwc_plugin_rule_t *rule = gwc_plugin_rules[i];

        gwc_buf_printf(buf,
                       "%s{\"if\":{\"properties\":{\"name\":{\"const\":\"%s\""
                       "}}},\"then\":{\"properties\":{\"config\":{\"type\":"
                       "\"object\",\"properties\":{",
                       i ? "," : "", rule->name);
        first = true;
        gwc_schema_properties(buf, rule->fields, &first);
        gwc_buf_puts(buf, "},\"additionalProperties\":false");
        gwc_schema_required(buf, rule->fields);
        gwc_buf_puts(buf, "}}}}");
    }

    gwc_buf_puts(buf, "]");
}


static void
gwc_schema_entity(gwc_buf_t *buf, const gwc_kind_t *kind)
{
    const gwc_kind_t *kinds;
    size_t i, n;
    bool first = true;

    gwc_buf_puts(buf, "{\"type\":\"object\",\"properties\":{");
    gwc_schema_properties(buf, gwc_entity_fields, &first);
    gwc_schema_properties(buf, kind->fields, &first);

    if (kind->rule != NULL) {
        gwc_schema_properties(buf, gwc_credential_fields, &first);
    }

    gwc_schema_key(buf, "_comment", &first);
    gwc_buf_puts(buf, "{\"type\":\"string\"}");
    gwc_schema_key(buf, "_ignore", &first);
    gwc_buf_puts(buf, "{\"type\":\"array\"}");

    if (strcmp(kind->entity, "plugins") == 0) {
        gwc_schema_key(buf, "config", &first);
        gwc_buf_puts(buf, "{\"type\":\"object\"}");
    }

    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        if (gwc_kind_foreign(&kinds[i], kind->entity) != NULL) {
            gwc_schema_key(buf, kinds[i].entity, &first);
            gwc_buf_printf(buf,
                           "{\"type\":[\"array\",\"null\"],\"items\":{"
                           "\"$ref\":\"#/$defs/%s\"}}",
                           kinds[i].entity);
        }
    }

    gwc_buf_puts(buf, "},\"additionalProperties\":false");
    gwc_schema_required(buf, kind->fields);

    if (strcmp(kind->entity, "plugins") == 0) {
        gwc_schema_plugins(buf);
    }

    gwc_buf_puts(buf, "}");
}


char *
gwc_model_json_schema(void)
{
    const gwc_kind_t *kinds;
    gwc_buf_t buf = { 0 };
    size_t i, n;

    gwc_buf_puts(
        &buf,
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
        "\"title\":\"ngx_gateway declarative configuration\","
        "\"type\":\"object\",\"required\":[\"_format_version\"],"
        "\"additionalProperties\":false,\"properties\":{"
        "\"_format_version\":{\"enum\":[\"1.1\",\"2.1\",\"3.0\"]},"
        "\"_transform\":{\"type\":\"boolean\",\"default\":true},"
        "\"_comment\":{\"type\":\"string\"},\"_ignore\":{\"type\":\"array\"}");

    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        gwc_buf_printf(&buf,
                       ",\"%s\":{\"type\":[\"array\",\"null\"],\"items\":{"
                       "\"$ref\":\"#/$defs/%s\"}}",
                       kinds[i].entity, kinds[i].entity);
    }

    gwc_buf_puts(&buf, "},\"$defs\":{");

    for (i = 0; i < n; i++) {
        gwc_buf_printf(&buf, "%s\"%s\":", i ? "," : "", kinds[i].entity);
        gwc_schema_entity(&buf, &kinds[i]);
    }

    gwc_buf_puts(&buf, "}}");
    gwc_buf_add(&buf, "", 1);

    return buf.data;
}
