/*
 * Copyright (C) the ngx_gateway authors
 *
 * Messages are kept until a stage is over, then printed in the order of
 * their places, each once: an aliased node may be checked several times.
 */

#include "diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* so many are printed; the rest is counted */
#define GWC_DIAG_MAX 200

typedef struct {
    const char *file; /* NULL: no place */
    unsigned line;
    unsigned column;
    size_t order;
    bool error;
    const char *text;
    const char *fix;
} gwc_message_t;

static gwc_vec_t gwc_messages;
static size_t gwc_errors;

static void gwc_diag_add(const gwc_message_t *place, bool error,
                         const char *path, const char *fmt, va_list args)
    __attribute__((format(printf, 4, 0)));


static void
gwc_diag_add(const gwc_message_t *place, bool error, const char *path,
             const char *fmt, va_list args)
{
    char *text;
    gwc_message_t *message;

    text = gwc_vsprintf(fmt, args);

    if (path != NULL && path[0] != '\0') {
        text = gwc_sprintf("%s: %s", path, text);
    }

    message = gwc_alloc(sizeof(gwc_message_t));
    *message = *place;
    message->error = error;
    message->text = text;
    message->order = gwc_messages.n;

    gwc_vec_push(&gwc_messages, message);

    if (error) {
        gwc_errors++;
    }
}


static gwc_message_t
gwc_diag_place(const gwc_node_t *node)
{
    gwc_message_t place;

    memset(&place, 0, sizeof(place));

    if (node != NULL) {
        place.file = node->file;
        place.line = node->line;
        place.column = node->column;
    }

    return place;
}


void
gwc_error(const gwc_node_t *node, const char *fmt, ...)
{
    va_list args;
    gwc_message_t place;

    place = gwc_diag_place(node);

    va_start(args, fmt);
    gwc_diag_add(&place, true, node == NULL ? NULL : gwc_node_path(node), fmt,
                 args);
    va_end(args);
}


void
gwc_warning(const gwc_node_t *node, const char *fmt, ...)
{
    va_list args;
    gwc_message_t place;

    place = gwc_diag_place(node);

    va_start(args, fmt);
    gwc_diag_add(&place, false, node == NULL ? NULL : gwc_node_path(node), fmt,
                 args);
    va_end(args);
}


void
gwc_error_at(const char *file, unsigned line, unsigned column, const char *fmt,
             ...)
{
    va_list args;
    gwc_message_t place;

    memset(&place, 0, sizeof(place));
    place.file = file;
    place.line = line;
    place.column = column;

    va_start(args, fmt);
    gwc_diag_add(&place, true, NULL, fmt, args);
    va_end(args);
}


void
gwc_fix(const char *fmt, ...)
{
    va_list args;
    gwc_message_t *message;

    if (gwc_messages.n == 0) {
        return;
    }

    message = gwc_messages.items[gwc_messages.n - 1];

    va_start(args, fmt);
    message->fix = gwc_vsprintf(fmt, args);
    va_end(args);
}


size_t
gwc_error_count(void)
{
    return gwc_errors;
}


static int
gwc_diag_compare_place(const gwc_message_t *a, const gwc_message_t *b)
{
    int rc;

    if (a->file == NULL || b->file == NULL) {
        rc = (a->file != NULL) - (b->file != NULL);

    } else {
        rc = strcmp(a->file, b->file);
    }

    if (rc != 0) {
        return rc;
    }

    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }

    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }

    return 0;
}


/* as printed */
static int
gwc_diag_compare(const void *one, const void *two)
{
    int rc;
    const gwc_message_t *a, *b;

    a = *(const gwc_message_t *const *) one;
    b = *(const gwc_message_t *const *) two;

    rc = gwc_diag_compare_place(a, b);

    if (rc != 0) {
        return rc;
    }

    return a->order < b->order ? -1 : 1;
}


/* whatever "order" says, equal messages are neighbours */
static int
gwc_diag_compare_text(const gwc_message_t *a, const gwc_message_t *b)
{
    int rc;

    rc = gwc_diag_compare_place(a, b);

    if (rc == 0) {
        rc = (a->error ? 1 : 0) - (b->error ? 1 : 0);
    }

    return rc != 0 ? rc : strcmp(a->text, b->text);
}


