/*
 * Copyright (C) the ngx_gateway authors
 *
 * nginx names lines of its configuration; each of them was made from a line
 * of somebody's file or from a setting.
 */

#include "nginx_test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prefix.h"

/* a line of nginx's: "nginx: [emerg] text in file:12", or with the time in
   front and "7#7: " behind the level */
typedef struct {
    const char *text;
    const char *file; /* NULL: the line names none */
    unsigned long line;
    bool error;
} gwc_complaint_t;


/* of "text in /some/file:12" the end; what is in front of it stays */
static void
gwc_complaint_split(gwc_complaint_t *complaint, char *text)
{
    char *colon = strrchr(text, ':');
    char *end, *in = NULL, *p;

    complaint->text = text;

    if (colon == NULL || colon[1] == '\0') {
        return;
    }

    complaint->line = strtoul(colon + 1, &end, 10);

    for (p = strstr(text, " in "); p != NULL && p < colon;
         p = strstr(p + 1, " in "))
    {
        in = p;
    }

    if (*end != '\0' || in == NULL) {
        return;
    }

    *in = '\0';
    *colon = '\0';
    complaint->file = in + sizeof(" in ") - 1;
}


static bool
gwc_complaint_read(gwc_complaint_t *complaint, const char *line, size_t len)
{
    static const char *const levels[] = { "emerg", "alert", "crit", "error",
                                          "warn" };
    char *copy = gwc_strndup(line, len);
    char *text = NULL;
    size_t i, digits;

    memset(complaint, 0, sizeof(*complaint));

    for (i = 0; text == NULL && i < sizeof(levels) / sizeof(levels[0]); i++) {
        const char *level = gwc_sprintf(" [%s] ", levels[i]);

        text = strstr(copy, level);

        if (text != NULL && text - copy < 32) {
            text += strlen(level);
            complaint->error = i == 0;

        } else {
            text = NULL;
        }
    }

    if (text == NULL) {
        return false;
    }

    digits = strspn(text, "0123456789#");

    if (digits && text[digits] == ':' && text[digits + 1] == ' ') {
        text += digits + 2;
    }

    gwc_complaint_split(complaint, text);

    return true;
}


/* the text that nginx means, or NULL when it is none of ours */
static const gwc_writer_t *
gwc_complaint_writer(const gwc_output_t *output, const char *conf,
                     const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    size_t i;

    if (strstr(file, output->generation) == NULL) {
        return strcmp(name, conf) == 0 ? &output->main : NULL;
    }

    for (i = 0; i < output->files.n; i++) {
        const gwc_file_t *ours = output->files.items[i];

        if (strcmp(ours->name, name) == 0) {
            return &ours->writer;
        }
    }

    return NULL;
}


/* the smallest stretch around that line; directives before blocks */
static const gwc_place_t *
gwc_place_find(const gwc_writer_t *w, unsigned long line)
{
    const char *p = w->buf.data, *newline = p, *stop;
    const gwc_place_t *best = NULL;
    size_t i, start, end;

    if (p == NULL) {
        return NULL;
    }

    stop = p + w->buf.len;

    while (line-- > 1 && newline != NULL) {
        newline = memchr(p, '\n', (size_t) (stop - p));
        p = newline != NULL ? newline + 1 : p;
    }

    newline = p < stop ? memchr(p, '\n', (size_t) (stop - p)) : NULL;
    start = (size_t) (p - w->buf.data);
    end = newline != NULL ? (size_t) (newline - w->buf.data) : w->buf.len;

    for (i = 0; i < w->places.n; i++) {
        const gwc_place_t *place = w->places.items[i];

        if (place->start <= end && place->end > start
            && (best == NULL || (place->exact && !best->exact)
                || (place->exact == best->exact
                    && place->end - place->start < best->end - best->start)))
        {
            best = place;
        }
    }

    return best;
}


/* true when all the quoted words of the text stand in the place */
static bool
gwc_place_is_about(const gwc_writer_t *w, const gwc_place_t *place,
                   const char *text)
{
    const char *start = strchr(text, '"');
    const char *end;
    bool any = false;

    while (start != NULL && (end = strchr(start + 1, '"')) != NULL) {
        if (memmem(w->buf.data + place->start, place->end - place->start,
                   start + 1, (size_t) (end - start - 1))
            == NULL)
        {
            return false;
        }

        any = true;
        start = strchr(end + 1, '"');
    }

    return any;
}


static const gwc_place_t *
gwc_place_guess_in(const gwc_writer_t *w, const char *text)
{
    size_t i;

    for (i = 0; i < w->places.n; i++) {
        const gwc_place_t *place = w->places.items[i];

        if (place->exact && gwc_place_is_about(w, place, text)) {
            return place;
        }
    }

    return NULL;
}


