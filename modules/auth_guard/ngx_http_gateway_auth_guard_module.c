
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Limits failed authentications, by address of the client and by the name
 * that credentials go by.  Runs as a policy of the access chain, before those
 * that authenticate; they tell it what they are about to judge and how that
 * ended.  A request costs one look into shared memory, and another one when
 * names are limited; a failure, which is rare, some atomic additions.  When a
 * lock cannot be had or memory is full, fewer failures are counted, and
 * requests pass.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_auth.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_shm.h"


/* after bot-detection and cors, before all that authenticates */
#define NGX_HTTP_GATEWAY_AUTH_GUARD_PRIORITY  1950

#define NGX_HTTP_GATEWAY_AUTH_GUARD_ZONE      (2 * 1024 * 1024)
#define NGX_HTTP_GATEWAY_AUTH_GUARD_LAYOUT    1

#define NGX_HTTP_GATEWAY_AUTH_GUARD_POLICIES  64

#define NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT      0
#define NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL  1


typedef struct {
    ngx_http_gateway_instance_t       instance;

    ngx_int_t                         max[2];        /* failures; 0: off */
    ngx_int_t                         window;        /* seconds */
    ngx_int_t                         block;
    ngx_int_t                         ipv6_prefix;   /* bits */
    ngx_array_t                      *exempt;        /* as written */

    ngx_array_t                      *cidrs;         /* ngx_cidr_t, or NULL */
} ngx_http_gateway_auth_guard_conf_t;


/* in shared memory */
typedef struct {
    time_t                            start;         /* of the window */
    time_t                            blocked;       /* until then */
    ngx_uint_t                        failures;
} ngx_http_gateway_auth_guard_node_t;


/* in a zone of their own */
typedef struct {
    ngx_atomic_t                      failures[
                                        NGX_HTTP_GATEWAY_AUTH_GUARD_POLICIES];
    ngx_atomic_t                      blocked[2];
    ngx_atomic_t                      refused[2];
} ngx_http_gateway_auth_guard_cells_t;


typedef struct {
    size_t                            size;          /* of the zone */
    unsigned                          used:1;        /* by some instance */
    ngx_http_gateway_shm_t           *shm;

    ngx_http_gateway_auth_guard_cells_t  *cells;
    ngx_atomic_t                     *parts[3];      /* of them */
    ngx_http_gateway_counters_t       counters[3];
} ngx_http_gateway_auth_guard_main_conf_t;


/* kept with a request that is guarded */
typedef struct {
    ngx_http_gateway_data_t              data;
    ngx_http_gateway_auth_guard_conf_t  *conf;
    ngx_uint_t                           policy;     /* of the last attempt */
    unsigned                             limited[2]; /* place[] is set */
    ngx_http_gateway_digest_t            place[2];
    unsigned                             attempted:1;
} ngx_http_gateway_auth_guard_data_t;


static ngx_int_t ngx_http_gateway_auth_guard_handler(ngx_http_request_t *r,
    void *conf);
static ngx_int_t ngx_http_gateway_auth_guard_attempt(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy, const ngx_str_t *name);
static void ngx_http_gateway_auth_guard_failed(ngx_http_request_t *r);
static void ngx_http_gateway_auth_guard_succeeded(ngx_http_request_t *r);

static ngx_uint_t ngx_http_gateway_auth_guard_client(ngx_http_request_t *r,
    ngx_http_gateway_auth_guard_conf_t *agcf, ngx_str_t *address,
    u_char *masked);
static void ngx_http_gateway_auth_guard_place(ngx_http_gateway_shm_t *shm,
    ngx_uint_t by, ngx_uint_t policy, const ngx_str_t *name,
    ngx_http_gateway_digest_t *place);
static time_t ngx_http_gateway_auth_guard_blocked(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_digest_t *place);
static void ngx_http_gateway_auth_guard_count(ngx_http_request_t *r,
    ngx_http_gateway_auth_guard_main_conf_t *agmcf,
    ngx_http_gateway_auth_guard_data_t *data, ngx_uint_t by);
static ngx_int_t ngx_http_gateway_auth_guard_refuse(ngx_http_request_t *r,
    ngx_uint_t by, time_t left);

