/*
 * Copyright (C) the ngx_gateway authors
 *
 * JSON Schemas in fields of plugins.
 */

#ifndef GWC_FIELD_SCHEMA_H
#define GWC_FIELD_SCHEMA_H

#include <jansson.h>

#include "rule.h"

/* a field with JSON text; NULL after a message */
json_t *gwc_json_schema_parse(const gwc_str_t *text);

/* the schema is good as it is; false after a message */
bool gwc_json_schema_compiles(const gwc_node_t *node, const json_t *json);

/* as parameter of that name, in pieces, which the module joins */
void gwc_json_schema_emit(gwc_writer_t *w, const char *name, gwc_text_t text);

#endif
