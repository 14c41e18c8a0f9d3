/*
 * Copyright (C) the ngx_gateway authors
 *
 * Reads directives from tags and from the files of --extra.
 */

#include "extra.h"

#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "resolve.h"
#include "schema.h"

static const char gwc_tag_prefix[] = "nginx:";

/* the blocks of a file of --extra */
static const struct {
    const char *name;
    gwc_context_t context;
} gwc_extra_blocks[] = {
    { "main", GWC_CONTEXT_MAIN },         { "events", GWC_CONTEXT_EVENTS },
    { "http", GWC_CONTEXT_HTTP },         { "server", GWC_CONTEXT_PROXY },
    { "location", GWC_CONTEXT_LOCATION }, { "upstream", GWC_CONTEXT_UPSTREAM },
    { "status", GWC_CONTEXT_STATUS },     { "admin", GWC_CONTEXT_ADMIN },
};

#define GWC_EXTRA_BLOCKS                                                      \
    (sizeof(gwc_extra_blocks) / sizeof(gwc_extra_blocks[0]))

/* the kinds whose entities carry directives: where things are in them */
typedef struct {
    const char *kind;
    size_t entities; /* in gwc_model_t */
    size_t name;
    size_t directives;
} gwc_extra_kind_t;

static const gwc_extra_kind_t gwc_extra_kinds[] = {
    { "services", offsetof(gwc_model_t, services),
      offsetof(gwc_service_t, name), offsetof(gwc_service_t, directives) },
    { "routes", offsetof(gwc_model_t, routes), offsetof(gwc_route_t, name),
      offsetof(gwc_route_t, directives) },
};

#define GWC_EXTRA_KINDS (sizeof(gwc_extra_kinds) / sizeof(gwc_extra_kinds[0]))

/* a tag of an entity, with the number that orders it */
typedef struct {
    const gwc_node_t *node;
    gwc_text_t text;
    unsigned long order;
    size_t position;
} gwc_extra_tag_t;

typedef struct {
    const gwc_model_t *model;
    gwc_settings_t *settings;
    bool any;
} gwc_extra_t;


static bool
gwc_extra_is_tag(gwc_text_t text)
{
    return text.len >= sizeof(gwc_tag_prefix) - 1
           && memcmp(text.data, gwc_tag_prefix, sizeof(gwc_tag_prefix) - 1)
                  == 0;
}


/* "%2C" and "%2F" stand for what no tag can hold, "%25" for "%" itself */
static gwc_text_t
gwc_extra_decode(const char *data, size_t len)
{
    gwc_buf_t buf = { 0 };
    size_t i;

    for (i = 0; i < len; i++) {
        char c = data[i];

        if (c == '%' && len - i > 2 && data[i + 1] == '2') {
            char digit = data[i + 2];

            if (digit == 'C' || digit == 'c') {
                c = ',';

            } else if (digit == 'F' || digit == 'f') {
                c = '/';
            }

            i += c != '%' || digit == '5' ? 2 : 0;
        }

        gwc_buf_add(&buf, &c, 1);
    }

    return (gwc_text_t){ buf.len ? gwc_strndup(buf.data, buf.len) : "",
                         buf.len };
}


/* "nginx:DIRECTIVE" or, where the order matters, "nginx:NUMBER:DIRECTIVE" */
static gwc_extra_tag_t *
gwc_extra_tag(const gwc_str_t *tag, size_t position)
{
    gwc_extra_tag_t *found = gwc_alloc(sizeof(gwc_extra_tag_t));
    const char *p = tag->v.data + sizeof(gwc_tag_prefix) - 1;
    const char *end = tag->v.data + tag->v.len;
    size_t digits = strspn(p, "0123456789");

    if (digits && digits < 10 && p[digits] == ':') {
        found->order = strtoul(p, NULL, 10);
        p += digits + 1;
    }

    found->node = tag->node;
    found->position = position;
    found->text = gwc_extra_decode(p, (size_t) (end - p));

    return found;
}


