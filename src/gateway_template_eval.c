
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Interpreter of the expressions in templates.  All texts are allocated by
 * the caller's function, and none is longer than GATEWAY_TEMPLATE_MAX.
 */


#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_template_private.h"


static int gateway_eval_variable(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *value,
    const char **reason);
static int gateway_eval_call(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *value,
    const char **reason);
static int gateway_eval_one(const gateway_node_t *node,
    gateway_template_value_t *value, const char **reason);
static int gateway_eval_two(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *one,
    gateway_template_value_t *two, const char **reason);
static int gateway_eval_equal(const gateway_template_value_t *one,
    const gateway_template_value_t *two);
static int gateway_eval_compare(gateway_node_kind_t kind,
    gateway_template_value_t *one, const gateway_template_value_t *two,
    const char **reason);
static int gateway_eval_index(gateway_template_value_t *one,
    const gateway_template_value_t *two, const char **reason);
static int gateway_eval_arithmetic(gateway_node_kind_t kind,
    gateway_template_value_t *one, const gateway_template_value_t *two,
    const char **reason);
static int gateway_eval_concat(const gateway_template_env_t *env,
    gateway_template_value_t *one, gateway_template_value_t *two,
    const char **reason);
static void gateway_eval_boolean(gateway_template_value_t *value, int is);


int
gateway_template_eval(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *value,
    const char **reason)
{
    int                       rc;
    gateway_template_value_t  right;

    if (node->kind == GATEWAY_NODE_CONST) {
        *value = node->value;
        return 1;
    }

    if (node->kind == GATEWAY_NODE_VARIABLE) {
        return gateway_eval_variable(node, env, value, reason);
    }

    if (node->kind == GATEWAY_NODE_CALL) {
        return gateway_eval_call(node, env, value, reason);
    }

    rc = gateway_template_eval(node->left, env, value, reason);
    if (rc != 1) {
        return rc;
    }

    if (node->kind == GATEWAY_NODE_OR || node->kind == GATEWAY_NODE_AND) {

        if ((value->type > GATEWAY_TEMPLATE_FALSE)
            == (node->kind == GATEWAY_NODE_OR))
        {
            return 1;
        }

        return gateway_template_eval(node->right, env, value, reason);
    }

    if (node->kind == GATEWAY_NODE_NOT || node->kind == GATEWAY_NODE_MINUS
        || node->kind == GATEWAY_NODE_LEN)
    {
        return gateway_eval_one(node, value, reason);
    }

    rc = gateway_template_eval(node->right, env, &right, reason);
    if (rc != 1) {
        return rc;
    }

    return gateway_eval_two(node, env, value, &right, reason);
}


static int
gateway_eval_variable(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *value,
    const char **reason)
{
    int                       rc;
    char                     *p;
    size_t                    i;
    gateway_template_value_t  key;

    rc = gateway_template_eval(node->left, env, &key, reason);
    if (rc != 1) {
        return rc;
    }

    memset(value, 0, sizeof(gateway_template_value_t));

    if (key.type != GATEWAY_TEMPLATE_NUMBER
        && key.type != GATEWAY_TEMPLATE_STRING)
    {
        /* there is nothing under such a name */

        return 1;
    }

    if (gateway_template_text(env, &key) != 1) {
        return -1;
    }

    if (node->source == GATEWAY_TEMPLATE_HEADERS
        && node->left->kind != GATEWAY_NODE_CONST)
    {
        p = env->alloc(env->data, key.text.len + 1);
        if (p == NULL) {
            return -1;
        }

        for (i = 0; i < key.text.len; i++) {
            p[i] = (key.text.data[i] >= 'A' && key.text.data[i] <= 'Z')
                   ? (char) (key.text.data[i] | 0x20) : key.text.data[i];
        }

        key.text.data = p;
    }

    return env->get(env->data, node->source, &key.text, value) == 0 ? 1 : -1;
}


static int
gateway_eval_call(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *value,
    const char **reason)
{
    int                       rc;
    size_t                    i;
    gateway_template_value_t  args[GATEWAY_TEMPLATE_ARGS];

    memset(args, 0, sizeof(args));

    for (i = 0; i < node->nargs; i++) {
        rc = gateway_template_eval(node->args[i], env, &args[i], reason);
        if (rc != 1) {
            return rc;
        }
    }

    memset(value, 0, sizeof(gateway_template_value_t));

    return node->function->call(env, args, node->nargs, value, reason);
}


