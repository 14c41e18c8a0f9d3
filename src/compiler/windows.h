/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits in windows of any length, of the plugins that count in them:
 * rate-limiting-advanced and service-protection.
 */

#ifndef GWC_WINDOWS_H
#define GWC_WINDOWS_H

#include "model.h"
#include "redis.h"
#include "rule.h"

/* the head of the configs of these plugins */
typedef struct {
    gwc_record_t record;
    gwc_list_t limit;       /* gwc_num_t */
    gwc_list_t window_size; /* gwc_num_t */
    gwc_str_t window_type;
    gwc_str_t namespace;
    gwc_str_t strategy;
    gwc_num_t sync_rate;
    gwc_bool_t disable_penalty;
    gwc_int_t retry_after_jitter_max;
    gwc_bool_t hide_client_headers;
    gwc_int_t error_code;
    gwc_str_t error_message;
    gwc_redis_advanced_t redis;
    gwc_str_t dictionary_name;
    gwc_str_t lock_dictionary_name;
} gwc_windows_t;

extern const char *const gwc_windows_types[];
extern const char *const gwc_windows_strategies[];
extern const gwc_field_t gwc_windows_limit;
extern const gwc_field_t gwc_windows_size;

/* rows of a table of fields, for configs that begin with a gwc_windows_t */
#define GWC_WINDOWS_LIMIT_FIELDS                                              \
    {                                                                         \
        .name = "limit",                                                      \
        .type = GWC_ARRAY,                                                    \
        .offset = offsetof(gwc_windows_t, limit),                             \
        .flags = GWC_REQUIRED,                                                \
        .min_len = 1,                                                         \
        .elem = &gwc_windows_limit,                                           \
        .size = sizeof(gwc_num_t),                                            \
    },                                                                        \
        {                                                                     \
            .name = "window_size",                                            \
            .type = GWC_ARRAY,                                                \
            .offset = offsetof(gwc_windows_t, window_size),                   \
            .flags = GWC_REQUIRED,                                            \
            .min_len = 1,                                                     \
            .elem = &gwc_windows_size,                                        \
            .size = sizeof(gwc_num_t),                                        \
        },                                                                    \
    {                                                                         \
        .name = "window_type", .type = GWC_STRING,                            \
        .offset = offsetof(gwc_windows_t, window_type),                       \
        .dflt = "\"sliding\"", .one_of = gwc_windows_types,                   \
    }

#define GWC_WINDOWS_STORE_FIELDS                                              \
    {                                                                         \
        .name = "namespace",                                                  \
        .type = GWC_STRING,                                                   \
        .offset = offsetof(gwc_windows_t, namespace),                         \
    },                                                                        \
        {                                                                     \
            .name = "strategy",                                               \
            .type = GWC_STRING,                                               \
            .offset = offsetof(gwc_windows_t, strategy),                      \
            .dflt = "\"local\"",                                              \
            .one_of = gwc_windows_strategies,                                 \
        },                                                                    \
        {                                                                     \
            .name = "sync_rate",                                              \
            .type = GWC_NUMBER,                                               \
            .offset = offsetof(gwc_windows_t, sync_rate),                     \
        },                                                                    \
        {                                                                     \
            .name = "disable_penalty",                                        \
            .type = GWC_BOOL,                                                 \
            .offset = offsetof(gwc_windows_t, disable_penalty),               \
            .dflt = "false",                                                  \
        },                                                                    \
        {                                                                     \
            .name = "retry_after_jitter_max",                                 \
            .type = GWC_INT,                                                  \
            .offset = offsetof(gwc_windows_t, retry_after_jitter_max),        \
            .dflt = "0",                                                      \
            .bounded = true,                                                  \
            .min = 0,                                                         \
            .max = 1000000000,                                                \
        },                                                                    \
        {                                                                     \
            .name = "hide_client_headers",                                    \
            .type = GWC_BOOL,                                                 \
            .offset = offsetof(gwc_windows_t, hide_client_headers),           \
            .dflt = "false",                                                  \
        },                                                                    \
        {                                                                     \
            .name = "error_code",                                             \
            .type = GWC_INT,                                                  \
            .offset = offsetof(gwc_windows_t, error_code),                    \
            .dflt = "429",                                                    \
            .bounded = true,                                                  \
            .min = 200,                                                       \
            .max = 599,                                                       \
        },                                                                    \
    {                                                                         \
        .name = "error_message", .type = GWC_STRING,                          \
        .offset = offsetof(gwc_windows_t, error_message),                     \
        .dflt = "\"API rate limit exceeded\"",                                \
    }

#define GWC_WINDOWS_REDIS_FIELD                                               \
    {                                                                         \
        .name = "redis", .type = GWC_RECORD,                                  \
        .offset = offsetof(gwc_windows_t, redis),                             \
        .fields = gwc_redis_advanced_fields,                                  \
        .size = sizeof(gwc_redis_advanced_t),                                 \
    }

#define GWC_WINDOWS_UNUSED_FIELDS                                             \
    {                                                                         \
        .name = "dictionary_name",                                            \
        .type = GWC_STRING,                                                   \
        .offset = offsetof(gwc_windows_t, dictionary_name),                   \
        .flags = GWC_NO_EMIT,                                                 \
        .dflt = "\"kong_rate_limiting_counters\"",                            \
    },                                                                        \
    {                                                                         \
        .name = "lock_dictionary_name", .type = GWC_STRING,                   \
        .offset = offsetof(gwc_windows_t, lock_dictionary_name),              \
        .flags = GWC_NO_EMIT, .dflt = "\"kong_locks\"",                       \
    }

/* for the check of a rule: the limits, and where counters are */
void gwc_windows_check(gwc_windows_t *config);

/* these of a rule; without a host Redis is on this one */
gwc_text_t gwc_windows_looks_up(const void *data);
bool gwc_windows_verifies(const void *data);
void gwc_windows_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                           const gwc_settings_t *settings);

#endif
