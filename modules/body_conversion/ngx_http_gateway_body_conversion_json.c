
/*
 * Copyright (C) the ngx_gateway authors
 *
 * From JSON to XML.
 */


#include "ngx_http_gateway_body_conversion.h"
#include "ngx_http_gateway_transform.h"

#include <libxml/tree.h>


static ngx_int_t ngx_http_gateway_conversion_document(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_json_node_t *root);
static ngx_int_t ngx_http_gateway_conversion_member(
    ngx_http_gateway_conversion_t *cv, ngx_str_t *name,
    ngx_http_gateway_json_node_t *value, ngx_uint_t depth);
static ngx_int_t ngx_http_gateway_conversion_element(
    ngx_http_gateway_conversion_t *cv, ngx_str_t *name,
    ngx_http_gateway_json_node_t *value, ngx_uint_t depth);
static ngx_int_t ngx_http_gateway_conversion_attributes(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_json_node_t *object);
static ngx_int_t ngx_http_gateway_conversion_attribute(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_json_node_t *member);
static ngx_int_t ngx_http_gateway_conversion_content(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_json_node_t *value,
    ngx_uint_t depth);
static ngx_int_t ngx_http_gateway_conversion_scalar(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_json_node_t *value,
    ngx_uint_t attribute);
static ngx_int_t ngx_http_gateway_conversion_escape(
    ngx_http_gateway_conversion_t *cv, ngx_str_t *text, ngx_uint_t attribute);
static ngx_int_t ngx_http_gateway_conversion_key(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_json_node_t *member);
static ngx_int_t ngx_http_gateway_conversion_name(
    ngx_http_gateway_conversion_t *cv, ngx_str_t *name);


#define ngx_http_gateway_conversion_kind(node)  ((node)->text.data[0])

#define ngx_http_gateway_conversion_is_text(key)                              \
    ((key)->len == sizeof("#text") - 1                                        \
     && ngx_strncmp((key)->data, "#text", sizeof("#text") - 1) == 0)


/* elements of an array that has no name of its own */
static ngx_str_t  ngx_http_gateway_conversion_item = ngx_string("item");


