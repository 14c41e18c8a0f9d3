/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits in windows of any length, as files say them; see the header.
 */

#include "windows.h"

#include "counts.h"
#include "diag.h"

enum {
    GWC_WINDOWS_LIMITS = 24,
    GWC_WINDOWS_LONGEST = 315360000
};

const char *const gwc_windows_types[] = { "fixed", "sliding", NULL };

const char *const gwc_windows_strategies[] = {
    "local",
    "redis",
    "cluster",
    NULL,
};

const gwc_field_t gwc_windows_limit = {
    .type = GWC_NUMBER,
    .bounded = true,
    .min = 0,
    .max = 1e12,
};

const gwc_field_t gwc_windows_size = {
    .type = GWC_NUMBER,
    .bounded = true,
    .min = 1,
    .max = GWC_WINDOWS_LONGEST,
};


static void
gwc_windows_check_sizes(const gwc_windows_t *config)
{
    const gwc_num_t *window, *other;
    size_t i, k;

    if (config->limit.n != config->window_size.n) {
        gwc_error(config->limit.node,
                  "You must provide the same number of windows and limits");
        return;
    }

    if (config->limit.n > GWC_WINDOWS_LIMITS) {
        gwc_error(config->limit.node, "there may be %d limits at most",
                  GWC_WINDOWS_LIMITS);
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


static void
gwc_windows_check_strategy(gwc_windows_t *config)
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


void
gwc_windows_check(gwc_windows_t *config)
{
    gwc_windows_check_sizes(config);
    gwc_windows_check_strategy(config);
}


/* without a host it is on this one */
gwc_text_t
gwc_windows_looks_up(const void *data)
{
    const gwc_windows_t *config = data;

    return gwc_redis_given(&config->redis.redis)
               ? gwc_redis_looks_up(&config->redis.redis)
               : (gwc_text_t){ "127.0.0.1", 9 };
}


bool
gwc_windows_verifies(const void *data)
{
    const gwc_windows_t *config = data;

    return gwc_redis_verifies(&config->redis.redis);
}


void
gwc_windows_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                      const gwc_settings_t *settings)
{
    (void) model;

    gwc_counts_emit_zone(w, settings, "gateway_rate_limiting_zone");
}
