/*
 * Copyright (C) the ngx_gateway authors
 *
 * A short run of t/fuzz/yaml_fuzz.c.  As a program with arguments it makes
 * the long one:  fuzz_test START SECONDS [DIRECTORY]
 */

#include "../fuzz/yaml_fuzz.c"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROOM 2000

static gwc_fuzz_seed_t seeds[ROOM];
static size_t nseeds;


static void
read_seeds(void)
{
    glob_t found;

    if (glob("t/compile/*.t", 0, NULL, &found) != 0) {
        return;
    }

    (void) glob("conf.d/*.yaml", GLOB_APPEND, NULL, &found);
    nseeds = gwc_fuzz_read_seeds((const char *const *) found.gl_pathv,
                                 found.gl_pathc, seeds, ROOM);
    globfree(&found);
}


static void
mutated_files_do_no_harm(void **state)
{
    (void) state;

    assert_true(nseeds > 100);
    assert_true(gwc_fuzz_run(seeds, nseeds, 1, 4000, 10, NULL) > nseeds);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_files_do_no_harm),
    };
    int failed = 0;

    read_seeds();

    if (argc > 2) {
        printf("%zu runs\n",
               gwc_fuzz_run(seeds, nseeds, strtoull(argv[1], NULL, 10),
                            SIZE_MAX, (unsigned) strtoul(argv[2], NULL, 10),
                            argc > 3 ? argv[3] : NULL));

    } else {
        failed = cmocka_run_group_tests(tests, NULL, NULL);
    }

    gwc_fuzz_free_seeds(seeds, nseeds);

    return failed;
}
