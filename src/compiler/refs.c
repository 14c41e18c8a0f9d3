/*
 * Copyright (C) the ngx_gateway authors
 *
 * Ids, references and uniqueness.  Ids of entities without one are UUIDs of
 * version 5 derived as Kong derives them.  Where Kong draws a random one at
 * each load, ours is derived too, so that it never changes between two runs:
 * from the consumer's custom_id, from a certificate's text, else from the
 * parent's id and the position under it.  Never from a secret, which an id
 * that everybody sees would help to guess.
 */

#include "../gateway_uuid.h"
#include "entities.h"
#include "schema.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    gwc_model_t *model;
    const gwc_vec_t *items;
    gwc_map_t *by_id;  /* "kind\0id" -> gwc_entity_t */
    gwc_map_t *by_key; /* "kind\0key" -> gwc_entity_t */
    gwc_map_t *random; /* "kind\0key" of random ids -> gwc_entity_t */
} gwc_linker_t;


static const gwc_field_t *
gwc_field_named(const gwc_kind_t *kind, const char *name)
{
    const gwc_field_t *field;

    for (field = kind->fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0) {
            return field;
        }
    }

    return NULL;
}


static const gwc_str_t *
gwc_string_of(const gwc_item_t *item, const gwc_field_t *field)
{
    return (const gwc_str_t *) (const void *) ((const char *) item->entity
                                               + field->offset);
}


/* the value of the endpoint key, or NULL */
static const gwc_str_t *
gwc_endpoint_of(const gwc_item_t *item)
{
    const gwc_field_t *field;
    const gwc_str_t *value;

    if (item->kind->endpoint == NULL) {
        return NULL;
    }

    field = gwc_field_named(item->kind, item->kind->endpoint);

    if (field == NULL) {
        return NULL;
    }

    value = gwc_string_of(item, field);

    return value->set ? value : NULL;
}


static gwc_text_t
gwc_map_key(const char *kind, const char *field, gwc_text_t text)
{
    gwc_buf_t buf = { 0 };

    gwc_buf_puts(&buf, kind);
    gwc_buf_add(&buf, "", 1);
    gwc_buf_puts(&buf, field);
    gwc_buf_add(&buf, "", 1);
    gwc_buf_add(&buf, text.data, text.len);

    return (gwc_text_t){ buf.data, buf.len };
}


static void
gwc_set_id(gwc_entity_t *entity, gwc_text_t key, bool random)
{
    uint8_t uuid[16];

    gateway_uuid_entity(uuid, entity->kind, key.data, key.len);
    gateway_uuid_format(entity->id, uuid);
    entity->id[GATEWAY_UUID_LEN] = '\0';
    entity->id_random = random;
}


static void
gwc_random_id(gwc_linker_t *linker, const gwc_item_t *item)
{
    const gwc_str_t *text = NULL;
    gwc_buf_t key = { 0 };

    gwc_buf_puts(&key, "ngx_gateway:");

    if (strcmp(item->entity->kind, "consumers") == 0) {
        text =
            &((const gwc_consumer_t *) (const void *) item->entity)->custom_id;

    } else if (strcmp(item->entity->kind, "certificates") == 0) {
        text =
            &((const gwc_certificate_t *) (const void *) item->entity)->cert;

    } else if (strcmp(item->entity->kind, "ca_certificates") == 0) {
        text = &((const gwc_ca_certificate_t *) (const void *) item->entity)
                    ->cert;
    }

    if (text != NULL && text->set) {
        gwc_buf_add(&key, text->v.data, text->v.len);
    }

    /* one certificate may stand in a file twice */

    if (text == NULL || !text->set
        || gwc_map_add(linker->random,
                       gwc_map_key(item->kind->entity, "",
                                   (gwc_text_t){ key.data, key.len }),
                       item->entity)
               != NULL)
    {
        gwc_buf_printf(&key, "%s:%zu",
                       item->parent != NULL ? item->parent->id : "",
                       item->position);
    }

    gwc_set_id(item->entity, (gwc_text_t){ key.data, key.len }, true);
}


