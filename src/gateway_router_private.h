
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the parts of the router share: gateway_router.c matches,
 * gateway_router_add.c takes the routes, gateway_router_build.c makes the
 * index of them, gateway_router_tree.c its trees, gateway_router_regex.c
 * compiles regexes, gateway_router_conditions.c tests what is not in the
 * index, gateway_router_traditional.c has what that flavor does differently,
 * index, gateway_router_expression.c has the routes that are expressions,
 * gateway_router_explain.c tells why a route wins.
 *
 * The index.  Every route is split into parts (router.md 3), the parts are
 * sorted by priority and their paths numbered in that order: such a number,
 * the rank, is all that is compared at run time, 0 wins.
 *
 *     host --hash--> bucket --> tree of path literals
 *                                 "/api/"             ranks 7 90
 *                                   +- "users"        ranks 3
 *                                   +- "orders/"      ranks 4 12 80
 *
 * A bucket has the routes of one host, of one wildcard, or those without
 * hosts.  A regex hangs at the literal text it starts with.  Walking down a
 * tree with the path of a request gives a few lists of ranks in ascending
 * order; they are merged until the first that passes the other conditions.
 */


#ifndef _GATEWAY_ROUTER_PRIVATE_H_INCLUDED_
#define _GATEWAY_ROUTER_PRIVATE_H_INCLUDED_


#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "gateway_expression.h"
#include "gateway_router.h"


#define GATEWAY_ROUTER_NONE          UINT32_MAX

#define GATEWAY_ROUTER_NO_PORT       UINT32_MAX

#define GATEWAY_ROUTER_MAX_HOST      255

#define GATEWAY_ROUTER_REGEX_SLOTS   1024

/* methods beyond the 31st share the last bit and are compared as text */
#define GATEWAY_ROUTER_MAX_METHODS   31
#define GATEWAY_ROUTER_OTHER_METHOD  0x80000000u

/* kinds of attributes: the bits are the weights of the traditional flavor */
#define GATEWAY_ROUTER_DESTINATION   0x01
#define GATEWAY_ROUTER_SOURCE        0x02
#define GATEWAY_ROUTER_SNI           0x04
#define GATEWAY_ROUTER_METHOD        0x08
#define GATEWAY_ROUTER_PATH          0x10
#define GATEWAY_ROUTER_HEADER        0x20
#define GATEWAY_ROUTER_HOST          0x40


typedef struct gateway_router_draft_s        gateway_router_draft_t;
typedef struct gateway_router_traditional_s  gateway_router_traditional_t;


typedef enum {
    GATEWAY_ROUTER_ANY = 0,
    GATEWAY_ROUTER_EXACT,
    GATEWAY_ROUTER_SUFFIX,
    GATEWAY_ROUTER_PREFIX
} gateway_router_kind_t;


typedef struct {
    gateway_str_t             text;      /* lower case, without "~*" */
    pcre2_code               *code;      /* NULL: compared whole */
} gateway_router_value_t;


typedef struct {
    gateway_str_t             name;      /* lower case, "_" for "-" */
    gateway_router_value_t   *values;
    size_t                    nvalues;
} gateway_router_field_t;


typedef struct {
    gateway_str_t             text;      /* without "*" */
    gateway_router_kind_t     kind;
} gateway_router_sni_t;


/* conditions that few routes have, shared by the parts of a route */
typedef struct {
    gateway_router_field_t   *fields;
    gateway_router_sni_t     *snis;
    gateway_str_t            *methods;   /* all, if one has no bit */
    size_t                    nfields;
    size_t                    nsnis;
    size_t                    nmethods;
    gateway_expression_t     *expression; /* the route, or its addresses */
    unsigned                  http_only:1;
    unsigned                  https_only:1;
} gateway_router_rare_t;


typedef struct {
    void                     *data;      /* the caller's route */
    gateway_router_rare_t    *rare;      /* NULL: none of them */
    uint64_t                  key;       /* higher wins */
    int64_t                   regex_priority;
    uint32_t                  prefix_len;
    uint32_t                  methods;   /* bits; 0: any */
    uint32_t                  header_names;
    uint8_t                   attributes;
    uint8_t                   plain_hosts;
    uint8_t                   regex;
    uint8_t                   conditions; /* methods or rare */
    uint8_t                   native;    /* an expression: above the rest */
    uint8_t                   id[16];
} gateway_router_part_t;


