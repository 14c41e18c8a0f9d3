
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Looks whether JSON bodies of responses conform to a schema, after all other
 * policies have changed them: what does not is replaced by 502, or told to
 * the log.  Costs the body in memory and parsing it; with the log alone
 * nothing is held up.
 */


#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_response_body.h"
#include "ngx_http_gateway_schema.h"


/* behind response-transformer, which has 800 */
#define NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_PRIORITY  799

#define NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_MAX       8388608

#define NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_OWNER     "response validator"


enum {
    NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_REJECT = 0,
    NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_LOG
};


/* statuses from .. to */
typedef struct {
    ngx_uint_t                       from;
    ngx_uint_t                       to;
} ngx_http_gateway_validated_status_t;


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_array_t                     *parts;     /* of the schema, ngx_str_t */
    ngx_array_t                     *status;    /* ngx_str_t, or NULL */
    ngx_uint_t                       on_violation;
    ngx_int_t                        max_body_size;

    gateway_json_schema_t           *schema;
    ngx_array_t                      statuses;
} ngx_http_gateway_response_validator_conf_t;


/* there is one only if the response is looked at */
typedef struct {
    ngx_http_gateway_data_t          head;
    ngx_http_gateway_response_body_t body;
} ngx_http_gateway_response_validator_ctx_t;


