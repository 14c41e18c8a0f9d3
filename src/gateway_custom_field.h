
/*
 * Copyright (C) the ngx_gateway authors
 *
 * "custom_fields_by_lua": the few forms of Lua that fields of the log record
 * are made of, in plain C for the nginx modules and the tool.  Nothing is
 * run; what is not one of the forms is an error.
 */


#ifndef _GATEWAY_CUSTOM_FIELD_H_INCLUDED_
#define _GATEWAY_CUSTOM_FIELD_H_INCLUDED_


#include <stddef.h>


typedef enum {
    GATEWAY_CUSTOM_FIELD_NIL = 0,          /* return nil */
    GATEWAY_CUSTOM_FIELD_LITERAL,          /* return "text" */
    GATEWAY_CUSTOM_FIELD_REQUEST_HEADER,   /* return kong....("name") */
    GATEWAY_CUSTOM_FIELD_QUERY_ARG,
    GATEWAY_CUSTOM_FIELD_RESPONSE_HEADER
} gateway_custom_field_kind_e;


typedef struct {
    gateway_custom_field_kind_e   kind;
    const char                   *text;    /* between the quotes, as written */
    size_t                        len;
} gateway_custom_field_t;


/* NULL, or a phrase that tells what is wrong */
const char *gateway_custom_field_parse(gateway_custom_field_t *field,
    const char *source, size_t len);

/* writes the text without escapes, at most field->len bytes; its length */
size_t gateway_custom_field_text(const gateway_custom_field_t *field,
    char *dst);


#endif /* _GATEWAY_CUSTOM_FIELD_H_INCLUDED_ */
