
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_STORE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_STORE_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_credentials.h"
#include "gateway_store.h"


/* of "gateway_credential_store" */
typedef struct ngx_http_gateway_store_conf_s  ngx_http_gateway_store_conf_t;


/*
 * A credential of the store, copied to the request's pool.  Its consumer is
 * the configuration's where that has one of this id, else it lives in the
 * request's pool too, and has no number and no plugins of its own.
 */
typedef struct {
    ngx_http_gateway_credential_t    credential;
    ngx_str_t                        algorithm; /* jwt */
    ngx_str_t                        secret;    /* basic-auth: as stored;
                                                   jwt, hmac-auth: in clear,
                                                   or PEM */
} ngx_http_gateway_stored_t;


/*
 * Looks for a credential of this kind (GATEWAY_STORE_JWT, ...) by its name:
 * the username, the key of a jwt.
 *
 *     NGX_OK        *stored is it
 *     NGX_DECLINED  the store has nothing to say about it, or there is none
 *     NGX_ABORT     it was revoked, whatever the configuration says
 *     NGX_ERROR     the store cannot be read: answer 500, since nobody knows
 *                   whether it was revoked; told in the error log
 *
 * Without a store, and when it holds none of this kind, it costs next to
 * nothing.  *stored is NULL unless NGX_OK.
 */
ngx_int_t ngx_http_gateway_store_find(ngx_http_request_t *r, ngx_uint_t kind,
    const ngx_str_t *name, ngx_http_gateway_stored_t **stored);

/*
 * The same together with the credentials of the configuration, which come
 * first: NGX_OK: *named is one of the table, or it is NULL and *stored is
 * one; NGX_DECLINED: there is none, or it was revoked; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_store_named(ngx_http_request_t *r, ngx_uint_t kind,
    ngx_http_gateway_named_table_t *table, const ngx_str_t *name,
    void **named, ngx_http_gateway_stored_t **stored);

/* of ngx_http_gateway_store_find() for key-auth, by the digest of the key */
ngx_int_t ngx_http_gateway_store_find_key(ngx_http_request_t *r,
    const u_char digest[GATEWAY_DIGEST_LEN],
    ngx_http_gateway_stored_t **stored);

/*
 * A consumer that is only in the store, by its names: bits as of
 * ngx_http_gateway_consumers_find(); in the request's pool.  NGX_OK,
 * NGX_DECLINED or NGX_ERROR as above.
 */
ngx_int_t ngx_http_gateway_store_consumer(ngx_http_request_t *r,
    ngx_uint_t by, const ngx_str_t *name,
    ngx_http_gateway_consumer_t **consumer);


/* for the module of the directive */

ngx_http_gateway_store_conf_t *ngx_http_gateway_store_create(ngx_conf_t *cf,
    ngx_str_t *directory);

/* when all consumers are known; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_store_init(ngx_conf_t *cf,
    ngx_http_gateway_store_conf_t *scf);

/* the master's: lets workers of another user read; says what is wrong */
void ngx_http_gateway_store_prepare(ngx_cycle_t *cycle,
    ngx_http_gateway_store_conf_t *scf);

void ngx_http_gateway_store_init_process(ngx_cycle_t *cycle,
    ngx_http_gateway_store_conf_t *scf);
void ngx_http_gateway_store_exit_process(void);


#endif /* _NGX_HTTP_GATEWAY_STORE_H_INCLUDED_ */
