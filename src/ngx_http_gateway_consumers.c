
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Consumers by id, username or custom_id, in one table that costs the same
 * for any number of them.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_consumers.h"


typedef struct ngx_http_gateway_consumer_node_s
    ngx_http_gateway_consumer_node_t;

struct ngx_http_gateway_consumer_node_s {
    ngx_http_gateway_consumer_node_t   *next;
    ngx_http_gateway_consumer_t        *consumer;
    const ngx_str_t                    *name;
    uint32_t                            hash;
    ngx_uint_t                          by;
};

struct ngx_http_gateway_consumers_s {
    ngx_http_gateway_consumer_node_t  **buckets;
    ngx_http_gateway_consumer_node_t   *nodes;
    ngx_uint_t                          mask;
    ngx_uint_t                          n;
};


static void ngx_http_gateway_consumers_add(
    ngx_http_gateway_consumers_t *consumers,
    ngx_http_gateway_consumer_t *consumer, const ngx_str_t *name,
    ngx_uint_t by);


ngx_http_gateway_consumers_t *
ngx_http_gateway_consumers_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i, n;
    ngx_http_gateway_consumer_t   **consumer;
    ngx_http_gateway_consumers_t   *consumers;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    consumers = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_consumers_t));
    if (consumers == NULL) {
        return NULL;
    }

    for (n = 16; n < 3 * gmcf->consumers.nelts; n *= 2) { /* void */ }

    consumers->mask = n - 1;

    consumers->buckets = ngx_pcalloc(cf->pool, n * sizeof(void *));
    consumers->nodes = ngx_pcalloc(cf->pool,
                                   (3 * gmcf->consumers.nelts + 1)
                                   * sizeof(ngx_http_gateway_consumer_node_t));

    if (consumers->buckets == NULL || consumers->nodes == NULL) {
        return NULL;
    }

    consumer = gmcf->consumers.elts;

    for (i = 0; i < gmcf->consumers.nelts; i++) {
        ngx_http_gateway_consumers_add(consumers, consumer[i],
                                       &consumer[i]->id,
                                       NGX_HTTP_GATEWAY_BY_ID);
        ngx_http_gateway_consumers_add(consumers, consumer[i],
                                       &consumer[i]->username,
                                       NGX_HTTP_GATEWAY_BY_USERNAME);
        ngx_http_gateway_consumers_add(consumers, consumer[i],
                                       &consumer[i]->custom_id,
                                       NGX_HTTP_GATEWAY_BY_CUSTOM_ID);
    }

    return consumers;
}


static void
ngx_http_gateway_consumers_add(ngx_http_gateway_consumers_t *consumers,
    ngx_http_gateway_consumer_t *consumer, const ngx_str_t *name,
    ngx_uint_t by)
{
    ngx_http_gateway_consumer_node_t  *node, **bucket;

    if (name->len == 0) {
        return;
    }

    node = &consumers->nodes[consumers->n++];

    node->consumer = consumer;
    node->name = name;
    node->by = by;
    node->hash = ngx_murmur_hash2(name->data, name->len);

    bucket = &consumers->buckets[node->hash & consumers->mask];

    node->next = *bucket;
    *bucket = node;
}


ngx_http_gateway_consumer_t *
ngx_http_gateway_consumers_find(ngx_http_gateway_consumers_t *consumers,
    ngx_uint_t by, const ngx_str_t *name)
{
    uint32_t                           hash;
    ngx_http_gateway_consumer_node_t  *node, *best;

    hash = ngx_murmur_hash2(name->data, name->len);
    best = NULL;

    for (node = consumers->buckets[hash & consumers->mask];
         node;
         node = node->next)
    {
        if (node->hash == hash && (node->by & by)
            && node->name->len == name->len
            && ngx_memcmp(node->name->data, name->data, name->len) == 0
            && (best == NULL || node->by < best->by))
        {
            best = node;
        }
    }

    return best ? best->consumer : NULL;
}


ngx_uint_t
ngx_http_gateway_consumers_by(const ngx_str_t *word)
{
    if (word->len == 2 && ngx_strncmp(word->data, "id", 2) == 0) {
        return NGX_HTTP_GATEWAY_BY_ID;
    }

    if (word->len == 8 && ngx_strncmp(word->data, "username", 8) == 0) {
        return NGX_HTTP_GATEWAY_BY_USERNAME;
    }

    if (word->len == 9 && ngx_strncmp(word->data, "custom_id", 9) == 0) {
        return NGX_HTTP_GATEWAY_BY_CUSTOM_ID;
    }

    return 0;
}
