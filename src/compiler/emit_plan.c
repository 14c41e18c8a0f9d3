/*
 * Copyright (C) the ngx_gateway authors
 *
 * Which blocks there will be: what is left out, what shares a service
 * block, and what shares connections.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "emit_stream.h"
#include "emit_tls.h"
#include "extra.h"
#include "schema.h"

/* with more destinations than this, plain connections share pools */
#define GWC_POOLS_PLAIN 64
/* TLS connections never do; beyond this they are not kept at all */
#define GWC_POOLS_TLS 1024


bool
gwc_host_is_ip(gwc_text_t host)
{
    unsigned char ip[16];
    const char *text;

    if (host.len && host.data[0] == '[') {
        return true;
    }

    text = gwc_strndup(host.len ? host.data : "", host.len);

    return inet_pton(AF_INET, text, ip) == 1
           || inet_pton(AF_INET6, text, ip) == 1;
}


static bool
gwc_service_is(const gwc_service_t *service, const char *protocol)
{
    return gwc_text_is(service->protocol.v, protocol);
}


bool
gwc_service_is_tls(const gwc_service_t *service)
{
    return gwc_service_is(service, "https")
           || gwc_service_is(service, "grpcs");
}


bool
gwc_service_is_grpc(const gwc_service_t *service)
{
    return gwc_service_is(service, "grpc") || gwc_service_is(service, "grpcs");
}


/* false: left out, with its routes */
static bool
gwc_service_is_written(const gwc_service_t *service)
{
    return gwc_bool_or(service->enabled, true)
           && gwc_is_http_protocol(service->protocol.v);
}


bool
gwc_route_is_written(const gwc_route_t *route)
{
    return gwc_route_is_http(route)
           && (route->owner == NULL || gwc_service_is_written(route->owner));
}


void
gwc_check_supported(const gwc_model_t *model, const gwc_settings_t *settings,
                    bool allow)
{
    size_t i, k;

    gwc_check_streams(model, settings, allow);

    for (i = 0; i < model->upstreams.n; i++) {
        gwc_check_health(model->upstreams.items[i], model, settings);
    }

    gwc_check_tls(model, settings);

    for (i = 0; i < model->plugins.n && settings->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];

        for (k = 0; k < settings->plugins.n; k++) {
            if (gwc_text_is(plugin->name.v, settings->plugins.items[k])) {
                break;
            }
        }

        if (k == settings->plugins.n) {
            gwc_error(plugin->name.node ? plugin->name.node
                                        : plugin->e.record.node,
                      "plugin %s not enabled; add it to the 'plugins' "
                      "configuration property",
                      gwc_quoted_once(plugin->name.v));
        }
    }
}


/* the Host that all requests of a route carry, or an empty text */
static gwc_text_t
gwc_route_only_host(const gwc_route_t *route)
{
    const char *colon;
    gwc_text_t host;

    if (route->hosts.n != 1) {
        return (gwc_text_t){ "", 0 };
    }

    host = GWC_ITEM(route->hosts, gwc_str_t, 0)->v;

    if (memchr(host.data, '*', host.len) != NULL) {
        return (gwc_text_t){ "", 0 };
    }

    colon = memchr(host.data, ':', host.len);

    if (colon != NULL) {
        host.len = (size_t) (colon - host.data);
    }

    return host;
}


static void
gwc_variant_directives(gwc_variant_t *want, const gwc_route_t *route)
{
    gwc_buf_t buf = { 0 };

    want->directives = gwc_extra_of(want->service, route);

    if (want->directives != NULL) {
        gwc_directives_text(&buf, want->directives);
    }

    want->directives_text = (gwc_text_t){ buf.len ? buf.data : "", buf.len };
}


gwc_variant_t *
gwc_variant_get(gwc_output_t *output, gwc_vec_t *variants,
                const gwc_service_t *service, const gwc_route_t *route)
{
    gwc_variant_t want = { 0 };
    gwc_variant_t *variant;
    size_t i;

    want.service = service;
    want.request_buffering = true;
    want.response_buffering = true;
    want.host = (gwc_text_t){ "", 0 };
    gwc_variant_directives(&want, route);

    if (route != NULL) {
        want.request_buffering = gwc_bool_or(route->request_buffering, true);
        want.response_buffering = gwc_bool_or(route->response_buffering, true);

        if (gwc_service_is_tls(service)
            && gwc_bool_or(route->preserve_host, false)) {
            want.preserve_host = true;
            want.host = gwc_route_only_host(route);
        }
    }

    for (i = 0; i < variants->n; i++) {
        variant = variants->items[i];

        if (variant->request_buffering == want.request_buffering
            && variant->response_buffering == want.response_buffering
            && variant->preserve_host == want.preserve_host
            && gwc_text_equal(variant->host, want.host)
            && gwc_text_equal(variant->directives_text, want.directives_text))
        {
            return variant;
        }
    }

    variant = gwc_alloc(sizeof(gwc_variant_t));
    *variant = want;
    gwc_vec_push(variants, variant);
    gwc_vec_push(&output->variants, variant);

    return variant;
}


