/*
 * Copyright (C) the ngx_gateway authors
 *
 * rate-limiting.  The redis fields are read and checked, since files carry
 * them next to "policy: local" too, but nothing is made of them.
 */

#include "diag.h"
#include "model.h"
#include "rule.h"

enum {
    GWC_RATE_PERIODS = 6
};

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
} gwc_rate_redis_t;

typedef struct {
    gwc_record_t record;
    gwc_num_t limits[GWC_RATE_PERIODS];
    gwc_str_t limit_by;
    gwc_str_t header_name;
    gwc_str_t path;
    gwc_str_t policy;
    gwc_bool_t fault_tolerant;
    gwc_rate_redis_t redis;
    gwc_bool_t hide_client_headers;
    gwc_int_t error_code;
    gwc_str_t error_message;
    gwc_num_t sync_rate;
    /* the same, in the form of older files */
    gwc_str_t redis_host;
    gwc_int_t redis_port;
    gwc_str_t redis_password;
    gwc_str_t redis_username;
    gwc_bool_t redis_ssl;
    gwc_bool_t redis_ssl_verify;
    gwc_str_t redis_server_name;
    gwc_int_t redis_timeout;
    gwc_int_t redis_database;
} gwc_rate_limiting_t;

static void gwc_rate_limiting_check(void *data);

static const char *const gwc_rate_periods[] = {
    "second", "minute", "hour", "day", "month", "year",
};

static const char *const gwc_rate_limit_by[] = {
    "consumer", "credential", "ip", "service", "header", "path", NULL,
};

static const char *const gwc_rate_policies[] = {
    "local",
    "redis",
    "cluster",
    NULL,
};

static const gwc_field_t gwc_rate_redis_fields[] = {
    {
        .name = "host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_redis_t, host),
        .check = gwc_check_host,
    },
    {
        .name = "port",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_redis_t, port),
        .dflt = "6379",
        .bounded = true,
        .min = 0,
        .max = 65535,
    },
    {
        .name = "timeout",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_redis_t, timeout),
        .dflt = "2000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    {
        .name = "username",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_redis_t, username),
        .flags = GWC_REFERENCEABLE,
    },
    {
        .name = "password",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_redis_t, password),
        .flags = GWC_REFERENCEABLE | GWC_SECRET | GWC_EMPTY_OK,
    },
    {
        .name = "database",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_redis_t, database),
        .dflt = "0",
    },
    {
        .name = "ssl",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_redis_t, ssl),
        .dflt = "false",
    },
    {
        .name = "ssl_verify",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_redis_t, ssl_verify),
        .dflt = "false",
    },
    {
        .name = "server_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_redis_t, server_name),
    },
    { .name = NULL },
};

#define GWC_RATE_LIMIT(field, n)                                              \
    {                                                                         \
        .name = (field), .type = GWC_NUMBER,                                  \
        .offset =                                                             \
            offsetof(gwc_rate_limiting_t, limits) + (n) * sizeof(gwc_num_t),  \
        .flags = GWC_EXCLUSIVE_MIN, .bounded = true, .min = 0, .max = 1e15,   \
    }

