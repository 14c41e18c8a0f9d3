
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Severities of log records, see the header.
 */


#include "ngx_http_gateway_severity.h"


ngx_conf_enum_t  ngx_http_gateway_severities[] = {
    { ngx_string("emerg"), 0 },
    { ngx_string("alert"), 1 },
    { ngx_string("crit"), 2 },
    { ngx_string("err"), 3 },
    { ngx_string("warning"), 4 },
    { ngx_string("notice"), 5 },
    { ngx_string("info"), NGX_HTTP_GATEWAY_SEVERITY_INFO },
    { ngx_string("debug"), 7 },
    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_gateway_severity(ngx_http_request_t *r,
    ngx_http_gateway_severity_conf_t *conf, ngx_uint_t *severity)
{
    ngx_uint_t  status;

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status >= 500) {
        *severity = conf->server_errors;

    } else if (status >= 400) {
        *severity = conf->client_errors;

    } else {
        *severity = conf->successful;
    }

    return (*severity > conf->log_level) ? NGX_DECLINED : NGX_OK;
}


void
ngx_http_gateway_severity_defaults(ngx_http_gateway_severity_conf_t *conf)
{
    conf->log_level = NGX_HTTP_GATEWAY_SEVERITY_INFO;
    conf->successful = NGX_HTTP_GATEWAY_SEVERITY_INFO;
    conf->client_errors = NGX_HTTP_GATEWAY_SEVERITY_INFO;
    conf->server_errors = NGX_HTTP_GATEWAY_SEVERITY_INFO;
}
