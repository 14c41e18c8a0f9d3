
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Takes routes and builds the index of the router.  Whatever is needed only
 * until the build is done, is in the draft, in memory of its own.
 */


#include "gateway_router_private.h"
#include "gateway_uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* fields of the priority, router.md 4 */
#define GATEWAY_ROUTER_PLAIN_HOSTS   ((uint64_t) 1 << 60)
#define GATEWAY_ROUTER_REGEX_PATH    ((uint64_t) 1 << 51)
#define GATEWAY_ROUTER_MAX_HEADERS   255
#define GATEWAY_ROUTER_MAX_LENGTH    0x7ffffu

/* bounds of one regex: backtracks, depth, KiB; bytes of the JIT's stack */
#define GATEWAY_ROUTER_MATCH_LIMIT   100000
#define GATEWAY_ROUTER_DEPTH_LIMIT   10000
#define GATEWAY_ROUTER_HEAP_LIMIT    8192
#define GATEWAY_ROUTER_STACK_MIN     (32 * 1024)
#define GATEWAY_ROUTER_STACK_MAX     (512 * 1024)


typedef struct {
    gateway_router_part_t      part;
    size_t                     sequence;
    size_t                     item;       /* first of its items */
    size_t                     nitems;
    size_t                     host;       /* first of its hosts */
    size_t                     nhosts;
} gateway_router_draft_part_t;


typedef struct {
    gateway_str_t              path;
    gateway_str_t              literal;
    pcre2_code                *code;
} gateway_router_draft_item_t;


typedef struct {
    gateway_str_t              text;
    uint32_t                   port;
    uint32_t                   bucket;
    gateway_router_kind_t      kind;
} gateway_router_draft_host_t;


typedef struct {
    void                      *elts;
    size_t                     n;
    size_t                     size;
} gateway_router_draft_array_t;


struct gateway_router_draft_s {
    gateway_router_draft_array_t   parts;
    gateway_router_draft_array_t   items;
    gateway_router_draft_array_t   hosts;

    /* of the build */
    gateway_router_draft_part_t  **order;      /* parts, best first */
    gateway_router_key_t          *literals;   /* of items, sorted */
    gateway_router_bucket_t       *buckets;
    uint32_t                      *slots;      /* hash of buckets */
    gateway_router_key_t          *keys;       /* literals per bucket */
    size_t                        *starts;     /* of each bucket's keys */
    size_t                        *ends;
    gateway_router_tree_t          tree;
    uint32_t                       nbuckets;
};


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
    const gateway_router_route_t *route, gateway_router_part_t *part,
    char *err, size_t errlen);
static int gateway_router_add_headers(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part,
    char *err, size_t errlen);
static int gateway_router_add_value(gateway_router_t *router,
    gateway_router_value_t *value, const gateway_str_t *text, char *err,
    size_t errlen);
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
static size_t gateway_router_group(const gateway_str_t *path);
static uint64_t gateway_router_key(const gateway_router_t *router,
    const gateway_router_part_t *part);
static gateway_router_rare_t *gateway_router_rare(gateway_router_t *router,
    gateway_router_part_t *part);
static void *gateway_router_alloc(gateway_router_t *router, size_t n,
    size_t size);
static void *gateway_router_push(gateway_router_draft_array_t *array,
    size_t size);

static int gateway_router_build_ranks(gateway_router_t *router);
static int gateway_router_build_buckets(gateway_router_t *router);
static uint32_t gateway_router_build_bucket(gateway_router_t *router,
    uint32_t mask, const gateway_router_draft_host_t *host);
static int gateway_router_build_keys(gateway_router_t *router);
static int gateway_router_build_trees(gateway_router_t *router);
static size_t gateway_router_build_wildcards(gateway_router_t *router,
    gateway_router_kind_t kind, uint32_t *root);
static int gateway_router_build_slots(gateway_router_t *router);
static int gateway_router_build_scratch(gateway_router_t *router,
    size_t cursors);