/* a path of a part, at the index that is its rank */
typedef struct {
    gateway_router_part_t    *part;
    gateway_str_t             path;      /* as configured; NULL data: none */
    pcre2_code               *code;
    gateway_str_t             tail;      /* text that matches end with */
} gateway_router_item_t;


/* 32 bytes; children lie side by side, sorted by their first byte */
typedef struct {
    const char               *label;     /* bytes from the parent to here */
    uint32_t                  len;
    uint32_t                  list;      /* index of its first value */
    uint32_t                  nlist;
    uint32_t                  children;  /* index of the first node */
    uint16_t                  nchildren;
    unsigned char             first;     /* label[0] */
} gateway_router_node_t;


typedef struct {
    gateway_str_t             host;      /* text to compare */
    uint32_t                  port;
    uint32_t                  root;      /* its tree */
    uint32_t                  best;      /* its smallest rank */
    gateway_router_kind_t     kind;
} gateway_router_bucket_t;


typedef struct {
    uint32_t                  hash;
    uint32_t                  bucket;    /* GATEWAY_ROUTER_NONE: free */
} gateway_router_slot_t;


/* a list being merged, or with pos NULL a bucket not walked yet */
typedef struct {
    const uint32_t           *pos;
    const uint32_t           *last;
    uint32_t                  rank;      /* the next one, or a bound of it */
    uint32_t                  bucket;
} gateway_router_cursor_t;


/*
 * Working memory of a match.  There is one per router, so a router must not
 * be used by two threads at a time; processes forked after the build each
 * have their own copy.
 */
typedef struct {
    pcre2_match_data         *match_data;
    pcre2_match_context      *context;
    pcre2_jit_stack          *stack;
    gateway_router_cursor_t  *cursors;
    char                     *lower;     /* a header value */
    size_t                    lower_size;
    gateway_expression_scratch_t  expression;
} gateway_router_scratch_t;


typedef struct gateway_router_regex_s  gateway_router_regex_t;

struct gateway_router_regex_s {
    pcre2_code               *code;
    gateway_str_t             pattern;
    uint32_t                  hash;
    int                       anchored;
    gateway_router_regex_t   *next;
};


struct gateway_router_s {
    gateway_router_options_t   options;

    gateway_router_part_t     *parts;     /* best first */
    gateway_router_item_t     *items;
    gateway_router_node_t     *nodes;
    gateway_router_bucket_t   *buckets;
    gateway_router_slot_t     *slots;
    uint32_t                  *values;    /* lists of all trees */

    uint32_t                   nparts;
    uint32_t                   nitems;
    uint32_t                   mask;      /* of slots */

    uint32_t                   any;       /* bucket without a host */
    uint32_t                   suffixes;  /* trees of buckets */
    uint32_t                   prefixes;

    gateway_router_traditional_t  *traditional; /* NULL: another flavor */

    unsigned                   ports:1;   /* a route names a port */
    unsigned                   built:1;

    uint32_t                   nmethods;
    gateway_str_t              methods[GATEWAY_ROUTER_MAX_METHODS];

    gateway_router_regex_t   **regexes;   /* hash of chains */
    gateway_router_scratch_t  *scratch;
    gateway_router_draft_t    *draft;     /* until built */
};


/* a text and what stands for it in a tree */
typedef struct {
    const char                *data;
    size_t                     len;
    uint32_t                   value;
} gateway_router_key_t;


/* trees under construction share these; freed by the caller */
typedef struct {
    gateway_router_node_t     *nodes;
    size_t                     nnodes;
    size_t                     size;      /* of nodes */
    uint32_t                  *values;    /* room for all keys */
    size_t                     nvalues;
    int                        count;     /* weigh lists by length */
} gateway_router_tree_t;


/*
 * Routes until the index is built.  Hosts and items of a part are stretches
 * of the two lists; parts of one route share their hosts.
 */

typedef struct {
    gateway_router_part_t      part;
    size_t                     sequence;
    size_t                     item;       /* first of its items */
    size_t                     nitems;
    size_t                     host;       /* first of its hosts */
    size_t                     nhosts;
    int64_t                    created_at;
    uint32_t                   rank;       /* traditional: of its item */
    unsigned                   port_wildcard:1;
} gateway_router_draft_part_t;


