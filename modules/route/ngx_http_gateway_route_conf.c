
/*
 * Copyright (C) the ngx_gateway authors
 *
 * gateway_service blocks, which are locations without a name, and
 * gateway_route blocks, which are only a small struct: ten thousand routes
 * of one service cost little more than their names.
 */


#include "ngx_http_gateway_route.h"
#include "gateway_uuid.h"


typedef struct {
    ngx_str_node_t                   sn;        /* first: the name */
    ngx_http_gateway_service_t      *service;
} ngx_http_gateway_service_node_t;


static ngx_http_gateway_service_t *ngx_http_gateway_add_service(
    ngx_conf_t *cf, ngx_str_t *name, ngx_conf_t *inner);
static ngx_uint_t ngx_http_gateway_has_location(
    ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_gateway_service_param(ngx_conf_t *cf,
    ngx_http_gateway_service_t *service, ngx_str_t *arg);
static ngx_http_gateway_service_t *ngx_http_gateway_find_service(
    ngx_http_gateway_route_srv_conf_t *rscf, ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_param_is(ngx_str_t *arg, const char *name,
    ngx_str_t *value);
static char *ngx_http_gateway_read_id(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *id);
static ngx_int_t ngx_http_gateway_route_add(ngx_conf_t *cf,
    gateway_router_t *router, ngx_http_gateway_route_block_t *block);
static void *ngx_http_gateway_router_alloc(void *data, size_t size);
static void ngx_http_gateway_router_cleanup(void *data);


/*
 * gateway_service NAME id=UUID protocol=http host=H port=N path=/p retries=5
 *     upstream=NAME { location directives }
 */

char *
ngx_http_gateway_service_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_route_srv_conf_t *rscf = conf;

    char                             *rv;
    ngx_str_t                        *value;
    ngx_uint_t                        i;
    ngx_conf_t                        inner, save;
    ngx_http_conf_ctx_t              *ctx;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_gateway_service_t       *service;
    ngx_http_gateway_service_node_t  *node;

    value = cf->args->elts;

    if (ngx_http_gateway_find_service(rscf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate service \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    service = ngx_http_gateway_add_service(cf, &value[1], &inner);
    if (service == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_gateway_service_param(cf, service, &value[i]);

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, rv);
            return NGX_CONF_ERROR;
        }
    }

    if (service->id.len == 0
        && ngx_http_gateway_derive_id(cf, "services", &service->name,
                                      &service->id)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (service->port == 0) {
        service->port = (service->protocol.data[service->protocol.len - 1]
                         == 's') ? 443 : 80;
    }

    node = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_service_node_t));
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    node->service = service;
    /* routes refer to the block, whatever "name=" says */
    node->sn.str = value[1];
    node->sn.node.key = ngx_crc32_short(value[1].data, value[1].len);
    ngx_rbtree_insert(&rscf->services, &node->sn.node);

    save = *cf;
    *cf = inner;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ctx = inner.ctx;
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    if (ngx_http_gateway_has_location(clcf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"location\" is not allowed in \"%V\" \"%V\": "
                           "routes decide what enters it",
                           &cmd->name, &service->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* an "if" makes a location without a name, which is no place to get lost */

static ngx_uint_t
ngx_http_gateway_has_location(ngx_http_core_loc_conf_t *clcf)
{
    ngx_queue_t                *q;
    ngx_http_location_queue_t  *lq;

    if (clcf->locations == NULL) {
        return 0;
    }

    for (q = ngx_queue_head(clcf->locations);
         q != ngx_queue_sentinel(clcf->locations);
         q = ngx_queue_next(q))
    {
        lq = (ngx_http_location_queue_t *) q;

        if (lq->exact == NULL || !lq->exact->noname) {
            return 1;
        }
    }

    return 0;
}


/*
 * Makes the location as the rewrite module makes the one of an "if"; inner
 * is set up for parsing its block.
 */

static ngx_http_gateway_service_t *
ngx_http_gateway_add_service(ngx_conf_t *cf, ngx_str_t *name,
    ngx_conf_t *inner)
{
    void                           *mconf;
    ngx_uint_t                      i;
    ngx_http_module_t              *module;
    ngx_http_conf_ctx_t            *ctx, *pctx;
    ngx_http_core_loc_conf_t       *clcf, *pclcf;
    ngx_http_gateway_service_t     *service, **p;
    ngx_http_gateway_srv_conf_t    *gscf;
    ngx_http_gateway_loc_conf_t    *glcf;
    ngx_http_gateway_main_conf_t   *gmcf;

    service = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_service_t));
    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_conf_ctx_t));

    if (service == NULL || ctx == NULL) {
        return NULL;
    }

    pctx = cf->ctx;
    ctx->main_conf = pctx->main_conf;
    ctx->srv_conf = pctx->srv_conf;

    ctx->loc_conf = ngx_pcalloc(cf->pool,
                                sizeof(void *) * ngx_http_max_module);
    if (ctx->loc_conf == NULL) {
        return NULL;
    }

    for (i = 0; cf->cycle->modules[i]; i++) {

        if (cf->cycle->modules[i]->type != NGX_HTTP_MODULE) {
            continue;
        }

        module = cf->cycle->modules[i]->ctx;

        if (module->create_loc_conf == NULL) {
            continue;
        }

        mconf = module->create_loc_conf(cf);
        if (mconf == NULL) {
            return NULL;
        }

        ctx->loc_conf[cf->cycle->modules[i]->ctx_index] = mconf;
    }

    pclcf = pctx->loc_conf[ngx_http_core_module.ctx_index];

    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];
    clcf->loc_conf = ctx->loc_conf;
    clcf->name = *name;
    clcf->noname = 1;

    if (ngx_http_add_location(cf, &pclcf->locations, clcf) != NGX_OK) {
        return NULL;
    }

    service->name = *name;
    service->retries = 5;
    ngx_str_set(&service->protocol, "http");
    service->loc_conf = ctx->loc_conf;
    service->file_name = cf->conf_file->file.name.data;
    service->line = cf->conf_file->line;

    glcf = ctx->loc_conf[ngx_http_gateway_module.ctx_index];
    glcf->service = service;
    service->conf = glcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    gmcf->used = 1;

    gscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_module);
    gscf->gateway = 1;

    /* the location of routes without a service is not one */

    if (name->len) {
        p = ngx_array_push(&gmcf->services);
        if (p == NULL) {
            return NULL;
        }

        *p = service;
    }

    *inner = *cf;
    inner->ctx = ctx;
    inner->cmd_type = NGX_HTTP_LOC_CONF;

    return service;
}


