/*
 * Copyright (C) the ngx_gateway authors
 *
 * proxy-cache.
 */

#include <string.h>

#include "model.h"
#include "rule.h"
#include "settings.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t dictionary_name;
} gwc_proxy_cache_memory_t;

typedef struct {
    gwc_record_t record;
    gwc_bool_t age;
    gwc_bool_t status;
    gwc_bool_t key;
} gwc_proxy_cache_shown_t;

typedef struct {
    gwc_record_t record;
    gwc_list_t response_code;  /* gwc_int_t */
    gwc_list_t request_method; /* gwc_str_t */
    gwc_list_t content_type;
    gwc_int_t cache_ttl;
    gwc_str_t strategy;
    gwc_bool_t cache_control;
    gwc_bool_t ignore_uri_case;
    gwc_int_t storage_ttl;
    gwc_proxy_cache_memory_t memory;
    gwc_list_t vary_query_params;
    gwc_list_t vary_headers;
    gwc_proxy_cache_shown_t shown;
    gwc_int_t max_body_size;
    gwc_bool_t lock;
    gwc_int_t lock_timeout;
    gwc_int_t lock_age;
} gwc_proxy_cache_t;

static void gwc_proxy_cache_check_name(const gwc_field_t *field, void *value);
static void gwc_proxy_cache_emit(gwc_writer_t *w, const gwc_plugin_t *plugin);
static void gwc_proxy_cache_emit_http(gwc_writer_t *w,
                                      const gwc_model_t *model,
                                      const gwc_settings_t *settings);

static const char *const gwc_proxy_cache_strategies[] = { "memory", NULL };

static const char *const gwc_proxy_cache_methods[] = {
    "HEAD", "GET", "POST", "PATCH", "PUT", NULL,
};

static const gwc_field_t gwc_proxy_cache_code = {
    .type = GWC_INT,
    .bounded = true,
    .min = 100,
    .max = 900,
};

static const gwc_field_t gwc_proxy_cache_method = {
    .type = GWC_STRING,
    .one_of = gwc_proxy_cache_methods,
};

static const gwc_field_t gwc_proxy_cache_text = {
    .type = GWC_STRING,
    .check = gwc_check_printable,
};

static const gwc_field_t gwc_proxy_cache_header = {
    .type = GWC_STRING,
    .check = gwc_check_header_name,
};

static const gwc_field_t gwc_proxy_cache_memory_fields[] = {
    {
        .name = "dictionary_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_proxy_cache_memory_t, dictionary_name),
        .flags = GWC_REQUIRED,
        .dflt = "\"kong_db_cache\"",
        .check = gwc_proxy_cache_check_name,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_proxy_cache_shown_fields[] = {
    {
        .name = "age",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_proxy_cache_shown_t, age),
        .dflt = "true",
    },
    {
        .name = "X-Cache-Status",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_proxy_cache_shown_t, status),
        .dflt = "true",
    },
    {
        .name = "X-Cache-Key",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_proxy_cache_shown_t, key),
        .dflt = "true",
    },
    { .name = NULL },
};

static const gwc_field_t gwc_proxy_cache_fields[] = {
    {
        .name = "response_code",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_proxy_cache_t, response_code),
        .flags = GWC_REQUIRED,
        .dflt = "[200,301,404]",
        .min_len = 1,
        .elem = &gwc_proxy_cache_code,
        .size = sizeof(gwc_int_t),
    },
    {
        .name = "request_method",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_proxy_cache_t, request_method),
        .flags = GWC_REQUIRED,
        .dflt = "[\"GET\",\"HEAD\"]",
        .elem = &gwc_proxy_cache_method,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "content_type",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_proxy_cache_t, content_type),
        .flags = GWC_REQUIRED,
        .dflt = "[\"text/plain\",\"application/json\"]",
        .elem = &gwc_proxy_cache_text,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "cache_ttl",
        .type = GWC_INT,
        .offset = offsetof(gwc_proxy_cache_t, cache_ttl),
        .flags = GWC_EXCLUSIVE_MIN,
        .dflt = "300",
        .bounded = true,
        .min = 0,
        .max = 1e9,
    },
    {
        .name = "strategy",
        .type = GWC_STRING,
        .offset = offsetof(gwc_proxy_cache_t, strategy),
        .flags = GWC_REQUIRED,
        .one_of = gwc_proxy_cache_strategies,
    },
    {
        .name = "cache_control",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_proxy_cache_t, cache_control),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "ignore_uri_case",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_proxy_cache_t, ignore_uri_case),
        .dflt = "false",
    },
    {
        .name = "storage_ttl",
        .type = GWC_INT,
        .offset = offsetof(gwc_proxy_cache_t, storage_ttl),
        .bounded = true,
        .min = 0,
        .max = 1e9,
    },
    {
        .name = "memory",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_proxy_cache_t, memory),
        .fields = gwc_proxy_cache_memory_fields,
        .size = sizeof(gwc_proxy_cache_memory_t),
    },
    {
        .name = "vary_query_params",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_proxy_cache_t, vary_query_params),
        .elem = &gwc_proxy_cache_text,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "vary_headers",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_proxy_cache_t, vary_headers),
        .elem = &gwc_proxy_cache_header,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "response_headers",
        .type = GWC_RECORD,
        .offset = offsetof(gwc_proxy_cache_t, shown),
        .fields = gwc_proxy_cache_shown_fields,
        .size = sizeof(gwc_proxy_cache_shown_t),
    },
    {
        .name = "max_body_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_proxy_cache_t, max_body_size),
        .dflt = "1048576",
        .bounded = true,
        .min = 1,
        .max = 1073741824,
    },
    {
        .name = "lock",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_proxy_cache_t, lock),
        .dflt = "false",
    },
    {
        .name = "lock_timeout",
        .type = GWC_INT,
        .offset = offsetof(gwc_proxy_cache_t, lock_timeout),
        .dflt = "5",
        .bounded = true,
        .min = 1,
        .max = 3600,
    },
    {
        .name = "lock_age",
        .type = GWC_INT,
        .offset = offsetof(gwc_proxy_cache_t, lock_age),
        .dflt = "5",
        .bounded = true,
        .min = 1,
        .max = 3600,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_proxy_cache;

const gwc_plugin_rule_t gwc_rule_proxy_cache = {
    .name = "proxy-cache",
    .directive = "gateway_proxy_cache",
    .priority = 100,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_proxy_cache_fields,
    .size = sizeof(gwc_proxy_cache_t),
    .emit = gwc_proxy_cache_emit,
    .emit_http = gwc_proxy_cache_emit_http,
};


static void
gwc_proxy_cache_check_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *name = value;
    size_t i;

    (void) field;

    for (i = 0; i < name->v.len; i++) {
        char c = name->v.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.'))
        {
            gwc_error(name->node, "expected the name of a zone: letters, "
                                  "digits, \"-\", \"_\" and \".\"");
            return;
        }
    }
}


