
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Expressions: the grammar with the places of its errors, the meaning of
 * each operator, what a match leaves, keys of the index, and the router with
 * routes of both kinds against testing them one after the other.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_expression.h"


#pragma GCC diagnostic ignored "-Wmissing-field-initializers"


#define countof(a)  (sizeof(a) / sizeof(a[0]))


/* "name: value\n" lines in headers; ports 0 and addresses NULL: unknown */
typedef struct {
    const char  *path;
    const char  *host;
    const char  *headers;
    const char  *query;
    const char  *method;
    const char  *sni;
    const char  *source;
    const char  *destination;
    int          tls;
    int          port;
    int          source_port;
} ask_t;


typedef struct chunk_s  chunk_t;

struct chunk_s {
    chunk_t  *next;
};


static chunk_t  *chunks;
static size_t    allowed = SIZE_MAX;


static void *
take(void *data, size_t size)
{
    chunk_t  *chunk;

    (void) data;

    if (allowed == 0) {
        return NULL;
    }

    allowed--;

    chunk = malloc(sizeof(chunk_t) + 8 + size);
    assert_non_null(chunk);

    chunk->next = chunks;
    chunks = chunk;

    memset(chunk + 1, 0xa5, size + 8);

    return (char *) (chunk + 1) + 8;
}


static void
give_back(void)
{
    chunk_t  *next;

    for ( /* void */ ; chunks != NULL; chunks = next) {
        next = chunks->next;
        free(chunks);
    }

    allowed = SIZE_MAX;
}


static gateway_str_t
str(const char *text)
{
    gateway_str_t  s = { text, text ? strlen(text) : 0 };

    return s;
}


static int
find_header(void *data, const gateway_str_t *name, size_t i,
    gateway_str_t *value)
{
    const ask_t *ask = data;

    const char  *p, *end;

    for (p = ask->headers; p != NULL && *p != '\0'; p = end + 1) {

        end = strchr(p, '\n');
        assert_non_null(end);

        if (strncmp(p, name->data, name->len) == 0
            && strncmp(p + name->len, ": ", 2) == 0 && i-- == 0)
        {
            value->data = p + name->len + 2;
            value->len = (size_t) (end - value->data);
            return 1;
        }
    }

    return 0;
}


static int
find_query(void *data, gateway_str_t *query)
{
    const ask_t *ask = data;

    *query = str(ask->query);

    return ask->query != NULL;
}


static int
find_port(void *data, int destination, int64_t *port)
{
    const ask_t *ask = data;

    *port = destination ? ask->port : ask->source_port;

    return *port != 0;
}


static int
find_address(void *data, int destination, gateway_address_t *address)
{
    const ask_t *ask = data;

    unsigned     bits;
    const char  *text;

    text = destination ? ask->destination : ask->source;

    if (text == NULL) {
        return 0;
    }

    assert_int_equal(gateway_address_parse(address, &bits, text,
                                           strlen(text)), 0);
    return 1;
}


static const gateway_router_facts_t  facts = {
    find_query, find_port, find_address
};


static gateway_router_t *
new_router(void)
{
    gateway_router_t          *router;
    gateway_router_options_t   options;

    memset(&options, 0, sizeof(options));

    options.flavor = GATEWAY_ROUTER_EXPRESSIONS;
    options.alloc = take;

    router = gateway_router_create(&options);
    assert_non_null(router);

    return router;
}


/* i is the number of the route, from 1, and the last byte of its id */

static int
add(gateway_router_t *router, intptr_t i, const char *expression,
    uint64_t priority, char *err, size_t errlen)
{
    gateway_router_route_t  route;

    memset(&route, 0, sizeof(route));

    route.id[15] = (uint8_t) i;
    route.id[14] = (uint8_t) (i >> 8);
    route.expression = str(expression);
    route.priority = priority;
    route.data = (void *) i;

    return gateway_router_add(router, &route, err, errlen);
}


static gateway_router_request_t
request_of(const ask_t *ask)
{
    gateway_router_request_t  request;

    memset(&request, 0, sizeof(request));

    request.method = str(ask->method ? ask->method : "GET");
    request.host = str(ask->host);
    request.path = str(ask->path ? ask->path : "/");
    request.sni = str(ask->sni);
    request.tls = ask->tls;
    request.port = (uint16_t) (ask->port ? ask->port : 8000);
    request.header = find_header;
    request.header_data = (void *) ask;
    request.facts = &facts;

    return request;
}


/* 1, 0 or -1 */

static int
run(const char *expression, const ask_t *ask, gateway_router_match_t *match)
{
    int                        rc;
    char                       err[512];
    gateway_router_t          *router;
    gateway_router_request_t   request;

    router = new_router();

    if (add(router, 1, expression, 0, err, sizeof(err)) != 0) {
        fail_msg("%s: %s", expression, err);
    }

    assert_int_equal(gateway_router_build(router), 0);

    request = request_of(ask);

    memset(match, 0, sizeof(*match));
    rc = gateway_router_match(router, &request, match);

    gateway_router_free(router);

    return rc;
}


static void
check(const char *expression, const ask_t *ask, int expected)
{
    int                     rc;
    gateway_router_match_t  match;

    rc = run(expression, ask, &match);

    if (rc != expected) {
        fail_msg("%s: %d instead of %d", expression, rc, expected);
    }

    give_back();
}


