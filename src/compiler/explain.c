/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command explain: what happens to a request, by the code that runs in
 * the gateway itself.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "gateway_router.h"
#include "gateway_uuid.h"

#define GWC_CANDIDATES 64

/* the request, taken apart */
typedef struct {
    const char *scheme;
    gwc_text_t authority; /* of the URL: host[:port], maybe empty */
    gwc_text_t host;      /* without port */
    int port;             /* of the URL, 0: none */
    const char *target;   /* path and query as they are sent */
    size_t path_len;      /* of target, without query */
    gwc_vec_t headers;    /* gwc_explain_header_t */

    int listen;         /* the port that is listened to */
    bool https;         /* effective protocol */
    gateway_str_t path; /* normal form */
    gateway_router_request_t match;
} gwc_explain_request_t;

typedef struct {
    const char *folded; /* lower case, "_" for "-" */
    gateway_str_t value;
} gwc_explain_header_t;

/* what was found out */
typedef struct {
    const gwc_input_t *input;
    gwc_explain_request_t request;
    gateway_router_t *router;
    gateway_router_candidate_t candidates[GWC_CANDIDATES];
    size_t ncandidates;
    gateway_router_match_t match;
    const gwc_route_t *route;
    const gwc_consumer_t *consumer;
    int status; /* answered by the gateway itself; 0: proxied */
    const char *message;
    const char *location;
    bool after_plugins;
    const char *upstream_uri;
    const char *upstream_host;
    gwc_vec_t plugins; /* gwc_plugin_t */
} gwc_explain_t;


static gateway_str_t
gwc_str(gwc_text_t text)
{
    return (gateway_str_t){ text.len ? text.data : "", text.len };
}


static const char *
gwc_fold(const char *name, size_t len)
{
    char *folded = gwc_strndup(name, len);
    char *p;

    for (p = folded; *p != '\0'; p++) {
        *p = *p == '-' ? '_' : (char) tolower((unsigned char) *p);
    }

    return folded;
}


static int
gwc_explain_header(void *data, const gateway_str_t *name, size_t i,
                   gateway_str_t *value)
{
    const gwc_explain_request_t *request = data;
    size_t k;

    for (k = 0; k < request->headers.n; k++) {
        const gwc_explain_header_t *header = request->headers.items[k];

        if (strlen(header->folded) == name->len
            && memcmp(header->folded, name->data, name->len) == 0 && i-- == 0)
        {
            *value = header->value;
            return 1;
        }
    }

    return 0;
}


static bool
gwc_explain_get(gwc_explain_request_t *request, const char *folded,
                gateway_str_t *value)
{
    gateway_str_t name = { folded, strlen(folded) };

    return gwc_explain_header(request, &name, 0, value);
}


static bool
gwc_explain_take_headers(gwc_explain_request_t *request,
                         const gwc_options_t *options)
{
    size_t i;

    for (i = 0; i < options->nheaders; i++) {
        gwc_explain_header_t *header = gwc_alloc(sizeof(*header));
        const char *colon = strchr(options->headers[i], ':');
        const char *value;
        size_t len;

        if (colon == NULL || colon == options->headers[i]) {
            fprintf(stderr, "ngx-gateway: -H '%s': expected 'Name: value'\n",
                    options->headers[i]);
            return false;
        }

        value = colon + 1 + strspn(colon + 1, " \t");
        len = strlen(value);

        while (len && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
            len--;
        }

        header->folded = gwc_fold(options->headers[i],
                                  (size_t) (colon - options->headers[i]));
        header->value = (gateway_str_t){ value, len };
        gwc_vec_push(&request->headers, header);
    }

    return true;
}


