/*
 * Copyright (C) the ngx_gateway authors
 *
 * Services, the keepalive pools and balancers behind them, and routes.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "emit.h"

/* with more destinations than this, plain connections share pools */
#define GWC_POOLS_PLAIN 64
/* TLS connections never do; beyond this they are not kept at all */
#define GWC_POOLS_TLS 1024

#define GWC_NGINX_KEEPALIVE_DEFAULT 1029007 /* on without a directive */

static const char gwc_system_bundle[] = "/etc/ssl/certs/ca-certificates.crt";


static bool
gwc_is_ip(gwc_text_t host)
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


static bool
gwc_service_is_tls(const gwc_service_t *service)
{
    return gwc_service_is(service, "https")
           || gwc_service_is(service, "grpcs");
}


static bool
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
    void (*report)(const gwc_node_t *node, const char *fmt, ...)
        __attribute__((format(printf, 2, 3))) =
            allow ? gwc_warning : gwc_error;
    size_t i, k;

    for (i = 0; i < model->services.n; i++) {
        const gwc_service_t *service = model->services.items[i];

        if (!gwc_is_http_protocol(service->protocol.v)) {
            report(service->e.record.node,
                   "services of protocol \"%.*s\" do not run yet",
                   (int) service->protocol.v.len, service->protocol.v.data);
        }
    }

    for (i = 0; i < model->routes.n; i++) {
        const gwc_route_t *route = model->routes.items[i];

        if (!gwc_route_is_http(route)) {
            report(route->e.record.node, "stream routes do not run yet");

        } else if (route->owner != NULL
                   && !gwc_is_http_protocol(route->owner->protocol.v))
        {
            gwc_warning(route->e.record.node,
                        "left out with its service, which does not run yet");
        }
    }

    for (i = 0; i < model->upstreams.n; i++) {
        const gwc_upstream_t *upstream = model->upstreams.items[i];

        if (upstream->healthchecks.record.node != NULL) {
            gwc_warning(upstream->healthchecks.record.node,
                        "health checks do not run yet: targets that fail "
                        "are retried, not taken out");
        }
    }

    for (i = 0; i < model->certificates.n; i++) {
        const gwc_certificate_t *certificate = model->certificates.items[i];

        if (certificate->snis.n) {
            gwc_warning(certificate->e.record.node,
                        "certificates by SNI are not served yet: the "
                        "default certificate is");
        }
    }

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
                      "plugin \"%.*s\" is not enabled by the setting "
                      "\"plugins\"",
                      (int) plugin->name.v.len, plugin->name.v.data);
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


static gwc_variant_t *
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
            && gwc_text_equal(variant->host, want.host))
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


static bool
gwc_variant_is_plain(const gwc_variant_t *variant)
{
    return variant->request_buffering && variant->response_buffering
           && !variant->preserve_host;
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

        buf.len--;
    }

    variant->block = gwc_strndup(buf.data, buf.len);
}


static gwc_certificate_t *
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

    return (gwc_text_t){ gwc_strndup(buf.data, buf.len), buf.len };
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

        if (!tls && n > limit) {
            name = gwc_sprintf("gateway_pool_%s_%u", protocol,
                               gwc_hash(key) % GWC_POOLS_PLAIN + 1);
            key = (gwc_text_t){ name, strlen(name) };

        } else if (tls
                   && (n > limit
                       || (variant->preserve_host && variant->host.len == 0)))
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
        output->needs_resolver |= !gwc_is_ip(service->host.v);
        return;
    }

    for (i = 0; i < service->upstream->targets.n; i++) {
        const gwc_target_t *target = service->upstream->targets.items[i];

        output->needs_resolver |= !gwc_is_ip(target->host);
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

    gwc_plan_pools(output, "http");
    gwc_plan_pools(output, "https");
    gwc_plan_pools(output, "grpc");
    gwc_plan_pools(output, "grpcs");
}


static void
gwc_emit_pool(gwc_writer_t *w, const gwc_output_t *output,
              const gwc_pool_t *pool)
{
    const gwc_settings_t *settings = output->settings;
    long requests, timeout;

    requests =
        gwc_settings_number(settings, "upstream_keepalive_max_requests");
    timeout = gwc_settings_number(settings, "upstream_keepalive_idle_timeout");

    gwc_begin(w, "upstream");
    gwc_arg(w, pool->name);
    gwc_open(w, NULL);
    gwc_put(w, "gateway_balancer", NULL);

    if (pool->keepalive && pool->room) {
        gwc_emit_default(w, output, GWC_CONTEXT_UPSTREAM, "keepalive",
                         gwc_sprintf("%zu", pool->room));

        /* 0 means no limit, nginx has no word for that */
        gwc_emit_default(w, output, GWC_CONTEXT_UPSTREAM, "keepalive_requests",
                         gwc_sprintf("%ld", requests ? requests : 1000000000));
        gwc_emit_default(w, output, GWC_CONTEXT_UPSTREAM, "keepalive_timeout",
                         timeout ? gwc_sprintf("%lds", timeout) : "365d");

    } else if (output->nginx->version >= GWC_NGINX_KEEPALIVE_DEFAULT) {
        gwc_put(w, "keepalive", "0", NULL);
    }

    gwc_emit_injected(w, output, GWC_CONTEXT_UPSTREAM);
    gwc_close(w);
}


