
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Contexts of traces: what clients send is parsed strictly and is bounded,
 * and goes on only as digits that we wrote, or escaped.  Headers that do not
 * parse are left out, with a line at level info.  A request without such
 * headers costs one walk over all of its headers.
 */


#include "ngx_http_gateway_trace.h"
#include "ngx_http_gateway_trace_private.h"
#include "ngx_http_gateway_headers.h"

#include <openssl/rand.h>
#include <time.h>


/* random bytes are drawn for many ids at once */
#define NGX_HTTP_GATEWAY_TRACE_RANDOM  4096


static char *ngx_http_gateway_trace_read(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t *formats, ngx_uint_t *n, ngx_uint_t inject);
static void ngx_http_gateway_trace_legacy(ngx_http_gateway_trace_conf_t *tcf);


ngx_conf_enum_t  ngx_http_gateway_trace_formats[] = {
    { ngx_string("w3c"), NGX_HTTP_GATEWAY_TRACE_W3C },
    { ngx_string("b3"), NGX_HTTP_GATEWAY_TRACE_B3 },
    { ngx_string("b3-single"), NGX_HTTP_GATEWAY_TRACE_B3_SINGLE },
    { ngx_string("jaeger"), NGX_HTTP_GATEWAY_TRACE_JAEGER },
    { ngx_string("ot"), NGX_HTTP_GATEWAY_TRACE_OT },
    { ngx_string("datadog"), NGX_HTTP_GATEWAY_TRACE_DATADOG },
    { ngx_string("aws"), NGX_HTTP_GATEWAY_TRACE_AWS },
    { ngx_string("gcp"), NGX_HTTP_GATEWAY_TRACE_GCP },
    { ngx_string("instana"), NGX_HTTP_GATEWAY_TRACE_INSTANA },
    { ngx_null_string, 0 }
};


ngx_conf_enum_t  ngx_http_gateway_trace_header_types[] = {
    { ngx_string("preserve"), NGX_HTTP_GATEWAY_TRACE_PRESERVE },
    { ngx_string("ignore"), NGX_HTTP_GATEWAY_TRACE_IGNORE },
    { ngx_string("w3c"), NGX_HTTP_GATEWAY_TRACE_W3C },
    { ngx_string("b3"), NGX_HTTP_GATEWAY_TRACE_B3 },
    { ngx_string("b3-single"), NGX_HTTP_GATEWAY_TRACE_B3_SINGLE },
    { ngx_string("jaeger"), NGX_HTTP_GATEWAY_TRACE_JAEGER },
    { ngx_string("ot"), NGX_HTTP_GATEWAY_TRACE_OT },
    { ngx_string("datadog"), NGX_HTTP_GATEWAY_TRACE_DATADOG },
    { ngx_string("aws"), NGX_HTTP_GATEWAY_TRACE_AWS },
    { ngx_string("gcp"), NGX_HTTP_GATEWAY_TRACE_GCP },
    { ngx_string("instana"), NGX_HTTP_GATEWAY_TRACE_INSTANA },
    { ngx_null_string, 0 }
};


/* in which "header_type" looks for contexts */

static ngx_uint_t  ngx_http_gateway_trace_order[] = {
    NGX_HTTP_GATEWAY_TRACE_B3,
    NGX_HTTP_GATEWAY_TRACE_W3C,
    NGX_HTTP_GATEWAY_TRACE_JAEGER,
    NGX_HTTP_GATEWAY_TRACE_OT,
    NGX_HTTP_GATEWAY_TRACE_DATADOG,
    NGX_HTTP_GATEWAY_TRACE_AWS,
    NGX_HTTP_GATEWAY_TRACE_GCP,
    NGX_HTTP_GATEWAY_TRACE_INSTANA
};


void
ngx_http_gateway_trace_defaults(ngx_http_gateway_trace_conf_t *tcf)
{
    tcf->default_format = NGX_HTTP_GATEWAY_TRACE_NONE;
    tcf->default_header_type = NGX_HTTP_GATEWAY_TRACE_NONE;
    tcf->header_type = NGX_HTTP_GATEWAY_TRACE_PRESERVE;
}


