
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Normal form of request paths and the path sent upstream.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_router.h"


#define countof(a)  (sizeof(a) / sizeof(a[0]))


static const char *const  normal_forms[][2] = {
    { "/", "/" },
    { "", "" },
    { "/foo/bar", "/foo/bar" },

    /* decoding */
    { "/h%65llo", "/hello" },
    { "/%7Ebob", "/~bob" },
    { "/a%20b", "/a b" },
    { "/%22%3c%3E%5c%5e%60%7b%7c%7d", "/\"<>\\^`{|}" },
    { "/%c3%a9", "/\xc3\xa9" },
    { "/%00%0a%ff", NULL },
    { "/%21%2a%27%28%29%3b%3a%40%26%3d%2b%24%2c%2f%3f%25%23%5b%5d",
      "/%21%2A%27%28%29%3B%3A%40%26%3D%2B%24%2C%2F%3F%25%23%5B%5D" },
    { "/b%2fc%3a", "/b%2Fc%3A" },
    { "/%2E%2d%5F%7e%41%7A%30", "/.-_~Az0" },
    { "/%252e%2565", "/%252e%2565" },
    { "/100%", "/100%" },
    { "/%4", "/%4" },
    { "/%zz%4g", "/%zz%4g" },
    { "/%%41", "/%A" },
    { "/!*'();:@&=+$,?#[]", "/!*'();:@&=+$,?#[]" },

    /* dot segments */
    { "/a/./b", "/a/b" },
    { "/a/.", "/a/" },
    { "/.", "/" },
    { "/..", "/" },
    { "/a/..", "/" },
    { "/a/b/..", "/a/" },
    { "/a/../b", "/b" },
    { "/../../b", "/b" },
    { "/a/b/../../../c", "/c" },
    { "/foo/x/../bar", "/foo/bar" },
    { "/a/%2e%2E/b", "/b" },
    { "/a/.%2e/b", "/b" },
    { "/a/%2e/b", "/a/b" },
    { "/a../b", "/a../b" },
    { "/a/..b/.c/d./...", "/a/..b/.c/d./..." },
    { "/a/.../b", "/a/.../b" },
    { "/a/..;x/b", "/a/..;x/b" },
    { "/a/././..", "/" },

    /* slashes */
    { "//foo//bar//z", "/foo/bar/z" },
    { "///", "/" },
    { "/foo//", "/foo/" },
    { "/foo/", "/foo/" },
    { "/a//../b", "/b" },
    { "/a/.//b", "/a/b" },
    { "/a/..//b", "/b" },
    { "//..//", "/" },
    { "/a//.", "/a/" },

    /* left alone */
    { "/Foo;v=1/BAR", "/Foo;v=1/BAR" },

    /* never sent by nginx, but the function must not choke on it */
    { "a/../b", "/b" },
    { "../a", "a" },
    { "./a", "a" },
    { ".", "" },
    { "..", "" },
    { "*", "*" }
};


static void
test_normalize(void **state)
{
    char        dst[256];
    size_t      i;
    ptrdiff_t   n;
    const char *src, *expected;

    for (i = 0; i < countof(normal_forms); i++) {

        src = normal_forms[i][0];
        expected = normal_forms[i][1];

        n = gateway_path_normalize(dst, src, strlen(src));
        assert_true(n >= 0);
        dst[n] = '\0';

        if (expected == NULL) {
            assert_int_equal(n, 4);
            assert_memory_equal(dst, "/\0\n\xff", 4);
            continue;
        }

        assert_string_equal(dst, expected);

        assert_int_equal(gateway_path_normalize_lax(dst, src, strlen(src)),
                         n);
    }
}


/* a normal form is its own normal form: "%25" stays encoded for that */

static void
test_normalize_twice(void **state)
{
    char       once[64], twice[64];
    size_t     i, j;
    ptrdiff_t  n, m;
    char       src[64];
    uint32_t   seed;

    static const char *const  pieces[] = {
        "/", ".", "..", "a", "%2e", "%2F", "%61", "%25", "/", "b", "%20"
    };

    seed = 1;

    for (i = 0; i < 100000; i++) {

        src[0] = '/';
        src[1] = '\0';

        for (j = 0; j < 8; j++) {
            seed = seed * 1103515245u + 12345u;
            strcat(src, pieces[(seed >> 16) % countof(pieces)]);
        }

        n = gateway_path_normalize_lax(once, src, strlen(src));
        assert_true(n > 0 && (size_t) n <= strlen(src));

        m = gateway_path_normalize_lax(twice, once, (size_t) n);

        assert_int_equal(n, m);
        assert_memory_equal(once, twice, (size_t) n);
    }
}


