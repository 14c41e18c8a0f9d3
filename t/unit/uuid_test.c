
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Ids as the declarative format derives them.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_uuid.h"


static const char *const  derived[][3] = {
    { "services", "my-service", "0855b320-0dd2-547d-891d-601e9b38647f" },
    { "routes", "my-route", "481a9539-f49c-51b6-b2e2-fe99ee68866c" },
    { "consumers", "bobby", "d885e256-1abe-5e24-80b6-8f68fe59ea8e" },
};


static void
test_derived(void **state)
{
    char     text[GATEWAY_UUID_LEN + 1];
    size_t   i;
    uint8_t  uuid[16];

    (void) state;

    for (i = 0; i < sizeof(derived) / sizeof(derived[0]); i++) {
        gateway_uuid_entity(uuid, derived[i][0], derived[i][1],
                            strlen(derived[i][1]));
        gateway_uuid_format(text, uuid);
        text[GATEWAY_UUID_LEN] = '\0';

        assert_string_equal(text, derived[i][2]);
    }
}


/* the example of RFC 9562, appendix A.4 */

static void
test_v5(void **state)
{
    char     text[GATEWAY_UUID_LEN + 1];
    uint8_t  ns[16], uuid[16];

    static const char  dns[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

    (void) state;

    assert_int_equal(gateway_uuid_parse(ns, dns, 36), 0);
    gateway_uuid_v5(uuid, ns, "www.example.com", 15);
    gateway_uuid_format(text, uuid);
    text[GATEWAY_UUID_LEN] = '\0';

    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}


static void
test_parse(void **state)
{
    char     text[GATEWAY_UUID_LEN];
    size_t   i;
    uint8_t  uuid[16];

    static const char  good[] = "0855B320-0dd2-547D-891d-601E9b38647F";
    static const char *const  bad[] = {
        "", "0855b320", "0855b3200dd2547d891d601e9b38647f",
        "0855b320-0dd2-547d-891d-601e9b38647", "x",
        "0855b320-0dd2-547d-891d-601e9b38647g",
        "0855b320-0dd2-547d-891d_601e9b38647f",
        "{855b320-0dd2-547d-891d-601e9b38647}",
        "0855b320-0dd2-547d-891d-601e9b38647f0",
    };

    (void) state;

    assert_int_equal(gateway_uuid_parse(uuid, good, strlen(good)), 0);
    gateway_uuid_format(text, uuid);
    assert_memory_equal(text, "0855b320-0dd2-547d-891d-601e9b38647f",
                        GATEWAY_UUID_LEN);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(gateway_uuid_parse(uuid, bad[i], strlen(bad[i])),
                         -1);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_derived),
        cmocka_unit_test(test_v5),
        cmocka_unit_test(test_parse)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
