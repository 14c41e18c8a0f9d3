/*
 * Copyright (C) the ngx_gateway authors
 *
 * Which entity of one file is which of the other.
 */

#include <string.h>

#include "diff.h"

/* kinds that are matched, parents first */
static const struct {
    const char *kind;
    size_t entities; /* in gwc_model_t */
    size_t name;     /* in the entity; 0: it has none */
} gwc_diff_kinds[] = {
    { "services", offsetof(gwc_model_t, services),
      offsetof(gwc_service_t, name) },
    { "routes", offsetof(gwc_model_t, routes), offsetof(gwc_route_t, name) },
    { "upstreams", offsetof(gwc_model_t, upstreams),
      offsetof(gwc_upstream_t, name) },
    { "consumer_groups", offsetof(gwc_model_t, consumer_groups),
      offsetof(gwc_consumer_group_t, name) },
    { "consumers", offsetof(gwc_model_t, consumers),
      offsetof(gwc_consumer_t, username) },
    { "certificates", offsetof(gwc_model_t, certificates), 0 },
    { "ca_certificates", offsetof(gwc_model_t, ca_certificates), 0 },
    { "snis", offsetof(gwc_model_t, snis), offsetof(gwc_sni_t, name) },
    { "credentials", offsetof(gwc_model_t, credentials), 0 },
};

#define GWC_DIFF_KINDS (sizeof(gwc_diff_kinds) / sizeof(gwc_diff_kinds[0]))

/* entities may be the same when they have one of these in common */
typedef enum {
    GWC_MATCH_ID,
    GWC_MATCH_NAME,
    GWC_MATCH_CONTENT,
    GWC_MATCH_PLACE, /* the id that was derived from it */
    GWC_MATCH_LAST
} gwc_match_t;


static gwc_text_t
gwc_address(const void *p)
{
    const void **key = gwc_alloc(sizeof(void *));

    *key = p;

    return (gwc_text_t){ (const char *) key, sizeof(void *) };
}


static const gwc_entity_t *
gwc_diff_lookup(const gwc_map_t *map, const gwc_entity_t *entity)
{
    const void *p = entity;

    return gwc_map_get(map, (gwc_text_t){ (const char *) &p, sizeof(void *) });
}


const gwc_entity_t *
gwc_diff_partner(const gwc_diff_t *diff, const gwc_entity_t *old)
{
    return gwc_diff_lookup(diff->partners, old);
}


const gwc_entity_t *
gwc_diff_origin(const gwc_diff_t *diff, const gwc_entity_t *new)
{
    return gwc_diff_lookup(diff->origins, new);
}


static const gwc_str_t *
gwc_diff_name(const gwc_entity_t *entity)
{
    size_t i;

    for (i = 0; i < GWC_DIFF_KINDS; i++) {
        if (gwc_diff_kinds[i].name
            && strcmp(gwc_diff_kinds[i].kind, entity->kind) == 0)
        {
            return (
                const gwc_str_t *) (const void *) ((const char *) entity
                                                   + gwc_diff_kinds[i].name);
        }
    }

    return NULL;
}


const char *
gwc_diff_label(const gwc_entity_t *entity)
{
    const gwc_str_t *name = gwc_diff_name(entity);

    if (name == NULL || !name->set) {
        return entity->id;
    }

    return gwc_strndup(name->v.data, name->v.len);
}


/* what the entity has of that sort; data NULL: nothing */
static gwc_text_t
gwc_diff_key(const gwc_diff_t *diff, const gwc_entity_t *entity,
             gwc_match_t match, bool old)
{
    const gwc_str_t *name = gwc_diff_name(entity);
    const gwc_kind_t *kind;
    gwc_buf_t buf = { 0 };

    gwc_buf_puts(&buf, entity->kind);
    gwc_buf_puts(&buf, "|");

    if (match == GWC_MATCH_NAME) {
        if (name == NULL || !name->set) {
            return (gwc_text_t){ NULL, 0 };
        }

        gwc_buf_add(&buf, name->v.data, name->v.len);

    } else if (match == GWC_MATCH_CONTENT) {
        /* who has an id or a name of its own is not another one */
        if (!entity->id_random) {
            return (gwc_text_t){ NULL, 0 };
        }

        kind =
            gwc_kind_find((gwc_text_t){ entity->kind, strlen(entity->kind) });
        gwc_diff_signature(diff, &buf, kind->fields, entity, old);

        if (kind->rule != NULL) {
            gwc_diff_signature(diff, &buf, gwc_credential_fields, entity, old);
        }

    } else if (match == GWC_MATCH_ID && entity->id_random) {
        return (gwc_text_t){ NULL, 0 };

    } else {
        gwc_buf_puts(&buf, entity->id);
    }

    return (gwc_text_t){ buf.data, buf.len };
}


static void
gwc_diff_match_by(gwc_diff_t *diff, const gwc_vec_t *olds,
                  const gwc_vec_t *news, gwc_match_t match)
{
    gwc_map_t *map = gwc_map_create();
    gwc_text_t key;
    size_t i;

    for (i = 0; i < olds->n; i++) {
        key = gwc_diff_partner(diff, olds->items[i]) == NULL
                  ? gwc_diff_key(diff, olds->items[i], match, true)
                  : (gwc_text_t){ NULL, 0 };

        if (key.data != NULL) {
            (void) gwc_map_add(map, key, olds->items[i]);
        }
    }

    for (i = 0; i < news->n; i++) {
        gwc_entity_t *new = news->items[i];
        gwc_entity_t *old;

        if (gwc_diff_origin(diff, new) != NULL) {
            continue;
        }

        key = gwc_diff_key(diff, new, match, false);
        old = key.data != NULL ? gwc_map_get(map, key) : NULL;

        if (old != NULL && gwc_diff_partner(diff, old) == NULL) {
            (void) gwc_map_add(diff->partners, gwc_address(old), new);
            (void) gwc_map_add(diff->origins, gwc_address(new), old);
        }
    }
}


void
gwc_diff_match(gwc_diff_t *diff)
{
    const char *old = (const char *) diff->old.input.model;
    const char *new = (const char *) diff->new.input.model;
    gwc_match_t match;
    size_t i;

    diff->partners = gwc_map_create();
    diff->origins = gwc_map_create();

    for (i = 0; i < GWC_DIFF_KINDS; i++) {
        for (match = GWC_MATCH_ID; match < GWC_MATCH_LAST; match++) {
            gwc_diff_match_by(
                diff,
                (const gwc_vec_t *) (const void
                                         *) (old + gwc_diff_kinds[i].entities),
                (const gwc_vec_t *) (const void
                                         *) (new + gwc_diff_kinds[i].entities),
                match);
        }
    }
}