static void ngx_http_gateway_auth_guard_defaults(void *conf);
static char *ngx_http_gateway_auth_guard_check(ngx_conf_t *cf, void *conf);
static void *ngx_http_gateway_auth_guard_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_auth_guard_init_main_conf(ngx_conf_t *cf,
    void *conf);
static ngx_int_t ngx_http_gateway_auth_guard_init_cells(
    ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_http_gateway_auth_guard_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_auth_guard_init(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_auth_guard_params[] = {

    { ngx_string("max_client_failures"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_auth_guard_conf_t,
               max[NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT]),
      0, 1000000, NULL },

    { ngx_string("max_credential_failures"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_auth_guard_conf_t,
               max[NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL]),
      0, 1000000, NULL },

    { ngx_string("window_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_auth_guard_conf_t, window), 1, 86400, NULL },

    { ngx_string("block_duration"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_auth_guard_conf_t, block), 1, 86400, NULL },

    { ngx_string("ipv6_prefix"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_auth_guard_conf_t, ipv6_prefix), 1, 128,
      NULL },

    { ngx_string("exempt"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_auth_guard_conf_t, exempt), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_auth_guard_policy = {
    ngx_string("auth_guard"),
    NGX_HTTP_GATEWAY_AUTH_GUARD_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_auth_guard_conf_t),
    ngx_http_gateway_auth_guard_params,
    ngx_http_gateway_auth_guard_defaults,
    ngx_http_gateway_auth_guard_check,
    ngx_http_gateway_auth_guard_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static const ngx_http_gateway_auth_guard_t  ngx_http_gateway_auth_guard = {
    ngx_http_gateway_auth_guard_attempt,
    ngx_http_gateway_auth_guard_failed,
    ngx_http_gateway_auth_guard_succeeded
};


static ngx_command_t  ngx_http_gateway_auth_guard_commands[] = {

    { ngx_string("gateway_auth_guard"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_auth_guard_policy },

    { ngx_string("gateway_auth_guard_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_shm_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_auth_guard_main_conf_t, size),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_auth_guard_module_ctx = {
    ngx_http_gateway_auth_guard_preconfiguration, /* preconfiguration */
    ngx_http_gateway_auth_guard_init,      /* postconfiguration */

    ngx_http_gateway_auth_guard_create_main_conf, /* create main conf */
    ngx_http_gateway_auth_guard_init_main_conf, /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_auth_guard_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_auth_guard_module_ctx, /* module context */
    ngx_http_gateway_auth_guard_commands,  /* module directives */
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


static ngx_str_t  ngx_http_gateway_auth_guard_message =
    ngx_string("Too many failed authentication attempts");

static ngx_str_t  ngx_http_gateway_auth_guard_by[] = {
    ngx_string("client"),
    ngx_string("credential")
};


static ngx_int_t
ngx_http_gateway_auth_guard_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_auth_guard_conf_t  *agcf = conf;

    time_t                                    left;
    u_char                                    masked[16];
    ngx_str_t                                 address;
    ngx_http_gateway_digest_t                *place;
    ngx_http_gateway_auth_guard_data_t       *data;
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf;

    if (!ngx_http_gateway_auth_guard_client(r, agcf, &address, masked)) {
        return NGX_DECLINED;
    }

    agmcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_auth_guard_module);

    data = ngx_http_gateway_add_data(r, &ngx_http_gateway_auth_guard_policy,
                                 sizeof(ngx_http_gateway_auth_guard_data_t));
    if (data == NULL) {
        return NGX_ERROR;
    }

    data->conf = agcf;
    data->attempted = 0;
    data->limited[NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT] =
        address.len && agcf->max[NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT];
    data->limited[NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL] = 0;

    if (!data->limited[NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT]) {
        return NGX_DECLINED;
    }

    place = &data->place[NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT];

    ngx_http_gateway_auth_guard_place(agmcf->shm,
                                      NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT, 0,
                                      &address, place);

    left = ngx_http_gateway_auth_guard_blocked(agmcf->shm, place);

    if (left) {
        return ngx_http_gateway_auth_guard_refuse(r,
                                   NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT, left);
    }

    return NGX_DECLINED;
}


/* a policy has found a credential, which has this name or, NULL, none */

static ngx_int_t
ngx_http_gateway_auth_guard_attempt(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy, const ngx_str_t *name)
{
    time_t                                    left;
    ngx_http_gateway_digest_t                *place;
    ngx_http_gateway_auth_guard_data_t       *data;
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_auth_guard_policy);

    if (data == NULL) {
        return NGX_DECLINED;
    }

    data->attempted = 1;
    data->policy = policy->index;
    data->limited[NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL] =
        name && data->conf->max[NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL];

    if (!data->limited[NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL]) {
        return NGX_DECLINED;
    }

    agmcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_auth_guard_module);

    place = &data->place[NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL];

    ngx_http_gateway_auth_guard_place(agmcf->shm,
                                      NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL,
                                      policy->index, name, place);

    left = ngx_http_gateway_auth_guard_blocked(agmcf->shm, place);

    if (left) {
        data->attempted = 0;

        return ngx_http_gateway_auth_guard_refuse(r,
                               NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL, left);
    }

    return NGX_DECLINED;
}


/* counted once for an attempt, however many policies complain */

static void
ngx_http_gateway_auth_guard_failed(ngx_http_request_t *r)
{
    ngx_uint_t                                by;
    ngx_http_gateway_auth_guard_data_t       *data;
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_auth_guard_policy);

    if (data == NULL || !data->attempted) {
        return;
    }

    data->attempted = 0;

    agmcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_auth_guard_module);

    if (data->policy < NGX_HTTP_GATEWAY_AUTH_GUARD_POLICIES) {
        (void) ngx_atomic_fetch_add(&agmcf->cells->failures[data->policy], 1);
    }

    for (by = 0; by < 2; by++) {
        if (data->limited[by]) {
            ngx_http_gateway_auth_guard_count(r, agmcf, data, by);
        }
    }
}


static void
ngx_http_gateway_auth_guard_succeeded(ngx_http_request_t *r)
{
    ngx_http_gateway_auth_guard_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_auth_guard_policy);

    if (data) {
        data->attempted = 0;
    }
}


/*
 * 0: this one is not limited.  Else the bytes that it is known by; there are
 * none for a client without an address, on a UNIX socket.
 */

static ngx_uint_t
ngx_http_gateway_auth_guard_client(ngx_http_request_t *r,
    ngx_http_gateway_auth_guard_conf_t *agcf, ngx_str_t *address,
    u_char *masked)
{
    struct sockaddr      *sockaddr;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    ngx_uint_t            n, bits;
    struct sockaddr_in6  *sin6;
#endif

    sockaddr = r->connection->sockaddr;

    if (agcf->cidrs && ngx_cidr_match(sockaddr, agcf->cidrs) == NGX_OK) {
        return 0;
    }

    ngx_str_null(address);

    switch (sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            address->data = &sin6->sin6_addr.s6_addr[12];
            address->len = 4;
            break;
        }

        /* one subscriber has a whole network */

        bits = agcf->ipv6_prefix;

        for (n = 0; n < 16; n++) {
            masked[n] = sin6->sin6_addr.s6_addr[n];

            if (bits < 8) {
                masked[n] &= (u_char) (0xff00 >> bits);
                bits = 0;

            } else {
                bits -= 8;
            }
        }

        address->data = masked;
        address->len = 16;
        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        address->data = (u_char *) &sin->sin_addr;
        address->len = 4;
        break;

    default:
        break;
    }

    return 1;
}


static void
ngx_http_gateway_auth_guard_place(ngx_http_gateway_shm_t *shm, ngx_uint_t by,
    ngx_uint_t policy, const ngx_str_t *name, ngx_http_gateway_digest_t *place)
{
    uint32_t                 kind[2];
    ngx_http_gateway_hash_t  hash;

    kind[0] = (uint32_t) by;
    kind[1] = (uint32_t) policy;

    ngx_http_gateway_hash_init(shm, &hash);
    ngx_http_gateway_hash_part(&hash, kind, sizeof(kind));
    ngx_http_gateway_hash_part(&hash, name->data, name->len);
    ngx_http_gateway_hash_final(&hash, place);
}


/* seconds that are left of the block, or 0 */

static time_t
ngx_http_gateway_auth_guard_blocked(ngx_http_gateway_shm_t *shm,
    ngx_http_gateway_digest_t *place)
{
    time_t                               until, now;
    ngx_http_gateway_shm_entry_t         entry;
    ngx_http_gateway_auth_guard_node_t  *node;

    if (ngx_http_gateway_shm_find(shm, place, &entry) != NGX_OK) {
        return 0;
    }

    node = entry.value;
    until = node->blocked;

    ngx_http_gateway_shm_release(&entry);

    now = ngx_time();

    return until > now ? until - now : 0;
}


/*
 * The window begins with its first failure.  A worker may be killed between
 * any two stores: then a failure is not counted, or the window begins anew.
 */

static void
ngx_http_gateway_auth_guard_count(ngx_http_request_t *r,
    ngx_http_gateway_auth_guard_main_conf_t *agmcf,
    ngx_http_gateway_auth_guard_data_t *data, ngx_uint_t by)
{
    time_t                               now;
    ngx_uint_t                           blocked;
    ngx_http_gateway_shm_entry_t         entry;
    ngx_http_gateway_auth_guard_conf_t  *agcf;
    ngx_http_gateway_auth_guard_node_t  *node;

    agcf = data->conf;

    if (ngx_http_gateway_shm_acquire(agmcf->shm, &data->place[by],
                                     agcf->window + agcf->block, &entry)
        != NGX_OK)
    {
        return;
    }

    now = ngx_time();
    node = entry.value;
    blocked = 0;

    if (now - node->start >= agcf->window || node->start > now) {
        node->failures = 0;
        node->start = now;
    }

    node->failures++;

    if (node->failures >= (ngx_uint_t) agcf->max[by]) {
        blocked = node->blocked <= now;
        node->blocked = now + agcf->block;
        node->failures = 0;
        node->start = 0;
    }

    ngx_http_gateway_shm_release(&entry);

    if (!blocked) {
        return;
    }

    (void) ngx_atomic_fetch_add(&agmcf->cells->blocked[by], 1);

    /* names are of clients, and may be secrets that were mistyped */

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "auth_guard: %V is refused for %i seconds, after %i failed "
                  "authentications", &ngx_http_gateway_auth_guard_by[by],
                  agcf->block, agcf->max[by]);
}


static ngx_int_t
ngx_http_gateway_auth_guard_refuse(ngx_http_request_t *r, ngx_uint_t by,
    time_t left)
{
    ngx_str_t                                 value;
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf;

    static ngx_str_t  name = ngx_string("Retry-After");

    agmcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_auth_guard_module);

    (void) ngx_atomic_fetch_add(&agmcf->cells->refused[by], 1);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "auth_guard: refused by %V, for %T seconds more",
                  &ngx_http_gateway_auth_guard_by[by], left);

    value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%T", left) - value.data;

    if (ngx_http_gateway_header_out_add(r, &name, &value) == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_error(r, NGX_HTTP_TOO_MANY_REQUESTS,
                                  &ngx_http_gateway_auth_guard_message);
}


