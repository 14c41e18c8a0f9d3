
/*
 * Copyright (C) the ngx_gateway authors
 *
 * TLS below HTTP requests of our own: tunnels through proxies, handshakes,
 * and whether certificates are those of the servers.
 */


#include "ngx_http_gateway_fetch_private.h"


#if (NGX_SSL)


static void ngx_http_gateway_fetch_handshake_handler(ngx_connection_t *c);


void
ngx_http_gateway_fetch_handshake(ngx_http_gateway_fetch_t *f)
{
    u_char            *name;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = f->peer.connection;

    if (ngx_ssl_create_connection(f->fetcher->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_http_gateway_fetch_failed(f, 0, "no TLS connection");
        return;
    }

    /* RFC 6066 has no addresses in SNI */

    if (ngx_inet_addr(f->to.host.data, f->to.host.len) == INADDR_NONE
        && ngx_strlchr(f->to.host.data, f->to.host.data + f->to.host.len, ':')
           == NULL)
    {
        name = ngx_pnalloc(f->pool, f->to.host.len + 1);
        if (name == NULL) {
            ngx_http_gateway_fetch_failed(f, 0, "no memory");
            return;
        }

        (void) ngx_cpystrn(name, f->to.host.data, f->to.host.len + 1);

        if (SSL_set_tlsext_host_name(c->ssl->connection, (char *) name) == 0)
        {
            ngx_http_gateway_fetch_failed(f, 0, "no TLS connection");
            return;
        }
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_http_gateway_fetch_handshake_handler;
        return;
    }

    ngx_http_gateway_fetch_handshake_handler(c);
}


static void
ngx_http_gateway_fetch_handshake_handler(ngx_connection_t *c)
{
    u_char                     text[NGX_HTTP_GATEWAY_FETCH_ERROR];
    ngx_http_gateway_fetch_t  *f;

    f = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_gateway_fetch_failed(f, 0, "the TLS handshake failed");
        return;
    }

    if (!f->fetcher->no_verify
        && ngx_http_gateway_fetch_verify(c, &f->to.host, text, sizeof(text)))
    {
        ngx_http_gateway_fetch_failed(f, 0, (char *) text);
        return;
    }

    c->read->handler = ngx_http_gateway_fetch_read_handler;
    c->write->handler = ngx_http_gateway_fetch_write_handler;

    ngx_http_gateway_fetch_request(f);
}


u_char *
ngx_http_gateway_fetch_verify(ngx_connection_t *c, ngx_str_t *name,
    u_char *buf, size_t size)
{
    int      matches;
    long     rc;
    X509    *cert;
    u_char  *last, address[NGX_SOCKADDR_STRLEN];

    last = buf + size - 1;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        *ngx_slprintf(buf, last, "certificate verify error: (%l:%s)", rc,
                      X509_verify_cert_error_string(rc)) = '\0';
        return buf;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);

    if (cert == NULL) {
        *ngx_slprintf(buf, last, "there is no certificate") = '\0';
        return buf;
    }

    matches = 0;

    /* ngx_ssl_check_host() does not know the addresses of a certificate */

    if (name->len < sizeof(address)) {
        (void) ngx_cpystrn(address, name->data, name->len + 1);

        matches = X509_check_ip_asc(cert, (char *) address, 0) == 1;
    }

    X509_free(cert);

    if (matches || ngx_ssl_check_host(c, name) == NGX_OK) {
        return NULL;
    }

    *ngx_slprintf(buf, last, "certificate does not match \"%V\"", name) = '\0';

    return buf;
}


/* CONNECT, RFC 9110 9.3.6: what comes behind the proxy's head is TLS */

void
ngx_http_gateway_fetch_tunnel(ngx_http_gateway_fetch_t *f)
{
    size_t      len;
    ngx_buf_t  *b;

    len = sizeof("CONNECT [] HTTP/1.1" CRLF "Host: []" CRLF CRLF) - 1
          + 2 * (f->to.host.len + sizeof(":65535") - 1);

    b = ngx_create_temp_buf(f->pool, len);

    f->out = ngx_alloc_chain_link(f->pool);
    f->in = ngx_create_temp_buf(f->pool, NGX_HTTP_GATEWAY_FETCH_BUFFER);
    f->r = ngx_pcalloc(f->pool, sizeof(ngx_http_request_t));

    if (b == NULL || f->out == NULL || f->in == NULL || f->r == NULL) {
        ngx_http_gateway_fetch_failed(f, 0, "no memory");
        return;
    }

    if (ngx_strlchr(f->to.host.data, f->to.host.data + f->to.host.len, ':')) {
        b->last = ngx_sprintf(b->last, "CONNECT [%V]:%ui HTTP/1.1" CRLF
                              "Host: [%V]:%ui" CRLF CRLF,
                              &f->to.host, (ngx_uint_t) f->to.port,
                              &f->to.host, (ngx_uint_t) f->to.port);

    } else {
        b->last = ngx_sprintf(b->last, "CONNECT %V:%ui HTTP/1.1" CRLF
                              "Host: %V:%ui" CRLF CRLF,
                              &f->to.host, (ngx_uint_t) f->to.port,
                              &f->to.host, (ngx_uint_t) f->to.port);
    }

    f->out->buf = b;
    f->out->next = NULL;
    f->tunnel = 1;

    ngx_http_gateway_fetch_send(f);
}


ngx_int_t
ngx_http_gateway_fetch_tunnel_done(ngx_http_gateway_fetch_t *f)
{
    size_t      len;
    u_char     *p;
    ngx_buf_t  *b;

    b = f->in;
    len = b->last - b->pos;

    for (p = b->pos; p + 4 <= b->last; p++) {
        if (ngx_memcmp(p, CRLF CRLF, 4) == 0) {
            break;
        }
    }

    if (p + 4 > b->last) {
        return NGX_AGAIN;
    }

    f->tunnel = 0;

    /* a server of TLS waits for its client */

    if (len < 12 || ngx_strncmp(b->pos, "HTTP/1.", 7) != 0
        || ngx_strncmp(b->pos + 8, " 2", 2) != 0 || p + 4 != b->last)
    {
        ngx_http_gateway_fetch_failed(f, 0, "the proxy refuses to connect");
        return NGX_OK;
    }

    f->r = NULL;

    ngx_http_gateway_fetch_handshake(f);

    return NGX_OK;
}

#endif
