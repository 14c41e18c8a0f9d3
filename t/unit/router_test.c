
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The router against the worked examples of its contract, against single
 * rules, and against a plain linear model on random routes and requests.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "gateway_router.h"
#include "gateway_uuid.h"


/* tables of tests leave out what does not matter */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"


#define countof(a)  (sizeof(a) / sizeof(a[0]))

#define MAX_LIST    16
#define MAX_ROUTES  64
#define TEXT_SIZE   512


/*
 * A route as tests write it.  Lists are separated by spaces, "\x01" stands
 * for a space within; headers are "name=value|value name=value".
 */
typedef struct {
    const char  *name;
    const char  *methods;
    const char  *hosts;
    const char  *paths;
    const char  *headers;
    const char  *snis;
    int64_t      regex_priority;

    const char  *service;
    int          no_strip;
    int          v1;
} spec_t;


/* "name: value\n" lines in headers */
typedef struct {
    const char  *target;
    const char  *host;
    const char  *method;
    const char  *headers;
    const char  *sni;
    int          tls;
    int          port;
} ask_t;


/* what a spec becomes */
typedef struct {
    char                      text[TEXT_SIZE];
    size_t                    used;
    gateway_str_t             methods[MAX_LIST];
    gateway_str_t             hosts[MAX_LIST];
    gateway_str_t             paths[MAX_LIST];
    gateway_str_t             snis[MAX_LIST];
    gateway_str_t             values[MAX_LIST];
    gateway_router_header_t   headers[MAX_LIST];
    gateway_router_route_t    route;
    const spec_t             *spec;
} entry_t;


/* memory of routers: counted, and freed when a test is over */
typedef struct chunk_s  chunk_t;

struct chunk_s {
    chunk_t  *next;
};

static chunk_t  *chunks;
static size_t    allocated;
static size_t    allowed = SIZE_MAX;


static void *
pool_alloc(void *data, size_t size)
{
    chunk_t  *chunk;

    if (allowed == 0) {
        return NULL;
    }

    allowed--;

    chunk = malloc(sizeof(chunk_t) + 8 + size);
    assert_non_null(chunk);

    chunk->next = chunks;
    chunks = chunk;

    allocated += size;

    memset(chunk + 1, 0xa5, size + 8);

    return (char *) (chunk + 1) + 8;
}


static void
pool_free(void)
{
    chunk_t  *next;

    for ( /* void */ ; chunks != NULL; chunks = next) {
        next = chunks->next;
        free(chunks);
    }

    allocated = 0;
    allowed = SIZE_MAX;
}


static gateway_str_t
str(const char *text)
{
    gateway_str_t  s;

    s.data = text ? text : "";
    s.len = text ? strlen(text) : 0;

    return s;
}


static size_t
split(entry_t *entry, const char *text, int separator, gateway_str_t *list)
{
    char        *p;
    size_t       n, len;
    const char  *last;

    n = 0;

    while (text != NULL && *text != '\0') {

        last = strchr(text, separator);
        len = last ? (size_t) (last - text) : strlen(text);

        assert_true(n < MAX_LIST);
        assert_true(entry->used + len < TEXT_SIZE);

        p = entry->text + entry->used;
        memcpy(p, text, len);
        entry->used += len;

        list[n].data = p;
        list[n].len = len;
        n++;

        for ( /* void */ ; len > 0; len--, p++) {
            if (*p == '\x01') {
                *p = ' ';
            }
        }

        text = last ? last + 1 : NULL;
    }

    return n;
}


static void
parse(entry_t *entry, const spec_t *spec)
{
    char                    *equal;
    size_t                   i, n, nvalues;
    gateway_str_t            headers[MAX_LIST];
    gateway_router_route_t  *route;

    memset(entry, 0, sizeof(entry_t));

    route = &entry->route;
    entry->spec = spec;

    gateway_uuid_entity(route->id, "routes", spec->name, strlen(spec->name));

    route->methods = entry->methods;
    route->nmethods = split(entry, spec->methods, ' ', entry->methods);
    route->hosts = entry->hosts;
    route->nhosts = split(entry, spec->hosts, ' ', entry->hosts);
    route->paths = entry->paths;
    route->npaths = split(entry, spec->paths, ' ', entry->paths);
    route->snis = entry->snis;
    route->nsnis = split(entry, spec->snis, ' ', entry->snis);

    n = split(entry, spec->headers, ' ', headers);
    nvalues = 0;

    for (i = 0; i < n; i++) {

        equal = memchr(headers[i].data, '=', headers[i].len);
        assert_non_null(equal);

        entry->headers[i].name.data = headers[i].data;
        entry->headers[i].name.len = (size_t) (equal - headers[i].data);

        /* the text was copied once: split in place by a copy of the rest */

        char  rest[TEXT_SIZE];

        snprintf(rest, sizeof(rest), "%.*s",
                 (int) (headers[i].data + headers[i].len - equal - 1),
                 equal + 1);

        entry->headers[i].values = entry->values + nvalues;
        entry->headers[i].nvalues = split(entry, rest, '|',
                                          entry->values + nvalues);
        nvalues += entry->headers[i].nvalues;
    }

    route->headers = entry->headers;
    route->nheaders = n;

    route->regex_priority = spec->regex_priority;
    route->data = entry;
}


static gateway_router_t *
make(entry_t *entries, const spec_t *specs, size_t n, int strict)
{
    char                      err[256];
    size_t                    i;
    gateway_router_t         *router;
    gateway_router_options_t  options;

    memset(&options, 0, sizeof(options));

    options.strict = strict;
    options.alloc = pool_alloc;

    router = gateway_router_create(&options);
    assert_non_null(router);

    for (i = 0; i < n; i++) {

        parse(&entries[i], &specs[i]);

        if (gateway_router_add(router, &entries[i].route, err, sizeof(err))
            != 0)
        {
            print_error("route %s: %s\n", specs[i].name, err);
            fail();
        }
    }

    assert_int_equal(gateway_router_build(router), 0);

    return router;
}


static void
done(gateway_router_t *router)
{
    gateway_router_free(router);
    pool_free();
}


/* data is text of "Name: value" lines */

