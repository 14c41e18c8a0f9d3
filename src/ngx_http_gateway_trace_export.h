
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_TRACE_EXPORT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRACE_EXPORT_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_fetch.h"
#include "ngx_http_gateway_queue.h"


/* spans on their way to a collector, through a queue, by POST */

typedef struct ngx_http_gateway_trace_export_s
    ngx_http_gateway_trace_export_t;

/*
 * Makes the body of one request of n entries, in the pool of the fetch.
 * NGX_OK or NGX_ERROR.
 */
typedef ngx_int_t (*ngx_http_gateway_trace_encode_pt)(
    ngx_http_gateway_trace_export_t *ex, ngx_str_t *entries, ngx_uint_t n,
    ngx_http_gateway_fetch_t *f);


/* what all exports of a policy have in common; part of its main conf */
typedef struct {
    ngx_http_gateway_fetcher_t       fetcher;
    ngx_array_t                      exports;   /* ..._export_t * */
} ngx_http_gateway_trace_exporter_t;


/* part of the conf of a policy; zeros and _defaults() first */
struct ngx_http_gateway_trace_export_s {
    /* parameters */
    ngx_str_t                        url;       /* empty: nothing is sent */
    ngx_array_t                     *headers;   /* ngx_keyval_t, names end
                                                   with a zero; or NULL */
    ngx_int_t                        connect_timeout;   /* milliseconds */
    ngx_int_t                        send_timeout;
    ngx_int_t                        read_timeout;
    ngx_http_gateway_queue_conf_t    queue_conf;

    /* of the policy */
    const char                      *content_type;
    ngx_http_gateway_trace_encode_pt encode;
    void                            *data;      /* of encode */

    ngx_http_gateway_trace_exporter_t *exporter;
    ngx_http_gateway_queue_t         queue;     /* feature and status are set
                                                   by the policy */
};


/* the rows of a table of parameters, but those of the URL and headers */
#define NGX_HTTP_GATEWAY_TRACE_EXPORT_PARAMS(type, member)                    \
    { ngx_string("connect_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,              \
      offsetof(type, member.connect_timeout), 0, 2147483646, NULL },          \
    { ngx_string("send_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,                 \
      offsetof(type, member.send_timeout), 0, 2147483646, NULL },             \
    { ngx_string("read_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,                 \
      offsetof(type, member.read_timeout), 0, 2147483646, NULL },             \
    NGX_HTTP_GATEWAY_QUEUE_PARAMS(type, member.queue_conf)


void ngx_http_gateway_trace_export_defaults(
    ngx_http_gateway_trace_export_t *ex);

/* for the policy's check: NGX_CONF_OK, or a phrase */
char *ngx_http_gateway_trace_export_check(ngx_conf_t *cf,
    ngx_http_gateway_trace_export_t *ex,
    ngx_http_gateway_trace_exporter_t *exporter);

/* for postconfiguration; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_trace_exporter_init(ngx_conf_t *cf,
    ngx_http_gateway_trace_exporter_t *exporter);

/* whether an entry of this length fits without another one giving way */
ngx_uint_t ngx_http_gateway_trace_export_room(
    ngx_http_gateway_trace_export_t *ex, size_t len);

/* takes a copy of an entry */
void ngx_http_gateway_trace_export(ngx_http_gateway_trace_export_t *ex,
    const ngx_str_t *entry);


#endif /* _NGX_HTTP_GATEWAY_TRACE_EXPORT_H_INCLUDED_ */
