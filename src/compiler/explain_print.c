/*
 * Copyright (C) the ngx_gateway authors
 *
 * The answers of explain, for people and as JSON.
 */

#include "explain.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* columns of plugins are as wide as this, or as what stands in them */
#define GWC_EXPLAIN_NAME  24
#define GWC_EXPLAIN_SCOPE 22


static const char *
gwc_explain_name(const gwc_entity_t *entity, gwc_str_t name)
{
    gwc_text_t text = gwc_name_of(entity, name);

    return gwc_strndup(text.data, text.len);
}


static const char *
gwc_explain_place(const gwc_node_t *node)
{
    return node != NULL ? gwc_sprintf("%s:%u", node->file, node->line) : "";
}


static const char *
gwc_explain_pattern(const gateway_str_t *path)
{
    return path != NULL ? gwc_strndup(path->data, path->len) : NULL;
}


/* on one line */
static const char *
gwc_explain_expression(const gwc_route_t *route)
{
    size_t len = route->expression.v.len;
    char *text, *p;

    while (len > 0 && (unsigned char) route->expression.v.data[len - 1] <= ' ')
    {
        len--;
    }

    text = gwc_strndup(route->expression.v.data, len);

    for (p = text; *p != '\0'; p++) {
        if ((unsigned char) *p < ' ') {
            *p = ' ';
        }
    }

    return gwc_sprintf(" by expression of priority %lld: %s",
                       (long long) gwc_int_or(route->priority, 0), text);
}


/* the best candidate of each other route, and why it lost */
static size_t
gwc_explain_next(const gwc_explain_t *explain, size_t i)
{
    size_t k;

    for (; i < explain->ncandidates; i++) {
        for (k = 0; k < i; k++) {
            if (explain->candidates[k].route == explain->candidates[i].route) {
                break;
            }
        }

        if (k == i) {
            return i;
        }
    }

    return i;
}


static const char *
gwc_explain_reason(const gwc_explain_t *explain, size_t i)
{
    return gateway_router_reason(explain->router, &explain->candidates[0],
                                 &explain->candidates[i]);
}


static int
gwc_explain_max(int width, size_t len)
{
    return len > (size_t) width ? (int) len : width;
}


static void
gwc_explain_print_plugins(const gwc_explain_t *explain)
{
    int name = GWC_EXPLAIN_NAME, scope = GWC_EXPLAIN_SCOPE;
    size_t i;

    if (explain->plugins.n == 0) {
        printf("plugins   none\n");
        return;
    }

    for (i = 0; i < explain->plugins.n; i++) {
        const gwc_plugin_t *plugin = explain->plugins.items[i];

        name = gwc_explain_max(name, plugin->name.v.len);
        scope = gwc_explain_max(scope, strlen(gwc_scope_name(plugin)));
    }

    printf("plugins   in this order%s:\n",
           explain->status && !explain->after_plugins
               ? " (global ones only, and not their access part)"
               : "");

    for (i = 0; i < explain->plugins.n; i++) {
        const gwc_plugin_t *plugin = explain->plugins.items[i];

        printf("          %-*.*s %-*s %s\n", name, (int) plugin->name.v.len,
               plugin->name.v.data, scope, gwc_scope_name(plugin),
               gwc_explain_place(plugin->e.record.node));
    }
}


static void
gwc_explain_print_route(const gwc_explain_t *explain)
{
    const gwc_route_t *route = explain->route;
    const char *pattern;
    size_t i;

    if (route == NULL) {
        printf("route     none\n");
        return;
    }

    pattern = gwc_explain_pattern(explain->match.path);

    printf("route     %s (%s)%s%s\n", gwc_explain_name(&route->e, route->name),
           gwc_explain_place(route->e.record.node), pattern ? " by path " : "",
           pattern                 ? pattern
           : route->expression.set ? gwc_explain_expression(route)
                                   : "");

    for (i = gwc_explain_next(explain, 1); i < explain->ncandidates;
         i = gwc_explain_next(explain, i + 1))
    {
        const gwc_route_t *other = explain->candidates[i].route;

        printf("  before  %s (%s): %s\n",
               gwc_explain_name(&other->e, other->name),
               gwc_explain_place(other->e.record.node),
               gwc_explain_reason(explain, i));
    }

    if (route->owner != NULL) {
        printf("service   %s (%s)\n",
               gwc_explain_name(&route->owner->e, route->owner->name),
               gwc_explain_place(route->owner->e.record.node));
    }
}


