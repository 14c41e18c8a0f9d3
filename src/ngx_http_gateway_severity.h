
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_SEVERITY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SEVERITY_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * What the log record of a request is worth in syslog: a severity by its
 * status, and a level up to which records are sent.  Numbers of the protocol:
 * less is more severe.
 */

#define NGX_HTTP_GATEWAY_SEVERITY_INFO  6


typedef struct {
    ngx_uint_t                       log_level;
    ngx_uint_t                       successful;
    ngx_uint_t                       client_errors;
    ngx_uint_t                       server_errors;
} ngx_http_gateway_severity_conf_t;


extern ngx_conf_enum_t  ngx_http_gateway_severities[];


#define ngx_http_gateway_severity_param(type, field, name)                    \
    { ngx_string(name), NGX_HTTP_GATEWAY_PARAM_ENUM, offsetof(type, field),   \
      0, 0, ngx_http_gateway_severities }

/* rows of a table of parameters */
#define NGX_HTTP_GATEWAY_SEVERITY_PARAMS(type, field)                         \
    ngx_http_gateway_severity_param(type, field.log_level, "log_level"),      \
    ngx_http_gateway_severity_param(type, field.successful,                   \
                                    "successful_severity"),                   \
    ngx_http_gateway_severity_param(type, field.client_errors,                \
                                    "client_errors_severity"),                \
    ngx_http_gateway_severity_param(type, field.server_errors,                \
                                    "server_errors_severity")


/* "info" for all of them */
void ngx_http_gateway_severity_defaults(
    ngx_http_gateway_severity_conf_t *conf);

/* NGX_OK, or NGX_DECLINED: the record is not sent */
ngx_int_t ngx_http_gateway_severity(ngx_http_request_t *r,
    ngx_http_gateway_severity_conf_t *conf, ngx_uint_t *severity);


#endif /* _NGX_HTTP_GATEWAY_SEVERITY_H_INCLUDED_ */
