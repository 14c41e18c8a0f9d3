/*
 * Copyright (C) the ngx_gateway authors
 *
 * Tokens and keys: the examples of RFC 7515, 7517 and 8037, and what must not
 * be taken for a token or a key.
 */

#include "gateway_jose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 7515, A.1 to A.4: the payload of three of them */
#define JOE                                                                   \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN" \
    "vbS9pc19yb290Ijp0cnVlfQ"

#define HS256                                                                 \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE                           \
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define HS256_SECRET                                                          \
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgU" \
    "uTwjAzZr1Z9CAow"

#define RS256                                                                 \
    "eyJhbGciOiJSUzI1NiJ9." JOE                                               \
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm" \
    "4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f" \
    "_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOL" \
    "n6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUT" \
    "I8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define RS256_N                                                               \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4q" \
    "PCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ4" \
    "7soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBE" \
    "Ma2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWN" \
    "moudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"

#define ES256                                                                 \
    "eyJhbGciOiJFUzI1NiJ9." JOE                                               \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf" \
    "KTUJqPP3-Kg6NU1Q"
#define ES256_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define ES256_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

#define ES512_TEXT "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA"
#define ES512_SIG                                                             \
    "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-" \
    "KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7i" \
    "KvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
#define ES512_X                                                               \
    "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS" \
    "9tsz4qUxcWceqwQGk"
#define ES512_Y                                                               \
    "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMa" \
    "Zmh9ubmf63e3kyMj2"

/* RFC 8037, A.2 and A.4 */
#define ED25519_TEXT                                                          \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
#define ED25519_SIG                                                           \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g" \
    "7sVvpAr_MuM0KAg"
#define ED25519_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

#define RSA_JWK(rest)                                                         \
    "{\"kty\":\"RSA\",\"n\":\"" RS256_N "\",\"e\":\"AQAB\"" rest "}"
#define EC_JWK(rest)                                                          \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ES256_X                      \
    "\",\"y\":\"" ES256_Y "\"" rest "}"
#define ED_JWK                                                                \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_X "\"}"

static char why[256];


static gateway_jose_keys_t *
read_keys(const char *json)
{
    why[0] = '\0';

    return gateway_jose_read_keys(json, strlen(json), why, sizeof(why));
}


/* a set that has to be there, of one key that is left */
static gateway_jose_keys_t *
one_key(const char *json)
{
    gateway_jose_keys_t *keys = read_keys(json);

    if (keys == NULL) {
        fail_msg("%s", why);
    }

    assert_int_equal(keys->n, 1);

    return keys;
}


static size_t
decode(unsigned char *dst, const char *text)
{
    int loose;
    size_t len;

    assert_int_equal(
        gateway_jose_decode(dst, &len, text, strlen(text), &loose), 0);
    assert_int_equal(loose, 0);

    return len;
}


static int
verify_text(const char *alg, const char *jwk, const char *text,
            const char *signature)
{
    unsigned char buf[512];
    gateway_jose_keys_t *keys = one_key(jwk);
    size_t len = decode(buf, signature);
    int ok;

    ok = gateway_jose_verify(gateway_jose_alg(alg, strlen(alg)),
                             keys->keys[0].pkey, text, strlen(text), buf, len);

    gateway_jose_free_keys(keys);

    return ok;
}


static gateway_jose_error_e
parse(gateway_jose_token_t *token, const char *text, unsigned char *buf)
{
    return gateway_jose_parse(token, text, strlen(text), buf);
}


/* 1 if the token is right under the first key of the set */
static int
verify_token(const char *text, const char *jwk)
{
    unsigned char buf[4096];
    gateway_jose_token_t token;
    gateway_jose_keys_t *keys = one_key(jwk);
    int ok = 0;

    if (parse(&token, text, buf) == GATEWAY_JOSE_OK
        && gateway_jose_fits(keys->keys[0].pkey, token.alg))
    {
        ok = gateway_jose_verify(token.alg, keys->keys[0].pkey, token.text,
                                 token.signed_len, token.signature,
                                 token.signature_len);
    }

    gateway_jose_free_token(&token);
    gateway_jose_free_keys(keys);

    return ok;
}


