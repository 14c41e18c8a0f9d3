
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of rate_limiting share.
 */


#ifndef _NGX_HTTP_GATEWAY_RATE_LIMITING_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_RATE_LIMITING_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_counts.h"
#include "ngx_http_gateway_redis.h"
#include "ngx_http_gateway_shm.h"


#define NGX_HTTP_GATEWAY_RATE_PERIODS  6

/* limits of one directive, with those that have names */
#define NGX_HTTP_GATEWAY_RATE_LIMITS   24

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
    NGX_HTTP_GATEWAY_RATE_LIMITING_GROUP,
    NGX_HTTP_GATEWAY_RATE_LIMITING_ROUTE,
    NGX_HTTP_GATEWAY_RATE_LIMITING_KINDS
} ngx_http_gateway_rate_limiting_by_e;


typedef enum {
    NGX_HTTP_GATEWAY_RATE_LIMITING_LOCAL = 0,
    NGX_HTTP_GATEWAY_RATE_LIMITING_REDIS,
    NGX_HTTP_GATEWAY_RATE_LIMITING_CLUSTER
} ngx_http_gateway_rate_limiting_policy_e;


/* what became of a request, for the variable */
typedef enum {
    NGX_HTTP_GATEWAY_RATE_LIMITING_UNKNOWN = 0,
    NGX_HTTP_GATEWAY_RATE_LIMITING_PASSED,
    NGX_HTTP_GATEWAY_RATE_LIMITING_REFUSED,
    NGX_HTTP_GATEWAY_RATE_LIMITING_DRY_RUN,
    NGX_HTTP_GATEWAY_RATE_LIMITING_LOST      /* without counters */
} ngx_http_gateway_rate_limiting_status_e;


/* of a request that asks Redis */
typedef enum {
    NGX_HTTP_GATEWAY_RATE_LIMITING_NEW = 0,
    NGX_HTTP_GATEWAY_RATE_LIMITING_ASKED,     /* waits for Redis */
    NGX_HTTP_GATEWAY_RATE_LIMITING_ANSWERED,
    NGX_HTTP_GATEWAY_RATE_LIMITING_FAILED
} ngx_http_gateway_rate_limiting_state_e;


/* what becomes of requests while Redis cannot be asked */
typedef enum {
    NGX_HTTP_GATEWAY_RATE_LIMITING_NONE = 0,  /* fault_tolerant says it */
    NGX_HTTP_GATEWAY_RATE_LIMITING_HERE       /* they are counted here */
} ngx_http_gateway_rate_limiting_fallback_e;


typedef struct ngx_http_gateway_rate_limiting_main_conf_s
    ngx_http_gateway_rate_limiting_main_conf_t;


/* counts of this nginx that go to Redis in batches; per instance */
typedef struct {
    ngx_queue_t                   changed;   /* keys with counts to send */
    ngx_uint_t                    n;         /* of them */
    ngx_event_t                   timer;
    ngx_msec_t                    interval;
    ngx_uint_t                    sending;   /* batches under way */
    struct ngx_http_gateway_series_s
                                 *series;    /* for "n"; NULL: not known */
    ngx_http_gateway_main_conf_t *gmcf;
    ngx_http_gateway_rate_limiting_main_conf_t
                                 *mcf;
} ngx_http_gateway_rate_limiting_sync_t;


/* what workers that end could not send, see _unsent.c */
typedef struct {
    ngx_http_gateway_shm_t       *shm;       /* NULL: not needed */
    ngx_event_t                   timer;
    ngx_array_t                  *places;    /* NULL until needed */
    ngx_uint_t                    next;      /* slot */
    ngx_uint_t                    full;
} ngx_http_gateway_rate_limiting_unsent_t;


/* counters in shared memory */
typedef struct {
    ngx_http_gateway_shm_t       *shm;       /* NULL: not needed */
    /* hashes of consumers by number, zeros until needed; of this worker */
    ngx_http_gateway_digest_t    *consumers;
    unsigned                      used:1;    /* some instance needs it */
} ngx_http_gateway_rate_limiting_store_t;


