/*
 * Copyright (C) the ngx_gateway authors
 *
 * The gateway of a test run: compiled into a directory of its own, on ports
 * that nobody else knows.  We listen, nginx inherits the sockets; so it may
 * start and end as often as there are tests.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prefix.h"
#include "secret.h"
#include "test.h"

/* those of the configuration get addresses by number */
#define GWC_TEST_TARGETS 65000

#define GWC_TEST_FDS 512

static volatile sig_atomic_t gwc_test_signal;


static void
gwc_test_signaled(int number)
{
    gwc_test_signal = number;
}


bool
gwc_test_interrupted(void)
{
    return gwc_test_signal != 0;
}


static void
gwc_test_catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction action;
    size_t i;

    memset(&action, 0, sizeof(action));
    action.sa_handler = gwc_test_signaled;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void) sigaction(numbers[i], &action, NULL);
    }

    action.sa_handler = SIG_IGN;
    (void) sigaction(SIGPIPE, &action, NULL);
}


static bool
gwc_test_directory(gwc_test_run_t *run)
{
    const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    char *path;

    path = gwc_sprintf("%s/ngx-gateway-test.XXXXXX",
                       tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

    /* nginx's workers, who may be somebody else, have to enter it */
    if (mkdtemp(path) == NULL || chmod(path, 0755) == -1) {
        gwc_io_failed();
        gwc_error(NULL, "cannot create \"%s\"", path);
        return false;
    }

    run->prefix = path;

    return true;
}


static void
gwc_test_add_target(gwc_test_run_t *run, gwc_map_t *known, gwc_text_t host,
                    int64_t port)
{
    char *text;
    size_t i;

    if (host.len > 1 && host.data[0] == '[') {
        host.data++;
        host.len -= 2;
    }

    text =
        gwc_sprintf("%.*s:%lld", (int) host.len, host.data, (long long) port);

    for (i = 0; text[i] != '\0'; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z') {
            text[i] = (char) (text[i] | 0x20);
        }
    }

    if (gwc_map_add(known, (gwc_text_t){ text, strlen(text) }, text) == NULL) {
        gwc_vec_push(&run->trial.targets, text);
    }
}


static bool
gwc_test_is_upstream(const gwc_model_t *model, gwc_text_t host)
{
    size_t i;

    for (i = 0; i < model->upstreams.n; i++) {
        const gwc_upstream_t *upstream = model->upstreams.items[i];

        if (upstream->name.v.len == host.len
            && memcmp(upstream->name.v.data, host.data, host.len) == 0)
        {
            return true;
        }
    }

    return false;
}


/* where plugins send requests instead of their service */
static void
gwc_test_add_others(gwc_test_run_t *run, gwc_map_t *known)
{
    const gwc_model_t *model = run->input.model;
    size_t i, k;

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];
        gwc_text_t host = { NULL, 0 };
        int64_t port = 0;

        if (plugin->rule == NULL || plugin->rule->goes_to == NULL
            || !plugin->rule->goes_to(plugin->config, &host, &port)
            || gwc_test_is_upstream(model, host))
        {
            continue;
        }

        for (k = 0; k < model->services.n; k++) {
            const gwc_service_t *service = model->services.items[k];

            if (host.len == 0 && service->upstream != NULL) {
                continue;
            }

            gwc_test_add_target(run, known, host.len ? host : service->host.v,
                                port != 0           ? port
                                : service->port.set ? service->port.v
                                                    : 80);
        }
    }
}


static bool
gwc_test_targets(gwc_test_run_t *run)
{
    const gwc_model_t *model = run->input.model;
    gwc_map_t *known = gwc_map_create();
    size_t i, k;

    for (i = 0; i < model->services.n; i++) {
        const gwc_service_t *service = model->services.items[i];

        if (service->upstream == NULL) {
            gwc_test_add_target(run, known, service->host.v,
                                service->port.set ? service->port.v : 80);
        }
    }

    for (i = 0; i < model->upstreams.n; i++) {
        const gwc_upstream_t *upstream = model->upstreams.items[i];

        for (k = 0; k < upstream->targets.n; k++) {
            const gwc_target_t *target = upstream->targets.items[k];

            gwc_test_add_target(run, known, target->host, target->port);
        }
    }

    gwc_test_add_others(run, known);

    if (run->trial.targets.n > GWC_TEST_TARGETS) {
        gwc_error(NULL, "test runs with at most %d addresses of upstreams",
                  GWC_TEST_TARGETS);
        return false;
    }

    return true;
}


