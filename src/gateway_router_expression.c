
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The flavor "expressions": routes that are expressions, and for the others
 * their protocols and addresses as conditions.  An expression lies in the
 * index under the hosts and the starts of paths that it needs; one without
 * such is tested for each request.
 */


#include "gateway_router_private.h"

#include <stdio.h>
#include <string.h>


/* "(net.src.ip in ADDRESS/128 && net.src.port == 65535) || " */
#define GATEWAY_ROUTER_ENDPOINT_LEN  112


static void *gateway_router_compile_alloc(void *data, size_t size);
static pcre2_code *gateway_router_compile_regex(void *data,
    const gateway_str_t *pattern, char *reason, size_t len, size_t *offset);
static int gateway_router_add_keys(gateway_router_t *router,
    gateway_router_draft_part_t *model,
    const gateway_expression_t *expression);
static int gateway_router_add_literal(gateway_router_t *router,
    const gateway_str_t *literal);
static int gateway_router_endpoints(char **pos, char *last, const char *name,
    const gateway_router_endpoint_t *endpoints, size_t n,
    char *err, size_t errlen);
static int gateway_router_endpoint_ip(char *text, size_t len,
    const char *name, const gateway_str_t *ip);
static void gateway_router_ask(gateway_router_search_t *search);


int
gateway_router_expression_check(gateway_router_t *router,
    const gateway_str_t *text, int stream,
    gateway_expression_report_t *report)
{
    gateway_expression_options_t  options;

    options.schema = stream ? GATEWAY_EXPRESSION_STREAM
                            : GATEWAY_EXPRESSION_HTTP;
    options.alloc = gateway_router_compile_alloc;
    options.regex = gateway_router_compile_regex;
    options.data = router;

    return gateway_expression_compile(text, &options, report) ? 0 : -1;
}


gateway_expression_t *
gateway_router_expression(gateway_router_t *router, const gateway_str_t *text,
    int stream, char *err, size_t errlen)
{
    size_t                         i, line, column;
    gateway_expression_t          *expression;
    gateway_expression_report_t    report;
    gateway_expression_options_t   options;

    options.schema = stream ? GATEWAY_EXPRESSION_STREAM
                            : GATEWAY_EXPRESSION_HTTP;
    options.alloc = gateway_router_compile_alloc;
    options.regex = gateway_router_compile_regex;
    options.data = router;

    expression = gateway_expression_compile(text, &options, &report);

    if (expression == NULL) {

        line = 1;
        column = 1;

        for (i = 0; i < report.at && i < text->len; i++) {

            column++;

            if (text->data[i] == '\n') {
                line++;
                column = 1;
            }
        }

        if (line == 1) {
            (void) snprintf(err, errlen, "invalid expression, column %zu: %s",
                            column, report.message);

        } else {
            (void) snprintf(err, errlen, "invalid expression, line %zu, "
                            "column %zu: %s", line, column, report.message);
        }
    }

    return expression;
}


int
gateway_router_expression_ready(gateway_router_t *router,
    const gateway_expression_t *expression)
{
    return gateway_expression_reserve(&router->scratch->expression,
                                      expression);
}


int
gateway_router_expression_test(const gateway_router_t *router,
    const gateway_expression_t *expression,
    const gateway_expression_facts_t *facts)
{
    return gateway_expression_match(expression, facts,
                                    &router->scratch->expression);
}


static void *
gateway_router_compile_alloc(void *data, size_t size)
{
    gateway_router_t *router = data;

    return router->options.alloc(router->options.data, size);
}


static pcre2_code *
gateway_router_compile_regex(void *data, const gateway_str_t *pattern,
    char *reason, size_t len, size_t *offset)
{
    return gateway_router_regex_find(data, pattern, 0, reason, len, offset);
}