/* who is counted */
typedef struct {
    ngx_uint_t                    limit_by;
    ngx_str_t                     header_name;
    ngx_str_t                     header_lowcase;
    ngx_str_t                     path;

    /* several at a time in place of limit_by; see _advanced.c */
    ngx_uint_t                    kinds[NGX_HTTP_GATEWAY_RATE_LIMITING_KINDS];
    ngx_uint_t                    nkinds;
} ngx_http_gateway_rate_limiting_key_t;


/* how a limit is meant */
typedef enum {
    NGX_HTTP_GATEWAY_RATE_LIMITING_FIXED = 0,
    NGX_HTTP_GATEWAY_RATE_LIMITING_SLIDING,
    NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA
} ngx_http_gateway_rate_limiting_kind_e;


/* the limits with one name; the first has none and is of the directive */
typedef struct {
    ngx_str_t                     name;
    ngx_http_gateway_rate_limiting_key_t
                                  key;
    double                        values[NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t                    window_type;
    ngx_uint_t                    algorithm;
    ngx_int_t                     burst;     /* 0: the limit */

    /* made from the above */

    ngx_uint_t                    first;     /* of limits[] of more */
    ngx_uint_t                    n;
    time_t                        ttl;
    ngx_str_t                     space;     /* in place of the name, of
                                                _advanced.c */
    ngx_str_t                     place;     /* the same in Redis, in place of
                                                the scope */
    ngx_http_gateway_digest_t     tag;       /* of the name, of the scope */
    unsigned                      tagged:1;
} ngx_http_gateway_rate_limiting_rule_t;


typedef struct ngx_http_gateway_rate_limiting_more_used_s
    ngx_http_gateway_rate_limiting_more_used_t;

typedef struct ngx_http_gateway_rate_limiting_more_known_s
    ngx_http_gateway_rate_limiting_more_known_t;

/* limits that need more than a counter for each window */
typedef struct ngx_http_gateway_rate_limiting_more_s
    ngx_http_gateway_rate_limiting_more_t;


/* one limit of an instance, ready for use */
typedef struct {
    ngx_uint_t                    period;    /* index of the period */
    uint32_t                      stop;      /* requests used: no more */
    double                        limit;
    ngx_str_t                     text;      /* the limit in headers */
} ngx_http_gateway_rate_limiting_limit_t;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_http_gateway_rate_limiting_rule_t
                                  rule;      /* without a name */
    ngx_uint_t                    policy;
    ngx_flag_t                    fault_tolerant;
    ngx_flag_t                    hide_client_headers;
    ngx_int_t                     error_code;
    ngx_str_t                     error_message;
    double                        sync_rate; /* seconds; -1: at once */
    ngx_uint_t                    fallback;

    /* these are not in Kong */
    ngx_array_t                  *rules;     /* with names, or NULL */
    ngx_str_t                     cost;
    ngx_int_t                     concurrency;
    ngx_flag_t                    dry_run;
    ngx_flag_t                    ietf_headers;
    ngx_http_gateway_redis_conf_t redis;

    /* made from the above */

    ngx_uint_t                    n;
    ngx_http_gateway_rate_limiting_limit_t
                                  limits[NGX_HTTP_GATEWAY_RATE_PERIODS];
    time_t                        ttl;
    ngx_http_gateway_rate_limiting_more_t
                                 *more;      /* NULL: limits[] say all */

    ngx_http_gateway_rate_limiting_main_conf_t
                                 *mcf;
    ngx_table_elt_t              *head;      /* response headers, patterns */
    ngx_str_t                     ietf_policy; /* RateLimit-Policy */
    ngx_uint_t                    metrics;   /* cell of what passed */
    unsigned                      plain:1;   /* limits[] in shared memory are
                                                all there is */
    unsigned                      penalty:1; /* refused requests count too,
                                                up to the limit that stops */

    ngx_http_gateway_redis_t     *server;
    ngx_http_gateway_rate_limiting_sync_t
                                 *sync;      /* NULL: nothing in batches */

    /* of the scope's ids: the secret of the digests is known only after the
       zone was made */
    ngx_http_gateway_digest_t     scope;
    unsigned                      hashed:1;
} ngx_http_gateway_rate_limiting_conf_t;


