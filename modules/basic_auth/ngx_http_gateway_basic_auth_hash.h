
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_BASIC_AUTH_HASH_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_BASIC_AUTH_HASH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "gateway_digest.h"
#include "gateway_password.h"


#if (NGX_THREADS)

#include <ngx_thread_pool.h>


/*
 * Slow hashes of passwords, in threads.  A worker has so many at work and so
 * many that wait, and refuses more.  Who asks for what is asked already waits
 * for the same answer.
 */

typedef struct {
    /* set by the owner */
    ngx_thread_pool_t               *threads;
    ngx_uint_t                       max_active;
    ngx_uint_t                       max_waiting;

    /* its own, of the worker */
    ngx_queue_t                      jobs;      /* waiting and active */
    ngx_queue_t                      waiting;   /* oldest first */
    ngx_uint_t                       active;
    ngx_uint_t                       nwaiting;
} ngx_http_gateway_basic_auth_hasher_t;


typedef struct ngx_http_gateway_basic_auth_job_s
    ngx_http_gateway_basic_auth_job_t;

typedef struct {
    ngx_queue_t                      queue;     /* of the job */
    ngx_http_gateway_basic_auth_job_t  *job;    /* NULL: does not wait */

    /* from the event loop; NGX_OK: it is the password, NGX_DECLINED: it is
       not, NGX_ERROR: nobody knows */
    void                           (*handler)(void *data, ngx_int_t rc);
    void                            *data;
} ngx_http_gateway_basic_auth_waiter_t;


void ngx_http_gateway_basic_auth_hasher_init(
    ngx_http_gateway_basic_auth_hasher_t *hasher);

/*
 * Asks whether the hash is that of the password; both are copied.  name is
 * of the question: equal ones get the same answer.  NGX_AGAIN: the handler
 * will be called, once, unless ..._leave() comes first; NGX_BUSY: too many
 * wait; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_basic_auth_hash(
    ngx_http_gateway_basic_auth_hasher_t *hasher, gateway_password_e kind,
    const ngx_str_t *hash, const ngx_str_t *password,
    const u_char name[GATEWAY_DIGEST_LEN],
    ngx_http_gateway_basic_auth_waiter_t *waiter);

/* the waiter goes away */
void ngx_http_gateway_basic_auth_leave(
    ngx_http_gateway_basic_auth_hasher_t *hasher,
    ngx_http_gateway_basic_auth_waiter_t *waiter);


#endif


#endif /* _NGX_HTTP_GATEWAY_BASIC_AUTH_HASH_H_INCLUDED_ */
