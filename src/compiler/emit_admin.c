/*
 * Copyright (C) the ngx_gateway authors
 *
 * The listener for administration: its server, and the file that it answers
 * from.  A line of that file is an entity or another document, with what is
 * needed to find it, separated by tabs:
 *
 *     kind  id  key  references  tags  JSON
 *
 * The key is percent-encoded, references are "field=id,...".  The byte \1
 * stands for the time of loading.  Kinds that begin with "@" are documents.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "emit.h"
#include "emit_tls.h"
#include "entities.h"
#include "json.h"
#include "settings_private.h"
#include "vault.h"

#define GWC_ADMIN_FILE "admin.data"

typedef struct {
    const gwc_model_t *model;
    const gwc_settings_t *settings;
    bool file; /* entities as in a file: without what is added in loading */
} gwc_admin_t;

static void gwc_admin_value(gwc_buf_t *buf, const gwc_field_t *field,
                            const void *value);
static void gwc_admin_schema_field(gwc_buf_t *buf, const gwc_field_t *field);


static void
gwc_admin_key(gwc_buf_t *buf, const char *name, bool *first)
{
    gwc_buf_puts(buf, *first ? "" : ",");
    *first = false;
    gwc_json_add_string(buf, (gwc_text_t){ name, strlen(name) });
    gwc_buf_puts(buf, ":");
}


static void
gwc_admin_string(gwc_buf_t *buf, const gwc_str_t *value)
{
    /* what is a reference in the file is shown as one */
    if (value->node != NULL && gwc_vault_is_reference(value->node->text)) {
        gwc_json_add_string(buf, value->node->text);

    } else {
        gwc_json_add_string(buf, value->v);
    }
}


static void
gwc_admin_number(gwc_buf_t *buf, double value)
{
    gwc_buf_printf(buf, "%.*g", value == floor(value) ? 15 : 17, value);
}


static void
gwc_admin_items(gwc_buf_t *buf, const gwc_field_t *field,
                const gwc_list_t *list)
{
    size_t i;

    gwc_buf_puts(buf, "[");

    for (i = 0; i < list->n; i++) {
        const char *item = (const char *) list->items + i * list->size;

        gwc_buf_puts(buf, i ? "," : "");

        if (field->elem->type == GWC_REF) {
            const gwc_ref_t *ref = (const void *) item;
            const char *id = ref->target != NULL ? ref->target->id : "";

            gwc_json_add_string(buf, (gwc_text_t){ id, strlen(id) });

        } else {
            gwc_admin_value(buf, field->elem, item);
        }
    }

    gwc_buf_puts(buf, "]");
}


static void
gwc_admin_map(gwc_buf_t *buf, const gwc_field_t *field, const gwc_list_t *list)
{
    size_t i;

    gwc_buf_puts(buf, "{");

    for (i = 0; i < list->n; i++) {
        const char *item = (const char *) list->items + i * list->size;

        gwc_buf_puts(buf, i ? "," : "");
        gwc_json_add_string(buf, ((const gwc_str_t *) (const void *) item)->v);
        gwc_buf_puts(buf, ":");
        gwc_admin_value(buf, field->elem, item + field->elem->offset);
    }

    gwc_buf_puts(buf, "}");
}


static void
gwc_admin_node(gwc_buf_t *buf, const gwc_node_t *node)
{
    size_t i;

    if (node == NULL) {
        gwc_buf_puts(buf, "null");
        return;
    }

    switch (node->kind) {
    case GWC_NODE_MAP:
        gwc_buf_puts(buf, "{");

        for (i = 0; i < node->n; i++) {
            gwc_buf_puts(buf, i ? "," : "");
            gwc_json_add_string(buf, node->keys[i]->text);
            gwc_buf_puts(buf, ":");
            gwc_admin_node(buf, node->items[i]);
        }

        gwc_buf_puts(buf, "}");
        break;

    case GWC_NODE_SEQ:
        gwc_buf_puts(buf, "[");

        for (i = 0; i < node->n; i++) {
            gwc_buf_puts(buf, i ? "," : "");
            gwc_admin_node(buf, node->items[i]);
        }

        gwc_buf_puts(buf, "]");
        break;

    case GWC_NODE_NULL:
        gwc_buf_puts(buf, "null");
        break;

    case GWC_NODE_BOOL:
        gwc_buf_puts(buf, node->boolean ? "true" : "false");
        break;

    case GWC_NODE_INT:
    case GWC_NODE_FLOAT:
        gwc_admin_number(buf, node->number);
        break;

    case GWC_NODE_STRING:
        gwc_json_add_string(buf, node->text);
        break;
    }
}


