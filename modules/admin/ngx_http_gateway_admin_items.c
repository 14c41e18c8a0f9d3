
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the file of the compiler has, a line for each entity and document, read
 * with the configuration.  Its lines are
 *
 *     kind  id  key  references  tags  JSON
 *
 * separated by tabs.
 */


#include "ngx_http_gateway_admin_private.h"


static char *ngx_http_gateway_admin_parse(ngx_conf_t *cf,
    ngx_array_t *items, ngx_str_t *text);


const ngx_http_gateway_admin_item_t *
ngx_http_gateway_admin_find(ngx_http_request_t *r, const ngx_str_t *kind,
    const ngx_str_t *key)
{
    ngx_str_t                             id;
    ngx_uint_t                            i;
    const ngx_http_gateway_admin_item_t  *item, *sni;
    ngx_http_gateway_admin_srv_conf_t    *ascf;

    static ngx_str_t  snis = ngx_string("snis");

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_admin_module);
    item = ascf->items->elts;

    for (i = 0; i < ascf->items->nelts; i++) {

        if (item[i].kind.len != kind->len
            || ngx_strncmp(item[i].kind.data, kind->data, kind->len) != 0)
        {
            continue;
        }

        if (item[i].id.len == key->len
            && ngx_strncasecmp(item[i].id.data, key->data, key->len) == 0)
        {
            return &item[i];
        }

        if (item[i].key.len == key->len
            && ngx_strncmp(item[i].key.data, key->data, key->len) == 0
            && (key->len || item[i].kind.data[0] == '@'))
        {
            return &item[i];
        }
    }

    /* a certificate has no name, but those it is for */

    if (kind->len == sizeof("certificates") - 1
        && ngx_strncmp(kind->data, "certificates", kind->len) == 0
        && key->len != NGX_HTTP_GATEWAY_ADMIN_ID)
    {
        sni = ngx_http_gateway_admin_find(r, &snis, key);

        if (sni && ngx_http_gateway_admin_ref(sni, "certificate", &id)) {
            return ngx_http_gateway_admin_find(r, kind, &id);
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_gateway_admin_ref(const ngx_http_gateway_admin_item_t *item,
    const char *name, ngx_str_t *id)
{
    u_char  *p, *last;
    size_t   len;

    len = ngx_strlen(name);
    p = item->refs.data;
    last = p + item->refs.len;

    while (p < last) {

        if ((size_t) (last - p) > len + NGX_HTTP_GATEWAY_ADMIN_ID
            && ngx_strncmp(p, name, len) == 0 && p[len] == '=')
        {
            id->data = p + len + 1;
            id->len = NGX_HTTP_GATEWAY_ADMIN_ID;
            return 1;
        }

        p = ngx_strlchr(p, last, ',');

        if (p == NULL) {
            break;
        }

        p++;
    }

    return 0;
}


ngx_uint_t
ngx_http_gateway_admin_tagged(const ngx_http_gateway_admin_item_t *item,
    const ngx_str_t *tag)
{
    u_char  *p, *last, *comma;

    p = item->tags.data;
    last = p + item->tags.len;

    while (p < last) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        if ((size_t) (comma - p) == tag->len
            && ngx_strncmp(p, tag->data, tag->len) == 0)
        {
            return 1;
        }

        p = comma + 1;
    }

    return 0;
}


char *
ngx_http_gateway_admin_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_admin_srv_conf_t  *ascf = conf;

    char             *rv;
    size_t            size;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_str_t        *value, name, text;
    ngx_file_info_t   fi;

    if (ascf->items) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &name);
        goto done;
    }

    size = (size_t) ngx_file_size(&fi);

    text.len = size;
    text.data = ngx_pnalloc(cf->pool, size + 1);
    ascf->items = ngx_array_create(cf->pool, 64,
                                   sizeof(ngx_http_gateway_admin_item_t));

    if (text.data == NULL || ascf->items == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, text.data, size);

    if (n != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n == -1 ? ngx_errno : 0,
                           ngx_read_fd_n " \"%V\" failed", &name);
        goto done;
    }

    rv = ngx_http_gateway_admin_parse(cf, ascf->items, &text);

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &name);
    }

    return rv;
}


static char *
ngx_http_gateway_admin_parse(ngx_conf_t *cf, ngx_array_t *items,
    ngx_str_t *text)
{
    u_char                         *p, *end, *last, *tab, *src, *dst, *q;
    ngx_str_t                       cells[6];
    ngx_uint_t                      i, times;
    ngx_http_gateway_admin_item_t  *item;

    p = text->data;
    last = p + text->len;

    while (p < last) {

        end = ngx_strlchr(p, last, '\n');

        if (end == NULL) {
            end = last;
        }

        for (i = 0; i < 6; i++) {
            tab = (i < 5) ? ngx_strlchr(p, end, '\t') : end;

            if (tab == NULL) {
                return "names a file that is not one of ngx-gateway";
            }

            cells[i].data = p;
            cells[i].len = tab - p;
            p = tab + 1;
        }

        item = ngx_array_push(items);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        item->kind = cells[0];
        item->id = cells[1];
        item->refs = cells[3];
        item->tags = cells[4];
        item->json = cells[5];

        src = cells[2].data;
        dst = src;
        ngx_unescape_uri(&dst, &src, cells[2].len, 0);
        item->key.data = cells[2].data;
        item->key.len = dst - cells[2].data;

        times = 0;

        for (q = item->json.data; q < end; q++) {
            times += (*q == '\1');
        }

        if (times == 0) {
            continue;
        }

        /* what the file says nothing about was made just now */

        dst = ngx_pnalloc(cf->pool, item->json.len + times * NGX_TIME_T_LEN);
        if (dst == NULL) {
            return NGX_CONF_ERROR;
        }

        src = item->json.data;
        item->json.data = dst;

        for ( /* void */ ; src < end; src++) {
            if (*src == '\1') {
                dst = ngx_sprintf(dst, "%T", ngx_time());

            } else {
                *dst++ = *src;
            }
        }

        item->json.len = dst - item->json.data;
    }

    return NGX_CONF_OK;
}
