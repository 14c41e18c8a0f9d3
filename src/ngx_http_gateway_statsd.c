
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lines of StatsD, see the header.  An entry of the queue has the lines of one
 * request, with a line feed between them.
 */


#include "ngx_http_gateway_statsd.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_record.h"


static void ngx_http_gateway_statsd_wait(
    ngx_http_gateway_queue_batch_t *batch);
static void ngx_http_gateway_statsd_send(void *data, const char *error);
static char *ngx_http_gateway_statsd_option(ngx_conf_t *cf,
    ngx_http_gateway_statsd_metric_t *metric, ngx_str_t *option);
static ngx_uint_t ngx_http_gateway_statsd_is(const ngx_str_t *text,
    const char *name);
static ngx_int_t ngx_http_gateway_statsd_init(ngx_conf_t *cf, void *data);


static const char  *ngx_http_gateway_statsd_names[] = {
    "request_count",
    "latency",
    "request_size",
    "response_size",
    "upstream_latency",
    "kong_latency",
    "status_count",
    "unique_users",
    "request_per_user",
    "status_count_per_user",
    "status_count_per_workspace",
    "status_count_per_user_per_route",
    "shdict_usage"
};


const char  *ngx_http_gateway_statsd_stats[] = {
    "request.count",
    "latency",
    "request.size",
    "response.size",
    "upstream_latency",
    "kong_latency"
};


ngx_conf_enum_t  ngx_http_gateway_statsd_identifiers[] = {
    { ngx_string("consumer_id"), NGX_HTTP_GATEWAY_STATSD_CONSUMER_ID },
    { ngx_string("custom_id"), NGX_HTTP_GATEWAY_STATSD_CUSTOM_ID },
    { ngx_string("username"), NGX_HTTP_GATEWAY_STATSD_USERNAME },
    { ngx_string("service_id"), NGX_HTTP_GATEWAY_STATSD_SERVICE_ID },
    { ngx_string("service_name"), NGX_HTTP_GATEWAY_STATSD_SERVICE_NAME },
    { ngx_string("service_host"), NGX_HTTP_GATEWAY_STATSD_SERVICE_HOST },
    { ngx_string("service_name_or_host"),
      NGX_HTTP_GATEWAY_STATSD_SERVICE_NAME_OR_HOST },
    { ngx_string("workspace_id"), NGX_HTTP_GATEWAY_STATSD_WORKSPACE_ID },
    { ngx_string("workspace_name"), NGX_HTTP_GATEWAY_STATSD_WORKSPACE_NAME },
    { ngx_null_string, 0 }
};


static const struct {
    const char  *name;
    const char  *type;
} ngx_http_gateway_statsd_types[] = {
    { "counter", "c" },
    { "gauge", "g" },
    { "timer", "ms" },
    { "histogram", "h" },
    { "meter", "m" },
    { "set", "s" },
    { "distribution", "d" },
    { NULL, NULL }
};


void
ngx_http_gateway_statsd_values(ngx_http_request_t *r,
    ngx_http_gateway_statsd_values_t *values)
{
    ngx_http_gateway_ctx_t            *ctx;
    ngx_http_gateway_record_times_t    times;

    values->status = r->err_status ? r->err_status : r->headers_out.status;

    values->value[NGX_HTTP_GATEWAY_STATSD_REQUEST_COUNT] = 1;
    values->value[NGX_HTTP_GATEWAY_STATSD_REQUEST_SIZE] =
                                            (ngx_msec_int_t) r->request_length;
    values->value[NGX_HTTP_GATEWAY_STATSD_RESPONSE_SIZE] =
                                          (ngx_msec_int_t) r->connection->sent;

    ctx = ngx_http_gateway_create_ctx(r);

    if (ctx == NULL) {
        ngx_memzero(&times, sizeof(ngx_http_gateway_record_times_t));

    } else {
        ngx_http_gateway_record_times(r, ctx, &times);
    }

    values->value[NGX_HTTP_GATEWAY_STATSD_LATENCY] = times.request;
    values->value[NGX_HTTP_GATEWAY_STATSD_KONG_LATENCY] = times.gateway;
    values->value[NGX_HTTP_GATEWAY_STATSD_UPSTREAM_LATENCY] = times.proxy;
}