/* the fields of a record, without braces */
static void
gwc_admin_fields(gwc_buf_t *buf, const gwc_field_t *field, const void *record,
                 bool *first)
{
    for (; field->name != NULL; field++) {

        /* a way to write four other fields, and members, which have
           entities of their own */
        if (strcmp(field->name, "url") == 0
            || (field->elem != NULL && field->elem->type == GWC_REF
                && strcmp(field->elem->refers, "ca_certificates") != 0))
        {
            continue;
        }

        gwc_admin_key(buf, field->name, first);
        gwc_admin_value(buf, field, (const char *) record + field->offset);
    }
}


/* unset values are null */
static void
gwc_admin_value(gwc_buf_t *buf, const gwc_field_t *field, const void *value)
{
    bool first = true;

    switch (field->type) {
    case GWC_BOOL: {
        const gwc_bool_t *b = value;

        gwc_buf_puts(buf, !b->set ? "null" : b->v ? "true" : "false");
        break;
    }

    case GWC_INT: {
        const gwc_int_t *n = value;

        if (n->set) {
            gwc_buf_printf(buf, "%lld", (long long) n->v);

        } else {
            gwc_buf_puts(buf, "null");
        }

        break;
    }

    case GWC_NUMBER: {
        const gwc_num_t *n = value;

        if (n->set) {
            gwc_admin_number(buf, n->v);

        } else {
            gwc_buf_puts(buf, "null");
        }

        break;
    }

    case GWC_STRING: {
        const gwc_str_t *text = value;

        if (text->set) {
            gwc_admin_string(buf, text);

        } else {
            gwc_buf_puts(buf, "null");
        }

        break;
    }

    case GWC_ARRAY:
    case GWC_SET:
    case GWC_MAP: {
        const gwc_list_t *list = value;

        if (!list->set || field->elem == NULL) {
            gwc_buf_puts(buf, "null");

        } else if (field->type == GWC_MAP) {
            gwc_admin_map(buf, field, list);

        } else {
            gwc_admin_items(buf, field, list);
        }

        break;
    }

    case GWC_RECORD: {
        gwc_buf_puts(buf, "{");
        gwc_admin_fields(buf, field->fields, value, &first);
        gwc_buf_puts(buf, "}");
        break;
    }

    case GWC_REF: {
        const gwc_ref_t *ref = value;

        if (ref->target != NULL) {
            gwc_buf_printf(buf, "{\"id\":\"%s\"}", ref->target->id);

        } else {
            gwc_buf_puts(buf, "null");
        }

        break;
    }

    case GWC_ANY:
        gwc_admin_node(buf, *(const gwc_node_t *const *) value);
        break;
    }
}


static void
gwc_admin_time(gwc_buf_t *buf, const gwc_admin_t *admin, const char *name,
               gwc_num_t value, bool *first)
{
    if (!value.set && admin->file) {
        return;
    }

    gwc_admin_key(buf, name, first);

    if (value.set) {
        gwc_admin_number(buf, value.v);

    } else {
        gwc_buf_puts(buf, "\1");
    }
}


