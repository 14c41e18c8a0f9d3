
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Finds the server name in a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3)
 * without taking part in the handshake.
 *
 *   record     type:1 version:2 length:2   one or more of them
 *   handshake  type:1 length:3             may span records
 *   hello      version:2 random:32 session:1+n ciphers:2+n compression:1+n
 *              extensions:2+n, each type:2 length:2
 *   names      length:2, each type:1 length:2
 */


#include "gateway_stream_router.h"

#include <string.h>


#define GATEWAY_HELLO_RECORD     22
#define GATEWAY_HELLO_HANDSHAKE  1
#define GATEWAY_HELLO_SNI        0     /* extension, and type of a name */


/* the handshake's bytes, record headers left out */
typedef struct {
    const uint8_t  *pos;      /* next byte */
    const uint8_t  *end;      /* of the data */
    size_t          record;   /* bytes left in the record */
    size_t          left;     /* bytes left of what is read */
} gateway_hello_t;


static int gateway_hello_record(gateway_hello_t *hello);
static int gateway_hello_number(gateway_hello_t *hello, unsigned size,
    size_t *n);
static int gateway_hello_skip(gateway_hello_t *hello, size_t n);
static int gateway_hello_vector(gateway_hello_t *hello, unsigned size);
static int gateway_hello_extensions(gateway_hello_t *hello, char *name,
    size_t *namelen);
static int gateway_hello_names(gateway_hello_t *hello, size_t size,
    char *name, size_t *len);


int
gateway_client_hello(const uint8_t *data, size_t len,
    char name[GATEWAY_CLIENT_HELLO_NAME], size_t *namelen)
{
    int              rc;
    size_t           type, size;
    gateway_hello_t  hello;

    *namelen = 0;

    hello.pos = data;
    hello.end = data + len;
    hello.record = 0;
    hello.left = 4;

    rc = gateway_hello_number(&hello, 1, &type);
    if (rc != 0) {
        return rc;
    }

    if (type != GATEWAY_HELLO_HANDSHAKE) {
        return -1;
    }

    rc = gateway_hello_number(&hello, 3, &size);
    if (rc != 0) {
        return rc;
    }

    hello.left = size;

    rc = gateway_hello_skip(&hello, 2 + 32);

    if (rc == 0) {
        rc = gateway_hello_vector(&hello, 1);
    }

    if (rc == 0) {
        rc = gateway_hello_vector(&hello, 2);
    }

    if (rc == 0) {
        rc = gateway_hello_vector(&hello, 1);
    }

    if (rc != 0) {
        return rc;
    }

    if (hello.left == 0) {
        /* SSLv3 and TLS 1.0 without extensions */
        return 0;
    }

    rc = gateway_hello_number(&hello, 2, &size);
    if (rc != 0) {
        return rc;
    }

    if (size != hello.left) {
        return -1;
    }

    return gateway_hello_extensions(&hello, name, namelen);
}


/* enters the next record when the present one is used up */

static int
gateway_hello_record(gateway_hello_t *hello)
{
    size_t  n;

    while (hello->record == 0) {

        n = (size_t) (hello->end - hello->pos);

        if (n && hello->pos[0] != GATEWAY_HELLO_RECORD) {
            return -1;
        }

        /* 3.0 to 3.4 */

        if (n > 1 && hello->pos[1] != 3) {
            return -1;
        }

        if (n < 5) {
            return 1;
        }

        hello->record = (size_t) hello->pos[3] << 8 | hello->pos[4];
        hello->pos += 5;

        if (hello->record == 0 || hello->record > 16384) {
            return -1;
        }
    }

    return hello->pos == hello->end ? 1 : 0;
}


static int
gateway_hello_number(gateway_hello_t *hello, unsigned size, size_t *n)
{
    int  rc;

    *n = 0;

    if (hello->left < size) {
        return -1;
    }

    while (size--) {
        rc = gateway_hello_record(hello);
        if (rc != 0) {
            return rc;
        }

        *n = *n << 8 | *hello->pos++;
        hello->record--;
        hello->left--;
    }

    return 0;
}


static int
gateway_hello_skip(gateway_hello_t *hello, size_t n)
{
    int     rc;
    size_t  part;

    if (hello->left < n) {
        return -1;
    }

    while (n) {
        rc = gateway_hello_record(hello);
        if (rc != 0) {
            return rc;
        }

        part = (size_t) (hello->end - hello->pos);
        part = part < hello->record ? part : hello->record;
        part = part < n ? part : n;

        hello->pos += part;
        hello->record -= part;
        hello->left -= part;
        n -= part;
    }

    return 0;
}


static int
gateway_hello_vector(gateway_hello_t *hello, unsigned size)
{
    int     rc;
    size_t  n;

    rc = gateway_hello_number(hello, size, &n);
    if (rc != 0) {
        return rc;
    }

    return gateway_hello_skip(hello, n);
}


static int
gateway_hello_extensions(gateway_hello_t *hello, char *name, size_t *namelen)
{
    int     rc;
    size_t  type, len;

    len = 0;

    while (hello->left) {

        rc = gateway_hello_number(hello, 2, &type);

        if (rc == 0) {
            rc = gateway_hello_number(hello, 2, &len);
        }

        if (rc != 0) {
            return rc;
        }

        if (type == GATEWAY_HELLO_SNI) {
            return gateway_hello_names(hello, len, name, namelen);
        }

        rc = gateway_hello_skip(hello, len);
        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


static int
gateway_hello_names(gateway_hello_t *hello, size_t size, char *name,
    size_t *len)
{
    int     rc;
    size_t  i, c, type;

    if (size > hello->left) {
        return -1;
    }

    /* what follows does not matter any more */

    hello->left = size;

    rc = gateway_hello_number(hello, 2, &size);
    if (rc != 0) {
        return rc;
    }

    if (size != hello->left) {
        return -1;
    }

    while (hello->left) {

        rc = gateway_hello_number(hello, 1, &type);

        if (rc == 0) {
            rc = gateway_hello_number(hello, 2, &size);
        }

        if (rc != 0) {
            return rc;
        }

        if (size > hello->left) {
            return -1;
        }

        if (type != GATEWAY_HELLO_SNI) {
            rc = gateway_hello_skip(hello, size);
            if (rc != 0) {
                return rc;
            }

            continue;
        }

        if (size == 0 || size > GATEWAY_CLIENT_HELLO_NAME) {
            return -1;
        }

        for (i = 0; i < size; i++) {
            rc = gateway_hello_number(hello, 1, &c);
            if (rc != 0) {
                return rc;
            }

            if (c == 0) {
                return -1;
            }

            name[i] = (char) c;
        }

        *len = size;

        return 0;
    }

    return 0;
}
