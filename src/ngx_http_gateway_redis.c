
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The Redis client, see the header: configuration, operations, requests that
 * wait for an answer.
 */


#include "ngx_http_gateway_redis_private.h"
#include "ngx_http_gateway_conf.h"

#include <ngx_sha1.h>


/* arguments of a command, at most */
#define NGX_HTTP_GATEWAY_REDIS_ARGS  64


/* a request that waits; lives in its pool */
typedef struct {
    ngx_http_request_t              *request;
    ngx_http_gateway_redis_op_t     *op;        /* NULL: nothing under way */
    ngx_http_gateway_redis_pt        handler;
    void                            *data;
} ngx_http_gateway_redis_wait_t;


static ngx_int_t ngx_http_gateway_redis_again(
    ngx_http_gateway_redis_op_t *op);
static void ngx_http_gateway_redis_digest(
    ngx_http_gateway_redis_script_t *script);
static void ngx_http_gateway_redis_answered(void *data, redisReply *reply);
static void ngx_http_gateway_redis_gone(void *data);

static ngx_int_t ngx_http_gateway_redis_check(ngx_conf_t *cf,
    ngx_http_gateway_redis_conf_t *conf);
static ngx_uint_t ngx_http_gateway_redis_same(
    ngx_http_gateway_redis_conf_t *one, ngx_http_gateway_redis_conf_t *two);
static ngx_uint_t ngx_http_gateway_redis_same_text(ngx_str_t *one,
    ngx_str_t *two);
static ngx_uint_t ngx_http_gateway_redis_same_list(ngx_array_t *one,
    ngx_array_t *two);
static ngx_int_t ngx_http_gateway_redis_init_one(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);
static ngx_int_t ngx_http_gateway_redis_init_nodes(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);
static void ngx_http_gateway_redis_warn(ngx_conf_t *cf,
    ngx_http_gateway_redis_node_t *node);
static u_char *ngx_http_gateway_redis_port(ngx_str_t *name);
#if (NGX_SSL)
static ngx_int_t ngx_http_gateway_redis_init_ssl(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);
#endif
static void ngx_http_gateway_redis_cleanup(void *data);


ngx_http_gateway_redis_op_t *
ngx_http_gateway_redis_send(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_command_t *command,
    ngx_http_gateway_redis_pt handler, void *data)
{
    ngx_uint_t                    slot, n;
    ngx_http_gateway_redis_op_t  *op;

    slot = 0;

    if (redis->node) {

        if (redis->node->down) {
            ngx_http_gateway_redis_count(redis->node,
                                         NGX_HTTP_GATEWAY_REDIS_FAILED, 1);
            return NULL;
        }

    } else {
        n = command->script ? 0 : 1;

        if (command->argc > n) {
            slot = ngx_http_gateway_redis_cluster_slot(&command->argv[n]);
        }

        if (ngx_http_gateway_redis_cluster_down(redis, slot)) {
            return NULL;
        }
    }

    if (redis->active >= NGX_HTTP_GATEWAY_REDIS_QUEUE) {

        if (redis->logged != ngx_time()) {
            redis->logged = ngx_time();

            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "redis: %ui commands are under way, no more are "
                          "taken", redis->active);
        }

        return NULL;
    }

    op = ngx_http_gateway_redis_op(redis, command);
    if (op == NULL) {
        return NULL;
    }

    op->handler = handler;
    op->data = data;
    op->slot = slot;

    redis->active++;

    if (redis->node) {
        ngx_http_gateway_redis_node_add(redis->node, op, 0);

    } else {
        ngx_http_gateway_redis_cluster_add(redis, op);
    }

    return op;
}


void
ngx_http_gateway_redis_forget(ngx_http_gateway_redis_op_t *op)
{
    op->handler = NULL;

    if (!op->sent) {
        ngx_http_gateway_redis_end(op, NULL);
    }
}


void
ngx_http_gateway_redis_end(ngx_http_gateway_redis_op_t *op,
    redisReply *reply)
{
    void                       *data;
    ngx_http_gateway_redis_pt   handler;

    handler = op->handler;
    data = op->data;

    ngx_queue_remove(&op->queue);

    ngx_http_gateway_redis_landed(op, 0);

    if (!op->greeting) {
        op->redis->active--;
    }

    redisFreeCommand(op->command);
    ngx_free(op);

    if (handler) {
        handler(data, reply);
    }
}


