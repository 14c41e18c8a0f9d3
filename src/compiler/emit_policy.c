/*
 * Copyright (C) the ngx_gateway authors
 *
 * Plugin instances as directives.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "emit.h"

typedef struct {
    gwc_writer_t *w;
    bool any; /* a parameter was written */
} gwc_policy_t;

static void gwc_policy_fields(gwc_policy_t *policy, const gwc_field_t *fields,
                              const void *record, const char *prefix);


static const char *
gwc_number_text(double v)
{
    if (v == floor(v) && fabs(v) < 1e15) {
        return gwc_sprintf("%.0f", v);
    }

    return gwc_sprintf("%.15g", v);
}


/* a scalar as nginx will read it; data NULL: not set */
static gwc_text_t
gwc_scalar_text(gwc_type_t type, const void *value)
{
    const char *text = NULL;
    const gwc_ref_t *ref;

    switch (type) {

    case GWC_BOOL:
        if (((const gwc_bool_t *) value)->set) {
            text = ((const gwc_bool_t *) value)->v ? "on" : "off";
        }
        break;

    case GWC_INT:
        if (((const gwc_int_t *) value)->set) {
            text = gwc_sprintf("%lld",
                               (long long) ((const gwc_int_t *) value)->v);
        }
        break;

    case GWC_NUMBER:
        if (((const gwc_num_t *) value)->set) {
            text = gwc_number_text(((const gwc_num_t *) value)->v);
        }
        break;

    case GWC_STRING:
        if (((const gwc_str_t *) value)->set) {
            return ((const gwc_str_t *) value)->v;
        }
        break;

    case GWC_REF:
        ref = value;

        /* however it is written in the file */
        if (ref->target != NULL) {
            text = ref->target->id;

        } else if (ref->set) {
            return ref->v;
        }
        break;

    case GWC_ARRAY:
    case GWC_SET:
    case GWC_MAP:
    case GWC_RECORD:
    case GWC_ANY:
        break;
    }

    return (gwc_text_t){ text, text != NULL ? strlen(text) : 0 };
}


/* the value as the JSON text of a default would be, without spaces */
static void
gwc_scalar_json(gwc_buf_t *buf, gwc_type_t type, const void *value)
{
    gwc_text_t text = gwc_scalar_text(type, value);

    if (text.data == NULL) {
        gwc_buf_puts(buf, "null");

    } else if (type == GWC_BOOL) {
        gwc_buf_puts(buf, text.len == 2 ? "true" : "false");

    } else if (type == GWC_STRING) {
        gwc_buf_puts(buf, "\"");
        gwc_buf_add(buf, text.data, text.len);
        gwc_buf_puts(buf, "\"");

    } else {
        gwc_buf_add(buf, text.data, text.len);
    }
}


static bool
gwc_is_default(const gwc_field_t *field, const void *value)
{
    const char *d = field->dflt;
    gwc_buf_t buf = { 0 };
    size_t i;

    if (d == NULL) {
        return false;
    }

    if (field->type == GWC_ARRAY || field->type == GWC_SET) {
        const gwc_list_t *list = value;

        gwc_buf_puts(&buf, "[");

        for (i = 0; i < list->n; i++) {
            gwc_buf_puts(&buf, i ? "," : "");
            gwc_scalar_json(&buf, field->elem->type,
                            (const char *) list->items + i * list->size);
        }

        gwc_buf_puts(&buf, "]");

    } else {
        gwc_scalar_json(&buf, field->type, value);
    }

    for (i = 0; *d != '\0'; d++) {
        if (*d == ' ') {
            continue;
        }

        if (i == buf.len || buf.data[i] != *d) {
            return false;
        }

        i++;
    }

    return i == buf.len;
}


static const gwc_node_t *
gwc_value_node(const gwc_field_t *field, const void *value)
{
    const gwc_node_t *node;

    /* every typed value begins with its node */
    if (field->type == GWC_ANY) {
        return NULL;
    }

    memcpy(&node, value, sizeof(void *));

    return node;
}


static void
gwc_policy_param(gwc_policy_t *policy, const char *name, gwc_text_t value)
{
    gwc_param(policy->w, name, value);
    policy->any = true;
}


static void
gwc_policy_map(gwc_policy_t *policy, const gwc_field_t *field,
               const gwc_list_t *map, const char *name)
{
    size_t i;

    for (i = 0; i < map->n; i++) {
        const char *item = (const char *) map->items + i * map->size;
        const gwc_str_t *key = (const gwc_str_t *) (const void *) item;
        const void *value = item + field->elem->offset;
        const char *path =
            gwc_sprintf("%s.%.*s", name, (int) key->v.len, key->v.data);

        if (field->elem->type == GWC_RECORD) {
            gwc_policy_fields(policy, field->elem->fields, value,
                              gwc_sprintf("%s.", path));

        } else {
            gwc_text_t text = gwc_scalar_text(field->elem->type, value);

            if (text.data != NULL) {
                gwc_policy_param(policy, path, text);
            }
        }
    }
}


/* a record in a list: its values, joined by colons */
static gwc_text_t
gwc_record_text(const gwc_field_t *fields, const char *record)
{
    const gwc_field_t *field;
    gwc_buf_t buf = { 0 };
    gwc_text_t text;

    for (field = fields; field->name != NULL; field++) {
        text = gwc_scalar_text(field->type, record + field->offset);

        if (text.data != NULL) {
            gwc_buf_puts(&buf, buf.len != 0 ? ":" : "");
            gwc_buf_add(&buf, text.data, text.len);
        }
    }

    return (gwc_text_t){ buf.data, buf.len };
}


