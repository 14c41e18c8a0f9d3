
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends the log record of each request to the syslog of the system, in the log
 * phase and without waiting.  What it does not take is lost.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_sender.h"
#include "ngx_http_gateway_severity.h"


#define NGX_HTTP_GATEWAY_SYSLOG_SOCKET  "unix:/dev/log"
#define NGX_HTTP_GATEWAY_SYSLOG_USER    1           /* facility */


typedef struct {
    ngx_http_gateway_record_conf_t    record;   /* must be the first */
    ngx_http_gateway_sender_t         sender;
    ngx_http_gateway_severity_conf_t  severity;
    ngx_uint_t                        facility;
} ngx_http_gateway_syslog_conf_t;


static void ngx_http_gateway_syslog_log(ngx_http_request_t *r, void *data);
static void ngx_http_gateway_syslog_defaults(void *data);
static char *ngx_http_gateway_syslog_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_syslog_preconfiguration(ngx_conf_t *cf);


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

    NGX_HTTP_GATEWAY_SEVERITY_PARAMS(ngx_http_gateway_syslog_conf_t, severity),

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
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
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
    ngx_uint_t   severity;

    if (ngx_http_gateway_severity(r, &conf->severity, &severity) != NGX_OK) {
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
    conf->facility = NGX_HTTP_GATEWAY_SYSLOG_USER;

    ngx_http_gateway_severity_defaults(&conf->severity);
}


static char *
ngx_http_gateway_syslog_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_syslog_conf_t *conf = data;

    if (conf->sender.host.len < 6
        || ngx_strncmp(conf->sender.host.data, "unix:", 5) != 0)
    {
        return "needs \"unix:\" and a path in \"socket\"";
    }

    return ngx_http_gateway_sender_check(cf, &conf->sender);
}


static ngx_int_t
ngx_http_gateway_syslog_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_syslog);
}
