
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The context of a request: found again after internal redirects, which
 * clear r->ctx, through a cleanup of the request pool.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_log_lines.h"

#include <openssl/rand.h>


/* request ids are taken from random bytes drawn for many requests at once */
#define NGX_HTTP_GATEWAY_RANDOM_SIZE  4096


static void ngx_http_gateway_ctx_cleanup(void *data);
static u_char *ngx_http_gateway_log_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);
static void ngx_http_gateway_choose(ngx_http_gateway_ctx_t *ctx,
    ngx_array_t *overrides, ngx_http_gateway_instance_t **instance,
    ngx_uint_t *best);
static ngx_uint_t ngx_http_gateway_rank(ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_instance_t *instance);


/*
 * The handler that nginx set for error-log lines of requests; the same for
 * all of them, so it is kept once.
 */
static ngx_http_log_handler_pt  ngx_http_gateway_next_log_handler;


ngx_http_gateway_ctx_t *
ngx_http_gateway_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_gateway_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_gateway_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_gateway_ctx_cleanup) {
                ctx = cln->data;
                ngx_http_set_ctx(r, ctx, ngx_http_gateway_module);
                break;
            }
        }
    }

    return ctx;
}


ngx_http_gateway_ctx_t *
ngx_http_gateway_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_ctx_t        *ctx;
    ngx_http_gateway_main_conf_t  *gmcf;

    r = r->main;

    ctx = ngx_http_gateway_get_ctx(r);
    if (ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_ctx_cleanup;

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_gateway_ctx_t));

    ctx->start = ngx_current_msec;
    ctx->method = r->method;
    ctx->method_name = r->method_name;
    ctx->args = r->args;

    ngx_http_set_ctx(r, ctx, ngx_http_gateway_module);

    if (r->log_handler != ngx_http_gateway_log_handler) {
        ngx_http_gateway_next_log_handler = r->log_handler;
        r->log_handler = ngx_http_gateway_log_handler;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->log_lines) {
        ngx_http_gateway_log_lines_attach(r, ctx);
    }

    return ctx;
}


void *
ngx_http_gateway_add_data(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy, size_t size)
{
    ngx_http_gateway_ctx_t   *ctx;
    ngx_http_gateway_data_t  *data;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NULL;
    }

    data = ngx_palloc(r->main->pool, size);
    if (data == NULL) {
        return NULL;
    }

    data->policy = policy;
    data->next = ctx->data;
    ctx->data = data;

    return data;
}


