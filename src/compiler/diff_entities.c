/*
 * Copyright (C) the ngx_gateway authors
 *
 * Settings and entities that differ.
 */

#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "settings_private.h"

/* fields that no request depends on, or that are told otherwise */
static const char *const gwc_diff_not_traffic[] = {
    "tags", "created_at", "updated_at", "url", "groups", "consumers", NULL
};


static void
gwc_diff_injected(gwc_vec_t *texts, const gwc_settings_t *settings)
{
    size_t i;

    for (i = 0; i < settings->injected.n; i++) {
        const gwc_injected_t *injected = settings->injected.items[i];
        gwc_directive_t *extra =
            (gwc_directive_t *) (uintptr_t) injected->extra;
        gwc_vec_t one = { (void **) &extra, 1, 1 };
        gwc_buf_t buf = { 0 };

        gwc_buf_printf(&buf, "%s: ", gwc_context_name(injected->context));

        if (extra != NULL) {
            gwc_directives_text(&buf, &one);
            buf.len--;

        } else {
            gwc_buf_printf(&buf, "%s %s;", injected->directive,
                           injected->value);
        }

        gwc_vec_push(texts, gwc_strndup(buf.data, buf.len));
    }
}


void
gwc_diff_settings(gwc_diff_t *diff)
{
    const gwc_settings_t *old = diff->old.input.settings;
    const gwc_settings_t *new = diff->new.input.settings;
    gwc_vec_t olds = { 0 }, news = { 0 };
    size_t i;

    for (i = 0; i < gwc_setting_count; i++) {
        const char *name = gwc_setting_table[i].name;

        /* which file it is, is what the two sides differ in */
        if (strcmp(name, "declarative_config") != 0) {
            gwc_diff_text(&diff->settings, name, old->values[i],
                          new->values[i]);
        }
    }

    gwc_diff_injected(&olds, old);
    gwc_diff_injected(&news, new);
    (void) gwc_diff_lists(&diff->settings, "nginx", &olds, &news);
}


static void
gwc_diff_directives(gwc_vec_t *changes, const gwc_vec_t *old,
                    const gwc_vec_t *new)
{
    const gwc_vec_t *lists[] = { old, new };
    gwc_vec_t texts[2] = { { 0 }, { 0 } };
    size_t i, k;
    gwc_buf_t all[2] = { { 0 }, { 0 } };

    for (k = 0; k < 2; k++) {
        for (i = 0; i < lists[k]->n; i++) {
            gwc_vec_t one = { &lists[k]->items[i], 1, 1 };
            gwc_buf_t buf = { 0 };

            gwc_directives_text(&buf, &one);
            gwc_vec_push(&texts[k], gwc_strndup(buf.data, buf.len - 1));
            gwc_buf_add(&all[k], buf.data, buf.len);
        }
    }

    /* the same ones in another order may do something else */
    if (!gwc_diff_lists(changes, "nginx", &texts[0], &texts[1])) {
        gwc_diff_text(changes, "nginx",
                      gwc_strndup(all[0].len ? all[0].data : "", all[0].len),
                      gwc_strndup(all[1].len ? all[1].data : "", all[1].len));
    }
}


static gwc_vec_t *
gwc_diff_target_texts(const gwc_upstream_t *upstream)
{
    gwc_vec_t *texts = gwc_alloc(sizeof(gwc_vec_t));
    size_t i;

    for (i = 0; i < upstream->targets.n; i++) {
        const gwc_target_t *target = upstream->targets.items[i];

        gwc_vec_push(
            texts, gwc_sprintf("%.*s weight=%lld", (int) target->target.v.len,
                               target->target.v.data,
                               (long long) gwc_int_or(target->weight, 100)));
    }

    return texts;
}


static gwc_vec_t *
gwc_diff_group_texts(const gwc_consumer_t *consumer)
{
    gwc_vec_t *texts = gwc_alloc(sizeof(gwc_vec_t));
    size_t i;

    for (i = 0; i < consumer->member_of.n; i++) {
        const gwc_consumer_group_t *group = consumer->member_of.items[i];

        gwc_vec_push(texts,
                     gwc_strndup(group->name.v.data, group->name.v.len));
    }

    return texts;
}


/* one that is the same to the client may get another id */
static void
gwc_diff_id(gwc_vec_t *changes, const gwc_entity_t *old,
            const gwc_entity_t *new)
{
    if (old->id_field.set || new->id_field.set) {
        gwc_diff_text(changes, "id", old->id, new->id);
    }
}


