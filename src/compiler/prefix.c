/*
 * Copyright (C) the ngx_gateway authors
 */

#include "prefix.h"
#include "secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* tells our directories from others, and is what two compiles lock */
static const char gwc_marker[] = ".ngx-gateway";

static const char gwc_pending[] = "nginx.conf.new";


/* more files than this are synchronised together */
#define GWC_SYNC_FILES 64

static bool gwc_io_failure;


void
gwc_io_failed(void)
{
    gwc_io_failure = true;
}


bool
gwc_io_has_failed(void)
{
    return gwc_io_failure;
}


static const char *
gwc_errno_text(void)
{
    return strerror(errno); /* NOLINT(concurrency-mt-unsafe): one thread */
}


static bool
gwc_io_error(const char *what, const char *path)
{
    gwc_io_failed();
    gwc_error(NULL, "cannot %s \"%s\": %s", what, path, gwc_errno_text());

    return false;
}


static bool
gwc_make_directory(const char *path)
{
    if (mkdir(path, 0755) == 0) {
        /* whatever the umask, workers of another user must enter it */
        (void) chmod(path, 0755);
        return true;
    }

    return errno == EEXIST || gwc_io_error("create", path);
}


/* with its parents */
static bool
gwc_make_directories(const char *path)
{
    char *copy = gwc_strndup(path, strlen(path));
    char *p;

    for (p = copy + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';

            if (!gwc_make_directory(copy)) {
                return false;
            }

            *p = '/';
        }
    }

    return gwc_make_directory(copy);
}


/* whoever has a secret already brings it */
static bool
gwc_directory_is_empty(const char *path)
{
    const struct dirent *entry;
    bool empty = true;
    DIR *dir;

    dir = opendir(path);

    if (dir == NULL) {
        return gwc_io_error("read", path);
    }

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0
            && strcmp(entry->d_name, GWC_SECRET_FILE) != 0)
        {
            empty = false;
            break;
        }
    }

    (void) closedir(dir);

    return empty;
}


static bool
gwc_write_all(int fd, const char *data, size_t len)
{
    ssize_t n;

    while (len) {
        n = write(fd, data, len);

        if (n == -1 && errno != EINTR) {
            return false;
        }

        if (n > 0) {
            data += n;
            len -= (size_t) n;
        }
    }

    return true;
}


static bool
gwc_write_file(const char *path, const gwc_buf_t *buf, mode_t mode, bool sync)
{
    bool ok;
    int fd;

    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0600);

    if (fd == -1) {
        return gwc_io_error("write", path);
    }

    /* whatever the umask, workers of another user must read it */
    ok = fchmod(fd, mode) == 0 && gwc_write_all(fd, buf->data, buf->len)
         && (!sync || fsync(fd) == 0);

    if (!ok) {
        (void) gwc_io_error("write", path);
    }

    (void) close(fd);

    return ok;
}


/* all at once: thousands of files, one by one, take long */
static bool
gwc_sync(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok;

    if (fd == -1) {
        return gwc_io_error("open", directory);
    }

    ok = syncfs(fd) == 0 || gwc_io_error("write", directory);
    (void) close(fd);

    return ok;
}


/* one level deep is all that we write */
static void
gwc_remove_directory(const char *path)
{
    const struct dirent *entry;
    DIR *dir;

    dir = opendir(path);

    if (dir == NULL) {
        return;
    }

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void) unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }

    (void) closedir(dir);
    (void) rmdir(path);
}


static bool
gwc_file_is(const char *path, const gwc_buf_t *buf, mode_t mode)
{
    struct stat st;
    bool equal;
    char *data;
    FILE *file;

    file = fopen(path, "re");

    if (file == NULL) {
        return false;
    }

    data = malloc(buf->len + 1);
    equal = data != NULL && fstat(fileno(file), &st) == 0
            && (st.st_mode & 07777) == mode
            && fread(data, 1, buf->len + 1, file) == buf->len
            && (buf->len == 0 || memcmp(data, buf->data, buf->len) == 0);

    free(data);
    (void) fclose(file);

    return equal;
}