/* the value that goes with a way to hash; data NULL: it needs none */
static gwc_text_t
gwc_hash_name(const gwc_upstream_t *upstream, gwc_text_t type, bool fallback)
{
    const gwc_str_t *name = NULL;

    if (gwc_text_is(type, "header")) {
        name = fallback ? &upstream->hash_fallback_header
                        : &upstream->hash_on_header;

    } else if (gwc_text_is(type, "cookie")) {
        name = &upstream->hash_on_cookie;

    } else if (gwc_text_is(type, "query_arg")) {
        name = fallback ? &upstream->hash_fallback_query_arg
                        : &upstream->hash_on_query_arg;

    } else if (gwc_text_is(type, "uri_capture")) {
        name = fallback ? &upstream->hash_fallback_uri_capture
                        : &upstream->hash_on_uri_capture;
    }

    return name != NULL && name->set ? name->v : (gwc_text_t){ NULL, 0 };
}


static void
gwc_emit_hash(gwc_writer_t *w, const gwc_upstream_t *upstream,
              const gwc_str_t *type, bool fallback)
{
    gwc_text_t name;

    if (!type->set || gwc_text_is(type->v, "none")) {
        return;
    }

    gwc_begin(w, fallback ? "hash_fallback" : "hash_on");
    gwc_arg_text(w, type->v);
    name = gwc_hash_name(upstream, type->v, fallback);

    if (name.data != NULL) {
        gwc_arg_text(w, name);
    }

    gwc_end(w);
}


static void
gwc_emit_algorithm(gwc_writer_t *w, const gwc_upstream_t *upstream)
{
    bool hashed;

    if (upstream->algorithm.set
        && (gwc_text_is(upstream->algorithm.v, "least-connections")
            || gwc_text_is(upstream->algorithm.v, "latency")))
    {
        gwc_begin(w, "algorithm");
        gwc_arg_text(w, upstream->algorithm.v);
        gwc_end(w);
        return;
    }

    /* whatever else the file says, hash_on decides, as in Kong */
    hashed =
        upstream->hash_on.set && !gwc_text_is(upstream->hash_on.v, "none");

    if (!hashed) {
        gwc_put(w, "algorithm", "round-robin", NULL);
        return;
    }

    gwc_put(w, "algorithm", "consistent-hashing", NULL);
    gwc_emit_hash(w, upstream, &upstream->hash_on, false);
    gwc_emit_hash(w, upstream, &upstream->hash_fallback, true);

    if (upstream->hash_on_cookie_path.set
        && !gwc_text_is(upstream->hash_on_cookie_path.v, "/")
        && (gwc_text_is(upstream->hash_on.v, "cookie")
            || (upstream->hash_fallback.set
                && gwc_text_is(upstream->hash_fallback.v, "cookie"))))
    {
        gwc_begin(w, "hash_on_cookie_path");
        gwc_arg_text(w, upstream->hash_on_cookie_path.v);
        gwc_end(w);
    }

    gwc_begin(w, "slots");
    gwc_argf(w, "%lld", (long long) gwc_int_or(upstream->slots, 10000));
    gwc_end(w);
}


static void
gwc_emit_upstream(gwc_writer_t *w, const gwc_upstream_t *upstream)
{
    size_t i;

    w->source = upstream->e.record.node;

    gwc_begin(w, "gateway_upstream");
    gwc_arg_text(w, upstream->name.v);
    gwc_open(w, upstream->e.record.node);
    gwc_emit_algorithm(w, upstream);

    if (upstream->host_header.set) {
        gwc_begin(w, "host_header");
        gwc_arg_text(w, upstream->host_header.v);
        gwc_end(w);
    }

    for (i = 0; i < upstream->targets.n; i++) {
        const gwc_target_t *target = upstream->targets.items[i];
        long long weight = (long long) gwc_int_or(target->weight, 100);

        w->source = target->e.record.node;

        gwc_begin(w, "target");
        gwc_argf(w,
                 memchr(target->host.data, ':', target->host.len) != NULL
                     ? "[%.*s]:%d"
                     : "%.*s:%d",
                 (int) target->host.len, target->host.data, target->port);

        if (weight != 100) {
            gwc_argf(w, "weight=%lld", weight);
        }

        gwc_end(w);
    }

    gwc_close(w);
}