static int
find_header(void *data, const gateway_str_t *name, size_t i,
    gateway_str_t *value)
{
    char         c;
    size_t       j;
    const char  *p, *colon, *last;

    for (p = data; p != NULL && *p != '\0'; p = *last ? last + 1 : last) {

        colon = strchr(p, ':');
        last = strchr(p, '\n');
        last = last ? last : p + strlen(p);

        if ((size_t) (colon - p) != name->len) {
            continue;
        }

        for (j = 0; j < name->len; j++) {

            c = p[j];
            c = (c == '-') ? '_' : c;
            c = (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;

            if (c != name->data[j]) {
                break;
            }
        }

        if (j < name->len || i-- > 0) {
            continue;
        }

        value->data = colon + 2;
        value->len = (size_t) (last - value->data);

        return 1;
    }

    return 0;
}


static char  path_buffer[TEXT_SIZE];


static void
request_of(gateway_router_request_t *request, const ask_t *ask)
{
    size_t       len;
    ptrdiff_t    n;
    const char  *query;

    memset(request, 0, sizeof(gateway_router_request_t));

    query = strchr(ask->target + 1, '?');
    len = query ? (size_t) (query - ask->target) : strlen(ask->target);

    n = gateway_path_normalize(path_buffer, ask->target, len);
    assert_true(n > 0);

    request->method = str(ask->method ? ask->method : "GET");
    request->host = str(ask->host);
    request->port = (uint16_t) (ask->port ? ask->port : 8000);
    request->path.data = path_buffer;
    request->path.len = (size_t) n;
    request->sni = str(ask->sni);
    request->tls = ask->tls || ask->sni;
    request->header = find_header;
    request->header_data = (void *) (ask->headers ? ask->headers : "");
}


/* name of the winner, "" without one; its upstream URI in uri */

static const char *
ask_router(gateway_router_t *router, const ask_t *ask, char *uri)
{
    int                       rc;
    char                      buf[2 * TEXT_SIZE];
    size_t                    n;
    entry_t                  *entry;
    const char               *query;
    gateway_str_t             service;
    gateway_router_match_t    match;
    gateway_router_request_t  request;

    request_of(&request, ask);

    memset(&match, 0xa5, sizeof(match));

    rc = gateway_router_match(router, &request, &match);
    assert_true(rc >= 0);

    uri[0] = '\0';

    if (rc == 0) {
        return "";
    }

    entry = match.route;

    service = str(entry->spec->service);

    n = gateway_path_upstream(buf, &service, &request.path, match.matched,
                              match.path != NULL, !entry->spec->no_strip,
                              entry->spec->v1);

    n = gateway_path_escape(uri, buf, n);

    query = strchr(ask->target + 1, '?');
    strcpy(uri + n, query ? query : "");

    return entry->spec->name;
}


/* router.md 7 */

#define HIGHER_ID  "?"

static const struct {
    int          number;
    spec_t       routes[3];
    ask_t        ask;
    const char  *winner;      /* NULL: 404 */
    const char  *uri;
    const char  *strict;      /* NULL: the same winner */
    const char  *strict_uri;
} examples[] = {

    { 1, { { .name = "a", .paths = "/foo" } },
      { "/foo/bar" }, "a", "/bar" },
    { 2, { { .name = "a", .paths = "/foo" } },
      { "/foobar" }, "a", "/bar" },
    { 3, { { .name = "a", .paths = "/foo" } },
      { "/foo" }, "a", "/" },
    { 4, { { .name = "a", .paths = "/foo", .service = "/svc" } },
      { "/foo/" }, "a", "/svc/" },
    { 5, { { .name = "a", .paths = "/foo", .service = "/svc/" } },
      { "/foo" }, "a", "/svc" },
    { 6, { { .name = "a", .paths = "/foo", .service = "/svc",
             .no_strip = 1 } },
      { "/foo/x?q=1" }, "a", "/svc/foo/x?q=1" },
    { 7, { { .name = "a", .paths = "/foo/" } },
      { "/foo" }, NULL },
    { 8, { { .name = "short", .paths = "/a" },
           { .name = "long", .paths = "/a/b" } },
      { "/a/b/c" }, "long", "/c" },
    { 9, { { .name = "multi", .paths = "/a /bbbbbbb" },
           { .name = "ab", .paths = "/a/b" } },
      { "/a/b/c" }, "ab", "/c" },
    { 10, { { .name = "pre", .paths = "/users/12345/profile" },
            { .name = "re", .paths = "~/users/\\d+" } },
      { "/users/12345/profile" }, "re", "/profile" },
    { 11, { { .name = "lo", .paths = "~/s/\\d+" },
            { .name = "hi", .paths = "~/s/.+", .regex_priority = 5 } },
      { "/s/42" }, "hi", "/" },
    { 12, { { .name = "p6", .paths = "/pre", .regex_priority = 6 },
            { .name = "r0", .paths = "~/pref" } },
      { "/prefix" }, "r0", "/ix" },
    { 13, { { .name = "a", .paths = "~/users/(\\d+)/profile" } },
      { "/users/7/profile/pic" }, "a", "/pic" },
    { 14, { { .name = "a", .paths = "~/v1/?$" } },
      { "/v1/x" }, NULL },
    { 15, { { .name = "a", .paths = "~/users" } },
      { "/x/users" }, NULL },
    { 16, { { .name = "a", .paths = "~/aa|/bb", .no_strip = 1 } },
      { "/zz/bb" }, "a", "/zz/bb" },
    { 17, { { .name = "a", .hosts = "example.com" } },
      { "/", "example.com:9999" }, "a", "/" },
    { 18, { { .name = "a", .hosts = "example.com:8000" } },
      { "/", "example.com:9999" }, NULL },
    { 19, { { .name = "a", .hosts = "example.com:8000" } },
      { "/", "example.com" }, "a", "/" },
    { 20, { { .name = "a", .hosts = "example.com:80" } },
      { "/", "example.com" }, NULL },
    { 21, { { .name = "a", .hosts = "*.example.com" } },
      { "/", "x.y.example.com" }, "a", "/" },
    { 22, { { .name = "a", .hosts = "*.example.com" } },
      { "/", "example.com" }, NULL },
    { 23, { { .name = "a", .hosts = "example.*" } },
      { "/", "example.co.uk" }, "a", "/" },
    { 24, { { .name = "w", .hosts = "*.example.com" },
            { .name = "p", .hosts = "api.example.com" } },
      { "/", "api.example.com" }, "p", "/" },
    { 25, { { .name = "w", .hosts = "*.example.com", .paths = "/p" },
            { .name = "p", .hosts = "api.example.com" } },
      { "/p", "api.example.com" }, "p", "/p", "w", "/" },
    { 26, { { .name = "h", .hosts = "h.com" },
            { .name = "p", .paths = "/very/long/path" } },
      { "/very/long/path", "h.com" }, "h", "/very/long/path" },
    { 27, { { .name = "h", .hosts = "*.com" },
            { .name = "p", .paths = "/foo" } },
      { "/foo", "h.com" }, "p", "/" },
    { 28, { { .name = "h", .headers = "X-A=1" },
            { .name = "p", .paths = "/foo" } },
      { "/foo", .headers = "X-A: 1" }, "h", "/foo" },
    { 29, { { .name = "m", .methods = "GET" },
            { .name = "p", .paths = "/foo" } },
      { "/foo" }, "p", "/" },
    { 30, { { .name = "m", .methods = "GET" },
            { .name = "w", .hosts = "domain.*" } },
      { "/", "domain.com" }, HIGHER_ID, "/" },
    { 31, { { .name = "hp", .hosts = "h.com", .paths = "/foo" },
            { .name = "mp", .methods = "GET", .paths = "/foo/bar/baz" } },
      { "/foo/bar/baz", "h.com" }, "hp", "/bar/baz" },
    { 32, { { .name = "rx", .hosts = "h.com", .paths = "~/foo" },
            { .name = "hpm", .hosts = "h.com", .paths = "/",
              .methods = "GET" } },
      { "/foo", "h.com" }, "rx", "/", "hpm", "/foo" },
    { 33, { { .name = "h2", .headers = "A=1 B=2", .paths = "/" },
            { .name = "h1", .headers = "A=1", .paths = "/long/path" } },
      { "/long/path", .headers = "A: 1\nB: 2" }, "h2", "/long/path" },
    { 34, { { .name = "a", .headers = "X-V=1|2" } },
      { "/", .headers = "X-V: 2" }, "a", "/" },
    { 35, { { .name = "a", .headers = "A=1 B=2" } },
      { "/", .headers = "A: 1" }, NULL },
    { 36, { { .name = "a", .headers = "X-V=Beta" } },
      { "/", .headers = "X-V: BETA" }, "a", "/" },
    { 37, { { .name = "a", .headers = "X-V=beta" } },
      { "/", .headers = "X-V: beta2" }, NULL },
    { 38, { { .name = "a", .headers = "X-V=~*v[0-9]+" } },
      { "/", .headers = "X-V: release-V12" }, "a", "/" },
    { 39, { { .name = "a", .headers = "X-V=2" } },
      { "/", .headers = "X-V: 1\nX-V: 2" }, "a", "/" },
    { 40, { { .name = "a", .paths = "/foo/bar", .no_strip = 1 } },
      { "/foo/x/../bar" }, "a", "/foo/bar" },
    { 41, { { .name = "a", .paths = "/foo/bar" } },
      { "//foo//bar//z" }, "a", "/z" },
    { 42, { { .name = "a", .paths = "/hello", .no_strip = 1 } },
      { "/h%65llo/%7Ebob" }, "a", "/hello/~bob" },
    { 43, { { .name = "a", .paths = "/a", .no_strip = 1 } },
      { "/a/b%2fc%3a" }, "a", "/a/b%2Fc%3A" },
    { 44, { { .name = "a", .paths = "/a" } },
      { "/a/cat%20dog" }, "a", "/cat%20dog" },
    { 45, { { .name = "a", .paths = "~/a\001b$", .no_strip = 1 } },
      { "/a%20b" }, "a", "/a%20b" },
    { 46, { { .name = "a", .paths = "/route", .service = "/service" } },
      { "/route../req" }, "a", "/service/req" },
    { 47, { { .name = "a", .paths = "/foo" } },
      { "/foo/x?" }, "a", "/x?" },
    { 48, { { .name = "a", .paths = "/foo", .service = "/s" } },
      { "/foo?a=b%20c&a=&b" }, "a", "/s?a=b%20c&a=&b" },
    { 49, { { .name = "a", .snis = "s.com", .paths = "/" } },
      { "/" }, "a", "/" },
    { 50, { { .name = "a", .snis = "s.com", .paths = "/" } },
      { "/", .sni = "t.com" }, NULL },
    { 51, { { .name = "a", .snis = "*.s.com", .paths = "/" } },
      { "/", .sni = "x.s.com" }, "a", "/" },
    { 55, { { .name = "all", .paths = "/" },
            { .name = "foo", .paths = "/foo" } },
      { "/bar" }, "all", "/bar" },
    { 56, { { .name = "a", .hosts = "example.com" } },
      { "/", "Example.COM" }, NULL },
    { 57, { { .name = "a", .paths = "/Foo" } },
      { "/foo" }, NULL },
    { 58, { { .name = "alpha", .paths = "/dup" },
            { .name = "beta", .paths = "/dup" } },
      { "/dup" }, "alpha", "/" },
    { 59, { { .name = "noport", .hosts = "t.com" },
            { .name = "port", .hosts = "t.com:8000" } },
      { "/", "t.com:8000" }, "noport", "/" },
    { 60, { { .name = "w", .hosts = "*.t.com:8000" },
            { .name = "p", .hosts = "a.t.com" } },
      { "/", "a.t.com:8000" }, "p", "/" },
    /* the setting v1 is without effect in this flavor: the caller drops it */
    { 61, { { .name = "a", .paths = "/r", .service = "/s" } },
      { "/rx" }, "a", "/s/x" },
    { 64, { { .name = "a", .paths = "/x" },
            { .name = "b", .hosts = "q.com" } },
      { "/y", "z.com" }, NULL }
};


static void
check_example(size_t i, int strict)
{
    char               uri[4 * TEXT_SIZE];
    size_t             n;
    entry_t            entries[3];
    const char        *winner, *expected, *expected_uri;
    gateway_router_t  *router;

    for (n = 0; n < 3 && examples[i].routes[n].name != NULL; n++) {
        /* void */
    }

    router = make(entries, examples[i].routes, n, strict);

    winner = ask_router(router, &examples[i].ask, uri);

    expected = examples[i].winner ? examples[i].winner : "";
    expected_uri = examples[i].uri ? examples[i].uri : "";

    if (strict && examples[i].strict != NULL) {
        expected = examples[i].strict;
        expected_uri = examples[i].strict_uri;
    }

    if (strcmp(expected, HIGHER_ID) == 0) {
        n = memcmp(entries[0].route.id, entries[1].route.id, 16) < 0;
        expected = examples[i].routes[n].name;
    }

    if (strcmp(winner, expected) != 0 || strcmp(uri, expected_uri) != 0) {
        print_error("example %d strict %d: \"%s\" %s, expected \"%s\" %s\n",
                    examples[i].number, strict, winner, uri, expected,
                    expected_uri);
        fail();
    }

    done(router);
}


static void
test_examples(void **state)
{
    size_t  i;

    for (i = 0; i < countof(examples); i++) {
        check_example(i, 0);
        check_example(i, 1);
    }
}


/* single rules, one route each: does it match? */

static const struct {
    spec_t       route;
    ask_t        ask;
    int          matches;
} rules[] = {

    /* hosts */
    { { .name = "a", .hosts = "a.com" }, { "/", "a.com" }, 1 },
    { { .name = "a", .hosts = "a.com" }, { "/", "a.com:1" }, 1 },
    { { .name = "a", .hosts = "a.com" }, { "/", "a.com:" }, 0 },
    { { .name = "a", .hosts = "a.com" }, { "/", "a.com:x" }, 0 },
    { { .name = "a", .hosts = "a.com" }, { "/", "a.com:80:80" }, 0 },
    { { .name = "a", .hosts = "a.com" }, { "/", "a.com." }, 0 },
    { { .name = "a", .hosts = "a.com" }, { "/", "b.a.com" }, 0 },
    { { .name = "a", .hosts = "a.com" }, { "/", "" }, 0 },
    { { .name = "a", .hosts = "A.com" }, { "/", "A.com" }, 1 },
    { { .name = "a", .hosts = "A.com" }, { "/", "a.com" }, 0 },
    { { .name = "a", .hosts = "x.com a.com" }, { "/", "a.com" }, 1 },
    { { .name = "a", .hosts = "a.com:80" }, { "/", "a.com", .port = 80 }, 1 },
    { { .name = "a", .hosts = "a.com:80" },
      { "/", "a.com:80", .port = 8000 }, 1 },
    { { .name = "a", .hosts = "a.com:80" },
      { "/", "a.com:8000", .port = 80 }, 0 },
    { { .name = "a", .hosts = "*.a.com" }, { "/", ".a.com" }, 1 },
    { { .name = "a", .hosts = "*.a.com" }, { "/", "xa.com" }, 0 },
    { { .name = "a", .hosts = "*.a.com" }, { "/", "x.a.com:81" }, 1 },
    { { .name = "a", .hosts = "*.a.com:80" }, { "/", "x.a.com:81" }, 0 },
    { { .name = "a", .hosts = "*.a.com:81" }, { "/", "x.a.com:81" }, 1 },
    { { .name = "a", .hosts = "*.a.com:8000" }, { "/", "x.a.com" }, 1 },
    { { .name = "a", .hosts = "a.*" }, { "/", "a." }, 1 },
    { { .name = "a", .hosts = "a.*" }, { "/", "a" }, 0 },
    { { .name = "a", .hosts = "a.*" }, { "/", "b.a.com" }, 0 },
    { { .name = "a", .hosts = "a.*:80" }, { "/", "a.b:80" }, 1 },
    { { .name = "a", .hosts = "a.*:80" }, { "/", "a.b:81" }, 0 },
    { { .name = "a", .hosts = "*" }, { "/", "x" }, 1 },
    { { .name = "a", .hosts = "*" }, { "/", "" }, 0 },
    { { .name = "a", .hosts = "[::1]:80" }, { "/", "[::1]:80" }, 1 },
    { { .name = "a", .hosts = "[::1]" }, { "/", "[::1]:80" }, 0 },
    { { .name = "a", .hosts = "[::1]" }, { "/", "[::1]" }, 1 },
    { { .name = "a", .hosts = "1.2.3.4" }, { "/", "1.2.3.4:5" }, 1 },
    { { .name = "a", .paths = "/" }, { "/", "" }, 1 },
    { { .name = "a", .paths = "/" }, { "/", "whatever:1" }, 1 },

    /* methods */
    { { .name = "a", .methods = "GET" }, { "/" }, 1 },
    { { .name = "a", .methods = "GET" }, { "/", .method = "HEAD" }, 0 },
    { { .name = "a", .methods = "GET" }, { "/", .method = "get" }, 0 },
    { { .name = "a", .methods = "POST PURGE" },
      { "/", .method = "PURGE" }, 1 },
    { { .name = "a", .methods = "POST PURGE" },
      { "/", .method = "PURG" }, 0 },

    /* paths */
    { { .name = "a", .paths = "/a /b" }, { "/b/c" }, 1 },
    { { .name = "a", .paths = "/a /b" }, { "/c" }, 0 },
    { { .name = "a", .paths = "/a%2Fb" }, { "/a%2fb" }, 1 },
    { { .name = "a", .paths = "/a\001b" }, { "/a%20b" }, 1 },
    { { .name = "a", .paths = "/\xc3\xa9" }, { "/%c3%A9x" }, 1 },
    { { .name = "a", .paths = "~/a$" }, { "/a" }, 1 },
    { { .name = "a", .paths = "~/a$" }, { "/a%0A" }, 0 },
    { { .name = "a", .paths = "~/a.c" }, { "/a%0Ac" }, 0 },
    { { .name = "a", .paths = "~/.{2}$" }, { "/%c3%A9x" }, 1 },
    { { .name = "a", .paths = "~/.{3}$" }, { "/%c3%A9x" }, 0 },
    { { .name = "a", .paths = "~/\\w+$" }, { "/%c3%A9x" }, 1 },
    { { .name = "a", .paths = "~/a" }, { "/%ff/a" }, 0 },
    { { .name = "a", .paths = "~/a" }, { "/a/%ff" }, 1 },
    { { .name = "a", .paths = "~/a/.+b" }, { "/a/%ffb" }, 0 },
    { { .name = "a", .paths = "~(?i)/A" }, { "/a" }, 1 },
    { { .name = "a", .paths = "~/a(?i)B" }, { "/ab" }, 1 },
    { { .name = "a", .paths = "~/a(?i)B" }, { "/AB" }, 0 },
    { { .name = "a", .paths = "~/ab?c" }, { "/ac" }, 1 },
    { { .name = "a", .paths = "~/ab*c" }, { "/ac" }, 1 },
    { { .name = "a", .paths = "~/ab{0}c" }, { "/ac" }, 1 },
    { { .name = "a", .paths = "~/ab+c" }, { "/abbc" }, 1 },
    { { .name = "a", .paths = "~/ab+c" }, { "/ac" }, 0 },
    { { .name = "a", .paths = "~/\xc3\xa9?x" }, { "/x" }, 1 },
    { { .name = "a", .paths = "~/a\\.b" }, { "/a.b" }, 1 },
    { { .name = "a", .paths = "~/a\\.b" }, { "/axb" }, 0 },
    { { .name = "a", .paths = "~/a\\.?b" }, { "/ab" }, 1 },
    { { .name = "a", .paths = "~/(?:a|b)" }, { "/b" }, 1 },
    { { .name = "a", .paths = "~/(?:a|b)" }, { "/x/b" }, 0 },
    { { .name = "a", .paths = "~/x[|]y" }, { "/x|y" }, 1 },
    { { .name = "a", .paths = "~/x[|]y" }, { "/zz/x|y" }, 0 },
    { { .name = "a", .paths = "~/x[]|]y" }, { "/x|y" }, 1 },
    { { .name = "a", .paths = "~/x[[:alpha:]|]|/z" }, { "/q/z" }, 1 },
    { { .name = "a", .paths = "~/x\\|y" }, { "/x|y" }, 1 },
    { { .name = "a", .paths = "~/x\\(|/z" }, { "/q/z" }, 1 },
    { { .name = "a", .paths = "~/(a|b)|/z" }, { "/q/z" }, 1 },
    { { .name = "a", .paths = "~/(?x:a#(\001\n)|/z" }, { "/q/z" }, 1 },
    { { .name = "a", .paths = "~/%" }, { "/%25" }, 1 },

    /* the end of regexes that have one is compared first */
    { { .name = "a", .paths = "~/u/[^/]+/o$" }, { "/u/1/o" }, 1 },
    { { .name = "a", .paths = "~/u/[^/]+/o$" }, { "/u/1/oo" }, 0 },
    { { .name = "a", .paths = "~/u/[^/]+/o\\$" }, { "/u/1/o$x" }, 1 },
    { { .name = "a", .paths = "~/u/[^/]+/o\\.$" }, { "/u/1/o." }, 1 },
    { { .name = "a", .paths = "~/u/(a/)?$" }, { "/u/" }, 1 },
    { { .name = "a", .paths = "~/u/(?:a/|b)$" }, { "/u/b" }, 1 },
    { { .name = "a", .paths = "~/uab?$" }, { "/ua" }, 1 },
    { { .name = "a", .paths = "~/uab*$" }, { "/ua" }, 1 },
    { { .name = "a", .paths = "~/uab+$" }, { "/uabb" }, 1 },
    { { .name = "a", .paths = "~/uab{0,2}$" }, { "/uabb" }, 1 },
    { { .name = "a", .paths = "~/uab{0,2}c$" }, { "/uabbc" }, 1 },
    { { .name = "a", .paths = "~/u\\x41$" }, { "/uA" }, 1 },
    { { .name = "a", .paths = "~/u\\x{41}$" }, { "/uA" }, 1 },
    { { .name = "a", .paths = "~/u\\pL$" }, { "/ux" }, 1 },
    { { .name = "a", .paths = "~/u\\p{L}$" }, { "/ux" }, 1 },
    { { .name = "a", .paths = "~/u\\d\\w$" }, { "/u1x" }, 1 },
    { { .name = "a", .paths = "~/u(?i)B$" }, { "/ub" }, 1 },
    { { .name = "a", .paths = "~/u(?i:B)c$" }, { "/ubc" }, 1 },
    { { .name = "a", .paths = "~/u[$]$" }, { "/u$" }, 1 },
    { { .name = "a", .paths = "~/u[]x]y$" }, { "/u]y" }, 1 },
    { { .name = "a", .paths = "~/u|/b$" }, { "/ux" }, 1 },
    { { .name = "a", .paths = "~/u(?<name>x)y$" }, { "/uxy" }, 1 },
    { { .name = "a", .paths = "~/u.$" }, { "/u\xc3\xa9" }, 1 },
    { { .name = "a", .paths = "~/u\xc3\xa9$" }, { "/u%C3%A9" }, 1 },
    { { .name = "a", .paths = "~/u\xc3\xa9?$" }, { "/u" }, 1 },
    { { .name = "a", .paths = "~/$" }, { "/" }, 1 },
    { { .name = "a", .paths = "~$" }, { "/" }, 0 },

    /* headers */
    { { .name = "a", .headers = "X-A=1" }, { "/", .headers = "x-a: 1" }, 1 },
    { { .name = "a", .headers = "x_a=1" }, { "/", .headers = "X-A: 1" }, 1 },
    { { .name = "a", .headers = "X-A=1" }, { "/", .headers = "X_A: 1" }, 1 },
    { { .name = "a", .headers = "X-A=1" }, { "/", .headers = "X-AB: 1" }, 0 },
    { { .name = "a", .headers = "X-A=1" }, { "/" }, 0 },
    { { .name = "a", .headers = "X-A=1 X-B=2|3" },
      { "/", .headers = "X-B: 3\nX-A: 1" }, 1 },
    { { .name = "a", .headers = "X-A=1 X-B=2|3" },
      { "/", .headers = "X-B: 4\nX-A: 1" }, 0 },
    { { .name = "a", .headers = "X-A=~*^B\\D$" },
      { "/", .headers = "X-A: b1" }, 1 },
    { { .name = "a", .headers = "X-A=~*^B\\D$" },
      { "/", .headers = "X-A: bx" }, 0 },
    { { .name = "a", .headers = "X-A=x|~*^y" },
      { "/", .headers = "X-A: Yes" }, 1 },
    { { .name = "a", .headers = "X-A=~*^$" },
      { "/", .headers = "X-A: " }, 1 },
    { { .name = "a", .headers = "X-A=~x" },
      { "/", .headers = "X-A: ~x" }, 1 },

    /* SNIs */
    { { .name = "a", .snis = "s.com" }, { "/", .sni = "s.com" }, 1 },
    { { .name = "a", .snis = "s.com." }, { "/", .sni = "s.com" }, 1 },
    { { .name = "a", .snis = "s.com" }, { "/", .tls = 1 }, 0 },
    { { .name = "a", .snis = "s.*" }, { "/", .sni = "s.org" }, 1 },
    { { .name = "a", .snis = "s.*" }, { "/", .sni = "x.s.org" }, 0 },
    { { .name = "a", .snis = "*.s.com." }, { "/", .sni = "x.s.com" }, 1 },
    { { .name = "a", .snis = "*.s.com" }, { "/", .sni = "s.com" }, 0 },
    { { .name = "a", .snis = "t.com s.com" }, { "/", .sni = "s.com" }, 1 },

    /* nothing at all matches everything */
    { { .name = "a" }, { "/x", "h" }, 1 }
};


static void
test_rules(void **state)
{
    char               uri[4 * TEXT_SIZE];
    size_t             i;
    entry_t            entry;
    const char        *winner;
    gateway_router_t  *router;

    for (i = 0; i < countof(rules); i++) {

        router = make(&entry, &rules[i].route, 1, 0);
        winner = ask_router(router, &rules[i].ask, uri);

        if ((winner[0] != '\0') != rules[i].matches) {
            print_error("rule %zu: hosts %s paths %s headers %s\n", i,
                        rules[i].route.hosts, rules[i].route.paths,
                        rules[i].route.headers);
            fail();
        }

        done(router);
    }
}


static void
test_bad_routes(void **state)
{
    char                      err[256];
    size_t                    i;
    entry_t                   entry, good;
    gateway_router_t         *router;
    gateway_router_options_t  options;

    static const spec_t  spec = { .name = "good", .paths = "~/a /b" };

    static const struct {
        spec_t       spec;
        const char  *error;
    } bad[] = {
        { { .name = "a", .paths = "/ok ~/(a" },
          "invalid regex \"~/(a\": missing closing parenthesis at 4" },
        { { .name = "a", .paths = "~/a(?=b)" },
          "look-around and atomic groups are not supported at 3" },
        { { .name = "a", .paths = "~/a(?!b)" }, "look-around" },
        { { .name = "a", .paths = "~/a(?<=b)" }, "look-around" },
        { { .name = "a", .paths = "~/a(?<!b)" }, "look-around" },
        { { .name = "a", .paths = "~/a(?>b)" }, "atomic" },
        { { .name = "a", .paths = "~/(a)\\1" }, "back-references" },
        { { .name = "a", .paths = "~/(?<n>a)(?P=n)" }, "not supported" },
        { { .name = "a", .paths = "~/(?<n>a)\\k<n>" }, "unknown escape" },
        { { .name = "a", .paths = "~/(?R)" }, "unknown kind of group" },
        { { .name = "a", .paths = "~/(?#x)" }, "unknown kind of group" },
        { { .name = "a", .paths = "~/(*ACCEPT)" }, "verbs" },
        { { .name = "a", .paths = "~/[a&&[b]]" }, "nest" },
        { { .name = "a", .paths = "~/a\\Kb" }, "unknown escape" },
        { { .name = "a", .paths = "~/[\\1]" }, "back-references" },
        { { .name = "a", .paths = "~/\xff" }, "UTF-8" },
        { { .name = "a", .paths = "~/a\\" }, "at end of pattern" },
        { { .name = "a", .paths = "~/[a" }, "missing terminating ]" },
        { { .name = "a", .headers = "X=~*(" },
          "invalid regex \"~*(\": missing closing parenthesis at 3" },
        { { .name = "a", .hosts = "a.*.b" },
          "invalid host \"a.*.b\": \"*\" may only be the first or the last "
          "label" },
        { { .name = "a", .hosts = "*.*" }, "invalid host" }
    };

    memset(&options, 0, sizeof(options));
    options.alloc = pool_alloc;

    router = gateway_router_create(&options);

    parse(&good, &spec);
    assert_int_equal(gateway_router_add(router, &good.route, err,
                                        sizeof(err)), 0);

    for (i = 0; i < countof(bad); i++) {

        parse(&entry, &bad[i].spec);

        assert_int_equal(gateway_router_add(router, &entry.route, err,
                                            sizeof(err)), -1);

        if (strstr(err, bad[i].error) == NULL) {
            print_error("bad route %zu: %s\n", i, err);
            fail();
        }
    }

    parse(&entry, &spec);
    entry.paths[1].len = 0;

    assert_int_equal(gateway_router_add(router, &entry.route, err,
                                        sizeof(err)), -1);
    assert_string_equal(err, "a path is empty");

    /* what was refused left nothing behind */

    ask_t  ask = { "/ok" };
    char   uri[TEXT_SIZE];

    assert_int_equal(gateway_router_build(router), 0);
    assert_string_equal(ask_router(router, &ask, uri), "");

    ask.target = "/b";
    assert_string_equal(ask_router(router, &ask, uri), "good");

    assert_int_equal(gateway_router_add(router, &good.route, err,
                                        sizeof(err)), -1);

    done(router);
}


/* the numbers of router.md 4 */

static void
test_priorities(void **state)
{
    size_t                      i;
    entry_t                     entry;
    gateway_router_t           *router;
    gateway_router_request_t    request;
    gateway_router_candidate_t  candidate;

    static const struct {
        spec_t    spec;
        uint64_t  original;
        uint64_t  strict;
    } keys[] = {
        { { .name = "a", .methods = "GET" },
          0x0000000020000000, 0x2000000000000000 },
        { { .name = "a", .paths = "/foo" },
          0x0000000020000004, 0x2000000000000004 },
        { { .name = "a", .hosts = "h.com" },
          0x1000000020000000, 0x3000000000000000 },
        { { .name = "a", .hosts = "*.com" },
          0x0000000020000000, 0x2000000000000000 },
        { { .name = "a", .hosts = "h.com *.com" },
          0x0000000020000000, 0x2000000000000000 },
        { { .name = "a", .hosts = "h.com", .paths = "/foo" },
          0x1000000040000004, 0x5000000000000004 },
        { { .name = "a", .paths = "~/f.o" },
          0x0008000020000000, 0x2008000000000000 | (1ull << 50) },
        { { .name = "a", .paths = "~/f.o", .regex_priority = 1 },
          0x0008000020080000,
          0x2008000000000000 | (1ull << 50) | (1ull << 19) },
        { { .name = "a", .paths = "/foo", .regex_priority = 1 },
          0x0000000020000004, 0x2000000000000004 },
        { { .name = "a", .paths = "~/f.o", .regex_priority = 4096 },
          0xffffffffa0000000,
          0x2008000000000000 | (1ull << 50) | (4096ull << 19) },
        { { .name = "a", .paths = "~/f.o", .regex_priority = -1 },
          0xfffffffffff80000,
          0x2008000000000000 | (0x7fffffffull << 19) },
        { { .name = "a", .paths = "/", .headers = "X-V=1 X-W=2" },
          0x0000000040200001, 0x4020000000000001 },
        { { .name = "a", .paths = "/foo", .headers = "X-V=1",
            .hosts = "h.com", .methods = "GET" },
          0xffffffff80100004, 0x9010000000000004 },
        { { .name = "a", .paths = "/foo", .headers = "X-V=1",
            .hosts = "*.com", .methods = "GET", .snis = "s" },
          0xffffffffa0100004, 0xa010000000000004 }
    };

    static const ask_t  ask = { "/foo", "h.com",
                                .headers = "X-V: 1\nX-W: 2" };

    request_of(&request, &ask);

    for (i = 0; i < 2 * countof(keys); i++) {

        router = make(&entry, &keys[i / 2].spec, 1, i % 2);

        assert_int_equal(gateway_router_candidates(router, &request,
                                                   &candidate, 1), 1);

        assert_int_equal(candidate.priority, i % 2 ? keys[i / 2].strict
                                                   : keys[i / 2].original);
        assert_ptr_equal(candidate.route, &entry);

        done(router);
    }
}


static void
test_candidates(void **state)
{
    char                        id[GATEWAY_UUID_LEN + 1];
    size_t                      n;
    entry_t                     entries[7];
    gateway_router_t           *router;
    gateway_router_request_t    request;
    gateway_router_candidate_t  found[8];

    static const spec_t  specs[] = {
        { .name = "all", .paths = "/" },
        { .name = "host", .hosts = "h.com" },
        { .name = "two", .paths = "/foo ~/f.+ ~/f.* /fo" },
        { .name = "four", .hosts = "*.com", .paths = "/", .methods = "GET",
          .headers = "A=1" },
        { .name = "header", .headers = "A=1" },
        { .name = "headers", .headers = "A=1 B=2" },
        { .name = "none", .paths = "/bar" }
    };

    static const ask_t  ask = { "/foo/x", "h.com",
                                .headers = "A: 1\nB: 2" };

    static const char *const  order[][2] = {
        { "four", "four or more attribute kinds" },
        { "host", "hosts without wildcards" },
        { "two", "regex path" },
        { "headers", "more header names" },
        { "header", "more header names" },
        { "two", "longer prefix" },
        { "two", "longer prefix" },
        { "all", NULL }
    };

    router = make(entries, specs, 7, 0);
    request_of(&request, &ask);

    assert_int_equal(gateway_router_candidates(router, &request, found, 2),
                     8);
    assert_int_equal(gateway_router_candidates(router, &request, found, 8),
                     8);

    for (n = 0; n < 8; n++) {

        assert_string_equal(((entry_t *) found[n].route)->spec->name,
                            order[n][0]);

        if (n < 7) {
            assert_string_equal(gateway_router_reason(router, &found[n],
                                                      &found[n + 1]),
                                order[n][1]);
        }
    }

    /* the first of two regexes; ids count the parts in listed order */

    assert_int_equal(found[2].path->len, 5);
    assert_memory_equal(found[2].path->data, "~/f.+", 5);

    id[GATEWAY_UUID_LEN] = '\0';

    gateway_uuid_format(id, entries[2].route.id);
    assert_string_equal(id, "e0b0d1b3-a05e-5b17-bb4f-372aec007573");

    gateway_uuid_format(id, found[5].id);
    assert_string_equal(id, "22ccbd9f-ce24-526a-b849-6751e55be9d8");

    gateway_uuid_format(id, found[2].id);
    assert_string_equal(id, "40d95fca-1052-5251-b5cc-6d26bf8a80a2");

    done(router);

    router = make(entries, specs, 7, 1);

    assert_int_equal(gateway_router_candidates(router, &request, found, 8),
                     8);
    assert_string_equal(((entry_t *) found[0].route)->spec->name, "four");
    assert_string_equal(gateway_router_reason(router, &found[0], &found[1]),
                        "more attribute kinds");

    done(router);
}


static void
test_captures(void **state)
{
    entry_t                   entries[2];
    gateway_str_t             name, value;
    gateway_router_t         *router;
    gateway_router_match_t    match;
    gateway_router_request_t  request;

    static const spec_t  specs[] = {
        { .name = "re", .paths = "~/u/(?<user>\\d+)/(?P<x>a)?(b*)" },
        { .name = "many", .paths = "~/m()()()()()()()()()()()()()()()()()()"
                                   "()()()()()()()()()()()()()(l)(m)(n)" }
    };

    static const struct {
        const char  *name;
        const char  *value;
    } captures[] = {
        { "0", "/u/42/bb" }, { "1", "42" }, { "user", "42" }, { "2", NULL },
        { "x", NULL }, { "3", "bb" }, { "4", NULL }, { "use", NULL },
        { "users", NULL }, { "", NULL }, { "99999999999999999999", NULL },
        { "1x", NULL }
    };

    size_t  i;
    ask_t   ask = { "/u/42/bb/c" };

    router = make(entries, specs, 2, 0);

    request_of(&request, &ask);
    assert_int_equal(gateway_router_match(router, &request, &match), 1);

    assert_int_equal(match.matched, 8);
    assert_int_equal(match.ncaptures, 4);

    for (i = 0; i < countof(captures); i++) {

        name = str(captures[i].name);

        assert_int_equal(gateway_router_capture(&match, &request, &name,
                                                &value),
                         captures[i].value != NULL);

        if (captures[i].value != NULL) {
            assert_int_equal(value.len, strlen(captures[i].value));
            assert_memory_equal(value.data, captures[i].value, value.len);
        }
    }

    /* more groups than we keep */

    ask.target = "/mlmn/x";
    request_of(&request, &ask);

    assert_int_equal(gateway_router_match(router, &request, &match), 1);
    assert_int_equal(match.matched, 5);
    assert_int_equal(match.ncaptures, GATEWAY_ROUTER_MAX_CAPTURES);

    done(router);
}


/* a regex that explodes ends in an error, not in a busy worker */

static void
test_match_limit(void **state)
{
    char                      target[TEXT_SIZE];
    entry_t                   entry;
    gateway_router_t         *router;
    gateway_router_match_t    match;
    gateway_router_request_t  request;

    static const spec_t  spec = { .name = "a", .paths = "~/(a+a+)+(a+)+b$" };

    ask_t  ask = { target };

    router = make(&entry, &spec, 1, 0);

    memset(target, 'a', 200);
    target[0] = '/';
    strcpy(target + 200, "/b");

    request_of(&request, &ask);
    assert_int_equal(gateway_router_match(router, &request, &match), -1);

    done(router);
}


static void
test_many_methods(void **state)
{
    char               name[64][16], method[64][16], uri[TEXT_SIZE];
    size_t             i;
    spec_t             specs[64];
    ask_t              ask = { "/" };
    entry_t           *entries;
    gateway_router_t  *router;

    entries = malloc(64 * sizeof(entry_t));
    memset(specs, 0, sizeof(specs));

    for (i = 0; i < 64; i++) {
        snprintf(name[i], sizeof(name[i]), "r%u", (unsigned) i);
        snprintf(method[i], sizeof(method[i]), "M%u", (unsigned) i);

        specs[i].name = name[i];
        specs[i].methods = method[i];
    }

    router = make(entries, specs, 64, 0);

    for (i = 0; i < 64; i++) {
        ask.method = method[i];
        assert_string_equal(ask_router(router, &ask, uri), name[i]);
    }

    ask.method = "M64";
    assert_string_equal(ask_router(router, &ask, uri), "");

    done(router);
    free(entries);
}


static void
test_empty(void **state)
{
    char               uri[TEXT_SIZE];
    ask_t              ask = { "/", "h" };
    gateway_router_t  *router;

    router = make(NULL, NULL, 0, 0);
    assert_string_equal(ask_router(router, &ask, uri), "");

    done(router);
}


/* out of memory at every single point */

static void
test_no_memory(void **state)
{
    char                      err[64];
    size_t                    i, j;
    entry_t                   entries[3];
    gateway_router_t         *router;
    gateway_router_options_t  options;

    static const spec_t  specs[] = {
        { .name = "a", .paths = "/a /bb ~/c", .hosts = "a.com *.b c.*" },
        { .name = "b", .headers = "A=1|~*b", .methods = "GET" },
        { .name = "c", .snis = "s.com", .paths = "~/c\\.d" }
    };

    memset(&options, 0, sizeof(options));
    options.alloc = pool_alloc;

    for (i = 0; ; i++) {

        allowed = i;

        router = gateway_router_create(&options);

        if (router == NULL) {
            pool_free();
            continue;
        }

        for (j = 0; j < 3; j++) {

            parse(&entries[j], &specs[j]);

            if (gateway_router_add(router, &entries[j].route, err,
                                   sizeof(err)) != 0)
            {
                assert_string_equal(err, "out of memory");
                break;
            }
        }

        if (j == 3 && gateway_router_build(router) == 0) {
            break;
        }

        done(router);
    }

    assert_true(i > 15);

    done(router);
}


/*
 * The model: every part of every route is tried, one after the other, with
 * nothing shared with the router but PCRE2.
 */

#define MAX_PARTS  (MAX_ROUTES * 4)


typedef struct {
    entry_t        *entry;
    uint8_t         id[16];
    uint64_t        key;
    gateway_str_t   paths[MAX_LIST];
    size_t          npaths;
} model_part_t;


static uint32_t  random_state;


static uint32_t
random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;

    return random_state % n;
}


