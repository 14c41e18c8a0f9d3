
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


/* of expressions, as in Kong */
#define NGX_STREAM_GATEWAY_MAX_PRIORITY  (((uint64_t) 1 << 46) - 1)


static char *ngx_stream_gateway_service_block(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_stream_gateway_service_t *ngx_stream_gateway_add_service(
    ngx_conf_t *cf, ngx_conf_t *inner);
static char *ngx_stream_gateway_service_param(
    ngx_stream_gateway_service_t *service, ngx_str_t *arg);
static char *ngx_stream_gateway_service_check(ngx_conf_t *cf,
    ngx_stream_gateway_service_t *service, ngx_stream_conf_ctx_t *ctx);
static ngx_stream_gateway_service_t *ngx_stream_gateway_find_service(
    ngx_stream_gateway_srv_conf_t *gscf, ngx_str_t *name);
static char *ngx_stream_gateway_route_block(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
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
static ngx_uint_t ngx_stream_gateway_param_is(ngx_str_t *arg,
    const char *name, ngx_str_t *value);
static char *ngx_stream_gateway_id(ngx_conf_t *cf, const char *entity,
    ngx_str_t *name, ngx_str_t *id);
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
static void *ngx_stream_gateway_alloc(void *data, size_t size);
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


/*
 * gateway_stream_service NAME [id=UUID] [name=TEXT] [host=H port=N]
 *     [upstream=NAME] [retries=5] { directives of a stream server }
 */

static char *
ngx_stream_gateway_service_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_stream_gateway_srv_conf_t *gscf = conf;

    char                           *rv;
    ngx_str_t                      *value;
    ngx_uint_t                      i;
    ngx_conf_t                      inner, save;
    ngx_stream_gateway_node_t      *node;
    ngx_stream_core_srv_conf_t     *cscf;
    ngx_stream_gateway_service_t   *service, **sp;

    value = cf->args->elts;

    if (ngx_stream_gateway_find_service(gscf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate service \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    service = ngx_stream_gateway_add_service(cf, &inner);
    sp = ngx_array_push(&gscf->services);

    if (service == NULL || sp == NULL) {
        return NGX_CONF_ERROR;
    }

    *sp = service;
    service->name = value[1];

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_stream_gateway_service_param(service, &value[i]);

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, rv);
            return NGX_CONF_ERROR;
        }
    }

    if (service->host.len && service->port == 0 && service->upstream.len == 0)
    {
        return "needs \"port\" for its host";
    }

    rv = ngx_stream_gateway_id(cf, "services", &service->name, &service->id);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    node = ngx_palloc(cf->pool, sizeof(ngx_stream_gateway_node_t));
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    /* routes refer to the block, whatever "name=" says */

    node->service = service;
    node->sn.str = value[1];
    node->sn.node.key = ngx_crc32_short(value[1].data, value[1].len);
    ngx_rbtree_insert(&gscf->names, &node->sn.node);

    /* the server only hands on */

    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);
    cscf->handler = ngx_stream_gateway_content_handler;

    save = *cf;
    *cf = inner;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_stream_gateway_service_check(cf, service, inner.ctx);
}


/* as nginx makes a server; inner is set up for parsing the block */

static ngx_stream_gateway_service_t *
ngx_stream_gateway_add_service(ngx_conf_t *cf, ngx_conf_t *inner)
{
    void                           *mconf;
    ngx_uint_t                      m;
    ngx_stream_module_t            *module;
    ngx_stream_conf_ctx_t          *ctx, *outer;
    ngx_stream_core_srv_conf_t     *cscf;
    ngx_stream_gateway_service_t   *service;

    service = ngx_pcalloc(cf->pool, sizeof(ngx_stream_gateway_service_t));
    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_stream_conf_ctx_t));

    if (service == NULL || ctx == NULL) {
        return NULL;
    }

    outer = cf->ctx;
    ctx->main_conf = outer->main_conf;

    ctx->srv_conf = ngx_pcalloc(cf->pool,
                                sizeof(void *) * ngx_stream_max_module);
    if (ctx->srv_conf == NULL) {
        return NULL;
    }

    for (m = 0; cf->cycle->modules[m]; m++) {

        if (cf->cycle->modules[m]->type != NGX_STREAM_MODULE) {
            continue;
        }

        module = cf->cycle->modules[m]->ctx;

        if (module->create_srv_conf == NULL) {
            continue;
        }

        mconf = module->create_srv_conf(cf);
        if (mconf == NULL) {
            return NULL;
        }

        ctx->srv_conf[cf->cycle->modules[m]->ctx_index] = mconf;
    }

    cscf = ctx->srv_conf[ngx_stream_core_module.ctx_index];
    cscf->ctx = ctx;

    service->retries = 5;
    service->srv_conf = ctx->srv_conf;
    service->file_name = cf->conf_file->file.name.data;
    service->line = cf->conf_file->line;

    *inner = *cf;
    inner->ctx = ctx;
    inner->cmd_type = NGX_STREAM_SRV_CONF;

    return service;
}


