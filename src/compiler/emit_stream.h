/*
 * Copyright (C) the ngx_gateway authors
 *
 * Routes and services of streams: tcp, tls, udp and tls_passthrough.
 */

#ifndef GWC_EMIT_STREAM_H
#define GWC_EMIT_STREAM_H

#include "emit.h"

/* errors, or warnings when allowed, about what does not run, and warnings
   about what nothing will ever reach */
void gwc_check_streams(const gwc_model_t *model,
                       const gwc_settings_t *settings, bool allow);

/* some route of streams, which is not left out, leads to it */
bool gwc_upstream_has_streams(const gwc_upstream_t *upstream,
                              const gwc_model_t *model,
                              const gwc_settings_t *settings);

/* whether there will be a stream{}; sets output->streams, needs_resolver */
void gwc_plan_streams(gwc_output_t *output);

/* load_module of what it needs besides, before ours of http{} and after */
void gwc_emit_stream_modules(gwc_writer_t *w, const gwc_output_t *output,
                             bool after);
/* its file of the generation, if there is one */
void gwc_emit_stream(gwc_output_t *output);

#endif