/* pools, and the upstreams that services use */
void
gwc_emit_upstreams(gwc_output_t *output)
{
    gwc_map_t *used = gwc_map_create();
    gwc_writer_t *w;
    size_t i;

    if (output->pools.n == 0) {
        return;
    }

    w = gwc_emit_file(output, "upstreams.conf");

    for (i = 0; i < output->pools.n; i++) {
        if (i) {
            gwc_blank(w);
        }

        gwc_emit_pool(w, output, output->pools.items[i]);
    }

    for (i = 0; i < output->variants.n; i++) {
        const gwc_variant_t *variant = output->variants.items[i];
        gwc_upstream_t *upstream = variant->service->upstream;

        if (upstream != NULL
            && gwc_map_add(used, upstream->name.v, upstream) == NULL) {
            gwc_blank(w);
            gwc_emit_upstream(w, upstream);
        }
    }
}


static void
gwc_emit_secret_file(gwc_output_t *output, const char *name, gwc_text_t text)
{
    gwc_writer_t *w = gwc_emit_file(output, name);

    w->secret = true;
    gwc_buf_add(&w->buf, text.data, text.len);

    if (text.len && text.data[text.len - 1] != '\n') {
        gwc_buf_add(&w->buf, "\n", 1);
    }
}


static void
gwc_emit_client_certificate(gwc_writer_t *w, gwc_output_t *output,
                            const gwc_certificate_t *certificate,
                            const char *prefix)
{
    const char *cert, *key;

    cert = gwc_sprintf("client-%s.crt", certificate->e.id);
    key = gwc_sprintf("client-%s.key", certificate->e.id);

    if (gwc_map_add(output->tls_files, (gwc_text_t){ cert, strlen(cert) },
                    (void *) w)
        == NULL)
    {
        gwc_emit_secret_file(output, cert, certificate->cert.v);
        gwc_emit_secret_file(output, key, certificate->key.v);
    }

    gwc_begin(w, gwc_sprintf("%s_ssl_certificate", prefix));
    gwc_arg_generated(w, cert);
    gwc_end(w);

    gwc_begin(w, gwc_sprintf("%s_ssl_certificate_key", prefix));
    gwc_arg_generated(w, key);
    gwc_end(w);
}


static void
gwc_emit_bundle(gwc_writer_t *w, gwc_output_t *output,
                const gwc_service_t *service, const char *prefix)
{
    gwc_buf_t pem = { 0 };
    const char *name;
    gwc_text_t text;
    size_t i;

    for (i = 0; i < service->ca_certificates.n; i++) {
        const gwc_ref_t *ref =
            GWC_ITEM(service->ca_certificates, gwc_ref_t, i);
        const gwc_ca_certificate_t *ca =
            (const gwc_ca_certificate_t *) (const void *) ref->target;

        if (ca != NULL) {
            gwc_buf_add(&pem, ca->cert.v.data, ca->cert.v.len);
            gwc_buf_add(&pem, "\n", 1);
        }
    }

    text = (gwc_text_t){ pem.data, pem.len };
    name = gwc_map_get(output->tls_files, text);

    if (name == NULL) {
        char *file = gwc_sprintf("ca-%zu.crt", ++output->bundles);

        (void) gwc_map_add(output->tls_files, text, file);
        gwc_emit_secret_file(output, file, text);
        name = file;
    }

    gwc_begin(w, gwc_sprintf("%s_ssl_trusted_certificate", prefix));
    gwc_arg_generated(w, name);
    gwc_end(w);
}


static bool
gwc_is_injected(const gwc_output_t *output, const char *directive)
{
    const gwc_settings_t *settings = output->settings;

    return gwc_settings_injected(settings, GWC_CONTEXT_HTTP, directive) != NULL
           || gwc_settings_injected(settings, GWC_CONTEXT_PROXY, directive)
                  != NULL
           || gwc_settings_injected(settings, GWC_CONTEXT_LOCATION, directive)
                  != NULL;
}


