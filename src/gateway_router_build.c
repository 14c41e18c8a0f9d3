
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Builds the index of the router from the routes that were added.  Whatever
 * is needed only until then is in the draft, in memory of its own.
 */


#include "gateway_router_private.h"

#include <stdlib.h>
#include <string.h>


/* bounds of one regex: backtracks, depth, KiB; bytes of the JIT's stack */
#define GATEWAY_ROUTER_MATCH_LIMIT   100000
#define GATEWAY_ROUTER_DEPTH_LIMIT   10000
#define GATEWAY_ROUTER_HEAP_LIMIT    8192
#define GATEWAY_ROUTER_STACK_MIN     (32 * 1024)
#define GATEWAY_ROUTER_STACK_MAX     (512 * 1024)


static int gateway_router_build_ranks(gateway_router_t *router);
static int gateway_router_build_buckets(gateway_router_t *router);
static uint32_t gateway_router_build_bucket(gateway_router_t *router,
    uint32_t mask, const gateway_router_draft_host_t *host);
static int gateway_router_build_keys(gateway_router_t *router);
static int gateway_router_build_trees(gateway_router_t *router);
static size_t gateway_router_build_wildcards(gateway_router_t *router,
    gateway_router_kind_t kind, uint32_t *root);
static int gateway_router_build_slots(gateway_router_t *router);
static int gateway_router_build_scratch(gateway_router_t *router,
    size_t cursors);
static int gateway_router_part_cmp(const void *a, const void *b);


int
gateway_router_build(gateway_router_t *router)
{
    if (router->draft == NULL
        || gateway_router_build_ranks(router) == -1
        || gateway_router_build_buckets(router) == -1
        || gateway_router_build_keys(router) == -1
        || gateway_router_build_trees(router) == -1
        || gateway_router_build_slots(router) == -1)
    {
        return -1;
    }

    gateway_router_draft_free(router->draft);

    router->draft = NULL;
    router->built = 1;

    return 0;
}


/* sorts parts and numbers their paths; sorts the literals of these */

static int
gateway_router_build_ranks(gateway_router_t *router)
{
    size_t                        i, j, n;
    gateway_router_item_t        *item;
    gateway_router_part_t        *part;
    gateway_router_draft_t       *draft;
    gateway_router_draft_part_t  *parts, *from;
    gateway_router_draft_item_t  *items;

    draft = router->draft;

    parts = draft->parts.elts;
    items = draft->items.elts;

    router->nparts = (uint32_t) draft->parts.n;
    router->nitems = (uint32_t) draft->items.n;

    router->parts = gateway_router_alloc(router, router->nparts,
                                         sizeof(gateway_router_part_t));
    router->items = gateway_router_alloc(router, router->nitems,
                                         sizeof(gateway_router_item_t));

    draft->order = gateway_router_heap(draft->parts.n,
                                       sizeof(gateway_router_draft_part_t *));
    draft->literals = gateway_router_heap(draft->items.n,
                                          sizeof(gateway_router_key_t));

    if (router->parts == NULL || router->items == NULL
        || draft->order == NULL || draft->literals == NULL)
    {
        return -1;
    }

    for (i = 0; i < draft->parts.n; i++) {
        draft->order[i] = &parts[i];
    }

    qsort(draft->order, draft->parts.n, sizeof(gateway_router_draft_part_t *),
          router->traditional ? gateway_router_traditional_cmp
                              : gateway_router_part_cmp);

    n = 0;

    for (i = 0; i < draft->parts.n; i++) {

        from = draft->order[i];

        part = &router->parts[i];
        *part = from->part;

        for (j = from->item; j < from->item + from->nitems; j++) {

            item = &router->items[n];

            item->part = part;
            item->path = items[j].path;
            item->code = items[j].code;
            item->tail = items[j].tail;

            draft->literals[n].data = items[j].literal.data;
            draft->literals[n].len = items[j].literal.len;
            draft->literals[n].value = (uint32_t) n;

            n++;
        }
    }

    qsort(draft->literals, n, sizeof(gateway_router_key_t),
          gateway_router_key_cmp);

    return 0;
}


/* the highest priority first, then the highest id, then as added */

