
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Values with "$( expression )" in them, as the transformers have, in plain
 * C without nginx: the tool checks them with the code that runs them.
 *
 *     headers.x  headers["x"]  query_params.x  uri_captures.x  shared.x
 *     uri_captures[1]  headers.x[2]  "text"  'text'  12.5  nil  true  false
 *     a or b   a and b   not a   a == b   a ~= b   a < b   a <= b   a > b
 *     a >= b   a .. b   a + b   a - b   a * b   a / b   a % b   a ^ b   -a
 *     #a   ( a )   a:upper() and the other functions of strings   type(a)
 *     tostring(a)   tonumber(a)   math.floor(a)   table.concat(a, b)
 *
 * with the precedence and the meaning that Lua gives them.
 */


#ifndef _GATEWAY_TEMPLATE_H_INCLUDED_
#define _GATEWAY_TEMPLATE_H_INCLUDED_


#include "gateway_router.h"


/* bytes of a text that an expression makes */
#define GATEWAY_TEMPLATE_MAX  65536


typedef struct gateway_template_s  gateway_template_t;


typedef enum {
    GATEWAY_TEMPLATE_HEADERS = 0,
    GATEWAY_TEMPLATE_QUERY,
    GATEWAY_TEMPLATE_CAPTURES,
    GATEWAY_TEMPLATE_SHARED
} gateway_template_source_t;


typedef enum {
    GATEWAY_TEMPLATE_NIL = 0,
    GATEWAY_TEMPLATE_FALSE,
    GATEWAY_TEMPLATE_TRUE,
    GATEWAY_TEMPLATE_NUMBER,
    GATEWAY_TEMPLATE_STRING,
    GATEWAY_TEMPLATE_LIST         /* several values */
} gateway_template_type_t;


typedef struct {
    gateway_template_type_t   type;
    double                    number;
    gateway_str_t             text;
    const gateway_str_t      *items;     /* LIST */
    size_t                    nitems;
} gateway_template_value_t;


typedef struct {
    /* fills value, which is nil before; 0, or -1 when out of memory */
    int                     (*get)(void *data,
                                   gateway_template_source_t source,
                                   const gateway_str_t *name,
                                   gateway_template_value_t *value);
    /* the same of what options->variable() gave; NULL if that was */
    int                     (*variable)(void *data, size_t index,
                                        gateway_str_t *value);
    /* NULL means out of memory */
    void                   *(*alloc)(void *data, size_t size);
    void                     *data;
} gateway_template_env_t;


typedef struct {
    /* as for the router, nothing is freed singly */
    void                   *(*alloc)(void *data, size_t size);
    /*
     * NULL: "$name" and "${name}" are text; else 1 with what env->variable()
     * is called with, or 0: there is no such variable
     */
    int                     (*variable)(void *data, const gateway_str_t *name,
                                        size_t *index);
    void                     *data;
    int                       expressions;   /* 0: "$(" is text */
    unsigned                  sources;       /* bits of those it uses are
                                                added */
    char                     *err;
    size_t                    errlen;
} gateway_template_options_t;


/* NULL with a message in options->err.  The text must outlive the template */
gateway_template_t *gateway_template_compile(const gateway_str_t *text,
    gateway_template_options_t *options);

/* where the expression that begins with "$(" at p ends; NULL: malformed */
const char *gateway_template_skip(const gateway_str_t *text, const char *p,
    gateway_template_options_t *options);

/* 1 if there is no expression in it: it renders as its own text */
int gateway_template_is_plain(const gateway_template_t *template);

/* 1 if there is one, and not only variables of nginx */
int gateway_template_has_expression(const gateway_template_t *template);

/*
 * 1 rendered; 0 failed as Lua would, *reason is a static text; -1 out of
 * memory
 */
int gateway_template_render(const gateway_template_t *template,
    const gateway_template_env_t *env, gateway_str_t *out,
    const char **reason);


/*
 * "name:value": the name is what stands before the first colon, any more
 * colons there are skipped, the value may be empty.  0 if the name is empty.
 */
int gateway_pair_split(const gateway_str_t *pair, gateway_str_t *name,
    gateway_str_t *value);

/* letters, digits, "-" and "_" */
int gateway_is_header_name(const gateway_str_t *name);

/* no CR, LF or NUL */
int gateway_is_header_value(const gateway_str_t *value);

/* a header that frames a message, which no transformation may write */
int gateway_is_framing_header(const gateway_str_t *name);


#endif /* _GATEWAY_TEMPLATE_H_INCLUDED_ */
