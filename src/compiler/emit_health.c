/*
 * Copyright (C) the ngx_gateway authors
 *
 * Health checks of upstreams.
 */

#include <string.h>
#include <unistd.h>

#include "emit_stream.h"
#include "emit_tls.h"


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


/* up to three decimals, which is what the module reads */
static const char *
gwc_health_number(double value)
{
    char *text = gwc_sprintf("%.3f", value);
    size_t len = strlen(text);

    while (text[len - 1] == '0') {
        text[--len] = '\0';
    }

    if (text[len - 1] == '.') {
        text[len - 1] = '\0';
    }

    return text;
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


/* whether the line "active" is written */
static bool
gwc_active_runs(const gwc_upstream_t *upstream, const gwc_model_t *model,
                const gwc_settings_t *settings)
{
    const gwc_active_t *active = &upstream->healthchecks.active;

    if (active->healthy.interval.v <= 0 && active->unhealthy.interval.v <= 0) {
        return false;
    }

    if (gwc_text_is(active->type.v, "tcp")) {
        return gwc_upstream_has_streams(upstream, model, settings);
    }

    return gwc_text_is(active->type.v, "http")
           || gwc_text_is(active->type.v, "https");
}


/* seconds, rounded to milliseconds; what is above 0 stays so */
static void
gwc_emit_seconds(gwc_writer_t *w, const char *name, double seconds,
                 double dflt)
{
    long long ms = (long long) (seconds * 1000 + 0.5);

    if (seconds == dflt) {
        return;
    }

    if (ms == 0 && seconds > 0) {
        ms = 1;
    }

    if (ms % 1000) {
        gwc_argf(w, "%s=%lldms", name, ms);

    } else {
        gwc_argf(w, "%s=%llds", name, ms / 1000);
    }
}


static void
gwc_emit_active_headers(gwc_writer_t *w, gwc_list_t headers)
{
    size_t i, k;

    for (i = 0; i < headers.n; i++) {
        const gwc_header_t *header = GWC_ITEM(headers, gwc_header_t, i);

        for (k = 0; k < header->values.n; k++) {
            gwc_text_t value = GWC_ITEM(header->values, gwc_str_t, k)->v;
            gwc_buf_t buf = { 0 };

            gwc_buf_printf(&buf, "%.*s: ", (int) header->key.v.len,
                           header->key.v.data);
            gwc_buf_add(&buf, value.data, value.len);
            gwc_param(w, "header", (gwc_text_t){ buf.data, buf.len });
        }
    }
}


static void
gwc_emit_active_tls(gwc_writer_t *w, gwc_output_t *output,
                    const gwc_upstream_t *upstream)
{
    const gwc_active_t *active = &upstream->healthchecks.active;
    const gwc_certificate_t *certificate =
        (const gwc_certificate_t *) (const void *)
            upstream->client_certificate.target;
    const char *cert, *key;

    if (active->https_sni.set) {
        gwc_param(w, "sni", active->https_sni.v);
    }

    if (!gwc_bool_or(active->https_verify_certificate, true)) {
        gwc_arg(w, "verify=off");

    } else {
        gwc_emit_trusted_param(w, output, "trusted_certificate",
                               active->record.node);
    }

    if (certificate != NULL) {
        gwc_emit_client_files(output, certificate, &cert, &key);
        gwc_param_generated(w, "certificate", cert);
        gwc_param_generated(w, "certificate_key", key);

    } else {
        gwc_emit_client_ssl_params(w, output);
    }
}


static void
gwc_emit_active(gwc_writer_t *w, gwc_output_t *output,
                const gwc_upstream_t *upstream)
{
    const gwc_active_t *active = &upstream->healthchecks.active;
    bool https = gwc_text_is(active->type.v, "https");

    /* the upstreams of a test run answer requests of tests only */
    if (!gwc_active_runs(upstream, output->model, output->settings)
        || output->trial != NULL)
    {
        return;
    }

    w->source = active->record.node;

    gwc_begin(w, "active");

    if (!gwc_text_is(active->type.v, "http")) {
        gwc_param(w, "type", active->type.v);
    }

    if (!gwc_text_is(active->http_path.v, "/")) {
        gwc_param(w, "path", active->http_path.v);
    }

    gwc_emit_seconds(w, "healthy_interval", active->healthy.interval.v, 0);
    gwc_emit_seconds(w, "unhealthy_interval", active->unhealthy.interval.v, 0);
    gwc_emit_seconds(w, "timeout", active->timeout.v, 1);

    if (gwc_int_or(active->concurrency, 10) != 10) {
        gwc_argf(w, "concurrency=%lld", (long long) active->concurrency.v);
    }

    gwc_emit_counters(w, &active->healthy, &active->unhealthy);
    gwc_emit_statuses(w, "healthy_statuses", active->healthy.http_statuses,
                      "200,302");
    gwc_emit_statuses(w, "unhealthy_statuses", active->unhealthy.http_statuses,
                      "404,429,500-505");
    gwc_emit_active_headers(w, active->headers);

    if (https) {
        gwc_emit_active_tls(w, output, upstream);
    }

    gwc_end(w);
}


void
gwc_emit_health(gwc_writer_t *w, gwc_output_t *output,
                const gwc_upstream_t *upstream)
{
    const gwc_healthchecks_t *checks = &upstream->healthchecks;

    if (checks->threshold.set && checks->threshold.v > 0) {
        gwc_begin(w, "threshold");
        gwc_argf(w, "%s", gwc_health_number(checks->threshold.v));
        gwc_end(w);
    }

    gwc_emit_passive(
        w, &checks->passive,
        gwc_active_runs(upstream, output->model, output->settings));
    gwc_emit_active(w, output, upstream);
}


/* warns of checks that do not run */
void
gwc_check_health(const gwc_upstream_t *upstream, const gwc_model_t *model,
                 const gwc_settings_t *settings)
{
    const gwc_active_t *active = &upstream->healthchecks.active;
    const gwc_node_t *node =
        active->type.node ? active->type.node : active->record.node;

    if ((active->healthy.interval.v <= 0 && active->unhealthy.interval.v <= 0)
        || gwc_active_runs(upstream, model, settings))
    {
        return;
    }

    if (gwc_text_is(active->type.v, "tcp")) {
        gwc_warning(node, "left out: active checks of type tcp run for "
                          "stream services only, as in Kong; no route of "
                          "streams uses this upstream");
        return;
    }

    gwc_warning(node,
                "left out: there are no active checks of type \"%.*s\", nor "
                "do they work in Kong; use http, https or passive checks",
                (int) active->type.v.len, active->type.v.data);
}
