
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Reads the text of an expression: grammar and types in one pass, each error
 * with its place and what was expected there.
 */


#include "gateway_expression_private.h"
#include "gateway_router_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


/* what messages show of a text */
#define GATEWAY_EXPRESSION_SHOWN  40

#define GATEWAY_EXPRESSION_OPERATORS                                          \
    "==, !=, ~, ^=, =^, >, >=, <, <=, in, not in or contains"


typedef struct {
    const gateway_expression_options_t  *options;
    gateway_expression_report_t         *report;
    gateway_expression_tree_t            tree;
    const char                          *start;
    const char                          *last;
    const char                          *pos;
    unsigned                             depth;
    uint32_t                             bare;    /* "||" not in "()" */
    int                                  failed;
} gateway_expression_parser_t;


/* a literal: its type, its value, and for texts whether it has escapes */
typedef struct {
    gateway_expression_type_t            type;
    const char                          *at;
    const char                          *end;
    gateway_str_t                        text;
    int64_t                              number;
    gateway_expression_net_t             net;
    int                                  escaped;
} gateway_expression_rhs_t;


typedef struct {
    const char                          *text;
    gateway_expression_op_t              op;
    /* types of fields it is for, bits */
    unsigned                             fields;
} gateway_expression_operator_t;


#define GATEWAY_FOR_TEXT  (1 << GATEWAY_TYPE_TEXT)
#define GATEWAY_FOR_INT   (1 << GATEWAY_TYPE_INT)
#define GATEWAY_FOR_IP    (1 << GATEWAY_TYPE_IP)


static uint32_t gateway_expression_and(gateway_expression_parser_t *parser);
static uint32_t gateway_expression_or(gateway_expression_parser_t *parser);
static uint32_t gateway_expression_term(gateway_expression_parser_t *parser);
static uint32_t gateway_expression_list(gateway_expression_parser_t *parser,
    gateway_expression_kind_t kind);
static uint32_t gateway_expression_group(gateway_expression_parser_t *parser);
static uint32_t gateway_expression_predicate(
    gateway_expression_parser_t *parser);
static int gateway_expression_lhs(gateway_expression_parser_t *parser,
    gateway_expression_lhs_t *lhs, gateway_expression_test_t *test);
static int gateway_expression_ident(gateway_expression_parser_t *parser,
    gateway_str_t *ident);
static int gateway_expression_name(gateway_expression_parser_t *parser,
    const gateway_expression_lhs_t *lhs, gateway_expression_test_t *test);
static const gateway_expression_operator_t *gateway_expression_operator(
    gateway_expression_parser_t *parser, const gateway_expression_lhs_t *lhs);
static int gateway_expression_value(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs);
static int gateway_expression_string(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs);
static int gateway_expression_raw(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs);
static const char *gateway_expression_scan_ip(const char *p,
    const char *last);
static int gateway_expression_ip(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs, const char *end);
static int gateway_expression_int(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs);
static int gateway_expression_types(gateway_expression_parser_t *parser,
    const gateway_expression_lhs_t *lhs,
    const gateway_expression_operator_t *op,
    const gateway_expression_rhs_t *rhs);
static int gateway_expression_regex(gateway_expression_parser_t *parser,
    gateway_expression_test_t *test, const gateway_expression_rhs_t *rhs);
static void gateway_expression_literal(gateway_expression_parser_t *parser,
    const gateway_expression_test_t *test,
    const gateway_expression_rhs_t *rhs);
static uint32_t gateway_expression_node(gateway_expression_parser_t *parser,
    gateway_expression_kind_t kind, uint32_t first, uint32_t ntests);
static uint32_t gateway_expression_add(gateway_expression_parser_t *parser,
    const gateway_expression_test_t *test);
static void gateway_expression_skip(gateway_expression_parser_t *parser);
static int gateway_expression_is_digit(char c, int base);
static int gateway_expression_is_word(char c);
static const char *gateway_expression_seen(
    gateway_expression_parser_t *parser, char *buf, size_t len);
