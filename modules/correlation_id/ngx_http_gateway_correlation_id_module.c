
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Gives each request an id in a header, unless the client sent one, as the
 * first policy of the access step; repeats it on the response when asked to.
 * Costs a search of the request's headers and making the id.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"
#include "gateway_uuid.h"

#include <openssl/rand.h>


/* random bytes are drawn for many ids at once */
#define NGX_HTTP_GATEWAY_CORRELATION_RANDOM  4096


typedef enum {
    NGX_HTTP_GATEWAY_CORRELATION_ID_UUID = 0,
    NGX_HTTP_GATEWAY_CORRELATION_ID_COUNTER,
    NGX_HTTP_GATEWAY_CORRELATION_ID_TRACKER
} ngx_http_gateway_correlation_id_generator_e;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_str_t                     header_name;
    ngx_uint_t                    generator;
    ngx_flag_t                    echo_downstream;

    ngx_str_t                     lowcase;   /* of header_name */
} ngx_http_gateway_correlation_id_conf_t;


/* what a worker hands out ids from; made anew in each */
typedef struct {
    ngx_pid_t                     pid;       /* whose it is */
    size_t                        used;      /* of random[] */
    uint64_t                      counter;
    char                          uuid[GATEWAY_UUID_LEN];
    u_char                        random[NGX_HTTP_GATEWAY_CORRELATION_RANDOM];
} ngx_http_gateway_correlation_id_main_conf_t;


typedef struct {
    ngx_http_gateway_data_t       head;      /* must be the first */
    ngx_str_t                     id;
} ngx_http_gateway_correlation_id_data_t;


static ngx_int_t ngx_http_gateway_correlation_id_handler(
    ngx_http_request_t *r, void *arg);
static ngx_http_gateway_correlation_id_data_t *
    ngx_http_gateway_correlation_id_get(ngx_http_request_t *r,
    ngx_http_gateway_correlation_id_conf_t *conf, ngx_uint_t *made);
static ngx_int_t ngx_http_gateway_correlation_id_make(ngx_http_request_t *r,
    ngx_uint_t generator, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_correlation_id_tracker(
    ngx_http_request_t *r, ngx_str_t *id);
static void ngx_http_gateway_correlation_id_uuid(
    ngx_http_gateway_correlation_id_main_conf_t *mcf, char *text);
static ngx_int_t ngx_http_gateway_correlation_id_header(
    ngx_http_request_t *r, void *arg);
static ngx_int_t ngx_http_gateway_correlation_id_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t arg);

static void ngx_http_gateway_correlation_id_defaults(void *data);
static char *ngx_http_gateway_correlation_id_check(ngx_conf_t *cf,
    void *data);
static ngx_int_t ngx_http_gateway_correlation_id_preconfiguration(
    ngx_conf_t *cf);
