
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Answers requests instead of passing them on, as the last policy of the
 * access step.  Without a trigger it costs the answer; with one, a search of
 * the request's headers and arguments.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"
#include "gateway_router.h"
#include "gateway_uuid.h"

#include <jansson.h>


/* larger bodies are not echoed */
#define NGX_HTTP_GATEWAY_ECHO_MAX  (1024 * 1024)


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_int_t                     status_code;
    ngx_str_t                     message;
    ngx_str_t                     body;
    ngx_str_t                     content_type;
    ngx_flag_t                    echo;
    ngx_str_t                     trigger;

    ngx_str_t                     lowcase;   /* of the trigger */
} ngx_http_gateway_request_termination_conf_t;


typedef struct {
    ngx_uint_t                    status;
    ngx_str_t                     text;
} ngx_http_gateway_request_termination_default_t;


static ngx_int_t ngx_http_gateway_request_termination_handler(
    ngx_http_request_t *r, void *data);
static ngx_str_t *ngx_http_gateway_request_termination_message(
    ngx_http_gateway_request_termination_conf_t *conf);
static ngx_int_t ngx_http_gateway_request_termination_echo(
    ngx_http_request_t *r, ngx_http_gateway_request_termination_conf_t *conf);
static json_t *ngx_http_gateway_request_termination_captures(
    ngx_http_request_t *r);
static json_t *ngx_http_gateway_request_termination_request(
    ngx_http_request_t *r, ngx_http_gateway_ctx_t *ctx, ngx_str_t *body,
    ngx_uint_t too_large);
static json_t *ngx_http_gateway_request_termination_headers(
    ngx_http_request_t *r);
static json_t *ngx_http_gateway_request_termination_args(
    ngx_http_request_t *r, ngx_str_t *args);
static json_t *ngx_http_gateway_request_termination_body(
    ngx_http_request_t *r, ngx_str_t *body);
static json_t *ngx_http_gateway_request_termination_node(
    ngx_http_request_t *r);
static json_t *ngx_http_gateway_request_termination_route(
    ngx_http_gateway_ctx_t *ctx);
static json_t *ngx_http_gateway_request_termination_service(
    ngx_http_gateway_ctx_t *ctx);
static void ngx_http_gateway_request_termination_add(ngx_http_request_t *r,
    json_t *object, ngx_str_t *name, json_t *value);
static json_t *ngx_http_gateway_request_termination_string(
    ngx_http_request_t *r, ngx_str_t *s);

static void ngx_http_gateway_request_termination_defaults(void *data);
static char *ngx_http_gateway_request_termination_check(ngx_conf_t *cf,
    void *data);
static ngx_int_t ngx_http_gateway_request_termination_preconfiguration(
    ngx_conf_t *cf);


static ngx_http_gateway_request_termination_default_t
    ngx_http_gateway_request_termination_messages[] =
{
    { 401, ngx_string("Unauthorized") },
    { 404, ngx_string("Not found") },
    { 405, ngx_string("Method not allowed") },
    { 500, ngx_string("An unexpected error occurred") },
    { 502, ngx_string("Bad Gateway") },
    { 503, ngx_string("Service unavailable") },
    { 0, ngx_null_string }
};


#define ngx_http_gateway_request_termination_field(field)                     \
    offsetof(ngx_http_gateway_request_termination_conf_t, field)


