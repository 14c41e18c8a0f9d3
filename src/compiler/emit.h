/*
 * Copyright (C) the ngx_gateway authors
 *
 * The model as nginx configuration, in memory: prefix.c writes it.
 */

#ifndef GWC_EMIT_H
#define GWC_EMIT_H

#include "model.h"
#include "nginx.h"
#include "resolve.h"
#include "settings.h"

#define GWC_VERSION "0.1.0"

/* a file of the generation; mode 0600 when writer.secret */
typedef struct {
    const char *name;
    gwc_writer_t writer;
} gwc_file_t;

/* one keepalive pool: an nginx upstream{} */
typedef struct {
    const char *name;
    gwc_text_t key; /* what its connections have in common */
    bool keepalive;
    size_t room; /* idle connections */
} gwc_pool_t;

/*
 * One gateway_service block.  Routes of one service that need other nginx
 * settings have another one.
 */
typedef struct {
    const gwc_service_t *service;
    const char *block; /* its name */
    bool request_buffering;
    bool response_buffering;
    /* TLS: routes forward the client's Host, which names the server; host
       is the only one they match, or empty */
    bool preserve_host;
    gwc_text_t host;
    const gwc_vec_t *directives; /* gwc_directive_t, or NULL: extra.h */
    gwc_text_t directives_text;
    gwc_pool_t *pool;
    bool stream; /* in stream{}: without a pool and these */
} gwc_variant_t;

/* "test": what is compiled runs against upstreams of our own */
typedef struct {
    int port;             /* theirs, on every address of 127.0.0.0/8 */
    gwc_vec_t targets;    /* char *: "host:port"; addresses by position */
    const char *record;   /* where each request leaves a line */
    gwc_text_t authority; /* the certificate that theirs are signed with */
} gwc_trial_t;

typedef struct {
    const gwc_model_t *model;
    const gwc_settings_t *settings;
    const gwc_trial_t *trial; /* NULL: compiled to be used */
    const gwc_nginx_t *nginx;
    const gwc_scopes_t *scopes;
    const char *sources; /* names of the files, for the first comment */
    bool foreground;     /* "run" does not let nginx go to the background */

    gwc_writer_t main; /* nginx.conf */
    gwc_vec_t files;   /* gwc_file_t */
    char generation[GWC_GENERATION_LEN + 1];
    bool default_certificate; /* the prefix needs the self-signed pair */

    /* emit_plan.c */
    gwc_vec_t variants;    /* gwc_variant_t, by service, in file order */
    gwc_map_t *by_service; /* id -> gwc_vec_t of gwc_variant_t */
    gwc_vec_t pools;       /* gwc_pool_t */
    gwc_map_t *tls_files;  /* what was written -> name of the file */
    size_t bundles;
    bool has_http, has_https, has_grpc, has_grpcs;
    bool needs_resolver;
    bool needs_records;   /* some plugin shows what entities look like */
    bool streams;         /* there is a stream{} */
    bool stream_resolver; /* with names in it */
} gwc_output_t;

/* paths of the self-signed pair, relative to the prefix */
extern const char *const gwc_default_certificates[2][2];

/* fills main, files and generation; errors go to diag */
void gwc_emit(gwc_output_t *output);

/* a new file of the generation */
gwc_writer_t *gwc_emit_file(gwc_output_t *output, const char *name);

/* the instances of entity's block, or the global ones */
void gwc_emit_plugins(gwc_writer_t *w, const gwc_output_t *output,
                      const gwc_entity_t *entity);

/* emit_trial.c: what a test run has besides */
void gwc_emit_trial_http(gwc_writer_t *w, const gwc_output_t *output);
void gwc_emit_trial_server(gwc_writer_t *w, const gwc_output_t *output);
/* a directive that would lead out of the run, or decides about processes */
bool gwc_trial_replaces(const gwc_output_t *output, const char *directive);
/* a directive of ours that keeps something in files over restarts */
bool gwc_trial_keeps_out(const gwc_injected_t *injected);
/* the address of upstream i: 127.64.0.0/10 without the port */
const char *gwc_trial_address(size_t i);

/* where what is no upstream connects to, and where DNS is answered */
#define GWC_TRIAL_SINK "127.65.255.1"
#define GWC_TRIAL_DNS  "127.65.255.2"

/* the injected directives of that block; but for those of such names */
void gwc_emit_injected_unless(gwc_writer_t *w, const gwc_output_t *output,
                              gwc_context_t context,
                              const gwc_vec_t *directives);
void gwc_emit_injected(gwc_writer_t *w, const gwc_output_t *output,
                       gwc_context_t context);
/* a directive that an injected one replaces */
void gwc_emit_default(gwc_writer_t *w, const gwc_output_t *output,
                      gwc_context_t context, const char *name,
                      const char *value);

