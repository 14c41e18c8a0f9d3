/*
 * Copyright (C) the ngx_gateway authors
 *
 * Directives that would break the gateway, or do something else than their
 * author expects.  nginx checks the rest.
 */

#include <string.h>

#include "diag.h"
#include "extra.h"

#define GWC_IN(context) (1U << (context))

/* blocks of the HTTP gateway */
#define GWC_IN_SERVER                                                         \
    (GWC_IN(GWC_CONTEXT_PROXY) | GWC_IN(GWC_CONTEXT_STATUS)                   \
     | GWC_IN(GWC_CONTEXT_ADMIN))
/* where a request of a service is */
#define GWC_IN_LOCATION GWC_IN(GWC_CONTEXT_LOCATION)
#define GWC_IN_REQUEST  (GWC_IN_LOCATION | GWC_IN(GWC_CONTEXT_PROXY))

static const char gwc_no_content[] = "it would answer in place of the service";

static const struct {
    const char *name; /* "*_pass": all that end so */
    unsigned contexts;
    bool error;
    const char *why;
} gwc_extra_rules[] = {
    { "*_pass", GWC_IN_REQUEST, true,
      "the host of the service decides where requests go" },
    { "location", GWC_IN_LOCATION, true, "routes are the locations" },
    { "internal", GWC_IN_REQUEST, true, "no client would reach it" },
    { "try_files", GWC_IN_REQUEST, true, gwc_no_content },
    { "empty_gif", GWC_IN_REQUEST, true, gwc_no_content },
    { "stub_status", GWC_IN_REQUEST, true, gwc_no_content },
    { "flv", GWC_IN_REQUEST, true, gwc_no_content },
    { "mp4", GWC_IN_REQUEST, true, gwc_no_content },
    { "perl", GWC_IN_REQUEST, true, gwc_no_content },
    { "js_content", GWC_IN_REQUEST, true, gwc_no_content },
    { "random_index", GWC_IN_REQUEST, true, gwc_no_content },
    { "dav_methods", GWC_IN_REQUEST, true, gwc_no_content },
    { "return", GWC_IN_REQUEST, false,
      "it answers before any plugin runs, those of authentication included" },
    { "error_page", GWC_IN_LOCATION, false,
      "it replaces the error pages of the gateway here" },
    { "listen", GWC_IN_SERVER, true,
      "the settings proxy_listen and status_listen say it" },
    { "server_name", GWC_IN_SERVER, true, "the server is chosen by port" },
    { "ssl_certificate", GWC_IN_SERVER, true,
      "the settings ssl_cert and status_ssl_cert say it" },
    { "ssl_certificate_key", GWC_IN_SERVER, true,
      "the settings ssl_cert_key and status_ssl_cert_key say it" },
    { "server", GWC_IN(GWC_CONTEXT_UPSTREAM), true,
      "the targets of upstreams are the servers" },
    { "http", GWC_IN(GWC_CONTEXT_MAIN), true,
      "its directives have their own key" },
    { "events", GWC_IN(GWC_CONTEXT_MAIN), true,
      "its directives have their own key" },
    { "pid", GWC_IN(GWC_CONTEXT_MAIN), true,
      "\"reload\", \"quit\" and \"stop\" look for it in the directory" },
};


static bool
gwc_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);

    return n >= k && strcmp(s + n - k, suffix) == 0;
}


static bool
gwc_is_named(const gwc_directive_t *directive, const char *name)
{
    return name[0] == '*' ? gwc_ends(directive->name, name + 1)
                          : strcmp(directive->name, name) == 0;
}


static const char *
gwc_word(const gwc_directive_t *directive, size_t i)
{
    return i < directive->words.n ? directive->words.items[i] : "";
}


/* the path that goes upstream is the gateway's; only answers remain */
static void
gwc_extra_check_rewrite(const gwc_directive_t *directive)
{
    const char *flag = gwc_word(directive, 2);
    const char *target = gwc_word(directive, 1);

    if (strcmp(flag, "redirect") == 0 || strcmp(flag, "permanent") == 0
        || strncmp(target, "http://", 7) == 0
        || strncmp(target, "https://", 8) == 0)
    {
        gwc_warning(
            directive->node,
            "directive \"rewrite\": it answers before any plugin runs, "
            "those of authentication included");
        return;
    }

    gwc_error(directive->node,
              "directive \"rewrite\" is not possible here: what goes upstream "
              "is the route's and the service's path");
    gwc_fix("the plugin request-transformer, replace.uri, changes it");
}


