
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates by the name that a TLS client asks for (SNI), chosen during
 * the handshake from what was read when the configuration was: no file is
 * touched then.  At most four lookups a handshake, nothing per request
 * unless certificates of clients are required for some names.
 *
 * Sessions are resumed for the name they were made for, only: the scope of
 * a session is the address, the certificate, the name, and everything that
 * is asked of clients.
 */


#include "ngx_http_gateway_tls_private.h"


static int ngx_http_gateway_tls_hello(ngx_ssl_conn_t *ssl_conn, int *alert,
    void *data);
static void ngx_http_gateway_tls_hello_name(ngx_ssl_conn_t *ssl_conn,
    ngx_str_t *name, u_char *lower);
static int ngx_http_gateway_tls_store_handler(ngx_ssl_conn_t *ssl_conn,
    void *data);
static int ngx_http_gateway_tls_handler(ngx_ssl_conn_t *ssl_conn, void *data);
static ngx_int_t ngx_http_gateway_tls_choose(ngx_ssl_conn_t *ssl_conn,
    ngx_http_gateway_tls_store_t *store, ngx_str_t *name);
static void ngx_http_gateway_tls_lower(ngx_str_t *name, u_char *lower,
    const u_char *data, size_t len);

static char *ngx_http_gateway_tls_certificate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_gateway_tls_create_main_conf(ngx_conf_t *cf);
static void ngx_http_gateway_tls_md_cleanup(void *data);
static void *ngx_http_gateway_tls_create_srv_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_tls_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_tls_init_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_gateway_tls_try(ngx_conf_t *cf, SSL_CTX *ssl_ctx,
    ngx_http_gateway_tls_store_t *store);
static ngx_int_t ngx_http_gateway_tls_digest(ngx_conf_t *cf,
    SSL_CTX *ssl_ctx, u_char *digest);


static ngx_command_t  ngx_http_gateway_tls_commands[] = {

    { ngx_string("gateway_certificate"),
      NGX_HTTP_SRV_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_tls_certificate,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_client_certificate"),
      NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_tls_client,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_session_tickets"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_gateway_tls_tickets,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_tls_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_tls_init,             /* postconfiguration */

    ngx_http_gateway_tls_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_tls_create_srv_conf,  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_tls_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_tls_module_ctx,      /* module context */
    ngx_http_gateway_tls_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * Sets the scope of the session.  It must be known before OpenSSL looks for
 * one to resume; all later callbacks come too late.
 */

static int
ngx_http_gateway_tls_hello(ngx_ssl_conn_t *ssl_conn, int *alert, void *data)
{
    u_char                             scope[NGX_HTTP_GATEWAY_TLS_DIGEST];
    u_char                             lower[NGX_HTTP_GATEWAY_TLS_NAME];
    ngx_str_t                          name;
    EVP_MD_CTX                        *md;
    ngx_uint_t                         ok;
    ngx_connection_t                  *c;
    ngx_http_connection_t             *hc;
    ngx_http_gateway_tls_cert_t       *cert;
    ngx_http_gateway_tls_srv_conf_t   *tscf;
    ngx_http_gateway_tls_main_conf_t  *tmcf;

#if (nginx_version >= 1029002)

    /* nginx has one too: it chooses the server */

    int  rc;

    rc = ngx_ssl_client_hello_callback(ssl_conn, alert, data);

    if (rc != SSL_CLIENT_HELLO_SUCCESS) {
        return rc;
    }

#endif

    c = ngx_ssl_get_connection(ssl_conn);
    hc = c->data;

    tmcf = ngx_http_get_module_main_conf(hc->conf_ctx,
                                         ngx_http_gateway_tls_module);
    tscf = ngx_http_get_module_srv_conf(hc->conf_ctx,
                                        ngx_http_gateway_tls_module);

    ngx_http_gateway_tls_hello_name(ssl_conn, &name, lower);

    cert = ngx_http_gateway_tls_names_find(&tscf->store.names, &name);

    md = EVP_MD_CTX_new();

    ok = md != NULL
         && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1
         && EVP_DigestUpdate(md, tmcf->digest, sizeof(tmcf->digest)) == 1
         && EVP_DigestUpdate(md, cert ? cert->digest : tscf->digest,
                             NGX_HTTP_GATEWAY_TLS_DIGEST)
            == 1
         && EVP_DigestUpdate(md, c->listening->addr_text.data,
                             c->listening->addr_text.len)
            == 1
         && EVP_DigestUpdate(md, "", 1) == 1
         && EVP_DigestUpdate(md, name.data, name.len) == 1
         && EVP_DigestFinal_ex(md, scope, NULL) == 1
         && SSL_set_session_id_context(ssl_conn, scope, sizeof(scope)) == 1;

    EVP_MD_CTX_free(md);

    if (!ok) {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0,
                      "tls: cannot set the scope of a session");
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }

    return SSL_CLIENT_HELLO_SUCCESS;
}


/* the bytes of the extension (RFC 6066), which nobody has looked at yet */

static void
ngx_http_gateway_tls_hello_name(ngx_ssl_conn_t *ssl_conn, ngx_str_t *name,
    u_char *lower)
{
    size_t         len;
    const u_char  *p;

    name->data = lower;
    name->len = 0;

    if (SSL_client_hello_get0_ext(ssl_conn, TLSEXT_TYPE_server_name, &p, &len)
        != 1)
    {
        return;
    }

    /* one name; OpenSSL refuses what is malformed later */

    if (len < 5
        || (size_t) (p[0] << 8) + p[1] + 2 != len
        || p[2] != TLSEXT_NAMETYPE_host_name
        || (size_t) (p[3] << 8) + p[4] + 5 != len)
    {
        return;
    }

    ngx_http_gateway_tls_lower(name, lower, p + 5, len - 5);
}


/* for servers that ask nothing of clients; 1: go on, 0: the handshake fails */

static int
ngx_http_gateway_tls_store_handler(ngx_ssl_conn_t *ssl_conn, void *data)
{
    ngx_http_gateway_tls_store_t *store = data;

    u_char     lower[NGX_HTTP_GATEWAY_TLS_NAME];
    ngx_str_t  name;

    ngx_http_gateway_tls_servername(ssl_conn, &name, lower);

    return ngx_http_gateway_tls_choose(ssl_conn, store, &name) == NGX_OK;
}


static int
ngx_http_gateway_tls_handler(ngx_ssl_conn_t *ssl_conn, void *data)
{
    ngx_http_gateway_tls_srv_conf_t *tscf = data;

    u_char                        lower[NGX_HTTP_GATEWAY_TLS_NAME];
    ngx_str_t                     name;
    ngx_connection_t             *c;
    ngx_http_gateway_tls_rule_t  *rule;

    ngx_http_gateway_tls_servername(ssl_conn, &name, lower);

    if (ngx_http_gateway_tls_choose(ssl_conn, &tscf->store, &name) != NGX_OK) {
        return 0;
    }

    rule = ngx_http_gateway_tls_client_find(tscf, &name);

    if (rule && ngx_http_gateway_tls_client_ask(ssl_conn, rule) != NGX_OK) {
        c = ngx_ssl_get_connection(ssl_conn);
        ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                      "tls: cannot ask the client for its certificate");
        return 0;
    }

    return 1;
}


