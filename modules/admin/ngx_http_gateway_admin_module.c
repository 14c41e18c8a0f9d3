
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


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_admin.h"
#include "ngx_http_gateway_status.h"


#define NGX_HTTP_GATEWAY_ADMIN_PAGE      100
#define NGX_HTTP_GATEWAY_ADMIN_MAX_PAGE  1000
#define NGX_HTTP_GATEWAY_ADMIN_SEGMENTS  5
#define NGX_HTTP_GATEWAY_ADMIN_TAGS      5
#define NGX_HTTP_GATEWAY_ADMIN_ID        36


typedef struct {
    ngx_str_t                            kind;
    ngx_str_t                            id;
    ngx_str_t                            key;
    ngx_str_t                            refs;     /* "field=id,..." */
    ngx_str_t                            tags;     /* encoded, with commas */
    ngx_str_t                            json;
} ngx_http_gateway_admin_item_t;


typedef struct {
    ngx_array_t                         *items;    /* NULL: not here */
} ngx_http_gateway_admin_srv_conf_t;


/* a path, decoded and taken apart */
typedef struct {
    ngx_str_t                            segments[
                                             NGX_HTTP_GATEWAY_ADMIN_SEGMENTS];
    ngx_uint_t                           n;
} ngx_http_gateway_admin_path_t;


/* what a list shows */
typedef struct {
    const ngx_str_t                     *kind;     /* NULL: all, for tags */
    const char                          *ref;
    const ngx_http_gateway_admin_item_t *parent;   /* that it refers to */
    ngx_str_t                            tags[NGX_HTTP_GATEWAY_ADMIN_TAGS];
    ngx_uint_t                           ntags;
    ngx_uint_t                           any;      /* of the tags */
    ngx_int_t                            size;
    ngx_str_t                            offset;   /* an id, or empty */
    ngx_str_t                            base;     /* path of the next page */
    ngx_str_t                            args;     /* of the next page */
} ngx_http_gateway_admin_list_t;


typedef struct {
    ngx_str_t                            url;
    ngx_str_t                            kind;
} ngx_http_gateway_admin_kind_t;


typedef struct {
    const char                          *parent;   /* kind */
    ngx_str_t                            url;
    ngx_str_t                            kind;
    const char                          *ref;      /* of it to the parent */
} ngx_http_gateway_admin_child_t;


/* what the last part of a path may be: it decides about methods */
typedef enum {
    NGX_HTTP_GATEWAY_ADMIN_READ = 0,
    NGX_HTTP_GATEWAY_ADMIN_COLLECTION,
    NGX_HTTP_GATEWAY_ADMIN_ENTITY
} ngx_http_gateway_admin_class_t;


static ngx_int_t ngx_http_gateway_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_feature(ngx_http_request_t *r,
    ngx_http_gateway_admin_route_t *route,
    ngx_http_gateway_admin_path_t *path);
