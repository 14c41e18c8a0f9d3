/*
 * Copyright (C) the ngx_gateway authors
 *
 * Which plugin instances act where: plugin-precedence.
 */

#ifndef GWC_RESOLVE_H
#define GWC_RESOLVE_H

#include "model.h"

typedef struct gwc_scopes_s gwc_scopes_t;

/*
 * Sorts the instances that can act by the block they are written in.
 * Disabled ones are dropped, and those that a better one always hides.
 */
gwc_scopes_t *gwc_scopes_create(const gwc_model_t *model);

/* the instances (gwc_plugin_t) of that block, in file order; NULL: none.
   entity NULL: the global ones */
const gwc_vec_t *gwc_scopes_get(const gwc_scopes_t *scopes,
                                const gwc_entity_t *entity);

/* rules (gwc_plugin_rule_t) with at least one instance that can act */
bool gwc_scopes_used(const gwc_scopes_t *scopes,
                     const gwc_plugin_rule_t *rule);

/* all instances that act on such a request, by priority: gwc_plugin_t */
void gwc_resolve_chain(gwc_vec_t *chain, const gwc_model_t *model,
                       const gwc_route_t *route, const gwc_service_t *service,
                       const gwc_consumer_t *consumer);

/* it acts on streams too: some of its protocols is one of theirs */
bool gwc_plugin_is_for_streams(const gwc_plugin_t *plugin);
/* the instance that acts on a route for streams, or NULL */
const gwc_plugin_t *gwc_resolve_stream_plugin(const gwc_model_t *model,
                                              const char *name,
                                              const gwc_route_t *route);

/* "route+service", "global", ... */
const char *gwc_scope_name(const gwc_plugin_t *plugin);

/* the value, or dflt when the file says null */
bool gwc_bool_or(gwc_bool_t value, bool dflt);
int64_t gwc_int_or(gwc_int_t value, int64_t dflt);

/* the name, or the id of an entity without one */
gwc_text_t gwc_name_of(const gwc_entity_t *entity, gwc_str_t name);

/* false: its requests are for another subsystem than HTTP */
bool gwc_is_http_protocol(gwc_text_t protocol);
bool gwc_route_is_http(const gwc_route_t *route);

#endif