static void
the_meaning_of_operators(void **state)
{
    size_t  i;

    static const ask_t  ask = {
        "/a/b/c", "h.com:99",
        "x_one: 1\nx_two: a\nx_two: b\nx_up: ABC\nempty: \n",
        "q=1&r=a%20b&r=a+c&s&t=%zz&=none&u%5f=x&r=a+d", "POST", "s.com",
        "10.1.2.3", "fd00::1", 1, 8443, 1234
    };

    static const struct {
        const char  *text;
        int          expected;
    }  rows[] = {
        { "http.path == \"/a/b/c\"", 1 },
        { "http.path == \"/a/b\"", 0 },
        { "http.path != \"/a/b\"", 1 },
        { "http.path != \"/a/b/c\"", 0 },
        { "http.path ^= \"/a\"", 1 },
        { "http.path ^= \"/a/b/c/d\"", 0 },
        { "http.path ^= \"\"", 1 },
        { "http.path =^ \"/c\"", 1 },
        { "http.path =^ \"c/\"", 0 },
        { "http.path contains \"/b/\"", 1 },
        { "http.path contains \"bc\"", 0 },
        { "http.path contains \"\"", 1 },
        { "http.path ~ \"b\"", 1 },
        { "http.path ~ r#\"^/a/[a-z]/\\w$\"#", 1 },
        { "http.path ~ \"^/\\\\d\"", 0 },
        { "http.path~\"b\"&&http.method==\"POST\"", 1 },
        { "lower(http.headers.x_up) == \"abc\"", 1 },
        { "http.headers.x_up == \"abc\"", 0 },
        { "http.headers.X_UP == \"ABC\"", 1 },
        { "lower(http.headers.x_up) ^= \"ab\"", 1 },
        { "lower(http.headers.x_up) =^ \"bc\"", 1 },
        { "lower(http.headers.x_up) contains \"b\"", 1 },
        { "lower(http.headers.x_up) ~ \"^[a-z]+$\"", 1 },
        { "lower ( any ( http.headers.x_up ) ) == \"abc\"", 1 },
        { "http.headers.empty == \"\"", 1 },

        /* without a value nothing passes */
        { "http.headers.none == \"\"", 0 },
        { "http.headers.none != \"a\"", 0 },
        { "!(http.headers.none == \"a\")", 1 },
        { "http.queries.none != \"a\"", 0 },
        { "http.path.segments.3 != \"a\"", 0 },

        /* all values, or with any() one */
        { "http.headers.x_two ~ \"^[ab]$\"", 1 },
        { "http.headers.x_two == \"a\"", 0 },
        { "http.headers.x_two != \"a\"", 0 },
        { "http.headers.x_two != \"c\"", 1 },
        { "any(http.headers.x_two) == \"a\"", 1 },
        { "any(http.headers.x_two) == \"b\"", 1 },
        { "any(http.headers.x_two) != \"a\"", 1 },
        { "any(http.headers.x_two) == \"c\"", 0 },
        { "any(http.headers.x_one) == \"1\"", 1 },

        { "http.queries.q == \"1\"", 1 },
        { "http.queries.r ^= \"a \"", 1 },
        { "http.queries.r == \"a b\"", 0 },
        { "any(http.queries.r) == \"a c\"", 1 },
        { "any(http.queries.r) == \"a d\"", 1 },
        { "any(lower(http.queries.r)) ~ \"^a d$\"", 1 },
        { "http.queries.s == \"\"", 1 },
        { "http.queries.t == \"%zz\"", 1 },
        { "http.queries.u_ == \"x\"", 1 },
        { "http.queries.Q == \"1\"", 0 },

        { "http.path.segments.0 == \"a\"", 1 },
        { "http.path.segments.2 == \"c\"", 1 },
        { "http.path.segments.0_1 == \"a/b\"", 1 },
        { "http.path.segments.1_2 == \"b/c\"", 1 },
        { "http.path.segments.1_3 ^= \"\"", 0 },
        { "http.path.segments.99999999999999 ^= \"\"", 0 },
        { "http.path.segments.len == 3", 1 },
        { "http.path.segments.len > 3", 0 },

        { "http.method == \"POST\"", 1 },
        { "http.host == \"h.com\"", 1 },
        { "http.host =^ \".com\"", 1 },
        { "http.host ^= \"h.\"", 1 },
        { "net.protocol == \"https\"", 1 },
        { "tls.sni == \"s.com\"", 1 },

        /* the port in Host wins over the listener's */
        { "net.dst.port == 99", 1 },
        { "net.port == 99", 1 },
        { "net.src.port == 1234", 1 },
        { "net.src.port != 1234", 0 },
        { "net.src.port > 1233 && net.src.port >= 1234", 1 },
        { "net.src.port < 1235 && net.src.port <= 1234", 1 },
        { "net.src.port < 1234 || net.src.port > 1234", 0 },
        { "net.src.port == 0x4d2", 1 },
        { "net.src.port == 02322", 1 },
        { "net.src.port > -1", 1 },
        { "net.src.port > -0x10", 1 },
        { "net.src.port > 08", 1 },
        { "net.src.port > 9223372036854775807", 0 },
        { "any(net.src.port) == 1234", 1 },

        { "net.src.ip == 10.1.2.3", 1 },
        { "net.src.ip != 10.1.2.3", 0 },
        { "net.src.ip == 10.1.2.4", 0 },
        { "net.src.ip in 10.0.0.0/8", 1 },
        { "net.src.ip in 0.0.0.0/0", 1 },
        { "net.src.ip in 10.1.2.2/31", 1 },
        { "net.src.ip in 10.1.2.0/31", 0 },
        { "net.src.ip not in 10.0.0.0/8", 0 },
        { "net.src.ip not \t in 11.0.0.0/8", 1 },
        { "net.src.ip in ::/0", 0 },
        { "net.src.ip not in ::/0", 1 },
        { "net.src.ip in ::ffff:a00:0/104", 1 },
        { "net.dst.ip == fd00::1", 1 },
        { "net.dst.ip == fd00:0:0:0:0:0:0:1", 1 },
        { "net.dst.ip in fd00::/9", 1 },
        { "net.dst.ip in fe00::/8", 0 },

        /* "||" binds tighter than "&&" */
        { "http.method == \"GET\" && http.method == \"GET\" "
          "|| http.method == \"POST\"", 0 },
        { "http.method == \"POST\" || http.method == \"GET\" "
          "&& http.method == \"GET\"", 0 },
        { "(http.method == \"GET\" && http.method == \"GET\") "
          "|| http.method == \"POST\"", 1 },
        { "!(http.method == \"GET\") && !(http.path ^= \"/b\")", 1 },
        { "!(!(http.method == \"POST\") || ! (http.path ^= \"/a\"))", 1 },
        { "((((http.method == \"POST\"))))", 1 },
        { "http.method\r\n==\n\"POST\"\t", 1 }
    };

    (void) state;

    for (i = 0; i < countof(rows); i++) {
        check(rows[i].text, &ask, rows[i].expected);
    }
}


