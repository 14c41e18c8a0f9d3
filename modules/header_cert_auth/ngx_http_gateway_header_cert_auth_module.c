
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Authentication by a certificate that a proxy in front took from the client's
 * handshake and wrote into a header.  Runs as a policy of the access chain;
 * src/ngx_http_gateway_cert_auth.c does the work.  A certificate is no secret,
 * so the header counts only from trusted addresses, unless told otherwise.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_cert_auth.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "gateway_x509.h"


#define NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_PRIORITY  1009

#define NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_UNSET     0
#define NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_BASE64    1
#define NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_URL       2

/* a chain of some certificates */
#define NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_LIMIT     (64 * 1024)


typedef struct {
    ngx_http_gateway_cert_auth_conf_t  common;
    ngx_str_t                          certificate_header_name;
    ngx_uint_t                         certificate_header_format;
    ngx_flag_t                         secure_source;
    ngx_str_t                          lowcase;
} ngx_http_gateway_header_cert_auth_conf_t;


/* certificates of a header, freed with the request */
typedef struct {
    X509                              *cert;
    STACK_OF(X509)                    *chain;
} ngx_http_gateway_header_cert_auth_certs_t;


static ngx_int_t ngx_http_gateway_header_cert_auth_handler(
    ngx_http_request_t *r, void *conf);
static ngx_int_t ngx_http_gateway_header_cert_auth_read(ngx_http_request_t *r,
    ngx_http_gateway_header_cert_auth_conf_t *hcacf, ngx_str_t *value,
    ngx_http_gateway_header_cert_auth_certs_t **certs);
static ngx_int_t ngx_http_gateway_header_cert_auth_unescape(ngx_str_t *text,
    u_char *dst);
static void ngx_http_gateway_header_cert_auth_cleanup(void *data);
static void ngx_http_gateway_header_cert_auth_defaults(void *conf);
static char *ngx_http_gateway_header_cert_auth_check(ngx_conf_t *cf,
    void *conf);
