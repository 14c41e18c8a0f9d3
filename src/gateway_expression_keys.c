
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What must hold for an expression to be true, as far as an index can use
 * it: hosts, and texts that paths start with.  "&&" needs all of its sides,
 * so the one with the fewest keys serves; "||" needs one, so it has the keys
 * of all, if all have some.
 */


#include "gateway_expression_private.h"
#include "gateway_router_private.h"

#include <string.h>


static gateway_expression_key_t *gateway_expression_key(
    const gateway_expression_tree_t *tree,
    const gateway_expression_node_t *node, gateway_expression_field_t field,
    size_t *n);
static gateway_expression_key_t *gateway_expression_keys_join(
    gateway_expression_key_t *keys, size_t *n, gateway_expression_key_t *more,
    size_t nmore);


gateway_expression_key_t *
gateway_expression_keys(const gateway_expression_tree_t *tree, uint32_t node,
    gateway_expression_field_t field, size_t *n)
{
    size_t                            count;
    uint32_t                          child;
    gateway_expression_key_t         *keys, *best;
    const gateway_expression_node_t  *parent;

    parent = &tree->nodes[node];
    best = NULL;
    *n = 0;

    if (parent->kind == GATEWAY_NODE_TEST) {
        return gateway_expression_key(tree, parent, field, n);
    }

    if (parent->kind == GATEWAY_NODE_NOT) {
        return NULL;
    }

    for (child = parent->first; child != GATEWAY_EXPRESSION_NONE;
         child = tree->nodes[child].next)
    {
        keys = gateway_expression_keys(tree, child, field, &count);

        if (parent->kind == GATEWAY_NODE_OR) {

            if (keys != NULL) {
                best = gateway_expression_keys_join(best, n, keys, count);
            }

            if (keys == NULL || best == NULL) {
                gateway_router_heap_free(best);
                *n = 0;
                return NULL;
            }

            continue;
        }

        if (keys != NULL && (best == NULL || count < *n)) {
            gateway_router_heap_free(best);
            best = keys;
            *n = count;

        } else {
            gateway_router_heap_free(keys);
        }
    }

    return best;
}


static gateway_expression_key_t *
gateway_expression_key(const gateway_expression_tree_t *tree,
    const gateway_expression_node_t *node, gateway_expression_field_t field,
    size_t *n)
{
    gateway_expression_key_t         *key;
    const gateway_expression_test_t  *test;

    test = &tree->tests[node->first];

    if (test->field != field || test->lower) {
        return NULL;
    }

    key = gateway_router_heap(1, sizeof(gateway_expression_key_t));
    if (key == NULL) {
        return NULL;
    }

    *n = 1;

    switch (test->op) {

    case GATEWAY_OP_EQ:
        key->text = test->value.text;
        key->kind = (field == GATEWAY_FIELD_PATH) ? GATEWAY_KEY_PREFIX
                                                  : GATEWAY_KEY_EXACT;
        break;

    case GATEWAY_OP_PREFIX:
        key->text = test->value.text;
        key->kind = GATEWAY_KEY_PREFIX;
        break;

    case GATEWAY_OP_SUFFIX:
        key->text = test->value.text;
        key->kind = GATEWAY_KEY_SUFFIX;
        break;

    case GATEWAY_OP_REGEX:

        key->text = tree->literals[node->first];
        key->kind = GATEWAY_KEY_PREFIX;
        break;

    default:
        *n = 0;
        break;
    }

    /* what fits everything is no key; hosts in the index have a limit */

    if (*n == 0 || key->text.len == 0
        || (field == GATEWAY_FIELD_HOST
            && key->text.len > GATEWAY_ROUTER_MAX_HOST)
        || (field == GATEWAY_FIELD_PATH && key->kind == GATEWAY_KEY_SUFFIX))
    {
        gateway_router_heap_free(key);
        *n = 0;
        return NULL;
    }

    return key;
}


/* takes both; NULL when there are too many or no memory */

static gateway_expression_key_t *
gateway_expression_keys_join(gateway_expression_key_t *keys, size_t *n,
    gateway_expression_key_t *more, size_t nmore)
{
    gateway_expression_key_t  *all;

    if (keys == NULL) {
        *n = nmore;
        return more;
    }

    all = NULL;

    if (*n + nmore <= GATEWAY_EXPRESSION_MAX_KEYS) {
        all = gateway_router_heap(*n + nmore,
                                  sizeof(gateway_expression_key_t));
    }

    if (all != NULL) {
        memcpy(all, keys, *n * sizeof(gateway_expression_key_t));
        memcpy(all + *n, more, nmore * sizeof(gateway_expression_key_t));
        *n += nmore;
    }

    gateway_router_heap_free(keys);
    gateway_router_heap_free(more);

    return all;
}
