
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Values of directives with variables of nginx in them, and expressions
 * (gateway_template.h).
 */


#ifndef _NGX_HTTP_GATEWAY_VALUE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_VALUE_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gateway_template.h"


/* a message of the parser */
#define NGX_HTTP_GATEWAY_VALUE_ERROR  512


/*
 * *template is NULL for a value without either.  NGX_OK, or NGX_ERROR with a
 * message in err (NGX_HTTP_GATEWAY_VALUE_ERROR bytes).
 */
ngx_int_t ngx_http_gateway_value_compile(ngx_conf_t *cf,
    const ngx_str_t *text, ngx_uint_t expressions,
    gateway_template_t **template, char *err);

/* the same with expressions only: "$name" is text */
ngx_int_t ngx_http_gateway_value_compile_text(ngx_conf_t *cf,
    const ngx_str_t *text, gateway_template_t **template, char *err);

/* an environment for gateway_template_render() without get() */
void ngx_http_gateway_value_env(ngx_http_request_t *r,
    gateway_template_env_t *env);

/* the same with it: headers, arguments, captures, what policies share */
void ngx_http_gateway_value_request_env(ngx_http_request_t *r,
    gateway_template_env_t *env);

/* renders one without expressions; template NULL: *value stays */
ngx_int_t ngx_http_gateway_value_get(ngx_http_request_t *r,
    const gateway_template_t *template, ngx_str_t *value);


#endif /* _NGX_HTTP_GATEWAY_VALUE_H_INCLUDED_ */