/* configuration */

static void
ngx_http_gateway_auth_guard_defaults(void *conf)
{
    ngx_http_gateway_auth_guard_conf_t  *agcf = conf;

    agcf->max[NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT] = 10;
    agcf->window = 60;
    agcf->block = 300;
    agcf->ipv6_prefix = 64;
}


static char *
ngx_http_gateway_auth_guard_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_auth_guard_conf_t  *agcf = conf;

    ngx_int_t                                 rc;
    ngx_str_t                                *value;
    ngx_uint_t                                i;
    ngx_cidr_t                               *cidr;
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf;

    if (agcf->max[NGX_HTTP_GATEWAY_AUTH_GUARD_CLIENT] == 0
        && agcf->max[NGX_HTTP_GATEWAY_AUTH_GUARD_CREDENTIAL] == 0)
    {
        return "limits nothing: \"max_client_failures\" and "
               "\"max_credential_failures\" are both 0";
    }

    agmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_auth_guard_module);
    agmcf->used = 1;

    if (agcf->exempt == NULL) {
        return NGX_CONF_OK;
    }

    agcf->cidrs = ngx_array_create(cf->pool, agcf->exempt->nelts,
                                   sizeof(ngx_cidr_t));
    if (agcf->cidrs == NULL) {
        return NGX_CONF_ERROR;
    }

    value = agcf->exempt->elts;

    for (i = 0; i < agcf->exempt->nelts; i++) {

        cidr = ngx_array_push(agcf->cidrs);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"exempt\" of "
                               "\"gateway_auth_guard\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);
        }
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_auth_guard_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     agmcf->size = 0;
     *     agmcf->used = 0;
     *     agmcf->shm = NULL;
     *     agmcf->cells = NULL;
     */

    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_auth_guard_main_conf_t));
}


