/*
 * Copyright (C) the ngx_gateway authors
 *
 * Builds nodes from libfyaml's events.  Aliases share the node they name,
 * so that memory stays proportional to the file; what a walk over all paths
 * would visit is counted and bounded here, once for all stages.
 */

#include "yaml.h"
#include "diag.h"
#include "json.h"
#include "scalar.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GWC_YAML_MAX_SIZE  ((size_t) 256 * 1024 * 1024)
#define GWC_YAML_MAX_DEPTH 100
/* nodes that aliases may add to those written */
#define GWC_YAML_MAX_ALIASED ((size_t) 2000000)
/* maps up to this size are searched without an index */
#define GWC_YAML_SMALL_MAP 12

#define GWC_YAML_TAG "tag:yaml.org,2002:"

typedef struct {
    gwc_node_t *node;
    size_t count; /* nodes a walk over it visits */
    bool open;    /* not complete yet: an alias here would be a loop */
} gwc_anchor_t;

/* a collection being read */
typedef struct {
    gwc_node_t *node;
    gwc_anchor_t *anchor;
    size_t count;
    gwc_vec_t items;
    gwc_vec_t keys;
    gwc_vec_t merged; /* of keys: not NULL when it came from a "<<" */
    gwc_map_t *index; /* key -> its place in keys, large maps only */
    gwc_node_t *key;  /* waits for its value */
    bool merge;       /* the value to come is that of a "<<" */
} gwc_frame_t;

typedef struct {
    const char *file;
    struct fy_parser *parser;
    gwc_map_t *anchors;
    gwc_frame_t *frames; /* GWC_YAML_MAX_DEPTH */
    size_t depth;
    gwc_node_t *root;
    size_t aliased;
    bool failed;
} gwc_yaml_t;


gwc_node_t *
gwc_node_get(const gwc_node_t *map, const char *key)
{
    size_t i;

    if (map == NULL || map->kind != GWC_NODE_MAP) {
        return NULL;
    }

    for (i = 0; i < map->n; i++) {
        if (gwc_text_is(map->keys[i]->text, key)) {
            return map->items[i];
        }
    }

    return NULL;
}


static void
gwc_node_path_key(gwc_buf_t *buf, gwc_text_t key)
{
    size_t i, n;
    bool plain;
    unsigned char c;

    plain = key.len > 0 && key.len <= 64;

    for (i = 0; plain && i < key.len; i++) {
        c = (unsigned char) key.data[i];

        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }

    if (plain) {
        if (buf->len != 0) {
            gwc_buf_puts(buf, ".");
        }

        gwc_buf_add(buf, key.data, key.len);
        return;
    }

    n = key.len > 64 ? 64 : key.len;

    /* not in the middle of a character */
    while (n < key.len && n > 0
           && ((unsigned char) key.data[n] & 0xc0) == 0x80) {
        n--;
    }

    gwc_buf_puts(buf, "[\"");

    for (i = 0; i < n; i++) {
        c = (unsigned char) key.data[i];

        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
            gwc_buf_printf(buf, "\\x%02x", c);

        } else {
            gwc_buf_add(buf, &key.data[i], 1);
        }
    }

    gwc_buf_puts(buf, n < key.len ? "...\"]" : "\"]");
}


static void
gwc_node_path_add(gwc_buf_t *buf, const gwc_node_t *node)
{
    if (node->parent == NULL) {
        return;
    }

    gwc_node_path_add(buf, node->parent);

    if (node->key != NULL) {
        gwc_node_path_key(buf, node->key->text);

    } else {
        gwc_buf_printf(buf, "[%zu]", node->index);
    }
}


const char *
gwc_node_path(const gwc_node_t *node)
{
    gwc_buf_t buf;

    memset(&buf, 0, sizeof(buf));

    if (node != NULL) {
        gwc_node_path_add(&buf, node);
    }

    return buf.data == NULL ? "" : buf.data;
}


const char *
gwc_node_kind_name(const gwc_node_t *node)
{
    switch (node->kind) {
    case GWC_NODE_NULL:
        return "null";

    case GWC_NODE_BOOL:
        return "a boolean";

    case GWC_NODE_INT:
        return "an integer";

    case GWC_NODE_FLOAT:
        return "a number";

    case GWC_NODE_STRING:
        return "a string";

    case GWC_NODE_SEQ:
        return "an array";

    case GWC_NODE_MAP:
        return "a map";
    }

    return "a value";
}