/* host[:port] */
static bool
gwc_explain_split_host(gwc_explain_request_t *request)
{
    const char *data = request->authority.data;
    size_t len = request->authority.len;
    const char *end, *colon;
    char *stop;
    long port;

    end = data + len;
    colon = NULL;

    if (len && data[0] == '[') {
        const char *bracket = memchr(data, ']', len);

        if (bracket == NULL) {
            return false;
        }

        colon = bracket + 1 < end ? bracket + 1 : NULL;

    } else if (len) {
        colon = memchr(data, ':', len);
    }

    request->host = request->authority;

    if (colon == NULL) {
        return true;
    }

    request->host.len = (size_t) (colon - data);
    port =
        strtol(gwc_strndup(colon + 1, (size_t) (end - colon - 1)), &stop, 10);

    if (*colon != ':' || *stop != '\0' || port < 1 || port > 65535) {
        return false;
    }

    request->port = (int) port;

    return true;
}


static bool
gwc_explain_split_url(gwc_explain_request_t *request, const char *url)
{
    const char *p = url;
    size_t len;

    request->scheme = "http";

    if (strncmp(url, "http://", 7) == 0) {
        p = url + 7;

    } else if (strncmp(url, "https://", 8) == 0) {
        request->scheme = "https";
        p = url + 8;

    } else if (url[0] != '/') {
        return false;
    }

    if (p != url) {
        len = strcspn(p, "/?#");
        request->authority = (gwc_text_t){ p, len };
        p += len;

        if (len == 0 || !gwc_explain_split_host(request)) {
            return false;
        }

    } else {
        request->authority = (gwc_text_t){ "", 0 };
        request->host = request->authority;
    }

    /* a client does not send the fragment */
    len = strcspn(p, "#");
    request->target =
        p[0] == '/' ? gwc_strndup(p, len) : gwc_sprintf("/%.*s", (int) len, p);

    request->path_len = 1 + strcspn(request->target + 1, "?");

    return true;
}


/* the port of the listener that such a client would connect to */
static int
gwc_explain_listen(const gwc_explain_request_t *request,
                   const gwc_settings_t *settings)
{
    bool tls = strcmp(request->scheme, "https") == 0;
    size_t i;

    if (request->port) {
        return request->port;
    }

    for (i = 0; i < settings->proxy_listen.n; i++) {
        const gwc_listen_t *listen = settings->proxy_listen.items[i];

        if (listen->ssl == tls) {
            return listen->port;
        }
    }

    return tls ? 443 : 80;
}


static bool
gwc_text_is_ip(gwc_text_t text)
{
    unsigned char ip[16];
    const char *copy = gwc_strndup(text.len ? text.data : "", text.len);

    return copy[0] == '[' || inet_pton(AF_INET, copy, ip) == 1;
}


static void
gwc_explain_fill(gwc_explain_request_t *request, const gwc_options_t *options,
                 const gwc_settings_t *settings)
{
    gateway_router_request_t *match = &request->match;
    gateway_str_t value;

    request->listen = gwc_explain_listen(request, settings);

    match->method =
        (gateway_str_t){ options->method, strlen(options->method) };
    match->port =
        (uint16_t) gwc_settings_public_port(settings, request->listen);
    match->tls = strcmp(request->scheme, "https") == 0;
    match->host = gwc_str(request->authority);
    match->sni = (gateway_str_t){ "", 0 };

    if (match->tls && !gwc_text_is_ip(request->host)) {
        match->sni = gwc_str(request->host);
    }

    if (gwc_explain_get(request, "host", &value)) {
        match->host = value;
    }

    match->header = gwc_explain_header;
    match->header_data = request;
    request->https = match->tls;
}


/* false when the gateway refuses the target */
static bool
gwc_explain_normalize(gwc_explain_t *explain)
{
    gwc_explain_request_t *request = &explain->request;
    char *path = gwc_alloc(request->path_len + 1);
    ptrdiff_t len;

    len = gateway_path_normalize(path, request->target, request->path_len);

    if (len < 0
        && strcmp(gwc_settings_get(explain->input->settings,
                                   "encoded_dot_segments"),
                  "forward")
               == 0)
    {
        len = gateway_path_normalize_lax(path, request->target,
                                         request->path_len);
    }

    if (len < 0) {
        explain->status = 400;
        explain->message = "Bad request";
        return false;
    }

    request->path = (gateway_str_t){ path, (size_t) len };
    request->match.path = request->path;

    return true;
}