struct ngx_http_gateway_rate_limiting_main_conf_s {
    ngx_http_gateway_rate_limiting_store_t
                                  local;     /* of policy=local */
    ngx_http_gateway_rate_limiting_store_t
                                  synced;    /* of sync_rate, fallback */
    ngx_http_gateway_rate_limiting_store_t
                                  more;      /* of other algorithms */
    ngx_http_gateway_rate_limiting_store_t
                                  more_synced; /* both */
    ngx_array_t                  *syncs;     /* of conf_t *, those with sync;
                                                or NULL */
    ngx_http_gateway_rate_limiting_unsent_t
                                  unsent;
    ngx_connection_t             *watcher;   /* of this worker: told when it is
                                                to end */
    size_t                        size;      /* of each zone */
    ngx_http_gateway_counts_conf_t
                                  counts;    /* kept over restarts */

    /* starts of the windows that hold the second "now" */
    time_t                        now;
    uint32_t                      start[NGX_HTTP_GATEWAY_RATE_PERIODS];
    /* of the ones before; only worked out for other algorithms */
    uint32_t                      previous[NGX_HTTP_GATEWAY_RATE_PERIODS];

    time_t                        logged;    /* counters not to be had */
};


/* what the response headers say; kept with the request */
typedef struct {
    ngx_http_gateway_data_t       head;      /* must be the first */
    ngx_uint_t                    shown;     /* there are headers */
    ngx_uint_t                    status;
    double                        remaining[NGX_HTTP_GATEWAY_RATE_LIMITS];
    ngx_uint_t                    resets[NGX_HTTP_GATEWAY_RATE_LIMITS];
    ngx_uint_t                    selected;  /* of limits[] */
    ngx_uint_t                    reset;     /* seconds */
    ngx_uint_t                    rejected;

    /* of a request that asks Redis */
    ngx_uint_t                    state;
    ngx_uint_t                    limits;    /* asked for */
    ngx_http_gateway_rate_limiting_conf_t
                                 *conf;
    time_t                        now;       /* when it asked */
    uint32_t                      used[NGX_HTTP_GATEWAY_RATE_PERIODS];

    /* of other algorithms, in the pool of the request */
    ngx_http_gateway_rate_limiting_more_used_t
                                 *more;
    ngx_http_gateway_rate_limiting_more_known_t
                                 *known;     /* what Redis says */
    uint32_t                      cost;
    unsigned                      refused:1; /* Redis says so */
    unsigned                      entered:1; /* counted for concurrency */

    /* of _advanced.c */
    unsigned                      waiting:1; /* to be tried again */
    ngx_uint_t                    tries;
    ngx_uint_t                    retry;     /* Retry-After */
    ngx_pool_cleanup_t           *queued;    /* leaves the queue */

    u_char                        text[1];   /* room for the numbers */
} ngx_http_gateway_rate_limiting_data_t;


typedef struct {
    char                         *name;
    time_t                        length;    /* seconds, for reset */
    ngx_str_t                     limit;     /* header names */
    ngx_str_t                     remaining;
} ngx_http_gateway_rate_limiting_period_t;


extern ngx_module_t  ngx_http_gateway_rate_limiting_module;

/* ngx_http_gateway_rate_limiting_module.c */

extern ngx_http_gateway_policy_t  ngx_http_gateway_rate_limiting;

/* 1: id is of the kind that is configured; 0: it is the client's address,
   as text or as bytes */
ngx_uint_t ngx_http_gateway_rate_limiting_identifier(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_key_t *key, ngx_uint_t text,
    ngx_str_t *id);

