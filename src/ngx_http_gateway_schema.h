
/*
 * Copyright (C) the ngx_gateway authors
 *
 * JSON Schemas in directives.
 */


#ifndef _NGX_HTTP_GATEWAY_SCHEMA_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SCHEMA_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gateway_json_schema.h"


/* one text of several; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_schema_append(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *more);

/*
 * Compiles the schema of what in the directive; it lives as long as the
 * configuration.  array, which may be NULL: its type is array.  NULL after a
 * message.
 */
gateway_json_schema_t *ngx_http_gateway_schema_compile(ngx_conf_t *cf,
    ngx_str_t *text, const char *directive, ngx_str_t *what,
    ngx_uint_t *array);


#endif /* _NGX_HTTP_GATEWAY_SCHEMA_H_INCLUDED_ */
