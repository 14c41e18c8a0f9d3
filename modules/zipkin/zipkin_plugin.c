/*
 * Copyright (C) the ngx_gateway authors
 *
 * zipkin.
 */

#include "propagation.h"

typedef struct {
    gwc_record_t record;
    gwc_propagation_t propagation;
    gwc_str_t header_type;
    gwc_str_t default_header_type;
    gwc_num_t sample_ratio;
    gwc_int_t traceid_byte_count;
    gwc_str_t http_response_header_for_traceid;
} gwc_zipkin_t;


static void
gwc_zipkin_check_bytes(const gwc_field_t *field, void *value)
{
    const gwc_int_t *bytes = value;

    (void) field;

    if (bytes->v != 8 && bytes->v != 16) {
        gwc_error(bytes->node, "expected 8 or 16");
    }
}


static const gwc_field_t gwc_zipkin_fields[] = {
    GWC_PROPAGATION(gwc_zipkin_t),
    {
        .name = "default_header_type",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, default_header_type),
        .one_of = gwc_trace_formats,
    },
    {
        .name = "sample_ratio",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_zipkin_t, sample_ratio),
        .dflt = "0.001",
        .bounded = true,
        .min = 0,
        .max = 1,
    },
    {
        .name = "traceid_byte_count",
        .type = GWC_INT,
        .offset = offsetof(gwc_zipkin_t, traceid_byte_count),
        .flags = GWC_REQUIRED,
        .dflt = "16",
        .check = gwc_zipkin_check_bytes,
    },
    {
        .name = "http_response_header_for_traceid",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, http_response_header_for_traceid),
        .check = gwc_check_header_name,
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_zipkin;

const gwc_plugin_rule_t gwc_rule_zipkin = {
    .name = "zipkin",
    .directive = "gateway_zipkin",
    .priority = 100000,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_zipkin_fields,
    .size = sizeof(gwc_zipkin_t),
};
