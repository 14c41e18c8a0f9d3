/*
 * Copyright (C) the ngx_gateway authors
 *
 * response-ratelimiting.
 */

#include "counts.h"
#include "diag.h"
#include "model.h"
#include "redis.h"
#include "rule.h"

enum {
    GWC_RESPONSE_PERIODS = 6
};

typedef struct {
    gwc_record_t record;
    gwc_num_t limits[GWC_RESPONSE_PERIODS];
} gwc_response_limit_t;

/* an item of the map "limits" */
typedef struct {
    gwc_str_t key;
    gwc_response_limit_t value;
} gwc_response_named_t;

typedef struct {
    gwc_record_t record;
    gwc_list_t limits; /* gwc_response_named_t */
    gwc_str_t header_name;
    gwc_str_t limit_by;
    gwc_str_t policy;
    gwc_bool_t fault_tolerant;
    gwc_redis_t redis;
    gwc_bool_t hide_client_headers;
    gwc_bool_t block_on_first_violation;
    gwc_redis_flat_t flat;
} gwc_response_ratelimiting_t;

static void gwc_response_ratelimiting_check(void *data);
static void
gwc_response_ratelimiting_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                                    const gwc_settings_t *settings);
static void gwc_response_check_names(const gwc_field_t *field, void *value);
static void gwc_response_check_limit(const gwc_field_t *field, void *value);
static gwc_text_t gwc_response_looks_up(const void *data);
static bool gwc_response_verifies(const void *data);

static const char *const gwc_response_periods[] = {
    "second", "minute", "hour", "day", "month", "year",
};

static const char *const gwc_response_limit_by[] = {
    "consumer",
    "credential",
    "ip",
    NULL,
};

static const char *const gwc_response_policies[] = {
    "local",
    "redis",
    "cluster",
    NULL,
};

#define GWC_RESPONSE_LIMIT(field, n)                                          \
    {                                                                         \
        .name = (field), .type = GWC_NUMBER,                                  \
        .offset =                                                             \
            offsetof(gwc_response_limit_t, limits) + (n) * sizeof(gwc_num_t), \
        .flags = GWC_EXCLUSIVE_MIN, .bounded = true, .min = 0, .max = 1e12,   \
    }

static const gwc_field_t gwc_response_limit_fields[] = {
    GWC_RESPONSE_LIMIT("second", 0),
    GWC_RESPONSE_LIMIT("minute", 1),
    GWC_RESPONSE_LIMIT("hour", 2),
    GWC_RESPONSE_LIMIT("day", 3),
    GWC_RESPONSE_LIMIT("month", 4),
    GWC_RESPONSE_LIMIT("year", 5),
    { .name = NULL },
};

static const gwc_field_t gwc_response_limit = {
    .type = GWC_RECORD,
    .offset = offsetof(gwc_response_named_t, value),
    .flags = GWC_REQUIRED,
    .fields = gwc_response_limit_fields,
    .size = sizeof(gwc_response_limit_t),
    .check = gwc_response_check_limit,
};

static const gwc_field_t gwc_response_ratelimiting_fields[] = {
    {
        .name = "limits",
        .type = GWC_MAP,
        .offset = offsetof(gwc_response_ratelimiting_t, limits),
        .flags = GWC_REQUIRED,
        .min_len = 1,
        .elem = &gwc_response_limit,
        .size = sizeof(gwc_response_named_t),
        .check = gwc_response_check_names,
    },
    {
        .name = "header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_response_ratelimiting_t, header_name),
        .dflt = "\"x-kong-limit\"",
        .check = gwc_check_header_name,
    },
    {
        .name = "limit_by",
        .type = GWC_STRING,
        .offset = offsetof(gwc_response_ratelimiting_t, limit_by),
        .dflt = "\"consumer\"",
        .one_of = gwc_response_limit_by,
    },
    {
        .name = "policy",
        .type = GWC_STRING,
        .offset = offsetof(gwc_response_ratelimiting_t, policy),
        .dflt = "\"local\"",
        .one_of = gwc_response_policies,
    },
    {
        .name = "fault_tolerant",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_response_ratelimiting_t, fault_tolerant),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "redis",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_response_ratelimiting_t, redis),
        .fields = gwc_redis_fields,
        .size = sizeof(gwc_redis_t),
    },
    {
        .name = "hide_client_headers",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_response_ratelimiting_t, hide_client_headers),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "block_on_first_violation",
        .type = GWC_BOOL,
        .offset =
            offsetof(gwc_response_ratelimiting_t, block_on_first_violation),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    GWC_REDIS_FLAT_FIELDS(gwc_response_ratelimiting_t, flat),
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_response_ratelimiting;

