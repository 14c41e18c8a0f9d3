
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Runs expressions.
 */


#include "gateway_expression_private.h"
#include "gateway_router_private.h"

#include <string.h>


static int gateway_expression_test(const gateway_expression_test_t *test,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch);
static int gateway_expression_headers(const gateway_expression_test_t *test,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch);
static int gateway_expression_queries(const gateway_expression_test_t *test,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch);
static int gateway_expression_is_name(const gateway_str_t *name,
    const char *p, const char *last);
static int gateway_expression_decode(gateway_expression_scratch_t *scratch,
    const char *p, const char *last, gateway_str_t *value);
static int gateway_expression_decode_char(const char **pos, const char *last);
static int gateway_expression_hex(char c);
static int gateway_expression_segment(const gateway_expression_test_t *test,
    const gateway_str_t *path, gateway_str_t *value);
static int64_t gateway_expression_segment_count(const gateway_str_t *path);
static size_t gateway_expression_path_end(const gateway_str_t *path);
static int gateway_expression_test_text(const gateway_expression_test_t *test,
    const gateway_str_t *value, gateway_expression_scratch_t *scratch);
static int gateway_expression_same(const gateway_expression_test_t *test,
    const char *value);
static int gateway_expression_contains(const gateway_expression_test_t *test,
    const gateway_str_t *value);
static int gateway_expression_test_regex(
    const gateway_expression_test_t *test, const gateway_str_t *value,
    gateway_expression_scratch_t *scratch);
static int gateway_expression_lower(gateway_expression_scratch_t *scratch,
    gateway_str_t *text);
static int gateway_expression_is_ours(
    const gateway_expression_scratch_t *scratch, const char *data);
static int gateway_expression_room(gateway_expression_scratch_t *scratch,
    size_t len);
static int gateway_expression_compare(const gateway_expression_test_t *test,
    int64_t number);
static int gateway_expression_test_ip(const gateway_expression_test_t *test,
    gateway_address_t *address);


const gateway_str_t *
gateway_expression_text(const gateway_expression_t *expression)
{
    return &expression->text;
}


size_t
gateway_expression_hosts(const gateway_expression_t *expression,
    const gateway_expression_key_t **hosts)
{
    *hosts = expression->hosts;

    return expression->nhosts;
}


size_t
gateway_expression_paths(const gateway_expression_t *expression,
    const gateway_expression_key_t **paths)
{
    *paths = expression->paths;

    return expression->npaths;
}


int
gateway_expression_reserve(gateway_expression_scratch_t *scratch,
    const gateway_expression_t *expression)
{
    gateway_expression_hit_t  *hits;

    if (expression->nhits <= scratch->room) {
        return 0;
    }

    hits = gateway_router_heap_grow(scratch->hits, 0, expression->nhits,
                                    sizeof(gateway_expression_hit_t));
    if (hits == NULL) {
        return -1;
    }

    scratch->hits = hits;
    scratch->room = expression->nhits;

    return 0;
}


void
gateway_expression_scratch_free(gateway_expression_scratch_t *scratch)
{
    gateway_router_heap_free(scratch->hits);
    gateway_router_heap_free(scratch->buf);

    memset(scratch, 0, sizeof(gateway_expression_scratch_t));
}


int
gateway_expression_match(const gateway_expression_t *expression,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch)
{
    int                               rc;
    uint32_t                          i;
    const gateway_expression_test_t  *test;

    scratch->matched = SIZE_MAX;
    scratch->used = 0;
    scratch->nhits = expression->nhits;

    for (i = 0; i < expression->nhits; i++) {
        scratch->hits[i].code = NULL;
    }

    /* tests lead forward only */

    for (i = 0; i < expression->ntests; /* void */ ) {

        test = &expression->tests[i];

        rc = gateway_expression_test(test, facts, scratch);

        if (rc < 0) {
            return rc;
        }

        i = rc ? test->yes : test->no;
    }

    return i == GATEWAY_EXPRESSION_YES;
}


