/*
 * Copyright (C) the ngx_gateway authors
 *
 * Whether nginx runs in a directory.
 *
 * A pid file stays behind when nginx is killed, in a container also when that
 * ends, and its number soon belongs to some other process.  So a process
 * counts only when it is the master of an nginx whose prefix is the directory.
 * Both stand in its command line, which the kernel gives to every user and
 * which is empty for zombies: nginx's title is "nginx: master process "
 * followed by its arguments.  The argument of -p may be relative or lead over
 * symbolic links, and be seen from another container: it is looked up from
 * where that process is, and what counts is that it is the same directory,
 * not that it has the same name.
 *
 * Weaker signs were left out: nginx keeps no file of its prefix open for
 * certain, a lock would be passed on to workers that outlive their master and
 * is not held by an nginx that was started by hand, and times of files and
 * processes are of clocks that may be set.
 */

#include "prefix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* a path and all other arguments of nginx */
#define GWC_TITLE_SIZE 16384

static const char gwc_master[] = "nginx: master process ";


/* a file of /proc/PID, terminated; its length, 0 when it cannot be read */
static size_t
gwc_process_read(long pid, const char *name, char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;
    int fd;

    fd = open(gwc_sprintf("/proc/%ld/%s", pid, name), O_RDONLY | O_CLOEXEC);

    while (fd != -1 && len < size - 1) {
        n = read(fd, buf + len, size - 1 - len);

        if (n <= 0) {
            break;
        }

        len += (size_t) n;
    }

    if (fd != -1) {
        (void) close(fd);
    }

    buf[len] = '\0';

    return len;
}


/* the arguments of a master, separated by spaces */
static bool
gwc_process_title(long pid, char *title)
{
    char name[32];
    size_t i, len;

    len = gwc_process_read(pid, "cmdline", title, GWC_TITLE_SIZE);

    if (strncmp(title, "nginx: ", sizeof("nginx: ") - 1) == 0) {
        return strncmp(title, gwc_master, sizeof(gwc_master) - 1) == 0;
    }

    /* the title comes a moment after the pid file, and never with
       "master_process off"; until then the program's name has to do */
    if (len == 0 || gwc_process_read(pid, "comm", name, sizeof(name)) == 0
        || strncmp(name, "nginx", sizeof("nginx") - 1) != 0)
    {
        return false;
    }

    while (len > 0 && title[len - 1] == '\0') {
        len--;
    }

    for (i = 0; i < len; i++) {
        if (title[i] == '\0') {
            title[i] = ' ';
        }
    }

    return true;
}


/* a directory as that process would find it */
static bool
gwc_process_stat(long pid, const char *path, struct stat *st)
{
    const char *from = path[0] == '/' ? "root" : "cwd";

    if (stat(gwc_sprintf("/proc/%ld/%s/%s", pid, from, path), st) == -1) {
        /* only the same user and root may look there */
        if (errno != EACCES || path[0] != '/' || stat(path, st) == -1) {
            return false;
        }
    }

    return S_ISDIR(st->st_mode);
}


/*
 * The title does not say where an argument ends, so the longest text that is
 * a directory is taken.  False when there is none.
 */
static bool
gwc_process_prefix(long pid, char *path, struct stat *st)
{
    char *end = path + strlen(path);
    bool found;
    char c;

    while (end > path) {
        c = *end;
        *end = '\0';
        found = gwc_process_stat(pid, path, st);
        *end = c;

        if (found) {
            return true;
        }

        do {
            end--;
        } while (end > path && *end != ' ');
    }

    return false;
}


static bool
gwc_process_serves(long pid, const char *directory)
{
    char title[GWC_TITLE_SIZE];
    struct stat ours, theirs;
    bool unknown = false;
    char *p;

    if (stat(directory, &ours) == -1 || !gwc_process_title(pid, title)) {
        return false;
    }

    for (p = strstr(title, " -"); p != NULL; p = strstr(p + 1, " -")) {
        /* nginx takes "-tp DIR" and "-pDIR" as well */
        char *path = p + 2 + strspn(p + 2, "?hvVtTq");

        if (*path++ != 'p') {
            continue;
        }

        if (*path == ' ') {
            path++;
        }

        if (gwc_process_prefix(pid, path, &theirs)) {
            return theirs.st_dev == ours.st_dev
                   && theirs.st_ino == ours.st_ino;
        }

        unknown = true;
    }

    /* a master whose prefix was renamed, or is hidden from us: nobody else
       would have written its number here */
    return unknown;
}


long
gwc_prefix_pid(const char *directory)
{
    char text[32];
    FILE *file;
    long pid = 0;

    file = fopen(gwc_sprintf("%s/nginx.pid", directory), "re");

    if (file == NULL) {
        return 0;
    }

    if (fgets(text, sizeof(text), file) != NULL) {
        pid = strtol(text, NULL, 10);
    }

    (void) fclose(file);

    if (pid <= 0 || pid > INT_MAX
        || (kill((pid_t) pid, 0) == -1 && errno != EPERM))
    {
        return 0;
    }

    /* without /proc there is nothing more to see */
    if (access("/proc/self/cmdline", R_OK) == 0
        && !gwc_process_serves(pid, directory))
    {
        return 0;
    }

    return pid;
}
