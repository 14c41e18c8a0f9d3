/*
 * Copyright (C) the ngx_gateway authors
 *
 * rate-limiting.  The redis fields are read and checked next to "policy:
 * local" too, since files carry them there, but nothing is made of them.
 */

#include "counts.h"
#include "diag.h"
#include "model.h"
#include "redis.h"
#include "rule.h"

#include <string.h>

enum {
    GWC_RATE_PERIODS = 6,
    GWC_RATE_COST = 1000000 /* the most that a request may cost */
};

/* a limit with a name, beside those of the plugin */
typedef struct {
    gwc_record_t record;
    gwc_num_t limits[GWC_RATE_PERIODS];
    gwc_str_t limit_by;
    gwc_str_t header_name;
    gwc_str_t path;
    gwc_str_t window_type;
    gwc_str_t algorithm;
    gwc_int_t burst;
} gwc_rate_named_t;

typedef struct {
    gwc_str_t key;
    gwc_rate_named_t value;
} gwc_rate_named_pair_t;

typedef struct {
    gwc_record_t record;
    gwc_num_t limits[GWC_RATE_PERIODS];
    gwc_str_t limit_by;
    gwc_str_t header_name;
    gwc_str_t path;
    gwc_str_t policy;
    gwc_bool_t fault_tolerant;
    gwc_redis_t redis;
    gwc_bool_t hide_client_headers;
    gwc_int_t error_code;
    gwc_str_t error_message;
    gwc_num_t sync_rate;
    gwc_str_t fallback;
    gwc_str_t window_type;
    gwc_str_t algorithm;
    gwc_int_t burst;
    gwc_list_t named; /* gwc_rate_named_pair_t */
    gwc_str_t cost;
    gwc_int_t concurrency;
    gwc_bool_t dry_run;
    gwc_bool_t ietf_headers;
    gwc_redis_flat_t flat;
} gwc_rate_limiting_t;

static void gwc_rate_limiting_check(void *data);
static void gwc_rate_limiting_emit_http(gwc_writer_t *w,
                                        const gwc_model_t *model,
                                        const gwc_settings_t *settings);
static gwc_text_t gwc_rate_limiting_looks_up(const void *data);
static bool gwc_rate_limiting_verifies(const void *data);

static const char *const gwc_rate_periods[] = {
    "second", "minute", "hour", "day", "month", "year",
};

static const char *const gwc_rate_limit_by[] = {
    "consumer", "credential",     "ip", "service", "header",
    "path",     "consumer-group", NULL,
};

static const char *const gwc_rate_window_types[] = { "fixed", "sliding",
                                                     NULL };

static const char *const gwc_rate_algorithms[] = { "window", "gcra", NULL };

static const char *const gwc_rate_fallbacks[] = { "none", "local", NULL };

static const char *const gwc_rate_policies[] = {
    "local",
    "redis",
    "cluster",
    NULL,
};

#define GWC_RATE_LIMIT(config, field, n)                                      \
    {                                                                         \
        .name = (field), .type = GWC_NUMBER,                                  \
        .offset = offsetof(config, limits) + (n) * sizeof(gwc_num_t),         \
        .flags = GWC_EXCLUSIVE_MIN, .bounded = true, .min = 0, .max = 1e14,   \
    }

/* kinds of limits, of the plugin and of named ones */
#define GWC_RATE_KINDS(config)                                                \
    {                                                                         \
        .name = "window_type",                                                \
        .type = GWC_STRING,                                                   \
        .offset = offsetof(config, window_type),                              \
        .dflt = "\"fixed\"",                                                  \
        .one_of = gwc_rate_window_types,                                      \
    },                                                                        \
        {                                                                     \
            .name = "algorithm",                                              \
            .type = GWC_STRING,                                               \
            .offset = offsetof(config, algorithm),                            \
            .dflt = "\"window\"",                                             \
            .one_of = gwc_rate_algorithms,                                    \
        },                                                                    \
    {                                                                         \
        .name = "burst", .type = GWC_INT, .offset = offsetof(config, burst),  \
        .bounded = true, .min = 1, .max = 1000000000,                         \
    }

