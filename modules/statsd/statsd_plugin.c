/*
 * Copyright (C) the ngx_gateway authors
 *
 * statsd.
 */

#include <string.h>

#include "emit.h"
#include "model.h"
#include "statsd.h"

typedef struct {
    gwc_statsd_head_t head;
    gwc_list_t allow_status_codes; /* gwc_str_t */
    gwc_num_t udp_packet_size;
    gwc_bool_t use_tcp;
    gwc_bool_t hostname_in_prefix;
    gwc_str_t consumer_identifier_default;
    gwc_str_t service_identifier_default;
    gwc_str_t workspace_identifier_default;
    gwc_str_t tag_style;
} gwc_statsd_t;

static const char *const gwc_statsd_names[] = {
    "kong_latency",
    "latency",
    "request_count",
    "request_per_user",
    "request_size",
    "response_size",
    "status_count",
    "status_count_per_user",
    "unique_users",
    "upstream_latency",
    "status_count_per_workspace",
    "status_count_per_user_per_route",
    "shdict_usage",
    NULL
};

static const char *const gwc_statsd_types[] = {
    "counter", "gauge", "histogram", "meter", "set", "timer", NULL
};

static void gwc_statsd_check_range(const gwc_field_t *field, void *value);

static const char *const gwc_statsd_styles[] = { "dogstatsd", "influxdb",
                                                 "librato", "signalfx", NULL };

static const gwc_field_t gwc_statsd_range = {
    .type = GWC_STRING,
    .check = gwc_statsd_check_range,
};

static const gwc_field_t gwc_statsd_metric_fields[] = {
    {
        .name = "name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, name),
        .flags = GWC_REQUIRED,
        .one_of = gwc_statsd_names,
    },
    {
        .name = "stat_type",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, stat_type),
        .flags = GWC_REQUIRED,
        .one_of = gwc_statsd_types,
    },
    {
        .name = "sample_rate",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_statsd_metric_t, sample_rate),
        .flags = GWC_EXCLUSIVE_MIN,
        .bounded = true,
        .min = 0,
        .max = 1000000000,
    },
    {
        .name = "consumer_identifier",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, consumer_identifier),
        .one_of = gwc_statsd_consumer_identifiers,
    },
    {
        .name = "service_identifier",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, service_identifier),
        .one_of = gwc_statsd_service_identifiers,
    },
    {
        .name = "workspace_identifier",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_metric_t, workspace_identifier),
        .one_of = gwc_statsd_workspace_identifiers,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_statsd_metric = {
    .type = GWC_RECORD,
    .fields = gwc_statsd_metric_fields,
    .size = sizeof(gwc_statsd_metric_t),
};

static const gwc_field_t gwc_statsd_fields[] = {
    {
        .name = "host",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_head_t, host),
        .dflt = "\"localhost\"",
        .check = gwc_check_host,
    },
    GWC_STATSD_PORT_FIELD(0),
    GWC_STATSD_PREFIX_FIELD,
    {
        .name = "allow_status_codes",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_statsd_t, allow_status_codes),
        .elem = &gwc_statsd_range,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "udp_packet_size",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_statsd_t, udp_packet_size),
        .dflt = "0",
        .bounded = true,
        .min = 0,
        .max = 65507,
    },
    {
        .name = "use_tcp",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_statsd_t, use_tcp),
        .dflt = "false",
    },
    {
        .name = "hostname_in_prefix",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_statsd_t, hostname_in_prefix),
        .dflt = "false",
    },
    {
        .name = "consumer_identifier_default",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_t, consumer_identifier_default),
        .dflt = "\"custom_id\"",
        .one_of = gwc_statsd_consumer_identifiers,
    },
    {
        .name = "service_identifier_default",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_t, service_identifier_default),
        .dflt = "\"service_name_or_host\"",
        .one_of = gwc_statsd_service_identifiers,
    },
    {
        .name = "workspace_identifier_default",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_t, workspace_identifier_default),
        .dflt = "\"workspace_id\"",
        .one_of = gwc_statsd_workspace_identifiers,
    },
    {
        .name = "tag_style",
        .type = GWC_STRING,
        .offset = offsetof(gwc_statsd_t, tag_style),
        .one_of = gwc_statsd_styles,
    },
    GWC_STATSD_METRICS_FIELD(gwc_statsd_metric),
    GWC_QUEUE_FIELDS(gwc_statsd_head_t, queue, flat),
    { .name = NULL },
};


static void
gwc_statsd_check_range(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t first = strspn(s->v.data, "0123456789");
    size_t last = 0;

    (void) field;

    if (first > 0 && s->v.data[first] == '-') {
        last = strspn(s->v.data + first + 1, "0123456789");
    }

    if (last == 0 || first + 1 + last != s->v.len || first > 9 || last > 9) {
        gwc_error(s->node, "invalid value: %s, expected a range as 200-299",
                  s->v.data);
    }
}


static void
gwc_statsd_emit_policy(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    gwc_emit_policy_more(w, plugin, gwc_statsd_emit);
}


extern const gwc_plugin_rule_t gwc_rule_statsd;

const gwc_plugin_rule_t gwc_rule_statsd = {
    .name = "statsd",
    .directive = "gateway_statsd",
    .priority = 11,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_statsd_fields,
    .size = sizeof(gwc_statsd_t),
    .check = gwc_statsd_check,
    .emit = gwc_statsd_emit_policy,
    .looks_up = gwc_statsd_looks_up,
};
