/*
 * Copyright (C) the ngx_gateway authors
 *
 * Metrics of the plugins that send lines of StatsD.
 */

#ifndef GWC_STATSD_H
#define GWC_STATSD_H

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

extern const char *const gwc_statsd_consumer_identifiers[];
extern const char *const gwc_statsd_service_identifiers[];
extern const char *const gwc_statsd_workspace_identifiers[];

/* counters and gauges have a rate */
void gwc_statsd_check(const gwc_list_t *metrics);

/* parameters "metrics=name|type|..."; false: the file has none */
bool gwc_statsd_emit(gwc_writer_t *w, const gwc_list_t *metrics);

#endif
