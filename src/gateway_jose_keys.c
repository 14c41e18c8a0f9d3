
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Public keys in JSON, RFC 7517, 7518 section 6, 8037.  What a key says about
 * itself is checked strictly: a wrong point or a weak modulus would make
 * signatures worthless.
 */


#include "gateway_jose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>


/* bits of an RSA modulus: RFC 7518, 3.3, and what verifying may cost */
#define GATEWAY_JOSE_RSA_MIN  2048
#define GATEWAY_JOSE_RSA_MAX  8192

/* of a member, decoded */
#define GATEWAY_JOSE_MEMBER   (GATEWAY_JOSE_RSA_MAX / 8 + 1)


static const char *gateway_jose_add_key(gateway_jose_keys_t *keys,
    json_t *jwk, int *skip);
static int gateway_jose_is_for_us(json_t *jwk);
static const char *gateway_jose_rsa(json_t *jwk, EVP_PKEY **pkey);
static const char *gateway_jose_ec(json_t *jwk, EVP_PKEY **pkey, int *skip);
static const char *gateway_jose_okp(json_t *jwk, EVP_PKEY **pkey, int *skip);
static EVP_PKEY *gateway_jose_from(const char *type, OSSL_PARAM_BLD *build);
static int gateway_jose_member(json_t *jwk, const char *name,
    unsigned char buf[GATEWAY_JOSE_MEMBER], size_t *len);
static int gateway_jose_is(json_t *jwk, const char *name, const char *value);


gateway_jose_keys_t *
gateway_jose_read_keys(const char *json, size_t len, char *why,
    size_t why_size)
{
    int                   skip;
    size_t                i;
    json_t               *set, *list, *jwk;
    const char           *problem;
    json_error_t          error;
    gateway_jose_keys_t  *keys;

    if (len > GATEWAY_JOSE_SET) {
        (void) snprintf(why, why_size, "it is too long");
        return NULL;
    }

    set = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);

    if (set == NULL) {
        (void) snprintf(why, why_size, "it is no JSON: %s", error.text);
        return NULL;
    }

    list = json_object_get(set, "keys");

    if (json_is_string(json_object_get(set, "kty"))) {
        list = json_pack("[O]", set);

    } else if (json_is_array(list)) {
        json_incref(list);

    } else {
        (void) snprintf(why, why_size, "it has no \"keys\"");
        json_decref(set);
        return NULL;
    }

    keys = calloc(1, sizeof(gateway_jose_keys_t));

    if (keys == NULL) {
        (void) snprintf(why, why_size, "no memory");
        json_decref(list);
        json_decref(set);
        return NULL;
    }

    if (list == NULL) {
        (void) snprintf(why, why_size, "no memory");
        goto failed;
    }

    if (json_array_size(list) > GATEWAY_JOSE_KEYS) {
        (void) snprintf(why, why_size, "it has more than %d keys",
                        GATEWAY_JOSE_KEYS);
        goto failed;
    }

    json_array_foreach(list, i, jwk) {

        skip = 0;
        problem = gateway_jose_add_key(keys, jwk, &skip);

        ERR_clear_error();

        if (problem == NULL && !skip) {
            continue;
        }

        keys->skipped++;

        if (problem != NULL && keys->problem[0] == '\0') {
            (void) snprintf(keys->problem, sizeof(keys->problem),
                            "key %zu: %s", i + 1, problem);
        }
    }

    if (keys->n == 0) {
        (void) snprintf(why, why_size, "no key of use in it%s%s",
                        keys->problem[0] ? ": " : "", keys->problem);
        goto failed;
    }

    json_decref(list);
    json_decref(set);

    return keys;

failed:

    gateway_jose_free_keys(keys);
    json_decref(list);
    json_decref(set);

    return NULL;
}


void
gateway_jose_free_keys(gateway_jose_keys_t *keys)
{
    size_t  i;

    if (keys == NULL) {
        return;
    }

    for (i = 0; i < keys->n; i++) {
        EVP_PKEY_free(keys->keys[i].pkey);
        free(keys->keys[i].kid);
    }

    free(keys);
}


gateway_jose_find_e
gateway_jose_find(const gateway_jose_keys_t *keys, const char *kid,
    size_t kid_len, const gateway_jose_alg_t *alg,
    const gateway_jose_key_t **found)
{
    size_t                     i;
    gateway_jose_find_e        rc;
    const gateway_jose_key_t  *key;

    rc = GATEWAY_JOSE_UNKNOWN;

    for (i = 0; i < keys->n; i++) {

        key = &keys->keys[i];

        if (kid != NULL
            && (key->kid_len != kid_len
                || memcmp(key->kid, kid, kid_len) != 0))
        {
            continue;
        }

        if ((key->alg != NULL && key->alg != alg)
            || !gateway_jose_fits(key->pkey, alg))
        {
            if (rc == GATEWAY_JOSE_UNKNOWN) {
                rc = GATEWAY_JOSE_MISFIT;
            }

            continue;
        }

        if (rc == GATEWAY_JOSE_FOUND) {
            return GATEWAY_JOSE_AMBIGUOUS;
        }

        rc = GATEWAY_JOSE_FOUND;
        *found = key;

        if (kid != NULL) {
            break;
        }
    }

    return rc;
}