/* how a scope enters an id: as written, or the parent's id when nested */
static void
gwc_add_scope(gwc_buf_t *buf, const gwc_ref_t *ref, bool *random)
{
    if (ref->v.data != NULL) {
        gwc_buf_add(buf, ref->v.data, ref->v.len);

    } else if (ref->target != NULL) {
        gwc_buf_puts(buf, ref->target->id);
        *random = *random || ref->target->id_random;
    }
}


static bool
gwc_is_kind(const gwc_item_t *item, const char *kind)
{
    return strcmp(item->kind->entity, kind) == 0;
}


static const gwc_ref_t *
gwc_ref_of(const gwc_item_t *item, const char *parent)
{
    return (const gwc_ref_t *) (const void *) ((const char *) item->entity
                                               + gwc_kind_foreign(item->kind,
                                                                  parent)
                                                     ->offset);
}


/* ids that need those of parents: false for all other kinds */
static bool
gwc_dependent_id(const gwc_item_t *item)
{
    gwc_buf_t key = { 0 };
    bool random = false;

    gwc_buf_printf(&key, "%s:*:", item->kind->entity);

    if (gwc_is_kind(item, "plugins")) {
        const gwc_plugin_t *plugin =
            (const gwc_plugin_t *) (const void *) item->entity;

        gwc_buf_add(&key, plugin->name.v.data, plugin->name.v.len);
        gwc_buf_puts(&key, ":");
        gwc_add_scope(&key, &plugin->route, &random);
        gwc_buf_puts(&key, ":");
        gwc_add_scope(&key, &plugin->service, &random);
        gwc_buf_puts(&key, ":");
        gwc_add_scope(&key, &plugin->consumer, &random);

        if (plugin->consumer_group.v.data != NULL
            || plugin->consumer_group.target != NULL)
        {
            gwc_buf_puts(&key, ":");
            gwc_add_scope(&key, &plugin->consumer_group, &random);
        }

    } else if (gwc_is_kind(item, "consumer_group_consumers")) {
        gwc_add_scope(&key, gwc_ref_of(item, "consumer_groups"), &random);
        gwc_buf_puts(&key, ":");
        gwc_add_scope(&key, gwc_ref_of(item, "consumers"), &random);

    } else if (gwc_is_kind(item, "targets")) {
        const gwc_target_t *target =
            (const gwc_target_t *) (const void *) item->entity;

        gwc_add_scope(&key, &target->upstream, &random);
        gwc_buf_puts(&key, ":");
        gwc_buf_add(&key, target->target.v.data, target->target.v.len);

    } else if (gwc_is_kind(item, "keys")) {
        const gwc_key_entity_t *jwk =
            (const gwc_key_entity_t *) (const void *) item->entity;

        gwc_buf_add(&key, jwk->kid.v.data, jwk->kid.v.len);
        gwc_buf_puts(&key, ":");
        gwc_add_scope(&key, &jwk->set, &random);

    } else if (gwc_is_kind(item, "filter_chains")) {
        gwc_add_scope(&key, gwc_ref_of(item, "routes"), &random);
        gwc_buf_puts(&key, ":");
        gwc_add_scope(&key, gwc_ref_of(item, "services"), &random);

    } else if (item->kind->rule != NULL && item->kind->rule->id_key != NULL) {
        gwc_text_t text = item->kind->rule->id_key(item->entity);

        gwc_buf_add(&key, text.data, text.len);

    } else {
        return false;
    }

    gwc_set_id(item->entity, (gwc_text_t){ key.data, key.len }, random);

    return true;
}


static void
gwc_own_id(gwc_linker_t *linker, const gwc_item_t *item)
{
    static const char *const by_name[] = {
        "services", "routes",    "upstreams",       "key_sets",
        "snis",     "consumers", "consumer_groups", NULL
    };
    const gwc_str_t *endpoint = gwc_endpoint_of(item);
    gwc_buf_t key = { 0 };
    size_t i;

    for (i = 0; endpoint != NULL && by_name[i] != NULL; i++) {
        if (gwc_is_kind(item, by_name[i])) {
            gwc_set_id(item->entity, endpoint->v, false);
            return;
        }
    }

    /* usernames and prefixes are public, keys are not */

    if (endpoint != NULL
        && (gwc_is_kind(item, "vaults")
            || strcmp(item->kind->endpoint, "username") == 0))
    {
        gwc_buf_printf(&key, "%s:*:", item->kind->entity);
        gwc_buf_add(&key, endpoint->v.data, endpoint->v.len);
        gwc_set_id(item->entity, (gwc_text_t){ key.data, key.len }, false);
        return;
    }

    gwc_random_id(linker, item);
}


