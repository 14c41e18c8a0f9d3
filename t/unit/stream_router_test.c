
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The router of streams, and what it learns from a ClientHello.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_stream_router.h"


#define S(text)  { text, sizeof(text) - 1 }


static void *
alloc_pool(void *data, size_t size)
{
    void  ***last = data, **p;

    p = malloc(size + sizeof(void *) * 2);
    assert_non_null(p);

    p[0] = *last;
    *last = p;

    return p + 2;
}


static void
free_pool(void **last)
{
    void  **p;

    while (last) {
        p = last;
        last = p[0];
        free(p);
    }
}


static gateway_stream_end_t
end_of(const char *addr, int port)
{
    gateway_stream_end_t  end;

    memset(&end, 0, sizeof(end));

    if (addr) {
        assert_int_equal(gateway_stream_parse_addr(&end, addr, strlen(addr)),
                         0);
    }

    if (port >= 0) {
        end.port = (uint16_t) port;
        end.has_port = 1;
    }

    return end;
}


static gateway_stream_request_t
request_of(unsigned protocols, const char *sni, const char *source,
    int source_port, const char *destination, int port)
{
    gateway_stream_end_t      end;
    gateway_stream_request_t  request;

    memset(&request, 0, sizeof(request));

    request.protocols = protocols;
    request.sni.data = sni;
    request.sni.len = strlen(sni);

    end = end_of(source, source_port);
    memcpy(request.source.addr, end.addr, 16);
    request.source.port = end.port;

    end = end_of(destination, port);
    memcpy(request.destination.addr, end.addr, 16);
    request.destination.port = end.port;

    return request;
}


static void
test_priority(void **state)
{
    gateway_str_t           sni = S("a.test");
    gateway_stream_end_t    ip, cidr, port, both;
    gateway_stream_route_t  route;

    (void) state;

    ip = end_of("10.0.0.1", -1);
    cidr = end_of("10.0.0.0/8", -1);
    port = end_of(NULL, 80);
    both = end_of("10.0.0.1", 80);

    memset(&route, 0, sizeof(route));

    route.snis = &sni;
    route.nsnis = 1;
    assert_true(gateway_stream_priority(&route, 0) == (uint64_t) 1 << 61);

    route.nsnis = 0;
    route.sources = &cidr;
    route.nsources = 1;
    assert_true(gateway_stream_priority(&route, 0) == 0x10);

    route.sources = &both;
    assert_true(gateway_stream_priority(&route, 0) == 0xc0);

    route.destinations = &port;
    route.ndestinations = 1;
    assert_true(gateway_stream_priority(&route, 0)
                == ((uint64_t) 1 << 61 | 0xc4));

    route.nsources = 0;
    route.destinations = &ip;
    assert_true(gateway_stream_priority(&route, 0) == 0x08);
}


static void
test_addresses(void **state)
{
    size_t                i;
    gateway_stream_end_t  end;

    static const char *const  good[] = {
        "1.2.3.4", "0.0.0.0/0", "10.0.0.1/8", "::", "::/0", "fe80::/10",
        "::ffff:1.2.3.4"
    };
    static const char *const  bad[] = {
        "", "/8", "1.2.3", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "::/129",
        "1.2.3.4/0x8", "1.2.3.4/0008", "example", "1.2.3.4:80", "[::1]",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(gateway_stream_parse_addr(&end, good[i],
                                                   strlen(good[i])), 0);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(gateway_stream_parse_addr(&end, bad[i],
                                                   strlen(bad[i])), -1);
    }

    /* bits behind the network do not count */

    assert_int_equal(gateway_stream_parse_addr(&end, "10.9.8.7/12", 11), 0);
    assert_int_equal(end.bits, 96 + 12);
    assert_int_equal(end.addr[13], 0);
    assert_int_equal(end.addr[12], 10);
}


static void
test_snis(void **state)
{
    size_t  i;

    static const gateway_str_t  good[] = {
        S("a"), S("a.test"), S("a.test."), S("*.test"), S("a.*")
    };
    static const gateway_str_t  bad[] = {
        S(""), S("*"), S("*a"), S("a*"), S("a.*.test"), S("*.*"), S("a*.test")
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(gateway_stream_check_sni(&good[i]), 0);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(gateway_stream_check_sni(&bad[i]), -1);
    }
}


