
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Templates in nginx: memory and variables.
 */


#include "ngx_http_gateway_value.h"


static ngx_int_t ngx_http_gateway_value_parse(ngx_conf_t *cf,
    const ngx_str_t *text, gateway_template_options_t *options,
    gateway_template_t **template, char *err);
static void *ngx_http_gateway_value_conf_alloc(void *data, size_t size);
static int ngx_http_gateway_value_conf_variable(void *data,
    const gateway_str_t *name, size_t *index);
static void *ngx_http_gateway_value_alloc(void *data, size_t size);
static int ngx_http_gateway_value_variable(void *data, size_t index,
    gateway_str_t *value);


ngx_int_t
ngx_http_gateway_value_compile(ngx_conf_t *cf, const ngx_str_t *text,
    ngx_uint_t expressions, gateway_template_t **template, char *err)
{
    gateway_template_options_t  options;

    options.variable = ngx_http_gateway_value_conf_variable;
    options.expressions = (int) expressions;

    return ngx_http_gateway_value_parse(cf, text, &options, template, err);
}


ngx_int_t
ngx_http_gateway_value_compile_text(ngx_conf_t *cf, const ngx_str_t *text,
    gateway_template_t **template, char *err)
{
    gateway_template_options_t  options;

    options.variable = NULL;
    options.expressions = 1;

    return ngx_http_gateway_value_parse(cf, text, &options, template, err);
}


static ngx_int_t
ngx_http_gateway_value_parse(ngx_conf_t *cf, const ngx_str_t *text,
    gateway_template_options_t *options, gateway_template_t **template,
    char *err)
{
    gateway_str_t  s;

    s.data = (char *) text->data;
    s.len = text->len;

    options->alloc = ngx_http_gateway_value_conf_alloc;
    options->data = cf;
    options->sources = 0;
    options->err = err;
    options->errlen = NGX_HTTP_GATEWAY_VALUE_ERROR;

    *template = gateway_template_compile(&s, options);

    if (*template == NULL) {
        return NGX_ERROR;
    }

    if (options->sources & (1U << GATEWAY_TEMPLATE_SHARED)) {
        ngx_http_gateway_wants_shared(cf);
    }

    if (gateway_template_is_plain(*template)) {
        *template = NULL;
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_value_conf_alloc(void *data, size_t size)
{
    ngx_conf_t  *cf = data;

    return ngx_palloc(cf->pool, size);
}


/* names that nobody defines are found when all of them are known */

static int
ngx_http_gateway_value_conf_variable(void *data, const gateway_str_t *name,
    size_t *index)
{
    ngx_conf_t  *cf = data;

    ngx_int_t  n;
    ngx_str_t  s;

    s.data = (u_char *) name->data;
    s.len = name->len;

    n = ngx_http_get_variable_index(cf, &s);

    if (n == NGX_ERROR) {
        return 0;
    }

    *index = n;

    return 1;
}


void
ngx_http_gateway_value_env(ngx_http_request_t *r, gateway_template_env_t *env)
{
    env->get = NULL;
    env->variable = ngx_http_gateway_value_variable;
    env->alloc = ngx_http_gateway_value_alloc;
    env->data = r;
}


ngx_int_t
ngx_http_gateway_value_get(ngx_http_request_t *r,
    const gateway_template_t *template, ngx_str_t *value)
{
    const char              *reason;
    gateway_str_t            out;
    gateway_template_env_t   env;

    if (template == NULL) {
        return NGX_OK;
    }

    ngx_http_gateway_value_env(r, &env);

    if (gateway_template_render(template, &env, &out, &reason) != 1) {
        return NGX_ERROR;
    }

    value->data = (u_char *) out.data;
    value->len = out.len;

    return NGX_OK;
}


static void *
ngx_http_gateway_value_alloc(void *data, size_t size)
{
    ngx_http_request_t  *r = data;

    return ngx_palloc(r->pool, size);
}


static int
ngx_http_gateway_value_variable(void *data, size_t index,
    gateway_str_t *value)
{
    ngx_http_request_t  *r = data;

    ngx_http_variable_value_t  *v;

    value->data = "";
    value->len = 0;

    v = ngx_http_get_indexed_variable(r, index);

    if (v && !v->not_found) {
        value->data = (char *) v->data;
        value->len = v->len;
    }

    return 0;
}
