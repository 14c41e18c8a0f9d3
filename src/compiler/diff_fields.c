/*
 * Copyright (C) the ngx_gateway authors
 *
 * Values of any type as text, and what differs between two records.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "schema.h"
#include "vault.h"

/* longer texts are not shown */
#define GWC_DIFF_SHOWN_MAX 120

static void gwc_value_text(const gwc_diff_t *diff, gwc_buf_t *buf,
                           const gwc_field_t *field, const void *value,
                           bool old);


/*
 * Words that some value stands behind which should not get into the log of
 * a pipeline: "Authorization: ...", "proxy_set_header Cookie ...".
 */
static bool
gwc_text_tells(const char *text)
{
    static const char *const words[] = { "authorization", "cookie", "secret",
                                         "password",      "token",  "apikey",
                                         "api-key",       "api_key" };
    const char *p, *end;
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (p = strcasestr(text, words[i]); p != NULL;
             p = strcasestr(p + 1, words[i]))
        {
            end = p + strlen(words[i]);
            end += strspn(end, "\"'");

            if (*end == ':' || *end == '=' || (*end == ' ' && end[1] != '\0'))
            {
                return true;
            }
        }
    }

    return false;
}


const char *
gwc_diff_shown(const char *text)
{
    gwc_buf_t buf = { 0 };
    const char *p;

    if (strlen(text) > GWC_DIFF_SHOWN_MAX || gwc_text_tells(text)) {
        return NULL;
    }

    for (p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char) *p;

        if (c < 0x20 || c == 0x7f) {
            gwc_buf_printf(&buf, "\\x%02x", c);

        } else {
            gwc_buf_add(&buf, p, 1);
        }
    }

    return buf.len ? gwc_strndup(buf.data, buf.len) : "\"\"";
}


static int
gwc_compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


/* of sets sorted: their order says nothing */
static void
gwc_list_texts(const gwc_diff_t *diff, gwc_vec_t *texts,
               const gwc_field_t *field, const gwc_list_t *list, bool old)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        const char *item = (const char *) list->items + i * list->size;
        gwc_buf_t buf = { 0 };

        if (field->type == GWC_MAP) {
            const gwc_str_t *key = (const gwc_str_t *) (const void *) item;

            gwc_buf_printf(&buf, "%.*s: ", (int) key->v.len, key->v.data);
            gwc_value_text(diff, &buf, field->elem, item + field->elem->offset,
                           old);

        } else {
            gwc_value_text(diff, &buf, field->elem, item, old);
        }

        gwc_vec_push(texts, gwc_strndup(buf.len ? buf.data : "", buf.len));
    }

    if (field->type != GWC_ARRAY && texts->n) {
        qsort(texts->items, texts->n, sizeof(void *), gwc_compare_texts);
    }
}


static void
gwc_list_text(const gwc_diff_t *diff, gwc_buf_t *buf, const gwc_field_t *field,
              const gwc_list_t *list, bool old)
{
    gwc_vec_t texts = { 0 };
    size_t i;

    gwc_list_texts(diff, &texts, field, list, old);
    gwc_buf_puts(buf, field->type == GWC_MAP ? "{" : "[");

    for (i = 0; i < texts.n; i++) {
        gwc_buf_printf(buf, "%s%s", i ? ", " : "",
                       (const char *) texts.items[i]);
    }

    gwc_buf_puts(buf, field->type == GWC_MAP ? "}" : "]");
}


static void
gwc_record_text(const gwc_diff_t *diff, gwc_buf_t *buf,
                const gwc_field_t *field, const char *record, bool old)
{
    const char *between = "";
    const gwc_field_t *f;
    size_t before, start;

    gwc_buf_puts(buf, "{");

    for (f = field->fields; f->name != NULL; f++) {
        before = buf->len;
        gwc_buf_printf(buf, "%s%s: ", between, f->name);
        start = buf->len;
        gwc_value_text(diff, buf, f, record + f->offset, old);

        if (buf->len == start) {
            /* it has none */
            buf->len = before;
            continue;
        }

        between = ", ";
    }

    gwc_buf_puts(buf, "}");
}


/* nodes that nobody looked into: scalars as written */
static void
gwc_node_text(gwc_buf_t *buf, const gwc_node_t *node)
{
    size_t i;

    if (node == NULL) {
        return;
    }

    if (node->kind != GWC_NODE_MAP && node->kind != GWC_NODE_SEQ) {
        gwc_buf_add(buf, node->text.data, node->text.len);
        return;
    }

    gwc_buf_puts(buf, "[");

    for (i = 0; i < node->n; i++) {
        gwc_buf_puts(buf, i ? ", " : "");

        if (node->kind == GWC_NODE_MAP) {
            gwc_node_text(buf, node->keys[i]);
            gwc_buf_puts(buf, ": ");
        }

        gwc_node_text(buf, node->items[i]);
    }

    gwc_buf_puts(buf, "]");
}


