
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The resource that spans and lines are of, and requests to collectors.  Its
 * attributes are those of the configuration, unless some have expressions:
 * then they come with each entry of the queue, and entries that have the same
 * share one resource.
 */


#include "ngx_http_gateway_opentelemetry.h"
#include "ngx_http_gateway_otlp.h"
#include "ngx_http_gateway_status.h"


static ngx_int_t ngx_http_gateway_opentelemetry_render(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf, ngx_keyval_t *kv);
static ngx_int_t ngx_http_gateway_opentelemetry_attributes(
    ngx_http_gateway_otlp_t *out, ngx_keyval_t *kv, ngx_uint_t n);
static void ngx_http_gateway_opentelemetry_split(
    ngx_http_gateway_opentelemetry_conf_t *conf, const ngx_str_t *entry,
    ngx_str_t *resource, ngx_str_t *record);


ngx_int_t
ngx_http_gateway_opentelemetry_resource(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf, ngx_str_t *resource)
{
    ngx_uint_t                n;
    ngx_keyval_t             *kv;
    ngx_http_gateway_otlp_t   out;

    ngx_str_null(resource);

    if (conf->templates == NULL) {
        return NGX_OK;
    }

    n = conf->attributes->nelts;

    kv = ngx_palloc(r->pool, n * sizeof(ngx_keyval_t));
    if (kv == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_opentelemetry_render(r, conf, kv) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&out, sizeof(ngx_http_gateway_otlp_t));
    out.pool = r->pool;

    if (ngx_http_gateway_opentelemetry_attributes(&out, kv, n) != NGX_OK) {
        return NGX_ERROR;
    }

    resource->data = out.start;
    resource->len = out.pos - out.start;

    return NGX_OK;
}


/* as in Kong, all of them are text when one fails */

