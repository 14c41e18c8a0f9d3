
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Revocation of clients' certificates: OCSP, then lists.  A status costs a
 * look into shared memory; when there is none, a fetch or two that nothing
 * blocks on.  Where the memory is full or a lock cannot be had, each request
 * fetches.
 */


#include "ngx_http_gateway_cert_status.h"
#include "ngx_http_gateway_conf.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>


#define NGX_HTTP_GATEWAY_CERT_ZONE    (1024 * 1024)
#define NGX_HTTP_GATEWAY_CERT_LAYOUT  1

/* lists of large authorities have some megabytes */
#define NGX_HTTP_GATEWAY_CERT_LIMIT   (16 * 1024 * 1024)

/* who could not say is asked again after that long, milliseconds */
#define NGX_HTTP_GATEWAY_CERT_RETRY   10000

/* by which clocks may differ, seconds */
#define NGX_HTTP_GATEWAY_CERT_SKEW    300

/* places of a certificate that are looked at */
#define NGX_HTTP_GATEWAY_CERT_URLS    4


/* in shared memory */
typedef struct {
    ngx_msec_t                        expires;
    ngx_http_gateway_cert_status_e    status;
} ngx_http_gateway_cert_node_t;


/* of all configurations of a cycle */
typedef struct {
    ngx_http_gateway_shm_t           *shm;
    ngx_http_gateway_fetcher_t        fetcher;
} ngx_http_gateway_cert_shared_t;


/* one question under way, of one worker */
typedef struct {
    ngx_queue_t                       queue;
    ngx_http_gateway_cert_wait_t     *waits;
    ngx_pool_t                       *pool;
    ngx_http_gateway_cert_status_conf_t  *conf;
    ngx_http_gateway_digest_t         digest;
    X509                             *cert;
    X509                             *issuer;
    OCSP_CERTID                      *id;

    ngx_str_t                         urls[2 * NGX_HTTP_GATEWAY_CERT_URLS];
    ngx_uint_t                        n;
    ngx_uint_t                        nocsp;     /* those of OCSP go first */
    ngx_uint_t                        next;
    ngx_http_gateway_fetch_t         *fetch;
} ngx_http_gateway_cert_check_t;


static ngx_http_gateway_cert_shared_t *ngx_http_gateway_cert_shared(
    ngx_conf_t *cf);
static void ngx_http_gateway_cert_await(ngx_http_gateway_cert_check_t *check,
    ngx_http_gateway_cert_wait_t *wait);
static void ngx_http_gateway_cert_digest(
    ngx_http_gateway_cert_status_conf_t *conf, X509 *cert, X509 *issuer,
    ngx_http_gateway_digest_t *digest);
static ngx_http_gateway_cert_status_e ngx_http_gateway_cert_load(
    ngx_http_gateway_cert_status_conf_t *conf,
    ngx_http_gateway_digest_t *digest);
static void ngx_http_gateway_cert_save(
    ngx_http_gateway_cert_status_conf_t *conf,
    ngx_http_gateway_digest_t *digest, ngx_http_gateway_cert_status_e status);
static ngx_http_gateway_cert_check_t *ngx_http_gateway_cert_check(
    ngx_http_gateway_cert_status_conf_t *conf, X509 *cert, X509 *issuer);
static ngx_int_t ngx_http_gateway_cert_urls(
    ngx_http_gateway_cert_check_t *check);
static ngx_int_t ngx_http_gateway_cert_add_url(
    ngx_http_gateway_cert_check_t *check, ASN1_IA5STRING *url);
static ngx_int_t ngx_http_gateway_cert_ask(
    ngx_http_gateway_cert_check_t *check);
static ngx_int_t ngx_http_gateway_cert_question(
    ngx_http_gateway_cert_check_t *check);
static void ngx_http_gateway_cert_answered(ngx_http_gateway_fetch_t *f);
static ngx_http_gateway_cert_status_e ngx_http_gateway_cert_ocsp(
    ngx_http_gateway_cert_check_t *check, ngx_str_t *answer,
    const char **why);
static ngx_http_gateway_cert_status_e ngx_http_gateway_cert_crl(
    ngx_http_gateway_cert_check_t *check, ngx_str_t *answer,
    const char **why);
static void ngx_http_gateway_cert_finish(ngx_http_gateway_cert_check_t *check,
    ngx_http_gateway_cert_status_e status);
static void ngx_http_gateway_cert_free(ngx_http_gateway_cert_check_t *check);
static void ngx_http_gateway_cert_cleanup(void *data);


