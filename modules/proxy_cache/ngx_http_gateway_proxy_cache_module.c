
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Stores responses in shared memory and answers with them.  Looks a request up
 * in its access step, so the filters and the log of all policies see a hit as
 * any other response; stores what has passed the filters of those with higher
 * priorities.  Bodies are copied while they go out, nothing waits for them.
 * When a lock cannot be had, the request is proxied.  With lock=on, one
 * request fetches what others wait for, who look again every now and then.
 */


#include "ngx_http_gateway_proxy_cache.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_reply.h"


#define NGX_HTTP_GATEWAY_PROXY_CACHE_PRIORITY  100

#define NGX_HTTP_GATEWAY_PROXY_CACHE_FIELDS    (2 * sizeof(uint32_t))

/* milliseconds until a request that waits looks again */
#define NGX_HTTP_GATEWAY_PROXY_CACHE_POLL      50


/* what becomes of a request; indexes of _statuses[], and from Bypass on in the
   order of the cells of metrics */
enum {
    NGX_HTTP_GATEWAY_PROXY_CACHE_NONE = 0,
    NGX_HTTP_GATEWAY_PROXY_CACHE_BYPASS,
    NGX_HTTP_GATEWAY_PROXY_CACHE_MISS,
    NGX_HTTP_GATEWAY_PROXY_CACHE_REFRESH,
    NGX_HTTP_GATEWAY_PROXY_CACHE_HIT
};


typedef struct {
    ngx_http_gateway_data_t          data;
    ngx_uint_t                       status;
    u_char                           key[
                                       NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN];
    ngx_str_t                        hex;       /* empty: it has no key */
    ngx_http_gateway_proxy_cache_place_t  place;
    ngx_http_gateway_proxy_cache_entry_t  entry;
    size_t                           size;      /* of the body's memory */
    ngx_event_t                      timer;     /* to look again */
    ngx_msec_t                       since;     /* it waits; 0: it does not */
    uint64_t                         token;     /* of its fetch */
    ngx_http_gateway_proxy_cache_store_t  *store;
    unsigned                         fetching:1; /* others wait for it */
    unsigned                         wanted:1;  /* to be stored if it may */
    unsigned                         storing:1; /* its body is copied */
} ngx_http_gateway_proxy_cache_data_t;


typedef struct {
    ngx_array_t                      instances;
} ngx_http_gateway_proxy_cache_main_conf_t;


