/*
 * Copyright (C) the ngx_gateway authors
 *
 * Nodes to entities: walks the root keys and what is nested in them, reads
 * each entity by its table, then links them (refs.c).
 */

#include "model.h"
#include "entities.h"
#include "places.h"
#include "schema.h"
#include "vault.h"

#include "../gateway_router.h"

#include <openssl/evp.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* deeper nesting than any entity has; a bound for recursion */
#define GWC_NESTING_MAX 8

typedef struct {
    gwc_model_t *model;
    const gwc_model_options_t *options;
    gwc_vec_t items;  /* gwc_item_t */
    size_t *roots;    /* entities so far at the root, by kind, of all files */
    gwc_map_t *moved; /* paths that are migrated: aliases share them */
} gwc_reader_t;

/* of deck, a tool that dumps and syncs files: no part of the format */
static const char *const gwc_deck_keys[] = { "_info", "_workspace", "_konnect",
                                             NULL };

static const char *const gwc_root_keys[] = { "_format_version", "_transform",
                                             "_comment", "_ignore", NULL };

static const char *const gwc_enterprise_kinds[] = {
    "licenses",
    "rbac_roles",
    "rbac_users",
    "partials",
    "custom_plugins",
    "keyauth_enc_credentials",
    "document_objects",
    "files",
    "event_hooks",
    "developers",
    "admins",
    "degraphql_routes",
    "graphql_ratelimiting_advanced_cost_decoration",
    "consumer_group_plugins",
    NULL
};

static void gwc_read_list(gwc_reader_t *reader, const gwc_kind_t *kind,
                          const gwc_node_t *list, const gwc_item_t *parent,
                          unsigned depth);


static bool
gwc_is_word(const char *const *words, gwc_text_t text)
{
    for (; *words != NULL; words++) {
        if (gwc_text_is(text, *words)) {
            return true;
        }
    }

    return false;
}


/* names that may be nested in an entity of the kind, NULL-terminated */
static const char *const *
gwc_nested_keys(const gwc_kind_t *parent)
{
    static const char *keys[80];
    const gwc_kind_t *kinds;
    size_t i, n, k = 0;

    keys[k++] = "_comment";
    keys[k++] = "_ignore";

    if (strcmp(parent->entity, "plugins") == 0) {
        keys[k++] = "config";
    }

    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        if (gwc_kind_foreign(&kinds[i], parent->entity) != NULL) {
            keys[k++] = kinds[i].entity;
        }
    }

    keys[k] = NULL;

    return keys;
}


static const gwc_plugin_rule_t *
gwc_plugin_rule(gwc_text_t name)
{
    size_t i;

    for (i = 0; gwc_plugin_rules[i] != NULL; i++) {
        if (gwc_text_is(name, gwc_plugin_rules[i]->name)) {
            return gwc_plugin_rules[i];
        }
    }

    return NULL;
}


static void
gwc_unknown_plugin(const gwc_reader_t *reader, const gwc_plugin_t *plugin)
{
    const char *names[128], *near;
    size_t i, n;

    if (gwc_plugin_is_bundled(plugin->name.v)) {
        if (reader->options->allow_unsupported) {
            gwc_warning(plugin->name.node,
                        "plugin %s is not implemented yet and is left out",
                        gwc_quoted(plugin->name.v));

        } else {
            gwc_error(plugin->name.node, "plugin %s is not implemented yet",
                      gwc_quoted(plugin->name.v));
        }

        return;
    }

    for (n = 0; n < 64 && gwc_plugin_rules[n] != NULL; n++) {
        names[n] = gwc_plugin_rules[n]->name;
    }

    for (i = 0; n < 128 && gwc_bundled_plugins[i] != NULL; i++) {
        names[n++] = gwc_bundled_plugins[i];
    }

    near = gwc_nearest(plugin->name.v, names, n);

    if (near != NULL) {
        gwc_error(
            plugin->name.node,
            "plugin %s not enabled: there is no such plugin, did you mean \"%s\"?",
            gwc_quoted_once(plugin->name.v), near);
    } else {
        gwc_error(plugin->name.node,
                  "plugin %s not enabled: there is no such plugin",
                  gwc_quoted_once(plugin->name.v));
    }
}


