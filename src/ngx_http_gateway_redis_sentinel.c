
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Which server is the master: sentinels are asked in turn, whenever a
 * connection to it is made.
 */


#include "ngx_http_gateway_redis_private.h"


static ngx_int_t ngx_http_gateway_redis_sentinel_next(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_sentinel_answered(void *data,
    redisReply *reply);


ngx_int_t
ngx_http_gateway_redis_sentinel_find(ngx_http_gateway_redis_node_t *node)
{
    node->asked = 0;

    return ngx_http_gateway_redis_sentinel_next(node);
}


/* NGX_AGAIN: one is asked; NGX_ERROR: all were, or cannot be */

static ngx_int_t
ngx_http_gateway_redis_sentinel_next(ngx_http_gateway_redis_node_t *node)
{
    ngx_str_t                       argv[3];
    ngx_array_t                    *sentinels;
    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_redis_node_t  *sentinel;

    redis = node->redis;
    sentinels = &redis->nodes;

    ngx_str_set(&argv[0], "SENTINEL");
    ngx_str_set(&argv[1], "GET-MASTER-ADDR-BY-NAME");
    argv[2] = redis->conf.sentinel_master;

    while (node->asked < sentinels->nelts) {

        sentinel = ((ngx_http_gateway_redis_node_t **) sentinels->elts)
                       [redis->turn % sentinels->nelts];

        node->asked++;

        if (!sentinel->down) {
            node->question = ngx_http_gateway_redis_node_ask(sentinel, argv, 3,
                                     ngx_http_gateway_redis_sentinel_answered,
                                     node);
            if (node->question) {
                return NGX_AGAIN;
            }
        }

        redis->turn++;
    }

    return NGX_ERROR;
}


static void
ngx_http_gateway_redis_sentinel_answered(void *data, redisReply *reply)
{
    ngx_http_gateway_redis_node_t *node = data;

    ngx_int_t    port;
    redisReply  *host, *number;

    node->question = NULL;

    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
        && reply->element[0]->type == REDIS_REPLY_STRING
        && reply->element[1]->type == REDIS_REPLY_STRING)
    {
        host = reply->element[0];
        number = reply->element[1];

        port = ngx_atoi((u_char *) number->str, number->len);

        if (port > 0 && port < 65536 && host->len
            && host->len <= sizeof(node->master))
        {
            ngx_memcpy(node->master, host->str, host->len);

            node->host.data = node->master;
            node->host.len = host->len;
            node->port = (in_port_t) port;

            ngx_http_gateway_redis_node_locate(node);

            return;
        }
    }

    node->redis->turn++;

    if (ngx_http_gateway_redis_sentinel_next(node) == NGX_ERROR) {
        ngx_http_gateway_redis_node_fail(node,
                                         "is not known to any sentinel", 0);
    }
}
