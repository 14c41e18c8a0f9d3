
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The path of a request: its normal form, which the router matches and the
 * upstream receives, and the rules that put it behind a service's path.
 */


#include "gateway_router.h"

#include <string.h>


/* reserved characters: "%XX" of these stays encoded */
static const uint32_t  gateway_path_reserved[8] = {
    0x00000000,
    0xac009ffa,  /* ? = ; : / , + * ) ( ' & % $ # ! */
    0x28000001,  /* ] [ @ */
    0x00000000,
    0x00000000, 0x00000000, 0x00000000, 0x00000000
};


/* bytes that go upstream as they are */
static const uint32_t  gateway_path_plain[8] = {
    0x00000000,
    0xaffffffa,  /* ? = ; : 9-0 / . - , + * ) ( ' & % $ # ! */
    0xafffffff,  /* _ ] [ Z-A @ */
    0x47fffffe,  /* ~ z-a */
    0x00000000, 0x00000000, 0x00000000, 0x00000000
};


static ptrdiff_t gateway_path_decode(char *dst, const char *src, size_t len,
    int *encoded_slash);
static size_t gateway_path_resolve(char *path, size_t len);
static int gateway_path_hides_dots(const char *path, size_t len);
static int gateway_path_is(const uint32_t *set, char c);
static int gateway_path_hex(char c);


ptrdiff_t
gateway_path_normalize(char *dst, const char *src, size_t len)
{
    int        encoded_slash;
    ptrdiff_t  n;

    n = gateway_path_decode(dst, src, len, &encoded_slash);

    if (encoded_slash && gateway_path_hides_dots(dst, (size_t) n)) {
        return -1;
    }

    return n;
}


ptrdiff_t
gateway_path_normalize_lax(char *dst, const char *src, size_t len)
{
    int  encoded_slash;

    return gateway_path_decode(dst, src, len, &encoded_slash);
}


/*
 * Kong decodes first and resolves dot segments in the result, so "%2e" is a
 * dot here.  Paths without a dot segment or an empty one, that is nearly
 * all, need only the first pass.
 */

static ptrdiff_t
gateway_path_decode(char *dst, const char *src, size_t len,
    int *encoded_slash)
{
    int          hi, lo, dirty;
    char         c, prev;
    char        *p;
    const char  *last;

    *encoded_slash = 0;

    p = dst;
    prev = '\0';
    dirty = (len > 0 && src[0] != '/');
    last = src + len;

    while (src < last) {

        c = *src++;

        if (c == '%' && last - src >= 2) {

            hi = gateway_path_hex(src[0]);
            lo = gateway_path_hex(src[1]);

            if (hi >= 0 && lo >= 0) {

                src += 2;
                c = (char) (unsigned char) (hi << 4 | lo);

                if (gateway_path_is(gateway_path_reserved, c)) {
                    *p++ = '%';
                    *p++ = "0123456789ABCDEF"[hi];
                    *p++ = "0123456789ABCDEF"[lo];

                    *encoded_slash |= (c == '/');
                    prev = '%';

                    continue;
                }
            }
        }

        if (prev == '/' && (c == '/' || c == '.')) {
            dirty = 1;
        }

        *p++ = c;
        prev = c;
    }

    if (!dirty) {
        return p - dst;
    }

    return (ptrdiff_t) gateway_path_resolve(dst, (size_t) (p - dst));
}


/* merges slashes and resolves dot segments in place */

static size_t
gateway_path_resolve(char *path, size_t len)
{
    size_t  in, out, name, end;

    in = 0;
    out = 0;

    while (in < len) {

        /* [in, end) is a segment with its slash, [name, end) without */

        name = (path[in] == '/') ? in + 1 : in;

        for (end = name; end < len && path[end] != '/'; end++) { /* void */ }

        if (end == name && end < len) {
            in = end;
            continue;
        }

        if (end - name == 1 && path[name] == '.') {
            /* void */

        } else if (end - name == 2
                   && path[name] == '.' && path[name + 1] == '.')
        {
            while (out > 0) {
                out--;

                if (path[out] == '/') {
                    break;
                }
            }

        } else {
            memmove(path + out, path + in, end - in);
            out += end - in;
            in = end;

            continue;
        }

        /* "/a/.." is "/"; without a slash in front nothing stays */

        if (name == in) {
            in = (end < len) ? end + 1 : end;
            continue;
        }

        if (end == len) {
            path[out++] = '/';
        }

        in = end;
    }

    return out;
}