static void *
gwc_explain_alloc(void *data, size_t size)
{
    (void) data;

    return gwc_alloc(size);
}


static const gateway_str_t *
gwc_explain_strings(gwc_list_t list)
{
    gateway_str_t *strings = gwc_alloc_array(list.n + 1, sizeof(*strings));
    size_t i;

    for (i = 0; i < list.n; i++) {
        strings[i] = gwc_str(GWC_ITEM(list, gwc_str_t, i)->v);
    }

    return strings;
}


static bool
gwc_explain_add(gateway_router_t *router, gwc_route_t *route)
{
    gateway_router_header_t *headers;
    gateway_router_route_t add = { 0 };
    char err[512];
    size_t i;

    (void) gateway_uuid_parse(add.id, route->e.id, strlen(route->e.id));

    add.methods = gwc_explain_strings(route->methods);
    add.nmethods = route->methods.n;
    add.hosts = gwc_explain_strings(route->hosts);
    add.nhosts = route->hosts.n;
    add.paths = gwc_explain_strings(route->paths);
    add.npaths = route->paths.n;
    add.snis = gwc_explain_strings(route->snis);
    add.nsnis = route->snis.n;
    add.regex_priority = gwc_int_or(route->regex_priority, 0);
    add.data = route;

    headers = gwc_alloc_array(route->headers.n + 1, sizeof(*headers));

    for (i = 0; i < route->headers.n; i++) {
        const gwc_header_t *header = GWC_ITEM(route->headers, gwc_header_t, i);

        headers[i].name = gwc_str(header->key.v);
        headers[i].values = gwc_explain_strings(header->values);
        headers[i].nvalues = header->values.n;
    }

    add.headers = headers;
    add.nheaders = route->headers.n;

    if (gateway_router_add(router, &add, err, sizeof(err)) != 0) {
        gwc_error(route->e.record.node, "%s", err);
        return false;
    }

    return true;
}


static gateway_router_t *
gwc_explain_router(const gwc_input_t *input)
{
    gateway_router_options_t options = { 0 };
    gateway_router_t *router;
    size_t i;

    options.flavor = GATEWAY_ROUTER_TRADITIONAL_COMPATIBLE;
    options.strict =
        strcmp(gwc_settings_get(input->settings, "route_match_calculation"),
               "strict")
        == 0;
    options.alloc = gwc_explain_alloc;
    router = gateway_router_create(&options);

    for (i = 0; router != NULL && i < input->model->routes.n; i++) {
        gwc_route_t *route = input->model->routes.items[i];

        if (gwc_route_is_written(route) && !gwc_explain_add(router, route)) {
            return NULL;
        }
    }

    if (router == NULL || gateway_router_build(router) != 0) {
        gwc_error(NULL, "out of memory");
        return NULL;
    }

    return router;
}


static bool
gwc_route_has(const gwc_route_t *route, const char *protocol)
{
    size_t i;

    for (i = 0; i < route->protocols.n; i++) {
        if (gwc_text_is(GWC_ITEM(route->protocols, gwc_str_t, i)->v, protocol))
        {
            return true;
        }
    }

    return false;
}


static void
gwc_explain_https(gwc_explain_t *explain)
{
    const gwc_explain_request_t *request = &explain->request;
    gateway_str_t host = request->match.host;
    const char *colon;
    char *p, *name;

    explain->status =
        (int) gwc_int_or(explain->route->https_redirect_status_code, 426);

    if (explain->status == 426) {
        explain->message = "Please use HTTPS protocol";
        return;
    }

    colon = memchr(host.data, ':', host.len);

    if (colon != NULL && host.data[0] != '[') {
        host.len = (size_t) (colon - host.data);
    }

    name = gwc_strndup(host.data, host.len);

    for (p = name; *p != '\0'; p++) {
        *p = (char) tolower((unsigned char) *p);
    }

    explain->message = "";
    explain->location = gwc_sprintf("https://%s%s", name, request->target);
}


