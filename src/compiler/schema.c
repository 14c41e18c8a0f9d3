/*
 * Copyright (C) the ngx_gateway authors
 *
 * The generic part of checking: types, ranges, enums, lengths, defaults,
 * unknown and missing fields.  Tables say what, this file says how; it goes
 * on after an error so that one pass reports all of a file.
 */

#include "schema.h"
#include "json.h"
#include "vault.h"

#include <math.h>
#include <string.h>

/* longer values are cut in messages */
#define GWC_SHOWN_MAX 80

static gwc_vec_t gwc_pending;
/* field (its address) -> value made from its default */
static gwc_map_t *gwc_defaults;
/* while a default is read: values keep no node and refer to nothing */
static bool gwc_in_default;


gwc_vec_t *
gwc_schema_pending(void)
{
    return &gwc_pending;
}


void
gwc_schema_reset(void)
{
    memset(&gwc_pending, 0, sizeof(gwc_pending));
    gwc_defaults = NULL;
}


/* within the mark on both sides */
static const char *
gwc_quoted_in(gwc_text_t text, char mark)
{
    size_t i, n;
    gwc_buf_t buf;
    unsigned char c;

    memset(&buf, 0, sizeof(buf));
    n = text.len;

    if (n > GWC_SHOWN_MAX) {
        n = GWC_SHOWN_MAX;

        /* not in the middle of a character */
        while (n > 0 && ((unsigned char) text.data[n] & 0xc0) == 0x80) {
            n--;
        }
    }

    gwc_buf_add(&buf, &mark, 1);

    for (i = 0; i < n; i++) {
        c = (unsigned char) text.data[i];

        if (c == '\n') {
            gwc_buf_puts(&buf, "\\n");

        } else if (c < 0x20 || c == 0x7f) {
            gwc_buf_printf(&buf, "\\x%02x", c);

        } else {
            gwc_buf_add(&buf, &text.data[i], 1);
        }
    }

    gwc_buf_printf(&buf, "%s%c", n < text.len ? "..." : "", mark);

    return buf.data;
}


const char *
gwc_quoted(gwc_text_t text)
{
    return gwc_quoted_in(text, '"');
}


const char *
gwc_quoted_once(gwc_text_t text)
{
    return gwc_quoted_in(text, '\'');
}


const char *
gwc_shown(const gwc_field_t *field, const gwc_str_t *value)
{
    if (field != NULL && (field->flags & GWC_SECRET)) {
        return "the value";
    }

    /* what a reference stands for may be secret whatever the field */
    if (value->node != NULL && gwc_vault_is_reference(value->node->text)) {
        return gwc_quoted(value->node->text);
    }

    return gwc_quoted(value->v);
}


size_t
gwc_schema_size(const gwc_field_t *field)
{
    switch (field->type) {
    case GWC_BOOL:
        return sizeof(gwc_bool_t);

    case GWC_INT:
        return sizeof(gwc_int_t);

    case GWC_NUMBER:
        return sizeof(gwc_num_t);

    case GWC_STRING:
        return sizeof(gwc_str_t);

    case GWC_ARRAY:
    case GWC_SET:
    case GWC_MAP:
        return sizeof(gwc_list_t);

    case GWC_RECORD:
        return field->size;

    case GWC_REF:
        return sizeof(gwc_ref_t);

    case GWC_ANY:
        return sizeof(const gwc_node_t *);
    }

    return 0;
}


const gwc_field_t *
gwc_schema_find(const gwc_schema_t *schema, gwc_text_t name)
{
    size_t i;
    const gwc_field_t *field;

    for (i = 0; i < 3 && schema->tables[i] != NULL; i++) {
        for (field = schema->tables[i]; field->name != NULL; field++) {
            if (gwc_text_is(name, field->name)) {
                return field;
            }
        }
    }

    return NULL;
}


static bool
gwc_schema_in(const char *const *names, gwc_text_t name)
{
    for (; names != NULL && *names != NULL; names++) {
        if (gwc_text_is(name, *names)) {
            return true;
        }
    }

    return false;
}


