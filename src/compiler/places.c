/*
 * Copyright (C) the ngx_gateway authors
 *
 * YAML folds lines, cuts indentation and has escapes, JSON has escapes.
 * Rather than reading scalars a second time in all their styles, the value
 * is laid along the text: white space may differ in its amount, an escape
 * stands for what comes of it, and everything else must be the same.
 */

#include "places.h"

#include <stdarg.h>
#include <string.h>

typedef struct {
    const char *file;
    gwc_text_t bytes;
} gwc_place_file_t;

static gwc_vec_t gwc_place_files;


void
gwc_places_reset(void)
{
    memset(&gwc_place_files, 0, sizeof(gwc_place_files));
}


void
gwc_places_add(const char *file, gwc_text_t bytes)
{
    gwc_place_file_t *place = gwc_alloc(sizeof(gwc_place_file_t));

    place->file = file;
    place->bytes = bytes;

    gwc_vec_push(&gwc_place_files, place);
}


static bool
gwc_place_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* where line and column are, or NULL */
static const char *
gwc_place_find(const gwc_text_t *bytes, unsigned line, unsigned column)
{
    const char *p = bytes->data, *end = p + bytes->len;

    for (; line > 1; line--) {
        p = memchr(p, '\n', (size_t) (end - p));

        if (p == NULL) {
            return NULL;
        }

        p++;
    }

    /* columns count characters */
    for (; column > 1 && p < end; column--) {
        for (p++; p < end && ((unsigned char) *p & 0xc0) == 0x80; p++) {
        }
    }

    return p;
}


/* how long the escape at p is, and whether white space comes of it */
static size_t
gwc_place_escape(const char *p, const char *end, bool *space)
{
    char c = end - p > 1 ? p[1] : '\0';
    size_t len = c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;

    *space = c == 'n' || c == 't' || c == 'r' || gwc_place_is_space(c);

    return len < (size_t) (end - p) ? len : (size_t) (end - p);
}


/* the first byte of a scalar's text, NULL when it is not to be found */
static const char *
gwc_place_start(const gwc_node_t *node, const gwc_text_t *bytes, char *style)
{
    const char *p = gwc_place_find(bytes, node->line, node->column);
    const char *end = bytes->data + bytes->len, *line;

    *style = ' ';

    if (p == NULL || p >= end) {
        return NULL;
    }

    if (*p == '"' || *p == '\'') {
        *style = *p;
        return p + 1;
    }

    if (!node->quoted) {
        return p;
    }

    /* of "key: |" and "- >-" the key or the list is known */
    line = memchr(p, '\n', (size_t) (end - p));

    if (line == NULL) {
        return NULL;
    }

    for (p = line; p > bytes->data && gwc_place_is_space(p[-1]); p--) {
    }

    while (p > bytes->data
           && (p[-1] == '-' || p[-1] == '+' || (p[-1] >= '0' && p[-1] <= '9')))
    {
        p--;
    }

    return p > bytes->data && (p[-1] == '|' || p[-1] == '>') ? line + 1 : NULL;
}


static const char *
gwc_place_walk(const char *p, const char *end, char style,
               const gwc_text_t *value, size_t offset)
{
    size_t i = 0, n;
    bool space;

    for (;;) {
        if (i == value->len) {
            return p;
        }

        /* white space of the text, some of it written as escapes */
        for (;;) {
            space = false;
            n = 1;

            if (p < end && style == '"' && *p == '\\') {
                n = gwc_place_escape(p, end, &space);

            } else if (p < end) {
                space = gwc_place_is_space(*p);
            }

            if (!space || (i == offset && gwc_place_is_space(value->data[i])))
            {
                break;
            }

            p += n;
        }

        while (i < offset && gwc_place_is_space(value->data[i])) {
            i++;
        }

        if (i == offset) {
            return p;
        }

        if (p >= end) {
            return NULL;
        }

        if (style == '"' && *p == '\\') {
            p += gwc_place_escape(p, end, &space);

            for (i++;
                 i < offset && ((unsigned char) value->data[i] & 0xc0) == 0x80;
                 i++) {
            }

            continue;
        }

        if (*p != value->data[i]) {
            return NULL;
        }

        p += style == '\'' && *p == '\'' ? 2 : 1;
        i++;
    }
}


/* the node itself with another line and column */
static const gwc_node_t *
gwc_place_within(const gwc_node_t *node, size_t offset)
{
    const gwc_place_file_t *file = NULL;
    const char *p, *start, *end;
    gwc_node_t *within;
    size_t i;
    char style;

    for (i = 0; i < gwc_place_files.n; i++) {
        file = gwc_place_files.items[i];

        if (strcmp(file->file, node->file) == 0) {
            break;
        }
    }

    if (i == gwc_place_files.n || node->kind != GWC_NODE_STRING
        || offset > node->text.len)
    {
        return node;
    }

    p = gwc_place_start(node, &file->bytes, &style);
    end = file->bytes.data + file->bytes.len;

    if (p != NULL) {
        p = gwc_place_walk(p, end, style, &node->text, offset);
    }

    if (p == NULL) {
        return node;
    }

    within = gwc_alloc(sizeof(gwc_node_t));
    *within = *node;
    within->line = 1;
    within->column = 1;

    for (start = file->bytes.data; start < p; start++) {
        if (*start == '\n') {
            within->line++;
            within->column = 1;

        } else if (((unsigned char) *start & 0xc0) != 0x80) {
            within->column++;
        }
    }

    return within;
}


void
gwc_error_within(const gwc_node_t *node, size_t offset, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = gwc_vsprintf(fmt, args);
    va_end(args);

    gwc_error(gwc_place_within(node, offset), "%s", text);
}


void
gwc_warning_within(const gwc_node_t *node, size_t offset, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = gwc_vsprintf(fmt, args);
    va_end(args);

    gwc_warning(gwc_place_within(node, offset), "%s", text);
}
