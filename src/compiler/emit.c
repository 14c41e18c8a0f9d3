/*
 * Copyright (C) the ngx_gateway authors
 *
 * nginx.conf and the files of http{}: settings, consumers, servers.
 */

#include "emit_stream.h"
#include "emit_tls.h"
#include "secret.h"
#include "store.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GWC_NGINX_KEEPALIVE_MIN 1027004 /* "keepalive_min_timeout" */


gwc_writer_t *
gwc_emit_file(gwc_output_t *output, const char *name)
{
    gwc_file_t *file = gwc_alloc(sizeof(gwc_file_t));

    file->name = name;
    gwc_vec_push(&output->files, file);

    return &file->writer;
}


/* left out: the place that starts nginx has the say */
static bool
gwc_injected_is_void(const gwc_output_t *output,
                     const gwc_injected_t *injected)
{
    if (injected->context == GWC_CONTEXT_MAIN && output->foreground
        && strcmp(injected->directive, "daemon") == 0)
    {
        return true;
    }

    if (gwc_trial_replaces(output, injected->directive)
        || (output->trial != NULL && gwc_trial_keeps_out(injected)))
    {
        return true;
    }

    /* kong.conf's word for what the machine allows is our default */
    return strcmp(injected->value, "auto") == 0
           && (strcmp(injected->directive, "worker_connections") == 0
               || strcmp(injected->directive, "worker_rlimit_nofile") == 0);
}


static void
gwc_emit_injected_one(gwc_writer_t *w, const gwc_injected_t *injected)
{
    gwc_directive_t *extra = (gwc_directive_t *) (uintptr_t) injected->extra;
    gwc_vec_t one = { (void **) &extra, 1, 1 };
    gwc_place_t *place;

    if (extra != NULL) {
        gwc_put_directives(w, &one);
        return;
    }

    place = gwc_place_begin(w, NULL);
    place->exact = true;
    place->setting = gwc_sprintf("setting \"%s\" (%s)", injected->setting,
                                 injected->origin);
    gwc_raw(w, injected->directive, injected->value);
    gwc_place_end(w, place);
}


void
gwc_emit_injected_unless(gwc_writer_t *w, const gwc_output_t *output,
                         gwc_context_t context, const gwc_vec_t *directives)
{
    size_t i;

    for (i = 0; i < output->settings->injected.n; i++) {
        const gwc_injected_t *injected = output->settings->injected.items[i];

        if (injected->context == context
            && !gwc_injected_is_void(output, injected)
            && (directives == NULL
                || !gwc_directives_have(directives, injected->directive)))
        {
            gwc_emit_injected_one(w, injected);
        }
    }
}


void
gwc_emit_injected(gwc_writer_t *w, const gwc_output_t *output,
                  gwc_context_t context)
{
    gwc_emit_injected_unless(w, output, context, NULL);
}


void
gwc_emit_default(gwc_writer_t *w, const gwc_output_t *output,
                 gwc_context_t context, const char *name, const char *value)
{
    const char *injected =
        gwc_settings_injected(output->settings, context, name);

    if (injected == NULL || gwc_trial_replaces(output, name)
        || (strcmp(injected, "auto") == 0
            && strcmp(name, "worker_processes") != 0))
    {
        gwc_raw(w, name, value);
    }
}


void
gwc_emit_log(gwc_writer_t *w, const gwc_output_t *output,
             gwc_context_t context, const char *setting)
{
    const char *value = gwc_settings_get(output->settings, setting);

    if (output->trial != NULL) {
        gwc_put(w, "access_log", "logs/access.log", "gateway", NULL);
        return;
    }

    /* "off" would win over an injected one */
    if (gwc_settings_injected(output->settings, context, "access_log") != NULL)
    {
        return;
    }

    if (value == NULL || strcmp(value, "off") == 0) {
        gwc_put(w, "access_log", "off", NULL);

    } else if (strpbrk(value, " \t") != NULL) {
        gwc_raw(w, "access_log", value);

    } else {
        gwc_put(w, "access_log", value, "gateway", NULL);
    }
}


