/*
 * Copyright (C) the ngx_gateway authors
 *
 * Zones of counters that survive restarts, for the rules of plugins that have
 * such a zone.
 */

#ifndef GWC_COUNTS_H
#define GWC_COUNTS_H

#include "settings.h"
#include "writer.h"

/*
 * The directive that makes the zone, in http{}, if the settings ask for
 * something else than its default; once, however many rules share it.
 */
void gwc_counts_emit_zone(gwc_writer_t *w, const gwc_settings_t *settings,
                          const char *directive);

#endif