static void *ngx_http_gateway_correlation_id_create_main_conf(
    ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_correlation_id_generators[] = {
    { ngx_string("uuid"), NGX_HTTP_GATEWAY_CORRELATION_ID_UUID },
    { ngx_string("uuid#counter"), NGX_HTTP_GATEWAY_CORRELATION_ID_COUNTER },
    { ngx_string("tracker"), NGX_HTTP_GATEWAY_CORRELATION_ID_TRACKER },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_correlation_id_params[] = {

    { ngx_string("header_name"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_correlation_id_conf_t, header_name), 0, 0,
      NULL },

    { ngx_string("generator"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_correlation_id_conf_t, generator), 0, 0,
      ngx_http_gateway_correlation_id_generators },

    { ngx_string("echo_downstream"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_correlation_id_conf_t, echo_downstream),
      0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_correlation_id = {
    ngx_string("correlation_id"),
    100001,
    0,

    sizeof(ngx_http_gateway_correlation_id_conf_t),
    ngx_http_gateway_correlation_id_params,
    ngx_http_gateway_correlation_id_defaults,
    ngx_http_gateway_correlation_id_check,

    ngx_http_gateway_correlation_id_handler,
    ngx_http_gateway_correlation_id_header,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_correlation_id_commands[] = {

    { ngx_string("gateway_correlation_id"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_correlation_id },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_correlation_id_module_ctx = {
    ngx_http_gateway_correlation_id_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_correlation_id_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_correlation_id_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_correlation_id_module_ctx, /* module context */
    ngx_http_gateway_correlation_id_commands,    /* module directives */
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


static ngx_http_variable_t  ngx_http_gateway_correlation_id_vars[] = {

    { ngx_string("gateway_correlation_id"), NULL,
      ngx_http_gateway_correlation_id_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_gateway_correlation_id_handler(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_correlation_id_conf_t  *conf = arg;

    ngx_uint_t                               made;
    ngx_http_gateway_correlation_id_data_t  *data;

    data = ngx_http_gateway_correlation_id_get(r, conf, &made);

    if (data == NULL) {
        return NGX_ERROR;
    }

    if (!made) {
        return NGX_OK;
    }

    return ngx_http_gateway_header_in_set(r, &conf->header_name,
                                          &conf->lowcase, &data->id);
}


/* the client's id, or a new one: then *made is 1 */

static ngx_http_gateway_correlation_id_data_t *
ngx_http_gateway_correlation_id_get(ngx_http_request_t *r,
    ngx_http_gateway_correlation_id_conf_t *conf, ngx_uint_t *made)
{
    ngx_table_elt_t                         *h;
    ngx_http_gateway_correlation_id_data_t  *data;

    *made = 0;

    data = ngx_http_gateway_add_data(r, &ngx_http_gateway_correlation_id,
                              sizeof(ngx_http_gateway_correlation_id_data_t));
    if (data == NULL) {
        return NULL;
    }

    h = ngx_http_gateway_header_in(r, &conf->lowcase, 0);

    if (h && h->value.len) {
        data->id = h->value;
        return data;
    }

    *made = 1;

    if (ngx_http_gateway_correlation_id_make(r, conf->generator, &data->id)
        != NGX_OK)
    {
        return NULL;
    }

    return data;
}


static ngx_int_t
ngx_http_gateway_correlation_id_make(ngx_http_request_t *r,
    ngx_uint_t generator, ngx_str_t *id)
{
    u_char                                       *p;
    ngx_http_gateway_correlation_id_main_conf_t  *mcf;

    if (generator == NGX_HTTP_GATEWAY_CORRELATION_ID_TRACKER) {
        return ngx_http_gateway_correlation_id_tracker(r, id);
    }

    p = ngx_pnalloc(r->pool, GATEWAY_UUID_LEN + 1 + NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    id->data = p;

    mcf = ngx_http_get_module_main_conf(r,
                                       ngx_http_gateway_correlation_id_module);

    if (mcf->pid != ngx_pid) {

        /* another process: nothing of its parent's may be used again */

        mcf->pid = ngx_pid;
        mcf->used = NGX_HTTP_GATEWAY_CORRELATION_RANDOM;
        mcf->counter = 0;

        ngx_http_gateway_correlation_id_uuid(mcf, mcf->uuid);
    }

    if (generator == NGX_HTTP_GATEWAY_CORRELATION_ID_UUID) {
        ngx_http_gateway_correlation_id_uuid(mcf, (char *) p);
        id->len = GATEWAY_UUID_LEN;

        return NGX_OK;
    }

    p = ngx_cpymem(p, mcf->uuid, GATEWAY_UUID_LEN);
    p = ngx_sprintf(p, "#%uL", ++mcf->counter);
    id->len = p - id->data;

    return NGX_OK;
}


/* server address, port, pid, connection, request on it, time */

static ngx_int_t
ngx_http_gateway_correlation_id_tracker(ngx_http_request_t *r, ngx_str_t *id)
{
    u_char            *p;
    ngx_str_t          addr;
    ngx_time_t        *tp;
    ngx_connection_t  *c;
    u_char             text[NGX_SOCKADDR_STRLEN];

    c = r->connection;

    addr.len = NGX_SOCKADDR_STRLEN;
    addr.data = text;

    if (ngx_connection_local_sockaddr(c, &addr, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, addr.len + 5 * NGX_INT64_LEN
                             + sizeof("------.000"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    id->data = p;
    p = ngx_sprintf(p, "%V-%ui-%P-%uA-%ui-%T.%03M", &addr,
                    (ngx_uint_t) ngx_inet_get_port(c->local_sockaddr),
                    ngx_pid, c->number, c->requests, tp->sec, tp->msec);
    id->len = p - id->data;

    return NGX_OK;
}


/* version 4 */

static void
ngx_http_gateway_correlation_id_uuid(
    ngx_http_gateway_correlation_id_main_conf_t *mcf, char *text)
{
    size_t    i;
    uint8_t  *uuid;

    if (mcf->used + 16 > NGX_HTTP_GATEWAY_CORRELATION_RANDOM) {

        if (RAND_bytes(mcf->random, sizeof(mcf->random)) != 1) {
            for (i = 0; i < sizeof(mcf->random); i++) {
                mcf->random[i] = (u_char) ngx_random();
            }
        }

        mcf->used = 0;
    }

    uuid = &mcf->random[mcf->used];
    mcf->used += 16;

    uuid[6] = (uint8_t) ((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t) ((uuid[8] & 0x3f) | 0x80);

    gateway_uuid_format(text, uuid);
}


static ngx_int_t
ngx_http_gateway_correlation_id_header(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_correlation_id_conf_t  *conf = arg;

    ngx_uint_t                               made;
    ngx_http_gateway_correlation_id_data_t  *data;

    if (!conf->echo_downstream) {
        return NGX_OK;
    }

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_correlation_id);

    if (data == NULL) {

        /* the request ended before its access step */

        data = ngx_http_gateway_correlation_id_get(r, conf, &made);
        if (data == NULL) {
            return NGX_ERROR;
        }
    }

    if (r->upstream || ngx_http_gateway_get_ctx(r)->cached) {
        ngx_http_gateway_header_out_remove(r, &conf->header_name);
    }

    return ngx_http_gateway_header_out_add(r, &conf->header_name, &data->id)
           ? NGX_OK : NGX_ERROR;
}


/* $gateway_correlation_id, for logs */

static ngx_int_t
ngx_http_gateway_correlation_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t arg)
{
    ngx_http_gateway_correlation_id_data_t  *data;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_correlation_id);

    if (data == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = data->id.len;
    v->data = data->id.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static void
ngx_http_gateway_correlation_id_defaults(void *data)
{
    ngx_http_gateway_correlation_id_conf_t  *conf = data;

    ngx_str_set(&conf->header_name, "Kong-Request-ID");
    conf->generator = NGX_HTTP_GATEWAY_CORRELATION_ID_COUNTER;
}


static char *
ngx_http_gateway_correlation_id_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_correlation_id_conf_t  *conf = data;

    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < conf->header_name.len; i++) {
        c = conf->header_name.data[i];

        if (c <= ' ' || c >= 0x7f || c == ':') {
            break;
        }
    }

    if (i == 0 || i != conf->header_name.len) {
        return "needs a header's name in \"header_name\"";
    }

    conf->lowcase.len = conf->header_name.len;
    conf->lowcase.data = ngx_pnalloc(cf->pool, conf->header_name.len);
    if (conf->lowcase.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(conf->lowcase.data, conf->header_name.data,
               conf->header_name.len);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_correlation_id_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_gateway_correlation_id_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_correlation_id);
}


static void *
ngx_http_gateway_correlation_id_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     mcf->pid = 0;
     */

    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_correlation_id_main_conf_t));
}
