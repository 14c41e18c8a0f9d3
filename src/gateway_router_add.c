
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Takes the routes: checks and prepares their conditions, splits them into
 * parts and gives each part its priority.
 */


#include "gateway_router_private.h"
#include "gateway_uuid.h"

#include <stdio.h>
#include <string.h>


/* fields of the priority, router.md 4 */
#define GATEWAY_ROUTER_PLAIN_HOSTS   ((uint64_t) 1 << 60)
#define GATEWAY_ROUTER_REGEX_PATH    ((uint64_t) 1 << 51)
#define GATEWAY_ROUTER_MAX_HEADERS   255
#define GATEWAY_ROUTER_MAX_LENGTH    0x7ffffu


/* split parts have ids derived in this namespace */
static const uint8_t  gateway_router_namespace[16] = {
    0x7f, 0x14, 0x5b, 0xf9, 0x0d, 0xce, 0x4f, 0x91,
    0x98, 0xeb, 0xde, 0xbb, 0xce, 0x4b, 0x9f, 0x6b
};


static int gateway_router_add_route(gateway_router_t *router,
    const gateway_router_route_t *route, char *err, size_t errlen);
static int gateway_router_add_methods(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part);
static int gateway_router_add_hosts(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_draft_part_t *model,
    char *err, size_t errlen);
static int gateway_router_add_headers(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part,
    char *err, size_t errlen);
static int gateway_router_add_value(gateway_router_t *router,
    gateway_router_value_t *value, const gateway_str_t *text, int single,
    char *err, size_t errlen);
static int gateway_router_add_snis(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part);
static int gateway_router_add_parts(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_draft_part_t *model,
    char *err, size_t errlen);
static int gateway_router_add_part(gateway_router_t *router,
    const gateway_router_route_t *route,
    const gateway_router_draft_part_t *model, size_t first, size_t number,
    char *err, size_t errlen);
static int gateway_router_add_item(gateway_router_t *router,
    const gateway_str_t *path, char *err, size_t errlen);
static pcre2_code *gateway_router_add_regex(gateway_router_t *router,
    const gateway_str_t *path, char *err, size_t errlen);
static size_t gateway_router_group(const gateway_str_t *path);
static uint64_t gateway_router_key(const gateway_router_t *router,
    const gateway_router_part_t *part);


gateway_router_t *
gateway_router_create(const gateway_router_options_t *options)
{
    gateway_router_t  *router;

    router = options->alloc(options->data, sizeof(gateway_router_t));
    if (router == NULL) {
        return NULL;
    }

    memset(router, 0, sizeof(gateway_router_t));

    router->options = *options;
    router->any = GATEWAY_ROUTER_NONE;
    router->suffixes = GATEWAY_ROUTER_NONE;
    router->prefixes = GATEWAY_ROUTER_NONE;

    if (options->flavor == GATEWAY_ROUTER_TRADITIONAL
        && gateway_router_traditional_create(router) == -1)
    {
        return NULL;
    }

    router->draft = gateway_router_heap(1, sizeof(gateway_router_draft_t));
    if (router->draft == NULL) {
        return NULL;
    }

    return router;
}


int
gateway_router_add(gateway_router_t *router,
    const gateway_router_route_t *route, char *err, size_t errlen)
{
    size_t                   parts, items, hosts;
    gateway_router_draft_t  *draft;

    draft = router->draft;

    if (errlen > 0) {
        err[0] = '\0';
    }

    if (draft == NULL) {
        (void) snprintf(err, errlen, "the router is already built");
        return -1;
    }

    parts = draft->parts.n;
    items = draft->items.n;
    hosts = draft->hosts.n;

    if (gateway_router_add_route(router, route, err, errlen) == 0) {
        return 0;
    }

    /* as if it had never been, so that a tool can report all the others */

    draft->parts.n = parts;
    draft->items.n = items;
    draft->hosts.n = hosts;

    if (errlen > 0 && err[0] == '\0') {
        (void) snprintf(err, errlen, "out of memory");
    }

    return -1;
}


