
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_ARGS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ARGS_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Arguments "a=1&b=2" of a query string or of a form body.  Names and values
 * are parts of the original, still encoded.
 */
typedef struct {
    ngx_str_t                        raw;       /* between two "&" */
    ngx_str_t                        name;      /* before the first "=" */
    ngx_str_t                        value;     /* after it */
    unsigned                         bare:1;    /* there is no "=" */
} ngx_http_gateway_arg_t;


/*
 * Takes the next argument off *args; 0 at the end.  Empty ones ("a&&b") are
 * seen too.  Start with a copy of the string.
 */
ngx_uint_t ngx_http_gateway_arg_next(ngx_str_t *args,
    ngx_http_gateway_arg_t *arg);

/* 1 if the decoded name is that one, byte for byte; allocates nothing */
ngx_uint_t ngx_http_gateway_arg_is(ngx_http_gateway_arg_t *arg,
    const ngx_str_t *name);

/*
 * How many arguments have that name; *arg is the first of them.  At most two
 * are counted, which is all that callers ask for.
 */
ngx_uint_t ngx_http_gateway_args_find(const ngx_str_t *args,
    const ngx_str_t *name, ngx_http_gateway_arg_t *arg);

/*
 * Decodes "%41" and, as in forms, "+".  A "%" without two hex digits stands
 * for itself.  dst is src itself when there is nothing to decode.
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_unescape(ngx_pool_t *pool, const ngx_str_t *src,
    ngx_str_t *dst);

/*
 * Removes all arguments of that name.  The others keep their order and are
 * normalised: encoded unreserved characters are decoded ("%65" is "e"), the
 * hex digits of the rest are in upper case.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_args_remove(ngx_pool_t *pool, ngx_str_t *args,
    const ngx_str_t *name);

/* the same without normalising: the others stay byte for byte */
ngx_int_t ngx_http_gateway_args_cut(ngx_pool_t *pool, ngx_str_t *args,
    const ngx_str_t *name);

/*
 * Makes this the query string that goes upstream; it may be empty and is not
 * copied.  In a location outside of gateway_service nginx's own $args change
 * with it, and the URI goes upstream as nginx encodes it.
 */
void ngx_http_gateway_args_replace(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *args);


#endif /* _NGX_HTTP_GATEWAY_ARGS_H_INCLUDED_ */
