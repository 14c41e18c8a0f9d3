
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Names of the headers of traces, for those who read and who write them.
 */


#ifndef _NGX_HTTP_GATEWAY_TRACE_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRACE_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_trace.h"


/* what names of baggage begin with */
#define NGX_HTTP_GATEWAY_TRACE_UBERCTX  "uberctx-"
#define NGX_HTTP_GATEWAY_TRACE_BAGGAGE  "ot-baggage-"


extern ngx_http_gateway_header_name_t  ngx_http_gateway_traceparent;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_id;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_span;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_parent;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_sampled;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_flags;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_b3_single;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_jaeger;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_ot_id;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_ot_span;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_ot_sampled;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_datadog_id;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_datadog_parent;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_datadog_priority;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_aws;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_gcp;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_instana_id;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_instana_span;
extern ngx_http_gateway_header_name_t  ngx_http_gateway_trace_instana_level;


#endif /* _NGX_HTTP_GATEWAY_TRACE_PRIVATE_H_INCLUDED_ */
