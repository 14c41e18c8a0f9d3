/*
 * Copyright (C) the ngx_gateway authors
 *
 * The record "redis" of plugins, and its older form of flat fields.
 */

#ifndef GWC_REDIS_H
#define GWC_REDIS_H

#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t host; /* "ip" of a cluster's */
    gwc_int_t port;
} gwc_redis_node_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t host;
    gwc_int_t port;
    gwc_int_t timeout;
    gwc_str_t username;
    gwc_str_t password;
    gwc_int_t database;
    gwc_bool_t ssl;
    gwc_bool_t ssl_verify;
    gwc_str_t server_name;
    /* not both of sentinels and a cluster, and no host then */
    gwc_list_t sentinel_nodes; /* gwc_redis_node_t */
    gwc_str_t sentinel_master;
    gwc_str_t sentinel_role;
    gwc_str_t sentinel_username;
    gwc_str_t sentinel_password;
    gwc_list_t cluster_nodes; /* gwc_redis_node_t */
} gwc_redis_t;

/* the same with what Kong Enterprise has more; the first is emitted */
typedef struct {
    gwc_redis_t redis;
    gwc_int_t connect_timeout;
    gwc_int_t send_timeout;
    gwc_int_t read_timeout;
    gwc_int_t keepalive_pool_size;
    gwc_int_t keepalive_backlog;
    gwc_int_t cluster_max_redirections;
    gwc_bool_t connection_is_proxied;
    gwc_list_t sentinel_addresses; /* gwc_str_t */
    gwc_list_t cluster_addresses;  /* gwc_str_t */
} gwc_redis_advanced_t;

/* "redis_host" etc. beside the record */
typedef struct {
    gwc_str_t host;
    gwc_int_t port;
    gwc_int_t timeout;
    gwc_str_t username;
    gwc_str_t password;
    gwc_int_t database;
    gwc_bool_t ssl;
    gwc_bool_t ssl_verify;
    gwc_str_t server_name;
} gwc_redis_flat_t;

/* fields of the record; what is emitted are parameters "redis.host=..." */
extern const gwc_field_t gwc_redis_fields[];

/* of a gwc_redis_advanced_t; which starts with the record */
extern const gwc_field_t gwc_redis_advanced_fields[];

#define GWC_REDIS_FLAT_FIELD(config, flat, kind, field, more)                 \
    {                                                                         \
        .name = "redis_" #field, .type = (kind),                              \
        .offset = offsetof(config, flat) + offsetof(gwc_redis_flat_t, field), \
        .flags = GWC_NO_EMIT | (more),                                        \
    }

/* rows of the config's table for a gwc_redis_flat_t in it */
#define GWC_REDIS_FLAT_FIELDS(config, flat)                                   \
    GWC_REDIS_FLAT_FIELD(config, flat, GWC_STRING, host, 0),                  \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_INT, port, 0),                 \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_INT, timeout, 0),              \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_STRING, username, 0),          \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_STRING, password,              \
                             GWC_SECRET | GWC_EMPTY_OK),                      \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_INT, database, 0),             \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_BOOL, ssl, 0),                 \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_BOOL, ssl_verify, 0),          \
        GWC_REDIS_FLAT_FIELD(config, flat, GWC_STRING, server_name, 0)

/*
 * For the check of a rule: what the older fields say goes into the record;
 * an error where both speak and differ, or where the record contradicts
 * itself.
 */
void gwc_redis_merge(gwc_redis_t *redis, const gwc_redis_flat_t *flat);

/* the same: the three times-outs are one, addresses are nodes */
void gwc_redis_advanced_merge(gwc_redis_advanced_t *redis);

/* some server is named */
bool gwc_redis_given(const gwc_redis_t *redis);

/* its names are looked up at run time: one of them, or an address */
gwc_text_t gwc_redis_looks_up(const gwc_redis_t *redis);

/* as if the record had not been there: it is not used */
void gwc_redis_drop(gwc_redis_t *redis);

/* for "verifies" of a rule, with "gateway_redis_trusted_certificate" */
bool gwc_redis_verifies(const gwc_redis_t *redis);

#endif
