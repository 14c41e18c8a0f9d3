
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What authentication policies share: who the request is from, the headers
 * that tell the upstream, the fallback to an anonymous consumer, the 401.
 * Costs at most six new request headers and, where the client's were not
 * removed before, one pass over all of them.
 */


#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"


static ngx_int_t ngx_http_gateway_auth_identity(ngx_http_request_t *r,
    ngx_http_gateway_consumer_t *consumer,
    ngx_http_gateway_credential_t *credential, ngx_uint_t anonymous);
static void ngx_http_gateway_auth_clear(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static ngx_uint_t ngx_http_gateway_auth_is_identity(ngx_str_t *name,
    ngx_http_gateway_header_name_t **names);


static ngx_http_gateway_header_name_t  ngx_http_gateway_auth_consumer_id =
    ngx_http_gateway_header_name("X-Consumer-ID", "x-consumer-id");

static ngx_http_gateway_header_name_t  ngx_http_gateway_auth_custom_id =
    ngx_http_gateway_header_name("X-Consumer-Custom-ID",
                                 "x-consumer-custom-id");

static ngx_http_gateway_header_name_t  ngx_http_gateway_auth_username =
    ngx_http_gateway_header_name("X-Consumer-Username",
                                 "x-consumer-username");

static ngx_http_gateway_header_name_t  ngx_http_gateway_auth_credential =
    ngx_http_gateway_header_name("X-Credential-Identifier",
                                 "x-credential-identifier");

static ngx_http_gateway_header_name_t  ngx_http_gateway_auth_anonymous =
    ngx_http_gateway_header_name("X-Anonymous-Consumer",
                                 "x-anonymous-consumer");

static ngx_http_gateway_header_name_t  ngx_http_gateway_auth_groups =
    ngx_http_gateway_header_name("X-Consumer-Groups", "x-consumer-groups");

static ngx_http_gateway_header_name_t
    ngx_http_gateway_auth_authenticated_groups =
    ngx_http_gateway_header_name("X-Authenticated-Groups",
                                 "x-authenticated-groups");


ngx_uint_t
ngx_http_gateway_auth_skip(ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_auth_conf_t *acf)
{
    return acf->consumer != NULL && ctx->credential != NULL;
}


ngx_int_t
ngx_http_gateway_auth_succeed(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_credential_t *credential)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    /* another policy may find nothing yet, which is no failure of this one */

    if (gmcf->guard) {
        gmcf->guard->succeeded(r);
    }

    if (!ngx_http_gateway_auth_is_clean(r, ctx)) {
        ngx_http_gateway_auth_clear(r, ctx);
    }

    ctx->consumer = credential->consumer;
    ctx->credential = credential;
    ctx->anonymous = 0;

    return ngx_http_gateway_auth_identity(r, ctx->consumer, credential, 0);
}


ngx_int_t
ngx_http_gateway_auth_fail(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_auth_conf_t *acf, const ngx_str_t *message)
{
    if (acf->consumer) {
        return ngx_http_gateway_auth_fallback(r, ctx, acf);
    }

    if (ngx_http_gateway_auth_challenge(r, acf, &acf->challenge, message)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_error(r, NGX_HTTP_UNAUTHORIZED, message);
}


ngx_int_t
ngx_http_gateway_auth_attempt(ngx_http_request_t *r,
    ngx_http_gateway_auth_conf_t *acf, const ngx_str_t *name)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->guard == NULL) {
        return NGX_DECLINED;
    }

    return gmcf->guard->attempt(r, acf->instance.policy, name);
}


void
ngx_http_gateway_auth_failed(ngx_http_request_t *r)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->guard) {
        gmcf->guard->failed(r);
    }
}


ngx_int_t
ngx_http_gateway_auth_fallback(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_auth_conf_t *acf)
{
    ngx_http_gateway_auth_failed(r);

    if (!ngx_http_gateway_auth_is_clean(r, ctx)) {
        ngx_http_gateway_auth_clear(r, ctx);
    }

    ctx->consumer = acf->consumer;
    ctx->credential = NULL;
    ctx->anonymous = 1;

    return ngx_http_gateway_auth_identity(r, acf->consumer, NULL, 1);
}