static void
test_normalize_refuses_hidden_dots(void **state)
{
    char    dst[64];
    size_t  i;

    static const char *const  refused[] = {
        "/a%2F..%2Fb", "/a%2f..%2fb", "/a%2f%2e%2e%2fb", "/a/..%2Fb",
        "/a%2F../b", "/a%2F..", "/..%2Fa", "/a%2F.%2Fb", "/a%2F.", "/.%2Fa",
        "/a/b%2F.%2e/c"
    };

    static const char *const  accepted[] = {
        "/a%2Fb", "/a%2F..b", "/a%2F...%2Fb", "/a..%2Fb", "/a%5C..%5Cb",
        "/a%2F%2Fb", "/a/../%2Fb", "/a%252F..%252Fb", "/..;%2Fa"
    };

    for (i = 0; i < countof(refused); i++) {
        assert_int_equal(gateway_path_normalize(dst, refused[i],
                                                strlen(refused[i])),
                         -1);
        assert_true(gateway_path_normalize_lax(dst, refused[i],
                                               strlen(refused[i])) > 0);
    }

    for (i = 0; i < countof(accepted); i++) {
        assert_true(gateway_path_normalize(dst, accepted[i],
                                           strlen(accepted[i])) > 0);
    }
}


/* declarative-format.md 3; strip: 0, 1, or 2 for either; "-": no paths */

static const struct {
    const char  *service;
    const char  *route;
    int          strip;
    const char  *request;
    const char  *v0;
    const char  *v1;
} upstream_paths[] = {

    /* the table, row by row */
    { "/", "/r", 1, "/r", "/", "/" },
    { "/", "/r", 1, "/r/", "/", "/" },
    { "/s/", "/r/", 1, "/r/", "/s/", "/s/" },
    { "/s/", "/r", 1, "/r", "/s", "/s/" },
    { "/s/", "/r", 1, "/r/", "/s/", "/s/" },
    { "/s/", "/r", 1, "/r/x", "/s/x", "/s/x" },
    { "/s/", "/r", 1, "/rx", "/s/x", "/s/x" },
    { "/s/", "/r/", 1, "/r/x", "/s/x", "/s/x" },
    { "/s/", "/r", 0, "/r/x", "/s/r/x", "/s/r/x" },
    { "/s/", "/", 0, "/", "/s/", "/s/" },
    { "/s", "/", 1, "/", "/s", "/s" },
    { "/s", "/r", 1, "/r", "/s", "/s" },
    { "/s", "/r/", 1, "/r/", "/s/", "/s" },
    { "/s", "/r", 1, "/r/", "/s/", "/s/" },
    { "/s", "/r", 1, "/r/x", "/s/x", "/s/x" },
    { "/s", "/r", 1, "/rx", "/s/x", "/sx" },
    { "/s", "/", 0, "/", "/s", "/s" },
    { "/s", "/r", 0, "/r/x", "/s/r/x", "/sr/x" },
    { "/s", "-", 2, "/r/x", "/s/r/x", "/sr/x" },
    { "/s", "-", 2, "/", "/s", "/s" },
    { "/s/", "-", 2, "/r/x", "/s/r/x", "/s/r/x" },
    { "/s/", "-", 2, "/", "/s/", "/s/" },
    { "/", "-", 2, "/", "/", "/" },
    { "/", "-", 2, "/x/", "/x/", "/x/" },

    /* worked values */
    { "/", "/route", 1, "/routereq", "/req", "/req" },
    { "/srv", "/rou", 0, "/roureq", "/srv/roureq", "/srvroureq" },
    { "/srv", "/rou", 1, "/roureq", "/srv/req", "/srvreq" },
    { "/srv/", "/rou", 1, "/rou", "/srv", "/srv/" },
    { "/service", "/", 2, "/route", "/service/route", "/serviceroute" },
    { "/service", "/route", 1, "/route/", "/service/", "/service/" },
    { "/service", "/route/", 1, "/route/", "/service/", "/service" },
    { "/service/", "/route", 1, "/route", "/service", "/service/" },
    { "/service", "-", 2, "/x/", "/service/x/", "/servicex/" },

    /* what is left of a dot segment */
    { "/s", "/r", 1, "/r.", "/s", "/s" },
    { "/s", "/r", 1, "/r..", "/s", "/s" },
    { "/s", "/r", 1, "/r../x", "/s/x", "/sx" },
    { "/s", "/r", 1, "/r./x", "/s/x", "/sx" },
    { "/s", "/r", 1, "/r...", "/s/...", "/s..." },
    { "/s", "/r", 1, "/r..x", "/s/..x", "/s..x" },
    { "/s/", "/r", 1, "/r../", "/s/", "/s/" },

    /* no path: "/" */
    { "", "/r", 1, "/r", "/", "/" },
    { "", "/r", 1, "/r/x", "/x", "/x" },
    { "", "/r", 0, "/r/x", "/r/x", "/r/x" },
    { "", "-", 2, "/r/x", "/r/x", "/r/x" }
};


