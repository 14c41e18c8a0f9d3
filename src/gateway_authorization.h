
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _GATEWAY_AUTHORIZATION_H_INCLUDED_
#define _GATEWAY_AUTHORIZATION_H_INCLUDED_


#include <stddef.h>


/*
 * Values of Authorization and Proxy-Authorization, in plain C, so that they
 * can be fuzzed alone.  Each takes one pass for each of its parts.
 */

typedef struct {
    unsigned char           *data;
    size_t                   len;
} gateway_authorization_part_t;

typedef struct {
    gateway_authorization_part_t  username;   /* never empty */
    gateway_authorization_part_t  password;   /* right behind the colon */
} gateway_authorization_basic_t;

typedef struct {
    gateway_authorization_part_t  username;   /* none of them is empty */
    gateway_authorization_part_t  algorithm;
    gateway_authorization_part_t  headers;
    gateway_authorization_part_t  signature;  /* still in base64 */
} gateway_authorization_hmac_t;


/* bytes that the base64 of so many digits may take */
#define gateway_authorization_decoded(len)  (((len) + 3) / 4 * 3)

/*
 * "Basic" or "basic" somewhere in the value, blanks or none, base64 up to its
 * end, RFC 7617.  The parts are decoded into buf, which has room for
 * gateway_authorization_decoded(len).  0, or -1: it is not of this form.
 */
int gateway_authorization_basic(gateway_authorization_basic_t *basic,
    const unsigned char *value, size_t len, unsigned char *buf);

/*
 * hmac username="U", algorithm="A", headers="H", signature="S": in this order,
 * with all commas, with blanks or without.  A part may hold quotes; it reaches
 * up to the last place where the next parameter begins.  The parts are those
 * of the value.  0, or -1.
 */
int gateway_authorization_hmac(gateway_authorization_hmac_t *hmac,
    unsigned char *value, size_t len);


#endif /* _GATEWAY_AUTHORIZATION_H_INCLUDED_ */
