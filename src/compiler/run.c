/*
 * Copyright (C) the ngx_gateway authors
 *
 * The commands run, reload, quit and stop.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "prefix.h"

/* how often --watch looks at the files; a change must be as old as that */
#define GWC_WATCH_MS 500

#define GWC_STOP_SECONDS 10

/* how often, and how many times, to see whether nginx serves */
#define GWC_START_MS    50
#define GWC_START_TIMES 600

/* what tells a file from what it was before */
typedef struct {
    const char *path;
    struct timespec mtime;
    off_t size;
    ino_t inode;
    dev_t device;
} gwc_watched_t;

typedef struct {
    gwc_options_t *options;
    const char *prefix;
    const char *nginx;
    const char *addresses; /* what it serves, as text */
    pid_t child;           /* nginx's master */
    unsigned starting;     /* looks at it that are left; 0: it serves */
    sigset_t signals;
    gwc_watched_t *watched;
    size_t nwatched;
    bool changed; /* a file differs; wait until it stays as it is */
} gwc_run_t;


static void
gwc_say(const char *text)
{
    fprintf(stderr, "ngx-gateway: %s\n", text);
}


static void
gwc_watched_stat(gwc_watched_t *watched)
{
    struct stat st;

    if (stat(watched->path, &st) == -1) {
        memset(&st, 0, sizeof(st));
    }

    watched->mtime = st.st_mtim;
    watched->size = st.st_size;
    watched->inode = st.st_ino;
    watched->device = st.st_dev;
}


static bool
gwc_watched_changed(gwc_run_t *run)
{
    bool changed = false;
    size_t i;

    for (i = 0; i < run->nwatched; i++) {
        gwc_watched_t *watched = &run->watched[i];
        gwc_watched_t before = *watched;

        gwc_watched_stat(watched);

        changed |= before.mtime.tv_sec != watched->mtime.tv_sec
                   || before.mtime.tv_nsec != watched->mtime.tv_nsec
                   || before.size != watched->size
                   || before.inode != watched->inode
                   || before.device != watched->device;
    }

    return changed;
}


static void
gwc_watch_files(gwc_run_t *run)
{
    const gwc_options_t *options = run->options;
    size_t i;

    run->watched = gwc_alloc_array(options->nfiles + options->nextras + 1,
                                   sizeof(gwc_watched_t));

    for (i = 0; i < options->nfiles; i++) {
        run->watched[run->nwatched++].path = options->files[i];
    }

    for (i = 0; i < options->nextras; i++) {
        run->watched[run->nwatched++].path = options->extras[i];
    }

    if (options->settings != NULL) {
        run->watched[run->nwatched++].path = options->settings;
    }

    (void) gwc_watched_changed(run);
}


/*
 * Compiles in a process of its own, so that whatever is read and however
 * often, nothing stays behind in this one.
 */
static int
gwc_run_compile(const gwc_run_t *run)
{
    int status;
    pid_t pid;

    (void) fflush(NULL);
    pid = fork();

    if (pid == -1) {
        gwc_say("cannot fork");
        return GWC_EXIT_IO;
    }

    if (pid == 0) {
        status = gwc_compile(run->options, run->prefix, true, true);
        (void) fflush(NULL);
        _exit(status);
    }

    while (waitpid(pid, &status, 0) == -1) {
        if (errno != EINTR) {
            return GWC_EXIT_IO;
        }
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : GWC_EXIT_IO;
}


static bool
gwc_run_start(gwc_run_t *run)
{
    sigset_t none;
    pid_t parent = getpid();

    run->child = fork();

    if (run->child == -1) {
        gwc_say("cannot fork");
        return false;
    }

    if (run->child == 0) {
        /* signals of the terminal come to us, and from us to nginx; and
           nginx does not outlive us */
        (void) setpgid(0, 0);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void) sigemptyset(&none);
        (void) pthread_sigmask(SIG_SETMASK, &none, NULL);

        if (getppid() != parent) {
            _exit(GWC_EXIT_IO);
        }

        (void) execl(run->nginx, run->nginx, "-p", run->prefix, "-c",
                     "nginx.conf", "-g", "daemon off;", (char *) NULL);
        _exit(127);
    }

    return true;
}


static void
gwc_run_reload(gwc_run_t *run)
{
    if (gwc_run_compile(run) != GWC_EXIT_OK) {
        gwc_say("the running configuration stays as it was");
        return;
    }

    if (kill(run->child, SIGHUP) == 0) {
        gwc_say("reloaded");
    }
}