/* as Kong keeps it: SHA-1 of the password and the consumer's id, in hex */
static void
gwc_admin_password(gwc_buf_t *buf, const gwc_str_t *password,
                   const gwc_credential_t *credential)
{
    const char *id = credential->consumer.target != NULL
                         ? credential->consumer.target->id
                         : "";
    unsigned char digest[EVP_MAX_MD_SIZE];
    gwc_buf_t text = { 0 };
    unsigned len, i;

    gwc_buf_add(&text, password->v.data, password->v.len);
    gwc_buf_puts(&text, id);

    if (EVP_Digest(text.data, text.len, digest, &len, EVP_sha1(), NULL) != 1) {
        fputs("out of memory\n", stderr);
        exit(GWC_EXIT_IO); /* NOLINT(concurrency-mt-unsafe) */
    }

    gwc_buf_puts(buf, "\"");

    for (i = 0; i < len; i++) {
        gwc_buf_printf(buf, "%02x", digest[i]);
    }

    gwc_buf_puts(buf, "\"");
}


static void
gwc_admin_credential(gwc_buf_t *buf, const gwc_admin_t *admin,
                     const gwc_credential_t *credential,
                     const gwc_field_t *field, bool *first)
{
    for (; field->name != NULL; field++) {
        const void *value = (const char *) credential + field->offset;

        gwc_admin_key(buf, field->name, first);

        /* with "_transform: false" it is hashed already */
        if (admin->model->transform && strcmp(field->name, "password") == 0
            && ((const gwc_str_t *) value)->set
            && strcmp(credential->e.kind, "basicauth_credentials") == 0)
        {
            gwc_admin_password(buf, value, credential);

        } else {
            gwc_admin_value(buf, field, value);
        }
    }

    gwc_admin_fields(buf, gwc_credential_fields, credential, first);
}


static void
gwc_admin_snis(gwc_buf_t *buf, const gwc_certificate_t *certificate,
               bool *first)
{
    size_t i;

    gwc_admin_key(buf, "snis", first);
    gwc_buf_puts(buf, "[");

    for (i = 0; i < certificate->snis.n; i++) {
        const gwc_sni_t *sni = certificate->snis.items[i];

        gwc_buf_puts(buf, i ? "," : "");
        gwc_json_add_string(buf, sni->name.v);
    }

    gwc_buf_puts(buf, "]");
}


static void
gwc_admin_entity(gwc_buf_t *buf, const gwc_admin_t *admin,
                 const gwc_kind_t *kind, const gwc_entity_t *entity)
{
    const gwc_plugin_t *plugin = (const void *) entity;
    bool first = true;

    gwc_buf_puts(buf, "{");
    gwc_admin_key(buf, "id", &first);
    gwc_buf_printf(buf, "\"%s\"", entity->id);
    gwc_admin_time(buf, admin, "created_at", entity->created_at, &first);

    if (kind->rule == NULL) {
        gwc_admin_time(buf, admin, "updated_at", entity->updated_at, &first);
    }

    gwc_admin_key(buf, "tags", &first);

    if (entity->tags.set) {
        size_t i;

        gwc_buf_puts(buf, "[");

        for (i = 0; i < entity->tags.n; i++) {
            gwc_buf_puts(buf, i ? "," : "");
            gwc_json_add_string(buf, GWC_ITEM(entity->tags, gwc_str_t, i)->v);
        }

        gwc_buf_puts(buf, "]");

    } else {
        gwc_buf_puts(buf, "null");
    }

    if (kind->rule != NULL) {
        gwc_admin_credential(buf, admin, (const void *) entity, kind->fields,
                             &first);

    } else {
        gwc_admin_fields(buf, kind->fields, entity, &first);
    }

    if (strcmp(kind->entity, "certificates") == 0 && !admin->file) {
        gwc_admin_snis(buf, (const void *) entity, &first);

    } else if (strcmp(kind->entity, "plugins") == 0) {
        gwc_admin_key(buf, "config", &first);

        if (plugin->rule != NULL && plugin->config != NULL) {
            bool inner = true;

            gwc_buf_puts(buf, "{");
            gwc_admin_fields(buf, plugin->rule->fields, plugin->config,
                             &inner);
            gwc_buf_puts(buf, "}");

        } else {
            gwc_admin_node(buf, gwc_node_get(entity->record.node, "config"));
        }
    }

    gwc_buf_puts(buf, "}");
}


