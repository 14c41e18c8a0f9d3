/*
 * Copyright (C) the ngx_gateway authors
 *
 * opentelemetry.
 */

#include <string.h>
#include <strings.h>

#include "diag.h"
#include "emit.h"
#include "propagation.h"
#include "settings.h"

#include "gateway_template.h"

#define GWC_OPENTELEMETRY_ERROR 512

typedef struct {
    gwc_record_t record;
    gwc_str_t traces_endpoint;
    gwc_str_t endpoint; /* its name of before */
    gwc_str_t logs_endpoint;
    gwc_list_t headers;             /* gwc_pair_t */
    gwc_list_t resource_attributes; /* gwc_pair_t */
    gwc_queue_t queue;
    gwc_int_t batch_span_count;
    gwc_num_t batch_flush_delay;
    gwc_int_t connect_timeout;
    gwc_int_t send_timeout;
    gwc_int_t read_timeout;
    gwc_propagation_t propagation;
    gwc_str_t header_type;
    gwc_num_t sampling_rate;
    gwc_str_t http_response_header_for_traceid;
} gwc_opentelemetry_t;


static void *
gwc_opentelemetry_alloc(void *data, size_t size)
{
    (void) data;

    return gwc_alloc(size);
}


static void
gwc_opentelemetry_check_attribute(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    char err[GWC_OPENTELEMETRY_ERROR];
    gateway_str_t text = { s->v.data, s->v.len };
    gateway_template_options_t options = {
        .alloc = gwc_opentelemetry_alloc,
        .expressions = 1,
        .err = err,
        .errlen = sizeof(err),
    };

    (void) field;

    if (gateway_template_compile(&text, &options) == NULL) {
        gwc_error(s->node, "%s", err);
    }
}


static void
gwc_opentelemetry_check(void *data)
{
    gwc_opentelemetry_t *config = data;

    if (config->endpoint.set && !config->traces_endpoint.set) {
        config->traces_endpoint = config->endpoint;
    }

    if (!config->traces_endpoint.set && !config->logs_endpoint.set) {
        gwc_error(config->record.node, "at least one of these fields must be "
                                       "non-empty: \"traces_endpoint\", "
                                       "\"logs_endpoint\"");
    }

    gwc_queue_merge_size(&config->queue, &config->batch_span_count,
                         "batch_span_count", 200);
    gwc_queue_merge_delay(&config->queue, &config->batch_flush_delay,
                          "batch_flush_delay", 3);

    /* 200 without a queue, 1 in one that does not say it */
    if (config->queue.record.node == NULL
        && config->queue.max_batch_size.node == NULL)
    {
        config->queue.max_batch_size.node = config->record.node;
        config->queue.max_batch_size.set = true;
        config->queue.max_batch_size.v = 200;
    }
}


/* the one of both that there is a resolver for */
static gwc_text_t
gwc_opentelemetry_looks_up(const void *data)
{
    const gwc_opentelemetry_t *config = data;
    gwc_text_t host = gwc_trace_host(&config->traces_endpoint);

    if (host.len == 0 || gwc_host_is_ip(host)
        || gwc_text_is(host, "localhost")) {
        return gwc_trace_host(&config->logs_endpoint);
    }

    return host;
}


static bool
gwc_opentelemetry_over_tls(const gwc_str_t *url)
{
    return url->set && strncasecmp(url->v.data, "https://", 8) == 0;
}


static bool
gwc_opentelemetry_verifies(const void *data)
{
    const gwc_opentelemetry_t *config = data;

    return gwc_opentelemetry_over_tls(&config->traces_endpoint)
           || gwc_opentelemetry_over_tls(&config->logs_endpoint);
}


static void
gwc_opentelemetry_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                            const gwc_settings_t *settings)
{
    size_t i;

    (void) model;

    if (settings->tracing_instrumentations.n != 0) {
        gwc_begin(w, "gateway_tracing_instrumentations");

        for (i = 0; i < settings->tracing_instrumentations.n; i++) {
            gwc_arg(w, settings->tracing_instrumentations.items[i]);
        }

        gwc_end(w);
    }

    if (strcmp(gwc_settings_get(settings, "untrusted_lua"), "off") == 0) {
        gwc_put(w, "gateway_opentelemetry_expressions", "off", NULL);
    }

    gwc_put(w, "gateway_tracing_sampling_rate",
            gwc_settings_get(settings, "tracing_sampling_rate"), NULL);
}


