
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Fields of request bodies.  The callers bound the size of a body; the time
 * is linear in it.  JSON is checked as a whole by jansson, whose nesting is
 * bounded, then its outermost members are walked in place, so that numbers
 * and the order of members are not touched by removing one.
 */


#include "ngx_http_gateway_form.h"
#include "ngx_http_gateway_args.h"

#include <jansson.h>


#define NGX_HTTP_GATEWAY_FORM_URLENCODED  1
#define NGX_HTTP_GATEWAY_FORM_JSON        2
#define NGX_HTTP_GATEWAY_FORM_MULTIPART   3

/* RFC 2046 allows 70 characters in a boundary */
#define NGX_HTTP_GATEWAY_FORM_BOUNDARY    70


static ngx_uint_t ngx_http_gateway_form_type(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_form_media_type(ngx_str_t *type,
    const char *name, size_t len);

static ngx_http_gateway_field_e ngx_http_gateway_form_find_arg(
    ngx_http_request_t *r, const ngx_str_t *body, const ngx_str_t *name,
    ngx_str_t *value);

static ngx_http_gateway_field_e ngx_http_gateway_form_find_member(
    ngx_http_request_t *r, const ngx_str_t *body, const ngx_str_t *name,
    ngx_str_t *value);
static ngx_int_t ngx_http_gateway_form_remove_member(ngx_http_request_t *r,
    ngx_str_t *body, const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_form_member_is(
    ngx_http_gateway_form_member_t *member, const ngx_str_t *name);
static u_char *ngx_http_gateway_form_skip_blanks(u_char *p, u_char *last);
static u_char *ngx_http_gateway_form_skip_string(u_char *p, u_char *last);
static u_char *ngx_http_gateway_form_skip_value(u_char *p, u_char *last);

static ngx_http_gateway_field_e ngx_http_gateway_form_find_part(
    ngx_http_request_t *r, const ngx_str_t *body, const ngx_str_t *name,
    ngx_str_t *value);
static ngx_int_t ngx_http_gateway_form_remove_part(ngx_http_request_t *r,
    ngx_str_t *body, const ngx_str_t *name);
static u_char *ngx_http_gateway_form_part_headers(u_char *p, u_char *last,
    ngx_http_gateway_form_part_t *part);
static ngx_int_t ngx_http_gateway_form_param(u_char *p, u_char *last,
    const char *name, size_t len, ngx_str_t *value);


ngx_uint_t
ngx_http_gateway_form_known(ngx_http_request_t *r)
{
    return ngx_http_gateway_form_type(r) != 0;
}


ngx_http_gateway_field_e
ngx_http_gateway_form_find(ngx_http_request_t *r, const ngx_str_t *body,
    const ngx_str_t *name, ngx_str_t *value)
{
    switch (ngx_http_gateway_form_type(r)) {

    case NGX_HTTP_GATEWAY_FORM_URLENCODED:
        return ngx_http_gateway_form_find_arg(r, body, name, value);

    case NGX_HTTP_GATEWAY_FORM_JSON:
        return ngx_http_gateway_form_find_member(r, body, name, value);

    case NGX_HTTP_GATEWAY_FORM_MULTIPART:
        return ngx_http_gateway_form_find_part(r, body, name, value);
    }

    return NGX_HTTP_GATEWAY_FIELD_NONE;
}


ngx_int_t
ngx_http_gateway_form_remove(ngx_http_request_t *r, ngx_str_t *body,
    const ngx_str_t *name)
{
    ngx_http_gateway_arg_t  arg;

    switch (ngx_http_gateway_form_type(r)) {

    case NGX_HTTP_GATEWAY_FORM_URLENCODED:

        if (ngx_http_gateway_args_find(body, name, &arg) == 0) {
            return NGX_DECLINED;
        }

        return ngx_http_gateway_args_cut(r->pool, body, name);

    case NGX_HTTP_GATEWAY_FORM_JSON:
        return ngx_http_gateway_form_remove_member(r, body, name);

    case NGX_HTTP_GATEWAY_FORM_MULTIPART:
        return ngx_http_gateway_form_remove_part(r, body, name);
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_gateway_form_type(ngx_http_request_t *r)
{
    ngx_str_t  type;

    static const char  urlencoded[] = "application/x-www-form-urlencoded";
    static const char  json[] = "application/json";
    static const char  multipart[] = "multipart/form-data";

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = r->headers_in.content_type->value;

    if (ngx_http_gateway_form_media_type(&type, urlencoded,
                                         sizeof(urlencoded) - 1))
    {
        return NGX_HTTP_GATEWAY_FORM_URLENCODED;
    }

    if (ngx_http_gateway_form_media_type(&type, json, sizeof(json) - 1)) {
        return NGX_HTTP_GATEWAY_FORM_JSON;
    }

    if (ngx_http_gateway_form_media_type(&type, multipart,
                                         sizeof(multipart) - 1))
    {
        return NGX_HTTP_GATEWAY_FORM_MULTIPART;
    }

    return 0;
}


/* the name, then the end, a blank or parameters */

static ngx_uint_t
ngx_http_gateway_form_media_type(ngx_str_t *type, const char *name,
    size_t len)
{
    if (type->len < len
        || ngx_strncasecmp(type->data, (u_char *) name, len) != 0)
    {
        return 0;
    }

    return type->len == len
           || type->data[len] == ';'
           || type->data[len] == ' '
           || type->data[len] == '\t';
}


/* application/x-www-form-urlencoded */

static ngx_http_gateway_field_e
ngx_http_gateway_form_find_arg(ngx_http_request_t *r, const ngx_str_t *body,
    const ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_arg_t  arg;

    switch (ngx_http_gateway_args_find(body, name, &arg)) {

    case 0:
        return NGX_HTTP_GATEWAY_FIELD_NONE;

    case 1:
        break;

    default:
        return NGX_HTTP_GATEWAY_FIELD_LIST;
    }

    if (arg.bare) {
        return NGX_HTTP_GATEWAY_FIELD_OTHER;
    }

    if (ngx_http_gateway_unescape(r->pool, &arg.value, value) != NGX_OK) {
        return NGX_HTTP_GATEWAY_FIELD_ERROR;
    }

    return NGX_HTTP_GATEWAY_FIELD_STRING;
}


/* application/json */

static ngx_http_gateway_field_e
ngx_http_gateway_form_find_member(ngx_http_request_t *r,
    const ngx_str_t *body, const ngx_str_t *name, ngx_str_t *value)
{
    u_char                          *p, *last;
    json_t                          *root, *json;
    ngx_uint_t                       n;
    ngx_http_gateway_field_e         rc;
    ngx_http_gateway_form_member_t   member;

    root = ngx_http_gateway_form_object(body);
    if (root == NULL) {
        return NGX_HTTP_GATEWAY_FIELD_NONE;
    }

    /* readers disagree on which of two equal members counts: see both */

    json = NULL;
    n = 0;
    p = body->data;
    last = p + body->len;

    while ((p = ngx_http_gateway_form_member(p, last, &member)) != NULL) {
        if (ngx_http_gateway_form_member_is(&member, name)) {
            n++;
        }
    }

    if (n) {
        json = json_object_getn(root, (char *) name->data, name->len);
    }

    if (json == NULL) {
        rc = NGX_HTTP_GATEWAY_FIELD_NONE;

    } else if (n > 1 || json_is_array(json) || json_is_object(json)) {
        rc = NGX_HTTP_GATEWAY_FIELD_LIST;

    } else if (!json_is_string(json)) {
        rc = NGX_HTTP_GATEWAY_FIELD_OTHER;

    } else {
        rc = NGX_HTTP_GATEWAY_FIELD_STRING;

        value->len = json_string_length(json);
        value->data = ngx_pnalloc(r->pool, value->len + 1);

        if (value->data == NULL) {
            rc = NGX_HTTP_GATEWAY_FIELD_ERROR;

        } else {
            ngx_memcpy(value->data, json_string_value(json), value->len);
        }
    }

    json_decref(root);

    return rc;
}


static ngx_int_t
ngx_http_gateway_form_remove_member(ngx_http_request_t *r, ngx_str_t *body,
    const ngx_str_t *name)
{
    u_char                          *p, *last, *dst;
    json_t                          *root;
    ngx_str_t                        out;
    ngx_uint_t                       removed;
    ngx_http_gateway_form_member_t   member;

    root = ngx_http_gateway_form_object(body);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    json_decref(root);

    /* never longer than the old one: braces and commas are reused */

    out.data = ngx_pnalloc(r->pool, body->len);
    if (out.data == NULL) {
        return NGX_ERROR;
    }

    dst = out.data;
    *dst++ = '{';

    removed = 0;
    p = body->data;
    last = p + body->len;

    while ((p = ngx_http_gateway_form_member(p, last, &member)) != NULL) {

        if (ngx_http_gateway_form_member_is(&member, name)) {
            removed = 1;
            continue;
        }

        if (dst != out.data + 1) {
            *dst++ = ',';
        }

        dst = ngx_cpymem(dst, member.raw.data, member.raw.len);
    }

    if (!removed) {
        return NGX_DECLINED;
    }

    *dst++ = '}';
    out.len = dst - out.data;
    *body = out;

    return NGX_OK;
}


json_t *
ngx_http_gateway_form_object(const ngx_str_t *body)
{
    json_t  *root;

    root = json_loadb((char *) body->data, body->len,
                      JSON_ALLOW_NUL|JSON_DECODE_INT_AS_REAL, NULL);

    if (root && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }

    return root;
}


/*
 * Takes the next member of the outermost object; p is the beginning of the
 * text or what the previous call returned.  NULL after the last one.  The
 * text is known to be valid, and yet the end is never passed.
 */

u_char *
ngx_http_gateway_form_member(u_char *p, u_char *last,
    ngx_http_gateway_form_member_t *member)
{
    p = ngx_http_gateway_form_skip_blanks(p, last);

    /* "{" before the first member, "," before another, "}" at the end */

    if (p == last || (*p != '{' && *p != ',')) {
        return NULL;
    }

    p = ngx_http_gateway_form_skip_blanks(p + 1, last);

    if (p == last || *p != '"') {
        return NULL;
    }

    member->key.data = p;
    member->raw.data = p;

    p = ngx_http_gateway_form_skip_string(p, last);
    member->key.len = p - member->key.data;

    p = ngx_http_gateway_form_skip_blanks(p, last);

    if (p == last || *p != ':') {
        return NULL;
    }

    p = ngx_http_gateway_form_skip_blanks(p + 1, last);

    member->value.data = p;

    p = ngx_http_gateway_form_skip_value(p, last);

    member->value.len = p - member->value.data;
    member->raw.len = p - member->raw.data;

    return p;
}


static ngx_uint_t
ngx_http_gateway_form_member_is(ngx_http_gateway_form_member_t *member,
    const ngx_str_t *name)
{
    json_t      *json;
    ngx_str_t    key;
    ngx_uint_t   rc;

    key.data = member->key.data + 1;
    key.len = member->key.len - 2;

    if (ngx_strlchr(key.data, key.data + key.len, '\\') == NULL) {
        return key.len == name->len
               && ngx_strncmp(key.data, name->data, key.len) == 0;
    }

    json = json_loadb((char *) member->key.data, member->key.len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

    rc = json != NULL
         && json_string_length(json) == name->len
         && ngx_memcmp(json_string_value(json), name->data, name->len) == 0;

    json_decref(json);

    return rc;
}


static u_char *
ngx_http_gateway_form_skip_blanks(u_char *p, u_char *last)
{
    while (p < last
           && (*p == ' ' || *p == '\t' || *p == CR || *p == LF))
    {
        p++;
    }

    return p;
}


/* p is at the opening quote */

static u_char *
ngx_http_gateway_form_skip_string(u_char *p, u_char *last)
{
    for (p++; p < last; p++) {

        if (*p == '\\') {
            p++;

        } else if (*p == '"') {
            return p + 1;
        }
    }

    return last;
}


static u_char *
ngx_http_gateway_form_skip_value(u_char *p, u_char *last)
{
    ngx_uint_t  depth;

    depth = 0;

    while (p < last) {

        switch (*p) {

        case '"':
            p = ngx_http_gateway_form_skip_string(p, last);

            if (depth == 0) {
                return p;
            }

            continue;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':

            if (depth == 0) {
                return p;
            }

            if (--depth == 0) {
                return p + 1;
            }

            break;

        case ',':
        case ' ':
        case '\t':
        case CR:
        case LF:

            if (depth == 0) {
                return p;
            }

            break;
        }

        p++;
    }

    return last;
}


/* multipart/form-data */

static ngx_http_gateway_field_e
ngx_http_gateway_form_find_part(ngx_http_request_t *r, const ngx_str_t *body,
    const ngx_str_t *name, ngx_str_t *value)
{
    u_char                        *p, *last;
    ngx_str_t                      boundary;
    ngx_uint_t                     n;
    ngx_http_gateway_form_part_t   part;

    if (ngx_http_gateway_form_boundary(r, &boundary) != NGX_OK) {
        return NGX_HTTP_GATEWAY_FIELD_NONE;
    }

    n = 0;
    last = body->data + body->len;
    p = ngx_http_gateway_form_delimiter(body->data, last, &boundary, NULL);

    while ((p = ngx_http_gateway_form_part(p, last, &boundary, &part))
           != NULL)
    {
        if (part.name.len != name->len
            || ngx_strncmp(part.name.data, name->data, name->len) != 0)
        {
            continue;
        }

        if (n++) {
            return NGX_HTTP_GATEWAY_FIELD_LIST;
        }

        *value = part.value;
    }

    return n ? NGX_HTTP_GATEWAY_FIELD_STRING : NGX_HTTP_GATEWAY_FIELD_NONE;
}


static ngx_int_t
ngx_http_gateway_form_remove_part(ngx_http_request_t *r, ngx_str_t *body,
    const ngx_str_t *name)
{
    u_char                        *p, *last, *from, *dst;
    ngx_str_t                      out, boundary;
    ngx_http_gateway_form_part_t   part;

    if (ngx_http_gateway_form_boundary(r, &boundary) != NGX_OK) {
        return NGX_DECLINED;
    }

    out.data = ngx_pnalloc(r->pool, body->len + 1);
    if (out.data == NULL) {
        return NGX_ERROR;
    }

    dst = out.data;
    from = body->data;
    last = body->data + body->len;
    p = ngx_http_gateway_form_delimiter(body->data, last, &boundary, NULL);

    while ((p = ngx_http_gateway_form_part(p, last, &boundary, &part))
           != NULL)
    {
        if (part.name.len != name->len
            || ngx_strncmp(part.name.data, name->data, name->len) != 0)
        {
            continue;
        }

        dst = ngx_cpymem(dst, from, part.raw.data - from);
        from = part.raw.data + part.raw.len;
    }

    if (from == body->data) {
        return NGX_DECLINED;
    }

    dst = ngx_cpymem(dst, from, last - from);

    out.len = dst - out.data;
    *body = out;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_form_boundary(ngx_http_request_t *r, ngx_str_t *boundary)
{
    ngx_str_t  *type;

    type = &r->headers_in.content_type->value;

    if (ngx_http_gateway_form_param(type->data, type->data + type->len,
                                    "boundary", sizeof("boundary") - 1,
                                    boundary)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return (boundary->len && boundary->len <= NGX_HTTP_GATEWAY_FORM_BOUNDARY)
           ? NGX_OK : NGX_DECLINED;
}


/*
 * The next line that begins with "--" and the boundary, from p on, which is
 * at the beginning of a line.  *next is the line after it, or NULL when it
 * is the last delimiter.  NULL when there is none.
 */

u_char *
ngx_http_gateway_form_delimiter(u_char *p, u_char *last, ngx_str_t *boundary,
    u_char **next)
{
    u_char  *end, *q;

    while (p && p < last) {

        end = ngx_strlchr(p, last, LF);

        if ((size_t) (last - p) >= boundary->len + 2
            && p[0] == '-' && p[1] == '-'
            && ngx_memcmp(p + 2, boundary->data, boundary->len) == 0)
        {
            q = p + 2 + boundary->len;

            if (last - q >= 2 && q[0] == '-' && q[1] == '-') {
                if (next) {
                    *next = NULL;
                }

                return p;
            }

            while (q < last && (*q == ' ' || *q == '\t' || *q == CR)) {
                q++;
            }

            if (q < last && *q == LF) {
                if (next) {
                    *next = q + 1;
                }

                return p;
            }
        }

        p = end ? end + 1 : NULL;
    }

    return NULL;
}


/* takes the part that begins with the delimiter p; returns the next one */

u_char *
ngx_http_gateway_form_part(u_char *p, u_char *last, ngx_str_t *boundary,
    ngx_http_gateway_form_part_t *part)
{
    u_char  *next, *end;

    if (p == NULL) {
        return NULL;
    }

    part->raw.data = p;

    (void) ngx_http_gateway_form_delimiter(p, last, boundary, &next);

    if (next == NULL) {
        return NULL;
    }

    p = ngx_http_gateway_form_part_headers(next, last, part);

    part->value.data = p;

    p = ngx_http_gateway_form_delimiter(p, last, boundary, NULL);

    if (p == NULL) {
        return NULL;
    }

    /* the line end before a delimiter belongs to the delimiter */

    end = p;

    if (end > part->value.data && end[-1] == LF) {
        end--;
    }

    if (end > part->value.data && end[-1] == CR) {
        end--;
    }

    part->value.len = end - part->value.data;
    part->raw.len = p - part->raw.data;

    return p;
}


/* finds the field's name; returns the first byte of the content */

static u_char *
ngx_http_gateway_form_part_headers(u_char *p, u_char *last,
    ngx_http_gateway_form_part_t *part)
{
    u_char     *end, *eol;
    ngx_str_t   file;

    static u_char  disposition[] = "content-disposition:";

    ngx_str_null(&part->name);
    part->file = 0;

    while (p < last) {
        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {
            return last;
        }

        eol = (end > p && end[-1] == CR) ? end - 1 : end;

        if (eol == p) {
            return end + 1;
        }

        if ((size_t) (eol - p) > sizeof(disposition) - 1
            && ngx_strncasecmp(p, disposition, sizeof(disposition) - 1) == 0)
        {
            (void) ngx_http_gateway_form_param(p, eol, "name", 4,
                                               &part->name);

            part->file = ngx_http_gateway_form_param(p, eol, "filename", 8,
                                                     &file) == NGX_OK
                         || ngx_http_gateway_form_param(p, eol, "filename*",
                                                        9, &file) == NGX_OK;
        }

        p = end + 1;
    }

    return last;
}


/*
 * The value of a parameter after the first ";", without its quotes.  Escapes
 * are not undone: browsers write "%22", and no name we look for has any.
 */

static ngx_int_t
ngx_http_gateway_form_param(u_char *p, u_char *last, const char *name,
    size_t len, ngx_str_t *value)
{
    u_char      *start, *end;
    ngx_uint_t   found;

    p = ngx_strlchr(p, last, ';');

    while (p && p < last) {

        do {
            p++;
        } while (p < last && (*p == ' ' || *p == '\t'));

        found = (size_t) (last - p) > len
                && ngx_strncasecmp(p, (u_char *) name, len) == 0
                && p[len] == '=';

        while (p < last && *p != '=' && *p != ';') {
            p++;
        }

        if (p == last || *p == ';') {
            continue;
        }

        p++;

        if (p < last && *p == '"') {
            start = p + 1;
            p = ngx_http_gateway_form_skip_string(p, last);
            end = (p > start && p[-1] == '"') ? p - 1 : p;

            while (p < last && *p != ';') {
                p++;
            }

        } else {
            start = p;

            while (p < last && *p != ';') {
                p++;
            }

            end = p;

            while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
                end--;
            }
        }

        if (found) {
            value->data = start;
            value->len = end - start;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