static int
gateway_router_part_cmp(const void *a, const void *b)
{
    int                                 rc;
    const gateway_router_draft_part_t  *x, *y;

    x = *(const gateway_router_draft_part_t *const *) a;
    y = *(const gateway_router_draft_part_t *const *) b;

    if (x->part.native != y->part.native) {
        return y->part.native - x->part.native;
    }

    if (x->part.key != y->part.key) {
        return (x->part.key < y->part.key) ? 1 : -1;
    }

    rc = memcmp(y->part.id, x->part.id, 16);

    if (rc != 0) {
        return rc;
    }

    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}


/* finds the distinct hosts; the first bucket is that of any host */

static int
gateway_router_build_buckets(gateway_router_t *router)
{
    size_t                        i, n;
    uint32_t                      mask;
    gateway_router_draft_t       *draft;
    gateway_router_draft_host_t  *hosts, any;

    draft = router->draft;
    hosts = draft->hosts.elts;

    n = 64;

    while (n < draft->hosts.n * 2) {
        n *= 2;
    }

    if (n > GATEWAY_ROUTER_NONE / 2) {
        return -1;
    }

    mask = (uint32_t) n - 1;

    draft->slots = gateway_router_heap(n, sizeof(uint32_t));
    if (draft->slots == NULL) {
        return -1;
    }

    memset(draft->slots, 0xff, n * sizeof(uint32_t));

    /* at most one per host: those that repeat leave their room unused */

    draft->buckets = gateway_router_heap(draft->hosts.n + 1,
                                         sizeof(gateway_router_bucket_t));
    if (draft->buckets == NULL) {
        return -1;
    }

    memset(&any, 0, sizeof(gateway_router_draft_host_t));

    any.text.data = "";
    any.port = GATEWAY_ROUTER_NO_PORT;
    any.kind = GATEWAY_ROUTER_ANY;

    router->any = gateway_router_build_bucket(router, mask, &any);

    for (i = 0; i < draft->hosts.n; i++) {
        hosts[i].bucket = gateway_router_build_bucket(router, mask,
                                                      &hosts[i]);
    }

    router->buckets = gateway_router_alloc(router, draft->nbuckets,
                                           sizeof(gateway_router_bucket_t));
    if (router->buckets == NULL) {
        return -1;
    }

    memcpy(router->buckets, draft->buckets,
           draft->nbuckets * sizeof(gateway_router_bucket_t));

    return 0;
}


static uint32_t
gateway_router_build_bucket(gateway_router_t *router, uint32_t mask,
    const gateway_router_draft_host_t *host)
{
    uint32_t                  i, *slot;
    gateway_router_draft_t   *draft;
    gateway_router_bucket_t  *bucket;

    draft = router->draft;

    i = gateway_router_hash(host->text.data, host->text.len,
                            host->port * 4 + (uint32_t) host->kind);

    for ( ;; i++) {

        slot = &draft->slots[i & mask];

        if (*slot == GATEWAY_ROUTER_NONE) {
            break;
        }

        bucket = &draft->buckets[*slot];

        if (bucket->kind == host->kind
            && bucket->port == host->port
            && gateway_router_str_eq(&bucket->host, &host->text))
        {
            return *slot;
        }
    }

    *slot = draft->nbuckets++;

    bucket = &draft->buckets[*slot];

    bucket->host = host->text;
    bucket->port = host->port;
    bucket->kind = host->kind;
    bucket->root = GATEWAY_ROUTER_NONE;
    bucket->best = GATEWAY_ROUTER_NONE;

    return *slot;
}


/*
 * The literals of each bucket, sorted: all literals are in order already, so
 * it is enough to deal them out.
 */