static void
gwc_diff_rest(const gwc_twin_t *twin, gwc_vec_t *changes)
{
    const void *old = twin->old, *new = twin->new;

    if (strcmp(twin->new->kind, "services") == 0) {
        gwc_diff_directives(changes,
                            &((const gwc_service_t *) old)->directives,
                            &((const gwc_service_t *) new)->directives);

    } else if (strcmp(twin->new->kind, "routes") == 0) {
        gwc_diff_directives(changes, &((const gwc_route_t *) old)->directives,
                            &((const gwc_route_t *) new)->directives);

    } else if (strcmp(twin->new->kind, "upstreams") == 0) {
        (void) gwc_diff_lists(changes, "targets", gwc_diff_target_texts(old),
                              gwc_diff_target_texts(new));

    } else if (strcmp(twin->new->kind, "consumers") == 0) {
        (void) gwc_diff_lists(changes, "consumer_groups",
                              gwc_diff_group_texts(old),
                              gwc_diff_group_texts(new));
    }
}


static bool
gwc_diff_is_traffic(const gwc_change_t *change)
{
    size_t i;

    /* of what a route matches, the order says nothing */
    if (!change->set && !change->hidden
        && (strcmp(change->field, "paths") == 0
            || strcmp(change->field, "hosts") == 0))
    {
        return false;
    }

    for (i = 0; gwc_diff_not_traffic[i] != NULL; i++) {
        if (strcmp(change->field, gwc_diff_not_traffic[i]) == 0) {
            return false;
        }
    }

    return true;
}


/* fills the changes of a pair */
static void
gwc_diff_twin(const gwc_diff_t *diff, gwc_twin_t *twin)
{
    const gwc_kind_t *kind = gwc_kind_find(
        (gwc_text_t){ twin->new->kind, strlen(twin->new->kind) });
    gwc_vec_t all = { 0 };
    size_t i;

    gwc_diff_id(&all, twin->old, twin->new);
    gwc_diff_fields(diff, &all, "", kind->fields, twin->old, twin->new);

    if (kind->rule != NULL) {
        gwc_diff_fields(diff, &all, "", gwc_credential_fields, twin->old,
                        twin->new);
    }

    gwc_diff_rest(twin, &all);

    for (i = 0; i < all.n; i++) {
        if (gwc_diff_is_traffic(all.items[i])) {
            gwc_vec_push(&twin->changes, all.items[i]);
        }
    }
}


static void
gwc_diff_section(gwc_diff_t *diff, const char *kind, const gwc_vec_t *olds,
                 const gwc_vec_t *news)
{
    gwc_section_t *section = gwc_alloc(sizeof(gwc_section_t));
    gwc_twin_t *twin;
    size_t i;

    section->kind = kind;

    for (i = 0; i < news->n; i++) {
        twin = gwc_alloc(sizeof(gwc_twin_t));
        twin->new = news->items[i];
        twin->old = gwc_diff_origin(diff, twin->new);

        if (twin->old != NULL) {
            gwc_diff_twin(diff, twin);
        }

        if (twin->old == NULL || twin->changes.n) {
            gwc_vec_push(&section->twins, twin);
        }
    }

    for (i = 0; i < olds->n; i++) {
        if (gwc_diff_partner(diff, olds->items[i]) == NULL) {
            twin = gwc_alloc(sizeof(gwc_twin_t));
            twin->old = olds->items[i];
            gwc_vec_push(&section->twins, twin);
        }
    }

    if (section->twins.n) {
        gwc_vec_push(&diff->sections, section);
    }
}


void
gwc_diff_entities(gwc_diff_t *diff)
{
    const gwc_model_t *old = diff->old.input.model;
    const gwc_model_t *new = diff->new.input.model;

    gwc_diff_section(diff, "services", &old->services, &new->services);
    gwc_diff_section(diff, "routes", &old->routes, &new->routes);
    gwc_diff_section(diff, "upstreams", &old->upstreams, &new->upstreams);
    gwc_diff_section(diff, "consumer_groups", &old->consumer_groups,
                     &new->consumer_groups);
    gwc_diff_section(diff, "consumers", &old->consumers, &new->consumers);
    gwc_diff_section(diff, "credentials", &old->credentials,
                     &new->credentials);
    gwc_diff_section(diff, "certificates", &old->certificates,
                     &new->certificates);
    gwc_diff_section(diff, "snis", &old->snis, &new->snis);
    gwc_diff_section(diff, "ca_certificates", &old->ca_certificates,
                     &new->ca_certificates);
}
