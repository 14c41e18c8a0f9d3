
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Private to basic_auth: its credentials.
 */


#ifndef _NGX_HTTP_GATEWAY_BASIC_AUTH_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_BASIC_AUTH_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_credentials.h"
#include "ngx_http_gateway_digest.h"
#include "ngx_http_gateway_shm.h"
#include "ngx_http_gateway_basic_auth_hash.h"


typedef enum {
    NGX_HTTP_GATEWAY_BASIC_AUTH_DIGEST = 0,      /* under our secret */
    NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1,            /* as Kong stores it */
    NGX_HTTP_GATEWAY_BASIC_AUTH_HASH             /* slow, hashed in threads */
} ngx_http_gateway_basic_auth_form_e;


typedef struct {
    ngx_http_gateway_named_t                  named;
    ngx_str_t                                 username;
    ngx_str_t                                 password;  /* as written */
    ngx_str_t                                 digest;
    ngx_str_t                                 sha1;
    ngx_str_t                                 hash;

    ngx_http_gateway_basic_auth_form_e        form;
    gateway_password_e                        kind;      /* of hash */

    /* what a password's digest is compared with; of a hash: SHA-256 of the
       id and of it, which makes outcomes its own */
    u_char                                    bytes[GATEWAY_DIGEST_LEN];
} ngx_http_gateway_basic_auth_credential_t;


typedef struct {
    ngx_http_gateway_named_table_t            table;
    ngx_array_t                               anonymous; /* ..._auth_conf_t */

    ngx_http_gateway_memo_t                  *digests;   /* of passwords;
                                                   with the first credential */

    /* with the first hash */
    ngx_http_gateway_memo_t                  *names;     /* of outcomes, under
                                                   a secret of the zone */
    ngx_http_gateway_shm_t                   *verified;  /* right ones */
    uint64_t                                  seed;

    /* gateway_basic_auth_hashing */
    ngx_str_t                                 pool;
    ngx_uint_t                                active;
    ngx_uint_t                                queue;
    size_t                                    cache;
    time_t                                    ttl;
#if (NGX_THREADS)
    ngx_http_gateway_basic_auth_hasher_t      hasher;
#endif
} ngx_http_gateway_basic_auth_main_conf_t;


/* the setter of gateway_basic_auth_credential */
char *ngx_http_gateway_basic_auth_credential(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/*
 * By username, of the configuration or the store; *found is NULL when nobody
 * has it.  NGX_OK, NGX_DECLINED, or NGX_ERROR: the store cannot be read.
 */
ngx_int_t ngx_http_gateway_basic_auth_find(ngx_http_request_t *r,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf, ngx_str_t *username,
    ngx_http_gateway_basic_auth_credential_t **found);

#if (NGX_THREADS)

/* makes what hashes need, if that is not there */
ngx_int_t ngx_http_gateway_basic_auth_hashes(ngx_conf_t *cf,
    ngx_http_gateway_basic_auth_main_conf_t *bamcf);

#endif

/* the digest of a password that Kong stores */
void ngx_http_gateway_basic_auth_sha1(ngx_str_t *password,
    ngx_str_t *consumer_id, u_char *digest);


#define NGX_HTTP_GATEWAY_BASIC_AUTH_SHA1_LEN  20

/* digests that a worker remembers */
#define NGX_HTTP_GATEWAY_BASIC_AUTH_MEMO      2048


#endif /* _NGX_HTTP_GATEWAY_BASIC_AUTH_H_INCLUDED_ */
