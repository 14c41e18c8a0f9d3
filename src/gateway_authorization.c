
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Credentials in request headers.
 */


#include "gateway_authorization.h"

#include <string.h>


/* values of digits below 0x80; 64: it is none */
static const unsigned char  gateway_authorization_digits[128] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64
};


static int gateway_authorization_blank(unsigned char c);
static inline unsigned gateway_authorization_digit(unsigned char c);
static int gateway_authorization_decode(unsigned char *dst, size_t *dlen,
    const unsigned char *src, size_t len);
static unsigned char *gateway_authorization_param(unsigned char *start,
    unsigned char *last, const char *name, unsigned char **end);


int
gateway_authorization_basic(gateway_authorization_basic_t *basic,
    const unsigned char *value, size_t len, unsigned char *buf)
{
    size_t                decoded;
    unsigned char        *colon;
    const unsigned char  *p, *last;

    last = value + len;

    for (p = value; last - p > 5; p++) {
        if ((*p == 'B' || *p == 'b') && memcmp(p + 1, "asic", 4) == 0) {
            break;
        }
    }

    if (last - p <= 5) {
        return -1;
    }

    p += 5;

    while (p < last && gateway_authorization_blank(*p)) {
        p++;
    }

    if (gateway_authorization_decode(buf, &decoded, p, (size_t) (last - p))
        != 0)
    {
        return -1;
    }

    colon = memchr(buf, ':', decoded);

    if (colon == NULL || colon == buf) {
        return -1;
    }

    basic->username.data = buf;
    basic->username.len = (size_t) (colon - buf);
    basic->password.data = colon + 1;
    basic->password.len = decoded - basic->username.len - 1;

    return 0;
}


int
gateway_authorization_hmac(gateway_authorization_hmac_t *hmac,
    unsigned char *value, size_t len)
{
    size_t          n;
    unsigned char  *p, *last, *start, *end;

    static const char  username[] = "username=\"";

    n = sizeof(username) - 1;
    last = value + len;
    start = value;

    for (p = value; last - p > 4; p++) {

        if ((*p != 'H' && *p != 'h') || memcmp(p + 1, "mac", 3) != 0) {
            continue;
        }

        start = p + 4;

        while (start < last && gateway_authorization_blank(*start)) {
            start++;
        }

        if ((size_t) (last - start) > n && memcmp(start, username, n) == 0) {
            break;
        }
    }

    if (last - p <= 4) {
        return -1;
    }

    start += n;
    hmac->username.data = start;

    /* from the end */

    while (last > start && last[-1] != '"') {
        last--;
    }

    if (last == start) {
        return -1;
    }

    last--;

    p = gateway_authorization_param(start, last, "signature=\"", &end);
    if (p == NULL) {
        return -1;
    }

    hmac->signature.data = p;
    hmac->signature.len = (size_t) (last - p);
    last = end;

    p = gateway_authorization_param(start, last, "headers=\"", &end);
    if (p == NULL) {
        return -1;
    }

    hmac->headers.data = p;
    hmac->headers.len = (size_t) (last - p);
    last = end;

    p = gateway_authorization_param(start, last, "algorithm=\"", &end);
    if (p == NULL) {
        return -1;
    }

    hmac->algorithm.data = p;
    hmac->algorithm.len = (size_t) (last - p);
    hmac->username.len = (size_t) (end - start);

    return (hmac->username.len && hmac->algorithm.len && hmac->headers.len
            && hmac->signature.len)
           ? 0 : -1;
}


/*
 * The last place before last where '", name="' stands.  Returns what is after
 * it; *end is where the value before it ends.
 */

static unsigned char *
gateway_authorization_param(unsigned char *start, unsigned char *last,
    const char *name, unsigned char **end)
{
    size_t          n;
    unsigned char  *p, *q;

    n = strlen(name);

    if ((size_t) (last - start) < n) {
        return NULL;
    }

    for (p = last - n; p > start; p--) {

        if (*p != (unsigned char) name[0] || memcmp(p, name, n) != 0) {
            continue;
        }

        q = p;

        while (q > start && gateway_authorization_blank(q[-1])) {
            q--;
        }

        if (q - start >= 2 && q[-1] == ',' && q[-2] == '"') {
            *end = q - 2;
            return p + n;
        }
    }

    return NULL;
}


static int
gateway_authorization_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}


/*
 * As nginx decodes it: what follows a "=" is not looked at, padding may be
 * missing, and all else has to be of the alphabet.
 */

static int
gateway_authorization_decode(unsigned char *dst, size_t *dlen,
    const unsigned char *src, size_t len)
{
    size_t          i;
    unsigned        bits, digit;
    unsigned char  *p;

    p = dst;
    bits = 0;

    for (i = 0; i < len && src[i] != '='; i++) {
        digit = gateway_authorization_digit(src[i]);

        if (digit == 64) {
            return -1;
        }

        bits = bits << 6 | digit;

        /* of four digits each but the first completes a byte */

        switch (i & 3) {

        case 1:
            *p++ = (unsigned char) (bits >> 4);
            break;

        case 2:
            *p++ = (unsigned char) (bits >> 2);
            break;

        case 3:
            *p++ = (unsigned char) bits;
            break;

        default:
            break;
        }
    }

    if ((i & 3) == 1) {
        return -1;
    }

    *dlen = (size_t) (p - dst);

    return 0;
}


static inline unsigned
gateway_authorization_digit(unsigned char c)
{
    return c < 128 ? gateway_authorization_digits[c] : 64;
}