void *
ngx_http_gateway_get_data(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy)
{
    ngx_http_gateway_ctx_t   *ctx;
    ngx_http_gateway_data_t  *data;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL) {
        return NULL;
    }

    for (data = ctx->data; data; data = data->next) {
        if (data->policy == policy) {
            return data;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_gateway_share(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    const ngx_str_t *name, const ngx_str_t *value)
{
    ngx_keyval_t                  *kv;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (!gmcf->shares) {
        return NGX_OK;
    }

    if (ctx->shared == NULL) {
        ctx->shared = ngx_array_create(r->main->pool, 2,
                                       sizeof(ngx_keyval_t));
        if (ctx->shared == NULL) {
            return NGX_ERROR;
        }
    }

    kv = ngx_array_push(ctx->shared);
    if (kv == NULL) {
        return NGX_ERROR;
    }

    kv->key = *name;
    kv->value = *value;

    return NGX_OK;
}


/* the last one under that name */

ngx_int_t
ngx_http_gateway_shared(ngx_http_request_t *r, const ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t               i;
    ngx_keyval_t            *kv;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || ctx->shared == NULL) {
        return NGX_DECLINED;
    }

    kv = ctx->shared->elts;

    for (i = ctx->shared->nelts; i > 0; i--) {
        if (kv[i - 1].key.len == name->len
            && ngx_memcmp(kv[i - 1].key.data, name->data, name->len) == 0)
        {
            *value = kv[i - 1].value;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


void
ngx_http_gateway_wants_shared(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    gmcf->shares = 1;
}


/* only marks the context, which is the memory of the cleanup itself */

static void
ngx_http_gateway_ctx_cleanup(void *data)
{
}


void
ngx_http_gateway_request_id(ngx_http_gateway_ctx_t *ctx, ngx_str_t *id)
{
    static u_char  bytes[NGX_HTTP_GATEWAY_RANDOM_SIZE];
    static size_t  used = NGX_HTTP_GATEWAY_RANDOM_SIZE;
    static pid_t   pid;

    size_t         i;
    u_char        *p;
    uint32_t       word;
    uint64_t       digits;

    if (!ctx->id_set) {

        /* after fork() no two processes may hand out the same bytes */

        if (used == NGX_HTTP_GATEWAY_RANDOM_SIZE || pid != ngx_pid) {
            pid = ngx_pid;
            used = 0;

            if (RAND_bytes(bytes, NGX_HTTP_GATEWAY_RANDOM_SIZE) != 1) {
                for (i = 0; i < NGX_HTTP_GATEWAY_RANDOM_SIZE; i++) {
                    bytes[i] = (u_char) ngx_random();
                }
            }
        }

        p = &bytes[used];
        used += NGX_HTTP_GATEWAY_REQUEST_ID_LEN / 2;

        /*
         * Eight digits at a time, each in a byte of its own: "0" is added,
         * and to those above nine the distance to "a".  Their order does not
         * matter, since the bytes are random.
         */

        for (i = 0; i < NGX_HTTP_GATEWAY_REQUEST_ID_LEN; i += 8) {
            ngx_memcpy(&word, p, 4);
            p += 4;

            digits = (word & 0x0f0f0f0f)
                     | ((uint64_t) ((word >> 4) & 0x0f0f0f0f) << 32);
            digits += 0x3030303030303030ULL
                      + (((digits + 0x0606060606060606ULL) >> 4)
                         & 0x0101010101010101ULL) * ('a' - '0' - 10);

            ngx_memcpy(&ctx->request_id[i], &digits, 8);
        }

        ctx->id_set = 1;
    }

    id->len = NGX_HTTP_GATEWAY_REQUEST_ID_LEN;
    id->data = ctx->request_id;
}


static u_char *
ngx_http_gateway_log_handler(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char                  *p;
    ngx_str_t                id;
    ngx_http_gateway_ctx_t  *ctx;

    p = ngx_http_gateway_next_log_handler(r, sr, buf, len);
    len -= p - buf;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx) {
        ngx_http_gateway_request_id(ctx, &id);
        p = ngx_snprintf(p, len, ", request_id: \"%V\"", &id);
    }

    return p;
}


ngx_int_t
ngx_http_gateway_set_chain(ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_chain_t *chain)
{
    ctx->chain_set = 1;

    if (chain == NULL) {
        return NGX_OK;
    }

    ctx->chain = chain;
    ctx->next = 0;

    if (!chain->personal) {
        ctx->confs = chain->instances;
        ctx->frozen = chain->nelts;
        return NGX_OK;
    }

    ctx->confs = ngx_palloc(r->pool, chain->nelts * sizeof(void *));
    if (ctx->confs == NULL) {
        return NGX_ERROR;
    }

    ctx->frozen = 0;

    return NGX_OK;
}


ngx_http_gateway_chain_t *
ngx_http_gateway_phase_chain(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    if (!ctx->chain_set) {

        /* answered before routing: what holds for this location */

        glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

        if (ngx_http_gateway_set_chain(r, ctx, glcf->chain) != NGX_OK) {
            return NULL;
        }
    }

    return ctx->chain;
}


ngx_http_gateway_instance_t *
ngx_http_gateway_freeze(ngx_http_gateway_ctx_t *ctx, ngx_uint_t i)
{
    ngx_uint_t                       k, n, index, best;
    ngx_http_gateway_group_t       **groups;
    ngx_http_gateway_instance_t     *instance;
    ngx_http_gateway_consumer_t     *consumer;
    ngx_http_gateway_chain_entry_t  *entry;

    consumer = ctx->consumer;

    for (n = ctx->frozen; n <= i; n++) {

        entry = &ctx->chain->elts[n];
        instance = entry->instance;

        if (consumer && (consumer->overrides || consumer->groups)) {
            index = entry->policy->index;
            best = instance ? ngx_http_gateway_rank(ctx, instance) : 0;

            if (consumer->overrides) {
                ngx_http_gateway_choose(ctx, consumer->overrides[index],
                                        &instance, &best);
            }

            if (consumer->groups) {
                groups = consumer->groups->elts;

                /* by name: among equals the first one stays */

                for (k = 0; k < consumer->groups->nelts; k++) {
                    if (groups[k]->overrides) {
                        ngx_http_gateway_choose(ctx,
                                                groups[k]->overrides[index],
                                                &instance, &best);
                    }
                }
            }

            if (instance && instance->off) {
                instance = NULL;
            }
        }

        ctx->confs[n] = instance;
        ctx->frozen = n + 1;
    }

    return ctx->confs[i];
}


/* the best of a consumer's or group's own, when it is better than that */

static void
ngx_http_gateway_choose(ngx_http_gateway_ctx_t *ctx, ngx_array_t *overrides,
    ngx_http_gateway_instance_t **instance, ngx_uint_t *best)
{
    ngx_uint_t                     i, rank;
    ngx_http_gateway_instance_t  **own;

    if (overrides == NULL) {
        return;
    }

    own = overrides->elts;

    for (i = 0; i < overrides->nelts; i++) {
        rank = ngx_http_gateway_rank(ctx, own[i]);

        if (rank > *best) {
            *best = rank;
            *instance = own[i];
        }
    }
}


/*
 * How specific an instance is for this request, 0 when it is not for it.
 * Consumer alone ranks below route and service together, above each alone.
 */

static ngx_uint_t
ngx_http_gateway_rank(ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_instance_t *instance)
{
    static ngx_uint_t  ranks[] = {
        1,      /* global */
        3,      /* route */
        2,      /* service */
        6,      /* route, service */
        5,      /* consumer */
        10,     /* consumer, route */
        9,      /* consumer, service */
        12,     /* consumer, route, service */
        4,      /* group */
        8,      /* group, route */
        7,      /* group, service */
        11      /* group, route, service */
    };

    if (instance->scope & (NGX_HTTP_GATEWAY_SCOPE_CONSUMER
                           |NGX_HTTP_GATEWAY_SCOPE_GROUP))
    {

        if ((instance->scope & NGX_HTTP_GATEWAY_SCOPE_ROUTE)
            && (ctx->route == NULL
                || ngx_strncmp(ctx->route->id.data, instance->route_id.data,
                               instance->route_id.len) != 0))
        {
            return 0;
        }

        if ((instance->scope & NGX_HTTP_GATEWAY_SCOPE_SERVICE)
            && (ctx->service == NULL
                || ngx_strncmp(ctx->service->id.data,
                               instance->service_id.data,
                               instance->service_id.len) != 0))
        {
            return 0;
        }
    }

    return ranks[instance->scope];
}


void *
ngx_http_gateway_get_conf(ngx_http_request_t *r,
    ngx_http_gateway_policy_t *policy)
{
    ngx_uint_t               i;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || ctx->chain == NULL) {
        return NULL;
    }

    for (i = 0; i < ctx->chain->nelts; i++) {
        if (ctx->chain->elts[i].policy == policy) {
            return i < ctx->frozen ? (void *) ctx->confs[i]
                                   : (void *) ngx_http_gateway_freeze(ctx, i);
        }
    }

    return NULL;
}


in_port_t
ngx_http_gateway_port(ngx_http_request_t *r)
{
    in_port_t                      port;
    ngx_uint_t                     i;
    ngx_http_gateway_port_map_t   *map;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    /* of the listening socket: no system call for a wildcard address */

    port = ngx_inet_get_port(r->connection->local_sockaddr);

    if (gmcf->port_maps) {
        map = gmcf->port_maps->elts;

        for (i = 0; i < gmcf->port_maps->nelts; i++) {
            if (map[i].listen == port) {
                return map[i].public;
            }
        }
    }

    return port;
}


ngx_uint_t
ngx_http_gateway_is_https(ngx_http_request_t *r)
{
    ngx_table_elt_t         *h;
    ngx_http_gateway_ctx_t  *ctx;

    static ngx_str_t  name = ngx_string("x-forwarded-proto");

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx && ctx->trusted) {
        h = ngx_http_gateway_header_in(r, &name, 0);

        if (h) {
            return h->value.len == 5
                   && ngx_strncmp(h->value.data, "https", 5) == 0;
        }
    }

#if (NGX_HTTP_SSL)
    return r->connection->ssl != NULL;
#else
    return 0;
#endif
}


void
ngx_http_gateway_resume(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}