static int
gateway_router_build_keys(gateway_router_t *router)
{
    size_t                        i, j, n, at;
    uint32_t                      b;
    gateway_router_draft_t       *draft;
    gateway_router_draft_part_t  *part;
    gateway_router_draft_host_t  *hosts;

    draft = router->draft;
    hosts = draft->hosts.elts;

    draft->starts = gateway_router_heap(draft->nbuckets, sizeof(size_t));
    draft->ends = gateway_router_heap(draft->nbuckets, sizeof(size_t));

    if (draft->starts == NULL || draft->ends == NULL) {
        return -1;
    }

    for (i = 0; i < draft->parts.n; i++) {

        part = draft->order[i];

        for (j = 0; j < part->nhosts; j++) {
            draft->ends[hosts[part->host + j].bucket] += part->nitems;
        }

        if (part->nhosts == 0) {
            draft->ends[router->any] += part->nitems;
        }
    }

    n = 0;

    for (b = 0; b < draft->nbuckets; b++) {
        draft->starts[b] = n;
        n += draft->ends[b];
        draft->ends[b] = draft->starts[b];
    }

    draft->keys = gateway_router_heap(n, sizeof(gateway_router_key_t));
    if (draft->keys == NULL) {
        return -1;
    }

    for (i = 0; i < draft->items.n; i++) {

        at = (size_t) (router->items[draft->literals[i].value].part
                       - router->parts);
        part = draft->order[at];

        for (j = 0; j < part->nhosts || j == 0; j++) {

            b = part->nhosts ? hosts[part->host + j].bucket : router->any;

            n = draft->ends[b];

            /* a route may name a host twice */

            if (n > draft->starts[b]
                && draft->keys[n - 1].value == draft->literals[i].value)
            {
                continue;
            }

            draft->keys[n] = draft->literals[i];
            draft->ends[b]++;

            if (draft->literals[i].value < router->buckets[b].best) {
                router->buckets[b].best = draft->literals[i].value;
            }
        }
    }

    return 0;
}


static int
gateway_router_build_trees(gateway_router_t *router)
{
    size_t                  most, lists, suffixes, prefixes, n;
    uint32_t                b;
    gateway_router_tree_t  *tree;
    gateway_router_draft_t *draft;

    draft = router->draft;
    tree = &draft->tree;

    n = (draft->nbuckets > 0) ? draft->ends[draft->nbuckets - 1] : 0;

    /* the traditional flavor has the paths once more */

    n += draft->nbuckets + (router->traditional ? router->nitems : 0);

    tree->values = gateway_router_heap(n, sizeof(uint32_t));
    if (tree->values == NULL) {
        return -1;
    }

    most = 1;

    for (b = 0; b < draft->nbuckets; b++) {

        n = draft->ends[b] - draft->starts[b];

        if (n == 0) {
            continue;
        }

        lists = gateway_router_tree_build(tree,
                                          draft->keys + draft->starts[b], n,
                                          &router->buckets[b].root);
        if (lists == 0) {
            return -1;
        }

        if (lists > most) {
            most = lists;
        }
    }

    tree->count = 1;

    suffixes = gateway_router_build_wildcards(router, GATEWAY_ROUTER_SUFFIX,
                                              &router->suffixes);
    prefixes = gateway_router_build_wildcards(router, GATEWAY_ROUTER_PREFIX,
                                              &router->prefixes);

    if (suffixes == SIZE_MAX || prefixes == SIZE_MAX) {
        return -1;
    }

    if (router->traditional != NULL
        && gateway_router_traditional_build(router) == -1)
    {
        return -1;
    }

    router->nodes = gateway_router_alloc(router, tree->nnodes,
                                         sizeof(gateway_router_node_t));
    router->values = gateway_router_alloc(router, tree->nvalues,
                                          sizeof(uint32_t));

    if (router->nodes == NULL || router->values == NULL) {
        return -1;
    }

    if (tree->nnodes > 0) {
        memcpy(router->nodes, tree->nodes,
               tree->nnodes * sizeof(gateway_router_node_t));
    }

    memcpy(router->values, tree->values, tree->nvalues * sizeof(uint32_t));

    /* buckets that can match at once: any, host, host:port, wildcards */

    return gateway_router_build_scratch(router,
                                        (3 + suffixes + prefixes) * most);
}


/* how many wildcards a host can match, SIZE_MAX: no memory */

