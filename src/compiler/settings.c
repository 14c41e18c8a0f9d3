/*
 * Copyright (C) the ngx_gateway authors
 */

#include "settings.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

extern char **environ;

#define GWC_ENV_PREFIX "NGX_GATEWAY_"

typedef enum {
    GWC_SET_TEXT,   /* anything */
    GWC_SET_FLAG,   /* on or off */
    GWC_SET_NUMBER, /* at least 0 */
    GWC_SET_ENUM,
    GWC_SET_LISTEN,
    GWC_SET_LIST,   /* separated by commas */
    GWC_SET_WORDS,  /* separated by commas or spaces */
    GWC_SET_ABSENT, /* has no meaning here: a warning */
    GWC_SET_LATER   /* not supported yet: anything but "off" is an error */
} gwc_setting_type_t;

typedef struct {
    const char *name;
    gwc_setting_type_t type;
    const char *dflt;
    const char *const *one_of;
    size_t list; /* LISTEN, LIST, WORDS: offset in gwc_settings_t */
} gwc_setting_t;

static const char *const gwc_log_levels[] = { "debug", "info",  "notice",
                                              "warn",  "error", "crit",
                                              "alert", "emerg", NULL };

static const char *const gwc_error_types[] = { "text/plain", "text/html",
                                               "application/json",
                                               "application/xml", NULL };

static const char *const gwc_flavors[] = { "traditional_compatible", NULL };

static const char *const gwc_calculations[] = { "original", "strict", NULL };

static const char *const gwc_dot_segments[] = { "reject", "forward", NULL };

static const char *const gwc_suites[] = { "modern", "intermediate", "old",
                                          "fips",   "custom",       NULL };

static const char *const gwc_roles[] = { "traditional", NULL };

static const char *const gwc_header_tokens[] = { "server_tokens",
                                                 "latency_tokens",
                                                 "server",
                                                 "via",
                                                 "x-kong-proxy-latency",
                                                 "x-kong-response-latency",
                                                 "x-kong-admin-latency",
                                                 "x-kong-upstream-latency",
                                                 "x-kong-upstream-status",
                                                 "x-kong-request-id",
                                                 "off",
                                                 NULL };

static const char *const gwc_header_upstream_tokens[] = { "x-kong-request-id",
                                                          "off", NULL };

#define GWC_AT(field) NULL, offsetof(gwc_settings_t, field)

