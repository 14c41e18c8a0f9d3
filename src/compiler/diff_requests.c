/*
 * Copyright (C) the ngx_gateway authors
 *
 * Requests that another route gets: examples of what each route matches run
 * through the routers of both sides.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "diff.h"

/* a route with more hosts or paths is judged by the first ones */
#define GWC_EXAMPLES_ROUTE 24
/* so many are told */
#define GWC_EXAMPLES_SHOWN 3

static const char gwc_any_host[] = "any.invalid";

typedef struct {
    gateway_str_t name; /* lower case, "_" for "-" */
    gateway_str_t value;
} gwc_example_header_t;

/* a request that a route should match */
typedef struct {
    const gwc_route_t *route;
    const char *method;
    const char *host;
    bool any_host;
    const char *path; /* normal form */
    const char *sni;
    bool tls;
    gwc_vec_t headers; /* gwc_example_header_t */
    gwc_vec_t lines;   /* char *: the same as they are sent */
} gwc_sketch_t;

typedef struct {
    gwc_diff_t *diff;
    gwc_map_t *known; /* pair of routes -> gwc_move_t */
    gwc_map_t *tried; /* requests that were compared */
} gwc_requests_t;


static const char *
gwc_item_text(gwc_list_t list, size_t i)
{
    gwc_text_t text = GWC_ITEM(list, gwc_str_t, i % list.n)->v;

    return gwc_strndup(text.data, text.len);
}


/* "*.example.com" and "example.*" */
static const char *
gwc_sketch_host(const char *host)
{
    size_t len = strlen(host);
    const char *star = strchr(host, '*');

    if (star == NULL) {
        return host;
    }

    return star == host ? gwc_sprintf("www%s", host + 1)
                        : gwc_sprintf("%.*scom%s", (int) (star - host), host,
                                      len ? star + 1 : "");
}


static bool
gwc_sketch_header(gwc_sketch_t *sketch, const gwc_header_t *header)
{
    gwc_example_header_t *sent = gwc_alloc(sizeof(gwc_example_header_t));
    char *name = gwc_strndup(header->key.v.data, header->key.v.len);
    const char *value;
    char *p;

    if (header->values.n == 0) {
        return true;
    }

    value = gwc_item_text(header->values, 0);

    if (strncmp(value, "~*", 2) == 0) {
        value = gwc_diff_sample(value + 2, strlen(value) - 2);
    }

    if (value == NULL) {
        return false;
    }

    gwc_vec_push(&sketch->lines, gwc_sprintf("%s: %s", name, value));

    for (p = name; *p != '\0'; p++) {
        *p = *p == '-' ? '_' : (char) tolower((unsigned char) *p);
    }

    sent->name = (gateway_str_t){ name, strlen(name) };
    sent->value = (gateway_str_t){ value, strlen(value) };
    gwc_vec_push(&sketch->headers, sent);

    return true;
}


static bool
gwc_route_is_plain(const gwc_route_t *route)
{
    size_t i;

    for (i = 0; i < route->protocols.n; i++) {
        gwc_text_t protocol = GWC_ITEM(route->protocols, gwc_str_t, i)->v;

        if (gwc_text_is(protocol, "http") || gwc_text_is(protocol, "grpc")) {
            return true;
        }
    }

    return route->protocols.n == 0;
}


/* the i-th example of the route; below: not the path itself but under it */
static bool
gwc_sketch_make(gwc_sketch_t *sketch, const gwc_route_t *route, size_t i,
                bool below)
{
    const char *path = "/";
    size_t k, len;

    memset(sketch, 0, sizeof(*sketch));
    sketch->route = route;
    sketch->any_host = route->hosts.n == 0;
    sketch->host = sketch->any_host
                       ? gwc_any_host
                       : gwc_sketch_host(gwc_item_text(route->hosts, i));
    sketch->method =
        route->methods.n ? gwc_item_text(route->methods, i) : "GET";
    sketch->sni =
        route->snis.n ? gwc_sketch_host(gwc_item_text(route->snis, i)) : "";
    sketch->tls = route->snis.n || !gwc_route_is_plain(route);

    if (route->paths.n) {
        path = gwc_item_text(route->paths, i);
    }

    if (path[0] == '~') {
        path = below ? NULL : gwc_diff_sample(path + 1, strlen(path) - 1);
    }

    if (path == NULL || path[0] != '/') {
        return false;
    }

    len = strlen(path);
    sketch->path =
        below ? gwc_sprintf("%s%sx", path, path[len - 1] == '/' ? "" : "/")
              : path;

    for (k = 0; k < route->headers.n; k++) {
        if (!gwc_sketch_header(sketch,
                               GWC_ITEM(route->headers, gwc_header_t, k))) {
            return false;
        }
    }

    return true;
}


