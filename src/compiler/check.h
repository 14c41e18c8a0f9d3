/*
 * Copyright (C) the ngx_gateway authors
 *
 * Checks of single values beyond those of rule.h.
 */

#ifndef GWC_CHECK_H
#define GWC_CHECK_H

#include "rule.h"

typedef enum {
    GWC_HOST_BAD,
    GWC_HOST_NAME,
    GWC_HOST_IPV4,
    GWC_HOST_IPV6
} gwc_host_kind_t;

typedef struct {
    gwc_host_kind_t kind;
    gwc_text_t host;  /* without brackets and port */
    int port;  /* -1: none */
} gwc_host_t;

/* "name", "name:80", "1.2.3.4", "::1", "[::1]:80" */
gwc_host_t gwc_host_parse(gwc_text_t text);

/* NULL, or why PCRE2 refuses the pattern, with the offset */
const char *gwc_regex_error(gwc_text_t pattern);
/* NULL, or what in it the router's regexes do not have */
const char *gwc_regex_dialect_error(gwc_text_t pattern);

void gwc_check_tag(const gwc_field_t *field, void *value);
void gwc_check_host_port(const gwc_field_t *field, void *value);
void gwc_check_sni(const gwc_field_t *field, void *value);
void gwc_check_wildcard_host(const gwc_field_t *field, void *value);
void gwc_check_route_host(const gwc_field_t *field, void *value);
void gwc_check_route_path(const gwc_field_t *field, void *value);
void gwc_check_method(const gwc_field_t *field, void *value);
void gwc_check_upstream_name(const gwc_field_t *field, void *value);
void gwc_check_cookie_name(const gwc_field_t *field, void *value);
void gwc_check_vault_prefix(const gwc_field_t *field, void *value);
void gwc_check_redirect_uri(const gwc_field_t *field, void *value);
void gwc_check_ip(const gwc_field_t *field, void *value);
/* of the key of a gwc_header_t list; "host" is refused when route */
void gwc_check_headers(const gwc_field_t *field, void *value);
void gwc_check_route_headers(const gwc_field_t *field, void *value);

#endif