static int
gwc_compare_tags(const void *a, const void *b)
{
    const gwc_extra_tag_t *x = *(const gwc_extra_tag_t *const *) a;
    const gwc_extra_tag_t *y = *(const gwc_extra_tag_t *const *) b;

    if (x->order != y->order) {
        return x->order < y->order ? -1 : 1;
    }

    return x->position < y->position ? -1 : 1;
}


/* one directive, no more and no less */
static void
gwc_extra_take_one(gwc_vec_t *list, const gwc_node_t *node, gwc_text_t text)
{
    size_t n = list->n;

    if (!gwc_directives_parse(list, node, text, true)) {
        return;
    }

    if (list->n != n + 1) {
        gwc_error(node, list->n == n ? "expected a directive of nginx"
                                     : "expected one directive of nginx, "
                                       "this is more");
    }
}


static void
gwc_extra_take_tags(gwc_extra_t *extra, const gwc_entity_t *entity,
                    gwc_vec_t *list)
{
    gwc_vec_t tags = { 0 };
    size_t i;

    for (i = 0; i < entity->tags.n; i++) {
        const gwc_str_t *tag = GWC_ITEM(entity->tags, gwc_str_t, i);

        if (!gwc_extra_is_tag(tag->v)) {
            continue;
        }

        if (list == NULL) {
            gwc_warning(tag->node,
                        "has no meaning here: only services and routes "
                        "carry directives of nginx");
            continue;
        }

        gwc_vec_push(&tags, gwc_extra_tag(tag, i));
    }

    if (tags.n == 0) {
        return;
    }

    extra->any = true;
    qsort(tags.items, tags.n, sizeof(void *), gwc_compare_tags);

    for (i = 0; i < tags.n; i++) {
        const gwc_extra_tag_t *tag = tags.items[i];

        gwc_extra_take_one(list, tag->node, tag->text);
    }
}


static void
gwc_extra_take_all_tags(gwc_extra_t *extra)
{
    const gwc_model_t *model = extra->model;
    const gwc_vec_t *others[] = { &model->consumers,       &model->upstreams,
                                  &model->targets,         &model->plugins,
                                  &model->certificates,    &model->snis,
                                  &model->ca_certificates, &model->credentials,
                                  &model->others };
    size_t i, k;

    for (i = 0; i < model->services.n; i++) {
        gwc_service_t *service = model->services.items[i];

        gwc_extra_take_tags(extra, &service->e, &service->directives);
    }

    for (i = 0; i < model->routes.n; i++) {
        gwc_route_t *route = model->routes.items[i];

        gwc_extra_take_tags(extra, &route->e, &route->directives);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        for (k = 0; k < others[i]->n; k++) {
            gwc_extra_take_tags(extra, others[i]->items[k], NULL);
        }
    }
}


/* a list of directives, or a text that holds them as nginx's files do */
static void
gwc_extra_take_node(gwc_extra_t *extra, gwc_vec_t *list,
                    const gwc_node_t *node)
{
    size_t i;

    if (node->kind == GWC_NODE_NULL) {
        return;
    }

    extra->any = true;

    if (node->kind == GWC_NODE_STRING) {
        (void) gwc_directives_parse(list, node, node->text, false);
        return;
    }

    if (node->kind != GWC_NODE_SEQ) {
        gwc_error(node,
                  "expected an array of directives of nginx, or a text of "
                  "them; this is %s",
                  gwc_node_kind_name(node));
        return;
    }

    for (i = 0; i < node->n; i++) {
        const gwc_node_t *item = node->items[i];

        if (item->kind != GWC_NODE_STRING) {
            gwc_error(item, "expected a directive of nginx, this is %s",
                      gwc_node_kind_name(item));
            continue;
        }

        gwc_extra_take_one(list, item, item->text);
    }
}


