/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the rules of the logging plugins have in common.
 */

#include "custom_fields.h"
#include "diag.h"
#include "gateway_custom_field.h"

static void gwc_check_custom_field(const gwc_field_t *field, void *value);

const gwc_field_t gwc_custom_fields_elem = {
    .type = GWC_STRING,
    .offset = offsetof(gwc_pair_t, value),
    .check = gwc_check_custom_field,
};


static void
gwc_check_custom_field(const gwc_field_t *field, void *value)
{
    const gwc_str_t *source = value;
    gateway_custom_field_t parsed;
    const char *message;

    (void) field;

    message =
        gateway_custom_field_parse(&parsed, source->v.data, source->v.len);

    if (message != NULL) {
        gwc_error(source->node, "%s", message);
    }
}
