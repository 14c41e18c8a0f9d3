/*
 * Copyright (C) the ngx_gateway authors
 *
 * Fuzzing of files of counts.  Whatever the bytes are, nothing may crash, and
 * no more is read than is there; what was changed without the secret is never
 * taken.  The entry is that of libFuzzer; the first byte of an input says
 * whether it is signed anew, which takes mutations past the header.  Without
 * libFuzzer gwc_fuzz_counts() makes files and mutates them by itself.
 * t/unit/counts_test.c makes a short run of it.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway_counts.h"

#define GWC_FUZZ_MAX   16384
#define GWC_FUZZ_VALUE 48

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t gwc_fuzz_counts(uint64_t start, size_t runs);

static const gateway_counts_kind_t gwc_fuzz_kind = { "zone", 1,
                                                     GWC_FUZZ_VALUE };

static uint64_t gwc_fuzz_state;


static _Noreturn void
gwc_fuzz_wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}


static gateway_digest_key_t
gwc_fuzz_key(void)
{
    static const char secret[] = "of the tests, 32 bytes and a few";
    gateway_digest_key_t key;

    gateway_digest_key(&key, secret, sizeof(secret) - 1,
                       GATEWAY_COUNTS_PURPOSE);

    return key;
}


/* a file in memory with these bytes */
static int
gwc_fuzz_file(const void *data, size_t size)
{
    static int fd = -1;

    if (fd == -1) {
        fd = memfd_create("counts", MFD_CLOEXEC);
    }

    if (fd == -1 || ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0
        || write(fd, data, size) != (ssize_t) size
        || lseek(fd, 0, SEEK_SET) != 0)
    {
        gwc_fuzz_wrong("no file in memory");
    }

    return fd;
}


/* what the writer would have put there for these bytes */
static void
gwc_fuzz_sign(unsigned char *data, size_t size)
{
    gateway_digest_key_t key = gwc_fuzz_key();
    gateway_counts_header_t header;
    gateway_digest_t digest;
    unsigned char id[GATEWAY_DIGEST_LEN];

    if (size < sizeof(header)) {
        return;
    }

    memcpy(&header, data, sizeof(header));

    gateway_digest_init(&digest, &key);
    gateway_digest_update(&digest, "name", 4);
    gateway_digest_final(&digest, id);
    memcpy(header.secret, id, sizeof(header.secret));

    gateway_digest_init(&digest, &key);
    gateway_digest_update(&digest, "data", 4);
    gateway_digest_update(&digest, header.nonce, sizeof(header.nonce));
    gateway_digest_update(&digest, data + sizeof(header),
                          size - sizeof(header));
    gateway_digest_final(&digest, header.entries);

    gateway_digest_init(&digest, &key);
    gateway_digest_update(&digest, "head", 4);
    gateway_digest_update(&digest, &header,
                          offsetof(gateway_counts_header_t, self));
    gateway_digest_final(&digest, header.self);

    memcpy(data, &header, sizeof(header));
}