static int
gwc_diag_compare_equal(const void *one, const void *two)
{
    int rc;
    const gwc_message_t *a, *b;

    a = *(const gwc_message_t *const *) one;
    b = *(const gwc_message_t *const *) two;

    rc = gwc_diag_compare_text(a, b);

    if (rc != 0) {
        return rc;
    }

    return a->order < b->order ? -1 : 1;
}


/* sorted by text first: many aliases of one value may say the same */
static void
gwc_diag_sort(void)
{
    size_t i, n;

    if (gwc_messages.n < 2) {
        return;
    }

    qsort(gwc_messages.items, gwc_messages.n, sizeof(void *),
          gwc_diag_compare_equal);

    for (i = 1, n = 1; i < gwc_messages.n; i++) {
        if (gwc_diag_compare_text(gwc_messages.items[n - 1],
                                  gwc_messages.items[i])
            != 0)
        {
            gwc_messages.items[n++] = gwc_messages.items[i];
        }
    }

    gwc_messages.n = n;
    qsort(gwc_messages.items, n, sizeof(void *), gwc_diag_compare);
}


static void
gwc_diag_print(const gwc_message_t *message)
{
    const char *kind;

    kind = message->error ? "error" : "warning";

    if (message->file == NULL) {
        fprintf(stderr, "ngx-gateway: %s: %s\n", kind, message->text);

    } else if (message->line == 0) {
        fprintf(stderr, "%s: %s: %s\n", message->file, kind, message->text);

    } else {
        fprintf(stderr, "%s:%u:%u: %s: %s\n", message->file, message->line,
                message->column, kind, message->text);
    }

    if (message->fix != NULL) {
        fprintf(stderr, "  fix: %s\n", message->fix);
    }
}


size_t
gwc_diag_flush(void)
{
    size_t i, errors, left, printed;
    const gwc_message_t *message;

    gwc_diag_sort();

    errors = 0;
    left = 0;
    printed = 0;

    for (i = 0; i < gwc_messages.n; i++) {
        message = gwc_messages.items[i];
        errors += message->error;

        if (printed == GWC_DIAG_MAX) {
            left++;
            continue;
        }

        gwc_diag_print(message);
        printed++;
    }

    if (left != 0) {
        fprintf(stderr, "ngx-gateway: %zu more messages not shown\n", left);
    }

    gwc_diag_reset();

    return errors;
}


void
gwc_diag_reset(void)
{
    memset(&gwc_messages, 0, sizeof(gwc_messages));
    gwc_errors = 0;
}


/* edit distance (a swap of neighbours is one), at most max + 1 */
static size_t
gwc_distance(gwc_text_t a, gwc_text_t b, size_t max)
{
    size_t i, j, cost, best, low;
    size_t rows[3][64];
    size_t *row, *above, *above2;

    if (a.len >= 64 || b.len >= 64 || a.len > b.len + max
        || b.len > a.len + max) {
        return max + 1;
    }

    for (j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }

    for (i = 1; i <= a.len; i++) {
        row = rows[i % 3];
        above = rows[(i - 1) % 3];
        above2 = rows[(i + 1) % 3];
        row[0] = i;
        low = i;

        for (j = 1; j <= b.len; j++) {
            cost = a.data[i - 1] == b.data[j - 1] ? 0 : 1;
            best = above[j - 1] + cost;

            if (above[j] + 1 < best) {
                best = above[j] + 1;
            }

            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }

            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2]
                && a.data[i - 2] == b.data[j - 1] && above2[j - 2] + 1 < best)
            {
                best = above2[j - 2] + 1;
            }

            row[j] = best;

            if (best < low) {
                low = best;
            }
        }

        if (low > max) {
            return max + 1;
        }
    }

    return rows[a.len % 3][b.len];
}


const char *
gwc_nearest(gwc_text_t word, const char *const *candidates, size_t n)
{
    size_t i, best, distance;
    const char *found;
    gwc_text_t candidate;

    found = NULL;
    /* a third of the letters may be wrong */
    best = word.len / 3 + 1;

    if (best > 3) {
        best = 3;
    }

    for (i = 0; i < n; i++) {
        candidate.data = candidates[i];
        candidate.len = strlen(candidates[i]);

        if (word.len <= 2 && candidate.len != word.len) {
            continue;
        }

        distance = gwc_distance(word, candidate, best);

        if (distance < best || (distance == best && found == NULL)) {
            best = distance;
            found = candidates[i];
        }
    }

    return found;
}