static int
gateway_router_add_route(gateway_router_t *router,
    const gateway_router_route_t *route, char *err, size_t errlen)
{
    gateway_router_part_t        *part;
    gateway_router_draft_part_t   model;

    if (route->expression.len > 0) {
        return gateway_router_add_expression(router, route, err, errlen);
    }

    memset(&model, 0, sizeof(gateway_router_draft_part_t));

    part = &model.part;

    part->data = route->data;
    part->header_names = (uint32_t) route->nheaders;

    if (route->nhosts > 0) {
        part->attributes |= GATEWAY_ROUTER_HOST;
    }

    if (route->nheaders > 0) {
        part->attributes |= GATEWAY_ROUTER_HEADER;
    }

    if (route->npaths > 0) {
        part->attributes |= GATEWAY_ROUTER_PATH;
    }

    if (route->nmethods > 0) {
        part->attributes |= GATEWAY_ROUTER_METHOD;
    }

    if (route->nsnis > 0) {
        part->attributes |= GATEWAY_ROUTER_SNI;
    }

    if (route->nsources > 0) {
        part->attributes |= GATEWAY_ROUTER_SOURCE;
    }

    if (route->ndestinations > 0) {
        part->attributes |= GATEWAY_ROUTER_DESTINATION;
    }

    model.host = router->draft->hosts.n;
    model.nhosts = route->nhosts;
    model.created_at = route->created_at ? route->created_at : INT64_MAX;

    if (gateway_router_add_methods(router, route, part) == -1
        || gateway_router_add_hosts(router, route, &model, err, errlen) == -1
        || gateway_router_add_headers(router, route, part, err, errlen) == -1
        || gateway_router_add_snis(router, route, part) == -1
        || gateway_router_add_limits(router, route, part, err, errlen) == -1)
    {
        return -1;
    }

    part->conditions = (part->methods != 0 || part->rare != NULL);

    return gateway_router_add_parts(router, route, &model, err, errlen);
}


static int
gateway_router_add_methods(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part)
{
    size_t                  i;
    uint32_t                bit;
    gateway_router_rare_t  *rare;

    for (i = 0; i < route->nmethods; i++) {

        for (bit = 0; bit < router->nmethods; bit++) {
            if (gateway_router_str_eq(&router->methods[bit],
                                      &route->methods[i]))
            {
                break;
            }
        }

        if (bit == router->nmethods && bit < GATEWAY_ROUTER_MAX_METHODS) {
            router->methods[router->nmethods++] = route->methods[i];
        }

        part->methods |= (uint32_t) 1 << bit;
    }

    if (!(part->methods & GATEWAY_ROUTER_OTHER_METHOD)) {
        return 0;
    }

    rare = gateway_router_rare(router, part);
    if (rare == NULL) {
        return -1;
    }

    rare->methods = gateway_router_alloc(router, route->nmethods,
                                         sizeof(gateway_str_t));
    if (rare->methods == NULL) {
        return -1;
    }

    memcpy(rare->methods, route->methods,
           route->nmethods * sizeof(gateway_str_t));

    rare->nmethods = route->nmethods;

    return 0;
}


static int
gateway_router_add_hosts(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_draft_part_t *model,
    char *err, size_t errlen)
{
    size_t                        i;
    gateway_str_t                *text;
    const gateway_str_t          *shown;
    gateway_router_draft_host_t  *host;

    model->part.plain_hosts = (route->nhosts > 0);

    for (i = 0; i < route->nhosts; i++) {

        host = gateway_router_push(&router->draft->hosts,
                                   sizeof(gateway_router_draft_host_t));
        if (host == NULL) {
            return -1;
        }

        shown = &route->hosts[i];
        text = &host->text;

        gateway_router_split_host(shown, text, &host->port);

        host->kind = GATEWAY_ROUTER_EXACT;

        if (text->len > 0 && text->data[0] == '*') {
            host->kind = GATEWAY_ROUTER_SUFFIX;
            text->data++;
            text->len--;

        } else if (text->len > 0 && text->data[text->len - 1] == '*') {
            host->kind = GATEWAY_ROUTER_PREFIX;
            text->len--;
        }

        if (host->kind != GATEWAY_ROUTER_EXACT) {
            model->part.plain_hosts = 0;

            if (host->port != GATEWAY_ROUTER_NO_PORT) {
                model->port_wildcard = 1;
            }
        }

        if (text->len > 0 && memchr(text->data, '*', text->len) != NULL) {
            (void) snprintf(err, errlen, "invalid host \"%.*s\": \"*\" may "
                            "only be the first or the last label",
                            (int) shown->len, shown->data);
            return -1;
        }

        if (text->len > GATEWAY_ROUTER_MAX_HOST) {
            (void) snprintf(err, errlen, "host \"%.32s...\" is too long",
                            shown->data);
            return -1;
        }

        if (host->port != GATEWAY_ROUTER_NO_PORT) {
            router->ports = 1;
        }
    }

    return 0;
}


