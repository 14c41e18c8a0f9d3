/*
 * Copyright (C) the ngx_gateway authors
 *
 * The severities of the plugins that write messages of syslog.
 */

#ifndef GWC_SEVERITY_H
#define GWC_SEVERITY_H

#include "rule.h"

typedef struct {
    gwc_str_t log_level;
    gwc_str_t successful;
    gwc_str_t client_errors;
    gwc_str_t server_errors;
} gwc_severity_t;

extern const char *const gwc_severity_levels[];

#define GWC_SEVERITY_FIELD(config, member, field_, name_)                     \
    {                                                                         \
        .name = name_, .type = GWC_STRING,                                    \
        .offset =                                                             \
            offsetof(config, member) + offsetof(gwc_severity_t, field_),      \
        .dflt = "\"info\"", .one_of = gwc_severity_levels                     \
    }

/* rows of the config's table for a gwc_severity_t in it */
#define GWC_SEVERITY_FIELDS(config, member)                                   \
    GWC_SEVERITY_FIELD(config, member, log_level, "log_level"),               \
        GWC_SEVERITY_FIELD(config, member, successful,                        \
                           "successful_severity"),                            \
        GWC_SEVERITY_FIELD(config, member, client_errors,                     \
                           "client_errors_severity"),                         \
        GWC_SEVERITY_FIELD(config, member, server_errors,                     \
                           "server_errors_severity")

#endif