/*
 * Some things nginx finds only when all was read: it names no line then, but
 * mostly a name, such as that of a zone, which somebody wrote.
 */
static const gwc_place_t *
gwc_place_guess(const gwc_output_t *output, const char *text)
{
    const gwc_place_t *place = gwc_place_guess_in(&output->main, text);
    size_t i;

    for (i = 0; place == NULL && i < output->files.n; i++) {
        const gwc_file_t *file = output->files.items[i];

        place = gwc_place_guess_in(&file->writer, text);
    }

    return place;
}


static void
gwc_complaint_report(const gwc_complaint_t *complaint,
                     const gwc_place_t *place, bool error)
{
    void (*report)(const gwc_node_t *node, const char *fmt, ...)
        __attribute__((format(printf, 2, 3))) =
            error ? gwc_error : gwc_warning;
    char *text;

    text = gwc_sprintf("nginx: %s", complaint->text);

    /* the line of a block is not the whole truth */
    if (complaint->file != NULL && !place->exact) {
        text = gwc_sprintf("%s in %s:%lu", text, complaint->file,
                           complaint->line);
    }

    if (place->node == NULL && place->setting != NULL) {
        text = gwc_sprintf("%s: %s", place->setting, text);
    }

    report(place->node, "%s", text);
}


/* false when nobody knows what the line is about */
static bool
gwc_complaint_trace(const gwc_output_t *output, const char *conf,
                    const gwc_complaint_t *complaint, bool failed)
{
    const gwc_place_t *place = NULL;
    const gwc_writer_t *w = NULL;

    if (complaint->file != NULL) {
        w = gwc_complaint_writer(output, conf, complaint->file);
    }

    if (w != NULL) {
        place = gwc_place_find(w, complaint->line);
    }

    if ((place == NULL || !place->exact) && complaint->error) {
        const gwc_place_t *guess = gwc_place_guess(output, complaint->text);

        place = guess != NULL ? guess : place;
    }

    /* warnings matter to who wrote the directive */
    if (place == NULL || (!complaint->error && !place->exact)) {
        return false;
    }

    gwc_complaint_report(complaint, place, complaint->error && failed);

    return true;
}


/* about this machine or this user, not about the input */
static bool
gwc_complaint_is_local(const gwc_complaint_t *complaint)
{
    return strncmp(complaint->text, "bind() to ", 10) == 0;
}


bool
gwc_nginx_test(const gwc_output_t *output, const char *prefix,
               const char *conf, bool asked)
{
    const char *argv[] = {
        output->nginx->path, "-t", "-q", "-p", prefix, "-c", conf, NULL
    };
    gwc_complaint_t complaint;
    const char *end, *newline, *p;
    gwc_buf_t said = { 0 };
    bool failed, traced = false, local = false;

    failed = gwc_spawn(argv, &said) != 0;
    p = said.len ? said.data : "";
    end = p + said.len;

    for (; p < end; p = newline + 1) {
        newline = memchr(p, '\n', (size_t) (end - p));
        newline = newline != NULL ? newline : end;

        if (!gwc_complaint_read(&complaint, p, (size_t) (newline - p))) {
            continue;
        }

        if (failed && !asked && complaint.error
            && gwc_complaint_is_local(&complaint)) {
            gwc_warning(NULL, "nginx could not start here: %s",
                        complaint.text);
            local = true;

        } else if (gwc_complaint_trace(output, conf, &complaint, failed)) {
            traced = traced || complaint.error;
        }
    }

    if (failed && !traced && !local) {
        gwc_error(NULL, "nginx refuses the configuration:\n%.*s",
                  (int) said.len, said.len ? said.data : "");
    }

    return !failed || (local && !traced);
}


static int
gwc_remove_one(const char *path, const struct stat *st, int type,
               struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;

    (void) remove(path);

    return 0;
}


bool
gwc_nginx_test_only(const gwc_output_t *output, bool asked)
{
    const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    const char *conf;
    char *directory;
    bool ok;

    directory = gwc_sprintf("%s/ngx-gateway.XXXXXX",
                            tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

    /* workers of another user enter it, but secrets have their own modes */
    if (mkdtemp(directory) == NULL || chmod(directory, 0711) == -1) {
        gwc_io_failed();
        gwc_error(NULL, "cannot create \"%s\"", directory);
        return false;
    }

    conf = gwc_prefix_write(directory, output);
    ok = conf != NULL && gwc_nginx_test(output, directory, conf, asked);

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    (void) nftw(directory, gwc_remove_one, 16, FTW_DEPTH | FTW_PHYS);

    return ok;
}
