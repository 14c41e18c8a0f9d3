
/*
 * Copyright (C) the ngx_gateway authors
 *
 * HMAC-SHA-256 with the key absorbed beforehand.  OpenSSL's HMAC allocates
 * with each copy of a key and looks algorithms up; its functions of SHA-256
 * alone are deprecated there, but neither allocate nor fail.
 */


/* before any header of OpenSSL */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "gateway_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static const char  gateway_digest_digits[] = "0123456789abcdef";


static void gateway_digest_absorb(gateway_digest_key_t *key,
    const void *secret, size_t len);
static int gateway_digest_digit(char c);


int
gateway_secret_read(const char *path, char *secret, size_t *len)
{
    int          fd, rc;
    char         more;
    size_t       size;
    ssize_t      n;
    struct stat  st;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK);
    if (fd == -1) {
        return errno;
    }

    rc = -1;
    size = 0;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        goto done;
    }

    while (size < GATEWAY_SECRET_MAX) {
        n = read(fd, secret + size, GATEWAY_SECRET_MAX - size);

        if (n == -1) {
            rc = errno;
            goto done;
        }

        if (n == 0) {
            break;
        }

        size += (size_t) n;
    }

    if (size == GATEWAY_SECRET_MAX && read(fd, &more, 1) != 0) {
        goto done;
    }

    while (size && (secret[size - 1] == '\n' || secret[size - 1] == '\r'
                    || secret[size - 1] == ' ' || secret[size - 1] == '\t'))
    {
        size--;
    }

    if (size >= GATEWAY_SECRET_MIN) {
        *len = size;
        rc = 0;
    }

done:

    (void) close(fd);

    return rc;
}


int
gateway_secret_make(char text[GATEWAY_SECRET_TEXT])
{
    unsigned char  bytes[GATEWAY_DIGEST_LEN];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return -1;
    }

    gateway_digest_hex(text, bytes);
    text[GATEWAY_SECRET_TEXT - 1] = '\n';

    OPENSSL_cleanse(bytes, sizeof(bytes));

    return 0;
}


void
gateway_digest_key(gateway_digest_key_t *key, const void *secret, size_t len,
    const char *purpose)
{
    unsigned char  bytes[GATEWAY_DIGEST_LEN];

    gateway_digest_absorb(key, secret, len);
    gateway_digest(key, purpose, strlen(purpose), bytes);
    gateway_digest_absorb(key, bytes, sizeof(bytes));

    OPENSSL_cleanse(bytes, sizeof(bytes));
}


static void
gateway_digest_absorb(gateway_digest_key_t *key, const void *secret,
    size_t len)
{
    size_t         i;
    unsigned char  block[SHA256_CBLOCK];

    memset(block, 0, sizeof(block));

    if (len > sizeof(block)) {
        (void) SHA256(secret, len, block);

    } else {
        memcpy(block, secret, len);
    }

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36;
    }

    (void) SHA256_Init(&key->inner);
    (void) SHA256_Update(&key->inner, block, sizeof(block));

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36 ^ 0x5c;
    }

    (void) SHA256_Init(&key->outer);
    (void) SHA256_Update(&key->outer, block, sizeof(block));

    OPENSSL_cleanse(block, sizeof(block));
}


void
gateway_digest_init(gateway_digest_t *digest, const gateway_digest_key_t *key)
{
    digest->inner = key->inner;
    digest->outer = key->outer;
}


void
gateway_digest_update(gateway_digest_t *digest, const void *data, size_t len)
{
    (void) SHA256_Update(&digest->inner, data, len);
}


void
gateway_digest_final(gateway_digest_t *digest,
    unsigned char out[GATEWAY_DIGEST_LEN])
{
    (void) SHA256_Final(out, &digest->inner);
    (void) SHA256_Update(&digest->outer, out, GATEWAY_DIGEST_LEN);
    (void) SHA256_Final(out, &digest->outer);
}


void
gateway_digest(const gateway_digest_key_t *key, const void *data, size_t len,
    unsigned char out[GATEWAY_DIGEST_LEN])
{
    gateway_digest_t  digest;

    gateway_digest_init(&digest, key);
    gateway_digest_update(&digest, data, len);
    gateway_digest_final(&digest, out);
}


void
gateway_digest_hex(char hex[2 * GATEWAY_DIGEST_LEN],
    const unsigned char digest[GATEWAY_DIGEST_LEN])
{
    size_t  i;

    for (i = 0; i < GATEWAY_DIGEST_LEN; i++) {
        hex[2 * i] = gateway_digest_digits[digest[i] >> 4];
        hex[2 * i + 1] = gateway_digest_digits[digest[i] & 0xf];
    }
}


int
gateway_digest_parse(unsigned char digest[GATEWAY_DIGEST_LEN],
    const char *hex, size_t len)
{
    int     high, low;
    size_t  i;

    if (len != 2 * GATEWAY_DIGEST_LEN) {
        return -1;
    }

    for (i = 0; i < GATEWAY_DIGEST_LEN; i++) {
        high = gateway_digest_digit(hex[2 * i]);
        low = gateway_digest_digit(hex[2 * i + 1]);

        if (high == -1 || low == -1) {
            return -1;
        }

        digest[i] = (unsigned char) (high << 4 | low);
    }

    return 0;
}


static int
gateway_digest_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
