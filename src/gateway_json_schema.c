
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Schemas are compiled into rules, one for each schema in the schema.  A rule
 * is made once for each place, so that "$ref" may lead in circles.
 */


#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_json_schema_private.h"


/* nesting of a schema */
#define GATEWAY_JSON_SCHEMA_DEPTH  64


typedef struct {
    gateway_json_schema_t        *schema;
    const json_t                 *document;
    gateway_json_schema_error_t  *error;
    unsigned                      depth;
    size_t                        len;       /* of error->place */
} gateway_json_compiler_t;


typedef enum {
    GATEWAY_JSON_IGNORED = 0,
    GATEWAY_JSON_TYPE,
    GATEWAY_JSON_ENUM,
    GATEWAY_JSON_CONST,
    GATEWAY_JSON_BOUND,        /* a number */
    GATEWAY_JSON_COUNT,        /* a whole number, not negative */
    GATEWAY_JSON_EXCLUSIVE,    /* a number, or of draft 4 a boolean */
    GATEWAY_JSON_FLAG,
    GATEWAY_JSON_NULLABLE,
    GATEWAY_JSON_PATTERN,
    GATEWAY_JSON_FORMAT,
    GATEWAY_JSON_RULE,
    GATEWAY_JSON_RULES,
    GATEWAY_JSON_REF,
    GATEWAY_JSON_REQUIRED,
    GATEWAY_JSON_MEMBERS,
    GATEWAY_JSON_PATTERNS,
    GATEWAY_JSON_DEPENDENT,
    GATEWAY_JSON_ITEMS,
    GATEWAY_JSON_ADDITIONAL_ITEMS
} gateway_json_keyword_e;


typedef struct {
    const char               *name;
    gateway_json_keyword_e    kind;
    unsigned                  bit;       /* in the rule's bounds */
    size_t                    offset;    /* in the rule */
} gateway_json_keyword_t;


static gateway_json_rule_t *gateway_json_compile_rule(
    gateway_json_compiler_t *c, const json_t *source);