/* router.md 5: what is answered without asking any plugin */
static void
gwc_explain_answers(gwc_explain_t *explain)
{
    const gwc_route_t *route = explain->route;
    gwc_explain_request_t *request = &explain->request;
    gateway_str_t type;

    if (gwc_route_has(route, "https") && !gwc_route_has(route, "http")
        && !request->https)
    {
        gwc_explain_https(explain);
        return;
    }

    if (!gwc_route_has(route, "grpc") && !gwc_route_has(route, "grpcs")) {
        return;
    }

    /* a client of gRPC speaks HTTP/2 */
    if (!gwc_explain_get(request, "content_type", &type)
        || type.len < sizeof("application/grpc") - 1
        || memcmp(type.data, "application/grpc",
                  sizeof("application/grpc") - 1)
               != 0)
    {
        explain->status = 415;
        explain->message = "Non-gRPC request matched gRPC route";

    } else if (!gwc_route_has(route, "grpc") && !request->https) {
        explain->status = 200;
        explain->message = "gRPC request matched gRPCs route";
    }
}


static const char *
gwc_explain_host(const gwc_explain_t *explain, const gwc_service_t *service)
{
    const gwc_route_t *route = explain->route;
    bool tls, plain;
    int64_t port;

    if (gwc_bool_or(route->preserve_host, false)) {
        return gwc_strndup(explain->request.match.host.data,
                           explain->request.match.host.len);
    }

    if (service->upstream != NULL) {
        return service->upstream->host_header.set
                   ? gwc_strndup(service->upstream->host_header.v.data,
                                 service->upstream->host_header.v.len)
                   : "the chosen target's";
    }

    tls = gwc_text_is(service->protocol.v, "https")
          || gwc_text_is(service->protocol.v, "grpcs");
    port = gwc_int_or(service->port, 80);
    plain = port == (tls ? 443 : 80);

    return plain ? gwc_strndup(service->host.v.data, service->host.v.len)
                 : gwc_sprintf("%.*s:%lld", (int) service->host.v.len,
                               service->host.v.data, (long long) port);
}


static void
gwc_explain_upstream(gwc_explain_t *explain)
{
    const gwc_service_t *service = explain->route->owner;
    const gwc_explain_request_t *request = &explain->request;
    const gwc_route_t *route = explain->route;
    gateway_str_t path;
    char *escaped, *raw;
    bool grpc;
    size_t len;

    grpc = gwc_text_is(service->protocol.v, "grpc")
           || gwc_text_is(service->protocol.v, "grpcs");

    path = service->path.set ? gwc_str(service->path.v)
                             : (gateway_str_t){ "", 0 };
    raw = gwc_alloc(path.len + request->path.len + 2);

    if (grpc) {
        len = request->path.len;
        memcpy(raw, request->path.data, len);

    } else {
        len = gateway_path_upstream(raw, &path, &request->path,
                                    explain->match.matched,
                                    explain->match.path != NULL,
                                    gwc_bool_or(route->strip_path, true), 0);
    }

    escaped = gwc_alloc(3 * len + 1);
    len = gateway_path_escape(escaped, raw, len);
    escaped[len] = '\0';

    explain->upstream_uri =
        gwc_sprintf("%s%s", escaped, request->target + request->path_len);
    explain->upstream_host = gwc_explain_host(explain, service);
}


