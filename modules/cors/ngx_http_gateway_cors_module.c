
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Cross-origin resource sharing: answers preflight requests in the access
 * step, before authentication, and adds its headers to all other responses.
 * Costs a search of the request's headers, and one regex per origin that is
 * configured as such.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"


/* what an Origin, or an origin of the configuration, says */
typedef struct {
    ngx_str_t                     domain;    /* "scheme://host[:port]", or
                                                all of it if it is another */
    ngx_str_t                     host;
} ngx_http_gateway_cors_origin_t;


typedef struct {
    ngx_http_gateway_cors_origin_t  origin;  /* a literal */
#if (NGX_PCRE)
    ngx_regex_t                  *regex;     /* or NULL */
#endif
    unsigned                      by_host:1; /* the regex is for the host */
} ngx_http_gateway_cors_entry_t;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_array_t                  *origins;
    ngx_array_t                  *methods;
    ngx_array_t                  *headers;
    ngx_array_t                  *exposed_headers;
    ngx_str_t                     max_age;
    ngx_flag_t                    credentials;
    ngx_flag_t                    private_network;
    ngx_flag_t                    preflight_continue;
    ngx_flag_t                    allow_origin_absent;

    /* made from the above */

    ngx_str_t                     only;      /* the only origin, a literal */
    ngx_uint_t                    n;
    ngx_http_gateway_cors_entry_t  *entries;
    ngx_str_t                     methods_text;
    ngx_str_t                     headers_text;
    ngx_str_t                     exposed_text;
    unsigned                      any:1;     /* all origins */
    unsigned                      wildcard:1;/* "*" among several */
} ngx_http_gateway_cors_conf_t;


/* what the origin of a request leads to */
typedef struct {
    ngx_str_t                     allow;     /* the header; empty: none */
    unsigned                      vary:1;
    unsigned                      credentials:1;
} ngx_http_gateway_cors_answer_t;