static int
gateway_expression_test(const gateway_expression_test_t *test,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch)
{
    int                            destination;
    int64_t                        number;
    gateway_str_t                  value;
    gateway_address_t              address;
    const gateway_str_t           *path;
    const gateway_router_facts_t  *ask;

    path = &facts->texts[GATEWAY_FIELD_PATH];
    ask = facts->ask;
    destination = 0;

    switch (test->field) {

    case GATEWAY_FIELD_METHOD:
    case GATEWAY_FIELD_HOST:
    case GATEWAY_FIELD_PATH:
    case GATEWAY_FIELD_PROTOCOL:
    case GATEWAY_FIELD_SNI:

        if (facts->texts[test->field].data == NULL) {
            return 0;
        }

        return gateway_expression_test_text(test, &facts->texts[test->field],
                                            scratch);

    case GATEWAY_FIELD_SEGMENTS:

        if (path->data == NULL
            || !gateway_expression_segment(test, path, &value))
        {
            return 0;
        }

        return gateway_expression_test_text(test, &value, scratch);

    case GATEWAY_FIELD_HEADER:
        return gateway_expression_headers(test, facts, scratch);

    case GATEWAY_FIELD_QUERY:
        return gateway_expression_queries(test, facts, scratch);

    case GATEWAY_FIELD_SEGMENTS_LEN:

        if (path->data == NULL) {
            return 0;
        }

        number = gateway_expression_segment_count(path);

        return gateway_expression_compare(test, number);

    case GATEWAY_FIELD_DST_PORT:

        if (facts->dst_port >= 0) {
            return gateway_expression_compare(test, facts->dst_port);
        }

        destination = 1;

        /* fall through */

    case GATEWAY_FIELD_SRC_PORT:

        if (ask == NULL || !ask->port(facts->data, destination, &number)) {
            return 0;
        }

        return gateway_expression_compare(test, number);

    case GATEWAY_FIELD_DST_IP:

        destination = 1;

        /* fall through */

    case GATEWAY_FIELD_SRC_IP:

        if (ask == NULL || !ask->address(facts->data, destination, &address))
        {
            return 0;
        }

        return gateway_expression_test_ip(test, &address);
    }

    return 0;
}


static int
gateway_expression_headers(const gateway_expression_test_t *test,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch)
{
    int            rc;
    size_t         i;
    gateway_str_t  value;

    if (facts->header == NULL) {
        return 0;
    }

    for (i = 0; facts->header(facts->data, &test->of.name, i, &value); i++) {

        rc = gateway_expression_test_text(test, &value, scratch);

        if (rc < 0 || rc == test->any) {
            return rc;
        }
    }

    /* all passed, or none did, or there was none */

    return i > 0 && !test->any;
}


/* "a=1&a=2": "+" is a space, a name without "=" has an empty value */

static int
gateway_expression_queries(const gateway_expression_test_t *test,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch)
{
    int             rc, found;
    const char     *p, *end, *last, *equal;
    gateway_str_t   query, value;

    query = facts->query;

    if (query.data == NULL
        && (facts->ask == NULL || facts->ask->query == NULL
            || !facts->ask->query(facts->data, &query)))
    {
        return 0;
    }

    found = 0;
    last = query.data + query.len;

    for (p = query.data; p < last; p = end + 1) {

        end = memchr(p, '&', (size_t) (last - p));
        if (end == NULL) {
            end = last;
        }

        equal = memchr(p, '=', (size_t) (end - p));
        if (equal == NULL) {
            equal = end;
        }

        if (!gateway_expression_is_name(&test->of.name, p, equal)) {
            continue;
        }

        found = 1;

        p = equal + (equal < end);

        if (gateway_expression_decode(scratch, p, end, &value) == -1) {
            return -1;
        }

        rc = gateway_expression_test_text(test, &value, scratch);

        if (rc < 0 || rc == test->any) {
            return rc;
        }
    }

    return found && !test->any;
}


static int
gateway_expression_is_name(const gateway_str_t *name, const char *p,
    const char *last)
{
    size_t  i;

    for (i = 0; i < name->len && p < last; i++) {
        if (gateway_expression_decode_char(&p, last)
            != (unsigned char) name->data[i])
        {
            return 0;
        }
    }

    return i == name->len && p == last;
}


/* the text itself when there is nothing to decode */

static int
gateway_expression_decode(gateway_expression_scratch_t *scratch,
    const char *p, const char *last, gateway_str_t *value)
{
    char    *dst;
    size_t   len;

    len = (size_t) (last - p);

    value->data = p;
    value->len = len;

    if (len == 0) {
        value->data = "";
        return 0;
    }

    if (memchr(p, '%', len) == NULL && memchr(p, '+', len) == NULL) {
        return 0;
    }

    if (gateway_expression_room(scratch, len) == -1) {
        return -1;
    }

    dst = scratch->buf + scratch->used;
    value->data = dst;

    while (p < last) {
        *dst++ = (char) gateway_expression_decode_char(&p, last);
    }

    value->len = (size_t) (dst - value->data);
    scratch->used += value->len;

    return 0;
}


