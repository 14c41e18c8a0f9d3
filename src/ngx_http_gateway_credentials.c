
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Credentials by name.  A look-up is one hash and, as a rule, one comparison;
 * the names come from the configuration, so no client can crowd a bucket.
 */


#include "ngx_http_gateway_credentials.h"
#include "gateway_uuid.h"


#define NGX_HTTP_GATEWAY_NAMED_BUCKETS  64


static ngx_int_t ngx_http_gateway_named_id(ngx_conf_t *cf, uint8_t *uuid,
    ngx_str_t *id);
static ngx_int_t ngx_http_gateway_named_grow(ngx_conf_t *cf,
    ngx_http_gateway_named_table_t *table);


char *
ngx_http_gateway_named_read(ngx_conf_t *cf,
    ngx_http_gateway_named_param_t *params, ngx_http_gateway_named_t *named)
{
    uint8_t                          uuid[16];
    ngx_str_t                       *value, *field;
    ngx_uint_t                       i;
    ngx_http_gateway_loc_conf_t     *glcf;
    ngx_http_gateway_named_param_t  *param;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    named->credential.consumer = glcf->consumer;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "id=", 3) == 0) {

            if (gateway_uuid_parse(uuid, (char *) value[i].data + 3,
                                   value[i].len - 3)
                != 0)
            {
                return "has an invalid \"id\": expected a UUID";
            }

            if (ngx_http_gateway_named_id(cf, uuid, &named->credential.id)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        for (param = params; param->name.len; param++) {
            if (ngx_strncmp(value[i].data, param->name.data, param->name.len)
                == 0)
            {
                break;
            }
        }

        if (param->name.len == 0) {
            return "has an unknown parameter";
        }

        field = (ngx_str_t *) ((u_char *) named + param->offset);

        if (field->data) {
            return "has a parameter twice";
        }

        field->data = value[i].data + param->name.len;
        field->len = value[i].len - param->name.len;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_named_add(ngx_conf_t *cf,
    ngx_http_gateway_named_table_t *table, const char *entity,
    ngx_http_gateway_named_t *named)
{
    uint8_t                    uuid[16];
    ngx_str_t                 *name;
    ngx_http_gateway_named_t  *other, **bucket;

    name = &named->credential.identifier;

    if (named->credential.id.len == 0) {
        gateway_uuid_entity(uuid, entity, (char *) name->data, name->len);

        if (ngx_http_gateway_named_id(cf, uuid, &named->credential.id)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    other = ngx_http_gateway_named_find(table, name);

    if (other) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate credential \"%V\" of consumer \"%V\": "
                           "consumer \"%V\" has one of the same name",
                           name, &named->credential.consumer->name,
                           &other->credential.consumer->name);
        return NGX_CONF_ERROR;
    }

    if (table->n == table->nbuckets
        && ngx_http_gateway_named_grow(cf, table) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    named->hash = ngx_murmur_hash2(name->data, name->len);

    bucket = &table->buckets[named->hash & (table->nbuckets - 1)];

    named->next = *bucket;
    *bucket = named;
    table->n++;

    return NGX_CONF_OK;
}


void *
ngx_http_gateway_named_find(ngx_http_gateway_named_table_t *table,
    const ngx_str_t *name)
{
    uint32_t                   hash;
    ngx_http_gateway_named_t  *named;

    if (table->n == 0) {
        return NULL;
    }

    hash = ngx_murmur_hash2(name->data, name->len);

    named = table->buckets[hash & (table->nbuckets - 1)];

    while (named) {

        if (named->hash == hash
            && named->credential.identifier.len == name->len
            && ngx_memcmp(named->credential.identifier.data, name->data,
                          name->len)
               == 0)
        {
            return named;
        }

        named = named->next;
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_named_id(ngx_conf_t *cf, uint8_t *uuid, ngx_str_t *id)
{
    id->data = ngx_pnalloc(cf->pool, GATEWAY_UUID_LEN);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    id->len = GATEWAY_UUID_LEN;
    gateway_uuid_format((char *) id->data, uuid);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_named_grow(ngx_conf_t *cf,
    ngx_http_gateway_named_table_t *table)
{
    ngx_uint_t                  i, n;
    ngx_http_gateway_named_t   *named, *next, **bucket, **buckets;

    n = table->nbuckets ? table->nbuckets * 2 : NGX_HTTP_GATEWAY_NAMED_BUCKETS;

    buckets = ngx_pcalloc(cf->pool, n * sizeof(void *));
    if (buckets == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < table->nbuckets; i++) {

        for (named = table->buckets[i]; named; named = next) {
            next = named->next;
            bucket = &buckets[named->hash & (n - 1)];

            named->next = *bucket;
            *bucket = named;
        }
    }

    /* gives large tables back to the system, small ones stay in the pool */

    if (table->buckets) {
        (void) ngx_pfree(cf->pool, table->buckets);
    }

    table->buckets = buckets;
    table->nbuckets = n;

    return NGX_OK;
}
