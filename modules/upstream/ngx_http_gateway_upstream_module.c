
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Balancing: the targets of gateway_upstream blocks, or the host of a
 * service, behind nginx's own proxy and grpc modules.  Picks a peer when
 * the access chain is through, again for each retry.  Costs a search of the
 * algorithm's table per request; names are resolved while a worker runs.
 */


#include "ngx_http_gateway_upstream_peers.h"
#include "ngx_http_gateway_shm.h"


/* services of equal host, port and resolver share a balancer */
typedef struct {
    ngx_str_node_t                         sn;
    ngx_http_gateway_upstream_balancer_t  *balancer;
} ngx_http_gateway_upstream_node_t;


static char *ngx_http_gateway_balancer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_gateway_upstream_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_upstream_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_upstream_services(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts);
static ngx_int_t ngx_http_gateway_upstream_other_places(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts);
static ngx_int_t ngx_http_gateway_upstream_place(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_place_t *place, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts);
static ngx_int_t ngx_http_gateway_upstream_named(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_place_t *place, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts);
static ngx_int_t ngx_http_gateway_upstream_implicit(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_place_t *place, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts);
static ngx_http_gateway_upstream_node_t *ngx_http_gateway_upstream_remember(
    ngx_conf_t *cf, ngx_rbtree_t *names, ngx_str_t *key,
    ngx_http_gateway_upstream_balancer_t *b);
static void ngx_http_gateway_upstream_stop(void *data);
static ngx_int_t ngx_http_gateway_upstream_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_upstream_init_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_upstream_start_handler(ngx_event_t *ev);


