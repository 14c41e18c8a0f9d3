
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Parameters of requests are texts.  One whose schema is of the type "array"
 * is split as its style has it; what reads like a number, true or false is
 * tried as such first, and as text if it does not conform.
 */


#include "ngx_http_gateway_args.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_request_validator.h"


/* values of one parameter; more are not valid */
#define NGX_HTTP_GATEWAY_VALIDATOR_VALUES  1000


static ngx_int_t ngx_http_gateway_validator_values(ngx_http_request_t *r,
    ngx_http_gateway_validator_param_t *param, ngx_array_t *values);
static ngx_int_t ngx_http_gateway_validator_arguments(ngx_http_request_t *r,
    ngx_http_gateway_validator_param_t *param, ngx_array_t *values);
static ngx_int_t ngx_http_gateway_validator_header(ngx_http_request_t *r,
    ngx_http_gateway_validator_param_t *param, ngx_array_t *values);
static ngx_int_t ngx_http_gateway_validator_split(ngx_array_t *values,
    ngx_str_t *text, u_char separator);
static ngx_int_t ngx_http_gateway_validator_try(
    ngx_http_gateway_validator_param_t *param, ngx_array_t *values,
    ngx_uint_t typed, gateway_json_schema_error_t *error);
static json_t *ngx_http_gateway_validator_json(ngx_str_t *text,
    ngx_uint_t typed);


ngx_int_t
ngx_http_gateway_validator_params(ngx_http_request_t *r,
    ngx_http_gateway_request_validator_conf_t *conf,
    ngx_http_gateway_validator_param_t **wrong,
    gateway_json_schema_error_t *error)
{
    ngx_int_t                            rc;
    ngx_uint_t                           i;
    ngx_array_t                          values;
    ngx_http_gateway_validator_param_t  *param;

    param = conf->params->elts;

    for (i = 0; i < conf->params->nelts; i++) {

        if (ngx_array_init(&values, r->pool, 4, sizeof(ngx_str_t)) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_http_gateway_validator_values(r, &param[i], &values);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        *wrong = &param[i];
        error->place[0] = '\0';

        if (rc == NGX_DECLINED) {

            if (!param[i].required) {
                continue;
            }

            (void) ngx_cpystrn((u_char *) error->message,
                               (u_char *) "is missing",
                               sizeof(error->message));
            return NGX_DECLINED;
        }

        if (rc == NGX_ABORT || (!param[i].array && values.nelts > 1)) {
            (void) ngx_cpystrn((u_char *) error->message,
                               (u_char *) "has too many values",
                               sizeof(error->message));
            return NGX_DECLINED;
        }

        rc = ngx_http_gateway_validator_try(&param[i], &values, 1, error);

        if (rc == NGX_DECLINED) {
            rc = ngx_http_gateway_validator_try(&param[i], &values, 0, error);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* NGX_OK; NGX_DECLINED: there is none; NGX_ABORT: too many; NGX_ERROR */

static ngx_int_t
ngx_http_gateway_validator_values(ngx_http_request_t *r,
    ngx_http_gateway_validator_param_t *param, ngx_array_t *values)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    switch (param->in) {

    case NGX_HTTP_GATEWAY_VALIDATOR_QUERY:
        return ngx_http_gateway_validator_arguments(r, param, values);

    case NGX_HTTP_GATEWAY_VALIDATOR_HEADER:
        return ngx_http_gateway_validator_header(r, param, values);

    default: /* NGX_HTTP_GATEWAY_VALIDATOR_PATH */

        rc = ngx_http_gateway_route_capture(r, &param->name, &text);

        if (rc != NGX_OK || text.len == 0) {
            return NGX_DECLINED;
        }

        return ngx_http_gateway_validator_split(values, &text,
                                                param->separator);
    }
}


static ngx_int_t
ngx_http_gateway_validator_arguments(ngx_http_request_t *r,
    ngx_http_gateway_validator_param_t *param, ngx_array_t *values)
{
    ngx_int_t                rc;
    ngx_str_t                args, text;
    ngx_uint_t               found;
    ngx_http_gateway_arg_t   arg;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_get_ctx(r);

    args = ctx->args;
    found = 0;

    while (ngx_http_gateway_arg_next(&args, &arg)) {

        if (!ngx_http_gateway_arg_is(&arg, &param->name)) {
            continue;
        }

        found = 1;

        if (arg.bare) {
            ngx_str_null(&text);

        } else if (ngx_http_gateway_unescape(r->pool, &arg.value, &text)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        rc = ngx_http_gateway_validator_split(values, &text,
                                              param->separator);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return found ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_validator_header(ngx_http_request_t *r,
    ngx_http_gateway_validator_param_t *param, ngx_array_t *values)
{
    ngx_int_t         rc;
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    for (n = 0; ; n++) {

        h = ngx_http_gateway_header_in(r, &param->lowcase, n);
        if (h == NULL) {
            break;
        }

        rc = ngx_http_gateway_validator_split(values, &h->value,
                                              param->separator);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return n ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_validator_split(ngx_array_t *values, ngx_str_t *text,
    u_char separator)
{
    u_char     *p, *last, *end;
    ngx_str_t  *value;

    p = text->data;
    last = p + text->len;

    for ( ;; ) {

        end = separator ? ngx_strlchr(p, last, separator) : NULL;
        if (end == NULL) {
            end = last;
        }

        if (values->nelts == NGX_HTTP_GATEWAY_VALIDATOR_VALUES) {
            return NGX_ABORT;
        }

        value = ngx_array_push(values);
        if (value == NULL) {
            return NGX_ERROR;
        }

        value->data = p;
        value->len = end - p;

        /* in headers blanks follow commas */

        if (separator == ',') {
            while (value->len && *value->data == ' ') {
                value->data++;
                value->len--;
            }
        }

        if (end == last) {
            return NGX_OK;
        }

        p = end + 1;
    }
}


static ngx_int_t
ngx_http_gateway_validator_try(ngx_http_gateway_validator_param_t *param,
    ngx_array_t *values, ngx_uint_t typed, gateway_json_schema_error_t *error)
{
    int          valid;
    json_t      *json, *item;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = values->elts;

    if (!param->array) {
        json = ngx_http_gateway_validator_json(&value[0], typed);

    } else {
        json = json_array();

        for (i = 0; json && i < values->nelts; i++) {
            item = ngx_http_gateway_validator_json(&value[i], typed);

            if (item == NULL || json_array_append_new(json, item) != 0) {
                json_decref(json);
                json = NULL;
            }
        }
    }

    if (json == NULL) {

        /* no UTF-8 */

        (void) ngx_cpystrn((u_char *) error->message,
                           (u_char *) "is no text", sizeof(error->message));
        return NGX_DECLINED;
    }

    valid = gateway_json_schema_validate(param->schema, json, error);

    json_decref(json);

    return valid ? NGX_OK : NGX_DECLINED;
}


static json_t *
ngx_http_gateway_validator_json(ngx_str_t *text, ngx_uint_t typed)
{
    json_t        *json;
    json_error_t   error;

    if (typed && text->len
        && (text->data[0] == '-' || text->data[0] == 't'
            || text->data[0] == 'f'
            || (text->data[0] >= '0' && text->data[0] <= '9')))
    {
        json = json_loadb((char *) text->data, text->len, JSON_DECODE_ANY,
                          &error);
        if (json) {
            return json;
        }
    }

    return json_stringn((char *) text->data, text->len);
}