static void
gwc_emit_trust(gwc_writer_t *w, gwc_output_t *output,
               const gwc_service_t *service, const char *prefix)
{
    const char *directive = gwc_sprintf("%s_ssl_trusted_certificate", prefix);

    if (service->ca_certificates.n) {
        gwc_emit_bundle(w, output, service, prefix);
        return;
    }

    if (!gwc_bool_or(service->tls_verify, false)
        || gwc_is_injected(output, directive))
    {
        return;
    }

    gwc_warning(service->tls_verify.node,
                "there are no ca_certificates: those of the system are "
                "trusted");
    gwc_put(w, directive, gwc_system_bundle, NULL);
}


static void
gwc_emit_service_tls(gwc_writer_t *w, gwc_output_t *output,
                     const gwc_service_t *service, const char *prefix)
{
    const gwc_certificate_t *certificate = gwc_client_certificate(service);

    if (certificate != NULL) {
        gwc_emit_client_certificate(w, output, certificate, prefix);

    } else if (gwc_service_is_grpc(service)
               && gwc_settings_flag(output->settings, "client_ssl"))
    {
        gwc_put(w, "grpc_ssl_certificate",
                gwc_settings_get(output->settings, "client_ssl_cert"), NULL);
        gwc_put(w, "grpc_ssl_certificate_key",
                gwc_settings_get(output->settings, "client_ssl_cert_key"),
                NULL);
    }

    if (service->tls_verify.set) {
        gwc_put(w, gwc_sprintf("%s_ssl_verify", prefix),
                service->tls_verify.v ? "on" : "off", NULL);
    }

    if (service->tls_verify_depth.set) {
        gwc_put(w, gwc_sprintf("%s_ssl_verify_depth", prefix),
                gwc_sprintf("%lld", (long long) service->tls_verify_depth.v),
                NULL);
    }

    gwc_emit_trust(w, output, service, prefix);
}


static void
gwc_emit_timeout(gwc_writer_t *w, const gwc_output_t *output,
                 const char *prefix, const char *what, gwc_int_t value)
{
    const char *directive = gwc_sprintf("%s_%s_timeout", prefix, what);
    long long ms = (long long) gwc_int_or(value, 60000);

    /* nginx's own default, unless it was changed around us */
    if (ms == 60000 && !gwc_is_injected(output, directive)) {
        return;
    }

    gwc_put(w, directive,
            ms % 1000 ? gwc_sprintf("%lldms", ms)
                      : gwc_sprintf("%llds", ms / 1000),
            NULL);
}


static void
gwc_emit_service_head(gwc_writer_t *w, const gwc_variant_t *variant)
{
    const gwc_service_t *service = variant->service;
    gwc_text_t name = gwc_name_of(&service->e, service->name);
    long long retries = (long long) gwc_int_or(service->retries, 5);

    gwc_begin(w, "gateway_service");
    gwc_arg(w, variant->block);

    if (!gwc_text_is(name, variant->block)) {
        gwc_param(w, "name", name);
    }

    gwc_argf(w, "id=%s", service->e.id);
    gwc_param(w, "protocol", service->protocol.v);
    gwc_param(w, "host", service->host.v);
    gwc_argf(w, "port=%lld", (long long) gwc_int_or(service->port, 80));

    if (service->path.set && service->path.v.len) {
        gwc_param(w, "path", service->path.v);
    }

    if (retries != 5) {
        gwc_argf(w, "retries=%lld", retries);
    }

    if (service->upstream != NULL) {
        gwc_param(w, "upstream", service->upstream->name.v);
    }

    if (!gwc_service_is_grpc(service)) {
        gwc_arg(w, "headers=variable");
    }

    gwc_open(w, service->e.record.node);
}


static void
gwc_emit_service(gwc_writer_t *w, gwc_output_t *output,
                 const gwc_variant_t *variant)
{
    const gwc_service_t *service = variant->service;
    bool grpc = gwc_service_is_grpc(service);
    const char *prefix = grpc ? "grpc" : "proxy";

    w->source = service->e.record.node;
    gwc_emit_service_head(w, variant);

    gwc_emit_timeout(w, output, prefix, "connect", service->connect_timeout);
    gwc_emit_timeout(w, output, prefix, "send", service->write_timeout);
    gwc_emit_timeout(w, output, prefix, "read", service->read_timeout);

    if (!grpc && !variant->request_buffering) {
        gwc_put(w, "proxy_request_buffering", "off", NULL);
    }

    if (!grpc && !variant->response_buffering) {
        gwc_put(w, "proxy_buffering", "off", NULL);
    }

    if (gwc_service_is_tls(service)) {
        gwc_emit_service_tls(w, output, service, prefix);
    }

    /* a header set here would hide those set around us */
    if (!grpc
        && gwc_settings_injected(output->settings, GWC_CONTEXT_LOCATION,
                                 "proxy_set_header")
               != NULL)
    {
        gwc_emit_proxy_headers(w);
    }

    gwc_emit_injected(w, output, GWC_CONTEXT_LOCATION);
    gwc_emit_plugins(w, output, &service->e);

    gwc_begin(w, gwc_sprintf("%s_pass", prefix));
    gwc_argf(w, "%.*s://%s", (int) service->protocol.v.len,
             service->protocol.v.data, variant->pool->name);
    gwc_end(w);
    gwc_close(w);
}


