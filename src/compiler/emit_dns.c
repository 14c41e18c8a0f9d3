/*
 * Copyright (C) the ngx_gateway authors
 *
 * How names are resolved: "resolver", "gateway_dns", "gateway_hosts_file",
 * from the settings of Kong's two DNS clients and from resolv.conf.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"

/* resolv.conf has no more */
#define GWC_DNS_DOMAINS 6

/* what is not said in resolv.conf, as the module has it */
#define GWC_DNS_NDOTS    1
#define GWC_DNS_TIMEOUT  2
#define GWC_DNS_ATTEMPTS 5

typedef struct {
    gwc_vec_t servers; /* char *, as nginx's "resolver" takes them */
    gwc_vec_t domains;
    long ndots;
    long timeout; /* seconds */
    long attempts;
} gwc_resolv_conf_t;


/* the next word of a line, or NULL; *p moves behind it */
static char *
gwc_resolv_word(const char **p)
{
    const char *start = *p + strspn(*p, " \t");
    size_t len = strcspn(start, " \t\r\n#;");

    *p = start + len;

    return len ? gwc_strndup(start, len) : NULL;
}


static void
gwc_resolv_option(gwc_resolv_conf_t *conf, const char *word)
{
    const char *colon = strchr(word, ':');
    size_t len = colon != NULL ? (size_t) (colon - word) : 0;
    char *end;
    long value;

    if (colon == NULL) {
        return;
    }

    value = strtol(colon + 1, &end, 10);

    if (end == colon + 1 || *end != '\0' || value < 0) {
        return;
    }

    /* with the limits of the C library */
    if (strncmp(word, "ndots", len) == 0 && len == 5) {
        conf->ndots = value > 15 ? 15 : value;

    } else if (strncmp(word, "timeout", len) == 0 && len == 7 && value > 0) {
        conf->timeout = value > 30 ? 30 : value;

    } else if (strncmp(word, "attempts", len) == 0 && len == 8 && value > 0) {
        conf->attempts = value > 5 ? 5 : value;
    }
}


static void
gwc_resolv_server(gwc_resolv_conf_t *conf, char *word)
{
    /* nginx takes no zones of link-local addresses */
    if (word == NULL || strchr(word, '%') != NULL) {
        return;
    }

    gwc_vec_push(&conf->servers,
                 strchr(word, ':') != NULL ? gwc_sprintf("[%s]", word) : word);
}


static void
gwc_resolv_domains(gwc_resolv_conf_t *conf, const char *p)
{
    char *word;

    /* the last line counts */
    conf->domains.n = 0;

    while ((word = gwc_resolv_word(&p)) != NULL) {
        if (conf->domains.n < GWC_DNS_DOMAINS && strcmp(word, ".") != 0
            && strchr(word, ',') == NULL)
        {
            gwc_vec_push(&conf->domains, word);
        }
    }
}


static void
gwc_resolv_read(gwc_resolv_conf_t *conf)
{
    bool searched = false;
    char line[1024];
    FILE *file;

    conf->ndots = GWC_DNS_NDOTS;
    conf->timeout = GWC_DNS_TIMEOUT;
    conf->attempts = GWC_DNS_ATTEMPTS;

    file = fopen("/etc/resolv.conf", "re");

    if (file == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), file) != NULL) {
        const char *p = line;
        const char *key = gwc_resolv_word(&p);
        char *word;

        if (key == NULL) {
            continue;
        }

        if (strcmp(key, "nameserver") == 0) {
            gwc_resolv_server(conf, gwc_resolv_word(&p));

        } else if (strcmp(key, "search") == 0) {
            gwc_resolv_domains(conf, p);
            searched = true;

        } else if (strcmp(key, "domain") == 0 && !searched) {
            gwc_resolv_domains(conf, p);

        } else if (strcmp(key, "options") == 0) {
            while ((word = gwc_resolv_word(&p)) != NULL) {
                gwc_resolv_option(conf, word);
            }
        }
    }

    (void) fclose(file);
}


static const char *
gwc_dns_join(const gwc_vec_t *words)
{
    gwc_buf_t buf = { 0 };
    size_t i;

    for (i = 0; i < words->n; i++) {
        gwc_buf_printf(&buf, "%s%s", i ? "," : "",
                       (const char *) words->items[i]);
    }

    return gwc_strndup(buf.data, buf.len);
}


static bool
gwc_dns_has(const gwc_vec_t *words, const char *word)
{
    size_t i;

    for (i = 0; i < words->n; i++) {
        if (strcmp(words->items[i], word) == 0) {
            return true;
        }
    }

    return false;
}


static void
gwc_dns_time(gwc_vec_t *args, const gwc_settings_t *settings,
             const char *setting, const char *name, long dflt)
{
    if (gwc_settings_get(settings, setting) == NULL
        || gwc_settings_number(settings, setting) == dflt)
    {
        return;
    }

    gwc_vec_push(args, gwc_sprintf("%s=%lds", name,
                                   gwc_settings_number(settings, setting)));
}


