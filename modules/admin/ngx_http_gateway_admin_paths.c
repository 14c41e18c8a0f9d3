
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Paths of the listener for administration: taken apart, what they name, and
 * the list of all of them.
 */


#include "ngx_http_gateway_admin_private.h"


static ngx_http_gateway_admin_kind_t  ngx_http_gateway_admin_kinds[] = {
    { ngx_string("services"), ngx_string("services") },
    { ngx_string("routes"), ngx_string("routes") },
    { ngx_string("consumers"), ngx_string("consumers") },
    { ngx_string("consumer_groups"), ngx_string("consumer_groups") },
    { ngx_string("plugins"), ngx_string("plugins") },
    { ngx_string("upstreams"), ngx_string("upstreams") },
    { ngx_string("certificates"), ngx_string("certificates") },
    { ngx_string("ca_certificates"), ngx_string("ca_certificates") },
    { ngx_string("snis"), ngx_string("snis") },
    { ngx_string("vaults"), ngx_string("vaults") },
    { ngx_string("keys"), ngx_string("keys") },
    { ngx_string("key-sets"), ngx_string("key_sets") },
    { ngx_string("filter-chains"), ngx_string("filter_chains") },
    { ngx_string("key-auths"), ngx_string("keyauth_credentials") },
    { ngx_string("basic-auths"), ngx_string("basicauth_credentials") },
    { ngx_string("hmac-auths"), ngx_string("hmacauth_credentials") },
    { ngx_string("jwts"), ngx_string("jwt_secrets") },
    { ngx_string("acls"), ngx_string("acls") },
    { ngx_string("oauth2"), ngx_string("oauth2_credentials") },
    { ngx_string("oauth2_tokens"), ngx_string("oauth2_tokens") },
    { ngx_null_string, ngx_null_string }
};


static ngx_http_gateway_admin_child_t  ngx_http_gateway_admin_children[] = {
    { "services", ngx_string("routes"), ngx_string("routes"), "service" },
    { "services", ngx_string("plugins"), ngx_string("plugins"), "service" },
    { "services", ngx_string("filter-chains"), ngx_string("filter_chains"),
      "service" },
    { "services", ngx_string("oauth2_tokens"), ngx_string("oauth2_tokens"),
      "service" },
    { "routes", ngx_string("plugins"), ngx_string("plugins"), "route" },
    { "routes", ngx_string("filter-chains"), ngx_string("filter_chains"),
      "route" },
    { "consumers", ngx_string("plugins"), ngx_string("plugins"),
      "consumer" },
    { "consumers", ngx_string("key-auth"), ngx_string("keyauth_credentials"),
      "consumer" },
    { "consumers", ngx_string("basic-auth"),
      ngx_string("basicauth_credentials"), "consumer" },
    { "consumers", ngx_string("hmac-auth"),
      ngx_string("hmacauth_credentials"), "consumer" },
    { "consumers", ngx_string("jwt"), ngx_string("jwt_secrets"),
      "consumer" },
    { "consumers", ngx_string("acls"), ngx_string("acls"), "consumer" },
    { "consumers", ngx_string("oauth2"), ngx_string("oauth2_credentials"),
      "consumer" },
    { "consumer_groups", ngx_string("plugins"), ngx_string("plugins"),
      "consumer_group" },
    { "certificates", ngx_string("snis"), ngx_string("snis"),
      "certificate" },
    { "certificates", ngx_string("services"), ngx_string("services"),
      "client_certificate" },
    { "certificates", ngx_string("upstreams"), ngx_string("upstreams"),
      "client_certificate" },
    { "key_sets", ngx_string("keys"), ngx_string("keys"), "set" },
    { "oauth2_credentials", ngx_string("oauth2_tokens"),
      ngx_string("oauth2_tokens"), "credential" },
    { NULL, ngx_null_string, ngx_null_string, NULL }
};


ngx_http_gateway_admin_kind_t  ngx_http_gateway_admin_foreign[] = {
    { ngx_string("service"), ngx_string("services") },
    { ngx_string("route"), ngx_string("routes") },
    { ngx_string("consumer"), ngx_string("consumers") },
    { ngx_string("consumer_group"), ngx_string("consumer_groups") },
    { ngx_string("client_certificate"), ngx_string("certificates") },
    { ngx_string("set"), ngx_string("key_sets") },
    { ngx_string("credential"), ngx_string("oauth2_credentials") },
    { ngx_null_string, ngx_null_string }
};


