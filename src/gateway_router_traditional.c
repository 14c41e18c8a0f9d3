
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The traditional flavor, Kong's router of old.  Routes that have the same
 * kinds of attributes make a category; categories are ordered by the number
 * of kinds and by their weights, the routes of one by what makes each of them
 * special (gateway_router_traditional_key() has both in one number).
 *
 * It does not simply take the first route in that order.  Of a category it
 * first tries a list of candidates: those that name the very host of the
 * request, or the path that was found for it, or a header that it has; of
 * such lists the shortest.  So "example.com:8000" beats "example.com",
 * although neither comes first in the order.  What that needs is kept here:
 * how long the lists are, and which path and which wildcard Kong would find
 * first among those of all routes.
 */


#include "gateway_router_private.h"

#include <stdlib.h>
#include <string.h>


/* parts of a key: category, then what orders the routes of a category */
#define GATEWAY_ROUTER_KINDS_SHIFT       60
#define GATEWAY_ROUTER_WEIGHT_SHIFT      53
#define GATEWAY_ROUTER_PORT_WILDCARD     ((uint64_t) 1 << 52)
#define GATEWAY_ROUTER_PLAIN_HOST        ((uint64_t) 1 << 51)
#define GATEWAY_ROUTER_REGEX             ((uint64_t) 1 << 50)
#define GATEWAY_ROUTER_HEADERS_SHIFT     40

#define GATEWAY_ROUTER_CATEGORIES        128
#define GATEWAY_ROUTER_HEADERS_MAX       0x3ff
#define GATEWAY_ROUTER_ORDER_MAX         (((int64_t) 1 << 39) - 1)

#define gateway_router_rank_of(key)                                           \
    ((key) & (((uint64_t) 1 << GATEWAY_ROUTER_WEIGHT_SHIFT) - 1))


/* how many routes of a category have a value */
typedef struct {
    gateway_str_t             value;
    uint32_t                  hash;
    uint32_t                  count;     /* 0: free */
    uint8_t                   category;  /* its attributes */
    uint8_t                   kind;
} gateway_router_count_t;


/* stretches of gateway_router_traditional_t.hosts, one per part */
typedef struct {
    uint32_t                  first;
    uint32_t                  n;
} gateway_router_stretch_t;


struct gateway_router_traditional_s {
    gateway_router_count_t    *counts;    /* hash, at most half full */
    uint32_t                   mask;

    /* rank of the first item of a category, GATEWAY_ROUTER_NONE: empty */
    uint32_t                   first[GATEWAY_ROUTER_CATEGORIES];

    uint32_t                  *order;     /* of items over all categories */
    uint32_t                  *wildcards; /* the same, of buckets */

    uint32_t                  *hosts;     /* buckets of the parts */
    gateway_router_stretch_t  *stretches;

    uint32_t                   prefixes;  /* trees of all routes' paths */
    uint32_t                   regexes;

    gateway_str_t             *names;     /* of headers, as Kong looks */
    uint32_t                   nnames;
};


/* what Kong finds in a request before it looks at routes */
typedef struct {
    uint32_t                   bucket;    /* whose list of hosts is taken */
    gateway_str_t              path;      /* no "~"; NULL data: none */
    const gateway_str_t       *name;      /* of a header, or NULL */
    uint8_t                    kinds;     /* that the request may have */
    uint8_t                    complete;
} gateway_router_hits_t;


/* a path on its way into a tree */
typedef struct {
    gateway_router_key_t       key;
    const pcre2_code          *code;
    uint32_t                   order;
} gateway_router_path_t;


/* a list of candidates: routes that have the value */
typedef struct {
    uint8_t                    kind;      /* 0: there is no list */
    gateway_str_t              value;
} gateway_router_list_t;


static int gateway_router_traditional_order(gateway_router_t *router);
static int gateway_router_traditional_global_cmp(const void *a,
    const void *b);
static int gateway_router_traditional_names(gateway_router_t *router,
    const gateway_router_part_t *part);
static int gateway_router_traditional_hosts(gateway_router_t *router);
static int gateway_router_traditional_counts(gateway_router_t *router);
static void gateway_router_traditional_count(gateway_router_t *router,
    const gateway_router_part_t *part, uint8_t kind,
    const gateway_str_t *value);
static gateway_router_count_t *gateway_router_traditional_slot(
    const gateway_router_traditional_t *traditional, uint8_t category,
    uint8_t kind, const gateway_str_t *value);