u_char *
ngx_http_gateway_statsd_put(u_char *p, const ngx_str_t *name, ngx_uint_t dots)
{
    u_char   c;
    size_t   i;

    for (i = 0; i < name->len; i++) {

        c = name->data[i];

        if (c < 0x20 || c == 0x7f || c == ':' || c == '|' || c == ','
            || c == '#' || c == '=' || c == '[' || c == ']'
            || (dots && c == '.'))
        {
            c = '_';
        }

        *p++ = c;
    }

    return p;
}


u_char *
ngx_http_gateway_statsd_end(u_char *p, ngx_uint_t style,
    const ngx_str_t *tags, const ngx_str_t *value, const char *type,
    const ngx_str_t *rate)
{
    if (tags == NULL || tags->len == 0) {
        style = NGX_HTTP_GATEWAY_STATSD_NO_TAGS;
    }

    switch (style) {

    case NGX_HTTP_GATEWAY_STATSD_INFLUXDB:
        p = ngx_sprintf(p, ",%V", tags);
        break;

    case NGX_HTTP_GATEWAY_STATSD_LIBRATO:
        p = ngx_sprintf(p, "#%V", tags);
        break;

    case NGX_HTTP_GATEWAY_STATSD_SIGNALFX:
        p = ngx_sprintf(p, "[%V]", tags);
        break;

    default:
        break;
    }

    p = ngx_sprintf(p, ":%V|%s", value, type);

    if (rate && rate->len) {
        p = ngx_sprintf(p, "|@%V", rate);
    }

    if (style == NGX_HTTP_GATEWAY_STATSD_DOGSTATSD) {
        p = ngx_sprintf(p, "|#%V", tags);
    }

    *p++ = LF;

    return p;
}