static void
gwc_proxy_cache_list(gwc_writer_t *w, const char *name, const gwc_list_t *list)
{
    size_t i;

    for (i = 0; list->node != NULL && i < list->n; i++) {
        gwc_param(w, name, GWC_ITEM(*list, gwc_str_t, i)->v);
    }

    /* nothing is cached with an empty list, which is not the default */
    if (list->node != NULL && list->n == 0 && strncmp(name, "vary", 4) != 0) {
        gwc_argf(w, "%s=", name);
    }
}


static void
gwc_proxy_cache_flag(gwc_writer_t *w, const char *name, gwc_bool_t flag)
{
    if (flag.node != NULL && flag.set) {
        gwc_argf(w, "%s=%s", name, flag.v ? "on" : "off");
    }
}


static void
gwc_proxy_cache_emit(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    const gwc_proxy_cache_t *config = plugin->config;
    size_t i;

    gwc_begin(w, plugin->rule->directive);
    gwc_argf(w, "id=%s", plugin->e.id);
    gwc_param(w, "zone", config->memory.dictionary_name.v);

    for (i = 0;
         config->response_code.node != NULL && i < config->response_code.n;
         i++)
    {
        gwc_argf(w, "response_code=%lld",
                 (long long) GWC_ITEM(config->response_code, gwc_int_t, i)->v);
    }

    gwc_proxy_cache_list(w, "request_method", &config->request_method);
    gwc_proxy_cache_list(w, "content_type", &config->content_type);

    if (config->cache_ttl.node != NULL && config->cache_ttl.set) {
        gwc_argf(w, "cache_ttl=%lld", (long long) config->cache_ttl.v);
    }

    if (config->storage_ttl.set) {
        gwc_argf(w, "storage_ttl=%lld", (long long) config->storage_ttl.v);
    }

    gwc_proxy_cache_flag(w, "cache_control", config->cache_control);
    gwc_proxy_cache_flag(w, "ignore_uri_case", config->ignore_uri_case);
    gwc_proxy_cache_list(w, "vary_query_params", &config->vary_query_params);
    gwc_proxy_cache_list(w, "vary_headers", &config->vary_headers);
    gwc_proxy_cache_flag(w, "response_headers.age", config->shown.age);
    gwc_proxy_cache_flag(w, "response_headers.X-Cache-Status",
                         config->shown.status);
    gwc_proxy_cache_flag(w, "response_headers.X-Cache-Key", config->shown.key);

    if (config->max_body_size.node != NULL && config->max_body_size.set) {
        gwc_argf(w, "max_body_size=%lld", (long long) config->max_body_size.v);
    }

    gwc_proxy_cache_flag(w, "lock", config->lock);

    if (config->lock_timeout.node != NULL && config->lock_timeout.set) {
        gwc_argf(w, "lock_timeout=%lld", (long long) config->lock_timeout.v);
    }

    if (config->lock_age.node != NULL && config->lock_age.set) {
        gwc_argf(w, "lock_age=%lld", (long long) config->lock_age.v);
    }

    gwc_end(w);
}


/* one zone for each dictionary; a setting of that name replaces all of these,
   zones that it does not name have the same size then */
static void
gwc_proxy_cache_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                          const gwc_settings_t *settings)
{
    size_t i, k;

    (void) settings;

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];
        const gwc_proxy_cache_t *config = plugin->config;
        gwc_text_t name;

        if (plugin->rule != &gwc_rule_proxy_cache || !plugin->enabled.v) {
            continue;
        }

        name = config->memory.dictionary_name.v;

        for (k = 0; k < i; k++) {
            const gwc_plugin_t *other = model->plugins.items[k];
            const gwc_proxy_cache_t *first = other->config;

            if (other->rule == plugin->rule && other->enabled.v
                && first->memory.dictionary_name.v.len == name.len
                && memcmp(first->memory.dictionary_name.v.data, name.data,
                          name.len)
                       == 0)
            {
                break;
            }
        }

        if (k < i) {
            continue;
        }

        gwc_begin(w, "gateway_proxy_cache_zone");
        gwc_arg_text(w, name);
        gwc_arg(w, "128m");
        gwc_end(w);
    }
}
