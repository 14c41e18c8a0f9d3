
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates of clients, judged after the handshake: each policy has
 * authorities of its own, and headers carry certificates too.  Plain C.
 */


#ifndef _GATEWAY_X509_H_INCLUDED_
#define _GATEWAY_X509_H_INCLUDED_


#include <stddef.h>

#include <openssl/ssl.h>


/* what OpenSSL asks of certificates on Debian */
#define GATEWAY_X509_LEVEL  2

typedef struct {
    int  depth;         /* certificates between the client's and the last */
    int  partial;       /* the last one may be any that is trusted, not only
                           one that issued itself */
    STACK_OF(X509)  **verified;  /* NULL, or where the chain goes that was
                           found, the client's certificate first; NULL when it
                           failed, else freed by sk_X509_pop_free() */
} gateway_x509_options_t;


/*
 * The certificate that the client of a connection showed, and the others it
 * sent with it (may be NULL); both belong to the connection.  NULL: none, or
 * it was not asked, see gateway_x509_asked().
 */
X509 *gateway_x509_peer(SSL *ssl, STACK_OF(X509) **chain);

/*
 * Whether the handshake asked the client for a certificate.  Where it did
 * not, a client may have one all the same: 421 makes it connect again.
 */
int gateway_x509_asked(SSL *ssl);

/*
 * A certificate and the others behind it, from PEM (text around it is
 * allowed) or DER.  The caller frees both: X509_free(),
 * sk_X509_pop_free(chain, X509_free); chain is NULL when there are none.
 * NULL when it is no certificate.
 */
X509 *gateway_x509_read(const char *data, size_t len, STACK_OF(X509) **chain);

/*
 * Authorities from PEM, to verify with; at most as many threads as you like
 * may use it.  NULL when there is none, or one that is broken.
 */
X509_STORE *gateway_x509_store(const char *pem, size_t len);

/*
 * Verifies a client's certificate: signatures, dates, purpose.  chain: what
 * may lie between it and the authorities, not trusted.  X509_V_OK, or
 * OpenSSL's code for X509_verify_cert_error_string().
 */
int gateway_x509_verify(X509 *cert, STACK_OF(X509) *chain, X509_STORE *store,
    const gateway_x509_options_t *options);


#endif /* _GATEWAY_X509_H_INCLUDED_ */
