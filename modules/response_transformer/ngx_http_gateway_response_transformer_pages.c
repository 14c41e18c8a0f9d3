
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Which page a client gets: the one whose type its Accept (RFC 9110, 12.5.1)
 * likes best, of equals the first.
 */


#include "ngx_http_gateway_response_transformer.h"
#include "ngx_http_gateway_headers.h"


static ngx_uint_t ngx_http_gateway_response_quality(ngx_http_request_t *r,
    ngx_str_t *type);
static ngx_uint_t ngx_http_gateway_response_range_fits(ngx_str_t *range,
    ngx_str_t *type);
static ngx_uint_t ngx_http_gateway_response_weight(u_char *p, u_char *last);


ngx_http_gateway_response_page_t *
ngx_http_gateway_response_page(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status)
{
    ngx_str_t                          type;
    ngx_uint_t                         i, q, best;
    ngx_http_gateway_response_page_t  *page, *found;

    best = 0;
    found = NULL;
    page = rtcf->pages.elts;

    for (i = 0; i < rtcf->pages.nelts; i++) {

        if (status < page[i].range.from || status > page[i].range.to) {
            continue;
        }

        /* parameters are not compared */

        type = page[i].type;
        type.len = ngx_strlchr(type.data, type.data + type.len, ';')
                   ? (size_t) (ngx_strlchr(type.data, type.data + type.len,
                                           ';')
                               - type.data)
                   : type.len;

        q = ngx_http_gateway_response_quality(r, &type);

        if (found == NULL || q > best) {
            found = &page[i];
            best = q;
        }
    }

    return found;
}


/* 0 .. 1000; the most specific range that fits decides */

static ngx_uint_t
ngx_http_gateway_response_quality(ngx_http_request_t *r, ngx_str_t *type)
{
    u_char           *p, *last, *end;
    ngx_str_t         range;
    ngx_uint_t        n, fits, best, quality, any;
    ngx_table_elt_t  *h;

    static ngx_str_t  accept = ngx_string("accept");

    best = 0;
    quality = 0;
    any = 0;

    for (n = 0; (h = ngx_http_gateway_header_in(r, &accept, n)) != NULL; n++)
    {
        any = 1;
        p = h->value.data;
        last = p + h->value.len;

        while (p < last) {

            while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
                p++;
            }

            end = ngx_strlchr(p, last, ',');

            if (end == NULL) {
                end = last;
            }

            range.data = p;

            while (p < end && *p != ';' && *p != ' ' && *p != '\t') {
                p++;
            }

            range.len = p - range.data;

            fits = ngx_http_gateway_response_range_fits(&range, type);

            if (fits > best) {
                best = fits;
                quality = ngx_http_gateway_response_weight(p, end);
            }

            p = end;
        }
    }

    return any ? quality : 1000;
}


/* 3 for the type itself, 2 for its family, 1 for all, or 0 */

static ngx_uint_t
ngx_http_gateway_response_range_fits(ngx_str_t *range, ngx_str_t *type)
{
    size_t   family;
    u_char  *slash;

    if (range->len == type->len
        && ngx_strncasecmp(range->data, type->data, type->len) == 0)
    {
        return 3;
    }

    if (range->len == 3 && ngx_strncmp(range->data, "*/*", 3) == 0) {
        return 1;
    }

    slash = ngx_strlchr(type->data, type->data + type->len, '/');
    family = slash ? (size_t) (slash + 1 - type->data) : 0;

    return (family && range->len == family + 1
            && range->data[family] == '*'
            && ngx_strncasecmp(range->data, type->data, family) == 0)
           ? 2 : 0;
}


/* "q=0.5" in what follows a range, in thousandths */

static ngx_uint_t
ngx_http_gateway_response_weight(u_char *p, u_char *last)
{
    ngx_uint_t  weight, unit;

    for ( /* void */ ; p < last; p++) {

        if (*p != ';') {
            continue;
        }

        do {
            p++;
        } while (p < last && (*p == ' ' || *p == '\t'));

        if (last - p < 3 || (*p | 0x20) != 'q' || p[1] != '=') {
            p--;
            continue;
        }

        if (p[2] != '0') {
            return 1000;
        }

        weight = 0;
        unit = 100;

        for (p += 4; p < last && *p >= '0' && *p <= '9' && unit; p++) {
            weight += (*p - '0') * unit;
            unit /= 10;
        }

        return weight;
    }

    return 1000;
}