int
gateway_router_add_expression(gateway_router_t *router,
    const gateway_router_route_t *route, char *err, size_t errlen)
{
    gateway_router_part_t        *part;
    gateway_router_rare_t        *rare;
    gateway_expression_t         *expression;
    gateway_router_draft_part_t   model, *draft;

    if (router->options.flavor != GATEWAY_ROUTER_EXPRESSIONS) {
        (void) snprintf(err, errlen, "an expression needs the router flavor "
                        "\"expressions\"");
        return -1;
    }

    if (route->nmethods || route->nhosts || route->npaths || route->nheaders
        || route->nsnis || route->nsources || route->ndestinations)
    {
        (void) snprintf(err, errlen, "an expression goes with no other "
                        "condition: it replaces methods, hosts, paths, "
                        "headers, snis, sources and destinations");
        return -1;
    }

    expression = gateway_router_expression(router, &route->expression, 0, err,
                                           errlen);
    if (expression == NULL) {
        return -1;
    }

    memset(&model, 0, sizeof(gateway_router_draft_part_t));

    part = &model.part;

    rare = gateway_router_rare(router, part);
    if (rare == NULL) {
        return -1;
    }

    rare->expression = expression;
    rare->http_only = route->http_only;
    rare->https_only = route->https_only;

    part->data = route->data;
    part->key = route->priority;
    part->conditions = 1;
    part->native = 1;

    memcpy(part->id, route->id, 16);

    if (gateway_router_add_keys(router, &model, expression) == -1) {
        return -1;
    }

    draft = gateway_router_push(&router->draft->parts,
                                sizeof(gateway_router_draft_part_t));
    if (draft == NULL) {
        return -1;
    }

    *draft = model;
    draft->sequence = router->draft->parts.n;

    return 0;
}


static int
gateway_router_add_keys(gateway_router_t *router,
    gateway_router_draft_part_t *model,
    const gateway_expression_t *expression)
{
    size_t                           i, n;
    gateway_str_t                    all;
    gateway_router_draft_t          *draft;
    gateway_router_draft_host_t     *host;
    const gateway_expression_key_t  *keys;

    draft = router->draft;

    n = gateway_expression_hosts(expression, &keys);

    model->host = draft->hosts.n;
    model->nhosts = n;

    for (i = 0; i < n; i++) {

        host = gateway_router_push(&draft->hosts,
                                   sizeof(gateway_router_draft_host_t));
        if (host == NULL) {
            return -1;
        }

        host->text = keys[i].text;
        host->port = GATEWAY_ROUTER_NO_PORT;
        host->kind = (keys[i].kind == GATEWAY_KEY_EXACT)
                     ? GATEWAY_ROUTER_EXACT
                     : (keys[i].kind == GATEWAY_KEY_PREFIX)
                     ? GATEWAY_ROUTER_PREFIX : GATEWAY_ROUTER_SUFFIX;
    }

    n = gateway_expression_paths(expression, &keys);

    model->item = draft->items.n;
    model->nitems = n ? n : 1;

    for (i = 0; i < n; i++) {
        if (gateway_router_add_literal(router, &keys[i].text) == -1) {
            return -1;
        }
    }

    all.data = "";
    all.len = 0;

    return n ? 0 : gateway_router_add_literal(router, &all);
}


static int
gateway_router_add_literal(gateway_router_t *router,
    const gateway_str_t *literal)
{
    gateway_router_draft_item_t  *item;

    item = gateway_router_push(&router->draft->items,
                               sizeof(gateway_router_draft_item_t));
    if (item == NULL) {
        return -1;
    }

    item->literal = *literal;

    return 0;
}


int
gateway_router_add_limits(gateway_router_t *router,
    const gateway_router_route_t *route, gateway_router_part_t *part,
    char *err, size_t errlen)
{
    char                   *p, *last;
    size_t                  n;
    gateway_str_t           text;
    gateway_router_rare_t  *rare;

    n = route->nsources + route->ndestinations;

    if (n == 0 && !route->http_only && !route->https_only) {
        return 0;
    }

    if (router->options.flavor != GATEWAY_ROUTER_EXPRESSIONS) {

        if (n > 0) {
            (void) snprintf(err, errlen, "sources and destinations need the "
                            "router flavor \"expressions\"");
            return -1;
        }

        /* in the other flavors protocols are no condition */

        return 0;
    }

    rare = gateway_router_rare(router, part);
    if (rare == NULL) {
        return -1;
    }

    rare->http_only = route->http_only;
    rare->https_only = route->https_only;

    if (n == 0) {
        return 0;
    }

    if (n > GATEWAY_EXPRESSION_MAX_LEN / GATEWAY_ROUTER_ENDPOINT_LEN) {
        (void) snprintf(err, errlen, "too many sources and destinations");
        return -1;
    }

    n = (n + 1) * GATEWAY_ROUTER_ENDPOINT_LEN;

    p = gateway_router_alloc(router, n, 1);
    if (p == NULL) {
        return -1;
    }

    text.data = p;
    last = p + n;

    if (gateway_router_endpoints(&p, last, "src", route->sources,
                                 route->nsources, err, errlen)
        == -1)
    {
        return -1;
    }

    if (route->nsources > 0 && route->ndestinations > 0) {
        p += snprintf(p, (size_t) (last - p), " && ");
    }

    if (gateway_router_endpoints(&p, last, "dst", route->destinations,
                                 route->ndestinations, err, errlen)
        == -1)
    {
        return -1;
    }

    text.len = (size_t) (p - text.data);

    rare->expression = gateway_router_expression(router, &text, 0, err,
                                                 errlen);

    return rare->expression ? 0 : -1;
}