static char *
ngx_http_gateway_auth_guard_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf = conf;

    ngx_shm_zone_t  *zone;

    static ngx_str_t  name = ngx_string("gateway_auth_guard");
    static ngx_str_t  cells = ngx_string("gateway_auth_guard_counters");

    if (!agmcf->used) {
        return NGX_CONF_OK;
    }

    agmcf->shm = ngx_http_gateway_shm_add(cf, &name,
                              agmcf->size ? agmcf->size
                                          : NGX_HTTP_GATEWAY_AUTH_GUARD_ZONE,
                              sizeof(ngx_http_gateway_auth_guard_node_t),
                              NGX_HTTP_GATEWAY_AUTH_GUARD_LAYOUT,
                              &ngx_http_gateway_auth_guard_module);
    if (agmcf->shm == NULL) {
        return NGX_CONF_ERROR;
    }

    zone = ngx_shared_memory_add(cf, &cells, 8 * ngx_pagesize,
                                 &ngx_http_gateway_auth_guard_module);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->init = ngx_http_gateway_auth_guard_init_cells;
    zone->data = agmcf;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_auth_guard_init_cells(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t                          *shpool;
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf;

    agmcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists) {
        shpool->data = ngx_slab_calloc(shpool,
                                sizeof(ngx_http_gateway_auth_guard_cells_t));
        if (shpool->data == NULL) {
            return NGX_ERROR;
        }
    }

    agmcf->cells = shpool->data;
    agmcf->parts[0] = agmcf->cells->failures;
    agmcf->parts[1] = agmcf->cells->blocked;
    agmcf->parts[2] = agmcf->cells->refused;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_auth_guard_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_auth_guard_policy);
}


