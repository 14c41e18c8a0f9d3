/*
 * Copyright (C) the ngx_gateway authors
 *
 * The tables of all entities.  What a table cannot say is in entity_rules.c
 * and entity_tls.c.
 */

#include "entities.h"

#include <string.h>

#define AT(type, member) .offset = offsetof(type, member)
#define STRINGS(check_fn)                                                     \
    &(const gwc_field_t)                                                      \
    {                                                                         \
        .type = GWC_STRING, .check = (check_fn)                               \
    }
#define RANGE(lo, hi)          .bounded = true, .min = (lo), .max = (hi)
#define LIST_OF(element, type) .elem = (element), .size = sizeof(type)

/* a service's timeouts: 1 ms to 2^31 - 2 ms */
#define TIMEOUT RANGE(1, 2147483646)

static const char *const gwc_protocols[] = {
    "http", "https",           "grpc", "grpcs", "tcp", "tls",
    "udp",  "tls_passthrough", NULL
};
static const char *const gwc_path_handlings[] = { "v0", "v1", NULL };
static const char *const gwc_algorithms[] = {
    "round-robin", "consistent-hashing", "least-connections", "latency", NULL
};
static const char *const gwc_hash_inputs[] = {
    "none", "consumer",  "ip",          "header", "cookie",
    "path", "query_arg", "uri_capture", NULL
};
static const char *const gwc_check_types[] = { "tcp",  "http",  "https",
                                               "grpc", "grpcs", NULL };
static const char *const gwc_jwt_algorithms[] = {
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256",
    "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA", NULL
};
static const char *const gwc_client_types[] = { "confidential", "public",
                                                NULL };
static const char *const gwc_token_types[] = { "bearer", NULL };
static const char *const gwc_challenge_methods[] = { "S256", NULL };

/* plugins whose turn comes; what stands here is known but does not run */
const char *const gwc_bundled_plugins[] = { "pre-function",
                                            "correlation-id",
                                            "zipkin",
                                            "bot-detection",
                                            "cors",
                                            "session",
                                            "acme",
                                            "jwt",
                                            "oauth2",
                                            "key-auth",
                                            "ldap-auth",
                                            "basic-auth",
                                            "hmac-auth",
                                            "grpc-gateway",
                                            "ip-restriction",
                                            "request-size-limiting",
                                            "acl",
                                            "rate-limiting",
                                            "response-ratelimiting",
                                            "request-transformer",
                                            "response-transformer",
                                            "redirect",
                                            "ai-request-transformer",
                                            "ai-prompt-template",
                                            "ai-prompt-decorator",
                                            "ai-prompt-guard",
                                            "ai-proxy",
                                            "ai-response-transformer",
                                            "standard-webhooks",
                                            "aws-lambda",
                                            "azure-functions",
                                            "proxy-cache",
                                            "opentelemetry",
                                            "prometheus",
                                            "http-log",
                                            "statsd",
                                            "datadog",
                                            "file-log",
                                            "udp-log",
                                            "tcp-log",
                                            "loggly",
                                            "syslog",
                                            "grpc-web",
                                            "request-termination",
                                            "post-function",
                                            NULL };

const gwc_field_t gwc_entity_fields[] = { { .name = "id",
                                            .type = GWC_STRING,
                                            AT(gwc_entity_t, id_field),
                                            .check = gwc_check_uuid },
                                          { .name = "tags",
                                            .type = GWC_SET,
                                            AT(gwc_entity_t, tags),
                                            LIST_OF(STRINGS(gwc_check_tag),
                                                    gwc_str_t) },
                                          { .name = "created_at",
                                            .type = GWC_NUMBER,
                                            AT(gwc_entity_t, created_at),
                                            RANGE(0, 1e15) },
                                          { .name = "updated_at",
                                            .type = GWC_NUMBER,
                                            AT(gwc_entity_t, updated_at),
                                            RANGE(0, 1e15) },
                                          { .name = NULL } };

const gwc_field_t gwc_credential_fields[] = { { .name = "consumer",
                                                .type = GWC_REF,
                                                AT(gwc_credential_t, consumer),
                                                .refers = "consumers" },
                                              { .name = NULL } };

static const gwc_field_t gwc_service_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_service_t, name),
      .flags = GWC_UNIQUE,
      .check = gwc_check_name },
    { .name = "protocol",
      .type = GWC_STRING,
      AT(gwc_service_t, protocol),
      .flags = GWC_REQUIRED,
      .dflt = "\"http\"",
      .one_of = gwc_protocols },
    { .name = "host",
      .type = GWC_STRING,
      AT(gwc_service_t, host),
      .check = gwc_check_host },
    { .name = "port",
      .type = GWC_INT,
      AT(gwc_service_t, port),
      .flags = GWC_REQUIRED,
      .dflt = "80",
      RANGE(0, 65535) },
    { .name = "path",
      .type = GWC_STRING,
      AT(gwc_service_t, path),
      .check = gwc_check_path },
    { .name = "url", .type = GWC_STRING, AT(gwc_service_t, url) },
    { .name = "retries",
      .type = GWC_INT,
      AT(gwc_service_t, retries),
      .dflt = "5",
      RANGE(0, 32767) },
    { .name = "connect_timeout",
      .type = GWC_INT,
      AT(gwc_service_t, connect_timeout),
      .dflt = "60000",
      TIMEOUT },
    { .name = "write_timeout",
      .type = GWC_INT,
      AT(gwc_service_t, write_timeout),
      .dflt = "60000",
      TIMEOUT },
    { .name = "read_timeout",
      .type = GWC_INT,
      AT(gwc_service_t, read_timeout),
      .dflt = "60000",
      TIMEOUT },
    { .name = "client_certificate",
      .type = GWC_REF,
      AT(gwc_service_t, client_certificate),
      .refers = "certificates" },
    { .name = "tls_verify", .type = GWC_BOOL, AT(gwc_service_t, tls_verify) },
    { .name = "tls_verify_depth",
      .type = GWC_INT,
      AT(gwc_service_t, tls_verify_depth),
      RANGE(0, 64) },
    { .name = "ca_certificates",
      .type = GWC_ARRAY,
      AT(gwc_service_t, ca_certificates),
      LIST_OF((&(const gwc_field_t){ .type = GWC_REF,
                                     .refers = "ca_certificates" }),
              gwc_ref_t) },
    { .name = "enabled",
      .type = GWC_BOOL,
      AT(gwc_service_t, enabled),
      .flags = GWC_REQUIRED,
      .dflt = "true" },
    { .name = NULL }
};