static const gwc_setting_t gwc_setting_table[] = {
    { "prefix", GWC_SET_TEXT, "ngx-gateway", NULL, 0 },
    { "log_level", GWC_SET_ENUM, "notice", gwc_log_levels, 0 },

    { "proxy_listen", GWC_SET_LISTEN,
      "0.0.0.0:8000 reuseport backlog=16384, "
      "0.0.0.0:8443 http2 ssl reuseport backlog=16384",
      GWC_AT(proxy_listen) },
    { "status_listen", GWC_SET_LISTEN,
      "127.0.0.1:8007 reuseport backlog=16384", GWC_AT(status_listen) },
    { "admin_listen", GWC_SET_LATER, "off", NULL, 0 },
    { "stream_listen", GWC_SET_LATER, "off", NULL, 0 },

    { "proxy_access_log", GWC_SET_TEXT, "logs/access.log", NULL, 0 },
    { "proxy_error_log", GWC_SET_TEXT, "logs/error.log", NULL, 0 },
    { "status_access_log", GWC_SET_TEXT, "off", NULL, 0 },
    { "status_error_log", GWC_SET_TEXT, "logs/error_status.log", NULL, 0 },

    { "plugins", GWC_SET_LIST, "bundled", GWC_AT(plugins) },
    { "declarative_config", GWC_SET_TEXT, NULL, NULL, 0 },
    { "router_flavor", GWC_SET_ENUM, "traditional_compatible", gwc_flavors,
      0 },
    { "route_match_calculation", GWC_SET_ENUM, "original", gwc_calculations,
      0 },
    { "encoded_dot_segments", GWC_SET_ENUM, "reject", gwc_dot_segments, 0 },

    { "trusted_ips", GWC_SET_LIST, NULL, GWC_AT(trusted_ips) },
    { "real_ip_header", GWC_SET_TEXT, "X-Real-IP", NULL, 0 },
    { "real_ip_recursive", GWC_SET_FLAG, "off", NULL, 0 },
    { "port_maps", GWC_SET_LIST, NULL, GWC_AT(port_maps) },

    { "headers", GWC_SET_LIST,
      "server_tokens, latency_tokens, x-kong-request-id", GWC_AT(headers) },
    { "headers_upstream", GWC_SET_LIST, "x-kong-request-id",
      GWC_AT(headers_upstream) },
    { "strip_identity_headers", GWC_SET_FLAG, "on", NULL, 0 },
    { "allow_debug_header", GWC_SET_FLAG, "off", NULL, 0 },
    { "error_default_type", GWC_SET_ENUM, "text/plain", gwc_error_types, 0 },
    { "error_template_html", GWC_SET_TEXT, NULL, NULL, 0 },
    { "error_template_json", GWC_SET_TEXT, NULL, NULL, 0 },
    { "error_template_xml", GWC_SET_TEXT, NULL, NULL, 0 },
    { "error_template_plain", GWC_SET_TEXT, NULL, NULL, 0 },

    { "upstream_keepalive_pool_size", GWC_SET_NUMBER, "512", NULL, 0 },
    { "upstream_keepalive_max_requests", GWC_SET_NUMBER, "10000", NULL, 0 },
    { "upstream_keepalive_idle_timeout", GWC_SET_NUMBER, "60", NULL, 0 },

    { "ssl_cert", GWC_SET_LIST, NULL, GWC_AT(ssl_cert) },
    { "ssl_cert_key", GWC_SET_LIST, NULL, GWC_AT(ssl_cert_key) },
    { "status_ssl_cert", GWC_SET_LIST, NULL, GWC_AT(status_ssl_cert) },
    { "status_ssl_cert_key", GWC_SET_LIST, NULL, GWC_AT(status_ssl_cert_key) },
    { "client_ssl", GWC_SET_FLAG, "off", NULL, 0 },
    { "client_ssl_cert", GWC_SET_TEXT, NULL, NULL, 0 },
    { "client_ssl_cert_key", GWC_SET_TEXT, NULL, NULL, 0 },
    { "ssl_cipher_suite", GWC_SET_ENUM, "intermediate", gwc_suites, 0 },
    { "ssl_ciphers", GWC_SET_TEXT, NULL, NULL, 0 },
    { "ssl_protocols", GWC_SET_TEXT, NULL, NULL, 0 },
    { "ssl_prefer_server_ciphers", GWC_SET_FLAG, NULL, NULL, 0 },
    { "ssl_dhparam", GWC_SET_TEXT, NULL, NULL, 0 },
    { "ssl_session_tickets", GWC_SET_FLAG, "on", NULL, 0 },
    { "ssl_session_timeout", GWC_SET_TEXT, "1d", NULL, 0 },
    { "ssl_session_cache_size", GWC_SET_TEXT, "10m", NULL, 0 },

    { "dns_resolver", GWC_SET_WORDS, NULL, GWC_AT(dns_resolver) },
    { "dns_valid_ttl", GWC_SET_NUMBER, NULL, NULL, 0 },

    { "role", GWC_SET_ENUM, "traditional", gwc_roles, 0 },

    { "admin_access_log", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "admin_error_log", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "admin_ssl_cert", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "admin_ssl_cert_key", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "anonymous_reports", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "database", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "declarative_config_string", GWC_SET_LATER, NULL, NULL, 0 },
    { "dedicated_config_processing", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_cache_size", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_error_ttl", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_hostsfile", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_no_sync", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_not_found_ttl", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_order", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_stale_ttl", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "host_ports", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "kic", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "mem_cache_size", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "new_dns_client", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "node_id", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "openresty_path", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "pluginserver_names", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "proxy_server", GWC_SET_LATER, NULL, NULL, 0 },
    { "proxy_server_ssl_verify", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "proxy_stream_access_log", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "proxy_stream_error_log", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "request_debug", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "request_debug_token", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "tracing_instrumentations", GWC_SET_LATER, NULL, NULL, 0 },
    { "tracing_sampling_rate", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "vaults", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "worker_consistency", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "worker_events_max_payload", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "worker_state_update_frequency", GWC_SET_ABSENT, NULL, NULL, 0 }
};

#define GWC_SETTINGS (sizeof(gwc_setting_table) / sizeof(gwc_setting_t))

/* whole families of kong.conf that have no meaning here */
static const char *const gwc_absent_prefixes[] = {
    "admin_gui_",     "cluster_", "db_",       "lmdb_",
    "lua_",           "pg_",      "resolver_", "opentelemetry_",
    "untrusted_lua_", "wasm_",    "_debug_",   "pluginserver_"
};

static const char *const gwc_absent_names[] = { "untrusted_lua", "wasm" };

static const struct {
    const char *name;
    gwc_context_t context; /* NONE: no such block here */
} gwc_contexts[] = {
    { "main", GWC_CONTEXT_MAIN },         { "events", GWC_CONTEXT_EVENTS },
    { "http", GWC_CONTEXT_HTTP },         { "proxy", GWC_CONTEXT_PROXY },
    { "location", GWC_CONTEXT_LOCATION }, { "upstream", GWC_CONTEXT_UPSTREAM },
    { "status", GWC_CONTEXT_STATUS },     { "admin_gui", GWC_CONTEXT_NONE },
    { "admin", GWC_CONTEXT_NONE },        { "stream", GWC_CONTEXT_NONE },
    { "sproxy", GWC_CONTEXT_NONE },       { "supstream", GWC_CONTEXT_NONE }
};

/* spellings of their own that kong.conf has for injected directives */
static const struct {
    const char *name;
    const char *injected;
} gwc_aliases[] = {
    { "nginx_daemon", "nginx_main_daemon" },
    { "nginx_user", "nginx_main_user" },
    { "nginx_worker_processes", "nginx_main_worker_processes" },
    { "client_body_buffer_size", "nginx_http_client_body_buffer_size" },
    { "client_max_body_size", "nginx_http_client_max_body_size" }
};

#define GWC_COUNT(array) (sizeof(array) / sizeof((array)[0]))


static const gwc_setting_t *
gwc_setting_find(const char *name)
{
    size_t i;

    for (i = 0; i < GWC_SETTINGS; i++) {
        if (strcmp(gwc_setting_table[i].name, name) == 0) {
            return &gwc_setting_table[i];
        }
    }

    return NULL;
}


static bool
gwc_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}