/* pass 0: those by themselves; pass 1: those that need parents */
static void
gwc_ids(gwc_linker_t *linker, unsigned pass)
{
    size_t i, k;

    for (i = 0; i < linker->items->n; i++) {
        const gwc_item_t *item = linker->items->items[i];
        bool dependent =
            gwc_is_kind(item, "plugins") || gwc_is_kind(item, "targets")
            || gwc_is_kind(item, "keys") || gwc_is_kind(item, "filter_chains")
            || gwc_is_kind(item, "consumer_group_consumers")
            || (item->kind->rule != NULL && item->kind->rule->id_key != NULL);

        if (dependent != (pass == 1)) {
            continue;
        }

        if (item->entity->id_field.set
            && item->entity->id_field.v.len == GATEWAY_UUID_LEN)
        {
            memcpy(item->entity->id, item->entity->id_field.v.data,
                   GATEWAY_UUID_LEN);

            for (k = 0; k < GATEWAY_UUID_LEN; k++) {
                if (item->entity->id[k] >= 'A' && item->entity->id[k] <= 'F') {
                    item->entity->id[k] =
                        (char) (item->entity->id[k] - 'A' + 'a');
                }
            }

            continue;
        }

        if (pass == 0) {
            gwc_own_id(linker, item);
        } else {
            (void) gwc_dependent_id(item);
        }
    }
}


static void
gwc_declared(const gwc_node_t *node, const gwc_item_t *item, const char *field,
             const gwc_text_t *value, const gwc_entity_t *first)
{
    const gwc_node_t *place = first->record.node;

    gwc_error(node,
              "uniqueness violation: '%s' entity with %s set to %s already "
              "declared%s",
              item->kind->entity, field,
              value != NULL ? gwc_quoted_once(*value) : "the same value",
              place != NULL
                  ? gwc_sprintf(" in %s:%u", place->file, place->line)
                  : "");
}


/* kinds without a name of their own: a parent has each value once */
static const struct {
    const char *kind, *parent, *field, *shown;
} gwc_naturals[] = {
    { "acls", "consumers", "group", "consumer and group" },
    { "targets", "upstreams", "target", "upstream and target" },
    { "keys", "key_sets", "kid", "set and kid" },
};


static bool
gwc_has_natural(const gwc_item_t *item)
{
    size_t i;

    for (i = 0; i < sizeof(gwc_naturals) / sizeof(gwc_naturals[0]); i++) {
        if (gwc_is_kind(item, gwc_naturals[i].kind)) {
            return true;
        }
    }

    return false;
}


/* also those with ids of their own, and however they name their parent */
static void
gwc_unique_natural(const gwc_linker_t *linker, size_t n)
{
    gwc_map_t *seen = gwc_map_create();
    const gwc_entity_t *first, *parent;
    const gwc_field_t *field;
    const gwc_str_t *value;
    size_t i;

    for (i = 0; i < linker->items->n; i++) {
        const gwc_item_t *item = linker->items->items[i];

        if (!gwc_is_kind(item, gwc_naturals[n].kind)) {
            continue;
        }

        field = gwc_field_named(item->kind, gwc_naturals[n].field);
        parent = gwc_ref_of(item, gwc_naturals[n].parent)->target;

        if (field == NULL || field->type != GWC_STRING) {
            continue;
        }

        value = gwc_string_of(item, field);

        if (!value->set || (parent == NULL && !gwc_is_kind(item, "keys"))) {
            continue;
        }

        first = gwc_map_add(
            seen, gwc_map_key(parent != NULL ? parent->id : "", "", value->v),
            item->entity);

        if (first != NULL) {
            gwc_declared(value->node, item, gwc_naturals[n].shown, &value->v,
                         first);
        }
    }
}


