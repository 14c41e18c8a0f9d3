
/*
 * Copyright (C) the ngx_gateway authors
 *
 * From JSON text to a tree, paths, and texts of JSON to and fro.  The text is
 * checked and cut in one pass without recursion; what lies deeper than the
 * tree is opened is checked only.
 */


#include "ngx_http_gateway_transform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


/* a number as text */
#define NGX_HTTP_GATEWAY_JSON_DIGITS  64


/* an array or object that is not closed yet */
typedef struct {
    ngx_http_gateway_json_node_t    *node;      /* NULL: inside of one that
                                                   is not opened */
    u_char                           close;     /* '}' or ']' */
} ngx_http_gateway_json_level_t;

typedef struct {
    ngx_http_gateway_json_t         *json;
    u_char                          *p;
    u_char                          *last;
    ngx_uint_t                       depth;     /* to open */
    ngx_uint_t                       nlevels;
    ngx_http_gateway_json_level_t    levels[NGX_HTTP_GATEWAY_JSON_DEPTH];
} ngx_http_gateway_json_parser_t;


static ngx_int_t ngx_http_gateway_json_text(
    ngx_http_gateway_json_parser_t *parser);
static ngx_int_t ngx_http_gateway_json_begin(
    ngx_http_gateway_json_parser_t *parser,
    ngx_http_gateway_json_node_t **node);
static ngx_int_t ngx_http_gateway_json_open(
    ngx_http_gateway_json_parser_t *parser,
    ngx_http_gateway_json_node_t *node);
static ngx_int_t ngx_http_gateway_json_close(
    ngx_http_gateway_json_parser_t *parser);
static ngx_int_t ngx_http_gateway_json_scalar(
    ngx_http_gateway_json_parser_t *parser);
static ngx_int_t ngx_http_gateway_json_string(
    ngx_http_gateway_json_parser_t *parser, ngx_uint_t *escaped);
static ngx_int_t ngx_http_gateway_json_number(
    ngx_http_gateway_json_parser_t *parser);
static ngx_uint_t ngx_http_gateway_json_digits(
    ngx_http_gateway_json_parser_t *parser);
static void ngx_http_gateway_json_blanks(
    ngx_http_gateway_json_parser_t *parser);
static u_char *ngx_http_gateway_json_escape(u_char *p, u_char *last,
    u_char **dst);
static u_char *ngx_http_gateway_json_utf8(u_char *p, ngx_uint_t c);


/* what is not simply a byte of a string */
static const u_char  ngx_http_gateway_json_special[256] = {
    ['\0'] = 1, ['"'] = 1, ['\\'] = 1
};


