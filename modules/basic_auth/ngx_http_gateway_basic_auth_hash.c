
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Slow hashes of passwords by libxcrypt and libargon2, in threads of nginx's
 * pool: the event loop only copies and compares names.
 */


#include "ngx_http_gateway_basic_auth_hash.h"


#if (NGX_THREADS)

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>


struct ngx_http_gateway_basic_auth_job_s {
    ngx_thread_task_t                        task;
    ngx_queue_t                              jobs;     /* of the hasher */
    ngx_queue_t                              queue;    /* while it waits */
    ngx_queue_t                              waiters;
    ngx_http_gateway_basic_auth_hasher_t    *hasher;
    gateway_password_e                       kind;
    ngx_int_t                                rc;
    struct crypt_data                       *crypt;
    char                                    *hash;     /* terminated */
    char                                    *password;
    size_t                                   len;      /* of the password */
    size_t                                   size;     /* of it all */
    u_char                                   name[GATEWAY_DIGEST_LEN];
    unsigned                                 waiting:1;
    unsigned                                 denied:1; /* whatever it gives */
};


static ngx_http_gateway_basic_auth_job_t *ngx_http_gateway_basic_auth_job(
    ngx_http_gateway_basic_auth_hasher_t *hasher, gateway_password_e kind,
    const ngx_str_t *hash, const ngx_str_t *password,
    const u_char name[GATEWAY_DIGEST_LEN]);
static ngx_int_t ngx_http_gateway_basic_auth_post(
    ngx_http_gateway_basic_auth_job_t *job);
static void ngx_http_gateway_basic_auth_thread(void *data, ngx_log_t *log);
static void ngx_http_gateway_basic_auth_done(ngx_event_t *ev);
static void ngx_http_gateway_basic_auth_answer(
    ngx_http_gateway_basic_auth_job_t *job);
static void ngx_http_gateway_basic_auth_free(
    ngx_http_gateway_basic_auth_job_t *job);


void
ngx_http_gateway_basic_auth_hasher_init(
    ngx_http_gateway_basic_auth_hasher_t *hasher)
{
    ngx_queue_init(&hasher->jobs);
    ngx_queue_init(&hasher->waiting);
}