/* paths that are no entities, for "/endpoints" */
static const char  *ngx_http_gateway_admin_paths[] = {
    "/",
    "/cache",
    "/cache/{key}",
    "/config",
    "/debug/node/log-level",
    "/debug/node/log-level/{log_level}",
    "/endpoints",
    "/plugins/enabled",
    "/plugins/schema/{name}",
    "/schemas/plugins/{name}",
    "/schemas/vaults/{name}",
    "/schemas/{name}",
    "/status",
    "/status/dns",
    "/tags",
    "/tags/{tags}",
    "/timers",
    "/upstreams/{upstreams}/health",
    "/upstreams/{upstreams}/targets",
    "/upstreams/{upstreams}/targets/all",
    "/upstreams/{upstreams}/targets/{targets}",
    NULL
};


ngx_int_t
ngx_http_gateway_admin_split(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path)
{
    u_char     *p, *last, *start, *src, *dst;
    ngx_str_t  *segment;

    path->n = 0;
    p = r->unparsed_uri.data;
    last = ngx_strlchr(p, p + r->unparsed_uri.len, '?');

    if (last == NULL) {
        last = p + r->unparsed_uri.len;
    }

    while (p < last) {

        if (*p == '/') {
            p++;
            continue;
        }

        start = p;

        while (p < last && *p != '/') {
            p++;
        }

        if (path->n == NGX_HTTP_GATEWAY_ADMIN_SEGMENTS) {
            return NGX_DECLINED;
        }

        segment = &path->segments[path->n++];
        segment->data = ngx_pnalloc(r->pool, p - start);

        if (segment->data == NULL) {
            return NGX_ERROR;
        }

        src = start;
        dst = segment->data;
        ngx_unescape_uri(&dst, &src, p - start, 0);
        segment->len = dst - segment->data;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_admin_is(ngx_http_gateway_admin_path_t *path, ngx_uint_t i,
    const char *text)
{
    return i < path->n
           && path->segments[i].len == ngx_strlen(text)
           && ngx_strncmp(path->segments[i].data, text,
                          path->segments[i].len) == 0;
}


const ngx_http_gateway_admin_kind_t *
ngx_http_gateway_admin_kind(const ngx_str_t *url)
{
    const ngx_http_gateway_admin_kind_t  *kind;

    for (kind = ngx_http_gateway_admin_kinds; kind->url.len; kind++) {
        if (kind->url.len == url->len
            && ngx_strncmp(kind->url.data, url->data, url->len) == 0)
        {
            return kind;
        }
    }

    return NULL;
}


const ngx_http_gateway_admin_child_t *
ngx_http_gateway_admin_child(const ngx_str_t *kind, const ngx_str_t *url)
{
    const ngx_http_gateway_admin_child_t  *child;

    for (child = ngx_http_gateway_admin_children; child->parent; child++) {
        if (ngx_strcmp(child->parent, kind->data) == 0
            && child->url.len == url->len
            && ngx_strncmp(child->url.data, url->data, url->len) == 0)
        {
            return child;
        }
    }

    return NULL;
}


ngx_http_gateway_admin_class_t
ngx_http_gateway_admin_classify(ngx_http_gateway_admin_path_t *path,
    const ngx_str_t **kind)
{
    const ngx_str_t                       *url;
    const ngx_http_gateway_admin_kind_t   *first, *foreign;
    const ngx_http_gateway_admin_child_t  *child;

    *kind = NULL;

    if (path->n == 0 || path->n > 4) {
        return NGX_HTTP_GATEWAY_ADMIN_READ;
    }

    first = ngx_http_gateway_admin_kind(&path->segments[0]);

    if (first == NULL
        || (ngx_http_gateway_admin_is(path, 0, "plugins")
            && (ngx_http_gateway_admin_is(path, 1, "enabled")
                || ngx_http_gateway_admin_is(path, 1, "schema"))))
    {
        return NGX_HTTP_GATEWAY_ADMIN_READ;
    }

    *kind = &first->kind;

    if (path->n <= 2) {
        return (path->n == 1) ? NGX_HTTP_GATEWAY_ADMIN_COLLECTION
                              : NGX_HTTP_GATEWAY_ADMIN_ENTITY;
    }

    url = &path->segments[2];
    child = ngx_http_gateway_admin_child(&first->kind, url);

    if (child) {
        *kind = &child->kind;
        return (path->n == 3) ? NGX_HTTP_GATEWAY_ADMIN_COLLECTION
                              : NGX_HTTP_GATEWAY_ADMIN_ENTITY;
    }

    for (foreign = ngx_http_gateway_admin_foreign;
         path->n == 3 && foreign->url.len;
         foreign++)
    {
        if (foreign->url.len == url->len
            && ngx_strncmp(foreign->url.data, url->data, url->len) == 0)
        {
            *kind = &foreign->kind;
            return NGX_HTTP_GATEWAY_ADMIN_ENTITY;
        }
    }

    return NGX_HTTP_GATEWAY_ADMIN_READ;
}


static int ngx_libc_cdecl
ngx_http_gateway_admin_compare(const void *one, const void *two)
{
    size_t            i, n;
    const ngx_str_t  *first, *second;
    u_char            a, b;

    first = one;
    second = two;
    n = ngx_min(first->len, second->len);

    /* by segments: "/" comes before everything else */

    for (i = 0; i < n; i++) {
        a = (first->data[i] == '/') ? 0 : first->data[i];
        b = (second->data[i] == '/') ? 0 : second->data[i];

        if (a != b) {
            return a < b ? -1 : 1;
        }
    }

    return first->len < second->len ? -1 : first->len > second->len;
}


ngx_int_t
ngx_http_gateway_admin_endpoints(ngx_http_request_t *r)
{
    u_char                          *p, *start;
    size_t                           size;
    ngx_str_t                       *path;
    ngx_uint_t                       i, n;
    ngx_array_t                      paths;
    const char                     **other;
    ngx_http_gateway_main_conf_t    *gmcf;
    ngx_http_gateway_admin_kind_t   *kind;
    ngx_http_gateway_admin_child_t  *child;
    ngx_http_gateway_admin_route_t  **route;

    if (ngx_array_init(&paths, r->pool, 128, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (other = ngx_http_gateway_admin_paths; *other; other++) {
        path = ngx_array_push(&paths);
        if (path == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        path->data = (u_char *) *other;
        path->len = ngx_strlen(*other);
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    for (i = 0; gmcf->admin_routes && i < gmcf->admin_routes->nelts; i++) {
        route = gmcf->admin_routes->elts;

        for (other = route[i]->paths; *other; other++) {

            path = ngx_array_push(&paths);
            if (path == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            path->data = (u_char *) *other;
            path->len = ngx_strlen(*other);
        }
    }

    for (kind = ngx_http_gateway_admin_kinds; kind->url.len; kind++) {

        path = ngx_array_push_n(&paths, 2);
        p = ngx_pnalloc(r->pool, 2 * (2 * kind->url.len + 5));

        if (path == NULL || p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        path[0].data = p;
        path[0].len = ngx_sprintf(p, "/%V", &kind->url) - p;

        p += path[0].len;
        path[1].data = p;
        path[1].len = ngx_sprintf(p, "/%V/{%V}", &kind->url, &kind->url) - p;

        for (child = ngx_http_gateway_admin_children; child->parent; child++)
        {
            if (ngx_strcmp(child->parent, kind->kind.data) != 0) {
                continue;
            }

            path = ngx_array_push_n(&paths, 2);
            p = ngx_pnalloc(r->pool, 4 * kind->url.len + 4 * child->url.len
                                     + 16);

            if (path == NULL || p == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            path[0].data = p;
            path[0].len = ngx_sprintf(p, "/%V/{%V}/%V", &kind->url,
                                      &kind->url, &child->url)
                          - p;

            p += path[0].len;
            path[1].data = p;
            path[1].len = ngx_sprintf(p, "/%V/{%V}/%V/{%V}", &kind->url,
                                      &kind->url, &child->url, &child->url)
                          - p;
        }
    }

    path = paths.elts;
    n = paths.nelts;
    ngx_qsort(path, n, sizeof(ngx_str_t), ngx_http_gateway_admin_compare);

    size = sizeof("{\"data\":[]}");

    for (i = 0; i < n; i++) {
        size += path[i].len + 3;
    }

    start = ngx_pnalloc(r->pool, size);
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(start, "{\"data\":[", sizeof("{\"data\":[") - 1);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s\"%V\"", i ? "," : "", &path[i]);
    }

    *p++ = ']';
    *p++ = '}';

    return ngx_http_gateway_admin_send(r, NGX_HTTP_OK, start, p - start);
}