static const char *const gwc_service_enterprise[] = { "tls_sans", NULL };

static const gwc_field_t gwc_endpoint_fields[] = {
    { .name = "ip",
      .type = GWC_STRING,
      AT(gwc_endpoint_t, ip),
      .check = gwc_check_ip_or_cidr },
    { .name = "port",
      .type = GWC_INT,
      AT(gwc_endpoint_t, port),
      RANGE(0, 65535) },
    { .name = NULL }
};

#define ENDPOINTS                                                             \
    LIST_OF((&(const gwc_field_t){ .type = GWC_RECORD,                        \
                                   .fields = gwc_endpoint_fields,             \
                                   .size = sizeof(gwc_endpoint_t) }),         \
            gwc_endpoint_t)

#define HEADERS(value_check)                                                  \
    LIST_OF((&(const gwc_field_t){                                            \
                .type = GWC_ARRAY,                                            \
                AT(gwc_header_t, values),                                     \
                LIST_OF((&(const gwc_field_t){ .type = GWC_STRING,            \
                                               .flags = GWC_EMPTY_OK }),      \
                        gwc_str_t) }),                                        \
            gwc_header_t)

static const gwc_field_t gwc_route_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_route_t, name),
      .flags = GWC_UNIQUE,
      .check = gwc_check_name },
    { .name = "service",
      .type = GWC_REF,
      AT(gwc_route_t, service),
      .refers = "services" },
    { .name = "protocols",
      .type = GWC_SET,
      AT(gwc_route_t, protocols),
      .flags = GWC_REQUIRED,
      .dflt = "[\"http\", \"https\"]",
      .min_len = 1,
      LIST_OF((&(const gwc_field_t){ .type = GWC_STRING,
                                     .one_of = gwc_protocols }),
              gwc_str_t) },
    { .name = "methods",
      .type = GWC_SET,
      AT(gwc_route_t, methods),
      LIST_OF(STRINGS(gwc_check_method), gwc_str_t) },
    { .name = "hosts",
      .type = GWC_ARRAY,
      AT(gwc_route_t, hosts),
      LIST_OF(STRINGS(gwc_check_route_host), gwc_str_t) },
    { .name = "paths",
      .type = GWC_ARRAY,
      AT(gwc_route_t, paths),
      LIST_OF(STRINGS(gwc_check_route_path), gwc_str_t) },
    { .name = "headers",
      .type = GWC_MAP,
      AT(gwc_route_t, headers),
      .check = gwc_check_route_headers,
      HEADERS(NULL) },
    { .name = "snis",
      .type = GWC_SET,
      AT(gwc_route_t, snis),
      LIST_OF(STRINGS(gwc_check_wildcard_host), gwc_str_t) },
    { .name = "sources",
      .type = GWC_SET,
      AT(gwc_route_t, sources),
      ENDPOINTS },
    { .name = "destinations",
      .type = GWC_SET,
      AT(gwc_route_t, destinations),
      ENDPOINTS },
    { .name = "regex_priority",
      .type = GWC_INT,
      AT(gwc_route_t, regex_priority),
      .dflt = "0",
      RANGE(-9007199254740991.0, 9007199254740991.0) },
    { .name = "strip_path", .type = GWC_BOOL, AT(gwc_route_t, strip_path) },
    { .name = "preserve_host",
      .type = GWC_BOOL,
      AT(gwc_route_t, preserve_host),
      .flags = GWC_REQUIRED,
      .dflt = "false" },
    { .name = "path_handling",
      .type = GWC_STRING,
      AT(gwc_route_t, path_handling),
      .dflt = "\"v0\"",
      .one_of = gwc_path_handlings },
    { .name = "https_redirect_status_code",
      .type = GWC_INT,
      AT(gwc_route_t, https_redirect_status_code),
      .flags = GWC_REQUIRED,
      .dflt = "426",
      .check = gwc_check_redirect_code },
    { .name = "request_buffering",
      .type = GWC_BOOL,
      AT(gwc_route_t, request_buffering),
      .flags = GWC_REQUIRED,
      .dflt = "true" },
    { .name = "response_buffering",
      .type = GWC_BOOL,
      AT(gwc_route_t, response_buffering),
      .flags = GWC_REQUIRED,
      .dflt = "true" },
    { .name = "expression", .type = GWC_STRING, AT(gwc_route_t, expression) },
    { .name = "priority",
      .type = GWC_INT,
      AT(gwc_route_t, priority),
      RANGE(0, 70368744177663.0) },
    { .name = NULL }
};

