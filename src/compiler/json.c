/*
 * Copyright (C) the ngx_gateway authors
 *
 * A strict reader of RFC 8259.  Of our own because every value must know
 * its line and column, which libraries give for errors only.
 */

#include "json.h"
#include "diag.h"
#include "scalar.h"

#include <string.h>

#define GWC_JSON_MAX_DEPTH 100
#define GWC_JSON_SMALL_MAP 12

typedef struct {
    const char *file;
    const char *start; /* of the current line */
    const char *seen;  /* up to here the line has been counted */
    unsigned column;   /* of seen */
    const char *p;
    const char *end;
    unsigned line;
    unsigned depth;
    const char *error; /* NULL: none yet */
    const char *error_at;
    const gwc_node_t *twice; /* a key given before at this place */
    bool quiet;
} gwc_json_t;

static gwc_node_t *gwc_json_value(gwc_json_t *json, const gwc_node_t *parent,
                                  const gwc_node_t *key, size_t index);


static void *
gwc_json_fail(gwc_json_t *json, const char *at, const char *what)
{
    if (json->error == NULL) {
        json->error = what;
        json->error_at = at;
    }

    return NULL;
}


static void
gwc_json_space(gwc_json_t *json)
{
    for (; json->p < json->end; json->p++) {
        switch (*json->p) {
        case '\n':
            json->line++;
            json->start = json->p + 1;
            json->seen = json->start;
            json->column = 1;
            break;

        case ' ':
        case '\t':
        case '\r':
            break;

        default:
            return;
        }
    }
}


/*
 * Columns count characters, as in YAML.  A whole file may be one line, so
 * counting goes on from the last place; only errors look back.
 */
static unsigned
gwc_json_column(gwc_json_t *json, const char *p)
{
    if (p < json->seen) {
        json->seen = json->start;
        json->column = 1;
    }

    for (; json->seen < p; json->seen++) {
        json->column += ((unsigned char) *json->seen & 0xc0) != 0x80;
    }

    return json->column;
}


static gwc_node_t *
gwc_json_node(gwc_json_t *json, gwc_node_kind_t kind)
{
    gwc_node_t *node;

    node = gwc_alloc(sizeof(gwc_node_t));
    node->kind = kind;
    node->file = json->file;
    node->line = json->line;
    node->column = gwc_json_column(json, json->p);

    return node;
}


static bool
gwc_json_hex4(const gwc_json_t *json, const char *p, unsigned *value)
{
    size_t i;
    char c;

    if (json->end - p < 4) {
        return false;
    }

    *value = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];
        *value <<= 4;

        if (c >= '0' && c <= '9') {
            *value |= (unsigned) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            *value |= (unsigned) (c - 'a' + 10);

        } else if (c >= 'A' && c <= 'F') {
            *value |= (unsigned) (c - 'A' + 10);

        } else {
            return false;
        }
    }

    return true;
}


static void
gwc_json_utf8(gwc_buf_t *buf, unsigned c)
{
    size_t n;
    unsigned char s[4];

    if (c < 0x80) {
        s[0] = (unsigned char) c;
        n = 1;

    } else if (c < 0x800) {
        s[0] = (unsigned char) (0xc0 | (c >> 6));
        s[1] = (unsigned char) (0x80 | (c & 0x3f));
        n = 2;

    } else if (c < 0x10000) {
        s[0] = (unsigned char) (0xe0 | (c >> 12));
        s[1] = (unsigned char) (0x80 | ((c >> 6) & 0x3f));
        s[2] = (unsigned char) (0x80 | (c & 0x3f));
        n = 3;

    } else {
        s[0] = (unsigned char) (0xf0 | (c >> 18));
        s[1] = (unsigned char) (0x80 | ((c >> 12) & 0x3f));
        s[2] = (unsigned char) (0x80 | ((c >> 6) & 0x3f));
        s[3] = (unsigned char) (0x80 | (c & 0x3f));
        n = 4;
    }

    gwc_buf_add(buf, s, n);
}


/* after the backslash; false after an error */
static bool
gwc_json_escape(gwc_json_t *json, gwc_buf_t *buf)
{
    char c;
    unsigned high, low;
    const char *found;

    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";

    c = json->p < json->end ? *json->p : '\0';
    found = c == '\0' ? NULL : strchr(from, c);

    if (found != NULL) {
        gwc_buf_add(buf, &to[found - from], 1);
        json->p++;
        return true;
    }

    if (c != 'u' || !gwc_json_hex4(json, json->p + 1, &high)) {
        (void) gwc_json_fail(json, json->p - 1, "this escape is not JSON's");
        return false;
    }

    json->p += 5;

    if (high >= 0xd800 && high < 0xdc00) {
        if (json->end - json->p < 6 || json->p[0] != '\\' || json->p[1] != 'u'
            || !gwc_json_hex4(json, json->p + 2, &low) || low < 0xdc00
            || low > 0xdfff)
        {
            (void) gwc_json_fail(json, json->p - 6,
                                 "half of a surrogate pair");
            return false;
        }

        json->p += 6;
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);

    } else if (high >= 0xdc00 && high <= 0xdfff) {
        (void) gwc_json_fail(json, json->p - 6, "half of a surrogate pair");
        return false;
    }

    gwc_json_utf8(buf, high);
    return true;
}


