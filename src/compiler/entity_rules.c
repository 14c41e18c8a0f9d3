/*
 * Copyright (C) the ngx_gateway authors
 *
 * What holds between the fields of one entity.
 */

#include "entities.h"
#include "schema.h"
#include "vault.h"

#include <arpa/inet.h>
#include <string.h>

/* families of protocols that one route may mix */
enum {
    GWC_FAMILY_HTTP = 1,
    GWC_FAMILY_STREAM = 2,
    GWC_FAMILY_PASSTHROUGH = 4,
    GWC_FAMILY_GRPC = 8
};


static bool
gwc_list_has(const gwc_list_t *list, const char *word)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        if (gwc_text_is(GWC_ITEM(*list, gwc_str_t, i)->v, word)) {
            return true;
        }
    }

    return false;
}


/* elements are written, though they may all be bad */
static bool
gwc_given(const gwc_list_t *list)
{
    return list->n > 0
           || (list->node != NULL && list->node->kind != GWC_NODE_NULL
               && (list->node->n > 0
                   || (list->node->kind != GWC_NODE_SEQ
                       && list->node->kind != GWC_NODE_MAP)));
}


bool
gwc_written(const gwc_str_t *value)
{
    return value->set
           || (value->node != NULL && value->node->kind != GWC_NODE_NULL);
}


static bool
gwc_one_of(gwc_text_t text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (gwc_text_is(text, *words)) {
            return true;
        }
    }

    return false;
}


static void
gwc_set_text(gwc_str_t *value, const gwc_node_t *node, const char *data,
             size_t len)
{
    value->node = node;
    value->set = len > 0;
    value->v.data = len > 0 ? gwc_strndup(data, len) : NULL;
    value->v.len = len;
}


/* the URL for messages; with a user's name and password it is not shown */
static const char *
gwc_shown_url(gwc_text_t url)
{
    return memchr(url.data, '@', url.len) != NULL ? "the value"
                                                  : gwc_quoted(url);
}


/*
 * SCHEME://HOST[:PORT][/PATH], or without the scheme "//HOST...".  What it
 * says replaces the fields beside it, the path too.
 */
void
gwc_service_url(gwc_service_t *service)
{
    static const char *const schemes[] = {
        "http", "https",           "grpc", "grpcs", "tcp", "tls",
        "udp",  "tls_passthrough", NULL
    };
    const gwc_node_t *node = service->url.node;
    gwc_text_t url = service->url.v, scheme = { NULL, 0 }, host, path, number;
    const char *p = url.data, *last = url.data + url.len, *at, *colon;
    gwc_field_t field = { .name = "url" };
    gwc_str_t part = { 0 };
    long port = -1;

    at = strstr(p, "//");

    if (at == NULL || (at != p && at[-1] != ':')) {
        gwc_error(node, "%s is no URL, expected PROTOCOL://HOST[:PORT][/PATH]",
                  gwc_shown_url(url));
        return;
    }

    if (at > p) {
        scheme.data = p;
        scheme.len = (size_t) (at - p) - 1;

        if (!gwc_one_of(scheme, schemes)) {
            gwc_error(node, "unknown protocol %s in the URL",
                      gwc_quoted(scheme));
            return;
        }
    }

    p = at + 2;

    for (at = p; at < last && *at != '/' && *at != '?' && *at != '#'; at++) {
    }

    host.data = p;
    host.len = (size_t) (at - p);
    path.data = at;
    path.len = 0;

    while (at < last && *at != '?' && *at != '#') {
        at++;
        path.len++;
    }

    /* user information is dropped */
    at = memchr(host.data, '@', host.len);

    if (at != NULL) {
        host.len -= (size_t) (at + 1 - host.data);
        host.data = at + 1;
    }

    colon = NULL;

    for (at = host.data; at < host.data + host.len; at++) {
        if (*at == ':') {
            colon = at;
        } else if (*at == ']') {
            colon = NULL;
        }
    }

    if (colon != NULL) {
        number.data = colon + 1;
        number.len = (size_t) (host.data + host.len - number.data);
        port = gwc_small_number(number, 65535);

        if (port < 0) {
            gwc_error(node, "%s has no valid port", gwc_shown_url(url));
            return;
        }

        host.len = (size_t) (colon - host.data);
    }

    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
    {
        host.data++;
        host.len -= 2;
    }

    if (host.len == 0) {
        gwc_error(node, "%s has no host", gwc_shown_url(url));
        return;
    }

    if (scheme.len == 0) {
        scheme = port == 443 ? GWC_TEXT("https") : GWC_TEXT("http");
    }

    if (port < 0) {
        port = gwc_text_is(scheme, "https") ? 443 : 80;
    }

    gwc_set_text(&service->protocol, node, scheme.data, scheme.len);
    gwc_set_text(&service->host, node, host.data, host.len);
    gwc_set_text(&service->path, node, path.data, path.len);
    service->port.node = node;
    service->port.set = true;
    service->port.v = port;

    part = service->host;
    gwc_check_host(&field, &part);

    if (service->path.set) {
        part = service->path;
        gwc_check_path(&field, &part);
    }
}


