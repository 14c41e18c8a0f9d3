/*
 * Copyright (C) the ngx_gateway authors
 *
 * Files of counts, and a short run of t/fuzz/counts_fuzz.c.  As a program
 * with arguments it makes a long one:  counts_test START RUNS
 */

#include "../fuzz/counts_fuzz.c"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>


static gateway_counts_file_t  file;
static unsigned char          buf[GWC_FUZZ_MAX];


static gateway_counts_rc_e
open_at(int64_t now, size_t size, const gateway_counts_kind_t *kind,
    const char *secret)
{
    unsigned char         zone_key[GATEWAY_COUNTS_KEY];
    gateway_digest_key_t  key = gwc_fuzz_key();

    if (secret) {
        gateway_digest_key(&key, secret, strlen(secret),
                           GATEWAY_COUNTS_PURPOSE);
    }

    return gateway_counts_open(&file, gwc_fuzz_file(buf, size), kind, &key,
                               zone_key, now);
}


static gateway_counts_rc_e
open_with(size_t size, const gateway_counts_kind_t *kind, const char *secret)
{
    return open_at(1000000, size, kind, secret);
}


static void
what_was_written_is_read(void **state)
{
    size_t                  i, n;
    unsigned char           zone_key[GATEWAY_COUNTS_KEY];
    unsigned char           found_key[GATEWAY_COUNTS_KEY];
    unsigned char           value[GWC_FUZZ_VALUE];
    gateway_digest_key_t    key = gwc_fuzz_key();
    gateway_counts_entry_t  entry = { 0 };

    (void) state;

    memset(zone_key, 0x5a, sizeof(zone_key));

    /* less than a buffer, exactly one entry, several buffers */

    for (n = 0; n < 3000; n = n * 7 + 1) {
        int  fd = gwc_fuzz_file("", 0);

        assert_int_equal(gateway_counts_create(&file, fd, &gwc_fuzz_kind, &key,
                                               zone_key, 1000000),
                         GATEWAY_COUNTS_OK);

        for (i = 0; i < n; i++) {
            memset(entry.digest, (int) i, sizeof(entry.digest));
            memset(value, (int) (i >> 3), sizeof(value));
            entry.expires = (uint32_t) i;

            assert_int_equal(gateway_counts_write(&file, &entry, value),
                             GATEWAY_COUNTS_OK);
        }

        assert_int_equal(gateway_counts_finish(&file), GATEWAY_COUNTS_OK);

        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(gateway_counts_open(&file, fd, &gwc_fuzz_kind, &key,
                                             found_key, 1000000),
                         GATEWAY_COUNTS_OK);
        assert_memory_equal(found_key, zone_key, sizeof(zone_key));

        for (i = 0; i < n; i++) {
            assert_int_equal(gateway_counts_read(&file, &entry, value),
                             GATEWAY_COUNTS_OK);
            assert_int_equal(entry.expires, i);
            assert_int_equal(entry.digest[15], i & 255);
            assert_int_equal(value[GWC_FUZZ_VALUE - 1], i >> 3 & 255);
        }

        assert_int_equal(gateway_counts_read(&file, &entry, value),
                         GATEWAY_COUNTS_DONE);
    }
}


static void
the_key_of_the_zone_is_sealed(void **state)
{
    size_t         size, again;
    unsigned char  key[GATEWAY_COUNTS_KEY], first[GATEWAY_COUNTS_KEY];

    gateway_counts_header_t  header;

    (void) state;

    memset(key, 7, sizeof(key));
    size = gwc_fuzz_make(buf, 0);
    assert_int_equal(size, sizeof(header));
    memcpy(&header, buf, sizeof(header));
    memcpy(first, header.sealed, sizeof(first));
    assert_memory_not_equal(first, key, sizeof(key));

    /* each time in another way */

    again = gwc_fuzz_make(buf, 0);
    assert_int_equal(again, size);
    memcpy(&header, buf, sizeof(header));
    assert_memory_not_equal(header.sealed, first, sizeof(first));
    assert_memory_not_equal(header.sealed, key, sizeof(key));
}