/* any text between tabs */
static void
gwc_admin_cell(gwc_buf_t *buf, gwc_text_t text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        unsigned char ch = (unsigned char) text.data[i];

        if (ch <= ' ' || ch == '%' || ch == 0x7f) {
            gwc_buf_printf(buf, "%%%02X", ch);

        } else {
            gwc_buf_add(buf, &text.data[i], 1);
        }
    }
}


static void
gwc_admin_refs(gwc_buf_t *buf, const gwc_field_t *field, const void *record,
               bool *first)
{
    for (; field->name != NULL; field++) {
        const gwc_ref_t *ref =
            (const void *) ((const char *) record + field->offset);

        if (field->type == GWC_REF && ref->target != NULL) {
            gwc_buf_printf(buf, "%s%s=%s", *first ? "" : ",", field->name,
                           ref->target->id);
            *first = false;
        }
    }
}


static void
gwc_admin_line(gwc_buf_t *buf, const gwc_admin_t *admin,
               const gwc_kind_t *kind, const gwc_entity_t *entity)
{
    const gwc_field_t *field;
    bool first = true;
    size_t i;

    gwc_buf_printf(buf, "%s\t%s\t", kind->entity, entity->id);

    for (field = kind->fields; kind->endpoint != NULL && field->name != NULL;
         field++)
    {
        if (strcmp(field->name, kind->endpoint) == 0) {
            const gwc_str_t *key =
                (const void *) ((const char *) entity + field->offset);

            if (key->set) {
                gwc_admin_cell(buf, key->v);
            }
        }
    }

    gwc_buf_puts(buf, "\t");
    gwc_admin_refs(buf, kind->fields, entity, &first);

    if (kind->rule != NULL) {
        gwc_admin_refs(buf, gwc_credential_fields, entity, &first);
    }

    gwc_buf_puts(buf, "\t");

    for (i = 0; i < entity->tags.n; i++) {
        gwc_buf_puts(buf, i ? "," : "");
        gwc_admin_cell(buf, GWC_ITEM(entity->tags, gwc_str_t, i)->v);
    }

    gwc_buf_puts(buf, "\t");
    gwc_admin_entity(buf, admin, kind, entity);
    gwc_buf_puts(buf, "\n");
}


static int
gwc_admin_compare(const void *one, const void *two)
{
    const gwc_entity_t *const *first = one;
    const gwc_entity_t *const *second = two;

    return strcmp((*first)->id, (*second)->id);
}


/* the entities of a kind, by their ids */
static gwc_vec_t
gwc_admin_collect(const gwc_model_t *model, const gwc_kind_t *kind)
{
    const gwc_vec_t *all =
        kind->vec ? (const void *) ((const char *) model + kind->vec)
                  : &model->others;
    gwc_vec_t found = { 0 };
    size_t i;

    for (i = 0; i < all->n; i++) {
        gwc_entity_t *entity = all->items[i];

        if (strcmp(entity->kind, kind->entity) == 0) {
            gwc_vec_push(&found, entity);
        }
    }

    if (found.n > 1) {
        qsort(found.items, found.n, sizeof(found.items[0]), gwc_admin_compare);
    }

    return found;
}


/* fields as Kong's schemas describe them */

static const char *
gwc_admin_type(const gwc_field_t *field)
{
    switch (field->type) {
    case GWC_BOOL:
        return "boolean";
    case GWC_INT:
        return "integer";
    case GWC_NUMBER:
        return "number";
    case GWC_STRING:
        return "string";
    case GWC_ARRAY:
        return "array";
    case GWC_SET:
        return "set";
    case GWC_MAP:
        return "map";
    case GWC_REF:
        return "foreign";
    case GWC_RECORD:
    case GWC_ANY:
        break;
    }

    return "record";
}


static void
gwc_admin_schema_fields(gwc_buf_t *buf, const gwc_field_t *field, bool *first)
{
    for (; field->name != NULL; field++) {
        bool inner = true;

        gwc_buf_puts(buf, *first ? "{" : ",{");
        *first = false;
        gwc_admin_key(buf, field->name, &inner);
        gwc_admin_schema_field(buf, field);
        gwc_buf_puts(buf, "}");
    }
}


