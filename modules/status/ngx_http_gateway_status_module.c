
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The status listener: "gateway_status" tells about memory, connections and
 * the configuration, "gateway_status_ready" whether a load balancer should
 * send requests here.  Draining is kept in shared memory: it survives reload
 * and ends with a restart.  Costs nothing to other requests.
 */


#include "ngx_http_gateway_status.h"


#define NGX_HTTP_GATEWAY_STATUS_HASH_LEN   32
#define NGX_HTTP_GATEWAY_STATUS_SCALE      2       /* digits after the point */
#define NGX_HTTP_GATEWAY_STATUS_MAX_SCALE  9
#define NGX_HTTP_GATEWAY_STATUS_MAX_BODY   4096


typedef struct {
    ngx_atomic_t          draining;
} ngx_http_gateway_status_sh_t;


typedef struct {
    ngx_str_t             hash;     /* of the configuration; "": by hand */
    ngx_shm_zone_t       *zone;     /* NULL: nobody asks */
} ngx_http_gateway_status_main_conf_t;


typedef struct {
    ngx_int_t             status;   /* of gateway_status_message */
    ngx_str_t             message;
} ngx_http_gateway_status_loc_conf_t;


/* how /status writes sizes; shift 0: bytes, as numbers */
typedef struct {
    ngx_uint_t            shift;
    ngx_uint_t            scale;
    u_char                unit;
} ngx_http_gateway_status_unit_t;


static ngx_int_t ngx_http_gateway_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_status_args(ngx_http_request_t *r,
    ngx_http_gateway_status_unit_t *unit, ngx_str_t *message);
static u_char *ngx_http_gateway_status_size(u_char *p, size_t size,
    ngx_http_gateway_status_unit_t *unit);