static ngx_int_t ngx_http_gateway_proxy_cache_access(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_proxy_cache_prepare(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data);
static ngx_int_t ngx_http_gateway_proxy_cache_wait(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data);
static void ngx_http_gateway_proxy_cache_look(ngx_event_t *ev);
static void ngx_http_gateway_proxy_cache_cleanup(void *arg);
static void ngx_http_gateway_proxy_cache_fetched(
    ngx_http_gateway_proxy_cache_data_t *data, ngx_uint_t open);
static ngx_uint_t ngx_http_gateway_proxy_cache_is_stale(
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_control_t *cc);
static ngx_int_t ngx_http_gateway_proxy_cache_hit(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_data_t *data);
static ngx_int_t ngx_http_gateway_proxy_cache_add_header(
    ngx_http_request_t *r, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_proxy_cache_header(ngx_http_request_t *r,
    void *conf);
static ngx_uint_t ngx_http_gateway_proxy_cache_cacheable(
    ngx_http_request_t *r, ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data);
static ngx_int_t ngx_http_gateway_proxy_cache_keep_head(
    ngx_http_request_t *r, ngx_http_gateway_proxy_cache_data_t *data);
static size_t ngx_http_gateway_proxy_cache_put_header(u_char *p,
    const ngx_str_t *name, const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_proxy_cache_replays(
    const ngx_str_t *name);
static void ngx_http_gateway_proxy_cache_prefer_fresh(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_proxy_cache_show_headers(
    ngx_http_request_t *r, ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data);
static ngx_int_t ngx_http_gateway_proxy_cache_set(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_proxy_cache_body(ngx_http_request_t *r,
    void *conf, ngx_chain_t **in);
static ngx_int_t ngx_http_gateway_proxy_cache_append(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data, ngx_buf_t *b);
static ngx_uint_t ngx_http_gateway_proxy_cache_has(ngx_array_t *list,
    ngx_str_t *text);
static void ngx_http_gateway_proxy_cache_log(ngx_http_request_t *r,
    void *conf);

static ngx_int_t ngx_http_gateway_proxy_cache_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t arg);

static void ngx_http_gateway_proxy_cache_defaults(void *conf);
static char *ngx_http_gateway_proxy_cache_check(ngx_conf_t *cf, void *conf);
static ngx_array_t *ngx_http_gateway_proxy_cache_words(ngx_conf_t *cf,
    ngx_array_t *given, const char **words);
static char *ngx_http_gateway_proxy_cache_zone(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_gateway_proxy_cache_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_proxy_cache_preconfiguration(
    ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_proxy_cache_postconfiguration(
    ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_proxy_cache_fields[] = {

    { ngx_string("id"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, id), 0, 0, NULL },

    { ngx_string("zone"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, zone), 0, 0, NULL },

    { ngx_string("response_code"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, response_code), 0, 0,
      NULL },

    { ngx_string("request_method"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, request_method), 0, 0,
      NULL },

    { ngx_string("content_type"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, content_type), 0, 0,
      NULL },

    { ngx_string("cache_ttl"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, cache_ttl), 1,
      1000000000, NULL },

    { ngx_string("storage_ttl"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, storage_ttl), 0,
      1000000000, NULL },

    { ngx_string("cache_control"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, cache_control), 0, 0,
      NULL },

    { ngx_string("ignore_uri_case"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, ignore_uri_case), 0, 0,
      NULL },

    { ngx_string("vary_query_params"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, vary_query_params), 0, 0,
      NULL },

    { ngx_string("vary_headers"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, vary_headers), 0, 0,
      NULL },

    { ngx_string("response_headers.age"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, age), 0, 0, NULL },

    { ngx_string("response_headers.X-Cache-Status"),
      NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, status), 0, 0, NULL },

    { ngx_string("response_headers.X-Cache-Key"),
      NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, key), 0, 0, NULL },

    { ngx_string("max_body_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, max_body_size), 1,
      1073741824, NULL },

    { ngx_string("lock"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, lock), 0, 0, NULL },

    { ngx_string("lock_timeout"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, lock_timeout), 1, 3600,
      NULL },

    { ngx_string("lock_age"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_proxy_cache_conf_t, lock_age), 1, 3600,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_proxy_cache = {
    ngx_string("proxy_cache"),
    NGX_HTTP_GATEWAY_PROXY_CACHE_PRIORITY,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_proxy_cache_conf_t),
    ngx_http_gateway_proxy_cache_fields,
    ngx_http_gateway_proxy_cache_defaults,
    ngx_http_gateway_proxy_cache_check,
    ngx_http_gateway_proxy_cache_access,
    ngx_http_gateway_proxy_cache_header,
    ngx_http_gateway_proxy_cache_body,
    ngx_http_gateway_proxy_cache_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_proxy_cache_commands[] = {

    { ngx_string("gateway_proxy_cache"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_proxy_cache },

    { ngx_string("gateway_proxy_cache_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_proxy_cache_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_proxy_cache_module_ctx = {
    ngx_http_gateway_proxy_cache_preconfiguration, /* preconfiguration */
    ngx_http_gateway_proxy_cache_postconfiguration, /* postconfiguration */

    ngx_http_gateway_proxy_cache_create_main_conf, /* create main conf */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_proxy_cache_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_proxy_cache_module_ctx, /* module context */
    ngx_http_gateway_proxy_cache_commands, /* module directives */
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


static ngx_http_variable_t  ngx_http_gateway_proxy_cache_vars[] = {

    { ngx_string("gateway_proxy_cache_status"), NULL,
      ngx_http_gateway_proxy_cache_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_str_t  ngx_http_gateway_proxy_cache_statuses[] = {
    ngx_null_string,
    ngx_string("Bypass"),
    ngx_string("Miss"),
    ngx_string("Refresh"),
    ngx_string("Hit")
};

static ngx_str_t  ngx_http_gateway_proxy_cache_type_name =
    ngx_string("Content-Type");


static ngx_int_t
ngx_http_gateway_proxy_cache_access(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_proxy_cache_conf_t  *pccf = conf;

    ngx_int_t                                rc;
    ngx_http_gateway_proxy_cache_data_t     *data;
    ngx_http_gateway_proxy_cache_control_t   cc;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_proxy_cache);

    if (data && data->timer.timer_set) {
        /* somebody else has woken it */
        return NGX_AGAIN;
    }

    if (data == NULL || data->since == 0) {
        data = ngx_http_gateway_add_data(r, &ngx_http_gateway_proxy_cache,
                                 sizeof(ngx_http_gateway_proxy_cache_data_t));
        if (data == NULL) {
            return NGX_ERROR;
        }

        data->hex.len = 0;
        data->since = 0;
        data->wanted = 0;
        data->storing = 0;
        data->fetching = 0;
        ngx_memzero(&data->timer, sizeof(ngx_event_t));
    }

    data->status = NGX_HTTP_GATEWAY_PROXY_CACHE_BYPASS;

    if (!ngx_http_gateway_proxy_cache_has(pccf->request_method,
                                          &r->method_name))
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&cc, sizeof(ngx_http_gateway_proxy_cache_control_t));

    if (pccf->cache_control) {
        ngx_http_gateway_proxy_cache_request_control(r, &cc);

        if (cc.no_store || cc.no_cache || r->headers_in.authorization) {
            return NGX_DECLINED;
        }
    }

    if (data->hex.len == 0
        && ngx_http_gateway_proxy_cache_prepare(r, pccf, data) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_gateway_proxy_cache_find(pccf->store, data->key,
                                           &data->entry, &data->place);

    if (rc == NGX_OK
        && !ngx_http_gateway_proxy_cache_is_stale(pccf, &data->entry, &cc))
    {
        rc = ngx_http_gateway_proxy_cache_read(pccf->store, r->pool,
                                               &data->entry, &data->place);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            return ngx_http_gateway_proxy_cache_hit(r, data);
        }

        data->status = NGX_HTTP_GATEWAY_PROXY_CACHE_MISS;

    } else if (rc == NGX_OK) {
        data->status = NGX_HTTP_GATEWAY_PROXY_CACHE_REFRESH;

    } else if (rc == NGX_BUSY) {
        return NGX_DECLINED;

    } else {
        data->status = NGX_HTTP_GATEWAY_PROXY_CACHE_MISS;
    }

    if (data->status == NGX_HTTP_GATEWAY_PROXY_CACHE_MISS
        && pccf->cache_control && cc.only_if_cached)
    {
        data->status = NGX_HTTP_GATEWAY_PROXY_CACHE_NONE;
        return ngx_http_gateway_exit(r, NGX_HTTP_GATEWAY_TIME_OUT, NULL,
                                     NULL);
    }

    if (pccf->lock) {
        rc = ngx_http_gateway_proxy_cache_wait(r, pccf, data);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    data->wanted = 1;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_prepare(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data)
{
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL
        || ngx_http_gateway_proxy_cache_key(r, ctx, pccf, data->key)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    data->hex.data = ngx_pnalloc(r->pool,
                                 2 * NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN);
    if (data->hex.data == NULL) {
        return NGX_ERROR;
    }

    data->hex.len = 2 * NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN;

    (void) ngx_hex_dump(data->hex.data, data->key,
                        NGX_HTTP_GATEWAY_PROXY_CACHE_KEY_LEN);

    return NGX_OK;
}


/* NGX_OK: it goes to the upstream; NGX_AGAIN: another one does, it waits */

static ngx_int_t
ngx_http_gateway_proxy_cache_wait(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data)
{
    ngx_int_t            rc;
    ngx_msec_t           timeout;
    ngx_pool_cleanup_t  *cln;

    timeout = (ngx_msec_t) pccf->lock_timeout * 1000;

    if (data->since && ngx_current_msec - data->since >= timeout) {
        return NGX_OK;
    }

    /* before the fetch begins: it must not outlive the request */

    if (data->since == 0) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_gateway_proxy_cache_cleanup;
        cln->data = data;

        data->store = pccf->store;
    }

    rc = ngx_http_gateway_proxy_cache_begin(pccf->store, data->key,
                                    &data->place,
                                    (ngx_msec_t) pccf->lock_age * 1000,
                                    &data->token);

    if (rc != NGX_AGAIN) {
        data->fetching = (rc == NGX_OK);
        return NGX_OK;
    }

    if (data->since == 0) {
        data->since = ngx_current_msec ? ngx_current_msec : 1;
        data->timer.handler = ngx_http_gateway_proxy_cache_look;
        data->timer.data = r;
        data->timer.log = r->connection->log;
    }

    ngx_add_timer(&data->timer, NGX_HTTP_GATEWAY_PROXY_CACHE_POLL);

    /* a client that goes away is seen */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


static void
ngx_http_gateway_proxy_cache_look(ngx_event_t *ev)
{
    ngx_http_request_t  *r;

    r = ev->data;

    ngx_http_set_log_request(r->connection->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_gateway_resume(r);
}


static void
ngx_http_gateway_proxy_cache_cleanup(void *arg)
{
    ngx_http_gateway_proxy_cache_data_t  *data = arg;

    if (data->timer.timer_set) {
        ngx_del_timer(&data->timer);
    }

    ngx_http_gateway_proxy_cache_fetched(data, 0);
}


/* the next one need not wait for this request */

static void
ngx_http_gateway_proxy_cache_fetched(
    ngx_http_gateway_proxy_cache_data_t *data, ngx_uint_t open)
{
    if (!data->fetching) {
        return;
    }

    data->fetching = 0;

    ngx_http_gateway_proxy_cache_end(data->store, data->key, &data->place,
                                     data->token, open);
}


/* what clients say counts with cache_control only */

static ngx_uint_t
ngx_http_gateway_proxy_cache_is_stale(
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_entry_t *entry,
    ngx_http_gateway_proxy_cache_control_t *cc)
{
    time_t  age;

    age = ngx_time() - entry->timestamp;

    if (!pccf->cache_control) {
        return age > pccf->cache_ttl;
    }

    return (cc->max_age >= 0 && age > cc->max_age)
           || (cc->max_stale >= 0 && age - entry->ttl > cc->max_stale)
           || (cc->min_fresh >= 0 && entry->ttl - age < cc->min_fresh);
}


static ngx_int_t
ngx_http_gateway_proxy_cache_hit(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_data_t *data)
{
    ngx_str_t  head, name, value;

    data->status = NGX_HTTP_GATEWAY_PROXY_CACHE_HIT;

    r->headers_out.status = data->entry.status;
    r->headers_out.status_line.len = 0;

    head = data->entry.head;

    while (ngx_http_gateway_proxy_cache_next_header(&head, &name, &value)) {
        if (ngx_http_gateway_proxy_cache_add_header(r, &name, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_replay(r, &data->entry.body, data->entry.length);
}


/* with the places where nginx looks for some of them */

static ngx_int_t
ngx_http_gateway_proxy_cache_add_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

#define ngx_http_gateway_proxy_cache_named(text)                              \
    (name->len == sizeof(text) - 1                                            \
     && ngx_strncasecmp(name->data, (u_char *) text, sizeof(text) - 1) == 0)

    if (ngx_http_gateway_proxy_cache_named("content-type")) {
        r->headers_out.content_type = *value;
        r->headers_out.content_type_len = value->len;
        r->headers_out.content_type_lowcase = NULL;
        return NGX_OK;
    }

    h = ngx_http_gateway_header_out_add(r, name, value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_proxy_cache_named("server")) {
        r->headers_out.server = h;

    } else if (ngx_http_gateway_proxy_cache_named("date")) {
        r->headers_out.date = h;

    } else if (ngx_http_gateway_proxy_cache_named("etag")) {
        r->headers_out.etag = h;

    } else if (ngx_http_gateway_proxy_cache_named("content-encoding")) {
        r->headers_out.content_encoding = h;

    } else if (ngx_http_gateway_proxy_cache_named("last-modified")) {
        r->headers_out.last_modified = h;
        r->headers_out.last_modified_time = ngx_parse_http_time(value->data,
                                                                value->len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_header(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_proxy_cache_conf_t  *pccf = conf;

    off_t                                 length;
    ngx_http_gateway_proxy_cache_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_proxy_cache);

    if (data == NULL) {
        return NGX_OK;
    }

    if (data->status == NGX_HTTP_GATEWAY_PROXY_CACHE_HIT) {
        ngx_http_gateway_proxy_cache_prefer_fresh(r);
        return ngx_http_gateway_proxy_cache_show_headers(r, pccf, data);
    }

    if (data->wanted
        && !ngx_http_gateway_proxy_cache_cacheable(r, pccf, data))
    {
        data->status = NGX_HTTP_GATEWAY_PROXY_CACHE_BYPASS;
        data->wanted = 0;
        ngx_http_gateway_proxy_cache_fetched(data, 1);
    }

    if (data->wanted) {
        length = r->headers_out.content_length_n;

        data->entry.status = r->headers_out.status;
        data->entry.timestamp = ngx_time();
        data->entry.length = length;
        data->size = (length > 0) ? (size_t) length : 4096;
        ngx_str_null(&data->entry.body);

        if (ngx_http_gateway_proxy_cache_keep_head(r, data) != NGX_OK) {
            return NGX_ERROR;
        }

        data->storing = 1;

        if (r->method == NGX_HTTP_HEAD || r->header_only
            || data->entry.status == NGX_HTTP_NO_CONTENT
            || data->entry.status == NGX_HTTP_NOT_MODIFIED)
        {
            /* this is all of it */

            data->storing = 0;

            (void) ngx_http_gateway_proxy_cache_write(pccf->store, data->key,
                                                   &data->entry, &data->place);
            ngx_http_gateway_proxy_cache_fetched(data, 0);

        } else {
            r->main_filter_need_in_memory = 1;
        }
    }

    return ngx_http_gateway_proxy_cache_show_headers(r, pccf, data);
}


static ngx_uint_t
ngx_http_gateway_proxy_cache_cacheable(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data)
{
    time_t                                   ttl, stored;
    ngx_str_t                               *type;
    ngx_uint_t                               i, *code;
    ngx_http_gateway_proxy_cache_control_t   cc;

    code = pccf->codes.elts;

    for (i = 0; i < pccf->codes.nelts; i++) {
        if (code[i] == r->headers_out.status) {
            break;
        }
    }

    if (i == pccf->codes.nelts || r->headers_out.content_type.len == 0) {
        return 0;
    }

    type = pccf->content_type->elts;

    for (i = 0; i < pccf->content_type->nelts; i++) {
        if (ngx_http_gateway_proxy_cache_type_matches(&type[i],
                                                &r->headers_out.content_type))
        {
            break;
        }
    }

    if (i == pccf->content_type->nelts
        || r->headers_out.content_length_n > (off_t) pccf->max_body_size)
    {
        return 0;
    }

    ttl = pccf->cache_ttl;

    if (pccf->cache_control) {
        ngx_http_gateway_proxy_cache_response_control(r, &cc);

        ttl = ngx_http_gateway_proxy_cache_resource_ttl(r, &cc);

        if (cc.private || cc.no_store || cc.no_cache || ttl <= 0) {
            return 0;
        }
    }

    stored = (pccf->storage_ttl >= 0) ? pccf->storage_ttl : ttl;

    data->entry.ttl = ttl;
    data->entry.expires = stored ? ngx_time() + stored : 0;

    return 1;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_keep_head(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_data_t *data)
{
    u_char           *p;
    size_t            size;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    size = NGX_HTTP_GATEWAY_PROXY_CACHE_FIELDS
           + ngx_http_gateway_proxy_cache_type_name.len
           + r->headers_out.content_type.len;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            size += NGX_HTTP_GATEWAY_PROXY_CACHE_FIELDS + h[i].key.len
                    + h[i].value.len;
        }
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    data->entry.head.data = p;

    p += ngx_http_gateway_proxy_cache_put_header(p,
                                     &ngx_http_gateway_proxy_cache_type_name,
                                     &r->headers_out.content_type);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && ngx_http_gateway_proxy_cache_replays(&h[i].key))
            {
                p += ngx_http_gateway_proxy_cache_put_header(p, &h[i].key,
                                                             &h[i].value);
            }
        }
    }

    data->entry.head.len = p - data->entry.head.data;

    return NGX_OK;
}


static size_t
ngx_http_gateway_proxy_cache_put_header(u_char *p, const ngx_str_t *name,
    const ngx_str_t *value)
{
    uint32_t  len[2];

    len[0] = (uint32_t) name->len;
    len[1] = (uint32_t) value->len;

    p = ngx_cpymem(p, len, sizeof(len));
    p = ngx_cpymem(p, name->data, name->len);
    ngx_memcpy(p, value->data, value->len);

    return sizeof(len) + name->len + value->len;
}


ngx_uint_t
ngx_http_gateway_proxy_cache_next_header(ngx_str_t *head, ngx_str_t *name,
    ngx_str_t *value)
{
    uint32_t  len[2];

    if (head->len < sizeof(len)) {
        return 0;
    }

    ngx_memcpy(len, head->data, sizeof(len));

    if (head->len - sizeof(len) < (size_t) len[0] + len[1]) {
        return 0;
    }

    name->data = head->data + sizeof(len);
    name->len = len[0];
    value->data = name->data + len[0];
    value->len = len[1];

    head->data = value->data + len[1];
    head->len -= sizeof(len) + (size_t) len[0] + len[1];

    return 1;
}


/* neither of a connection nor of one moment */

static ngx_uint_t
ngx_http_gateway_proxy_cache_replays(const ngx_str_t *name)
{
    ngx_str_t  *s;

    static ngx_str_t  names[] = {
        ngx_string("connection"),
        ngx_string("keep-alive"),
        ngx_string("proxy-authenticate"),
        ngx_string("proxy-authorization"),
        ngx_string("te"),
        ngx_string("trailer"),
        ngx_string("trailers"),
        ngx_string("transfer-encoding"),
        ngx_string("upgrade"),
        ngx_string("content-length"),
        ngx_string("content-type"),
        ngx_string("age"),
        ngx_string("x-cache-status"),
        ngx_string("x-cache-key"),
        ngx_null_string
    };

    for (s = names; s->len; s++) {
        if (s->len == name->len
            && ngx_strncasecmp(s->data, name->data, s->len) == 0)
        {
            return 0;
        }
    }

    return ngx_strlcasestrn(name->data, name->data + name->len,
                            (u_char *) "ratelimit-remaining",
                            sizeof("ratelimit-remaining") - 2)
           == NULL;
}


/* limits are those of this request, where policies have told them */

static void
ngx_http_gateway_proxy_cache_prefer_fresh(ngx_http_request_t *r)
{
    ngx_uint_t        i, j;
    ngx_list_part_t  *part, *later;
    ngx_table_elt_t  *h, *other;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!h[i].hash || h[i].key.len < sizeof("ratelimit-") - 1
                || ngx_strlcasestrn(h[i].key.data,
                                    h[i].key.data + h[i].key.len,
                                    (u_char *) "ratelimit-",
                                    sizeof("ratelimit-") - 2)
                   == NULL)
            {
                continue;
            }

            j = i + 1;

            for (later = part; later && h[i].hash; later = later->next) {
                other = later->elts;

                for ( /* void */ ; j < later->nelts; j++) {
                    if (other[j].hash && other[j].key.len == h[i].key.len
                        && ngx_strncasecmp(other[j].key.data, h[i].key.data,
                                           h[i].key.len)
                           == 0)
                    {
                        h[i].hash = 0;
                        break;
                    }
                }

                j = 0;
            }
        }
    }
}


static ngx_int_t
ngx_http_gateway_proxy_cache_show_headers(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data)
{
    ngx_str_t   value;
    ngx_uint_t  debug;

    static ngx_str_t  age = ngx_string("age");
    static ngx_str_t  status = ngx_string("X-Cache-Status");
    static ngx_str_t  key = ngx_string("X-Cache-Key");
    static ngx_str_t  kong_debug = ngx_string("kong-debug");

    debug = (!pccf->age || !pccf->status || !pccf->key)
            && ngx_http_gateway_header_in(r, &kong_debug, 0);

    if (data->status == NGX_HTTP_GATEWAY_PROXY_CACHE_HIT
        && (pccf->age || debug))
    {
        value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        value.len = ngx_sprintf(value.data, "%T",
                                ngx_max(ngx_time() - data->entry.timestamp,
                                        0))
                    - value.data;

        if (ngx_http_gateway_proxy_cache_set(r, &age, &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (data->status != NGX_HTTP_GATEWAY_PROXY_CACHE_NONE
        && (pccf->status || debug)
        && ngx_http_gateway_proxy_cache_set(r, &status,
                         &ngx_http_gateway_proxy_cache_statuses[data->status])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (data->hex.len && (pccf->key || debug)) {
        return ngx_http_gateway_proxy_cache_set(r, &key, &data->hex);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_set(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_http_gateway_header_out_remove(r, name);

    return ngx_http_gateway_header_out_add(r, name, value) ? NGX_OK
                                                           : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_body(ngx_http_request_t *r, void *conf,
    ngx_chain_t **in)
{
    ngx_http_gateway_proxy_cache_conf_t  *pccf = conf;

    ngx_int_t                             rc;
    ngx_chain_t                          *cl;
    ngx_http_gateway_proxy_cache_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_proxy_cache);

    if (data == NULL || !data->storing) {
        return NGX_OK;
    }

    for (cl = *in; cl; cl = cl->next) {

        rc = ngx_http_gateway_proxy_cache_append(r, pccf, data, cl->buf);

        if (rc != NGX_OK) {
            data->storing = 0;
            ngx_http_gateway_proxy_cache_fetched(data, 1);
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (!cl->buf->last_buf) {
            continue;
        }

        data->storing = 0;

        /* policies may have changed the length since the header was seen */

        if (r->headers_out.content_length_n >= 0
            && r->headers_out.content_length_n
               != (off_t) data->entry.body.len)
        {
            return NGX_OK;
        }

        rc = ngx_http_gateway_proxy_cache_write(pccf->store, data->key,
                                                &data->entry, &data->place);

        ngx_http_gateway_proxy_cache_fetched(data, rc != NGX_OK);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "proxy cache: %uz bytes stored: %i",
                       data->entry.body.len, rc);

        return NGX_OK;
    }

    return NGX_OK;
}


/* NGX_DECLINED: it will not be stored */

static ngx_int_t
ngx_http_gateway_proxy_cache_append(ngx_http_request_t *r,
    ngx_http_gateway_proxy_cache_conf_t *pccf,
    ngx_http_gateway_proxy_cache_data_t *data, ngx_buf_t *b)
{
    u_char     *p;
    size_t      len, size;
    ngx_str_t  *body;

    if (ngx_buf_special(b)) {
        return NGX_OK;
    }

    if (!ngx_buf_in_memory(b)) {
        return b->in_file ? NGX_DECLINED : NGX_OK;
    }

    body = &data->entry.body;
    len = b->last - b->pos;

    if (len > (size_t) pccf->max_body_size - body->len) {
        return NGX_DECLINED;
    }

    if (body->data == NULL || len > data->size - body->len) {

        for (size = data->size; size - body->len < len; size *= 2) {
            /* void */
        }

        p = ngx_palloc(r->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (body->data) {
            ngx_memcpy(p, body->data, body->len);
            (void) ngx_pfree(r->pool, body->data);
        }

        body->data = p;
        data->size = size;
    }

    ngx_memcpy(body->data + body->len, b->pos, len);

    body->len += len;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_proxy_cache_has(ngx_array_t *list, ngx_str_t *text)
{
    ngx_str_t   *s;
    ngx_uint_t   i;

    s = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (s[i].len == text->len
            && ngx_memcmp(s[i].data, text->data, text->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_gateway_proxy_cache_log(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_proxy_cache_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_proxy_cache);

    if (data && data->status != NGX_HTTP_GATEWAY_PROXY_CACHE_NONE) {
        ngx_http_gateway_metrics_cached(r, data->status
                                      - NGX_HTTP_GATEWAY_PROXY_CACHE_BYPASS);
    }
}


/* $gateway_proxy_cache_status */

static ngx_int_t
ngx_http_gateway_proxy_cache_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t arg)
{
    ngx_http_gateway_proxy_cache_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_proxy_cache);

    if (data == NULL || data->status == NGX_HTTP_GATEWAY_PROXY_CACHE_NONE) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_http_gateway_proxy_cache_statuses[data->status].data;
    v->len = ngx_http_gateway_proxy_cache_statuses[data->status].len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static void
ngx_http_gateway_proxy_cache_defaults(void *conf)
{
    ngx_http_gateway_proxy_cache_conf_t  *pccf = conf;

    ngx_str_set(&pccf->zone, "kong_db_cache");

    pccf->cache_ttl = 300;
    pccf->storage_ttl = -1;
    pccf->age = 1;
    pccf->status = 1;
    pccf->key = 1;
    pccf->max_body_size = 1048576;
    pccf->lock_timeout = 5;
    pccf->lock_age = 5;
}


static char *
ngx_http_gateway_proxy_cache_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_proxy_cache_conf_t  *pccf = conf;

    ngx_int_t                                   n;
    ngx_str_t                                  *text;
    ngx_uint_t                                  i, *code;
    ngx_http_gateway_proxy_cache_conf_t       **instance;
    ngx_http_gateway_proxy_cache_main_conf_t   *pcmcf;

    static const char  *codes[] = { "200", "301", "404", NULL };
    static const char  *methods[] = { "GET", "HEAD", NULL };
    static const char  *types[] = { "text/plain", "application/json", NULL };

    pccf->response_code = ngx_http_gateway_proxy_cache_words(cf,
                                                 pccf->response_code, codes);
    pccf->request_method = ngx_http_gateway_proxy_cache_words(cf,
                                                 pccf->request_method,
                                                 methods);
    pccf->content_type = ngx_http_gateway_proxy_cache_words(cf,
                                                 pccf->content_type, types);

    if (pccf->response_code == NULL || pccf->request_method == NULL
        || pccf->content_type == NULL
        || ngx_array_init(&pccf->codes, cf->pool, pccf->response_code->nelts,
                          sizeof(ngx_uint_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    text = pccf->response_code->elts;

    for (i = 0; i < pccf->response_code->nelts; i++) {

        n = ngx_atoi(text[i].data, text[i].len);

        if (n < 100 || n > 900) {
            return "needs numbers from 100 to 900 in \"response_code\"";
        }

        code = ngx_array_push(&pccf->codes);
        if (code == NULL) {
            return NGX_CONF_ERROR;
        }

        *code = n;
    }

    pccf->store = ngx_http_gateway_proxy_cache_zone_add(cf, &pccf->zone, 0,
                                       &ngx_http_gateway_proxy_cache_module);
    if (pccf->store == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_metrics_set_add(cf, &ngx_http_gateway_metrics_cache)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    pcmcf = ngx_http_conf_get_module_main_conf(cf,
                                         ngx_http_gateway_proxy_cache_module);

    instance = ngx_array_push(&pcmcf->instances);
    if (instance == NULL) {
        return NGX_CONF_ERROR;
    }

    *instance = pccf;

    return NGX_CONF_OK;
}


/* those given, or the default ones; NULL on failure */

static ngx_array_t *
ngx_http_gateway_proxy_cache_words(ngx_conf_t *cf, ngx_array_t *given,
    const char **words)
{
    ngx_str_t    *s;
    ngx_array_t  *list;

    if (given) {
        return given;
    }

    list = ngx_array_create(cf->pool, 3, sizeof(ngx_str_t));
    if (list == NULL) {
        return NULL;
    }

    for ( /* void */ ; *words; words++) {
        s = ngx_array_push(list);
        if (s == NULL) {
            return NULL;
        }

        s->data = (u_char *) *words;
        s->len = ngx_strlen(*words);
    }

    return list;
}


static char *
ngx_http_gateway_proxy_cache_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ssize_t      size;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (cf->args->nelts % 2 == 0) {
        return "needs pairs of a name and a size";
    }

    for (i = 1; i < cf->args->nelts; i += 2) {

        size = ngx_parse_size(&value[i + 1]);

        if (size == NGX_ERROR || size < (ssize_t) (32 * ngx_pagesize)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid size \"%V\" of zone \"%V\", write "
                               "\"%uzk\" or more", &value[i + 1], &value[i],
                               32 * ngx_pagesize / 1024);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_proxy_cache_zone_add(cf, &value[i], size,
                                        &ngx_http_gateway_proxy_cache_module)
            == NULL)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_array_t *
ngx_http_gateway_proxy_cache_instances(void)
{
    ngx_http_gateway_proxy_cache_main_conf_t  *pcmcf;

    pcmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                         ngx_http_gateway_proxy_cache_module);

    return &pcmcf->instances;
}


static void *
ngx_http_gateway_proxy_cache_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_proxy_cache_main_conf_t  *pcmcf;

    pcmcf = ngx_pcalloc(cf->pool,
                        sizeof(ngx_http_gateway_proxy_cache_main_conf_t));

    if (pcmcf == NULL
        || ngx_array_init(&pcmcf->instances, cf->pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    return pcmcf;
}


static ngx_int_t
ngx_http_gateway_proxy_cache_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *v, *var;

    for (v = ngx_http_gateway_proxy_cache_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_proxy_cache);
}


static ngx_int_t
ngx_http_gateway_proxy_cache_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_gateway_proxy_cache_zone_sizes(cf);

    return ngx_http_gateway_proxy_cache_add_routes(cf);
}