static int gateway_router_part_cmp(const void *a, const void *b);


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

    router->draft = calloc(1, sizeof(gateway_router_draft_t));
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

    memset(&model, 0, sizeof(gateway_router_draft_part_t));

    part = &model.part;

    part->data = route->data;
    part->header_names = (uint32_t) route->nheaders;
    part->kinds = (uint8_t) ((route->nmethods > 0) + (route->nhosts > 0)
                             + (route->nheaders > 0) + (route->nsnis > 0)
                             + (route->npaths > 0));

    model.host = router->draft->hosts.n;
    model.nhosts = route->nhosts;

    if (gateway_router_add_methods(router, route, part) == -1
        || gateway_router_add_hosts(router, route, part, err, errlen) == -1
        || gateway_router_add_headers(router, route, part, err, errlen) == -1
        || gateway_router_add_snis(router, route, part) == -1)
    {
        return -1;
    }

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
    const gateway_router_route_t *route, gateway_router_part_t *part,
    char *err, size_t errlen)
{
    size_t                        i;
    gateway_str_t                *text;
    const gateway_str_t          *shown;
    gateway_router_draft_host_t  *host;

    part->plain_hosts = (route->nhosts > 0);

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
            part->plain_hosts = 0;
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
                                         &header->values[j], err, errlen)
                == -1)
            {
                return -1;
            }
        }
    }

    return 0;
}


/* regexes are put in lower case as well, which turns "\D" into "\d" */

static int
gateway_router_add_value(gateway_router_t *router,
    gateway_router_value_t *value, const gateway_str_t *text, char *err,
    size_t errlen)
{
    char    *lower;
    size_t   i, skip;

    skip = (text->len >= 2 && text->data[0] == '~' && text->data[1] == '*')
           ? 2 : 0;

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

    value->code = gateway_router_regex(router, &value->text, text, skip, err,
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

            if (gateway_router_add_item(router, &route->paths[i], err,
                                        errlen)
                == -1)
            {
                return -1;
            }
        }
    }

    part->nitems = draft->items.n - part->item;
    part->part.key = gateway_router_key(router, &part->part);

    return 0;
}