static char *
ngx_http_gateway_service_param(ngx_conf_t *cf,
    ngx_http_gateway_service_t *service, ngx_str_t *arg)
{
    ngx_int_t   n;
    ngx_str_t   value;
    ngx_uint_t  i;

    static ngx_str_t  protocols[] = {
        ngx_string("http"), ngx_string("https"), ngx_string("grpc"),
        ngx_string("grpcs"), ngx_null_string
    };

    if (ngx_http_gateway_param_is(arg, "id=", &value)) {
        return ngx_http_gateway_read_id(cf, &value, &service->id);
    }

    if (ngx_http_gateway_param_is(arg, "protocol=", &value)) {

        for (i = 0; protocols[i].len; i++) {
            if (protocols[i].len == value.len
                && ngx_strncmp(protocols[i].data, value.data, value.len) == 0)
            {
                service->protocol = protocols[i];
                return NGX_CONF_OK;
            }
        }

        return "expected http, https, grpc or grpcs";
    }

    if (ngx_http_gateway_param_is(arg, "host=", &value)) {
        service->host = value;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_param_is(arg, "port=", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > 65535) {
            return "expected a number from 1 to 65535";
        }

        service->port = (in_port_t) n;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_param_is(arg, "path=", &value)) {

        if (value.len == 0 || value.data[0] != '/') {
            return "expected a path that begins with \"/\"";
        }

        service->path = value;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_param_is(arg, "retries=", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 0 || n > 32767) {
            return "expected a number from 0 to 32767";
        }

        service->retries = n;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_param_is(arg, "upstream=", &value)) {
        service->upstream = value;
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_param_is(arg, "headers=", &value)) {

        if (value.len == 8 && ngx_strncmp(value.data, "variable", 8) == 0) {
            service->headers_block = 1;
            return NGX_CONF_OK;
        }

        if (value.len == 4 && ngx_strncmp(value.data, "list", 4) == 0) {
            service->headers_block = 0;
            return NGX_CONF_OK;
        }

        return "expected \"list\" or \"variable\"";
    }

    /* shown in logs and metrics where it differs from the block's name */

    if (ngx_http_gateway_param_is(arg, "name=", &value)) {
        service->name = value;
        return NGX_CONF_OK;
    }

    return "there is no such parameter";
}


