/*
 * Copyright (C) the ngx_gateway authors
 *
 * The field custom_fields_by_lua of the logging plugins.
 */

#ifndef GWC_CUSTOM_FIELDS_H
#define GWC_CUSTOM_FIELDS_H

#include "rule.h"

extern const gwc_field_t gwc_custom_fields_elem;

/* member is the gwc_list_t of that name in the plugin's struct */
#define GWC_CUSTOM_FIELDS(type_, member)                                      \
    {                                                                         \
        .name = "custom_fields_by_lua", .type = GWC_MAP,                      \
        .offset = offsetof(type_, member), .size = sizeof(gwc_pair_t),        \
        .elem = &gwc_custom_fields_elem                                       \
    }

#endif