static const gwc_node_t *
gwc_schema_node(const gwc_node_t *node)
{
    return gwc_in_default ? NULL : node;
}


/* expected: "a string" */
static bool
gwc_schema_wrong_type(const gwc_node_t *node, const char *expected,
                      unsigned flags)
{
    gwc_error(node, "expected %s, this is %s", expected,
              gwc_node_kind_name(node));

    if (flags & GWC_SECRET) {
        if (node->kind == GWC_NODE_INT || node->kind == GWC_NODE_FLOAT) {
            gwc_fix("put it in quotes");
        }

        return false;
    }

    if (strcmp(expected, "a string") == 0
        && (node->kind == GWC_NODE_BOOL || node->kind == GWC_NODE_INT
            || node->kind == GWC_NODE_FLOAT)
        && node->text.len <= GWC_SHOWN_MAX)
    {
        gwc_fix("put it in quotes: \"%s\"", node->text.data);

    } else if (node->kind == GWC_NODE_STRING && node->quoted
               && strcmp(expected, "a string") != 0 && node->text.len > 0
               && node->text.len < 20
               && strspn(node->text.data, "0123456789.truefals")
                      == node->text.len)
    {
        gwc_fix("without quotes: %s", node->text.data);
    }

    return false;
}


static const char *
gwc_schema_number(double value)
{
    if (floor(value) >= value && fabs(value) < 1e16) {
        return gwc_sprintf("%.0f", value);
    }

    return gwc_sprintf("%g", value);
}


static bool
gwc_schema_range(const gwc_field_t *field, const gwc_node_t *node,
                 double value)
{
    bool low;
    const char *shown;

    if (!field->bounded) {
        return true;
    }

    low = field->flags & GWC_EXCLUSIVE_MIN ? value > field->min
                                           : value >= field->min;

    if (low && value <= field->max) {
        return true;
    }

    shown = (field->flags & GWC_SECRET) || node->text.len > GWC_SHOWN_MAX
                ? ""
                : gwc_sprintf(", this is %s", node->text.data);

    if (field->flags & GWC_EXCLUSIVE_MIN) {
        gwc_error(node, "value must be greater than %s%s%s%s",
                  gwc_schema_number(field->min),
                  isinf(field->max) ? "" : " and up to ",
                  isinf(field->max) ? "" : gwc_schema_number(field->max),
                  shown);

    } else if (isinf(field->max) || field->max >= 9e15) {
        gwc_error(node, "value must be at least %s%s",
                  gwc_schema_number(field->min), shown);

    } else {
        gwc_error(node, "value should be between %s and %s%s",
                  gwc_schema_number(field->min), gwc_schema_number(field->max),
                  shown);
    }

    return false;
}


static bool
gwc_schema_bool(gwc_bool_t *value, const gwc_node_t *node, unsigned flags)
{
    if (node->kind != GWC_NODE_BOOL) {
        return gwc_schema_wrong_type(node, "a boolean", flags);
    }

    value->node = gwc_schema_node(node);
    value->set = true;
    value->v = node->boolean;

    return true;
}


static bool
gwc_schema_int(const gwc_field_t *field, gwc_int_t *value,
               const gwc_node_t *node, unsigned flags)
{
    int64_t v;

    if (node->kind == GWC_NODE_INT) {
        v = node->integer;

    } else if (node->kind == GWC_NODE_FLOAT && fabs(node->number) < 9e15
               && floor(node->number) >= node->number)
    {
        /* "2e3" and "1.0" are whole numbers */
        v = (int64_t) node->number;

    } else {
        return gwc_schema_wrong_type(node, "an integer", flags);
    }

    if (!gwc_schema_range(field, node, (double) v)) {
        return false;
    }

    value->node = gwc_schema_node(node);
    value->set = true;
    value->v = v;

    return true;
}


