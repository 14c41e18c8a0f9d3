
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Configuration shared by all features: the one directive of each policy,
 * inheritance of instances, consumers and the chains that requests walk.
 * Consumer groups are in ngx_http_gateway_groups.c.
 */


#include "ngx_http_gateway_conf.h"
#include "gateway_uuid.h"


static char *ngx_http_gateway_read_param(ngx_conf_t *cf,
    ngx_http_gateway_policy_t *policy, void *conf, ngx_str_t *arg);
static char *ngx_http_gateway_core_param(ngx_conf_t *cf,
    ngx_http_gateway_loc_conf_t *glcf, ngx_http_gateway_instance_t *instance,
    ngx_str_t *name, ngx_str_t *value);
static char *ngx_http_gateway_set_param(ngx_conf_t *cf,
    ngx_http_gateway_param_t *param, void *conf, ngx_str_t *name,
    ngx_str_t *value);
static char *ngx_http_gateway_set_number(ngx_str_t *value,
    ngx_http_gateway_param_t *param, double *number);
static char *ngx_http_gateway_add_instance(ngx_conf_t *cf,
    ngx_http_gateway_loc_conf_t *glcf, ngx_http_gateway_instance_t *instance);
static char *ngx_http_gateway_add_override(ngx_conf_t *cf,
    ngx_array_t ***overrides, ngx_http_gateway_instance_t *instance);
static ngx_int_t ngx_http_gateway_build_chain(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf, ngx_http_gateway_loc_conf_t *conf);
static ngx_int_t ngx_http_gateway_cmp_policies(const void *one,
    const void *two);
static ngx_int_t ngx_http_gateway_check_overrides(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf, ngx_array_t **overrides);
static ngx_int_t ngx_http_gateway_check_narrowing(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf,
    ngx_http_gateway_instance_t *instance);


/* told by its address: NGX_CONF_OK is NULL already */
static char  ngx_http_gateway_not_core[] = "there is no such parameter";


