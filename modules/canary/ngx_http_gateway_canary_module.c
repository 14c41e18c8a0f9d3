
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sends a part of the requests of a service somewhere else: a share of them,
 * one that grows with time, or those of some groups.  Runs as a policy of the
 * access chain, nearly the last one, and only leaves word where the request
 * goes; the upstream feature picks the peer.  Costs a CRC of an id or an
 * address per request, and nothing when the share is all or none.  Who gets
 * where is the same on all nodes; only requests that are told apart by nothing
 * are counted, in shared memory.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_upstream.h"
#include "gateway_router.h"


#define NGX_HTTP_GATEWAY_CANARY_PRIORITY  20

/* bytes between counters, so that no two share a line of the cache */
#define NGX_HTTP_GATEWAY_CANARY_LINE      64


enum {
    NGX_HTTP_GATEWAY_CANARY_CONSUMER = 0,
    NGX_HTTP_GATEWAY_CANARY_IP,
    NGX_HTTP_GATEWAY_CANARY_HEADER,
    NGX_HTTP_GATEWAY_CANARY_NONE,
    NGX_HTTP_GATEWAY_CANARY_ALLOW,
    NGX_HTTP_GATEWAY_CANARY_DENY
};


typedef struct {
    ngx_array_t                         confs;  /* ..._conf_t * */
    u_char                             *counters; /* in shared memory; one in
                                                   each line */
} ngx_http_gateway_canary_main_conf_t;


typedef struct {
    ngx_http_gateway_instance_t         instance;

    double                              percentage; /* -1: by time */
    double                              start;  /* seconds since the epoch;
                                                   -1: when loaded */
    double                              duration; /* seconds */
    ngx_int_t                           steps;
    ngx_uint_t                          hash;
    ngx_str_t                           hash_header; /* lower case */
    ngx_array_t                        *groups;
    ngx_str_t                           canary_by_header_name; /* the same */
    ngx_str_t                           upstream_host;
    ngx_int_t                           upstream_port; /* 0: none */
    ngx_str_t                           upstream_uri; /* normalised */
    ngx_flag_t                          upstream_fallback;

    ngx_http_gateway_canary_main_conf_t *main;
    ngx_int_t                           share;  /* steps of percentage */
    ngx_int_t                           stride; /* between the buckets of
                                                   counted requests */
    ngx_uint_t                          number; /* of its counter */
    ngx_array_t                         services; /* ..._service_t * */
    ngx_uint_t                          nplaces;
    ngx_http_gateway_upstream_place_t  *places; /* by address of service */
    unsigned                            loaded:1; /* start is when */
} ngx_http_gateway_canary_conf_t;


static ngx_int_t ngx_http_gateway_canary_handler(ngx_http_request_t *r,
    void *data);
static ngx_http_gateway_upstream_place_t *ngx_http_gateway_canary_place(
    ngx_http_gateway_canary_conf_t *ccf,
    ngx_http_gateway_service_t *service);
static ngx_uint_t ngx_http_gateway_canary_is_chosen(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_canary_conf_t *ccf);
static ngx_int_t ngx_http_gateway_canary_share(
    ngx_http_gateway_canary_conf_t *ccf);
static ngx_int_t ngx_http_gateway_canary_bucket(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_canary_conf_t *ccf);
static ngx_uint_t ngx_http_gateway_canary_is_member(
    ngx_http_gateway_ctx_t *ctx, ngx_array_t *groups);
static ngx_uint_t ngx_http_gateway_canary_is_listed(ngx_array_t *groups,
    ngx_str_t *name);
