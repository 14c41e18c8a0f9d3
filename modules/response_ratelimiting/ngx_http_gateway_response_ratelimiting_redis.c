
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Counters of announced amounts in Redis, under the keys of Kong:
 *
 *   response-ratelimit:<route>:<service>:<identifier>:<start>:<name>:<period>
 *
 * with the start of the window in milliseconds.  One command reads those of
 * a request, one script adds what the response announced.
 */


#include "ngx_http_gateway_response_ratelimiting.h"


static ngx_int_t ngx_http_gateway_response_keys(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data,
    ngx_uint_t announced, ngx_str_t *argv, ngx_uint_t *n);
static void ngx_http_gateway_response_answered(void *arg, redisReply *reply);
static ngx_int_t ngx_http_gateway_response_number(redisReply *reply,
    int64_t *number);


static ngx_http_gateway_redis_script_t  ngx_http_gateway_response_read = {
    ngx_string("return redis.call('MGET', unpack(KEYS))\n"),
    "",
    0
};


static ngx_http_gateway_redis_script_t  ngx_http_gateway_response_add = {
    /* KEYS: counters; ARGV: for each what it grows by, and the seconds that
       it lives after its first amount */
    ngx_string("for i, key in ipairs(KEYS) do\n"
               "  local amount = ARGV[2 * i - 1]\n"
               "  if redis.call('INCRBY', key, amount)"
                      " == tonumber(amount) then\n"
               "    redis.call('EXPIRE', key, ARGV[2 * i])\n"
               "  end\n"
               "end\n"
               "return 0\n"),
    "",
    0
};


ngx_int_t
ngx_http_gateway_response_ratelimiting_redis(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data)
{
    ngx_int_t                         rc;
    ngx_http_gateway_redis_command_t  command;

    switch (data->state) {

    case NGX_HTTP_GATEWAY_RESPONSE_NEW:
        break;

    case NGX_HTTP_GATEWAY_RESPONSE_ASKED:
        return NGX_AGAIN;

    case NGX_HTTP_GATEWAY_RESPONSE_ANSWERED:
        return NGX_OK;

    default: /* NGX_HTTP_GATEWAY_RESPONSE_FAILED */
        return NGX_BUSY;
    }

    ngx_memzero(&command, sizeof(ngx_http_gateway_redis_command_t));

    command.argv = ngx_palloc(r->pool, conf->n * sizeof(ngx_str_t));
    if (command.argv == NULL) {
        return NGX_ERROR;
    }

    command.script = &ngx_http_gateway_response_read;

    if (ngx_http_gateway_response_keys(r, conf, data, 0, command.argv,
                                       &command.nkeys)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    command.argc = command.nkeys;

    rc = ngx_http_gateway_redis_ask(r, conf->server, &command,
                                    ngx_http_gateway_response_answered, data);
    if (rc == NGX_AGAIN) {
        data->state = NGX_HTTP_GATEWAY_RESPONSE_ASKED;
    }

    return rc == NGX_DECLINED ? NGX_BUSY : rc;
}


void
ngx_http_gateway_response_ratelimiting_redis_count(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data)
{
    u_char                             *p;
    ngx_str_t                          *arg;
    ngx_uint_t                          i, k;
    ngx_http_gateway_redis_command_t    command;
    ngx_http_gateway_response_limit_t  *limit;

    ngx_memzero(&command, sizeof(ngx_http_gateway_redis_command_t));

    command.argv = ngx_palloc(r->pool, 3 * conf->n * sizeof(ngx_str_t));
    if (command.argv == NULL) {
        return;
    }

    command.script = &ngx_http_gateway_response_add;

    if (ngx_http_gateway_response_keys(r, conf, data, 1, command.argv,
                                       &command.nkeys)
        != NGX_OK)
    {
        return;
    }

    limit = conf->limits->elts;
    arg = command.argv + command.nkeys;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (data->announced[i] == 0) {
            continue;
        }

        for (k = 0; k < limit[i].n; k++) {
            p = ngx_pnalloc(r->pool, 2 * NGX_INT64_LEN);
            if (p == NULL) {
                return;
            }

            arg[0].data = p;
            p = ngx_sprintf(p, "%L", data->announced[i]);
            arg[0].len = p - arg[0].data;

            arg[1].data = p;
            p = ngx_sprintf(p, "%T", ngx_http_gateway_periods
                                         [limit[i].windows[k].period].length);
            arg[1].len = p - arg[1].data;

            arg += 2;
        }
    }

    command.argc = arg - command.argv;

    if (ngx_http_gateway_redis_send(conf->server, &command, NULL, NULL)
        == NULL)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "response_ratelimiting: Redis cannot be asked, what a "
                      "response announced is not counted");
    }
}