static void
gwc_yaml_place(gwc_yaml_t *yaml, gwc_node_t *node, const struct fy_mark *mark)
{
    node->file = yaml->file;
    node->line = mark == NULL ? 1 : (unsigned) mark->line + 1;
    node->column = mark == NULL ? 1 : (unsigned) mark->column + 1;
}


/* what libfyaml points at differs for these: the key tells the place best */
static void
gwc_yaml_place_by_key(const gwc_yaml_t *yaml, gwc_node_t *node)
{
    const gwc_node_t *place;
    const gwc_frame_t *frame;

    if (yaml->depth == 0) {
        return;
    }

    frame = &yaml->frames[yaml->depth - 1];
    place = frame->key != NULL ? frame->key : frame->node;
    node->line = place->line;
    node->column = place->column;
}


static void
gwc_yaml_fail(gwc_yaml_t *yaml)
{
    yaml->failed = true;
}


/* the position of key in the frame's keys, or SIZE_MAX */
static size_t
gwc_frame_find(const gwc_frame_t *frame, gwc_text_t key)
{
    size_t i;
    const size_t *place;
    const gwc_node_t *node;

    if (frame->index != NULL) {
        place = gwc_map_get(frame->index, key);
        return place == NULL ? SIZE_MAX : *place;
    }

    for (i = 0; i < frame->keys.n; i++) {
        node = frame->keys.items[i];

        if (gwc_text_equal(node->text, key)) {
            return i;
        }
    }

    return SIZE_MAX;
}


static void
gwc_frame_index(gwc_frame_t *frame, size_t i)
{
    size_t *place;
    const gwc_node_t *key;

    key = frame->keys.items[i];
    place = gwc_alloc(sizeof(size_t));
    *place = i;
    (void) gwc_map_add(frame->index, key->text, place);
}


static void
gwc_frame_add(gwc_frame_t *frame, gwc_node_t *key, gwc_node_t *value,
              bool merged)
{
    size_t i, found;
    const gwc_node_t *before;

    found = gwc_frame_find(frame, key->text);

    if (found == SIZE_MAX) {
        gwc_vec_push(&frame->keys, key);
        gwc_vec_push(&frame->items, value);
        gwc_vec_push(&frame->merged, merged ? key : NULL);

        if (frame->index != NULL) {
            gwc_frame_index(frame, frame->keys.n - 1);

        } else if (frame->keys.n > GWC_YAML_SMALL_MAP) {
            frame->index = gwc_map_create();

            for (i = 0; i < frame->keys.n; i++) {
                gwc_frame_index(frame, i);
            }
        }

        return;
    }

    before = frame->keys.items[found];

    if (!merged && frame->merged.items[found] == NULL) {
        gwc_error(key, "this key is given twice, first at %s:%u:%u",
                  before->file, before->line, before->column);
        return;
    }

    /* whichever of "<<" and the key is written last wins */
    frame->keys.items[found] = key;
    frame->items.items[found] = value;
    frame->merged.items[found] = merged ? key : NULL;
}


static void
gwc_frame_merge_map(gwc_frame_t *frame, const gwc_node_t *map)
{
    size_t i;

    for (i = 0; i < map->n; i++) {
        gwc_frame_add(frame, map->keys[i], map->items[i], true);
    }
}


/* the value of "<<": a map or a list of maps, the first of which win */
static void
gwc_yaml_merge(gwc_yaml_t *yaml, gwc_frame_t *frame, const gwc_node_t *value)
{
    size_t i;

    if (value->kind == GWC_NODE_MAP) {
        gwc_frame_merge_map(frame, value);
        return;
    }

    if (value->kind != GWC_NODE_SEQ) {
        gwc_error(value, "\"<<\" expects a map or a list of maps, this is %s",
                  gwc_node_kind_name(value));
        gwc_yaml_fail(yaml);
        return;
    }

    for (i = value->n; i > 0; i--) {
        if (value->items[i - 1]->kind != GWC_NODE_MAP) {
            gwc_error(value->items[i - 1],
                      "\"<<\" expects a list of maps, this is %s",
                      gwc_node_kind_name(value->items[i - 1]));
            gwc_yaml_fail(yaml);
            return;
        }

        gwc_frame_merge_map(frame, value->items[i - 1]);
    }
}


