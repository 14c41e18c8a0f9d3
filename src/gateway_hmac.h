
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _GATEWAY_HMAC_H_INCLUDED_
#define _GATEWAY_HMAC_H_INCLUDED_


#include <stddef.h>


/*
 * HMAC, RFC 2104, in one call, for keys that are used once in a while: it
 * allocates nothing and cannot fail.  OpenSSL 3 spends some 20,000
 * instructions on looking up what it shall compute.
 */

typedef enum {
    GATEWAY_HMAC_SHA1 = 0,
    GATEWAY_HMAC_SHA256,
    GATEWAY_HMAC_SHA384,
    GATEWAY_HMAC_SHA512
} gateway_hmac_e;

#define GATEWAY_HMAC_MAX  64

/* returns the length of what it has written */
size_t gateway_hmac(gateway_hmac_e hash, const void *key, size_t len,
    const void *data, size_t size, unsigned char out[GATEWAY_HMAC_MAX]);


#endif /* _GATEWAY_HMAC_H_INCLUDED_ */