/* false when nginx has ended: *status is ours then */
static bool
gwc_run_reap(const gwc_run_t *run, int *status)
{
    int state;
    pid_t pid;

    /* as process 1 we also bury orphans of others */
    for (;;) {
        pid = waitpid(-1, &state, WNOHANG);

        if (pid <= 0) {
            return true;
        }

        if (pid == run->child && !WIFSTOPPED(state)) {
            *status = WIFEXITED(state) ? WEXITSTATUS(state) : 1;
            return false;
        }
    }
}


static void
gwc_run_watch(gwc_run_t *run)
{
    if (!run->options->watch) {
        return;
    }

    if (gwc_watched_changed(run)) {
        run->changed = true;

    } else if (run->changed) {
        run->changed = false;
        gwc_run_reload(run);
    }
}


/* nginx writes its pid file once it listens everywhere */
static void
gwc_run_started(gwc_run_t *run)
{
    run->starting--;

    if (gwc_prefix_pid(run->prefix) == (long) run->child) {
        fprintf(stderr, "ngx-gateway: nginx %ld serves %s\n",
                (long) run->child, run->addresses);
        run->starting = 0;
    }
}


static int
gwc_run_wait(const gwc_run_t *run)
{
    struct timespec tick = { 0, GWC_START_MS * 1000000L };

    if (run->starting == 0) {
        tick.tv_nsec = GWC_WATCH_MS * 1000000L;
    }

    return sigtimedwait(&run->signals, NULL,
                        run->starting != 0 || run->options->watch ? &tick
                                                                  : NULL);
}


static int
gwc_run_loop(gwc_run_t *run)
{
    int received, status = GWC_EXIT_OK;

    run->starting = GWC_START_TIMES;

    for (;;) {
        received = gwc_run_wait(run);

        switch (received) {

        case -1:
            if (run->starting != 0) {
                gwc_run_started(run);
            } else {
                gwc_run_watch(run);
            }
            break;

        case SIGCHLD:
            break;

        case SIGHUP:
            gwc_run_reload(run);
            (void) gwc_watched_changed(run);
            break;

        case SIGINT:
        case SIGTERM:
            (void) kill(run->child, SIGTERM);
            break;

        default: /* SIGQUIT: graceful, SIGUSR1: reopen the logs */
            (void) kill(run->child, received);
            break;
        }

        /* signals of one kind merge while they wait */
        if (!gwc_run_reap(run, &status)) {
            if (run->starting != 0 && status != 0) {
                gwc_say("nginx did not start");
            }
            return status;
        }
    }
}


/* the prefix as it is named everywhere else, made if it is missing */
static const char *
gwc_absolute(const char *path)
{
    char cwd[4096];

    if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL) {
        return path;
    }

    return gwc_sprintf("%s/%s", cwd, path);
}


static void
gwc_add_listens(gwc_buf_t *buf, const char *name, const gwc_vec_t *listens)
{
    size_t i;

    for (i = 0; i < listens->n; i++) {
        const gwc_listen_t *listen = listens->items[i];

        if (i > 0) {
            gwc_buf_puts(buf, ", ");
        } else {
            gwc_buf_printf(buf, "%s%s ", buf->len ? "; " : "", name);
        }

        gwc_buf_printf(buf, "%s%s%s", listen->address,
                       listen->ssl ? " ssl" : "", listen->udp ? " udp" : "");
    }
}


/* "proxy_listen 0.0.0.0:8000, 0.0.0.0:8443 ssl; status_listen ..." */
static const char *
gwc_addresses(const gwc_settings_t *settings)
{
    gwc_buf_t buf = { 0 };

    gwc_add_listens(&buf, "proxy_listen", &settings->proxy_listen);
    gwc_add_listens(&buf, "stream_listen", &settings->stream_listen);
    gwc_add_listens(&buf, "status_listen", &settings->status_listen);
    gwc_add_listens(&buf, "admin_listen", &settings->admin_listen);

    return buf.len ? gwc_sprintf("%.*s", (int) buf.len, buf.data)
                   : "no address";
}


