
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the Redis client counts per server, in the lanes of prometheus.
 */


#include "ngx_http_gateway_redis_private.h"
#include "ngx_http_gateway_conf.h"


static char  *ngx_http_gateway_redis_metrics_labels[] = { "server", NULL };

static ngx_str_t  ngx_http_gateway_redis_metrics_kinds[] = {
    ngx_string("timeout"),
    ngx_string("connection"),
    ngx_string("reply"),
    ngx_null_string
};

static ngx_str_t  ngx_http_gateway_redis_metrics_states[] = {
    ngx_string("connected"),
    ngx_string("down"),
    ngx_null_string
};

/* milliseconds */
static ngx_uint_t  ngx_http_gateway_redis_metrics_bounds[] = {
    1, 2, 5, 10, 25, 50, 100, 250, 1000, 0
};

static ngx_http_gateway_metric_t  ngx_http_gateway_redis_metrics_list[] = {

    { "gateway_redis_commands_total",
      "Commands that were sent to Redis",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_REDIS_COMMANDS, NULL, NULL, NULL },

    { "gateway_redis_commands_failed_total",
      "Commands that were not sent, or got no answer",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_REDIS_FAILED, NULL, NULL, NULL },

    { "gateway_redis_errors_total",
      "Answers and connections to Redis that were not there in time, "
      "connections that were lost or could not be made, errors as answers",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_REDIS_TIMEOUTS, "kind",
      ngx_http_gateway_redis_metrics_kinds, NULL },

    { "gateway_redis_connections_opened_total",
      "Connections to Redis that were made",
      NGX_HTTP_GATEWAY_METRICS_COUNTER,
      NGX_HTTP_GATEWAY_REDIS_OPENED, NULL, NULL, NULL },

    { "gateway_redis_workers",
      "Connections of workers to Redis: that are there, and that are given up "
      "since it is taken to be down",
      NGX_HTTP_GATEWAY_METRICS_GAUGE,
      NGX_HTTP_GATEWAY_REDIS_CONNECTED, "state",
      ngx_http_gateway_redis_metrics_states, NULL },

    { "gateway_redis_commands_in_flight",
      "Commands that Redis has not answered yet",
      NGX_HTTP_GATEWAY_METRICS_GAUGE,
      NGX_HTTP_GATEWAY_REDIS_IN_FLIGHT, NULL, NULL, NULL },

    { "gateway_redis_command_duration_seconds",
      "Time from a command to its answer",
      NGX_HTTP_GATEWAY_METRICS_HISTOGRAM,
      NGX_HTTP_GATEWAY_REDIS_LATENCY, NULL, NULL,
      ngx_http_gateway_redis_metrics_bounds },

    { NULL, NULL, 0, 0, NULL, NULL, NULL }
};

ngx_http_gateway_metrics_set_t  ngx_http_gateway_redis_metrics = {
    NGX_HTTP_GATEWAY_METRICS_REDIS,
    ngx_http_gateway_redis_metrics_labels,
    ngx_http_gateway_redis_metrics_list
};


static ngx_http_gateway_series_t *ngx_http_gateway_redis_series(
    ngx_http_gateway_redis_node_t *node);


void
ngx_http_gateway_redis_count(ngx_http_gateway_redis_node_t *node,
    ngx_uint_t cell, ngx_int_t change)
{
    ngx_http_gateway_series_t  *series;

    series = ngx_http_gateway_redis_series(node);

    if (series) {
        ngx_http_gateway_metrics_change(node->redis->gmcf->metrics, series,
                                        cell, change);
    }
}


void
ngx_http_gateway_redis_departed(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op)
{
    op->flying = node;

    ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_COMMANDS, 1);
    ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_IN_FLIGHT, 1);
}


void
ngx_http_gateway_redis_landed(ngx_http_gateway_redis_op_t *op,
    ngx_uint_t answered)
{
    ngx_msec_t                      start;
    ngx_http_gateway_metrics_t     *metrics;
    ngx_http_gateway_series_t      *series;
    ngx_http_gateway_redis_node_t  *node;

    node = op->flying;

    if (node == NULL) {
        return;
    }

    op->flying = NULL;

    ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_IN_FLIGHT, -1);

    if (!answered) {
        return;
    }

    series = ngx_http_gateway_redis_series(node);
    metrics = node->redis->gmcf->metrics;

    if (series == NULL || !ngx_http_gateway_metrics_ready(metrics)) {
        return;
    }

    start = op->deadline - (ngx_msec_t) node->redis->conf.timeout;

    ngx_http_gateway_metrics_observe(metrics, series,
                             NGX_HTTP_GATEWAY_REDIS_LATENCY,
                             ngx_http_gateway_redis_metrics_bounds,
                             NGX_HTTP_GATEWAY_REDIS_BOUNDS,
                             (ngx_uint_t) (ngx_current_msec - start));
}


/* made when something is counted; NULL: nothing is */

static ngx_http_gateway_series_t *
ngx_http_gateway_redis_series(ngx_http_gateway_redis_node_t *node)
{
    ngx_http_gateway_metrics_t  *metrics;

    metrics = node->redis->gmcf->metrics;

    if (node->series == NULL && metrics && !node->uncounted
        && ngx_process != NGX_PROCESS_MASTER)
    {
        node->series = ngx_http_gateway_metrics_series(metrics,
                                          NGX_HTTP_GATEWAY_METRICS_REDIS,
                                          NGX_HTTP_GATEWAY_REDIS_CELLS,
                                          &node->name, 1);
        if (node->series == NULL) {
            node->uncounted = 1;
            ngx_http_gateway_metrics_drop(metrics);
        }
    }

    return node->series;
}
