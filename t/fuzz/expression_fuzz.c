/*
 * Copyright (C) the ngx_gateway authors
 *
 * Fuzzing of expressions: any bytes are compiled, with the fields of both
 * kinds of routes; what compiles runs on a few requests, with the index and
 * hidden from it, and both must agree.  The entry is that of libFuzzer;
 * without libFuzzer gwc_fuzz_expressions() mutates seeds by itself.
 * t/unit/expression_fuzz_test.c makes a short run of it.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_expression.h"

#define GWC_FUZZ_MAX 2048


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t gwc_fuzz_expressions(uint64_t start, size_t runs);

static const char *const gwc_fuzz_seeds[] = {
    "http.host == \"a.com\" && http.path ^= \"/x\"",
    "(http.host == \"a.com\" || http.host =^ \".com\") && http.path != \"/\"",
    "http.path ~ r#\"^/x/(?<a>\\w+)\"# || lower(http.headers.h) =^ \"v\"",
    "any(http.queries.q) contains \"1\" && !(http.method == \"GET\")",
    "net.src.ip in 10.0.0.0/8 && net.dst.ip not in fd00::/8",
    "net.src.port >= 0x10 && net.dst.port < 017 && net.src.port != -5",
    "http.path.segments.0_1 == \"x/y\" || http.path.segments.len > 1",
    "tls.sni == \"a\" && net.protocol == \"tls\" && net.src.ip == ::1",
    "any(lower(http.queries.q)) ~ \"(a+)+b\" && http.path == \"\\n\\\"\\\\\"",
};

static const char *const gwc_fuzz_words[] = {
    "&&",  "||",   "!(",     "(",       ")",        "\"",      "r#\"",
    "\"#", "\\",   "==",     "!=",      "~",        "^=",      "=^",
    "in",  "not",  "not in", "0",       "-1",       "0x",      "08",
    "::",  "1.1.", "/128",   "lower(",  "any(",     "\xc3\xa4", "\xff",
    " ",   "\n",   "\t",     "http.",   "net.port", "http.path.segments.9",
    "^/x", "(?i)", "|",      "[[:a:]]", "\"\"",     "contains"
};

#define GWC_FUZZ_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t gwc_fuzz_state;

typedef struct gwc_fuzz_chunk_s gwc_fuzz_chunk_t;

struct gwc_fuzz_chunk_s {
    gwc_fuzz_chunk_t *next;
};


static void *
gwc_fuzz_take(void *data, size_t size)
{
    gwc_fuzz_chunk_t **chunks = data;
    gwc_fuzz_chunk_t *chunk = malloc(sizeof(gwc_fuzz_chunk_t) + size);

    if (chunk == NULL) {
        abort();
    }

    chunk->next = *chunks;
    *chunks = chunk;

    return chunk + 1;
}


static int
gwc_fuzz_header(void *data, const gateway_str_t *name, size_t i,
                gateway_str_t *value)
{
    static const char *const values[] = { "V", "", "a\xff" };

    (void) data;
    (void) name;

    if (i >= GWC_FUZZ_COUNT(values)) {
        return 0;
    }

    value->data = values[i];
    value->len = strlen(values[i]);

    return 1;
}


static int
gwc_fuzz_query(void *data, gateway_str_t *query)
{
    (void) data;

    query->data = "q=1&q=A%41&&=x&a&q=%&q=%4&b=+";
    query->len = strlen(query->data);

    return 1;
}


static int
gwc_fuzz_port(void *data, int destination, int64_t *port)
{
    (void) data;

    *port = destination ? 80 : 1024;

    return 1;
}


static int
gwc_fuzz_address(void *data, int destination, gateway_address_t *address)
{
    (void) data;

    memset(address, 0, sizeof(*address));
    address->len = destination ? 16 : 4;
    address->bytes[0] = destination ? 0xfd : 10;

    return 1;
}


static const gateway_router_facts_t gwc_fuzz_facts = {
    gwc_fuzz_query, gwc_fuzz_port, gwc_fuzz_address
};


/* 1 matched, 0 not, -1 a regex gave up, -2 refused */
static int
gwc_fuzz_match(const char *text, size_t len,
               const gateway_router_request_t *request, size_t *matched)
{
    gateway_router_options_t options = { 0 };
    gateway_router_route_t route = { .data = NULL };
    gateway_router_match_t match = { .matched = 0 };
    gwc_fuzz_chunk_t *chunks = NULL, *next;
    gateway_router_t *router;
    char err[512];
    void *copy;
    int rc;

    options.flavor = GATEWAY_ROUTER_EXPRESSIONS;
    options.alloc = gwc_fuzz_take;
    options.data = &chunks;
    route.expression = (gateway_str_t){ text, len };

    router = gateway_router_create(&options);
    rc = gateway_router_add(router, &route, err, sizeof(err)) == 0 ? 0 : -2;

    if (rc == 0) {
        if (gateway_router_build(router) != 0) {
            abort();
        }

        rc = gateway_router_match(router, request, &match);

        if (rc == 1) {
            *matched = match.matched;
            copy = malloc(gateway_router_match_size(&match));
            (void) gateway_router_match_copy(copy, &match);
            free(copy);
        }
    }

    gateway_router_free(router);

    for (; chunks != NULL; chunks = next) {
        next = chunks->next;
        free(chunks);
    }

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = { "a.com", "x.com:80", "", "b" };
    static const char *const paths[] = { "/x/y", "/", "/X", "/x/\xff" };
    static char hidden[GWC_FUZZ_MAX + 16];
    gateway_router_request_t request = { .port = 8000 };
    size_t i, matched = 0, other = 0;
    const char *text = (const char *) data;
    int rc = -2, plain;
    size_t len;

    if (size > GWC_FUZZ_MAX || size == 0) {
        return 0;
    }

    memcpy(hidden, "!(!(", 4);
    memcpy(hidden + 4, data, size);
    memcpy(hidden + 4 + size, "))", 2);
    len = size + 6;

    for (i = 0; i < GWC_FUZZ_COUNT(hosts); i++) {
        request.method = (gateway_str_t){ "GET", 3 };
        request.host = (gateway_str_t){ hosts[i], strlen(hosts[i]) };
        request.path = (gateway_str_t){ paths[i], strlen(paths[i]) };
        request.header = gwc_fuzz_header;
        request.facts = &gwc_fuzz_facts;

        rc = gwc_fuzz_match(text, size, &request, &matched);

        if (rc == -2) {
            break;
        }

        plain = gwc_fuzz_match(hidden, len, &request, &other);

        /* nested deeper than the bound; a regex that the index spared */
        if (plain == -2 || (rc == 0 && plain == -1)) {
            continue;
        }

        if (rc != plain || (rc == 1 && matched != other)) {
            fprintf(stderr, "%d %d: %.*s\n", rc, plain, (int) size, text);
            abort();
        }
    }

    /* libFuzzer wants 0 */
    return gwc_fuzz_state != 0 ? rc != -2 : 0;
}


