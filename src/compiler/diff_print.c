/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the command diff found, for people.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diff.h"

/* names of routes in one line; the rest is counted */
#define GWC_NAMES_SHOWN 5

#define GWC_NAME_WIDTH_MAX 28

static bool gwc_diff_colours;


/* "  + name" with the first detail behind it, the others below that */
static void
gwc_print_row(char sign, const char *name, size_t width,
              const gwc_vec_t *details)
{
    const char *colour = sign == '+'   ? "\033[32m"
                         : sign == '-' ? "\033[31m"
                                       : "\033[33m";
    size_t i;

    printf("  %s%c %-*s%s", gwc_diff_colours ? colour : "", sign,
           (int) (details->n ? width : 0), name,
           gwc_diff_colours ? "\033[0m" : "");

    if (details->n && strlen(name) > width) {
        printf("\n    %*s", (int) width, "");
    }

    for (i = 0; i < details->n; i++) {
        if (i) {
            printf("\n    %*s", (int) width, "");
        }

        printf("  %s", (const char *) details->items[i]);
    }

    putchar('\n');
}


static void
gwc_add_items(gwc_buf_t *buf, char sign, const gwc_vec_t *items)
{
    size_t i;

    for (i = 0; i < items->n; i++) {
        gwc_buf_printf(buf, "%s%c %s",
                       i          ? ", "
                       : buf->len ? " "
                                  : "",
                       sign, (const char *) items->items[i]);
    }
}


static void
gwc_change_details(gwc_vec_t *details, const gwc_vec_t *changes)
{
    size_t i;

    for (i = 0; i < changes->n; i++) {
        const gwc_change_t *change = changes->items[i];
        gwc_buf_t buf = { 0 };

        if (change->hidden) {
            gwc_buf_puts(&buf, "changed");

        } else if (change->set) {
            gwc_add_items(&buf, '-', &change->removed);
            gwc_add_items(&buf, '+', &change->added);

        } else {
            gwc_buf_printf(&buf, "%s -> %s",
                           change->old != NULL ? change->old : "none",
                           change->new != NULL ? change->new : "none");
        }

        gwc_vec_push(details, gwc_sprintf("%s: %.*s", change->field,
                                          (int) buf.len, buf.data));
    }
}


static const char *
gwc_names(const gwc_vec_t *names)
{
    gwc_buf_t buf = { 0 };
    size_t i;

    for (i = 0; i < names->n && i < GWC_NAMES_SHOWN; i++) {
        gwc_buf_printf(&buf, "%s%s", i ? ", " : "",
                       (const char *) names->items[i]);
    }

    if (names->n > GWC_NAMES_SHOWN) {
        gwc_buf_printf(&buf, " and %zu more", names->n - GWC_NAMES_SHOWN);
    }

    return buf.len ? gwc_strndup(buf.data, buf.len) : "none";
}


static const char *
gwc_route_names(const gwc_vec_t *routes)
{
    gwc_vec_t names = { 0 };
    size_t i;

    for (i = 0; i < routes->n; i++) {
        const gwc_route_t *route = routes->items[i];

        gwc_vec_push(&names, (void *) (uintptr_t) gwc_diff_title(&route->e));
    }

    return gwc_names(&names);
}


static void
gwc_route_details(gwc_vec_t *details, const gwc_side_t *side,
                  const gwc_route_t *route)
{
    const char *conditions = gwc_diff_conditions(route);
    gwc_vec_t plugins = { 0 };

    gwc_vec_push(details,
                 gwc_sprintf("%s -> %s", conditions ? conditions : "...",
                             route->owner != NULL
                                 ? gwc_diff_title(&route->owner->e)
                                 : "no service"));
    gwc_diff_chain(&plugins, side, route);

    if (plugins.n) {
        gwc_vec_push(details, gwc_sprintf("plugins: %s", gwc_names(&plugins)));
    }
}


static void
gwc_service_details(gwc_vec_t *details, const gwc_service_t *service)
{
    gwc_vec_push(details,
                 gwc_sprintf("routes: %s", gwc_route_names(&service->routes)));
}


/* which services send requests there */
static void
gwc_upstream_details(gwc_vec_t *details, const gwc_model_t *model,
                     const gwc_upstream_t *upstream)
{
    gwc_vec_t names = { 0 };
    size_t i;

    for (i = 0; i < model->services.n; i++) {
        const gwc_service_t *service = model->services.items[i];

        if (service->upstream == upstream) {
            gwc_vec_push(&names,
                         (void *) (uintptr_t) gwc_diff_title(&service->e));
        }
    }

    gwc_vec_push(details, gwc_sprintf("services: %s", gwc_names(&names)));
}