ngx_int_t
ngx_http_gateway_statsd_consumer(ngx_http_gateway_consumer_t *consumer,
    ngx_uint_t by, ngx_str_t *name)
{
    if (consumer == NULL) {
        return NGX_DECLINED;
    }

    switch (by) {

    case NGX_HTTP_GATEWAY_STATSD_CONSUMER_ID:
        *name = consumer->id;
        break;

    case NGX_HTTP_GATEWAY_STATSD_USERNAME:
        *name = consumer->username;
        break;

    default:
        *name = consumer->custom_id;
        break;
    }

    return name->len ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_gateway_statsd_service(ngx_http_gateway_service_t *service,
    ngx_uint_t by, ngx_str_t *name)
{
    ngx_uint_t  unnamed;

    unnamed = service->name.len == service->id.len
              && ngx_memcmp(service->name.data, service->id.data,
                            service->id.len)
                 == 0;

    switch (by) {

    case NGX_HTTP_GATEWAY_STATSD_SERVICE_ID:
        *name = service->id;
        break;

    case NGX_HTTP_GATEWAY_STATSD_SERVICE_HOST:
        *name = service->host;
        break;

    case NGX_HTTP_GATEWAY_STATSD_SERVICE_NAME:
        if (unnamed) {
            return NGX_DECLINED;
        }

        *name = service->name;
        break;

    default:
        *name = unnamed ? service->host : service->name;
        break;
    }

    return name->len ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_gateway_statsd_add(ngx_http_gateway_statsd_conf_t *conf,
    const ngx_str_t *lines)
{
    ngx_http_gateway_queue_add(&conf->queue, &conf->queue_conf, conf, lines);
}


/* as in Kong, who cannot be connected to is asked again; no loss is noticed */

static void
ngx_http_gateway_statsd_wait(ngx_http_gateway_queue_batch_t *batch)
{
    ngx_http_gateway_statsd_conf_t  *conf;

    conf = batch->data;

    ngx_http_gateway_sender_wait(&conf->sender, ngx_http_gateway_statsd_send,
                                 batch);
}


/* lines go out one by one, or as many together as a datagram may have */

static void
ngx_http_gateway_statsd_send(void *data, const char *error)
{
    ngx_http_gateway_queue_batch_t *batch = data;

    u_char                          *p, *last, *end;
    ngx_str_t                        out;
    ngx_uint_t                       fits;
    ngx_queue_t                     *q;
    ngx_pool_t                      *pool;
    ngx_http_gateway_queue_entry_t  *e;
    ngx_http_gateway_statsd_conf_t  *conf;

    if (error) {
        ngx_http_gateway_queue_done(batch, error);
        return;
    }

    conf = batch->data;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        ngx_http_gateway_queue_done(batch, "no memory");
        return;
    }

    p = ngx_pnalloc(pool, batch->bytes);
    if (p == NULL) {
        ngx_destroy_pool(pool);
        ngx_http_gateway_queue_done(batch, "no memory");
        return;
    }

    last = p;

    for (q = ngx_queue_head(&batch->entries);
         q != ngx_queue_sentinel(&batch->entries);
         q = ngx_queue_next(q))
    {
        e = ngx_queue_data(q, ngx_http_gateway_queue_entry_t, queue);
        last = ngx_cpymem(last, e->data, e->len);
    }

    /* each line ends with a line feed */

    if (conf->use_tcp) {
        out.data = p;
        out.len = last - p;
        ngx_http_gateway_sender_send(&conf->sender, &out);
        p = last;
    }

    while (p < last) {

        out.data = p;
        out.len = 0;

        do {
            end = ngx_strlchr(p, last, LF);

            if (end == NULL) {
                end = last;
            }

            fits = out.len == 0
                   || (size_t) (end - out.data) <= conf->packet_size;

            if (fits) {
                out.len = end - out.data;
                p = end + 1;
            }

        } while (fits && p < last);

        ngx_http_gateway_sender_send(&conf->sender, &out);
    }

    ngx_destroy_pool(pool);

    ngx_http_gateway_queue_done(batch, NULL);
}


/* configuration */

char *
ngx_http_gateway_statsd_metric(ngx_conf_t *cf, void *data, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_http_gateway_statsd_conf_t *conf = data;

    char                              *rv;
    u_char                            *p, *end, *bar;
    ngx_str_t                          text;
    ngx_uint_t                         n, i;
    ngx_http_gateway_statsd_metric_t  *metric;

    if (conf->metrics == NULL) {
        conf->metrics = ngx_array_create(cf->pool, 13,
                                    sizeof(ngx_http_gateway_statsd_metric_t));
        if (conf->metrics == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (value->len == 0) {
        return NGX_CONF_OK;
    }

    metric = ngx_array_push(conf->metrics);
    if (metric == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(metric, sizeof(ngx_http_gateway_statsd_metric_t));

    if (ngx_array_init(&metric->tags, cf->pool, 1, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = value->data;
    end = p + value->len;

    for (n = 0; p <= end; n++) {

        bar = ngx_strlchr(p, end, '|');

        if (bar == NULL) {
            bar = end;
        }

        text.data = p;
        text.len = bar - p;
        p = bar + 1;

        if (n == 0) {
            for (i = 0;
                 i <= conf->last
                 && !ngx_http_gateway_statsd_is(&text,
                                            ngx_http_gateway_statsd_names[i]);
                 i++)
            { /* void */ }

            if (i > conf->last) {
                return "there is no metric of this name";
            }

            metric->name = i;

        } else if (n == 1) {
            for (i = 0; ngx_http_gateway_statsd_types[i].name; i++) {
                if (ngx_http_gateway_statsd_is(&text,
                                       ngx_http_gateway_statsd_types[i].name))
                {
                    metric->type = ngx_http_gateway_statsd_types[i].type;
                }
            }

            if (metric->type == NULL) {
                return "there is no type of this name";
            }

        } else {
            rv = ngx_http_gateway_statsd_option(cf, metric, &text);

            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    if (metric->type == NULL) {
        return "a metric needs a type: \"name|type\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_statsd_option(ngx_conf_t *cf,
    ngx_http_gateway_statsd_metric_t *metric, ngx_str_t *option)
{
    u_char      *p;
    size_t       i;
    ngx_str_t    name, value, *tag;
    ngx_uint_t   n, by;

    p = ngx_strlchr(option->data, option->data + option->len, '=');

    if (p == NULL) {
        return "expected \"option=value\" behind the type";
    }

    name.data = option->data;
    name.len = p - option->data;
    value.data = p + 1;
    value.len = option->len - name.len - 1;

    if (ngx_http_gateway_statsd_is(&name, "tag")) {

        tag = ngx_array_push(&metric->tags);
        if (tag == NULL) {
            return NGX_CONF_ERROR;
        }

        for (i = 0; i < value.len; i++) {
            if (value.data[i] < 0x20) {
                return "a tag has no control characters";
            }
        }

        *tag = value;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_statsd_is(&name, "sample_rate")) {

        for (i = 0; i < value.len; i++) {
            if ((value.data[i] < '0' || value.data[i] > '9')
                && value.data[i] != '.')
            {
                return "expected a number in \"sample_rate\"";
            }
        }

        if (!ngx_http_gateway_statsd_is(&value, "1")) {
            metric->rate = value;
        }

        return NGX_CONF_OK;
    }

    by = 0;

    for (n = 0; ngx_http_gateway_statsd_identifiers[n].name.len; n++) {
        if (ngx_http_gateway_statsd_identifiers[n].name.len == value.len
            && ngx_memcmp(ngx_http_gateway_statsd_identifiers[n].name.data,
                          value.data, value.len)
               == 0)
        {
            by = ngx_http_gateway_statsd_identifiers[n].value;
        }
    }

    if (ngx_http_gateway_statsd_is(&name, "consumer_identifier")
        && by >= NGX_HTTP_GATEWAY_STATSD_CONSUMER_ID
        && by <= NGX_HTTP_GATEWAY_STATSD_USERNAME)
    {
        metric->consumer = by;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_statsd_is(&name, "service_identifier")
        && by >= NGX_HTTP_GATEWAY_STATSD_SERVICE_ID
        && by <= NGX_HTTP_GATEWAY_STATSD_SERVICE_NAME_OR_HOST)
    {
        metric->service = by;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_statsd_is(&name, "workspace_identifier")
        && by >= NGX_HTTP_GATEWAY_STATSD_WORKSPACE_ID)
    {
        metric->workspace = by;
        return NGX_CONF_OK;
    }

    return "there is no such option or value behind the type";
}


static ngx_uint_t
ngx_http_gateway_statsd_is(const ngx_str_t *text, const char *name)
{
    return text->len == ngx_strlen(name)
           && ngx_memcmp(text->data, name, text->len) == 0;
}


void
ngx_http_gateway_statsd_defaults(ngx_http_gateway_statsd_conf_t *conf,
    const char *feature, ngx_uint_t last)
{
    conf->sender.feature.data = (u_char *) feature;
    conf->sender.feature.len = ngx_strlen(feature);
    ngx_str_set(&conf->sender.host, "localhost");
    conf->sender.port = 8125;
    conf->sender.type = SOCK_DGRAM;
    conf->sender.timeout = 1000;
    conf->sender.keepalive = 60000;
    ngx_str_set(&conf->prefix, "kong");
    conf->last = last;

    ngx_http_gateway_queue_defaults(&conf->queue_conf);
}


char *
ngx_http_gateway_statsd_check(ngx_conf_t *cf,
    ngx_http_gateway_statsd_conf_t *conf, ngx_str_t *standard)
{
    char        *rv;
    ngx_uint_t   i;

    if (conf->sender.host.len == 0) {
        return "needs \"host\"";
    }

    rv = ngx_http_gateway_queue_check(&conf->queue_conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (conf->metrics == NULL) {

        for (i = 0; standard[i].len; i++) {
            rv = ngx_http_gateway_statsd_metric(cf, conf, NULL, &standard[i]);

            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    if (ngx_http_gateway_add_init(cf, ngx_http_gateway_statsd_init, conf)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_statsd_init(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_statsd_conf_t *conf = data;

    if (conf->use_tcp) {
        conf->sender.type = SOCK_STREAM;
    }

    if (ngx_http_gateway_sender_init(cf, &conf->sender) != NGX_OK) {
        return NGX_ERROR;
    }

    conf->queue.feature = conf->sender.feature;
    conf->queue.name = conf->sender.name;
    conf->queue.send = ngx_http_gateway_statsd_wait;

    return ngx_http_gateway_queue_init(cf, &conf->queue);
}