/* routes add nothing to what the service says */
static bool
gwc_variant_is_plain(const gwc_variant_t *variant)
{
    return variant->request_buffering && variant->response_buffering
           && !variant->preserve_host
           && (variant->directives == NULL
               || variant->directives == &variant->service->directives);
}


static uint32_t
gwc_hash(gwc_text_t text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    size_t i;

    for (i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char) text.data[i]) * 16777619u;
    }

    return hash;
}


/*
 * The plain block, or the only one, has the name of the service; the others
 * add what is different.  No name in the file can hold a "#".
 */
static void
gwc_variant_name(gwc_variant_t *variant, const gwc_vec_t *variants)
{
    gwc_text_t name =
        gwc_name_of(&variant->service->e, variant->service->name);
    gwc_buf_t buf = { 0 };

    gwc_buf_add(&buf, name.data, name.len);

    if (!gwc_variant_is_plain(variant) && variants->n > 1) {
        gwc_buf_puts(&buf, "#");

        if (!variant->request_buffering && !variant->response_buffering) {
            gwc_buf_puts(&buf, "unbuffered,");

        } else if (!variant->request_buffering) {
            gwc_buf_puts(&buf, "unbuffered_request,");

        } else if (!variant->response_buffering) {
            gwc_buf_puts(&buf, "unbuffered_response,");
        }

        if (variant->preserve_host && variant->host.len) {
            gwc_buf_printf(&buf, "host=%.*s,", (int) variant->host.len,
                           variant->host.data);

        } else if (variant->preserve_host) {
            gwc_buf_puts(&buf, "preserve_host,");
        }

        if (variant->directives != NULL
            && variant->directives != &variant->service->directives)
        {
            gwc_buf_printf(&buf, "nginx=%08x,",
                           gwc_hash(variant->directives_text));
        }

        buf.len--;
    }

    variant->block = gwc_strndup(buf.data, buf.len);
}


/* directives that decide how a connection is made: it is not for others */
static bool
gwc_variant_connects(const gwc_variant_t *variant)
{
    static const char *const names[] = { "proxy_ssl_",    "grpc_ssl_",
                                         "proxy_bind",    "grpc_bind",
                                         "proxy_socket_", "grpc_socket_" };
    size_t i, k;

    for (i = 0; variant->directives != NULL && i < variant->directives->n; i++)
    {
        const gwc_directive_t *directive = variant->directives->items[i];

        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (strncmp(directive->name, names[k], strlen(names[k])) == 0) {
                return true;
            }
        }
    }

    return false;
}


gwc_certificate_t *
gwc_client_certificate(const gwc_service_t *service)
{
    if (service->client_certificate.target != NULL) {
        return (gwc_certificate_t *) (void *)
            service->client_certificate.target;
    }

    if (service->upstream != NULL) {
        return (gwc_certificate_t *) (void *)
            service->upstream->client_certificate.target;
    }

    return NULL;
}


/*
 * nginx keeps connections by address alone, so what else must be equal for
 * two requests to share one decides about the pool.
 */
static gwc_text_t
gwc_pool_key(const gwc_variant_t *variant)
{
    const gwc_service_t *service = variant->service;
    const gwc_certificate_t *certificate;
    gwc_buf_t buf = { 0 };
    size_t i;

    gwc_buf_add(&buf, service->protocol.v.data, service->protocol.v.len);

    if (service->upstream != NULL) {
        gwc_buf_puts(&buf, "|upstream|");

    } else {
        gwc_buf_printf(&buf, "|%lld|",
                       (long long) gwc_int_or(service->port, 80));
    }

    gwc_buf_add(&buf, service->host.v.data, service->host.v.len);

    if (gwc_service_is_tls(service)) {
        certificate = gwc_client_certificate(service);

        gwc_buf_printf(
            &buf, "|%d|%d|%.*s|%s|%s|%lld",
            service->tls_verify.set ? service->tls_verify.v : -1,
            variant->preserve_host, (int) variant->host.len,
            variant->host.data, certificate != NULL ? certificate->e.id : "",
            service->upstream != NULL && service->upstream->host_header.set
                ? "fixed"
                : "",
            (long long) gwc_int_or(service->tls_verify_depth, -1));

        for (i = 0; i < service->ca_certificates.n; i++) {
            const gwc_ref_t *ref =
                GWC_ITEM(service->ca_certificates, gwc_ref_t, i);

            gwc_buf_printf(&buf, "|%s", ref->target ? ref->target->id : "");
        }
    }

    if (gwc_variant_connects(variant)) {
        gwc_buf_puts(&buf, "|");
        gwc_buf_add(&buf, variant->directives_text.data,
                    variant->directives_text.len);
    }

    return (gwc_text_t){ gwc_strndup(buf.data, buf.len), buf.len };
}


