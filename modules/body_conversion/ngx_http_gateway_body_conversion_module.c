
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Converts bodies between XML and JSON: of requests in the access step, of
 * responses in the filters, before policies of a lower priority see them.
 * Costs the whole body in memory, twice; what is of another type passes.  A
 * shared object of its own, since it needs libxml2.
 */


#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_body_conversion.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_inflate.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_response_body.h"

#include <libxml/parser.h>


/* before request-transformer-advanced, which has 802 */
#define NGX_HTTP_GATEWAY_BODY_CONVERSION_PRIORITY  803

#define NGX_HTTP_GATEWAY_BODY_CONVERSION_MAX       8388608

#define NGX_HTTP_GATEWAY_BODY_CONVERSION_OWNER     "body conversion"


enum {
    NGX_HTTP_GATEWAY_CONVERSION_NONE = 0,
    NGX_HTTP_GATEWAY_CONVERSION_XML_TO_JSON,
    NGX_HTTP_GATEWAY_CONVERSION_JSON_TO_XML
};


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_uint_t                       request;
    ngx_uint_t                       response;
    ngx_str_t                        root;
    ngx_int_t                        max_body_size;
} ngx_http_gateway_body_conversion_conf_t;


/* there is one only if the response is to be converted */
typedef struct {
    ngx_http_gateway_data_t          head;
    ngx_http_gateway_response_body_t body;
    ngx_str_t                        charset;
    unsigned                         encoded:1; /* it is to be inflated */
} ngx_http_gateway_body_conversion_ctx_t;


static ngx_int_t ngx_http_gateway_body_conversion_access(
    ngx_http_request_t *r, void *conf);
static ngx_int_t ngx_http_gateway_body_conversion_request(
    ngx_http_request_t *r, ngx_http_gateway_body_conversion_conf_t *bccf,
    ngx_table_elt_t *type);
static ngx_int_t ngx_http_gateway_body_conversion_inflate(
    ngx_http_request_t *r, ngx_http_gateway_body_conversion_conf_t *bccf,
    ngx_str_t *body);
static ngx_int_t ngx_http_gateway_body_conversion_bad(ngx_http_request_t *r,
    const char *why);
static ngx_int_t ngx_http_gateway_body_conversion_header(
    ngx_http_request_t *r, void *conf);
static ngx_int_t ngx_http_gateway_body_conversion_body(ngx_http_request_t *r,
    void *conf, ngx_chain_t **in);
static ngx_int_t ngx_http_gateway_body_conversion_response(
    ngx_http_request_t *r, ngx_http_gateway_body_conversion_conf_t *bccf,
    ngx_http_gateway_body_conversion_ctx_t *ctx, ngx_str_t *out);
static ngx_int_t ngx_http_gateway_body_conversion_convert(
    ngx_http_request_t *r, ngx_http_gateway_body_conversion_conf_t *bccf,
    ngx_uint_t how, ngx_str_t *charset, ngx_str_t *text, const char **why);

static ngx_uint_t ngx_http_gateway_body_conversion_of(ngx_str_t *type);
static ngx_uint_t ngx_http_gateway_body_conversion_is(ngx_str_t *type,
    const char *name, size_t len);
static void ngx_http_gateway_body_conversion_charset(ngx_str_t *type,
    ngx_str_t *charset);

static void ngx_http_gateway_body_conversion_defaults(void *conf);
static char *ngx_http_gateway_body_conversion_check(ngx_conf_t *cf,
    void *conf);