/* whether text matches, and if so where the match ends */

static int
model_regex(const char *pattern, size_t len, const char *text, size_t n,
    size_t *matched)
{
    int                rc;
    size_t             i, offset;
    pcre2_match_data  *md;

    static struct {
        char         pattern[32];
        pcre2_code  *code;
    } cache[40];

    for (i = 0; cache[i].code != NULL; i++) {
        if (strlen(cache[i].pattern) == len
            && memcmp(cache[i].pattern, pattern, len) == 0)
        {
            break;
        }
    }

    assert_true(i < 39);

    if (cache[i].code == NULL) {
        snprintf(cache[i].pattern, sizeof(cache[i].pattern), "%.*s",
                 (int) len, pattern);
        cache[i].code = pcre2_compile((PCRE2_SPTR) pattern, len, 0, &rc,
                                      &offset, NULL);
        assert_non_null(cache[i].code);
    }

    md = pcre2_match_data_create(1, NULL);

    rc = pcre2_match(cache[i].code, (PCRE2_SPTR) text, n, 0, 0, md, NULL);

    if (rc >= 0 && matched != NULL) {
        *matched = pcre2_get_ovector_pointer(md)[1]
                   - pcre2_get_ovector_pointer(md)[0];
    }

    pcre2_match_data_free(md);

    return rc >= 0;
}


