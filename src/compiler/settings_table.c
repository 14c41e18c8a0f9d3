/*
 * Copyright (C) the ngx_gateway authors
 *
 * What settings there are.
 */

#include "settings_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const gwc_log_levels[] = { "debug", "info",  "notice",
                                              "warn",  "error", "crit",
                                              "alert", "emerg", NULL };

static const char *const gwc_error_types[] = { "text/plain", "text/html",
                                               "application/json",
                                               "application/xml", NULL };

static const char *const gwc_flavors[] = { "traditional_compatible",
                                           "traditional", "expressions",
                                           NULL };

static const char *const gwc_calculations[] = { "original", "strict", NULL };

static const char *const gwc_dot_segments[] = { "reject", "forward", NULL };

static const char *const gwc_suites[] = { "modern", "intermediate", "old",
                                          "fips",   "custom",       NULL };

static const char *const gwc_roles[] = { "traditional", NULL };

static const char *const gwc_sandboxes[] = { "off", "sandbox", "on", NULL };


#define GWC_AT(field) NULL, offsetof(gwc_settings_t, field)

const gwc_setting_t gwc_setting_table[] = {
    { "prefix", GWC_SET_TEXT, "ngx-gateway", NULL, 0 },
    { "log_level", GWC_SET_ENUM, "notice", gwc_log_levels, 0 },

    { "proxy_listen", GWC_SET_LISTEN,
      "0.0.0.0:8000 reuseport backlog=16384, "
      "0.0.0.0:8443 http2 ssl reuseport backlog=16384",
      GWC_AT(proxy_listen) },
    { "status_listen", GWC_SET_LISTEN,
      "127.0.0.1:8007 reuseport backlog=16384", GWC_AT(status_listen) },
    { "admin_listen", GWC_SET_LISTEN, "off", GWC_AT(admin_listen) },
    { "stream_listen", GWC_SET_STREAMS, "off", GWC_AT(stream_listen) },

    { "proxy_access_log", GWC_SET_TEXT, "logs/access.log", NULL, 0 },
    { "proxy_error_log", GWC_SET_TEXT, "logs/error.log", NULL, 0 },
    { "proxy_stream_access_log", GWC_SET_TEXT, "logs/access.log basic", NULL,
      0 },
    { "proxy_stream_error_log", GWC_SET_TEXT, "logs/error.log", NULL, 0 },
    { "status_access_log", GWC_SET_TEXT, "off", NULL, 0 },
    { "status_error_log", GWC_SET_TEXT, "logs/error_status.log", NULL, 0 },
    { "admin_access_log", GWC_SET_TEXT, "logs/admin_access.log", NULL, 0 },
    { "admin_error_log", GWC_SET_TEXT, "logs/error.log", NULL, 0 },

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

    { "credential_store", GWC_SET_FLAG, "on", NULL, 0 },
    { "reload_grace", GWC_SET_TIME, "2s", NULL, 0 },
    { "counts_path", GWC_SET_TEXT, "off", NULL, 0 },
    { "counts_interval", GWC_SET_TIME, "10s", NULL, 0 },
    { "upstream_keepalive_pool_size", GWC_SET_NUMBER, "512", NULL, 0 },
    { "upstream_keepalive_max_requests", GWC_SET_NUMBER, "10000", NULL, 0 },
    { "upstream_keepalive_idle_timeout", GWC_SET_NUMBER, "60", NULL, 0 },

    { "ssl_cert", GWC_SET_LIST, NULL, GWC_AT(ssl_cert) },
    { "ssl_cert_key", GWC_SET_LIST, NULL, GWC_AT(ssl_cert_key) },
    { "status_ssl_cert", GWC_SET_LIST, NULL, GWC_AT(status_ssl_cert) },
    { "status_ssl_cert_key", GWC_SET_LIST, NULL, GWC_AT(status_ssl_cert_key) },
    { "admin_ssl_cert", GWC_SET_LIST, NULL, GWC_AT(admin_ssl_cert) },
    { "admin_ssl_cert_key", GWC_SET_LIST, NULL, GWC_AT(admin_ssl_cert_key) },
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

    { "lua_ssl_trusted_certificate", GWC_SET_LIST, "system",
      GWC_AT(trusted_certificates) },

    { "dns_resolver", GWC_SET_WORDS, NULL, GWC_AT(dns_resolver) },
    { "dns_hostsfile", GWC_SET_TEXT, "/etc/hosts", NULL, 0 },
    { "dns_order", GWC_SET_LIST, "LAST,SRV,A,CNAME", GWC_AT(dns_order) },
    { "dns_valid_ttl", GWC_SET_NUMBER, NULL, NULL, 0 },
    { "dns_stale_ttl", GWC_SET_NUMBER, "3600", NULL, 0 },
    { "dns_not_found_ttl", GWC_SET_NUMBER, "30", NULL, 0 },
    { "dns_error_ttl", GWC_SET_NUMBER, "1", NULL, 0 },
    { "new_dns_client", GWC_SET_FLAG, "off", NULL, 0 },
    { "resolver_address", GWC_SET_WORDS, NULL, GWC_AT(resolver_address) },
    { "resolver_hosts_file", GWC_SET_TEXT, "/etc/hosts", NULL, 0 },
    { "resolver_family", GWC_SET_LIST, "A,SRV", GWC_AT(resolver_family) },
    { "resolver_valid_ttl", GWC_SET_NUMBER, NULL, NULL, 0 },
    { "resolver_stale_ttl", GWC_SET_NUMBER, "3600", NULL, 0 },
    { "resolver_error_ttl", GWC_SET_NUMBER, "1", NULL, 0 },

    { "role", GWC_SET_ENUM, "traditional", gwc_roles, 0 },
    { "untrusted_lua", GWC_SET_ENUM, "sandbox", gwc_sandboxes, 0 },

    { "anonymous_reports", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "database", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "declarative_config_string", GWC_SET_LATER, NULL, NULL, 0 },
    { "dedicated_config_processing", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_cache_size", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "dns_no_sync", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "host_ports", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "kic", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "mem_cache_size", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "node_id", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "openresty_path", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "pluginserver_names", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "proxy_server", GWC_SET_LATER, NULL, NULL, 0 },
    { "proxy_server_ssl_verify", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "resolver_lru_cache_size", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "resolver_mem_cache_size", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "request_debug", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "request_debug_token", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "tracing_instrumentations", GWC_SET_LIST, "off",
      GWC_AT(tracing_instrumentations) },
    { "tracing_sampling_rate", GWC_SET_TEXT, "0.01", NULL, 0 },
    { "vaults", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "worker_consistency", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "worker_events_max_payload", GWC_SET_ABSENT, NULL, NULL, 0 },
    { "worker_state_update_frequency", GWC_SET_ABSENT, NULL, NULL, 0 }
};

const size_t gwc_setting_count =
    sizeof(gwc_setting_table) / sizeof(gwc_setting_t);


const gwc_setting_t *
gwc_setting_find(const char *name)
{
    size_t i;

    for (i = 0; i < gwc_setting_count; i++) {
        if (strcmp(gwc_setting_table[i].name, name) == 0) {
            return &gwc_setting_table[i];
        }
    }

    return NULL;
}


size_t
gwc_setting_index(const char *name)
{
    const gwc_setting_t *setting = gwc_setting_find(name);

    if (setting == NULL) {
        fprintf(stderr, "ngx-gateway: no setting \"%s\"\n", name);
        abort();
    }

    return (size_t) (setting - gwc_setting_table);
}