/* a complete node goes to the collection it stands in */
static void
gwc_yaml_attach(gwc_yaml_t *yaml, gwc_node_t *node, size_t count, bool alias)
{
    gwc_frame_t *frame;
    gwc_node_t *key;

    if (alias) {
        yaml->aliased += count;

        if (yaml->aliased > GWC_YAML_MAX_ALIASED) {
            gwc_error(node, "aliases repeat more than %zu values",
                      GWC_YAML_MAX_ALIASED);
            gwc_yaml_fail(yaml);
            return;
        }
    }

    if (yaml->depth == 0) {
        yaml->root = node;
        return;
    }

    frame = &yaml->frames[yaml->depth - 1];
    frame->count += count;

    if (frame->node->kind == GWC_NODE_SEQ) {
        if (node->parent == NULL) {
            node->parent = frame->node;
            node->index = frame->items.n;
        }

        gwc_vec_push(&frame->items, node);
        return;
    }

    if (frame->key == NULL) {
        if (node->kind == GWC_NODE_SEQ || node->kind == GWC_NODE_MAP) {
            gwc_error(node, "a key must be a string, this is %s",
                      gwc_node_kind_name(node));
            gwc_yaml_fail(yaml);
            return;
        }

        /* the text as written, whatever type it would have as a value */
        key = gwc_alloc(sizeof(gwc_node_t));
        *key = *node;
        key->kind = GWC_NODE_STRING;
        key->parent = frame->node;
        key->key = key;

        frame->key = key;
        frame->merge = !node->quoted && gwc_text_is(node->text, "<<");
        return;
    }

    key = frame->key;
    frame->key = NULL;

    if (node->parent == NULL) {
        node->parent = frame->node;
        node->key = key;
    }

    if (frame->merge) {
        gwc_yaml_merge(yaml, frame, node);

    } else {
        gwc_frame_add(frame, key, node, false);
    }
}


static gwc_anchor_t *
gwc_yaml_anchor(gwc_yaml_t *yaml, struct fy_token *token, gwc_node_t *node)
{
    size_t len;
    gwc_text_t name;
    const char *text;
    gwc_anchor_t *anchor, *before;

    if (token == NULL) {
        return NULL;
    }

    text = fy_token_get_text(token, &len);

    if (text == NULL) {
        return NULL;
    }

    name.data = gwc_strndup(text, len);
    name.len = len;

    anchor = gwc_alloc(sizeof(gwc_anchor_t));
    anchor->node = node;
    anchor->count = 1;

    /* an anchor may be given anew: aliases mean the last one */
    before = gwc_map_add(yaml->anchors, name, anchor);

    if (before != NULL) {
        *before = *anchor;
        return before;
    }

    return anchor;
}


/* the last part of a "!!" tag: "str"; NULL after an error, "" for none */
static const char *
gwc_yaml_tag(gwc_yaml_t *yaml, struct fy_token *token, const gwc_node_t *node)
{
    size_t i, len;
    const char *text;

    static const char *const known[] = { "str",  "int", "float", "bool",
                                         "null", "map", "seq",   "merge" };

    if (token == NULL) {
        return "";
    }

    text = fy_token_get_text(token, &len);

    if (text == NULL) {
        return "";
    }

    if (len > sizeof(GWC_YAML_TAG) - 1
        && memcmp(text, GWC_YAML_TAG, sizeof(GWC_YAML_TAG) - 1) == 0)
    {
        text += sizeof(GWC_YAML_TAG) - 1;
        len -= sizeof(GWC_YAML_TAG) - 1;

        for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (strlen(known[i]) == len && memcmp(known[i], text, len) == 0) {
                return known[i];
            }
        }

    } else if (len == 1 && text[0] == '!') {
        return "str";
    }

    gwc_error(node, "the tag is not known here: only YAML's own ones (!!str, "
                    "!!int, ...) are");
    gwc_yaml_fail(yaml);

    return NULL;
}


