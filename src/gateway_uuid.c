
/*
 * Copyright (C) the ngx_gateway authors
 *
 * UUIDs of entities without an "id", as Kong's loader derives them.
 */


#include "gateway_uuid.h"

#include <string.h>

#include <openssl/evp.h>


/* namespace of the declarative format: the ids of a file never change */
static const uint8_t  gateway_uuid_base[16] = {
    0xfd, 0x02, 0x80, 0x1f, 0x09, 0x57, 0x4a, 0x15,
    0xa5, 0x5a, 0xc8, 0xd9, 0x60, 0x6f, 0x30, 0xb5
};


static int gateway_uuid_hex(char c);


int
gateway_uuid_parse(uint8_t uuid[16], const char *text, size_t len)
{
    int     hi, lo;
    size_t  i, n;

    if (len != GATEWAY_UUID_LEN) {
        return -1;
    }

    n = 0;

    for (i = 0; i < len; i += 2) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') {
                return -1;
            }

            i++;
        }

        hi = gateway_uuid_hex(text[i]);
        lo = gateway_uuid_hex(text[i + 1]);

        if (hi < 0 || lo < 0) {
            return -1;
        }

        uuid[n++] = (uint8_t) (hi << 4 | lo);
    }

    return 0;
}


void
gateway_uuid_format(char text[GATEWAY_UUID_LEN], const uint8_t uuid[16])
{
    char    *p;
    size_t   i;

    p = text;

    for (i = 0; i < 16; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = "0123456789abcdef"[uuid[i] >> 4];
        *p++ = "0123456789abcdef"[uuid[i] & 0x0f];
    }
}


void
gateway_uuid_v5(uint8_t uuid[16], const uint8_t ns[16], const char *name,
    size_t len)
{
    uint8_t      md[EVP_MAX_MD_SIZE];
    EVP_MD_CTX  *ctx;

    memset(md, 0, sizeof(md));

    ctx = EVP_MD_CTX_new();

    if (ctx != NULL
        && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1
        && EVP_DigestUpdate(ctx, ns, 16) == 1
        && EVP_DigestUpdate(ctx, name, len) == 1)
    {
        (void) EVP_DigestFinal_ex(ctx, md, NULL);
    }

    EVP_MD_CTX_free(ctx);

    memcpy(uuid, md, 16);

    uuid[6] = (uint8_t) ((uuid[6] & 0x0f) | 0x50);
    uuid[8] = (uint8_t) ((uuid[8] & 0x3f) | 0x80);
}


void
gateway_uuid_entity(uint8_t uuid[16], const char *entity, const char *key,
    size_t len)
{
    uint8_t  ns[16];

    gateway_uuid_v5(ns, gateway_uuid_base, entity, strlen(entity));
    gateway_uuid_v5(uuid, ns, key, len);
}


static int
gateway_uuid_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = (char) (c | 0x20);

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}
