/*
 * Copyright (C) the ngx_gateway authors
 *
 * What plugins do to requests: for each route the instance that acts, after
 * all of plugin-precedence; for each consumer and consumer group its own ones.
 */

#include <stdio.h>
#include <string.h>

#include "diff.h"

typedef struct {
    gwc_diff_t *diff;
    gwc_map_t *known; /* pair of instances -> gwc_effect_t */
} gwc_effects_t;


static const gwc_plugin_t *
gwc_block_plugin(const gwc_vec_t *block, const gwc_plugin_rule_t *rule)
{
    size_t i;

    for (i = 0; block != NULL && i < block->n; i++) {
        const gwc_plugin_t *plugin = block->items[i];

        if (plugin->rule == rule) {
            return plugin;
        }
    }

    return NULL;
}


/* for who is no consumer; route NULL: requests that match none */
static const gwc_plugin_t *
gwc_effective(const gwc_side_t *side, const gwc_route_t *route,
              const gwc_plugin_rule_t *rule)
{
    const gwc_plugin_t *plugin = NULL;

    if (route != NULL) {
        plugin =
            gwc_block_plugin(gwc_scopes_get(side->scopes, &route->e), rule);
    }

    if (plugin == NULL && route != NULL && route->owner != NULL) {
        plugin = gwc_block_plugin(
            gwc_scopes_get(side->scopes, &route->owner->e), rule);
    }

    return plugin != NULL
               ? plugin
               : gwc_block_plugin(gwc_scopes_get(side->scopes, NULL), rule);
}


void
gwc_diff_chain(gwc_vec_t *names, const gwc_side_t *side,
               const gwc_route_t *route)
{
    size_t i;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        if (gwc_effective(side, route, gwc_plugin_rules[i]) != NULL) {
            gwc_vec_push(names,
                         (void *) (uintptr_t) gwc_plugin_rules[i]->name);
        }
    }
}


/* of the instance all that a request may notice */
static void
gwc_diff_instance(const gwc_diff_t *diff, gwc_vec_t *changes,
                  const gwc_plugin_t *old, const gwc_plugin_t *new)
{
    const gwc_kind_t *kind = gwc_kind_find(GWC_TEXT("plugins"));
    const gwc_field_t *field;
    gwc_field_t only[2] = { { .name = NULL }, { .name = NULL } };

    gwc_diff_fields(diff, changes, "", old->rule->fields, old->config,
                    new->config);

    for (field = kind->fields; field->name != NULL; field++) {
        if (strcmp(field->name, "protocols") == 0) {
            only[0] = *field;
            gwc_diff_fields(diff, changes, "", only, old, new);
        }
    }
}


/* routes whose instances are the same ones share an effect */
static gwc_effect_t *
gwc_effect_get(gwc_effects_t *effects, const gwc_plugin_rule_t *rule,
               const gwc_plugin_t *old, const gwc_plugin_t *new)
{
    const void *pair[2] = { old, new };
    gwc_text_t key = { gwc_strndup((const char *) pair, sizeof(pair)),
                       sizeof(pair) };
    gwc_effect_t *effect = gwc_map_get(effects->known, key);

    if (effect != NULL) {
        return effect;
    }

    effect = gwc_alloc(sizeof(gwc_effect_t));
    effect->rule = rule;
    effect->old = old;
    effect->new = new;
    (void) gwc_map_add(effects->known, key, effect);

    if (old != NULL && new != NULL) {
        gwc_diff_instance(effects->diff, &effect->changes, old, new);

        if (effect->changes.n == 0) {
            return effect;
        }
    }

    gwc_vec_push(&effects->diff->effects, effect);

    return effect;
}


static void
gwc_diff_plugins_of(gwc_effects_t *effects, const gwc_route_t *old,
                    const gwc_route_t *new)
{
    gwc_diff_t *diff = effects->diff;
    size_t i;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        const gwc_plugin_rule_t *rule = gwc_plugin_rules[i];
        const gwc_plugin_t *a = gwc_effective(&diff->old, old, rule);
        const gwc_plugin_t *b = gwc_effective(&diff->new, new, rule);
        gwc_effect_t *effect;

        if (a == NULL && b == NULL) {
            continue;
        }

        effect = gwc_effect_get(effects, rule, a, b);

        if (new != NULL) {
            gwc_vec_push(&effect->routes, (void *) (uintptr_t) new);

        } else {
            effect->unmatched = true;
        }
    }
}