/* the new side's entity stands for both */
static const gwc_entity_t *
gwc_ref_entity(const gwc_diff_t *diff, const gwc_ref_t *ref, bool old)
{
    const gwc_entity_t *partner;

    if (!old || ref->target == NULL) {
        return ref->target;
    }

    partner = gwc_diff_partner(diff, ref->target);

    return partner != NULL ? partner : ref->target;
}


static void
gwc_value_text(const gwc_diff_t *diff, gwc_buf_t *buf,
               const gwc_field_t *field, const void *value, bool old)
{
    const gwc_entity_t *entity;

    switch (field->type) {

    case GWC_BOOL:
        if (((const gwc_bool_t *) value)->set) {
            gwc_buf_puts(buf,
                         ((const gwc_bool_t *) value)->v ? "true" : "false");
        }
        return;

    case GWC_INT:
        if (((const gwc_int_t *) value)->set) {
            gwc_buf_printf(buf, "%lld",
                           (long long) ((const gwc_int_t *) value)->v);
        }
        return;

    case GWC_NUMBER:
        if (((const gwc_num_t *) value)->set) {
            gwc_buf_printf(buf, "%.15g", ((const gwc_num_t *) value)->v);
        }
        return;

    case GWC_STRING:
        if (((const gwc_str_t *) value)->set) {
            gwc_buf_add(buf, ((const gwc_str_t *) value)->v.data,
                        ((const gwc_str_t *) value)->v.len);
        }
        return;

    case GWC_ARRAY:
    case GWC_SET:
    case GWC_MAP:
        if (((const gwc_list_t *) value)->set) {
            gwc_list_text(diff, buf, field, value, old);
        }
        return;

    case GWC_RECORD:
        gwc_record_text(diff, buf, field, value, old);
        return;

    case GWC_REF:
        entity = gwc_ref_entity(diff, value, old);

        if (entity != NULL) {
            gwc_buf_puts(buf, entity->id);
        }
        return;

    case GWC_ANY:
        gwc_node_text(buf, *(const gwc_node_t *const *) value);
        return;
    }
}


void
gwc_diff_signature(const gwc_diff_t *diff, gwc_buf_t *buf,
                   const gwc_field_t *fields, const void *record, bool old)
{
    const gwc_field_t *f;

    for (f = fields; f->name != NULL; f++) {
        gwc_buf_printf(buf, "%s=", f->name);
        gwc_value_text(diff, buf, f, (const char *) record + f->offset, old);
        gwc_buf_add(buf, "", 1);
    }
}


static gwc_change_t *
gwc_change_add(gwc_vec_t *changes, const char *field)
{
    gwc_change_t *change = gwc_alloc(sizeof(gwc_change_t));

    change->field = field;
    gwc_vec_push(changes, change);

    return change;
}


void
gwc_diff_text(gwc_vec_t *changes, const char *field, const char *old,
              const char *new)
{
    gwc_change_t *change;

    if (old == new || (old != NULL && new != NULL &&strcmp(old, new) == 0)) {
        return;
    }

    change = gwc_change_add(changes, field);
    change->old = old != NULL ? gwc_diff_shown(old) : NULL;
    change->new = new != NULL ? gwc_diff_shown(new) : NULL;
    change->hidden = (old != NULL && change->old == NULL)
                     || (new != NULL && change->new == NULL);
}


/* those of a that b has not; NULL for what is not to be shown */
static void
gwc_texts_minus(gwc_vec_t *rest, const gwc_vec_t *a, const gwc_vec_t *b)
{
    gwc_map_t *seen = gwc_map_create();
    size_t i;

    for (i = 0; i < b->n; i++) {
        const char *text = b->items[i];

        (void) gwc_map_add(seen, (gwc_text_t){ text, strlen(text) },
                           b->items[i]);
    }

    for (i = 0; i < a->n; i++) {
        const char *text = a->items[i];

        if (gwc_map_get(seen, (gwc_text_t){ text, strlen(text) }) == NULL) {
            gwc_vec_push(rest, a->items[i]);
        }
    }
}


static bool
gwc_texts_show(gwc_vec_t *texts)
{
    size_t i;

    for (i = 0; i < texts->n; i++) {
        const char *shown = gwc_diff_shown(texts->items[i]);

        if (shown == NULL) {
            return false;
        }

        texts->items[i] = (void *) (uintptr_t) shown;
    }

    return true;
}