static gwc_node_t *
gwc_json_string(gwc_json_t *json)
{
    size_t n;
    gwc_buf_t buf;
    gwc_node_t *node;
    const char *from, *open;

    memset(&buf, 0, sizeof(buf));
    node = gwc_json_node(json, GWC_NODE_STRING);
    node->quoted = true;
    open = json->p++;

    for (from = json->p;;) {
        if (json->p == json->end) {
            return gwc_json_fail(json, open, "this string does not end");
        }

        if (*json->p == '"') {
            break;
        }

        if (*json->p == '\\') {
            gwc_buf_add(&buf, from, (size_t) (json->p - from));
            json->p++;

            if (!gwc_json_escape(json, &buf)) {
                return NULL;
            }

            from = json->p;
            continue;
        }

        if ((unsigned char) *json->p < 0x20) {
            return gwc_json_fail(json, json->p,
                                 "a control character must be escaped");
        }

        n = gwc_utf8_len(json->p, json->end);

        if (n == 0) {
            return gwc_json_fail(json, json->p, "this is not UTF-8");
        }

        json->p += n;
    }

    if (buf.len == 0) {
        node->text.len = (size_t) (json->p - from);
        node->text.data = gwc_strndup(from, node->text.len);

    } else {
        gwc_buf_add(&buf, from, (size_t) (json->p - from));
        node->text.data = buf.data;
        node->text.len = buf.len;
    }

    json->p++;
    return node;
}


static gwc_node_t *
gwc_json_word(gwc_json_t *json)
{
    size_t len;
    gwc_node_t *node;
    const char *p;

    for (p = json->p; p < json->end
                      && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
                          || (*p >= '0' && *p <= '9') || *p == '+' || *p == '-'
                          || *p == '.' || *p == '_');
         p++)
    {
        /* void */
    }

    len = (size_t) (p - json->p);

    node = gwc_json_node(json, GWC_NODE_NULL);
    node->text.data = gwc_strndup(json->p, len);
    node->text.len = len;

    if (gwc_text_is(node->text, "true") || gwc_text_is(node->text, "false")) {
        node->kind = GWC_NODE_BOOL;
        node->boolean = len == 4;

    } else if (!gwc_text_is(node->text, "null") && !gwc_scalar_number(node)) {
        return gwc_json_fail(
            json, json->p,
            len == 0 || json->p[0] == '+' || json->p[0] == '-'
                    || (json->p[0] >= '0' && json->p[0] <= '9')
                ? "a value was expected"
                : "a value was expected; strings need "
                  "double quotes");
    }

    json->p = p;
    return node;
}


static gwc_node_t *
gwc_json_array(gwc_json_t *json, gwc_node_t *node)
{
    gwc_vec_t items;
    gwc_node_t *item;

    memset(&items, 0, sizeof(items));
    json->p++;
    gwc_json_space(json);

    if (json->p < json->end && *json->p == ']') {
        json->p++;
        return node;
    }

    for (;;) {
        item = gwc_json_value(json, node, NULL, items.n);

        if (item == NULL) {
            return NULL;
        }

        gwc_vec_push(&items, item);
        gwc_json_space(json);

        if (json->p == json->end || (*json->p != ',' && *json->p != ']')) {
            return gwc_json_fail(json, json->p, "\",\" or \"]\" was expected");
        }

        if (*json->p++ == ']') {
            break;
        }
    }

    node->items = (gwc_node_t **) items.items;
    node->n = items.n;

    return node;
}


/* the first node with the same key, or NULL */
static const gwc_node_t *
gwc_json_find_key(const gwc_vec_t *keys, gwc_map_t **index, gwc_node_t *key)
{
    size_t i;
    const gwc_node_t *before;

    if (*index == NULL && keys->n >= GWC_JSON_SMALL_MAP) {
        *index = gwc_map_create();

        for (i = 0; i < keys->n; i++) {
            before = keys->items[i];
            (void) gwc_map_add(*index, before->text, keys->items[i]);
        }
    }

    if (*index != NULL) {
        return gwc_map_add(*index, key->text, key);
    }

    for (i = 0; i < keys->n; i++) {
        before = keys->items[i];

        if (gwc_text_equal(before->text, key->text)) {
            return before;
        }
    }

    return NULL;
}


