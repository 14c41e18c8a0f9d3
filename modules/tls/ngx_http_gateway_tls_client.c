
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates of clients: asked for in the handshake, for some names only.
 * "request" leaves the verdict to whoever reads them later; "require" ends
 * the handshake of a client without a valid one.
 */


#include "ngx_http_gateway_tls_private.h"

#include <openssl/rand.h>


static int ngx_http_gateway_tls_client_accept(int ok, X509_STORE_CTX *store);
static int ngx_http_gateway_tls_client_verify(int ok, X509_STORE_CTX *store);
static char *ngx_http_gateway_tls_client_ca(ngx_conf_t *cf,
    ngx_http_gateway_tls_rule_t *rule, ngx_str_t *file);
static ngx_int_t ngx_http_gateway_tls_client_digest(ngx_conf_t *cf);
static void ngx_http_gateway_tls_client_cleanup(void *data);


ngx_http_gateway_tls_rule_t *
ngx_http_gateway_tls_client_find(ngx_http_gateway_tls_srv_conf_t *tscf,
    ngx_str_t *name)
{
    ngx_http_gateway_tls_rule_t  *rule;

    rule = ngx_http_gateway_tls_names_find(&tscf->rules, name);

    return rule ? rule : tscf->rule;
}


ngx_int_t
ngx_http_gateway_tls_client_ask(ngx_ssl_conn_t *ssl_conn,
    ngx_http_gateway_tls_rule_t *rule)
{
    u_char                scope[NGX_HTTP_GATEWAY_TLS_DIGEST];
    SSL_SESSION          *session;
    STACK_OF(X509_NAME)  *names;

    if (rule->require) {
        SSL_set_verify(ssl_conn,
                       SSL_VERIFY_PEER|SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       ngx_http_gateway_tls_client_verify);

    } else {
        SSL_set_verify(ssl_conn, SSL_VERIFY_PEER,
                       ngx_http_gateway_tls_client_accept);
    }

    SSL_set_verify_depth(ssl_conn, rule->depth);

    if (rule->store && SSL_set1_verify_cert_store(ssl_conn, rule->store) != 1)
    {
        return NGX_ERROR;
    }

    if (rule->names) {

        names = SSL_dup_CA_list(rule->names);
        if (names == NULL) {
            return NGX_ERROR;
        }

        SSL_set_client_CA_list(ssl_conn, names);
    }

    /*
     * Such a session is never resumed, as in Kong: it would keep the client's
     * certificate but not its chain, and nobody would look at either again.
     * A scope that no other handshake can have does it for all versions.
     */

    session = SSL_get_session(ssl_conn);

    if (session == NULL
        || RAND_bytes(scope, sizeof(scope)) != 1
        || SSL_SESSION_set1_id_context(session, scope, sizeof(scope)) != 1)
    {
        return NGX_ERROR;
    }

#ifdef TLS1_3_VERSION
    if (SSL_set_num_tickets(ssl_conn, 0) != 1) {
        return NGX_ERROR;
    }
#endif

    return NGX_OK;
}


static int
ngx_http_gateway_tls_client_accept(int ok, X509_STORE_CTX *store)
{
    /* the result stays in the connection: $ssl_client_verify */
    return 1;
}


static int
ngx_http_gateway_tls_client_verify(int ok, X509_STORE_CTX *store)
{
    return ok;
}


/*
 * HTTP lets a client ask one connection for any host.  What is required for
 * the name in the handshake must not be less than for the one in the request.
 */

ngx_int_t
ngx_http_gateway_tls_client_handler(ngx_http_request_t *r)
{
    u_char                            lower[NGX_HTTP_GATEWAY_TLS_NAME];
    ngx_str_t                         name;
    ngx_http_connection_t            *hc;
    ngx_http_gateway_tls_rule_t      *rule;
    ngx_http_gateway_tls_srv_conf_t  *tscf;

    if (r != r->main || r->connection->ssl == NULL) {
        return NGX_DECLINED;
    }

    tscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_tls_module);

    name = r->headers_in.server;

    if (name.len && name.data[name.len - 1] == '.') {
        name.len--;
    }

    rule = ngx_http_gateway_tls_client_find(tscf, &name);

    if (rule == NULL || !rule->require) {
        return NGX_DECLINED;
    }

    hc = r->http_connection;
    tscf = ngx_http_get_module_srv_conf(hc->conf_ctx,
                                        ngx_http_gateway_tls_module);

    ngx_http_gateway_tls_servername(r->connection->ssl->connection, &name,
                                    lower);

    /* in a resumed session nobody asked, whatever it may have been before */

    if (ngx_http_gateway_tls_client_find(tscf, &name) == rule
        && (SSL_get_verify_mode(r->connection->ssl->connection)
            & SSL_VERIFY_FAIL_IF_NO_PEER_CERT))
    {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "tls: client attempted to request \"%V\" without the "
                  "certificate that it requires", &r->headers_in.server);

    return NGX_HTTP_MISDIRECTED_REQUEST;
}


