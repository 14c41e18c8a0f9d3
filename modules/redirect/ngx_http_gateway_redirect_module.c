
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends clients to another URL, in the access step, after authentication and
 * limits.  Costs the answer, and with keep_incoming_path a copy of the path.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_int_t                     status_code;
    ngx_str_t                     location;
    ngx_flag_t                    keep_incoming_path;

    ngx_str_t                     base;      /* "scheme://host:port", in its
                                                normal form */
    ngx_str_t                     fragment;  /* "#...", or empty */
} ngx_http_gateway_redirect_conf_t;


static ngx_int_t ngx_http_gateway_redirect_handler(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_gateway_redirect_location(ngx_http_request_t *r,
    ngx_http_gateway_redirect_conf_t *conf, ngx_str_t *location);
static u_char *ngx_http_gateway_redirect_escape(u_char *dst, ngx_str_t *path,
    ngx_uint_t percent);
static u_char *ngx_http_gateway_redirect_escape_args(u_char *dst,
    ngx_str_t *args);

static void ngx_http_gateway_redirect_defaults(void *data);
static ngx_int_t ngx_http_gateway_redirect_base(ngx_conf_t *cf,
    ngx_http_gateway_redirect_conf_t *conf, u_char *end);
static char *ngx_http_gateway_redirect_check(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_redirect_preconfiguration(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_redirect_params[] = {

    { ngx_string("status_code"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_redirect_conf_t, status_code), 100, 599,
      NULL },

    { ngx_string("location"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_redirect_conf_t, location), 0, 0, NULL },

    { ngx_string("keep_incoming_path"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_redirect_conf_t, keep_incoming_path), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_redirect = {
    ngx_string("redirect"),
    779,
    0,

    sizeof(ngx_http_gateway_redirect_conf_t),
    ngx_http_gateway_redirect_params,
    ngx_http_gateway_redirect_defaults,
    ngx_http_gateway_redirect_check,

    ngx_http_gateway_redirect_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_redirect_commands[] = {

    { ngx_string("gateway_redirect"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_redirect },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_redirect_module_ctx = {
    ngx_http_gateway_redirect_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_redirect_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_redirect_module_ctx, /* module context */
    ngx_http_gateway_redirect_commands,    /* module directives */
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
ngx_http_gateway_redirect_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_redirect_conf_t  *conf = data;

    ngx_str_t  location;

    static ngx_str_t  name = ngx_string("Location");
    static ngx_str_t  body = ngx_string("redirecting");

    if (ngx_http_gateway_redirect_location(r, conf, &location) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_header_out_add(r, &name, &location) == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_exit(r, conf->status_code, NULL, &body);
}


static ngx_int_t
ngx_http_gateway_redirect_location(ngx_http_request_t *r,
    ngx_http_gateway_redirect_conf_t *conf, ngx_str_t *location)
{
    u_char                  *p;
    ngx_str_t               *path;
    ngx_uint_t               percent;
    ngx_http_gateway_ctx_t  *ctx;

    if (!conf->keep_incoming_path) {
        *location = conf->location;
        return NGX_OK;
    }

    ctx = ngx_http_gateway_get_ctx(r);

    /* the router's form keeps escapes that matter; nginx's has none */

    path = ctx->path.len ? &ctx->path : &r->uri;
    percent = (ctx->path.len == 0);

    p = ngx_pnalloc(r->pool, conf->base.len + 3 * path->len + 1
                             + 3 * ctx->args.len + conf->fragment.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    location->data = p;

    p = ngx_cpymem(p, conf->base.data, conf->base.len);
    p = ngx_http_gateway_redirect_escape(p, path, percent);

    if (ctx->args.len) {
        *p++ = '?';
        p = ngx_http_gateway_redirect_escape_args(p, &ctx->args);
    }

    p = ngx_cpymem(p, conf->fragment.data, conf->fragment.len);

    location->len = p - location->data;

    return NGX_OK;
}


/* what may not stand in the path of a URL; "%" only if asked for */

static u_char *
ngx_http_gateway_redirect_escape(u_char *dst, ngx_str_t *path,
    ngx_uint_t percent)
{
    u_char      c;
    ngx_uint_t  i;

    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < path->len; i++) {
        c = path->data[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '#' || c == '<'
            || c == '>' || c == '?' || c == '`' || c == '{' || c == '}'
            || c == '\\' || (c == '%' && percent))
        {
            *dst++ = '%';
            *dst++ = hex[c >> 4];
            *dst++ = hex[c & 0xf];

        } else {
            *dst++ = c;
        }
    }

    return dst;
}


/* the same of its query, by the rules of the URL standard */

static u_char *
ngx_http_gateway_redirect_escape_args(u_char *dst, ngx_str_t *args)
{
    u_char      c;
    ngx_uint_t  i;

    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < args->len; i++) {
        c = args->data[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '#' || c == '<'
            || c == '>' || c == '\'')
        {
            *dst++ = '%';
            *dst++ = hex[c >> 4];
            *dst++ = hex[c & 0xf];

        } else {
            *dst++ = c;
        }
    }

    return dst;
}


static void
ngx_http_gateway_redirect_defaults(void *data)
{
    ngx_http_gateway_redirect_conf_t  *conf = data;

    conf->status_code = NGX_HTTP_MOVED_PERMANENTLY;
}


static char *
ngx_http_gateway_redirect_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_redirect_conf_t  *conf = data;

    u_char  *p, *last, *host;

    if (conf->location.len == 0) {
        return "needs \"location\"";
    }

    last = conf->location.data + conf->location.len;
    host = ngx_strlcasestrn(conf->location.data, last, (u_char *) "://",
                            3 - 1);

    if (host == NULL || host == conf->location.data || host + 3 == last
        || host[3] == '/')
    {
        return "needs a whole URL in \"location\", as "
               "\"https://example.com/path\"";
    }

    for (p = conf->location.data; p < last; p++) {
        if (*p <= ' ' || *p == 0x7f) {
            return "has blanks or control characters in \"location\"";
        }
    }

    for (p = host + 3; p < last; p++) {
        if (*p == '/' || *p == '?' || *p == '#') {
            break;
        }
    }

    if (ngx_http_gateway_redirect_base(cf, conf, p) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    p = ngx_strlchr(p, last, '#');

    if (p) {
        conf->fragment.data = p;
        conf->fragment.len = last - p;
    }

    return NGX_CONF_OK;
}


/*
 * What comes before the path that is kept: scheme and host in lower case,
 * without a port that the scheme has anyway.
 */

static ngx_int_t
ngx_http_gateway_redirect_base(ngx_conf_t *cf,
    ngx_http_gateway_redirect_conf_t *conf, u_char *end)
{
    u_char     *p, *host;
    ngx_str_t  *base, *port;

    static ngx_str_t  http = ngx_string(":80");
    static ngx_str_t  https = ngx_string(":443");

    base = &conf->base;

    base->len = end - conf->location.data;
    base->data = ngx_pnalloc(cf->pool, base->len);
    if (base->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(base->data, conf->location.data, base->len);

    /* a user's name and password stay as they are */

    end = base->data + base->len;
    host = base->data;

    for (p = base->data; p < end; p++) {
        if (*p == '@') {
            host = p + 1;
        }
    }

    for (p = base->data; p < end && *p != ':'; p++) {
        *p = ngx_tolower(*p);
    }

    if (host == base->data) {
        host = p;
    }

    ngx_strlow(host, host, end - host);

    port = NULL;

    if (base->len > 7 && ngx_memcmp(base->data, "http://", 7) == 0) {
        port = &http;

    } else if (base->len > 8 && ngx_memcmp(base->data, "https://", 8) == 0) {
        port = &https;
    }

    if (port && base->len > port->len
        && ngx_memcmp(end - port->len, port->data, port->len) == 0)
    {
        base->len -= port->len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redirect_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_redirect);
}
