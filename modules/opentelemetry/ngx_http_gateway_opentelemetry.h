
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_OPENTELEMETRY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_OPENTELEMETRY_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_spans.h"
#include "ngx_http_gateway_trace.h"
#include "ngx_http_gateway_trace_export.h"
#include "ngx_http_gateway_value.h"


typedef struct {
    ngx_http_gateway_instance_t      instance;  /* must be the first */

    ngx_http_gateway_trace_conf_t    trace;
    ngx_http_gateway_trace_export_t  export;    /* of spans */
    ngx_http_gateway_trace_export_t  logs;      /* of lines; but the URL,
                                                   what export has */
    ngx_array_t                     *attributes;    /* of the resource,
                                                       ngx_keyval_t; or NULL */
    ngx_array_t                     *templates;     /* of their values,
                                                       gateway_template_t *;
                                                       NULL: no expressions */
    ngx_flag_t                      *no_expressions;
    ngx_uint_t                       failed;        /* one of them did */
    double                           sampling_rate; /* -1: the global one */
    ngx_str_t                        response_header;
} ngx_http_gateway_opentelemetry_conf_t;


typedef struct {
    ngx_http_gateway_data_t          head;      /* must be the first */

    ngx_http_gateway_trace_t         trace;     /* as it came in, or new */
    u_char                           root[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    u_char                           balancer[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    ngx_uint_t                       tracing;   /* what is measured; bits */
    unsigned                         sampled:1;
} ngx_http_gateway_opentelemetry_data_t;


/* the spans of a request that ends, handed to the export */
void ngx_http_gateway_opentelemetry_report(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf,
    ngx_http_gateway_opentelemetry_data_t *data);

/* the lines of the error log, the same way; data NULL: there is no trace */
void ngx_http_gateway_opentelemetry_report_logs(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf,
    ngx_http_gateway_opentelemetry_data_t *data);

/*
 * Attributes of the resource for a request, encoded, in its pool; empty: those
 * of the conf.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_opentelemetry_resource(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf, ngx_str_t *resource);

/*
 * A span or line for an export, with what ..._resource() gave, whose length
 * stands before it.
 */
void ngx_http_gateway_opentelemetry_export(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf,
    ngx_http_gateway_trace_export_t *ex, const ngx_str_t *resource,
    const ngx_str_t *record);

/*
 * Spans as an ExportTraceServiceRequest, lines as an ExportLogsServiceRequest,
 * whose messages have the same numbers of fields around them.
 */
ngx_int_t ngx_http_gateway_opentelemetry_encode(
    ngx_http_gateway_trace_export_t *ex, ngx_str_t *entries, ngx_uint_t n,
    ngx_http_gateway_fetch_t *f);


#endif /* _NGX_HTTP_GATEWAY_OPENTELEMETRY_H_INCLUDED_ */