void
ngx_http_gateway_tls_servername(ngx_ssl_conn_t *ssl_conn, ngx_str_t *name,
    u_char *lower)
{
    const char  *sni;

    sni = SSL_get_servername(ssl_conn, TLSEXT_NAMETYPE_host_name);

    ngx_http_gateway_tls_lower(name, lower, (const u_char *) sni,
                               sni ? ngx_strlen(sni) : 0);
}


static ngx_int_t
ngx_http_gateway_tls_choose(ngx_ssl_conn_t *ssl_conn,
    ngx_http_gateway_tls_store_t *store, ngx_str_t *name)
{
    ngx_uint_t                    i;
    ngx_connection_t             *c;
    ngx_http_gateway_tls_cert_t  *cert;
    ngx_http_gateway_tls_pair_t  *pair;

    cert = ngx_http_gateway_tls_names_find(&store->names, name);

    if (cert == NULL) {
        /* the server's own ssl_certificate */
        return NGX_OK;
    }

    SSL_certs_clear(ssl_conn);

    for (i = 0; i < cert->npairs; i++) {

        pair = &cert->pairs[i];

        if (SSL_use_cert_and_key(ssl_conn, pair->cert, pair->key, pair->chain,
                                 1)
            != 1)
        {
            c = ngx_ssl_get_connection(ssl_conn);
            ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                          "tls: the certificate \"%V\" cannot be used",
                          &pair->file);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* in lower case, without a final dot; empty when it is too long */

static void
ngx_http_gateway_tls_lower(ngx_str_t *name, u_char *lower, const u_char *data,
    size_t len)
{
    name->data = lower;
    name->len = 0;

    if (len == 0 || len >= NGX_HTTP_GATEWAY_TLS_NAME) {
        return;
    }

    ngx_strlow(lower, (u_char *) data, len);

    if (len > 1 && lower[len - 1] == '.') {
        len--;
    }

    name->len = len;
}


static char *
ngx_http_gateway_tls_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_tls_srv_conf_t *tscf = conf;

    ngx_http_gateway_tls_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_tls_module);
    tmcf->certs++;

    return ngx_http_gateway_tls_add(cf, &tscf->store);
}