static void
gwc_admin_schema_field(gwc_buf_t *buf, const gwc_field_t *field)
{
    const char *const *word;
    bool first = true;

    gwc_buf_printf(buf, "{\"type\":\"%s\"", gwc_admin_type(field));

    if (field->flags & GWC_REQUIRED) {
        gwc_buf_puts(buf, ",\"required\":true");
    }

    if (field->flags & GWC_UNIQUE) {
        gwc_buf_puts(buf, ",\"unique\":true");
    }

    if (field->flags & GWC_REFERENCEABLE) {
        gwc_buf_puts(buf, ",\"referenceable\":true");
    }

    if (field->flags & GWC_SECRET) {
        gwc_buf_puts(buf, ",\"encrypted\":true");
    }

    if (field->bounded && !isinf(field->max)) {
        gwc_buf_puts(buf, ",\"between\":[");
        gwc_admin_number(buf, field->min);
        gwc_buf_puts(buf, ",");
        gwc_admin_number(buf, field->max);
        gwc_buf_puts(buf, "]");
    }

    if (field->one_of != NULL) {
        gwc_buf_puts(buf, ",\"one_of\":[");

        for (word = field->one_of; *word != NULL; word++) {
            gwc_buf_puts(buf, word == field->one_of ? "" : ",");
            gwc_json_add_string(buf, (gwc_text_t){ *word, strlen(*word) });
        }

        gwc_buf_puts(buf, "]");
    }

    if (field->dflt != NULL) {
        gwc_buf_printf(buf, ",\"default\":%s", field->dflt);
    }

    if (field->type == GWC_REF) {
        gwc_buf_printf(buf, ",\"reference\":\"%s\"", field->refers);

    } else if (field->type == GWC_MAP) {
        gwc_buf_puts(buf, ",\"keys\":{\"type\":\"string\"},\"values\":");
        gwc_admin_schema_field(buf, field->elem);

    } else if (field->elem != NULL) {
        gwc_buf_puts(buf, ",\"elements\":");
        gwc_admin_schema_field(buf, field->elem);

    } else if (field->type == GWC_RECORD) {
        gwc_buf_puts(buf, ",\"fields\":[");
        gwc_admin_schema_fields(buf, field->fields, &first);
        gwc_buf_puts(buf, "]");
    }

    gwc_buf_puts(buf, "}");
}


static void
gwc_admin_schemas(gwc_buf_t *buf)
{
    const gwc_kind_t *kinds;
    size_t i, n;

    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        bool first = true;

        gwc_buf_printf(buf, "@schemas\t\t%s\t\t\t{\"fields\":[",
                       kinds[i].entity);
        gwc_admin_schema_fields(buf, gwc_entity_fields, &first);
        gwc_admin_schema_fields(buf, kinds[i].fields, &first);

        if (kinds[i].rule != NULL) {
            gwc_admin_schema_fields(buf, gwc_credential_fields, &first);
        }

        if (strcmp(kinds[i].entity, "plugins") == 0) {
            gwc_buf_puts(buf, ",{\"config\":{\"type\":\"record\","
                              "\"required\":true,\"abstract\":true}}");
        }

        gwc_buf_puts(buf, "],\"entity_checks\":[]}\n");
    }

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        const gwc_plugin_rule_t *rule = gwc_plugin_rules[i];
        bool first = true;

        gwc_buf_printf(buf,
                       "@schemas/plugins\t\t%s\t\t\t{\"fields\":["
                       "{\"config\":{\"type\":\"record\",\"required\":true,"
                       "\"fields\":[",
                       rule->name);
        gwc_admin_schema_fields(buf, rule->fields, &first);
        gwc_buf_puts(buf, "]}}],\"entity_checks\":[]}\n");

        first = true;
        gwc_buf_printf(buf, "@plugins/schema\t\t%s\t\t\t{\"fields\":[",
                       rule->name);
        gwc_admin_schema_fields(buf, rule->fields, &first);
        gwc_buf_puts(buf, "],\"entity_checks\":[]}\n");
    }

    gwc_buf_puts(buf, "@schemas/vaults\t\tenv\t\t\t{\"fields\":[{\"config\":"
                      "{\"type\":\"record\",\"required\":true,\"fields\":["
                      "{\"prefix\":{\"type\":\"string\"}}]}}],"
                      "\"entity_checks\":[]}\n");
}


