/*
 * Copyright (C) the ngx_gateway authors
 *
 * Fuzzing of tokens, key sets and PEM keys.  Whatever the bytes are, nothing
 * may crash; a token that verifies must be, byte for byte, one of those that
 * were signed; and keys that are taken must be strong enough.  The entry is
 * that of libFuzzer, where the first byte says what the others are; without
 * libFuzzer gwc_fuzz_jose() mutates seeds by itself, those of tokens inside
 * of their base64 too.  t/unit/jose_fuzz_test.c makes a short run of it.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_jose.h"

#define GWC_FUZZ_MAX 8192

/* RFC 7515, A.2 and A.3 */
#define GWC_FUZZ_CLAIMS                                                       \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN" \
    "vbS9pc19yb290Ijp0cnVlfQ"
#define GWC_FUZZ_ES256                                                        \
    "eyJhbGciOiJFUzI1NiJ9." GWC_FUZZ_CLAIMS                                   \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf" \
    "KTUJqPP3-Kg6NU1Q"
#define GWC_FUZZ_HS256                                                        \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." GWC_FUZZ_CLAIMS               \
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define GWC_FUZZ_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define GWC_FUZZ_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define GWC_FUZZ_EC                                                           \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" GWC_FUZZ_X                   \
    "\",\"y\":\"" GWC_FUZZ_Y "\",\"kid\":\"a\"}"
#define GWC_FUZZ_RSA                                                          \
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"use\":\"sig\",\"n\":" \
    "\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw" \
    "-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2" \
    "jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7W" \
    "TBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-" \
    "DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}"
#define GWC_FUZZ_OKP                                                          \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                   \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t gwc_fuzz_jose(uint64_t start, size_t runs);

/* the first byte: 't' a token, 'k' keys, 'p' PEM */
static const char *const gwc_fuzz_seeds[] = {
    "t" GWC_FUZZ_ES256,
    "t" GWC_FUZZ_HS256,
    /* {"alg":"none"}, {"alg":"RS256","kid":"../../dev/null","crit":["b64"]} */
    "teyJhbGciOiJub25lIn0." GWC_FUZZ_CLAIMS ".",
    "teyJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIiwiY3JpdCI6WyJiNjQiXX0"
    "." GWC_FUZZ_CLAIMS ".AAAA",
    "k{\"keys\":[" GWC_FUZZ_EC "," GWC_FUZZ_RSA "," GWC_FUZZ_OKP "]}",
    "k" GWC_FUZZ_EC,
    "k" GWC_FUZZ_RSA,
    "p-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n",
};

static const char *const gwc_fuzz_words[] = {
    ".",        "..",       "=",       "==",    "{",        "}",
    "[",        "]",        "\"",      "\\u0000", "\\ud800", "\xff",
    ",",        ":",        "null",    "1e999", "-1",       "9007199254740993",
    "\"alg\":", "\"none\"", "\"kid\":", "\"k\":", "\"d\":\"AQAB\"",
    "\"kty\":\"oct\"", "\"alg\":\"HS256\"", "e30", "AAAA", "\"jwk\":{}",
    "\"crv\":\"P-521\"", "\"keys\":[", "-----END",
};

#define GWC_FUZZ_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t gwc_fuzz_state;


static _Noreturn void
gwc_fuzz_wrong(const char *what, const char *text, size_t size)
{
    fprintf(stderr, "%s: %.*s\n", what, (int) size, text);
    abort();
}


/* 1 if it could be read */
static int
gwc_fuzz_token(const char *text, size_t size)
{
    static gateway_jose_keys_t *keys;
    static EVP_MAC_CTX *secret;
    unsigned char *buf;
    char why[128];
    gateway_jose_token_t token;
    gateway_jose_error_e error;
    const gateway_jose_key_t *key = NULL;

    if (keys == NULL) {
        keys = gateway_jose_read_keys(GWC_FUZZ_EC, sizeof(GWC_FUZZ_EC) - 1,
                                      why, sizeof(why));

        secret = gateway_jose_secret(gateway_jose_alg("HS256", 5),
                                     (const unsigned char *) "secret", 6);

        if (keys == NULL || secret == NULL) {
            gwc_fuzz_wrong("no key", why, strlen(why));
        }
    }

    /* as large as it is said to have to be */
    buf = malloc(size + 1);
    if (buf == NULL) {
        return 0;
    }

    error = gateway_jose_parse(&token, text, size, buf);

    if (error == GATEWAY_JOSE_OK) {

        if (token.alg == NULL || token.signed_len >= size
            || token.signature_len > size
            || text[token.signed_len] != '.')
        {
            gwc_fuzz_wrong("parts", text, size);
        }

        if (gateway_jose_verify_secret(secret, text, token.signed_len,
                                       token.signature, token.signature_len))
        {
            gwc_fuzz_wrong("forged", text, size);
        }

        if (gateway_jose_find(keys, "a", 1, token.alg, &key)
                == GATEWAY_JOSE_FOUND
            && gateway_jose_verify(token.alg, key->pkey, text,
                                   token.signed_len, token.signature,
                                   token.signature_len)
            && (size < sizeof(GWC_FUZZ_ES256) - 1
                || memcmp(text, GWC_FUZZ_ES256, sizeof(GWC_FUZZ_ES256) - 1)
                       != 0
                || strspn(text + sizeof(GWC_FUZZ_ES256) - 1, "=")
                       != size - (sizeof(GWC_FUZZ_ES256) - 1)))
        {
            gwc_fuzz_wrong("forged", text, size);
        }
    }

    gateway_jose_free_token(&token);
    free(buf);

    return error == GATEWAY_JOSE_OK;
}


