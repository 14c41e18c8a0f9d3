/*
 * Copyright (C) the ngx_gateway authors
 *
 * Fields of the tracing plugins about headers with contexts of traces.
 */

#include "propagation.h"
#include "diag.h"

#include <string.h>
#include <strings.h>

static const char *const gwc_propagation_extract[] = {
    "w3c", "b3", "jaeger", "ot", "datadog", "aws", "gcp", "instana", NULL,
};

static const char *const gwc_propagation_inject[] = {
    "preserve", "w3c", "b3",  "b3-single", "jaeger", "ot",
    "datadog",  "aws", "gcp", "instana",   NULL,
};

const char *const gwc_trace_formats[] = {
    "w3c",     "b3",  "b3-single", "jaeger",  "ot",
    "datadog", "aws", "gcp",       "instana", NULL,
};

const char *const gwc_trace_header_types[] = {
    "preserve", "ignore",  "b3",  "b3-single", "w3c",     "jaeger",
    "ot",       "datadog", "aws", "gcp",       "instana", NULL,
};

static const gwc_field_t gwc_propagation_extract_elem = {
    .type = GWC_STRING,
    .one_of = gwc_propagation_extract,
};

static const gwc_field_t gwc_propagation_inject_elem = {
    .type = GWC_STRING,
    .one_of = gwc_propagation_inject,
};

static const gwc_field_t gwc_propagation_clear_elem = {
    .type = GWC_STRING,
    .check = gwc_check_header_name,
};

/* an empty list is not the same as none, so it is written */
const gwc_field_t gwc_propagation_fields[] = {
    {
        .name = "extract",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_propagation_t, extract),
        .flags = GWC_EMIT_EMPTY,
        .elem = &gwc_propagation_extract_elem,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "clear",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_propagation_t, clear),
        .flags = GWC_EMIT_EMPTY,
        .elem = &gwc_propagation_clear_elem,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "inject",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_propagation_t, inject),
        .flags = GWC_EMIT_EMPTY,
        .elem = &gwc_propagation_inject_elem,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "default_format",
        .type = GWC_STRING,
        .offset = offsetof(gwc_propagation_t, default_format),
        .one_of = gwc_trace_formats,
    },
    { .name = NULL },
};


void
gwc_trace_check_endpoint(const gwc_field_t *field, void *value)
{
    const gwc_str_t *url = value;

    gwc_check_url(field, value);
    gwc_check_printable(field, value);

    if (strstr(url->v.data, "://") != NULL
        && strncasecmp(url->v.data, "http://", 7) != 0
        && strncasecmp(url->v.data, "https://", 8) != 0)
    {
        gwc_error(url->node, "expected a URL of http or https");
    }
}


gwc_text_t
gwc_trace_host(const gwc_str_t *url)
{
    const char *p;

    if (!url->set) {
        return (gwc_text_t){ NULL, 0 };
    }

    p = strstr(url->v.data, "://");

    if (p == NULL || p[3] == '[') {
        return (gwc_text_t){ NULL, 0 };
    }

    p += 3;

    return (gwc_text_t){ p, strcspn(p, ":/?#") };
}
