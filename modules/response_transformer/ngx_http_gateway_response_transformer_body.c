
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Bodies.  The header of a response is held until its body is known to be
 * what the operations can work on, so that one that is too large, or is not
 * complete, gets a clean 502.  A body that is replaced as a whole is not
 * collected.
 */


#include "ngx_http_gateway_response_transformer.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_value.h"


static ngx_http_gateway_response_ctx_t *ngx_http_gateway_response_new(
    ngx_http_request_t *r, ngx_http_gateway_response_transformer_conf_t *rtcf,
    ngx_uint_t status, ngx_uint_t json);
static ngx_int_t ngx_http_gateway_response_give(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status,
    ngx_uint_t json, ngx_http_gateway_response_page_t *page);
static ngx_int_t ngx_http_gateway_response_put(ngx_http_request_t *r,
    ngx_http_gateway_response_ctx_t *ctx, ngx_chain_t **in);
static ngx_int_t ngx_http_gateway_response_finish(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf,
    ngx_http_gateway_response_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_http_gateway_response_change(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status,
    ngx_str_t *body);
static ngx_int_t ngx_http_gateway_response_change_step(ngx_http_request_t *r,
    ngx_http_gateway_json_t *json, ngx_http_gateway_response_step_t *step);


ngx_uint_t
ngx_http_gateway_response_wants_json(
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status)
{
    ngx_uint_t                         i;
    ngx_http_gateway_response_step_t  *step;

    if (rtcf->allow || rtcf->redacts) {
        return 1;
    }

    step = rtcf->json_steps.elts;

    for (i = 0; i < rtcf->json_steps.nelts; i++) {
        if (ngx_http_gateway_response_if_status(rtcf, step[i].operation,
                                                status))
        {
            return 1;
        }
    }

    return 0;
}


/* one of the types, if there are several, is application/json */

ngx_uint_t
ngx_http_gateway_response_is_json(ngx_http_request_t *r)
{
    u_char  *p, *last, *start;

    static const char  json[] = "application/json";

    p = r->headers_out.content_type.data;
    last = p + r->headers_out.content_type.len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        if ((size_t) (p - start) >= sizeof(json) - 1
            && ngx_strncasecmp(start, (u_char *) json, sizeof(json) - 1) == 0
            && (start + sizeof(json) - 1 == p
                || start[sizeof(json) - 1] == ';'
                || start[sizeof(json) - 1] == ' '
                || start[sizeof(json) - 1] == '\t'))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_response_expect(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status,
    ngx_uint_t json)
{
    ngx_int_t                          coding;
    ngx_http_gateway_response_ctx_t   *ctx;
    ngx_http_gateway_response_page_t  *page;

    page = rtcf->pages.nelts
           ? ngx_http_gateway_response_page(r, rtcf, r->headers_out.status)
           : NULL;

    if (page
        || (rtcf->body.data
            && ngx_http_gateway_response_if_status(rtcf,
                                  NGX_HTTP_GATEWAY_TRANSFORM_REPLACE, status)))
    {
        return ngx_http_gateway_response_give(r, rtcf, status, json, page);
    }

    if (!json || r->headers_out.status == NGX_HTTP_PARTIAL_CONTENT) {
        return NGX_OK;
    }

    coding = ngx_http_gateway_response_body_coding(r,
                                                  "response transformer");
    if (coding == NGX_DECLINED) {
        return NGX_OK;
    }

    if (!ngx_http_gateway_response_is_bodiless(r)) {

        ctx = ngx_http_gateway_response_new(r, rtcf, status, json);
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        ctx->encoded = coding == NGX_AGAIN;

        if (ngx_http_gateway_response_body_expect(r, &ctx->body,
                                                  "response transformer",
                                                  rtcf->max_body_size)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_response_body_changes(r);

    return NGX_OK;
}


static ngx_http_gateway_response_ctx_t *
ngx_http_gateway_response_new(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status,
    ngx_uint_t json)
{
    ngx_http_gateway_response_ctx_t  *ctx;

    ctx = ngx_http_gateway_add_data(r, rtcf->instance.policy,
                                    sizeof(ngx_http_gateway_response_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ctx->status = status;
    ctx->json = json;
    ctx->given = 0;
    ctx->encoded = 0;
    ctx->body.done = 0;

    return ctx;
}


/* a page, or replace.body, on which operations on JSON are done too */

static ngx_int_t
ngx_http_gateway_response_give(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status,
    ngx_uint_t json, ngx_http_gateway_response_page_t *page)
{
    ngx_str_t                         text;
    ngx_uint_t                        n;
    gateway_template_t               *template;
    ngx_http_gateway_response_ctx_t  *ctx;

    static ngx_str_t  gone[] = {
        ngx_string("Content-Encoding"), ngx_string("Content-Range"),
        ngx_string("ETag"), ngx_string("Last-Modified"),
        ngx_string("Content-MD5"), ngx_string("Digest"), ngx_null_string
    };

    n = r->headers_out.status;

    if (n < NGX_HTTP_OK || n == NGX_HTTP_NO_CONTENT
        || n == NGX_HTTP_NOT_MODIFIED)
    {
        return NGX_OK;
    }

    if (page) {
        text = page->text;
        template = page->template;
        json = 0;

        r->headers_out.content_type = page->type;
        r->headers_out.content_type_len = page->type.len;
        r->headers_out.content_type_lowcase = NULL;
        r->headers_out.charset.len = 0;

    } else {
        text = rtcf->body;
        template = rtcf->body_template;
    }

    if (ngx_http_gateway_value_get(r, template, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (json
        && ngx_http_gateway_response_change(r, rtcf, status, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (n = 0; gone[n].len; n++) {
        ngx_http_gateway_header_out_remove(r, &gone[n]);
    }

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);

    r->allow_ranges = 0;
    r->headers_out.content_length_n = text.len;

    if (r->header_only || r->method == NGX_HTTP_HEAD) {
        return NGX_OK;
    }

    ctx = ngx_http_gateway_response_new(r, rtcf, status, 0);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->given = 1;
    ctx->body.text = text;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_response_transformer_body(ngx_http_request_t *r, void *conf,
    ngx_chain_t **in)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    ngx_int_t                         rc;
    ngx_str_t                         body;
    ngx_http_gateway_response_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_data(r, rtcf->instance.policy);

    if (ctx == NULL) {
        return NGX_OK;
    }

    if (ctx->given) {
        return ngx_http_gateway_response_put(r, ctx, in);
    }

    if (ctx->body.done) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_response_body_collect(r, &ctx->body, in);

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    ngx_str_null(&body);

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_response_finish(r, rtcf, ctx, &body);
    }

    return ngx_http_gateway_response_body_finish(r, &ctx->body, rc, &body,
                                                 in);
}


/* the text goes out at once, what comes is dropped */

static ngx_int_t
ngx_http_gateway_response_put(ngx_http_request_t *r,
    ngx_http_gateway_response_ctx_t *ctx, ngx_chain_t **in)
{
    ngx_str_t     body;
    ngx_uint_t    last;
    ngx_chain_t  *cl;

    last = 0;

    for (cl = *in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;

        last |= cl->buf->last_buf;
    }

    if (ctx->body.done && !last) {
        *in = NULL;
        return NGX_OK;
    }

    ngx_str_null(&body);

    if (!ctx->body.done) {
        body = ctx->body.text;
    }

    ctx->body.done = 1;

    if (body.len == 0 && !last) {
        *in = NULL;
        return NGX_OK;
    }

    return ngx_http_gateway_response_body_out(r, &body, last, in);
}


/* NGX_OK; NGX_ABORT: 502; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_response_finish(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf,
    ngx_http_gateway_response_ctx_t *ctx, ngx_str_t *body)
{
    ngx_int_t  rc;

    static ngx_str_t  encoding = ngx_string("Content-Encoding");

    rc = NGX_OK;

    if (ctx->encoded && ctx->body.text.len) {

        rc = ngx_http_gateway_response_body_inflate(r, &ctx->body);

        if (rc == NGX_OK) {
            ngx_http_gateway_header_out_remove(r, &encoding);

        } else if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    *body = ctx->body.text;

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    return ctx->json ? ngx_http_gateway_response_change(r, rtcf, ctx->status,
                                                        body)
                     : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_change(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status,
    ngx_str_t *body)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    ngx_http_gateway_json_t            json;
    ngx_http_gateway_response_step_t  *step;

    if (body->len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_json_parse(r->pool, body, rtcf->depth, &json);

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "response transformer: too many members in a JSON "
                      "body");
        return NGX_ABORT;
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "response transformer: the body is no JSON, or nested "
                      "too deeply: it stays as it is");
        return NGX_OK;
    }

    if (rc == NGX_OK && rtcf->allow) {
        ngx_http_gateway_json_allow(&json, rtcf->allowed.elts,
                                    rtcf->allowed.nelts);
    }

    /* before the other operations: it sees all of what came */

    if (rc == NGX_OK && rtcf->redacts) {
        rc = ngx_http_gateway_json_redact(&json, &rtcf->redaction);
    }

    step = rtcf->json_steps.elts;

    for (i = 0; rc == NGX_OK && i < rtcf->json_steps.nelts; i++) {
        if (ngx_http_gateway_response_if_status(rtcf, step[i].operation,
                                                status))
        {
            rc = ngx_http_gateway_response_change_step(r, &json, &step[i]);
        }
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (json.root.changed) {
        return ngx_http_gateway_json_write(&json, body);
    }

    if (ngx_http_gateway_json_kind(&json) != '{') {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "response transformer: the body is no JSON object, it "
                      "stays as it is");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_response_change_step(ngx_http_request_t *r,
    ngx_http_gateway_json_t *json, ngx_http_gateway_response_step_t *step)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    value = step->value;

    if (step->template) {

        if (ngx_http_gateway_value_get(r, step->template, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (step->operation >= NGX_HTTP_GATEWAY_TRANSFORM_REPLACE) {

            rc = ngx_http_gateway_json_value(r->pool, step->type, &value,
                                             &value);
            if (rc != NGX_OK) {

                /* it should be a number */

                return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
            }

        } else if (value.len == 0) {
            return NGX_OK;
        }
    }

    return ngx_http_gateway_json_do(json, step->operation, &step->path,
                                    &value);
}