/* ids, endpoint keys and unique fields of all, each only once */
static void
gwc_unique(gwc_linker_t *linker)
{
    const gwc_field_t *field;
    const gwc_entity_t *first;
    gwc_text_t id;
    size_t i;

    for (i = 0; i < linker->items->n; i++) {
        gwc_item_t *item = linker->items->items[i];
        const gwc_str_t *endpoint = gwc_endpoint_of(item);

        id.data = item->entity->id;
        id.len = GATEWAY_UUID_LEN;
        first = gwc_map_add(linker->by_id,
                            gwc_map_key(item->kind->entity, "id", id),
                            item->entity);

        if (first != NULL && item->entity->id_field.set) {
            gwc_declared(item->entity->id_field.node, item, "id", &id, first);

        } else if (first != NULL && first->id_field.set) {
            gwc_declared(item->entity->record.node, item, "id", &id, first);

        } else if (first != NULL && endpoint == NULL
                   && !gwc_is_kind(item, "plugins") && !gwc_has_natural(item))
        {
            gwc_declared(item->entity->record.node, item, "primary key", &id,
                         first);
        }

        if (endpoint != NULL) {
            first =
                gwc_map_add(linker->by_key,
                            gwc_map_key(item->kind->entity, "", endpoint->v),
                            item->entity);

            if (first != NULL) {
                gwc_declared(endpoint->node, item, item->kind->endpoint,
                             &endpoint->v, first);
            }
        }

        for (field = item->kind->fields; field->name != NULL; field++) {
            const gwc_str_t *value = gwc_string_of(item, field);

            if (!(field->flags & GWC_UNIQUE) || field->type != GWC_STRING
                || value == endpoint || !value->set)
            {
                continue;
            }

            first = gwc_map_add(
                linker->by_key,
                gwc_map_key(item->kind->entity, field->name, value->v),
                item->entity);

            if (first != NULL) {
                gwc_declared(value->node, item, field->name,
                             field->flags & GWC_SECRET ? NULL : &value->v,
                             first);
            }
        }
    }
}


/* the kinds with an entity whose name could not be read: what seems to be
   missing may be that one */
static gwc_map_t *
gwc_uncertain_kinds(const gwc_linker_t *linker)
{
    gwc_map_t *kinds = gwc_map_create();
    const gwc_field_t *field;
    const gwc_str_t *name;
    gwc_text_t kind;
    size_t i;

    for (i = 0; i < linker->items->n; i++) {
        gwc_item_t *item = linker->items->items[i];

        if (!item->failed || item->kind->endpoint == NULL) {
            continue;
        }

        field = gwc_field_named(item->kind, item->kind->endpoint);

        if (field == NULL) {
            continue;
        }

        name = gwc_string_of(item, field);

        if (!name->set && gwc_written(name)) {
            kind.data = item->kind->entity;
            kind.len = strlen(kind.data);
            (void) gwc_map_add(kinds, kind, item);
        }
    }

    return kinds;
}


/* "{id: ...}": names do not count */
static bool
gwc_is_key(const gwc_node_t *node, const char *key)
{
    return node != NULL && node->key != NULL
           && gwc_text_is(node->key->text, key);
}


/* "'service: name'" */
static const char *
gwc_reference_shown(const gwc_field_t *field, gwc_text_t text)
{
    const char *name = field->name != NULL ? field->name : field->refers;
    gwc_text_t shown;

    shown.data = gwc_sprintf("%s: %.*s", name, (int) text.len, text.data);
    shown.len = strlen(shown.data);

    return gwc_quoted_once(shown);
}


