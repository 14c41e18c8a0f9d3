/*
 * Copyright (C) the ngx_gateway authors
 *
 * The commands of the tool.  Each returns an exit status of diag.h.
 */

#ifndef GWC_COMMAND_H
#define GWC_COMMAND_H

#include "emit.h"

typedef struct {
    const char **files;
    size_t nfiles;
    const char **sets; /* --set NAME=VALUE */
    size_t nsets;
    const char **extras; /* --extra FILE */
    size_t nextras;
    const char *settings; /* --settings */
    const char *prefix;   /* -o, -p */
    const char *nginx;
    const char *modules;
    bool allow_unsupported;
    bool watch;
    bool json;
    /* diff: what is not the same for OLD */
    const char **old_sets;
    size_t nold_sets;
    const char **old_extras;
    size_t nold_extras;
    const char *old_settings;
    bool test; /* --test: nginx looks at what comes out */

    /* test */
    const char *junit;
    const char *filter;
    bool keep;

    /* explain */
    const char *method;
    const char *url;
    const char *consumer;
    const char *from;     /* --from, the client's address */
    const char **headers; /* -H 'Name: value' */
    size_t nheaders;
} gwc_options_t;

/* the settings and the checked model; model NULL after errors */
typedef struct {
    gwc_settings_t *settings;
    gwc_model_t *model;
    bool directives; /* somebody wrote directives of nginx: extra.h */
} gwc_input_t;

/* reads both; GWC_EXIT_OK, or the status after the messages were printed */
int gwc_input_read(gwc_input_t *input, gwc_options_t *options);
/* prints the messages: the status that follows from them */
int gwc_finish(void);

int gwc_command_check(gwc_options_t *options);
int gwc_command_compile(gwc_options_t *options);
int gwc_command_explain(gwc_options_t *options);
int gwc_command_test(gwc_options_t *options);
int gwc_command_diff(gwc_options_t *options);
int gwc_command_schema(gwc_options_t *options);
int gwc_command_run(gwc_options_t *options);
int gwc_command_reload(gwc_options_t *options);
int gwc_command_quit(gwc_options_t *options);
int gwc_command_stop(gwc_options_t *options);

/*
 * Compiles into the prefix; test: only what nginx accepts replaces the
 * configuration that is there.
 */
int gwc_compile(gwc_options_t *options, const char *prefix, bool foreground,
                bool test);

#endif