static const gwc_field_t gwc_consumer_fields[] = {
    { .name = "username",
      .type = GWC_STRING,
      AT(gwc_consumer_t, username),
      .flags = GWC_UNIQUE,
      .check = gwc_check_printable },
    { .name = "custom_id",
      .type = GWC_STRING,
      AT(gwc_consumer_t, custom_id),
      .flags = GWC_UNIQUE,
      .check = gwc_check_printable },
    { .name = "groups",
      .type = GWC_ARRAY,
      AT(gwc_consumer_t, groups),
      LIST_OF((&(const gwc_field_t){ .type = GWC_REF,
                                     .refers = "consumer_groups" }),
              gwc_ref_t) },
    { .name = NULL }
};

static const char *const gwc_consumer_enterprise[] = { "type", NULL };

static const gwc_field_t gwc_consumer_group_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_consumer_group_t, name),
      .flags = GWC_REQUIRED | GWC_UNIQUE,
      .check = gwc_check_printable },
    { .name = "consumers",
      .type = GWC_ARRAY,
      AT(gwc_consumer_group_t, consumers),
      LIST_OF((&(const gwc_field_t){ .type = GWC_REF, .refers = "consumers" }),
              gwc_ref_t) },
    { .name = NULL }
};

static const gwc_field_t gwc_membership_fields[] = {
    { .name = "consumer_group",
      .type = GWC_REF,
      AT(gwc_membership_t, group),
      .refers = "consumer_groups" },
    { .name = "consumer",
      .type = GWC_REF,
      AT(gwc_membership_t, consumer),
      .refers = "consumers" },
    { .name = NULL }
};

static const gwc_field_t gwc_plugin_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_plugin_t, name),
      .flags = GWC_REQUIRED },
    { .name = "instance_name",
      .type = GWC_STRING,
      AT(gwc_plugin_t, instance_name),
      .flags = GWC_UNIQUE,
      .check = gwc_check_name },
    { .name = "service",
      .type = GWC_REF,
      AT(gwc_plugin_t, service),
      .refers = "services" },
    { .name = "route",
      .type = GWC_REF,
      AT(gwc_plugin_t, route),
      .refers = "routes" },
    { .name = "consumer",
      .type = GWC_REF,
      AT(gwc_plugin_t, consumer),
      .refers = "consumers" },
    { .name = "consumer_group",
      .type = GWC_REF,
      AT(gwc_plugin_t, consumer_group),
      .refers = "consumer_groups" },
    { .name = "protocols",
      .type = GWC_SET,
      AT(gwc_plugin_t, protocols),
      .flags = GWC_REQUIRED,
      .dflt = "[\"grpc\", \"grpcs\", \"http\", \"https\"]",
      .min_len = 1,
      LIST_OF((&(const gwc_field_t){ .type = GWC_STRING,
                                     .one_of = gwc_protocols }),
              gwc_str_t) },
    { .name = "enabled",
      .type = GWC_BOOL,
      AT(gwc_plugin_t, enabled),
      .flags = GWC_REQUIRED,
      .dflt = "true" },
    { .name = NULL }
};

static const char *const gwc_plugin_enterprise[] = { "ordering", "partials",
                                                     "condition", NULL };

static const gwc_field_t gwc_target_fields[] = { { .name = "target",
                                                   .type = GWC_STRING,
                                                   AT(gwc_target_t, target),
                                                   .flags = GWC_REQUIRED },
                                                 { .name = "weight",
                                                   .type = GWC_INT,
                                                   AT(gwc_target_t, weight),
                                                   .dflt = "100",
                                                   RANGE(0, 65535) },
                                                 { .name = "upstream",
                                                   .type = GWC_REF,
                                                   AT(gwc_target_t, upstream),
                                                   .refers = "upstreams" },
                                                 { .name = NULL } };

#define STATUSES                                                              \
    LIST_OF((&(const gwc_field_t){ .type = GWC_INT, RANGE(100, 999) }),       \
            gwc_int_t)
#define COUNTER  .type = GWC_INT, .dflt = "0", RANGE(0, 255)
#define INTERVAL .type = GWC_NUMBER, .dflt = "0", RANGE(0, 65535)

static const gwc_field_t gwc_active_healthy_fields[] = {
    { .name = "interval", INTERVAL, AT(gwc_healthy_t, interval) },
    { .name = "http_statuses",
      .type = GWC_ARRAY,
      AT(gwc_healthy_t, http_statuses),
      .dflt = "[200, 302]",
      STATUSES },
    { .name = "successes", COUNTER, AT(gwc_healthy_t, successes) },
    { .name = NULL }
};

static const gwc_field_t gwc_active_unhealthy_fields[] = {
    { .name = "interval", INTERVAL, AT(gwc_unhealthy_t, interval) },
    { .name = "http_statuses",
      .type = GWC_ARRAY,
      AT(gwc_unhealthy_t, http_statuses),
      .dflt = "[429, 404, 500, 501, 502, 503, 504, 505]",
      STATUSES },
    { .name = "http_failures", COUNTER, AT(gwc_unhealthy_t, http_failures) },
    { .name = "tcp_failures", COUNTER, AT(gwc_unhealthy_t, tcp_failures) },
    { .name = "timeouts", COUNTER, AT(gwc_unhealthy_t, timeouts) },
    { .name = NULL }
};

static const gwc_field_t gwc_passive_healthy_fields[] = {
    { .name = "http_statuses",
      .type = GWC_ARRAY,
      AT(gwc_healthy_t, http_statuses),
      .dflt = "[200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, "
              "302, 303, 304, 305, 306, 307, 308]",
      STATUSES },
    { .name = "successes", COUNTER, AT(gwc_healthy_t, successes) },
    { .name = NULL }
};