/* questions of this worker */
static ngx_queue_t  ngx_http_gateway_cert_checks;


ngx_int_t
ngx_http_gateway_cert_status_init(ngx_conf_t *cf,
    ngx_http_gateway_cert_status_conf_t *conf)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_gateway_cert_shared_t  *shared;

    shared = ngx_http_gateway_cert_shared(cf);
    if (shared == NULL) {
        return NGX_ERROR;
    }

    /* registered after the fetcher, hence runs before it ends */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_cert_cleanup;
    cln->data = conf;

    conf->shm = shared->shm;
    conf->fetcher = &shared->fetcher;

    return NGX_OK;
}


static ngx_http_gateway_cert_shared_t *
ngx_http_gateway_cert_shared(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t    *gmcf;
    ngx_http_gateway_cert_shared_t  *shared;

    static ngx_str_t  name = ngx_string("gateway_certificate_status");

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->cert_status) {
        return gmcf->cert_status;
    }

    shared = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_cert_shared_t));
    if (shared == NULL) {
        return NULL;
    }

    shared->shm = ngx_http_gateway_shm_add(cf, &name,
                                        NGX_HTTP_GATEWAY_CERT_ZONE,
                                        sizeof(ngx_http_gateway_cert_node_t),
                                        NGX_HTTP_GATEWAY_CERT_LAYOUT,
                                        &ngx_http_gateway_module);
    if (shared->shm == NULL) {
        return NULL;
    }

    shared->fetcher.limit = NGX_HTTP_GATEWAY_CERT_LIMIT;
    shared->fetcher.redirects = 3;

    if (ngx_http_gateway_fetcher_init(cf, &shared->fetcher) != NGX_OK) {
        return NULL;
    }

    gmcf->cert_status = shared;

    return shared;
}


ngx_http_gateway_cert_status_e
ngx_http_gateway_cert_status(ngx_http_gateway_cert_status_conf_t *conf,
    X509 *cert, X509 *issuer, ngx_http_gateway_cert_wait_t *wait,
    ngx_log_t *log)
{
    ngx_queue_t                     *q;
    ngx_http_gateway_digest_t        digest;
    ngx_http_gateway_cert_check_t   *check;
    ngx_http_gateway_cert_status_e   status;

    ngx_http_gateway_cert_digest(conf, cert, issuer, &digest);

    status = ngx_http_gateway_cert_load(conf, &digest);

    if (status != NGX_HTTP_GATEWAY_CERT_NONE) {
        return status;
    }

    if (ngx_http_gateway_cert_checks.next == NULL) {
        ngx_queue_init(&ngx_http_gateway_cert_checks);
    }

    for (q = ngx_queue_head(&ngx_http_gateway_cert_checks);
         q != ngx_queue_sentinel(&ngx_http_gateway_cert_checks);
         q = ngx_queue_next(q))
    {
        check = ngx_queue_data(q, ngx_http_gateway_cert_check_t, queue);

        if (check->conf == conf
            && ngx_memcmp(&check->digest, &digest, sizeof(digest)) == 0)
        {
            ngx_http_gateway_cert_await(check, wait);
            return NGX_HTTP_GATEWAY_CERT_NONE;
        }
    }

    check = ngx_http_gateway_cert_check(conf, cert, issuer);
    if (check == NULL) {
        return NGX_HTTP_GATEWAY_CERT_FAILED;
    }

    check->digest = digest;

    if (check->n == 0) {
        ngx_http_gateway_cert_free(check);
        return NGX_HTTP_GATEWAY_CERT_SILENT;
    }

    if (ngx_http_gateway_cert_ask(check) != NGX_OK) {
        ngx_http_gateway_cert_free(check);
        return NGX_HTTP_GATEWAY_CERT_FAILED;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, log, 0,
                   "certificate: its status is asked from \"%V\"",
                   &check->urls[0]);

    ngx_queue_insert_tail(&ngx_http_gateway_cert_checks, &check->queue);
    ngx_http_gateway_cert_await(check, wait);

    return NGX_HTTP_GATEWAY_CERT_NONE;
}


void
ngx_http_gateway_cert_status_cancel(ngx_http_gateway_cert_wait_t *wait)
{
    ngx_http_gateway_cert_wait_t   **p;
    ngx_http_gateway_cert_check_t   *check;

    check = wait->check;

    if (check == NULL) {
        return;
    }

    for (p = &check->waits; *p; p = &(*p)->next) {
        if (*p == wait) {
            *p = wait->next;
            break;
        }
    }

    wait->check = NULL;
}


