
/*
 * Copyright (C) the ngx_gateway authors
 *
 * JSON Schema, in plain C: the tool checks schemas with the code that
 * validates bodies.  Of drafts 4 to 2020-12 these keywords work:
 *
 *     type  enum  const  allOf  anyOf  oneOf  not  if  then  else  $ref
 *     properties  patternProperties  additionalProperties  required
 *     propertyNames  minProperties  maxProperties  dependentRequired
 *     dependentSchemas  dependencies  items  prefixItems  additionalItems
 *     contains  minContains  maxContains  minItems  maxItems  uniqueItems
 *     minimum  maximum  exclusiveMinimum  exclusiveMaximum  multipleOf
 *     minLength  maxLength  pattern  format  nullable
 *
 * $ref leads to places in the same schema only ("#/definitions/a").  Formats
 * that are checked: date-time, date, time, email, hostname, ipv4, ipv6, uri,
 * uuid.  Titles, descriptions, defaults, examples and the like are passed
 * over; any other keyword is an error, since it would not be obeyed.
 */


#ifndef _GATEWAY_JSON_SCHEMA_H_INCLUDED_
#define _GATEWAY_JSON_SCHEMA_H_INCLUDED_


#include <jansson.h>

#include <stddef.h>


/* bytes of a place in a document, a JSON pointer (RFC 6901); cut if longer */
#define GATEWAY_JSON_SCHEMA_PLACE    256

#define GATEWAY_JSON_SCHEMA_MESSAGE  256


typedef struct gateway_json_schema_s  gateway_json_schema_t;


typedef struct {
    char                      place[GATEWAY_JSON_SCHEMA_PLACE];
    char                      message[GATEWAY_JSON_SCHEMA_MESSAGE];
} gateway_json_schema_error_t;


/*
 * Compiles a schema, a boolean or an object; it is not needed afterwards.
 * NULL: error says what is wrong and where in the schema.  To be freed by
 * gateway_json_schema_free().
 */
gateway_json_schema_t *gateway_json_schema_compile(const json_t *schema,
    gateway_json_schema_error_t *error);

void gateway_json_schema_free(gateway_json_schema_t *schema);

/*
 * 1: the value is valid; 0: it is not, and error says why and where in the
 * value.  Texts of the value do not stand in messages.  What would take too
 * long to find out is not valid.
 */
int gateway_json_schema_validate(const gateway_json_schema_t *schema,
    const json_t *value, gateway_json_schema_error_t *error);


#endif /* _GATEWAY_JSON_SCHEMA_H_INCLUDED_ */
