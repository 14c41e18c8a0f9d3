
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Names of servers and wildcards: at most four lookups, however many there
 * are.
 */


#include "ngx_http_gateway_tls_private.h"


static void *ngx_http_gateway_tls_names_lookup(
    ngx_http_gateway_tls_names_t *names, u_char *data, size_t len);


void
ngx_http_gateway_tls_names_init(ngx_http_gateway_tls_names_t *names)
{
    ngx_rbtree_init(&names->tree, &names->sentinel,
                    ngx_str_rbtree_insert_value);
    names->n = 0;
}


ngx_int_t
ngx_http_gateway_tls_names_add(ngx_conf_t *cf,
    ngx_http_gateway_tls_names_t *names, ngx_str_t *name, void *value)
{
    ngx_http_gateway_tls_name_t  *node;

    ngx_strlow(name->data, name->data, name->len);

    if (name->len > 1 && name->data[name->len - 1] == '.') {
        name->len--;
    }

    if (name->len == 0 || name->len > 255) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid name \"%V\"", name);
        return NGX_ERROR;
    }

    if (ngx_http_gateway_tls_names_lookup(names, name->data, name->len)) {
        return NGX_DECLINED;
    }

    node = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_tls_name_t));
    if (node == NULL) {
        return NGX_ERROR;
    }

    node->value = value;
    node->sn.str = *name;
    node->sn.node.key = ngx_crc32_short(name->data, name->len);

    ngx_rbtree_insert(&names->tree, &node->sn.node);
    names->n++;

    return NGX_OK;
}


/*
 * The name itself, then with "*" for its first label where that leaves two,
 * with "*" for its last label, and "*" alone.
 */

void *
ngx_http_gateway_tls_names_find(ngx_http_gateway_tls_names_t *names,
    ngx_str_t *name)
{
    void    *value;
    u_char  *first, *last, *end, buf[258];

    if (names->n == 0 || name->len == 0 || name->len > 255) {
        return NULL;
    }

    value = ngx_http_gateway_tls_names_lookup(names, name->data, name->len);

    if (value) {
        return value;
    }

    end = name->data + name->len;
    first = ngx_strlchr(name->data, end, '.');

    if (first) {

        last = end;

        while (last[-1] != '.') {
            last--;
        }

        if (last - 1 > first) {

            buf[0] = '*';
            ngx_memcpy(&buf[1], first, end - first);

            value = ngx_http_gateway_tls_names_lookup(names, buf,
                                                      1 + (end - first));
            if (value) {
                return value;
            }
        }

        ngx_memcpy(buf, name->data, last - name->data);
        buf[last - name->data] = '*';

        value = ngx_http_gateway_tls_names_lookup(names, buf,
                                                  last - name->data + 1);
        if (value) {
            return value;
        }
    }

    return ngx_http_gateway_tls_names_lookup(names, (u_char *) "*", 1);
}


static void *
ngx_http_gateway_tls_names_lookup(ngx_http_gateway_tls_names_t *names,
    u_char *data, size_t len)
{
    ngx_str_t                     name;
    ngx_http_gateway_tls_name_t  *node;

    name.data = data;
    name.len = len;

    node = (ngx_http_gateway_tls_name_t *)
               ngx_str_rbtree_lookup(&names->tree, &name,
                                     ngx_crc32_short(data, len));

    return node ? node->value : NULL;
}