static void gateway_expression_fail(gateway_expression_parser_t *parser,
    const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static gateway_expression_t *gateway_expression_link(
    gateway_expression_parser_t *parser, const gateway_str_t *text,
    uint32_t root);
static void gateway_expression_targets(gateway_expression_parser_t *parser,
    uint32_t node, uint32_t first, uint32_t yes, uint32_t no);
static int gateway_expression_take_keys(gateway_expression_parser_t *parser,
    uint32_t root, gateway_expression_field_t field,
    gateway_expression_key_t **keys, size_t *n);


/* in the order in which they are tried */
static const gateway_expression_operator_t  gateway_expression_operators[] = {
    { "==", GATEWAY_OP_EQ, GATEWAY_FOR_TEXT|GATEWAY_FOR_INT|GATEWAY_FOR_IP },
    { "!=", GATEWAY_OP_NE, GATEWAY_FOR_TEXT|GATEWAY_FOR_INT|GATEWAY_FOR_IP },
    { "~", GATEWAY_OP_REGEX, GATEWAY_FOR_TEXT },
    { "^=", GATEWAY_OP_PREFIX, GATEWAY_FOR_TEXT },
    { "=^", GATEWAY_OP_SUFFIX, GATEWAY_FOR_TEXT },
    { ">=", GATEWAY_OP_GE, GATEWAY_FOR_INT },
    { ">", GATEWAY_OP_GT, GATEWAY_FOR_INT },
    { "<=", GATEWAY_OP_LE, GATEWAY_FOR_INT },
    { "<", GATEWAY_OP_LT, GATEWAY_FOR_INT },
    { "in", GATEWAY_OP_IN, GATEWAY_FOR_IP },
    { "contains", GATEWAY_OP_CONTAINS, GATEWAY_FOR_TEXT },
    { "not in", GATEWAY_OP_NOT_IN, GATEWAY_FOR_IP },
    { NULL, GATEWAY_OP_EQ, 0 }
};


gateway_expression_t *
gateway_expression_compile(const gateway_str_t *text,
    const gateway_expression_options_t *options,
    gateway_expression_report_t *report)
{
    char                          seen[GATEWAY_EXPRESSION_SHOWN * 2];
    uint32_t                      root;
    gateway_expression_t         *expression;
    gateway_expression_parser_t   parser;

    memset(&parser, 0, sizeof(gateway_expression_parser_t));

    parser.options = options;
    parser.report = report;
    parser.start = text->data;
    parser.pos = text->data;
    parser.last = text->data + text->len;
    parser.bare = GATEWAY_EXPRESSION_NONE;

    report->at = 0;
    report->message[0] = '\0';
    report->mixed = SIZE_MAX;
    report->net_port = SIZE_MAX;
    report->upper = SIZE_MAX;

    expression = NULL;

    if (text->len > GATEWAY_EXPRESSION_MAX_LEN) {
        gateway_expression_fail(&parser, parser.start,
                                "the expression has %zu bytes, the limit is "
                                "%d", text->len, GATEWAY_EXPRESSION_MAX_LEN);
        return NULL;
    }

    root = gateway_expression_and(&parser);

    if (root != GATEWAY_EXPRESSION_NONE) {

        gateway_expression_skip(&parser);

        if (parser.pos == parser.last) {
            expression = gateway_expression_link(&parser, text, root);

        } else {
            gateway_expression_fail(&parser, parser.pos,
                             "expected \"&&\", \"||\" or the end, this is %s",
                             gateway_expression_seen(&parser, seen,
                                                     sizeof(seen)));
        }
    }

    if (expression == NULL && report->message[0] == '\0') {
        gateway_expression_fail(&parser, parser.start, "out of memory");
    }

    gateway_router_heap_free(parser.tree.nodes);
    gateway_router_heap_free(parser.tree.tests);
    gateway_router_heap_free(parser.tree.literals);

    return expression;
}


static uint32_t
gateway_expression_and(gateway_expression_parser_t *parser)
{
    return gateway_expression_list(parser, GATEWAY_NODE_AND);
}


static uint32_t
gateway_expression_or(gateway_expression_parser_t *parser)
{
    return gateway_expression_list(parser, GATEWAY_NODE_OR);
}


/*
 * One of its kind stands for itself.  "a && b || c" is read differently in
 * most languages: the place of such a "||" is noted.
 */

static uint32_t
gateway_expression_list(gateway_expression_parser_t *parser,
    gateway_expression_kind_t kind)
{
    char      c;
    size_t    at, mixed;
    uint32_t  node, first, last, ntests;

    c = (kind == GATEWAY_NODE_AND) ? '&' : '|';

    first = GATEWAY_EXPRESSION_NONE;
    last = GATEWAY_EXPRESSION_NONE;
    mixed = SIZE_MAX;
    ntests = 0;

    for ( ;; ) {

        gateway_expression_skip(parser);

        at = (size_t) (parser->pos - parser->start);

        node = (kind == GATEWAY_NODE_AND) ? gateway_expression_or(parser)
                                          : gateway_expression_term(parser);

        if (node == GATEWAY_EXPRESSION_NONE) {
            return node;
        }

        ntests += parser->tree.nodes[node].ntests;

        if (first == GATEWAY_EXPRESSION_NONE) {
            first = node;

        } else {
            parser->tree.nodes[last].next = node;
        }

        last = node;

        if (kind == GATEWAY_NODE_AND && node == parser->bare
            && mixed == SIZE_MAX)
        {
            mixed = at;
        }

        gateway_expression_skip(parser);

        if (parser->last - parser->pos < 2
            || parser->pos[0] != c || parser->pos[1] != c)
        {
            break;
        }

        parser->pos += 2;
    }

    if (first == last) {
        return first;
    }

    if (parser->report->mixed == SIZE_MAX) {
        parser->report->mixed = mixed;
    }

    node = gateway_expression_node(parser, kind, first, ntests);

    if (kind == GATEWAY_NODE_OR) {
        parser->bare = node;
    }

    return node;
}


static uint32_t
gateway_expression_term(gateway_expression_parser_t *parser)
{
    uint32_t     node;
    const char  *at;

    gateway_expression_skip(parser);

    at = parser->pos;

    if (at < parser->last && *at == '(') {
        return gateway_expression_group(parser);
    }

    if (at == parser->last || *at != '!') {
        return gateway_expression_predicate(parser);
    }

    parser->pos++;

    gateway_expression_skip(parser);

    if (parser->pos == parser->last || *parser->pos != '(') {
        gateway_expression_fail(parser, at, "expected \"(\" behind \"!\": "
                                "write !(http.path == \"/\"), or \"!=\"");
        return GATEWAY_EXPRESSION_NONE;
    }

    node = gateway_expression_group(parser);

    if (node == GATEWAY_EXPRESSION_NONE) {
        return node;
    }

    return gateway_expression_node(parser, GATEWAY_NODE_NOT, node,
                                   parser->tree.nodes[node].ntests);
}


static uint32_t
gateway_expression_group(gateway_expression_parser_t *parser)
{
    char         seen[GATEWAY_EXPRESSION_SHOWN * 2];
    uint32_t     node;
    const char  *open;

    open = parser->pos++;

    if (parser->depth == GATEWAY_EXPRESSION_MAX_DEPTH) {
        gateway_expression_fail(parser, open, "parentheses nest deeper than "
                                "%d", GATEWAY_EXPRESSION_MAX_DEPTH);
        return GATEWAY_EXPRESSION_NONE;
    }

    parser->depth++;
    node = gateway_expression_and(parser);
    parser->depth--;

    parser->bare = GATEWAY_EXPRESSION_NONE;

    if (node == GATEWAY_EXPRESSION_NONE) {
        return node;
    }

    gateway_expression_skip(parser);

    if (parser->pos == parser->last) {
        gateway_expression_fail(parser, open, "this \"(\" is not closed");
        return GATEWAY_EXPRESSION_NONE;
    }

    if (*parser->pos != ')') {
        gateway_expression_fail(parser, parser->pos,
                             "expected \"&&\", \"||\" or \")\", this is %s",
                             gateway_expression_seen(parser, seen,
                                                     sizeof(seen)));
        return GATEWAY_EXPRESSION_NONE;
    }

    parser->pos++;

    return node;
}


static uint32_t
gateway_expression_predicate(gateway_expression_parser_t *parser)
{
    size_t                                i;
    uint32_t                              index;
    gateway_expression_lhs_t              lhs;
    gateway_expression_rhs_t              rhs;
    gateway_expression_test_t             test;
    const gateway_expression_operator_t  *op;

    memset(&test, 0, sizeof(gateway_expression_test_t));
    memset(&rhs, 0, sizeof(gateway_expression_rhs_t));

    if (gateway_expression_lhs(parser, &lhs, &test) == -1) {
        return GATEWAY_EXPRESSION_NONE;
    }

    op = gateway_expression_operator(parser, &lhs);

    if (op == NULL
        || gateway_expression_value(parser, &rhs) == -1
        || gateway_expression_types(parser, &lhs, op, &rhs) == -1)
    {
        return GATEWAY_EXPRESSION_NONE;
    }

    test.op = (uint8_t) op->op;

    switch (rhs.type) {

    case GATEWAY_TYPE_TEXT:

        if (op->op == GATEWAY_OP_REGEX) {

            if (gateway_expression_regex(parser, &test, &rhs) == -1) {
                return GATEWAY_EXPRESSION_NONE;
            }

            break;
        }

        test.value.text = rhs.text;

        for (i = 0; test.lower && i < rhs.text.len; i++) {
            if (rhs.text.data[i] >= 'A' && rhs.text.data[i] <= 'Z'
                && parser->report->upper == SIZE_MAX)
            {
                parser->report->upper = (size_t) (rhs.at - parser->start);
            }
        }

        break;

    case GATEWAY_TYPE_INT:
        test.value.number = rhs.number;
        break;

    case GATEWAY_TYPE_IP:
    case GATEWAY_TYPE_NET:
        test.value.net = rhs.net;
        break;
    }

    index = gateway_expression_add(parser, &test);

    if (index == GATEWAY_EXPRESSION_NONE) {
        return index;
    }

    if (op->op == GATEWAY_OP_REGEX) {
        gateway_expression_literal(parser, &test, &rhs);
    }

    return gateway_expression_node(parser, GATEWAY_NODE_TEST, index, 1);
}


/* a field, perhaps in lower() and any() */

static int
gateway_expression_lhs(gateway_expression_parser_t *parser,
    gateway_expression_lhs_t *lhs, gateway_expression_test_t *test)
{
    size_t          open;
    const char     *at, *lower, *reason;
    gateway_str_t   ident;

    open = 0;
    lower = NULL;

    for ( ;; ) {

        gateway_expression_skip(parser);

        at = parser->pos;

        if (gateway_expression_ident(parser, &ident) == -1) {
            return -1;
        }

        gateway_expression_skip(parser);

        if (parser->pos == parser->last || *parser->pos != '(') {
            break;
        }

        if (ident.len == 5 && memcmp(ident.data, "lower", 5) == 0) {
            test->lower = 1;
            lower = at;

        } else if (ident.len == 3 && memcmp(ident.data, "any", 3) == 0) {
            test->any = 1;

        } else {
            gateway_expression_fail(parser, at, "unknown function \"%.*s\", "
                                    "there are lower() and any()",
                                    GATEWAY_EXPRESSION_SHOWN < ident.len
                                    ? GATEWAY_EXPRESSION_SHOWN
                                    : (int) ident.len, ident.data);
            return -1;
        }

        if (++open > GATEWAY_EXPRESSION_MAX_DEPTH) {
            gateway_expression_fail(parser, at, "functions nest deeper than "
                                    "%d", GATEWAY_EXPRESSION_MAX_DEPTH);
            return -1;
        }

        parser->pos++;
    }

    for ( /* void */ ; open > 0; open--) {

        gateway_expression_skip(parser);

        if (parser->pos == parser->last || *parser->pos != ')') {
            gateway_expression_fail(parser, parser->pos,
                                    "expected \")\" behind the field");
            return -1;
        }

        parser->pos++;
    }

    reason = gateway_expression_field(&ident, parser->options->schema, lhs);

    if (reason != NULL) {
        gateway_expression_fail(parser, at, "\"%.*s\" %s",
                                GATEWAY_EXPRESSION_SHOWN < ident.len
                                ? GATEWAY_EXPRESSION_SHOWN
                                : (int) ident.len, ident.data, reason);
        return -1;
    }

    if (lower != NULL && lhs->type != GATEWAY_TYPE_TEXT) {
        gateway_expression_fail(parser, lower, "lower() is for texts, "
                                "\"%.*s\" is %s", (int) ident.len,
                                ident.data,
                                lhs->type == GATEWAY_TYPE_INT ? "a number"
                                                              : "an address");
        return -1;
    }

    if (lhs->net_port && parser->report->net_port == SIZE_MAX) {
        parser->report->net_port = (size_t) (at - parser->start);
    }

    test->field = (uint8_t) lhs->field;

    return gateway_expression_name(parser, lhs, test);
}


static int
gateway_expression_ident(gateway_expression_parser_t *parser,
    gateway_str_t *ident)
{
    char         c, seen[GATEWAY_EXPRESSION_SHOWN * 2];
    const char  *p;

    p = parser->pos;

    if (p < parser->last) {

        c = gateway_router_lower(*p);

        if (c >= 'a' && c <= 'z') {

            while (p < parser->last && gateway_expression_is_word(*p)) {
                p++;
            }
        }
    }

    if (p == parser->pos) {
        gateway_expression_fail(parser, p, "expected a field as http.path, "
                                "\"(\" or \"!(\", this is %s",
                                gateway_expression_seen(parser, seen,
                                                        sizeof(seen)));
        return -1;
    }

    ident->data = parser->pos;
    ident->len = (size_t) (p - parser->pos);

    parser->pos = p;

    return 0;
}


/* headers are looked up in lower case */

static int
gateway_expression_name(gateway_expression_parser_t *parser,
    const gateway_expression_lhs_t *lhs, gateway_expression_test_t *test)
{
    char    *name;
    size_t   i;

    if (lhs->field == GATEWAY_FIELD_SEGMENTS) {
        test->of.segments.first = lhs->first;
        test->of.segments.last = lhs->last;
        return 0;
    }

    test->of.name = lhs->name;

    if (lhs->field != GATEWAY_FIELD_HEADER) {
        return 0;
    }

    name = parser->options->alloc(parser->options->data, lhs->name.len);
    if (name == NULL) {
        return -1;
    }

    for (i = 0; i < lhs->name.len; i++) {
        name[i] = gateway_router_lower(lhs->name.data[i]);
    }

    test->of.name.data = name;

    return 0;
}


static const gateway_expression_operator_t *
gateway_expression_operator(gateway_expression_parser_t *parser,
    const gateway_expression_lhs_t *lhs)
{
    char                                  seen[GATEWAY_EXPRESSION_SHOWN * 2];
    size_t                                len, left;
    const char                           *p;
    const gateway_expression_operator_t  *op;

    gateway_expression_skip(parser);

    p = parser->pos;
    left = (size_t) (parser->last - p);

    for (op = gateway_expression_operators; op->text; op++) {

        len = strlen(op->text);

        if (op->op == GATEWAY_OP_NOT_IN) {

            if (left < 6 || memcmp(p, "not", 3) != 0) {
                continue;
            }

            parser->pos += 3;
            gateway_expression_skip(parser);

            if (parser->pos > p + 3 && parser->last - parser->pos > 1
                && memcmp(parser->pos, "in", 2) == 0)
            {
                parser->pos += 2;
                break;
            }

            parser->pos = p;
            continue;
        }

        if (left >= len && memcmp(p, op->text, len) == 0) {
            parser->pos += len;
            break;
        }
    }

    if (op->text == NULL) {

        gateway_expression_fail(parser, p, "expected an operator ("
                                GATEWAY_EXPRESSION_OPERATORS "), this is %s",
                                gateway_expression_seen(parser, seen,
                                                        sizeof(seen)));
        return NULL;
    }

    if (op->fields & (1u << lhs->type)) {
        return op;
    }

    gateway_expression_fail(parser, p, "\"%s\" is for %s, this field is %s",
                            op->text,
                            op->fields == GATEWAY_FOR_INT ? "numbers"
                            : op->fields == GATEWAY_FOR_IP ? "addresses"
                            : "texts",
                            lhs->type == GATEWAY_TYPE_INT ? "a number"
                            : lhs->type == GATEWAY_TYPE_IP ? "an address"
                            : "a text");

    return NULL;
}


static int
gateway_expression_value(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs)
{
    int          rc;
    char         c, seen[GATEWAY_EXPRESSION_SHOWN * 2];
    const char  *p, *end;

    gateway_expression_skip(parser);

    p = parser->pos;
    rhs->at = p;

    if (p == parser->last) {
        gateway_expression_fail(parser, p, "expected a value at the end: a "
                                "text in double quotes, a number or an "
                                "address");
        return -1;
    }

    if (*p == '"') {
        return gateway_expression_string(parser, rhs);
    }

    if (parser->last - p > 2 && memcmp(p, "r#\"", 3) == 0) {
        return gateway_expression_raw(parser, rhs);
    }

    end = gateway_expression_scan_ip(p, parser->last);

    if (end != NULL) {
        rc = gateway_expression_ip(parser, rhs, end);

    } else if (*p == '-' || gateway_expression_is_digit(*p, 10)) {
        rc = gateway_expression_int(parser, rhs);

    } else {
        gateway_expression_fail(parser, p, "expected a value: a text in "
                                "double quotes, a number or an address, this "
                                "is %s",
                                gateway_expression_seen(parser, seen,
                                                        sizeof(seen)));
        return -1;
    }

    if (rc == -1 || parser->pos == parser->last) {
        return rc;
    }

    /* "10.0.0.1.2", "0x" and "80a" end in the middle */

    c = *parser->pos;

    if (gateway_expression_is_word(c) || c == ':' || c == '/') {
        gateway_expression_fail(parser, p, "malformed %s: unexpected \"%c\" "
                                "behind \"%.*s\"",
                                rhs->type == GATEWAY_TYPE_INT ? "number"
                                                              : "address", c,
                                (int) (parser->pos - p), p);
        return -1;
    }

    return 0;
}


static int
gateway_expression_string(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs)
{
    char        *dst;
    size_t       n;
    const char  *p, *found;

    static const char  from[] = "\"\\nrt";
    static const char  to[] = "\"\\\n\r\t";

    rhs->type = GATEWAY_TYPE_TEXT;
    rhs->text.data = parser->pos + 1;
    rhs->escaped = 0;

    n = 0;

    for (p = parser->pos + 1; p < parser->last && *p != '"'; p++, n++) {

        if (*p != '\\') {
            continue;
        }

        rhs->escaped = 1;
        p++;

        if (p == parser->last) {
            break;
        }

        if (*p == '\0' || strchr(from, *p) == NULL) {
            gateway_expression_fail(parser, p - 1, "unknown escape sequence, "
                                    "there are \\\" \\\\ \\n \\r \\t; raw "
                                    "texts r#\"...\"# need none");
            return -1;
        }
    }

    if (p == parser->last) {
        gateway_expression_fail(parser, parser->pos,
                                "this text has no end, \" is missing");
        return -1;
    }

    rhs->text.len = n;
    rhs->end = p + 1;

    if (!rhs->escaped) {
        parser->pos = rhs->end;
        return 0;
    }

    dst = parser->options->alloc(parser->options->data, n);
    if (dst == NULL) {
        return -1;
    }

    rhs->text.data = dst;

    for (p = parser->pos + 1; *p != '"'; p++) {

        if (*p == '\\') {
            found = strchr(from, *++p);
            *dst++ = found ? to[found - from] : *p;

        } else {
            *dst++ = *p;
        }
    }

    parser->pos = rhs->end;

    return 0;
}


static int
gateway_expression_raw(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs)
{
    const char  *p;

    rhs->type = GATEWAY_TYPE_TEXT;
    rhs->text.data = parser->pos + 3;

    for (p = rhs->text.data; parser->last - p > 1; p++) {

        if (p[0] == '"' && p[1] == '#') {
            rhs->text.len = (size_t) (p - rhs->text.data);
            rhs->end = p + 2;
            parser->pos = rhs->end;
            return 0;
        }
    }

    gateway_expression_fail(parser, parser->pos,
                            "this text has no end, \"# is missing");

    return -1;
}


/* the end of what looks like an address or a network, or NULL */

static const char *
gateway_expression_scan_ip(const char *p, const char *last)
{
    size_t       i, n;
    const char  *start, *colon;

    start = p;

    for (i = 0; i < 4; i++) {

        for (n = 0; n < 3 && p < last
                    && gateway_expression_is_digit(*p, 10); n++)
        {
            p++;
        }

        if (n == 0 || (i < 3 && (p == last || *p++ != '.'))) {
            break;
        }
    }

    if (i < 4) {

        /* IPv6 has a colon within its first five characters */

        p = start;
        colon = NULL;

        while (p < last && (*p == ':' || gateway_expression_is_digit(*p, 16)))
        {
            if (*p == ':' && colon == NULL) {
                colon = p;
            }

            p++;
        }

        if (colon == NULL || colon - start > 4
            || (colon == start && (p - start < 2 || start[1] != ':')))
        {
            return NULL;
        }
    }

    if (p < last && *p == '/') {

        p++;

        for (n = 0; n < 3 && p < last
                    && gateway_expression_is_digit(*p, 10); n++)
        {
            p++;
        }
    }

    return p;
}


static int
gateway_expression_ip(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs, const char *end)
{
    int                        net;
    size_t                     i, len;
    unsigned                   bits;
    unsigned char              c;
    gateway_expression_net_t  *value;

    value = &rhs->net;
    len = (size_t) (end - parser->pos);
    net = (memchr(parser->pos, '/', len) != NULL);

    if (gateway_address_parse(&value->address, &value->bits, parser->pos, len)
        == -1)
    {
        gateway_expression_fail(parser, parser->pos, "\"%.*s\" is no valid "
                                "%s", (int) (len < 64 ? len : 64),
                                parser->pos,
                                net ? "network" : "address");
        return -1;
    }

    for (i = 0; i < value->address.len; i++) {

        bits = (value->bits > i * 8) ? value->bits - (unsigned) i * 8 : 0;
        c = (unsigned char) (bits >= 8 ? 0 : 0xff >> bits);

        if (value->address.bytes[i] & c) {
            gateway_expression_fail(parser, parser->pos, "\"%.*s\" has bits "
                                    "set behind the first %u, which are "
                                    "those of the network", (int) len,
                                    parser->pos, value->bits);
            return -1;
        }
    }

    if (value->address.len == 16 && value->bits >= 96) {

        gateway_address_fold(&value->address);

        if (value->address.len == 4) {
            value->bits -= 96;
        }
    }

    rhs->type = net ? GATEWAY_TYPE_NET : GATEWAY_TYPE_IP;
    rhs->end = end;
    parser->pos = end;

    return 0;
}


/* "017" is octal, "018" is not: an "8" ends the octal number there, too */

static int
gateway_expression_int(gateway_expression_parser_t *parser,
    gateway_expression_rhs_t *rhs)
{
    int          base, minus, digit;
    int64_t      n;
    const char  *p;

    p = parser->pos;
    minus = (*p == '-');
    p += minus;

    base = 10;

    if (p == parser->last || !gateway_expression_is_digit(*p, 10)) {
        gateway_expression_fail(parser, parser->pos,
                                "expected a number behind \"-\"");
        return -1;
    }

    if (*p == '0' && parser->last - p > 1) {

        if (gateway_expression_is_digit(p[1], 8)) {
            base = 8;
            p++;

        } else if (p[1] == 'x' && parser->last - p > 2
                   && gateway_expression_is_digit(p[2], 16))
        {
            base = 16;
            p += 2;
        }
    }

    n = 0;

    for ( /* void */ ; p < parser->last
                       && gateway_expression_is_digit(*p, base); p++)
    {
        digit = (*p <= '9') ? *p - '0' : gateway_router_lower(*p) - 'a' + 10;

        if (n > (INT64_MAX - digit) / base) {
            gateway_expression_fail(parser, parser->pos, "this number does "
                                    "not fit into 64 bits");
            return -1;
        }

        n = n * base + digit;
    }

    rhs->type = GATEWAY_TYPE_INT;
    rhs->number = minus ? -n : n;
    rhs->end = p;
    parser->pos = p;

    return 0;
}


static int
gateway_expression_types(gateway_expression_parser_t *parser,
    const gateway_expression_lhs_t *lhs,
    const gateway_expression_operator_t *op,
    const gateway_expression_rhs_t *rhs)
{
    const char  *fix;

    static const char *const  names[] = {
        "a text", "a number", "an address", "a network"
    };

    fix = "";

    if (op->op == GATEWAY_OP_IN || op->op == GATEWAY_OP_NOT_IN) {

        if (rhs->type == GATEWAY_TYPE_NET) {
            return 0;
        }

        if (rhs->type == GATEWAY_TYPE_IP) {
            fix = ": append /32 or /128, or write \"==\" or \"!=\"";
        }

        gateway_expression_fail(parser, rhs->at, "\"%s\" needs a network as "
                                "10.0.0.0/8, this is %s%s", op->text,
                                names[rhs->type], fix);
        return -1;
    }

    if (lhs->type == rhs->type) {
        return 0;
    }

    if (lhs->type == GATEWAY_TYPE_TEXT) {
        fix = ": write it in double quotes";

    } else if (rhs->type == GATEWAY_TYPE_TEXT) {
        fix = ": write it without quotes";

    } else if (rhs->type == GATEWAY_TYPE_NET) {
        fix = ": write \"in\" or \"not in\"";
    }

    gateway_expression_fail(parser, rhs->at, "this is %s, but the field is "
                            "%s%s", names[rhs->type], names[lhs->type], fix);

    return -1;
}


static int
gateway_expression_regex(gateway_expression_parser_t *parser,
    gateway_expression_test_t *test, const gateway_expression_rhs_t *rhs)
{
    char         reason[160];
    size_t       offset, i;
    const char  *p;

    offset = 0;
    reason[0] = '\0';

    test->value.code = parser->options->regex(parser->options->data,
                                              &rhs->text, reason,
                                              sizeof(reason), &offset);
    if (test->value.code != NULL) {
        test->hit = parser->tree.nhits++;
        return 0;
    }

    if (reason[0] == '\0') {
        return -1;
    }

    /* the place in the text: an escape is two characters there */

    p = rhs->text.data;

    if (rhs->escaped) {

        p = rhs->at + 1;

        for (i = 0; i < offset && p < rhs->end - 1; i++) {
            p += (*p == '\\') ? 2 : 1;
        }

    } else {
        p += (offset < rhs->text.len) ? offset : rhs->text.len;
    }

    gateway_expression_fail(parser, p, "invalid regex: %s", reason);

    return -1;
}


/* where it is not to be had, the index does without */

static void
gateway_expression_literal(gateway_expression_parser_t *parser,
    const gateway_expression_test_t *test,
    const gateway_expression_rhs_t *rhs)
{
    char           *data;
    gateway_str_t  *literal;

    if (test->field != GATEWAY_FIELD_PATH || rhs->text.len < 2
        || rhs->text.data[0] != '^')
    {
        return;
    }

    data = parser->options->alloc(parser->options->data, rhs->text.len);
    if (data == NULL) {
        return;
    }

    literal = &parser->tree.literals[parser->tree.ntests - 1];

    literal->data = data;
    literal->len = gateway_router_regex_literal(data, rhs->text.data + 1,
                                                rhs->text.len - 1);
}


static uint32_t
gateway_expression_node(gateway_expression_parser_t *parser,
    gateway_expression_kind_t kind, uint32_t first, uint32_t ntests)
{
    uint32_t                    room;
    gateway_expression_node_t  *nodes, *node;
    gateway_expression_tree_t  *tree;

    tree = &parser->tree;

    if (tree->nnodes == tree->room) {

        room = tree->room ? tree->room * 2 : 16;

        nodes = gateway_router_heap_grow(tree->nodes, tree->nnodes, room,
                                         sizeof(gateway_expression_node_t));
        if (nodes == NULL) {
            return GATEWAY_EXPRESSION_NONE;
        }

        tree->nodes = nodes;
        tree->room = room;
    }

    node = &tree->nodes[tree->nnodes];

    node->kind = kind;
    node->first = first;
    node->next = GATEWAY_EXPRESSION_NONE;
    node->ntests = ntests;

    return tree->nnodes++;
}


static uint32_t
gateway_expression_add(gateway_expression_parser_t *parser,
    const gateway_expression_test_t *test)
{
    uint32_t                    room;
    gateway_str_t              *literals;
    gateway_expression_test_t  *tests;
    gateway_expression_tree_t  *tree;

    tree = &parser->tree;

    if (tree->ntests == GATEWAY_EXPRESSION_MAX_TESTS) {
        gateway_expression_fail(parser, parser->pos, "more than %d tests in "
                                "one expression",
                                GATEWAY_EXPRESSION_MAX_TESTS);
        return GATEWAY_EXPRESSION_NONE;
    }

    if (tree->ntests == tree->test_room) {

        room = tree->test_room ? tree->test_room * 2 : 8;

        tests = gateway_router_heap_grow(tree->tests, tree->ntests, room,
                                         sizeof(gateway_expression_test_t));
        if (tests == NULL) {
            return GATEWAY_EXPRESSION_NONE;
        }

        tree->tests = tests;

        literals = gateway_router_heap_grow(tree->literals, tree->ntests,
                                            room, sizeof(gateway_str_t));
        if (literals == NULL) {
            return GATEWAY_EXPRESSION_NONE;
        }

        tree->literals = literals;
        tree->test_room = room;
    }

    tree->tests[tree->ntests] = *test;

    return tree->ntests++;
}


static void
gateway_expression_skip(gateway_expression_parser_t *parser)
{
    while (parser->pos < parser->last
           && (*parser->pos == ' ' || *parser->pos == '\t'
               || *parser->pos == '\r' || *parser->pos == '\n'))
    {
        parser->pos++;
    }
}


static int
gateway_expression_is_digit(char c, int base)
{
    if (base == 16) {

        if (gateway_router_lower(c) >= 'a' && gateway_router_lower(c) <= 'f')
        {
            return 1;
        }

        base = 10;
    }

    return c >= '0' && c < '0' + base;
}


/* what stands at the position, for messages: a word or one character */

static const char *
gateway_expression_seen(gateway_expression_parser_t *parser, char *buf,
    size_t len)
{
    int          word;
    size_t       n, i;
    const char  *p;

    static const struct {
        const char  *text;
        const char  *hint;
    }  hints[] = {
        { "=", ", equality is \"==\"" },
        { "&", ", \"and\" is \"&&\"" },
        { "|", ", \"or\" is \"||\"" },
        { "'", ", texts stand in double quotes" },
        { "and", ", \"and\" is \"&&\"" },
        { "or", ", \"or\" is \"||\"" },
        { "not", ", \"not\" is \"!(\"" }
    };

    p = parser->pos;

    if (p == parser->last) {
        return "the end";
    }

    if ((unsigned char) *p < ' ' || *p == 0x7f) {
        return "a control character";
    }

    word = gateway_expression_is_word(*p);

    for (n = 1; n < GATEWAY_EXPRESSION_SHOWN && p + n < parser->last; n++) {
        if (word ? !gateway_expression_is_word(p[n])
                 : ((unsigned char) p[n] & 0xc0) != 0x80)
        {
            break;
        }
    }

    for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strlen(hints[i].text) == n && memcmp(hints[i].text, p, n) == 0) {
            break;
        }
    }

    (void) snprintf(buf, len, "\"%.*s\"%s", (int) n, p,
                    i < sizeof(hints) / sizeof(hints[0]) ? hints[i].hint
                                                         : "");

    return buf;
}


