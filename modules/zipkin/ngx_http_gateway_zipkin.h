
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_ZIPKIN_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ZIPKIN_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_trace.h"
#include "ngx_http_gateway_trace_export.h"


typedef struct {
    ngx_http_gateway_instance_t      instance;  /* must be the first */

    ngx_http_gateway_trace_conf_t    trace;
    ngx_http_gateway_trace_export_t  export;
    double                           sample_ratio;
    ngx_uint_t                       traceid_byte_count;
    ngx_str_t                        response_header;
    ngx_str_t                        local_service_name;
    ngx_str_t                        default_service_name;
    ngx_flag_t                       include_credential;
    ngx_str_t                        tags_header;   /* lower case */
    ngx_array_t                     *static_tags;   /* ngx_keyval_t */
    ngx_flag_t                       with_path;     /* in names of spans */
    ngx_flag_t                       duration_tags; /* or annotations */
} ngx_http_gateway_zipkin_conf_t;


typedef struct {
    ngx_http_gateway_data_t          head;      /* must be the first */

    ngx_http_gateway_trace_t         trace;     /* of the request's span */
    u_char                           proxy_id[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    ngx_uint_t                       bytes;     /* of the trace's id */

    /* ngx_current_msec values, see the bits below */
    ngx_msec_t                       access;
    ngx_msec_t                       header;
    ngx_msec_t                       body;
    ngx_msec_t                       body_end;
    unsigned                         has_access:1;
    unsigned                         has_header:1;
    unsigned                         has_body:1;
    unsigned                         has_body_end:1;
} ngx_http_gateway_zipkin_data_t;


/* the spans of a request that ends, handed to the export */
void ngx_http_gateway_zipkin_report(ngx_http_request_t *r,
    ngx_http_gateway_zipkin_conf_t *conf,
    ngx_http_gateway_zipkin_data_t *data);

/* spans as a JSON array */
ngx_int_t ngx_http_gateway_zipkin_encode(ngx_http_gateway_trace_export_t *ex,
    ngx_str_t *entries, ngx_uint_t n, ngx_http_gateway_fetch_t *f);


#endif /* _NGX_HTTP_GATEWAY_ZIPKIN_H_INCLUDED_ */