static ngx_int_t ngx_http_gateway_body_conversion_preconfiguration(
    ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_body_conversions[] = {
    { ngx_string("none"), NGX_HTTP_GATEWAY_CONVERSION_NONE },
    { ngx_string("xml_to_json"), NGX_HTTP_GATEWAY_CONVERSION_XML_TO_JSON },
    { ngx_string("json_to_xml"), NGX_HTTP_GATEWAY_CONVERSION_JSON_TO_XML },
    { ngx_null_string, 0 }
};


/* of what is converted no longer */
static ngx_str_t  ngx_http_gateway_body_conversion_digests[] = {
    ngx_string("content-md5"), ngx_string("digest"),
    ngx_string("content-digest"), ngx_null_string
};


static ngx_http_gateway_param_t  ngx_http_gateway_body_conversion_params[] = {

    { ngx_string("request"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_body_conversion_conf_t, request), 0, 0,
      ngx_http_gateway_body_conversions },

    { ngx_string("response"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_body_conversion_conf_t, response), 0, 0,
      ngx_http_gateway_body_conversions },

    { ngx_string("root"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_body_conversion_conf_t, root), 0, 0, NULL },

    { ngx_string("max_body_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_body_conversion_conf_t, max_body_size), 1,
      1073741824, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_body_conversion_policy = {
    ngx_string("body_conversion"),
    NGX_HTTP_GATEWAY_BODY_CONVERSION_PRIORITY,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_body_conversion_conf_t),
    ngx_http_gateway_body_conversion_params,
    ngx_http_gateway_body_conversion_defaults,
    ngx_http_gateway_body_conversion_check,
    ngx_http_gateway_body_conversion_access,
    ngx_http_gateway_body_conversion_header,
    ngx_http_gateway_body_conversion_body,
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_body_conversion_commands[] = {

    { ngx_string("gateway_body_conversion"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_body_conversion_policy },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_body_conversion_module_ctx = {
    ngx_http_gateway_body_conversion_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_body_conversion_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_body_conversion_module_ctx, /* module context */
    ngx_http_gateway_body_conversion_commands, /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_body_conversion_access(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_body_conversion_conf_t  *bccf = conf;

    ngx_table_elt_t  *type;

    static ngx_str_t  name = ngx_string("content-type");

    if (bccf->response != NGX_HTTP_GATEWAY_CONVERSION_NONE) {
        ngx_http_gateway_response_body_ask_plain(r);
    }

    if (bccf->request == NGX_HTTP_GATEWAY_CONVERSION_NONE) {
        return NGX_DECLINED;
    }

    type = ngx_http_gateway_header_in(r, &name, 0);

    if (type == NULL
        || ngx_http_gateway_body_conversion_of(&type->value) != bccf->request)
    {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_body_conversion_request(r, bccf, type);
}


static ngx_int_t
ngx_http_gateway_body_conversion_request(ngx_http_request_t *r,
    ngx_http_gateway_body_conversion_conf_t *bccf, ngx_table_elt_t *type)
{
    ngx_int_t    rc;
    ngx_str_t    body, charset, *digest;
    const char  *why;

    static ngx_str_t  name = ngx_string("Content-Type");
    static ngx_str_t  lowcase = ngx_string("content-type");
    static ngx_str_t  json = ngx_string("application/json");
    static ngx_str_t  xml = ngx_string("application/xml");

    rc = ngx_http_gateway_body_read(r, bccf->max_body_size, &body);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_error(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      NULL);
    }

    if (rc != NGX_OK || body.len == 0) {
        return rc;
    }

    ngx_http_gateway_body_conversion_charset(&type->value, &charset);

    rc = ngx_http_gateway_body_conversion_inflate(r, bccf, &body);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_gateway_body_conversion_convert(r, bccf, bccf->request,
                                                  &charset, &body, &why);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_body_conversion_bad(r, why);
    }

    if (rc == NGX_ABORT) {
        return ngx_http_gateway_error(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      NULL);
    }

    if (rc != NGX_OK
        || ngx_http_gateway_body_replace(r, &body) != NGX_OK
        || ngx_http_gateway_header_in_set(r, &name, &lowcase,
               bccf->request == NGX_HTTP_GATEWAY_CONVERSION_XML_TO_JSON
               ? &json : &xml)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (digest = ngx_http_gateway_body_conversion_digests;
         digest->len;
         digest++)
    {
        (void) ngx_http_gateway_header_in_remove(r, digest);
    }

    return NGX_OK;
}


/* NGX_OK, or what the access handler returns */

static ngx_int_t
ngx_http_gateway_body_conversion_inflate(ngx_http_request_t *r,
    ngx_http_gateway_body_conversion_conf_t *bccf, ngx_str_t *body)
{
    ngx_int_t         rc;
    ngx_str_t         plain;
    ngx_table_elt_t  *encoding;

    static ngx_str_t  name = ngx_string("content-encoding");

    encoding = ngx_http_gateway_header_in(r, &name, 0);

    if (encoding == NULL || encoding->value.len == 0
        || (encoding->value.len == sizeof("identity") - 1
            && ngx_strncasecmp(encoding->value.data, (u_char *) "identity",
                               sizeof("identity") - 1)
               == 0))
    {
        return NGX_OK;
    }

    if (!ngx_http_gateway_may_inflate(&encoding->value)) {
        return ngx_http_gateway_error(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                      NULL);
    }

    rc = ngx_http_gateway_inflate(r->pool, body, bccf->max_body_size, &plain);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_body_conversion_bad(r, "not compressed so");
    }

    if (rc == NGX_ABORT) {
        return ngx_http_gateway_error(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      NULL);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_http_gateway_header_in_remove(r, &name);

    *body = plain;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_body_conversion_bad(ngx_http_request_t *r, const char *why)
{
    u_char     text[NGX_MAX_ERROR_STR / 8];
    ngx_str_t  message;

    message.data = text;
    message.len = ngx_snprintf(text, sizeof(text), "the body is %s", why)
                  - text;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  NGX_HTTP_GATEWAY_BODY_CONVERSION_OWNER
                  ": the body of a request is %s", why);

    return ngx_http_gateway_error(r, NGX_HTTP_BAD_REQUEST, &message);
}


static ngx_int_t
ngx_http_gateway_body_conversion_header(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_body_conversion_conf_t  *bccf = conf;

    ngx_int_t                                coding;
    ngx_str_t                                charset, *digest;
    ngx_http_gateway_body_conversion_ctx_t  *ctx;

    static ngx_str_t  encoding = ngx_string("Content-Encoding");

    if (bccf->response == NGX_HTTP_GATEWAY_CONVERSION_NONE
        || ngx_http_gateway_response_is_bodiless(r)
        || r->headers_out.status == NGX_HTTP_PARTIAL_CONTENT
        || r->headers_out.content_length_n == 0
        || ngx_http_gateway_body_conversion_of(&r->headers_out.content_type)
           != bccf->response)
    {
        return NGX_OK;
    }

    coding = ngx_http_gateway_response_body_coding(r,
                                      NGX_HTTP_GATEWAY_BODY_CONVERSION_OWNER);
    if (coding == NGX_DECLINED) {
        return NGX_OK;
    }

    ngx_http_gateway_body_conversion_charset(&r->headers_out.content_type,
                                             &charset);

    ctx = ngx_http_gateway_add_data(r, bccf->instance.policy,
                              sizeof(ngx_http_gateway_body_conversion_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->charset = charset;
    ctx->encoded = coding == NGX_AGAIN;

    if (ngx_http_gateway_response_body_expect(r, &ctx->body,
                                      NGX_HTTP_GATEWAY_BODY_CONVERSION_OWNER,
                                      bccf->max_body_size)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* now, since policies after this one decide by what they see now */

    if (bccf->response == NGX_HTTP_GATEWAY_CONVERSION_XML_TO_JSON) {
        ngx_str_set(&r->headers_out.content_type, "application/json");

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/xml");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    ngx_http_gateway_header_out_remove(r, &encoding);

    for (digest = ngx_http_gateway_body_conversion_digests;
         digest->len;
         digest++)
    {
        ngx_http_gateway_header_out_remove(r, digest);
    }

    ngx_http_gateway_response_body_changes(r);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_body_conversion_body(ngx_http_request_t *r, void *conf,
    ngx_chain_t **in)
{
    ngx_http_gateway_body_conversion_conf_t  *bccf = conf;

    ngx_int_t                                rc;
    ngx_str_t                                text;
    ngx_http_gateway_body_conversion_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_data(r, bccf->instance.policy);

    if (ctx == NULL || ctx->body.done) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_response_body_collect(r, &ctx->body, in);

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    ngx_str_null(&text);

    if (rc == NGX_OK && ctx->body.text.len) {
        rc = ngx_http_gateway_body_conversion_response(r, bccf, ctx, &text);
    }

    return ngx_http_gateway_response_body_finish(r, &ctx->body, rc, &text,
                                                 in);
}


/* NGX_OK; NGX_ABORT: 502; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_body_conversion_response(ngx_http_request_t *r,
    ngx_http_gateway_body_conversion_conf_t *bccf,
    ngx_http_gateway_body_conversion_ctx_t *ctx, ngx_str_t *out)
{
    ngx_int_t    rc;
    const char  *why;

    if (ctx->encoded) {

        rc = ngx_http_gateway_response_body_inflate(r, &ctx->body);

        if (rc != NGX_OK) {
            return rc == NGX_DECLINED ? NGX_ABORT : rc;
        }

        if (ctx->body.text.len == 0) {
            return NGX_OK;
        }
    }

    *out = ctx->body.text;

    rc = ngx_http_gateway_body_conversion_convert(r, bccf, bccf->response,
                                                  &ctx->charset, out, &why);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      NGX_HTTP_GATEWAY_BODY_CONVERSION_OWNER
                      ": the body of a response is %s", why);
        return NGX_ABORT;
    }

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      NGX_HTTP_GATEWAY_BODY_CONVERSION_OWNER
                      ": the body of a response is larger than "
                      "\"max_body_size\" when it is converted");
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_body_conversion_convert(ngx_http_request_t *r,
    ngx_http_gateway_body_conversion_conf_t *bccf, ngx_uint_t how,
    ngx_str_t *charset, ngx_str_t *text, const char **why)
{
    ngx_int_t                      rc;
    ngx_http_gateway_conversion_t  cv;

    ngx_memzero(&cv, sizeof(ngx_http_gateway_conversion_t));

    cv.pool = r->pool;
    cv.root = bccf->root;
    cv.charset = *charset;
    cv.max = bccf->max_body_size;

    rc = how == NGX_HTTP_GATEWAY_CONVERSION_XML_TO_JSON
         ? ngx_http_gateway_conversion_xml_to_json(&cv, text)
         : ngx_http_gateway_conversion_json_to_xml(&cv, text);

    *text = cv.out;
    *why = cv.why;

    return rc;
}


/* how a body of that media type would be converted */

static ngx_uint_t
ngx_http_gateway_body_conversion_of(ngx_str_t *type)
{
    u_char     *p, *last;
    ngx_str_t   name;

    name = *type;

    p = name.data;
    last = p + name.len;

    while (p < last && *p != ';') {
        p++;
    }

    while (p > name.data && (p[-1] == ' ' || p[-1] == '\t')) {
        p--;
    }

    name.len = p - name.data;

    if (ngx_http_gateway_body_conversion_is(&name, "/json", 5)
        || ngx_http_gateway_body_conversion_is(&name, "+json", 5))
    {
        return NGX_HTTP_GATEWAY_CONVERSION_JSON_TO_XML;
    }

    if (ngx_http_gateway_body_conversion_is(&name, "/xml", 4)
        || ngx_http_gateway_body_conversion_is(&name, "+xml", 4))
    {
        return NGX_HTTP_GATEWAY_CONVERSION_XML_TO_JSON;
    }

    return NGX_HTTP_GATEWAY_CONVERSION_NONE;
}


/* "application/json", "text/xml", or any type with that suffix */

static ngx_uint_t
ngx_http_gateway_body_conversion_is(ngx_str_t *type, const char *name,
    size_t len)
{
    size_t  before;

    if (type->len <= len
        || ngx_strncasecmp(type->data + type->len - len, (u_char *) name, len)
           != 0)
    {
        return 0;
    }

    before = type->len - len;

    if (name[0] == '+') {
        return ngx_strlchr(type->data, type->data + before, '/') != NULL;
    }

    return (before == sizeof("application") - 1
            && ngx_strncasecmp(type->data, (u_char *) "application", before)
               == 0)
           || (before == sizeof("text") - 1
               && ngx_strncasecmp(type->data, (u_char *) "text", before)
                  == 0);
}


static void
ngx_http_gateway_body_conversion_charset(ngx_str_t *type, ngx_str_t *charset)
{
    u_char  *p, *last;

    ngx_str_null(charset);

    p = type->data;
    last = p + type->len;

    for ( ;; ) {

        while (p < last && *p != ';') {
            p++;
        }

        while (p < last && (*p == ';' || *p == ' ' || *p == '\t')) {
            p++;
        }

        if (p == last) {
            return;
        }

        if ((size_t) (last - p) > sizeof("charset=") - 1
            && ngx_strncasecmp(p, (u_char *) "charset=",
                               sizeof("charset=") - 1)
               == 0)
        {
            break;
        }
    }

    p += sizeof("charset=") - 1;

    if (*p == '"') {
        p++;
    }

    charset->data = p;

    while (p < last && *p != '"' && *p != ';' && *p != ' ' && *p != '\t') {
        p++;
    }

    charset->len = p - charset->data;
}


static void
ngx_http_gateway_body_conversion_defaults(void *conf)
{
    ngx_http_gateway_body_conversion_conf_t  *bccf = conf;

    ngx_str_set(&bccf->root, "root");
    bccf->max_body_size = NGX_HTTP_GATEWAY_BODY_CONVERSION_MAX;
}


static char *
ngx_http_gateway_body_conversion_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_body_conversion_conf_t  *bccf = conf;

    u_char  c, *p;
    size_t  i;

    if (bccf->request == NGX_HTTP_GATEWAY_CONVERSION_NONE
        && bccf->response == NGX_HTTP_GATEWAY_CONVERSION_NONE)
    {
        return "converts neither \"request\" nor \"response\"";
    }

    p = bccf->root.data;

    for (i = 0; i < bccf->root.len; i++) {
        c = (u_char) (p[i] | 0x20);

        if (!((c >= 'a' && c <= 'z') || p[i] == '_'
              || (i && ((p[i] >= '0' && p[i] <= '9') || p[i] == '-'
                        || p[i] == '.'))))
        {
            break;
        }
    }

    if (i == 0 || i < bccf->root.len
        || i > NGX_HTTP_GATEWAY_CONVERSION_NAME)
    {
        return "needs letters, digits, \"_\", \"-\" and \".\" in \"root\", "
               "first a letter or \"_\"";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_body_conversion_preconfiguration(ngx_conf_t *cf)
{
    xmlInitParser();

    return ngx_http_gateway_add_policy(cf,
                                    &ngx_http_gateway_body_conversion_policy);
}
