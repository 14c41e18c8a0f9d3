
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends the log record of each request to Loggly as a message of syslog, RFC
 * 5424, in a datagram, in the log phase and without waiting.  What the network
 * loses is lost.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_sender.h"
#include "ngx_http_gateway_severity.h"


#define NGX_HTTP_GATEWAY_LOGGLY_USER  8             /* facility */

/* the enterprise number that Loggly has from the IANA */
#define NGX_HTTP_GATEWAY_LOGGLY_ID    "@41058"


typedef struct {
    ngx_http_gateway_record_conf_t    record;   /* must be the first */
    ngx_http_gateway_sender_t         sender;
    ngx_http_gateway_severity_conf_t  severity;
    ngx_str_t                         key;
    ngx_array_t                      *tags;     /* ngx_str_t, or NULL */
    ngx_str_t                         data;     /* " host kong - - [...] " */
} ngx_http_gateway_loggly_conf_t;


static void ngx_http_gateway_loggly_log(ngx_http_request_t *r, void *data);
static void ngx_http_gateway_loggly_defaults(void *data);
static char *ngx_http_gateway_loggly_check(ngx_conf_t *cf, void *data);
static char *ngx_http_gateway_loggly_data(ngx_conf_t *cf,
    ngx_http_gateway_loggly_conf_t *conf);
static ngx_int_t ngx_http_gateway_loggly_preconfiguration(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_loggly_params[] = {

    NGX_HTTP_GATEWAY_SEVERITY_PARAMS(ngx_http_gateway_loggly_conf_t, severity),

    NGX_HTTP_GATEWAY_SENDER_PARAMS(ngx_http_gateway_loggly_conf_t, sender),

    { ngx_string("key"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_loggly_conf_t, key), 0, 0,
      NULL },

    { ngx_string("tags"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_loggly_conf_t, tags), 0, 0,
      NULL },

    NGX_HTTP_GATEWAY_RECORD_PARAM,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_loggly = {
    ngx_string("loggly"),
    6,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_loggly_conf_t),
    ngx_http_gateway_loggly_params,
    ngx_http_gateway_loggly_defaults,
    ngx_http_gateway_loggly_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_loggly_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_loggly_commands[] = {

    { ngx_string("gateway_loggly"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_loggly },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_loggly_module_ctx = {
    ngx_http_gateway_loggly_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_loggly_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_loggly_module_ctx,    /* module context */
    ngx_http_gateway_loggly_commands,       /* module directives */
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
ngx_http_gateway_loggly_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_loggly_conf_t *conf = data;

    u_char      *p;
    ngx_tm_t     tm;
    ngx_str_t    record, line;
    ngx_uint_t   severity;

    if (ngx_http_gateway_severity(r, &conf->severity, &severity) != NGX_OK) {
        return;
    }

    if (ngx_http_gateway_record(r, &conf->record, &record) != NGX_OK) {
        return;
    }

    line.data = ngx_pnalloc(r->pool, sizeof("<15>1 2000-01-01T00:00:00Z")
                                     + conf->data.len + record.len);
    if (line.data == NULL) {
        return;
    }

    ngx_gmtime(ngx_time(), &tm);

    p = ngx_sprintf(line.data, "<%ui>1 %4d-%02d-%02dT%02d:%02d:%02dZ",
                    NGX_HTTP_GATEWAY_LOGGLY_USER + severity,
                    tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                    tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
    p = ngx_cpymem(p, conf->data.data, conf->data.len);
    p = ngx_cpymem(p, record.data, record.len);
    line.len = p - line.data;

    ngx_http_gateway_sender_send(&conf->sender, &line);
}


static void
ngx_http_gateway_loggly_defaults(void *data)
{
    ngx_http_gateway_loggly_conf_t *conf = data;

    ngx_str_set(&conf->sender.feature, "loggly");
    ngx_str_set(&conf->sender.host, "logs-01.loggly.com");
    conf->sender.port = 514;
    conf->sender.type = SOCK_DGRAM;
    conf->sender.timeout = 10000;
    conf->sender.keepalive = 60000;

    ngx_http_gateway_severity_defaults(&conf->severity);
}


static char *
ngx_http_gateway_loggly_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_loggly_conf_t *conf = data;

    char  *rv;

    if (conf->key.len == 0) {
        return "needs \"key\"";
    }

    rv = ngx_http_gateway_loggly_data(cf, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_gateway_sender_check(cf, &conf->sender);
}


/* what stands between the time and the record of each message */

static char *
ngx_http_gateway_loggly_data(ngx_conf_t *cf,
    ngx_http_gateway_loggly_conf_t *conf)
{
    u_char      *p;
    size_t       len, i;
    ngx_str_t   *tags;
    ngx_uint_t   n, ntags;

    static ngx_str_t  kong = ngx_string("kong");

    tags = conf->tags ? conf->tags->elts : &kong;
    ntags = conf->tags ? conf->tags->nelts : 1;

    for (i = 0; i < conf->key.len; i++) {
        if (conf->key.data[i] <= 0x20 || conf->key.data[i] >= 0x7f
            || ngx_strchr("=]\"@", conf->key.data[i]))
        {
            return "needs a \"key\" without blanks, quotes, \"=\", \"]\" "
                   "and \"@\"";
        }
    }

    len = sizeof("  kong - - [" NGX_HTTP_GATEWAY_LOGGLY_ID "] ") - 1
          + cf->cycle->hostname.len + conf->key.len;

    for (n = 0; n < ntags; n++) {
        len += sizeof(" tag=\"\"") - 1 + 2 * tags[n].len;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->data.data = p;

    p = ngx_sprintf(p, " %V kong - - [%V" NGX_HTTP_GATEWAY_LOGGLY_ID,
                    &cf->cycle->hostname, &conf->key);

    for (n = 0; n < ntags; n++) {

        /* an empty list is written so */

        if (tags[n].len == 0) {
            continue;
        }

        p = ngx_cpymem(p, " tag=\"", sizeof(" tag=\"") - 1);

        for (i = 0; i < tags[n].len; i++) {

            if (tags[n].data[i] < 0x20) {
                return "needs \"tags\" without control characters";
            }

            /* RFC 5424, 6.3.3 */

            if (ngx_strchr("\"\\]", tags[n].data[i])) {
                *p++ = '\\';
            }

            *p++ = tags[n].data[i];
        }

        *p++ = '"';
    }

    *p++ = ']';
    *p++ = ' ';

    conf->data.len = p - conf->data.data;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_loggly_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_loggly);
}
