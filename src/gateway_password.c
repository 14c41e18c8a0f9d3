
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Hashes of passwords: their forms and what they cost.  Nothing is hashed
 * here.
 */


#include "gateway_password.h"

#include <string.h>


#define GATEWAY_PASSWORD_BCRYPT_COST    16
#define GATEWAY_PASSWORD_SHA512_ROUNDS  5000000

/* KiB */
#define GATEWAY_PASSWORD_MEMORY         (1024 * 1024)
#define GATEWAY_PASSWORD_ARGON2_WORK    (16 * 1024 * 1024)
#define GATEWAY_PASSWORD_ARGON2_LANES   64


/* the part that has not been looked at yet */
typedef struct {
    const char       *p;
    const char       *end;
} gateway_password_rest_t;


static int gateway_password_is_bcrypt(gateway_password_rest_t *rest,
    const char **why);
static int gateway_password_is_yescrypt(gateway_password_rest_t *rest,
    const char **why);
static int gateway_password_is_sha512(gateway_password_rest_t *rest,
    const char **why);
static int gateway_password_is_argon2id(gateway_password_rest_t *rest,
    const char **why);
static int gateway_password_skip(gateway_password_rest_t *rest,
    const char *text);
static size_t gateway_password_span(gateway_password_rest_t *rest,
    const char *more);
static long gateway_password_number(gateway_password_rest_t *rest);
static int gateway_password_digit(char c);


static const struct {
    const char          *prefix;
    gateway_password_e   kind;
    int                (*check)(gateway_password_rest_t *rest,
                            const char **why);
} gateway_password_forms[] = {
    { "$2a$", GATEWAY_PASSWORD_BCRYPT, gateway_password_is_bcrypt },
    { "$2b$", GATEWAY_PASSWORD_BCRYPT, gateway_password_is_bcrypt },
    { "$2y$", GATEWAY_PASSWORD_BCRYPT, gateway_password_is_bcrypt },
    { "$y$", GATEWAY_PASSWORD_YESCRYPT, gateway_password_is_yescrypt },
    { "$6$", GATEWAY_PASSWORD_SHA512, gateway_password_is_sha512 },
    { "$argon2id$", GATEWAY_PASSWORD_ARGON2ID, gateway_password_is_argon2id },
    { NULL, GATEWAY_PASSWORD_UNKNOWN, NULL }
};


gateway_password_e
gateway_password_kind(const char *hash, size_t len, const char **why)
{
    size_t                   i;
    gateway_password_rest_t  rest;

    rest.end = hash + len;

    for (i = 0; gateway_password_forms[i].prefix != NULL; i++) {
        rest.p = hash;

        if (!gateway_password_skip(&rest, gateway_password_forms[i].prefix)) {
            continue;
        }

        *why = "it is not complete, or malformed";

        return gateway_password_forms[i].check(&rest, why)
               ? gateway_password_forms[i].kind : GATEWAY_PASSWORD_UNKNOWN;
    }

    *why = "expected one that begins with $2b$, $2y$ or $2a$ (bcrypt), $y$ "
           "(yescrypt), $6$ (sha512crypt) or $argon2id$";

    return GATEWAY_PASSWORD_UNKNOWN;
}


int
gateway_password_resembles(const char *text, size_t len)
{
    size_t                   i;
    gateway_password_rest_t  rest;

    rest.end = text + len;

    for (i = 0; gateway_password_forms[i].prefix != NULL; i++) {
        rest.p = text;

        if (gateway_password_skip(&rest, gateway_password_forms[i].prefix)) {
            return 1;
        }
    }

    return 0;
}


/* cost$, 22 digits of salt and 31 of hash */

static int
gateway_password_is_bcrypt(gateway_password_rest_t *rest, const char **why)
{
    int   digits;
    long  cost;

    digits = rest->end - rest->p > 2 && rest->p[2] == '$';
    cost = gateway_password_number(rest);

    if (!digits || cost < 4 || cost > 31 || !gateway_password_skip(rest, "$")
        || gateway_password_span(rest, "./") != 53 || rest->p != rest->end)
    {
        return 0;
    }

    if (cost > GATEWAY_PASSWORD_BCRYPT_COST) {
        *why = "its cost is above 16, each request would take seconds";
        return 0;
    }

    return 1;
}


/* flavor, log2 of N and r, in one digit each; salt; hash */

static int
gateway_password_is_yescrypt(gateway_password_rest_t *rest, const char **why)
{
    int            n, r;
    size_t         salt;
    const char    *params;

    params = rest->p;

    if (gateway_password_span(rest, "./") < 3
        || !gateway_password_skip(rest, "$"))
    {
        return 0;
    }

    salt = gateway_password_span(rest, "./");

    if (salt == 0 || salt > 86 || !gateway_password_skip(rest, "$")
        || gateway_password_span(rest, "./") != 43 || rest->p != rest->end)
    {
        return 0;
    }

    n = gateway_password_digit(params[1]);
    r = gateway_password_digit(params[2]);

    if (params[0] != 'j' || params[3] != '$' || n > 46 || r > 46) {
        *why = "its parameters are not those that crypt() writes";
        return 0;
    }

    /* 128 * N * r bytes */

    if (n + 1 > 20
        || (128UL << (n + 1)) * (unsigned long) (r + 1) / 1024
           > GATEWAY_PASSWORD_MEMORY)
    {
        *why = "it takes more than 1 GiB of memory";
        return 0;
    }

    return 1;
}


