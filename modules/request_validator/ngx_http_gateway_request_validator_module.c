
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Refuses requests whose parameters or JSON bodies do not conform to a
 * schema, in the access step after authentication.  Costs reading the body
 * into memory and parsing it.  What cannot be validated, because it is too
 * large or takes too long, is refused.
 */


#include "ngx_http_gateway_body.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_request_validator.h"
#include "ngx_http_gateway_schema.h"


#define NGX_HTTP_GATEWAY_VALIDATOR_MAX  8388608


typedef struct {
    ngx_str_t                     type;      /* "application/json" */
    ngx_str_t                     params;    /* behind the first ";" */
} ngx_http_gateway_validator_type_t;


static ngx_int_t ngx_http_gateway_request_validator_handler(
    ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_request_validator_body(
    ngx_http_request_t *r, ngx_http_gateway_request_validator_conf_t *conf);
static const char *ngx_http_gateway_request_validator_no_json(ngx_str_t *body,
    json_error_t *error);
static ngx_uint_t ngx_http_gateway_request_validator_has_body(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_request_validator_allows(
    ngx_http_gateway_request_validator_conf_t *conf, ngx_str_t *text);
static void ngx_http_gateway_request_validator_type(ngx_str_t *text,
    ngx_http_gateway_validator_type_t *type);
static ngx_uint_t ngx_http_gateway_request_validator_params_equal(
    ngx_str_t *a, ngx_str_t *b);
static ngx_uint_t ngx_http_gateway_request_validator_param_next(
    ngx_str_t *params, ngx_str_t *param);
static ngx_uint_t ngx_http_gateway_request_validator_is_json(
    ngx_str_t *text);
static ngx_int_t ngx_http_gateway_request_validator_refuse(
    ngx_http_request_t *r, ngx_http_gateway_request_validator_conf_t *conf,
    const char *message, ngx_http_gateway_validator_param_t *param,
    gateway_json_schema_error_t *error);
static json_t *ngx_http_gateway_request_validator_answer(
    ngx_http_gateway_request_validator_conf_t *conf, const char *message,
    ngx_http_gateway_validator_param_t *param,
    gateway_json_schema_error_t *error);

static void ngx_http_gateway_request_validator_defaults(void *data);
static char *ngx_http_gateway_request_validator_param(ngx_conf_t *cf,
    void *data, ngx_str_t *name, ngx_str_t *value);
static char *ngx_http_gateway_request_validator_check(ngx_conf_t *cf,
    void *data);
static char *ngx_http_gateway_request_validator_check_params(ngx_conf_t *cf,
    ngx_http_gateway_request_validator_conf_t *conf);
static char *ngx_http_gateway_request_validator_check_style(ngx_conf_t *cf,
    ngx_http_gateway_request_validator_conf_t *conf, ngx_str_t *text);
static ngx_http_gateway_validator_param_t *
    ngx_http_gateway_request_validator_find(
    ngx_http_gateway_request_validator_conf_t *conf, ngx_str_t *name);
static ngx_int_t ngx_http_gateway_request_validator_preconfiguration(
    ngx_conf_t *cf);


static const char *const  ngx_http_gateway_validator_in[] = {
    "query", "header", "path"
};


static ngx_http_gateway_param_t
    ngx_http_gateway_request_validator_directive_params[] =
{
    { ngx_string("body_schema"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_request_validator_conf_t, body_parts), 0, 0,
      NULL },

    { ngx_string("query."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_request_validator_param },

    { ngx_string("header."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_request_validator_param },

    { ngx_string("path."), NGX_HTTP_GATEWAY_PARAM_CUSTOM, 0, 0, 0,
      ngx_http_gateway_request_validator_param },

    { ngx_string("required"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_request_validator_conf_t, required), 0, 0,
      NULL },

    { ngx_string("style"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_request_validator_conf_t, styles), 0, 0,
      NULL },

    { ngx_string("no_explode"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_request_validator_conf_t, unexploded), 0, 0,
      NULL },

    { ngx_string("allowed_content_types"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_request_validator_conf_t, types), 0, 0,
      NULL },

    { ngx_string("content_type_parameter_validation"),
      NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_request_validator_conf_t, strict_types), 0, 0,
      NULL },

    { ngx_string("max_body_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_request_validator_conf_t, max_body_size), 1,
      1073741824, NULL },

    { ngx_string("verbose_response"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_request_validator_conf_t, verbose), 0, 0,
      NULL },

    { ngx_string("problem_json"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_request_validator_conf_t, problem), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_request_validator = {
    ngx_string("request_validator"),
    999,
    0,

    sizeof(ngx_http_gateway_request_validator_conf_t),
    ngx_http_gateway_request_validator_directive_params,
    ngx_http_gateway_request_validator_defaults,
    ngx_http_gateway_request_validator_check,

    ngx_http_gateway_request_validator_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_request_validator_commands[] = {

    { ngx_string("gateway_request_validator"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_request_validator },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_request_validator_module_ctx = {
    ngx_http_gateway_request_validator_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_request_validator_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_request_validator_module_ctx, /* module context */
    ngx_http_gateway_request_validator_commands, /* module directives */
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
ngx_http_gateway_request_validator_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_request_validator_conf_t  *conf = data;

    ngx_int_t                            rc;
    gateway_json_schema_error_t          error;
    ngx_http_gateway_validator_param_t  *wrong;

    rc = ngx_http_gateway_validator_params(r, conf, &wrong, &error);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_request_validator_refuse(r, conf,
                                 "request param doesn't conform to schema",
                                 wrong, &error);
    }

    if (rc != NGX_OK || conf->body == NULL
        || !ngx_http_gateway_request_validator_has_body(r))
    {
        return rc;
    }

    return ngx_http_gateway_request_validator_body(r, conf);
}


static ngx_int_t
ngx_http_gateway_request_validator_body(ngx_http_request_t *r,
    ngx_http_gateway_request_validator_conf_t *conf)
{
    int                          valid;
    json_t                      *json;
    ngx_int_t                    rc;
    ngx_str_t                    body, type;
    const char                  *text;
    json_error_t                 parse;
    gateway_json_schema_error_t  error;

    ngx_str_null(&type);

    if (r->headers_in.content_type) {
        type = r->headers_in.content_type->value;
    }

    if (!ngx_http_gateway_request_validator_allows(conf, &type)) {
        return ngx_http_gateway_request_validator_refuse(r, conf,
                                 "specified Content-Type is not allowed",
                                 NULL, NULL);
    }

    if (!ngx_http_gateway_request_validator_is_json(&type)) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_body_read(r, conf->max_body_size, &body);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_error(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      NULL);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    json = json_loadb((char *) body.data, body.len,
                      JSON_DECODE_ANY|JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL,
                      &parse);

    if (json == NULL) {
        error.place[0] = '\0';
        text = ngx_http_gateway_request_validator_no_json(&body, &parse);
        (void) ngx_cpystrn((u_char *) error.message, (u_char *) text,
                           sizeof(error.message));
        valid = 0;

    } else {
        valid = gateway_json_schema_validate(conf->body, json, &error);
        json_decref(json);
    }

    if (valid) {
        return NGX_OK;
    }

    return ngx_http_gateway_request_validator_refuse(r, conf,
                                 "request body doesn't conform to schema",
                                 NULL, &error);
}


/* why a body was not parsed */

static const char *
ngx_http_gateway_request_validator_no_json(ngx_str_t *body,
    json_error_t *error)
{
    if (body->len == 0) {
        return "is empty";
    }

    return json_error_code(error) == json_error_duplicate_key
               ? "has a member twice" : "is no valid JSON";
}


/* a body, or a method that should have one */

static ngx_uint_t
ngx_http_gateway_request_validator_has_body(ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0
           || r->headers_in.chunked
#if (NGX_HTTP_V2)
           || (r->stream && r->headers_in.content_length_n == -1
               && !r->stream->in_closed)
#endif
           || (r->method & (NGX_HTTP_POST|NGX_HTTP_PUT|NGX_HTTP_PATCH));
}


/* none is taken for JSON, as that is what will be looked for */

static ngx_uint_t
ngx_http_gateway_request_validator_allows(
    ngx_http_gateway_request_validator_conf_t *conf, ngx_str_t *text)
{
    ngx_str_t                          *allowed;
    ngx_uint_t                          i;
    ngx_http_gateway_validator_type_t   type, other;

    static ngx_str_t  json = ngx_string("application/json");

    ngx_http_gateway_request_validator_type(text->len ? text : &json, &type);

    allowed = conf->types->elts;

    for (i = 0; i < conf->types->nelts; i++) {

        ngx_http_gateway_request_validator_type(&allowed[i], &other);

        if (type.type.len == other.type.len
            && ngx_strncasecmp(type.type.data, other.type.data,
                               type.type.len)
               == 0
            && (!conf->strict_types
                || ngx_http_gateway_request_validator_params_equal(
                                                &type.params, &other.params)))
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_gateway_request_validator_type(ngx_str_t *text,
    ngx_http_gateway_validator_type_t *type)
{
    u_char  *p, *last;

    last = text->data + text->len;
    p = ngx_strlchr(text->data, last, ';');

    ngx_str_null(&type->params);
    type->type = *text;

    if (p) {
        type->params.data = p + 1;
        type->params.len = last - type->params.data;
        type->type.len = p - text->data;
    }

    while (type->type.len && type->type.data[type->type.len - 1] == ' ') {
        type->type.len--;
    }
}


/* in the same order; names in any case, values in any for charsets */

static ngx_uint_t
ngx_http_gateway_request_validator_params_equal(ngx_str_t *a, ngx_str_t *b)
{
    ngx_str_t   one, two, rest, others;
    ngx_uint_t  more, less;

    rest = *a;
    others = *b;

    for ( ;; ) {
        more = ngx_http_gateway_request_validator_param_next(&rest, &one);
        less = ngx_http_gateway_request_validator_param_next(&others, &two);

        if (!more || !less) {
            return more == less;
        }

        if (one.len != two.len
            || ngx_strncasecmp(one.data, two.data, one.len) != 0)
        {
            return 0;
        }
    }
}


static ngx_uint_t
ngx_http_gateway_request_validator_param_next(ngx_str_t *params,
    ngx_str_t *param)
{
    u_char  *p, *last;

    while (params->len && (*params->data == ' ' || *params->data == ';')) {
        params->data++;
        params->len--;
    }

    if (params->len == 0) {
        return 0;
    }

    last = params->data + params->len;
    p = ngx_strlchr(params->data, last, ';');

    param->data = params->data;
    param->len = (p ? p : last) - params->data;

    params->data += param->len;
    params->len -= param->len;

    while (param->len && param->data[param->len - 1] == ' ') {
        param->len--;
    }

    return 1;
}


/* application/json, application/problem+json, or none */

static ngx_uint_t
ngx_http_gateway_request_validator_is_json(ngx_str_t *text)
{
    ngx_http_gateway_validator_type_t  type;

    if (text->len == 0) {
        return 1;
    }

    ngx_http_gateway_request_validator_type(text, &type);

    if (type.type.len == 16
        && ngx_strncasecmp(type.type.data, (u_char *) "application/json", 16)
           == 0)
    {
        return 1;
    }

    return type.type.len > 5
           && ngx_strncasecmp(type.type.data + type.type.len - 5,
                              (u_char *) "+json", 5)
              == 0;
}


static ngx_int_t
ngx_http_gateway_request_validator_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_validator_conf_t *conf, const char *message,
    ngx_http_gateway_validator_param_t *param,
    gateway_json_schema_error_t *error)
{
    char         *text;
    json_t       *json;
    ngx_str_t     body, type;
    json_free_t   release;

    static ngx_str_t  plain = ngx_string("application/json; charset=utf-8");
    static ngx_str_t  problem = ngx_string("application/problem+json");

    /* neither names nor values of the client */

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "request_validator: %s%s%s", message, error ? ": it " : "",
                  error ? error->message : "");

    json = ngx_http_gateway_request_validator_answer(conf, message, param,
                                                     error);
    if (json == NULL) {
        return NGX_ERROR;
    }

    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    if (text == NULL) {
        return NGX_ERROR;
    }

    body.len = ngx_strlen(text);
    body.data = ngx_pnalloc(r->pool, body.len);

    if (body.data) {
        ngx_memcpy(body.data, text, body.len);
    }

    json_get_alloc_funcs(NULL, &release);
    release(text);

    if (body.data == NULL) {
        return NGX_ERROR;
    }

    type = conf->problem ? problem : plain;

    return ngx_http_gateway_exit(r, NGX_HTTP_BAD_REQUEST, &type, &body);
}


/* what Kong says; or problem details (RFC 9457), with what is wrong */

static json_t *
ngx_http_gateway_request_validator_answer(
    ngx_http_gateway_request_validator_conf_t *conf, const char *message,
    ngx_http_gateway_validator_param_t *param,
    gateway_json_schema_error_t *error)
{
    json_t  *json, *detail;

    if (conf->problem) {
        json = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank",
                         "title", "Bad Request", "status", 400,
                         "detail", message);

    } else {
        json = json_pack("{s:s}", "message", message);
    }

    if (json == NULL || error == NULL || !(conf->verbose || conf->problem)) {
        return json;
    }

    if (param) {
        detail = json_pack("{s:s, s:s%, s:s}",
                           "in", ngx_http_gateway_validator_in[param->in],
                           "parameter", (char *) param->name.data,
                           param->name.len, "detail", error->message);

    } else {

        /* a place that was cut may end in the middle of a character */

        detail = json_pack("{s:s, s:s}", "pointer", error->place,
                           "detail", error->message);
        if (detail == NULL) {
            detail = json_pack("{s:s}", "detail", error->message);
        }
    }

    if (detail == NULL
        || json_object_set_new(json, "errors", json_pack("[o]", detail)) != 0)
    {
        json_decref(json);
        return NULL;
    }

    return json;
}


static void
ngx_http_gateway_request_validator_defaults(void *data)
{
    ngx_http_gateway_request_validator_conf_t  *conf = data;

    conf->strict_types = 1;
    conf->max_body_size = NGX_HTTP_GATEWAY_VALIDATOR_MAX;
}


/* "query.page={...}"; the pieces of a long one are joined */

static char *
ngx_http_gateway_request_validator_param(ngx_conf_t *cf, void *data,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_gateway_request_validator_conf_t  *conf = data;

    u_char                              *dot;
    ngx_http_gateway_validator_param_t  *param;

    param = ngx_http_gateway_request_validator_find(conf, name);

    if (param == NULL) {

        if (conf->params == NULL) {
            conf->params = ngx_array_create(cf->pool, 4,
                                  sizeof(ngx_http_gateway_validator_param_t));
            if (conf->params == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        param = ngx_array_push(conf->params);
        if (param == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(param, sizeof(ngx_http_gateway_validator_param_t));

        dot = ngx_strlchr(name->data, name->data + name->len, '.');

        param->name.data = dot + 1;
        param->name.len = name->data + name->len - param->name.data;

        if (param->name.len == 0) {
            return "a name is missing behind the dot";
        }

        switch (name->data[0]) {
        case 'q':
            param->in = NGX_HTTP_GATEWAY_VALIDATOR_QUERY;
            break;
        case 'h':
            param->in = NGX_HTTP_GATEWAY_VALIDATOR_HEADER;
            param->separator = ',';
            break;
        default: /* 'p' */
            param->in = NGX_HTTP_GATEWAY_VALIDATOR_PATH;
            param->separator = ',';
            break;
        }
    }

    return ngx_http_gateway_schema_append(cf, &param->text, value) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_request_validator_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_request_validator_conf_t  *conf = data;

    ngx_str_t   *part, *type, text;
    ngx_uint_t   i;

    static ngx_str_t  what = ngx_string("body_schema");

    static ngx_array_t  none;

    if (conf->body_parts == NULL && conf->params == NULL) {
        return "needs \"body_schema\" or a schema of a parameter";
    }

    conf->params = conf->params ? conf->params : &none;
    conf->required = conf->required ? conf->required : &none;
    conf->unexploded = conf->unexploded ? conf->unexploded : &none;
    conf->styles = conf->styles ? conf->styles : &none;

    if (conf->types == NULL) {
        conf->types = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
        if (conf->types == NULL) {
            return NGX_CONF_ERROR;
        }

        type = ngx_array_push(conf->types);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_str_set(type, "application/json");
    }

    if (conf->body_parts) {
        part = conf->body_parts->elts;
        ngx_str_null(&text);

        for (i = 0; i < conf->body_parts->nelts; i++) {
            if (ngx_http_gateway_schema_append(cf, &text, &part[i])
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }
        }

        conf->body = ngx_http_gateway_schema_compile(cf, &text,
                                          "gateway_request_validator", &what,
                                          NULL);
        if (conf->body == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_gateway_request_validator_check_params(cf, conf);
}


static char *
ngx_http_gateway_request_validator_check_params(ngx_conf_t *cf,
    ngx_http_gateway_request_validator_conf_t *conf)
{
    ngx_str_t                           *name;
    ngx_uint_t                           i, array;
    ngx_http_gateway_validator_param_t  *param;

    param = conf->params->elts;

    for (i = 0; i < conf->params->nelts; i++) {

        param[i].schema = ngx_http_gateway_schema_compile(cf, &param[i].text,
                                          "gateway_request_validator",
                                          &param[i].name, &array);
        if (param[i].schema == NULL) {
            return NGX_CONF_ERROR;
        }

        param[i].array = array;

        param[i].lowcase.len = param[i].name.len;
        param[i].lowcase.data = ngx_pnalloc(cf->pool, param[i].name.len);
        if (param[i].lowcase.data == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(param[i].lowcase.data, param[i].name.data,
                   param[i].name.len);
    }

    name = conf->required->elts;

    for (i = 0; i < conf->required->nelts; i++) {

        param = ngx_http_gateway_request_validator_find(conf, &name[i]);
        if (param == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"required=%V\" in "
                               "\"gateway_request_validator\" has no schema",
                               &name[i]);
            return NGX_CONF_ERROR;
        }

        param->required = 1;
    }

    name = conf->unexploded->elts;

    for (i = 0; i < conf->unexploded->nelts; i++) {

        param = ngx_http_gateway_request_validator_find(conf, &name[i]);
        if (param == NULL || param->in != NGX_HTTP_GATEWAY_VALIDATOR_QUERY) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"no_explode=%V\" in "
                               "\"gateway_request_validator\" names no "
                               "argument with a schema", &name[i]);
            return NGX_CONF_ERROR;
        }

        param->separator = ',';
    }

    name = conf->styles->elts;

    for (i = 0; i < conf->styles->nelts; i++) {

        if (ngx_http_gateway_request_validator_check_style(cf, conf, &name[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    /* of one that is no array, a comma is a part */

    param = conf->params->elts;

    for (i = 0; i < conf->params->nelts; i++) {
        if (!param[i].array) {
            param[i].separator = 0;
        }
    }

    return NGX_CONF_OK;
}


/* "query.tags:pipeDelimited" */

static char *
ngx_http_gateway_request_validator_check_style(ngx_conf_t *cf,
    ngx_http_gateway_request_validator_conf_t *conf, ngx_str_t *text)
{
    u_char                              *colon;
    ngx_str_t                            name, style;
    ngx_http_gateway_validator_param_t  *param;

    colon = ngx_strlchr(text->data, text->data + text->len, ':');
    param = NULL;

    if (colon) {
        name.data = text->data;
        name.len = colon - text->data;
        style.data = colon + 1;
        style.len = text->data + text->len - style.data;

        param = ngx_http_gateway_request_validator_find(conf, &name);
    }

    if (param == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"style=%V\" in \"gateway_request_validator\" "
                           "names no parameter with a schema, expected "
                           "\"query.name:style\"", text);
        return NGX_CONF_ERROR;
    }

    if (param->in == NGX_HTTP_GATEWAY_VALIDATOR_QUERY) {

        if (style.len == 4 && ngx_strncmp(style.data, "form", 4) == 0) {
            return NGX_CONF_OK;
        }

        if (style.len == 13
            && ngx_strncmp(style.data, "pipeDelimited", 13) == 0)
        {
            param->separator = '|';
            return NGX_CONF_OK;
        }

        if (style.len == 14
            && ngx_strncmp(style.data, "spaceDelimited", 14) == 0)
        {
            param->separator = ' ';
            return NGX_CONF_OK;
        }

    } else if (style.len == 6 && ngx_strncmp(style.data, "simple", 6) == 0) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"style=%V\" in \"gateway_request_validator\""
                       ": arguments have form, spaceDelimited or "
                       "pipeDelimited, headers and paths have simple", text);

    return NGX_CONF_ERROR;
}


/* by "query.page" */

static ngx_http_gateway_validator_param_t *
ngx_http_gateway_request_validator_find(
    ngx_http_gateway_request_validator_conf_t *conf, ngx_str_t *name)
{
    size_t                               len;
    ngx_uint_t                           i;
    ngx_http_gateway_validator_param_t  *param;

    if (conf->params == NULL) {
        return NULL;
    }

    param = conf->params->elts;

    for (i = 0; i < conf->params->nelts; i++) {

        len = ngx_strlen(ngx_http_gateway_validator_in[param[i].in]);

        if (name->len == len + 1 + param[i].name.len
            && ngx_strncmp(name->data,
                           ngx_http_gateway_validator_in[param[i].in], len)
               == 0
            && name->data[len] == '.'
            && ngx_strncmp(name->data + len + 1, param[i].name.data,
                           param[i].name.len)
               == 0)
        {
            return &param[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_request_validator_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_request_validator);
}
