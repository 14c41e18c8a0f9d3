
/*
 * Copyright (C) the ngx_gateway authors
 *
 * JSON texts that policies change: a tree of places in the text.  What is not
 * changed is written byte for byte as it came, but for blanks between the
 * members of objects and elements of arrays that are.
 */


#ifndef _NGX_HTTP_GATEWAY_TRANSFORM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRANSFORM_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gateway_json_path.h"


/* nesting of arrays and objects; deeper texts are not understood */
#define NGX_HTTP_GATEWAY_JSON_DEPTH  1000

/* members and elements that are looked at one by one */
#define NGX_HTTP_GATEWAY_JSON_NODES  262144


/* in the order in which the transformers do them */
typedef enum {
    NGX_HTTP_GATEWAY_TRANSFORM_REMOVE = 0,
    NGX_HTTP_GATEWAY_TRANSFORM_RENAME,
    NGX_HTTP_GATEWAY_TRANSFORM_REPLACE,
    NGX_HTTP_GATEWAY_TRANSFORM_ADD,
    NGX_HTTP_GATEWAY_TRANSFORM_APPEND,
    NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS
} ngx_http_gateway_transform_e;


typedef struct ngx_http_gateway_json_node_s  ngx_http_gateway_json_node_t;

struct ngx_http_gateway_json_node_s {
    ngx_str_t                        key;       /* of a member; between its
                                                   quotes, as written */
    ngx_str_t                        text;      /* as it came or was set */
    ngx_http_gateway_json_node_t    *next;
    ngx_http_gateway_json_node_t    *first;     /* child, if opened */
    ngx_http_gateway_json_node_t    *last;
    unsigned                         escaped:1; /* the key has "\" */
    unsigned                         opened:1;  /* children are known */
    unsigned                         changed:1; /* they count, not the text */
    unsigned                         kept:1;    /* see _allow() */
    unsigned                         whole:1;
};

typedef struct {
    ngx_pool_t                      *pool;
    ngx_http_gateway_json_node_t     root;
    ngx_uint_t                       nnodes;
} ngx_http_gateway_json_t;


/* where a value is: "a", "a.b[1].c[*]", "**.d" */
typedef struct ngx_http_gateway_json_segment_s
    ngx_http_gateway_json_segment_t;

typedef struct {
    ngx_uint_t                       nelts;
    ngx_http_gateway_json_segment_t *elts;
    ngx_uint_t                       depth;     /* for _parse() */
} ngx_http_gateway_json_path_t;


/* what is replaced wherever it is, see _redact() */
typedef struct {
    ngx_array_t                     *paths;     /* gateway_regex_t *; */
    ngx_array_t                     *values;    /* or NULL */
    ngx_str_t                        with;      /* plain text */
} ngx_http_gateway_json_redaction_t;


/*
 * A name, or with dots != 0 a path (gateway_json_path.h).  NGX_OK;
 * NGX_DECLINED: malformed; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_json_path(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_uint_t dots, ngx_http_gateway_json_path_t *path);

/*
 * The paths of a list "allow", an empty one of which is none; dots as above,
 * depth grows to that of the deepest.  NGX_CONF_OK, the phrase, or
 * NGX_CONF_ERROR.
 */
char *ngx_http_gateway_transform_allow(ngx_conf_t *cf, ngx_array_t **allow,
    ngx_uint_t dots, ngx_array_t *paths, ngx_uint_t *depth,
    const char *malformed);


/*
 * Opens the tree depth levels deep: 1 for the members of the root.  NGX_OK;
 * NGX_DECLINED: no JSON, or nested too deeply; NGX_ABORT: too many members
 * to be looked at; NGX_ERROR.  An empty text is an empty object.  Bytes of
 * strings that are not UTF-8 pass.
 */
ngx_int_t ngx_http_gateway_json_parse(ngx_pool_t *pool,
    const ngx_str_t *text, ngx_uint_t depth, ngx_http_gateway_json_t *json);

/* the root is an object, '{', an array, '[', or something else */
#define ngx_http_gateway_json_kind(json)  ((json)->root.text.data[0])

/*
 * Does the operation where the path leads.  value is the new name for RENAME,
 * JSON text for REPLACE, ADD and APPEND.  Of members with one name the last
 * counts and all are changed.
 *
 *   RENAME   over what has the new name
 *   REPLACE  what is there and not false
 *   ADD      what is not there, or false; objects on the way are made
 *   APPEND   to a string: an array of both; to an array: one more; an object
 *            stays as it is; anything else: an array of the new value
 *
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_json_do(ngx_http_gateway_json_t *json,
    ngx_http_gateway_transform_e operation,
    ngx_http_gateway_json_path_t *path, const ngx_str_t *value);

/* takes out what none of these paths leads to */
void ngx_http_gateway_json_allow(ngx_http_gateway_json_t *json,
    ngx_http_gateway_json_path_t *paths, ngx_uint_t n);

/*
 * Replaces values whose path ("a.b", elements as their array) matches, and
 * what matches in strings; a number of which a part matches as a whole.  The
 * tree must be open all through.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_json_redact(ngx_http_gateway_json_t *json,
    ngx_http_gateway_json_redaction_t *redaction);

/* the whole text again; the same text if nothing was changed */
ngx_int_t ngx_http_gateway_json_write(ngx_http_gateway_json_t *json,
    ngx_str_t *text);

/* a string as JSON text, with its quotes; text may be s */
ngx_int_t ngx_http_gateway_json_quote(ngx_pool_t *pool, const ngx_str_t *s,
    ngx_str_t *text);

/* what is between the quotes of a valid JSON string, decoded */
ngx_int_t ngx_http_gateway_json_unquote(ngx_pool_t *pool,
    const ngx_str_t *raw, ngx_str_t *s);

/* 1 if that is s, without a copy */
ngx_uint_t ngx_http_gateway_json_equal(const ngx_str_t *raw,
    const ngx_str_t *s);

/*
 * A value of the type "string", "number" or "boolean" (its first letter) as
 * JSON text.  NGX_OK; NGX_DECLINED: no number; NGX_ERROR.  text may be value.
 */
ngx_int_t ngx_http_gateway_json_value(ngx_pool_t *pool, u_char type,
    const ngx_str_t *value, ngx_str_t *text);


/* ngx_http_gateway_transform_parse.c, for ngx_http_gateway_transform.c */

struct ngx_http_gateway_json_segment_s {
    gateway_json_segment_e           kind;
    ngx_str_t                        name;
    ngx_uint_t                       index;     /* from 1 */
};


#endif /* _NGX_HTTP_GATEWAY_TRANSFORM_H_INCLUDED_ */
