
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Questions to name servers, and answers good and bad.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_dns.h"


typedef struct {
    unsigned char         buf[2048];
    size_t                len;
} message_t;


typedef struct {
    gateway_dns_record_t  records[16];
    size_t                n;
} records_t;


static int
keep(void *data, const gateway_dns_record_t *record)
{
    records_t  *r = data;

    if (r->n == 16) {
        return -1;
    }

    r->records[r->n++] = *record;

    return 0;
}


static void
put(message_t *m, const char *bytes, size_t len)
{
    memcpy(m->buf + m->len, bytes, len);
    m->len += len;
}


#define PUT(m, s)  put(m, s, sizeof(s) - 1)


/* the start of an answer to the question: n records follow */
static void
answer_to(message_t *m, const message_t *q, int rcode, int n)
{
    *m = *q;
    m->buf[2] = 0x81;
    m->buf[3] = (unsigned char) (0x80 | rcode);
    m->buf[7] = (unsigned char) n;
}


static void
question(message_t *q, const char *name, unsigned type)
{
    memset(q, 0, sizeof(*q));
    q->len = gateway_dns_query(q->buf, 0x1234, name, strlen(name), type);
}


static int
read_answer(const message_t *m, const message_t *q, gateway_dns_answer_t *a,
    records_t *r)
{
    int            rc;
    unsigned char  *exact;

    r->n = 0;

    /* a block of its own, so that valgrind and ASan see its end */
    exact = malloc(m->len ? m->len : 1);
    assert_non_null(exact);
    memcpy(exact, m->buf, m->len);

    rc = gateway_dns_answer(exact, m->len, q->buf, q->len, a, keep, r);

    free(exact);

    return rc;
}


static void
test_questions(void **state)
{
    size_t         i;
    char           label[70], name[300];
    unsigned char  buf[GATEWAY_DNS_QUERY];

    static const unsigned char  expected[] =
        "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\7example\0\0\41\0\1";
    static const char *const  bad[] = { "", ".", "a..b", ".a", "a.." };

    (void) state;

    assert_int_equal(gateway_dns_query(buf, 0x1234, "WWW.example.", 12,
                                       GATEWAY_DNS_SRV),
                     sizeof(expected) - 1);
    assert_memory_equal(buf, expected, sizeof(expected) - 1);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(gateway_dns_query(buf, 1, bad[i], strlen(bad[i]),
                                           GATEWAY_DNS_A), 0);
    }

    memset(label, 'a', sizeof(label));
    assert_int_equal(gateway_dns_query(buf, 1, label, 63, GATEWAY_DNS_A),
                     12 + 65 + 4);
    assert_int_equal(gateway_dns_query(buf, 1, label, 64, GATEWAY_DNS_A), 0);

    for (i = 0; i < sizeof(name); i++) {
        name[i] = i % 2 ? '.' : 'a';
    }

    assert_int_equal(gateway_dns_query(buf, 1, name, 253, GATEWAY_DNS_A),
                     GATEWAY_DNS_QUERY);
    assert_int_equal(gateway_dns_query(buf, 1, name, 255, GATEWAY_DNS_A), 0);
}


static void
test_addresses(void **state)
{
    message_t             q, m;
    records_t             r;
    gateway_dns_answer_t  a;

    (void) state;

    question(&q, "www.example", GATEWAY_DNS_A);
    answer_to(&m, &q, 0, 3);
    PUT(&m, "\xc0\x0c\0\1\0\1\0\0\1\0\0\4\1\2\3\4");
    PUT(&m, "\xc0\x0c\0\x1c\0\1\0\0\1\0\0\4\1\2\3\4");
    PUT(&m, "\3WWW\xc0\x10\0\1\0\1\0\0\0\5\0\4\5\6\7\10");

    assert_int_equal(read_answer(&m, &q, &a, &r), 0);
    assert_int_equal(a.rcode, 0);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.ttl, 5);
    assert_int_equal(a.alias_len, 0);
    assert_memory_equal(r.records[0].address, "\1\2\3\4", 4);
    assert_memory_equal(r.records[1].address, "\5\6\7\10", 4);
}


