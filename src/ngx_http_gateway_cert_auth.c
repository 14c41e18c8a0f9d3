
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Consumers known by certificates.  A chain is verified once in a while for
 * each worker and policy; then a request costs the digest of its certificate
 * and, for each of its names, a look into hashes and the store, if there is
 * one.
 */


#include "ngx_http_gateway_cert_auth.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_consumers.h"
#include "ngx_http_gateway_credentials.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"
#include "ngx_http_gateway_store.h"
#include "gateway_uuid.h"
#include "gateway_x509.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>


/* authorities of one policy */
#define NGX_HTTP_GATEWAY_CERT_CAS       256

/* verdicts that a worker keeps for a policy */
#define NGX_HTTP_GATEWAY_CERT_VERDICTS  256

/* certificates between the client's and an authority */
#define NGX_HTTP_GATEWAY_CERT_DEPTH     100

/* names of one certificate that are looked at */
#define NGX_HTTP_GATEWAY_CERT_NAMES     64

#define NGX_HTTP_GATEWAY_CERT_CN        0
#define NGX_HTTP_GATEWAY_CERT_DN        1

#define NGX_HTTP_GATEWAY_CERT_USERNAME  1
#define NGX_HTTP_GATEWAY_CERT_CUSTOM    2

#define NGX_HTTP_GATEWAY_CERT_SKIP      0
#define NGX_HTTP_GATEWAY_CERT_IGNORE    1
#define NGX_HTTP_GATEWAY_CERT_STRICT    2


/* what became of a chain */
struct ngx_http_gateway_cert_verdict_s {
    u_char                            digest[NGX_HTTP_GATEWAY_CERT_DIGEST];
    time_t                            expires;   /* 0: empty */
    int                               code;      /* X509_V_... */
    X509                             *issuer;    /* NULL: none */
    uint64_t                          cas[NGX_HTTP_GATEWAY_CERT_CAS / 64];
                                                 /* those in the chain, by
                                                    place in ca_certificates */
};


/* gateway_mtls_auth_credential, in the table under what it is found by */
typedef struct {
    ngx_http_gateway_named_t          named;
    ngx_str_t                         subject_name;
    ngx_str_t                         ca;        /* name of an authority */
    ngx_str_t                         fingerprint;
    ngx_http_gateway_credential_t     credential;
    u_char                           *file_name;
    ngx_uint_t                        line;
} ngx_http_gateway_cert_credential_t;


typedef struct {
    ngx_array_t                       confs;     /* ..._cert_auth_conf_t * */
    ngx_array_t                       anonymous; /* ..._auth_conf_t * */
    ngx_array_t                       cas;       /* ..._ca_t * */
    ngx_array_t                       credentials;
    ngx_http_gateway_named_table_t    table;     /* of credentials */
    ngx_http_gateway_named_table_t    consumers; /* by username, custom_id */
    ngx_uint_t                        done;
} ngx_http_gateway_cert_auth_main_t;


/* while a request waits for the status of its certificate */
typedef struct {
    ngx_http_gateway_data_t           data;
    ngx_http_request_t               *request;
    ngx_http_gateway_cert_wait_t      wait;
} ngx_http_gateway_cert_auth_data_t;


/* names of a certificate */
typedef struct {
    ngx_str_t                         names[NGX_HTTP_GATEWAY_CERT_NAMES + 1];
    ngx_uint_t                        n;         /* alternative, then CN */
    ngx_uint_t                        nsans;
    ngx_str_t                         dn;        /* RFC 2253 */
    ngx_str_t                         fingerprint; /* hex */
} ngx_http_gateway_cert_names_t;


static ngx_int_t ngx_http_gateway_cert_auth_refuse(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_cert_auth_conf_t *cacf,
    const ngx_str_t *message, const char *reason);
static ngx_int_t ngx_http_gateway_cert_auth_wrong(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_cert_auth_conf_t *cacf,
    X509 *cert, const char *reason);
static ngx_int_t ngx_http_gateway_cert_auth_verify(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf, X509 *cert,
    STACK_OF(X509) *chain, ngx_http_gateway_cert_verdict_t *verdict);
static void ngx_http_gateway_cert_auth_judge(
    ngx_http_gateway_cert_auth_conf_t *cacf, X509 *cert,
    STACK_OF(X509) *chain, ngx_http_gateway_cert_verdict_t *verdict);
static time_t ngx_http_gateway_cert_auth_end(X509 *cert);
static ngx_http_gateway_cert_verdict_t *ngx_http_gateway_cert_auth_kept(
    ngx_http_gateway_cert_auth_conf_t *cacf, u_char *digest);
static void ngx_http_gateway_cert_auth_forget(void *data);
static void ngx_http_gateway_cert_auth_free_issuer(void *data);
static ngx_http_gateway_cert_status_e ngx_http_gateway_cert_auth_status(
    ngx_http_request_t *r, ngx_http_gateway_cert_auth_conf_t *cacf,
    X509 *cert, X509 *issuer);
static void ngx_http_gateway_cert_auth_told(void *data);
static void ngx_http_gateway_cert_auth_gone(void *data);

static ngx_int_t ngx_http_gateway_cert_auth_names(ngx_http_request_t *r,
    X509 *cert, ngx_http_gateway_cert_names_t *names);
static ngx_int_t ngx_http_gateway_cert_auth_sans(ngx_http_request_t *r,
    X509 *cert, ngx_http_gateway_cert_names_t *names);
static ngx_int_t ngx_http_gateway_cert_auth_add_name(ngx_http_request_t *r,
    ngx_http_gateway_cert_names_t *names, const u_char *data, size_t len);
static ngx_int_t ngx_http_gateway_cert_auth_dn(ngx_http_request_t *r,
    X509 *cert, ngx_str_t *dn);
static ngx_int_t ngx_http_gateway_cert_auth_match(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf,
    ngx_http_gateway_cert_verdict_t *verdict,
    ngx_http_gateway_cert_names_t *names,
    ngx_http_gateway_credential_t **credential);
