/*
 * Copyright (C) the ngx_gateway authors
 *
 * Writes nginx configuration: the only place that quotes and indents.
 */

#ifndef GWC_WRITER_H
#define GWC_WRITER_H

#include "arena.h"
#include "directive.h"
#include "yaml.h"

/* "gateway." and 16 hex digits: the directory of the generated files.  Its
   name is a digest of what is written, so it is filled in afterwards. */
#define GWC_GENERATION_LEN 24

/* where a stretch of the output comes from: what nginx says of its lines
   leads back to there */
typedef struct {
    size_t start, end;
    const gwc_node_t *node;
    const char *setting; /* its name and origin, when there is no node */
    bool exact;          /* a single directive; else a block */
} gwc_place_t;

typedef struct {
    gwc_buf_t buf;
    unsigned depth;
    bool secret; /* the file must have mode 0600 */
    bool dollar; /* $gateway_dollar is used: http{} must define it */

    /* of the directive being written */
    const gwc_node_t *source; /* where errors point to, set by the caller */
    const char *name;
    /* " name=value" arguments for the next directive of that name; they tell
       the scope of a policy, which its rule need not know */
    const char *policy;
    const char *policy_args;
    gwc_vec_t generations; /* offsets (size_t *) of names to fill in */
    gwc_vec_t places;      /* gwc_place_t */
    gwc_vec_t blocks;      /* gwc_place_t, or NULL: those not yet closed */
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
/* the path of a generated file, relative to the prefix */
void gwc_arg_generated(gwc_writer_t *w, const char *file);
/* the same as name=path */
void gwc_param_generated(gwc_writer_t *w, const char *name, const char *file);
void gwc_end(gwc_writer_t *w);
/* ends the directive with "{"; node: comment "# kong.yml:42", or NULL */
void gwc_open(gwc_writer_t *w, const gwc_node_t *node);
void gwc_close(gwc_writer_t *w);
/* whole directives */
void gwc_put(gwc_writer_t *w, const char *name, ...)
    __attribute__((sentinel)); /* const char * args, NULL */
/* one directive as its author wrote it: already in nginx's syntax */
void gwc_raw(gwc_writer_t *w, const char *name, const char *args);
/* directives of files, with their blocks */
void gwc_put_directives(gwc_writer_t *w, const gwc_vec_t *directives);
/* what is written from here on comes from there; ends with the next call */
gwc_place_t *gwc_place_begin(gwc_writer_t *w, const gwc_node_t *node);
void gwc_place_end(const gwc_writer_t *w, gwc_place_t *place);
void gwc_comment(gwc_writer_t *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void gwc_blank(gwc_writer_t *w);

/* fills in the name of the generation (GWC_GENERATION_LEN bytes) */
void gwc_writer_generation(gwc_writer_t *w, const char *name);

#endif
