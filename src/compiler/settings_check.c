/*
 * Copyright (C) the ngx_gateway authors
 *
 * Settings that are wrong.
 */

#include "settings_private.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

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

static const char *const gwc_dns_types[] = { "LAST", "SRV",   "A",
                                             "AAAA", "CNAME", NULL };

static const char *const gwc_dns_families[] = { "A", "AAAA", "SRV", NULL };

/* as many as the module takes */
#define GWC_DNS_TYPES 8


static bool
gwc_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
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


void
gwc_settings_error(const gwc_settings_t *settings, const char *name,
                   const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    gwc_setting_bad(settings, gwc_setting_index(name), "%s",
                    gwc_vsprintf(fmt, args));
    va_end(args);
}


bool
gwc_settings_given(const gwc_settings_t *settings, const char *name)
{
    return settings->origins[gwc_setting_index(name)] != NULL;
}


void
gwc_settings_warning(const gwc_settings_t *settings, const char *name,
                     const char *fmt, ...)
{
    const char *origin = settings->origins[gwc_setting_index(name)];
    va_list args;
    char *text;

    va_start(args, fmt);
    text = gwc_vsprintf(fmt, args);
    va_end(args);

    gwc_warning(NULL, "setting \"%s\" (%s): %s", name,
                origin ? origin : "default", text);
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
gwc_listen_flag(gwc_listen_t *listen, gwc_buf_t *flags, const char *flag,
                bool streams)
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

    if (streams && strcmp(flag, "udp") == 0) {
        listen->udp = true;
        return true;
    }

    if (!streams && strcmp(flag, "http2") == 0) {
        listen->http2 = true;
        return true;
    }

    if (strcmp(flag, "proxy_protocol") == 0) {
        listen->proxy_protocol = true;
        return true;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(flag, names[i]) == 0) {
            /* "deferred" is of http{} */
            if (streams && i == 0) {
                return false;
            }

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

    if (i == sizeof(names) / sizeof(names[0])) {
        return false;
    }

    gwc_buf_printf(flags, " %s", flag);

    return true;
}


static void
gwc_setting_listen(const gwc_settings_t *settings, size_t i, gwc_vec_t *vec)
{
    bool streams = gwc_setting_table[i].type == GWC_SET_STREAMS;
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
            if (!gwc_listen_flag(listen, &flags, words.items[k], streams)) {
                gwc_setting_bad(settings, i,
                                "unknown flag \"%s\", expected some of ssl %s "
                                "proxy_protocol %sbind reuseport backlog=N "
                                "ipv6only=on|off so_keepalive=...",
                                (const char *) words.items[k],
                                streams ? "udp" : "http2",
                                streams ? "" : "deferred ");
            }
        }

        if (listen->udp
            && (listen->ssl || listen->proxy_protocol
                || (flags.len
                    && (memmem(flags.data, flags.len, "backlog=", 8) != NULL
                        || memmem(flags.data, flags.len, "so_keepalive=", 13)
                               != NULL))))
        {
            gwc_setting_bad(settings, i,
                            "\"udp\" stands with none of ssl, "
                            "proxy_protocol, backlog and so_keepalive");
        }

        listen->flags = flags.data ? gwc_strndup(flags.data, flags.len) : "";
        gwc_vec_push(vec, listen);
    }

    if (items.n == 0) {
        gwc_setting_bad(settings, i, "expected ip:port or \"off\"");
    }
}


/* as nginx writes times: "1d", "1h 30m", "300" */
static bool
gwc_is_time(const char *text)
{
    const char *p = text;

    while (isdigit((unsigned char) *p)) {
        p += strspn(p, "0123456789");

        if (*p != '\0' && strchr("smhdwMy", *p) != NULL) {
            p++;
        }

        p += strspn(p, " ");
    }

    return p != text && *p == '\0' && strlen(text) < 32;
}