static int gateway_router_traditional_trees(gateway_router_t *router);
static int gateway_router_traditional_tree(gateway_router_t *router,
    gateway_router_path_t *paths, int regexes, uint32_t *root);
static int gateway_router_traditional_path_cmp(const void *a, const void *b);
static uint32_t gateway_router_traditional_start(
    const gateway_router_t *router, const gateway_router_hits_t *hits);
static int gateway_router_traditional_hits(gateway_router_search_t *search,
    gateway_router_hits_t *hits);
static void gateway_router_traditional_host_hits(
    const gateway_router_search_t *search, gateway_router_hits_t *hits);
static int gateway_router_traditional_regex_hit(
    gateway_router_search_t *search, gateway_router_hits_t *hits);
static void gateway_router_traditional_prefix_hit(
    const gateway_router_search_t *search, gateway_router_hits_t *hits);
static int gateway_router_traditional_has_method(
    const gateway_router_search_t *search);
static void gateway_router_traditional_list(
    const gateway_router_search_t *search, const gateway_router_hits_t *hits,
    uint8_t category, gateway_router_list_t *list);
static int gateway_router_traditional_in_list(const gateway_router_t *router,
    const gateway_router_item_t *item, const gateway_router_list_t *list);
static gateway_str_t gateway_router_traditional_bucket(
    const uint32_t *bucket);
static gateway_str_t gateway_router_traditional_text(
    const gateway_router_item_t *item);


int
gateway_router_traditional_create(gateway_router_t *router)
{
    router->traditional = gateway_router_alloc(router, 1,
                                      sizeof(gateway_router_traditional_t));

    return (router->traditional == NULL) ? -1 : 0;
}


uint64_t
gateway_router_traditional_key(const gateway_router_draft_part_t *part)
{
    int64_t                       order;
    uint64_t                      key, headers, kinds;
    const gateway_router_part_t  *p;

    p = &part->part;

    kinds = (uint64_t) __builtin_popcount(p->attributes);
    headers = p->header_names;

    if (headers > GATEWAY_ROUTER_HEADERS_MAX) {
        headers = GATEWAY_ROUTER_HEADERS_MAX;
    }

    key = kinds << GATEWAY_ROUTER_KINDS_SHIFT
          | (uint64_t) p->attributes << GATEWAY_ROUTER_WEIGHT_SHIFT
          | headers << GATEWAY_ROUTER_HEADERS_SHIFT;

    if (part->port_wildcard) {
        key |= GATEWAY_ROUTER_PORT_WILDCARD;
    }

    if (p->plain_hosts) {
        key |= GATEWAY_ROUTER_PLAIN_HOST;
    }

    if (!p->regex) {
        return key | p->prefix_len;
    }

    order = p->regex_priority;

    if (order > GATEWAY_ROUTER_ORDER_MAX) {
        order = GATEWAY_ROUTER_ORDER_MAX;
    }

    if (order < -GATEWAY_ROUTER_ORDER_MAX) {
        order = -GATEWAY_ROUTER_ORDER_MAX;
    }

    return key | GATEWAY_ROUTER_REGEX
           | (uint64_t) (order + GATEWAY_ROUTER_ORDER_MAX);
}


int
gateway_router_traditional_cmp(const void *a, const void *b)
{
    const gateway_router_draft_part_t  *x, *y;

    x = *(const gateway_router_draft_part_t *const *) a;
    y = *(const gateway_router_draft_part_t *const *) b;

    if (x->part.key != y->part.key) {
        return (x->part.key < y->part.key) ? 1 : -1;
    }

    if (x->created_at != y->created_at) {
        return (x->created_at > y->created_at) ? 1 : -1;
    }

    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}


int
gateway_router_traditional_build(gateway_router_t *router)
{
    if (gateway_router_traditional_order(router) == -1
        || gateway_router_traditional_hosts(router) == -1
        || gateway_router_traditional_counts(router) == -1)
    {
        return -1;
    }

    return gateway_router_traditional_trees(router);
}


/*
 * The order of parts over all categories.  A part has one path here, so that
 * the number of a part is the rank of its item.
 */