static bool
gwc_setting_is_absent(const char *name)
{
    size_t i;

    for (i = 0; i < GWC_COUNT(gwc_absent_prefixes); i++) {
        if (gwc_starts(name, gwc_absent_prefixes[i])) {
            return true;
        }
    }

    for (i = 0; i < GWC_COUNT(gwc_absent_names); i++) {
        if (strcmp(name, gwc_absent_names[i]) == 0) {
            return true;
        }
    }

    return false;
}


static void
gwc_setting_unknown(const char *name, const char *origin)
{
    const char *names[GWC_SETTINGS];
    const char *near;
    size_t i;

    for (i = 0; i < GWC_SETTINGS; i++) {
        names[i] = gwc_setting_table[i].name;
    }

    near =
        gwc_nearest((gwc_text_t){ name, strlen(name) }, names, GWC_SETTINGS);

    gwc_error(NULL, "unknown setting \"%s\" (%s)%s%s%s", name, origin,
              near ? ", did you mean \"" : "", near ? near : "",
              near ? "\"?" : "");
}


/* the directive behind "nginx_", with its context; NULL: there is none */
static const char *
gwc_injected_split(const char *name, gwc_context_t *context)
{
    size_t i;

    for (i = 0; i < GWC_COUNT(gwc_contexts); i++) {
        size_t len = strlen(gwc_contexts[i].name);

        if (strncmp(name + 6, gwc_contexts[i].name, len) == 0
            && name[6 + len] == '_' && name[7 + len] != '\0')
        {
            *context = gwc_contexts[i].context;
            return name + 7 + len;
        }
    }

    return NULL;
}


/* true when the text is what may stand between a directive and its ";" */
static bool
gwc_injected_check(const char *value)
{
    char quote = '\0';
    const char *p;

    for (p = value; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;

        } else if (*p == '\n') {
            return false;

        } else if (quote) {
            if (*p == quote) {
                quote = '\0';
            }

        } else if ((*p == '"' || *p == '\'')
                   && (p == value || isspace((unsigned char) p[-1])))
        {
            quote = *p;

        } else if (*p == ';' || *p == '{' || *p == '}') {
            if (!(*p == '{' && p > value && p[-1] == '$') && *p != '}') {
                return false;
            }
        }
    }

    return quote == '\0';
}