static const gwc_field_t gwc_opentelemetry_header = {
    .type = GWC_STRING,
    .offset = offsetof(gwc_pair_t, value),
    .flags = GWC_REFERENCEABLE | GWC_SECRET,
    .check = gwc_check_printable,
};

static const gwc_field_t gwc_opentelemetry_attribute = {
    .type = GWC_STRING,
    .offset = offsetof(gwc_pair_t, value),
    .check = gwc_opentelemetry_check_attribute,
};

static const gwc_field_t gwc_opentelemetry_fields[] = {
    {
        .name = "traces_endpoint",
        .type = GWC_STRING,
        .offset = offsetof(gwc_opentelemetry_t, traces_endpoint),
        .flags = GWC_REFERENCEABLE,
        .check = gwc_trace_check_endpoint,
    },
    {
        .name = "endpoint",
        .type = GWC_STRING,
        .offset = offsetof(gwc_opentelemetry_t, endpoint),
        .flags = GWC_REFERENCEABLE | GWC_NO_EMIT,
        .check = gwc_trace_check_endpoint,
    },
    {
        .name = "logs_endpoint",
        .type = GWC_STRING,
        .offset = offsetof(gwc_opentelemetry_t, logs_endpoint),
        .flags = GWC_REFERENCEABLE,
        .check = gwc_trace_check_endpoint,
    },
    {
        .name = "headers",
        .type = GWC_MAP,
        .offset = offsetof(gwc_opentelemetry_t, headers),
        .flags = GWC_SECRET,
        .elem = &gwc_opentelemetry_header,
        .size = sizeof(gwc_pair_t),
    },
    {
        .name = "resource_attributes",
        .type = GWC_MAP,
        .offset = offsetof(gwc_opentelemetry_t, resource_attributes),
        .elem = &gwc_opentelemetry_attribute,
        .size = sizeof(gwc_pair_t),
    },
    GWC_TRACE_QUEUE(gwc_opentelemetry_t),
    {
        .name = "batch_span_count",
        .type = GWC_INT,
        .offset = offsetof(gwc_opentelemetry_t, batch_span_count),
        .flags = GWC_NO_EMIT,
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "batch_flush_delay",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_opentelemetry_t, batch_flush_delay),
        .flags = GWC_NO_EMIT,
        .bounded = true,
        .min = 0,
        .max = 3600,
    },
    GWC_TRACE_TIMEOUT(gwc_opentelemetry_t, connect_timeout, "1000"),
    GWC_TRACE_TIMEOUT(gwc_opentelemetry_t, send_timeout, "5000"),
    GWC_TRACE_TIMEOUT(gwc_opentelemetry_t, read_timeout, "5000"),
    GWC_PROPAGATION(gwc_opentelemetry_t),
    {
        .name = "sampling_rate",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_opentelemetry_t, sampling_rate),
        .bounded = true,
        .min = 0,
        .max = 1,
    },
    {
        .name = "http_response_header_for_traceid",
        .type = GWC_STRING,
        .offset =
            offsetof(gwc_opentelemetry_t, http_response_header_for_traceid),
        .check = gwc_check_header_name,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_opentelemetry;

const gwc_plugin_rule_t gwc_rule_opentelemetry = {
    .name = "opentelemetry",
    .directive = "gateway_opentelemetry",
    .priority = 14,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_opentelemetry_fields,
    .size = sizeof(gwc_opentelemetry_t),
    .check = gwc_opentelemetry_check,
    .emit_http = gwc_opentelemetry_emit_http,
    .looks_up = gwc_opentelemetry_looks_up,
    .verifies = gwc_opentelemetry_verifies,
    .trusted = "gateway_opentelemetry_trusted_certificate",
};
