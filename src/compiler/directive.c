/*
 * Copyright (C) the ngx_gateway authors
 *
 * The grammar of nginx's configuration: words, quotes, comments, blocks.
 */

#include "directive.h"

#include <string.h>

#include "diag.h"
#include "schema.h"

/* nginx refuses longer words, whose quotes and escapes count */
#define GWC_WORD_MAX 4090

#define GWC_BLOCKS_MAX 16

typedef struct {
    const gwc_node_t *node;
    const char *p;
    const char *end;
    const char *counted; /* up to here lines were counted */
    unsigned line;       /* of the text, from 0 */
    bool last;           /* a missing ";" at the end is no error */
    bool failed;
} gwc_parser_t;

/* what ends a word */
typedef enum {
    GWC_AFTER_SPACE,
    GWC_AFTER_END, /* ";" */
    GWC_AFTER_OPEN,
    GWC_AFTER_CLOSE,
    GWC_AFTER_TEXT,
    GWC_AFTER_ERROR
} gwc_after_t;

static bool gwc_parse_list(gwc_parser_t *parser, gwc_vec_t *list,
                           unsigned depth);


/* a node at the line that the parser has reached: only "|" keeps lines */
static const gwc_node_t *
gwc_parser_node(gwc_parser_t *parser)
{
    gwc_node_t *node;

    for (; parser->counted < parser->p; parser->counted++) {
        parser->line += *parser->counted == '\n';
    }

    if (!parser->node->literal) {
        return parser->node;
    }

    node = gwc_alloc(sizeof(gwc_node_t));
    *node = *parser->node;
    node->line += parser->line + 1;

    return node;
}


static gwc_after_t __attribute__((format(printf, 2, 3)))
gwc_parser_error(gwc_parser_t *parser, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);

    if (!parser->failed) {
        gwc_error(gwc_parser_node(parser), "%s", gwc_vsprintf(fmt, args));
    }

    va_end(args);
    parser->failed = true;

    return GWC_AFTER_ERROR;
}


static bool
gwc_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


static void
gwc_skip_blank(gwc_parser_t *parser)
{
    while (parser->p < parser->end) {
        if (*parser->p == '#') {
            while (parser->p < parser->end && *parser->p != '\n') {
                parser->p++;
            }

        } else if (!gwc_is_space(*parser->p)) {
            return;

        } else {
            parser->p++;
        }
    }
}


/* what an escape in a word means to nginx */
static void
gwc_unescape(gwc_buf_t *word, char c)
{
    static const char from[] = "trn";
    static const char to[] = "\t\r\n";
    const char *known = strchr(from, c);

    if (c != '\0' && known != NULL) {
        gwc_buf_add(word, &to[known - from], 1);
        return;
    }

    if (c != '"' && c != '\'' && c != '\\' && c != ' ') {
        gwc_buf_add(word, "\\", 1);
    }

    gwc_buf_add(word, &c, 1);
}


/* of a quoted word, p at its quote; false when it does not end */
static bool
gwc_parse_quoted(gwc_parser_t *parser, gwc_buf_t *word)
{
    char quote = *parser->p++;

    while (parser->p < parser->end && *parser->p != quote) {
        if (*parser->p == '\\' && parser->p + 1 < parser->end) {
            gwc_unescape(word, parser->p[1]);
            parser->p += 2;

        } else {
            gwc_buf_add(word, parser->p++, 1);
        }
    }

    if (parser->p == parser->end) {
        return false;
    }

    parser->p++;

    return true;
}


static void
gwc_parse_plain(gwc_parser_t *parser, gwc_buf_t *word)
{
    bool variable = false;

    while (parser->p < parser->end) {
        char c = *parser->p;

        if (c == '\\' && parser->p + 1 == parser->end) {
            /* it would escape the ";" that is written behind it */
            (void) gwc_parser_error(parser, "a \"\\\" stands at the end");
            return;
        }

        if (c == '\\') {
            gwc_unescape(word, parser->p[1]);
            parser->p += 2;
            variable = false;
            continue;
        }

        /* the brace of "${name}" opens no block */
        if (gwc_is_space(c) || c == ';' || (c == '{' && !variable)) {
            return;
        }

        variable = c == '$';
        gwc_buf_add(word, &c, 1);
        parser->p++;
    }
}


/*
 * The next word, raw and decoded, or what stands in its place.  Words that
 * begin with a quote end with it.
 */
static gwc_after_t
gwc_parse_word(gwc_parser_t *parser, const char **raw, const char **word)
{
    gwc_buf_t decoded = { 0 };
    const char *start;

    gwc_skip_blank(parser);

    if (parser->p == parser->end) {
        return GWC_AFTER_TEXT;
    }

    switch (*parser->p) {

    case ';':
        parser->p++;
        return GWC_AFTER_END;

    case '{':
        parser->p++;
        return GWC_AFTER_OPEN;

    case '}':
        parser->p++;
        return GWC_AFTER_CLOSE;

    default:
        break;
    }

    start = parser->p;

    if (*start == '"' || *start == '\'') {
        if (!gwc_parse_quoted(parser, &decoded)) {
            return gwc_parser_error(parser, "a quote is not closed");
        }

        if (parser->p < parser->end && !gwc_is_space(*parser->p)
            && strchr(";{)", *parser->p) == NULL)
        {
            return gwc_parser_error(parser, "unexpected \"%c\" behind a quote",
                                    *parser->p);
        }

    } else {
        gwc_parse_plain(parser, &decoded);

        if (parser->failed) {
            return GWC_AFTER_ERROR;
        }
    }

    if (parser->p - start > GWC_WORD_MAX) {
        return gwc_parser_error(parser,
                                "a word is longer than the %d bytes that "
                                "nginx reads",
                                GWC_WORD_MAX);
    }

    *raw = gwc_strndup(start, (size_t) (parser->p - start));
    *word = decoded.len ? gwc_strndup(decoded.data, decoded.len) : "";

    return GWC_AFTER_SPACE;
}