void
gwc_check_service(void *entity)
{
    static const char *const no_path[] = { "tcp",  "tls",   "udp",
                                           "grpc", "grpcs", "tls_passthrough",
                                           NULL };
    static const char *const tls[] = { "https", "tls", NULL };
    gwc_service_t *service = entity;
    const gwc_node_t *node = service->e.record.node;

    if (service->url.set) {
        gwc_service_url(service);

    } else if (!gwc_written(&service->url) && service->host.node == NULL) {
        gwc_error(node, "required field missing: \"host\"");
        gwc_fix("host: example.com, or url: http://example.com/");

    } else if (service->host.node != NULL
               && service->host.node->kind == GWC_NODE_NULL)
    {
        gwc_error(service->host.node,
                  "required field missing: \"host\" is null");
    }

    if (service->path.set && service->protocol.set
        && gwc_one_of(service->protocol.v, no_path))
    {
        gwc_error(service->path.node ? service->path.node : node,
                  "a service with protocol %s cannot have a path",
                  gwc_quoted(service->protocol.v));
    }

    if (!service->protocol.set || gwc_one_of(service->protocol.v, tls)) {
        return;
    }

    if (service->client_certificate.set) {
        gwc_error(service->client_certificate.node,
                  "\"client_certificate\" is for protocol https or tls");
    }

    if (service->tls_verify.set) {
        gwc_error(service->tls_verify.node,
                  "\"tls_verify\" is for protocol https or tls");
    }

    if (service->tls_verify_depth.set) {
        gwc_error(service->tls_verify_depth.node,
                  "\"tls_verify_depth\" is for protocol https or tls");
    }

    if (service->ca_certificates.set && service->ca_certificates.n > 0) {
        gwc_error(service->ca_certificates.node,
                  "\"ca_certificates\" is for protocol https or tls");
    }
}


static unsigned
gwc_family(gwc_text_t protocol)
{
    if (gwc_text_is(protocol, "http") || gwc_text_is(protocol, "https")) {
        return GWC_FAMILY_HTTP;
    }

    if (gwc_text_is(protocol, "grpc") || gwc_text_is(protocol, "grpcs")) {
        return GWC_FAMILY_GRPC;
    }

    if (gwc_text_is(protocol, "tls_passthrough")) {
        return GWC_FAMILY_PASSTHROUGH;
    }

    return GWC_FAMILY_STREAM;
}


static void
gwc_forbid(const gwc_list_t *list, const char *name, const char *why)
{
    if (gwc_given(list)) {
        gwc_error(list->node, "cannot set \"%s\" %s", name, why);
    }
}


/* at least one thing to match by */
static void
gwc_check_route_match(const gwc_route_t *route, unsigned family)
{
    bool https = gwc_list_has(&route->protocols, "https");
    bool grpcs = gwc_list_has(&route->protocols, "grpcs");
    bool web = gwc_given(&route->hosts) || gwc_given(&route->paths)
               || gwc_given(&route->headers);
    bool snis = gwc_given(&route->snis);
    const char *needs, *protocol;
    bool has;

    if (gwc_written(&route->expression)) {
        return;
    }

    if (family == GWC_FAMILY_HTTP) {
        has = web || gwc_given(&route->methods) || (https && snis);
        needs = https ? "'methods', 'hosts', 'headers', 'paths', 'snis'"
                      : "'methods', 'hosts', 'headers', 'paths'";
        protocol = https ? "https" : "http";

    } else if (family == GWC_FAMILY_GRPC) {
        has = web || (grpcs && snis);
        needs = grpcs ? "'hosts', 'headers', 'paths', 'snis'"
                      : "'hosts', 'headers', 'paths'";
        protocol = grpcs ? "grpcs" : "grpc";

    } else if (family == GWC_FAMILY_PASSTHROUGH) {
        has = snis;
        needs = "'snis'";
        protocol = "tls_passthrough";

    } else {
        has = gwc_given(&route->sources) || gwc_given(&route->destinations)
              || snis;
        needs = "'sources', 'destinations', 'snis'";
        protocol = "tcp, tls or udp";
    }

    if (!has) {
        gwc_error(route->e.record.node,
                  "must set one of %s%s when 'protocols' is '%s'", needs,
                  gwc_flavor_is("expressions") ? ", 'expression'" : "",
                  protocol);
    }
}