static ngx_int_t
ngx_http_gateway_auth_guard_init(ngx_conf_t *cf)
{
    ngx_str_t                                *names;
    ngx_uint_t                                i;
    ngx_http_gateway_counters_t              *counters;
    ngx_http_gateway_policy_t               **policy;
    ngx_http_gateway_main_conf_t             *gmcf;
    ngx_http_gateway_auth_guard_main_conf_t  *agmcf;

    agmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_auth_guard_module);

    if (!agmcf->used) {
        return NGX_OK;
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    gmcf->guard = &ngx_http_gateway_auth_guard;

    names = ngx_pcalloc(cf->pool, NGX_HTTP_GATEWAY_AUTH_GUARD_POLICIES
                                  * sizeof(ngx_str_t));
    if (names == NULL) {
        return NGX_ERROR;
    }

    policy = gmcf->policies.elts;

    for (i = 0;
         i < gmcf->policies.nelts && i < NGX_HTTP_GATEWAY_AUTH_GUARD_POLICIES;
         i++)
    {
        names[i] = policy[i]->name;
    }

    counters = agmcf->counters;

    counters[0].name = "gateway_auth_failures_total";
    counters[0].help = "Credentials that turned out to be wrong, where "
                       "auth_guard counts them";
    counters[0].label = "policy";
    counters[0].values = names;
    counters[0].n = NGX_HTTP_GATEWAY_AUTH_GUARD_POLICIES;

    counters[1].name = "gateway_auth_guard_blocked_total";
    counters[1].help = "Clients and credentials that came to be refused";
    counters[1].label = "by";
    counters[1].values = ngx_http_gateway_auth_guard_by;
    counters[1].n = 2;

    counters[2].name = "gateway_auth_guard_refused_total";
    counters[2].help = "Requests refused with 429";
    counters[2].label = "by";
    counters[2].values = ngx_http_gateway_auth_guard_by;
    counters[2].n = 2;

    for (i = 0; i < 3; i++) {
        counters[i].cells = &agmcf->parts[i];

        if (ngx_http_gateway_counters_add(cf, &counters[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
