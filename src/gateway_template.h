
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Values with "$( expression )" in them, as the transformers have, in plain
 * C without nginx: the tool checks them with the code that runs them.
 *
 *     expression:  headers.x  headers["x"]  query_params.x  uri_captures.x
 *                  uri_captures[1]  "text"  'text'  12.5  nil  true  false
 *                  a or b   a and b   a .. b   a + b   a - b   a * b   a / b
 *                  -a   ( a )   a:upper()   a:lower()   type(a)
 *
 * with the precedence and the meaning that Lua gives them.
 */


#ifndef _GATEWAY_TEMPLATE_H_INCLUDED_
#define _GATEWAY_TEMPLATE_H_INCLUDED_


#include "gateway_router.h"


typedef struct gateway_template_s  gateway_template_t;


typedef enum {
    GATEWAY_TEMPLATE_HEADERS = 0,
    GATEWAY_TEMPLATE_QUERY,
    GATEWAY_TEMPLATE_CAPTURES
} gateway_template_source_t;


typedef enum {
    GATEWAY_TEMPLATE_NIL = 0,
    GATEWAY_TEMPLATE_FALSE,
    GATEWAY_TEMPLATE_TRUE,
    GATEWAY_TEMPLATE_NUMBER,
    GATEWAY_TEMPLATE_STRING,
    GATEWAY_TEMPLATE_LIST         /* several values, text is all of them */
} gateway_template_type_t;


typedef struct {
    gateway_template_type_t   type;
    double                    number;
    gateway_str_t             text;
} gateway_template_value_t;


typedef struct {
    /* fills value, which is nil before; 0, or -1 when out of memory */
    int                     (*get)(void *data,
                                   gateway_template_source_t source,
                                   const gateway_str_t *name,
                                   gateway_template_value_t *value);
    /* NULL means out of memory */
    void                   *(*alloc)(void *data, size_t size);
    void                     *data;
} gateway_template_env_t;


/*
 * NULL with a message in err.  The text must outlive the template; alloc as
 * for the router, nothing is freed singly.
 */
gateway_template_t *gateway_template_compile(const gateway_str_t *text,
    void *(*alloc)(void *data, size_t size), void *data, char *err,
    size_t errlen);

/* 1 if there is no expression in it: it renders as its own text */
int gateway_template_is_plain(const gateway_template_t *template);

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
