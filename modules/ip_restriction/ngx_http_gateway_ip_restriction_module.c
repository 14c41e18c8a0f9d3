
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lets requests pass, or refuses them, by the client's address, in the access
 * step, after authentication.  Costs a comparison per configured network.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_reply.h"


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_array_t                  *allow;
    ngx_array_t                  *deny;
    ngx_int_t                     status;
    ngx_str_t                     message;

    ngx_array_t                  *allow_cidrs;  /* ngx_cidr_t; or NULL */
    ngx_array_t                  *deny_cidrs;
} ngx_http_gateway_ip_restriction_conf_t;


static ngx_int_t ngx_http_gateway_ip_restriction_handler(
    ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_ip_restriction_reject(
    ngx_http_request_t *r, ngx_http_gateway_ip_restriction_conf_t *conf);

static void ngx_http_gateway_ip_restriction_defaults(void *data);
static char *ngx_http_gateway_ip_restriction_check(ngx_conf_t *cf,
    void *data);
static ngx_int_t ngx_http_gateway_ip_restriction_cidrs(ngx_conf_t *cf,
    ngx_array_t *list, ngx_array_t **cidrs);
static ngx_int_t ngx_http_gateway_ip_restriction_preconfiguration(
    ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_ip_restriction_params[] = {

    { ngx_string("allow"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, allow), 0, 0, NULL },

    { ngx_string("deny"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, deny), 0, 0, NULL },

    { ngx_string("status"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, status), 200, 599,
      NULL },

    { ngx_string("message"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, message), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_ip_restriction = {
    ngx_string("ip_restriction"),
    990,
    0,

    sizeof(ngx_http_gateway_ip_restriction_conf_t),
    ngx_http_gateway_ip_restriction_params,
    ngx_http_gateway_ip_restriction_defaults,
    ngx_http_gateway_ip_restriction_check,

    ngx_http_gateway_ip_restriction_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_ip_restriction_commands[] = {

    { ngx_string("gateway_ip_restriction"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_ip_restriction },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_ip_restriction_module_ctx = {
    ngx_http_gateway_ip_restriction_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_ip_restriction_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_ip_restriction_module_ctx, /* module context */
    ngx_http_gateway_ip_restriction_commands,    /* module directives */
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
ngx_http_gateway_ip_restriction_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_ip_restriction_conf_t  *conf = data;

    struct sockaddr  *sa;

    static ngx_str_t  unknown =
        ngx_string("Cannot identify the client IP address, unix domain "
                   "sockets are not supported.");

    /* what the realip module has found, if it is in use */

    sa = r->connection->sockaddr;

#if (NGX_HAVE_UNIX_DOMAIN)
    if (sa->sa_family == AF_UNIX) {
        return ngx_http_gateway_error(r, NGX_HTTP_FORBIDDEN, &unknown);
    }
#endif

    if (conf->deny_cidrs && ngx_cidr_match(sa, conf->deny_cidrs) == NGX_OK) {
        return ngx_http_gateway_ip_restriction_reject(r, conf);
    }

    if (conf->allow_cidrs && ngx_cidr_match(sa, conf->allow_cidrs) != NGX_OK)
    {
        return ngx_http_gateway_ip_restriction_reject(r, conf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_ip_restriction_reject(ngx_http_request_t *r,
    ngx_http_gateway_ip_restriction_conf_t *conf)
{
    ngx_str_t   message, *addr;

    static ngx_str_t  text = ngx_string("IP address not allowed: ");

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "ip_restriction: address not allowed");

    if (conf->message.data) {
        return ngx_http_gateway_error(r, conf->status, &conf->message);
    }

    addr = &r->connection->addr_text;

    message.len = text.len + addr->len;
    message.data = ngx_pnalloc(r->pool, message.len);
    if (message.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpymem(ngx_cpymem(message.data, text.data, text.len),
                      addr->data, addr->len);

    return ngx_http_gateway_error(r, conf->status, &message);
}


static void
ngx_http_gateway_ip_restriction_defaults(void *data)
{
    ngx_http_gateway_ip_restriction_conf_t  *conf = data;

    conf->status = NGX_HTTP_FORBIDDEN;
}


static char *
ngx_http_gateway_ip_restriction_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_ip_restriction_conf_t  *conf = data;

    if (conf->allow == NULL && conf->deny == NULL) {
        return "needs \"allow\" or \"deny\"";
    }

    if (ngx_http_gateway_ip_restriction_cidrs(cf, conf->allow,
                                              &conf->allow_cidrs)
        != NGX_OK
        || ngx_http_gateway_ip_restriction_cidrs(cf, conf->deny,
                                                 &conf->deny_cidrs)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_ip_restriction_cidrs(ngx_conf_t *cf, ngx_array_t *list,
    ngx_array_t **cidrs)
{
    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    if (list == NULL) {
        return NGX_OK;
    }

    *cidrs = ngx_array_create(cf->pool, list->nelts, sizeof(ngx_cidr_t));
    if (*cidrs == NULL) {
        return NGX_ERROR;
    }

    value = list->elts;

    for (i = 0; i < list->nelts; i++) {

        cidr = ngx_array_push(*cidrs);
        if (cidr == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in "
                               "\"gateway_ip_restriction\": write \"1.2.3.4\""
                               ", \"1.2.3.0/24\" or the same for IPv6",
                               &value[i]);
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_ip_restriction_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_ip_restriction);
}