static int gateway_json_compile_keyword(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const char *name, const json_t *value);
static int gateway_json_compile_type(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_compile_exclusive(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const gateway_json_keyword_t *keyword,
    const json_t *value);
static int gateway_json_compile_pattern(gateway_json_compiler_t *c,
    gateway_regex_t **regex, const char *text, size_t len);
static int gateway_json_compile_list(gateway_json_compiler_t *c,
    gateway_json_rules_t *rules, const json_t *value);
static int gateway_json_compile_ref(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_compile_names(gateway_json_compiler_t *c,
    json_t **names, const json_t *value);
static int gateway_json_compile_members(gateway_json_compiler_t *c,
    gateway_json_members_t *members, const json_t *value,
    gateway_json_keyword_e kind);
static const json_t *gateway_json_find(const json_t *document,
    const char *pointer);
static size_t gateway_json_enter(gateway_json_compiler_t *c,
    const char *name);
static void gateway_json_leave(gateway_json_compiler_t *c, size_t len);
static int gateway_json_refuse(gateway_json_compiler_t *c,
    const char *message);
static void gateway_json_free_members(gateway_json_members_t *members);


#define gateway_json_offset(field)  offsetof(gateway_json_rule_t, field)

static const gateway_json_keyword_t  gateway_json_keywords[] = {

    { "type", GATEWAY_JSON_TYPE, 0, 0 },
    { "enum", GATEWAY_JSON_ENUM, 0, 0 },
    { "const", GATEWAY_JSON_CONST, 0, 0 },
    { "nullable", GATEWAY_JSON_NULLABLE, 0, 0 },

    { "minimum", GATEWAY_JSON_BOUND, GATEWAY_JSON_MINIMUM,
      gateway_json_offset(minimum) },
    { "maximum", GATEWAY_JSON_BOUND, GATEWAY_JSON_MAXIMUM,
      gateway_json_offset(maximum) },
    { "exclusiveMinimum", GATEWAY_JSON_EXCLUSIVE, GATEWAY_JSON_ABOVE,
      gateway_json_offset(above) },
    { "exclusiveMaximum", GATEWAY_JSON_EXCLUSIVE, GATEWAY_JSON_BELOW,
      gateway_json_offset(below) },
    { "multipleOf", GATEWAY_JSON_BOUND, GATEWAY_JSON_MULTIPLE,
      gateway_json_offset(multiple) },

    { "minLength", GATEWAY_JSON_COUNT, GATEWAY_JSON_MIN_LENGTH,
      gateway_json_offset(min_length) },
    { "maxLength", GATEWAY_JSON_COUNT, GATEWAY_JSON_MAX_LENGTH,
      gateway_json_offset(max_length) },
    { "minItems", GATEWAY_JSON_COUNT, GATEWAY_JSON_MIN_ITEMS,
      gateway_json_offset(min_items) },
    { "maxItems", GATEWAY_JSON_COUNT, GATEWAY_JSON_MAX_ITEMS,
      gateway_json_offset(max_items) },
    { "minProperties", GATEWAY_JSON_COUNT, GATEWAY_JSON_MIN_PROPERTIES,
      gateway_json_offset(min_properties) },
    { "maxProperties", GATEWAY_JSON_COUNT, GATEWAY_JSON_MAX_PROPERTIES,
      gateway_json_offset(max_properties) },
    { "minContains", GATEWAY_JSON_COUNT, GATEWAY_JSON_MIN_CONTAINS,
      gateway_json_offset(min_contains) },
    { "maxContains", GATEWAY_JSON_COUNT, GATEWAY_JSON_MAX_CONTAINS,
      gateway_json_offset(max_contains) },
    { "uniqueItems", GATEWAY_JSON_FLAG, 0, gateway_json_offset(unique) },

    { "pattern", GATEWAY_JSON_PATTERN, 0, 0 },
    { "format", GATEWAY_JSON_FORMAT, 0, 0 },

    { "allOf", GATEWAY_JSON_RULES, 0, gateway_json_offset(all) },
    { "anyOf", GATEWAY_JSON_RULES, 0, gateway_json_offset(any) },
    { "oneOf", GATEWAY_JSON_RULES, 0, gateway_json_offset(one) },
    { "not", GATEWAY_JSON_RULE, 0, gateway_json_offset(not) },
    { "if", GATEWAY_JSON_RULE, 0, gateway_json_offset(condition) },
    { "then", GATEWAY_JSON_RULE, 0, gateway_json_offset(then) },
    { "else", GATEWAY_JSON_RULE, 0, gateway_json_offset(otherwise) },
    { "$ref", GATEWAY_JSON_REF, 0, 0 },

    { "required", GATEWAY_JSON_REQUIRED, 0, 0 },
    { "properties", GATEWAY_JSON_MEMBERS, 0, gateway_json_offset(properties) },
    { "patternProperties", GATEWAY_JSON_PATTERNS, 0,
      gateway_json_offset(patterns) },
    { "additionalProperties", GATEWAY_JSON_RULE, 0,
      gateway_json_offset(others) },
    { "propertyNames", GATEWAY_JSON_RULE, 0, gateway_json_offset(names) },
    { "dependencies", GATEWAY_JSON_DEPENDENT, 0,
      gateway_json_offset(dependent) },
    { "dependentRequired", GATEWAY_JSON_DEPENDENT, 0,
      gateway_json_offset(dependent) },
    { "dependentSchemas", GATEWAY_JSON_DEPENDENT, 0,
      gateway_json_offset(dependent) },

    { "items", GATEWAY_JSON_ITEMS, 0, 0 },
    { "prefixItems", GATEWAY_JSON_RULES, 0, gateway_json_offset(prefix) },
    { "additionalItems", GATEWAY_JSON_ADDITIONAL_ITEMS, 0, 0 },
    { "contains", GATEWAY_JSON_RULE, 0, gateway_json_offset(contains) },

    { "$schema", GATEWAY_JSON_IGNORED, 0, 0 },
    { "$id", GATEWAY_JSON_IGNORED, 0, 0 },
    { "id", GATEWAY_JSON_IGNORED, 0, 0 },
    { "$comment", GATEWAY_JSON_IGNORED, 0, 0 },
    { "$defs", GATEWAY_JSON_IGNORED, 0, 0 },
    { "definitions", GATEWAY_JSON_IGNORED, 0, 0 },
    { "title", GATEWAY_JSON_IGNORED, 0, 0 },
    { "description", GATEWAY_JSON_IGNORED, 0, 0 },
    { "default", GATEWAY_JSON_IGNORED, 0, 0 },
    { "example", GATEWAY_JSON_IGNORED, 0, 0 },
    { "examples", GATEWAY_JSON_IGNORED, 0, 0 },
    { "deprecated", GATEWAY_JSON_IGNORED, 0, 0 },
    { "readOnly", GATEWAY_JSON_IGNORED, 0, 0 },
    { "writeOnly", GATEWAY_JSON_IGNORED, 0, 0 },
    { NULL, GATEWAY_JSON_IGNORED, 0, 0 }
};


gateway_json_schema_t *
gateway_json_schema_compile(const json_t *schema,
    gateway_json_schema_error_t *error)
{
    gateway_json_compiler_t  c;

    memset(&c, 0, sizeof(c));
    memset(error, 0, sizeof(gateway_json_schema_error_t));

    c.document = schema;
    c.error = error;
    c.schema = calloc(1, sizeof(gateway_json_schema_t));

    if (c.schema == NULL) {
        (void) gateway_json_refuse(&c, "out of memory");
        return NULL;
    }

    c.schema->root = gateway_json_compile_rule(&c, schema);

    if (c.schema->root == NULL) {
        gateway_json_schema_free(c.schema);
        return NULL;
    }

    return c.schema;
}


/* the rule of this place in the schema, made when it is met first */

static gateway_json_rule_t *
gateway_json_compile_rule(gateway_json_compiler_t *c, const json_t *source)
{
    const char           *name;
    const json_t         *value;
    gateway_json_rule_t  *rule;

    for (rule = c->schema->rules; rule; rule = rule->next) {
        if (rule->source == source && json_is_object(source)) {
            return rule;
        }
    }

    if (!json_is_object(source) && !json_is_boolean(source)) {
        (void) gateway_json_refuse(c, "a schema must be an object, true or "
                                      "false");
        return NULL;
    }

    if (c->depth == GATEWAY_JSON_SCHEMA_DEPTH) {
        (void) gateway_json_refuse(c, "the schema is nested too deeply");
        return NULL;
    }

    rule = calloc(1, sizeof(gateway_json_rule_t));
    if (rule == NULL) {
        (void) gateway_json_refuse(c, "out of memory");
        return NULL;
    }

    rule->source = source;
    rule->next = c->schema->rules;
    c->schema->rules = rule;

    if (json_is_boolean(source)) {
        rule->never = json_is_false(source);
        return rule;
    }

    c->depth++;

    json_object_foreach((json_t *) (uintptr_t) source, name, value) {

        if (gateway_json_compile_keyword(c, rule, name, value) != 0) {
            return NULL;
        }
    }

    c->depth--;

    return rule;
}


static int
gateway_json_compile_keyword(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const char *name, const json_t *value)
{
    int                            rc;
    void                          *field;
    size_t                         len;
    double                         number;
    json_t                        *list;
    const gateway_json_keyword_t  *keyword;

    len = gateway_json_enter(c, name);

    for (keyword = gateway_json_keywords; keyword->name; keyword++) {
        if (strcmp(keyword->name, name) == 0) {
            break;
        }
    }

    if (keyword->name == NULL) {
        return gateway_json_refuse(c, "this keyword is not supported");
    }

    field = (char *) rule + keyword->offset;
    rc = 0;

    switch (keyword->kind) {

    case GATEWAY_JSON_IGNORED:
        break;

    case GATEWAY_JSON_TYPE:
        rc = gateway_json_compile_type(c, rule, value);
        break;

    case GATEWAY_JSON_NULLABLE:

        if (!json_is_boolean(value)) {
            rc = gateway_json_refuse(c, "must be true or false");

        } else if (json_is_true(value)) {
            rule->bounds |= GATEWAY_JSON_OR_NULL;
        }

        break;

    case GATEWAY_JSON_ENUM:
    case GATEWAY_JSON_CONST:

        if (rule->values) {
            rc = gateway_json_refuse(c, "\"enum\" and \"const\" exclude each "
                                        "other");

        } else if (keyword->kind == GATEWAY_JSON_ENUM) {

            if (!json_is_array(value) || json_array_size(value) == 0) {
                rc = gateway_json_refuse(c, "must be an array of values");

            } else {
                rule->values = json_deep_copy(value);
            }

        } else {
            list = json_array();
            rule->values = list;

            if (list) {
                rc = json_array_append_new(list, json_deep_copy(value));
            }
        }

        if (rc == 0 && rule->values == NULL) {
            rc = gateway_json_refuse(c, "out of memory");
        }

        break;

    case GATEWAY_JSON_BOUND:
        number = json_number_value(value);

        if (!json_is_number(value)
            || (keyword->bit == GATEWAY_JSON_MULTIPLE && number <= 0))
        {
            rc = gateway_json_refuse(c,
                                     keyword->bit == GATEWAY_JSON_MULTIPLE
                                     ? "must be a number above 0"
                                     : "must be a number");
            break;
        }

        *(double *) field = number;
        rule->bounds |= keyword->bit;
        break;

    case GATEWAY_JSON_COUNT:
        number = json_number_value(value);

        if (!json_is_number(value) || number < 0 || number > 1e15
            || number != floor(number))
        {
            rc = gateway_json_refuse(c, "must be a whole number");
            break;
        }

        *(uint64_t *) field = (uint64_t) number;
        rule->bounds |= keyword->bit;
        break;

    case GATEWAY_JSON_EXCLUSIVE:
        rc = gateway_json_compile_exclusive(c, rule, keyword, value);
        break;

    case GATEWAY_JSON_FLAG:

        if (!json_is_boolean(value)) {
            rc = gateway_json_refuse(c, "must be true or false");
            break;
        }

        *(int *) field = json_is_true(value);
        break;

    case GATEWAY_JSON_PATTERN:

        if (!json_is_string(value)) {
            rc = gateway_json_refuse(c, "must be a regex");
            break;
        }

        rc = gateway_json_compile_pattern(c, &rule->pattern,
                                          json_string_value(value),
                                          json_string_length(value));
        break;

    case GATEWAY_JSON_FORMAT:

        if (!json_is_string(value)) {
            rc = gateway_json_refuse(c, "must be a string");
            break;
        }

        rule->format = gateway_json_format(json_string_value(value));
        break;

    case GATEWAY_JSON_RULE:
        *(gateway_json_rule_t **) field = gateway_json_compile_rule(c, value);

        if (*(gateway_json_rule_t **) field == NULL) {
            return -1;
        }

        break;

    case GATEWAY_JSON_RULES:
        rc = gateway_json_compile_list(c, field, value);
        break;

    case GATEWAY_JSON_REF:
        rc = gateway_json_compile_ref(c, rule, value);
        break;

    case GATEWAY_JSON_REQUIRED:

        /* of draft 3 it was a boolean of the member */

        rc = gateway_json_compile_names(c, &rule->required, value);
        break;

    case GATEWAY_JSON_MEMBERS:
    case GATEWAY_JSON_PATTERNS:
    case GATEWAY_JSON_DEPENDENT:
        rc = gateway_json_compile_members(c, field, value, keyword->kind);
        break;

    case GATEWAY_JSON_ITEMS:

        if (json_is_array(value)) {
            rc = gateway_json_compile_list(c, &rule->prefix, value);
            break;
        }

        rule->rest = gateway_json_compile_rule(c, value);
        rc = rule->rest ? 0 : -1;
        break;

    case GATEWAY_JSON_ADDITIONAL_ITEMS:

        /* without an array in "items" it means nothing */

        if (!json_is_array(json_object_get(rule->source, "items"))) {
            break;
        }

        rule->rest = gateway_json_compile_rule(c, value);
        rc = rule->rest ? 0 : -1;
        break;
    }

    if (rc == 0) {
        gateway_json_leave(c, len);
    }

    return rc;
}


static int
gateway_json_compile_type(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const json_t *value)
{
    size_t         i, k, n;
    const json_t  *item;

    static const struct {
        const char  *name;
        unsigned     bit;
    } types[] = {
        { "null", GATEWAY_JSON_NULL },
        { "boolean", GATEWAY_JSON_BOOLEAN },
        { "integer", GATEWAY_JSON_INTEGER },
        { "number", GATEWAY_JSON_NUMBER | GATEWAY_JSON_INTEGER },
        { "string", GATEWAY_JSON_STRING },
        { "array", GATEWAY_JSON_ARRAY },
        { "object", GATEWAY_JSON_OBJECT }
    };

    n = json_is_array(value) ? json_array_size(value) : 1;

    for (i = 0; i < n; i++) {
        item = json_is_array(value) ? json_array_get(value, i) : value;

        for (k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
            if (json_is_string(item)
                && strcmp(json_string_value(item), types[k].name) == 0)
            {
                rule->types |= types[k].bit;
                break;
            }
        }

        if (k == sizeof(types) / sizeof(types[0])) {
            break;
        }
    }

    if (i < n || n == 0) {
        return gateway_json_refuse(c, "must be null, boolean, integer, "
                                      "number, string, array or object, or "
                                      "an array of them");
    }

    return 0;
}


/* a boolean makes the bound beside it exclusive, as in draft 4 */

static int
gateway_json_compile_exclusive(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const gateway_json_keyword_t *keyword,
    const json_t *value)
{
    const json_t  *bound;

    if (json_is_false(value)) {
        return 0;
    }

    if (json_is_true(value)) {
        bound = json_object_get(rule->source,
                                keyword->bit == GATEWAY_JSON_ABOVE
                                ? "minimum" : "maximum");
        if (bound == NULL) {
            return gateway_json_refuse(c, "needs the bound beside it");
        }

        value = bound;
    }

    if (!json_is_number(value)) {
        return gateway_json_refuse(c, "must be a number, or true or false");
    }

    *(double *) ((char *) rule + keyword->offset) = json_number_value(value);
    rule->bounds |= keyword->bit;

    return 0;
}


static int
gateway_json_compile_pattern(gateway_json_compiler_t *c,
    gateway_regex_t **regex, const char *text, size_t len)
{
    char           err[GATEWAY_JSON_SCHEMA_MESSAGE];
    gateway_str_t  pattern;

    pattern.data = text;
    pattern.len = len;

    *regex = gateway_regex_compile(&pattern, err, sizeof(err));

    return *regex ? 0 : gateway_json_refuse(c, err);
}


static int
gateway_json_compile_list(gateway_json_compiler_t *c,
    gateway_json_rules_t *rules, const json_t *value)
{
    char    index[24];
    size_t  i, n, len;

    n = json_array_size(value);

    if (n == 0) {
        return gateway_json_refuse(c, "must be an array of schemas");
    }

    if (rules->elts) {
        return gateway_json_refuse(c, "is given twice");
    }

    rules->elts = calloc(n, sizeof(gateway_json_rule_t *));
    if (rules->elts == NULL) {
        return gateway_json_refuse(c, "out of memory");
    }

    for (i = 0; i < n; i++) {
        (void) snprintf(index, sizeof(index), "%lu", (unsigned long) i);
        len = gateway_json_enter(c, index);

        rules->elts[i] = gateway_json_compile_rule(c,
                                                   json_array_get(value, i));
        if (rules->elts[i] == NULL) {
            return -1;
        }

        gateway_json_leave(c, len);
    }

    rules->n = n;

    return 0;
}


static int
gateway_json_compile_ref(gateway_json_compiler_t *c,
    gateway_json_rule_t *rule, const json_t *value)
{
    char           saved[GATEWAY_JSON_SCHEMA_PLACE], part[64];
    size_t         len;
    const char    *text;
    const json_t  *target;

    text = json_string_value(value);

    if (text == NULL || text[0] != '#' || (text[1] != '\0' && text[1] != '/'))
    {
        return gateway_json_refuse(c, "must lead into the same schema, as "
                                      "\"#/definitions/name\"");
    }

    target = gateway_json_find(c->document, text + 1);
    if (target == NULL) {
        return gateway_json_refuse(c, "leads nowhere");
    }

    /* messages about it name the place where it stands */

    len = c->len;
    memcpy(saved, c->error->place, sizeof(saved));
    gateway_json_leave(c, 0);

    for (text++; *text; text += strcspn(text + 1, "/") + 1) {
        (void) snprintf(part, sizeof(part), "%.*s",
                        (int) strcspn(text + 1, "/"), text + 1);
        (void) gateway_json_enter(c, part);
    }

    rule->ref = gateway_json_compile_rule(c, target);
    if (rule->ref == NULL) {
        return -1;
    }

    memcpy(c->error->place, saved, sizeof(saved));
    c->len = len;

    return 0;
}


/* by a JSON pointer (RFC 6901), which starts with "/" or is empty */

static const json_t *
gateway_json_find(const json_t *document, const char *pointer)
{
    char           key[GATEWAY_JSON_SCHEMA_PLACE];
    char          *end;
    size_t         n;
    unsigned long  index;

    while (*pointer && document) {
        pointer++;

        for (n = 0; *pointer && *pointer != '/'; n++) {

            if (n == sizeof(key) - 1) {
                return NULL;
            }

            if (pointer[0] == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            {
                key[n] = pointer[1] == '0' ? '~' : '/';
                pointer += 2;

            } else {
                key[n] = *pointer++;
            }
        }

        key[n] = '\0';

        if (json_is_array(document)) {
            index = strtoul(key, &end, 10);
            document = (n && *end == '\0')
                       ? json_array_get(document, index) : NULL;

        } else {
            document = json_object_get(document, key);
        }
    }

    return document;
}


static int
gateway_json_compile_names(gateway_json_compiler_t *c, json_t **names,
    const json_t *value)
{
    size_t  i;

    if (!json_is_array(value)) {
        return gateway_json_refuse(c, "must be an array of names");
    }

    for (i = 0; i < json_array_size(value); i++) {
        if (!json_is_string(json_array_get(value, i))) {
            return gateway_json_refuse(c, "must be an array of names");
        }
    }

    *names = json_deep_copy(value);

    return *names ? 0 : gateway_json_refuse(c, "out of memory");
}


/* adds to what another keyword has brought */

static int
gateway_json_compile_members(gateway_json_compiler_t *c,
    gateway_json_members_t *members, const json_t *value,
    gateway_json_keyword_e kind)
{
    int                     rc;
    size_t                  len;
    const char             *name;
    const json_t           *item;
    gateway_json_member_t  *member, *elts;

    if (!json_is_object(value)) {
        return gateway_json_refuse(c, "must be an object");
    }

    elts = realloc(members->elts, (members->n + json_object_size(value) + 1)
                                  * sizeof(gateway_json_member_t));
    if (elts == NULL) {
        return gateway_json_refuse(c, "out of memory");
    }

    members->elts = elts;

    json_object_foreach((json_t *) (uintptr_t) value, name, item) {

        len = gateway_json_enter(c, name);

        member = &members->elts[members->n++];
        memset(member, 0, sizeof(gateway_json_member_t));

        member->name = strdup(name);
        if (member->name == NULL) {
            return gateway_json_refuse(c, "out of memory");
        }

        if (kind == GATEWAY_JSON_PATTERNS) {
            rc = gateway_json_compile_pattern(c, &member->pattern, name,
                                              strlen(name));
            if (rc != 0) {
                return rc;
            }
        }

        if (kind == GATEWAY_JSON_DEPENDENT && json_is_array(item)) {
            rc = gateway_json_compile_names(c, &member->names, item);

        } else {
            member->rule = gateway_json_compile_rule(c, item);
            rc = member->rule ? 0 : -1;
        }

        if (rc != 0) {
            return rc;
        }

        gateway_json_leave(c, len);
    }

    return 0;
}


/* the place as far as there is room; the length before, for _leave() */

static size_t
gateway_json_enter(gateway_json_compiler_t *c, const char *name)
{
    int     n;
    size_t  len;

    len = c->len;

    n = snprintf(c->error->place + len, sizeof(c->error->place) - len, "/%s",
                 name);

    c->len = (n < 0 || len + (size_t) n >= sizeof(c->error->place))
             ? sizeof(c->error->place) - 1 : len + (size_t) n;

    return len;
}


static void
gateway_json_leave(gateway_json_compiler_t *c, size_t len)
{
    c->len = len;
    c->error->place[len] = '\0';
}


static int
gateway_json_refuse(gateway_json_compiler_t *c, const char *message)
{
    (void) snprintf(c->error->message, sizeof(c->error->message), "%s",
                    message);
    return -1;
}


void
gateway_json_schema_free(gateway_json_schema_t *schema)
{
    gateway_json_rule_t  *rule, *next;

    for (rule = schema->rules; rule; rule = next) {
        next = rule->next;

        json_decref(rule->values);
        json_decref(rule->required);

        if (rule->pattern) {
            gateway_regex_free(rule->pattern);
        }

        free(rule->all.elts);
        free(rule->any.elts);
        free(rule->one.elts);
        free(rule->prefix.elts);

        gateway_json_free_members(&rule->properties);
        gateway_json_free_members(&rule->patterns);
        gateway_json_free_members(&rule->dependent);

        free(rule);
    }

    free(schema);
}


static void
gateway_json_free_members(gateway_json_members_t *members)
{
    size_t  i;

    for (i = 0; i < members->n; i++) {
        free(members->elts[i].name);
        json_decref(members->elts[i].names);

        if (members->elts[i].pattern) {
            gateway_regex_free(members->elts[i].pattern);
        }
    }

    free(members->elts);
}
