
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Parser and interpreter of the expressions in templates.  A text becomes a
 * list of pieces, an expression a tree of bounded depth; rendering costs a
 * lookup per variable and one copy of the result.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway_template.h"


/* nesting of parentheses and operators */
#define GATEWAY_TEMPLATE_DEPTH   32

/* digits of a number in the text */
#define GATEWAY_TEMPLATE_DIGITS  64

/* what a number takes as text */
#define GATEWAY_TEMPLATE_NUMLEN  32


typedef enum {
    GATEWAY_NODE_CONST = 0,
    GATEWAY_NODE_VARIABLE,
    GATEWAY_NODE_OR,
    GATEWAY_NODE_AND,
    GATEWAY_NODE_CONCAT,
    GATEWAY_NODE_ADD,
    GATEWAY_NODE_SUB,
    GATEWAY_NODE_MUL,
    GATEWAY_NODE_DIV,
    GATEWAY_NODE_MINUS,
    GATEWAY_NODE_UPPER,
    GATEWAY_NODE_LOWER,
    GATEWAY_NODE_TYPE
} gateway_node_kind_t;


typedef struct gateway_node_s  gateway_node_t;

struct gateway_node_s {
    gateway_node_kind_t         kind;
    gateway_template_source_t   source;
    gateway_template_value_t    value;     /* CONST; name of VARIABLE */
    gateway_node_t             *left;
    gateway_node_t             *right;
};


typedef struct gateway_piece_s  gateway_piece_t;

struct gateway_piece_s {
    gateway_str_t               text;      /* if there is no node */
    gateway_node_t             *node;
    gateway_piece_t            *next;
};


struct gateway_template_s {
    gateway_piece_t            *pieces;
    size_t                      npieces;
    int                         plain;
};


typedef struct {
    const char                 *start;     /* of the expression, for errors */
    const char                 *p;
    const char                 *last;
    void                     *(*alloc)(void *data, size_t size);
    void                       *data;
    char                       *err;
    size_t                      errlen;
    int                         failed;
    unsigned                    depth;
} gateway_parser_t;


