/*
 * Copyright (C) the ngx_gateway authors
 */

#include "settings_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

extern char **environ;

#define GWC_ENV_PREFIX "NGX_GATEWAY_"

/* whole families of kong.conf that have no meaning here */
static const char *const gwc_absent_prefixes[] = {
    "admin_gui_",     "cluster_",       "db_",
    "lmdb_",          "lua_",           "pg_",
    "opentelemetry_", "untrusted_lua_", "wasm_",
    "_debug_",        "pluginserver_"
};

static const char *const gwc_absent_names[] = { "wasm" };

static const struct {
    const char *name;
    gwc_context_t context; /* NONE: no such block here */
} gwc_contexts[] = { { "main", GWC_CONTEXT_MAIN },
                     { "events", GWC_CONTEXT_EVENTS },
                     { "http", GWC_CONTEXT_HTTP },
                     { "proxy", GWC_CONTEXT_PROXY },
                     { "location", GWC_CONTEXT_LOCATION },
                     { "upstream", GWC_CONTEXT_UPSTREAM },
                     { "status", GWC_CONTEXT_STATUS },
                     { "admin_gui", GWC_CONTEXT_NONE },
                     { "admin", GWC_CONTEXT_ADMIN },
                     { "stream", GWC_CONTEXT_STREAM },
                     { "sproxy", GWC_CONTEXT_SPROXY },
                     { "supstream", GWC_CONTEXT_SUPSTREAM } };

/* spellings of their own that kong.conf has for injected directives */
static const struct {
    const char *name;
    const char *injected;
} gwc_aliases[] = {
    { "nginx_daemon", "nginx_main_daemon" },
    { "nginx_user", "nginx_main_user" },
    { "nginx_worker_processes", "nginx_main_worker_processes" },
    { "client_body_buffer_size", "nginx_http_client_body_buffer_size" },
    { "client_max_body_size", "nginx_http_client_max_body_size" }
};

#define GWC_COUNT(array) (sizeof(array) / sizeof((array)[0]))


static bool
gwc_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}


static bool
gwc_setting_is_absent(const char *name)
{
    size_t i;

    for (i = 0; i < GWC_COUNT(gwc_absent_prefixes); i++) {
        if (gwc_starts(name, gwc_absent_prefixes[i])) {
            return true;
        }
    }

    for (i = 0; i < GWC_COUNT(gwc_absent_names); i++) {
        if (strcmp(name, gwc_absent_names[i]) == 0) {
            return true;
        }
    }

    return false;
}


static void
gwc_setting_unknown(const char *name, const char *origin)
{
    const char **names = gwc_alloc_array(gwc_setting_count, sizeof(char *));
    const char *near;
    size_t i;

    for (i = 0; i < gwc_setting_count; i++) {
        names[i] = gwc_setting_table[i].name;
    }

    near = gwc_nearest((gwc_text_t){ name, strlen(name) }, names,
                       gwc_setting_count);

    gwc_error(NULL, "unknown setting \"%s\" (%s)%s%s%s", name, origin,
              near ? ", did you mean \"" : "", near ? near : "",
              near ? "\"?" : "");
}


const char *
gwc_context_name(gwc_context_t context)
{
    size_t i;

    for (i = 0; i < GWC_COUNT(gwc_contexts); i++) {
        if (gwc_contexts[i].context == context) {
            return gwc_contexts[i].name;
        }
    }

    return "";
}


/* the directive behind "nginx_", with its context; NULL: there is none */
static const char *
gwc_injected_split(const char *name, gwc_context_t *context)
{
    size_t i;

    for (i = 0; i < GWC_COUNT(gwc_contexts); i++) {
        size_t len = strlen(gwc_contexts[i].name);

        if (strncmp(name + 6, gwc_contexts[i].name, len) == 0
            && name[6 + len] == '_' && name[7 + len] != '\0')
        {
            *context = gwc_contexts[i].context;
            return name + 7 + len;
        }
    }

    return NULL;
}


