/*
 * Copyright (C) the ngx_gateway authors
 *
 * Places within a scalar: a node knows where it begins, these find where
 * one of the bytes of its value stands in the file.
 */

#ifndef GWC_PLACES_H
#define GWC_PLACES_H

#include "diag.h"

/* forgets all files */
void gwc_places_reset(void);
/* the bytes of a file that nodes name; they must outlive the messages */
void gwc_places_add(const char *file, gwc_text_t bytes);
/* as gwc_error() and gwc_warning(), at a byte of the value of a string; where
   that cannot be told, at the string */
void gwc_error_within(const gwc_node_t *node, size_t offset, const char *fmt,
                      ...) __attribute__((format(printf, 3, 4)));
void gwc_warning_within(const gwc_node_t *node, size_t offset, const char *fmt,
                        ...) __attribute__((format(printf, 3, 4)));

#endif