static void
gwc_resolve_refs(gwc_linker_t *linker)
{
    gwc_map_t *uncertain = gwc_uncertain_kinds(linker);
    gwc_vec_t *pending = gwc_schema_pending();
    gwc_entity_t *parent, *target;
    uint8_t uuid[16];
    size_t i;

    for (i = 0; i < pending->n; i++) {
        const gwc_pending_t *p = pending->items[i];
        const char *kind = p->field->refers;
        gwc_text_t text = p->ref->v;

        target = NULL;

        if (!p->ref->set) {
            /* of a record that was not kept after an error in it */
            continue;
        }

        if (gateway_uuid_parse(uuid, text.data, text.len) == 0) {
            char *id = gwc_alloc(GATEWAY_UUID_LEN + 1);

            gateway_uuid_format(id, uuid);
            text.data = id;
            target = gwc_map_get(linker->by_id, gwc_map_key(kind, "id", text));
            text.data = p->ref->v.data;
        }

        if (target == NULL && strcmp(kind, "ca_certificates") != 0
            && !gwc_is_key(p->ref->node, "id"))
        {
            target = gwc_map_get(
                linker->by_key,
                gwc_map_key(kind,
                            gwc_is_key(p->ref->node, "custom_id") ? "custom_id"
                                                                  : "",
                            text));
        }

        parent = p->ref->target;

        if (target == NULL
            && gwc_map_get(uncertain, (gwc_text_t){ kind, strlen(kind) }))
        {
            continue;
        }

        if (target == NULL && parent != NULL) {
            gwc_error(p->ref->node,
                      "value must be null: this is nested in another of '%s'; "
                      "invalid reference %s (no such entry in '%s')",
                      kind, gwc_reference_shown(p->field, text), kind);

        } else if (target == NULL) {
            gwc_error(p->ref->node,
                      "invalid reference %s (no such entry in '%s')",
                      gwc_reference_shown(p->field, text), kind);

        } else if (parent != NULL && parent != target) {
            gwc_error(p->ref->node,
                      "value must be null: this is nested in another of '%s'",
                      kind);

        } else {
            p->ref->target = target;
        }
    }
}


static void
gwc_need_parent(const gwc_item_t *item, const char *parent)
{
    const gwc_ref_t *ref = gwc_ref_of(item, parent);

    if (ref->target == NULL && !ref->set && !item->failed) {
        gwc_error(item->entity->record.node, "required field missing: \"%s\"",
                  gwc_kind_foreign(item->kind, parent)->name);
    }
}


/* a child that stands alone needs its parent */
static void
gwc_parents(gwc_linker_t *linker)
{
    static const struct {
        const char *kind, *parent;
    } needs[] = { { "targets", "upstreams" },
                  { "snis", "certificates" },
                  { "session_metadatas", "sessions" },
                  { "consumer_group_consumers", "consumers" },
                  { "consumer_group_consumers", "consumer_groups" },
                  { "oauth2_tokens", "oauth2_credentials" },
                  { "oauth2_authorization_codes", "oauth2_credentials" } };
    size_t i, k;

    for (i = 0; i < linker->items->n; i++) {
        const gwc_item_t *item = linker->items->items[i];

        if (item->kind->rule != NULL) {
            gwc_need_parent(item, "consumers");
        }

        for (k = 0; k < sizeof(needs) / sizeof(needs[0]); k++) {
            if (gwc_is_kind(item, needs[k].kind)) {
                gwc_need_parent(item, needs[k].parent);
            }
        }
    }
}


static void
gwc_link_plugin(gwc_plugin_t *plugin)
{
    const gwc_node_t *node = plugin->name.node;
    unsigned scopes;

    plugin->scope = (plugin->service.target ? GWC_SCOPE_SERVICE : 0U)
                    | (plugin->route.target ? GWC_SCOPE_ROUTE : 0U)
                    | (plugin->consumer.target || plugin->consumer_group.target
                           ? GWC_SCOPE_CONSUMER
                           : 0U);

    if (plugin->consumer.target && plugin->consumer_group.target) {
        gwc_error(node, "only one of \"consumer\" and \"consumer_group\" may "
                        "be set");
    }

    if (plugin->rule == NULL) {
        return;
    }

    scopes = plugin->rule->scopes;

    if ((plugin->scope & GWC_SCOPE_CONSUMER) && !(scopes & GWC_SCOPE_CONSUMER))
    {
        gwc_error(node, "plugin \"%s\" cannot be set on a consumer%s",
                  plugin->rule->name,
                  plugin->consumer_group.target ? " group" : "");

    } else if ((plugin->scope & GWC_SCOPE_SERVICE)
               && !(scopes & GWC_SCOPE_SERVICE))
    {
        gwc_error(node, "plugin \"%s\" cannot be set on a service",
                  plugin->rule->name);

    } else if ((plugin->scope & GWC_SCOPE_ROUTE)
               && !(scopes & GWC_SCOPE_ROUTE)) {
        gwc_error(node, "plugin \"%s\" cannot be set on a route",
                  plugin->rule->name);
    }
}