static void
examples_of_the_rfcs_verify(void **state)
{
    unsigned char buf[1024], secret[128];
    gateway_jose_token_t token;
    EVP_MAC_CTX *mac, *other;
    size_t len;
    int i;

    (void) state;

    len = decode(secret, HS256_SECRET);

    assert_int_equal(parse(&token, HS256, buf), GATEWAY_JOSE_OK);
    assert_string_equal(token.alg->name, "HS256");

    mac = gateway_jose_secret(token.alg, secret, len);
    other = gateway_jose_secret(token.alg, secret, len - 1);
    assert_non_null(mac);
    assert_non_null(other);

    /* one after the other, each from the beginning */
    for (i = 0; i < 3; i++) {
        assert_true(gateway_jose_verify_secret(
            mac, token.text, token.signed_len, token.signature,
            token.signature_len));
        assert_false(gateway_jose_verify_secret(
            mac, token.text, token.signed_len - 1, token.signature,
            token.signature_len));
        assert_false(gateway_jose_verify_secret(
            mac, token.text, token.signed_len, token.signature,
            token.signature_len - 1));
        assert_false(gateway_jose_verify_secret(
            other, token.text, token.signed_len, token.signature,
            token.signature_len));
    }

    EVP_MAC_CTX_free(mac);
    EVP_MAC_CTX_free(other);

    assert_null(gateway_jose_secret(gateway_jose_alg("RS256", 5), secret,
                                    len));
    assert_string_equal(json_string_value(json_object_get(token.claims,
                                                          "iss")),
                        "joe");
    gateway_jose_free_token(&token);

    assert_true(verify_token(RS256, RSA_JWK("")));
    assert_true(verify_token(ES256, EC_JWK("")));
    assert_false(verify_token(ES256, RSA_JWK("")));

    assert_true(verify_text("ES512",
                            "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\""
                            ES512_X "\",\"y\":\"" ES512_Y "\"}",
                            ES512_TEXT, ES512_SIG));
    assert_true(verify_text("EdDSA", ED_JWK, ED25519_TEXT, ED25519_SIG));
    assert_false(verify_text("EdDSA", ED_JWK, ED25519_TEXT "x", ED25519_SIG));
}


static void
another_text_of_a_signature_is_none(void **state)
{
    char text[] = ES256;
    size_t last = sizeof(text) - 2;

    (void) state;

    /* "Q" has four bits that say nothing: "R" would mean the same */

    assert_int_equal(text[last], 'Q');
    text[last] = 'R';
    assert_false(verify_token(text, EC_JWK("")));

    text[last] = 'A';
    assert_false(verify_token(text, EC_JWK("")));
}


static void
signatures_of_nothing_are_none(void **state)
{
    unsigned char zero[132] = { 0 }, order[64];
    gateway_jose_keys_t *keys = one_key(EC_JWK(""));
    const gateway_jose_alg_t *alg = gateway_jose_alg("ES256", 5);
    EVP_PKEY *pkey = keys->keys[0].pkey;
    size_t i;

    /* of P-256 */
    static const unsigned char n[32] = {
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    };

    (void) state;

    for (i = 0; i <= sizeof(zero); i++) {
        assert_false(gateway_jose_verify(alg, pkey, "text", 4, zero, i));
    }

    memcpy(order, n, 32);
    memcpy(order + 32, n, 32);
    assert_false(gateway_jose_verify(alg, pkey, "text", 4, order, 64));

    gateway_jose_free_keys(keys);
}


static void
sizes_of_ecdsa_signatures_are_fixed(void **state)
{
    unsigned char buf[256];
    gateway_jose_keys_t *keys = one_key(EC_JWK(""));
    const gateway_jose_alg_t *alg = gateway_jose_alg("ES256", 5);
    const char *dot = strrchr(ES256, '.');
    size_t len = decode(buf, dot + 1);

    (void) state;

    assert_true(gateway_jose_verify(alg, keys->keys[0].pkey, ES256,
                                    (size_t) (strrchr(ES256, '.') - ES256),
                                    buf, len));
    assert_false(gateway_jose_verify(alg, keys->keys[0].pkey, ES256,
                                     (size_t) (strrchr(ES256, '.') - ES256),
                                     buf, len - 1));

    /* the same numbers with zeros before them */
    memmove(buf + 34, buf + 32, 32);
    memmove(buf + 1, buf, 32);
    buf[0] = 0;
    buf[33] = 0;
    assert_false(gateway_jose_verify(alg, keys->keys[0].pkey, ES256,
                                     (size_t) (strrchr(ES256, '.') - ES256),
                                     buf, 66));

    gateway_jose_free_keys(keys);
}