/* a socket for a listener, which takes its place in the settings */
static bool
gwc_test_listen(gwc_test_run_t *run, gwc_vec_t *listens)
{
    size_t i;

    for (i = 0; i < listens->n; i++) {
        gwc_listen_t *listen_at = listens->items[i];
        gwc_test_listener_t *listener = gwc_alloc(sizeof(*listener));
        struct sockaddr_in sin = { 0 };
        socklen_t len = sizeof(sin);

        sin.sin_family = AF_INET;
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listener->fd =
            socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (listener->fd == -1
            || bind(listener->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
            || listen(listener->fd, 511) == -1
            || getsockname(listener->fd, (struct sockaddr *) &sin, &len) == -1)
        {
            gwc_io_failed();
            gwc_error(NULL, "cannot listen on 127.0.0.1");
            return false;
        }

        listener->port = ntohs(sin.sin_port);
        listener->configured = listen_at->port;
        listener->public =
            gwc_settings_public_port(run->input.settings, listen_at->port);
        listener->ssl = listen_at->ssl;
        gwc_vec_push(&run->listeners, listener);

        listen_at->address = gwc_sprintf("127.0.0.1:%d", listener->port);
        listen_at->port = listener->port;
        listen_at->proxy_protocol = true;
        listen_at->flags = "";
    }

    return true;
}


/* what clients are told about ports is what they would be told */
static void
gwc_test_map_ports(const gwc_test_run_t *run)
{
    gwc_vec_t *maps = &run->input.settings->port_maps;
    size_t i;

    maps->n = 0;

    for (i = 0; i < run->listeners.n; i++) {
        const gwc_test_listener_t *listener = run->listeners.items[i];

        gwc_vec_push(maps,
                     gwc_sprintf("%d:%d", listener->public, listener->port));
    }
}


static bool
gwc_test_open_record(gwc_test_run_t *run)
{
    const char *path = run->trial.record;

    if (mkfifo(path, 0600) == 0) {
        /* for writing too: it never ends */
        run->record_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }

    if (run->record_fd == -1) {
        gwc_io_failed();
        gwc_error(NULL, "cannot create \"%s\"", path);
    }

    return run->record_fd != -1;
}


static bool
gwc_test_write(gwc_test_run_t *run)
{
    gwc_output_t output = { 0 };
    const char *pending;

    output.model = run->input.model;
    output.settings = run->input.settings;
    output.nginx = &run->nginx;
    output.sources = run->options->nfiles ? run->options->files[0] : "";
    output.foreground = true;
    output.trial = &run->trial;

    /* counts of tests are nobody's */
    gwc_settings_clear(run->input.settings, "counts_path");

    gwc_secret_begin(run->prefix);
    gwc_emit(&output);

    if (gwc_error_count()) {
        return false;
    }

    pending = gwc_prefix_write(run->prefix, &output);

    return pending != NULL && gwc_prefix_commit(run->prefix, &output, pending);
}


int
gwc_test_prepare(gwc_test_run_t *run)
{
    int status;

    run->listen_fd = run->sink_fd = run->dns_fd = run->record_fd = -1;
    run->complaints_fd = -1;
    gwc_test_catch_signals();

    status = gwc_input_read(&run->input, run->options);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    if (!gwc_nginx_find(&run->nginx, run->options->nginx,
                        run->options->modules)
        || !gwc_test_directory(run) || !gwc_test_targets(run)
        || !gwc_test_tls_open(run) || !gwc_test_upstream_open(run)
        || !gwc_test_listen(run, &run->input.settings->proxy_listen)
        || !gwc_test_listen(run, &run->input.settings->status_listen))
    {
        return gwc_finish();
    }

    gwc_test_map_ports(run);

    run->trial.record = gwc_sprintf("%s/logs/record", run->prefix);

    if (!gwc_test_write(run) || !gwc_test_open_record(run)) {
        return gwc_finish();
    }

    run->multi = curl_multi_init();

    return gwc_finish();
}


static void
gwc_test_exec(const gwc_test_run_t *run, int errors, pid_t parent)
{
    gwc_buf_t sockets = { 0 };
    size_t i;

    (void) setpgid(0, 0);
    (void) prctl(PR_SET_PDEATHSIG, SIGTERM);

    if (getppid() != parent) {
        _exit(GWC_EXIT_IO);
    }

    for (i = 0; i < run->listeners.n; i++) {
        const gwc_test_listener_t *listener = run->listeners.items[i];

        (void) fcntl(listener->fd, F_SETFD, 0);
        gwc_buf_printf(&sockets, "%d;", listener->fd);
    }

    gwc_buf_add(&sockets, "", 1);

    (void) signal(SIGPIPE, SIG_DFL);
    (void) dup2(errors, STDERR_FILENO);
    (void) dup2(errors, STDOUT_FILENO);

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    (void) setenv("NGINX", sockets.data, 1);
    (void) execl(run->nginx.path, run->nginx.path, "-p", run->prefix, "-c",
                 "nginx.conf", "-e", "logs/error.log", "-g", "daemon off;",
                 (char *) NULL);
    _exit(127);
}


bool
gwc_test_start(gwc_test_run_t *run)
{
    pid_t parent = getpid();
    int fds[2];

    run->died = false;
    run->complaints.len = 0;

    if (pipe2(fds, O_CLOEXEC) == -1) {
        return false;
    }

    (void) fflush(NULL);
    run->child = fork();

    if (run->child == 0) {
        gwc_test_exec(run, fds[1], parent);
    }

    (void) close(fds[1]);
    (void) fcntl(fds[0], F_SETFL, O_NONBLOCK);
    run->complaints_fd = fds[0];

    return run->child > 0;
}


static void
gwc_test_read_complaints(gwc_test_run_t *run)
{
    char data[4096];
    ssize_t n;

    for (;;) {
        n = read(run->complaints_fd, data, sizeof(data));

        if (n <= 0) {
            return;
        }

        gwc_buf_add(&run->complaints, data, (size_t) n);
    }
}


static gwc_text_t
gwc_test_record_text(const json_t *record, const char *name)
{
    const json_t *value = json_object_get(record, name);
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);

    /* what a variable has no value for is logged as "-" or as nothing */
    if (text == NULL || len == 0 || strcmp(text, "-") == 0) {
        return (gwc_text_t){ NULL, 0 };
    }

    return (gwc_text_t){ gwc_strndup(text, len), len };
}


