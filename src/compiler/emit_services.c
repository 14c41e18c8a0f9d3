/*
 * Copyright (C) the ngx_gateway authors
 *
 * Keepalive pools, upstreams, services and routes.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emit.h"
#include "extra.h"

/* with every byte escaped it is a token that nginx still reads */
#define GWC_EXPRESSION_PIECE 2000

#define GWC_NGINX_KEEPALIVE_DEFAULT 1029007 /* on without a directive */

const char gwc_system_bundle[] = "/etc/ssl/certs/ca-certificates.crt";


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


/* what only the status listener shows */
static void
gwc_emit_target_record(gwc_writer_t *w, const gwc_target_t *target)
{
    const gwc_entity_t *e = &target->e;
    size_t i;

    gwc_argf(w, "id=%s", e->id);

    if (e->created_at.set) {
        gwc_argf(w, "created_at=%.0f", e->created_at.v);
    }

    if (e->updated_at.set) {
        gwc_argf(w, "updated_at=%.0f", e->updated_at.v);
    }

    for (i = 0; i < e->tags.n; i++) {
        gwc_param(w, "tag", GWC_ITEM(e->tags, gwc_str_t, i)->v);
    }
}


static void
gwc_emit_upstream(gwc_writer_t *w, gwc_output_t *output,
                  const gwc_upstream_t *upstream)
{
    bool shown = output->settings->status_listen.n != 0
                 || output->settings->admin_listen.n != 0;
    size_t i;

    w->source = upstream->e.record.node;

    gwc_begin(w, "gateway_upstream");
    gwc_arg_text(w, upstream->name.v);
    gwc_open(w, upstream->e.record.node);

    if (shown) {
        gwc_put(w, "id", upstream->e.id, NULL);
    }

    gwc_emit_algorithm(w, upstream);

    if (upstream->host_header.set) {
        gwc_begin(w, "host_header");
        gwc_arg_text(w, upstream->host_header.v);
        gwc_end(w);
    }

    if (gwc_bool_or(upstream->use_srv_name, false)) {
        gwc_put(w, "use_srv_name", "on", NULL);
    }

    gwc_emit_health(w, output, upstream);

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

        if (shown) {
            gwc_emit_target_record(w, target);
        }

        gwc_end(w);
    }

    gwc_close(w);
}


/* pools, and the upstreams: those that services use, then the others, whose
   health is watched as well */
void
gwc_emit_upstreams(gwc_output_t *output)
{
    const gwc_vec_t *upstreams = &output->model->upstreams;
    gwc_map_t *used = gwc_map_create();
    gwc_writer_t *w;
    size_t i;

    if (output->pools.n == 0 && upstreams->n == 0) {
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
            gwc_emit_upstream(w, output, upstream);
        }
    }

    for (i = 0; i < upstreams->n; i++) {
        gwc_upstream_t *upstream = upstreams->items[i];

        if (gwc_map_add(used, upstream->name.v, upstream) == NULL) {
            gwc_blank(w);
            gwc_emit_upstream(w, output, upstream);
        }
    }
}


void
gwc_emit_secret_file(gwc_output_t *output, const char *name, gwc_text_t text)
{
    gwc_writer_t *w = gwc_emit_file(output, name);

    w->secret = true;
    gwc_buf_add(&w->buf, text.data, text.len);

    if (text.len && text.data[text.len - 1] != '\n') {
        gwc_buf_add(&w->buf, "\n", 1);
    }
}


void
gwc_emit_client_files(gwc_output_t *output,
                      const gwc_certificate_t *certificate, const char **cert,
                      const char **key)
{
    *cert = gwc_sprintf("client-%s.crt", certificate->e.id);
    *key = gwc_sprintf("client-%s.key", certificate->e.id);

    if (gwc_map_add(output->tls_files, (gwc_text_t){ *cert, strlen(*cert) },
                    (void *) output)
        == NULL)
    {
        gwc_emit_secret_file(output, *cert, certificate->cert.v);
        gwc_emit_secret_file(output, *key, certificate->key.v);
    }
}


/* the file's own directive replaces what we would write */
static bool
gwc_variant_has(const gwc_variant_t *variant, const char *directive)
{
    return variant->directives != NULL
           && gwc_directives_have(variant->directives, directive);
}


static void
gwc_put_unless(gwc_writer_t *w, const gwc_variant_t *variant,
               const char *directive, const char *value)
{
    if (!gwc_variant_has(variant, directive)) {
        gwc_put(w, directive, value, NULL);
    }
}


static void
gwc_put_file_unless(gwc_writer_t *w, const gwc_variant_t *variant,
                    const char *directive, const char *file)
{
    if (!gwc_variant_has(variant, directive)) {
        gwc_begin(w, directive);
        gwc_arg_generated(w, file);
        gwc_end(w);
    }
}


