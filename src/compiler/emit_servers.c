/*
 * Copyright (C) the ngx_gateway authors
 *
 * The servers: for clients, and for their operators.
 */

#include "emit_tls.h"

#include <string.h>

#define GWC_NGINX_HTTP2_ON  1025001 /* "http2 on;" */
#define GWC_NGINX_TRAILERS  1027002 /* "proxy_pass_trailers" */
#define GWC_NGINX_GRPC_HOST 1031004 /* "Host" is ":authority" */

static const char gwc_errors[] =
    "400 404 405 408 411 412 413 414 417 500 502 503 504";


void
gwc_emit_listens(gwc_writer_t *w, const gwc_output_t *output,
                 const gwc_vec_t *listens)
{
    bool http2 = false;
    size_t i;

    for (i = 0; i < listens->n; i++) {
        const gwc_listen_t *listen = listens->items[i];
        gwc_buf_t args = { 0 };

        gwc_buf_puts(&args, listen->address);
        gwc_buf_puts(&args, listen->ssl ? " ssl" : "");

        if (listen->http2) {
            http2 = true;

            if (output->nginx->version < GWC_NGINX_HTTP2_ON) {
                gwc_buf_puts(&args, " http2");
            }
        }

        gwc_buf_puts(&args, listen->proxy_protocol ? " proxy_protocol" : "");
        gwc_buf_puts(&args, listen->flags);
        gwc_raw(w, "listen", gwc_strndup(args.data, args.len));
    }

    if (http2 && output->nginx->version >= GWC_NGINX_HTTP2_ON) {
        gwc_put(w, "http2", "on", NULL);
    }
}


static void
gwc_emit_error_page(gwc_writer_t *w)
{
    gwc_raw(w, "error_page",
            gwc_sprintf("%s /gateway_error_page", gwc_errors));
    /* nginx would make it 400 before the handler can tell why */
    gwc_raw(w, "error_page", "494 =494 /gateway_error_page");
    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "=");
    gwc_arg(w, "/gateway_error_page");
    gwc_open(w, NULL);
    gwc_put(w, "internal", NULL);
    gwc_put(w, "gateway_error_page", NULL);
    gwc_close(w);
}


/* Host and all headers of the gateway behind it, Connection included */
void
gwc_emit_proxy_headers(gwc_writer_t *w)
{
    gwc_put(w, "proxy_set_header", "Host", "$gateway_upstream_headers", NULL);
    gwc_put(w, "proxy_set_header", "Connection", "", NULL);
}


void
gwc_emit_pass_headers(gwc_writer_t *w, const char *prefix)
{
    const char *directive = gwc_sprintf("%s_pass_header", prefix);

    gwc_put(w, directive, "Server", NULL);
    gwc_put(w, directive, "Date", NULL);
}


/* the headers and limits all proxied requests share */
static void
gwc_emit_proxy(gwc_writer_t *w, gwc_output_t *output)
{
    const gwc_context_t context = GWC_CONTEXT_PROXY;

    gwc_emit_default(w, output, context, "proxy_http_version", "1.1");

    gwc_emit_proxy_headers(w);
    gwc_emit_pass_headers(w, "proxy");
    /* an upstream decides about its answer, not about the gateway; whether
       its answer is buffered stays its own business */
    gwc_emit_default(w, output, context, "proxy_ignore_headers",
                     "X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate "
                     "X-Accel-Charset");
    gwc_emit_default(w, output, context, "proxy_redirect", "off");

    if (output->nginx->version >= GWC_NGINX_TRAILERS) {
        gwc_emit_default(w, output, context, "proxy_pass_trailers", "on");
    }

    if (output->has_https) {
        gwc_emit_default(w, output, context, "proxy_ssl_server_name", "on");
        gwc_emit_default(w, output, context, "proxy_ssl_name",
                         "$gateway_upstream_ssl_name");
        gwc_emit_service_protocols(w, output, "proxy");
        gwc_emit_client_ssl(w, output, "proxy");
    }
}


/*
 * nginx would send the name of the pool as ":authority".  A "Host" of our own
 * is sent instead, or in older ones turns that off; there ours goes first, as
 * pseudo headers have to.
 */
void
gwc_emit_grpc_headers(gwc_writer_t *w, const gwc_output_t *output)
{
    if (output->nginx->version >= GWC_NGINX_GRPC_HOST) {
        gwc_put(w, "grpc_set_header", "Host", "$gateway_upstream_host", NULL);
        return;
    }

    gwc_put(w, "grpc_set_header", ":authority", "$gateway_upstream_host",
            NULL);
    gwc_put(w, "grpc_set_header", "Host", "", NULL);
}


static void
gwc_emit_grpc(gwc_writer_t *w, gwc_output_t *output)
{
    const gwc_context_t context = GWC_CONTEXT_PROXY;

    gwc_emit_grpc_headers(w, output);
    gwc_emit_pass_headers(w, "grpc");
    gwc_emit_default(w, output, context, "grpc_ignore_headers",
                     "X-Accel-Redirect X-Accel-Charset");

    if (output->has_grpcs) {
        gwc_emit_default(w, output, context, "grpc_ssl_server_name", "on");
        gwc_emit_default(w, output, context, "grpc_ssl_name",
                         "$gateway_upstream_ssl_name");
        gwc_emit_service_protocols(w, output, "grpc");
        gwc_emit_client_ssl(w, output, "grpc");
    }
}


