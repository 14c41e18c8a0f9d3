
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits requests per second, minute, hour, day, month and year in fixed
 * windows of the UTC calendar, in the access step of the chain; one lookup
 * in shared memory per request finds the counters of all six.  Check and
 * count are one step under the lock of a shard, so no limit is overshot.
 * When the counters cannot be had (a process hangs with the lock), the
 * request passes without headers, or gets 500 with fault_tolerant=off.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_shm.h"


#define NGX_HTTP_GATEWAY_RATE_PERIODS   6

/* of ngx_http_gateway_rate_limiting_node_t; to be raised when it changes */
#define NGX_HTTP_GATEWAY_RATE_LAYOUT    1

#define NGX_HTTP_GATEWAY_RATE_ZONE      (12 * 1024 * 1024)

/* a period without a limit; no parameter has so many digits */
#define NGX_HTTP_GATEWAY_RATE_UNSET     -1.0e18

/* how much ahead of ours the cached second of another worker may be */
#define NGX_HTTP_GATEWAY_RATE_SKEW     2

/* digits of the longest number that a header may hold */
#define NGX_HTTP_GATEWAY_RATE_TEXT     24

/* seconds between two log lines about counters that cannot be had */
#define NGX_HTTP_GATEWAY_RATE_REPEAT   60


typedef enum {
    NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER = 0,
    NGX_HTTP_GATEWAY_RATE_LIMITING_CREDENTIAL,
    NGX_HTTP_GATEWAY_RATE_LIMITING_IP,
    NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE,
    NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER,
    NGX_HTTP_GATEWAY_RATE_LIMITING_PATH,
    NGX_HTTP_GATEWAY_RATE_LIMITING_KINDS
} ngx_http_gateway_rate_limiting_by_e;


/* one limit of an instance, ready for use */
typedef struct {
    ngx_uint_t                    period;    /* index of the period */
    uint32_t                      stop;      /* requests used: no more */
    double                        limit;
    ngx_str_t                     text;      /* the limit in headers */
} ngx_http_gateway_rate_limiting_limit_t;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    double                        values[NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t                    limit_by;
    ngx_str_t                     header_name;
    ngx_str_t                     path;
    ngx_flag_t                    fault_tolerant;
    ngx_flag_t                    hide_client_headers;
    ngx_int_t                     error_code;
    ngx_str_t                     error_message;

    /* made from the above */

    ngx_uint_t                    n;
    ngx_http_gateway_rate_limiting_limit_t
                                  limits[NGX_HTTP_GATEWAY_RATE_PERIODS];
    time_t                        ttl;
    ngx_str_t                     header_lowcase;

    /* of the scope's ids: the secret of the digests is known only after the
       zone was made */
    ngx_http_gateway_digest_t     scope;
    unsigned                      hashed:1;
} ngx_http_gateway_rate_limiting_conf_t;


typedef struct {
    ngx_http_gateway_shm_t       *shm;
    size_t                        size;      /* of the zone */
    unsigned                      used:1;    /* some instance exists */

    /* starts of the windows that hold the second "now" */
    time_t                        now;
    uint32_t                      start[NGX_HTTP_GATEWAY_RATE_PERIODS];

    time_t                        logged;    /* counters not to be had */

    /* hashes of consumers by number, zeros until needed; of this worker */
    ngx_http_gateway_digest_t    *consumers;
} ngx_http_gateway_rate_limiting_main_conf_t;