static void
check_upstream(size_t row, int strip, int v1)
{
    int            has_paths;
    char          *dst;
    size_t         n, matched;
    const char    *expected;
    gateway_str_t  service, path;

    service.data = upstream_paths[row].service;
    service.len = strlen(service.data);

    path.data = upstream_paths[row].request;
    path.len = strlen(path.data);

    has_paths = (upstream_paths[row].route[0] != '-');
    matched = has_paths ? strlen(upstream_paths[row].route) : 0;

    expected = v1 ? upstream_paths[row].v1 : upstream_paths[row].v0;

    /* exactly the room that is promised, for the sanitizers */

    dst = malloc(service.len + path.len + 2);
    assert_non_null(dst);

    n = gateway_path_upstream(dst, &service, &path, matched, has_paths, strip,
                              v1);

    if (n != strlen(expected) || memcmp(dst, expected, n) != 0) {
        print_error("row %zu strip %d v%d: \"%.*s\", expected \"%s\"\n", row,
                    strip, v1, (int) n, dst, expected);
        fail();
    }

    free(dst);
}


static void
test_upstream(void **state)
{
    int     v1;
    size_t  i;

    for (i = 0; i < countof(upstream_paths); i++) {

        for (v1 = 0; v1 <= 1; v1++) {

            if (upstream_paths[i].strip != 1) {
                check_upstream(i, 0, v1);
            }

            if (upstream_paths[i].strip != 0) {
                check_upstream(i, 1, v1);
            }
        }
    }
}


static void
test_escape(void **state)
{
    int     i;
    char    src[256], dst[768];
    size_t  n;

    static const char  plain[] = "!#$&'()*+,/:;=?@[]-_.~%"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789";

    for (i = 0; i < 256; i++) {

        src[0] = (char) i;

        n = gateway_path_escape(dst, src, 1);

        if (i != 0 && strchr(plain, i) != NULL) {
            assert_int_equal(n, 1);
            assert_int_equal(dst[0], src[0]);
            assert_true(gateway_path_is_clean(src, 1));

        } else {
            assert_int_equal(n, 3);
            snprintf(src, sizeof(src), "%%%02X", (unsigned) i);
            assert_memory_equal(dst, src, 3);

            src[0] = (char) i;
            assert_false(gateway_path_is_clean(src, 1));
        }
    }

    n = gateway_path_escape(dst, "/cat dog/\xc3\xa9%2F", 14);
    dst[n] = '\0';
    assert_string_equal(dst, "/cat%20dog/%C3%A9%2F");

    assert_true(gateway_path_is_clean("", 0));
    assert_true(gateway_path_is_clean("/a/b", 4));
    assert_false(gateway_path_is_clean("/a b", 4));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_normalize_twice),
        cmocka_unit_test(test_normalize_refuses_hidden_dots),
        cmocka_unit_test(test_upstream),
        cmocka_unit_test(test_escape)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
