
/*
 * Copyright (C) the ngx_gateway authors
 *
 * See ngx_http_gateway_schema.h.
 */


#include "ngx_http_gateway_schema.h"


static void ngx_http_gateway_schema_free(void *data);


ngx_int_t
ngx_http_gateway_schema_append(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *more)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, text->len + more->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpymem(ngx_cpymem(p, text->data, text->len), more->data,
                      more->len);

    text->data = p;
    text->len += more->len;

    return NGX_OK;
}


gateway_json_schema_t *
ngx_http_gateway_schema_compile(ngx_conf_t *cf, ngx_str_t *text,
    const char *directive, ngx_str_t *what, ngx_uint_t *array)
{
    json_t                       *json;
    const char                   *type;
    json_error_t                  parse;
    ngx_pool_cleanup_t           *cln;
    gateway_json_schema_t        *schema;
    gateway_json_schema_error_t   error;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    json = json_loadb((char *) text->data, text->len,
                      JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, &parse);

    if (json == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid JSON for \"%V\" in \"%s\": %s", what,
                           directive, parse.text);
        return NULL;
    }

    if (array) {
        type = json_string_value(json_object_get(json, "type"));
        *array = (type && ngx_strcmp(type, "array") == 0);
    }

    schema = gateway_json_schema_compile(json, &error);

    json_decref(json);

    if (schema == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid schema for \"%V\" in \"%s\": \"%s\": %s",
                           what, directive, error.place, error.message);
        return NULL;
    }

    cln->handler = ngx_http_gateway_schema_free;
    cln->data = schema;

    return schema;
}


static void
ngx_http_gateway_schema_free(void *data)
{
    gateway_json_schema_free(data);
}
