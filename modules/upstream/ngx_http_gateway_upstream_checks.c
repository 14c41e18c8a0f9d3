
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The lines about health checks in gateway_upstream blocks.
 */


#include "ngx_http_gateway_upstream_peers.h"


typedef char *(*ngx_http_gateway_upstream_param_pt)(ngx_conf_t *cf,
    void *field, ngx_str_t *value);

/* one parameter "name=value" of a line */
typedef struct {
    ngx_str_t                            name;
    ngx_http_gateway_upstream_param_pt   set;
    size_t                               offset;
} ngx_http_gateway_upstream_param_t;


static ngx_http_gateway_upstream_checks_t *ngx_http_gateway_upstream_checks(
    ngx_conf_t *cf, ngx_http_gateway_upstream_balancer_t *b);
static char *ngx_http_gateway_upstream_params(ngx_conf_t *cf,
    ngx_http_gateway_upstream_param_t *params, void *conf);
static char *ngx_http_gateway_upstream_counter(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_statuses(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_time(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_number(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_type(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_flag(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_path(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_string(ngx_conf_t *cf, void *field,
    ngx_str_t *value);
static char *ngx_http_gateway_upstream_header(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
#if (NGX_HTTP_SSL)
static char *ngx_http_gateway_upstream_active_ssl(ngx_conf_t *cf,
    ngx_http_gateway_upstream_active_t *active);
#endif
static ngx_int_t ngx_http_gateway_upstream_parse_statuses(
    ngx_http_gateway_upstream_statuses_t *statuses, ngx_str_t *text);


#define ngx_http_gateway_upstream_limit(event)                                \
    offsetof(ngx_http_gateway_upstream_limits_t,                              \
             limit[NGX_HTTP_GATEWAY_UPSTREAM_##event])


static ngx_http_gateway_upstream_param_t
    ngx_http_gateway_upstream_passive_params[] = {

    { ngx_string("successes"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(SUCCESS) },

    { ngx_string("http_failures"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(HTTP_FAILURE) },

    { ngx_string("tcp_failures"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(TCP_FAILURE) },

    { ngx_string("timeouts"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(TIMEOUT) },

    { ngx_string("healthy_statuses"), ngx_http_gateway_upstream_statuses,
      offsetof(ngx_http_gateway_upstream_limits_t, healthy) },

    { ngx_string("unhealthy_statuses"), ngx_http_gateway_upstream_statuses,
      offsetof(ngx_http_gateway_upstream_limits_t, unhealthy) },

    { ngx_null_string, NULL, 0 }
};


/* the conf begins with the limits, hence their offsets */

static ngx_http_gateway_upstream_param_t
    ngx_http_gateway_upstream_active_params[] = {

    { ngx_string("successes"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(SUCCESS) },

    { ngx_string("http_failures"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(HTTP_FAILURE) },

    { ngx_string("tcp_failures"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(TCP_FAILURE) },

    { ngx_string("timeouts"), ngx_http_gateway_upstream_counter,
      ngx_http_gateway_upstream_limit(TIMEOUT) },

    { ngx_string("healthy_statuses"), ngx_http_gateway_upstream_statuses,
      offsetof(ngx_http_gateway_upstream_limits_t, healthy) },

    { ngx_string("unhealthy_statuses"), ngx_http_gateway_upstream_statuses,
      offsetof(ngx_http_gateway_upstream_limits_t, unhealthy) },

    { ngx_string("type"), ngx_http_gateway_upstream_type,
      offsetof(ngx_http_gateway_upstream_active_t, type) },

    { ngx_string("path"), ngx_http_gateway_upstream_path,
      offsetof(ngx_http_gateway_upstream_active_t, path) },

    { ngx_string("healthy_interval"), ngx_http_gateway_upstream_time,
      offsetof(ngx_http_gateway_upstream_active_t, healthy_interval) },

    { ngx_string("unhealthy_interval"), ngx_http_gateway_upstream_time,
      offsetof(ngx_http_gateway_upstream_active_t, unhealthy_interval) },

    { ngx_string("timeout"), ngx_http_gateway_upstream_time,
      offsetof(ngx_http_gateway_upstream_active_t, timeout) },

    { ngx_string("concurrency"), ngx_http_gateway_upstream_number,
      offsetof(ngx_http_gateway_upstream_active_t, concurrency) },

    { ngx_string("verify"), ngx_http_gateway_upstream_flag,
      offsetof(ngx_http_gateway_upstream_active_t, verify) },

    { ngx_string("sni"), ngx_http_gateway_upstream_string,
      offsetof(ngx_http_gateway_upstream_active_t, sni) },

    { ngx_string("trusted_certificate"), ngx_http_gateway_upstream_string,
      offsetof(ngx_http_gateway_upstream_active_t, trusted_certificate) },

    { ngx_string("certificate"), ngx_http_gateway_upstream_string,
      offsetof(ngx_http_gateway_upstream_active_t, certificate) },

    { ngx_string("certificate_key"), ngx_http_gateway_upstream_string,
      offsetof(ngx_http_gateway_upstream_active_t, certificate_key) },

    /* may repeat */

    { ngx_string("header"), ngx_http_gateway_upstream_header, 0 },

    { ngx_null_string, NULL, 0 }
};


static ngx_str_t  ngx_http_gateway_upstream_passive_healthy =
    ngx_string("200-208,226,300-308");
static ngx_str_t  ngx_http_gateway_upstream_passive_unhealthy =
    ngx_string("429,500,503");

static ngx_str_t  ngx_http_gateway_upstream_active_healthy =
    ngx_string("200,302");
static ngx_str_t  ngx_http_gateway_upstream_active_unhealthy =
    ngx_string("404,429,500-505");


char *
ngx_http_gateway_upstream_threshold(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_int_t                            n;
    ngx_str_t                           *value;
    ngx_http_gateway_upstream_checks_t  *checks;

    value = cf->args->elts;

    n = ngx_atofp(value[1].data, value[1].len, 3);

    if (n == NGX_ERROR || n > 100 * 1000) {
        return "has an invalid percentage: write 0 to 100";
    }

    checks = ngx_http_gateway_upstream_checks(cf, b);
    if (checks == NULL) {
        return NGX_CONF_ERROR;
    }

    if (checks->threshold_set) {
        return "is duplicate";
    }

    checks->threshold_set = 1;
    checks->threshold = n;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_upstream_passive(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    char                                *rv;
    ngx_uint_t                          *limit;
    ngx_http_gateway_upstream_checks_t  *checks;

    checks = ngx_http_gateway_upstream_checks(cf, b);
    if (checks == NULL) {
        return NGX_CONF_ERROR;
    }

    if (checks->passive_set) {
        return "is duplicate";
    }

    checks->passive_set = 1;

    (void) ngx_http_gateway_upstream_parse_statuses(&checks->passive.healthy,
                                  &ngx_http_gateway_upstream_passive_healthy);
    (void) ngx_http_gateway_upstream_parse_statuses(
                                &checks->passive.unhealthy,
                                &ngx_http_gateway_upstream_passive_unhealthy);

    rv = ngx_http_gateway_upstream_params(cf,
                                     ngx_http_gateway_upstream_passive_params,
                                     &checks->passive);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    /* successes alone have nothing to undo */

    limit = checks->passive.limit;

    if (limit[NGX_HTTP_GATEWAY_UPSTREAM_HTTP_FAILURE]
        || limit[NGX_HTTP_GATEWAY_UPSTREAM_TCP_FAILURE]
        || limit[NGX_HTTP_GATEWAY_UPSTREAM_TIMEOUT])
    {
        checks->enabled = 1;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_upstream_active(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    char                                *rv;
    ngx_http_gateway_upstream_active_t  *active;
    ngx_http_gateway_upstream_checks_t  *checks;

    checks = ngx_http_gateway_upstream_checks(cf, b);
    if (checks == NULL) {
        return NGX_CONF_ERROR;
    }

    if (checks->active) {
        return "is duplicate";
    }

    active = ngx_pcalloc(cf->pool,
                         sizeof(ngx_http_gateway_upstream_active_t));
    if (active == NULL) {
        return NGX_CONF_ERROR;
    }

    checks->active = active;

    active->timeout = 1000;
    active->concurrency = 10;
    active->verify = 1;
    ngx_str_set(&active->path, "/");

    (void) ngx_http_gateway_upstream_parse_statuses(&active->limits.healthy,
                                   &ngx_http_gateway_upstream_active_healthy);
    (void) ngx_http_gateway_upstream_parse_statuses(&active->limits.unhealthy,
                                 &ngx_http_gateway_upstream_active_unhealthy);

    rv = ngx_http_gateway_upstream_params(cf,
                                      ngx_http_gateway_upstream_active_params,
                                      active);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (active->healthy_interval == 0 && active->unhealthy_interval == 0) {
        return "probes nothing: write \"healthy_interval=TIME\", "
               "\"unhealthy_interval=TIME\", or both";
    }

    checks->enabled = 1;

    if (active->type != NGX_HTTP_GATEWAY_UPSTREAM_PROBE_HTTPS) {
        return NGX_CONF_OK;
    }

#if (NGX_HTTP_SSL)
    return ngx_http_gateway_upstream_active_ssl(cf, active);
#else
    return "has type=https, but this nginx was built without TLS";
#endif
}


#if (NGX_HTTP_SSL)

static char *
ngx_http_gateway_upstream_active_ssl(ngx_conf_t *cf,
    ngx_http_gateway_upstream_active_t *active)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    if (active->verify && active->trusted_certificate.len == 0) {
        return "has nothing to verify certificates with: write "
               "\"trusted_certificate=FILE\" or \"verify=off\"";
    }

    if ((active->certificate.len == 0) != (active->certificate_key.len == 0))
    {
        return "needs both of \"certificate\" and \"certificate_key\", or "
               "none";
    }

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    if (active->certificate.len
        && ngx_ssl_certificate(cf, ssl, &active->certificate,
                               &active->certificate_key, NULL)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* as deep a chain as OpenSSL would follow by itself */

    if (active->verify
        && ngx_ssl_trusted_certificate(cf, ssl, &active->trusted_certificate,
                                       100)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    active->ssl = ssl;

    return NGX_CONF_OK;
}

#endif


static ngx_http_gateway_upstream_checks_t *
ngx_http_gateway_upstream_checks(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    if (b->checks == NULL) {
        b->checks = ngx_pcalloc(cf->pool,
                                sizeof(ngx_http_gateway_upstream_checks_t));
    }

    return b->checks;
}


static char *
ngx_http_gateway_upstream_params(ngx_conf_t *cf,
    ngx_http_gateway_upstream_param_t *params, void *conf)
{
    char                               *rv;
    size_t                              len;
    u_char                             *p;
    uint32_t                            seen, bit;
    ngx_str_t                          *value, text;
    ngx_uint_t                          i;
    ngx_http_gateway_upstream_param_t  *param;

    value = cf->args->elts;
    seen = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        p = ngx_strlchr(value[i].data, value[i].data + value[i].len, '=');
        len = p ? (size_t) (p - value[i].data) : value[i].len;

        for (param = params; param->name.len; param++) {
            if (p && param->name.len == len
                && ngx_strncmp(param->name.data, value[i].data, len) == 0)
            {
                break;
            }
        }

        bit = (uint32_t) 1 << (param - params);

        if (param->name.len == 0) {
            rv = "there is no such parameter";

        } else if ((seen & bit)
                   && param->set != ngx_http_gateway_upstream_header)
        {
            rv = "it is duplicate";

        } else {
            seen |= bit;

            text.data = p + 1;
            text.len = value[i].data + value[i].len - text.data;

            rv = param->set(cf, (char *) conf + param->offset, &text);
        }

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\" of "
                               "\"gateway_upstream\": %s",
                               &value[i], &value[0], rv);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_counter(ngx_conf_t *cf, void *field,
    ngx_str_t *value)
{
    ngx_uint_t  *limit = field;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n > 255) {
        return "write 0 to 255";
    }

    *limit = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_statuses(ngx_conf_t *cf, void *field,
    ngx_str_t *value)
{
    ngx_http_gateway_upstream_statuses_t  *statuses = field;

    ngx_memzero(statuses, sizeof(ngx_http_gateway_upstream_statuses_t));

    if (ngx_http_gateway_upstream_parse_statuses(statuses, value) != NGX_OK) {
        return "write statuses between 100 and 999, or ranges of them, with "
               "commas between, or \"none\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_time(ngx_conf_t *cf, void *field, ngx_str_t *value)
{
    ngx_msec_t  *msec = field;

    ngx_int_t  n;

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || n > 65535 * 1000) {
        return "write a time up to 65535s, as \"5s\" or \"500ms\"";
    }

    *msec = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_number(ngx_conf_t *cf, void *field,
    ngx_str_t *value)
{
    ngx_uint_t  *number = field;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1) {
        return "write a number above 0";
    }

    *number = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_type(ngx_conf_t *cf, void *field, ngx_str_t *value)
{
    ngx_uint_t  *type = field;

    if (value->len == 4 && ngx_strncmp(value->data, "http", 4) == 0) {
        *type = NGX_HTTP_GATEWAY_UPSTREAM_PROBE_HTTP;
        return NGX_CONF_OK;
    }

    if (value->len == 5 && ngx_strncmp(value->data, "https", 5) == 0) {
        *type = NGX_HTTP_GATEWAY_UPSTREAM_PROBE_HTTPS;
        return NGX_CONF_OK;
    }

    if (value->len == 3 && ngx_strncmp(value->data, "tcp", 3) == 0) {
        *type = NGX_HTTP_GATEWAY_UPSTREAM_PROBE_TCP;
        return NGX_CONF_OK;
    }

    return "write http, https or tcp";
}


static char *
ngx_http_gateway_upstream_flag(ngx_conf_t *cf, void *field, ngx_str_t *value)
{
    ngx_uint_t  *flag = field;

    if (value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0) {
        *flag = 1;
        return NGX_CONF_OK;
    }

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        *flag = 0;
        return NGX_CONF_OK;
    }

    return "write on or off";
}


/* it goes into the request line as it is */

static char *
ngx_http_gateway_upstream_path(ngx_conf_t *cf, void *field, ngx_str_t *value)
{
    ngx_str_t  *path = field;

    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] == 0x7f) {
            break;
        }
    }

    if (value->len == 0 || i < value->len || value->data[0] != '/') {
        return "it must begin with \"/\" and have no spaces";
    }

    *path = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_string(ngx_conf_t *cf, void *field,
    ngx_str_t *value)
{
    ngx_str_t  *string = field;

    if (value->len == 0) {
        return "it must not be empty";
    }

    *string = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_header(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_gateway_upstream_active_t *active = conf;

    u_char      *p, *name_end;
    ngx_str_t    lines;
    ngx_uint_t   i;

    name_end = ngx_strlchr(value->data, value->data + value->len, ':');

    if (name_end == NULL || name_end == value->data) {
        return "write \"header=Name: value\", in quotes";
    }

    for (p = value->data; p < name_end; p++) {
        if (!((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')
            && !(*p >= '0' && *p <= '9') && *p != '-' && *p != '_')
        {
            return "there is an invalid character in its name";
        }
    }

    for (i = 0; i < value->len; i++) {
        if ((value->data[i] < ' ' && value->data[i] != '\t')
            || value->data[i] == 0x7f)
        {
            return "there is an invalid character in its value";
        }
    }

    if (name_end - value->data == 4
        && ngx_strncasecmp(value->data, (u_char *) "Host", 4) == 0)
    {
        active->host_set = 1;
    }

    lines.len = active->headers.len + value->len + sizeof(CRLF) - 1;
    lines.data = ngx_pnalloc(cf->pool, lines.len);
    if (lines.data == NULL) {
        return "there is no memory";
    }

    p = ngx_cpymem(lines.data, active->headers.data, active->headers.len);
    p = ngx_cpymem(p, value->data, value->len);
    *p++ = CR;
    *p = LF;

    active->headers = lines;

    return NGX_CONF_OK;
}


/* "200-208,226" */

static ngx_int_t
ngx_http_gateway_upstream_parse_statuses(
    ngx_http_gateway_upstream_statuses_t *statuses, ngx_str_t *text)
{
    u_char     *p, *last, *end, *dash;
    ngx_int_t   low, high;

    if (text->len == 4 && ngx_strncmp(text->data, "none", 4) == 0) {
        return NGX_OK;
    }

    p = text->data;
    last = p + text->len;

    for ( ;; ) {

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        dash = ngx_strlchr(p, end, '-');

        low = ngx_atoi(p, (dash ? dash : end) - p);
        high = dash ? ngx_atoi(dash + 1, end - (dash + 1)) : low;

        if (low < 100 || high < low || high > 999) {
            return NGX_ERROR;
        }

        for ( /* void */ ; low <= high; low++) {
            statuses->bits[low / 32] |= (uint32_t) 1 << low % 32;
        }

        if (end == last) {
            return NGX_OK;
        }

        p = end + 1;
    }
}
