
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_transform.h"
#include "gateway_template.h"


/* arguments of a query or form, parts of a multipart body */
#define NGX_HTTP_GATEWAY_REQUEST_MAX_FIELDS  4096


enum {
    NGX_HTTP_GATEWAY_REQUEST_HEADERS = 0,
    NGX_HTTP_GATEWAY_REQUEST_QUERY,
    NGX_HTTP_GATEWAY_REQUEST_BODY,
    NGX_HTTP_GATEWAY_REQUEST_PLACES
};


enum {
    NGX_HTTP_GATEWAY_REQUEST_TYPE_OTHER = 0,
    NGX_HTTP_GATEWAY_REQUEST_TYPE_JSON,
    NGX_HTTP_GATEWAY_REQUEST_TYPE_MULTIPART,
    NGX_HTTP_GATEWAY_REQUEST_TYPE_FORM
};


typedef struct {
    ngx_http_gateway_transform_e           operation;
    ngx_http_gateway_header_name_t         name;  /* lowcase: headers only */
    ngx_http_gateway_header_name_t         to;    /* RENAME of a header */
    ngx_str_t                              value; /* or the new name */
    ngx_http_gateway_json_path_t           path;  /* of the body in JSON */
    ngx_str_t                              json;  /* value as JSON text; no
                                                     data: by template */
    gateway_template_t                    *template;  /* NULL: as it is */
    ngx_uint_t                             slot;  /* of its rendering */
    uint64_t                               mark;  /* of a header's name */
    uint64_t                               makes; /* of what is written */
    u_char                                 type;  /* 's', 'n', 'b' */
    unsigned                               host:1;
    unsigned                               framing:1;
    unsigned                               failed:1;  /* has been logged */
} ngx_http_gateway_request_step_t;


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_array_t                     *lists[
                                   NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS
                                   * NGX_HTTP_GATEWAY_REQUEST_PLACES];
    ngx_array_t                     *types[
                                   NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS];
    ngx_array_t                     *allow;     /* ngx_str_t, or NULL */
    ngx_str_t                        http_method;
    ngx_str_t                        uri;
    ngx_int_t                        max_body_size;
    ngx_flag_t                       dots_in_keys;

    /* in the order in which they are done; ..._request_step_t */
    ngx_array_t                      steps[NGX_HTTP_GATEWAY_REQUEST_PLACES];
    ngx_http_gateway_request_step_t  path;
    ngx_array_t                      allowed;   /* ..._json_path_t */
    ngx_uint_t                       depth;     /* that JSON is opened to */
    ngx_uint_t                       nslots;
    ngx_uint_t                       method;    /* nginx's bit */
    unsigned                         to_query:1;  /* GET, HEAD, TRACE */
} ngx_http_gateway_request_transformer_conf_t;


typedef struct {
    unsigned                         no_expressions:1;
} ngx_http_gateway_request_transformer_main_t;


/* what a template gave for this request */
typedef struct {
    ngx_str_t                              value;
    unsigned                               failed:1;
} ngx_http_gateway_request_rendering_t;


typedef struct {
    ngx_http_gateway_data_t                head;
    ngx_http_gateway_request_rendering_t  *renderings;
    ngx_uint_t                             stage;
} ngx_http_gateway_request_ctx_t;


/*
 * Unless told otherwise functions return NGX_OK, NGX_ERROR, or the HTTP
 * status to answer with.
 */

/* ngx_http_gateway_request_transformer_module.c */

extern ngx_module_t  ngx_http_gateway_request_transformer_module;


/* ngx_http_gateway_request_transformer_conf.c: of both policies */

void ngx_http_gateway_request_transformer_defaults(void *conf);
char *ngx_http_gateway_request_transformer_check(ngx_conf_t *cf, void *conf);


/* ngx_http_gateway_request_transformer_values.c */

/* all templates, before the first change */
ngx_int_t ngx_http_gateway_request_render_all(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf,
    ngx_http_gateway_request_ctx_t *ctx);

/* NGX_OK, NGX_ERROR, or NGX_DECLINED: its template failed */
ngx_int_t ngx_http_gateway_request_value(ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step, ngx_str_t *value);

/* the query string as earlier policies have left it */
void ngx_http_gateway_request_query(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *gctx, ngx_str_t *args);


/* ngx_http_gateway_request_transformer_headers.c */

ngx_int_t ngx_http_gateway_request_set_path(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_step_t *step);

/* or NGX_AGAIN while a body is read */
ngx_int_t ngx_http_gateway_request_set_method(ngx_http_request_t *r,
    ngx_http_gateway_request_transformer_conf_t *rtcf);

ngx_int_t ngx_http_gateway_request_headers(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps);

/* of the Content-Type that the headers' stage has left */
ngx_uint_t ngx_http_gateway_request_type(ngx_http_request_t *r);


/* ngx_http_gateway_request_transformer_fields.c */

/*
 * Does the steps to the arguments of a query, which are then sorted and all
 * encoded anew.
 */
ngx_int_t ngx_http_gateway_request_args(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx, ngx_array_t *steps,
    ngx_str_t *text);

/*
 * The same for the three kinds of bodies, where the others stay as they are.
 * NGX_OK: text is the new one; NGX_DECLINED: unchanged.
 */
ngx_int_t ngx_http_gateway_request_form(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_str_t *text);
ngx_int_t ngx_http_gateway_request_json(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_str_t *text);
ngx_int_t ngx_http_gateway_request_multipart(ngx_http_request_t *r,
    ngx_http_gateway_request_ctx_t *ctx,
    ngx_http_gateway_request_transformer_conf_t *rtcf, ngx_str_t *text);


#endif /* _NGX_HTTP_GATEWAY_REQUEST_TRANSFORMER_H_INCLUDED_ */
