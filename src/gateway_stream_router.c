
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The best of the routes of stream{} that a connection matches.
 *
 * Routes are ranked once.  They are then found by what most of them ask for:
 * a server name, else a port of destination; the others stand in a list.
 * Each of the three gives its first match, and the best of these wins, so
 * that ten thousand names cost a binary search.
 */


#include "gateway_stream_router.h"

#include <arpa/inet.h>
#include <string.h>


#define GATEWAY_STREAM_NONE  ((uint32_t) -1)

/* router.md 4 */
#define GATEWAY_STREAM_TOP   ((uint64_t) 1 << 61)
#define GATEWAY_STREAM_IP    0x08
#define GATEWAY_STREAM_PORT  0x04
#define GATEWAY_STREAM_CIDR  0x01


/* ranks of the routes that have this key, best first: key, then rank */
typedef struct {
    gateway_str_t                key;
    uint16_t                     port;
    uint32_t                     rank;
} gateway_stream_entry_t;


typedef struct {
    gateway_stream_entry_t      *names;
    size_t                       nnames;
    gateway_stream_entry_t      *ports;
    size_t                       nports;
    uint32_t                    *rest;
    size_t                       nrest;
} gateway_stream_table_t;


struct gateway_stream_router_s {
    gateway_stream_route_t      *routes;     /* best first */
    size_t                       nroutes;
    const gateway_router_t      *expressions;
    gateway_stream_table_t       tls;        /* SNIs count here only */
    gateway_stream_table_t       plain;
};


static unsigned gateway_stream_weight(const gateway_stream_end_t *ends,
    size_t n);
static void gateway_stream_sort(gateway_stream_route_t *routes,
    gateway_stream_route_t *spare, size_t n);
static int gateway_stream_cmp_routes(const gateway_stream_route_t *a,
    const gateway_stream_route_t *b);
static int gateway_stream_fill(gateway_stream_router_t *router,
    gateway_stream_table_t *table, unsigned protocols,
    void *(*alloc)(void *data, size_t size), void *data);
static void gateway_stream_add(gateway_stream_table_t *table,
    const gateway_stream_route_t *route, uint32_t rank, int names);
static void gateway_stream_sort_entries(gateway_stream_entry_t *entries,
    gateway_stream_entry_t *spare, size_t n);
static int gateway_stream_cmp_entries(const gateway_stream_entry_t *a,
    const gateway_stream_entry_t *b);
static int gateway_stream_cmp_keys(const gateway_stream_entry_t *a,
    const gateway_stream_entry_t *b);

static uint32_t gateway_stream_first(const gateway_stream_router_t *router,
    const gateway_stream_entry_t *entries, size_t n,
    const gateway_stream_entry_t *key,
    const gateway_stream_request_t *request);
static int gateway_stream_test(const gateway_stream_router_t *router,
    const gateway_stream_route_t *route,
    const gateway_stream_request_t *request);
static int gateway_stream_ask_port(void *data, int destination,
    int64_t *port);
static int gateway_stream_ask_address(void *data, int destination,
    gateway_address_t *address);
static int gateway_stream_matches(const gateway_stream_route_t *route,
    const gateway_stream_request_t *request);
static int gateway_stream_matches_sni(const gateway_stream_route_t *route,
    const gateway_str_t *name);
static int gateway_stream_matches_end(const gateway_stream_end_t *ends,
    size_t n, const gateway_stream_addr_t *addr);

static gateway_str_t gateway_stream_bare(const gateway_str_t *sni);
static int gateway_stream_is_wild(const gateway_str_t *sni);
static int gateway_stream_cmp_text(const gateway_str_t *a,
    const gateway_str_t *b);


/* what expressions ask for; query arguments they have none */
static const gateway_router_facts_t  gateway_stream_facts = {
    NULL,
    gateway_stream_ask_port,
    gateway_stream_ask_address
};


