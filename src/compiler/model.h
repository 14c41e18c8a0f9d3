/*
 * Copyright (C) the ngx_gateway authors
 *
 * The file as typed entities.  model.c fills it from nodes, refs.c resolves
 * references and ids, resolve.c orders and scopes plugins; afterwards it is
 * const.
 */

#ifndef GWC_MODEL_H
#define GWC_MODEL_H

#include "rule.h"

#include "gateway_router.h"

struct gwc_entity_s {
    gwc_record_t record;
    const char *kind;   /* root key: "services" */
    gwc_str_t id_field; /* as written */
    char id[37];        /* always valid after refs.c, terminated */
    bool id_random;     /* Kong would draw it at each load; ours is stable */
    gwc_list_t tags;    /* gwc_str_t */
    gwc_num_t created_at;
    gwc_num_t updated_at;
};

typedef struct gwc_service_s gwc_service_t;
typedef struct gwc_route_s gwc_route_t;
typedef struct gwc_consumer_s gwc_consumer_t;
typedef struct gwc_consumer_group_s gwc_consumer_group_t;
typedef struct gwc_upstream_s gwc_upstream_t;
typedef struct gwc_certificate_s gwc_certificate_t;

struct gwc_service_s {
    gwc_entity_t e;
    gwc_str_t name;
    gwc_str_t protocol;
    gwc_str_t host;
    gwc_int_t port;
    gwc_str_t path;
    gwc_str_t url;
    gwc_int_t retries;
    gwc_int_t connect_timeout;
    gwc_int_t write_timeout;
    gwc_int_t read_timeout;
    gwc_ref_t client_certificate;
    gwc_bool_t tls_verify;
    gwc_int_t tls_verify_depth;
    gwc_list_t ca_certificates; /* gwc_ref_t */
    gwc_bool_t enabled;
    /* refs.c: */
    gwc_upstream_t *upstream; /* host names one; else NULL */
    gwc_vec_t routes;         /* gwc_route_t, in file order */
    gwc_vec_t directives;     /* extra.c: gwc_directive_t */
};

typedef struct {
    gwc_record_t record;
    gwc_str_t ip;
    gwc_int_t port;
} gwc_endpoint_t;

typedef struct {
    gwc_str_t key;
    gwc_list_t values; /* gwc_str_t */
} gwc_header_t;

struct gwc_route_s {
    gwc_entity_t e;
    gwc_str_t name;
    gwc_ref_t service;
    gwc_list_t protocols; /* gwc_str_t */
    gwc_list_t methods;
    gwc_list_t hosts;
    gwc_list_t paths;
    gwc_list_t headers; /* gwc_header_t */
    gwc_list_t snis;
    gwc_list_t sources; /* gwc_endpoint_t */
    gwc_list_t destinations;
    gwc_int_t regex_priority;
    gwc_bool_t strip_path;
    gwc_bool_t preserve_host;
    gwc_str_t path_handling;
    gwc_int_t https_redirect_status_code;
    gwc_bool_t request_buffering;
    gwc_bool_t response_buffering;
    gwc_str_t expression;
    gwc_int_t priority;
    gwc_service_t *owner; /* refs.c: of service, or NULL */
    gwc_vec_t directives; /* extra.c: gwc_directive_t */
};

struct gwc_consumer_s {
    gwc_entity_t e;
    gwc_str_t username;
    gwc_str_t custom_id;
    gwc_list_t groups;     /* gwc_ref_t, as written here */
    gwc_vec_t credentials; /* gwc_credential_t, in file order */
    gwc_vec_t member_of;   /* refs.c: gwc_consumer_group_t, all, by name */
};

struct gwc_consumer_group_s {
    gwc_entity_t e;
    gwc_str_t name;
    gwc_list_t consumers; /* gwc_ref_t, as written here */
};

/* one consumer in one group, as an entity of its own */
typedef struct {
    gwc_entity_t e;
    gwc_ref_t group;
    gwc_ref_t consumer;
} gwc_membership_t;

/* head of every credential struct */
typedef struct {
    gwc_entity_t e;
    gwc_ref_t consumer;
    const gwc_credential_rule_t *rule;
} gwc_credential_t;

struct gwc_plugin_s {
    gwc_entity_t e;
    gwc_str_t name;
    gwc_str_t instance_name;
    gwc_ref_t service;
    gwc_ref_t route;
    gwc_ref_t consumer;
    gwc_ref_t consumer_group;
    gwc_list_t protocols;
    gwc_bool_t enabled;
    const gwc_plugin_rule_t *rule; /* NULL: unsupported, allowed by flag */
    void *config;                  /* of rule->size */
    unsigned scope;                /* GWC_SCOPE_ bits, 0 when global; a
                                      group counts as a consumer */
};