static void
ngx_http_gateway_cert_await(ngx_http_gateway_cert_check_t *check,
    ngx_http_gateway_cert_wait_t *wait)
{
    wait->next = check->waits;
    wait->check = check;
    check->waits = wait;
}


/* certificates, not only their numbers: an answer is about these two */

static void
ngx_http_gateway_cert_digest(ngx_http_gateway_cert_status_conf_t *conf,
    X509 *cert, X509 *issuer, ngx_http_gateway_digest_t *digest)
{
    u_char                   md[2][EVP_MAX_MD_SIZE];
    ngx_http_gateway_hash_t  hash;

    ngx_memzero(md, sizeof(md));

    (void) X509_digest(cert, EVP_sha256(), md[0], NULL);
    (void) X509_digest(issuer, EVP_sha256(), md[1], NULL);

    ngx_http_gateway_hash_init(conf->shm, &hash);
    ngx_http_gateway_hash_part(&hash, md, sizeof(md));
    ngx_http_gateway_hash_final(&hash, digest);
}


static ngx_http_gateway_cert_status_e
ngx_http_gateway_cert_load(ngx_http_gateway_cert_status_conf_t *conf,
    ngx_http_gateway_digest_t *digest)
{
    ngx_http_gateway_shm_entry_t     entry;
    ngx_http_gateway_cert_node_t    *node;
    ngx_http_gateway_cert_status_e   status;

    if (conf->ttl == 0
        || ngx_http_gateway_shm_acquire(conf->shm, digest,
                                        (time_t) (conf->ttl / 1000) + 1,
                                        &entry)
           != NGX_OK)
    {
        return NGX_HTTP_GATEWAY_CERT_NONE;
    }

    node = entry.value;
    status = node->status;

    if (status != NGX_HTTP_GATEWAY_CERT_NONE
        && (ngx_msec_int_t) (node->expires - ngx_current_msec) <= 0)
    {
        status = NGX_HTTP_GATEWAY_CERT_NONE;
        node->status = status;
    }

    ngx_http_gateway_shm_release(&entry);

    return status;
}


static void
ngx_http_gateway_cert_save(ngx_http_gateway_cert_status_conf_t *conf,
    ngx_http_gateway_digest_t *digest, ngx_http_gateway_cert_status_e status)
{
    ngx_msec_t                     ttl;
    ngx_http_gateway_shm_entry_t   entry;
    ngx_http_gateway_cert_node_t  *node;

    ttl = conf->ttl;

    if (status == NGX_HTTP_GATEWAY_CERT_FAILED) {
        ttl = ngx_min(ttl, NGX_HTTP_GATEWAY_CERT_RETRY);
    }

    if (ttl == 0
        || ngx_http_gateway_shm_acquire(conf->shm, digest,
                                        (time_t) (ttl / 1000) + 1, &entry)
           != NGX_OK)
    {
        return;
    }

    node = entry.value;

    /* a worker may be killed in between */

    node->status = NGX_HTTP_GATEWAY_CERT_NONE;
    ngx_memory_barrier();
    node->expires = ngx_current_msec + ttl;
    ngx_memory_barrier();
    node->status = status;

    ngx_http_gateway_shm_release(&entry);
}