static int
gwc_sketch_get(void *data, const gateway_str_t *name, size_t i,
               gateway_str_t *value)
{
    const gwc_sketch_t *sketch = data;
    size_t k;

    for (k = 0; k < sketch->headers.n; k++) {
        const gwc_example_header_t *header = sketch->headers.items[k];

        if (header->name.len == name->len
            && memcmp(header->name.data, name->data, name->len) == 0
            && i-- == 0)
        {
            *value = header->value;
            return 1;
        }
    }

    return 0;
}


static gateway_str_t
gwc_router_str(const char *text)
{
    return (gateway_str_t){ text, strlen(text) };
}


/* false: the router failed, nobody knows */
static bool
gwc_sketch_winner(gwc_sketch_t *sketch, const gateway_router_t *router,
                  const gwc_route_t **winner)
{
    gateway_router_request_t request = { 0 };
    gateway_router_match_t match;
    const char *colon = strrchr(sketch->host, ':');
    int found;

    request.method = gwc_router_str(sketch->method);
    request.host = gwc_router_str(sketch->host);
    request.path = gwc_router_str(sketch->path);
    request.sni = gwc_router_str(sketch->sni);
    request.tls = sketch->tls;
    request.port = sketch->tls ? 443 : 80;
    request.header = gwc_sketch_get;
    request.header_data = sketch;

    if (colon != NULL && colon[1] >= '0' && colon[1] <= '9') {
        unsigned port = 0;

        for (colon++; *colon >= '0' && *colon <= '9' && port < 65536; colon++)
        {
            port = 10 * port + (unsigned) (*colon - '0');
        }

        request.port = (uint16_t) port;
    }

    found = gateway_router_match(router, &request, &match);
    *winner = found == 1 ? match.route : NULL;

    return found >= 0;
}


/* as somebody would type it */
static gwc_example_t *
gwc_sketch_example(const gwc_sketch_t *sketch)
{
    gwc_example_t *example = gwc_alloc(sizeof(gwc_example_t));
    size_t len = strlen(sketch->path);
    char *escaped = gwc_alloc(3 * len + 1);

    escaped[gateway_path_escape(escaped, sketch->path, len)] = '\0';

    example->method = sketch->method;
    example->headers = sketch->lines;
    example->url =
        sketch->any_host && !sketch->tls
            ? escaped
            : gwc_sprintf("%s://%s%s", sketch->tls ? "https" : "http",
                          sketch->any_host && sketch->sni[0] != '\0'
                              ? sketch->sni
                              : sketch->host,
                          escaped);

    return example;
}


static gwc_move_t *
gwc_move_get(gwc_requests_t *requests, const gwc_route_t *old,
             const gwc_route_t *new)
{
    const void *pair[2] = { old, new };
    gwc_text_t key = { gwc_strndup((const char *) pair, sizeof(pair)),
                       sizeof(pair) };
    gwc_move_t *move = gwc_map_get(requests->known, key);

    if (move == NULL) {
        move = gwc_alloc(sizeof(gwc_move_t));
        move->old = old;
        move->new = new;
        (void) gwc_map_add(requests->known, key, move);
        gwc_vec_push(&requests->diff->moves, move);
    }

    return move;
}