ngx_int_t
ngx_http_gateway_auth_challenge(ngx_http_request_t *r,
    ngx_http_gateway_auth_conf_t *acf, const ngx_str_t *challenge,
    const ngx_str_t *message)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("WWW-Authenticate");

    ngx_http_gateway_auth_failed(r);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "%V: %V", &acf->instance.policy->name, message);

    h = ngx_http_gateway_header_out_add(r, &name, challenge);
    if (h == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.www_authenticate = h;

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_auth_is_clean(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    return gmcf->strip_identity && ctx->matched_any && ctx->consumer == NULL
           && ctx->credential == NULL;
}


ngx_uint_t
ngx_http_gateway_auth_equal(const ngx_str_t *a, const ngx_str_t *b)
{
    size_t             i;
    uint64_t           x, y;
    volatile uint64_t  diff;

    if (a->len != b->len) {
        return 0;
    }

    diff = 0;

    /* eight bytes at a time; volatile keeps the loop from ending early */

    for (i = 0; i + 8 <= a->len; i += 8) {
        ngx_memcpy(&x, a->data + i, 8);
        ngx_memcpy(&y, b->data + i, 8);
        diff |= x ^ y;
    }

    for ( /* void */ ; i < a->len; i++) {
        diff |= a->data[i] ^ b->data[i];
    }

    return diff == 0;
}


static ngx_int_t
ngx_http_gateway_auth_identity(ngx_http_request_t *r,
    ngx_http_gateway_consumer_t *consumer,
    ngx_http_gateway_credential_t *credential, ngx_uint_t anonymous)
{
    ngx_uint_t                       n;
    ngx_http_gateway_header_line_t   lines[6];

    static ngx_str_t  yes = ngx_string("true");

    n = 0;

    if (consumer) {
        lines[n].header = &ngx_http_gateway_auth_consumer_id;
        lines[n++].value = &consumer->id;

        if (consumer->custom_id.len) {
            lines[n].header = &ngx_http_gateway_auth_custom_id;
            lines[n++].value = &consumer->custom_id;
        }

        if (consumer->username.len) {
            lines[n].header = &ngx_http_gateway_auth_username;
            lines[n++].value = &consumer->username;
        }

        /* acl, which comes later, has more to say about them */

        if (consumer->group_names.len) {
            lines[n].header = &ngx_http_gateway_auth_groups;
            lines[n++].value = &consumer->group_names;
        }
    }

    if (credential && credential->identifier.len) {
        lines[n].header = &ngx_http_gateway_auth_credential;
        lines[n++].value = &credential->identifier;
    }

    if (anonymous) {
        lines[n].header = &ngx_http_gateway_auth_anonymous;
        lines[n++].value = &yes;
    }

    return ngx_http_gateway_header_in_add_lines(r, lines, n);
}


/*
 * Takes out what the client sent under these names, or an earlier policy
 * wrote.  A name with "_" counts as well: many frameworks take it for the one
 * with "-".
 */

static void
ngx_http_gateway_auth_clear(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_uint_t  i;

    ngx_http_gateway_header_name_t  *names[] = {
        &ngx_http_gateway_auth_consumer_id,
        &ngx_http_gateway_auth_custom_id,
        &ngx_http_gateway_auth_username,
        &ngx_http_gateway_auth_credential,
        &ngx_http_gateway_auth_anonymous,
        &ngx_http_gateway_auth_groups,
        NULL,
        NULL
    };

    /* what an earlier policy told is still true */

    if (ctx->authenticated_groups.len == 0) {
        names[6] = &ngx_http_gateway_auth_authenticated_groups;
    }

    /* written by an earlier policy, and not always in nginx's list */

    if (ctx->consumer || ctx->credential) {
        for (i = 0; names[i]; i++) {
            (void) ngx_http_gateway_header_in_remove(r, &names[i]->lowcase);
        }
    }

    ngx_http_gateway_auth_clear_client(r, names);
}


void
ngx_http_gateway_auth_clear_client(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t **names)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;

    while (part) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len >= sizeof("x-consumer-id") - 1
                && ngx_tolower(h[i].key.data[0]) == 'x'
                && ngx_http_gateway_auth_is_identity(&h[i].key, names))
            {
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
ngx_http_gateway_auth_is_identity(ngx_str_t *name,
    ngx_http_gateway_header_name_t **names)
{
    u_char      ch;
    size_t      n;
    ngx_str_t  *known;
    ngx_uint_t  i;

    for (i = 0; names[i]; i++) {
        known = &names[i]->lowcase;

        if (known->len != name->len) {
            continue;
        }

        for (n = 0; n < name->len; n++) {
            ch = ngx_tolower(name->data[n]);

            if (known->data[n] != (ch == '_' ? '-' : ch)) {
                break;
            }
        }

        if (n == name->len) {
            return 1;
        }
    }

    return 0;
}


char *
ngx_http_gateway_auth_check(ngx_conf_t *cf, ngx_array_t *confs,
    ngx_http_gateway_auth_conf_t *acf, const char *scheme)
{
    u_char                         *p;
    size_t                          i, len;
    ngx_http_gateway_auth_conf_t  **pacf;

    if (acf->anonymous.data) {

        if (acf->anonymous.len == 0) {
            return "has an empty \"anonymous\": name a consumer";
        }

        if (confs->elts == NULL
            && ngx_array_init(confs, cf->pool, 4, sizeof(void *)) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        pacf = ngx_array_push(confs);
        if (pacf == NULL) {
            return NGX_CONF_ERROR;
        }

        *pacf = acf;
    }

    len = ngx_strlen(scheme);

    if (acf->realm.len == 0) {
        acf->challenge.data = (u_char *) scheme;
        acf->challenge.len = len;
        return NGX_CONF_OK;
    }

    /* quotes and backslashes may double */

    p = ngx_pnalloc(cf->pool,
                    len + sizeof(" realm=\"\"") - 1 + 2 * acf->realm.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    acf->challenge.data = p;

    p = ngx_cpymem(p, scheme, len);
    p = ngx_cpymem(p, " realm=\"", sizeof(" realm=\"") - 1);

    for (i = 0; i < acf->realm.len; i++) {

        if (acf->realm.data[i] < 0x20 || acf->realm.data[i] == 0x7f) {
            return "has a control character in \"realm\"";
        }

        if (acf->realm.data[i] == '"' || acf->realm.data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = acf->realm.data[i];
    }

    *p++ = '"';
    acf->challenge.len = p - acf->challenge.data;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_auth_init(ngx_conf_t *cf, ngx_array_t *confs)
{
    ngx_uint_t                      i;
    ngx_http_gateway_auth_conf_t  **acf;

    acf = confs->elts;

    for (i = 0; i < confs->nelts; i++) {

        acf[i]->consumer = ngx_http_gateway_find_consumer(cf,
                                                      &acf[i]->anonymous);

        if (acf[i]->consumer == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "anonymous consumer \"%V\" of \"gateway_%V\" in "
                          "%s:%ui doesn't exist: add a gateway_consumer with "
                          "this id or username",
                          &acf[i]->anonymous, &acf[i]->instance.policy->name,
                          acf[i]->instance.file_name,
                          acf[i]->instance.line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