/* true when the text is what may stand between a directive and its ";" */
static bool
gwc_injected_check(const char *value)
{
    char quote = '\0';
    const char *p;

    for (p = value; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;

        } else if (*p == '\n') {
            return false;

        } else if (quote) {
            if (*p == quote) {
                quote = '\0';
            }

        } else if ((*p == '"' || *p == '\'')
                   && (p == value || isspace((unsigned char) p[-1])))
        {
            quote = *p;

        } else if (*p == ';' || *p == '{' || *p == '}') {
            if (!(*p == '{' && p > value && p[-1] == '$') && *p != '}') {
                return false;
            }
        }
    }

    return quote == '\0';
}


static void
gwc_injected_add(gwc_settings_t *settings, const char *name, const char *value,
                 const char *origin)
{
    gwc_context_t context;
    gwc_injected_t *injected;
    const char *directive, *p;
    size_t len;

    directive = gwc_injected_split(name, &context);

    if (directive == NULL) {
        gwc_error(NULL,
                  "setting \"%s\" (%s): expected "
                  "nginx_<context>_<directive> with one of the contexts "
                  "main, events, http, proxy, location, upstream, status, "
                  "stream, sproxy, supstream",
                  name, origin);
        return;
    }

    if (context == GWC_CONTEXT_NONE || gwc_starts(directive, "lua_")) {
        gwc_warning(NULL, "setting \"%s\" (%s) has no meaning here: ignored",
                    name, origin);
        return;
    }

    for (p = directive; *p != '\0'; p++) {
        if (!islower((unsigned char) *p) && !isdigit((unsigned char) *p)
            && *p != '_') {
            gwc_error(NULL, "setting \"%s\" (%s): \"%s\" is no directive",
                      name, origin, directive);
            return;
        }
    }

    len = strlen(value);

    while (
        len
        && (isspace((unsigned char) value[len - 1]) || value[len - 1] == ';'))
    {
        len--;
    }

    value = gwc_strndup(value, len);

    if (!gwc_injected_check(value)) {
        gwc_error(NULL,
                  "setting \"%s\" (%s): expected the arguments of one "
                  "nginx directive, quoted as nginx wants it",
                  name, origin);
        return;
    }

    injected = gwc_alloc(sizeof(gwc_injected_t));
    injected->context = context;
    injected->directive = directive;
    injected->value = value;
    injected->setting = name;
    injected->origin = origin;

    gwc_vec_push(&settings->injected, injected);
}


static const char *
gwc_injected_name(const char *name)
{
    size_t i;

    for (i = 0; i < GWC_COUNT(gwc_aliases); i++) {
        if (strcmp(name, gwc_aliases[i].name) == 0) {
            return gwc_aliases[i].injected;
        }
    }

    return gwc_starts(name, "nginx_") ? name : NULL;
}


/*
 * Takes one value from one source.  Sources come in order of their rank, so
 * what is already there stays.
 */
static void
gwc_setting_take(gwc_settings_t *settings, gwc_map_t *seen, const char *name,
                 const char *value, const char *origin)
{
    const gwc_setting_t *setting;
    const char *injected;
    size_t i;

    injected = gwc_injected_name(name);

    if (injected != NULL) {
        name = injected;
    }

    if (gwc_map_add(seen, (gwc_text_t){ name, strlen(name) },
                    gwc_strndup(origin, strlen(origin)))
        != NULL)
    {
        return;
    }

    if (injected != NULL) {
        gwc_injected_add(settings, name, value, origin);
        return;
    }

    setting = gwc_setting_find(name);

    if (setting == NULL) {
        if (gwc_setting_is_absent(name)) {
            gwc_warning(NULL,
                        "setting \"%s\" (%s) has no meaning here: ignored",
                        name, origin);

        } else {
            gwc_setting_unknown(name, origin);
        }

        return;
    }

    if (setting->type == GWC_SET_ABSENT) {
        gwc_warning(NULL, "setting \"%s\" (%s) has no meaning here: ignored",
                    name, origin);
        return;
    }

    i = (size_t) (setting - gwc_setting_table);
    settings->values[i] = value[0] != '\0' ? value : NULL;
    settings->origins[i] = origin;
}


