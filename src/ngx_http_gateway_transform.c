
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Objects in JSON that policies change.  The text is checked by jansson and
 * then cut into its outermost members; nested values, numbers and their
 * spelling are never touched.  Time is linear in the size of the text, and in
 * the number of members for each change.
 */


#include "ngx_http_gateway_transform.h"
#include "ngx_http_gateway_form.h"


static ngx_int_t ngx_http_gateway_json_decode_key(ngx_pool_t *pool,
    ngx_http_gateway_json_member_t *member);
static void ngx_http_gateway_json_prune(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, ngx_uint_t keep);
static ngx_int_t ngx_http_gateway_json_array(ngx_pool_t *pool,
    const ngx_str_t *one, const ngx_str_t *two, ngx_str_t *array);


ngx_int_t
ngx_http_gateway_json_parse(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_http_gateway_json_t *json)
{
    u_char                          *p, *last;
    json_t                          *root;
    ngx_http_gateway_form_member_t   m;
    ngx_http_gateway_json_member_t  *member;

    json->pool = pool;
    json->changed = 0;

    if (ngx_array_init(&json->members, pool, 16,
                       sizeof(ngx_http_gateway_json_member_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (text->len == 0) {
        return NGX_OK;
    }

    root = ngx_http_gateway_form_object(text);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    json_decref(root);

    p = text->data;
    last = p + text->len;

    while ((p = ngx_http_gateway_form_member(p, last, &m)) != NULL) {

        member = ngx_array_push(&json->members);
        if (member == NULL) {
            return NGX_ERROR;
        }

        member->raw_key = m.key;
        member->value = m.value;

        if (ngx_http_gateway_json_decode_key(pool, member) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_json_decode_key(ngx_pool_t *pool,
    ngx_http_gateway_json_member_t *member)
{
    json_t     *json;
    ngx_str_t   key;

    key.data = member->raw_key.data + 1;
    key.len = member->raw_key.len - 2;

    if (ngx_strlchr(key.data, key.data + key.len, '\\') == NULL) {
        member->key = key;
        return NGX_OK;
    }

    json = json_loadb((char *) member->raw_key.data, member->raw_key.len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);
    if (json == NULL) {
        return NGX_ERROR;
    }

    key.len = json_string_length(json);
    key.data = ngx_pnalloc(pool, key.len + 1);

    if (key.data) {
        ngx_memcpy(key.data, json_string_value(json), key.len);
    }

    json_decref(json);

    member->key = key;

    return key.data ? NGX_OK : NGX_ERROR;
}


ngx_http_gateway_json_member_t *
ngx_http_gateway_json_find(ngx_http_gateway_json_t *json,
    const ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_gateway_json_member_t  *member;

    member = json->members.elts;

    for (i = json->members.nelts; i > 0; i--) {
        if (member[i - 1].key.len == name->len
            && ngx_memcmp(member[i - 1].key.data, name->data, name->len) == 0)
        {
            return &member[i - 1];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_gateway_json_lacks(ngx_http_gateway_json_t *json,
    const ngx_str_t *name)
{
    ngx_http_gateway_json_member_t  *member;

    member = ngx_http_gateway_json_find(json, name);

    return member == NULL || member->value.data[0] == 'f';
}


void
ngx_http_gateway_json_remove(ngx_http_gateway_json_t *json,
    const ngx_str_t *name)
{
    ngx_http_gateway_json_prune(json, name, json->members.nelts);
}


/* takes out the members of that name but the one at place keep */

static void
ngx_http_gateway_json_prune(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, ngx_uint_t keep)
{
    ngx_uint_t                       i, n;
    ngx_http_gateway_json_member_t  *member;

    n = 0;
    member = json->members.elts;

    for (i = 0; i < json->members.nelts; i++) {

        if (i != keep
            && member[i].key.len == name->len
            && ngx_memcmp(member[i].key.data, name->data, name->len) == 0)
        {
            continue;
        }

        if (n != i) {
            member[n] = member[i];
        }

        n++;
    }

    if (n != json->members.nelts) {
        json->members.nelts = n;
        json->changed = 1;
    }
}


ngx_int_t
ngx_http_gateway_json_rename(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, const ngx_str_t *to)
{
    ngx_str_t                        raw;
    ngx_uint_t                       i;
    ngx_http_gateway_json_member_t  *member;

    if (ngx_http_gateway_json_find(json, name) == NULL
        || (name->len == to->len
            && ngx_memcmp(name->data, to->data, to->len) == 0))
    {
        return NGX_OK;
    }

    if (ngx_http_gateway_json_quote(json->pool, to, &raw) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_json_remove(json, to);

    member = ngx_http_gateway_json_find(json, name);
    i = member - (ngx_http_gateway_json_member_t *) json->members.elts;

    ngx_http_gateway_json_prune(json, name, i);

    member = ngx_http_gateway_json_find(json, name);

    if (member == NULL) {
        return NGX_ERROR;
    }

    member->key = *to;
    member->raw_key = raw;

    json->changed = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_json_set(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, const ngx_str_t *value)
{
    ngx_str_t                        raw;
    ngx_http_gateway_json_member_t  *member;

    json->changed = 1;

    member = ngx_http_gateway_json_find(json, name);

    if (member) {
        member->value = *value;

        ngx_http_gateway_json_prune(json, name,
            member - (ngx_http_gateway_json_member_t *) json->members.elts);

        return NGX_OK;
    }

    if (ngx_http_gateway_json_quote(json->pool, name, &raw) != NGX_OK) {
        return NGX_ERROR;
    }

    member = ngx_array_push(&json->members);
    if (member == NULL) {
        return NGX_ERROR;
    }

    member->key = *name;
    member->raw_key = raw;
    member->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_json_append(ngx_http_gateway_json_t *json,
    const ngx_str_t *name, const ngx_str_t *value)
{
    u_char                          *last;
    ngx_str_t                        array, old;
    ngx_http_gateway_json_member_t  *member;

    ngx_str_null(&old);

    member = ngx_http_gateway_json_find(json, name);

    if (member) {

        switch (member->value.data[0]) {

        case '{':
            return NGX_OK;

        case '"':
            old = member->value;
            break;

        case '[':

            /* what stands between the brackets, blanks at the end aside */

            old.data = member->value.data + 1;
            last = member->value.data + member->value.len - 1;

            while (old.data < last && *old.data <= ' ') {
                old.data++;
            }

            while (last > old.data && last[-1] <= ' ') {
                last--;
            }

            old.len = last - old.data;
            break;

        default:
            break;
        }
    }

    if (ngx_http_gateway_json_array(json->pool, &old, value, &array)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_json_set(json, name, &array);
}


static ngx_int_t
ngx_http_gateway_json_array(ngx_pool_t *pool, const ngx_str_t *one,
    const ngx_str_t *two, ngx_str_t *array)
{
    u_char  *p;

    p = ngx_pnalloc(pool, one->len + two->len + sizeof("[,]") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    array->data = p;

    *p++ = '[';

    if (one->len) {
        p = ngx_cpymem(p, one->data, one->len);
        *p++ = ',';
    }

    p = ngx_cpymem(p, two->data, two->len);
    *p++ = ']';

    array->len = p - array->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_json_write(ngx_http_gateway_json_t *json, ngx_str_t *text)
{
    u_char                          *p;
    size_t                           len;
    ngx_uint_t                       i;
    ngx_http_gateway_json_member_t  *member;

    len = sizeof("{}") - 1;
    member = json->members.elts;

    for (i = 0; i < json->members.nelts; i++) {
        len += member[i].raw_key.len + member[i].value.len
               + sizeof(":,") - 1;
    }

    p = ngx_pnalloc(json->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    *p++ = '{';

    for (i = 0; i < json->members.nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, member[i].raw_key.data, member[i].raw_key.len);
        *p++ = ':';
        p = ngx_cpymem(p, member[i].value.data, member[i].value.len);
    }

    *p++ = '}';

    text->len = p - text->data;

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

    /* text may be s itself */

    p = start;

    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, s->data, s->len);
    *p++ = '"';

    text->data = start;
    text->len = p - start;

    return NGX_OK;
}
