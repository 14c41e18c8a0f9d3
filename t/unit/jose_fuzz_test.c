/*
 * Copyright (C) the ngx_gateway authors
 *
 * A short run of t/fuzz/jose_fuzz.c.  As a program with arguments it makes a
 * long one:  jose_fuzz_test START RUNS
 */

#include "../fuzz/jose_fuzz.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>


static void
mutated_tokens_and_keys_do_no_harm(void **state)
{
    (void) state;

    /* some hundreds of them can still be read */
    assert_true(gwc_fuzz_jose(1, 5000) > 500);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_tokens_and_keys_do_no_harm),
    };

    if (argc > 2) {
        printf("%zu were read\n",
               gwc_fuzz_jose(strtoull(argv[1], NULL, 10),
                             strtoull(argv[2], NULL, 10)));
        return 0;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
