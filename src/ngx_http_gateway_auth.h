
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_AUTH_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_AUTH_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"


/* what all authentication policies have in common; the head of their confs */
typedef struct {
    ngx_http_gateway_instance_t      instance;
    ngx_str_t                        anonymous; /* id or username, as given */
    ngx_str_t                        realm;
    ngx_str_t                        challenge; /* WWW-Authenticate */
    ngx_http_gateway_consumer_t     *consumer;  /* that anonymous names */
} ngx_http_gateway_auth_conf_t;


/*
 * For the policy's check(): refuses an empty "anonymous", makes the challenge
 * "scheme" or "scheme realm="..."", and keeps the conf in the array (of
 * ngx_http_gateway_auth_conf_t *) for ngx_http_gateway_auth_init().
 * Returns NGX_CONF_OK, a phrase or NGX_CONF_ERROR.
 */
char *ngx_http_gateway_auth_check(ngx_conf_t *cf, ngx_array_t *confs,
    ngx_http_gateway_auth_conf_t *acf, const char *scheme);

/*
 * For the policy's postconfiguration, when all consumers are known: resolves
 * "anonymous".  NGX_OK, or NGX_ERROR after a message with file and line.
 */
ngx_int_t ngx_http_gateway_auth_init(ngx_conf_t *cf, ngx_array_t *confs);

/*
 * 1 if the policy has nothing to do: it falls back to an anonymous consumer
 * and an earlier policy found a credential.
 */
ngx_uint_t ngx_http_gateway_auth_skip(ngx_http_gateway_ctx_t *ctx,
    ngx_http_gateway_auth_conf_t *acf);

/*
 * The request is that of this credential and its consumer, which may be NULL:
 * keeps both in ctx and writes the identity headers.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_auth_succeed(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_credential_t *credential);

/*
 * There is no valid credential: goes on as the anonymous consumer, or answers
 * 401 with the challenge.  Return its value from the access handler.
 */
ngx_int_t ngx_http_gateway_auth_fail(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_auth_conf_t *acf,
    const ngx_str_t *message);

/*
 * To be asked before a credential is judged, when auth_guard may know better:
 * NGX_DECLINED, go on; else the request was answered, and the access handler
 * returns the value.  name is what the credential goes by, a username for
 * instance, or NULL when it has none that is not secret.  A failure that
 * follows is counted, unless the attempt succeeds before; without this call it
 * is not.
 */
ngx_int_t ngx_http_gateway_auth_attempt(ngx_http_request_t *r,
    ngx_http_gateway_auth_conf_t *acf, const ngx_str_t *name);

/*
 * The attempt has failed: counts it, once.  The functions above and below that
 * refuse do so themselves; for policies that answer on their own.
 */
void ngx_http_gateway_auth_failed(ngx_http_request_t *r);

/*
 * The two halves of it, for policies with an answer of their own.  The first
 * may be called with acf->consumer only; the second adds WWW-Authenticate and
 * logs the message.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_auth_fallback(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_auth_conf_t *acf);
ngx_int_t ngx_http_gateway_auth_challenge(ngx_http_request_t *r,
    ngx_http_gateway_auth_conf_t *acf, const ngx_str_t *challenge,
    const ngx_str_t *message);

/*
 * 1 if no identity header can be in the request: the client's were removed
 * when its route was found, and no policy has written any yet.  To be asked
 * before ctx->consumer and ctx->credential are set.
 */
ngx_uint_t ngx_http_gateway_auth_is_clean(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);

/*
 * Takes the headers of these names out, which end with NULL, as the client
 * may have written them: in any case, with "_" for "-".  None of them may have
 * been written by a policy.
 */
void ngx_http_gateway_auth_clear_client(ngx_http_request_t *r,
    ngx_http_gateway_header_name_t **names);

/* 1 if both are the same; the time depends on the lengths only */
ngx_uint_t ngx_http_gateway_auth_equal(const ngx_str_t *a,
    const ngx_str_t *b);


#endif /* _NGX_HTTP_GATEWAY_AUTH_H_INCLUDED_ */
