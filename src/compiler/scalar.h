/*
 * Copyright (C) the ngx_gateway authors
 *
 * What a plain scalar of YAML 1.1 is.
 */

#ifndef GWC_SCALAR_H
#define GWC_SCALAR_H

#include "yaml.h"

/* sets kind and value of a node by its text; others stay strings */
void gwc_scalar_resolve(gwc_node_t *node);
/* a decimal number as JSON writes it; false if the text is none */
bool gwc_scalar_number(gwc_node_t *node);
/* bytes of the UTF-8 character at s < end, 0 when it is none */
size_t gwc_utf8_len(const char *s, const char *end);

#endif
