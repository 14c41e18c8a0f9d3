
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_TRACE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRACE_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * What tracing policies share: the context of a trace in request headers of
 * nine formats, ids, and which ids a request has, for its log record.
 */

#define NGX_HTTP_GATEWAY_TRACE_ID_LEN   16
#define NGX_HTTP_GATEWAY_SPAN_ID_LEN    8

/* hexadecimal digits of both */
#define NGX_HTTP_GATEWAY_TRACE_ID_TEXT  (2 * NGX_HTTP_GATEWAY_TRACE_ID_LEN)
#define NGX_HTTP_GATEWAY_SPAN_ID_TEXT   (2 * NGX_HTTP_GATEWAY_SPAN_ID_LEN)


typedef enum {
    NGX_HTTP_GATEWAY_TRACE_W3C = 0,
    NGX_HTTP_GATEWAY_TRACE_B3,
    NGX_HTTP_GATEWAY_TRACE_B3_SINGLE,
    NGX_HTTP_GATEWAY_TRACE_JAEGER,
    NGX_HTTP_GATEWAY_TRACE_OT,
    NGX_HTTP_GATEWAY_TRACE_DATADOG,
    NGX_HTTP_GATEWAY_TRACE_AWS,
    NGX_HTTP_GATEWAY_TRACE_GCP,
    NGX_HTTP_GATEWAY_TRACE_INSTANA,
    NGX_HTTP_GATEWAY_TRACE_FORMATS,
    /* what came in, of "inject" and "header_type" */
    NGX_HTTP_GATEWAY_TRACE_PRESERVE = NGX_HTTP_GATEWAY_TRACE_FORMATS,
    NGX_HTTP_GATEWAY_TRACE_IGNORE,      /* of "header_type" */
    NGX_HTTP_GATEWAY_TRACE_NONE
} ngx_http_gateway_trace_format_e;


typedef enum {
    NGX_HTTP_GATEWAY_TRACE_UNDECIDED = 0,
    NGX_HTTP_GATEWAY_TRACE_DROPPED,
    NGX_HTTP_GATEWAY_TRACE_SAMPLED
} ngx_http_gateway_trace_sampled_e;


/* which headers are read, removed and written; part of a policy's conf */
typedef struct {
    /* parameters, see NGX_HTTP_GATEWAY_TRACE_PARAMS */
    ngx_array_t                     *extract_names; /* ngx_str_t, or NULL */
    ngx_array_t                     *inject_names;
    ngx_array_t                     *clear;     /* lower case once checked */
    ngx_uint_t                       default_format;
    ngx_uint_t                       header_type;
    ngx_uint_t                       default_header_type;

    /* made of them by _check() */
    ngx_uint_t                       nextract;
    ngx_uint_t                       extract[NGX_HTTP_GATEWAY_TRACE_FORMATS];
    ngx_uint_t                       ninject;
    ngx_uint_t                       inject[NGX_HTTP_GATEWAY_TRACE_FORMATS
                                            + 1];
} ngx_http_gateway_trace_conf_t;


/* the context of a trace, as it came in or as it goes out */
typedef struct {
    u_char                           trace_id[NGX_HTTP_GATEWAY_TRACE_ID_LEN];
    u_char                           span_id[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    u_char                           parent_id[NGX_HTTP_GATEWAY_SPAN_ID_LEN];
    ngx_uint_t                       original;  /* bytes of the id that came
                                                   in, 0: none did */
    ngx_uint_t                       sampled;   /* ..._trace_sampled_e */
    ngx_uint_t                       from;      /* format, or ..._NONE */
    ngx_uint_t                       flags;     /* those of W3C */
    ngx_array_t                     *baggage;   /* ngx_keyval_t, values
                                                   decoded; or NULL */
    unsigned                         has_trace:1;
    unsigned                         has_span:1;
    unsigned                         has_parent:1;
    unsigned                         reuse:1;   /* the span is ours to share,
                                                   as in B3 and Jaeger */
    unsigned                         single:1;  /* B3 in one header */
    unsigned                         debug:1;   /* of B3 */
} ngx_http_gateway_trace_t;


extern ngx_conf_enum_t  ngx_http_gateway_trace_formats[];
extern ngx_conf_enum_t  ngx_http_gateway_trace_header_types[];

/* rows of a table of parameters; the conf has the struct as "member" */
#define NGX_HTTP_GATEWAY_TRACE_PARAMS(type, member)                           \
    { ngx_string("propagation.extract"), NGX_HTTP_GATEWAY_PARAM_LIST,         \
      offsetof(type, member.extract_names), 0, 0, NULL },                     \
                                                                              \
    { ngx_string("propagation.inject"), NGX_HTTP_GATEWAY_PARAM_LIST,          \
      offsetof(type, member.inject_names), 0, 0, NULL },                      \
                                                                              \
    { ngx_string("propagation.clear"), NGX_HTTP_GATEWAY_PARAM_LIST,           \
      offsetof(type, member.clear), 0, 0, NULL },                             \
                                                                              \
    { ngx_string("propagation.default_format"), NGX_HTTP_GATEWAY_PARAM_ENUM,  \
      offsetof(type, member.default_format), 0, 0,                            \
      ngx_http_gateway_trace_formats },                                       \
                                                                              \
    { ngx_string("header_type"), NGX_HTTP_GATEWAY_PARAM_ENUM,                 \
      offsetof(type, member.header_type), 0, 0,                               \
      ngx_http_gateway_trace_header_types }


/* for the policy's defaults; format: the one of a trace that begins here */
void ngx_http_gateway_trace_defaults(ngx_http_gateway_trace_conf_t *tcf);

/* for its check; format: what goes out unless it says so */
char *ngx_http_gateway_trace_check(ngx_conf_t *cf,
    ngx_http_gateway_trace_conf_t *tcf, ngx_uint_t format);

/*
 * The context that the request came with: trace->from is its format, or
 * ..._NONE and everything else is cleared.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_trace_extract(ngx_http_request_t *r,
    ngx_http_gateway_trace_conf_t *tcf, ngx_http_gateway_trace_t *trace);

/*
 * Removes the headers of "clear", then writes the context, which has a trace
 * and a span, in all formats of "inject".  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_trace_inject(ngx_http_request_t *r,
    ngx_http_gateway_trace_conf_t *tcf, ngx_http_gateway_trace_t *trace);

/*
 * A response header of that name with the id of the trace, whose first bytes
 * are left out when it shall have fewer.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_trace_echo(ngx_http_request_t *r,
    const ngx_str_t *name, const u_char *trace_id, size_t len);

/* random bytes for an id; never all zeros */
void ngx_http_gateway_trace_random(u_char *id, size_t len);

/* n bytes as 2 * n lower case digits; returns the end */
u_char *ngx_http_gateway_trace_hex(u_char *p, const u_char *id, size_t n);

/* bytes of an id are not all zero */
ngx_uint_t ngx_http_gateway_trace_valid(const u_char *id, size_t len);


/*
 * The ids that were sent upstream, by the names of their formats: the n-th,
 * from 0, NGX_DECLINED when there are no more.
 */
ngx_int_t ngx_http_gateway_trace_written(ngx_http_gateway_ctx_t *ctx,
    ngx_uint_t n, ngx_str_t *format, ngx_str_t *id);


/* nanoseconds since the epoch */
uint64_t ngx_http_gateway_trace_now(void);


#endif /* _NGX_HTTP_GATEWAY_TRACE_H_INCLUDED_ */