/* parts of the access handler, which _advanced.c shares */
ngx_int_t ngx_http_gateway_rate_limiting_ask_store(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop);
ngx_int_t ngx_http_gateway_rate_limiting_decided(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t stop);
ngx_int_t ngx_http_gateway_rate_limiting_failed(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, const char *why);

/* the data of the request, new, or made when missing; NULL on failure */
ngx_http_gateway_rate_limiting_data_t *ngx_http_gateway_rate_limiting_add(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf);
ngx_http_gateway_rate_limiting_data_t *ngx_http_gateway_rate_limiting_data(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf);


/* what is needed for a key: NGX_CONF_OK, a phrase, or NGX_CONF_ERROR */
char *ngx_http_gateway_rate_limiting_check_key(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_key_t *key);


/* counters of this nginx, ngx_http_gateway_rate_limiting_local.c */

/* how much ahead of ours the cached second of another worker may be */
#define NGX_HTTP_GATEWAY_RATE_SKEW     2

/*
 * A window in the near future was begun by a worker whose clock is cached a
 * little later; one far off, by a clock that was wrong.
 */
#define ngx_http_gateway_rate_limiting_over(was, start, now)                  \
    ((was) < (start) || (was) > (now) + NGX_HTTP_GATEWAY_RATE_SKEW)

/* works out the windows that hold the second "now" */
void ngx_http_gateway_rate_limiting_windows(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, time_t now);

/*
 * Counts the request unless some limit is reached, which *stop tells; used[]
 * are the requests of each window before it.  NGX_OK, or NGX_BUSY: the
 * counters cannot be had.
 */
ngx_int_t ngx_http_gateway_rate_limiting_local(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t *stop);

/* the key of the counters of this request in a store */
void ngx_http_gateway_rate_limiting_digest(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_store_t *store,
    ngx_http_gateway_digest_t *digest);

/* the zones that are needed */
ngx_int_t ngx_http_gateway_rate_limiting_zones(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);


/* counters of many, ngx_http_gateway_rate_limiting_redis.c */

/*
 * NGX_OK: used[] and *stop are set as above, but refused requests are counted
 * too; NGX_AGAIN: return that, and call it again; NGX_BUSY: the counters
 * cannot be had; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_rate_limiting_redis(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop);

/*
 * The same for the windows of this second with sync_rate: they are read from
 * Redis once, and counted here.
 */
ngx_int_t ngx_http_gateway_rate_limiting_synced(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop);

/* counted here without asking, to be sent later; not NGX_AGAIN */
ngx_int_t ngx_http_gateway_rate_limiting_alone(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop);

/*
 * The key of a window, "ratelimit:...:minute"; buf has room for what it adds
 * to the prefix, NGX_HTTP_GATEWAY_RATE_KEY bytes.
 */
#define NGX_HTTP_GATEWAY_RATE_KEY  (NGX_INT32_LEN + sizeof("000:second"))

u_char *ngx_http_gateway_rate_limiting_key(u_char *buf, ngx_str_t *prefix,
    ngx_uint_t period, uint32_t start);

/*
 * What the keys of all windows of the request begin with; limits with a name
 * have keys of their own.
 */
ngx_int_t ngx_http_gateway_rate_limiting_prefix(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_str_t *prefix);

/*
 * Identifiers that a client may choose are hashed if they are long, not
 * printable, or, if foreign, read like the address of another client.
 */
ngx_int_t ngx_http_gateway_rate_limiting_text(ngx_http_request_t *r,
    ngx_uint_t foreign, ngx_str_t *id);

/* "sha256:" and the digest of some bytes */
ngx_int_t ngx_http_gateway_rate_limiting_sha256(ngx_pool_t *pool,
    ngx_str_t *text);

/* reads used[] of data from an answer; its state says how that went */
void ngx_http_gateway_rate_limiting_answered(void *arg, redisReply *reply);


/* other algorithms, several limits, ngx_http_gateway_rate_limiting_more.c */

#define NGX_HTTP_GATEWAY_RATE_MORE_LAYOUT  1