static void
gwc_settings_take_sets(gwc_settings_t *settings, gwc_map_t *seen,
                       const char *const *sets, size_t n)
{
    const char *equals, *name;
    size_t i;

    /* the last --set of a name wins */
    for (i = n; i-- > 0;) {
        equals = strchr(sets[i], '=');

        if (equals == NULL || equals == sets[i]) {
            gwc_error(NULL, "--set %s: expected NAME=VALUE", sets[i]);
            continue;
        }

        name = gwc_strndup(sets[i], (size_t) (equals - sets[i]));
        gwc_setting_take(settings, seen, name, equals + 1, "--set");
    }
}


/*
 * Kubernetes puts NGX_GATEWAY_PORT=tcp://... and the like into every pod
 * when a service is called ngx-gateway.
 */
static bool
gwc_env_is_foreign(const char *name)
{
    return gwc_starts(name, "port")
           && (name[4] == '\0' || isdigit((unsigned char) name[5]));
}


static int
gwc_compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


static void
gwc_settings_take_env(gwc_settings_t *settings, gwc_map_t *seen)
{
    gwc_vec_t vars = { 0 };
    const char *equals;
    char *name, *p;
    size_t i;

    for (i = 0; environ[i] != NULL; i++) {
        if (gwc_starts(environ[i], GWC_ENV_PREFIX)) {
            gwc_vec_push(&vars, environ[i]);
        }
    }

    if (vars.n) {
        qsort(vars.items, vars.n, sizeof(void *), gwc_compare_texts);
    }

    for (i = 0; i < vars.n; i++) {
        const char *var = vars.items[i];

        equals = strchr(var, '=');

        if (equals == NULL) {
            continue;
        }

        name = gwc_strndup(var + strlen(GWC_ENV_PREFIX),
                           (size_t) (equals - var) - strlen(GWC_ENV_PREFIX));

        for (p = name; *p != '\0'; p++) {
            *p = (char) tolower((unsigned char) *p);
        }

        if (gwc_env_is_foreign(name) || gwc_starts(name, "service_host")
            || gwc_starts(name, "service_port"))
        {
            continue;
        }

        gwc_setting_take(settings, seen, name, equals + 1,
                         gwc_strndup(var, (size_t) (equals - var)));
    }
}


/* one line of a settings file: "name = value  # remark" */
static void
gwc_settings_take_line(gwc_settings_t *settings, gwc_map_t *seen,
                       gwc_map_t *here, const char *file, unsigned line,
                       const char *text, size_t len)
{
    const char *end, *equals, *start;
    char *name, *origin, *value;
    size_t i, n;

    start = text;
    end = text + len;

    while (start < end && isspace((unsigned char) *start)) {
        start++;
    }

    if (start == end || *start == '#' || *start == ';') {
        return;
    }

    equals = memchr(start, '=', (size_t) (end - start));

    if (equals == NULL) {
        gwc_error_at(file, line, (unsigned) (start - text) + 1,
                     "expected \"name = value\"");
        return;
    }

    n = (size_t) (equals - start);

    while (n && isspace((unsigned char) start[n - 1])) {
        n--;
    }

    name = gwc_strndup(start, n);
    start = equals + 1;

    while (start < end && isspace((unsigned char) *start)) {
        start++;
    }

    value = gwc_strndup(start, (size_t) (end - start));

    /* "#" starts a remark, "\#" is the character */
    for (i = 0, n = 0; value[i] != '\0' && value[i] != '#'; i++) {
        if (value[i] == '\\' && value[i + 1] == '#') {
            i++;
        }

        value[n++] = value[i];
    }

    while (n && isspace((unsigned char) value[n - 1])) {
        n--;
    }

    value[n] = '\0';

    if (n >= 2 && (value[0] == '"' || value[0] == '\'')
        && value[n - 1] == value[0])
    {
        value = gwc_strndup(value + 1, n - 2);
    }

    origin = gwc_sprintf("%s:%u", file, line);

    if (gwc_map_add(here, (gwc_text_t){ name, strlen(name) }, origin) != NULL)
    {
        gwc_error_at(file, line, 1, "setting \"%s\" is given twice", name);
        return;
    }

    gwc_setting_take(settings, seen, name, value, origin);
}


