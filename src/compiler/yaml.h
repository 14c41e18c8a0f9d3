/*
 * Copyright (C) the ngx_gateway authors
 *
 * Bytes to nodes with their places.  YAML 1.1 scalars as Kong's loader
 * reads them; JSON too.  Knows nothing of gateways.
 */

#ifndef GWC_YAML_H
#define GWC_YAML_H

#include "arena.h"

typedef enum {
    GWC_NODE_NULL,
    GWC_NODE_BOOL,
    GWC_NODE_INT,
    GWC_NODE_FLOAT,
    GWC_NODE_STRING,
    GWC_NODE_SEQ,
    GWC_NODE_MAP
} gwc_node_kind_t;

typedef struct gwc_node_s gwc_node_t;

struct gwc_node_s {
    gwc_node_kind_t kind;
    const char *file;
    unsigned line;   /* from 1 */
    unsigned column; /* from 1 */

    gwc_text_t text; /* scalars: as written; strings: the value */
    bool boolean;
    bool quoted;
    bool literal; /* "|": its lines are those below line */
    int64_t integer;
    double number; /* GWC_NODE_INT too */

    gwc_node_t **items; /* GWC_NODE_SEQ elements, GWC_NODE_MAP values */
    gwc_node_t **keys;  /* GWC_NODE_MAP: GWC_NODE_STRING nodes */
    size_t n;

    const gwc_node_t *parent; /* of the first place it is used at */
    const gwc_node_t *key;    /* its key in parent, or NULL */
    size_t index;             /* its position in parent */
};

/* Reads a file; errors go to diag; NULL when unusable.  "-" is stdin. */
gwc_node_t *gwc_yaml_read(const char *path);
/* the same from memory; json: read as JSON */
gwc_node_t *gwc_yaml_parse(const char *name, const char *data, size_t len,
                           bool json);
/* gwc_yaml_read() in two steps, for who needs the bytes too; false after an
   error.  The kind of file is told by the suffix of path. */
bool gwc_file_read(const char *path, gwc_text_t *bytes);
gwc_node_t *gwc_yaml_parse_file(const char *path, gwc_text_t bytes);
/* NULL when absent */
gwc_node_t *gwc_node_get(const gwc_node_t *map, const char *key);
/* "services[2].routes[0].paths[1]"; positions from 0 */
const char *gwc_node_path(const gwc_node_t *node);
/* "a string", "a map", ... for messages */
const char *gwc_node_kind_name(const gwc_node_t *node);

#endif