ngx_int_t
ngx_http_gateway_add_policy(ngx_conf_t *cf, ngx_http_gateway_policy_t *policy)
{
    ngx_http_gateway_policy_t     **p;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    p = ngx_array_push(&gmcf->policies);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* modules register in the same order in each cycle, so does this */
    policy->index = gmcf->policies.nelts - 1;
    *p = policy;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_add_init(ngx_conf_t *cf, ngx_http_gateway_init_pt handler,
    void *data)
{
    ngx_http_gateway_init_t       *init;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->inits == NULL) {
        gmcf->inits = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_gateway_init_t));
        if (gmcf->inits == NULL) {
            return NGX_ERROR;
        }
    }

    init = ngx_array_push(gmcf->inits);
    if (init == NULL) {
        return NGX_ERROR;
    }

    init->handler = handler;
    init->data = data;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_run_inits(ngx_conf_t *cf, ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_uint_t                i;
    ngx_http_gateway_init_t  *init;

    if (gmcf->inits == NULL) {
        return NGX_OK;
    }

    init = gmcf->inits->elts;

    for (i = 0; i < gmcf->inits->nelts; i++) {
        if (init[i].handler(cf, init[i].data) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


char *
ngx_http_gateway_policy_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                          *rv;
    u_char                        *p;
    ngx_str_t                     *value, name, val;
    ngx_uint_t                     i;
    ngx_http_gateway_policy_t     *policy;
    ngx_http_gateway_loc_conf_t   *glcf;
    ngx_http_gateway_instance_t   *instance;
    ngx_http_gateway_main_conf_t  *gmcf;

    policy = cmd->post;
    value = cf->args->elts;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    if (glcf->consumer
        && (policy->forbidden & NGX_HTTP_GATEWAY_SCOPE_CONSUMER))
    {
        return "is not allowed in \"gateway_consumer\"";
    }

    if (glcf->group && (policy->forbidden & NGX_HTTP_GATEWAY_SCOPE_CONSUMER)) {
        return "is not allowed in \"gateway_consumer_group\"";
    }

    instance = ngx_pcalloc(cf->pool, policy->conf_size);
    if (instance == NULL) {
        return NGX_CONF_ERROR;
    }

    instance->policy = policy;
    instance->file_name = cf->conf_file->file.name.data;
    instance->line = cf->conf_file->line;
    ngx_str_set(&instance->service_id, NGX_HTTP_GATEWAY_NIL_UUID);
    ngx_str_set(&instance->route_id, NGX_HTTP_GATEWAY_NIL_UUID);

    if (glcf->consumer) {
        instance->scope = NGX_HTTP_GATEWAY_SCOPE_CONSUMER;

    } else if (glcf->group) {
        instance->scope = NGX_HTTP_GATEWAY_SCOPE_GROUP;

    } else if (glcf->route) {
        instance->scope = NGX_HTTP_GATEWAY_SCOPE_ROUTE;
        instance->route_id = glcf->route->id;

    } else if (glcf->service) {
        instance->scope = NGX_HTTP_GATEWAY_SCOPE_SERVICE;
        instance->service_id = glcf->service->id;
    }

    gmcf->used = 1;

    if (policy->defaults) {
        policy->defaults(instance);
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        instance->off = 1;
        return ngx_http_gateway_add_instance(cf, glcf, instance);
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (i == 1 && ngx_strcmp(value[1].data, "on") == 0) {
            continue;
        }

        p = ngx_strlchr(value[i].data, value[i].data + value[i].len, '=');

        if (p == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": write "
                               "\"on\", \"off\" or \"name=value\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        name.data = value[i].data;
        name.len = p - value[i].data;
        val.data = p + 1;
        val.len = value[i].data + value[i].len - val.data;

        /* what nginx keeps; no error, as some texts do have quotes */

        if (val.len > 1 && (*val.data == '"' || *val.data == '\'')
            && val.data[val.len - 1] == *val.data)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "the quotes in \"%V\" of \"%V\" are part of "
                               "the value: quote the parameter as a whole, as "
                               "in \"name=value\", if they should not be",
                               &name, &cmd->name);
        }

        rv = ngx_http_gateway_core_param(cf, glcf, instance, &name, &val);

        if (rv == ngx_http_gateway_not_core) {
            rv = ngx_http_gateway_read_param(cf, policy, instance, &value[i]);
        }

        if (rv == NGX_CONF_ERROR) {
            return rv;
        }

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, rv);
            return NGX_CONF_ERROR;
        }
    }

    if (policy->check) {
        rv = policy->check(cf, instance);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_http_gateway_add_instance(cf, glcf, instance);
}


/*
 * The parameters that every policy has, or ngx_http_gateway_not_core.  The
 * route of "route+service" is the one of the block.
 */

static char *
ngx_http_gateway_core_param(ngx_conf_t *cf, ngx_http_gateway_loc_conf_t *glcf,
    ngx_http_gateway_instance_t *instance, ngx_str_t *name, ngx_str_t *value)
{
    if (name->len == 5 && ngx_strncmp(name->data, "scope", 5) == 0) {

        if (glcf->route == NULL) {
            return "is allowed only in \"gateway_route\"";
        }

        if (value->len == 13
            && ngx_strncmp(value->data, "route+service", 13) == 0)
        {
            instance->scope |= NGX_HTTP_GATEWAY_SCOPE_SERVICE;

            if (glcf->route->service) {
                instance->service_id = glcf->route->service->id;
            }

            return NGX_CONF_OK;
        }

        return "expected \"route+service\"";
    }

    if (glcf->consumer == NULL && glcf->group == NULL) {
        return ngx_http_gateway_not_core;
    }

    if (name->len == 5 && ngx_strncmp(name->data, "route", 5) == 0) {
        instance->scope |= NGX_HTTP_GATEWAY_SCOPE_ROUTE;
        instance->for_route = *value;
        return NGX_CONF_OK;
    }

    if (name->len == 7 && ngx_strncmp(name->data, "service", 7) == 0) {
        instance->scope |= NGX_HTTP_GATEWAY_SCOPE_SERVICE;
        instance->for_service = *value;
        return NGX_CONF_OK;
    }

    return ngx_http_gateway_not_core;
}