static uint64_t
model_key(const entry_t *entry, const model_part_t *part, int strict)
{
    int                            regex, plain;
    size_t                         i, kinds, length;
    int64_t                        order;
    uint64_t                       key;
    const gateway_router_route_t  *route;

    route = &entry->route;

    kinds = 0;
    kinds += route->nmethods ? 1 : 0;
    kinds += route->nhosts ? 1 : 0;
    kinds += route->nheaders ? 1 : 0;
    kinds += route->nsnis ? 1 : 0;
    kinds += route->npaths ? 1 : 0;

    plain = route->nhosts != 0;

    for (i = 0; i < route->nhosts; i++) {
        if (memchr(route->hosts[i].data, '*', route->hosts[i].len)) {
            plain = 0;
        }
    }

    regex = part->npaths && part->paths[0].data[0] == '~';
    length = (part->npaths && !regex) ? part->paths[0].len : 0;
    order = regex ? route->regex_priority : 0;

    if (strict) {
        key = kinds;
        key = key * 2 + (uint64_t) plain;
        key = key * 256 + route->nheaders;
        key = key * 2 + (uint64_t) regex;
        key = (key << 32)
              + (regex ? (uint64_t) (order + 2147483648ll) : 0);

        return (key << 19) + length;
    }

    /* a signed number of 32 bits, then the two bits that are shifted well */

    key = (uint64_t) (int64_t) (int32_t) (uint32_t)
          ((kinds * 0x20000000u) | (route->nheaders * 0x100000u)
           | ((uint64_t) order * 0x80000u) | length);

    key |= plain ? 0x1000000000000000u : 0;
    key |= regex ? 0x0008000000000000u : 0;

    return key;
}