/* CERT KEY [cert_alt=CERT key_alt=KEY] NAME... */

char *
ngx_http_gateway_tls_add(ngx_conf_t *cf, ngx_http_gateway_tls_store_t *store)
{
    char                         *rv;
    ngx_int_t                     rc;
    ngx_str_t                    *value, *key, alt[2];
    ngx_uint_t                    i, names;
    ngx_pool_cleanup_t           *cln;
    ngx_http_gateway_tls_cert_t  *cert, **item;

    value = cf->args->elts;
    names = 0;

    if (cf->args->nelts < 4) {
        return "expects a certificate, its key and at least one name";
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_gateway_tls_cert_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cert = cln->data;
    ngx_memzero(cert, sizeof(ngx_http_gateway_tls_cert_t));
    cln->handler = ngx_http_gateway_tls_cert_cleanup;

    rv = ngx_http_gateway_tls_pair(cf, store, cert, &value[1], &value[2]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 3; i < cf->args->nelts; i++) {

        if (value[i].len > 9
            && ngx_strncmp(value[i].data, "cert_alt=", 9) == 0)
        {
            if (i + 1 == cf->args->nelts || cert->npairs == 2
                || value[i + 1].len <= 8
                || ngx_strncmp(value[i + 1].data, "key_alt=", 8) != 0)
            {
                return "expects \"key_alt=\" after its one \"cert_alt=\"";
            }

            key = &value[i + 1];

            alt[0].data = value[i].data + 9;
            alt[0].len = value[i].len - 9;
            alt[1].data = key->data + 8;
            alt[1].len = key->len - 8;

            rv = ngx_http_gateway_tls_pair(cf, store, cert, &alt[0], &alt[1]);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            i++;
            continue;
        }

        rc = ngx_http_gateway_tls_names_add(cf, &store->names, &value[i],
                                            cert);

        if (rc == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate name \"%V\" in \"%V\"",
                               &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }

        names++;
    }

    if (names == 0) {
        return "names nobody to serve it to";
    }

    if (store->certs == NULL) {
        store->certs = ngx_array_create(cf->pool, 4, sizeof(void *));

        if (store->certs == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    item = ngx_array_push(store->certs);
    if (item == NULL) {
        return NGX_CONF_ERROR;
    }

    *item = cert;
    store->n++;

    return NGX_CONF_OK;
}


void
ngx_http_gateway_tls_init_store(ngx_http_gateway_tls_store_t *store)
{
    ngx_http_gateway_tls_names_init(&store->names);
    store->certs = NULL;
    store->decoders = NULL;
    store->n = 0;
}


void
ngx_http_gateway_tls_use(ngx_ssl_t *ssl, ngx_http_gateway_tls_store_t *store)
{
    SSL_CTX_set_cert_cb(ssl->ctx, ngx_http_gateway_tls_store_handler, store);
}


static void *
ngx_http_gateway_tls_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t                *cln;
    ngx_http_gateway_tls_main_conf_t  *tmcf;

    tmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_tls_main_conf_t));
    if (tmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tmcf->tickets = NULL;
     *     tmcf->certs = 0;
     *     tmcf->rules = 0;
     *     tmcf->required = 0;
     *     tmcf->digest = { 0 };
     */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    tmcf->md = EVP_MD_CTX_new();

    if (tmcf->md == NULL
        || EVP_DigestInit_ex(tmcf->md, EVP_sha256(), NULL) != 1)
    {
        EVP_MD_CTX_free(tmcf->md);
        return NULL;
    }

    cln->handler = ngx_http_gateway_tls_md_cleanup;
    cln->data = tmcf->md;

    return tmcf;
}


static void
ngx_http_gateway_tls_md_cleanup(void *data)
{
    EVP_MD_CTX_free(data);
}


static void *
ngx_http_gateway_tls_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_tls_srv_conf_t  *tscf;

    tscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_tls_srv_conf_t));
    if (tscf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tscf->rule = NULL;
     *     tscf->digest = { 0 };
     */

    ngx_http_gateway_tls_init_store(&tscf->store);
    ngx_http_gateway_tls_names_init(&tscf->rules);

    return tscf;
}


