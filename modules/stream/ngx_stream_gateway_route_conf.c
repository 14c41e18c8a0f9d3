
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Blocks of routes of streams: their parameters, and the lines in them.
 */


#include "ngx_stream_gateway.h"


/* of expressions, as in Kong */
#define NGX_STREAM_GATEWAY_MAX_PRIORITY  (((uint64_t) 1 << 46) - 1)


static char *ngx_stream_gateway_route_param(ngx_conf_t *cf,
    ngx_stream_gateway_srv_conf_t *gscf, ngx_stream_gateway_route_t *route,
    ngx_str_t *arg);
static char *ngx_stream_gateway_route_line(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_stream_gateway_route_field(ngx_conf_t *cf,
    ngx_stream_gateway_route_t *route);
static char *ngx_stream_gateway_expression(ngx_conf_t *cf,
    ngx_stream_gateway_route_t *route);
static void ngx_stream_gateway_free_expressions(void *data);
static char *ngx_stream_gateway_protocols(ngx_conf_t *cf,
    ngx_stream_gateway_route_t *route);
static char *ngx_stream_gateway_snis(ngx_conf_t *cf,
    ngx_stream_gateway_route_t *route);
static char *ngx_stream_gateway_ends(ngx_conf_t *cf, ngx_array_t *ends);
static ngx_int_t ngx_stream_gateway_end(gateway_stream_end_t *end,
    ngx_str_t *value);
static char *ngx_stream_gateway_networks(ngx_conf_t *cf,
    ngx_http_gateway_networks_t **networks);


char *
ngx_stream_gateway_route_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_gateway_srv_conf_t *gscf = conf;

    char                         *rv;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_conf_t                    save;
    ngx_stream_core_srv_conf_t   *cscf;
    ngx_stream_gateway_route_t   *route, **rp;

    value = cf->args->elts;

    route = ngx_pcalloc(cf->pool, sizeof(ngx_stream_gateway_route_t));
    rp = ngx_array_push(&gscf->routes);

    if (route == NULL || rp == NULL) {
        return NGX_CONF_ERROR;
    }

    *rp = route;
    route->name = value[1];

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_stream_gateway_route_param(cf, gscf, route, &value[i]);

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, rv);
            return NGX_CONF_ERROR;
        }
    }

    rv = ngx_stream_gateway_id(cf, "routes", &route->name, &route->id);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);
    cscf->handler = ngx_stream_gateway_content_handler;

    save = *cf;
    cf->handler = ngx_stream_gateway_route_line;
    cf->handler_conf = (void *) route;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (route->protocols == 0) {
        route->protocols = GATEWAY_STREAM_TCP|GATEWAY_STREAM_TLS
                           |GATEWAY_STREAM_UDP;
    }

    if (route->expression) {

        if (route->snis.nelts || route->sources.nelts
            || route->destinations.nelts)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "gateway_stream_route \"%V\": \"expression\" "
                               "goes with no \"snis\", \"sources\" and "
                               "\"destinations\"", &route->name);
            return NGX_CONF_ERROR;
        }

        if (route->priority > NGX_STREAM_GATEWAY_MAX_PRIORITY) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "gateway_stream_route \"%V\" expects a "
                               "\"priority\" from 0 to 70368744177663",
                               &route->name);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (route->snis.nelts == 0 && route->sources.nelts == 0
        && route->destinations.nelts == 0)
    {
        return "needs \"snis\", \"sources\", \"destinations\" or an "
               "\"expression\"";
    }

    if (route->snis.nelts == 0
        && (route->protocols & GATEWAY_STREAM_PASSTHROUGH))
    {
        return "needs \"snis\" for tls_passthrough";
    }

    return NGX_CONF_OK;
}


static char *
ngx_stream_gateway_route_param(ngx_conf_t *cf,
    ngx_stream_gateway_srv_conf_t *gscf, ngx_stream_gateway_route_t *route,
    ngx_str_t *arg)
{
    ngx_str_t  value;

    if (ngx_stream_gateway_param_is(arg, "id=", &value)) {
        route->id = value;
        return NGX_CONF_OK;
    }

    if (ngx_stream_gateway_param_is(arg, "service=", &value)) {
        route->service = ngx_stream_gateway_find_service(gscf, &value);

        return route->service ? NGX_CONF_OK
                              : "there is no such \"gateway_stream_service\" "
                                "before it in this server";
    }

    return "there is no such parameter";
}


