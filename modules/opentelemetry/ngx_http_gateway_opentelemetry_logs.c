
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lines of the error log as log records of OTLP 1.
 */


#include "ngx_http_gateway_opentelemetry.h"
#include "ngx_http_gateway_log_lines.h"
#include "ngx_http_gateway_otlp.h"


static void ngx_http_gateway_otlp_line(ngx_http_gateway_otlp_t *out,
    ngx_http_gateway_log_line_t *line, ngx_str_t *request_id,
    ngx_http_gateway_opentelemetry_data_t *data);
static void ngx_http_gateway_otlp_send(ngx_http_request_t *r,
    ngx_http_gateway_otlp_t *out, ngx_http_gateway_opentelemetry_conf_t *conf,
    const ngx_str_t *resource);


/* by level of nginx */
static const struct {
    ngx_uint_t                       number;
    ngx_str_t                        text;
} ngx_http_gateway_otlp_severities[] = {
    { 0, ngx_null_string },
    { 23, ngx_string("EMERG") },
    { 21, ngx_string("ALERT") },
    { 19, ngx_string("CRIT") },
    { 17, ngx_string("ERR") },
    { 13, ngx_string("WARN") },
    { 11, ngx_string("NOTICE") },
    { 9, ngx_string("INFO") },
    { 5, ngx_string("DEBUG") }
};


void
ngx_http_gateway_opentelemetry_report_logs(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf,
    ngx_http_gateway_opentelemetry_data_t *data)
{
    ngx_str_t                     id, resource;
    ngx_http_gateway_ctx_t       *ctx;
    ngx_http_gateway_otlp_t       out;
    ngx_http_gateway_log_line_t  *line, *lines;

    ngx_memzero(&out, sizeof(ngx_http_gateway_otlp_t));
    out.pool = r->pool;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL
        || ngx_http_gateway_opentelemetry_resource(r, conf, &resource)
           != NGX_OK)
    {
        return;
    }

    lines = ngx_http_gateway_log_lines_take();

    for (line = lines; line; line = line->next) {
        ngx_http_gateway_otlp_line(&out, line, NULL, NULL);
        ngx_http_gateway_otlp_send(r, &out, conf, &resource);
    }

    ngx_http_gateway_log_lines_free(lines);

    ngx_http_gateway_request_id(ctx, &id);

    for (line = ngx_http_gateway_log_lines(ctx); line; line = line->next) {
        ngx_http_gateway_otlp_line(&out, line, &id, data);
        ngx_http_gateway_otlp_send(r, &out, conf, &resource);
    }
}


static void
ngx_http_gateway_otlp_line(ngx_http_gateway_otlp_t *out,
    ngx_http_gateway_log_line_t *line, ngx_str_t *request_id,
    ngx_http_gateway_opentelemetry_data_t *data)
{
    size_t      body;
    ngx_uint_t  level;

    out->pos = out->start;
    out->failed = 0;

    ngx_http_gateway_otlp_fixed64(out, 1, line->time);

    level = ngx_min(line->level, NGX_LOG_DEBUG);

    if (level) {
        ngx_http_gateway_otlp_varint(out, 2 << 3);
        ngx_http_gateway_otlp_varint(out,
                             ngx_http_gateway_otlp_severities[level].number);
        ngx_http_gateway_otlp_utf8(out, 3,
                             &ngx_http_gateway_otlp_severities[level].text);
    }

    body = ngx_http_gateway_otlp_open(out, 5);
    ngx_http_gateway_otlp_utf8(out, 1, &line->text);
    ngx_http_gateway_otlp_close(out, body);

    if (request_id) {
        ngx_http_gateway_otlp_text(out, 6, "request.id", request_id);
    }

    if (data) {
        ngx_http_gateway_otlp_fixed32(out, 8, data->sampled ? 1 : 0);
        ngx_http_gateway_otlp_bytes(out, 9, data->trace.trace_id,
                                    NGX_HTTP_GATEWAY_TRACE_ID_LEN);

        if (data->sampled) {
            ngx_http_gateway_otlp_bytes(out, 10, data->root,
                                        NGX_HTTP_GATEWAY_SPAN_ID_LEN);
        }
    }

    ngx_http_gateway_otlp_fixed64(out, 11, line->time);
}


/* newer lines are not more important than those that wait */

static void
ngx_http_gateway_otlp_send(ngx_http_request_t *r,
    ngx_http_gateway_otlp_t *out, ngx_http_gateway_opentelemetry_conf_t *conf,
    const ngx_str_t *resource)
{
    ngx_str_t  entry;

    if (out->failed) {
        return;
    }

    entry.data = out->start;
    entry.len = out->pos - out->start;

    if (ngx_http_gateway_trace_export_room(&conf->logs, entry.len)) {
        ngx_http_gateway_opentelemetry_export(r, conf, &conf->logs, resource,
                                              &entry);
    }
}