static size_t
model_split(model_part_t *parts, entry_t *entry, int strict)
{
    char                           name[64];
    size_t                         i, j, n, length;
    const gateway_router_route_t  *route;

    static const uint8_t  namespace[16] = {
        0x7f, 0x14, 0x5b, 0xf9, 0x0d, 0xce, 0x4f, 0x91,
        0x98, 0xeb, 0xde, 0xbb, 0xce, 0x4b, 0x9f, 0x6b
    };

    route = &entry->route;
    n = 0;

    for (i = 0; i < route->npaths || i == 0; i++) {

        if (route->npaths == 0) {
            parts[0].npaths = 0;
            n = 1;
            break;
        }

        length = route->paths[i].data[0] == '~' ? 0 : route->paths[i].len;

        for (j = 0; j < n; j++) {
            if ((parts[j].paths[0].data[0] == '~' ? 0
                                                  : parts[j].paths[0].len)
                == length)
            {
                break;
            }
        }

        if (j == n) {
            parts[n++].npaths = 0;
        }

        parts[j].paths[parts[j].npaths++] = route->paths[i];
    }

    for (j = 0; j < n; j++) {

        parts[j].entry = entry;
        parts[j].key = model_key(entry, &parts[j], strict);

        memcpy(parts[j].id, route->id, 16);

        if (n > 1) {
            gateway_uuid_format(name, route->id);
            snprintf(name + 36, 8, "#%zu", j + 1);
            gateway_uuid_v5(parts[j].id, namespace, name, strlen(name));
        }
    }

    return n;
}