/* the scopes are the same ones, or both are none */
static bool
gwc_diff_same(const gwc_diff_t *diff, const gwc_ref_t *old,
              const gwc_ref_t *new)
{
    if (old->target == NULL || new->target == NULL) {
        return old->target == new->target;
    }

    return gwc_diff_partner(diff, old->target) == new->target;
}


/* the new instance of the same plugin and scope */
static const gwc_plugin_t *
gwc_consumer_partner(const gwc_diff_t *diff, const gwc_vec_t *block,
                     const gwc_plugin_t *old)
{
    size_t i;

    for (i = 0; block != NULL && i < block->n; i++) {
        const gwc_plugin_t *new = block->items[i];

        if (new->rule == old->rule
            && gwc_diff_same(diff, &old->route, &new->route)
            && gwc_diff_same(diff, &old->service, &new->service))
        {
            return new;
        }
    }

    return NULL;
}


static void
gwc_diff_consumer_effect(gwc_effects_t *effects, const gwc_plugin_t *old,
                         const gwc_plugin_t *new, const gwc_entity_t *owner)
{
    gwc_effect_t *effect =
        gwc_effect_get(effects, old != NULL ? old->rule : new->rule, old, new);

    effect->owner = owner;
}


static void
gwc_diff_consumer(gwc_effects_t *effects, const gwc_entity_t *old,
                  const gwc_entity_t *new)
{
    const gwc_diff_t *diff = effects->diff;
    const gwc_vec_t *olds = gwc_scopes_get(diff->old.scopes, old);
    const gwc_vec_t *news = gwc_scopes_get(diff->new.scopes, new);
    gwc_map_t *paired = gwc_map_create();
    size_t i;

    for (i = 0; olds != NULL && i < olds->n; i++) {
        const gwc_plugin_t *plugin =
            gwc_consumer_partner(diff, news, olds->items[i]);

        if (plugin != NULL) {
            (void) gwc_map_add(
                paired, (gwc_text_t){ plugin->e.id, strlen(plugin->e.id) },
                olds->items[i]);
        }

        gwc_diff_consumer_effect(effects, olds->items[i], plugin, new);
    }

    for (i = 0; news != NULL && i < news->n; i++) {
        const gwc_plugin_t *plugin = news->items[i];

        if (gwc_map_get(paired,
                        (gwc_text_t){ plugin->e.id, strlen(plugin->e.id) })
            == NULL)
        {
            gwc_diff_consumer_effect(effects, NULL, plugin, new);
        }
    }
}


/* consumers, or consumer groups */
static void
gwc_diff_owners(gwc_effects_t *effects, const gwc_vec_t *owners)
{
    const gwc_entity_t *old;
    size_t i;

    for (i = 0; i < owners->n; i++) {
        old = gwc_diff_origin(effects->diff, owners->items[i]);

        if (old != NULL) {
            gwc_diff_consumer(effects, old, owners->items[i]);
        }
    }
}


void
gwc_diff_plugins(gwc_diff_t *diff)
{
    const gwc_model_t *new = diff->new.input.model;
    gwc_effects_t effects = { diff, gwc_map_create() };
    const gwc_entity_t *old;
    size_t i;

    gwc_diff_plugins_of(&effects, NULL, NULL);

    for (i = 0; i < new->routes.n; i++) {
        old = gwc_diff_origin(diff, new->routes.items[i]);

        if (old != NULL) {
            gwc_diff_plugins_of(&effects,
                                (const gwc_route_t *) (const void *) old,
                                new->routes.items[i]);
        }
    }

    gwc_diff_owners(&effects, &new->consumers);
    gwc_diff_owners(&effects, &new->consumer_groups);
}