void
gwc_emit_error_log(gwc_writer_t *w, const gwc_output_t *output,
                   const char *setting)
{
    const char *level = gwc_settings_get(output->settings, "log_level");
    const char *value = gwc_settings_get(output->settings, setting);

    if (output->trial != NULL) {
        gwc_put(w, "error_log", "logs/error.log", level, NULL);

    } else if (strcmp(value, "off") == 0) {
        gwc_put(w, "error_log", "/dev/null", "emerg", NULL);

    } else if (strpbrk(value, " \t") != NULL) {
        gwc_raw(w, "error_log", value);

    } else {
        gwc_put(w, "error_log", value, level, NULL);
    }
}


/* shared objects that only some plugins need, beside ours */
static void
gwc_emit_rules_modules(gwc_writer_t *w, const gwc_output_t *output)
{
    const char *ours = output->nginx->module;
    int directory = (int) (strrchr(ours, '/') - ours);
    size_t i;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        const gwc_plugin_rule_t *rule = gwc_plugin_rules[i];
        const char *file;

        if (rule->module == NULL || !gwc_scopes_used(output->scopes, rule)) {
            continue;
        }

        file = gwc_sprintf("%.*s/%s", directory, ours, rule->module);

        if (access(file, R_OK) != 0) {
            gwc_error(NULL,
                      "plugin \"%s\" needs \"%s\", which is not there: it "
                      "was left out of the build",
                      rule->name, file);
            continue;
        }

        gwc_put(w, "load_module", file, NULL);
    }
}


