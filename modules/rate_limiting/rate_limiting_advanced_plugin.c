/*
 * Copyright (C) the ngx_gateway authors
 *
 * rate-limiting-advanced, as in Kong Enterprise: a directive of its own in
 * the same module.
 */

#include <string.h>

#include "counts.h"
#include "diag.h"
#include "model.h"
#include "redis.h"
#include "rule.h"

enum {
    GWC_ADVANCED_LIMITS = 24,
    GWC_ADVANCED_LONGEST = 315360000
};

typedef struct {
    gwc_record_t record;
    gwc_bool_t enabled;
    gwc_num_t interval;
    gwc_int_t retry_times;
    gwc_int_t queue_limit;
} gwc_advanced_throttling_t;

typedef struct {
    gwc_record_t record;
    gwc_list_t limit;       /* gwc_num_t */
    gwc_list_t window_size; /* gwc_num_t */
    gwc_str_t window_type;
    gwc_str_t identifier;
    gwc_list_t compound_identifier; /* gwc_str_t */
    gwc_str_t header_name;
    gwc_str_t path;
    gwc_str_t namespace;
    gwc_str_t strategy;
    gwc_num_t sync_rate;
    gwc_bool_t disable_penalty;
    gwc_int_t retry_after_jitter_max;
    gwc_bool_t hide_client_headers;
    gwc_int_t error_code;
    gwc_str_t error_message;
    gwc_advanced_throttling_t throttling;
    gwc_redis_advanced_t redis;
    gwc_list_t consumer_groups; /* gwc_str_t */
    gwc_bool_t enforce_consumer_groups;
    gwc_str_t dictionary_name;
    gwc_str_t lock_dictionary_name;
} gwc_rate_advanced_t;

static void gwc_rate_advanced_check(void *data);
static void gwc_rate_advanced_emit_http(gwc_writer_t *w,
                                        const gwc_model_t *model,
                                        const gwc_settings_t *settings);
static gwc_text_t gwc_rate_advanced_looks_up(const void *data);
static bool gwc_rate_advanced_verifies(const void *data);

static const char *const gwc_rate_advanced_types[] = { "fixed", "sliding",
                                                       NULL };

static const char *const gwc_rate_advanced_identifiers[] = {
    "consumer", "consumer-group", "credential", "header", "ip",
    "path",     "route",          "service",    NULL,
};

static const char *const gwc_rate_advanced_strategies[] = {
    "local",
    "redis",
    "cluster",
    NULL,
};

static const gwc_field_t gwc_rate_advanced_limit = {
    .type = GWC_NUMBER,
    .bounded = true,
    .min = 0,
    .max = 1e12,
};

static const gwc_field_t gwc_rate_advanced_window = {
    .type = GWC_NUMBER,
    .bounded = true,
    .min = 1,
    .max = GWC_ADVANCED_LONGEST,
};

static const gwc_field_t gwc_rate_advanced_identifier = {
    .type = GWC_STRING,
    .one_of = gwc_rate_advanced_identifiers,
};

static const gwc_field_t gwc_rate_advanced_name = {
    .type = GWC_STRING,
};

