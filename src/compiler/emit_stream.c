/*
 * Copyright (C) the ngx_gateway authors
 *
 * Routes and services of streams as stream{}.
 */

#include <stdio.h>
#include <string.h>

#include "emit_stream.h"
#include "emit_tls.h"
#include "gateway_stream_router.h"

/* the upstream{} of all services */
#define GWC_STREAM_POOL "gateway_stream_pool"


static bool
gwc_stream_has(const gwc_route_t *route, const char *protocol)
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


/* it exists for the connections of streams */
static bool
gwc_stream_is_written(const gwc_route_t *route)
{
    return !gwc_route_is_http(route)
           && (route->owner == NULL
               || gwc_bool_or(route->owner->enabled, true));
}


bool
gwc_upstream_has_streams(const gwc_upstream_t *upstream,
                         const gwc_model_t *model,
                         const gwc_settings_t *settings)
{
    size_t i;

    for (i = 0; settings->stream_listen.n && i < model->routes.n; i++) {
        const gwc_route_t *route = model->routes.items[i];

        if (route->owner != NULL && route->owner->upstream == upstream
            && gwc_stream_is_written(route))
        {
            return true;
        }
    }

    return false;
}


/* some listener has connections of its protocols */
static bool
gwc_stream_is_heard(const gwc_route_t *route, const gwc_settings_t *settings)
{
    bool tls = gwc_stream_has(route, "tls")
               || gwc_stream_has(route, "tls_passthrough");
    size_t i;

    for (i = 0; i < settings->stream_listen.n; i++) {
        const gwc_listen_t *listen = settings->stream_listen.items[i];

        if (listen->udp   ? gwc_stream_has(route, "udp")
            : listen->ssl ? tls
                          : gwc_stream_has(route, "tcp"))
        {
            return true;
        }
    }

    return false;
}


static void
gwc_stream_check_route(const gwc_route_t *route,
                       const gwc_settings_t *settings)
{
    if (settings->stream_listen.n && !gwc_stream_is_heard(route, settings)) {
        gwc_warning(route->protocols.node ? route->protocols.node
                                          : route->e.record.node,
                    "no connection comes to this route: stream_listen has no "
                    "listener for its protocols");
    }

    if (route->owner != NULL && gwc_is_http_protocol(route->owner->protocol.v))
    {
        gwc_warning(route->e.record.node,
                    "connections go to a service of protocol \"%.*s\" as "
                    "they are",
                    (int) route->owner->protocol.v.len,
                    route->owner->protocol.v.data);
    }
}


/* it is for routes like this, which it has no part in */
static bool
gwc_stream_is_aimed(const gwc_plugin_t *plugin)
{
    const gwc_route_t *route =
        (const gwc_route_t *) (const void *) plugin->route.target;
    const gwc_service_t *service =
        (const gwc_service_t *) (const void *) plugin->service.target;

    if (route != NULL) {
        return !gwc_route_is_http(route);
    }

    return service != NULL && !gwc_is_http_protocol(service->protocol.v);
}


/*
 * A plugin that is ignored would leave open what its author meant to close,
 * so that such ones are errors.
 */
static void
gwc_stream_check_plugin(const gwc_plugin_t *plugin, bool streams,
                        void (*report)(const gwc_node_t *node, const char *fmt,
                                       ...)
                            __attribute__((format(printf, 2, 3))))
{
    const gwc_node_t *node =
        plugin->name.node ? plugin->name.node : plugin->e.record.node;

    if (plugin->rule == NULL || !gwc_bool_or(plugin->enabled, true)) {
        return;
    }

    if (gwc_plugin_is_for_streams(plugin)) {
        if (streams && plugin->rule->emit_stream == NULL) {
            report(plugin->protocols.node ? plugin->protocols.node : node,
                   "plugin \"%s\" does not run for streams yet",
                   plugin->rule->name);

        } else if (streams
                   && (plugin->consumer.target != NULL
                       || plugin->consumer_group.target != NULL))
        {
            report(node,
                   "streams have no consumers: plugin \"%s\" would "
                   "never run for them",
                   plugin->rule->name);
        }

        return;
    }

    if (gwc_stream_is_aimed(plugin)) {
        report(node, "plugin \"%s\" never runs here: it is none for streams%s",
               plugin->rule->name,
               plugin->rule->emit_stream != NULL
                   ? ", or its \"protocols\" lack them"
                   : "");
    }
}


