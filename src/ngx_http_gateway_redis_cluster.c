
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Redis Cluster: which node has which slot.  The map is asked from any node
 * when the first command comes, when a node says that a slot is elsewhere,
 * and when one fails; commands without a known node wait for it.
 */


#include "ngx_http_gateway_redis_private.h"


#define NGX_HTTP_GATEWAY_REDIS_SLOTS     16384

/* nodes that are known at most, whatever the cluster says */
#define NGX_HTTP_GATEWAY_REDIS_NODES     1000

/* milliseconds between questions for the map, at least */
#define NGX_HTTP_GATEWAY_REDIS_REFRESH   100

/* milliseconds before a command is tried again whose keys are moving */
#define NGX_HTTP_GATEWAY_REDIS_PATIENCE  20


static void ngx_http_gateway_redis_cluster_wake(ngx_event_t *ev);
static void ngx_http_gateway_redis_cluster_refresh(
    ngx_http_gateway_redis_t *redis);
static void ngx_http_gateway_redis_cluster_answered(void *data,
    redisReply *reply);
static ngx_int_t ngx_http_gateway_redis_cluster_map(
    ngx_http_gateway_redis_t *redis, redisReply *reply);
static void ngx_http_gateway_redis_cluster_dispatch(
    ngx_http_gateway_redis_t *redis);
static ngx_http_gateway_redis_node_t *ngx_http_gateway_redis_cluster_node(
    ngx_http_gateway_redis_t *redis, ngx_str_t *host, in_port_t port,
    ngx_uint_t *number);
static ngx_int_t ngx_http_gateway_redis_cluster_redirect(
    ngx_http_gateway_redis_node_t *node, ngx_http_gateway_redis_op_t *op,
    u_char *p, u_char *last, ngx_uint_t ask);
static ngx_uint_t ngx_http_gateway_redis_cluster_crc(u_char *p, size_t len);


ngx_uint_t
ngx_http_gateway_redis_cluster_slot(ngx_str_t *key)
{
    u_char     *open, *close, *last;
    ngx_str_t   part;

    part = *key;
    last = key->data + key->len;

    /* what is in the first braces decides alone, if there is something */

    open = ngx_strlchr(key->data, last, '{');

    if (open) {
        close = ngx_strlchr(open + 1, last, '}');

        if (close && close != open + 1) {
            part.data = open + 1;
            part.len = close - part.data;
        }
    }

    return ngx_http_gateway_redis_cluster_crc(part.data, part.len)
           % NGX_HTTP_GATEWAY_REDIS_SLOTS;
}


/* CRC-16 with the polynomial 0x1021, four bits at a time */

static ngx_uint_t
ngx_http_gateway_redis_cluster_crc(u_char *p, size_t len)
{
    ngx_uint_t  crc;

    static const uint16_t  table[] = {
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
        0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef
    };

    for (crc = 0; len--; p++) {
        crc = (crc << 4) ^ table[((crc >> 12) ^ (*p >> 4)) & 0x0f];
        crc = (crc << 4) ^ table[((crc >> 12) ^ *p) & 0x0f];
        crc &= 0xffff;
    }

    return crc;
}


void
ngx_http_gateway_redis_cluster_add(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_op_t *op)
{
    ngx_uint_t                       number;
    ngx_http_gateway_redis_node_t  **nodes;

    nodes = redis->nodes.elts;
    number = redis->slots ? redis->slots[op->slot] : 0;

    if (number) {
        ngx_http_gateway_redis_node_add(nodes[number - 1], op, 0);
        return;
    }

    ngx_queue_insert_tail(&redis->orphans, &op->queue);

    ngx_http_gateway_redis_cluster_stale(redis);
}


ngx_uint_t
ngx_http_gateway_redis_cluster_down(ngx_http_gateway_redis_t *redis,
    ngx_uint_t slot)
{
    ngx_uint_t                       i, number;
    ngx_http_gateway_redis_node_t  **nodes;

    if (!redis->inited) {

        redis->inited = 1;

        ngx_queue_init(&redis->orphans);

        redis->wake.handler = ngx_http_gateway_redis_cluster_wake;
        redis->wake.data = redis;
        redis->wake.log = ngx_cycle->log;
        redis->wake.cancelable = 1;
    }

    nodes = redis->nodes.elts;
    number = redis->slots ? redis->slots[slot] : 0;

    if (number) {
        return nodes[number - 1]->down;
    }

    for (i = 0; i < redis->nodes.nelts; i++) {
        if (!nodes[i]->down) {
            return 0;
        }
    }

    return 1;
}


/* the map is to be asked for, but not all the time */

void
ngx_http_gateway_redis_cluster_stale(ngx_http_gateway_redis_t *redis)
{
    ngx_msec_t  since;

    if (redis->question || redis->wake.timer_set || !redis->inited) {
        return;
    }

    since = ngx_current_msec - redis->refreshed;

    ngx_add_timer(&redis->wake,
                  redis->refreshed == 0
                  || since >= NGX_HTTP_GATEWAY_REDIS_REFRESH
                  ? 1 : NGX_HTTP_GATEWAY_REDIS_REFRESH - since);
}


