/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command explain: what happens to a request, by the code that runs in
 * the gateway itself.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entities.h"
#include "explain.h"
#include "gateway_expression.h"
#include "gateway_uuid.h"


static gateway_str_t
gwc_str(gwc_text_t text)
{
    return (gateway_str_t){ text.len ? text.data : "", text.len };
}


const char *
gwc_explain_fold(const char *name, size_t len)
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


bool
gwc_explain_get(gwc_explain_request_t *request, const char *folded,
                gateway_str_t *value)
{
    gateway_str_t name = { folded, strlen(folded) };

    return gwc_explain_header(request, &name, 0, value);
}


static int
gwc_explain_query(void *data, gateway_str_t *query)
{
    const gwc_explain_request_t *request = data;

    query->data = request->target + request->path_len;
    query->len = strlen(query->data);

    if (query->len == 0) {
        return 0;
    }

    /* without the "?" */
    query->data++;
    query->len--;

    return query->len > 0;
}


static int
gwc_explain_from_port(void *data, int destination, int64_t *port)
{
    const gwc_explain_request_t *request = data;

    *port = request->from_port;

    return !destination && request->from_port != 0;
}


static int
gwc_explain_from_address(void *data, int destination,
                         gateway_address_t *address)
{
    const gwc_explain_request_t *request = data;

    *address = request->address;

    return !destination && request->from;
}


static const gateway_router_facts_t gwc_explain_facts = {
    gwc_explain_query, gwc_explain_from_port, gwc_explain_from_address
};


/* ADDRESS, ADDRESS:PORT or [IPV6]:PORT */
static bool
gwc_explain_take_from(gwc_explain_request_t *request, const char *from)
{
    const char *end, *colon;
    unsigned bits;
    long port;

    if (from == NULL) {
        return true;
    }

    end = from + strlen(from);
    colon = strrchr(from, ':');

    if (from[0] == '[') {
        const char *close = strchr(from, ']');

        colon = close != NULL && close[1] == ':' ? close + 1 : NULL;
        end = close != NULL ? close : end;
        from++;

    } else if (colon != NULL && strchr(from, ':') == colon) {
        end = colon;

    } else {
        colon = NULL;
    }

    if (colon != NULL) {
        port = gwc_small_number((gwc_text_t){ colon + 1, strlen(colon + 1) },
                                65535);

        if (port < 1) {
            return false;
        }

        request->from_port = (int) port;
    }

    request->from = gateway_address_parse(&request->address, &bits, from,
                                          (size_t) (end - from))
                        == 0
                    && bits == request->address.len * 8;

    return request->from;
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

        header->folded = gwc_explain_fold(
            options->headers[i], (size_t) (colon - options->headers[i]));
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
    match->facts = &gwc_explain_facts;
    request->https = match->tls;
    gwc_explain_trust(request, settings);
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


static const gateway_router_endpoint_t *
gwc_explain_endpoints(gwc_list_t list)
{
    gateway_router_endpoint_t *endpoints =
        gwc_alloc_array(list.n + 1, sizeof(*endpoints));
    size_t i;

    for (i = 0; i < list.n; i++) {
        const gwc_endpoint_t *e = GWC_ITEM(list, gwc_endpoint_t, i);

        endpoints[i].ip =
            e->ip.set ? gwc_str(e->ip.v) : (gateway_str_t){ "", 0 };
        endpoints[i].port = e->port.set ? (int32_t) e->port.v : -1;
    }

    return endpoints;
}


/* what only the flavor "expressions" looks at */
static void
gwc_explain_conditions(gateway_router_route_t *add, const gwc_route_t *route)
{
    bool secure = gwc_route_has(route, "https");
    bool grpcs = gwc_route_has(route, "grpcs");

    if (route->expression.set) {
        add->expression = gwc_str(route->expression.v);
        add->priority = (uint64_t) gwc_int_or(route->priority, 0);
    }

    add->sources = gwc_explain_endpoints(route->sources);
    add->nsources = route->sources.n;
    add->destinations = gwc_explain_endpoints(route->destinations);
    add->ndestinations = route->destinations.n;

    /* "https" alone matches http, too, for its redirect or 426 */
    add->http_only = !secure && !grpcs;
    add->https_only = grpcs && !gwc_route_has(route, "grpc");
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
    add.created_at =
        route->e.created_at.set ? (int64_t) route->e.created_at.v : 0;
    add.data = route;
    gwc_explain_conditions(&add, route);

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


gateway_router_t *
gwc_explain_router(const gwc_input_t *input)
{
    gateway_router_options_t options = { 0 };
    gateway_router_t *router;
    size_t i;

    options.flavor = gwc_router_flavor();
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


static void
gwc_explain_https(gwc_explain_t *explain)
{
    gwc_explain_request_t *request = &explain->request;
    gateway_str_t host = request->match.host;
    const char *colon;
    char *p, *name;

    explain->status =
        (int) gwc_int_or(explain->route->https_redirect_status_code, 426);

    if (explain->status == 426) {
        explain->message = "Please use HTTPS protocol";
        return;
    }

    explain->message = "";

    if (request->trusted && gwc_explain_get(request, "x_forwarded_host", &host)
        && host.len)
    {
        explain->location = gwc_sprintf(
            "https://%s%s", gwc_strndup(host.data, host.len), request->target);
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
        len = gateway_path_upstream(
            raw, &path, &request->path, explain->match.matched,
            explain->match.path != NULL || route->expression.set,
            gwc_bool_or(route->strip_path, true),
            gwc_flavor_is("traditional")
                && gwc_text_is(route->path_handling.v, "v1"));
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

    if (!gwc_explain_take_from(&explain->request, options->from)) {
        fprintf(stderr,
                "ngx-gateway: --from %s: expected ADDRESS, ADDRESS:PORT or "
                "[IPV6]:PORT\n",
                options->from);
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
