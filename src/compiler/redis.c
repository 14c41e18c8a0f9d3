/*
 * Copyright (C) the ngx_gateway authors
 *
 * Where Redis is.
 */

#include "redis.h"

#include <string.h>

#include "diag.h"
#include "emit.h"
#include "entities.h"

#define GWC_REDIS_NODE(host_name, default_port)                               \
    {                                                                         \
        {                                                                     \
            .name = (host_name),                                              \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_node_t, host),                       \
            .flags = GWC_REQUIRED,                                            \
            .check = gwc_check_host,                                          \
        },                                                                    \
            {                                                                 \
                .name = "port",                                               \
                .type = GWC_INT,                                              \
                .offset = offsetof(gwc_redis_node_t, port),                   \
                .dflt = (default_port),                                       \
                .bounded = true,                                              \
                .min = 1,                                                     \
                .max = 65535,                                                 \
            },                                                                \
        {                                                                     \
            .name = NULL                                                      \
        }                                                                     \
    }

static const gwc_field_t gwc_redis_sentinel_fields[] =
    GWC_REDIS_NODE("host", "26379");

static const gwc_field_t gwc_redis_cluster_fields[] =
    GWC_REDIS_NODE("ip", "6379");

static const gwc_field_t gwc_redis_sentinel = {
    .type = GWC_RECORD,
    .fields = gwc_redis_sentinel_fields,
    .size = sizeof(gwc_redis_node_t),
};

static const gwc_field_t gwc_redis_cluster = {
    .type = GWC_RECORD,
    .fields = gwc_redis_cluster_fields,
    .size = sizeof(gwc_redis_node_t),
};

static const char *const gwc_redis_roles[] = { "master", NULL };

/* of a gwc_redis_t; a gwc_redis_advanced_t begins with one */
#define GWC_REDIS_ROWS                                                        \
    {                                                                         \
        .name = "host",                                                       \
        .type = GWC_STRING,                                                   \
        .offset = offsetof(gwc_redis_t, host),                                \
        .check = gwc_check_host,                                              \
    },                                                                        \
        {                                                                     \
            .name = "port",                                                   \
            .type = GWC_INT,                                                  \
            .offset = offsetof(gwc_redis_t, port),                            \
            .dflt = "6379",                                                   \
            .bounded = true,                                                  \
            .min = 0,                                                         \
            .max = 65535,                                                     \
        },                                                                    \
        {                                                                     \
            .name = "timeout",                                                \
            .type = GWC_INT,                                                  \
            .offset = offsetof(gwc_redis_t, timeout),                         \
            .dflt = "2000",                                                   \
            .bounded = true,                                                  \
            .min = 0,                                                         \
            .max = 2147483646,                                                \
        },                                                                    \
        {                                                                     \
            .name = "username",                                               \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_t, username),                        \
            .flags = GWC_REFERENCEABLE,                                       \
        },                                                                    \
        {                                                                     \
            .name = "password",                                               \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_t, password),                        \
            .flags = GWC_REFERENCEABLE | GWC_SECRET | GWC_EMPTY_OK,           \
        },                                                                    \
        {                                                                     \
            .name = "database",                                               \
            .type = GWC_INT,                                                  \
            .offset = offsetof(gwc_redis_t, database),                        \
            .dflt = "0",                                                      \
            .bounded = true,                                                  \
            .min = 0,                                                         \
            .max = 2147483647,                                                \
        },                                                                    \
        {                                                                     \
            .name = "ssl",                                                    \
            .type = GWC_BOOL,                                                 \
            .offset = offsetof(gwc_redis_t, ssl),                             \
            .dflt = "false",                                                  \
        },                                                                    \
        {                                                                     \
            .name = "ssl_verify",                                             \
            .type = GWC_BOOL,                                                 \
            .offset = offsetof(gwc_redis_t, ssl_verify),                      \
            .dflt = "false",                                                  \
        },                                                                    \
        {                                                                     \
            .name = "server_name",                                            \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_t, server_name),                     \
            .check = gwc_check_host,                                          \
        },                                                                    \
        {                                                                     \
            .name = "sentinel_nodes",                                         \
            .type = GWC_ARRAY,                                                \
            .offset = offsetof(gwc_redis_t, sentinel_nodes),                  \
            .min_len = 1,                                                     \
            .elem = &gwc_redis_sentinel,                                      \
            .size = sizeof(gwc_redis_node_t),                                 \
        },                                                                    \
        {                                                                     \
            .name = "sentinel_master",                                        \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_t, sentinel_master),                 \
        },                                                                    \
        {                                                                     \
            .name = "sentinel_role",                                          \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_t, sentinel_role),                   \
            .flags = GWC_NO_EMIT,                                             \
            .one_of = gwc_redis_roles,                                        \
        },                                                                    \
        {                                                                     \
            .name = "sentinel_username",                                      \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_t, sentinel_username),               \
            .flags = GWC_REFERENCEABLE,                                       \
        },                                                                    \
        {                                                                     \
            .name = "sentinel_password",                                      \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_redis_t, sentinel_password),               \
            .flags = GWC_REFERENCEABLE | GWC_SECRET | GWC_EMPTY_OK,           \
        },                                                                    \
    {                                                                         \
        .name = "cluster_nodes", .type = GWC_ARRAY,                           \
        .offset = offsetof(gwc_redis_t, cluster_nodes), .min_len = 1,         \
        .elem = &gwc_redis_cluster, .size = sizeof(gwc_redis_node_t),         \
    }