static int
gateway_router_traditional_order(gateway_router_t *router)
{
    size_t                          i, n;
    uint32_t                       *place;
    gateway_router_traditional_t   *traditional;
    gateway_router_draft_part_t   **sorted, **order;

    traditional = router->traditional;
    order = router->draft->order;
    n = router->nparts;

    memset(traditional->first, 0xff, sizeof(traditional->first));

    for (i = n; i > 0; i--) {
        traditional->first[order[i - 1]->part.attributes] = (uint32_t) i - 1;
        order[i - 1]->rank = (uint32_t) i - 1;
    }

    traditional->order = gateway_router_alloc(router, n, sizeof(uint32_t));

    sorted = gateway_router_heap(n, sizeof(gateway_router_draft_part_t *));

    if (traditional->order == NULL || sorted == NULL) {
        gateway_router_heap_free(sorted);
        return -1;
    }

    if (n > 0) {
        memcpy(sorted, order, n * sizeof(gateway_router_draft_part_t *));
    }

    qsort(sorted, n, sizeof(gateway_router_draft_part_t *),
          gateway_router_traditional_global_cmp);

    for (i = 0; i < n; i++) {

        place = &traditional->order[sorted[i]->rank];
        *place = (uint32_t) i;

        if (gateway_router_traditional_names(router,
                                             &router->parts[sorted[i]->rank])
            == -1)
        {
            gateway_router_heap_free(sorted);
            return -1;
        }
    }

    gateway_router_heap_free(sorted);

    return 0;
}


static int
gateway_router_traditional_global_cmp(const void *a, const void *b)
{
    uint64_t                            m, n;
    const gateway_router_draft_part_t  *x, *y;

    x = *(const gateway_router_draft_part_t *const *) a;
    y = *(const gateway_router_draft_part_t *const *) b;

    m = gateway_router_rank_of(x->part.key);
    n = gateway_router_rank_of(y->part.key);

    if (m != n) {
        return (m < n) ? 1 : -1;
    }

    if (x->created_at != y->created_at) {
        return (x->created_at > y->created_at) ? 1 : -1;
    }

    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}


/* adds the names of headers that are new */

static int
gateway_router_traditional_names(gateway_router_t *router,
    const gateway_router_part_t *part)
{
    size_t                         i, j;
    gateway_str_t                 *names;
    gateway_router_rare_t         *rare;
    gateway_router_traditional_t  *traditional;

    rare = part->rare;
    traditional = router->traditional;

    if (rare == NULL) {
        return 0;
    }

    for (i = 0; i < rare->nfields; i++) {

        for (j = 0; j < traditional->nnames; j++) {
            if (gateway_router_str_eq(&traditional->names[j],
                                      &rare->fields[i].name))
            {
                break;
            }
        }

        if (j < traditional->nnames) {
            continue;
        }

        /* doubles at powers of two; there are few */

        if ((j & (j - 1)) == 0) {

            names = gateway_router_alloc(router, j ? j * 2 : 1,
                                         sizeof(gateway_str_t));
            if (names == NULL) {
                return -1;
            }

            if (j > 0) {
                memcpy(names, traditional->names, j * sizeof(gateway_str_t));
            }

            traditional->names = names;
        }

        traditional->names[traditional->nnames++] = rare->fields[i].name;
    }

    return 0;
}


/* the hosts of each part, and the order in which wildcards are tried */

static int
gateway_router_traditional_hosts(gateway_router_t *router)
{
    size_t                         i, j, n;
    uint32_t                       b, *parts;
    gateway_router_stretch_t      *stretch;
    gateway_router_draft_part_t   *part;
    gateway_router_draft_host_t   *hosts;
    gateway_router_traditional_t  *traditional;

    traditional = router->traditional;
    hosts = router->draft->hosts.elts;
    n = router->draft->hosts.n;

    traditional->hosts = gateway_router_alloc(router, n, sizeof(uint32_t));
    traditional->wildcards = gateway_router_alloc(router,
                                                  router->draft->nbuckets,
                                                  sizeof(uint32_t));
    traditional->stretches = gateway_router_alloc(router, router->nparts,
                                            sizeof(gateway_router_stretch_t));

    parts = gateway_router_heap(router->nparts, sizeof(uint32_t));

    if (traditional->hosts == NULL || traditional->wildcards == NULL
        || traditional->stretches == NULL || parts == NULL)
    {
        gateway_router_heap_free(parts);
        return -1;
    }

    for (i = 0; i < n; i++) {
        traditional->hosts[i] = hosts[i].bucket;
    }

    for (i = 0; i < router->nparts; i++) {

        part = router->draft->order[i];
        stretch = &traditional->stretches[i];

        stretch->first = (uint32_t) part->host;
        stretch->n = (uint32_t) part->nhosts;

        parts[traditional->order[i]] = (uint32_t) i;
    }

    memset(traditional->wildcards, 0xff,
           router->draft->nbuckets * sizeof(uint32_t));

    n = 0;

    for (i = 0; i < router->nparts; i++) {

        stretch = &traditional->stretches[parts[i]];

        for (j = 0; j < stretch->n; j++) {

            b = traditional->hosts[stretch->first + j];

            if (traditional->wildcards[b] == GATEWAY_ROUTER_NONE) {
                traditional->wildcards[b] = (uint32_t) n++;
            }
        }
    }

    gateway_router_heap_free(parts);

    return 0;
}