static void
ngx_http_gateway_redis_cluster_wake(ngx_event_t *ev)
{
    ngx_http_gateway_redis_t  *redis;

    redis = ev->data;

    if (redis->question) {
        return;
    }

    redis->asked = 0;

    ngx_http_gateway_redis_cluster_refresh(redis);
}


/* asks the next node that is not down for the map */

static void
ngx_http_gateway_redis_cluster_refresh(ngx_http_gateway_redis_t *redis)
{
    ngx_str_t                        argv[2];
    ngx_http_gateway_redis_node_t   *node, **nodes;

    ngx_str_set(&argv[0], "CLUSTER");
    ngx_str_set(&argv[1], "SLOTS");

    nodes = redis->nodes.elts;

    redis->refreshed = ngx_current_msec;

    while (redis->asked < redis->nodes.nelts) {

        redis->asked++;

        node = nodes[redis->turn++ % redis->nodes.nelts];

        if (node->down) {
            continue;
        }

        redis->mapper = node;
        redis->question = ngx_http_gateway_redis_node_ask(node, argv, 2,
                                      ngx_http_gateway_redis_cluster_answered,
                                      redis);
        if (redis->question) {
            return;
        }
    }

    /* those that wait have waited in vain */

    ngx_http_gateway_redis_cluster_dispatch(redis);
}


static void
ngx_http_gateway_redis_cluster_answered(void *data, redisReply *reply)
{
    ngx_http_gateway_redis_t *redis = data;

    redis->question = NULL;

    if (reply && ngx_http_gateway_redis_cluster_map(redis, reply) == NGX_OK) {
        ngx_http_gateway_redis_cluster_dispatch(redis);
        return;
    }

    ngx_http_gateway_redis_cluster_refresh(redis);
}


/* [[first slot, last slot, [host, port, ...] of the master, ...], ...] */

static ngx_int_t
ngx_http_gateway_redis_cluster_map(ngx_http_gateway_redis_t *redis,
    redisReply *reply)
{
    size_t        i;
    ngx_str_t     host;
    long long     slot;
    redisReply   *range, *node;
    ngx_uint_t    number;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
        return NGX_ERROR;
    }

    if (redis->slots == NULL) {
        redis->slots = ngx_calloc(NGX_HTTP_GATEWAY_REDIS_SLOTS
                                  * sizeof(uint16_t), ngx_cycle->log);
        if (redis->slots == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < reply->elements; i++) {

        range = reply->element[i];

        if (range->type != REDIS_REPLY_ARRAY || range->elements < 3
            || range->element[0]->type != REDIS_REPLY_INTEGER
            || range->element[1]->type != REDIS_REPLY_INTEGER
            || range->element[2]->type != REDIS_REPLY_ARRAY
            || range->element[2]->elements < 2)
        {
            return NGX_ERROR;
        }

        node = range->element[2];

        if (node->element[1]->type != REDIS_REPLY_INTEGER
            || node->element[1]->integer < 1
            || node->element[1]->integer > 65535
            || range->element[0]->integer < 0
            || range->element[1]->integer >= NGX_HTTP_GATEWAY_REDIS_SLOTS)
        {
            return NGX_ERROR;
        }

        /* a node may not know its own address: it is where it was asked */

        if (node->element[0]->type == REDIS_REPLY_STRING
            && node->element[0]->len)
        {
            host.data = (u_char *) node->element[0]->str;
            host.len = node->element[0]->len;

        } else {
            host = redis->mapper->host;
        }

        if (ngx_http_gateway_redis_cluster_node(redis, &host,
                                      (in_port_t) node->element[1]->integer,
                                                &number)
            == NULL)
        {
            return NGX_ERROR;
        }

        for (slot = range->element[0]->integer;
             slot <= range->element[1]->integer;
             slot++)
        {
            redis->slots[slot] = (uint16_t) (number + 1);
        }
    }

    return NGX_OK;
}


/* commands that waited for the map go where it says, or fail */

static void
ngx_http_gateway_redis_cluster_dispatch(ngx_http_gateway_redis_t *redis)
{
    ngx_uint_t                       number;
    ngx_queue_t                      orphans, *q;
    ngx_http_gateway_redis_op_t     *op;
    ngx_http_gateway_redis_node_t  **nodes;

    if (ngx_queue_empty(&redis->orphans)) {
        return;
    }

    ngx_queue_init(&orphans);
    ngx_queue_add(&orphans, &redis->orphans);
    ngx_queue_init(&redis->orphans);

    while (!ngx_queue_empty(&orphans)) {

        q = ngx_queue_head(&orphans);
        op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

        number = redis->slots ? redis->slots[op->slot] : 0;
        nodes = redis->nodes.elts;

        if (number == 0 || nodes[number - 1]->down
            || (ngx_msec_int_t) (op->deadline - ngx_current_msec) <= 0)
        {
            ngx_http_gateway_redis_end(op, NULL);
            continue;
        }

        ngx_queue_remove(q);
        ngx_http_gateway_redis_node_add(nodes[number - 1], op, 0);
    }
}


