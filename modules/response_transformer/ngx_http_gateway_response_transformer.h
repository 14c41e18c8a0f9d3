
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_response_body.h"
#include "ngx_http_gateway_transform.h"
#include "gateway_regex.h"
#include "gateway_template.h"


/* statuses from .. to */
typedef struct {
    ngx_uint_t                       from;
    ngx_uint_t                       to;
} ngx_http_gateway_response_range_t;


/* a header that nginx keeps apart */
typedef struct {
    ngx_str_t                        name;
    size_t                           offset;    /* in r->headers_out; 0: its
                                                   Content-Type */
} ngx_http_gateway_response_place_t;


typedef struct {
    ngx_http_gateway_transform_e     operation;
    ngx_str_t                        name;
    ngx_str_t                        value;     /* header's value, new name,
                                                   or JSON text */
    ngx_http_gateway_json_path_t     path;
    gateway_template_t              *template;  /* NULL: value as it is */
    gateway_regex_t                 *filter;    /* REMOVE of a header */
    uint64_t                         mark;      /* of the name */
    ngx_http_gateway_response_place_t *place;   /* of what is written, or
                                                   NULL */
    u_char                           type;      /* 's', 'n', 'b' */
    unsigned                         filtered:1;  /* by value or filter */
    unsigned                         length:1;  /* Content-Length */
    unsigned                         alone:1;   /* no other step has to do
                                                   with that header */
} ngx_http_gateway_response_step_t;


/* the body of some statuses, of one type */
typedef struct {
    ngx_http_gateway_response_range_t  range;
    ngx_str_t                          type;
    ngx_str_t                          text;
    gateway_template_t                *template;
} ngx_http_gateway_response_page_t;


/* replace.status */
typedef struct {
    ngx_http_gateway_response_range_t  range;
    ngx_uint_t                         status;
} ngx_http_gateway_response_status_t;


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_array_t                     *headers[
                                       NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS];
    ngx_array_t                     *json[
                                       NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS];
    ngx_array_t                     *types[
                                       NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS];
    ngx_array_t                     *if_status[
                                       NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS];
    ngx_array_t                     *allow;     /* ngx_str_t, or NULL */
    ngx_array_t                     *status;
    ngx_array_t                     *page;
    ngx_array_t                     *redact_json;
    ngx_array_t                     *redact_values;
    ngx_str_t                        redact_with;
    ngx_str_t                        body;      /* replace.body */
    ngx_int_t                        max_body_size;
    ngx_flag_t                       dots_in_keys;

    /* in the order in which they are done; ..._response_step_t */
    ngx_array_t                      header_steps;
    ngx_array_t                      json_steps;

    ngx_array_t                      ranges[
                                       NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS];
    ngx_array_t                      allowed;   /* ..._json_path_t */
    ngx_array_t                      statuses;  /* ..._response_status_t */
    ngx_array_t                      pages;     /* ..._response_page_t */
    ngx_http_gateway_json_redaction_t  redaction;
    gateway_template_t              *body_template;
    ngx_uint_t                       depth;     /* that JSON is opened to */
    unsigned                         redacts:1;
    unsigned                         advanced:1;  /* directive */
} ngx_http_gateway_response_transformer_conf_t;


/* there is one only if the body is to be changed */
typedef struct {
    ngx_http_gateway_data_t          head;
    ngx_http_gateway_response_body_t body;      /* or what is given */
    ngx_uint_t                       status;    /* before replace.status */
    unsigned                         json:1;    /* to be changed */
    unsigned                         given:1;   /* what comes is dropped */
    unsigned                         encoded:1; /* it is to be inflated */
} ngx_http_gateway_response_ctx_t;


/* 1 if the operation is done for that status */
#define ngx_http_gateway_response_if_status(rtcf, operation, status)          \
    ((rtcf)->ranges[operation].nelts == 0                                     \
     || ngx_http_gateway_response_in_ranges(&(rtcf)->ranges[operation],       \
                                            status))

ngx_uint_t ngx_http_gateway_response_in_ranges(ngx_array_t *ranges,
    ngx_uint_t status);


/* ngx_http_gateway_response_transformer_module.c */

extern ngx_http_gateway_policy_t  ngx_http_gateway_response_advanced_policy;


/* ngx_http_gateway_response_transformer_conf.c: of both policies */

void ngx_http_gateway_response_transformer_defaults(void *conf);
char *ngx_http_gateway_response_transformer_check(ngx_conf_t *cf, void *conf);


/* ngx_http_gateway_response_transformer_headers.c; NGX_OK or NGX_ERROR */

ngx_int_t ngx_http_gateway_response_headers(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status);

/* NULL: it has none */
ngx_http_gateway_response_place_t *ngx_http_gateway_response_place(
    ngx_str_t *name);

ngx_uint_t ngx_http_gateway_response_name_is(ngx_str_t *name,
    const char *text, size_t len);


/* ngx_http_gateway_response_transformer_body.c */

/* whether and how the body will be changed; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_response_expect(ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status,
    ngx_uint_t json);

/* some of the operations on JSON act on that status */
ngx_uint_t ngx_http_gateway_response_wants_json(
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status);

ngx_uint_t ngx_http_gateway_response_is_json(ngx_http_request_t *r);

ngx_int_t ngx_http_gateway_response_transformer_body(ngx_http_request_t *r,
    void *conf, ngx_chain_t **in);


/* ngx_http_gateway_response_transformer_pages.c */

/* the page for that status that the client likes best, or NULL */
ngx_http_gateway_response_page_t *ngx_http_gateway_response_page(
    ngx_http_request_t *r,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t status);


#endif /* _NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_H_INCLUDED_ */