static const gwc_field_t gwc_passive_unhealthy_fields[] = {
    { .name = "http_statuses",
      .type = GWC_ARRAY,
      AT(gwc_unhealthy_t, http_statuses),
      .dflt = "[429, 500, 503]",
      STATUSES },
    { .name = "http_failures", COUNTER, AT(gwc_unhealthy_t, http_failures) },
    { .name = "tcp_failures", COUNTER, AT(gwc_unhealthy_t, tcp_failures) },
    { .name = "timeouts", COUNTER, AT(gwc_unhealthy_t, timeouts) },
    { .name = NULL }
};

static const gwc_field_t gwc_active_fields[] = {
    { .name = "type",
      .type = GWC_STRING,
      AT(gwc_active_t, type),
      .dflt = "\"http\"",
      .one_of = gwc_check_types },
    { .name = "timeout",
      .type = GWC_NUMBER,
      AT(gwc_active_t, timeout),
      .dflt = "1",
      RANGE(0, 65535) },
    { .name = "concurrency",
      .type = GWC_INT,
      AT(gwc_active_t, concurrency),
      .dflt = "10",
      RANGE(1, 2147483648.0) },
    { .name = "http_path",
      .type = GWC_STRING,
      AT(gwc_active_t, http_path),
      .dflt = "\"/\"",
      .check = gwc_check_path },
    { .name = "https_sni",
      .type = GWC_STRING,
      AT(gwc_active_t, https_sni),
      .check = gwc_check_upstream_name },
    { .name = "https_verify_certificate",
      .type = GWC_BOOL,
      AT(gwc_active_t, https_verify_certificate),
      .flags = GWC_REQUIRED,
      .dflt = "true" },
    { .name = "headers",
      .type = GWC_MAP,
      AT(gwc_active_t, headers),
      .check = gwc_check_header_names,
      HEADERS(NULL) },
    { .name = "healthy",
      .type = GWC_RECORD,
      AT(gwc_active_t, healthy),
      .dflt = "{}",
      .fields = gwc_active_healthy_fields,
      .size = sizeof(gwc_healthy_t) },
    { .name = "unhealthy",
      .type = GWC_RECORD,
      AT(gwc_active_t, unhealthy),
      .dflt = "{}",
      .fields = gwc_active_unhealthy_fields,
      .size = sizeof(gwc_unhealthy_t) },
    { .name = NULL }
};

static const gwc_field_t gwc_passive_fields[] = {
    { .name = "type",
      .type = GWC_STRING,
      AT(gwc_passive_t, type),
      .dflt = "\"http\"",
      .one_of = gwc_check_types },
    { .name = "healthy",
      .type = GWC_RECORD,
      AT(gwc_passive_t, healthy),
      .dflt = "{}",
      .fields = gwc_passive_healthy_fields,
      .size = sizeof(gwc_healthy_t) },
    { .name = "unhealthy",
      .type = GWC_RECORD,
      AT(gwc_passive_t, unhealthy),
      .dflt = "{}",
      .fields = gwc_passive_unhealthy_fields,
      .size = sizeof(gwc_unhealthy_t) },
    { .name = NULL }
};

static const gwc_field_t gwc_healthchecks_fields[] = {
    { .name = "threshold",
      .type = GWC_NUMBER,
      AT(gwc_healthchecks_t, threshold),
      .dflt = "0",
      RANGE(0, 100) },
    { .name = "active",
      .type = GWC_RECORD,
      AT(gwc_healthchecks_t, active),
      .dflt = "{}",
      .fields = gwc_active_fields,
      .size = sizeof(gwc_active_t) },
    { .name = "passive",
      .type = GWC_RECORD,
      AT(gwc_healthchecks_t, passive),
      .dflt = "{}",
      .fields = gwc_passive_fields,
      .size = sizeof(gwc_passive_t) },
    { .name = NULL }
};

static const gwc_field_t gwc_upstream_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_upstream_t, name),
      .flags = GWC_REQUIRED | GWC_UNIQUE,
      .check = gwc_check_upstream_name },
    { .name = "algorithm",
      .type = GWC_STRING,
      AT(gwc_upstream_t, algorithm),
      .one_of = gwc_algorithms },
    { .name = "slots",
      .type = GWC_INT,
      AT(gwc_upstream_t, slots),
      .dflt = "10000",
      RANGE(10, 65536) },
    { .name = "hash_on",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_on),
      .one_of = gwc_hash_inputs },
    { .name = "hash_fallback",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_fallback),
      .dflt = "\"none\"",
      .one_of = gwc_hash_inputs },
    { .name = "hash_on_header",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_on_header),
      .check = gwc_check_header_name },
    { .name = "hash_fallback_header",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_fallback_header),
      .check = gwc_check_header_name },
    { .name = "hash_on_cookie",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_on_cookie),
      .check = gwc_check_cookie_name },
    { .name = "hash_on_cookie_path",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_on_cookie_path),
      .dflt = "\"/\"",
      .check = gwc_check_path },
    { .name = "hash_on_query_arg",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_on_query_arg) },
    { .name = "hash_fallback_query_arg",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_fallback_query_arg) },
    { .name = "hash_on_uri_capture",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_on_uri_capture) },
    { .name = "hash_fallback_uri_capture",
      .type = GWC_STRING,
      AT(gwc_upstream_t, hash_fallback_uri_capture) },
    { .name = "healthchecks",
      .type = GWC_RECORD,
      AT(gwc_upstream_t, healthchecks),
      .dflt = "{}",
      .fields = gwc_healthchecks_fields,
      .size = sizeof(gwc_healthchecks_t) },
    { .name = "host_header",
      .type = GWC_STRING,
      AT(gwc_upstream_t, host_header),
      .check = gwc_check_host_port },
    { .name = "client_certificate",
      .type = GWC_REF,
      AT(gwc_upstream_t, client_certificate),
      .refers = "certificates" },
    { .name = "use_srv_name",
      .type = GWC_BOOL,
      AT(gwc_upstream_t, use_srv_name),
      .dflt = "false" },
    { .name = NULL }
};