ngx_int_t
ngx_http_gateway_json_parse(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_uint_t depth, ngx_http_gateway_json_t *json)
{
    ngx_int_t                        rc;
    ngx_http_gateway_json_parser_t   parser;

    static ngx_str_t  empty = ngx_string("{}");

    ngx_memzero(json, sizeof(ngx_http_gateway_json_t));

    json->pool = pool;
    json->root.text = text->len ? *text : empty;

    parser.json = json;
    parser.p = json->root.text.data;
    parser.last = parser.p + json->root.text.len;
    parser.depth = depth;
    parser.nlevels = 0;

    ngx_http_gateway_json_blanks(&parser);

    json->root.text.data = parser.p;

    rc = ngx_http_gateway_json_text(&parser);
    if (rc != NGX_OK) {
        return rc;
    }

    json->root.text.len = parser.p - json->root.text.data;

    ngx_http_gateway_json_blanks(&parser);

    return parser.p == parser.last ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_json_text(ngx_http_gateway_json_parser_t *parser)
{
    ngx_int_t                      rc;
    ngx_http_gateway_json_node_t  *node;

    node = &parser->json->root;

    for ( ;; ) {

        /* a value begins here */

        if (parser->p == parser->last) {
            return NGX_DECLINED;
        }

        if (*parser->p == '{' || *parser->p == '[') {

            rc = ngx_http_gateway_json_open(parser, node);
            if (rc != NGX_OK) {
                return rc;
            }

            ngx_http_gateway_json_blanks(parser);

            if (parser->p < parser->last
                && *parser->p == parser->levels[parser->nlevels - 1].close)
            {
                rc = ngx_http_gateway_json_close(parser);

            } else {
                rc = ngx_http_gateway_json_begin(parser, &node);

                if (rc == NGX_OK) {
                    continue;
                }
            }

        } else {
            rc = ngx_http_gateway_json_scalar(parser);

            if (node) {
                node->text.len = parser->p - node->text.data;
            }
        }

        if (rc != NGX_OK) {
            return rc;
        }

        /* it has ended, and so may those around it */

        for ( ;; ) {

            if (parser->nlevels == 0) {
                return NGX_OK;
            }

            ngx_http_gateway_json_blanks(parser);

            if (parser->p == parser->last) {
                return NGX_DECLINED;
            }

            if (*parser->p == ',') {
                break;
            }

            if (*parser->p != parser->levels[parser->nlevels - 1].close) {
                return NGX_DECLINED;
            }

            (void) ngx_http_gateway_json_close(parser);
        }

        parser->p++;

        ngx_http_gateway_json_blanks(parser);

        rc = ngx_http_gateway_json_begin(parser, &node);
        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* a member's key, and the node of what follows; NULL: there is none */

static ngx_int_t
ngx_http_gateway_json_begin(ngx_http_gateway_json_parser_t *parser,
    ngx_http_gateway_json_node_t **node)
{
    u_char                         *key;
    ngx_int_t                       rc;
    ngx_uint_t                      escaped;
    ngx_http_gateway_json_node_t   *child, *parent;
    ngx_http_gateway_json_level_t  *level;

    level = &parser->levels[parser->nlevels - 1];
    parent = level->node;
    child = NULL;

    if (parent && parent->opened) {

        if (++parser->json->nnodes > NGX_HTTP_GATEWAY_JSON_NODES) {
            return NGX_ABORT;
        }

        child = ngx_pcalloc(parser->json->pool,
                            sizeof(ngx_http_gateway_json_node_t));
        if (child == NULL) {
            return NGX_ERROR;
        }

        if (parent->last) {
            parent->last->next = child;

        } else {
            parent->first = child;
        }

        parent->last = child;
    }

    *node = child;

    if (level->close == '}') {

        key = parser->p + 1;

        rc = ngx_http_gateway_json_string(parser, &escaped);
        if (rc != NGX_OK) {
            return rc;
        }

        if (child) {
            child->key.data = key;
            child->key.len = parser->p - 1 - key;
            child->escaped = escaped;
        }

        ngx_http_gateway_json_blanks(parser);

        if (parser->p == parser->last || *parser->p != ':') {
            return NGX_DECLINED;
        }

        parser->p++;

        ngx_http_gateway_json_blanks(parser);
    }

    if (child) {
        child->text.data = parser->p;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_open(ngx_http_gateway_json_parser_t *parser,
    ngx_http_gateway_json_node_t *node)
{
    ngx_http_gateway_json_level_t  *level;

    if (parser->nlevels == NGX_HTTP_GATEWAY_JSON_DEPTH) {
        return NGX_DECLINED;
    }

    level = &parser->levels[parser->nlevels++];

    /* "}" stands two after "{" in ASCII, and "]" two after "[" */

    level->node = node;
    level->close = *parser->p++ + 2;

    if (node && parser->nlevels <= parser->depth) {
        node->opened = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_close(ngx_http_gateway_json_parser_t *parser)
{
    ngx_http_gateway_json_node_t  *node;

    node = parser->levels[--parser->nlevels].node;

    parser->p++;

    if (node) {
        node->text.len = parser->p - node->text.data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_scalar(ngx_http_gateway_json_parser_t *parser)
{
    size_t      len;
    ngx_uint_t  escaped;

    switch (*parser->p) {

    case '"':
        return ngx_http_gateway_json_string(parser, &escaped);

    case 't':
        len = sizeof("true") - 1;

        if ((size_t) (parser->last - parser->p) < len
            || ngx_memcmp(parser->p, "true", len) != 0)
        {
            return NGX_DECLINED;
        }

        break;

    case 'f':
        len = sizeof("false") - 1;

        if ((size_t) (parser->last - parser->p) < len
            || ngx_memcmp(parser->p, "false", len) != 0)
        {
            return NGX_DECLINED;
        }

        break;

    case 'n':
        len = sizeof("null") - 1;

        if ((size_t) (parser->last - parser->p) < len
            || ngx_memcmp(parser->p, "null", len) != 0)
        {
            return NGX_DECLINED;
        }

        break;

    default:
        return ngx_http_gateway_json_number(parser);
    }

    parser->p += len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_string(ngx_http_gateway_json_parser_t *parser,
    ngx_uint_t *escaped)
{
    u_char  *p, *last;

    p = parser->p;
    last = parser->last;
    *escaped = 0;

    if (p == last || *p != '"') {
        return NGX_DECLINED;
    }

    for (p++; p < last; p++) {

        while (p < last && !ngx_http_gateway_json_special[*p]) {
            p++;
        }

        if (p == last || *p == '\0') {
            return NGX_DECLINED;
        }

        if (*p == '"') {
            parser->p = p + 1;
            return NGX_OK;
        }

        *escaped = 1;

        if (++p == last) {
            return NGX_DECLINED;
        }

        switch (*p) {

        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            break;

        case 'u':

            if (last - p < 5
                || !isxdigit(p[1]) || !isxdigit(p[2])
                || !isxdigit(p[3]) || !isxdigit(p[4]))
            {
                return NGX_DECLINED;
            }

            p += 4;
            break;

        default:
            return NGX_DECLINED;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_json_number(ngx_http_gateway_json_parser_t *parser)
{
    if (*parser->p == '-') {
        parser->p++;
    }

    if (parser->p < parser->last && *parser->p == '0') {
        parser->p++;

    } else if (!ngx_http_gateway_json_digits(parser)) {
        return NGX_DECLINED;
    }

    if (parser->p < parser->last && *parser->p == '.') {
        parser->p++;

        if (!ngx_http_gateway_json_digits(parser)) {
            return NGX_DECLINED;
        }
    }

    if (parser->p < parser->last && (*parser->p | 0x20) == 'e') {
        parser->p++;

        if (parser->p < parser->last
            && (*parser->p == '+' || *parser->p == '-'))
        {
            parser->p++;
        }

        if (!ngx_http_gateway_json_digits(parser)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* 0 if there is none */

static ngx_uint_t
ngx_http_gateway_json_digits(ngx_http_gateway_json_parser_t *parser)
{
    u_char  *start;

    start = parser->p;

    while (parser->p < parser->last
           && *parser->p >= '0' && *parser->p <= '9')
    {
        parser->p++;
    }

    return parser->p > start;
}


static void
ngx_http_gateway_json_blanks(ngx_http_gateway_json_parser_t *parser)
{
    while (parser->p < parser->last
           && (*parser->p == ' ' || *parser->p == '\n'
               || *parser->p == '\r' || *parser->p == '\t'))
    {
        parser->p++;
    }
}


ngx_int_t
ngx_http_gateway_json_path(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_uint_t dots, ngx_http_gateway_json_path_t *path)
{
    char                             *buf;
    const char                       *p, *last;
    ngx_array_t                       segments;
    gateway_str_t                     s;
    gateway_json_segment_t            next;
    ngx_http_gateway_json_segment_t  *segment;

    if (text->len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_array_init(&segments, pool, 1,
                       sizeof(ngx_http_gateway_json_segment_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    buf = ngx_pnalloc(pool, text->len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    s.data = (char *) text->data;
    s.len = text->len;

    if (dots && !gateway_json_path_check(&s, buf)) {
        return NGX_DECLINED;
    }

    path->depth = 0;
    p = s.data;
    last = p + s.len;

    do {
        segment = ngx_array_push(&segments);
        if (segment == NULL) {
            return NGX_ERROR;
        }

        if (!dots) {
            segment->kind = GATEWAY_JSON_KEY;
            segment->name = *text;
            segment->index = 0;
            break;
        }

        p = gateway_json_path_next(p, last, &next, buf);

        segment->kind = next.kind;
        segment->name.data = (u_char *) buf;
        segment->name.len = next.len;
        segment->index = next.index;

        buf += next.len;

        if (next.kind == GATEWAY_JSON_DEEP) {
            path->depth = NGX_HTTP_GATEWAY_JSON_DEPTH;
        }

    } while (p && p < last);

    path->elts = segments.elts;
    path->nelts = segments.nelts;

    if (path->depth == 0) {
        path->depth = path->nelts;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_json_quote(ngx_pool_t *pool, const ngx_str_t *s,
    ngx_str_t *text)
{
    u_char     *p, *start;
    uintptr_t   escape;

    escape = ngx_escape_json(NULL, s->data, s->len);

    start = ngx_pnalloc(pool, s->len + escape + 2);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, s->data, s->len);
    *p++ = '"';

    text->data = start;
    text->len = p - start;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_json_unquote(ngx_pool_t *pool, const ngx_str_t *raw,
    ngx_str_t *s)
{
    u_char  *p, *dst, *last;

    p = raw->data;
    last = p + raw->len;

    if (ngx_strlchr(p, last, '\\') == NULL) {
        *s = *raw;
        return NGX_OK;
    }

    /* no escape is shorter than what it stands for */

    dst = ngx_pnalloc(pool, raw->len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    s->data = dst;

    while (p < last) {

        if (*p == '\\') {
            p = ngx_http_gateway_json_escape(p, last, &dst);

        } else {
            *dst++ = *p++;
        }
    }

    s->len = dst - s->data;

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_json_equal(const ngx_str_t *raw, const ngx_str_t *s)
{
    u_char  *p, *q, *last, *end, bytes[4], *dst;
    size_t   n;

    p = raw->data;
    last = p + raw->len;
    q = s->data;
    end = q + s->len;

    while (p < last) {

        if (*p != '\\') {

            if (q == end || *p++ != *q++) {
                return 0;
            }

            continue;
        }

        dst = bytes;
        p = ngx_http_gateway_json_escape(p, last, &dst);
        n = dst - bytes;

        if ((size_t) (end - q) < n || ngx_memcmp(q, bytes, n) != 0) {
            return 0;
        }

        q += n;
    }

    return q == end;
}


/* what the escape at p stands for, up to four bytes; returns what follows */

static u_char *
ngx_http_gateway_json_escape(u_char *p, u_char *last, u_char **dst)
{
    ngx_uint_t  c, low;

    c = p[1];
    p += 2;

    switch (c) {

    case 'b':
        c = '\b';
        break;

    case 'f':
        c = '\f';
        break;

    case 'n':
        c = '\n';
        break;

    case 'r':
        c = '\r';
        break;

    case 't':
        c = '\t';
        break;

    case 'u':
        c = (ngx_uint_t) ngx_hextoi(p, 4);
        p += 4;

        if (c >= 0xd800 && c < 0xdc00 && last - p >= 6
            && p[0] == '\\' && p[1] == 'u')
        {
            low = (ngx_uint_t) ngx_hextoi(p + 2, 4);

            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                p += 6;
            }
        }

        break;

    default:
        break;
    }

    *dst = ngx_http_gateway_json_utf8(*dst, c);

    return p;
}


static u_char *
ngx_http_gateway_json_utf8(u_char *p, ngx_uint_t c)
{
    if (c < 0x80) {
        *p++ = (u_char) c;
        return p;
    }

    if (c < 0x800) {
        *p++ = (u_char) (0xc0 | (c >> 6));
        *p++ = (u_char) (0x80 | (c & 0x3f));
        return p;
    }

    if (c < 0x10000) {
        *p++ = (u_char) (0xe0 | (c >> 12));

    } else {
        *p++ = (u_char) (0xf0 | (c >> 18));
        *p++ = (u_char) (0x80 | ((c >> 12) & 0x3f));
    }

    *p++ = (u_char) (0x80 | ((c >> 6) & 0x3f));
    *p++ = (u_char) (0x80 | (c & 0x3f));

    return p;
}


ngx_int_t
ngx_http_gateway_json_value(ngx_pool_t *pool, u_char type,
    const ngx_str_t *value, ngx_str_t *text)
{
    u_char  *p;
    char     digits[NGX_HTTP_GATEWAY_JSON_DIGITS], *end;
    double   n;

    if (type == 's') {
        return ngx_http_gateway_json_quote(pool, value, text);
    }

    if (type == 'b') {

        if (value->len == 4 && ngx_strncmp(value->data, "true", 4) == 0) {
            ngx_str_set(text, "true");

        } else {
            ngx_str_set(text, "false");
        }

        return NGX_OK;
    }

    if (value->len == 0 || value->len >= sizeof(digits)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(digits, value->data, value->len);
    digits[value->len] = '\0';

    n = strtod(digits, &end);

    while (*end == ' ') {
        end++;
    }

    if (end == digits || *end != '\0' || !isfinite(n)) {
        return NGX_DECLINED;
    }

    /* whole numbers of any length keep their digits */

    p = value->data + (value->data[0] == '-' ? 1 : 0);

    if (*p >= '1' && *p <= '9') {

        while (p < value->data + value->len && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p == value->data + value->len) {
            *text = *value;
            return NGX_OK;
        }
    }

    p = ngx_pnalloc(pool, sizeof(digits));
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = snprintf((char *) p, sizeof(digits), "%.14g", n);

    return NGX_OK;
}


char *
ngx_http_gateway_transform_allow(ngx_conf_t *cf, ngx_array_t **allow,
    ngx_uint_t dots, ngx_array_t *paths, ngx_uint_t *depth,
    const char *malformed)
{
    ngx_str_t                     *name;
    ngx_uint_t                     i;
    ngx_http_gateway_json_path_t  *path;

    if (*allow && (*allow)->nelts == 0) {
        *allow = NULL;
    }

    if (*allow == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_array_init(paths, cf->pool, (*allow)->nelts,
                       sizeof(ngx_http_gateway_json_path_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    name = (*allow)->elts;

    for (i = 0; i < (*allow)->nelts; i++) {

        path = ngx_array_push(paths);

        if (path == NULL
            || ngx_http_gateway_json_path(cf->pool, &name[i], dots, path)
               != NGX_OK)
        {
            return (char *) malformed;
        }

        *depth = ngx_max(*depth, path->depth);
    }

    return NGX_CONF_OK;
}
