
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_COUNTS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_COUNTS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_shm.h"


/*
 * Zones of counters that survive restarts.  Each is a file of a directory,
 * named after the zone: read when the zone is made, and written anew every
 * interval in which somebody was counted by nginx's cache manager, a process
 * beside the workers, so that none of them waits for a disk.  The master
 * writes it once more when nginx ends.  Without a master its only process
 * does all of that.
 *
 * A file that cannot be used (damaged, under another secret, ...) is put
 * aside with a warning.  See gateway_counts.h for what is in it.
 */

/* what a directive says; zeros before */
typedef struct {
    ngx_str_t                     path;      /* of the directory; none: the
                                                zone is not kept */
    ngx_msec_t                    interval;
    u_char                       *file_name; /* of the directive */
    ngx_uint_t                    line;
} ngx_http_gateway_counts_conf_t;

/* 1 if the value of an entry is still worth something */
typedef ngx_uint_t (*ngx_http_gateway_counts_live_pt)(const void *value,
    time_t now);


/*
 * The parameters "path=" and "interval=" of a directive, its arguments from
 * the one with that number on.
 */
char *ngx_http_gateway_counts_params(ngx_conf_t *cf,
    ngx_http_gateway_counts_conf_t *conf, ngx_uint_t first);

/*
 * Keeps a zone that was just added, if the directive of that name says so;
 * value_size and layout are those of ..._shm_add().  The secret has to be
 * known by now.  live NULL: until it expires.
 */
ngx_int_t ngx_http_gateway_counts_add(ngx_conf_t *cf,
    ngx_http_gateway_counts_conf_t *conf, const char *directive,
    ngx_str_t *zone, ngx_http_gateway_shm_t *shm, size_t value_size,
    ngx_uint_t layout, ngx_http_gateway_counts_live_pt live);


/* hooks of the core's module */
ngx_int_t ngx_http_gateway_counts_init_process(ngx_cycle_t *cycle);
void ngx_http_gateway_counts_exit_master(ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_GATEWAY_COUNTS_H_INCLUDED_ */
