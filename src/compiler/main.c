/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command line.
 */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "consumers.h"

enum {
    GWC_OPTION_SET = 256,
    GWC_OPTION_SETTINGS,
    GWC_OPTION_EXTRA,
    GWC_OPTION_OLD_SET,
    GWC_OPTION_OLD_SETTINGS,
    GWC_OPTION_OLD_EXTRA,
    GWC_OPTION_TEST,
    GWC_OPTION_NGINX,
    GWC_OPTION_MODULES,
    GWC_OPTION_ALLOW,
    GWC_OPTION_WATCH,
    GWC_OPTION_JSON,
    GWC_OPTION_CONSUMER,
    GWC_OPTION_FROM,
    GWC_OPTION_JUNIT,
    GWC_OPTION_FILTER,
    GWC_OPTION_KEEP,
    GWC_OPTION_VERSION,
    GWC_OPTION_HELP
};

static const struct option gwc_long_options[] = {
    { "output", required_argument, NULL, 'o' },
    { "prefix", required_argument, NULL, 'p' },
    { "header", required_argument, NULL, 'H' },
    { "set", required_argument, NULL, GWC_OPTION_SET },
    { "settings", required_argument, NULL, GWC_OPTION_SETTINGS },
    { "extra", required_argument, NULL, GWC_OPTION_EXTRA },
    { "old-set", required_argument, NULL, GWC_OPTION_OLD_SET },
    { "old-settings", required_argument, NULL, GWC_OPTION_OLD_SETTINGS },
    { "old-extra", required_argument, NULL, GWC_OPTION_OLD_EXTRA },
    { "test", no_argument, NULL, GWC_OPTION_TEST },
    { "nginx", required_argument, NULL, GWC_OPTION_NGINX },
    { "modules", required_argument, NULL, GWC_OPTION_MODULES },
    { "allow-unsupported", no_argument, NULL, GWC_OPTION_ALLOW },
    { "watch", no_argument, NULL, GWC_OPTION_WATCH },
    { "json", no_argument, NULL, GWC_OPTION_JSON },
    { "consumer", required_argument, NULL, GWC_OPTION_CONSUMER },
    { "from", required_argument, NULL, GWC_OPTION_FROM },
    { "junit", required_argument, NULL, GWC_OPTION_JUNIT },
    { "filter", required_argument, NULL, GWC_OPTION_FILTER },
    { "keep", no_argument, NULL, GWC_OPTION_KEEP },
    { "version", no_argument, NULL, GWC_OPTION_VERSION },
    { "help", no_argument, NULL, GWC_OPTION_HELP },
    { NULL, 0, NULL, 0 }
};

static const struct {
    const char *name;
    int (*run)(gwc_options_t *options);
    bool files;
    bool request;
} gwc_commands[] = {
    { "check", gwc_command_check, true, false },
    { "compile", gwc_command_compile, true, false },
    { "run", gwc_command_run, true, false },
    { "explain", gwc_command_explain, true, true },
    { "test", gwc_command_test, true, false },
    { "diff", gwc_command_diff, true, false },
    { "schema", gwc_command_schema, false, false },
    { "reload", gwc_command_reload, false, false },
    { "quit", gwc_command_quit, false, false },
    { "stop", gwc_command_stop, false, false },
};

#define GWC_COMMANDS (sizeof(gwc_commands) / sizeof(gwc_commands[0]))

static const char gwc_usage[] =
    "usage: ngx-gateway COMMAND [ARGUMENT]... [OPTION]...\n"
    "\n"
    "  check FILE...              finds all problems of the files\n"
    "  compile FILE... -o DIR     writes a directory that nginx runs in:\n"
    "                             nginx -p DIR -c nginx.conf\n"
    "  run FILE... [-p DIR]       compiles, tests, and runs nginx in the\n"
    "                             foreground; SIGHUP: reads the files anew\n"
    "  explain FILE... [METHOD] URL\n"
    "                             which route and plugins a request gets\n"
    "  test FILE... TESTS...      runs the gateway of the files on private\n"
    "                             ports, with upstreams of its own, and sends\n"
    "                             the requests of the test files\n"
    "  diff OLD NEW               what changes for traffic\n"
    "  consumers COMMAND          import, add, revoke, restore, list:\n"
    "                             credentials of a running gateway, see\n"
    "                             consumers --help\n"
    "  schema                     JSON Schema of the files\n"
    "  reload, quit, stop -p DIR  signals the nginx that runs in DIR\n"
    "\n"
    "  --set NAME=VALUE           a setting, with kong.conf's names; the\n"
    "                             environment's NGX_GATEWAY_NAME and then\n"
    "                             the file of --settings come after it\n"
    "  --settings FILE            settings in kong.conf's syntax\n"
    "  --extra FILE               directives of nginx for blocks, services\n"
    "                             and routes\n"
    "  --test                     check, compile: by \"nginx -t\", too\n"
    "  --nginx PATH               default: the one in PATH, or\n"
    "                             /usr/sbin/nginx\n"
    "  --modules DIR              where ngx_http_gateway_module.so is\n"
    "  --allow-unsupported        what does not run yet is left out, with a\n"
    "                             warning\n"
    "  --watch                    run: reload when a file changes\n"
    "  -H 'Name: value'           explain: a request header\n"
    "  --consumer NAME            explain: the authenticated consumer\n"
    "  --from ADDRESS[:PORT]      explain: the client's address\n"
    "  --junit FILE               test: the results as JUnit's XML too\n"
    "  --filter TEXT              test: only tests with it in their names\n"
    "  --keep                     test: leaves the directory behind\n"
    "  --old-set NAME=VALUE, --old-settings FILE, --old-extra FILE\n"
    "                             diff: what is different for OLD\n"
    "  --json                     explain, diff: as JSON\n"
    "  --version, --help\n"
    "\n"
    "exit status: 0 done, 1 bad input, 2 bad usage, 3 cannot read or "
    "write\n"
    "            of diff: 0 no change, 1 changes, 2 anything else\n";