ngx_int_t
ngx_http_gateway_conversion_json_to_xml(ngx_http_gateway_conversion_t *cv,
    const ngx_str_t *in)
{
    ngx_int_t                rc;
    ngx_http_gateway_json_t  json;

    /* what is not open then is too deep, see _attributes() and _member() */

    rc = ngx_http_gateway_json_parse(cv->pool, in,
                                     2 * NGX_HTTP_GATEWAY_CONVERSION_DEPTH,
                                     &json);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_conversion_refuse(cv, "no JSON");
    }

    if (rc == NGX_ABORT) {
        return ngx_http_gateway_conversion_refuse(cv,
                                                  "of too many members");
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_gateway_conversion_puts(cv,
                              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");

    return rc == NGX_OK ? ngx_http_gateway_conversion_document(cv, &json.root)
                        : rc;
}


/* the only member of an object is the root, unless it would be several */

static ngx_int_t
ngx_http_gateway_conversion_document(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_json_node_t *root)
{
    ngx_int_t                      rc;
    ngx_http_gateway_json_node_t  *only;

    if (ngx_http_gateway_conversion_kind(root) == '{'
        && root->first && root->first == root->last)
    {
        only = root->first;

        rc = ngx_http_gateway_conversion_key(cv, only);
        if (rc != NGX_OK) {
            return rc;
        }

        if (ngx_http_gateway_conversion_kind(only) != '['
            && only->key.len && only->key.data[0] != '@'
            && only->key.data[0] != '#')
        {
            return ngx_http_gateway_conversion_element(cv, &only->key, only,
                                                       1);
        }
    }

    return ngx_http_gateway_conversion_element(cv, &cv->root, root, 1);
}


static ngx_int_t
ngx_http_gateway_conversion_member(ngx_http_gateway_conversion_t *cv,
    ngx_str_t *name, ngx_http_gateway_json_node_t *value, ngx_uint_t depth)
{
    ngx_int_t                      rc;
    ngx_http_gateway_json_node_t  *item;

    if (ngx_http_gateway_conversion_kind(value) != '[') {
        return ngx_http_gateway_conversion_element(cv, name, value, depth);
    }

    if (!value->opened) {
        return ngx_http_gateway_conversion_refuse(cv, "nested too deeply");
    }

    for (item = value->first; item; item = item->next) {

        rc = ngx_http_gateway_conversion_element(cv, name, item, depth);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_conversion_element(ngx_http_gateway_conversion_t *cv,
    ngx_str_t *name, ngx_http_gateway_json_node_t *value, ngx_uint_t depth)
{
    size_t     begin;
    ngx_int_t  rc;

    if (depth > NGX_HTTP_GATEWAY_CONVERSION_DEPTH) {
        return ngx_http_gateway_conversion_refuse(cv, "nested too deeply");
    }

    rc = ngx_http_gateway_conversion_name(cv, name);

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_puts(cv, "<");
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_put(cv, name->data, name->len);
    }

    if (rc == NGX_OK && ngx_http_gateway_conversion_kind(value) == '{') {
        rc = ngx_http_gateway_conversion_attributes(cv, value);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_puts(cv, ">");
    }

    begin = cv->out.len;

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_content(cv, value, depth);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (cv->out.len == begin) {
        cv->out.len--;
        return ngx_http_gateway_conversion_puts(cv, "/>");
    }

    rc = ngx_http_gateway_conversion_puts(cv, "</");

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_put(cv, name->data, name->len);
    }

    return rc == NGX_OK ? ngx_http_gateway_conversion_puts(cv, ">") : rc;
}


static ngx_int_t
ngx_http_gateway_conversion_attributes(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_json_node_t *object)
{
    ngx_int_t                      rc;
    ngx_str_t                     *names[NGX_HTTP_GATEWAY_CONVERSION_ATTRS];
    ngx_uint_t                     i, n;
    ngx_http_gateway_json_node_t  *member;

    if (!object->opened) {
        return ngx_http_gateway_conversion_refuse(cv, "nested too deeply");
    }

    n = 0;

    for (member = object->first; member; member = member->next) {

        rc = ngx_http_gateway_conversion_key(cv, member);
        if (rc != NGX_OK) {
            return rc;
        }

        if (member->key.len == 0 || member->key.data[0] != '@') {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (names[i]->len == member->key.len
                && ngx_memcmp(names[i]->data, member->key.data,
                              member->key.len)
                   == 0)
            {
                return ngx_http_gateway_conversion_refuse(cv,
                                         "with one attribute several times");
            }
        }

        if (n == NGX_HTTP_GATEWAY_CONVERSION_ATTRS) {
            return ngx_http_gateway_conversion_refuse(cv,
                                                    "of too many attributes");
        }

        names[n++] = &member->key;

        rc = ngx_http_gateway_conversion_attribute(cv, member);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_conversion_attribute(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_json_node_t *member)
{
    ngx_int_t  rc;
    ngx_str_t  name;

    name.data = member->key.data + 1;
    name.len = member->key.len - 1;

    rc = ngx_http_gateway_conversion_name(cv, &name);

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_puts(cv, " ");
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_put(cv, name.data, name.len);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_puts(cv, "=\"");
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_scalar(cv, member, 1);
    }

    return rc == NGX_OK ? ngx_http_gateway_conversion_puts(cv, "\"") : rc;
}


/* keys of an object are known: _attributes() has been there */

static ngx_int_t
ngx_http_gateway_conversion_content(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_json_node_t *value, ngx_uint_t depth)
{
    ngx_int_t                      rc;
    ngx_http_gateway_json_node_t  *member;

    switch (ngx_http_gateway_conversion_kind(value)) {

    case '[':
        return ngx_http_gateway_conversion_member(cv,
                                            &ngx_http_gateway_conversion_item,
                                            value, depth + 1);

    case '{':
        break;

    default:
        return ngx_http_gateway_conversion_scalar(cv, value, 0);
    }

    for (member = value->first; member; member = member->next) {

        if (member->key.len && member->key.data[0] == '@') {
            continue;
        }

        rc = ngx_http_gateway_conversion_is_text(&member->key)
             ? ngx_http_gateway_conversion_scalar(cv, member, 0)
             : ngx_http_gateway_conversion_member(cv, &member->key, member,
                                                  depth + 1);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_conversion_scalar(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_json_node_t *value, ngx_uint_t attribute)
{
    ngx_str_t  text;

    switch (ngx_http_gateway_conversion_kind(value)) {

    case '{':
    case '[':
        return ngx_http_gateway_conversion_refuse(cv,
                                 "with an attribute or text of several parts");

    case 'n':
        return NGX_OK;

    case '"':
        text.data = value->text.data + 1;
        text.len = value->text.len - 2;

        if (ngx_http_gateway_json_unquote(cv->pool, &text, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_gateway_conversion_escape(cv, &text, attribute);

    default:

        /* a number, true or false, as it is written */

        return ngx_http_gateway_conversion_put(cv, value->text.data,
                                               value->text.len);
    }
}


/* line ends and tabs, too, where a parser would turn them into others */

static ngx_int_t
ngx_http_gateway_conversion_escape(ngx_http_gateway_conversion_t *cv,
    ngx_str_t *text, ngx_uint_t attribute)
{
    u_char     *p, *last, *begin, *here;
    ngx_int_t   rc;
    ngx_str_t   escape;

    p = text->data;
    last = p + text->len;
    begin = p;

    while (p < last) {

        here = p;

        if (ngx_http_gateway_conversion_char(&p, last) != NGX_OK) {
            return ngx_http_gateway_conversion_refuse(cv,
                                   "with a character that XML does not have");
        }

        switch (*here) {

        case '&':
            ngx_str_set(&escape, "&amp;");
            break;

        case '<':
            ngx_str_set(&escape, "&lt;");
            break;

        case '>':
            ngx_str_set(&escape, "&gt;");
            break;

        case '\r':
            ngx_str_set(&escape, "&#13;");
            break;

        case '"':
            ngx_str_set(&escape, "&quot;");
            break;

        case '\n':
            ngx_str_set(&escape, "&#10;");
            break;

        case '\t':
            ngx_str_set(&escape, "&#9;");
            break;

        default:
            continue;
        }

        if (!attribute && (*here == '"' || *here == '\n' || *here == '\t')) {
            continue;
        }

        rc = ngx_http_gateway_conversion_put(cv, begin, here - begin);

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_put(cv, escape.data, escape.len);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        begin = p;
    }

    return ngx_http_gateway_conversion_put(cv, begin, last - begin);
}


/* decoded once, in its place */

static ngx_int_t
ngx_http_gateway_conversion_key(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_json_node_t *member)
{
    if (!member->escaped) {
        return NGX_OK;
    }

    member->escaped = 0;

    return ngx_http_gateway_json_unquote(cv->pool, &member->key,
                                         &member->key);
}


static ngx_int_t
ngx_http_gateway_conversion_name(ngx_http_gateway_conversion_t *cv,
    ngx_str_t *name)
{
    u_char  text[NGX_HTTP_GATEWAY_CONVERSION_NAME + 1];

    if (name->len && name->len <= NGX_HTTP_GATEWAY_CONVERSION_NAME
        && ngx_strlchr(name->data, name->data + name->len, '\0') == NULL)
    {
        ngx_memcpy(text, name->data, name->len);
        text[name->len] = '\0';

        if (xmlValidateQName(text, 0) == 0) {
            return NGX_OK;
        }
    }

    return ngx_http_gateway_conversion_refuse(cv,
                                        "with a name that XML does not have");
}