static int
model_host(const char *pattern, const gateway_router_request_t *request)
{
    char   host[TEXT_SIZE], want[TEXT_SIZE], *colon, *end;
    long   port, wanted;
    size_t n;

    snprintf(host, sizeof(host), "%.*s", (int) request->host.len,
             request->host.data);
    snprintf(want, sizeof(want), "%s", pattern);

    port = request->port;
    wanted = -1;

    colon = strchr(host, ':');

    if (colon != NULL && colon[1] != '\0') {
        n = strtoul(colon + 1, &end, 10);
        if (*end == '\0') {
            port = (long) n;
            *colon = '\0';
        }
    }

    colon = strchr(want, ':');

    if (colon != NULL && colon[1] != '\0') {
        n = strtoul(colon + 1, &end, 10);
        if (*end == '\0') {
            wanted = (long) n;
            *colon = '\0';
        }
    }

    if (host[0] == '\0' || (wanted != -1 && wanted != port)) {
        return 0;
    }

    n = strlen(want);

    if (want[0] == '*') {
        return strlen(host) >= n - 1
               && strcmp(host + strlen(host) - (n - 1), want + 1) == 0;
    }

    if (want[n - 1] == '*') {
        return strncmp(host, want, n - 1) == 0;
    }

    return strcmp(host, want) == 0;
}


