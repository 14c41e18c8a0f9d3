
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_BODY_CONVERSION_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_BODY_CONVERSION_H_INCLUDED_


#include "ngx_http_gateway.h"


/* elements within one another */
#define NGX_HTTP_GATEWAY_CONVERSION_DEPTH   64

/* elements and attributes; as members of JSON that are looked at */
#define NGX_HTTP_GATEWAY_CONVERSION_NODES   262144

/* bytes of a name, from JSON */
#define NGX_HTTP_GATEWAY_CONVERSION_NAME    1024

/* attributes of an element, from JSON */
#define NGX_HTTP_GATEWAY_CONVERSION_ATTRS   128


typedef struct {
    ngx_pool_t                      *pool;
    ngx_str_t                        root;      /* its name, for JSON that
                                                   has none */
    ngx_str_t                        charset;   /* of Content-Type, for XML */
    size_t                           max;       /* bytes of the outcome */
    const char                      *why;       /* set with NGX_DECLINED: the
                                                   body "is ..." */
    ngx_str_t                        out;
    size_t                           size;      /* of its memory */
} ngx_http_gateway_conversion_t;


/*
 * NGX_OK: cv->out; NGX_DECLINED: it cannot be converted; NGX_ABORT: the
 * outcome would be larger than cv->max; NGX_ERROR
 */
typedef ngx_int_t (*ngx_http_gateway_conversion_pt)(
    ngx_http_gateway_conversion_t *cv, const ngx_str_t *in);


/* ngx_http_gateway_body_conversion_xml.c */

ngx_int_t ngx_http_gateway_conversion_xml_to_json(
    ngx_http_gateway_conversion_t *cv, const ngx_str_t *in);


/* ngx_http_gateway_body_conversion_json.c */

ngx_int_t ngx_http_gateway_conversion_json_to_xml(
    ngx_http_gateway_conversion_t *cv, const ngx_str_t *in);


/* ngx_http_gateway_body_conversion_text.c */

/* NGX_OK, NGX_ABORT or NGX_ERROR */
ngx_int_t ngx_http_gateway_conversion_put(ngx_http_gateway_conversion_t *cv,
    const void *data, size_t len);

#define ngx_http_gateway_conversion_puts(cv, s)                               \
    ngx_http_gateway_conversion_put(cv, s, sizeof(s) - 1)

/* sets cv->why */
ngx_int_t ngx_http_gateway_conversion_refuse(
    ngx_http_gateway_conversion_t *cv, const char *why);

/*
 * Goes over one character that XML may have, in UTF-8.  NGX_OK or
 * NGX_DECLINED.
 */
ngx_int_t ngx_http_gateway_conversion_char(u_char **p, u_char *last);

/*
 * An XML text in UTF-8: by its byte order mark, the charset of Content-Type
 * or its declaration, in that order (RFC 7303).  NGX_OK, NGX_DECLINED or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_conversion_decode(
    ngx_http_gateway_conversion_t *cv, const ngx_str_t *in, ngx_str_t *text);


#endif /* _NGX_HTTP_GATEWAY_BODY_CONVERSION_H_INCLUDED_ */