static int
gateway_router_traditional_counts(gateway_router_t *router)
{
    size_t                         i, j, n;
    uint32_t                       method;
    gateway_str_t                  value;
    gateway_router_rare_t         *rare, none;
    gateway_router_part_t         *part;
    gateway_router_stretch_t      *stretch;
    gateway_router_traditional_t  *traditional;

    traditional = router->traditional;

    memset(&none, 0, sizeof(gateway_router_rare_t));

    /* methods: at most as many as have bits, the others are in rare */

    n = 0;

    for (i = 0; i < router->nparts; i++) {

        part = &router->parts[i];
        rare = part->rare ? part->rare : &none;

        n += traditional->stretches[i].n + rare->nfields + rare->nsnis
             + rare->nmethods + (size_t) __builtin_popcount(part->methods)
             + 1;
    }

    traditional->mask = 15;

    while (traditional->mask < n * 2) {
        traditional->mask = traditional->mask * 2 + 1;
    }

    traditional->counts = gateway_router_alloc(router,
                                               (size_t) traditional->mask + 1,
                                               sizeof(gateway_router_count_t));
    if (traditional->counts == NULL) {
        return -1;
    }

    for (i = 0; i < router->nparts; i++) {

        part = &router->parts[i];
        rare = part->rare ? part->rare : &none;
        stretch = &traditional->stretches[i];

        for (j = 0; j < stretch->n; j++) {
            value = gateway_router_traditional_bucket(
                                  &traditional->hosts[stretch->first + j]);

            gateway_router_traditional_count(router, part,
                                             GATEWAY_ROUTER_HOST, &value);
        }

        for (j = 0; j < rare->nfields; j++) {
            gateway_router_traditional_count(router, part,
                                             GATEWAY_ROUTER_HEADER,
                                             &rare->fields[j].name);
        }

        if (router->items[i].path.data != NULL) {
            value = gateway_router_traditional_text(&router->items[i]);

            gateway_router_traditional_count(router, part,
                                             GATEWAY_ROUTER_PATH, &value);
        }

        for (j = 0; j < rare->nsnis; j++) {
            gateway_router_traditional_count(router, part,
                                             GATEWAY_ROUTER_SNI,
                                             &rare->snis[j].text);
        }

        for (j = 0; j < rare->nmethods; j++) {
            gateway_router_traditional_count(router, part,
                                             GATEWAY_ROUTER_METHOD,
                                             &rare->methods[j]);
        }

        for (method = 0;
             rare->nmethods == 0 && method < router->nmethods;
             method++)
        {
            if (part->methods & ((uint32_t) 1 << method)) {
                gateway_router_traditional_count(router, part,
                                                 GATEWAY_ROUTER_METHOD,
                                                 &router->methods[method]);
            }
        }
    }

    return 0;
}


static void
gateway_router_traditional_count(gateway_router_t *router,
    const gateway_router_part_t *part, uint8_t kind,
    const gateway_str_t *value)
{
    gateway_router_count_t  *slot;

    slot = gateway_router_traditional_slot(router->traditional,
                                           part->attributes, kind, value);

    if (slot->count++ == 0) {
        slot->value = *value;
        slot->category = part->attributes;
        slot->kind = kind;
    }
}


/* the slot of a value, or the free one where it belongs */

static gateway_router_count_t *
gateway_router_traditional_slot(
    const gateway_router_traditional_t *traditional, uint8_t category,
    uint8_t kind, const gateway_str_t *value)
{
    uint32_t                 i;
    gateway_router_count_t  *slot;

    i = gateway_router_hash(value->data, value->len,
                            (uint32_t) category << 8 | kind);

    for ( /* void */ ; /* void */ ; i++) {

        slot = &traditional->counts[i & traditional->mask];

        if (slot->count == 0
            || (slot->category == category && slot->kind == kind
                && gateway_router_str_eq(&slot->value, value)))
        {
            return slot;
        }
    }
}


