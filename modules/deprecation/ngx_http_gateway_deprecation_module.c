
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Tells clients that an API is deprecated (RFC 9745) and when it goes away
 * (RFC 8594), and answers 410 once it has.  The headers are written when the
 * configuration is read; a request costs adding them to the response, and a
 * comparison with the cached time where 410 was asked for.
 */


#include "ngx_http_gateway.h"
#include "gateway_date.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    time_t                        deprecation;  /* seconds; -1: not given */
    time_t                        sunset;
    ngx_str_t                     deprecation_link;
    ngx_str_t                     sunset_link;
    ngx_str_t                     successor_link;
    ngx_flag_t                    gone_after_sunset;
    ngx_str_t                     message;

    ngx_str_t                     deprecation_text; /* values of headers */
    ngx_str_t                     sunset_text;
    ngx_str_t                     link_text;
} ngx_http_gateway_deprecation_conf_t;


static ngx_int_t ngx_http_gateway_deprecation_handler(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_gateway_deprecation_header(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_gateway_deprecation_put(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);

static void ngx_http_gateway_deprecation_defaults(void *data);
static char *ngx_http_gateway_deprecation_check(ngx_conf_t *cf, void *data);
static char *ngx_http_gateway_deprecation_date(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);
static char *ngx_http_gateway_deprecation_check_link(ngx_str_t *url);
static u_char *ngx_http_gateway_deprecation_link(u_char *p, u_char *start,
    ngx_str_t *url, const char *relation);
static ngx_int_t ngx_http_gateway_deprecation_preconfiguration(
    ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_deprecation_params[] = {

    { ngx_string("deprecation"), NGX_HTTP_GATEWAY_PARAM_CUSTOM,
      0, 0, 0, ngx_http_gateway_deprecation_date },

    { ngx_string("sunset"), NGX_HTTP_GATEWAY_PARAM_CUSTOM,
      0, 0, 0, ngx_http_gateway_deprecation_date },

    { ngx_string("deprecation_link"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_deprecation_conf_t, deprecation_link), 0, 0,
      NULL },

    { ngx_string("sunset_link"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_deprecation_conf_t, sunset_link), 0, 0,
      NULL },

    { ngx_string("successor_link"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_deprecation_conf_t, successor_link), 0, 0,
      NULL },

    { ngx_string("gone_after_sunset"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_deprecation_conf_t, gone_after_sunset), 0, 0,
      NULL },

    { ngx_string("message"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_deprecation_conf_t, message), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


/* after cors, so that browsers see why; before any authentication */

static ngx_http_gateway_policy_t  ngx_http_gateway_deprecation = {
    ngx_string("deprecation"),
    1990,
    NGX_HTTP_GATEWAY_NO_CONSUMER,

    sizeof(ngx_http_gateway_deprecation_conf_t),
    ngx_http_gateway_deprecation_params,
    ngx_http_gateway_deprecation_defaults,
    ngx_http_gateway_deprecation_check,

    ngx_http_gateway_deprecation_handler,
    ngx_http_gateway_deprecation_header,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_deprecation_commands[] = {

    { ngx_string("gateway_deprecation"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_deprecation },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_deprecation_module_ctx = {
    ngx_http_gateway_deprecation_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_deprecation_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_deprecation_module_ctx, /* module context */
    ngx_http_gateway_deprecation_commands, /* module directives */
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


static ngx_int_t
ngx_http_gateway_deprecation_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_deprecation_conf_t  *conf = data;

    if (!conf->gone_after_sunset || ngx_time() < conf->sunset) {
        return NGX_OK;
    }

    return ngx_http_gateway_error(r, 410,
                                  conf->message.len ? &conf->message : NULL);
}


static ngx_int_t
ngx_http_gateway_deprecation_header(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_deprecation_conf_t  *conf = data;

    static ngx_str_t  deprecation = ngx_string("Deprecation");
    static ngx_str_t  sunset = ngx_string("Sunset");
    static ngx_str_t  link = ngx_string("Link");

    if (ngx_http_gateway_deprecation_put(r, &deprecation,
                                         &conf->deprecation_text)
        != NGX_OK
        || ngx_http_gateway_deprecation_put(r, &sunset, &conf->sunset_text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the upstream's own links stay */

    if (conf->link_text.len
        && ngx_http_gateway_header_out_add(r, &link, &conf->link_text)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* there is one such header: ours replaces the upstream's */

static ngx_int_t
ngx_http_gateway_deprecation_put(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_OK;
    }

    ngx_http_gateway_header_out_remove(r, name);

    return ngx_http_gateway_header_out_add(r, name, value) ? NGX_OK
                                                           : NGX_ERROR;
}


static void
ngx_http_gateway_deprecation_defaults(void *data)
{
    ngx_http_gateway_deprecation_conf_t  *conf = data;

    conf->deprecation = -1;
    conf->sunset = -1;
}


static char *
ngx_http_gateway_deprecation_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_deprecation_conf_t  *conf = data;

    u_char  *p, *start;
    size_t   len;

    if (conf->deprecation == -1 && conf->sunset == -1) {
        return "needs \"deprecation\" or \"sunset\"";
    }

    if (conf->gone_after_sunset && conf->sunset == -1) {
        return "needs \"sunset\" for \"gone_after_sunset\"";
    }

    /* RFC 9745, section 4 */

    if (conf->deprecation != -1 && conf->sunset != -1
        && conf->sunset < conf->deprecation)
    {
        return "has a \"sunset\" before its \"deprecation\"";
    }

    if (ngx_http_gateway_deprecation_check_link(&conf->deprecation_link)
        != NGX_CONF_OK
        || ngx_http_gateway_deprecation_check_link(&conf->sunset_link)
           != NGX_CONF_OK
        || ngx_http_gateway_deprecation_check_link(&conf->successor_link)
           != NGX_CONF_OK)
    {
        return "has a link with blanks, \"<\", \">\", quotes or control "
               "characters";
    }

    if (conf->deprecation != -1) {
        p = ngx_pnalloc(cf->pool, 1 + NGX_TIME_T_LEN);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        conf->deprecation_text.data = p;
        conf->deprecation_text.len = ngx_sprintf(p, "@%T", conf->deprecation)
                                     - p;
    }

    if (conf->sunset != -1) {
        p = ngx_pnalloc(cf->pool, sizeof("Mon, 28 Sep 1970 06:00:00 GMT"));
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        conf->sunset_text.data = p;
        conf->sunset_text.len = ngx_http_time(p, conf->sunset) - p;
    }

    len = conf->deprecation_link.len + conf->sunset_link.len
          + conf->successor_link.len
          + 3 * sizeof(", <>; rel=\"successor-version\"");

    start = ngx_pnalloc(cf->pool, len);
    if (start == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_http_gateway_deprecation_link(start, start,
                                          &conf->deprecation_link,
                                          "deprecation");
    p = ngx_http_gateway_deprecation_link(p, start, &conf->sunset_link,
                                          "sunset");
    p = ngx_http_gateway_deprecation_link(p, start, &conf->successor_link,
                                          "successor-version");

    conf->link_text.data = start;
    conf->link_text.len = p - start;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_deprecation_date(ngx_conf_t *cf, void *data, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_http_gateway_deprecation_conf_t  *conf = data;

    int64_t  seconds;

    if (gateway_date_parse(&seconds, (char *) value->data, value->len) != 0) {
        return "expected a date as \"2026-11-29\" or "
               "\"2026-11-29T10:00:00Z\"";
    }

    if (name->data[0] == 'd') {
        conf->deprecation = (time_t) seconds;

    } else {
        conf->sunset = (time_t) seconds;
    }

    return NGX_CONF_OK;
}


/* it stands between "<" and ">" */

static char *
ngx_http_gateway_deprecation_check_link(ngx_str_t *url)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < url->len; i++) {
        c = url->data[i];

        if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"') {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static u_char *
ngx_http_gateway_deprecation_link(u_char *p, u_char *start, ngx_str_t *url,
    const char *relation)
{
    if (url->len == 0) {
        return p;
    }

    return ngx_sprintf(p, "%s<%V>; rel=\"%s\"", p == start ? "" : ", ", url,
                       relation);
}


static ngx_int_t
ngx_http_gateway_deprecation_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_deprecation);
}
