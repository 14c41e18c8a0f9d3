/*
 * Copyright (C) the ngx_gateway authors
 *
 * Writes nginx configuration: the only place that quotes and indents.
 */

#ifndef GWC_WRITER_H
#define GWC_WRITER_H

#include "arena.h"
#include "yaml.h"

typedef struct {
    gwc_buf_t buf;
    unsigned depth;
    bool secret;  /* the file must have mode 0600 */
} gwc_writer_t;

/* a directive: begin, args, then end (";") or open (" {") */
void gwc_begin(gwc_writer_t *w, const char *name);
void gwc_arg(gwc_writer_t *w, const char *arg);
/* any bytes; quoted when needed */
void gwc_arg_text(gwc_writer_t *w, gwc_text_t arg);
/* the same where nginx would expand "$": escaped, refused with an error
   when the directive cannot express it */
void gwc_arg_literal(gwc_writer_t *w, gwc_text_t arg);
void gwc_argf(gwc_writer_t *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* name=value as one argument */
void gwc_param(gwc_writer_t *w, const char *name, gwc_text_t value);
void gwc_end(gwc_writer_t *w);
/* ends the directive with "{"; node: comment "# kong.yml:42", or NULL */
void gwc_open(gwc_writer_t *w, const gwc_node_t *node);
void gwc_close(gwc_writer_t *w);
/* whole directives */
void gwc_put(gwc_writer_t *w, const char *name, ...)
    __attribute__((sentinel));  /* const char * args, NULL */
void gwc_comment(gwc_writer_t *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void gwc_blank(gwc_writer_t *w);

#endif