static void
gwc_check_route_strip(gwc_route_t *route, unsigned family)
{
    if (family == GWC_FAMILY_GRPC) {
        if (route->strip_path.set && route->strip_path.v) {
            gwc_error(route->strip_path.node,
                      "\"strip_path\" cannot be true for gRPC routes");
        }

        if (!route->strip_path.set) {
            route->strip_path.set = true;
            route->strip_path.v = false;
        }

        return;
    }

    if (!route->strip_path.set && route->strip_path.node != NULL
        && route->strip_path.node->kind == GWC_NODE_NULL)
    {
        gwc_error(route->strip_path.node,
                  "required field missing: \"strip_path\" is null");

    } else if (!route->strip_path.set) {
        route->strip_path.set = true;
        route->strip_path.v = true;
    }
}


void
gwc_check_route(void *entity)
{
    gwc_route_t *route = entity;
    const char *why = "on a route for streams (tcp, tls, udp)";
    unsigned family = 0;
    size_t i;

    for (i = 0; i < route->protocols.n; i++) {
        family |= gwc_family(GWC_ITEM(route->protocols, gwc_str_t, i)->v);
    }

    if (family == 0) {
        return;
    }

    if (family & (family - 1)) {
        gwc_error(route->protocols.node,
                  "\"protocols\" must be of one family: http and https, grpc "
                  "and grpcs, tcp, tls and udp, or tls_passthrough");
        return;
    }

    if (family & (GWC_FAMILY_STREAM | GWC_FAMILY_PASSTHROUGH)) {
        gwc_forbid(&route->methods, "methods", why);
        gwc_forbid(&route->hosts, "hosts", why);
        gwc_forbid(&route->paths, "paths", why);
        gwc_forbid(&route->headers, "headers", why);

    } else if (!gwc_flavor_is("expressions")) {
        why = "on a route for HTTP or gRPC";
        gwc_forbid(&route->sources, "sources", why);
        gwc_forbid(&route->destinations, "destinations", why);
    }

    if (family == GWC_FAMILY_GRPC) {
        gwc_forbid(&route->methods, "methods", "on a gRPC route");
    }

    if (route->snis.n > 0 && !gwc_list_has(&route->protocols, "https")
        && !gwc_list_has(&route->protocols, "grpcs")
        && !gwc_list_has(&route->protocols, "tls")
        && !gwc_list_has(&route->protocols, "tls_passthrough"))
    {
        gwc_error(route->snis.node,
                  "\"snis\" needs https, grpcs, tls or tls_passthrough among "
                  "the protocols");
    }

    for (i = 0; gwc_flavor_is("traditional") && i < route->snis.n; i++) {
        const gwc_str_t *sni = GWC_ITEM(route->snis, gwc_str_t, i);

        if (memchr(sni->v.data, '*', sni->v.len) != NULL) {
            gwc_error(sni->node, "wildcard SNIs are not supported with "
                                 "router_flavor traditional");
        }
    }

    for (i = 0; i < route->sources.n + route->destinations.n; i++) {
        const gwc_endpoint_t *e =
            i < route->sources.n
                ? GWC_ITEM(route->sources, gwc_endpoint_t, i)
                : GWC_ITEM(route->destinations, gwc_endpoint_t,
                           i - route->sources.n);

        if (!gwc_written(&e->ip) && !e->port.set && e->port.node == NULL) {
            gwc_error(e->record.node, "at least one of \"ip\" and \"port\" "
                                      "must be set");
        }
    }

    gwc_check_route_expression(
        route, family & (GWC_FAMILY_STREAM | GWC_FAMILY_PASSTHROUGH));
    gwc_check_route_strip(route, family);
    gwc_check_route_match(route, family);
}


void
gwc_check_consumer(void *entity)
{
    const gwc_consumer_t *consumer = entity;

    if (!gwc_written(&consumer->username)
        && !gwc_written(&consumer->custom_id)) {
        gwc_error(consumer->e.record.node,
                  "at least one of \"username\" and \"custom_id\" must be "
                  "set");
    }
}


