/*
 * Copyright (C) the ngx_gateway authors
 */

#include "resolve.h"

#include <stdlib.h>
#include <string.h>

struct gwc_scopes_s {
    gwc_map_t *blocks; /* address of an entity -> gwc_vec_t */
    gwc_vec_t global;
    gwc_map_t *rules;
};


bool
gwc_bool_or(gwc_bool_t value, bool dflt)
{
    return value.set ? value.v : dflt;
}


int64_t
gwc_int_or(gwc_int_t value, int64_t dflt)
{
    return value.set ? value.v : dflt;
}


gwc_text_t
gwc_name_of(const gwc_entity_t *entity, gwc_str_t name)
{
    return name.set && name.v.len
               ? name.v
               : (gwc_text_t){ entity->id, strlen(entity->id) };
}


bool
gwc_is_http_protocol(gwc_text_t protocol)
{
    return gwc_text_is(protocol, "http") || gwc_text_is(protocol, "https")
           || gwc_text_is(protocol, "grpc") || gwc_text_is(protocol, "grpcs");
}


static bool
gwc_any_http(gwc_list_t protocols)
{
    size_t i;

    for (i = 0; i < protocols.n; i++) {
        if (gwc_is_http_protocol(GWC_ITEM(protocols, gwc_str_t, i)->v)) {
            return true;
        }
    }

    return protocols.n == 0;
}


bool
gwc_route_is_http(const gwc_route_t *route)
{
    return gwc_any_http(route->protocols);
}


/* false when no request can ever be for this instance */
static bool
gwc_plugin_can_act(const gwc_plugin_t *plugin)
{
    const gwc_route_t *route;

    if (plugin->rule == NULL || !gwc_bool_or(plugin->enabled, true)
        || !gwc_any_http(plugin->protocols))
    {
        return false;
    }

    route = (const gwc_route_t *) (const void *) plugin->route.target;

    return route == NULL || plugin->service.target == NULL
           || (const gwc_entity_t *) route->owner == plugin->service.target;
}


static bool
gwc_is_member(const gwc_consumer_t *consumer, const gwc_entity_t *group)
{
    size_t i;

    for (i = 0; consumer != NULL && i < consumer->member_of.n; i++) {
        if (consumer->member_of.items[i] == group) {
            return true;
        }
    }

    return false;
}


/* plugin-precedence 1; 0: the instance is not for this request */
static unsigned
gwc_plugin_rank(const gwc_plugin_t *plugin, const gwc_route_t *route,
                const gwc_service_t *service, const gwc_consumer_t *consumer)
{
    /* by bits group, consumer, route, service; 12 is the best */
    static const unsigned ranks[] = { 1, 2, 3, 6, 5, 9, 10, 12, 4, 7, 8, 11 };
    unsigned bits = 0;

    if (plugin->consumer_group.target != NULL) {
        if (!gwc_is_member(consumer, plugin->consumer_group.target)) {
            return 0;
        }

        bits |= 8;
    }

    if (plugin->consumer.target != NULL) {
        if (consumer == NULL || plugin->consumer.target != &consumer->e) {
            return 0;
        }

        bits |= 4;
    }

    if (plugin->route.target != NULL) {
        if (route == NULL || plugin->route.target != &route->e) {
            return 0;
        }

        bits |= 2;
    }

    if (plugin->service.target != NULL) {
        if (service == NULL || plugin->service.target != &service->e) {
            return 0;
        }

        bits |= 1;
    }

    return ranks[bits];
}


/* of two that are as specific, both of groups: the first by name */
static bool
gwc_group_is_before(const gwc_plugin_t *a, const gwc_plugin_t *b)
{
    const gwc_consumer_group_t *x = (const void *) a->consumer_group.target;
    const gwc_consumer_group_t *y = (const void *) b->consumer_group.target;

    return x != NULL && y != NULL
           && gwc_text_compare(x->name.v, y->name.v) < 0;
}


const gwc_plugin_t *
gwc_resolve_plugin(const gwc_model_t *model, const char *name,
                   const gwc_route_t *route, const gwc_service_t *service,
                   const gwc_consumer_t *consumer)
{
    const gwc_plugin_t *best = NULL;
    unsigned best_rank = 0;
    size_t i;

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];
        unsigned rank;

        if (!gwc_plugin_can_act(plugin) || !gwc_text_is(plugin->name.v, name))
        {
            continue;
        }

        rank = gwc_plugin_rank(plugin, route, service, consumer);

        if (rank > best_rank
            || (best != NULL && rank == best_rank
                && gwc_group_is_before(plugin, best)))
        {
            best = plugin;
            best_rank = rank;
        }
    }

    return best;
}


bool
gwc_plugin_is_for_streams(const gwc_plugin_t *plugin)
{
    size_t i;

    /* the one that is so without being told */
    if (plugin->protocols.node == NULL) {
        return gwc_text_is(plugin->name.v, "ip-restriction");
    }

    for (i = 0; i < plugin->protocols.n; i++) {
        if (!gwc_is_http_protocol(
                GWC_ITEM(plugin->protocols, gwc_str_t, i)->v)) {
            return true;
        }
    }

    return false;
}


const gwc_plugin_t *
gwc_resolve_stream_plugin(const gwc_model_t *model, const char *name,
                          const gwc_route_t *route)
{
    const gwc_plugin_t *best = NULL;
    unsigned best_rank = 0;
    size_t i;

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];
        unsigned rank;

        if (plugin->rule == NULL || !gwc_bool_or(plugin->enabled, true)
            || !gwc_plugin_is_for_streams(plugin)
            || !gwc_text_is(plugin->name.v, name))
        {
            continue;
        }

        rank = gwc_plugin_rank(plugin, route, route->owner, NULL);

        if (rank > best_rank) {
            best = plugin;
            best_rank = rank;
        }
    }

    return best;
}


