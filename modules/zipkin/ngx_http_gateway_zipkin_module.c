
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Traces for Zipkin.  The context of the trace comes from request headers or
 * begins here, in the access step as one of the first policies, and goes
 * upstream with the id of the proxy's span.  Costs a walk over the request's
 * headers, random ids and the headers that are written.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_trace.h"


typedef struct {
    ngx_http_gateway_instance_t      instance;  /* must be the first */

    ngx_http_gateway_trace_conf_t    trace;
    double                           sample_ratio;
    ngx_uint_t                       traceid_byte_count;
    ngx_str_t                        response_header;
} ngx_http_gateway_zipkin_conf_t;


typedef struct {
    ngx_http_gateway_data_t          head;      /* must be the first */

    ngx_http_gateway_trace_t         trace;     /* of the request's span */
    u_char                           proxy_id[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    ngx_uint_t                       bytes;     /* of the trace's id */
} ngx_http_gateway_zipkin_data_t;


static ngx_int_t ngx_http_gateway_zipkin_access(ngx_http_request_t *r,
    void *arg);
static ngx_int_t ngx_http_gateway_zipkin_header(ngx_http_request_t *r,
    void *arg);
static ngx_http_gateway_zipkin_data_t *ngx_http_gateway_zipkin_get(
    ngx_http_request_t *r, ngx_http_gateway_zipkin_conf_t *conf);

static void ngx_http_gateway_zipkin_defaults(void *data);
static char *ngx_http_gateway_zipkin_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_zipkin_preconfiguration(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_zipkin_sizes[] = {
    { ngx_string("8"), 8 },
    { ngx_string("16"), 16 },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_zipkin_params[] = {

    NGX_HTTP_GATEWAY_TRACE_PARAMS(ngx_http_gateway_zipkin_conf_t, trace),

    { ngx_string("default_header_type"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_zipkin_conf_t, trace.default_header_type),
      0, 0, ngx_http_gateway_trace_formats },

    { ngx_string("sample_ratio"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_zipkin_conf_t, sample_ratio), 0, 1, NULL },

    { ngx_string("traceid_byte_count"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_zipkin_conf_t, traceid_byte_count), 0, 0,
      ngx_http_gateway_zipkin_sizes },

    { ngx_string("http_response_header_for_traceid"),
      NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_zipkin_conf_t, response_header), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_zipkin = {
    ngx_string("zipkin"),
    100000,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_zipkin_conf_t),
    ngx_http_gateway_zipkin_params,
    ngx_http_gateway_zipkin_defaults,
    ngx_http_gateway_zipkin_check,
    ngx_http_gateway_zipkin_access,
    ngx_http_gateway_zipkin_header,
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_zipkin_commands[] = {

    { ngx_string("gateway_zipkin"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_zipkin },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_zipkin_module_ctx = {
    ngx_http_gateway_zipkin_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_zipkin_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_zipkin_module_ctx,   /* module context */
    ngx_http_gateway_zipkin_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_zipkin_access(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_zipkin_conf_t  *conf = arg;

    ngx_http_gateway_trace_t         out;
    ngx_http_gateway_zipkin_data_t  *data;

    data = ngx_http_gateway_zipkin_get(r, conf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    /* the span that the upstream's belongs to is the proxy's */

    out = data->trace;

    ngx_memcpy(out.span_id, data->proxy_id, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    ngx_memcpy(out.parent_id, data->trace.span_id,
               NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    out.has_parent = 1;

    return ngx_http_gateway_trace_inject(r, &conf->trace, &out);
}


static ngx_int_t
ngx_http_gateway_zipkin_header(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_zipkin_conf_t  *conf = arg;

    ngx_http_gateway_zipkin_data_t  *data;

    if (conf->response_header.len == 0) {
        return NGX_OK;
    }

    data = ngx_http_gateway_zipkin_get(r, conf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_trace_echo(r, &conf->response_header,
                                       data->trace.trace_id, data->bytes);
}


/* made when first asked for: requests may end before their access step */

static ngx_http_gateway_zipkin_data_t *
ngx_http_gateway_zipkin_get(ngx_http_request_t *r,
    ngx_http_gateway_zipkin_conf_t *conf)
{
    uint32_t                         number;
    ngx_http_gateway_trace_t        *t;
    ngx_http_gateway_zipkin_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_zipkin);
    if (data) {
        return data;
    }

    data = ngx_http_gateway_add_data(r, &ngx_http_gateway_zipkin,
                                     sizeof(ngx_http_gateway_zipkin_data_t));
    if (data == NULL) {
        return NULL;
    }

    t = &data->trace;
    data->bytes = NGX_HTTP_GATEWAY_TRACE_ID_LEN;

    if (ngx_http_gateway_trace_extract(r, &conf->trace, t) != NGX_OK) {
        return NULL;
    }

    if (!t->has_trace) {
        data->bytes = conf->traceid_byte_count;

        ngx_http_gateway_trace_random(t->trace_id
                                      + NGX_HTTP_GATEWAY_TRACE_ID_LEN
                                      - data->bytes, data->bytes);
        t->has_trace = 1;
    }

    /* B3 and Jaeger: our span is the client's; others: a child of it */

    if (!t->reuse && t->has_span) {
        ngx_memcpy(t->parent_id, t->span_id, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
        t->has_parent = 1;
        t->has_span = 0;
    }

    if (!t->has_span) {
        ngx_http_gateway_trace_random(t->span_id,
                                      NGX_HTTP_GATEWAY_SPAN_ID_LEN);
        t->has_span = 1;
    }

    ngx_http_gateway_trace_random(data->proxy_id,
                                  NGX_HTTP_GATEWAY_SPAN_ID_LEN);

    if (t->sampled == NGX_HTTP_GATEWAY_TRACE_UNDECIDED) {

        ngx_http_gateway_trace_random((u_char *) &number, sizeof(number));

        t->sampled = number / 4294967296.0 < conf->sample_ratio
                     ? NGX_HTTP_GATEWAY_TRACE_SAMPLED
                     : NGX_HTTP_GATEWAY_TRACE_DROPPED;
    }

    return data;
}


static void
ngx_http_gateway_zipkin_defaults(void *data)
{
    ngx_http_gateway_zipkin_conf_t  *conf = data;

    ngx_http_gateway_trace_defaults(&conf->trace);

    conf->sample_ratio = 0.001;
    conf->traceid_byte_count = NGX_HTTP_GATEWAY_TRACE_ID_LEN;
}


static char *
ngx_http_gateway_zipkin_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_zipkin_conf_t  *conf = data;

    return ngx_http_gateway_trace_check(cf, &conf->trace,
                                        NGX_HTTP_GATEWAY_TRACE_B3);
}


static ngx_int_t
ngx_http_gateway_zipkin_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_zipkin);
}
