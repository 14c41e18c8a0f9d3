/*
 * Copyright (C) the ngx_gateway authors
 *
 * nginx.conf and the files of http{}: settings, consumers, servers.
 */

#include "emit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GWC_NGINX_HTTP2_ON 1025001 /* "http2 on;" */

const char *const gwc_default_certificates[2][2] = {
    { "tls/default.crt", "tls/default.key" },
    { "tls/default-ecdsa.crt", "tls/default-ecdsa.key" }
};

static const char gwc_errors[] =
    "400 404 405 408 411 412 413 414 417 500 502 503 504";

/* Mozilla's recommendations, as kong.conf names them */
static const struct {
    const char *suite;
    const char *protocols;
    const char *ciphers;
    const char *prefer;
} gwc_suites[] = {
    { "modern", "TLSv1.3", NULL, "off" },
    { "intermediate", "TLSv1.2 TLSv1.3",
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
      "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384",
      "off" },
    { "old", "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
      "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
      "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"
      "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA:"
      "@SECLEVEL=0",
      "on" },
    { "fips", "TLSv1.2 TLSv1.3",
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
      "on" },
    { "custom", "TLSv1.2 TLSv1.3", NULL, "on" }
};


gwc_writer_t *
gwc_emit_file(gwc_output_t *output, const char *name)
{
    gwc_file_t *file = gwc_alloc(sizeof(gwc_file_t));

    file->name = name;
    gwc_vec_push(&output->files, file);

    return &file->writer;
}


void
gwc_emit_injected(gwc_writer_t *w, const gwc_output_t *output,
                  gwc_context_t context)
{
    size_t i;

    for (i = 0; i < output->settings->injected.n; i++) {
        const gwc_injected_t *injected = output->settings->injected.items[i];

        if (injected->context != context
            || (context == GWC_CONTEXT_MAIN
                && strcmp(injected->directive, "daemon") == 0
                && output->foreground))
        {
            continue;
        }

        /* kong.conf's word for what the machine allows is our default */
        if (strcmp(injected->value, "auto") == 0
            && (strcmp(injected->directive, "worker_connections") == 0
                || strcmp(injected->directive, "worker_rlimit_nofile") == 0))
        {
            continue;
        }

        gwc_raw(w, injected->directive, injected->value);
    }
}


void
gwc_emit_default(gwc_writer_t *w, const gwc_output_t *output,
                 gwc_context_t context, const char *name, const char *value)
{
    const char *injected =
        gwc_settings_injected(output->settings, context, name);

    if (injected == NULL
        || (strcmp(injected, "auto") == 0
            && strcmp(name, "worker_processes") != 0))
    {
        gwc_raw(w, name, value);
    }
}


static void
gwc_emit_log(gwc_writer_t *w, const gwc_output_t *output, const char *setting)
{
    const char *value = gwc_settings_get(output->settings, setting);

    if (value == NULL || strcmp(value, "off") == 0) {
        gwc_put(w, "access_log", "off", NULL);

    } else if (strpbrk(value, " \t") != NULL) {
        gwc_raw(w, "access_log", value);

    } else {
        gwc_put(w, "access_log", value, "gateway", NULL);
    }
}


static void
gwc_emit_error_log(gwc_writer_t *w, const gwc_output_t *output,
                   const char *setting)
{
    const char *level = gwc_settings_get(output->settings, "log_level");
    const char *value = gwc_settings_get(output->settings, setting);

    if (strcmp(value, "off") == 0) {
        gwc_put(w, "error_log", "/dev/null", "emerg", NULL);

    } else if (strpbrk(value, " \t") != NULL) {
        gwc_raw(w, "error_log", value);

    } else {
        gwc_put(w, "error_log", value, level, NULL);
    }
}