static gwc_node_t *
gwc_json_object(gwc_json_t *json, gwc_node_t *node)
{
    gwc_map_t *index;
    gwc_vec_t items, keys;
    gwc_node_t *item, *key;
    const gwc_node_t *before;

    index = NULL;
    memset(&items, 0, sizeof(items));
    memset(&keys, 0, sizeof(keys));
    json->p++;
    gwc_json_space(json);

    if (json->p < json->end && *json->p == '}') {
        json->p++;
        return node;
    }

    for (;;) {
        gwc_json_space(json);

        if (json->p == json->end || *json->p != '"') {
            return gwc_json_fail(json, json->p,
                                 "a key in double quotes was expected");
        }

        key = gwc_json_string(json);

        if (key == NULL) {
            return NULL;
        }

        key->parent = node;
        key->key = key;
        gwc_json_space(json);

        if (json->p == json->end || *json->p != ':') {
            return gwc_json_fail(json, json->p,
                                 "\":\" was expected after a key");
        }

        json->p++;
        before = gwc_json_find_key(&keys, &index, key);

        if (before != NULL && !json->quiet) {
            gwc_error(key, "this key is given twice, first at %s:%u:%u",
                      before->file, before->line, before->column);
        }

        item = gwc_json_value(json, node, key, 0);

        if (item == NULL) {
            return NULL;
        }

        if (before == NULL) {
            gwc_vec_push(&keys, key);
            gwc_vec_push(&items, item);
        }

        gwc_json_space(json);

        if (json->p == json->end || (*json->p != ',' && *json->p != '}')) {
            return gwc_json_fail(json, json->p, "\",\" or \"}\" was expected");
        }

        if (*json->p++ == '}') {
            break;
        }
    }

    node->items = (gwc_node_t **) items.items;
    node->keys = (gwc_node_t **) keys.items;
    node->n = items.n;

    return node;
}


static gwc_node_t *
gwc_json_value(gwc_json_t *json, const gwc_node_t *parent,
               const gwc_node_t *key, size_t index)
{
    char c;
    gwc_node_t *node;

    gwc_json_space(json);

    if (json->p == json->end) {
        return gwc_json_fail(json, json->p, "a value was expected");
    }

    c = *json->p;

    if (c == '{' || c == '[') {
        if (json->depth == GWC_JSON_MAX_DEPTH) {
            return gwc_json_fail(json, json->p,
                                 "nested deeper than 100 levels");
        }

        json->depth++;
        node = gwc_json_node(json, c == '{' ? GWC_NODE_MAP : GWC_NODE_SEQ);
        node->parent = parent;
        node->key = key;
        node->index = index;
        node = c == '{' ? gwc_json_object(json, node)
                        : gwc_json_array(json, node);
        json->depth--;
        return node;
    }

    node = c == '"' ? gwc_json_string(json) : gwc_json_word(json);

    if (node != NULL) {
        node->parent = parent;
        node->key = key;
        node->index = index;
    }

    return node;
}


static gwc_node_t *
gwc_json_run(gwc_json_t *json, const char *name, const char *data, size_t len)
{
    gwc_node_t *root;

    json->file = name;
    json->start = data;
    json->seen = data;
    json->column = 1;
    json->p = data;
    json->end = data + len;
    json->line = 1;

    root = gwc_json_value(json, NULL, NULL, 0);

    if (root == NULL) {
        return NULL;
    }

    gwc_json_space(json);

    if (json->p != json->end) {
        return gwc_json_fail(json, json->p,
                             "nothing more was expected after the value");
    }

    return root;
}


gwc_node_t *
gwc_json_parse(const char *name, const char *data, size_t len)
{
    gwc_json_t json;
    gwc_node_t *root;

    memset(&json, 0, sizeof(json));
    root = gwc_json_run(&json, name, data, len);

    if (root == NULL) {
        gwc_error_at(name, json.line, gwc_json_column(&json, json.error_at),
                     "JSON syntax: %s", json.error);
    }

    return root;
}


bool
gwc_json_valid(const char *data, size_t len)
{
    gwc_json_t json;

    memset(&json, 0, sizeof(json));
    json.quiet = true;

    return gwc_json_run(&json, "", data, len) != NULL;
}


void
gwc_json_add_string(gwc_buf_t *buf, gwc_text_t text)
{
    size_t i;
    unsigned char c;

    gwc_buf_puts(buf, "\"");

    for (i = 0; i < text.len; i++) {
        c = (unsigned char) text.data[i];

        if (c == '"' || c == '\\') {
            gwc_buf_printf(buf, "\\%c", c);

        } else if (c == '\n') {
            gwc_buf_puts(buf, "\\n");

        } else if (c < 0x20 || c == 0x7f) {
            gwc_buf_printf(buf, "\\u%04x", c);

        } else {
            gwc_buf_add(buf, &text.data[i], 1);
        }
    }

    gwc_buf_puts(buf, "\"");
}