static void
gwc_check_plugin_protocols(const gwc_plugin_t *plugin)
{
    size_t i;

    for (i = 0; i < plugin->protocols.n; i++) {
        const gwc_str_t *s = GWC_ITEM(plugin->protocols, gwc_str_t, i);

        if ((gwc_text_is(s->v, "tcp") || gwc_text_is(s->v, "tls")
             || gwc_text_is(s->v, "udp")
             || gwc_text_is(s->v, "tls_passthrough"))
            && !gwc_plugin_has_streams(plugin->name.v))
        {
            gwc_error(s->node,
                      "expected one of: grpc, grpcs, http, https; "
                      "this is %s",
                      gwc_quoted(s->v));
        }
    }
}


static void
gwc_read_config(const gwc_reader_t *reader, gwc_plugin_t *plugin,
                const gwc_node_t *node)
{
    gwc_schema_t schema = { .others = NULL };
    const gwc_node_t *config = gwc_node_get(node, "config");
    gwc_node_t *empty;
    size_t errors;

    if (!plugin->name.set) {
        return;
    }

    gwc_check_plugin_protocols(plugin);
    plugin->rule = gwc_plugin_rule(plugin->name.v);

    if (plugin->rule == NULL) {
        gwc_unknown_plugin(reader, plugin);
        return;
    }

    if (config != NULL && config->kind == GWC_NODE_NULL) {
        gwc_error(config, "required field missing: \"config\" is null");
        return;
    }

    if (config != NULL && config->kind != GWC_NODE_MAP
        && !(config->kind == GWC_NODE_SEQ && config->n == 0))
    {
        gwc_error(config, "expected a record (a map), this is %s",
                  gwc_node_kind_name(config));
        return;
    }

    if (config == NULL) {
        /* what is missing in it is missing in the plugin */
        empty = gwc_alloc(sizeof(gwc_node_t));
        *empty = *node;
        empty->kind = GWC_NODE_MAP;
        empty->n = 0;
        config = empty;
    }

    plugin->config = gwc_alloc(plugin->rule->size);
    schema.tables[0] = plugin->rule->fields;
    errors = gwc_error_count();

    if (gwc_schema_read(&schema, plugin->config, config)
        && gwc_error_count() == errors && plugin->rule->check != NULL)
    {
        plugin->rule->check(plugin->config);
    }
}


/* "_comment" and "_ignore", of every entity and of the root */
static void
gwc_check_ignored(const gwc_node_t *node)
{
    const gwc_node_t *value = gwc_node_get(node, "_comment");

    if (value != NULL && value->kind != GWC_NODE_STRING
        && value->kind != GWC_NODE_NULL)
    {
        gwc_error(value, "expected a string, this is %s",
                  gwc_node_kind_name(value));
    }

    value = gwc_node_get(node, "_ignore");

    if (value != NULL && value->kind != GWC_NODE_SEQ
        && value->kind != GWC_NODE_NULL)
    {
        gwc_error(value, "expected an array, this is %s",
                  gwc_node_kind_name(value));
    }
}


/* whole seconds, but of targets; credentials are never updated */
static void
gwc_check_times(const gwc_kind_t *kind, const gwc_entity_t *entity)
{
    if (strcmp(kind->entity, "targets") == 0) {
        return;
    }

    if (entity->created_at.set
        && floor(entity->created_at.v) < entity->created_at.v)
    {
        gwc_error(entity->created_at.node, "expected an integer, this is %s",
                  gwc_node_kind_name(entity->created_at.node));
    }

    if (kind->rule != NULL && entity->updated_at.node != NULL) {
        gwc_error(entity->updated_at.node, "unknown field \"updated_at\"");

    } else if (entity->updated_at.set
               && floor(entity->updated_at.v) < entity->updated_at.v)
    {
        gwc_error(entity->updated_at.node, "expected an integer, this is %s",
                  gwc_node_kind_name(entity->updated_at.node));
    }
}