static mode_t
gwc_file_mode(const gwc_file_t *file)
{
    return file->writer.secret ? 0600 : 0644;
}


static bool
gwc_generation_is_there(const char *path, const gwc_output_t *output)
{
    size_t i;

    for (i = 0; i < output->files.n; i++) {
        const gwc_file_t *file = output->files.items[i];

        if (!gwc_file_is(gwc_sprintf("%s/%s", path, file->name),
                         &file->writer.buf, gwc_file_mode(file)))
        {
            return false;
        }
    }

    return true;
}


static bool
gwc_write_generation(const char *directory, const gwc_output_t *output)
{
    char *path = gwc_sprintf("%s/%s", directory, output->generation);
    char *tmp = gwc_sprintf("%s.new", path);
    char *old = gwc_sprintf("%s.old", path);
    bool few = output->files.n <= GWC_SYNC_FILES;
    size_t i;

    if (gwc_generation_is_there(path, output)) {
        return true;
    }

    gwc_remove_directory(tmp);

    if (!gwc_make_directory(tmp) || chmod(tmp, 0755) == -1) {
        return false;
    }

    for (i = 0; i < output->files.n; i++) {
        const gwc_file_t *file = output->files.items[i];

        if (!gwc_write_file(gwc_sprintf("%s/%s", tmp, file->name),
                            &file->writer.buf, gwc_file_mode(file), few))
        {
            gwc_remove_directory(tmp);
            return false;
        }
    }

    if (!few && !gwc_sync(tmp)) {
        gwc_remove_directory(tmp);
        return false;
    }

    /* somebody edited what bears this name */
    if (access(path, F_OK) == 0) {
        gwc_remove_directory(old);

        if (rename(path, old) == -1) {
            return gwc_io_error("replace", path);
        }
    }

    if (rename(tmp, path) == -1) {
        return gwc_io_error("create", path);
    }

    gwc_remove_directory(old);

    return true;
}


/*
 * Started as root, workers are nobody: they create temporary files and
 * reopen logs by their paths.
 */
static void
gwc_check_reachable(const char *directory, const gwc_output_t *output)
{
    struct stat st;
    char *p, *path, *real;

    if (geteuid() != 0
        || gwc_settings_injected(output->settings, GWC_CONTEXT_MAIN, "user")
               != NULL)
    {
        return;
    }

    real = realpath(directory, NULL);

    if (real == NULL) {
        return;
    }

    path = gwc_sprintf("%s/", real);
    free(real);

    for (p = path + 1; *p != '\0'; p++) {
        if (*p != '/') {
            continue;
        }

        *p = '\0';

        if (stat(path, &st) == 0 && (st.st_mode & 0001) == 0) {
            gwc_warning(NULL,
                        "nginx's workers run as nobody and cannot enter "
                        "\"%s\": use another directory, or nginx_user",
                        path);
            return;
        }

        *p = '/';
    }
}


static int
gwc_lock(const char *directory)
{
    char *path = gwc_sprintf("%s/%s", directory, gwc_marker);
    int fd;

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd == -1) {
        (void) gwc_io_error("write", path);
        return -1;
    }

    while (flock(fd, LOCK_EX) == -1) {
        if (errno != EINTR) {
            (void) gwc_io_error("lock", path);
            (void) close(fd);
            return -1;
        }
    }

    return fd;
}


static bool
gwc_is_ours(const char *directory)
{
    if (access(gwc_sprintf("%s/%s", directory, gwc_marker), F_OK) == 0
        || gwc_directory_is_empty(directory))
    {
        return true;
    }

    if (!gwc_io_has_failed()) {
        gwc_io_failed();
        gwc_error(NULL,
                  "\"%s\" holds files that are not ours: give an empty "
                  "directory or one that this program made",
                  directory);
    }

    return false;
}


