
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_METRICS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRICS_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Counters of all workers in shared memory.  Each worker writes into a lane
 * of its own, so counting takes no lock and shares no cache line:
 *
 *   header | lanes | chunk 0 | chunk 1 | ...
 *
 * A lane is a list of chunks, taken from the zone one by one, filled with
 * series and never given back.  A series is a set of cells that have their
 * label values in common; readers walk all lanes and add up what has the same
 * values.  A series is published by one store after it is complete, so a
 * worker may be killed at any instruction.  The lane of a worker that is
 * gone goes to the next one that needs a lane, with its counts.
 *
 * When every lane is owned, workers share a last one: there cells change by
 * atomic operations and new series are made under the mutex of the zone.
 */

typedef struct ngx_http_gateway_metrics_s  ngx_http_gateway_metrics_t;


typedef struct ngx_http_gateway_series_s {
    uint32_t                         size;      /* of all, in bytes */
    uint16_t                         set;
    uint16_t                         cells;
    uint32_t                         hash;      /* of set and labels */
    uint32_t                         len;       /* of labels */
    ngx_atomic_t                     cell[1];

    /* after the cells: per value its length in two bytes, then its bytes */
} ngx_http_gateway_series_t;


/* most cells of a series, and bytes of its label values */
#define NGX_HTTP_GATEWAY_METRICS_CELLS   128
#define NGX_HTTP_GATEWAY_METRICS_LABELS  2048


/*
 * Declares the zone.  layout names what sets and cells mean: a zone that was
 * kept over a reload is refused when its layout is another.  NULL on failure.
 */
ngx_http_gateway_metrics_t *ngx_http_gateway_metrics_add(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, ngx_uint_t layout, void *tag);

/*
 * The series of this worker with these label values, made on first use;
 * lives as long as the zone.  NULL when there is no room: the caller counts
 * what it drops with ngx_http_gateway_metrics_drop().
 */
ngx_http_gateway_series_t *ngx_http_gateway_metrics_series(
    ngx_http_gateway_metrics_t *metrics, ngx_uint_t set, ngx_uint_t cells,
    const ngx_str_t *values, ngx_uint_t n);

/* adds to a cell of a series that the function above has returned */
void ngx_http_gateway_metrics_count(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t cell, uint64_t value);

/*
 * Counts a value in a histogram: a cell for each of the n ascending bounds,
 * one for what is above, then the sum.
 */
void ngx_http_gateway_metrics_observe(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t cell,
    const ngx_uint_t *bounds, ngx_uint_t n, ngx_uint_t value);

/* counts an event for which there was no series; logs it once a minute */
void ngx_http_gateway_metrics_drop(ngx_http_gateway_metrics_t *metrics);

/* gives the lane up when the worker exits; it counts nothing afterwards */
void ngx_http_gateway_metrics_release(ngx_http_gateway_metrics_t *metrics);

/*
 * The sum over all lanes, as an array of ngx_http_gateway_series_t * in the
 * order of set and label values.  NULL on allocation failure.
 */
ngx_array_t *ngx_http_gateway_metrics_collect(
    ngx_http_gateway_metrics_t *metrics, ngx_pool_t *pool);

/* label value i of a series */
void ngx_http_gateway_metrics_value(ngx_http_gateway_series_t *series,
    ngx_uint_t i, ngx_str_t *value);


/*
 * What features count in the zone of prometheus, if there is one.  The
 * numbers of their sets come after its own.  Cells never change their
 * meaning: zones outlive the module, new ones come with a new set.
 */
#define NGX_HTTP_GATEWAY_METRICS_REDIS   17     /* server */
#define NGX_HTTP_GATEWAY_METRICS_UNSENT  18
#define NGX_HTTP_GATEWAY_METRICS_CACHE   19     /* service, route */
#define NGX_HTTP_GATEWAY_METRICS_LIMITS  20     /* service, route */
#define NGX_HTTP_GATEWAY_METRICS_CANARY  21     /* service, route */

/* cells of LIMITS */
#define NGX_HTTP_GATEWAY_METRICS_RATE_LIMITING           0
#define NGX_HTTP_GATEWAY_METRICS_RESPONSE_RATELIMITING   4
#define NGX_HTTP_GATEWAY_METRICS_RATE_LIMITING_ADVANCED  8
#define NGX_HTTP_GATEWAY_METRICS_SERVICE_PROTECTION      12
#define NGX_HTTP_GATEWAY_METRICS_LIMITS_CELLS            16