static void ngx_http_gateway_canary_log(ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_canary_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static void ngx_http_gateway_canary_defaults(void *data);
static char *ngx_http_gateway_canary_check(ngx_conf_t *cf, void *data);
static char *ngx_http_gateway_canary_check_uri(ngx_conf_t *cf,
    ngx_str_t *uri);
static ngx_int_t ngx_http_gateway_canary_stride(ngx_int_t steps);
static void *ngx_http_gateway_canary_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_canary_init(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_gateway_canary_init_services(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_canary_init_places(ngx_conf_t *cf,
    ngx_http_gateway_canary_conf_t *ccf);
static int ngx_libc_cdecl ngx_http_gateway_canary_cmp_services(
    const void *one, const void *two);
static void ngx_http_gateway_canary_init_start(ngx_conf_t *cf,
    ngx_http_gateway_canary_main_conf_t *cmcf);
static ngx_http_gateway_canary_main_conf_t *ngx_http_gateway_canary_old(
    ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_canary_init_counters(ngx_conf_t *cf,
    ngx_http_gateway_canary_main_conf_t *cmcf);
static ngx_int_t ngx_http_gateway_canary_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_http_gateway_canary_preconfiguration(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_canary_hashes[] = {
    { ngx_string("consumer"), NGX_HTTP_GATEWAY_CANARY_CONSUMER },
    { ngx_string("ip"), NGX_HTTP_GATEWAY_CANARY_IP },
    { ngx_string("header"), NGX_HTTP_GATEWAY_CANARY_HEADER },
    { ngx_string("none"), NGX_HTTP_GATEWAY_CANARY_NONE },
    { ngx_string("allow"), NGX_HTTP_GATEWAY_CANARY_ALLOW },
    { ngx_string("deny"), NGX_HTTP_GATEWAY_CANARY_DENY },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_canary_params[] = {

    { ngx_string("percentage"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_canary_conf_t, percentage), 0, 100, NULL },

    { ngx_string("start"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_canary_conf_t, start), 0, 1000000000000,
      NULL },

    { ngx_string("duration"), NGX_HTTP_GATEWAY_PARAM_NUMBER,
      offsetof(ngx_http_gateway_canary_conf_t, duration), 0, 1000000000000,
      NULL },

    { ngx_string("steps"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_canary_conf_t, steps), 1, 1000000000, NULL },

    { ngx_string("hash"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_canary_conf_t, hash), 0, 0,
      ngx_http_gateway_canary_hashes },

    { ngx_string("hash_header"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_canary_conf_t, hash_header), 0, 0, NULL },

    { ngx_string("groups"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_canary_conf_t, groups), 0, 0, NULL },

    { ngx_string("canary_by_header_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_canary_conf_t, canary_by_header_name), 0, 0,
      NULL },

    { ngx_string("upstream_host"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_canary_conf_t, upstream_host), 0, 0, NULL },

    { ngx_string("upstream_port"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_canary_conf_t, upstream_port), 1, 65535,
      NULL },

    { ngx_string("upstream_uri"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_canary_conf_t, upstream_uri), 0, 0, NULL },

    { ngx_string("upstream_fallback"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_canary_conf_t, upstream_fallback), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_canary_policy = {
    ngx_string("canary"),
    NGX_HTTP_GATEWAY_CANARY_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_canary_conf_t),
    ngx_http_gateway_canary_params,
    ngx_http_gateway_canary_defaults,
    ngx_http_gateway_canary_check,
    ngx_http_gateway_canary_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_canary_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_canary_commands[] = {

    { ngx_string("gateway_canary"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_canary_policy },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_canary_module_ctx = {
    ngx_http_gateway_canary_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_canary_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_canary_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_canary_module_ctx,   /* module context */
    ngx_http_gateway_canary_commands,      /* module directives */
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


static ngx_http_variable_t  ngx_http_gateway_canary_vars[] = {

    { ngx_string("gateway_canary"), NULL,
      ngx_http_gateway_canary_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_gateway_canary_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_canary_conf_t *ccf = data;

    ngx_str_t                          *value;
    ngx_uint_t                          chosen, asked;
    ngx_table_elt_t                    *h;
    ngx_http_gateway_ctx_t             *ctx;
    ngx_http_gateway_upstream_place_t  *place;

    ctx = ngx_http_gateway_get_ctx(r);
    chosen = 0;
    asked = 0;

    if (ccf->canary_by_header_name.len) {
        h = ngx_http_gateway_header_in(r, &ccf->canary_by_header_name, 0);

        if (h) {
            value = &h->value;

            if (value->len == sizeof("always") - 1
                && ngx_strncmp(value->data, "always", value->len) == 0)
            {
                chosen = 1;
                asked = 1;

            } else if (value->len == sizeof("never") - 1
                       && ngx_strncmp(value->data, "never", value->len) == 0)
            {
                asked = 1;
            }
        }
    }

    place = ngx_http_gateway_canary_place(ccf, ctx->service);

    if (!asked) {
        chosen = ngx_http_gateway_canary_is_chosen(r, ctx, ccf);

        if (chosen && ccf->upstream_fallback && place
            && !ngx_http_gateway_upstream_usable(place))
        {
            chosen = 0;
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway canary chosen:%ui asked:%ui", chosen, asked);

    if (!chosen) {
        return NGX_DECLINED;
    }

    if (place) {
        ctx->balancer = place->balancer;
    }

    if (ctx->service && ccf->upstream_uri.len) {
        ctx->upstream_uri = ccf->upstream_uri;
    }

    return ngx_http_gateway_add_data(r, &ngx_http_gateway_canary_policy,
                                     sizeof(ngx_http_gateway_data_t))
           ? NGX_DECLINED : NGX_ERROR;
}


static ngx_http_gateway_upstream_place_t *
ngx_http_gateway_canary_place(ngx_http_gateway_canary_conf_t *ccf,
    ngx_http_gateway_service_t *service)
{
    ngx_uint_t                          i, low, high;
    ngx_http_gateway_upstream_place_t  *place;

    place = ccf->places;
    low = 0;
    high = ccf->nplaces;

    while (low < high) {
        i = (low + high) / 2;

        if (place[i].service == service) {
            return &place[i];
        }

        if (place[i].service < service) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_gateway_canary_is_chosen(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_canary_conf_t *ccf)
{
    ngx_int_t  share;

    if (ccf->hash == NGX_HTTP_GATEWAY_CANARY_ALLOW) {
        return ngx_http_gateway_canary_is_member(ctx, ccf->groups);
    }

    if (ccf->hash == NGX_HTTP_GATEWAY_CANARY_DENY) {
        return !ngx_http_gateway_canary_is_member(ctx, ccf->groups);
    }

    share = ngx_http_gateway_canary_share(ccf);

    if (share <= 0) {
        return 0;
    }

    if (share >= ccf->steps) {
        return 1;
    }

    return ngx_http_gateway_canary_bucket(r, ctx, ccf) < share;
}


/* so many of the steps go to the canary at this time */

static ngx_int_t
ngx_http_gateway_canary_share(ngx_http_gateway_canary_conf_t *ccf)
{
    double       elapsed;
    ngx_time_t  *tp;

    if (ccf->percentage >= 0) {
        return ccf->share;
    }

    tp = ngx_timeofday();
    elapsed = (double) tp->sec + (double) tp->msec / 1000 - ccf->start;

    if (elapsed < 0) {
        return 0;
    }

    if (elapsed >= ccf->duration) {
        return ccf->steps;
    }

    return (ngx_int_t) (elapsed * (double) ccf->steps / ccf->duration);
}


/* 0 to steps - 1: always the same for who can be told from others */

static ngx_int_t
ngx_http_gateway_canary_bucket(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_canary_conf_t *ccf)
{
    uint64_t          n, steps;
    ngx_str_t        *value;
    ngx_atomic_t     *counter;
    ngx_table_elt_t  *h;

    value = NULL;
    steps = (uint64_t) ccf->steps;

    switch (ccf->hash) {

    case NGX_HTTP_GATEWAY_CANARY_NONE:
        goto count;

    case NGX_HTTP_GATEWAY_CANARY_HEADER:
        h = ngx_http_gateway_header_in(r, &ccf->hash_header, 0);

        if (h && h->value.len) {
            value = &h->value;
        }

        break;

    case NGX_HTTP_GATEWAY_CANARY_IP:

        if (r->connection->sockaddr->sa_family != AF_UNIX) {
            value = &r->connection->addr_text;
        }

        break;

    default: /* NGX_HTTP_GATEWAY_CANARY_CONSUMER */
        break;
    }

    if (value == NULL) {

        if (ctx->consumer) {
            value = &ctx->consumer->id;

        } else if (ctx->credential) {
            value = &ctx->credential->id;

        } else if (r->connection->sockaddr->sa_family != AF_UNIX) {
            value = &r->connection->addr_text;
        }
    }

    if (value) {
        return (ngx_int_t) (ngx_crc32_long(value->data, value->len) % steps);
    }

count:

    /* each bucket once in a round, those of the canary evenly spread */

    counter = (ngx_atomic_t *) (ccf->main->counters
                                + ccf->number * NGX_HTTP_GATEWAY_CANARY_LINE);

    n = (uint64_t) ngx_atomic_fetch_add(counter, 1);

    return (ngx_int_t) (n % steps * (uint64_t) ccf->stride % steps);
}


/* groups of acl and consumer groups; of who is no consumer, those of LDAP */

static ngx_uint_t
ngx_http_gateway_canary_is_member(ngx_http_gateway_ctx_t *ctx,
    ngx_array_t *groups)
{
    u_char                     *p, *last;
    ngx_str_t                   name, *names;
    ngx_uint_t                  i, k;
    ngx_array_t                *array;
    ngx_http_gateway_group_t  **group;

    if (ctx->consumer) {

        for (k = 0; k < 2; k++) {
            array = k ? ctx->consumer->stored_groups
                      : ctx->consumer->acl_groups;

            if (array == NULL) {
                continue;
            }

            names = array->elts;

            for (i = 0; i < array->nelts; i++) {
                if (ngx_http_gateway_canary_is_listed(groups, &names[i])) {
                    return 1;
                }
            }
        }

        if (ctx->consumer->groups) {
            group = ctx->consumer->groups->elts;

            for (i = 0; i < ctx->consumer->groups->nelts; i++) {
                if (ngx_http_gateway_canary_is_listed(groups,
                                                      &group[i]->name))
                {
                    return 1;
                }
            }
        }
    }

    if (ctx->authenticated_groups.len == 0) {
        return 0;
    }

    if (ctx->authenticated_groups.data == ctx->one_group) {
        return ngx_http_gateway_canary_is_listed(groups,
                                                 &ctx->authenticated_groups);
    }

    p = ctx->authenticated_groups.data;
    last = p + ctx->authenticated_groups.len;

    for ( ;; ) {

        while (p < last && (*p == ' ' || *p == ',')) {
            p++;
        }

        if (p == last) {
            return 0;
        }

        name.data = p;

        while (p < last && *p != ',') {
            p++;
        }

        name.len = p - name.data;

        while (name.data[name.len - 1] == ' ') {
            name.len--;
        }

        if (ngx_http_gateway_canary_is_listed(groups, &name)) {
            return 1;
        }
    }
}


static ngx_uint_t
ngx_http_gateway_canary_is_listed(ngx_array_t *groups, ngx_str_t *name)
{
    ngx_str_t   *group;
    ngx_uint_t   i;

    group = groups->elts;

    for (i = 0; i < groups->nelts; i++) {
        if (group[i].len == name->len
            && ngx_memcmp(group[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* what was sent somewhere, by class of status: is the canary worse? */

static void
ngx_http_gateway_canary_log(ngx_http_request_t *r, void *data)
{
    ngx_uint_t               class, chosen;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    chosen = ngx_http_gateway_get_data(r, &ngx_http_gateway_canary_policy)
             != NULL;

    class = (r->err_status ? r->err_status : r->headers_out.status) / 100;

    if ((!chosen && !ctx->proxied) || class < 1 || class > 5) {
        return;
    }

    ngx_http_gateway_metrics_released(r, class - 1
                             + (chosen ? NGX_HTTP_GATEWAY_METRICS_CANARY_CHOSEN
                                : NGX_HTTP_GATEWAY_METRICS_CANARY_OTHERS));
}


static ngx_int_t
ngx_http_gateway_canary_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = 1;
    v->data = (u_char *) (ngx_http_gateway_get_data(r,
                                             &ngx_http_gateway_canary_policy)
                          ? "1" : "0");

    return NGX_OK;
}


/* configuration */

static void
ngx_http_gateway_canary_defaults(void *data)
{
    ngx_http_gateway_canary_conf_t *ccf = data;

    ccf->percentage = -1;
    ccf->start = -1;
    ccf->duration = 3600;
    ccf->steps = 1000;
}


static char *
ngx_http_gateway_canary_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_canary_conf_t *ccf = data;

    ngx_uint_t                             by_groups;
    ngx_http_gateway_canary_conf_t       **p;
    ngx_http_gateway_canary_main_conf_t   *cmcf;

    if (ccf->upstream_host.len == 0 && ccf->upstream_port == 0
        && ccf->upstream_uri.len == 0)
    {
        return "needs at least one of \"upstream_host\", \"upstream_port\" "
               "and \"upstream_uri\"";
    }

    if (ccf->hash == NGX_HTTP_GATEWAY_CANARY_HEADER
        && ccf->hash_header.len == 0)
    {
        return "needs \"hash_header\" with \"hash=header\"";
    }

    by_groups = ccf->hash == NGX_HTTP_GATEWAY_CANARY_ALLOW
                || ccf->hash == NGX_HTTP_GATEWAY_CANARY_DENY;

    if (by_groups && ccf->groups == NULL) {
        return "needs \"groups\" with \"hash=allow\" and \"hash=deny\"";
    }

    if (ccf->upstream_fallback && ccf->upstream_host.len == 0) {
        return "needs \"upstream_host\" with \"upstream_fallback\"";
    }

    if (ccf->upstream_uri.len
        && ngx_http_gateway_canary_check_uri(cf, &ccf->upstream_uri)
           != NGX_CONF_OK)
    {
        return "has an \"upstream_uri\" that is no path: it begins with "
               "\"/\" and has neither \"?\" nor \"#\"";
    }

    ngx_strlow(ccf->hash_header.data, ccf->hash_header.data,
               ccf->hash_header.len);
    ngx_strlow(ccf->canary_by_header_name.data,
               ccf->canary_by_header_name.data,
               ccf->canary_by_header_name.len);

    /* 29 per cent of 100 steps are 29, which floating point does not know */

    ccf->share = (ngx_int_t) (ccf->percentage * (double) ccf->steps / 100
                              + 1e-6);
    ccf->stride = ngx_http_gateway_canary_stride(ccf->steps);

    if (ccf->percentage < 0 && ccf->start < 0 && !by_groups) {
        ccf->loaded = 1;
    }

    if (ngx_array_init(&ccf->services, cf->pool, 1, sizeof(void *))
        != NGX_OK
        || ngx_http_gateway_metrics_set_add(cf,
                                            &ngx_http_gateway_metrics_canary)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_canary_module);

    if (cmcf->confs.nelts == 0
        && ngx_http_gateway_add_init(cf, ngx_http_gateway_canary_init, cmcf)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ccf->main = cmcf;
    ccf->number = cmcf->confs.nelts;

    p = ngx_array_push(&cmcf->confs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = ccf;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_canary_check_uri(ngx_conf_t *cf, ngx_str_t *uri)
{
    u_char     *p;
    ptrdiff_t   len;

    if (uri->data[0] != '/'
        || ngx_strlchr(uri->data, uri->data + uri->len, '?')
        || ngx_strlchr(uri->data, uri->data + uri->len, '#'))
    {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, uri->len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    len = gateway_path_normalize((char *) p, (char *) uri->data, uri->len);

    if (len < 0) {
        return NGX_CONF_ERROR;
    }

    uri->data = p;
    uri->len = len;

    return NGX_CONF_OK;
}


/* near the golden section of the steps, and prime to them */

static ngx_int_t
ngx_http_gateway_canary_stride(ngx_int_t steps)
{
    ngx_int_t  a, b, rest, stride;

    stride = (ngx_int_t) ((double) steps * 0.618034);

    for (stride = ngx_max(stride, 1); /* void */ ; stride++) {

        a = steps;
        b = stride;

        while (b) {
            rest = a % b;
            a = b;
            b = rest;
        }

        if (a == 1) {
            return stride;
        }
    }
}


static void *
ngx_http_gateway_canary_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_canary_main_conf_t  *cmcf;

    cmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_canary_main_conf_t));
    if (cmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&cmcf->confs, cf->pool, 1, sizeof(void *)) != NGX_OK) {
        return NULL;
    }

    return cmcf;
}


/* chains are built, services are known */

static ngx_int_t
ngx_http_gateway_canary_init(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_canary_main_conf_t *cmcf = data;

    ngx_uint_t                        i;
    ngx_http_gateway_canary_conf_t  **ccf;

    if (ngx_http_gateway_canary_init_services(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    ccf = cmcf->confs.elts;

    for (i = 0; i < cmcf->confs.nelts; i++) {
        if (ngx_http_gateway_canary_init_places(cf, ccf[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_canary_init_start(cf, cmcf);

    return ngx_http_gateway_canary_init_counters(cf, cmcf);
}


/* tells each instance the services of the routes that it acts on */

static ngx_int_t
ngx_http_gateway_canary_init_services(ngx_conf_t *cf)
{
    ngx_uint_t                        i, k;
    ngx_array_t                      *routes;
    ngx_http_gateway_chain_t         *chain;
    ngx_http_gateway_route_t        **route;
    ngx_http_gateway_service_t      **service;
    ngx_http_gateway_canary_conf_t   *ccf;

    routes = ngx_http_gateway_routes(cf);

    if (routes == NULL) {
        return NGX_OK;
    }

    route = routes->elts;

    for (i = 0; i < routes->nelts; i++) {

        chain = route[i]->conf->chain;

        if (chain == NULL || route[i]->service == NULL) {
            continue;
        }

        for (k = 0; k < chain->nelts; k++) {

            if (chain->elts[k].policy != &ngx_http_gateway_canary_policy
                || chain->elts[k].instance == NULL)
            {
                continue;
            }

            ccf = (ngx_http_gateway_canary_conf_t *) chain->elts[k].instance;
            service = ccf->services.elts;

            /* routes of one service mostly stand together */

            if (ccf->services.nelts
                && service[ccf->services.nelts - 1] == route[i]->service)
            {
                break;
            }

            service = ngx_array_push(&ccf->services);
            if (service == NULL) {
                return NGX_ERROR;
            }

            *service = route[i]->service;
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_canary_init_places(ngx_conf_t *cf,
    ngx_http_gateway_canary_conf_t *ccf)
{
    ngx_uint_t                          i;
    ngx_http_gateway_service_t        **service;
    ngx_http_gateway_upstream_place_t  *place;

    if ((ccf->upstream_host.len == 0 && ccf->upstream_port == 0)
        || ccf->services.nelts == 0)
    {
        return NGX_OK;
    }

    service = ccf->services.elts;

    ngx_qsort(service, ccf->services.nelts, sizeof(void *),
              ngx_http_gateway_canary_cmp_services);

    ccf->places = ngx_pcalloc(cf->pool, ccf->services.nelts
                              * sizeof(ngx_http_gateway_upstream_place_t));
    if (ccf->places == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ccf->services.nelts; i++) {

        if (i && service[i] == service[i - 1]) {
            continue;
        }

        place = &ccf->places[ccf->nplaces++];

        place->service = service[i];
        place->host = ccf->upstream_host;
        place->port = (in_port_t) ccf->upstream_port;
        place->file_name = ccf->instance.file_name;
        place->line = ccf->instance.line;

        if (ngx_http_gateway_upstream_add_place(cf, place) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_canary_cmp_services(const void *one, const void *two)
{
    ngx_http_gateway_service_t *const *a = one, *const *b = two;

    return *a < *b ? -1 : *a > *b;
}


/*
 * A release without a start begins when it is first loaded, and goes on over
 * reloads as long as there is a master: it must not begin again with each of
 * them.
 */

static void
ngx_http_gateway_canary_init_start(ngx_conf_t *cf,
    ngx_http_gateway_canary_main_conf_t *cmcf)
{
    ngx_uint_t                            i, k;
    ngx_http_gateway_canary_conf_t      **ccf, **was;
    ngx_http_gateway_canary_main_conf_t  *old;

    old = ngx_http_gateway_canary_old(cf->cycle);
    ccf = cmcf->confs.elts;

    for (i = 0; i < cmcf->confs.nelts; i++) {

        if (!ccf[i]->loaded) {
            continue;
        }

        ccf[i]->start = (double) ngx_time();

        if (old == NULL) {
            continue;
        }

        was = old->confs.elts;

        for (k = 0; k < old->confs.nelts; k++) {

            if (was[k]->loaded
                && was[k]->instance.scope == ccf[i]->instance.scope
                && was[k]->instance.service_id.len
                   == ccf[i]->instance.service_id.len
                && ngx_memcmp(was[k]->instance.service_id.data,
                              ccf[i]->instance.service_id.data,
                              ccf[i]->instance.service_id.len)
                   == 0
                && was[k]->instance.route_id.len
                   == ccf[i]->instance.route_id.len
                && ngx_memcmp(was[k]->instance.route_id.data,
                              ccf[i]->instance.route_id.data,
                              ccf[i]->instance.route_id.len)
                   == 0)
            {
                ccf[i]->start = was[k]->start;
                break;
            }
        }
    }
}


/* of the configuration before, if it is one of this very module */

static ngx_http_gateway_canary_main_conf_t *
ngx_http_gateway_canary_old(ngx_cycle_t *cycle)
{
    ngx_uint_t    i;
    ngx_cycle_t  *old;

    old = cycle->old_cycle;

    if (old == NULL || old->conf_ctx == NULL || old->modules == NULL) {
        return NULL;
    }

    for (i = 0; old->modules[i]; i++) {
        if (old->modules[i] == &ngx_http_gateway_canary_module) {
            return ngx_http_cycle_get_module_main_conf(old,
                                              ngx_http_gateway_canary_module);
        }
    }

    return NULL;
}


/*
 * Lines of counters fill whole pages: a zone of the same size, which nginx
 * keeps, has room for as many.
 */

static ngx_int_t
ngx_http_gateway_canary_init_counters(ngx_conf_t *cf,
    ngx_http_gateway_canary_main_conf_t *cmcf)
{
    size_t           size;
    ngx_shm_zone_t  *zone;

    static ngx_str_t  name = ngx_string("gateway_canary");

    size = ngx_align(cmcf->confs.nelts * NGX_HTTP_GATEWAY_CANARY_LINE,
                     ngx_pagesize);

    zone = ngx_shared_memory_add(cf, &name, 2 * size + 8 * ngx_pagesize,
                                 &ngx_http_gateway_canary_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_gateway_canary_init_zone;
    zone->data = cmcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_canary_init_zone(ngx_shm_zone_t *zone, void *data)
{
    size_t                                size;
    ngx_slab_pool_t                      *shpool;
    ngx_http_gateway_canary_main_conf_t  *cmcf;

    cmcf = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data == NULL && !zone->shm.exists) {

        size = ngx_align(cmcf->confs.nelts * NGX_HTTP_GATEWAY_CANARY_LINE,
                         ngx_pagesize);

        shpool->data = ngx_slab_calloc(shpool, size);

        if (shpool->data == NULL) {
            return NGX_ERROR;
        }
    }

    cmcf->counters = shpool->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_canary_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_gateway_canary_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_canary_policy);
}