static void
what_a_request_lacks(void **state)
{
    size_t  i;

    static const ask_t  bare = { "/" };
    static const ask_t  mapped = { "/x/", NULL, .source = "::ffff:10.0.0.1" };

    static const char *const  never[] = {
        "http.host == \"\"", "http.host != \"a\"", "tls.sni != \"a\"",
        "net.src.ip != 1.1.1.1", "net.src.ip not in 1.0.0.0/8",
        "net.dst.ip != 1.1.1.1", "net.src.port != 1", "http.queries.a == \"\"",
        "http.path.segments.0 ^= \"\"", "http.path.segments.len != 0"
    };

    (void) state;

    for (i = 0; i < countof(never); i++) {
        check(never[i], &bare, 0);
    }

    check("net.dst.port == 8000", &bare, 1);
    check("net.protocol == \"http\"", &bare, 1);
    check("net.src.ip == 10.0.0.1", &mapped, 1);
    check("net.src.ip in 10.0.0.0/24", &mapped, 1);
    check("http.path.segments.len == 1", &mapped, 1);
    check("http.path.segments.0 == \"x\"", &mapped, 1);
    check("http.path.segments.1 == \"\"", &mapped, 0);
}


static void
texts_and_escapes(void **state)
{
    static const ask_t  ask = {
        "/", NULL, "quoted: a\"b\\c\nraw: \\d\"x\ntab: a\tb\nutf: \xc3\xa4\n"
    };

    (void) state;

    check("http.headers.quoted == \"a\\\"b\\\\c\"", &ask, 1);
    check("http.headers.quoted == r#\"a\"b\\c\"#", &ask, 1);
    check("http.headers.raw == r#\"\\d\"x\"#", &ask, 1);
    check("http.headers.tab == \"a\\tb\"", &ask, 1);
    check("http.headers.utf == \"\xc3\xa4\"", &ask, 1);
    check("http.headers.utf ~ \"^.$\"", &ask, 1);
    check("http.headers.utf == r#\"\"#", &ask, 0);
}