/* cells of CACHE, for each status */
#define NGX_HTTP_GATEWAY_METRICS_CACHE_CELLS             4

/* cells of CANARY, for each class of status */
#define NGX_HTTP_GATEWAY_METRICS_CANARY_CHOSEN           0
#define NGX_HTTP_GATEWAY_METRICS_CANARY_OTHERS           5
#define NGX_HTTP_GATEWAY_METRICS_CANARY_CELLS            10

typedef enum {
    NGX_HTTP_GATEWAY_METRICS_COUNTER = 0,
    NGX_HTTP_GATEWAY_METRICS_GAUGE,             /* of workers that live, added
                                                   up */
    NGX_HTTP_GATEWAY_METRICS_HISTOGRAM          /* of milliseconds */
} ngx_http_gateway_metrics_type_e;

typedef struct {
    char                            *name;      /* NULL ends a list */
    char                            *help;
    ngx_http_gateway_metrics_type_e  type;
    ngx_uint_t                       cell;      /* the first one */

    /* a cell for each value of one more label; NULL: there is one cell */
    char                            *label;
    ngx_str_t                       *values;    /* ends with an empty one */

    ngx_uint_t                      *bounds;    /* of a histogram, ends with
                                                   0 */
} ngx_http_gateway_metric_t;

typedef struct {
    ngx_uint_t                       set;
    char                           **labels;    /* of the values of a series,
                                                   ends with NULL */
    ngx_http_gateway_metric_t       *metrics;
} ngx_http_gateway_metrics_set_t;

/* LIMITS, CACHE and CANARY, of all policies that use them */
extern ngx_http_gateway_metrics_set_t  ngx_http_gateway_metrics_limits;
extern ngx_http_gateway_metrics_set_t  ngx_http_gateway_metrics_cache;
extern ngx_http_gateway_metrics_set_t  ngx_http_gateway_metrics_canary;

/* while the configuration is read; again is no error.  NGX_OK, NGX_ERROR */
ngx_int_t ngx_http_gateway_metrics_set_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_set_t *set);

/* 0: the worker exits, and has given its lane up */
ngx_uint_t ngx_http_gateway_metrics_ready(ngx_http_gateway_metrics_t *metrics);

/* changes a cell, of a gauge in both directions; series may be NULL */
void ngx_http_gateway_metrics_change(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_series_t *series, ngx_uint_t cell, ngx_int_t change);

/* counts a request in a cell of LIMITS, for its service and route */
void ngx_http_gateway_metrics_request(ngx_http_request_t *r, ngx_uint_t cell);

/* the same in a cell of CACHE, and in one of CANARY */
void ngx_http_gateway_metrics_cached(ngx_http_request_t *r, ngx_uint_t cell);
void ngx_http_gateway_metrics_released(ngx_http_request_t *r,
    ngx_uint_t cell);

/* names for the labels "service" and "route"; either may be NULL */
void ngx_http_gateway_metrics_names(ngx_http_gateway_service_t *service,
    ngx_http_gateway_route_t *route, ngx_str_t *names);


/*
 * Counters of rare events, which a feature keeps in a zone of its own: one
 * metric with one label.  Shown on the page as they are, those that are 0
 * left out.  To be added in postconfiguration; NGX_OK or NGX_ERROR.
 */
typedef struct {
    char                            *name;
    char                            *help;
    char                            *label;
    ngx_str_t                       *values;    /* of the label */
    ngx_uint_t                       n;
    ngx_atomic_t                   **cells;     /* *cells: n of them, once
                                                   the zone is mapped */
} ngx_http_gateway_counters_t;

ngx_int_t ngx_http_gateway_counters_add(ngx_conf_t *cf,
    ngx_http_gateway_counters_t *counters);


typedef struct {
    ngx_uint_t                       chunks;    /* of the zone */
    ngx_uint_t                       used;
    size_t                           chunk;     /* bytes */
    ngx_uint_t                       lanes;     /* with an owner */
    ngx_atomic_uint_t                dropped;
} ngx_http_gateway_metrics_stat_t;

/* returns the name of the zone */
ngx_str_t *ngx_http_gateway_metrics_stat(ngx_http_gateway_metrics_t *metrics,
    ngx_http_gateway_metrics_stat_t *stat);


#endif /* _NGX_HTTP_GATEWAY_METRICS_H_INCLUDED_ */
