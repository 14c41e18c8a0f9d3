
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Entries on the listener for administration: shown and removed by their
 * keys, as they stand in X-Cache-Key.
 */


#include "ngx_http_gateway_proxy_cache.h"
#include "ngx_http_gateway_admin.h"
#include "ngx_http_gateway_status.h"
#include "gateway_digest.h"


static const ngx_str_t *ngx_http_gateway_proxy_cache_allow(
    ngx_str_t *segments, ngx_uint_t n);
static ngx_int_t ngx_http_gateway_proxy_cache_admin(ngx_http_request_t *r,
    ngx_str_t *segments, ngx_uint_t n);
static u_char *ngx_http_gateway_proxy_cache_show_head(u_char *p,
    ngx_str_t *text);
static ngx_uint_t ngx_http_gateway_proxy_cache_same_name(ngx_str_t *one,
    ngx_str_t *two);
static u_char *ngx_http_gateway_proxy_cache_show_text(u_char *p,
    ngx_str_t *text);
static ngx_int_t ngx_http_gateway_proxy_cache_show(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_entry_t *entry);


static const char  *ngx_http_gateway_proxy_cache_paths[] = {
    "/proxy-cache",
    "/proxy-cache/{cache_key}",
    "/proxy-cache/{plugin_id}/caches/{cache_key}",
    NULL
};


static ngx_http_gateway_admin_route_t  ngx_http_gateway_proxy_cache_route = {
    ngx_string("proxy-cache"),
    ngx_http_gateway_proxy_cache_paths,
    ngx_http_gateway_proxy_cache_allow,
    ngx_http_gateway_proxy_cache_admin
};


ngx_int_t
ngx_http_gateway_proxy_cache_add_routes(ngx_conf_t *cf)
{
    return ngx_http_gateway_admin_route_add(cf,
                                         &ngx_http_gateway_proxy_cache_route);
}