static void
gwc_yaml_scalar(gwc_yaml_t *yaml, struct fy_event *event)
{
    size_t len;
    const char *tag, *text;
    gwc_node_t *node;
    enum fy_scalar_style style;

    node = gwc_alloc(sizeof(gwc_node_t));
    gwc_yaml_place(yaml, node, fy_event_start_mark(event));
    style = fy_token_scalar_style(event->scalar.value);

    if (style == FYSS_LITERAL || style == FYSS_FOLDED
        || fy_event_start_mark(event) == NULL)
    {
        gwc_yaml_place_by_key(yaml, node);

    } else if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) {
        /* the mark is behind the quote */
        node->column -= node->column > 1;
    }

    len = 0;
    text = fy_token_get_text(event->scalar.value, &len);

    node->text.data = gwc_strndup(text == NULL ? "" : text, len);
    node->text.len = len;
    node->kind = GWC_NODE_STRING;

    node->quoted = style != FYSS_PLAIN && style != FYSS_ANY;
    node->literal = style == FYSS_LITERAL;

    tag = gwc_yaml_tag(yaml, event->scalar.tag, node);

    if (tag == NULL) {
        return;
    }

    if (strcmp(tag, "str") == 0) {
        node->quoted = true;

    } else if (tag[0] != '\0') {
        node->quoted = false;
    }

    if (!node->quoted) {
        gwc_scalar_resolve(node);
    }

    (void) gwc_yaml_anchor(yaml, event->scalar.anchor, node);
    gwc_yaml_attach(yaml, node, 1, false);
}


static void
gwc_yaml_alias(gwc_yaml_t *yaml, struct fy_event *event)
{
    size_t len;
    gwc_text_t name;
    gwc_node_t place;
    gwc_anchor_t *anchor;

    memset(&place, 0, sizeof(place));
    gwc_yaml_place(yaml, &place, fy_event_start_mark(event));

    len = 0;
    name.data = fy_token_get_text(event->alias.anchor, &len);
    name.len = len;
    anchor = name.data == NULL ? NULL : gwc_map_get(yaml->anchors, name);

    if (anchor == NULL) {
        gwc_error_at(yaml->file, place.line, place.column,
                     "alias \"*%.*s\" names no anchor written before it",
                     len > 64 ? 64 : (int) len,
                     name.data == NULL ? "" : name.data);
        gwc_yaml_fail(yaml);
        return;
    }

    if (anchor->open) {
        gwc_error_at(yaml->file, place.line, place.column,
                     "alias \"*%.*s\" stands inside its own anchor",
                     len > 64 ? 64 : (int) len, name.data);
        gwc_yaml_fail(yaml);
        return;
    }

    gwc_yaml_attach(yaml, anchor->node, anchor->count, true);
}


static void
gwc_yaml_open(gwc_yaml_t *yaml, gwc_node_kind_t kind, struct fy_event *event,
              struct fy_token *anchor, struct fy_token *tag)
{
    gwc_node_t *node;
    gwc_frame_t *frame;

    node = gwc_alloc(sizeof(gwc_node_t));
    gwc_yaml_place(yaml, node, fy_event_start_mark(event));
    node->kind = kind;

    if (gwc_yaml_tag(yaml, tag, node) == NULL) {
        return;
    }

    if (yaml->depth == GWC_YAML_MAX_DEPTH) {
        gwc_error_at(yaml->file, node->line, node->column,
                     "nested deeper than %d levels", GWC_YAML_MAX_DEPTH);
        gwc_yaml_fail(yaml);
        return;
    }

    /* known early, so that messages inside have their path */
    if (yaml->depth != 0) {
        frame = &yaml->frames[yaml->depth - 1];
        node->parent = frame->node;

        if (frame->node->kind == GWC_NODE_SEQ) {
            node->index = frame->items.n;

        } else {
            node->key = frame->key;
        }
    }

    frame = &yaml->frames[yaml->depth++];
    memset(frame, 0, sizeof(gwc_frame_t));
    frame->node = node;
    frame->count = 1;
    frame->anchor = gwc_yaml_anchor(yaml, anchor, node);

    if (frame->anchor != NULL) {
        frame->anchor->open = true;
    }
}


