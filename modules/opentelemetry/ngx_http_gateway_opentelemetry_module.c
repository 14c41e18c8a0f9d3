
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Traces for OpenTelemetry.  The context of a trace comes from request
 * headers or begins here, and goes upstream; spans of sampled requests and
 * lines of the error log go to a collector.  What is measured and how much is
 * sampled is said in http{}; without it, headers go upstream and no spans are
 * sent.
 */


#include "ngx_http_gateway_opentelemetry.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_log_lines.h"


typedef struct {
    ngx_http_gateway_trace_exporter_t  exporter;
    double                             rate;
    ngx_flag_t                         no_expressions;
} ngx_http_gateway_opentelemetry_main_conf_t;


static ngx_int_t ngx_http_gateway_opentelemetry_access(ngx_http_request_t *r,
    void *arg);
static ngx_int_t ngx_http_gateway_opentelemetry_header(ngx_http_request_t *r,
    void *arg);
static void ngx_http_gateway_opentelemetry_log(ngx_http_request_t *r,
    void *arg);
static ngx_http_gateway_opentelemetry_data_t *
    ngx_http_gateway_opentelemetry_get(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf);
static ngx_uint_t ngx_http_gateway_opentelemetry_sample(
    const u_char *trace_id, double rate);

static void ngx_http_gateway_opentelemetry_defaults(void *data);
static char *ngx_http_gateway_opentelemetry_check(ngx_conf_t *cf,
    void *data);
static char *ngx_http_gateway_opentelemetry_templates(ngx_conf_t *cf,
    ngx_http_gateway_opentelemetry_conf_t *conf);
