
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The page that Prometheus reads, in two sets of names: Kong's, which
 * dashboards know, and names as Prometheus wants them (base units, "_total").
 * Each is a table; a new metric is one row.
 */


#include "ngx_http_gateway_prometheus.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_shm.h"
#include "ngx_http_gateway_status.h"
#include "ngx_http_gateway_upstream.h"


#define NGX_HTTP_GATEWAY_PROMETHEUS_BUFFER  16384

/* a byte that is not UTF-8 becomes three, and names and quotes are added */
#define NGX_HTTP_GATEWAY_PROMETHEUS_SCRATCH                                   \
    (3 * NGX_HTTP_GATEWAY_METRICS_LABELS + 512)


typedef struct ngx_http_gateway_prometheus_metric_s
                                          ngx_http_gateway_prometheus_metric_t;


typedef struct {
    ngx_pool_t                       *pool;
    ngx_chain_t                      *out;
    ngx_chain_t                     **last;
    ngx_buf_t                        *buf;      /* the one being filled */
    ngx_buf_t                        *scratch;  /* room for any labels */
    off_t                             len;

    ngx_http_gateway_metrics_t       *metrics;
    ngx_array_t                      *series;   /* sums, or NULL */
    ngx_array_t                      *zones;
    ngx_array_t                      *workers;
    ngx_str_t                         node;     /* id */

    ngx_http_gateway_prometheus_metric_t
                                     *metric;   /* whose head was written */
    ngx_http_gateway_prometheus_metric_t
                                     *health;   /* of upstreams */
    ngx_uint_t                        labels;   /* in the line so far */
    ngx_uint_t                        upstreams; /* unsigned  upstreams:1; */
    ngx_uint_t                        failed;   /* unsigned  failed:1; */
} ngx_http_gateway_prometheus_page_t;


/* a label of a counted metric: a value of its series, or a constant */
typedef struct {
    char                             *name;
    ngx_int_t                         value;    /* -1: text */
    ngx_str_t                         text;
} ngx_http_gateway_prometheus_label_t;


typedef void (*ngx_http_gateway_prometheus_write_pt)(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);

struct ngx_http_gateway_prometheus_metric_s {
    char                                  *name;
    char                                  *help;
    char                                  *type;
    ngx_http_gateway_prometheus_write_pt   write;
    ngx_uint_t                             set;     /* what write knows */
    ngx_uint_t                             cell;
    ngx_http_gateway_prometheus_label_t   *labels;
    ngx_uint_t                            *bounds;
    ngx_uint_t                             seconds; /* counted in ms */
};


static void ngx_http_gateway_prometheus_own_zone(
    ngx_http_gateway_prometheus_page_t *page);