/* they join the injected directives of the settings, behind those */
static void
gwc_extra_take_block(gwc_extra_t *extra, gwc_context_t context,
                     const gwc_node_t *node)
{
    gwc_vec_t list = { 0 };
    size_t i;

    gwc_extra_take_node(extra, &list, node);
    gwc_extra_check(&list, context);

    for (i = 0; i < list.n; i++) {
        const gwc_directive_t *directive = list.items[i];
        gwc_injected_t *injected = gwc_alloc(sizeof(gwc_injected_t));

        injected->context = context;
        injected->directive = directive->name;
        injected->value = directive->args;
        injected->extra = directive;
        gwc_vec_push(&extra->settings->injected, injected);
    }
}


static const gwc_str_t *
gwc_extra_name(const gwc_extra_kind_t *kind, const gwc_entity_t *entity)
{
    return (const gwc_str_t *) (const void *) ((const char *) entity
                                               + kind->name);
}


static void
gwc_extra_unknown(const gwc_extra_kind_t *kind, const gwc_vec_t *entities,
                  const gwc_node_t *key)
{
    const char **names = gwc_alloc_array(entities->n + 1, sizeof(char *));
    const char *near;
    size_t i;

    for (i = 0; i < entities->n; i++) {
        const gwc_entity_t *entity = entities->items[i];
        gwc_text_t name = gwc_name_of(entity, *gwc_extra_name(kind, entity));

        names[i] = gwc_strndup(name.data, name.len);
    }

    near = gwc_nearest(key->text, names, entities->n);

    gwc_error(key, "there is no entry %s in '%s'%s%s%s", gwc_quoted(key->text),
              kind->kind, near != NULL ? ", did you mean \"" : "",
              near != NULL ? near : "", near != NULL ? "\"?" : "");
}


static void
gwc_extra_take_entity(gwc_extra_t *extra, const gwc_extra_kind_t *kind,
                      const gwc_node_t *key, const gwc_node_t *value)
{
    const gwc_vec_t *entities =
        (const gwc_vec_t *) (const void *) ((const char *) extra->model
                                            + kind->entities);
    size_t i;

    for (i = 0; i < entities->n; i++) {
        gwc_entity_t *entity = entities->items[i];
        const gwc_str_t *name = gwc_extra_name(kind, entity);

        if ((name->set && gwc_text_equal(name->v, key->text))
            || gwc_text_is(key->text, entity->id))
        {
            gwc_extra_take_node(
                extra,
                (gwc_vec_t *) (void *) ((char *) entity + kind->directives),
                value);
            return;
        }
    }

    gwc_extra_unknown(kind, entities, key);
}


static void
gwc_extra_take_entities(gwc_extra_t *extra, const gwc_extra_kind_t *kind,
                        const gwc_node_t *node)
{
    size_t i;

    if (node->kind == GWC_NODE_NULL) {
        return;
    }

    if (node->kind != GWC_NODE_MAP) {
        gwc_error(node, "expected a map of names, this is %s",
                  gwc_node_kind_name(node));
        return;
    }

    for (i = 0; i < node->n; i++) {
        gwc_extra_take_entity(extra, kind, node->keys[i], node->items[i]);
    }
}


static void
gwc_extra_take_key(gwc_extra_t *extra, const gwc_node_t *key,
                   const gwc_node_t *value)
{
    const char *names[GWC_EXTRA_BLOCKS + GWC_EXTRA_KINDS], *near;
    size_t i, k;

    for (i = 0; i < GWC_EXTRA_BLOCKS; i++) {
        if (gwc_text_is(key->text, gwc_extra_blocks[i].name)) {
            gwc_extra_take_block(extra, gwc_extra_blocks[i].context, value);
            return;
        }

        names[i] = gwc_extra_blocks[i].name;
    }

    for (k = 0; k < GWC_EXTRA_KINDS; k++) {
        if (gwc_text_is(key->text, gwc_extra_kinds[k].kind)) {
            gwc_extra_take_entities(extra, &gwc_extra_kinds[k], value);
            return;
        }

        names[i++] = gwc_extra_kinds[k].kind;
    }

    near = gwc_nearest(key->text, names, i);

    gwc_error(key, "unknown field %s, %s%s%s", gwc_quoted(key->text),
              near != NULL ? "did you mean \"" : "expected one of: main, ",
              near != NULL ? near
                           : "events, http, server, location, upstream, "
                             "status, services, routes",
              near != NULL ? "\"?" : "");
}


