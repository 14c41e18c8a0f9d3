/*
 * Copyright (C) the ngx_gateway authors
 *
 * Metrics of the plugins that send lines of StatsD.
 */

#ifndef GWC_STATSD_H
#define GWC_STATSD_H

#include "queue.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t name;
    gwc_str_t stat_type;
    gwc_num_t sample_rate;
    gwc_str_t consumer_identifier;
    gwc_str_t service_identifier;
    gwc_str_t workspace_identifier;
    gwc_list_t tags; /* gwc_str_t */
} gwc_statsd_metric_t;

/* the head of the configs of these plugins */
typedef struct {
    gwc_record_t record;
    gwc_str_t host;
    gwc_int_t port;
    gwc_str_t prefix;
    gwc_list_t metrics; /* gwc_statsd_metric_t */
    gwc_queue_t queue;
    gwc_queue_flat_t flat;
} gwc_statsd_head_t;

extern const char *const gwc_statsd_consumer_identifiers[];
extern const char *const gwc_statsd_service_identifiers[];
extern const char *const gwc_statsd_workspace_identifiers[];

/* rows of a table of fields that all of them have, by names of the file */
#define GWC_STATSD_PORT_FIELD(flags_)                                         \
    {                                                                         \
        .name = "port", .type = GWC_INT,                                      \
        .offset = offsetof(gwc_statsd_head_t, port), .flags = (flags_),       \
        .dflt = "8125", .bounded = true, .min = 0, .max = 65535               \
    }

#define GWC_STATSD_PREFIX_FIELD                                               \
    {                                                                         \
        .name = "prefix", .type = GWC_STRING,                                 \
        .offset = offsetof(gwc_statsd_head_t, prefix), .dflt = "\"kong\"",    \
        .check = gwc_check_printable                                          \
    }

#define GWC_STATSD_METRICS_FIELD(metric)                                      \
    {                                                                         \
        .name = "metrics", .type = GWC_ARRAY,                                 \
        .offset = offsetof(gwc_statsd_head_t, metrics), .flags = GWC_NO_EMIT, \
        .elem = &(metric), .size = sizeof(gwc_statsd_metric_t)                \
    }

/* a check of a rule: the queue; counters and gauges have a rate */
void gwc_statsd_check(void *config);

/* parameters "metrics=name|type|..."; false: the file has none */
bool gwc_statsd_emit(gwc_writer_t *w, const void *config);

/* a looks_up of a rule */
gwc_text_t gwc_statsd_looks_up(const void *config);

#endif
