
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_DIGEST_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_DIGEST_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gateway_digest.h"


/*
 * Digests of credentials under the secret of "gateway_secret_file".  Without
 * that directive the secret is drawn for each configuration: it will do for
 * what stands in the configuration in plain text.
 */

/* the setter; the directive stands before all that needs the secret */
char *ngx_http_gateway_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the key of a purpose, while the configuration is read; NGX_OK, NGX_ERROR */
ngx_int_t ngx_http_gateway_digest_key(ngx_conf_t *cf,
    gateway_digest_key_t *key, const char *purpose);

/* 1 if the secret is of a file: digests made elsewhere can be compared */
ngx_uint_t ngx_http_gateway_digest_is_lasting(ngx_conf_t *cf);


/*
 * A memory of each worker for digests of what it was shown before.  Found
 * again, one costs about a tenth of computing it.  It maps a tag, which is
 * 128 bits of SipHash-2-4 under random bytes, to the digest: nothing that a
 * digest is made of is kept, and nothing in it can become stale.  Of fixed
 * size; keep only what turned out to be right, so that no client can flood
 * it.
 */

typedef struct ngx_http_gateway_memo_s  ngx_http_gateway_memo_t;

typedef struct {
    uint64_t                         part[2];
} ngx_http_gateway_memo_tag_t;

/*
 * For n digests, a power of two; NULL on failure.  purpose NULL: its owner
 * sets the key before there are requests.
 */
ngx_http_gateway_memo_t *ngx_http_gateway_memo_create(ngx_conf_t *cf,
    const char *purpose, ngx_uint_t n);

/* the key that its digests are made with */
gateway_digest_key_t *ngx_http_gateway_memo_key(
    ngx_http_gateway_memo_t *memo);

/*
 * The HMAC of first and second as one text; first, which may be NULL, is of
 * one length for all digests of the memo.  tag is for ..._keep(); 1 if it
 * was known.
 */
ngx_uint_t ngx_http_gateway_memo_digest(ngx_http_gateway_memo_t *memo,
    const ngx_str_t *first, const ngx_str_t *second,
    ngx_http_gateway_memo_tag_t *tag, u_char digest[GATEWAY_DIGEST_LEN]);

void ngx_http_gateway_memo_keep(ngx_http_gateway_memo_t *memo,
    const ngx_http_gateway_memo_tag_t *tag,
    const u_char digest[GATEWAY_DIGEST_LEN]);


#endif /* _NGX_HTTP_GATEWAY_DIGEST_H_INCLUDED_ */
