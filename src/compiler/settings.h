/*
 * Copyright (C) the ngx_gateway authors
 *
 * The settings of a gateway: kong.conf's names, from --set, then the
 * environment (NGX_GATEWAY_PROXY_LISTEN), then a file in kong.conf's syntax,
 * then the defaults.
 */

#ifndef GWC_SETTINGS_H
#define GWC_SETTINGS_H

#include "directive.h"
#include "rule.h"

/* one "address:port flag ..." of proxy_listen or status_listen */
typedef struct {
    const char *address; /* "0.0.0.0:8000", "[::]:8000" */
    int port;
    bool ssl;
    bool http2;
    bool proxy_protocol;
    bool udp;          /* of stream_listen only */
    const char *flags; /* the others, as nginx takes them; maybe empty */
} gwc_listen_t;

/* the blocks of nginx_<context>_<directive> */
typedef enum {
    GWC_CONTEXT_MAIN,
    GWC_CONTEXT_EVENTS,
    GWC_CONTEXT_HTTP,
    GWC_CONTEXT_PROXY,
    GWC_CONTEXT_LOCATION,
    GWC_CONTEXT_UPSTREAM,
    GWC_CONTEXT_STATUS,
    GWC_CONTEXT_ADMIN,
    GWC_CONTEXT_STREAM,
    GWC_CONTEXT_SPROXY,    /* its server */
    GWC_CONTEXT_SUPSTREAM, /* its upstream */
    GWC_CONTEXT_NONE
} gwc_context_t;

typedef struct {
    gwc_context_t context;
    const char *directive;
    const char *value; /* in nginx's syntax, as written */
    /* which setting it is and where that comes from; or the directive of a
       file of --extra */
    const char *setting;
    const char *origin;
    const gwc_directive_t *extra;
} gwc_injected_t;

struct gwc_settings_s {
    const char **values;  /* by position in the table */
    const char **origins; /* where each comes from; NULL: the default */
    gwc_vec_t injected;   /* gwc_injected_t, by context and directive */

    gwc_vec_t proxy_listen; /* gwc_listen_t */
    gwc_vec_t status_listen;
    gwc_vec_t admin_listen;
    gwc_vec_t stream_listen;
    gwc_vec_t trusted_ips; /* char *, also of the lists below */
    gwc_vec_t port_maps;   /* "80:8000" */
    gwc_vec_t headers;
    gwc_vec_t headers_upstream;
    gwc_vec_t plugins; /* empty: all */
    gwc_vec_t ssl_cert;
    gwc_vec_t ssl_cert_key;
    gwc_vec_t status_ssl_cert;
    gwc_vec_t status_ssl_cert_key;
    gwc_vec_t admin_ssl_cert;
    gwc_vec_t admin_ssl_cert_key;
    gwc_vec_t trusted_certificates;
    gwc_vec_t dns_resolver;     /* addresses, IPv6 ones in brackets */
    gwc_vec_t resolver_address; /* the same */
    gwc_vec_t dns_order;        /* upper case */
    gwc_vec_t resolver_family;
    gwc_vec_t tracing_instrumentations; /* "off" too */
};

/*
 * Reads all sources; sets: the "NAME=VALUE" texts of --set; file may be
 * NULL.  Errors go to diag.  Never NULL.
 */
gwc_settings_t *gwc_settings_load(const char *const *sets, size_t n,
                                  const char *file);

/* the value or its default; NULL when there is neither; name must exist */
const char *gwc_settings_get(const gwc_settings_t *settings, const char *name);
bool gwc_settings_flag(const gwc_settings_t *settings, const char *name);
long gwc_settings_number(const gwc_settings_t *settings, const char *name);

/* an error or a warning about a setting, with where its value comes from */
void gwc_settings_error(const gwc_settings_t *settings, const char *name,
                        const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void gwc_settings_warning(const gwc_settings_t *settings, const char *name,
                          const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* some source says something about it */
bool gwc_settings_given(const gwc_settings_t *settings, const char *name);
/* as if none did */
void gwc_settings_clear(gwc_settings_t *settings, const char *name);

/* as in nginx_<context>_<directive> */
const char *gwc_context_name(gwc_context_t context);

/* the injected directive, or NULL */
const char *gwc_settings_injected(const gwc_settings_t *settings,
                                  gwc_context_t context,
                                  const char *directive);

/* a port as clients see it: port_maps applied */
int gwc_settings_public_port(const gwc_settings_t *settings, int port);

#endif