/* what a filter would have denied must not pass in silence */
static void
gwc_unsupported_filters(const gwc_reader_t *reader, const gwc_node_t *node)
{
    if (reader->options->allow_unsupported) {
        gwc_warning(node, "Wasm filters are not supported and are left out");

    } else {
        gwc_error(node, "Wasm filters are not supported");
    }
}


static void
gwc_read_entity(gwc_reader_t *reader, const gwc_kind_t *kind,
                const gwc_node_t *node, const gwc_item_t *parent,
                size_t position, unsigned depth)
{
    const gwc_kind_t *child;
    const gwc_field_t *foreign;
    gwc_schema_t schema = { .enterprise = kind->enterprise };
    gwc_entity_t *entity;
    gwc_item_t *item;
    size_t i, errors;

    if (node->kind != GWC_NODE_MAP
        && !(node->kind == GWC_NODE_SEQ && node->n == 0))
    {
        gwc_error(node, "expected a record (a map), this is %s",
                  gwc_node_kind_name(node));
        return;
    }

    entity = gwc_alloc(kind->size);
    entity->kind = kind->entity;

    if (parent != NULL) {
        foreign = gwc_kind_foreign(kind, parent->kind->entity);
        ((gwc_ref_t *) (void *) ((char *) entity + foreign->offset))->target =
            parent->entity;
    }

    if (kind->rule != NULL) {
        ((gwc_credential_t *) (void *) entity)->rule = kind->rule;
    }

    schema.tables[0] = gwc_entity_fields;
    schema.tables[1] = kind->fields;
    schema.tables[2] = kind->rule != NULL ? gwc_credential_fields : NULL;
    schema.others = gwc_nested_keys(kind);

    errors = gwc_error_count();
    gwc_check_ignored(node);
    (void) gwc_schema_read(&schema, entity, node);
    gwc_check_times(kind, entity);

    if (kind->check != NULL) {
        kind->check(entity);
    }

    if (strcmp(kind->entity, "plugins") == 0) {
        gwc_read_config(reader, (gwc_plugin_t *) (void *) entity, node);

    } else if (strcmp(kind->entity, "filter_chains") == 0) {
        gwc_unsupported_filters(reader, node);
    }

    item = gwc_alloc(sizeof(gwc_item_t));
    item->kind = kind;
    item->entity = entity;
    item->parent = parent != NULL ? parent->entity : NULL;
    item->position = position;
    item->failed = errors != gwc_error_count();

    gwc_vec_push(&reader->items, item);

    if (node->kind != GWC_NODE_MAP) {
        return;
    }

    if (depth == GWC_NESTING_MAX) {
        gwc_error(node, "entities are nested too deep");
        return;
    }

    for (i = 0; i < node->n; i++) {
        if (gwc_schema_find(&schema, node->keys[i]->text) != NULL) {
            continue;
        }

        child = gwc_kind_find(node->keys[i]->text);

        if (child != NULL && gwc_kind_foreign(child, kind->entity) != NULL) {
            gwc_read_list(reader, child, node->items[i], item, depth + 1);
        }
    }
}


