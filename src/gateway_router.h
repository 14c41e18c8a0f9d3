
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Route matching, path normalisation and the upstream path, in plain C
 * without nginx: the nginx module and "ngx-gateway explain" run the same
 * code, so what explain says is what the gateway does.
 */


#ifndef _GATEWAY_ROUTER_H_INCLUDED_
#define _GATEWAY_ROUTER_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


typedef struct {
    const char  *data;
    size_t       len;
} gateway_str_t;


typedef struct gateway_router_s  gateway_router_t;


typedef enum {
    GATEWAY_ROUTER_TRADITIONAL_COMPATIBLE = 0,
    GATEWAY_ROUTER_TRADITIONAL,
    GATEWAY_ROUTER_EXPRESSIONS
} gateway_router_flavor_t;


typedef struct {
    unsigned char             bytes[16];
    unsigned                  len;      /* 4 or 16 */
} gateway_address_t;


/* what only expressions ask of a request; 0 when there is none */
typedef struct {
    int                     (*query)(void *data, gateway_str_t *query);
    int                     (*port)(void *data, int destination,
                                    int64_t *port);
    int                     (*address)(void *data, int destination,
                                       gateway_address_t *address);
} gateway_router_facts_t;


/* an element of sources or destinations */
typedef struct {
    gateway_str_t             ip;       /* or network; empty: any */
    int32_t                   port;     /* -1: any */
} gateway_router_endpoint_t;


typedef struct {
    gateway_router_flavor_t   flavor;
    int                       strict;   /* route_match_calculation=strict */
    /* memory of the router, never freed singly; NULL means out of memory */
    void                   *(*alloc)(void *data, size_t size);
    void                     *data;
} gateway_router_options_t;


typedef struct {
    gateway_str_t             name;     /* any case */
    const gateway_str_t      *values;
    size_t                    nvalues;
} gateway_router_header_t;


/* one route as it is configured; strings must outlive the router */
typedef struct {
    uint8_t                         id[16];        /* UUID, breaks ties */
    const gateway_str_t            *methods;
    size_t                          nmethods;
    const gateway_str_t            *hosts;
    size_t                          nhosts;
    const gateway_str_t            *paths;         /* "/..." or "~/..." */
    size_t                          npaths;
    const gateway_router_header_t  *headers;
    size_t                          nheaders;
    const gateway_str_t            *snis;
    size_t                          nsnis;
    int64_t                         regex_priority;
    int64_t                         created_at;    /* seconds; 0: unknown */

    /* the flavor "expressions" only */
    gateway_str_t                    expression;   /* empty: none */
    uint64_t                         priority;     /* of the expression */
    const gateway_router_endpoint_t *sources;
    size_t                           nsources;
    const gateway_router_endpoint_t *destinations;
    size_t                           ndestinations;
    unsigned                         http_only:1;  /* not over TLS */
    unsigned                         https_only:1;

    void                           *data;          /* the caller's route */
} gateway_router_route_t;


typedef struct {
    gateway_str_t             method;
    gateway_str_t             host;     /* raw Host header, maybe empty */
    uint16_t                  port;     /* listening port, port_maps applied */
    gateway_str_t             path;     /* normalised */
    gateway_str_t             sni;      /* empty: none */
    int                       tls;      /* the connection is TLS */
    /*
     * The i-th value (from 0) of a request header whose name is given in
     * lower case with "_" for "-"; returns 0 when there is no such value.
     */
    int                     (*header)(void *data, const gateway_str_t *name,
                                      size_t i, gateway_str_t *value);
    void                     *header_data;
    const gateway_router_facts_t  *facts;  /* of header_data; may be NULL */
} gateway_router_request_t;


#define GATEWAY_ROUTER_MAX_CAPTURES  32

typedef struct {
    void                     *route;    /* data of the winner */
    size_t                    matched;  /* bytes of path that its path
                                           matched: what strip_path cuts */
    const gateway_str_t      *path;     /* the winning path as configured,
                                           NULL: the route has no paths */
    /* regex path: ncaptures pairs of offsets into request path, the first
       is the whole match; SIZE_MAX for a group that took no part */
    size_t                    captures[2 * GATEWAY_ROUTER_MAX_CAPTURES];
    size_t                    ncaptures;
    const void               *names;    /* for gateway_router_capture() */
    /* of an expression instead: regexes that matched, in the router's memory
       until gateway_router_match_copy() */
    const void               *hits;
    size_t                    nhits;
} gateway_router_match_t;