/* "(net.src.ip in 10.0.0.0/8 && net.src.port == 80) || ...", "||" binds */

static int
gateway_router_endpoints(char **pos, char *last, const char *name,
    const gateway_router_endpoint_t *endpoints, size_t n,
    char *err, size_t errlen)
{
    char                             ip[GATEWAY_ROUTER_ENDPOINT_LEN];
    char                             port[GATEWAY_ROUTER_ENDPOINT_LEN];
    size_t                           i;
    const gateway_router_endpoint_t *e;

    for (i = 0; i < n; i++) {

        e = &endpoints[i];

        ip[0] = '\0';
        port[0] = '\0';

        if (e->ip.len > 0
            && gateway_router_endpoint_ip(ip, sizeof(ip), name, &e->ip) == -1)
        {
            (void) snprintf(err, errlen, "\"%.*s\" is no address or network",
                            (int) e->ip.len, e->ip.data);
            return -1;
        }

        if (e->port >= 0) {
            (void) snprintf(port, sizeof(port), "net.%s.port == %d", name,
                            (int) e->port);
        }

        *pos += snprintf(*pos, (size_t) (last - *pos), "%s(%s%s%s)",
                         i > 0 ? " || " : "", ip,
                         ip[0] && port[0] ? " && " : "", port);
    }

    return 0;
}


/* what lies behind the prefix does not count; IPv6 without any "::" */

static int
gateway_router_endpoint_ip(char *text, size_t len, const char *name,
    const gateway_str_t *ip)
{
    int                n;
    unsigned           i, bits, mask;
    gateway_address_t  address;

    if (gateway_address_parse(&address, &bits, ip->data, ip->len) == -1) {
        return -1;
    }

    for (i = 0; i < address.len; i++) {

        mask = (bits <= i * 8) ? 0
               : (bits - i * 8 >= 8) ? 0xff : 0xff00u >> (bits - i * 8);

        address.bytes[i] &= (unsigned char) mask;
    }

    n = snprintf(text, len, "net.%s.ip in ", name);

    for (i = 0; i < address.len; i += 2) {

        if (address.len == 4) {
            n += snprintf(text + n, len - (size_t) n, "%s%d.%d",
                          i > 0 ? "." : "", address.bytes[i],
                          address.bytes[i + 1]);

        } else {
            n += snprintf(text + n, len - (size_t) n, "%s%x",
                          i > 0 ? ":" : "",
                          address.bytes[i] << 8 | address.bytes[i + 1]);
        }
    }

    (void) snprintf(text + n, len - (size_t) n, "/%u", bits);

    return 0;
}


int
gateway_router_build_native(gateway_router_t *router)
{
    uint32_t                       i;
    gateway_router_rare_t         *rare;
    gateway_expression_scratch_t  *scratch;

    if (router->options.flavor != GATEWAY_ROUTER_EXPRESSIONS) {
        return 0;
    }

    scratch = &router->scratch->expression;

    scratch->match_data = router->scratch->match_data;
    scratch->context = router->scratch->context;

    for (i = 0; i < router->nparts; i++) {

        rare = router->parts[i].rare;

        if (rare != NULL && rare->expression != NULL
            && gateway_expression_reserve(scratch, rare->expression) == -1)
        {
            return -1;
        }
    }

    return 0;
}


int
gateway_router_test_native(gateway_router_search_t *search,
    const gateway_router_rare_t *rare)
{
    if (search->request->tls ? rare->http_only : rare->https_only) {
        return 0;
    }

    if (rare->expression == NULL) {
        return 1;
    }

    if (!search->asked) {
        search->asked = 1;
        gateway_router_ask(search);
    }

    return gateway_expression_match(rare->expression, &search->facts,
                                    &search->router->scratch->expression);
}


static void
gateway_router_ask(gateway_router_search_t *search)
{
    uint32_t                         port;
    gateway_str_t                   *texts;
    gateway_expression_facts_t      *facts;
    const gateway_router_request_t  *request;

    request = search->request;
    facts = &search->facts;
    texts = facts->texts;

    memset(facts, 0, sizeof(gateway_expression_facts_t));

    facts->data = request->header_data;
    facts->header = request->header;
    facts->ask = request->facts;

    texts[GATEWAY_FIELD_METHOD] = request->method;
    texts[GATEWAY_FIELD_PATH] = request->path;
    texts[GATEWAY_FIELD_HOST] = request->host;

    texts[GATEWAY_FIELD_PROTOCOL].data = request->tls ? "https" : "http";
    texts[GATEWAY_FIELD_PROTOCOL].len = request->tls ? 5 : 4;

    if (request->sni.len > 0) {
        texts[GATEWAY_FIELD_SNI] = request->sni;
    }

    /* the port in Host stands for that of the listener, as with "hosts" */

    port = GATEWAY_ROUTER_NO_PORT;

    if (request->host.len > 0) {
        gateway_router_split_host(&request->host,
                                  &texts[GATEWAY_FIELD_HOST], &port);
    }

    facts->dst_port = (port == GATEWAY_ROUTER_NO_PORT) ? request->port
                                                       : (int64_t) port;
}


