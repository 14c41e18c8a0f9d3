
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of response_ratelimiting share.
 */


#ifndef _NGX_HTTP_GATEWAY_RESPONSE_RATELIMITING_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_RESPONSE_RATELIMITING_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_counts.h"
#include "ngx_http_gateway_redis.h"
#include "ngx_http_gateway_shm.h"
#include "ngx_http_gateway_windows.h"


/* one period of one named limit */
typedef struct {
    ngx_uint_t                    period;    /* index of the period */
    int64_t                       limit;     /* rounded up */
    uint32_t                      less;      /* by so many millionths */
    ngx_str_t                     text;      /* the limit in headers */
    ngx_str_t                     limit_header;
    ngx_str_t                     remaining_header;
} ngx_http_gateway_response_window_t;


typedef struct {
    ngx_str_t                     name;      /* "video" */
    double                        values[NGX_HTTP_GATEWAY_PERIODS]; /* 0:
                                                not given */
    uint32_t                      less[NGX_HTTP_GATEWAY_PERIODS];
    ngx_uint_t                    n;
    ngx_http_gateway_response_window_t
                                  windows[NGX_HTTP_GATEWAY_PERIODS];
    time_t                        ttl;       /* of the longest */
    ngx_str_t                     upstream_header;
    ngx_str_t                     upstream_lowcase;
    ngx_str_t                     message;   /* of a refusal */
} ngx_http_gateway_response_limit_t;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_array_t                  *limits;    /* ..._response_limit_t */
    ngx_str_t                     header_name;
    ngx_uint_t                    limit_by;
    ngx_uint_t                    policy;
    ngx_flag_t                    fault_tolerant;
    ngx_flag_t                    hide_client_headers;
    ngx_flag_t                    block_on_first_violation;
    ngx_http_gateway_redis_conf_t redis;

    ngx_uint_t                    n;         /* windows of all limits */
    ngx_http_gateway_redis_t     *server;
} ngx_http_gateway_response_ratelimiting_conf_t;


typedef struct {
    ngx_http_gateway_shm_t       *shm;       /* of policy=local */
    size_t                        size;      /* of the zone */
    ngx_http_gateway_counts_conf_t
                                  counts;    /* kept over restarts */
    unsigned                      used:1;    /* some instance needs it */
    time_t                        logged;    /* counters not to be had */
} ngx_http_gateway_response_ratelimiting_main_conf_t;


/* of a request that asks Redis */
typedef enum {
    NGX_HTTP_GATEWAY_RESPONSE_NEW = 0,
    NGX_HTTP_GATEWAY_RESPONSE_ASKED,
    NGX_HTTP_GATEWAY_RESPONSE_ANSWERED,
    NGX_HTTP_GATEWAY_RESPONSE_FAILED
} ngx_http_gateway_response_state_e;


/* kept with the request; arrays follow the order of the limits */
typedef struct {
    ngx_http_gateway_data_t       head;      /* must be the first */
    ngx_uint_t                    state;
    ngx_uint_t                    kind;      /* of the identifier */
    ngx_str_t                     id;
    uint32_t                      start[NGX_HTTP_GATEWAY_PERIODS];
    int64_t                      *used;      /* of each window, before this
                                                request */
    int64_t                      *announced; /* of each limit, by the
                                                response */
    ngx_uint_t                    n;         /* elements of used */
    unsigned                      known:1;   /* used[] is set */
    unsigned                      stopped:1; /* the response is refused */
} ngx_http_gateway_response_ratelimiting_data_t;


extern ngx_module_t  ngx_http_gateway_response_ratelimiting_module;


/* counters of this nginx, ngx_http_gateway_response_ratelimiting_local.c */

/* fills data->used; NGX_OK, or NGX_BUSY: the counters cannot be had */
ngx_int_t ngx_http_gateway_response_ratelimiting_local(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf,
    ngx_http_gateway_response_ratelimiting_data_t *data);

/* adds data->announced */
void ngx_http_gateway_response_ratelimiting_local_count(
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf,
    ngx_http_gateway_response_ratelimiting_data_t *data);

ngx_int_t ngx_http_gateway_response_ratelimiting_local_zone(ngx_conf_t *cf,
    ngx_http_gateway_response_ratelimiting_main_conf_t *mcf);


/* counters of many, ngx_http_gateway_response_ratelimiting_redis.c */

/*
 * The same; NGX_AGAIN: return that, and call it again in the next call of the
 * access handler; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_response_ratelimiting_redis(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data);

void ngx_http_gateway_response_ratelimiting_redis_count(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data);


#endif /* _NGX_HTTP_GATEWAY_RESPONSE_RATELIMITING_H_INCLUDED_ */
