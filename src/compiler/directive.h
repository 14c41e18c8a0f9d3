/*
 * Copyright (C) the ngx_gateway authors
 *
 * nginx's own directives as their author wrote them.
 */

#ifndef GWC_DIRECTIVE_H
#define GWC_DIRECTIVE_H

#include "arena.h"
#include "yaml.h"

typedef struct {
    const gwc_node_t *node; /* where it stands */
    const char *name;
    const char *args;   /* in nginx's syntax, separated by one space */
    gwc_vec_t words;    /* char *: args without quotes and escapes */
    bool block;         /* "{ ... }" ends it instead of ";" */
    gwc_vec_t children; /* gwc_directive_t, of the block */
} gwc_directive_t;

/*
 * Reads directives the way nginx does and appends them to list.  text is
 * what node holds, decoded.  last: the last one needs no ";".  False after
 * an error, which is in diag.
 */
bool gwc_directives_parse(gwc_vec_t *list, const gwc_node_t *node,
                          gwc_text_t text, bool last);

/* some directive of the list has that name */
bool gwc_directives_have(const gwc_vec_t *list, const char *name);

/* all of it, for comparing; args in one line */
void gwc_directives_text(gwc_buf_t *buf, const gwc_vec_t *list);

#endif