static ngx_int_t ngx_http_gateway_cert_auth_find(ngx_http_request_t *r,
    ngx_http_gateway_named_table_t *table, const ngx_str_t *first,
    const ngx_str_t *name, ngx_http_gateway_named_t **found);
static ngx_http_gateway_credential_t *ngx_http_gateway_cert_auth_make(
    ngx_http_request_t *r, ngx_http_gateway_cert_names_t *names,
    ngx_http_gateway_consumer_t *consumer, const ngx_str_t *identifier);
static ngx_int_t ngx_http_gateway_cert_auth_skipped(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_cert_auth_conf_t *cacf,
    ngx_http_gateway_cert_names_t *names);

static ngx_http_gateway_cert_auth_main_t *ngx_http_gateway_cert_auth_main(
    ngx_conf_t *cf);
static ngx_http_gateway_ca_t *ngx_http_gateway_cert_auth_ca_named(
    ngx_http_gateway_cert_auth_main_t *main, ngx_str_t *name);
static ngx_int_t ngx_http_gateway_cert_auth_init_conf(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_main_t *main,
    ngx_http_gateway_cert_auth_conf_t *cacf);
static ngx_int_t ngx_http_gateway_cert_auth_init_consumers(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_main_t *main);
static ngx_int_t ngx_http_gateway_cert_auth_add_consumer(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_main_t *main,
    ngx_http_gateway_consumer_t *consumer, const char *by, ngx_str_t *name);
static void ngx_http_gateway_cert_auth_free_ca(void *data);
static void ngx_http_gateway_cert_auth_free_store(void *data);
static ngx_int_t ngx_http_gateway_cert_auth_hex(ngx_str_t *text);


ngx_conf_enum_t  ngx_http_gateway_cert_auth_groups[] = {
    { ngx_string("CN"), NGX_HTTP_GATEWAY_CERT_CN },
    { ngx_string("DN"), NGX_HTTP_GATEWAY_CERT_DN },
    { ngx_null_string, 0 }
};

ngx_conf_enum_t  ngx_http_gateway_cert_auth_modes[] = {
    { ngx_string("SKIP"), NGX_HTTP_GATEWAY_CERT_SKIP },
    { ngx_string("IGNORE_CA_ERROR"), NGX_HTTP_GATEWAY_CERT_IGNORE },
    { ngx_string("STRICT"), NGX_HTTP_GATEWAY_CERT_STRICT },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_header_name_t  ngx_http_gateway_cert_auth_header_dn =
    ngx_http_gateway_header_name("X-Client-Cert-Dn", "x-client-cert-dn");

static ngx_http_gateway_header_name_t  ngx_http_gateway_cert_auth_header_san =
    ngx_http_gateway_header_name("X-Client-Cert-San", "x-client-cert-san");

static ngx_str_t  ngx_http_gateway_cert_auth_none =
    ngx_string("No required TLS certificate was sent");

static ngx_str_t  ngx_http_gateway_cert_auth_failed =
    ngx_string("TLS certificate failed verification");

/* what stands for the authority where a credential names none */
static ngx_str_t  ngx_http_gateway_cert_auth_any = ngx_string("-");

static ngx_str_t  ngx_http_gateway_cert_auth_by_digest = ngx_string("SHA-256");


ngx_uint_t
ngx_http_gateway_cert_auth_skip(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf)
{
    ngx_http_gateway_ctx_t  *ctx;

    static ngx_http_gateway_header_name_t  *headers[] = {
        &ngx_http_gateway_cert_auth_header_dn,
        &ngx_http_gateway_cert_auth_header_san,
        NULL
    };

    ctx = ngx_http_gateway_get_ctx(r);

    if (!ctx->cert_headers) {
        ngx_http_gateway_auth_clear_client(r, headers);
    }

    return ngx_http_gateway_auth_skip(ctx, &cacf->auth);
}


ngx_int_t
ngx_http_gateway_cert_auth(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf, X509 *cert,
    STACK_OF(X509) *chain)
{
    ngx_int_t                           rc;
    ngx_http_gateway_ctx_t             *ctx;
    ngx_http_gateway_credential_t      *credential;
    ngx_http_gateway_cert_names_t      *names;
    ngx_http_gateway_cert_status_e      status;
    ngx_http_gateway_cert_verdict_t     verdict;
    ngx_http_gateway_cert_auth_data_t  *data;

    ctx = ngx_http_gateway_get_ctx(r);
    data = ngx_http_gateway_get_data(r, cacf->policy);

    if (data && data->wait.check) {
        return NGX_AGAIN;
    }

    if (cert == NULL) {
        return ngx_http_gateway_cert_auth_refuse(r, ctx, cacf,
                                             &ngx_http_gateway_cert_auth_none,
                                             "there is none");
    }

    if (ngx_http_gateway_cert_auth_verify(r, cacf, cert, chain, &verdict)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (verdict.code != X509_V_OK) {
        return ngx_http_gateway_cert_auth_wrong(r, ctx, cacf, cert,
                                 X509_verify_cert_error_string(verdict.code));
    }

    if (cacf->revocation_check_mode != NGX_HTTP_GATEWAY_CERT_SKIP) {

        status = ngx_http_gateway_cert_auth_status(r, cacf, cert,
                                                   verdict.issuer);

        if (status == NGX_HTTP_GATEWAY_CERT_NONE) {
            return NGX_AGAIN;
        }

        if (status == NGX_HTTP_GATEWAY_CERT_REVOKED) {
            return ngx_http_gateway_cert_auth_wrong(r, ctx, cacf, cert,
                                                    "it is revoked");
        }

        /* which is not the client's fault: no failed attempt */

        if (status != NGX_HTTP_GATEWAY_CERT_GOOD
            && cacf->revocation_check_mode == NGX_HTTP_GATEWAY_CERT_STRICT)
        {
            return ngx_http_gateway_cert_auth_refuse(r, ctx, cacf,
                                        &ngx_http_gateway_cert_auth_failed,
                                        "nobody says whether it is revoked");
        }
    }

    names = ngx_palloc(r->pool, sizeof(ngx_http_gateway_cert_names_t));

    if (names == NULL
        || ngx_http_gateway_cert_auth_names(r, cert, names) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (cacf->skip_consumer_lookup) {
        return ngx_http_gateway_cert_auth_skipped(r, ctx, cacf, names);
    }

    rc = ngx_http_gateway_cert_auth_match(r, cacf, &verdict, names,
                                          &credential);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_cert_auth_wrong(r, ctx, cacf, cert,
                                                "it is valid, but nobody's");
    }

    return ngx_http_gateway_auth_succeed(r, ctx, credential);
}


static ngx_int_t
ngx_http_gateway_cert_auth_refuse(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_cert_auth_conf_t *cacf,
    const ngx_str_t *message, const char *reason)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "%V: no certificate that does: %s", &cacf->policy->name,
                  reason);

    if (cacf->auth.consumer) {
        return ngx_http_gateway_auth_fallback(r, ctx, &cacf->auth);
    }

    return ngx_http_gateway_error(r, NGX_HTTP_UNAUTHORIZED, message);
}


