/*
 * Copyright (C) the ngx_gateway authors
 */

#include "writer.h"

#include <stdio.h>
#include <string.h>

#include "diag.h"

/*
 * nginx reads its configuration through a buffer of 4096 bytes and refuses
 * any token or comment that does not fit in, quotes and escapes included.
 */
#define GWC_TOKEN_MAX 4090

/* comments are cut where a reader has seen enough */
#define GWC_COMMENT_MAX 500

static const char gwc_generation_blank[] = "gateway.0000000000000000";


static void
gwc_indent(gwc_writer_t *w)
{
    unsigned i;

    for (i = 0; i < w->depth; i++) {
        gwc_buf_puts(&w->buf, "    ");
    }
}


static bool
gwc_needs_quotes(gwc_text_t arg)
{
    size_t i;

    if (arg.len == 0 || arg.data[0] == '#') {
        return true;
    }

    for (i = 0; i < arg.len; i++) {
        unsigned char c = (unsigned char) arg.data[i];

        if (c <= ' ' || c == ';' || c == '{' || c == '}' || c == '"'
            || c == '\'' || c == '\\')
        {
            return true;
        }
    }

    return false;
}


static void
gwc_quote(gwc_buf_t *buf, gwc_text_t arg)
{
    size_t i;

    gwc_buf_add(buf, "\"", 1);

    for (i = 0; i < arg.len; i++) {
        if (arg.data[i] == '"' || arg.data[i] == '\\') {
            gwc_buf_add(buf, "\\", 1);
        }

        gwc_buf_add(buf, arg.data + i, 1);
    }

    gwc_buf_add(buf, "\"", 1);
}


void
gwc_begin(gwc_writer_t *w, const char *name)
{
    gwc_indent(w);
    gwc_buf_puts(&w->buf, name);
    w->name = name;
}


void
gwc_arg_text(gwc_writer_t *w, gwc_text_t arg)
{
    size_t start;

    if (arg.data == NULL) {
        arg = GWC_TEXT("");
    }

    if (memchr(arg.data, '\0', arg.len) != NULL) {
        gwc_error(w->source,
                  "a zero byte cannot be written to nginx's "
                  "configuration (\"%s\")",
                  w->name);
        return;
    }

    gwc_buf_add(&w->buf, " ", 1);
    start = w->buf.len;

    if (gwc_needs_quotes(arg)) {
        gwc_quote(&w->buf, arg);

    } else {
        gwc_buf_add(&w->buf, arg.data, arg.len);
    }

    if (w->buf.len - start > GWC_TOKEN_MAX) {
        gwc_error(w->source,
                  "a value of %zu bytes is too long for nginx's "
                  "configuration, which holds up to %d (\"%s\")",
                  arg.len, GWC_TOKEN_MAX, w->name);
    }
}


void
gwc_arg(gwc_writer_t *w, const char *arg)
{
    gwc_arg_text(w, (gwc_text_t){ arg, strlen(arg) });
}


/*
 * nginx has no escape for "$" in values that it expands; a variable that
 * holds one does, see emit.c.
 */
void
gwc_arg_literal(gwc_writer_t *w, gwc_text_t arg)
{
    gwc_buf_t buf = { 0 };
    size_t i;

    if (arg.len == 0 || memchr(arg.data, '$', arg.len) == NULL) {
        gwc_arg_text(w, arg);
        return;
    }

    for (i = 0; i < arg.len; i++) {
        if (arg.data[i] == '$') {
            gwc_buf_puts(&buf, "${gateway_dollar}");

        } else {
            gwc_buf_add(&buf, arg.data + i, 1);
        }
    }

    w->dollar = true;
    gwc_arg_text(w, (gwc_text_t){ buf.data, buf.len });
}


void
gwc_argf(gwc_writer_t *w, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = gwc_vsprintf(fmt, args);
    va_end(args);

    gwc_arg(w, text);
}


void
gwc_param(gwc_writer_t *w, const char *name, gwc_text_t value)
{
    gwc_buf_t buf = { 0 };

    gwc_buf_puts(&buf, name);
    gwc_buf_add(&buf, "=", 1);

    if (value.len) {
        gwc_buf_add(&buf, value.data, value.len);
    }

    gwc_arg_text(w, (gwc_text_t){ buf.data, buf.len });
}


void
gwc_arg_generated(gwc_writer_t *w, const char *file)
{
    size_t *offset;

    offset = gwc_alloc(sizeof(size_t));
    *offset = w->buf.len + 1;
    gwc_vec_push(&w->generations, offset);

    gwc_buf_printf(&w->buf, " %s/%s", gwc_generation_blank, file);
}


