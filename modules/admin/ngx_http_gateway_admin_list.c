
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lists of entities and of tags, in pages.
 */


#include "ngx_http_gateway_admin_private.h"


static ngx_uint_t ngx_http_gateway_admin_is_number(const ngx_str_t *text);
static const char *ngx_http_gateway_admin_list_tags(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_admin_list(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list);


ngx_int_t
ngx_http_gateway_admin_list_args(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list)
{
    u_char      *p, *src, *dst;
    ngx_str_t    value, size, tags, text;
    const char  *error;

    ngx_str_null(&size);
    ngx_str_null(&tags);
    list->size = NGX_HTTP_GATEWAY_ADMIN_PAGE;

    if (ngx_http_arg(r, (u_char *) "size", 4, &size) == NGX_OK) {
        list->size = ngx_atoi(size.data, size.len);

        if (list->size < 1
            || list->size > NGX_HTTP_GATEWAY_ADMIN_MAX_PAGE)
        {
            return ngx_http_gateway_admin_error(r, 9, "invalid size", NULL,
                           ngx_http_gateway_admin_is_number(&size)
                           ? "size must be an integer between 1 and 1000"
                           : "size must be a number");
        }
    }

    if (ngx_http_arg(r, (u_char *) "offset", 6, &value) == NGX_OK) {

        text.data = ngx_pnalloc(r->pool, value.len);
        list->offset.data = ngx_pnalloc(r->pool,
                                        ngx_base64_decoded_length(value.len));

        if (text.data == NULL || list->offset.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        src = value.data;
        dst = text.data;
        ngx_unescape_uri(&dst, &src, value.len, 0);
        text.len = dst - text.data;

        if (ngx_decode_base64url(&list->offset, &text) != NGX_OK
            || list->offset.len != NGX_HTTP_GATEWAY_ADMIN_ID)
        {
            return ngx_http_gateway_admin_error(r, 7, "invalid offset", NULL,
                       "'offset' is not a valid offset: bad base64 encoding");
        }
    }

    if (ngx_http_arg(r, (u_char *) "tags", 4, &tags) == NGX_OK) {
        error = ngx_http_gateway_admin_list_tags(r, list, &tags);

        if (error) {
            return ngx_http_gateway_admin_error(r, 11, "invalid options",
                                                "tags", error);
        }
    }

    p = ngx_pnalloc(r->pool, sizeof("&tags=&size=") + tags.len + size.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the next page is asked for in the same way; checked above */

    list->args.data = p;

    if (list->parent == NULL && tags.len) {
        p = ngx_sprintf(p, "&tags=%V", &tags);
    }

    if (list->parent == NULL && size.len) {
        p = ngx_sprintf(p, "&size=%V", &size);
    }

    list->args.len = p - list->args.data;

    return ngx_http_gateway_admin_list(r, list);
}


/* "-1" and "1.5" are numbers, if no good ones */

static ngx_uint_t
ngx_http_gateway_admin_is_number(const ngx_str_t *text)
{
    size_t      i;
    ngx_uint_t  digits;

    digits = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] >= '0' && text->data[i] <= '9') {
            digits = 1;
            continue;
        }

        if (text->data[i] != '.' && (text->data[i] != '-' || i)) {
            return 0;
        }
    }

    return digits;
}


/* "a,b": all of them; "a/b": any.  NULL, or what is wrong */