static int
gateway_router_add_item(gateway_router_t *router, const gateway_str_t *path,
    char *err, size_t errlen)
{
    char                         *literal, *text;
    gateway_str_t                 pattern;
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

    text = malloc(path->len);
    if (text == NULL) {
        return -1;
    }

    memcpy(text, path->data, path->len);
    text[0] = '^';

    pattern.data = text;
    pattern.len = path->len;

    item->code = gateway_router_regex(router, &pattern, path, 0, err, errlen);

    free(text);

    if (item->code == NULL) {
        return -1;
    }

    literal = gateway_router_alloc(router, path->len, 1);
    if (literal == NULL) {
        return -1;
    }

    item->literal.data = literal;
    item->literal.len = gateway_router_regex_literal(literal, path->data + 1,
                                                     path->len - 1);

    return 0;
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
    uint32_t  headers, low;
    uint64_t  key, length;

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

        key = (uint64_t) part->kinds << 61 | (uint64_t) headers << 52
              | length;

        if (part->regex) {
            key |= (uint64_t) order << 19;
        }

    } else {

        low = (uint32_t) part->kinds << 29 | headers << 20
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


static gateway_router_rare_t *
gateway_router_rare(gateway_router_t *router, gateway_router_part_t *part)
{
    if (part->rare == NULL) {
        part->rare = gateway_router_alloc(router, 1,
                                          sizeof(gateway_router_rare_t));
    }

    return part->rare;
}


/* zeroed memory of the router */

static void *
gateway_router_alloc(gateway_router_t *router, size_t n, size_t size)
{
    void  *p;

    if (n == 0) {
        n = 1;
    }

    if (n > SIZE_MAX / size) {
        return NULL;
    }

    p = router->options.alloc(router->options.data, n * size);

    if (p != NULL) {
        memset(p, 0, n * size);
    }

    return p;
}


static void *
gateway_router_push(gateway_router_draft_array_t *array, size_t size)
{
    void    *elts;
    size_t   n;

    if (array->n == array->size) {

        n = array->size ? array->size * 2 : 16;

        if (n > GATEWAY_ROUTER_NONE - 1) {
            return NULL;
        }

        elts = realloc(array->elts, n * size);
        if (elts == NULL) {
            return NULL;
        }

        array->elts = elts;
        array->size = n;
    }

    elts = (char *) array->elts + array->n++ * size;

    memset(elts, 0, size);

    return elts;
}


int
gateway_router_build(gateway_router_t *router)
{
    if (router->draft == NULL
        || gateway_router_build_ranks(router) == -1
        || gateway_router_build_buckets(router) == -1
        || gateway_router_build_keys(router) == -1
        || gateway_router_build_trees(router) == -1
        || gateway_router_build_slots(router) == -1)
    {
        return -1;
    }

    gateway_router_draft_free(router->draft);

    router->draft = NULL;
    router->built = 1;

    return 0;
}


/* sorts parts and numbers their paths; sorts the literals of these */

static int
gateway_router_build_ranks(gateway_router_t *router)
{
    size_t                        i, j, n;
    gateway_router_item_t        *item;
    gateway_router_part_t        *part;
    gateway_router_draft_t       *draft;
    gateway_router_draft_part_t  *parts, *from;
    gateway_router_draft_item_t  *items;

    draft = router->draft;

    parts = draft->parts.elts;
    items = draft->items.elts;

    router->nparts = (uint32_t) draft->parts.n;
    router->nitems = (uint32_t) draft->items.n;

    router->parts = gateway_router_alloc(router, router->nparts,
                                         sizeof(gateway_router_part_t));
    router->items = gateway_router_alloc(router, router->nitems,
                                         sizeof(gateway_router_item_t));

    draft->order = calloc(draft->parts.n + 1,
                          sizeof(gateway_router_draft_part_t *));
    draft->literals = calloc(draft->items.n + 1,
                             sizeof(gateway_router_key_t));

    if (router->parts == NULL || router->items == NULL
        || draft->order == NULL || draft->literals == NULL)
    {
        return -1;
    }

    for (i = 0; i < draft->parts.n; i++) {
        draft->order[i] = &parts[i];
    }

    qsort(draft->order, draft->parts.n, sizeof(gateway_router_draft_part_t *),
          gateway_router_part_cmp);

    n = 0;

    for (i = 0; i < draft->parts.n; i++) {

        from = draft->order[i];

        part = &router->parts[i];
        *part = from->part;

        for (j = from->item; j < from->item + from->nitems; j++) {

            item = &router->items[n];

            item->part = part;
            item->path = items[j].path;
            item->code = items[j].code;

            draft->literals[n].data = items[j].literal.data;
            draft->literals[n].len = items[j].literal.len;
            draft->literals[n].value = (uint32_t) n;

            n++;
        }
    }

    qsort(draft->literals, n, sizeof(gateway_router_key_t),
          gateway_router_key_cmp);

    return 0;
}


/* the highest priority first, then the highest id, then as added */

static int
gateway_router_part_cmp(const void *a, const void *b)
{
    int                                 rc;
    const gateway_router_draft_part_t  *x, *y;

    x = *(const gateway_router_draft_part_t *const *) a;
    y = *(const gateway_router_draft_part_t *const *) b;

    if (x->part.key != y->part.key) {
        return (x->part.key < y->part.key) ? 1 : -1;
    }

    rc = memcmp(y->part.id, x->part.id, 16);

    if (rc != 0) {
        return rc;
    }

    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}


/* finds the distinct hosts; the first bucket is that of any host */

static int
gateway_router_build_buckets(gateway_router_t *router)
{
    size_t                        i, n;
    uint32_t                      mask;
    gateway_router_draft_t       *draft;
    gateway_router_draft_host_t  *hosts, any;

    draft = router->draft;
    hosts = draft->hosts.elts;

    n = 64;

    while (n < draft->hosts.n * 2) {
        n *= 2;
    }

    if (n > GATEWAY_ROUTER_NONE / 2) {
        return -1;
    }

    mask = (uint32_t) n - 1;

    draft->slots = malloc(n * sizeof(uint32_t));
    if (draft->slots == NULL) {
        return -1;
    }

    memset(draft->slots, 0xff, n * sizeof(uint32_t));

    /* at most one per host: those that repeat leave their room unused */

    draft->buckets = calloc(draft->hosts.n + 1,
                            sizeof(gateway_router_bucket_t));
    if (draft->buckets == NULL) {
        return -1;
    }

    memset(&any, 0, sizeof(gateway_router_draft_host_t));

    any.text.data = "";
    any.port = GATEWAY_ROUTER_NO_PORT;
    any.kind = GATEWAY_ROUTER_ANY;

    router->any = gateway_router_build_bucket(router, mask, &any);

    for (i = 0; i < draft->hosts.n; i++) {
        hosts[i].bucket = gateway_router_build_bucket(router, mask,
                                                      &hosts[i]);
    }

    router->buckets = gateway_router_alloc(router, draft->nbuckets,
                                           sizeof(gateway_router_bucket_t));
    if (router->buckets == NULL) {
        return -1;
    }

    memcpy(router->buckets, draft->buckets,
           draft->nbuckets * sizeof(gateway_router_bucket_t));

    return 0;
}


static uint32_t
gateway_router_build_bucket(gateway_router_t *router, uint32_t mask,
    const gateway_router_draft_host_t *host)
{
    uint32_t                  i, *slot;
    gateway_router_draft_t   *draft;
    gateway_router_bucket_t  *bucket;

    draft = router->draft;

    i = gateway_router_hash(host->text.data, host->text.len,
                            host->port * 4 + (uint32_t) host->kind);

    for ( ;; i++) {

        slot = &draft->slots[i & mask];

        if (*slot == GATEWAY_ROUTER_NONE) {
            break;
        }

        bucket = &draft->buckets[*slot];

        if (bucket->kind == host->kind
            && bucket->port == host->port
            && gateway_router_str_eq(&bucket->host, &host->text))
        {
            return *slot;
        }
    }

    *slot = draft->nbuckets++;

    bucket = &draft->buckets[*slot];

    bucket->host = host->text;
    bucket->port = host->port;
    bucket->kind = host->kind;
    bucket->root = GATEWAY_ROUTER_NONE;
    bucket->best = GATEWAY_ROUTER_NONE;

    return *slot;
}


/*
 * The literals of each bucket, sorted: all literals are in order already, so
 * it is enough to deal them out.
 */

static int
gateway_router_build_keys(gateway_router_t *router)
{
    size_t                        i, j, n, at;
    uint32_t                      b;
    gateway_router_draft_t       *draft;
    gateway_router_draft_part_t  *part;
    gateway_router_draft_host_t  *hosts;

    draft = router->draft;
    hosts = draft->hosts.elts;

    draft->starts = calloc(draft->nbuckets + 1, sizeof(size_t));
    draft->ends = calloc(draft->nbuckets + 1, sizeof(size_t));

    if (draft->starts == NULL || draft->ends == NULL) {
        return -1;
    }

    for (i = 0; i < draft->parts.n; i++) {

        part = draft->order[i];

        for (j = 0; j < part->nhosts; j++) {
            draft->ends[hosts[part->host + j].bucket] += part->nitems;
        }

        if (part->nhosts == 0) {
            draft->ends[router->any] += part->nitems;
        }
    }

    n = 0;

    for (b = 0; b < draft->nbuckets; b++) {
        draft->starts[b] = n;
        n += draft->ends[b];
        draft->ends[b] = draft->starts[b];
    }

    draft->keys = calloc(n + 1, sizeof(gateway_router_key_t));
    if (draft->keys == NULL) {
        return -1;
    }

    for (i = 0; i < draft->items.n; i++) {

        at = (size_t) (router->items[draft->literals[i].value].part
                       - router->parts);
        part = draft->order[at];

        for (j = 0; j < part->nhosts || j == 0; j++) {

            b = part->nhosts ? hosts[part->host + j].bucket : router->any;

            n = draft->ends[b];

            /* a route may name a host twice */

            if (n > draft->starts[b]
                && draft->keys[n - 1].value == draft->literals[i].value)
            {
                continue;
            }

            draft->keys[n] = draft->literals[i];
            draft->ends[b]++;

            if (draft->literals[i].value < router->buckets[b].best) {
                router->buckets[b].best = draft->literals[i].value;
            }
        }
    }

    return 0;
}


static int
gateway_router_build_trees(gateway_router_t *router)
{
    size_t                  most, lists, suffixes, prefixes, n;
    uint32_t                b;
    gateway_router_tree_t  *tree;
    gateway_router_draft_t *draft;

    draft = router->draft;
    tree = &draft->tree;

    n = (draft->nbuckets > 0) ? draft->ends[draft->nbuckets - 1] : 0;

    tree->values = calloc(n + draft->nbuckets + 1, sizeof(uint32_t));
    if (tree->values == NULL) {
        return -1;
    }

    most = 1;

    for (b = 0; b < draft->nbuckets; b++) {

        n = draft->ends[b] - draft->starts[b];

        if (n == 0) {
            continue;
        }

        lists = gateway_router_tree_build(tree,
                                          draft->keys + draft->starts[b], n,
                                          &router->buckets[b].root);
        if (lists == 0) {
            return -1;
        }

        if (lists > most) {
            most = lists;
        }
    }

    tree->count = 1;

    suffixes = gateway_router_build_wildcards(router, GATEWAY_ROUTER_SUFFIX,
                                              &router->suffixes);
    prefixes = gateway_router_build_wildcards(router, GATEWAY_ROUTER_PREFIX,
                                              &router->prefixes);

    if (suffixes == SIZE_MAX || prefixes == SIZE_MAX) {
        return -1;
    }

    router->nodes = gateway_router_alloc(router, tree->nnodes,
                                         sizeof(gateway_router_node_t));
    router->values = gateway_router_alloc(router, tree->nvalues,
                                          sizeof(uint32_t));

    if (router->nodes == NULL || router->values == NULL) {
        return -1;
    }

    if (tree->nnodes > 0) {
        memcpy(router->nodes, tree->nodes,
               tree->nnodes * sizeof(gateway_router_node_t));
    }

    memcpy(router->values, tree->values, tree->nvalues * sizeof(uint32_t));

    /* the buckets that can match at once: any, host, host:port, wildcards */

    return gateway_router_build_scratch(router,
                                        (3 + suffixes + prefixes) * most);
}


/* how many wildcards a host can match, SIZE_MAX: no memory */

static size_t
gateway_router_build_wildcards(gateway_router_t *router,
    gateway_router_kind_t kind, uint32_t *root)
{
    char                     *p;
    size_t                    i, n, most;
    uint32_t                  b;
    gateway_router_key_t     *keys;
    gateway_router_bucket_t  *bucket;

    n = 0;

    for (b = 0; b < router->draft->nbuckets; b++) {
        n += (router->buckets[b].kind == kind
              && router->buckets[b].root != GATEWAY_ROUTER_NONE);
    }

    if (n == 0) {
        return 0;
    }

    keys = calloc(n, sizeof(gateway_router_key_t));
    if (keys == NULL) {
        return SIZE_MAX;
    }

    n = 0;

    for (b = 0; b < router->draft->nbuckets; b++) {

        bucket = &router->buckets[b];

        if (bucket->kind != kind || bucket->root == GATEWAY_ROUTER_NONE) {
            continue;
        }

        keys[n].data = bucket->host.data;
        keys[n].len = bucket->host.len;
        keys[n].value = b;

        /* the tree of suffixes reads from the end */

        if (kind == GATEWAY_ROUTER_SUFFIX) {

            p = gateway_router_alloc(router, bucket->host.len, 1);
            if (p == NULL) {
                free(keys);
                return SIZE_MAX;
            }

            for (i = 0; i < bucket->host.len; i++) {
                p[i] = bucket->host.data[bucket->host.len - 1 - i];
            }

            keys[n].data = p;
        }

        n++;
    }

    qsort(keys, n, sizeof(gateway_router_key_t), gateway_router_key_cmp);

    most = gateway_router_tree_build(&router->draft->tree, keys, n, root);

    free(keys);

    return (most == 0) ? SIZE_MAX : most;
}


/* hash of the exact hosts, at most half full */

static int
gateway_router_build_slots(gateway_router_t *router)
{
    size_t                    n;
    uint32_t                  b, i, hash;
    gateway_router_bucket_t  *bucket;

    n = 0;

    for (b = 0; b < router->draft->nbuckets; b++) {
        n += (router->buckets[b].kind == GATEWAY_ROUTER_EXACT);
    }

    if (n == 0) {
        return 0;
    }

    router->mask = 1;

    while (router->mask < n * 2) {
        router->mask *= 2;
    }

    router->slots = gateway_router_alloc(router, router->mask,
                                         sizeof(gateway_router_slot_t));
    if (router->slots == NULL) {
        return -1;
    }

    memset(router->slots, 0xff,
           router->mask * sizeof(gateway_router_slot_t));

    router->mask--;

    for (b = 0; b < router->draft->nbuckets; b++) {

        bucket = &router->buckets[b];

        if (bucket->kind != GATEWAY_ROUTER_EXACT) {
            continue;
        }

        hash = gateway_router_hash(bucket->host.data, bucket->host.len,
                                   bucket->port);

        for (i = hash;
             router->slots[i & router->mask].bucket != GATEWAY_ROUTER_NONE;
             i++)
        {
            /* void */
        }

        router->slots[i & router->mask].hash = hash;
        router->slots[i & router->mask].bucket = b;
    }

    return 0;
}


static int
gateway_router_build_scratch(gateway_router_t *router, size_t cursors)
{
    gateway_router_scratch_t  *scratch;

    scratch = gateway_router_alloc(router, 1,
                                   sizeof(gateway_router_scratch_t));
    if (scratch == NULL) {
        return -1;
    }

    router->scratch = scratch;

    scratch->cursors = gateway_router_alloc(router, cursors,
                                            sizeof(gateway_router_cursor_t));
    if (scratch->cursors == NULL) {
        return -1;
    }

    if (router->regexes == NULL) {
        return 0;
    }

    scratch->match_data = pcre2_match_data_create(GATEWAY_ROUTER_MAX_CAPTURES,
                                                  NULL);
    scratch->context = pcre2_match_context_create(NULL);

    if (scratch->match_data == NULL || scratch->context == NULL) {
        return -1;
    }

    (void) pcre2_set_match_limit(scratch->context,
                                 GATEWAY_ROUTER_MATCH_LIMIT);
    (void) pcre2_set_depth_limit(scratch->context,
                                 GATEWAY_ROUTER_DEPTH_LIMIT);
    (void) pcre2_set_heap_limit(scratch->context,
                                GATEWAY_ROUTER_HEAP_LIMIT);

    /* fails where there is no JIT */

    scratch->stack = pcre2_jit_stack_create(GATEWAY_ROUTER_STACK_MIN,
                                            GATEWAY_ROUTER_STACK_MAX, NULL);

    if (scratch->stack != NULL) {
        pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
    }

    return 0;
}


void
gateway_router_draft_free(gateway_router_draft_t *draft)
{
    if (draft == NULL) {
        return;
    }

    free(draft->parts.elts);
    free(draft->items.elts);
    free(draft->hosts.elts);
    free(draft->order);
    free(draft->literals);
    free(draft->buckets);
    free(draft->slots);
    free(draft->keys);
    free(draft->starts);
    free(draft->ends);
    free(draft->tree.nodes);
    free(draft->tree.values);
    free(draft);
}
