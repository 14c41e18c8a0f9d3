/*
 * Copyright (C) the ngx_gateway authors
 *
 * What yaml_fuzz.c offers to programs that run it.
 */

#ifndef GWC_FUZZ_H
#define GWC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *data;
    size_t len;
} gwc_fuzz_seed_t;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Each seed as it is, then mutations of seeds, runs in all or for so many
 * seconds; the same start gives the same inputs.  keep: NULL, or a directory
 * for those that make a configuration.  Returns how many were run.
 */
size_t gwc_fuzz_run(const gwc_fuzz_seed_t *seeds, size_t nseeds,
                    uint64_t start, size_t runs, unsigned seconds,
                    const char *keep);

/* the "yaml" sections of test files, whole files of other kinds; to be freed
   with gwc_fuzz_free_seeds() */
size_t gwc_fuzz_read_seeds(const char *const *paths, size_t npaths,
                           gwc_fuzz_seed_t *seeds, size_t room);
void gwc_fuzz_free_seeds(gwc_fuzz_seed_t *seeds, size_t n);

#endif
