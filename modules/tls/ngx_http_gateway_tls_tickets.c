
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Keys of session tickets, in shared memory: all workers have the same ones,
 * and a reload keeps them.  nginx before 1.23.2 makes new ones whenever it
 * reads its configuration.  A key encrypts for the time that sessions live,
 * and decrypts for as long again; then nobody can.  They are never on disk.
 * One short lock a handshake.
 */


#include "ngx_http_gateway_tls_private.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>


/* nginx's slabs need so much */
#define NGX_HTTP_GATEWAY_TLS_TICKETS_SIZE  (8 * ngx_pagesize)


typedef struct {
    u_char                           name[16];
    u_char                           hmac[32];
    u_char                           aes[32];
    time_t                           created;   /* 0: there is none */
} ngx_http_gateway_tls_ticket_t;

typedef struct {
    ngx_http_gateway_tls_ticket_t    keys[2];   /* present, former */
} ngx_http_gateway_tls_tickets_sh_t;

typedef struct {
    ngx_http_gateway_tls_tickets_sh_t  *sh;
    ngx_slab_pool_t                    *shpool;
    time_t                              rotate; /* seconds; 0: as sessions */
} ngx_http_gateway_tls_tickets_t;


static int ngx_http_gateway_tls_tickets_callback(ngx_ssl_conn_t *ssl_conn,
    unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int enc);
static ngx_int_t ngx_http_gateway_tls_tickets_get(
    ngx_http_gateway_tls_tickets_t *tickets, time_t rotate,
    ngx_http_gateway_tls_ticket_t *keys);
static ngx_int_t ngx_http_gateway_tls_tickets_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);


/* 1: done, 2: done and the client gets a new ticket, 0: no such key */

static int
ngx_http_gateway_tls_tickets_callback(ngx_ssl_conn_t *ssl_conn,
    unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int enc)
{
    char                               sha256[] = "SHA256";
    time_t                             rotate;
    ngx_int_t                          i, rc;
    OSSL_PARAM                         params[3];
    ngx_connection_t                  *c;
    ngx_http_connection_t             *hc;
    ngx_http_ssl_srv_conf_t           *sscf;
    ngx_http_gateway_tls_ticket_t      keys[2];
    ngx_http_gateway_tls_tickets_t    *tickets;
    ngx_http_gateway_tls_main_conf_t  *tmcf;

    c = ngx_ssl_get_connection(ssl_conn);
    hc = c->data;

    tmcf = ngx_http_get_module_main_conf(hc->conf_ctx,
                                         ngx_http_gateway_tls_module);
    sscf = ngx_http_get_module_srv_conf(hc->conf_ctx, ngx_http_ssl_module);

    tickets = tmcf->tickets->data;
    rotate = tickets->rotate ? tickets->rotate : sscf->session_timeout;

    if (ngx_http_gateway_tls_tickets_get(tickets, rotate, keys) != NGX_OK) {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0, "RAND_bytes() failed");
        return -1;
    }

    i = 0;

    if (enc) {

        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) {
            ngx_ssl_error(NGX_LOG_ALERT, c->log, 0, "RAND_bytes() failed");
            rc = -1;
            goto done;
        }

        ngx_memcpy(name, keys[0].name, sizeof(keys[0].name));

    } else {

        for (i = 0; i < 2; i++) {
            if (keys[i].created
                && ngx_memcmp(name, keys[i].name, sizeof(keys[i].name)) == 0)
            {
                break;
            }
        }

        if (i == 2) {
            rc = 0;
            goto done;
        }
    }

    params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                                  keys[i].hmac,
                                                  sizeof(keys[i].hmac));
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 sha256, 0);
    params[2] = OSSL_PARAM_construct_end();

    if (EVP_MAC_CTX_set_params(mac, params) != 1
        || EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys[i].aes, iv,
                             enc)
           != 1)
    {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0,
                      "tls: a session ticket cannot be processed");
        rc = -1;
        goto done;
    }

    rc = (i == 0) ? 1 : 2;

#ifdef TLS1_3_VERSION

    /* clients of TLS 1.3 use a ticket once */

    if (!enc && SSL_version(ssl_conn) == TLS1_3_VERSION) {
        rc = 2;
    }

#endif