static void
only_real_algorithms_are_known(void **state)
{
    static const char *const names[] = {
        "none", "None", "NONE", "nOnE", "", "HS", "hs256", "HS256 ", "RS1",
        "ES256K", "RSA-OAEP", "dir", "EdDSA\n",
    };
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_null(gateway_jose_alg(names[i], strlen(names[i])));
    }

    /* a name is as long as it says */
    assert_null(gateway_jose_alg("HS256\0x", 7));
}


static void
broken_tokens_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        gateway_jose_error_e error;
    } tokens[] = {
        { "", GATEWAY_JOSE_BAD_JSON },
        { ".", GATEWAY_JOSE_BAD_JSON },
        { "..", GATEWAY_JOSE_BAD_JSON },
        { "e30.e30", GATEWAY_JOSE_BAD_JSON },
        { "e30.e30.", GATEWAY_JOSE_BAD_ALG },
        { "e30..", GATEWAY_JOSE_BAD_JSON },
        { "W10.e30.", GATEWAY_JOSE_BAD_ALG },
        /* {"alg":"none"} */
        { "eyJhbGciOiJub25lIn0.e30.", GATEWAY_JOSE_BAD_ALG },
        /* {"alg":null} */
        { "eyJhbGciOm51bGx9.e30.", GATEWAY_JOSE_BAD_ALG },
        /* {"alg":["HS256"]} */
        { "eyJhbGciOlsiSFMyNTYiXX0.e30.", GATEWAY_JOSE_BAD_ALG },
        /* {"alg":"HS256"} */
        { "eyJhbGciOiJIUzI1NiJ9.e30.", GATEWAY_JOSE_OK },
        { "eyJhbGciOiJIUzI1NiJ9.MQ.", GATEWAY_JOSE_BAD_CLAIMS },
        { "eyJhbGciOiJIUzI1NiJ9.bnVsbA.", GATEWAY_JOSE_BAD_CLAIMS },
        { "eyJhbGciOiJIUzI1NiJ9.e30.e", GATEWAY_JOSE_BAD_SIGNATURE },
        { "eyJhbGciOiJIUzI1NiJ9.e30.e3+0", GATEWAY_JOSE_BAD_SIGNATURE },
        { "eyJhbGciOiJIUzI1NiJ9.e30.e30.e30", GATEWAY_JOSE_BAD_SIGNATURE },
        { "eyJhbGciOiJIUzI1NiJ9.e30.e3 0", GATEWAY_JOSE_BAD_SIGNATURE },
        { "eyJhbGciOiJIUzI1NiJ9.e30.e30===", GATEWAY_JOSE_BAD_SIGNATURE },
        /* {"alg":"HS256","alg":"RS256"} */
        { "eyJhbGciOiJIUzI1NiIsImFsZyI6IlJTMjU2In0.e30.",
          GATEWAY_JOSE_BAD_JSON },
        /* {"a":1,"a":2} */
        { "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxLCJhIjoyfQ.", GATEWAY_JOSE_BAD_JSON },
        /* {"a":1}x */
        { "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfXg.", GATEWAY_JOSE_BAD_JSON },
        /* {"a":"\xff"}, {"a":"\u0000"}, {"a":"\ud800"} */
        { "eyJhbGciOiJIUzI1NiJ9.eyJhIjoi_yJ9.", GATEWAY_JOSE_BAD_JSON },
        { "eyJhbGciOiJIUzI1NiJ9.eyJhIjoiXHUwMDAwIn0.", GATEWAY_JOSE_BAD_JSON },
        { "eyJhbGciOiJIUzI1NiJ9.eyJhIjoiXHVkODAwIn0.", GATEWAY_JOSE_BAD_JSON },
    };
    gateway_jose_token_t token;
    unsigned char buf[256];
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        gateway_jose_error_e error = parse(&token, tokens[i].text, buf);

        if (error != tokens[i].error) {
            fail_msg("%s: %d", tokens[i].text, (int) error);
        }

        gateway_jose_free_token(&token);
    }
}