static void
the_reason_is_told(void **state)
{
    size_t                   size, i;
    gateway_counts_kind_t    kind = gwc_fuzz_kind;
    gateway_counts_header_t  header;

    (void) state;

    size = gwc_fuzz_make(buf, 5);
    memcpy(&header, buf, sizeof(header));

    assert_int_equal(open_with(size, &kind, NULL), GATEWAY_COUNTS_OK);
    assert_int_equal(open_with(size, &kind, "another secret, 32 bytes or more"),
                     GATEWAY_COUNTS_FOREIGN);
    assert_int_equal(open_with(0, &kind, NULL), GATEWAY_COUNTS_OTHER);
    assert_int_equal(open_with(7, &kind, NULL), GATEWAY_COUNTS_OTHER);

    for (i = 8; i < size; i++) {
        assert_int_equal(open_with(i, &kind, NULL), GATEWAY_COUNTS_DAMAGED);
    }

    assert_int_equal(open_at(1000000 - GATEWAY_COUNTS_BACK, size, &kind, NULL),
                     GATEWAY_COUNTS_OK);
    assert_int_equal(open_at(1000000 - GATEWAY_COUNTS_BACK - 1, size, &kind,
                             NULL),
                     GATEWAY_COUNTS_FUTURE);
    assert_int_equal(open_at(INT64_MAX, size, &kind, NULL), GATEWAY_COUNTS_OK);

    kind.layout++;
    assert_int_equal(open_with(size, &kind, NULL), GATEWAY_COUNTS_MISPLACED);

    kind = gwc_fuzz_kind;
    kind.value_size += 8;
    assert_int_equal(open_with(size, &kind, NULL), GATEWAY_COUNTS_MISPLACED);

    kind = gwc_fuzz_kind;
    kind.zone[0] = 'Z';
    assert_int_equal(open_with(size, &kind, NULL), GATEWAY_COUNTS_MISPLACED);

    kind = gwc_fuzz_kind;
    header.version++;
    memcpy(buf, &header, sizeof(header));
    assert_int_equal(open_with(size, &kind, NULL), GATEWAY_COUNTS_NEWER);

    header.version--;
    header.order = 0x04030201;
    memcpy(buf, &header, sizeof(header));
    assert_int_equal(open_with(size, &kind, NULL), GATEWAY_COUNTS_NEWER);

    memset(buf, 0, sizeof(header));
    assert_int_equal(open_with(size, &kind, NULL), GATEWAY_COUNTS_OTHER);
}


/* any bit of a file, header and entries */
static void
no_bit_can_be_changed(void **state)
{
    size_t  i, size;

    (void) state;

    size = gwc_fuzz_make(buf, 3);

    for (i = 0; i < 8 * size; i++) {
        buf[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_int_equal(gwc_fuzz_read(buf, size), -1);
        buf[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    assert_int_equal(gwc_fuzz_read(buf, size), 3);
}


/* a count of entries that nobody could hold, properly signed */
static void
a_signed_lie_is_no_file(void **state)
{
    size_t    i, size;
    uint64_t  lies[] = { 0, 2, 4, 0x100000003, UINT64_MAX,
                         UINT64_MAX / 72 + 4 };

    (void) state;

    size = gwc_fuzz_make(buf, 3);

    for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        memcpy(buf + offsetof(gateway_counts_header_t, n), &lies[i], 8);
        gwc_fuzz_sign(buf, size);
        assert_int_equal(gwc_fuzz_read(buf, size), -1);
    }
}


static void
errors_of_the_system_are_told(void **state)
{
    int                     fd;
    size_t                  i;
    unsigned char           zone_key[GATEWAY_COUNTS_KEY] = { 0 };
    unsigned char           value[GWC_FUZZ_VALUE] = { 0 };
    gateway_counts_rc_e     rc;
    gateway_digest_key_t    key = gwc_fuzz_key();
    gateway_counts_entry_t  entry = { 0 };

    (void) state;

    fd = open("/dev/full", O_RDWR);

    if (fd == -1) {
        skip();
    }

    rc = gateway_counts_create(&file, fd, &gwc_fuzz_kind, &key, zone_key, 0);

    for (i = 0; i < 1000 && rc == GATEWAY_COUNTS_OK; i++) {
        rc = gateway_counts_write(&file, &entry, value);
    }

    assert_int_equal(rc, GATEWAY_COUNTS_ERROR);
    assert_int_equal(file.error, ENOSPC);
    close(fd);

    rc = gateway_counts_open(&file, fd, &gwc_fuzz_kind, &key, zone_key, 0);
    assert_int_equal(rc, GATEWAY_COUNTS_ERROR);
    assert_int_equal(file.error, EBADF);

    fd = open("/", O_RDONLY);
    rc = gateway_counts_open(&file, fd, &gwc_fuzz_kind, &key, zone_key, 0);
    assert_int_equal(rc, GATEWAY_COUNTS_OTHER);
    close(fd);
}


static void
mutated_files_do_no_harm(void **state)
{
    size_t  taken;

    (void) state;

    taken = gwc_fuzz_counts(1, 500);

    /* some of those that were signed anew */
    assert_in_range(taken, 500, 5000);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_key_of_the_zone_is_sealed),
        cmocka_unit_test(the_reason_is_told),
        cmocka_unit_test(no_bit_can_be_changed),
        cmocka_unit_test(a_signed_lie_is_no_file),
        cmocka_unit_test(errors_of_the_system_are_told),
        cmocka_unit_test(mutated_files_do_no_harm),
    };

    if (argc > 2) {
        printf("%zu were taken\n",
               gwc_fuzz_counts(strtoull(argv[1], NULL, 10),
                               strtoull(argv[2], NULL, 10)));
        return 0;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