static ngx_command_t  ngx_http_gateway_upstream_commands[] = {

    { ngx_string("gateway_upstream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_gateway_upstream_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_hosts_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_upstream_main_conf_t, hosts_file),
      NULL },

    { ngx_string("gateway_dns"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_upstream_dns_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_upstream_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_shm_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_upstream_main_conf_t, size),
      NULL },

    { ngx_string("gateway_upstream_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_gateway_upstream_status_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_dns_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_dns_status_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_balancer"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_balancer,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_upstream_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_upstream_postconfiguration, /* postconfiguration */

    ngx_http_gateway_upstream_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_upstream_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_upstream_module_ctx, /* module context */
    ngx_http_gateway_upstream_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_upstream_init_module, /* init module */
    ngx_http_gateway_upstream_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_int_t
ngx_http_gateway_upstream_walk(ngx_http_gateway_upstream_visit_pt visit,
    void *data)
{
    ngx_int_t                               rc;
    ngx_uint_t                              i, k, n, found;
    ngx_http_gateway_upstream_set_t        *set;
    ngx_http_gateway_upstream_info_t        info;
    ngx_http_gateway_upstream_target_t     *target;
    ngx_http_gateway_upstream_balancer_t  **b;
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    gumcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                            ngx_http_gateway_upstream_module);
    if (gumcf == NULL) {
        return NGX_OK;
    }

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {

        set = ngx_http_gateway_upstream_set(b[i]);
        if (set == NULL) {
            return NGX_ERROR;
        }

        target = b[i]->targets.elts;

        for (k = 0; k < b[i]->targets.nelts; k++) {

            info.upstream = b[i]->name;
            info.target = target[k].text;
            found = 0;

            for (n = 0; n < set->nslots; n++) {

                if (set->slots[n].peer->target != &target[k]) {
                    continue;
                }

                info.address = set->slots[n].peer->text;
                info.weight = set->slots[n].weight / set->scale;
                info.state = set->slots[n].weight
                             ? set->slots[n].peer->health
                             : NGX_HTTP_GATEWAY_UPSTREAM_CHECKS_OFF;
                found = 1;

                rc = visit(data, &info);

                if (rc != NGX_OK) {
                    return rc;
                }
            }

            if (found) {
                continue;
            }

            ngx_str_null(&info.address);
            info.weight = target[k].weight;
            info.state = target[k].name && target[k].name->error
                         && target[k].name->error != NGX_AGAIN
                         ? NGX_HTTP_GATEWAY_UPSTREAM_DNS_ERROR
                         : NGX_HTTP_GATEWAY_UPSTREAM_CHECKS_OFF;

            rc = visit(data, &info);

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_upstream_add_place(ngx_conf_t *cf,
    ngx_http_gateway_upstream_place_t *place)
{
    ngx_http_gateway_upstream_place_t      **p;
    ngx_http_gateway_upstream_main_conf_t   *gumcf;

    gumcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_gateway_upstream_module);

    if (gumcf->places == NULL) {
        gumcf->places = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (gumcf->places == NULL) {
            return NGX_ERROR;
        }
    }

    p = ngx_array_push(gumcf->places);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = place;

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_upstream_goes_to(ngx_http_gateway_ctx_t *ctx,
    ngx_str_t *host, in_port_t *port)
{
    ngx_http_gateway_upstream_target_t    *target;
    ngx_http_gateway_upstream_balancer_t  *b;

    b = ctx->balancer;

    if (b == NULL) {
        *host = ctx->service->host;
        *port = ctx->service->port;
        return ctx->service->upstream.len == 0;
    }

    *host = b->name;
    *port = ctx->service->port;

    if (b->implicit) {
        target = b->targets.elts;
        *port = target->port;
    }

    return b->implicit;
}


ngx_uint_t
ngx_http_gateway_upstream_usable(ngx_http_gateway_upstream_place_t *place)
{
    ngx_uint_t                             i;
    ngx_http_gateway_upstream_set_t       *set;
    ngx_http_gateway_upstream_balancer_t  *b;

    b = place->balancer;

    if (b == NULL || b->implicit) {
        return 1;
    }

    set = ngx_http_gateway_upstream_set(b);

    if (set == NULL || (b->checks && b->checks->broken)) {
        return 0;
    }

    for (i = 0; i < set->nslots; i++) {
        if (set->slots[i].weight && !set->slots[i].peer->down) {
            return 1;
        }
    }

    /* names are asked for by requests, one of which this would have been */

    if (b->dns) {
        b->dns->used = 1;
        ngx_http_gateway_upstream_dns_start(b);
    }

    return 0;
}


ngx_http_gateway_upstream_balancer_t *
ngx_http_gateway_upstream_create(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_gateway_upstream_balancer_t  *b;

    b = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_upstream_balancer_t));
    if (b == NULL) {
        return NULL;
    }

    if (ngx_array_init(&b->targets, cf->pool, 1,
                       sizeof(ngx_http_gateway_upstream_target_t))
        != NGX_OK)
    {
        return NULL;
    }

    b->name = *name;
    b->log = &cf->cycle->new_log;
    b->file_name = cf->conf_file->file.name.data;
    b->line = cf->conf_file->line;
    b->slots = 10000;
    ngx_str_set(&b->cookie_path, "/");

    return b;
}


ngx_int_t
ngx_http_gateway_upstream_add_target(ngx_conf_t *cf,
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *host, in_port_t port,
    ngx_uint_t weight)
{
    u_char                              *p;
    ngx_int_t                            rc;
    ngx_str_t                            bare;
    ngx_uint_t                           i;
    ngx_addr_t                           addr;
    ngx_http_gateway_upstream_addr_t    *addrs;
    ngx_http_gateway_upstream_target_t  *target;

    target = b->targets.elts;

    for (i = 0; i < b->targets.nelts; i++) {
        if (target[i].port == port
            && target[i].host.len == host->len
            && ngx_strncasecmp(target[i].host.data, host->data, host->len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate target \"%V:%ui\" in "
                               "gateway_upstream \"%V\"", host,
                               (ngx_uint_t) port, &b->name);
            return NGX_ERROR;
        }
    }

    target = ngx_array_push(&b->targets);
    if (target == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(target, sizeof(ngx_http_gateway_upstream_target_t));

    target->balancer = b;
    target->port = port;
    target->weight = weight;
    target->host = *host;
    target->created_at = ngx_time();
    target->updated_at = target->created_at;

    target->text.data = ngx_pnalloc(cf->pool,
                                    host->len + sizeof(":65535") - 1);
    if (target->text.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(target->text.data, "%V:%ui", host, (ngx_uint_t) port);
    target->text.len = p - target->text.data;

    bare = *host;

    if (bare.len > 2 && bare.data[0] == '['
        && bare.data[bare.len - 1] == ']')
    {
        bare.data++;
        bare.len -= 2;
    }

    rc = ngx_parse_addr(cf->pool, &addr, bare.data, bare.len);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK
        && (addr.sockaddr->sa_family == AF_INET) == (bare.len == host->len))
    {
        addrs = ngx_pcalloc(cf->pool,
                            sizeof(ngx_http_gateway_upstream_addr_t));
        if (addrs == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(&addrs->sockaddr, addr.sockaddr, addr.socklen);
        ngx_inet_set_port(&addrs->sockaddr.sockaddr, port);
        addrs->socklen = addr.socklen;
        addrs->weight = weight;
        addrs->share = 1;

        target->addrs = addrs;
        target->naddrs = 1;

        return NGX_OK;
    }

    for (i = 0; i < host->len; i++) {
        p = &host->data[i];

        if (!((*p >= '0' && *p <= '9')
              || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')
              || *p == '-' || *p == '_' || *p == '.'))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid host \"%V\" in target of \"%V\": "
                               "write a name, an IPv4 address, or an IPv6 "
                               "address in brackets", host, &b->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static char *
ngx_http_gateway_balancer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_upstream_server_t             *us;
    ngx_http_upstream_srv_conf_t           *uscf;
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (uscf->peer.init_upstream == ngx_http_gateway_upstream_init) {
        return "is duplicate";
    }

    if (uscf->peer.init_upstream) {
        return "must be the first line of the upstream, before \"keepalive\" "
               "and without another load balancing method";
    }

    uscf->peer.init_upstream = ngx_http_gateway_upstream_init;
    uscf->flags = NGX_HTTP_UPSTREAM_CREATE;

    /* nginx wants a server, of which nothing is used */

    us = ngx_array_push(uscf->servers);
    if (us == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(us, sizeof(ngx_http_upstream_server_t));

    ngx_str_set(&us->name, "gateway_balancer");
    us->down = 1;

    gumcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_gateway_upstream_module);
    gumcf->used = 1;

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_upstream_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    gumcf = ngx_pcalloc(cf->pool,
                        sizeof(ngx_http_gateway_upstream_main_conf_t));
    if (gumcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     gumcf->nexplicit = 0;
     *     gumcf->hosts_file = { 0, NULL };
     *     gumcf->places = NULL;
     *     gumcf->shm = NULL;
     *     gumcf->size = 0;
     *     gumcf->started = 0;
     *     gumcf->used = 0;
     */

    gumcf->dns.ndots = 1;
    gumcf->dns.valid = -1;
    gumcf->dns.stale = 3600;
    gumcf->dns.not_found = 30;
    gumcf->dns.error = 1;
    gumcf->dns.timeout = 2000;
    gumcf->dns.attempts = 5;

    if (ngx_array_init(&gumcf->servers, cf->pool, 1,
                       sizeof(ngx_http_gateway_upstream_servers_t *))
        != NGX_OK
        || ngx_array_init(&gumcf->balancers, cf->pool, 4,
                          sizeof(ngx_http_gateway_upstream_balancer_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return gumcf;
}


static ngx_int_t
ngx_http_gateway_upstream_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                              i;
    ngx_rbtree_t                            names, hosts;
    ngx_rbtree_node_t                       names_sentinel, hosts_sentinel;
    ngx_pool_cleanup_t                     *cln;
    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_gateway_upstream_balancer_t  **b;
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    gumcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_gateway_upstream_module);

    if (!gumcf->used && gumcf->nexplicit == 0 && gumcf->places == NULL) {
        return NGX_OK;
    }

    ngx_rbtree_init(&names, &names_sentinel, ngx_str_rbtree_insert_value);
    ngx_rbtree_init(&hosts, &hosts_sentinel, ngx_str_rbtree_insert_value);

    if (ngx_http_gateway_upstream_hosts(cf, cf->temp_pool, gumcf, &hosts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {
        if (ngx_http_gateway_upstream_remember(cf, &names, &b[i]->name, b[i])
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    if (gumcf->used
        && ngx_http_gateway_upstream_services(cf, gumcf, &names, &hosts)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_upstream_other_places(cf, gumcf, &names, &hosts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* an upstream whose resolver no service gave uses the one of http{} */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {

        if (b[i]->dns == NULL
            && ngx_http_gateway_upstream_dns_init(cf, gumcf, b[i],
                                                  clcf->resolver,
                                                  clcf->resolver_timeout
                                                  == NGX_CONF_UNSET_MSEC
                                                  ? 30000
                                                  : clcf->resolver_timeout,
                                                  &hosts)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_gateway_upstream_health_init(cf, gumcf) != NGX_OK) {
        return NGX_ERROR;
    }

    /* registered after the resolvers' cleanups, hence runs before them */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_upstream_stop;
    cln->data = gumcf;

    return ngx_http_gateway_upstream_init_filters(cf);
}


ngx_int_t
ngx_http_gateway_upstream_hosts(ngx_conf_t *cf, ngx_pool_t *pool,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_rbtree_t *hosts)
{
    ngx_int_t  rc;
    ngx_str_t  file;

    file = gumcf->hosts_file;

    if (file.len == 0) {
        ngx_str_set(&file, "/etc/hosts");

    } else if (ngx_strcmp(file.data, "off") == 0) {
        return NGX_OK;

    } else if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_gateway_upstream_read_hosts(cf, pool, &file, hosts);

    if (rc == NGX_DECLINED && gumcf->hosts_file.len) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed "
                      "(gateway_hosts_file)", &file);
        return NGX_ERROR;
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_services(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_array_t                        *array;
    ngx_http_gateway_service_t        **service;
    ngx_http_gateway_upstream_place_t   place;

    array = ngx_http_gateway_services(cf);

    if (array == NULL) {
        return NGX_OK;
    }

    service = array->elts;

    for (i = 0; i < array->nelts; i++) {

        place.service = service[i];
        place.port = service[i]->port;
        place.file_name = service[i]->file_name;
        place.line = service[i]->line;

        if (service[i]->upstream.len) {
            place.host = service[i]->upstream;
            rc = ngx_http_gateway_upstream_named(cf, gumcf, &place, names,
                                                 hosts);

            if (rc == NGX_DECLINED) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "gateway_upstream \"%V\" of gateway_service "
                              "\"%V\" not found in %s:%ui", &place.host,
                              &service[i]->name, place.file_name, place.line);
                return NGX_ERROR;
            }

        } else if (service[i]->host.len) {
            place.host = service[i]->host;
            rc = ngx_http_gateway_upstream_implicit(cf, gumcf, &place, names,
                                                    hosts);

        } else {
            continue;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        service[i]->balancer = place.balancer;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_other_places(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts)
{
    ngx_uint_t                           i;
    ngx_http_gateway_upstream_place_t  **place;

    if (gumcf->places == NULL) {
        return NGX_OK;
    }

    place = gumcf->places->elts;

    for (i = 0; i < gumcf->places->nelts; i++) {

        if (!gumcf->used || place[i]->service->balancer == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "another host or port for gateway_service \"%V\" "
                          "in %s:%ui needs one with \"host=\" or "
                          "\"upstream=\", and \"gateway_balancer\" behind "
                          "its \"proxy_pass\"", &place[i]->service->name,
                          place[i]->file_name, place[i]->line);
            return NGX_ERROR;
        }

        if (ngx_http_gateway_upstream_place(cf, gumcf, place[i], names, hosts)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_place(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_place_t *place, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts)
{
    ngx_int_t  rc;

    if (place->host.len) {
        rc = ngx_http_gateway_upstream_named(cf, gumcf, place, names, hosts);

        if (rc != NGX_DECLINED) {
            return rc;
        }

    } else {

        if (place->service->upstream.len) {
            return NGX_OK;
        }

        place->host = place->service->host;
    }

    if (place->port == 0) {
        place->port = place->service->port;
    }

    return ngx_http_gateway_upstream_implicit(cf, gumcf, place, names, hosts);
}


/* the gateway_upstream of that name; NGX_DECLINED: there is none */

static ngx_int_t
ngx_http_gateway_upstream_named(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_place_t *place, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts)
{
    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_gateway_upstream_node_t      *node;
    ngx_http_gateway_upstream_balancer_t  *b;

    node = (ngx_http_gateway_upstream_node_t *)
               ngx_str_rbtree_lookup(names, &place->host,
                                     ngx_crc32_long(place->host.data,
                                                    place->host.len));
    if (node == NULL) {
        return NGX_DECLINED;
    }

    clcf = place->service->loc_conf[ngx_http_core_module.ctx_index];

    b = node->balancer;
    place->balancer = b;

    if (b->dns == NULL
        && ngx_http_gateway_upstream_dns_init(cf, gumcf, b, clcf->resolver,
                                              clcf->resolver_timeout, hosts)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the balancer of a host and port, shared by all that go there */

static ngx_int_t
ngx_http_gateway_upstream_implicit(ngx_conf_t *cf,
    ngx_http_gateway_upstream_main_conf_t *gumcf,
    ngx_http_gateway_upstream_place_t *place, ngx_rbtree_t *names,
    ngx_rbtree_t *hosts)
{
    u_char                                *p;
    ngx_str_t                              key, host;
    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_gateway_upstream_node_t      *node;
    ngx_http_gateway_upstream_balancer_t  *b;

    clcf = place->service->loc_conf[ngx_http_core_module.ctx_index];

    host = place->host;

    if (host.data[0] != '['
        && ngx_strlchr(host.data, host.data + host.len, ':'))
    {
        host.data = ngx_pnalloc(cf->pool, place->host.len + 2);
        if (host.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_sprintf(host.data, "[%V]", &place->host);
        host.len = p - host.data;
    }

    /* the slash keeps these apart from names of gateway_upstream */

    key.data = ngx_pnalloc(cf->temp_pool, host.len + sizeof(":65535/") - 1
                                          + 2 * sizeof(void *));
    if (key.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(key.data, "%V:%ui/%p", &host, (ngx_uint_t) place->port,
                    clcf->resolver);
    key.len = p - key.data;

    node = (ngx_http_gateway_upstream_node_t *)
               ngx_str_rbtree_lookup(names, &key,
                                     ngx_crc32_long(key.data, key.len));
    if (node) {
        place->balancer = node->balancer;
        return NGX_OK;
    }

    b = ngx_http_gateway_upstream_add(cf, gumcf, &host);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->implicit = 1;
    b->file_name = place->file_name;
    b->line = place->line;

    if (ngx_http_gateway_upstream_add_target(cf, b, &host, place->port, 100)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid host of gateway_service \"%V\" in %s:%ui",
                      &place->service->name, place->file_name, place->line);
        return NGX_ERROR;
    }

    place->balancer = b;

    if (ngx_http_gateway_upstream_dns_init(cf, gumcf, b, clcf->resolver,
                                           clcf->resolver_timeout, hosts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_upstream_remember(cf, names, &key, b)
           ? NGX_OK : NGX_ERROR;
}


static ngx_http_gateway_upstream_node_t *
ngx_http_gateway_upstream_remember(ngx_conf_t *cf, ngx_rbtree_t *names,
    ngx_str_t *key, ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_http_gateway_upstream_node_t  *node;

    node = ngx_palloc(cf->temp_pool,
                      sizeof(ngx_http_gateway_upstream_node_t));
    if (node == NULL) {
        return NULL;
    }

    node->sn.str = *key;
    node->sn.node.key = ngx_crc32_long(key->data, key->len);
    node->balancer = b;

    ngx_rbtree_insert(names, &node->sn.node);

    return node;
}


/* the cycle ends: nothing of it may be called any more */

static void
ngx_http_gateway_upstream_stop(void *data)
{
    ngx_http_gateway_upstream_main_conf_t *gumcf = data;

    ngx_uint_t                              i;
    ngx_http_gateway_upstream_servers_t   **servers;
    ngx_http_gateway_upstream_balancer_t  **b;

    if (gumcf->start.timer_set) {
        ngx_del_timer(&gumcf->start);
    }

    ngx_http_gateway_upstream_health_stop(gumcf);

    servers = gumcf->servers.elts;

    for (i = 0; i < gumcf->servers.nelts; i++) {
        ngx_http_gateway_upstream_servers_stop(servers[i]);
    }

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->balancers.nelts; i++) {

        ngx_http_gateway_upstream_dns_stop(b[i]);

        if (b[i]->set) {
            ngx_http_gateway_upstream_set_release(b[i]->set);
            b[i]->set = NULL;
        }
    }
}


/* zones are mapped; without a master this is all that a reload calls */

static ngx_int_t
ngx_http_gateway_upstream_init_module(ngx_cycle_t *cycle)
{
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    gumcf = ngx_http_cycle_get_module_main_conf(cycle,
                                            ngx_http_gateway_upstream_module);

    if (gumcf && gumcf->shm) {
        ngx_http_gateway_upstream_health_map(gumcf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    gumcf = ngx_http_cycle_get_module_main_conf(cycle,
                                            ngx_http_gateway_upstream_module);

    if (gumcf == NULL || gumcf->nexplicit == 0) {
        return NGX_OK;
    }

    ngx_http_gateway_upstream_health_start(gumcf);

    gumcf->start.handler = ngx_http_gateway_upstream_start_handler;
    gumcf->start.data = gumcf;
    gumcf->start.log = cycle->log;
    gumcf->start.cancelable = 1;

    ngx_add_timer(&gumcf->start, 1);

    return NGX_OK;
}


/* resolves targets before requests come, not all upstreams at once */

static void
ngx_http_gateway_upstream_start_handler(ngx_event_t *ev)
{
    ngx_http_gateway_upstream_main_conf_t *gumcf = ev->data;

    ngx_uint_t                              n;
    ngx_http_gateway_upstream_balancer_t  **b;

    b = gumcf->balancers.elts;

    for (n = 0; n < 64 && gumcf->started < gumcf->nexplicit; n++) {
        ngx_http_gateway_upstream_dns_start(b[gumcf->started++]);
    }

    if (gumcf->started < gumcf->nexplicit) {
        ngx_add_timer(ev, 20);
    }
}