static void
gwc_emit_main(gwc_output_t *output)
{
    static const char *const includes[] = { "http.conf",      "upstreams.conf",
                                            "consumers.conf", "proxy.conf",
                                            "status.conf",    "admin.conf" };
    gwc_writer_t *w = &output->main;
    size_t i;

    gwc_comment(w,
                "ngx-gateway " GWC_VERSION ": made from %s, do not edit: the "
                "next compile replaces it",
                output->sources);
    gwc_blank(w);

    gwc_emit_stream_modules(w, output, false);

    if (output->nginx->module != NULL) {
        gwc_put(w, "load_module", output->nginx->module, NULL);
        gwc_emit_stream_modules(w, output, true);
        gwc_emit_rules_modules(w, output);
        gwc_blank(w);
    }

    /* in a test run what a worker counts must be all there is */
    gwc_emit_default(w, output, GWC_CONTEXT_MAIN, "worker_processes",
                     output->trial != NULL ? "1" : "auto");
    gwc_emit_default(w, output, GWC_CONTEXT_MAIN, "worker_rlimit_nofile",
                     "16384");
    gwc_emit_default(w, output, GWC_CONTEXT_MAIN, "pid", "nginx.pid");
    gwc_emit_injected(w, output, GWC_CONTEXT_MAIN);
    gwc_emit_error_log(w, output, "proxy_error_log");
    gwc_blank(w);

    gwc_begin(w, "events");
    gwc_open(w, NULL);
    gwc_emit_default(w, output, GWC_CONTEXT_EVENTS, "worker_connections",
                     "8192");
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

    if (output->streams) {
        gwc_blank(w);
        gwc_begin(w, "stream");
        gwc_open(w, NULL);
        gwc_begin(w, "include");
        gwc_arg_generated(w, "stream.conf");
        gwc_end(w);
        gwc_close(w);
    }
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


/* A template has at most two "%s", and writes other percent signs "%%". */
static void
gwc_check_template(const char *setting, const char *file, gwc_text_t text)
{
    unsigned line = 1, slots = 0;
    const char *p, *last, *start;

    last = text.data + text.len;
    start = text.data;

    for (p = text.data; p < last; p++) {

        if (*p == '\n') {
            line++;
            start = p + 1;
        }

        if (*p != '%') {
            continue;
        }

        if (p + 1 < last && p[1] == 's') {
            slots++;

            if (slots == 3) {
                gwc_error_at(file, line, (unsigned) (p - start) + 1,
                             "the third \"%%s\" of \"%s\": there are two, "
                             "the message and the request id",
                             setting);
            }

        } else if (p + 1 == last || p[1] != '%') {
            gwc_error_at(file, line, (unsigned) (p - start) + 1,
                         "a percent sign alone in \"%s\"", setting);
            gwc_fix("%%%%");
        }

        p++;
    }
}


static void
gwc_emit_template(gwc_writer_t *w, const gwc_output_t *output,
                  const char *format)
{
    const char *file, *setting;
    gwc_text_t text;
    char *real;

    setting = gwc_sprintf("error_template_%s", format);
    file = gwc_settings_get(output->settings, setting);

    if (file == NULL) {
        return;
    }

    real = realpath(file, NULL);

    if (real == NULL || access(real, R_OK) != 0) {
        /* as in Kong */
        gwc_warning(NULL,
                    "setting \"%s\": cannot read \"%s\": %s; the built-in "
                    "template is used",
                    setting, file,
                    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
                    strerror(errno));
        free(real);
        return;
    }

    if (gwc_file_read(file, &text)) {
        gwc_check_template(setting, file, text);
        gwc_put(w, "gateway_error_template", format, real, NULL);
    }

    free(real);
}


static void
gwc_emit_gateway(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;

    gwc_put(w, "gateway_configuration_hash", output->model->hash, NULL);
    gwc_emit_texts(w, "gateway_headers", &settings->headers);
    gwc_emit_texts(w, "gateway_headers_upstream", &settings->headers_upstream);

    /* where nginx's own is wanted it has the say */
    if (gwc_settings_injected(settings, GWC_CONTEXT_HTTP, "charset") == NULL
        && gwc_settings_injected(settings, GWC_CONTEXT_PROXY, "charset")
               == NULL)
    {
        gwc_put(w, "gateway_charset", "UTF-8", NULL);
    }

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


/* what a worker does with its connections when a reload tells it to quit */
static void
gwc_emit_reload(gwc_writer_t *w, const gwc_output_t *output)
{
    const char *grace = gwc_settings_get(output->settings, "reload_grace");

    gwc_put(w, "gateway_reload_grace", grace, NULL);

    if (output->nginx->version >= GWC_NGINX_KEEPALIVE_MIN
        && strcmp(grace, "off") != 0)
    {
        gwc_emit_default(w, output, GWC_CONTEXT_HTTP, "keepalive_min_timeout",
                         grace);
    }
}


/* the lines that an injected directive does not replace */
static void
gwc_emit_not_injected(gwc_writer_t *w, const gwc_output_t *output,
                      const gwc_writer_t *lines)
{
    const char *end, *newline, *p, *word;
    size_t len;

    if (lines->buf.len == 0) {
        return;
    }

    end = lines->buf.data + lines->buf.len;

    for (p = lines->buf.data; p < end; p = newline + 1) {
        newline = memchr(p, '\n', (size_t) (end - p));

        if (newline == NULL) {
            break;
        }

        word = p + strspn(p, " ");
        len = strcspn(word, " ;\n");

        if (gwc_settings_injected(output->settings, GWC_CONTEXT_HTTP,
                                  gwc_strndup(word, len))
            == NULL)
        {
            gwc_buf_add(&w->buf, p, (size_t) (newline - p) + 1);
        }
    }
}


static void
gwc_emit_rules_http(gwc_writer_t *w, const gwc_output_t *output)
{
    gwc_writer_t lines = { 0 };
    size_t i;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        if (gwc_plugin_rules[i]->emit_http != NULL
            && gwc_scopes_used(output->scopes, gwc_plugin_rules[i]))
        {
            gwc_plugin_rules[i]->emit_http(&lines, output->model,
                                           output->settings);
        }
    }

    w->secret |= lines.secret;
    w->dollar |= lines.dollar;
    gwc_emit_not_injected(w, output, &lines);
}


/* the plugin that brings such credentials */
static const gwc_plugin_rule_t *
gwc_emit_rule_of(const gwc_credential_rule_t *credential)
{
    size_t i, k;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        const gwc_credential_rule_t *const *rules =
            gwc_plugin_rules[i]->credentials;

        for (k = 0; rules != NULL && rules[k] != NULL; k++) {
            if (rules[k] == credential) {
                return gwc_plugin_rules[i];
            }
        }
    }

    return NULL;
}


