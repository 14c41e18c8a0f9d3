
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends the log records of requests to an HTTP server, in the background:
 * they wait in a queue of the worker, which tries again when the server fails.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_queue.h"
#include "ngx_http_gateway_record.h"


/* milliseconds, 24 days */
#define NGX_HTTP_GATEWAY_HTTP_LOG_ALWAYS  2147483647


typedef struct {
    ngx_http_gateway_record_conf_t   record;    /* must be the first */
    ngx_str_t                        http_endpoint;
    ngx_str_t                        method;
    ngx_str_t                        content_type;
    ngx_uint_t                       timeout;   /* milliseconds */
    ngx_uint_t                       keepalive; /* 0: without an end */
    ngx_array_t                      headers;   /* ngx_keyval_t; names end
                                                   with a zero */
    ngx_http_gateway_queue_conf_t    queue_conf;

    ngx_str_t                        url;       /* no user, no query */
    ngx_str_t                        authorization;
    ngx_http_gateway_queue_t        *queue;     /* shared by equal ones */
    ngx_http_gateway_fetcher_t      *fetcher;
} ngx_http_gateway_http_log_conf_t;


typedef struct {
    ngx_array_t                      confs;     /* ..._conf_t * */
    ngx_http_gateway_fetcher_t       fetcher;
} ngx_http_gateway_http_log_main_conf_t;


static void ngx_http_gateway_http_log_log(ngx_http_request_t *r, void *data);
static void ngx_http_gateway_http_log_send(
    ngx_http_gateway_queue_batch_t *batch);
static ngx_int_t ngx_http_gateway_http_log_body(
    ngx_http_gateway_queue_batch_t *batch, ngx_http_gateway_fetch_t *fetch,
    ngx_uint_t array);
static char *ngx_http_gateway_http_log_header(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);
static void ngx_http_gateway_http_log_defaults(void *data);
static char *ngx_http_gateway_http_log_check(ngx_conf_t *cf, void *data);
static char *ngx_http_gateway_http_log_endpoint(ngx_conf_t *cf,
    ngx_http_gateway_http_log_conf_t *conf);
static ngx_int_t ngx_http_gateway_http_log_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_http_log_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_http_log_queue(ngx_conf_t *cf,
    ngx_http_gateway_http_log_conf_t **confs, ngx_uint_t n);
static ngx_uint_t ngx_http_gateway_http_log_equal(
    ngx_http_gateway_http_log_conf_t *one,
    ngx_http_gateway_http_log_conf_t *two);
static ngx_uint_t ngx_http_gateway_http_log_same(ngx_str_t *one,
    ngx_str_t *two);