static int
gwc_usage_error(const char *what, const char *which)
{
    fprintf(stderr, "ngx-gateway: %s%s, see --help\n", what, which);

    return GWC_EXIT_USAGE;
}


/* METHOD looks like no file name: upper-case letters */
static bool
gwc_is_method(const char *text)
{
    return text[0] != '\0'
           && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == strlen(text);
}


static bool
gwc_take_option(gwc_options_t *options, int option, const char *value)
{
    switch (option) {

    case 'o':
    case 'p':
        options->prefix = value;
        return true;

    case 'H':
        options->headers[options->nheaders++] = value;
        return true;

    case GWC_OPTION_SET:
        options->sets[options->nsets++] = value;
        return true;

    case GWC_OPTION_SETTINGS:
        options->settings = value;
        return true;

    case GWC_OPTION_EXTRA:
        options->extras[options->nextras++] = value;
        return true;

    case GWC_OPTION_OLD_SET:
        options->old_sets[options->nold_sets++] = value;
        return true;

    case GWC_OPTION_OLD_SETTINGS:
        options->old_settings = value;
        return true;

    case GWC_OPTION_OLD_EXTRA:
        options->old_extras[options->nold_extras++] = value;
        return true;

    case GWC_OPTION_TEST:
        options->test = true;
        return true;

    case GWC_OPTION_NGINX:
        options->nginx = value;
        return true;

    case GWC_OPTION_MODULES:
        options->modules = value;
        return true;

    case GWC_OPTION_ALLOW:
        options->allow_unsupported = true;
        return true;

    case GWC_OPTION_WATCH:
        options->watch = true;
        return true;

    case GWC_OPTION_JSON:
        options->json = true;
        return true;

    case GWC_OPTION_JUNIT:
        options->junit = value;
        return true;

    case GWC_OPTION_FILTER:
        options->filter = value;
        return true;

    case GWC_OPTION_KEEP:
        options->keep = true;
        return true;

    case GWC_OPTION_CONSUMER:
        options->consumer = value;
        return true;

    case GWC_OPTION_FROM:
        options->from = value;
        return true;

    default:
        return false;
    }
}


static int
gwc_run_command(size_t command, gwc_options_t *options, char **argv, int argc)
{
    int i, n = argc;

    if (gwc_commands[command].request) {
        if (argc < 2) {
            return gwc_usage_error("explain needs a FILE and a URL", "");
        }

        options->url = argv[--n];
        options->method = "GET";

        if (n > 0 && gwc_is_method(argv[n - 1])) {
            options->method = argv[--n];
        }
    }

    if (!gwc_commands[command].files && n > 0) {
        return gwc_usage_error("too many arguments: ", argv[0]);
    }

    for (i = 0; i < n; i++) {
        options->files[options->nfiles++] = argv[i];
    }

    return gwc_commands[command].run(options);
}


static int
gwc_leave(int status)
{
    gwc_arena_free();

    /* a full disk must not look like success */
    return fflush(stdout) != 0 || ferror(stdout) ? GWC_EXIT_IO : status;
}


int
main(int argc, char **argv)
{
    gwc_options_t options = { 0 };
    size_t n = (size_t) argc;
    int option, status;
    size_t command;

    /* the only one with commands and options of its own */
    if (argc > 1 && strcmp(argv[1], "consumers") == 0) {
        return gwc_leave(gwc_command_consumers(argc - 1, argv + 1));
    }

    options.files = gwc_alloc_array(n + 1, sizeof(char *));
    options.sets = gwc_alloc_array(n + 1, sizeof(char *));
    options.old_sets = gwc_alloc_array(n + 1, sizeof(char *));
    options.old_extras = gwc_alloc_array(n + 1, sizeof(char *));
    options.extras = gwc_alloc_array(n + 1, sizeof(char *));
    options.headers = gwc_alloc_array(n + 1, sizeof(char *));

    for (;;) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        option = getopt_long(argc, argv, "o:p:H:", gwc_long_options, NULL);

        if (option == -1) {
            break;
        }

        if (option == GWC_OPTION_VERSION) {
            puts("ngx-gateway " GWC_VERSION);
            return GWC_EXIT_OK;
        }

        if (option == GWC_OPTION_HELP) {
            fputs(gwc_usage, stdout);
            return GWC_EXIT_OK;
        }

        if (!gwc_take_option(&options, option, optarg)) {
            return GWC_EXIT_USAGE;
        }
    }

    if (optind == argc) {
        fputs(gwc_usage, stderr);
        return GWC_EXIT_USAGE;
    }

    for (command = 0; command < GWC_COMMANDS; command++) {
        if (strcmp(argv[optind], gwc_commands[command].name) == 0) {
            break;
        }
    }

    if (command == GWC_COMMANDS) {
        return gwc_usage_error("unknown command ", argv[optind]);
    }

    status = gwc_run_command(command, &options, argv + optind + 1,
                             argc - optind - 1);

    return gwc_leave(status);
}