/* the paths of all routes, each once, whatever their hosts */

static int
gateway_router_traditional_trees(gateway_router_t *router)
{
    int                            rc;
    gateway_router_path_t         *paths;
    gateway_router_traditional_t  *traditional;

    traditional = router->traditional;

    traditional->prefixes = GATEWAY_ROUTER_NONE;
    traditional->regexes = GATEWAY_ROUTER_NONE;

    paths = gateway_router_heap(router->nitems,
                                sizeof(gateway_router_path_t));
    if (paths == NULL) {
        return -1;
    }

    rc = gateway_router_traditional_tree(router, paths, 0,
                                         &traditional->prefixes);
    if (rc == 0) {
        rc = gateway_router_traditional_tree(router, paths, 1,
                                             &traditional->regexes);
    }

    gateway_router_heap_free(paths);

    return rc;
}


static int
gateway_router_traditional_tree(gateway_router_t *router,
    gateway_router_path_t *paths, int regexes, uint32_t *root)
{
    size_t                  i, n, count;
    gateway_router_key_t   *keys;
    gateway_router_item_t  *item;
    gateway_router_path_t  *path;

    n = 0;

    for (i = 0; i < router->nitems; i++) {

        item = &router->items[router->draft->literals[i].value];

        if (item->path.data == NULL || (item->code != NULL) != regexes) {
            continue;
        }

        path = &paths[n++];

        path->key = router->draft->literals[i];
        path->code = item->code;
        path->order = router->traditional->order[path->key.value];
    }

    if (n == 0) {
        return 0;
    }

    qsort(paths, n, sizeof(gateway_router_path_t),
          gateway_router_traditional_path_cmp);

    keys = gateway_router_heap(n, sizeof(gateway_router_key_t));
    if (keys == NULL) {
        return -1;
    }

    count = 0;

    for (i = 0; i < n; i++) {

        path = &paths[i];

        if (i == 0 || path->code != path[-1].code
            || path->key.len != path[-1].key.len
            || memcmp(path->key.data, path[-1].key.data, path->key.len) != 0)
        {
            keys[count++] = path->key;
        }
    }

    n = gateway_router_tree_build(&router->draft->tree, keys, count, root);

    gateway_router_heap_free(keys);

    return (n == 0) ? -1 : 0;
}


/* by text, then the same regexes together, the one that counts first */

static int
gateway_router_traditional_path_cmp(const void *a, const void *b)
{
    int                           rc;
    gateway_router_key_t          m, n;
    const gateway_router_path_t  *x, *y;

    x = a;
    y = b;

    m = x->key;
    n = y->key;

    m.value = 0;
    n.value = 0;

    rc = gateway_router_key_cmp(&m, &n);

    if (rc != 0) {
        return rc;
    }

    if (x->code != y->code) {
        return ((uintptr_t) x->code > (uintptr_t) y->code) ? 1 : -1;
    }

    return (x->order > y->order) - (x->order < y->order);
}


int
gateway_router_traditional_bare(const gateway_router_bucket_t *bucket)
{
    /*
     * The pattern of "example.*" sees the port of the host as well, and takes
     * that for the missing label.
     */

    return bucket->kind == GATEWAY_ROUTER_PREFIX
           && bucket->port == GATEWAY_ROUTER_NO_PORT;
}


void
gateway_router_traditional_host(const gateway_router_request_t *request,
    gateway_str_t *host, uint32_t *port, int *explicit_port)
{
    uint32_t        n;
    const char     *end;
    gateway_str_t   tail;

    *explicit_port = 0;
    *port = request->tls ? 443 : 80;
    *host = request->host;

    if (host->len == 0) {
        return;
    }

    if (host->data[0] != '[') {

        end = memchr(host->data, ':', host->len);

        if (end != NULL && end == host->data + host->len - 1) {
            host->len--;
            return;
        }

        gateway_router_split_host(&request->host, host, &n);

    } else {

        end = memchr(host->data, ']', host->len);

        if (end == NULL) {
            return;
        }

        tail.data = end + 1;
        tail.len = host->len - (size_t) (tail.data - host->data);

        if (tail.len > 0 && tail.data[0] != ':') {
            return;
        }

        gateway_router_split_host(&tail, &tail, &n);

        if (tail.len > 1) {
            /* no number */
            return;
        }

        host->data++;
        host->len = (size_t) (end - host->data);
    }

    if (n != GATEWAY_ROUTER_NO_PORT) {
        *port = n;
        *explicit_port = 1;
    }
}