static const gwc_field_t gwc_rate_advanced_throttling[] = {
    {
        .name = "enabled",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_advanced_throttling_t, enabled),
        .dflt = "false",
    },
    {
        .name = "interval",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_advanced_throttling_t, interval),
        .dflt = "5",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "retry_times",
        .type = GWC_INT,
        .offset = offsetof(gwc_advanced_throttling_t, retry_times),
        .dflt = "3",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "queue_limit",
        .type = GWC_INT,
        .offset = offsetof(gwc_advanced_throttling_t, queue_limit),
        .dflt = "5",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_rate_advanced_fields[] = {
    {
        .name = "limit",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_rate_advanced_t, limit),
        .flags = GWC_REQUIRED,
        .min_len = 1,
        .elem = &gwc_rate_advanced_limit,
        .size = sizeof(gwc_num_t),
    },
    {
        .name = "window_size",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_rate_advanced_t, window_size),
        .flags = GWC_REQUIRED,
        .min_len = 1,
        .elem = &gwc_rate_advanced_window,
        .size = sizeof(gwc_num_t),
    },
    {
        .name = "window_type",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, window_type),
        .dflt = "\"sliding\"",
        .one_of = gwc_rate_advanced_types,
    },
    {
        .name = "identifier",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, identifier),
        .dflt = "\"consumer\"",
        .one_of = gwc_rate_advanced_identifiers,
    },
    {
        .name = "compound_identifier",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_rate_advanced_t, compound_identifier),
        .elem = &gwc_rate_advanced_identifier,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, header_name),
        .check = gwc_check_header_name,
    },
    {
        .name = "path",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, path),
        .check = gwc_check_path,
    },
    {
        .name = "namespace",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, namespace),
    },
    {
        .name = "strategy",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, strategy),
        .dflt = "\"local\"",
        .one_of = gwc_rate_advanced_strategies,
    },
    {
        .name = "sync_rate",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_rate_advanced_t, sync_rate),
    },
    {
        .name = "disable_penalty",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_advanced_t, disable_penalty),
        .dflt = "false",
    },
    {
        .name = "retry_after_jitter_max",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_advanced_t, retry_after_jitter_max),
        .dflt = "0",
        .bounded = true,
        .min = 0,
        .max = 1000000000,
    },
    {
        .name = "hide_client_headers",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_advanced_t, hide_client_headers),
        .dflt = "false",
    },
    {
        .name = "error_code",
        .type = GWC_INT,
        .offset = offsetof(gwc_rate_advanced_t, error_code),
        .dflt = "429",
        .bounded = true,
        .min = 200,
        .max = 599,
    },
    {
        .name = "error_message",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, error_message),
        .dflt = "\"API rate limit exceeded\"",
    },
    {
        .name = "throttling",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_rate_advanced_t, throttling),
        .fields = gwc_rate_advanced_throttling,
        .size = sizeof(gwc_advanced_throttling_t),
    },
    {
        .name = "redis",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_rate_advanced_t, redis),
        .fields = gwc_redis_advanced_fields,
        .size = sizeof(gwc_redis_advanced_t),
    },
    {
        .name = "consumer_groups",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_rate_advanced_t, consumer_groups),
        .flags = GWC_NO_EMIT,
        .elem = &gwc_rate_advanced_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "enforce_consumer_groups",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_rate_advanced_t, enforce_consumer_groups),
        .flags = GWC_NO_EMIT,
        .dflt = "false",
    },
    {
        .name = "dictionary_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, dictionary_name),
        .flags = GWC_NO_EMIT,
        .dflt = "\"kong_rate_limiting_counters\"",
    },
    {
        .name = "lock_dictionary_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_rate_advanced_t, lock_dictionary_name),
        .flags = GWC_NO_EMIT,
        .dflt = "\"kong_locks\"",
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_rate_limiting_advanced;

const gwc_plugin_rule_t gwc_rule_rate_limiting_advanced = {
    .name = "rate-limiting-advanced",
    .directive = "gateway_rate_limiting_advanced",
    .priority = 910,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_rate_advanced_fields,
    .size = sizeof(gwc_rate_advanced_t),
    .check = gwc_rate_advanced_check,
    .looks_up = gwc_rate_advanced_looks_up,
    .verifies = gwc_rate_advanced_verifies,
    .trusted = "gateway_redis_trusted_certificate",
    .emit_http = gwc_rate_advanced_emit_http,
};


static void
gwc_rate_advanced_check_windows(const gwc_rate_advanced_t *config)
{
    const gwc_num_t *window, *other;
    size_t i, k;

    if (config->limit.n != config->window_size.n) {
        gwc_error(config->limit.node,
                  "You must provide the same number of windows and limits");
        return;
    }

    if (config->limit.n > GWC_ADVANCED_LIMITS) {
        gwc_error(config->limit.node, "there may be %d limits at most",
                  GWC_ADVANCED_LIMITS);
    }

    for (i = 0; i < config->window_size.n; i++) {
        window = GWC_ITEM(config->window_size, gwc_num_t, i);

        if ((double) (int64_t) window->v < window->v) {
            gwc_error(window->node, "a window has whole seconds");
        }

        for (k = 0; k < i; k++) {
            other = GWC_ITEM(config->window_size, gwc_num_t, k);

            if ((int64_t) other->v == (int64_t) window->v) {
                gwc_error(window->node,
                          "there is a limit for %lld seconds "
                          "already",
                          (long long) window->v);
                break;
            }
        }
    }
}


static bool
gwc_rate_advanced_is_by(const gwc_rate_advanced_t *config, const char *kind)
{
    size_t i;

    if (config->compound_identifier.n == 0) {
        return gwc_text_is(config->identifier.v, kind);
    }

    for (i = 0; i < config->compound_identifier.n; i++) {
        if (gwc_text_is(GWC_ITEM(config->compound_identifier, gwc_str_t, i)->v,
                        kind)) {
            return true;
        }
    }

    return false;
}


static void
gwc_rate_advanced_check_identifier(const gwc_rate_advanced_t *config)
{
    const gwc_node_t *node = config->compound_identifier.n != 0
                                 ? config->compound_identifier.node
                                 : config->identifier.node;

    if (gwc_rate_advanced_is_by(config, "header") && !config->header_name.set)
    {
        gwc_error(node, "\"header_name\" must be set to limit by \"header\"");
    }

    if (gwc_rate_advanced_is_by(config, "path") && !config->path.set) {
        gwc_error(node, "\"path\" must be set to limit by \"path\"");
    }
}


static void
gwc_rate_advanced_check_strategy(gwc_rate_advanced_t *config)
{
    bool cluster = gwc_text_is(config->strategy.v, "cluster");
    double rate = config->sync_rate.set ? config->sync_rate.v : 0;

    if (rate < 0 && (rate < -1 || rate > -1)) {
        gwc_error(config->sync_rate.node, "sync_rate must be -1, 0 or more");

    } else if (rate > 0 && rate < 0.02) {
        gwc_error(config->sync_rate.node,
                  "Config option 'sync_rate' must not be a decimal between 0 "
                  "and 0.02");
    }

    gwc_redis_advanced_merge(&config->redis);

    if (gwc_text_is(config->strategy.v, "local")) {

        if (config->sync_rate.set && rate >= 0) {
            gwc_error(config->sync_rate.node,
                      "sync_rate cannot be configured when using a local "
                      "strategy");
            gwc_fix("sync_rate: -1");
        }

        gwc_redis_drop(&config->redis.redis);
        config->sync_rate.node = NULL;
        return;
    }

    if (rate < 0) {

        /* counters of this nginx only */
        gwc_redis_drop(&config->redis.redis);
        return;
    }

    if (!cluster) {
        return;
    }

    if (!gwc_redis_given(&config->redis.redis)) {
        gwc_error(config->strategy.node,
                  "there is no database for the strategy \"cluster\": "
                  "counters can be in Redis, which needs \"redis.host\"");
        gwc_fix("strategy: redis, with redis: {host: 127.0.0.1}");
        return;
    }

    gwc_warning(config->strategy.node,
                "there is no database for the strategy \"cluster\": "
                "counters are in Redis as with \"strategy: redis\"");
    config->strategy.v = (gwc_text_t){ "redis", 5 };
}


static void
gwc_rate_advanced_check(void *data)
{
    gwc_rate_advanced_t *config = data;

    gwc_rate_advanced_check_windows(config);
    gwc_rate_advanced_check_identifier(config);
    gwc_rate_advanced_check_strategy(config);

    if (config->enforce_consumer_groups.v && config->consumer_groups.n == 0) {
        gwc_error(config->enforce_consumer_groups.node,
                  "\"consumer_groups\" must be set when "
                  "\"enforce_consumer_groups\" is true");
    }
}


/* without a host it is on this one */
static gwc_text_t
gwc_rate_advanced_looks_up(const void *data)
{
    const gwc_rate_advanced_t *config = data;

    return gwc_redis_given(&config->redis.redis)
               ? gwc_redis_looks_up(&config->redis.redis)
               : (gwc_text_t){ "127.0.0.1", 9 };
}


static bool
gwc_rate_advanced_verifies(const void *data)
{
    const gwc_rate_advanced_t *config = data;

    return gwc_redis_verifies(&config->redis.redis);
}


static void
gwc_rate_advanced_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                            const gwc_settings_t *settings)
{
    (void) model;

    gwc_counts_emit_zone(w, settings, "gateway_rate_limiting_zone");
}
