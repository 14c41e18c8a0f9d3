
/*
 * Copyright (C) the ngx_gateway authors
 *
 * A text becomes a list of pieces: text, expressions (parse.c, eval.c) and
 * variables of nginx.  Rendering costs a lookup per variable and one copy of
 * the result.
 */


#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway_template_private.h"


typedef struct gateway_piece_s  gateway_piece_t;

struct gateway_piece_s {
    gateway_str_t               text;      /* if it is nothing else */
    gateway_node_t             *node;
    size_t                      index;     /* of a variable */
    int                         variable;
    gateway_piece_t            *next;
};


struct gateway_template_s {
    gateway_piece_t            *pieces;
    size_t                      npieces;
    int                         plain;
    int                         expression;
};


static const char *gateway_template_piece(const char *p,
    const gateway_str_t *text, gateway_template_options_t *options,
    gateway_piece_t *piece);
static const char *gateway_template_variable(const char *p, const char *last,
    gateway_str_t *name);
static int gateway_template_value(const gateway_piece_t *piece,
    const gateway_template_env_t *env, gateway_str_t *text,
    const char **reason);
static int gateway_is_word(char c);


gateway_template_t *
gateway_template_compile(const gateway_str_t *text,
    gateway_template_options_t *options)
{
    const char          *p, *last;
    gateway_piece_t    **next, *piece;
    gateway_template_t  *template;

    template = options->alloc(options->data, sizeof(gateway_template_t));
    if (template == NULL) {
        (void) snprintf(options->err, options->errlen, "out of memory");
        return NULL;
    }

    template->pieces = NULL;
    template->npieces = 0;
    template->plain = 1;
    template->expression = 0;

    next = &template->pieces;
    p = text->data;
    last = p + text->len;

    while (p < last) {

        piece = options->alloc(options->data, sizeof(gateway_piece_t));
        if (piece == NULL) {
            (void) snprintf(options->err, options->errlen, "out of memory");
            return NULL;
        }

        memset(piece, 0, sizeof(gateway_piece_t));

        *next = piece;
        next = &piece->next;
        template->npieces++;

        p = gateway_template_piece(p, text, options, piece);

        if (p == NULL) {
            return NULL;
        }

        if (piece->node || piece->variable) {
            template->plain = 0;
        }

        if (piece->node) {
            template->expression = 1;
        }
    }

    return template;
}


/* returns what follows it, or NULL with a message */

static const char *
gateway_template_piece(const char *p, const gateway_str_t *text,
    gateway_template_options_t *options, gateway_piece_t *piece)
{
    const char     *last, *next;
    gateway_str_t   name;

    last = text->data + text->len;

    piece->text.data = p;

    for ( /* void */ ; p < last; p++) {

        if (*p != '$' || last - p < 2) {
            continue;
        }

        piece->text.len = (size_t) (p - piece->text.data);

        if (p[1] == '(' && options->expressions) {

            if (piece->text.len) {
                return p;
            }

            piece->node = gateway_template_parse(text, &p, options);

            return piece->node ? p : NULL;
        }

        if (options->variable == NULL) {
            continue;
        }

        next = gateway_template_variable(p, last, &name);

        if (next == NULL) {
            continue;
        }

        if (piece->text.len) {
            return p;
        }

        if (!options->variable(options->data, &name, &piece->index)) {
            (void) snprintf(options->err, options->errlen,
                            "there is no variable \"%.*s\"",
                            (int) name.len, name.data);
            return NULL;
        }

        piece->variable = 1;

        return next;
    }

    piece->text.len = (size_t) (last - piece->text.data);

    return last;
}


/* "$name" or "${name}"; NULL if it is neither */

static const char *
gateway_template_variable(const char *p, const char *last,
    gateway_str_t *name)
{
    int  braces;

    p++;
    braces = (*p == '{');
    p += braces;

    name->data = p;

    while (p < last && gateway_is_word(*p)) {
        p++;
    }

    name->len = (size_t) (p - name->data);

    if (name->len == 0) {
        return NULL;
    }

    if (!braces) {
        return p;
    }

    return (p < last && *p == '}') ? p + 1 : NULL;
}


const char *
gateway_template_skip(const gateway_str_t *text, const char *p,
    gateway_template_options_t *options)
{
    return gateway_template_parse(text, &p, options) ? p : NULL;
}


int
gateway_template_is_plain(const gateway_template_t *template)
{
    return template->plain;
}


int
gateway_template_has_expression(const gateway_template_t *template)
{
    return template->expression;
}


int
gateway_template_render(const gateway_template_t *template,
    const gateway_template_env_t *env, gateway_str_t *out,
    const char **reason)
{
    int                     rc;
    char                   *p;
    size_t                  len, i;
    gateway_str_t          *texts;
    const gateway_piece_t  *piece;

    *reason = NULL;

    texts = env->alloc(env->data, (template->npieces + 1)
                                  * sizeof(gateway_str_t));
    if (texts == NULL) {
        return -1;
    }

    len = 0;
    i = 0;

    for (piece = template->pieces; piece; piece = piece->next) {

        rc = gateway_template_value(piece, env, &texts[i], reason);
        if (rc != 1) {
            return rc;
        }

        len += texts[i++].len;
    }

    if (i == 1) {
        *out = texts[0];
        return 1;
    }

    p = env->alloc(env->data, len + 1);
    if (p == NULL) {
        return -1;
    }

    out->data = p;
    out->len = len;

    for (i = 0; i < template->npieces; i++) {
        if (texts[i].len) {
            memcpy(p, texts[i].data, texts[i].len);
            p += texts[i].len;
        }
    }

    return 1;
}


static int
gateway_template_value(const gateway_piece_t *piece,
    const gateway_template_env_t *env, gateway_str_t *text,
    const char **reason)
{
    int                       rc;
    gateway_template_value_t  value;

    if (piece->variable) {
        return env->variable(env->data, piece->index, text) == 0 ? 1 : -1;
    }

    *text = piece->text;

    if (piece->node == NULL) {
        return 1;
    }

    rc = gateway_template_eval(piece->node, env, &value, reason);
    if (rc != 1) {
        return rc;
    }

    if (value.type == GATEWAY_TEMPLATE_NIL
        || value.type == GATEWAY_TEMPLATE_FALSE)
    {
        text->data = "";
        text->len = 0;
        return 1;
    }

    if (gateway_template_text(env, &value) != 1) {
        return -1;
    }

    *text = value.text;

    return 1;
}


int
gateway_pair_split(const gateway_str_t *pair, gateway_str_t *name,
    gateway_str_t *value)
{
    size_t  i;

    for (i = 0; i < pair->len && pair->data[i] != ':'; i++) { /* void */ }

    name->data = pair->data;
    name->len = i;

    while (i < pair->len && pair->data[i] == ':') {
        i++;
    }

    value->data = pair->data + i;
    value->len = pair->len - i;

    return name->len > 0;
}


int
gateway_is_header_name(const gateway_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (!gateway_is_word(name->data[i]) && name->data[i] != '-') {
            return 0;
        }
    }

    return name->len > 0;
}


int
gateway_is_header_value(const gateway_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] == '\0' || value->data[i] == '\r'
            || value->data[i] == '\n')
        {
            return 0;
        }
    }

    return 1;
}


int
gateway_is_framing_header(const gateway_str_t *name)
{
    return (name->len == 14
            && strncasecmp(name->data, "content-length", 14) == 0)
           || (name->len == 17
               && strncasecmp(name->data, "transfer-encoding", 17) == 0);
}


static int
gateway_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
}
