
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What a token must say, and what is made of what it says: the consumer, the
 * groups and headers for the upstream.  A claim is named by its member, or by
 * a path with dots ("realm_access.roles"); a member of the whole name counts
 * first.  Nothing with a control character gets into a header.
 */


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_store.h"
#include "gateway_jwt_headers.h"

#include "gateway_uuid.h"


/* of a header made of a claim; what is longer is left out */
#define NGX_HTTP_GATEWAY_JWT_VALUE  8192


static ngx_uint_t ngx_http_gateway_jwt_claims_rules(
    ngx_http_gateway_jwt_conf_t *jcf, json_t *claims, ngx_str_t *body);
static json_t *ngx_http_gateway_jwt_claim(json_t *claims,
    const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_jwt_one_of(json_t *claim,
    ngx_array_t *values);
static ngx_uint_t ngx_http_gateway_jwt_has(json_t *claim,
    const ngx_str_t *value);
static u_char *ngx_http_gateway_jwt_scalar(u_char *p, u_char *last,
    json_t *value, ngx_uint_t in_list);
static ngx_uint_t ngx_http_gateway_jwt_is_plain(const u_char *p, size_t len,
    ngx_uint_t in_list);
static ngx_int_t ngx_http_gateway_jwt_value(ngx_pool_t *pool, json_t *claim,
    ngx_uint_t words, ngx_str_t *value);
static void ngx_http_gateway_jwt_string(json_t *value, ngx_str_t *string);
static ngx_uint_t ngx_http_gateway_jwt_is_header(
    ngx_http_gateway_jwt_conf_t *jcf, ngx_str_t *key);
static ngx_http_gateway_jwt_claim_t *ngx_http_gateway_jwt_push_claim(
    ngx_conf_t *cf, ngx_array_t **list, ngx_str_t *name, size_t prefix);


/* "nbf" and "exp" in the words and the order of Kong */

ngx_uint_t
ngx_http_gateway_jwt_claims(ngx_http_gateway_jwt_conf_t *jcf, json_t *claims,
    ngx_str_t *body)
{
    double       now;
    json_t      *claim;
    ngx_uint_t   nbf, exp;

    /* by nbf and exp, each: holds, no number, out of its time */

    static ngx_str_t  bodies[3][3] = {
        { ngx_null_string,
          ngx_string("{\"exp\":\"must be a number\"}"),
          ngx_string("{\"exp\":\"token expired\"}") },

        { ngx_string("{\"nbf\":\"must be a number\"}"),
          ngx_string("{\"nbf\":\"must be a number\","
                     "\"exp\":\"must be a number\"}"),
          ngx_string("{\"nbf\":\"must be a number\","
                     "\"exp\":\"token expired\"}") },

        { ngx_string("{\"nbf\":\"token not valid yet\"}"),
          ngx_string("{\"nbf\":\"token not valid yet\","
                     "\"exp\":\"must be a number\"}"),
          ngx_string("{\"nbf\":\"token not valid yet\","
                     "\"exp\":\"token expired\"}") }
    };

    static ngx_str_t  exceeds =
        ngx_string("{\"exp\":\"exceeds maximum allowed expiration\"}");

    now = (double) ngx_time();
    nbf = 0;
    exp = 0;

    if (jcf->verify_nbf) {
        claim = json_object_get(claims, "nbf");

        if (!json_is_number(claim)) {
            nbf = 1;

        } else if (json_number_value(claim) > now + jcf->leeway) {
            nbf = 2;
        }
    }

    claim = NULL;

    if (jcf->verify_exp) {
        claim = json_object_get(claims, "exp");

        if (!json_is_number(claim)) {
            exp = 1;

        } else if (json_number_value(claim) <= now - jcf->leeway) {
            exp = 2;
        }
    }

    *body = bodies[nbf][exp];

    if (body->len) {
        return 0;
    }

    if (jcf->maximum_expiration > 0
        && json_number_value(claim) - now > jcf->maximum_expiration)
    {
        *body = exceeds;
        return 0;
    }

    return ngx_http_gateway_jwt_claims_rules(jcf, claims, body);
}


static ngx_uint_t
ngx_http_gateway_jwt_claims_rules(ngx_http_gateway_jwt_conf_t *jcf,
    json_t *claims, ngx_str_t *body)
{
    ngx_uint_t                     i;
    ngx_http_gateway_jwt_claim_t  *rule;

    static ngx_str_t  issuer = ngx_string("{\"iss\":\"not accepted\"}");
    static ngx_str_t  audience = ngx_string("{\"aud\":\"not accepted\"}");

    /* RFC 7519, 4.1: iss is one text, aud one or a list of them */

    if (jcf->issuer
        && (!json_is_string(json_object_get(claims, "iss"))
            || !ngx_http_gateway_jwt_one_of(json_object_get(claims, "iss"),
                                            jcf->issuer)))
    {
        *body = issuer;
        return 0;
    }

    if (jcf->audience
        && !ngx_http_gateway_jwt_one_of(json_object_get(claims, "aud"),
                                        jcf->audience))
    {
        *body = audience;
        return 0;
    }

    if (jcf->required == NULL) {
        return 1;
    }

    rule = jcf->required->elts;

    for (i = 0; i < jcf->required->nelts; i++) {

        if (!ngx_http_gateway_jwt_has(
                            ngx_http_gateway_jwt_claim(claims, &rule[i].claim),
                            &rule[i].value))
        {
            *body = rule[i].body;
            return 0;
        }
    }

    return 1;
}


static json_t *
ngx_http_gateway_jwt_claim(json_t *claims, const ngx_str_t *name)
{
    u_char     *p, *last;
    json_t     *value, *inner;
    ngx_str_t   rest;

    value = json_object_getn(claims, (char *) name->data, name->len);

    if (value) {
        return value;
    }

    last = name->data + name->len;

    for (p = name->data; p < last; p++) {

        if (*p != '.') {
            continue;
        }

        inner = json_object_getn(claims, (char *) name->data,
                                 p - name->data);

        if (!json_is_object(inner)) {
            continue;
        }

        rest.data = p + 1;
        rest.len = last - rest.data;

        value = ngx_http_gateway_jwt_claim(inner, &rest);

        if (value) {
            return value;
        }
    }

    return NULL;
}


/* a text, or a list with a text, that is one of the values */

static ngx_uint_t
ngx_http_gateway_jwt_one_of(json_t *claim, ngx_array_t *values)
{
    size_t       n;
    json_t      *item;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (json_is_array(claim)) {

        json_array_foreach(claim, n, item) {
            if (json_is_string(item)
                && ngx_http_gateway_jwt_one_of(item, values))
            {
                return 1;
            }
        }

        return 0;
    }

    if (!json_is_string(claim)) {
        return 0;
    }

    value = values->elts;

    for (i = 0; i < values->nelts; i++) {
        if (value[i].len == json_string_length(claim)
            && ngx_memcmp(value[i].data, json_string_value(claim),
                          value[i].len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * The claim is the value, as a text; or a list that has it, or a text of
 * words, as "scope" is, one of which it is.
 */

static ngx_uint_t
ngx_http_gateway_jwt_has(json_t *claim, const ngx_str_t *value)
{
    u_char  *p, *end, *last, text[64];
    size_t   n;
    json_t  *item;

    if (claim == NULL || json_is_null(claim)) {
        return 0;
    }

    if (value->len == 0) {
        return 1;
    }

    if (json_is_array(claim)) {

        json_array_foreach(claim, n, item) {
            if (!json_is_array(item)
                && ngx_http_gateway_jwt_has(item, value))
            {
                return 1;
            }
        }

        return 0;
    }

    if (!json_is_string(claim)) {

        if (json_is_object(claim)) {
            return 0;
        }

        p = ngx_http_gateway_jwt_scalar(text, text + sizeof(text), claim, 0);

        return (size_t) (p - text) == value->len
               && ngx_memcmp(text, value->data, value->len) == 0;
    }

    p = (u_char *) json_string_value(claim);
    last = p + json_string_length(claim);

    if ((size_t) (last - p) == value->len
        && ngx_memcmp(p, value->data, value->len) == 0)
    {
        return 1;
    }

    while (p < last) {

        end = ngx_strlchr(p, last, ' ');

        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) == value->len
            && ngx_memcmp(p, value->data, value->len) == 0)
        {
            return 1;
        }

        p = end + 1;
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_jwt_identity(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_jwt_conf_t *jcf,
    json_t *claims, ngx_http_gateway_credential_t **credentialp,
    ngx_str_t *message)
{
    u_char                            *p, digest[GATEWAY_JOSE_DIGEST];
    json_t                            *sub;
    ngx_str_t                          value, part[3];
    ngx_http_gateway_consumer_t       *consumer;
    ngx_http_gateway_credential_t     *credential;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (jcf->groups_claim.len
        && ngx_http_gateway_jwt_value(r->pool,
                      ngx_http_gateway_jwt_claim(claims, &jcf->groups_claim),
                      1, &ctx->authenticated_groups)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (*credentialp) {
        return NGX_OK;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);
    consumer = NULL;

    if (jcf->consumer_claim.len) {

        if (ngx_http_gateway_jwt_value(r->pool,
                      ngx_http_gateway_jwt_claim(claims, &jcf->consumer_claim),
                      0, &value)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        if (value.len) {
            consumer = ngx_http_gateway_consumers_find(jmcf->consumers,
                                                       jcf->by, &value);
        }

        if (value.len && consumer == NULL
            && ngx_http_gateway_store_consumer(r, jcf->by, &value, &consumer)
               == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        if (consumer == NULL && !jcf->consumer_optional) {

            p = ngx_pnalloc(r->pool, sizeof("Could not find consumer for "
                                            "'='")
                                     + jcf->consumer_claim.len + value.len);
            if (p == NULL) {
                return NGX_ERROR;
            }

            message->data = p;
            p = ngx_sprintf(p, "Could not find consumer for '%V=%V'",
                            &jcf->consumer_claim, &value);
            message->len = p - message->data;

            return NGX_DECLINED;
        }
    }

    credential = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_credential_t)
                                      + GATEWAY_UUID_LEN);
    if (credential == NULL) {
        return NGX_ERROR;
    }

    /*
     * The same for a subject of an issuer, in all workers and at all times: a
     * UUID of version 8.  The length keeps the two apart.
     */

    sub = json_object_get(claims, "sub");

    ngx_memzero(part, sizeof(part));

    ngx_http_gateway_jwt_string(json_object_get(claims, "iss"), &part[1]);
    ngx_http_gateway_jwt_string(sub, &part[2]);

    part[0].data = (u_char *) &part[1].len;
    part[0].len = sizeof(part[1].len);

    if (ngx_http_gateway_jwt_digest(jmcf, part, 3, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    digest[6] = (u_char) ((digest[6] & 0x0f) | 0x80);
    digest[8] = (u_char) ((digest[8] & 0x3f) | 0x80);

    credential->id.data = (u_char *) (credential + 1);
    credential->id.len = GATEWAY_UUID_LEN;
    gateway_uuid_format((char *) credential->id.data, digest);

    credential->consumer = consumer;

    if (ngx_http_gateway_jwt_value(r->pool, sub, 0, &credential->identifier)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    *credentialp = credential;

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_string(json_t *value, ngx_str_t *string)
{
    string->data = (u_char *) json_string_value(value);
    string->len = json_string_length(value);
}


/*
 * Frameworks take a name with "_" for the one with "-", so both are removed.
 */

void
ngx_http_gateway_jwt_clear_headers(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;

    while (part) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_gateway_jwt_is_header(jcf, &h[i].key)) {
                break;
            }
        }

        if (i == part->nelts) {
            part = part->next;
            continue;
        }

        /* the removal moves elements, and the list may lose this part */

        name.len = h[i].key.len;
        name.data = h[i].lowcase_key ? h[i].lowcase_key : h[i].key.data;

        (void) ngx_http_gateway_header_in_remove(r, &name);

        part = &r->headers_in.headers.part;
    }
}


static ngx_uint_t
ngx_http_gateway_jwt_is_header(ngx_http_gateway_jwt_conf_t *jcf,
    ngx_str_t *key)
{
    u_char                         ch, known;
    size_t                         n;
    ngx_uint_t                     i;
    ngx_http_gateway_jwt_claim_t  *map;

    map = jcf->headers->elts;

    for (i = 0; i < jcf->headers->nelts; i++) {

        if (map[i].header->lowcase.len != key->len) {
            continue;
        }

        for (n = 0; n < key->len; n++) {
            ch = ngx_tolower(key->data[n]);
            known = map[i].header->lowcase.data[n];

            if ((ch == '_' ? '-' : ch) != (known == '_' ? '-' : known)) {
                break;
            }
        }

        if (n == key->len) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_jwt_set_headers(ngx_http_request_t *r,
    ngx_http_gateway_jwt_conf_t *jcf, json_t *claims)
{
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_gateway_jwt_claim_t  *map;

    map = jcf->headers->elts;

    for (i = 0; i < jcf->headers->nelts; i++) {

        value = ngx_palloc(r->pool, sizeof(ngx_str_t));
        if (value == NULL
            || ngx_http_gateway_jwt_value(r->pool,
                            ngx_http_gateway_jwt_claim(claims, &map[i].claim),
                            0, value)
               == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        if (value->len
            && ngx_http_gateway_header_in_put(r, map[i].header, value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * A claim as the value of a header: a text, number or boolean, or a list of
 * them with ", " between.  words: a text is a list of words.  What cannot be
 * a header is left out.  NGX_OK, value empty when there is none, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_jwt_value(ngx_pool_t *pool, json_t *claim, ngx_uint_t words,
    ngx_str_t *value)
{
    u_char  *p, *q, *start, *end, *last, *src;
    size_t   n;
    json_t  *item;

    ngx_str_null(value);

    if (claim == NULL || json_is_null(claim) || json_is_object(claim)) {
        return NGX_OK;
    }

    if (json_is_string(claim)
        && json_string_length(claim) > NGX_HTTP_GATEWAY_JWT_VALUE)
    {
        return NGX_OK;
    }

    n = json_is_string(claim) ? 2 * json_string_length(claim) + 1
                              : NGX_HTTP_GATEWAY_JWT_VALUE;

    start = ngx_pnalloc(pool, json_is_number(claim) ? 64 : n);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;
    last = start + (json_is_number(claim) ? 64 : n);

    if (json_is_array(claim)) {

        json_array_foreach(claim, n, item) {

            if (last - p < 4) {
                break;
            }

            q = ngx_http_gateway_jwt_scalar(p > start ? p + 2 : p, last, item,
                                            1);

            if (q > (p > start ? p + 2 : p)) {

                if (p > start) {
                    p[0] = ',';
                    p[1] = ' ';
                }

                p = q;
            }
        }

    } else if (words && json_is_string(claim)) {

        src = (u_char *) json_string_value(claim);
        q = src + json_string_length(claim);

        while (src < q) {

            end = src;

            while (end < q && *end != ' ' && *end != ',') {
                end++;
            }

            if (end > src
                && ngx_http_gateway_jwt_is_plain(src, end - src, 1))
            {
                if (p > start) {
                    *p++ = ',';
                    *p++ = ' ';
                }

                p = ngx_cpymem(p, src, end - src);
            }

            src = end + 1;
        }

    } else {
        p = ngx_http_gateway_jwt_scalar(p, last, claim, 0);
    }

    value->data = start;
    value->len = p - start;

    return NGX_OK;
}


/* returns p when there is nothing that can be written, or no room for it */

static u_char *
ngx_http_gateway_jwt_scalar(u_char *p, u_char *last, json_t *value,
    ngx_uint_t in_list)
{
    size_t       len;
    double       number;
    const char  *text;

    if (json_is_string(value)) {
        text = json_string_value(value);
        len = json_string_length(value);

        if (len > (size_t) (last - p)
            || !ngx_http_gateway_jwt_is_plain((u_char *) text, len, in_list))
        {
            return p;
        }

        return ngx_cpymem(p, text, len);
    }

    if (last - p < 32) {
        return p;
    }

    if (json_is_boolean(value)) {
        return ngx_sprintf(p, "%s", json_is_true(value) ? "true" : "false");
    }

    if (!json_is_number(value)) {
        return p;
    }

    number = json_number_value(value);

    /* as whole numbers as doubles can hold */

    if (number >= -9007199254740992.0 && number <= 9007199254740992.0
        && number == (double) (int64_t) number)
    {
        return ngx_sprintf(p, "%L", (int64_t) number);
    }

    return p + snprintf((char *) p, 32, "%.17g", number);
}


/* no control characters; in lists no comma either */

static ngx_uint_t
ngx_http_gateway_jwt_is_plain(const u_char *p, size_t len, ngx_uint_t in_list)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f || (in_list && p[i] == ',')) {
            return 0;
        }
    }

    return 1;
}


/* "required_claims.scope=read" */

char *
ngx_http_gateway_jwt_required_claim(ngx_conf_t *cf, void *conf,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_jwt_conf_t  *jcf = conf;

    u_char                        *p;
    uintptr_t                      escape;
    ngx_http_gateway_jwt_claim_t  *rule;

    rule = ngx_http_gateway_jwt_push_claim(cf, &jcf->required, name,
                                           sizeof("required_claims.") - 1);
    if (rule == NULL) {
        return "no memory";
    }

    if (rule->claim.len == 0) {
        return "a claim has no name";
    }

    rule->value = *value;

    escape = ngx_escape_json(NULL, rule->claim.data, rule->claim.len);

    p = ngx_pnalloc(cf->pool, sizeof("{\"\":\"not accepted\"}")
                              + rule->claim.len + escape);
    if (p == NULL) {
        return "no memory";
    }

    rule->body.data = p;

    *p++ = '{';
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, rule->claim.data, rule->claim.len);
    p = ngx_sprintf(p, "\":\"not accepted\"}");

    rule->body.len = p - rule->body.data;

    return NGX_CONF_OK;
}


/* "claims_to_headers.sub=X-User" */

char *
ngx_http_gateway_jwt_claim_header(ngx_conf_t *cf, void *conf,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_jwt_conf_t  *jcf = conf;

    const char                    *wrong;
    ngx_http_gateway_jwt_claim_t  *map;

    map = ngx_http_gateway_jwt_push_claim(cf, &jcf->headers, name,
                                          sizeof("claims_to_headers.") - 1);
    if (map == NULL) {
        return "no memory";
    }

    if (map->claim.len == 0 || value->len == 0) {
        return "write \"claims_to_headers.CLAIM=HEADER\"";
    }

    map->header = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_gateway_header_name_t));
    if (map->header == NULL) {
        return "no memory";
    }

    wrong = gateway_jwt_header_problem((char *) value->data, value->len);

    if (wrong) {
        return (char *) wrong;
    }

    map->header->name = *value;
    map->header->lowcase.len = value->len;
    map->header->lowcase.data = ngx_pnalloc(cf->pool, value->len);
    if (map->header->lowcase.data == NULL) {
        return "no memory";
    }

    ngx_strlow(map->header->lowcase.data, value->data, value->len);

    return NGX_CONF_OK;
}


static ngx_http_gateway_jwt_claim_t *
ngx_http_gateway_jwt_push_claim(ngx_conf_t *cf, ngx_array_t **list,
    ngx_str_t *name, size_t prefix)
{
    ngx_http_gateway_jwt_claim_t  *claim;

    if (*list == NULL) {
        *list = ngx_array_create(cf->pool, 2,
                                 sizeof(ngx_http_gateway_jwt_claim_t));
        if (*list == NULL) {
            return NULL;
        }
    }

    claim = ngx_array_push(*list);
    if (claim == NULL) {
        return NULL;
    }

    ngx_memzero(claim, sizeof(ngx_http_gateway_jwt_claim_t));

    claim->claim.data = name->data + prefix;
    claim->claim.len = name->len - prefix;

    return claim;
}