static ngx_int_t ngx_http_gateway_response_validator_access(
    ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_response_validator_header(
    ngx_http_request_t *r, void *data);
static ngx_uint_t ngx_http_gateway_response_validator_wants(
    ngx_http_request_t *r, ngx_http_gateway_response_validator_conf_t *conf);
static ngx_uint_t ngx_http_gateway_response_validator_is_json(
    ngx_str_t *type);
static ngx_int_t ngx_http_gateway_response_validator_body(
    ngx_http_request_t *r, void *data, ngx_chain_t **in);
static ngx_int_t ngx_http_gateway_response_validator_watch(
    ngx_http_request_t *r, ngx_http_gateway_response_validator_conf_t *conf,
    ngx_http_gateway_response_validator_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_gateway_response_validator_validate(
    ngx_http_request_t *r, ngx_http_gateway_response_validator_conf_t *conf,
    ngx_http_gateway_response_body_t *body);
static void ngx_http_gateway_response_validator_tell(ngx_http_request_t *r,
    gateway_json_schema_error_t *error);
static void ngx_http_gateway_response_validator_refuse(
    ngx_http_request_t *r, ngx_str_t *text);

static void ngx_http_gateway_response_validator_defaults(void *data);
static char *ngx_http_gateway_response_validator_check(ngx_conf_t *cf,
    void *data);
static char *ngx_http_gateway_response_validator_check_statuses(
    ngx_conf_t *cf, ngx_http_gateway_response_validator_conf_t *conf);
static ngx_int_t ngx_http_gateway_response_validator_preconfiguration(
    ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_response_validator_violations[] = {
    { ngx_string("reject"), NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_REJECT },
    { ngx_string("log"), NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_LOG },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t
    ngx_http_gateway_response_validator_params[] =
{
    { ngx_string("body_schema"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_response_validator_conf_t, parts), 0, 0,
      NULL },

    { ngx_string("status"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_response_validator_conf_t, status), 0, 0,
      NULL },

    { ngx_string("on_violation"), NGX_HTTP_GATEWAY_PARAM_ENUM,
      offsetof(ngx_http_gateway_response_validator_conf_t, on_violation),
      0, 0, ngx_http_gateway_response_validator_violations },

    { ngx_string("max_body_size"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_response_validator_conf_t, max_body_size), 1,
      1073741824, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_response_validator = {
    ngx_string("response_validator"),
    NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_PRIORITY,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_response_validator_conf_t),
    ngx_http_gateway_response_validator_params,
    ngx_http_gateway_response_validator_defaults,
    ngx_http_gateway_response_validator_check,
    ngx_http_gateway_response_validator_access,
    ngx_http_gateway_response_validator_header,
    ngx_http_gateway_response_validator_body,
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_response_validator_commands[] = {

    { ngx_string("gateway_response_validator"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_response_validator },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_response_validator_module_ctx = {
    ngx_http_gateway_response_validator_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_response_validator_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_response_validator_module_ctx, /* module context */
    ngx_http_gateway_response_validator_commands, /* module directives */
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
ngx_http_gateway_response_validator_access(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_response_body_ask_plain(r);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_response_validator_header(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_response_validator_conf_t  *conf = data;

    ngx_http_gateway_response_validator_ctx_t  *ctx;

    if (!ngx_http_gateway_response_validator_wants(r, conf)) {
        return NGX_OK;
    }

    ctx = ngx_http_gateway_add_data(r, conf->instance.policy,
                           sizeof(ngx_http_gateway_response_validator_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (conf->on_violation == NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_LOG) {
        ngx_http_gateway_response_body_watch(r, &ctx->body,
                                   NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_OWNER,
                                   conf->max_body_size);
        return NGX_OK;
    }

    return ngx_http_gateway_response_body_expect(r, &ctx->body,
                                   NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_OWNER,
                                   conf->max_body_size);
}


static ngx_uint_t
ngx_http_gateway_response_validator_wants(ngx_http_request_t *r,
    ngx_http_gateway_response_validator_conf_t *conf)
{
    ngx_uint_t                            i, status;
    ngx_http_gateway_validated_status_t  *range;

    status = r->headers_out.status;

    if (ngx_http_gateway_response_is_bodiless(r)
        || status == NGX_HTTP_PARTIAL_CONTENT
        || !ngx_http_gateway_response_validator_is_json(
                                              &r->headers_out.content_type))
    {
        return 0;
    }

    range = conf->statuses.elts;

    for (i = 0; i < conf->statuses.nelts; i++) {
        if (status >= range[i].from && status <= range[i].to) {
            return 1;
        }
    }

    return 0;
}


/* application/json, or any type with "+json" */

static ngx_uint_t
ngx_http_gateway_response_validator_is_json(ngx_str_t *type)
{
    u_char  *last;
    size_t   len;

    last = ngx_strlchr(type->data, type->data + type->len, ';');
    len = (last ? last : type->data + type->len) - type->data;

    while (len && (type->data[len - 1] == ' ' || type->data[len - 1] == '\t'))
    {
        len--;
    }

    if (len == sizeof("application/json") - 1) {
        return ngx_strncasecmp(type->data, (u_char *) "application/json", len)
               == 0;
    }

    return len > sizeof("+json") - 1
           && ngx_strncasecmp(type->data + len - (sizeof("+json") - 1),
                              (u_char *) "+json", sizeof("+json") - 1)
              == 0;
}


static ngx_int_t
ngx_http_gateway_response_validator_body(ngx_http_request_t *r, void *data,
    ngx_chain_t **in)
{
    ngx_http_gateway_response_validator_conf_t  *conf = data;

    ngx_int_t                                   rc;
    ngx_str_t                                   text;
    ngx_http_gateway_response_validator_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_data(r, conf->instance.policy);

    if (ctx == NULL || ctx->body.done) {
        return NGX_OK;
    }

    if (conf->on_violation == NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_LOG) {
        return ngx_http_gateway_response_validator_watch(r, conf, ctx, *in);
    }

    rc = ngx_http_gateway_response_body_collect(r, &ctx->body, in);

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    /* as it came, compressed or not */

    text = ctx->body.text;

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_response_validator_validate(r, conf,
                                                          &ctx->body);
    }

    if (rc == NGX_DECLINED) {
        ngx_http_gateway_response_validator_refuse(r, &text);
        rc = NGX_OK;
    }

    return ngx_http_gateway_response_body_finish(r, &ctx->body, rc, &text,
                                                 in);
}


/* the client gets it whatever comes out */

static ngx_int_t
ngx_http_gateway_response_validator_watch(ngx_http_request_t *r,
    ngx_http_gateway_response_validator_conf_t *conf,
    ngx_http_gateway_response_validator_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_int_t  rc;

    rc = ngx_http_gateway_response_body_copy(r, &ctx->body, in);

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    ctx->body.done = 1;

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_response_validator_validate(r, conf,
                                                          &ctx->body);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/*
 * NGX_OK; NGX_DECLINED: it does not conform; NGX_ABORT: too large; NGX_ERROR.
 * Whether it is compressed counts now: policies before this one may have
 * changed that since the header.
 */

static ngx_int_t
ngx_http_gateway_response_validator_validate(ngx_http_request_t *r,
    ngx_http_gateway_response_validator_conf_t *conf,
    ngx_http_gateway_response_body_t *body)
{
    int                           valid;
    json_t                       *json;
    ngx_int_t                     rc;
    json_error_t                  parse;
    gateway_json_schema_error_t   error;

    rc = ngx_http_gateway_response_body_coding(r, NULL);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_gateway_response_body_inflate(r, body);

    } else if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_OWNER
                      ": a body in an unknown coding cannot be validated");
    }

    if (rc != NGX_OK) {
        return rc;
    }

    json = json_loadb((char *) body->text.data, body->text.len,
                      JSON_DECODE_ANY|JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL,
                      &parse);

    if (json == NULL) {
        error.place[0] = '\0';
        (void) ngx_cpystrn((u_char *) error.message,
                           (u_char *) "is no valid JSON",
                           sizeof(error.message));
        valid = 0;

    } else {
        valid = gateway_json_schema_validate(conf->schema, json, &error);
        json_decref(json);
    }

    if (valid) {
        return NGX_OK;
    }

    ngx_http_gateway_response_validator_tell(r, &error);

    return NGX_DECLINED;
}


/* the place has names of the body: none of their bytes breaks the log */

static void
ngx_http_gateway_response_validator_tell(ngx_http_request_t *r,
    gateway_json_schema_error_t *error)
{
    char  *p;

    for (p = error->place; *p; p++) {
        if (*p < ' ' || *p > '~' || *p == '"') {
            *p = '?';
        }
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_OWNER
                  ": response body doesn't conform to schema: at \"%s\": it "
                  "%s", error->place, error->message);
}


/*
 * The header is held: it becomes that of another response.  Headers that came
 * from the upstream go, those that policies have added stay.
 */

static void
ngx_http_gateway_response_validator_refuse(ngx_http_request_t *r,
    ngx_str_t *text)
{
    ngx_uint_t        i, j;
    ngx_list_part_t  *part, *from;
    ngx_table_elt_t  *h, *u;

    static ngx_str_t  encoding = ngx_string("Content-Encoding");

    ngx_str_set(text, "{\"type\":\"about:blank\",\"title\":\"Bad Gateway\","
                "\"status\":502,\"detail\":\"response body doesn't conform "
                "to schema\"}");

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    ngx_http_clear_location(r);

    ngx_http_gateway_header_out_remove(r, &encoding);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            from = r->upstream ? &r->upstream->headers_in.headers.part : NULL;

            for ( /* void */ ; from; from = from->next) {
                u = from->elts;

                for (j = 0; j < from->nelts; j++) {

                    /* nginx copies the pointer, and may replace the value */

                    if (h[i].key.data == u[j].key.data) {
                        h[i].hash = 0;
                    }
                }
            }
        }
    }

    r->allow_ranges = 0;

    r->headers_out.status = NGX_HTTP_BAD_GATEWAY;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = text->len;

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;
}


static void
ngx_http_gateway_response_validator_defaults(void *data)
{
    ngx_http_gateway_response_validator_conf_t  *conf = data;

    conf->max_body_size = NGX_HTTP_GATEWAY_RESPONSE_VALIDATOR_MAX;
}


static char *
ngx_http_gateway_response_validator_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_response_validator_conf_t  *conf = data;

    ngx_str_t   *part, text;
    ngx_uint_t   i;

    static ngx_str_t  what = ngx_string("body_schema");

    if (conf->parts == NULL) {
        return "needs \"body_schema\"";
    }

    ngx_str_null(&text);
    part = conf->parts->elts;

    for (i = 0; i < conf->parts->nelts; i++) {
        if (ngx_http_gateway_schema_append(cf, &text, &part[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    conf->schema = ngx_http_gateway_schema_compile(cf, &text,
                                                "gateway_response_validator",
                                                &what, NULL);
    if (conf->schema == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_response_validator_check_statuses(cf, conf);
}


/* "200", "200-299" */

static char *
ngx_http_gateway_response_validator_check_statuses(ngx_conf_t *cf,
    ngx_http_gateway_response_validator_conf_t *conf)
{
    ngx_int_t                             from, to;
    ngx_str_t                            *text;
    ngx_uint_t                            i, n;
    ngx_http_gateway_validated_status_t  *range;

    n = conf->status ? conf->status->nelts : 1;

    if (ngx_array_init(&conf->statuses, cf->pool, n,
                       sizeof(ngx_http_gateway_validated_status_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {

        from = 200;
        to = 299;

        if (conf->status) {
            text = conf->status->elts;
            text += i;

            from = text->len >= 3 ? ngx_atoi(text->data, 3) : NGX_ERROR;
            to = from;

            if (text->len == 7 && text->data[3] == '-') {
                to = ngx_atoi(text->data + 4, 3);

            } else if (text->len != 3) {
                to = NGX_ERROR;
            }

            if (from < 200 || to < from || to > 599) {
                return "needs statuses as \"200\" or \"200-299\" in "
                       "\"status\"";
            }
        }

        range = ngx_array_push(&conf->statuses);
        if (range == NULL) {
            return NGX_CONF_ERROR;
        }

        range->from = from;
        range->to = to;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_response_validator_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf,
                                       &ngx_http_gateway_response_validator);
}
