/*
 * Copyright (C) the ngx_gateway authors
 *
 * What is written besides when "test" compiles: connections go to upstreams
 * of ours, and each request leaves a line about what became of it.
 */

#include "emit.h"

#include <string.h>

/*
 * The port that the client claims to come from numbers the requests of a
 * run.
 */
static const char gwc_trial_format[] =
    "gateway_trial escape=json "
    "'{\"n\":\"$proxy_protocol_port\",\"status\":\"$status\","
    "\"route\":\"$gateway_route_name\",\"service\":\"$gateway_service_name\","
    "\"consumer\":\"$gateway_consumer_username\","
    "\"custom_id\":\"$gateway_consumer_custom_id\","
    "\"source\":\"$gateway_source\"}'";


bool
gwc_trial_replaces(const gwc_output_t *output, const char *directive)
{
    static const char *const names[] = {
        "access_log",     "daemon",   "error_log",        "pid",
        "master_process", "resolver", "worker_processes", "worker_cpu_affinity"
    };
    size_t i;

    for (i = 0; output->trial != NULL && i < sizeof(names) / sizeof(names[0]);
         i++) {
        if (strcmp(directive, names[i]) == 0) {
            return true;
        }
    }

    return false;
}


bool
gwc_trial_keeps_out(const gwc_injected_t *injected)
{
    return strncmp(injected->directive, "gateway_", 8) == 0
           && strstr(injected->value, " path=") != NULL;
}


const char *
gwc_trial_address(size_t i)
{
    i++;

    return gwc_sprintf("127.64.%zu.%zu", i >> 8 & 255, i & 255);
}


void
gwc_emit_trial_http(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_trial_t *trial = output->trial;
    size_t i;

    gwc_blank(w);
    gwc_put(w, "resolver", gwc_sprintf(GWC_TRIAL_DNS ":%d", trial->port),
            "ipv6=off", NULL);
    gwc_put(w, "gateway_proxy_protocol_client", "on", NULL);

    for (i = 0; i < trial->targets.n; i++) {
        gwc_put(w, "gateway_connect_to", trial->targets.items[i],
                gwc_sprintf("%s:%d", gwc_trial_address(i), trial->port), NULL);
    }

    gwc_put(w, "gateway_connect_to", "*",
            gwc_sprintf(GWC_TRIAL_SINK ":%d", trial->port), NULL);
    gwc_raw(w, "log_format", gwc_trial_format);
    gwc_blank(w);
}


void
gwc_emit_trial_server(gwc_writer_t *w, const gwc_output_t *output)
{
    gwc_put(w, "access_log", output->trial->record, "gateway_trial", NULL);
}