/* one limit, and what became of it for a request */
typedef struct {
    ngx_http_gateway_rate_limiting_rule_t
                                 *rule;
    ngx_uint_t                    kind;
    ngx_uint_t                    period;    /* RATE_PERIODS: a window of
                                                its own, not the calendar's */
    ngx_uint_t                    cell;      /* of the rule's */
    time_t                        length;    /* of the period, seconds */
    double                        limit;
    uint32_t                      stop;      /* burst of GCRA */
    uint64_t                      interval;  /* of GCRA, microseconds */
    ngx_str_t                     text;      /* the limit in headers */
    ngx_str_t                     name;      /* in RateLimit-Policy, and in
                                                headers of _advanced.c */
} ngx_http_gateway_rate_limiting_more_limit_t;

struct ngx_http_gateway_rate_limiting_more_s {
    ngx_uint_t                    n;
    ngx_http_gateway_rate_limiting_more_limit_t
                                  limits[NGX_HTTP_GATEWAY_RATE_LIMITS];
    ngx_uint_t                    rules;
    ngx_http_gateway_rate_limiting_rule_t
                                **rule;      /* the nameless one is first */
    ngx_http_complex_value_t     *cost;      /* NULL: 1 */
};

/* of one limit: what was used before the request, and when it is better */
struct ngx_http_gateway_rate_limiting_more_used_s {
    uint32_t                      used;
    ngx_uint_t                    reset;     /* seconds */
};

/* of one limit, all gateways together: what Redis says */
struct ngx_http_gateway_rate_limiting_more_known_s {
    uint32_t                      count;
    uint32_t                      previous;  /* of the window before */
    uint64_t                      ahead;     /* of GCRA: microseconds until
                                                the bucket is empty */
};

/* in shared memory, per limit of a rule */
typedef struct {
    uint32_t                      start;     /* of the window; GCRA: the second
                                                in which Redis said the rest,
                                                if it is asked */
    uint32_t                      count;
    uint32_t                      previous;
    uint32_t                      held;      /* in the last one, not 0: the
                                                value is _concurrency.c's */
    uint64_t                      tat;       /* microseconds */
} ngx_http_gateway_rate_limiting_cell_t;

/* bytes of a value of the store */
size_t ngx_http_gateway_rate_limiting_more_size(void);

/*
 * Marks a value as one of requests at a time, which are not kept over
 * restarts; it leaves the first NGX_HTTP_GATEWAY_RATE_MORE_FREE bytes alone.
 */
#define NGX_HTTP_GATEWAY_RATE_MORE_FREE  128

void ngx_http_gateway_rate_limiting_more_mark(void *value);

/* 1: it is kept */
ngx_uint_t ngx_http_gateway_rate_limiting_more_live(const void *value,
    time_t now);

/* when the window began, and the one before it */
uint32_t ngx_http_gateway_rate_limiting_more_start(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);
uint32_t ngx_http_gateway_rate_limiting_more_before(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);

/*
 * The key of a limit, for the window that began then; buf has room as for
 * those of periods.
 */
u_char *ngx_http_gateway_rate_limiting_more_key(u_char *buf,
    ngx_str_t *prefix, ngx_http_gateway_rate_limiting_more_limit_t *limit,
    uint32_t start);

/* microseconds since 1970 */
uint64_t ngx_http_gateway_rate_limiting_more_now(void);

/* the starts of the windows before */
void ngx_http_gateway_rate_limiting_previous(
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);

/* makes conf->more if it is needed: NGX_CONF_OK, a phrase, NGX_CONF_ERROR */
char *ngx_http_gateway_rate_limiting_more_check(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);

/* parameters "limits.NAME.minute=..." */
char *ngx_http_gateway_rate_limiting_more_param(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value);

/* as the stores above; data->more and data->cost say more */
ngx_int_t ngx_http_gateway_rate_limiting_more(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop);

