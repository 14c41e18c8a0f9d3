
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Routes and services of stream{}: directives, variables, and the blocks of
 * services, which are servers that nobody listens for.  A session that is
 * routed runs with the configuration of its service's block, so that every
 * directive of a stream server works in there.
 */


#include "ngx_stream_gateway.h"
#include "gateway_uuid.h"


static char *ngx_stream_gateway_certificate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_stream_gateway_port_map(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_stream_gateway_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_stream_gateway_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_stream_gateway_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_stream_gateway_server(ngx_conf_t *cf,
    ngx_stream_core_srv_conf_t *cscf);
static ngx_int_t ngx_stream_gateway_merge_service(ngx_conf_t *cf,
    ngx_stream_core_srv_conf_t *cscf, ngx_stream_gateway_service_t *service);
static ngx_int_t ngx_stream_gateway_router(ngx_conf_t *cf,
    ngx_stream_gateway_srv_conf_t *gscf);
static void *ngx_stream_gateway_create_main_conf(ngx_conf_t *cf);
static void *ngx_stream_gateway_create_srv_conf(ngx_conf_t *cf);


static ngx_command_t  ngx_stream_gateway_commands[] = {

    { ngx_string("gateway_stream_service"),
      NGX_STREAM_SRV_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_stream_gateway_service_block,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_stream_route"),
      NGX_STREAM_SRV_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_stream_gateway_route_block,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_stream_certificate"),
      NGX_STREAM_SRV_CONF|NGX_CONF_2MORE,
      ngx_stream_gateway_certificate,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_stream_port_map"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_1MORE,
      ngx_stream_gateway_port_map,
      NGX_STREAM_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_stream_balancer"),
      NGX_STREAM_UPS_CONF|NGX_CONF_NOARGS,
      ngx_stream_gateway_balancer,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_stream_module_t  ngx_stream_gateway_module_ctx = {
    ngx_stream_gateway_preconfiguration,   /* preconfiguration */
    ngx_stream_gateway_postconfiguration,  /* postconfiguration */

    ngx_stream_gateway_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_stream_gateway_create_srv_conf,    /* create server configuration */
    NULL                                   /* merge server configuration */
};


ngx_module_t  ngx_stream_gateway_module = {
    NGX_MODULE_V1,
    &ngx_stream_gateway_module_ctx,        /* module context */
    ngx_stream_gateway_commands,           /* module directives */
    NGX_STREAM_MODULE,                     /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


enum {
    NGX_STREAM_GATEWAY_ROUTE = 0,
    NGX_STREAM_GATEWAY_SERVICE,
    NGX_STREAM_GATEWAY_SNI,
    NGX_STREAM_GATEWAY_HOST
};


static ngx_stream_variable_t  ngx_stream_gateway_vars[] = {

    { ngx_string("gateway_stream_route"), NULL,
      ngx_stream_gateway_variable, NGX_STREAM_GATEWAY_ROUTE, 0, 0 },

    { ngx_string("gateway_stream_service"), NULL,
      ngx_stream_gateway_variable, NGX_STREAM_GATEWAY_SERVICE, 0, 0 },

    { ngx_string("gateway_stream_sni"), NULL,
      ngx_stream_gateway_variable, NGX_STREAM_GATEWAY_SNI, 0, 0 },

    /* another peer may have another one */

    { ngx_string("gateway_stream_upstream_host"), NULL,
      ngx_stream_gateway_variable, NGX_STREAM_GATEWAY_HOST,
      NGX_STREAM_VAR_NOCACHEABLE, 0 },

      ngx_stream_null_variable
};


static char *
ngx_stream_gateway_certificate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_gateway_srv_conf_t *gscf = conf;

    return ngx_http_gateway_tls_add(cf, &gscf->certificates);
}


/* gateway_stream_port_map PUBLIC:LISTEN... */

static char *
ngx_stream_gateway_port_map(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_gateway_main_conf_t *gmcf = conf;

    u_char                     *colon, *last;
    ngx_int_t                   public, listen;
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_stream_gateway_port_t  *port;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        last = value[i].data + value[i].len;
        colon = ngx_strlchr(value[i].data, last, ':');

        if (colon == NULL) {
            goto invalid;
        }

        public = ngx_atoi(value[i].data, colon - value[i].data);
        listen = ngx_atoi(colon + 1, last - colon - 1);

        if (public < 1 || public > 65535 || listen < 1 || listen > 65535) {
            goto invalid;
        }

        port = ngx_array_push(&gmcf->ports);
        if (port == NULL) {
            return NGX_CONF_ERROR;
        }

        port->public = (in_port_t) public;
        port->listen = (in_port_t) listen;
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\" in \"%V\": write PUBLIC:LISTEN, as "
                       "\"443:9443\"", &value[i], &cmd->name);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_stream_gateway_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                  value;
    ngx_stream_gateway_ctx_t  *ctx;

    ctx = ngx_stream_get_module_ctx(s, ngx_stream_gateway_module);

    ngx_str_null(&value);

    if (ctx && data == NGX_STREAM_GATEWAY_SNI) {
        value = ctx->sni;

    } else if (ctx && ctx->route) {

        switch (data) {

        case NGX_STREAM_GATEWAY_ROUTE:
            value = ctx->route->name;
            break;

        case NGX_STREAM_GATEWAY_SERVICE:
            value = ctx->route->service->name;
            break;

        default: /* NGX_STREAM_GATEWAY_HOST */
            ngx_stream_gateway_host(ctx, &value);
            break;
        }
    }

    if (value.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = value.len;
    v->data = value.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_preconfiguration(ngx_conf_t *cf)
{
    ngx_stream_variable_t  *var, *v;

    for (v = ngx_stream_gateway_vars; v->name.len; v++) {

        var = ngx_stream_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                       i, used;
    ngx_pool_cleanup_t              *cln;
    ngx_stream_handler_pt           *h;
    ngx_stream_core_srv_conf_t     **cscfp;
    ngx_stream_core_main_conf_t     *cmcf;
    ngx_stream_gateway_srv_conf_t   *gscf;
    ngx_stream_gateway_main_conf_t  *gmcf;

    cmcf = ngx_stream_conf_get_module_main_conf(cf, ngx_stream_core_module);
    gmcf = ngx_stream_conf_get_module_main_conf(cf,
                                                ngx_stream_gateway_module);
    cscfp = cmcf->servers.elts;
    used = 0;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        gscf = cscfp[i]->ctx->srv_conf[ngx_stream_gateway_module.ctx_index];

        used |= gscf->routes.nelts || gscf->services.nelts;

        if (ngx_stream_gateway_server(cf, cscfp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!used) {
        return NGX_OK;
    }

    /* registered after the resolvers' cleanups, hence runs before them */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_stream_gateway_stop;
    cln->data = gmcf;

    h = ngx_array_push(&cmcf->phases[NGX_STREAM_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_stream_gateway_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_STREAM_PREREAD_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_stream_gateway_preread_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_gateway_server(ngx_conf_t *cf, ngx_stream_core_srv_conf_t *cscf)
{
    ngx_uint_t                       i;
    ngx_stream_gateway_service_t   **service;
    ngx_stream_gateway_srv_conf_t   *gscf;
    ngx_stream_gateway_main_conf_t  *gmcf;
#if (NGX_STREAM_SSL)
#if (nginx_version >= 1025005)
    ngx_stream_ssl_srv_conf_t       *sscf;
#else
    ngx_stream_ssl_conf_t           *sscf;
#endif
#endif

    gscf = cscf->ctx->srv_conf[ngx_stream_gateway_module.ctx_index];
    gmcf = cscf->ctx->main_conf[ngx_stream_gateway_module.ctx_index];

#if (NGX_STREAM_SSL)

    sscf = cscf->ctx->srv_conf[ngx_stream_ssl_module.ctx_index];

    if (gscf->certificates.n) {

        if (sscf->ssl.ctx == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"gateway_stream_certificate\" needs "
                          "\"ssl_certificate\" and \"listen ... ssl\" in its "
                          "server in %s:%ui", cscf->file_name, cscf->line);
            return NGX_ERROR;
        }

        ngx_http_gateway_tls_use(&sscf->ssl, &gscf->certificates);
    }

#endif

    service = gscf->services.elts;

    for (i = 0; i < gscf->services.nelts; i++) {
        if (ngx_stream_gateway_merge_service(cf, cscf, service[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_stream_gateway_upstreams(cf, gmcf, gscf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_stream_gateway_router(cf, gscf);
}


/* as nginx merges a server with stream{}, but with the server around it */

static ngx_int_t
ngx_stream_gateway_merge_service(ngx_conf_t *cf,
    ngx_stream_core_srv_conf_t *cscf, ngx_stream_gateway_service_t *service)
{
    char                        *rv;
    void                        *saved, **outer;
    ngx_uint_t                   m, mi;
    ngx_stream_module_t         *module;
    ngx_stream_core_srv_conf_t  *inner;

    outer = cscf->ctx->srv_conf;
    inner = service->srv_conf[ngx_stream_core_module.ctx_index];

    saved = cf->ctx;
    cf->ctx = inner->ctx;
    rv = NGX_CONF_OK;

    for (m = 0; cf->cycle->modules[m]; m++) {

        if (cf->cycle->modules[m]->type != NGX_STREAM_MODULE) {
            continue;
        }

        module = cf->cycle->modules[m]->ctx;
        mi = cf->cycle->modules[m]->ctx_index;

#if (NGX_STREAM_SSL)

        /* one context for all handshakes, which are the server's */

        if (cf->cycle->modules[m] == &ngx_stream_ssl_module) {
            service->srv_conf[mi] = outer[mi];
            continue;
        }

#endif

        if (module->merge_srv_conf == NULL) {
            continue;
        }

        rv = module->merge_srv_conf(cf, outer[mi], service->srv_conf[mi]);

        if (rv != NGX_CONF_OK) {

            if (rv != NGX_CONF_ERROR) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "gateway_stream_service \"%V\": %s in %s:%ui",
                              &service->name, rv, service->file_name,
                              service->line);
            }

            break;
        }
    }

    cf->ctx = saved;

    return rv == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_stream_gateway_router(ngx_conf_t *cf, ngx_stream_gateway_srv_conf_t *gscf)
{
    ngx_uint_t                    i;
    gateway_stream_route_t       *routes, *r;
    ngx_stream_gateway_route_t  **route;

    if (gscf->routes.nelts == 0) {
        return NGX_OK;
    }

    routes = ngx_pcalloc(cf->temp_pool, gscf->routes.nelts
                                        * sizeof(gateway_stream_route_t));
    if (routes == NULL) {
        return NGX_ERROR;
    }

    route = gscf->routes.elts;

    for (i = 0; i < gscf->routes.nelts; i++) {
        r = &routes[i];

        (void) gateway_uuid_parse(r->id, (char *) route[i]->id.data,
                                  route[i]->id.len);

        r->protocols = route[i]->protocols;
        r->snis = route[i]->snis.elts;
        r->nsnis = route[i]->snis.nelts;
        r->sources = route[i]->sources.elts;
        r->nsources = route[i]->sources.nelts;
        r->destinations = route[i]->destinations.elts;
        r->ndestinations = route[i]->destinations.nelts;
        r->expression = route[i]->expression;
        r->data = route[i];

        if (r->expression) {
            r->priority = GATEWAY_STREAM_EXPRESSION | route[i]->priority;
            continue;
        }

        r->priority = route[i]->priority_set ? route[i]->priority
                                             : gateway_stream_priority(r, 0);
    }

    gscf->router = gateway_stream_router_create(routes, gscf->routes.nelts,
                                                ngx_stream_gateway_alloc,
                                                cf->pool);

    if (gscf->router == NULL) {
        return NGX_ERROR;
    }

    if (gscf->expressions == NULL) {
        return NGX_OK;
    }

    if (gateway_router_build(gscf->expressions) != 0) {
        return NGX_ERROR;
    }

    for (i = 0; i < gscf->routes.nelts; i++) {
        if (route[i]->expression
            && gateway_router_expression_ready(gscf->expressions,
                                               route[i]->expression)
               != 0)
        {
            return NGX_ERROR;
        }
    }

    gateway_stream_router_expressions(gscf->router, gscf->expressions);

    return NGX_OK;
}


void *
ngx_stream_gateway_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static void *
ngx_stream_gateway_create_main_conf(ngx_conf_t *cf)
{
    ngx_stream_gateway_main_conf_t  *gmcf;

    gmcf = ngx_pcalloc(cf->pool, sizeof(ngx_stream_gateway_main_conf_t));
    if (gmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&gmcf->ports, cf->pool, 4,
                       sizeof(ngx_stream_gateway_port_t))
        != NGX_OK
        || ngx_array_init(&gmcf->hosts, cf->pool, 4,
                          sizeof(ngx_stream_gateway_host_t))
           != NGX_OK)
    {
        return NULL;
    }

    return gmcf;
}


static void *
ngx_stream_gateway_create_srv_conf(ngx_conf_t *cf)
{
    ngx_stream_gateway_srv_conf_t  *gscf;

    gscf = ngx_pcalloc(cf->pool, sizeof(ngx_stream_gateway_srv_conf_t));
    if (gscf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     gscf->router = NULL;
     */

    ngx_http_gateway_tls_init_store(&gscf->certificates);

    ngx_rbtree_init(&gscf->names, &gscf->sentinel,
                    ngx_str_rbtree_insert_value);

    if (ngx_array_init(&gscf->services, cf->pool, 4, sizeof(void *))
        != NGX_OK
        || ngx_array_init(&gscf->routes, cf->pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    return gscf;
}
