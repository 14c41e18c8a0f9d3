
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _GATEWAY_PASSWORD_H_INCLUDED_
#define _GATEWAY_PASSWORD_H_INCLUDED_


#include <stddef.h>


/*
 * Hashes of passwords as crypt(5) and the reference implementation of Argon2
 * write them.  In plain C: the tool checks what the module will verify.
 */

typedef enum {
    GATEWAY_PASSWORD_UNKNOWN = 0,
    GATEWAY_PASSWORD_BCRYPT,      /* $2a$, $2b$, $2y$ */
    GATEWAY_PASSWORD_YESCRYPT,    /* $y$ */
    GATEWAY_PASSWORD_SHA512,      /* $6$ */
    GATEWAY_PASSWORD_ARGON2ID     /* $argon2id$ */
} gateway_password_e;


/*
 * What it is.  GATEWAY_PASSWORD_UNKNOWN: *why says what is wrong with it, a
 * phrase that shows nothing of it; also when it would take so long or so much
 * memory that it cannot be meant: more than bcrypt's cost 16, 5,000,000
 * rounds of SHA-512, 1 GiB, Argon2 with time * memory above 16 GiB.
 */
gateway_password_e gateway_password_kind(const char *hash, size_t len,
    const char **why);

/* 1 if a text begins as one of them, whatever follows */
int gateway_password_resembles(const char *text, size_t len);


#endif /* _GATEWAY_PASSWORD_H_INCLUDED_ */