static ngx_http_gateway_redis_node_t *
ngx_http_gateway_redis_cluster_node(ngx_http_gateway_redis_t *redis,
    ngx_str_t *host, in_port_t port, ngx_uint_t *number)
{
    ngx_uint_t                       i;
    ngx_http_gateway_redis_node_t   *node, **nodes;

    nodes = redis->nodes.elts;

    for (i = 0; i < redis->nodes.nelts; i++) {
        if (nodes[i]->port == port && nodes[i]->host.len == host->len
            && ngx_strncasecmp(nodes[i]->host.data, host->data, host->len)
               == 0)
        {
            *number = i;
            return nodes[i];
        }
    }

    if (i == NGX_HTTP_GATEWAY_REDIS_NODES) {
        return NULL;
    }

    if (redis->pool == NULL) {
        redis->pool = ngx_create_pool(4096, ngx_cycle->log);
        if (redis->pool == NULL) {
            return NULL;
        }
    }

    node = ngx_http_gateway_redis_node(redis, redis->pool, host, port);
    if (node == NULL) {
        return NULL;
    }

    nodes = ngx_array_push(&redis->nodes);
    if (nodes == NULL) {
        return NULL;
    }

    *nodes = node;
    *number = i;

    return node;
}


/*
 * NGX_OK: the error moves the operation to another node or time;
 * NGX_DECLINED: it is an answer.
 */

ngx_int_t
ngx_http_gateway_redis_cluster_error(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, redisReply *reply)
{
    u_char  *p, *last;

    p = (u_char *) reply->str;
    last = p + reply->len;

    if (reply->len > 6 && ngx_strncmp(p, "MOVED ", 6) == 0) {
        return ngx_http_gateway_redis_cluster_redirect(node, op, p + 6, last,
                                                       0);
    }

    if (reply->len > 4 && ngx_strncmp(p, "ASK ", 4) == 0) {
        return ngx_http_gateway_redis_cluster_redirect(node, op, p + 4, last,
                                                       1);
    }

    if (reply->len >= 8 && ngx_strncmp(p, "TRYAGAIN", 8) == 0
        && op->redirects < NGX_HTTP_GATEWAY_REDIS_REDIRECTS)
    {
        /* some of its keys are at one node, some at another */

        op->redirects++;

        ngx_queue_remove(&op->queue);
        ngx_queue_insert_tail(&node->redis->orphans, &op->queue);

        if (!node->redis->wake.timer_set && node->redis->question == NULL) {
            ngx_add_timer(&node->redis->wake,
                          NGX_HTTP_GATEWAY_REDIS_PATIENCE);
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* "slot host:port" */

static ngx_int_t
ngx_http_gateway_redis_cluster_redirect(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, u_char *p, u_char *last, ngx_uint_t ask)
{
    u_char                         *colon, *space;
    ngx_int_t                       slot, port;
    ngx_str_t                       host;
    ngx_uint_t                      number;
    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_redis_node_t  *to;

    redis = node->redis;

    space = ngx_strlchr(p, last, ' ');

    if (space == NULL || op->redirects >= NGX_HTTP_GATEWAY_REDIS_REDIRECTS) {
        return NGX_DECLINED;
    }

    for (colon = last - 1; colon > space && *colon != ':'; colon--) {
        /* void */
    }

    slot = ngx_atoi(p, space - p);
    port = ngx_atoi(colon + 1, last - colon - 1);

    if (slot < 0 || slot >= NGX_HTTP_GATEWAY_REDIS_SLOTS || port < 1
        || port > 65535 || *colon != ':')
    {
        return NGX_DECLINED;
    }

    host.data = space + 1;
    host.len = colon - host.data;

    if (host.len == 0) {
        host = node->host;
    }

    to = ngx_http_gateway_redis_cluster_node(redis, &host, (in_port_t) port,
                                             &number);

    if (to == NULL || to->down) {
        return NGX_DECLINED;
    }

    op->redirects++;

    if (ask) {
        op->asking = 1;

    } else {
        if (redis->slots) {
            redis->slots[slot] = (uint16_t) (number + 1);
        }

        ngx_http_gateway_redis_cluster_stale(redis);
    }

    ngx_queue_remove(&op->queue);
    ngx_http_gateway_redis_node_add(to, op, 1);

    return NGX_OK;
}


void
ngx_http_gateway_redis_cluster_stop(ngx_http_gateway_redis_t *redis)
{
    ngx_queue_t                  *q;
    ngx_http_gateway_redis_op_t  *op;

    if (redis->inited) {

        while (!ngx_queue_empty(&redis->orphans)) {
            q = ngx_queue_head(&redis->orphans);
            op = ngx_queue_data(q, ngx_http_gateway_redis_op_t, queue);

            op->handler = NULL;
            ngx_http_gateway_redis_end(op, NULL);
        }

        if (redis->wake.timer_set) {
            ngx_del_timer(&redis->wake);
        }

        redis->inited = 0;
    }

    if (redis->slots) {
        ngx_free(redis->slots);
        redis->slots = NULL;
    }

    if (redis->pool) {
        ngx_destroy_pool(redis->pool);
        redis->pool = NULL;
    }
}
