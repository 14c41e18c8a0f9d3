/*
 * Copyright (C) the ngx_gateway authors
 *
 * zipkin.
 */

#include <string.h>
#include <strings.h>

#include "diag.h"
#include "propagation.h"

typedef struct {
    gwc_record_t record;
    gwc_propagation_t propagation;
    gwc_str_t header_type;
    gwc_str_t default_header_type;
    gwc_num_t sample_ratio;
    gwc_int_t traceid_byte_count;
    gwc_str_t http_response_header_for_traceid;
    gwc_str_t http_endpoint;
    gwc_str_t local_service_name;
    gwc_str_t default_service_name;
    gwc_bool_t include_credential;
    gwc_str_t tags_header;
    gwc_list_t static_tags; /* gwc_zipkin_tag_t */
    gwc_str_t http_span_name;
    gwc_str_t phase_duration_flavor;
    gwc_int_t connect_timeout;
    gwc_int_t send_timeout;
    gwc_int_t read_timeout;
    gwc_queue_t queue;
} gwc_zipkin_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t name;
    gwc_str_t value;
} gwc_zipkin_tag_t;

static const char *const gwc_zipkin_names[] = { "method", "method_path",
                                                NULL };

static const char *const gwc_zipkin_flavors[] = { "annotations", "tags",
                                                  NULL };

/* what only the gateway may say */
static const char *const gwc_zipkin_protected[] = {
    "error",
    "http.method",
    "http.path",
    "http.status_code",
    "kong.balancer.state",
    "kong.balancer.try",
    "kong.consumer",
    "kong.credential",
    "kong.node.id",
    "kong.route",
    "kong.service",
    "lc",
    "peer.hostname",
    NULL,
};


static void
gwc_zipkin_check_bytes(const gwc_field_t *field, void *value)
{
    const gwc_int_t *bytes = value;

    (void) field;

    if (bytes->v != 8 && bytes->v != 16) {
        gwc_error(bytes->node, "expected 8 or 16");
    }
}


static void
gwc_zipkin_check_tag(const gwc_field_t *field, void *value)
{
    const gwc_str_t *name = value;
    size_t i;

    (void) field;

    if (memchr(name->v.data, ':', name->v.len) != NULL) {
        gwc_error(name->node, "a colon in the name of a tag is not supported");
    }

    for (i = 0; gwc_zipkin_protected[i] != NULL; i++) {
        if (gwc_text_is(name->v, gwc_zipkin_protected[i])) {
            gwc_error(name->node, "must not be one of: error, http.method, "
                                  "http.path, http.status_code, "
                                  "kong.balancer.state, kong.balancer.try, "
                                  "kong.consumer, kong.credential, "
                                  "kong.node.id, kong.route, kong.service, "
                                  "lc, peer.hostname");
        }
    }
}


static void
gwc_zipkin_check(void *data)
{
    const gwc_zipkin_t *config = data;
    const gwc_zipkin_tag_t *tag, *other;
    size_t i, k;

    if (config->static_tags.n > 64) {
        gwc_error(config->static_tags.node, "more than 64 tags");
    }

    for (i = 0; i < config->static_tags.n; i++) {
        tag = GWC_ITEM(config->static_tags, gwc_zipkin_tag_t, i);

        for (k = 0; k < i; k++) {
            other = GWC_ITEM(config->static_tags, gwc_zipkin_tag_t, k);

            if (tag->name.v.len == other->name.v.len
                && memcmp(tag->name.v.data, other->name.v.data,
                          tag->name.v.len)
                       == 0)
            {
                gwc_error(tag->name.node,
                          "repeated tags are not allowed: %.*s",
                          (int) tag->name.v.len, tag->name.v.data);
                break;
            }
        }
    }
}


static gwc_text_t
gwc_zipkin_looks_up(const void *data)
{
    return gwc_trace_host(&((const gwc_zipkin_t *) data)->http_endpoint);
}


static bool
gwc_zipkin_verifies(const void *data)
{
    const gwc_str_t *url = &((const gwc_zipkin_t *) data)->http_endpoint;

    return url->set && strncasecmp(url->v.data, "https://", 8) == 0;
}


static const gwc_field_t gwc_zipkin_tag_fields[] = {
    {
        .name = "name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_tag_t, name),
        .flags = GWC_REQUIRED,
        .check = gwc_zipkin_check_tag,
    },
    {
        .name = "value",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_tag_t, value),
        .flags = GWC_REQUIRED,
    },
    { .name = NULL },
};

static const gwc_field_t gwc_zipkin_tag_elem = {
    .type = GWC_RECORD,
    .fields = gwc_zipkin_tag_fields,
    .size = sizeof(gwc_zipkin_tag_t),
};

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
    {
        .name = "http_endpoint",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, http_endpoint),
        .check = gwc_trace_check_endpoint,
    },
    {
        .name = "local_service_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, local_service_name),
        .flags = GWC_REQUIRED,
        .dflt = "\"kong\"",
    },
    {
        .name = "default_service_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, default_service_name),
    },
    {
        .name = "include_credential",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_zipkin_t, include_credential),
        .flags = GWC_REQUIRED,
        .dflt = "true",
    },
    {
        .name = "tags_header",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, tags_header),
        .flags = GWC_REQUIRED,
        .dflt = "\"Zipkin-Tags\"",
    },
    {
        .name = "static_tags",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_zipkin_t, static_tags),
        .elem = &gwc_zipkin_tag_elem,
        .size = sizeof(gwc_zipkin_tag_t),
    },
    {
        .name = "http_span_name",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, http_span_name),
        .flags = GWC_REQUIRED,
        .dflt = "\"method\"",
        .one_of = gwc_zipkin_names,
    },
    {
        .name = "phase_duration_flavor",
        .type = GWC_STRING,
        .offset = offsetof(gwc_zipkin_t, phase_duration_flavor),
        .flags = GWC_REQUIRED,
        .dflt = "\"annotations\"",
        .one_of = gwc_zipkin_flavors,
    },
    GWC_TRACE_TIMEOUT(gwc_zipkin_t, connect_timeout, "2000"),
    GWC_TRACE_TIMEOUT(gwc_zipkin_t, send_timeout, "5000"),
    GWC_TRACE_TIMEOUT(gwc_zipkin_t, read_timeout, "5000"),
    GWC_TRACE_QUEUE(gwc_zipkin_t),
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
    .check = gwc_zipkin_check,
    .looks_up = gwc_zipkin_looks_up,
    .verifies = gwc_zipkin_verifies,
    .trusted = "gateway_zipkin_trusted_certificate",
};