static ngx_int_t ngx_http_gateway_status_ready_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_status_ready_reply(ngx_http_request_t *r);
static void ngx_http_gateway_status_ready_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_status_ready_post(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_status_is_draining(ngx_str_t *body);
static ngx_uint_t ngx_http_gateway_status_is_empty(ngx_str_t *hash);

static ngx_int_t ngx_http_gateway_status_message_handler(
    ngx_http_request_t *r);

static char *ngx_http_gateway_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_status_ready(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_status_message_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_configuration_hash(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_gateway_status_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_status_create_loc_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_status_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);


static ngx_command_t  ngx_http_gateway_status_commands[] = {

    { ngx_string("gateway_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_status_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_status_ready,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_status_message"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_gateway_status_message_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_configuration_hash"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_configuration_hash,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_status_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_status_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_status_create_loc_conf,  /* create location conf. */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_status_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_status_module_ctx,   /* module context */
    ngx_http_gateway_status_commands,      /* module directives */
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


static ngx_str_t  ngx_http_gateway_status_json =
    ngx_string("application/json; charset=utf-8");

static ngx_str_t  ngx_http_gateway_status_no_hash =
    ngx_string("00000000000000000000000000000000");


static ngx_int_t
ngx_http_gateway_status_handler(ngx_http_request_t *r)
{
    u_char                               *p;
    size_t                                len;
    ngx_int_t                             rc;
    ngx_buf_t                            *b;
    ngx_str_t                             message;
    ngx_uint_t                            i;
    ngx_array_t                          *workers, *zones;
    ngx_chain_t                           out;
    ngx_http_gateway_stat_t              *stat;
    ngx_http_gateway_zone_t              *zone;
    ngx_http_gateway_worker_t            *worker;
    ngx_http_gateway_status_unit_t        unit;
    ngx_http_gateway_status_main_conf_t  *smcf;

    if (ngx_http_gateway_status_get(r, &rc) != NGX_OK) {
        return rc;
    }

    if (ngx_http_gateway_status_args(r, &unit, &message) != NGX_OK) {
        return ngx_http_gateway_status_message(r, NGX_HTTP_BAD_REQUEST,
                                               &message);
    }

    workers = ngx_http_gateway_status_workers(r->pool);
    zones = ngx_http_gateway_status_zones(r->pool);

    if (workers == NULL || zones == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_status_module);

    worker = workers->elts;
    zone = zones->elts;
    stat = ngx_http_gateway_stats;

    /* a size takes a number and " MiB" in quotes */

    len = 256 + workers->nelts * 128;

    for (i = 0; i < zones->nelts; i++) {
        len += 192 + zone[i].name.len
               + ngx_escape_json(NULL, zone[i].name.data, zone[i].name.len);
    }

    for (i = 0; stat[i].key.len; i++) {
        len += stat[i].key.len + NGX_ATOMIC_T_LEN + 4;
    }

    b = ngx_create_temp_buf(r->pool, len);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(b->pos, "{\"memory\":{\"workers_lua_vms\":[",
                   sizeof("{\"memory\":{\"workers_lua_vms\":[") - 1);

    for (i = 0; i < workers->nelts; i++) {
        p = ngx_sprintf(p, "%s{\"pid\":%P,\"http_allocated_gc\":",
                        i ? "," : "", worker[i].pid);
        p = ngx_http_gateway_status_size(p, worker[i].memory, &unit);
        *p++ = '}';
    }

    p = ngx_cpymem(p, "],\"lua_shared_dicts\":{",
                   sizeof("],\"lua_shared_dicts\":{") - 1);

    for (i = 0; i < zones->nelts; i++) {
        p = ngx_cpymem(p, i ? ",\"" : "\"", i ? 2 : 1);
        p = (u_char *) ngx_escape_json(p, zone[i].name.data,
                                       zone[i].name.len);
        p = ngx_cpymem(p, "\":{\"allocated_slabs\":",
                       sizeof("\":{\"allocated_slabs\":") - 1);
        p = ngx_http_gateway_status_size(p, zone[i].used, &unit);
        p = ngx_cpymem(p, ",\"capacity\":", sizeof(",\"capacity\":") - 1);
        p = ngx_http_gateway_status_size(p, zone[i].size, &unit);
        *p++ = '}';
    }

    p = ngx_cpymem(p, "}},\"server\":{", sizeof("}},\"server\":{") - 1);

    for (i = 0; stat[i].key.len; i++) {
        p = ngx_sprintf(p, "%s\"%V\":%uA", i ? "," : "", &stat[i].key,
                        **stat[i].value);
    }

    p = ngx_sprintf(p, "},\"configuration_hash\":\"%V\"}",
                    smcf->hash.len ? &smcf->hash
                                   : &ngx_http_gateway_status_no_hash);
    b->last = p;

    out.buf = b;
    out.next = NULL;

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK,
                                        &ngx_http_gateway_status_json, &out,
                                        b->last - b->pos);
}


/* ?unit=b|k|m|g&scale=N; NGX_DECLINED with a message for anything else */
static ngx_int_t
ngx_http_gateway_status_args(ngx_http_request_t *r,
    ngx_http_gateway_status_unit_t *unit, ngx_str_t *message)
{
    u_char     *p;
    ngx_int_t   scale;
    ngx_str_t   value;

    unit->shift = 20;
    unit->unit = 'M';
    unit->scale = NGX_HTTP_GATEWAY_STATUS_SCALE;

    if (ngx_http_arg(r, (u_char *) "unit", 4, &value) == NGX_OK
        && value.len)
    {
        switch (value.len == 1 ? ngx_toupper(value.data[0]) : 0) {

        case 'B':
            unit->shift = 0;
            break;

        case 'K':
            unit->shift = 10;
            break;

        case 'M':
            break;

        case 'G':
            unit->shift = 30;
            break;

        default:
            /* Kong repeats the unit; client bytes stay out of ours */
            ngx_str_set(message, "invalid unit (expected 'b/B', 'k/K', "
                                 "'m/M', or 'g/G')");
            return NGX_DECLINED;
        }

        unit->unit = ngx_toupper(value.data[0]);
    }

    if (ngx_http_arg(r, (u_char *) "scale", 5, &value) == NGX_OK
        && value.len)
    {
        p = value.data;
        scale = ngx_atoi(p, value.len);

        if (scale == NGX_ERROR || scale > NGX_HTTP_GATEWAY_STATUS_MAX_SCALE) {
            ngx_str_set(message, "scale must be a number from 0 to 9");
            return NGX_DECLINED;
        }

        unit->scale = scale;
    }

    return NGX_OK;
}


static u_char *
ngx_http_gateway_status_size(u_char *p, size_t size,
    ngx_http_gateway_status_unit_t *unit)
{
    uint64_t    fraction, power, whole;
    ngx_uint_t  i;

    if (unit->shift == 0) {
        return ngx_sprintf(p, "%uz", size);
    }

    /* whole and fraction apart: exact, and rounded as printf does */

    power = 1;

    for (i = 0; i < unit->scale; i++) {
        power *= 10;
    }

    whole = (uint64_t) size >> unit->shift;
    fraction = (uint64_t) size & (((uint64_t) 1 << unit->shift) - 1);
    fraction = (fraction * power + ((uint64_t) 1 << (unit->shift - 1)))
               >> unit->shift;

    if (fraction >= power) {
        whole++;
        fraction -= power;
    }

    p = ngx_sprintf(p, "\"%uL", whole);

    if (unit->scale) {
        *p++ = '.';

        for (i = 0; i < unit->scale; i++) {
            power /= 10;
            *p++ = (u_char) ('0' + fraction / power % 10);
        }
    }

    return ngx_sprintf(p, " %ciB\"", unit->unit);
}


static ngx_int_t
ngx_http_gateway_status_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->method == NGX_HTTP_POST) {
        r->request_body_in_single_buf = 1;

        rc = ngx_http_read_client_request_body(r,
                                         ngx_http_gateway_status_ready_body);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    if (ngx_http_gateway_status_get(r, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_http_gateway_status_ready_reply(r);
}


static ngx_int_t
ngx_http_gateway_status_ready_reply(ngx_http_request_t *r)
{
    ngx_http_gateway_status_sh_t         *sh;
    ngx_http_gateway_status_main_conf_t  *smcf;

    static ngx_str_t  ready = ngx_string("ready");
    static ngx_str_t  draining = ngx_string("draining");
    static ngx_str_t  empty = ngx_string("no configuration available (empty "
                                         "configuration present)");

    smcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_status_module);
    sh = smcf->zone->data;

    if (sh->draining) {
        return ngx_http_gateway_status_message(r,
                                               NGX_HTTP_SERVICE_UNAVAILABLE,
                                               &draining);
    }

    /* without a hash somebody wrote the configuration by hand */

    if (smcf->hash.len && ngx_http_gateway_status_is_empty(&smcf->hash)) {
        return ngx_http_gateway_status_message(r,
                                               NGX_HTTP_SERVICE_UNAVAILABLE,
                                               &empty);
    }

    return ngx_http_gateway_status_message(r, NGX_HTTP_OK, &ready);
}


static void
ngx_http_gateway_status_ready_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_gateway_status_ready_post(r));
}


static ngx_int_t
ngx_http_gateway_status_ready_post(ngx_http_request_t *r)
{
    size_t                                len;
    ngx_str_t                             body;
    ngx_chain_t                          *cl;
    ngx_http_gateway_status_sh_t         *sh;
    ngx_http_gateway_status_main_conf_t  *smcf;

    static ngx_str_t  bad = ngx_string("expected status=draining");

    ngx_str_null(&body);

    /* a body that went to a file is none of ours */

    if (r->request_body && r->request_body->temp_file == NULL) {
        len = 0;

        for (cl = r->request_body->bufs; cl; cl = cl->next) {
            len += cl->buf->last - cl->buf->pos;
        }

        if (len && len <= NGX_HTTP_GATEWAY_STATUS_MAX_BODY) {
            body.data = ngx_pnalloc(r->pool, len);
            if (body.data == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            for (cl = r->request_body->bufs; cl; cl = cl->next) {
                ngx_memcpy(body.data + body.len, cl->buf->pos,
                           cl->buf->last - cl->buf->pos);
                body.len += cl->buf->last - cl->buf->pos;
            }
        }
    }

    if (!ngx_http_gateway_status_is_draining(&body)
        && !ngx_http_gateway_status_is_draining(&r->args))
    {
        return ngx_http_gateway_status_message(r, NGX_HTTP_BAD_REQUEST, &bad);
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_status_module);
    sh = smcf->zone->data;

    if (!sh->draining) {
        sh->draining = 1;

        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "status: draining, not ready until a restart");
    }

    return ngx_http_gateway_status_send(r, NGX_HTTP_NO_CONTENT, NULL, NULL, 0);
}


/* a form with this field, or JSON as {"status":"draining"} */
static ngx_uint_t
ngx_http_gateway_status_is_draining(ngx_str_t *body)
{
    u_char     *p, *last;
    size_t      n;
    ngx_uint_t  i;

    static ngx_str_t  field = ngx_string("status=draining");
    static ngx_str_t  json[] = {
        ngx_string("{"), ngx_string("\"status\""), ngx_string(":"),
        ngx_string("\"draining\""), ngx_string("}"), ngx_null_string
    };

    last = body->data + body->len;

    for (p = body->data; p < last; p += n + 1) {
        n = (size_t) (last - p);

        for (i = 0; i < n; i++) {
            if (p[i] == '&') {
                n = i;
                break;
            }
        }

        if (n == field.len && ngx_strncmp(p, field.data, n) == 0) {
            return 1;
        }
    }

    p = body->data;

    for (i = 0; json[i].len; i++) {

        while (p < last
               && (*p == ' ' || *p == '\t' || *p == CR || *p == LF))
        {
            p++;
        }

        if ((size_t) (last - p) < json[i].len
            || ngx_strncmp(p, json[i].data, json[i].len) != 0)
        {
            return 0;
        }

        p += json[i].len;
    }

    return 1;
}


static ngx_uint_t
ngx_http_gateway_status_is_empty(ngx_str_t *hash)
{
    return ngx_strncmp(hash->data, ngx_http_gateway_status_no_hash.data,
                       NGX_HTTP_GATEWAY_STATUS_HASH_LEN)
           == 0;
}


/*
 * What is not there is not there with any method.  As in Kong, it may be
 * there without the slash at its end.
 */

static ngx_int_t
ngx_http_gateway_status_message_handler(ngx_http_request_t *r)
{
    ngx_int_t                            rc;
    ngx_str_t                            uri;
    ngx_http_gateway_status_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_status_module);

    if (slcf->status == NGX_HTTP_NOT_FOUND) {

        uri = r->uri;

        if (uri.len > 1 && uri.data[uri.len - 1] == '/') {
            uri.len--;
            return ngx_http_internal_redirect(r, &uri, &r->args);
        }

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

    } else if (ngx_http_gateway_status_get(r, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_http_gateway_status_message(r, slcf->status, &slcf->message);
}


static char *
ngx_http_gateway_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_status_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_status_ready(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_gateway_status_main_conf_t  *smcf;

    static ngx_str_t  name = ngx_string("gateway_status");

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_status_ready_handler;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_status_module);

    if (smcf->zone) {
        return NGX_CONF_OK;
    }

    smcf->zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize,
                                       &ngx_http_gateway_status_module);
    if (smcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    smcf->zone->init = ngx_http_gateway_status_init_zone;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_status_message_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_status_loc_conf_t *slcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (slcf->status) {
        return "is duplicate";
    }

    value = cf->args->elts;

    slcf->status = ngx_atoi(value[1].data, value[1].len);

    if (slcf->status < 400 || slcf->status > 599) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid status \"%V\" in \"%V\": it must be from "
                           "400 to 599", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_escape_json(NULL, value[2].data, value[2].len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" does not take quotes, backslashes and "
                           "control characters", &cmd->name);
        return NGX_CONF_ERROR;
    }

    slcf->message = value[2];

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_status_message_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_configuration_hash(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_status_main_conf_t *smcf = conf;

    ngx_str_t  *value;

    if (smcf->hash.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len != NGX_HTTP_GATEWAY_STATUS_HASH_LEN
        || strspn((char *) value[1].data, "0123456789abcdef")
           != NGX_HTTP_GATEWAY_STATUS_HASH_LEN)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid hash \"%V\" in \"%V\": it must be 32 "
                           "lower-case hex digits", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    smcf->hash = value[1];

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_status_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_status_loc_conf_t));
}


static void *
ngx_http_gateway_status_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     smcf->hash = { 0, NULL };
     *     smcf->zone = NULL;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_status_main_conf_t));
}


static ngx_int_t
ngx_http_gateway_status_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t               *shpool;
    ngx_http_gateway_status_sh_t  *sh;

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        shm_zone->data = shpool->data;
        return NGX_OK;
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_gateway_status_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = sh;
    shm_zone->data = sh;

    return NGX_OK;
}