#define SECRET_TEXT .type = GWC_STRING, .flags = GWC_SECRET | GWC_REFERENCEABLE
#define SECRET_REQUIRED                                                       \
    .type = GWC_STRING, .flags = GWC_SECRET | GWC_REFERENCEABLE | GWC_REQUIRED

static const gwc_field_t gwc_certificate_fields[] = {
    { .name = "cert", SECRET_REQUIRED, AT(gwc_certificate_t, cert) },
    { .name = "key", SECRET_REQUIRED, AT(gwc_certificate_t, key) },
    { .name = "cert_alt", SECRET_TEXT, AT(gwc_certificate_t, cert_alt) },
    { .name = "key_alt", SECRET_TEXT, AT(gwc_certificate_t, key_alt) },
    { .name = NULL }
};

static const gwc_field_t gwc_sni_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_sni_t, name),
      .flags = GWC_REQUIRED | GWC_UNIQUE,
      .check = gwc_check_wildcard_host },
    { .name = "certificate",
      .type = GWC_REF,
      AT(gwc_sni_t, certificate),
      .refers = "certificates" },
    { .name = NULL }
};

static const gwc_field_t gwc_ca_certificate_fields[] = {
    { .name = "cert",
      .type = GWC_STRING,
      AT(gwc_ca_certificate_t, cert),
      .flags = GWC_REQUIRED },
    { .name = "cert_digest",
      .type = GWC_STRING,
      AT(gwc_ca_certificate_t, cert_digest),
      .flags = GWC_UNIQUE },
    { .name = NULL }
};

static const gwc_field_t gwc_vault_fields[] = {
    { .name = "prefix",
      .type = GWC_STRING,
      AT(gwc_vault_entity_t, prefix),
      .flags = GWC_REQUIRED | GWC_UNIQUE,
      .check = gwc_check_vault_prefix },
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_vault_entity_t, name),
      .flags = GWC_REQUIRED,
      .check = gwc_check_vault_name },
    { .name = "description",
      .type = GWC_STRING,
      AT(gwc_vault_entity_t, description),
      .flags = GWC_EMPTY_OK },
    { .name = "config", .type = GWC_ANY, AT(gwc_vault_entity_t, config) },
    { .name = NULL }
};

typedef struct {
    gwc_entity_t e;
    gwc_str_t name;
} gwc_named_t;

static const gwc_field_t gwc_key_set_fields[] = { { .name = "name",
                                                    .type = GWC_STRING,
                                                    AT(gwc_named_t, name),
                                                    .flags = GWC_UNIQUE },
                                                  { .name = NULL } };

static const gwc_field_t gwc_pem_fields[] = {
    { .name = "public_key",
      .type = GWC_STRING,
      AT(gwc_pem_t, public_key),
      .flags = GWC_REFERENCEABLE },
    { .name = "private_key", SECRET_TEXT, AT(gwc_pem_t, private_key) },
    { .name = NULL }
};

static const gwc_field_t gwc_key_fields[] = {
    { .name = "kid",
      .type = GWC_STRING,
      AT(gwc_key_entity_t, kid),
      .flags = GWC_REQUIRED },
    { .name = "set",
      .type = GWC_REF,
      AT(gwc_key_entity_t, set),
      .refers = "key_sets" },
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_key_entity_t, name),
      .flags = GWC_UNIQUE },
    { .name = "jwk", SECRET_TEXT, AT(gwc_key_entity_t, jwk) },
    { .name = "pem",
      .type = GWC_RECORD,
      AT(gwc_key_entity_t, pem),
      .fields = gwc_pem_fields,
      .size = sizeof(gwc_pem_t) },
    { .name = NULL }
};

static const gwc_field_t gwc_filter_chain_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_filter_chain_t, name),
      .flags = GWC_UNIQUE },
    { .name = "enabled",
      .type = GWC_BOOL,
      AT(gwc_filter_chain_t, enabled),
      .dflt = "true" },
    { .name = "route",
      .type = GWC_REF,
      AT(gwc_filter_chain_t, route),
      .refers = "routes" },
    { .name = "service",
      .type = GWC_REF,
      AT(gwc_filter_chain_t, service),
      .refers = "services" },
    { .name = "filters",
      .type = GWC_ANY,
      AT(gwc_filter_chain_t, filters),
      .flags = GWC_REQUIRED },
    { .name = NULL }
};

typedef struct {
    gwc_entity_t e;
    gwc_str_t key;
    gwc_str_t value;
    const gwc_node_t *any[12];
} gwc_plain_t;

static const gwc_field_t gwc_parameter_fields[] = { { .name = "key",
                                                      .type = GWC_STRING,
                                                      AT(gwc_plain_t, key),
                                                      .flags = GWC_REQUIRED
                                                               | GWC_UNIQUE },
                                                    { .name = "value",
                                                      .type = GWC_STRING,
                                                      AT(gwc_plain_t, value),
                                                      .flags = GWC_REQUIRED },
                                                    { .name = NULL } };

static const gwc_field_t gwc_workspace_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_plain_t, key),
      .flags = GWC_REQUIRED | GWC_UNIQUE },
    { .name = "comment", .type = GWC_ANY, AT(gwc_plain_t, any[0]) },
    { .name = "config", .type = GWC_ANY, AT(gwc_plain_t, any[1]) },
    { .name = "meta", .type = GWC_ANY, AT(gwc_plain_t, any[2]) },
    { .name = NULL }
};