uint64_t
gateway_stream_priority(const gateway_stream_route_t *route, int traditional)
{
    size_t    i;
    unsigned  source, destination, kinds;
    uint64_t  priority;

    source = gateway_stream_weight(route->sources, route->nsources);
    destination = gateway_stream_weight(route->destinations,
                                        route->ndestinations);

    if (!traditional) {
        priority = 0;

        if (route->nsnis || (route->nsources && route->ndestinations)) {
            priority = GATEWAY_STREAM_TOP;
        }

        return priority | (uint64_t) source << 4 | destination;
    }

    /* more kinds; names, then sources; then an address with a port */

    kinds = (route->nsnis ? 4 : 0)
            | (route->nsources ? 2 : 0)
            | (route->ndestinations ? 1 : 0);

    priority = (uint64_t) ((kinds >> 2) + (kinds >> 1 & 1) + (kinds & 1)) << 8
               | (uint64_t) kinds << 4;

    for (i = 0; i < route->nsources; i++) {
        if (route->sources[i].has_addr && route->sources[i].has_port) {
            priority |= 2;
        }
    }

    for (i = 0; i < route->ndestinations; i++) {
        if (route->destinations[i].has_addr
            && route->destinations[i].has_port)
        {
            priority |= 1;
        }
    }

    return priority;
}


static unsigned
gateway_stream_weight(const gateway_stream_end_t *ends, size_t n)
{
    size_t    i;
    unsigned  weight;

    weight = 0;

    for (i = 0; i < n; i++) {

        if (ends[i].has_addr) {
            weight |= ends[i].cidr ? GATEWAY_STREAM_CIDR
                                   : GATEWAY_STREAM_IP;
        }

        if (ends[i].has_port) {
            weight |= GATEWAY_STREAM_PORT;
        }
    }

    return weight;
}


gateway_stream_router_t *
gateway_stream_router_create(const gateway_stream_route_t *routes, size_t n,
    void *(*alloc)(void *data, size_t size), void *data)
{
    gateway_stream_route_t   *spare;
    gateway_stream_router_t  *router;

    if (n >= GATEWAY_STREAM_NONE) {
        return NULL;
    }

    router = alloc(data, sizeof(gateway_stream_router_t));
    if (router == NULL) {
        return NULL;
    }

    memset(router, 0, sizeof(gateway_stream_router_t));

    if (n == 0) {
        return router;
    }

    router->routes = alloc(data, n * sizeof(gateway_stream_route_t));
    spare = alloc(data, n * sizeof(gateway_stream_route_t));

    if (router->routes == NULL || spare == NULL) {
        return NULL;
    }

    memcpy(router->routes, routes, n * sizeof(gateway_stream_route_t));
    router->nroutes = n;

    gateway_stream_sort(router->routes, spare, n);

    if (gateway_stream_fill(router, &router->tls, GATEWAY_STREAM_ANY_TLS,
                            alloc, data) != 0
        || gateway_stream_fill(router, &router->plain,
                               GATEWAY_STREAM_TCP|GATEWAY_STREAM_UDP,
                               alloc, data) != 0)
    {
        return NULL;
    }

    return router;
}


/* merge sort: stable, and never quadratic */

static void
gateway_stream_sort(gateway_stream_route_t *routes,
    gateway_stream_route_t *spare, size_t n)
{
    size_t  i, k, half, to;

    if (n < 2) {
        return;
    }

    half = n / 2;

    gateway_stream_sort(routes, spare, half);
    gateway_stream_sort(routes + half, spare, n - half);

    memcpy(spare, routes, half * sizeof(gateway_stream_route_t));

    i = 0;
    k = half;
    to = 0;

    while (i < half && k < n) {
        if (gateway_stream_cmp_routes(&spare[i], &routes[k]) <= 0) {
            routes[to++] = spare[i++];

        } else {
            routes[to++] = routes[k++];
        }
    }

    while (i < half) {
        routes[to++] = spare[i++];
    }
}


static int
gateway_stream_cmp_routes(const gateway_stream_route_t *a,
    const gateway_stream_route_t *b)
{
    if (a->priority != b->priority) {
        return a->priority > b->priority ? -1 : 1;
    }

    return memcmp(b->id, a->id, sizeof(a->id));
}


