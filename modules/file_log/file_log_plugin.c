/*
 * Copyright (C) the ngx_gateway authors
 *
 * file-log.
 */

#include <string.h>

#include "custom_fields.h"
#include "diag.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t path;
    gwc_bool_t reopen;
    gwc_list_t custom_fields_by_lua; /* gwc_pair_t */
} gwc_file_log_t;


static void
gwc_file_log_check_path(const gwc_field_t *field, void *value)
{
    const gwc_str_t *path = value;
    size_t i;

    (void) field;

    for (i = 0; i < path->v.len; i++) {
        unsigned char c = (unsigned char) path->v.data[i];

        if (c < 0x20 || c == 0x7f || strchr("*&%\\`", c) != NULL) {
            gwc_error(path->node, "not a path: * & %% \\ ` and control "
                                  "characters are not allowed");
            return;
        }
    }
}


static const gwc_field_t gwc_file_log_fields[] = {
    {
        .name = "path",
        .type = GWC_STRING,
        .offset = offsetof(gwc_file_log_t, path),
        .flags = GWC_REQUIRED,
        .check = gwc_file_log_check_path,
    },
    {
        .name = "reopen",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_file_log_t, reopen),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    GWC_CUSTOM_FIELDS(gwc_file_log_t, custom_fields_by_lua),
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_file_log;

const gwc_plugin_rule_t gwc_rule_file_log = {
    .name = "file-log",
    .directive = "gateway_file_log",
    .priority = 9,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_file_log_fields,
    .size = sizeof(gwc_file_log_t),
    .writes_records = true,
};