bool
gwc_prefix_enter(const char *directory, bool lock)
{
    const char *marker = gwc_sprintf("%s/%s", directory, gwc_marker);

    if (access(marker, F_OK) == -1) {
        if (errno != ENOENT && errno != ENOTDIR) {
            return gwc_io_error("read", marker);
        }

        gwc_io_failed();
        gwc_error(NULL, "\"%s\" is no directory that \"compile\" made",
                  directory);
        return false;
    }

    return !lock || gwc_lock(directory) != -1;
}


const char *
gwc_prefix_write(const char *directory, const gwc_output_t *output)
{
    static const char *const directories[] = { "logs", "temp", "tls" };
    size_t i;

    if (!gwc_make_directories(directory) || !gwc_is_ours(directory)
        || gwc_lock(directory) == -1)
    {
        return NULL;
    }

    for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        if (!gwc_make_directory(
                gwc_sprintf("%s/%s", directory, directories[i]))) {
            return NULL;
        }
    }

    if ((output->default_certificate && !gwc_certs_make(directory))
        || !gwc_secret_write(directory)
        || !gwc_write_generation(directory, output)
        || !gwc_write_file(gwc_sprintf("%s/%s", directory, gwc_pending),
                           &output->main.buf,
                           output->main.secret ? 0600 : 0644, true))
    {
        return NULL;
    }

    gwc_check_reachable(directory, output);

    return gwc_pending;
}


const char *
gwc_prefix_generation(const char *directory)
{
    static const char include[] = "include gateway.";
    char line[4096];
    const char *found = "";
    FILE *file;

    file = fopen(gwc_sprintf("%s/nginx.conf", directory), "re");

    if (file == NULL) {
        return found;
    }

    while (fgets(line, sizeof(line), file) != NULL) {
        const char *p = strstr(line, include);

        if (p != NULL && strlen(p) > sizeof(include) + 16) {
            found = gwc_strndup(p + 8, GWC_GENERATION_LEN);
            break;
        }
    }

    (void) fclose(file);

    return found;
}


static bool
gwc_is_generation(const char *name)
{
    return strncmp(name, "gateway.", 8) == 0
           && strspn(name + 8, "0123456789abcdef") == 16
           && (name[GWC_GENERATION_LEN] == '\0'
               || name[GWC_GENERATION_LEN] == '.');
}


/* all but the present one and the one before it, which may be running */
static void
gwc_remove_generations(const char *directory, const char *present,
                       const char *former)
{
    const struct dirent *entry;
    DIR *dir;

    dir = opendir(directory);

    if (dir == NULL) {
        return;
    }

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while ((entry = readdir(dir)) != NULL) {
        if (gwc_is_generation(entry->d_name)
            && strcmp(entry->d_name, present) != 0
            && strcmp(entry->d_name, former) != 0)
        {
            gwc_remove_directory(
                gwc_sprintf("%s/%s", directory, entry->d_name));
        }
    }

    (void) closedir(dir);
}


bool
gwc_prefix_commit(const char *directory, const gwc_output_t *output,
                  const char *pending)
{
    const char *former = gwc_prefix_generation(directory);
    char *from = gwc_sprintf("%s/%s", directory, pending);
    char *to = gwc_sprintf("%s/nginx.conf", directory);
    int fd;

    if (rename(from, to) == -1) {
        return gwc_io_error("replace", to);
    }

    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd != -1) {
        (void) fsync(fd);
        (void) close(fd);
    }

    gwc_remove_generations(directory, output->generation, former);

    return true;
}


void
gwc_prefix_discard(const char *directory, const gwc_output_t *output,
                   const char *pending)
{
    const char *former = gwc_prefix_generation(directory);

    (void) unlink(gwc_sprintf("%s/%s", directory, pending));

    if (strcmp(former, output->generation) != 0) {
        gwc_remove_directory(
            gwc_sprintf("%s/%s", directory, output->generation));
    }
}
