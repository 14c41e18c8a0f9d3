
/*
 * Copyright (C) the ngx_gateway authors
 */


#include "gateway_uuid.h"

#include <string.h>

#include <openssl/evp.h>


/* fd02801f-0957-4a15-a55a-c8d9606f30b5: of all entity names */
static const uint8_t  gateway_uuid_base[16] = {
    0xfd, 0x02, 0x80, 0x1f, 0x09, 0x57, 0x4a, 0x15,
    0xa5, 0x5a, 0xc8, 0xd9, 0x60, 0x6f, 0x30, 0xb5
};


static int
gateway_uuid_hex(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    if (ch >= 'A' && ch <= 'F') {
        return ch - 'A' + 10;
    }

    return -1;
}


int
gateway_uuid_parse(uint8_t uuid[16], const char *text, size_t len)
{
    int     high, low;
    size_t  i, n;

    if (len != GATEWAY_UUID_LEN) {
        return -1;
    }

    for (i = 0, n = 0; i < len; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') {
                return -1;
            }

            continue;
        }

        high = gateway_uuid_hex(text[i]);
        low = gateway_uuid_hex(text[i + 1]);

        if (high < 0 || low < 0) {
            return -1;
        }

        uuid[n++] = (uint8_t) (high * 16 + low);
        i++;
    }

    return 0;
}


void
gateway_uuid_format(char text[GATEWAY_UUID_LEN], const uint8_t uuid[16])
{
    char    *p;
    size_t   i;

    static const char  hex[] = "0123456789abcdef";

    p = text;

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = hex[uuid[i] >> 4];
        *p++ = hex[uuid[i] & 0x0f];
    }
}


void
gateway_uuid_v5(uint8_t uuid[16], const uint8_t ns[16], const char *name,
    size_t len)
{
    unsigned int   n;
    EVP_MD_CTX    *ctx;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    memset(digest, 0, sizeof(digest));
    ctx = EVP_MD_CTX_new();

    if (ctx != NULL) {
        if (EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1
            && EVP_DigestUpdate(ctx, ns, 16) == 1
            && EVP_DigestUpdate(ctx, name, len) == 1)
        {
            (void) EVP_DigestFinal_ex(ctx, digest, &n);
        }

        EVP_MD_CTX_free(ctx);
    }

    memcpy(uuid, digest, 16);

    /* version and variant */
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