const gwc_field_t gwc_redis_fields[] = {
    GWC_REDIS_ROWS,
    { .name = NULL },
};

static const gwc_field_t gwc_redis_address = {
    .name = "address",
    .type = GWC_STRING,
    .check = gwc_check_host_port,
};

#define GWC_REDIS_NUMBER(field, least, most)                                  \
    {                                                                         \
        .name = #field, .type = GWC_INT,                                      \
        .offset = offsetof(gwc_redis_advanced_t, field),                      \
        .flags = GWC_NO_EMIT, .bounded = true, .min = (least), .max = (most), \
    }

#define GWC_REDIS_ADDRESSES(field)                                            \
    {                                                                         \
        .name = #field, .type = GWC_ARRAY,                                    \
        .offset = offsetof(gwc_redis_advanced_t, field),                      \
        .flags = GWC_NO_EMIT, .min_len = 1, .elem = &gwc_redis_address,       \
        .size = sizeof(gwc_str_t),                                            \
    }

const gwc_field_t gwc_redis_advanced_fields[] = {
    GWC_REDIS_ROWS,
    GWC_REDIS_NUMBER(connect_timeout, 0, 2147483646),
    GWC_REDIS_NUMBER(send_timeout, 0, 2147483646),
    GWC_REDIS_NUMBER(read_timeout, 0, 2147483646),
    GWC_REDIS_NUMBER(keepalive_pool_size, 1, 2147483646),
    GWC_REDIS_NUMBER(keepalive_backlog, 0, 2147483646),
    GWC_REDIS_NUMBER(cluster_max_redirections, 0, 2147483646),
    {
        .name = "connection_is_proxied",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_redis_advanced_t, connection_is_proxied),
        .flags = GWC_NO_EMIT,
        .dflt = "false",
    },
    GWC_REDIS_ADDRESSES(sentinel_addresses),
    GWC_REDIS_ADDRESSES(cluster_addresses),
    { .name = NULL },
};


static void
gwc_redis_mismatch(const gwc_node_t *node, const char *name)
{
    gwc_error(node,
              "both deprecated and new field are used but their values "
              "mismatch: redis_%s and redis.%s",
              name, name);
    gwc_fix("remove redis_%s", name);
}


static void
gwc_redis_merge_text(gwc_str_t *to, const gwc_str_t *from, const char *name)
{
    if (!from->set) {
        return;
    }

    if (to->node != NULL
        && (to->v.len != from->v.len
            || memcmp(to->v.data, from->v.data, to->v.len) != 0))
    {
        gwc_redis_mismatch(from->node, name);
        return;
    }

    *to = *from;
}


static void
gwc_redis_merge_int(gwc_int_t *to, const gwc_int_t *from, const char *name,
                    int64_t max)
{
    if (!from->set) {
        return;
    }

    if (from->v < 0 || from->v > max) {
        gwc_error(from->node, "redis_%s must be between 0 and %lld", name,
                  (long long) max);
        return;
    }

    if (to->node != NULL && to->v != from->v) {
        gwc_redis_mismatch(from->node, name);
        return;
    }

    *to = *from;
}


static void
gwc_redis_merge_bool(gwc_bool_t *to, const gwc_bool_t *from, const char *name)
{
    if (!from->set) {
        return;
    }

    if (to->node != NULL && to->v != from->v) {
        gwc_redis_mismatch(from->node, name);
        return;
    }

    *to = *from;
}


static void
gwc_redis_check(const gwc_redis_t *redis)
{
    if (redis->sentinel_nodes.set && redis->cluster_nodes.set) {
        gwc_error(redis->cluster_nodes.node,
                  "only one of \"sentinel_nodes\" and \"cluster_nodes\" can "
                  "be set");
    }

    if (redis->host.set
        && (redis->sentinel_nodes.set || redis->cluster_nodes.set)) {
        gwc_error(redis->host.node,
                  "\"host\" cannot be set with \"%s\", which say where Redis "
                  "is",
                  redis->sentinel_nodes.set ? "sentinel_nodes"
                                            : "cluster_nodes");
    }

    if (redis->sentinel_nodes.set != redis->sentinel_master.set) {
        gwc_error(redis->record.node,
                  "\"sentinel_nodes\" and \"sentinel_master\" need each "
                  "other");
    }

    if (redis->cluster_nodes.set && redis->database.v != 0) {
        gwc_error(redis->database.node, "a cluster has no database but 0");
    }
}


