
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends the log record of each request to the syslog of the system, in the log
 * phase and without waiting.  What it does not take is lost.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_sender.h"


#define NGX_HTTP_GATEWAY_SYSLOG_SOCKET  "unix:/dev/log"

#define NGX_HTTP_GATEWAY_SYSLOG_USER    1
#define NGX_HTTP_GATEWAY_SYSLOG_INFO    6


typedef struct {
    ngx_http_gateway_record_conf_t   record;    /* must be the first */
    ngx_http_gateway_sender_t        sender;

    /* numbers of the protocol: less is more severe */
    ngx_uint_t                       log_level;
    ngx_uint_t                       successful_severity;
    ngx_uint_t                       client_errors_severity;
    ngx_uint_t                       server_errors_severity;
    ngx_uint_t                       facility;
} ngx_http_gateway_syslog_conf_t;


typedef struct {
    ngx_array_t                      confs;     /* ..._conf_t * */
} ngx_http_gateway_syslog_main_conf_t;


static void ngx_http_gateway_syslog_log(ngx_http_request_t *r, void *data);
static void ngx_http_gateway_syslog_defaults(void *data);
static char *ngx_http_gateway_syslog_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_syslog_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_syslog_init(ngx_conf_t *cf);
static void *ngx_http_gateway_syslog_create_main_conf(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_syslog_levels[] = {
    { ngx_string("emerg"), 0 },
    { ngx_string("alert"), 1 },
    { ngx_string("crit"), 2 },
    { ngx_string("err"), 3 },
    { ngx_string("warning"), 4 },
    { ngx_string("notice"), 5 },
    { ngx_string("info"), 6 },
    { ngx_string("debug"), 7 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_syslog_facilities[] = {
    { ngx_string("kern"), 0 },
    { ngx_string("user"), 1 },
    { ngx_string("mail"), 2 },
    { ngx_string("daemon"), 3 },
    { ngx_string("auth"), 4 },
    { ngx_string("syslog"), 5 },
    { ngx_string("lpr"), 6 },
    { ngx_string("news"), 7 },
    { ngx_string("uucp"), 8 },
    { ngx_string("cron"), 10 },
    { ngx_string("authpriv"), 11 },
    { ngx_string("ftp"), 12 },
    { ngx_string("local0"), 16 },
    { ngx_string("local1"), 17 },
    { ngx_string("local2"), 18 },
    { ngx_string("local3"), 19 },
    { ngx_string("local4"), 20 },
    { ngx_string("local5"), 21 },
    { ngx_string("local6"), 22 },
    { ngx_string("local7"), 23 },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_syslog_params[] = {

    { ngx_string("log_level"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_syslog_conf_t, log_level), 0, 0,
      ngx_http_gateway_syslog_levels },

    { ngx_string("successful_severity"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_syslog_conf_t, successful_severity), 0, 0,
      ngx_http_gateway_syslog_levels },

    { ngx_string("client_errors_severity"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_syslog_conf_t, client_errors_severity), 0, 0,
      ngx_http_gateway_syslog_levels },

    { ngx_string("server_errors_severity"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_syslog_conf_t, server_errors_severity), 0, 0,
      ngx_http_gateway_syslog_levels },

    { ngx_string("facility"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_syslog_conf_t, facility), 0, 0,
      ngx_http_gateway_syslog_facilities },

    { ngx_string("socket"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_syslog_conf_t, sender.host), 0, 0,
      NULL },

    NGX_HTTP_GATEWAY_RECORD_PARAM,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_syslog = {
    ngx_string("syslog"),
    4,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_syslog_conf_t),
    ngx_http_gateway_syslog_params,
    ngx_http_gateway_syslog_defaults,
    ngx_http_gateway_syslog_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_syslog_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_syslog_commands[] = {

    { ngx_string("gateway_syslog"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_syslog },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_syslog_module_ctx = {
    ngx_http_gateway_syslog_preconfiguration, /* preconfiguration */
    ngx_http_gateway_syslog_init,            /* postconfiguration */

    ngx_http_gateway_syslog_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_syslog_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_syslog_module_ctx,    /* module context */
    ngx_http_gateway_syslog_commands,       /* module directives */
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
ngx_http_gateway_syslog_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_syslog_conf_t *conf = data;

    u_char      *p;
    ngx_str_t    record, line;
    ngx_uint_t   status, severity;

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status >= 500) {
        severity = conf->server_errors_severity;

    } else if (status >= 400) {
        severity = conf->client_errors_severity;

    } else {
        severity = conf->successful_severity;
    }

    if (severity > conf->log_level) {
        return;
    }

    if (ngx_http_gateway_record(r, &conf->record, &record) != NGX_OK) {
        return;
    }

    line.data = ngx_pnalloc(r->pool, sizeof("<191>") + sizeof(" kong: ")
                                     + ngx_cached_syslog_time.len
                                     + record.len);
    if (line.data == NULL) {
        return;
    }

    p = ngx_sprintf(line.data, "<%ui>%V kong: ",
                    conf->facility * 8 + severity, &ngx_cached_syslog_time);
    p = ngx_cpymem(p, record.data, record.len);
    line.len = p - line.data;

    ngx_http_gateway_sender_send(&conf->sender, &line);
}


static void
ngx_http_gateway_syslog_defaults(void *data)
{
    ngx_http_gateway_syslog_conf_t *conf = data;

    ngx_str_set(&conf->sender.feature, "syslog");
    ngx_str_set(&conf->sender.host, NGX_HTTP_GATEWAY_SYSLOG_SOCKET);
    conf->sender.type = SOCK_DGRAM;
    conf->sender.timeout = 1000;
    conf->sender.keepalive = 60000;
    conf->log_level = NGX_HTTP_GATEWAY_SYSLOG_INFO;
    conf->successful_severity = NGX_HTTP_GATEWAY_SYSLOG_INFO;
    conf->client_errors_severity = NGX_HTTP_GATEWAY_SYSLOG_INFO;
    conf->server_errors_severity = NGX_HTTP_GATEWAY_SYSLOG_INFO;
    conf->facility = NGX_HTTP_GATEWAY_SYSLOG_USER;
}


static char *
ngx_http_gateway_syslog_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_syslog_conf_t *conf = data;

    ngx_http_gateway_syslog_conf_t       **p;
    ngx_http_gateway_syslog_main_conf_t   *mcf;

    if (conf->sender.host.len < 6
        || ngx_strncmp(conf->sender.host.data, "unix:", 5) != 0)
    {
        return "needs \"unix:\" and a path in \"socket\"";
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_gateway_syslog_module);

    p = ngx_array_push(&mcf->confs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = conf;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_syslog_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_syslog);
}


static ngx_int_t
ngx_http_gateway_syslog_init(ngx_conf_t *cf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_syslog_conf_t       **conf;
    ngx_http_gateway_syslog_main_conf_t   *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_gateway_syslog_module);
    conf = mcf->confs.elts;

    for (i = 0; i < mcf->confs.nelts; i++) {
        if (ngx_http_gateway_sender_init(cf, &conf[i]->sender) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_syslog_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_syslog_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_syslog_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->confs, cf->pool, 2, sizeof(void *)) != NGX_OK) {
        return NULL;
    }

    return mcf;
}
