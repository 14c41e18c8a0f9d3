/*
 * Copyright (C) the ngx_gateway authors
 *
 * The kinds of entities of a file: their fields and own rules.
 */

#ifndef GWC_ENTITIES_H
#define GWC_ENTITIES_H

#include "model.h"

#include "gateway_router.h"

typedef struct {
    const char *entity; /* root key */
    const gwc_field_t *fields;
    size_t size;          /* of the struct, which starts with gwc_entity_t */
    const char *endpoint; /* field that refers to it, or NULL */
    const char *const *enterprise; /* fields of Kong Enterprise, or NULL */
    /* rules about several fields; reports through gwc_error() */
    void (*check)(void *entity);
    const gwc_credential_rule_t *rule; /* of a plugin's credentials */
    size_t vec; /* offset of its vector in gwc_model_t, 0: others */
} gwc_kind_t;

/* all kinds, those of the plugins' credentials included */
const gwc_kind_t *gwc_kinds(size_t *n);
/* NULL when there is none of that name */
const gwc_kind_t *gwc_kind_find(gwc_text_t entity);
/* id, tags, created_at, updated_at */
extern const gwc_field_t gwc_entity_fields[];
/* consumer, for the kinds with a rule */
extern const gwc_field_t gwc_credential_fields[];
/* the field of child that refers to a parent of that kind, or NULL */
const gwc_field_t *gwc_kind_foreign(const gwc_kind_t *child,
                                    const char *parent);
/* plugins that Kong has and this gateway does not have yet */
bool gwc_plugin_is_bundled(gwc_text_t name);
/* their names and those of our own, NULL-terminated */
extern const char *const gwc_bundled_plugins[];
/* whether its protocols may be those of streams, too */
bool gwc_plugin_has_streams(gwc_text_t name);

/* entity_rules.c */
/* set, or given with a bad value: then it is not missing */
bool gwc_written(const gwc_str_t *value);
void gwc_check_service(void *entity);
void gwc_check_route(void *entity);
void gwc_check_consumer(void *entity);
void gwc_check_upstream(void *entity);
void gwc_check_target(void *entity);
void gwc_check_vault(void *entity);
void gwc_check_jwt_secret(void *entity);
void gwc_check_filter_chain(void *entity);
/* entity_tls.c */
void gwc_check_certificate(void *entity);
void gwc_check_ca_certificate(void *entity);
void gwc_check_key(void *entity);
/* the URL shorthand of a service: sets protocol, host, port and path */
void gwc_service_url(gwc_service_t *service);
/* a number of at most max; -1 when it is none */
long gwc_small_number(gwc_text_t text, long max);
/*
 * Prepares the checks for a file that is meant for a flavor of the router;
 * frees what those of regexes keep outside of the arena.
 */
void gwc_checks_reset(const char *flavor);
/* the router that these ask; NULL: no memory */
gateway_router_t *gwc_checks_router(void);
/* entity_expression.c */
void gwc_check_route_expression(const gwc_route_t *route, bool stream);
/* checks of fields that only entities have */
void gwc_check_route_host(const gwc_field_t *field, void *value);
void gwc_check_route_path(const gwc_field_t *field, void *value);
void gwc_check_route_headers(const gwc_field_t *field, void *value);
void gwc_check_header_names(const gwc_field_t *field, void *value);
void gwc_check_method(const gwc_field_t *field, void *value);
void gwc_check_wildcard_host(const gwc_field_t *field, void *value);
void gwc_check_upstream_name(const gwc_field_t *field, void *value);
void gwc_check_host_port(const gwc_field_t *field, void *value);
void gwc_check_cookie_name(const gwc_field_t *field, void *value);
void gwc_check_vault_prefix(const gwc_field_t *field, void *value);
void gwc_check_tag(const gwc_field_t *field, void *value);
void gwc_check_redirect_code(const gwc_field_t *field, void *value);
void gwc_check_vault_name(const gwc_field_t *field, void *value);
void gwc_check_public_key(const gwc_field_t *field, void *value);
void gwc_check_redirect_uri(const gwc_field_t *field, void *value);


/* one entity of any kind while the model is made */
typedef struct {
    const gwc_kind_t *kind;
    gwc_entity_t *entity;
    gwc_entity_t *parent; /* it is nested in, or NULL */
    size_t position;      /* among those of its kind in its parent */
    bool failed;          /* some of its fields could not be read */
} gwc_item_t;

/* structs of kinds that are only checked */

typedef struct {
    gwc_record_t record;
    gwc_str_t prefix;
} gwc_env_vault_t;

typedef struct {
    gwc_entity_t e;
    gwc_str_t prefix;
    gwc_str_t name;
    gwc_str_t description;
    const gwc_node_t *config;
} gwc_vault_entity_t;

typedef struct {
    gwc_record_t record;
    gwc_str_t public_key;
    gwc_str_t private_key;
} gwc_pem_t;

typedef struct {
    gwc_entity_t e;
    gwc_str_t kid;
    gwc_ref_t set;
    gwc_str_t name;
    gwc_str_t jwk;
    gwc_pem_t pem;
} gwc_key_entity_t;

typedef struct {
    gwc_credential_t c;
    gwc_str_t key;
    gwc_str_t secret;
    gwc_str_t rsa_public_key;
    gwc_str_t algorithm;
} gwc_jwt_secret_t;

typedef struct {
    gwc_credential_t c;
    gwc_str_t name;
    gwc_str_t client_id;
    gwc_str_t client_secret;
    gwc_list_t redirect_uris; /* gwc_str_t */
    gwc_bool_t hash_secret;
    gwc_str_t client_type;
} gwc_oauth2_t;

typedef struct {
    gwc_entity_t e;
    gwc_str_t name;
    gwc_bool_t enabled;
    gwc_ref_t route;
    gwc_ref_t service;
    const gwc_node_t *filters;
} gwc_filter_chain_t;

/* refs.c: ids, references, uniqueness, of all items (gwc_item_t); reports
   through gwc_error().  Runs after errors too, to report all at once; links
   are made only when there are none. */
void gwc_refs_resolve(gwc_model_t *model, const gwc_vec_t *items);

#endif
