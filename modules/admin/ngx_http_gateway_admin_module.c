
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The listener for administration: what is configured, to be read.  The
 * compiler writes entities and other documents into a file whose lines are
 *
 *     kind  id  key  references  tags  JSON
 *
 * separated by tabs; it is read with the configuration, and answers are put
 * together from its pieces.  Nothing is changed here: the file is the truth.
 */


#include "ngx_http_gateway_admin_private.h"


static ngx_int_t ngx_http_gateway_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_feature(ngx_http_request_t *r,
    ngx_http_gateway_admin_route_t *route,
    ngx_http_gateway_admin_path_t *path);
static ngx_int_t ngx_http_gateway_admin_options(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_refuse(ngx_http_request_t *r,
    ngx_http_gateway_admin_class_t class, const ngx_str_t *kind);
static ngx_int_t ngx_http_gateway_admin_entities(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);
static ngx_int_t ngx_http_gateway_admin_origin_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_admin_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_admin_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_gateway_admin_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_command_t  ngx_http_gateway_admin_commands[] = {

    { ngx_string("gateway_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_admin_file"),
      NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_admin_file,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_admin_module_ctx = {
    ngx_http_gateway_admin_preconfiguration,   /* preconfiguration */
    ngx_http_gateway_admin_postconfiguration,  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_admin_create_srv_conf,    /* create server conf. */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_admin_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_admin_module_ctx,    /* module context */
    ngx_http_gateway_admin_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_gateway_admin_vars[] = {

    { ngx_string("gateway_admin_origin"), NULL,
      ngx_http_gateway_admin_origin_variable, 0, 0, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_gateway_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    const ngx_str_t                *kind;
    ngx_http_gateway_admin_path_t   path;
    ngx_http_gateway_admin_class_t  class;
    ngx_http_gateway_admin_route_t  *route;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_gateway_admin_split(r, &path);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? ngx_http_gateway_admin_not_found(r)
                                    : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    route = ngx_http_gateway_admin_route_find(r, path.segments, path.n);

    if (route) {
        return ngx_http_gateway_admin_feature(r, route, &path);
    }

    class = ngx_http_gateway_admin_classify(&path, &kind);

    if (class == NGX_HTTP_GATEWAY_ADMIN_READ) {
        return ngx_http_gateway_admin_other(r, &path);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_gateway_admin_refuse(r, class, kind);
    }

    return ngx_http_gateway_admin_entities(r, &path);
}


/* a path that a feature has brought */

static ngx_int_t
ngx_http_gateway_admin_feature(ngx_http_request_t *r,
    ngx_http_gateway_admin_route_t *route,
    ngx_http_gateway_admin_path_t *path)
{
    u_char           *p, *last, *end;
    const ngx_str_t  *allow;

    static ngx_str_t  not_allowed = ngx_string("Method not allowed");

    allow = route->allow(path->segments, path->n);

    if (allow == NULL) {
        return ngx_http_gateway_admin_not_found(r);
    }

    p = allow->data;
    last = p + allow->len;

    for ( /* void */ ; p < last; p = end + 2) {

        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) == r->method_name.len
            && ngx_memcmp(p, r->method_name.data, r->method_name.len) == 0)
        {
            return route->handler(r, path->segments, path->n);
        }
    }

    return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_ALLOWED,
                                           &not_allowed);
}


/* OPTIONS, of everything on this listener */

static ngx_int_t
ngx_http_gateway_admin_options(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    const ngx_str_t                    *kind, *allow;
    ngx_table_elt_t                    *h;
    ngx_http_gateway_admin_path_t       path;
    ngx_http_gateway_admin_class_t      class;
    ngx_http_gateway_admin_route_t     *route;
    ngx_http_gateway_admin_srv_conf_t  *ascf;

    static ngx_str_t  reading = ngx_string("GET, HEAD, OPTIONS");
    static ngx_str_t  collection = ngx_string("GET, HEAD, OPTIONS, POST");
    static ngx_str_t  entity =
        ngx_string("DELETE, GET, HEAD, OPTIONS, PATCH, PUT");

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_admin_module);

    if (ascf->items == NULL || r->method != NGX_HTTP_OPTIONS || r != r->main) {
        return NGX_DECLINED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    class = NGX_HTTP_GATEWAY_ADMIN_READ;
    route = NULL;

    if (ngx_http_gateway_admin_split(r, &path) == NGX_OK) {
        class = ngx_http_gateway_admin_classify(&path, &kind);
        route = ngx_http_gateway_admin_route_find(r, path.segments, path.n);
    }

    allow = (class == NGX_HTTP_GATEWAY_ADMIN_COLLECTION) ? &collection
            : (class == NGX_HTTP_GATEWAY_ADMIN_ENTITY) ? &entity : &reading;

    if (route && route->allow(path.segments, path.n)) {
        allow = route->allow(path.segments, path.n);
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Allow");
    h->value = *allow;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    rc = ngx_http_gateway_status_send(r, NGX_HTTP_NO_CONTENT, NULL, NULL, 0);

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/* nothing can be written here */

static ngx_int_t
ngx_http_gateway_admin_refuse(ngx_http_request_t *r,
    ngx_http_gateway_admin_class_t class, const ngx_str_t *kind)
{
    u_char      *p, *start;
    const char  *verb;

    static ngx_str_t  not_allowed = ngx_string("Method not allowed");

    verb = NULL;

    if (class == NGX_HTTP_GATEWAY_ADMIN_COLLECTION) {

        if (r->method == NGX_HTTP_POST) {
            verb = "create";
        }

    } else if (r->method == NGX_HTTP_PUT) {
        verb = "create or update";

    } else if (r->method == NGX_HTTP_PATCH) {
        verb = "update";

    } else if (r->method == NGX_HTTP_DELETE) {
        verb = "remove";
    }

    if (verb == NULL) {
        return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_ALLOWED,
                                               &not_allowed);
    }

    start = ngx_pnalloc(r->pool, 256 + kind->len);
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(start, "{\"message\":\"cannot %s '%V' entities when not "
                           "using a database\",\"strategy\":\"off\","
                           "\"name\":\"operation unsupported\",\"code\":12}",
                    verb, kind);

    return ngx_http_gateway_admin_send(r, NGX_HTTP_NOT_ALLOWED, start,
                                       p - start);
}


/* collections, entities, and what belongs to them */

static ngx_int_t
ngx_http_gateway_admin_entities(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path)
{
    u_char                                *p;
    ngx_str_t                              id, own;
    const ngx_http_gateway_admin_kind_t   *kind, *foreign;
    const ngx_http_gateway_admin_item_t   *item, *other;
    ngx_http_gateway_admin_list_t          list;
    const ngx_http_gateway_admin_child_t  *child;

    kind = ngx_http_gateway_admin_kind(&path->segments[0]);

    ngx_memzero(&list, sizeof(ngx_http_gateway_admin_list_t));

    if (path->n == 1) {
        list.kind = &kind->kind;
        list.base = kind->url;

        return ngx_http_gateway_admin_list_args(r, &list);
    }

    item = ngx_http_gateway_admin_find(r, &kind->kind, &path->segments[1]);

    if (item == NULL) {
        return ngx_http_gateway_admin_not_found(r);
    }

    if (path->n == 2) {
        return ngx_http_gateway_admin_send(r, NGX_HTTP_OK, item->json.data,
                                           item->json.len);
    }

    child = ngx_http_gateway_admin_child(&kind->kind, &path->segments[2]);

    if (child == NULL) {

        for (foreign = ngx_http_gateway_admin_foreign; foreign->url.len;
             foreign++)
        {
            if (!ngx_http_gateway_admin_is(path, 2,
                                           (char *) foreign->url.data))
            {
                continue;
            }

            other = NULL;

            if (ngx_http_gateway_admin_ref(item, (char *) foreign->url.data,
                                           &id))
            {
                other = ngx_http_gateway_admin_find(r, &foreign->kind, &id);
            }

            if (other) {
                return ngx_http_gateway_admin_send(r, NGX_HTTP_OK,
                                                   other->json.data,
                                                   other->json.len);
            }
        }

        return ngx_http_gateway_admin_not_found(r);
    }

    if (path->n == 4) {
        other = ngx_http_gateway_admin_find(r, &child->kind,
                                            &path->segments[3]);

        if (other == NULL
            || !ngx_http_gateway_admin_ref(other, child->ref, &own)
            || own.len != item->id.len
            || ngx_strncmp(own.data, item->id.data, own.len) != 0)
        {
            return ngx_http_gateway_admin_not_found(r);
        }

        return ngx_http_gateway_admin_send(r, NGX_HTTP_OK, other->json.data,
                                           other->json.len);
    }

    list.kind = &child->kind;
    list.ref = child->ref;
    list.parent = item;

    p = ngx_pnalloc(r->pool, kind->url.len + item->id.len + child->url.len
                             + 2);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list.base.data = p;
    list.base.len = ngx_sprintf(p, "%V/%V/%V", &kind->url, &item->id,
                                &child->url)
                    - p;

    return ngx_http_gateway_admin_list_args(r, &list);
}


/* for add_header: any page may read what is here, as with Kong */

static ngx_int_t
ngx_http_gateway_admin_origin_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = (u_char *) "*";
    v->len = 1;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == 6
            && ngx_strncasecmp(h[i].key.data, (u_char *) "origin", 6) == 0)
        {
            v->data = h[i].value.data;
            v->len = h[i].value.len;
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_admin_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_gateway_admin_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_admin_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                           i;
    ngx_http_handler_pt                 *h;
    ngx_http_core_srv_conf_t           **cscf;
    ngx_http_core_main_conf_t           *cmcf;
    ngx_http_gateway_admin_srv_conf_t   *ascf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        ascf = cscf[i]->ctx->srv_conf[
                                     ngx_http_gateway_admin_module.ctx_index];

        if (ascf->items == NULL) {
            continue;
        }

        h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_admin_options;
        break;
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_admin_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_admin_srv_conf_t));
}


static char *
ngx_http_gateway_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t           *clcf;
    ngx_http_gateway_admin_srv_conf_t  *ascf;

    ascf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_gateway_admin_module);

    if (ascf->items == NULL) {
        return "needs \"gateway_admin_file\" before it in the server";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_admin_handler;

    return NGX_CONF_OK;
}