static void
gwc_policy_list(gwc_policy_t *policy, const gwc_field_t *field,
                const gwc_list_t *list, const char *name)
{
    gwc_text_t text;
    size_t i;

    /* "name=" is an empty list, where leaving it out means the default */
    if (list->n == 0
        && (field->dflt != NULL || (field->flags & GWC_EMIT_EMPTY))) {
        gwc_policy_param(policy, name, (gwc_text_t){ "", 0 });
    }

    for (i = 0; i < list->n; i++) {
        const char *item = (const char *) list->items + i * list->size;

        text = field->elem->type == GWC_RECORD
                   ? gwc_record_text(field->elem->fields, item)
                   : gwc_scalar_text(field->elem->type, item);

        if (text.data != NULL) {
            gwc_policy_param(policy, name, text);
        }
    }
}


static void
gwc_policy_field(gwc_policy_t *policy, const gwc_field_t *field,
                 const void *value, const char *name)
{
    gwc_text_t text;

    switch (field->type) {

    case GWC_BOOL:
    case GWC_INT:
    case GWC_NUMBER:
    case GWC_STRING:
    case GWC_REF:
        text = gwc_scalar_text(field->type, value);

        if (text.data != NULL) {
            gwc_policy_param(policy, name, text);

            if (field->flags & GWC_SECRET) {
                policy->w->secret = true;
            }
        }
        break;

    case GWC_ARRAY:
    case GWC_SET:
        gwc_policy_list(policy, field, value, name);

        if (field->flags & GWC_SECRET) {
            policy->w->secret = true;
        }
        break;

    case GWC_MAP:
        gwc_policy_map(policy, field, value, name);

        if (field->flags & GWC_SECRET) {
            policy->w->secret = true;
        }
        break;

    case GWC_RECORD:
        gwc_policy_fields(policy, field->fields, value,
                          gwc_sprintf("%s.", name));
        break;

    case GWC_ANY:
        break;
    }
}


static void
gwc_policy_fields(gwc_policy_t *policy, const gwc_field_t *fields,
                  const void *record, const char *prefix)
{
    const gwc_field_t *field;

    for (field = fields; field->name != NULL; field++) {
        const void *value = (const char *) record + field->offset;

        if (field->flags & GWC_NO_EMIT) {
            continue;
        }

        /* what the file does not give has the default */
        if (field->type != GWC_RECORD
            && (gwc_value_node(field, value) == NULL
                || gwc_is_default(field, value)))
        {
            continue;
        }

        gwc_policy_field(policy, field, value,
                         gwc_sprintf("%s%s", prefix, field->name));
    }
}


void
gwc_emit_policy(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    gwc_emit_policy_more(w, plugin, NULL);
}


void
gwc_emit_policy_more(gwc_writer_t *w, const gwc_plugin_t *plugin,
                     bool (*more)(gwc_writer_t *w, const void *config))
{
    gwc_policy_t policy = { w, false };

    gwc_begin(w, plugin->rule->directive);

    if (plugin->rule->fields != NULL && plugin->config != NULL) {
        gwc_policy_fields(&policy, plugin->rule->fields, plugin->config, "");
    }

    if (more != NULL && more(w, plugin->config)) {
        policy.any = true;
    }

    if (!policy.any) {
        gwc_arg(w, "on");
    }

    gwc_end(w);
}


/* " scope=route+service", " route=a service=b": what the block does not say */
static const char *
gwc_policy_scope(const gwc_plugin_t *plugin)
{
    gwc_writer_t args = { 0 };

    if (plugin->consumer.target == NULL
        && plugin->consumer_group.target == NULL) {
        return plugin->route.target != NULL && plugin->service.target != NULL
                   ? " scope=route+service"
                   : "";
    }

    args.name = plugin->rule->directive;
    args.source = plugin->e.record.node;

    if (plugin->route.target != NULL) {
        const gwc_route_t *route =
            (const gwc_route_t *) (const void *) plugin->route.target;

        gwc_param(&args, "route", gwc_name_of(&route->e, route->name));
    }

    if (plugin->service.target != NULL) {
        const gwc_service_t *service =
            (const gwc_service_t *) (const void *) plugin->service.target;

        gwc_param(&args, "service", gwc_name_of(&service->e, service->name));
    }

    return args.buf.len ? gwc_strndup(args.buf.data, args.buf.len) : "";
}


/* false: it is narrowed to a route or service that is not written */
static bool
gwc_policy_is_reachable(const gwc_plugin_t *plugin)
{
    const gwc_route_t *route =
        (const gwc_route_t *) (const void *) plugin->route.target;
    const gwc_service_t *service =
        (const gwc_service_t *) (const void *) plugin->service.target;

    if (route != NULL && route->owner != NULL) {
        service = service != NULL ? service : route->owner;
    }

    return (route == NULL || gwc_route_is_http(route))
           && (service == NULL
               || (gwc_bool_or(service->enabled, true)
                   && gwc_is_http_protocol(service->protocol.v)));
}


void
gwc_emit_plugins(gwc_writer_t *w, const gwc_output_t *output,
                 const gwc_entity_t *entity)
{
    const gwc_vec_t *plugins = gwc_scopes_get(output->scopes, entity);
    const gwc_node_t *source = w->source;
    size_t i;

    for (i = 0; plugins != NULL && i < plugins->n; i++) {
        const gwc_plugin_t *plugin = plugins->items[i];

        if (!gwc_policy_is_reachable(plugin)) {
            continue;
        }

        w->source = plugin->e.record.node;
        w->policy = plugin->rule->directive;
        w->policy_args = gwc_policy_scope(plugin);

        if (plugin->rule->emit != NULL) {
            plugin->rule->emit(w, plugin);

        } else {
            gwc_emit_policy(w, plugin);
        }

        w->policy = NULL;
    }

    w->source = source;
}