static void
errors_say_where_and_what(void **state)
{
    size_t                        i;
    char                         *exact;
    gateway_str_t                 text;
    gateway_router_t             *router;
    gateway_expression_report_t   report;

    static const struct {
        const char  *text;
        size_t       at;
        const char  *message;
        int          stream;
    }  rows[] = {
        { "", 0, "expected a field as http.path, \"(\" or \"!(\", this is "
          "the end" },
        { "  ", 2, "expected a field" },
        { "== \"a\"", 0, "this is \"=\", equality is \"==\"" },
        { "http.pth == \"a\"", 0, "\"http.pth\" is no field" },
        { "http.path", 9, "expected an operator (==, !=, ~, ^=, =^, >, >=, "
          "<, <=, in, not in or contains), this is the end" },
        { "http.path = \"a\"", 10, "this is \"=\", equality is \"==\"" },
        { "http.path equals \"a\"", 10, "this is \"equals\"" },
        { "http.path notin 1.1.1.1/32", 10, "this is \"notin\"" },
        { "http.path ==", 12, "expected a value at the end" },
        { "http.path == 'a'", 13, "this is \"'\", texts stand in double" },
        { "http.path == a", 13, "this is \"a\"" },
        { "http.path == \"a", 13, "this text has no end" },
        { "http.path == \"a\\\"", 13, "this text has no end" },
        { "http.path == \"a\\", 13, "this text has no end" },
        { "http.path == \"a\\d\"", 15, "unknown escape sequence" },
        { "http.path == r#\"a\"", 13, "this text has no end, \"#" },
        { "http.path == \"a\" http.path == \"b\"", 17,
          "expected \"&&\", \"||\" or the end, this is \"http.path\"" },
        { "http.path == \"a\" and http.path == \"b\"", 17,
          "this is \"and\", \"and\" is \"&&\"" },
        { "http.path == \"a\" & http.path == \"b\"", 17,
          "this is \"&\", \"and\" is \"&&\"" },
        { "http.path == \"a\" &&", 19, "expected a field" },
        { "http.path == \"a\" && ! http.path == \"b\"", 20,
          "expected \"(\" behind \"!\"" },
        { "(http.path == \"a\"", 0, "this \"(\" is not closed" },
        { "(http.path == \"a\" http", 18, "expected \"&&\", \"||\" or \")\"" },
        { "http.path == \"a\")", 16, "this is \")\"" },
        { "()", 1, "expected a field" },
        { "upper(http.path) == \"A\"", 0, "unknown function \"upper\"" },
        { "lower(http.path == \"A\"", 16, "expected \")\"" },
        { "lower(net.src.port) == 1", 0, "lower() is for texts, "
          "\"net.src.port\" is a number" },
        { "lower(net.src.ip) == ::1", 0, "is an address" },
        { "http.path == 1", 13, "this is a number, but the field is a text: "
          "write it in double quotes" },
        { "http.path == 1.2.3.4", 13, "this is an address" },
        { "net.src.port == \"1\"", 16, "this is a text, but the field is a "
          "number: write it without quotes" },
        { "net.src.ip == \"1.2.3.4\"", 14, "but the field is an address" },
        { "net.src.ip == 10.0.0.0/8", 14, "this is a network, but the field "
          "is an address: write \"in\"" },
        { "net.src.ip in 10.0.0.0", 14, "\"in\" needs a network as 10.0.0.0/8,"
          " this is an address: append /32" },
        { "net.src.ip not in 1", 18, "\"not in\" needs a network" },
        { "http.path in \"a\"", 10, "\"in\" is for addresses, this field is a "
          "text" },
        { "http.path > 1", 10, "\">\" is for numbers, this field is a text" },
        { "net.src.port ~ \"1\"", 13, "\"~\" is for texts, this field is a "
          "number" },
        { "net.src.ip contains \"1\"", 11, "is for texts" },
        { "net.src.ip == 1.2.3.256", 14, "\"1.2.3.256\" is no valid address" },
        { "net.src.ip == 1.2.3", 14, "malformed number: unexpected \".\"" },
        { "net.src.ip == 1.2.3.4.5", 14, "malformed address" },
        { "net.src.ip == 01.2.3.4", 14, "is no valid address" },
        { "net.src.ip in 10.0.0.1/8", 14, "\"10.0.0.1/8\" has bits set behind "
          "the first 8" },
        { "net.src.ip in 10.0.0.0/33", 14, "is no valid network" },
        { "net.src.ip in ::1/127", 14, "has bits set" },
        { "net.src.ip == ::1::", 14, "is no valid address" },
        { "net.src.port == 018", 16, "malformed number: unexpected \"8\" "
          "behind \"01\"" },
        { "net.src.port == 0x", 16, "malformed number" },
        { "net.src.port == 80a", 16, "malformed number" },
        { "net.src.port == -", 16, "expected a number behind \"-\"" },
        { "net.src.port == 9223372036854775808", 16, "64 bits" },
        { "http.path ~ \"a(b\"", 16, "invalid regex: missing" },
        { "http.path ~ r#\"a(?=b)\"#", 16, "invalid regex: look-around" },
        { "http.path ~ \"\\\\d\\\\q\"", 16, "invalid regex: unknown escape" },
        { "http.headers.a.b == \"a\"", 0, "needs the name of one header" },
        { "http.headers. == \"a\"", 0, "needs the name of one header" },
        { "http.headers.x-a == \"a\"", 14, "expected an operator" },
        { "http.queries.a.b == \"a\"", 0, "needs the name of one query" },
        { "http.path.segments.01 == \"a\"", 0, "needs the number of a seg" },
        { "http.path.segments.2_1 == \"a\"", 0, "needs the number of a seg" },
        { "http.path.segments.1_1 == \"a\"", 0, "needs the number of a seg" },
        { "http.path.segments.x == \"a\"", 0, "needs the number of a segment" },
        { "http.path.segments.len == \"a\"", 26, "this is a text" },
        { "net.protocol == \"tcp\" && http.path == \"a\"", 25,
          "\"http.path\" is no field of stream routes", 1 }
    };

    (void) state;

    router = new_router();

    for (i = 0; i < countof(rows); i++) {

        /* the end of the memory is seen by the sanitizers */

        text = str(rows[i].text);
        exact = malloc(text.len + 1);
        assert_non_null(exact);
        memcpy(exact, text.data, text.len);
        exact = realloc(exact, text.len ? text.len : 1);
        text.data = exact;

        assert_int_equal(gateway_router_expression_check(router, &text,
                                                         rows[i].stream,
                                                         &report), -1);

        if (report.at != rows[i].at
            || strstr(report.message, rows[i].message) == NULL)
        {
            fail_msg("%s: at %zu: %s", rows[i].text, report.at,
                     report.message);
        }

        free(exact);
    }

    gateway_router_free(router);
    give_back();
}