/* names of the plugins that are in use, for "/plugins/enabled" and "/" */
static void
gwc_admin_enabled(gwc_buf_t *buf, const gwc_model_t *model)
{
    size_t i, k;
    bool first = true;

    gwc_buf_puts(buf, "[");

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];

        for (k = 0; k < i; k++) {
            const gwc_plugin_t *other = model->plugins.items[k];

            if (other->name.v.len == plugin->name.v.len
                && memcmp(other->name.v.data, plugin->name.v.data,
                          plugin->name.v.len)
                       == 0)
            {
                break;
            }
        }

        if (k == i) {
            gwc_buf_puts(buf, first ? "" : ",");
            first = false;
            gwc_json_add_string(buf, plugin->name.v);
        }
    }

    gwc_buf_puts(buf, "]");
}


static bool
gwc_admin_is_secret(const char *name)
{
    return strstr(name, "cert_key") != NULL || strstr(name, "token") != NULL;
}


static void
gwc_admin_list(gwc_buf_t *buf, const char *text)
{
    bool first = true;

    gwc_buf_puts(buf, "[");

    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        size_t start = strspn(text, " \t");
        size_t end = len;

        while (end > start && (text[end - 1] == ' ' || text[end - 1] == '\t'))
        {
            end--;
        }

        if (end > start) {
            gwc_buf_puts(buf, first ? "" : ",");
            first = false;
            gwc_json_add_string(buf,
                                (gwc_text_t){ text + start, end - start });
        }

        text += len + (text[len] == ',');
    }

    gwc_buf_puts(buf, "]");
}


/* the settings, without what nobody has to know */
static void
gwc_admin_settings(gwc_buf_t *buf, const gwc_settings_t *settings)
{
    bool first = true;
    size_t i;

    gwc_buf_puts(buf, "{");

    for (i = 0; i < gwc_setting_count; i++) {
        const gwc_setting_t *setting = &gwc_setting_table[i];
        const char *value = gwc_settings_get(settings, setting->name);

        gwc_admin_key(buf, setting->name, &first);

        if (value == NULL) {
            gwc_buf_puts(buf, "null");

        } else if (gwc_admin_is_secret(setting->name)) {
            gwc_buf_puts(buf, "\"******\"");

        } else if (setting->type == GWC_SET_FLAG) {
            gwc_buf_puts(buf, strcmp(value, "on") == 0 ? "true" : "false");

        } else if (setting->type == GWC_SET_NUMBER) {
            gwc_buf_puts(buf, value);

        } else if (setting->list) {
            gwc_admin_list(buf, value);

        } else {
            gwc_json_add_string(buf, (gwc_text_t){ value, strlen(value) });
        }
    }

    gwc_buf_puts(buf, "}");
}


/* the constant part of "/" */
static void
gwc_admin_root(gwc_buf_t *buf, const gwc_admin_t *admin)
{
    size_t i;

    gwc_buf_puts(buf, "@root\t\t\t\t\t\"plugins\":{\"available_on_server\":{");

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        gwc_buf_printf(
            buf, "%s\"%s\":{\"version\":\"" GWC_VERSION "\",\"priority\":%d}",
            i ? "," : "", gwc_plugin_rules[i]->name,
            gwc_plugin_rules[i]->priority);
    }

    gwc_buf_puts(buf, "},\"enabled_in_cluster\":");
    gwc_admin_enabled(buf, admin->model);
    gwc_buf_puts(buf, "},\"configuration\":");
    gwc_admin_settings(buf, admin->settings);
    gwc_buf_puts(buf, "\n@plugins/enabled\t\t\t\t\t{\"enabled_plugins\":[");

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        gwc_buf_printf(buf, "%s\"%s\"", i ? "," : "",
                       gwc_plugin_rules[i]->name);
    }

    gwc_buf_puts(buf, "]}\n");
}


