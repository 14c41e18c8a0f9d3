
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits in windows of any length, what Kong Enterprise has as a plugin of
 * its own: a policy beside rate_limiting, which may run for the same request,
 * with the counters of _more.c.  Windows begin at multiples of their length
 * since 1970.  Requests over a limit may wait for another try; their number is
 * limited for each place of the directive.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_rate_limiting.h"

#include <math.h>


/* the longest window: ten years */
#define NGX_HTTP_GATEWAY_RATE_LONGEST   315360000

/* bytes of the name of a window: "second", or its length */
#define NGX_HTTP_GATEWAY_RATE_WINDOW    (NGX_INT64_LEN + 1)


typedef struct {
    ngx_http_gateway_rate_limiting_conf_t
                                  base;      /* must be the first */

    ngx_array_t                  *limit;     /* ngx_str_t, numbers */
    ngx_array_t                  *window_size;
    ngx_array_t                  *compound_identifier;
    ngx_str_t                     namespace;
    ngx_uint_t                    strategy;
    double                        sync_rate; /* 0: at once; -1: never */
    ngx_flag_t                    disable_penalty;
    ngx_int_t                     retry_after_jitter_max;
    ngx_flag_t                    throttling;
    double                        interval;  /* seconds */
    ngx_int_t                     retry_times;
    ngx_int_t                     queue_limit;
} ngx_http_gateway_rate_limiting_advanced_conf_t;


typedef struct {
    double                        limit;
    time_t                        window;
} ngx_http_gateway_rate_limiting_pair_t;


/* a request that waits for another try */
typedef struct {
    ngx_event_t                   event;
    ngx_http_request_t           *request;
    ngx_http_gateway_rate_limiting_data_t
                                 *data;
} ngx_http_gateway_rate_limiting_wait_t;


static ngx_int_t ngx_http_gateway_rate_limiting_advanced_handler(
    ngx_http_request_t *r, void *arg);
static ngx_int_t ngx_http_gateway_service_protection_handler(
    ngx_http_request_t *r, void *arg);
static ngx_int_t ngx_http_gateway_rate_limiting_throttle(
    ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data);
static ngx_int_t ngx_http_gateway_rate_limiting_wait(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_msec_t delay);
static void ngx_http_gateway_rate_limiting_again(ngx_event_t *ev);
static void ngx_http_gateway_rate_limiting_gone(void *data);
static ngx_int_t ngx_http_gateway_rate_limiting_advanced_header(
    ngx_http_request_t *r, void *arg);
static void ngx_http_gateway_rate_limiting_advanced_clean(
    ngx_http_request_t *r, ngx_table_elt_t *ours, ngx_uint_t n);
static ngx_uint_t ngx_http_gateway_rate_limiting_advanced_said(
    ngx_http_gateway_rate_limiting_conf_t *other, ngx_str_t *name);

static void ngx_http_gateway_rate_limiting_advanced_defaults(void *data);
static void ngx_http_gateway_service_protection_defaults(void *data);
static char *ngx_http_gateway_rate_limiting_advanced_check(ngx_conf_t *cf,
    void *data);