static void
gwc_yaml_close(gwc_yaml_t *yaml)
{
    gwc_node_t *node;
    gwc_frame_t *frame;

    frame = &yaml->frames[--yaml->depth];
    node = frame->node;
    node->items = (gwc_node_t **) frame->items.items;
    node->keys = (gwc_node_t **) frame->keys.items;
    node->n = frame->items.n;

    if (frame->anchor != NULL && frame->anchor->node == node) {
        frame->anchor->open = false;
        frame->anchor->count = frame->count;
    }

    gwc_yaml_attach(yaml, node, frame->count, false);
}


/* false at the end of the first document */
static bool
gwc_yaml_event(gwc_yaml_t *yaml, struct fy_event *event)
{
    switch (event->type) {
    case FYET_SCALAR:
        gwc_yaml_scalar(yaml, event);
        return true;

    case FYET_ALIAS:
        gwc_yaml_alias(yaml, event);
        return true;

    case FYET_SEQUENCE_START:
        gwc_yaml_open(yaml, GWC_NODE_SEQ, event, event->sequence_start.anchor,
                      event->sequence_start.tag);
        return true;

    case FYET_MAPPING_START:
        gwc_yaml_open(yaml, GWC_NODE_MAP, event, event->mapping_start.anchor,
                      event->mapping_start.tag);
        return true;

    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        gwc_yaml_close(yaml);
        return true;

    case FYET_DOCUMENT_END:
    case FYET_STREAM_END:
        return false;

    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_DOCUMENT_START:
        return true;
    }

    return true;
}


/* libfyaml's first complaint; it names the rule, never the text */
static void
gwc_yaml_report(const gwc_yaml_t *yaml, struct fy_diag *diag)
{
    void *iterator;
    struct fy_diag_error *error;

    iterator = NULL;
    error = fy_diag_errors_iterate(diag, &iterator);

    if (error == NULL) {
        gwc_error_at(yaml->file, 0, 0, "this is not YAML");
        return;
    }

    gwc_error_at(yaml->file, (unsigned) error->line, (unsigned) error->column,
                 "YAML syntax: %s",
                 error->msg == NULL ? "not understood" : error->msg);
}


static void
gwc_yaml_run(gwc_yaml_t *yaml, struct fy_diag *diag)
{
    bool more;
    struct fy_event *event;

    for (more = true; more && !yaml->failed;) {
        event = fy_parser_parse(yaml->parser);

        if (event == NULL) {
            if (fy_parser_get_stream_error(yaml->parser)
                || fy_diag_got_error(diag)) {
                gwc_yaml_report(yaml, diag);
                gwc_yaml_fail(yaml);
            }

            return;
        }

        more = gwc_yaml_event(yaml, event);
        fy_parser_event_free(yaml->parser, event);
    }

    if (yaml->failed) {
        return;
    }

    /* the end of the document may hide a broken line after it */
    event = fy_parser_parse(yaml->parser);

    if (event != NULL) {
        fy_parser_event_free(yaml->parser, event);

    } else if (fy_parser_get_stream_error(yaml->parser)
               || fy_diag_got_error(diag)) {
        gwc_yaml_report(yaml, diag);
        gwc_yaml_fail(yaml);
    }
}


static gwc_node_t *
gwc_yaml_parse_yaml(const char *name, const char *data, size_t len)
{
    gwc_yaml_t yaml;
    struct fy_diag *diag;
    struct fy_diag_cfg diag_cfg;
    struct fy_parse_cfg cfg;

    memset(&yaml, 0, sizeof(yaml));
    yaml.file = name;
    yaml.anchors = gwc_map_create();
    yaml.frames = gwc_alloc_array(GWC_YAML_MAX_DEPTH, sizeof(gwc_frame_t));

    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.colorize = false;
    diag = fy_diag_create(&diag_cfg);

    if (diag == NULL) {
        gwc_error_at(name, 0, 0, "the YAML parser could not start");
        return NULL;
    }

    fy_diag_set_collect_errors(diag, true);

    memset(&cfg, 0, sizeof(cfg));
    cfg.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE
                | FYPCF_DEFAULT_VERSION_1_1 | FYPCF_DISABLE_DEPTH_LIMIT;
    cfg.diag = diag;
    yaml.parser = fy_parser_create(&cfg);

    if (yaml.parser == NULL
        || fy_parser_set_string(yaml.parser, data, len) != 0) {
        gwc_error_at(name, 0, 0, "the YAML parser could not start");
        gwc_yaml_fail(&yaml);

    } else {
        gwc_yaml_run(&yaml, diag);
    }

    if (yaml.parser != NULL) {
        fy_parser_destroy(yaml.parser);
    }

    fy_diag_destroy(diag);

    if (yaml.failed) {
        return NULL;
    }

    if (yaml.root == NULL) {
        yaml.root = gwc_alloc(sizeof(gwc_node_t));
        gwc_yaml_place(&yaml, yaml.root, NULL);
        yaml.root->kind = GWC_NODE_NULL;
    }

    return yaml.root;
}