static ngx_int_t ngx_http_gateway_header_cert_auth_preconfiguration(
    ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_header_cert_auth_formats[] = {
    { ngx_string("base64_encoded"), NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_BASE64 },
    { ngx_string("url_encoded"), NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_URL },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_header_cert_auth_params[] = {

    NGX_HTTP_GATEWAY_CERT_AUTH_PARAMS,

    { ngx_string("certificate_header_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_header_cert_auth_conf_t,
               certificate_header_name), 0, 0, NULL },

    { ngx_string("certificate_header_format"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_header_cert_auth_conf_t,
               certificate_header_format), 0, 0,
      ngx_http_gateway_header_cert_auth_formats },

    { ngx_string("secure_source"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_header_cert_auth_conf_t, secure_source), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_header_cert_auth_policy = {
    ngx_string("header_cert_auth"),
    NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_header_cert_auth_conf_t),
    ngx_http_gateway_header_cert_auth_params,
    ngx_http_gateway_header_cert_auth_defaults,
    ngx_http_gateway_header_cert_auth_check,
    ngx_http_gateway_header_cert_auth_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_header_cert_auth_commands[] = {

    { ngx_string("gateway_header_cert_auth"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_header_cert_auth_policy },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_header_cert_auth_module_ctx = {
    ngx_http_gateway_header_cert_auth_preconfiguration, /* preconf */
    ngx_http_gateway_cert_auth_init,       /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_header_cert_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_header_cert_auth_module_ctx, /* module context */
    ngx_http_gateway_header_cert_auth_commands, /* module directives */
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
ngx_http_gateway_header_cert_auth_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_header_cert_auth_conf_t  *hcacf = conf;

    ngx_uint_t                                  n;
    ngx_table_elt_t                            *h;
    ngx_http_gateway_ctx_t                     *ctx;
    ngx_http_gateway_header_cert_auth_certs_t  *certs;

    if (ngx_http_gateway_cert_auth_skip(r, &hcacf->common)) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_gateway_get_ctx(r);
    certs = NULL;
    n = ngx_http_gateway_header_in_find(r, &hcacf->lowcase, &h);

    /* of two nobody knows which one the proxy wrote */

    if (n == 1 && (ctx->trusted || !hcacf->secure_source)
        && ngx_http_gateway_header_cert_auth_read(r, hcacf, &h->value, &certs)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_cert_auth(r, &hcacf->common,
                                      certs ? certs->cert : NULL,
                                      certs ? certs->chain : NULL);
}


/* NGX_OK, *certs is NULL when it holds no certificate; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_header_cert_auth_read(ngx_http_request_t *r,
    ngx_http_gateway_header_cert_auth_conf_t *hcacf, ngx_str_t *value,
    ngx_http_gateway_header_cert_auth_certs_t **certs)
{
    ngx_str_t                                   text;
    ngx_pool_cleanup_t                         *cln;
    ngx_http_gateway_header_cert_auth_certs_t  *c;

    if (value->len == 0
        || value->len > NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_LIMIT)
    {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool,
                           sizeof(ngx_http_gateway_header_cert_auth_certs_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    c = cln->data;

    text.data = ngx_pnalloc(r->pool, value->len + 4);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    if (hcacf->certificate_header_format
        == NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_BASE64)
    {
        if (ngx_decode_base64(&text, value) != NGX_OK) {
            return NGX_OK;
        }

    } else {
        text.len = value->len;
        ngx_memcpy(text.data, value->data, value->len);

        if (ngx_http_gateway_header_cert_auth_unescape(&text, text.data)
            != NGX_OK)
        {
            return NGX_OK;
        }
    }

    c->cert = gateway_x509_read((char *) text.data, text.len, &c->chain);

    if (c->cert == NULL) {
        return NGX_OK;
    }

    cln->handler = ngx_http_gateway_header_cert_auth_cleanup;
    *certs = c;

    return NGX_OK;
}


/*
 * %XX to bytes, in place.  "+" stays what it is in base64; only forms write
 * one for the blanks of "-----BEGIN CERTIFICATE-----".
 */

static ngx_int_t
ngx_http_gateway_header_cert_auth_unescape(ngx_str_t *text, u_char *dst)
{
    u_char     *p, *last, *line;
    ngx_int_t   n;

    last = text->data + text->len;
    line = dst;

    for (p = text->data; p < last; p++) {

        if (*p == '%') {

            if (last - p < 3) {
                return NGX_ERROR;
            }

            n = ngx_hextoi(p + 1, 2);
            if (n == NGX_ERROR) {
                return NGX_ERROR;
            }

            *dst++ = (u_char) n;
            p += 2;

        } else if (*p == '+' && dst - line >= 5
                   && ngx_strncmp(line, "-----", 5) == 0)
        {
            *dst++ = ' ';

        } else {
            *dst++ = *p;
        }

        if (dst[-1] == LF) {
            line = dst;
        }
    }

    text->len = dst - text->data;

    return NGX_OK;
}


static void
ngx_http_gateway_header_cert_auth_cleanup(void *data)
{
    ngx_http_gateway_header_cert_auth_certs_t  *certs = data;

    X509_free(certs->cert);
    sk_X509_pop_free(certs->chain, X509_free);
}


static void
ngx_http_gateway_header_cert_auth_defaults(void *conf)
{
    ngx_http_gateway_header_cert_auth_conf_t  *hcacf = conf;

    ngx_http_gateway_cert_auth_defaults(&hcacf->common);

    hcacf->secure_source = 1;
}


static char *
ngx_http_gateway_header_cert_auth_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_header_cert_auth_conf_t  *hcacf = conf;

    u_char                         ch;
    size_t                         i;
    ngx_str_t                     *name;
    ngx_http_gateway_main_conf_t  *gmcf;

    name = &hcacf->certificate_header_name;

    if (name->len == 0) {
        return "needs \"certificate_header_name\"";
    }

    for (i = 0; i < name->len; i++) {
        ch = ngx_tolower(name->data[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-' || ch == '_'))
        {
            return "has an invalid \"certificate_header_name\"";
        }
    }

    if (hcacf->certificate_header_format
        == NGX_HTTP_GATEWAY_HEADER_CERT_AUTH_UNSET)
    {
        return "needs \"certificate_header_format\": \"base64_encoded\" or "
               "\"url_encoded\"";
    }

    if (hcacf->secure_source) {
        gmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_gateway_module);
        gmcf->judges = 1;
    }

    hcacf->lowcase.len = name->len;
    hcacf->lowcase.data = ngx_pnalloc(cf->pool, name->len);
    if (hcacf->lowcase.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(hcacf->lowcase.data, name->data, name->len);

    return ngx_http_gateway_cert_auth_check(cf, &hcacf->common);
}


static ngx_int_t
ngx_http_gateway_header_cert_auth_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                   &ngx_http_gateway_header_cert_auth_policy);
}