static ngx_http_gateway_param_t
    ngx_http_gateway_request_termination_params[] =
{
    { ngx_string("status_code"), NGX_HTTP_GATEWAY_PARAM_INT,
      ngx_http_gateway_request_termination_field(status_code), 100, 599,
      NULL },

    { ngx_string("message"), NGX_HTTP_GATEWAY_PARAM_STRING,
      ngx_http_gateway_request_termination_field(message), 0, 0, NULL },

    { ngx_string("body"), NGX_HTTP_GATEWAY_PARAM_STRING,
      ngx_http_gateway_request_termination_field(body), 0, 0, NULL },

    { ngx_string("content_type"), NGX_HTTP_GATEWAY_PARAM_STRING,
      ngx_http_gateway_request_termination_field(content_type), 0, 0, NULL },

    { ngx_string("echo"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      ngx_http_gateway_request_termination_field(echo), 0, 0, NULL },

    { ngx_string("trigger"), NGX_HTTP_GATEWAY_PARAM_STRING,
      ngx_http_gateway_request_termination_field(trigger), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_request_termination = {
    ngx_string("request_termination"),
    2,
    0,

    sizeof(ngx_http_gateway_request_termination_conf_t),
    ngx_http_gateway_request_termination_params,
    ngx_http_gateway_request_termination_defaults,
    ngx_http_gateway_request_termination_check,

    ngx_http_gateway_request_termination_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_request_termination_commands[] = {

    { ngx_string("gateway_request_termination"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_request_termination },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_request_termination_module_ctx = {
    ngx_http_gateway_request_termination_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_request_termination_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_request_termination_module_ctx, /* module context */
    ngx_http_gateway_request_termination_commands,    /* module directives */
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
ngx_http_gateway_request_termination_handler(ngx_http_request_t *r,
    void *data)
{
    ngx_http_gateway_request_termination_conf_t  *conf = data;

    ngx_str_t               *message;
    ngx_http_gateway_ctx_t  *ctx;
    ngx_http_gateway_arg_t   arg;

    ctx = ngx_http_gateway_get_ctx(r);

    if (conf->trigger.len
        && ngx_http_gateway_header_in(r, &conf->lowcase, 0) == NULL
        && ngx_http_gateway_args_find(&ctx->args, &conf->trigger, &arg) == 0)
    {
        return NGX_DECLINED;
    }

    if (conf->echo) {
        return ngx_http_gateway_request_termination_echo(r, conf);
    }

    if (conf->body.data) {
        return ngx_http_gateway_exit(r, conf->status_code,
                                     &conf->content_type, &conf->body);
    }

    message = ngx_http_gateway_request_termination_message(conf);

    if (message == NULL) {
        return ngx_http_gateway_exit(r, conf->status_code, NULL, NULL);
    }

    return ngx_http_gateway_exit_message(r, conf->status_code, message);
}


/* NULL: none, the answer has no body */

static ngx_str_t *
ngx_http_gateway_request_termination_message(
    ngx_http_gateway_request_termination_conf_t *conf)
{
    ngx_http_gateway_request_termination_default_t  *m;

    if (conf->message.data) {
        return &conf->message;
    }

    m = ngx_http_gateway_request_termination_messages;

    for ( /* void */ ; m->status; m++) {
        if (m->status == (ngx_uint_t) conf->status_code) {
            return &m->text;
        }
    }

    return NULL;
}


/*
 * Answers with what the gateway has seen of the request.  jansson's functions
 * take NULL for a failed value and then fail themselves, so one test at the
 * end does for all.
 */

static ngx_int_t
ngx_http_gateway_request_termination_echo(ngx_http_request_t *r,
    ngx_http_gateway_request_termination_conf_t *conf)
{
    size_t                   len;
    json_t                  *json, *node;
    ngx_int_t                rc;
    ngx_str_t                body, text, *message;
    ngx_http_gateway_ctx_t  *ctx;

    static ngx_str_t  type = ngx_string("application/json; charset=utf-8");

    ngx_str_null(&body);

    rc = ngx_http_gateway_body_read(r, NGX_HTTP_GATEWAY_ECHO_MAX, &body);

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        return rc;
    }

    ctx = ngx_http_gateway_get_ctx(r);

    json = json_object();
    node = json_object();

    message = ngx_http_gateway_request_termination_message(conf);

    if (message) {
        json_object_set_new(json, "message",
               ngx_http_gateway_request_termination_string(r, message));
    }

    json_object_set_new(node, "node_id",
                        ngx_http_gateway_request_termination_node(r));
    json_object_set_new(node, "worker_pid", json_integer(ngx_pid));
    json_object_set_new(node, "hostname",
               ngx_http_gateway_request_termination_string(r,
                                          (ngx_str_t *) &ngx_cycle->hostname));

    json_object_set_new(json, "kong", node);
    json_object_set_new(json, "request",
               ngx_http_gateway_request_termination_request(r, ctx, &body,
                                                       rc == NGX_DECLINED));

    if (ctx->route) {
        json_object_set_new(json, "matched_route",
                            ngx_http_gateway_request_termination_route(ctx));
    }

    if (ctx->service) {
        json_object_set_new(json, "matched_service",
                          ngx_http_gateway_request_termination_service(ctx));
    }

    len = json_dumpb(json, NULL, 0, JSON_COMPACT);

    text.len = len;
    text.data = len ? ngx_pnalloc(r->pool, len) : NULL;

    if (text.data) {
        (void) json_dumpb(json, (char *) text.data, len, JSON_COMPACT);
    }

    json_decref(json);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_exit(r, conf->status_code, &type, &text);
}


static json_t *
ngx_http_gateway_request_termination_request(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_str_t *body, ngx_uint_t too_large)
{
    json_t      *json;
    ngx_str_t    path;
    ngx_uint_t   port;

    json = json_object();

    json_object_set_new(json, "scheme",
                        json_string(ngx_http_gateway_is_https(r) ? "https"
                                                                 : "http"));
    json_object_set_new(json, "host",
               ngx_http_gateway_request_termination_string(r,
                                                     &r->headers_in.server));

    port = ngx_connection_local_sockaddr(r->connection, NULL, 0) == NGX_OK
           ? ngx_inet_get_port(r->connection->local_sockaddr) : 0;

    json_object_set_new(json, "port", json_integer(port));
    json_object_set_new(json, "method",
               ngx_http_gateway_request_termination_string(r,
                                                        &ctx->method_name));

    path = ctx->path.len ? ctx->path : r->uri;

    json_object_set_new(json, "path",
               ngx_http_gateway_request_termination_string(r, &path));
    json_object_set_new(json, "headers",
               ngx_http_gateway_request_termination_headers(r));
    json_object_set_new(json, "query",
               ngx_http_gateway_request_termination_args(r, &ctx->args));

    if (!too_large) {
        json_object_set_new(json, "raw_body",
               ngx_http_gateway_request_termination_string(r, body));
        json_object_set_new(json, "body",
               ngx_http_gateway_request_termination_body(r, body));
    }

    json_object_set_new(json, "uri_captures",
               ngx_http_gateway_request_termination_captures(r));

    return json;
}


/* groups of the regex path; a group that took no part is null */

static json_t *
ngx_http_gateway_request_termination_captures(ngx_http_request_t *r)
{
    u_char      text[NGX_INT_T_LEN];
    json_t     *json, *named, *unnamed;
    ngx_str_t   name, value;
    ngx_uint_t  n;

    json = json_object();
    named = json_object();
    unnamed = json_array();

    for (n = 0;
         ngx_http_gateway_route_capture_name(r, n, &name) == NGX_OK;
         n++)
    {
        if (ngx_http_gateway_route_capture(r, &name, &value) == NGX_OK) {
            (void) json_object_set_new(named, (char *) name.data,
                   ngx_http_gateway_request_termination_string(r, &value));
        }
    }

    for (n = 1; n < GATEWAY_ROUTER_MAX_CAPTURES; n++) {

        name.data = text;
        name.len = ngx_sprintf(text, "%ui", n) - text;

        if (ngx_http_gateway_route_capture(r, &name, &value) != NGX_OK) {
            continue;
        }

        while (json_array_size(unnamed) + 1 < n
               && json_array_append_new(unnamed, json_null()) == 0)
        {
            /* void */
        }

        (void) json_array_append_new(unnamed,
                   ngx_http_gateway_request_termination_string(r, &value));
    }

    json_object_set_new(json, "named", named);
    json_object_set_new(json, "unnamed", unnamed);

    return json;
}


static json_t *
ngx_http_gateway_request_termination_headers(ngx_http_request_t *r)
{
    json_t           *json;
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    json = json_object();

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            name.len = h[i].key.len;
            name.data = ngx_pnalloc(r->pool, name.len + 1);
            if (name.data == NULL) {
                continue;
            }

            ngx_strlow(name.data, h[i].key.data, name.len);

            ngx_http_gateway_request_termination_add(r, json, &name,
                  ngx_http_gateway_request_termination_string(r,
                                                              &h[i].value));
        }
    }

    return json;
}


/* an argument without a value is true, as in Kong */

static json_t *
ngx_http_gateway_request_termination_args(ngx_http_request_t *r,
    ngx_str_t *args)
{
    json_t                  *json;
    ngx_str_t                rest, name, value;
    ngx_http_gateway_arg_t   arg;

    json = json_object();
    rest = *args;

    while (ngx_http_gateway_arg_next(&rest, &arg)) {

        if (arg.name.len == 0) {
            continue;
        }

        if (ngx_http_gateway_unescape(r->pool, &arg.name, &name) != NGX_OK
            || ngx_http_gateway_unescape(r->pool, &arg.value, &value)
               != NGX_OK)
        {
            break;
        }

        ngx_http_gateway_request_termination_add(r, json, &name,
              arg.bare ? json_true()
                       : ngx_http_gateway_request_termination_string(r,
                                                                     &value));
    }

    return json;
}


/* what a form or JSON says; null for other types */

static json_t *
ngx_http_gateway_request_termination_body(ngx_http_request_t *r,
    ngx_str_t *body)
{
    json_t     *json;
    ngx_str_t  *type;

    static ngx_str_t  form = ngx_string("application/x-www-form-urlencoded");
    static ngx_str_t  text = ngx_string("application/json");

    if (r->headers_in.content_type == NULL || body->len == 0) {
        return json_null();
    }

    type = &r->headers_in.content_type->value;

    if (type->len >= form.len
        && ngx_strncasecmp(type->data, form.data, form.len) == 0)
    {
        return ngx_http_gateway_request_termination_args(r, body);
    }

    if (type->len >= text.len
        && ngx_strncasecmp(type->data, text.data, text.len) == 0)
    {
        json = json_loadb((char *) body->data, body->len,
                          JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

        return json ? json : json_null();
    }

    return json_null();
}


/* the id that the metrics have too: of the host's name and the prefix */

static json_t *
ngx_http_gateway_request_termination_node(ngx_http_request_t *r)
{
    char                   id[GATEWAY_UUID_LEN];
    u_char                *p, *last;
    size_t                 len;
    uint8_t                uuid[16];
    volatile ngx_cycle_t  *cycle;

    cycle = ngx_cycle;

    len = cycle->hostname.len + 1 + cycle->prefix.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NULL;
    }

    last = ngx_slprintf(p, p + len, "%V:%V", &cycle->hostname,
                        &cycle->prefix);

    gateway_uuid_entity(uuid, "nodes", (char *) p, last - p);
    gateway_uuid_format(id, uuid);

    return json_stringn(id, GATEWAY_UUID_LEN);
}


static json_t *
ngx_http_gateway_request_termination_route(ngx_http_gateway_ctx_t *ctx)
{
    if (ctx->route->record.len) {
        return json_loadb((char *) ctx->route->record.data,
                          ctx->route->record.len, 0, NULL);
    }

    return json_pack("{s:s%, s:s%, s:b, s:b}",
                     "id", ctx->route->id.data, ctx->route->id.len,
                     "name", ctx->route->name.data, ctx->route->name.len,
                     "strip_path", ctx->route->strip_path,
                     "preserve_host", ctx->route->preserve_host);
}


static json_t *
ngx_http_gateway_request_termination_service(ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_service_t  *s;

    s = ctx->service;

    if (s->record.len) {
        return json_loadb((char *) s->record.data, s->record.len, 0, NULL);
    }

    return json_pack("{s:s%, s:s%, s:s%, s:s%, s:i, s:i}",
                     "id", s->id.data, s->id.len,
                     "name", s->name.data, s->name.len,
                     "protocol", s->protocol.data, s->protocol.len,
                     "host", s->host.data, s->host.len,
                     "port", (int) s->port,
                     "retries", (int) s->retries);
}


/* sets a member, or makes it an array of all its values; takes "value" */

static void
ngx_http_gateway_request_termination_add(ngx_http_request_t *r,
    json_t *object, ngx_str_t *name, json_t *value)
{
    char    *key;
    u_char  *p;
    json_t  *old, *array;

    /* keys of jansson 2.13 are terminated strings */

    p = ngx_pnalloc(r->pool, name->len + 1);
    if (p == NULL) {
        json_decref(value);
        return;
    }

    (void) ngx_cpystrn(p, name->data, name->len + 1);
    key = (char *) p;

    old = json_object_get(object, key);

    if (old == NULL) {

        /* a name that is no UTF-8 is left out */

        (void) json_object_set_new(object, key, value);
        return;
    }

    if (!json_is_array(old)) {
        array = json_array();
        json_array_append(array, old);
        json_object_set_new(object, key, array);
        old = array;
    }

    (void) json_array_append_new(old, value);
}


/* bytes that are no UTF-8 become U+FFFD */

static json_t *
ngx_http_gateway_request_termination_string(ngx_http_request_t *r,
    ngx_str_t *s)
{
    u_char    *p, *q, *start, *last, *next;
    json_t    *json;
    uint32_t   c;

    json = json_stringn((char *) s->data, s->len);

    if (json || s->len == 0) {
        return json ? json : json_string("");
    }

    start = ngx_pnalloc(r->pool, 3 * s->len);
    if (start == NULL) {
        return NULL;
    }

    q = start;
    p = s->data;
    last = p + s->len;

    while (p < last) {

        if (*p < 0x80) {
            *q++ = *p++;
            continue;
        }

        next = p;
        c = ngx_utf8_decode(&next, last - p);

        if (c <= 0x10ffff && (c < 0xd800 || c > 0xdfff)) {
            q = ngx_cpymem(q, p, next - p);
            p = next;
            continue;
        }

        q = ngx_cpymem(q, "\xef\xbf\xbd", 3);
        p++;
    }

    return json_stringn((char *) start, q - start);
}


static void
ngx_http_gateway_request_termination_defaults(void *data)
{
    ngx_http_gateway_request_termination_conf_t  *conf = data;

    conf->status_code = 503;
}


static char *
ngx_http_gateway_request_termination_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_request_termination_conf_t  *conf = data;

    if (conf->message.data && (conf->body.data || conf->content_type.data)) {
        return "takes \"message\" or \"body\" and \"content_type\", not both";
    }

    if (conf->echo && (conf->body.data || conf->content_type.data)) {
        return "takes \"echo\" or \"body\" and \"content_type\", not both";
    }

    if (conf->content_type.data && conf->body.data == NULL) {
        return "needs \"body\" with \"content_type\"";
    }

    conf->lowcase.len = conf->trigger.len;
    conf->lowcase.data = ngx_pnalloc(cf->pool, conf->trigger.len);
    if (conf->lowcase.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(conf->lowcase.data, conf->trigger.data, conf->trigger.len);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_request_termination_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_request_termination);
}