/* as nginx writes sizes: "10m", "512k", "1048576"; -1: it is none */
static long
gwc_parse_size(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long n, factor = 1;

    if (digits == 0 || digits > 9
        || !gwc_parse_number(gwc_strndup(text, digits), 1 << 30, &n))
    {
        return -1;
    }

    text += digits;

    if (*text == 'k' || *text == 'K') {
        factor = 1024;
        text++;

    } else if (*text == 'm' || *text == 'M') {
        factor = 1048576;
        text++;
    }

    return *text == '\0' ? n * factor : -1;
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


/* a number with one of nginx's units of time */
static bool
gwc_is_period(const char *text)
{
    static const char *const units[] = { "ms", "s", "m", "h", NULL };
    size_t digits = strspn(text, "0123456789");
    long number;

    return gwc_parse_number(gwc_strndup(text, digits), 86400000, &number)
           && number > 0 && gwc_is_one_of(text + digits, units);
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


void
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

    case GWC_SET_TIME:
        if (strcmp(value, "off") != 0 && !gwc_is_period(value)) {
            gwc_setting_bad(settings, i,
                            "\"%s\": expected \"off\" or a time of more than "
                            "0, like \"2s\" or \"500ms\"",
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
    case GWC_SET_STREAMS:
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


/* values of TLS that nginx would refuse without naming the setting */
static void
gwc_settings_check_tls(const gwc_settings_t *settings)
{
    static const char *const protocols[] = { "SSLv3",   "TLSv1",   "TLSv1.1",
                                             "TLSv1.2", "TLSv1.3", NULL };
    const char *timeout = gwc_settings_get(settings, "ssl_session_timeout");
    const char *size = gwc_settings_get(settings, "ssl_session_cache_size");
    const char *value = gwc_settings_get(settings, "ssl_protocols");
    gwc_vec_t words = { 0 };
    size_t i;

    if (!gwc_is_time(timeout)) {
        gwc_settings_error(settings, "ssl_session_timeout",
                           "\"%s\": expected a time such as 1d or 300s",
                           timeout);
    }

    if (gwc_parse_size(size) < 32 * 1024) {
        gwc_settings_error(settings, "ssl_session_cache_size",
                           "\"%s\": expected a size of at least 32k, such "
                           "as 10m",
                           size);
    }

    if (value == NULL) {
        return;
    }

    gwc_split(&words, value, " \t");

    for (i = 0; i < words.n; i++) {
        if (!gwc_is_one_of(words.items[i], protocols)) {
            gwc_settings_error(
                settings, "ssl_protocols", "\"%s\": expected some of %s",
                (const char *) words.items[i], gwc_join(protocols));
        }
    }
}


/* types of records, in upper case afterwards */
static void
gwc_settings_check_types(const gwc_settings_t *settings, const char *name,
                         gwc_vec_t *vec, const char *const *types)
{
    bool address = false;
    char *p;
    size_t i;

    for (i = 0; i < vec->n; i++) {
        for (p = vec->items[i]; *p != '\0'; p++) {
            *p = (char) toupper((unsigned char) *p);
        }

        if (!gwc_is_one_of(vec->items[i], types)) {
            gwc_setting_bad(settings, gwc_setting_index(name),
                            "\"%s\": expected some of %s",
                            (const char *) vec->items[i], gwc_join(types));
            return;
        }

        address = address || strcmp(vec->items[i], "A") == 0
                  || strcmp(vec->items[i], "AAAA") == 0
                  || strcmp(vec->items[i], "SRV") == 0;
    }

    if (!address || vec->n > GWC_DNS_TYPES) {
        gwc_setting_bad(settings, gwc_setting_index(name),
                        "expected at least one of A, AAAA and SRV, and no "
                        "more than %d types",
                        GWC_DNS_TYPES);
    }
}


/* "address" or "address:port", an IPv6 address with a port in brackets */
static void
gwc_settings_check_servers(const gwc_settings_t *settings, const char *name,
                           gwc_vec_t *vec)
{
    unsigned char ip[16];
    size_t i;
    long port;

    for (i = 0; i < vec->n; i++) {
        const char *text = vec->items[i];
        const char *address = text, *colon = NULL, *end;
        int family = AF_INET;

        if (inet_pton(AF_INET6, text, ip) == 1) {
            vec->items[i] = gwc_sprintf("[%s]", text);
            continue;
        }

        if (text[0] == '[' && (end = strchr(text, ']')) != NULL) {
            address = gwc_strndup(text + 1, (size_t) (end - text) - 1);
            colon = end[1] == ':' ? end + 1 : NULL;
            family = end[1] == '\0' || colon != NULL ? AF_INET6 : AF_UNSPEC;

        } else if ((colon = strchr(text, ':')) != NULL) {
            address = gwc_strndup(text, (size_t) (colon - text));
        }

        if (family == AF_UNSPEC || inet_pton(family, address, ip) != 1
            || (colon != NULL
                && (!gwc_parse_number(colon + 1, 65535, &port) || port == 0)))
        {
            gwc_setting_bad(settings, gwc_setting_index(name),
                            "\"%s\": expected addresses of name servers, "
                            "such as 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53",
                            text);
        }
    }
}


static const char *const gwc_instrumentations[] = { "off",
                                                    "all",
                                                    "request",
                                                    "db_query",
                                                    "dns_query",
                                                    "router",
                                                    "http_client",
                                                    "balancer",
                                                    "plugin_rewrite",
                                                    "plugin_access",
                                                    "plugin_header_filter",
                                                    NULL };


static void
gwc_settings_check_tracing(gwc_settings_t *settings)
{
    const gwc_vec_t *vec = &settings->tracing_instrumentations;
    const char *text = gwc_settings_get(settings, "tracing_sampling_rate");
    char *end;
    double rate;
    size_t i;

    for (i = 0; i < vec->n; i++) {
        if (!gwc_is_one_of(vec->items[i], gwc_instrumentations)) {
            gwc_settings_error(settings, "tracing_instrumentations",
                               "\"%s\": expected some of %s",
                               (const char *) vec->items[i],
                               gwc_join(gwc_instrumentations));
        }
    }

    rate = strtod(text, &end);

    if (strspn(text, "0123456789.") != strlen(text) || *end != '\0'
        || end == text || strlen(text) > 16 || !(rate >= 0 && rate <= 1))
    {
        gwc_settings_error(settings, "tracing_sampling_rate",
                           "expected a number from 0 to 1");
    }
}


/* nginx gives the directory to the user of its workers */
static void
gwc_settings_check_counts(const gwc_settings_t *settings)
{
    static const char *const taken[] = { ".",      "..",   "logs",
                                         "temp",   "tls",  "store",
                                         "secret", "conf", NULL };
    const char *interval = gwc_settings_get(settings, "counts_interval");
    const char *path = gwc_settings_get(settings, "counts_path");
    const char *p;
    size_t len;

    if (strcmp(interval, "off") == 0) {
        gwc_settings_error(settings, "counts_interval",
                           "\"off\": expected a time of more than 0, like "
                           "\"10s\"; \"counts_path\" switches it off");
    }

    for (p = path; *p != '\0'; p++) {
        if (iscntrl((unsigned char) *p)) {
            gwc_settings_error(settings, "counts_path",
                               "expected the path of a directory");
            return;
        }
    }

    for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--) {
        /* void */
    }

    path = gwc_strndup(path, len);

    if (strcmp(path, "/") == 0 || gwc_is_one_of(path, taken)
        || gwc_starts(path, "gateway."))
    {
        gwc_settings_error(settings, "counts_path",
                           "\"%s\": expected a directory that is used for "
                           "nothing else, like \"counts\"",
                           path);
    }
}


void
gwc_settings_check(gwc_settings_t *settings)
{
    const char *header;
    size_t i;

    gwc_settings_check_counts(settings);
    gwc_settings_check_tracing(settings);

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

    gwc_settings_check_servers(settings, "dns_resolver",
                               &settings->dns_resolver);
    gwc_settings_check_servers(settings, "resolver_address",
                               &settings->resolver_address);
    gwc_settings_check_types(settings, "dns_order", &settings->dns_order,
                             gwc_dns_types);
    gwc_settings_check_types(settings, "resolver_family",
                             &settings->resolver_family, gwc_dns_families);

    gwc_settings_check_pair(settings, "ssl_cert", settings->ssl_cert.n,
                            "ssl_cert_key", settings->ssl_cert_key.n);
    gwc_settings_check_pair(settings, "status_ssl_cert",
                            settings->status_ssl_cert.n, "status_ssl_cert_key",
                            settings->status_ssl_cert_key.n);
    gwc_settings_check_pair(settings, "admin_ssl_cert",
                            settings->admin_ssl_cert.n, "admin_ssl_cert_key",
                            settings->admin_ssl_cert_key.n);

    gwc_settings_check_tls(settings);

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
