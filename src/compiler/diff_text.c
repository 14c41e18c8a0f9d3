/*
 * Copyright (C) the ngx_gateway authors
 *
 * Short descriptions of routes and services.
 */

#include <string.h>

#include "diff.h"


static void
gwc_join(gwc_buf_t *buf, const char *before, gwc_list_t list,
         const char *between)
{
    size_t i;

    for (i = 0; i < list.n; i++) {
        gwc_text_t text = GWC_ITEM(list, gwc_str_t, i)->v;

        gwc_buf_puts(buf, i ? between : buf->len ? " " : "");
        gwc_buf_puts(buf, i ? "" : before);
        gwc_buf_add(buf, text.data, text.len);
    }
}


const char *
gwc_diff_conditions(const gwc_route_t *route)
{
    gwc_buf_t buf = { 0 };
    size_t i;

    gwc_join(&buf, "", route->methods, ",");
    gwc_join(&buf, "", route->hosts, ",");
    gwc_join(&buf, "", route->paths, ",");

    for (i = 0; i < route->headers.n; i++) {
        const gwc_header_t *header = GWC_ITEM(route->headers, gwc_header_t, i);

        gwc_join(
            &buf,
            gwc_sprintf("%.*s:", (int) header->key.v.len, header->key.v.data),
            header->values, "|");
    }

    gwc_join(&buf, "sni:", route->snis, ",");

    if (route->expression.set) {
        gwc_buf_printf(&buf, "%s%.*s", buf.len ? " " : "",
                       (int) route->expression.v.len,
                       route->expression.v.data);
    }

    return buf.len ? gwc_diff_shown(gwc_strndup(buf.data, buf.len)) : "any";
}


const char *
gwc_diff_target(const gwc_service_t *service)
{
    gwc_text_t path = service->path.set ? service->path.v : GWC_TEXT("");

    return gwc_sprintf("%.*s://%.*s:%lld%.*s", (int) service->protocol.v.len,
                       service->protocol.v.data, (int) service->host.v.len,
                       service->host.v.data,
                       (long long) gwc_int_or(service->port, 80),
                       (int) path.len, path.data);
}


const char *
gwc_diff_title(const gwc_entity_t *entity)
{
    const char *label = gwc_diff_label(entity);
    const void *whole = entity;
    const gwc_credential_t *credential = whole;
    const char *conditions;

    if (strcmp(entity->kind, "routes") == 0 && strcmp(label, entity->id) == 0)
    {
        conditions = gwc_diff_conditions(whole);

        return conditions != NULL ? gwc_sprintf("(%s)", conditions) : label;
    }

    if (gwc_kind_find((gwc_text_t){ entity->kind, strlen(entity->kind) })->rule
            != NULL
        && credential->consumer.target != NULL)
    {
        return gwc_sprintf("%s of %s", entity->kind,
                           gwc_diff_label(credential->consumer.target));
    }

    return label;
}