static char *ngx_http_gateway_rate_limiting_advanced_key(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_advanced_store(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_advanced_limits(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_advanced_rules(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf);
static char *ngx_http_gateway_rate_limiting_advanced_limit(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf,
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_pair_t *pair);
static ngx_int_t ngx_http_gateway_rate_limiting_advanced_space(
    ngx_conf_t *cf, ngx_http_gateway_rate_limiting_advanced_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule);
static ngx_int_t ngx_http_gateway_rate_limiting_advanced_head(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf);


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_identifiers[] = {
    { ngx_string("consumer"), NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER },
    { ngx_string("credential"), NGX_HTTP_GATEWAY_RATE_LIMITING_CREDENTIAL },
    { ngx_string("ip"), NGX_HTTP_GATEWAY_RATE_LIMITING_IP },
    { ngx_string("service"), NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE },
    { ngx_string("header"), NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER },
    { ngx_string("path"), NGX_HTTP_GATEWAY_RATE_LIMITING_PATH },
    { ngx_string("consumer-group"), NGX_HTTP_GATEWAY_RATE_LIMITING_GROUP },
    { ngx_string("route"), NGX_HTTP_GATEWAY_RATE_LIMITING_ROUTE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_strategies[] = {
    { ngx_string("local"), NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL },
    { ngx_string("redis"), NGX_HTTP_GATEWAY_RATE_LIMITING_REDIS },
    { ngx_string("cluster"), NGX_HTTP_GATEWAY_RATE_LIMITING_CLUSTER },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_rate_limiting_advanced_types[] = {
    { ngx_string("fixed"), NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED },
    { ngx_string("sliding"), NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING },
    { ngx_null_string, 0 }
};


#define ngx_http_gateway_rate_limiting_param(name, kind, field, min, max,     \
                                             table)                           \
    { ngx_string(name), NGX_HTTP_GATEWAY_PARAM_##kind,                        \
      offsetof(ngx_http_gateway_rate_limiting_advanced_conf_t, field),        \
      min, max, table }


/* what all directives with such windows have */

#define NGX_HTTP_GATEWAY_RATE_WINDOW_PARAMS                                   \
    ngx_http_gateway_rate_limiting_param("limit", LIST, limit, 0, 0, NULL),   \
    ngx_http_gateway_rate_limiting_param("window_size", LIST, window_size,    \
                                         0, 0, NULL),                         \
    ngx_http_gateway_rate_limiting_param("window_type", ENUM,                 \
                    base.rule.window_type, 0, 0,                              \
                    ngx_http_gateway_rate_limiting_advanced_types),           \
    ngx_http_gateway_rate_limiting_param("namespace", STRING, namespace,      \
                                         0, 0, NULL),                         \
    ngx_http_gateway_rate_limiting_param("strategy", ENUM, strategy, 0, 0,    \
                    ngx_http_gateway_rate_limiting_strategies),               \
    ngx_http_gateway_rate_limiting_param("sync_rate", NUMBER, sync_rate,      \
                                         0, 0, NULL),                         \
    ngx_http_gateway_rate_limiting_param("disable_penalty", FLAG,             \
                    disable_penalty, 0, 0, NULL),                             \
    ngx_http_gateway_rate_limiting_param("retry_after_jitter_max", INT,       \
                    retry_after_jitter_max, 0, 1000000000, NULL),             \
    ngx_http_gateway_rate_limiting_param("hide_client_headers", FLAG,         \
                    base.hide_client_headers, 0, 0, NULL),                    \
    ngx_http_gateway_rate_limiting_param("error_code", INT, base.error_code,  \
                                         200, 599, NULL),                     \
    ngx_http_gateway_rate_limiting_param("error_message", STRING,             \
                    base.error_message, 0, 0, NULL),                          \
    NGX_HTTP_GATEWAY_REDIS_PARAMS(                                            \
                    ngx_http_gateway_rate_limiting_advanced_conf_t,           \
                    base.redis)


static ngx_http_gateway_param_t
    ngx_http_gateway_rate_limiting_advanced_params[] =
{
    NGX_HTTP_GATEWAY_RATE_WINDOW_PARAMS,

    ngx_http_gateway_rate_limiting_param("identifier", ENUM,
                    base.rule.key.limit_by, 0, 0,
                    ngx_http_gateway_rate_limiting_identifiers),
    ngx_http_gateway_rate_limiting_param("compound_identifier", LIST,
                    compound_identifier, 0, 0, NULL),
    ngx_http_gateway_rate_limiting_param("header_name", STRING,
                    base.rule.key.header_name, 0, 0, NULL),
    ngx_http_gateway_rate_limiting_param("path", STRING,
                    base.rule.key.path, 0, 0, NULL),
    ngx_http_gateway_rate_limiting_param("throttling.enabled", FLAG,
                    throttling, 0, 0, NULL),
    ngx_http_gateway_rate_limiting_param("throttling.interval", NUMBER,
                    interval, 1, 1000000, NULL),
    ngx_http_gateway_rate_limiting_param("throttling.retry_times", INT,
                    retry_times, 1, 1000000, NULL),
    ngx_http_gateway_rate_limiting_param("throttling.queue_limit", INT,
                    queue_limit, 1, 1000000, NULL),

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_param_t  ngx_http_gateway_service_protection_params[] =
{
    NGX_HTTP_GATEWAY_RATE_WINDOW_PARAMS,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


ngx_http_gateway_policy_t  ngx_http_gateway_rate_limiting_advanced = {
    ngx_string("rate_limiting_advanced"),
    910,
    0,

    sizeof(ngx_http_gateway_rate_limiting_advanced_conf_t),
    ngx_http_gateway_rate_limiting_advanced_params,
    ngx_http_gateway_rate_limiting_advanced_defaults,
    ngx_http_gateway_rate_limiting_advanced_check,

    ngx_http_gateway_rate_limiting_advanced_handler,
    ngx_http_gateway_rate_limiting_advanced_header,
    NULL,
    NULL,

    0
};


/*
 * The same for a service as a whole, whoever asks.  Kong's has run before the
 * other limits (915) and counted what they refused; later versions run it
 * after them.
 */

ngx_http_gateway_policy_t  ngx_http_gateway_service_protection = {
    ngx_string("service_protection"),
    901,
    NGX_HTTP_GATEWAY_NO_CONSUMER,

    sizeof(ngx_http_gateway_rate_limiting_advanced_conf_t),
    ngx_http_gateway_service_protection_params,
    ngx_http_gateway_service_protection_defaults,
    ngx_http_gateway_rate_limiting_advanced_check,

    ngx_http_gateway_service_protection_handler,
    ngx_http_gateway_rate_limiting_advanced_header,
    NULL,
    NULL,

    0
};


static ngx_int_t
ngx_http_gateway_rate_limiting_advanced_handler(ngx_http_request_t *r,
    void *arg)
{
    ngx_http_gateway_rate_limiting_advanced_conf_t  *conf = arg;

    ngx_int_t                                    rc;
    ngx_uint_t                                   stop;
    ngx_http_gateway_rate_limiting_data_t       *data;
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r,
                                        ngx_http_gateway_rate_limiting_module);

    data = ngx_http_gateway_rate_limiting_data(r, &conf->base);
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (data->waiting) {
        return NGX_AGAIN;
    }

    rc = ngx_http_gateway_rate_limiting_ask_store(r, &conf->base, mcf, data,
                                                  &stop);

    if (rc == NGX_OK && stop && conf->throttling) {

        rc = ngx_http_gateway_rate_limiting_throttle(r, conf, mcf, data);

        if (rc == NGX_DECLINED) {
            rc = NGX_OK;
        }
    }

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (data->queued) {
        ngx_http_gateway_rate_limiting_leave_key(data->queued);
        data->queued = NULL;
    }

    switch (rc) {

    case NGX_OK:

        /* as in Kong at least one second more */

        data->retry = stop && conf->retry_after_jitter_max
                      ? (ngx_uint_t) ngx_random()
                        % (ngx_uint_t) conf->retry_after_jitter_max + 1
                      : 0;

        return ngx_http_gateway_rate_limiting_decided(r, &conf->base, mcf,
                                                      data->used, stop);

    case NGX_BUSY:
        return ngx_http_gateway_rate_limiting_failed(r, &conf->base, mcf,
                   conf->base.policy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL
                   ? "a process hangs with the lock of the counters"
                   : "Redis gives no count, see \"redis:\" in the log");

    default:
        return rc;
    }
}


static ngx_int_t
ngx_http_gateway_service_protection_handler(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    return ctx->service
           ? ngx_http_gateway_rate_limiting_advanced_handler(r, arg) : NGX_OK;
}


/* requests over a limit */

/* NGX_AGAIN: it waits; NGX_DECLINED: it is refused */

static ngx_int_t
ngx_http_gateway_rate_limiting_throttle(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data)
{
    u_char                                  kind;
    ngx_int_t                               rc;
    ngx_http_gateway_hash_t                 hash;
    ngx_http_gateway_digest_t               digest;
    ngx_http_gateway_rate_limiting_rule_t  *rule;

    if (data->tries == (ngx_uint_t) conf->retry_times) {
        return NGX_DECLINED;
    }

    if (data->queued == NULL) {

        rule = conf->base.more->rule[0];
        kind = 0xff;

        ngx_http_gateway_rate_limiting_more_tag(&conf->base, mcf, rule);

        ngx_http_gateway_hash_init(mcf->more.shm, &hash);
        ngx_http_gateway_hash_part(&hash, &rule->tag, sizeof(rule->tag));
        ngx_http_gateway_hash_part(&hash, &kind, 1);
        ngx_http_gateway_hash_part(&hash, NULL, 0);
        ngx_http_gateway_hash_final(&hash, &digest);

        rc = ngx_http_gateway_rate_limiting_enter_key(r, mcf, &digest,
                                               (ngx_uint_t) conf->queue_limit,
                                               &data->queued);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
        }
    }

    data->tries++;

    return ngx_http_gateway_rate_limiting_wait(r, data,
                                       (ngx_msec_t) (conf->interval * 1000));
}


static ngx_int_t
ngx_http_gateway_rate_limiting_wait(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_msec_t delay)
{
    ngx_event_t                            *rev;
    ngx_pool_cleanup_t                     *cln;
    ngx_http_gateway_rate_limiting_wait_t  *wait;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_gateway_rate_limiting_wait_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    wait = cln->data;
    ngx_memzero(wait, sizeof(ngx_http_gateway_rate_limiting_wait_t));

    wait->request = r;
    wait->data = data;
    wait->event.handler = ngx_http_gateway_rate_limiting_again;
    wait->event.data = wait;
    wait->event.log = r->connection->log;

    cln->handler = ngx_http_gateway_rate_limiting_gone;

    /* a client that goes away is seen */

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    data->waiting = 1;
    ngx_add_timer(&wait->event, delay);

    return NGX_AGAIN;
}


static void
ngx_http_gateway_rate_limiting_again(ngx_event_t *ev)
{
    ngx_http_request_t                     *r;
    ngx_http_gateway_rate_limiting_wait_t  *wait;

    wait = ev->data;
    r = wait->request;

    ngx_http_set_log_request(r->connection->log, r);

    wait->data->waiting = 0;
    wait->data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_NEW;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_gateway_resume(r);
}


/* the request ends, perhaps while it waits */

static void
ngx_http_gateway_rate_limiting_gone(void *data)
{
    ngx_http_gateway_rate_limiting_wait_t *wait = data;

    if (wait->event.timer_set) {
        ngx_del_timer(&wait->event);
    }
}


/* headers */

/*
 * Our handler runs before that of rate_limiting.  Where both would say the
 * same header, rate_limiting does: it has decided later.  service_protection
 * is the last of all, and replaces what they have said.
 */

static ngx_int_t
ngx_http_gateway_rate_limiting_advanced_header(ngx_http_request_t *r,
    void *arg)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = arg;

    u_char                                 *p;
    ngx_uint_t                              i, n, last;
    ngx_table_elt_t                        *h, ours[
                                       2 * NGX_HTTP_GATEWAY_RATE_LIMITS + 4];
    ngx_http_gateway_rate_limiting_data_t  *data, *said;
    ngx_http_gateway_rate_limiting_conf_t  *other;

    data = ngx_http_gateway_get_data(r, conf->instance.policy);

    if (data == NULL || !data->shown) {
        return NGX_OK;
    }

    last = conf->instance.policy == &ngx_http_gateway_service_protection;

    said = last ? NULL
           : ngx_http_gateway_get_data(r, &ngx_http_gateway_rate_limiting);
    other = said && said->shown
            ? ngx_http_gateway_get_conf(r, &ngx_http_gateway_rate_limiting)
            : NULL;

    p = data->text;
    n = 0;

    for (i = 0; i < conf->more->n; i++) {

        if (other
            && ngx_http_gateway_rate_limiting_advanced_said(other,
                                                     &conf->head[2 * i].key))
        {
            continue;
        }

        ours[n] = conf->head[2 * i];
        ours[n + 1] = conf->head[2 * i + 1];

        ngx_http_gateway_rate_limiting_number(p, data->remaining[i],
                                              &ours[n + 1].value);
        p += NGX_HTTP_GATEWAY_RATE_TEXT;
        n += 2;
    }

    if (other == NULL) {

        i = 2 * conf->more->n;

        ngx_memcpy(&ours[n], &conf->head[i], 3 * sizeof(ngx_table_elt_t));

        ours[n].value = conf->more->limits[data->selected].text;
        ours[n + 1].value = ours[2 * data->selected + 1].value;

        ngx_http_gateway_rate_limiting_number(p, (double) data->reset,
                                              &ours[n + 2].value);
        p += NGX_HTTP_GATEWAY_RATE_TEXT;
        n += 3;

        if (data->rejected) {
            ours[n] = conf->head[i + 3];
            ngx_http_gateway_rate_limiting_number(p,
                                         (double) (data->reset + data->retry),
                                         &ours[n].value);
            n++;
        }
    }

    if (r->upstream || last) {
        ngx_http_gateway_rate_limiting_advanced_clean(r, ours, n);
    }

    h = ngx_http_gateway_rate_limiting_room(r, n);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(h, ours, n * sizeof(ngx_table_elt_t));

    return NGX_OK;
}


/* headers of the upstream or of other limits with our names */

static void
ngx_http_gateway_rate_limiting_advanced_clean(ngx_http_request_t *r,
    ngx_table_elt_t *ours, ngx_uint_t n)
{
    ngx_uint_t        i, k, found;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    found = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            found |= ngx_strlcasestrn(h[i].key.data,
                                      h[i].key.data + h[i].key.len,
                                      (u_char *) "ratelimit-",
                                      sizeof("ratelimit-") - 2)
                     != NULL;
        }
    }

    for (k = 0; found && k < n; k++) {
        ngx_http_gateway_header_out_remove(r, &ours[k].key);
    }
}


/* rate_limiting has a header of that name */

static ngx_uint_t
ngx_http_gateway_rate_limiting_advanced_said(
    ngx_http_gateway_rate_limiting_conf_t *other, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < other->n; i++) {
        if (other->head[2 * i].key.len == name->len
            && ngx_memcmp(other->head[2 * i].key.data, name->data, name->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* keys in Redis */

/*
 * "ratelimit-advanced:PLACE:KIND=IDENTIFIER:", or "service-protection:..."
 * for a service as a whole.  Several identifiers are a digest of all of them.
 */

ngx_int_t
ngx_http_gateway_rate_limiting_advanced_prefix(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_str_t *prefix)
{
    u_char                                *p;
    const char                            *name;
    ngx_str_t                              id, all, *kind;
    ngx_uint_t                             i, n, known, tagged;
    ngx_http_gateway_rate_limiting_key_t   key;

    n = ngx_max(rule->key.nkinds, 1);

    ngx_str_set(&all, "");
    ngx_str_null(&id);
    kind = NULL;

    for (i = 0; i < n; i++) {

        key = rule->key;

        if (key.nkinds) {
            key.limit_by = key.kinds[i];
        }

        known = ngx_http_gateway_rate_limiting_identifier(r, conf, &key, 1,
                                                          &id);
        kind = &ngx_http_gateway_rate_limiting_identifiers
                   [known ? key.limit_by
                          : NGX_HTTP_GATEWAY_RATE_LIMITING_IP].name;

        if (n == 1) {
            break;
        }

        p = ngx_pnalloc(r->pool, all.len + kind->len + id.len
                                 + NGX_SIZE_T_LEN + sizeof("=::"));
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, all.data, all.len);
        all.data = p;
        all.len = ngx_sprintf(p + all.len, "%V=%uz:%V;", kind, id.len, &id)
                  - p;
    }

    if (n > 1) {
        id = all;

        if (ngx_http_gateway_rate_limiting_sha256(r->pool, &id) != NGX_OK) {
            return NGX_ERROR;
        }

        kind = NULL;

    } else if (ngx_http_gateway_rate_limiting_text(r, 0, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    tagged = ngx_http_gateway_redis_clustered(conf->server);

    prefix->data = ngx_pnalloc(r->pool, sizeof("ratelimit-advanced:{:=:}:")
                                        + rule->place.len
                                        + conf->instance.route_id.len
                                        + conf->instance.service_id.len
                                        + (kind ? kind->len : 0) + id.len);
    if (prefix->data == NULL) {
        return NGX_ERROR;
    }

    /* both have the same length */

    name = conf->instance.policy == &ngx_http_gateway_service_protection
           ? "service-protection" : "ratelimit-advanced";

    p = ngx_sprintf(prefix->data, "%s:%s", name, tagged ? "{" : "");

    p = rule->place.len ? ngx_sprintf(p, "%V", &rule->place)
                        : ngx_sprintf(p, "%V:%V", &conf->instance.route_id,
                                      &conf->instance.service_id);

    p = kind ? ngx_sprintf(p, ":%V=%V", kind, &id)
             : ngx_sprintf(p, ":%V", &id);

    p = ngx_sprintf(p, "%s:", tagged ? "}" : "");

    prefix->len = p - prefix->data;

    return NGX_OK;
}


/* configuration */

static void
ngx_http_gateway_rate_limiting_advanced_defaults(void *data)
{
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf = data;

    conf->base.rule.key.limit_by = NGX_HTTP_GATEWAY_RATE_LIMITING_CONSUMER;
    conf->base.rule.window_type = NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING;
    conf->base.fault_tolerant = 1;
    conf->base.error_code = 429;
    ngx_str_set(&conf->base.error_message, "API rate limit exceeded");
    conf->base.sync_rate = -1;
    conf->base.metrics = NGX_HTTP_GATEWAY_METRICS_RATE_LIMITING_ADVANCED;

    conf->interval = 5;
    conf->retry_times = 3;
    conf->queue_limit = 5;

    ngx_http_gateway_redis_defaults(&conf->base.redis);
}


static void
ngx_http_gateway_service_protection_defaults(void *data)
{
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf = data;

    ngx_http_gateway_rate_limiting_advanced_defaults(conf);

    conf->base.rule.key.limit_by = NGX_HTTP_GATEWAY_RATE_LIMITING_SERVICE;
    conf->base.metrics = NGX_HTTP_GATEWAY_METRICS_SERVICE_PROTECTION;
}


static char *
ngx_http_gateway_rate_limiting_advanced_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf = data;

    char                                        *rv;
    ngx_http_gateway_rate_limiting_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                        ngx_http_gateway_rate_limiting_module);

    conf->base.mcf = mcf;
    mcf->more.used = 1;

    if (ngx_http_gateway_metrics_set_add(cf,
                                         &ngx_http_gateway_metrics_limits)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_gateway_rate_limiting_advanced_key(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_rate_limiting_advanced_limits(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_rate_limiting_advanced_store(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    /* who waits is not refused yet, and would be counted with each try */

    conf->base.penalty = !conf->throttling
                         && (conf->base.rule.window_type
                             == NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED
                             || !conf->disable_penalty);

    return ngx_http_gateway_rate_limiting_advanced_head(cf, &conf->base)
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_rate_limiting_advanced_key(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf)
{
    char                                  *rv;
    ngx_str_t                             *name;
    ngx_uint_t                             i, by;
    ngx_conf_enum_t                       *e;
    ngx_http_gateway_rate_limiting_key_t  *key;

    key = &conf->base.rule.key;

    if (conf->compound_identifier == NULL) {
        return ngx_http_gateway_rate_limiting_check_key(cf, key);
    }

    name = conf->compound_identifier->elts;

    for (i = 0; i < conf->compound_identifier->nelts; i++) {

        for (e = ngx_http_gateway_rate_limiting_identifiers; e->name.len; e++)
        {
            if (e->name.len == name[i].len
                && ngx_memcmp(e->name.data, name[i].data, name[i].len) == 0)
            {
                break;
            }
        }

        if (e->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"compound_identifier\" \"%V\" in "
                               "\"gateway_rate_limiting_advanced\"", &name[i]);
            return NGX_CONF_ERROR;
        }

        for (by = 0; by < key->nkinds; by++) {
            if (key->kinds[by] == e->value) {
                break;
            }
        }

        /* what is named twice is one */

        if (by == key->nkinds) {
            key->kinds[key->nkinds++] = e->value;
        }
    }

    by = key->limit_by;

    for (i = 0; i < key->nkinds; i++) {
        key->limit_by = key->kinds[i];

        rv = ngx_http_gateway_rate_limiting_check_key(cf, key);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    key->limit_by = by;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_rate_limiting_advanced_store(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf)
{
    if (conf->sync_rate != -1 && conf->sync_rate != 0
        && conf->sync_rate < 0.02)
    {
        return "needs a \"sync_rate\" of -1, 0, or at least 0.02";
    }

    if (conf->strategy == NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL
        || conf->sync_rate == -1)
    {
        return NGX_CONF_OK;
    }

    if (!ngx_http_gateway_redis_given(&conf->base.redis)) {

        if (conf->strategy == NGX_HTTP_GATEWAY_RATE_LIMITING_CLUSTER) {
            return "has no database for \"strategy=cluster\": counters can "
                   "be in Redis, which needs \"redis.host\"";
        }

        ngx_str_set(&conf->base.redis.host, "127.0.0.1");
    }

    if (conf->strategy == NGX_HTTP_GATEWAY_RATE_LIMITING_CLUSTER) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "there is no database for \"strategy=cluster\", "
                           "counters are in Redis as with "
                           "\"strategy=redis\"");
    }

    conf->base.policy = NGX_HTTP_GATEWAY_RATE_LIMITING_REDIS;

    conf->base.server = ngx_http_gateway_redis_add(cf, &conf->base.redis);
    if (conf->base.server == NULL) {
        return NGX_CONF_ERROR;
    }

    /* as in Kong requests are counted here while Redis is away */

    conf->base.fallback = NGX_HTTP_GATEWAY_RATE_LIMITING_HERE;

    if (conf->sync_rate > 0) {
        conf->base.sync_rate = conf->sync_rate;
    }

    conf->base.sync = ngx_http_gateway_rate_limiting_sync(cf, &conf->base,
                                                          conf->base.mcf);

    conf->base.mcf->more_synced.used = 1;

    return conf->base.sync ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static int ngx_libc_cdecl
ngx_http_gateway_rate_limiting_cmp_pairs(const void *one, const void *two)
{
    const ngx_http_gateway_rate_limiting_pair_t  *a = one, *b = two;

    return a->window < b->window ? -1 : a->window > b->window;
}


static char *
ngx_http_gateway_rate_limiting_advanced_limits(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf)
{
    ngx_int_t                               limit, window;
    ngx_str_t                              *limits, *windows;
    ngx_uint_t                              i, n;
    ngx_http_gateway_rate_limiting_more_t  *more;
    ngx_http_gateway_rate_limiting_pair_t   pairs[
                                            NGX_HTTP_GATEWAY_RATE_LIMITS];

    if (conf->limit == NULL || conf->window_size == NULL) {
        return "needs \"limit\" and \"window_size\"";
    }

    n = conf->limit->nelts;

    if (n != conf->window_size->nelts) {
        return "needs the same number of \"window_size\" and \"limit\"";
    }

    if (n > NGX_HTTP_GATEWAY_RATE_LIMITS) {
        return "has too many limits, 24 are the most";
    }

    limits = conf->limit->elts;
    windows = conf->window_size->elts;

    for (i = 0; i < n; i++) {

        limit = ngx_atofp(limits[i].data, limits[i].len, 6);
        window = ngx_atofp(windows[i].data, windows[i].len, 6);

        if (limit == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"limit\" \"%V\" in \"gateway_%V\": "
                               "expected a number from 0", &limits[i],
                               &conf->base.instance.policy->name);
            return NGX_CONF_ERROR;
        }

        if (window < 1000000 || window % 1000000
            || window / 1000000 > NGX_HTTP_GATEWAY_RATE_LONGEST)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"window_size\" \"%V\" in "
                               "\"gateway_%V\": expected seconds, a whole "
                               "number from 1 to %d", &windows[i],
                               &conf->base.instance.policy->name,
                               NGX_HTTP_GATEWAY_RATE_LONGEST);
            return NGX_CONF_ERROR;
        }

        pairs[i].limit = (double) limit / 1000000;
        pairs[i].window = window / 1000000;
    }

    ngx_qsort(pairs, n, sizeof(pairs[0]),
              ngx_http_gateway_rate_limiting_cmp_pairs);

    more = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_rate_limiting_more_t));
    if (more == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->base.more = more;
    conf->base.n = n;
    more->n = n;

    for (i = 0; i < n; i++) {

        if (i && pairs[i].window == pairs[i - 1].window) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the \"window_size\" %T is twice in "
                               "\"gateway_%V\"", pairs[i].window,
                               &conf->base.instance.policy->name);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_rate_limiting_advanced_limit(cf, conf,
                                                          &more->limits[i],
                                                          &pairs[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_gateway_rate_limiting_advanced_rules(cf, conf);
}


static char *
ngx_http_gateway_rate_limiting_advanced_limit(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf,
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_pair_t *pair)
{
    u_char                                   *p;
    ngx_uint_t                                k;
    ngx_http_gateway_rate_limiting_period_t  *period;

    limit->kind = conf->base.rule.window_type;
    limit->period = NGX_HTTP_GATEWAY_RATE_PERIODS;
    limit->length = pair->window;
    limit->limit = floor(pair->limit);
    limit->stop = (uint32_t) ngx_min(limit->limit, 4294967295.0);

    p = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_RATE_TEXT
                              + NGX_HTTP_GATEWAY_RATE_WINDOW);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_rate_limiting_number(p, pair->limit, &limit->text);

    p += NGX_HTTP_GATEWAY_RATE_TEXT;
    limit->name.data = p;

    for (k = 0; k < NGX_HTTP_GATEWAY_RATE_PERIODS; k++) {

        period = &ngx_http_gateway_rate_limiting_periods[k];

        if (period->length == limit->length) {
            limit->name.len = ngx_sprintf(p, "%s", period->name) - p;
            return NGX_CONF_OK;
        }
    }

    limit->name.len = ngx_sprintf(p, "%T", limit->length) - p;

    return NGX_CONF_OK;
}


/* an entry of the store has room for six windows: one rule */

static char *
ngx_http_gateway_rate_limiting_advanced_rules(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf)
{
    ngx_uint_t                              i;
    ngx_http_gateway_rate_limiting_more_t  *more;
    ngx_http_gateway_rate_limiting_rule_t  *rule;

    more = conf->base.more;

    more->rules = (more->n + NGX_HTTP_GATEWAY_RATE_PERIODS - 1)
                  / NGX_HTTP_GATEWAY_RATE_PERIODS;

    rule = ngx_pcalloc(cf->pool, more->rules
                       * sizeof(ngx_http_gateway_rate_limiting_rule_t));
    more->rule = ngx_palloc(cf->pool, more->rules * sizeof(void *));

    if (rule == NULL || more->rule == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < more->rules; i++) {
        more->rule[i] = &rule[i];
        rule[i] = conf->base.rule;
        rule[i].first = i * NGX_HTTP_GATEWAY_RATE_PERIODS;
        rule[i].place = conf->namespace;
    }

    for (i = 0; i < more->n; i++) {
        rule = more->rule[i / NGX_HTTP_GATEWAY_RATE_PERIODS];

        more->limits[i].rule = rule;
        more->limits[i].cell = i % NGX_HTTP_GATEWAY_RATE_PERIODS;

        rule->ttl = more->limits[i].length;
        rule->n++;
    }

    for (i = 0; i < more->rules; i++) {
        if (ngx_http_gateway_rate_limiting_advanced_space(cf, conf,
                                                          more->rule[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * Who has the same place shares counters, if the windows are the same; no
 * name of other limits has a "/".
 */

static ngx_int_t
ngx_http_gateway_rate_limiting_advanced_space(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_advanced_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule)
{
    u_char      *p;
    ngx_str_t   *name;
    ngx_uint_t   i;

    static ngx_str_t  advanced = ngx_string("advanced");

    name = conf->base.instance.policy == &ngx_http_gateway_service_protection
           ? &conf->base.instance.policy->name : &advanced;

    p = ngx_pnalloc(cf->pool, name->len
                              + rule->n * NGX_HTTP_GATEWAY_RATE_WINDOW);
    if (p == NULL) {
        return NGX_ERROR;
    }

    rule->space.data = p;
    p = ngx_cpymem(p, name->data, name->len);

    for (i = rule->first; i < rule->first + rule->n; i++) {
        p = ngx_sprintf(p, "/%T", conf->base.more->limits[i].length);
    }

    rule->space.len = p - rule->space.data;

    return NGX_OK;
}


/* X-RateLimit-Limit-Minute and -Remaining-Minute; -30 if it has no name */

static ngx_int_t
ngx_http_gateway_rate_limiting_advanced_head(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    u_char           *p;
    ngx_str_t         name;
    ngx_uint_t        i, k;
    ngx_table_elt_t  *h;

    static ngx_str_t  ours[] = {
        ngx_string("X-RateLimit-Limit-"),
        ngx_string("X-RateLimit-Remaining-")
    };

    static ngx_str_t  all[] = {
        ngx_string("RateLimit-Limit"),
        ngx_string("RateLimit-Remaining"),
        ngx_string("RateLimit-Reset"),
        ngx_string("Retry-After")
    };

    h = ngx_pcalloc(cf->pool, (2 * conf->n + 4) * sizeof(ngx_table_elt_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    conf->head = h;

    for (i = 0; i < 2 * conf->n; i++) {

        name = conf->more->limits[i / 2].name;

        p = ngx_pnalloc(cf->pool, ours[i % 2].len + name.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        h[i].key.data = p;
        p = ngx_cpymem(p, ours[i % 2].data, ours[i % 2].len);

        for (k = 0; k < name.len; k++) {
            *p++ = k ? name.data[k] : ngx_toupper(name.data[k]);
        }

        h[i].key.len = p - h[i].key.data;
        h[i].hash = 1;
        h[i].value = conf->more->limits[i / 2].text;
    }

    for (k = 0; k < 4; k++) {
        h[i + k].hash = 1;
        h[i + k].key = all[k];
    }

    return NGX_OK;
}
