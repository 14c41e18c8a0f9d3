
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Digests of credentials, and the file with the secret.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway_digest.h"
#include "gateway_hmac.h"


static const char  secret[] = "of the tests, 32 bytes and a few";


/* the same by OpenSSL's HMAC */
static void
expected(const void *key, size_t len, const void *data, size_t size,
    unsigned char *out)
{
    unsigned int  n;

    assert_non_null(HMAC(EVP_sha256(), key, (int) len, data, size, out, &n));
    assert_int_equal(n, GATEWAY_DIGEST_LEN);
}


static void
test_digest(void **state)
{
    char                  data[300];
    size_t                i, split;
    unsigned char         key[GATEWAY_DIGEST_LEN], want[GATEWAY_DIGEST_LEN];
    unsigned char         out[GATEWAY_DIGEST_LEN];
    gateway_digest_t      digest;
    gateway_digest_key_t  ready;

    (void) state;

    memset(data, 'x', sizeof(data));

    gateway_digest_key(&ready, secret, strlen(secret), "a purpose");
    expected(secret, strlen(secret), "a purpose", 9, key);

    for (i = 0; i <= sizeof(data); i += 7) {
        expected(key, sizeof(key), data, i, want);

        gateway_digest(&ready, data, i, out);
        assert_memory_equal(out, want, sizeof(want));

        split = i / 3;
        gateway_digest_init(&digest, &ready);
        gateway_digest_update(&digest, data, split);
        gateway_digest_update(&digest, data + split, i - split);
        gateway_digest_final(&digest, out);
        assert_memory_equal(out, want, sizeof(want));
    }
}


/* longer than a block of SHA-256: the key is its digest */
static void
test_long_secret(void **state)
{
    char                  text[GATEWAY_SECRET_MAX];
    size_t                len;
    unsigned char         key[GATEWAY_DIGEST_LEN], want[GATEWAY_DIGEST_LEN];
    unsigned char         out[GATEWAY_DIGEST_LEN];
    gateway_digest_key_t  ready;

    (void) state;

    memset(text, 's', sizeof(text));

    for (len = 60; len < 70; len++) {
        gateway_digest_key(&ready, text, len, "p");
        gateway_digest(&ready, "data", 4, out);

        expected(text, len, "p", 1, key);
        expected(key, sizeof(key), "data", 4, want);
        assert_memory_equal(out, want, sizeof(want));
    }
}


static void
test_purposes(void **state)
{
    unsigned char         a[GATEWAY_DIGEST_LEN], b[GATEWAY_DIGEST_LEN];
    gateway_digest_key_t  key;

    (void) state;

    gateway_digest_key(&key, secret, strlen(secret), "one");
    gateway_digest(&key, "data", 4, a);
    gateway_digest_key(&key, secret, strlen(secret), "two");
    gateway_digest(&key, "data", 4, b);

    assert_memory_not_equal(a, b, sizeof(a));
}


static void
test_hex(void **state)
{
    char           hex[2 * GATEWAY_DIGEST_LEN];
    size_t         i;
    unsigned char  digest[GATEWAY_DIGEST_LEN], back[GATEWAY_DIGEST_LEN];

    (void) state;

    for (i = 0; i < sizeof(digest); i++) {
        digest[i] = (unsigned char) (i * 9);
    }

    gateway_digest_hex(hex, digest);
    assert_memory_equal(hex, "0009121b", 8);
    assert_int_equal(gateway_digest_parse(back, hex, sizeof(hex)), 0);
    assert_memory_equal(back, digest, sizeof(digest));

    hex[6] = 'B';
    hex[7] = 'a';
    assert_int_equal(gateway_digest_parse(back, hex, sizeof(hex)), 0);
    assert_int_equal(back[3], 0xba);

    hex[63] = 'g';
    assert_int_equal(gateway_digest_parse(back, hex, sizeof(hex)), -1);
    assert_int_equal(gateway_digest_parse(back, hex, 63), -1);
    assert_int_equal(gateway_digest_parse(back, hex, 0), -1);
}


static int
read_back(const char *text, size_t size, char *read, size_t *len)
{
    int   fd, rc;
    char  path[] = "/tmp/ngx_gateway_secret_XXXXXX";

    fd = mkstemp(path);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, size), size);
    (void) close(fd);

    rc = gateway_secret_read(path, read, len);
    (void) unlink(path);

    return rc;
}


static void
test_file(void **state)
{
    char    text[GATEWAY_SECRET_MAX + 1], read[GATEWAY_SECRET_MAX];
    size_t  len;

    (void) state;

    memset(text, 's', sizeof(text));

    assert_int_equal(read_back(text, 32, read, &len), 0);
    assert_int_equal(len, 32);
    assert_int_equal(read_back(text, 31, read, &len), -1);
    assert_int_equal(read_back(text, 0, read, &len), -1);
    assert_int_equal(read_back(text, GATEWAY_SECRET_MAX, read, &len), 0);
    assert_int_equal(len, GATEWAY_SECRET_MAX);
    assert_int_equal(read_back(text, GATEWAY_SECRET_MAX + 1, read, &len), -1);

    memcpy(text + 40, " \t\r\n\n", 5);
    assert_int_equal(read_back(text, 45, read, &len), 0);
    assert_int_equal(len, 40);

    /* bytes of any kind */
    memset(text, 0, 40);
    assert_int_equal(read_back(text, 40, read, &len), 0);
    assert_int_equal(len, 40);

    assert_int_equal(gateway_secret_read("/nowhere/secret", read, &len), 2);
    assert_int_equal(gateway_secret_read("/tmp", read, &len), -1);
    assert_int_equal(gateway_secret_read("/dev/zero", read, &len), -1);
}


static void
test_make(void **state)
{
    char    one[GATEWAY_SECRET_TEXT], two[GATEWAY_SECRET_TEXT];
    char    read[GATEWAY_SECRET_MAX];
    size_t  len;

    (void) state;

    assert_int_equal(gateway_secret_make(one), 0);
    assert_int_equal(gateway_secret_make(two), 0);
    assert_memory_not_equal(one, two, sizeof(one));

    assert_int_equal(read_back(one, sizeof(one), read, &len), 0);
    assert_int_equal(len, 64);
    assert_int_equal(strspn(read, "0123456789abcdef") >= 64, 1);
}


/* keys and texts around the sizes of blocks, as OpenSSL has them */
static void
test_hmac(void **state)
{
    char           key[300], data[300];
    size_t         i, k, n;
    unsigned int   size;
    unsigned char  want[EVP_MAX_MD_SIZE], out[GATEWAY_HMAC_MAX];

    const EVP_MD  *hashes[] = {
        EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()
    };

    static const size_t  lengths[] = {
        0, 1, 20, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 300
    };

    (void) state;

    memset(key, 'k', sizeof(key));
    memset(data, 'd', sizeof(data));

    for (n = 0; n < 4; n++) {
        for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            for (k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
                assert_non_null(HMAC(hashes[n], key, (int) lengths[i],
                                     (unsigned char *) data, lengths[k],
                                     want, &size));
                assert_int_equal(gateway_hmac((gateway_hmac_e) n, key,
                                              lengths[i], data, lengths[k],
                                              out),
                                 size);
                assert_memory_equal(out, want, size);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_long_secret),
        cmocka_unit_test(test_purposes),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_hmac),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