/* "gateway_x name=value ...;" from the table of the rule */
void gwc_emit_policy(gwc_writer_t *w, const gwc_plugin_t *plugin);
/* the same with what more() adds; it returns whether that is anything */
void gwc_emit_policy_more(gwc_writer_t *w, const gwc_plugin_t *plugin,
                          bool (*more)(gwc_writer_t *w, const void *config));

/* access_log and error_log as the setting of that name has them */
void gwc_emit_log(gwc_writer_t *w, const gwc_output_t *output,
                  gwc_context_t context, const char *setting);
void gwc_emit_error_log(gwc_writer_t *w, const gwc_output_t *output,
                        const char *setting);

/* emit_servers.c */
void gwc_emit_proxy_server(gwc_output_t *output);
void gwc_emit_status_server(gwc_output_t *output);
/* error pages, /status, /status/dns and what plugins show */
void gwc_emit_status_locations(gwc_writer_t *w, const gwc_output_t *output);
void gwc_emit_listens(gwc_writer_t *w, const gwc_output_t *output,
                      const gwc_vec_t *listens);
/* emit_admin.c */
void gwc_emit_admin_server(gwc_output_t *output);
/* what plain and TLS services send besides the client's headers */
void gwc_emit_proxy_headers(gwc_writer_t *w);
/* the same of services of gRPC */
void gwc_emit_grpc_headers(gwc_writer_t *w, const gwc_output_t *output);
/* headers of upstreams that nginx would leave out */
void gwc_emit_pass_headers(gwc_writer_t *w, const char *prefix);

/* emit_plan.c: decides about blocks and pools */
void gwc_emit_plan(gwc_output_t *output);
/* the block for a route of the service, made when the plan has none */
gwc_variant_t *gwc_variant_get(gwc_output_t *output, gwc_vec_t *variants,
                               const gwc_service_t *service,
                               const gwc_route_t *route);
bool gwc_host_is_ip(gwc_text_t host);
bool gwc_service_is_tls(const gwc_service_t *service);
bool gwc_service_is_grpc(const gwc_service_t *service);
/* what the service shows to upstreams: its own, its upstream's, or NULL */
gwc_certificate_t *gwc_client_certificate(const gwc_service_t *service);

/* emit_services.c */
void gwc_emit_upstreams(gwc_output_t *output);
void gwc_emit_services(gwc_writer_t *w, gwc_output_t *output);
void gwc_emit_routes(gwc_writer_t *w, gwc_output_t *output);
/* the lines "expression" and "priority", of streams too */
void gwc_emit_expression(gwc_writer_t *w, const gwc_route_t *route);
/* what is trusted when the file names no authorities; exists or not */
extern const char gwc_system_bundle[];
/* client_certificate, tls_verify and ca_certificates of the service */
void gwc_emit_service_tls(gwc_writer_t *w, gwc_output_t *output,
                          const gwc_variant_t *variant, const char *prefix);
/* writes the pair of a certificate shown to upstreams, sets their names */
void gwc_emit_client_files(gwc_output_t *output,
                           const gwc_certificate_t *certificate,
                           const char **cert, const char **key);

/* emit_dns.c */
void gwc_emit_dns(gwc_writer_t *w, const gwc_output_t *output);
/* "resolver" alone, unless it is injected there */
void gwc_emit_resolver(gwc_writer_t *w, const gwc_output_t *output,
                       gwc_context_t context);

/* emit_health.c: lines of its block, and warnings about what does not run */
void gwc_emit_health(gwc_writer_t *w, gwc_output_t *output,
                     const gwc_upstream_t *upstream);
void gwc_check_health(const gwc_upstream_t *upstream, const gwc_model_t *model,
                      const gwc_settings_t *settings);

/* emit_record.c: entities for the log record, if anything logs it */
void gwc_emit_record_plan(gwc_output_t *output);
void gwc_emit_service_record(gwc_writer_t *w, const gwc_output_t *output,
                             const gwc_service_t *service);
void gwc_emit_route_record(gwc_writer_t *w, const gwc_output_t *output,
                           const gwc_route_t *route);
void gwc_emit_consumer_record(gwc_writer_t *w, const gwc_output_t *output,
                              const gwc_consumer_t *consumer);

/* false: it exists for no request, like routes of disabled services */
bool gwc_route_is_written(const gwc_route_t *route);

/* errors, or warnings when allowed, about what does not run yet */
void gwc_check_supported(const gwc_model_t *model,
                         const gwc_settings_t *settings, bool allow);

/* a file of the generation with secret text, mode 0600 */
void gwc_emit_secret_file(gwc_output_t *output, const char *name,
                          gwc_text_t text);

#endif