/* what is found is what a walk over all routes finds */

static unsigned  seed;

static unsigned
draw(unsigned n)
{
    seed = seed * 1103515245u + 12345u;

    return (seed >> 16) % n;
}


static int
plain_match(const gateway_stream_route_t *route,
    const gateway_stream_request_t *request)
{
    void                     *pool;
    gateway_stream_route_t    one;
    gateway_stream_router_t  *router;
    int                       found;

    pool = NULL;
    one = *route;

    router = gateway_stream_router_create(&one, 1, alloc_pool, &pool);
    assert_non_null(router);

    found = gateway_stream_router_match(router, request) != NULL;

    free_pool(pool);

    return found;
}


static void
test_index(void **state)
{
    void                          *pool;
    size_t                         i, k, n;
    unsigned                       protocols;
    gateway_stream_router_t       *router;
    gateway_stream_request_t       request;
    const gateway_stream_route_t  *best, *found;

    static gateway_stream_route_t  routes[60];
    static gateway_str_t           snis[60][2];
    static gateway_stream_end_t    ends[60][2];

    static const gateway_str_t  names[] = {
        S("a.test"), S("b.test"), S("*.test"), S("a.*"), S("c.d.test.")
    };
    static const char *const  addrs[] = {
        "10.0.0.1", "10.0.0.2", "10.0.0.0/24", "0.0.0.0/0", "::1"
    };
    static const unsigned  kinds[] = {
        GATEWAY_STREAM_TCP, GATEWAY_STREAM_TCP|GATEWAY_STREAM_TLS,
        GATEWAY_STREAM_UDP, GATEWAY_STREAM_TLS, GATEWAY_STREAM_PASSTHROUGH,
        GATEWAY_STREAM_TCP|GATEWAY_STREAM_TLS|GATEWAY_STREAM_UDP
    };

    (void) state;

    for (n = 0; n < 300; n++) {

        seed = (unsigned) n;
        pool = NULL;

        for (i = 0; i < 60; i++) {
            memset(&routes[i], 0, sizeof(routes[i]));

            routes[i].protocols = kinds[draw(6)];
            routes[i].id[0] = (uint8_t) i;
            routes[i].data = &routes[i];

            snis[i][0] = names[draw(5)];
            snis[i][1] = names[draw(5)];
            routes[i].snis = snis[i];
            routes[i].nsnis = draw(3);

            for (k = 0; k < 2; k++) {
                ends[i][k] = end_of(draw(2) ? addrs[draw(5)] : NULL,
                                    draw(2) ? (int) draw(3) : -1);

                if (!ends[i][k].has_addr && !ends[i][k].has_port) {
                    ends[i][k] = end_of(NULL, (int) draw(3));
                }
            }

            routes[i].sources = &ends[i][0];
            routes[i].nsources = draw(2);
            routes[i].destinations = &ends[i][1];
            routes[i].ndestinations = draw(2);
            routes[i].priority = gateway_stream_priority(&routes[i], 0);
        }

        router = gateway_stream_router_create(routes, 60, alloc_pool, &pool);
        assert_non_null(router);

        for (k = 0; k < 40; k++) {
            static const char *const  asked[] = {
                "", "a.test", "b.test", "x.test", "a.example", "c.d.test"
            };
            static const char *const  from[] = { "10.0.0.1", "10.1.0.1",
                                                 "::1" };

            protocols = draw(3);
            protocols = protocols == 0 ? GATEWAY_STREAM_TCP
                        : protocols == 1 ? GATEWAY_STREAM_UDP
                                         : GATEWAY_STREAM_ANY_TLS;

            request = request_of(protocols,
                                 protocols == GATEWAY_STREAM_ANY_TLS
                                 ? asked[draw(6)] : "",
                                 from[draw(3)], (int) draw(4), from[draw(3)],
                                 (int) draw(4));
            best = NULL;

            for (i = 0; i < 60; i++) {

                if (plain_match(&routes[i], &request)
                    && (best == NULL
                        || routes[i].priority > best->priority
                        || (routes[i].priority == best->priority
                            && routes[i].id[0] > best->id[0])))
                {
                    best = &routes[i];
                }
            }

            found = gateway_stream_router_match(router, &request);

            assert_ptr_equal(found ? found->data : NULL, best);
        }

        free_pool(pool);
    }
}


