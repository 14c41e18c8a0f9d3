
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_STATSD_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_STATSD_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_queue.h"
#include "ngx_http_gateway_sender.h"


/*
 * Metrics of requests in the lines of StatsD, "name:value|type|@rate", which
 * wait in a queue and go out over UDP or TCP.  What could end a part of a line
 * in a name, of an entity or of a host, becomes "_".
 *
 * How to use it, in a policy:
 *
 *   - let the conf begin with a ngx_http_gateway_statsd_conf_t, with its rows
 *     NGX_HTTP_GATEWAY_STATSD_PARAMS(conf_t, field) in the table of parameters
 *     and ngx_http_gateway_statsd_defaults() in defaults();
 *   - return ngx_http_gateway_statsd_check() in check();
 *   - in the log phase call ngx_http_gateway_statsd_add().
 */

enum {
    NGX_HTTP_GATEWAY_STATSD_REQUEST_COUNT = 0,
    NGX_HTTP_GATEWAY_STATSD_LATENCY,
    NGX_HTTP_GATEWAY_STATSD_REQUEST_SIZE,
    NGX_HTTP_GATEWAY_STATSD_RESPONSE_SIZE,
    NGX_HTTP_GATEWAY_STATSD_UPSTREAM_LATENCY,
    NGX_HTTP_GATEWAY_STATSD_KONG_LATENCY,
    NGX_HTTP_GATEWAY_STATSD_VALUES,     /* those above have one */
    NGX_HTTP_GATEWAY_STATSD_STATUS_COUNT = NGX_HTTP_GATEWAY_STATSD_VALUES,
    NGX_HTTP_GATEWAY_STATSD_UNIQUE_USERS,
    NGX_HTTP_GATEWAY_STATSD_REQUEST_PER_USER,
    NGX_HTTP_GATEWAY_STATSD_STATUS_PER_USER,
    NGX_HTTP_GATEWAY_STATSD_STATUS_PER_WORKSPACE,
    NGX_HTTP_GATEWAY_STATSD_STATUS_PER_USER_PER_ROUTE,
    NGX_HTTP_GATEWAY_STATSD_SHDICT_USAGE
};


/* how tags are written */
enum {
    NGX_HTTP_GATEWAY_STATSD_NO_TAGS = 0,
    NGX_HTTP_GATEWAY_STATSD_DOGSTATSD,
    NGX_HTTP_GATEWAY_STATSD_INFLUXDB,
    NGX_HTTP_GATEWAY_STATSD_LIBRATO,
    NGX_HTTP_GATEWAY_STATSD_SIGNALFX
};


/* what entities are called by; 0: the default */
enum {
    NGX_HTTP_GATEWAY_STATSD_BY_DEFAULT = 0,
    NGX_HTTP_GATEWAY_STATSD_CONSUMER_ID,
    NGX_HTTP_GATEWAY_STATSD_CUSTOM_ID,
    NGX_HTTP_GATEWAY_STATSD_USERNAME,
    NGX_HTTP_GATEWAY_STATSD_SERVICE_ID,
    NGX_HTTP_GATEWAY_STATSD_SERVICE_NAME,
    NGX_HTTP_GATEWAY_STATSD_SERVICE_HOST,
    NGX_HTTP_GATEWAY_STATSD_SERVICE_NAME_OR_HOST,
    NGX_HTTP_GATEWAY_STATSD_WORKSPACE_ID,
    NGX_HTTP_GATEWAY_STATSD_WORKSPACE_NAME
};


typedef struct {
    ngx_uint_t                       name;
    const char                      *type;      /* "c", "ms", ... */
    ngx_str_t                        rate;      /* empty: 1 */
    ngx_uint_t                       consumer;  /* by what */
    ngx_uint_t                       service;
    ngx_uint_t                       workspace;
    ngx_array_t                      tags;      /* ngx_str_t */
} ngx_http_gateway_statsd_metric_t;


/* the head of the confs of policies that send such lines */
typedef struct {
    ngx_http_gateway_instance_t      instance;
    ngx_http_gateway_sender_t        sender;
    ngx_http_gateway_queue_conf_t    queue_conf;
    ngx_http_gateway_queue_t         queue;
    ngx_str_t                        prefix;
    ngx_array_t                     *metrics;   /* ..._metric_t */
    ngx_uint_t                       last;      /* of the names of metrics
                                                   that are allowed */
    ngx_uint_t                       packet_size;  /* 0: a line each */
    ngx_flag_t                       use_tcp;
} ngx_http_gateway_statsd_conf_t;


/* of a request */
typedef struct {
    ngx_msec_int_t                   value[NGX_HTTP_GATEWAY_STATSD_VALUES];
    ngx_uint_t                       status;    /* -1: there is none */
} ngx_http_gateway_statsd_values_t;


/* what values are called in lines, by number of the metric */
extern const char  *ngx_http_gateway_statsd_stats[];

extern ngx_conf_enum_t  ngx_http_gateway_statsd_identifiers[];


/* rows of a table of parameters; the field begins the conf */
#define NGX_HTTP_GATEWAY_STATSD_PARAMS(type, field)                           \
    NGX_HTTP_GATEWAY_SENDER_HOST_PARAMS(type, field.sender),                  \
    { ngx_string("prefix"), NGX_HTTP_GATEWAY_PARAM_STRING,                    \
      offsetof(type, field.prefix), 0, 0, NULL },                             \
    { ngx_string("metrics"), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,          \
      ngx_http_gateway_statsd_metric },                                       \
    NGX_HTTP_GATEWAY_QUEUE_PARAMS(type, field.queue_conf)


void ngx_http_gateway_statsd_values(ngx_http_request_t *r,
    ngx_http_gateway_statsd_values_t *values);

/* parts of lines; what they return is where they end */
u_char *ngx_http_gateway_statsd_put(u_char *p, const ngx_str_t *name,
    ngx_uint_t dots);
u_char *ngx_http_gateway_statsd_end(u_char *p, ngx_uint_t style,
    const ngx_str_t *tags, const ngx_str_t *value, const char *type,
    const ngx_str_t *rate);

/* an identifier of what there is; NGX_DECLINED: none */
ngx_int_t ngx_http_gateway_statsd_consumer(
    ngx_http_gateway_consumer_t *consumer, ngx_uint_t by, ngx_str_t *name);
ngx_int_t ngx_http_gateway_statsd_service(ngx_http_gateway_service_t *service,
    ngx_uint_t by, ngx_str_t *name);

/* queues lines, each of which ends with a line feed */
void ngx_http_gateway_statsd_add(ngx_http_gateway_statsd_conf_t *conf,
    const ngx_str_t *lines);

/*
 * A ngx_http_gateway_param_pt, one metric of a directive:
 * "latency|gauge|sample_rate=0.5|tag=a:b"; an empty value is an empty list.
 */
char *ngx_http_gateway_statsd_metric(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);

/*
 * localhost, port 8125, prefix "kong", those of the queue; last: of the names
 * of metrics that are allowed
 */
void ngx_http_gateway_statsd_defaults(ngx_http_gateway_statsd_conf_t *conf,
    const char *feature, ngx_uint_t last);

/*
 * After the parameters: NGX_CONF_OK, a phrase, or NGX_CONF_ERROR.  standard:
 * metrics of a directive without any, up to a null string.
 */
char *ngx_http_gateway_statsd_check(ngx_conf_t *cf,
    ngx_http_gateway_statsd_conf_t *conf, ngx_str_t *standard);


#endif /* _NGX_HTTP_GATEWAY_STATSD_H_INCLUDED_ */
