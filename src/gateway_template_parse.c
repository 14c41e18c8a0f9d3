
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Parser of the expressions in templates: a tree of bounded depth.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_pattern.h"
#include "gateway_template_private.h"


typedef struct {
    const char                  *start;  /* of "$(", for errors */
    const char                  *at;     /* of the last word */
    const char                  *p;
    const char                  *last;
    gateway_template_options_t  *options;
    int                          failed;
    unsigned                     depth;
} gateway_parser_t;


/* binary operators of one precedence, which bind to the left */
typedef struct {
    const char                 *sign;
    gateway_node_kind_t         kind;
} gateway_operator_t;


static gateway_node_t *gateway_parse_level(gateway_parser_t *parser,
    unsigned level);
static gateway_node_t *gateway_parse_concat(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_unary(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_postfix(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_method(gateway_parser_t *parser,
    gateway_node_t *self);
static gateway_node_t *gateway_parse_call(gateway_parser_t *parser,
    const gateway_function_t *function, gateway_node_t *self);
static gateway_node_t *gateway_parse_primary(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_group(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_name(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_library(gateway_parser_t *parser,
    const gateway_str_t *library);
static gateway_node_t *gateway_parse_variable(gateway_parser_t *parser,
    gateway_template_source_t source);
static int gateway_parse_lower(gateway_parser_t *parser, gateway_str_t *s);
static gateway_node_t *gateway_parse_string(gateway_parser_t *parser);
static char gateway_parse_escape(gateway_parser_t *parser, const char **p,
    const char *last);
static gateway_node_t *gateway_parse_number(gateway_parser_t *parser);
static gateway_node_t *gateway_parse_fail(gateway_parser_t *parser,
    const char *what);
static gateway_node_t *gateway_parse_node(gateway_parser_t *parser,
    gateway_node_kind_t kind, gateway_node_t *left, gateway_node_t *right);
static gateway_node_t *gateway_parse_const(gateway_parser_t *parser,
    const gateway_str_t *text);
static const gateway_function_t *gateway_parse_function(
    const gateway_str_t *library, const gateway_str_t *name);
static void gateway_parse_blanks(gateway_parser_t *parser);
static int gateway_parse_take(gateway_parser_t *parser, const char *what);
static int gateway_parse_word(gateway_parser_t *parser, gateway_str_t *word);
static int gateway_parse_is_word(char c);
static int gateway_str_is(const gateway_str_t *s, const char *text);


static const gateway_operator_t  gateway_operators_or[] = {
    { "or", GATEWAY_NODE_OR },
    { NULL, GATEWAY_NODE_CONST }
};

static const gateway_operator_t  gateway_operators_and[] = {
    { "and", GATEWAY_NODE_AND },
    { NULL, GATEWAY_NODE_CONST }
};

static const gateway_operator_t  gateway_operators_compare[] = {
    { "==", GATEWAY_NODE_EQ },
    { "~=", GATEWAY_NODE_NE },
    { "<=", GATEWAY_NODE_LE },
    { ">=", GATEWAY_NODE_GE },
    { "<", GATEWAY_NODE_LT },
    { ">", GATEWAY_NODE_GT },
    { NULL, GATEWAY_NODE_CONST }
};

static const gateway_operator_t  gateway_operators_sum[] = {
    { "+", GATEWAY_NODE_ADD },
    { "-", GATEWAY_NODE_SUB },
    { NULL, GATEWAY_NODE_CONST }
};

static const gateway_operator_t  gateway_operators_product[] = {
    { "*", GATEWAY_NODE_MUL },
    { "/", GATEWAY_NODE_DIV },
    { "%", GATEWAY_NODE_MOD },
    { NULL, GATEWAY_NODE_CONST }
};

/* from the weakest on; NULL stands for "..", which binds to the right */
static const gateway_operator_t  *const gateway_levels[] = {
    gateway_operators_or,
    gateway_operators_and,
    gateway_operators_compare,
    NULL,
    gateway_operators_sum,
    gateway_operators_product
};

#define GATEWAY_LEVELS  (sizeof(gateway_levels) / sizeof(gateway_levels[0]))


gateway_node_t *
gateway_template_parse(const gateway_str_t *text, const char **p,
    gateway_template_options_t *options)
{
    gateway_node_t    *node;
    gateway_parser_t   parser;

    parser.start = *p;
    parser.at = *p + 2;
    parser.p = *p + 2;
    parser.last = text->data + text->len;
    parser.options = options;
    parser.failed = 0;
    parser.depth = 0;

    node = gateway_parse_level(&parser, 0);

    if (node && !gateway_parse_take(&parser, ")")) {
        parser.at = parser.p;
        return gateway_parse_fail(&parser, (parser.p == parser.last)
                                           ? "is not closed"
                                           : "is not supported");
    }

    *p = parser.p;

    return node;
}


static gateway_node_t *
gateway_parse_level(gateway_parser_t *parser, unsigned level)
{
    unsigned                   n;
    gateway_node_t            *node;
    const gateway_operator_t  *operator;

    if (level == GATEWAY_LEVELS) {
        return gateway_parse_unary(parser);
    }

    if (gateway_levels[level] == NULL) {
        return gateway_parse_concat(parser);
    }

    if (level == 0 && ++parser->depth > GATEWAY_TEMPLATE_DEPTH) {
        return gateway_parse_fail(parser, "is nested too deeply");
    }

    node = gateway_parse_level(parser, level + 1);

    for (n = 0; node; n++) {

        for (operator = gateway_levels[level];
             operator->sign && !gateway_parse_take(parser, operator->sign);
             operator++)
        {
            /* void */
        }

        if (operator->sign == NULL) {
            break;
        }

        if (n == GATEWAY_TEMPLATE_CHAIN) {
            return gateway_parse_fail(parser, "is too long");
        }

        node = gateway_parse_node(parser, operator->kind, node,
                                  gateway_parse_level(parser, level + 1));
    }

    if (level == 0) {
        parser->depth--;
    }

    return node;
}


/* ".." is associative, so the side does not matter */

static gateway_node_t *
gateway_parse_concat(gateway_parser_t *parser)
{
    unsigned         n;
    gateway_node_t  *node;

    node = gateway_parse_level(parser, 4);

    for (n = 0; node && gateway_parse_take(parser, ".."); n++) {

        if (n == GATEWAY_TEMPLATE_CHAIN) {
            return gateway_parse_fail(parser, "is too long");
        }

        node = gateway_parse_node(parser, GATEWAY_NODE_CONCAT, node,
                                  gateway_parse_level(parser, 4));
    }

    return node;
}


/* "^" is stronger than these on its left, and weaker on its right */

static gateway_node_t *
gateway_parse_unary(gateway_parser_t *parser)
{
    gateway_node_t       *node;
    gateway_node_kind_t   kind;

    if (gateway_parse_take(parser, "-")) {
        kind = GATEWAY_NODE_MINUS;

    } else if (gateway_parse_take(parser, "not")) {
        kind = GATEWAY_NODE_NOT;

    } else if (gateway_parse_take(parser, "#")) {
        kind = GATEWAY_NODE_LEN;

    } else {
        node = gateway_parse_postfix(parser);

        if (node == NULL || !gateway_parse_take(parser, "^")) {
            return node;
        }

        if (++parser->depth > GATEWAY_TEMPLATE_DEPTH) {
            return gateway_parse_fail(parser, "is nested too deeply");
        }

        node = gateway_parse_node(parser, GATEWAY_NODE_POW, node,
                                  gateway_parse_unary(parser));
        parser->depth--;

        return node;
    }

    if (++parser->depth > GATEWAY_TEMPLATE_DEPTH) {
        return gateway_parse_fail(parser, "is nested too deeply");
    }

    node = gateway_parse_unary(parser);
    parser->depth--;

    return gateway_parse_node(parser, kind, node, node);
}


/* an operand, then any number of ":method()" and "[index]" */

static gateway_node_t *
gateway_parse_postfix(gateway_parser_t *parser)
{
    unsigned         n;
    gateway_node_t  *node;

    node = gateway_parse_primary(parser);

    for (n = 0; node; n++) {

        if (n == GATEWAY_TEMPLATE_DEPTH) {
            return gateway_parse_fail(parser, "is too long");
        }

        if (gateway_parse_take(parser, ":")) {
            node = gateway_parse_method(parser, node);
            continue;
        }

        if (!gateway_parse_take(parser, "[")) {
            break;
        }

        node = gateway_parse_node(parser, GATEWAY_NODE_INDEX, node,
                                  gateway_parse_level(parser, 0));

        if (node && !gateway_parse_take(parser, "]")) {
            return gateway_parse_fail(parser, "lacks a \"]\"");
        }
    }

    return node;
}


static gateway_node_t *
gateway_parse_method(gateway_parser_t *parser, gateway_node_t *self)
{
    gateway_str_t              word;
    const gateway_function_t  *function;

    static const gateway_str_t  library = { "string", 6 };

    if (!gateway_parse_word(parser, &word)) {
        return gateway_parse_fail(parser, "lacks a name after \":\"");
    }

    function = gateway_parse_function(&library, &word);

    if (function == NULL) {
        return gateway_parse_fail(parser, "calls a method that strings do "
                                          "not have here");
    }

    return gateway_parse_call(parser, function, self);
}


/* "(arguments)"; self is the first of a method, or NULL */

static gateway_node_t *
gateway_parse_call(gateway_parser_t *parser,
    const gateway_function_t *function, gateway_node_t *self)
{
    size_t           n;
    const char      *failure;
    gateway_node_t  *node, *arg, *args[GATEWAY_TEMPLATE_ARGS];

    if (!gateway_parse_take(parser, "(")) {
        return gateway_parse_fail(parser, "lacks \"(\" after a function");
    }

    n = 0;

    if (self) {
        args[n++] = self;
    }

    if (!gateway_parse_take(parser, ")")) {

        do {
            if (n == function->max) {
                return gateway_parse_fail(parser, "has too many arguments");
            }

            arg = gateway_parse_level(parser, 0);

            if (arg == NULL) {
                return NULL;
            }

            args[n++] = arg;

        } while (gateway_parse_take(parser, ","));

        if (!gateway_parse_take(parser, ")")) {
            return gateway_parse_fail(parser, "lacks a \")\" after "
                                              "arguments");
        }
    }

    if (n < function->min) {
        return gateway_parse_fail(parser, "has too few arguments");
    }

    if (function->pattern && n > function->pattern
        && args[function->pattern]->kind == GATEWAY_NODE_CONST)
    {
        failure = gateway_pattern_check(
                                     &args[function->pattern]->value.text);
        if (failure) {
            (void) gateway_parse_fail(parser, NULL);
            (void) snprintf(parser->options->err, parser->options->errlen,
                            "the pattern '%.*s' %s",
                            (int) args[function->pattern]->value.text.len,
                            args[function->pattern]->value.text.data,
                            failure);
            return NULL;
        }
    }

    node = gateway_parse_node(parser, GATEWAY_NODE_CALL, NULL, NULL);

    if (node == NULL) {
        return NULL;
    }

    node->function = function;
    node->nargs = n;
    node->args = parser->options->alloc(parser->options->data,
                                        (n + 1) * sizeof(gateway_node_t *));

    if (node->args == NULL) {
        return gateway_parse_fail(parser, "needs more memory");
    }

    if (n) {
        memcpy(node->args, args, n * sizeof(gateway_node_t *));
    }

    return node;
}


static gateway_node_t *
gateway_parse_primary(gateway_parser_t *parser)
{
    char  c;

    gateway_parse_blanks(parser);

    parser->at = parser->p;

    if (parser->p == parser->last) {
        return gateway_parse_fail(parser, "is not closed");
    }

    c = *parser->p;

    if (c == '(') {
        parser->p++;
        return gateway_parse_group(parser);
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
gateway_parse_group(gateway_parser_t *parser)
{
    gateway_node_t  *node;

    node = gateway_parse_level(parser, 0);

    if (node && !gateway_parse_take(parser, ")")) {
        return gateway_parse_fail(parser, "is not supported");
    }

    return node;
}


static gateway_node_t *
gateway_parse_name(gateway_parser_t *parser)
{
    size_t                     i;
    gateway_str_t              word;
    gateway_node_t            *node;
    const gateway_function_t  *function;

    static const char *const  sources[] = {
        "headers", "query_params", "uri_captures", "shared"
    };

    static const gateway_str_t  none = { "", 0 };

    if (!gateway_parse_word(parser, &word)) {
        return gateway_parse_fail(parser, "is not supported");
    }

    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (gateway_str_is(&word, sources[i])) {
            return gateway_parse_variable(parser,
                                          (gateway_template_source_t) i);
        }
    }

    function = gateway_parse_function(&none, &word);

    if (function) {
        return gateway_parse_call(parser, function, NULL);
    }

    if (gateway_str_is(&word, "string") || gateway_str_is(&word, "math")
        || gateway_str_is(&word, "table"))
    {
        return gateway_parse_library(parser, &word);
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
                                          "query_params, uri_captures, "
                                          "shared and the functions that "
                                          "there are");
    }

    return node;
}


static gateway_node_t *
gateway_parse_library(gateway_parser_t *parser, const gateway_str_t *library)
{
    gateway_str_t              name;
    const gateway_function_t  *function;

    if (!gateway_parse_take(parser, ".")
        || !gateway_parse_word(parser, &name))
    {
        return gateway_parse_fail(parser, "lacks \".name\" after a library");
    }

    function = gateway_parse_function(library, &name);

    if (function == NULL) {
        return gateway_parse_fail(parser, "calls a function that is not "
                                          "supported");
    }

    return gateway_parse_call(parser, function, NULL);
}


/* what follows: ".name" or [index] */

static gateway_node_t *
gateway_parse_variable(gateway_parser_t *parser,
    gateway_template_source_t source)
{
    gateway_str_t    word;
    gateway_node_t  *key, *node;

    if (gateway_parse_take(parser, "[")) {

        key = gateway_parse_level(parser, 0);

        if (key == NULL) {
            return NULL;
        }

        if (!gateway_parse_take(parser, "]")) {
            return gateway_parse_fail(parser, "lacks a \"]\"");
        }

        if (key->kind == GATEWAY_NODE_CONST
            && key->value.type < GATEWAY_TEMPLATE_NUMBER)
        {
            return gateway_parse_fail(parser, "has an index that is neither "
                                              "a text nor a number");
        }

    } else if (gateway_parse_take(parser, ".")
               && gateway_parse_word(parser, &word))
    {
        key = gateway_parse_const(parser, &word);

        if (key == NULL) {
            return NULL;
        }

    } else {
        return gateway_parse_fail(parser, "lacks \".name\" or \"[...]\" "
                                          "after a variable");
    }

    /* header names are told by their lower case */

    if (source == GATEWAY_TEMPLATE_HEADERS
        && key->kind == GATEWAY_NODE_CONST
        && key->value.type == GATEWAY_TEMPLATE_STRING
        && !gateway_parse_lower(parser, &key->value.text))
    {
        return NULL;
    }

    node = gateway_parse_node(parser, GATEWAY_NODE_VARIABLE, key, key);

    if (node) {
        node->source = source;
        parser->options->sources |= 1U << source;
    }

    return node;
}


static int
gateway_parse_lower(gateway_parser_t *parser, gateway_str_t *s)
{
    char    *p;
    size_t   i;

    p = parser->options->alloc(parser->options->data, s->len + 1);
    if (p == NULL) {
        (void) gateway_parse_fail(parser, "needs more memory");
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        p[i] = (s->data[i] >= 'A' && s->data[i] <= 'Z')
               ? (char) (s->data[i] | 0x20) : s->data[i];
    }

    s->data = p;

    return 1;
}


static gateway_node_t *
gateway_parse_string(gateway_parser_t *parser)
{
    char            quote, *text;
    size_t          len;
    const char     *p;
    gateway_str_t   s;

    quote = *parser->p++;

    for (p = parser->p; p < parser->last && *p != quote; p++) {

        if (*p == '\\' && parser->last - p > 1) {
            p++;
        }
    }

    if (p >= parser->last) {
        return gateway_parse_fail(parser, "has a text that is not closed");
    }

    text = parser->options->alloc(parser->options->data,
                                  (size_t) (p - parser->p) + 1);
    if (text == NULL) {
        return gateway_parse_fail(parser, "needs more memory");
    }

    for (len = 0; parser->p < p; /* void */ ) {

        if (*parser->p != '\\') {
            text[len++] = *parser->p++;
            continue;
        }

        text[len++] = gateway_parse_escape(parser, &parser->p, p);

        if (parser->failed) {
            return NULL;
        }
    }

    parser->p++;

    s.data = text;
    s.len = len;

    return gateway_parse_const(parser, &s);
}


/* what the escape at *p stands for */

static char
gateway_parse_escape(gateway_parser_t *parser, const char **p,
    const char *last)
{
    unsigned     n, i;
    const char  *sign;

    static const char  signs[] = "\\\"'ntr";
    static const char  bytes[] = "\\\"'\n\t\r";

    (*p)++;

    if (**p >= '0' && **p <= '9') {

        n = 0;

        for (i = 0; i < 3 && *p < last && **p >= '0' && **p <= '9'; i++) {
            n = n * 10 + (unsigned) (*(*p)++ - '0');
        }

        if (n > 255) {
            (void) gateway_parse_fail(parser, "has an escape above \\255");
        }

        return (char) n;
    }

    sign = memchr(signs, **p, sizeof(signs) - 1);

    if (sign == NULL) {
        (void) gateway_parse_fail(parser, "has an escape other than \\\\, "
                                          "\\\", \\', \\n, \\t, \\r and "
                                          "\\ddd");
        return '\0';
    }

    (*p)++;

    return bytes[sign - signs];
}


static gateway_node_t *
gateway_parse_number(gateway_parser_t *parser)
{
    char             digits[GATEWAY_TEMPLATE_DIGITS], *end;
    size_t           len;
    gateway_node_t  *node;

    for (len = 0;
         parser->p < parser->last && len < sizeof(digits) - 1;
         len++)
    {
        if (!gateway_parse_is_word(*parser->p)
            && !(*parser->p == '.'
                 && !(parser->last - parser->p > 1 && parser->p[1] == '.'))
            && !((*parser->p == '-' || *parser->p == '+')
                 && len > 0 && (parser->p[-1] | 0x20) == 'e'))
        {
            break;
        }

        digits[len] = *parser->p++;
    }

    digits[len] = '\0';

    node = gateway_parse_node(parser, GATEWAY_NODE_CONST, NULL, NULL);
    if (node == NULL) {
        return NULL;
    }

    node->value.type = GATEWAY_TEMPLATE_NUMBER;
    node->value.number = strtod(digits, &end);

    if (len == 0 || *end != '\0') {
        return gateway_parse_fail(parser, "has a malformed number");
    }

    return node;
}


/* the first failure is the one to tell; returns NULL */

static gateway_node_t *
gateway_parse_fail(gateway_parser_t *parser, const char *what)
{
    int  len, rest;

    if (parser->failed) {
        return NULL;
    }

    parser->failed = 1;

    if (what == NULL) {
        return NULL;
    }

    len = (parser->last - parser->start > 80)
          ? 80 : (int) (parser->last - parser->start);
    rest = (parser->last - parser->at > 20)
           ? 20 : (int) (parser->last - parser->at);

    (void) snprintf(parser->options->err, parser->options->errlen,
                    "the expression at \"%.*s\" %s, at \"%.*s\"", len,
                    parser->start, what, rest, parser->at);

    return NULL;
}


static gateway_node_t *
gateway_parse_node(gateway_parser_t *parser, gateway_node_kind_t kind,
    gateway_node_t *left, gateway_node_t *right)
{
    gateway_node_t  *node;

    if (kind != GATEWAY_NODE_CONST && kind != GATEWAY_NODE_CALL
        && (left == NULL || right == NULL))
    {
        return NULL;
    }

    node = parser->options->alloc(parser->options->data,
                                  sizeof(gateway_node_t));
    if (node == NULL) {
        return gateway_parse_fail(parser, "needs more memory");
    }

    memset(node, 0, sizeof(gateway_node_t));

    node->kind = kind;
    node->left = left;
    node->right = right;

    return node;
}


static gateway_node_t *
gateway_parse_const(gateway_parser_t *parser, const gateway_str_t *text)
{
    gateway_node_t  *node;

    node = gateway_parse_node(parser, GATEWAY_NODE_CONST, NULL, NULL);

    if (node) {
        node->value.type = GATEWAY_TEMPLATE_STRING;
        node->value.text = *text;
    }

    return node;
}


static const gateway_function_t *
gateway_parse_function(const gateway_str_t *library,
    const gateway_str_t *name)
{
    const gateway_function_t  *function;

    for (function = gateway_template_functions; function->name; function++) {
        if (gateway_str_is(library, function->library)
            && gateway_str_is(name, function->name))
        {
            return function;
        }
    }

    return NULL;
}


static void
gateway_parse_blanks(gateway_parser_t *parser)
{
    while (parser->p < parser->last
           && (*parser->p == ' ' || *parser->p == '\t'
               || *parser->p == '\n' || *parser->p == '\r'))
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

    if (gateway_parse_is_word(what[0])
        && (size_t) (parser->last - parser->p) > len
        && gateway_parse_is_word(parser->p[len]))
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

    parser->at = parser->p;
    word->data = parser->p;

    if (parser->p < parser->last
        && *parser->p >= '0' && *parser->p <= '9')
    {
        return 0;
    }

    while (parser->p < parser->last && gateway_parse_is_word(*parser->p)) {
        parser->p++;
    }

    word->len = (size_t) (parser->p - word->data);

    return word->len > 0;
}


static int
gateway_parse_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
}


static int
gateway_str_is(const gateway_str_t *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}