/* sessions have an address, and nothing else to hash */
static void
gwc_stream_check_hash(const gwc_upstream_t *upstream)
{
    if (upstream->hash_on.set && !gwc_text_is(upstream->hash_on.v, "none")
        && !gwc_text_is(upstream->hash_on.v, "ip")
        && !(upstream->hash_fallback.set
             && gwc_text_is(upstream->hash_fallback.v, "ip")))
    {
        gwc_warning(upstream->hash_on.node ? upstream->hash_on.node
                                           : upstream->e.record.node,
                    "streams have no \"%.*s\": all sessions of stream "
                    "services go to one target, use \"ip\"",
                    (int) upstream->hash_on.v.len, upstream->hash_on.v.data);
    }
}


void
gwc_check_streams(const gwc_model_t *model, const gwc_settings_t *settings,
                  bool allow)
{
    void (*report)(const gwc_node_t *node, const char *fmt, ...)
        __attribute__((format(printf, 2, 3))) =
            allow ? gwc_warning : gwc_error;
    gwc_map_t *upstreams = gwc_map_create();
    bool off = settings->stream_listen.n == 0;
    bool streams = false;
    size_t i;

    for (i = 0; i < model->routes.n; i++) {
        const gwc_route_t *route = model->routes.items[i];
        const gwc_service_t *service = route->owner;

        if (gwc_route_is_http(route)) {
            if (service != NULL && !gwc_is_http_protocol(service->protocol.v))
            {
                report(route->e.record.node,
                       "a route for HTTP cannot go to a service of protocol "
                       "\"%.*s\"",
                       (int) service->protocol.v.len,
                       service->protocol.v.data);
            }

            continue;
        }

        if (off && !streams) {
            gwc_warning(route->e.record.node,
                        "routes for streams are left out: the setting "
                        "\"stream_listen\" is off");
        }

        streams = true;
        gwc_stream_check_route(route, settings);

        if (service != NULL && service->upstream != NULL
            && gwc_map_add(upstreams, service->upstream->name.v,
                           service->upstream)
                   == NULL)
        {
            gwc_stream_check_hash(service->upstream);
        }
    }

    for (i = 0; i < model->plugins.n; i++) {
        gwc_stream_check_plugin(model->plugins.items[i], streams && !off,
                                report);
    }
}


void
gwc_plan_streams(gwc_output_t *output)
{
    const gwc_model_t *model = output->model;
    size_t i;

    /* a test run sends requests, and has no other listener than its own */
    if (output->settings->stream_listen.n == 0 || output->trial != NULL) {
        return;
    }

    for (i = 0; i < model->routes.n; i++) {
        const gwc_route_t *route = model->routes.items[i];

        if (!gwc_stream_is_written(route)) {
            continue;
        }

        output->streams = true;

        if (route->owner != NULL && route->owner->upstream == NULL
            && !gwc_host_is_ip(route->owner->host.v))
        {
            output->needs_resolver = true;
            output->stream_resolver = true;
        }
    }
}


void
gwc_emit_stream_modules(gwc_writer_t *w, const gwc_output_t *output,
                        bool after)
{
    const gwc_nginx_t *nginx = output->nginx;

    if (!output->streams) {
        return;
    }

    if (!after) {
        if (!nginx->has_stream) {
            gwc_error(NULL, "routes for streams need nginx's stream module, "
                            "which this nginx does not have");

        } else if (nginx->stream_is_missing != NULL) {
            gwc_error(NULL,
                      "routes for streams need nginx's stream module: there "
                      "is no \"%s\"",
                      nginx->stream_is_missing);
            gwc_fix("Debian's package is libnginx-mod-stream");

        } else if (nginx->stream != NULL) {
            gwc_put(w, "load_module", nginx->stream, NULL);
        }

        return;
    }

    if (nginx->module == NULL) {
        /* built in */
        return;
    }

    if (nginx->stream_module == NULL) {
        gwc_error(NULL,
                  "routes for streams need ngx_stream_gateway_module.so "
                  "beside \"%s\"",
                  nginx->module);
        return;
    }

    gwc_put(w, "load_module", nginx->stream_module, NULL);
}


