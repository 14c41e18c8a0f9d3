
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What may be stored and for how long, and the key of a request.
 */


#include "ngx_http_gateway_proxy_cache.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_headers.h"

#include <openssl/sha.h>


#define NGX_HTTP_GATEWAY_PROXY_CACHE_PARAMS  8    /* of a media type */


typedef struct {
    ngx_str_t                        type;
    ngx_str_t                        subtype;
    ngx_uint_t                       n;
    ngx_str_t                        names[
                                        NGX_HTTP_GATEWAY_PROXY_CACHE_PARAMS];
    ngx_str_t                        values[
                                        NGX_HTTP_GATEWAY_PROXY_CACHE_PARAMS];
} ngx_http_gateway_proxy_cache_type_t;


/* an argument of the request, decoded */
typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        value;
    ngx_uint_t                       bare;
} ngx_http_gateway_proxy_cache_arg_t;


static void ngx_http_gateway_proxy_cache_control(
    ngx_http_gateway_proxy_cache_control_t *cc, ngx_str_t *value);
static void ngx_http_gateway_proxy_cache_directive(
    ngx_http_gateway_proxy_cache_control_t *cc, ngx_str_t *name,
    ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_proxy_cache_parse_type(ngx_str_t *text,
    ngx_http_gateway_proxy_cache_type_t *type);
static u_char *ngx_http_gateway_proxy_cache_token(u_char *p, u_char *last);
static ngx_uint_t ngx_http_gateway_proxy_cache_same(ngx_str_t *one,
    ngx_str_t *two);
static void ngx_http_gateway_proxy_cache_prefix(SHA256_CTX *sha,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_proxy_cache_uri(SHA256_CTX *sha,
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx, ngx_uint_t lower);
static void ngx_http_gateway_proxy_cache_escaped(SHA256_CTX *sha,
    const ngx_str_t *text, const char *special);
static ngx_array_t *ngx_http_gateway_proxy_cache_args(ngx_http_request_t *r,
    ngx_str_t args);
static int ngx_libc_cdecl ngx_http_gateway_proxy_cache_compare_args(
    const void *one, const void *two);
static void ngx_http_gateway_proxy_cache_params(SHA256_CTX *sha,
    ngx_array_t *args, ngx_array_t *names);
static void ngx_http_gateway_proxy_cache_param(SHA256_CTX *sha,
    ngx_http_gateway_proxy_cache_arg_t *arg, ngx_uint_t n,
    const ngx_str_t *name, ngx_uint_t *first);
static ngx_int_t ngx_http_gateway_proxy_cache_headers(SHA256_CTX *sha,
    ngx_http_request_t *r, ngx_array_t *names);


void
ngx_http_gateway_proxy_cache_request_control(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_control_t *cc)
{
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("cache-control");

    ngx_memset(cc, 0xff, offsetof(ngx_http_gateway_proxy_cache_control_t,
                                  min_fresh) + sizeof(ngx_int_t));
    cc->no_store = 0;
    cc->no_cache = 0;
    cc->private = 0;
    cc->only_if_cached = 0;

    for (n = 0; (h = ngx_http_gateway_header_in(r, &name, n)) != NULL; n++) {
        ngx_http_gateway_proxy_cache_control(cc, &h->value);
    }
}


void
ngx_http_gateway_proxy_cache_response_control(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_control_t *cc)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memset(cc, 0xff, offsetof(ngx_http_gateway_proxy_cache_control_t,
                                  min_fresh) + sizeof(ngx_int_t));
    cc->no_store = 0;
    cc->no_cache = 0;
    cc->private = 0;
    cc->only_if_cached = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == sizeof("cache-control") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "cache-control",
                                   sizeof("cache-control") - 1)
                   == 0)
            {
                ngx_http_gateway_proxy_cache_control(cc, &h[i].value);
            }
        }
    }
}