static ngx_int_t ngx_http_gateway_admin_options(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_split(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);
static ngx_uint_t ngx_http_gateway_admin_is(
    ngx_http_gateway_admin_path_t *path, ngx_uint_t i, const char *text);
static const ngx_http_gateway_admin_kind_t *ngx_http_gateway_admin_kind(
    const ngx_str_t *url);
static const ngx_http_gateway_admin_child_t *ngx_http_gateway_admin_child(
    const ngx_str_t *kind, const ngx_str_t *url);
static ngx_http_gateway_admin_class_t ngx_http_gateway_admin_classify(
    ngx_http_gateway_admin_path_t *path, const ngx_str_t **kind);
static ngx_int_t ngx_http_gateway_admin_refuse(ngx_http_request_t *r,
    ngx_http_gateway_admin_class_t class, const ngx_str_t *kind);

static ngx_int_t ngx_http_gateway_admin_entities(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);
static ngx_int_t ngx_http_gateway_admin_other(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);
static ngx_int_t ngx_http_gateway_admin_root(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_endpoints(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_timers(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_admin_log_level(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);
static ngx_int_t ngx_http_gateway_admin_document(ngx_http_request_t *r,
    const char *kind, const ngx_str_t *key, const char *missing);

static const ngx_http_gateway_admin_item_t *ngx_http_gateway_admin_find(
    ngx_http_request_t *r, const ngx_str_t *kind, const ngx_str_t *key);
static ngx_uint_t ngx_http_gateway_admin_ref(
    const ngx_http_gateway_admin_item_t *item, const char *name,
    ngx_str_t *id);
static ngx_uint_t ngx_http_gateway_admin_tagged(
    const ngx_http_gateway_admin_item_t *item, const ngx_str_t *tag);
static ngx_uint_t ngx_http_gateway_admin_is_number(const ngx_str_t *text);
static ngx_int_t ngx_http_gateway_admin_list_args(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list);
static const char *ngx_http_gateway_admin_list_tags(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_admin_list(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list);
static ngx_int_t ngx_http_gateway_admin_tag_list(ngx_http_request_t *r,
    const ngx_str_t *only);
static ngx_int_t ngx_http_gateway_admin_error(ngx_http_request_t *r,
    ngx_uint_t code, const char *name, const char *option,
    const char *message);

static ngx_int_t ngx_http_gateway_admin_add(ngx_http_request_t *r,
    ngx_chain_t ***last, off_t *size, const u_char *data, size_t len);
static ngx_int_t ngx_http_gateway_admin_send(ngx_http_request_t *r,
    ngx_uint_t status, u_char *data, size_t len);
static ngx_int_t ngx_http_gateway_admin_not_found(ngx_http_request_t *r);

static ngx_int_t ngx_http_gateway_admin_origin_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_admin_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_admin_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_gateway_admin_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_admin_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_admin_parse(ngx_conf_t *cf,
    ngx_array_t *items, ngx_str_t *text);


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


/* fields that refer to one entity, and its kind */
static ngx_http_gateway_admin_kind_t  ngx_http_gateway_admin_foreign[] = {
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


static ngx_http_variable_t  ngx_http_gateway_admin_vars[] = {

    { ngx_string("gateway_admin_origin"), NULL,
      ngx_http_gateway_admin_origin_variable, 0, 0, 0 },

      ngx_http_null_variable
};


static ngx_str_t  ngx_http_gateway_admin_json =
    ngx_string("application/json; charset=utf-8");


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


/* NGX_DECLINED: too long for anything here */

static ngx_int_t
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


static ngx_uint_t
ngx_http_gateway_admin_is(ngx_http_gateway_admin_path_t *path, ngx_uint_t i,
    const char *text)
{
    return i < path->n
           && path->segments[i].len == ngx_strlen(text)
           && ngx_strncmp(path->segments[i].data, text,
                          path->segments[i].len) == 0;
}


static const ngx_http_gateway_admin_kind_t *
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


static const ngx_http_gateway_admin_child_t *
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


static ngx_http_gateway_admin_class_t
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


static ngx_int_t
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


static ngx_int_t
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


/* by id, else by what names it */

static const ngx_http_gateway_admin_item_t *
ngx_http_gateway_admin_find(ngx_http_request_t *r, const ngx_str_t *kind,
    const ngx_str_t *key)
{
    ngx_str_t                             id;
    ngx_uint_t                            i;
    const ngx_http_gateway_admin_item_t  *item, *sni;
    ngx_http_gateway_admin_srv_conf_t    *ascf;

    static ngx_str_t  snis = ngx_string("snis");

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_admin_module);
    item = ascf->items->elts;

    for (i = 0; i < ascf->items->nelts; i++) {

        if (item[i].kind.len != kind->len
            || ngx_strncmp(item[i].kind.data, kind->data, kind->len) != 0)
        {
            continue;
        }

        if (item[i].id.len == key->len
            && ngx_strncasecmp(item[i].id.data, key->data, key->len) == 0)
        {
            return &item[i];
        }

        if (item[i].key.len == key->len
            && ngx_strncmp(item[i].key.data, key->data, key->len) == 0
            && (key->len || item[i].kind.data[0] == '@'))
        {
            return &item[i];
        }
    }

    /* a certificate has no name, but those it is for */

    if (kind->len == sizeof("certificates") - 1
        && ngx_strncmp(kind->data, "certificates", kind->len) == 0
        && key->len != NGX_HTTP_GATEWAY_ADMIN_ID)
    {
        sni = ngx_http_gateway_admin_find(r, &snis, key);

        if (sni && ngx_http_gateway_admin_ref(sni, "certificate", &id)) {
            return ngx_http_gateway_admin_find(r, kind, &id);
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_gateway_admin_ref(const ngx_http_gateway_admin_item_t *item,
    const char *name, ngx_str_t *id)
{
    u_char  *p, *last;
    size_t   len;

    len = ngx_strlen(name);
    p = item->refs.data;
    last = p + item->refs.len;

    while (p < last) {

        if ((size_t) (last - p) > len + NGX_HTTP_GATEWAY_ADMIN_ID
            && ngx_strncmp(p, name, len) == 0 && p[len] == '=')
        {
            id->data = p + len + 1;
            id->len = NGX_HTTP_GATEWAY_ADMIN_ID;
            return 1;
        }

        p = ngx_strlchr(p, last, ',');

        if (p == NULL) {
            break;
        }

        p++;
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_admin_tagged(const ngx_http_gateway_admin_item_t *item,
    const ngx_str_t *tag)
{
    u_char  *p, *last, *comma;

    p = item->tags.data;
    last = p + item->tags.len;

    while (p < last) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        if ((size_t) (comma - p) == tag->len
            && ngx_strncmp(p, tag->data, tag->len) == 0)
        {
            return 1;
        }

        p = comma + 1;
    }

    return 0;
}


/* what the query string asks for, and the list */

static ngx_int_t
ngx_http_gateway_admin_list_args(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list)
{
    u_char      *p, *src, *dst;
    ngx_str_t    value, size, tags, text;
    const char  *error;

    ngx_str_null(&size);
    ngx_str_null(&tags);
    list->size = NGX_HTTP_GATEWAY_ADMIN_PAGE;

    if (ngx_http_arg(r, (u_char *) "size", 4, &size) == NGX_OK) {
        list->size = ngx_atoi(size.data, size.len);

        if (list->size < 1
            || list->size > NGX_HTTP_GATEWAY_ADMIN_MAX_PAGE)
        {
            return ngx_http_gateway_admin_error(r, 9, "invalid size", NULL,
                           ngx_http_gateway_admin_is_number(&size)
                           ? "size must be an integer between 1 and 1000"
                           : "size must be a number");
        }
    }

    if (ngx_http_arg(r, (u_char *) "offset", 6, &value) == NGX_OK) {

        text.data = ngx_pnalloc(r->pool, value.len);
        list->offset.data = ngx_pnalloc(r->pool,
                                        ngx_base64_decoded_length(value.len));

        if (text.data == NULL || list->offset.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        src = value.data;
        dst = text.data;
        ngx_unescape_uri(&dst, &src, value.len, 0);
        text.len = dst - text.data;

        if (ngx_decode_base64url(&list->offset, &text) != NGX_OK
            || list->offset.len != NGX_HTTP_GATEWAY_ADMIN_ID)
        {
            return ngx_http_gateway_admin_error(r, 7, "invalid offset", NULL,
                       "'offset' is not a valid offset: bad base64 encoding");
        }
    }

    if (ngx_http_arg(r, (u_char *) "tags", 4, &tags) == NGX_OK) {
        error = ngx_http_gateway_admin_list_tags(r, list, &tags);

        if (error) {
            return ngx_http_gateway_admin_error(r, 11, "invalid options",
                                                "tags", error);
        }
    }

    p = ngx_pnalloc(r->pool, sizeof("&tags=&size=") + tags.len + size.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the next page is asked for in the same way; checked above */

    list->args.data = p;

    if (list->parent == NULL && tags.len) {
        p = ngx_sprintf(p, "&tags=%V", &tags);
    }

    if (list->parent == NULL && size.len) {
        p = ngx_sprintf(p, "&size=%V", &size);
    }

    list->args.len = p - list->args.data;

    return ngx_http_gateway_admin_list(r, list);
}


/* "-1" and "1.5" are numbers, if no good ones */

static ngx_uint_t
ngx_http_gateway_admin_is_number(const ngx_str_t *text)
{
    size_t      i;
    ngx_uint_t  digits;

    digits = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] >= '0' && text->data[i] <= '9') {
            digits = 1;
            continue;
        }

        if (text->data[i] != '.' && (text->data[i] != '-' || i)) {
            return 0;
        }
    }

    return digits;
}


/* "a,b": all of them; "a/b": any.  NULL, or what is wrong */

static const char *
ngx_http_gateway_admin_list_tags(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list, ngx_str_t *value)
{
    u_char     *p, *last, *dst, *src, *start, separator;
    size_t      i;
    ngx_str_t  *tag;

    p = ngx_pnalloc(r->pool, value->len + 1);
    if (p == NULL) {
        return "no memory";
    }

    src = value->data;
    dst = p;
    ngx_unescape_uri(&dst, &src, value->len, 0);
    last = dst;

    if (last == p) {
        return "cannot be null";
    }

    list->any = ngx_strlchr(p, last, '/') != NULL;
    separator = list->any ? '/' : ',';

    if (list->any && ngx_strlchr(p, last, ',')) {
        return "invalid filter syntax";
    }

    for (i = 0; i < value->len; i++) {

        /* it comes back in JSON */

        if (value->data[i] == '"' || value->data[i] == '\\') {
            return "invalid filter syntax";
        }
    }

    for ( /* void */ ; p < last; p++) {

        start = p;

        while (p < last && *p != separator) {
            if (*p < ' ' || *p == 0x7f) {
                return "invalid filter syntax";
            }

            p++;
        }

        if (p == start) {
            continue;
        }

        if (list->ntags == NGX_HTTP_GATEWAY_ADMIN_TAGS) {
            return "cannot query more than 5 tags";
        }

        /* as the file has it */

        tag = &list->tags[list->ntags++];
        tag->data = ngx_pnalloc(r->pool, 3 * (p - start));

        if (tag->data == NULL) {
            return "no memory";
        }

        dst = tag->data;

        for (src = start; src < p; src++) {
            if (*src == ' ' || *src == '%') {
                dst = ngx_sprintf(dst, "%%%02XD", (uint32_t) *src);

            } else {
                *dst++ = *src;
            }
        }

        tag->len = dst - tag->data;
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_admin_list(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list)
{
    off_t                                 size;
    u_char                               *p, *start;
    ngx_int_t                             n;
    ngx_str_t                             id, token;
    ngx_uint_t                            i, k;
    ngx_chain_t                          *out, **last;
    const ngx_http_gateway_admin_item_t  *item, *next;
    ngx_http_gateway_admin_srv_conf_t    *ascf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_admin_module);
    item = ascf->items->elts;

    out = NULL;
    last = &out;
    size = 0;
    next = NULL;
    n = 0;

    if (ngx_http_gateway_admin_add(r, &last, &size, (u_char *) "{\"data\":[",
                                   sizeof("{\"data\":[") - 1)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < ascf->items->nelts; i++) {

        if (item[i].kind.len != list->kind->len
            || ngx_strncmp(item[i].kind.data, list->kind->data,
                           list->kind->len) != 0)
        {
            continue;
        }

        /* they are ordered by their ids */

        if (list->offset.len
            && ngx_strncmp(item[i].id.data, list->offset.data,
                           NGX_HTTP_GATEWAY_ADMIN_ID) < 0)
        {
            continue;
        }

        if (list->parent
            && (!ngx_http_gateway_admin_ref(&item[i], list->ref, &id)
                || ngx_strncmp(id.data, list->parent->id.data, id.len) != 0))
        {
            continue;
        }

        for (k = 0; k < list->ntags; k++) {
            if (ngx_http_gateway_admin_tagged(&item[i], &list->tags[k])
                == list->any)
            {
                break;
            }
        }

        /* "any" ends with the first that it has, "all" with one it has not */

        if (list->ntags && (k < list->ntags) != list->any) {
            continue;
        }

        if (n == list->size) {
            next = &item[i];
            break;
        }

        if ((n && ngx_http_gateway_admin_add(r, &last, &size, (u_char *) ",",
                                             1) != NGX_OK)
            || ngx_http_gateway_admin_add(r, &last, &size, item[i].json.data,
                                          item[i].json.len) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        n++;
    }

    ngx_str_null(&token);

    if (next) {
        token.data = ngx_pnalloc(r->pool,
                                 ngx_base64_encoded_length(next->id.len));
        if (token.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_encode_base64url(&token, (ngx_str_t *) &next->id);
    }

    start = ngx_pnalloc(r->pool, 64 + list->base.len + 2 * token.len
                                 + list->args.len);
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (next) {
        p = ngx_sprintf(start, "],\"offset\":\"%V\",\"next\":\"/%V?offset=%V"
                               "%V\"}",
                        &token, &list->base, &token, &list->args);

    } else {
        p = ngx_sprintf(start, "],\"next\":null}");
    }

    if (ngx_http_gateway_admin_add(r, &last, &size, start, p - start)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK,
                                        &ngx_http_gateway_admin_json, out,
                                        size);
}


/* all uses of tags, or of one */

static ngx_int_t
ngx_http_gateway_admin_tag_list(ngx_http_request_t *r, const ngx_str_t *only)
{
    off_t                                 size;
    u_char                               *p, *q, *end, *text, *dst, *src;
    size_t                                len;
    ngx_uint_t                            i, n;
    ngx_chain_t                          *out, **last;
    const ngx_http_gateway_admin_item_t  *item;
    ngx_http_gateway_admin_srv_conf_t    *ascf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_admin_module);
    item = ascf->items->elts;

    out = NULL;
    last = &out;
    size = 0;
    n = 0;

    if (ngx_http_gateway_admin_add(r, &last, &size, (u_char *) "{\"data\":[",
                                   sizeof("{\"data\":[") - 1)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < ascf->items->nelts; i++) {

        end = item[i].tags.data + item[i].tags.len;

        for (p = item[i].tags.data; p < end; p = q + 1) {

            q = ngx_strlchr(p, end, ',');

            if (q == NULL) {
                q = end;
            }

            len = q - p;
            text = ngx_pnalloc(r->pool, len + 6 * len + 128
                                        + item[i].kind.len);
            if (text == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            src = p;
            dst = text;
            ngx_unescape_uri(&dst, &src, len, 0);
            len = dst - text;

            if (only && (only->len != len
                         || ngx_strncmp(only->data, text, len) != 0))
            {
                continue;
            }

            dst = ngx_sprintf(text + len, "%s{\"entity_name\":\"%V\","
                                          "\"entity_id\":\"%V\",\"tag\":\"",
                              n++ ? "," : "", &item[i].kind, &item[i].id);
            dst = (u_char *) ngx_escape_json(dst, text, len);
            dst = ngx_cpymem(dst, "\"}", 2);

            if (ngx_http_gateway_admin_add(r, &last, &size, text + len,
                                           dst - text - len)
                != NGX_OK)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }
    }

    if (ngx_http_gateway_admin_add(r, &last, &size,
                                   (u_char *) "],\"next\":null}",
                                   sizeof("],\"next\":null}") - 1)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK,
                                        &ngx_http_gateway_admin_json, out,
                                        size);
}


/* as Kong's errors about entities look; no argument needs escaping */

static ngx_int_t
ngx_http_gateway_admin_error(ngx_http_request_t *r, ngx_uint_t code,
    const char *name, const char *option, const char *message)
{
    u_char  *p, *start;

    start = ngx_pnalloc(r->pool, 256 + 2 * ngx_strlen(message));
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (option) {
        p = ngx_sprintf(start, "{\"message\":\"invalid option (%s: %s)\","
                               "\"name\":\"%s\",\"code\":%ui,"
                               "\"options\":{\"%s\":\"%s\"}}",
                        option, message, name, code, option, message);

    } else {
        p = ngx_sprintf(start, "{\"message\":\"%s\",\"name\":\"%s\","
                               "\"code\":%ui}",
                        message, name, code);
    }

    return ngx_http_gateway_admin_send(r, NGX_HTTP_BAD_REQUEST, start,
                                       p - start);
}


static ngx_int_t
ngx_http_gateway_admin_add(ngx_http_request_t *r, ngx_chain_t ***last,
    off_t *size, const u_char *data, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(r->pool);
    b = ngx_calloc_buf(r->pool);

    if (cl == NULL || b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) data;
    b->last = b->pos + len;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;

    **last = cl;
    *last = &cl->next;
    *size += len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_admin_send(ngx_http_request_t *r, ngx_uint_t status,
    u_char *data, size_t len)
{
    off_t         size;
    ngx_chain_t  *out, **last;

    out = NULL;
    last = &out;
    size = 0;

    if (ngx_http_gateway_admin_add(r, &last, &size, data, len) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_status_send(r, status,
                                        &ngx_http_gateway_admin_json, out,
                                        size);
}


static ngx_int_t
ngx_http_gateway_admin_not_found(ngx_http_request_t *r)
{
    static ngx_str_t  message = ngx_string("Not found");

    return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_FOUND, &message);
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


static char *
ngx_http_gateway_admin_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_admin_srv_conf_t  *ascf = conf;

    char             *rv;
    size_t            size;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_str_t        *value, name, text;
    ngx_file_info_t   fi;

    if (ascf->items) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &name);
        goto done;
    }

    size = (size_t) ngx_file_size(&fi);

    text.len = size;
    text.data = ngx_pnalloc(cf->pool, size + 1);
    ascf->items = ngx_array_create(cf->pool, 64,
                                   sizeof(ngx_http_gateway_admin_item_t));

    if (text.data == NULL || ascf->items == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, text.data, size);

    if (n != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n == -1 ? ngx_errno : 0,
                           ngx_read_fd_n " \"%V\" failed", &name);
        goto done;
    }

    rv = ngx_http_gateway_admin_parse(cf, ascf->items, &text);

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &name);
    }

    return rv;
}


static char *
ngx_http_gateway_admin_parse(ngx_conf_t *cf, ngx_array_t *items,
    ngx_str_t *text)
{
    u_char                         *p, *end, *last, *tab, *src, *dst, *q;
    ngx_str_t                       cells[6];
    ngx_uint_t                      i, times;
    ngx_http_gateway_admin_item_t  *item;

    p = text->data;
    last = p + text->len;

    while (p < last) {

        end = ngx_strlchr(p, last, '\n');

        if (end == NULL) {
            end = last;
        }

        for (i = 0; i < 6; i++) {
            tab = (i < 5) ? ngx_strlchr(p, end, '\t') : end;

            if (tab == NULL) {
                return "names a file that is not one of ngx-gateway";
            }

            cells[i].data = p;
            cells[i].len = tab - p;
            p = tab + 1;
        }

        item = ngx_array_push(items);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        item->kind = cells[0];
        item->id = cells[1];
        item->refs = cells[3];
        item->tags = cells[4];
        item->json = cells[5];

        src = cells[2].data;
        dst = src;
        ngx_unescape_uri(&dst, &src, cells[2].len, 0);
        item->key.data = cells[2].data;
        item->key.len = dst - cells[2].data;

        times = 0;

        for (q = item->json.data; q < end; q++) {
            times += (*q == '\1');
        }

        if (times == 0) {
            continue;
        }

        /* what the file says nothing about was made just now */

        dst = ngx_pnalloc(cf->pool, item->json.len + times * NGX_TIME_T_LEN);
        if (dst == NULL) {
            return NGX_CONF_ERROR;
        }

        src = item->json.data;
        item->json.data = dst;

        for ( /* void */ ; src < end; src++) {
            if (*src == '\1') {
                dst = ngx_sprintf(dst, "%T", ngx_time());

            } else {
                *dst++ = *src;
            }
        }

        item->json.len = dst - item->json.data;
    }

    return NGX_CONF_OK;
}