static void
bounds(void **state)
{
    char                         *text, *p;
    size_t                        i;
    gateway_str_t                 s;
    gateway_router_t             *router;
    gateway_expression_report_t   report;

    (void) state;

    router = new_router();
    text = malloc(200000);
    assert_non_null(text);

    memset(text, '(', 100000);
    s.data = text;
    s.len = 60000;
    assert_int_equal(gateway_router_expression_check(router, &s, 0, &report),
                     -1);
    assert_string_equal(report.message, "parentheses nest deeper than 64");
    assert_int_equal(report.at, 64);

    s.len = 100000;
    assert_int_equal(gateway_router_expression_check(router, &s, 0, &report),
                     -1);
    assert_non_null(strstr(report.message, "the limit is 65535"));

    for (p = text, i = 0; i < 10000; i++) {
        memcpy(p, "lower(", 6);
        p += 6;
    }

    s.len = (size_t) (p - text);
    assert_int_equal(gateway_router_expression_check(router, &s, 0, &report),
                     -1);
    assert_string_equal(report.message, "functions nest deeper than 64");

    /* long chains take no depth */

    for (p = text, i = 0; i < 2000; i++) {
        p += sprintf(p, "%snet.src.port == %zu", i ? "||" : "", i);
    }

    s.len = (size_t) (p - text);
    assert_int_equal(gateway_router_expression_check(router, &s, 0, &report),
                     0);

    free(text);
    gateway_router_free(router);
    give_back();
}


static void
notes(void **state)
{
    size_t                        i;
    gateway_str_t                 text;
    gateway_router_t             *router;
    gateway_expression_report_t   report;

    static const struct {
        const char  *text;
        size_t       mixed;
        size_t       net_port;
        size_t       upper;
    }  rows[] = {
        { "net.src.port == 1 && net.src.port == 2 || net.src.port == 3",
          21, SIZE_MAX, SIZE_MAX },
        { "net.src.port == 1 || net.src.port == 2 && net.src.port == 3",
          0, SIZE_MAX, SIZE_MAX },
        { "net.src.port == 1 && (net.src.port == 2 || net.src.port == 3)",
          SIZE_MAX, SIZE_MAX, SIZE_MAX },
        { "(net.src.port == 1 || net.src.port == 2) && net.src.port == 3",
          SIZE_MAX, SIZE_MAX, SIZE_MAX },
        { "!(net.src.port == 1 || net.src.port == 2) && net.src.port == 3",
          SIZE_MAX, SIZE_MAX, SIZE_MAX },
        { "((net.src.port == 1) || (net.src.port == 2))",
          SIZE_MAX, SIZE_MAX, SIZE_MAX },
        { "(net.src.port == 1) || (net.src.port == 2) && net.port == 1",
          0, 46, SIZE_MAX },
        { "lower(http.path) ^= \"/aB\"", SIZE_MAX, SIZE_MAX, 20 },
        { "lower(http.path) ~ \"/aB\"", SIZE_MAX, SIZE_MAX, SIZE_MAX }
    };

    (void) state;

    router = new_router();

    for (i = 0; i < countof(rows); i++) {

        text = str(rows[i].text);

        assert_int_equal(gateway_router_expression_check(router, &text, 0,
                                                         &report), 0);

        if (report.mixed != rows[i].mixed
            || report.net_port != rows[i].net_port
            || report.upper != rows[i].upper)
        {
            fail_msg("%s: %zd %zd %zd", rows[i].text,
                     (ssize_t) report.mixed, (ssize_t) report.net_port,
                     (ssize_t) report.upper);
        }
    }

    gateway_router_free(router);
    give_back();
}


static void
what_is_cut_from_the_path(void **state)
{
    size_t                  i;
    gateway_router_match_t  match;

    static const ask_t  ask = { "/api/v1/users", "h.com", .method = "GET" };

    static const struct {
        const char  *text;
        size_t       matched;
    }  rows[] = {
        { "http.path ^= \"/api\"", 4 },
        { "http.path == \"/api/v1/users\"", 13 },
        { "http.path =^ \"users\"", 5 },
        { "http.path ~ \"^/api/v\\\\d\"", 7 },
        { "http.path ~ \"v1\"", 2 },
        { "http.path contains \"v1\"", 1 },
        { "http.path != \"/x\"", 1 },
        { "http.host == \"h.com\"", 1 },
        { "http.path ^= \"/api\" && http.path ^= \"/api/v1\"", 7 },
        { "http.path ^= \"/api/v1\" && http.path ^= \"/api\"", 4 },
        { "lower(http.path) ^= \"/api\"", 4 },
        { "any(http.path) ^= \"/api\"", 4 },
        /* of a branch that fails as a whole, too */
        { "(http.path ^= \"/api\" && http.method == \"PUT\") "
          "|| http.host == \"h.com\"", 4 },
        { "(http.path ^= \"/x\" && http.method == \"GET\") "
          "|| http.host == \"h.com\"", 1 },
        { "http.path.segments.0 == \"api\"", 1 }
    };

    (void) state;

    for (i = 0; i < countof(rows); i++) {

        assert_int_equal(run(rows[i].text, &ask, &match), 1);

        if (match.matched != rows[i].matched) {
            fail_msg("%s: %zu", rows[i].text, match.matched);
        }

        give_back();
    }
}


static void
capture_is(const gateway_router_match_t *match, const char *name,
    const char *expected)
{
    int                        rc;
    gateway_str_t              n, value;
    gateway_router_request_t   request;

    memset(&request, 0, sizeof(request));

    n = str(name);
    rc = gateway_router_capture(match, &request, &n, &value);

    if (expected == NULL) {
        assert_int_equal(rc, 0);
        return;
    }

    assert_int_equal(rc, 1);
    assert_int_equal(value.len, strlen(expected));
    assert_memory_equal(value.data, expected, value.len);
}