static bool
gwc_run_prepare(gwc_run_t *run)
{
    static const int signals[] = { SIGHUP,  SIGINT,  SIGTERM,
                                   SIGQUIT, SIGUSR1, SIGCHLD };
    gwc_options_t *options = run->options;
    const gwc_settings_t *settings;
    gwc_nginx_t nginx = { 0 };
    size_t i;

    settings =
        gwc_settings_load(options->sets, options->nsets, options->settings);

    if (options->nfiles == 0
        && gwc_settings_get(settings, "declarative_config") != NULL)
    {
        options->files[options->nfiles++] =
            gwc_settings_get(settings, "declarative_config");
    }

    run->prefix =
        gwc_absolute(options->prefix ? options->prefix
                                     : gwc_settings_get(settings, "prefix"));

    if (gwc_error_count()
        || !gwc_nginx_find(&nginx, options->nginx, options->modules))
    {
        return false;
    }

    run->nginx = nginx.path;
    run->addresses = gwc_addresses(settings);

    (void) sigemptyset(&run->signals);

    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        (void) sigaddset(&run->signals, signals[i]);
    }

    (void) pthread_sigmask(SIG_BLOCK, &run->signals, NULL);

    return true;
}


int
gwc_command_run(gwc_options_t *options)
{
    gwc_run_t run = { 0 };
    size_t i;
    int status;

    run.options = options;

    for (i = 0; i < options->nfiles; i++) {
        if (strcmp(options->files[i], "-") == 0) {
            gwc_say("run cannot read stdin, which is gone at a reload");
            return GWC_EXIT_USAGE;
        }
    }

    if (!gwc_run_prepare(&run)) {
        return gwc_finish();
    }

    /* the same warnings come from each compile */
    gwc_diag_reset();

    if (gwc_prefix_pid(run.prefix) != 0) {
        fprintf(stderr, "ngx-gateway: nginx %ld already runs in \"%s\"\n",
                gwc_prefix_pid(run.prefix), run.prefix);
        return GWC_EXIT_IO;
    }

    gwc_watch_files(&run);
    status = gwc_run_compile(&run);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    /* a number that was left there could become that of our nginx, which
       would seem to serve before it does */
    if (gwc_prefix_pid(run.prefix) == 0) {
        (void) unlink(gwc_sprintf("%s/nginx.pid", run.prefix));
    }

    if (!gwc_run_start(&run)) {
        return GWC_EXIT_IO;
    }

    return gwc_run_loop(&run);
}


static const char *
gwc_signal_prefix(const gwc_options_t *options)
{
    const gwc_settings_t *settings;

    if (options->prefix != NULL) {
        return gwc_absolute(options->prefix);
    }

    settings =
        gwc_settings_load(options->sets, options->nsets, options->settings);

    return gwc_absolute(gwc_settings_get(settings, "prefix"));
}


static int
gwc_signal(const char *prefix, int number, long *pid)
{
    *pid = gwc_prefix_pid(prefix);

    if (*pid == 0) {
        fprintf(stderr, "ngx-gateway: no nginx runs in \"%s\"\n", prefix);
        return GWC_EXIT_IO;
    }

    if (kill((pid_t) *pid, number) == -1) {
        fprintf(stderr, "ngx-gateway: cannot signal process %ld\n", *pid);
        return GWC_EXIT_IO;
    }

    return GWC_EXIT_OK;
}


int
gwc_command_reload(gwc_options_t *options)
{
    const char *prefix = gwc_signal_prefix(options);
    gwc_buf_t output = { 0 };
    gwc_nginx_t nginx = { 0 };
    long pid;

    if (gwc_prefix_pid(prefix) != 0) {
        const char *argv[] = { NULL,   "-t", "-q",         "-p",
                               prefix, "-c", "nginx.conf", NULL };

        if (!gwc_nginx_find(&nginx, options->nginx, options->modules)) {
            return gwc_finish();
        }

        argv[0] = nginx.path;

        if (gwc_spawn(argv, &output) != 0) {
            gwc_error(NULL, "nginx refuses the configuration:\n%.*s",
                      (int) output.len, output.len ? output.data : "");
            return gwc_finish();
        }
    }

    return gwc_signal(prefix, SIGHUP, &pid);
}


int
gwc_command_quit(gwc_options_t *options)
{
    long pid;

    return gwc_signal(gwc_signal_prefix(options), SIGQUIT, &pid);
}


int
gwc_command_stop(gwc_options_t *options)
{
    const struct timespec tick = { 0, 50000000L };
    const char *prefix = gwc_signal_prefix(options);
    long pid;
    int i, status;

    status = gwc_signal(prefix, SIGTERM, &pid);

    for (i = 0; status == GWC_EXIT_OK && i < GWC_STOP_SECONDS * 20; i++) {
        if (gwc_prefix_pid(prefix) != pid) {
            break;
        }

        (void) nanosleep(&tick, NULL);
    }

    return status;
}