static void
gwc_stream_listens(gwc_writer_t *w, const gwc_vec_t *listens)
{
    size_t i;

    for (i = 0; i < listens->n; i++) {
        const gwc_listen_t *listen = listens->items[i];

        gwc_raw(w, "listen",
                gwc_sprintf("%s%s%s%s%s", listen->address,
                            listen->ssl ? " ssl" : "",
                            listen->udp ? " udp" : "",
                            listen->proxy_protocol ? " proxy_protocol" : "",
                            listen->flags));
    }
}


/* whose addresses in the PROXY protocol are believed */
static void
gwc_stream_real_ip(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    bool proxy_protocol = false;
    size_t i;

    for (i = 0; i < settings->stream_listen.n; i++) {
        const gwc_listen_t *listen = settings->stream_listen.items[i];

        proxy_protocol |= listen->proxy_protocol;
    }

    for (i = 0; proxy_protocol && i < settings->trusted_ips.n; i++) {
        gwc_put(w, "set_real_ip_from", settings->trusted_ips.items[i], NULL);
    }
}


static void
gwc_stream_logs(gwc_writer_t *w, const gwc_output_t *output)
{
    const char *value =
        gwc_settings_get(output->settings, "proxy_stream_access_log");

    if (gwc_settings_injected(output->settings, GWC_CONTEXT_SPROXY,
                              "access_log")
        == NULL)
    {
        if (strcmp(value, "off") == 0 || strpbrk(value, " \t") != NULL) {
            gwc_raw(w, "access_log", value);

        } else {
            gwc_put(w, "access_log", value, "basic", NULL);
        }
    }

    gwc_emit_error_log(w, output, "proxy_stream_error_log");
}


static bool
gwc_stream_service_is_tls(const gwc_service_t *service)
{
    return gwc_text_is(service->protocol.v, "tls")
           || gwc_text_is(service->protocol.v, "https");
}


/*
 * One block a service; another one, "orders#passthrough", when a TLS service
 * is the end of connections that are encrypted already.
 */
static const char *
gwc_stream_block(const gwc_route_t *route)
{
    gwc_text_t name = gwc_name_of(&route->owner->e, route->owner->name);

    return gwc_sprintf("%.*s%s", (int) name.len, name.data,
                       gwc_stream_has(route, "tls_passthrough")
                               && gwc_stream_service_is_tls(route->owner)
                           ? "#passthrough"
                           : "");
}


static const char *
gwc_stream_time(long long ms)
{
    return ms % 1000 ? gwc_sprintf("%lldms", ms)
                     : gwc_sprintf("%llds", ms / 1000);
}


static void
gwc_stream_service(gwc_writer_t *w, gwc_output_t *output,
                   const gwc_route_t *route, const char *block)
{
    const gwc_service_t *service = route->owner;
    gwc_text_t name = gwc_name_of(&service->e, service->name);
    long long retries = (long long) gwc_int_or(service->retries, 5);
    long long reading = (long long) gwc_int_or(service->read_timeout, 60000);
    long long writing = (long long) gwc_int_or(service->write_timeout, 60000);
    gwc_variant_t variant = { .service = service, .stream = true };

    w->source = service->e.record.node;

    gwc_blank(w);
    gwc_begin(w, "gateway_stream_service");
    gwc_arg_text(w, (gwc_text_t){ block, strlen(block) });

    if (!gwc_text_is(name, block)) {
        gwc_param(w, "name", name);
    }

    gwc_argf(w, "id=%s", service->e.id);

    if (service->upstream != NULL) {
        gwc_param(w, "upstream", service->upstream->name.v);

    } else {
        gwc_param(w, "host", service->host.v);
        gwc_argf(w, "port=%lld", (long long) gwc_int_or(service->port, 80));
    }

    if (retries != 5) {
        gwc_argf(w, "retries=%lld", retries);
    }

    gwc_open(w, service->e.record.node);
    gwc_put(w, "proxy_pass", GWC_STREAM_POOL, NULL);
    gwc_put(w, "proxy_connect_timeout",
            gwc_stream_time(
                (long long) gwc_int_or(service->connect_timeout, 60000)),
            NULL);
    /* nginx has one for both directions */
    gwc_put(w, "proxy_timeout",
            gwc_stream_time(reading > writing ? reading : writing), NULL);

    if (gwc_stream_service_is_tls(service)
        && !gwc_stream_has(route, "tls_passthrough"))
    {
        gwc_put(w, "proxy_ssl", "on", NULL);
        gwc_emit_service_tls(w, output, &variant, "proxy");
    }

    gwc_close(w);
}