/* libfyaml takes bytes that are not UTF-8 for the end of its input */
static bool
gwc_yaml_check_bytes(const char *name, const char *data, size_t len)
{
    size_t n;
    unsigned line;
    const char *end, *p, *start;

    line = 1;
    start = data;
    end = data + len;

    for (p = data; p < end; p += n) {
        n = gwc_utf8_len(p, end);

        if (n == 0) {
            gwc_error_at(name, line, (unsigned) (p - start) + 1,
                         "this byte is not UTF-8");
            return false;
        }

        if (*p == '\n') {
            line++;
            start = p + 1;

        } else if (((unsigned char) *p < 0x20 && *p != '\t' && *p != '\r')
                   || *p == 0x7f)
        {
            gwc_error_at(name, line, (unsigned) (p - start) + 1,
                         "a control character must not stand here");
            return false;
        }
    }

    return true;
}


gwc_node_t *
gwc_yaml_parse(const char *name, const char *data, size_t len, bool json)
{
    if (len > GWC_YAML_MAX_SIZE) {
        gwc_error_at(name, 0, 0, "larger than %zu MB",
                     GWC_YAML_MAX_SIZE / 1024 / 1024);
        return NULL;
    }

    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        len -= 3;
    }

    if (!gwc_yaml_check_bytes(name, data, len)) {
        return NULL;
    }

    /* keys given twice are reported, but what they say is still of use */
    return json ? gwc_json_parse(name, data, len)
                : gwc_yaml_parse_yaml(name, data, len);
}


bool
gwc_file_read(const char *path, gwc_text_t *bytes)
{
    size_t n;
    FILE *fp;
    gwc_buf_t buf;
    static char chunk[65536];

    fp = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

    if (fp == NULL) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        gwc_error_at(path, 0, 0, "cannot be opened: %s", strerror(errno));
        return false;
    }

    memset(&buf, 0, sizeof(buf));

    do {
        n = fread(chunk, 1, sizeof(chunk), fp);
        gwc_buf_add(&buf, chunk, n);
    } while (n == sizeof(chunk) && buf.len <= GWC_YAML_MAX_SIZE);

    if (ferror(fp)) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        gwc_error_at(path, 0, 0, "cannot be read: %s", strerror(errno));
        n = SIZE_MAX;
    }

    if (fp != stdin) {
        (void) fclose(fp);
    }

    bytes->data = buf.data;
    bytes->len = buf.len;

    return n != SIZE_MAX;
}


gwc_node_t *
gwc_yaml_parse_file(const char *path, gwc_text_t bytes)
{
    size_t i;
    bool json;
    const char *suffix;

    json = false;

    if (strcmp(path, "-") == 0) {
        /* no name to go by */
        for (i = 0; i < bytes.len && strchr(" \t\r\n", bytes.data[i]); i++) {
            /* void */
        }

        json = i < bytes.len && bytes.data[i] == '{'
               && gwc_json_valid(bytes.data, bytes.len);

        return gwc_yaml_parse("<stdin>", bytes.data, bytes.len, json);
    }

    suffix = strrchr(path, '.');

    if (suffix != NULL && strcmp(suffix, ".json") == 0) {
        json = true;

    } else if (suffix == NULL
               || (strcmp(suffix, ".yaml") != 0
                   && strcmp(suffix, ".yml") != 0))
    {
        gwc_error_at(path, 0, 0,
                     "the name of the file must end in .yaml, .yml or .json");
        return NULL;
    }

    return gwc_yaml_parse(path, bytes.data, bytes.len, json);
}


gwc_node_t *
gwc_yaml_read(const char *path)
{
    gwc_text_t bytes;

    if (!gwc_file_read(path, &bytes)) {
        return NULL;
    }

    return gwc_yaml_parse_file(path, bytes);
}