/*
 * A failed attempt, by the digest of the certificate.  auth_guard is asked
 * only now: nobody guesses certificates, so one that is right is never
 * refused for what went before.
 */

static ngx_int_t
ngx_http_gateway_cert_auth_wrong(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_cert_auth_conf_t *cacf,
    X509 *cert, const char *reason)
{
    u_char        digest[EVP_MAX_MD_SIZE];
    ngx_int_t     rc;
    ngx_str_t     name;
    unsigned int  len;

    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1) {
        return NGX_ERROR;
    }

    name.data = digest;
    name.len = len;

    rc = ngx_http_gateway_auth_attempt(r, &cacf->auth, &name);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_http_gateway_auth_failed(r);

    return ngx_http_gateway_cert_auth_refuse(r, ctx, cacf,
                                          &ngx_http_gateway_cert_auth_failed,
                                          reason);
}


/* the verdict is a copy; its issuer belongs to what is kept */

static ngx_int_t
ngx_http_gateway_cert_auth_verify(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf, X509 *cert,
    STACK_OF(X509) *chain, ngx_http_gateway_cert_verdict_t *verdict)
{
    int                               i;
    u_char                            digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX                       *md;
    ngx_pool_cleanup_t               *cln;
    ngx_http_gateway_cert_verdict_t  *kept;

    ngx_memzero(digest, sizeof(digest));

    md = EVP_MD_CTX_new();

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1
        || X509_digest(cert, EVP_sha256(), digest, NULL) != 1)
    {
        EVP_MD_CTX_free(md);
        return NGX_ERROR;
    }

    (void) EVP_DigestUpdate(md, digest, NGX_HTTP_GATEWAY_CERT_DIGEST);

    for (i = 0; i < sk_X509_num(chain); i++) {
        if (X509_digest(sk_X509_value(chain, i), EVP_sha256(), digest, NULL)
            != 1)
        {
            EVP_MD_CTX_free(md);
            return NGX_ERROR;
        }

        (void) EVP_DigestUpdate(md, digest, NGX_HTTP_GATEWAY_CERT_DIGEST);
    }

    i = EVP_DigestFinal_ex(md, digest, NULL);

    EVP_MD_CTX_free(md);

    if (i != 1) {
        return NGX_ERROR;
    }

    kept = ngx_http_gateway_cert_auth_kept(cacf, digest);

    if (kept && kept->expires > ngx_time()
        && ngx_memcmp(kept->digest, digest, NGX_HTTP_GATEWAY_CERT_DIGEST)
           == 0)
    {
        *verdict = *kept;
        return NGX_OK;
    }

    ngx_memzero(verdict, sizeof(ngx_http_gateway_cert_verdict_t));
    ngx_memcpy(verdict->digest, digest, NGX_HTTP_GATEWAY_CERT_DIGEST);

    ngx_http_gateway_cert_auth_judge(cacf, cert, chain, verdict);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "certificate verified: %d, until %T", verdict->code,
                   verdict->expires);

    if (kept) {
        X509_free(kept->issuer);
        *kept = *verdict;

    } else if (verdict->issuer) {

        /* the reference that was made goes with the request */

        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            X509_free(verdict->issuer);
            return NGX_ERROR;
        }

        cln->handler = ngx_http_gateway_cert_auth_free_issuer;
        cln->data = verdict->issuer;
    }

    return NGX_OK;
}


static void
ngx_http_gateway_cert_auth_judge(ngx_http_gateway_cert_auth_conf_t *cacf,
    X509 *cert, STACK_OF(X509) *chain,
    ngx_http_gateway_cert_verdict_t *verdict)
{
    int                       i;
    time_t                    end;
    u_char                    digest[EVP_MAX_MD_SIZE];
    ngx_uint_t                k;
    STACK_OF(X509)           *verified;
    ngx_http_gateway_ca_t   **cas;
    gateway_x509_options_t    options;

    options.depth = NGX_HTTP_GATEWAY_CERT_DEPTH;
    options.partial = cacf->allow_partial_chain;
    options.verified = &verified;

    verdict->code = gateway_x509_verify(cert, chain, cacf->store, &options);
    verdict->expires = ngx_time() + (time_t) cacf->cache_ttl;

    if (verdict->code != X509_V_OK) {
        return;
    }

    cas = cacf->cas->elts;

    for (i = 0; i < sk_X509_num(verified); i++) {

        end = ngx_http_gateway_cert_auth_end(sk_X509_value(verified, i));
        verdict->expires = ngx_min(verdict->expires, end);

        if (X509_digest(sk_X509_value(verified, i), EVP_sha256(), digest,
                        NULL)
            != 1)
        {
            continue;
        }

        for (k = 0; k < cacf->cas->nelts; k++) {
            if (ngx_memcmp(cas[k]->digest, digest,
                           NGX_HTTP_GATEWAY_CERT_DIGEST)
                == 0)
            {
                verdict->cas[k / 64] |= (uint64_t) 1 << k % 64;
            }
        }
    }

    if (sk_X509_num(verified) > 1) {
        verdict->issuer = sk_X509_value(verified, 1);
        (void) X509_up_ref(verdict->issuer);
    }

    sk_X509_pop_free(verified, X509_free);
}


