
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Routes written as expressions, in plain C without nginx: the modules and
 * the tool run the same code.  The language is that of Kong's atc-router:
 *
 *     expression   and   = or { "&&" or }         "||" binds tighter
 *                  or    = term { "||" term }
 *                  term  = field operator value | [ "!" ] "(" and ")"
 *     field        http.path, lower(field), any(field), ...
 *     operator     == != ~ ^= =^ > >= < <= in "not in" contains
 *     value        "text with \n escapes"  r#"raw text"#  -12 017 0x1f
 *                  10.0.0.1  10.0.0.0/8  ::1  fd00::/8
 *
 * A test of a field that the request has not is false, "!=" and "not in"
 * too.  Of several values (headers, queries) all must pass, or with any()
 * one.
 *
 * An expression becomes its tests in the order of the text, each with the
 * test that follows when it passes and when it fails, so running one takes
 * no stack and skips what does not matter.
 */


#ifndef _GATEWAY_EXPRESSION_H_INCLUDED_
#define _GATEWAY_EXPRESSION_H_INCLUDED_


#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "gateway_router.h"


/* bounds of the text, of "(" in "(", of the tests */
#define GATEWAY_EXPRESSION_MAX_LEN    65535
#define GATEWAY_EXPRESSION_MAX_DEPTH  64
#define GATEWAY_EXPRESSION_MAX_TESTS  8192


typedef struct gateway_expression_s  gateway_expression_t;


typedef enum {
    GATEWAY_EXPRESSION_HTTP = 0,
    GATEWAY_EXPRESSION_STREAM
} gateway_expression_schema_t;


typedef enum {
    /* texts of the facts */
    GATEWAY_FIELD_METHOD = 0,
    GATEWAY_FIELD_HOST,
    GATEWAY_FIELD_PATH,
    GATEWAY_FIELD_PROTOCOL,
    GATEWAY_FIELD_SNI,

    /* texts found in them or asked for */
    GATEWAY_FIELD_SEGMENTS,
    GATEWAY_FIELD_HEADER,
    GATEWAY_FIELD_QUERY,

    GATEWAY_FIELD_SEGMENTS_LEN,
    GATEWAY_FIELD_SRC_PORT,
    GATEWAY_FIELD_DST_PORT,

    GATEWAY_FIELD_SRC_IP,
    GATEWAY_FIELD_DST_IP
} gateway_expression_field_t;

#define GATEWAY_EXPRESSION_TEXTS  5


/* what is known of a request or a connection */
typedef struct {
    /* by field; data is NULL when there is none */
    gateway_str_t                 texts[GATEWAY_EXPRESSION_TEXTS];
    gateway_str_t                 query;     /* as sent, without "?" */
    int64_t                       dst_port;  /* -1: ask */
    const gateway_router_facts_t *ask;       /* NULL: nothing to ask */
    /* as in gateway_router_request_t; NULL: no headers */
    int                         (*header)(void *data,
                                          const gateway_str_t *name, size_t i,
                                          gateway_str_t *value);
    void                         *data;      /* of ask and header */
} gateway_expression_facts_t;


/* a regex that matched, for uri_captures */
typedef struct {
    const pcre2_code             *code;      /* NULL: it did not */
    gateway_str_t                 text;      /* data is NULL: in buf, at */
    size_t                        at;
    size_t                        ncaptures;
    size_t                        captures[2 * GATEWAY_ROUTER_MAX_CAPTURES];
} gateway_expression_hit_t;


/*
 * Working memory and results of a match.  match_data must have room for
 * GATEWAY_ROUTER_MAX_CAPTURES pairs; it and context may be NULL when no
 * expression has a regex.  The rest starts zeroed and is given back by
 * gateway_expression_scratch_free(); what a match leaves there holds until
 * the next.
 */
typedef struct {
    pcre2_match_data             *match_data;
    pcre2_match_context          *context;

    gateway_expression_hit_t     *hits;
    size_t                        nhits;     /* of this expression */
    size_t                        room;      /* of hits */

    char                         *buf;       /* decoded and lower-cased */
    size_t                        size;
    size_t                        used;

    /*
     * Bytes that the last passed "==", "^=", "=^" or "~" of http.path was
     * about, SIZE_MAX: there was none.  Kong counts those of branches that
     * failed as a whole, too, and so do we.
     */
    size_t                        matched;
} gateway_expression_scratch_t;