static void
gwc_injected_add(gwc_settings_t *settings, const char *name, const char *value,
                 const char *origin)
{
    gwc_context_t context;
    gwc_injected_t *injected;
    const char *directive, *p;
    size_t len;

    directive = gwc_injected_split(name, &context);

    if (directive == NULL) {
        gwc_error(NULL,
                  "setting \"%s\" (%s): expected "
                  "nginx_<context>_<directive> with one of the contexts "
                  "main, events, http, proxy, location, upstream, status",
                  name, origin);
        return;
    }

    if (context == GWC_CONTEXT_NONE || gwc_starts(directive, "lua_")) {
        gwc_warning(NULL, "setting \"%s\" (%s) has no meaning here: ignored",
                    name, origin);
        return;
    }

    for (p = directive; *p != '\0'; p++) {
        if (!islower((unsigned char) *p) && !isdigit((unsigned char) *p)
            && *p != '_') {
            gwc_error(NULL, "setting \"%s\" (%s): \"%s\" is no directive",
                      name, origin, directive);
            return;
        }
    }

    len = strlen(value);

    while (
        len
        && (isspace((unsigned char) value[len - 1]) || value[len - 1] == ';'))
    {
        len--;
    }

    value = gwc_strndup(value, len);

    if (!gwc_injected_check(value)) {
        gwc_error(NULL,
                  "setting \"%s\" (%s): expected the arguments of one "
                  "nginx directive, quoted as nginx wants it",
                  name, origin);
        return;
    }

    injected = gwc_alloc(sizeof(gwc_injected_t));
    injected->context = context;
    injected->directive = directive;
    injected->value = value;

    gwc_vec_push(&settings->injected, injected);
}


static const char *
gwc_injected_name(const char *name)
{
    size_t i;

    for (i = 0; i < GWC_COUNT(gwc_aliases); i++) {
        if (strcmp(name, gwc_aliases[i].name) == 0) {
            return gwc_aliases[i].injected;
        }
    }

    return gwc_starts(name, "nginx_") ? name : NULL;
}


/*
 * Takes one value from one source.  Sources come in order of their rank, so
 * what is already there stays.
 */
static void
gwc_setting_take(gwc_settings_t *settings, gwc_map_t *seen, const char *name,
                 const char *value, const char *origin)
{
    const gwc_setting_t *setting;
    const char *injected;
    size_t i;

    injected = gwc_injected_name(name);

    if (injected != NULL) {
        name = injected;
    }

    if (gwc_map_add(seen, (gwc_text_t){ name, strlen(name) },
                    gwc_strndup(origin, strlen(origin)))
        != NULL)
    {
        return;
    }

    if (injected != NULL) {
        gwc_injected_add(settings, name, value, origin);
        return;
    }

    setting = gwc_setting_find(name);

    if (setting == NULL) {
        if (gwc_setting_is_absent(name)) {
            gwc_warning(NULL,
                        "setting \"%s\" (%s) has no meaning here: ignored",
                        name, origin);

        } else {
            gwc_setting_unknown(name, origin);
        }

        return;
    }

    if (setting->type == GWC_SET_ABSENT) {
        gwc_warning(NULL, "setting \"%s\" (%s) has no meaning here: ignored",
                    name, origin);
        return;
    }

    i = (size_t) (setting - gwc_setting_table);
    settings->values[i] = value[0] != '\0' ? value : NULL;
    settings->origins[i] = origin;
}


static void
gwc_settings_take_sets(gwc_settings_t *settings, gwc_map_t *seen,
                       const char *const *sets, size_t n)
{
    const char *equals, *name;
    size_t i;

    /* the last --set of a name wins */
    for (i = n; i-- > 0;) {
        equals = strchr(sets[i], '=');

        if (equals == NULL || equals == sets[i]) {
            gwc_error(NULL, "--set %s: expected NAME=VALUE", sets[i]);
            continue;
        }

        name = gwc_strndup(sets[i], (size_t) (equals - sets[i]));
        gwc_setting_take(settings, seen, name, equals + 1, "--set");
    }
}


/*
 * Kubernetes puts NGX_GATEWAY_PORT=tcp://... and the like into every pod
 * when a service is called ngx-gateway.
 */
static bool
gwc_env_is_foreign(const char *name)
{
    return gwc_starts(name, "port")
           && (name[4] == '\0' || isdigit((unsigned char) name[5]));
}


static int
gwc_compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


static void
gwc_settings_take_env(gwc_settings_t *settings, gwc_map_t *seen)
{
    gwc_vec_t vars = { 0 };
    const char *equals;
    char *name, *p;
    size_t i;

    for (i = 0; environ[i] != NULL; i++) {
        if (gwc_starts(environ[i], GWC_ENV_PREFIX)) {
            gwc_vec_push(&vars, environ[i]);
        }
    }

    if (vars.n) {
        qsort(vars.items, vars.n, sizeof(void *), gwc_compare_texts);
    }

    for (i = 0; i < vars.n; i++) {
        const char *var = vars.items[i];

        equals = strchr(var, '=');

        if (equals == NULL) {
            continue;
        }

        name = gwc_strndup(var + strlen(GWC_ENV_PREFIX),
                           (size_t) (equals - var) - strlen(GWC_ENV_PREFIX));

        for (p = name; *p != '\0'; p++) {
            *p = (char) tolower((unsigned char) *p);
        }

        if (gwc_env_is_foreign(name) || gwc_starts(name, "service_host")
            || gwc_starts(name, "service_port"))
        {
            continue;
        }

        gwc_setting_take(settings, seen, name, equals + 1,
                         gwc_strndup(var, (size_t) (equals - var)));
    }
}