static void
captures(void **state)
{
    char                       err[512];
    void                      *memory;
    gateway_router_t          *router;
    gateway_router_match_t     match, *copy;
    gateway_router_request_t   request;

    static const ask_t  ask = {
        "/u/42/x", "shop.example.com", "x_up: ABC\n", "q=a%20b"
    };
    static const ask_t  other = {
        "/u/7777/x", "xxxxxx.example.com", "x_up: AXXX\n", "q=xxxxx%20x"
    };

    (void) state;

    router = new_router();

    assert_int_equal(add(router, 1,
        "http.host ~ \"^(?<tenant>\\\\w+)\\\\.(\\\\w+)\" "
        "&& http.path ~ \"^/u/(?<id>\\\\d+)\" "
        "&& lower(http.headers.x_up) ~ \"^a(?<low>.*)$\" "
        "&& http.queries.q ~ \"a (?<last>.)\" "
        "&& !(http.path ~ \"(never)\")", 0, err, sizeof(err)), 0);
    assert_int_equal(gateway_router_build(router), 0);

    request = request_of(&ask);
    memset(&match, 0, sizeof(match));

    assert_int_equal(gateway_router_match(router, &request, &match), 1);
    assert_int_equal(match.matched, 5);
    assert_true(match.ncaptures > 1);

    memory = malloc(gateway_router_match_size(&match));
    assert_non_null(memory);
    copy = gateway_router_match_copy(memory, &match);

    capture_is(&match, "tenant", "shop");

    /* the next request uses the router's memory again */
    request = request_of(&other);
    assert_int_equal(gateway_router_match(router, &request, &match), 0);

    /* of a number that several have the last one counts */
    capture_is(copy, "tenant", "shop");
    capture_is(copy, "id", "42");
    capture_is(copy, "low", "bc");
    capture_is(copy, "last", "b");
    capture_is(copy, "0", "a b");
    capture_is(copy, "1", "b");
    capture_is(copy, "2", "example");
    capture_is(copy, "3", NULL);
    capture_is(copy, "other", NULL);

    free(memory);
    gateway_router_free(router);
    request = request_of(&ask);

    /* the whole match alone is no capture */

    router = new_router();
    assert_int_equal(add(router, 1, "http.path ~ \"^/u\"", 0, err,
                         sizeof(err)), 0);
    assert_int_equal(gateway_router_build(router), 0);
    memset(&match, 0, sizeof(match));
    assert_int_equal(gateway_router_match(router, &request, &match), 1);
    assert_int_equal(match.nhits, 0);
    assert_true(match.ncaptures <= 1);
    gateway_router_free(router);
    give_back();
}


static void
keys_of_the_index(void **state)
{
    size_t                           i, n;
    gateway_str_t                    text;
    gateway_expression_t            *expression;
    gateway_expression_report_t      report;
    gateway_expression_options_t     options;
    const gateway_expression_key_t  *keys;

    static const struct {
        const char  *text;
        size_t       nhosts;
        size_t       npaths;
        const char  *host;
        const char  *path;
    }  rows[] = {
        { "http.host == \"a\" && http.path ^= \"/b\"", 1, 1, "a", "/b" },
        { "http.host == \"a\" || http.path ^= \"/b\"", 0, 0 },
        { "http.host == \"a\" || http.host =^ \".b\"", 2, 0, "a" },
        { "(http.host == \"a\" && http.path == \"/x\") "
          "|| (http.host == \"b\" && http.path ^= \"/y\")", 2, 2, "a", "/x" },
        { "http.host == \"a\" && (http.method == \"X\" "
          "|| http.path == \"/y\")", 1, 0, "a" },
        { "!(http.host == \"a\")", 0, 0 },
        { "http.host != \"a\"", 0, 0 },
        { "lower(http.host) == \"a\"", 0, 0 },
        { "any(http.host) == \"a\"", 1, 0, "a" },
        { "http.host == \"\"", 0, 0 },
        { "http.path =^ \"x\"", 0, 0 },
        { "(http.host == \"a\" || http.host == \"b\") "
          "&& http.host == \"b\"", 1, 0, "b" }
    };

    (void) state;

    memset(&options, 0, sizeof(options));
    options.alloc = take;

    for (i = 0; i < countof(rows); i++) {

        text = str(rows[i].text);
        expression = gateway_expression_compile(&text, &options, &report);
        assert_non_null(expression);

        n = gateway_expression_hosts(expression, &keys);
        assert_int_equal(n, rows[i].nhosts);

        if (n) {
            assert_memory_equal(keys[0].text.data, rows[i].host,
                                strlen(rows[i].host));
        }

        n = gateway_expression_paths(expression, &keys);
        assert_int_equal(n, rows[i].npaths);

        if (n) {
            assert_memory_equal(keys[0].text.data, rows[i].path,
                                strlen(rows[i].path));
        }
    }

    give_back();
}


static uint32_t
draw(uint32_t n)
{
    static uint64_t  state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (uint32_t) (state % n);
}


/* a random expression over few hosts and paths */