static const gwc_field_t gwc_rate_named_fields[] = {
    GWC_RATE_LIMIT(gwc_rate_named_t, "second", 0),
    GWC_RATE_LIMIT(gwc_rate_named_t, "minute", 1),
    GWC_RATE_LIMIT(gwc_rate_named_t, "hour", 2),
    GWC_RATE_LIMIT(gwc_rate_named_t, "day", 3),
    GWC_RATE_LIMIT(gwc_rate_named_t, "month", 4),
    GWC_RATE_LIMIT(gwc_rate_named_t, "year", 5),
    {
        .name = "limit_by",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_named_t, limit_by),
        .dflt = "\"consumer\"",
        .one_of = gwc_rate_limit_by,
    },
    {
        .name = "header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_named_t, header_name),
        .check = gwc_check_header_name,
    },
    {
        .name = "path",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_named_t, path),
        .check = gwc_check_path,
    },
    GWC_RATE_KINDS(gwc_rate_named_t),
    { .name = NULL },
};

static const gwc_field_t gwc_rate_named = {
    .type = GWC_RECORD,
    .offset = offsetof(gwc_rate_named_pair_t, value),
    .fields = gwc_rate_named_fields,
    .size = sizeof(gwc_rate_named_t),
};

static const gwc_field_t gwc_rate_limiting_fields[] = {
    GWC_RATE_LIMIT(gwc_rate_limiting_t, "second", 0),
    GWC_RATE_LIMIT(gwc_rate_limiting_t, "minute", 1),
    GWC_RATE_LIMIT(gwc_rate_limiting_t, "hour", 2),
    GWC_RATE_LIMIT(gwc_rate_limiting_t, "day", 3),
    GWC_RATE_LIMIT(gwc_rate_limiting_t, "month", 4),
    GWC_RATE_LIMIT(gwc_rate_limiting_t, "year", 5),
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
        .fields = gwc_redis_fields,
        .size = sizeof(gwc_redis_t),
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
    /* ours */
    {
        .name = "fallback",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, fallback),
        .dflt = "\"none\"",
        .one_of = gwc_rate_fallbacks,
    },
    GWC_RATE_KINDS(gwc_rate_limiting_t),
    {
        .name = "limits",
        .type = GWC_MAP,
        .offset = offsetof(gwc_rate_limiting_t, named),
        .min_len = 1,
        .elem = &gwc_rate_named,
        .size = sizeof(gwc_rate_named_pair_t),
    },
    {
        .name = "cost",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_limiting_t, cost),
    },
    {
        .name = "concurrency",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_limiting_t, concurrency),
        .bounded = true,
        .min = 1,
        .max = 1000000000,
    },
    {
        .name = "dry_run",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_limiting_t, dry_run),
        .dflt = "false",
    },
    {
        .name = "ietf_headers",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_limiting_t, ietf_headers),
        .dflt = "false",
    },
    GWC_REDIS_FLAT_FIELDS(gwc_rate_limiting_t, flat),
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
    .looks_up = gwc_rate_limiting_looks_up,
    .verifies = gwc_rate_limiting_verifies,
    .trusted = "gateway_redis_trusted_certificate",
    .emit_http = gwc_rate_limiting_emit_http,
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

    if (n == 0 && config->named.n == 0 && !config->concurrency.set) {
        gwc_error(config->record.node,
                  "at least one of \"second\", \"minute\", \"hour\", "
                  "\"day\", \"month\" and \"year\" must be set");
        gwc_fix("minute: 60");
    }
}


static void
gwc_rate_limiting_check_policy(gwc_rate_limiting_t *config)
{
    bool redis = gwc_text_is(config->policy.v, "redis");

    if ((config->sync_rate.v < -1 || config->sync_rate.v > -1) && !redis) {
        gwc_error(config->sync_rate.node,
                  "sync_rate can only be used with the redis policy");

    } else if ((config->sync_rate.v < -1 || config->sync_rate.v > -1)
               && config->sync_rate.v < 0.02)
    {
        gwc_error(config->sync_rate.node,
                  "sync_rate must be greater than 0.02, or -1 to disable");
    }

    gwc_redis_merge(&config->redis, &config->flat);

    if (!config->policy.set || gwc_text_is(config->policy.v, "local")) {
        gwc_redis_drop(&config->redis);

        if (gwc_text_is(config->fallback.v, "local")) {
            gwc_error(config->fallback.node,
                      "fallback can only be used with the redis policy");
        }

        return;
    }

    if (!gwc_redis_given(&config->redis)) {
        gwc_error(config->policy.node,
                  redis ? "\"redis.host\" must be set when \"policy\" is "
                          "\"redis\""
                        : "there is no database for the policy \"cluster\": "
                          "counters can be in Redis, which needs "
                          "\"redis.host\"");
        gwc_fix(redis ? "redis: {host: 127.0.0.1}"
                      : "policy: redis, with redis: {host: 127.0.0.1}");
        return;
    }

    if (!redis) {
        gwc_warning(config->policy.node,
                    "there is no database for the policy \"cluster\": "
                    "counters are in Redis as with \"policy: redis\"");
        config->policy.v = (gwc_text_t){ "redis", 5 };
    }
}