/* NULL, or what is broken; skip: it is only of no use */

static const char *
gateway_jose_add_key(gateway_jose_keys_t *keys, json_t *jwk, int *skip)
{
    size_t               i;
    json_t              *kid, *alg;
    EVP_PKEY            *pkey;
    const char          *problem;
    gateway_jose_key_t  *key;

    static const char  *secrets[] = { "d", "p", "q", "dp", "dq", "qi", "oth",
                                      "k" };

    if (!json_is_object(jwk)
        || !json_is_string(json_object_get(jwk, "kty")))
    {
        return "it has no \"kty\"";
    }

    if (gateway_jose_is(jwk, "kty", "oct")) {
        *skip = 1;
        return "symmetric keys are not taken from key sets";
    }

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (json_object_get(jwk, secrets[i]) != NULL) {
            return "it is a private key";
        }
    }

    key = &keys->keys[keys->n];
    memset(key, 0, sizeof(gateway_jose_key_t));

    alg = json_object_get(jwk, "alg");

    if (alg != NULL) {

        if (!json_is_string(alg)) {
            return "\"alg\" is no string";
        }

        key->alg = gateway_jose_alg(json_string_value(alg),
                                    json_string_length(alg));

        if (key->alg == NULL || key->alg->family == GATEWAY_JOSE_HS) {
            *skip = 1;
            return NULL;
        }
    }

    if (!gateway_jose_is_for_us(jwk)) {
        *skip = 1;
        return NULL;
    }

    kid = json_object_get(jwk, "kid");

    if (kid != NULL
        && (!json_is_string(kid)
            || json_string_length(kid) > GATEWAY_JOSE_KID))
    {
        return "\"kid\" is no string, or too long";
    }

    pkey = NULL;

    if (gateway_jose_is(jwk, "kty", "RSA")) {
        problem = gateway_jose_rsa(jwk, &pkey);

    } else if (gateway_jose_is(jwk, "kty", "EC")) {
        problem = gateway_jose_ec(jwk, &pkey, skip);

    } else if (gateway_jose_is(jwk, "kty", "OKP")) {
        problem = gateway_jose_okp(jwk, &pkey, skip);

    } else {
        *skip = 1;
        return NULL;
    }

    if (pkey == NULL) {
        return problem;
    }

    if (key->alg != NULL && !gateway_jose_fits(pkey, key->alg)) {
        EVP_PKEY_free(pkey);
        return "\"alg\" does not fit the key";
    }

    key->kid_len = json_string_length(kid);
    key->kid = malloc(key->kid_len + 1);

    if (key->kid == NULL || gateway_jose_digest(pkey, key->digest) != 0) {
        free(key->kid);
        EVP_PKEY_free(pkey);
        return "no memory";
    }

    if (kid != NULL) {
        memcpy(key->kid, json_string_value(kid), key->kid_len);
    }

    key->kid[key->kid_len] = '\0';
    key->pkey = pkey;
    keys->n++;

    return NULL;
}


/* signatures are to be verified with it, or it does not say what for */

static int
gateway_jose_is_for_us(json_t *jwk)
{
    size_t   i;
    json_t  *ops, *op;

    if (json_object_get(jwk, "use") != NULL
        && !gateway_jose_is(jwk, "use", "sig"))
    {
        return 0;
    }

    ops = json_object_get(jwk, "key_ops");

    if (ops == NULL) {
        return 1;
    }

    json_array_foreach(ops, i, op) {
        if (json_is_string(op)
            && strcmp(json_string_value(op), "verify") == 0)
        {
            return 1;
        }
    }

    return 0;
}