static size_t
gateway_router_build_wildcards(gateway_router_t *router,
    gateway_router_kind_t kind, uint32_t *root)
{
    char                     *p;
    size_t                    i, n, most;
    uint32_t                  b;
    gateway_router_key_t     *keys;
    gateway_router_bucket_t  *bucket;

    n = 0;

    for (b = 0; b < router->draft->nbuckets; b++) {
        n += (router->buckets[b].kind == kind
              && router->buckets[b].root != GATEWAY_ROUTER_NONE);
    }

    if (n == 0) {
        return 0;
    }

    keys = gateway_router_heap(n, sizeof(gateway_router_key_t));
    if (keys == NULL) {
        return SIZE_MAX;
    }

    n = 0;

    for (b = 0; b < router->draft->nbuckets; b++) {

        bucket = &router->buckets[b];

        if (bucket->kind != kind || bucket->root == GATEWAY_ROUTER_NONE) {
            continue;
        }

        keys[n].data = bucket->host.data;
        keys[n].len = bucket->host.len;
        keys[n].value = b;

        /* the tree of suffixes reads from the end */

        if (kind == GATEWAY_ROUTER_SUFFIX) {

            p = gateway_router_alloc(router, bucket->host.len, 1);
            if (p == NULL) {
                gateway_router_heap_free(keys);
                return SIZE_MAX;
            }

            for (i = 0; i < bucket->host.len; i++) {
                p[i] = bucket->host.data[bucket->host.len - 1 - i];
            }

            keys[n].data = p;
        }

        n++;
    }

    qsort(keys, n, sizeof(gateway_router_key_t), gateway_router_key_cmp);

    most = gateway_router_tree_build(&router->draft->tree, keys, n, root);

    gateway_router_heap_free(keys);

    return (most == 0) ? SIZE_MAX : most;
}


/* hash of the exact hosts, at most half full */

static int
gateway_router_build_slots(gateway_router_t *router)
{
    size_t                    n;
    uint32_t                  b, i, hash;
    gateway_router_bucket_t  *bucket;

    n = 0;

    for (b = 0; b < router->draft->nbuckets; b++) {
        n += (router->buckets[b].kind == GATEWAY_ROUTER_EXACT);
    }

    if (n == 0) {
        return 0;
    }

    router->mask = 1;

    while (router->mask < n * 2) {
        router->mask *= 2;
    }

    router->slots = gateway_router_alloc(router, router->mask,
                                         sizeof(gateway_router_slot_t));
    if (router->slots == NULL) {
        return -1;
    }

    memset(router->slots, 0xff,
           router->mask * sizeof(gateway_router_slot_t));

    router->mask--;

    for (b = 0; b < router->draft->nbuckets; b++) {

        bucket = &router->buckets[b];

        if (bucket->kind != GATEWAY_ROUTER_EXACT) {
            continue;
        }

        hash = gateway_router_hash(bucket->host.data, bucket->host.len,
                                   bucket->port);

        for (i = hash;
             router->slots[i & router->mask].bucket != GATEWAY_ROUTER_NONE;
             i++)
        {
            /* void */
        }

        router->slots[i & router->mask].hash = hash;
        router->slots[i & router->mask].bucket = b;
    }

    return 0;
}


static int
gateway_router_build_scratch(gateway_router_t *router, size_t cursors)
{
    gateway_router_scratch_t  *scratch;

    scratch = gateway_router_alloc(router, 1,
                                   sizeof(gateway_router_scratch_t));
    if (scratch == NULL) {
        return -1;
    }

    router->scratch = scratch;

    scratch->cursors = gateway_router_alloc(router, cursors,
                                            sizeof(gateway_router_cursor_t));
    if (scratch->cursors == NULL) {
        return -1;
    }

    if (router->regexes == NULL) {
        return gateway_router_build_native(router);
    }

    scratch->match_data = pcre2_match_data_create(GATEWAY_ROUTER_MAX_CAPTURES,
                                                  NULL);
    scratch->context = pcre2_match_context_create(NULL);

    if (scratch->match_data == NULL || scratch->context == NULL) {
        return -1;
    }

    (void) pcre2_set_match_limit(scratch->context,
                                 GATEWAY_ROUTER_MATCH_LIMIT);
    (void) pcre2_set_depth_limit(scratch->context,
                                 GATEWAY_ROUTER_DEPTH_LIMIT);
    (void) pcre2_set_heap_limit(scratch->context,
                                GATEWAY_ROUTER_HEAP_LIMIT);

    /* fails where there is no JIT */

    scratch->stack = pcre2_jit_stack_create(GATEWAY_ROUTER_STACK_MIN,
                                            GATEWAY_ROUTER_STACK_MAX, NULL);

    if (scratch->stack != NULL) {
        pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
    }

    return gateway_router_build_native(router);
}
