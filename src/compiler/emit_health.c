/*
 * Copyright (C) the ngx_gateway authors
 *
 * Health checks of upstreams.
 */

#include <string.h>

#include "emit.h"


/* "200-208,226", or "none" */
static const char *
gwc_health_statuses(gwc_list_t list)
{
    bool has[1001] = { false }; /* the last one ends ranges */
    gwc_buf_t buf = { 0 };
    size_t i, k;

    for (i = 0; i < list.n; i++) {
        has[GWC_ITEM(list, gwc_int_t, i)->v] = true;
    }

    for (i = 100; i < 1000; i = k + 1) {
        for (k = i; has[k]; k++) {
        }

        if (k > i) {
            gwc_buf_printf(&buf, "%s%zu", buf.len ? "," : "", i);
        }

        if (k > i + 1) {
            gwc_buf_printf(&buf, "-%zu", k - 1);
        }
    }

    gwc_buf_add(&buf, "", 1);

    return list.n ? buf.data : "none";
}


static void
gwc_emit_statuses(gwc_writer_t *w, const char *name, gwc_list_t list,
                  const char *dflt)
{
    const char *statuses = gwc_health_statuses(list);

    if (strcmp(statuses, dflt) != 0) {
        gwc_argf(w, "%s=%s", name, statuses);
    }
}


static void
gwc_emit_counter(gwc_writer_t *w, const char *name, gwc_int_t value)
{
    long long n = (long long) gwc_int_or(value, 0);

    if (n != 0) {
        gwc_argf(w, "%s=%lld", name, n);
    }
}


static void
gwc_emit_counters(gwc_writer_t *w, const gwc_healthy_t *healthy,
                  const gwc_unhealthy_t *unhealthy)
{
    gwc_emit_counter(w, "successes", healthy->successes);
    gwc_emit_counter(w, "http_failures", unhealthy->http_failures);
    gwc_emit_counter(w, "tcp_failures", unhealthy->tcp_failures);
    gwc_emit_counter(w, "timeouts", unhealthy->timeouts);
}


static void
gwc_emit_passive(gwc_writer_t *w, const gwc_passive_t *passive, bool active)
{
    const gwc_unhealthy_t *unhealthy = &passive->unhealthy;

    /* successes alone undo failures of active checks only */
    if (gwc_int_or(unhealthy->http_failures, 0) == 0
        && gwc_int_or(unhealthy->tcp_failures, 0) == 0
        && gwc_int_or(unhealthy->timeouts, 0) == 0
        && !(active && gwc_int_or(passive->healthy.successes, 0) != 0))
    {
        return;
    }

    if (passive->record.node != NULL) {
        w->source = passive->record.node;
    }

    gwc_begin(w, "passive");
    gwc_emit_counters(w, &passive->healthy, unhealthy);
    gwc_emit_statuses(w, "healthy_statuses", passive->healthy.http_statuses,
                      "200-208,226,300-308");
    gwc_emit_statuses(w, "unhealthy_statuses", unhealthy->http_statuses,
                      "429,500,503");
    gwc_end(w);
}


void
gwc_emit_health(gwc_writer_t *w, const gwc_upstream_t *upstream)
{
    const gwc_healthchecks_t *checks = &upstream->healthchecks;

    if (checks->threshold.set && checks->threshold.v > 0) {
        gwc_begin(w, "threshold");
        gwc_argf(w, "%.10g", checks->threshold.v);
        gwc_end(w);
    }

    gwc_emit_passive(w, &checks->passive, false);
}


/* warns of checks that do not run */
void
gwc_check_health(const gwc_upstream_t *upstream)
{
    const gwc_active_t *active = &upstream->healthchecks.active;

    if ((active->healthy.interval.set && active->healthy.interval.v > 0)
        || (active->unhealthy.interval.set
            && active->unhealthy.interval.v > 0))
    {
        gwc_warning(active->record.node,
                    "active health checks do not run yet: what passive "
                    "checks take out stays out");
    }
}
