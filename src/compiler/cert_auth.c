/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the plugins that know consumers by certificates have in common.
 */

#include "cert_auth.h"

#include "diag.h"

static const char *const gwc_cert_auth_bys[] = { "username", "custom_id",
                                                 NULL };

const char *const gwc_cert_auth_groups[] = { "CN", "DN", NULL };

const char *const gwc_cert_auth_modes[] = { "SKIP", "IGNORE_CA_ERROR",
                                            "STRICT", NULL };

const gwc_field_t gwc_cert_auth_by = { .type = GWC_STRING,
                                       .one_of = gwc_cert_auth_bys };

const gwc_field_t gwc_cert_auth_ca = { .type = GWC_REF,
                                       .refers = "ca_certificates" };


void
gwc_cert_auth_check(void *config)
{
    const gwc_cert_auth_t *c = config;

    if (c->http_proxy_host.set != c->http_proxy_port.set) {
        gwc_error(c->record.node, "\"http_proxy_host\" and "
                                  "\"http_proxy_port\" belong together");
    }

    if (c->https_proxy_host.set != c->https_proxy_port.set) {
        gwc_error(c->record.node, "\"https_proxy_host\" and "
                                  "\"https_proxy_port\" belong together");
    }
}


/* responders and lists have names that only certificates tell */
gwc_text_t
gwc_cert_auth_looks_up(const void *config)
{
    const gwc_cert_auth_t *c = config;

    return gwc_text_is(c->revocation_check_mode.v, "SKIP")
               ? GWC_TEXT("127.0.0.1")
               : GWC_TEXT("responder");
}
