
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_PROMETHEUS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PROMETHEUS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_metrics.h"


#define NGX_HTTP_GATEWAY_PROMETHEUS_KONG     0
#define NGX_HTTP_GATEWAY_PROMETHEUS_GATEWAY  1


/*
 * Sets of cells, and the label values of each in the order of the series.
 * Bump the layout with each change: zones outlive the module.
 */
#define NGX_HTTP_GATEWAY_PROMETHEUS_LAYOUT     1

#define NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS   0
#define NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH  1
#define NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY    2
#define NGX_HTTP_GATEWAY_PROMETHEUS_SETS       3

/* cells of REQUESTS: service, route, code, source, consumer */
#define NGX_HTTP_GATEWAY_PROMETHEUS_REQUESTS_CELLS   1

/* cells of BANDWIDTH: service, route, consumer */
#define NGX_HTTP_GATEWAY_PROMETHEUS_INGRESS          0
#define NGX_HTTP_GATEWAY_PROMETHEUS_EGRESS           1
#define NGX_HTTP_GATEWAY_PROMETHEUS_BANDWIDTH_CELLS  2

/*
 * Cells of LATENCY: service, route.  A histogram has a cell per bound, one
 * for what is above, and one for the sum; all in milliseconds.
 */
#define NGX_HTTP_GATEWAY_PROMETHEUS_KONG_BOUNDS      17
#define NGX_HTTP_GATEWAY_PROMETHEUS_OTHER_BOUNDS     13
#define NGX_HTTP_GATEWAY_PROMETHEUS_KONG_LATENCY     0
#define NGX_HTTP_GATEWAY_PROMETHEUS_UPSTREAM_LATENCY                          \
    (NGX_HTTP_GATEWAY_PROMETHEUS_KONG_LATENCY                                 \
     + NGX_HTTP_GATEWAY_PROMETHEUS_KONG_BOUNDS + 2)
#define NGX_HTTP_GATEWAY_PROMETHEUS_REQUEST_LATENCY                           \
    (NGX_HTTP_GATEWAY_PROMETHEUS_UPSTREAM_LATENCY                             \
     + NGX_HTTP_GATEWAY_PROMETHEUS_OTHER_BOUNDS + 2)
#define NGX_HTTP_GATEWAY_PROMETHEUS_LATENCY_CELLS                             \
    (NGX_HTTP_GATEWAY_PROMETHEUS_REQUEST_LATENCY                              \
     + NGX_HTTP_GATEWAY_PROMETHEUS_OTHER_BOUNDS + 2)


/* ends with 0 */
extern ngx_uint_t  ngx_http_gateway_prometheus_kong_bounds[];
extern ngx_uint_t  ngx_http_gateway_prometheus_other_bounds[];


/*
 * The whole page.  metrics may be NULL: no policy counts anything.  NGX_OK
 * or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_prometheus_export(ngx_http_request_t *r,
    ngx_http_gateway_metrics_t *metrics, ngx_uint_t names,
    ngx_uint_t upstreams, ngx_chain_t **out, off_t *len);


#endif /* _NGX_HTTP_GATEWAY_PROMETHEUS_H_INCLUDED_ */
