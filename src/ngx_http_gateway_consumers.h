
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Consumers by what a token or a certificate calls them.
 */


#ifndef _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_


#include "ngx_http_gateway.h"


/* what to look at, in this order; bits */
#define NGX_HTTP_GATEWAY_BY_ID         0x01
#define NGX_HTTP_GATEWAY_BY_USERNAME   0x02
#define NGX_HTTP_GATEWAY_BY_CUSTOM_ID  0x04


typedef struct ngx_http_gateway_consumers_s  ngx_http_gateway_consumers_t;


/* for postconfiguration, when all consumers are known; NULL on failure */
ngx_http_gateway_consumers_t *ngx_http_gateway_consumers_init(
    ngx_conf_t *cf);

/* byte for byte; NULL when there is none */
ngx_http_gateway_consumer_t *ngx_http_gateway_consumers_find(
    ngx_http_gateway_consumers_t *consumers, ngx_uint_t by,
    const ngx_str_t *name);

/* a word of "consumer_by" as its bit, or 0 */
ngx_uint_t ngx_http_gateway_consumers_by(const ngx_str_t *word);


#endif /* _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_ */