static int
gateway_stream_fill(gateway_stream_router_t *router,
    gateway_stream_table_t *table, unsigned protocols,
    void *(*alloc)(void *data, size_t size), void *data)
{
    int                             names;
    size_t                          i, nnames, nports, n;
    gateway_stream_entry_t         *entries;
    const gateway_stream_route_t   *route;

    names = protocols == GATEWAY_STREAM_ANY_TLS;
    nnames = 0;
    nports = 0;

    for (i = 0; i < router->nroutes; i++) {
        route = &router->routes[i];

        if (route->protocols & protocols) {
            nnames += names ? route->nsnis : 0;
            nports += route->ndestinations;
        }
    }

    /* the spare of a sort comes last */

    n = nnames + nports + (nnames > nports ? nnames : nports);

    entries = alloc(data, (n + 1) * sizeof(gateway_stream_entry_t));
    table->rest = alloc(data, router->nroutes * sizeof(uint32_t));

    if (entries == NULL || table->rest == NULL) {
        return -1;
    }

    table->names = entries;
    table->ports = entries + nnames;

    for (i = 0; i < router->nroutes; i++) {
        route = &router->routes[i];

        if (route->protocols & protocols) {
            gateway_stream_add(table, route, (uint32_t) i, names);
        }
    }

    gateway_stream_sort_entries(table->names, entries + nnames + nports,
                                table->nnames);
    gateway_stream_sort_entries(table->ports, entries + nnames + nports,
                                table->nports);

    return 0;
}


static void
gateway_stream_add(gateway_stream_table_t *table,
    const gateway_stream_route_t *route, uint32_t rank, int names)
{
    size_t                   i;
    gateway_stream_entry_t  *entry;

    if (names && route->nsnis) {

        for (i = 0; i < route->nsnis; i++) {
            if (gateway_stream_is_wild(&route->snis[i])) {
                table->rest[table->nrest++] = rank;
                return;
            }
        }

        for (i = 0; i < route->nsnis; i++) {
            entry = &table->names[table->nnames++];
            entry->key = gateway_stream_bare(&route->snis[i]);
            entry->port = 0;
            entry->rank = rank;
        }

        return;
    }

    for (i = 0; i < route->ndestinations; i++) {
        if (!route->destinations[i].has_port) {
            break;
        }
    }

    if (route->ndestinations == 0 || i < route->ndestinations) {
        table->rest[table->nrest++] = rank;
        return;
    }

    for (i = 0; i < route->ndestinations; i++) {
        entry = &table->ports[table->nports++];
        entry->key.data = NULL;
        entry->key.len = 0;
        entry->port = route->destinations[i].port;
        entry->rank = rank;
    }
}


static void
gateway_stream_sort_entries(gateway_stream_entry_t *entries,
    gateway_stream_entry_t *spare, size_t n)
{
    size_t  i, k, half, to;

    if (n < 2) {
        return;
    }

    half = n / 2;

    gateway_stream_sort_entries(entries, spare, half);
    gateway_stream_sort_entries(entries + half, spare, n - half);

    memcpy(spare, entries, half * sizeof(gateway_stream_entry_t));

    i = 0;
    k = half;
    to = 0;

    while (i < half && k < n) {
        if (gateway_stream_cmp_entries(&spare[i], &entries[k]) <= 0) {
            entries[to++] = spare[i++];

        } else {
            entries[to++] = entries[k++];
        }
    }

    while (i < half) {
        entries[to++] = spare[i++];
    }
}


static int
gateway_stream_cmp_entries(const gateway_stream_entry_t *a,
    const gateway_stream_entry_t *b)
{
    int  rc;

    rc = gateway_stream_cmp_keys(a, b);

    if (rc != 0) {
        return rc;
    }

    return a->rank < b->rank ? -1 : a->rank > b->rank;
}


static int
gateway_stream_cmp_keys(const gateway_stream_entry_t *a,
    const gateway_stream_entry_t *b)
{
    if (a->port != b->port) {
        return a->port < b->port ? -1 : 1;
    }

    return gateway_stream_cmp_text(&a->key, &b->key);
}


void
gateway_stream_router_expressions(gateway_stream_router_t *router,
    const gateway_router_t *expressions)
{
    router->expressions = expressions;
}