static char *
compose(char *p, unsigned depth)
{
    uint32_t  i, n;

    static const char *const  tests[] = {
        "http.host == \"a.com\"", "http.host == \"b.com\"",
        "http.host =^ \".com\"", "http.host ^= \"a.\"",
        "http.host != \"a.com\"", "http.host == \"\"",
        "http.path ^= \"/\"", "http.path ^= \"/x\"", "http.path == \"/x/y\"",
        "http.path ~ \"^/x/(y|z)\"", "http.path ~ \"^/y|/z\"",
        "http.path ~ \"y$\"", "http.path =^ \"/z\"",
        "lower(http.path) ^= \"/x\"", "http.path != \"/x\"",
        "http.method == \"GET\"", "http.method == \"PUT\"",
        "http.path.segments.len > 1"
    };

    switch (depth == 0 ? 0 : draw(4)) {

    case 0:
        return p + sprintf(p, "%s", tests[draw(countof(tests))]);

    case 1:
        p += sprintf(p, "!(");
        p = compose(p, depth - 1);
        return p + sprintf(p, ")");

    default:

        p += sprintf(p, "(");
        n = 1 + draw(3);

        for (i = 0; i < n; i++) {

            if (i > 0) {
                p += sprintf(p, draw(2) ? " && " : " || ");
            }

            p = compose(p, depth - 1);
        }

        return p + sprintf(p, ")");
    }
}


/* with the index and without: each alone behind a test that hides its keys */

static void
the_index_changes_nothing(void **state)
{
    char                       text[40][2048], plain[40][2100], err[512];
    uint64_t                   priority[40];
    intptr_t                   i, n, best;
    unsigned                   round, k;
    gateway_router_t          *router, *alone;
    gateway_router_match_t     match, other;
    gateway_router_request_t   request;

    static const char *const  hosts[] = {
        "a.com", "b.com", "c.com", "a.com:80", ".com", NULL, "", "a."
    };
    static const char *const  paths[] = {
        "/", "/x", "/x/y", "/x/z", "/y", "/X", "/z", "/xx/y/z"
    };

    (void) state;

    for (round = 0; round < 60; round++) {

        router = new_router();
        n = 1 + (intptr_t) draw(countof(text) - 1);

        for (i = 0; i < n; i++) {
            (void) compose(text[i], 1 + draw(3));
            (void) snprintf(plain[i], sizeof(plain[i]),
                            "!(!(%s))", text[i]);
            priority[i] = draw(3);
            assert_int_equal(add(router, i + 1, text[i], priority[i], err,
                                 sizeof(err)), 0);
        }

        assert_int_equal(gateway_router_build(router), 0);

        for (k = 0; k < countof(hosts) * countof(paths); k++) {

            ask_t  ask = { paths[k % countof(paths)],
                           hosts[k / countof(paths)], .method = "GET" };

            request = request_of(&ask);
            best = 0;
            memset(&other, 0, sizeof(other));

            for (i = 0; i < n; i++) {

                if (best && (priority[i] < priority[best - 1])) {
                    continue;
                }

                memset(&match, 0, sizeof(match));
                alone = new_router();
                assert_int_equal(add(alone, 1, plain[i], 0, err, sizeof(err)),
                                 0);
                assert_int_equal(gateway_router_build(alone), 0);

                if (gateway_router_match(alone, &request, &match) == 1) {
                    /* the higher id wins */
                    best = i + 1;
                    other = match;
                }

                gateway_router_free(alone);
            }

            memset(&match, 0, sizeof(match));

            assert_int_equal(gateway_router_match(router, &request, &match),
                             best ? 1 : 0);
            assert_int_equal((intptr_t) match.route, best);

            if (best) {
                assert_int_equal(match.matched, other.matched);
            }
        }

        gateway_router_free(router);
        give_back();
    }
}


static void
order_of_routes(void **state)
{
    char                         err[512];
    size_t                       n;
    gateway_str_t                host, paths[2];
    gateway_router_t            *router;
    gateway_router_route_t       route;
    gateway_router_match_t       match;
    gateway_router_request_t     request;
    gateway_router_candidate_t   list[8];

    static const ask_t  ask = { "/x", "h.com", .source = "10.0.0.9",
                                .source_port = 5 };

    (void) state;

    router = new_router();

    memset(&route, 0, sizeof(route));
    host = str("h.com");
    paths[0] = str("~/x");
    paths[1] = str("/y");
    route.hosts = &host;
    route.nhosts = 1;
    route.paths = paths;
    route.npaths = 2;
    /* jumps to the top of those of its kind */
    route.regex_priority = -1;
    route.data = (void *) 7;
    assert_int_equal(gateway_router_add(router, &route, err, sizeof(err)), 0);

    assert_int_equal(add(router, 1, "http.path == \"/x\"", 5, err,
                         sizeof(err)), 0);
    assert_int_equal(add(router, 2, "http.path == \"/x\"", 5, err,
                         sizeof(err)), 0);
    assert_int_equal(add(router, 3, "http.path == \"/x\"", 4, err,
                         sizeof(err)), 0);
    assert_int_equal(add(router, 4, "http.path == \"/no\"", 9, err,
                         sizeof(err)), 0);
    assert_int_equal(gateway_router_build(router), 0);

    request = request_of(&ask);
    memset(&match, 0, sizeof(match));
    assert_int_equal(gateway_router_match(router, &request, &match), 1);
    assert_int_equal((intptr_t) match.route, 2);

    n = gateway_router_candidates(router, &request, list, countof(list));
    assert_int_equal(n, 4);
    assert_int_equal((intptr_t) list[1].route, 1);
    assert_int_equal((intptr_t) list[2].route, 3);
    assert_int_equal((intptr_t) list[3].route, 7);
    assert_string_equal(gateway_router_reason(router, &list[0], &list[1]),
                        "higher id");
    assert_string_equal(gateway_router_reason(router, &list[0], &list[2]),
                        "higher priority");
    assert_string_equal(gateway_router_reason(router, &list[0], &list[3]),
                        "expressions come first");

    gateway_router_free(router);
    give_back();
}


