/*
 * Copyright (C) the ngx_gateway authors
 *
 * Nodes to typed structs by field tables.
 */

#ifndef GWC_SCHEMA_H
#define GWC_SCHEMA_H

#include "rule.h"

/* what a map may hold */
typedef struct {
    const gwc_field_t *tables[3]; /* NULL-terminated tables, or NULL */
    /* keys that the caller deals with, NULL-terminated, or NULL */
    const char *const *others;
    /* keys to refuse as belonging to Kong Enterprise, or NULL */
    const char *const *enterprise;
} gwc_schema_t;

/* a reference that was read and waits to be resolved */
typedef struct {
    gwc_ref_t *ref;
    const gwc_field_t *field;
} gwc_pending_t;

/*
 * Fills record, which starts with a gwc_record_t and is zeroed; node NULL
 * means all defaults.  False after errors, which are in diag.
 */
bool gwc_schema_read(const gwc_schema_t *schema, void *record,
                     const gwc_node_t *node);
/* one value; flags are those inherited from fields around it */
bool gwc_schema_value(const gwc_field_t *field, void *value,
                      const gwc_node_t *node, unsigned flags);
/* the references read since the start: gwc_pending_t */
gwc_vec_t *gwc_schema_pending(void);
/* forgets references and defaults: the arena is about to be freed */
void gwc_schema_reset(void);

/* the field of that name in the tables, or NULL */
const gwc_field_t *gwc_schema_find(const gwc_schema_t *schema,
                                   gwc_text_t name);
/* bytes of a value of the field */
size_t gwc_schema_size(const gwc_field_t *field);

/* the value in quotes for messages; a secret's is not shown */
const char *gwc_shown(const gwc_field_t *field, const gwc_str_t *value);
/* any text in quotes, made printable and cut */
const char *gwc_quoted(gwc_text_t text);
/* the same, in single ones */
const char *gwc_quoted_once(gwc_text_t text);

#endif