/* what the list of routes says already is not said again */
static bool
gwc_move_is_news(const gwc_diff_t *diff, const gwc_route_t *old,
                 const gwc_route_t *new)
{
    const gwc_entity_t *partner =
        old != NULL ? gwc_diff_partner(diff, &old->e) : NULL;

    if (old == NULL && new == NULL) {
        return false;
    }

    if (old == NULL) {
        return gwc_diff_origin(diff, &new->e) != NULL;
    }

    if (new == NULL) {
        return partner != NULL;
    }

    return partner != &new->e;
}


static bool
gwc_sketch_is_new(const gwc_requests_t *requests, const gwc_sketch_t *sketch)
{
    gwc_buf_t key = { 0 };
    size_t i;

    gwc_buf_printf(&key, "%s %d %s %s %s", sketch->method, sketch->tls,
                   sketch->sni, sketch->host, sketch->path);

    for (i = 0; i < sketch->lines.n; i++) {
        gwc_buf_printf(&key, "\n%s", (const char *) sketch->lines.items[i]);
    }

    return gwc_map_add(requests->tried, (gwc_text_t){ key.data, key.len },
                       requests->diff)
           == NULL;
}


static void
gwc_diff_sketch(gwc_requests_t *requests, gwc_sketch_t *sketch, bool old_side)
{
    gwc_diff_t *diff = requests->diff;
    const gwc_route_t *old, *new;
    gwc_move_t *move;

    if (!gwc_sketch_winner(sketch, diff->old.router, &old)
        || !gwc_sketch_winner(sketch, diff->new.router, &new))
    {
        return;
    }

    /* it is no example of a route that does not get it */
    if ((old_side ? old : new) != sketch->route
        || !gwc_move_is_news(diff, old, new)
        || !gwc_sketch_is_new(requests, sketch))
    {
        return;
    }

    move = gwc_move_get(requests, old, new);

    if (move->examples.n < GWC_EXAMPLES_SHOWN) {
        gwc_vec_push(&move->examples, gwc_sketch_example(sketch));
    }
}


static size_t
gwc_max(size_t a, size_t b)
{
    return a > b ? a : b;
}


/* any method will do: not only the one of most examples */
static void
gwc_diff_other_method(gwc_requests_t *requests, const gwc_route_t *route,
                      bool old_side)
{
    gwc_sketch_t *sketch = gwc_alloc(sizeof(gwc_sketch_t));

    if (route->methods.n == 0 && gwc_sketch_make(sketch, route, 0, false)) {
        sketch->method = "POST";
        gwc_diff_sketch(requests, sketch, old_side);
    }
}


static void
gwc_diff_route_requests(gwc_requests_t *requests, const gwc_route_t *route,
                        bool old_side)
{
    size_t i, n;

    if (!gwc_route_is_written(route) || route->expression.set) {
        return;
    }

    n = gwc_max(gwc_max(route->hosts.n, route->paths.n),
                gwc_max(route->methods.n, route->snis.n));
    n = n == 0 ? 1 : n;

    for (i = 0; i < n && i < GWC_EXAMPLES_ROUTE; i++) {
        gwc_sketch_t *sketch = gwc_alloc(sizeof(gwc_sketch_t));

        if (gwc_sketch_make(sketch, route, i, false)) {
            gwc_diff_sketch(requests, sketch, old_side);
        }

        sketch = gwc_alloc(sizeof(gwc_sketch_t));

        if (gwc_sketch_make(sketch, route, i, true)) {
            gwc_diff_sketch(requests, sketch, old_side);
        }
    }

    gwc_diff_other_method(requests, route, old_side);
}


void
gwc_diff_requests(gwc_diff_t *diff)
{
    gwc_requests_t requests = { diff, gwc_map_create(), gwc_map_create() };
    const gwc_vec_t *olds = &diff->old.input.model->routes;
    const gwc_vec_t *news = &diff->new.input.model->routes;
    size_t i;

    for (i = 0; i < olds->n; i++) {
        gwc_diff_route_requests(&requests, olds->items[i], true);
    }

    for (i = 0; i < news->n; i++) {
        gwc_diff_route_requests(&requests, news->items[i], false);
    }
}