/* the plugins that rewrite what goes upstream */
static gwc_vec_t
gwc_explain_rewriters(const gwc_explain_t *explain)
{
    gwc_vec_t names = { 0 };
    size_t i;

    for (i = 0; i < explain->plugins.n; i++) {
        const gwc_plugin_t *plugin = explain->plugins.items[i];

        if (plugin->rule != NULL && plugin->rule->rewrites) {
            gwc_vec_push(&names, (char *) (uintptr_t) plugin->rule->name);
        }
    }

    return names;
}


/* the plugin that answers whatever the request is, or NULL */
static const char *
gwc_explain_answerer(const gwc_explain_t *explain)
{
    size_t i;

    for (i = 0; i < explain->plugins.n; i++) {
        const gwc_plugin_t *plugin = explain->plugins.items[i];

        if (plugin->rule != NULL && plugin->rule->answers != NULL
            && plugin->rule->answers(plugin->config))
        {
            return plugin->rule->name;
        }
    }

    return NULL;
}


/* what plugins do with a request is not computed, only that they do */
static const char *
gwc_explain_limits(const gwc_explain_t *explain)
{
    const char *name = gwc_explain_answerer(explain);
    gwc_vec_t names = gwc_explain_rewriters(explain);
    gwc_buf_t buf = { 0 };
    size_t i;

    if (name != NULL) {
        return gwc_sprintf(" (not reached: %s answers)", name);
    }

    if (names.n == 0) {
        return "";
    }

    for (i = 0; i < names.n; i++) {
        gwc_buf_printf(&buf, "%s%s", i ? ", " : " (before ",
                       (const char *) names.items[i]);
    }

    gwc_buf_puts(&buf, ")");

    return buf.data;
}


void
gwc_explain_print(const gwc_explain_t *explain, const gwc_options_t *options)
{
    const gwc_service_t *service;

    gwc_explain_print_route(explain);
    gwc_explain_print_plugins(explain);

    if (explain->status) {
        printf("answer    %d%s%s%s%s%s\n", explain->status,
               explain->message[0] ? " " : "", explain->message,
               explain->location ? " Location: " : "",
               explain->location ? explain->location : "",
               explain->after_plugins ? " (after the plugins)" : "");
        return;
    }

    service = explain->route->owner;

    if (service->upstream != NULL) {
        printf("upstream  %s %s to upstream %.*s by %.*s, Host: %s%s\n",
               options->method, explain->upstream_uri,
               (int) service->host.v.len, service->host.v.data,
               (int) service->protocol.v.len, service->protocol.v.data,
               explain->upstream_host, gwc_explain_limits(explain));

    } else {
        printf("upstream  %s %.*s://%.*s:%lld%s, Host: %s%s\n",
               options->method, (int) service->protocol.v.len,
               service->protocol.v.data, (int) service->host.v.len,
               service->host.v.data, (long long) gwc_int_or(service->port, 80),
               explain->upstream_uri, explain->upstream_host,
               gwc_explain_limits(explain));
    }
}


/* names may hold any byte that YAML allows, JSON only UTF-8 */
static json_t *
gwc_explain_json_text(const char *text)
{
    json_t *json = json_string(text);

    return json != NULL ? json : json_null();
}


static json_t *
gwc_explain_json_entity(const gwc_entity_t *entity, gwc_str_t name)
{
    json_t *json = json_object();

    json_object_set_new(
        json, "name",
        name.set ? gwc_explain_json_text(gwc_strndup(name.v.data, name.v.len))
                 : json_null());
    json_object_set_new(json, "id", json_string(entity->id));
    json_object_set_new(
        json, "source",
        gwc_explain_json_text(gwc_explain_place(entity->record.node)));

    return json;
}


static json_t *
gwc_explain_json_rivals(const gwc_explain_t *explain)
{
    json_t *list = json_array();
    size_t i;

    for (i = gwc_explain_next(explain, 1); i < explain->ncandidates;
         i = gwc_explain_next(explain, i + 1))
    {
        const gwc_route_t *route = explain->candidates[i].route;
        json_t *json = gwc_explain_json_entity(&route->e, route->name);

        json_object_set_new(
            json, "lost_on",
            gwc_explain_json_text(gwc_explain_reason(explain, i)));
        json_array_append_new(list, json);
    }

    return list;
}