static void
long_and_deep_tokens_are_refused(void **state)
{
    gateway_jose_token_t token;
    unsigned char *buf = malloc(2 * GATEWAY_JOSE_TOKEN);
    char *text = malloc(2 * GATEWAY_JOSE_TOKEN);
    size_t i, n;

    (void) state;

    /* "[[[[" is "W1tb..." */
    n = (size_t) sprintf(text, "eyJhbGciOiJIUzI1NiJ9.");

    for (i = 0; i < 3000; i++) {
        n += (size_t) sprintf(text + n, "W1tb");
    }

    n += (size_t) sprintf(text + n, ".");

    assert_int_equal(gateway_jose_parse(&token, text, n, buf),
                     GATEWAY_JOSE_BAD_JSON);
    gateway_jose_free_token(&token);

    n = (size_t) sprintf(text, "eyJhbGciOiJIUzI1NiJ9.e30.");
    memset(text + n, 'A', GATEWAY_JOSE_TOKEN);

    assert_int_equal(gateway_jose_parse(&token, text, GATEWAY_JOSE_TOKEN, buf),
                     GATEWAY_JOSE_OK);
    gateway_jose_free_token(&token);

    assert_int_equal(
        gateway_jose_parse(&token, text, GATEWAY_JOSE_TOKEN + 1, buf),
        GATEWAY_JOSE_BAD_JSON);
    gateway_jose_free_token(&token);

    free(text);
    free(buf);
}


static void
broken_keys_are_refused(void **state)
{
    static const struct {
        const char *jwk;
        const char *why;
    } keys[] = {
        { "", "it is no JSON" },
        { "[]", "it has no \"keys\"" },
        { "{}", "it has no \"keys\"" },
        { "{\"keys\":{}}", "it has no \"keys\"" },
        { "{\"keys\":[]}", "no key of use in it" },
        { "{\"keys\":[1]}", "key 1: it has no \"kty\"" },
        { "{\"keys\":[],\"keys\":[]}", "it is no JSON" },
        { "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", "symmetric" },
        { RSA_JWK(",\"d\":\"AQAB\""), "it is a private key" },
        { EC_JWK(",\"d\":\"AQAB\""), "it is a private key" },
        { RSA_JWK(",\"kid\":1"), "\"kid\" is no string" },
        { RSA_JWK(",\"alg\":1"), "\"alg\" is no string" },
        { RSA_JWK(",\"alg\":\"ES256\""), "does not fit the key" },
        { "{\"kty\":\"RSA\",\"n\":\"" RS256_N "\"}", "\"n\" or \"e\"" },
        { "{\"kty\":\"RSA\",\"n\":\"" RS256_N "\",\"e\":\"AQ\"}",
          "\"e\" is no exponent" },
        { "{\"kty\":\"RSA\",\"n\":\"" RS256_N "\",\"e\":\"AQAA\"}",
          "\"e\" is no exponent" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
          "\"n\" is no modulus" },
        { "{\"kty\":\"RSA\",\"n\":\"A+AB\",\"e\":\"AQAB\"}", "base64url" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ES256_Y
          "\",\"y\":\"" ES256_X "\"}",
          "it is no point of its curve" },
        { "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" ES256_X
          "\",\"y\":\"" ES256_Y "\"}",
          "of a wrong size" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ES256_X "\"}",
          "\"x\" or \"y\" is missing" },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}",
          "of a wrong size" },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED25519_X "\"}",
          "of a wrong size" },
    };
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_null(read_keys(keys[i].jwk));

        if (strstr(why, keys[i].why) == NULL) {
            fail_msg("%s: %s", keys[i].jwk, why);
        }
    }
}


static void
keys_of_no_use_are_left_out(void **state)
{
    gateway_jose_keys_t *keys;

    (void) state;

    /* the last one is left, and nothing is wrong with the others */

    keys = one_key("{\"keys\":[" RSA_JWK(",\"use\":\"enc\"") ","
                   RSA_JWK(",\"key_ops\":[\"encrypt\"]") ","
                   RSA_JWK(",\"alg\":\"RSA-OAEP\"") ","
                   "{\"kty\":\"new\"},"
                   "{\"kty\":\"EC\",\"crv\":\"secp256k1\"},"
                   "{\"kty\":\"OKP\",\"crv\":\"X25519\"},"
                   RSA_JWK(",\"use\":\"sig\",\"key_ops\":[\"verify\"],"
                           "\"kid\":\"a\",\"x5c\":[\"x\"]") "]}");

    assert_int_equal(keys->skipped, 6);
    assert_string_equal(keys->problem, "");
    assert_string_equal(keys->keys[0].kid, "a");
    gateway_jose_free_keys(keys);

    /* a broken one among others is told */

    keys = one_key("{\"keys\":[{\"kty\":\"RSA\"}," ED_JWK "]}");
    assert_non_null(strstr(keys->problem, "key 1:"));
    gateway_jose_free_keys(keys);
}


