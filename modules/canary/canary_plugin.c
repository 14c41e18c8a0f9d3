/*
 * Copyright (C) the ngx_gateway authors
 *
 * canary, as in Kong Enterprise.
 */

#include <string.h>

#include "diag.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_num_t percentage;
    gwc_num_t start;
    gwc_num_t duration;
    gwc_int_t steps;
    gwc_str_t hash;
    gwc_str_t hash_header;
    gwc_list_t groups; /* gwc_str_t */
    gwc_str_t canary_by_header_name;
    gwc_str_t upstream_host;
    gwc_int_t upstream_port;
    gwc_str_t upstream_uri;
    gwc_bool_t upstream_fallback;
} gwc_canary_t;

static void gwc_canary_check(void *data);
static void gwc_canary_check_uri(const gwc_field_t *field, void *value);
static void gwc_canary_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                                 const gwc_settings_t *settings);
static gwc_text_t gwc_canary_looks_up(const void *data);
static bool gwc_canary_goes_to(const void *data, gwc_text_t *host,
                               int64_t *port);

static const char *const gwc_canary_hashes[] = {
    "allow", "consumer", "deny", "header", "ip", "none", NULL,
};

static const gwc_field_t gwc_canary_group = {
    .type = GWC_STRING,
    .check = gwc_check_printable,
};

static const gwc_field_t gwc_canary_fields[] = {
    {
        .name = "percentage",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_canary_t, percentage),
        .bounded = true,
        .min = 0,
        .max = 100,
    },
    {
        .name = "start",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_canary_t, start),
        .bounded = true,
        .min = 0,
        .max = 1e12,
    },
    {
        .name = "duration",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_canary_t, duration),
        .dflt = "3600",
        .bounded = true,
        .min = 0,
        .max = 1e12,
    },
    {
        .name = "steps",
        .type = GWC_INT,
        .offset = offsetof(gwc_canary_t, steps),
        .dflt = "1000",
        .bounded = true,
        .min = 1,
        .max = 1e9,
    },
    {
        .name = "hash",
        .type = GWC_STRING,
        .offset = offsetof(gwc_canary_t, hash),
        .dflt = "\"consumer\"",
        .one_of = gwc_canary_hashes,
    },
    {
        .name = "hash_header",
        .type = GWC_STRING,
        .offset = offsetof(gwc_canary_t, hash_header),
        .check = gwc_check_header_name,
    },
    {
        .name = "groups",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_canary_t, groups),
        .elem = &gwc_canary_group,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "canary_by_header_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_canary_t, canary_by_header_name),
        .check = gwc_check_header_name,
    },
    {
        .name = "upstream_host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_canary_t, upstream_host),
        .check = gwc_check_host,
    },
    {
        .name = "upstream_port",
        .type = GWC_INT,
        .offset = offsetof(gwc_canary_t, upstream_port),
        .bounded = true,
        .min = 1,
        .max = 65535,
    },
    {
        .name = "upstream_uri",
        .type = GWC_STRING,
        .offset = offsetof(gwc_canary_t, upstream_uri),
        .check = gwc_canary_check_uri,
    },
    {
        .name = "upstream_fallback",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_canary_t, upstream_fallback),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_canary;

const gwc_plugin_rule_t gwc_rule_canary = {
    .name = "canary",
    .directive = "gateway_canary",
    .priority = 20,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_canary_fields,
    .size = sizeof(gwc_canary_t),
    .check = gwc_canary_check,
    .emit_http = gwc_canary_emit_http,
    .looks_up = gwc_canary_looks_up,
    .goes_to = gwc_canary_goes_to,
    .rewrites = true,
};


static void
gwc_canary_check_uri(const gwc_field_t *field, void *value)
{
    const gwc_str_t *uri = value;

    (void) field;

    if (uri->v.data[0] != '/' || memchr(uri->v.data, '?', uri->v.len) != NULL
        || memchr(uri->v.data, '#', uri->v.len) != NULL)
    {
        gwc_error(uri->node,
                  "must be a path: it begins with \"/\" and has neither "
                  "\"?\" nor \"#\"");
        return;
    }

    gwc_check_path(field, value);
}


