/*
 * Copyright (C) the ngx_gateway authors
 *
 * Fuzzing of what stands in Authorization: any bytes are read as credentials
 * of basic-auth and of hmac-auth, in memory that ends where they end, and
 * what comes out must be what its description says.  Also hashes of
 * passwords.  The entry is that of libFuzzer; without libFuzzer
 * gwc_fuzz_authorizations() mutates seeds by itself.
 * t/unit/authorization_test.c makes a short run of it.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway_authorization.h"
#include "gateway_password.h"

#define GWC_FUZZ_MAX 512

#define GWC_FUZZ_COUNT(a) (sizeof(a) / sizeof((a)[0]))


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t gwc_fuzz_authorizations(uint64_t start, size_t runs);

static const char *const gwc_fuzz_seeds[] = {
    "Basic Ym9iOmtvbmc=",
    "basic dXNlcjMyMTpwYXNzd29yZDoxMjM=",
    "some Basic \t Ym9iOg",
    "Basic Basic Ym9iOmtvbmc=",
    "Basic Ym9i",
    "hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date "
    "@request-target\", signature=\"Ym9iOmtvbmc=\"",
    "Hmac username=\"b\"o\"b\",algorithm=\"a\",headers=\"\",signature=\"x\"",
    "hmac hmac username=\"u\", algorithm=\"a\", headers=\"h\", algorithm=\"b\""
    ", headers=\"i\", signature=\"s\", signature=\"t\" trailing",
    "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ"
    "7",
    "$6$rounds=5000$salt$",
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$"
    "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
};

static const char *const gwc_fuzz_words[] = {
    "Basic",      "basic", "hmac", "Hmac", "username=\"", "algorithm=\"",
    "headers=\"", "signature=\"", "\"", "\", ", ",", " ", "\t", "=", "==",
    "Og==", "Om", "Zm9v", "$", "$2y$", "$y$", "$6$", "rounds=", "$argon2id$",
    "m=", ",t=", ",p=", "999999999", "\xff", "+/"
};

static uint64_t gwc_fuzz_state;


static void
gwc_fuzz_expect(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}


/* the base64 at the end of the value, decoded by OpenSSL */
static void
gwc_fuzz_compare(const gateway_authorization_basic_t *basic,
                 const uint8_t *value, size_t size)
{
    unsigned char text[GWC_FUZZ_MAX + 8], out[GWC_FUZZ_MAX + 8];
    size_t n = 0, len, padding, i;
    int decoded;

    for (i = 0; i + 5 < size; i++) {
        if ((value[i] | 0x20) == 'b' && memcmp(value + i + 1, "asic", 4) == 0)
        {
            break;
        }
    }

    for (i += 5; i < size && (value[i] == ' ' || value[i] == '\t'); i++) {
        /* void */
    }

    while (i < size && value[i] != '=') {
        text[n++] = value[i++];
    }

    padding = (4 - n % 4) % 4;
    memset(text + n, '=', padding);
    decoded = EVP_DecodeBlock(out, text, (int) (n + padding));
    gwc_fuzz_expect(decoded >= 0, "OpenSSL reads the base64");

    len = basic->username.len + 1 + basic->password.len;
    gwc_fuzz_expect(len == (size_t) decoded - padding, "its length");
    gwc_fuzz_expect(memcmp(out, basic->username.data, len) == 0, "its bytes");
}


static void
gwc_fuzz_basic(const uint8_t *value, size_t size)
{
    size_t room = gateway_authorization_decoded(size);
    unsigned char *buf = malloc(room ? room : 1);
    gateway_authorization_basic_t basic;

    if (buf == NULL) {
        abort();
    }

    if (gateway_authorization_basic(&basic, value, size, buf) == 0) {
        gwc_fuzz_expect(basic.username.len > 0, "a username is not empty");
        gwc_fuzz_expect(basic.username.data == buf, "it is decoded first");
        gwc_fuzz_expect(memchr(buf, ':', basic.username.len) == NULL,
                        "it ends at the first colon");
        gwc_fuzz_expect(basic.password.data == buf + basic.username.len + 1,
                        "the password comes next");
        gwc_fuzz_expect(basic.username.len + 1 + basic.password.len <= room,
                        "there is room");
        gwc_fuzz_compare(&basic, value, size);
    }

    free(buf);
}