char *
ngx_http_gateway_trace_check(ngx_conf_t *cf,
    ngx_http_gateway_trace_conf_t *tcf, ngx_uint_t format)
{
    char        *rv;
    u_char      *p;
    size_t       k;
    ngx_str_t   *name;
    ngx_uint_t   i, n;

    if (tcf->extract_names == NULL && tcf->inject_names == NULL
        && tcf->clear == NULL)
    {
        if (tcf->default_header_type != NGX_HTTP_GATEWAY_TRACE_NONE) {
            tcf->default_format = tcf->default_header_type;
        }

        if (tcf->default_format == NGX_HTTP_GATEWAY_TRACE_NONE) {
            tcf->default_format = format;
        }

        ngx_http_gateway_trace_legacy(tcf);

        return NGX_CONF_OK;
    }

    if (tcf->default_format == NGX_HTTP_GATEWAY_TRACE_NONE) {
        tcf->default_format = format;
    }

    rv = ngx_http_gateway_trace_read(cf, tcf->extract_names, tcf->extract,
                                     &tcf->nextract, 0);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_trace_read(cf, tcf->inject_names, tcf->inject,
                                     &tcf->ninject, 1);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (tcf->clear == NULL) {
        return NGX_CONF_OK;
    }

    name = tcf->clear->elts;

    for (i = 0, n = 0; i < tcf->clear->nelts; i++) {

        if (name[i].len == 0) {
            continue;
        }

        p = ngx_pnalloc(cf->pool, name[i].len);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        for (k = 0; k < name[i].len; k++) {

            if (name[i].data[k] <= ' ' || name[i].data[k] >= 0x7f
                || name[i].data[k] == ':')
            {
                return "needs names of headers in \"propagation.clear\"";
            }

            p[k] = ngx_tolower(name[i].data[k]);
        }

        name[n].len = name[i].len;
        name[n].data = p;
        n++;
    }

    tcf->clear->nelts = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_trace_read(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t *formats, ngx_uint_t *n, ngx_uint_t inject)
{
    ngx_str_t        *name;
    ngx_uint_t        i, k, format;
    ngx_conf_enum_t  *e;

    if (names == NULL) {
        return NGX_CONF_OK;
    }

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {

        if (name[i].len == 0) {

            /* an empty list */

            continue;
        }

        format = NGX_HTTP_GATEWAY_TRACE_NONE;

        for (e = ngx_http_gateway_trace_header_types; e->name.len; e++) {
            if (e->name.len == name[i].len
                && ngx_strncmp(e->name.data, name[i].data, e->name.len) == 0)
            {
                format = e->value;
            }
        }

        if (format == NGX_HTTP_GATEWAY_TRACE_NONE
            || format == NGX_HTTP_GATEWAY_TRACE_IGNORE
            || (!inject && (format == NGX_HTTP_GATEWAY_TRACE_PRESERVE
                            || format == NGX_HTTP_GATEWAY_TRACE_B3_SINGLE)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no format \"%V\" in "
                               "\"propagation.%s\"", &name[i],
                               inject ? "inject" : "extract");
            return NGX_CONF_ERROR;
        }

        for (k = 0; k < *n && formats[k] != format; k++) { /* void */ }

        if (k == *n) {
            formats[(*n)++] = format;
        }
    }

    return NGX_CONF_OK;
}


/* what "header_type" stands for */

static void
ngx_http_gateway_trace_legacy(ngx_http_gateway_trace_conf_t *tcf)
{
    if (tcf->header_type == NGX_HTTP_GATEWAY_TRACE_IGNORE) {
        tcf->inject[0] = tcf->default_format;
        tcf->ninject = 1;
        return;
    }

    ngx_memcpy(tcf->extract, ngx_http_gateway_trace_order,
               sizeof(ngx_http_gateway_trace_order));
    tcf->nextract = sizeof(ngx_http_gateway_trace_order) / sizeof(ngx_uint_t);

    tcf->inject[0] = NGX_HTTP_GATEWAY_TRACE_PRESERVE;
    tcf->ninject = 1;

    if (tcf->header_type != NGX_HTTP_GATEWAY_TRACE_PRESERVE) {
        tcf->inject[1] = tcf->header_type;
        tcf->ninject = 2;
    }
}


void
ngx_http_gateway_trace_random(u_char *id, size_t len)
{
    static u_char     bytes[NGX_HTTP_GATEWAY_TRACE_RANDOM];
    static size_t     used = NGX_HTTP_GATEWAY_TRACE_RANDOM;
    static ngx_pid_t  pid;

    size_t            i;

    do {

        /* after fork() no two processes may hand out the same bytes */

        if (used + len > NGX_HTTP_GATEWAY_TRACE_RANDOM || pid != ngx_pid) {
            pid = ngx_pid;
            used = 0;

            if (RAND_bytes(bytes, NGX_HTTP_GATEWAY_TRACE_RANDOM) != 1) {
                for (i = 0; i < NGX_HTTP_GATEWAY_TRACE_RANDOM; i++) {
                    bytes[i] = (u_char) ngx_random();
                }
            }
        }

        ngx_memcpy(id, &bytes[used], len);
        used += len;

    } while (!ngx_http_gateway_trace_valid(id, len));
}


u_char *
ngx_http_gateway_trace_hex(u_char *p, const u_char *id, size_t n)
{
    static const u_char  hex[] = "0123456789abcdef";

    while (n--) {
        *p++ = hex[*id >> 4];
        *p++ = hex[*id++ & 0x0f];
    }

    return p;
}


ngx_uint_t
ngx_http_gateway_trace_valid(const u_char *id, size_t len)
{
    while (len--) {
        if (*id++) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_trace_echo(ngx_http_request_t *r, const ngx_str_t *name,
    const u_char *trace_id, size_t len)
{
    ngx_str_t  value;

    value.len = 2 * len;
    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_gateway_trace_hex(value.data,
                        trace_id + NGX_HTTP_GATEWAY_TRACE_ID_LEN - len, len);

    return ngx_http_gateway_header_out_add(r, name, &value) ? NGX_OK
                                                            : NGX_ERROR;
}


ngx_int_t
ngx_http_gateway_trace_written(ngx_http_gateway_ctx_t *ctx, ngx_uint_t n,
    ngx_str_t *format, ngx_str_t *id)
{
    ngx_keyval_t  *kv;

    if (ctx->trace_ids == NULL || n >= ctx->trace_ids->nelts) {
        return NGX_DECLINED;
    }

    kv = ctx->trace_ids->elts;

    *format = kv[n].key;
    *id = kv[n].value;

    return NGX_OK;
}


uint64_t
ngx_http_gateway_trace_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}
