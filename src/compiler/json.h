/*
 * Copyright (C) the ngx_gateway authors
 *
 * JSON to nodes with their places.
 */

#ifndef GWC_JSON_H
#define GWC_JSON_H

#include "yaml.h"

/* NULL after an error, which is in diag */
gwc_node_t *gwc_json_parse(const char *name, const char *data, size_t len);
/* says nothing in diag */
bool gwc_json_valid(const char *data, size_t len);
/* adds text as a JSON string with its quotes */
void gwc_json_add_string(gwc_buf_t *buf, gwc_text_t text);

#endif
