/*
 * Copyright (C) the ngx_gateway authors
 *
 * The commands schema, check and compile.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "consumers.h"
#include "extra.h"
#include "nginx_test.h"
#include "prefix.h"
#include "secret.h"


int
gwc_finish(void)
{
    if (gwc_diag_flush() == 0) {
        return GWC_EXIT_OK;
    }

    return gwc_io_has_failed() ? GWC_EXIT_IO : GWC_EXIT_BAD_INPUT;
}


static void
gwc_check_readable(const char *file)
{
    if (strcmp(file, "-") != 0 && access(file, R_OK) != 0) {
        gwc_io_failed();
    }
}


int
gwc_input_read(gwc_input_t *input, gwc_options_t *options)
{
    gwc_model_options_t model = { 0 };
    size_t i;

    input->model = NULL;
    input->directives = false;
    input->settings =
        gwc_settings_load(options->sets, options->nsets, options->settings);

    if (options->settings != NULL && access(options->settings, R_OK) != 0) {
        gwc_io_failed();
    }

    if (options->nfiles == 0) {
        const char *file =
            gwc_settings_get(input->settings, "declarative_config");

        if (file == NULL && gwc_error_count() == 0) {
            fprintf(stderr, "ngx-gateway: no FILE given, and no setting "
                            "\"declarative_config\"\n");
            return GWC_EXIT_USAGE;
        }

        if (file != NULL) {
            options->files[0] = file;
            options->nfiles = 1;
        }
    }

    for (i = 0; i < options->nfiles; i++) {
        gwc_check_readable(options->files[i]);
    }

    for (i = 0; i < options->nextras; i++) {
        gwc_check_readable(options->extras[i]);
    }

    model.allow_unsupported = options->allow_unsupported;
    model.router_flavor = gwc_settings_get(input->settings, "router_flavor");

    if (options->nfiles) {
        input->model = gwc_model_load(options->files, options->nfiles, &model);
    }

    if (input->model != NULL) {
        input->directives = gwc_extra_read(input->model, input->settings,
                                           options->extras, options->nextras);
        gwc_check_supported(input->model, input->settings,
                            options->allow_unsupported);
    }

    return gwc_error_count() ? gwc_finish() : GWC_EXIT_OK;
}


int
gwc_command_schema(gwc_options_t *options)
{
    (void) options;

    puts(gwc_model_json_schema());

    return GWC_EXIT_OK;
}


static const char *
gwc_source_names(const gwc_options_t *options)
{
    gwc_buf_t buf = { 0 };
    size_t i;

    for (i = 0; i < options->nfiles; i++) {
        gwc_buf_printf(&buf, "%s%s", i ? ", " : "", options->files[i]);
    }

    return gwc_strndup(buf.data, buf.len);
}


/*
 * For this prefix, or for none that lasts (NULL).  GWC_EXIT_OK, or the status
 * after the messages were printed.
 */
static int
gwc_make(gwc_output_t *output, gwc_nginx_t *nginx, const gwc_input_t *input,
         const gwc_options_t *options, const char *prefix)
{
    if (!gwc_nginx_find(nginx, options->nginx, options->modules)) {
        return gwc_finish();
    }

    output->model = input->model;
    output->settings = input->settings;
    output->nginx = nginx;
    output->sources = gwc_source_names(options);

    gwc_secret_begin(prefix);
    gwc_emit(output);

    return gwc_error_count() ? gwc_finish() : GWC_EXIT_OK;
}


int
gwc_compile(gwc_options_t *options, const char *prefix, bool foreground,
            bool test)
{
    gwc_output_t output = { 0 };
    gwc_nginx_t nginx = { 0 };
    const char *pending;
    gwc_input_t input;
    int status;

    status = gwc_input_read(&input, options);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    output.foreground = foreground;
    status = gwc_make(&output, &nginx, &input, options, prefix);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    pending = gwc_prefix_write(prefix, &output);

    if (pending == NULL) {
        return gwc_finish();
    }

    test = test || options->test;

    if ((test || input.directives)
        && !gwc_nginx_test(&output, prefix, pending, test))
    {
        gwc_prefix_discard(prefix, &output, pending);
        return gwc_finish();
    }

    if (gwc_prefix_commit(prefix, &output, pending)) {
        gwc_consumers_reconcile(prefix);
    }

    return gwc_finish();
}


/* nginx is asked when told to, or when somebody writes its language */
static int
gwc_check_by_nginx(const gwc_input_t *input, const gwc_options_t *options)
{
    gwc_output_t output = { 0 };
    gwc_nginx_t nginx = { 0 };
    int status;

    if (!options->test && !input->directives) {
        return GWC_EXIT_OK;
    }

    if (!options->test && !gwc_nginx_exists(options->nginx)) {
        gwc_warning(NULL, "there is no nginx here that would check the "
                          "directives of nginx");
        return GWC_EXIT_OK;
    }

    status = gwc_make(&output, &nginx, input, options, NULL);

    if (status == GWC_EXIT_OK) {
        (void) gwc_nginx_test_only(&output, options->test);
    }

    return status;
}


int
gwc_command_check(gwc_options_t *options)
{
    const gwc_model_t *model;
    gwc_input_t input;
    int status;

    status = gwc_input_read(&input, options);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    status = gwc_check_by_nginx(&input, options);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    status = gwc_finish();
    model = input.model;

    if (status == GWC_EXIT_OK) {
        printf("ok: %s, %s, %s, %s, %s\n",
               gwc_count(model->services.n, "service"),
               gwc_count(model->routes.n, "route"),
               gwc_count(model->consumers.n, "consumer"),
               gwc_count(model->upstreams.n, "upstream"),
               gwc_count(model->plugins.n, "plugin"));
    }

    return status;
}


int
gwc_command_compile(gwc_options_t *options)
{
    int status;

    if (options->prefix == NULL) {
        fprintf(stderr, "ngx-gateway: compile needs -o DIR\n");
        return GWC_EXIT_USAGE;
    }

    status = gwc_compile(options, options->prefix, false, false);

    if (status == GWC_EXIT_OK) {
        printf("%s/nginx.conf\n", options->prefix);
    }

    return status;
}