static char *
ngx_stream_gateway_route_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char       *rv;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, cmd, conf);
    }

    rv = ngx_stream_gateway_route_field(cf, conf);

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" in "
                       "\"gateway_stream_route\" %s", &value[0], rv);

    return NGX_CONF_ERROR;
}


static char *
ngx_stream_gateway_route_field(ngx_conf_t *cf,
    ngx_stream_gateway_route_t *route)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts < 2) {
        return "needs a value";
    }

    if (ngx_strcmp(value[0].data, "protocols") == 0) {
        return ngx_stream_gateway_protocols(cf, route);
    }

    if (ngx_strcmp(value[0].data, "snis") == 0) {
        return ngx_stream_gateway_snis(cf, route);
    }

    if (ngx_strcmp(value[0].data, "sources") == 0) {
        return ngx_stream_gateway_ends(cf, &route->sources);
    }

    if (ngx_strcmp(value[0].data, "destinations") == 0) {
        return ngx_stream_gateway_ends(cf, &route->destinations);
    }

    if (ngx_strcmp(value[0].data, "expression") == 0) {
        return ngx_stream_gateway_expression(cf, route);
    }

    if (ngx_strcmp(value[0].data, "allow") == 0) {
        return ngx_stream_gateway_networks(cf, &route->allow);
    }

    if (ngx_strcmp(value[0].data, "deny") == 0) {
        return ngx_stream_gateway_networks(cf, &route->deny);
    }

    if (ngx_strcmp(value[0].data, "preserve_host") == 0
        && cf->args->nelts == 2)
    {
        if (route->preserve_set) {
            return "is duplicate";
        }

        route->preserve_set = 1;
        route->preserve_host = ngx_strcmp(value[1].data, "on") == 0;

        if (!route->preserve_host && ngx_strcmp(value[1].data, "off") != 0) {
            return "expects \"on\" or \"off\"";
        }

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "priority") == 0 && cf->args->nelts == 2) {

        if (route->priority_set) {
            return "is duplicate";
        }

        n = ngx_atoi(value[1].data, value[1].len);

        if (n == NGX_ERROR) {
            return "expects a whole number";
        }

        route->priority_set = 1;
        route->priority = (uint64_t) n;
        return NGX_CONF_OK;
    }

    return "is unknown there, or has a wrong number of parameters";
}


/* several arguments are one text: nginx reads at most 4096 bytes at once */

static char *
ngx_stream_gateway_expression(ngx_conf_t *cf,
    ngx_stream_gateway_route_t *route)
{
    char                            err[512];
    u_char                         *p;
    size_t                          len;
    ngx_str_t                      *value;
    ngx_uint_t                      i;
    gateway_str_t                   text;
    ngx_pool_cleanup_t             *cln;
    gateway_router_options_t        options;
    ngx_stream_gateway_srv_conf_t  *gscf;

    if (route->expression) {
        return "is duplicate";
    }

    gscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_gateway_module);

    if (gscf->expressions == NULL) {

        ngx_memzero(&options, sizeof(gateway_router_options_t));

        options.flavor = GATEWAY_ROUTER_EXPRESSIONS;
        options.alloc = ngx_stream_gateway_alloc;
        options.data = cf->pool;

        cln = ngx_pool_cleanup_add(cf->pool, 0);
        if (cln == NULL) {
            return NGX_CONF_ERROR;
        }

        gscf->expressions = gateway_router_create(&options);
        if (gscf->expressions == NULL) {
            return NGX_CONF_ERROR;
        }

        cln->handler = ngx_stream_gateway_free_expressions;
        cln->data = gscf->expressions;
    }

    value = cf->args->elts;
    len = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        len += value[i].len;
    }

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    text.data = (char *) p;
    text.len = len;

    for (i = 1; i < cf->args->nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
    }

    route->expression = gateway_router_expression(gscf->expressions, &text, 1,
                                                  err, sizeof(err));
    if (route->expression == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway_stream_route \"%V\": %s", &route->name,
                           err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void
ngx_stream_gateway_free_expressions(void *data)
{
    gateway_router_free(data);
}


static char *
ngx_stream_gateway_protocols(ngx_conf_t *cf,
    ngx_stream_gateway_route_t *route)
{
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_conf_enum_t  *e;

    static ngx_conf_enum_t  protocols[] = {
        { ngx_string("tcp"), GATEWAY_STREAM_TCP },
        { ngx_string("udp"), GATEWAY_STREAM_UDP },
        { ngx_string("tls"), GATEWAY_STREAM_TLS },
        { ngx_string("tls_passthrough"), GATEWAY_STREAM_PASSTHROUGH },
        { ngx_null_string, 0 }
    };

    if (route->protocols) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        for (e = protocols; e->name.len; e++) {
            if (e->name.len == value[i].len
                && ngx_strcmp(e->name.data, value[i].data) == 0)
            {
                break;
            }
        }

        if (e->name.len == 0) {
            return "expects tcp, udp, tls or tls_passthrough";
        }

        route->protocols |= (unsigned) e->value;
    }

    if ((route->protocols & GATEWAY_STREAM_PASSTHROUGH)
        && route->protocols != GATEWAY_STREAM_PASSTHROUGH)
    {
        return "mixes tls_passthrough with others";
    }

    return NGX_CONF_OK;
}