static void
gwc_emit_main(gwc_output_t *output)
{
    static const char *const includes[] = { "http.conf", "upstreams.conf",
                                            "consumers.conf", "proxy.conf",
                                            "status.conf" };
    gwc_writer_t *w = &output->main;
    size_t i;

    gwc_comment(w,
                "ngx-gateway " GWC_VERSION ": made from %s, do not edit: the "
                "next compile replaces it",
                output->sources);
    gwc_blank(w);

    if (output->nginx->module != NULL) {
        gwc_put(w, "load_module", output->nginx->module, NULL);
        gwc_blank(w);
    }

    gwc_emit_default(w, output, GWC_CONTEXT_MAIN, "worker_processes", "auto");
    gwc_emit_default(w, output, GWC_CONTEXT_MAIN, "worker_rlimit_nofile",
                     "65536");
    gwc_emit_default(w, output, GWC_CONTEXT_MAIN, "pid", "nginx.pid");
    gwc_emit_injected(w, output, GWC_CONTEXT_MAIN);
    gwc_emit_error_log(w, output, "proxy_error_log");
    gwc_blank(w);

    gwc_begin(w, "events");
    gwc_open(w, NULL);
    gwc_emit_default(w, output, GWC_CONTEXT_EVENTS, "worker_connections",
                     "16384");
    gwc_emit_default(w, output, GWC_CONTEXT_EVENTS, "multi_accept", "on");
    gwc_emit_injected(w, output, GWC_CONTEXT_EVENTS);
    gwc_close(w);
    gwc_blank(w);

    gwc_begin(w, "http");
    gwc_open(w, NULL);

    for (i = 0; i < sizeof(includes) / sizeof(includes[0]); i++) {
        size_t k;

        for (k = 0; k < output->files.n; k++) {
            const gwc_file_t *file = output->files.items[k];

            if (strcmp(file->name, includes[i]) == 0) {
                gwc_begin(w, "include");
                gwc_arg_generated(w, file->name);
                gwc_end(w);
            }
        }
    }

    gwc_close(w);
}


static void
gwc_emit_temp_paths(gwc_writer_t *w, const gwc_output_t *output)
{
    static const struct {
        const char *without;
        const char *directive;
        const char *path;
    } paths[] = {
        { "", "client_body_temp_path", "temp/client_body" },
        { "--without-http_proxy_module", "proxy_temp_path", "temp/proxy" },
        { "--without-http_fastcgi_module", "fastcgi_temp_path",
          "temp/fastcgi" },
        { "--without-http_uwsgi_module", "uwsgi_temp_path", "temp/uwsgi" },
        { "--without-http_scgi_module", "scgi_temp_path", "temp/scgi" }
    };
    size_t i;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (paths[i].without[0] == '\0'
            || !gwc_nginx_has(output->nginx, paths[i].without))
        {
            gwc_emit_default(w, output, GWC_CONTEXT_HTTP, paths[i].directive,
                             paths[i].path);
        }
    }
}


static void
gwc_emit_texts(gwc_writer_t *w, const char *directive, const gwc_vec_t *texts)
{
    size_t i;

    gwc_begin(w, directive);

    for (i = 0; i < texts->n; i++) {
        gwc_arg(w, texts->items[i]);
    }

    gwc_end(w);
}


static void
gwc_emit_template(gwc_writer_t *w, const gwc_output_t *output,
                  const char *format)
{
    const char *file;
    char *real;

    file = gwc_settings_get(output->settings,
                            gwc_sprintf("error_template_%s", format));

    if (file == NULL) {
        return;
    }

    real = realpath(file, NULL);

    if (real == NULL) {
        gwc_error(NULL, "setting \"error_template_%s\": cannot find \"%s\"",
                  format, file);
        return;
    }

    gwc_put(w, "gateway_error_template", format, real, NULL);
    free(real);
}


static void
gwc_emit_gateway(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;

    gwc_put(w, "gateway_configuration_hash", output->model->hash, NULL);
    gwc_emit_texts(w, "gateway_headers", &settings->headers);
    gwc_emit_texts(w, "gateway_headers_upstream", &settings->headers_upstream);
    gwc_put(w, "gateway_strip_identity_headers",
            gwc_settings_get(settings, "strip_identity_headers"), NULL);
    gwc_put(w, "gateway_allow_debug_header",
            gwc_settings_get(settings, "allow_debug_header"), NULL);

    if (settings->trusted_ips.n) {
        gwc_emit_texts(w, "gateway_trusted_ips", &settings->trusted_ips);
    }

    if (settings->port_maps.n) {
        gwc_emit_texts(w, "gateway_port_map", &settings->port_maps);
    }

    gwc_put(w, "gateway_error_default_type",
            gwc_settings_get(settings, "error_default_type"), NULL);
    gwc_emit_template(w, output, "html");
    gwc_emit_template(w, output, "json");
    gwc_emit_template(w, output, "plain");
    gwc_emit_template(w, output, "xml");

    gwc_put(w, "gateway_router_flavor",
            gwc_settings_get(settings, "router_flavor"), NULL);
    gwc_put(w, "gateway_route_match_calculation",
            gwc_settings_get(settings, "route_match_calculation"), NULL);
    gwc_put(w, "gateway_encoded_dot_segments",
            gwc_settings_get(settings, "encoded_dot_segments"), NULL);
}