/* when it expires; 0 if that is unknown */

static time_t
ngx_http_gateway_cert_auth_end(X509 *cert)
{
    int  days, seconds;

    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) != 1)
    {
        ERR_clear_error();
        return 0;
    }

    return ngx_time() + (time_t) days * 86400 + seconds;
}


/* the place of such a verdict; NULL when none is kept */

static ngx_http_gateway_cert_verdict_t *
ngx_http_gateway_cert_auth_kept(ngx_http_gateway_cert_auth_conf_t *cacf,
    u_char *digest)
{
    ngx_pool_cleanup_t  *cln;

    if (cacf->cache_ttl < 1) {
        return NULL;
    }

    if (cacf->verdicts == NULL) {

        cln = ngx_pool_cleanup_add(cacf->pool, 0);
        if (cln == NULL) {
            return NULL;
        }

        cacf->verdicts = ngx_pcalloc(cacf->pool,
                                   NGX_HTTP_GATEWAY_CERT_VERDICTS
                                   * sizeof(ngx_http_gateway_cert_verdict_t));
        if (cacf->verdicts == NULL) {
            return NULL;
        }

        cln->handler = ngx_http_gateway_cert_auth_forget;
        cln->data = cacf;
    }

    return &cacf->verdicts[digest[0] % NGX_HTTP_GATEWAY_CERT_VERDICTS];
}


static void
ngx_http_gateway_cert_auth_forget(void *data)
{
    ngx_http_gateway_cert_auth_conf_t  *cacf = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_CERT_VERDICTS; i++) {
        X509_free(cacf->verdicts[i].issuer);
    }
}


static void
ngx_http_gateway_cert_auth_free_issuer(void *data)
{
    X509_free(data);
}


static ngx_http_gateway_cert_status_e
ngx_http_gateway_cert_auth_status(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf, X509 *cert, X509 *issuer)
{
    ngx_event_t                        *rev;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_gateway_cert_status_e      status;
    ngx_http_gateway_cert_auth_data_t  *data;

    if (issuer == NULL) {
        return NGX_HTTP_GATEWAY_CERT_SILENT;
    }

    data = ngx_http_gateway_get_data(r, cacf->policy);

    if (data) {
        return data->wait.status;
    }

    data = ngx_http_gateway_add_data(r, cacf->policy,
                                   sizeof(ngx_http_gateway_cert_auth_data_t));
    if (data == NULL) {
        return NGX_HTTP_GATEWAY_CERT_FAILED;
    }

    ngx_memzero(&data->wait, sizeof(ngx_http_gateway_cert_wait_t));

    data->request = r;
    data->wait.handler = ngx_http_gateway_cert_auth_told;
    data->wait.data = data;
    data->wait.status = NGX_HTTP_GATEWAY_CERT_FAILED;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_GATEWAY_CERT_FAILED;
    }

    cln->handler = ngx_http_gateway_cert_auth_gone;
    cln->data = data;

    status = ngx_http_gateway_cert_status(&cacf->status, cert, issuer,
                                          &data->wait, r->connection->log);

    if (status != NGX_HTTP_GATEWAY_CERT_NONE) {
        data->wait.status = status;
        return status;
    }

    /* a client that goes away is seen */

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_gateway_cert_status_cancel(&data->wait);
        return NGX_HTTP_GATEWAY_CERT_FAILED;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_HTTP_GATEWAY_CERT_NONE;
}


