
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the router flavor "expressions" adds to gateway_route, and what only
 * expressions ask of a request.
 */


#include "ngx_http_gateway_route.h"
#include "gateway_expression.h"


#define NGX_HTTP_GATEWAY_MAX_PRIORITY  (((int64_t) 1 << 46) - 1)


static ngx_int_t ngx_http_gateway_route_endpoint(ngx_str_t *text,
    gateway_router_endpoint_t *endpoint);
static int ngx_http_gateway_route_query(void *data, gateway_str_t *query);
static int ngx_http_gateway_route_fact_port(void *data, int destination,
    int64_t *port);
static int ngx_http_gateway_route_fact_address(void *data, int destination,
    gateway_address_t *address);


const gateway_router_facts_t  ngx_http_gateway_route_facts = {
    ngx_http_gateway_route_query,
    ngx_http_gateway_route_fact_port,
    ngx_http_gateway_route_fact_address
};


/* several arguments are one text: nginx reads at most 4096 bytes at once */

char *
ngx_http_gateway_route_expression(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    u_char                          *p;
    size_t                           len;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_http_gateway_route_block_t  *block;

    value = cf->args->elts;
    block = ngx_http_gateway_current_block(cf);

    if (block->expression.data) {
        return "is duplicate";
    }

    len = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        len += value[i].len;
    }

    if (len == 0) {
        return "is empty";
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    block->expression.data = p;
    block->expression.len = len;

    for (i = 1; i < cf->args->nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_route_priority(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    off_t                            n;
    ngx_str_t                       *value;
    ngx_http_gateway_route_block_t  *block;

    value = cf->args->elts;
    block = ngx_http_gateway_current_block(cf);

    if (block->priority_set) {
        return "is duplicate";
    }

    n = ngx_atoof(value[1].data, value[1].len);

    if (n == NGX_ERROR || n > NGX_HTTP_GATEWAY_MAX_PRIORITY) {
        return "expects a whole number from 0 to 70368744177663";
    }

    block->priority_set = 1;
    block->priority = (int64_t) n;

    return NGX_CONF_OK;
}


/* sources, destinations; cmd->offset is the array */

char *
ngx_http_gateway_route_endpoints(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_array_t                *array;
    gateway_router_endpoint_t  *endpoint;

    value = cf->args->elts;
    array = (ngx_array_t *) ((char *) ngx_http_gateway_current_block(cf)
                             + cmd->offset);

    if (array->elts == NULL
        && ngx_array_init(array, cf->pool, cf->args->nelts - 1,
                          sizeof(gateway_router_endpoint_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        endpoint = ngx_array_push(array);
        if (endpoint == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_route_endpoint(&value[i], endpoint) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"%V\": write an address or "
                               "a network, with \":port\" or without, or "
                               "\":port\" alone; IPv6 with a port in "
                               "brackets", &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* "10.0.0.0/8", "10.0.0.1:80", ":80", "::1", "[fe80::/10]:80" */

static ngx_int_t
ngx_http_gateway_route_endpoint(ngx_str_t *text,
    gateway_router_endpoint_t *endpoint)
{
    u_char             *p, *last, *colon;
    ngx_int_t           port;
    unsigned            bits;
    gateway_address_t   address;

    p = text->data;
    last = p + text->len;

    colon = ngx_strlchr(p, last, ':');

    if (text->len && *p == '[') {

        p++;
        colon = ngx_strlchr(p, last, ']');

        if (colon == NULL) {
            return NGX_ERROR;
        }

        endpoint->ip.len = colon - p;
        colon = (colon + 1 == last) ? NULL : colon + 1;

    } else {

        if (colon && ngx_strlchr(colon + 1, last, ':')) {
            /* IPv6 without a port */
            colon = NULL;
        }

        endpoint->ip.len = (colon ? colon : last) - p;
    }

    endpoint->ip.data = (char *) p;
    endpoint->port = -1;

    if (colon) {

        port = (*colon == ':') ? ngx_atoi(colon + 1, last - colon - 1)
                               : NGX_ERROR;

        if (port == NGX_ERROR || port > 65535) {
            return NGX_ERROR;
        }

        endpoint->port = (int32_t) port;
    }

    if (endpoint->ip.len == 0 && colon == text->data) {
        return NGX_OK;
    }

    return gateway_address_parse(&address, &bits, endpoint->ip.data,
                                 endpoint->ip.len)
           == 0 ? NGX_OK : NGX_ERROR;
}


void
ngx_http_gateway_route_conditions(gateway_router_route_t *route,
    ngx_http_gateway_route_block_t *block)
{
    ngx_uint_t  protocols;

    route->expression.data = (char *) block->expression.data;
    route->expression.len = block->expression.len;
    route->priority = block->priority;

    route->sources = block->sources.elts;
    route->nsources = block->sources.nelts;
    route->destinations = block->destinations.elts;
    route->ndestinations = block->destinations.nelts;

    protocols = block->route.protocols;

    /* "https" alone matches http, too, for its redirect or 426 */

    route->http_only = !(protocols & (NGX_HTTP_GATEWAY_PROTO_HTTPS
                                      |NGX_HTTP_GATEWAY_PROTO_GRPCS));
    route->https_only = (protocols == NGX_HTTP_GATEWAY_PROTO_GRPCS);
}


static int
ngx_http_gateway_route_query(void *data, gateway_str_t *query)
{
    ngx_http_request_t *r = data;

    query->data = (char *) r->args.data;
    query->len = r->args.len;

    return r->args.len != 0;
}


static int
ngx_http_gateway_route_fact_port(void *data, int destination, int64_t *port)
{
    ngx_http_request_t *r = data;

    struct sockaddr  *sa;

    sa = r->connection->sockaddr;

    if (destination) {

        if (ngx_connection_local_sockaddr(r->connection, NULL, 0) != NGX_OK) {
            return 0;
        }

        sa = r->connection->local_sockaddr;
    }

    *port = ngx_inet_get_port(sa);

    return *port != 0;
}


static int
ngx_http_gateway_route_fact_address(void *data, int destination,
    gateway_address_t *address)
{
    ngx_http_request_t *r = data;

    struct sockaddr      *sa;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    sa = r->connection->sockaddr;

    if (destination) {

        if (ngx_connection_local_sockaddr(r->connection, NULL, 0) != NGX_OK) {
            return 0;
        }

        sa = r->connection->local_sockaddr;
    }

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        address->len = 16;
        ngx_memcpy(address->bytes, &sin6->sin6_addr, 16);
        return 1;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        address->len = 4;
        ngx_memcpy(address->bytes, &sin->sin_addr, 4);
        return 1;

    default:
        return 0;
    }
}