ngx_http_gateway_redis_op_t *
ngx_http_gateway_redis_op(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_command_t *command)
{
    int                            len;
    size_t                         lens[NGX_HTTP_GATEWAY_REDIS_ARGS + 3];
    ngx_uint_t                     i, n;
    const char                    *argv[NGX_HTTP_GATEWAY_REDIS_ARGS + 3];
    u_char                         number[NGX_INT_T_LEN];
    ngx_http_gateway_redis_op_t   *op;

    if (command->argc > NGX_HTTP_GATEWAY_REDIS_ARGS) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "redis: a command has %ui arguments", command->argc);
        return NULL;
    }

    n = 0;

    if (command->script) {
        ngx_http_gateway_redis_digest(command->script);

        argv[n] = "EVALSHA";
        lens[n++] = sizeof("EVALSHA") - 1;

        argv[n] = (char *) command->script->digest;
        lens[n++] = sizeof(command->script->digest);

        argv[n] = (char *) number;
        lens[n++] = ngx_sprintf(number, "%ui", command->nkeys) - number;
    }

    for (i = 0; i < command->argc; i++) {
        argv[n] = (char *) command->argv[i].data;
        lens[n++] = command->argv[i].len;
    }

    op = ngx_calloc(sizeof(ngx_http_gateway_redis_op_t), ngx_cycle->log);
    if (op == NULL) {
        return NULL;
    }

    len = redisFormatCommandArgv(&op->command, (int) n, argv, lens);

    if (len < 0) {
        ngx_free(op);
        return NULL;
    }

    op->len = len;
    op->redis = redis;
    op->script = command->script;
    op->deadline = ngx_current_msec + (ngx_msec_t) redis->conf.timeout;

    return op;
}


void
ngx_http_gateway_redis_answer(ngx_http_gateway_redis_node_t *node,
    ngx_http_gateway_redis_op_t *op, redisReply *reply)
{
    ngx_str_t                  text;
    ngx_http_gateway_redis_t  *redis;

    ngx_http_gateway_redis_landed(op, 1);

    if (reply->type != REDIS_REPLY_ERROR) {
        ngx_http_gateway_redis_end(op, reply);
        return;
    }

    if (op->script && !op->evaluated
        && ngx_strncmp(reply->str, "NOSCRIPT", 8) == 0
        && ngx_http_gateway_redis_again(op) == NGX_OK)
    {
        ngx_queue_remove(&op->queue);
        ngx_http_gateway_redis_node_add(node, op, 1);
        return;
    }

    redis = node->redis;

    if (redis->node == NULL
        && ngx_http_gateway_redis_cluster_error(node, op, reply) == NGX_OK)
    {
        return;
    }

    if (node->kind == NGX_HTTP_GATEWAY_REDIS_MASTER && !op->repeated
        && ngx_strncmp(reply->str, "READONLY", 8) == 0)
    {
        /* it is asked again where the sentinels say */

        op->repeated = 1;
        node->stale = 1;

        ngx_queue_remove(&op->queue);
        ngx_queue_insert_head(&node->waiting, &op->queue);
        return;
    }

    ngx_http_gateway_redis_count(node, NGX_HTTP_GATEWAY_REDIS_REFUSALS, 1);

    if (redis->logged != ngx_time()) {
        redis->logged = ngx_time();

        text.data = (u_char *) reply->str;
        text.len = ngx_min(reply->len, 200);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "redis: \"%V\" refused a command: \"%V\"",
                      &node->name, &text);
    }

    ngx_http_gateway_redis_end(op, reply);
}


/* "EVALSHA digest ..." becomes "EVAL text ..." */

static ngx_int_t
ngx_http_gateway_redis_again(ngx_http_gateway_redis_op_t *op)
{
    char       *p, *command;
    size_t      head, tail;
    ngx_str_t  *text;

    static const char  old[] = "$7\r\nEVALSHA\r\n$40\r\n"
                               "0123456789012345678901234567890123456789\r\n";

    text = &op->script->text;

    /* "*n\r\n", the number of arguments, is the same */

    p = memchr(op->command, '\n', op->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    head = p + 1 - op->command;
    tail = op->len - head - (sizeof(old) - 1);

    /* hiredis frees it, by free() */

    command = ngx_alloc(head + sizeof("$4\r\nEVAL\r\n$\r\n\r\n")
                        + NGX_SIZE_T_LEN + text->len + tail,
                        ngx_cycle->log);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = (char *) ngx_sprintf((u_char *) command,
                             "%*s$4" CRLF "EVAL" CRLF "$%uz" CRLF "%V" CRLF,
                             head, op->command, text->len, text);

    ngx_memcpy(p, op->command + op->len - tail, tail);

    redisFreeCommand(op->command);

    op->command = command;
    op->len = p + tail - command;
    op->evaluated = 1;

    return NGX_OK;
}


static void
ngx_http_gateway_redis_digest(ngx_http_gateway_redis_script_t *script)
{
    u_char      digest[20];
    ngx_sha1_t  sha1;

    if (script->digested) {
        return;
    }

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, script->text.data, script->text.len);
    ngx_sha1_final(digest, &sha1);

    ngx_hex_dump(script->digest, digest, sizeof(digest));

    script->digested = 1;
}