static bool
gwc_canary_is_by(const gwc_canary_t *config, const char *hash)
{
    return config->hash.set && gwc_text_is(config->hash.v, hash);
}


/* what goes by percentage or time, not by groups */
static void
gwc_canary_check_share(const gwc_canary_t *config)
{
    double share;

    if (!config->percentage.set) {

        if (!config->start.set) {
            gwc_warning(config->record.node,
                        "without \"start\" and \"percentage\" the release "
                        "begins each time that the gateway is started");
            gwc_fix("start: 1767225600, the time in seconds since 1970");
        }

        return;
    }

    share = config->percentage.v * (double) config->steps.v / 100;

    if (config->percentage.v > 0 && share + 1e-6 < 1) {
        gwc_warning(config->percentage.node,
                    "%g per cent of %lld steps are less than one: no request "
                    "goes to the canary",
                    config->percentage.v, (long long) config->steps.v);
        gwc_fix("more steps");
    }
}


static void
gwc_canary_check(void *data)
{
    const gwc_canary_t *config = data;

    if (!config->upstream_host.set && !config->upstream_port.set
        && !config->upstream_uri.set)
    {
        gwc_error(config->record.node,
                  "at least one of \"upstream_host\", \"upstream_port\" and "
                  "\"upstream_uri\" must be set");
        gwc_fix("upstream_host: canary.example.com");
    }

    if (gwc_canary_is_by(config, "header") && !config->hash_header.set) {
        gwc_error(config->hash.node,
                  "\"hash_header\" must be set when \"hash\" is \"header\"");
    }

    if (config->upstream_fallback.v && !config->upstream_host.set) {
        gwc_error(config->upstream_fallback.node,
                  "needs \"upstream_host\", the name of an upstream with "
                  "health checks");
    }

    if (!gwc_canary_is_by(config, "allow")
        && !gwc_canary_is_by(config, "deny")) {
        gwc_canary_check_share(config);
        return;
    }

    if (config->groups.n == 0) {
        gwc_error(config->hash.node,
                  "\"groups\" must be set when \"hash\" is \"%.*s\"",
                  (int) config->hash.v.len, config->hash.v.data);
    }
}


static const gwc_upstream_t *
gwc_canary_upstream(const gwc_model_t *model, gwc_text_t name)
{
    size_t i;

    for (i = 0; i < model->upstreams.n; i++) {
        const gwc_upstream_t *upstream = model->upstreams.items[i];

        if (upstream->name.v.len == name.len
            && memcmp(upstream->name.v.data, name.data, name.len) == 0)
        {
            return upstream;
        }
    }

    return NULL;
}


/* nothing to write: only here all upstreams are known */
static void
gwc_canary_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                     const gwc_settings_t *settings)
{
    size_t i;

    (void) w;
    (void) settings;

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];
        const gwc_canary_t *config = plugin->config;

        if (plugin->rule == &gwc_rule_canary
            && (!plugin->enabled.set || plugin->enabled.v)
            && config->upstream_fallback.v
            && gwc_canary_upstream(model, config->upstream_host.v) == NULL)
        {
            gwc_warning(config->upstream_fallback.node,
                        "has no effect: there is no upstream \"%.*s\"",
                        (int) config->upstream_host.v.len,
                        config->upstream_host.v.data);
        }
    }
}


static gwc_text_t
gwc_canary_looks_up(const void *data)
{
    const gwc_canary_t *config = data;

    return config->upstream_host.set ? config->upstream_host.v
                                     : (gwc_text_t){ NULL, 0 };
}


static bool
gwc_canary_goes_to(const void *data, gwc_text_t *host, int64_t *port)
{
    const gwc_canary_t *config = data;

    if (!config->upstream_host.set && !config->upstream_port.set) {
        return false;
    }

    *host = gwc_canary_looks_up(data);
    *port = config->upstream_port.set ? config->upstream_port.v : 0;

    return true;
}
