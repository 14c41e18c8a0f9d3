
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Compact radix trees of the router, built once from sorted keys and then
 * only read: nodes are numbered, not linked, and take 32 bytes each.
 */


#include "gateway_router_private.h"

#include <stdlib.h>
#include <string.h>


static size_t gateway_router_tree_node(gateway_router_tree_t *tree,
    uint32_t index, const gateway_router_key_t *keys, size_t n, size_t depth);
static size_t gateway_router_tree_list(gateway_router_tree_t *tree,
    uint32_t index, const gateway_router_key_t *keys, size_t n, size_t len);
static int gateway_router_tree_reserve(gateway_router_tree_t *tree, size_t n,
    uint32_t *index);


size_t
gateway_router_tree_build(gateway_router_tree_t *tree,
    const gateway_router_key_t *keys, size_t n, uint32_t *root)
{
    if (gateway_router_tree_reserve(tree, 1, root) == -1) {
        return 0;
    }

    return gateway_router_tree_node(tree, *root, keys, n, 0);
}


int
gateway_router_key_cmp(const void *a, const void *b)
{
    int                          rc;
    const gateway_router_key_t  *x, *y;

    x = a;
    y = b;

    rc = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

    if (rc != 0) {
        return rc;
    }

    if (x->len != y->len) {
        return (x->len > y->len) ? 1 : -1;
    }

    return (x->value > y->value) - (x->value < y->value);
}


/*
 * keys share their first depth bytes.  Recursion is as deep as texts nest in
 * each other, at most one level per byte of the longest.
 */

static size_t
gateway_router_tree_node(gateway_router_tree_t *tree, uint32_t index,
    const gateway_router_key_t *keys, size_t n, size_t depth)
{
    size_t       len, own, i, start, groups, most, below;
    uint32_t     child;
    const char  *a, *b;

    /* what the first and the last have in common all have */

    a = keys[0].data;
    b = keys[n - 1].data;

    len = depth;

    while (len < keys[0].len && a[len] == b[len]) {
        len++;
    }

    tree->nodes[index].label = a + depth;
    tree->nodes[index].len = (uint32_t) (len - depth);
    tree->nodes[index].first = (len > depth) ? (unsigned char) a[depth] : 0;

    own = gateway_router_tree_list(tree, index, keys, n, len);

    keys += tree->nodes[index].nlist;
    n -= tree->nodes[index].nlist;

    if (n == 0) {
        return own;
    }

    groups = 1;

    for (i = 1; i < n; i++) {
        if (keys[i].data[len] != keys[i - 1].data[len]) {
            groups++;
        }
    }

    if (gateway_router_tree_reserve(tree, groups, &child) == -1) {
        return 0;
    }

    tree->nodes[index].children = child;
    tree->nodes[index].nchildren = (uint16_t) groups;

    most = 0;
    start = 0;

    for (i = 1; i <= n; i++) {

        if (i < n && keys[i].data[len] == keys[start].data[len]) {
            continue;
        }

        below = gateway_router_tree_node(tree, child++, keys + start,
                                         i - start, len);
        if (below == 0) {
            return 0;
        }

        if (below > most) {
            most = below;
        }

        start = i;
    }

    return own + most;
}


static size_t
gateway_router_tree_list(gateway_router_tree_t *tree, uint32_t index,
    const gateway_router_key_t *keys, size_t n, size_t len)
{
    size_t                  i;
    gateway_router_node_t  *node;

    node = &tree->nodes[index];
    node->list = (uint32_t) tree->nvalues;

    for (i = 0; i < n && keys[i].len == len; i++) {
        tree->values[tree->nvalues++] = keys[i].value;
    }

    node->nlist = (uint32_t) i;

    if (i == 0) {
        return 0;
    }

    return tree->count ? i : 1;
}


static int
gateway_router_tree_reserve(gateway_router_tree_t *tree, size_t n,
    uint32_t *index)
{
    size_t                  size;
    gateway_router_node_t  *nodes;

    if (tree->nnodes + n > tree->size) {

        size = tree->size * 2 + n + 64;

        if (size > GATEWAY_ROUTER_NONE - 1) {
            return -1;
        }

        nodes = gateway_router_heap_grow(tree->nodes, tree->nnodes, size,
                                         sizeof(gateway_router_node_t));
        if (nodes == NULL) {
            return -1;
        }

        tree->nodes = nodes;
        tree->size = size;
    }

    memset(tree->nodes + tree->nnodes, 0, n * sizeof(gateway_router_node_t));

    *index = (uint32_t) tree->nnodes;
    tree->nnodes += n;

    return 0;
}
