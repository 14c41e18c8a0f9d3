
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_PROXY_CACHE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PROXY_CACHE_H_INCLUDED_


#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN  32      /* SHA-256 */


typedef struct ngx_http_gateway_proxy_cache_store_s
    ngx_http_gateway_proxy_cache_store_t;


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_str_t                        id;        /* of the plugin, or nil */
    ngx_str_t                        zone;
    ngx_array_t                     *response_code;   /* ngx_str_t */
    ngx_array_t                     *request_method;  /* ngx_str_t */
    ngx_array_t                     *content_type;    /* ngx_str_t */
    ngx_array_t                     *vary_query_params;  /* or NULL */
    ngx_array_t                     *vary_headers;       /* or NULL */
    ngx_int_t                        cache_ttl;
    ngx_int_t                        storage_ttl;     /* -1: not given */
    ngx_flag_t                       cache_control;
    ngx_flag_t                       ignore_uri_case;
    ngx_flag_t                       age;             /* what is shown */
    ngx_flag_t                       status;
    ngx_flag_t                       key;
    ngx_int_t                        max_body_size;
    ngx_flag_t                       lock;
    ngx_int_t                        lock_timeout;    /* seconds */
    ngx_int_t                        lock_age;

    ngx_array_t                      codes;     /* ngx_uint_t */
    ngx_http_gateway_proxy_cache_store_t  *store;
} ngx_http_gateway_proxy_cache_conf_t;


/* an entry; head: per header the lengths of name and value, and both */
typedef struct {
    ngx_uint_t                       status;
    time_t                           timestamp;
    time_t                           ttl;       /* freshness */
    time_t                           expires;   /* leaves memory; 0: never */
    off_t                            length;    /* of the body that HEAD did
                                                   not get; -1: unknown */
    ngx_str_t                        head;
    ngx_str_t                        body;
} ngx_http_gateway_proxy_cache_entry_t;

/* where it was found */
typedef struct {
    ngx_uint_t                       shard;
    uint32_t                         node;
    uint64_t                         generation;
    uint32_t                         epoch;     /* also when not found */
} ngx_http_gateway_proxy_cache_place_t;


/* the store, ngx_http_gateway_proxy_cache_store.c */

/* the zone of that name, declared with size 0 where it is only used... */
ngx_http_gateway_proxy_cache_store_t *ngx_http_gateway_proxy_cache_zone_add(
    ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag);

/* ...and has the default size then: after all was read */
void ngx_http_gateway_proxy_cache_zone_sizes(ngx_conf_t *cf);

/*
 * NGX_OK: everything of the entry but its bytes, whose lengths are set;
 * NGX_DECLINED: there is none; NGX_BUSY: the lock could not be had
 */
ngx_int_t ngx_http_gateway_proxy_cache_find(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key,
    ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_place_t *place);

/* its bytes, copied to the pool; NGX_DECLINED: it is gone; or NGX_ERROR */
ngx_int_t ngx_http_gateway_proxy_cache_read(
    ngx_http_gateway_proxy_cache_store_t *store, ngx_pool_t *pool,
    ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_place_t *place);

/*
 * Replaces the entry.  NGX_DECLINED: there is no room, or all was removed
 * since that place was looked at; NGX_BUSY
 */
ngx_int_t ngx_http_gateway_proxy_cache_write(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key,
    ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_place_t *place);

/* NGX_OK, NGX_DECLINED: there was none, or NGX_BUSY */
ngx_int_t ngx_http_gateway_proxy_cache_remove(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key);

/*
 * The request that fetches what a key names, for so many milliseconds.
 * NGX_OK: this one does, and calls _end(); NGX_AGAIN: another one does;
 * NGX_DECLINED: nobody need wait; or NGX_BUSY
 */
ngx_int_t ngx_http_gateway_proxy_cache_begin(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key,
    ngx_http_gateway_proxy_cache_place_t *place, ngx_msec_t age,
    uint64_t *token);

/* open: what came is not stored, for some seconds nobody need wait */
void ngx_http_gateway_proxy_cache_end(
    ngx_http_gateway_proxy_cache_store_t *store, const u_char *key,
    ngx_http_gateway_proxy_cache_place_t *place, uint64_t token,
    ngx_uint_t open);

/* removes all; NGX_OK or NGX_BUSY */
ngx_int_t ngx_http_gateway_proxy_cache_flush(
    ngx_http_gateway_proxy_cache_store_t *store);


/* rules, ngx_http_gateway_proxy_cache_rules.c */

/* what Cache-Control of a request or response says; -1: not given */
typedef struct {
    ngx_int_t                        max_age;
    ngx_int_t                        s_maxage;
    ngx_int_t                        max_stale;
    ngx_int_t                        min_fresh;
    unsigned                         no_store:1;
    unsigned                         no_cache:1;
    unsigned                         private:1;
    unsigned                         only_if_cached:1;
} ngx_http_gateway_proxy_cache_control_t;

void ngx_http_gateway_proxy_cache_request_control(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_control_t *cc);
void ngx_http_gateway_proxy_cache_response_control(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_control_t *cc);

/* seconds for which the response says that it is fresh; 0: it is not */
time_t ngx_http_gateway_proxy_cache_resource_ttl(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_control_t *cc);

/* 1 if the type is that one, "*" standing for any, with its parameters */
ngx_uint_t ngx_http_gateway_proxy_cache_type_matches(ngx_str_t *expected,
    ngx_str_t *text);

/* of the request; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_proxy_cache_key(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_proxy_cache_conf_t *conf,
    u_char *key);


/* purging, ngx_http_gateway_proxy_cache_admin.c */

/* all instances: ngx_http_gateway_proxy_cache_conf_t * */
ngx_array_t *ngx_http_gateway_proxy_cache_instances(void);

ngx_int_t ngx_http_gateway_proxy_cache_add_routes(ngx_conf_t *cf);

/* the next header of an entry's head; 0 at the end */
ngx_uint_t ngx_http_gateway_proxy_cache_next_header(ngx_str_t *head,
    ngx_str_t *name, ngx_str_t *value);


#endif /* _NGX_HTTP_GATEWAY_PROXY_CACHE_H_INCLUDED_ */
