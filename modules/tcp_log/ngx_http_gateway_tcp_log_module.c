
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends the log record of each request in a line over a TCP connection that
 * all requests of the worker share, in the log phase and without waiting.
 * When the server cannot be reached, records are lost with a message.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_sender.h"


typedef struct {
    ngx_http_gateway_record_conf_t   record;    /* must be the first */
    ngx_http_gateway_sender_t        sender;
} ngx_http_gateway_tcp_log_conf_t;


typedef struct {
    ngx_array_t                      confs;     /* ..._conf_t * */
} ngx_http_gateway_tcp_log_main_conf_t;


static void ngx_http_gateway_tcp_log_log(ngx_http_request_t *r, void *data);
static void ngx_http_gateway_tcp_log_defaults(void *data);
static char *ngx_http_gateway_tcp_log_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_tcp_log_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_tcp_log_init(ngx_conf_t *cf);
static void *ngx_http_gateway_tcp_log_create_main_conf(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_tcp_log_params[] = {

    { ngx_string("host"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_tcp_log_conf_t, sender.host), 0, 0,
      NULL },

    { ngx_string("port"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_tcp_log_conf_t, sender.port), 0, 65535,
      NULL },

    { ngx_string("timeout"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_tcp_log_conf_t, sender.timeout), 0, 2147483646,
      NULL },

    { ngx_string("keepalive"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_tcp_log_conf_t, sender.keepalive),
      0, 2147483646, NULL },

    { ngx_string("tls"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_tcp_log_conf_t, sender.tls), 0, 0,
      NULL },

    { ngx_string("tls_sni"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_tcp_log_conf_t, sender.sni), 0, 0,
      NULL },

    NGX_HTTP_GATEWAY_RECORD_PARAM,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_tcp_log = {
    ngx_string("tcp_log"),
    7,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_tcp_log_conf_t),
    ngx_http_gateway_tcp_log_params,
    ngx_http_gateway_tcp_log_defaults,
    ngx_http_gateway_tcp_log_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_tcp_log_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_tcp_log_commands[] = {

    { ngx_string("gateway_tcp_log"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_tcp_log },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_tcp_log_module_ctx = {
    ngx_http_gateway_tcp_log_preconfiguration, /* preconfiguration */
    ngx_http_gateway_tcp_log_init,            /* postconfiguration */

    ngx_http_gateway_tcp_log_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_tcp_log_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_tcp_log_module_ctx,    /* module context */
    ngx_http_gateway_tcp_log_commands,       /* module directives */
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
ngx_http_gateway_tcp_log_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_tcp_log_conf_t *conf = data;

    ngx_str_t  record;

    if (ngx_http_gateway_record(r, &conf->record, &record) != NGX_OK) {
        return;
    }

    record.data[record.len++] = LF;

    ngx_http_gateway_sender_send(&conf->sender, &record);
}


static void
ngx_http_gateway_tcp_log_defaults(void *data)
{
    ngx_http_gateway_tcp_log_conf_t *conf = data;

    ngx_str_set(&conf->sender.feature, "tcp_log");
    conf->sender.port = NGX_CONF_UNSET_UINT;
    conf->sender.type = SOCK_STREAM;
    conf->sender.timeout = 10000;
    conf->sender.keepalive = 60000;
}


static char *
ngx_http_gateway_tcp_log_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_tcp_log_conf_t *conf = data;

    ngx_http_gateway_tcp_log_conf_t       **p;
    ngx_http_gateway_tcp_log_main_conf_t   *mcf;

    if (conf->sender.host.len == 0) {
        return "needs \"host\"";
    }

    if (conf->sender.port == NGX_CONF_UNSET_UINT) {
        return "needs \"port\"";
    }

#if !(NGX_SSL)
    if (conf->sender.tls) {
        return "needs an nginx with TLS for \"tls\"";
    }
#endif

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_gateway_tcp_log_module);

    p = ngx_array_push(&mcf->confs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = conf;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_tcp_log_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_tcp_log);
}


static ngx_int_t
ngx_http_gateway_tcp_log_init(ngx_conf_t *cf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_tcp_log_conf_t       **conf;
    ngx_http_gateway_tcp_log_main_conf_t   *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_gateway_tcp_log_module);
    conf = mcf->confs.elts;

    for (i = 0; i < mcf->confs.nelts; i++) {
        if (ngx_http_gateway_sender_init(cf, &conf[i]->sender) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_tcp_log_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_tcp_log_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_tcp_log_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->confs, cf->pool, 2, sizeof(void *)) != NGX_OK) {
        return NULL;
    }

    return mcf;
}