static void
keys_are_found_by_id_and_algorithm(void **state)
{
    const gateway_jose_alg_t *rs = gateway_jose_alg("RS256", 5);
    const gateway_jose_alg_t *ps = gateway_jose_alg("PS256", 5);
    const gateway_jose_alg_t *es = gateway_jose_alg("ES256", 5);
    const gateway_jose_alg_t *es384 = gateway_jose_alg("ES384", 5);
    const gateway_jose_alg_t *hs = gateway_jose_alg("HS256", 5);
    const gateway_jose_key_t *key = NULL;
    gateway_jose_keys_t *keys;

    (void) state;

    keys = read_keys("{\"keys\":[" RSA_JWK(",\"kid\":\"a\",\"alg\":\"RS256\"")
                     "," EC_JWK(",\"kid\":\"a\"") ","
                     EC_JWK(",\"kid\":\"b\"") "]}");
    assert_non_null(keys);
    assert_int_equal(keys->n, 3);

    assert_int_equal(gateway_jose_find(keys, "a", 1, rs, &key),
                     GATEWAY_JOSE_FOUND);
    assert_ptr_equal(key, &keys->keys[0]);
    assert_int_equal(gateway_jose_find(keys, "a", 1, es, &key),
                     GATEWAY_JOSE_FOUND);
    assert_ptr_equal(key, &keys->keys[1]);
    assert_int_equal(gateway_jose_find(keys, "a", 1, ps, &key),
                     GATEWAY_JOSE_MISFIT);
    assert_int_equal(gateway_jose_find(keys, "a", 1, es384, &key),
                     GATEWAY_JOSE_MISFIT);
    assert_int_equal(gateway_jose_find(keys, "a", 1, hs, &key),
                     GATEWAY_JOSE_MISFIT);
    assert_int_equal(gateway_jose_find(keys, "b", 1, rs, &key),
                     GATEWAY_JOSE_MISFIT);
    assert_int_equal(gateway_jose_find(keys, "c", 1, rs, &key),
                     GATEWAY_JOSE_UNKNOWN);
    assert_int_equal(gateway_jose_find(keys, "a\0", 2, rs, &key),
                     GATEWAY_JOSE_UNKNOWN);
    assert_int_equal(gateway_jose_find(keys, "", 0, rs, &key),
                     GATEWAY_JOSE_UNKNOWN);

    /* without an id */

    assert_int_equal(gateway_jose_find(keys, NULL, 0, rs, &key),
                     GATEWAY_JOSE_FOUND);
    assert_ptr_equal(key, &keys->keys[0]);
    assert_int_equal(gateway_jose_find(keys, NULL, 0, es, &key),
                     GATEWAY_JOSE_AMBIGUOUS);

    gateway_jose_free_keys(keys);
}


static void
equal_keys_have_equal_digests(void **state)
{
    gateway_jose_keys_t *a = one_key(RSA_JWK(",\"kid\":\"a\""));
    gateway_jose_keys_t *b = one_key(RSA_JWK(",\"kid\":\"b\""));
    gateway_jose_keys_t *c = one_key(EC_JWK(""));

    (void) state;

    assert_memory_equal(a->keys[0].digest, b->keys[0].digest,
                        GATEWAY_JOSE_DIGEST);
    assert_memory_not_equal(a->keys[0].digest, c->keys[0].digest,
                            GATEWAY_JOSE_DIGEST);

    gateway_jose_free_keys(a);
    gateway_jose_free_keys(b);
    gateway_jose_free_keys(c);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfcs_verify),
        cmocka_unit_test(another_text_of_a_signature_is_none),
        cmocka_unit_test(signatures_of_nothing_are_none),
        cmocka_unit_test(sizes_of_ecdsa_signatures_are_fixed),
        cmocka_unit_test(only_real_algorithms_are_known),
        cmocka_unit_test(broken_tokens_are_told_apart),
        cmocka_unit_test(long_and_deep_tokens_are_refused),
        cmocka_unit_test(broken_keys_are_refused),
        cmocka_unit_test(keys_of_no_use_are_left_out),
        cmocka_unit_test(keys_are_found_by_id_and_algorithm),
        cmocka_unit_test(equal_keys_have_equal_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