static void
ngx_http_gateway_proxy_cache_control(
    ngx_http_gateway_proxy_cache_control_t *cc, ngx_str_t *value)
{
    u_char     *p, *last, *end, *equals;
    ngx_str_t   name, token;

    p = value->data;
    last = p + value->len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        token.data = p;
        token.len = end - p;

        while (token.len && (token.data[token.len - 1] == ' '
                             || token.data[token.len - 1] == '\t'))
        {
            token.len--;
        }

        equals = ngx_strlchr(token.data, token.data + token.len, '=');

        name.data = token.data;
        name.len = equals ? (size_t) (equals - token.data) : token.len;

        token.len = equals ? token.len - name.len - 1 : 0;
        token.data = equals ? equals + 1 : NULL;

        ngx_http_gateway_proxy_cache_directive(cc, &name, &token);
    }
}


/* a time that is no number counts as none at all, which is the safe side */

static void
ngx_http_gateway_proxy_cache_directive(
    ngx_http_gateway_proxy_cache_control_t *cc, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_int_t  n;

#define ngx_http_gateway_proxy_cache_is(text)                                 \
    (name->len == sizeof(text) - 1                                            \
     && ngx_strncasecmp(name->data, (u_char *) text, sizeof(text) - 1) == 0)

    n = value->data ? ngx_atoi(value->data, value->len) : NGX_ERROR;

    if (n == NGX_ERROR) {
        n = 0;
    }

    if (ngx_http_gateway_proxy_cache_is("max-age")) {
        cc->max_age = n;

    } else if (ngx_http_gateway_proxy_cache_is("s-maxage")) {
        cc->s_maxage = n;

    } else if (ngx_http_gateway_proxy_cache_is("max-stale")) {

        /* without a value any age will do */

        cc->max_stale = value->data ? n : -1;

    } else if (ngx_http_gateway_proxy_cache_is("min-fresh")) {
        cc->min_fresh = n;

    } else if (ngx_http_gateway_proxy_cache_is("no-store")) {
        cc->no_store = 1;

    } else if (ngx_http_gateway_proxy_cache_is("no-cache")) {
        cc->no_cache = 1;

    } else if (ngx_http_gateway_proxy_cache_is("private")) {
        cc->private = 1;

    } else if (ngx_http_gateway_proxy_cache_is("only-if-cached")) {
        cc->only_if_cached = 1;
    }
}


time_t
ngx_http_gateway_proxy_cache_resource_ttl(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_control_t *cc)
{
    time_t            when;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *expires;

    if (cc->s_maxage >= 0) {
        return cc->s_maxage;
    }

    if (cc->max_age >= 0) {
        return cc->max_age;
    }

    expires = NULL;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == sizeof("expires") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "expires",
                                   sizeof("expires") - 1)
                   == 0)
            {
                expires = &h[i];
            }
        }
    }

    if (expires == NULL) {
        return 0;
    }

    when = ngx_parse_http_time(expires->value.data, expires->value.len);

    return (when == NGX_ERROR || when <= ngx_time()) ? 0 : when - ngx_time();
}