static void
test_errors(void **state)
{
    size_t                len;
    message_t             q, m;
    records_t             r;
    gateway_dns_answer_t  a;

    (void) state;

    question(&q, "www.example", GATEWAY_DNS_A);

    answer_to(&m, &q, 3, 0);
    assert_int_equal(read_answer(&m, &q, &a, &r), 0);
    assert_int_equal(a.rcode, GATEWAY_DNS_NXDOMAIN);

    answer_to(&m, &q, 0, 0);
    m.buf[2] |= 2;
    assert_int_equal(read_answer(&m, &q, &a, &r), 0);
    assert_true(a.truncated);

    answer_to(&m, &q, 0, 0);
    assert_int_equal(read_answer(&m, &q, &a, &r), 0);
    assert_int_equal(a.n, 0);

    /* another id, a question, another question, another type, class */

    m.buf[1] ^= 1;
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);
    answer_to(&m, &q, 0, 0);
    m.buf[2] = 1;
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);
    answer_to(&m, &q, 0, 0);
    m.buf[13] = 'v';
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);
    answer_to(&m, &q, 0, 0);
    m.buf[m.len - 3] = GATEWAY_DNS_AAAA;
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);
    answer_to(&m, &q, 0, 0);
    m.buf[m.len - 1] = 3;
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);

    /* a count that is too high, data that is too short, at any place */

    answer_to(&m, &q, 0, 2);
    PUT(&m, "\xc0\x0c\0\1\0\1\0\0\1\0\0\4\1\2\3\4");
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);

    len = m.len;

    for (m.buf[7] = 1; m.len > 0; m.len--) {
        assert_int_equal(read_answer(&m, &q, &a, &r),
                         m.len == len ? 0 : -1);
    }
}


static void
test_aliases(void **state)
{
    message_t             q, m;
    records_t             r;
    gateway_dns_answer_t  a;

    (void) state;

    /* the address stands before its alias; what is foreign is left out */

    question(&q, "www.example", GATEWAY_DNS_A);
    answer_to(&m, &q, 0, 4);
    PUT(&m, "\1c\xc0\x10\0\1\0\1\0\0\1\0\0\4\1\2\3\4");
    PUT(&m, "\1b\xc0\x10\0\5\0\1\0\0\0\7\0\4\1c\xc0\x10");
    PUT(&m, "\xc0\x0c\0\5\0\1\0\0\1\0\0\4\1b\xc0\x10");
    PUT(&m, "\4evil\0\0\1\0\1\0\0\1\0\0\4\6\6\6\6");

    assert_int_equal(read_answer(&m, &q, &a, &r), 0);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.ttl, 7);
    assert_int_equal(a.alias_len, 0);
    assert_memory_equal(r.records[0].address, "\1\2\3\4", 4);

    /* only the alias */

    answer_to(&m, &q, 0, 1);
    PUT(&m, "\xc0\x0c\0\5\0\1\0\0\1\0\0\4\1b\xc0\x10");
    assert_int_equal(read_answer(&m, &q, &a, &r), 0);
    assert_int_equal(a.n, 0);
    assert_int_equal(a.alias_len, 9);
    assert_memory_equal(a.alias, "b.example", 9);

    /* a circle */

    answer_to(&m, &q, 0, 1);
    PUT(&m, "\xc0\x0c\0\5\0\1\0\0\1\0\0\2\xc0\x0c");
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);
}


