/*
 * Copyright (C) the ngx_gateway authors
 *
 * See field_schema.h.
 */

#include "field_schema.h"

#include "diag.h"
#include "gateway_json_schema.h"

enum {
    /* bytes of a piece: nginx reads no argument of 4096 */
    GWC_SCHEMA_PIECE = 2000
};


json_t *
gwc_json_schema_parse(const gwc_str_t *text)
{
    json_error_t error;
    json_t *json =
        json_loadb(text->v.data, text->v.len,
                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

    if (json == NULL) {
        gwc_error(text->node, "invalid JSON: %s (line %d, column %d of it)",
                  error.text, error.line, error.column);
    }

    return json;
}


bool
gwc_json_schema_compiles(const gwc_node_t *node, const json_t *json)
{
    gateway_json_schema_error_t error;
    gateway_json_schema_t *schema = gateway_json_schema_compile(json, &error);

    if (schema == NULL) {
        gwc_error(node, "invalid schema: at \"%s\": %s", error.place,
                  error.message);
        return false;
    }

    gateway_json_schema_free(schema);
    return true;
}


void
gwc_json_schema_emit(gwc_writer_t *w, const char *name, gwc_text_t text)
{
    size_t i;

    for (i = 0; i < text.len; i += GWC_SCHEMA_PIECE) {
        gwc_text_t piece = { text.data + i, text.len - i };

        if (piece.len > GWC_SCHEMA_PIECE) {
            piece.len = GWC_SCHEMA_PIECE;
        }

        gwc_param(w, name, piece);
    }
}
