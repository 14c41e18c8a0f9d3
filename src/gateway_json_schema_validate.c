
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Values are looked at from the outside to the inside; the first thing that
 * is wrong ends it.
 */


#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_json_schema_private.h"


/* nesting of rules in rules, which "$ref" may lead in circles */
#define GATEWAY_JSON_VALIDATE_DEPTH  512

/* rules that are applied to one value and what is in it */
#define GATEWAY_JSON_VALIDATE_STEPS  1000000


typedef struct {
    gateway_json_schema_error_t  *error;
    size_t                        len;       /* of error->place */
    unsigned                      depth;
    unsigned                      steps;
    int                           ended;     /* it takes too long */
} gateway_json_validator_t;


static int gateway_json_validate_rule(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_validate_any(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_validate_logic(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_validate_number(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_validate_string(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const char *text, size_t len);
static int gateway_json_validate_array(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_validate_contains(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_validate_object(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_validate_member(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const char *name, const json_t *value);
static int gateway_json_validate_dependent(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_try(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value);
static int gateway_json_names(gateway_json_validator_t *v,
    const json_t *names, const json_t *value);
static unsigned gateway_json_type(const json_t *value);
static int gateway_json_equal(const json_t *a, const json_t *b);
static int gateway_json_unique(gateway_json_validator_t *v,
    const json_t *array);
static size_t gateway_json_characters(const char *text, size_t len);
static size_t gateway_json_down(gateway_json_validator_t *v,
    const char *name);
static void gateway_json_up(gateway_json_validator_t *v, size_t len);
static int gateway_json_invalid(gateway_json_validator_t *v,
    const char *fmt, ...) __attribute__((format(printf, 2, 3)));


int
gateway_json_schema_validate(const gateway_json_schema_t *schema,
    const json_t *value, gateway_json_schema_error_t *error)
{
    gateway_json_validator_t  v;

    memset(&v, 0, sizeof(v));
    v.error = error;
    error->place[0] = '\0';
    error->message[0] = '\0';

    return gateway_json_validate_rule(&v, schema->root, value);
}


static int
gateway_json_validate_rule(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    int  valid;

    if (v->ended
        || v->depth == GATEWAY_JSON_VALIDATE_DEPTH
        || v->steps == GATEWAY_JSON_VALIDATE_STEPS)
    {
        v->ended = 1;
        return gateway_json_invalid(v, "takes too long to validate");
    }

    v->depth++;
    v->steps++;

    valid = gateway_json_validate_any(v, rule, value)
            && gateway_json_validate_logic(v, rule, value);

    if (valid) {
        switch (json_typeof(value)) {

        case JSON_INTEGER:
        case JSON_REAL:
            valid = gateway_json_validate_number(v, rule, value);
            break;

        case JSON_STRING:
            valid = gateway_json_validate_string(v, rule,
                                                 json_string_value(value),
                                                 json_string_length(value));
            break;

        case JSON_ARRAY:
            valid = gateway_json_validate_array(v, rule, value);
            break;

        case JSON_OBJECT:
            valid = gateway_json_validate_object(v, rule, value);
            break;

        case JSON_TRUE:
        case JSON_FALSE:
        case JSON_NULL:
            break;
        }
    }

    v->depth--;

    return valid;
}


/* what holds for values of all types */

static int
gateway_json_validate_any(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    size_t    i, n;
    unsigned  type;

    if (rule->never) {
        return gateway_json_invalid(v, "is not allowed");
    }

    type = gateway_json_type(value);

    if (type == GATEWAY_JSON_NULL && (rule->bounds & GATEWAY_JSON_OR_NULL)) {
        return 1;
    }

    if (rule->types && !(rule->types & type)) {
        return gateway_json_invalid(v, "has the wrong type");
    }

    if (rule->values == NULL) {
        return 1;
    }

    n = json_array_size(rule->values);

    for (i = 0; i < n; i++) {
        if (gateway_json_equal(json_array_get(rule->values, i), value)) {
            return 1;
        }
    }

    return gateway_json_invalid(v, n == 1 ? "is not the one allowed value"
                                          : "is not one of the allowed "
                                            "values");
}


static int
gateway_json_validate_logic(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    size_t                      i, n;
    const gateway_json_rule_t  *next;

    if (rule->ref && !gateway_json_validate_rule(v, rule->ref, value)) {
        return 0;
    }

    for (i = 0; i < rule->all.n; i++) {
        if (!gateway_json_validate_rule(v, rule->all.elts[i], value)) {
            return 0;
        }
    }

    for (i = 0; i < rule->any.n; i++) {
        if (gateway_json_try(v, rule->any.elts[i], value)) {
            break;
        }
    }

    if (i == rule->any.n && i > 0) {
        return gateway_json_invalid(v, "matches none of \"anyOf\"");
    }

    n = 0;

    for (i = 0; i < rule->one.n; i++) {
        n += gateway_json_try(v, rule->one.elts[i], value) ? 1 : 0;
    }

    if (rule->one.n && n != 1) {
        return gateway_json_invalid(v, n ? "matches more than one of "
                                           "\"oneOf\""
                                         : "matches none of \"oneOf\"");
    }

    if (rule->not && gateway_json_try(v, rule->not, value)) {
        return gateway_json_invalid(v, "matches what \"not\" excludes");
    }

    /* whether something is not true could not be found out either */

    if (v->ended) {
        return gateway_json_invalid(v, "takes too long to validate");
    }

    if (rule->condition) {
        next = gateway_json_try(v, rule->condition, value)
               ? rule->then : rule->otherwise;

        if (next && !gateway_json_validate_rule(v, next, value)) {
            return 0;
        }
    }

    return 1;
}


static int
gateway_json_validate_number(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    double  number, quotient;

    number = json_number_value(value);

    if ((rule->bounds & GATEWAY_JSON_MINIMUM) && number < rule->minimum) {
        return gateway_json_invalid(v, "is less than %.15g", rule->minimum);
    }

    if ((rule->bounds & GATEWAY_JSON_MAXIMUM) && number > rule->maximum) {
        return gateway_json_invalid(v, "is more than %.15g", rule->maximum);
    }

    if ((rule->bounds & GATEWAY_JSON_ABOVE) && number <= rule->above) {
        return gateway_json_invalid(v, "is not more than %.15g", rule->above);
    }

    if ((rule->bounds & GATEWAY_JSON_BELOW) && number >= rule->below) {
        return gateway_json_invalid(v, "is not less than %.15g", rule->below);
    }

    if (rule->bounds & GATEWAY_JSON_MULTIPLE) {
        quotient = number / rule->multiple;

        /* 0.3 is a multiple of 0.1, though not of what a double makes of it */

        if (fabs(quotient - round(quotient)) > 1e-9 * fmax(1, fabs(quotient)))
        {
            return gateway_json_invalid(v, "is not a multiple of %.15g",
                                        rule->multiple);
        }
    }

    return 1;
}


static int
gateway_json_validate_string(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const char *text, size_t len)
{
    size_t         n, start, end;
    gateway_str_t  str;

    if (rule->bounds & (GATEWAY_JSON_MIN_LENGTH | GATEWAY_JSON_MAX_LENGTH)) {
        n = gateway_json_characters(text, len);

        if ((rule->bounds & GATEWAY_JSON_MIN_LENGTH) && n < rule->min_length)
        {
            return gateway_json_invalid(v, "has fewer than %llu characters",
                                        (unsigned long long)
                                            rule->min_length);
        }

        if ((rule->bounds & GATEWAY_JSON_MAX_LENGTH) && n > rule->max_length)
        {
            return gateway_json_invalid(v, "has more than %llu characters",
                                        (unsigned long long)
                                            rule->max_length);
        }
    }

    if (rule->pattern) {
        str.data = text;
        str.len = len;

        if (gateway_regex_match(rule->pattern, &str, 0, &start, &end) != 1) {
            return gateway_json_invalid(v, "does not match the pattern");
        }
    }

    if (rule->format && !rule->format(text, len)) {
        return gateway_json_invalid(v, "does not have the right format");
    }

    return 1;
}


static int
gateway_json_validate_array(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    char                        index[24];
    size_t                      i, n, len;
    const gateway_json_rule_t  *item;

    n = json_array_size(value);

    if ((rule->bounds & GATEWAY_JSON_MIN_ITEMS) && n < rule->min_items) {
        return gateway_json_invalid(v, "has fewer than %llu items",
                                    (unsigned long long) rule->min_items);
    }

    if ((rule->bounds & GATEWAY_JSON_MAX_ITEMS) && n > rule->max_items) {
        return gateway_json_invalid(v, "has more than %llu items",
                                    (unsigned long long) rule->max_items);
    }

    if (rule->unique && !gateway_json_unique(v, value)) {
        return gateway_json_invalid(v, v->ended
                                       ? "takes too long to validate"
                                       : "has an item twice");
    }

    for (i = 0; i < n && (rule->rest || i < rule->prefix.n); i++) {
        item = i < rule->prefix.n ? rule->prefix.elts[i] : rule->rest;

        (void) snprintf(index, sizeof(index), "%lu", (unsigned long) i);
        len = gateway_json_down(v, index);

        if (!gateway_json_validate_rule(v, item, json_array_get(value, i))) {
            return 0;
        }

        gateway_json_up(v, len);
    }

    return rule->contains == NULL
           || gateway_json_validate_contains(v, rule, value);
}


static int
gateway_json_validate_contains(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    size_t    i, n;
    uint64_t  found, least;

    n = json_array_size(value);
    least = (rule->bounds & GATEWAY_JSON_MIN_CONTAINS)
            ? rule->min_contains : 1;
    found = 0;

    for (i = 0; i < n; i++) {
        if (gateway_json_try(v, rule->contains, json_array_get(value, i))) {
            found++;
        }
    }

    if (found < least) {
        return gateway_json_invalid(v, "has too few items that \"contains\" "
                                       "asks for");
    }

    if ((rule->bounds & GATEWAY_JSON_MAX_CONTAINS)
        && found > rule->max_contains)
    {
        return gateway_json_invalid(v, "has too many items that \"contains\" "
                                       "asks for");
    }

    return 1;
}


static int
gateway_json_validate_object(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    size_t         n, len;
    json_t        *text;
    const char    *name;
    const json_t  *member;

    n = json_object_size(value);

    if ((rule->bounds & GATEWAY_JSON_MIN_PROPERTIES)
        && n < rule->min_properties)
    {
        return gateway_json_invalid(v, "has fewer than %llu members",
                                    (unsigned long long)
                                        rule->min_properties);
    }

    if ((rule->bounds & GATEWAY_JSON_MAX_PROPERTIES)
        && n > rule->max_properties)
    {
        return gateway_json_invalid(v, "has more than %llu members",
                                    (unsigned long long)
                                        rule->max_properties);
    }

    if (rule->required && !gateway_json_names(v, rule->required, value)) {
        return 0;
    }

    if (rule->dependent.n && !gateway_json_validate_dependent(v, rule, value))
    {
        return 0;
    }

    if (rule->properties.n == 0 && rule->patterns.n == 0
        && rule->others == NULL && rule->names == NULL)
    {
        return 1;
    }

    json_object_foreach((json_t *) (uintptr_t) value, name, member) {

        len = gateway_json_down(v, name);

        if (rule->names) {
            text = json_string(name);

            if (text == NULL || !gateway_json_try(v, rule->names, text)) {
                json_decref(text);
                return gateway_json_invalid(v, "has a name that is not "
                                               "allowed");
            }

            json_decref(text);
        }

        if (!gateway_json_validate_member(v, rule, name, member)) {
            return 0;
        }

        gateway_json_up(v, len);
    }

    return 1;
}


static int
gateway_json_validate_member(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const char *name, const json_t *value)
{
    int            rc, known;
    size_t         i, start, end;
    gateway_str_t  text;

    known = 0;

    for (i = 0; i < rule->properties.n; i++) {

        if (strcmp(rule->properties.elts[i].name, name) == 0) {
            known = 1;

            if (!gateway_json_validate_rule(v, rule->properties.elts[i].rule,
                                            value))
            {
                return 0;
            }

            break;
        }
    }

    text.data = name;
    text.len = strlen(name);

    for (i = 0; i < rule->patterns.n; i++) {

        rc = gateway_regex_match(rule->patterns.elts[i].pattern, &text, 0,
                                 &start, &end);
        if (rc == 0) {
            continue;
        }

        known = 1;

        if (rc < 0
            || !gateway_json_validate_rule(v, rule->patterns.elts[i].rule,
                                           value))
        {
            return rc < 0 ? gateway_json_invalid(v, "takes too long to "
                                                    "validate")
                          : 0;
        }
    }

    return known || rule->others == NULL
           || gateway_json_validate_rule(v, rule->others, value);
}


static int
gateway_json_validate_dependent(gateway_json_validator_t *v,
    const gateway_json_rule_t *rule, const json_t *value)
{
    size_t                        i;
    const gateway_json_member_t  *member;

    for (i = 0; i < rule->dependent.n; i++) {

        member = &rule->dependent.elts[i];

        if (json_object_get(value, member->name) == NULL) {
            continue;
        }

        if (member->names ? !gateway_json_names(v, member->names, value)
                          : !gateway_json_validate_rule(v, member->rule,
                                                        value))
        {
            return 0;
        }
    }

    return 1;
}


/* leaves no message */

static int
gateway_json_try(gateway_json_validator_t *v, const gateway_json_rule_t *rule,
    const json_t *value)
{
    int       valid;
    size_t    len;
    unsigned  depth;

    len = v->len;
    depth = v->depth;

    valid = gateway_json_validate_rule(v, rule, value);

    v->depth = depth;
    gateway_json_up(v, len);

    return valid;
}


static int
gateway_json_names(gateway_json_validator_t *v, const json_t *names,
    const json_t *value)
{
    size_t       i;
    const char  *name;

    for (i = 0; i < json_array_size(names); i++) {
        name = json_string_value(json_array_get(names, i));

        if (json_object_get(value, name) == NULL) {

            /* the name is the schema's, not the client's */

            return gateway_json_invalid(v, "lacks the member \"%.100s\"",
                                        name);
        }
    }

    return 1;
}


static unsigned
gateway_json_type(const json_t *value)
{
    double  number;

    switch (json_typeof(value)) {

    case JSON_NULL:
        return GATEWAY_JSON_NULL;

    case JSON_TRUE:
    case JSON_FALSE:
        return GATEWAY_JSON_BOOLEAN;

    case JSON_INTEGER:
        return GATEWAY_JSON_INTEGER;

    case JSON_REAL:
        number = json_real_value(value);
        return number == floor(number) ? GATEWAY_JSON_INTEGER
                                       : GATEWAY_JSON_NUMBER;

    case JSON_STRING:
        return GATEWAY_JSON_STRING;

    case JSON_ARRAY:
        return GATEWAY_JSON_ARRAY;

    case JSON_OBJECT:
        return GATEWAY_JSON_OBJECT;
    }

    return 0;
}


/* 1 and 1.0 are the same number, inside of arrays and objects too */

static int
gateway_json_equal(const json_t *a, const json_t *b)
{
    size_t         i;
    const char    *name;
    const json_t  *member, *other;

    if (json_is_number(a) && json_is_number(b)) {
        return json_is_integer(a) && json_is_integer(b)
               ? json_integer_value(a) == json_integer_value(b)
               : json_number_value(a) == json_number_value(b);
    }

    if (json_typeof(a) != json_typeof(b)) {
        return 0;
    }

    if (json_is_array(a)) {

        if (json_array_size(a) != json_array_size(b)) {
            return 0;
        }

        for (i = 0; i < json_array_size(a); i++) {
            if (!gateway_json_equal(json_array_get(a, i),
                                    json_array_get(b, i)))
            {
                return 0;
            }
        }

        return 1;
    }

    if (json_is_object(a)) {

        if (json_object_size(a) != json_object_size(b)) {
            return 0;
        }

        json_object_foreach((json_t *) (uintptr_t) a, name, member) {
            other = json_object_get(b, name);

            if (other == NULL || !gateway_json_equal(member, other)) {
                return 0;
            }
        }

        return 1;
    }

    return json_equal(a, b);
}


static int
gateway_json_unique(gateway_json_validator_t *v, const json_t *array)
{
    size_t  i, k, n;

    n = json_array_size(array);

    for (i = 1; i < n; i++) {
        for (k = 0; k < i; k++) {

            if (v->steps == GATEWAY_JSON_VALIDATE_STEPS) {
                v->ended = 1;
                return 0;
            }

            v->steps++;

            if (gateway_json_equal(json_array_get(array, i),
                                   json_array_get(array, k)))
            {
                return 0;
            }
        }
    }

    return 1;
}


/* of UTF-8, which the parser has checked */

static size_t
gateway_json_characters(const char *text, size_t len)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        n += ((unsigned char) text[i] & 0xc0) != 0x80;
    }

    return n;
}


/* names are the client's: "~" and "/" are escaped, as RFC 6901 has it */

static size_t
gateway_json_down(gateway_json_validator_t *v, const char *name)
{
    char    *place;
    size_t   len, n, room;

    place = v->error->place;
    room = sizeof(v->error->place) - 1;
    len = v->len;
    n = len;

    if (n < room) {
        place[n++] = '/';
    }

    for ( /* void */ ; *name && n < room; name++) {

        if ((*name == '~' || *name == '/') && n + 1 < room) {
            place[n++] = '~';
            place[n++] = *name == '~' ? '0' : '1';

        } else {
            place[n++] = *name;
        }
    }

    place[n] = '\0';
    v->len = n;

    return len;
}


static void
gateway_json_up(gateway_json_validator_t *v, size_t len)
{
    v->len = len;
    v->error->place[len] = '\0';
}


static int
gateway_json_invalid(gateway_json_validator_t *v, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(v->error->message, sizeof(v->error->message), fmt, args);
    va_end(args);

    return 0;
}