/* how many entries were read; -1: the file was not taken */
static long
gwc_fuzz_read(const unsigned char *data, size_t size)
{
    static gateway_counts_file_t file;
    gateway_digest_key_t key = gwc_fuzz_key();
    gateway_counts_entry_t entry;
    gateway_counts_rc_e rc;
    unsigned char zone_key[GATEWAY_COUNTS_KEY], *value;
    size_t room = sizeof(entry) + GWC_FUZZ_VALUE;
    long n = 0;

    rc = gateway_counts_open(&file, gwc_fuzz_file(data, size), &gwc_fuzz_kind,
                             &key, zone_key, 1000000);

    if (rc == GATEWAY_COUNTS_DONE || rc == GATEWAY_COUNTS_ERROR) {
        gwc_fuzz_wrong("an answer that is none");
    }

    if (rc != GATEWAY_COUNTS_OK) {
        return -1;
    }

    /* of its own, so that a sanitizer sees a byte too many */
    value = malloc(GWC_FUZZ_VALUE);

    while (value != NULL
           && (rc = gateway_counts_read(&file, &entry, value))
                  == GATEWAY_COUNTS_OK)
    {
        if (memcmp(value,
                   data + sizeof(gateway_counts_header_t) + (size_t) n * room
                       + sizeof(entry),
                   GWC_FUZZ_VALUE)
            != 0)
        {
            gwc_fuzz_wrong("a value that was not written");
        }

        n++;
    }

    free(value);

    if (rc != GATEWAY_COUNTS_DONE
        || sizeof(gateway_counts_header_t) + (size_t) n * room != size)
    {
        gwc_fuzz_wrong("not all that was written");
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy;

    if (size == 0 || size > GWC_FUZZ_MAX) {
        return 0;
    }

    copy = malloc(size);

    if (copy == NULL) {
        return 0;
    }

    memcpy(copy, data + 1, size - 1);

    if (data[0] & 1) {
        gwc_fuzz_sign(copy, size - 1);
    }

    (void) gwc_fuzz_read(copy, size - 1);
    free(copy);

    return 0;
}


static size_t
gwc_fuzz_random(size_t n)
{
    gwc_fuzz_state =
        gwc_fuzz_state * 6364136223846793005U + 1442695040888963407U;

    return (size_t) (gwc_fuzz_state >> 33) % n;
}


/* a file of n entries, in buf; its size */
static size_t
gwc_fuzz_make(unsigned char *buf, size_t n)
{
    static gateway_counts_file_t file;
    gateway_digest_key_t key = gwc_fuzz_key();
    unsigned char zone_key[GATEWAY_COUNTS_KEY], value[GWC_FUZZ_VALUE];
    gateway_counts_entry_t entry = { 0 };
    int fd = gwc_fuzz_file("", 0);
    size_t i, k;
    ssize_t size;

    memset(zone_key, 7, sizeof(zone_key));

    if (gateway_counts_create(&file, fd, &gwc_fuzz_kind, &key, zone_key,
                              1000000)
        != GATEWAY_COUNTS_OK)
    {
        gwc_fuzz_wrong("no new file");
    }

    for (i = 0; i < n; i++) {
        entry.digest[0] = (unsigned char) i;
        entry.expires = (uint32_t) gwc_fuzz_random(UINT32_MAX);

        for (k = 0; k < sizeof(value); k++) {
            value[k] = (unsigned char) gwc_fuzz_random(256);
        }

        if (gateway_counts_write(&file, &entry, value) != GATEWAY_COUNTS_OK) {
            gwc_fuzz_wrong("no entry");
        }
    }

    if (gateway_counts_finish(&file) != GATEWAY_COUNTS_OK) {
        gwc_fuzz_wrong("no end");
    }

    size = pread(fd, buf, GWC_FUZZ_MAX, 0);

    if (size <= 0) {
        gwc_fuzz_wrong("no bytes");
    }

    return (size_t) size;
}


static size_t
gwc_fuzz_mutate(unsigned char *buf, size_t size)
{
    static const uint32_t numbers[] = {
        0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 1024, 1025, 47, 49
    };
    uint32_t number;
    size_t at;

    switch (gwc_fuzz_random(6)) {

    case 0:
        buf[gwc_fuzz_random(size)] ^= (unsigned char) (1
                                                       << gwc_fuzz_random(8));
        return size;

    case 1:
        return 1 + gwc_fuzz_random(size);

    case 2:
        at = gwc_fuzz_random(200);
        at = at < GWC_FUZZ_MAX - size ? at : GWC_FUZZ_MAX - size;
        memset(buf + size, 0xaa, at);
        return size + at;

    case 3:
        at = gwc_fuzz_random(size);
        memset(buf + at, 0, gwc_fuzz_random(size - at + 1));
        return size;

    case 4:
        /* a number of the header */
        at = 8 + 4 * gwc_fuzz_random(6);

        if (at + 4 <= size) {
            number = numbers[gwc_fuzz_random(sizeof(numbers)
                                             / sizeof(numbers[0]))];
            memcpy(buf + at, &number, 4);
        }

        return size;

    default:
        at = gwc_fuzz_random(size);
        memmove(buf + at, buf, size - at);
        return size;
    }
}


/* so many files, each with some mutations; how many were taken */
size_t
gwc_fuzz_counts(uint64_t start, size_t runs)
{
    static unsigned char good[GWC_FUZZ_MAX], buf[GWC_FUZZ_MAX];
    size_t i, k, n, size, len, taken = 0;
    int sign;

    gwc_fuzz_state = start;

    for (i = 0; i < runs; i++) {
        n = gwc_fuzz_random(60);
        size = gwc_fuzz_make(good, n);

        if (gwc_fuzz_read(good, size) != (long) n) {
            gwc_fuzz_wrong("what was written cannot be read");
        }

        for (k = 0; k < 20; k++) {
            memcpy(buf, good, size);
            len = size;

            do {
                len = gwc_fuzz_mutate(buf, len);
            } while (gwc_fuzz_random(3) == 0);

            sign = gwc_fuzz_random(2) == 0;

            if (sign) {
                gwc_fuzz_sign(buf, len);
            }

            if (gwc_fuzz_read(buf, len) != -1) {
                taken++;

                if (!sign && (len != size || memcmp(buf, good, size) != 0)) {
                    gwc_fuzz_wrong("a changed file was taken");
                }
            }
        }
    }

    return taken;
}