int
gateway_router_traditional_match(const gateway_router_t *router,
    const gateway_router_request_t *request, gateway_router_match_t *match)
{
    int                           rc;
    uint32_t                      rank, start;
    gateway_router_hits_t         hits;
    gateway_router_list_t         list;
    gateway_router_search_t       search;
    const gateway_router_item_t  *item, *kept;

    start = 0;
    kept = NULL;

    memset(&hits, 0, sizeof(gateway_router_hits_t));

    gateway_router_search(&search, router, request);

    /* while the buckets of the hosts are still all there */

    gateway_router_traditional_host_hits(&search, &hits);

    for ( ;; ) {

        rank = gateway_router_next(&search);

        if (rank == GATEWAY_ROUTER_NONE) {
            break;
        }

        item = &router->items[rank];

        if (kept == NULL) {

            if (rank < start) {
                continue;
            }

        } else if (item->part->attributes != kept->part->attributes) {
            break;

        } else if (!gateway_router_traditional_in_list(router, item, &list)) {
            continue;
        }

        rc = gateway_router_test(&search, item);

        if (rc == -1) {
            return -1;
        }

        if (rc == 0) {
            continue;
        }

        if (kept != NULL) {
            gateway_router_found(router, item, match);
            return 1;
        }

        if (gateway_router_traditional_hits(&search, &hits) == -1) {
            return -1;
        }

        if ((item->part->attributes & GATEWAY_ROUTER_SNI) && !request->tls) {

            start = gateway_router_traditional_start(router, &hits);

            if (rank < start) {
                continue;
            }
        }

        gateway_router_traditional_list(&search, &hits,
                                        item->part->attributes, &list);
        kept = item;

        if (list.kind == 0
            || gateway_router_traditional_in_list(router, item, &list))
        {
            break;
        }
    }

    if (kept == NULL) {
        return 0;
    }

    /* once more, for its captures */

    rc = gateway_router_test(&search, kept);

    if (rc == 1) {
        gateway_router_found(router, kept, match);
    }

    return rc;
}


/*
 * The first category that is looked at: the one of all that the request may
 * have, if there is such.  An SNI is no condition without TLS, but is not
 * counted then either, so routes with one are passed by here.
 */

static uint32_t
gateway_router_traditional_start(const gateway_router_t *router,
    const gateway_router_hits_t *hits)
{
    uint32_t  first;

    if (hits->kinds == 0) {
        return GATEWAY_ROUTER_NONE;
    }

    first = router->traditional->first[hits->kinds];

    return (first == GATEWAY_ROUTER_NONE) ? 0 : first;
}


static int
gateway_router_traditional_hits(gateway_router_search_t *search,
    gateway_router_hits_t *hits)
{
    size_t                               i;
    gateway_str_t                        value;
    const gateway_router_request_t      *request;
    const gateway_router_traditional_t  *traditional;

    request = search->request;
    traditional = search->router->traditional;

    if (hits->complete) {
        return 0;
    }

    hits->complete = 1;

    for (i = 0; i < traditional->nnames; i++) {
        if (request->header(request->header_data, &traditional->names[i], 0,
                            &value))
        {
            hits->name = &traditional->names[i];
            hits->kinds |= GATEWAY_ROUTER_HEADER;
            break;
        }
    }

    if (gateway_router_traditional_has_method(search)) {
        hits->kinds |= GATEWAY_ROUTER_METHOD;
    }

    if (traditional->regexes != GATEWAY_ROUTER_NONE
        && gateway_router_traditional_regex_hit(search, hits) == -1)
    {
        return -1;
    }

    if (hits->path.data == NULL
        && traditional->prefixes != GATEWAY_ROUTER_NONE)
    {
        gateway_router_traditional_prefix_hit(search, hits);
    }

    if (hits->path.data != NULL) {
        hits->kinds |= GATEWAY_ROUTER_PATH;
    }

    return 0;
}


/* a plain host; only without one the first wildcard */