/* after that: counted here, to be sent later; not NGX_AGAIN */
ngx_int_t ngx_http_gateway_rate_limiting_more_alone(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop);


/* requests at a time, ngx_http_gateway_rate_limiting_concurrency.c */

/* NGX_OK; NGX_DECLINED: too many; NGX_BUSY, NGX_ERROR */
ngx_int_t ngx_http_gateway_rate_limiting_enter(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);

/*
 * The same for any key; _leave() gives the place back before the request
 * ends.
 */
ngx_int_t ngx_http_gateway_rate_limiting_enter_key(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_digest_t *digest, ngx_uint_t limit,
    ngx_pool_cleanup_t **cleanup);
void ngx_http_gateway_rate_limiting_leave_key(ngx_pool_cleanup_t *cln);

/* the key of the nameless limits of the request in the store "more" */
void ngx_http_gateway_rate_limiting_more_digest(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_uint_t what,
    ngx_http_gateway_digest_t *digest);


/* what a rule is about, for all its keys */
void ngx_http_gateway_rate_limiting_more_tag(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_rule_t *rule);


/* windows of any length, ngx_http_gateway_rate_limiting_advanced.c */

extern ngx_http_gateway_policy_t  ngx_http_gateway_rate_limiting_advanced;
extern ngx_http_gateway_policy_t  ngx_http_gateway_service_protection;

/* what the keys of windows begin with in Redis */
ngx_int_t ngx_http_gateway_rate_limiting_advanced_prefix(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_str_t *prefix);


/* counts in batches, ngx_http_gateway_rate_limiting_sync.c */

#define NGX_HTTP_GATEWAY_RATE_SYNC_LAYOUT  1

/* one counter on its way to Redis */
typedef struct {
    ngx_http_gateway_rate_limiting_more_limit_t
                                 *limit;     /* NULL: of a period */
    uint64_t                      amount;    /* what is added there */
    uint32_t                      delta;     /* the same here */
    uint32_t                      start;     /* of the window */
    uint32_t                      period;
} ngx_http_gateway_rate_limiting_sent_t;

/* a key of this worker with counts to be sent */
typedef struct {
    ngx_queue_t                   queue;
    ngx_http_gateway_rate_limiting_conf_t
                                 *conf;
    ngx_http_gateway_rate_limiting_rule_t
                                 *rule;      /* NULL: periods in windows */
    ngx_http_gateway_digest_t     digest;
    ngx_str_t                     prefix;    /* after sent[] */

    /* while they are sent; of a sliding window also the one before.  There is
       room for as many as there may be */
    ngx_uint_t                    n;
    ngx_http_gateway_rate_limiting_sent_t
                                  sent[1];
} ngx_http_gateway_rate_limiting_changed_t;

/*
 * KEYS: counters; ARGV for each: what is added, and the seconds that it lives
 * if it is new, or 0 for GCRA.  Returns what each is, of GCRA the
 * microseconds until it is empty.
 */
extern ngx_http_gateway_redis_script_t
    ngx_http_gateway_rate_limiting_add_up;

/* bytes of a value of the store */
size_t ngx_http_gateway_rate_limiting_sync_size(void);

/* until when a worker sees to what it has just taken */
uint32_t ngx_http_gateway_rate_limiting_taken(
    ngx_http_gateway_rate_limiting_sync_t *sync, time_t now);

/* this worker will send what was counted for a key */
void ngx_http_gateway_rate_limiting_change(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule,
    ngx_http_gateway_digest_t *digest);

/* the same with what its keys in Redis begin with; soon: at once */
void ngx_http_gateway_rate_limiting_change_key(
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule,
    ngx_http_gateway_digest_t *digest, ngx_str_t *prefix, ngx_uint_t soon);

/* while the configuration is read */
ngx_http_gateway_rate_limiting_sync_t *ngx_http_gateway_rate_limiting_sync(
    ngx_conf_t *cf, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf);


/* what workers could not send, ngx_http_gateway_rate_limiting_unsent.c */