/* one line of a settings file: "name = value  # remark" */
static void
gwc_settings_take_line(gwc_settings_t *settings, gwc_map_t *seen,
                       gwc_map_t *here, const char *file, unsigned line,
                       const char *text, size_t len)
{
    const char *end, *equals, *start;
    char *name, *origin, *value;
    size_t i, n;

    start = text;
    end = text + len;

    while (start < end && isspace((unsigned char) *start)) {
        start++;
    }

    if (start == end || *start == '#' || *start == ';') {
        return;
    }

    equals = memchr(start, '=', (size_t) (end - start));

    if (equals == NULL) {
        gwc_error_at(file, line, (unsigned) (start - text) + 1,
                     "expected \"name = value\"");
        return;
    }

    n = (size_t) (equals - start);

    while (n && isspace((unsigned char) start[n - 1])) {
        n--;
    }

    name = gwc_strndup(start, n);
    start = equals + 1;

    while (start < end && isspace((unsigned char) *start)) {
        start++;
    }

    value = gwc_strndup(start, (size_t) (end - start));

    /* "#" starts a remark, "\#" is the character */
    for (i = 0, n = 0; value[i] != '\0' && value[i] != '#'; i++) {
        if (value[i] == '\\' && value[i + 1] == '#') {
            i++;
        }

        value[n++] = value[i];
    }

    while (n && isspace((unsigned char) value[n - 1])) {
        n--;
    }

    value[n] = '\0';

    if (n >= 2 && (value[0] == '"' || value[0] == '\'')
        && value[n - 1] == value[0])
    {
        value = gwc_strndup(value + 1, n - 2);
    }

    origin = gwc_sprintf("%s:%u", file, line);

    if (gwc_map_add(here, (gwc_text_t){ name, strlen(name) }, origin) != NULL)
    {
        gwc_error_at(file, line, 1, "setting \"%s\" is given twice", name);
        return;
    }

    gwc_setting_take(settings, seen, name, value, origin);
}


static void
gwc_settings_take_file(gwc_settings_t *settings, gwc_map_t *seen,
                       const char *file)
{
    const char *end, *newline, *p;
    gwc_text_t bytes;
    gwc_map_t *here;
    unsigned line;

    if (!gwc_file_read(file, &bytes)) {
        return;
    }

    here = gwc_map_create();
    end = bytes.data + bytes.len;
    line = 1;

    for (p = bytes.data; p < end; p = newline + 1) {
        newline = memchr(p, '\n', (size_t) (end - p));

        if (newline == NULL) {
            newline = end;
        }

        gwc_settings_take_line(settings, seen, here, file, line++, p,
                               (size_t) (newline - p));
    }
}


static void __attribute__((format(printf, 3, 4)))
gwc_setting_bad(const gwc_settings_t *settings, size_t i, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = gwc_vsprintf(fmt, args);
    va_end(args);

    gwc_error(NULL, "setting \"%s\" (%s): %s", gwc_setting_table[i].name,
              settings->origins[i] ? settings->origins[i] : "default", text);
}


static void
gwc_split(gwc_vec_t *vec, const char *text, const char *delimiters)
{
    const char *p = text;

    while (*p != '\0') {
        size_t len = strcspn(p, delimiters);
        size_t n = len;

        while (n && isspace((unsigned char) *p)) {
            p++;
            n--;
            len--;
        }

        while (n && isspace((unsigned char) p[n - 1])) {
            n--;
        }

        if (n) {
            gwc_vec_push(vec, gwc_strndup(p, n));
        }

        p += len;

        if (*p != '\0') {
            p++;
        }
    }
}


static bool
gwc_parse_number(const char *text, long max, long *number)
{
    char *end;

    if (!isdigit((unsigned char) text[0])) {
        return false;
    }

    errno = 0;
    *number = strtol(text, &end, 10);

    return *end == '\0' && errno == 0 && *number <= max;
}


/* "127.0.0.1:8000", "[::1]:8000", "*:8000", "8000"; the port, or -1 */
static int
gwc_parse_address(const char *text)
{
    unsigned char ip[16];
    const char *colon, *host;
    long port;

    colon = strrchr(text, ':');

    if (colon == NULL || !gwc_parse_number(colon + 1, 65535, &port)
        || port == 0) {
        return -1;
    }

    host = gwc_strndup(text, (size_t) (colon - text));

    if (host[0] == '[') {
        size_t len = strlen(host);

        if (host[len - 1] != ']'
            || inet_pton(AF_INET6, gwc_strndup(host + 1, len - 2), ip) != 1)
        {
            return -1;
        }

    } else if (inet_pton(AF_INET, host, ip) != 1) {
        return -1;
    }

    return (int) port;
}