static void
gateway_router_traditional_host_hits(const gateway_router_search_t *search,
    gateway_router_hits_t *hits)
{
    int                                  with_port;
    size_t                               i;
    uint32_t                             port, plain, exact, bucket;
    gateway_str_t                        host;
    const gateway_router_t              *router;
    const gateway_router_request_t      *request;
    const gateway_router_traditional_t  *traditional;

    router = search->router;
    request = search->request;
    traditional = router->traditional;

    hits->bucket = GATEWAY_ROUTER_NONE;

    gateway_router_traditional_host(request, &host, &port, &with_port);

    plain = gateway_router_exact(router, &host, GATEWAY_ROUTER_NO_PORT);
    exact = gateway_router_exact(router, &host, port);

    if (plain != GATEWAY_ROUTER_NONE || exact != GATEWAY_ROUTER_NONE) {

        hits->kinds |= GATEWAY_ROUTER_HOST;

        if (with_port) {
            hits->bucket = exact;

        } else if (host.len == request->host.len) {
            hits->bucket = plain;
        }

        return;
    }

    for (i = 0; i < search->ncursors; i++) {

        bucket = search->cursors[i].bucket;

        if (traditional->wildcards[bucket] == GATEWAY_ROUTER_NONE) {
            continue;
        }

        hits->kinds |= GATEWAY_ROUTER_HOST;

        if (hits->bucket == GATEWAY_ROUTER_NONE
            || traditional->wildcards[bucket]
               < traditional->wildcards[hits->bucket])
        {
            hits->bucket = bucket;
        }
    }
}


static int
gateway_router_traditional_regex_hit(gateway_router_search_t *search,
    gateway_router_hits_t *hits)
{
    int                           rc;
    size_t                        len;
    uint32_t                      i, rank, best;
    const char                   *data;
    const gateway_router_t       *router;
    const gateway_router_node_t  *node;

    router = search->router;
    node = &router->nodes[router->traditional->regexes];

    data = search->request->path.data;
    len = search->request->path.len;

    best = GATEWAY_ROUTER_NONE;

    while (node != NULL && gateway_router_label(node, data, len)) {

        data += node->len;
        len -= node->len;

        for (i = 0; i < node->nlist; i++) {

            rank = router->values[node->list + i];

            if (best != GATEWAY_ROUTER_NONE
                && router->traditional->order[rank]
                   > router->traditional->order[best])
            {
                continue;
            }

            rc = gateway_router_test_path(router, &router->items[rank],
                                          &search->request->path);
            if (rc == -1) {
                return -1;
            }

            if (rc == 1) {
                best = rank;
            }
        }

        node = (len > 0) ? gateway_router_child(router, node, *data) : NULL;
    }

    if (best != GATEWAY_ROUTER_NONE) {
        hits->path = gateway_router_traditional_text(&router->items[best]);
    }

    return 0;
}


/* the longest */

static void
gateway_router_traditional_prefix_hit(const gateway_router_search_t *search,
    gateway_router_hits_t *hits)
{
    size_t                        len;
    const char                   *data;
    const gateway_router_t       *router;
    const gateway_router_node_t  *node;

    router = search->router;
    node = &router->nodes[router->traditional->prefixes];

    data = search->request->path.data;
    len = search->request->path.len;

    while (node != NULL && gateway_router_label(node, data, len)) {

        data += node->len;
        len -= node->len;

        if (node->nlist > 0) {
            hits->path.data = search->request->path.data;
            hits->path.len = search->request->path.len - len;
        }

        node = (len > 0) ? gateway_router_child(router, node, *data) : NULL;
    }
}


static int
gateway_router_traditional_has_method(const gateway_router_search_t *search)
{
    size_t                   i, j;
    const gateway_str_t     *method;
    const gateway_router_t  *router;
    gateway_router_rare_t   *rare;

    router = search->router;
    method = &search->request->method;

    for (i = 0; i < router->nmethods; i++) {
        if (gateway_router_str_eq(&router->methods[i], method)) {
            return 1;
        }
    }

    if (router->nmethods < GATEWAY_ROUTER_MAX_METHODS) {
        return 0;
    }

    for (i = 0; i < router->nparts; i++) {

        rare = router->parts[i].rare;

        for (j = 0; rare != NULL && j < rare->nmethods; j++) {
            if (gateway_router_str_eq(&rare->methods[j], method)) {
                return 1;
            }
        }
    }

    return 0;
}


/* the list of a category that is tried before all of its routes */

