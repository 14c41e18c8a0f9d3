
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the parts of gateway_template*.c share.
 */


#ifndef _GATEWAY_TEMPLATE_PRIVATE_H_INCLUDED_
#define _GATEWAY_TEMPLATE_PRIVATE_H_INCLUDED_


#include "gateway_template.h"


/* nesting of parentheses and operators, and operands of a chain of them */
#define GATEWAY_TEMPLATE_DEPTH   32
#define GATEWAY_TEMPLATE_CHAIN   256

/* digits of a number in the text */
#define GATEWAY_TEMPLATE_DIGITS  64

/* what a number takes as text */
#define GATEWAY_TEMPLATE_NUMLEN  32

/* arguments of a function */
#define GATEWAY_TEMPLATE_ARGS    8


typedef enum {
    GATEWAY_NODE_CONST = 0,
    GATEWAY_NODE_VARIABLE,        /* source, left: its name */
    GATEWAY_NODE_CALL,
    GATEWAY_NODE_OR,
    GATEWAY_NODE_AND,
    GATEWAY_NODE_NOT,
    GATEWAY_NODE_EQ,
    GATEWAY_NODE_NE,
    GATEWAY_NODE_LT,
    GATEWAY_NODE_LE,
    GATEWAY_NODE_GT,
    GATEWAY_NODE_GE,
    GATEWAY_NODE_CONCAT,
    GATEWAY_NODE_ADD,
    GATEWAY_NODE_SUB,
    GATEWAY_NODE_MUL,
    GATEWAY_NODE_DIV,
    GATEWAY_NODE_MOD,
    GATEWAY_NODE_POW,
    GATEWAY_NODE_MINUS,
    GATEWAY_NODE_LEN,
    GATEWAY_NODE_INDEX
} gateway_node_kind_t;


typedef struct gateway_node_s  gateway_node_t;


/* the same returns as gateway_template_render(); the result in value */
typedef int (*gateway_function_pt)(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);

typedef struct {
    const char                 *library;   /* "string": also a method */
    const char                 *name;
    size_t                      min;       /* arguments */
    size_t                      max;
    size_t                      pattern;   /* the argument that is one, or 0 */
    gateway_function_pt         call;
} gateway_function_t;


struct gateway_node_s {
    gateway_node_kind_t         kind;
    gateway_template_source_t   source;
    gateway_template_value_t    value;     /* CONST */
    gateway_node_t             *left;
    gateway_node_t             *right;

    const gateway_function_t   *function;  /* CALL */
    gateway_node_t            **args;
    size_t                      nargs;
};


/* gateway_template_parse.c: the expression after "$(", *p goes behind ")" */
gateway_node_t *gateway_template_parse(const gateway_str_t *text,
    const char **p, gateway_template_options_t *options);

/* gateway_template_eval.c */
int gateway_template_eval(const gateway_node_t *node,
    const gateway_template_env_t *env, gateway_template_value_t *value,
    const char **reason);

/* the text of anything but nil and false; a list is joined with ", " */
int gateway_template_text(const gateway_template_env_t *env,
    gateway_template_value_t *value);

/* a number or a text that is one */
int gateway_template_number(const gateway_template_value_t *value,
    double *number);

/* a new text of that length, NULL: out of memory or too long, see reason */
char *gateway_template_make(const gateway_template_env_t *env, size_t len,
    gateway_template_value_t *value, const char **reason);

/* what gateway_template_make() has to be answered with */
#define gateway_template_failed(reason)  (*(reason) ? 0 : -1)

/* gateway_template_functions.c: ends with a NULL name */
extern const gateway_function_t gateway_template_functions[];


#endif /* _GATEWAY_TEMPLATE_PRIVATE_H_INCLUDED_ */
