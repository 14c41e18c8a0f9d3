
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Addresses of names for connections in the background, see
 * ngx_http_gateway_names.h.  What is found is not kept: such connections are
 * rare, and ask anew.
 */


#include "ngx_http_gateway_upstream_peers.h"
#include "ngx_http_gateway_connect.h"
#include "ngx_http_gateway_names.h"


struct ngx_http_gateway_names_s {
    ngx_rbtree_t                          hosts;
    ngx_rbtree_node_t                     sentinel;
    ngx_http_gateway_connect_t           *connect_to;
    ngx_http_gateway_upstream_servers_t  *servers;  /* NULL: no resolver */
};


static ngx_uint_t ngx_http_gateway_names_here(
    ngx_http_gateway_names_t *names, ngx_http_gateway_names_query_t *query);
static void ngx_http_gateway_names_add(ngx_http_gateway_names_query_t *query,
    struct sockaddr *sockaddr, socklen_t socklen, in_port_t port);
static void ngx_http_gateway_names_found(
    ngx_http_gateway_upstream_lookup_t *l);
static void ngx_http_gateway_names_stop(void *data);


ngx_http_gateway_names_t *
ngx_http_gateway_names_init(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t                     *cln;
    ngx_http_gateway_names_t               *names;
    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_gateway_main_conf_t           *gmcf;
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    gumcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_gateway_upstream_module);
    if (gumcf->names) {
        return gumcf->names;
    }

    names = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_names_t));
    if (names == NULL) {
        return NULL;
    }

    ngx_rbtree_init(&names->hosts, &names->sentinel,
                    ngx_str_rbtree_insert_value);

    if (ngx_http_gateway_upstream_hosts(cf, cf->pool, gumcf, &names->hosts)
        != NGX_OK)
    {
        return NULL;
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    names->connect_to = gmcf->connect_to;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver && clcf->resolver->connections.nelts) {

        names->servers = ngx_http_gateway_upstream_servers(cf, gumcf,
                                                           clcf->resolver);
        if (names->servers == NULL) {
            return NULL;
        }

        /* registered after the resolver's cleanup, hence runs before it */

        cln = ngx_pool_cleanup_add(cf->pool, 0);
        if (cln == NULL) {
            return NULL;
        }

        cln->handler = ngx_http_gateway_names_stop;
        cln->data = names->servers;
    }

    gumcf->names = names;

    return names;
}