static char *ngx_http_gateway_opentelemetry_expressions(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_opentelemetry_rate(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);
static char *ngx_http_gateway_opentelemetry_map(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);
static char *ngx_http_gateway_opentelemetry_set_rate(ngx_str_t *value,
    double *rate);
static char *ngx_http_gateway_opentelemetry_instrumentations(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_opentelemetry_sampling(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_gateway_opentelemetry_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_opentelemetry_preconfiguration(
    ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_opentelemetry_postconfiguration(
    ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_opentelemetry_types[] = {
    { ngx_string("off"), 0 },
    { ngx_string("all"), 0x01ff },
    { ngx_string("request"), NGX_HTTP_GATEWAY_TRACING_REQUEST },
    { ngx_string("db_query"), NGX_HTTP_GATEWAY_TRACING_DB_QUERY },
    { ngx_string("dns_query"), NGX_HTTP_GATEWAY_TRACING_DNS_QUERY },
    { ngx_string("router"), NGX_HTTP_GATEWAY_TRACING_ROUTER },
    { ngx_string("http_client"), NGX_HTTP_GATEWAY_TRACING_HTTP_CLIENT },
    { ngx_string("balancer"), NGX_HTTP_GATEWAY_TRACING_BALANCER },
    { ngx_string("plugin_rewrite"),
      NGX_HTTP_GATEWAY_TRACING_PLUGIN_REWRITE },
    { ngx_string("plugin_access"), NGX_HTTP_GATEWAY_TRACING_PLUGIN_ACCESS },
    { ngx_string("plugin_header_filter"),
      NGX_HTTP_GATEWAY_TRACING_PLUGIN_HEADER },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_opentelemetry_params[] = {

    { ngx_string("traces_endpoint"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_opentelemetry_conf_t, export.url), 0, 0,
      NULL },

    { ngx_string("logs_endpoint"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_opentelemetry_conf_t, logs.url), 0, 0,
      NULL },

    { ngx_string("headers."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_opentelemetry_map },

    { ngx_string("resource_attributes."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0,
      0, ngx_http_gateway_opentelemetry_map },

    NGX_HTTP_GATEWAY_TRACE_EXPORT_PARAMS(
                              ngx_http_gateway_opentelemetry_conf_t, export),

    NGX_HTTP_GATEWAY_TRACE_PARAMS(ngx_http_gateway_opentelemetry_conf_t,
                                  trace),

    { ngx_string("sampling_rate"), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_opentelemetry_rate },

    { ngx_string("http_response_header_for_traceid"),
      NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_opentelemetry_conf_t, response_header), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_opentelemetry = {
    ngx_string("opentelemetry"),
    14,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_opentelemetry_conf_t),
    ngx_http_gateway_opentelemetry_params,
    ngx_http_gateway_opentelemetry_defaults,
    ngx_http_gateway_opentelemetry_check,
    ngx_http_gateway_opentelemetry_access,
    ngx_http_gateway_opentelemetry_header,
    NULL,                                  /* body */
    ngx_http_gateway_opentelemetry_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_opentelemetry_commands[] = {

    { ngx_string("gateway_opentelemetry"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_opentelemetry },

    { ngx_string("gateway_tracing_instrumentations"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_opentelemetry_instrumentations,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_tracing_sampling_rate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_opentelemetry_sampling,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_opentelemetry_expressions"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_opentelemetry_expressions,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_opentelemetry_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_opentelemetry_main_conf_t,
               exporter.fetcher.trusted_certificate),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_opentelemetry_module_ctx = {
    ngx_http_gateway_opentelemetry_preconfiguration,
                                           /* preconfiguration */
    ngx_http_gateway_opentelemetry_postconfiguration,
                                           /* postconfiguration */

    ngx_http_gateway_opentelemetry_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_opentelemetry_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_opentelemetry_module_ctx, /* module context */
    ngx_http_gateway_opentelemetry_commands, /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_log_lines_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_opentelemetry_access(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_opentelemetry_conf_t  *conf = arg;

    ngx_http_gateway_trace_t                out;
    ngx_http_gateway_opentelemetry_data_t  *data;

    if (conf->export.url.len == 0) {
        return NGX_OK;
    }

    data = ngx_http_gateway_opentelemetry_get(r, conf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    out = data->trace;
    out.sampled = data->sampled ? NGX_HTTP_GATEWAY_TRACE_SAMPLED
                                : NGX_HTTP_GATEWAY_TRACE_DROPPED;

    if (data->tracing & NGX_HTTP_GATEWAY_TRACING_BALANCER) {
        ngx_memcpy(out.span_id, data->balancer, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
        ngx_memcpy(out.parent_id, data->root, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
        out.has_parent = 1;

    } else {
        ngx_memcpy(out.span_id, data->root, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    }

    return ngx_http_gateway_trace_inject(r, &conf->trace, &out);
}


static ngx_int_t
ngx_http_gateway_opentelemetry_header(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_opentelemetry_conf_t  *conf = arg;

    ngx_http_gateway_opentelemetry_data_t  *data;

    if (conf->response_header.len == 0 || conf->export.url.len == 0) {
        return NGX_OK;
    }

    data = ngx_http_gateway_opentelemetry_get(r, conf);
    if (data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_trace_echo(r, &conf->response_header,
                                       data->trace.trace_id,
                                       NGX_HTTP_GATEWAY_TRACE_ID_LEN);
}


static void
ngx_http_gateway_opentelemetry_log(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_opentelemetry_conf_t  *conf = arg;

    ngx_http_gateway_opentelemetry_data_t  *data;

    data = NULL;

    if (conf->export.url.len) {
        data = ngx_http_gateway_opentelemetry_get(r, conf);

        if (data && data->sampled) {
            ngx_http_gateway_opentelemetry_report(r, conf, data);
        }
    }

    if (conf->logs.url.len) {
        ngx_http_gateway_opentelemetry_report_logs(r, conf, data);
    }
}


/* made when first asked for: requests may end before their access step */

static ngx_http_gateway_opentelemetry_data_t *
ngx_http_gateway_opentelemetry_get(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf)
{
    double                                       rate;
    ngx_uint_t                                   first, measured;
    ngx_http_gateway_ctx_t                      *ctx;
    ngx_http_gateway_trace_t                    *t;
    ngx_http_gateway_main_conf_t                *gmcf;
    ngx_http_gateway_opentelemetry_data_t       *data;
    ngx_http_gateway_opentelemetry_main_conf_t  *omcf;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_opentelemetry);
    if (data) {
        return data;
    }

    data = ngx_http_gateway_add_data(r, &ngx_http_gateway_opentelemetry,
                               sizeof(ngx_http_gateway_opentelemetry_data_t));
    if (data == NULL) {
        return NULL;
    }

    ctx = ngx_http_gateway_get_ctx(r);
    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    omcf = ngx_http_get_module_main_conf(r,
                                        ngx_http_gateway_opentelemetry_module);
    t = &data->trace;
    data->tracing = gmcf->tracing;

    if (ngx_http_gateway_trace_extract(r, &conf->trace, t) != NGX_OK) {
        return NULL;
    }

    first = !t->has_trace;

    if (first) {
        ngx_http_gateway_trace_random(t->trace_id,
                                      NGX_HTTP_GATEWAY_TRACE_ID_LEN);
        t->has_trace = 1;
    }

    /* the span that came in is the parent of ours, whatever the format */

    if (t->has_span) {
        ngx_memcpy(t->parent_id, t->span_id, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
        t->has_parent = 1;
    }

    t->has_span = 1;

    ngx_http_gateway_trace_random(data->root, NGX_HTTP_GATEWAY_SPAN_ID_LEN);
    ngx_http_gateway_trace_random(data->balancer,
                                  NGX_HTTP_GATEWAY_SPAN_ID_LEN);

    rate = conf->sampling_rate >= 0 ? conf->sampling_rate : omcf->rate;

    /*
     * Without a span of the request, the first of the others stands for it,
     * and a trace that begins here has no id to decide by.
     */

    measured = (data->tracing & NGX_HTTP_GATEWAY_TRACING_REQUEST)
               || (ctx && ctx->spans);

    if (!measured || t->sampled == NGX_HTTP_GATEWAY_TRACE_DROPPED) {
        data->sampled = 0;

    } else if (first
               && !(data->tracing & NGX_HTTP_GATEWAY_TRACING_REQUEST))
    {
        data->sampled = (t->sampled == NGX_HTTP_GATEWAY_TRACE_SAMPLED);

    } else {
        data->sampled = ngx_http_gateway_opentelemetry_sample(t->trace_id,
                                                              rate);
    }

    return data;
}


/* the first bytes of the id as a number, the first one being the lowest */

static ngx_uint_t
ngx_http_gateway_opentelemetry_sample(const u_char *trace_id, double rate)
{
    uint64_t    number;
    ngx_uint_t  i;

    if (rate >= 1) {
        return 1;
    }

    if (rate <= 0) {
        return 0;
    }

    number = 0;

    for (i = 8; i > 0; i--) {
        number = number << 8 | trace_id[i - 1];
    }

    return (double) number < rate * 18446744073709551616.0;
}


static void
ngx_http_gateway_opentelemetry_defaults(void *data)
{
    ngx_http_gateway_opentelemetry_conf_t  *conf = data;

    ngx_http_gateway_trace_defaults(&conf->trace);
    ngx_http_gateway_trace_export_defaults(&conf->export);

    conf->export.content_type = "application/x-protobuf";
    conf->export.encode = ngx_http_gateway_opentelemetry_encode;
    conf->export.data = conf;
    conf->export.queue.status = NGX_HTTP_OK;
    ngx_str_set(&conf->export.queue.feature, "opentelemetry");
    conf->sampling_rate = -1;
}


static char *
ngx_http_gateway_opentelemetry_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_opentelemetry_conf_t  *conf = data;

    char                                        *rv;
    ngx_str_t                                    url;
    ngx_http_gateway_main_conf_t                *gmcf;
    ngx_http_gateway_opentelemetry_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf,
                                        ngx_http_gateway_opentelemetry_module);

    if (conf->export.url.len == 0 && conf->logs.url.len == 0) {
        return "needs \"traces_endpoint\" or \"logs_endpoint\"";
    }

    rv = ngx_http_gateway_trace_check(cf, &conf->trace,
                                      NGX_HTTP_GATEWAY_TRACE_W3C);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    conf->no_expressions = &omcf->no_expressions;

    rv = ngx_http_gateway_opentelemetry_templates(cf, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (conf->logs.url.len) {
        gmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_gateway_module);
        gmcf->log_lines = 1;

        url = conf->logs.url;
        conf->logs = conf->export;
        conf->logs.url = url;
        ngx_str_set(&conf->logs.queue.feature, "opentelemetry:logs");

        rv = ngx_http_gateway_trace_export_check(cf, &conf->logs,
                                                 &omcf->exporter);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_http_gateway_trace_export_check(cf, &conf->export,
                                               &omcf->exporter);
}


/* of attributes; none when all of them are plain text */

static char *
ngx_http_gateway_opentelemetry_templates(ngx_conf_t *cf,
    ngx_http_gateway_opentelemetry_conf_t *conf)
{
    char                   err[NGX_HTTP_GATEWAY_VALUE_ERROR];
    ngx_uint_t             i, any;
    ngx_array_t           *templates;
    ngx_keyval_t          *kv;
    gateway_template_t   **template;

    if (conf->attributes == NULL) {
        return NGX_CONF_OK;
    }

    templates = ngx_array_create(cf->pool, conf->attributes->nelts,
                                 sizeof(gateway_template_t *));
    if (templates == NULL) {
        return NGX_CONF_ERROR;
    }

    kv = conf->attributes->elts;
    any = 0;

    for (i = 0; i < conf->attributes->nelts; i++) {

        template = ngx_array_push(templates);
        if (template == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_value_compile_text(cf, &kv[i].value, template,
                                                err)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "resource attribute \"%V\": %s", &kv[i].key,
                               err);
            return NGX_CONF_ERROR;
        }

        any |= (*template != NULL);
    }

    if (any) {
        conf->templates = templates;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_opentelemetry_expressions(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_opentelemetry_main_conf_t  *omcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        omcf->no_expressions = 1;

    } else if (ngx_strcmp(value[1].data, "on") == 0) {
        omcf->no_expressions = 0;

    } else {
        return "is neither \"on\" nor \"off\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_opentelemetry_rate(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_opentelemetry_conf_t  *conf = data;

    return ngx_http_gateway_opentelemetry_set_rate(value,
                                                   &conf->sampling_rate);
}


/* a number from 0 to 1 */

static char *
ngx_http_gateway_opentelemetry_set_rate(ngx_str_t *value, double *rate)
{
    size_t  i;
    double  n, scale;

    n = 0;
    scale = 0;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] == '.' && scale == 0 && i > 0) {
            scale = 1;
            continue;
        }

        if (value->data[i] < '0' || value->data[i] > '9' || i > 17) {
            return "expected a number from 0 to 1";
        }

        if (scale == 0) {
            n = n * 10 + (value->data[i] - '0');

        } else {
            scale /= 10;
            n += scale * (value->data[i] - '0');
        }
    }

    if (i == 0 || n > 1) {
        return "expected a number from 0 to 1";
    }

    *rate = n;

    return NGX_CONF_OK;
}


/* "headers.name=value", "resource_attributes.name=value" */

static char *
ngx_http_gateway_opentelemetry_map(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_opentelemetry_conf_t  *conf = data;

    size_t         i, len;
    ngx_array_t  **map;
    ngx_keyval_t  *kv;

    if (name->data[0] == 'h') {
        map = &conf->export.headers;
        len = sizeof("headers.") - 1;

        for (i = len; i < name->len; i++) {
            if (name->data[i] <= ' ' || name->data[i] >= 0x7f
                || name->data[i] == ':')
            {
                return "is no name of a header";
            }
        }

        for (i = 0; i < value->len; i++) {
            if (value->data[i] < ' ' && value->data[i] != '\t') {
                return "a header has no control characters";
            }
        }

    } else {
        map = &conf->attributes;
        len = sizeof("resource_attributes.") - 1;
    }

    if (value->len == 0) {
        return "a value is missing";
    }

    if (*map == NULL) {
        *map = ngx_array_create(cf->pool, 4, sizeof(ngx_keyval_t));
        if (*map == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    kv = ngx_array_push(*map);
    if (kv == NULL) {
        return NGX_CONF_ERROR;
    }

    kv->key.len = name->len - len;
    kv->key.data = ngx_pnalloc(cf->pool, kv->key.len + 1);
    if (kv->key.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(kv->key.data, name->data + len, kv->key.len);
    kv->key.data[kv->key.len] = '\0';
    kv->value = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_opentelemetry_instrumentations(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_conf_enum_t               *e;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->tracing) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        for (e = ngx_http_gateway_opentelemetry_types; e->name.len; e++) {
            if (e->name.len == value[i].len
                && ngx_strncmp(e->name.data, value[i].data, e->name.len) == 0)
            {
                break;
            }
        }

        if (e->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown instrumentation \"%V\" in \"%V\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        gmcf->tracing |= e->value;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_opentelemetry_sampling(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_opentelemetry_main_conf_t  *omcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_gateway_opentelemetry_set_rate(&value[1], &omcf->rate);
}


static void *
ngx_http_gateway_opentelemetry_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_opentelemetry_main_conf_t  *omcf;

    omcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_opentelemetry_main_conf_t));
    if (omcf == NULL) {
        return NULL;
    }

    omcf->rate = 0.01;

    return omcf;
}


static ngx_int_t
ngx_http_gateway_opentelemetry_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    gmcf->tracer = &ngx_http_gateway_opentelemetry;

    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_opentelemetry);
}


static ngx_int_t
ngx_http_gateway_opentelemetry_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_gateway_opentelemetry_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf,
                                        ngx_http_gateway_opentelemetry_module);

    return ngx_http_gateway_trace_exporter_init(cf, &omcf->exporter);
}