static void
gwc_read_list(gwc_reader_t *reader, const gwc_kind_t *kind,
              const gwc_node_t *list, const gwc_item_t *parent, unsigned depth)
{
    size_t i, n;
    const gwc_kind_t *kinds = gwc_kinds(&n);
    /* at the root, positions go on from one file to the next */
    size_t *first = parent == NULL ? &reader->roots[kind - kinds] : NULL;

    if (list->kind == GWC_NODE_NULL
        || (list->kind == GWC_NODE_MAP && list->n == 0))
    {
        return;
    }

    if (list->kind != GWC_NODE_SEQ) {
        gwc_error(list, "expected an array, this is %s",
                  gwc_node_kind_name(list));
        return;
    }

    for (i = 0; i < list->n; i++) {
        gwc_read_entity(reader, kind, list->items[i], parent,
                        first != NULL ? (*first)++ : i, depth);
    }
}


/*
 * Paths of formats 1.1 and 2.1: one of safe characters stays a prefix and is
 * normalised, any other is a regular expression whose "%xx" are decoded.
 */
static void
gwc_migrate_path(gwc_reader_t *reader, gwc_node_t *node)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789._~/%-";
    static const char reserved[] = "!#$%&'()*+,/:;=?@[]";
    /* of the regexes' own characters those that are not reserved */
    static const char special[] = "\\^.|{}-";
    gwc_buf_t buf = { 0 };
    ptrdiff_t len;
    size_t i;
    char *normal;

    gwc_text_t self;

    if (node->kind != GWC_NODE_STRING || node->text.len == 0) {
        return;
    }

    self.data = gwc_strndup((const char *) &node, sizeof(node));
    self.len = sizeof(node);

    if (gwc_map_add(reader->moved, self, node) != NULL) {
        return;
    }

    if (strspn(node->text.data, safe) == node->text.len) {
        if (node->text.data[0] != '/') {
            return;
        }

        normal = gwc_alloc(node->text.len + 1);
        len = gateway_path_normalize_lax(normal, node->text.data,
                                         node->text.len);

        if (len > 0) {
            node->text.data = normal;
            node->text.len = (size_t) len;
        }

        return;
    }

    gwc_buf_puts(&buf, "~");

    for (i = 0; i < node->text.len; i++) {
        const char *p = node->text.data + i;

        if (*p == '%' && i + 2 < node->text.len
            && strspn(p + 1, "0123456789abcdefABCDEF") >= 2)
        {
            char hex[3] = { p[1], p[2], '\0' };
            char c = (char) strtol(hex, NULL, 16);

            if (c == '\0' || strchr(reserved, c) != NULL) {
                gwc_buf_printf(&buf, "%%%02X", (unsigned char) c);

            } else {
                if (strchr(special, c) != NULL) {
                    gwc_buf_puts(&buf, "\\");
                }

                gwc_buf_add(&buf, &c, 1);
            }

            i += 2;
            continue;
        }

        gwc_buf_add(&buf, p, 1);
    }

    gwc_buf_add(&buf, "", 1);
    node->text.data = buf.data;
    node->text.len = buf.len - 1;
}


static void
gwc_migrate_routes(gwc_reader_t *reader, const gwc_node_t *routes)
{
    const gwc_node_t *paths;
    size_t i, k;

    if (routes == NULL || routes->kind != GWC_NODE_SEQ) {
        return;
    }

    for (i = 0; i < routes->n; i++) {
        if (routes->items[i]->kind != GWC_NODE_MAP) {
            continue;
        }

        paths = gwc_node_get(routes->items[i], "paths");

        for (k = 0;
             paths != NULL && paths->kind == GWC_NODE_SEQ && k < paths->n; k++)
        {
            gwc_migrate_path(reader, paths->items[k]);
        }
    }
}


static void
gwc_migrate(gwc_reader_t *reader, const gwc_node_t *root)
{
    const gwc_node_t *services;
    size_t i;

    gwc_migrate_routes(reader, gwc_node_get(root, "routes"));
    services = gwc_node_get(root, "services");

    if (services == NULL || services->kind != GWC_NODE_SEQ) {
        return;
    }

    for (i = 0; i < services->n; i++) {
        if (services->items[i]->kind == GWC_NODE_MAP) {
            gwc_migrate_routes(reader,
                               gwc_node_get(services->items[i], "routes"));
        }
    }
}