ngx_int_t
ngx_http_gateway_basic_auth_hash(ngx_http_gateway_basic_auth_hasher_t *hasher,
    gateway_password_e kind, const ngx_str_t *hash, const ngx_str_t *password,
    const u_char name[GATEWAY_DIGEST_LEN],
    ngx_http_gateway_basic_auth_waiter_t *waiter)
{
    ngx_queue_t                        *q;
    ngx_http_gateway_basic_auth_job_t  *job;

    for (q = ngx_queue_head(&hasher->jobs);
         q != ngx_queue_sentinel(&hasher->jobs);
         q = ngx_queue_next(q))
    {
        job = ngx_queue_data(q, ngx_http_gateway_basic_auth_job_t, jobs);

        if (CRYPTO_memcmp(job->name, name, GATEWAY_DIGEST_LEN) == 0) {
            goto found;
        }
    }

    if (hasher->active >= hasher->max_active
        && hasher->nwaiting >= hasher->max_waiting)
    {
        return NGX_BUSY;
    }

    job = ngx_http_gateway_basic_auth_job(hasher, kind, hash, password, name);
    if (job == NULL) {
        return NGX_ERROR;
    }

    if (hasher->active >= hasher->max_active) {
        ngx_queue_insert_tail(&hasher->waiting, &job->queue);
        hasher->nwaiting++;
        job->waiting = 1;

    } else if (ngx_http_gateway_basic_auth_post(job) != NGX_OK) {
        ngx_http_gateway_basic_auth_free(job);
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(&hasher->jobs, &job->jobs);

found:

    ngx_queue_insert_tail(&job->waiters, &waiter->queue);
    waiter->job = job;

    return NGX_AGAIN;
}


void
ngx_http_gateway_basic_auth_leave(ngx_http_gateway_basic_auth_hasher_t *hasher,
    ngx_http_gateway_basic_auth_waiter_t *waiter)
{
    ngx_http_gateway_basic_auth_job_t  *job;

    job = waiter->job;

    if (job == NULL) {
        return;
    }

    ngx_queue_remove(&waiter->queue);
    waiter->job = NULL;

    if (job->waiting && ngx_queue_empty(&job->waiters)) {
        ngx_queue_remove(&job->queue);
        ngx_queue_remove(&job->jobs);
        hasher->nwaiting--;

        ngx_http_gateway_basic_auth_free(job);
    }
}


/*
 * For crypt() a password ends with a zero byte or after 511 bytes; what is
 * longer is hashed like that, for the time that it takes, and is wrong.
 */

static ngx_http_gateway_basic_auth_job_t *
ngx_http_gateway_basic_auth_job(ngx_http_gateway_basic_auth_hasher_t *hasher,
    gateway_password_e kind, const ngx_str_t *hash, const ngx_str_t *password,
    const u_char name[GATEWAY_DIGEST_LEN])
{
    size_t                              len, size;
    u_char                             *p;
    ngx_uint_t                          denied;
    ngx_http_gateway_basic_auth_job_t  *job;

    len = password->len;
    denied = 0;

    if (kind != GATEWAY_PASSWORD_ARGON2ID) {

        if (memchr(password->data, '\0', len) != NULL) {
            denied = 1;
        }

        if (len >= CRYPT_MAX_PASSPHRASE_SIZE) {
            len = CRYPT_MAX_PASSPHRASE_SIZE - 1;
            denied = 1;
        }
    }

    size = sizeof(ngx_http_gateway_basic_auth_job_t) + hash->len + len + 2;

    job = ngx_calloc(size, ngx_cycle->log);
    if (job == NULL) {
        return NULL;
    }

    p = (u_char *) (job + 1);

    job->hash = (char *) p;
    p = ngx_cpymem(p, hash->data, hash->len) + 1;

    job->password = (char *) p;
    ngx_memcpy(p, password->data, len);

    job->hasher = hasher;
    job->kind = kind;
    job->len = len;
    job->size = size;
    job->denied = denied;
    ngx_memcpy(job->name, name, GATEWAY_DIGEST_LEN);
    ngx_queue_init(&job->waiters);

    job->task.handler = ngx_http_gateway_basic_auth_thread;
    job->task.ctx = job;
    job->task.event.handler = ngx_http_gateway_basic_auth_done;
    job->task.event.data = job;
    job->task.event.log = ngx_cycle->log;

    return job;
}


static ngx_int_t
ngx_http_gateway_basic_auth_post(ngx_http_gateway_basic_auth_job_t *job)
{
    if (job->kind != GATEWAY_PASSWORD_ARGON2ID) {
        job->crypt = ngx_calloc(sizeof(struct crypt_data), ngx_cycle->log);
        if (job->crypt == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_thread_task_post(job->hasher->threads, &job->task) != NGX_OK) {
        return NGX_ERROR;
    }

    job->hasher->active++;

    return NGX_OK;
}


static void
ngx_http_gateway_basic_auth_thread(void *data, ngx_log_t *log)
{
    ngx_http_gateway_basic_auth_job_t *job = data;

    int     rc;
    char   *hash;
    size_t  len;

    if (job->kind == GATEWAY_PASSWORD_ARGON2ID) {
        rc = argon2id_verify(job->hash, job->password, job->len);

        job->rc = rc == ARGON2_OK ? NGX_OK
                  : rc == ARGON2_VERIFY_MISMATCH ? NGX_DECLINED : NGX_ERROR;
        return;
    }

    hash = crypt_rn(job->password, job->hash, job->crypt,
                    sizeof(struct crypt_data));

    if (hash == NULL) {
        job->rc = NGX_ERROR;
        return;
    }

    len = ngx_strlen(job->hash);

    job->rc = ngx_strlen(hash) == len
              && CRYPTO_memcmp(hash, job->hash, len) == 0
              && !job->denied ? NGX_OK : NGX_DECLINED;
}


static void
ngx_http_gateway_basic_auth_done(ngx_event_t *ev)
{
    ngx_queue_t                           *q;
    ngx_http_gateway_basic_auth_job_t     *job, *next;
    ngx_http_gateway_basic_auth_hasher_t  *hasher;

    job = ev->data;
    hasher = job->hasher;

    hasher->active--;

    while (!ngx_queue_empty(&hasher->waiting)
           && hasher->active < hasher->max_active)
    {
        q = ngx_queue_head(&hasher->waiting);
        next = ngx_queue_data(q, ngx_http_gateway_basic_auth_job_t, queue);

        /* the analyzer does not see that removing a head made another one */
        ngx_queue_remove(q);  /* NOLINT(clang-analyzer-unix.Malloc) */
        hasher->nwaiting--;
        next->waiting = 0;

        if (ngx_http_gateway_basic_auth_post(next) != NGX_OK) {
            next->rc = NGX_ERROR;
            ngx_http_gateway_basic_auth_answer(next);
        }
    }

    if (job->rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "basic_auth: a password could not be hashed, there may "
                      "be too little memory");
    }

    ngx_http_gateway_basic_auth_answer(job);
}


/* whom one handler ends may be in our queue: it leaves it then */

static void
ngx_http_gateway_basic_auth_answer(ngx_http_gateway_basic_auth_job_t *job)
{
    ngx_queue_t                           *q;
    ngx_http_gateway_basic_auth_waiter_t  *waiter;

    ngx_queue_remove(&job->jobs);

    while (!ngx_queue_empty(&job->waiters)) {
        q = ngx_queue_head(&job->waiters);
        waiter = ngx_queue_data(q, ngx_http_gateway_basic_auth_waiter_t,
                                queue);

        /* the analyzer does not see that a queue is a ring */
        ngx_queue_remove(q);  /* NOLINT(clang-analyzer-core.NullDereference) */
        waiter->job = NULL;

        waiter->handler(waiter->data, job->rc);
    }

    ngx_http_gateway_basic_auth_free(job);
}


static void
ngx_http_gateway_basic_auth_free(ngx_http_gateway_basic_auth_job_t *job)
{
    if (job->crypt) {
        ngx_explicit_memzero(job->crypt, sizeof(struct crypt_data));
        ngx_free(job->crypt);
    }

    ngx_explicit_memzero(job, job->size);
    ngx_free(job);
}


#endif