static ngx_http_gateway_service_t *
ngx_http_gateway_find_service(ngx_http_gateway_route_srv_conf_t *rscf,
    ngx_str_t *name)
{
    ngx_http_gateway_service_node_t  *node;

    node = (ngx_http_gateway_service_node_t *)
               ngx_str_rbtree_lookup(&rscf->services, name,
                                     ngx_crc32_short(name->data, name->len));

    return node ? node->service : NULL;
}


static ngx_uint_t
ngx_http_gateway_param_is(ngx_str_t *arg, const char *name, ngx_str_t *value)
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


static char *
ngx_http_gateway_read_id(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *id)
{
    uint8_t  uuid[16];

    if (gateway_uuid_parse(uuid, (char *) value->data, value->len) != 0) {
        return "expected a UUID";
    }

    *id = *value;

    return NGX_CONF_OK;
}


/* gateway_route NAME id=UUID service=NAME { what it matches; policies } */

char *
ngx_http_gateway_route_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_route_srv_conf_t *rscf = conf;

    char                             *rv;
    ngx_str_t                        *value, v, empty;
    ngx_uint_t                        i;
    ngx_conf_t                        save, inner;
    ngx_http_conf_ctx_t              *ctx;
    ngx_http_gateway_route_t         *route, **p;
    ngx_http_gateway_loc_conf_t      *glcf;
    ngx_http_gateway_main_conf_t     *gmcf;
    ngx_http_gateway_route_block_t   *block, **bp;

    value = cf->args->elts;
    rv = NGX_CONF_OK;

    block = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_route_block_t));
    glcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_loc_conf_t));

    if (block == NULL || glcf == NULL) {
        return NGX_CONF_ERROR;
    }

    route = &block->route;
    route->name = value[1];
    route->conf = glcf;
    route->parent = ngx_http_conf_get_module_loc_conf(cf,
                                                    ngx_http_gateway_module);
    route->protocols = NGX_HTTP_GATEWAY_PROTO_HTTP
                       |NGX_HTTP_GATEWAY_PROTO_HTTPS;
    route->https_redirect_status = 426;
    route->strip_path = 1;
    route->file_name = cf->conf_file->file.name.data;
    route->line = cf->conf_file->line;
    glcf->route = route;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_gateway_param_is(&value[i], "id=", &v)) {
            rv = ngx_http_gateway_read_id(cf, &v, &route->id);

        } else if (ngx_http_gateway_param_is(&value[i], "service=", &v)) {
            route->service_name = v;
            route->service = ngx_http_gateway_find_service(rscf, &v);

            if (route->service == NULL) {
                rv = "there is no such \"gateway_service\" before it in this "
                     "server";
            }

        } else {
            rv = "there is no such parameter";
        }

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, rv);
            return NGX_CONF_ERROR;
        }
    }

    if (route->id.len == 0
        && ngx_http_gateway_derive_id(cf, "routes", &route->name, &route->id)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (route->service == NULL && rscf->nowhere == NULL) {

        /* a location with nothing in it, where the chain runs before 503 */

        ngx_str_null(&empty);

        rscf->nowhere = ngx_http_gateway_add_service(cf, &empty, &inner);
        if (rscf->nowhere == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (rscf->routes.elts == NULL
        && ngx_array_init(&rscf->routes, cf->pool, 16, sizeof(void *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    bp = ngx_array_push(&rscf->routes);
    p = ngx_array_push(&gmcf->routes);

    if (bp == NULL || p == NULL) {
        return NGX_CONF_ERROR;
    }

    *bp = block;
    *p = route;

    ctx = ngx_http_gateway_block_ctx(cf, glcf);
    if (ctx == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->ctx = ctx;
    /* NGX_MAIN_CONF lets "include" through */
    cf->cmd_type = NGX_HTTP_GATEWAY_ROUTE_CONF|NGX_MAIN_CONF;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    /* an expression tells with each match what to cut */

    route->has_paths = block->paths.nelts != 0 || block->expression.len != 0;

    if ((route->protocols & (NGX_HTTP_GATEWAY_PROTO_GRPC
                             |NGX_HTTP_GATEWAY_PROTO_GRPCS))
        && !block->strip_set)
    {
        route->strip_path = 0;
    }

    return NGX_CONF_OK;
}


ngx_http_gateway_route_block_t *
ngx_http_gateway_current_block(ngx_conf_t *cf)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    return (ngx_http_gateway_route_block_t *) glcf->route;
}


/* hosts, paths, methods, snis; cmd->offset is the array */

char *
ngx_http_gateway_route_strings(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t      *value;
    ngx_uint_t      i;
    ngx_array_t    *array;
    gateway_str_t  *s;

    value = cf->args->elts;
    array = (ngx_array_t *) ((char *) ngx_http_gateway_current_block(cf)
                             + cmd->offset);

    if (array->elts == NULL
        && ngx_array_init(array, cf->pool, cf->args->nelts - 1,
                          sizeof(gateway_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (cmd->offset == offsetof(ngx_http_gateway_route_block_t, paths)
            && value[i].data[0] != '/'
            && ngx_strncmp(value[i].data, "~/", 2) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid path \"%V\": it begins with \"/\" "
                               "(prefix) or \"~/\" (regular expression)",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        s = ngx_array_push(array);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        s->data = (char *) value[i].data;
        s->len = value[i].len;
    }

    return NGX_CONF_OK;
}


/* header NAME VALUE...; lines of one name add up */

char *
ngx_http_gateway_route_header(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    gateway_str_t                   *s;
    gateway_router_header_t         *h;
    ngx_http_gateway_route_block_t  *block;

    value = cf->args->elts;
    block = ngx_http_gateway_current_block(cf);

    if (ngx_strcasecmp(value[1].data, (u_char *) "host") == 0) {
        return "takes no \"Host\": write \"hosts\"";
    }

    if (block->headers.elts == NULL
        && ngx_array_init(&block->headers, cf->pool, 2,
                          sizeof(gateway_router_header_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    h = block->headers.elts;

    for (i = 0; i < block->headers.nelts; i++) {
        if (h[i].name.len == value[1].len
            && ngx_strncasecmp((u_char *) h[i].name.data, value[1].data,
                               value[1].len) == 0)
        {
            return "names a header twice";
        }
    }

    h = ngx_array_push(&block->headers);
    s = ngx_palloc(cf->pool, (cf->args->nelts - 2) * sizeof(gateway_str_t));

    if (h == NULL || s == NULL) {
        return NGX_CONF_ERROR;
    }

    h->name.data = (char *) value[1].data;
    h->name.len = value[1].len;
    h->values = s;
    h->nvalues = cf->args->nelts - 2;

    for (i = 2; i < cf->args->nelts; i++) {
        s[i - 2].data = (char *) value[i].data;
        s[i - 2].len = value[i].len;
    }

    return NGX_CONF_OK;
}


/* the fields of a route that are not lists of strings */

char *
ngx_http_gateway_route_field(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                        n;
    ngx_str_t                       *value;
    ngx_uint_t                       i, on, minus;
    ngx_http_gateway_route_t        *route;
    ngx_http_gateway_route_block_t  *block;

    value = cf->args->elts;
    block = ngx_http_gateway_current_block(cf);
    route = &block->route;

    if (value[0].data[0] == 's' || ngx_strcmp(value[0].data, "preserve_host")
                                   == 0)
    {
        on = ngx_strcmp(value[1].data, "on") == 0;

        if (!on && ngx_strcmp(value[1].data, "off") != 0) {
            return "expects \"on\" or \"off\"";
        }

        if (value[0].data[0] == 's') {

            if (block->strip_set) {
                return "is duplicate";
            }

            block->strip_set = 1;
            route->strip_path = on;
            return NGX_CONF_OK;
        }

        if (block->preserve_set) {
            return "is duplicate";
        }

        block->preserve_set = 1;
        route->preserve_host = on;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "path_handling") == 0) {

        if (block->handling_set) {
            return "is duplicate";
        }

        block->handling_set = 1;

        if (ngx_strcmp(value[1].data, "v0") == 0) {
            return NGX_CONF_OK;
        }

        if (ngx_strcmp(value[1].data, "v1") == 0) {
            route->path_v1 = 1;
            return NGX_CONF_OK;
        }

        return "expects \"v0\" or \"v1\"";
    }

    if (ngx_strcmp(value[0].data, "regex_priority") == 0) {

        if (block->regex_set) {
            return "is duplicate";
        }

        minus = value[1].data[0] == '-';
        n = ngx_atoi(value[1].data + minus, value[1].len - minus);

        if (n == NGX_ERROR) {
            return "expects a whole number";
        }

        block->regex_set = 1;
        block->regex_priority = minus ? -n : n;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "created_at") == 0) {

        if (block->created_at != 0) {
            return "is duplicate";
        }

        block->created_at = ngx_atotm(value[1].data, value[1].len);

        if (block->created_at <= 0) {
            return "expects a number of seconds";
        }

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "https_redirect_status_code") == 0) {

        if (block->redirect_set) {
            return "is duplicate";
        }

        n = ngx_atoi(value[1].data, value[1].len);

        if (n != 426 && n != 301 && n != 302 && n != 307 && n != 308) {
            return "expects 426, 301, 302, 307 or 308";
        }

        block->redirect_set = 1;
        route->https_redirect_status = n;
        return NGX_CONF_OK;
    }

    /* protocols */

    if (block->protocols_set) {
        return "is duplicate";
    }

    block->protocols_set = 1;
    route->protocols = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "http") == 0) {
            route->protocols |= NGX_HTTP_GATEWAY_PROTO_HTTP;

        } else if (ngx_strcmp(value[i].data, "https") == 0) {
            route->protocols |= NGX_HTTP_GATEWAY_PROTO_HTTPS;

        } else if (ngx_strcmp(value[i].data, "grpc") == 0) {
            route->protocols |= NGX_HTTP_GATEWAY_PROTO_GRPC;

        } else if (ngx_strcmp(value[i].data, "grpcs") == 0) {
            route->protocols |= NGX_HTTP_GATEWAY_PROTO_GRPCS;

        } else {
            return "expects http, https, grpc or grpcs";
        }
    }

    if ((route->protocols & (NGX_HTTP_GATEWAY_PROTO_HTTP
                             |NGX_HTTP_GATEWAY_PROTO_HTTPS))
        && (route->protocols & (NGX_HTTP_GATEWAY_PROTO_GRPC
                                |NGX_HTTP_GATEWAY_PROTO_GRPCS)))
    {
        return "mixes HTTP and gRPC";
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_route_build(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf,
    ngx_http_gateway_route_srv_conf_t *rscf)
{
    ngx_uint_t                        i;
    ngx_pool_cleanup_t               *cln;
    gateway_router_options_t          options;
    ngx_http_gateway_route_block_t  **blocks;

    ngx_memzero(&options, sizeof(gateway_router_options_t));

    options.flavor = gmcf->flavor;
    options.strict = gmcf->strict ? 1 : 0;
    options.alloc = ngx_http_gateway_router_alloc;
    options.data = cf->pool;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    rscf->router = gateway_router_create(&options);
    if (rscf->router == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_router_cleanup;
    cln->data = rscf->router;

    blocks = rscf->routes.elts;

    for (i = 0; i < rscf->routes.nelts; i++) {

        /* honoured by no other flavor */

        blocks[i]->route.joins_v1 = blocks[i]->route.path_v1
                                    && gmcf->flavor
                                       == GATEWAY_ROUTER_TRADITIONAL;

        if (ngx_http_gateway_route_add(cf, rscf->router, blocks[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return gateway_router_build(rscf->router) == 0 ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_route_add(ngx_conf_t *cf, gateway_router_t *router,
    ngx_http_gateway_route_block_t *block)
{
    char                     err[512];
    gateway_router_route_t   route;

    ngx_memzero(&route, sizeof(gateway_router_route_t));

    (void) gateway_uuid_parse(route.id, (char *) block->route.id.data,
                              block->route.id.len);

    route.methods = block->methods.elts;
    route.nmethods = block->methods.nelts;
    route.hosts = block->hosts.elts;
    route.nhosts = block->hosts.nelts;
    route.paths = block->paths.elts;
    route.npaths = block->paths.nelts;
    route.headers = block->headers.elts;
    route.nheaders = block->headers.nelts;
    route.snis = block->snis.elts;
    route.nsnis = block->snis.nelts;
    route.regex_priority = block->regex_priority;
    route.created_at = block->created_at;
    route.data = &block->route;

    ngx_http_gateway_route_conditions(&route, block);

    if (gateway_router_add(router, &route, err, sizeof(err)) != 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "gateway_route \"%V\": %s in %s:%ui",
                      &block->route.name, err, block->route.file_name,
                      block->route.line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_router_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static void
ngx_http_gateway_router_cleanup(void *data)
{
    gateway_router_free(data);
}