static bool
gwc_schema_num(const gwc_field_t *field, gwc_num_t *value,
               const gwc_node_t *node, unsigned flags)
{
    if ((node->kind != GWC_NODE_INT && node->kind != GWC_NODE_FLOAT)
        || isnan(node->number))
    {
        return gwc_schema_wrong_type(node, "a number", flags);
    }

    if (!gwc_schema_range(field, node, node->number)) {
        return false;
    }

    value->node = gwc_schema_node(node);
    value->set = true;
    value->v = node->number;

    return true;
}


static const char *
gwc_schema_one_of(const char *const *names)
{
    gwc_buf_t buf;

    memset(&buf, 0, sizeof(buf));

    for (; *names != NULL; names++) {
        gwc_buf_printf(&buf, "%s%s", buf.len == 0 ? "" : ", ", *names);
    }

    return buf.data == NULL ? "" : buf.data;
}


static bool
gwc_schema_string(const gwc_field_t *field, gwc_str_t *value,
                  const gwc_node_t *node, unsigned flags)
{
    if (node->kind != GWC_NODE_STRING) {
        return gwc_schema_wrong_type(node, "a string", flags);
    }

    value->node = gwc_schema_node(node);
    value->set = true;
    value->v = node->text;

    if ((flags & GWC_REFERENCEABLE) && gwc_vault_is_reference(value->v)
        && !gwc_vault_resolve(node, &value->v))
    {
        return false;
    }

    if (value->v.len == 0 && !(flags & GWC_EMPTY_OK)) {
        gwc_error(node, "length must be at least 1");
        return false;
    }

    if (memchr(value->v.data, '\0', value->v.len) != NULL) {
        gwc_error(node, "must not contain a zero byte");
        return false;
    }

    if (field->one_of != NULL && !gwc_schema_in(field->one_of, value->v)) {
        gwc_error(node, "expected one of: %s; this is %s",
                  gwc_schema_one_of(field->one_of),
                  gwc_shown(flags & GWC_SECRET ? field : NULL, value));
        return false;
    }

    return true;
}


/* of a map as other tools write it the id, else the name; else node itself */
static const gwc_node_t *
gwc_schema_ref_text(const gwc_node_t *node)
{
    const gwc_node_t *text;
    size_t i;

    /* what names it, the best first; and what may stand beside */
    static const char *const keys[] = { "id",        "name", "username",
                                        "custom_id", "tags", NULL };

    if (node->kind != GWC_NODE_MAP || node->n == 0) {
        return node;
    }

    for (i = 0; i < node->n; i++) {
        if (!gwc_schema_in(keys, node->keys[i]->text)) {
            return node;
        }
    }

    for (i = 0; i < 4; i++) {
        text = gwc_node_get(node, keys[i]);

        if (text != NULL) {
            return text;
        }
    }

    return node;
}


/* "name", or {id: ...} or {name: ...} */
static bool
gwc_schema_ref(const gwc_field_t *field, gwc_ref_t *value,
               const gwc_node_t *node, unsigned flags)
{
    gwc_pending_t *pending;
    const gwc_node_t *text;

    text = gwc_schema_ref_text(node);

    if (text->kind != GWC_NODE_STRING) {
        return gwc_schema_wrong_type(text, "a string", flags);
    }

    if (text->text.len == 0) {
        gwc_error(text, "length must be at least 1");
        return false;
    }

    value->node = text;
    value->set = true;
    value->v = text->text;

    if (!gwc_in_default) {
        pending = gwc_alloc(sizeof(gwc_pending_t));
        pending->ref = value;
        pending->field = field;
        gwc_vec_push(&gwc_pending, pending);
    }

    return true;
}


/* whether item i of a set equals one before it */
static bool
gwc_schema_repeated(const gwc_field_t *elem, const gwc_list_t *list, size_t i,
                    gwc_map_t *seen)
{
    size_t j;
    const char *items;
    const gwc_int_t *number;
    const gwc_str_t *string;

    items = list->items;

    if (elem->type == GWC_STRING) {
        string = (const gwc_str_t *) (const void *) (items + i * list->size);
        return gwc_map_add(seen, string->v, list->items) != NULL;
    }

    if (elem->type != GWC_INT) {
        return false;
    }

    number = (const gwc_int_t *) (const void *) items;

    for (j = 0; j < i; j++) {
        if (number[j].v == number[i].v) {
            return true;
        }
    }

    return false;
}