static bool
gwc_listen_flag(gwc_listen_t *listen, gwc_buf_t *flags, const char *flag)
{
    static const char *const names[] = { "deferred", "bind", "reuseport" };
    static const char *const values[] = { "backlog=", "ipv6only=",
                                          "so_keepalive=" };
    size_t i;
    long n;

    if (strcmp(flag, "ssl") == 0) {
        listen->ssl = true;
        return true;
    }

    if (strcmp(flag, "http2") == 0) {
        listen->http2 = true;
        return true;
    }

    if (strcmp(flag, "proxy_protocol") == 0) {
        listen->proxy_protocol = true;
        return true;
    }

    for (i = 0; i < GWC_COUNT(names); i++) {
        if (strcmp(flag, names[i]) == 0) {
            break;
        }

        if (gwc_starts(flag, values[i]) && flag[strlen(values[i])] != '\0') {
            if (i == 0
                && !gwc_parse_number(flag + strlen(values[0]), 1 << 30, &n)) {
                return false;
            }

            break;
        }
    }

    if (i == GWC_COUNT(names)) {
        return false;
    }

    gwc_buf_printf(flags, " %s", flag);

    return true;
}


static void
gwc_setting_listen(const gwc_settings_t *settings, size_t i, gwc_vec_t *vec)
{
    gwc_vec_t items = { 0 };
    size_t k, n;

    if (strcmp(settings->values[i], "off") == 0) {
        return;
    }

    gwc_split(&items, settings->values[i], ",");

    for (n = 0; n < items.n; n++) {
        gwc_listen_t *listen = gwc_alloc(sizeof(gwc_listen_t));
        gwc_vec_t words = { 0 };
        gwc_buf_t flags = { 0 };

        gwc_split(&words, items.items[n], " \t");

        if (words.n == 0) {
            continue;
        }

        listen->address = words.items[0];
        listen->port = gwc_parse_address(listen->address);

        if (listen->port < 0) {
            gwc_setting_bad(settings, i,
                            "\"%s\" is no address, expected ip:port such as "
                            "0.0.0.0:8000 or [::]:8000, or \"off\"",
                            listen->address);
            continue;
        }

        for (k = 1; k < words.n; k++) {
            if (!gwc_listen_flag(listen, &flags, words.items[k])) {
                gwc_setting_bad(
                    settings, i,
                    "unknown flag \"%s\", expected some of ssl http2 "
                    "proxy_protocol deferred bind reuseport backlog=N "
                    "ipv6only=on|off so_keepalive=...",
                    (const char *) words.items[k]);
            }
        }

        listen->flags = flags.data ? gwc_strndup(flags.data, flags.len) : "";
        gwc_vec_push(vec, listen);
    }

    if (items.n == 0) {
        gwc_setting_bad(settings, i, "expected ip:port or \"off\"");
    }
}


static bool
gwc_is_one_of(const char *value, const char *const *one_of)
{
    for (; *one_of != NULL; one_of++) {
        if (strcmp(value, *one_of) == 0) {
            return true;
        }
    }

    return false;
}


static const char *
gwc_join(const char *const *names)
{
    gwc_buf_t buf = { 0 };

    for (; *names != NULL; names++) {
        gwc_buf_printf(&buf, "%s%s", buf.len ? ", " : "", *names);
    }

    return gwc_strndup(buf.data, buf.len);
}


static void
gwc_setting_check(gwc_settings_t *settings, size_t i)
{
    const gwc_setting_t *setting = &gwc_setting_table[i];
    const char *value = settings->values[i];
    gwc_vec_t *vec;
    long number;

    if (value == NULL) {
        return;
    }

    vec = (gwc_vec_t *) (void *) ((char *) settings + setting->list);

    switch (setting->type) {

    case GWC_SET_FLAG:
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
            gwc_setting_bad(settings, i, "\"%s\": expected on or off", value);
        }
        break;

    case GWC_SET_NUMBER:
        if (!gwc_parse_number(value, 2147483647, &number)) {
            gwc_setting_bad(settings, i,
                            "\"%s\": expected a whole number of at least 0",
                            value);
        }
        break;

    case GWC_SET_ENUM:
        if (!gwc_is_one_of(value, setting->one_of)) {
            gwc_setting_bad(settings, i, "\"%s\": expected one of %s", value,
                            gwc_join(setting->one_of));
        }
        break;

    case GWC_SET_LISTEN:
        gwc_setting_listen(settings, i, vec);
        break;

    case GWC_SET_LIST:
        gwc_split(vec, value, ",");
        break;

    case GWC_SET_WORDS:
        gwc_split(vec, value, ", \t");
        break;

    case GWC_SET_LATER:
        if (strcmp(value, "off") != 0) {
            gwc_setting_bad(settings, i,
                            "not supported yet, expected \"off\"");
        }
        break;

    case GWC_SET_TEXT:
    case GWC_SET_ABSENT:
        break;
    }
}


