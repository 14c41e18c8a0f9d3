/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the command diff found, for programs.
 */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"


/* a text of the file may be no UTF-8, which JSON has to be */
static json_t *
gwc_json_text(const char *text)
{
    json_t *json = text != NULL ? json_string(text) : json_null();

    return json != NULL ? json : json_string("(not UTF-8)");
}


static json_t *
gwc_json_texts(const gwc_vec_t *texts)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < texts->n; i++) {
        json_array_append_new(list, gwc_json_text(texts->items[i]));
    }

    return list;
}


static json_t *
gwc_json_change(const gwc_change_t *change)
{
    json_t *json = json_object();

    json_object_set_new(json, "field", gwc_json_text(change->field));

    if (change->hidden) {
        json_object_set_new(json, "hidden", json_true());

    } else if (change->set) {
        json_object_set_new(json, "removed", gwc_json_texts(&change->removed));
        json_object_set_new(json, "added", gwc_json_texts(&change->added));

    } else {
        json_object_set_new(json, "old", gwc_json_text(change->old));
        json_object_set_new(json, "new", gwc_json_text(change->new));
    }

    return json;
}


static json_t *
gwc_json_changes(const gwc_vec_t *changes)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < changes->n; i++) {
        json_array_append_new(list, gwc_json_change(changes->items[i]));
    }

    return list;
}


static json_t *
gwc_json_entity(const gwc_entity_t *entity)
{
    const char *label = gwc_diff_label(entity);
    json_t *json = json_object();

    json_object_set_new(json, "id", json_string(entity->id));
    json_object_set_new(
        json, "name", gwc_json_text(strcmp(label, entity->id) ? label : NULL));

    return json;
}


static void
gwc_json_about_route(json_t *json, const gwc_side_t *side,
                     const gwc_route_t *route)
{
    gwc_vec_t plugins = { 0 };

    gwc_diff_chain(&plugins, side, route);
    json_object_set_new(json, "matches",
                        gwc_json_text(gwc_diff_conditions(route)));
    json_object_set_new(json, "service",
                        route->owner != NULL
                            ? gwc_json_entity(&route->owner->e)
                            : json_null());
    json_object_set_new(json, "plugins", gwc_json_texts(&plugins));
}


static void
gwc_json_about(json_t *json, const gwc_side_t *side,
               const gwc_entity_t *entity)
{
    const void *whole = entity;
    const gwc_kind_t *kind =
        gwc_kind_find((gwc_text_t){ entity->kind, strlen(entity->kind) });

    if (strcmp(entity->kind, "routes") == 0) {
        gwc_json_about_route(json, side, whole);

    } else if (strcmp(entity->kind, "services") == 0) {
        json_object_set_new(json, "url",
                            gwc_json_text(gwc_diff_target(whole)));

    } else if (kind->rule != NULL) {
        const gwc_credential_t *credential = whole;

        json_object_set_new(json, "kind", json_string(entity->kind));

        if (credential->consumer.target != NULL) {
            json_object_set_new(json, "consumer",
                                gwc_json_entity(credential->consumer.target));
        }
    }
}


static json_t *
gwc_json_section(const gwc_diff_t *diff, const gwc_section_t *section)
{
    json_t *added = json_array(), *removed = json_array();
    json_t *changed = json_array(), *json = json_object();
    size_t i;

    for (i = 0; i < section->twins.n; i++) {
        const gwc_twin_t *twin = section->twins.items[i];
        const gwc_side_t *side = twin->new != NULL ? &diff->new : &diff->old;
        const gwc_entity_t *entity = twin->new ? twin->new : twin->old;
        json_t *one = gwc_json_entity(entity);

        gwc_json_about(one, side, entity);

        if (twin->old != NULL && twin->new != NULL) {
            json_object_set_new(one, "changes",
                                gwc_json_changes(&twin->changes));
            json_array_append_new(changed, one);

        } else {
            json_array_append_new(twin->old == NULL ? added : removed, one);
        }
    }

    json_object_set_new(json, "added", added);
    json_object_set_new(json, "removed", removed);
    json_object_set_new(json, "changed", changed);

    return json;
}


