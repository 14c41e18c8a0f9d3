
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Patterns as Lua's string library has them, in plain C, with a bound on what
 * a match may cost.
 *
 *     .  %a %c %d %g %l %p %s %u %w %x and their capitals  %. (any sign)
 *     [set] [^set]   * + - ? after one of these   ^ $ at the ends
 *     (capture) () %1   %bxy   %f[set]
 */


#ifndef _GATEWAY_PATTERN_H_INCLUDED_
#define _GATEWAY_PATTERN_H_INCLUDED_


#include "gateway_router.h"


#define GATEWAY_PATTERN_CAPTURES  32


typedef struct {
    gateway_str_t         pattern;   /* without a "^" */
    int                   anchored;

    gateway_str_t         text;
    unsigned              steps;     /* that are left */
    const char           *failure;   /* static text, or NULL */

    /* of the last match; no captures: all of it is one */
    size_t                ncaptures;
    const char           *start[GATEWAY_PATTERN_CAPTURES];
    const char           *end[GATEWAY_PATTERN_CAPTURES];  /* NULL: a place */
} gateway_pattern_t;


/* NULL, or what is wrong with it (static text) */
const char *gateway_pattern_check(const gateway_str_t *source);

/* both must outlive it */
void gateway_pattern_init(gateway_pattern_t *pattern,
    const gateway_str_t *source, const gateway_str_t *text);

/*
 * Matches at that place only; the end of the match, or NULL: there is none,
 * or pattern->failure says why it was given up.
 */
const char *gateway_pattern_match_at(gateway_pattern_t *pattern,
    const char *p);

/* the first match from there on; sets *p to its begin, returns its end */
const char *gateway_pattern_match(gateway_pattern_t *pattern, const char **p);


#endif /* _GATEWAY_PATTERN_H_INCLUDED_ */