/* requests */

ngx_int_t
ngx_http_gateway_redis_ask(ngx_http_request_t *r,
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_command_t *command,
    ngx_http_gateway_redis_pt handler, void *data)
{
    ngx_event_t                    *rev;
    ngx_pool_cleanup_t             *cln;
    ngx_http_gateway_redis_wait_t  *wait;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_redis_wait_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    wait = cln->data;
    wait->request = r;
    wait->handler = handler;
    wait->data = data;
    wait->op = ngx_http_gateway_redis_send(redis, command,
                                           ngx_http_gateway_redis_answered,
                                           wait);

    cln->handler = ngx_http_gateway_redis_gone;

    if (wait->op == NULL) {
        return NGX_DECLINED;
    }

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a client that goes away is seen */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


static void
ngx_http_gateway_redis_answered(void *data, redisReply *reply)
{
    ngx_http_gateway_redis_wait_t *wait = data;

    ngx_http_request_t  *r;

    r = wait->request;

    ngx_http_set_log_request(r->connection->log, r);

    wait->op = NULL;
    wait->handler(wait->data, reply);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_gateway_resume(r);
}


/* the request ends while it waits */

static void
ngx_http_gateway_redis_gone(void *data)
{
    ngx_http_gateway_redis_wait_t *wait = data;

    if (wait->op) {
        ngx_http_gateway_redis_forget(wait->op);
        wait->op = NULL;
    }
}


/* configuration */

void
ngx_http_gateway_redis_defaults(ngx_http_gateway_redis_conf_t *conf)
{
    conf->port = 6379;
    conf->timeout = 2000;
}


ngx_uint_t
ngx_http_gateway_redis_given(ngx_http_gateway_redis_conf_t *conf)
{
    return conf->host.len != 0 || conf->sentinel_nodes || conf->cluster_nodes;
}


ngx_uint_t
ngx_http_gateway_redis_clustered(ngx_http_gateway_redis_t *redis)
{
    return redis->conf.cluster_nodes != NULL;
}


ngx_http_gateway_redis_t *
ngx_http_gateway_redis_add(ngx_conf_t *cf,
    ngx_http_gateway_redis_conf_t *conf)
{
    ngx_uint_t                      i;
    ngx_http_gateway_redis_t       *redis, **known;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->redis == NULL) {
        gmcf->redis = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_gateway_redis_t *));
        if (gmcf->redis == NULL) {
            return NULL;
        }
    }

    known = gmcf->redis->elts;

    for (i = 0; i < gmcf->redis->nelts; i++) {
        if (ngx_http_gateway_redis_same(&known[i]->conf, conf)) {
            return known[i];
        }
    }

    if (ngx_http_gateway_redis_check(cf, conf) != NGX_OK) {
        return NULL;
    }

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->conf = *conf;
    redis->gmcf = gmcf;

    if (ngx_http_gateway_metrics_set_add(cf, &ngx_http_gateway_redis_metrics)
        != NGX_OK)
    {
        return NULL;
    }

    if (redis->conf.timeout == 0) {
        redis->conf.timeout = 60000;
    }

    redis->file_name = cf->conf_file->file.name.data;
    redis->line = cf->conf_file->line;

    known = ngx_array_push(gmcf->redis);
    if (known == NULL) {
        return NULL;
    }

    *known = redis;

    return redis;
}