static bool
gwc_explain_consumer(gwc_explain_t *explain, const char *name)
{
    const gwc_model_t *model = explain->input->model;
    size_t i;

    if (name == NULL) {
        return true;
    }

    for (i = 0; i < model->consumers.n; i++) {
        const gwc_consumer_t *consumer = model->consumers.items[i];

        if ((consumer->username.set && gwc_text_is(consumer->username.v, name))
            || strcmp(consumer->e.id, name) == 0)
        {
            explain->consumer = consumer;
            return true;
        }
    }

    fprintf(stderr, "ngx-gateway: --consumer %s: there is no such consumer\n",
            name);

    return false;
}


static bool
gwc_explain_match(gwc_explain_t *explain)
{
    gateway_router_request_t *request = &explain->request.match;
    int found;

    explain->ncandidates = gateway_router_candidates(
        explain->router, request, explain->candidates, GWC_CANDIDATES);

    if (explain->ncandidates > GWC_CANDIDATES) {
        explain->ncandidates = GWC_CANDIDATES;
    }

    found = gateway_router_match(explain->router, request, &explain->match);

    if (found < 0) {
        explain->status = 500;
        explain->message = "An unexpected error occurred";
        return false;
    }

    if (found == 0) {
        explain->status = 404;
        explain->message = "no Route matched with those values";
        return false;
    }

    explain->route = explain->match.route;

    return true;
}


static void
gwc_explain_run(gwc_explain_t *explain)
{
    const gwc_service_t *service;

    if (gwc_explain_normalize(explain) && gwc_explain_match(explain)) {
        gwc_explain_answers(explain);
    }

    /* global instances see what is answered before plugins are chosen */
    if (explain->status) {
        gwc_resolve_chain(&explain->plugins, explain->input->model, NULL, NULL,
                          NULL);
        return;
    }

    service = explain->route->owner;
    gwc_resolve_chain(&explain->plugins, explain->input->model, explain->route,
                      service, explain->consumer);

    if (service == NULL) {
        explain->status = 503;
        explain->message = "no Service found with those values";
        explain->after_plugins = true;
        return;
    }

    gwc_explain_upstream(explain);
}


static const char *
gwc_explain_name(const gwc_entity_t *entity, gwc_str_t name)
{
    gwc_text_t text = gwc_name_of(entity, name);

    return gwc_strndup(text.data, text.len);
}


static const char *
gwc_explain_place(const gwc_node_t *node)
{
    return node != NULL ? gwc_sprintf("%s:%u", node->file, node->line) : "";
}


static const char *
gwc_explain_pattern(const gateway_str_t *path)
{
    return path != NULL ? gwc_strndup(path->data, path->len) : NULL;
}


/* the best candidate of each other route, and why it lost */
static size_t
gwc_explain_next(const gwc_explain_t *explain, size_t i)
{
    size_t k;

    for (; i < explain->ncandidates; i++) {
        for (k = 0; k < i; k++) {
            if (explain->candidates[k].route == explain->candidates[i].route) {
                break;
            }
        }

        if (k == i) {
            return i;
        }
    }

    return i;
}


static const char *
gwc_explain_reason(const gwc_explain_t *explain, size_t i)
{
    return gateway_router_reason(explain->router, &explain->candidates[0],
                                 &explain->candidates[i]);
}


static void
gwc_explain_print_plugins(const gwc_explain_t *explain)
{
    size_t i;

    if (explain->plugins.n == 0) {
        printf("plugins   none\n");
        return;
    }

    printf("plugins   in this order%s:\n",
           explain->status && !explain->after_plugins
               ? " (global ones only, and not their access part)"
               : "");

    for (i = 0; i < explain->plugins.n; i++) {
        const gwc_plugin_t *plugin = explain->plugins.items[i];

        printf("          %-24.*s %-22s %s\n", (int) plugin->name.v.len,
               plugin->name.v.data, gwc_scope_name(plugin),
               gwc_explain_place(plugin->e.record.node));
    }
}