static void
ngx_http_gateway_cert_auth_told(void *data)
{
    ngx_http_gateway_cert_auth_data_t  *cad = data;

    ngx_http_request_t  *r;

    r = cad->request;

    ngx_http_set_log_request(r->connection->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_gateway_resume(r);
}


static void
ngx_http_gateway_cert_auth_gone(void *data)
{
    ngx_http_gateway_cert_auth_data_t  *cad = data;

    ngx_http_gateway_cert_status_cancel(&cad->wait);
}


static ngx_int_t
ngx_http_gateway_cert_auth_names(ngx_http_request_t *r, X509 *cert,
    ngx_http_gateway_cert_names_t *names)
{
    int            i, len;
    u_char        *utf8, digest[EVP_MAX_MD_SIZE];
    ngx_int_t      rc;
    X509_NAME     *subject;

    names->n = 0;

    if (ngx_http_gateway_cert_auth_sans(r, cert, names) != NGX_OK) {
        return NGX_ERROR;
    }

    names->nsans = names->n;

    subject = X509_get_subject_name(cert);
    i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (i >= 0) {
        len = ASN1_STRING_to_UTF8(&utf8,
                      X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject,
                                                                   i)));
        if (len >= 0) {
            rc = ngx_http_gateway_cert_auth_add_name(r, names, utf8, len);

            OPENSSL_free(utf8);

            if (rc != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    names->fingerprint.len = 2 * NGX_HTTP_GATEWAY_CERT_DIGEST;
    names->fingerprint.data = ngx_pnalloc(r->pool, names->fingerprint.len);

    if (names->fingerprint.data == NULL
        || X509_digest(cert, EVP_sha256(), digest, NULL) != 1)
    {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(names->fingerprint.data, digest,
                        NGX_HTTP_GATEWAY_CERT_DIGEST);

    ERR_clear_error();

    return ngx_http_gateway_cert_auth_dn(r, cert, &names->dn);
}


static ngx_int_t
ngx_http_gateway_cert_auth_sans(ngx_http_request_t *r, X509 *cert,
    ngx_http_gateway_cert_names_t *names)
{
    int             i;
    u_char          address[NGX_SOCKADDR_STRLEN];
    size_t          len;
    ngx_int_t       rc;
    ASN1_STRING    *s;
    GENERAL_NAME   *name;
    GENERAL_NAMES  *sans;

    sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    rc = NGX_OK;

    for (i = 0;
         rc == NGX_OK && i < sk_GENERAL_NAME_num(sans)
         && names->n < NGX_HTTP_GATEWAY_CERT_NAMES;
         i++)
    {
        name = sk_GENERAL_NAME_value(sans, i);

        switch (name->type) {

        case GEN_DNS:
        case GEN_EMAIL:
        case GEN_URI:
            s = name->d.ia5;
            rc = ngx_http_gateway_cert_auth_add_name(r, names,
                                                     ASN1_STRING_get0_data(s),
                                                     ASN1_STRING_length(s));
            break;

        case GEN_IPADD:
            s = name->d.iPAddress;

            if (ASN1_STRING_length(s) == 4) {
                len = ngx_inet_ntop(AF_INET,
                                    (void *) ASN1_STRING_get0_data(s),
                                    address, sizeof(address));

            } else if (ASN1_STRING_length(s) == 16) {
                len = ngx_inet_ntop(AF_INET6,
                                    (void *) ASN1_STRING_get0_data(s),
                                    address, sizeof(address));

            } else {
                len = 0;
            }

            rc = ngx_http_gateway_cert_auth_add_name(r, names, address, len);
            break;

        default:
            break;
        }
    }

    GENERAL_NAMES_free(sans);

    return rc;
}


/* no name that would break a header, or end early for somebody else */

static ngx_int_t
ngx_http_gateway_cert_auth_add_name(ngx_http_request_t *r,
    ngx_http_gateway_cert_names_t *names, const u_char *data, size_t len)
{
    size_t      i;
    ngx_str_t  *name;

    if (len == 0) {
        return NGX_OK;
    }

    for (i = 0; i < len; i++) {
        if (data[i] < 0x20 || data[i] == 0x7f) {
            return NGX_OK;
        }
    }

    name = &names->names[names->n];

    name->len = len;
    name->data = ngx_pnalloc(r->pool, len);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(name->data, data, len);
    names->n++;

    return NGX_OK;
}


/* as $ssl_client_s_dn has it */

static ngx_int_t
ngx_http_gateway_cert_auth_dn(ngx_http_request_t *r, X509 *cert,
    ngx_str_t *dn)
{
    BIO        *bio;
    char       *data;
    long        len;
    ngx_int_t   rc;

    rc = NGX_ERROR;

    bio = BIO_new(BIO_s_mem());

    if (bio == NULL
        || X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                              XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB)
           < 0)
    {
        goto done;
    }

    len = BIO_get_mem_data(bio, &data);

    dn->len = len;
    dn->data = ngx_pnalloc(r->pool, len + 1);

    if (dn->data == NULL) {
        goto done;
    }

    ngx_memcpy(dn->data, data, len);
    rc = NGX_OK;

done:

    BIO_free(bio);
    ERR_clear_error();

    return rc;
}


/*
 * By digest, then as Kong does: credentials of the authority, credentials of
 * any, consumers; each by the alternative names, then by the common name.
 * Consumers may be in the store, where there are no such credentials.
 */

static ngx_int_t
ngx_http_gateway_cert_auth_match(ngx_http_request_t *r,
    ngx_http_gateway_cert_auth_conf_t *cacf,
    ngx_http_gateway_cert_verdict_t *verdict,
    ngx_http_gateway_cert_names_t *names,
    ngx_http_gateway_credential_t **credential)
{
    ngx_uint_t                           i, k;
    ngx_http_gateway_ca_t              **cas;
    ngx_http_gateway_named_t            *found;
    ngx_http_gateway_consumer_t         *consumer;
    ngx_http_gateway_main_conf_t        *gmcf;
    ngx_http_gateway_cert_auth_main_t   *main;

    static ngx_str_t  by[] = {
        ngx_null_string,
        ngx_string("username"),
        ngx_string("custom_id")
    };

    static ngx_uint_t  stored[] = {
        0,
        NGX_HTTP_GATEWAY_BY_USERNAME,
        NGX_HTTP_GATEWAY_BY_CUSTOM_ID
    };

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    main = gmcf->cert_auth;
    cas = cacf->cas->elts;

    if (main->table.n) {

        if (ngx_http_gateway_cert_auth_find(r, &main->table,
                                    &ngx_http_gateway_cert_auth_by_digest,
                                    &names->fingerprint, &found)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 0; found == NULL && i < names->n; i++) {
            for (k = 0; found == NULL && k < cacf->cas->nelts; k++) {

                if (!(verdict->cas[k / 64] & ((uint64_t) 1 << k % 64))) {
                    continue;
                }

                if (ngx_http_gateway_cert_auth_find(r, &main->table,
                                                    &cas[k]->name,
                                                    &names->names[i], &found)
                    != NGX_OK)
                {
                    return NGX_ERROR;
                }
            }
        }

        for (i = 0; found == NULL && i < names->n; i++) {
            if (ngx_http_gateway_cert_auth_find(r, &main->table,
                                    &ngx_http_gateway_cert_auth_any,
                                    &names->names[i], &found)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (found) {
            *credential = &((ngx_http_gateway_cert_credential_t *) found)
                           ->credential;
            return NGX_OK;
        }
    }

    for (i = 0; i < names->n; i++) {
        for (k = 0; k < 2 && cacf->by[k]; k++) {

            if (ngx_http_gateway_cert_auth_find(r, &main->consumers,
                                                &by[cacf->by[k]],
                                                &names->names[i], &found)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            if (found) {
                consumer = found->credential.consumer;

            } else if (ngx_http_gateway_store_consumer(r, stored[cacf->by[k]],
                                                       &names->names[i],
                                                       &consumer)
                       == NGX_ERROR)
            {
                return NGX_ERROR;
            }

            if (consumer) {
                *credential = ngx_http_gateway_cert_auth_make(r, names,
                                                              consumer,
                                                           &names->names[i]);
                return *credential ? NGX_OK : NGX_ERROR;
            }
        }
    }

    if (cacf->consumer) {
        *credential = ngx_http_gateway_cert_auth_make(r, names,
                                                      cacf->consumer, NULL);
        return *credential ? NGX_OK : NGX_ERROR;
    }

    return NGX_DECLINED;
}


/* in the tables, what comes first is followed by a blank */

static ngx_int_t
ngx_http_gateway_cert_auth_find(ngx_http_request_t *r,
    ngx_http_gateway_named_table_t *table, const ngx_str_t *first,
    const ngx_str_t *name, ngx_http_gateway_named_t **found)
{
    u_char     *p;
    ngx_str_t   key;

    key.len = first->len + 1 + name->len;
    key.data = ngx_pnalloc(r->pool, key.len);
    if (key.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key.data, first->data, first->len);
    *p++ = ' ';
    ngx_memcpy(p, name->data, name->len);

    *found = ngx_http_gateway_named_find(table, &key);

    return NGX_OK;
}


/* without one of its own, the certificate is the credential */

static ngx_http_gateway_credential_t *
ngx_http_gateway_cert_auth_make(ngx_http_request_t *r,
    ngx_http_gateway_cert_names_t *names,
    ngx_http_gateway_consumer_t *consumer, const ngx_str_t *identifier)
{
    uint8_t                         uuid[16];
    ngx_http_gateway_credential_t  *credential;

    credential = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_credential_t)
                                      + GATEWAY_UUID_LEN);
    if (credential == NULL) {
        return NULL;
    }

    gateway_uuid_entity(uuid, "mtls_auth_credentials",
                        (char *) names->fingerprint.data,
                        names->fingerprint.len);

    credential->id.data = (u_char *) (credential + 1);
    credential->id.len = GATEWAY_UUID_LEN;
    credential->consumer = consumer;

    gateway_uuid_format((char *) credential->id.data, uuid);

    if (identifier) {
        credential->identifier = *identifier;
    }

    return credential;
}


static ngx_int_t
ngx_http_gateway_cert_auth_skipped(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_cert_auth_conf_t *cacf,
    ngx_http_gateway_cert_names_t *names)
{
    u_char                          *p;
    size_t                           len;
    ngx_str_t                        san;
    ngx_uint_t                       i;
    ngx_http_gateway_credential_t   *credential;

    credential = ngx_http_gateway_cert_auth_make(r, names, NULL, NULL);

    if (credential == NULL
        || ngx_http_gateway_auth_succeed(r, ctx, credential) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_null(&ctx->authenticated_groups);

    if (cacf->authenticated_group_by == NGX_HTTP_GATEWAY_CERT_DN) {
        ctx->authenticated_groups = names->dn;

    } else if (names->n > names->nsans) {
        ctx->authenticated_groups = names->names[names->nsans];
    }

    /* a name may have commas, and is one group */

    ctx->one_group = ctx->authenticated_groups.data;
    ctx->cert_headers = 1;

    if (names->dn.len
        && ngx_http_gateway_header_in_put(r,
                               &ngx_http_gateway_cert_auth_header_dn,
                               &names->dn)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (names->nsans == 0) {
        return NGX_OK;
    }

    len = 0;

    for (i = 0; i < names->nsans; i++) {
        len += names->names[i].len + sizeof(", ") - 1;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    san.data = p;

    for (i = 0; i < names->nsans; i++) {

        if (i) {
            *p++ = ',';
            *p++ = ' ';
        }

        p = ngx_cpymem(p, names->names[i].data, names->names[i].len);
    }

    san.len = p - san.data;

    return ngx_http_gateway_header_in_put(r,
                                       &ngx_http_gateway_cert_auth_header_san,
                                       &san);
}


/* configuration */

static ngx_http_gateway_cert_auth_main_t *
ngx_http_gateway_cert_auth_main(ngx_conf_t *cf)
{
    ngx_uint_t                          i;
    ngx_array_t                        *arrays[4];
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_cert_auth_main_t  *main;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->cert_auth) {
        return gmcf->cert_auth;
    }

    main = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_cert_auth_main_t));
    if (main == NULL) {
        return NULL;
    }

    arrays[0] = &main->confs;
    arrays[1] = &main->cas;
    arrays[2] = &main->credentials;
    arrays[3] = NULL;

    for (i = 0; arrays[i]; i++) {
        if (ngx_array_init(arrays[i], cf->pool, 4, sizeof(void *)) != NGX_OK)
        {
            return NULL;
        }
    }

    gmcf->cert_auth = main;

    return main;
}


void
ngx_http_gateway_cert_auth_defaults(void *conf)
{
    ngx_http_gateway_cert_auth_conf_t  *cacf = conf;

    cacf->revocation_check_mode = NGX_HTTP_GATEWAY_CERT_IGNORE;
    cacf->http_timeout = 30000;
    cacf->cert_cache_ttl = 60000;
    cacf->cache_ttl = 60;
}


char *
ngx_http_gateway_cert_auth_check(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_conf_t *cacf)
{
    ngx_str_t                           *name;
    ngx_uint_t                           i, by;
    ngx_http_gateway_cert_auth_conf_t  **p;
    ngx_http_gateway_cert_auth_main_t   *main;

    main = ngx_http_gateway_cert_auth_main(cf);
    if (main == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cacf->ca_certificates == NULL) {
        return "trusts nobody: name a gateway_ca_certificate in "
               "\"ca_certificates\"";
    }

    if (cacf->ca_certificates->nelts > NGX_HTTP_GATEWAY_CERT_CAS) {
        return "has more than 256 \"ca_certificates\"";
    }

    if ((cacf->http_proxy_host.len == 0) != (cacf->http_proxy_port == 0)) {
        return "needs both \"http_proxy_host\" and \"http_proxy_port\"";
    }

    if ((cacf->https_proxy_host.len == 0) != (cacf->https_proxy_port == 0)) {
        return "needs both \"https_proxy_host\" and \"https_proxy_port\"";
    }

    if (cacf->consumer_by == NULL) {
        cacf->by[0] = NGX_HTTP_GATEWAY_CERT_USERNAME;
        cacf->by[1] = NGX_HTTP_GATEWAY_CERT_CUSTOM;

    } else {
        name = cacf->consumer_by->elts;

        for (i = 0; i < cacf->consumer_by->nelts; i++) {

            if (name[i].len == 8
                && ngx_strncmp(name[i].data, "username", 8) == 0)
            {
                by = NGX_HTTP_GATEWAY_CERT_USERNAME;

            } else if (name[i].len == 9
                       && ngx_strncmp(name[i].data, "custom_id", 9) == 0)
            {
                by = NGX_HTTP_GATEWAY_CERT_CUSTOM;

            } else if (name[i].len == 0 && cacf->consumer_by->nelts == 1) {
                /* an empty list: by credentials only */
                continue;

            } else {
                return "expects \"username\" or \"custom_id\" in "
                       "\"consumer_by\"";
            }

            if (cacf->by[0] == 0) {
                cacf->by[0] = by;

            } else if (cacf->by[0] != by) {
                cacf->by[1] = by;
            }
        }
    }

    p = ngx_array_push(&main->confs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = cacf;

    cacf->policy = cacf->auth.instance.policy;
    cacf->pool = cf->pool;

    return ngx_http_gateway_auth_check(cf, &main->anonymous, &cacf->auth,
                                       "Certificate");
}


/* gateway_ca_certificate NAME FILE */

char *
ngx_http_gateway_cert_auth_ca(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    BIO                                *bio;
    ngx_str_t                          *value, file;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_gateway_ca_t              *ca, **p;
    ngx_http_gateway_cert_auth_main_t  *main;

    value = cf->args->elts;

    main = ngx_http_gateway_cert_auth_main(cf);
    if (main == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, ' ')
        || (value[1].len == 1 && value[1].data[0] == '-')
        || value[1].len == 0)
    {
        return "has an invalid name: one without blanks, and not \"-\"";
    }

    if (ngx_http_gateway_cert_auth_ca_named(main, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate authority \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    file = value[2];

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_gateway_ca_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    ca = cln->data;
    ngx_memzero(ca, sizeof(ngx_http_gateway_ca_t));
    cln->handler = ngx_http_gateway_cert_auth_free_ca;

    p = ngx_array_push(&main->cas);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = ca;
    ca->name = value[1];

    bio = BIO_new_file((char *) file.data, "r");
    ca->cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);

    if (ca->cert == NULL
        || X509_digest(ca->cert, EVP_sha256(), ca->digest, NULL) != 1)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "cannot read a certificate from \"%V\" in %s:%ui",
                      &file, cf->conf_file->file.name.data,
                      cf->conf_file->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_http_gateway_ca_t *
ngx_http_gateway_cert_auth_ca_named(ngx_http_gateway_cert_auth_main_t *main,
    ngx_str_t *name)
{
    ngx_uint_t               i;
    ngx_http_gateway_ca_t  **cas;

    cas = main->cas.elts;

    for (i = 0; i < main->cas.nelts; i++) {
        if (cas[i]->name.len == name->len
            && ngx_strncmp(cas[i]->name.data, name->data, name->len) == 0)
        {
            return cas[i];
        }
    }

    return NULL;
}


/* gateway_mtls_auth_credential, in gateway_consumer */

char *
ngx_http_gateway_cert_auth_credential(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                                *rv;
    u_char                              *p;
    ngx_str_t                           *first, *second, *key;
    ngx_http_gateway_cert_auth_main_t   *main;
    ngx_http_gateway_cert_credential_t  *credential, **pc;

    static ngx_http_gateway_named_param_t  params[] = {
        { ngx_string("subject_name="),
          offsetof(ngx_http_gateway_cert_credential_t, subject_name) },
        { ngx_string("ca="),
          offsetof(ngx_http_gateway_cert_credential_t, ca) },
        { ngx_string("fingerprint="),
          offsetof(ngx_http_gateway_cert_credential_t, fingerprint) },
        { ngx_null_string, 0 }
    };

    main = ngx_http_gateway_cert_auth_main(cf);
    if (main == NULL) {
        return NGX_CONF_ERROR;
    }

    credential = ngx_pcalloc(cf->pool,
                             sizeof(ngx_http_gateway_cert_credential_t));
    if (credential == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_gateway_named_read(cf, params, &credential->named);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    credential->file_name = cf->conf_file->file.name.data;
    credential->line = cf->conf_file->line;

    if ((credential->subject_name.len == 0)
        == (credential->fingerprint.len == 0))
    {
        return "needs one of \"subject_name\" and \"fingerprint\"";
    }

    if (credential->fingerprint.len) {

        if (credential->ca.data) {
            return "has a \"fingerprint\", which needs no \"ca\"";
        }

        if (ngx_http_gateway_cert_auth_hex(&credential->fingerprint)
            != NGX_OK)
        {
            return "has an invalid \"fingerprint\": expected a SHA-256 of 64 "
                   "hex digits, colons between them are allowed";
        }

        first = &ngx_http_gateway_cert_auth_by_digest;
        second = &credential->fingerprint;

    } else {
        first = credential->ca.len ? &credential->ca
                                   : &ngx_http_gateway_cert_auth_any;
        second = &credential->subject_name;
    }

    key = &credential->named.credential.identifier;

    key->len = first->len + 1 + second->len;
    key->data = ngx_pnalloc(cf->pool, key->len);
    if (key->data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(key->data, first->data, first->len);
    *p++ = ' ';
    ngx_memcpy(p, second->data, second->len);

    pc = ngx_array_push(&main->credentials);
    if (pc == NULL) {
        return NGX_CONF_ERROR;
    }

    *pc = credential;

    rv = ngx_http_gateway_named_add(cf, &main->table,
                                    "mtls_auth_credentials",
                                    &credential->named);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    credential->credential = credential->named.credential;
    credential->credential.identifier = credential->credential.id;

    return NGX_CONF_OK;
}


/* to lower-case digits without colons */

static ngx_int_t
ngx_http_gateway_cert_auth_hex(ngx_str_t *text)
{
    u_char  ch, *p;
    size_t  i;

    p = text->data;

    for (i = 0; i < text->len; i++) {
        ch = ngx_tolower(text->data[i]);

        if (ch == ':') {
            continue;
        }

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            return NGX_ERROR;
        }

        *p++ = ch;
    }

    text->len = p - text->data;

    return text->len == 2 * NGX_HTTP_GATEWAY_CERT_DIGEST ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_gateway_cert_auth_init(ngx_conf_t *cf)
{
    ngx_uint_t                            i, lookup;
    ngx_http_gateway_main_conf_t         *gmcf;
    ngx_http_gateway_cert_auth_conf_t   **confs;
    ngx_http_gateway_cert_auth_main_t    *main;
    ngx_http_gateway_cert_credential_t  **credentials;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    main = gmcf->cert_auth;

    if (main == NULL || main->done) {
        return NGX_OK;
    }

    main->done = 1;

    credentials = main->credentials.elts;

    for (i = 0; i < main->credentials.nelts; i++) {
        if (credentials[i]->ca.len
            && ngx_http_gateway_cert_auth_ca_named(main, &credentials[i]->ca)
               == NULL)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown authority \"%V\" in %s:%ui: there is no "
                          "such gateway_ca_certificate",
                          &credentials[i]->ca, credentials[i]->file_name,
                          credentials[i]->line);
            return NGX_ERROR;
        }
    }

    confs = main->confs.elts;
    lookup = 0;

    for (i = 0; i < main->confs.nelts; i++) {

        if (ngx_http_gateway_cert_auth_init_conf(cf, main, confs[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        lookup |= confs[i]->by[0] && !confs[i]->skip_consumer_lookup;
    }

    if (lookup
        && ngx_http_gateway_cert_auth_init_consumers(cf, main) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_auth_init(cf, &main->anonymous);
}


static ngx_int_t
ngx_http_gateway_cert_auth_init_conf(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_main_t *main,
    ngx_http_gateway_cert_auth_conf_t *cacf)
{
    ngx_str_t                     *names;
    ngx_uint_t                     i;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_ca_t         *ca, **p;
    ngx_http_gateway_instance_t   *instance;

    instance = &cacf->auth.instance;
    names = cacf->ca_certificates->elts;

    cacf->cas = ngx_array_create(cf->pool, cacf->ca_certificates->nelts,
                                 sizeof(void *));

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cacf->cas == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cacf->store = X509_STORE_new();
    if (cacf->store == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_cert_auth_free_store;
    cln->data = cacf->store;

    /* for the signatures of responders, too */

    if (cacf->allow_partial_chain) {
        (void) X509_STORE_set_flags(cacf->store, X509_V_FLAG_PARTIAL_CHAIN);
    }

    for (i = 0; i < cacf->ca_certificates->nelts; i++) {
        ca = ngx_http_gateway_cert_auth_ca_named(main, &names[i]);

        if (ca == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown authority \"%V\" in \"gateway_%V\" in "
                          "%s:%ui: there is no such gateway_ca_certificate",
                          &names[i], &cacf->policy->name,
                          instance->file_name, instance->line);
            return NGX_ERROR;
        }

        p = ngx_array_push(cacf->cas);
        if (p == NULL || X509_STORE_add_cert(cacf->store, ca->cert) != 1) {
            return NGX_ERROR;
        }

        *p = ca;
    }

    if (cacf->default_consumer.len) {
        cacf->consumer = ngx_http_gateway_find_consumer(cf,
                                                    &cacf->default_consumer);

        if (cacf->consumer == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "default consumer \"%V\" of \"gateway_%V\" in "
                          "%s:%ui doesn't exist: add a gateway_consumer with "
                          "this id or username",
                          &cacf->default_consumer, &cacf->policy->name,
                          instance->file_name, instance->line);
            return NGX_ERROR;
        }
    }

    if (cacf->revocation_check_mode == NGX_HTTP_GATEWAY_CERT_SKIP) {
        return NGX_OK;
    }

    cacf->status.store = cacf->store;
    cacf->status.timeout = (ngx_msec_t) cacf->http_timeout;
    cacf->status.ttl = (ngx_msec_t) cacf->cert_cache_ttl;
    cacf->status.http_proxy = cacf->http_proxy_host;
    cacf->status.http_proxy_port = (in_port_t) cacf->http_proxy_port;
    cacf->status.https_proxy = cacf->https_proxy_host;
    cacf->status.https_proxy_port = (in_port_t) cacf->https_proxy_port;

    return ngx_http_gateway_cert_status_init(cf, &cacf->status);
}


static ngx_int_t
ngx_http_gateway_cert_auth_init_consumers(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_main_t *main)
{
    ngx_uint_t                      i;
    ngx_http_gateway_main_conf_t   *gmcf;
    ngx_http_gateway_consumer_t   **consumers;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    consumers = gmcf->consumers.elts;

    for (i = 0; i < gmcf->consumers.nelts; i++) {
        if (ngx_http_gateway_cert_auth_add_consumer(cf, main, consumers[i],
                                     "username ", &consumers[i]->username)
               != NGX_OK
            || ngx_http_gateway_cert_auth_add_consumer(cf, main, consumers[i],
                                     "custom_id ", &consumers[i]->custom_id)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cert_auth_add_consumer(ngx_conf_t *cf,
    ngx_http_gateway_cert_auth_main_t *main,
    ngx_http_gateway_consumer_t *consumer, const char *by, ngx_str_t *name)
{
    u_char                    *p;
    size_t                     len;
    ngx_str_t                 *key;
    ngx_http_gateway_named_t  *named;

    if (name->len == 0) {
        return NGX_OK;
    }

    len = ngx_strlen(by);

    named = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_named_t));
    p = ngx_pnalloc(cf->pool, len + name->len);

    if (named == NULL || p == NULL) {
        return NGX_ERROR;
    }

    key = &named->credential.identifier;

    key->data = p;
    key->len = len + name->len;

    p = ngx_cpymem(p, by, len);
    ngx_memcpy(p, name->data, name->len);

    /* the id is never looked at; of two consumers the first one is found */

    named->credential.id = consumer->id;
    named->credential.consumer = consumer;

    if (ngx_http_gateway_named_find(&main->consumers, key)) {
        return NGX_OK;
    }

    return ngx_http_gateway_named_add(cf, &main->consumers, "consumers",
                                      named)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_gateway_cert_auth_free_ca(void *data)
{
    ngx_http_gateway_ca_t  *ca = data;

    X509_free(ca->cert);
}


static void
ngx_http_gateway_cert_auth_free_store(void *data)
{
    X509_STORE_free(data);
}
