/*
 * Copyright (C) the ngx_gateway authors
 */

#include "nginx.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diag.h"

#define GWC_MODULE        "ngx_http_gateway_module.so"
#define GWC_STREAM_MODULE "ngx_stream_gateway_module.so"

static const char gwc_default_nginx[] = "/usr/sbin/nginx";


int
gwc_spawn(const char *const *argv, gwc_buf_t *output)
{
    char buf[4096];
    int fds[2], status;
    sigset_t none;
    ssize_t n;
    pid_t pid;

    if (output != NULL && pipe(fds) == -1) {
        return -1;
    }

    (void) fflush(NULL);
    pid = fork();

    if (pid == -1) {
        if (output != NULL) {
            (void) close(fds[0]);
            (void) close(fds[1]);
        }

        return -1;
    }

    if (pid == 0) {
        /* "run" blocks signals, which programs inherit */
        (void) sigemptyset(&none);
        (void) pthread_sigmask(SIG_SETMASK, &none, NULL);

        if (output != NULL) {
            (void) dup2(fds[1], STDOUT_FILENO);
            (void) dup2(fds[1], STDERR_FILENO);
            (void) close(fds[0]);
            (void) close(fds[1]);
        }

        (void) execv(argv[0], (char *const *) (uintptr_t) argv);
        _exit(127);
    }

    if (output != NULL) {
        (void) close(fds[1]);

        for (;;) {
            n = read(fds[0], buf, sizeof(buf));

            if (n > 0) {
                gwc_buf_add(output, buf, (size_t) n);

            } else if (n == 0 || errno != EINTR) {
                break;
            }
        }

        (void) close(fds[0]);
    }

    while (waitpid(pid, &status, 0) == -1) {
        if (errno != EINTR) {
            return -1;
        }
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


/* the absolute path of a program, or NULL */
static const char *
gwc_program_find(const char *name)
{
    const char *end, *path, *p;
    char *file;

    if (strchr(name, '/') != NULL) {
        return access(name, X_OK) == 0 ? name : NULL;
    }

    /* the tool has one thread */
    path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */

    for (p = path; p != NULL && *p != '\0'; p = *end ? end + 1 : end) {
        end = p + strcspn(p, ":");

        if (end == p || *p != '/') {
            continue;
        }

        file = gwc_sprintf("%.*s/%s", (int) (end - p), p, name);

        if (access(file, X_OK) == 0) {
            return file;
        }
    }

    return NULL;
}


bool
gwc_nginx_has(const gwc_nginx_t *nginx, const char *argument)
{
    const char *p;
    size_t len = strlen(argument);

    for (p = strstr(nginx->arguments, argument); p != NULL;
         p = strstr(p + len, argument))
    {
        if (p[len] == '\0' || p[len] == ' ' || p[len] == '='
            || argument[len - 1] == '=')
        {
            return true;
        }
    }

    return false;
}


/* the value of --name=value */
static const char *
gwc_nginx_argument(const gwc_nginx_t *nginx, const char *name)
{
    const char *p = strstr(nginx->arguments, name);

    if (p == NULL) {
        return NULL;
    }

    p += strlen(name);

    return gwc_strndup(p, strcspn(p, " '\n"));
}


static unsigned
gwc_version_number(const char *text)
{
    unsigned parts[3] = { 0, 0, 0 };
    char *end;
    size_t i;

    for (i = 0; i < 3 && isdigit((unsigned char) *text); i++) {
        parts[i] = (unsigned) strtoul(text, &end, 10);
        text = *end == '.' ? end + 1 : end;
    }

    return parts[0] * 1000000 + parts[1] * 1000 + parts[2];
}


static bool
gwc_nginx_ask(gwc_nginx_t *nginx)
{
    gwc_buf_t output = { 0 };
    const char *argv[] = { nginx->path, "-V", NULL };
    const char *p;
    char *text;

    if (gwc_spawn(argv, &output) != 0) {
        gwc_error(NULL, "\"%s -V\" failed, is it an nginx?", nginx->path);
        return false;
    }

    text = gwc_strndup(output.data, output.len);
    p = strstr(text, "nginx version: ");
    p = p != NULL ? strchr(p, '/') : NULL;

    nginx->version = p != NULL ? gwc_version_number(p + 1) : 0;

    if (nginx->version == 0) {
        gwc_error(NULL, "\"%s -V\" tells no version, is it an nginx?",
                  nginx->path);
        return false;
    }

    p = strstr(text, "configure arguments: ");
    nginx->arguments = p != NULL ? p : "";

    return true;
}


static const char *
gwc_module_in(const char *directory, const char *name)
{
    char *file, *real;
    const char *copy;

    file = gwc_sprintf("%s/%s", directory, name);

    if (access(file, R_OK) != 0) {
        return NULL;
    }

    real = realpath(file, NULL);

    if (real == NULL) {
        return NULL;
    }

    copy = gwc_strndup(real, strlen(real));
    free(real);

    return copy;
}


static const char *
gwc_module_beside_us(void)
{
    char buf[4096];
    char *slash;
    ssize_t n;

    n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);

    if (n <= 0) {
        return NULL;
    }

    buf[n] = '\0';
    slash = strrchr(buf, '/');

    if (slash == NULL) {
        return NULL;
    }

    *slash = '\0';

    return gwc_module_in(gwc_sprintf("%s/modules", buf), GWC_MODULE);
}


/* where its dynamic modules are */
static const char *
gwc_nginx_modules(const gwc_nginx_t *nginx)
{
    const char *directory, *prefix;

    directory = gwc_nginx_argument(nginx, "--modules-path=");

    if (directory == NULL) {
        prefix = gwc_nginx_argument(nginx, "--prefix=");
        directory =
            gwc_sprintf("%s/modules", prefix ? prefix : "/usr/local/nginx");
    }

    return directory;
}


/* ours of stream{} stands beside that of http{}, nginx's where it says */
static void
gwc_nginx_find_stream(gwc_nginx_t *nginx)
{
    const char *directory = gwc_nginx_modules(nginx);
    const char *slash;

    nginx->has_stream = gwc_nginx_has(nginx, "--with-stream");

    if (gwc_nginx_has(nginx, "--with-stream=dynamic")) {
        nginx->stream = gwc_module_in(directory, "ngx_stream_module.so");

        if (nginx->stream == NULL) {
            nginx->stream_is_missing =
                gwc_sprintf("%s/ngx_stream_module.so", directory);
        }
    }

    if (nginx->module != NULL) {
        slash = strrchr(nginx->module, '/');
        nginx->stream_module = gwc_module_in(
            gwc_strndup(nginx->module, (size_t) (slash - nginx->module)),
            GWC_STREAM_MODULE);
    }
}


static bool
gwc_module_is_built_in(const gwc_nginx_t *nginx)
{
    static const char argument[] = "--add-module=";
    const char *file, *p;

    for (p = strstr(nginx->arguments, argument); p != NULL;
         p = strstr(p, argument))
    {
        p += sizeof(argument) - 1;
        file = gwc_sprintf("%.*s/modules/gateway/ngx_http_gateway_module.c",
                           (int) strcspn(p, " '\n"), p);

        if (access(file, F_OK) == 0) {
            return true;
        }
    }

    return false;
}


static const char *
gwc_nginx_path(const char *path)
{
    const char *found = gwc_program_find(path ? path : "nginx");

    return found != NULL || path != NULL ? found
                                         : gwc_program_find(gwc_default_nginx);
}


bool
gwc_nginx_exists(const char *path)
{
    return gwc_nginx_path(path) != NULL;
}


static bool
gwc_nginx_find_http(gwc_nginx_t *nginx, const char *path, const char *modules)
{
    nginx->path = gwc_nginx_path(path);

    if (nginx->path == NULL) {
        gwc_error(NULL, "no nginx found at \"%s\"; --nginx PATH names one",
                  path ? path : gwc_default_nginx);
        return false;
    }

    if (!gwc_nginx_ask(nginx)) {
        return false;
    }

    if (modules != NULL) {
        nginx->module = gwc_module_in(modules, GWC_MODULE);

        if (nginx->module == NULL) {
            gwc_error(NULL, "there is no " GWC_MODULE " in \"%s\"", modules);
            return false;
        }

        return true;
    }

    /* a module built into nginx must not be loaded a second time */
    if (gwc_module_is_built_in(nginx)) {
        return true;
    }

    nginx->module = gwc_module_beside_us();

    if (nginx->module == NULL) {
        nginx->module = gwc_module_in(gwc_nginx_modules(nginx), GWC_MODULE);
    }

    if (nginx->module == NULL
        && strstr(nginx->arguments, "--add-module=") == NULL) {
        gwc_error(NULL, "found no " GWC_MODULE
                        ", neither in modules/ beside this program nor in "
                        "nginx's own; --modules DIR names the place");
        return false;
    }

    return true;
}


bool
gwc_nginx_find(gwc_nginx_t *nginx, const char *path, const char *modules)
{
    if (!gwc_nginx_find_http(nginx, path, modules)) {
        return false;
    }

    gwc_nginx_find_stream(nginx);

    return true;
}
