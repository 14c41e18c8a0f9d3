
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the listener for administration has beside entities: the node, health,
 * schemas, timers, the level of the log.
 */


#include "ngx_http_gateway_admin_private.h"


static ngx_int_t ngx_http_gateway_admin_root(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_timers(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_log_level(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);
static ngx_int_t ngx_http_gateway_admin_document(ngx_http_request_t *r,
    const char *kind, const ngx_str_t *key, const char *missing);


ngx_int_t
ngx_http_gateway_admin_other(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path)
{
    ngx_str_t  none;

    static ngx_str_t  not_allowed = ngx_string("Method not allowed");
    static ngx_str_t  elsewhere = ngx_string("configurations are checked and "
                                             "loaded by ngx-gateway");

    ngx_str_set(&none, "");

    if (ngx_http_gateway_admin_is(path, 0, "cache") && path->n <= 2) {

        /* there is none: everything is read with the configuration */

        if (r->method == NGX_HTTP_DELETE) {
            return ngx_http_gateway_status_send(r, NGX_HTTP_NO_CONTENT, NULL,
                                                NULL, 0);
        }

        if (path->n == 1 || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
            return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_ALLOWED,
                                                   &not_allowed);
        }

        return ngx_http_gateway_admin_not_found(r);
    }

    if (ngx_http_gateway_admin_is(path, 0, "debug")) {
        return ngx_http_gateway_admin_log_level(r, path);
    }

    if (r->method == NGX_HTTP_POST
        && ((ngx_http_gateway_admin_is(path, 0, "config") && path->n == 1)
            || (ngx_http_gateway_admin_is(path, 0, "schemas")
                && ngx_http_gateway_admin_is(path, path->n - 1, "validate"))))
    {
        return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_IMPLEMENTED,
                                               &elsewhere);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_ALLOWED,
                                               &not_allowed);
    }

    if (path->n == 0) {
        return ngx_http_gateway_admin_root(r);
    }

    if (path->n == 1) {

        if (ngx_http_gateway_admin_is(path, 0, "endpoints")) {
            return ngx_http_gateway_admin_endpoints(r);
        }

        if (ngx_http_gateway_admin_is(path, 0, "timers")) {
            return ngx_http_gateway_admin_timers(r);
        }

        if (ngx_http_gateway_admin_is(path, 0, "config")) {
            return ngx_http_gateway_admin_document(r, "@config", &none, NULL);
        }

        if (ngx_http_gateway_admin_is(path, 0, "tags")) {
            return ngx_http_gateway_admin_tag_list(r, NULL);
        }

        return ngx_http_gateway_admin_not_found(r);
    }

    if (path->n == 2) {

        if (ngx_http_gateway_admin_is(path, 0, "tags")) {
            return ngx_http_gateway_admin_tag_list(r, &path->segments[1]);
        }

        if (ngx_http_gateway_admin_is(path, 0, "schemas")) {
            return ngx_http_gateway_admin_document(r, "@schemas",
                                             &path->segments[1],
                                             "No entity named '%V'");
        }

        if (ngx_http_gateway_admin_is(path, 0, "plugins")) {
            return ngx_http_gateway_admin_document(r, "@plugins/enabled",
                                                   &none, NULL);
        }

        return ngx_http_gateway_admin_not_found(r);
    }

    if (path->n == 3 && ngx_http_gateway_admin_is(path, 0, "schemas")) {

        if (ngx_http_gateway_admin_is(path, 1, "plugins")) {
            return ngx_http_gateway_admin_document(r, "@schemas/plugins",
                                             &path->segments[2],
                                             "No plugin named '%V'");
        }

        if (ngx_http_gateway_admin_is(path, 1, "vaults")) {
            return ngx_http_gateway_admin_document(r, "@schemas/vaults",
                                             &path->segments[2],
                                             "No vault named '%V'");
        }
    }

    if (path->n == 3 && ngx_http_gateway_admin_is(path, 0, "plugins")) {
        return ngx_http_gateway_admin_document(r, "@plugins/schema",
                                             &path->segments[2],
                                             "No plugin named '%V'");
    }

    return ngx_http_gateway_admin_not_found(r);
}