typedef struct {
    gateway_expression_schema_t   schema;
    /* memory of the expression, never freed singly; NULL: no more */
    void                       *(*alloc)(void *data, size_t size);
    /* NULL with a reason, empty: no memory, and its offset in pattern */
    pcre2_code                 *(*regex)(void *data,
                                         const gateway_str_t *pattern,
                                         char *reason, size_t len,
                                         size_t *offset);
    void                         *data;
} gateway_expression_options_t;


/* places are offsets in the text, SIZE_MAX: none */
typedef struct {
    size_t                        at;        /* of the error */
    char                          message[320];
    size_t                        mixed;     /* "&&" and "||" side by side */
    size_t                        net_port;  /* the old name is used */
    size_t                        upper;     /* lower() against upper case */
} gateway_expression_report_t;


/* a text that http.host is, starts or ends with, or that http.path starts
   with, whenever the expression is true */
typedef struct {
    gateway_str_t                 text;
    enum {
        GATEWAY_KEY_EXACT = 0,
        GATEWAY_KEY_PREFIX,
        GATEWAY_KEY_SUFFIX
    }                             kind;
} gateway_expression_key_t;


/*
 * NULL with a message in report when the text is wrong or memory ends; the
 * notes of report are set otherwise.  The text must outlive the expression.
 */
gateway_expression_t *gateway_expression_compile(const gateway_str_t *text,
    const gateway_expression_options_t *options,
    gateway_expression_report_t *report);

/*
 * Compiles a text, for its errors only, with the memory and the regexes of a
 * router of any flavor; 0, or -1 with a message in report.
 */
int gateway_router_expression_check(gateway_router_t *router,
    const gateway_str_t *text, int stream,
    gateway_expression_report_t *report);

/*
 * Expressions that are not a router's own routes, in its memory and with its
 * regexes: compiled before gateway_router_build(), NULL with a message in
 * err; made ready after it, 0 or -1; then tested as by
 * gateway_expression_match().
 */
gateway_expression_t *gateway_router_expression(gateway_router_t *router,
    const gateway_str_t *text, int stream, char *err, size_t errlen);
int gateway_router_expression_ready(gateway_router_t *router,
    const gateway_expression_t *expression);
int gateway_router_expression_test(const gateway_router_t *router,
    const gateway_expression_t *expression,
    const gateway_expression_facts_t *facts);

/* 1 true, 0 false, -1 a regex gave up or memory ended */
int gateway_expression_match(const gateway_expression_t *expression,
    const gateway_expression_facts_t *facts,
    gateway_expression_scratch_t *scratch);

const gateway_str_t *gateway_expression_text(
    const gateway_expression_t *expression);

/*
 * Keys of an index: one of the hosts and one of the paths must fit or the
 * expression is false.  Returns how many, 0: nothing is known.
 */
size_t gateway_expression_hosts(const gateway_expression_t *expression,
    const gateway_expression_key_t **hosts);
size_t gateway_expression_paths(const gateway_expression_t *expression,
    const gateway_expression_key_t **paths);

/* room for the hits of that expression; 0, or -1: no memory */
int gateway_expression_reserve(gateway_expression_scratch_t *scratch,
    const gateway_expression_t *expression);

void gateway_expression_scratch_free(gateway_expression_scratch_t *scratch);

/* the names of fields, for suggestions; ends with NULL */
extern const char *const gateway_expression_fields[];

/* reads "10.0.0.0/8" or "::1" of len bytes; 0, or -1: not an address */
int gateway_address_parse(gateway_address_t *address, unsigned *bits,
    const char *text, size_t len);

/* IPv4 within IPv6 is IPv4, as elsewhere in nginx */
void gateway_address_fold(gateway_address_t *address);

/* whether the first bits are the same */
int gateway_address_in(const gateway_address_t *address,
    const gateway_address_t *net, unsigned bits);


#endif /* _GATEWAY_EXPRESSION_H_INCLUDED_ */