static int
gateway_router_add_headers(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part,
    char *err, size_t errlen)
{
    char                           *name;
    size_t                          i, j;
    gateway_router_rare_t          *rare;
    gateway_router_field_t         *field;
    const gateway_router_header_t  *header;

    if (route->nheaders == 0) {
        return 0;
    }

    rare = gateway_router_rare(router, part);
    if (rare == NULL) {
        return -1;
    }

    rare->nfields = route->nheaders;
    rare->fields = gateway_router_alloc(router, route->nheaders,
                                        sizeof(gateway_router_field_t));
    if (rare->fields == NULL) {
        return -1;
    }

    for (i = 0; i < route->nheaders; i++) {

        header = &route->headers[i];
        field = &rare->fields[i];

        name = gateway_router_alloc(router, header->name.len, 1);
        if (name == NULL) {
            return -1;
        }

        for (j = 0; j < header->name.len; j++) {
            name[j] = gateway_router_lower(header->name.data[j]);

            if (name[j] == '-') {
                name[j] = '_';
            }
        }

        field->name.data = name;
        field->name.len = header->name.len;

        field->nvalues = header->nvalues;
        field->values = gateway_router_alloc(router, header->nvalues,
                                             sizeof(gateway_router_value_t));
        if (field->values == NULL) {
            return -1;
        }

        for (j = 0; j < header->nvalues; j++) {
            if (gateway_router_add_value(router, &field->values[j],
                                         &header->values[j],
                                         header->nvalues == 1, err, errlen)
                == -1)
            {
                return -1;
            }
        }
    }

    return 0;
}


/*
 * Regexes are put in lower case as well, which turns "\D" into "\d".  The
 * traditional flavor leaves them alone, but knows them only where they are
 * the single value of a header; there, the text with its "~*" fits too.
 */

static int
gateway_router_add_value(gateway_router_t *router,
    gateway_router_value_t *value, const gateway_str_t *text, int single,
    char *err, size_t errlen)
{
    char           *lower;
    size_t          i, skip;
    gateway_str_t   pattern;

    skip = (text->len >= 2 && text->data[0] == '~' && text->data[1] == '*')
           ? 2 : 0;

    if (router->traditional != NULL && !single) {
        skip = 0;
    }

    lower = gateway_router_alloc(router, text->len, 1);
    if (lower == NULL) {
        return -1;
    }

    for (i = skip; i < text->len; i++) {
        lower[i - skip] = gateway_router_lower(text->data[i]);
    }

    value->text.data = lower;
    value->text.len = text->len - skip;

    if (skip == 0) {
        return 0;
    }

    pattern = value->text;

    if (router->traditional != NULL) {
        pattern.data = text->data + skip;
    }

    value->code = gateway_router_regex(router, &pattern, 0, text, skip, err,
                                       errlen);

    return (value->code == NULL) ? -1 : 0;
}


static int
gateway_router_add_snis(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part)
{
    size_t                  i;
    gateway_str_t          *text;
    gateway_router_sni_t   *sni;
    gateway_router_rare_t  *rare;

    if (route->nsnis == 0) {
        return 0;
    }

    rare = gateway_router_rare(router, part);
    if (rare == NULL) {
        return -1;
    }

    rare->nsnis = route->nsnis;
    rare->snis = gateway_router_alloc(router, route->nsnis,
                                      sizeof(gateway_router_sni_t));
    if (rare->snis == NULL) {
        return -1;
    }

    for (i = 0; i < route->nsnis; i++) {

        sni = &rare->snis[i];

        sni->kind = GATEWAY_ROUTER_EXACT;
        sni->text = route->snis[i];

        text = &sni->text;

        if (text->len > 0 && text->data[0] == '*') {
            sni->kind = GATEWAY_ROUTER_SUFFIX;

        } else if (text->len > 0 && text->data[text->len - 1] == '*') {
            sni->kind = GATEWAY_ROUTER_PREFIX;
            text->len--;
            continue;
        }

        /* the dot of a fully qualified name is not sent in a handshake */

        if (text->len > 1 && text->data[text->len - 1] == '.') {
            text->len--;
        }

        if (sni->kind == GATEWAY_ROUTER_SUFFIX) {
            text->data++;
            text->len--;
        }
    }

    return 0;
}