static size_t
gwc_setting_index(const char *name)
{
    const gwc_setting_t *setting = gwc_setting_find(name);

    if (setting == NULL) {
        fprintf(stderr, "ngx-gateway: no setting \"%s\"\n", name);
        abort();
    }

    return (size_t) (setting - gwc_setting_table);
}


static bool
gwc_is_cidr(const char *text)
{
    const char *slash = strchr(text, '/');
    unsigned char ip[16];
    const char *address;
    bool v6;
    long bits;

    address = slash ? gwc_strndup(text, (size_t) (slash - text)) : text;
    v6 = strchr(address, ':') != NULL;

    if (inet_pton(v6 ? AF_INET6 : AF_INET, address, ip) != 1) {
        return false;
    }

    return slash == NULL || gwc_parse_number(slash + 1, v6 ? 128 : 32, &bits);
}


static void
gwc_settings_check_tokens(const gwc_settings_t *settings, const char *name,
                          gwc_vec_t *vec, const char *const *tokens)
{
    char *p;
    size_t i;

    for (i = 0; i < vec->n; i++) {
        for (p = vec->items[i]; *p != '\0'; p++) {
            *p = (char) tolower((unsigned char) *p);
        }

        if (!gwc_is_one_of(vec->items[i], tokens)) {
            gwc_setting_bad(settings, gwc_setting_index(name),
                            "\"%s\": expected some of %s",
                            (const char *) vec->items[i], gwc_join(tokens));
        }
    }

    /* an "off" counts only when it stands first */
    if (vec->n && strcmp(vec->items[0], "off") == 0) {
        vec->n = 1;
        return;
    }

    for (i = 0; i < vec->n;) {
        if (strcmp(vec->items[i], "off") == 0) {
            memmove(&vec->items[i], &vec->items[i + 1],
                    (vec->n - i - 1) * sizeof(void *));
            vec->n--;

        } else {
            i++;
        }
    }
}


static bool
gwc_is_port_map(const char *text)
{
    const char *colon = strchr(text, ':');
    long from, to;

    return colon != NULL
           && gwc_parse_number(gwc_strndup(text, (size_t) (colon - text)),
                               65535, &from)
           && gwc_parse_number(colon + 1, 65535, &to) && from > 0 && to > 0;
}


static void
gwc_settings_check_pair(const gwc_settings_t *settings, const char *cert,
                        size_t certs, const char *key, size_t keys)
{
    if (certs != keys) {
        gwc_setting_bad(settings, gwc_setting_index(certs > keys ? key : cert),
                        "%zu certificates (\"%s\") need as many keys "
                        "(\"%s\"), not %zu",
                        certs, cert, key, keys);
    }
}