static ngx_int_t
ngx_http_gateway_redis_check(ngx_conf_t *cf,
    ngx_http_gateway_redis_conf_t *conf)
{
    const char  *wrong;

    wrong = NULL;

    if (!ngx_http_gateway_redis_given(conf)) {
        wrong = "one of \"redis.host\", \"redis.sentinel_nodes\" and "
                "\"redis.cluster_nodes\" is needed";

    } else if ((conf->host.len != 0) + (conf->sentinel_nodes != NULL)
               + (conf->cluster_nodes != NULL) > 1)
    {
        wrong = "only one of \"redis.host\", \"redis.sentinel_nodes\" and "
                "\"redis.cluster_nodes\" can be used";

    } else if ((conf->sentinel_nodes != NULL)
               != (conf->sentinel_master.len != 0))
    {
        wrong = "\"redis.sentinel_nodes\" and \"redis.sentinel_master\" "
                "need each other";

    } else if (conf->cluster_nodes && conf->database) {
        wrong = "a cluster has no \"redis.database\" but 0";
    }

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", wrong);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_redis_same(ngx_http_gateway_redis_conf_t *one,
    ngx_http_gateway_redis_conf_t *two)
{
    return ngx_http_gateway_redis_same_text(&one->host, &two->host)
           && one->port == two->port
           && (one->timeout ? one->timeout : 60000)
              == (two->timeout ? two->timeout : 60000)
           && ngx_http_gateway_redis_same_text(&one->username, &two->username)
           && ngx_http_gateway_redis_same_text(&one->password, &two->password)
           && one->database == two->database
           && one->ssl == two->ssl
           && one->ssl_verify == two->ssl_verify
           && ngx_http_gateway_redis_same_text(&one->server_name,
                                               &two->server_name)
           && ngx_http_gateway_redis_same_text(&one->sentinel_master,
                                               &two->sentinel_master)
           && ngx_http_gateway_redis_same_text(&one->sentinel_username,
                                               &two->sentinel_username)
           && ngx_http_gateway_redis_same_text(&one->sentinel_password,
                                               &two->sentinel_password)
           && ngx_http_gateway_redis_same_list(one->sentinel_nodes,
                                               two->sentinel_nodes)
           && ngx_http_gateway_redis_same_list(one->cluster_nodes,
                                               two->cluster_nodes);
}