/* [rounds=N$]salt, up to 16; 86 digits */

static int
gateway_password_is_sha512(gateway_password_rest_t *rest, const char **why)
{
    long         rounds;
    const char  *salt;

    rounds = 5000;

    if (gateway_password_skip(rest, "rounds=")) {
        rounds = gateway_password_number(rest);

        if (!gateway_password_skip(rest, "$")) {
            return 0;
        }
    }

    for (salt = rest->p; rest->p < rest->end && *rest->p != '$'; rest->p++) {
        if (*rest->p <= ' ' || *rest->p > '~' || *rest->p == ':') {
            return 0;
        }
    }

    if (rest->p - salt > 16 || !gateway_password_skip(rest, "$")
        || gateway_password_span(rest, "./") != 86 || rest->p != rest->end)
    {
        return 0;
    }

    if (rounds < 1000) {
        *why = "it has fewer than 1000 rounds";
        return 0;
    }

    if (rounds > GATEWAY_PASSWORD_SHA512_ROUNDS) {
        *why = "it has more than 5000000 rounds, each request would take "
               "seconds";
        return 0;
    }

    return 1;
}


/* v=19$m=KIB,t=N,p=N$salt$hash, both in base64 */

static int
gateway_password_is_argon2id(gateway_password_rest_t *rest, const char **why)
{
    long    memory, time, lanes;
    size_t  salt, hash;

    if (!gateway_password_skip(rest, "v=19$m=")) {
        *why = "it is not of version 19 (\"v=19\")";
        return 0;
    }

    memory = gateway_password_number(rest);

    if (!gateway_password_skip(rest, ",t=")) {
        return 0;
    }

    time = gateway_password_number(rest);

    if (!gateway_password_skip(rest, ",p=")) {
        return 0;
    }

    lanes = gateway_password_number(rest);

    if (!gateway_password_skip(rest, "$")) {
        return 0;
    }

    salt = gateway_password_span(rest, "+/");

    if (!gateway_password_skip(rest, "$")) {
        return 0;
    }

    hash = gateway_password_span(rest, "+/");

    /* 8 and 16 bytes at least, 64 at most */

    if (salt < 11 || salt > 86 || salt % 4 == 1
        || hash < 22 || hash > 86 || hash % 4 == 1 || rest->p != rest->end)
    {
        return 0;
    }

    if (time < 1 || lanes < 1 || lanes > GATEWAY_PASSWORD_ARGON2_LANES
        || memory < 8 * lanes || memory < 1)
    {
        *why = "its parameters are out of range";
        return 0;
    }

    if (memory > GATEWAY_PASSWORD_MEMORY) {
        *why = "it takes more than 1 GiB of memory";
        return 0;
    }

    if (time > GATEWAY_PASSWORD_ARGON2_WORK / memory) {
        *why = "it takes too long: \"m\" * \"t\" is above 16 GiB";
        return 0;
    }

    return 1;
}


static int
gateway_password_skip(gateway_password_rest_t *rest, const char *text)
{
    size_t  len;

    len = strlen(text);

    if ((size_t) (rest->end - rest->p) < len
        || memcmp(rest->p, text, len) != 0)
    {
        return 0;
    }

    rest->p += len;

    return 1;
}


/* letters, digits and more */

static size_t
gateway_password_span(gateway_password_rest_t *rest, const char *more)
{
    const char  *start;

    for (start = rest->p; rest->p < rest->end; rest->p++) {

        if ((*rest->p >= '0' && *rest->p <= '9')
            || (*rest->p >= 'A' && *rest->p <= 'Z')
            || (*rest->p >= 'a' && *rest->p <= 'z')
            || *rest->p == more[0] || *rest->p == more[1])
        {
            continue;
        }

        break;
    }

    return (size_t) (rest->p - start);
}


/* up to nine digits, or 0 */

static long
gateway_password_number(gateway_password_rest_t *rest)
{
    long         n;
    const char  *start;

    n = 0;

    for (start = rest->p;
         rest->p < rest->end && *rest->p >= '0' && *rest->p <= '9';
         rest->p++)
    {
        if (rest->p - start == 9) {
            return 0;
        }

        n = n * 10 + (*rest->p - '0');
    }

    return n;
}


/* of "./0-9A-Za-z", the characters of a span */

static int
gateway_password_digit(char c)
{
    if (c == '.' || c == '/') {
        return c - '.';
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 2;
    }

    if (c >= 'A' && c <= 'Z') {
        return c - 'A' + 12;
    }

    return c - 'a' + 38;
}