/* run-time state of a cluster: read, and of no use to one gateway */
static const gwc_field_t gwc_data_plane_fields[] = {
    { .name = "hostname",
      .type = GWC_STRING,
      AT(gwc_plain_t, key),
      .flags = GWC_REQUIRED },
    { .name = "ip",
      .type = GWC_STRING,
      AT(gwc_plain_t, value),
      .flags = GWC_REQUIRED },
    { .name = "last_seen", .type = GWC_ANY, AT(gwc_plain_t, any[0]) },
    { .name = "config_hash", .type = GWC_ANY, AT(gwc_plain_t, any[1]) },
    { .name = "version", .type = GWC_ANY, AT(gwc_plain_t, any[2]) },
    { .name = "sync_status", .type = GWC_ANY, AT(gwc_plain_t, any[3]) },
    { .name = "labels", .type = GWC_ANY, AT(gwc_plain_t, any[4]) },
    { .name = "cert_details", .type = GWC_ANY, AT(gwc_plain_t, any[5]) },
    { .name = "rpc_capabilities", .type = GWC_ANY, AT(gwc_plain_t, any[6]) },
    { .name = "ttl", .type = GWC_ANY, AT(gwc_plain_t, any[7]) },
    { .name = NULL }
};

typedef struct {
    gwc_credential_t c;
    gwc_str_t key;
    gwc_str_t secret;
    gwc_int_t ttl;
} gwc_keyed_t;

static const gwc_field_t gwc_keyauth_fields[] = {
    { .name = "key",
      .type = GWC_STRING,
      AT(gwc_keyed_t, key),
      .flags = GWC_REQUIRED | GWC_UNIQUE | GWC_SECRET | GWC_REFERENCEABLE },
    { .name = "ttl", .type = GWC_INT, AT(gwc_keyed_t, ttl), RANGE(0, 1e8) },
    { .name = NULL }
};

static const gwc_field_t gwc_basicauth_fields[] = {
    { .name = "username",
      .type = GWC_STRING,
      AT(gwc_keyed_t, key),
      .flags = GWC_REQUIRED | GWC_UNIQUE },
    { .name = "password", SECRET_REQUIRED, AT(gwc_keyed_t, secret) },
    { .name = NULL }
};

static const gwc_field_t gwc_hmacauth_fields[] = {
    { .name = "username",
      .type = GWC_STRING,
      AT(gwc_keyed_t, key),
      .flags = GWC_REQUIRED | GWC_UNIQUE },
    { .name = "secret", SECRET_REQUIRED, AT(gwc_keyed_t, secret) },
    { .name = NULL }
};

static const gwc_field_t gwc_acl_fields[] = { { .name = "group",
                                                .type = GWC_STRING,
                                                AT(gwc_keyed_t, key),
                                                .flags = GWC_REQUIRED },
                                              { .name = NULL } };

static const gwc_field_t gwc_jwt_fields[] = {
    { .name = "key",
      .type = GWC_STRING,
      AT(gwc_jwt_secret_t, key),
      .flags = GWC_REQUIRED | GWC_UNIQUE },
    { .name = "secret", SECRET_TEXT, AT(gwc_jwt_secret_t, secret) },
    { .name = "rsa_public_key",
      .type = GWC_STRING,
      AT(gwc_jwt_secret_t, rsa_public_key),
      .flags = GWC_REFERENCEABLE,
      .check = gwc_check_public_key },
    { .name = "algorithm",
      .type = GWC_STRING,
      AT(gwc_jwt_secret_t, algorithm),
      .dflt = "\"HS256\"",
      .one_of = gwc_jwt_algorithms },
    { .name = NULL }
};

static const gwc_field_t gwc_oauth2_fields[] = {
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_oauth2_t, name),
      .flags = GWC_REQUIRED },
    { .name = "client_id",
      .type = GWC_STRING,
      AT(gwc_oauth2_t, client_id),
      .flags = GWC_REQUIRED | GWC_UNIQUE },
    { .name = "client_secret", SECRET_TEXT, AT(gwc_oauth2_t, client_secret) },
    { .name = "redirect_uris",
      .type = GWC_ARRAY,
      AT(gwc_oauth2_t, redirect_uris),
      LIST_OF(STRINGS(gwc_check_redirect_uri), gwc_str_t) },
    { .name = "hash_secret",
      .type = GWC_BOOL,
      AT(gwc_oauth2_t, hash_secret),
      .dflt = "false" },
    { .name = "client_type",
      .type = GWC_STRING,
      AT(gwc_oauth2_t, client_type),
      .dflt = "\"confidential\"",
      .one_of = gwc_client_types },
    { .name = NULL }
};

typedef struct {
    gwc_entity_t e;
    gwc_ref_t credential;
    gwc_ref_t service;
    gwc_ref_t plugin;
    gwc_str_t token;
    gwc_str_t other;
    gwc_str_t third;
    gwc_str_t userid;
    gwc_str_t scope;
    gwc_int_t expires_in;
    gwc_int_t ttl;
} gwc_token_t;

static const gwc_field_t gwc_oauth2_token_fields[] = {
    { .name = "credential",
      .type = GWC_REF,
      AT(gwc_token_t, credential),
      .refers = "oauth2_credentials" },
    { .name = "service",
      .type = GWC_REF,
      AT(gwc_token_t, service),
      .refers = "services" },
    { .name = "token_type",
      .type = GWC_STRING,
      AT(gwc_token_t, third),
      .dflt = "\"bearer\"",
      .one_of = gwc_token_types },
    { .name = "expires_in",
      .type = GWC_INT,
      AT(gwc_token_t, expires_in),
      .flags = GWC_REQUIRED },
    { .name = "access_token",
      .type = GWC_STRING,
      AT(gwc_token_t, token),
      .flags = GWC_REQUIRED | GWC_UNIQUE | GWC_SECRET },
    { .name = "refresh_token",
      .type = GWC_STRING,
      AT(gwc_token_t, other),
      .flags = GWC_UNIQUE | GWC_SECRET },
    { .name = "authenticated_userid",
      .type = GWC_STRING,
      AT(gwc_token_t, userid) },
    { .name = "scope", .type = GWC_STRING, AT(gwc_token_t, scope) },
    { .name = "ttl", .type = GWC_INT, AT(gwc_token_t, ttl) },
    { .name = NULL }
};