static bool
gwc_schema_array(const gwc_field_t *field, gwc_list_t *value,
                 const gwc_node_t *node, unsigned flags)
{
    bool ok;
    char *items;
    size_t i;
    gwc_map_t *seen;

    /* an empty map and an empty array are one thing to Kong */
    if (node->kind != GWC_NODE_SEQ
        && !(node->kind == GWC_NODE_MAP && node->n == 0))
    {
        return gwc_schema_wrong_type(
            node, field->type == GWC_SET ? "a set (an array)" : "an array",
            flags);
    }

    if (node->n < field->min_len) {
        gwc_error(node, "length must be at least %zu", field->min_len);
        return false;
    }

    ok = true;
    seen = field->type == GWC_SET ? gwc_map_create() : NULL;
    items = gwc_alloc_array(node->n + 1, field->size);

    value->node = gwc_schema_node(node);
    value->set = true;
    value->size = field->size;
    value->items = items;
    value->n = 0;

    for (i = 0; i < node->n; i++) {
        if (!gwc_schema_value(field->elem, items + value->n * field->size,
                              node->items[i], flags))
        {
            ok = false;
            memset(items + value->n * field->size, 0, field->size);
            continue;
        }

        if (seen != NULL
            && gwc_schema_repeated(field->elem, value, value->n, seen)) {
            memset(items + value->n * field->size, 0, field->size);
            continue;
        }

        value->n++;
    }

    return ok;
}


static bool
gwc_schema_map(const gwc_field_t *field, gwc_list_t *value,
               const gwc_node_t *node, unsigned flags)
{
    bool ok;
    char *item;
    size_t i;
    gwc_str_t *key;

    if (node->kind != GWC_NODE_MAP
        && !(node->kind == GWC_NODE_SEQ && node->n == 0))
    {
        return gwc_schema_wrong_type(node, "a map", flags);
    }

    if (node->n < field->min_len) {
        gwc_error(node, "length must be at least %zu", field->min_len);
        return false;
    }

    ok = true;
    value->node = gwc_schema_node(node);
    value->set = true;
    value->size = field->size;
    value->items = gwc_alloc_array(node->n + 1, field->size);
    value->n = 0;

    for (i = 0; i < node->n; i++) {
        item = (char *) value->items + value->n * field->size;
        key = (gwc_str_t *) (void *) item;
        key->node = gwc_schema_node(node->keys[i]);
        key->set = true;
        key->v = node->keys[i]->text;

        if (key->v.len == 0 || memchr(key->v.data, '\0', key->v.len) != NULL) {
            gwc_error(node->keys[i], "a key must not be empty");
            ok = false;
            continue;
        }

        if (!gwc_schema_value(field->elem, item + field->elem->offset,
                              node->items[i], flags))
        {
            ok = false;
            memset(item, 0, field->size);
            continue;
        }

        value->n++;
    }

    return ok;
}


static bool
gwc_schema_record(const gwc_field_t *field, void *value,
                  const gwc_node_t *node, unsigned flags)
{
    gwc_schema_t schema;

    if (node->kind != GWC_NODE_MAP
        && !(node->kind == GWC_NODE_SEQ && node->n == 0))
    {
        return gwc_schema_wrong_type(node, "a record (a map)", flags);
    }

    memset(&schema, 0, sizeof(schema));
    schema.tables[0] = field->fields;

    return gwc_schema_read(&schema, value, node);
}