typedef struct {
    gwc_entity_t e;
    gwc_ref_t upstream;
    gwc_str_t target;
    gwc_int_t weight;
    gwc_text_t host; /* refs.c: without port and brackets */
    int port;
} gwc_target_t;

typedef struct {
    gwc_record_t record;
    gwc_num_t interval;
    gwc_list_t http_statuses; /* gwc_int_t */
    gwc_int_t successes;
} gwc_healthy_t;

typedef struct {
    gwc_record_t record;
    gwc_num_t interval;
    gwc_list_t http_statuses;
    gwc_int_t http_failures;
    gwc_int_t tcp_failures;
    gwc_int_t timeouts;
} gwc_unhealthy_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t type;
    gwc_num_t timeout;
    gwc_int_t concurrency;
    gwc_str_t http_path;
    gwc_str_t https_sni;
    gwc_bool_t https_verify_certificate;
    gwc_list_t headers; /* gwc_header_t */
    gwc_healthy_t healthy;
    gwc_unhealthy_t unhealthy;
} gwc_active_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t type;
    gwc_healthy_t healthy;
    gwc_unhealthy_t unhealthy;
} gwc_passive_t;

typedef struct {
    gwc_record_t record;
    gwc_num_t threshold;
    gwc_active_t active;
    gwc_passive_t passive;
} gwc_healthchecks_t;

struct gwc_upstream_s {
    gwc_entity_t e;
    gwc_str_t name;
    gwc_str_t algorithm;
    gwc_int_t slots;
    gwc_str_t hash_on;
    gwc_str_t hash_fallback;
    gwc_str_t hash_on_header;
    gwc_str_t hash_fallback_header;
    gwc_str_t hash_on_cookie;
    gwc_str_t hash_on_cookie_path;
    gwc_str_t hash_on_query_arg;
    gwc_str_t hash_fallback_query_arg;
    gwc_str_t hash_on_uri_capture;
    gwc_str_t hash_fallback_uri_capture;
    gwc_healthchecks_t healthchecks;
    gwc_str_t host_header;
    gwc_ref_t client_certificate;
    gwc_bool_t use_srv_name;
    gwc_vec_t targets; /* gwc_target_t, in file order */
};

struct gwc_certificate_s {
    gwc_entity_t e;
    gwc_str_t cert, key, cert_alt, key_alt;
    gwc_vec_t snis; /* gwc_sni_t */
    /* why OpenSSL refuses them at its usual level, or NULL */
    const char *refused;
    const char *refused_alt;
};

typedef struct {
    gwc_entity_t e;
    gwc_str_t name;
    gwc_ref_t certificate;
} gwc_sni_t;

typedef struct {
    gwc_entity_t e;
    gwc_str_t cert;
    gwc_str_t cert_digest;
} gwc_ca_certificate_t;

struct gwc_model_s {
    gwc_str_t format_version;
    bool transform;
    /* each in file order; nested ones included */
    gwc_vec_t services, routes, consumers, upstreams, targets, plugins;
    gwc_vec_t certificates, snis, ca_certificates, credentials;
    gwc_vec_t consumer_groups, memberships;
    gwc_vec_t others; /* gwc_entity_t: vaults, keys, ...: checked only */
    char hash[33];    /* configuration_hash: MD5 of the files' bytes */
    bool empty;
};

typedef struct {
    bool allow_unsupported;
    const char *router_flavor;
} gwc_model_options_t;

/* whether the file that was loaded last is for this flavor of the router */
bool gwc_flavor_is(const char *flavor);
gateway_router_flavor_t gwc_router_flavor(void);

/*
 * Reads, checks and links the files.  NULL after errors (in diag; several
 * files merge).  Vault references in referenceable fields are replaced.
 */
gwc_model_t *gwc_model_load(const char *const *files, size_t n,
                            const gwc_model_options_t *options);

/* the JSON Schema of the whole format, as text */
char *gwc_model_json_schema(void);

/*
 * The instance of plugin name that acts on route (NULL: none matched), its
 * service and consumer (NULL: none), plugin-precedence.md 1; or NULL.
 */
const gwc_plugin_t *gwc_resolve_plugin(const gwc_model_t *model,
                                       const char *name,
                                       const gwc_route_t *route,
                                       const gwc_service_t *service,
                                       const gwc_consumer_t *consumer);

#endif