static void
gwc_emit_client_certificate(gwc_writer_t *w, gwc_output_t *output,
                            const gwc_variant_t *variant,
                            const gwc_certificate_t *certificate,
                            const char *prefix)
{
    const char *cert, *key;

    gwc_emit_client_files(output, certificate, &cert, &key);

    gwc_put_file_unless(w, variant, gwc_sprintf("%s_ssl_certificate", prefix),
                        cert);
    gwc_put_file_unless(w, variant,
                        gwc_sprintf("%s_ssl_certificate_key", prefix), key);
}


static void
gwc_emit_bundle(gwc_writer_t *w, gwc_output_t *output,
                const gwc_variant_t *variant, const char *directive)
{
    const gwc_service_t *service = variant->service;
    gwc_buf_t pem = { 0 };
    const char *name;
    gwc_text_t text;
    size_t i;

    if (output->trial != NULL) {
        gwc_buf_add(&pem, output->trial->authority.data,
                    output->trial->authority.len);
    }

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

    gwc_put_file_unless(w, variant, directive, name);
}


static bool
gwc_is_injected(const gwc_output_t *output, const gwc_variant_t *variant,
                const char *directive)
{
    const gwc_settings_t *settings = output->settings;

    if (variant->stream) {
        return gwc_settings_injected(settings, GWC_CONTEXT_STREAM, directive)
                   != NULL
               || gwc_settings_injected(settings, GWC_CONTEXT_SPROXY,
                                        directive)
                      != NULL;
    }

    return gwc_settings_injected(settings, GWC_CONTEXT_HTTP, directive) != NULL
           || gwc_settings_injected(settings, GWC_CONTEXT_PROXY, directive)
                  != NULL
           || gwc_settings_injected(settings, GWC_CONTEXT_LOCATION, directive)
                  != NULL;
}


static void
gwc_emit_trust(gwc_writer_t *w, gwc_output_t *output,
               const gwc_variant_t *variant, const char *prefix)
{
    const char *directive = gwc_sprintf("%s_ssl_trusted_certificate", prefix);
    const gwc_service_t *service = variant->service;

    if (service->ca_certificates.n
        || (output->trial != NULL && gwc_bool_or(service->tls_verify, false)))
    {
        gwc_emit_bundle(w, output, variant, directive);
        return;
    }

    if (!gwc_bool_or(service->tls_verify, false)
        || gwc_variant_has(variant, directive)
        || gwc_is_injected(output, variant, directive))
    {
        return;
    }

    if (access(gwc_system_bundle, R_OK) != 0) {
        gwc_error(service->tls_verify.node,
                  "needs ca_certificates: there is no \"%s\"",
                  gwc_system_bundle);
        return;
    }

    gwc_warning(service->tls_verify.node,
                "there are no ca_certificates: those of the system are "
                "trusted");
    gwc_put(w, directive, gwc_system_bundle, NULL);
}


void
gwc_emit_service_tls(gwc_writer_t *w, gwc_output_t *output,
                     const gwc_variant_t *variant, const char *prefix)
{
    const gwc_service_t *service = variant->service;
    const gwc_certificate_t *certificate = gwc_client_certificate(service);

    if (certificate != NULL) {
        gwc_emit_client_certificate(w, output, variant, certificate, prefix);
    }

    if (service->tls_verify.set) {
        gwc_put_unless(w, variant, gwc_sprintf("%s_ssl_verify", prefix),
                       service->tls_verify.v ? "on" : "off");
    }

    if (service->tls_verify_depth.set) {
        gwc_put_unless(
            w, variant, gwc_sprintf("%s_ssl_verify_depth", prefix),
            gwc_sprintf("%lld", (long long) service->tls_verify_depth.v));
    }

    gwc_emit_trust(w, output, variant, prefix);
}


