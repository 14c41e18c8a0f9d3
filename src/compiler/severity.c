/*
 * Copyright (C) the ngx_gateway authors
 *
 * The severities of the plugins that write messages of syslog.
 */

#include "severity.h"

const char *const gwc_severity_levels[] = {
    "debug", "info",  "notice", "warning", "err",
    "crit",  "alert", "emerg",  NULL,
};
