/*
 * Copyright (C) the ngx_gateway authors
 *
 * Credentials in headers, and a short run of t/fuzz/authorization_fuzz.c.  As
 * a program with arguments it makes a long one:
 * authorization_test START RUNS
 */

#include "../fuzz/authorization_fuzz.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>


static const struct {
    const char *value;
    const char *username; /* NULL: it is not understood */
    const char *password;
} basics[] = {
    { "Basic Ym9iOmtvbmc=", "bob", "kong" },
    { "basic Ym9iOmtvbmc=", "bob", "kong" },
    { "Basic dXNlcjMyMTpwYXNzd29yZDoxMjM=", "user321", "password:123" },
    { "Basic Ym9iOg==", "bob", "" },
    { "Basic Ym9iOg", "bob", "" },
    { "BasicYm9iOg==", "bob", "" },
    { "  Basic \t Ym9iOg==", "bob", "" },
    { "some Basic Ym9iOg==", "bob", "" },
    { "Basic Ym9iOmtvbmc=, Basic x", "bob", "kong" },
    { "Basic Ym9i", NULL, NULL },
    { "Basic Omtvbmc=", NULL, NULL },
    { "Basic OmE6Yg==", NULL, NULL },
    { "BASIC Ym9iOmtvbmc=", NULL, NULL },
    { "bAsic Ym9iOmtvbmc=", NULL, NULL },
    { "Basic", NULL, NULL },
    { "Basic ", NULL, NULL },
    { "Basic =", NULL, NULL },
    { "Basic Y", NULL, NULL },
    { "Basic Ym9iO", NULL, NULL },
    { "Basic Ym9iOm tvbmc=", NULL, NULL },
    { "Basic Ym9iOm-vbmc=", NULL, NULL },
    { "Basic !!!!", NULL, NULL },
    { "foobar", NULL, NULL },
    { "", NULL, NULL },
};

static const struct {
    const char *value;
    const char *parts[4]; /* username, algorithm, headers, signature */
} hmacs[] = {
    { "hmac username=\"u\", algorithm=\"a\", headers=\"h i\", "
      "signature=\"s=\"",
      { "u", "a", "h i", "s=" } },
    { "Hmac username=\"u\",algorithm=\"a\",headers=\"h\",signature=\"s\"",
      { "u", "a", "h", "s" } },
    { "hmacusername=\"u\" , algorithm=\"a\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=\"u\", algorithm=\"a\", headers=\"  date\", "
      "signature=\"s\"",
      { "u", "a", "  date", "s" } },
    { "x hmac \t username=\"a \"b\"\",\t algorithm=\"a\", headers=\"h\", "
      "signature=\"s\" tail",
      { "a \"b\"", "a", "h", "s" } },
    { "hmac username=\"u\" algorithm=\"a\", headers=\"h\", signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=\"u\", algorithm=\"a\" headers=\"h\", signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=\"u\", algorithm=\"a\", headers=\"h\" signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac algorithm=\"a\", username=\"u\", headers=\"h\", signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=\"u\", algorithm=\"a\", signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=\"\", algorithm=\"a\", headers=\"h\", signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=\"u\", algorithm=\"a\", headers=\"h\", signature=\"\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=u, algorithm=\"a\", headers=\"h\", signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "HMAC username=\"u\", algorithm=\"a\", headers=\"h\", signature=\"s\"",
      { NULL, NULL, NULL, NULL } },
    { "hmac username=\"", { NULL, NULL, NULL, NULL } },
    { "asd", { NULL, NULL, NULL, NULL } },
    { "", { NULL, NULL, NULL, NULL } },
};


static void
expect_part(const gateway_authorization_part_t *part, const char *text)
{
    assert_int_equal(part->len, strlen(text));
    assert_memory_equal(part->data, text, part->len);
}


static void
basic_values(void **state)
{
    gateway_authorization_basic_t basic;
    unsigned char buf[64];
    size_t i;

    (void) state;

    for (i = 0; i < GWC_FUZZ_COUNT(basics); i++) {
        const char *value = basics[i].value;
        int rc = gateway_authorization_basic(
            &basic, (const unsigned char *) value, strlen(value), buf);

        if ((rc == 0) != (basics[i].username != NULL)) {
            fail_msg("%s: %d", value, rc);
        }

        if (rc == 0) {
            expect_part(&basic.username, basics[i].username);
            expect_part(&basic.password, basics[i].password);
        }
    }
}


static void
hmac_values(void **state)
{
    gateway_authorization_hmac_t hmac;
    char value[256];
    size_t i;

    (void) state;

    for (i = 0; i < GWC_FUZZ_COUNT(hmacs); i++) {
        int rc;

        (void) snprintf(value, sizeof(value), "%s", hmacs[i].value);
        rc = gateway_authorization_hmac(&hmac, (unsigned char *) value,
                                        strlen(value));

        if ((rc == 0) != (hmacs[i].parts[0] != NULL)) {
            fail_msg("%s: %d", value, rc);
        }

        if (rc == 0) {
            expect_part(&hmac.username, hmacs[i].parts[0]);
            expect_part(&hmac.algorithm, hmacs[i].parts[1]);
            expect_part(&hmac.headers, hmacs[i].parts[2]);
            expect_part(&hmac.signature, hmacs[i].parts[3]);
        }
    }
}


static void
mutated_values_do_no_harm(void **state)
{
    (void) state;

    /* many of them are still understood */
    assert_true(gwc_fuzz_authorizations(1, 100000) > 5000);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_values),
        cmocka_unit_test(hmac_values),
        cmocka_unit_test(mutated_values_do_no_harm),
    };

    if (argc > 2) {
        printf("%zu understood\n",
               gwc_fuzz_authorizations(strtoull(argv[1], NULL, 10),
                                       strtoull(argv[2], NULL, 10)));
        return 0;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