/* what needs more than one setting, or an item of a list */
static void
gwc_settings_check(gwc_settings_t *settings)
{
    const char *header;
    size_t i;

    for (i = 0; i < settings->trusted_ips.n; i++) {
        const char *ip = settings->trusted_ips.items[i];

        if (strcmp(ip, "unix:") != 0 && !gwc_is_cidr(ip)) {
            gwc_setting_bad(settings, gwc_setting_index("trusted_ips"),
                            "\"%s\": expected an IP address, a CIDR range "
                            "such as 10.0.0.0/8, or unix:",
                            ip);
        }
    }

    for (i = 0; i < settings->port_maps.n; i++) {
        if (!gwc_is_port_map(settings->port_maps.items[i])) {
            gwc_setting_bad(settings, gwc_setting_index("port_maps"),
                            "\"%s\": expected public:listen, such as 80:8000",
                            (const char *) settings->port_maps.items[i]);
        }
    }

    gwc_settings_check_tokens(settings, "headers", &settings->headers,
                              gwc_header_tokens);
    gwc_settings_check_tokens(settings, "headers_upstream",
                              &settings->headers_upstream,
                              gwc_header_upstream_tokens);

    gwc_settings_check_pair(settings, "ssl_cert", settings->ssl_cert.n,
                            "ssl_cert_key", settings->ssl_cert_key.n);
    gwc_settings_check_pair(settings, "status_ssl_cert",
                            settings->status_ssl_cert.n, "status_ssl_cert_key",
                            settings->status_ssl_cert_key.n);

    if (gwc_settings_flag(settings, "client_ssl")
        && (gwc_settings_get(settings, "client_ssl_cert") == NULL
            || gwc_settings_get(settings, "client_ssl_cert_key") == NULL))
    {
        gwc_setting_bad(settings, gwc_setting_index("client_ssl"),
                        "needs client_ssl_cert and client_ssl_cert_key");
    }

    if (strcmp(gwc_settings_get(settings, "ssl_cipher_suite"), "custom") == 0
        && gwc_settings_get(settings, "ssl_ciphers") == NULL)
    {
        gwc_setting_bad(settings, gwc_setting_index("ssl_cipher_suite"),
                        "\"custom\" needs ssl_ciphers");
    }

    header = gwc_settings_get(settings, "real_ip_header");

    if (strcmp(header, "proxy_protocol") == 0) {
        for (i = 0; i < settings->proxy_listen.n; i++) {
            const gwc_listen_t *listen = settings->proxy_listen.items[i];

            if (listen->proxy_protocol) {
                break;
            }
        }

        if (i == settings->proxy_listen.n) {
            gwc_setting_bad(settings, gwc_setting_index("real_ip_header"),
                            "\"proxy_protocol\" needs that flag in "
                            "proxy_listen too");
        }
    }

    /* one "bundled" means everything there is, as an empty list does */
    for (i = 0; i < settings->plugins.n; i++) {
        if (strcmp(settings->plugins.items[i], "bundled") == 0) {
            settings->plugins.n = 0;
        }
    }
}


static int
gwc_compare_injected(const void *a, const void *b)
{
    const gwc_injected_t *x = *(const gwc_injected_t *const *) a;
    const gwc_injected_t *y = *(const gwc_injected_t *const *) b;

    if (x->context != y->context) {
        return x->context < y->context ? -1 : 1;
    }

    return strcmp(x->directive, y->directive);
}


gwc_settings_t *
gwc_settings_load(const char *const *sets, size_t n, const char *file)
{
    gwc_settings_t *settings;
    gwc_map_t *seen;
    size_t i;

    settings = gwc_alloc(sizeof(gwc_settings_t));
    settings->values = gwc_alloc_array(GWC_SETTINGS, sizeof(char *));
    settings->origins = gwc_alloc_array(GWC_SETTINGS, sizeof(char *));

    seen = gwc_map_create();
    gwc_settings_take_sets(settings, seen, sets, n);
    gwc_settings_take_env(settings, seen);

    if (file != NULL) {
        gwc_settings_take_file(settings, seen, file);
    }

    if (settings->injected.n) {
        qsort(settings->injected.items, settings->injected.n, sizeof(void *),
              gwc_compare_injected);
    }

    for (i = 0; i < GWC_SETTINGS; i++) {
        if (settings->values[i] == NULL) {
            settings->values[i] = gwc_setting_table[i].dflt;
        }

        gwc_setting_check(settings, i);
    }

    gwc_settings_check(settings);

    return settings;
}


const char *
gwc_settings_get(const gwc_settings_t *settings, const char *name)
{
    return settings->values[gwc_setting_index(name)];
}


bool
gwc_settings_flag(const gwc_settings_t *settings, const char *name)
{
    const char *value = gwc_settings_get(settings, name);

    return value != NULL && strcmp(value, "on") == 0;
}


long
gwc_settings_number(const gwc_settings_t *settings, const char *name)
{
    const char *value = gwc_settings_get(settings, name);

    return value != NULL ? strtol(value, NULL, 10) : 0;
}


const char *
gwc_settings_injected(const gwc_settings_t *settings, gwc_context_t context,
                      const char *directive)
{
    size_t i;

    for (i = 0; i < settings->injected.n; i++) {
        const gwc_injected_t *injected = settings->injected.items[i];

        if (injected->context == context
            && strcmp(injected->directive, directive) == 0)
        {
            return injected->value;
        }
    }

    return NULL;
}


int
gwc_settings_public_port(const gwc_settings_t *settings, int port)
{
    size_t i;

    for (i = 0; i < settings->port_maps.n; i++) {
        const char *map = settings->port_maps.items[i];
        const char *colon = strchr(map, ':');

        if (strtol(colon + 1, NULL, 10) == port) {
            return (int) strtol(map, NULL, 10);
        }
    }

    return port;
}