/* the file as it was understood: YAML whose entities are in flow style */
static void
gwc_admin_config(gwc_buf_t *buf, gwc_admin_t *admin)
{
    const gwc_kind_t *kinds;
    gwc_buf_t text = { 0 };
    size_t i, k, n;

    gwc_buf_puts(&text, "_format_version: '3.0'\n_transform: false\n");
    admin->file = true;
    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        gwc_vec_t found = gwc_admin_collect(admin->model, &kinds[i]);

        for (k = 0; k < found.n; k++) {
            if (k == 0) {
                gwc_buf_printf(&text, "%s:\n", kinds[i].entity);
            }

            gwc_buf_puts(&text, "- ");
            gwc_admin_entity(&text, admin, &kinds[i], found.items[k]);
            gwc_buf_puts(&text, "\n");
        }
    }

    admin->file = false;
    gwc_buf_puts(buf, "@config\t\t\t\t\t{\"config\":");
    gwc_json_add_string(buf, (gwc_text_t){ text.data, text.len });
    gwc_buf_puts(buf, "}\n");
}


static void
gwc_emit_admin_file(gwc_output_t *output)
{
    gwc_writer_t *w = gwc_emit_file(output, GWC_ADMIN_FILE);
    gwc_admin_t admin = { output->model, output->settings, false };
    const gwc_kind_t *kinds;
    size_t i, k, n;

    w->secret = true;
    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        gwc_vec_t found = gwc_admin_collect(output->model, &kinds[i]);

        for (k = 0; k < found.n; k++) {
            gwc_admin_line(&w->buf, &admin, &kinds[i], found.items[k]);
        }
    }

    gwc_admin_root(&w->buf, &admin);
    gwc_admin_config(&w->buf, &admin);
    gwc_admin_schemas(&w->buf);
}


void
gwc_emit_admin_server(gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    gwc_writer_t *w;

    if (settings->admin_listen.n == 0 || output->trial != NULL) {
        return;
    }

    gwc_emit_admin_file(output);
    w = gwc_emit_file(output, "admin.conf");

    gwc_begin(w, "server");
    gwc_open(w, NULL);
    gwc_put(w, "server_name", "gateway_admin", NULL);
    gwc_emit_listens(w, output, &settings->admin_listen);
    gwc_emit_tls(w, output, &settings->admin_listen, GWC_CONTEXT_ADMIN,
                 "admin_ssl", &settings->admin_ssl_cert,
                 &settings->admin_ssl_cert_key);
    gwc_blank(w);

    gwc_emit_log(w, output, GWC_CONTEXT_ADMIN, "admin_access_log");
    gwc_emit_error_log(w, output, "admin_error_log");
    gwc_emit_default(w, output, GWC_CONTEXT_ADMIN, "charset", "off");
    gwc_emit_injected(w, output, GWC_CONTEXT_ADMIN);
    gwc_put(w, "add_header", "Access-Control-Allow-Origin",
            "$gateway_admin_origin", "always", NULL);
    gwc_begin(w, "gateway_admin_file");
    gwc_arg_generated(w, GWC_ADMIN_FILE);
    gwc_end(w);
    gwc_blank(w);

    gwc_emit_status_locations(w, output);

    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "~");
    gwc_arg(w, "^/upstreams/[^/]+/(health|targets(/.*)?)/?$");
    gwc_open(w, NULL);
    gwc_put(w, "gateway_upstream_status", "writable", NULL);
    gwc_close(w);

    gwc_blank(w);
    gwc_begin(w, "location");
    gwc_arg(w, "/");
    gwc_open(w, NULL);
    gwc_put(w, "gateway_admin", NULL);
    gwc_close(w);
    gwc_close(w);
}