static int
gwc_compare_rules(const void *a, const void *b)
{
    const gwc_plugin_rule_t *x = *(const gwc_plugin_rule_t *const *) a;
    const gwc_plugin_rule_t *y = *(const gwc_plugin_rule_t *const *) b;

    if (x->priority != y->priority) {
        return x->priority > y->priority ? -1 : 1;
    }

    return -strcmp(x->name, y->name);
}


/*
 * The consumer is known to plugins that run after the one that
 * authenticates, so the others get what they would get without one.
 */
void
gwc_resolve_chain(gwc_vec_t *chain, const gwc_model_t *model,
                  const gwc_route_t *route, const gwc_service_t *service,
                  const gwc_consumer_t *consumer)
{
    const gwc_plugin_rule_t **rules;
    bool known = false;
    size_t i, n;

    for (n = 0; gwc_plugin_rules[n] != NULL; n++) {
        /* count */
    }

    rules = gwc_alloc_array(n + 1, sizeof(void *));
    memcpy(rules, gwc_plugin_rules, n * sizeof(void *));
    qsort(rules, n, sizeof(void *), gwc_compare_rules);

    for (i = 0; i < n; i++) {
        const gwc_plugin_t *plugin;

        plugin = gwc_resolve_plugin(model, rules[i]->name, route, service,
                                    known ? consumer : NULL);

        if (plugin == NULL) {
            continue;
        }

        gwc_vec_push(chain, (void *) (uintptr_t) plugin);

        /* who refuses consumer scope and brings credentials authenticates;
           acl brings groups only */
        if (rules[i]->credentials != NULL
            && strcmp(rules[i]->name, "acl") != 0) {
            known = true;
        }
    }
}


/* the key must outlive the map: it is an allocated address */
static gwc_text_t
gwc_address_key(const void *p)
{
    const void **key = gwc_alloc(sizeof(void *));

    *key = p;

    return (gwc_text_t){ (const char *) key, sizeof(void *) };
}


const gwc_vec_t *
gwc_scopes_get(const gwc_scopes_t *scopes, const gwc_entity_t *entity)
{
    const void *p = entity;

    if (entity == NULL) {
        return scopes->global.n ? &scopes->global : NULL;
    }

    return gwc_map_get(scopes->blocks,
                       (gwc_text_t){ (const char *) &p, sizeof(void *) });
}


bool
gwc_scopes_used(const gwc_scopes_t *scopes, const gwc_plugin_rule_t *rule)
{
    return gwc_map_get(scopes->rules,
                       (gwc_text_t){ rule->name, strlen(rule->name) })
           != NULL;
}


static gwc_vec_t *
gwc_scopes_block(gwc_scopes_t *scopes, const gwc_entity_t *entity)
{
    gwc_vec_t *vec;
    gwc_text_t key;

    if (entity == NULL) {
        return &scopes->global;
    }

    key = gwc_address_key(entity);
    vec = gwc_map_get(scopes->blocks, key);

    if (vec == NULL) {
        vec = gwc_alloc(sizeof(gwc_vec_t));
        (void) gwc_map_add(scopes->blocks, key, vec);
    }

    return vec;
}


static const gwc_entity_t *
gwc_plugin_block(const gwc_plugin_t *plugin)
{
    if (plugin->consumer.target != NULL) {
        return plugin->consumer.target;
    }

    if (plugin->consumer_group.target != NULL) {
        return plugin->consumer_group.target;
    }

    return plugin->route.target ? plugin->route.target
                                : plugin->service.target;
}


/* an instance on the route alone never acts beside one on route+service */
static void
gwc_scopes_add(gwc_vec_t *vec, gwc_plugin_t *plugin)
{
    size_t i;

    if (plugin->consumer.target == NULL
        && plugin->consumer_group.target == NULL
        && plugin->route.target != NULL)
    {
        for (i = 0; i < vec->n; i++) {
            const gwc_plugin_t *other = vec->items[i];

            if (other->rule != plugin->rule) {
                continue;
            }

            if (plugin->service.target != NULL) {
                vec->items[i] = plugin;
            }

            return;
        }
    }

    gwc_vec_push(vec, plugin);
}


gwc_scopes_t *
gwc_scopes_create(const gwc_model_t *model)
{
    gwc_scopes_t *scopes;
    size_t i;

    scopes = gwc_alloc(sizeof(gwc_scopes_t));
    scopes->blocks = gwc_map_create();
    scopes->rules = gwc_map_create();

    for (i = 0; i < model->plugins.n; i++) {
        gwc_plugin_t *plugin = model->plugins.items[i];

        if (!gwc_plugin_can_act(plugin)) {
            continue;
        }

        gwc_scopes_add(gwc_scopes_block(scopes, gwc_plugin_block(plugin)),
                       plugin);
        (void) gwc_map_add(
            scopes->rules,
            (gwc_text_t){ plugin->rule->name, strlen(plugin->rule->name) },
            plugin);
    }

    return scopes;
}


const char *
gwc_scope_name(const gwc_plugin_t *plugin)
{
    static const char *const names[] = {
        "global",
        "service",
        "route",
        "route+service",
        "consumer",
        "service+consumer",
        "route+consumer",
        "route+service+consumer",
        "consumer_group",
        "service+consumer_group",
        "route+consumer_group",
        "route+service+consumer_group",
    };

    /* nothing belongs to both */
    return names[(plugin->consumer_group.target ? 8
                  : plugin->consumer.target     ? 4
                                                : 0)
                 + (plugin->route.target ? 2 : 0)
                 + (plugin->service.target ? 1 : 0)];
}
