
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_TRANSFORM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRANSFORM_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * The members of the object that a JSON text is.  What is not changed stays
 * byte for byte as it was, but for blanks between members.  Of members with
 * one name the last counts, and all of them are changed.
 */
typedef struct {
    ngx_str_t                        key;       /* decoded */
    ngx_str_t                        raw_key;   /* with its quotes */
    ngx_str_t                        value;     /* JSON text */
} ngx_http_gateway_json_member_t;

typedef struct {
    ngx_pool_t                      *pool;
    ngx_array_t                      members;   /* ..._json_member_t */
    unsigned                         changed:1;
} ngx_http_gateway_json_t;


/*
 * NGX_OK; NGX_DECLINED: the text is no JSON object; NGX_ERROR.  An empty text
 * is an empty object.
 */
ngx_int_t ngx_http_gateway_json_parse(ngx_pool_t *pool,
    const ngx_str_t *text, ngx_http_gateway_json_t *json);

/* NULL when there is none; valid until the next change */
ngx_http_gateway_json_member_t *ngx_http_gateway_json_find(
    ngx_http_gateway_json_t *json, const ngx_str_t *name);

/* there is none, or it is false */
ngx_uint_t ngx_http_gateway_json_lacks(ngx_http_gateway_json_t *json,
    const ngx_str_t *name);

void ngx_http_gateway_json_remove(ngx_http_gateway_json_t *json,
    const ngx_str_t *name);

/* over what has the new name; nothing when name is not there */
ngx_int_t ngx_http_gateway_json_rename(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, const ngx_str_t *to);

/* value is JSON text here and below; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_json_set(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, const ngx_str_t *value);

/*
 * To a string: an array of both; to an array: one more; an object stays as it
 * is; anything else: an array of the new value.
 */
ngx_int_t ngx_http_gateway_json_append(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, const ngx_str_t *value);

/* the whole text again */
ngx_int_t ngx_http_gateway_json_write(ngx_http_gateway_json_t *json,
    ngx_str_t *text);

/* a string as JSON text, with its quotes */
ngx_int_t ngx_http_gateway_json_quote(ngx_pool_t *pool, const ngx_str_t *s,
    ngx_str_t *text);


#endif /* _NGX_HTTP_GATEWAY_TRANSFORM_H_INCLUDED_ */