/* what limits with a name and without one have in common */
static void
gwc_rate_limiting_check_key(const gwc_str_t *limit_by,
                            const gwc_str_t *header_name,
                            const gwc_str_t *path)
{
    if (gwc_text_is(limit_by->v, "header") && !header_name->set) {
        gwc_error(limit_by->node, "\"header_name\" must be set when "
                                  "\"limit_by\" is \"header\"");
    }

    if (gwc_text_is(limit_by->v, "path") && !path->set) {
        gwc_error(limit_by->node,
                  "\"path\" must be set when \"limit_by\" is \"path\"");
    }
}


static void
gwc_rate_limiting_check_burst(const gwc_int_t *burst,
                              const gwc_str_t *algorithm)
{
    if (burst->set && !gwc_text_is(algorithm->v, "gcra")) {
        gwc_error(burst->node, "\"burst\" needs \"algorithm: gcra\"");
    }
}


static void
gwc_rate_limiting_check_named(const gwc_rate_named_pair_t *pair)
{
    const gwc_rate_named_t *named = &pair->value;
    bool some = false;
    size_t i;

    for (i = 0; i < pair->key.v.len; i++) {
        char c = pair->key.v.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        {
            gwc_error(pair->key.node, "the name of a limit has letters, "
                                      "digits, \"-\" and \"_\"");
            break;
        }
    }

    for (i = 0; i < GWC_RATE_PERIODS; i++) {
        some |= named->limits[i].set;
    }

    if (!some) {
        gwc_error(named->record.node,
                  "at least one of \"second\", \"minute\", \"hour\", "
                  "\"day\", \"month\" and \"year\" must be set");
    }

    gwc_rate_limiting_check_key(&named->limit_by, &named->header_name,
                                &named->path);
    gwc_rate_limiting_check_burst(&named->burst, &named->algorithm);
}


static void
gwc_rate_limiting_check_more(const gwc_rate_limiting_t *config)
{
    size_t i;

    for (i = 0; i < config->named.n; i++) {
        gwc_rate_limiting_check_named(
            GWC_ITEM(config->named, gwc_rate_named_pair_t, i));
    }

    gwc_rate_limiting_check_burst(&config->burst, &config->algorithm);
}


/* a cost without variables is known now; the other ones are only later */
static void
gwc_rate_limiting_check_cost(const gwc_str_t *cost)
{
    size_t i;
    long n = 0;

    if (!cost->set || memchr(cost->v.data, '$', cost->v.len) != NULL) {
        return;
    }

    for (i = 0; i < cost->v.len && n <= GWC_RATE_COST; i++) {
        char c = cost->v.data[i];

        if (c < '0' || c > '9') {
            break;
        }

        n = n * 10 + (c - '0');
    }

    if (i < cost->v.len || n > GWC_RATE_COST) {
        gwc_error(cost->node,
                  "the cost must be a number from 0 to %d, or a "
                  "text with variables",
                  GWC_RATE_COST);
    }
}


static void
gwc_rate_limiting_check(void *data)
{
    gwc_rate_limiting_t *config = data;

    gwc_rate_limiting_check_order(config);
    gwc_rate_limiting_check_policy(config);
    gwc_rate_limiting_check_key(&config->limit_by, &config->header_name,
                                &config->path);
    gwc_rate_limiting_check_more(config);
    gwc_rate_limiting_check_cost(&config->cost);
}


static gwc_text_t
gwc_rate_limiting_looks_up(const void *data)
{
    const gwc_rate_limiting_t *config = data;

    return gwc_redis_looks_up(&config->redis);
}


static bool
gwc_rate_limiting_verifies(const void *data)
{
    const gwc_rate_limiting_t *config = data;

    return gwc_redis_verifies(&config->redis);
}


static void
gwc_rate_limiting_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                            const gwc_settings_t *settings)
{
    (void) model;

    gwc_counts_emit_zone(w, settings, "gateway_rate_limiting_zone");
}