static ngx_uint_t
ngx_http_gateway_redis_same_list(ngx_array_t *one, ngx_array_t *two)
{
    ngx_str_t   *a, *b;
    ngx_uint_t   i;

    if (one == NULL || two == NULL) {
        return one == two;
    }

    if (one->nelts != two->nelts) {
        return 0;
    }

    a = one->elts;
    b = two->elts;

    for (i = 0; i < one->nelts; i++) {
        if (!ngx_http_gateway_redis_same_text(&a[i], &b[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_gateway_redis_same_text(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_memcmp(one->data, two->data, one->len) == 0;
}


ngx_int_t
ngx_http_gateway_redis_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_gateway_redis_t      **redis;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->redis == NULL) {
        return NGX_OK;
    }

    redis = gmcf->redis->elts;

    for (i = 0; i < gmcf->redis->nelts; i++) {
        if (ngx_http_gateway_redis_init_one(cf, redis[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_init_one(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis)
{
    ngx_pool_cleanup_t  *cln;

    redis->names = ngx_http_gateway_names_init(cf);
    if (redis->names == NULL) {
        return NGX_ERROR;
    }

    if (redis->conf.host.len) {

        redis->node = ngx_http_gateway_redis_node(redis, cf->pool,
                                                  &redis->conf.host,
                                                (in_port_t) redis->conf.port);
        if (redis->node == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "invalid \"redis.host\" \"%V\" in %s:%ui%s",
                          &redis->conf.host, redis->file_name, redis->line,
                          ngx_http_gateway_redis_has_port(&redis->conf.host)
                          ? ": write the port as \"redis.port\"" : "");
            return NGX_ERROR;
        }

        ngx_http_gateway_redis_warn(cf, redis->node);

    } else if (ngx_http_gateway_redis_init_nodes(cf, redis) != NGX_OK) {
        return NGX_ERROR;
    }

    if (redis->conf.ssl) {
#if (NGX_SSL)
        if (ngx_http_gateway_redis_init_ssl(cf, redis) != NGX_OK) {
            return NGX_ERROR;
        }
#else
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"redis.ssl\" in %s:%ui needs an nginx with TLS",
                      redis->file_name, redis->line);
        return NGX_ERROR;
#endif
    }

    /* runs before that of the resolver, which was registered earlier */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_redis_cleanup;
    cln->data = redis;

    return NGX_OK;
}


/* the nodes of a cluster that are named, or sentinels and their master */

static ngx_int_t
ngx_http_gateway_redis_init_nodes(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis)
{
    u_char                          *colon;
    ngx_int_t                        port;
    ngx_str_t                       *name, host;
    ngx_uint_t                       i, sentinel;
    ngx_array_t                     *names;
    ngx_http_gateway_redis_node_t  **node;

    sentinel = (redis->conf.sentinel_nodes != NULL);
    names = sentinel ? redis->conf.sentinel_nodes : redis->conf.cluster_nodes;

    if (ngx_array_init(&redis->nodes, cf->pool, names->nelts,
                       sizeof(ngx_http_gateway_redis_node_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {

        host = name[i];
        port = sentinel ? 26379 : 6379;

        colon = ngx_http_gateway_redis_port(&host);

        if (colon) {
            port = ngx_atoi(colon + 1, host.data + host.len - colon - 1);
            host.len = colon - host.data;
        }

        node = ngx_array_push(&redis->nodes);
        if (node == NULL) {
            return NGX_ERROR;
        }

        *node = host.len && port > 0 && port < 65536
                ? ngx_http_gateway_redis_node(redis, cf->pool, &host,
                                              (in_port_t) port)
                : NULL;

        if (*node == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "invalid node \"%V\" of Redis in %s:%ui: write "
                          "\"host:port\"", &name[i], redis->file_name,
                          redis->line);
            return NGX_ERROR;
        }

        ngx_http_gateway_redis_warn(cf, *node);

        if (sentinel) {
            (*node)->kind = NGX_HTTP_GATEWAY_REDIS_SENTINEL;
        }
    }

    if (sentinel) {
        redis->node = ngx_http_gateway_redis_node(redis, cf->pool,
                                             &redis->conf.sentinel_master, 0);
        if (redis->node == NULL) {
            return NGX_ERROR;
        }

        redis->node->name = redis->conf.sentinel_master;
        redis->node->kind = NGX_HTTP_GATEWAY_REDIS_MASTER;
    }

    return NGX_OK;
}


/* requests go on without Redis, so this is no error */

static void
ngx_http_gateway_redis_warn(ngx_conf_t *cf,
    ngx_http_gateway_redis_node_t *node)
{
    if (node->port
        && ngx_http_gateway_names_hopeless(node->redis->names, &node->host,
                                           node->port))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "redis: \"%V\" in %s:%ui cannot be looked up: it is not "
                      "in the hosts file, and \"http\" has no \"resolver\"",
                      &node->name, node->redis->file_name, node->redis->line);
    }
}


/* a colon, but no address of IPv6 and no path of a socket */

ngx_uint_t
ngx_http_gateway_redis_has_port(ngx_str_t *host)
{
    u_char  *p, *last;
#if (NGX_HAVE_INET6)
    u_char   addr[16];
#endif

    p = host->data;
    last = p + host->len;

    if (host->len > 5 && ngx_strncmp(p, "unix:", 5) == 0) {
        return 0;
    }

    if (host->len > 2 && *p == '[' && last[-1] == ']') {
        p++;
        last--;
    }

#if (NGX_HAVE_INET6)

    if (ngx_inet6_addr(p, last - p, addr) == NGX_OK) {
        return 0;
    }

#endif

    return ngx_strlchr(p, last, ':') != NULL;
}


/* the colon before the port, or NULL; "::1" has none, "[::1]:80" does */

static u_char *
ngx_http_gateway_redis_port(ngx_str_t *name)
{
    u_char  *first, *last;

    first = ngx_strlchr(name->data, name->data + name->len, ':');

    if (first == NULL) {
        return NULL;
    }

    for (last = name->data + name->len - 1; *last != ':'; last--) {
        if (*last == ']') {
            return NULL;
        }
    }

    return first == last || *name->data == '[' ? last : NULL;
}


#if (NGX_SSL)

static ngx_int_t
ngx_http_gateway_redis_init_ssl(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (redis->conf.ssl_verify && gmcf->redis_trusted.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"redis.ssl_verify\" in %s:%ui needs a "
                      "\"gateway_redis_trusted_certificate\" in \"http\"",
                      redis->file_name, redis->line);
        return NGX_ERROR;
    }

    redis->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (redis->ssl == NULL) {
        return NGX_ERROR;
    }

    redis->ssl->log = cf->log;

    if (ngx_ssl_create(redis->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(redis->ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = redis->ssl;

    /* as deep a chain as OpenSSL would follow by itself */

    if (redis->conf.ssl_verify
        && ngx_ssl_trusted_certificate(cf, redis->ssl, &gmcf->redis_trusted,
                                       100)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}

#endif


static void
ngx_http_gateway_redis_cleanup(void *data)
{
    ngx_http_gateway_redis_t *redis = data;

    ngx_uint_t                       i;
    ngx_http_gateway_redis_node_t  **node;

    if (redis->node) {
        ngx_http_gateway_redis_node_stop(redis->node);
    }

    node = redis->nodes.elts;

    for (i = 0; i < redis->nodes.nelts; i++) {
        ngx_http_gateway_redis_node_stop(node[i]);
    }

    ngx_http_gateway_redis_cluster_stop(redis);
}
