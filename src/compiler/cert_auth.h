/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the plugins that know consumers by certificates have in common.
 */

#ifndef GWC_CERT_AUTH_H
#define GWC_CERT_AUTH_H

#include "rule.h"

/* the head of their configs */
typedef struct {
    gwc_record_t record;
    gwc_str_t anonymous;
    gwc_list_t consumer_by;     /* gwc_str_t */
    gwc_list_t ca_certificates; /* gwc_ref_t */
    gwc_num_t cache_ttl;
    gwc_bool_t skip_consumer_lookup;
    gwc_bool_t allow_partial_chain;
    gwc_str_t authenticated_group_by;
    gwc_str_t revocation_check_mode;
    gwc_num_t http_timeout;
    gwc_num_t cert_cache_ttl;
    gwc_str_t http_proxy_host;
    gwc_int_t http_proxy_port;
    gwc_str_t https_proxy_host;
    gwc_int_t https_proxy_port;
    gwc_str_t default_consumer;
} gwc_cert_auth_t;

/* of fields: what they may be, and elements of lists */
extern const char *const gwc_cert_auth_groups[];
extern const char *const gwc_cert_auth_modes[];
extern const gwc_field_t gwc_cert_auth_by;
extern const gwc_field_t gwc_cert_auth_ca;

/* a check and a looks_up of a rule */
void gwc_cert_auth_check(void *config);
gwc_text_t gwc_cert_auth_looks_up(const void *config);

#endif