static json_t *
gwc_explain_json_plugins(const gwc_explain_t *explain)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < explain->plugins.n; i++) {
        const gwc_plugin_t *plugin = explain->plugins.items[i];
        json_t *json = gwc_explain_json_entity(&plugin->e, plugin->name);

        json_object_set_new(json, "scope",
                            json_string(gwc_scope_name(plugin)));
        json_object_set_new(json, "priority",
                            json_integer(plugin->rule->priority));
        json_array_append_new(list, json);
    }

    return list;
}


static json_t *
gwc_explain_json_answer(const gwc_explain_t *explain)
{
    json_t *json;

    if (explain->status == 0) {
        return json_null();
    }

    json = json_object();
    json_object_set_new(json, "status", json_integer(explain->status));
    json_object_set_new(json, "message", json_string(explain->message));
    json_object_set_new(json, "after_plugins",
                        json_boolean(explain->after_plugins));

    if (explain->location != NULL) {
        json_object_set_new(json, "location",
                            gwc_explain_json_text(explain->location));
    }

    return json;
}


static json_t *
gwc_explain_json_upstream(const gwc_explain_t *explain)
{
    const gwc_service_t *service;
    const char *name;
    gwc_vec_t names;
    json_t *json, *list;
    size_t i;

    if (explain->upstream_uri == NULL || explain->route == NULL
        || explain->route->owner == NULL)
    {
        return json_null();
    }

    service = explain->route->owner;
    json = json_object();
    json_object_set_new(json, "uri",
                        gwc_explain_json_text(explain->upstream_uri));
    json_object_set_new(
        json, "protocol",
        gwc_explain_json_text(
            gwc_strndup(service->protocol.v.data, service->protocol.v.len)));
    json_object_set_new(json, "host",
                        gwc_explain_json_text(gwc_strndup(
                            service->host.v.data, service->host.v.len)));
    json_object_set_new(json, "host_header",
                        gwc_explain_json_text(explain->upstream_host));

    if (service->upstream == NULL) {
        json_object_set_new(json, "port",
                            json_integer(gwc_int_or(service->port, 80)));
    }

    name = gwc_explain_answerer(explain);
    names = gwc_explain_rewriters(explain);

    if (name != NULL) {
        json_object_set_new(json, "answered_by", json_string(name));
    }

    if (names.n != 0) {
        list = json_array();

        for (i = 0; i < names.n; i++) {
            json_array_append_new(list, json_string(names.items[i]));
        }

        json_object_set_new(json, "before", list);
    }

    return json;
}


void
gwc_explain_print_json(const gwc_explain_t *explain)
{
    const gwc_route_t *route = explain->route;
    json_t *json = json_object();
    json_t *entity;
    char *text;

    if (route != NULL) {
        const char *pattern = gwc_explain_pattern(explain->match.path);

        entity = gwc_explain_json_entity(&route->e, route->name);
        json_object_set_new(entity, "path",
                            pattern ? gwc_explain_json_text(pattern)
                                    : json_null());

        if (route->expression.set) {
            json_object_set_new(
                entity, "expression",
                gwc_explain_json_text(gwc_strndup(route->expression.v.data,
                                                  route->expression.v.len)));
            json_object_set_new(entity, "priority",
                                json_integer(gwc_int_or(route->priority, 0)));
        }

        json_object_set_new(json, "route", entity);

    } else {
        json_object_set_new(json, "route", json_null());
    }

    json_object_set_new(json, "runners_up", gwc_explain_json_rivals(explain));

    if (route != NULL && route->owner != NULL) {
        entity = gwc_explain_json_entity(&route->owner->e, route->owner->name);

    } else {
        entity = json_null();
    }

    json_object_set_new(json, "service", entity);
    json_object_set_new(json, "plugins", gwc_explain_json_plugins(explain));
    json_object_set_new(json, "upstream", gwc_explain_json_upstream(explain));
    json_object_set_new(json, "answer", gwc_explain_json_answer(explain));

    text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);

    if (text != NULL) {
        puts(text);
    }

    free(text);
}
