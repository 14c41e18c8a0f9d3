/*
 * Copyright (C) the ngx_gateway authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_date.h"


static void
assert_date(const char *text, int64_t expected)
{
    int64_t seconds = -2;

    assert_int_equal(gateway_date_parse(&seconds, text, strlen(text)), 0);
    assert_true(seconds == expected);
}


static void
test_dates(void **state)
{
    (void) state;

    assert_date("1970-01-01", 0);
    assert_date("2000-02-29", 951782400);
    assert_date("2023-06-30", 1688083200);
    assert_date("2026-11-29", 1795910400);
    assert_date("9999-12-31", 253402214400);
    assert_date("2023-06-30T23:59:59Z", 1688169599);
    assert_date("2023-06-30t23:59:59z", 1688169599);
    assert_date("2023-06-30T23:59:59.999Z", 1688169599);
    assert_date("2023-07-01T01:59:59+02:00", 1688169599);
    assert_date("2023-06-30T18:29:59-05:30", 1688169599);
    assert_date("2016-12-31T23:59:60Z", 1483228800);
}


static void
test_no_dates(void **state)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-11",
        "2026-1-29",
        "2026-13-01",
        "2026-00-01",
        "2026-11-31",
        "2026-11-00",
        "2025-02-29",
        "2100-02-29",
        "1969-12-31",
        "26-11-29",
        "2026-11-29 ",
        " 2026-11-29",
        "2026-11-29T",
        "2026-11-29T10:00:00",
        "2026-11-29T10:00Z",
        "2026-11-29T24:00:00Z",
        "2026-11-29T10:60:00Z",
        "2026-11-29T10:00:61Z",
        "2026-11-29T10:00:00.Z",
        "2026-11-29T10:00:00+2:00",
        "2026-11-29T10:00:00+24:00",
        "2026-11-29T10:00:00+02:60",
        "2026-11-29T10:00:00Zx",
        "2026-11-29 10:00:00Z",
        "1970-01-01T00:00:00+01:00",
        "+026-11-29",
    };
    int64_t seconds;
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (gateway_date_parse(&seconds, texts[i], strlen(texts[i])) == 0) {
            fail_msg("\"%s\" was read", texts[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_no_dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