static void
gwc_parent_details(gwc_vec_t *details, const char *what, const gwc_ref_t *ref)
{
    if (ref->target != NULL) {
        gwc_vec_push(details,
                     gwc_sprintf("%s: %s", what, gwc_diff_title(ref->target)));
    }
}


/* which of the consumer's it is: by what everybody may see of it */
static void
gwc_credential_details(gwc_vec_t *details, const gwc_credential_t *credential)
{
    static const char *const shown[] = { "username", "group" };
    const gwc_field_t *field;
    size_t i;

    gwc_vec_push(details, gwc_sprintf("id: %s", credential->e.id));

    for (field = credential->rule->fields; field->name != NULL; field++) {
        const gwc_str_t *value =
            (const gwc_str_t *) (const void *) ((const char *) credential
                                                + field->offset);

        for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
            if (strcmp(field->name, shown[i]) == 0 && field->type == GWC_STRING
                && value->set && !(field->flags & GWC_SECRET))
            {
                gwc_vec_push(details,
                             gwc_sprintf("%s: %.*s", field->name,
                                         (int) value->v.len, value->v.data));
            }
        }
    }
}


static void
gwc_certificate_details(gwc_vec_t *details,
                        const gwc_certificate_t *certificate)
{
    gwc_vec_t names = { 0 };
    size_t i;

    for (i = 0; i < certificate->snis.n; i++) {
        const gwc_sni_t *sni = certificate->snis.items[i];

        gwc_vec_push(&names, (void *) (uintptr_t) gwc_diff_title(&sni->e));
    }

    gwc_vec_push(details, gwc_sprintf("snis: %s", gwc_names(&names)));
}


/* what it is about, besides the fields that differ */
static void
gwc_twin_details(gwc_vec_t *details, const gwc_diff_t *diff,
                 const gwc_twin_t *twin)
{
    const void *entity = twin->new != NULL ? twin->new : twin->old;
    const gwc_side_t *side = twin->new != NULL ? &diff->new : &diff->old;
    const char *kind = ((const gwc_entity_t *) entity)->kind;
    bool whole = twin->old == NULL || twin->new == NULL;

    if (strcmp(kind, "routes") == 0 && whole) {
        gwc_route_details(details, side, entity);

    } else if (strcmp(kind, "services") == 0) {
        if (whole) {
            gwc_vec_push(details,
                         (void *) (uintptr_t) gwc_diff_target(entity));
        }

        gwc_service_details(details, entity);

    } else if (strcmp(kind, "upstreams") == 0) {
        gwc_upstream_details(details, side->input.model, entity);

    } else if (strcmp(kind, "snis") == 0 && whole) {
        gwc_parent_details(details, "certificate",
                           &((const gwc_sni_t *) entity)->certificate);

    } else if (strcmp(kind, "certificates") == 0) {
        gwc_certificate_details(details, entity);

    } else if (gwc_kind_find((gwc_text_t){ kind, strlen(kind) })->rule != NULL)
    {
        gwc_credential_details(details, entity);
    }
}


static size_t
gwc_width(size_t width, const char *name)
{
    size_t len = strlen(name);

    return len > width && len <= GWC_NAME_WIDTH_MAX ? len : width;
}


static void
gwc_print_section(const gwc_diff_t *diff, const gwc_section_t *section)
{
    size_t i, width = 8;

    for (i = 0; i < section->twins.n; i++) {
        const gwc_twin_t *twin = section->twins.items[i];

        width = gwc_width(
            width, gwc_diff_title(twin->new != NULL ? twin->new : twin->old));
    }

    printf("%s\n", section->kind);

    for (i = 0; i < section->twins.n; i++) {
        const gwc_twin_t *twin = section->twins.items[i];
        gwc_vec_t details = { 0 };

        gwc_change_details(&details, &twin->changes);
        gwc_twin_details(&details, diff, twin);
        gwc_print_row(
            twin->old == NULL   ? '+'
            : twin->new == NULL ? '-'
                                : '~',
            gwc_diff_title(twin->new != NULL ? twin->new : twin->old), width,
            &details);
    }
}