/* gateway_client_certificate request|require [ca=FILE] [depth=N] [NAME...]; */

char *
ngx_http_gateway_tls_client(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_tls_srv_conf_t *tscf = conf;

    char                              *rv;
    ngx_int_t                          rc;
    ngx_str_t                         *value, s;
    ngx_uint_t                         i, names;
    ngx_pool_cleanup_t                *cln;
    ngx_http_gateway_tls_rule_t       *rule;
    ngx_http_gateway_tls_main_conf_t  *tmcf;

    value = cf->args->elts;
    names = 0;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_gateway_tls_rule_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    rule = cln->data;
    ngx_memzero(rule, sizeof(ngx_http_gateway_tls_rule_t));
    cln->handler = ngx_http_gateway_tls_client_cleanup;

    rule->depth = 1;

    if (ngx_strcmp(value[1].data, "require") == 0) {
        rule->require = 1;

    } else if (ngx_strcmp(value[1].data, "request") != 0) {
        return "expects \"request\" or \"require\"";
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "ca=", 3) == 0) {

            if (rule->store) {
                return "has more than one \"ca\"";
            }

            s.data = value[i].data + 3;
            s.len = value[i].len - 3;

            rv = ngx_http_gateway_tls_client_ca(cf, rule, &s);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "depth=", 6) == 0) {

            rule->depth = ngx_atoi(value[i].data + 6, value[i].len - 6);

            if (rule->depth == NGX_ERROR || rule->depth > 100) {
                return "expects a number up to 100 in \"depth\"";
            }

            continue;
        }

        rc = ngx_http_gateway_tls_names_add(cf, &tscf->rules, &value[i], rule);

        if (rc == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate name \"%V\" in "
                               "\"gateway_client_certificate\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        names++;
    }

    if (rule->require && rule->store == NULL) {
        return "needs \"ca\" for \"require\"";
    }

    if (names == 0) {

        if (tscf->rule) {
            return "is duplicate";
        }

        tscf->rule = rule;
    }

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_tls_module);
    tmcf->rules++;
    tmcf->required |= rule->require;

    return ngx_http_gateway_tls_client_digest(cf) == NGX_OK ? NGX_CONF_OK
                                                            : NGX_CONF_ERROR;
}


/* the authorities: what is trusted, and their names for clients */

static char *
ngx_http_gateway_tls_client_ca(ngx_conf_t *cf,
    ngx_http_gateway_tls_rule_t *rule, ngx_str_t *file)
{
    int              i;
    X509            *ca;
    X509_NAME       *name;
    STACK_OF(X509)  *certs;

    if (file->len == 0) {
        return "expects a file in \"ca\"";
    }

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    certs = ngx_http_gateway_tls_read(cf, file);
    if (certs == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->store = X509_STORE_new();
    rule->names = sk_X509_NAME_new_null();

    if (rule->store == NULL || rule->names == NULL) {
        goto failed;
    }

    for (i = 0; i < sk_X509_num(certs); i++) {

        ca = sk_X509_value(certs, i);

        if (X509_STORE_add_cert(rule->store, ca) != 1) {
            goto failed;
        }

        name = X509_NAME_dup(X509_get_subject_name(ca));

        if (name == NULL || sk_X509_NAME_push(rule->names, name) == 0) {
            X509_NAME_free(name);
            goto failed;
        }
    }

    sk_X509_pop_free(certs, X509_free);

    return NGX_CONF_OK;

failed:

    sk_X509_pop_free(certs, X509_free);

    ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                  "cannot use the authorities in \"%V\"", file);

    return NGX_CONF_ERROR;
}


/* sessions end when what is asked of clients changes: words of the line */

static ngx_int_t
ngx_http_gateway_tls_client_digest(ngx_conf_t *cf)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_gateway_tls_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_tls_module);
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (EVP_DigestUpdate(tmcf->md, value[i].data, value[i].len + 1) != 1) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_gateway_tls_client_cleanup(void *data)
{
    ngx_http_gateway_tls_rule_t *rule = data;

    X509_STORE_free(rule->store);
    sk_X509_NAME_pop_free(rule->names, X509_NAME_free);
}