static void
gwc_read_head(gwc_reader_t *reader, const gwc_node_t *root)
{
    const gwc_node_t *version = gwc_node_get(root, "_format_version");
    const gwc_node_t *transform = gwc_node_get(root, "_transform");

    if (version == NULL || version->kind == GWC_NODE_NULL) {
        gwc_error(root, "required field missing: \"_format_version\"");
        gwc_fix("_format_version: \"3.0\"");

    } else if (version->kind != GWC_NODE_STRING) {
        gwc_error(version, "expected a string, this is %s",
                  gwc_node_kind_name(version));

        if (version->kind == GWC_NODE_FLOAT) {
            gwc_fix("put it in quotes: \"%s\"", version->text.data);
        }

    } else if (gwc_text_is(version->text, "1.1")
               || gwc_text_is(version->text, "2.1"))
    {
        gwc_migrate(reader, root);

    } else if (!gwc_text_is(version->text, "3.0")) {
        gwc_error(version, "expected one of: 1.1, 2.1, 3.0; this is %s",
                  gwc_quoted(version->text));
    }

    if (version != NULL && version->kind == GWC_NODE_STRING) {
        reader->model->format_version.node = version;
        reader->model->format_version.set = true;
        reader->model->format_version.v = version->text;
    }

    if (transform != NULL && transform->kind != GWC_NODE_NULL) {
        if (transform->kind != GWC_NODE_BOOL) {
            gwc_error(transform, "expected a boolean, this is %s",
                      gwc_node_kind_name(transform));
            return;
        }

        reader->model->transform = transform->boolean;
    }
}


static void
gwc_unknown_root(const gwc_node_t *key)
{
    const gwc_kind_t *kinds;
    const char *names[80], *near;
    size_t i, n;

    if (gwc_text_is(key->text, "_plugin_configs")) {
        gwc_error(key, "\"_plugin_configs\" is deck's own: write each "
                       "plugin's config where the plugin stands");
        return;
    }

    if (gwc_is_word(gwc_deck_keys, key->text)) {
        gwc_warning(key, "%s is left out, it concerns deck only",
                    gwc_quoted(key->text));
        return;
    }

    if (gwc_is_word(gwc_enterprise_kinds, key->text)) {
        gwc_error(key, "unknown field %s: it exists in Kong Enterprise only",
                  gwc_quoted(key->text));
        return;
    }

    if (gwc_text_is(key->text, "tests")) {
        gwc_error(key, "unknown field \"tests\": a file of tests is for "
                       "\"ngx-gateway test\"");
        return;
    }

    kinds = gwc_kinds(&n);

    for (i = 0; i < n && i < 70; i++) {
        names[i] = kinds[i].entity;
    }

    names[i++] = "_format_version";
    names[i++] = "_transform";
    names[i++] = "_comment";
    names[i++] = "_ignore";

    near = gwc_nearest(key->text, names, i);

    if (near != NULL) {
        gwc_error(key, "unknown field %s, did you mean \"%s\"?",
                  gwc_quoted(key->text), near);
    } else {
        gwc_error(key, "unknown field %s", gwc_quoted(key->text));
    }
}


static bool
gwc_is_vaults(const gwc_kind_t *kind)
{
    return strcmp(kind->entity, "vaults") == 0;
}


/* before all else: fields of any file may refer to these */
static void
gwc_read_vaults(gwc_reader_t *reader, const gwc_node_t *root)
{
    const gwc_node_t *list = gwc_node_get(root, "vaults");

    if (list != NULL) {
        gwc_read_list(reader, gwc_kind_find(GWC_TEXT("vaults")), list, NULL,
                      0);
    }
}