static char *
ngx_stream_gateway_snis(ngx_conf_t *cf, ngx_stream_gateway_route_t *route)
{
    ngx_str_t      *value;
    ngx_uint_t      i;
    gateway_str_t  *sni;

    value = cf->args->elts;

    if (route->snis.elts == NULL
        && ngx_array_init(&route->snis, cf->pool, cf->args->nelts - 1,
                          sizeof(gateway_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        sni = ngx_array_push(&route->snis);
        if (sni == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(value[i].data, value[i].data, value[i].len);

        sni->data = (char *) value[i].data;
        sni->len = value[i].len;

        if (gateway_stream_check_sni(sni) != 0) {
            return "has an invalid name: a \"*\" is the whole first or last "
                   "label";
        }
    }

    return NGX_CONF_OK;
}


/* sources, destinations */

static char *
ngx_stream_gateway_ends(ngx_conf_t *cf, ngx_array_t *ends)
{
    ngx_str_t             *value;
    ngx_uint_t             i;
    gateway_stream_end_t  *end;

    value = cf->args->elts;

    if (ends->elts == NULL
        && ngx_array_init(ends, cf->pool, cf->args->nelts - 1,
                          sizeof(gateway_stream_end_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        end = ngx_array_push(ends);
        if (end == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(end, sizeof(gateway_stream_end_t));

        if (ngx_stream_gateway_end(end, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"%V\": write an address or "
                               "a network, with \":port\" or without, or "
                               "\":port\" alone; IPv6 with a port in "
                               "brackets", &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* "10.0.0.0/8", "10.0.0.1:80", ":80", "::1", "[fe80::/10]:80" */

static ngx_int_t
ngx_stream_gateway_end(gateway_stream_end_t *end, ngx_str_t *value)
{
    u_char     *p, *last, *colon;
    ngx_int_t   port;

    p = value->data;
    last = value->data + value->len;
    colon = NULL;

    if (value->len && *p == '[') {

        colon = ngx_strlchr(p, last, ']');

        if (colon == NULL) {
            return NGX_ERROR;
        }

        if (gateway_stream_parse_addr(end, (char *) p + 1, colon - p - 1)
            != 0)
        {
            return NGX_ERROR;
        }

        if (++colon == last) {
            return NGX_OK;
        }

        if (*colon != ':') {
            return NGX_ERROR;
        }

    } else {
        colon = ngx_strlchr(p, last, ':');

        if (colon && ngx_strlchr(colon + 1, last, ':')) {
            /* IPv6 */
            colon = NULL;
        }

        if (colon != p
            && gateway_stream_parse_addr(end, (char *) p,
                                         (colon ? colon : last) - p)
               != 0)
        {
            return NGX_ERROR;
        }

        if (colon == NULL) {
            return NGX_OK;
        }
    }

    port = ngx_atoi(colon + 1, last - colon - 1);

    if (port < 0 || port > 65535) {
        return NGX_ERROR;
    }

    end->port = (uint16_t) port;
    end->has_port = 1;

    return NGX_OK;
}


/* allow, deny */

static char *
ngx_stream_gateway_networks(ngx_conf_t *cf,
    ngx_http_gateway_networks_t **networks)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_gateway_networks_list(cf, &value[1], cf->args->nelts - 1,
                                       (char *) value[0].data, networks)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
