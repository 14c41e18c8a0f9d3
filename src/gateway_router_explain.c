
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What explain shows: all that matches, and why one beats the next.
 */


#include "gateway_router_private.h"

#include <string.h>


size_t
gateway_router_candidates(const gateway_router_t *router,
    const gateway_router_request_t *request,
    gateway_router_candidate_t *candidates, size_t n)
{
    size_t                        total;
    uint32_t                      rank;
    gateway_router_search_t       search;
    uint32_t                      start;
    const gateway_str_t          *winner;
    gateway_router_match_t        match;
    gateway_router_candidate_t   *candidate, first;
    const gateway_router_item_t  *item;
    const gateway_router_part_t  *part;

    total = 0;
    part = NULL;
    start = 0;
    winner = NULL;
    match.route = NULL;

    if (router->traditional != NULL) {

        if (gateway_router_match(router, request, &match) != 1) {
            return 0;
        }

        winner = match.path;
        start = gateway_router_traditional_first(router, &match);
    }

    gateway_router_search(&search, router, request);

    while ((rank = gateway_router_next(&search)) != GATEWAY_ROUTER_NONE) {

        item = &router->items[rank];

        /* ranks of a part follow each other: its first path counts */

        if (item->part == part || rank < start
            || gateway_router_test(&search, item) != 1) {
            continue;
        }

        part = item->part;

        if (total++ >= n) {
            continue;
        }

        candidate = &candidates[total - 1];

        candidate->route = part->data;
        candidate->path = item->path.data ? &item->path : NULL;
        candidate->priority = part->key;
        candidate->kinds = (unsigned) __builtin_popcount(part->attributes);
        candidate->header_names = part->header_names;
        candidate->regex_priority = part->regex_priority;
        candidate->prefix_len = part->prefix_len;
        candidate->expression = part->native
                                ? gateway_expression_text(
                                      part->rare->expression)
                                : NULL;
        candidate->plain_hosts = (part->plain_hosts != 0);
        candidate->regex = (part->regex != 0);

        memcpy(candidate->id, part->id, 16);

        /* the winner need not be the first in that flavor's order */

        if (router->traditional != NULL && part->data == match.route
            && candidate->path == winner)
        {
            first = *candidate;

            memmove(candidates + 1, candidates,
                    (total - 1) * sizeof(gateway_router_candidate_t));

            candidates[0] = first;
        }
    }

    return total;
}


const char *
gateway_router_reason(const gateway_router_t *router,
    const gateway_router_candidate_t *a, const gateway_router_candidate_t *b)
{
    uint64_t  diff;

    if (router->traditional != NULL) {
        return gateway_router_traditional_reason(a, b);
    }

    if ((a->expression != NULL) != (b->expression != NULL)) {
        return "expressions come first";
    }

    diff = a->priority ^ b->priority;

    if (diff == 0) {
        return "higher id";
    }

    if (a->expression != NULL) {
        return "higher priority";
    }

    if (router->options.strict) {

        if (a->kinds != b->kinds) {
            return "more attribute kinds";
        }

        if (a->plain_hosts != b->plain_hosts) {
            return "hosts without wildcards";
        }

        if (a->header_names != b->header_names) {
            return "more header names";
        }

        if (a->regex != b->regex) {
            return "regex path";
        }

        return a->regex ? "higher regex_priority" : "longer prefix";
    }

    /*
     * regex_priority takes bits 19 and up, so from 1024 on it reaches into
     * those of the kinds and from 4096 on into the sign, which sets all of
     * the upper half.
     */

    if (diff >> 63) {
        return (a->kinds >= 4 && b->kinds < 4)
               ? "four or more attribute kinds"
               : "regex_priority that outgrew its bits";
    }

    if ((diff >> 60) & 1) {
        return "hosts without wildcards";
    }

    if ((diff >> 51) & 1) {
        return "regex path";
    }

    if ((diff >> 29) & 7) {
        return (a->kinds > b->kinds) ? "more attribute kinds"
                                     : "regex_priority that outgrew its bits";
    }

    if (diff >> 19) {
        return (a->regex_priority != b->regex_priority)
               ? "higher regex_priority" : "more header names";
    }

    return "longer prefix";
}
