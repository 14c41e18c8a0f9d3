
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Bodies of responses that a policy wants whole: collected up to a bound,
 * with the header held until it is known what becomes of them, so that one
 * that is too large, breaks off or cannot be used gets a clean 502.
 */


#ifndef _NGX_HTTP_GATEWAY_RESPONSE_BODY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_RESPONSE_BODY_H_INCLUDED_


#include "ngx_http_gateway.h"


/* a part of what the policy keeps with the request */
typedef struct {
    const char                      *owner;     /* named in the log */
    ngx_str_t                        text;      /* so far */
    size_t                           size;      /* of its memory */
    size_t                           max;
    unsigned                         done:1;    /* it went on */
} ngx_http_gateway_response_body_t;


/* access handler: the upstream is not told which codings the client knows */
void ngx_http_gateway_response_body_ask_plain(ngx_http_request_t *r);


/* header handler: */

/* HEAD, 204 and the like */
ngx_uint_t ngx_http_gateway_response_is_bodiless(ngx_http_request_t *r);

/*
 * NGX_OK: it comes as it is; NGX_AGAIN: for _inflate(); NGX_DECLINED: in a
 * coding that is not known, which is in the log now unless owner is NULL
 */
ngx_int_t ngx_http_gateway_response_body_coding(ngx_http_request_t *r,
    const char *owner);

/*
 * Holds the header and makes body ready; the response must have one.  NGX_OK;
 * NGX_ERROR: return it from the handler, the answer is 502 if the body is
 * announced to be larger than max.
 */
ngx_int_t ngx_http_gateway_response_body_expect(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, const char *owner, size_t max);

/* for _copy(): nothing is held and any length may come */
void ngx_http_gateway_response_body_watch(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, const char *owner, size_t max);

/* another text will go out under the name of the old one, and parts of none */
void ngx_http_gateway_response_body_changes(ngx_http_request_t *r);


/* body handler: */

/*
 * NGX_OK: body->text is complete; NGX_AGAIN: return NGX_OK, more is to come;
 * NGX_ABORT: too large, or it breaks off; NGX_ERROR
 */
ngx_int_t ngx_http_gateway_response_body_collect(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_chain_t **in);

/*
 * The same for a body that goes on meanwhile as it came.  NGX_AGAIN: more is
 * to come; NGX_ABORT: too large
 */
ngx_int_t ngx_http_gateway_response_body_copy(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_chain_t *in);

/*
 * NGX_OK: body->text is plain; NGX_DECLINED: it is malformed and stays as it
 * is; NGX_ABORT: it would be larger than body->max; NGX_ERROR.  The reason is
 * in the log.
 */
ngx_int_t ngx_http_gateway_response_body_inflate(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body);

/*
 * With rc NGX_OK releases the header and sets *in to the text; NGX_ABORT: the
 * answer is 502; anything else: an error.  The handler returns its value.
 */
ngx_int_t ngx_http_gateway_response_body_finish(ngx_http_request_t *r,
    ngx_http_gateway_response_body_t *body, ngx_int_t rc, ngx_str_t *text,
    ngx_chain_t **in);

/* a chain of that text; last: nothing follows.  NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_response_body_out(ngx_http_request_t *r,
    ngx_str_t *text, ngx_uint_t last, ngx_chain_t **out);


#endif /* _NGX_HTTP_GATEWAY_RESPONSE_BODY_H_INCLUDED_ */
