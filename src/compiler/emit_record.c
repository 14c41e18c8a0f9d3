/*
 * Copyright (C) the ngx_gateway authors
 *
 * Entities as the log record shows them: all their fields, most of which
 * nginx has no use for.  One JSON text per entity, in pieces, since nginx
 * reads no argument above 4 KB.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "diag.h"
#include "emit.h"

/* the one workspace that there is */
#define GWC_RECORD_WORKSPACE "0dc6f45b-8f8d-40d2-a504-473544ee190b"

/* bytes; quoting may double them */
#define GWC_RECORD_PIECE 1024


static void
gwc_record_set(json_t *object, const char *name, json_t *value)
{
    if (value == NULL || json_object_set_new(object, name, value) != 0) {
        fputs("out of memory\n", stderr);
        exit(GWC_EXIT_IO); /* NOLINT(concurrency-mt-unsafe) */
    }
}


static json_t *
gwc_record_text(gwc_text_t text)
{
    return json_stringn(text.data, text.len);
}


static void
gwc_record_string(json_t *object, const char *name, gwc_str_t value)
{
    if (value.set) {
        gwc_record_set(object, name, gwc_record_text(value.v));
    }
}


static void
gwc_record_int(json_t *object, const char *name, gwc_int_t value)
{
    if (value.set) {
        gwc_record_set(object, name, json_integer(value.v));
    }
}


static void
gwc_record_bool(json_t *object, const char *name, gwc_bool_t value)
{
    if (value.set) {
        gwc_record_set(object, name, json_boolean(value.v));
    }
}


static void
gwc_record_time(json_t *object, const char *name, gwc_num_t value)
{
    if (!value.set) {
        return;
    }

    gwc_record_set(object, name,
                   value.v == floor(value.v) && fabs(value.v) < 1e15
                       ? json_integer((json_int_t) value.v)
                       : json_real(value.v));
}


static void
gwc_record_strings(json_t *object, const char *name, gwc_list_t list)
{
    json_t *array;
    size_t i;

    if (!list.set) {
        return;
    }

    array = json_array();

    for (i = 0; i < list.n; i++) {
        (void) json_array_append_new(
            array, gwc_record_text(GWC_ITEM(list, gwc_str_t, i)->v));
    }

    gwc_record_set(object, name, array);
}


/* the fields that all entities have */
static json_t *
gwc_record_entity(const gwc_entity_t *entity)
{
    json_t *object = json_object();

    gwc_record_set(object, "id", json_string(entity->id));
    gwc_record_time(object, "created_at", entity->created_at);
    gwc_record_time(object, "updated_at", entity->updated_at);
    gwc_record_strings(object, "tags", entity->tags);
    gwc_record_set(object, "ws_id", json_string(GWC_RECORD_WORKSPACE));

    return object;
}


static void
gwc_record_emit(gwc_writer_t *w, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    gwc_text_t rest;

    json_decref(object);

    if (text == NULL) {
        fputs("out of memory\n", stderr);
        exit(GWC_EXIT_IO); /* NOLINT(concurrency-mt-unsafe) */
    }

    rest = (gwc_text_t){ text, strlen(text) };

    gwc_begin(w, "gateway_record");

    while (rest.len) {
        size_t n = rest.len < GWC_RECORD_PIECE ? rest.len : GWC_RECORD_PIECE;

        gwc_arg_text(w, (gwc_text_t){ rest.data, n });

        rest.data += n;
        rest.len -= n;
    }

    gwc_end(w);
    free(text);
}


void
gwc_emit_service_record(gwc_writer_t *w, const gwc_output_t *output,
                        const gwc_service_t *service)
{
    json_t *object;

    if (!output->needs_records) {
        return;
    }

    object = gwc_record_entity(&service->e);

    gwc_record_string(object, "name", service->name);
    gwc_record_string(object, "protocol", service->protocol);
    gwc_record_string(object, "host", service->host);
    gwc_record_int(object, "port", service->port);
    gwc_record_string(object, "path", service->path);
    gwc_record_int(object, "retries", service->retries);
    gwc_record_int(object, "connect_timeout", service->connect_timeout);
    gwc_record_int(object, "write_timeout", service->write_timeout);
    gwc_record_int(object, "read_timeout", service->read_timeout);
    gwc_record_bool(object, "tls_verify", service->tls_verify);
    gwc_record_int(object, "tls_verify_depth", service->tls_verify_depth);
    gwc_record_bool(object, "enabled", service->enabled);

    gwc_record_emit(w, object);
}


