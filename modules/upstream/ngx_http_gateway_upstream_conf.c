
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Blocks of upstreams: the lines in them, and whether they go together.
 */


#include "ngx_http_gateway_upstream_peers.h"


static char *ngx_http_gateway_upstream_line(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_upstream_field(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);
static char *ngx_http_gateway_upstream_algorithm(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);
static char *ngx_http_gateway_upstream_target(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);
static char *ngx_http_gateway_upstream_target_parameter(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target, ngx_str_t *value);
static char *ngx_http_gateway_upstream_hash_on(ngx_conf_t *cf,
    ngx_http_gateway_upstream_hash_t *hash);
static char *ngx_http_gateway_upstream_cookie_path(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);
static char *ngx_http_gateway_upstream_slots(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);
static char *ngx_http_gateway_upstream_check(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b);


static ngx_conf_enum_t  ngx_http_gateway_upstream_algorithms[] = {
    { ngx_string("round-robin"), NGX_HTTP_GATEWAY_UPSTREAM_ROUND_ROBIN },
    { ngx_string("consistent-hashing"), NGX_HTTP_GATEWAY_UPSTREAM_CONSISTENT },
    { ngx_string("least-connections"), NGX_HTTP_GATEWAY_UPSTREAM_LEAST_CONN },
    { ngx_string("latency"), NGX_HTTP_GATEWAY_UPSTREAM_LATENCY },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_upstream_hashes[] = {
    { ngx_string("none"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE },
    { ngx_string("consumer"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_CONSUMER },
    { ngx_string("ip"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_IP },
    { ngx_string("header"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_HEADER },
    { ngx_string("cookie"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_COOKIE },
    { ngx_string("path"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_PATH },
    { ngx_string("query_arg"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_QUERY_ARG },
    { ngx_string("uri_capture"), NGX_HTTP_GATEWAY_UPSTREAM_HASH_URI_CAPTURE },
    { ngx_null_string, 0 }
};


char *
ngx_http_gateway_upstream_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_upstream_main_conf_t *gumcf = conf;

    char                                   *rv;
    ngx_str_t                              *value;
    ngx_uint_t                              i;
    ngx_conf_t                              save;
    ngx_http_gateway_upstream_balancer_t   *b, **bp;

    value = cf->args->elts;
    bp = gumcf->balancers.elts;

    for (i = 0; i < gumcf->balancers.nelts; i++) {
        if (bp[i]->name.len == value[1].len
            && ngx_strncmp(bp[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate gateway_upstream \"%V\", the other "
                               "one is in %s:%ui", &value[1],
                               bp[i]->file_name, bp[i]->line);
            return NGX_CONF_ERROR;
        }
    }

    b = ngx_http_gateway_upstream_add(cf, gumcf, &value[1]);
    if (b == NULL) {
        return NGX_CONF_ERROR;
    }

    gumcf->nexplicit++;

    save = *cf;
    cf->handler = ngx_http_gateway_upstream_line;
    cf->handler_conf = (void *) b;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_gateway_upstream_check(cf, b);
}


/* a line inside of gateway_upstream */

static char *
ngx_http_gateway_upstream_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char       *rv;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, cmd, conf);
    }

    rv = ngx_http_gateway_upstream_field(cf, conf);

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" in "
                       "\"gateway_upstream\" %s", &value[0], rv);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_upstream_field(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "target") == 0) {
        return ngx_http_gateway_upstream_target(cf, b);
    }

    if (ngx_strcmp(value[0].data, "algorithm") == 0) {
        return ngx_http_gateway_upstream_algorithm(cf, b);
    }

    if (ngx_strcmp(value[0].data, "hash_on") == 0) {
        if (b->hash_set) {
            return "is duplicate";
        }

        b->hash_set = 1;
        return ngx_http_gateway_upstream_hash_on(cf, &b->hash);
    }

    if (ngx_strcmp(value[0].data, "hash_fallback") == 0) {
        if (b->fallback_set) {
            return "is duplicate";
        }

        b->fallback_set = 1;
        return ngx_http_gateway_upstream_hash_on(cf, &b->fallback);
    }

    if (ngx_strcmp(value[0].data, "passive") == 0) {
        return ngx_http_gateway_upstream_passive(cf, b);
    }

    if (ngx_strcmp(value[0].data, "active") == 0) {
        return ngx_http_gateway_upstream_active(cf, b);
    }

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[0].data, "hash_on_cookie_path") == 0) {
            return ngx_http_gateway_upstream_cookie_path(cf, b);
        }

        if (ngx_strcmp(value[0].data, "slots") == 0) {
            return ngx_http_gateway_upstream_slots(cf, b);
        }

        if (ngx_strcmp(value[0].data, "threshold") == 0) {
            return ngx_http_gateway_upstream_threshold(cf, b);
        }

        if (ngx_strcmp(value[0].data, "host_header") == 0) {
            b->host_header = value[1];
            return NGX_CONF_OK;
        }

        if (ngx_strcmp(value[0].data, "id") == 0) {
            b->id = value[1];
            return NGX_CONF_OK;
        }

        if (ngx_strcmp(value[0].data, "use_srv_name") == 0) {

            if (ngx_strcmp(value[1].data, "on") == 0) {
                b->use_srv_name = 1;

            } else if (ngx_strcmp(value[1].data, "off") != 0) {
                return "must be \"on\" or \"off\"";
            }

            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown line \"%V\" in \"gateway_upstream\", or "
                       "a wrong number of parameters", &value[0]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_upstream_algorithm(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_str_t        *value;
    ngx_conf_enum_t  *e;

    value = cf->args->elts;

    if (b->algorithm_set) {
        return "is duplicate";
    }

    if (cf->args->nelts == 2) {

        for (e = ngx_http_gateway_upstream_algorithms; e->name.len; e++) {
            if (e->name.len == value[1].len
                && ngx_strcmp(e->name.data, value[1].data) == 0)
            {
                b->algorithm = e->value;
                b->algorithm_set = 1;
                return NGX_CONF_OK;
            }
        }
    }

    return "is unknown: write round-robin, consistent-hashing, "
           "least-connections or latency";
}


static char *
ngx_http_gateway_upstream_target(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    char                                *rv;
    u_char                              *p, *last;
    ngx_int_t                            port;
    ngx_str_t                           *value, host;
    ngx_uint_t                           i;
    ngx_http_gateway_upstream_addr_t    *addr;
    ngx_http_gateway_upstream_target_t  *target;

    value = cf->args->elts;

    if (cf->args->nelts < 2) {
        goto invalid;
    }

    last = value[1].data + value[1].len;
    p = last;

    while (p > value[1].data && p[-1] != ':') {
        p--;
    }

    if (p == value[1].data) {
        goto invalid;
    }

    host.data = value[1].data;
    host.len = p - 1 - value[1].data;

    port = ngx_atoi(p, last - p);

    if (port < 1 || port > 65535 || host.len == 0) {
        goto invalid;
    }

    if (ngx_http_gateway_upstream_add_target(cf, b, &host, (in_port_t) port,
                                             100)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    target = b->targets.elts;
    target += b->targets.nelts - 1;

    for (i = 2; i < cf->args->nelts; i++) {

        rv = ngx_http_gateway_upstream_target_parameter(cf, target,
                                                        &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    addr = target->addrs;

    if (addr) {
        addr->weight = target->weight;
    }

    return NGX_CONF_OK;

invalid:

    return "has an invalid target: write \"target HOST:PORT\" or "
           "\"target HOST:PORT weight=N\", IPv6 addresses in brackets";
}


static char *
ngx_http_gateway_upstream_target_parameter(ngx_conf_t *cf,
    ngx_http_gateway_upstream_target_t *target, ngx_str_t *value)
{
    time_t      n;
    ngx_str_t  *tag;

    if (ngx_strncmp(value->data, "weight=", 7) == 0) {

        n = ngx_atoi(value->data + 7, value->len - 7);

        if (n == NGX_ERROR || n > 65535) {
            return "has an invalid weight: write 0 to 65535";
        }

        target->weight = (ngx_uint_t) n;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "id=", 3) == 0) {
        target->id.data = value->data + 3;
        target->id.len = value->len - 3;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "tag=", 4) == 0) {

        if (target->tags == NULL) {
            target->tags = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
            if (target->tags == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        tag = ngx_array_push(target->tags);
        if (tag == NULL) {
            return NGX_CONF_ERROR;
        }

        tag->data = value->data + 4;
        tag->len = value->len - 4;

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "created_at=", 11) == 0
        || ngx_strncmp(value->data, "updated_at=", 11) == 0)
    {
        n = ngx_atotm(value->data + 11, value->len - 11);

        if (n == NGX_ERROR) {
            return "has an invalid time: write seconds";
        }

        if (value->data[0] == 'c') {
            target->created_at = n;

        } else {
            target->updated_at = n;
        }

        return NGX_CONF_OK;
    }

    return "has an invalid parameter: write weight=, id=, tag=, created_at= "
           "or updated_at=";
}


static char *
ngx_http_gateway_upstream_hash_on(ngx_conf_t *cf,
    ngx_http_gateway_upstream_hash_t *hash)
{
    u_char           *p;
    ngx_str_t        *value;
    ngx_uint_t        i, named;
    ngx_conf_enum_t  *e;

    value = cf->args->elts;

    if (cf->args->nelts < 2) {
        goto invalid;
    }

    for (e = ngx_http_gateway_upstream_hashes; e->name.len; e++) {
        if (e->name.len == value[1].len
            && ngx_strcmp(e->name.data, value[1].data) == 0)
        {
            break;
        }
    }

    if (e->name.len == 0) {
        goto invalid;
    }

    hash->type = e->value;

    named = hash->type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_HEADER
            || hash->type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_COOKIE
            || hash->type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_QUERY_ARG
            || hash->type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_URI_CAPTURE;

    if (cf->args->nelts != 2 + named
        || (named && value[2].len == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           named ? "\"%V %V\" needs one name"
                                 : "\"%V %V\" takes no name",
                           &value[0], &value[1]);
        return NGX_CONF_ERROR;
    }

    if (!named) {
        return NGX_CONF_OK;
    }

    hash->name = value[2];

    if (hash->type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_HEADER) {
        ngx_strlow(hash->name.data, hash->name.data, hash->name.len);
    }

    if (hash->type == NGX_HTTP_GATEWAY_UPSTREAM_HASH_COOKIE) {

        p = hash->name.data;

        for (i = 0; i < hash->name.len; i++) {
            if (p[i] <= ' ' || p[i] >= 0x7f
                || ngx_strchr("()<>@,;:\\\"/[]?={}", p[i]))
            {
                return "has an invalid cookie name";
            }
        }
    }

    return NGX_CONF_OK;

invalid:

    return "hashes nothing known: write none, consumer, ip, path, or header, "
           "cookie, query_arg, uri_capture with a name";
}


static char *
ngx_http_gateway_upstream_cookie_path(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/') {
        return "has an invalid cookie path: it must begin with \"/\"";
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < ' ' || value[1].data[i] == ';'
            || value[1].data[i] == 0x7f)
        {
            return "has an invalid character in the cookie path";
        }
    }

    b->cookie_path = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_upstream_slots(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n < 10 || n > 65536) {
        return "has invalid slots: write 10 to 65536";
    }

    b->slots = n;

    return NGX_CONF_OK;
}


/* what Kong adapts silently is adapted as well, and said */

static char *
ngx_http_gateway_upstream_check(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_http_gateway_upstream_hash_e       hash, fallback;
    ngx_http_gateway_upstream_algorithm_e  algorithm;

    hash = b->hash.type;
    fallback = b->fallback.type;

    if (fallback != NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE) {

        if (hash == NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE
            || hash == NGX_HTTP_GATEWAY_UPSTREAM_HASH_COOKIE)
        {
            return "has a \"hash_fallback\" that is never used: \"hash_on\" "
                   "is none or cookie";
        }

        if (hash == fallback
            && b->hash.name.len == b->fallback.name.len
            && (b->hash.name.len == 0
                || ngx_strncmp(b->hash.name.data, b->fallback.name.data,
                               b->hash.name.len)
                   == 0))
        {
            return "has the same \"hash_on\" and \"hash_fallback\"";
        }
    }

    algorithm = b->algorithm;

    if (algorithm == NGX_HTTP_GATEWAY_UPSTREAM_LEAST_CONN
        || algorithm == NGX_HTTP_GATEWAY_UPSTREAM_LATENCY)
    {
        if (hash != NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"hash_on\" of gateway_upstream \"%V\" is "
                               "ignored by its algorithm", &b->name);
            b->hash.type = NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE;
        }

        return NGX_CONF_OK;
    }

    b->algorithm = hash == NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE
                   ? NGX_HTTP_GATEWAY_UPSTREAM_ROUND_ROBIN
                   : NGX_HTTP_GATEWAY_UPSTREAM_CONSISTENT;

    if (b->algorithm_set && algorithm != b->algorithm) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "algorithm of gateway_upstream \"%V\" is %s, as "
                           "its \"hash_on\" says", &b->name,
                           hash == NGX_HTTP_GATEWAY_UPSTREAM_HASH_NONE
                           ? "round-robin" : "consistent-hashing");
    }

    return NGX_CONF_OK;
}


ngx_http_gateway_upstream_balancer_t *
ngx_http_gateway_upstream_add(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_str_t *name)
{
    ngx_http_gateway_upstream_balancer_t  *b, **bp;

    bp = ngx_array_push(&gumcf->balancers);
    if (bp == NULL) {
        return NULL;
    }

    b = ngx_http_gateway_upstream_create(cf, name);
    if (b == NULL) {
        return NULL;
    }

    *bp = b;

    return b;
}