/* the parameters of gateway_dns that differ from their defaults */
static void
gwc_dns_parameters(gwc_vec_t *args, const gwc_settings_t *settings,
                   const gwc_resolv_conf_t *conf, bool modern)
{
    const gwc_vec_t *order =
        modern ? &settings->resolver_family : &settings->dns_order;
    const char *types = gwc_dns_join(order);

    /* "CNAME" asks for nothing of its own */
    if (modern || strcmp(types, "LAST,SRV,A,CNAME") != 0) {
        gwc_vec_push(args, gwc_sprintf("order=%s", types));
    }

    if (modern && gwc_dns_has(order, "SRV")) {
        gwc_vec_push(args, gwc_sprintf("srv=named"));
    }

    if (conf->domains.n) {
        gwc_vec_push(args,
                     gwc_sprintf("search=%s", gwc_dns_join(&conf->domains)));
    }

    if (conf->ndots != GWC_DNS_NDOTS) {
        gwc_vec_push(args, gwc_sprintf("ndots=%ld", conf->ndots));
    }

    if (conf->timeout != GWC_DNS_TIMEOUT) {
        gwc_vec_push(args, gwc_sprintf("timeout=%lds", conf->timeout));
    }

    if (conf->attempts != GWC_DNS_ATTEMPTS) {
        gwc_vec_push(args, gwc_sprintf("attempts=%ld", conf->attempts));
    }

    gwc_dns_time(args, settings,
                 modern ? "resolver_valid_ttl" : "dns_valid_ttl", "valid", -1);
    gwc_dns_time(args, settings,
                 modern ? "resolver_stale_ttl" : "dns_stale_ttl", "stale",
                 3600);
    gwc_dns_time(args, settings,
                 modern ? "resolver_error_ttl" : "dns_error_ttl", "error", 1);

    /* the new client has one time for all that is no answer */
    gwc_dns_time(args, settings,
                 modern ? "resolver_error_ttl" : "dns_not_found_ttl",
                 "not_found", 30);
}


static void
gwc_emit_hosts_file(gwc_writer_t *w, const gwc_settings_t *settings,
                    const char *setting)
{
    const char *file = gwc_settings_get(settings, setting);
    char *real;

    if (file == NULL || strcmp(file, "/etc/hosts") == 0) {
        return;
    }

    real = realpath(file, NULL);

    if (real == NULL) {
        gwc_error(NULL, "cannot find the file \"%s\" of the setting \"%s\"",
                  file, setting);
        return;
    }

    gwc_put(w, "gateway_hosts_file", real, NULL);
    free(real);
}


static void
gwc_emit_nameservers(gwc_writer_t *w, const gwc_settings_t *settings,
                     gwc_vec_t servers, bool modern)
{
    const char *valid = modern ? "resolver_valid_ttl" : "dns_valid_ttl";
    const gwc_vec_t *order =
        modern ? &settings->resolver_family : &settings->dns_order;
    size_t i;

    if (servers.n == 0) {
        gwc_warning(NULL, "hosts are given by name, but there is no "
                          "nameserver: see dns_resolver");
        return;
    }

    gwc_begin(w, "resolver");

    for (i = 0; i < servers.n; i++) {
        gwc_arg(w, servers.items[i]);
    }

    /* for what else asks this resolver */
    if (gwc_settings_get(settings, valid) != NULL
        && gwc_settings_number(settings, valid) > 0)
    {
        gwc_argf(w, "valid=%lds", gwc_settings_number(settings, valid));
    }

    /* AAAA is not asked for unless told otherwise, as dns_order has it */
    if (!gwc_dns_has(order, "AAAA")) {
        gwc_arg(w, "ipv6=off");
    }

    gwc_end(w);
}


void
gwc_emit_resolver(gwc_writer_t *w, const gwc_output_t *output,
                  gwc_context_t context)
{
    const gwc_settings_t *settings = output->settings;
    bool modern = gwc_settings_flag(settings, "new_dns_client");
    gwc_resolv_conf_t conf = { 0 };
    const gwc_vec_t *given;

    if (gwc_settings_injected(settings, context, "resolver") != NULL) {
        return;
    }

    gwc_resolv_read(&conf);

    given = modern ? &settings->resolver_address : &settings->dns_resolver;

    gwc_emit_nameservers(w, settings, given->n ? *given : conf.servers,
                         modern);
}


void
gwc_emit_dns(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;
    bool modern = gwc_settings_flag(settings, "new_dns_client");
    gwc_resolv_conf_t conf = { 0 };
    gwc_vec_t args = { 0 };
    size_t i;

    if (!output->needs_resolver || output->trial != NULL) {
        return;
    }

    gwc_resolv_read(&conf);
    gwc_emit_resolver(w, output, GWC_CONTEXT_HTTP);

    gwc_emit_hosts_file(w, settings,
                        modern ? "resolver_hosts_file" : "dns_hostsfile");

    gwc_dns_parameters(&args, settings, &conf, modern);

    if (args.n == 0
        || gwc_settings_injected(settings, GWC_CONTEXT_HTTP, "gateway_dns")
               != NULL)
    {
        return;
    }

    gwc_begin(w, "gateway_dns");

    for (i = 0; i < args.n; i++) {
        gwc_arg(w, args.items[i]);
    }

    gwc_end(w);
}