static const gwc_field_t gwc_oauth2_code_fields[] = {
    { .name = "credential",
      .type = GWC_REF,
      AT(gwc_token_t, credential),
      .refers = "oauth2_credentials" },
    { .name = "service",
      .type = GWC_REF,
      AT(gwc_token_t, service),
      .refers = "services" },
    { .name = "plugin",
      .type = GWC_REF,
      AT(gwc_token_t, plugin),
      .refers = "plugins" },
    { .name = "code",
      .type = GWC_STRING,
      AT(gwc_token_t, token),
      .flags = GWC_REQUIRED | GWC_UNIQUE | GWC_SECRET },
    { .name = "authenticated_userid",
      .type = GWC_STRING,
      AT(gwc_token_t, userid) },
    { .name = "scope", .type = GWC_STRING, AT(gwc_token_t, scope) },
    { .name = "challenge", .type = GWC_STRING, AT(gwc_token_t, other) },
    { .name = "challenge_method",
      .type = GWC_STRING,
      AT(gwc_token_t, third),
      .one_of = gwc_challenge_methods },
    { .name = "ttl", .type = GWC_INT, AT(gwc_token_t, ttl) },
    { .name = NULL }
};

static const gwc_field_t gwc_session_fields[] = {
    { .name = "session_id",
      .type = GWC_STRING,
      AT(gwc_token_t, token),
      .flags = GWC_REQUIRED | GWC_UNIQUE | GWC_SECRET },
    { .name = "expires", .type = GWC_INT, AT(gwc_token_t, expires_in) },
    { .name = "data", .type = GWC_STRING, AT(gwc_token_t, other) },
    { .name = "ttl", .type = GWC_INT, AT(gwc_token_t, ttl) },
    { .name = NULL }
};

static const gwc_field_t gwc_session_metadata_fields[] = {
    { .name = "session",
      .type = GWC_REF,
      AT(gwc_token_t, credential),
      .refers = "sessions" },
    { .name = "sid", .type = GWC_STRING, AT(gwc_token_t, token) },
    { .name = "audience", .type = GWC_STRING, AT(gwc_token_t, other) },
    { .name = "subject", .type = GWC_STRING, AT(gwc_token_t, third) },
    { .name = NULL }
};

static const gwc_field_t gwc_acme_fields[] = {
    { .name = "key",
      .type = GWC_STRING,
      AT(gwc_plain_t, key),
      .flags = GWC_REQUIRED | GWC_UNIQUE },
    { .name = "value",
      .type = GWC_STRING,
      AT(gwc_plain_t, value),
      .flags = GWC_REQUIRED | GWC_SECRET },
    { .name = "ttl", .type = GWC_ANY, AT(gwc_plain_t, any[0]) },
    { .name = NULL }
};

#define VEC(member)     .vec = offsetof(gwc_model_t, member)
#define OF(table, type) .fields = (table), .size = sizeof(type)

/* read in this order: vaults first, since other fields refer to them */
static const gwc_kind_t gwc_core_kinds[] = {
    { .entity = "vaults",
      OF(gwc_vault_fields, gwc_vault_entity_t),
      .endpoint = "prefix",
      .check = gwc_check_vault },
    { .entity = "workspaces",
      OF(gwc_workspace_fields, gwc_plain_t),
      .endpoint = "name" },
    { .entity = "certificates",
      OF(gwc_certificate_fields, gwc_certificate_t),
      .check = gwc_check_certificate,
      VEC(certificates) },
    { .entity = "ca_certificates",
      OF(gwc_ca_certificate_fields, gwc_ca_certificate_t),
      .check = gwc_check_ca_certificate,
      VEC(ca_certificates) },
    { .entity = "snis",
      OF(gwc_sni_fields, gwc_sni_t),
      .endpoint = "name",
      VEC(snis) },
    { .entity = "services",
      OF(gwc_service_fields, gwc_service_t),
      .endpoint = "name",
      .enterprise = gwc_service_enterprise,
      .check = gwc_check_service,
      VEC(services) },
    { .entity = "routes",
      OF(gwc_route_fields, gwc_route_t),
      .endpoint = "name",
      .check = gwc_check_route,
      VEC(routes) },
    { .entity = "consumers",
      OF(gwc_consumer_fields, gwc_consumer_t),
      .endpoint = "username",
      .enterprise = gwc_consumer_enterprise,
      .check = gwc_check_consumer,
      VEC(consumers) },
    { .entity = "consumer_groups",
      OF(gwc_consumer_group_fields, gwc_consumer_group_t),
      .endpoint = "name",
      VEC(consumer_groups) },
    { .entity = "consumer_group_consumers",
      OF(gwc_membership_fields, gwc_membership_t),
      VEC(memberships) },
    { .entity = "upstreams",
      OF(gwc_upstream_fields, gwc_upstream_t),
      .endpoint = "name",
      .check = gwc_check_upstream,
      VEC(upstreams) },
    { .entity = "targets",
      OF(gwc_target_fields, gwc_target_t),
      .check = gwc_check_target,
      VEC(targets) },
    { .entity = "plugins",
      OF(gwc_plugin_fields, gwc_plugin_t),
      .endpoint = "instance_name",
      .enterprise = gwc_plugin_enterprise,
      VEC(plugins) },
    { .entity = "key_sets",
      OF(gwc_key_set_fields, gwc_named_t),
      .endpoint = "name" },
    { .entity = "keys",
      OF(gwc_key_fields, gwc_key_entity_t),
      .endpoint = "name",
      .check = gwc_check_key },
    { .entity = "filter_chains",
      OF(gwc_filter_chain_fields, gwc_filter_chain_t),
      .endpoint = "name",
      .check = gwc_check_filter_chain },
    { .entity = "parameters", OF(gwc_parameter_fields, gwc_plain_t) },
    { .entity = "clustering_data_planes",
      OF(gwc_data_plane_fields, gwc_plain_t) },
    { .entity = "oauth2_tokens", OF(gwc_oauth2_token_fields, gwc_token_t) },
    { .entity = "oauth2_authorization_codes",
      OF(gwc_oauth2_code_fields, gwc_token_t) },
    { .entity = "sessions", OF(gwc_session_fields, gwc_token_t) },
    { .entity = "session_metadatas",
      OF(gwc_session_metadata_fields, gwc_token_t) },
    { .entity = "acme_storage", OF(gwc_acme_fields, gwc_plain_t) },
};