/* a "%" without two digits stands for itself */

static int
gateway_expression_decode_char(const char **pos, const char *last)
{
    int          high, low;
    const char  *p;

    p = *pos;
    *pos = p + 1;

    if (*p == '+') {
        return ' ';
    }

    if (*p == '%' && last - p > 2) {

        high = gateway_expression_hex(p[1]);
        low = gateway_expression_hex(p[2]);

        if (high >= 0 && low >= 0) {
            *pos = p + 3;
            return high * 16 + low;
        }
    }

    return (unsigned char) *p;
}


static int
gateway_expression_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = gateway_router_lower(c);

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* segments first to last, with the slashes between them */

static int
gateway_expression_segment(const gateway_expression_test_t *test,
    const gateway_str_t *path, gateway_str_t *value)
{
    size_t       end;
    uint32_t     i;
    const char  *p, *start, *last;

    end = gateway_expression_path_end(path);

    if (end <= 1) {
        return 0;
    }

    p = path->data + 1;
    last = path->data + end;
    start = p;

    for (i = 0; /* void */ ; i++) {

        if (i == test->of.segments.first) {
            start = p;
        }

        p = memchr(p, '/', (size_t) (last - p));

        if (i == test->of.segments.last) {
            break;
        }

        if (p == NULL) {
            return 0;
        }

        p++;
    }

    value->data = start;
    value->len = (size_t) ((p ? p : last) - start);

    return 1;
}


static int64_t
gateway_expression_segment_count(const gateway_str_t *path)
{
    size_t       end;
    int64_t      n;
    const char  *p, *last;

    end = gateway_expression_path_end(path);

    if (end <= 1) {
        return 0;
    }

    n = 1;
    last = path->data + end;

    for (p = path->data + 1; p < last; p++) {
        n += (*p == '/');
    }

    return n;
}


/* empty segments at the end do not count: "/a/" has one, "/" has none */

static size_t
gateway_expression_path_end(const gateway_str_t *path)
{
    size_t  len;

    for (len = path->len; len > 0 && path->data[len - 1] == '/'; len--) {
        /* void */
    }

    return len;
}


static int
gateway_expression_test_text(const gateway_expression_test_t *test,
    const gateway_str_t *value, gateway_expression_scratch_t *scratch)
{
    int                   rc;
    const gateway_str_t  *text;

    text = &test->value.text;

    switch (test->op) {

    case GATEWAY_OP_EQ:
        rc = value->len == text->len
             && gateway_expression_same(test, value->data);
        break;

    case GATEWAY_OP_NE:
        return value->len != text->len
               || !gateway_expression_same(test, value->data);

    case GATEWAY_OP_PREFIX:
        rc = value->len >= text->len
             && gateway_expression_same(test, value->data);
        break;

    case GATEWAY_OP_SUFFIX:
        rc = value->len >= text->len
             && gateway_expression_same(test, value->data + value->len
                                              - text->len);
        break;

    case GATEWAY_OP_CONTAINS:
        return gateway_expression_contains(test, value);

    case GATEWAY_OP_REGEX:
        return gateway_expression_test_regex(test, value, scratch);

    default:
        return 0;
    }

    if (rc && test->field == GATEWAY_FIELD_PATH) {
        scratch->matched = text->len;
    }

    return rc;
}


/* whether the bytes at value are those of the test */

static int
gateway_expression_same(const gateway_expression_test_t *test,
    const char *value)
{
    size_t                i;
    const gateway_str_t  *text;

    text = &test->value.text;

    if (text->len == 0) {
        return 1;
    }

    if (!test->lower) {
        return memcmp(value, text->data, text->len) == 0;
    }

    for (i = 0; i < text->len; i++) {
        if (gateway_router_lower(value[i]) != text->data[i]) {
            return 0;
        }
    }

    return 1;
}


static int
gateway_expression_contains(const gateway_expression_test_t *test,
    const gateway_str_t *value)
{
    char                  c;
    size_t                i, last;
    const gateway_str_t  *text;

    text = &test->value.text;

    if (text->len == 0) {
        return 1;
    }

    if (text->len > value->len) {
        return 0;
    }

    last = value->len - text->len;

    for (i = 0; i <= last; i++) {

        c = value->data[i];

        if (test->lower) {
            c = gateway_router_lower(c);
        }

        if (c == text->data[0]
            && gateway_expression_same(test, value->data + i))
        {
            return 1;
        }
    }

    return 0;
}


