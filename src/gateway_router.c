
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Finds the route of a request.  The cost is that of a hash of the host and
 * of walking the path once; it does not depend on the number of routes, but
 * on how many share both the host and a prefix of the path.
 */


#include "gateway_router_private.h"

#include <string.h>


static void gateway_router_search_exact(gateway_router_search_t *search,
    const gateway_str_t *host, uint32_t port);
static void gateway_router_search_wildcards(gateway_router_search_t *search,
    uint32_t root, const char *data, size_t len);
static void gateway_router_search_bucket(gateway_router_search_t *search,
    uint32_t bucket);
static void gateway_router_drop(gateway_router_search_t *search,
    gateway_router_cursor_t *cursor);
static void gateway_router_walk(gateway_router_search_t *search,
    uint32_t root);


void
gateway_router_free(gateway_router_t *router)
{
    size_t                     i;
    gateway_router_regex_t    *regex;
    gateway_router_scratch_t  *scratch;

    if (router == NULL) {
        return;
    }

    gateway_router_draft_free(router->draft);
    router->draft = NULL;

    if (router->regexes != NULL) {

        for (i = 0; i < GATEWAY_ROUTER_REGEX_SLOTS; i++) {
            for (regex = router->regexes[i]; regex; regex = regex->next) {
                pcre2_code_free(regex->code);
            }
        }

        router->regexes = NULL;
    }

    scratch = router->scratch;

    if (scratch != NULL) {
        pcre2_jit_stack_free(scratch->stack);
        pcre2_match_context_free(scratch->context);
        pcre2_match_data_free(scratch->match_data);
        gateway_router_heap_free(scratch->lower);
        gateway_expression_scratch_free(&scratch->expression);

        router->scratch = NULL;
    }
}


int
gateway_router_match(const gateway_router_t *router,
    const gateway_router_request_t *request, gateway_router_match_t *match)
{
    int                           rc;
    uint32_t                      rank;
    gateway_router_search_t       search;
    const gateway_router_item_t  *item;

    if (router->traditional != NULL) {
        return gateway_router_traditional_match(router, request, match);
    }

    gateway_router_search(&search, router, request);

    for ( ;; ) {

        rank = gateway_router_next(&search);

        if (rank == GATEWAY_ROUTER_NONE) {
            return 0;
        }

        item = &router->items[rank];

        rc = 1;

        if (item->code != NULL || item->part->conditions) {
            rc = gateway_router_test(&search, item);
        }

        if (rc == 1) {
            gateway_router_found(router, item, match);
        }

        if (rc != 0) {
            return rc;
        }
    }
}


void
gateway_router_search(gateway_router_search_t *search,
    const gateway_router_t *router, const gateway_router_request_t *request)
{
    int            port;
    char           reversed[GATEWAY_ROUTER_MAX_HOST];
    size_t         i, len;
    gateway_str_t  host;

    search->router = router;
    search->request = request;
    search->ncursors = 0;
    search->rank = GATEWAY_ROUTER_NONE;
    search->method = 0;
    search->asked = 0;

    if (!router->built) {
        return;
    }

    search->cursors = router->scratch->cursors;

    gateway_router_search_bucket(search, router->any);

    if (request->host.len == 0) {
        return;
    }

    host = request->host;
    search->port = request->port;
    port = 1;

    if (router->traditional != NULL) {
        gateway_router_traditional_host(request, &host, &search->port, &port);

    } else if (host.data[host.len - 1] <= '9') {

        /* may end in a port */

        gateway_router_split_host(&request->host, &host, &search->port);

        if (search->port == GATEWAY_ROUTER_NO_PORT) {
            search->port = request->port;
        }
    }

    if (router->slots != NULL) {

        gateway_router_search_exact(search, &host, GATEWAY_ROUTER_NO_PORT);

        if (router->ports && port) {
            gateway_router_search_exact(search, &host, search->port);
        }
    }

    if (router->prefixes != GATEWAY_ROUTER_NONE) {
        gateway_router_search_wildcards(search, router->prefixes, host.data,
                                        host.len);
    }

    if (router->suffixes != GATEWAY_ROUTER_NONE) {

        /* no configured suffix is longer than the buffer */

        len = host.len;

        if (len > GATEWAY_ROUTER_MAX_HOST) {
            len = GATEWAY_ROUTER_MAX_HOST;
        }

        for (i = 0; i < len; i++) {
            reversed[i] = host.data[host.len - 1 - i];
        }

        gateway_router_search_wildcards(search, router->suffixes, reversed,
                                        len);
    }
}