void
gateway_router_found_native(const gateway_router_t *router,
    gateway_router_match_t *match)
{
    size_t                               i, j;
    const gateway_expression_hit_t      *hit;
    const gateway_expression_scratch_t  *scratch;

    scratch = &router->scratch->expression;

    /* when no test was about the path its "/" is cut, which leaves it whole */

    match->matched = (scratch->matched == SIZE_MAX) ? 1 : scratch->matched;

    for (i = 0; i < scratch->nhits; i++) {

        hit = &scratch->hits[i];

        for (j = 1; hit->code != NULL && j < hit->ncaptures; j++) {

            if (hit->captures[2 * j] != SIZE_MAX) {
                match->ncaptures = 2;
                match->hits = scratch;
                match->nhits = scratch->nhits;
                return;
            }
        }
    }
}


/* the regex that ran last decides about a name that several have */

int
gateway_router_capture_native(const gateway_router_match_t *match,
    const gateway_str_t *name, gateway_str_t *value)
{
    size_t                               i;
    gateway_str_t                        text;
    const gateway_expression_hit_t      *hit;
    const gateway_expression_scratch_t  *scratch;

    scratch = match->hits;

    for (i = match->nhits; i > 0; i--) {

        hit = &scratch->hits[i - 1];

        if (hit->code == NULL) {
            continue;
        }

        text = hit->text;

        if (text.data == NULL) {
            text.data = scratch->buf + hit->at;
        }

        if (gateway_router_group_of(hit->code, hit->captures, hit->ncaptures,
                                    &text, name, value))
        {
            return 1;
        }
    }

    return 0;
}


const char *
gateway_router_capture_name_native(const gateway_router_match_t *match,
    size_t n)
{
    size_t                               i;
    const char                          *name;
    const gateway_expression_scratch_t  *scratch;

    scratch = match->hits;

    for (i = match->nhits; i > 0; i--) {

        if (scratch->hits[i - 1].code == NULL) {
            continue;
        }

        name = gateway_router_name_of(scratch->hits[i - 1].code, &n);

        if (name) {
            return name;
        }
    }

    return NULL;
}


/* the match, then the scratch that it points to, the hits and their texts */

size_t
gateway_router_match_size(const gateway_router_match_t *match)
{
    size_t                               i, size;
    const gateway_expression_scratch_t  *scratch;

    size = sizeof(gateway_router_match_t);

    if (match->nhits == 0) {
        return size;
    }

    scratch = match->hits;

    size += sizeof(gateway_expression_scratch_t)
            + match->nhits * sizeof(gateway_expression_hit_t);

    for (i = 0; i < match->nhits; i++) {
        size += scratch->hits[i].code ? scratch->hits[i].text.len : 0;
    }

    return size;
}


gateway_router_match_t *
gateway_router_match_copy(void *memory, const gateway_router_match_t *match)
{
    char                                *p;
    size_t                               i;
    gateway_router_match_t              *copy;
    gateway_expression_hit_t            *hit;
    gateway_expression_scratch_t        *to;
    const gateway_expression_scratch_t  *from;

    copy = memory;
    *copy = *match;

    if (match->nhits == 0) {
        return copy;
    }

    from = match->hits;

    to = (gateway_expression_scratch_t *) (copy + 1);
    memset(to, 0, sizeof(gateway_expression_scratch_t));

    to->hits = (gateway_expression_hit_t *) (to + 1);
    memcpy(to->hits, from->hits,
           match->nhits * sizeof(gateway_expression_hit_t));

    copy->hits = to;

    p = (char *) (to->hits + match->nhits);

    for (i = 0; i < match->nhits; i++) {

        hit = &to->hits[i];

        if (hit->code == NULL || hit->text.len == 0) {
            hit->text.data = "";
            continue;
        }

        memcpy(p, hit->text.data ? hit->text.data : from->buf + hit->at,
               hit->text.len);

        hit->text.data = p;
        p += hit->text.len;
    }

    return copy;
}