static void
gwc_emit_real_ip(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    size_t i;

    if (settings->trusted_ips.n == 0) {
        return;
    }

    for (i = 0; i < settings->trusted_ips.n; i++) {
        gwc_put(w, "set_real_ip_from", settings->trusted_ips.items[i], NULL);
    }

    gwc_emit_default(w, output, GWC_CONTEXT_PROXY, "real_ip_header",
                     gwc_settings_get(settings, "real_ip_header"));
    gwc_emit_default(w, output, GWC_CONTEXT_PROXY, "real_ip_recursive",
                     gwc_settings_get(settings, "real_ip_recursive"));
}


void
gwc_emit_proxy_server(gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    gwc_writer_t *w;

    if (settings->proxy_listen.n == 0) {
        return;
    }

    w = gwc_emit_file(output, "proxy.conf");

    gwc_begin(w, "server");
    gwc_open(w, NULL);
    gwc_put(w, "server_name", "gateway_proxy", NULL);
    gwc_emit_listens(w, output, &settings->proxy_listen);
    gwc_emit_tls(w, output, &settings->proxy_listen, GWC_CONTEXT_PROXY, "ssl",
                 &settings->ssl_cert, &settings->ssl_cert_key);
    gwc_emit_certificates(w, output, &settings->proxy_listen,
                          "gateway_certificate");
    gwc_emit_client_requests(w, output, &settings->proxy_listen);
    gwc_blank(w);

    gwc_emit_log(w, output, GWC_CONTEXT_PROXY, "proxy_access_log");

    if (output->trial != NULL) {
        gwc_emit_trial_server(w, output);
    }

    gwc_emit_error_log(w, output, "proxy_error_log");
    gwc_emit_real_ip(w, output);
    gwc_blank(w);

    gwc_emit_proxy(w, output);

    if (output->has_grpc || output->has_grpcs) {
        gwc_emit_grpc(w, output);
    }

    gwc_emit_injected(w, output, GWC_CONTEXT_PROXY);
    gwc_blank(w);

    gwc_put(w, "gateway_no_route", "404", NULL);
    gwc_emit_plugins(w, output, NULL);
    gwc_blank(w);
    gwc_emit_error_page(w);

    gwc_emit_services(w, output);
    gwc_emit_routes(w, output);
    gwc_close(w);
}


static void
gwc_emit_status_location(gwc_writer_t *w, const char *path,
                         const char *directive)
{
    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "=");
    gwc_arg(w, path);
    gwc_open(w, NULL);
    gwc_put(w, directive, NULL);
    gwc_close(w);
}


/* an answer in the style of the admin and status interfaces */
static void
gwc_emit_message(gwc_writer_t *w, const char *status, const char *message)
{
    gwc_put(w, "gateway_status_message", status, message, NULL);
}


/* what the listeners for status and for administration have in common */
void
gwc_emit_status_locations(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    size_t i;

    gwc_emit_error_page(w);

    gwc_emit_status_location(w, "/status", "gateway_status");

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        if (gwc_plugin_rules[i]->emit_status != NULL) {
            gwc_blank(w);
            gwc_plugin_rules[i]->emit_status(w, output->model, settings);
        }
    }

    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "=");
    gwc_arg(w, "/status/dns");
    gwc_open(w, NULL);

    if (gwc_settings_flag(settings, "new_dns_client")) {
        gwc_put(w, "gateway_dns_status", NULL);

    } else {
        gwc_emit_message(w, "501",
                         "not implemented with the legacy DNS client");
    }

    gwc_close(w);
}


void
gwc_emit_status_server(gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    gwc_writer_t *w;

    if (settings->status_listen.n == 0) {
        return;
    }

    w = gwc_emit_file(output, "status.conf");

    gwc_begin(w, "server");
    gwc_open(w, NULL);
    gwc_put(w, "server_name", "gateway_status", NULL);
    gwc_emit_listens(w, output, &settings->status_listen);
    gwc_emit_tls(w, output, &settings->status_listen, GWC_CONTEXT_STATUS,
                 "status_ssl", &settings->status_ssl_cert,
                 &settings->status_ssl_cert_key);
    gwc_blank(w);

    gwc_emit_log(w, output, GWC_CONTEXT_STATUS, "status_access_log");

    if (output->trial != NULL) {
        gwc_emit_trial_server(w, output);
    }

    gwc_emit_error_log(w, output, "status_error_log");
    gwc_emit_default(w, output, GWC_CONTEXT_STATUS, "charset", "off");
    gwc_emit_injected(w, output, GWC_CONTEXT_STATUS);
    gwc_blank(w);
    gwc_emit_status_locations(w, output);
    gwc_emit_status_location(w, "/status/ready", "gateway_status_ready");

    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "/upstreams/");
    gwc_open(w, NULL);
    gwc_put(w, "gateway_upstream_status", NULL);
    gwc_close(w);

    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "/");
    gwc_open(w, NULL);
    gwc_emit_message(w, "404", "Not found");
    gwc_close(w);
    gwc_close(w);
}