static bool
gwc_is_directive_name(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z'
           && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")
                  == strlen(name);
}


/* the end of a directive that has begun; false after an error */
static bool
gwc_parse_end(gwc_parser_t *parser, gwc_directive_t *directive,
              gwc_after_t after, unsigned depth)
{
    switch (after) {

    case GWC_AFTER_END:
        return true;

    case GWC_AFTER_OPEN:
        directive->block = true;

        if (depth == GWC_BLOCKS_MAX) {
            (void) gwc_parser_error(parser, "blocks are nested too deep");
            return false;
        }

        return gwc_parse_list(parser, &directive->children, depth + 1);

    case GWC_AFTER_TEXT:
        if (parser->last && depth == 0) {
            return true;
        }

        (void) gwc_parser_error(parser,
                                "directive \"%s\" is not terminated "
                                "by \";\"",
                                directive->name);
        return false;

    case GWC_AFTER_CLOSE:
        (void) gwc_parser_error(parser, "unexpected \"}\" in directive \"%s\"",
                                directive->name);
        return false;

    case GWC_AFTER_SPACE:
    case GWC_AFTER_ERROR:
        break;
    }

    return false;
}


/* a directive whose first word was read */
static bool
gwc_parse_directive(gwc_parser_t *parser, gwc_vec_t *list, const char *name,
                    unsigned depth)
{
    gwc_directive_t *directive = gwc_alloc(sizeof(gwc_directive_t));
    const char *raw = "", *word = "";
    gwc_buf_t args = { 0 };
    gwc_after_t after;

    directive->node = gwc_parser_node(parser);
    directive->name = name;
    gwc_vec_push(list, directive);

    if (depth == 0 && !gwc_is_directive_name(name)) {
        (void) gwc_parser_error(
            parser, "%s is no name of a directive of nginx",
            gwc_quoted((gwc_text_t){ name, strlen(name) }));
        return false;
    }

    for (;;) {
        after = gwc_parse_word(parser, &raw, &word);

        if (after != GWC_AFTER_SPACE) {
            break;
        }

        gwc_buf_printf(&args, "%s%s", args.len ? " " : "", raw);
        gwc_vec_push(&directive->words, (void *) (uintptr_t) word);
    }

    directive->args = args.len ? gwc_strndup(args.data, args.len) : "";

    return gwc_parse_end(parser, directive, after, depth);
}


/* up to the "}" that ends the block, or the end of the text */
static bool
gwc_parse_list(gwc_parser_t *parser, gwc_vec_t *list, unsigned depth)
{
    const char *raw = "", *word = "";

    for (;;) {
        switch (gwc_parse_word(parser, &raw, &word)) {

        case GWC_AFTER_SPACE:
            if (!gwc_parse_directive(parser, list, raw, depth)) {
                return false;
            }
            break;

        case GWC_AFTER_END:
            (void) gwc_parser_error(parser, "unexpected \";\"");
            return false;

        case GWC_AFTER_OPEN:
            (void) gwc_parser_error(parser, "unexpected \"{\"");
            return false;

        case GWC_AFTER_CLOSE:
            if (depth == 0) {
                (void) gwc_parser_error(parser, "unexpected \"}\"");
            }
            return depth > 0;

        case GWC_AFTER_TEXT:
            if (depth > 0) {
                (void) gwc_parser_error(parser, "a block is not closed by "
                                                "\"}\"");
            }
            return depth == 0;

        case GWC_AFTER_ERROR:
            return false;
        }
    }
}


bool
gwc_directives_parse(gwc_vec_t *list, const gwc_node_t *node, gwc_text_t text,
                     bool last)
{
    gwc_parser_t parser = { 0 };

    parser.node = node;
    parser.p = text.len ? text.data : "";
    parser.end = parser.p + text.len;
    parser.counted = parser.p;
    parser.last = last;

    return gwc_parse_list(&parser, list, 0);
}


bool
gwc_directives_have(const gwc_vec_t *list, const char *name)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        const gwc_directive_t *directive = list->items[i];

        if (strcmp(directive->name, name) == 0) {
            return true;
        }
    }

    return false;
}


void
gwc_directives_text(gwc_buf_t *buf, const gwc_vec_t *list)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        const gwc_directive_t *directive = list->items[i];

        gwc_buf_printf(buf, "%s%s%s", directive->name,
                       directive->args[0] != '\0' ? " " : "", directive->args);

        if (directive->block) {
            gwc_buf_puts(buf, " { ");
            gwc_directives_text(buf, &directive->children);
            gwc_buf_puts(buf, "} ");

        } else {
            gwc_buf_puts(buf, "; ");
        }
    }
}