static void
gwc_hash_needs(const gwc_upstream_t *upstream, const gwc_str_t *input,
               const char *field, const char *name, const gwc_str_t *value)
{
    if (input->set && gwc_text_is(input->v, name) && !gwc_written(value)) {
        gwc_error(upstream->e.record.node,
                  "\"%s\" is required for hashing by %s", field, name);
    }
}


static void
gwc_hash_differs(const gwc_str_t *one, const gwc_str_t *two, const char *what)
{
    if (one->set && two->set && gwc_text_equal(one->v, two->v)) {
        gwc_error(two->node, "the fallback's %s must differ from the first",
                  what);
    }
}


static void
gwc_set_word(gwc_str_t *value, const char *word)
{
    value->set = true;
    value->v.data = word;
    value->v.len = strlen(word);
}


/* shorthands in Kong's order: what they contradict is adapted silently */
static void
gwc_upstream_algorithm(gwc_upstream_t *upstream)
{
    bool written = upstream->hash_on.set;

    if (upstream->algorithm.set
        && (gwc_text_is(upstream->algorithm.v, "least-connections")
            || gwc_text_is(upstream->algorithm.v, "latency")))
    {
        gwc_set_word(&upstream->hash_on, "none");
        return;
    }

    if (!written) {
        gwc_set_word(&upstream->hash_on, "none");
    }

    gwc_set_word(&upstream->algorithm, gwc_text_is(upstream->hash_on.v, "none")
                                           ? "round-robin"
                                           : "consistent-hashing");
}


void
gwc_check_upstream(void *entity)
{
    gwc_upstream_t *u = entity;
    gwc_text_t fallback = u->hash_fallback.v;

    if (gwc_written(&u->hash_on) && !u->hash_on.set) {
        return;
    }

    gwc_upstream_algorithm(u);

    gwc_hash_needs(u, &u->hash_on, "hash_on_header", "header",
                   &u->hash_on_header);
    gwc_hash_needs(u, &u->hash_on, "hash_on_cookie", "cookie",
                   &u->hash_on_cookie);
    gwc_hash_needs(u, &u->hash_on, "hash_on_query_arg", "query_arg",
                   &u->hash_on_query_arg);
    gwc_hash_needs(u, &u->hash_on, "hash_on_uri_capture", "uri_capture",
                   &u->hash_on_uri_capture);
    gwc_hash_needs(u, &u->hash_fallback, "hash_fallback_header", "header",
                   &u->hash_fallback_header);
    gwc_hash_needs(u, &u->hash_fallback, "hash_on_cookie", "cookie",
                   &u->hash_on_cookie);
    gwc_hash_needs(u, &u->hash_fallback, "hash_fallback_query_arg",
                   "query_arg", &u->hash_fallback_query_arg);
    gwc_hash_needs(u, &u->hash_fallback, "hash_fallback_uri_capture",
                   "uri_capture", &u->hash_fallback_uri_capture);

    gwc_hash_differs(&u->hash_on_header, &u->hash_fallback_header, "header");
    gwc_hash_differs(&u->hash_on_query_arg, &u->hash_fallback_query_arg,
                     "query argument");
    gwc_hash_differs(&u->hash_on_uri_capture, &u->hash_fallback_uri_capture,
                     "capture");

    if (!u->hash_fallback.set || gwc_text_is(fallback, "none")) {
        return;
    }

    if (gwc_text_is(u->hash_on.v, "none")
        || gwc_text_is(u->hash_on.v, "cookie")) {
        gwc_error(u->hash_fallback.node,
                  "\"hash_fallback\" must be none when \"hash_on\" is %s",
                  gwc_text_is(u->hash_on.v, "none") ? "none" : "cookie");

    } else if (gwc_text_equal(u->hash_on.v, fallback)
               && (gwc_text_is(fallback, "consumer")
                   || gwc_text_is(fallback, "ip")
                   || gwc_text_is(fallback, "path")))
    {
        gwc_error(u->hash_fallback.node,
                  "\"hash_fallback\" must differ from \"hash_on\"");
    }
}


