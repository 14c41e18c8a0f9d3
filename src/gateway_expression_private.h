
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Between gateway_expression_parse.c, which reads the text,
 * gateway_expression_fields.c, which knows the fields,
 * gateway_expression_keys.c, which finds keys for an index, and
 * gateway_expression.c, which runs it.
 */


#ifndef _GATEWAY_EXPRESSION_PRIVATE_H_INCLUDED_
#define _GATEWAY_EXPRESSION_PRIVATE_H_INCLUDED_


#include "gateway_expression.h"


#define GATEWAY_EXPRESSION_NONE  UINT32_MAX

/* where tests lead to in the end */
#define GATEWAY_EXPRESSION_YES   (UINT32_MAX - 1)
#define GATEWAY_EXPRESSION_NO    (UINT32_MAX - 2)

/* more keys than that make an index no better */
#define GATEWAY_EXPRESSION_MAX_KEYS  256


typedef enum {
    GATEWAY_TYPE_TEXT = 0,
    GATEWAY_TYPE_INT,
    GATEWAY_TYPE_IP,
    GATEWAY_TYPE_NET
} gateway_expression_type_t;


typedef enum {
    GATEWAY_OP_EQ = 0,
    GATEWAY_OP_NE,
    GATEWAY_OP_REGEX,
    GATEWAY_OP_PREFIX,
    GATEWAY_OP_SUFFIX,
    GATEWAY_OP_CONTAINS,
    GATEWAY_OP_GT,
    GATEWAY_OP_GE,
    GATEWAY_OP_LT,
    GATEWAY_OP_LE,
    GATEWAY_OP_IN,
    GATEWAY_OP_NOT_IN
} gateway_expression_op_t;


typedef struct {
    gateway_address_t             address;
    unsigned                      bits;
} gateway_expression_net_t;


typedef struct {
    uint32_t                      yes;       /* the test that follows */
    uint32_t                      no;
    uint8_t                       field;
    uint8_t                       op;
    uint8_t                       lower;
    uint8_t                       any;
    uint32_t                      hit;       /* of a regex */

    union {
        gateway_str_t             name;      /* of a header or query */
        struct {
            uint32_t              first;     /* segments */
            uint32_t              last;
        } segments;
    } of;

    union {
        gateway_str_t             text;
        pcre2_code               *code;
        int64_t                   number;
        gateway_expression_net_t  net;
    } value;
} gateway_expression_test_t;


struct gateway_expression_s {
    gateway_expression_test_t    *tests;
    uint32_t                      ntests;
    uint32_t                      nhits;
    gateway_expression_key_t     *hosts;
    gateway_expression_key_t     *paths;
    size_t                        nhosts;
    size_t                        npaths;
    gateway_str_t                 text;
};


/* the text as a tree, until its tests know where they lead */
typedef enum {
    GATEWAY_NODE_TEST = 0,
    GATEWAY_NODE_NOT,
    GATEWAY_NODE_AND,
    GATEWAY_NODE_OR
} gateway_expression_kind_t;


typedef struct {
    gateway_expression_kind_t     kind;
    uint32_t                      first;     /* child, or the test */
    uint32_t                      next;      /* sibling */
    uint32_t                      ntests;    /* in it */
} gateway_expression_node_t;


typedef struct {
    gateway_expression_node_t    *nodes;     /* in the heap, as tests is */
    gateway_expression_test_t    *tests;
    gateway_str_t                *literals;  /* what regexes start with */
    uint32_t                      nnodes;
    uint32_t                      ntests;
    uint32_t                      nhits;
    uint32_t                      room;      /* of nodes */
    uint32_t                      test_room;
} gateway_expression_tree_t;


typedef struct {
    gateway_expression_field_t    field;
    gateway_expression_type_t     type;
    gateway_str_t                 name;      /* of a header or query */
    uint32_t                      first;     /* of segments */
    uint32_t                      last;
    int                           net_port;
} gateway_expression_lhs_t;


/* the field of that name; NULL, or what is wrong with it */
const char *gateway_expression_field(const gateway_str_t *name,
    gateway_expression_schema_t schema, gateway_expression_lhs_t *lhs);

/*
 * Keys of the tree below node in heap memory, *n of them; NULL when there
 * are none that must hold, or no memory.
 */
gateway_expression_key_t *gateway_expression_keys(
    const gateway_expression_tree_t *tree, uint32_t node,
    gateway_expression_field_t field, size_t *n);


#endif /* _GATEWAY_EXPRESSION_PRIVATE_H_INCLUDED_ */