static int
model_sni(const gateway_str_t *pattern, const gateway_str_t *sni)
{
    if (pattern->data[0] == '*') {
        return sni->len >= pattern->len - 1
               && memcmp(sni->data + sni->len - (pattern->len - 1),
                         pattern->data + 1, pattern->len - 1) == 0;
    }

    return sni->len == pattern->len
           && memcmp(sni->data, pattern->data, sni->len) == 0;
}


static int
model_header(const gateway_router_header_t *header,
    const gateway_router_request_t *request)
{
    char           name[TEXT_SIZE], lower[TEXT_SIZE];
    size_t         i, j, k;
    gateway_str_t  value, key;

    for (i = 0; i < header->name.len; i++) {
        name[i] = header->name.data[i] == '-'
                  ? '_' : (char) (header->name.data[i] | 0x20);
    }

    key.data = name;
    key.len = header->name.len;

    for (i = 0; find_header(request->header_data, &key, i, &value); i++) {

        for (j = 0; j < header->nvalues; j++) {

            if (header->values[j].data[0] != '~') {

                if (value.len == header->values[j].len
                    && strncasecmp(value.data, header->values[j].data,
                                   value.len) == 0)
                {
                    return 1;
                }

                continue;
            }

            for (k = 0; k < value.len; k++) {
                lower[k] = (char) (value.data[k] | 0x20);
            }

            if (model_regex(header->values[j].data + 2,
                            header->values[j].len - 2, lower, value.len,
                            NULL))
            {
                return 1;
            }
        }
    }

    return 0;
}


static int
model_test(const model_part_t *part, const gateway_router_request_t *request,
    const gateway_str_t **path, size_t *matched)
{
    char                           text[TEXT_SIZE];
    size_t                         i;
    const gateway_str_t           *p;
    const gateway_router_route_t  *route;

    route = &part->entry->route;

    for (i = 0; i < route->nmethods; i++) {
        if (route->methods[i].len == request->method.len
            && memcmp(route->methods[i].data, request->method.data,
                      request->method.len) == 0)
        {
            break;
        }
    }

    if (route->nmethods && i == route->nmethods) {
        return 0;
    }

    for (i = 0; i < route->nhosts; i++) {

        snprintf(text, sizeof(text), "%.*s", (int) route->hosts[i].len,
                 route->hosts[i].data);

        if (model_host(text, request)) {
            break;
        }
    }

    if (route->nhosts && i == route->nhosts) {
        return 0;
    }

    for (i = 0; i < route->nheaders; i++) {
        if (!model_header(&route->headers[i], request)) {
            return 0;
        }
    }

    for (i = 0; i < route->nsnis; i++) {
        if (model_sni(&route->snis[i], &request->sni)) {
            break;
        }
    }

    if (request->tls && route->nsnis && i == route->nsnis) {
        return 0;
    }

    *path = NULL;
    *matched = 0;

    if (part->npaths == 0) {
        return 1;
    }

    for (i = 0; i < part->npaths; i++) {

        p = &part->paths[i];

        if (p->data[0] == '~') {

            snprintf(text, sizeof(text), "^%.*s", (int) p->len - 1,
                     p->data + 1);

            if (!model_regex(text, p->len, request->path.data,
                             request->path.len, matched))
            {
                continue;
            }

        } else {

            if (request->path.len < p->len
                || memcmp(request->path.data, p->data, p->len) != 0)
            {
                continue;
            }

            *matched = p->len;
        }

        *path = p;

        return 1;
    }

    return 0;
}


static int
model_cmp(const void *a, const void *b)
{
    const model_part_t  *x, *y;

    x = a;
    y = b;

    if (x->key != y->key) {
        return x->key < y->key ? 1 : -1;
    }

    return memcmp(y->id, x->id, 16);
}


/* some of the words, separated */

static const char *
random_list(char *buf, const char *const *words, uint32_t nwords,
    uint32_t most, char separator)
{
    char      *p;
    uint32_t   i, n;

    n = 1 + random_below(most);
    p = buf;

    for (i = 0; i < n; i++) {

        if (i > 0) {
            *p++ = separator;
        }

        p = stpcpy(p, words[random_below(nwords)]);
    }

    return buf;
}


static const char *const  model_methods[] = { "GET", "POST", "PUT", "FOO" };

static const char *const  model_hosts[] = {
    "a.com", "b.com", "x.a.com", "y.x.a.com", "*.a.com", "*.com", "*.x.a.com",
    "a.*", "x.*", "x.a.*", "a.com:80", "*.a.com:81", "x.*:80", "a.com:81",
    "*.com:80", "c.com", "ab.com", "*.b.com"
};

static const char *const  model_asked_hosts[] = {
    "a.com", "b.com", "x.a.com", "y.x.a.com", "a.com:80", "a.com:81",
    "x.a.com:81", "x.b.com:80", "", "a.org", "x.org:80", "z.com", "A.com",
    "z.y.x.a.com:80", "a.com:", ".com", "aa.com", "ab.com", "[::1]:80"
};

static const char *const  model_paths[] = {
    "/", "/a", "/ab", "/abc", "/a/", "/a/b", "/a/b/c", "/b", "/b/a", "/ba",
    "/c/d/e", "/c/d", "/a/b/c/d/e/f", "/abcdefgh", "/c/d/f", "/x\001y",
    "~/a", "~/a.*c", "~/(?:a|b)/b", "~/a/b?c?", "~/[abc]+", "~/b|/c", "~/c/d$",
    "~.*c", "~/a\\/b", "~/ab*c", "~/.+/b/", "~/a/b/\\w",
    "~/[a-c]/b$", "~/a(?:/b)*$", "~/.*bc?$"
};

static const char *const  model_headers[] = {
    "X-A=1", "X-A=1|2", "X-B=1", "X-B=~*^v[0-9]", "X-C=Beta|~*x$"
};

static const char *const  model_snis[] = { "s.com", "*.s.com", "t.com" };

static const char *const  model_asked_headers[] = {
    "X-A: 1", "X-A: 2", "X-A: 3", "x-b: V1", "X_B: 1", "X-C: bETA", "X-C: xx",
    "X-D: 1"
};


static void
random_routes(spec_t *specs, char (*texts)[5][TEXT_SIZE],
    char (*names)[24], size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        memset(&specs[i], 0, sizeof(spec_t));

        snprintf(names[i], sizeof(names[i]), "route%u", (unsigned) i);
        specs[i].name = names[i];

        if (random_below(4) == 0) {
            specs[i].methods = random_list(texts[i][0], model_methods,
                                           countof(model_methods), 3, ' ');
        }

        if (random_below(2) == 0) {
            specs[i].hosts = random_list(texts[i][1], model_hosts,
                                         countof(model_hosts), 4, ' ');
        }

        if (random_below(4) != 0) {
            specs[i].paths = random_list(texts[i][2], model_paths,
                                         countof(model_paths), 5, ' ');
        }

        if (random_below(6) == 0) {
            specs[i].headers = random_list(texts[i][3], model_headers,
                                           countof(model_headers), 2, ' ');
        }

        if (random_below(8) == 0) {
            specs[i].snis = random_list(texts[i][4], model_snis,
                                        countof(model_snis), 2, ' ');
        }

        if (random_below(4) == 0) {
            specs[i].regex_priority = (int64_t) random_below(5) - 1;

            if (random_below(8) == 0) {
                specs[i].regex_priority *= 1111;
            }
        }
    }
}


static void
random_ask(gateway_router_request_t *request, char *path, char *headers)
{
    char      *p;
    uint32_t   i, n;

    memset(request, 0, sizeof(gateway_router_request_t));

    request->method = str(model_methods[random_below(4)]);
    request->host = str(model_asked_hosts[
                            random_below(countof(model_asked_hosts))]);
    request->port = (uint16_t) (80 + random_below(3));

    p = path;
    n = 1 + random_below(4);

    for (i = 0; i < n; i++) {

        *p++ = '/';

        while (random_below(3)) {
            *p++ = "aabbccdef xy"[random_below(12)];

            if (p - path > 100) {
                break;
            }
        }
    }

    *p = '\0';

    request->path = str(path);

    request->tls = random_below(2) == 0;

    if (request->tls) {
        request->sni = str(random_below(2) ? "s.com"
                           : random_below(2) ? "x.s.com" : "");
    }

    headers[0] = '\0';

    if (random_below(2)) {
        random_list(headers, model_asked_headers,
                    countof(model_asked_headers), 4, '\n');
    }

    request->header = find_header;
    request->header_data = headers;
}