/*
 * One part per distinct length of a prefix and one for all regexes, in the
 * order in which the first of each is listed; ids of parts count from 1.
 * In the traditional flavor each path is a part.
 */

static int
gateway_router_add_parts(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_draft_part_t *model,
    char *err, size_t errlen)
{
    size_t  i, j, group, number;

    number = 1;

    for (i = 1; i < route->npaths; i++) {
        if (gateway_router_group(&route->paths[i])
            != gateway_router_group(&route->paths[0]))
        {
            break;
        }
    }

    for (j = 0; j < route->npaths; j++) {
        if (route->paths[j].len == 0) {
            (void) snprintf(err, errlen, "a path is empty");
            return -1;
        }
    }

    if (router->traditional != NULL && route->npaths > 1) {

        for (i = 0; i < route->npaths; i++) {
            if (gateway_router_add_part(router, route, model, i, 0, err,
                                        errlen)
                == -1)
            {
                return -1;
            }
        }

        return 0;
    }

    if (i >= route->npaths) {
        /* not split: keeps the id of the route */
        return gateway_router_add_part(router, route, model, 0, 0, err,
                                       errlen);
    }

    for (i = 0; i < route->npaths; i++) {

        group = gateway_router_group(&route->paths[i]);

        for (j = 0; j < i; j++) {
            if (gateway_router_group(&route->paths[j]) == group) {
                break;
            }
        }

        if (j < i) {
            continue;
        }

        if (gateway_router_add_part(router, route, model, i, number++, err,
                                    errlen)
            == -1)
        {
            return -1;
        }
    }

    return 0;
}


static int
gateway_router_add_part(gateway_router_t *router,
    const gateway_router_route_t *route,
    const gateway_router_draft_part_t *model, size_t first, size_t number,
    char *err, size_t errlen)
{
    int                           len;
    char                          name[GATEWAY_UUID_LEN + 24];
    size_t                        i, group;
    gateway_router_draft_t       *draft;
    gateway_router_draft_part_t  *part;

    draft = router->draft;

    part = gateway_router_push(&draft->parts,
                               sizeof(gateway_router_draft_part_t));
    if (part == NULL) {
        return -1;
    }

    *part = *model;

    part->sequence = draft->parts.n;
    part->item = draft->items.n;

    memcpy(part->part.id, route->id, 16);

    if (number != 0) {
        gateway_uuid_format(name, route->id);

        len = snprintf(name + GATEWAY_UUID_LEN,
                       sizeof(name) - GATEWAY_UUID_LEN, "#%zu", number);

        gateway_uuid_v5(part->part.id, gateway_router_namespace, name,
                        GATEWAY_UUID_LEN + (size_t) len);
    }

    if (route->npaths == 0) {

        if (gateway_router_add_item(router, NULL, err, errlen) == -1) {
            return -1;
        }

    } else {

        group = gateway_router_group(&route->paths[first]);

        if (group == 0) {
            part->part.regex = 1;
            part->part.regex_priority = route->regex_priority;

        } else {
            part->part.prefix_len = (uint32_t) group;
        }

        for (i = first; i < route->npaths; i++) {

            if (gateway_router_group(&route->paths[i]) != group) {
                continue;
            }

            if (router->traditional != NULL && i > first) {
                break;
            }

            if (gateway_router_add_item(router, &route->paths[i], err,
                                        errlen)
                == -1)
            {
                return -1;
            }
        }
    }

    part->nitems = draft->items.n - part->item;
    part->part.key = (router->traditional != NULL)
                     ? gateway_router_traditional_key(part)
                     : gateway_router_key(router, &part->part);

    return 0;
}


