
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Request and response headers as lists that can be searched, changed and
 * shortened.  Costs a few instructions per header of the request; only a
 * removal that finds something walks the pointers of r->headers_in too.
 */


#include "ngx_http_gateway_headers.h"


static ngx_uint_t ngx_http_gateway_header_is(ngx_table_elt_t *h,
    const ngx_str_t *lowcase);
static void ngx_http_gateway_header_name_init(
    ngx_http_gateway_header_name_t *header);
static ngx_inline void ngx_http_gateway_header_in_fill(ngx_table_elt_t *h,
    ngx_http_gateway_header_name_t *header, const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_header_in_multi(ngx_uint_t offset);
static ngx_int_t ngx_http_gateway_header_in_link(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_uint_t offset);
static ngx_uint_t ngx_http_gateway_header_in_prune(ngx_http_request_t *r,
    const ngx_str_t *lowcase, ngx_table_elt_t *keep);
static ngx_uint_t ngx_http_gateway_header_pending_prune(
    ngx_http_gateway_ctx_t *ctx, const ngx_str_t *lowcase,
    ngx_table_elt_t *keep);
static void ngx_http_gateway_header_in_forget(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_table_elt_t *end);


/*
 * Places in r->headers_out that make nginx send or change a header.  Those of
 * Server and Date are not cleared: a pointer to a removed element keeps nginx
 * from adding its own.  Cache-Control, Link and the like stay as well, their
 * users skip elements without a hash.
 */

static const size_t  ngx_http_gateway_headers_out[] = {
    offsetof(ngx_http_headers_out_t, content_length),
    offsetof(ngx_http_headers_out_t, content_encoding),
    offsetof(ngx_http_headers_out_t, location),
    offsetof(ngx_http_headers_out_t, refresh),
    offsetof(ngx_http_headers_out_t, last_modified),
    offsetof(ngx_http_headers_out_t, content_range),
    offsetof(ngx_http_headers_out_t, accept_ranges),
    offsetof(ngx_http_headers_out_t, expires),
    offsetof(ngx_http_headers_out_t, etag),
    0
};


/* ngx_http_gateway_get_ctx() for the usual case */

static ngx_inline ngx_http_gateway_ctx_t *
ngx_http_gateway_headers_ctx(ngx_http_request_t *r)
{
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_gateway_module);

    return ctx ? ctx : ngx_http_gateway_get_ctx(r);
}