static const gwc_field_t gwc_rate_limiting_fields[] = {
    GWC_RATE_LIMIT("second", 0),
    GWC_RATE_LIMIT("minute", 1),
    GWC_RATE_LIMIT("hour", 2),
    GWC_RATE_LIMIT("day", 3),
    GWC_RATE_LIMIT("month", 4),
    GWC_RATE_LIMIT("year", 5),
    {
        .name = "limit_by",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, limit_by),
        .dflt = "\"consumer\"",
        .one_of = gwc_rate_limit_by,
    },
    {
        .name = "header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, header_name),
        .check = gwc_check_header_name,
    },
    {
        .name = "path",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, path),
        .check = gwc_check_path,
    },
    {
        .name = "policy",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, policy),
        .dflt = "\"local\"",
        .one_of = gwc_rate_policies,
    },
    {
        .name = "fault_tolerant",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_limiting_t, fault_tolerant),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "redis",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_rate_limiting_t, redis),
        .flags = GWC_NO_EMIT,
        .fields = gwc_rate_redis_fields,
        .size = sizeof(gwc_rate_redis_t),
    },
    {
        .name = "hide_client_headers",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_limiting_t, hide_client_headers),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "error_code",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_limiting_t, error_code),
        .dflt = "429",
        .bounded = true,
        .min = 200,
        .max = 599,
    },
    {
        .name = "error_message",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, error_message),
        .dflt = "\"API rate limit exceeded\"",
    },
    {
        .name = "sync_rate",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_rate_limiting_t, sync_rate),
        .flags = GWC_REQUIRED,
        .dflt = "-1",
    },
    {
        .name = "redis_host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, redis_host),
        .flags = GWC_NO_EMIT,
    },
    {
        .name = "redis_port",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_limiting_t, redis_port),
        .flags = GWC_NO_EMIT,
    },
    {
        .name = "redis_password",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, redis_password),
        .flags = GWC_NO_EMIT | GWC_SECRET | GWC_EMPTY_OK,
    },
    {
        .name = "redis_username",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, redis_username),
        .flags = GWC_NO_EMIT,
    },
    {
        .name = "redis_ssl",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_limiting_t, redis_ssl),
        .flags = GWC_NO_EMIT,
    },
    {
        .name = "redis_ssl_verify",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_limiting_t, redis_ssl_verify),
        .flags = GWC_NO_EMIT,
    },
    {
        .name = "redis_server_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, redis_server_name),
        .flags = GWC_NO_EMIT,
    },
    {
        .name = "redis_timeout",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_limiting_t, redis_timeout),
        .flags = GWC_NO_EMIT,
    },
    {
        .name = "redis_database",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_limiting_t, redis_database),
        .flags = GWC_NO_EMIT,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_rate_limiting;

const gwc_plugin_rule_t gwc_rule_rate_limiting = {
    .name = "rate-limiting",
    .directive = "gateway_rate_limiting",
    .priority = 910,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_rate_limiting_fields,
    .size = sizeof(gwc_rate_limiting_t),
    .check = gwc_rate_limiting_check,
};


static void
gwc_rate_limiting_check_order(const gwc_rate_limiting_t *config)
{
    const gwc_num_t *shorter, *longer;
    size_t i, j, n = 0;

    for (i = 0; i < GWC_RATE_PERIODS; i++) {
        shorter = &config->limits[i];

        if (!shorter->set) {
            continue;
        }

        n++;

        for (j = i + 1; j < GWC_RATE_PERIODS; j++) {
            longer = &config->limits[j];

            if (longer->set && longer->v < shorter->v) {
                gwc_error(longer->node,
                          "The limit for %s(%.1f) cannot be lower than the "
                          "limit for %s(%.1f)",
                          gwc_rate_periods[j], longer->v, gwc_rate_periods[i],
                          shorter->v);
                return;
            }
        }
    }

    if (n == 0) {
        gwc_error(config->record.node,
                  "at least one of \"second\", \"minute\", \"hour\", "
                  "\"day\", \"month\" and \"year\" must be set");
        gwc_fix("minute: 60");
    }
}


static void
gwc_rate_limiting_check(void *data)
{
    const gwc_rate_limiting_t *config = data;

    gwc_rate_limiting_check_order(config);

    if (gwc_text_is(config->limit_by.v, "header") && !config->header_name.set)
    {
        gwc_error(config->limit_by.node,
                  "\"header_name\" must be set when \"limit_by\" is "
                  "\"header\"");
    }

    if (gwc_text_is(config->limit_by.v, "path") && !config->path.set) {
        gwc_error(config->limit_by.node,
                  "\"path\" must be set when \"limit_by\" is \"path\"");
    }

    if (config->policy.set && !gwc_text_is(config->policy.v, "local")) {
        gwc_error(
            config->policy.node, "the policy \"%s\" is not implemented yet",
            gwc_text_is(config->policy.v, "redis") ? "redis" : "cluster");
        gwc_fix("policy: local  (counts per node)");
        return;
    }

    if (config->sync_rate.v < -1 || config->sync_rate.v > -1) {
        gwc_error(config->sync_rate.node,
                  "sync_rate can only be used with the redis policy");
    }
}
