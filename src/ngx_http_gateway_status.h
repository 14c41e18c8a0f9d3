
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_STATUS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_STATUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * What the endpoints of the status listener have in common: their answers
 * and what they know of the process.
 */

/*
 * Sends a whole answer from a content handler, which returns the value.  out
 * may be NULL when len is 0; its last buffer gets the end flags.
 */
ngx_int_t ngx_http_gateway_status_send(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_str_t *type, ngx_chain_t *out, off_t len);

/* the same with {"message":"..."}; the text must need no escaping */
ngx_int_t ngx_http_gateway_status_message(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_str_t *message);

/* drops the request's body; NGX_OK, or answered: the handler returns *rc */
ngx_int_t ngx_http_gateway_status_get(ngx_http_request_t *r, ngx_int_t *rc);


/* a process of this nginx that serves, or still does after a reload */
typedef struct {
    ngx_pid_t                        pid;
    size_t                           memory;    /* private, resident bytes */
} ngx_http_gateway_worker_t;

/* in the order of pids; NULL on failure */
ngx_array_t *ngx_http_gateway_status_workers(ngx_pool_t *pool);


typedef struct {
    ngx_str_t                        name;
    size_t                           size;
    size_t                           used;      /* in bytes */
} ngx_http_gateway_zone_t;

/* the zones of the configuration, in its order; NULL on failure */
ngx_array_t *ngx_http_gateway_status_zones(ngx_pool_t *pool);


/*
 * Zones that take all pages at once and manage them themselves: whoever makes
 * one tells, by its "init", how many of these bytes are free.
 */
typedef struct ngx_http_gateway_zone_kind_s  ngx_http_gateway_zone_kind_t;

struct ngx_http_gateway_zone_kind_s {
    ngx_shm_zone_init_pt             init;
    size_t                         (*unused)(ngx_shm_zone_t *zone);
    ngx_http_gateway_zone_kind_t    *next;      /* set when it is added */
};

/* "kind" lives as long as the process; again is no error */
void ngx_http_gateway_status_zone_kind(ngx_http_gateway_zone_kind_t *kind);

/* bytes that are free in a zone, also in pages that one of a kind has taken */
size_t ngx_http_gateway_status_unused(ngx_shm_zone_t *zone);


/* the id of this nginx, the same over restarts; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_status_node_id(ngx_pool_t *pool, ngx_str_t *id);


/* counters of nginx, by name: accepted, active, handled, reading, ... */
typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        key;       /* in /status */
    ngx_atomic_t                   **value;
} ngx_http_gateway_stat_t;

/* ends with a null name */
extern ngx_http_gateway_stat_t  ngx_http_gateway_stats[];


#endif /* _NGX_HTTP_GATEWAY_STATUS_H_INCLUDED_ */
