/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the rules of the tracing plugins have in common: the fields about
 * headers with contexts of traces.
 */

#ifndef GWC_PROPAGATION_H
#define GWC_PROPAGATION_H

#include "queue.h"
#include "rule.h"
#include "writer.h"

typedef struct {
    gwc_record_t record;
    gwc_list_t extract; /* gwc_str_t, those of the others too */
    gwc_list_t clear;
    gwc_list_t inject;
    gwc_str_t default_format;
} gwc_propagation_t;

extern const gwc_field_t gwc_propagation_fields[];
extern const char *const gwc_trace_formats[];
extern const char *const gwc_trace_header_types[];

/* the fields propagation and header_type of config */
#define GWC_PROPAGATION(type_)                                                \
    { .name = "propagation",                                                  \
      .type = GWC_RECORD,                                                     \
      .offset = offsetof(type_, propagation),                                 \
      .fields = gwc_propagation_fields,                                       \
      .size = sizeof(gwc_propagation_t) },                                    \
    {                                                                         \
        .name = "header_type", .type = GWC_STRING,                            \
        .offset = offsetof(type_, header_type), .dflt = "\"preserve\"",       \
        .one_of = gwc_trace_header_types                                      \
    }

/* a URL of http or https */
void gwc_trace_check_endpoint(const gwc_field_t *field, void *value);
/* the host of one, to be looked up; nothing if it is no name */
gwc_text_t gwc_trace_host(const gwc_str_t *url);

#define GWC_TRACE_QUEUE(type_)                                                \
    {                                                                         \
        .name = "queue", .type = GWC_RECORD,                                  \
        .offset = offsetof(type_, queue), .fields = gwc_queue_fields,         \
        .size = sizeof(gwc_queue_t)                                           \
    }

#define GWC_TRACE_TIMEOUT(type_, name_, default_)                             \
    {                                                                         \
        .name = #name_, .type = GWC_INT, .offset = offsetof(type_, name_),    \
        .dflt = default_, .bounded = true, .min = 0, .max = 2147483646        \
    }

#endif