static void
test_srv(void **state)
{
    message_t             q, m;
    records_t             r;
    gateway_dns_answer_t  a;

    (void) state;

    question(&q, "s.example", GATEWAY_DNS_SRV);
    answer_to(&m, &q, 0, 5);
    PUT(&m, "\xc0\x0c\0\x21\0\1\0\0\1\0\0\12\0\1\0\2\x1f\x90\1A\xc0\x0e");
    /* "no such service", a strange name, nothing, no name */
    PUT(&m, "\xc0\x0c\0\x21\0\1\0\0\1\0\0\7\0\0\0\0\0\0\0");
    PUT(&m, "\xc0\x0c\0\x21\0\1\0\0\1\0\0\13\0\0\0\0\0\0\3a\nb\0");
    PUT(&m, "\xc0\x0c\0\x21\0\1\0\0\1\0\0\0");
    PUT(&m, "\xc0\x0c\0\x21\0\1\0\0\1\0\0\10\0\0\0\0\0\0\5a");

    assert_int_equal(read_answer(&m, &q, &a, &r), 0);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.skipped, 4);
    assert_int_equal(r.records[0].priority, 1);
    assert_int_equal(r.records[0].weight, 2);
    assert_int_equal(r.records[0].port, 8080);
    assert_int_equal(r.records[0].target_len, 9);
    assert_memory_equal(r.records[0].target, "a.example", 9);
}


/* pointers to themselves, forwards, into the header, and names too long */

static void
test_names(void **state)
{
    int                   i, n;
    message_t             q, m;
    records_t             r;
    gateway_dns_answer_t  a;

    static const char  rest[] = "\0\1\0\1\0\0\1\0\0\4\1\2\3\4";

    (void) state;

    question(&q, "www.example", GATEWAY_DNS_A);

    for (i = 0; i < 3; i++) {
        answer_to(&m, &q, 0, 1);
        n = i == 0 ? (int) m.len : i == 1 ? (int) m.len + 4 : 3;
        m.buf[m.len++] = 0xc0;
        m.buf[m.len++] = (unsigned char) n;
        put(&m, rest, sizeof(rest) - 1);
        assert_int_equal(read_answer(&m, &q, &a, &r), -1);
    }

    for (i = 126; i <= 127; i++) {
        answer_to(&m, &q, 0, 1);

        for (n = 0; n < i; n++) {
            PUT(&m, "\1a");
        }

        m.buf[m.len++] = 0;
        put(&m, rest, sizeof(rest) - 1);
        assert_int_equal(read_answer(&m, &q, &a, &r), 0);
        assert_int_equal(a.n, 0);
    }

    answer_to(&m, &q, 0, 1);

    for (n = 0; n < 128; n++) {
        PUT(&m, "\1a");
    }

    m.buf[m.len++] = 0;
    put(&m, rest, sizeof(rest) - 1);
    assert_int_equal(read_answer(&m, &q, &a, &r), -1);
}


/* whatever comes, nothing is read or written where it should not be */

static void
test_mutations(void **state)
{
    int                   n;
    size_t                i, k;
    message_t             q, m, t;
    records_t             r;
    gateway_dns_answer_t  a;

    (void) state;

    question(&q, "s.example", GATEWAY_DNS_SRV);
    answer_to(&m, &q, 0, 4);
    PUT(&m, "\xc0\x0c\0\5\0\1\0\0\1\0\0\4\1b\xc0\x0e");
    PUT(&m, "\1b\xc0\x0e\0\x21\0\1\0\0\1\0\0\12\0\1\0\2\x1f\x90\1A\xc0\x0e");
    PUT(&m, "\xc0\x2b\0\x21\0\1\0\0\1\0\0\12\0\1\0\2\x1f\x90\1A\xc0\x0e");
    PUT(&m, "\1a\xc0\x0e\0\1\0\1\0\0\1\0\0\4\1\2\3\4");

    srand(1);

    for (n = 0; n < 200000; n++) {
        t = m;

        for (i = 1 + (size_t) rand() % 4; i; i--) {
            k = (size_t) rand() % t.len;
            t.buf[k] = (unsigned char) (rand() % 3 ? rand()
                                        : t.buf[(size_t) rand() % t.len]);
        }

        t.buf[0] = q.buf[0];
        t.buf[1] = q.buf[1];

        if (rand() % 4 == 0) {
            t.len = (size_t) rand() % (t.len + 1);
        }

        (void) read_answer(&t, &q, &a, &r);

        for (i = 0; i < r.n; i++) {
            assert_true(r.records[i].target_len < GATEWAY_DNS_NAME);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_srv),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
