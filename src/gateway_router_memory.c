
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Memory of the router: what lasts comes from the caller's allocator and is
 * never freed singly, what is needed for the build only from the heap.
 */


#include "gateway_router_private.h"

#include <stdlib.h>
#include <string.h>


void *
gateway_router_alloc(gateway_router_t *router, size_t n, size_t size)
{
    void  *p;

    if (n == 0) {
        n = 1;
    }

    if (n > SIZE_MAX / size) {
        return NULL;
    }

    p = router->options.alloc(router->options.data, n * size);

    if (p != NULL) {
        memset(p, 0, n * size);
    }

    return p;
}


void *
gateway_router_heap(size_t n, size_t size)
{
    return calloc(n + 1, size);
}


void *
gateway_router_heap_grow(void *old, size_t used, size_t n, size_t size)
{
    void  *p;

    p = gateway_router_heap(n, size);
    if (p == NULL) {
        return NULL;
    }

    if (used > 0) {
        memcpy(p, old, used * size);
    }

    free(old);

    return p;
}


void
gateway_router_heap_free(void *p)
{
    free(p);
}


void *
gateway_router_push(gateway_router_draft_array_t *array, size_t size)
{
    void    *elts;
    size_t   n;

    if (array->n == array->size) {

        n = array->size ? array->size * 2 : 16;

        if (n > GATEWAY_ROUTER_NONE - 1) {
            return NULL;
        }

        elts = gateway_router_heap_grow(array->elts, array->n, n, size);
        if (elts == NULL) {
            return NULL;
        }

        array->elts = elts;
        array->size = n;
    }

    elts = (char *) array->elts + array->n++ * size;

    memset(elts, 0, size);

    return elts;
}


void
gateway_router_draft_free(gateway_router_draft_t *draft)
{
    if (draft == NULL) {
        return;
    }

    free(draft->parts.elts);
    free(draft->items.elts);
    free(draft->hosts.elts);
    free(draft->order);
    free(draft->literals);
    free(draft->buckets);
    free(draft->slots);
    free(draft->keys);
    free(draft->starts);
    free(draft->ends);
    free(draft->tree.nodes);
    free(draft->tree.values);
    free(draft);
}