static ngx_int_t
ngx_http_gateway_opentelemetry_render(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf, ngx_keyval_t *kv)
{
    int                       rc;
    ngx_uint_t                i, n, level;
    const char               *reason;
    ngx_keyval_t             *text;
    gateway_str_t             out;
    gateway_template_t      **template;
    gateway_template_env_t    env;

    n = conf->attributes->nelts;
    text = conf->attributes->elts;
    template = conf->templates->elts;

    ngx_memcpy(kv, text, n * sizeof(ngx_keyval_t));

    ngx_http_gateway_value_request_env(r, &env);

    for (i = 0; i < n; i++) {

        if (template[i] == NULL) {
            continue;
        }

        if (conf->no_expressions && *conf->no_expressions) {
            rc = 0;
            reason = "expressions are switched off";

        } else {
            rc = gateway_template_render(template[i], &env, &out, &reason);
        }

        if (rc == -1) {
            return NGX_ERROR;
        }

        if (rc == 0) {

            /* once per worker, then only for those who look for it */

            level = conf->failed ? NGX_LOG_INFO : NGX_LOG_WARN;

            ngx_log_error(level, r->connection->log, 0,
                          "opentelemetry: resource attribute \"%V\" failed: "
                          "%s", &text[i].key, reason);
            conf->failed = 1;

            ngx_memcpy(kv, text, n * sizeof(ngx_keyval_t));
            return NGX_OK;
        }

        kv[i].value.data = (u_char *) out.data;
        kv[i].value.len = out.len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_opentelemetry_attributes(ngx_http_gateway_otlp_t *out,
    ngx_keyval_t *kv, ngx_uint_t n)
{
    size_t      outer, inner;
    ngx_str_t   value;
    ngx_uint_t  i, k;

    static ngx_keyval_t  defaults[] = {
        { ngx_string("service.name"), ngx_string("kong") },
        { ngx_string("service.version"),
          ngx_string(NGX_HTTP_GATEWAY_VERSION) },
        { ngx_string("service.instance.id"), ngx_null_string }
    };

    for (i = 0; i < 3; i++) {

        for (k = 0; k < n; k++) {
            if (kv[k].key.len == defaults[i].key.len
                && ngx_memcmp(kv[k].key.data, defaults[i].key.data,
                              kv[k].key.len)
                   == 0)
            {
                break;
            }
        }

        if (k < n) {
            continue;
        }

        value = defaults[i].value;

        if (value.len == 0
            && ngx_http_gateway_status_node_id(out->pool, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_gateway_otlp_text(out, 1, (char *) defaults[i].key.data,
                                   &value);
    }

    for (k = 0; k < n; k++) {
        outer = ngx_http_gateway_otlp_attribute(out, 1, kv[k].key.data,
                                                kv[k].key.len, &inner);
        ngx_http_gateway_otlp_utf8(out, 1, &kv[k].value);
        ngx_http_gateway_otlp_close(out, inner);
        ngx_http_gateway_otlp_close(out, outer);
    }

    return out->failed ? NGX_ERROR : NGX_OK;
}


void
ngx_http_gateway_opentelemetry_export(ngx_http_request_t *r,
    ngx_http_gateway_opentelemetry_conf_t *conf,
    ngx_http_gateway_trace_export_t *ex, const ngx_str_t *resource,
    const ngx_str_t *record)
{
    u_char     *p;
    uint32_t    len;
    ngx_str_t   entry;

    if (conf->templates == NULL) {
        ngx_http_gateway_trace_export(ex, record);
        return;
    }

    len = (uint32_t) resource->len;

    entry.len = sizeof(uint32_t) + resource->len + record->len;
    entry.data = ngx_pnalloc(r->pool, entry.len);
    if (entry.data == NULL) {
        return;
    }

    p = ngx_cpymem(entry.data, &len, sizeof(uint32_t));
    p = ngx_cpymem(p, resource->data, resource->len);
    ngx_memcpy(p, record->data, record->len);

    ngx_http_gateway_trace_export(ex, &entry);
}


static void
ngx_http_gateway_opentelemetry_split(
    ngx_http_gateway_opentelemetry_conf_t *conf, const ngx_str_t *entry,
    ngx_str_t *resource, ngx_str_t *record)
{
    uint32_t  len;

    resource->data = entry->data;
    resource->len = 0;
    *record = *entry;

    if (conf->templates == NULL) {
        return;
    }

    ngx_memcpy(&len, entry->data, sizeof(uint32_t));

    resource->data = entry->data + sizeof(uint32_t);
    resource->len = len;

    record->data += sizeof(uint32_t) + len;
    record->len -= sizeof(uint32_t) + len;
}


ngx_int_t
ngx_http_gateway_opentelemetry_encode(ngx_http_gateway_trace_export_t *ex,
    ngx_str_t *entries, ngx_uint_t n, ngx_http_gateway_fetch_t *f)
{
    size_t                                  of_resource, scope, m;
    ngx_str_t                               resource, next, record;
    ngx_uint_t                              i;
    ngx_http_gateway_otlp_t                 out;
    ngx_http_gateway_opentelemetry_conf_t  *conf = ex->data;

    ngx_memzero(&out, sizeof(ngx_http_gateway_otlp_t));
    out.pool = f->pool;

    for (i = 0; i < n; /* void */ ) {

        ngx_http_gateway_opentelemetry_split(conf, &entries[i], &resource,
                                             &record);

        of_resource = ngx_http_gateway_otlp_open(&out, 1);
        m = ngx_http_gateway_otlp_open(&out, 1);

        if (conf->templates) {
            ngx_http_gateway_otlp_raw(&out, resource.data, resource.len);

        } else if (ngx_http_gateway_opentelemetry_attributes(&out,
                        conf->attributes ? conf->attributes->elts : NULL,
                        conf->attributes ? conf->attributes->nelts : 0)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_gateway_otlp_close(&out, m);

        scope = ngx_http_gateway_otlp_open(&out, 2);

        m = ngx_http_gateway_otlp_open(&out, 1);
        ngx_http_gateway_otlp_bytes(&out, 1, "kong-internal",
                                    sizeof("kong-internal") - 1);
        ngx_http_gateway_otlp_bytes(&out, 2, "0.1.0", sizeof("0.1.0") - 1);
        ngx_http_gateway_otlp_close(&out, m);

        do {
            ngx_http_gateway_otlp_bytes(&out, 2, record.data, record.len);

            if (++i == n) {
                break;
            }

            ngx_http_gateway_opentelemetry_split(conf, &entries[i], &next,
                                                 &record);

        } while (next.len == resource.len
                 && ngx_memcmp(next.data, resource.data, next.len) == 0);

        ngx_http_gateway_otlp_close(&out, scope);
        ngx_http_gateway_otlp_close(&out, of_resource);
    }

    f->body.data = out.start;
    f->body.len = out.pos - out.start;

    return out.failed ? NGX_ERROR : NGX_OK;
}