static int
gateway_eval_one(const gateway_node_t *node, gateway_template_value_t *value,
    const char **reason)
{
    double  n;

    if (node->kind == GATEWAY_NODE_NOT) {
        gateway_eval_boolean(value, value->type <= GATEWAY_TEMPLATE_FALSE);
        return 1;
    }

    if (node->kind == GATEWAY_NODE_LEN) {

        if (value->type == GATEWAY_TEMPLATE_STRING) {
            n = (double) value->text.len;

        } else if (value->type == GATEWAY_TEMPLATE_LIST) {
            n = (double) value->nitems;

        } else {
            *reason = "the length of a value that is neither text nor list";
            return 0;
        }

    } else {

        if (!gateway_template_number(value, &n)) {
            *reason = "arithmetic on a value that is no number";
            return 0;
        }

        n = -n;
    }

    value->type = GATEWAY_TEMPLATE_NUMBER;
    value->number = n;

    return 1;
}


/* the result takes the place of one */

static int
gateway_eval_two(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *one,
    gateway_template_value_t *two, const char **reason)
{
    switch (node->kind) {

    case GATEWAY_NODE_EQ:
        gateway_eval_boolean(one, gateway_eval_equal(one, two));
        return 1;

    case GATEWAY_NODE_NE:
        gateway_eval_boolean(one, !gateway_eval_equal(one, two));
        return 1;

    case GATEWAY_NODE_LT:
    case GATEWAY_NODE_LE:
    case GATEWAY_NODE_GT:
    case GATEWAY_NODE_GE:
        return gateway_eval_compare(node->kind, one, two, reason);

    case GATEWAY_NODE_CONCAT:
        return gateway_eval_concat(env, one, two, reason);

    case GATEWAY_NODE_INDEX:
        return gateway_eval_index(one, two, reason);

    case GATEWAY_NODE_ADD:
    case GATEWAY_NODE_SUB:
    case GATEWAY_NODE_MUL:
    case GATEWAY_NODE_DIV:
    case GATEWAY_NODE_MOD:
    case GATEWAY_NODE_POW:
    case GATEWAY_NODE_CONST:
    case GATEWAY_NODE_VARIABLE:
    case GATEWAY_NODE_CALL:
    case GATEWAY_NODE_OR:
    case GATEWAY_NODE_AND:
    case GATEWAY_NODE_NOT:
    case GATEWAY_NODE_MINUS:
    case GATEWAY_NODE_LEN:
    default:
        return gateway_eval_arithmetic(node->kind, one, two, reason);
    }
}


static int
gateway_eval_equal(const gateway_template_value_t *one,
    const gateway_template_value_t *two)
{
    if (one->type != two->type) {
        return 0;
    }

    if (one->type == GATEWAY_TEMPLATE_NUMBER) {
        return !(one->number < two->number) && !(one->number > two->number);
    }

    if (one->type == GATEWAY_TEMPLATE_STRING) {
        return one->text.len == two->text.len
               && (one->text.len == 0
                   || memcmp(one->text.data, two->text.data, one->text.len)
                      == 0);
    }

    return one->type < GATEWAY_TEMPLATE_NUMBER || one->items == two->items;
}


static int
gateway_eval_compare(gateway_node_kind_t kind, gateway_template_value_t *one,
    const gateway_template_value_t *two, const char **reason)
{
    int     rc;
    size_t  len;

    if (one->type != two->type
        || (one->type != GATEWAY_TEMPLATE_NUMBER
            && one->type != GATEWAY_TEMPLATE_STRING))
    {
        *reason = "comparison of values that have no order";
        return 0;
    }

    if (one->type == GATEWAY_TEMPLATE_NUMBER) {
        rc = (one->number > two->number) - (one->number < two->number);

    } else {
        len = one->text.len < two->text.len ? one->text.len : two->text.len;
        rc = len ? memcmp(one->text.data, two->text.data, len) : 0;

        if (rc == 0) {
            rc = (one->text.len > two->text.len)
                 - (one->text.len < two->text.len);
        }
    }

    gateway_eval_boolean(one, (kind == GATEWAY_NODE_LT) ? rc < 0
                              : (kind == GATEWAY_NODE_LE) ? rc <= 0
                                : (kind == GATEWAY_NODE_GT) ? rc > 0
                                  : rc >= 0);

    return 1;
}


static int
gateway_eval_index(gateway_template_value_t *one,
    const gateway_template_value_t *two, const char **reason)
{
    size_t         n;
    gateway_str_t  item;

    if (one->type != GATEWAY_TEMPLATE_LIST
        && one->type != GATEWAY_TEMPLATE_STRING)
    {
        *reason = "an index of a value that is no list";
        return 0;
    }

    if (one->type == GATEWAY_TEMPLATE_STRING
        || two->type != GATEWAY_TEMPLATE_NUMBER
        || !(two->number >= 1) || two->number > (double) one->nitems
        || two->number > floor(two->number))
    {
        memset(one, 0, sizeof(gateway_template_value_t));
        return 1;
    }

    n = (size_t) two->number - 1;
    item = one->items[n];

    one->type = GATEWAY_TEMPLATE_STRING;
    one->text = item;

    return 1;
}