const gateway_stream_route_t *
gateway_stream_router_match(const gateway_stream_router_t *router,
    const gateway_stream_request_t *request)
{
    int                            rc;
    size_t                         i;
    uint32_t                       best, rank;
    gateway_stream_entry_t         key;
    const gateway_stream_table_t  *table;

    table = (request->protocols & GATEWAY_STREAM_ANY_TLS) ? &router->tls
                                                          : &router->plain;
    best = GATEWAY_STREAM_NONE;

    if (request->sni.len) {
        key.key = request->sni;
        key.port = 0;
        key.rank = 0;

        best = gateway_stream_first(router, table->names, table->nnames, &key,
                                    request);
    }

    key.key.data = NULL;
    key.key.len = 0;
    key.port = request->destination.port;
    key.rank = 0;

    rank = gateway_stream_first(router, table->ports, table->nports, &key,
                                request);

    if (rank < best) {
        best = rank;
    }

    for (i = 0; i < table->nrest && table->rest[i] < best; i++) {
        rc = gateway_stream_test(router, &router->routes[table->rest[i]],
                                 request);
        if (rc == -1) {
            return NULL;
        }

        if (rc == 1) {
            best = table->rest[i];
            break;
        }
    }

    return best == GATEWAY_STREAM_NONE ? NULL : &router->routes[best];
}


/* the least rank of a route that has the key and matches */