static void
gwc_read_root(gwc_reader_t *reader, const gwc_node_t *root)
{
    const gwc_kind_t *kinds;
    const gwc_node_t *list;
    size_t i, n;

    if (root->kind != GWC_NODE_MAP) {
        gwc_error(
            root,
            "expected an object (a map) at the top of the file, this is %s",
            gwc_node_kind_name(root));
        return;
    }

    gwc_read_head(reader, root);

    for (i = 0; i < root->n; i++) {
        if (gwc_kind_find(root->keys[i]->text) == NULL
            && !gwc_is_word(gwc_root_keys, root->keys[i]->text))
        {
            gwc_unknown_root(root->keys[i]);
        }
    }

    gwc_check_ignored(root);
    kinds = gwc_kinds(&n);

    for (i = 0; i < n; i++) {
        if (gwc_is_vaults(&kinds[i])) {
            continue;
        }

        list = gwc_node_get(root, kinds[i].entity);

        if (list != NULL) {
            gwc_read_list(reader, &kinds[i], list, NULL, 0);
        }
    }
}


static void
gwc_collect(gwc_reader_t *reader)
{
    gwc_vec_t *vec;
    size_t i;

    for (i = 0; i < reader->items.n; i++) {
        gwc_item_t *item = reader->items.items[i];

        vec = item->kind->vec != 0
                  ? (gwc_vec_t *) (void *) ((char *) reader->model
                                            + item->kind->vec)
                  : &reader->model->others;

        gwc_vec_push(vec, item->entity);
    }
}


/* MD5 of the text, as users of the status page know it; zeros when empty */
static void
gwc_hash(gwc_model_t *model, const gwc_text_t *bytes, size_t n)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0, i;
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();

    memset(model->hash, '0', 32);

    if (md5 != NULL && !model->empty
        && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1)
    {
        for (i = 0; i < n; i++) {
            (void) EVP_DigestUpdate(md5, bytes[i].data, bytes[i].len);
        }

        if (EVP_DigestFinal_ex(md5, digest, &len) == 1) {
            for (i = 0; i < 16; i++) {
                (void) snprintf(model->hash + 2 * i, 3, "%02x", digest[i]);
            }
        }
    }

    EVP_MD_CTX_free(md5);
}


gwc_model_t *
gwc_model_load(const char *const *files, size_t n,
               const gwc_model_options_t *options)
{
    gwc_reader_t reader = { 0 };
    gwc_vec_t roots = { 0 };
    gwc_text_t *bytes;
    gwc_node_t *root;
    size_t i, nkinds;

    gwc_schema_reset();
    gwc_vault_reset();
    gwc_places_reset();
    (void) gwc_kinds(&nkinds);

    reader.model = gwc_alloc(sizeof(gwc_model_t));
    reader.model->transform = true;
    reader.options = options;
    reader.roots = gwc_alloc_array(nkinds, sizeof(size_t));
    reader.moved = gwc_map_create();
    bytes = gwc_alloc_array(n, sizeof(gwc_text_t));

    for (i = 0; i < n; i++) {
        root = gwc_file_read(files[i], &bytes[i])
                   ? gwc_yaml_parse_file(files[i], bytes[i])
                   : NULL;

        if (root != NULL) {
            gwc_places_add(root->file, bytes[i]);
            gwc_vec_push(&roots, root);
        }
    }

    if (roots.n < n) {
        return NULL;
    }

    gwc_checks_reset(options->router_flavor);

    for (i = 0; i < roots.n; i++) {
        gwc_read_vaults(&reader, roots.items[i]);
    }

    for (i = 0; i < roots.n; i++) {
        gwc_read_root(&reader, roots.items[i]);
    }

    gwc_checks_reset(options->router_flavor);
    gwc_collect(&reader);
    gwc_refs_resolve(reader.model, &reader.items);

    if (gwc_error_count() > 0) {
        return NULL;
    }

    reader.model->empty = reader.items.n == 0;
    gwc_hash(reader.model, bytes, n);

    return reader.model;
}
