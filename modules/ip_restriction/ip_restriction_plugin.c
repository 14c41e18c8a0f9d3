/*
 * Copyright (C) the ngx_gateway authors
 *
 * ip-restriction.
 */

#include "diag.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_list_t allow; /* gwc_str_t */
    gwc_list_t deny;  /* gwc_str_t */
    gwc_str_t allow_file;
    gwc_str_t deny_file;
    gwc_int_t status;
    gwc_str_t message;
} gwc_ip_restriction_t;

static void gwc_ip_restriction_check(void *data);
static void gwc_ip_restriction_check_file(const gwc_field_t *field,
                                          void *value);
static void gwc_ip_restriction_stream(gwc_writer_t *w,
                                      const gwc_plugin_t *plugin);

static const gwc_field_t gwc_ip_restriction_address = {
    .type = GWC_STRING,
    .check = gwc_check_ip_or_cidr,
};

static const gwc_field_t gwc_ip_restriction_fields[] = {
    {
        .name = "allow",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_ip_restriction_t, allow),
        .elem = &gwc_ip_restriction_address,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "deny",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_ip_restriction_t, deny),
        .elem = &gwc_ip_restriction_address,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "allow_file",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ip_restriction_t, allow_file),
        .check = gwc_ip_restriction_check_file,
    },
    {
        .name = "deny_file",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ip_restriction_t, deny_file),
        .check = gwc_ip_restriction_check_file,
    },
    {
        .name = "status",
        .type = GWC_INT,
        .offset = offsetof(gwc_ip_restriction_t, status),
        .bounded = true,
        .min = 200,
        .max = 599,
    },
    {
        .name = "message",
        .type = GWC_STRING,
        .offset = offsetof(gwc_ip_restriction_t, message),
    },
    { .name = NULL },
};

extern const gwc_plugin_rule_t gwc_rule_ip_restriction;

const gwc_plugin_rule_t gwc_rule_ip_restriction = {
    .name = "ip-restriction",
    .directive = "gateway_ip_restriction",
    .priority = 990,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_ip_restriction_fields,
    .size = sizeof(gwc_ip_restriction_t),
    .check = gwc_ip_restriction_check,
    .emit_stream = gwc_ip_restriction_stream,
};


/* an empty list counts as none */
static void
gwc_ip_restriction_check(void *data)
{
    const gwc_ip_restriction_t *config = data;

    if (config->allow.n == 0 && config->deny.n == 0 && !config->allow_file.set
        && !config->deny_file.set)
    {
        gwc_error(config->record.node,
                  "at least one of \"allow\" and \"deny\" must be set");
        gwc_fix("allow: [10.0.0.0/8]");
    }
}


/* a relative one would depend on where the compiler was started */
static void
gwc_ip_restriction_check_file(const gwc_field_t *field, void *value)
{
    const gwc_str_t *path = value;

    gwc_check_printable(field, value);

    if (path->v.len == 0 || path->v.data[0] != '/') {
        gwc_error(path->node, "\"%s\" must be an absolute path", field->name);
    }
}


static void
gwc_ip_restriction_refuse_file(const gwc_str_t *path, const char *name)
{
    if (path->set) {
        gwc_error(path->node, "\"%s\" does not work for streams", name);
    }
}


static void
gwc_ip_restriction_list(gwc_writer_t *w, const char *line, gwc_list_t list)
{
    size_t i;

    if (list.n == 0) {
        return;
    }

    gwc_begin(w, line);

    for (i = 0; i < list.n; i++) {
        gwc_arg_text(w, GWC_ITEM(list, gwc_str_t, i)->v);
    }

    gwc_end(w);
}


/* a connection is closed: it has no status and no message */
static void
gwc_ip_restriction_stream(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    const gwc_ip_restriction_t *config = plugin->config;

    gwc_ip_restriction_refuse_file(&config->allow_file, "allow_file");
    gwc_ip_restriction_refuse_file(&config->deny_file, "deny_file");
    gwc_ip_restriction_list(w, "allow", config->allow);
    gwc_ip_restriction_list(w, "deny", config->deny);
}