/* a ClientHello with that name, in records of at most size bytes */

static size_t
hello_of(uint8_t *out, const char *name, size_t size)
{
    size_t   len, i, n, to;
    uint8_t  body[600], *p;

    len = strlen(name);
    p = body;

    *p++ = 1;
    p += 3;
    *p++ = 3;
    *p++ = 3;
    memset(p, 7, 32);
    p += 32;
    *p++ = 0;                                   /* session */
    *p++ = 0;
    *p++ = 2;                                   /* ciphers */
    *p++ = 0x13;
    *p++ = 0x01;
    *p++ = 1;                                   /* compression */
    *p++ = 0;
    n = 4 + 4 + (len ? 9 + len : 0);
    *p++ = (uint8_t) (n >> 8);
    *p++ = (uint8_t) n;
    memcpy(p, "\0\x2b\0\x04\x03\x03\x04\x03", 8);
    p += 8;

    if (len) {
        *p++ = 0;
        *p++ = 0;
        *p++ = (uint8_t) ((len + 5) >> 8);
        *p++ = (uint8_t) (len + 5);
        *p++ = (uint8_t) ((len + 3) >> 8);
        *p++ = (uint8_t) (len + 3);
        *p++ = 0;
        *p++ = (uint8_t) (len >> 8);
        *p++ = (uint8_t) len;
        memcpy(p, name, len);
        p += len;
    }

    len = (size_t) (p - body);
    body[1] = 0;
    body[2] = (uint8_t) ((len - 4) >> 8);
    body[3] = (uint8_t) (len - 4);

    for (to = 0, i = 0; i < len; i += n) {
        n = len - i < size ? len - i : size;
        out[to++] = 22;
        out[to++] = 3;
        out[to++] = 1;
        out[to++] = (uint8_t) (n >> 8);
        out[to++] = (uint8_t) n;
        memcpy(out + to, body + i, n);
        to += n;
    }

    return to;
}


static void
test_hello(void **state)
{
    char     name[GATEWAY_CLIENT_HELLO_NAME];
    size_t   len, i, n, size;
    uint8_t  hello[4000];

    (void) state;

    for (size = 1; size < 200; size += size < 20 ? 1 : 60) {

        n = hello_of(hello, "www.example.com", size);

        assert_int_equal(gateway_client_hello(hello, n, name, &len), 0);
        assert_int_equal(len, 15);
        assert_memory_equal(name, "www.example.com", 15);

        /* any part of it asks for more */

        for (i = 0; i < n; i++) {
            assert_int_equal(gateway_client_hello(hello, i, name, &len), 1);
        }
    }

    n = hello_of(hello, "", 16384);
    assert_int_equal(gateway_client_hello(hello, n, name, &len), 0);
    assert_int_equal(len, 0);

    assert_int_equal(gateway_client_hello((const uint8_t *) "GET / HT", 8,
                                          name, &len), -1);
    assert_int_equal(gateway_client_hello((const uint8_t *) "\x16\x02", 2,
                                          name, &len), -1);
}


/* no byte of it makes the parser read beyond the end, see the sanitizers */

static void
test_hello_broken(void **state)
{
    char      name[GATEWAY_CLIENT_HELLO_NAME];
    size_t    len, i, n;
    uint8_t   hello[4000], *copy;
    unsigned  value;

    (void) state;

    n = hello_of(hello, "www.example.com", 70);

    for (i = 0; i < n; i++) {

        for (value = 0; value < 256; value += 5) {
            copy = malloc(n);
            assert_non_null(copy);

            memcpy(copy, hello, n);
            copy[i] = (uint8_t) value;

            if (gateway_client_hello(copy, n, name, &len) == 0) {
                assert_in_range(len, 0, GATEWAY_CLIENT_HELLO_NAME);
            }

            free(copy);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_priority),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_snis),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_hello_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
