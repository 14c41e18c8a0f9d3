
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_


#include "ngx_http_gateway.h"

#include <openssl/evp.h>


typedef enum {
    NGX_HTTP_GATEWAY_JWT_HS = 0,
    NGX_HTTP_GATEWAY_JWT_RS,
    NGX_HTTP_GATEWAY_JWT_PS,
    NGX_HTTP_GATEWAY_JWT_ES,
    NGX_HTTP_GATEWAY_JWT_ED
} ngx_http_gateway_jwt_family_e;


typedef struct {
    ngx_str_t                        name;      /* "HS256" */
    ngx_http_gateway_jwt_family_e    family;
    const EVP_MD                  *(*md)(void); /* NULL: of the key itself */
    size_t                           signature; /* its only size; 0: any */
} ngx_http_gateway_jwt_alg_t;


/* NULL for all that is not supported, "none" among it */
const ngx_http_gateway_jwt_alg_t *ngx_http_gateway_jwt_algorithm(
    const u_char *name, size_t len);

/*
 * A public key in PEM, or the public half of a private one; NULL if it cannot
 * be read or is of no use for the algorithm.  Freed with the pool.
 */
EVP_PKEY *ngx_http_gateway_jwt_key(ngx_pool_t *pool, ngx_str_t *pem,
    const ngx_http_gateway_jwt_alg_t *alg);

/*
 * secret for HS*, key for the others; a key that is missing fits to nothing.
 * 1 if the signature is right.
 */
ngx_uint_t ngx_http_gateway_jwt_verify(const ngx_http_gateway_jwt_alg_t *alg,
    ngx_str_t *secret, EVP_PKEY *key, ngx_str_t *text, ngx_str_t *signature);


#endif /* _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_ */
