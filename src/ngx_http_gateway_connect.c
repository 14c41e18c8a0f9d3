
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Both ends of a gateway that is tried out: connections that go to another
 * place than the configured one, and clients that have another address than
 * their connections.  Nothing of it runs unless it is configured.
 */


#include "ngx_http_gateway_connect.h"


/* the longest host, and with a port */
#define NGX_HTTP_GATEWAY_CONNECT_HOST  256
#define NGX_HTTP_GATEWAY_CONNECT_KEY                                          \
    (NGX_HTTP_GATEWAY_CONNECT_HOST + sizeof(":") + NGX_INT_T_LEN)


typedef struct {
    ngx_str_node_t    sn;    /* "host:port" in lower case, without brackets */
    ngx_addr_t        addr;
} ngx_http_gateway_connect_node_t;


static void ngx_http_gateway_connect_key(ngx_str_t *host, ngx_uint_t port,
    ngx_str_t *key);


ngx_addr_t *
ngx_http_gateway_connect_to(ngx_conf_t *cf, ngx_str_t *host, ngx_uint_t port)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    return ngx_http_gateway_connect_find(gmcf->connect_to, host, port);
}


ngx_addr_t *
ngx_http_gateway_connect_find(ngx_http_gateway_connect_t *connect,
    ngx_str_t *host, ngx_uint_t port)
{
    u_char                            text[NGX_HTTP_GATEWAY_CONNECT_KEY];
    uint32_t                          hash;
    ngx_str_t                         key;
    ngx_http_gateway_connect_node_t  *node;

    if (connect == NULL) {
        return NULL;
    }

    key.data = text;

    if (host->len <= NGX_HTTP_GATEWAY_CONNECT_HOST) {

        ngx_http_gateway_connect_key(host, port, &key);

        hash = ngx_crc32_short(key.data, key.len);
        node = (ngx_http_gateway_connect_node_t *)
                    ngx_str_rbtree_lookup(&connect->tree, &key, hash);

        if (node) {
            return &node->addr;
        }
    }

    return connect->others.socklen ? &connect->others : NULL;
}


/* writes at most NGX_HTTP_GATEWAY_CONNECT_KEY bytes to key->data */

static void
ngx_http_gateway_connect_key(ngx_str_t *host, ngx_uint_t port, ngx_str_t *key)
{
    u_char     *p;
    ngx_str_t   bare;

    bare = *host;

    if (bare.len > 2 && bare.data[0] == '['
        && bare.data[bare.len - 1] == ']')
    {
        bare.data++;
        bare.len -= 2;
    }

    ngx_strlow(key->data, bare.data, bare.len);
    p = ngx_sprintf(key->data + bare.len, ":%ui", port);
    key->len = p - key->data;
}


/* HOST:PORT ADDRESS, or * ADDRESS */

char *
ngx_http_gateway_connect_to_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    u_char                           *p, *colon;
    ngx_int_t                         port;
    ngx_str_t                        *value, host, key;
    ngx_url_t                         u;
    ngx_http_gateway_connect_t       *connect;
    ngx_http_gateway_connect_node_t  *node;

    value = cf->args->elts;
    connect = gmcf->connect_to;

    if (connect == NULL) {
        connect = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_connect_t));
        if (connect == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_rbtree_init(&connect->tree, &connect->sentinel,
                        ngx_str_rbtree_insert_value);
        gmcf->connect_to = connect;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = value[2];
    u.no_resolve = 1;

    /* what follows the address of peers tells connections apart: there is
       no room for that in the address of a UNIX socket */

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs != 1
        || u.no_port || u.addrs[0].sockaddr->sa_family == AF_UNIX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\" in \"%V\": expected an IP "
                           "address and a port", &value[2], &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (value[1].len == 1 && value[1].data[0] == '*') {

        if (connect->others.socklen) {
            return "is duplicate";
        }

        connect->others = u.addrs[0];
        return NGX_CONF_OK;
    }

    colon = NULL;

    for (p = value[1].data; p < value[1].data + value[1].len; p++) {
        if (*p == ':') {
            colon = p;
        }
    }

    port = colon ? ngx_atoi(colon + 1,
                            value[1].data + value[1].len - colon - 1)
                 : NGX_ERROR;

    if (port < 1 || port > 65535 || colon == value[1].data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid target \"%V\" in \"%V\": expected "
                           "HOST:PORT or \"*\"", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    host.data = value[1].data;
    host.len = colon - value[1].data;

    if (host.len > NGX_HTTP_GATEWAY_CONNECT_HOST) {
        return "has a host of more than 256 characters";
    }

    key.data = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_CONNECT_KEY);
    if (key.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_connect_key(&host, port, &key);

    node = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_connect_node_t));
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    node->sn.str = key;
    node->sn.node.key = ngx_crc32_short(key.data, key.len);
    node->addr = u.addrs[0];

    if (ngx_str_rbtree_lookup(&connect->tree, &key,
                              (uint32_t) node->sn.node.key))
    {
        return "is duplicate";
    }

    ngx_rbtree_insert(&connect->tree, &node->sn.node);

    return NGX_CONF_OK;
}


/*
 * Not the realip module's way: that one believes some peers, and is told
 * which header to take.  Here it is the connection that has the address, and
 * what is configured of realip comes after it.
 */

ngx_int_t
ngx_http_gateway_proxy_client_handler(ngx_http_request_t *r)
{
    u_char                         text[NGX_SOCKADDR_STRLEN], *p;
    size_t                         len;
    ngx_addr_t                     addr;
    ngx_connection_t              *c;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    c = r->connection;

    if (r != r->main || r->internal || c->proxy_protocol == NULL
        || gmcf->proxy_client != 1)
    {
        return NGX_DECLINED;
    }

    /* the address of the connection itself, as each request finds it */

    if (ngx_parse_addr(c->pool, &addr, c->proxy_protocol->src_addr.data,
                       c->proxy_protocol->src_addr.len)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_inet_set_port(addr.sockaddr, c->proxy_protocol->src_port);

    len = ngx_sock_ntop(addr.sockaddr, addr.socklen, text,
                        NGX_SOCKADDR_STRLEN, 0);

    p = ngx_pnalloc(c->pool, len);
    if (len == 0 || p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(p, text, len);

    c->sockaddr = addr.sockaddr;
    c->socklen = addr.socklen;
    c->addr_text.len = len;
    c->addr_text.data = p;

    return NGX_DECLINED;
}
