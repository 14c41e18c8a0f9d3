/*
 * Copyright (C) the ngx_gateway authors
 *
 * syslog.
 */

#include "custom_fields.h"
#include "severity.h"

typedef struct {
    gwc_record_t record;
    gwc_severity_t severity;
    gwc_str_t facility;
    gwc_list_t custom_fields_by_lua; /* gwc_pair_t */
} gwc_syslog_t;

static const char *const gwc_syslog_facilities[] = {
    "auth",   "authpriv", "cron",   "daemon", "ftp",    "kern",   "lpr",
    "mail",   "news",     "syslog", "user",   "uucp",   "local0", "local1",
    "local2", "local3",   "local4", "local5", "local6", "local7", NULL,
};

static const gwc_field_t gwc_syslog_fields[] = {
    GWC_SEVERITY_FIELDS(gwc_syslog_t, severity),
    {
        .name = "facility",
        .type = GWC_STRING,
        .offset = offsetof(gwc_syslog_t, facility),
        .dflt = "\"user\"",
        .one_of = gwc_syslog_facilities,
    },
    GWC_CUSTOM_FIELDS(gwc_syslog_t, custom_fields_by_lua),
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_syslog;

const gwc_plugin_rule_t gwc_rule_syslog = {
    .name = "syslog",
    .directive = "gateway_syslog",
    .priority = 4,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_syslog_fields,
    .size = sizeof(gwc_syslog_t),
    .writes_records = true,
};
