
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Which hashes of passwords are known, and which of them are too much.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_password.h"


#define SALT22  "If6bvum7DFjUnE9p2uDeDu"
#define HASH31  "0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"
#define HASH43  "F9TX5W/UZfyPUgSJqCkmXrTTTFFTvzCSBtAnmmMYGY5"
#define HASH86                                                                \
    "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYE" \
    "dFCoEOfaS35inz1"
#define ARGON   "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"


static const struct {
    const char          *hash;
    gateway_password_e   kind;
    const char          *why;   /* a part of it */
} hashes[] = {
    { "$2a$06$" SALT22 HASH31, GATEWAY_PASSWORD_BCRYPT, NULL },
    { "$2b$04$" SALT22 HASH31, GATEWAY_PASSWORD_BCRYPT, NULL },
    { "$2y$16$" SALT22 HASH31, GATEWAY_PASSWORD_BCRYPT, NULL },
    { "$2y$17$" SALT22 HASH31, 0, "cost is above 16" },
    { "$2y$03$" SALT22 HASH31, 0, "malformed" },
    { "$2y$99$" SALT22 HASH31, 0, "malformed" },
    { "$2y$6$" SALT22 HASH31, 0, "malformed" },
    { "$2y$006$" SALT22 HASH31, 0, "malformed" },
    { "$2y$1", 0, "malformed" },
    { "$2y$", 0, "malformed" },
    { "$2y$10$" SALT22 HASH31 "x", 0, "malformed" },
    { "$2y$10$" SALT22, 0, "malformed" },
    { "$2y$10$" SALT22 "*YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", 0, "malformed" },
    { "$2x$10$" SALT22 HASH31, 0, "expected one that begins" },

    { "$y$j9T$" SALT22 "$" HASH43, GATEWAY_PASSWORD_YESCRYPT, NULL },
    { "$y$jFT$" SALT22 "$" HASH43, GATEWAY_PASSWORD_YESCRYPT, NULL },
    { "$y$jGT$" SALT22 "$" HASH43, 0, "1 GiB" },
    { "$y$jzT$" SALT22 "$" HASH43, 0, "not those" },
    { "$y$jST$" SALT22 "$" HASH43, 0, "1 GiB" },
    { "$y$j9T1$" SALT22 "$" HASH43, 0, "not those" },
    { "$y$.9T$" SALT22 "$" HASH43, 0, "not those" },
    { "$y$j9T$$" HASH43, 0, "malformed" },
    { "$y$j9T$" SALT22, 0, "malformed" },
    { "$y$j9T$" SALT22 "$" HASH43 "x", 0, "malformed" },
    { "$y$j9", 0, "malformed" },
    { "$y$", 0, "malformed" },

    { "$6$saltstring$" HASH86, GATEWAY_PASSWORD_SHA512, NULL },
    { "$6$$" HASH86, GATEWAY_PASSWORD_SHA512, NULL },
    { "$6$rounds=1000$saltstring$" HASH86, GATEWAY_PASSWORD_SHA512, NULL },
    { "$6$rounds=5000000$saltstring$" HASH86, GATEWAY_PASSWORD_SHA512, NULL },
    { "$6$rounds=5000001$saltstring$" HASH86, 0, "more than 5000000" },
    { "$6$rounds=999$saltstring$" HASH86, 0, "fewer than 1000" },
    { "$6$rounds=99999999999999999999$s$" HASH86, 0, "malformed" },
    { "$6$0123456789abcdef$" HASH86, GATEWAY_PASSWORD_SHA512, NULL },
    { "$6$0123456789abcdefg$" HASH86, 0, "malformed" },
    { "$6$salt:string$" HASH86, 0, "malformed" },
    { "$6$saltstring$" HASH86 "x", 0, "malformed" },
    { "$6$saltstring$", 0, "malformed" },
    { "$6$saltstring", 0, "malformed" },
    { "$5$saltstring$" HASH43, 0, "expected one that begins" },

    { "$argon2id$v=19$m=256,t=2,p=1" ARGON, GATEWAY_PASSWORD_ARGON2ID, NULL },
    { "$argon2id$v=19$m=1048576,t=16,p=4" ARGON, GATEWAY_PASSWORD_ARGON2ID,
      NULL },
    { "$argon2id$v=19$m=1048577,t=1,p=4" ARGON, 0, "1 GiB" },
    { "$argon2id$v=19$m=1048576,t=17,p=4" ARGON, 0, "too long" },
    { "$argon2id$v=19$m=256,t=0,p=1" ARGON, 0, "out of range" },
    { "$argon2id$v=19$m=256,t=1,p=0" ARGON, 0, "out of range" },
    { "$argon2id$v=19$m=256,t=1,p=33" ARGON, 0, "out of range" },
    { "$argon2id$v=19$m=1048576,t=1,p=65" ARGON, 0, "out of range" },
    { "$argon2id$v=16$m=256,t=2,p=1" ARGON, 0, "version 19" },
    { "$argon2id$v=19$t=2,m=256,p=1" ARGON, 0, "version 19" },
    { "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$nf65EOgLrQMR/uIPnA4rEs", 0,
      "malformed" },
    { "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgL", 0, "malformed" },
    { "$argon2id$v=19$m=256,t=2,p=1" ARGON "=", 0, "malformed" },
    { "$argon2i$v=19$m=256,t=2,p=1" ARGON, 0, "expected one that begins" },

    { "", 0, "expected one that begins" },
    { "secret", 0, "expected one that begins" },
    { "{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=", 0, "expected one that begins" },
};


static void
test_kinds(void **state)
{
    char                *copy;
    size_t               i, len;
    const char          *why;
    gateway_password_e   kind;

    (void) state;

    for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        why = "";
        len = strlen(hashes[i].hash);

        /* not terminated, so that the sanitizers see what is read */
        copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, hashes[i].hash, len);
        copy = realloc(copy, len ? len : 1);
        assert_non_null(copy);

        kind = gateway_password_kind(copy, len, &why);

        if (kind != hashes[i].kind
            || (hashes[i].why && strstr(why, hashes[i].why) == NULL))
        {
            fail_msg("%s: %d, %s", hashes[i].hash, kind, why);
        }

        /* nothing of it is shown */
        assert_null(strstr(why, "YHzr"));
        free(copy);
    }
}


static void
test_prefixes(void **state)
{
    size_t       i, len;
    const char  *why;

    (void) state;

    for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        /* those of Argon2 are of any length */
        if (hashes[i].kind == GATEWAY_PASSWORD_UNKNOWN
            || hashes[i].kind == GATEWAY_PASSWORD_ARGON2ID)
        {
            continue;
        }

        for (len = 0; len < strlen(hashes[i].hash); len++) {
            if (gateway_password_kind(hashes[i].hash, len, &why)
                != GATEWAY_PASSWORD_UNKNOWN)
            {
                fail_msg("%.*s is complete", (int) len, hashes[i].hash);
            }
        }
    }
}


static void
test_resembles(void **state)
{
    (void) state;

    assert_int_equal(gateway_password_resembles("$2y$x", 5), 1);
    assert_int_equal(gateway_password_resembles("$argon2id$", 10), 1);
    assert_int_equal(gateway_password_resembles("$6", 2), 0);
    assert_int_equal(gateway_password_resembles("x$6$", 4), 0);
    assert_int_equal(gateway_password_resembles("", 0), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_resembles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