/* the gateway writes these itself, or they frame the request */
static void
gwc_extra_check_header(const gwc_directive_t *directive)
{
    static const char *const own[] = { "Host", "Connection", "Content-Length",
                                       "Transfer-Encoding", ":authority" };
    const char *name = gwc_word(directive, 0);
    size_t i;

    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcasecmp(name, own[i]) == 0) {
            gwc_error(directive->node,
                      "directive \"%s\": the gateway writes the header %s "
                      "itself",
                      directive->name, own[i]);
        }
    }
}


/* requests are told apart by routes: no client gets into a location */
static void
gwc_extra_check_server_location(const gwc_directive_t *directive)
{
    const char *first = gwc_word(directive, 0);

    if (first[0] != '@'
        && !gwc_directives_have(&directive->children, "internal")) {
        gwc_warning(directive->node,
                    "no client reaches this location, routes decide; only "
                    "internal redirects do, which \"internal\" says");
    }
}


static void
gwc_extra_check_one(const gwc_directive_t *directive, gwc_context_t context)
{
    const unsigned here = GWC_IN(context);
    size_t i;

    if (strncmp(directive->name, "gateway_", 8) == 0) {
        gwc_error(directive->node,
                  "directive \"%s\" is not possible here: entities, plugins "
                  "and settings say what the gateway does",
                  directive->name);
        return;
    }

    for (i = 0; i < sizeof(gwc_extra_rules) / sizeof(gwc_extra_rules[0]); i++)
    {
        if (!(gwc_extra_rules[i].contexts & here)
            || !gwc_is_named(directive, gwc_extra_rules[i].name))
        {
            continue;
        }

        if (gwc_extra_rules[i].error) {
            gwc_error(directive->node,
                      "directive \"%s\" is not possible here: %s",
                      directive->name, gwc_extra_rules[i].why);
            return;
        }

        gwc_warning(directive->node, "directive \"%s\": %s", directive->name,
                    gwc_extra_rules[i].why);
    }

    if ((here & GWC_IN_REQUEST) && strcmp(directive->name, "rewrite") == 0) {
        gwc_extra_check_rewrite(directive);

    } else if (strcmp(directive->name, "proxy_set_header") == 0
               || strcmp(directive->name, "grpc_set_header") == 0)
    {
        gwc_extra_check_header(directive);

    } else if (context == GWC_CONTEXT_PROXY
               && strcmp(directive->name, "location") == 0)
    {
        gwc_extra_check_server_location(directive);
    }
}


void
gwc_extra_check(const gwc_vec_t *list, gwc_context_t context)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        const gwc_directive_t *directive = list->items[i];

        gwc_extra_check_one(directive, context);

        /* other blocks are another's business: map{}, an own server{} */
        if (strcmp(directive->name, "if") == 0
            || strcmp(directive->name, "limit_except") == 0)
        {
            gwc_extra_check(&directive->children, context);
        }
    }
}


/*
 * nginx's key of cached answers knows the address of the upstream and the
 * path of the client only: two services behind one address would get each
 * other's.
 */
void
gwc_extra_check_merged(const gwc_vec_t *list, const gwc_settings_t *settings)
{
    static const char *const caches[] = { "proxy_cache", "proxy_cache_key" };
    size_t i;

    if (list == NULL || !gwc_directives_have(list, caches[0])
        || gwc_directives_have(list, caches[1])
        || gwc_settings_injected(settings, GWC_CONTEXT_HTTP, caches[1]) != NULL
        || gwc_settings_injected(settings, GWC_CONTEXT_PROXY, caches[1])
               != NULL
        || gwc_settings_injected(settings, GWC_CONTEXT_LOCATION, caches[1])
               != NULL)
    {
        return;
    }

    for (i = 0; i < list->n; i++) {
        const gwc_directive_t *directive = list->items[i];

        if (strcmp(directive->name, caches[0]) == 0
            && strcmp(directive->args, "off") != 0)
        {
            gwc_error(directive->node,
                      "directive \"proxy_cache\" needs proxy_cache_key here: "
                      "nginx's own key does not tell services apart");
            gwc_fix(
                "proxy_cache_key $gateway_route_id$scheme$host$request_uri");
            return;
        }
    }
}