static size_t
gwc_fuzz_random(size_t n)
{
    gwc_fuzz_state ^= gwc_fuzz_state << 13;
    gwc_fuzz_state ^= gwc_fuzz_state >> 7;
    gwc_fuzz_state ^= gwc_fuzz_state << 17;

    return (size_t) (gwc_fuzz_state % n);
}


/* puts text in place of cut bytes at a random position */
static size_t
gwc_fuzz_splice(char *buf, size_t size, const char *text, size_t len,
                size_t cut)
{
    size_t at = gwc_fuzz_random(size + 1);

    if (cut > size - at) {
        cut = size - at;
    }

    if (size - cut + len > GWC_FUZZ_MAX) {
        return size;
    }

    memmove(buf + at + len, buf + at + cut, size - at - cut);
    memcpy(buf + at, text, len);

    return size - cut + len;
}


/* returns how many were expressions */
size_t
gwc_fuzz_expressions(uint64_t start, size_t runs)
{
    static char buf[GWC_FUZZ_MAX];
    size_t i, n, size, good = 0;
    const char *text;
    uint8_t *exact;

    gwc_fuzz_state = start * 2654435769U + 1;

    for (i = 0; i < runs; i++) {
        text = gwc_fuzz_seeds[gwc_fuzz_random(GWC_FUZZ_COUNT(gwc_fuzz_seeds))];
        size = strlen(text);
        memcpy(buf, text, size);

        for (n = gwc_fuzz_random(4); n > 0; n--) {
            switch (gwc_fuzz_random(4)) {
            case 0: /* a byte */
                buf[gwc_fuzz_random(size)] = (char) gwc_fuzz_random(256);
                break;

            case 1: /* less */
                size = gwc_fuzz_splice(buf, size, "", 0, gwc_fuzz_random(6));
                break;

            case 2: /* a word more */
                text = gwc_fuzz_words[gwc_fuzz_random(
                    GWC_FUZZ_COUNT(gwc_fuzz_words))];
                size = gwc_fuzz_splice(buf, size, text, strlen(text),
                                       gwc_fuzz_random(2) * 2);
                break;

            default: /* another expression behind it */
                text = gwc_fuzz_seeds[gwc_fuzz_random(
                    GWC_FUZZ_COUNT(gwc_fuzz_seeds))];

                if (size + strlen(text) + 4 <= GWC_FUZZ_MAX) {
                    memcpy(buf + size, gwc_fuzz_random(2) ? " && " : " || ",
                           4);
                    memcpy(buf + size + 4, text, strlen(text));
                    size += strlen(text) + 4;
                }
            }

            if (size == 0) {
                buf[size++] = '(';
            }
        }

        /* at the very end of an allocation: reading on is seen */
        exact = malloc(size);

        if (exact == NULL) {
            abort();
        }

        memcpy(exact, buf, size);
        good += LLVMFuzzerTestOneInput(exact, size) == 1;
        free(exact);
    }

    return good;
}