/*
 * The consumer that an auth plugin falls back to, by id or username: without
 * it each request without credentials would fail.
 */
static void
gwc_check_fallback(const gwc_linker_t *linker, const gwc_plugin_t *plugin,
                   const char *name, bool uncertain)
{
    const gwc_field_t *field;
    const gwc_str_t *value;
    uint8_t uuid[16];
    char id[GATEWAY_UUID_LEN + 1] = { 0 };

    if (plugin->rule == NULL || plugin->config == NULL || uncertain) {
        return;
    }

    for (field = plugin->rule->fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0 && field->type == GWC_STRING) {
            break;
        }
    }

    if (field->name == NULL) {
        return;
    }

    value = (const gwc_str_t *) (const void *) ((const char *) plugin->config
                                                + field->offset);

    if (!value->set
        || gwc_map_get(linker->by_key, gwc_map_key("consumers", "", value->v))
               != NULL)
    {
        return;
    }

    if (gateway_uuid_parse(uuid, value->v.data, value->v.len) == 0) {
        gateway_uuid_format(id, uuid);

        if (gwc_map_get(linker->by_id,
                        gwc_map_key("consumers", "id",
                                    (gwc_text_t){ id, GATEWAY_UUID_LEN }))
            != NULL)
        {
            return;
        }
    }

    gwc_error(value->node,
              "%s is no consumer: there is no such entry in 'consumers'",
              gwc_quoted(value->v));
}


/* said already that it names nothing */
static bool
gwc_dangling(const gwc_ref_t *ref)
{
    return ref->set && ref->target == NULL;
}


/* one plugin twice on one scope: nothing says which would run */
static void
gwc_plugin_scopes(gwc_linker_t *linker)
{
    gwc_map_t *seen = gwc_map_create();
    bool uncertain =
        gwc_map_get(gwc_uncertain_kinds(linker), GWC_TEXT("consumers"))
        != NULL;
    size_t i;

    for (i = 0; i < linker->model->plugins.n; i++) {
        gwc_plugin_t *plugin = linker->model->plugins.items[i];
        const gwc_plugin_t *first;
        gwc_buf_t key = { 0 };

        if (!plugin->name.set || gwc_dangling(&plugin->route)
            || gwc_dangling(&plugin->service)
            || gwc_dangling(&plugin->consumer)
            || gwc_dangling(&plugin->consumer_group))
        {
            continue;
        }

        gwc_link_plugin(plugin);
        gwc_check_fallback(linker, plugin, "anonymous", uncertain);
        gwc_check_fallback(linker, plugin, "default_consumer", uncertain);

        gwc_buf_add(&key, plugin->name.v.data, plugin->name.v.len);
        gwc_buf_printf(
            &key, ":%s:%s:%s:%s",
            plugin->route.target ? plugin->route.target->id : "",
            plugin->service.target ? plugin->service.target->id : "",
            plugin->consumer.target ? plugin->consumer.target->id : "",
            plugin->consumer_group.target ? plugin->consumer_group.target->id
                                          : "");

        first = gwc_map_add(seen, (gwc_text_t){ key.data, key.len }, plugin);

        if (first != NULL) {
            gwc_error(plugin->name.node,
                      "plugin %s is already set on the same scope in %s:%u",
                      gwc_quoted(plugin->name.v), first->name.node->file,
                      first->name.node->line);
        }
    }
}


static void
gwc_join_group(gwc_consumer_t *consumer, gwc_consumer_group_t *group)
{
    size_t i;

    for (i = 0; i < consumer->member_of.n; i++) {
        if (consumer->member_of.items[i] == group) {
            return;
        }
    }

    gwc_vec_push(&consumer->member_of, group);
}


