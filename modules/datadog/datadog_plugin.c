/*
 * Copyright (C) the ngx_gateway authors
 *
 * datadog.
 */

#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "model.h"
#include "statsd.h"

typedef struct {
    gwc_statsd_head_t head;
    gwc_str_t service_name_tag;
    gwc_str_t status_tag;
    gwc_str_t consumer_tag;
} gwc_datadog_t;

static const char *const gwc_datadog_names[] = { "request_count",
                                                 "latency",
                                                 "request_size",
                                                 "response_size",
                                                 "upstream_latency",
                                                 "kong_latency",
                                                 NULL };

static const char *const gwc_datadog_types[] = { "counter",      "gauge",
                                                 "histogram",    "meter",
                                                 "set",          "timer",
                                                 "distribution", NULL };

static const gwc_field_t gwc_datadog_tag = { .type = GWC_STRING };

static const gwc_field_t gwc_datadog_metric_fields[] = {
    {
        .name = "name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, name),
        .flags = GWC_REQUIRED,
        .one_of = gwc_datadog_names,
    },
    {
        .name = "stat_type",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, stat_type),
        .flags = GWC_REQUIRED,
        .one_of = gwc_datadog_types,
    },
    {
        .name = "tags",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_statsd_metric_t, tags),
        .elem = &gwc_datadog_tag,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "sample_rate",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_statsd_metric_t, sample_rate),
        .bounded = true,
        .min = 0,
        .max = 1,
    },
    {
        .name = "consumer_identifier",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, consumer_identifier),
        .one_of = gwc_statsd_consumer_identifiers,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_datadog_metric = {
    .type = GWC_RECORD,
    .fields = gwc_datadog_metric_fields,
    .size = sizeof(gwc_statsd_metric_t),
};

static const gwc_field_t gwc_datadog_fields[] = {
    {
        .name = "host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_head_t, host),
        .flags = GWC_NO_EMIT | GWC_REFERENCEABLE,
        .dflt = "\"localhost\"",
        .check = gwc_check_host,
    },
    GWC_STATSD_PORT_FIELD(GWC_NO_EMIT),
    GWC_STATSD_PREFIX_FIELD,
    {
        .name = "service_name_tag",
        .type = GWC_STRING,
        .offset = offsetof(gwc_datadog_t, service_name_tag),
        .dflt = "\"name\"",
        .check = gwc_check_printable,
    },
    {
        .name = "status_tag",
        .type = GWC_STRING,
        .offset = offsetof(gwc_datadog_t, status_tag),
        .dflt = "\"status\"",
        .check = gwc_check_printable,
    },
    {
        .name = "consumer_tag",
        .type = GWC_STRING,
        .offset = offsetof(gwc_datadog_t, consumer_tag),
        .dflt = "\"consumer\"",
        .check = gwc_check_printable,
    },
    GWC_STATSD_METRICS_FIELD(gwc_datadog_metric),
    GWC_QUEUE_FIELDS(gwc_statsd_head_t, queue, flat),
    { .name = NULL },
};


/* the environment says where the agent is, unless the file does */
static void
gwc_datadog_check(void *config)
{
    gwc_statsd_head_t *datadog = config;
    const char *env;
    long port;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    env = getenv("KONG_DATADOG_AGENT_HOST");

    if (datadog->host.node == NULL && env != NULL && *env != '\0') {
        datadog->host.v.data = env;
        datadog->host.v.len = strlen(env);
    }

    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    env = getenv("KONG_DATADOG_AGENT_PORT");

    if (datadog->port.node == NULL && env != NULL) {
        port = strtol(env, NULL, 10);

        if (port > 0 && port < 65536) {
            datadog->port.v = port;
        }
    }

    gwc_statsd_check(config);
}


static bool
gwc_datadog_emit_more(gwc_writer_t *w, const void *config)
{
    const gwc_statsd_head_t *datadog = config;
    bool any = false;

    if (strcmp(datadog->host.v.data, "localhost") != 0) {
        gwc_param(w, "host", datadog->host.v);
        any = true;
    }

    if (datadog->port.v != 8125) {
        const char *port = gwc_sprintf("%d", (int) datadog->port.v);

        gwc_param(w, "port", (gwc_text_t){ port, strlen(port) });
        any = true;
    }

    return gwc_statsd_emit(w, config) || any;
}


static void
gwc_datadog_emit(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    gwc_emit_policy_more(w, plugin, gwc_datadog_emit_more);
}


extern const gwc_plugin_rule_t gwc_rule_datadog;

const gwc_plugin_rule_t gwc_rule_datadog = {
    .name = "datadog",
    .directive = "gateway_datadog",
    .priority = 10,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_datadog_fields,
    .size = sizeof(gwc_datadog_t),
    .check = gwc_datadog_check,
    .emit = gwc_datadog_emit,
    .looks_up = gwc_statsd_looks_up,
};