static void
gwc_explain_print_route(const gwc_explain_t *explain)
{
    const gwc_route_t *route = explain->route;
    const char *pattern;
    size_t i;

    if (route == NULL) {
        printf("route     none\n");
        return;
    }

    pattern = gwc_explain_pattern(explain->match.path);

    printf("route     %s (%s)%s%s\n", gwc_explain_name(&route->e, route->name),
           gwc_explain_place(route->e.record.node), pattern ? " by path " : "",
           pattern ? pattern : "");

    for (i = gwc_explain_next(explain, 1); i < explain->ncandidates;
         i = gwc_explain_next(explain, i + 1))
    {
        const gwc_route_t *other = explain->candidates[i].route;

        printf("  before  %s (%s): %s\n",
               gwc_explain_name(&other->e, other->name),
               gwc_explain_place(other->e.record.node),
               gwc_explain_reason(explain, i));
    }

    if (route->owner != NULL) {
        printf("service   %s (%s)\n",
               gwc_explain_name(&route->owner->e, route->owner->name),
               gwc_explain_place(route->owner->e.record.node));
    }
}


static void
gwc_explain_print(const gwc_explain_t *explain, const gwc_options_t *options)
{
    const gwc_service_t *service;

    gwc_explain_print_route(explain);
    gwc_explain_print_plugins(explain);

    if (explain->status) {
        printf("answer    %d%s%s%s%s%s\n", explain->status,
               explain->message[0] ? " " : "", explain->message,
               explain->location ? " Location: " : "",
               explain->location ? explain->location : "",
               explain->after_plugins ? " (after the plugins)" : "");
        return;
    }

    service = explain->route->owner;

    if (service->upstream != NULL) {
        printf("upstream  %s %s to upstream %.*s by %.*s, Host: %s\n",
               options->method, explain->upstream_uri,
               (int) service->host.v.len, service->host.v.data,
               (int) service->protocol.v.len, service->protocol.v.data,
               explain->upstream_host);

    } else {
        printf("upstream  %s %.*s://%.*s:%lld%s, Host: %s\n", options->method,
               (int) service->protocol.v.len, service->protocol.v.data,
               (int) service->host.v.len, service->host.v.data,
               (long long) gwc_int_or(service->port, 80),
               explain->upstream_uri, explain->upstream_host);
    }
}


/* names may hold any byte that YAML allows, JSON only UTF-8 */
static json_t *
gwc_explain_json_text(const char *text)
{
    json_t *json = json_string(text);

    return json != NULL ? json : json_null();
}


static json_t *
gwc_explain_json_entity(const gwc_entity_t *entity, gwc_str_t name)
{
    json_t *json = json_object();

    json_object_set_new(
        json, "name",
        name.set ? gwc_explain_json_text(gwc_strndup(name.v.data, name.v.len))
                 : json_null());
    json_object_set_new(json, "id", json_string(entity->id));
    json_object_set_new(
        json, "source",
        gwc_explain_json_text(gwc_explain_place(entity->record.node)));

    return json;
}


static json_t *
gwc_explain_json_rivals(const gwc_explain_t *explain)
{
    json_t *list = json_array();
    size_t i;

    for (i = gwc_explain_next(explain, 1); i < explain->ncandidates;
         i = gwc_explain_next(explain, i + 1))
    {
        const gwc_route_t *route = explain->candidates[i].route;
        json_t *json = gwc_explain_json_entity(&route->e, route->name);

        json_object_set_new(
            json, "lost_on",
            gwc_explain_json_text(gwc_explain_reason(explain, i)));
        json_array_append_new(list, json);
    }

    return list;
}


static json_t *
gwc_explain_json_plugins(const gwc_explain_t *explain)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < explain->plugins.n; i++) {
        const gwc_plugin_t *plugin = explain->plugins.items[i];
        json_t *json = gwc_explain_json_entity(&plugin->e, plugin->name);

        json_object_set_new(json, "scope",
                            json_string(gwc_scope_name(plugin)));
        json_object_set_new(json, "priority",
                            json_integer(plugin->rule->priority));
        json_array_append_new(list, json);
    }

    return list;
}


