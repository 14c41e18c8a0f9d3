
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the templates give for a request.  Each that fails is named in the
 * log once by each worker.
 */


#include "ngx_http_gateway_request_transformer.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_value.h"


static ngx_int_t ngx_http_gateway_request_render(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step);


ngx_int_t
ngx_http_gateway_request_render_all(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i, k;
    ngx_http_gateway_request_step_t  *step;

    ctx->renderings = NULL;

    if (rtcf->nslots == 0) {
        return NGX_OK;
    }

    ctx->renderings = ngx_pcalloc(r->pool, rtcf->nslots
                              * sizeof(ngx_http_gateway_request_rendering_t));
    if (ctx->renderings == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_gateway_request_render(r, ctx, &rtcf->path);
    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_REQUEST_PLACES; i++) {
        step = rtcf->steps[i].elts;

        for (k = 0; k < rtcf->steps[i].nelts; k++) {
            rc = ngx_http_gateway_request_render(r, ctx, &step[k]);

            /* whether there is a body to change is not known yet */

            if (rc == NGX_HTTP_INTERNAL_SERVER_ERROR
                && i == NGX_HTTP_GATEWAY_REQUEST_BODY)
            {
                continue;
            }

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_request_render(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step)
{
    int                                            rc;
    const char                                    *reason;
    ngx_uint_t                                     level;
    gateway_str_t                                  out;
    gateway_template_env_t                         env;
    ngx_http_gateway_request_rendering_t          *rendering;
    ngx_http_gateway_request_transformer_main_t   *rtmcf;

    if (step->template == NULL) {
        return NGX_OK;
    }

    ngx_http_gateway_value_request_env(r, &env);

    rtmcf = ngx_http_get_module_main_conf(r,
                                 ngx_http_gateway_request_transformer_module);

    if (rtmcf->no_expressions
        && gateway_template_has_expression(step->template))
    {
        rc = 0;
        reason = "expressions are switched off";

    } else {
        rc = gateway_template_render(step->template, &env, &out, &reason);
    }

    if (rc == -1) {
        return NGX_ERROR;
    }

    rendering = &ctx->renderings[step->slot];

    if (rc == 0) {

        /* once per worker, then only for those who look for it */

        level = step->failed ? NGX_LOG_INFO : NGX_LOG_ERR;
        step->failed = 1;
        rendering->failed = 1;

        ngx_log_error(level, r->connection->log, 0,
                      "request transformer: failed to render the template "
                      "\"%V\": %s", &step->value, reason);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rendering->value.data = (u_char *) out.data;
    rendering->value.len = out.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_request_value(ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value)
{
    ngx_http_gateway_request_rendering_t  *rendering;

    if (step->template == NULL) {
        *value = step->value;
        return NGX_OK;
    }

    rendering = &ctx->renderings[step->slot];
    *value = rendering->value;

    return rendering->failed ? NGX_DECLINED : NGX_OK;
}


void
ngx_http_gateway_request_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *gctx, ngx_str_t *args)
{
    *args = gctx->args_changed ? gctx->args : r->args;
}
