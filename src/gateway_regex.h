
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Regexes that are applied to texts of clients and upstreams: PCRE2 with
 * bounds on what a match may cost, in plain C.
 */


#ifndef _GATEWAY_REGEX_H_INCLUDED_
#define _GATEWAY_REGEX_H_INCLUDED_


#include "gateway_router.h"


typedef struct gateway_regex_s  gateway_regex_t;


/* NULL with a message in err; to be freed by gateway_regex_free() */
gateway_regex_t *gateway_regex_compile(const gateway_str_t *pattern,
    char *err, size_t errlen);

void gateway_regex_free(gateway_regex_t *regex);

/*
 * The first match at or after from: 1 with its place, 0 there is none, -1 it
 * would cost too much to find out
 */
int gateway_regex_match(gateway_regex_t *regex, const gateway_str_t *text,
    size_t from, size_t *start, size_t *end);


#endif /* _GATEWAY_REGEX_H_INCLUDED_ */
