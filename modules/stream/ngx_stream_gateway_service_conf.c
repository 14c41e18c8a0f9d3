
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Blocks of services of streams.
 */


#include "ngx_stream_gateway.h"
#include "gateway_uuid.h"


static ngx_stream_gateway_service_t *ngx_stream_gateway_add_service(
    ngx_conf_t *cf, ngx_conf_t *inner);
static char *ngx_stream_gateway_service_param(
    ngx_stream_gateway_service_t *service, ngx_str_t *arg);
static char *ngx_stream_gateway_service_check(ngx_conf_t *cf,
    ngx_stream_gateway_service_t *service, ngx_stream_conf_ctx_t *ctx);


char *
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


ngx_stream_gateway_service_t *
ngx_stream_gateway_find_service(ngx_stream_gateway_srv_conf_t *gscf,
    ngx_str_t *name)
{
    ngx_stream_gateway_node_t  *node;

    node = (ngx_stream_gateway_node_t *)
               ngx_str_rbtree_lookup(&gscf->names, name,
                                     ngx_crc32_short(name->data, name->len));

    return node ? node->service : NULL;
}


ngx_uint_t
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


char *
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