static uint32_t
gateway_stream_first(const gateway_stream_router_t *router,
    const gateway_stream_entry_t *entries, size_t n,
    const gateway_stream_entry_t *key,
    const gateway_stream_request_t *request)
{
    size_t  i, low, high;

    low = 0;
    high = n;

    while (low < high) {
        i = low + (high - low) / 2;

        if (gateway_stream_cmp_keys(&entries[i], key) < 0) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    for (i = low; i < n; i++) {

        if (gateway_stream_cmp_keys(&entries[i], key) != 0) {
            break;
        }

        if (gateway_stream_matches(&router->routes[entries[i].rank],
                                   request))
        {
            return entries[i].rank;
        }
    }

    return GATEWAY_STREAM_NONE;
}


/* 1, 0, or -1: a regex gave up */

static int
gateway_stream_test(const gateway_stream_router_t *router,
    const gateway_stream_route_t *route,
    const gateway_stream_request_t *request)
{
    gateway_str_t               *protocol;
    gateway_expression_facts_t   facts;

    union {
        const gateway_stream_request_t  *in;
        void                            *out;
    } cast;

    if (route->expression == NULL) {
        return gateway_stream_matches(route, request);
    }

    if ((route->protocols & request->protocols) == 0) {
        return 0;
    }

    memset(&facts, 0, sizeof(gateway_expression_facts_t));

    cast.in = request;

    facts.ask = &gateway_stream_facts;
    facts.data = cast.out;
    facts.dst_port = request->destination.port;

    protocol = &facts.texts[GATEWAY_FIELD_PROTOCOL];
    protocol->len = 3;

    if (request->sni.len) {
        facts.texts[GATEWAY_FIELD_SNI] = request->sni;
        protocol->data = "tls";

    } else if (request->protocols & GATEWAY_STREAM_UDP) {
        protocol->data = "udp";

    } else {
        protocol->data = "tcp";
    }

    return gateway_router_expression_test(router->expressions,
                                          route->expression, &facts);
}


static int
gateway_stream_ask_port(void *data, int destination, int64_t *port)
{
    const gateway_stream_request_t *request = data;

    *port = destination ? request->destination.port : request->source.port;

    return 1;
}


static int
gateway_stream_ask_address(void *data, int destination,
    gateway_address_t *address)
{
    const gateway_stream_request_t *request = data;

    address->len = 16;
    memcpy(address->bytes,
           destination ? request->destination.addr : request->source.addr, 16);

    gateway_address_fold(address);

    return 1;
}


static int
gateway_stream_matches(const gateway_stream_route_t *route,
    const gateway_stream_request_t *request)
{
    if ((route->protocols & request->protocols) == 0) {
        return 0;
    }

    if (route->nsnis
        && (request->protocols & GATEWAY_STREAM_ANY_TLS)
        && !gateway_stream_matches_sni(route, &request->sni))
    {
        return 0;
    }

    if (route->nsources
        && !gateway_stream_matches_end(route->sources, route->nsources,
                                       &request->source))
    {
        return 0;
    }

    return route->ndestinations == 0
           || gateway_stream_matches_end(route->destinations,
                                         route->ndestinations,
                                         &request->destination);
}


static int
gateway_stream_matches_sni(const gateway_stream_route_t *route,
    const gateway_str_t *name)
{
    size_t         i;
    gateway_str_t  sni;

    for (i = 0; i < route->nsnis; i++) {

        sni = gateway_stream_bare(&route->snis[i]);

        if (sni.len && sni.data[0] == '*') {

            /* "*.example.com" is an end, its dot included */

            if (name->len >= sni.len - 1
                && memcmp(name->data + name->len - (sni.len - 1),
                          sni.data + 1, sni.len - 1) == 0)
            {
                return 1;
            }

        } else if (sni.len && sni.data[sni.len - 1] == '*') {

            if (name->len >= sni.len - 1
                && memcmp(name->data, sni.data, sni.len - 1) == 0)
            {
                return 1;
            }

        } else if (gateway_stream_cmp_text(&sni, name) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
gateway_stream_matches_end(const gateway_stream_end_t *ends, size_t n,
    const gateway_stream_addr_t *addr)
{
    size_t    i, bytes;
    unsigned  bits, mask;

    for (i = 0; i < n; i++) {

        if (ends[i].has_port && ends[i].port != addr->port) {
            continue;
        }

        if (!ends[i].has_addr) {
            return 1;
        }

        bytes = ends[i].bits / 8;
        bits = ends[i].bits % 8;
        mask = 0xff00u >> bits & 0xff;

        if (memcmp(ends[i].addr, addr->addr, bytes) == 0
            && (bits == 0
                || ((ends[i].addr[bytes] ^ addr->addr[bytes]) & mask) == 0))
        {
            return 1;
        }
    }

    return 0;
}


int
gateway_stream_parse_addr(gateway_stream_end_t *end, const char *text,
    size_t len)
{
    char         buf[INET6_ADDRSTRLEN + 1];
    size_t       i, addrlen, n;
    unsigned     bits, most;
    const char  *slash;

    slash = memchr(text, '/', len);
    addrlen = slash ? (size_t) (slash - text) : len;

    if (addrlen == 0 || addrlen >= sizeof(buf)) {
        return -1;
    }

    memcpy(buf, text, addrlen);
    buf[addrlen] = '\0';

    memset(end->addr, 0, sizeof(end->addr));

    if (inet_pton(AF_INET, buf, &end->addr[12]) == 1) {
        end->addr[10] = 0xff;
        end->addr[11] = 0xff;
        most = 32;

    } else if (inet_pton(AF_INET6, buf, end->addr) == 1) {
        most = 128;

    } else {
        return -1;
    }

    bits = most;

    if (slash) {
        n = len - addrlen - 1;

        if (n == 0 || n > 3) {
            return -1;
        }

        for (bits = 0, i = addrlen + 1; i < len; i++) {

            if (text[i] < '0' || text[i] > '9') {
                return -1;
            }

            bits = bits * 10 + (unsigned) (text[i] - '0');
        }

        if (bits > most) {
            return -1;
        }
    }

    end->cidr = slash != NULL;
    end->has_addr = 1;
    end->bits = bits + (128 - most);

    for (i = end->bits; i < 128; i++) {
        end->addr[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    }

    return 0;
}


int
gateway_stream_check_sni(const gateway_str_t *sni)
{
    const char     *star;
    gateway_str_t   name;

    name = gateway_stream_bare(sni);

    if (name.len == 0) {
        return -1;
    }

    star = memchr(name.data, '*', name.len);

    if (star == NULL) {
        return 0;
    }

    if (name.len < 3) {
        return -1;
    }

    if (star == name.data) {
        return name.data[1] == '.'
               && memchr(name.data + 1, '*', name.len - 1) == NULL ? 0 : -1;
    }

    return star == name.data + name.len - 1 && star[-1] == '.' ? 0 : -1;
}


/* a dot at the end of a name says nothing */

static gateway_str_t
gateway_stream_bare(const gateway_str_t *sni)
{
    gateway_str_t  name;

    name = *sni;

    if (name.len > 1 && name.data[name.len - 1] == '.') {
        name.len--;
    }

    return name;
}


static int
gateway_stream_is_wild(const gateway_str_t *sni)
{
    return memchr(sni->data, '*', sni->len) != NULL;
}


static int
gateway_stream_cmp_text(const gateway_str_t *a, const gateway_str_t *b)
{
    int  rc;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    if (a->len == 0) {
        return 0;
    }

    rc = memcmp(a->data, b->data, a->len);

    return rc < 0 ? -1 : rc > 0;
}
