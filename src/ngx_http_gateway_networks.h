
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_NETWORKS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_NETWORKS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * A set of addresses, written as addresses and networks of IPv4 and IPv6.
 * Members are kept as sorted ranges that neither overlap nor touch, so one of
 * 100,000 networks is found in at most 17 comparisons.
 */
typedef struct ngx_http_gateway_networks_s  ngx_http_gateway_networks_t;


/* an empty set; it and all it grows to come from pool.  NULL: no memory */
ngx_http_gateway_networks_t *ngx_http_gateway_networks_create(
    ngx_pool_t *pool);

/*
 * Adds "1.2.3.4", "1.2.3.0/24" or the same of IPv6.  NGX_OK; NGX_DONE: added,
 * but bits behind the mask were set; NGX_DECLINED: that is no address, which
 * the caller reports; NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_networks_add(ngx_http_gateway_networks_t *set,
    ngx_str_t *text);

/* puts in order what was added; nothing is found before */
void ngx_http_gateway_networks_finish(ngx_http_gateway_networks_t *set);

/*
 * Adds n texts of a directive to *set, which is made when it is NULL, and
 * finishes it.  Errors name the text, the directive and its place; so do
 * warnings of bits behind a mask.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_networks_list(ngx_conf_t *cf, ngx_str_t *texts,
    ngx_uint_t n, const char *directive, ngx_http_gateway_networks_t **set);

/*
 * 1 if the address is in the set.  An IPv4 address in the form of IPv6
 * (::ffff:192.0.2.1) is an IPv4 address.  No other family is ever in it.
 */
ngx_uint_t ngx_http_gateway_networks_match(
    const ngx_http_gateway_networks_t *set, struct sockaddr *sa);

/*
 * Reads a file of one address or network a line; "#" begins a comment.
 * Returns the finished set, or NULL after telling the log, at level, what is
 * wrong with the file and where.
 */
ngx_http_gateway_networks_t *ngx_http_gateway_networks_read(ngx_pool_t *pool,
    ngx_str_t *path, ngx_uint_t level, ngx_log_t *log);


#endif /* _NGX_HTTP_GATEWAY_NETWORKS_H_INCLUDED_ */