static int
gateway_expression_test_regex(const gateway_expression_test_t *test,
    const gateway_str_t *value, gateway_expression_scratch_t *scratch)
{
    int                        rc;
    uint32_t                   groups;
    PCRE2_SIZE                *offsets;
    gateway_str_t              text;
    gateway_expression_hit_t  *hit;

    text = *value;

    if (test->lower
        && gateway_expression_lower(scratch, &text) == -1)
    {
        return -1;
    }

    rc = pcre2_match(test->value.code, (PCRE2_SPTR) text.data, text.len, 0, 0,
                     scratch->match_data, scratch->context);

    if (rc < 0) {
        return (rc == PCRE2_ERROR_NOMATCH) ? 0 : -1;
    }

    offsets = pcre2_get_ovector_pointer(scratch->match_data);

    if (test->field == GATEWAY_FIELD_PATH) {
        scratch->matched = offsets[1] - offsets[0];
    }

    groups = 0;
    (void) pcre2_pattern_info(test->value.code, PCRE2_INFO_CAPTURECOUNT,
                              &groups);

    hit = &scratch->hits[test->hit];

    hit->code = test->value.code;
    hit->text = text;
    hit->at = 0;
    hit->ncaptures = (size_t) groups + 1;

    if (hit->ncaptures > GATEWAY_ROUTER_MAX_CAPTURES) {
        hit->ncaptures = GATEWAY_ROUTER_MAX_CAPTURES;
    }

    memcpy(hit->captures, offsets,
           2 * hit->ncaptures * sizeof(hit->captures[0]));

    if (gateway_expression_is_ours(scratch, text.data)) {
        hit->at = (size_t) (text.data - scratch->buf);
        hit->text.data = NULL;
    }

    return 1;
}


/* what was decoded is ours already; the rest is copied */

static int
gateway_expression_lower(gateway_expression_scratch_t *scratch,
    gateway_str_t *text)
{
    char    *dst;
    size_t   i;

    if (text->len == 0) {
        return 0;
    }

    if (gateway_expression_is_ours(scratch, text->data)) {
        dst = scratch->buf + (text->data - scratch->buf);

    } else {

        if (gateway_expression_room(scratch, text->len) == -1) {
            return -1;
        }

        dst = scratch->buf + scratch->used;
        scratch->used += text->len;
    }

    for (i = 0; i < text->len; i++) {
        dst[i] = gateway_router_lower(text->data[i]);
    }

    text->data = dst;

    return 0;
}


static int
gateway_expression_is_ours(const gateway_expression_scratch_t *scratch,
    const char *data)
{
    return (uintptr_t) data >= (uintptr_t) scratch->buf
           && (uintptr_t) data < (uintptr_t) scratch->buf + scratch->used;
}


static int
gateway_expression_room(gateway_expression_scratch_t *scratch, size_t len)
{
    char    *buf;
    size_t   size;

    if (scratch->size - scratch->used >= len) {
        return 0;
    }

    size = (scratch->used + len) * 2;

    buf = gateway_router_heap_grow(scratch->buf, scratch->used, size, 1);
    if (buf == NULL) {
        return -1;
    }

    scratch->buf = buf;
    scratch->size = size;

    return 0;
}


static int
gateway_expression_compare(const gateway_expression_test_t *test,
    int64_t number)
{
    int64_t  other;

    other = test->value.number;

    switch (test->op) {

    case GATEWAY_OP_EQ:
        return number == other;

    case GATEWAY_OP_NE:
        return number != other;

    case GATEWAY_OP_GT:
        return number > other;

    case GATEWAY_OP_GE:
        return number >= other;

    case GATEWAY_OP_LT:
        return number < other;

    case GATEWAY_OP_LE:
        return number <= other;

    default:
        return 0;
    }
}


static int
gateway_expression_test_ip(const gateway_expression_test_t *test,
    gateway_address_t *address)
{
    int  in;

    gateway_address_fold(address);

    in = gateway_address_in(address, &test->value.net.address,
                            test->value.net.bits);

    switch (test->op) {

    case GATEWAY_OP_EQ:
    case GATEWAY_OP_IN:
        return in;

    case GATEWAY_OP_NE:
    case GATEWAY_OP_NOT_IN:
        return !in;

    default:
        return 0;
    }
}