static void
gwc_emit_timeout(gwc_writer_t *w, const gwc_output_t *output,
                 const gwc_variant_t *variant, const char *what,
                 gwc_int_t value)
{
    const char *directive = gwc_sprintf(
        "%s_%s_timeout",
        gwc_service_is_grpc(variant->service) ? "grpc" : "proxy", what);
    long long ms = (long long) gwc_int_or(value, 60000);

    /* nginx's own default, unless it was changed around us */
    if (ms == 60000 && !gwc_is_injected(output, variant, directive)) {
        return;
    }

    gwc_put_unless(w, variant, directive,
                   ms % 1000 ? gwc_sprintf("%lldms", ms)
                             : gwc_sprintf("%llds", ms / 1000));
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


/* around us or here, something is set that nginx inherits as a whole */
static bool
gwc_variant_hides(const gwc_output_t *output, const gwc_variant_t *variant,
                  const char *directive)
{
    return gwc_variant_has(variant, directive)
           || gwc_settings_injected(output->settings, GWC_CONTEXT_LOCATION,
                                    directive)
                  != NULL;
}


/* what nginx has to be told of the service besides us */
static void
gwc_emit_directives(gwc_writer_t *w, const gwc_output_t *output,
                    const gwc_variant_t *variant)
{
    bool grpc = gwc_service_is_grpc(variant->service);
    const char *prefix = grpc ? "grpc" : "proxy";

    /* a header set here would hide those set around us */
    if (gwc_variant_hides(output, variant,
                          gwc_sprintf("%s_set_header", prefix))) {
        if (grpc) {
            gwc_emit_grpc_headers(w, output);

        } else {
            gwc_emit_proxy_headers(w);
        }
    }

    if (gwc_variant_hides(output, variant,
                          gwc_sprintf("%s_pass_header", prefix))) {
        gwc_emit_pass_headers(w, prefix);
    }

    gwc_emit_injected_unless(w, output, GWC_CONTEXT_LOCATION,
                             variant->directives);

    if (variant->directives != NULL) {
        gwc_put_directives(w, variant->directives);
    }
}


static void
gwc_emit_service(gwc_writer_t *w, gwc_output_t *output,
                 const gwc_variant_t *variant)
{
    const gwc_service_t *service = variant->service;
    bool grpc = gwc_service_is_grpc(service);

    w->source = service->e.record.node;
    gwc_emit_service_head(w, variant);
    gwc_emit_service_record(w, output, service);

    gwc_emit_timeout(w, output, variant, "connect", service->connect_timeout);
    gwc_emit_timeout(w, output, variant, "send", service->write_timeout);
    gwc_emit_timeout(w, output, variant, "read", service->read_timeout);

    if (!grpc && !variant->request_buffering) {
        gwc_put_unless(w, variant, "proxy_request_buffering", "off");
    }

    if (!grpc && !variant->response_buffering) {
        gwc_put_unless(w, variant, "proxy_buffering", "off");
    }

    if (gwc_service_is_tls(service)) {
        gwc_emit_service_tls(w, output, variant, grpc ? "grpc" : "proxy");
    }

    gwc_emit_directives(w, output, variant);
    gwc_emit_plugins(w, output, &service->e);

    gwc_begin(w, grpc ? "grpc_pass" : "proxy_pass");
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


/* in pieces of which each is a token that nginx takes */
void
gwc_emit_expression(gwc_writer_t *w, const gwc_route_t *route)
{
    gwc_text_t rest = route->expression.v;

    gwc_begin(w, "expression");

    while (rest.len > 0) {
        size_t n =
            rest.len < GWC_EXPRESSION_PIECE ? rest.len : GWC_EXPRESSION_PIECE;

        gwc_arg_text(w, (gwc_text_t){ rest.data, n });

        rest.data += n;
        rest.len -= n;
    }

    gwc_end(w);

    if (gwc_int_or(route->priority, 0) != 0) {
        gwc_begin(w, "priority");
        gwc_argf(w, "%lld", (long long) route->priority.v);
        gwc_end(w);
    }
}


/* ADDRESS, NETWORK, ADDRESS:PORT, [IPV6]:PORT or :PORT */
static void
gwc_emit_endpoints(gwc_writer_t *w, const char *directive, gwc_list_t list)
{
    size_t i;

    if (list.n == 0) {
        return;
    }

    gwc_begin(w, directive);

    for (i = 0; i < list.n; i++) {
        const gwc_endpoint_t *e = GWC_ITEM(list, gwc_endpoint_t, i);
        gwc_text_t ip = e->ip.set ? e->ip.v : (gwc_text_t){ "", 0 };
        bool colons = memchr(ip.data, ':', ip.len) != NULL;

        if (!e->port.set) {
            gwc_arg_text(w, ip);

        } else {
            gwc_argf(w, "%s%.*s%s:%lld", colons ? "[" : "", (int) ip.len,
                     ip.data, colons ? "]" : "", (long long) e->port.v);
        }
    }

    gwc_end(w);
}


static void
gwc_emit_matchers(gwc_writer_t *w, const gwc_route_t *route)
{
    size_t i, k;

    if (route->expression.set) {
        gwc_emit_expression(w, route);
        return;
    }

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
    gwc_emit_endpoints(w, "sources", route->sources);
    gwc_emit_endpoints(w, "destinations", route->destinations);

    /* the older of two equal routes wins there */
    if (gwc_flavor_is("traditional") && route->e.created_at.set) {
        gwc_begin(w, "created_at");
        gwc_argf(w, "%.0f", route->e.created_at.v);
        gwc_end(w);
    }

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
    gwc_emit_route_record(w, output, route);

    if (!gwc_is_http_and_https(route->protocols)) {
        gwc_emit_strings(w, "protocols", route->protocols);
    }

    strip = gwc_bool_or(route->strip_path, true);

    if (!strip) {
        gwc_put(w, "strip_path", "off", NULL);
    }

    if (gwc_text_is(route->path_handling.v, "v1")) {
        gwc_put(w, "path_handling", "v1", NULL);
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
