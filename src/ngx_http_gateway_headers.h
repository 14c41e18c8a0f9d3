
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_HEADERS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_HEADERS_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Request headers, as later policies and the upstream see them.  nginx's
 * proxy sends every element of r->headers_in.headers whatever its hash, so
 * removal really takes the element out; pointers in r->headers_in follow.
 */

/*
 * The n-th header (from 0) of that name; "_" and "-" are different here.
 * lowcase must be in lower case.  NULL when there is none.
 */
ngx_table_elt_t *ngx_http_gateway_header_in(ngx_http_request_t *r,
    const ngx_str_t *lowcase, ngx_uint_t n);

/*
 * How many headers of that name there are, where two stands for any number
 * above one; *h is the first.
 */
ngx_uint_t ngx_http_gateway_header_in_find(ngx_http_request_t *r,
    const ngx_str_t *lowcase, ngx_table_elt_t **h);

/*
 * A bit of its own for most names, in any case of letters: the bits of those
 * that a message has tell of many others that it has not.  name is not empty.
 */
#define ngx_http_gateway_header_mark(name)                                    \
    ((uint64_t) 1 << ((((name)->data[0] | 0x20)                               \
                       + ((name)->data[(name)->len - 1] | 0x20)               \
                       + (name)->len * 5) & 63))

/* the bits of all request headers, those that wait too */
uint64_t ngx_http_gateway_header_in_marks(ngx_http_request_t *r);

/* headers that wait in ctx->pending, see below */
#define NGX_HTTP_GATEWAY_MAX_PENDING  16

/*
 * A name that is set on many requests, so that neither its hash nor its place
 * in r->headers_in is looked up each time.  Define a static one with
 * ngx_http_gateway_header_name("X-Consumer-ID", "x-consumer-id").
 */
typedef struct {
    ngx_str_t                        name;      /* as it goes upstream */
    ngx_str_t                        lowcase;
    ngx_uint_t                       hash;      /* 0: on first use */
    ngx_uint_t                       offset;    /* in ngx_http_headers_in_t;
                                                   0: has no place there */
} ngx_http_gateway_header_name_t;

#define ngx_http_gateway_header_name(name, lowcase)                           \
    { ngx_string(name), ngx_string(lowcase), 0, 0 }

/* replaces all headers of that name by one; the value is not copied */
ngx_int_t ngx_http_gateway_header_in_put(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t *header, const ngx_str_t *value);

/*
 * Adds one without looking for others of that name.  For services that send
 * $gateway_upstream_headers it only joins ctx->pending, from where it is
 * copied into that value: nginx's list and the proxy's walk over it cost four
 * times as much.  The functions here see both.
 */
ngx_int_t ngx_http_gateway_header_in_add(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t *header, const ngx_str_t *value);

/*
 * The same for several at once, none of which has a place in r->headers_in
 * (as all "X-..." that nginx does not know).
 */
typedef struct {
    ngx_http_gateway_header_name_t  *header;
    const ngx_str_t                 *value;
} ngx_http_gateway_header_line_t;

ngx_int_t ngx_http_gateway_header_in_add_lines(ngx_http_request_t *r,
    ngx_http_gateway_header_line_t *lines, ngx_uint_t n);

/*
 * Replaces all headers of that name by one; name as it goes upstream
 * ("X-Consumer-ID"), lowcase the same in lower case.  Neither string nor the
 * value is copied: they live as long as the request.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_header_in_set(ngx_http_request_t *r,
    const ngx_str_t *name, const ngx_str_t *lowcase, const ngx_str_t *value);

/* removes all headers of that name; returns how many there were */
ngx_uint_t ngx_http_gateway_header_in_remove(ngx_http_request_t *r,
    const ngx_str_t *lowcase);

/* adds one response header; strings are not copied.  NULL on failure */
ngx_table_elt_t *ngx_http_gateway_header_out_add(ngx_http_request_t *r,
    const ngx_str_t *name, const ngx_str_t *value);

/* removes all response headers of that name (any case) from the list */
void ngx_http_gateway_header_out_remove(ngx_http_request_t *r,
    const ngx_str_t *name);


#endif /* _NGX_HTTP_GATEWAY_HEADERS_H_INCLUDED_ */