ngx_uint_t
ngx_http_gateway_proxy_cache_type_matches(ngx_str_t *expected,
    ngx_str_t *text)
{
    ngx_uint_t                           i, j;
    ngx_http_gateway_proxy_cache_type_t  want, type;

    if (!ngx_http_gateway_proxy_cache_parse_type(expected, &want)
        || !ngx_http_gateway_proxy_cache_parse_type(text, &type)
        || want.n != type.n
        || !(want.type.data[0] == '*'
             || ngx_http_gateway_proxy_cache_same(&want.type, &type.type))
        || !(want.subtype.data[0] == '*'
             || ngx_http_gateway_proxy_cache_same(&want.subtype,
                                                  &type.subtype)))
    {
        return 0;
    }

    for (i = 0; i < want.n; i++) {

        for (j = 0; j < type.n; j++) {
            if (ngx_http_gateway_proxy_cache_same(&want.names[i],
                                                  &type.names[j])
                && want.values[i].len == type.values[j].len
                && ngx_memcmp(want.values[i].data, type.values[j].data,
                              want.values[i].len)
                   == 0)
            {
                break;
            }
        }

        if (j == type.n) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_gateway_proxy_cache_same(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_strncasecmp(one->data, two->data, one->len) == 0;
}


/* type "/" subtype *( OWS ";" OWS name "=" ( token / quoted ) ), or "*" */

static ngx_uint_t
ngx_http_gateway_proxy_cache_parse_type(ngx_str_t *text,
    ngx_http_gateway_proxy_cache_type_t *type)
{
    u_char     *p, *last, *end;
    ngx_str_t  *name, *value;

    p = text->data;
    last = p + text->len;

    type->n = 0;

    end = ngx_http_gateway_proxy_cache_token(p, last);
    if (end == p) {
        return 0;
    }

    type->type.data = p;
    type->type.len = end - p;
    type->subtype = type->type;

    p = end;

    if (p < last && *p == '/') {
        end = ngx_http_gateway_proxy_cache_token(++p, last);
        if (end == p) {
            return 0;
        }

        type->subtype.data = p;
        type->subtype.len = end - p;

        p = end;

    } else if (type->type.len != 1 || type->type.data[0] != '*') {
        return 0;
    }

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (p == last || *p++ != ';'
            || type->n == NGX_HTTP_GATEWAY_PROXY_CACHE_PARAMS)
        {
            return 0;
        }

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        name = &type->names[type->n];
        value = &type->values[type->n++];

        end = ngx_http_gateway_proxy_cache_token(p, last);
        if (end == p || end == last || *end != '=') {
            return 0;
        }

        name->data = p;
        name->len = end - p;

        p = end + 1;

        if (p < last && *p == '"') {

            for (end = ++p; end < last && *end != '"'; end++) {
                if (*end == '\\' && end + 1 < last) {
                    end++;
                }
            }

            if (end >= last) {
                return 0;
            }

            value->data = p;
            value->len = end - p;

            p = end + 1;
            continue;
        }

        end = ngx_http_gateway_proxy_cache_token(p, last);
        if (end == p) {
            return 0;
        }

        value->data = p;
        value->len = end - p;

        p = end;
    }

    return 1;
}


static u_char *
ngx_http_gateway_proxy_cache_token(u_char *p, u_char *last)
{
    while (p < last && *p > ' ' && *p < 127
           && ngx_strchr("()<>@,;:\\\"/[]?={}", *p) == NULL)
    {
        p++;
    }

    return p;
}


/*
 * SHA-256 of "prefix|METHOD|uri|params|headers".  In parts that clients write
 * the bytes that separate are marked with a byte 0x01, so that no two requests
 * can be made to look the same.
 */

ngx_int_t
ngx_http_gateway_proxy_cache_key(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_proxy_cache_conf_t *conf,
    u_char *key)
{
    SHA256_CTX    sha;
    ngx_array_t  *args;

    args = ngx_http_gateway_proxy_cache_args(r, ctx->args);
    if (args == NULL) {
        return NGX_ERROR;
    }

    (void) SHA256_Init(&sha);

    ngx_http_gateway_proxy_cache_prefix(&sha, r, ctx);

    (void) SHA256_Update(&sha, "|", 1);
    (void) SHA256_Update(&sha, r->method_name.data, r->method_name.len);
    (void) SHA256_Update(&sha, "|", 1);

    ngx_http_gateway_proxy_cache_uri(&sha, r, ctx, conf->ignore_uri_case);

    (void) SHA256_Update(&sha, "|", 1);

    ngx_http_gateway_proxy_cache_params(&sha, args, conf->vary_query_params);

    (void) SHA256_Update(&sha, "|", 1);

    if (conf->vary_headers
        && ngx_http_gateway_proxy_cache_headers(&sha, r, conf->vary_headers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) SHA256_Final(key, &sha);

    return NGX_OK;
}


/*
 * Whom the entry is for.  Kong knows consumers only; those who have been
 * authenticated without being one (ldap-auth, certificates) do not share
 * entries either.  Outside of routes there are hosts and ports.
 */

static void
ngx_http_gateway_proxy_cache_prefix(SHA256_CTX *sha, ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    u_char  port[NGX_INT_T_LEN + 2];
    size_t  len;

    if (ctx->consumer) {
        (void) SHA256_Update(sha, ctx->consumer->id.data,
                             ctx->consumer->id.len);
        (void) SHA256_Update(sha, ":", 1);

    } else if (ctx->credential || ctx->authenticated_groups.len) {
        (void) SHA256_Update(sha, "\1", 1);

        if (ctx->credential) {
            ngx_http_gateway_proxy_cache_escaped(sha,
                                                 &ctx->credential->identifier,
                                                 "|:");
        }

        (void) SHA256_Update(sha, ":", 1);
        ngx_http_gateway_proxy_cache_escaped(sha, &ctx->authenticated_groups,
                                             "|:");
        (void) SHA256_Update(sha, ":", 1);
    }

    if (ctx->route) {
        (void) SHA256_Update(sha, ctx->route->id.data, ctx->route->id.len);
        return;
    }

    (void) SHA256_Update(sha, "default:", sizeof("default:") - 1);
    ngx_http_gateway_proxy_cache_escaped(sha, &r->headers_in.server, "|:");

    len = ngx_sprintf(port, ":%ui", (ngx_uint_t) ngx_http_gateway_port(r))
          - port;
    (void) SHA256_Update(sha, port, len);
}


/* the request line up to "?", without the version */

static void
ngx_http_gateway_proxy_cache_uri(SHA256_CTX *sha, ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_uint_t lower)
{
    u_char     *p, buf[64];
    size_t      i, n;
    ngx_str_t   target, part;

    target = ctx->target;

    if (target.len == 0) {
        target = r->unparsed_uri;

        p = ngx_strlchr(target.data, target.data + target.len, '?');
        if (p) {
            target.len = p - target.data;
        }
    }

    if (!lower) {
        (void) SHA256_Update(sha, ctx->method_name.data, ctx->method_name.len);
        (void) SHA256_Update(sha, " ", 1);
        ngx_http_gateway_proxy_cache_escaped(sha, &target, "|");
        return;
    }

    for (i = 0; i < ctx->method_name.len; i++) {
        buf[0] = ngx_tolower(ctx->method_name.data[i]);
        (void) SHA256_Update(sha, buf, 1);
    }

    (void) SHA256_Update(sha, " ", 1);

    for (i = 0; i < target.len; i += n) {
        n = ngx_min(target.len - i, sizeof(buf));
        ngx_strlow(buf, target.data + i, n);

        part.data = buf;
        part.len = n;

        ngx_http_gateway_proxy_cache_escaped(sha, &part, "|");
    }
}


static void
ngx_http_gateway_proxy_cache_escaped(SHA256_CTX *sha, const ngx_str_t *text,
    const char *special)
{
    size_t       i, start;
    const char  *s;

    start = 0;

    for (i = 0; i < text->len; i++) {

        for (s = special; *s && text->data[i] != (u_char) *s; s++) {
            /* void */
        }

        if (*s == '\0' && text->data[i] != 1) {
            continue;
        }

        (void) SHA256_Update(sha, text->data + start, i - start);
        (void) SHA256_Update(sha, "\1", 1);
        start = i;
    }

    (void) SHA256_Update(sha, text->data + start, text->len - start);
}


/* decoded, by names and, of one name, by values; NULL on failure */

static ngx_array_t *
ngx_http_gateway_proxy_cache_args(ngx_http_request_t *r, ngx_str_t args)
{
    ngx_array_t                         *list;
    ngx_http_gateway_arg_t               next;
    ngx_http_gateway_proxy_cache_arg_t  *arg;

    list = ngx_array_create(r->pool, 4,
                            sizeof(ngx_http_gateway_proxy_cache_arg_t));
    if (list == NULL) {
        return NULL;
    }

    while (ngx_http_gateway_arg_next(&args, &next)) {

        if (next.name.len == 0) {
            continue;
        }

        arg = ngx_array_push(list);

        if (arg == NULL
            || ngx_http_gateway_unescape(r->pool, &next.name, &arg->name)
               != NGX_OK
            || ngx_http_gateway_unescape(r->pool, &next.value, &arg->value)
               != NGX_OK)
        {
            return NULL;
        }

        arg->bare = next.bare;
    }

    if (list->nelts > 1) {
        ngx_qsort(list->elts, list->nelts,
                  sizeof(ngx_http_gateway_proxy_cache_arg_t),
                  ngx_http_gateway_proxy_cache_compare_args);
    }

    return list;
}


static int ngx_libc_cdecl
ngx_http_gateway_proxy_cache_compare_args(const void *one, const void *two)
{
    ngx_int_t                                  rc;
    const ngx_http_gateway_proxy_cache_arg_t  *first = one;
    const ngx_http_gateway_proxy_cache_arg_t  *second = two;

    rc = ngx_memn2cmp(first->name.data, second->name.data, first->name.len,
                      second->name.len);

    if (rc == 0) {
        rc = ngx_memn2cmp(first->value.data, second->value.data,
                          first->value.len, second->value.len);
    }

    if (rc == 0) {
        rc = (ngx_int_t) second->bare - (ngx_int_t) first->bare;
    }

    return (int) rc;
}


static void
ngx_http_gateway_proxy_cache_params(SHA256_CTX *sha, ngx_array_t *args,
    ngx_array_t *names)
{
    ngx_str_t                           *name;
    ngx_uint_t                           i, j, n, first;
    ngx_http_gateway_proxy_cache_arg_t  *arg;

    first = 1;
    arg = args->elts;

    for (j = 0; names && j < names->nelts; j++) {
        name = names->elts;
        name += j;

        for (i = 0; i < args->nelts; i++) {
            if (arg[i].name.len == name->len
                && ngx_memcmp(arg[i].name.data, name->data, name->len) == 0)
            {
                ngx_http_gateway_proxy_cache_param(sha, &arg[i],
                                                   args->nelts - i, name,
                                                   &first);
                break;
            }
        }
    }

    if (names) {
        return;
    }

    for (i = 0; i < args->nelts; i += n) {

        for (n = 1;
             i + n < args->nelts && arg[i + n].name.len == arg[i].name.len
             && ngx_memcmp(arg[i + n].name.data, arg[i].name.data,
                           arg[i].name.len)
                == 0;
             n++)
        {
            /* void */
        }

        ngx_http_gateway_proxy_cache_param(sha, &arg[i], n, &arg[i].name,
                                           &first);
    }
}


/* those of one name, the first of at most n */

static void
ngx_http_gateway_proxy_cache_param(SHA256_CTX *sha,
    ngx_http_gateway_proxy_cache_arg_t *arg, ngx_uint_t n,
    const ngx_str_t *name, ngx_uint_t *first)
{
    ngx_uint_t  i;

    if (!*first) {
        (void) SHA256_Update(sha, ":", 1);
    }

    *first = 0;

    ngx_http_gateway_proxy_cache_escaped(sha, name, "=:,|");

    for (i = 0; i < n; i++) {

        if (arg[i].name.len != name->len
            || ngx_memcmp(arg[i].name.data, name->data, name->len) != 0)
        {
            break;
        }

        if (arg[i].bare) {

            if (i) {
                (void) SHA256_Update(sha, ",\1", 2);
            }

            continue;
        }

        (void) SHA256_Update(sha, i ? "," : "=", 1);
        ngx_http_gateway_proxy_cache_escaped(sha, &arg[i].value, "=:,|");
    }
}


static ngx_int_t
ngx_http_gateway_proxy_cache_headers(SHA256_CTX *sha, ngx_http_request_t *r,
    ngx_array_t *names)
{
    ngx_str_t                           *name, lowcase;
    ngx_uint_t                           i, n, first;
    ngx_array_t                          values;
    ngx_table_elt_t                     *h;
    ngx_http_gateway_proxy_cache_arg_t  *value;

    first = 1;
    name = names->elts;

    for (i = 0; i < names->nelts; i++) {

        lowcase.len = name[i].len;
        lowcase.data = ngx_pnalloc(r->pool, name[i].len + 1);

        if (lowcase.data == NULL
            || ngx_array_init(&values, r->pool, 2,
                              sizeof(ngx_http_gateway_proxy_cache_arg_t))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_strlow(lowcase.data, name[i].data, name[i].len);

        for (n = 0;
             (h = ngx_http_gateway_header_in(r, &lowcase, n)) != NULL;
             n++)
        {
            value = ngx_array_push(&values);
            if (value == NULL) {
                return NGX_ERROR;
            }

            value->name = name[i];
            value->value = h->value;
            value->bare = 0;
        }

        if (values.nelts > 1) {
            ngx_qsort(values.elts, values.nelts,
                      sizeof(ngx_http_gateway_proxy_cache_arg_t),
                      ngx_http_gateway_proxy_cache_compare_args);
        }

        if (values.nelts) {
            ngx_http_gateway_proxy_cache_param(sha, values.elts, values.nelts,
                                               &name[i], &first);
        }
    }

    return NGX_OK;
}