static ngx_int_t ngx_http_gateway_cors_handler(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_gateway_cors_preflight(ngx_http_request_t *r,
    ngx_http_gateway_cors_conf_t *conf, ngx_str_t *origin);
static ngx_int_t ngx_http_gateway_cors_header(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_gateway_cors_decide(ngx_http_request_t *r,
    ngx_http_gateway_cors_conf_t *conf, ngx_str_t *origin,
    ngx_http_gateway_cors_answer_t *answer);
static ngx_int_t ngx_http_gateway_cors_find(ngx_http_request_t *r,
    ngx_http_gateway_cors_conf_t *conf, ngx_str_t *origin,
    ngx_str_t *domain);
static ngx_int_t ngx_http_gateway_cors_normalize(ngx_pool_t *pool,
    ngx_str_t *text, ngx_http_gateway_cors_origin_t *origin);
static ngx_str_t *ngx_http_gateway_cors_origin(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_cors_set(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);

static void ngx_http_gateway_cors_defaults(void *data);
static char *ngx_http_gateway_cors_check(ngx_conf_t *cf, void *data);
static char *ngx_http_gateway_cors_check_origin(ngx_conf_t *cf,
    ngx_str_t *text, ngx_http_gateway_cors_entry_t *entry);
static ngx_int_t ngx_http_gateway_cors_join(ngx_conf_t *cf,
    ngx_array_t *list, ngx_str_t *text);
static ngx_uint_t ngx_http_gateway_cors_is_literal(ngx_str_t *text);
static char *ngx_http_gateway_cors_max_age(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_cors_preconfiguration(ngx_conf_t *cf);


static ngx_str_t  ngx_http_gateway_cors_allow_origin =
    ngx_string("Access-Control-Allow-Origin");
static ngx_str_t  ngx_http_gateway_cors_allow_credentials =
    ngx_string("Access-Control-Allow-Credentials");
static ngx_str_t  ngx_http_gateway_cors_expose_headers =
    ngx_string("Access-Control-Expose-Headers");
static ngx_str_t  ngx_http_gateway_cors_allow_headers =
    ngx_string("Access-Control-Allow-Headers");
static ngx_str_t  ngx_http_gateway_cors_allow_methods =
    ngx_string("Access-Control-Allow-Methods");
static ngx_str_t  ngx_http_gateway_cors_max_age_name =
    ngx_string("Access-Control-Max-Age");
static ngx_str_t  ngx_http_gateway_cors_allow_private =
    ngx_string("Access-Control-Allow-Private-Network");
static ngx_str_t  ngx_http_gateway_cors_vary = ngx_string("Vary");
static ngx_str_t  ngx_http_gateway_cors_vary_origin = ngx_string("Origin");
static ngx_str_t  ngx_http_gateway_cors_star = ngx_string("*");
static ngx_str_t  ngx_http_gateway_cors_true = ngx_string("true");


static ngx_http_gateway_param_t  ngx_http_gateway_cors_params[] = {

    { ngx_string("origins"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_cors_conf_t, origins), 0, 0, NULL },

    { ngx_string("methods"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_cors_conf_t, methods), 0, 0, NULL },

    { ngx_string("headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_cors_conf_t, headers), 0, 0, NULL },

    { ngx_string("exposed_headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_cors_conf_t, exposed_headers), 0, 0, NULL },

    { ngx_string("max_age"), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      (void *) ngx_http_gateway_cors_max_age },

    { ngx_string("credentials"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_cors_conf_t, credentials), 0, 0, NULL },

    { ngx_string("private_network"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_cors_conf_t, private_network), 0, 0, NULL },

    { ngx_string("preflight_continue"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_cors_conf_t, preflight_continue), 0, 0,
      NULL },

    { ngx_string("allow_origin_absent"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_cors_conf_t, allow_origin_absent), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_cors = {
    ngx_string("cors"),
    2000,
    NGX_HTTP_GATEWAY_NO_CONSUMER,

    sizeof(ngx_http_gateway_cors_conf_t),
    ngx_http_gateway_cors_params,
    ngx_http_gateway_cors_defaults,
    ngx_http_gateway_cors_check,

    ngx_http_gateway_cors_handler,
    ngx_http_gateway_cors_header,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_cors_commands[] = {

    { ngx_string("gateway_cors"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_cors },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_cors_module_ctx = {
    ngx_http_gateway_cors_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_cors_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_cors_module_ctx, /* module context */
    ngx_http_gateway_cors_commands,    /* module directives */
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
ngx_http_gateway_cors_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_cors_conf_t  *conf = data;

    ngx_str_t               *origin;
    ngx_http_gateway_ctx_t  *ctx;

    static ngx_str_t  method = ngx_string("access-control-request-method");

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx->method != NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    origin = ngx_http_gateway_cors_origin(r);

    if (origin == NULL || ngx_http_gateway_header_in(r, &method, 0) == NULL) {
        return NGX_DECLINED;
    }

    /* tells the header handler to leave the response alone */

    if (ngx_http_gateway_add_data(r, &ngx_http_gateway_cors,
                                  sizeof(ngx_http_gateway_data_t))
        == NULL)
    {
        return NGX_ERROR;
    }

    if (conf->preflight_continue) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_cors_preflight(r, conf, origin) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_exit(r, NGX_HTTP_OK, NULL, NULL);
}


static ngx_int_t
ngx_http_gateway_cors_preflight(ngx_http_request_t *r,
    ngx_http_gateway_cors_conf_t *conf, ngx_str_t *origin)
{
    ngx_str_t                       *headers;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_cors_answer_t   answer;

    static ngx_str_t  request_headers =
        ngx_string("access-control-request-headers");
    static ngx_str_t  request_private =
        ngx_string("access-control-request-private-network");

    if (ngx_http_gateway_cors_decide(r, conf, origin, &answer) != NGX_OK) {
        return NGX_ERROR;
    }

    headers = &conf->headers_text;

    if (headers->len == 0) {
        h = ngx_http_gateway_header_in(r, &request_headers, 0);

        if (h) {
            headers = &h->value;
        }
    }

    h = conf->private_network
        ? ngx_http_gateway_header_in(r, &request_private, 0) : NULL;

    if (ngx_http_gateway_cors_set(r, &ngx_http_gateway_cors_allow_origin,
                                  &answer.allow)
        != NGX_OK
        || (answer.vary
            && ngx_http_gateway_cors_set(r, &ngx_http_gateway_cors_vary,
                                         &ngx_http_gateway_cors_vary_origin)
               != NGX_OK)
        || (answer.credentials
            && ngx_http_gateway_cors_set(r,
                                     &ngx_http_gateway_cors_allow_credentials,
                                     &ngx_http_gateway_cors_true)
               != NGX_OK)
        || ngx_http_gateway_cors_set(r, &ngx_http_gateway_cors_allow_headers,
                                     headers)
           != NGX_OK
        || ngx_http_gateway_cors_set(r, &ngx_http_gateway_cors_allow_methods,
                                     &conf->methods_text)
           != NGX_OK
        || ngx_http_gateway_cors_set(r, &ngx_http_gateway_cors_max_age_name,
                                     &conf->max_age)
           != NGX_OK
        || (h && h->value.len == 4
            && ngx_strncmp(h->value.data, "true", 4) == 0
            && ngx_http_gateway_cors_set(r,
                                         &ngx_http_gateway_cors_allow_private,
                                         &ngx_http_gateway_cors_true)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* every response but that of a preflight, whoever makes it */

static ngx_int_t
ngx_http_gateway_cors_header(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_cors_conf_t  *conf = data;

    ngx_str_t                       *origin;
    ngx_http_gateway_cors_answer_t   answer;

    if (ngx_http_gateway_get_data(r, &ngx_http_gateway_cors)) {
        return NGX_OK;
    }

    origin = ngx_http_gateway_cors_origin(r);

    if (origin == NULL && !conf->allow_origin_absent) {
        return NGX_OK;
    }

    if (ngx_http_gateway_cors_decide(r, conf, origin, &answer) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->upstream || ngx_http_gateway_get_ctx(r)->cached) {
        ngx_http_gateway_header_out_remove(r,
                                         &ngx_http_gateway_cors_allow_origin);

        if (answer.credentials) {
            ngx_http_gateway_header_out_remove(r,
                                    &ngx_http_gateway_cors_allow_credentials);
        }

        if (conf->exposed_text.len) {
            ngx_http_gateway_header_out_remove(r,
                                       &ngx_http_gateway_cors_expose_headers);
        }
    }

    /* Vary is added beside the upstream's own */

    if (ngx_http_gateway_cors_set(r, &ngx_http_gateway_cors_allow_origin,
                                  &answer.allow)
        != NGX_OK
        || (answer.vary
            && ngx_http_gateway_cors_set(r, &ngx_http_gateway_cors_vary,
                                         &ngx_http_gateway_cors_vary_origin)
               != NGX_OK)
        || (answer.credentials
            && ngx_http_gateway_cors_set(r,
                                     &ngx_http_gateway_cors_allow_credentials,
                                     &ngx_http_gateway_cors_true)
               != NGX_OK)
        || ngx_http_gateway_cors_set(r,
                                     &ngx_http_gateway_cors_expose_headers,
                                     &conf->exposed_text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* origin is NULL when the request has none */

static ngx_int_t
ngx_http_gateway_cors_decide(ngx_http_request_t *r,
    ngx_http_gateway_cors_conf_t *conf, ngx_str_t *origin,
    ngx_http_gateway_cors_answer_t *answer)
{
    ngx_int_t   rc;
    ngx_uint_t  all;

    ngx_memzero(answer, sizeof(ngx_http_gateway_cors_answer_t));

    all = 0;

    if (conf->any) {
        answer->allow = ngx_http_gateway_cors_star;
        all = 1;

    } else {
        answer->vary = 1;

        if (conf->only.len) {
            answer->allow = conf->only;

        } else if (origin && conf->wildcard) {
            answer->allow = ngx_http_gateway_cors_star;
            all = 1;

        } else if (origin) {
            rc = ngx_http_gateway_cors_find(r, conf, origin, &answer->allow);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "cors: allow:\"%V\" all:%ui", &answer->allow, all);

    if (!conf->credentials) {
        return NGX_OK;
    }

    if (!all) {
        answer->credentials = 1;

    } else if (origin) {

        /* browsers take no "*" together with credentials */

        answer->allow = *origin;
        answer->vary = 1;
        answer->credentials = 1;
    }

    return NGX_OK;
}


/* NGX_DECLINED: no entry matches */

static ngx_int_t
ngx_http_gateway_cors_find(ngx_http_request_t *r,
    ngx_http_gateway_cors_conf_t *conf, ngx_str_t *origin, ngx_str_t *domain)
{
#if (NGX_PCRE)
    ngx_int_t                        rc;
    ngx_str_t                       *subject;
#endif
    ngx_uint_t                       i;
    ngx_http_gateway_cors_entry_t   *entry;
    ngx_http_gateway_cors_origin_t   request;

    if (ngx_http_gateway_cors_normalize(r->pool, origin, &request) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->n; i++) {

        entry = &conf->entries[i];

#if (NGX_PCRE)
        if (entry->regex) {
            subject = entry->by_host ? &request.host : &request.domain;

            rc = ngx_regex_exec(entry->regex, subject, NULL, 0);

            if (rc >= 0) {
                *domain = request.domain;
                return NGX_OK;
            }

            if (rc != NGX_REGEX_NO_MATCHED) {
                ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                              "cors: " ngx_regex_exec_n " failed: %i", rc);
            }

            continue;
        }
#endif

        if (request.domain.len == entry->origin.domain.len
            && ngx_memcmp(request.domain.data, entry->origin.domain.data,
                          request.domain.len)
               == 0)
        {
            *domain = request.domain;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/*
 * "scheme://user@host:port/path" without user, path and the port that the
 * scheme implies; what has no "scheme://host" is taken as it is.
 */

static ngx_int_t
ngx_http_gateway_cors_normalize(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_gateway_cors_origin_t *origin)
{
    u_char     *p, *last, *host, *port, *start;
    ngx_str_t   scheme;

    origin->domain = *text;
    origin->host = *text;

    p = text->data;
    last = p + text->len;

    while (p < last && ((*p >= '0' && *p <= '9')
                        || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')
                        || *p == '+' || *p == '-' || *p == '.'))
    {
        p++;
    }

    scheme.data = text->data;
    scheme.len = p - text->data;

    if (scheme.len == 0 || last - p < 4 || p[0] != ':' || p[1] != '/'
        || p[2] != '/')
    {
        return NGX_OK;
    }

    p += 3;
    host = p;
    port = NULL;

    for ( /* void */ ; p < last; p++) {

        if (*p == '/' || *p == '?' || *p == '#') {
            break;
        }

        if (*p == '@') {
            host = p + 1;
            port = NULL;

        } else if (*p == ':') {
            port = p;

        } else if (*p == ']') {
            port = NULL;
        }
    }

    if (host == p || host == port) {
        return NGX_OK;
    }

    origin->host.data = host;
    origin->host.len = (port ? port : p) - host;

    if (port
        && (p == port + 1
            || (scheme.len == 4 && ngx_strncmp(scheme.data, "http", 4) == 0
                && p - port == 3 && port[1] == '8' && port[2] == '0')
            || (scheme.len == 5 && ngx_strncmp(scheme.data, "https", 5) == 0
                && p - port == 4 && ngx_strncmp(port, ":443", 4) == 0)))
    {
        p = port;
    }

    if (host == text->data + scheme.len + 3) {
        origin->domain.len = p - text->data;
        return NGX_OK;
    }

    /* without the user in the middle */

    start = ngx_pnalloc(pool, scheme.len + 3 + (p - host));
    if (start == NULL) {
        return NGX_ERROR;
    }

    origin->domain.data = start;
    start = ngx_cpymem(start, text->data, scheme.len + 3);
    start = ngx_cpymem(start, host, p - host);
    origin->domain.len = start - origin->domain.data;

    return NGX_OK;
}


/* NULL: none, or empty */

static ngx_str_t *
ngx_http_gateway_cors_origin(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("origin");

    h = ngx_http_gateway_header_in(r, &name, 0);

    return (h && h->value.len) ? &h->value : NULL;
}


/* adds the header unless the value is empty */

static ngx_int_t
ngx_http_gateway_cors_set(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_OK;
    }

    return ngx_http_gateway_header_out_add(r, name, value) ? NGX_OK
                                                           : NGX_ERROR;
}


static void
ngx_http_gateway_cors_defaults(void *data)
{
    ngx_http_gateway_cors_conf_t  *conf = data;

    conf->allow_origin_absent = 1;
}


static char *
ngx_http_gateway_cors_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_cors_conf_t  *conf = data;

    char        *rv;
    ngx_str_t   *origin;
    ngx_uint_t   i;

    if (ngx_http_gateway_cors_join(cf, conf->methods, &conf->methods_text)
        != NGX_OK
        || ngx_http_gateway_cors_join(cf, conf->headers, &conf->headers_text)
           != NGX_OK
        || ngx_http_gateway_cors_join(cf, conf->exposed_headers,
                                      &conf->exposed_text)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->methods == NULL) {
        ngx_str_set(&conf->methods_text, "GET,HEAD,PUT,PATCH,POST,DELETE,"
                                         "OPTIONS,TRACE,CONNECT");
    }

    if (conf->origins == NULL) {
        conf->any = 1;
        return NGX_CONF_OK;
    }

    origin = conf->origins->elts;

    if (conf->origins->nelts == 1) {

        if (origin[0].len == 1 && origin[0].data[0] == '*') {
            conf->any = 1;
            return NGX_CONF_OK;
        }

        if (ngx_http_gateway_cors_is_literal(&origin[0])) {
            conf->only = origin[0];
            return NGX_CONF_OK;
        }
    }

    conf->n = conf->origins->nelts;
    conf->entries = ngx_pcalloc(cf->pool,
                           conf->n * sizeof(ngx_http_gateway_cors_entry_t));
    if (conf->entries == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < conf->n; i++) {

        if (origin[i].len == 1 && origin[i].data[0] == '*') {
            conf->wildcard = 1;
            continue;
        }

        rv = ngx_http_gateway_cors_check_origin(cf, &origin[i],
                                                &conf->entries[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_cors_check_origin(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_gateway_cors_entry_t *entry)
{
#if (NGX_PCRE)
    u_char               *p;
    ngx_regex_compile_t   rc;
    u_char                errstr[NGX_MAX_CONF_ERRSTR];
#endif

    if (text->len == 0) {
        return "has an empty \"origins\"";
    }

    if (ngx_http_gateway_cors_is_literal(text)) {
        return ngx_http_gateway_cors_normalize(cf->pool, text, &entry->origin)
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

#if (NGX_PCRE)

    entry->by_host = ngx_strlchr(text->data, text->data + text->len, ':')
                     == NULL;

    /*
     * Kong appends "$", which anchors only the last branch of "a|b", so that
     * "a.evil.test" passes; here all of the origin has to match.
     */

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern.data = ngx_pnalloc(cf->pool, text->len
                                            + sizeof("\\A(?:)\\z"));
    if (rc.pattern.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_sprintf(rc.pattern.data, "\\A(?:%V)\\z", text);
    *p = '\0';
    rc.pattern.len = p - rc.pattern.data;

    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid regex \"%V\" in \"gateway_cors\": %V",
                           text, &rc.err);
        return NGX_CONF_ERROR;
    }

    entry->regex = rc.regex;

    return NGX_CONF_OK;

#else

    return "has a regex in \"origins\", for which nginx needs PCRE";

#endif
}


static ngx_int_t
ngx_http_gateway_cors_join(ngx_conf_t *cf, ngx_array_t *list, ngx_str_t *text)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (list == NULL) {
        return NGX_OK;
    }

    value = list->elts;
    len = 0;

    for (i = 0; i < list->nelts; i++) {
        len += value[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < list->nelts; i++) {
        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, value[i].data, value[i].len);
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* no character that would make it a regex */

static ngx_uint_t
ngx_http_gateway_cors_is_literal(ngx_str_t *text)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || c == '.' || c == ':' || c == '/'
              || c == '-'))
        {
            return 0;
        }
    }

    return 1;
}


/* kept as text, which goes into the header */

static char *
ngx_http_gateway_cors_max_age(ngx_conf_t *cf, void *data, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_http_gateway_cors_conf_t  *conf = data;

    ngx_uint_t  i, dots, digits;

    dots = 0;
    digits = 0;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] >= '0' && value->data[i] <= '9') {
            digits++;

        } else if (value->data[i] == '.' && digits && dots == 0) {
            dots++;

        } else if (value->data[i] != '-' || i != 0) {
            break;
        }
    }

    if (digits == 0 || i != value->len) {
        return "expected a number of seconds";
    }

    conf->max_age = *value;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_cors_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_cors);
}
