
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Operations on trees of JSON.  Time is linear in the number of members for
 * each operation.  Recursion is as deep as the tree is open, which is bounded
 * (NGX_HTTP_GATEWAY_JSON_DEPTH).
 */


#include "ngx_http_gateway_transform.h"
#include "gateway_regex.h"


/* bytes of a path that is redacted by; what has a longer one is replaced */
#define NGX_HTTP_GATEWAY_JSON_PATH_MAX  1024


/* what is done on the way through a tree */
typedef struct {
    ngx_http_gateway_json_t         *json;
    ngx_http_gateway_transform_e     operation;
    const ngx_str_t                 *value;
    ngx_str_t                        raw;       /* the new key, RENAME */
} ngx_http_gateway_json_work_t;

typedef struct {
    ngx_http_gateway_json_t            *json;
    ngx_http_gateway_json_redaction_t  *redaction;
    ngx_str_t                           with;   /* as JSON text */
    size_t                              len;    /* of the path */
    u_char                              path[NGX_HTTP_GATEWAY_JSON_PATH_MAX];
} ngx_http_gateway_json_cover_t;


static ngx_int_t ngx_http_gateway_json_walk(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_walk_member(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_walk_elements(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_walk_deep(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_member(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_str_t *name, ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_elements(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_rename(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_str_t *name, ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_append(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_uint_t *changed);
static ngx_http_gateway_json_node_t *ngx_http_gateway_json_push(
    ngx_http_gateway_json_work_t *work, ngx_http_gateway_json_node_t *node,
    ngx_str_t *name);
static ngx_http_gateway_json_node_t *ngx_http_gateway_json_find(
    ngx_http_gateway_json_node_t *node, const ngx_str_t *name, ngx_uint_t *n);
static void ngx_http_gateway_json_prune(ngx_http_gateway_json_node_t *node,
    const ngx_str_t *name, ngx_http_gateway_json_node_t *keep,
    ngx_uint_t *changed);
static ngx_uint_t ngx_http_gateway_json_key_is(
    ngx_http_gateway_json_node_t *node, const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_json_is(ngx_http_gateway_json_node_t *node,
    u_char kind);
static ngx_uint_t ngx_http_gateway_json_is_set(
    ngx_http_gateway_json_node_t *node);
static void ngx_http_gateway_json_set(ngx_http_gateway_json_node_t *node,
    const ngx_str_t *text);

static void ngx_http_gateway_json_keep(ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n);
static ngx_uint_t ngx_http_gateway_json_drop(
    ngx_http_gateway_json_node_t *node);

static ngx_int_t ngx_http_gateway_json_cover(
    ngx_http_gateway_json_cover_t *cover, ngx_http_gateway_json_node_t *node,
    ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_cover_value(
    ngx_http_gateway_json_cover_t *cover, ngx_http_gateway_json_node_t *node,
    ngx_uint_t *changed);
static ngx_int_t ngx_http_gateway_json_cover_matches(
    ngx_http_gateway_json_cover_t *cover, gateway_regex_t *regex,
    ngx_str_t *s);
static ngx_uint_t ngx_http_gateway_json_cover_matches_path(
    ngx_http_gateway_json_cover_t *cover, ngx_str_t *key);
static ngx_uint_t ngx_http_gateway_json_cover_push(
    ngx_http_gateway_json_cover_t *cover, ngx_str_t *key);

static size_t ngx_http_gateway_json_len(ngx_http_gateway_json_node_t *node);
static u_char *ngx_http_gateway_json_put(u_char *p,
    ngx_http_gateway_json_node_t *node);


ngx_int_t
ngx_http_gateway_json_do(ngx_http_gateway_json_t *json,
    ngx_http_gateway_transform_e operation,
    ngx_http_gateway_json_path_t *path, const ngx_str_t *value)
{
    ngx_uint_t                    changed;
    ngx_http_gateway_json_work_t  work;

    work.json = json;
    work.operation = operation;
    work.value = value;

    if (operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
        && ngx_http_gateway_json_quote(json->pool, value, &work.raw)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    changed = 0;

    return ngx_http_gateway_json_walk(&work, &json->root, path->elts,
                                      path->nelts, &changed);
}


/* n segments are left; *changed is set if something is, else left alone */

static ngx_int_t
ngx_http_gateway_json_walk(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed)
{
    ngx_int_t   rc;
    ngx_uint_t  within;

    if (!node->opened) {
        return NGX_OK;
    }

    within = 0;

    switch (segment->kind) {

    case GATEWAY_JSON_KEY:

        if (!ngx_http_gateway_json_is(node, '{')) {
            return NGX_OK;
        }

        rc = (n == 1)
             ? ngx_http_gateway_json_member(work, node, &segment->name,
                                            &within)
             : ngx_http_gateway_json_walk_member(work, node, segment, n,
                                                 &within);
        break;

    case GATEWAY_JSON_DEEP:
        rc = ngx_http_gateway_json_walk_deep(work, node, segment + 1, n - 1,
                                             &within);
        break;

    default: /* INDEX, ALL */

        if (!ngx_http_gateway_json_is(node, '[')) {
            return NGX_OK;
        }

        rc = (n == 1)
             ? ngx_http_gateway_json_elements(work, node, segment, &within)
             : ngx_http_gateway_json_walk_elements(work, node, segment, n,
                                                   &within);
    }

    if (within) {
        node->changed = 1;
        *changed = 1;
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_json_walk_member(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i, count, last;
    ngx_http_gateway_json_node_t  *child;

    child = ngx_http_gateway_json_find(node, &segment->name, &count);

    if (child == NULL) {

        /* objects on the way to something new */

        if (work->operation < NGX_HTTP_GATEWAY_TRANSFORM_ADD) {
            return NGX_OK;
        }

        for (i = 1; i < n; i++) {
            if (segment[i].kind != GATEWAY_JSON_KEY) {
                return NGX_OK;
            }
        }

        child = ngx_http_gateway_json_push(work, node, &segment->name);
        if (child == NULL) {
            return NGX_ERROR;
        }

        ngx_str_set(&child->text, "{}");
        child->opened = 1;
        *changed = 1;

        return ngx_http_gateway_json_walk(work, child, segment + 1, n - 1,
                                          changed);
    }

    if (count == 1) {
        return ngx_http_gateway_json_walk(work, child, segment + 1, n - 1,
                                          changed);
    }

    /* whichever of them a reader takes */

    last = 0;

    for (child = node->first; child && last < count; child = child->next) {

        if (!ngx_http_gateway_json_key_is(child, &segment->name)) {
            continue;
        }

        last++;

        rc = ngx_http_gateway_json_walk(work, child, segment + 1, n - 1,
                                        changed);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_walk_elements(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_http_gateway_json_node_t  *child;

    i = 1;

    for (child = node->first; child; child = child->next) {

        if (segment->kind == GATEWAY_JSON_INDEX
            && i++ != segment->index)
        {
            continue;
        }

        rc = ngx_http_gateway_json_walk(work, child, segment + 1, n - 1,
                                        changed);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* first what is inside: what is put there now is not looked at */

static ngx_int_t
ngx_http_gateway_json_walk_deep(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n,
    ngx_uint_t *changed)
{
    ngx_int_t                      rc;
    ngx_uint_t                     within;
    ngx_http_gateway_json_node_t  *child;

    for (child = node->first; child; child = child->next) {

        if (!child->opened) {
            continue;
        }

        within = 0;

        rc = ngx_http_gateway_json_walk_deep(work, child, segment, n,
                                             &within);
        if (rc != NGX_OK) {
            return rc;
        }

        if (within) {
            child->changed = 1;
            *changed = 1;
        }
    }

    return ngx_http_gateway_json_walk(work, node, segment, n, changed);
}


static ngx_int_t
ngx_http_gateway_json_member(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node, ngx_str_t *name, ngx_uint_t *changed)
{
    ngx_uint_t                     n;
    ngx_http_gateway_json_node_t  *child;

    switch (work->operation) {

    case NGX_HTTP_GATEWAY_TRANSFORM_REMOVE:
        ngx_http_gateway_json_prune(node, name, NULL, changed);
        return NGX_OK;

    case NGX_HTTP_GATEWAY_TRANSFORM_RENAME:
        return ngx_http_gateway_json_rename(work, node, name, changed);

    default:
        break;
    }

    child = ngx_http_gateway_json_find(node, name, &n);

    if (work->operation != NGX_HTTP_GATEWAY_TRANSFORM_APPEND
        && (child && ngx_http_gateway_json_is_set(child))
           != (work->operation == NGX_HTTP_GATEWAY_TRANSFORM_REPLACE))
    {
        return NGX_OK;
    }

    if (child == NULL) {
        child = ngx_http_gateway_json_push(work, node, name);
        if (child == NULL) {
            return NGX_ERROR;
        }

        ngx_str_set(&child->text, "null");

    } else if (n > 1) {
        ngx_http_gateway_json_prune(node, name, child, changed);
    }

    if (work->operation == NGX_HTTP_GATEWAY_TRANSFORM_APPEND) {
        return ngx_http_gateway_json_append(work, child, changed);
    }

    ngx_http_gateway_json_set(child, work->value);
    *changed = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_elements(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t *changed)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_http_gateway_json_node_t   *child, **prev;

    i = 1;
    prev = &node->first;
    node->last = NULL;

    while ((child = *prev) != NULL) {

        if (segment->kind == GATEWAY_JSON_ALL
            || segment->index == i)
        {
            switch (work->operation) {

            case NGX_HTTP_GATEWAY_TRANSFORM_REMOVE:
                *prev = child->next;
                *changed = 1;
                i++;
                continue;

            case NGX_HTTP_GATEWAY_TRANSFORM_REPLACE:
            case NGX_HTTP_GATEWAY_TRANSFORM_ADD:

                if (ngx_http_gateway_json_is_set(child)
                    == (work->operation
                        == NGX_HTTP_GATEWAY_TRANSFORM_REPLACE))
                {
                    ngx_http_gateway_json_set(child, work->value);
                    *changed = 1;
                }

                break;

            case NGX_HTTP_GATEWAY_TRANSFORM_APPEND:

                rc = ngx_http_gateway_json_append(work, child, changed);
                if (rc != NGX_OK) {
                    return rc;
                }

                break;

            default: /* RENAME: an element has no name */
                break;
            }
        }

        i++;
        node->last = child;
        prev = &child->next;
    }

    /* the one after the last may be added */

    if (segment->index == i
        && work->operation >= NGX_HTTP_GATEWAY_TRANSFORM_ADD)
    {
        child = ngx_http_gateway_json_push(work, node, NULL);
        if (child == NULL) {
            return NGX_ERROR;
        }

        ngx_str_set(&child->text, "null");
        *changed = 1;

        if (work->operation == NGX_HTTP_GATEWAY_TRANSFORM_APPEND) {
            return ngx_http_gateway_json_append(work, child, changed);
        }

        ngx_http_gateway_json_set(child, work->value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_rename(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node, ngx_str_t *name, ngx_uint_t *changed)
{
    ngx_uint_t                     n;
    ngx_http_gateway_json_node_t  *child;

    child = ngx_http_gateway_json_find(node, name, &n);

    if (child == NULL
        || (name->len == work->value->len
            && ngx_memcmp(name->data, work->value->data, name->len) == 0))
    {
        return NGX_OK;
    }

    ngx_http_gateway_json_prune(node, work->value, NULL, changed);
    ngx_http_gateway_json_prune(node, name, child, changed);

    child->key.data = work->raw.data + 1;
    child->key.len = work->raw.len - 2;
    child->escaped = ngx_strlchr(child->key.data,
                                 child->key.data + child->key.len, '\\')
                     != NULL;

    *changed = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_append(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node, ngx_uint_t *changed)
{
    u_char                        *p, *last;
    ngx_str_t                      old, text;
    ngx_http_gateway_json_node_t  *child;

    if (ngx_http_gateway_json_is(node, '{')) {
        return NGX_OK;
    }

    ngx_str_null(&old);

    if (node->opened && ngx_http_gateway_json_is(node, '[')) {

        /* its children say what is there: one more of them */

        child = ngx_http_gateway_json_push(work, node, NULL);
        if (child == NULL) {
            return NGX_ERROR;
        }

        child->text = *work->value;
        node->changed = 1;
        *changed = 1;

        return NGX_OK;
    }

    if (ngx_http_gateway_json_is(node, '"')) {
        old = node->text;

    } else if (ngx_http_gateway_json_is(node, '[')) {

        /* what stands between the brackets, blanks at both ends aside */

        old.data = node->text.data + 1;
        last = node->text.data + node->text.len - 1;

        while (old.data < last && *old.data <= ' ') {
            old.data++;
        }

        while (last > old.data && last[-1] <= ' ') {
            last--;
        }

        old.len = last - old.data;
    }

    p = ngx_pnalloc(work->json->pool, old.len + work->value->len
                                      + sizeof("[,]") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;

    *p++ = '[';

    if (old.len) {
        p = ngx_cpymem(p, old.data, old.len);
        *p++ = ',';
    }

    p = ngx_cpymem(p, work->value->data, work->value->len);
    *p++ = ']';

    text.len = p - text.data;

    ngx_http_gateway_json_set(node, &text);
    *changed = 1;

    return NGX_OK;
}


/* name NULL: an element */

static ngx_http_gateway_json_node_t *
ngx_http_gateway_json_push(ngx_http_gateway_json_work_t *work,
    ngx_http_gateway_json_node_t *node, ngx_str_t *name)
{
    ngx_str_t                      raw;
    ngx_http_gateway_json_node_t  *child;

    child = ngx_pcalloc(work->json->pool,
                        sizeof(ngx_http_gateway_json_node_t));
    if (child == NULL) {
        return NULL;
    }

    if (name) {
        if (ngx_http_gateway_json_quote(work->json->pool, name, &raw)
            != NGX_OK)
        {
            return NULL;
        }

        child->key.data = raw.data + 1;
        child->key.len = raw.len - 2;
        child->escaped = ngx_strlchr(child->key.data,
                                     child->key.data + child->key.len, '\\')
                         != NULL;
    }

    if (node->last) {
        node->last->next = child;

    } else {
        node->first = child;
    }

    node->last = child;

    return child;
}


/* the last of that name, and how many there are */

static ngx_http_gateway_json_node_t *
ngx_http_gateway_json_find(ngx_http_gateway_json_node_t *node,
    const ngx_str_t *name, ngx_uint_t *n)
{
    ngx_http_gateway_json_node_t  *child, *found;

    *n = 0;
    found = NULL;

    for (child = node->first; child; child = child->next) {
        if (ngx_http_gateway_json_key_is(child, name)) {
            found = child;
            (*n)++;
        }
    }

    return found;
}


/* takes out the members of that name but keep */

static void
ngx_http_gateway_json_prune(ngx_http_gateway_json_node_t *node,
    const ngx_str_t *name, ngx_http_gateway_json_node_t *keep,
    ngx_uint_t *changed)
{
    ngx_http_gateway_json_node_t  *child, **prev;

    prev = &node->first;
    node->last = NULL;

    while ((child = *prev) != NULL) {

        if (child != keep && ngx_http_gateway_json_key_is(child, name)) {
            *prev = child->next;
            *changed = 1;
            continue;
        }

        node->last = child;
        prev = &child->next;
    }
}


static ngx_uint_t
ngx_http_gateway_json_key_is(ngx_http_gateway_json_node_t *node,
    const ngx_str_t *name)
{
    if (node->escaped) {
        return ngx_http_gateway_json_equal(&node->key, name);
    }

    return node->key.len == name->len
           && ngx_memcmp(node->key.data, name->data, name->len) == 0;
}


static ngx_uint_t
ngx_http_gateway_json_is(ngx_http_gateway_json_node_t *node, u_char kind)
{
    return node->text.data[0] == kind;
}


static ngx_uint_t
ngx_http_gateway_json_is_set(ngx_http_gateway_json_node_t *node)
{
    return node->text.data[0] != 'f';
}


static void
ngx_http_gateway_json_set(ngx_http_gateway_json_node_t *node,
    const ngx_str_t *text)
{
    node->text = *text;
    node->first = NULL;
    node->last = NULL;
    node->opened = 0;
    node->changed = 0;
}


void
ngx_http_gateway_json_allow(ngx_http_gateway_json_t *json,
    ngx_http_gateway_json_path_t *paths, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_http_gateway_json_keep(&json->root, paths[i].elts,
                                   paths[i].nelts);
    }

    if (json->root.opened) {
        (void) ngx_http_gateway_json_drop(&json->root);
    }
}


static void
ngx_http_gateway_json_keep(ngx_http_gateway_json_node_t *node,
    ngx_http_gateway_json_segment_t *segment, ngx_uint_t n)
{
    ngx_uint_t                     i, found;
    ngx_http_gateway_json_node_t  *child;

    node->kept = 1;

    if (n == 0) {
        node->whole = 1;
        return;
    }

    if (!node->opened || node->whole) {
        return;
    }

    if (segment->kind == GATEWAY_JSON_DEEP) {
        ngx_http_gateway_json_keep(node, segment + 1, n - 1);
    }

    i = 0;

    for (child = node->first; child; child = child->next) {

        i++;

        switch (segment->kind) {

        case GATEWAY_JSON_KEY:
            found = ngx_http_gateway_json_is(node, '{')
                    && ngx_http_gateway_json_key_is(child, &segment->name);
            break;

        case GATEWAY_JSON_DEEP:
            ngx_http_gateway_json_keep(child, segment, n);
            continue;

        default: /* INDEX, ALL */
            found = ngx_http_gateway_json_is(node, '[')
                    && (segment->kind == GATEWAY_JSON_ALL
                        || segment->index == i);
        }

        if (found) {
            ngx_http_gateway_json_keep(child, segment + 1, n - 1);
        }
    }
}


/* 1 if something is left out below */

static ngx_uint_t
ngx_http_gateway_json_drop(ngx_http_gateway_json_node_t *node)
{
    ngx_uint_t                      changed;
    ngx_http_gateway_json_node_t   *child, **prev;

    if (node->whole) {
        return 0;
    }

    changed = 0;
    prev = &node->first;
    node->last = NULL;

    while ((child = *prev) != NULL) {

        if (!child->kept || (!child->whole && !child->opened)) {
            *prev = child->next;
            changed = 1;
            continue;
        }

        changed |= ngx_http_gateway_json_drop(child);

        node->last = child;
        prev = &child->next;
    }

    node->changed |= changed;

    return changed;
}


ngx_int_t
ngx_http_gateway_json_redact(ngx_http_gateway_json_t *json,
    ngx_http_gateway_json_redaction_t *redaction)
{
    ngx_uint_t                     changed;
    ngx_http_gateway_json_cover_t  cover;

    cover.json = json;
    cover.redaction = redaction;
    cover.len = 0;

    if (ngx_http_gateway_json_quote(json->pool, &redaction->with, &cover.with)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    changed = 0;

    return ngx_http_gateway_json_cover(&cover, &json->root, &changed);
}


static ngx_int_t
ngx_http_gateway_json_cover(ngx_http_gateway_json_cover_t *cover,
    ngx_http_gateway_json_node_t *node, ngx_uint_t *changed)
{
    size_t                         len;
    ngx_str_t                      key;
    ngx_uint_t                     within, members;
    ngx_http_gateway_json_node_t  *child;

    if (!node->opened) {
        return ngx_http_gateway_json_cover_value(cover, node, changed);
    }

    members = cover->redaction->paths && ngx_http_gateway_json_is(node, '{');
    len = cover->len;
    within = 0;

    for (child = node->first; child; child = child->next) {

        if (members) {

            if (ngx_http_gateway_json_unquote(cover->json->pool, &child->key,
                                              &key)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            if (ngx_http_gateway_json_cover_matches_path(cover, &key)) {
                ngx_http_gateway_json_set(child, &cover->with);

                cover->len = len;
                within = 1;

                continue;
            }
        }

        if (ngx_http_gateway_json_cover(cover, child, &within) != NGX_OK) {
            return NGX_ERROR;
        }

        cover->len = len;
    }

    if (within) {
        node->changed = 1;
        *changed = 1;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_json_cover_matches_path(
    ngx_http_gateway_json_cover_t *cover, ngx_str_t *key)
{
    size_t             start, end;
    ngx_uint_t         i;
    ngx_array_t       *paths;
    gateway_str_t      path;
    gateway_regex_t  **regex;

    if (!ngx_http_gateway_json_cover_push(cover, key)) {
        return 1;
    }

    path.data = (char *) cover->path;
    path.len = cover->len;

    paths = cover->redaction->paths;
    regex = paths->elts;

    for (i = 0; i < paths->nelts; i++) {

        /* what is too costly to find out is not shown */

        if (gateway_regex_match(regex[i], &path, 0, &start, &end)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_json_cover_value(ngx_http_gateway_json_cover_t *cover,
    ngx_http_gateway_json_node_t *node, ngx_uint_t *changed)
{
    size_t             start, end;
    ngx_int_t          rc;
    ngx_str_t          s, raw;
    ngx_uint_t         i, found;
    ngx_array_t       *values;
    gateway_str_t      text;
    gateway_regex_t  **regex;

    values = cover->redaction->values;

    if (values == NULL) {
        return NGX_OK;
    }

    regex = values->elts;

    if (!ngx_http_gateway_json_is(node, '"')) {

        text.data = (char *) node->text.data;
        text.len = node->text.len;

        if (text.data[0] != '-' && (text.data[0] < '0' || text.data[0] > '9'))
        {
            return NGX_OK;
        }

        for (i = 0; i < values->nelts; i++) {

            if (gateway_regex_match(regex[i], &text, 0, &start, &end)) {
                ngx_http_gateway_json_set(node, &cover->with);
                *changed = 1;
                break;
            }
        }

        return NGX_OK;
    }

    raw.data = node->text.data + 1;
    raw.len = node->text.len - 2;

    if (ngx_http_gateway_json_unquote(cover->json->pool, &raw, &s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    found = 0;

    for (i = 0; i < values->nelts; i++) {

        rc = ngx_http_gateway_json_cover_matches(cover, regex[i], &s);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            found = 1;
        }
    }

    if (!found) {
        return NGX_OK;
    }

    if (ngx_http_gateway_json_quote(cover->json->pool, &s, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_json_set(node, &s);
    *changed = 1;

    return NGX_OK;
}


/* NGX_OK: there were some, s is the new text; NGX_DECLINED; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_json_cover_matches(ngx_http_gateway_json_cover_t *cover,
    gateway_regex_t *regex, ngx_str_t *s)
{
    int             rc;
    u_char         *p;
    size_t          start, end, from, len;
    ngx_str_t      *with;
    ngx_uint_t      n;
    gateway_str_t   text;

    with = &cover->redaction->with;

    text.data = (char *) s->data;
    text.len = s->len;

    /* how much it will be, then the same once more */

    n = 0;
    len = s->len;

    for (from = 0; from <= s->len; /* void */ ) {

        rc = gateway_regex_match(regex, &text, from, &start, &end);

        if (rc == -1) {
            *s = *with;
            return NGX_OK;
        }

        if (rc == 0) {
            break;
        }

        if (end == start || start < from) {
            from = ngx_max(end, from) + 1;
            continue;
        }

        n++;
        len += with->len - (end - start);
        from = end;
    }

    if (n == 0) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(cover->json->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->data = p;
    s->len = len;

    len = 0;

    for (from = 0; n; /* void */ ) {

        if (gateway_regex_match(regex, &text, from, &start, &end) != 1) {
            break;
        }

        if (end == start || start < from) {
            from = ngx_max(end, from) + 1;
            continue;
        }

        p = ngx_cpymem(p, text.data + len, start - len);
        p = ngx_cpymem(p, with->data, with->len);

        len = end;
        from = end;
        n--;
    }

    ngx_memcpy(p, text.data + len, text.len - len);

    return NGX_OK;
}


/* 0: there is no room */

static ngx_uint_t
ngx_http_gateway_json_cover_push(ngx_http_gateway_json_cover_t *cover,
    ngx_str_t *key)
{
    if (key->len >= sizeof(cover->path) - cover->len) {
        return 0;
    }

    if (cover->len) {
        cover->path[cover->len++] = '.';
    }

    ngx_memcpy(cover->path + cover->len, key->data, key->len);

    cover->len += key->len;

    return 1;
}


ngx_int_t
ngx_http_gateway_json_write(ngx_http_gateway_json_t *json, ngx_str_t *text)
{
    u_char  *p;

    if (!json->root.changed) {
        return NGX_OK;
    }

    text->len = ngx_http_gateway_json_len(&json->root);

    p = ngx_pnalloc(json->pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    (void) ngx_http_gateway_json_put(p, &json->root);

    return NGX_OK;
}


static size_t
ngx_http_gateway_json_len(ngx_http_gateway_json_node_t *node)
{
    size_t                         len;
    ngx_uint_t                     object;
    ngx_http_gateway_json_node_t  *child;

    if (!node->changed) {
        return node->text.len;
    }

    len = sizeof("{}") - 1;
    object = ngx_http_gateway_json_is(node, '{');

    for (child = node->first; child; child = child->next) {

        len += ngx_http_gateway_json_len(child) + 1;

        if (object) {
            len += child->key.len + sizeof("\"\":") - 1;
        }
    }

    return node->first ? len - 1 : len;
}


static u_char *
ngx_http_gateway_json_put(u_char *p, ngx_http_gateway_json_node_t *node)
{
    ngx_uint_t                     object;
    ngx_http_gateway_json_node_t  *child;

    if (!node->changed) {
        return ngx_cpymem(p, node->text.data, node->text.len);
    }

    object = ngx_http_gateway_json_is(node, '{');

    *p++ = object ? '{' : '[';

    for (child = node->first; child; child = child->next) {

        if (child != node->first) {
            *p++ = ',';
        }

        if (object) {
            *p++ = '"';
            p = ngx_cpymem(p, child->key.data, child->key.len);
            *p++ = '"';
            *p++ = ':';
        }

        p = ngx_http_gateway_json_put(p, child);
    }

    *p++ = object ? '}' : ']';

    return p;
}
