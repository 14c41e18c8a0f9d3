/*
 * Copyright (C) the ngx_gateway authors
 *
 * prometheus.
 */

#include "rule.h"
#include "settings.h"

typedef struct {
    gwc_record_t record;
    gwc_bool_t status_code_metrics;
    gwc_bool_t latency_metrics;
    gwc_bool_t bandwidth_metrics;
    gwc_bool_t upstream_health_metrics;
    gwc_bool_t per_consumer;
    gwc_bool_t ai_metrics;
    gwc_bool_t wasm_metrics;
} gwc_prometheus_t;

static const gwc_field_t gwc_prometheus_fields[] = {
    {
        .name = "status_code_metrics",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_prometheus_t, status_code_metrics),
        .dflt = "false",
    },
    {
        .name = "latency_metrics",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_prometheus_t, latency_metrics),
        .dflt = "false",
    },
    {
        .name = "bandwidth_metrics",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_prometheus_t, bandwidth_metrics),
        .dflt = "false",
    },
    {
        .name = "upstream_health_metrics",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_prometheus_t, upstream_health_metrics),
        .dflt = "false",
    },
    {
        .name = "per_consumer",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_prometheus_t, per_consumer),
        .dflt = "false",
    },
    {
        .name = "ai_metrics",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_prometheus_t, ai_metrics),
        .dflt = "false",
    },
    {
        .name = "wasm_metrics",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_prometheus_t, wasm_metrics),
        .dflt = "false",
    },
    { .name = NULL },
};

/*
 * The size is the same for every file, another one would reset the counters;
 * the setting nginx_http_gateway_prometheus_zone comes before it.
 */
static void
gwc_prometheus_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                         const gwc_settings_t *settings)
{
    (void) model;

    if (gwc_settings_injected(settings, GWC_CONTEXT_HTTP,
                              "gateway_prometheus_zone")
        != NULL)
    {
        return;
    }

    gwc_put(w, "gateway_prometheus_zone", "8m", NULL);
}

static void
gwc_prometheus_emit_status(gwc_writer_t *w, const gwc_model_t *model,
                           const gwc_settings_t *settings)
{
    (void) model;
    (void) settings;

    gwc_begin(w, "location");
    gwc_arg(w, "=");
    gwc_arg(w, "/metrics");
    gwc_open(w, NULL);
    gwc_put(w, "gateway_prometheus_metrics", NULL);
    gwc_close(w);
}

extern const gwc_plugin_rule_t gwc_rule_prometheus;

const gwc_plugin_rule_t gwc_rule_prometheus = {
    .name = "prometheus",
    .directive = "gateway_prometheus",
    .priority = 13,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_prometheus_fields,
    .size = sizeof(gwc_prometheus_t),
    .emit_http = gwc_prometheus_emit_http,
    .emit_status = gwc_prometheus_emit_status,
};
