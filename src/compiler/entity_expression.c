/*
 * Copyright (C) the ngx_gateway authors
 *
 * Routes that are expressions: what goes with them, and the text itself,
 * which the router's own code reads.
 */

#include "entities.h"
#include "gateway_expression.h"
#include "places.h"

#include <string.h>


/* the field at an offset, to suggest another */
static void
gwc_expression_suggest(gwc_text_t text, size_t at)
{
    gwc_text_t word = { text.data + at, 0 };
    const char *nearest;
    size_t n = 0;

    while (at + word.len < text.len
           && ((word.data[word.len] >= 'a' && word.data[word.len] <= 'z')
               || (word.data[word.len] >= 'A' && word.data[word.len] <= 'Z')
               || (word.data[word.len] >= '0' && word.data[word.len] <= '9')
               || word.data[word.len] == '.' || word.data[word.len] == '_'))
    {
        word.len++;
    }

    while (gateway_expression_fields[n] != NULL) {
        n++;
    }

    nearest = gwc_nearest(word, gateway_expression_fields, n);

    if (nearest != NULL) {
        gwc_fix("%s", nearest);
    }
}


static void
gwc_expression_text(const gwc_route_t *route, bool stream)
{
    gateway_expression_report_t report;
    gateway_router_t *router = gwc_checks_router();
    const gwc_node_t *node = route->expression.node;
    gwc_text_t value = route->expression.v;
    gateway_str_t text = { value.data, value.len };

    if (router == NULL) {
        gwc_error(node, "out of memory");
        return;
    }

    if (gateway_router_expression_check(router, &text, stream, &report) != 0) {
        gwc_error_within(node, report.at, "%s", report.message);

        if (strstr(report.message, "\" is no field") != NULL
            && strstr(report.message, "of stream") == NULL)
        {
            gwc_expression_suggest(value, report.at);
        }

        return;
    }

    if (report.mixed != SIZE_MAX) {
        gwc_warning_within(node, report.mixed,
                           "\"||\" binds tighter than \"&&\" here: say with "
                           "parentheses what is meant");
    }

    if (report.net_port != SIZE_MAX) {
        gwc_warning_within(node, report.net_port,
                           "\"net.port\" is the old name of "
                           "\"net.dst.port\"");
    }

    if (report.upper != SIZE_MAX) {
        gwc_warning_within(node, report.upper,
                           "lower() gives lower case, which is never this "
                           "text with upper case in it");
    }
}


static bool
gwc_expression_has_others(const gwc_route_t *route)
{
    return route->methods.n > 0 || route->hosts.n > 0 || route->paths.n > 0
           || route->headers.n > 0 || route->snis.n > 0 || route->sources.n > 0
           || route->destinations.n > 0;
}


void
gwc_check_route_expression(const gwc_route_t *route, bool stream)
{
    const gwc_node_t *node = route->expression.node;
    bool others = gwc_expression_has_others(route);

    /* nothing would be matched by it: such a route must not look fine */
    if (!gwc_flavor_is("expressions")) {
        if (route->expression.set) {
            gwc_error(node, "\"expression\" needs router_flavor expressions");
            gwc_fix("--set router_flavor=expressions");
        }

        if (route->priority.set && route->priority.v != 0) {
            gwc_error(route->priority.node,
                      "\"priority\" belongs to \"expression\"; "
                      "\"regex_priority\" orders regular expressions");
        }

        return;
    }

    if (route->expression.set && others) {
        gwc_error(node, "cannot set \"expression\" with \"methods\", "
                        "\"hosts\", \"paths\", \"headers\", \"snis\", "
                        "\"sources\" or \"destinations\"");
    }

    if (route->expression.set && route->regex_priority.set
        && route->regex_priority.v != 0)
    {
        gwc_error(route->regex_priority.node,
                  "cannot set \"regex_priority\" with \"expression\", whose "
                  "order is \"priority\"");
    }

    if (!route->expression.set && others && route->priority.set
        && route->priority.v != 0)
    {
        gwc_error(route->priority.node,
                  "cannot set \"priority\" with \"methods\", \"hosts\", "
                  "\"paths\", \"headers\", \"snis\", \"sources\" or "
                  "\"destinations\": it orders expressions");
    }

    if (route->expression.set) {
        gwc_expression_text(route, stream);
    }
}