static void
compare(gateway_router_t *router, const model_part_t *parts, size_t nparts,
    const gateway_router_request_t *request, size_t *found)
{
    int                         rc;
    size_t                      i, n, total, matched;
    const gateway_str_t        *path;
    gateway_router_match_t      match;
    gateway_router_candidate_t  candidates[MAX_PARTS];

    rc = gateway_router_match(router, request, &match);
    total = gateway_router_candidates(router, request, candidates, MAX_PARTS);

    n = 0;

    for (i = 0; i < nparts; i++) {

        if (!model_test(&parts[i], request, &path, &matched)) {
            continue;
        }

        if (n == 0) {
            assert_int_equal(rc, 1);
            assert_ptr_equal(match.route, parts[i].entry);
            assert_int_equal(match.matched, matched);
            assert_true((match.path == NULL) == (path == NULL));

            if (path != NULL) {
                assert_int_equal(match.path->len, path->len);
                assert_memory_equal(match.path->data, path->data, path->len);
            }
        }

        assert_true(n < total);
        assert_ptr_equal(candidates[n].route, parts[i].entry);
        assert_int_equal(candidates[n].priority, parts[i].key);
        assert_memory_equal(candidates[n].id, parts[i].id, 16);

        if (path != NULL) {
            assert_memory_equal(candidates[n].path->data, path->data,
                                path->len);
        }

        n++;
    }

    assert_int_equal(total, n);

    if (n == 0) {
        assert_int_equal(rc, 0);
    }

    *found += n;
}


static void
test_model(void **state)
{
    char                       path[TEXT_SIZE], headers[TEXT_SIZE];
    char                     (*texts)[5][TEXT_SIZE], (*names)[24];
    size_t                     i, j, n, nparts, rounds, found;
    spec_t                    *specs;
    entry_t                   *entries;
    model_part_t              *parts;
    gateway_router_t          *router;
    gateway_router_request_t   request;

    texts = malloc(MAX_ROUTES * sizeof(*texts));
    names = malloc(MAX_ROUTES * sizeof(*names));
    specs = malloc(MAX_ROUTES * sizeof(spec_t));
    entries = malloc(MAX_ROUTES * sizeof(entry_t));
    parts = malloc(MAX_ROUTES * 8 * sizeof(model_part_t));

    random_state = 20240601;
    rounds = getenv("ROUTER_TEST_ROUNDS")
             ? strtoul(getenv("ROUTER_TEST_ROUNDS"), NULL, 10) : 2000;
    found = 0;

    for (i = 0; i < rounds; i++) {

        n = 1 + random_below(MAX_ROUTES / 2);

        random_routes(specs, texts, names, n);

        router = make(entries, specs, n, i & 1);

        nparts = 0;

        for (j = 0; j < n; j++) {
            nparts += model_split(parts + nparts, &entries[j], i & 1);
        }

        qsort(parts, nparts, sizeof(model_part_t), model_cmp);

        for (j = 0; j < 20; j++) {
            random_ask(&request, path, headers);
            compare(router, parts, nparts, &request, &found);
        }

        done(router);
    }

    /* the requests do hit something */

    assert_true(found > rounds * 20);

    free(parts);
    free(entries);
    free(specs);
    free(names);
    free(texts);
}


/*
 * Random regexes: what the router concludes from their text, the literal
 * start and end, must never lose a match that PCRE2 alone finds.
 */

static void
test_regexes(void **state)
{
    int                        rc, error, expected;
    char                       err[128], text[TEXT_SIZE], path[TEXT_SIZE];
    size_t                     i, j, n, offset, accepted, matches;
    pcre2_code                *code;
    gateway_str_t              regex;
    pcre2_match_data          *md;
    gateway_router_t          *router;
    gateway_router_match_t     match;
    gateway_router_route_t     route;
    gateway_router_options_t   options;
    gateway_router_request_t   request;

    static const char *const  pieces[] = {
        "a", "b", "/", "a", "b", "/", "ab", ".", "\\.", "\\/", "[ab]",
        "[^a]", "[]a]", "[|]", "(", "(?:", "(?<n>", ")", ")", "|", "*", "+",
        "?", "{0,1}", "{2}", "$", "$", "\\$", "^", "\\d", "\\x61", "\\x{62}",
        "\\pL", "(?i)", "(?i:a)", "(?x: b#|\n)", "\xc3\xa9", "\\b", "\\|", "B"
    };

    static const char *const  bits[] = {
        "a", "b", "/", "ab", ".", "A", "B", "\xc3\xa9", "1", "$", "|", "]"
    };

    memset(&options, 0, sizeof(options));
    options.alloc = pool_alloc;

    random_state = 7;
    accepted = 0;
    matches = 0;

    md = pcre2_match_data_create(1, NULL);

    for (i = 0; i < 30000; i++) {

        strcpy(text, "~");

        for (n = 1 + random_below(8); n > 0; n--) {
            strcat(text, pieces[random_below(countof(pieces))]);
        }

        if (random_below(3) == 0) {
            strcat(text, "$");
        }

        regex = str(text);

        memset(&route, 0, sizeof(route));
        route.paths = &regex;
        route.npaths = 1;

        router = gateway_router_create(&options);
        assert_non_null(router);

        if (gateway_router_add(router, &route, err, sizeof(err)) != 0) {
            done(router);
            continue;
        }

        assert_int_equal(gateway_router_build(router), 0);

        accepted++;

        text[0] = '^';
        code = pcre2_compile((PCRE2_SPTR) text, strlen(text),
                             PCRE2_UTF|PCRE2_UCP|PCRE2_DOLLAR_ENDONLY, &error,
                             &offset, NULL);
        assert_non_null(code);
        text[0] = '~';

        for (j = 0; j < 20; j++) {

            path[0] = '\0';

            for (n = random_below(6); n > 0; n--) {
                strcat(path, bits[random_below(countof(bits))]);
            }

            memset(&request, 0, sizeof(request));
            request.path = str(path);

            rc = pcre2_match(code, (PCRE2_SPTR) path, strlen(path), 0, 0, md,
                             NULL);
            expected = (rc >= 0);
            matches += (size_t) expected;

            rc = gateway_router_match(router, &request, &match);

            if (rc != expected) {
                print_error("%s on \"%s\": %d\n", text, path, rc);
                fail();
            }
        }

        pcre2_code_free(code);
        done(router);
    }

    assert_true(accepted > 5000);
    assert_true(matches > 20000);

    pcre2_match_data_free(md);
}


/* many routes: what they cost in memory, and that each is found */

#define MANY  100000


static void
test_many_routes(void **state)
{
    char                     (*texts)[2][40], err[64];
    size_t                     i;
    clock_t                    start;
    uint64_t                   id[2];
    gateway_str_t            (*strings)[2];
    gateway_router_t          *router;
    gateway_router_match_t     match;
    gateway_router_route_t     route;
    gateway_router_options_t   options;
    gateway_router_request_t   request;

    texts = malloc(MANY * sizeof(*texts));
    strings = malloc(MANY * sizeof(*strings));

    memset(&options, 0, sizeof(options));
    options.alloc = pool_alloc;

    start = clock();
    router = gateway_router_create(&options);
    assert_non_null(router);

    for (i = 0; i < MANY; i++) {

        snprintf(texts[i][0], 40, "host%zu.example.com", i % 10000);
        snprintf(texts[i][1], 40, "/api/v%zu/orders", i / 10000);

        strings[i][0] = str(texts[i][0]);
        strings[i][1] = str(texts[i][1]);

        memset(&route, 0, sizeof(route));

        id[0] = i * 0x9e3779b97f4a7c15u;
        id[1] = i;
        memcpy(route.id, id, 16);

        route.hosts = &strings[i][0];
        route.nhosts = 1;
        route.paths = &strings[i][1];
        route.npaths = 1;
        route.data = texts[i];

        assert_int_equal(gateway_router_add(router, &route, err,
                                            sizeof(err)), 0);
    }

    assert_int_equal(gateway_router_build(router), 0);

    print_message("%d routes: %.0f ms, %zu bytes per route\n", MANY,
                  (double) (clock() - start) * 1000 / CLOCKS_PER_SEC,
                  allocated / MANY);

    assert_true(allocated / MANY < 400);

    memset(&request, 0, sizeof(request));

    for (i = 0; i < MANY; i += 7) {
        request.method = str("GET");
        request.host = strings[i][0];
        request.path = strings[i][1];

        assert_int_equal(gateway_router_match(router, &request, &match), 1);
        assert_ptr_equal(match.route, texts[i]);
    }

    done(router);
    free(strings);
    free(texts);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_bad_routes),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_match_limit),
        cmocka_unit_test(test_many_methods),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_regexes),
        cmocka_unit_test(test_many_routes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