static void
gwc_test_take_record(gwc_test_run_t *run, const char *line, size_t len)
{
    gwc_test_result_t *result = run->result;
    gwc_text_t number;
    json_t *record;

    record = json_loadb(line, len, 0, NULL);
    number = gwc_test_record_text(record, "n");

    if (result != NULL && number.data != NULL
        && strtoul(number.data, NULL, 10) == run->number)
    {
        result->recorded = true;
        result->route = gwc_test_record_text(record, "route");
        result->service = gwc_test_record_text(record, "service");
        result->consumer = gwc_test_record_text(record, "consumer");
        result->custom_id = gwc_test_record_text(record, "custom_id");
        result->source = gwc_test_record_text(record, "source");
    }

    json_decref(record);
}


static void
gwc_test_read_record(gwc_test_run_t *run)
{
    char data[4096];
    const char *newline;
    size_t len;
    ssize_t n;

    for (;;) {
        n = read(run->record_fd, data, sizeof(data));

        if (n <= 0) {
            break;
        }

        gwc_buf_add(&run->record, data, (size_t) n);
    }

    for (;;) {
        newline = run->record.len
                      ? memchr(run->record.data, '\n', run->record.len)
                      : NULL;

        if (newline == NULL) {
            break;
        }

        len = (size_t) (newline - run->record.data);
        gwc_test_take_record(run, run->record.data, len);
        memmove(run->record.data, newline + 1, run->record.len - len - 1);
        run->record.len -= len + 1;
    }
}