/* credentials of plugins that may not be here yet */
static const gwc_credential_rule_t gwc_plain_credentials[] = {
    { .entity = "keyauth_credentials", OF(gwc_keyauth_fields, gwc_keyed_t) },
    { .entity = "basicauth_credentials",
      OF(gwc_basicauth_fields, gwc_keyed_t),
      .endpoint_key = "username" },
    { .entity = "hmacauth_credentials",
      OF(gwc_hmacauth_fields, gwc_keyed_t),
      .endpoint_key = "username" },
    { .entity = "jwt_secrets",
      OF(gwc_jwt_fields, gwc_jwt_secret_t),
      .endpoint_key = "key",
      .check = gwc_check_jwt_secret },
    { .entity = "acls", OF(gwc_acl_fields, gwc_keyed_t) },
    { .entity = "oauth2_credentials",
      OF(gwc_oauth2_fields, gwc_oauth2_t),
      .endpoint_key = "client_id" },
};

#define GWC_KINDS_MAX 64

static gwc_kind_t gwc_all_kinds[GWC_KINDS_MAX];
static size_t gwc_nkinds;


static void
gwc_kind_add_rule(const gwc_credential_rule_t *rule)
{
    gwc_kind_t *kind;
    size_t i;

    for (i = 0; i < gwc_nkinds; i++) {
        if (strcmp(gwc_all_kinds[i].entity, rule->entity) == 0) {
            return;
        }
    }

    if (gwc_nkinds == GWC_KINDS_MAX) {
        return;
    }

    kind = &gwc_all_kinds[gwc_nkinds++];
    kind->entity = rule->entity;
    kind->fields = rule->fields;
    kind->size = rule->size;
    kind->endpoint = rule->endpoint_key;
    kind->check = rule->check;
    kind->rule = rule;
    kind->vec = offsetof(gwc_model_t, credentials);
}


const gwc_kind_t *
gwc_kinds(size_t *n)
{
    const gwc_credential_rule_t *const *rule;
    size_t i;

    if (gwc_nkinds == 0) {
        gwc_nkinds = sizeof(gwc_core_kinds) / sizeof(gwc_core_kinds[0]);
        memcpy(gwc_all_kinds, gwc_core_kinds, sizeof(gwc_core_kinds));

        /* a plugin that is here knows its credentials better */

        for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
            for (rule = gwc_plugin_rules[i]->credentials;
                 rule != NULL && *rule != NULL; rule++)
            {
                gwc_kind_add_rule(*rule);
            }
        }

        for (i = 0; i < sizeof(gwc_plain_credentials)
                            / sizeof(gwc_plain_credentials[0]);
             i++)
        {
            gwc_kind_add_rule(&gwc_plain_credentials[i]);
        }
    }

    *n = gwc_nkinds;

    return gwc_all_kinds;
}


const gwc_kind_t *
gwc_kind_find(gwc_text_t entity)
{
    const gwc_kind_t *kinds;
    size_t i, n;

    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        if (gwc_text_is(entity, kinds[i].entity)) {
            return &kinds[i];
        }
    }

    return NULL;
}


const gwc_field_t *
gwc_kind_foreign(const gwc_kind_t *child, const char *parent)
{
    const gwc_field_t *field;

    field = child->rule != NULL ? gwc_credential_fields : child->fields;

    for (; field->name != NULL; field++) {
        if (field->type == GWC_REF && strcmp(field->refers, parent) == 0) {
            return field;
        }
    }

    return NULL;
}


bool
gwc_plugin_is_bundled(gwc_text_t name)
{
    size_t i;

    for (i = 0; gwc_bundled_plugins[i] != NULL; i++) {
        if (gwc_text_is(name, gwc_bundled_plugins[i])) {
            return true;
        }
    }

    return false;
}


bool
gwc_plugin_has_streams(gwc_text_t name)
{
    static const char *const names[] = {
        "prometheus", "ip-restriction", "file-log",    "http-log",
        "tcp-log",    "udp-log",        "syslog",      "loggly",
        "statsd",     "datadog",        "zipkin",      "pre-function",
        "session",    "post-function",  "proxy-cache", NULL
    };
    size_t i;

    for (i = 0; names[i] != NULL; i++) {
        if (gwc_text_is(name, names[i])) {
            return true;
        }
    }

    return false;
}