static int
gwc_compare_groups(const void *a, const void *b)
{
    const gwc_consumer_group_t *x = *(gwc_consumer_group_t *const *) a;
    const gwc_consumer_group_t *y = *(gwc_consumer_group_t *const *) b;

    return gwc_text_compare(x->name.v, y->name.v);
}


/* however they are written: the consumer's list, the group's, or apart */
static void
gwc_link_groups(gwc_model_t *model)
{
    size_t i, k;

    for (i = 0; i < model->consumers.n; i++) {
        gwc_consumer_t *consumer = model->consumers.items[i];

        for (k = 0; k < consumer->groups.n; k++) {
            gwc_join_group(
                consumer,
                (void *) GWC_ITEM(consumer->groups, gwc_ref_t, k)->target);
        }
    }

    for (i = 0; i < model->consumer_groups.n; i++) {
        gwc_consumer_group_t *group = model->consumer_groups.items[i];

        for (k = 0; k < group->consumers.n; k++) {
            gwc_join_group(
                (void *) GWC_ITEM(group->consumers, gwc_ref_t, k)->target,
                group);
        }
    }

    for (i = 0; i < model->memberships.n; i++) {
        const gwc_membership_t *membership = model->memberships.items[i];

        gwc_join_group((void *) membership->consumer.target,
                       (void *) membership->group.target);
    }

    for (i = 0; i < model->consumers.n; i++) {
        gwc_consumer_t *consumer = model->consumers.items[i];

        if (consumer->member_of.n > 1) {
            qsort(consumer->member_of.items, consumer->member_of.n,
                  sizeof(void *), gwc_compare_groups);
        }
    }
}


/* the links that later stages follow */
static void
gwc_links(gwc_linker_t *linker)
{
    gwc_model_t *model = linker->model;
    size_t i;

    for (i = 0; i < model->services.n; i++) {
        gwc_service_t *service = model->services.items[i];

        if (service->host.set) {
            service->upstream = gwc_map_get(
                linker->by_key, gwc_map_key("upstreams", "", service->host.v));
        }
    }

    for (i = 0; i < model->routes.n; i++) {
        gwc_route_t *route = model->routes.items[i];

        route->owner = (gwc_service_t *) (void *) route->service.target;

        if (route->owner != NULL) {
            gwc_vec_push(&route->owner->routes, route);
        }
    }

    for (i = 0; i < model->targets.n; i++) {
        gwc_target_t *target = model->targets.items[i];

        if (target->upstream.target != NULL) {
            gwc_vec_push(&((gwc_upstream_t *) (void *) target->upstream.target)
                              ->targets,
                         target);
        }
    }

    for (i = 0; i < model->snis.n; i++) {
        gwc_sni_t *sni = model->snis.items[i];

        if (sni->certificate.target != NULL) {
            gwc_vec_push(
                &((gwc_certificate_t *) (void *) sni->certificate.target)
                     ->snis,
                sni);
        }
    }

    for (i = 0; i < model->credentials.n; i++) {
        gwc_credential_t *credential = model->credentials.items[i];

        if (credential->consumer.target != NULL) {
            gwc_vec_push(
                &((gwc_consumer_t *) (void *) credential->consumer.target)
                     ->credentials,
                credential);
        }
    }
}


void
gwc_refs_resolve(gwc_model_t *model, const gwc_vec_t *items)
{
    gwc_linker_t linker = { 0 };
    size_t i;

    linker.model = model;
    linker.items = items;
    linker.by_id = gwc_map_create();
    linker.by_key = gwc_map_create();
    linker.random = gwc_map_create();

    gwc_ids(&linker, 0);
    gwc_ids(&linker, 1);
    gwc_unique(&linker);
    gwc_resolve_refs(&linker);

    for (i = 0; i < sizeof(gwc_naturals) / sizeof(gwc_naturals[0]); i++) {
        gwc_unique_natural(&linker, i);
    }

    gwc_parents(&linker);
    gwc_plugin_scopes(&linker);

    if (gwc_error_count() > 0) {
        return;
    }

    gwc_links(&linker);
    gwc_link_groups(model);
}