/* HOST[:PORT]; IPv6 in brackets */
void
gwc_check_target(void *entity)
{
    gwc_target_t *target = entity;
    gwc_text_t text = target->target.v;
    gwc_str_t host = target->target;
    gwc_field_t field = { .name = "target" };
    const char *colon = NULL;
    unsigned char addr[16];
    gwc_text_t number;
    size_t i, colons = 0;
    long port;

    if (!target->target.set) {
        return;
    }

    target->port = 8000;

    if (text.data[0] == '[') {
        const char *close = memchr(text.data, ']', text.len);

        if (close == NULL) {
            gwc_error(target->target.node, "%s: \"]\" is missing",
                      gwc_quoted(text));
            return;
        }

        host.v.data = text.data + 1;
        host.v.len = (size_t) (close - text.data) - 1;

        if (inet_pton(AF_INET6, gwc_strndup(host.v.data, host.v.len), addr)
            != 1) {
            gwc_error(target->target.node,
                      "%s: only IPv6 addresses stand in brackets",
                      gwc_quoted(text));
            return;
        }

        if (close + 1 < text.data + text.len) {
            colon = close + 1;

            if (*colon != ':') {
                gwc_error(target->target.node, "%s has no valid port",
                          gwc_quoted(text));
                return;
            }
        }

    } else {
        for (i = 0; i < text.len; i++) {
            if (text.data[i] == ':') {
                colon = text.data + i;
                colons++;
            }
        }

        if (colons > 1) {
            /* "::1:80" would be read as an address, too */
            gwc_error(target->target.node,
                      "%s: an IPv6 address needs brackets and a port, as in "
                      "\"[::1]:80\"",
                      gwc_quoted(text));
            return;
        }

        if (colon != NULL) {
            host.v.len = (size_t) (colon - text.data);
        }
    }

    if (colon != NULL) {
        number.data = colon + 1;
        number.len = (size_t) (text.data + text.len - number.data);
        port = gwc_small_number(number, 65535);

        if (port < 1) {
            gwc_error(target->target.node, "%s has no valid port",
                      gwc_quoted(text));
            return;
        }

        target->port = (int) port;

    } else {
        gwc_warning(target->target.node,
                    "the target %s has no port, 8000 is assumed",
                    gwc_quoted(text));
    }

    if (host.v.len == 0) {
        gwc_error(target->target.node, "%s has no host", gwc_quoted(text));
        return;
    }

    host.v.data = gwc_strndup(host.v.data, host.v.len);
    gwc_check_host(&field, &host);
    target->host = host.v;
}


void
gwc_check_vault(void *entity)
{
    static const gwc_field_t fields[] = { { .name = "prefix",
                                            .type = GWC_STRING,
                                            .offset = offsetof(gwc_env_vault_t,
                                                               prefix) },
                                          { .name = NULL } };
    const gwc_vault_entity_t *vault = entity;
    gwc_schema_t schema = { .tables = { fields } };
    gwc_env_vault_t config = { .record = { 0 } };
    gwc_text_t none = { "", 0 };
    size_t i;

    if (!vault->prefix.set || !vault->name.set) {
        return;
    }

    if (vault->config != NULL && vault->config->kind != GWC_NODE_NULL) {
        if (vault->config->kind != GWC_NODE_MAP) {
            gwc_error(vault->config, "expected a record (a map), this is %s",
                      gwc_node_kind_name(vault->config));
            return;
        }

        if (!gwc_schema_read(&schema, &config, vault->config)) {
            return;
        }

        for (i = 0;
             i < config.prefix.v.len && gwc_text_is(vault->name.v, "env"); i++)
        {
            char c = config.prefix.v.data[i];

            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
                  || c == '-' || (i > 0 && c >= '0' && c <= '9')))
            {
                gwc_error(config.prefix.node,
                          "%s cannot begin the name of a variable",
                          gwc_quoted(config.prefix.v));
                return;
            }
        }
    }

    gwc_vault_add(vault->prefix.v, vault->name.v,
                  config.prefix.set ? config.prefix.v : none);
}


/* a public key for what is not HS*; a secret may be drawn */
void
gwc_check_jwt_secret(void *entity)
{
    const gwc_jwt_secret_t *jwt = entity;

    if (!jwt->algorithm.set) {
        return;
    }

    if (jwt->algorithm.v.data[0] == 'H') {
        return;
    }

    if (!gwc_written(&jwt->rsa_public_key)) {
        gwc_error(jwt->c.e.record.node,
                  "\"rsa_public_key\" is required for %s",
                  gwc_quoted(jwt->algorithm.v));
    }
}


void
gwc_check_filter_chain(void *entity)
{
    const gwc_filter_chain_t *chain = entity;
    const gwc_node_t *node = chain->e.record.node;
    bool route = chain->route.set || chain->route.target != NULL;
    bool service = chain->service.set || chain->service.target != NULL;

    if (route == service) {
        gwc_error(node, "exactly one of \"route\" and \"service\" must be "
                        "set");
    }

    if (chain->filters != NULL && chain->filters->kind != GWC_NODE_SEQ) {
        gwc_error(chain->filters, "expected an array, this is %s",
                  gwc_node_kind_name(chain->filters));
    }
}
