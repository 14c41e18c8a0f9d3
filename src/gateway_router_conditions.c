
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Conditions of a route that the index does not answer: methods, SNIs,
 * headers and regexes.
 */


#include "gateway_router_private.h"

#include <string.h>


static int gateway_router_test_methods(gateway_router_search_t *search,
    const gateway_router_part_t *part);
static int gateway_router_test_snis(const gateway_router_rare_t *rare,
    const gateway_router_request_t *request);
static int gateway_router_test_headers(gateway_router_search_t *search,
    const gateway_router_rare_t *rare);
static int gateway_router_test_value(const gateway_router_t *router,
    const gateway_router_value_t *value, const gateway_str_t *text);
static int gateway_router_test_regex(const gateway_router_t *router,
    const pcre2_code *code, const gateway_str_t *text);


int
gateway_router_test(gateway_router_search_t *search,
    const gateway_router_item_t *item)
{
    int                           rc;
    const gateway_router_part_t  *part;

    part = item->part;

    if (part->methods != 0 && !gateway_router_test_methods(search, part)) {
        return 0;
    }

    if (part->rare != NULL) {

        if (!gateway_router_test_snis(part->rare, search->request)) {
            return 0;
        }

        rc = gateway_router_test_headers(search, part->rare);

        if (rc == 1) {
            rc = gateway_router_test_native(search, part->rare);
        }

        if (rc != 1) {
            return rc;
        }
    }

    if (item->code == NULL) {
        return 1;
    }

    return gateway_router_test_path(search->router, item,
                                    &search->request->path);
}


int
gateway_router_test_path(const gateway_router_t *router,
    const gateway_router_item_t *item, const gateway_str_t *path)
{
    /* of "/users/[^/]+/orders$", "/users/[^/]+/bills$", ... one runs */

    if (item->tail.len > 0
        && (item->tail.len > path->len
            || memcmp(path->data + path->len - item->tail.len,
                      item->tail.data, item->tail.len) != 0))
    {
        return 0;
    }

    return gateway_router_test_regex(router, item->code, path);
}


static int
gateway_router_test_methods(gateway_router_search_t *search,
    const gateway_router_part_t *part)
{
    size_t                        i;
    const gateway_str_t          *method;
    const gateway_router_t       *router;

    router = search->router;
    method = &search->request->method;

    if (search->method == 0) {

        for (i = 0; i < router->nmethods; i++) {
            if (gateway_router_str_eq(&router->methods[i], method)) {
                break;
            }
        }

        /* an unknown method gets the last bit as well */

        search->method = (i < router->nmethods) ? (uint32_t) 1 << i
                                                : GATEWAY_ROUTER_OTHER_METHOD;
    }

    if (!(part->methods & search->method)) {
        return 0;
    }

    if (search->method != GATEWAY_ROUTER_OTHER_METHOD) {
        return 1;
    }

    for (i = 0; i < part->rare->nmethods; i++) {
        if (gateway_router_str_eq(&part->rare->methods[i], method)) {
            return 1;
        }
    }

    return 0;
}


/* SNIs are a condition of TLS connections only */

static int
gateway_router_test_snis(const gateway_router_rare_t *rare,
    const gateway_router_request_t *request)
{
    size_t                       i, offset;
    const gateway_str_t         *text, *name;
    const gateway_router_sni_t  *sni;

    if (rare->nsnis == 0 || !request->tls) {
        return 1;
    }

    name = &request->sni;

    if (name->len == 0) {
        return 0;
    }

    for (i = 0; i < rare->nsnis; i++) {

        sni = &rare->snis[i];
        text = &sni->text;

        if (sni->kind == GATEWAY_ROUTER_EXACT) {

            if (gateway_router_str_eq(text, name)) {
                return 1;
            }

            continue;
        }

        if (text->len > name->len) {
            continue;
        }

        offset = (sni->kind == GATEWAY_ROUTER_SUFFIX) ? name->len - text->len
                                                      : 0;

        if (memcmp(name->data + offset, text->data, text->len) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
gateway_router_test_headers(gateway_router_search_t *search,
    const gateway_router_rare_t *rare)
{
    int                              rc;
    size_t                           i, j, k;
    gateway_str_t                    text;
    const gateway_router_field_t    *field;
    const gateway_router_request_t  *request;

    request = search->request;

    for (i = 0; i < rare->nfields; i++) {

        field = &rare->fields[i];

        rc = 0;

        for (j = 0;
             rc == 0 && request->header(request->header_data, &field->name,
                                        j, &text);
             j++)
        {
            for (k = 0; rc == 0 && k < field->nvalues; k++) {
                rc = gateway_router_test_value(search->router,
                                               &field->values[k], &text);
            }
        }

        if (rc != 1) {
            return rc;
        }
    }

    return 1;
}


static int
gateway_router_test_value(const gateway_router_t *router,
    const gateway_router_value_t *value, const gateway_str_t *text)
{
    char                      *p;
    size_t                     i;
    gateway_str_t              lower;
    gateway_router_scratch_t  *scratch;

    if (value->code == NULL) {

        if (text->len != value->text.len) {
            return 0;
        }

        for (i = 0; i < text->len; i++) {
            if (gateway_router_lower(text->data[i]) != value->text.data[i]) {
                return 0;
            }
        }

        return 1;
    }

    scratch = router->scratch;

    if (text->len > scratch->lower_size) {

        p = gateway_router_heap_grow(scratch->lower, 0, text->len, 1);
        if (p == NULL) {
            return -1;
        }

        scratch->lower = p;
        scratch->lower_size = text->len;
    }

    for (i = 0; i < text->len; i++) {
        scratch->lower[i] = gateway_router_lower(text->data[i]);
    }

    lower.data = (text->len > 0) ? scratch->lower : "";
    lower.len = text->len;

    return gateway_router_test_regex(router, value->code, &lower);
}


static int
gateway_router_test_regex(const gateway_router_t *router,
    const pcre2_code *code, const gateway_str_t *text)
{
    int  rc;

    rc = pcre2_match(code, (PCRE2_SPTR) text->data, text->len, 0, 0,
                     router->scratch->match_data, router->scratch->context);

    if (rc >= 0) {
        return 1;
    }

    return (rc == PCRE2_ERROR_NOMATCH) ? 0 : -1;
}