typedef struct {
    gateway_str_t              path;
    gateway_str_t              literal;
    gateway_str_t              tail;
    pcre2_code                *code;
} gateway_router_draft_item_t;


typedef struct {
    gateway_str_t              text;
    uint32_t                   port;
    uint32_t                   bucket;
    gateway_router_kind_t      kind;
} gateway_router_draft_host_t;


typedef struct {
    void                      *elts;
    size_t                     n;
    size_t                     size;
} gateway_router_draft_array_t;


struct gateway_router_draft_s {
    gateway_router_draft_array_t   parts;
    gateway_router_draft_array_t   items;
    gateway_router_draft_array_t   hosts;

    /* of the build */
    gateway_router_draft_part_t  **order;      /* parts, best first */
    gateway_router_key_t          *literals;   /* of items, sorted */
    gateway_router_bucket_t       *buckets;
    uint32_t                      *slots;      /* hash of buckets */
    gateway_router_key_t          *keys;       /* literals per bucket */
    size_t                        *starts;     /* of each bucket's keys */
    size_t                        *ends;
    gateway_router_tree_t          tree;
    uint32_t                       nbuckets;
};


/* a request on its way through the index */
typedef struct {
    const gateway_router_t          *router;
    const gateway_router_request_t  *request;
    gateway_router_cursor_t         *cursors;
    size_t                           ncursors;
    uint32_t                         rank;      /* taken last */
    uint32_t                         port;      /* of the request */
    uint32_t                         method;    /* bits; 0: unknown yet */
    int                              asked;     /* facts are there */
    gateway_expression_facts_t       facts;
} gateway_router_search_t;


/*
 * Starts a search: looks up the buckets of a request.  They are not walked
 * yet, so a bucket whose best route cannot win any more costs nothing.
 */
void gateway_router_search(gateway_router_search_t *search,
    const gateway_router_t *router, const gateway_router_request_t *request);

/*
 * The next rank whose host and literal path fit, each once in ascending
 * order; GATEWAY_ROUTER_NONE at the end.
 */
uint32_t gateway_router_next(gateway_router_search_t *search);

/* the other conditions, cheap ones first: 1, 0, or -1 when a regex failed */
int gateway_router_test(gateway_router_search_t *search,
    const gateway_router_item_t *item);


/* the bucket of an exact host, or GATEWAY_ROUTER_NONE */
uint32_t gateway_router_exact(const gateway_router_t *router,
    const gateway_str_t *host, uint32_t port);

/* whether text starts with what a node adds to its parent */
int gateway_router_label(const gateway_router_node_t *node, const char *data,
    size_t len);

/* the child of a node whose label starts with c, or NULL */
const gateway_router_node_t *gateway_router_child(
    const gateway_router_t *router, const gateway_router_node_t *node,
    char c);

/* fills match with an item whose test passed last */
void gateway_router_found(const gateway_router_t *router,
    const gateway_router_item_t *item, gateway_router_match_t *match);


/*
 * The traditional flavor.  Its order of parts is in their keys; ties go to
 * the older route, then to the one added first.
 */

/* 0, or -1: no memory */
int gateway_router_traditional_create(gateway_router_t *router);

uint64_t gateway_router_traditional_key(
    const gateway_router_draft_part_t *part);
int gateway_router_traditional_cmp(const void *a, const void *b);

/* with the other trees; 0, or -1: no memory */
int gateway_router_traditional_build(gateway_router_t *router);

/* the host, and the port that wildcards compare */
void gateway_router_traditional_host(const gateway_router_request_t *request,
    gateway_str_t *host, uint32_t *port, int *explicit_port);

/* whether a wildcard matches a host that has nothing in place of its "*" */
int gateway_router_traditional_bare(const gateway_router_bucket_t *bucket);

/* the rank of the first route in the category of a winner */
uint32_t gateway_router_traditional_first(const gateway_router_t *router,
    const gateway_router_match_t *match);

/* as gateway_router_reason() */
const char *gateway_router_traditional_reason(
    const gateway_router_candidate_t *a, const gateway_router_candidate_t *b);

/* as gateway_router_match() */
int gateway_router_traditional_match(const gateway_router_t *router,
    const gateway_router_request_t *request, gateway_router_match_t *match);


