/*
 * Copyright (C) the ngx_gateway authors
 *
 * Metrics of the plugins that send lines of StatsD.
 */

#include "statsd.h"

#include <string.h>

#include "diag.h"
#include "emit.h"

const char *const gwc_statsd_consumer_identifiers[] = {
    "consumer_id",
    "custom_id",
    "username",
    NULL,
};

const char *const gwc_statsd_service_identifiers[] = {
    "service_id", "service_name", "service_host", "service_name_or_host", NULL,
};

const char *const gwc_statsd_workspace_identifiers[] = {
    "workspace_id",
    "workspace_name",
    NULL,
};


static void
gwc_statsd_check_tag(const gwc_str_t *tag)
{
    size_t i;

    if (tag->v.len == 0 || tag->v.data[tag->v.len - 1] == ':') {
        gwc_error(tag->node, "invalid value: a tag must not end with \":\"");
    }

    for (i = 0; i < tag->v.len; i++) {
        if ((unsigned char) tag->v.data[i] < 0x20 || tag->v.data[i] == '|') {
            gwc_error(tag->node, "a tag has neither control characters nor "
                                 "\"|\"");
            return;
        }
    }
}


void
gwc_statsd_check(void *config)
{
    gwc_statsd_head_t *statsd = config;
    const gwc_list_t *metrics = &statsd->metrics;
    size_t i, j;

    gwc_queue_merge(&statsd->queue, &statsd->flat);

    for (i = 0; i < metrics->n; i++) {
        const gwc_statsd_metric_t *metric =
            GWC_ITEM(*metrics, gwc_statsd_metric_t, i);

        if (metric->stat_type.set && !metric->sample_rate.set
            && (strcmp(metric->stat_type.v.data, "counter") == 0
                || strcmp(metric->stat_type.v.data, "gauge") == 0))
        {
            gwc_error(metric->record.node,
                      "failed conditional validation given value of field "
                      "'stat_type': sample_rate: required field missing");
        }

        for (j = 0; j < metric->tags.n; j++) {
            gwc_statsd_check_tag(GWC_ITEM(metric->tags, gwc_str_t, j));
        }
    }
}


static void
gwc_statsd_option(gwc_buf_t *buf, const char *name, const gwc_str_t *value)
{
    if (value->set) {
        gwc_buf_puts(buf, name);
        gwc_buf_add(buf, value->v.data, value->v.len);
    }
}


bool
gwc_statsd_emit(gwc_writer_t *w, const void *config)
{
    const gwc_list_t *metrics = &((const gwc_statsd_head_t *) config)->metrics;
    size_t i, j;

    if (metrics->node == NULL) {
        return false;
    }

    if (metrics->n == 0) {
        gwc_param(w, "metrics", (gwc_text_t){ "", 0 });
    }

    for (i = 0; i < metrics->n; i++) {
        const gwc_statsd_metric_t *metric =
            GWC_ITEM(*metrics, gwc_statsd_metric_t, i);
        gwc_buf_t buf = { 0 };

        gwc_buf_add(&buf, metric->name.v.data, metric->name.v.len);
        gwc_statsd_option(&buf, "|", &metric->stat_type);

        if (metric->sample_rate.set) {
            gwc_buf_puts(&buf, gwc_sprintf("|sample_rate=%.14g",
                                           metric->sample_rate.v));
        }

        gwc_statsd_option(
            &buf, "|consumer_identifier=", &metric->consumer_identifier);
        gwc_statsd_option(&buf,
                          "|service_identifier=", &metric->service_identifier);
        gwc_statsd_option(
            &buf, "|workspace_identifier=", &metric->workspace_identifier);

        for (j = 0; j < metric->tags.n; j++) {
            gwc_statsd_option(&buf,
                              "|tag=", GWC_ITEM(metric->tags, gwc_str_t, j));
        }

        gwc_param(w, "metrics", (gwc_text_t){ buf.data, buf.len });
    }

    return true;
}


gwc_text_t
gwc_statsd_looks_up(const void *config)
{
    const gwc_statsd_head_t *statsd = config;

    return statsd->host.v;
}