static ngx_http_gateway_cert_check_t *
ngx_http_gateway_cert_check(ngx_http_gateway_cert_status_conf_t *conf,
    X509 *cert, X509 *issuer)
{
    ngx_pool_t                     *pool;
    ngx_http_gateway_cert_check_t  *check;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    check = ngx_pcalloc(pool, sizeof(ngx_http_gateway_cert_check_t));
    if (check == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    check->pool = pool;
    check->conf = conf;
    check->cert = cert;
    check->issuer = issuer;

    (void) X509_up_ref(cert);
    (void) X509_up_ref(issuer);

    ngx_queue_init(&check->queue);

    if (ngx_http_gateway_cert_urls(check) != NGX_OK) {
        ngx_http_gateway_cert_free(check);
        return NULL;
    }

    return check;
}


static ngx_int_t
ngx_http_gateway_cert_urls(ngx_http_gateway_cert_check_t *check)
{
    int                         i, k;
    GENERAL_NAME               *name;
    DIST_POINT                 *point;
    ACCESS_DESCRIPTION         *access;
    CRL_DIST_POINTS            *points;
    AUTHORITY_INFO_ACCESS      *info;

    info = X509_get_ext_d2i(check->cert, NID_info_access, NULL, NULL);

    for (i = 0; i < sk_ACCESS_DESCRIPTION_num(info); i++) {
        access = sk_ACCESS_DESCRIPTION_value(info, i);

        if (OBJ_obj2nid(access->method) == NID_ad_OCSP
            && access->location->type == GEN_URI
            && check->n < NGX_HTTP_GATEWAY_CERT_URLS
            && ngx_http_gateway_cert_add_url(check,
                               access->location->d.uniformResourceIdentifier)
               != NGX_OK)
        {
            AUTHORITY_INFO_ACCESS_free(info);
            return NGX_ERROR;
        }
    }

    AUTHORITY_INFO_ACCESS_free(info);

    check->nocsp = check->n;

    points = X509_get_ext_d2i(check->cert, NID_crl_distribution_points, NULL,
                              NULL);

    for (i = 0; i < sk_DIST_POINT_num(points); i++) {
        point = sk_DIST_POINT_value(points, i);

        /* lists of other issuers, and for some reasons only, do not do */

        if (point->distpoint == NULL || point->distpoint->type != 0
            || point->CRLissuer != NULL || point->reasons != NULL)
        {
            continue;
        }

        for (k = 0; k < sk_GENERAL_NAME_num(point->distpoint->name.fullname);
             k++)
        {
            name = sk_GENERAL_NAME_value(point->distpoint->name.fullname, k);

            if (name->type == GEN_URI
                && check->n - check->nocsp < NGX_HTTP_GATEWAY_CERT_URLS
                && ngx_http_gateway_cert_add_url(check,
                                         name->d.uniformResourceIdentifier)
                   != NGX_OK)
            {
                CRL_DIST_POINTS_free(points);
                return NGX_ERROR;
            }
        }
    }

    CRL_DIST_POINTS_free(points);
    ERR_clear_error();

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cert_add_url(ngx_http_gateway_cert_check_t *check,
    ASN1_IA5STRING *url)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    s.len = ASN1_STRING_length(url);
    s.data = (u_char *) ASN1_STRING_get0_data(url);

    /* ldap:// and the like are passed over */

    if (ngx_http_gateway_fetch_parse_url(&s, NULL) != NULL) {
        return NGX_OK;
    }

    for (i = 0; i < check->n; i++) {
        if (check->urls[i].len == s.len
            && ngx_memcmp(check->urls[i].data, s.data, s.len) == 0)
        {
            return NGX_OK;
        }
    }

    check->urls[check->n].len = s.len;
    check->urls[check->n].data = ngx_pstrdup(check->pool, &s);

    if (check->urls[check->n].data == NULL) {
        return NGX_ERROR;
    }

    check->n++;

    return NGX_OK;
}


/* the next place; NGX_DECLINED when there is no other one */

static ngx_int_t
ngx_http_gateway_cert_ask(ngx_http_gateway_cert_check_t *check)
{
    ngx_str_t                            *url;
    ngx_http_gateway_fetch_t             *f;
    ngx_http_gateway_cert_status_conf_t  *conf;

    if (check->next == check->n) {
        return NGX_DECLINED;
    }

    conf = check->conf;
    url = &check->urls[check->next++];

    f = ngx_http_gateway_fetch_create(conf->fetcher, url);
    if (f == NULL) {
        return NGX_ERROR;
    }

    check->fetch = f;

    f->handler = ngx_http_gateway_cert_answered;
    f->data = check;
    f->timeout = conf->timeout;
    f->awaited = 1;

    if (url->len > 8
        && ngx_strncasecmp(url->data, (u_char *) "https://", 8) == 0)
    {
        f->proxy = conf->https_proxy;
        f->proxy_port = conf->https_proxy_port;

    } else {
        f->proxy = conf->http_proxy;
        f->proxy_port = conf->http_proxy_port;
    }

    if (check->next <= check->nocsp
        && ngx_http_gateway_cert_question(check) != NGX_OK)
    {
        ngx_http_gateway_fetch_free(f);
        check->fetch = NULL;
        return NGX_ERROR;
    }

    ngx_http_gateway_fetch_start(f);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cert_question(ngx_http_gateway_cert_check_t *check)
{
    int                        len;
    u_char                    *p;
    ngx_int_t                  rc;
    OCSP_CERTID               *id;
    OCSP_REQUEST              *question;
    ngx_http_gateway_fetch_t  *f;

    static ngx_str_t  type = ngx_string("application/ocsp-request");

    f = check->fetch;
    rc = NGX_ERROR;

    question = OCSP_REQUEST_new();
    if (question == NULL) {
        return NGX_ERROR;
    }

    /* SHA-1 is what every responder knows, RFC 5019 2.1.1; it only names the
       issuer here */

    if (check->id == NULL) {
        check->id = OCSP_cert_to_id(NULL, check->cert, check->issuer);
    }

    id = check->id ? OCSP_CERTID_dup(check->id) : NULL;

    if (id == NULL) {
        goto done;
    }

    if (OCSP_request_add0_id(question, id) == NULL) {
        OCSP_CERTID_free(id);
        goto done;
    }

    len = i2d_OCSP_REQUEST(question, NULL);

    if (len <= 0) {
        goto done;
    }

    p = ngx_pnalloc(f->pool, len);
    if (p == NULL) {
        goto done;
    }

    f->body.data = p;
    f->body.len = i2d_OCSP_REQUEST(question, &p);

    ngx_str_set(&f->method, "POST");

    rc = ngx_http_gateway_fetch_add_header(f, "Content-Type", &type);

done:

    OCSP_REQUEST_free(question);
    ERR_clear_error();

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_gateway_cert_answered(ngx_http_gateway_fetch_t *f)
{
    const char                      *why;
    ngx_http_gateway_cert_check_t   *check;
    ngx_http_gateway_cert_status_e   status;

    check = f->data;
    status = NGX_HTTP_GATEWAY_CERT_FAILED;
    why = NULL;

    if (f->error.len) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "certificate status: \"%V\": %V",
                      &check->urls[check->next - 1], &f->error);

    } else if (f->status != NGX_HTTP_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "certificate status: \"%V\" answered %ui",
                      &check->urls[check->next - 1], f->status);

    } else {
        status = (check->next <= check->nocsp)
                 ? ngx_http_gateway_cert_ocsp(check, &f->answer, &why)
                 : ngx_http_gateway_cert_crl(check, &f->answer, &why);

        if (why) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "certificate status: \"%V\": %s",
                          &check->urls[check->next - 1], why);
        }

        ERR_clear_error();
    }

    ngx_http_gateway_fetch_free(f);
    check->fetch = NULL;

    if (status == NGX_HTTP_GATEWAY_CERT_FAILED
        && ngx_http_gateway_cert_ask(check) == NGX_OK)
    {
        return;
    }

    ngx_http_gateway_cert_finish(check, status);
}