const gwc_plugin_rule_t gwc_rule_response_ratelimiting = {
    .name = "response-ratelimiting",
    .directive = "gateway_response_ratelimiting",
    .priority = 900,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_response_ratelimiting_fields,
    .size = sizeof(gwc_response_ratelimiting_t),
    .check = gwc_response_ratelimiting_check,
    .looks_up = gwc_response_looks_up,
    .verifies = gwc_response_verifies,
    .trusted = "gateway_redis_trusted_certificate",
    .emit_http = gwc_response_ratelimiting_emit_http,
};


/* they stand in names of headers */
static void
gwc_response_check_names(const gwc_field_t *field, void *value)
{
    const gwc_list_t *limits = value;
    size_t i, k;

    (void) field;

    for (i = 0; i < limits->n; i++) {
        gwc_text_t name = GWC_ITEM(*limits, gwc_response_named_t, i)->key.v;

        for (k = 0; k < name.len; k++) {
            char c = name.data[k];

            if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                  || (c >= 'a' && c <= 'z') || c == '-' || c == '_'
                  || c == '.'))
            {
                break;
            }
        }

        if (name.len == 0 || k < name.len) {
            gwc_error(GWC_ITEM(*limits, gwc_response_named_t, i)->key.node,
                      "the name of a limit stands in headers: it must "
                      "consist of letters, digits, \"-\", \"_\" and \".\"");
        }
    }
}


static void
gwc_response_check_limit(const gwc_field_t *field, void *value)
{
    const gwc_response_limit_t *limit = value;
    const gwc_num_t *shorter, *longer;
    size_t i, k, n = 0;

    (void) field;

    for (i = 0; i < GWC_RESPONSE_PERIODS; i++) {
        shorter = &limit->limits[i];

        if (!shorter->set) {
            continue;
        }

        n++;

        for (k = i + 1; k < GWC_RESPONSE_PERIODS; k++) {
            longer = &limit->limits[k];

            if (longer->set && longer->v < shorter->v) {
                gwc_error(longer->node,
                          "the limit for %s(%.1f) cannot be lower than the "
                          "limit for %s(%.1f)",
                          gwc_response_periods[k], longer->v,
                          gwc_response_periods[i], shorter->v);
                return;
            }
        }
    }

    if (n == 0) {
        gwc_error(limit->record.node,
                  "at least one of \"second\", \"minute\", \"hour\", "
                  "\"day\", \"month\" and \"year\" must be set");
        gwc_fix("minute: 60");
    }
}


static void
gwc_response_ratelimiting_check(void *data)
{
    gwc_response_ratelimiting_t *config = data;
    bool redis = gwc_text_is(config->policy.v, "redis");

    gwc_redis_merge(&config->redis, &config->flat);

    if (!config->policy.set || gwc_text_is(config->policy.v, "local")) {
        gwc_redis_drop(&config->redis);
        return;
    }

    if (!gwc_redis_given(&config->redis)) {
        gwc_error(config->policy.node,
                  redis ? "\"redis.host\" must be set when \"policy\" is "
                          "\"redis\""
                        : "there is no database for the policy \"cluster\": "
                          "counters can be in Redis, which needs "
                          "\"redis.host\"");
        return;
    }

    if (!redis) {
        gwc_warning(config->policy.node,
                    "there is no database for the policy \"cluster\": "
                    "counters are in Redis as with \"policy: redis\"");
        config->policy.v = (gwc_text_t){ "redis", 5 };
    }
}


static gwc_text_t
gwc_response_looks_up(const void *data)
{
    const gwc_response_ratelimiting_t *config = data;

    /* an address needs no resolver */
    return config->redis.host.set ? config->redis.host.v
                                  : (gwc_text_t){ "127.0.0.1", 9 };
}


static bool
gwc_response_verifies(const void *data)
{
    const gwc_response_ratelimiting_t *config = data;

    return gwc_redis_verifies(&config->redis);
}


static void
gwc_response_ratelimiting_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                                    const gwc_settings_t *settings)
{
    (void) model;

    gwc_counts_emit_zone(w, settings, "gateway_response_ratelimiting_zone");
}