/* the nameservers of resolv.conf, as nginx's "resolver" takes them */
static void
gwc_read_resolv_conf(gwc_vec_t *servers)
{
    char line[512];
    FILE *file;

    file = fopen("/etc/resolv.conf", "re");

    if (file == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), file) != NULL) {
        char *p = line;
        size_t len;

        if (strncmp(p, "nameserver", 10) != 0
            || (p[10] != ' ' && p[10] != '\t')) {
            continue;
        }

        p += 10;
        p += strspn(p, " \t");
        len = strcspn(p, " \t\r\n#;");

        /* nginx takes no zones of link-local addresses */
        if (len == 0 || memchr(p, '%', len) != NULL) {
            continue;
        }

        gwc_vec_push(servers, memchr(p, ':', len) != NULL
                                  ? gwc_sprintf("[%.*s]", (int) len, p)
                                  : gwc_strndup(p, len));
    }

    (void) fclose(file);
}


static void
gwc_emit_resolver(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    gwc_vec_t servers = { 0 };
    size_t i;

    if (!output->needs_resolver
        || gwc_settings_injected(settings, GWC_CONTEXT_HTTP, "resolver")
               != NULL)
    {
        return;
    }

    for (i = 0; i < settings->dns_resolver.n; i++) {
        gwc_vec_push(&servers, settings->dns_resolver.items[i]);
    }

    if (servers.n == 0) {
        gwc_read_resolv_conf(&servers);
    }

    if (servers.n == 0) {
        gwc_warning(NULL, "hosts are given by name, but there is no "
                          "nameserver: see dns_resolver");
        return;
    }

    gwc_begin(w, "resolver");

    for (i = 0; i < servers.n; i++) {
        gwc_arg(w, servers.items[i]);
    }

    if (gwc_settings_get(settings, "dns_valid_ttl") != NULL) {
        gwc_argf(w, "valid=%lds",
                 gwc_settings_number(settings, "dns_valid_ttl"));
    }

    /* AAAA is not asked for unless told otherwise, as dns_order has it */
    gwc_arg(w, "ipv6=off");
    gwc_end(w);
}


static void
gwc_emit_rules_http(gwc_writer_t *w, const gwc_output_t *output)
{
    size_t i;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        if (gwc_plugin_rules[i]->emit_http != NULL
            && gwc_scopes_used(output->scopes, gwc_plugin_rules[i]))
        {
            gwc_plugin_rules[i]->emit_http(w, output->model, output->settings);
        }
    }
}


static void
gwc_emit_http(gwc_output_t *output, gwc_writer_t *w)
{
    gwc_raw(w, "log_format",
            "gateway '$remote_addr - $remote_user [$time_local] \"$request\" "
            "$status '\n"
            "                   '$body_bytes_sent \"$http_referer\" "
            "\"$http_user_agent\" '\n"
            "                   'kong_request_id: \"$gateway_request_id\"'");
    gwc_blank(w);

    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "default_type",
                     "application/octet-stream");
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "charset", "UTF-8");
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "server_tokens", "off");
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "underscores_in_headers",
                     "on");
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "client_max_body_size", "0");
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "client_body_buffer_size",
                     "8k");
    /* one allocation a request instead of several: the headers that the
       gateway adds do not fit into nginx's 4k */
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "request_pool_size", "16k");
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "keepalive_requests",
                     "10000");
    /* our variables are many, and their names long */
    gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "variables_hash_max_size",
                     "2048");
    gwc_emit_temp_paths(w, output);
    gwc_emit_resolver(w, output);
    gwc_emit_injected(w, output, GWC_CONTEXT_HTTP);
    gwc_blank(w);

    gwc_emit_gateway(w, output);
    gwc_emit_rules_http(w, output);
}