done:

    ngx_explicit_memzero(keys, sizeof(keys));

    return rc;
}


/* a copy of the keys that are valid now, the present one made when due */

static ngx_int_t
ngx_http_gateway_tls_tickets_get(ngx_http_gateway_tls_tickets_t *tickets,
    time_t rotate, ngx_http_gateway_tls_ticket_t *keys)
{
    time_t                              now;
    ngx_int_t                           rc;
    ngx_http_gateway_tls_ticket_t       fresh;
    ngx_http_gateway_tls_tickets_sh_t  *sh;

    now = ngx_time();
    sh = tickets->sh;
    rc = NGX_OK;

    ngx_shmtx_lock(&tickets->shpool->mutex);

    if (sh->keys[0].created == 0
        || now - sh->keys[0].created >= rotate
        || sh->keys[0].created > now)
    {
        if (RAND_bytes(fresh.name, sizeof(fresh.name)) == 1
            && RAND_priv_bytes(fresh.hmac, sizeof(fresh.hmac)) == 1
            && RAND_priv_bytes(fresh.aes, sizeof(fresh.aes)) == 1)
        {
            fresh.created = now;

            /* whoever dies in between leaves random bytes: no harm done */

            sh->keys[1] = sh->keys[0];
            sh->keys[0] = fresh;

            ngx_explicit_memzero(&fresh, sizeof(fresh));

        } else {
            rc = NGX_ERROR;
        }
    }

    if (now - sh->keys[1].created >= 2 * rotate
        || sh->keys[1].created > now)
    {
        ngx_explicit_memzero(&sh->keys[1], sizeof(sh->keys[1]));
    }

    ngx_memcpy(keys, sh->keys, sizeof(sh->keys));

    ngx_shmtx_unlock(&tickets->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_http_gateway_tls_tickets_set(ngx_conf_t *cf, SSL_CTX *ssl_ctx)
{
    if (SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl_ctx,
                                        ngx_http_gateway_tls_tickets_callback)
        == 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_tlsext_ticket_key_evp_cb() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_tls_tickets_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_gateway_tls_tickets_t *old = data;

    ngx_http_gateway_tls_tickets_t  *tickets;

    tickets = shm_zone->data;
    tickets->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        tickets->sh = old->sh;
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        tickets->sh = tickets->shpool->data;
        return NGX_OK;
    }

    tickets->sh = ngx_slab_calloc(tickets->shpool,
                                  sizeof(ngx_http_gateway_tls_tickets_sh_t));
    if (tickets->sh == NULL) {
        return NGX_ERROR;
    }

    tickets->shpool->data = tickets->sh;

    return NGX_OK;
}


/* gateway_session_tickets zone=NAME [rotate=TIME]; */

char *
ngx_http_gateway_tls_tickets(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_tls_main_conf_t *tmcf = conf;

    ngx_str_t                       *value, name, s;
    ngx_uint_t                       i;
    ngx_http_gateway_tls_tickets_t  *tickets;

    if (tmcf->tickets) {
        return "is duplicate";
    }

    tickets = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_tls_tickets_t));
    if (tickets == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_null(&name);
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0 && value[i].len > 5) {
            name.data = value[i].data + 5;
            name.len = value[i].len - 5;
            continue;
        }

        if (ngx_strncmp(value[i].data, "rotate=", 7) == 0) {
            s.data = value[i].data + 7;
            s.len = value[i].len - 7;

            tickets->rotate = ngx_parse_time(&s, 1);

            if (tickets->rotate == (time_t) NGX_ERROR || tickets->rotate == 0)
            {
                return "expects a time above 0 in \"rotate\"";
            }

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    if (name.len == 0) {
        return "needs \"zone\"";
    }

    tmcf->tickets = ngx_shared_memory_add(cf, &name,
                                          NGX_HTTP_GATEWAY_TLS_TICKETS_SIZE,
                                          &ngx_http_gateway_tls_module);
    if (tmcf->tickets == NULL) {
        return NGX_CONF_ERROR;
    }

    if (tmcf->tickets->data) {
        return "names a zone that is in use";
    }

    tmcf->tickets->init = ngx_http_gateway_tls_tickets_init_zone;
    tmcf->tickets->data = tickets;

    return NGX_CONF_OK;
}