static bool
gwc_schema_convert(const gwc_field_t *field, void *value,
                   const gwc_node_t *node, unsigned flags)
{
    switch (field->type) {
    case GWC_BOOL:
        return gwc_schema_bool(value, node, flags);

    case GWC_INT:
        return gwc_schema_int(field, value, node, flags);

    case GWC_NUMBER:
        return gwc_schema_num(field, value, node, flags);

    case GWC_STRING:
        return gwc_schema_string(field, value, node, flags);

    case GWC_ARRAY:
    case GWC_SET:
        return gwc_schema_array(field, value, node,
                                flags & ~(unsigned) GWC_EMPTY_OK);

    case GWC_MAP:
        return gwc_schema_map(field, value, node,
                              flags & ~(unsigned) GWC_EMPTY_OK);

    case GWC_RECORD:
        return gwc_schema_record(field, value, node, flags);

    case GWC_REF:
        return gwc_schema_ref(field, value, node, flags);

    case GWC_ANY:
        *(const gwc_node_t **) value = node;
        return true;
    }

    return false;
}


bool
gwc_schema_value(const gwc_field_t *field, void *value, const gwc_node_t *node,
                 unsigned flags)
{
    bool ok;
    size_t errors;

    flags = (flags & (GWC_REFERENCEABLE | GWC_SECRET)) | field->flags;

    ok = gwc_schema_convert(field, value, node, flags);

    /* a map is looked at even when some of its values are wrong */
    if ((!ok && field->type != GWC_MAP) || field->check == NULL
        || gwc_in_default) {
        return ok;
    }

    errors = gwc_error_count();
    field->check(field, value);

    return ok && gwc_error_count() == errors;
}


/* defaults are made once; lists share their items */
static void
gwc_schema_default(const gwc_field_t *field, void *value)
{
    void *made;
    gwc_node_t *node;
    gwc_text_t key;

    if (gwc_defaults == NULL) {
        gwc_defaults = gwc_map_create();
    }

    key.data = (const char *) &field;
    key.len = sizeof(field);
    made = gwc_map_get(gwc_defaults, key);

    if (made == NULL) {
        made = gwc_alloc(gwc_schema_size(field));
        node = gwc_json_parse("built-in default", field->dflt,
                              strlen(field->dflt));

        if (node != NULL) {
            gwc_in_default = true;
            (void) gwc_schema_value(field, made, node, GWC_EMPTY_OK);
            gwc_in_default = false;
        }

        key.data = gwc_strndup(key.data, key.len);
        (void) gwc_map_add(gwc_defaults, key, made);
    }

    memcpy(value, made, gwc_schema_size(field));
}


/* a field that is not in the file; owner: the map it is missing in */
static bool
gwc_schema_absent(const gwc_field_t *field, void *value,
                  const gwc_node_t *owner)
{
    gwc_schema_t schema;
    gwc_record_t *record;

    if (field->type == GWC_RECORD) {
        memset(&schema, 0, sizeof(schema));
        schema.tables[0] = field->fields;
        record = value;

        /* an optional record's own required fields count when it is given */
        if (!gwc_schema_read(&schema, value,
                             field->flags & GWC_REQUIRED && field->dflt == NULL
                                 ? owner
                                 : NULL))
        {
            return false;
        }

        record->node = NULL;
        record->set = (field->flags & GWC_REQUIRED) || field->dflt != NULL;
        return true;
    }

    if (field->dflt != NULL) {
        gwc_schema_default(field, value);
        return true;
    }

    if ((field->flags & GWC_REQUIRED) && owner != NULL) {
        gwc_error(owner, "required field missing: \"%s\"", field->name);
        return false;
    }

    return true;
}


/* leaves a field unset, but its node tells that it was written */
static void
gwc_schema_unset(const gwc_field_t *field, void *value, const gwc_node_t *node)
{
    switch (field->type) {
    case GWC_BOOL:
        ((gwc_bool_t *) value)->node = node;
        break;

    case GWC_INT:
        ((gwc_int_t *) value)->node = node;
        break;

    case GWC_NUMBER:
        ((gwc_num_t *) value)->node = node;
        break;

    case GWC_STRING:
        ((gwc_str_t *) value)->node = node;
        break;

    case GWC_ARRAY:
    case GWC_SET:
    case GWC_MAP:
        ((gwc_list_t *) value)->node = node;
        break;

    case GWC_REF:
        ((gwc_ref_t *) value)->node = node;
        break;

    case GWC_RECORD:
        (void) gwc_schema_absent(field, value, NULL);
        ((gwc_record_t *) value)->node = node;
        ((gwc_record_t *) value)->set = false;
        break;

    case GWC_ANY:
        break;
    }
}