static char *
ngx_stream_gateway_service_param(ngx_stream_gateway_service_t *service,
    ngx_str_t *arg)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_stream_gateway_param_is(arg, "id=", &value)) {
        service->id = value;
        return NGX_CONF_OK;
    }

    /* shown in logs where it differs from the block's name */

    if (ngx_stream_gateway_param_is(arg, "name=", &value)) {
        service->name = value;
        return NGX_CONF_OK;
    }

    if (ngx_stream_gateway_param_is(arg, "host=", &value)) {

        if (value.len == 0) {
            return "expected a name or an address";
        }

        service->host = value;
        return NGX_CONF_OK;
    }

    if (ngx_stream_gateway_param_is(arg, "port=", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > 65535) {
            return "expected a number from 1 to 65535";
        }

        service->port = (in_port_t) n;
        return NGX_CONF_OK;
    }

    if (ngx_stream_gateway_param_is(arg, "retries=", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 0 || n > 32767) {
            return "expected a number from 0 to 32767";
        }

        service->retries = n;
        return NGX_CONF_OK;
    }

    if (ngx_stream_gateway_param_is(arg, "upstream=", &value)) {
        service->upstream = value;
        return NGX_CONF_OK;
    }

    return "there is no such parameter";
}


/* what belongs to the server would be ignored in here */

static char *
ngx_stream_gateway_service_check(ngx_conf_t *cf,
    ngx_stream_gateway_service_t *service, ngx_stream_conf_ctx_t *ctx)
{
    ngx_stream_core_srv_conf_t     *cscf;
    ngx_stream_gateway_srv_conf_t  *gscf;
#if (NGX_STREAM_SSL)
    ngx_stream_module_t            *module;
#if (nginx_version >= 1025005)
    ngx_stream_ssl_srv_conf_t      *fresh;
#else
    ngx_stream_ssl_conf_t          *fresh;
#endif
#endif

    cscf = ctx->srv_conf[ngx_stream_core_module.ctx_index];
    gscf = ctx->srv_conf[ngx_stream_gateway_module.ctx_index];

    if (cscf->handler == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"gateway_stream_service\" \"%V\" needs "
                           "\"proxy_pass\", or another directive that says "
                           "what to do with its sessions", &service->name);
        return NGX_CONF_ERROR;
    }

    if (cscf->listen || gscf->certificates.n || gscf->routes.nelts
        || gscf->services.nelts)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"listen\", routes, services and certificates "
                           "are not allowed in \"gateway_stream_service\": "
                           "they belong to its server");
        return NGX_CONF_ERROR;
    }

#if (NGX_STREAM_SSL)

    module = ngx_stream_ssl_module.ctx;
    fresh = module->create_srv_conf(cf);

    if (fresh == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_memcmp(fresh, ctx->srv_conf[ngx_stream_ssl_module.ctx_index],
                   sizeof(*fresh))
        != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "directives of the group \"ssl_\" are not allowed "
                           "in \"gateway_stream_service\": they belong to "
                           "its server");
        return NGX_CONF_ERROR;
    }

#endif

    return NGX_CONF_OK;
}


static ngx_stream_gateway_service_t *
ngx_stream_gateway_find_service(ngx_stream_gateway_srv_conf_t *gscf,
    ngx_str_t *name)
{
    ngx_stream_gateway_node_t  *node;

    node = (ngx_stream_gateway_node_t *)
               ngx_str_rbtree_lookup(&gscf->names, name,
                                     ngx_crc32_short(name->data, name->len));

    return node ? node->service : NULL;
}


/* gateway_stream_route NAME [id=UUID] [service=NAME] { what it matches } */

static char *
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


static ngx_uint_t
ngx_stream_gateway_param_is(ngx_str_t *arg, const char *name,
    ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (arg->len < len || ngx_strncmp(arg->data, name, len) != 0) {
        return 0;
    }

    value->data = arg->data + len;
    value->len = arg->len - len;

    return 1;
}


/* checks the one that was given, or derives it from the name */

static char *
ngx_stream_gateway_id(ngx_conf_t *cf, const char *entity, ngx_str_t *name,
    ngx_str_t *id)
{
    uint8_t  uuid[16];

    if (id->len) {

        if (gateway_uuid_parse(uuid, (char *) id->data, id->len) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid id \"%V\", expected a UUID", id);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    gateway_uuid_entity(uuid, entity, (char *) name->data, name->len);

    id->len = GATEWAY_UUID_LEN;
    id->data = ngx_pnalloc(cf->pool, GATEWAY_UUID_LEN);
    if (id->data == NULL) {
        return NGX_CONF_ERROR;
    }

    gateway_uuid_format((char *) id->data, uuid);

    return NGX_CONF_OK;
}


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


static void *
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