static ngx_http_gateway_cert_status_e
ngx_http_gateway_cert_ocsp(ngx_http_gateway_cert_check_t *check,
    ngx_str_t *answer, const char **why)
{
    int                              status;
    const u_char                    *p;
    OCSP_RESPONSE                   *response;
    STACK_OF(X509)                  *certs;
    OCSP_BASICRESP                  *basic;
    ASN1_GENERALIZEDTIME            *since, *until;
    ngx_http_gateway_cert_status_e   rc;

    rc = NGX_HTTP_GATEWAY_CERT_FAILED;
    basic = NULL;
    certs = NULL;

    p = answer->data;
    response = d2i_OCSP_RESPONSE(NULL, &p, (long) answer->len);

    if (response == NULL || p != answer->data + answer->len) {
        *why = "it is no OCSP response";
        goto done;
    }

    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        *why = OCSP_response_status_str(OCSP_response_status(response));
        goto done;
    }

    basic = OCSP_response_get1_basic(response);
    certs = sk_X509_new_null();

    if (basic == NULL || certs == NULL
        || sk_X509_push(certs, check->issuer) == 0)
    {
        *why = "it is no basic OCSP response";
        goto done;
    }

    /* the issuer was verified; it may sign itself, or have others do it */

    if (OCSP_basic_verify(basic, certs, check->conf->store, OCSP_TRUSTOTHER)
        != 1)
    {
        *why = "its signature is not that of the issuer";
        goto done;
    }

    if (OCSP_resp_find_status(basic, check->id, &status, NULL, NULL, &since,
                              &until)
        != 1)
    {
        *why = "it says nothing of this certificate";
        goto done;
    }

    if (OCSP_check_validity(since, until, NGX_HTTP_GATEWAY_CERT_SKEW, -1)
        != 1)
    {
        *why = "it is too old, or not valid yet";
        goto done;
    }

    switch (status) {

    case V_OCSP_CERTSTATUS_GOOD:
        rc = NGX_HTTP_GATEWAY_CERT_GOOD;
        break;

    case V_OCSP_CERTSTATUS_REVOKED:
        rc = NGX_HTTP_GATEWAY_CERT_REVOKED;
        break;

    default:
        *why = "it does not know the certificate";
        break;
    }