bool
gwc_diff_lists(gwc_vec_t *changes, const char *field, const gwc_vec_t *old,
               const gwc_vec_t *new)
{
    gwc_vec_t removed = { 0 }, added = { 0 };
    gwc_change_t *change;

    gwc_texts_minus(&removed, old, new);
    gwc_texts_minus(&added, new, old);

    if (removed.n == 0 && added.n == 0) {
        return false;
    }

    change = gwc_change_add(changes, field);
    change->set = true;
    change->hidden = !gwc_texts_show(&removed) || !gwc_texts_show(&added);
    change->removed = removed;
    change->added = added;

    return true;
}


static bool
gwc_name_tells(const char *name)
{
    static const char *const ends[] = { "password", "secret", "token" };
    size_t i, k, n = name != NULL ? strlen(name) : 0;

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        k = strlen(ends[i]);

        if (n >= k && strcmp(name + n - k, ends[i]) == 0) {
            return true;
        }
    }

    return false;
}


/* secret by its field, or because it was written somewhere else */
static bool
gwc_value_is_secret(const gwc_field_t *field, const void *value,
                    unsigned flags)
{
    const gwc_list_t *list = value;
    const gwc_str_t *text = value;
    const gwc_field_t *f;
    size_t i;

    if (((flags | field->flags) & GWC_SECRET)
        || (field->type == GWC_STRING && gwc_name_tells(field->name)))
    {
        return true;
    }

    if (field->type == GWC_STRING) {
        return text->node != NULL && gwc_vault_is_reference(text->node->text);
    }

    if (field->type == GWC_RECORD) {
        for (f = field->fields; f->name != NULL; f++) {
            if (gwc_value_is_secret(f, (const char *) value + f->offset, 0)) {
                return true;
            }
        }
    }

    if (field->type != GWC_ARRAY && field->type != GWC_SET
        && field->type != GWC_MAP)
    {
        return false;
    }

    for (i = 0; i < list->n; i++) {
        const char *item = (const char *) list->items + i * list->size;

        if (gwc_value_is_secret(
                field->elem,
                item + (field->type == GWC_MAP ? field->elem->offset : 0), 0))
        {
            return true;
        }
    }

    return false;
}


static const char *
gwc_value_shown(const gwc_diff_t *diff, const gwc_field_t *field,
                const void *value, bool old)
{
    gwc_buf_t buf = { 0 };

    if (field->type == GWC_REF) {
        const gwc_entity_t *entity = ((const gwc_ref_t *) value)->target;

        return entity != NULL ? gwc_diff_label(entity) : NULL;
    }

    gwc_value_text(diff, &buf, field, value, old);

    return buf.len ? gwc_strndup(buf.data, buf.len) : NULL;
}


static void
gwc_diff_field(const gwc_diff_t *diff, gwc_vec_t *changes, const char *name,
               const gwc_field_t *field, const void *old, const void *new,
               unsigned flags)
{
    gwc_vec_t olds = { 0 }, news = { 0 };
    gwc_buf_t a = { 0 }, b = { 0 };

    gwc_value_text(diff, &a, field, old, true);
    gwc_value_text(diff, &b, field, new, false);

    if (gwc_text_equal((gwc_text_t){ a.len ? a.data : "", a.len },
                       (gwc_text_t){ b.len ? b.data : "", b.len }))
    {
        return;
    }

    if (gwc_value_is_secret(field, old, flags)
        || gwc_value_is_secret(field, new, flags))
    {
        gwc_change_add(changes, name)->hidden = true;
        return;
    }

    if (field->type == GWC_SET || field->type == GWC_ARRAY
        || field->type == GWC_MAP)
    {
        gwc_list_texts(diff, &olds, field, old, true);
        gwc_list_texts(diff, &news, field, new, false);

        if (gwc_diff_lists(changes, name, &olds, &news)) {
            return;
        }
    }

    /* of arrays, the order may matter too */
    gwc_diff_text(changes, name, gwc_value_shown(diff, field, old, true),
                  gwc_value_shown(diff, field, new, false));
}


static void
gwc_diff_table(const gwc_diff_t *diff, gwc_vec_t *changes, const char *prefix,
               const gwc_field_t *fields, const char *old, const char *new,
               unsigned flags)
{
    const gwc_field_t *f;

    for (f = fields; f->name != NULL; f++) {
        const char *name = gwc_sprintf("%s%s", prefix, f->name);
        unsigned inherited = (flags & GWC_SECRET) | f->flags;

        if (f->type == GWC_RECORD) {
            gwc_diff_table(diff, changes, gwc_sprintf("%s.", name), f->fields,
                           old + f->offset, new + f->offset, inherited);

        } else {
            gwc_diff_field(diff, changes, name, f, old + f->offset,
                           new + f->offset, inherited);
        }
    }
}


void
gwc_diff_fields(const gwc_diff_t *diff, gwc_vec_t *changes, const char *prefix,
                const gwc_field_t *fields, const void *old, const void *new)
{
    gwc_diff_table(diff, changes, prefix, fields, old, new, 0);
}