static void
gwc_stream_services(gwc_writer_t *w, gwc_output_t *output)
{
    gwc_map_t *written = gwc_map_create();
    size_t i;

    for (i = 0; i < output->model->routes.n; i++) {
        gwc_route_t *route = output->model->routes.items[i];
        const char *block;

        if (!gwc_stream_is_written(route) || route->owner == NULL) {
            continue;
        }

        block = gwc_stream_block(route);

        if (gwc_map_add(written, (gwc_text_t){ block, strlen(block) }, route)
            == NULL) {
            gwc_stream_service(w, output, route, block);
        }
    }
}


static void
gwc_stream_strings(gwc_writer_t *w, const char *line, gwc_list_t list)
{
    size_t i;

    if (list.n == 0) {
        return;
    }

    gwc_begin(w, line);

    for (i = 0; i < list.n; i++) {
        gwc_arg_text(w, GWC_ITEM(list, gwc_str_t, i)->v);
    }

    gwc_end(w);
}


/* "10.0.0.0/8", "10.0.0.1:80", ":80", "[::1]:80" */
static void
gwc_stream_ends(gwc_writer_t *w, const char *line, gwc_list_t list)
{
    size_t i;

    if (list.n == 0) {
        return;
    }

    gwc_begin(w, line);

    for (i = 0; i < list.n; i++) {
        const gwc_endpoint_t *end = GWC_ITEM(list, gwc_endpoint_t, i);
        gwc_text_t ip = { "", 0 };
        bool v6;

        if (end->ip.set) {
            ip = end->ip.v;
        }

        v6 = ip.len && memchr(ip.data, ':', ip.len) != NULL;

        if (!end->port.set) {
            gwc_argf(w, "%.*s", (int) ip.len, ip.data);

        } else {
            gwc_argf(w, v6 ? "[%.*s]:%lld" : "%.*s:%lld", (int) ip.len,
                     ip.data, (long long) end->port.v);
        }
    }

    gwc_end(w);
}


/* the rank of the flavor traditional; others are the module's own */
static void
gwc_stream_priority(gwc_writer_t *w, const gwc_route_t *route)
{
    size_t n = route->sources.n + route->destinations.n;
    gateway_stream_end_t *ends =
        gwc_alloc_array(n + 1, sizeof(gateway_stream_end_t));
    gateway_stream_route_t ranked = { .nsnis = route->snis.n,
                                      .nsources = route->sources.n,
                                      .ndestinations = route->destinations.n };
    size_t i;

    for (i = 0; i < n; i++) {
        const gwc_endpoint_t *end =
            i < route->sources.n
                ? GWC_ITEM(route->sources, gwc_endpoint_t, i)
                : GWC_ITEM(route->destinations, gwc_endpoint_t,
                           i - route->sources.n);

        ends[i].has_addr = end->ip.set;
        ends[i].has_port = end->port.set;
    }

    ranked.sources = ends;
    ranked.destinations = ends + route->sources.n;

    gwc_begin(w, "priority");
    gwc_argf(w, "%llu",
             (unsigned long long) gateway_stream_priority(&ranked, 1));
    gwc_end(w);
}


static void
gwc_stream_plugins(gwc_writer_t *w, const gwc_output_t *output,
                   const gwc_route_t *route)
{
    const gwc_plugin_t *plugin;
    size_t i;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        if (gwc_plugin_rules[i]->emit_stream == NULL) {
            continue;
        }

        plugin = gwc_resolve_stream_plugin(output->model,
                                           gwc_plugin_rules[i]->name, route);

        if (plugin != NULL) {
            w->source = plugin->e.record.node;
            plugin->rule->emit_stream(w, plugin);
        }
    }
}


static void
gwc_stream_route(gwc_writer_t *w, const gwc_output_t *output,
                 const gwc_route_t *route)
{
    w->source = route->e.record.node;

    gwc_blank(w);
    gwc_begin(w, "gateway_stream_route");
    gwc_arg_text(w, gwc_name_of(&route->e, route->name));
    gwc_argf(w, "id=%s", route->e.id);

    if (route->owner != NULL) {
        const char *block = gwc_stream_block(route);

        gwc_param(w, "service", (gwc_text_t){ block, strlen(block) });
    }

    gwc_open(w, route->e.record.node);
    gwc_stream_strings(w, "protocols", route->protocols);
    gwc_stream_strings(w, "snis", route->snis);
    gwc_stream_ends(w, "sources", route->sources);
    gwc_stream_ends(w, "destinations", route->destinations);

    if (gwc_bool_or(route->preserve_host, false)) {
        gwc_put(w, "preserve_host", "on", NULL);
    }

    if (route->expression.set) {
        gwc_emit_expression(w, route);
    }

    if (gwc_flavor_is("traditional")) {
        gwc_stream_priority(w, route);
    }

    gwc_stream_plugins(w, output, route);
    gwc_close(w);
}