/* NULL when out of memory */
gateway_router_t *gateway_router_create(
    const gateway_router_options_t *options);

/*
 * Adds a route (copied with its lists, but not the text of its strings).
 * 0, or -1 with a message in err (a bad regex with the reason and where in
 * the path, a bad host, out of memory) as if it had not been added.
 */
int gateway_router_add(gateway_router_t *router,
    const gateway_router_route_t *route, char *err, size_t errlen);

/* after the last add; 0 or -1 */
int gateway_router_build(gateway_router_t *router);

/* frees PCRE2's memory; the router's own belongs to the allocator */
void gateway_router_free(gateway_router_t *router);

/*
 * Finds the best route.  1 found, 0 none, -1 a regex failed (match limit):
 * the caller answers 500.  Never allocates from options.alloc.  Works in
 * memory of the router, so one thread at a time, and request->header() must
 * not use the same router; forked processes are independent.
 */
int gateway_router_match(const gateway_router_t *router,
    const gateway_router_request_t *request, gateway_router_match_t *match);

/* a named or numbered ("1") group of the match; 0 when there is none */
int gateway_router_capture(const gateway_router_match_t *match,
    const gateway_router_request_t *request, const gateway_str_t *name,
    gateway_str_t *value);

/* the n-th name of its groups, from 0; NULL: there is none */
const char *gateway_router_capture_name(const gateway_router_match_t *match,
    size_t n);

/*
 * A match for keeping: gateway_router_match() reuses what expressions
 * captured.  The size of a copy, and the copy made of it there.
 */
size_t gateway_router_match_size(const gateway_router_match_t *match);
gateway_router_match_t *gateway_router_match_copy(void *memory,
    const gateway_router_match_t *match);


/* for explain: every part of a route that matches, best first */
typedef struct {
    void                     *route;
    const gateway_str_t      *path;
    uint64_t                  priority; /* higher wins */
    uint8_t                   id[16];   /* of the part */
    unsigned                  kinds;    /* how many kinds of attributes */
    unsigned                  header_names;
    int64_t                   regex_priority;
    size_t                    prefix_len;
    const gateway_str_t      *expression; /* NULL: not a route by one */
    unsigned                  plain_hosts:1;
    unsigned                  regex:1;
} gateway_router_candidate_t;

/* fills at most n; returns how many match in all */
size_t gateway_router_candidates(const gateway_router_t *router,
    const gateway_router_request_t *request,
    gateway_router_candidate_t *candidates, size_t n);

/* why a beats b, the better: a static text, "more attribute kinds" */
const char *gateway_router_reason(const gateway_router_t *router,
    const gateway_router_candidate_t *a, const gateway_router_candidate_t *b);


/*
 * Normal form of a request path (no query), router.md 2: decodes unreserved,
 * resolves dot segments, merges slashes.  dst has room for len bytes.
 * Returns the length, or -1 when a dot segment hides behind an encoded slash
 * ("/a%2F..%2Fb"): refuse such a target.
 */
ptrdiff_t gateway_path_normalize(char *dst, const char *src, size_t len);

/* the same without the refusal, for checking configured prefixes */
ptrdiff_t gateway_path_normalize_lax(char *dst, const char *src, size_t len);

/*
 * Path sent upstream (declarative-format.md 3), before escaping: service
 * path (empty counts as "/"), normalised request path, bytes to strip.
 * dst has room for service->len + path->len + 2.  Returns the length.
 */
size_t gateway_path_upstream(char *dst, const gateway_str_t *service,
    const gateway_str_t *path, size_t matched, int has_paths, int strip,
    int v1);

/* percent-encodes for the wire; dst has room for 3 * len; returns length */
size_t gateway_path_escape(char *dst, const char *src, size_t len);

/* 1 if gateway_path_escape() would change nothing */
int gateway_path_is_clean(const char *src, size_t len);


#endif /* _GATEWAY_ROUTER_H_INCLUDED_ */