static char *
ngx_http_gateway_read_param(ngx_conf_t *cf, ngx_http_gateway_policy_t *policy,
    void *conf, ngx_str_t *arg)
{
    u_char                    *p;
    ngx_str_t                  name, value;
    ngx_http_gateway_param_t  *param;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    name.data = arg->data;
    name.len = p - arg->data;
    value.data = p + 1;
    value.len = arg->data + arg->len - value.data;

    for (param = policy->params; param && param->name.len; param++) {

        if (param->name.data[param->name.len - 1] == '.') {

            /* a map: any name under the prefix */

            if (name.len > param->name.len
                && ngx_strncmp(name.data, param->name.data, param->name.len)
                   == 0)
            {
                return ngx_http_gateway_set_param(cf, param, conf, &name,
                                                  &value);
            }

            continue;
        }

        if (name.len == param->name.len
            && ngx_strncmp(name.data, param->name.data, name.len) == 0)
        {
            return ngx_http_gateway_set_param(cf, param, conf, &name, &value);
        }
    }

    return "there is no such parameter";
}


static char *
ngx_http_gateway_set_param(ngx_conf_t *cf, ngx_http_gateway_param_t *param,
    void *conf, ngx_str_t *name, ngx_str_t *value)
{
    char                       *field, *rv;
    double                      number;
    ngx_str_t                  *s;
    ngx_array_t               **list;
    ngx_conf_enum_t            *e;
    ngx_http_gateway_param_pt   custom;

    field = (char *) conf + param->offset;

    switch (param->type) {

    case NGX_HTTP_GATEWAY_PARAM_FLAG:

        if ((value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0)
            || (value->len == 4 && ngx_strncmp(value->data, "true", 4) == 0))
        {
            *(ngx_flag_t *) field = 1;
            return NGX_CONF_OK;
        }

        if ((value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0)
            || (value->len == 5 && ngx_strncmp(value->data, "false", 5) == 0))
        {
            *(ngx_flag_t *) field = 0;
            return NGX_CONF_OK;
        }

        return "expected \"on\" or \"off\"";

    case NGX_HTTP_GATEWAY_PARAM_INT:
    case NGX_HTTP_GATEWAY_PARAM_NUMBER:

        rv = ngx_http_gateway_set_number(value, param, &number);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        if (param->type == NGX_HTTP_GATEWAY_PARAM_NUMBER) {
            *(double *) field = number;
            return NGX_CONF_OK;
        }

        if (number != (double) (ngx_int_t) number) {
            return "expected a whole number";
        }

        *(ngx_int_t *) field = (ngx_int_t) number;
        return NGX_CONF_OK;

    case NGX_HTTP_GATEWAY_PARAM_STRING:
        *(ngx_str_t *) field = *value;
        return NGX_CONF_OK;

    case NGX_HTTP_GATEWAY_PARAM_ENUM:

        for (e = param->data; e->name.len; e++) {
            if (e->name.len == value->len
                && ngx_strncmp(e->name.data, value->data, value->len) == 0)
            {
                *(ngx_uint_t *) field = e->value;
                return NGX_CONF_OK;
            }
        }

        return "there is no such value";

    case NGX_HTTP_GATEWAY_PARAM_LIST:

        list = (ngx_array_t **) field;

        if (*list == NULL) {
            *list = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
            if (*list == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        s = ngx_array_push(*list);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        *s = *value;
        return NGX_CONF_OK;

    case NGX_HTTP_GATEWAY_PARAM_CUSTOM:
        custom = (ngx_http_gateway_param_pt) (uintptr_t) param->data;
        return custom(cf, conf, name, value);
    }

    return NGX_CONF_ERROR;
}


/* a decimal number with an optional fraction; bounds are whole numbers */

static char *
ngx_http_gateway_set_number(ngx_str_t *value, ngx_http_gateway_param_t *param,
    double *number)
{
    u_char      *p, *last;
    double       n, scale;
    ngx_uint_t   minus, digits;

    p = value->data;
    last = p + value->len;
    minus = 0;
    digits = 0;
    n = 0;

    if (p < last && *p == '-') {
        minus = 1;
        p++;
    }

    /* 15 digits are exact in a double */

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {
        if (++digits > 15) {
            return "the number is too long";
        }

        n = n * 10 + (*p - '0');
    }

    if (digits && p < last && *p == '.') {
        p++;
        digits = 0;

        for (scale = 0.1; p < last && *p >= '0' && *p <= '9'; p++) {
            if (++digits > 15) {
                return "the number is too long";
            }

            n += scale * (*p - '0');
            scale /= 10;
        }
    }

    if (digits == 0 || p != last) {
        return "expected a number";
    }

    if (minus) {
        n = -n;
    }

    if (param->max != 0 && (n < (double) param->min
                            || n > (double) param->max))
    {
        return "the number is out of range";
    }

    *number = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_add_instance(ngx_conf_t *cf,
    ngx_http_gateway_loc_conf_t *glcf, ngx_http_gateway_instance_t *instance)
{
    ngx_uint_t                     index;
    ngx_http_gateway_main_conf_t  *gmcf;

    if (glcf->consumer) {
        return ngx_http_gateway_add_override(cf, &glcf->consumer->overrides,
                                             instance);
    }

    if (glcf->group) {
        return ngx_http_gateway_add_override(cf, &glcf->group->overrides,
                                             instance);
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    index = instance->policy->index;

    if (glcf->instances == NULL) {
        glcf->instances = ngx_pcalloc(cf->pool,
                                      gmcf->policies.nelts * sizeof(void *));
        if (glcf->instances == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (glcf->instances[index]) {
        return "is duplicate";
    }

    glcf->instances[index] = instance;

    return NGX_CONF_OK;
}


/* to those of a consumer or group: several of one policy, narrowed */

static char *
ngx_http_gateway_add_override(ngx_conf_t *cf, ngx_array_t ***overrides,
    ngx_http_gateway_instance_t *instance)
{
    ngx_uint_t                      i;
    ngx_array_t                   **array;
    ngx_http_gateway_instance_t   **p;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (*overrides == NULL) {
        *overrides = ngx_pcalloc(cf->pool,
                                 gmcf->policies.nelts * sizeof(void *));
        if (*overrides == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    array = &(*overrides)[instance->policy->index];

    if (*array == NULL) {
        *array = ngx_array_create(cf->pool, 1, sizeof(void *));
        if (*array == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    p = (*array)->elts;

    for (i = 0; i < (*array)->nelts; i++) {
        if (p[i]->scope == instance->scope
            && p[i]->for_route.len == instance->for_route.len
            && p[i]->for_service.len == instance->for_service.len
            && ngx_strncmp(p[i]->for_route.data, instance->for_route.data,
                           instance->for_route.len) == 0
            && ngx_strncmp(p[i]->for_service.data,
                           instance->for_service.data,
                           instance->for_service.len) == 0)
        {
            return "is duplicate";
        }
    }

    p = ngx_array_push(*array);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = instance;

    return NGX_CONF_OK;
}


ngx_http_conf_ctx_t *
ngx_http_gateway_block_ctx(ngx_conf_t *cf, ngx_http_gateway_loc_conf_t *conf)
{
    ngx_http_conf_ctx_t  *ctx, *pctx;

    pctx = cf->ctx;

    ctx = ngx_palloc(cf->temp_pool, sizeof(ngx_http_conf_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    *ctx = *pctx;

    ctx->loc_conf = ngx_palloc(cf->temp_pool,
                               sizeof(void *) * ngx_http_max_module);
    if (ctx->loc_conf == NULL) {
        return NULL;
    }

    ngx_memcpy(ctx->loc_conf, pctx->loc_conf,
               sizeof(void *) * ngx_http_max_module);

    ctx->loc_conf[ngx_http_gateway_module.ctx_index] = conf;

    return ctx;
}


ngx_int_t
ngx_http_gateway_derive_id(ngx_conf_t *cf, const char *entity,
    ngx_str_t *name, ngx_str_t *id)
{
    uint8_t  uuid[16];

    id->data = ngx_pnalloc(cf->pool, GATEWAY_UUID_LEN);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    id->len = GATEWAY_UUID_LEN;

    gateway_uuid_entity(uuid, entity, (char *) name->data, name->len);
    gateway_uuid_format((char *) id->data, uuid);

    return NGX_OK;
}


/* gateway_consumer NAME { ... } */

char *
ngx_http_gateway_consumer_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                           *rv;
    ngx_str_t                      *value;
    ngx_conf_t                      save;
    ngx_http_conf_ctx_t            *ctx;
    ngx_http_gateway_loc_conf_t    *glcf;
    ngx_http_gateway_consumer_t    *consumer, **p;
    ngx_http_gateway_main_conf_t   *gmcf;

    value = cf->args->elts;
    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    consumer = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_consumer_t));
    if (consumer == NULL) {
        return NGX_CONF_ERROR;
    }

    consumer->name = value[1];
    consumer->file_name = cf->conf_file->file.name.data;
    consumer->line = cf->conf_file->line;

    glcf = ngx_pcalloc(cf->temp_pool, sizeof(ngx_http_gateway_loc_conf_t));
    if (glcf == NULL) {
        return NGX_CONF_ERROR;
    }

    glcf->consumer = consumer;

    p = ngx_array_push(&gmcf->consumers);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = consumer;
    consumer->number = gmcf->consumers.nelts;

    ctx = ngx_http_gateway_block_ctx(cf, glcf);
    if (ctx == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->ctx = ctx;
    /* NGX_MAIN_CONF lets "include" through */
    cf->cmd_type = NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_MAIN_CONF;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (consumer->username.data == NULL && consumer->custom_id.data == NULL) {
        consumer->username = consumer->name;
    }

    if (consumer->id.len == 0
        && ngx_http_gateway_derive_id(cf, "consumers", &consumer->name,
                                      &consumer->id)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* id, username, custom_id of a consumer, cmd->offset is the field; or the id
   of a group */

char *
ngx_http_gateway_consumer_field(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    size_t                        i;
    uint8_t                       uuid[16];
    ngx_str_t                    *value, *field;
    ngx_http_gateway_loc_conf_t  *glcf;

    value = cf->args->elts;
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    field = glcf->group
            ? &glcf->group->id
            : (ngx_str_t *) ((char *) glcf->consumer + cmd->offset);

    if (field->data) {
        return "is duplicate";
    }

    /* they become request headers */

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < 0x20 || value[1].data[i] == 0x7f) {
            return "has a control character";
        }
    }

    if (cmd->offset == offsetof(ngx_http_gateway_consumer_t, id)
        && gateway_uuid_parse(uuid, (char *) value[1].data, value[1].len)
           != 0)
    {
        return "expects a UUID";
    }

    *field = value[1];

    return NGX_CONF_OK;
}


ngx_http_gateway_consumer_t *
ngx_http_gateway_find_consumer(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t                      *s;
    ngx_uint_t                      i, pass;
    ngx_http_gateway_consumer_t   **consumers;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    consumers = gmcf->consumers.elts;

    for (pass = 0; pass < 3; pass++) {

        for (i = 0; i < gmcf->consumers.nelts; i++) {

            s = (pass == 0) ? &consumers[i]->id
                            : (pass == 1) ? &consumers[i]->username
                                          : &consumers[i]->name;

            if (s->len == name->len
                && ngx_strncmp(s->data, name->data, s->len) == 0)
            {
                return consumers[i];
            }
        }
    }

    return NULL;
}


ngx_array_t *
ngx_http_gateway_services(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    return &gmcf->services;
}


ngx_array_t *
ngx_http_gateway_routes(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    return &gmcf->routes;
}


ngx_int_t
ngx_http_gateway_merge_instances(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf, ngx_http_gateway_loc_conf_t *parent,
    ngx_http_gateway_loc_conf_t *conf)
{
    ngx_uint_t  i;

    if (conf->instances == NULL) {
        conf->instances = parent->instances;
        return NGX_OK;
    }

    if (parent->instances == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < gmcf->policies.nelts; i++) {
        if (conf->instances[i] == NULL) {
            conf->instances[i] = parent->instances[i];
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_build_chains(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_uint_t                       i, n;
    ngx_http_gateway_group_t       **groups;
    ngx_http_gateway_route_t       **routes;
    ngx_http_gateway_policy_t      **order;
    ngx_http_gateway_loc_conf_t    **confs, *parent;
    ngx_http_gateway_consumer_t    **consumers;

    n = gmcf->policies.nelts;

    if (n == 0) {
        return NGX_OK;
    }

    if (ngx_array_init(&gmcf->order, cf->pool, n, sizeof(void *)) != NGX_OK) {
        return NGX_ERROR;
    }

    order = ngx_array_push_n(&gmcf->order, n);
    ngx_memcpy(order, gmcf->policies.elts, n * sizeof(void *));
    ngx_sort(order, n, sizeof(void *), ngx_http_gateway_cmp_policies);

    gmcf->by_consumer = ngx_pcalloc(cf->pool, n);
    if (gmcf->by_consumer == NULL) {
        return NGX_ERROR;
    }

    consumers = gmcf->consumers.elts;

    for (i = 0; i < gmcf->consumers.nelts; i++) {
        if (ngx_http_gateway_check_overrides(cf, gmcf,
                                             consumers[i]->overrides)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    groups = gmcf->groups.elts;

    for (i = 0; i < gmcf->groups.nelts; i++) {
        if (ngx_http_gateway_check_overrides(cf, gmcf, groups[i]->overrides)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    confs = gmcf->loc_confs.elts;

    for (i = 0; i < gmcf->loc_confs.nelts; i++) {
        if (ngx_http_gateway_build_chain(cf, gmcf, confs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    routes = gmcf->routes.elts;

    for (i = 0; i < gmcf->routes.nelts; i++) {

        /* set by the route feature: the service's or the server's */
        parent = routes[i]->service ? routes[i]->service->conf
                                    : routes[i]->parent;

        if (ngx_http_gateway_merge_instances(cf, gmcf, parent,
                                             routes[i]->conf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (routes[i]->conf->instances == parent->instances) {
            routes[i]->conf->chain = parent->chain;
            continue;
        }

        if (ngx_http_gateway_build_chain(cf, gmcf, routes[i]->conf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_check_overrides(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf, ngx_array_t **overrides)
{
    ngx_uint_t                     i, k;
    ngx_http_gateway_instance_t  **instances;

    if (overrides == NULL) {
        return NGX_OK;
    }

    for (k = 0; k < gmcf->policies.nelts; k++) {

        if (overrides[k] == NULL) {
            continue;
        }

        gmcf->by_consumer[k] = 1;
        instances = overrides[k]->elts;

        for (i = 0; i < overrides[k]->nelts; i++) {
            if (ngx_http_gateway_check_narrowing(cf, gmcf, instances[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* "route=" and "service=" of a consumer or group must name something */

static ngx_int_t
ngx_http_gateway_check_narrowing(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf, ngx_http_gateway_instance_t *instance)
{
    ngx_uint_t                     i;
    ngx_http_gateway_route_t     **routes;
    ngx_http_gateway_service_t   **services;

    if (instance->for_route.data) {
        routes = gmcf->routes.elts;

        for (i = 0; i < gmcf->routes.nelts; i++) {
            if (routes[i]->name.len == instance->for_route.len
                && ngx_strncmp(routes[i]->name.data, instance->for_route.data,
                               instance->for_route.len) == 0)
            {
                instance->route_id = routes[i]->id;
                break;
            }
        }

        if (i == gmcf->routes.nelts) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown route \"%V\" in \"gateway_%V\" in %s:%ui",
                          &instance->for_route, &instance->policy->name,
                          instance->file_name, instance->line);
            return NGX_ERROR;
        }
    }

    if (instance->for_service.data) {
        services = gmcf->services.elts;

        for (i = 0; i < gmcf->services.nelts; i++) {
            if (services[i]->name.len == instance->for_service.len
                && ngx_strncmp(services[i]->name.data,
                               instance->for_service.data,
                               instance->for_service.len) == 0)
            {
                instance->service_id = services[i]->id;
                break;
            }
        }

        if (i == gmcf->services.nelts) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown service \"%V\" in \"gateway_%V\" in %s:%ui",
                          &instance->for_service, &instance->policy->name,
                          instance->file_name, instance->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_build_chain(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf, ngx_http_gateway_loc_conf_t *conf)
{
    ngx_uint_t                        i, n;
    ngx_http_gateway_chain_t         *chain;
    ngx_http_gateway_policy_t       **order, *policy;
    ngx_http_gateway_instance_t      *instance;
    ngx_http_gateway_chain_entry_t   *entry;

    order = gmcf->order.elts;
    n = 0;

    for (i = 0; i < gmcf->order.nelts; i++) {
        instance = conf->instances ? conf->instances[order[i]->index] : NULL;

        if ((instance && !instance->off)
            || gmcf->by_consumer[order[i]->index])
        {
            n++;
        }
    }

    if (n == 0) {
        return NGX_OK;
    }

    chain = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_chain_t));
    if (chain == NULL) {
        return NGX_ERROR;
    }

    chain->elts = ngx_pcalloc(cf->pool,
                              n * sizeof(ngx_http_gateway_chain_entry_t));
    chain->instances = ngx_pcalloc(cf->pool, n * sizeof(void *));

    if (chain->elts == NULL || chain->instances == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < gmcf->order.nelts; i++) {
        policy = order[i];
        instance = conf->instances ? conf->instances[policy->index] : NULL;

        if (instance && instance->off) {
            instance = NULL;
        }

        if (instance == NULL && !gmcf->by_consumer[policy->index]) {
            continue;
        }

        chain->instances[chain->nelts] = instance;
        entry = &chain->elts[chain->nelts++];
        entry->policy = policy;
        entry->instance = instance;

        chain->personal |= gmcf->by_consumer[policy->index];

        chain->access |= policy->access != NULL;
        chain->header |= policy->header != NULL;
        chain->body |= policy->body != NULL;
        chain->log |= policy->log != NULL;

        if (policy == gmcf->tracer) {
            chain->traced = gmcf->tracing;
        }
    }

    gmcf->body |= chain->body;
    conf->chain = chain;

    return NGX_OK;
}


/* priority descending; equal ones by name, descending */

static ngx_int_t
ngx_http_gateway_cmp_policies(const void *one, const void *two)
{
    ngx_http_gateway_policy_t  *a, *b;

    a = *(ngx_http_gateway_policy_t **) one;
    b = *(ngx_http_gateway_policy_t **) two;

    if (a->priority != b->priority) {
        return a->priority < b->priority ? 1 : -1;
    }

    return ngx_memn2cmp(b->name.data, a->name.data, b->name.len, a->name.len);
}