void
gwc_test_turn(gwc_test_run_t *run, int milliseconds)
{
    struct curl_waitfd fds[GWC_TEST_FDS];
    unsigned n = 0;
    int running, status;

    (void) curl_multi_perform(run->multi, &running);

    fds[n++] = (struct curl_waitfd){ run->record_fd, CURL_WAIT_POLLIN, 0 };

    if (run->complaints_fd != -1) {
        fds[n++] =
            (struct curl_waitfd){ run->complaints_fd, CURL_WAIT_POLLIN, 0 };
    }

    milliseconds =
        gwc_test_upstream_poll(run, fds, &n, GWC_TEST_FDS, milliseconds);

    if (curl_multi_poll(run->multi, fds, n, milliseconds, NULL) != CURLM_OK) {
        return;
    }

    gwc_test_upstream_handle(run, fds, n);
    gwc_test_read_record(run);

    if (run->complaints_fd != -1) {
        gwc_test_read_complaints(run);
    }

    (void) curl_multi_perform(run->multi, &running);

    if (run->child > 0 && waitpid(run->child, &status, WNOHANG) == run->child)
    {
        gwc_test_read_complaints(run);
        run->child = 0;
        run->died = true;
        run->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
}


/* "2026/11/24 04:00:00 [warn] ..." of that level or above */
static bool
gwc_test_is_notable(const char *line)
{
    static const char *const levels[] = { "[warn]", "[error]", "[crit]",
                                          "[alert]", "[emerg]" };
    size_t i;

    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        const char *p = strstr(line, levels[i]);

        if (p != NULL && p - line < 24) {
            return true;
        }
    }

    return false;
}


static void
gwc_test_read_log(gwc_test_run_t *run, gwc_vec_t *lines)
{
    char line[2048];
    FILE *file;

    file = fopen(gwc_sprintf("%s/logs/error.log", run->prefix), "re");

    if (file == NULL) {
        return;
    }

    (void) fseeko(file, run->logged, SEEK_SET);

    while (fgets(line, sizeof(line), file) != NULL) {
        if (gwc_test_is_notable(line)) {
            gwc_vec_push(lines, gwc_strndup(line, strcspn(line, "\n")));
        }
    }

    run->logged = ftello(file);
    (void) fclose(file);
}


void
gwc_test_stop(gwc_test_run_t *run, gwc_vec_t *lines)
{
    int64_t until = gwc_test_now() + 5000;
    int status;

    if (run->child > 0) {
        (void) kill(run->child, SIGTERM);

        while (waitpid(run->child, &status, WNOHANG) == 0) {
            const struct timespec tick = { 0, 1000000L };

            if (gwc_test_now() > until) {
                (void) kill(-run->child, SIGKILL);
            }

            (void) nanosleep(&tick, NULL);
        }

        run->child = 0;
    }

    if (run->complaints_fd != -1) {
        gwc_test_read_complaints(run);
        (void) close(run->complaints_fd);
        run->complaints_fd = -1;
    }

    gwc_test_upstream_reset(run);
    gwc_test_read_log(run, lines);
}


static int
gwc_test_remove(const char *path, const struct stat *st, int type,
                struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;
    (void) remove(path);

    return 0;
}


void
gwc_test_finish(gwc_test_run_t *run)
{
    gwc_vec_t lines = { 0 };
    size_t i;

    gwc_test_stop(run, &lines);

    for (i = 0; i < run->listeners.n; i++) {
        const gwc_test_listener_t *listener = run->listeners.items[i];

        if (listener->fd != -1) {
            (void) close(listener->fd);
        }
    }

    if (run->record_fd != -1) {
        (void) close(run->record_fd);
    }

    gwc_test_upstream_close(run);
    gwc_test_tls_close(run);

    if (run->multi != NULL) {
        (void) curl_multi_cleanup(run->multi);
    }

    if (run->prefix == NULL) {
        return;
    }

    if (run->options->keep) {
        fprintf(stderr, "ngx-gateway: kept \"%s\"\n", run->prefix);

    } else {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        (void) nftw(run->prefix, gwc_test_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
}