/* announced: only of the limits that have some */

static ngx_int_t
ngx_http_gateway_response_keys(ngx_http_request_t *r,
    ngx_http_gateway_response_ratelimiting_conf_t *conf,
    ngx_http_gateway_response_ratelimiting_data_t *data,
    ngx_uint_t announced, ngx_str_t *argv, ngx_uint_t *n)
{
    u_char                             *p;
    ngx_str_t                           prefix;
    ngx_uint_t                          i, k, tagged, period;
    ngx_http_gateway_response_limit_t  *limit;

    /* in a cluster they must be on one node, which the braces see to */

    tagged = ngx_http_gateway_redis_clustered(conf->server);

    prefix.data = ngx_pnalloc(r->pool, sizeof("response-ratelimit:{::}:")
                                       + conf->instance.route_id.len
                                       + conf->instance.service_id.len
                                       + data->id.len);
    if (prefix.data == NULL) {
        return NGX_ERROR;
    }

    prefix.len = ngx_sprintf(prefix.data, "response-ratelimit:%s%V:%V:%V%s:",
                             tagged ? "{" : "", &conf->instance.route_id,
                             &conf->instance.service_id, &data->id,
                             tagged ? "}" : "")
                 - prefix.data;

    limit = conf->limits->elts;
    *n = 0;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (announced && data->announced[i] == 0) {
            continue;
        }

        for (k = 0; k < limit[i].n; k++) {
            period = limit[i].windows[k].period;

            p = ngx_pnalloc(r->pool, prefix.len + NGX_INT64_LEN
                                     + sizeof("000::minute")
                                     + limit[i].name.len);
            if (p == NULL) {
                return NGX_ERROR;
            }

            argv[*n].data = p;
            argv[*n].len = ngx_sprintf(p, "%V%uD000:%V:%s", &prefix,
                                       data->start[period], &limit[i].name,
                                       ngx_http_gateway_periods[period].name)
                           - p;
            (*n)++;
        }
    }

    return NGX_OK;
}


static void
ngx_http_gateway_response_answered(void *arg, redisReply *reply)
{
    ngx_http_gateway_response_ratelimiting_data_t  *data = arg;

    ngx_uint_t  i;

    data->state = NGX_HTTP_GATEWAY_RESPONSE_FAILED;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != data->n)
    {
        return;
    }

    for (i = 0; i < data->n; i++) {

        if (ngx_http_gateway_response_number(reply->element[i],
                                             &data->used[i])
            != NGX_OK)
        {
            return;
        }
    }

    data->state = NGX_HTTP_GATEWAY_RESPONSE_ANSWERED;
}


static ngx_int_t
ngx_http_gateway_response_number(redisReply *reply, int64_t *number)
{
    off_t  n;

    if (reply->type == REDIS_REPLY_NIL) {
        *number = 0;
        return NGX_OK;
    }

    if (reply->type != REDIS_REPLY_STRING) {
        return NGX_ERROR;
    }

    n = ngx_atoof((u_char *) reply->str, reply->len);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    *number = n;

    return NGX_OK;
}