/* TLS to services; in nginx's own ranks it is about the whole server */
static void
gwc_stream_proxy_tls(gwc_writer_t *w, gwc_output_t *output)
{
    const gwc_context_t context = GWC_CONTEXT_SPROXY;
    size_t i;

    for (i = 0; i < output->model->routes.n; i++) {
        const gwc_route_t *route = output->model->routes.items[i];

        if (gwc_stream_is_written(route) && route->owner != NULL
            && gwc_stream_service_is_tls(route->owner))
        {
            gwc_emit_default(w, output, context, "proxy_ssl_server_name",
                             "on");
            gwc_emit_default(w, output, context, "proxy_ssl_name",
                             "$gateway_stream_upstream_host");
            gwc_emit_default(w, output, context, "proxy_ssl_protocols",
                             "TLSv1.2 TLSv1.3");
            gwc_emit_client_ssl(w, output, "proxy");
            return;
        }
    }
}


static void
gwc_stream_server(gwc_writer_t *w, gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    size_t i;

    gwc_begin(w, "server");
    gwc_open(w, NULL);
    gwc_stream_listens(w, &settings->stream_listen);
    gwc_emit_tls(w, output, &settings->stream_listen, GWC_CONTEXT_SPROXY,
                 "stream_ssl", &settings->ssl_cert, &settings->ssl_cert_key);
    gwc_emit_certificates(w, output, &settings->stream_listen,
                          "gateway_stream_certificate");
    gwc_blank(w);

    gwc_stream_logs(w, output);
    gwc_stream_real_ip(w, output);
    gwc_stream_proxy_tls(w, output);
    gwc_emit_injected(w, output, GWC_CONTEXT_SPROXY);

    gwc_stream_services(w, output);

    for (i = 0; i < output->model->routes.n; i++) {
        const gwc_route_t *route = output->model->routes.items[i];

        if (gwc_stream_is_written(route)) {
            gwc_stream_route(w, output, route);
        }
    }

    gwc_close(w);
}


/* the one of http{} where that is not ours */
static void
gwc_stream_resolver(gwc_writer_t *w, const gwc_output_t *output)
{
    const char *injected =
        gwc_settings_injected(output->settings, GWC_CONTEXT_HTTP, "resolver");

    if (injected != NULL) {
        gwc_emit_default(w, output, GWC_CONTEXT_STREAM, "resolver", injected);

    } else {
        gwc_emit_resolver(w, output, GWC_CONTEXT_STREAM);
    }
}


void
gwc_emit_stream(gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    gwc_writer_t *w;
    size_t i;

    if (!output->streams) {
        return;
    }

    w = gwc_emit_file(output, "stream.conf");

    gwc_raw(w, "log_format",
            "basic '$remote_addr [$time_local] $protocol $status $bytes_sent "
            "$bytes_received '\n"
            "                 '$session_time'");
    gwc_emit_default(w, output, GWC_CONTEXT_STREAM, "variables_hash_max_size",
                     "2048");

    if (output->stream_resolver) {
        gwc_stream_resolver(w, output);
    }

    gwc_emit_injected(w, output, GWC_CONTEXT_STREAM);

    if (settings->port_maps.n) {
        gwc_begin(w, "gateway_stream_port_map");

        for (i = 0; i < settings->port_maps.n; i++) {
            gwc_arg(w, settings->port_maps.items[i]);
        }

        gwc_end(w);
    }

    gwc_blank(w);
    gwc_begin(w, "upstream");
    gwc_arg(w, GWC_STREAM_POOL);
    gwc_open(w, NULL);
    gwc_put(w, "gateway_stream_balancer", NULL);
    gwc_emit_injected(w, output, GWC_CONTEXT_SUPSTREAM);
    gwc_close(w);
    gwc_blank(w);

    gwc_stream_server(w, output);
}