static int
gateway_eval_arithmetic(gateway_node_kind_t kind,
    gateway_template_value_t *one, const gateway_template_value_t *two,
    const char **reason)
{
    double  a, b;

    if (!gateway_template_number(one, &a) || !gateway_template_number(two, &b))
    {
        *reason = "arithmetic on a value that is no number";
        return 0;
    }

    if ((kind == GATEWAY_NODE_DIV || kind == GATEWAY_NODE_MOD)
        && !(b < 0 || b > 0))
    {
        /* what Lua writes as "inf" or "nan" helps nobody */

        *reason = "division by zero";
        return 0;
    }

    one->type = GATEWAY_TEMPLATE_NUMBER;
    one->number = (kind == GATEWAY_NODE_ADD) ? a + b
                  : (kind == GATEWAY_NODE_SUB) ? a - b
                    : (kind == GATEWAY_NODE_MUL) ? a * b
                      : (kind == GATEWAY_NODE_DIV) ? a / b
                        : (kind == GATEWAY_NODE_MOD) ? a - floor(a / b) * b
                          : pow(a, b);

    if (!isfinite(one->number)) {
        *reason = "a result that is no number";
        return 0;
    }

    return 1;
}


static int
gateway_eval_concat(const gateway_template_env_t *env,
    gateway_template_value_t *one, gateway_template_value_t *two,
    const char **reason)
{
    char                      *p;
    gateway_template_value_t   value;

    if ((one->type != GATEWAY_TEMPLATE_NUMBER
         && one->type != GATEWAY_TEMPLATE_STRING)
        || (two->type != GATEWAY_TEMPLATE_NUMBER
            && two->type != GATEWAY_TEMPLATE_STRING))
    {
        *reason = "\"..\" with a value that is neither text nor number";
        return 0;
    }

    if (gateway_template_text(env, one) != 1
        || gateway_template_text(env, two) != 1)
    {
        return -1;
    }

    p = gateway_template_make(env, one->text.len + two->text.len, &value,
                              reason);
    if (p == NULL) {
        return gateway_template_failed(reason);
    }

    if (one->text.len) {
        memcpy(p, one->text.data, one->text.len);
    }

    if (two->text.len) {
        memcpy(p + one->text.len, two->text.data, two->text.len);
    }

    *one = value;

    return 1;
}


static void
gateway_eval_boolean(gateway_template_value_t *value, int is)
{
    memset(value, 0, sizeof(gateway_template_value_t));

    value->type = is ? GATEWAY_TEMPLATE_TRUE : GATEWAY_TEMPLATE_FALSE;
}


int
gateway_template_number(const gateway_template_value_t *value, double *number)
{
    char    digits[GATEWAY_TEMPLATE_DIGITS], *end;
    size_t  i;

    if (value->type == GATEWAY_TEMPLATE_NUMBER) {
        *number = value->number;
        return 1;
    }

    if (value->type != GATEWAY_TEMPLATE_STRING
        || value->text.len == 0 || value->text.len >= sizeof(digits))
    {
        return 0;
    }

    for (i = 0; i < value->text.len; i++) {
        digits[i] = value->text.data[i];

        /* neither "inf" nor "nan" */

        if (digits[i] == '\0'
            || strchr("0123456789abcdefABCDEFxX.+- \t\r\n", digits[i])
               == NULL)
        {
            return 0;
        }
    }

    digits[i] = '\0';

    *number = strtod(digits, &end);

    if (end == digits || !isfinite(*number)) {
        return 0;
    }

    while (*end == ' ' || *end == '\t' || *end == '\r' || *end == '\n') {
        end++;
    }

    return *end == '\0';
}


int
gateway_template_text(const gateway_template_env_t *env,
    gateway_template_value_t *value)
{
    int     n;
    char   *p;
    size_t  i, len;

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

    } else if (value->type == GATEWAY_TEMPLATE_LIST) {

        len = 0;

        for (i = 0; i < value->nitems; i++) {
            len += value->items[i].len + 2;
        }

        p = env->alloc(env->data, len + 1);
        if (p == NULL) {
            return -1;
        }

        value->text.data = p;

        for (i = 0; i < value->nitems; i++) {

            if (i) {
                *p++ = ',';
                *p++ = ' ';
            }

            if (value->items[i].len) {
                memcpy(p, value->items[i].data, value->items[i].len);
                p += value->items[i].len;
            }
        }

        value->text.len = (size_t) (p - value->text.data);
    }

    return 1;
}


char *
gateway_template_make(const gateway_template_env_t *env, size_t len,
    gateway_template_value_t *value, const char **reason)
{
    char  *p;

    if (len > GATEWAY_TEMPLATE_MAX) {
        *reason = "a text of more than 65536 bytes";
        return NULL;
    }

    p = env->alloc(env->data, len + 1);
    if (p == NULL) {
        return NULL;
    }

    memset(value, 0, sizeof(gateway_template_value_t));

    value->type = GATEWAY_TEMPLATE_STRING;
    value->text.data = p;
    value->text.len = len;

    return p;
}
