/*
 * Copyright (C) the ngx_gateway authors
 *
 * Between explain.c, which finds out, and explain_print.c, which tells.
 */

#ifndef GWC_EXPLAIN_H
#define GWC_EXPLAIN_H

#include "command.h"
#include "gateway_router.h"

#define GWC_CANDIDATES 64

/* the request, taken apart */
typedef struct {
    const char *scheme;
    gwc_text_t authority; /* of the URL: host[:port], maybe empty */
    gwc_text_t host;      /* without port */
    int port;             /* of the URL, 0: none */
    const char *target;   /* path and query as they are sent */
    size_t path_len;      /* of target, without query */
    gwc_vec_t headers;    /* gwc_explain_header_t */

    int listen;         /* the port that is listened to */
    bool https;         /* effective protocol */
    gateway_str_t path; /* normal form */
    bool from;          /* the client is known: --from */
    gateway_address_t address;
    int from_port; /* 0: unknown */
    bool trusted;  /* what the client says of others is believed */
    gateway_router_request_t match;
} gwc_explain_request_t;

typedef struct {
    const char *folded; /* lower case, "_" for "-" */
    gateway_str_t value;
} gwc_explain_header_t;

/* what was found out */
typedef struct {
    const gwc_input_t *input;
    gwc_explain_request_t request;
    gateway_router_t *router;
    gateway_router_candidate_t candidates[GWC_CANDIDATES];
    size_t ncandidates;
    gateway_router_match_t match;
    const gwc_route_t *route;
    const gwc_consumer_t *consumer;
    int status; /* answered by the gateway itself; 0: proxied */
    const char *message;
    const char *location;
    bool after_plugins;
    const char *upstream_uri;
    const char *upstream_host;
    gwc_vec_t plugins; /* gwc_plugin_t */
} gwc_explain_t;

/* the router of the file; NULL after an error, which is in diag */
gateway_router_t *gwc_explain_router(const gwc_input_t *input);

/* a name as headers are compared: lower case, "_" for "-" */
const char *gwc_explain_fold(const char *name, size_t len);
/* the first header of that name */
bool gwc_explain_get(gwc_explain_request_t *request, const char *folded,
                     gateway_str_t *value);

/* https and the client's address, from the headers of a trusted client */
void gwc_explain_trust(gwc_explain_request_t *request,
                       const gwc_settings_t *settings);

void gwc_explain_print(const gwc_explain_t *explain,
                       const gwc_options_t *options);
void gwc_explain_print_json(const gwc_explain_t *explain);

#endif