/*
 * The target of "/a%2F..%2Fb" is "/b" for an upstream that decodes it, which
 * a route for "/a" did not mean to publish.
 */

static int
gateway_path_hides_dots(const char *path, size_t len)
{
    size_t  i, start;

    start = 0;
    i = 0;

    for ( ;; ) {

        if (i < len && path[i] != '/'
            && (len - i < 3 || memcmp(path + i, "%2F", 3) != 0))
        {
            i++;
            continue;
        }

        if (i - start == 1 && path[start] == '.') {
            return 1;
        }

        if (i - start == 2 && path[start] == '.' && path[start + 1] == '.') {
            return 1;
        }

        if (i >= len) {
            return 0;
        }

        i += (path[i] == '/') ? 1 : 3;
        start = i;
    }
}


size_t
gateway_path_upstream(char *dst, const gateway_str_t *service,
    const gateway_str_t *path, size_t matched, int has_paths, int strip,
    int v1)
{
    int            slash;
    size_t         plen, xlen;
    gateway_str_t  base, rest;

    base = *service;

    if (base.len == 0) {
        base.data = "/";
        base.len = 1;
    }

    slash = (base.data[base.len - 1] == '/');

    if (!has_paths || !strip) {

        /* the whole path; "strip" means nothing to a route without paths */

        rest.data = path->data + (path->len > 0);
        rest.len = path->len - (path->len > 0);

        memcpy(dst, base.data, base.len);
        plen = base.len;

        if (!slash && !v1 && rest.len > 0) {
            dst[plen++] = '/';
        }

        memcpy(dst + plen, rest.data, rest.len);

        return plen + rest.len;
    }

    if (matched > path->len) {
        matched = path->len;
    }

    rest.data = path->data + matched;
    rest.len = path->len - matched;

    /* what a prefix that ends within a segment leaves of "/prefix../x" */

    if ((rest.len == 1 && rest.data[0] == '.')
        || (rest.len == 2 && rest.data[0] == '.' && rest.data[1] == '.'))
    {
        rest.len = 0;

    } else if (rest.len >= 2 && memcmp(rest.data, "./", 2) == 0) {
        rest.data += 2;
        rest.len -= 2;

    } else if (rest.len >= 3 && memcmp(rest.data, "../", 3) == 0) {
        rest.data += 3;
        rest.len -= 3;
    }

    plen = base.len;
    xlen = rest.len;

    memcpy(dst, base.data, plen);

    if (xlen == 0) {

        if (v1 || path->len == 0) {
            return plen;
        }

        if (slash) {
            /* v0 follows the final slash of the request, "/" stays */
            return (plen > 1 && path->data[path->len - 1] != '/') ? plen - 1
                                                                  : plen;
        }

        if (path->len > 1 && path->data[path->len - 1] == '/') {
            dst[plen++] = '/';
        }

        return plen;
    }

    if (rest.data[0] == '/') {
        plen -= (size_t) slash;

    } else if (!slash && !v1) {
        dst[plen++] = '/';
    }

    memcpy(dst + plen, rest.data, xlen);

    return plen + xlen;
}


size_t
gateway_path_escape(char *dst, const char *src, size_t len)
{
    char           *p;
    size_t          i;
    unsigned char   c;

    p = dst;

    for (i = 0; i < len; i++) {

        if (gateway_path_is(gateway_path_plain, src[i])) {
            *p++ = src[i];
            continue;
        }

        c = (unsigned char) src[i];

        *p++ = '%';
        *p++ = "0123456789ABCDEF"[c >> 4];
        *p++ = "0123456789ABCDEF"[c & 0x0f];
    }

    return (size_t) (p - dst);
}


int
gateway_path_is_clean(const char *src, size_t len)
{
    const unsigned char  *p, *last;

    p = (const unsigned char *) src;
    last = p + len;

    /* letters and slashes, of which most paths are made, need no table */

    for ( /* void */ ; p < last; p++) {

        if ((*p >= 'a' && *p <= 'z') || *p == '/') {
            continue;
        }

        if (!gateway_path_is(gateway_path_plain, (char) *p)) {
            return 0;
        }
    }

    return 1;
}


static int
gateway_path_is(const uint32_t *set, char c)
{
    unsigned char  u;

    u = (unsigned char) c;

    return (set[u >> 5] >> (u & 31)) & 1;
}


static int
gateway_path_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = (char) (c | 0x20);

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}