static int
gateway_expression_is_word(char c)
{
    char  lower;

    lower = gateway_router_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9')
           || c == '_' || c == '.';
}


/* the first error counts */

static void
gateway_expression_fail(gateway_expression_parser_t *parser, const char *at,
    const char *fmt, ...)
{
    va_list  args;

    if (parser->failed) {
        return;
    }

    parser->failed = 1;
    parser->report->at = (size_t) (at - parser->start);

    va_start(args, fmt);
    (void) vsnprintf(parser->report->message, sizeof(parser->report->message),
                     fmt, args);
    va_end(args);
}


static gateway_expression_t *
gateway_expression_link(gateway_expression_parser_t *parser,
    const gateway_str_t *text, uint32_t root)
{
    size_t                      size;
    gateway_expression_t       *expression;
    gateway_expression_tree_t  *tree;

    tree = &parser->tree;

    gateway_expression_targets(parser, root, 0, GATEWAY_EXPRESSION_YES,
                               GATEWAY_EXPRESSION_NO);

    size = tree->ntests * sizeof(gateway_expression_test_t);

    expression = parser->options->alloc(parser->options->data,
                                        sizeof(gateway_expression_t));
    if (expression == NULL) {
        return NULL;
    }

    memset(expression, 0, sizeof(gateway_expression_t));

    expression->tests = parser->options->alloc(parser->options->data, size);
    if (expression->tests == NULL) {
        return NULL;
    }

    memcpy(expression->tests, tree->tests, size);

    expression->ntests = tree->ntests;
    expression->nhits = tree->nhits;
    expression->text = *text;

    if (gateway_expression_take_keys(parser, root, GATEWAY_FIELD_HOST,
                                     &expression->hosts, &expression->nhosts)
        == -1
        || gateway_expression_take_keys(parser, root, GATEWAY_FIELD_PATH,
                                        &expression->paths,
                                        &expression->npaths)
           == -1)
    {
        return NULL;
    }

    /* each path in the tree of each host: a part of both is enough */

    if (expression->nhosts * expression->npaths
        > GATEWAY_EXPRESSION_MAX_KEYS)
    {
        expression->npaths = 0;
    }

    return expression;
}