void
gwc_emit_services(gwc_writer_t *w, gwc_output_t *output)
{
    size_t i;

    for (i = 0; i < output->variants.n; i++) {
        gwc_blank(w);
        gwc_emit_service(w, output, output->variants.items[i]);
    }
}


static void
gwc_emit_strings(gwc_writer_t *w, const char *directive, gwc_list_t list)
{
    size_t i;

    if (list.n == 0) {
        return;
    }

    gwc_begin(w, directive);

    for (i = 0; i < list.n; i++) {
        gwc_arg_text(w, GWC_ITEM(list, gwc_str_t, i)->v);
    }

    gwc_end(w);
}


static bool
gwc_is_http_and_https(gwc_list_t protocols)
{
    bool http = false, https = false;
    size_t i;

    for (i = 0; i < protocols.n; i++) {
        gwc_text_t protocol = GWC_ITEM(protocols, gwc_str_t, i)->v;

        if (gwc_text_is(protocol, "http")) {
            http = true;

        } else if (gwc_text_is(protocol, "https")) {
            https = true;

        } else {
            return false;
        }
    }

    return http == https;
}


static void
gwc_emit_matchers(gwc_writer_t *w, const gwc_route_t *route)
{
    size_t i, k;

    gwc_emit_strings(w, "hosts", route->hosts);
    gwc_emit_strings(w, "paths", route->paths);
    gwc_emit_strings(w, "methods", route->methods);

    for (i = 0; i < route->headers.n; i++) {
        const gwc_header_t *header = GWC_ITEM(route->headers, gwc_header_t, i);

        gwc_begin(w, "header");
        gwc_arg_text(w, header->key.v);

        for (k = 0; k < header->values.n; k++) {
            gwc_arg_text(w, GWC_ITEM(header->values, gwc_str_t, k)->v);
        }

        gwc_end(w);
    }

    gwc_emit_strings(w, "snis", route->snis);

    if (gwc_int_or(route->regex_priority, 0) != 0) {
        gwc_begin(w, "regex_priority");
        gwc_argf(w, "%lld", (long long) route->regex_priority.v);
        gwc_end(w);
    }
}


static void
gwc_emit_route(gwc_writer_t *w, const gwc_output_t *output,
               const gwc_route_t *route, const gwc_variant_t *variant)
{
    long long code;
    bool strip;

    w->source = route->e.record.node;

    gwc_begin(w, "gateway_route");
    gwc_arg_text(w, gwc_name_of(&route->e, route->name));
    gwc_argf(w, "id=%s", route->e.id);

    if (variant != NULL) {
        gwc_param(w, "service",
                  (gwc_text_t){ variant->block, strlen(variant->block) });
    }

    gwc_open(w, route->e.record.node);
    gwc_emit_matchers(w, route);

    if (!gwc_is_http_and_https(route->protocols)) {
        gwc_emit_strings(w, "protocols", route->protocols);
    }

    strip = gwc_bool_or(route->strip_path, true);

    if (!strip) {
        gwc_put(w, "strip_path", "off", NULL);
    }

    if (gwc_bool_or(route->preserve_host, false)) {
        gwc_put(w, "preserve_host", "on", NULL);
    }

    code = (long long) gwc_int_or(route->https_redirect_status_code, 426);

    if (code != 426) {
        gwc_begin(w, "https_redirect_status_code");
        gwc_argf(w, "%lld", code);
        gwc_end(w);
    }

    gwc_emit_plugins(w, output, &route->e);
    gwc_close(w);
}


void
gwc_emit_routes(gwc_writer_t *w, gwc_output_t *output)
{
    size_t i;

    for (i = 0; i < output->model->routes.n; i++) {
        const gwc_route_t *route = output->model->routes.items[i];
        const gwc_variant_t *variant = NULL;

        if (!gwc_route_is_written(route)) {
            continue;
        }

        if (route->owner != NULL) {
            gwc_vec_t *variants;

            variants = gwc_map_get(output->by_service,
                                   (gwc_text_t){ route->owner->e.id,
                                                 strlen(route->owner->e.id) });
            variant = gwc_variant_get(output, variants, route->owner, route);
        }

        gwc_blank(w);
        gwc_emit_route(w, output, route, variant);
    }
}