static void *ngx_http_gateway_http_log_create_main_conf(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_http_log_params[] = {

    { ngx_string("http_endpoint"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_http_log_conf_t, http_endpoint), 0, 0,
      NULL },

    { ngx_string("method"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_http_log_conf_t, method), 0, 0,
      NULL },

    { ngx_string("content_type"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_http_log_conf_t, content_type), 0, 0,
      NULL },

    { ngx_string("timeout"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_http_log_conf_t, timeout), 0, 2147483646,
      NULL },

    { ngx_string("keepalive"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_http_log_conf_t, keepalive), 0, 2147483646,
      NULL },

    { ngx_string("headers."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_http_log_header },

    NGX_HTTP_GATEWAY_QUEUE_PARAMS(ngx_http_gateway_http_log_conf_t,
                                  queue_conf),

    NGX_HTTP_GATEWAY_RECORD_PARAM,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_http_log = {
    ngx_string("http_log"),
    12,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_http_log_conf_t),
    ngx_http_gateway_http_log_params,
    ngx_http_gateway_http_log_defaults,
    ngx_http_gateway_http_log_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_http_log_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_http_log_commands[] = {

    { ngx_string("gateway_http_log"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_http_log },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_http_log_module_ctx = {
    ngx_http_gateway_http_log_preconfiguration, /* preconfiguration */
    ngx_http_gateway_http_log_init,        /* postconfiguration */

    ngx_http_gateway_http_log_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_http_log_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_http_log_module_ctx, /* module context */
    ngx_http_gateway_http_log_commands,    /* module directives */
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


static void
ngx_http_gateway_http_log_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_http_log_conf_t *conf = data;

    ngx_str_t  record;

    if (ngx_http_gateway_record(r, &conf->record, &record) != NGX_OK) {
        return;
    }

    ngx_http_gateway_queue_add(conf->queue, &conf->queue_conf, conf, &record);
}


static void
ngx_http_gateway_http_log_send(ngx_http_gateway_queue_batch_t *batch)
{
    ngx_uint_t                         i;
    ngx_keyval_t                      *h;
    ngx_http_gateway_fetch_t          *fetch;
    ngx_http_gateway_http_log_conf_t  *conf;

    conf = batch->data;

    fetch = ngx_http_gateway_fetch_create(conf->fetcher, &conf->url);
    if (fetch == NULL) {
        ngx_http_gateway_queue_done(batch, "no memory");
        return;
    }

    fetch->method = conf->method;

    fetch->keepalive = conf->keepalive
                       ? conf->keepalive : NGX_HTTP_GATEWAY_HTTP_LOG_ALWAYS;

    if (conf->timeout) {
        fetch->timeout = conf->timeout;
    }

    if (ngx_http_gateway_fetch_add_header(fetch, "Content-Type",
                                          &conf->content_type)
        != NGX_OK)
    {
        goto failed;
    }

    if (conf->authorization.len
        && ngx_http_gateway_fetch_add_header(fetch, "Authorization",
                                             &conf->authorization)
           != NGX_OK)
    {
        goto failed;
    }

    h = conf->headers.elts;

    for (i = 0; i < conf->headers.nelts; i++) {
        if (ngx_http_gateway_fetch_add_header(fetch, (char *) h[i].key.data,
                                              &h[i].value)
            != NGX_OK)
        {
            goto failed;
        }
    }

    if (ngx_http_gateway_http_log_body(batch, fetch,
                                       batch->n > 1
                                       || conf->queue_conf.max_batch_size > 1)
        != NGX_OK)
    {
        goto failed;
    }

    ngx_http_gateway_queue_fetch(batch, fetch);

    return;

failed:

    ngx_http_gateway_fetch_free(fetch);
    ngx_http_gateway_queue_done(batch, "no memory");
}


static ngx_int_t
ngx_http_gateway_http_log_body(ngx_http_gateway_queue_batch_t *batch,
    ngx_http_gateway_fetch_t *fetch, ngx_uint_t array)
{
    u_char                          *p;
    ngx_queue_t                     *q;
    ngx_http_gateway_queue_entry_t  *e;

    /* a comma or a bracket before each, and one at the end */

    p = ngx_pnalloc(fetch->pool, batch->bytes + batch->n + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    fetch->body.data = p;

    for (q = ngx_queue_head(&batch->entries);
         q != ngx_queue_sentinel(&batch->entries);
         q = ngx_queue_next(q))
    {
        e = ngx_queue_data(q, ngx_http_gateway_queue_entry_t, queue);

        if (array) {
            *p = (p == fetch->body.data) ? '[' : ',';
            p++;
        }

        p = ngx_cpymem(p, e->data, e->len);
    }

    if (array) {
        *p++ = ']';
    }

    fetch->body.len = p - fetch->body.data;

    return NGX_OK;
}


/* configuration */

static char *
ngx_http_gateway_http_log_header(ngx_conf_t *cf, void *data, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_http_gateway_http_log_conf_t *conf = data;

    u_char        *p;
    size_t         i;
    ngx_str_t      key;
    ngx_uint_t     n;
    ngx_keyval_t  *h;

    static ngx_str_t  ours[] = {
        ngx_string("Host"),
        ngx_string("Content-Length"),
        ngx_string("Content-Type"),
        ngx_null_string
    };

    key.data = name->data + sizeof("headers.") - 1;
    key.len = name->len - (sizeof("headers.") - 1);

    if (key.len == 0) {
        return "needs the name of a header";
    }

    for (i = 0; i < key.len; i++) {
        if (!((key.data[i] >= 'a' && key.data[i] <= 'z')
              || (key.data[i] >= 'A' && key.data[i] <= 'Z')
              || (key.data[i] >= '0' && key.data[i] <= '9')
              || key.data[i] == '-' || key.data[i] == '_'))
        {
            return "expected the name of a header";
        }
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 && value->data[i] != '\t') {
            return "a header has no control characters";
        }
    }

    for (n = 0; ours[n].len; n++) {
        if (ours[n].len == key.len
            && ngx_strncasecmp(ours[n].data, key.data, key.len) == 0)
        {
            return "Host, Content-Length and Content-Type cannot be set";
        }
    }

    if (conf->headers.elts == NULL
        && ngx_array_init(&conf->headers, cf->pool, 2, sizeof(ngx_keyval_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    h = ngx_array_push(&conf->headers);
    p = ngx_pnalloc(cf->pool, key.len + 1);

    if (h == NULL || p == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(p, key.data, key.len + 1);

    h->key.data = p;
    h->key.len = key.len;
    h->value = *value;

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_http_log_defaults(void *data)
{
    ngx_http_gateway_http_log_conf_t *conf = data;

    ngx_str_set(&conf->method, "POST");
    ngx_str_set(&conf->content_type, "application/json");
    conf->timeout = 10000;
    conf->keepalive = 60000;

    ngx_http_gateway_queue_defaults(&conf->queue_conf);
}


static char *
ngx_http_gateway_http_log_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_http_log_conf_t *conf = data;

    char                                    *rv;
    ngx_str_t                               *method, *type;
    ngx_http_gateway_http_log_conf_t       **p;
    ngx_http_gateway_http_log_main_conf_t   *mcf;

    static ngx_str_t  methods[] = {
        ngx_string("POST"),
        ngx_string("PUT"),
        ngx_string("PATCH"),
        ngx_null_string
    };

    static ngx_str_t  types[] = {
        ngx_string("application/json"),
        ngx_string("application/json; charset=utf-8"),
        ngx_null_string
    };

    for (method = methods;
         method->len && !ngx_http_gateway_http_log_same(method, &conf->method);
         method++)
    { /* void */ }

    if (method->len == 0) {
        return "needs POST, PUT or PATCH in \"method\"";
    }

    for (type = types;
         type->len && !ngx_http_gateway_http_log_same(type,
                                                      &conf->content_type);
         type++)
    { /* void */ }

    if (type->len == 0) {
        return "needs \"application/json\" or \"application/json; "
               "charset=utf-8\" in \"content_type\"";
    }

    rv = ngx_http_gateway_queue_check(&conf->queue_conf);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_gateway_http_log_endpoint(cf, conf);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_gateway_http_log_module);

    p = ngx_array_push(&mcf->confs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = conf;
    conf->fetcher = &mcf->fetcher;

    return NGX_CONF_OK;
}


/* the user goes into a header; as in Kong, the query goes nowhere */

static char *
ngx_http_gateway_http_log_endpoint(ngx_conf_t *cf,
    ngx_http_gateway_http_log_conf_t *conf)
{
    u_char         *p, *host, *end, *at, *last;
    ngx_str_t       user, encoded;
    ngx_uint_t      i;
    ngx_keyval_t   *h;

    if (conf->http_endpoint.len == 0) {
        return "needs \"http_endpoint\"";
    }

    host = ngx_strnstr(conf->http_endpoint.data, "://",
                       conf->http_endpoint.len);

    if (host == NULL) {
        return "needs a URL in \"http_endpoint\"";
    }

    host += 3;
    last = conf->http_endpoint.data + conf->http_endpoint.len;
    at = NULL;

    for (end = host;
         end < last && *end != '/' && *end != '?' && *end != '#';
         end++)
    {
        if (*end == '@') {
            at = end;
        }
    }

    while (end < last && *end != '?' && *end != '#') {
        end++;
    }

    p = ngx_pnalloc(cf->pool, conf->http_endpoint.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->url.data = p;

    p = ngx_cpymem(p, conf->http_endpoint.data,
                   host - conf->http_endpoint.data);
    p = ngx_cpymem(p, at ? at + 1 : host, end - (at ? at + 1 : host));

    conf->url.len = p - conf->url.data;

    if (at) {
        user.data = host;
        user.len = at - host;

        encoded.data = ngx_pnalloc(cf->pool, sizeof("Basic ") - 1
                                       + ngx_base64_encoded_length(user.len));
        if (encoded.data == NULL) {
            return NGX_CONF_ERROR;
        }

        conf->authorization.data = encoded.data;

        encoded.data = ngx_cpymem(encoded.data, "Basic ",
                                  sizeof("Basic ") - 1);
        ngx_encode_base64(&encoded, &user);

        conf->authorization.len = sizeof("Basic ") - 1 + encoded.len;

        h = conf->headers.elts;

        for (i = 0; i < conf->headers.nelts; i++) {
            if (h[i].key.len == sizeof("Authorization") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Authorization",
                                   h[i].key.len)
                   == 0)
            {
                return "cannot have both a user in \"http_endpoint\" and a "
                       "header Authorization";
            }
        }
    }

    return (char *) (uintptr_t) ngx_http_gateway_fetch_parse_url(&conf->url,
                                                                 NULL);
}


static ngx_int_t
ngx_http_gateway_http_log_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_http_log);
}


static ngx_int_t
ngx_http_gateway_http_log_init(ngx_conf_t *cf)
{
    ngx_uint_t                               i;
    ngx_http_gateway_http_log_conf_t       **confs;
    ngx_http_gateway_http_log_main_conf_t   *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_gateway_http_log_module);
    confs = mcf->confs.elts;

    if (mcf->confs.nelts == 0) {
        return NGX_OK;
    }

    mcf->fetcher.no_verify = 1;

    if (ngx_http_gateway_fetcher_init(cf, &mcf->fetcher) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->confs.nelts; i++) {
        if (ngx_http_gateway_http_log_queue(cf, confs, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the one of an instance before that sends the same way, or a new one */

static ngx_int_t
ngx_http_gateway_http_log_queue(ngx_conf_t *cf,
    ngx_http_gateway_http_log_conf_t **confs, ngx_uint_t n)
{
    ngx_uint_t                         i;
    ngx_http_gateway_queue_t          *queue;
    ngx_http_gateway_http_log_conf_t  *conf;

    conf = confs[n];

    for (i = 0; i < n; i++) {
        if (ngx_http_gateway_http_log_equal(confs[i], conf)) {
            conf->queue = confs[i]->queue;
            return NGX_OK;
        }
    }

    queue = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_queue_t));
    if (queue == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&queue->feature, "http_log");
    queue->name = conf->url;
    queue->send = ngx_http_gateway_http_log_send;

    conf->queue = queue;

    return ngx_http_gateway_queue_init(cf, queue);
}


static ngx_uint_t
ngx_http_gateway_http_log_equal(ngx_http_gateway_http_log_conf_t *one,
    ngx_http_gateway_http_log_conf_t *two)
{
    ngx_uint_t     i;
    ngx_keyval_t  *h, *k;

    if (!ngx_http_gateway_http_log_same(&one->http_endpoint,
                                        &two->http_endpoint)
        || !ngx_http_gateway_http_log_same(&one->method, &two->method)
        || !ngx_http_gateway_http_log_same(&one->content_type,
                                           &two->content_type)
        || one->timeout != two->timeout
        || one->keepalive != two->keepalive
        || one->headers.nelts != two->headers.nelts)
    {
        return 0;
    }

    h = one->headers.elts;
    k = two->headers.elts;

    for (i = 0; i < one->headers.nelts; i++) {
        if (!ngx_http_gateway_http_log_same(&h[i].key, &k[i].key)
            || !ngx_http_gateway_http_log_same(&h[i].value, &k[i].value))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_gateway_http_log_same(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_memcmp(one->data, two->data, one->len) == 0;
}


static void *
ngx_http_gateway_http_log_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_http_log_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_http_log_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->confs, cf->pool, 2, sizeof(void *)) != NGX_OK) {
        return NULL;
    }

    return mcf;
}
