/*
 * Copyright (C) the ngx_gateway authors
 *
 * Where Redis is.
 */

#include "redis.h"

#include <string.h>

#include "diag.h"

const gwc_field_t gwc_redis_fields[] = {
    {
        .name = "host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_redis_t, host),
        .check = gwc_check_host,
    },
    {
        .name = "port",
        .type = GWC_INT,
        .offset = offsetof(gwc_redis_t, port),
        .dflt = "6379",
        .bounded = true,
        .min = 0,
        .max = 65535,
    },
    {
        .name = "timeout",
        .type = GWC_INT,
        .offset = offsetof(gwc_redis_t, timeout),
        .dflt = "2000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    {
        .name = "username",
        .type = GWC_STRING,
        .offset = offsetof(gwc_redis_t, username),
        .flags = GWC_REFERENCEABLE,
    },
    {
        .name = "password",
        .type = GWC_STRING,
        .offset = offsetof(gwc_redis_t, password),
        .flags = GWC_REFERENCEABLE | GWC_SECRET | GWC_EMPTY_OK,
    },
    {
        .name = "database",
        .type = GWC_INT,
        .offset = offsetof(gwc_redis_t, database),
        .dflt = "0",
        .bounded = true,
        .min = 0,
        .max = 2147483647,
    },
    {
        .name = "ssl",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_redis_t, ssl),
        .dflt = "false",
    },
    {
        .name = "ssl_verify",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_redis_t, ssl_verify),
        .dflt = "false",
    },
    {
        .name = "server_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_redis_t, server_name),
        .check = gwc_check_host,
    },
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
}


bool
gwc_redis_given(const gwc_redis_t *redis)
{
    return redis->host.set;
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
