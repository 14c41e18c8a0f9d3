/*
 * Copyright (C) the ngx_gateway authors
 *
 * acl and acls, the groups of consumers.
 */

#include "diag.h"
#include "model.h"
#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_list_t allow; /* gwc_str_t */
    gwc_list_t deny;  /* gwc_str_t */
    gwc_bool_t hide_groups_header;
    gwc_bool_t always_use_authenticated_groups;
    gwc_bool_t include_consumer_groups;
} gwc_acl_t;

typedef struct {
    gwc_credential_t credential;
    gwc_str_t group;
} gwc_acl_group_t;

static void gwc_acl_check(void *config);
static gwc_text_t gwc_acl_group_key(const void *credential);
static void gwc_acl_emit_group(gwc_writer_t *w, const void *credential);

static const gwc_field_t gwc_acl_name = { .type = GWC_STRING };

static const gwc_field_t gwc_acl_fields[] = {
    {
        .name = "allow",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_acl_t, allow),
        .elem = &gwc_acl_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "deny",
        .type = GWC_ARRAY,
        .offset = offsetof(gwc_acl_t, deny),
        .elem = &gwc_acl_name,
        .size = sizeof(gwc_str_t),
    },
    {
        .name = "hide_groups_header",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_acl_t, hide_groups_header),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "always_use_authenticated_groups",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_acl_t, always_use_authenticated_groups),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    {
        .name = "include_consumer_groups",
        .type = GWC_BOOL,
        .offset = offsetof(gwc_acl_t, include_consumer_groups),
        .flags = GWC_REQUIRED,
        .dflt = "false",
    },
    { .name = NULL },
};

static const gwc_field_t gwc_acl_group_fields[] = {
    {
        .name = "group",
        .type = GWC_STRING,
        .offset = offsetof(gwc_acl_group_t, group),
        .flags = GWC_REQUIRED,
        .check = gwc_check_printable,
    },
    { .name = NULL },
};

static const gwc_credential_rule_t gwc_acl_groups = {
    .entity = "acls",
    .fields = gwc_acl_group_fields,
    .size = sizeof(gwc_acl_group_t),
    .id_key = gwc_acl_group_key,
    .emit = gwc_acl_emit_group,
};

static const gwc_credential_rule_t *const gwc_acl_credential_rules[] = {
    &gwc_acl_groups,
    NULL,
};

extern const gwc_plugin_rule_t gwc_rule_acl;

const gwc_plugin_rule_t gwc_rule_acl = {
    .name = "acl",
    .directive = "gateway_acl",
    .priority = 950,
    .scopes = GWC_SCOPE_NO_CONSUMER,
    .fields = gwc_acl_fields,
    .size = sizeof(gwc_acl_t),
    .check = gwc_acl_check,
    .credentials = gwc_acl_credential_rules,
};


/* an empty list counts as none */
static void
gwc_acl_check(void *config)
{
    const gwc_acl_t *acl = config;

    if (acl->allow.n > 0 && acl->deny.n > 0) {
        gwc_error(acl->deny.node,
                  "only one of \"allow\" and \"deny\" may be set");
        gwc_fix("remove one of the two lists");

    } else if (acl->allow.n == 0 && acl->deny.n == 0) {
        gwc_error(acl->record.node,
                  "one of \"allow\" and \"deny\" must be set");
        gwc_fix("allow: [group]");
    }
}


/* CONSUMER:GROUP, where the consumer is the text that refers to it */
static gwc_text_t
gwc_acl_group_key(const void *credential)
{
    const gwc_acl_group_t *group = credential;
    const gwc_ref_t *consumer = &group->credential.consumer;
    gwc_buf_t key = { 0 };

    if (consumer->v.data != NULL) {
        gwc_buf_add(&key, consumer->v.data, consumer->v.len);

    } else if (consumer->target != NULL) {
        gwc_buf_puts(&key, consumer->target->id);
    }

    gwc_buf_puts(&key, ":");

    if (group->group.v.len > 0) {
        gwc_buf_add(&key, group->group.v.data, group->group.v.len);
    }

    return (gwc_text_t){ key.data, key.len };
}


static void
gwc_acl_emit_group(gwc_writer_t *w, const void *credential)
{
    const gwc_acl_group_t *group = credential;

    gwc_begin(w, "gateway_acl_group");
    gwc_arg_text(w, group->group.v);
    gwc_end(w);
}