static json_t *
gwc_explain_json_answer(const gwc_explain_t *explain)
{
    json_t *json;

    if (explain->status == 0) {
        return json_null();
    }

    json = json_object();
    json_object_set_new(json, "status", json_integer(explain->status));
    json_object_set_new(json, "message", json_string(explain->message));
    json_object_set_new(json, "after_plugins",
                        json_boolean(explain->after_plugins));

    if (explain->location != NULL) {
        json_object_set_new(json, "location",
                            gwc_explain_json_text(explain->location));
    }

    return json;
}


static json_t *
gwc_explain_json_upstream(const gwc_explain_t *explain)
{
    const gwc_service_t *service;
    json_t *json;

    if (explain->upstream_uri == NULL || explain->route == NULL) {
        return json_null();
    }

    service = explain->route->owner;
    json = json_object();
    json_object_set_new(json, "uri",
                        gwc_explain_json_text(explain->upstream_uri));
    json_object_set_new(
        json, "protocol",
        gwc_explain_json_text(
            gwc_strndup(service->protocol.v.data, service->protocol.v.len)));
    json_object_set_new(json, "host",
                        gwc_explain_json_text(gwc_strndup(
                            service->host.v.data, service->host.v.len)));
    json_object_set_new(json, "host_header",
                        gwc_explain_json_text(explain->upstream_host));

    if (service->upstream == NULL) {
        json_object_set_new(json, "port",
                            json_integer(gwc_int_or(service->port, 80)));
    }

    return json;
}


static void
gwc_explain_print_json(const gwc_explain_t *explain)
{
    const gwc_route_t *route = explain->route;
    json_t *json = json_object();
    json_t *entity;
    char *text;

    if (route != NULL) {
        const char *pattern = gwc_explain_pattern(explain->match.path);

        entity = gwc_explain_json_entity(&route->e, route->name);
        json_object_set_new(entity, "path",
                            pattern ? gwc_explain_json_text(pattern)
                                    : json_null());
        json_object_set_new(json, "route", entity);

    } else {
        json_object_set_new(json, "route", json_null());
    }

    json_object_set_new(json, "runners_up", gwc_explain_json_rivals(explain));

    if (route != NULL && route->owner != NULL) {
        entity = gwc_explain_json_entity(&route->owner->e, route->owner->name);

    } else {
        entity = json_null();
    }

    json_object_set_new(json, "service", entity);
    json_object_set_new(json, "plugins", gwc_explain_json_plugins(explain));
    json_object_set_new(json, "upstream", gwc_explain_json_upstream(explain));
    json_object_set_new(json, "answer", gwc_explain_json_answer(explain));

    text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);

    if (text != NULL) {
        puts(text);
    }

    free(text);
}


int
gwc_command_explain(gwc_options_t *options)
{
    gwc_explain_t *explain = gwc_alloc(sizeof(gwc_explain_t));
    gwc_input_t input;
    int status;

    if (!gwc_explain_split_url(&explain->request, options->url)) {
        fprintf(stderr,
                "ngx-gateway: \"%s\": expected http://host/path, "
                "https://host/path or /path\n",
                options->url);
        return GWC_EXIT_USAGE;
    }

    if (!gwc_explain_take_headers(&explain->request, options)) {
        return GWC_EXIT_USAGE;
    }

    status = gwc_input_read(&input, options);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    explain->input = &input;

    if (!gwc_explain_consumer(explain, options->consumer)) {
        return GWC_EXIT_USAGE;
    }

    explain->router = gwc_explain_router(&input);

    if (explain->router == NULL) {
        return gwc_finish();
    }

    gwc_explain_fill(&explain->request, options, input.settings);
    gwc_explain_run(explain);
    status = gwc_finish();

    if (options->json) {
        gwc_explain_print_json(explain);

    } else {
        gwc_explain_print(explain, options);
    }

    gateway_router_free(explain->router);

    return status;
}