done:

    sk_X509_free(certs);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);

    return rc;
}


static ngx_http_gateway_cert_status_e
ngx_http_gateway_cert_crl(ngx_http_gateway_cert_check_t *check,
    ngx_str_t *answer, const char **why)
{
    BIO                             *bio;
    time_t                           now;
    X509_CRL                        *crl;
    EVP_PKEY                        *key;
    X509_REVOKED                    *entry;
    const u_char                    *p;
    ngx_http_gateway_cert_status_e   rc;

    rc = NGX_HTTP_GATEWAY_CERT_FAILED;

    p = answer->data;
    crl = d2i_X509_CRL(NULL, &p, (long) answer->len);

    if (crl == NULL) {
        bio = BIO_new_mem_buf(answer->data, (int) answer->len);
        crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
    }

    if (crl == NULL) {
        *why = "it is no revocation list";
        return rc;
    }

    key = X509_get0_pubkey(check->issuer);

    if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
                      X509_get_subject_name(check->issuer))
           != 0
        || (X509_get_key_usage(check->issuer) & KU_CRL_SIGN) == 0
        || key == NULL || X509_CRL_verify(crl, key) != 1)
    {
        *why = "the list is not one of the issuer's";
        goto done;
    }

    now = ngx_time();
    now += NGX_HTTP_GATEWAY_CERT_SKEW;

    if (X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) >= 0) {
        *why = "the list is not valid yet";
        goto done;
    }

    now = ngx_time();
    now -= NGX_HTTP_GATEWAY_CERT_SKEW;

    if (X509_CRL_get0_nextUpdate(crl) != NULL
        && X509_cmp_time(X509_CRL_get0_nextUpdate(crl), &now) <= 0)
    {
        *why = "the list is too old";
        goto done;
    }

    /* 2: it was on an earlier list, and is no longer revoked */

    rc = (X509_CRL_get0_by_cert(crl, &entry, check->cert) == 1)
         ? NGX_HTTP_GATEWAY_CERT_REVOKED : NGX_HTTP_GATEWAY_CERT_GOOD;

done:

    X509_CRL_free(crl);

    return rc;
}


static void
ngx_http_gateway_cert_finish(ngx_http_gateway_cert_check_t *check,
    ngx_http_gateway_cert_status_e status)
{
    ngx_http_gateway_cert_wait_t  *wait;

    ngx_http_gateway_cert_save(check->conf, &check->digest, status);

    /* those that come from now on ask anew */

    ngx_queue_remove(&check->queue);

    while (check->waits) {
        wait = check->waits;
        check->waits = wait->next;

        wait->check = NULL;
        wait->status = status;
        wait->handler(wait->data);
    }

    ngx_http_gateway_cert_free(check);
}


static void
ngx_http_gateway_cert_free(ngx_http_gateway_cert_check_t *check)
{
    OCSP_CERTID_free(check->id);
    X509_free(check->cert);
    X509_free(check->issuer);
    ngx_destroy_pool(check->pool);
}


/* questions that nobody waits for when the configuration ends */

static void
ngx_http_gateway_cert_cleanup(void *data)
{
    ngx_http_gateway_cert_status_conf_t  *conf = data;

    ngx_queue_t                    *q, *next;
    ngx_http_gateway_cert_wait_t   *wait;
    ngx_http_gateway_cert_check_t  *check;

    if (ngx_http_gateway_cert_checks.next == NULL) {
        return;
    }

    for (q = ngx_queue_head(&ngx_http_gateway_cert_checks);
         q != ngx_queue_sentinel(&ngx_http_gateway_cert_checks);
         q = next)
    {
        next = ngx_queue_next(q);
        check = ngx_queue_data(q, ngx_http_gateway_cert_check_t, queue);

        if (check->conf != conf) {
            continue;
        }

        ngx_queue_remove(q);

        for (wait = check->waits; wait; wait = wait->next) {
            wait->check = NULL;
        }

        if (check->fetch) {
            ngx_http_gateway_fetch_free(check->fetch);
        }

        ngx_http_gateway_cert_free(check);
    }
}