static int
gwc_fuzz_keys(const char *text, size_t size)
{
    char why[128];
    size_t i;
    gateway_jose_keys_t *keys;

    keys = gateway_jose_read_keys(text, size, why, sizeof(why));

    if (keys == NULL) {
        return 0;
    }

    for (i = 0; i < keys->n; i++) {
        const gateway_jose_key_t *key = &keys->keys[i];

        if (key->pkey == NULL
            || (key->alg != NULL && !gateway_jose_fits(key->pkey, key->alg))
            || (EVP_PKEY_base_id(key->pkey) == EVP_PKEY_RSA
                && EVP_PKEY_bits(key->pkey) < 2048))
        {
            gwc_fuzz_wrong("weak", text, size);
        }
    }

    gateway_jose_free_keys(keys);

    return 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;
    EVP_PKEY *pkey;
    int good = 0;

    if (size == 0 || size > GWC_FUZZ_MAX) {
        return 0;
    }

    /* terminated, for the comparisons above; the functions must not need it */
    text = malloc(size);
    if (text == NULL) {
        return 0;
    }

    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';

    switch (data[0]) {

    case 't':
        good = gwc_fuzz_token(text, size - 1);
        break;

    case 'k':
        good = gwc_fuzz_keys(text, size - 1);
        break;

    default:
        pkey = gateway_jose_read_pem(text, size - 1);
        good = pkey != NULL;
        EVP_PKEY_free(pkey);
    }

    free(text);

    return good;
}


static size_t
gwc_fuzz_random(size_t n)
{
    gwc_fuzz_state = gwc_fuzz_state * 6364136223846793005U + 1442695040888963407U;

    return (size_t) (gwc_fuzz_state >> 33) % n;
}


/* some bytes at a random place give way to others */
static size_t
gwc_fuzz_splice(char *buf, size_t size, const char *text, size_t len,
                size_t less)
{
    size_t at = gwc_fuzz_random(size + 1);

    if (less > size - at) {
        less = size - at;
    }

    if (size - less + len > GWC_FUZZ_MAX) {
        return size;
    }

    memmove(buf + at + len, buf + at + less, size - at - less);
    memcpy(buf + at, text, len);

    return size - less + len;
}


static size_t
gwc_fuzz_mutate(char *buf, size_t size)
{
    const char *word;
    size_t n;

    for (n = gwc_fuzz_random(4); n > 0; n--) {
        switch (gwc_fuzz_random(3)) {

        case 0:
            if (size > 0) {
                buf[gwc_fuzz_random(size)] = (char) gwc_fuzz_random(256);
            }
            break;

        case 1:
            size = gwc_fuzz_splice(buf, size, "", 0, gwc_fuzz_random(6));
            break;

        default:
            word = gwc_fuzz_words[gwc_fuzz_random(
                GWC_FUZZ_COUNT(gwc_fuzz_words))];
            size = gwc_fuzz_splice(buf, size, word, strlen(word),
                                   gwc_fuzz_random(3));
        }
    }

    return size;
}


/* the first part of a token, decoded, mutated and encoded again */
static size_t
gwc_fuzz_inside(char *buf, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789-_";
    static char rest[2 * GWC_FUZZ_MAX];
    static unsigned char plain[2 * GWC_FUZZ_MAX];
    char *dot = memchr(buf, '.', size);
    size_t i, n, len, tail;
    int loose;

    if (dot == NULL
        || gateway_jose_decode(plain, &len, buf + 1, (size_t) (dot - buf - 1),
                               &loose)
               != 0)
    {
        return size;
    }

    tail = (size_t) (buf + size - dot);
    memcpy(rest, dot, tail);
    len = gwc_fuzz_mutate((char *) plain, len);

    if (len * 4 / 3 + 4 + tail > GWC_FUZZ_MAX) {
        return size;
    }

    memset(plain + len, 0, 3);
    n = 1;

    for (i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t) plain[i] << 16
                        | (uint32_t) plain[i + 1] << 8 | plain[i + 2];

        buf[n++] = digits[bits >> 18];
        buf[n++] = digits[bits >> 12 & 63];

        if (i + 1 < len) {
            buf[n++] = digits[bits >> 6 & 63];
        }

        if (i + 2 < len) {
            buf[n++] = digits[bits & 63];
        }
    }

    memcpy(buf + n, rest, tail);

    return n + tail;
}


/* how many of so many mutated seeds could be read */
size_t
gwc_fuzz_jose(uint64_t start, size_t runs)
{
    static char buf[2 * GWC_FUZZ_MAX];
    size_t i, size, good = 0;
    const char *seed;
    uint8_t *exact;

    gwc_fuzz_state = start * 2654435769U + 1;

    for (i = 0; i < runs; i++) {
        seed = gwc_fuzz_seeds[gwc_fuzz_random(GWC_FUZZ_COUNT(gwc_fuzz_seeds))];
        size = strlen(seed);
        memcpy(buf, seed, size);

        if (seed[0] == 't' && gwc_fuzz_random(2) == 0) {
            size = gwc_fuzz_inside(buf, size);

        } else {
            size = 1 + gwc_fuzz_mutate(buf + 1, size - 1);
        }

        if (size > GWC_FUZZ_MAX) {
            continue;
        }

        exact = malloc(size);
        if (exact == NULL) {
            break;
        }

        memcpy(exact, buf, size);
        good += LLVMFuzzerTestOneInput(exact, size) == 1;
        free(exact);
    }

    return good;
}