static void
gwc_emit_consumers(gwc_output_t *output)
{
    const gwc_model_t *model = output->model;
    gwc_writer_t *w;
    size_t i, k;

    if (model->consumers.n == 0) {
        return;
    }

    w = gwc_emit_file(output, "consumers.conf");
    w->secret = true;

    for (i = 0; i < model->consumers.n; i++) {
        const gwc_consumer_t *consumer = model->consumers.items[i];

        w->source = consumer->e.record.node;

        gwc_begin(w, "gateway_consumer");
        gwc_arg_text(w, gwc_name_of(&consumer->e, consumer->username));
        gwc_open(w, consumer->e.record.node);

        gwc_put(w, "id", consumer->e.id, NULL);

        if (consumer->username.set) {
            gwc_begin(w, "username");
            gwc_arg_text(w, consumer->username.v);
            gwc_end(w);
        }

        if (consumer->custom_id.set) {
            gwc_begin(w, "custom_id");
            gwc_arg_text(w, consumer->custom_id.v);
            gwc_end(w);
        }

        for (k = 0; k < consumer->credentials.n; k++) {
            const gwc_credential_t *credential =
                consumer->credentials.items[k];

            if (credential->rule != NULL && credential->rule->emit != NULL) {
                w->source = credential->e.record.node;
                credential->rule->emit(w, credential);
            }
        }

        gwc_emit_plugins(w, output, &consumer->e);
        gwc_close(w);
    }
}


static void
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
gwc_emit_tls_file(gwc_writer_t *w, const char *directive, const char *file)
{
    char *real = realpath(file, NULL);

    if (real == NULL) {
        gwc_error(NULL, "cannot find the certificate file \"%s\"", file);
        return;
    }

    gwc_put(w, directive, real, NULL);
    free(real);
}


