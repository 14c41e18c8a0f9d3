
/*
 * Copyright (C) the ngx_gateway authors
 *
 * From the parameters of the directive to steps: names are checked, paths,
 * templates and values are made ready, so that a request parses none of them.
 */


#include "ngx_http_gateway_request_transformer.h"
#include "ngx_http_gateway_value.h"


/* bytes; more are never held in memory */
#define NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_MAX  8388608


static char *ngx_http_gateway_request_check_method(
    ngx_http_gateway_request_transformer_conf_t *rtcf);
static char *ngx_http_gateway_request_check_list(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_transform_e operation);
static char *ngx_http_gateway_request_add_step(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry);
static char *ngx_http_gateway_request_check_body(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step);
static char *ngx_http_gateway_request_check_header(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry);
static ngx_int_t ngx_http_gateway_request_header_name(ngx_conf_t *cf,
    ngx_http_gateway_header_name_t *header, ngx_str_t *name);
static char *ngx_http_gateway_request_compile(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step);


void
ngx_http_gateway_request_transformer_defaults(void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    rtcf->max_body_size = NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_MAX;
    rtcf->dots_in_keys = 1;
}


char *
ngx_http_gateway_request_transformer_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_request_transformer_conf_t  *rtcf = conf;

    char        *rv;
    ngx_uint_t   op, place;

    rv = ngx_http_gateway_request_check_method(rtcf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rtcf->path.value = rtcf->uri;

    rv = ngx_http_gateway_request_compile(cf, rtcf, &rtcf->path);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_gateway_transform_allow(cf, &rtcf->allow,
                               !rtcf->dots_in_keys, &rtcf->allowed,
                               &rtcf->depth,
                               "has a malformed path in \"allow.body\"");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (place = 0; place < NGX_HTTP_GATEWAY_REQUEST_PLACES; place++) {

        if (ngx_array_init(&rtcf->steps[place], cf->pool, 2,
                           sizeof(ngx_http_gateway_request_step_t))
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        for (op = 0; op < NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS; op++) {
            rv = ngx_http_gateway_request_check_list(cf, rtcf, place, op);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_check_method(
    ngx_http_gateway_request_transformer_conf_t *rtcf)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    static struct {
        ngx_str_t   name;
        ngx_uint_t  method;
    }  methods[] = {
        { ngx_string("GET"), NGX_HTTP_GET },
        { ngx_string("HEAD"), NGX_HTTP_HEAD },
        { ngx_string("POST"), NGX_HTTP_POST },
        { ngx_string("PUT"), NGX_HTTP_PUT },
        { ngx_string("DELETE"), NGX_HTTP_DELETE },
        { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
        { ngx_string("PATCH"), NGX_HTTP_PATCH },
        { ngx_string("TRACE"), NGX_HTTP_TRACE },
        { ngx_null_string, 0 }
    };

    name = &rtcf->http_method;

    if (name->len == 0) {
        return NGX_CONF_OK;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 'A' || name->data[i] > 'Z') {
            return "has an \"http_method\" that is not all capital letters";
        }
    }

    rtcf->method = NGX_HTTP_UNKNOWN;

    for (i = 0; methods[i].name.len; i++) {
        if (methods[i].name.len == name->len
            && ngx_strncmp(methods[i].name.data, name->data, name->len) == 0)
        {
            rtcf->method = methods[i].method;
        }
    }

    rtcf->to_query = rtcf->method == NGX_HTTP_GET
                     || rtcf->method == NGX_HTTP_HEAD
                     || rtcf->method == NGX_HTTP_TRACE;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_check_list(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_transform_e operation)
{
    char                             *rv;
    ngx_str_t                        *entry, *type;
    ngx_uint_t                        i, ntypes;
    ngx_array_t                      *list, *types;
    ngx_http_gateway_request_step_t   step;

    types = (place == NGX_HTTP_GATEWAY_REQUEST_BODY) ? rtcf->types[operation]
                                                     : NULL;
    ntypes = types ? types->nelts : 0;
    type = ntypes ? types->elts : NULL;

    for (i = 0; i < ntypes; i++) {
        if (ngx_strcmp(type[i].data, "string") != 0
            && ngx_strcmp(type[i].data, "number") != 0
            && ngx_strcmp(type[i].data, "boolean") != 0)
        {
            return "has \"json_types\" other than \"string\", \"number\" "
                   "and \"boolean\"";
        }
    }

    list = rtcf->lists[operation * NGX_HTTP_GATEWAY_REQUEST_PLACES + place];

    if (list == NULL) {
        return NGX_CONF_OK;
    }

    entry = list->elts;

    for (i = 0; i < list->nelts; i++) {
        ngx_memzero(&step, sizeof(ngx_http_gateway_request_step_t));

        step.operation = operation;
        step.type = i < ntypes ? type[i].data[0] : 's';

        rv = ngx_http_gateway_request_add_step(cf, rtcf, place, &step,
                                               &entry[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_add_step(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_uint_t place,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry)
{
    char                             *rv;
    gateway_str_t                     pair, name, value;
    ngx_http_gateway_request_step_t  *new;

    pair.data = (char *) entry->data;
    pair.len = entry->len;

    if (!gateway_pair_split(&pair, &name, &value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" has no name", entry,
                           &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    step->name.name.data = (u_char *) name.data;
    step->name.name.len = name.len;
    step->value.data = (u_char *) value.data;
    step->value.len = value.len;

    if (place == NGX_HTTP_GATEWAY_REQUEST_HEADERS) {
        rv = ngx_http_gateway_request_check_header(cf, rtcf, step, entry);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        /* "name:" changes nothing */

        if (step->operation > NGX_HTTP_GATEWAY_TRANSFORM_RENAME
            && value.len == 0)
        {
            return NGX_CONF_OK;
        }

    } else if (step->operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE
               && value.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key \"%V\" in \"gateway_%V\" has no value",
                           &step->name.name, &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    if (step->operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE) {
        rv = ngx_http_gateway_request_compile(cf, rtcf, step);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (place == NGX_HTTP_GATEWAY_REQUEST_BODY) {
        rv = ngx_http_gateway_request_check_body(cf, rtcf, step);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    new = ngx_array_push(&rtcf->steps[place]);
    if (new == NULL) {
        return NGX_CONF_ERROR;
    }

    *new = *step;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_request_check_body(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step)
{
    ngx_int_t  rc;

    rc = ngx_http_gateway_json_path(cf->pool, &step->name.name,
                                    !rtcf->dots_in_keys, &step->path);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" is a malformed path",
                           &step->name.name, &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    rtcf->depth = ngx_max(rtcf->depth, step->path.depth);

    if (rc == NGX_OK
        && step->operation >= NGX_HTTP_GATEWAY_TRANSFORM_REPLACE
        && step->template == NULL)
    {
        rc = ngx_http_gateway_json_value(cf->pool, step->type, &step->value,
                                         &step->json);

        if (rc == NGX_DECLINED) {

            /* forms take it as it is; JSON does without it at run time */

            return NGX_CONF_OK;
        }
    }

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_request_check_header(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step, ngx_str_t *entry)
{
    ngx_str_t      *policy;
    gateway_str_t   name, value;

    policy = &rtcf->instance.policy->name;

    name.data = (char *) step->name.name.data;
    name.len = step->name.name.len;
    value.data = (char *) step->value.data;
    value.len = step->value.len;

    step->framing = gateway_is_framing_header(&name)
                    || (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
                        && gateway_is_framing_header(&value));

    if (!gateway_is_header_name(&name)
        || (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
            && !gateway_is_header_name(&value)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" is not a valid header",
                           entry, policy);
        return NGX_CONF_ERROR;
    }

    if (!gateway_is_header_value(&value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the value of header \"%V\" in \"gateway_%V\" has "
                           "a line end", &step->name.name, policy);
        return NGX_CONF_ERROR;
    }

    if (step->framing
        && step->operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\": a header that says "
                           "where the body ends cannot be set", entry,
                           policy);
        return NGX_CONF_ERROR;
    }

    step->mark = ngx_http_gateway_header_mark(&step->name.name);
    step->makes = (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME)
                  ? ngx_http_gateway_header_mark(&step->value) : step->mark;

    if (ngx_http_gateway_request_header_name(cf, &step->name,
                                             &step->name.name)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
        && ngx_http_gateway_request_header_name(cf, &step->to, &step->value)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    step->host = (step->name.lowcase.len == 4
                  && ngx_strncmp(step->name.lowcase.data, "host", 4) == 0)
                 || (step->to.lowcase.len == 4
                     && ngx_strncmp(step->to.lowcase.data, "host", 4) == 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_request_header_name(ngx_conf_t *cf,
    ngx_http_gateway_header_name_t *header, ngx_str_t *name)
{
    header->name = *name;
    header->lowcase.len = name->len;
    header->lowcase.data = ngx_pnalloc(cf->pool, name->len);

    if (header->lowcase.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(header->lowcase.data, name->data, name->len);

    return NGX_OK;
}


static char *
ngx_http_gateway_request_compile(ngx_conf_t *cf,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_step_t *step)
{
    char  err[NGX_HTTP_GATEWAY_VALUE_ERROR];

    if (ngx_http_gateway_value_compile(cf, &step->value, 1, &step->template,
                                       err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value \"%V\" in \"gateway_%V\" is not in "
                           "supported format: %s", &step->value,
                           &rtcf->instance.policy->name, err);
        return NGX_CONF_ERROR;
    }

    if (step->template) {
        step->slot = rtcf->nslots++;
    }

    return NGX_CONF_OK;
}