static void
gateway_router_search_exact(gateway_router_search_t *search,
    const gateway_str_t *host, uint32_t port)
{
    uint32_t  bucket;

    bucket = gateway_router_exact(search->router, host, port);

    if (bucket != GATEWAY_ROUTER_NONE) {
        gateway_router_search_bucket(search, bucket);
    }
}


uint32_t
gateway_router_exact(const gateway_router_t *router,
    const gateway_str_t *host, uint32_t port)
{
    uint32_t                        i, hash;
    const gateway_router_slot_t    *slot;
    const gateway_router_bucket_t  *bucket;

    if (router->slots == NULL) {
        return GATEWAY_ROUTER_NONE;
    }

    hash = gateway_router_hash(host->data, host->len, port);

    for (i = hash; /* void */ ; i++) {

        slot = &router->slots[i & router->mask];

        if (slot->bucket == GATEWAY_ROUTER_NONE) {
            return GATEWAY_ROUTER_NONE;
        }

        if (slot->hash != hash) {
            continue;
        }

        bucket = &router->buckets[slot->bucket];

        if (bucket->port == port
            && gateway_router_str_eq(&bucket->host, host))
        {
            return slot->bucket;
        }
    }
}


static void
gateway_router_search_wildcards(gateway_router_search_t *search,
    uint32_t root, const char *data, size_t len)
{
    uint32_t                      i, bucket, port;
    const gateway_router_t       *router;
    const gateway_router_node_t  *node;

    router = search->router;
    node = &router->nodes[root];

    for ( ;; ) {

        if (!gateway_router_label(node, data, len)) {
            return;
        }

        data += node->len;
        len -= node->len;

        for (i = 0; i < node->nlist; i++) {

            bucket = router->values[node->list + i];
            port = router->buckets[bucket].port;

            if (port != GATEWAY_ROUTER_NO_PORT && port != search->port) {
                continue;
            }

            if (len == 0 && router->traditional != NULL
                && !gateway_router_traditional_bare(
                       &router->buckets[bucket]))
            {
                continue;
            }

            gateway_router_search_bucket(search, bucket);
        }

        if (len == 0) {
            return;
        }

        node = gateway_router_child(router, node, *data);

        if (node == NULL) {
            return;
        }
    }
}


static void
gateway_router_search_bucket(gateway_router_search_t *search, uint32_t bucket)
{
    gateway_router_cursor_t  *cursor;

    if (search->router->buckets[bucket].root == GATEWAY_ROUTER_NONE) {
        return;
    }

    cursor = &search->cursors[search->ncursors++];

    cursor->pos = NULL;
    cursor->rank = search->router->buckets[bucket].best;
    cursor->bucket = bucket;
}


uint32_t
gateway_router_next(gateway_router_search_t *search)
{
    size_t                    i;
    uint32_t                  rank, root;
    gateway_router_cursor_t  *cursor, *best;

    while (search->ncursors > 0) {

        best = search->cursors;

        for (i = 1; i < search->ncursors; i++) {

            cursor = &search->cursors[i];

            if (cursor->rank < best->rank) {
                best = cursor;
            }
        }

        if (best->pos == NULL) {

            root = search->router->buckets[best->bucket].root;

            gateway_router_drop(search, best);
            gateway_router_walk(search, root);

            continue;
        }

        rank = *best->pos++;

        if (best->pos < best->last) {
            best->rank = *best->pos;

        } else {
            gateway_router_drop(search, best);
        }

        if (rank != search->rank) {
            search->rank = rank;
            return rank;
        }
    }

    return GATEWAY_ROUTER_NONE;
}