/* what a listener with TLS needs; the default pair when no files are given */
static void
gwc_emit_tls(gwc_writer_t *w, gwc_output_t *output, const gwc_vec_t *listens,
             gwc_context_t context, const gwc_vec_t *certs,
             const gwc_vec_t *keys)
{
    const gwc_settings_t *settings = output->settings;
    const char *ciphers, *prefer, *protocols, *suite;
    size_t i;

    for (i = 0; i < listens->n; i++) {
        if (((const gwc_listen_t *) listens->items[i])->ssl) {
            break;
        }
    }

    if (i == listens->n) {
        return;
    }

    for (i = 0; i < certs->n && i < keys->n; i++) {
        gwc_emit_tls_file(w, "ssl_certificate", certs->items[i]);
        gwc_emit_tls_file(w, "ssl_certificate_key", keys->items[i]);
    }

    if (certs->n == 0) {
        output->default_certificate = true;

        for (i = 0; i < 2; i++) {
            gwc_put(w, "ssl_certificate", gwc_default_certificates[i][0],
                    NULL);
            gwc_put(w, "ssl_certificate_key", gwc_default_certificates[i][1],
                    NULL);
        }
    }

    suite = gwc_settings_get(settings, "ssl_cipher_suite");
    protocols = gwc_settings_get(settings, "ssl_protocols");
    ciphers = gwc_settings_get(settings, "ssl_ciphers");
    prefer = gwc_settings_get(settings, "ssl_prefer_server_ciphers");

    for (i = 0; i < sizeof(gwc_suites) / sizeof(gwc_suites[0]); i++) {
        if (strcmp(gwc_suites[i].suite, suite) == 0) {
            protocols = protocols ? protocols : gwc_suites[i].protocols;
            prefer = prefer ? prefer : gwc_suites[i].prefer;

            if (strcmp(suite, "custom") != 0) {
                ciphers = gwc_suites[i].ciphers;
            }
        }
    }

    gwc_emit_default(w, output, context, "ssl_protocols",
                     protocols ? protocols : "TLSv1.2 TLSv1.3");

    if (ciphers != NULL) {
        gwc_emit_default(w, output, context, "ssl_ciphers", ciphers);
    }

    gwc_emit_default(w, output, context, "ssl_prefer_server_ciphers",
                     prefer ? prefer : "off");
    gwc_emit_default(w, output, context, "ssl_session_tickets",
                     gwc_settings_get(settings, "ssl_session_tickets"));
    gwc_emit_default(w, output, context, "ssl_session_timeout",
                     gwc_settings_get(settings, "ssl_session_timeout"));
    gwc_emit_default(
        w, output, context, "ssl_session_cache",
        gwc_sprintf("shared:gateway_tls:%s",
                    gwc_settings_get(settings, "ssl_session_cache_size")));

    if (gwc_settings_get(settings, "ssl_dhparam") != NULL) {
        gwc_emit_tls_file(w, "ssl_dhparam",
                          gwc_settings_get(settings, "ssl_dhparam"));
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


/* the headers and limits all proxied requests share */
static void
gwc_emit_proxy(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_context_t context = GWC_CONTEXT_PROXY;

    gwc_emit_default(w, output, context, "proxy_http_version", "1.1");

    gwc_emit_proxy_headers(w);
    gwc_put(w, "proxy_pass_header", "Server", NULL);
    gwc_put(w, "proxy_pass_header", "Date", NULL);
    /* an upstream decides about its answer, not about the gateway; whether
       its answer is buffered stays its own business */
    gwc_emit_default(w, output, context, "proxy_ignore_headers",
                     "X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate "
                     "X-Accel-Charset");
    gwc_emit_default(w, output, context, "proxy_redirect", "off");

    if (output->has_https) {
        gwc_emit_default(w, output, context, "proxy_ssl_server_name", "on");
        gwc_emit_default(w, output, context, "proxy_ssl_name",
                         "$gateway_upstream_ssl_name");
        gwc_emit_default(w, output, context, "proxy_ssl_protocols",
                         "TLSv1.2 TLSv1.3");
    }
}


static void
gwc_emit_grpc(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_context_t context = GWC_CONTEXT_PROXY;

    /* nginx would send the name of the pool as ":authority".  A "Host" of
       our own turns that off; ours goes first, as pseudo headers have to */
    gwc_put(w, "grpc_set_header", ":authority", "$gateway_upstream_host",
            NULL);
    gwc_put(w, "grpc_set_header", "Host", "", NULL);
    gwc_put(w, "grpc_pass_header", "Server", NULL);
    gwc_put(w, "grpc_pass_header", "Date", NULL);
    gwc_emit_default(w, output, context, "grpc_ignore_headers",
                     "X-Accel-Redirect X-Accel-Charset");

    if (output->has_grpcs) {
        gwc_emit_default(w, output, context, "grpc_ssl_server_name", "on");
        gwc_emit_default(w, output, context, "grpc_ssl_name",
                         "$gateway_upstream_ssl_name");
        gwc_emit_default(w, output, context, "grpc_ssl_protocols",
                         "TLSv1.2 TLSv1.3");
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


static void
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
    gwc_emit_tls(w, output, &settings->proxy_listen, GWC_CONTEXT_PROXY,
                 &settings->ssl_cert, &settings->ssl_cert_key);
    gwc_blank(w);

    gwc_emit_log(w, output, "proxy_access_log");
    gwc_emit_error_log(w, output, "proxy_error_log");
    gwc_emit_real_ip(w, output);
    gwc_blank(w);

    gwc_emit_proxy(w, output);

    if (output->has_grpc || output->has_grpcs) {
        gwc_emit_grpc(w, output);
    }

    if (gwc_settings_flag(settings, "client_ssl")) {
        gwc_emit_tls_file(w, "proxy_ssl_certificate",
                          gwc_settings_get(settings, "client_ssl_cert"));
        gwc_emit_tls_file(w, "proxy_ssl_certificate_key",
                          gwc_settings_get(settings, "client_ssl_cert_key"));
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
    gwc_put(w, "default_type", "application/json; charset=utf-8", NULL);
    gwc_put(w, "return", status, gwc_sprintf("{\"message\":\"%s\"}", message),
            NULL);
}


static void
gwc_emit_status_server(gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    gwc_writer_t *w;
    size_t i;

    if (settings->status_listen.n == 0) {
        return;
    }

    w = gwc_emit_file(output, "status.conf");

    gwc_begin(w, "server");
    gwc_open(w, NULL);
    gwc_put(w, "server_name", "gateway_status", NULL);
    gwc_emit_listens(w, output, &settings->status_listen);
    gwc_emit_tls(w, output, &settings->status_listen, GWC_CONTEXT_STATUS,
                 &settings->status_ssl_cert, &settings->status_ssl_cert_key);
    gwc_blank(w);

    gwc_emit_log(w, output, "status_access_log");
    gwc_emit_error_log(w, output, "status_error_log");
    gwc_emit_default(w, output, GWC_CONTEXT_STATUS, "charset", "off");
    gwc_emit_injected(w, output, GWC_CONTEXT_STATUS);
    gwc_blank(w);
    gwc_emit_error_page(w);

    gwc_emit_status_location(w, "/status", "gateway_status");
    gwc_emit_status_location(w, "/status/ready", "gateway_status_ready");

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
    gwc_emit_message(w, "501", "not implemented with the legacy DNS client");
    gwc_close(w);

    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "/");
    gwc_open(w, NULL);
    gwc_emit_message(w, "404", "Not found");
    gwc_close(w);
    gwc_close(w);
}


/* "$" in a value that nginx expands, see gwc_arg_literal() */
static void
gwc_emit_dollar(gwc_output_t *output, gwc_writer_t *http)
{
    size_t i;

    for (i = 0; i < output->files.n; i++) {
        const gwc_file_t *file = output->files.items[i];

        if (file->writer.dollar) {
            gwc_blank(http);
            gwc_begin(http, "geo");
            gwc_arg(http, "$gateway_dollar");
            gwc_open(http, NULL);
            gwc_put(http, "default", "$", NULL);
            gwc_close(http);
            return;
        }
    }
}


/*
 * The name of the generation is a digest of all that is written, so equal
 * input gives an equal name, and a changed one never the name of another.
 */
static void
gwc_emit_generation(gwc_output_t *output)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx;
    size_t i;
    bool ok;

    ctx = EVP_MD_CTX_new();
    ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)
         && EVP_DigestUpdate(ctx, output->main.buf.data, output->main.buf.len);

    for (i = 0; i < output->files.n && ok; i++) {
        const gwc_file_t *file = output->files.items[i];

        ok = EVP_DigestUpdate(ctx, file->name, strlen(file->name) + 1)
             && EVP_DigestUpdate(ctx, file->writer.buf.data,
                                 file->writer.buf.len);
    }

    ok = ok && EVP_DigestFinal_ex(ctx, digest, NULL);
    EVP_MD_CTX_free(ctx);

    if (!ok) {
        gwc_error(NULL, "OpenSSL cannot compute SHA-256");
        return;
    }

    (void) snprintf(output->generation, sizeof(output->generation),
                    "gateway.");

    for (i = 0; i < 8; i++) {
        output->generation[8 + 2 * i] = hex[digest[i] >> 4];
        output->generation[9 + 2 * i] = hex[digest[i] & 15];
    }

    output->generation[GWC_GENERATION_LEN] = '\0';

    gwc_writer_generation(&output->main, output->generation);

    for (i = 0; i < output->files.n; i++) {
        gwc_file_t *file = output->files.items[i];

        gwc_writer_generation(&file->writer, output->generation);
    }
}


void
gwc_emit(gwc_output_t *output)
{
    gwc_writer_t *http;

    output->scopes = gwc_scopes_create(output->model);
    output->by_service = gwc_map_create();
    output->tls_files = gwc_map_create();

    gwc_emit_plan(output);

    http = gwc_emit_file(output, "http.conf");
    gwc_emit_http(output, http);
    gwc_emit_upstreams(output);
    gwc_emit_consumers(output);
    gwc_emit_proxy_server(output);
    gwc_emit_status_server(output);
    gwc_emit_dollar(output, http);
    gwc_emit_main(output);

    gwc_emit_generation(output);
}
