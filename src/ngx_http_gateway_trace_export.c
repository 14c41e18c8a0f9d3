
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends spans in batches, which the queue makes, and sends again.
 */


#include "ngx_http_gateway_trace_export.h"


/* milliseconds that an idle connection to a collector is kept, as in Kong */
#define NGX_HTTP_GATEWAY_TRACE_EXPORT_KEEPALIVE  60000


static void ngx_http_gateway_trace_export_send(
    ngx_http_gateway_queue_batch_t *b);
static ngx_int_t ngx_http_gateway_trace_export_prepare(
    ngx_http_gateway_trace_export_t *ex, ngx_http_gateway_queue_batch_t *b,
    ngx_http_gateway_fetch_t *f);


void
ngx_http_gateway_trace_export_defaults(ngx_http_gateway_trace_export_t *ex)
{
    ex->connect_timeout = 1000;
    ex->send_timeout = 5000;
    ex->read_timeout = 5000;

    ngx_http_gateway_queue_defaults(&ex->queue_conf);
}


char *
ngx_http_gateway_trace_export_check(ngx_conf_t *cf,
    ngx_http_gateway_trace_export_t *ex,
    ngx_http_gateway_trace_exporter_t *exporter)
{
    char                              *rv;
    ngx_http_gateway_trace_export_t  **p;

    rv = ngx_http_gateway_queue_check(&ex->queue_conf);

    if (rv != NGX_CONF_OK || ex->url.len == 0) {
        return rv;
    }

    if (ngx_http_gateway_fetch_parse_url(&ex->url, NULL) != NULL) {
        return "needs a URL of http or https to send spans to";
    }

    if (exporter->exports.elts == NULL
        && ngx_array_init(&exporter->exports, cf->pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = ngx_array_push(&exporter->exports);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = ex;

    ex->exporter = exporter;
    ex->queue.name = ex->queue.feature;
    ex->queue.send = ngx_http_gateway_trace_export_send;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_trace_exporter_init(ngx_conf_t *cf,
    ngx_http_gateway_trace_exporter_t *exporter)
{
    ngx_uint_t                         i;
    ngx_http_gateway_trace_export_t  **ex;

    if (exporter->exports.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_http_gateway_fetcher_init(cf, &exporter->fetcher) != NGX_OK) {
        return NGX_ERROR;
    }

    ex = exporter->exports.elts;

    for (i = 0; i < exporter->exports.nelts; i++) {
        if (ngx_http_gateway_queue_init(cf, &ex[i]->queue) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_trace_export_room(ngx_http_gateway_trace_export_t *ex,
    size_t len)
{
    return ngx_http_gateway_queue_room(&ex->queue, &ex->queue_conf, len);
}


void
ngx_http_gateway_trace_export(ngx_http_gateway_trace_export_t *ex,
    const ngx_str_t *entry)
{
    ngx_http_gateway_queue_add(&ex->queue, &ex->queue_conf, ex, entry);
}


static void
ngx_http_gateway_trace_export_send(ngx_http_gateway_queue_batch_t *b)
{
    ngx_http_gateway_fetch_t         *f;
    ngx_http_gateway_trace_export_t  *ex;

    ex = b->data;

    f = ngx_http_gateway_fetch_create(&ex->exporter->fetcher, &ex->url);
    if (f == NULL) {
        ngx_http_gateway_queue_done(b, "no memory");
        return;
    }

    if (ngx_http_gateway_trace_export_prepare(ex, b, f) != NGX_OK) {
        ngx_http_gateway_fetch_free(f);
        ngx_http_gateway_queue_done(b, "no memory");
        return;
    }

    ngx_http_gateway_queue_fetch(b, f);
}


static ngx_int_t
ngx_http_gateway_trace_export_prepare(ngx_http_gateway_trace_export_t *ex,
    ngx_http_gateway_queue_batch_t *b, ngx_http_gateway_fetch_t *f)
{
    ngx_str_t                       *entries, value;
    ngx_uint_t                       i, typed;
    ngx_queue_t                     *q;
    ngx_keyval_t                    *kv;
    ngx_http_gateway_queue_entry_t  *e;

    ngx_str_set(&f->method, "POST");
    f->keepalive = NGX_HTTP_GATEWAY_TRACE_EXPORT_KEEPALIVE;

    i = ex->connect_timeout + ex->send_timeout + ex->read_timeout;

    if (i) {
        f->timeout = i;
    }

    typed = 0;

    if (ex->headers) {
        kv = ex->headers->elts;

        for (i = 0; i < ex->headers->nelts; i++) {

            typed |= (kv[i].key.len == sizeof("content-type") - 1
                      && ngx_strcasecmp(kv[i].key.data,
                                        (u_char *) "content-type")
                         == 0);

            if (ngx_http_gateway_fetch_add_header(f,
                                     (char *) kv[i].key.data, &kv[i].value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (!typed) {
        value.data = (u_char *) ex->content_type;
        value.len = ngx_strlen(value.data);

        if (ngx_http_gateway_fetch_add_header(f, "Content-Type", &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    entries = ngx_palloc(f->pool, b->n * sizeof(ngx_str_t));
    if (entries == NULL) {
        return NGX_ERROR;
    }

    i = 0;

    for (q = ngx_queue_head(&b->entries);
         q != ngx_queue_sentinel(&b->entries);
         q = ngx_queue_next(q))
    {
        e = ngx_queue_data(q, ngx_http_gateway_queue_entry_t, queue);
        entries[i].data = e->data;
        entries[i++].len = e->len;
    }

    return ex->encode(ex, entries, b->n, f);
}