static int
gateway_router_add_item(gateway_router_t *router, const gateway_str_t *path,
    char *err, size_t errlen)
{
    char                         *literal;
    gateway_router_draft_item_t  *item;

    item = gateway_router_push(&router->draft->items,
                               sizeof(gateway_router_draft_item_t));
    if (item == NULL) {
        return -1;
    }

    item->literal.data = "";

    if (path == NULL) {
        return 0;
    }

    item->path = *path;

    if (path->data[0] != '~') {
        item->literal = *path;
        return 0;
    }

    item->code = gateway_router_add_regex(router, path, err, errlen);

    if (item->code == NULL) {
        return -1;
    }

    literal = gateway_router_alloc(router, path->len, 2);
    if (literal == NULL) {
        return -1;
    }

    item->literal.data = literal;
    item->literal.len = gateway_router_regex_literal(literal, path->data + 1,
                                                     path->len - 1);

    literal += path->len;

    item->tail.data = literal;
    item->tail.len = gateway_router_regex_tail(literal, path->data + 1,
                                               path->len - 1);

    return 0;
}


/*
 * "^" is put in front of the pattern and so stands in its first alternative
 * only; the traditional flavor anchors all of it.
 */

static pcre2_code *
gateway_router_add_regex(gateway_router_t *router, const gateway_str_t *path,
    char *err, size_t errlen)
{
    char           *text;
    pcre2_code     *code;
    gateway_str_t   pattern;

    if (router->traditional != NULL) {
        pattern.data = path->data + 1;
        pattern.len = path->len - 1;

        return gateway_router_regex(router, &pattern, 1, path, 1, err,
                                    errlen);
    }

    text = gateway_router_heap(path->len, 1);
    if (text == NULL) {
        return NULL;
    }

    memcpy(text, path->data, path->len);
    text[0] = '^';

    pattern.data = text;
    pattern.len = path->len;

    code = gateway_router_regex(router, &pattern, 0, path, 0, err, errlen);

    gateway_router_heap_free(text);

    return code;
}


/* parts of a route: 0 for regexes, else the length of a prefix */

static size_t
gateway_router_group(const gateway_str_t *path)
{
    return (path->len > 0 && path->data[0] == '~') ? 0 : path->len;
}


/*
 * In "original" the fields overlap, since Kong shifts in 32 bits: its number
 * is what users know, so it is made bit by bit as there.
 */

static uint64_t
gateway_router_key(const gateway_router_t *router,
    const gateway_router_part_t *part)
{
    int64_t   order;
    uint32_t  kinds, headers, low;
    uint64_t  key, length;

    kinds = (uint32_t) __builtin_popcount(part->attributes);

    headers = part->header_names;
    length = part->prefix_len & GATEWAY_ROUTER_MAX_LENGTH;

    if (headers > GATEWAY_ROUTER_MAX_HEADERS) {
        headers = GATEWAY_ROUTER_MAX_HEADERS;
    }

    if (router->options.strict) {

        order = part->regex_priority;

        if (order < INT32_MIN) {
            order = INT32_MIN;
        }

        if (order > INT32_MAX) {
            order = INT32_MAX;
        }

        order -= INT32_MIN;

        key = (uint64_t) kinds << 61 | (uint64_t) headers << 52
              | length;

        if (part->regex) {
            key |= (uint64_t) order << 19;
        }

    } else {

        low = kinds << 29 | headers << 20
              | (uint32_t) part->regex_priority << 19 | (uint32_t) length;

        key = (uint64_t) low;

        if (low & 0x80000000u) {
            key |= 0xffffffff00000000u;
        }
    }

    if (part->plain_hosts) {
        key |= GATEWAY_ROUTER_PLAIN_HOSTS;
    }

    if (part->regex) {
        key |= GATEWAY_ROUTER_REGEX_PATH;
    }

    return key;
}


gateway_router_rare_t *
gateway_router_rare(gateway_router_t *router, gateway_router_part_t *part)
{
    if (part->rare == NULL) {
        part->rare = gateway_router_alloc(router, 1,
                                          sizeof(gateway_router_rare_t));
    }

    return part->rare;
}