static void
gwc_fuzz_inside(const gateway_authorization_part_t *part,
                const unsigned char *from, const unsigned char *to)
{
    gwc_fuzz_expect(part->len > 0, "a part is not empty");
    gwc_fuzz_expect(part->data > from && part->data[-1] == '"',
                    "a quote is before it");
    gwc_fuzz_expect(part->data + part->len < to && part->data[part->len] == '"',
                    "and one behind it");
}


static void
gwc_fuzz_hmac(unsigned char *value, size_t size)
{
    gateway_authorization_hmac_t hmac;

    if (gateway_authorization_hmac(&hmac, value, size) == 0) {
        gwc_fuzz_inside(&hmac.username, value, value + size);
        gwc_fuzz_inside(&hmac.algorithm, hmac.username.data, value + size);
        gwc_fuzz_inside(&hmac.headers, hmac.algorithm.data, value + size);
        gwc_fuzz_inside(&hmac.signature, hmac.headers.data, value + size);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy;
    const char *why = NULL;
    gateway_password_e kind;

    if (size > GWC_FUZZ_MAX) {
        return 0;
    }

    copy = malloc(size ? size : 1);

    if (copy == NULL) {
        abort();
    }

    memcpy(copy, data, size);

    gwc_fuzz_basic(copy, size);
    gwc_fuzz_hmac(copy, size);

    kind = gateway_password_kind((char *) copy, size, &why);
    gwc_fuzz_expect(kind != GATEWAY_PASSWORD_UNKNOWN || why != NULL,
                    "there is a reason");
    gwc_fuzz_expect(kind == GATEWAY_PASSWORD_UNKNOWN
                        || gateway_password_resembles((char *) copy, size),
                    "a hash looks like one");
    free(copy);

    return 0;
}


static uint64_t
gwc_fuzz_random(uint64_t below)
{
    gwc_fuzz_state ^= gwc_fuzz_state << 13;
    gwc_fuzz_state ^= gwc_fuzz_state >> 7;
    gwc_fuzz_state ^= gwc_fuzz_state << 17;

    return gwc_fuzz_state % below;
}


/* cuts, puts words in, changes bytes */
static size_t
gwc_fuzz_mutate(uint8_t *data, size_t len)
{
    const char *word;
    size_t at, n;

    switch (gwc_fuzz_random(4)) {

    case 0:
        at = gwc_fuzz_random(len + 1);
        n = gwc_fuzz_random(len - at + 1);
        memmove(data + at, data + at + n, len - at - n);
        return len - n;

    case 1:
        word = gwc_fuzz_words[gwc_fuzz_random(GWC_FUZZ_COUNT(gwc_fuzz_words))];
        n = strlen(word);
        at = gwc_fuzz_random(len + 1);

        if (len + n > GWC_FUZZ_MAX) {
            return len;
        }

        memmove(data + at + n, data + at, len - at);
        memcpy(data + at, word, n);
        return len + n;

    case 2:
        n = gwc_fuzz_random(len + 1);
        at = gwc_fuzz_random(len + 1);

        if (len + n > GWC_FUZZ_MAX || at + n > len) {
            return len;
        }

        memmove(data + at + n, data + at, len - at);
        return len + n;

    default:
        if (len) {
            data[gwc_fuzz_random(len)] = (uint8_t) gwc_fuzz_random(256);
        }
        return len;
    }
}


/* returns how many were credentials of one kind or the other */
size_t
gwc_fuzz_authorizations(uint64_t start, size_t runs)
{
    gateway_authorization_basic_t basic;
    gateway_authorization_hmac_t hmac;
    unsigned char buf[GWC_FUZZ_MAX + 4];
    uint8_t data[GWC_FUZZ_MAX];
    size_t i, len, changes, understood = 0;
    const char *seed;

    gwc_fuzz_state = start * 2654435761U + 1;

    for (i = 0; i < runs; i++) {
        seed = gwc_fuzz_seeds[i % GWC_FUZZ_COUNT(gwc_fuzz_seeds)];
        len = strlen(seed);
        memcpy(data, seed, len);

        changes = i < GWC_FUZZ_COUNT(gwc_fuzz_seeds) ? 0
                                                     : gwc_fuzz_random(6) + 1;

        while (changes--) {
            len = gwc_fuzz_mutate(data, len);
        }

        (void) LLVMFuzzerTestOneInput(data, len);

        understood += gateway_authorization_basic(&basic, data, len, buf) == 0
                      || gateway_authorization_hmac(&hmac, data, len) == 0;
    }

    return understood;
}
