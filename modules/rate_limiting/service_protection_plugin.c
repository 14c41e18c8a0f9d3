/*
 * Copyright (C) the ngx_gateway authors
 *
 * service-protection, as in Kong Enterprise: rate-limiting-advanced for a
 * service as a whole.
 */

#include "windows.h"

static void gwc_service_protection_check(void *data);

static const gwc_field_t gwc_service_protection_fields[] = {
    GWC_WINDOWS_LIMIT_FIELDS, GWC_WINDOWS_STORE_FIELDS,
    GWC_WINDOWS_REDIS_FIELD,  GWC_WINDOWS_UNUSED_FIELDS,
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_service_protection;

const gwc_plugin_rule_t gwc_rule_service_protection = {
    .name = "service-protection",
    .directive = "gateway_service_protection",
    .priority = 901,
    .scopes = GWC_SCOPE_GLOBAL | GWC_SCOPE_SERVICE,
    .fields = gwc_service_protection_fields,
    .size = sizeof(gwc_windows_t),
    .check = gwc_service_protection_check,
    .looks_up = gwc_windows_looks_up,
    .verifies = gwc_windows_verifies,
    .trusted = "gateway_redis_trusted_certificate",
    .emit_http = gwc_windows_emit_http,
};


static void
gwc_service_protection_check(void *data)
{
    gwc_windows_check(data);
}
