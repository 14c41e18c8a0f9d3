
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


static ngx_str_t  ngx_http_gateway_upstream_passive_healthy =
    ngx_string("200-208,226,300-308");
static ngx_str_t  ngx_http_gateway_upstream_passive_unhealthy =
    ngx_string("429,500,503");


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

        } else if (seen & bit) {
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
