
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Counters in Redis, which many gateways share.  One script per request
 * counts it in the windows of all limits; it is atomic, so no limit is
 * overshot.  As in Kong, whose keys these are, requests that are refused
 * count too.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_rate_limiting.h"

#include <openssl/evp.h>


/* bytes of an identifier that stands in a key as it is */
#define NGX_HTTP_GATEWAY_RATE_IDENTIFIER  256

#define NGX_HTTP_GATEWAY_RATE_SHA256      "sha256:"


static ngx_int_t ngx_http_gateway_rate_limiting_ask(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data);


static ngx_http_gateway_redis_script_t  ngx_http_gateway_rate_limiting_count =
{
    /* KEYS: counters; ARGV: seconds that each lives after its first request;
       returns what each was before */
    ngx_string("local used = {}\n"
               "for i, key in ipairs(KEYS) do\n"
               "  local n = redis.call('INCR', key)\n"
               "  if n == 1 then\n"
               "    redis.call('EXPIRE', key, ARGV[i])\n"
               "  end\n"
               "  used[i] = n - 1\n"
               "end\n"
               "return used\n"),
    "",
    0
};


ngx_int_t
ngx_http_gateway_rate_limiting_redis(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data, ngx_uint_t *stop)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    switch (data->state) {

    case NGX_HTTP_GATEWAY_RATE_LIMITING_NEW:

        if (mcf->now != ngx_time()) {
            ngx_http_gateway_rate_limiting_windows(mcf, ngx_time());
        }

        data->now = mcf->now;

        rc = ngx_http_gateway_rate_limiting_ask(r, conf, mcf, data);

        if (rc == NGX_AGAIN) {
            data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_ASKED;
        }

        return rc == NGX_DECLINED ? NGX_BUSY : rc;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_ASKED:
        return NGX_AGAIN;

    case NGX_HTTP_GATEWAY_RATE_LIMITING_ANSWERED:
        break;

    default: /* NGX_HTTP_GATEWAY_RATE_LIMITING_FAILED */
        return NGX_BUSY;
    }

    /* the windows are those in which it was counted */

    if (mcf->now != data->now) {
        ngx_http_gateway_rate_limiting_windows(mcf, data->now);
    }

    *stop = 0;

    for (i = 0; i < conf->n; i++) {
        *stop |= data->used[i] >= conf->limits[i].stop;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_rate_limiting_ask(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf,
    ngx_http_gateway_rate_limiting_data_t *data)
{
    u_char                                   *p;
    ngx_str_t                                 prefix, *ttl;
    ngx_str_t                  argv[2 * NGX_HTTP_GATEWAY_RATE_PERIODS];
    ngx_uint_t                                i;
    ngx_http_gateway_redis_command_t          command;
    ngx_http_gateway_rate_limiting_period_t  *period;

    if (ngx_http_gateway_rate_limiting_prefix(r, conf, &conf->rule, &prefix)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ttl = &argv[conf->n];

    for (i = 0; i < conf->n; i++) {

        period = &ngx_http_gateway_rate_limiting_periods
                     [conf->limits[i].period];

        p = ngx_pnalloc(r->pool, prefix.len + NGX_HTTP_GATEWAY_RATE_KEY
                                 + NGX_INT_T_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        argv[i].data = p;
        p = ngx_http_gateway_rate_limiting_key(p, &prefix,
                                          conf->limits[i].period,
                                          mcf->start[conf->limits[i].period]);
        argv[i].len = p - argv[i].data;

        ttl[i].data = p;
        ttl[i].len = ngx_sprintf(p, "%T", period->length) - p;
    }

    ngx_memzero(&command, sizeof(ngx_http_gateway_redis_command_t));

    command.script = &ngx_http_gateway_rate_limiting_count;
    command.nkeys = conf->n;
    command.argv = argv;
    command.argc = 2 * conf->n;

    data->limits = conf->n;

    return ngx_http_gateway_redis_ask(r, conf->server, &command,
                                      ngx_http_gateway_rate_limiting_answered,
                                      data);
}


u_char *
ngx_http_gateway_rate_limiting_key(u_char *buf, ngx_str_t *prefix,
    ngx_uint_t period, uint32_t start)
{
    return ngx_sprintf(buf, "%V%uD000:%s", prefix, start,
                       ngx_http_gateway_rate_limiting_periods[period].name);
}


/*
 * What the keys of all windows begin with.  In a cluster they must be on one
 * node, which the braces see to.
 */

ngx_int_t
ngx_http_gateway_rate_limiting_prefix(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_rule_t *rule, ngx_str_t *prefix)
{
    u_char      *p;
    ngx_str_t    id;
    ngx_uint_t   kind, tagged;

    if (rule->space.len) {
        return ngx_http_gateway_rate_limiting_advanced_prefix(r, conf, rule,
                                                              prefix);
    }

    kind = ngx_http_gateway_rate_limiting_identifier(r, conf, &rule->key, 1,
                                                    &id);

    if (ngx_http_gateway_rate_limiting_text(r, kind && rule->key.limit_by
                                     == NGX_HTTP_GATEWAY_RATE_LIMITING_HEADER,
                                            &id)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    tagged = ngx_http_gateway_redis_clustered(conf->server);

    prefix->data = ngx_pnalloc(r->pool, sizeof("ratelimit:{::}:")
                                        + conf->instance.route_id.len
                                        + conf->instance.service_id.len
                                        + id.len + 1 + rule->name.len);
    if (prefix->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(prefix->data, "ratelimit%s%V:%s%V:%V:%V%s:",
                    rule->name.len ? "/" : "", &rule->name,
                    tagged ? "{" : "", &conf->instance.route_id,
                    &conf->instance.service_id, &id, tagged ? "}" : "");

    prefix->len = p - prefix->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_rate_limiting_text(ngx_http_request_t *r, ngx_uint_t foreign,
    ngx_str_t *id)
{
    size_t      i;
    ngx_addr_t  addr;

    if (id->len == 0 || id->len > NGX_HTTP_GATEWAY_RATE_IDENTIFIER) {
        goto hash;
    }

    for (i = 0; i < id->len; i++) {
        if (id->data[i] < 0x20 || id->data[i] >= 0x7f) {
            goto hash;
        }
    }

    if (!foreign
        || (ngx_strncmp(id->data, "unix:", ngx_min(id->len, 5)) != 0
            && ngx_parse_addr(r->pool, &addr, id->data, id->len) != NGX_OK))
    {
        return NGX_OK;
    }

hash:

    return ngx_http_gateway_rate_limiting_sha256(r->pool, id);
}


ngx_int_t
ngx_http_gateway_rate_limiting_sha256(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char        *p;
    unsigned int   len;
    u_char         digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(text->data, text->len, digest, &len, EVP_sha256(), NULL)
        != 1)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, sizeof(NGX_HTTP_GATEWAY_RATE_SHA256) - 1
                             + 2 * len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    p = ngx_cpymem(p, NGX_HTTP_GATEWAY_RATE_SHA256,
                   sizeof(NGX_HTTP_GATEWAY_RATE_SHA256) - 1);
    text->len = ngx_hex_dump(p, digest, len) - text->data;

    return NGX_OK;
}


void
ngx_http_gateway_rate_limiting_answered(void *arg, redisReply *reply)
{
    ngx_http_gateway_rate_limiting_data_t *data = arg;

    ngx_int_t    used;
    ngx_uint_t   i;
    redisReply  *n;

    data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_FAILED;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != data->limits)
    {
        return;
    }

    for (i = 0; i < data->limits; i++) {

        n = reply->element[i];

        switch (n->type) {

        case REDIS_REPLY_INTEGER:
            used = (ngx_int_t) n->integer;
            break;

        case REDIS_REPLY_STRING:
            used = ngx_atoi((u_char *) n->str, n->len);
            break;

        case REDIS_REPLY_NIL:
            used = 0;
            break;

        default:
            return;
        }

        data->used[i] = used < 0 ? 0
                                 : (uint32_t) ngx_min(used, 0xffffffff);
    }

    data->state = NGX_HTTP_GATEWAY_RATE_LIMITING_ANSWERED;
}