/* the tests of node, first being the number of its first */

static void
gateway_expression_targets(gateway_expression_parser_t *parser, uint32_t node,
    uint32_t first, uint32_t yes, uint32_t no)
{
    uint32_t                          child, after;
    gateway_expression_test_t        *test;
    const gateway_expression_node_t  *n;

    n = &parser->tree.nodes[node];

    if (n->kind == GATEWAY_NODE_TEST) {
        test = &parser->tree.tests[n->first];
        test->yes = yes;
        test->no = no;
        return;
    }

    if (n->kind == GATEWAY_NODE_NOT) {
        gateway_expression_targets(parser, n->first, first, no, yes);
        return;
    }

    for (child = n->first; child != GATEWAY_EXPRESSION_NONE;
         child = parser->tree.nodes[child].next)
    {
        after = first + parser->tree.nodes[child].ntests;

        if (parser->tree.nodes[child].next == GATEWAY_EXPRESSION_NONE) {
            gateway_expression_targets(parser, child, first, yes, no);

        } else if (n->kind == GATEWAY_NODE_AND) {
            gateway_expression_targets(parser, child, first, after, no);

        } else {
            gateway_expression_targets(parser, child, first, yes, after);
        }

        first = after;
    }
}


static int
gateway_expression_take_keys(gateway_expression_parser_t *parser,
    uint32_t root, gateway_expression_field_t field,
    gateway_expression_key_t **keys, size_t *n)
{
    gateway_expression_key_t  *found;

    found = gateway_expression_keys(&parser->tree, root, field, n);

    if (found == NULL) {
        *n = 0;
        return 0;
    }

    *keys = parser->options->alloc(parser->options->data,
                                   *n * sizeof(gateway_expression_key_t));
    if (*keys == NULL) {
        gateway_router_heap_free(found);
        return -1;
    }

    memcpy(*keys, found, *n * sizeof(gateway_expression_key_t));

    gateway_router_heap_free(found);

    return 0;
}
