/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command diff.
 */

#include <stdio.h>
#include <string.h>

#include "diff.h"
#include "explain.h"

/* as those of diff, the program */
enum {
    GWC_DIFF_EQUAL = 0,
    GWC_DIFF_CHANGES = 1,
    GWC_DIFF_TROUBLE = 2
};


/* --old-set values come behind those of --set: the last one wins */
static void
gwc_diff_sets(gwc_options_t *old, const gwc_options_t *options)
{
    size_t i;

    old->sets = gwc_alloc_array(options->nsets + options->nold_sets + 1,
                                sizeof(char *));

    for (i = 0; i < options->nsets; i++) {
        old->sets[i] = options->sets[i];
    }

    for (i = 0; i < options->nold_sets; i++) {
        old->sets[old->nsets++] = options->old_sets[i];
    }
}


static bool
gwc_diff_read(gwc_side_t *side, const gwc_options_t *options, const char *file,
              bool old)
{
    gwc_options_t own = *options;
    const char **files = gwc_alloc_array(2, sizeof(char *));

    files[0] = file;
    own.files = files;
    own.nfiles = 1;

    if (old) {
        gwc_diff_sets(&own, options);

        if (options->old_settings != NULL) {
            own.settings = options->old_settings;
        }

        if (options->nold_extras) {
            own.extras = options->old_extras;
            own.nextras = options->nold_extras;
        }
    }

    side->file = file;

    return gwc_input_read(&side->input, &own) == GWC_EXIT_OK;
}


static bool
gwc_diff_prepare(gwc_side_t *side)
{
    side->scopes = gwc_scopes_create(side->input.model);
    side->router = gwc_explain_router(&side->input);

    return side->router != NULL;
}


/* one after the other: the flavor of the router is that of the last file */
static bool
gwc_diff_side(gwc_side_t *side, const gwc_options_t *options, const char *file,
              bool old)
{
    return gwc_diff_read(side, options, file, old) && gwc_diff_prepare(side);
}


static void
gwc_diff_run(gwc_diff_t *diff)
{
    gwc_diff_match(diff);
    gwc_diff_settings(diff);
    gwc_diff_entities(diff);
    gwc_diff_plugins(diff);
    gwc_diff_requests(diff);
}


static void
gwc_diff_free(const gwc_diff_t *diff)
{
    if (diff->old.router != NULL) {
        gateway_router_free(diff->old.router);
    }

    if (diff->new.router != NULL) {
        gateway_router_free(diff->new.router);
    }
}


bool
gwc_diff_any(const gwc_diff_t *diff)
{
    return diff->settings.n || diff->sections.n || diff->effects.n
           || diff->moves.n;
}


int
gwc_command_diff(gwc_options_t *options)
{
    gwc_diff_t *diff = gwc_alloc(sizeof(gwc_diff_t));
    bool ok;

    if (options->nfiles != 2) {
        fprintf(stderr, "ngx-gateway: diff needs two files, OLD and NEW\n");
        return GWC_DIFF_TROUBLE;
    }

    if (strcmp(options->files[0], "-") == 0
        && strcmp(options->files[1], "-") == 0) {
        fprintf(stderr, "ngx-gateway: only one of both can be stdin\n");
        return GWC_DIFF_TROUBLE;
    }

    /* problems of both are told */
    ok = gwc_diff_side(&diff->old, options, options->files[0], true);
    ok = gwc_diff_side(&diff->new, options, options->files[1], false) && ok;

    if (!ok || gwc_error_count()) {
        (void) gwc_finish();
        gwc_diff_free(diff);
        return GWC_DIFF_TROUBLE;
    }

    gwc_diff_run(diff);
    (void) gwc_finish();

    if (options->json) {
        gwc_diff_print_json(diff);

    } else {
        gwc_diff_print(diff);
    }

    gwc_diff_free(diff);

    return gwc_diff_any(diff) ? GWC_DIFF_CHANGES : GWC_DIFF_EQUAL;
}
