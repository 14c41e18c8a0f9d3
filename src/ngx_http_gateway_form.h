
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_FORM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_FORM_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Fields of a request body that is in memory: the arguments of an
 * "application/x-www-form-urlencoded" body, the members of the object that
 * an "application/json" body is, the parts of a "multipart/form-data" one.
 */

typedef enum {
    NGX_HTTP_GATEWAY_FIELD_NONE = 0, /* also: body not understood */
    NGX_HTTP_GATEWAY_FIELD_STRING,   /* one string, maybe empty */
    NGX_HTTP_GATEWAY_FIELD_LIST,     /* several, or an array or an object */
    NGX_HTTP_GATEWAY_FIELD_OTHER,    /* number, true, null; "a" without "=" */
    NGX_HTTP_GATEWAY_FIELD_ERROR     /* out of memory */
} ngx_http_gateway_field_e;

/* 1 if the Content-Type of the request is one of the three */
ngx_uint_t ngx_http_gateway_form_known(ngx_http_request_t *r);

/* looks a field up by its name, exactly; value is set for STRING, decoded */
ngx_http_gateway_field_e ngx_http_gateway_form_find(ngx_http_request_t *r,
    const ngx_str_t *body, const ngx_str_t *name, ngx_str_t *value);

/*
 * Removes all fields of that name.  What remains is byte for byte as it was,
 * but for blanks between JSON members, so the Content-Type stays right.
 * NGX_OK: *body is a new one; NGX_DECLINED: nothing to remove; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_form_remove(ngx_http_request_t *r,
    ngx_str_t *body, const ngx_str_t *name);


#endif /* _NGX_HTTP_GATEWAY_FORM_H_INCLUDED_ */
