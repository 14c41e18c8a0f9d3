
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of JSON Schema share: schemas as they are compiled.
 */


#ifndef _GATEWAY_JSON_SCHEMA_PRIVATE_H_INCLUDED_
#define _GATEWAY_JSON_SCHEMA_PRIVATE_H_INCLUDED_


#include "gateway_json_schema.h"
#include "gateway_regex.h"

#include <stdint.h>


/* types; bits.  Integers are numbers too */
#define GATEWAY_JSON_NULL      0x01
#define GATEWAY_JSON_BOOLEAN   0x02
#define GATEWAY_JSON_INTEGER   0x04
#define GATEWAY_JSON_NUMBER    0x08
#define GATEWAY_JSON_STRING    0x10
#define GATEWAY_JSON_ARRAY     0x20
#define GATEWAY_JSON_OBJECT    0x40

/* which of the bounds are given; bits */
#define GATEWAY_JSON_MINIMUM         0x0001
#define GATEWAY_JSON_MAXIMUM         0x0002
#define GATEWAY_JSON_ABOVE           0x0004
#define GATEWAY_JSON_BELOW           0x0008
#define GATEWAY_JSON_MULTIPLE        0x0010
#define GATEWAY_JSON_MIN_LENGTH      0x0020
#define GATEWAY_JSON_MAX_LENGTH      0x0040
#define GATEWAY_JSON_MIN_ITEMS       0x0080
#define GATEWAY_JSON_MAX_ITEMS       0x0100
#define GATEWAY_JSON_MIN_PROPERTIES  0x0200
#define GATEWAY_JSON_MAX_PROPERTIES  0x0400
#define GATEWAY_JSON_MIN_CONTAINS    0x0800
#define GATEWAY_JSON_MAX_CONTAINS    0x1000
#define GATEWAY_JSON_OR_NULL         0x2000    /* nullable */


typedef struct gateway_json_rule_s  gateway_json_rule_t;


/* a name, or a pattern of names, and what holds for its value */
typedef struct {
    char                     *name;
    gateway_regex_t          *pattern;
    gateway_json_rule_t      *rule;      /* NULL: see the list */
    json_t                   *names;     /* of dependentRequired: an array */
} gateway_json_member_t;

typedef struct {
    size_t                    n;
    gateway_json_member_t    *elts;
} gateway_json_members_t;

typedef struct {
    size_t                    n;
    gateway_json_rule_t     **elts;
} gateway_json_rules_t;


typedef int (*gateway_json_format_pt)(const char *text, size_t len);


/* one schema; what is NULL or zero was not given */
struct gateway_json_rule_s {
    const json_t             *source;    /* while it is compiled */
    gateway_json_rule_t      *next;      /* of all of the schema */

    int                       never;     /* the schema "false" */
    unsigned                  types;     /* bits; 0: any */
    unsigned                  bounds;    /* bits of what follows */
    double                    minimum;
    double                    maximum;
    double                    above;
    double                    below;
    double                    multiple;
    uint64_t                  min_length;
    uint64_t                  max_length;
    uint64_t                  min_items;
    uint64_t                  max_items;
    uint64_t                  min_properties;
    uint64_t                  max_properties;
    uint64_t                  min_contains;
    uint64_t                  max_contains;
    int                       unique;

    json_t                   *values;    /* of enum and const: an array */
    gateway_regex_t          *pattern;
    gateway_json_format_pt    format;

    gateway_json_rules_t      all;
    gateway_json_rules_t      any;
    gateway_json_rules_t      one;
    gateway_json_rule_t      *not;
    gateway_json_rule_t      *condition;
    gateway_json_rule_t      *then;
    gateway_json_rule_t      *otherwise;
    gateway_json_rule_t      *ref;

    json_t                   *required;  /* an array of texts */
    gateway_json_members_t    properties;
    gateway_json_members_t    patterns;
    gateway_json_members_t    dependent; /* names or rule */
    gateway_json_rule_t      *names;     /* propertyNames */
    gateway_json_rule_t      *others;    /* additionalProperties */

    gateway_json_rules_t      prefix;    /* of the first elements */
    gateway_json_rule_t      *rest;      /* of the elements behind them */
    gateway_json_rule_t      *contains;
};


struct gateway_json_schema_s {
    gateway_json_rule_t      *root;
    gateway_json_rule_t      *rules;     /* all of them */
};


/* NULL: it is not checked */
gateway_json_format_pt gateway_json_format(const char *name);


#endif /* _GATEWAY_JSON_SCHEMA_PRIVATE_H_INCLUDED_ */
