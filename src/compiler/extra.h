/*
 * Copyright (C) the ngx_gateway authors
 *
 * Plain directives of nginx that somebody adds to what we write: tags
 * "nginx:<directive> ..." of services and routes, and the files of --extra.
 */

#ifndef GWC_EXTRA_H
#define GWC_EXTRA_H

#include "directive.h"
#include "model.h"
#include "settings.h"

/*
 * Reads both and checks them.  Those of services and routes are found in
 * their "directives", those of blocks in settings->injected.  Errors go to
 * diag.  True when there is at least one.
 */
bool gwc_extra_read(gwc_model_t *model, gwc_settings_t *settings,
                    const char *const *files, size_t n);

/*
 * What holds for a route of the service (NULL: for its others): the
 * service's, but for those that the route says anew.  NULL: none.
 */
const gwc_vec_t *gwc_extra_of(const gwc_service_t *service,
                              const gwc_route_t *route);

/* extra_check.c */
void gwc_extra_check(const gwc_vec_t *list, gwc_context_t context);
/* what can only be told when all is known */
void gwc_extra_check_merged(const gwc_vec_t *list,
                            const gwc_settings_t *settings);

#endif