static void
gwc_print_settings(const gwc_diff_t *diff)
{
    size_t i, width = 8;

    if (diff->settings.n == 0) {
        return;
    }

    for (i = 0; i < diff->settings.n; i++) {
        const gwc_change_t *change = diff->settings.items[i];

        width = gwc_width(width, change->field);
    }

    puts("settings");

    for (i = 0; i < diff->settings.n; i++) {
        const gwc_change_t *change = diff->settings.items[i];
        gwc_vec_t one = { &diff->settings.items[i], 1, 1 };
        gwc_vec_t details = { 0 };

        gwc_change_details(&details, &one);
        details.items[0] = (char *) details.items[0] + strlen(change->field)
                           + sizeof(": ") - 1;
        gwc_print_row('~', change->field, width, &details);
    }
}


static const char *
gwc_effect_scope(const gwc_plugin_t *plugin)
{
    return plugin != NULL ? gwc_scope_name(plugin) : "none";
}


static void
gwc_effect_details(gwc_vec_t *details, const gwc_effect_t *effect)
{
    const char *old = gwc_effect_scope(effect->old);
    const char *new = gwc_effect_scope(effect->new);

    gwc_change_details(details, &effect->changes);

    gwc_vec_push(details, strcmp(old, new) == 0 || effect->old == NULL
                              ? gwc_sprintf("scope: %s", new)
                          : effect->new == NULL
                              ? gwc_sprintf("scope: %s", old)
                              : gwc_sprintf("scope: %s -> %s", old, new));

    if (effect->owner != NULL) {
        gwc_vec_push(details,
                     gwc_sprintf("%s: %s",
                                 strcmp(effect->owner->kind, "consumers") == 0
                                     ? "consumer"
                                     : "consumer group",
                                 gwc_diff_title(effect->owner)));
        return;
    }

    if (effect->routes.n) {
        gwc_vec_push(details, gwc_sprintf("routes: %s",
                                          gwc_route_names(&effect->routes)));
    }

    if (effect->unmatched) {
        gwc_vec_push(details, gwc_sprintf("requests that match no route"));
    }
}


static void
gwc_print_effects(const gwc_diff_t *diff)
{
    size_t i, width = 8;

    if (diff->effects.n == 0) {
        return;
    }

    for (i = 0; i < diff->effects.n; i++) {
        const gwc_effect_t *effect = diff->effects.items[i];

        width = gwc_width(width, effect->rule->name);
    }

    puts("plugins as they act");

    for (i = 0; i < diff->effects.n; i++) {
        const gwc_effect_t *effect = diff->effects.items[i];
        gwc_vec_t details = { 0 };

        gwc_effect_details(&details, effect);
        gwc_print_row(effect->old == NULL   ? '+'
                      : effect->new == NULL ? '-'
                                            : '~',
                      effect->rule->name, width, &details);
    }
}


static const char *
gwc_example_text(const gwc_example_t *example)
{
    gwc_buf_t buf = { 0 };
    size_t i;

    gwc_buf_printf(&buf, "%s %s", example->method, example->url);

    for (i = 0; i < example->headers.n; i++) {
        const char *shown = gwc_diff_shown(example->headers.items[i]);

        gwc_buf_printf(&buf, " (%s)", shown ? shown : "a header");
    }

    return gwc_strndup(buf.data, buf.len);
}


static void
gwc_print_moves(const gwc_diff_t *diff)
{
    size_t i, k, width = 8;

    if (diff->moves.n == 0) {
        return;
    }

    for (i = 0; i < diff->moves.n; i++) {
        const gwc_move_t *move = diff->moves.items[i];

        width =
            gwc_width(width, move->old != NULL ? gwc_diff_title(&move->old->e)
                                               : "none: 404");
    }

    puts("requests that another route gets");

    for (i = 0; i < diff->moves.n; i++) {
        const gwc_move_t *move = diff->moves.items[i];
        gwc_vec_t details = { 0 };

        gwc_vec_push(&details,
                     gwc_sprintf("-> %s", move->new != NULL
                                              ? gwc_diff_title(&move->new->e)
                                              : "none: 404"));

        for (k = 0; k < move->examples.n; k++) {
            gwc_vec_push(&details, (void *) (uintptr_t) gwc_example_text(
                                       move->examples.items[k]));
        }

        gwc_print_row('~',
                      move->old != NULL ? gwc_diff_title(&move->old->e)
                                        : "none: 404",
                      width, &details);
    }
}


void
gwc_diff_print(const gwc_diff_t *diff)
{
    size_t i;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    gwc_diff_colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;

    if (!gwc_diff_any(diff)) {
        puts("nothing changes for traffic");
        return;
    }

    gwc_print_settings(diff);

    for (i = 0; i < diff->sections.n; i++) {
        gwc_print_section(diff, diff->sections.items[i]);
    }

    gwc_print_effects(diff);
    gwc_print_moves(diff);
}
