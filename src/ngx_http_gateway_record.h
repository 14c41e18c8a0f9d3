
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_RECORD_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_RECORD_H_INCLUDED_


#include "ngx_http_gateway.h"


/* the head of the confs of all policies that write log records */
typedef struct {
    ngx_http_gateway_instance_t      instance;
    ngx_array_t                     *fields;    /* custom ones, or NULL */
} ngx_http_gateway_record_conf_t;


/* the one workspace that declarative files have; its name is "default" */
#define NGX_HTTP_GATEWAY_RECORD_WORKSPACE                                     \
    "0dc6f45b-8f8d-40d2-a504-473544ee190b"


/* milliseconds */
typedef struct {
    ngx_msec_int_t                   request;
    ngx_msec_int_t                   gateway;   /* until a peer was chosen */
    ngx_msec_int_t                   proxy;     /* to the head of its answer;
                                                   -1: there is none */
    ngx_msec_int_t                   receive;
} ngx_http_gateway_record_times_t;


/* the row of their tables of parameters for custom fields */
#define NGX_HTTP_GATEWAY_RECORD_PARAM                                         \
    { ngx_string("custom_fields_by_lua."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0,  \
      0, 0, ngx_http_gateway_record_field }


/*
 * The record of the request as one JSON object in one line, in r->pool; one
 * byte behind it may be written to (a line feed).  NGX_OK, or NGX_ERROR: no
 * memory, or a record of more than 2 MB, which was logged.
 */
ngx_int_t ngx_http_gateway_record(ngx_http_request_t *r,
    ngx_http_gateway_record_conf_t *rcf, ngx_str_t *record);

/* what "latencies" of the record says */
void ngx_http_gateway_record_times(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_record_times_t *times);

/* a ngx_http_gateway_param_pt */
char *ngx_http_gateway_record_field(ngx_conf_t *cf, void *conf,
    ngx_str_t *name, ngx_str_t *value);

/* the setter of "gateway_record", which the core has */
char *ngx_http_gateway_record_entity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_GATEWAY_RECORD_H_INCLUDED_ */