ngx_table_elt_t *
ngx_http_gateway_header_in(ngx_http_request_t *r, const ngx_str_t *lowcase,
    ngx_uint_t n)
{
    ngx_uint_t               i;
    ngx_list_part_t         *part;
    ngx_table_elt_t         *h;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_headers_ctx(r);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == lowcase->len
                && ngx_http_gateway_header_is(&h[i], lowcase)
                && n-- == 0)
            {
                return &h[i];
            }
        }
    }

    if (ctx) {
        h = ctx->pending;

        for (i = 0; i < ctx->npending; i++) {

            if (h[i].key.len == lowcase->len
                && ngx_http_gateway_header_is(&h[i], lowcase)
                && n-- == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_gateway_header_in_find(ngx_http_request_t *r,
    const ngx_str_t *lowcase, ngx_table_elt_t **h)
{
    size_t                   len;
    ngx_uint_t               n;
    ngx_list_part_t         *part;
    ngx_table_elt_t         *header, *last;
    ngx_http_gateway_ctx_t  *ctx;

    n = 0;
    len = lowcase->len;
    part = &r->headers_in.headers.part;
    ctx = ngx_http_gateway_headers_ctx(r);

    for ( ;; ) {

        if (part) {
            header = part->elts;
            last = header + part->nelts;
            part = part->next;

        } else if (ctx && ctx->npending) {
            header = ctx->pending;
            last = header + ctx->npending;
            ctx = NULL;

        } else {
            return n;
        }

        for ( /* void */ ; header < last; header++) {

            if (header->key.len != len
                || !ngx_http_gateway_header_is(header, lowcase))
            {
                continue;
            }

            if (n == 1) {
                return 2;
            }

            *h = header;
            n = 1;
        }
    }
}


ngx_int_t
ngx_http_gateway_header_in_set(ngx_http_request_t *r, const ngx_str_t *name,
    const ngx_str_t *lowcase, const ngx_str_t *value)
{
    ngx_http_gateway_header_name_t  header;

    header.name = *name;
    header.lowcase = *lowcase;
    header.hash = 0;
    header.offset = 0;

    return ngx_http_gateway_header_in_put(r, &header, value);
}


uint64_t
ngx_http_gateway_header_in_marks(ngx_http_request_t *r)
{
    uint64_t                 marks;
    ngx_uint_t               i;
    ngx_list_part_t         *part;
    ngx_table_elt_t         *h;
    ngx_http_gateway_ctx_t  *ctx;

    marks = 0;
    part = &r->headers_in.headers.part;

    do {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len) {
                marks |= ngx_http_gateway_header_mark(&h[i].key);
            }
        }

        part = part->next;

    } while (part);

    ctx = ngx_http_gateway_headers_ctx(r);

    if (ctx) {
        h = ctx->pending;

        for (i = 0; i < ctx->npending; i++) {
            if (h[i].key.len) {
                marks |= ngx_http_gateway_header_mark(&h[i].key);
            }
        }
    }

    return marks;
}


ngx_int_t
ngx_http_gateway_header_in_put(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t *header, const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_http_gateway_header_in(r, &header->lowcase, 0);

    if (h == NULL) {
        return ngx_http_gateway_header_in_add(r, header, value);
    }

    /* the first one keeps its place, and with it the pointers to it */

    h->key = header->name;
    h->value = *value;

    (void) ngx_http_gateway_header_in_prune(r, &header->lowcase, h);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_header_in_add(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t *header, const ngx_str_t *value)
{
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_line_t   line;

    if (header->hash == 0) {
        ngx_http_gateway_header_name_init(header);
    }

    if (header->offset == 0) {
        line.header = header;
        line.value = value;

        return ngx_http_gateway_header_in_add_lines(r, &line, 1);
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_header_in_fill(h, header, value);

    return ngx_http_gateway_header_in_link(r, h, header->offset);
}


ngx_int_t
ngx_http_gateway_header_in_add_lines(ngx_http_request_t *r,
    ngx_http_gateway_header_line_t *lines, ngx_uint_t n)
{
    ngx_uint_t               i;
    ngx_list_part_t         *last;
    ngx_table_elt_t         *h;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_headers_ctx(r);
    last = r->headers_in.headers.last;

    if (ctx && ctx->service && ctx->service->headers_block
        && ctx->npending + n <= NGX_HTTP_GATEWAY_MAX_PENDING)
    {
        if (ctx->pending == NULL) {
            ctx->pending = ngx_palloc(r->pool, NGX_HTTP_GATEWAY_MAX_PENDING
                                               * sizeof(ngx_table_elt_t));
            if (ctx->pending == NULL) {
                return NGX_ERROR;
            }
        }

        h = &ctx->pending[ctx->npending];
        ctx->npending += n;

    } else if (last->nelts + n <= r->headers_in.headers.nalloc) {

        /* what ngx_list_push() would do */

        h = (ngx_table_elt_t *) last->elts + last->nelts;
        last->nelts += n;

    } else {

        for (i = 0; i < n; i++) {
            h = ngx_list_push(&r->headers_in.headers);
            if (h == NULL) {
                return NGX_ERROR;
            }

            ngx_http_gateway_header_in_fill(h, lines[i].header,
                                            lines[i].value);
        }

        return NGX_OK;
    }

    for (i = 0; i < n; i++) {
        ngx_http_gateway_header_in_fill(&h[i], lines[i].header,
                                        lines[i].value);
    }

    return NGX_OK;
}


static ngx_inline void
ngx_http_gateway_header_in_fill(ngx_table_elt_t *h,
    ngx_http_gateway_header_name_t *header, const ngx_str_t *value)
{
    if (header->hash == 0) {
        ngx_http_gateway_header_name_init(header);
    }

    /* the true hash: the proxy finds names of proxy_set_header by it */

    h->hash = header->hash;
    h->key = header->name;
    h->value = *value;
    h->lowcase_key = header->lowcase.data;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
}


ngx_uint_t
ngx_http_gateway_header_in_remove(ngx_http_request_t *r,
    const ngx_str_t *lowcase)
{
    return ngx_http_gateway_header_in_prune(r, lowcase, NULL);
}


ngx_table_elt_t *
ngx_http_gateway_header_out_add(ngx_http_request_t *r, const ngx_str_t *name,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key = *name;
    h->value = *value;
    h->lowcase_key = NULL;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return h;
}


void
ngx_http_gateway_header_out_remove(ngx_http_request_t *r,
    const ngx_str_t *name)
{
    ngx_uint_t                i, n;
    ngx_list_part_t          *part;
    ngx_table_elt_t          *h, **known;
    ngx_http_headers_out_t   *out;

    out = &r->headers_out;

    for (part = &out->headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != name->len
                || ngx_strncasecmp(h[i].key.data, name->data, name->len) != 0)
            {
                continue;
            }

            h[i].hash = 0;

            for (n = 0; ngx_http_gateway_headers_out[n]; n++) {
                known = (ngx_table_elt_t **)
                              ((char *) out + ngx_http_gateway_headers_out[n]);

                if (*known != &h[i]) {
                    continue;
                }

                *known = NULL;

                if (known == &out->content_length) {
                    out->content_length_n = -1;

                } else if (known == &out->last_modified) {
                    out->last_modified_time = -1;
                }
            }
        }
    }
}


/* the lengths are the same, callers have seen to that */

static ngx_uint_t
ngx_http_gateway_header_is(ngx_table_elt_t *h, const ngx_str_t *lowcase)
{
    if (lowcase->len == 0) {
        return 0;
    }

    /* not every module that adds a request header fills lowcase_key */

    if (h->lowcase_key == NULL) {
        return ngx_strncasecmp(h->key.data, lowcase->data, lowcase->len) == 0;
    }

    /* names of one length differ at the end more often than at "x-" */

    return h->lowcase_key[lowcase->len - 1] == lowcase->data[lowcase->len - 1]
           && ngx_memcmp(h->lowcase_key, lowcase->data, lowcase->len) == 0;
}


static void
ngx_http_gateway_header_name_init(ngx_http_gateway_header_name_t *header)
{
    ngx_http_header_t  *hh;

    header->hash = ngx_hash_key(header->lowcase.data, header->lowcase.len);

    for (hh = ngx_http_headers_in; hh->name.len; hh++) {

        if (hh->name.len == header->name.len
            && ngx_strncasecmp(hh->name.data, header->name.data,
                               hh->name.len)
               == 0)
        {
            header->offset = hh->offset;
            return;
        }
    }
}


/* before nginx 1.23 some places in r->headers_in are arrays of pointers */

static ngx_uint_t
ngx_http_gateway_header_in_multi(ngx_uint_t offset)
{
#if (nginx_version < 1023000)

    if (offset == offsetof(ngx_http_headers_in_t, cookies)) {
        return 1;
    }

#if (NGX_HTTP_X_FORWARDED_FOR)
    if (offset == offsetof(ngx_http_headers_in_t, x_forwarded_for)) {
        return 1;
    }
#endif

#endif

    return 0;
}


/* what nginx's own header parser does, less what it derives from values */

static ngx_int_t
ngx_http_gateway_header_in_link(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t offset)
{
    char             *place;
    ngx_array_t      *array;
    ngx_table_elt_t  **ph;

    place = (char *) &r->headers_in + offset;

    if (ngx_http_gateway_header_in_multi(offset)) {
        array = (ngx_array_t *) place;

        if (array->elts == NULL
            && ngx_array_init(array, r->pool, 1, sizeof(ngx_table_elt_t *))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ph = ngx_array_push(array);
        if (ph == NULL) {
            return NGX_ERROR;
        }

        *ph = h;
        return NGX_OK;
    }

    ph = (ngx_table_elt_t **) place;

#if (nginx_version >= 1023000)

    while (*ph) {
        ph = &(*ph)->next;
    }

    *ph = h;

#else

    if (*ph == NULL) {
        *ph = h;
    }

#endif

    return NGX_OK;
}


/* takes out all headers of that name but keep; returns how many */

static ngx_uint_t
ngx_http_gateway_header_in_prune(ngx_http_request_t *r,
    const ngx_str_t *lowcase, ngx_table_elt_t *keep)
{
    ngx_uint_t               i, n;
    ngx_list_t              *list;
    ngx_list_part_t         *part, *prev;
    ngx_table_elt_t         *h;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_headers_ctx(r);
    n = ctx ? ngx_http_gateway_header_pending_prune(ctx, lowcase, keep) : 0;
    prev = NULL;
    list = &r->headers_in.headers;
    part = &list->part;

    while (part) {
        h = part->elts;
        i = 0;

        while (i < part->nelts) {

            if (h[i].key.len != lowcase->len
                || &h[i] == keep
                || !ngx_http_gateway_header_is(&h[i], lowcase))
            {
                i++;
                continue;
            }

            ngx_http_gateway_header_in_forget(r, &h[i], &h[part->nelts]);

            part->nelts--;
            ngx_memmove(&h[i], &h[i + 1],
                        (part->nelts - i) * sizeof(ngx_table_elt_t));

            if (keep > &h[i] && keep <= &h[part->nelts]) {
                keep--;
            }

            n++;
        }

        /*
         * Loops over a list step into a following part without asking if it
         * is empty, so only the first part may be.
         */

        if (part->nelts == 0 && prev) {
            prev->next = part->next;

            if (list->last == part) {
                list->last = prev;
            }

            part = prev->next;
            continue;
        }

        prev = part;
        part = part->next;
    }

    return n;
}


static ngx_uint_t
ngx_http_gateway_header_pending_prune(ngx_http_gateway_ctx_t *ctx,
    const ngx_str_t *lowcase, ngx_table_elt_t *keep)
{
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;

    n = 0;
    h = ctx->pending;

    for (i = 0; i < ctx->npending; i++) {

        if (h[i].key.len != lowcase->len
            || &h[i] == keep
            || !ngx_http_gateway_header_is(&h[i], lowcase))
        {

            if (n) {
                h[i - n] = h[i];
            }

            continue;
        }

        n++;
    }

    ctx->npending -= n;

    return n;
}


/*
 * Makes r->headers_in ready for h to go and for the elements between h and
 * end to move down by one.  Called before they do: since nginx 1.23 they hold
 * pointers to each other, which move with them.
 */

static void
ngx_http_gateway_header_in_forget(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_table_elt_t *end)
{
    char               *place;
    ngx_uint_t          i, n;
    ngx_array_t        *array;
    ngx_table_elt_t   **ph, *next;
    ngx_http_header_t  *hh;

    for (hh = ngx_http_headers_in; hh->name.len; hh++) {

        if (hh->offset == 0) {
            continue;
        }

        place = (char *) &r->headers_in + hh->offset;

        if (ngx_http_gateway_header_in_multi(hh->offset)) {
            array = (ngx_array_t *) place;
            ph = array->elts;
            n = 0;

            for (i = 0; i < array->nelts; i++) {
                if (ph[i] != h) {
                    ph[n++] = (ph[i] > h && ph[i] < end) ? ph[i] - 1 : ph[i];
                }
            }

            array->nelts = n;
            continue;
        }

        ph = (ngx_table_elt_t **) place;

#if (nginx_version >= 1023000)

        while (*ph) {
            next = *ph;

            if (next == h) {
                *ph = h->next;
                continue;
            }

            if (next > h && next < end) {
                *ph = next - 1;
            }

            ph = &next->next;
        }

#else

        next = *ph;

        if (next == h) {

            /* only the first of several was kept: none or one is left */

            *ph = NULL;

        } else if (next > h && next < end) {
            *ph = next - 1;
        }

#endif
    }
}