static ngx_int_t
ngx_http_gateway_tls_init(ngx_conf_t *cf)
{
    ngx_uint_t                          i;
    ngx_http_handler_pt                *h;
    ngx_http_core_srv_conf_t          **cscfp;
    ngx_http_core_main_conf_t          *cmcf;
    ngx_http_gateway_tls_main_conf_t   *tmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_tls_module);

    if (EVP_DigestFinal_ex(tmcf->md, tmcf->digest, NULL) != 1) {
        return NGX_ERROR;
    }

    if (tmcf->certs + tmcf->rules == 0 && tmcf->tickets == NULL) {
        return NGX_OK;
    }

    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        if (ngx_http_gateway_tls_init_server(cf, cscfp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (tmcf->required) {

        h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_tls_client_handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_tls_init_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                         used;
    ngx_http_ssl_srv_conf_t           *sscf;
    ngx_http_gateway_tls_srv_conf_t   *tscf;
    ngx_http_gateway_tls_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_tls_module);
    tscf = cscf->ctx->srv_conf[ngx_http_gateway_tls_module.ctx_index];
    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    used = tscf->store.n || tscf->rules.n || tscf->rule;

    if (sscf->ssl.ctx == NULL) {

        if (used) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%s\" needs \"ssl_certificate\" in its server in "
                          "%s:%ui",
                          tscf->store.n ? "gateway_certificate"
                                        : "gateway_client_certificate",
                          cscf->file_name, cscf->line);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (tmcf->tickets && sscf->session_ticket_keys == NULL
        && ngx_http_gateway_tls_tickets_set(cf, sscf->ssl.ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (tmcf->certs + tmcf->rules == 0) {
        return NGX_OK;
    }

    /* of all servers: the one that a connection starts with may be another */

    if (ngx_http_gateway_tls_digest(cf, sscf->ssl.ctx, tscf->digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    SSL_CTX_set_client_hello_cb(sscf->ssl.ctx, ngx_http_gateway_tls_hello,
                                NULL);

    if (!used) {
        return NGX_OK;
    }

    if (sscf->certificate_values) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" cannot be used with variables in "
                      "\"ssl_certificate\" in %s:%ui",
                      tscf->store.n ? "gateway_certificate"
                                    : "gateway_client_certificate",
                      cscf->file_name, cscf->line);
        return NGX_ERROR;
    }

    if (ngx_http_gateway_tls_try(cf, sscf->ssl.ctx, &tscf->store) != NGX_OK) {
        return NGX_ERROR;
    }

    SSL_CTX_set_cert_cb(sscf->ssl.ctx, ngx_http_gateway_tls_handler, tscf);

    return ngx_http_gateway_tls_stapling(cf, cscf, tscf);
}


/* OpenSSL refuses weak keys and digests, better now than to clients */

static ngx_int_t
ngx_http_gateway_tls_try(ngx_conf_t *cf, SSL_CTX *ssl_ctx,
    ngx_http_gateway_tls_store_t *store)
{
    SSL                           *ssl_conn;
    ngx_uint_t                     i, k;
    ngx_http_gateway_tls_cert_t  **certs;
    ngx_http_gateway_tls_pair_t   *pair;

    if (store->n == 0) {
        return NGX_OK;
    }

    ssl_conn = SSL_new(ssl_ctx);
    if (ssl_conn == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "SSL_new() failed");
        return NGX_ERROR;
    }

    certs = store->certs->elts;

    for (i = 0; i < store->certs->nelts; i++) {
        for (k = 0; k < certs[i]->npairs; k++) {

            pair = &certs[i]->pairs[k];

            if (SSL_use_cert_and_key(ssl_conn, pair->cert, pair->key,
                                     pair->chain, 1)
                != 1)
            {
                ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                              "the certificate \"%V\" cannot be used",
                              &pair->file);
                SSL_free(ssl_conn);
                return NGX_ERROR;
            }
        }
    }

    SSL_free(ssl_conn);

    return NGX_OK;
}


/* of the certificates of the server itself */

static ngx_int_t
ngx_http_gateway_tls_digest(ngx_conf_t *cf, SSL_CTX *ssl_ctx, u_char *digest)
{
    long         next;
    X509        *cert, *current;
    u_char       one[NGX_HTTP_GATEWAY_TLS_DIGEST];
    EVP_MD_CTX  *md;
    ngx_uint_t   ok;

    md = EVP_MD_CTX_new();
    ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    current = SSL_CTX_get0_certificate(ssl_ctx);

    for (next = SSL_CERT_SET_FIRST;
         ok && SSL_CTX_set_current_cert(ssl_ctx, next) == 1;
         next = SSL_CERT_SET_NEXT)
    {
        cert = SSL_CTX_get0_certificate(ssl_ctx);

        if (cert) {
            ok = X509_digest(cert, EVP_sha256(), one, NULL) == 1
                 && EVP_DigestUpdate(md, one, sizeof(one)) == 1;
        }
    }

    if (current) {
        (void) SSL_CTX_select_current_cert(ssl_ctx, current);
    }

    ok = ok && EVP_DigestFinal_ex(md, digest, NULL) == 1;

    EVP_MD_CTX_free(md);

    if (!ok) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "cannot compute SHA-256");
        return NGX_ERROR;
    }

    return NGX_OK;
}