/* what the response headers say; kept with the request */
typedef struct {
    ngx_http_gateway_data_t       head;      /* must be the first */
    double                        remaining[NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t                    selected;  /* of limits[] */
    ngx_uint_t                    reset;     /* seconds */
    ngx_uint_t                    rejected;
    u_char                        text[1];   /* room for the numbers */
} ngx_http_gateway_rate_limiting_data_t;


/* in shared memory; a worker may be killed between any two stores */
typedef struct {
    uint32_t                      start;     /* seconds since the epoch */
    uint32_t                      count;
} ngx_http_gateway_rate_limiting_window_t;

typedef struct {
    ngx_http_gateway_rate_limiting_window_t
                                  window[NGX_HTTP_GATEWAY_RATE_PERIODS];
} ngx_http_gateway_rate_limiting_node_t;


typedef struct {
    char                         *name;
    time_t                        length;    /* seconds, for reset */
    ngx_str_t                     limit;     /* header names */
    ngx_str_t                     remaining;
} ngx_http_gateway_rate_limiting_period_t;


static ngx_int_t ngx_http_gateway_rate_limiting_handler(
    ngx_http_request_t *r, void *data);
static void ngx_http_gateway_rate_limiting_windows(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, time_t now);
static void ngx_http_gateway_rate_limiting_digest(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest);
static ngx_http_gateway_digest_t *ngx_http_gateway_rate_limiting_known(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_consumer_t *consumer);
static ngx_uint_t ngx_http_gateway_rate_limiting_identifier(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_str_t *id);
static ngx_uint_t ngx_http_gateway_rate_limiting_count(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_node_t *node, uint32_t *used);
static ngx_int_t ngx_http_gateway_rate_limiting_failed(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
static ngx_int_t ngx_http_gateway_rate_limiting_keep(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t stop);
static ngx_int_t ngx_http_gateway_rate_limiting_header(
    ngx_http_request_t *r, void *arg);
static void ngx_http_gateway_rate_limiting_clean(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf);
static ngx_int_t ngx_http_gateway_rate_limiting_put(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static void ngx_http_gateway_rate_limiting_number(u_char *buf, double number,
    ngx_str_t *text);

static void ngx_http_gateway_rate_limiting_defaults(void *data);
static char *ngx_http_gateway_rate_limiting_check(ngx_conf_t *cf,
    void *data);
static char *ngx_http_gateway_rate_limiting_check_order(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_policy(ngx_conf_t *cf,
    void *data, ngx_str_t *name, ngx_str_t *value);
static char *ngx_http_gateway_rate_limiting_sync_rate(ngx_conf_t *cf,
    void *data, ngx_str_t *name, ngx_str_t *value);
static char *ngx_http_gateway_rate_limiting_zone(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_rate_limiting_preconfiguration(
    ngx_conf_t *cf);
static void *ngx_http_gateway_rate_limiting_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_rate_limiting_init_main_conf(ngx_conf_t *cf,
    void *conf);


static ngx_http_gateway_rate_limiting_period_t
    ngx_http_gateway_rate_limiting_periods[] =
{
    { "second", 1,
      ngx_string("X-RateLimit-Limit-Second"),
      ngx_string("X-RateLimit-Remaining-Second") },

    { "minute", 60,
      ngx_string("X-RateLimit-Limit-Minute"),
      ngx_string("X-RateLimit-Remaining-Minute") },

    { "hour", 3600,
      ngx_string("X-RateLimit-Limit-Hour"),
      ngx_string("X-RateLimit-Remaining-Hour") },

    { "day", 86400,
      ngx_string("X-RateLimit-Limit-Day"),
      ngx_string("X-RateLimit-Remaining-Day") },

    { "month", 2592000,
      ngx_string("X-RateLimit-Limit-Month"),
      ngx_string("X-RateLimit-Remaining-Month") },

    { "year", 31536000,
      ngx_string("X-RateLimit-Limit-Year"),
      ngx_string("X-RateLimit-Remaining-Year") }
};


static ngx_str_t  ngx_http_gateway_rate_limiting_limit_name =
    ngx_string("RateLimit-Limit");
static ngx_str_t  ngx_http_gateway_rate_limiting_remaining_name =
    ngx_string("RateLimit-Remaining");
static ngx_str_t  ngx_http_gateway_rate_limiting_reset_name =
    ngx_string("RateLimit-Reset");
static ngx_str_t  ngx_http_gateway_rate_limiting_retry_name =
    ngx_string("Retry-After");


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_by[] = {
    { ngx_string("consumer"), NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER },
    { ngx_string("credential"), NGX_HTTP_GATEWAY_RATE_LIMITING_CREDENTIAL },
    { ngx_string("ip"), NGX_HTTP_GATEWAY_RATE_LIMITING_IP },
    { ngx_string("service"), NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE },
    { ngx_string("header"), NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER },
    { ngx_string("path"), NGX_HTTP_GATEWAY_RATE_LIMITING_PATH },
    { ngx_null_string, 0 }
};


#define ngx_http_gateway_rate_limiting_limit(n)                               \
    NGX_HTTP_GATEWAY_PARAM_NUMBER,                                            \
    offsetof(ngx_http_gateway_rate_limiting_conf_t, values)                   \
        + (n) * sizeof(double), 0, 0, NULL


static ngx_http_gateway_param_t  ngx_http_gateway_rate_limiting_params[] = {

    { ngx_string("second"), ngx_http_gateway_rate_limiting_limit(0) },
    { ngx_string("minute"), ngx_http_gateway_rate_limiting_limit(1) },
    { ngx_string("hour"), ngx_http_gateway_rate_limiting_limit(2) },
    { ngx_string("day"), ngx_http_gateway_rate_limiting_limit(3) },
    { ngx_string("month"), ngx_http_gateway_rate_limiting_limit(4) },
    { ngx_string("year"), ngx_http_gateway_rate_limiting_limit(5) },

    { ngx_string("limit_by"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, limit_by), 0, 0,
      ngx_http_gateway_rate_limiting_by },

    { ngx_string("header_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, header_name), 0, 0,
      NULL },

    { ngx_string("path"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, path), 0, 0, NULL },

    { ngx_string("policy"), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      (void *) ngx_http_gateway_rate_limiting_policy },

    { ngx_string("fault_tolerant"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, fault_tolerant), 0, 0,
      NULL },

    { ngx_string("hide_client_headers"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, hide_client_headers),
      0, 0, NULL },

    { ngx_string("error_code"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, error_code), 200, 599,
      NULL },

    { ngx_string("error_message"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_rate_limiting_conf_t, error_message), 0, 0,
      NULL },

    { ngx_string("sync_rate"), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      (void *) ngx_http_gateway_rate_limiting_sync_rate },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_rate_limiting = {
    ngx_string("rate_limiting"),
    910,
    0,

    sizeof(ngx_http_gateway_rate_limiting_conf_t),
    ngx_http_gateway_rate_limiting_params,
    ngx_http_gateway_rate_limiting_defaults,
    ngx_http_gateway_rate_limiting_check,

    ngx_http_gateway_rate_limiting_handler,
    ngx_http_gateway_rate_limiting_header,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_rate_limiting_commands[] = {

    { ngx_string("gateway_rate_limiting"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_rate_limiting },

    { ngx_string("gateway_rate_limiting_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_rate_limiting_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_rate_limiting_module_ctx = {
    ngx_http_gateway_rate_limiting_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_rate_limiting_create_main_conf,
                                           /* create main configuration */
    ngx_http_gateway_rate_limiting_init_main_conf,
                                           /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_rate_limiting_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_rate_limiting_module_ctx, /* module context */
    ngx_http_gateway_rate_limiting_commands,    /* module directives */
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
ngx_http_gateway_rate_limiting_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = data;

    uint32_t                       used[NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t                     stop;
    ngx_http_gateway_digest_t      digest;
    ngx_http_gateway_shm_entry_t   entry;

    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r,
                                        ngx_http_gateway_rate_limiting_module);

    if (mcf->now != ngx_time()) {
        ngx_http_gateway_rate_limiting_windows(mcf, ngx_time());
    }

    ngx_http_gateway_rate_limiting_digest(r, conf, mcf, &digest);

    if (ngx_http_gateway_shm_acquire(mcf->shm, &digest, conf->ttl, &entry)
        != NGX_OK)
    {
        return ngx_http_gateway_rate_limiting_failed(r, conf, mcf);
    }

    ngx_memzero(used, sizeof(used));

    stop = ngx_http_gateway_rate_limiting_count(conf, mcf, entry.value, used);

    ngx_http_gateway_shm_release(&entry);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "rate_limiting: %s used:%uD limit:%V stop:%ui",
                   ngx_http_gateway_rate_limiting_periods
                       [conf->limits[0].period].name,
                   used[0], &conf->limits[0].text, stop);

    if (!conf->hide_client_headers
        && ngx_http_gateway_rate_limiting_keep(r, conf, mcf, used, stop)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!stop) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "rate_limiting: limit exceeded");

    return ngx_http_gateway_error(r, conf->error_code, &conf->error_message);
}


static void
ngx_http_gateway_rate_limiting_windows(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, time_t now)
{
    uint32_t   t, day;
    struct tm  tm;

    t = (uint32_t) now;

    ngx_libc_gmtime(now, &tm);

    day = t - t % 86400;

    mcf->start[0] = t;
    mcf->start[1] = t - t % 60;
    mcf->start[2] = t - t % 3600;
    mcf->start[3] = day;
    mcf->start[4] = day - (tm.tm_mday - 1) * 86400;
    mcf->start[5] = day - tm.tm_yday * 86400;

    mcf->now = now;
}


/*
 * The key of a counter is made of two keyed hashes, that of the scope and that
 * of the identifier, so that both can be kept: of a consumer's request neither
 * is computed again.
 *
 * Kong mixes the kinds of identifiers, so that a client who knows another's
 * address or consumer id may spend the other's requests through a header.
 */

static void
ngx_http_gateway_rate_limiting_digest(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest)
{
    u_char                        kind;
    ngx_str_t                     id;
    ngx_http_gateway_ctx_t       *ctx;
    ngx_http_gateway_hash_t       hash;
    ngx_http_gateway_digest_t    *known;
    ngx_http_gateway_consumer_t  *consumer;

    if (!conf->hashed) {
        ngx_http_gateway_hash_init(mcf->shm, &hash);
        ngx_http_gateway_hash_part(&hash, conf->instance.route_id.data,
                                   conf->instance.route_id.len);
        ngx_http_gateway_hash_part(&hash, conf->instance.service_id.data,
                                   conf->instance.service_id.len);
        ngx_http_gateway_hash_final(&hash, &conf->scope);

        conf->hashed = 1;
    }

    known = NULL;

    if (conf->limit_by == NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER) {

        ctx = ngx_http_gateway_get_ctx(r);
        consumer = ctx->consumer;

        if (consumer && consumer->number) {
            known = ngx_http_gateway_rate_limiting_known(r, mcf, consumer);

            if (known && (known->part[0] || known->part[1])) {
                digest->part[0] = known->part[0] ^ conf->scope.part[0];
                digest->part[1] = known->part[1] ^ conf->scope.part[1];

                return;
            }
        }
    }

    kind = ngx_http_gateway_rate_limiting_identifier(r, conf, &id)
           ? (u_char) conf->limit_by : NGX_HTTP_GATEWAY_RATE_LIMITING_IP;

    ngx_http_gateway_hash_init(mcf->shm, &hash);
    ngx_http_gateway_hash_part(&hash, &kind, 1);
    ngx_http_gateway_hash_part(&hash, id.data, id.len);
    ngx_http_gateway_hash_final(&hash, digest);

    if (known) {
        *known = *digest;
    }

    digest->part[0] ^= conf->scope.part[0];
    digest->part[1] ^= conf->scope.part[1];
}


/* where this worker keeps the hash of a consumer; NULL: nowhere */

static ngx_http_gateway_digest_t *
ngx_http_gateway_rate_limiting_known(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_consumer_t *consumer)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    if (mcf->consumers == NULL) {

        gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

        mcf->consumers = ngx_pcalloc(ngx_cycle->pool,
                                     gmcf->consumers.nelts
                                     * sizeof(ngx_http_gateway_digest_t));
        if (mcf->consumers == NULL) {
            return NULL;
        }
    }

    return &mcf->consumers[consumer->number - 1];
}


/* 1: id is of the kind that is configured; 0: it is the client's address */

static ngx_uint_t
ngx_http_gateway_rate_limiting_identifier(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf, ngx_str_t *id)
{
    struct sockaddr         *sa;
    ngx_table_elt_t         *h;
    struct sockaddr_in      *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6     *sin6;
#endif
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    switch (conf->limit_by) {

    case NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER:

        if (ctx->consumer) {
            *id = ctx->consumer->id;
            return 1;
        }

        /* fall through */

    case NGX_HTTP_GATEWAY_RATE_LIMITING_CREDENTIAL:

        if (ctx->credential) {
            *id = ctx->credential->id;
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE:

        if (ctx->service) {
            *id = ctx->service->id;
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER:

        h = ngx_http_gateway_header_in(r, &conf->header_lowcase, 0);

        if (h) {
            *id = h->value;
            return 1;
        }

        break;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_PATH:

        /* outside of routes there is only nginx's own form */

        *id = ctx->path.len ? ctx->path : r->uri;

        if (id->len == conf->path.len
            && ngx_memcmp(id->data, conf->path.data, id->len) == 0)
        {
            return 1;
        }

        break;
    }

    /* what the realip module has found, if it is in use */

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        id->len = sizeof(sin->sin_addr);
        id->data = (u_char *) &sin->sin_addr;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        id->len = sizeof(sin6->sin6_addr);
        id->data = (u_char *) &sin6->sin6_addr;
        break;
#endif

    default:
        ngx_str_set(id, "unix:");
        break;
    }

    return 0;
}


/*
 * Under the lock.  Fills used[] with the requests of each window before this
 * one; counts this one unless some limit is reached, which is returned.
 */

static ngx_uint_t
ngx_http_gateway_rate_limiting_count(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_node_t *node, uint32_t *used)
{
    uint32_t                                  start, now;
    ngx_uint_t                                i, stop;
    ngx_http_gateway_rate_limiting_limit_t   *limit;
    ngx_http_gateway_rate_limiting_window_t  *w;

    now = (uint32_t) mcf->now;
    stop = 0;

    for (i = 0; i < conf->n; i++) {

        limit = &conf->limits[i];
        w = &node->window[limit->period];
        start = mcf->start[limit->period];

        /*
         * A window in the near future was begun by a worker whose clock is
         * cached a little later; one far off, by a clock that was wrong.
         */

        if (w->start < start
            || w->start > now + NGX_HTTP_GATEWAY_RATE_SKEW)
        {
            w->count = 0;
            ngx_memory_barrier();
            w->start = start;
        }

        used[i] = w->count;
        stop |= used[i] >= limit->stop;
    }

    if (stop) {
        return 1;
    }

    for (i = 0; i < conf->n; i++) {
        node->window[conf->limits[i].period].count = used[i] + 1;
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_rate_limiting_failed(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf)
{
    ngx_uint_t  level;

    if (mcf->logged == 0
        || ngx_time() - mcf->logged >= NGX_HTTP_GATEWAY_RATE_REPEAT)
    {
        mcf->logged = ngx_time();
        level = conf->fault_tolerant ? NGX_LOG_WARN : NGX_LOG_ERR;

        ngx_log_error(level, r->connection->log, 0,
                      "rate_limiting: a process hangs with the lock of the "
                      "counters, requests %s",
                      conf->fault_tolerant ? "pass without limit" : "fail");
    }

    if (conf->fault_tolerant) {
        return NGX_OK;
    }

    return ngx_http_gateway_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR, NULL);
}


/* works out what the response headers will say */

static ngx_int_t
ngx_http_gateway_rate_limiting_keep(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t stop)
{
    double                                  remaining, least;
    time_t                                  reset;
    ngx_uint_t                              i, period;
    ngx_http_gateway_rate_limiting_data_t  *data;

    data = ngx_http_gateway_add_data(r, &ngx_http_gateway_rate_limiting,
               offsetof(ngx_http_gateway_rate_limiting_data_t, text)
               + (conf->n + 1) * NGX_HTTP_GATEWAY_RATE_TEXT);
    if (data == NULL) {
        return NGX_ERROR;
    }

    least = 0;
    data->selected = 0;
    data->rejected = stop;

    for (i = 0; i < conf->n; i++) {

        remaining = conf->limits[i].limit - (double) used[i];

        /* a rejected request is not counted in the other periods */

        if (!stop || used[i] >= conf->limits[i].stop) {
            remaining -= 1;
        }

        if (remaining < 0) {
            remaining = 0;
        }

        data->remaining[i] = remaining;

        /* limits are in the order of their periods: the longer one wins */

        if (i == 0 || remaining <= least) {
            least = remaining;
            data->selected = i;
        }
    }

    period = conf->limits[data->selected].period;
    reset = ngx_http_gateway_rate_limiting_periods[period].length
            - (mcf->now - (time_t) mcf->start[period]);

    data->reset = reset > 1 ? (ngx_uint_t) reset : 1;

    return NGX_OK;
}


/* whatever response comes in the end, of the upstream, of us or of nginx */

static ngx_int_t
ngx_http_gateway_rate_limiting_header(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = arg;

    u_char                                   *p;
    ngx_str_t                                 text, remaining;
    ngx_uint_t                                i;
    ngx_http_gateway_rate_limiting_data_t    *data;
    ngx_http_gateway_rate_limiting_period_t  *period;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_rate_limiting);

    if (data == NULL) {
        return NGX_OK;
    }

    if (r->upstream) {
        ngx_http_gateway_rate_limiting_clean(r, conf);
    }

    p = data->text;
    ngx_str_null(&remaining);

    for (i = 0; i < conf->n; i++) {

        period = &ngx_http_gateway_rate_limiting_periods
                     [conf->limits[i].period];

        ngx_http_gateway_rate_limiting_number(p, data->remaining[i], &text);
        p += NGX_HTTP_GATEWAY_RATE_TEXT;

        if (i == data->selected) {
            remaining = text;
        }

        if (ngx_http_gateway_rate_limiting_put(r, &period->limit,
                                               &conf->limits[i].text)
            != NGX_OK
            || ngx_http_gateway_rate_limiting_put(r, &period->remaining,
                                                  &text)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_rate_limiting_number(p, (double) data->reset, &text);

    if (ngx_http_gateway_rate_limiting_put(r,
                                   &ngx_http_gateway_rate_limiting_limit_name,
                                   &conf->limits[data->selected].text)
        != NGX_OK
        || ngx_http_gateway_rate_limiting_put(r,
                               &ngx_http_gateway_rate_limiting_remaining_name,
                               &remaining)
           != NGX_OK
        || ngx_http_gateway_rate_limiting_put(r,
                                   &ngx_http_gateway_rate_limiting_reset_name,
                                   &text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!data->rejected) {
        return NGX_OK;
    }

    return ngx_http_gateway_rate_limiting_put(r,
                                  &ngx_http_gateway_rate_limiting_retry_name,
                                  &text);
}


/* ours replace the upstream's headers of the same names, not others */

static void
ngx_http_gateway_rate_limiting_clean(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    u_char                                   *p;
    ngx_uint_t                                i;
    ngx_list_part_t                          *part;
    ngx_table_elt_t                          *h;
    ngx_http_gateway_rate_limiting_period_t  *period;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len < sizeof("RateLimit-") - 1) {
                continue;
            }

            p = h[i].key.data;

            if ((p[0] | 0x20) == 'x' && p[1] == '-') {
                p += 2;
            }

            if ((p[0] | 0x20) == 'r'
                && ngx_strncasecmp(p, (u_char *) "ratelimit",
                                   ngx_min(sizeof("ratelimit") - 1,
                                           h[i].key.len
                                           - (size_t) (p - h[i].key.data)))
                   == 0)
            {
                goto found;
            }
        }
    }

    return;

found:

    for (i = 0; i < conf->n; i++) {
        period = &ngx_http_gateway_rate_limiting_periods
                     [conf->limits[i].period];

        ngx_http_gateway_header_out_remove(r, &period->limit);
        ngx_http_gateway_header_out_remove(r, &period->remaining);
    }

    ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_limit_name);
    ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_remaining_name);
    ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_reset_name);
}


/* the same as ngx_http_gateway_header_out_add(), but inlined above */

static ngx_inline ngx_int_t
ngx_http_gateway_rate_limiting_put(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_list_t       *list;
    ngx_table_elt_t  *h;

    list = &r->headers_out.headers;

    if (list->last->nelts < list->nalloc) {
        h = (ngx_table_elt_t *) list->last->elts + list->last->nelts++;

    } else {
        h = ngx_list_push(list);
        if (h == NULL) {
            return NGX_ERROR;
        }
    }

    h->hash = 1;
    h->key = *name;
    h->value = *value;
    h->lowcase_key = NULL;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


/*
 * Writes a number that is not negative to the end of a buffer of TEXT bytes,
 * with up to six digits of a fraction, if it has one.
 */

static void
ngx_http_gateway_rate_limiting_number(u_char *buf, double number,
    ngx_str_t *text)
{
    u_char    *p, *last;
    uint64_t   n, k, fraction;
    unsigned   i;

    static const u_char  pairs[] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";

    last = buf + NGX_HTTP_GATEWAY_RATE_TEXT;
    p = last;

    n = (uint64_t) number;

    if (number != (double) n) {

        fraction = (uint64_t) ((number - (double) n) * 1000000 + 0.5);

        if (fraction == 1000000) {
            fraction = 0;
            n++;
        }

        if (fraction) {
            for (i = 0; i < 6; i++) {
                if (p != last || fraction % 10) {
                    *--p = (u_char) (fraction % 10 + '0');
                }

                fraction /= 10;
            }

            *--p = '.';
        }
    }

    /* two digits at a time halve the divisions */

    for (k = n; k >= 100; k /= 100) {
        p -= 2;
        ngx_memcpy(p, &pairs[2 * (k % 100)], 2);
    }

    if (k >= 10) {
        p -= 2;
        ngx_memcpy(p, &pairs[2 * k], 2);

    } else {
        *--p = (u_char) (k + '0');
    }

    text->data = p;
    text->len = last - p;
}


static void
ngx_http_gateway_rate_limiting_defaults(void *data)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {
        conf->values[i] = NGX_HTTP_GATEWAY_RATE_UNSET;
    }

    conf->limit_by = NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER;
    conf->fault_tolerant = 1;
    conf->error_code = 429;
    ngx_str_set(&conf->error_message, "API rate limit exceeded");
}


static char *
ngx_http_gateway_rate_limiting_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = data;

    u_char                                      *p;
    ngx_uint_t                                   i;
    ngx_http_gateway_rate_limiting_limit_t      *limit;
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                        ngx_http_gateway_rate_limiting_module);
    mcf->used = 1;

    if (ngx_http_gateway_rate_limiting_check_order(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {

        if (conf->values[i] == NGX_HTTP_GATEWAY_RATE_UNSET) {
            continue;
        }

        limit = &conf->limits[conf->n++];

        limit->period = i;
        limit->limit = conf->values[i];

        /* requests are whole: with a limit of 0.5 the first one passes */

        limit->stop = limit->limit >= 4294967295.0
                      ? 0xffffffff
                      : (uint32_t) limit->limit
                        + (limit->limit > (uint32_t) limit->limit);

        p = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_RATE_TEXT);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_http_gateway_rate_limiting_number(p, limit->limit, &limit->text);

        conf->ttl = ngx_http_gateway_rate_limiting_periods[i].length;
    }

    if (conf->n == 0) {
        return "needs at least one of \"second\", \"minute\", \"hour\", "
               "\"day\", \"month\", \"year\"";
    }

    if (conf->limit_by == NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER
        && conf->header_name.len == 0)
    {
        return "needs \"header_name\" with \"limit_by=header\"";
    }

    if (conf->limit_by == NGX_HTTP_GATEWAY_RATE_LIMITING_PATH
        && conf->path.len == 0)
    {
        return "needs \"path\" with \"limit_by=path\"";
    }

    if (conf->path.len && conf->path.data[0] != '/') {
        return "needs a \"path\" that starts with \"/\"";
    }

    conf->header_lowcase.len = conf->header_name.len;
    conf->header_lowcase.data = ngx_pnalloc(cf->pool, conf->header_name.len);
    if (conf->header_lowcase.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(conf->header_lowcase.data, conf->header_name.data,
               conf->header_name.len);

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_rate_limiting_check_order(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_uint_t                                i, k;
    ngx_http_gateway_rate_limiting_period_t  *period;

    period = ngx_http_gateway_rate_limiting_periods;

    for (i = 0; i < NGX_HTTP_GATEWAY_RATE_PERIODS; i++) {

        if (conf->values[i] == NGX_HTTP_GATEWAY_RATE_UNSET) {
            continue;
        }

        if (conf->values[i] <= 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%s\" in \"gateway_rate_limiting\": "
                               "the limit must be above 0", period[i].name);
            return NGX_CONF_ERROR;
        }

        for (k = 0; k < i; k++) {

            if (conf->values[k] != NGX_HTTP_GATEWAY_RATE_UNSET
                && conf->values[i] < conf->values[k])
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "The limit for %s(%.1f) cannot be lower "
                                   "than the limit for %s(%.1f)",
                                   period[i].name, conf->values[i],
                                   period[k].name, conf->values[k]);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_rate_limiting_policy(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "local") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "redis") == 0
        || ngx_strcmp(value->data, "cluster") == 0)
    {
        return "the policy is not implemented yet, only \"local\" is";
    }

    return "there is no such policy, only \"local\"";
}


/* only -1, the default that declarative files often spell out */

static char *
ngx_http_gateway_rate_limiting_sync_rate(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "-1") == 0) {
        return NGX_CONF_OK;
    }

    return "sync_rate can only be used with the redis policy";
}


static char *
ngx_http_gateway_rate_limiting_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->size) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\": write a number of "
                           "bytes, or one with \"k\" or \"m\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone size \"%V\" is too small, the least is %uz",
                           &value[1], 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    mcf->size = size;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_rate_limiting_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_rate_limiting);
}


static void *
ngx_http_gateway_rate_limiting_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     mcf->shm = NULL;
     *     mcf->size = 0;
     *     mcf->used = 0;
     *     mcf->now = 0;
     *     mcf->logged = 0;
     */

    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_rate_limiting_main_conf_t));
}


static char *
ngx_http_gateway_rate_limiting_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf = conf;

    static ngx_str_t  name = ngx_string("gateway_rate_limiting");

    if (!mcf->used) {
        return NGX_CONF_OK;
    }

    mcf->shm = ngx_http_gateway_shm_add(cf, &name,
                            mcf->size ? mcf->size
                                      : NGX_HTTP_GATEWAY_RATE_ZONE,
                            sizeof(ngx_http_gateway_rate_limiting_node_t),
                            NGX_HTTP_GATEWAY_RATE_LAYOUT,
                            &ngx_http_gateway_rate_limiting_module);

    return mcf->shm ? NGX_CONF_OK : NGX_CONF_ERROR;
}