ngx_int_t
ngx_http_gateway_names_find(ngx_http_gateway_names_t *names,
    ngx_http_gateway_names_query_t *query)
{
    query->error = NULL;
    query->naddrs = 0;
    query->lookup = NULL;

    if (ngx_http_gateway_names_here(names, query)) {
        return NGX_OK;
    }

    if (names->servers == NULL) {
        query->error = "no resolver is configured";
        return NGX_ERROR;
    }

    query->lookup = ngx_http_gateway_upstream_lookup(&names->servers->conf,
                                       names->servers, &query->host, 0,
                                       query->timeout, query->cancelable,
                                       ngx_http_gateway_names_found, query,
                                       query->log);

    if (query->lookup == NULL) {
        query->error = "no memory";
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_gateway_names_hopeless(ngx_http_gateway_names_t *names,
    ngx_str_t *host, in_port_t port)
{
    ngx_http_gateway_names_query_t  query;

    if (names->servers) {
        return 0;
    }

    ngx_memzero(&query, sizeof(ngx_http_gateway_names_query_t));

    query.host = *host;
    query.port = port;

    return !ngx_http_gateway_names_here(names, &query);
}


void
ngx_http_gateway_names_end(ngx_http_gateway_names_query_t *query)
{
    if (query->lookup) {
        ngx_http_gateway_upstream_lookup_free(query->lookup);
        query->lookup = NULL;
    }
}


/* 1 if DNS need not be asked */

static ngx_uint_t
ngx_http_gateway_names_here(ngx_http_gateway_names_t *names,
    ngx_http_gateway_names_query_t *query)
{
    u_char               text[GATEWAY_DNS_NAME];
    ngx_str_t            name;
    ngx_addr_t          *addr;
    in_addr_t            inaddr;
    ngx_str_node_t      *node;
    struct sockaddr_in   sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  sin6;
#endif

    addr = ngx_http_gateway_connect_find(names->connect_to, &query->host,
                                         query->port);
    if (addr) {
        ngx_http_gateway_names_add(query, addr->sockaddr, addr->socklen, 0);
        return 1;
    }

    inaddr = ngx_inet_addr(query->host.data, query->host.len);

    if (inaddr == INADDR_NONE
        && query->host.len == sizeof("localhost") - 1
        && ngx_strncasecmp(query->host.data, (u_char *) "localhost",
                           sizeof("localhost") - 1)
           == 0)
    {
        inaddr = htonl(INADDR_LOOPBACK);
    }

    if (inaddr != INADDR_NONE) {
        ngx_memzero(&sin, sizeof(struct sockaddr_in));
        sin.sin_family = AF_INET;
        sin.sin_addr.s_addr = inaddr;

        ngx_http_gateway_names_add(query, (struct sockaddr *) &sin,
                                   sizeof(struct sockaddr_in), query->port);
        return 1;
    }

#if (NGX_HAVE_INET6)

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));

    if (ngx_inet6_addr(query->host.data, query->host.len,
                       sin6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        sin6.sin6_family = AF_INET6;

        ngx_http_gateway_names_add(query, (struct sockaddr *) &sin6,
                                   sizeof(struct sockaddr_in6), query->port);
        return 1;
    }

#endif

    name.len = query->host.len;
    name.data = text;

    if (name.len && query->host.data[name.len - 1] == '.') {
        name.len--;
    }

    if (name.len > sizeof(text)) {
        return 0;
    }

    ngx_strlow(text, query->host.data, name.len);

    node = ngx_str_rbtree_lookup(&names->hosts, &name,
                                 ngx_crc32_short(name.data, name.len));
    if (node == NULL) {
        return 0;
    }

    /* the address follows the node */

    addr = (ngx_addr_t *) &node[1];

    ngx_http_gateway_names_add(query, addr->sockaddr, addr->socklen,
                               query->port);

    return 1;
}


/* port 0: the one that the address has */

static void
ngx_http_gateway_names_add(ngx_http_gateway_names_query_t *query,
    struct sockaddr *sockaddr, socklen_t socklen, in_port_t port)
{
    ngx_http_gateway_names_addr_t  *addr;

    if (query->naddrs == NGX_HTTP_GATEWAY_NAMES_ADDRS
        || socklen > (socklen_t) sizeof(ngx_sockaddr_t))
    {
        return;
    }

    addr = &query->addrs[query->naddrs++];

    ngx_memcpy(&addr->sockaddr, sockaddr, socklen);
    addr->socklen = socklen;

    if (port) {
        ngx_inet_set_port(&addr->sockaddr.sockaddr, port);
    }
}


static void
ngx_http_gateway_names_found(ngx_http_gateway_upstream_lookup_t *l)
{
    ngx_uint_t                           i;
    ngx_http_gateway_names_query_t      *query;
    ngx_http_gateway_upstream_answer_t  *a;

    query = l->data;

    if (l->error) {
        query->error = ngx_http_gateway_upstream_dns_strerror(l->error);

    } else {
        a = l->answers.elts;

        for (i = 0; i < l->answers.nelts; i++) {
            ngx_http_gateway_names_add(query, &a[i].sockaddr.sockaddr,
                                       a[i].socklen,
                                       a[i].port ? a[i].port : query->port);
        }
    }

    query->lookup = NULL;
    ngx_http_gateway_upstream_lookup_free(l);

    query->handler(query);
}


static void
ngx_http_gateway_names_stop(void *data)
{
    ngx_http_gateway_upstream_servers_stop(data);
}