static json_t *
gwc_json_instance(const gwc_plugin_t *plugin)
{
    json_t *json;

    if (plugin == NULL) {
        return json_null();
    }

    json = json_object();
    json_object_set_new(json, "id", json_string(plugin->e.id));
    json_object_set_new(json, "scope", json_string(gwc_scope_name(plugin)));

    return json;
}


static json_t *
gwc_json_owner(const gwc_effect_t *effect, const char *kind)
{
    return effect->owner != NULL && strcmp(effect->owner->kind, kind) == 0
               ? gwc_json_entity(effect->owner)
               : json_null();
}


static json_t *
gwc_json_effect(const gwc_effect_t *effect)
{
    json_t *json = json_object(), *routes = json_array();
    size_t i;

    for (i = 0; i < effect->routes.n; i++) {
        const gwc_route_t *route = effect->routes.items[i];

        json_array_append_new(routes, gwc_json_entity(&route->e));
    }

    json_object_set_new(json, "plugin", json_string(effect->rule->name));
    json_object_set_new(json, "old", gwc_json_instance(effect->old));
    json_object_set_new(json, "new", gwc_json_instance(effect->new));
    json_object_set_new(json, "changes", gwc_json_changes(&effect->changes));
    json_object_set_new(json, "routes", routes);
    json_object_set_new(json, "no_route", json_boolean(effect->unmatched));
    json_object_set_new(json, "consumer", gwc_json_owner(effect, "consumers"));
    json_object_set_new(json, "consumer_group",
                        gwc_json_owner(effect, "consumer_groups"));

    return json;
}


static json_t *
gwc_json_effects(const gwc_diff_t *diff)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < diff->effects.n; i++) {
        json_array_append_new(list, gwc_json_effect(diff->effects.items[i]));
    }

    return list;
}


static json_t *
gwc_json_example(const gwc_example_t *example)
{
    json_t *json = json_object();

    json_object_set_new(json, "method", gwc_json_text(example->method));
    json_object_set_new(json, "url", gwc_json_text(example->url));
    json_object_set_new(json, "headers", gwc_json_texts(&example->headers));

    return json;
}


static json_t *
gwc_json_moves(const gwc_diff_t *diff)
{
    json_t *list = json_array();
    size_t i, k;

    for (i = 0; i < diff->moves.n; i++) {
        const gwc_move_t *move = diff->moves.items[i];
        json_t *json = json_object(), *examples = json_array();

        for (k = 0; k < move->examples.n; k++) {
            json_array_append_new(examples,
                                  gwc_json_example(move->examples.items[k]));
        }

        json_object_set_new(json, "old",
                            move->old != NULL ? gwc_json_entity(&move->old->e)
                                              : json_null());
        json_object_set_new(json, "new",
                            move->new != NULL ? gwc_json_entity(&move->new->e)
                                              : json_null());
        json_object_set_new(json, "examples", examples);
        json_array_append_new(list, json);
    }

    return list;
}


void
gwc_diff_print_json(const gwc_diff_t *diff)
{
    json_t *json = json_object();
    char *text;
    size_t i;

    json_object_set_new(json, "changed", json_boolean(gwc_diff_any(diff)));
    json_object_set_new(json, "settings", gwc_json_changes(&diff->settings));

    for (i = 0; i < diff->sections.n; i++) {
        const gwc_section_t *section = diff->sections.items[i];

        json_object_set_new(json, section->kind,
                            gwc_json_section(diff, section));
    }

    json_object_set_new(json, "effects", gwc_json_effects(diff));
    json_object_set_new(json, "requests", gwc_json_moves(diff));

    text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);

    if (text != NULL) {
        puts(text);
    }

    free(text);
}