void
gwc_emit_route_record(gwc_writer_t *w, const gwc_output_t *output,
                      const gwc_route_t *route)
{
    json_t *object, *headers, *service;
    size_t i;

    if (!output->needs_records) {
        return;
    }

    object = gwc_record_entity(&route->e);

    gwc_record_string(object, "name", route->name);
    gwc_record_strings(object, "protocols", route->protocols);
    gwc_record_strings(object, "methods", route->methods);
    gwc_record_strings(object, "hosts", route->hosts);
    gwc_record_strings(object, "paths", route->paths);
    gwc_record_strings(object, "snis", route->snis);

    if (route->headers.set) {
        headers = json_object();

        for (i = 0; i < route->headers.n; i++) {
            const gwc_header_t *header =
                GWC_ITEM(route->headers, gwc_header_t, i);

            gwc_record_strings(
                headers, gwc_strndup(header->key.v.data, header->key.v.len),
                header->values);
        }

        gwc_record_set(object, "headers", headers);
    }

    if (route->expression.set) {
        gwc_record_string(object, "expression", route->expression);
        gwc_record_int(object, "priority", route->priority);
    }

    gwc_record_int(object, "regex_priority", route->regex_priority);
    gwc_record_bool(object, "strip_path", route->strip_path);
    gwc_record_bool(object, "preserve_host", route->preserve_host);
    gwc_record_string(object, "path_handling", route->path_handling);
    gwc_record_int(object, "https_redirect_status_code",
                   route->https_redirect_status_code);
    gwc_record_bool(object, "request_buffering", route->request_buffering);
    gwc_record_bool(object, "response_buffering", route->response_buffering);

    if (route->owner != NULL) {
        service = json_object();
        gwc_record_set(service, "id", json_string(route->owner->e.id));
        gwc_record_set(object, "service", service);
    }

    gwc_record_emit(w, object);
}


void
gwc_emit_consumer_record(gwc_writer_t *w, const gwc_output_t *output,
                         const gwc_consumer_t *consumer)
{
    json_t *object;

    if (!output->needs_records) {
        return;
    }

    object = gwc_record_entity(&consumer->e);

    gwc_record_string(object, "username", consumer->username);
    gwc_record_string(object, "custom_id", consumer->custom_id);

    gwc_record_emit(w, object);
}


static void
gwc_record_host(gwc_output_t *output, gwc_text_t host)
{
    output->needs_resolver |= host.len != 0 && !gwc_host_is_ip(host)
                              && !gwc_text_is(host, "localhost");
}


/* what the enabled plugins need of the rest of the output */
void
gwc_emit_record_plan(gwc_output_t *output)
{
    size_t i;

    for (i = 0; i < output->model->plugins.n; i++) {
        const gwc_plugin_t *plugin = output->model->plugins.items[i];
        const gwc_plugin_rule_t *rule = plugin->rule;

        if (rule == NULL || (plugin->enabled.set && !plugin->enabled.v)) {
            continue;
        }

        output->needs_records |=
            rule->writes_records
            || (rule->shows_entities != NULL && plugin->config != NULL
                && rule->shows_entities(plugin->config));

        if (rule->looks_up != NULL && plugin->config != NULL) {
            gwc_record_host(output, rule->looks_up(plugin->config));
        }
    }

    for (i = 0; i < output->model->credentials.n; i++) {
        const gwc_credential_t *credential =
            output->model->credentials.items[i];

        if (credential->rule != NULL && credential->rule->looks_up != NULL) {
            gwc_record_host(output, credential->rule->looks_up(credential));
        }
    }
}