static ngx_int_t
ngx_http_gateway_admin_root(ngx_http_request_t *r)
{
    u_char                               *p;
    size_t                                size;
    ngx_str_t                             id, none, kind;
    ngx_uint_t                            i;
    ngx_array_t                          *workers;
    ngx_http_gateway_worker_t            *worker;
    const ngx_http_gateway_admin_item_t  *item;
    u_char                               *start;

    ngx_str_set(&none, "");
    ngx_str_set(&kind, "@root");

    item = ngx_http_gateway_admin_find(r, &kind, &none);
    workers = ngx_http_gateway_status_workers(r->pool);

    if (item == NULL || workers == NULL
        || ngx_http_gateway_status_node_id(r->pool, &id) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = 512 + item->json.len + 6 * ngx_cycle->hostname.len
           + workers->nelts * (NGX_INT64_LEN + 1);

    start = ngx_pnalloc(r->pool, size);
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* no Lua here, and so none of its timers */

    p = ngx_sprintf(start, "{\"tagline\":\"Welcome to ngx_gateway\","
                           "\"version\":\"%s\",\"edition\":\"community\","
                           "\"hostname\":\"",
                    NGX_HTTP_GATEWAY_VERSION);

    p = (u_char *) ngx_escape_json(p, ngx_cycle->hostname.data,
                                   ngx_cycle->hostname.len);

    p = ngx_sprintf(p, "\",\"node_id\":\"%V\",\"timers\":{\"running\":0,"
                       "\"pending\":0},\"lua_version\":null,"
                       "\"pids\":{\"master\":%P,\"workers\":[",
                    &id, ngx_parent);

    worker = workers->elts;

    for (i = 0; i < workers->nelts; i++) {
        p = ngx_sprintf(p, "%s%P", i ? "," : "", worker[i].pid);
    }

    p = ngx_sprintf(p, "]},%V}", &item->json);

    return ngx_http_gateway_admin_send(r, NGX_HTTP_OK, start, p - start);
}


/* Kong counts those of Lua; here the event loop has nothing of the kind */

static ngx_int_t
ngx_http_gateway_admin_timers(ngx_http_request_t *r)
{
    u_char           *p, *start;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    start = ngx_pnalloc(r->pool, 256);
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(start, "{\"worker\":{\"id\":%ui,\"count\":%i},"
                           "\"stats\":{\"sys\":{\"total\":0,\"runs\":0,"
                           "\"running\":0,\"pending\":0,\"waiting\":0},"
                           "\"timers\":{}}}",
                    ngx_worker, ccf->worker_processes);

    return ngx_http_gateway_admin_send(r, NGX_HTTP_OK, start, p - start);
}


static ngx_int_t
ngx_http_gateway_admin_log_level(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path)
{
    u_char      *p, *start;
    ngx_uint_t   level;

    static ngx_str_t  not_allowed = ngx_string("Method not allowed");
    static ngx_str_t  fixed = ngx_string("cannot change log level when not "
                                         "using a database");

    static const char  *levels[] = {
        "stderr", "emerg", "alert", "crit", "error", "warn", "notice", "info",
        "debug"
    };

    if (!ngx_http_gateway_admin_is(path, 1, "node")
        || !ngx_http_gateway_admin_is(path, 2, "log-level"))
    {
        return ngx_http_gateway_admin_not_found(r);
    }

    if (path->n == 4) {
        return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_ALLOWED,
                                               r->method == NGX_HTTP_PUT
                                               ? &fixed : &not_allowed);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) || path->n != 3) {
        return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_ALLOWED,
                                               &not_allowed);
    }

    level = ngx_cycle->log->log_level;
    level = ngx_min(level, NGX_LOG_DEBUG);

    start = ngx_pnalloc(r->pool, 64);
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(start, "{\"message\":\"log level: %s\"}", levels[level]);

    return ngx_http_gateway_admin_send(r, NGX_HTTP_OK, start, p - start);
}


/* missing: the message for a name that there is not */

static ngx_int_t
ngx_http_gateway_admin_document(ngx_http_request_t *r, const char *kind,
    const ngx_str_t *key, const char *missing)
{
    u_char                               *p, *start;
    size_t                                len;
    ngx_str_t                             name, shown;
    const ngx_http_gateway_admin_item_t  *item;

    name.data = (u_char *) kind;
    name.len = ngx_strlen(kind);

    item = ngx_http_gateway_admin_find(r, &name, key);

    if (item) {
        return ngx_http_gateway_admin_send(r, NGX_HTTP_OK, item->json.data,
                                           item->json.len);
    }

    if (missing == NULL) {
        return ngx_http_gateway_admin_not_found(r);
    }

    len = key->len + ngx_escape_json(NULL, key->data, key->len);

    start = ngx_pnalloc(r->pool, len);
    p = ngx_pnalloc(r->pool, len + sizeof("{\"message\":\"\"}")
                             + ngx_strlen(missing));

    if (start == NULL || p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    shown.data = start;
    shown.len = (u_char *) ngx_escape_json(start, key->data, key->len)
                - start;

    start = p;
    p = ngx_cpymem(p, "{\"message\":\"", sizeof("{\"message\":\"") - 1);
    p = ngx_sprintf(p, missing, &shown);
    p = ngx_cpymem(p, "\"}", 2);

    return ngx_http_gateway_admin_send(r, NGX_HTTP_NOT_FOUND, start,
                                       p - start);
}