/* whether the path fits an item that has a regex: 1, 0, or -1 */
int gateway_router_test_path(const gateway_router_t *router,
    const gateway_router_item_t *item, const gateway_str_t *path);


/* gateway_router_add() of a route with an expression */
int gateway_router_add_expression(gateway_router_t *router,
    const gateway_router_route_t *route, char *err, size_t errlen);

/* what the flavor adds to other routes: protocols and addresses */
int gateway_router_add_limits(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part,
    char *err, size_t errlen);

/* the conditions of both: 1, 0, or -1 when a regex failed */
int gateway_router_test_native(gateway_router_search_t *search,
    const gateway_router_rare_t *rare);

/* fills match with what the expression tested last has matched */
void gateway_router_found_native(const gateway_router_t *router,
    gateway_router_match_t *match);

/* gateway_router_capture_name(), gateway_router_capture() of such a match */
const char *gateway_router_capture_name_native(
    const gateway_router_match_t *match, size_t n);
int gateway_router_capture_native(const gateway_router_match_t *match,
    const gateway_str_t *name, gateway_str_t *value);

/* working memory for all expressions, when the rest of scratch is there */
int gateway_router_build_native(gateway_router_t *router);

/* a group by its number or name; 0 when it took no part */
/* the n-th name of a regex; NULL: none, and n is less by all there are */
const char *gateway_router_name_of(const void *code, size_t *n);

int gateway_router_group_of(const void *code, const size_t *captures,
    size_t ncaptures, const gateway_str_t *text, const gateway_str_t *name,
    gateway_str_t *value);

/* the rare conditions of a part, made when it has none; NULL: no memory */
gateway_router_rare_t *gateway_router_rare(gateway_router_t *router,
    gateway_router_part_t *part);


/* order of gateway_router_tree_build(): by text, then by value */
int gateway_router_key_cmp(const void *a, const void *b);

/*
 * Makes a tree of sorted keys, at least one, and sets its root.  Returns how
 * many lists (with "count", values) one walk can meet, or 0: no memory.
 */
size_t gateway_router_tree_build(gateway_router_tree_t *tree,
    const gateway_router_key_t *keys, size_t n, uint32_t *root);


/*
 * Compiles pattern, or finds it among those compiled; with anchored it
 * matches at the start only.  offset is added to the position in the message
 * of an error.  NULL with a message in err.
 */
pcre2_code *gateway_router_regex(gateway_router_t *router,
    const gateway_str_t *pattern, int anchored, const gateway_str_t *shown,
    size_t offset, char *err, size_t errlen);

/*
 * The same with the reason (empty: no memory) and its offset in pattern on
 * their own.
 */
pcre2_code *gateway_router_regex_find(gateway_router_t *router,
    const gateway_str_t *pattern, int anchored, char *reason, size_t len,
    size_t *offset);

/*
 * The text every match of a path regex (after "~") starts with: dst has room
 * for the pattern.  Returns its length, 0 if nothing is known.
 */
size_t gateway_router_regex_literal(char *dst, const char *pattern,
    size_t len);

/* the same for the end of the path, with a regex that ends in "$" */
size_t gateway_router_regex_tail(char *dst, const char *pattern, size_t len);


/* zeroed memory of the router */
void *gateway_router_alloc(gateway_router_t *router, size_t n, size_t size);

/* zeroed memory of the heap; growing frees the old after copying used */
void *gateway_router_heap(size_t n, size_t size);
void *gateway_router_heap_grow(void *old, size_t used, size_t n, size_t size);
void gateway_router_heap_free(void *p);

/* a zeroed element more, NULL: no memory */
void *gateway_router_push(gateway_router_draft_array_t *array, size_t size);

void gateway_router_draft_free(gateway_router_draft_t *draft);

/* splits "host:port"; without a port, port is GATEWAY_ROUTER_NO_PORT */
void gateway_router_split_host(const gateway_str_t *text, gateway_str_t *host,
    uint32_t *port);

uint32_t gateway_router_hash(const char *data, size_t len, uint32_t seed);

int gateway_router_str_eq(const gateway_str_t *a, const gateway_str_t *b);

/* ASCII only, as the C locale has it */
char gateway_router_lower(char c);


#endif /* _GATEWAY_ROUTER_PRIVATE_H_INCLUDED_ */