/* left to those that go on; the worker ends */
void ngx_http_gateway_rate_limiting_unsent_keep(
    ngx_http_gateway_rate_limiting_changed_t *changed);

ngx_int_t ngx_http_gateway_rate_limiting_init_process(ngx_cycle_t *cycle);

ngx_int_t ngx_http_gateway_rate_limiting_unsent_zone(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, size_t size);


/* the same of other limits, ngx_http_gateway_rate_limiting_more_sync.c */

#define NGX_HTTP_GATEWAY_RATE_MORE_SYNC_LAYOUT  1

/* in shared memory; begins with what _more.c counts in */
typedef struct {
    ngx_http_gateway_rate_limiting_cell_t
                                  cell;

    /* to be sent; below 0 when what was sent has been taken back */
    int32_t                       delta;
    uint32_t                      sending;

    /* the same of the window before, if it slides */
    uint32_t                      before;    /* its start */
    int32_t                       before_delta;
    uint32_t                      before_sending;
    uint32_t                      padding;
} ngx_http_gateway_rate_limiting_shared_cell_t;

typedef struct {
    ngx_http_gateway_rate_limiting_shared_cell_t
                                  cell[NGX_HTTP_GATEWAY_RATE_PERIODS];
    uint32_t                      taken;     /* some worker sees to sending
                                                until that second */
    uint32_t                      padding;
} ngx_http_gateway_rate_limiting_shared_cells_t;

/* 0: what all gateways have counted has to be asked for */
ngx_uint_t ngx_http_gateway_rate_limiting_more_current(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared);

/* begins a window with what is known; NULL: nothing but what is here */
void ngx_http_gateway_rate_limiting_more_begin(
    ngx_http_gateway_rate_limiting_more_limit_t *limit,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_shared_cell_t *shared, uint64_t now,
    ngx_http_gateway_rate_limiting_more_known_t *known);

/* asks Redis for all limits; fills data->known.  As that of plain windows */
ngx_int_t ngx_http_gateway_rate_limiting_more_fetch(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data);

/* takes what is to be sent; NGX_OK, or NGX_BUSY */
ngx_int_t ngx_http_gateway_rate_limiting_more_collect(
    ngx_http_gateway_rate_limiting_changed_t *changed);

/* seconds that a key lives, 0: it is one of GCRA, which knows it */
time_t ngx_http_gateway_rate_limiting_more_ttl(
    ngx_http_gateway_rate_limiting_more_limit_t *limit);

/* what became of it; reply NULL: it is to be sent again */
void ngx_http_gateway_rate_limiting_more_settle(
    ngx_http_gateway_rate_limiting_changed_t *changed, redisReply *reply);


/* headers of responses, ngx_http_gateway_rate_limiting_headers.c */

extern ngx_http_gateway_rate_limiting_period_t
    ngx_http_gateway_rate_limiting_periods[NGX_HTTP_GATEWAY_RATE_PERIODS];

/* works out what they will say; NULL on failure */
ngx_http_gateway_rate_limiting_data_t *ngx_http_gateway_rate_limiting_keep(
    ngx_http_request_t *r, ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t stop);

/* handler of the policy: whatever response comes in the end */
ngx_int_t ngx_http_gateway_rate_limiting_header(ngx_http_request_t *r,
    void *arg);

/* makes the patterns of headers; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_rate_limiting_head(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf);

/* makes the text of RateLimit-Policy; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_rate_limiting_ietf_policy(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf);

/* so many response headers in one piece, not set; NULL on failure */
ngx_table_elt_t *ngx_http_gateway_rate_limiting_room(ngx_http_request_t *r,
    ngx_uint_t n);

/*
 * Writes a number that is not negative to the end of a buffer of TEXT bytes,
 * with up to six digits of a fraction, if it has one.
 */
void ngx_http_gateway_rate_limiting_number(u_char *buf, double number,
    ngx_str_t *text);


#endif /* _NGX_HTTP_GATEWAY_RATE_LIMITING_H_INCLUDED_ */