/* certificates for connections that plugins make */
static void
gwc_emit_rules_trusted(gwc_writer_t *w, gwc_output_t *output)
{
    gwc_map_t *done = gwc_map_create();
    size_t i;

    for (i = 0; i < output->model->plugins.n; i++) {
        const gwc_plugin_t *plugin = output->model->plugins.items[i];
        const gwc_plugin_rule_t *rule = plugin->rule;

        if (rule == NULL || rule->verifies == NULL || plugin->config == NULL
            || !gwc_bool_or(plugin->enabled, true)
            || !gwc_scopes_used(output->scopes, rule)
            || !rule->verifies(plugin->config))
        {
            continue;
        }

        if (gwc_map_add(done,
                        (gwc_text_t){ rule->trusted, strlen(rule->trusted) },
                        output)
            == NULL)
        {
            gwc_emit_trusted(w, output, rule->trusted, plugin->e.record.node);
        }
    }

    for (i = 0; i < output->model->credentials.n; i++) {
        const gwc_credential_t *c = output->model->credentials.items[i];
        const gwc_plugin_rule_t *rule;

        if (c->rule == NULL || c->rule->verifies == NULL
            || !c->rule->verifies(c)) {
            continue;
        }

        rule = gwc_emit_rule_of(c->rule);

        if (rule != NULL && gwc_scopes_used(output->scopes, rule)
            && gwc_map_add(
                   done, (gwc_text_t){ rule->trusted, strlen(rule->trusted) },
                   output)
                   == NULL)
        {
            gwc_emit_trusted(w, output, rule->trusted, c->e.record.node);
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
    gwc_emit_dns(w, output);
    gwc_emit_injected(w, output, GWC_CONTEXT_HTTP);
    gwc_blank(w);

    gwc_emit_gateway(w, output);
    gwc_emit_reload(w, output);
    gwc_emit_tls_http(w, output);
    gwc_emit_authorities(w, output);

    if (output->trial != NULL) {
        gwc_emit_trial_http(w, output);
    }

    gwc_emit_rules_http(w, output);
    gwc_emit_rules_trusted(w, output);
}


static void
gwc_emit_groups(gwc_output_t *output, gwc_writer_t *w)
{
    const gwc_model_t *model = output->model;
    size_t i;

    for (i = 0; i < model->consumer_groups.n; i++) {
        const gwc_consumer_group_t *group = model->consumer_groups.items[i];

        w->source = group->e.record.node;

        gwc_begin(w, "gateway_consumer_group");
        gwc_arg_text(w, group->name.v);
        gwc_open(w, group->e.record.node);

        gwc_put(w, "id", group->e.id, NULL);
        gwc_emit_plugins(w, output, &group->e);
        gwc_close(w);
    }
}


static void
gwc_emit_consumers(gwc_output_t *output)
{
    const gwc_model_t *model = output->model;
    gwc_writer_t *w;
    size_t i, k;

    if (model->consumers.n == 0 && model->consumer_groups.n == 0) {
        return;
    }

    w = gwc_emit_file(output, "consumers.conf");
    w->secret = true;

    gwc_emit_groups(output, w);

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

        if (consumer->member_of.n > 0) {
            gwc_begin(w, "groups");

            for (k = 0; k < consumer->member_of.n; k++) {
                const gwc_consumer_group_t *group =
                    consumer->member_of.items[k];

                gwc_arg_text(w, group->name.v);
            }

            gwc_end(w);
        }

        gwc_emit_consumer_record(w, output, consumer);

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


/* commands may add credentials to what runs, whatever the file has */
static bool
gwc_uses_store(const gwc_output_t *output)
{
    size_t i;

    if (output->trial != NULL
        || strcmp(gwc_settings_get(output->settings, "credential_store"), "on")
               != 0)
    {
        return false;
    }

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        if (gwc_plugin_rules[i]->uses_store
            && gwc_scopes_used(output->scopes, gwc_plugin_rules[i]))
        {
            return true;
        }
    }

    return false;
}


/* digests of credentials stand in files that come after this one */
static void
gwc_emit_secret(gwc_writer_t *http, const gwc_output_t *output)
{
    bool store = gwc_uses_store(output)
                 && gwc_secret_key(GATEWAY_STORE_PURPOSE) != NULL;

    if (gwc_secret_is_used()) {
        gwc_put(http, "gateway_secret_file", GWC_SECRET_FILE, NULL);
    }

    if (store) {
        gwc_put(http, "gateway_credential_store", GWC_STORE_DIRECTORY, NULL);
    }
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
    gwc_emit_record_plan(output);

    http = gwc_emit_file(output, "http.conf");
    gwc_emit_http(output, http);
    gwc_emit_upstreams(output);
    gwc_emit_consumers(output);
    gwc_emit_proxy_server(output);
    gwc_emit_status_server(output);
    gwc_emit_admin_server(output);
    gwc_emit_stream(output);
    gwc_emit_secret(http, output);
    gwc_emit_dollar(output, http);
    gwc_emit_main(output);

    gwc_emit_generation(output);
}
