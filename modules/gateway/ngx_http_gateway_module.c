
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The core: runs the chain of policies of a request in the PRECONTENT and
 * LOG phases and in the filters, and holds the settings that all features
 * share.  A location without policies costs one pointer test per phase.
 */


#include "ngx_http_gateway_conf.h"
#include "gateway_router.h"
#include "ngx_http_gateway_connect.h"
#include "ngx_http_gateway_counts.h"
#include "ngx_http_gateway_digest.h"
#include "ngx_http_gateway_log_lines.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_upstream.h"
#include "ngx_http_gateway_record.h"
#include "ngx_http_gateway_redis.h"
#include "ngx_http_gateway_spans.h"


static ngx_int_t ngx_http_gateway_post_read_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_access_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_run_access(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static ngx_uint_t ngx_http_gateway_is_name(ngx_str_t *host);
static ngx_int_t ngx_http_gateway_to_upstream(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_log_phase_handler(ngx_http_request_t *r);

static char *ngx_http_gateway_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_headers_upstream(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_trusted_ips(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_port_map(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_error_template(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_error_page(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

static void *ngx_http_gateway_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_gateway_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_gateway_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_gateway_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_init(ngx_conf_t *cf);


typedef struct {
    ngx_str_t     name;
    ngx_uint_t    bits;
} ngx_http_gateway_token_t;


/* the tokens of Kong's "headers" setting, compared without case */

static ngx_http_gateway_token_t  ngx_http_gateway_tokens[] = {
    { ngx_string("server_tokens"), NGX_HTTP_GATEWAY_HEADER_TOKENS },
    { ngx_string("latency_tokens"), NGX_HTTP_GATEWAY_HEADER_LATENCIES },
    { ngx_string("via"), NGX_HTTP_GATEWAY_HEADER_VIA },
    { ngx_string("server"), NGX_HTTP_GATEWAY_HEADER_SERVER },
    { ngx_string("x-kong-proxy-latency"),
      NGX_HTTP_GATEWAY_HEADER_PROXY_LATENCY },
    { ngx_string("x-kong-response-latency"),
      NGX_HTTP_GATEWAY_HEADER_RESPONSE_LATENCY },
    { ngx_string("x-kong-upstream-latency"),
      NGX_HTTP_GATEWAY_HEADER_UPSTREAM_LATENCY },
    { ngx_string("x-kong-upstream-status"),
      NGX_HTTP_GATEWAY_HEADER_UPSTREAM_STATUS },
    { ngx_string("x-kong-request-id"), NGX_HTTP_GATEWAY_HEADER_REQUEST_ID },
    { ngx_string("x-kong-admin-latency"),
      NGX_HTTP_GATEWAY_HEADER_ADMIN_LATENCY },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_default_types[] = {
    { ngx_string("application/json"), NGX_HTTP_GATEWAY_FORMAT_JSON },
    { ngx_string("text/plain"), NGX_HTTP_GATEWAY_FORMAT_PLAIN },
    { ngx_string("application/xml"), NGX_HTTP_GATEWAY_FORMAT_XML },
    { ngx_string("text/html"), NGX_HTTP_GATEWAY_FORMAT_HTML },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_flavors[] = {
    { ngx_string("traditional_compatible"),
      GATEWAY_ROUTER_TRADITIONAL_COMPATIBLE },
    { ngx_string("traditional"), GATEWAY_ROUTER_TRADITIONAL },
    { ngx_string("expressions"), GATEWAY_ROUTER_EXPRESSIONS },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_calculations[] = {
    { ngx_string("original"), 0 },
    { ngx_string("strict"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_no_route[] = {
    { ngx_string("locations"), 0 },
    { ngx_string("404"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_encoded_dots[] = {
    { ngx_string("forward"), 0 },
    { ngx_string("reject"), 1 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_gateway_commands[] = {

    { ngx_string("gateway_consumer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_gateway_consumer_block,
      0,
      0,
      NULL },

    { ngx_string("gateway_consumer_group"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_gateway_group_block,
      0,
      0,
      NULL },

    { ngx_string("id"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_HTTP_GATEWAY_GROUP_CONF
                                    |NGX_CONF_TAKE1,
      ngx_http_gateway_consumer_field,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_consumer_t, id),
      NULL },

    { ngx_string("username"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_consumer_field,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_consumer_t, username),
      NULL },

    { ngx_string("custom_id"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_consumer_field,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_consumer_t, custom_id),
      NULL },

    { ngx_string("groups"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_consumer_groups,
      0,
      0,
      NULL },

    { ngx_string("gateway_record"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_GATEWAY_ROUTE_CONF
                       |NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_record_entity,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_secret_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_headers"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_headers,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_headers_upstream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_headers_upstream,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_charset"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, charset),
      NULL },

    { ngx_string("gateway_strip_identity_headers"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, strip_identity),
      NULL },

    { ngx_string("gateway_allow_debug_header"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, debug_header),
      NULL },

    { ngx_string("gateway_encoded_dot_segments"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, reject_encoded_dots),
      &ngx_http_gateway_encoded_dots },

    { ngx_string("gateway_router_flavor"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, flavor),
      &ngx_http_gateway_flavors },

    { ngx_string("gateway_route_match_calculation"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, strict),
      &ngx_http_gateway_calculations },

    { ngx_string("gateway_trusted_ips"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_trusted_ips,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_port_map"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_port_map,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_connect_to"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_gateway_connect_to_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_proxy_protocol_client"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, proxy_client),
      NULL },

    { ngx_string("gateway_error_default_type"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, default_format),
      &ngx_http_gateway_default_types },

    { ngx_string("gateway_error_template"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_gateway_error_template,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_no_route"),
      NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_srv_conf_t, no_route_404),
      &ngx_http_gateway_no_route },

    { ngx_string("gateway_error_page"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_error_page,
      0,
      0,
      NULL },

    { ngx_string("gateway_redis_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gateway_main_conf_t, redis_trusted),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_module_ctx = {
    ngx_http_gateway_preconfiguration,     /* preconfiguration */
    ngx_http_gateway_init,                 /* postconfiguration */

    ngx_http_gateway_create_main_conf,     /* create main configuration */
    ngx_http_gateway_init_main_conf,       /* init main configuration */

    ngx_http_gateway_create_srv_conf,      /* create server configuration */
    ngx_http_gateway_merge_srv_conf,       /* merge server configuration */

    ngx_http_gateway_create_loc_conf,      /* create location configuration */
    ngx_http_gateway_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_module_ctx,          /* module context */
    ngx_http_gateway_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_counts_init_process,  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    ngx_http_gateway_counts_exit_master,   /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * Judges trust by the connecting address; runs before the realip module
 * replaces it.  Registered only with gateway_trusted_ips.
 */

static ngx_int_t
ngx_http_gateway_post_read_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_ctx_t        *ctx;
    ngx_http_gateway_srv_conf_t   *gscf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_module);
    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if ((!gscf->gateway && !gmcf->judges) || r != r->main || r->internal) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->peer_addr = r->connection->addr_text;

    if (ngx_cidr_match(r->connection->sockaddr, gmcf->trusted) == NGX_OK) {
        ctx->trusted = 1;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_access_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_ctx_t       *ctx;
    ngx_http_gateway_loc_conf_t  *glcf;

    if (r != r->main
        || r->content_handler == ngx_http_gateway_error_page_handler)
    {
        /* an error before its turn came: the chain has no say any more */
        return NGX_DECLINED;
    }

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL || (!ctx->matched_any && !ctx->access_started)) {

        /* a location of its own, not a gateway_route */

        glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

        if (glcf->chain == NULL) {
            return NGX_DECLINED;
        }

        ctx = ngx_http_gateway_create_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (ngx_http_gateway_set_chain(r, ctx, glcf->chain) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->service = glcf->service;
    }

    if (ctx->log_lines) {
        ngx_http_gateway_log_lines_attach(r, ctx);
    }

    if (ctx->access_done) {
        return NGX_DECLINED;
    }

    ctx->access_started = 1;

    return ngx_http_gateway_run_access(r, ctx);
}


static ngx_int_t
ngx_http_gateway_run_access(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i, traced;
    ngx_http_gateway_policy_t   *policy;
    ngx_http_gateway_instance_t *instance;

    if (ctx->chain && ctx->chain->access) {

        traced = ctx->chain->traced;

        for (i = ctx->next; i < ctx->chain->nelts; i++) {

            ctx->next = i;

            instance = i < ctx->frozen ? ctx->confs[i]
                                       : ngx_http_gateway_freeze(ctx, i);
            policy = ctx->chain->elts[i].policy;

            if (instance == NULL || policy->access == NULL) {
                continue;
            }

            if (traced & NGX_HTTP_GATEWAY_TRACING_PLUGIN_ACCESS) {
                ngx_http_gateway_span_begin(r, ctx,
                               NGX_HTTP_GATEWAY_TRACING_PLUGIN_ACCESS, policy);
            }

            rc = policy->access(r, instance);

            if (rc == NGX_DONE || rc == NGX_AGAIN) {

                /* answered: the request may be gone */

                return NGX_DONE;
            }

            ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "gateway policy \"%V\" priority:%i rc:%i",
                           &policy->name, policy->priority, rc);

            if (rc == NGX_OK || rc == NGX_DECLINED) {
                continue;
            }

            ctx->access_done = 1;

            return ngx_http_gateway_error(r,
                      rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR
                                      : (ngx_uint_t) rc,
                      NULL);
        }

        ctx->next = ctx->chain->nelts;

        if (traced) {
            ngx_http_gateway_span_end(ctx);
        }
    }

    if (ctx->matched_any || ctx->service) {
        rc = ngx_http_gateway_to_upstream(r, ctx);

        if (rc == NGX_DONE || rc == NGX_AGAIN) {
            return NGX_DONE;
        }

        if (rc != NGX_OK) {
            ctx->access_done = 1;
            return ngx_http_gateway_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                          NULL);
        }
    }

    ctx->access_done = 1;

    return NGX_DECLINED;
}


/* not an address */

static ngx_uint_t
ngx_http_gateway_is_name(ngx_str_t *host)
{
    return ngx_inet_addr(host->data, host->len) == INADDR_NONE
           && ngx_strlchr(host->data, host->data + host->len, ':') == NULL;
}


/* the first peer is picked here, so its name is known for Host and errors */

static ngx_int_t
ngx_http_gateway_to_upstream(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_int_t                      rc;
    in_port_t                      port;
    ngx_str_t                      host;
    ngx_uint_t                     traced;
    ngx_http_gateway_main_conf_t  *gmcf;

    static ngx_str_t  no_service =
        ngx_string("no Service found with those values");

    if (ctx->service == NULL) {
        ctx->access_done = 1;
        return ngx_http_gateway_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      &no_service);
    }

    if (ctx->service->balancer) {

        /* names of targets of an upstream are known before */

        traced = ctx->chain
                 && (ctx->chain->traced & NGX_HTTP_GATEWAY_TRACING_DNS_QUERY)
                 && ngx_http_gateway_upstream_goes_to(ctx, &host, &port)
                 && ngx_http_gateway_is_name(&host);

        if (traced) {
            ngx_http_gateway_span_begin(r, ctx,
                                     NGX_HTTP_GATEWAY_TRACING_DNS_QUERY, NULL);
        }

        rc = ngx_http_gateway_upstream_pick(r, ctx);

        if (traced && rc == NGX_OK) {
            ngx_http_gateway_span_end(ctx);
        }

        if (rc != NGX_OK) {
            return rc;
        }

    } else {
        ctx->proxied = 1;
        ctx->balanced = ngx_current_msec;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->prepare && ctx->route) {
        return gmcf->prepare(r, ctx);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_phase_handler(ngx_http_request_t *r)
{
    ngx_uint_t                    i;
    ngx_http_gateway_ctx_t       *ctx;
    ngx_http_gateway_chain_t     *chain;
    ngx_http_gateway_policy_t    *policy;
    ngx_http_gateway_instance_t  *instance;
    ngx_http_gateway_loc_conf_t  *glcf;

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx == NULL) {

        /* answered before its access step, as by "return" */

        glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

        if (glcf->chain == NULL || !glcf->chain->log) {
            return NGX_OK;
        }

        ctx = ngx_http_gateway_create_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    chain = ngx_http_gateway_phase_chain(r, ctx);

    if (chain == NULL || !chain->log) {
        return NGX_OK;
    }

    for (i = 0; i < chain->nelts; i++) {
        policy = chain->elts[i].policy;

        if (policy->log == NULL) {
            continue;
        }

        instance = i < ctx->frozen ? ctx->confs[i]
                                   : ngx_http_gateway_freeze(ctx, i);
        if (instance) {
            policy->log(r, instance);
        }
    }

    return NGX_OK;
}


static char *
ngx_http_gateway_headers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i, k;
    ngx_http_gateway_token_t  *token;

    if (gmcf->headers != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    gmcf->headers = 0;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 3
            && ngx_strncasecmp(value[i].data, (u_char *) "off", 3) == 0)
        {
            /* next to others it counts only in the first place */

            if (i == 1) {
                gmcf->headers = 0;
                return NGX_CONF_OK;
            }

            continue;
        }

        token = ngx_http_gateway_tokens;

        for (k = 0; token[k].name.len; k++) {
            if (token[k].name.len == value[i].len
                && ngx_strncasecmp(token[k].name.data, value[i].data,
                                   value[i].len) == 0)
            {
                gmcf->headers |= token[k].bits;
                break;
            }
        }

        if (token[k].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown token \"%V\" in \"%V\"", &value[i],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_headers_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    ngx_str_t  *value;

    if (gmcf->headers_upstream != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        gmcf->headers_upstream = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "x-kong-request-id") == 0) {
        gmcf->headers_upstream = NGX_HTTP_GATEWAY_HEADER_REQUEST_ID;
        return NGX_CONF_OK;
    }

    return "expects \"x-kong-request-id\" or \"off\"";
}


static char *
ngx_http_gateway_trusted_ips(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    value = cf->args->elts;

    if (gmcf->trusted == NULL) {
        gmcf->trusted = ngx_array_create(cf->pool, 2, sizeof(ngx_cidr_t));
        if (gmcf->trusted == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(gmcf->trusted);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(cidr, sizeof(ngx_cidr_t));

#if (NGX_HAVE_UNIX_DOMAIN)
        if (ngx_strcmp(value[i].data, "unix:") == 0) {
            cidr->family = AF_UNIX;
            continue;
        }
#endif

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"%V\": expected "
                               "an IP address, a CIDR or \"unix:\"",
                               &value[i], &cmd->name);
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


/* PUBLIC:LISTEN */

static char *
ngx_http_gateway_port_map(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    u_char                       *p, *last;
    ngx_int_t                     public, listen;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_gateway_port_map_t  *map;

    value = cf->args->elts;

    if (gmcf->port_maps == NULL) {
        gmcf->port_maps = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_gateway_port_map_t));
        if (gmcf->port_maps == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {

        last = value[i].data + value[i].len;
        p = ngx_strlchr(value[i].data, last, ':');

        public = p ? ngx_atoi(value[i].data, p - value[i].data) : NGX_ERROR;
        listen = p ? ngx_atoi(p + 1, last - p - 1) : NGX_ERROR;

        if (public < 1 || public > 65535 || listen < 1 || listen > 65535) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\": expected "
                               "PUBLIC:LISTEN, such as \"80:8000\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        map = ngx_array_push(gmcf->port_maps);
        if (map == NULL) {
            return NGX_CONF_ERROR;
        }

        map->public = (in_port_t) public;
        map->listen = (in_port_t) listen;
    }

    return NGX_CONF_OK;
}


/*
 * FORMAT FILE: text with at most two "%s" (message, request id); "%%" is a
 * percent sign.  Read once, at start and at reload.
 */

static char *
ngx_http_gateway_error_template(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    u_char                       *p, *last, *dst;
    ssize_t                       n;
    ngx_str_t                    *value, file;
    ngx_file_t                    f;
    ngx_uint_t                    i;
    ngx_file_info_t               fi;
    ngx_http_gateway_template_t  *template;

    static ngx_str_t  formats[] = {
        ngx_string("json"), ngx_string("plain"), ngx_string("xml"),
        ngx_string("html")
    };

    value = cf->args->elts;

    for (i = 0; i < NGX_HTTP_GATEWAY_FORMATS; i++) {
        if (formats[i].len == value[1].len
            && ngx_strncmp(formats[i].data, value[1].data, value[1].len) == 0)
        {
            break;
        }
    }

    if (i == NGX_HTTP_GATEWAY_FORMATS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown format \"%V\" in \"%V\": expected "
                           "\"json\", \"plain\", \"xml\" or \"html\"",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (gmcf->templates[i]) {
        return "is duplicate";
    }

    file = value[2];

    if (ngx_conf_full_name(cf->cycle, &file, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&f, sizeof(ngx_file_t));
    f.name = file;
    f.log = cf->log;
    f.fd = ngx_open_file(file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (f.fd == NGX_INVALID_FILE) {
        /* as the declarative format's users know it: the built-in serves */
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           "cannot read \"%V\" of \"%V\", the built-in "
                           "template is used", &file, &cmd->name);
        return NGX_CONF_OK;
    }

    template = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_template_t));
    p = NULL;
    n = NGX_ERROR;

    if (template && ngx_fd_info(f.fd, &fi) != NGX_FILE_ERROR
        && ngx_file_size(&fi) < 1024 * 1024)
    {
        p = ngx_pnalloc(cf->pool, (size_t) ngx_file_size(&fi) + 1);

        if (p) {
            n = ngx_read_file(&f, p, (size_t) ngx_file_size(&fi), 0);
        }
    }

    (void) ngx_close_file(f.fd);

    if (n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cannot read \"%V\" of \"%V\", or it is larger "
                           "than 1m", &file, &cmd->name);
        return NGX_CONF_ERROR;
    }

    last = p + n;
    dst = p;
    template->part[0].data = p;

    for ( /* void */ ; p < last; p++) {

        if (*p == '%' && p + 1 < last && p[1] == '%') {
            *dst++ = '%';
            p++;
            continue;
        }

        if (*p == '%' && p + 1 < last && p[1] == 's') {

            if (template->slots == 2) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "more than two \"%%s\" in \"%V\" of "
                                   "\"%V\": they are the message and the "
                                   "request id", &file, &cmd->name);
                return NGX_CONF_ERROR;
            }

            i = template->slots++;
            template->part[i].len = dst - template->part[i].data;
            template->part[i + 1].data = dst;
            p++;
            continue;
        }

        *dst++ = *p;
    }

    template->part[template->slots].len =
                                 dst - template->part[template->slots].data;

    for (i = 0; i < NGX_HTTP_GATEWAY_FORMATS; i++) {
        if (formats[i].len == value[1].len
            && ngx_strncmp(formats[i].data, value[1].data, value[1].len) == 0)
        {
            gmcf->templates[i] = template;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_error_page(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "conflicts with another content handler";
    }

    clcf->handler = ngx_http_gateway_error_page_handler;

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_create_main_conf(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_array_t                   *arrays[7];
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_main_conf_t));
    if (gmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     gmcf->by_consumer = NULL;
     *     gmcf->charset = { 0, NULL };
     *     gmcf->trusted = NULL;
     *     gmcf->port_maps = NULL;
     *     gmcf->connect_to = NULL;
     *     gmcf->templates[] = NULL;
     *     gmcf->secret = { 0, NULL };
     *     gmcf->counters = NULL;
     *     gmcf->metric_sets = NULL;
     *     gmcf->metrics = NULL;
     *     gmcf->inits = NULL;
     *     gmcf->guard = NULL;
     *     gmcf->prepare = NULL;
     *     gmcf->used = 0;
     */

    arrays[0] = &gmcf->policies;
    arrays[1] = &gmcf->loc_confs;
    arrays[2] = &gmcf->services;
    arrays[3] = &gmcf->routes;
    arrays[4] = &gmcf->consumers;
    arrays[5] = &gmcf->groups;
    arrays[6] = NULL;

    for (i = 0; arrays[i]; i++) {
        if (ngx_array_init(arrays[i], cf->pool, 16, sizeof(void *))
            != NGX_OK)
        {
            return NULL;
        }
    }

    ngx_rbtree_init(&gmcf->groups_tree, &gmcf->groups_sentinel,
                    ngx_str_rbtree_insert_value);

    gmcf->headers = NGX_CONF_UNSET_UINT;
    gmcf->headers_upstream = NGX_CONF_UNSET_UINT;
    gmcf->default_format = NGX_CONF_UNSET_UINT;
    gmcf->strip_identity = NGX_CONF_UNSET;
    gmcf->debug_header = NGX_CONF_UNSET;
    gmcf->reject_encoded_dots = NGX_CONF_UNSET;
    gmcf->strict = NGX_CONF_UNSET;
    gmcf->flavor = NGX_CONF_UNSET_UINT;
    gmcf->proxy_client = NGX_CONF_UNSET;
    gmcf->request_uri_index = NGX_ERROR;

    return gmcf;
}


static char *
ngx_http_gateway_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf = conf;

    ngx_http_core_main_conf_t  *cmcf;

    ngx_conf_init_uint_value(gmcf->headers,
                             NGX_HTTP_GATEWAY_HEADER_TOKENS
                             |NGX_HTTP_GATEWAY_HEADER_LATENCIES
                             |NGX_HTTP_GATEWAY_HEADER_REQUEST_ID);
    ngx_conf_init_uint_value(gmcf->headers_upstream,
                             NGX_HTTP_GATEWAY_HEADER_REQUEST_ID);
    ngx_conf_init_uint_value(gmcf->default_format,
                             NGX_HTTP_GATEWAY_FORMAT_PLAIN);
    ngx_conf_init_value(gmcf->strip_identity, 1);
    ngx_conf_init_value(gmcf->debug_header, 0);
    ngx_conf_init_value(gmcf->reject_encoded_dots, 1);
    ngx_conf_init_value(gmcf->strict, 0);
    ngx_conf_init_uint_value(gmcf->flavor,
                             GATEWAY_ROUTER_TRADITIONAL_COMPATIBLE);
    ngx_conf_init_value(gmcf->proxy_client, 0);

    if (gmcf->charset.len == 3
        && ngx_strncmp(gmcf->charset.data, "off", 3) == 0)
    {
        gmcf->charset.len = 0;
    }

    /*
     * Nginx's default, set by now, is too small for the variables of the
     * gateway, of which it warns.  It is only an upper bound.
     */

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->variables_hash_max_size == 1024) {
        cmcf->variables_hash_max_size = 2048;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_srv_conf_t  *gscf;

    gscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_srv_conf_t));
    if (gscf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     gscf->gateway = 0;  set by the route feature
     */

    gscf->no_route_404 = NGX_CONF_UNSET;

    return gscf;
}


static char *
ngx_http_gateway_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_srv_conf_t  *prev = parent;
    ngx_http_gateway_srv_conf_t  *conf = child;

    ngx_http_gateway_main_conf_t  *gmcf;

    ngx_conf_merge_value(conf->no_route_404, prev->no_route_404, 0);

    if (conf->no_route_404) {

        /* a gateway with no routes yet answers 404 to everything */

        gmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_gateway_module);
        gmcf->used = 1;
        conf->gateway = 1;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    /*
     * set by ngx_pcalloc():
     *
     *     glcf->instances = NULL;
     *     glcf->chain = NULL;
     *     glcf->service = NULL;
     *     glcf->route = NULL;
     *     glcf->consumer = NULL;
     *     glcf->group = NULL;
     */

    glcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_loc_conf_t));

    return glcf;
}


static char *
ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_loc_conf_t  *prev = parent;
    ngx_http_gateway_loc_conf_t  *conf = child;

    ngx_http_gateway_loc_conf_t   **p;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (ngx_http_gateway_merge_instances(cf, gmcf, prev, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* each that a request can be in gets its chain once all is merged */

    p = ngx_array_push(&gmcf->loc_confs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = conf;

    /* an "if" inside a service is still that service */

    if (conf->service == NULL) {
        conf->service = prev->service;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_variables(cf);
}


static ngx_int_t
ngx_http_gateway_init(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_handler_pt           *h;
    ngx_http_variable_t           *v;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_http_gateway_init_groups(cf, gmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!gmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_gateway_build_chains(cf, gmcf) != NGX_OK
        || ngx_http_gateway_redis_init(cf) != NGX_OK
        || ngx_http_gateway_run_inits(cf, gmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * Evaluated before it changes, when somebody asked for it (a log format,
     * a header): all that did have an index for it by now.
     */

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].name.len == sizeof("request_uri") - 1
            && ngx_strncasecmp(v[i].name.data, (u_char *) "request_uri",
                               sizeof("request_uri") - 1)
               == 0)
        {
            gmcf->request_uri_index = i;
            break;
        }
    }

    if (gmcf->trusted) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_post_read_handler;
    }

    /* the last one runs first */

    if (gmcf->proxy_client) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_proxy_client_handler;
    }

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_log_phase_handler;

    ngx_http_gateway_init_filters(gmcf->body);

    return NGX_OK;
}