/* a null keeps its field unset: a default is for absent fields only */
static bool
gwc_schema_null(const gwc_field_t *field, void *value, const gwc_node_t *node)
{
    gwc_schema_unset(field, value, node);

    if (field->flags & GWC_REQUIRED) {
        gwc_error(node, "required field missing: \"%s\" is null", field->name);
        return false;
    }

    return true;
}


static bool
gwc_schema_fields(const gwc_field_t *field, char *record,
                  const gwc_node_t *node)
{
    bool ok;
    size_t i;
    void *value;

    ok = true;

    for (; field->name != NULL; field++) {
        value = record + field->offset;

        for (i = 0; node != NULL && node->kind == GWC_NODE_MAP && i < node->n;
             i++) {
            if (gwc_text_is(node->keys[i]->text, field->name)) {
                break;
            }
        }

        if (node == NULL || node->kind != GWC_NODE_MAP || i == node->n) {
            ok = gwc_schema_absent(field, value, node) && ok;

        } else if (node->items[i]->kind == GWC_NODE_NULL
                   && field->type != GWC_ANY) {
            ok = gwc_schema_null(field, value, node->items[i]) && ok;

        } else if (!gwc_schema_value(field, value, node->items[i], 0)) {
            memset(value, 0, gwc_schema_size(field));
            gwc_schema_unset(field, value, node->items[i]);
            ok = false;
        }
    }

    return ok;
}


static const char *
gwc_schema_suggest(const gwc_schema_t *schema, gwc_text_t name)
{
    size_t i;
    gwc_vec_t names;
    const char *const *other;
    const gwc_field_t *field;

    union {
        const char *in;
        void *out;
    } cast;

    memset(&names, 0, sizeof(names));

    for (i = 0; i < 3 && schema->tables[i] != NULL; i++) {
        for (field = schema->tables[i]; field->name != NULL; field++) {
            cast.in = field->name;
            gwc_vec_push(&names, cast.out);
        }
    }

    for (other = schema->others; other != NULL && *other != NULL; other++) {
        cast.in = *other;
        gwc_vec_push(&names, cast.out);
    }

    return gwc_nearest(name, (const char *const *) names.items, names.n);
}


static bool
gwc_schema_unknown(const gwc_schema_t *schema, const gwc_node_t *node)
{
    bool ok;
    size_t i;
    gwc_text_t key;
    const char *near;

    ok = true;

    for (i = 0; i < node->n; i++) {
        key = node->keys[i]->text;

        if (gwc_schema_find(schema, key) != NULL
            || gwc_schema_in(schema->others, key)) {
            continue;
        }

        ok = false;

        if (gwc_schema_in(schema->enterprise, key)) {
            gwc_error(node->keys[i],
                      "unknown field %s: it exists in Kong Enterprise only",
                      gwc_quoted(key));
            continue;
        }

        near = gwc_schema_suggest(schema, key);

        if (near == NULL) {
            gwc_error(node->keys[i], "unknown field %s", gwc_quoted(key));

        } else {
            gwc_error(node->keys[i], "unknown field %s, did you mean \"%s\"?",
                      gwc_quoted(key), near);
        }
    }

    return ok;
}


bool
gwc_schema_read(const gwc_schema_t *schema, void *record,
                const gwc_node_t *node)
{
    bool ok;
    size_t i;
    gwc_record_t *head;

    head = record;
    head->node = gwc_schema_node(node);
    head->set = node != NULL;
    ok = true;

    if (node != NULL && node->kind == GWC_NODE_MAP) {
        ok = gwc_schema_unknown(schema, node);
    }

    for (i = 0; i < 3 && schema->tables[i] != NULL; i++) {
        ok = gwc_schema_fields(schema->tables[i], record, node) && ok;
    }

    return ok;
}