void
gwc_redis_merge(gwc_redis_t *redis, const gwc_redis_flat_t *flat)
{
    gwc_redis_merge_text(&redis->host, &flat->host, "host");
    gwc_redis_merge_int(&redis->port, &flat->port, "port", 65535);
    gwc_redis_merge_int(&redis->timeout, &flat->timeout, "timeout",
                        2147483646);
    gwc_redis_merge_text(&redis->username, &flat->username, "username");
    gwc_redis_merge_text(&redis->password, &flat->password, "password");
    gwc_redis_merge_int(&redis->database, &flat->database, "database",
                        2147483647);
    gwc_redis_merge_bool(&redis->ssl, &flat->ssl, "ssl");
    gwc_redis_merge_bool(&redis->ssl_verify, &flat->ssl_verify, "ssl_verify");
    gwc_redis_merge_text(&redis->server_name, &flat->server_name,
                         "server_name");

    gwc_redis_check(redis);
}


/* "host:port", in the older form of lists of nodes */
static void
gwc_redis_addresses(gwc_list_t *nodes, const gwc_list_t *addresses,
                    const char *name, int64_t port)
{
    gwc_redis_node_t *node;
    size_t i, k;

    if (!addresses->set) {
        return;
    }

    if (nodes->set) {
        gwc_error(addresses->node, "\"%s\" cannot be set with its newer form",
                  name);
        return;
    }

    *nodes = *addresses;
    nodes->size = sizeof(gwc_redis_node_t);
    nodes->items = gwc_alloc_array(addresses->n, sizeof(gwc_redis_node_t));

    for (i = 0; i < addresses->n; i++) {
        const gwc_str_t *text = GWC_ITEM(*addresses, gwc_str_t, i);

        node = GWC_ITEM(*nodes, gwc_redis_node_t, i);
        memset(node, 0, sizeof(gwc_redis_node_t));

        node->record.node = text->node;
        node->record.set = true;
        node->host = *text;
        node->port = (gwc_int_t){ text->node, true, port };

        /* its check has been there: what is no port is an error already */

        for (k = text->v.len; k > 0 && text->v.data[k - 1] != ':'; k--) {
            /* void */
        }

        if (k == 0 || gwc_host_is_ip(text->v)) {
            continue;
        }

        node->host.v.len = k - 1;
        node->port.v = 0;

        for (; k < text->v.len; k++) {
            node->port.v = node->port.v * 10 + (text->v.data[k] - '0');
        }
    }
}


void
gwc_redis_advanced_merge(gwc_redis_advanced_t *redis)
{
    static const gwc_redis_flat_t none;
    const gwc_int_t *timeouts[] = { &redis->connect_timeout,
                                    &redis->send_timeout,
                                    &redis->read_timeout };
    const gwc_int_t *longest = NULL;
    size_t i;

    /* there is one: who wants to wait that long for one thing may do so for
       another; the older field gives way */

    for (i = 0; i < 3; i++) {
        if (timeouts[i]->set
            && (longest == NULL || longest->v < timeouts[i]->v)) {
            longest = timeouts[i];
        }
    }

    if (longest != NULL) {
        redis->redis.timeout = *longest;
    }

    gwc_redis_addresses(&redis->redis.sentinel_nodes,
                        &redis->sentinel_addresses, "sentinel_addresses",
                        26379);
    gwc_redis_addresses(&redis->redis.cluster_nodes, &redis->cluster_addresses,
                        "cluster_addresses", 6379);

    if (redis->connection_is_proxied.v) {
        gwc_error(redis->connection_is_proxied.node,
                  "connection_is_proxied is not supported: Redis is asked for "
                  "its nodes");
    }

    gwc_redis_merge(&redis->redis, &none);
}


bool
gwc_redis_given(const gwc_redis_t *redis)
{
    return redis->host.set || redis->sentinel_nodes.set
           || redis->cluster_nodes.set;
}


/* what is not an IP address of a list */
static gwc_text_t
gwc_redis_name_of(const gwc_list_t *nodes)
{
    size_t i;

    for (i = 0; i < nodes->n; i++) {
        const gwc_redis_node_t *node = GWC_ITEM(*nodes, gwc_redis_node_t, i);

        if (!gwc_host_is_ip(node->host.v)) {
            return node->host.v;
        }
    }

    return (gwc_text_t){ "127.0.0.1", 9 };
}


gwc_text_t
gwc_redis_looks_up(const gwc_redis_t *redis)
{
    if (redis->host.set) {
        return redis->host.v;
    }

    return gwc_redis_name_of(redis->sentinel_nodes.set
                                 ? &redis->sentinel_nodes
                                 : &redis->cluster_nodes);
}


void
gwc_redis_drop(gwc_redis_t *redis)
{
    memset(redis, 0, sizeof(gwc_redis_t));
}


bool
gwc_redis_verifies(const gwc_redis_t *redis)
{
    return redis->ssl.v && redis->ssl_verify.v;
}