static void
gwc_settings_take_file(gwc_settings_t *settings, gwc_map_t *seen,
                       const char *file)
{
    const char *end, *newline, *p;
    gwc_text_t bytes;
    gwc_map_t *here;
    unsigned line;

    if (!gwc_file_read(file, &bytes)) {
        return;
    }

    here = gwc_map_create();
    end = bytes.data + bytes.len;
    line = 1;

    for (p = bytes.data; p < end; p = newline + 1) {
        newline = memchr(p, '\n', (size_t) (end - p));

        if (newline == NULL) {
            newline = end;
        }

        gwc_settings_take_line(settings, seen, here, file, line++, p,
                               (size_t) (newline - p));
    }
}


static int
gwc_compare_injected(const void *a, const void *b)
{
    const gwc_injected_t *x = *(const gwc_injected_t *const *) a;
    const gwc_injected_t *y = *(const gwc_injected_t *const *) b;

    if (x->context != y->context) {
        return x->context < y->context ? -1 : 1;
    }

    return strcmp(x->directive, y->directive);
}


gwc_settings_t *
gwc_settings_load(const char *const *sets, size_t n, const char *file)
{
    gwc_settings_t *settings;
    gwc_map_t *seen;
    size_t i;

    settings = gwc_alloc(sizeof(gwc_settings_t));
    settings->values = gwc_alloc_array(gwc_setting_count, sizeof(char *));
    settings->origins = gwc_alloc_array(gwc_setting_count, sizeof(char *));

    seen = gwc_map_create();
    gwc_settings_take_sets(settings, seen, sets, n);
    gwc_settings_take_env(settings, seen);

    if (file != NULL) {
        gwc_settings_take_file(settings, seen, file);
    }

    if (settings->injected.n) {
        qsort(settings->injected.items, settings->injected.n, sizeof(void *),
              gwc_compare_injected);
    }

    for (i = 0; i < gwc_setting_count; i++) {
        if (settings->values[i] == NULL) {
            settings->values[i] = gwc_setting_table[i].dflt;
        }

        gwc_setting_check(settings, i);
    }

    gwc_settings_check(settings);

    return settings;
}


const char *
gwc_settings_get(const gwc_settings_t *settings, const char *name)
{
    return settings->values[gwc_setting_index(name)];
}


void
gwc_settings_clear(gwc_settings_t *settings, const char *name)
{
    size_t i = gwc_setting_index(name);

    settings->values[i] = gwc_setting_table[i].dflt;
    settings->origins[i] = NULL;
}


bool
gwc_settings_flag(const gwc_settings_t *settings, const char *name)
{
    const char *value = gwc_settings_get(settings, name);

    return value != NULL && strcmp(value, "on") == 0;
}


long
gwc_settings_number(const gwc_settings_t *settings, const char *name)
{
    const char *value = gwc_settings_get(settings, name);

    return value != NULL ? strtol(value, NULL, 10) : 0;
}


const char *
gwc_settings_injected(const gwc_settings_t *settings, gwc_context_t context,
                      const char *directive)
{
    size_t i;

    for (i = 0; i < settings->injected.n; i++) {
        const gwc_injected_t *injected = settings->injected.items[i];

        if (injected->context == context
            && strcmp(injected->directive, directive) == 0)
        {
            return injected->value;
        }
    }

    return NULL;
}


int
gwc_settings_public_port(const gwc_settings_t *settings, int port)
{
    size_t i;

    for (i = 0; i < settings->port_maps.n; i++) {
        const char *map = settings->port_maps.items[i];
        const char *colon = strchr(map, ':');

        if (strtol(colon + 1, NULL, 10) == port) {
            return (int) strtol(map, NULL, 10);
        }
    }

    return port;
}
