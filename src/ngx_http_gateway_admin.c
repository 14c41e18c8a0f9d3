
/*
 * Copyright (C) the ngx_gateway authors
 *
 * See ngx_http_gateway_admin.h.
 */


#include "ngx_http_gateway_admin.h"
#include "ngx_http_gateway_conf.h"


ngx_int_t
ngx_http_gateway_admin_route_add(ngx_conf_t *cf,
    ngx_http_gateway_admin_route_t *route)
{
    ngx_http_gateway_main_conf_t     *gmcf;
    ngx_http_gateway_admin_route_t  **p;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->admin_routes == NULL) {
        gmcf->admin_routes = ngx_array_create(cf->pool, 2, sizeof(void *));
        if (gmcf->admin_routes == NULL) {
            return NGX_ERROR;
        }
    }

    p = ngx_array_push(gmcf->admin_routes);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = route;

    return NGX_OK;
}


ngx_http_gateway_admin_route_t *
ngx_http_gateway_admin_route_find(ngx_http_request_t *r, ngx_str_t *segments,
    ngx_uint_t n)
{
    ngx_uint_t                        i;
    ngx_http_gateway_main_conf_t     *gmcf;
    ngx_http_gateway_admin_route_t  **p;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->admin_routes == NULL || n == 0) {
        return NULL;
    }

    p = gmcf->admin_routes->elts;

    for (i = 0; i < gmcf->admin_routes->nelts; i++) {
        if (p[i]->name.len == segments[0].len
            && ngx_memcmp(p[i]->name.data, segments[0].data, segments[0].len)
               == 0)
        {
            return p[i];
        }
    }

    return NULL;
}
