/*
 * Copyright (C) the ngx_gateway authors
 *
 * syslog.
 */

#include "custom_fields.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t log_level;
    gwc_str_t successful_severity;
    gwc_str_t client_errors_severity;
    gwc_str_t server_errors_severity;
    gwc_str_t facility;
    gwc_list_t custom_fields_by_lua; /* gwc_pair_t */
} gwc_syslog_t;

static const char *const gwc_syslog_levels[] = {
    "debug", "info",  "notice", "warning", "err",
    "crit",  "alert", "emerg",  NULL,
};

static const char *const gwc_syslog_facilities[] = {
    "auth",   "authpriv", "cron",   "daemon", "ftp",    "kern",   "lpr",
    "mail",   "news",     "syslog", "user",   "uucp",   "local0", "local1",
    "local2", "local3",   "local4", "local5", "local6", "local7", NULL,
};

static const gwc_field_t gwc_syslog_fields[] = {
    {
        .name = "log_level",
        .type = GWC_STRING,
        .offset = offsetof(gwc_syslog_t, log_level),
        .dflt = "\"info\"",
        .one_of = gwc_syslog_levels,
    },
    {
        .name = "successful_severity",
        .type = GWC_STRING,
        .offset = offsetof(gwc_syslog_t, successful_severity),
        .dflt = "\"info\"",
        .one_of = gwc_syslog_levels,
    },
    {
        .name = "client_errors_severity",
        .type = GWC_STRING,
        .offset = offsetof(gwc_syslog_t, client_errors_severity),
        .dflt = "\"info\"",
        .one_of = gwc_syslog_levels,
    },
    {
        .name = "server_errors_severity",
        .type = GWC_STRING,
        .offset = offsetof(gwc_syslog_t, server_errors_severity),
        .dflt = "\"info\"",
        .one_of = gwc_syslog_levels,
    },
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
