/*
 * Copyright (C) the ngx_gateway authors
 *
 * Messages about the input, collected and printed sorted by place:
 *   kong.yml:42:9: error: services[2].routes[0].paths[1]: what is wrong
 */

#ifndef GWC_DIAG_H
#define GWC_DIAG_H

#include "yaml.h"

/* exit statuses of the tool */
enum {
    GWC_EXIT_OK = 0,
    GWC_EXIT_BAD_INPUT = 1,
    GWC_EXIT_USAGE = 2,
    GWC_EXIT_IO = 3
};

/* node may be NULL: a message without a place.  The path of the node
   (services[2].name) is put in front of the text. */
void gwc_error(const gwc_node_t *node, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void gwc_warning(const gwc_node_t *node, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* same, at a place that has no node (syntax errors) */
void gwc_error_at(const char *file, unsigned line, unsigned column,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* adds "  fix: ..." under the message given last */
void gwc_fix(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
size_t gwc_error_count(void);
/* prints to stderr and forgets; returns the number of errors printed */
size_t gwc_diag_flush(void);
/* forgets without printing */
void gwc_diag_reset(void);
/* the candidate nearest to word, or NULL if none is near */
const char *gwc_nearest(gwc_text_t word, const char *const *candidates,
                        size_t n);

#endif
