
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_OTLP_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_OTLP_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Messages of OTLP 1, in protobuf.  They are written from the outside to the
 * inside; the length of one is put before it when it ends.
 */

typedef struct {
    ngx_pool_t                      *pool;
    u_char                          *start;
    u_char                          *pos;
    u_char                          *end;
    ngx_uint_t                       failed;    /* no memory */
} ngx_http_gateway_otlp_t;


/* where a message begins, which ..._close() is told */
size_t ngx_http_gateway_otlp_open(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field);
void ngx_http_gateway_otlp_close(ngx_http_gateway_otlp_t *out,
    size_t message);

/* without a field */
void ngx_http_gateway_otlp_varint(ngx_http_gateway_otlp_t *out, uint64_t n);

void ngx_http_gateway_otlp_bytes(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field, const void *data, size_t len);

/* fields that are encoded already */
void ngx_http_gateway_otlp_raw(ngx_http_gateway_otlp_t *out,
    const void *data, size_t len);

/* strings have to be UTF-8: other bytes become U+FFFD */
void ngx_http_gateway_otlp_utf8(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field, const ngx_str_t *s);

void ngx_http_gateway_otlp_fixed32(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field, uint32_t n);
void ngx_http_gateway_otlp_fixed64(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field, uint64_t n);

/* a KeyValue up to its value; what to close after it and the value */
size_t ngx_http_gateway_otlp_attribute(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field, const u_char *name, size_t len, size_t *value);

/* attributes: a text in any field, the others of a span */
void ngx_http_gateway_otlp_text(ngx_http_gateway_otlp_t *out,
    ngx_uint_t field, const char *name, ngx_str_t *value);
void ngx_http_gateway_otlp_number(ngx_http_gateway_otlp_t *out,
    const char *name, double value);
void ngx_http_gateway_otlp_integer(ngx_http_gateway_otlp_t *out,
    const char *name, uint64_t value);


#endif /* _NGX_HTTP_GATEWAY_OTLP_H_INCLUDED_ */