static const ngx_str_t *
ngx_http_gateway_proxy_cache_allow(ngx_str_t *segments, ngx_uint_t n)
{
    static ngx_str_t  all = ngx_string("DELETE, OPTIONS");
    static ngx_str_t  one = ngx_string("DELETE, GET, HEAD, OPTIONS");

    if (n == 1) {
        return &all;
    }

    if (n == 2
        || (n == 4 && segments[2].len == sizeof("caches") - 1
            && ngx_strncmp(segments[2].data, "caches", sizeof("caches") - 1)
               == 0))
    {
        return &one;
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_admin(ngx_http_request_t *r,
    ngx_str_t *segments, ngx_uint_t n)
{
    u_char                                 key[GATEWAY_DIGEST_LEN];
    ngx_int_t                              rc, found;
    ngx_uint_t                             i;
    ngx_array_t                           *all;
    ngx_http_gateway_proxy_cache_conf_t  **conf;
    ngx_http_gateway_proxy_cache_entry_t   entry;
    ngx_http_gateway_proxy_cache_place_t   place;

    all = ngx_http_gateway_proxy_cache_instances();
    conf = all->elts;

    if (n > 1
        && gateway_digest_parse(key, (char *) segments[n - 1].data,
                                segments[n - 1].len)
           != 0)
    {
        return ngx_http_gateway_status_send(r, NGX_HTTP_NOT_FOUND, NULL, NULL,
                                            0);
    }

    found = NGX_DECLINED;

    for (i = 0; i < all->nelts; i++) {

        if (n == 1) {
            rc = ngx_http_gateway_proxy_cache_flush(conf[i]->store);

        } else if (n == 4
                   && (conf[i]->id.len != segments[1].len
                       || ngx_memcmp(conf[i]->id.data, segments[1].data,
                                     segments[1].len)
                          != 0))
        {
            continue;

        } else if (r->method == NGX_HTTP_DELETE) {
            rc = ngx_http_gateway_proxy_cache_remove(conf[i]->store, key);

        } else {
            rc = ngx_http_gateway_proxy_cache_find(conf[i]->store, key,
                                                   &entry, &place);
            if (rc == NGX_OK) {
                rc = ngx_http_gateway_proxy_cache_read(conf[i]->store,
                                                       r->pool, &entry,
                                                       &place);
            }

            if (rc == NGX_OK) {
                return ngx_http_gateway_proxy_cache_show(r, &entry);
            }
        }

        if (rc == NGX_BUSY || rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (rc == NGX_OK) {
            found = NGX_OK;
        }
    }

    return ngx_http_gateway_status_send(r,
                                        (n == 1 || found == NGX_OK)
                                        ? NGX_HTTP_NO_CONTENT
                                        : NGX_HTTP_NOT_FOUND,
                                        NULL, NULL, 0);
}


/* members of an object; of a name that comes again, an array of its values */

static u_char *
ngx_http_gateway_proxy_cache_show_head(u_char *p, ngx_str_t *text)
{
    ngx_str_t    head, rest, name, value, other, more;
    ngx_uint_t   n;

    head = *text;

    while (ngx_http_gateway_proxy_cache_next_header(&head, &name, &value)) {

        rest = *text;

        while (ngx_http_gateway_proxy_cache_next_header(&rest, &other, &more)
               && !ngx_http_gateway_proxy_cache_same_name(&other, &name))
        {
            /* void */
        }

        if (other.data != name.data) {
            /* it was there already */
            continue;
        }

        if (name.data != text->data + 2 * sizeof(uint32_t)) {
            *p++ = ',';
        }

        p = ngx_http_gateway_proxy_cache_show_text(p, &name);
        *p++ = ':';

        rest = head;
        n = 0;

        while (ngx_http_gateway_proxy_cache_next_header(&rest, &other, &more))
        {
            if (!ngx_http_gateway_proxy_cache_same_name(&other, &name)) {
                continue;
            }

            if (n++ == 0) {
                *p++ = '[';
                p = ngx_http_gateway_proxy_cache_show_text(p, &value);
            }

            *p++ = ',';
            p = ngx_http_gateway_proxy_cache_show_text(p, &more);
        }

        if (n) {
            *p++ = ']';

        } else {
            p = ngx_http_gateway_proxy_cache_show_text(p, &value);
        }
    }

    return p;
}


static ngx_uint_t
ngx_http_gateway_proxy_cache_same_name(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_strncasecmp(one->data, two->data, one->len) == 0;
}


static u_char *
ngx_http_gateway_proxy_cache_show_text(u_char *p, ngx_str_t *text)
{
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, text->data, text->len);
    *p++ = '"';

    return p;
}


/* {"status":..,"headers":{..},"body":"..",...} */

static ngx_int_t
ngx_http_gateway_proxy_cache_show(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_entry_t *entry)
{
    u_char       *p, *start;
    size_t        size;
    ngx_buf_t    *b;
    ngx_chain_t  *out;

    static ngx_str_t  type = ngx_string("application/json; charset=utf-8");

    /* at worst each byte becomes six; a header has six more characters */

    size = 256 + 6 * (entry->head.len + entry->body.len)
           + entry->head.len;

    start = ngx_pnalloc(r->pool, size);
    b = ngx_calloc_buf(r->pool);
    out = ngx_alloc_chain_link(r->pool);

    if (start == NULL || b == NULL || out == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(start, "{\"status\":%ui,\"timestamp\":%T,\"ttl\":%T,"
                           "\"version\":1,\"body_len\":%uz,\"headers\":{",
                    entry->status, entry->timestamp, entry->ttl,
                    entry->body.len);

    p = ngx_http_gateway_proxy_cache_show_head(p, &entry->head);

    p = ngx_cpymem(p, "},\"body\":\"", sizeof("},\"body\":\"") - 1);
    p = (u_char *) ngx_escape_json(p, entry->body.data, entry->body.len);
    *p++ = '"';
    *p++ = '}';

    b->pos = start;
    b->last = p;
    b->memory = 1;

    out->buf = b;
    out->next = NULL;

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK, &type, out,
                                        p - start);
}