static void ngx_http_gateway_prometheus_write_counters(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_histograms(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_part(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric, ngx_uint_t part);
static void ngx_http_gateway_prometheus_buckets(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric, ngx_str_t *labels,
    ngx_atomic_t *cell);
static void ngx_http_gateway_prometheus_render(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_label_t *label,
    ngx_http_gateway_series_t *series, ngx_str_t *text);
static void ngx_http_gateway_prometheus_write_bandwidth(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_connections(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_stat(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_timers(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_errors(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_datastore(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_info(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_workers(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_zones(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_entries(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static void ngx_http_gateway_prometheus_write_upstreams(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric);
static ngx_int_t ngx_http_gateway_prometheus_upstream(void *data,
    ngx_http_gateway_upstream_info_t *info);

static void ngx_http_gateway_prometheus_features(ngx_http_request_t *r,
    ngx_http_gateway_prometheus_page_t *page);
static void ngx_http_gateway_prometheus_sets(ngx_http_request_t *r,
    ngx_http_gateway_prometheus_page_t *page);
static void ngx_http_gateway_prometheus_set(ngx_http_request_t *r,
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_metrics_set_t *set);
static void ngx_http_gateway_prometheus_cells(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric,
    ngx_http_gateway_metric_t *feature);
static void ngx_http_gateway_prometheus_labels(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_label_t *label,
    ngx_http_gateway_series_t *series);
static void ngx_http_gateway_prometheus_state(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_upstream_info_t *info,
    ngx_http_gateway_upstream_state_e state, char *name);
static void ngx_http_gateway_prometheus_begin(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric, char *suffix);
static void ngx_http_gateway_prometheus_label(
    ngx_http_gateway_prometheus_page_t *page, char *name, ngx_str_t *value);
static void ngx_http_gateway_prometheus_label_text(
    ngx_http_gateway_prometheus_page_t *page, char *name, char *value);
static void ngx_http_gateway_prometheus_end(
    ngx_http_gateway_prometheus_page_t *page, uint64_t value,
    ngx_uint_t seconds);

static u_char *ngx_http_gateway_prometheus_number(u_char *p, uint64_t value,
    ngx_uint_t seconds);
static void ngx_http_gateway_prometheus_escape(
    ngx_http_gateway_prometheus_page_t *page, ngx_str_t *value);
static void ngx_http_gateway_prometheus_text(
    ngx_http_gateway_prometheus_page_t *page, char *text);
static void ngx_http_gateway_prometheus_add(
    ngx_http_gateway_prometheus_page_t *page, const void *data, size_t len);


/* parts of a histogram: Kong's pages have them one after the other */
#define NGX_HTTP_GATEWAY_PROMETHEUS_BUCKETS  0
#define NGX_HTTP_GATEWAY_PROMETHEUS_COUNT    1
#define NGX_HTTP_GATEWAY_PROMETHEUS_SUM      2

/* what the zones and the connections are asked for */
#define NGX_HTTP_GATEWAY_PROMETHEUS_USED     0
#define NGX_HTTP_GATEWAY_PROMETHEUS_SIZE     1
#define NGX_HTTP_GATEWAY_PROMETHEUS_ALL      0
#define NGX_HTTP_GATEWAY_PROMETHEUS_CURRENT  1

/* and dictionaries */
#define NGX_HTTP_GATEWAY_PROMETHEUS_ROOM     0
#define NGX_HTTP_GATEWAY_PROMETHEUS_ENTRIES  1
#define NGX_HTTP_GATEWAY_PROMETHEUS_EVICTED  2
#define NGX_HTTP_GATEWAY_PROMETHEUS_SAVED    3
#define NGX_HTTP_GATEWAY_PROMETHEUS_UNSAVED  4

/* positions in ngx_http_gateway_stats */
#define NGX_HTTP_GATEWAY_PROMETHEUS_ACCEPTED  0
#define NGX_HTTP_GATEWAY_PROMETHEUS_HANDLED   2
#define NGX_HTTP_GATEWAY_PROMETHEUS_TOTAL     4


static ngx_http_gateway_prometheus_label_t
    ngx_http_gateway_prometheus_requests_labels[] =
{
    { "service", 0, ngx_null_string },
    { "route", 1, ngx_null_string },
    { "code", 2, ngx_null_string },
    { "source", 3, ngx_null_string },
    { "workspace", -1, ngx_string("default") },
    { "consumer", 4, ngx_null_string },
    { NULL, 0, ngx_null_string }
};

static ngx_http_gateway_prometheus_label_t
    ngx_http_gateway_prometheus_egress_labels[] =
{
    { "service", 0, ngx_null_string },
    { "route", 1, ngx_null_string },
    { "direction", -1, ngx_string("egress") },
    { "workspace", -1, ngx_string("default") },
    { "consumer", 2, ngx_null_string },
    { NULL, 0, ngx_null_string }
};

static ngx_http_gateway_prometheus_label_t
    ngx_http_gateway_prometheus_ingress_labels[] =
{
    { "service", 0, ngx_null_string },
    { "route", 1, ngx_null_string },
    { "direction", -1, ngx_string("ingress") },
    { "workspace", -1, ngx_string("default") },
    { "consumer", 2, ngx_null_string },
    { NULL, 0, ngx_null_string }
};

static ngx_http_gateway_prometheus_label_t
    ngx_http_gateway_prometheus_latency_labels[] =
{
    { "service", 0, ngx_null_string },
    { "route", 1, ngx_null_string },
    { "workspace", -1, ngx_string("default") },
    { NULL, 0, ngx_null_string }
};


/* Kong's metrics, in the order of its page: by name */

static ngx_http_gateway_prometheus_metric_t
    ngx_http_gateway_prometheus_kong[] =
{
    { "kong_bandwidth_bytes",
      "Total bandwidth (ingress/egress) throughput in bytes",
      "counter", ngx_http_gateway_prometheus_write_bandwidth,
      NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH, 0, NULL, NULL, 0 },

    { "kong_datastore_reachable",
      "Datastore reachable from the gateway, 0 is unreachable; "
      "there is none, so always 1",
      "gauge", ngx_http_gateway_prometheus_write_datastore,
      0, 0, NULL, NULL, 0 },

    { "kong_http_requests_total",
      "HTTP status codes per consumer/service/route",
      "counter", ngx_http_gateway_prometheus_write_counters,
      NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS, 0,
      ngx_http_gateway_prometheus_requests_labels, NULL, 0 },

    { "kong_kong_latency_ms",
      "Latency added by the gateway and enabled plugins "
      "for each service/route",
      "histogram", ngx_http_gateway_prometheus_write_histograms,
      NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG_LATENCY,
      ngx_http_gateway_prometheus_latency_labels,
      ngx_http_gateway_prometheus_kong_bounds, 0 },

    { "kong_memory_lua_shared_dict_bytes",
      "Allocated pages in bytes in a shared memory zone",
      "gauge", ngx_http_gateway_prometheus_write_zones,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG, NGX_HTTP_GATEWAY_PROMETHEUS_USED,
      NULL, NULL, 0 },

    { "kong_memory_lua_shared_dict_total_bytes",
      "Total capacity in bytes of a shared memory zone",
      "gauge", ngx_http_gateway_prometheus_write_zones,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG, NGX_HTTP_GATEWAY_PROMETHEUS_SIZE,
      NULL, NULL, 0 },

    { "kong_memory_workers_lua_vms_bytes",
      "Private resident bytes of a worker",
      "gauge", ngx_http_gateway_prometheus_write_workers,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG, 0, NULL, NULL, 0 },

    { "kong_nginx_connections_total",
      "Number of connections by subsystem",
      "gauge", ngx_http_gateway_prometheus_write_connections,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG, NGX_HTTP_GATEWAY_PROMETHEUS_ALL,
      NULL, NULL, 0 },

    { "kong_nginx_metric_errors_total",
      "Number of values not counted for want of memory",
      "counter", ngx_http_gateway_prometheus_write_errors,
      0, 0, NULL, NULL, 0 },

    { "kong_nginx_requests_total",
      "Number of requests total",
      "gauge", ngx_http_gateway_prometheus_write_stat,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG, NGX_HTTP_GATEWAY_PROMETHEUS_TOTAL,
      NULL, NULL, 0 },

    { "kong_nginx_timers",
      "Number of nginx timers",
      "gauge", ngx_http_gateway_prometheus_write_timers,
      0, 0, NULL, NULL, 0 },

    { "kong_node_info",
      "Node metadata information",
      "gauge", ngx_http_gateway_prometheus_write_info,
      0, 0, NULL, NULL, 0 },

    { "kong_request_latency_ms",
      "Total latency incurred during requests for each "
      "service/route",
      "histogram", ngx_http_gateway_prometheus_write_histograms,
      NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY,
      NGX_HTTP_GATEWAY_PROMETHEUS_REQUEST_LATENCY,
      ngx_http_gateway_prometheus_latency_labels,
      ngx_http_gateway_prometheus_other_bounds, 0 },

    { "kong_upstream_latency_ms",
      "Latency added by upstream response for each "
      "service/route",
      "histogram", ngx_http_gateway_prometheus_write_histograms,
      NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY,
      NGX_HTTP_GATEWAY_PROMETHEUS_UPSTREAM_LATENCY,
      ngx_http_gateway_prometheus_latency_labels,
      ngx_http_gateway_prometheus_other_bounds, 0 },

    { "kong_upstream_target_health",
      "Health status of targets of upstream. States = "
      "healthchecks_off|healthy|unhealthy|dns_error, value is 1 "
      "when state is populated.",
      "gauge", ngx_http_gateway_prometheus_write_upstreams,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG, 0, NULL, NULL, 0 },

    { NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, 0 }
};


static ngx_http_gateway_prometheus_metric_t
    ngx_http_gateway_prometheus_gateway[] =
{
    { "gateway_bandwidth_bytes_total",
      "Bytes received from and sent to clients",
      "counter", ngx_http_gateway_prometheus_write_bandwidth,
      NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH, 0, NULL, NULL, 0 },

    { "gateway_connections",
      "Client connections by state",
      "gauge", ngx_http_gateway_prometheus_write_connections,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_CURRENT, NULL, NULL, 0 },

    { "gateway_connections_accepted_total",
      "Accepted client connections",
      "counter", ngx_http_gateway_prometheus_write_stat,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_ACCEPTED, NULL, NULL, 0 },

    { "gateway_connections_handled_total",
      "Handled client connections",
      "counter", ngx_http_gateway_prometheus_write_stat,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_HANDLED, NULL, NULL, 0 },

    { "gateway_http_requests_total",
      "Requests by route, status code and who answered",
      "counter", ngx_http_gateway_prometheus_write_counters,
      NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS, 0,
      ngx_http_gateway_prometheus_requests_labels, NULL, 0 },

    { "gateway_internal_latency_seconds",
      "Time that requests spent in the gateway itself",
      "histogram", ngx_http_gateway_prometheus_write_histograms,
      NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY,
      NGX_HTTP_GATEWAY_PROMETHEUS_KONG_LATENCY,
      ngx_http_gateway_prometheus_latency_labels,
      ngx_http_gateway_prometheus_kong_bounds, 1 },

    { "gateway_metric_errors_total",
      "Values not counted for want of memory in the zone",
      "counter", ngx_http_gateway_prometheus_write_errors,
      0, 0, NULL, NULL, 0 },

    { "gateway_nginx_requests_total",
      "Requests to any server of this nginx",
      "counter", ngx_http_gateway_prometheus_write_stat,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_TOTAL, NULL, NULL, 0 },

    { "gateway_node_info",
      "What this node runs",
      "gauge", ngx_http_gateway_prometheus_write_info,
      0, 0, NULL, NULL, 0 },

    { "gateway_request_latency_seconds",
      "Time from the first byte of a request to its end",
      "histogram", ngx_http_gateway_prometheus_write_histograms,
      NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY,
      NGX_HTTP_GATEWAY_PROMETHEUS_REQUEST_LATENCY,
      ngx_http_gateway_prometheus_latency_labels,
      ngx_http_gateway_prometheus_other_bounds, 1 },

    { "gateway_upstream_latency_seconds",
      "Time from the choice of an upstream to its response "
      "header",
      "histogram", ngx_http_gateway_prometheus_write_histograms,
      NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY,
      NGX_HTTP_GATEWAY_PROMETHEUS_UPSTREAM_LATENCY,
      ngx_http_gateway_prometheus_latency_labels,
      ngx_http_gateway_prometheus_other_bounds, 1 },

    { "gateway_upstream_target_health",
      "State of a target's address: 1 for the one it is in",
      "gauge", ngx_http_gateway_prometheus_write_upstreams,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY, 0, NULL, NULL, 0 },

    { "gateway_worker_memory_bytes",
      "Private resident memory of a worker",
      "gauge", ngx_http_gateway_prometheus_write_workers,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY, 0, NULL, NULL, 0 },

    { "gateway_zone_capacity_entries",
      "Entries that fit into a zone of counters or the like",
      "gauge", ngx_http_gateway_prometheus_write_entries,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY, NGX_HTTP_GATEWAY_PROMETHEUS_ROOM,
      NULL, NULL, 0 },

    { "gateway_zone_entries",
      "Entries that a zone of counters or the like has taken",
      "gauge", ngx_http_gateway_prometheus_write_entries,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_ENTRIES, NULL, NULL, 0 },

    { "gateway_zone_evictions_total",
      "Entries that were forgotten before their time, for want of room",
      "counter", ngx_http_gateway_prometheus_write_entries,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_EVICTED, NULL, NULL, 0 },

    { "gateway_zone_save_failures_total",
      "Times that counts could not be saved for the next start",
      "counter", ngx_http_gateway_prometheus_write_entries,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_UNSAVED, NULL, NULL, 0 },

    { "gateway_zone_saved_timestamp_seconds",
      "When all counts were last found saved for the next start",
      "gauge", ngx_http_gateway_prometheus_write_entries,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY,
      NGX_HTTP_GATEWAY_PROMETHEUS_SAVED, NULL, NULL, 0 },

    { "gateway_zone_size_bytes",
      "Size of a shared memory zone",
      "gauge", ngx_http_gateway_prometheus_write_zones,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY, NGX_HTTP_GATEWAY_PROMETHEUS_SIZE,
      NULL, NULL, 0 },

    { "gateway_zone_used_bytes",
      "Memory in use of a shared memory zone",
      "gauge", ngx_http_gateway_prometheus_write_zones,
      NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY, NGX_HTTP_GATEWAY_PROMETHEUS_USED,
      NULL, NULL, 0 },

    { NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, 0 }
};


ngx_int_t
ngx_http_gateway_prometheus_export(ngx_http_request_t *r,
    ngx_http_gateway_metrics_t *metrics, ngx_uint_t names,
    ngx_uint_t upstreams, ngx_chain_t **out, off_t *len)
{
    ngx_http_gateway_prometheus_page_t     page;
    ngx_http_gateway_prometheus_metric_t  *metric;

    ngx_memzero(&page, sizeof(ngx_http_gateway_prometheus_page_t));

    page.pool = r->pool;
    page.last = &page.out;
    page.metrics = metrics;
    page.upstreams = upstreams;

    page.zones = ngx_http_gateway_status_zones(r->pool);
    page.workers = ngx_http_gateway_status_workers(r->pool);

    if (page.zones == NULL || page.workers == NULL
        || ngx_http_gateway_status_node_id(r->pool, &page.node) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (metrics) {
        page.series = ngx_http_gateway_metrics_collect(metrics, r->pool);
        page.scratch = ngx_create_temp_buf(r->pool,
                                         NGX_HTTP_GATEWAY_PROMETHEUS_SCRATCH);

        if (page.series == NULL || page.scratch == NULL) {
            return NGX_ERROR;
        }

        ngx_http_gateway_prometheus_own_zone(&page);
    }

    metric = names == NGX_HTTP_GATEWAY_PROMETHEUS_KONG
             ? ngx_http_gateway_prometheus_kong
             : ngx_http_gateway_prometheus_gateway;

    for ( /* void */ ; metric->name; metric++) {
        metric->write(&page, metric);
    }

    ngx_http_gateway_prometheus_features(r, &page);
    ngx_http_gateway_prometheus_sets(r, &page);

    if (page.failed) {
        return NGX_ERROR;
    }

    *out = page.out;
    *len = page.len;

    return NGX_OK;
}


/* what features count by themselves, under the same name in both sets */
static void
ngx_http_gateway_prometheus_features(ngx_http_request_t *r,
    ngx_http_gateway_prometheus_page_t *page)
{
    ngx_uint_t                              i, k;
    ngx_atomic_t                           *cells;
    ngx_http_gateway_counters_t           **counters;
    ngx_http_gateway_main_conf_t           *gmcf;
    ngx_http_gateway_prometheus_metric_t   *metric;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->counters == NULL) {
        return;
    }

    counters = gmcf->counters->elts;

    metric = ngx_pcalloc(r->pool, gmcf->counters->nelts
                              * sizeof(ngx_http_gateway_prometheus_metric_t));
    if (metric == NULL) {
        page->failed = 1;
        return;
    }

    for (i = 0; i < gmcf->counters->nelts; i++) {
        metric[i].name = counters[i]->name;
        metric[i].help = counters[i]->help;
        metric[i].type = "counter";

        cells = *counters[i]->cells;

        for (k = 0; k < counters[i]->n; k++) {
            if (cells[k] == 0) {
                continue;
            }

            ngx_http_gateway_prometheus_begin(page, &metric[i], "");
            ngx_http_gateway_prometheus_label(page, counters[i]->label,
                                              &counters[i]->values[k]);
            ngx_http_gateway_prometheus_end(page, cells[k], 0);
        }
    }
}


/* what features count in the zone of the series, likewise */
static void
ngx_http_gateway_prometheus_sets(ngx_http_request_t *r,
    ngx_http_gateway_prometheus_page_t *page)
{
    ngx_uint_t                        i;
    ngx_http_gateway_main_conf_t     *gmcf;
    ngx_http_gateway_metrics_set_t  **set;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (page->series == NULL || gmcf->metric_sets == NULL) {
        return;
    }

    set = gmcf->metric_sets->elts;

    for (i = 0; i < gmcf->metric_sets->nelts && !page->failed; i++) {
        ngx_http_gateway_prometheus_set(r, page, set[i]);
    }
}


static void
ngx_http_gateway_prometheus_set(ngx_http_request_t *r,
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_metrics_set_t *set)
{
    ngx_uint_t                             n, k;
    ngx_http_gateway_metric_t             *feature;
    ngx_http_gateway_prometheus_label_t   *labels;
    ngx_http_gateway_prometheus_metric_t  *metric;

    static char  *types[] = { "counter", "gauge", "histogram" };

    for (n = 0; set->labels[n]; n++) { /* void */ }

    labels = ngx_pcalloc(r->pool, (n + 1)
                               * sizeof(ngx_http_gateway_prometheus_label_t));
    if (labels == NULL) {
        page->failed = 1;
        return;
    }

    for (k = 0; k < n; k++) {
        labels[k].name = set->labels[k];
        labels[k].value = k;
    }

    for (feature = set->metrics; feature->name; feature++) {

        metric = ngx_pcalloc(r->pool,
                             sizeof(ngx_http_gateway_prometheus_metric_t));
        if (metric == NULL) {
            page->failed = 1;
            return;
        }

        metric->name = feature->name;
        metric->help = feature->help;
        metric->type = types[feature->type];
        metric->set = set->set;
        metric->cell = feature->cell;
        metric->labels = labels;
        metric->bounds = feature->bounds;
        metric->seconds = 1;

        if (feature->type == NGX_HTTP_GATEWAY_METRICS_HISTOGRAM) {
            ngx_http_gateway_prometheus_write_histograms(page, metric);

        } else {
            ngx_http_gateway_prometheus_cells(page, metric, feature);
        }
    }
}


/* counters that are 0 are left out, gauges are not: alerts end with them */
static void
ngx_http_gateway_prometheus_cells(ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric,
    ngx_http_gateway_metric_t *feature)
{
    ngx_uint_t                   i, k;
    ngx_atomic_int_t             value;
    ngx_http_gateway_series_t  **series;

    series = page->series->elts;

    for (i = 0; i < page->series->nelts; i++) {

        if (series[i]->set != metric->set) {
            continue;
        }

        for (k = 0; k == 0 || (feature->label && feature->values[k].len); k++)
        {
            value = (ngx_atomic_int_t) series[i]->cell[metric->cell + k];

            if (feature->type == NGX_HTTP_GATEWAY_METRICS_GAUGE) {
                value = ngx_max(value, 0);

            } else if (value == 0) {
                continue;
            }

            ngx_http_gateway_prometheus_begin(page, metric, "");
            ngx_http_gateway_prometheus_labels(page, metric->labels,
                                               series[i]);

            if (feature->label) {
                ngx_http_gateway_prometheus_label(page, feature->label,
                                                  &feature->values[k]);
            }

            ngx_http_gateway_prometheus_end(page, (uint64_t) value, 0);
        }
    }
}


/* the zone of the series is allocated whole: tell what is used of it */
static void
ngx_http_gateway_prometheus_own_zone(ngx_http_gateway_prometheus_page_t *page)
{
    ngx_str_t                        *name;
    ngx_uint_t                        i;
    ngx_http_gateway_zone_t          *zone;
    ngx_http_gateway_metrics_stat_t   stat;

    zone = page->zones->elts;
    name = ngx_http_gateway_metrics_stat(page->metrics, &stat);

    for (i = 0; i < page->zones->nelts; i++) {
        if (zone[i].name.data == name->data) {
            zone[i].used = stat.used * stat.chunk;
        }
    }
}


static void
ngx_http_gateway_prometheus_write_counters(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    ngx_uint_t                   i;
    ngx_http_gateway_series_t  **series;

    if (page->series == NULL) {
        return;
    }

    series = page->series->elts;

    for (i = 0; i < page->series->nelts; i++) {

        if (series[i]->set != metric->set
            || series[i]->cell[metric->cell] == 0)
        {
            continue;
        }

        ngx_http_gateway_prometheus_begin(page, metric, "");
        ngx_http_gateway_prometheus_labels(page, metric->labels, series[i]);
        ngx_http_gateway_prometheus_end(page, series[i]->cell[metric->cell],
                                        0);
    }
}


static void
ngx_http_gateway_prometheus_write_bandwidth(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    ngx_uint_t                    i;
    ngx_atomic_uint_t             egress, ingress;
    ngx_http_gateway_series_t   **series;

    if (page->series == NULL) {
        return;
    }

    series = page->series->elts;

    for (i = 0; i < page->series->nelts; i++) {

        if (series[i]->set != metric->set) {
            continue;
        }

        egress = series[i]->cell[NGX_HTTP_GATEWAY_PROMETHEUS_EGRESS];
        ingress = series[i]->cell[NGX_HTTP_GATEWAY_PROMETHEUS_INGRESS];

        if (egress) {
            ngx_http_gateway_prometheus_begin(page, metric, "");
            ngx_http_gateway_prometheus_labels(page,
                                    ngx_http_gateway_prometheus_egress_labels,
                                    series[i]);
            ngx_http_gateway_prometheus_end(page, egress, 0);
        }

        if (ingress) {
            ngx_http_gateway_prometheus_begin(page, metric, "");
            ngx_http_gateway_prometheus_labels(page,
                                   ngx_http_gateway_prometheus_ingress_labels,
                                   series[i]);
            ngx_http_gateway_prometheus_end(page, ingress, 0);
        }
    }
}


static void
ngx_http_gateway_prometheus_write_histograms(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    if (page->series == NULL) {
        return;
    }

    ngx_http_gateway_prometheus_write_part(page, metric,
                                       NGX_HTTP_GATEWAY_PROMETHEUS_BUCKETS);
    ngx_http_gateway_prometheus_write_part(page, metric,
                                       NGX_HTTP_GATEWAY_PROMETHEUS_COUNT);
    ngx_http_gateway_prometheus_write_part(page, metric,
                                       NGX_HTTP_GATEWAY_PROMETHEUS_SUM);
}


/*
 * The count is the sum of the buckets, not a cell of its own: the two agree
 * whatever worker is counting meanwhile.
 */
static void
ngx_http_gateway_prometheus_write_part(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric, ngx_uint_t part)
{
    uint64_t                     count;
    ngx_str_t                    labels;
    ngx_uint_t                   i, n;
    ngx_atomic_t                *cell;
    ngx_http_gateway_series_t  **series;

    series = page->series->elts;

    for (i = 0; i < page->series->nelts; i++) {

        if (series[i]->set != metric->set) {
            continue;
        }

        cell = &series[i]->cell[metric->cell];
        count = 0;

        for (n = 0; metric->bounds[n]; n++) {
            count += cell[n];
        }

        count += cell[n];

        if (count == 0) {
            continue;
        }

        switch (part) {

        case NGX_HTTP_GATEWAY_PROMETHEUS_COUNT:
            ngx_http_gateway_prometheus_begin(page, metric, "_count");
            ngx_http_gateway_prometheus_labels(page, metric->labels,
                                               series[i]);
            ngx_http_gateway_prometheus_end(page, count, 0);
            break;

        case NGX_HTTP_GATEWAY_PROMETHEUS_SUM:
            ngx_http_gateway_prometheus_begin(page, metric, "_sum");
            ngx_http_gateway_prometheus_labels(page, metric->labels,
                                               series[i]);
            ngx_http_gateway_prometheus_end(page, cell[n + 1],
                                            metric->seconds);
            break;

        default: /* NGX_HTTP_GATEWAY_PROMETHEUS_BUCKETS */
            ngx_http_gateway_prometheus_render(page, metric->labels,
                                               series[i], &labels);
            ngx_http_gateway_prometheus_buckets(page, metric, &labels, cell);
        }
    }
}


/* most lines of a page are made here */
static void
ngx_http_gateway_prometheus_buckets(ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric, ngx_str_t *labels,
    ngx_atomic_t *cell)
{
    u_char      text[2 * NGX_INT64_LEN + 32], *p;
    uint64_t    count;
    ngx_uint_t  n;

    count = 0;
    n = 0;

    for ( ;; ) {
        count += cell[n];

        ngx_http_gateway_prometheus_begin(page, metric, "_bucket");
        ngx_http_gateway_prometheus_add(page, labels->data, labels->len);

        p = ngx_cpymem(text, ",le=\"", sizeof(",le=\"") - 1);

        if (metric->bounds[n]) {
            p = ngx_http_gateway_prometheus_number(p, metric->bounds[n],
                                                   metric->seconds);

        } else {
            p = ngx_cpymem(p, "+Inf", sizeof("+Inf") - 1);
        }

        p = ngx_sprintf(p, "\"} %uL\n", count);

        ngx_http_gateway_prometheus_add(page, text, p - text);

        if (metric->bounds[n++] == 0) {
            return;
        }
    }
}


/* the labels as text, without the closing brace, valid until the next call */
static void
ngx_http_gateway_prometheus_render(ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_label_t *label,
    ngx_http_gateway_series_t *series, ngx_str_t *text)
{
    off_t       len;
    ngx_buf_t  *buf;

    buf = page->buf;
    len = page->len;

    page->buf = page->scratch;
    page->buf->last = page->buf->start;
    page->labels = 0;

    ngx_http_gateway_prometheus_labels(page, label, series);

    text->data = page->scratch->start;
    text->len = page->scratch->last - page->scratch->start;

    page->buf = buf;
    page->len = len;
}


static void
ngx_http_gateway_prometheus_write_connections(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    ngx_uint_t                i;
    ngx_http_gateway_stat_t  *stat;

    stat = ngx_http_gateway_stats;

    for (i = 0; stat[i].name.len; i++) {

        if (metric->cell == NGX_HTTP_GATEWAY_PROMETHEUS_CURRENT
            && (i == NGX_HTTP_GATEWAY_PROMETHEUS_ACCEPTED
                || i == NGX_HTTP_GATEWAY_PROMETHEUS_HANDLED
                || i == NGX_HTTP_GATEWAY_PROMETHEUS_TOTAL))
        {
            continue;
        }

        ngx_http_gateway_prometheus_begin(page, metric, "");

        if (metric->set == NGX_HTTP_GATEWAY_PROMETHEUS_KONG) {
            ngx_http_gateway_prometheus_label(page, "node_id", &page->node);
            ngx_http_gateway_prometheus_label_text(page, "subsystem", "http");
        }

        ngx_http_gateway_prometheus_label(page, "state", &stat[i].name);
        ngx_http_gateway_prometheus_end(page, **stat[i].value, 0);
    }
}


static void
ngx_http_gateway_prometheus_write_stat(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    if (ngx_http_gateway_stats[0].name.len == 0) {
        return;
    }

    ngx_http_gateway_prometheus_begin(page, metric, "");

    if (metric->set == NGX_HTTP_GATEWAY_PROMETHEUS_KONG) {
        ngx_http_gateway_prometheus_label(page, "node_id", &page->node);
        ngx_http_gateway_prometheus_label_text(page, "subsystem", "http");
    }

    ngx_http_gateway_prometheus_end(page,
                               **ngx_http_gateway_stats[metric->cell].value,
                               0);
}


/* those of the worker that answers; an nginx timer is never "running" */
static void
ngx_http_gateway_prometheus_write_timers(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    uint64_t            n;
    ngx_rbtree_t       *tree;
    ngx_rbtree_node_t  *node;

    tree = &ngx_event_timer_rbtree;
    n = 0;

    if (tree->root != tree->sentinel) {
        for (node = ngx_rbtree_min(tree->root, tree->sentinel);
             node;
             node = ngx_rbtree_next(tree, node))
        {
            n++;
        }
    }

    ngx_http_gateway_prometheus_begin(page, metric, "");
    ngx_http_gateway_prometheus_label_text(page, "state", "pending");
    ngx_http_gateway_prometheus_end(page, n, 0);

    ngx_http_gateway_prometheus_begin(page, metric, "");
    ngx_http_gateway_prometheus_label_text(page, "state", "running");
    ngx_http_gateway_prometheus_end(page, 0, 0);
}


static void
ngx_http_gateway_prometheus_write_errors(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    ngx_http_gateway_metrics_stat_t  stat;

    stat.dropped = 0;

    if (page->metrics) {
        (void) ngx_http_gateway_metrics_stat(page->metrics, &stat);
    }

    ngx_http_gateway_prometheus_begin(page, metric, "");
    ngx_http_gateway_prometheus_end(page, stat.dropped, 0);
}


static void
ngx_http_gateway_prometheus_write_datastore(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    ngx_http_gateway_prometheus_begin(page, metric, "");
    ngx_http_gateway_prometheus_end(page, 1, 0);
}


static void
ngx_http_gateway_prometheus_write_info(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    ngx_http_gateway_prometheus_begin(page, metric, "");
    ngx_http_gateway_prometheus_label(page, "node_id", &page->node);
    ngx_http_gateway_prometheus_label_text(page, "version",
                                           NGX_HTTP_GATEWAY_VERSION);
    ngx_http_gateway_prometheus_end(page, 1, 0);
}


static void
ngx_http_gateway_prometheus_write_workers(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    u_char                      pid[NGX_INT64_LEN];
    ngx_str_t                   value;
    ngx_uint_t                  i;
    ngx_http_gateway_worker_t  *worker;

    worker = page->workers->elts;

    for (i = 0; i < page->workers->nelts; i++) {
        value.data = pid;
        value.len = ngx_sprintf(pid, "%P", worker[i].pid) - pid;

        ngx_http_gateway_prometheus_begin(page, metric, "");

        if (metric->set == NGX_HTTP_GATEWAY_PROMETHEUS_KONG) {
            ngx_http_gateway_prometheus_label(page, "node_id", &page->node);
            ngx_http_gateway_prometheus_label(page, "pid", &value);
            ngx_http_gateway_prometheus_label_text(page, "kong_subsystem",
                                                   "http");

        } else {
            ngx_http_gateway_prometheus_label(page, "pid", &value);
        }

        ngx_http_gateway_prometheus_end(page, worker[i].memory, 0);
    }
}


static void
ngx_http_gateway_prometheus_write_zones(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    size_t                    bytes;
    ngx_uint_t                i;
    ngx_http_gateway_zone_t  *zone;

    zone = page->zones->elts;

    for (i = 0; i < page->zones->nelts; i++) {
        bytes = metric->cell == NGX_HTTP_GATEWAY_PROMETHEUS_USED
                ? zone[i].used : zone[i].size;

        ngx_http_gateway_prometheus_begin(page, metric, "");

        if (metric->set == NGX_HTTP_GATEWAY_PROMETHEUS_KONG) {
            ngx_http_gateway_prometheus_label(page, "node_id", &page->node);
            ngx_http_gateway_prometheus_label(page, "shared_dict",
                                              &zone[i].name);
            ngx_http_gateway_prometheus_label_text(page, "kong_subsystem",
                                                   "http");

        } else {
            ngx_http_gateway_prometheus_label(page, "zone", &zone[i].name);
        }

        ngx_http_gateway_prometheus_end(page, bytes, 0);
    }
}


/* of dictionaries, which are made whole: how many bytes says nothing */
static void
ngx_http_gateway_prometheus_write_entries(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    ngx_uint_t                    i, value;
    ngx_shm_zone_t               *zone;
    ngx_list_part_t              *part;
    ngx_http_gateway_shm_t       *shm;
    ngx_http_gateway_shm_stat_t   stat;

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            zone = part->elts;
            i = 0;
        }

        shm = ngx_http_gateway_shm_of(&zone[i]);

        if (shm == NULL) {
            continue;
        }

        ngx_http_gateway_shm_stat(shm, &stat);

        switch (metric->cell) {

        case NGX_HTTP_GATEWAY_PROMETHEUS_ROOM:
            value = stat.room;
            break;

        case NGX_HTTP_GATEWAY_PROMETHEUS_ENTRIES:
            value = stat.used;
            break;

        case NGX_HTTP_GATEWAY_PROMETHEUS_EVICTED:
            value = stat.evicted;
            break;

        default:

            /* most zones are not kept over restarts */

            if (stat.saved == 0 && stat.unsaved == 0) {
                continue;
            }

            value = metric->cell == NGX_HTTP_GATEWAY_PROMETHEUS_SAVED
                    ? (ngx_uint_t) stat.saved : stat.unsaved;
        }

        ngx_http_gateway_prometheus_begin(page, metric, "");
        ngx_http_gateway_prometheus_label(page, "zone", &zone[i].shm.name);
        ngx_http_gateway_prometheus_end(page, value, 0);
    }
}


static void
ngx_http_gateway_prometheus_write_upstreams(
    ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric)
{
    if (!page->upstreams) {
        return;
    }

    page->health = metric;

    if (ngx_http_gateway_upstream_walk(ngx_http_gateway_prometheus_upstream,
                                       page)
        != NGX_OK)
    {
        page->failed = 1;
    }
}


static ngx_int_t
ngx_http_gateway_prometheus_upstream(void *data,
    ngx_http_gateway_upstream_info_t *info)
{
    ngx_http_gateway_prometheus_page_t *page = data;

    ngx_http_gateway_prometheus_state(page, info,
                             NGX_HTTP_GATEWAY_UPSTREAM_CHECKS_OFF,
                             "healthchecks_off");
    ngx_http_gateway_prometheus_state(page, info,
                             NGX_HTTP_GATEWAY_UPSTREAM_HEALTHY, "healthy");
    ngx_http_gateway_prometheus_state(page, info,
                             NGX_HTTP_GATEWAY_UPSTREAM_UNHEALTHY,
                             "unhealthy");
    ngx_http_gateway_prometheus_state(page, info,
                             NGX_HTTP_GATEWAY_UPSTREAM_DNS_ERROR,
                             "dns_error");

    return page->failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_gateway_prometheus_state(ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_upstream_info_t *info,
    ngx_http_gateway_upstream_state_e state, char *name)
{
    ngx_http_gateway_prometheus_begin(page, page->health, "");
    ngx_http_gateway_prometheus_label(page, "upstream", &info->upstream);
    ngx_http_gateway_prometheus_label(page, "target", &info->target);
    ngx_http_gateway_prometheus_label(page, "address", &info->address);
    ngx_http_gateway_prometheus_label_text(page, "state", name);

    if (page->health->set == NGX_HTTP_GATEWAY_PROMETHEUS_KONG) {
        ngx_http_gateway_prometheus_label_text(page, "subsystem", "http");
    }

    ngx_http_gateway_prometheus_end(page, info->state == state, 0);
}


static void
ngx_http_gateway_prometheus_labels(ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_label_t *label,
    ngx_http_gateway_series_t *series)
{
    ngx_str_t  value;

    for ( /* void */ ; label->name; label++) {

        if (label->value == -1) {
            ngx_http_gateway_prometheus_label(page, label->name,
                                              &label->text);
            continue;
        }

        ngx_http_gateway_metrics_value(series, label->value, &value);
        ngx_http_gateway_prometheus_label(page, label->name, &value);
    }
}


/* a line; before the first one of a metric its head */
static void
ngx_http_gateway_prometheus_begin(ngx_http_gateway_prometheus_page_t *page,
    ngx_http_gateway_prometheus_metric_t *metric, char *suffix)
{
    if (page->metric != metric) {
        page->metric = metric;

        ngx_http_gateway_prometheus_text(page, "# HELP ");
        ngx_http_gateway_prometheus_text(page, metric->name);
        ngx_http_gateway_prometheus_text(page, " ");
        ngx_http_gateway_prometheus_text(page, metric->help);
        ngx_http_gateway_prometheus_text(page, "\n# TYPE ");
        ngx_http_gateway_prometheus_text(page, metric->name);
        ngx_http_gateway_prometheus_text(page, " ");
        ngx_http_gateway_prometheus_text(page, metric->type);
        ngx_http_gateway_prometheus_text(page, "\n");
    }

    page->labels = 0;

    ngx_http_gateway_prometheus_text(page, metric->name);
    ngx_http_gateway_prometheus_text(page, suffix);
}


static void
ngx_http_gateway_prometheus_label(ngx_http_gateway_prometheus_page_t *page,
    char *name, ngx_str_t *value)
{
    ngx_http_gateway_prometheus_text(page, page->labels++ ? "," : "{");
    ngx_http_gateway_prometheus_text(page, name);
    ngx_http_gateway_prometheus_text(page, "=\"");
    ngx_http_gateway_prometheus_escape(page, value);
    ngx_http_gateway_prometheus_text(page, "\"");
}


static void
ngx_http_gateway_prometheus_label_text(
    ngx_http_gateway_prometheus_page_t *page, char *name, char *value)
{
    ngx_str_t  text;

    text.data = (u_char *) value;
    text.len = ngx_strlen(value);

    ngx_http_gateway_prometheus_label(page, name, &text);
}


static void
ngx_http_gateway_prometheus_end(ngx_http_gateway_prometheus_page_t *page,
    uint64_t value, ngx_uint_t seconds)
{
    u_char  number[NGX_INT64_LEN + 8], *p;

    ngx_http_gateway_prometheus_text(page, page->labels ? "} " : " ");

    p = ngx_http_gateway_prometheus_number(number, value, seconds);
    *p++ = '\n';

    ngx_http_gateway_prometheus_add(page, number, p - number);
}


/* seconds: value is in milliseconds, written as 0.025 */
static u_char *
ngx_http_gateway_prometheus_number(u_char *p, uint64_t value,
    ngx_uint_t seconds)
{
    ngx_uint_t  fraction;

    if (!seconds) {
        return ngx_sprintf(p, "%uL", value);
    }

    p = ngx_sprintf(p, "%uL", value / 1000);
    fraction = value % 1000;

    if (fraction == 0) {
        return p;
    }

    p = ngx_sprintf(p, ".%03ui", fraction);

    while (p[-1] == '0') {
        p--;
    }

    return p;
}


/* what is not UTF-8 would make Prometheus refuse the whole page */
static void
ngx_http_gateway_prometheus_escape(ngx_http_gateway_prometheus_page_t *page,
    ngx_str_t *value)
{
    u_char  *p, *last, *start, *next;

    p = value->data;
    last = p + value->len;

    for (start = p; p < last; p = next) {
        next = p + 1;

        if (*p < 0x80) {

            if (*p != '\\' && *p != '"' && *p != '\n') {
                continue;
            }

        } else {
            next = p;

            if (ngx_utf8_decode(&next, last - p) <= 0x10ffff) {
                continue;
            }

            next = p + 1;
        }

        ngx_http_gateway_prometheus_add(page, start, p - start);
        start = next;

        switch (*p) {

        case '\\':
            ngx_http_gateway_prometheus_text(page, "\\\\");
            break;

        case '"':
            ngx_http_gateway_prometheus_text(page, "\\\"");
            break;

        case '\n':
            ngx_http_gateway_prometheus_text(page, "\\n");
            break;

        default:
            /* U+FFFD */
            ngx_http_gateway_prometheus_text(page, "\xef\xbf\xbd");
        }
    }

    ngx_http_gateway_prometheus_add(page, start, p - start);
}


static void
ngx_http_gateway_prometheus_text(ngx_http_gateway_prometheus_page_t *page,
    char *text)
{
    ngx_http_gateway_prometheus_add(page, text, ngx_strlen(text));
}


/* a failure is remembered: callers go on and need not look */
static void
ngx_http_gateway_prometheus_add(ngx_http_gateway_prometheus_page_t *page,
    const void *data, size_t len)
{
    size_t        n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    while (len && !page->failed) {
        b = page->buf;

        if (b == NULL || b->last == b->end) {
            b = ngx_create_temp_buf(page->pool,
                                    NGX_HTTP_GATEWAY_PROMETHEUS_BUFFER);
            cl = ngx_alloc_chain_link(page->pool);

            if (b == NULL || cl == NULL) {
                page->failed = 1;
                return;
            }

            cl->buf = b;
            cl->next = NULL;

            *page->last = cl;
            page->last = &cl->next;
            page->buf = b;
        }

        n = ngx_min(len, (size_t) (b->end - b->last));
        b->last = ngx_cpymem(b->last, data, n);

        data = (u_char *) data + n;
        len -= n;
        page->len += n;
    }
}