static void
gateway_router_drop(gateway_router_search_t *search,
    gateway_router_cursor_t *cursor)
{
    gateway_router_cursor_t  *last;

    last = &search->cursors[--search->ncursors];

    if (cursor != last) {
        *cursor = *last;
    }
}


static void
gateway_router_walk(gateway_router_search_t *search, uint32_t root)
{
    size_t                        len;
    const char                   *data;
    const gateway_router_t       *router;
    gateway_router_cursor_t      *cursor;
    const gateway_router_node_t  *node;

    router = search->router;
    node = &router->nodes[root];

    data = search->request->path.data;
    len = search->request->path.len;

    for ( ;; ) {

        if (!gateway_router_label(node, data, len)) {
            return;
        }

        data += node->len;
        len -= node->len;

        if (node->nlist > 0) {

            cursor = &search->cursors[search->ncursors++];

            cursor->pos = router->values + node->list;
            cursor->last = cursor->pos + node->nlist;
            cursor->rank = *cursor->pos;
        }

        if (len == 0) {
            return;
        }

        node = gateway_router_child(router, node, *data);

        if (node == NULL) {
            return;
        }
    }
}


int
gateway_router_label(const gateway_router_node_t *node, const char *data,
    size_t len)
{
    /* the first byte chose the node, in the root it is often all there is */

    if (node->len > 1) {
        return node->len <= len && memcmp(node->label, data, node->len) == 0;
    }

    return node->len == 0 || (len > 0 && node->first == (unsigned char) *data);
}


const gateway_router_node_t *
gateway_router_child(const gateway_router_t *router,
    const gateway_router_node_t *node, char c)
{
    uint32_t                      n, half, distance;
    const gateway_router_node_t  *child;

    n = node->nchildren;

    if (n == 0) {
        return NULL;
    }

    child = &router->nodes[node->children];

    if ((unsigned char) c < child->first) {
        return NULL;
    }

    /*
     * Children are sorted, so none is farther from the first than its byte
     * is; with digits or letters without gaps that is where it stands.
     */

    distance = (uint32_t) ((unsigned char) c - child->first);

    if (distance < n) {

        if (child[distance].first == (unsigned char) c) {
            return &child[distance];
        }

        n = distance;
    }

    /* the last child that is not greater */

    while (n > 1) {

        half = n / 2;

        if (child[half].first <= (unsigned char) c) {
            child += half;
        }

        n -= half;
    }

    return (child->first == (unsigned char) c) ? child : NULL;
}


/* the match data is still that of the winner: its path is tested last */

void
gateway_router_found(const gateway_router_t *router,
    const gateway_router_item_t *item, gateway_router_match_t *match)
{
    size_t       i, n;
    uint32_t     groups;
    PCRE2_SIZE  *offsets;

    match->route = item->part->data;
    match->path = item->path.data ? &item->path : NULL;
    match->matched = item->path.len;
    match->ncaptures = 0;
    match->names = NULL;

    match->nhits = 0;

    if (item->code == NULL) {

        if (item->part->native) {
            gateway_router_found_native(router, match);
        }

        return;
    }

    offsets = pcre2_get_ovector_pointer(router->scratch->match_data);

    match->matched = offsets[1] - offsets[0];
    match->names = item->code;

    groups = 0;
    (void) pcre2_pattern_info(item->code, PCRE2_INFO_CAPTURECOUNT, &groups);

    n = (size_t) groups + 1;

    if (n > GATEWAY_ROUTER_MAX_CAPTURES) {
        n = GATEWAY_ROUTER_MAX_CAPTURES;
    }

    /* PCRE2 marks groups that took no part with its own SIZE_MAX */

    for (i = 0; i < 2 * n; i++) {
        match->captures[i] = offsets[i];
    }

    match->ncaptures = n;
}


int
gateway_router_capture(const gateway_router_match_t *match,
    const gateway_router_request_t *request, const gateway_str_t *name,
    gateway_str_t *value)
{
    if (match->nhits > 0) {
        return gateway_router_capture_native(match, name, value);
    }

    if (match->names == NULL) {
        return 0;
    }

    return gateway_router_group_of(match->names, match->captures,
                                   match->ncaptures, &request->path, name,
                                   value);
}