void
gwc_param_generated(gwc_writer_t *w, const char *name, const char *file)
{
    size_t *offset;

    offset = gwc_alloc(sizeof(size_t));
    *offset = w->buf.len + 1 + strlen(name) + 1;
    gwc_vec_push(&w->generations, offset);

    gwc_buf_printf(&w->buf, " %s=%s/%s", name, gwc_generation_blank, file);
}


void
gwc_writer_generation(gwc_writer_t *w, const char *name)
{
    size_t i;

    for (i = 0; i < w->generations.n; i++) {
        const size_t *offset = w->generations.items[i];

        memcpy(w->buf.data + *offset, name, GWC_GENERATION_LEN);
    }
}


void
gwc_end(gwc_writer_t *w)
{
    if (w->policy != NULL && strcmp(w->policy, w->name) == 0) {
        gwc_buf_puts(&w->buf, w->policy_args);
        w->policy = NULL;
    }

    gwc_buf_puts(&w->buf, ";\n");
}


static void
gwc_comment_text(gwc_buf_t *buf, char *text)
{
    char *p;

    if (strlen(text) > GWC_COMMENT_MAX) {
        text[GWC_COMMENT_MAX] = '\0';
    }

    for (p = text; *p != '\0'; p++) {
        if ((unsigned char) *p < ' ') {
            *p = ' ';
        }
    }

    gwc_buf_puts(buf, "# ");
    gwc_buf_puts(buf, text);
    gwc_buf_puts(buf, "\n");
}


gwc_place_t *
gwc_place_begin(gwc_writer_t *w, const gwc_node_t *node)
{
    gwc_place_t *place = gwc_alloc(sizeof(gwc_place_t));

    place->start = w->buf.len;
    place->node = node;
    gwc_vec_push(&w->places, place);

    return place;
}


void
gwc_place_end(const gwc_writer_t *w, gwc_place_t *place)
{
    place->end = w->buf.len;
}


void
gwc_open(gwc_writer_t *w, const gwc_node_t *node)
{
    gwc_buf_puts(&w->buf, " {");
    gwc_vec_push(&w->blocks, node != NULL ? gwc_place_begin(w, node) : NULL);

    if (node != NULL) {
        gwc_buf_puts(&w->buf, "  ");
        gwc_comment_text(&w->buf,
                         gwc_sprintf("%s:%u", node->file, node->line));

    } else {
        gwc_buf_puts(&w->buf, "\n");
    }

    w->depth++;
}


void
gwc_close(gwc_writer_t *w)
{
    w->depth--;
    gwc_indent(w);
    gwc_buf_puts(&w->buf, "}\n");

    if (w->blocks.items[--w->blocks.n] != NULL) {
        gwc_place_end(w, w->blocks.items[w->blocks.n]);
    }
}


void
gwc_put(gwc_writer_t *w, const char *name, ...)
{
    const char *arg;
    va_list args;

    gwc_begin(w, name);
    va_start(args, name);

    for (arg = va_arg(args, const char *); arg != NULL;
         arg = va_arg(args, const char *))
    {
        gwc_arg(w, arg);
    }

    va_end(args);
    gwc_end(w);
}


void
gwc_raw(gwc_writer_t *w, const char *name, const char *args)
{
    gwc_indent(w);
    gwc_buf_printf(&w->buf, "%s %s;\n", name, args);
}


static void
gwc_put_directive(gwc_writer_t *w, const gwc_directive_t *directive)
{
    gwc_place_t *place = gwc_place_begin(w, directive->node);

    place->exact = true;
    gwc_indent(w);
    gwc_buf_printf(&w->buf, "%s%s%s", directive->name,
                   directive->args[0] != '\0' ? " " : "", directive->args);

    if (directive->block) {
        gwc_buf_puts(&w->buf, " {\n");
        w->depth++;
        gwc_put_directives(w, &directive->children);
        w->depth--;
        gwc_indent(w);
        gwc_buf_puts(&w->buf, "}\n");

    } else {
        gwc_buf_puts(&w->buf, ";\n");
    }

    gwc_place_end(w, place);
}


void
gwc_put_directives(gwc_writer_t *w, const gwc_vec_t *directives)
{
    size_t i;

    for (i = 0; i < directives->n; i++) {
        gwc_put_directive(w, directives->items[i]);
    }
}


void
gwc_comment(gwc_writer_t *w, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = gwc_vsprintf(fmt, args);
    va_end(args);

    gwc_indent(w);
    gwc_comment_text(&w->buf, text);
}


void
gwc_blank(gwc_writer_t *w)
{
    gwc_buf_puts(&w->buf, "\n");
}
