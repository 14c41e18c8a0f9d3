
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends the log record of each request in a datagram, in the log phase and
 * without waiting.  What the network loses is lost.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_sender.h"


static void ngx_http_gateway_udp_log_log(ngx_http_request_t *r, void *data);
static void ngx_http_gateway_udp_log_defaults(void *data);
static char *ngx_http_gateway_udp_log_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_udp_log_preconfiguration(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_udp_log_params[] = {

    NGX_HTTP_GATEWAY_SENDER_PARAMS(ngx_http_gateway_sender_record_conf_t,
                                   sender),

    NGX_HTTP_GATEWAY_RECORD_PARAM,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_udp_log = {
    ngx_string("udp_log"),
    8,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_sender_record_conf_t),
    ngx_http_gateway_udp_log_params,
    ngx_http_gateway_udp_log_defaults,
    ngx_http_gateway_udp_log_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_udp_log_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_udp_log_commands[] = {

    { ngx_string("gateway_udp_log"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_udp_log },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_udp_log_module_ctx = {
    ngx_http_gateway_udp_log_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_udp_log_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_udp_log_module_ctx,    /* module context */
    ngx_http_gateway_udp_log_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void
ngx_http_gateway_udp_log_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_sender_record_conf_t *conf = data;

    ngx_str_t  record;

    if (ngx_http_gateway_record(r, &conf->record, &record) != NGX_OK) {
        return;
    }

    ngx_http_gateway_sender_send(&conf->sender, &record);
}


static void
ngx_http_gateway_udp_log_defaults(void *data)
{
    ngx_http_gateway_sender_record_conf_t *conf = data;

    ngx_str_set(&conf->sender.feature, "udp_log");
    conf->sender.port = NGX_CONF_UNSET_UINT;
    conf->sender.type = SOCK_DGRAM;
    conf->sender.timeout = 10000;
    conf->sender.keepalive = 60000;
}


static char *
ngx_http_gateway_udp_log_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_sender_record_conf_t *conf = data;

    return ngx_http_gateway_sender_check(cf, &conf->sender);
}


static ngx_int_t
ngx_http_gateway_udp_log_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_udp_log);
}