static const char *
ngx_http_gateway_admin_list_tags(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list, ngx_str_t *value)
{
    u_char     *p, *last, *dst, *src, *start, separator;
    size_t      i;
    ngx_str_t  *tag;

    p = ngx_pnalloc(r->pool, value->len + 1);
    if (p == NULL) {
        return "no memory";
    }

    src = value->data;
    dst = p;
    ngx_unescape_uri(&dst, &src, value->len, 0);
    last = dst;

    if (last == p) {
        return "cannot be null";
    }

    list->any = ngx_strlchr(p, last, '/') != NULL;
    separator = list->any ? '/' : ',';

    if (list->any && ngx_strlchr(p, last, ',')) {
        return "invalid filter syntax";
    }

    for (i = 0; i < value->len; i++) {

        /* it comes back in JSON */

        if (value->data[i] == '"' || value->data[i] == '\\') {
            return "invalid filter syntax";
        }
    }

    for ( /* void */ ; p < last; p++) {

        start = p;

        while (p < last && *p != separator) {
            if (*p < ' ' || *p == 0x7f) {
                return "invalid filter syntax";
            }

            p++;
        }

        if (p == start) {
            continue;
        }

        if (list->ntags == NGX_HTTP_GATEWAY_ADMIN_TAGS) {
            return "cannot query more than 5 tags";
        }

        /* as the file has it */

        tag = &list->tags[list->ntags++];
        tag->data = ngx_pnalloc(r->pool, 3 * (p - start));

        if (tag->data == NULL) {
            return "no memory";
        }

        dst = tag->data;

        for (src = start; src < p; src++) {
            if (*src == ' ' || *src == '%') {
                dst = ngx_sprintf(dst, "%%%02XD", (uint32_t) *src);

            } else {
                *dst++ = *src;
            }
        }

        tag->len = dst - tag->data;
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_admin_list(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list)
{
    off_t                                 size;
    u_char                               *p, *start;
    ngx_int_t                             n;
    ngx_str_t                             id, token;
    ngx_uint_t                            i, k;
    ngx_chain_t                          *out, **last;
    const ngx_http_gateway_admin_item_t  *item, *next;
    ngx_http_gateway_admin_srv_conf_t    *ascf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_admin_module);
    item = ascf->items->elts;

    out = NULL;
    last = &out;
    size = 0;
    next = NULL;
    n = 0;

    if (ngx_http_gateway_admin_add(r, &last, &size, (u_char *) "{\"data\":[",
                                   sizeof("{\"data\":[") - 1)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < ascf->items->nelts; i++) {

        if (item[i].kind.len != list->kind->len
            || ngx_strncmp(item[i].kind.data, list->kind->data,
                           list->kind->len) != 0)
        {
            continue;
        }

        /* they are ordered by their ids */

        if (list->offset.len
            && ngx_strncmp(item[i].id.data, list->offset.data,
                           NGX_HTTP_GATEWAY_ADMIN_ID) < 0)
        {
            continue;
        }

        if (list->parent
            && (!ngx_http_gateway_admin_ref(&item[i], list->ref, &id)
                || ngx_strncmp(id.data, list->parent->id.data, id.len) != 0))
        {
            continue;
        }

        for (k = 0; k < list->ntags; k++) {
            if (ngx_http_gateway_admin_tagged(&item[i], &list->tags[k])
                == list->any)
            {
                break;
            }
        }

        /* "any" ends with the first that it has, "all" with one it has not */

        if (list->ntags && (k < list->ntags) != list->any) {
            continue;
        }

        if (n == list->size) {
            next = &item[i];
            break;
        }

        if ((n && ngx_http_gateway_admin_add(r, &last, &size, (u_char *) ",",
                                             1) != NGX_OK)
            || ngx_http_gateway_admin_add(r, &last, &size, item[i].json.data,
                                          item[i].json.len) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        n++;
    }

    ngx_str_null(&token);

    if (next) {
        token.data = ngx_pnalloc(r->pool,
                                 ngx_base64_encoded_length(next->id.len));
        if (token.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_encode_base64url(&token, (ngx_str_t *) &next->id);
    }

    start = ngx_pnalloc(r->pool, 64 + list->base.len + 2 * token.len
                                 + list->args.len);
    if (start == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (next) {
        p = ngx_sprintf(start, "],\"offset\":\"%V\",\"next\":\"/%V?offset=%V"
                               "%V\"}",
                        &token, &list->base, &token, &list->args);

    } else {
        p = ngx_sprintf(start, "],\"next\":null}");
    }

    if (ngx_http_gateway_admin_add(r, &last, &size, start, p - start)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK,
                                        &ngx_http_gateway_admin_json, out,
                                        size);
}


ngx_int_t
ngx_http_gateway_admin_tag_list(ngx_http_request_t *r, const ngx_str_t *only)
{
    off_t                                 size;
    u_char                               *p, *q, *end, *text, *dst, *src;
    size_t                                len;
    ngx_uint_t                            i, n;
    ngx_chain_t                          *out, **last;
    const ngx_http_gateway_admin_item_t  *item;
    ngx_http_gateway_admin_srv_conf_t    *ascf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_admin_module);
    item = ascf->items->elts;

    out = NULL;
    last = &out;
    size = 0;
    n = 0;

    if (ngx_http_gateway_admin_add(r, &last, &size, (u_char *) "{\"data\":[",
                                   sizeof("{\"data\":[") - 1)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < ascf->items->nelts; i++) {

        end = item[i].tags.data + item[i].tags.len;

        for (p = item[i].tags.data; p < end; p = q + 1) {

            q = ngx_strlchr(p, end, ',');

            if (q == NULL) {
                q = end;
            }

            len = q - p;
            text = ngx_pnalloc(r->pool, len + 6 * len + 128
                                        + item[i].kind.len);
            if (text == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            src = p;
            dst = text;
            ngx_unescape_uri(&dst, &src, len, 0);
            len = dst - text;

            if (only && (only->len != len
                         || ngx_strncmp(only->data, text, len) != 0))
            {
                continue;
            }

            dst = ngx_sprintf(text + len, "%s{\"entity_name\":\"%V\","
                                          "\"entity_id\":\"%V\",\"tag\":\"",
                              n++ ? "," : "", &item[i].kind, &item[i].id);
            dst = (u_char *) ngx_escape_json(dst, text, len);
            dst = ngx_cpymem(dst, "\"}", 2);

            if (ngx_http_gateway_admin_add(r, &last, &size, text + len,
                                           dst - text - len)
                != NGX_OK)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }
    }

    if (ngx_http_gateway_admin_add(r, &last, &size,
                                   (u_char *) "],\"next\":null}",
                                   sizeof("],\"next\":null}") - 1)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK,
                                        &ngx_http_gateway_admin_json, out,
                                        size);
}
