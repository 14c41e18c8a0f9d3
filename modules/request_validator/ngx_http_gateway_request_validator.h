
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the files of request_validator share.
 */


#ifndef _NGX_HTTP_GATEWAY_REQUEST_VALIDATOR_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REQUEST_VALIDATOR_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gateway_json_schema.h"


typedef enum {
    NGX_HTTP_GATEWAY_VALIDATOR_QUERY = 0,
    NGX_HTTP_GATEWAY_VALIDATOR_HEADER,
    NGX_HTTP_GATEWAY_VALIDATOR_PATH
} ngx_http_gateway_validator_in_e;


/* a parameter of requests */
typedef struct {
    ngx_uint_t                    in;
    ngx_str_t                     name;
    ngx_str_t                     lowcase;   /* HEADER */
    ngx_str_t                     text;      /* its schema, JSON */
    gateway_json_schema_t        *schema;
    u_char                        separator; /* of items; 0: one is one
                                                argument */
    unsigned                      array:1;   /* the schema's type */
    unsigned                      required:1;
} ngx_http_gateway_validator_param_t;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_array_t                  *body_parts;    /* ngx_str_t, to be joined */
    ngx_array_t                  *params;        /* ..._validator_param_t */
    ngx_array_t                  *required;      /* ngx_str_t "in.name" */
    ngx_array_t                  *styles;        /* "in.name:style" */
    ngx_array_t                  *unexploded;    /* "in.name" */
    ngx_array_t                  *types;         /* ngx_str_t */
    ngx_flag_t                    strict_types;
    ngx_int_t                     max_body_size;
    ngx_flag_t                    verbose;
    ngx_flag_t                    problem;

    gateway_json_schema_t        *body;      /* NULL: none */
} ngx_http_gateway_request_validator_conf_t;


/* ngx_http_gateway_request_validator_params.c */

/*
 * NGX_OK, or NGX_DECLINED: *wrong is not valid, which error tells of; or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_validator_params(ngx_http_request_t *r,
    ngx_http_gateway_request_validator_conf_t *conf,
    ngx_http_gateway_validator_param_t **wrong,
    gateway_json_schema_error_t *error);


#endif /* _NGX_HTTP_GATEWAY_REQUEST_VALIDATOR_H_INCLUDED_ */