/* of routes with paths: protocols and addresses are conditions here */

static void
conditions_of_other_routes(void **state)
{
    char                        err[512];
    size_t                      i;
    gateway_str_t               path;
    gateway_router_t           *router;
    gateway_router_route_t      route;
    gateway_router_match_t      match;
    gateway_router_request_t    request;

    static const gateway_router_endpoint_t  sources[] = {
        { { "10.1.2.3/8", 10 }, 5 }, { { "fd00::1:2/112", 13 }, -1 },
        { { "", 0 }, 77 }
    };
    static const gateway_router_endpoint_t  destinations[] = {
        { { "1.1.1.1", 7 }, -1 }
    };

    static const struct {
        ask_t  ask;
        int    both;
        int    scheme;      /* 1: http only, 2: https only */
        int    expected;
    }  rows[] = {
        { { "/x", .source = "10.9.9.9", .source_port = 5 }, 0, 0, 1 },
        { { "/x", .source = "10.9.9.9", .source_port = 6 }, 0, 0, 0 },
        { { "/x", .source = "11.9.9.9", .source_port = 77 }, 0, 0, 1 },
        { { "/x", .source = "fd00::1:ffff", .source_port = 9 }, 0, 0, 1 },
        { { "/x", .source = "fd00::2:ffff", .source_port = 9 }, 0, 0, 0 },
        { { "/x", .source_port = 77 }, 1, 0, 0 },
        { { "/x", .source_port = 77, .destination = "1.1.1.1" }, 1, 0, 1 },
        { { "/x", .source_port = 77, .tls = 1 }, 0, 1, 0 },
        { { "/x", .source_port = 77, .tls = 0 }, 0, 1, 1 },
        { { "/x", .source_port = 77, .tls = 1 }, 0, 2, 1 },
        { { "/x", .source_port = 77, .tls = 0 }, 0, 2, 0 }
    };

    (void) state;

    for (i = 0; i < countof(rows); i++) {

        router = new_router();

        memset(&route, 0, sizeof(route));
        path = str("/x");
        route.paths = &path;
        route.npaths = 1;
        route.sources = sources;
        route.nsources = countof(sources);
        route.destinations = destinations;
        route.ndestinations = rows[i].both ? 1 : 0;
        route.http_only = (rows[i].scheme == 1);
        route.https_only = (rows[i].scheme == 2);
        route.data = (void *) 1;

        if (gateway_router_add(router, &route, err, sizeof(err)) != 0) {
            fail_msg("%s", err);
        }

        assert_int_equal(gateway_router_build(router), 0);

        request = request_of(&rows[i].ask);

        memset(&match, 0, sizeof(match));
        assert_int_equal(gateway_router_match(router, &request, &match),
                         rows[i].expected);

        if (rows[i].expected) {
            assert_int_equal(match.matched, 2);
        }

        gateway_router_free(router);
        give_back();
    }
}


static void
memory_ends(void **state)
{
    int                rc;
    char               err[512];
    size_t             n;
    gateway_router_t  *router;

    (void) state;

    for (n = 0; n < 60; n++) {

        router = new_router();

        allowed = n;
        rc = add(router, 1, "http.host == \"a\" && http.path ~ \"^/a(b)\" "
                 "&& http.headers.x == \"\\n\" && net.src.ip in 10.0.0.0/8",
                 0, err, sizeof(err));

        if (rc == 0) {
            rc = gateway_router_build(router);

        } else {
            assert_non_null(strstr(err, "out of memory"));
        }

        allowed = SIZE_MAX;
        gateway_router_free(router);
        give_back();

        if (rc == 0) {
            break;
        }
    }

    assert_in_range(n, 5, 50);
}


static void
a_regex_that_gives_up(void **state)
{
    char                    text[128];
    ask_t                   ask;
    gateway_router_match_t  match;

    (void) state;

    memset(&ask, 0, sizeof(ask));
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    text[sizeof(text) - 1] = '\0';
    ask.path = text;

    assert_int_equal(run("http.path ~ \"^/(a+)+(a+)+[bc]$\"", &ask, &match),
                     -1);
    give_back();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_meaning_of_operators),
        cmocka_unit_test(what_a_request_lacks),
        cmocka_unit_test(texts_and_escapes),
        cmocka_unit_test(errors_say_where_and_what),
        cmocka_unit_test(bounds),
        cmocka_unit_test(notes),
        cmocka_unit_test(what_is_cut_from_the_path),
        cmocka_unit_test(captures),
        cmocka_unit_test(keys_of_the_index),
        cmocka_unit_test(the_index_changes_nothing),
        cmocka_unit_test(order_of_routes),
        cmocka_unit_test(conditions_of_other_routes),
        cmocka_unit_test(memory_ends),
        cmocka_unit_test(a_regex_that_gives_up)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