static const char *
gateway_jose_rsa(json_t *jwk, EVP_PKEY **pkey)
{
    int              bits;
    size_t           n_len, e_len;
    BIGNUM          *n, *e;
    const char      *problem;
    unsigned char    nbuf[GATEWAY_JOSE_MEMBER], ebuf[GATEWAY_JOSE_MEMBER];
    OSSL_PARAM_BLD  *build;

    if (gateway_jose_member(jwk, "n", nbuf, &n_len) != 0
        || gateway_jose_member(jwk, "e", ebuf, &e_len) != 0)
    {
        return "\"n\" or \"e\" is missing or no base64url";
    }

    n = BN_bin2bn(nbuf, (int) n_len, NULL);
    e = BN_bin2bn(ebuf, (int) e_len, NULL);
    build = OSSL_PARAM_BLD_new();

    if (n == NULL || e == NULL || build == NULL) {
        problem = "no memory";
        goto done;
    }

    bits = BN_num_bits(n);

    if (bits < GATEWAY_JOSE_RSA_MIN || bits > GATEWAY_JOSE_RSA_MAX
        || !BN_is_odd(n))
    {
        problem = "\"n\" is no modulus of 2048 to 8192 bits";
        goto done;
    }

    if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64) {
        problem = "\"e\" is no exponent";
        goto done;
    }

    problem = "it cannot be read";

    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    {
        *pkey = gateway_jose_from("RSA", build);
    }

done:

    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);

    return problem;
}


static const char *
gateway_jose_ec(json_t *jwk, EVP_PKEY **pkey, int *skip)
{
    size_t           i, size, x_len, y_len;
    unsigned char    x[GATEWAY_JOSE_MEMBER], y[GATEWAY_JOSE_MEMBER];
    unsigned char    point[1 + 2 * 66];
    OSSL_PARAM_BLD  *build;

    static const struct {
        const char  *name;
        size_t       size;    /* of a coordinate */
    } curves[] = { { "P-256", 32 }, { "P-384", 48 }, { "P-521", 66 } };

    for (i = 0; i < 3 && !gateway_jose_is(jwk, "crv", curves[i].name); i++) {
        /* void */
    }

    if (i == 3) {
        *skip = 1;
        return NULL;
    }

    size = curves[i].size;

    if (gateway_jose_member(jwk, "x", x, &x_len) != 0
        || gateway_jose_member(jwk, "y", y, &y_len) != 0
        || x_len != size || y_len != size)
    {
        return "\"x\" or \"y\" is missing or of a wrong size";
    }

    point[0] = 4;    /* uncompressed */
    memcpy(point + 1, x, size);
    memcpy(point + 1 + size, y, size);

    build = OSSL_PARAM_BLD_new();
    if (build == NULL) {
        return "no memory";
    }

    if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                        curves[i].name, 0)
        == 1
        && OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, 1 + 2 * size)
           == 1)
    {
        *pkey = gateway_jose_from("EC", build);
    }

    OSSL_PARAM_BLD_free(build);

    return "it is no point of its curve";
}


static const char *
gateway_jose_okp(json_t *jwk, EVP_PKEY **pkey, int *skip)
{
    int            type;
    size_t         len, size;
    unsigned char  x[GATEWAY_JOSE_MEMBER];

    if (gateway_jose_is(jwk, "crv", "Ed25519")) {
        type = EVP_PKEY_ED25519;
        size = 32;

    } else if (gateway_jose_is(jwk, "crv", "Ed448")) {
        type = EVP_PKEY_ED448;
        size = 57;

    } else {
        *skip = 1;
        return NULL;
    }

    if (gateway_jose_member(jwk, "x", x, &len) != 0 || len != size) {
        return "\"x\" is missing or of a wrong size";
    }

    *pkey = EVP_PKEY_new_raw_public_key(type, NULL, x, len);

    return "it cannot be read";
}


/* checked as far as OpenSSL can: a point lies on its curve */

static EVP_PKEY *
gateway_jose_from(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx, *check;

    pkey = NULL;
    check = NULL;

    params = OSSL_PARAM_BLD_to_param(build);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1
        && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1)
    {
        check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

        if (check == NULL || EVP_PKEY_public_check(check) != 1) {
            EVP_PKEY_free(pkey);
            pkey = NULL;
        }
    }

    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return pkey;
}


static int
gateway_jose_member(json_t *jwk, const char *name,
    unsigned char buf[GATEWAY_JOSE_MEMBER], size_t *len)
{
    int      loose;
    json_t  *value;

    value = json_object_get(jwk, name);

    if (!json_is_string(value)
        || json_string_length(value) == 0
        || json_string_length(value) / 4 * 3 + 3 > GATEWAY_JOSE_MEMBER)
    {
        return -1;
    }

    if (gateway_jose_decode(buf, len, json_string_value(value),
                            json_string_length(value), &loose)
        != 0)
    {
        return -1;
    }

    return loose ? -1 : 0;
}


static int
gateway_jose_is(json_t *jwk, const char *name, const char *value)
{
    json_t  *member;

    member = json_object_get(jwk, name);

    return json_is_string(member)
           && strcmp(json_string_value(member), value) == 0;
}