static gateway_node_t *gateway_parse_or(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_and(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_concat(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_sum(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_product(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_unary(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_postfix(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_primary(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_name(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_variable(gateway_parser_t *parser,
    const gateway_str_t *name);
static gateway_node_t *gateway_parse_string(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_number(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_fail(gateway_parser_t *parser,
    const char *what);
static gateway_node_t *gateway_parse_node(gateway_parser_t *parser,
    gateway_node_kind_t kind, gateway_node_t *left, gateway_node_t *right);
static void gateway_parse_blanks(gateway_parser_t *parser);
static int gateway_parse_take(gateway_parser_t *parser, const char *what);
static int gateway_parse_word(gateway_parser_t *parser, gateway_str_t *word);
static int gateway_is_word(char c);
static int gateway_str_is(const gateway_str_t *s, const char *text);

static int gateway_eval(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *value,
    const char **reason);
static int gateway_eval_number(const gateway_template_value_t *value,
    double *number, const char **reason);
static int gateway_eval_concat(const gateway_template_env_t *env,
    gateway_template_value_t *one, gateway_template_value_t *two,
    gateway_template_value_t *value, const char **reason);
static int gateway_eval_case(const gateway_template_env_t *env,
    gateway_node_kind_t kind, gateway_template_value_t *value,
    const char **reason);
static int gateway_eval_text(const gateway_template_env_t *env,
    gateway_template_value_t *value);
static void gateway_eval_type(gateway_template_value_t *value);


gateway_template_t *
gateway_template_compile(const gateway_str_t *text,
    void *(*alloc)(void *data, size_t size), void *data, char *err,
    size_t errlen)
{
    const char          *p, *last;
    gateway_parser_t     parser;
    gateway_piece_t    **next, *piece;
    gateway_template_t  *template;

    memset(&parser, 0, sizeof(parser));

    parser.alloc = alloc;
    parser.data = data;
    parser.err = err;
    parser.errlen = errlen;

    template = alloc(data, sizeof(gateway_template_t));
    if (template == NULL) {
        (void) snprintf(err, errlen, "out of memory");
        return NULL;
    }

    template->pieces = NULL;
    template->npieces = 0;
    template->plain = 1;

    next = &template->pieces;
    p = text->data;
    last = p + text->len;

    while (p < last) {

        piece = alloc(data, sizeof(gateway_piece_t));
        if (piece == NULL) {
            (void) snprintf(err, errlen, "out of memory");
            return NULL;
        }

        memset(piece, 0, sizeof(gateway_piece_t));

        *next = piece;
        next = &piece->next;
        template->npieces++;

        if (last - p >= 2 && p[0] == '$' && p[1] == '(') {

            parser.start = p;
            parser.p = p + 2;
            parser.last = last;
            template->plain = 0;

            piece->node = gateway_parse_or(&parser);
            if (piece->node == NULL) {
                return NULL;
            }

            if (!gateway_parse_take(&parser, ")")) {
                (void) gateway_parse_fail(&parser, "is not supported");
                return NULL;
            }

            p = parser.p;
            continue;
        }

        piece->text.data = p;

        do {
            p++;
        } while (p < last && !(last - p >= 2 && p[0] == '$' && p[1] == '('));

        piece->text.len = (size_t) (p - piece->text.data);
    }

    return template;
}


int
gateway_template_is_plain(const gateway_template_t *template)
{
    return template->plain;
}


int
gateway_template_render(const gateway_template_t *template,
    const gateway_template_env_t *env, gateway_str_t *out,
    const char **reason)
{
    int                        rc;
    char                      *p;
    size_t                     len, i;
    const gateway_piece_t     *piece;
    gateway_template_value_t   value;
    gateway_str_t             *texts;

    *reason = "";

    texts = env->alloc(env->data, (template->npieces + 1)
                                  * sizeof(gateway_str_t));
    if (texts == NULL) {
        return -1;
    }

    len = 0;
    i = 0;

    for (piece = template->pieces; piece; piece = piece->next) {

        if (piece->node == NULL) {
            texts[i] = piece->text;
            len += texts[i++].len;
            continue;
        }

        rc = gateway_eval(piece->node, env, &value, reason);
        if (rc != 1) {
            return rc;
        }

        if (value.type == GATEWAY_TEMPLATE_NIL
            || value.type == GATEWAY_TEMPLATE_FALSE)
        {
            texts[i].data = "";
            texts[i++].len = 0;
            continue;
        }

        if (gateway_eval_text(env, &value) != 1) {
            return -1;
        }

        texts[i] = value.text;
        len += texts[i++].len;
    }

    p = env->alloc(env->data, len + 1);
    if (p == NULL) {
        return -1;
    }

    out->data = p;
    out->len = len;

    for (i = 0; i < template->npieces; i++) {
        if (texts[i].len) {
            memcpy(p, texts[i].data, texts[i].len);
            p += texts[i].len;
        }
    }

    return 1;
}


int
gateway_pair_split(const gateway_str_t *pair, gateway_str_t *name,
    gateway_str_t *value)
{
    size_t  i;

    for (i = 0; i < pair->len && pair->data[i] != ':'; i++) { /* void */ }

    name->data = pair->data;
    name->len = i;

    while (i < pair->len && pair->data[i] == ':') {
        i++;
    }

    value->data = pair->data + i;
    value->len = pair->len - i;

    return name->len > 0;
}


int
gateway_is_header_name(const gateway_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (!gateway_is_word(name->data[i]) && name->data[i] != '-') {
            return 0;
        }
    }

    return name->len > 0;
}


int
gateway_is_header_value(const gateway_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] == '\0' || value->data[i] == '\r'
            || value->data[i] == '\n')
        {
            return 0;
        }
    }

    return 1;
}


int
gateway_is_framing_header(const gateway_str_t *name)
{
    return (name->len == 14
            && strncasecmp(name->data, "content-length", 14) == 0)
           || (name->len == 17
               && strncasecmp(name->data, "transfer-encoding", 17) == 0);
}


static gateway_node_t *
gateway_parse_or(gateway_parser_t *parser)
{
    gateway_node_t  *node;

    if (++parser->depth > GATEWAY_TEMPLATE_DEPTH) {
        return gateway_parse_fail(parser, "is nested too deeply");
    }

    node = gateway_parse_and(parser);

    while (node && gateway_parse_take(parser, "or")) {
        node = gateway_parse_node(parser, GATEWAY_NODE_OR, node,
                                  gateway_parse_and(parser));
    }

    parser->depth--;

    return node;
}


static gateway_node_t *
gateway_parse_and(gateway_parser_t *parser)
{
    gateway_node_t  *node;

    node = gateway_parse_concat(parser);

    while (node && gateway_parse_take(parser, "and")) {
        node = gateway_parse_node(parser, GATEWAY_NODE_AND, node,
                                  gateway_parse_concat(parser));
    }

    return node;
}


/* ".." is associative, so the side does not matter */

static gateway_node_t *
gateway_parse_concat(gateway_parser_t *parser)
{
    gateway_node_t  *node;

    node = gateway_parse_sum(parser);

    while (node && gateway_parse_take(parser, "..")) {
        node = gateway_parse_node(parser, GATEWAY_NODE_CONCAT, node,
                                  gateway_parse_sum(parser));
    }

    return node;
}


static gateway_node_t *
gateway_parse_sum(gateway_parser_t *parser)
{
    gateway_node_t       *node;
    gateway_node_kind_t   kind;

    node = gateway_parse_product(parser);

    while (node) {

        if (gateway_parse_take(parser, "+")) {
            kind = GATEWAY_NODE_ADD;

        } else if (gateway_parse_take(parser, "-")) {
            kind = GATEWAY_NODE_SUB;

        } else {
            break;
        }

        node = gateway_parse_node(parser, kind, node,
                                  gateway_parse_product(parser));
    }

    return node;
}


static gateway_node_t *
gateway_parse_product(gateway_parser_t *parser)
{
    gateway_node_t       *node;
    gateway_node_kind_t   kind;

    node = gateway_parse_unary(parser);

    while (node) {

        if (gateway_parse_take(parser, "*")) {
            kind = GATEWAY_NODE_MUL;

        } else if (gateway_parse_take(parser, "/")) {
            kind = GATEWAY_NODE_DIV;

        } else {
            break;
        }

        node = gateway_parse_node(parser, kind, node,
                                  gateway_parse_unary(parser));
    }

    return node;
}


static gateway_node_t *
gateway_parse_unary(gateway_parser_t *parser)
{
    gateway_node_t  *node;

    if (!gateway_parse_take(parser, "-")) {
        return gateway_parse_postfix(parser);
    }

    if (++parser->depth > GATEWAY_TEMPLATE_DEPTH) {
        return gateway_parse_fail(parser, "is nested too deeply");
    }

    node = gateway_parse_unary(parser);
    parser->depth--;

    return node ? gateway_parse_node(parser, GATEWAY_NODE_MINUS, node, node)
                : NULL;
}


static gateway_node_t *
gateway_parse_postfix(gateway_parser_t *parser)
{
    unsigned              n;
    gateway_str_t         word;
    gateway_node_t       *node;
    gateway_node_kind_t   kind;

    node = gateway_parse_primary(parser);

    for (n = 0; node && gateway_parse_take(parser, ":"); n++) {

        if (n == GATEWAY_TEMPLATE_DEPTH) {
            return gateway_parse_fail(parser, "is nested too deeply");
        }

        if (!gateway_parse_word(parser, &word)) {
            return gateway_parse_fail(parser, "lacks a name after \":\"");
        }

        if (gateway_str_is(&word, "upper")) {
            kind = GATEWAY_NODE_UPPER;

        } else if (gateway_str_is(&word, "lower")) {
            kind = GATEWAY_NODE_LOWER;

        } else {
            return gateway_parse_fail(parser, "calls another method than "
                                              "upper() or lower()");
        }

        if (!gateway_parse_take(parser, "(")
            || !gateway_parse_take(parser, ")"))
        {
            return gateway_parse_fail(parser, "lacks \"()\" after a method");
        }

        node = gateway_parse_node(parser, kind, node, node);
    }

    return node;
}


static gateway_node_t *
gateway_parse_primary(gateway_parser_t *parser)
{
    char             c;
    gateway_node_t  *node;

    gateway_parse_blanks(parser);

    if (parser->p == parser->last) {
        return gateway_parse_fail(parser, "is not closed");
    }

    c = *parser->p;

    if (c == '(') {
        parser->p++;

        node = gateway_parse_or(parser);

        if (node && !gateway_parse_take(parser, ")")) {
            return gateway_parse_fail(parser, "is not supported");
        }

        return node;
    }

    if (c == '"' || c == '\'') {
        return gateway_parse_string(parser);
    }

    if ((c >= '0' && c <= '9') || c == '.') {
        return gateway_parse_number(parser);
    }

    return gateway_parse_name(parser);
}


static gateway_node_t *
gateway_parse_name(gateway_parser_t *parser)
{
    gateway_str_t    word;
    gateway_node_t  *node;

    if (!gateway_parse_word(parser, &word)) {
        return gateway_parse_fail(parser, "is not supported");
    }

    if (gateway_str_is(&word, "type")) {

        if (!gateway_parse_take(parser, "(")) {
            return gateway_parse_fail(parser, "lacks \"(\" after \"type\"");
        }

        node = gateway_parse_or(parser);

        if (node && !gateway_parse_take(parser, ")")) {
            return gateway_parse_fail(parser, "is not supported");
        }

        return node ? gateway_parse_node(parser, GATEWAY_NODE_TYPE, node,
                                         node)
                    : NULL;
    }

    if (gateway_str_is(&word, "headers")
        || gateway_str_is(&word, "query_params")
        || gateway_str_is(&word, "uri_captures"))
    {
        return gateway_parse_variable(parser, &word);
    }

    if (gateway_str_is(&word, "shared")) {
        return gateway_parse_fail(parser, "uses \"shared\", which is not "
                                          "implemented yet");
    }

    node = gateway_parse_node(parser, GATEWAY_NODE_CONST, NULL, NULL);
    if (node == NULL) {
        return NULL;
    }

    if (gateway_str_is(&word, "nil")) {
        node->value.type = GATEWAY_TEMPLATE_NIL;

    } else if (gateway_str_is(&word, "true")) {
        node->value.type = GATEWAY_TEMPLATE_TRUE;

    } else if (gateway_str_is(&word, "false")) {
        node->value.type = GATEWAY_TEMPLATE_FALSE;

    } else {
        return gateway_parse_fail(parser, "uses a name other than headers, "
                                          "query_params, uri_captures and "
                                          "type");
    }

    return node;
}


/* what follows: ".name", ["name"] or [1] */

static gateway_node_t *
gateway_parse_variable(gateway_parser_t *parser, const gateway_str_t *name)
{
    char            *p;
    size_t           i;
    gateway_str_t    key;
    gateway_node_t  *node, *index;

    if (gateway_parse_take(parser, "[")) {

        gateway_parse_blanks(parser);

        if (parser->p < parser->last
            && (*parser->p == '"' || *parser->p == '\''))
        {
            index = gateway_parse_string(parser);

            if (index == NULL) {
                return NULL;
            }

            key = index->value.text;

        } else {
            key.data = parser->p;

            while (parser->p < parser->last
                   && *parser->p >= '0' && *parser->p <= '9')
            {
                parser->p++;
            }

            key.len = (size_t) (parser->p - key.data);
        }

        if (key.len == 0 || !gateway_parse_take(parser, "]")) {
            return gateway_parse_fail(parser, "has an index that is neither "
                                              "a text nor a whole number");
        }

    } else if (!gateway_parse_take(parser, ".")
               || !gateway_parse_word(parser, &key))
    {
        return gateway_parse_fail(parser, "lacks \".name\" or \"[...]\" "
                                          "after a variable");
    }

    node = gateway_parse_node(parser, GATEWAY_NODE_VARIABLE, NULL, NULL);
    if (node == NULL) {
        return NULL;
    }

    node->value.text = key;

    if (gateway_str_is(name, "query_params")) {
        node->source = GATEWAY_TEMPLATE_QUERY;
        return node;
    }

    if (gateway_str_is(name, "uri_captures")) {
        node->source = GATEWAY_TEMPLATE_CAPTURES;
        return node;
    }

    /* header names are told by their lower case */

    p = parser->alloc(parser->data, key.len);
    if (p == NULL) {
        return gateway_parse_fail(parser, "needs more memory");
    }

    for (i = 0; i < key.len; i++) {
        p[i] = (key.data[i] >= 'A' && key.data[i] <= 'Z')
               ? (char) (key.data[i] | 0x20) : key.data[i];
    }

    node->source = GATEWAY_TEMPLATE_HEADERS;
    node->value.text.data = p;

    return node;
}


static gateway_node_t *
gateway_parse_string(gateway_parser_t *parser)
{
    char             quote, *text;
    size_t           len;
    const char      *p;
    gateway_node_t  *node;

    quote = *parser->p++;

    for (p = parser->p; p < parser->last && *p != quote; p++) {

        if (*p == '\\' && parser->last - p > 1) {
            p++;
        }
    }

    if (p >= parser->last) {
        return gateway_parse_fail(parser, "has a text that is not closed");
    }

    text = parser->alloc(parser->data, (size_t) (p - parser->p) + 1);
    node = gateway_parse_node(parser, GATEWAY_NODE_CONST, NULL, NULL);

    if (text == NULL || node == NULL) {
        return gateway_parse_fail(parser, "needs more memory");
    }

    for (len = 0; parser->p < p; parser->p++) {

        if (*parser->p != '\\') {
            text[len++] = *parser->p;
            continue;
        }

        parser->p++;

        if (strchr("\\\"'", *parser->p) == NULL || *parser->p == '\0') {
            return gateway_parse_fail(parser, "has an escape other than "
                                              "\\\\, \\\" and \\'");
        }

        text[len++] = *parser->p;
    }

    parser->p++;

    node->value.type = GATEWAY_TEMPLATE_STRING;
    node->value.text.data = text;
    node->value.text.len = len;

    return node;
}


static gateway_node_t *
gateway_parse_number(gateway_parser_t *parser)
{
    char             digits[GATEWAY_TEMPLATE_DIGITS], *end;
    size_t           len;
    gateway_node_t  *node;

    for (len = 0;
         parser->p < parser->last && len < sizeof(digits) - 1
         && ((*parser->p >= '0' && *parser->p <= '9')
             || (*parser->p == '.'
                 && !(parser->last - parser->p > 1 && parser->p[1] == '.')));
         len++)
    {
        digits[len] = *parser->p++;
    }

    digits[len] = '\0';

    node = gateway_parse_node(parser, GATEWAY_NODE_CONST, NULL, NULL);
    if (node == NULL) {
        return NULL;
    }

    node->value.type = GATEWAY_TEMPLATE_NUMBER;
    node->value.number = strtod(digits, &end);

    if (len == 0 || *end != '\0'
        || (parser->p < parser->last && gateway_is_word(*parser->p)))
    {
        return gateway_parse_fail(parser, "has a malformed number");
    }

    return node;
}


/* the first failure is the one to tell; returns NULL */

static gateway_node_t *
gateway_parse_fail(gateway_parser_t *parser, const char *what)
{
    int  len;

    if (parser->failed) {
        return NULL;
    }

    parser->failed = 1;

    len = (parser->last - parser->start > 80)
          ? 80 : (int) (parser->last - parser->start);

    (void) snprintf(parser->err, parser->errlen,
                    "the expression at \"%.*s\" %s", len, parser->start,
                    what);

    return NULL;
}


static gateway_node_t *
gateway_parse_node(gateway_parser_t *parser, gateway_node_kind_t kind,
    gateway_node_t *left, gateway_node_t *right)
{
    gateway_node_t  *node;

    if (kind > GATEWAY_NODE_VARIABLE && (left == NULL || right == NULL)) {
        return NULL;
    }

    node = parser->alloc(parser->data, sizeof(gateway_node_t));
    if (node == NULL) {
        return gateway_parse_fail(parser, "needs more memory");
    }

    memset(node, 0, sizeof(gateway_node_t));

    node->kind = kind;
    node->left = left;
    node->right = right;

    return node;
}


static void
gateway_parse_blanks(gateway_parser_t *parser)
{
    while (parser->p < parser->last
           && (*parser->p == ' ' || *parser->p == '\t'
               || *parser->p == '\n'))
    {
        parser->p++;
    }
}


/* takes a sign or a word if it comes next */

static int
gateway_parse_take(gateway_parser_t *parser, const char *what)
{
    size_t  len;

    gateway_parse_blanks(parser);

    len = strlen(what);

    if ((size_t) (parser->last - parser->p) < len
        || memcmp(parser->p, what, len) != 0)
    {
        return 0;
    }

    if (gateway_is_word(what[0])
        && (size_t) (parser->last - parser->p) > len
        && gateway_is_word(parser->p[len]))
    {
        return 0;
    }

    parser->p += len;

    return 1;
}


static int
gateway_parse_word(gateway_parser_t *parser, gateway_str_t *word)
{
    gateway_parse_blanks(parser);

    word->data = parser->p;

    if (parser->p < parser->last
        && *parser->p >= '0' && *parser->p <= '9')
    {
        return 0;
    }

    while (parser->p < parser->last && gateway_is_word(*parser->p)) {
        parser->p++;
    }

    word->len = (size_t) (parser->p - word->data);

    return word->len > 0;
}


static int
gateway_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
}


static int
gateway_str_is(const gateway_str_t *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}


/* the same returns as gateway_template_render() */

static int
gateway_eval(const gateway_node_t *node, const gateway_template_env_t *env,
    gateway_template_value_t *value, const char **reason)
{
    int                        rc;
    double                     a, b;
    gateway_template_value_t   right;

    if (node->kind == GATEWAY_NODE_CONST) {
        *value = node->value;
        return 1;
    }

    if (node->kind == GATEWAY_NODE_VARIABLE) {
        memset(value, 0, sizeof(gateway_template_value_t));

        return env->get(env->data, node->source, &node->value.text, value)
               == 0 ? 1 : -1;
    }

    rc = gateway_eval(node->left, env, value, reason);
    if (rc != 1) {
        return rc;
    }

    switch (node->kind) {

    case GATEWAY_NODE_OR:
    case GATEWAY_NODE_AND:

        if ((value->type > GATEWAY_TEMPLATE_FALSE)
            == (node->kind == GATEWAY_NODE_OR))
        {
            return 1;
        }

        return gateway_eval(node->right, env, value, reason);

    case GATEWAY_NODE_TYPE:
        gateway_eval_type(value);
        return 1;

    case GATEWAY_NODE_UPPER:
    case GATEWAY_NODE_LOWER:
        return gateway_eval_case(env, node->kind, value, reason);

    case GATEWAY_NODE_MINUS:

        if (!gateway_eval_number(value, &a, reason)) {
            return 0;
        }

        value->type = GATEWAY_TEMPLATE_NUMBER;
        value->number = -a;
        return 1;

    case GATEWAY_NODE_CONST:
    case GATEWAY_NODE_VARIABLE:
    case GATEWAY_NODE_CONCAT:
    case GATEWAY_NODE_ADD:
    case GATEWAY_NODE_SUB:
    case GATEWAY_NODE_MUL:
    case GATEWAY_NODE_DIV:
        break;
    }

    rc = gateway_eval(node->right, env, &right, reason);
    if (rc != 1) {
        return rc;
    }

    if (node->kind == GATEWAY_NODE_CONCAT) {
        return gateway_eval_concat(env, value, &right, value, reason);
    }

    if (!gateway_eval_number(value, &a, reason)
        || !gateway_eval_number(&right, &b, reason))
    {
        return 0;
    }

    value->type = GATEWAY_TEMPLATE_NUMBER;

    if (node->kind == GATEWAY_NODE_DIV && !(b < 0 || b > 0)) {

        /* what Lua writes as "inf" or "nan" helps nobody */

        *reason = "division by zero";
        return 0;
    }

    value->number = (node->kind == GATEWAY_NODE_ADD) ? a + b
                    : (node->kind == GATEWAY_NODE_SUB) ? a - b
                      : (node->kind == GATEWAY_NODE_MUL) ? a * b : a / b;

    return 1;
}


/* texts that are numbers count as such */

static int
gateway_eval_number(const gateway_template_value_t *value, double *number,
    const char **reason)
{
    char    digits[GATEWAY_TEMPLATE_DIGITS], *end;
    size_t  i;

    if (value->type == GATEWAY_TEMPLATE_NUMBER) {
        *number = value->number;
        return 1;
    }

    *reason = "arithmetic on a value that is no number";

    if (value->type != GATEWAY_TEMPLATE_STRING
        || value->text.len == 0 || value->text.len >= sizeof(digits))
    {
        return 0;
    }

    for (i = 0; i < value->text.len; i++) {
        digits[i] = value->text.data[i];

        /* neither "inf" nor "nan" */

        if (strchr("0123456789.+-eE ", digits[i]) == NULL
            || digits[i] == '\0')
        {
            return 0;
        }
    }

    digits[i] = '\0';

    *number = strtod(digits, &end);

    if (end == digits) {
        return 0;
    }

    while (*end == ' ') {
        end++;
    }

    return *end == '\0';
}


static int
gateway_eval_concat(const gateway_template_env_t *env,
    gateway_template_value_t *one, gateway_template_value_t *two,
    gateway_template_value_t *value, const char **reason)
{
    char  *p;

    if (one->type < GATEWAY_TEMPLATE_NUMBER
        || two->type < GATEWAY_TEMPLATE_NUMBER
        || one->type == GATEWAY_TEMPLATE_LIST
        || two->type == GATEWAY_TEMPLATE_LIST)
    {
        *reason = "\"..\" with a value that is neither text nor number";
        return 0;
    }

    if (gateway_eval_text(env, one) != 1 || gateway_eval_text(env, two) != 1) {
        return -1;
    }

    p = env->alloc(env->data, one->text.len + two->text.len + 1);
    if (p == NULL) {
        return -1;
    }

    if (one->text.len) {
        memcpy(p, one->text.data, one->text.len);
    }

    if (two->text.len) {
        memcpy(p + one->text.len, two->text.data, two->text.len);
    }

    value->type = GATEWAY_TEMPLATE_STRING;
    value->text.data = p;
    value->text.len = one->text.len + two->text.len;

    return 1;
}


static int
gateway_eval_case(const gateway_template_env_t *env,
    gateway_node_kind_t kind, gateway_template_value_t *value,
    const char **reason)
{
    char    *p, c;
    size_t   i;

    if (value->type != GATEWAY_TEMPLATE_STRING) {
        *reason = "a method of a value that is no text";
        return 0;
    }

    p = env->alloc(env->data, value->text.len + 1);
    if (p == NULL) {
        return -1;
    }

    for (i = 0; i < value->text.len; i++) {
        c = value->text.data[i];

        if (kind == GATEWAY_NODE_UPPER && c >= 'a' && c <= 'z') {
            c = (char) (c - 'a' + 'A');

        } else if (kind == GATEWAY_NODE_LOWER && c >= 'A' && c <= 'Z') {
            c = (char) (c - 'A' + 'a');
        }

        p[i] = c;
    }

    value->text.data = p;

    return 1;
}


/* the text of anything but nil and false */

static int
gateway_eval_text(const gateway_template_env_t *env,
    gateway_template_value_t *value)
{
    int    n;
    char  *p;

    if (value->type == GATEWAY_TEMPLATE_TRUE) {
        value->text.data = "true";
        value->text.len = 4;

    } else if (value->type == GATEWAY_TEMPLATE_NUMBER) {

        p = env->alloc(env->data, GATEWAY_TEMPLATE_NUMLEN);
        if (p == NULL) {
            return -1;
        }

        n = snprintf(p, GATEWAY_TEMPLATE_NUMLEN, "%.14g", value->number);

        value->text.data = p;
        value->text.len = (size_t) n;
    }

    return 1;
}


static void
gateway_eval_type(gateway_template_value_t *value)
{
    static const char *const  names[] = {
        "nil", "boolean", "boolean", "number", "string", "table"
    };

    value->text.data = names[value->type];
    value->text.len = strlen(value->text.data);
    value->type = GATEWAY_TEMPLATE_STRING;
}