static void
gwc_extra_take_file(gwc_extra_t *extra, const char *file)
{
    const gwc_node_t *root;
    const char *suffix;
    gwc_text_t bytes;
    size_t i;

    if (!gwc_file_read(file, &bytes)) {
        return;
    }

    /* whatever its name, /dev/null included */
    suffix = strrchr(file, '.');
    root = gwc_yaml_parse(file, bytes.data, bytes.len,
                          suffix != NULL && strcmp(suffix, ".json") == 0);

    if (root == NULL || root->kind == GWC_NODE_NULL) {
        return;
    }

    if (root->kind != GWC_NODE_MAP) {
        gwc_error(root, "expected a map at the top of the file, this is %s",
                  gwc_node_kind_name(root));
        return;
    }

    for (i = 0; i < root->n; i++) {
        gwc_extra_take_key(extra, root->keys[i], root->items[i]);
    }
}


/* a directive that stands nowhere would be ignored in silence */
static void
gwc_extra_check_place(const gwc_vec_t *list, const char *what)
{
    const gwc_directive_t *directive;

    if (list->n) {
        directive = list->items[0];
        gwc_error(directive->node, "%s has no place for directives of nginx",
                  what);
    }
}


static void
gwc_extra_check_all(const gwc_extra_t *extra)
{
    const gwc_model_t *model = extra->model;
    size_t i;

    for (i = 0; i < model->services.n; i++) {
        const gwc_service_t *service = model->services.items[i];

        if (!gwc_is_http_protocol(service->protocol.v)) {
            gwc_extra_check_place(&service->directives,
                                  "a service that is not HTTP");
        }

        gwc_extra_check(&service->directives, GWC_CONTEXT_LOCATION);
        gwc_extra_check_merged(&service->directives, extra->settings);
    }

    for (i = 0; i < model->routes.n; i++) {
        const gwc_route_t *route = model->routes.items[i];

        if (route->directives.n == 0) {
            continue;
        }

        if (!gwc_route_is_http(route)) {
            gwc_extra_check_place(&route->directives,
                                  "a route that is not HTTP");

        } else if (route->owner == NULL) {
            gwc_extra_check_place(&route->directives,
                                  "a route without a service");

        } else {
            gwc_extra_check_merged(gwc_extra_of(route->owner, route),
                                   extra->settings);
        }

        gwc_extra_check(&route->directives, GWC_CONTEXT_LOCATION);
    }
}


bool
gwc_extra_read(gwc_model_t *model, gwc_settings_t *settings,
               const char *const *files, size_t n)
{
    gwc_extra_t extra = { 0 };
    size_t i;

    extra.model = model;
    extra.settings = settings;

    gwc_extra_take_all_tags(&extra);

    for (i = 0; i < n; i++) {
        gwc_extra_take_file(&extra, files[i]);
    }

    gwc_extra_check_all(&extra);

    return extra.any;
}


const gwc_vec_t *
gwc_extra_of(const gwc_service_t *service, const gwc_route_t *route)
{
    gwc_vec_t *merged;
    size_t i;

    if (route == NULL || route->directives.n == 0) {
        return service->directives.n ? &service->directives : NULL;
    }

    merged = gwc_alloc(sizeof(gwc_vec_t));

    for (i = 0; i < service->directives.n; i++) {
        gwc_directive_t *directive = service->directives.items[i];

        if (!gwc_directives_have(&route->directives, directive->name)) {
            gwc_vec_push(merged, directive);
        }
    }

    for (i = 0; i < route->directives.n; i++) {
        gwc_vec_push(merged, route->directives.items[i]);
    }

    return merged;
}
