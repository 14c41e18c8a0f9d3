
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Consumer groups: their blocks, and who belongs to them.  A group that a
 * consumer names may have its block later, so the first mention makes it.
 */


#include "ngx_http_gateway_conf.h"


/* in the tree of names */
typedef struct {
    ngx_str_node_t                   sn;
    ngx_http_gateway_group_t         group;
} ngx_http_gateway_group_node_t;


static ngx_http_gateway_group_t *ngx_http_gateway_group_get(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_cmp_groups(const void *one,
    const void *two);


/* gateway_consumer_group NAME { ... } */

char *
ngx_http_gateway_group_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_str_t                    *value;
    ngx_conf_t                    save;
    ngx_http_conf_ctx_t          *ctx;
    ngx_http_gateway_group_t     *group;
    ngx_http_gateway_loc_conf_t  *glcf;

    value = cf->args->elts;

    group = ngx_http_gateway_group_get(cf, &value[1]);
    if (group == NULL) {
        return NGX_CONF_ERROR;
    }

    if (group->defined) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate consumer group \"%V\", the other one "
                           "is in %s:%ui",
                           &value[1], group->file_name, group->line);
        return NGX_CONF_ERROR;
    }

    group->defined = 1;
    group->file_name = cf->conf_file->file.name.data;
    group->line = cf->conf_file->line;

    glcf = ngx_pcalloc(cf->temp_pool, sizeof(ngx_http_gateway_loc_conf_t));
    if (glcf == NULL) {
        return NGX_CONF_ERROR;
    }

    glcf->group = group;

    ctx = ngx_http_gateway_block_ctx(cf, glcf);
    if (ctx == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->ctx = ctx;
    /* NGX_MAIN_CONF lets "include" through */
    cf->cmd_type = NGX_HTTP_GATEWAY_GROUP_CONF|NGX_MAIN_CONF;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (group->id.len == 0
        && ngx_http_gateway_derive_id(cf, "consumer_groups", &group->name,
                                      &group->id)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* groups NAME ..., of a consumer */

char *
ngx_http_gateway_consumer_groups(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                     *value;
    ngx_uint_t                     i, k;
    ngx_http_gateway_group_t      *group, **groups;
    ngx_http_gateway_loc_conf_t   *glcf;
    ngx_http_gateway_consumer_t   *consumer;

    value = cf->args->elts;
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);
    consumer = glcf->consumer;

    if (consumer->groups == NULL) {
        consumer->groups = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                            sizeof(void *));
        if (consumer->groups == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {
        group = ngx_http_gateway_group_get(cf, &value[i]);
        if (group == NULL) {
            return NGX_CONF_ERROR;
        }

        groups = consumer->groups->elts;

        for (k = 0; k < consumer->groups->nelts; k++) {
            if (groups[k] == group) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate group \"%V\" of consumer "
                                   "\"%V\"", &value[i], &consumer->name);
                return NGX_CONF_ERROR;
            }
        }

        groups = ngx_array_push(consumer->groups);
        if (groups == NULL) {
            return NGX_CONF_ERROR;
        }

        *groups = group;
    }

    return NGX_CONF_OK;
}


static ngx_http_gateway_group_t *
ngx_http_gateway_group_get(ngx_conf_t *cf, ngx_str_t *name)
{
    size_t                          i;
    uint32_t                        hash;
    ngx_http_gateway_group_t      **p;
    ngx_http_gateway_main_conf_t   *gmcf;
    ngx_http_gateway_group_node_t  *node;

    if (name->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "empty name of a group");
        return NULL;
    }

    /* it becomes a request header */

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 0x20 || name->data[i] == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a control character in the name of a group");
            return NULL;
        }
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    hash = ngx_crc32_short(name->data, name->len);

    node = (ngx_http_gateway_group_node_t *)
               ngx_str_rbtree_lookup(&gmcf->groups_tree, name, hash);

    if (node) {
        return &node->group;
    }

    node = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_group_node_t));
    if (node == NULL) {
        return NULL;
    }

    p = ngx_array_push(&gmcf->groups);
    if (p == NULL) {
        return NULL;
    }

    *p = &node->group;

    node->sn.node.key = hash;
    node->sn.str = *name;
    node->group.name = *name;
    node->group.number = gmcf->groups.nelts;
    node->group.file_name = cf->conf_file->file.name.data;
    node->group.line = cf->conf_file->line;

    ngx_rbtree_insert(&gmcf->groups_tree, &node->sn.node);

    return &node->group;
}


ngx_http_gateway_group_t *
ngx_http_gateway_find_group(ngx_http_gateway_main_conf_t *gmcf,
    ngx_str_t *name)
{
    ngx_http_gateway_group_node_t  *node;

    node = (ngx_http_gateway_group_node_t *)
               ngx_str_rbtree_lookup(&gmcf->groups_tree, name,
                                     ngx_crc32_short(name->data, name->len));

    return node ? &node->group : NULL;
}


ngx_int_t
ngx_http_gateway_init_groups(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_uint_t                     i;
    ngx_http_gateway_group_t     **groups;
    ngx_http_gateway_consumer_t  **consumers;

    groups = gmcf->groups.elts;

    for (i = 0; i < gmcf->groups.nelts; i++) {
        if (!groups[i]->defined) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown consumer group \"%V\" in %s:%ui: there is "
                          "no such gateway_consumer_group",
                          &groups[i]->name, groups[i]->file_name,
                          groups[i]->line);
            return NGX_ERROR;
        }
    }

    consumers = gmcf->consumers.elts;

    for (i = 0; i < gmcf->consumers.nelts; i++) {
        if (consumers[i]->groups
            && ngx_http_gateway_group_names(cf->pool, consumers[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_group_names(ngx_pool_t *pool,
    ngx_http_gateway_consumer_t *consumer)
{
    u_char                     *p;
    size_t                      len;
    ngx_uint_t                  i;
    ngx_http_gateway_group_t  **groups;

    groups = consumer->groups->elts;

    if (consumer->groups->nelts == 1) {
        consumer->group_names = groups[0]->name;
        return NGX_OK;
    }

    ngx_sort(groups, consumer->groups->nelts, sizeof(void *),
             ngx_http_gateway_cmp_groups);

    len = 0;

    for (i = 0; i < consumer->groups->nelts; i++) {
        len += groups[i]->name.len + sizeof(", ") - 1;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    consumer->group_names.data = p;

    for (i = 0; i < consumer->groups->nelts; i++) {

        if (i) {
            *p++ = ',';
            *p++ = ' ';
        }

        p = ngx_cpymem(p, groups[i]->name.data, groups[i]->name.len);
    }

    consumer->group_names.len = p - consumer->group_names.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cmp_groups(const void *one, const void *two)
{
    ngx_http_gateway_group_t  *a, *b;

    a = *(ngx_http_gateway_group_t **) one;
    b = *(ngx_http_gateway_group_t **) two;

    return ngx_memn2cmp(a->name.data, b->name.data, a->name.len, b->name.len);
}