static gwc_pool_t *
gwc_pool_get(gwc_output_t *output, gwc_map_t *pools, gwc_text_t key,
             const char *name, bool keepalive)
{
    gwc_pool_t *pool = gwc_map_get(pools, key);

    if (pool == NULL) {
        pool = gwc_alloc(sizeof(gwc_pool_t));
        pool->name = name;
        pool->key = key;
        pool->keepalive = keepalive;

        (void) gwc_map_add(pools, key, pool);
        gwc_vec_push(&output->pools, pool);
    }

    return pool;
}


/*
 * Every pool preallocates its idle connections and nginx adds upstreams in
 * quadratic time: there must not be thousands.
 */
static void
gwc_plan_pools(gwc_output_t *output, const char *protocol)
{
    gwc_map_t *keys = gwc_map_create();
    gwc_map_t *pools = gwc_map_create();
    size_t i, limit, n = 0;
    gwc_text_t key;
    bool tls;

    tls = strcmp(protocol, "https") == 0 || strcmp(protocol, "grpcs") == 0;
    limit = tls ? GWC_POOLS_TLS : GWC_POOLS_PLAIN;

    for (i = 0; i < output->variants.n; i++) {
        gwc_variant_t *variant = output->variants.items[i];

        if (gwc_service_is(variant->service, protocol)
            && gwc_map_add(keys, gwc_pool_key(variant), variant) == NULL)
        {
            n++;
        }
    }

    for (i = 0; i < output->variants.n; i++) {
        gwc_variant_t *variant = output->variants.items[i];
        bool keepalive = true;
        const char *name;

        if (!gwc_service_is(variant->service, protocol)) {
            continue;
        }

        key = gwc_pool_key(variant);

        if (!tls && n > limit && !gwc_variant_connects(variant)) {
            name = gwc_sprintf("gateway_pool_%s_%u", protocol,
                               gwc_hash(key) % GWC_POOLS_PLAIN + 1);
            key = (gwc_text_t){ name, strlen(name) };

        } else if (n > limit
                   || (tls && variant->preserve_host
                       && variant->host.len == 0))
        {
            /* the names of servers vary within the block, or there are too
               many: a connection of another one must not be taken */
            name = gwc_sprintf("gateway_pool_%s_unshared", protocol);
            key = (gwc_text_t){ name, strlen(name) };
            keepalive = false;

        } else {
            const gwc_pool_t *known = gwc_map_get(pools, key);

            name = known != NULL ? known->name
                                 : gwc_sprintf("gateway_pool_%s_%zu", protocol,
                                               output->pools.n + 1);
        }

        variant->pool = gwc_pool_get(output, pools, key, name, keepalive);
    }

    for (i = 0; i < output->pools.n; i++) {
        gwc_pool_t *pool = output->pools.items[i];
        size_t size = (size_t) gwc_settings_number(
            output->settings, "upstream_keepalive_pool_size");

        if (pool->room == 0) {
            pool->room = size;

            if (n > GWC_POOLS_PLAIN && tls && size > 8) {
                pool->room = size * GWC_POOLS_PLAIN / n;
                pool->room = pool->room < 8 ? 8 : pool->room;
            }
        }
    }
}


static void
gwc_plan_service(gwc_output_t *output, const gwc_service_t *service)
{
    gwc_vec_t *variants;
    size_t i;

    variants = gwc_alloc(sizeof(gwc_vec_t));
    (void) gwc_map_add(output->by_service,
                       (gwc_text_t){ service->e.id, strlen(service->e.id) },
                       variants);

    for (i = 0; i < service->routes.n; i++) {
        const gwc_route_t *route = service->routes.items[i];

        if (gwc_route_is_written(route)) {
            (void) gwc_variant_get(output, variants, service, route);
        }
    }

    if (variants->n == 0) {
        (void) gwc_variant_get(output, variants, service, NULL);
    }

    for (i = 0; i < variants->n; i++) {
        gwc_variant_name(variants->items[i], variants);
    }

    output->has_http |= gwc_service_is(service, "http");
    output->has_https |= gwc_service_is(service, "https");
    output->has_grpc |= gwc_service_is(service, "grpc");
    output->has_grpcs |= gwc_service_is(service, "grpcs");

    if (service->upstream == NULL) {
        output->needs_resolver |= !gwc_host_is_ip(service->host.v);
    }
}


void
gwc_emit_plan(gwc_output_t *output)
{
    size_t i;

    for (i = 0; i < output->model->services.n; i++) {
        const gwc_service_t *service = output->model->services.items[i];

        if (gwc_service_is_written(service)) {
            gwc_plan_service(output, service);
        }
    }

    for (i = 0; i < output->model->targets.n; i++) {
        const gwc_target_t *target = output->model->targets.items[i];

        output->needs_resolver |= !gwc_host_is_ip(target->host);
    }

    gwc_plan_streams(output);
    gwc_plan_pools(output, "http");
    gwc_plan_pools(output, "https");
    gwc_plan_pools(output, "grpc");
    gwc_plan_pools(output, "grpcs");
}
