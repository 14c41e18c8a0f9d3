/*
 * Copyright (C) the ngx_gateway authors
 *
 * The directory that nginx runs in.
 */

#ifndef GWC_PREFIX_H
#define GWC_PREFIX_H

#include "emit.h"

/*
 * Writes the generation and leaves the new nginx.conf beside the old one,
 * under the name that is returned; NULL after an error, which is in diag.
 * Refuses directories that are not ours.  Others wait until we are done.
 */
const char *gwc_prefix_write(const char *directory,
                             const gwc_output_t *output);

/* makes the new nginx.conf the one, or removes it */
bool gwc_prefix_commit(const char *directory, const gwc_output_t *output,
                       const char *pending);
void gwc_prefix_discard(const char *directory, const gwc_output_t *output,
                        const char *pending);

/*
 * For who works on a directory that is there: false after an error, also when
 * it is not ours.  Locked, until the program ends, if lock is set.
 */
bool gwc_prefix_enter(const char *directory, bool lock);

/* the generation that nginx.conf includes, or an empty text */
const char *gwc_prefix_generation(const char *directory);

/* the error was about reading or writing, not about the input */
void gwc_io_failed(void);
bool gwc_io_has_failed(void);

/* pid.c: the process id of the nginx that runs there; 0: none does */
long gwc_prefix_pid(const char *directory);

/* certs.c: makes the self-signed pairs that are missing */
bool gwc_certs_make(const char *directory);

#endif
