
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Traces for Zipkin.  The context of the trace comes from request headers or
 * begins here, in the access step as one of the first policies, and goes
 * upstream with the id of the proxy's span.  Costs a walk over the request's
 * headers, random ids and the headers that are written.
 */


#include "ngx_http_gateway_zipkin.h"


typedef struct {
    ngx_http_gateway_trace_exporter_t  exporter;
} ngx_http_gateway_zipkin_main_conf_t;


static ngx_int_t ngx_http_gateway_zipkin_access(ngx_http_request_t *r,
    void *arg);
static ngx_int_t ngx_http_gateway_zipkin_header(ngx_http_request_t *r,
    void *arg);
static ngx_int_t ngx_http_gateway_zipkin_body(ngx_http_request_t *r,
    void *arg, ngx_chain_t **in);
static void ngx_http_gateway_zipkin_log(ngx_http_request_t *r, void *arg);
static ngx_http_gateway_zipkin_data_t *ngx_http_gateway_zipkin_get(
    ngx_http_request_t *r, ngx_http_gateway_zipkin_conf_t *conf);

static void ngx_http_gateway_zipkin_defaults(void *data);
static char *ngx_http_gateway_zipkin_check(ngx_conf_t *cf, void *data);
static char *ngx_http_gateway_zipkin_static_tag(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);
static void *ngx_http_gateway_zipkin_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_zipkin_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_zipkin_preconfiguration(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_zipkin_sizes[] = {
    { ngx_string("8"), 8 },
    { ngx_string("16"), 16 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_zipkin_names[] = {
    { ngx_string("method"), 0 },
    { ngx_string("method_path"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_zipkin_flavors[] = {
    { ngx_string("annotations"), 0 },
    { ngx_string("tags"), 1 },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_zipkin_params[] = {

    { ngx_string("http_endpoint"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_zipkin_conf_t, export.url), 0, 0, NULL },

    NGX_HTTP_GATEWAY_TRACE_EXPORT_PARAMS(ngx_http_gateway_zipkin_conf_t,
                                         export),

    { ngx_string("local_service_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_zipkin_conf_t, local_service_name), 0, 0,
      NULL },

    { ngx_string("default_service_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_zipkin_conf_t, default_service_name), 0, 0,
      NULL },

    { ngx_string("include_credential"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_zipkin_conf_t, include_credential), 0, 0,
      NULL },

    { ngx_string("tags_header"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_zipkin_conf_t, tags_header), 0, 0, NULL },

    { ngx_string("static_tags"), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_zipkin_static_tag },

    { ngx_string("http_span_name"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_zipkin_conf_t, with_path), 0, 0,
      ngx_http_gateway_zipkin_names },

    { ngx_string("phase_duration_flavor"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_zipkin_conf_t, duration_tags), 0, 0,
      ngx_http_gateway_zipkin_flavors },

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
    ngx_http_gateway_zipkin_body,
    ngx_http_gateway_zipkin_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_zipkin_commands[] = {

    { ngx_string("gateway_zipkin"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_zipkin },

    { ngx_string("gateway_zipkin_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_zipkin_main_conf_t,
               exporter.fetcher.trusted_certificate),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_zipkin_module_ctx = {
    ngx_http_gateway_zipkin_preconfiguration, /* preconfiguration */
    ngx_http_gateway_zipkin_postconfiguration, /* postconfiguration */

    ngx_http_gateway_zipkin_create_main_conf, /* create main configuration */
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

    data->access = ngx_current_msec;
    data->has_access = 1;

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

    data = ngx_http_gateway_zipkin_get(r, conf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    data->header = ngx_current_msec;
    data->has_header = 1;

    if (conf->response_header.len == 0) {
        return NGX_OK;
    }

    return ngx_http_gateway_trace_echo(r, &conf->response_header,
                                       data->trace.trace_id, data->bytes);
}


/* when the body begins and ends */

static ngx_int_t
ngx_http_gateway_zipkin_body(ngx_http_request_t *r, void *arg,
    ngx_chain_t **in)
{
    ngx_chain_t                     *cl;
    ngx_http_gateway_zipkin_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_zipkin);

    if (data == NULL
        || data->trace.sampled != NGX_HTTP_GATEWAY_TRACE_SAMPLED)
    {
        return NGX_OK;
    }

    if (!data->has_body) {
        data->body = ngx_current_msec;
        data->has_body = 1;
    }

    for (cl = *in; cl; cl = cl->next) {
        if (cl->buf->last_buf) {
            data->body_end = ngx_current_msec;
            data->has_body_end = 1;
        }
    }

    return NGX_OK;
}


static void
ngx_http_gateway_zipkin_log(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_zipkin_conf_t  *conf = arg;

    ngx_http_gateway_zipkin_data_t  *data;

    if (conf->export.url.len == 0) {
        return;
    }

    data = ngx_http_gateway_zipkin_get(r, conf);

    if (data && data->trace.sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED) {
        ngx_http_gateway_zipkin_report(r, conf, data);
    }
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

    data->has_access = 0;
    data->has_header = 0;
    data->has_body = 0;
    data->has_body_end = 0;

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
    ngx_http_gateway_trace_export_defaults(&conf->export);

    conf->export.connect_timeout = 2000;
    ngx_str_set(&conf->export.queue.feature, "zipkin");
    conf->export.content_type = "application/json";
    conf->export.encode = ngx_http_gateway_zipkin_encode;

    ngx_str_set(&conf->local_service_name, "kong");
    ngx_str_set(&conf->tags_header, "Zipkin-Tags");
    conf->include_credential = 1;
    conf->sample_ratio = 0.001;
    conf->traceid_byte_count = NGX_HTTP_GATEWAY_TRACE_ID_LEN;
}


static char *
ngx_http_gateway_zipkin_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_zipkin_conf_t  *conf = data;

    char                                 *rv;
    u_char                               *p;
    ngx_http_gateway_zipkin_main_conf_t  *zmcf;

    zmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_zipkin_module);

    rv = ngx_http_gateway_trace_check(cf, &conf->trace,
                                      NGX_HTTP_GATEWAY_TRACE_B3);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_trace_export_check(cf, &conf->export,
                                             &zmcf->exporter);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (conf->local_service_name.len == 0 || conf->tags_header.len == 0) {
        return "needs \"local_service_name\" and \"tags_header\"";
    }

    p = ngx_pnalloc(cf->pool, conf->tags_header.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(p, conf->tags_header.data, conf->tags_header.len);
    conf->tags_header.data = p;

    return NGX_CONF_OK;
}


/* "name:value" */

static char *
ngx_http_gateway_zipkin_static_tag(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_zipkin_conf_t *conf = data;

    u_char        *p;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    p = ngx_strlchr(value->data, value->data + value->len, ':');

    if (p == NULL || p == value->data
        || p + 1 == value->data + value->len)
    {
        return "expected \"name:value\"";
    }

    if (conf->static_tags == NULL) {
        conf->static_tags = ngx_array_create(cf->pool, 4,
                                             sizeof(ngx_keyval_t));
        if (conf->static_tags == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    kv = conf->static_tags->elts;

    for (i = 0; i < conf->static_tags->nelts; i++) {
        if (kv[i].key.len == (size_t) (p - value->data)
            && ngx_strncmp(kv[i].key.data, value->data, kv[i].key.len) == 0)
        {
            return "repeated tags are not allowed";
        }
    }

    if (conf->static_tags->nelts == 64) {
        return "there are more than 64";
    }

    kv = ngx_array_push(conf->static_tags);
    if (kv == NULL) {
        return NGX_CONF_ERROR;
    }

    kv->key.data = value->data;
    kv->key.len = p - value->data;
    kv->value.data = p + 1;
    kv->value.len = value->data + value->len - kv->value.data;

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_zipkin_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_zipkin_main_conf_t));
}


static ngx_int_t
ngx_http_gateway_zipkin_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_gateway_zipkin_main_conf_t  *zmcf;

    zmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_zipkin_module);

    return ngx_http_gateway_trace_exporter_init(cf, &zmcf->exporter);
}


static ngx_int_t
ngx_http_gateway_zipkin_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_zipkin);
}