static void
gateway_router_traditional_list(const gateway_router_search_t *search,
    const gateway_router_hits_t *hits, uint8_t category,
    gateway_router_list_t *list)
{
    size_t                               i;
    uint32_t                             count, least;
    gateway_str_t                        values[5];
    const gateway_router_traditional_t  *traditional;

    static const uint8_t  kinds[5] = {
        GATEWAY_ROUTER_HOST,
        GATEWAY_ROUTER_HEADER,
        GATEWAY_ROUTER_PATH,
        GATEWAY_ROUTER_METHOD,
        GATEWAY_ROUTER_SNI
    };

    traditional = search->router->traditional;

    memset(values, 0, sizeof(values));

    if (hits->bucket != GATEWAY_ROUTER_NONE) {
        values[0] = gateway_router_traditional_bucket(&hits->bucket);
    }

    if (hits->name != NULL) {
        values[1] = *hits->name;
    }

    values[2] = hits->path;
    values[3] = search->request->method;
    values[4] = search->request->sni;

    least = 0;
    list->kind = 0;

    for (i = 0; i < 5; i++) {

        if (!(category & kinds[i]) || values[i].len == 0) {
            continue;
        }

        count = gateway_router_traditional_slot(traditional, category,
                                                kinds[i], &values[i])->count;
        if (count == 0) {
            continue;
        }

        if (list->kind == 0 || count < least
            || kinds[i] == GATEWAY_ROUTER_HEADER)
        {
            least = count;
            list->kind = kinds[i];
            list->value = values[i];
        }

        /* a list by header is taken whatever the others are */

        if (kinds[i] == GATEWAY_ROUTER_HEADER) {
            return;
        }
    }
}


/* whether a route that matches is in a list */

static int
gateway_router_traditional_in_list(const gateway_router_t *router,
    const gateway_router_item_t *item, const gateway_router_list_t *list)
{
    size_t                           i;
    gateway_str_t                    value;
    gateway_router_rare_t           *rare;
    const gateway_router_stretch_t  *stretch;

    rare = item->part->rare;

    switch (list->kind) {

    case GATEWAY_ROUTER_HOST:

        stretch = &router->traditional->stretches[item - router->items];

        for (i = 0; i < stretch->n; i++) {

            value = gateway_router_traditional_bucket(
                          &router->traditional->hosts[stretch->first + i]);

            if (gateway_router_str_eq(&value, &list->value)) {
                return 1;
            }
        }

        return 0;

    case GATEWAY_ROUTER_HEADER:

        for (i = 0; rare != NULL && i < rare->nfields; i++) {
            if (gateway_router_str_eq(&rare->fields[i].name, &list->value)) {
                return 1;
            }
        }

        return 0;

    case GATEWAY_ROUTER_PATH:
        value = gateway_router_traditional_text(item);

        return gateway_router_str_eq(&value, &list->value);

    default:
        /* the test saw to the method and the SNI */
        return 1;
    }
}


/* numbers of buckets are counted like texts */

static gateway_str_t
gateway_router_traditional_bucket(const uint32_t *bucket)
{
    gateway_str_t  text;

    text.data = (const char *) bucket;
    text.len = sizeof(uint32_t);

    return text;
}


static gateway_str_t
gateway_router_traditional_text(const gateway_router_item_t *item)
{
    gateway_str_t  text;

    text = item->path;

    if (item->code != NULL) {
        text.data++;
        text.len--;
    }

    return text;
}


uint32_t
gateway_router_traditional_first(const gateway_router_t *router,
    const gateway_router_match_t *match)
{
    uint32_t                      i;
    const gateway_router_item_t  *item;

    for (i = 0; i < router->nitems; i++) {

        item = &router->items[i];

        if (item->part->data == match->route
            && (match->path == NULL || match->path == &item->path))
        {
            return router->traditional->first[item->part->attributes];
        }
    }

    return 0;
}


const char *
gateway_router_traditional_reason(const gateway_router_candidate_t *a,
    const gateway_router_candidate_t *b)
{
    uint64_t  diff;

    diff = a->priority ^ b->priority;

    if (diff == 0) {
        return "created earlier or listed first";
    }

    if (a->priority < b->priority) {
        return "found by its very host, path or header";
    }

    if (a->kinds != b->kinds) {
        return "more attribute kinds";
    }

    if (diff >> GATEWAY_ROUTER_WEIGHT_SHIFT) {
        return "weightier kinds: host, header, path, method, SNI";
    }

    if (diff & GATEWAY_ROUTER_PORT_WILDCARD) {
        return "wildcard host with a port";
    }

    if (diff & GATEWAY_ROUTER_PLAIN_HOST) {
        return "hosts without wildcards";
    }

    if (diff & GATEWAY_ROUTER_REGEX) {
        return "regex path";
    }

    if (a->header_names != b->header_names) {
        return "more header names";
    }

    return a->regex ? "higher regex_priority" : "longer prefix";
}