const char *
gateway_router_capture_name(const gateway_router_match_t *match, size_t n)
{
    if (match->nhits > 0) {
        return gateway_router_capture_name_native(match, n);
    }

    return match->names ? gateway_router_name_of(match->names, &n) : NULL;
}


const char *
gateway_router_name_of(const void *code, size_t *n)
{
    uint32_t     count, size;
    PCRE2_SPTR   entry;

    if (pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count)
        || pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &size)
        || pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &entry))
    {
        return NULL;
    }

    if (*n >= count) {
        *n -= count;
        return NULL;
    }

    return (const char *) entry + *n * size + 2;
}


int
gateway_router_group_of(const void *code, const size_t *captures,
    size_t ncaptures, const gateway_str_t *text, const gateway_str_t *name,
    gateway_str_t *value)
{
    size_t       i, n;
    uint32_t     j, count, size;
    PCRE2_SPTR   entry;

    if (name->len == 0) {
        return 0;
    }

    n = 0;

    for (i = 0; i < name->len && i < 4; i++) {

        if (name->data[i] < '0' || name->data[i] > '9') {
            break;
        }

        n = n * 10 + (size_t) (name->data[i] - '0');
    }

    if (i < name->len) {

        /* an entry is the number in two bytes and the name with a zero */

        if (pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count)
            || pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE,
                                  &size)
            || pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &entry))
        {
            return 0;
        }

        for (j = 0; j < count; j++, entry += size) {
            if (strlen((const char *) entry + 2) == name->len
                && memcmp(entry + 2, name->data, name->len) == 0)
            {
                break;
            }
        }

        if (j == count) {
            return 0;
        }

        n = (size_t) entry[0] << 8 | entry[1];
    }

    if (n >= ncaptures || captures[2 * n] == SIZE_MAX) {
        return 0;
    }

    value->data = text->data + captures[2 * n];
    value->len = captures[2 * n + 1] - captures[2 * n];

    return 1;
}


void
gateway_router_split_host(const gateway_str_t *text, gateway_str_t *host,
    uint32_t *port)
{
    size_t       i;
    uint32_t     n;
    const char  *colon;

    *host = *text;
    *port = GATEWAY_ROUTER_NO_PORT;

    /* what does not end in a digit has no port */

    if (text->len == 0
        || text->data[text->len - 1] < '0'
        || text->data[text->len - 1] > '9')
    {
        return;
    }

    colon = memchr(text->data, ':', text->len);

    if (colon == NULL) {
        return;
    }

    n = 0;

    for (i = (size_t) (colon - text->data) + 1; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            return;
        }

        /* all that is no port is the same to us */

        if (n < 65536) {
            n = n * 10 + (uint32_t) (text->data[i] - '0');
        }
    }

    host->len = (size_t) (colon - text->data);
    *port = n;
}


/*
 * Eight bytes at a time, the last eight may overlap those before.  The tables
 * are fixed when a client comes, so there is no need of a secret.
 */

uint32_t
gateway_router_hash(const char *data, size_t len, uint32_t seed)
{
    uint32_t  a, b;
    uint64_t  hash, word;

    hash = (seed + len) * 0x9e3779b97f4a7c15u;

    if (len >= 8) {

        for ( /* void */ ; len > 8; len -= 8) {
            memcpy(&word, data, 8);
            data += 8;

            hash = (hash ^ word) * 0xff51afd7ed558ccdu;
            hash ^= hash >> 32;
        }

        memcpy(&word, data + len - 8, 8);

    } else if (len >= 4) {
        memcpy(&a, data, 4);
        memcpy(&b, data + len - 4, 4);

        word = (uint64_t) a << 32 | b;

    } else {
        word = 0;

        for ( /* void */ ; len > 0; len--) {
            word = word << 8 | (unsigned char) *data++;
        }
    }

    hash = (hash ^ word) * 0xff51afd7ed558ccdu;

    return (uint32_t) (hash ^ hash >> 32);
}


int
gateway_router_str_eq(const gateway_str_t *a, const gateway_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


char
gateway_router_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
}
