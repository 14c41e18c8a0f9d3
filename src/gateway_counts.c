
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Files of counts, see the header.
 */


#include "gateway_counts.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define GATEWAY_COUNTS_ORDER  0x01020304

static const char  gateway_counts_magic[8] = "gwcounts";


static void gateway_counts_hmac(gateway_counts_file_t *file,
    const char *label, const void *data, size_t len,
    unsigned char out[GATEWAY_DIGEST_LEN]);
static void gateway_counts_seal(gateway_counts_file_t *file,
    const unsigned char from[GATEWAY_COUNTS_KEY],
    unsigned char to[GATEWAY_COUNTS_KEY]);
static void gateway_counts_begin(gateway_counts_file_t *file);
static gateway_counts_rc_e gateway_counts_verify(gateway_counts_file_t *file);
static gateway_counts_rc_e gateway_counts_flush(gateway_counts_file_t *file);
static gateway_counts_rc_e gateway_counts_put(gateway_counts_file_t *file,
    const void *data, size_t len);
static gateway_counts_rc_e gateway_counts_get(gateway_counts_file_t *file,
    void *data, size_t len);
static gateway_counts_rc_e gateway_counts_fill(gateway_counts_file_t *file);
static gateway_counts_rc_e gateway_counts_failed(gateway_counts_file_t *file,
    int error);


gateway_counts_rc_e
gateway_counts_create(gateway_counts_file_t *file, int fd,
    const gateway_counts_kind_t *kind, const gateway_digest_key_t *key,
    const unsigned char zone_key[GATEWAY_COUNTS_KEY], int64_t now)
{
    unsigned char             id[GATEWAY_DIGEST_LEN];
    gateway_counts_header_t  *header;

    file->fd = fd;
    file->error = 0;
    file->n = 0;
    file->key = *key;
    file->pos = 0;
    file->len = 0;

    header = &file->header;
    memset(header, 0, sizeof(gateway_counts_header_t));

    /* zeros in place of the header, until all is there */

    if (gateway_counts_put(file, header, sizeof(gateway_counts_header_t))
        != GATEWAY_COUNTS_OK)
    {
        return GATEWAY_COUNTS_ERROR;
    }

    memcpy(header->magic, gateway_counts_magic, sizeof(header->magic));
    header->order = GATEWAY_COUNTS_ORDER;
    header->version = GATEWAY_COUNTS_VERSION;
    header->layout = kind->layout;
    header->value_size = kind->value_size;
    header->saved = now;
    memcpy(header->zone, kind->zone, sizeof(header->zone));

    if (RAND_bytes(header->nonce, sizeof(header->nonce)) != 1) {
        return gateway_counts_failed(file, EIO);
    }

    gateway_counts_seal(file, zone_key, header->sealed);

    gateway_counts_hmac(file, "name", "", 0, id);
    memcpy(header->secret, id, sizeof(header->secret));

    gateway_counts_begin(file);

    return GATEWAY_COUNTS_OK;
}


gateway_counts_rc_e
gateway_counts_write(gateway_counts_file_t *file,
    const gateway_counts_entry_t *entry, const void *value)
{
    gateway_digest_update(&file->entries, entry,
                          sizeof(gateway_counts_entry_t));
    gateway_digest_update(&file->entries, value, file->header.value_size);

    if (gateway_counts_put(file, entry, sizeof(gateway_counts_entry_t))
        != GATEWAY_COUNTS_OK)
    {
        return GATEWAY_COUNTS_ERROR;
    }

    file->header.n++;

    return gateway_counts_put(file, value, file->header.value_size);
}


gateway_counts_rc_e
gateway_counts_finish(gateway_counts_file_t *file)
{
    gateway_digest_final(&file->entries, file->header.entries);

    gateway_counts_hmac(file, "head", &file->header,
                        offsetof(gateway_counts_header_t, self),
                        file->header.self);

    if (gateway_counts_flush(file) != GATEWAY_COUNTS_OK) {
        return GATEWAY_COUNTS_ERROR;
    }

    if (lseek(file->fd, 0, SEEK_SET) == -1) {
        return gateway_counts_failed(file, errno);
    }

    if (gateway_counts_put(file, &file->header,
                           sizeof(gateway_counts_header_t))
        != GATEWAY_COUNTS_OK)
    {
        return GATEWAY_COUNTS_ERROR;
    }

    return gateway_counts_flush(file);
}


gateway_counts_rc_e
gateway_counts_open(gateway_counts_file_t *file, int fd,
    const gateway_counts_kind_t *kind, const gateway_digest_key_t *key,
    unsigned char zone_key[GATEWAY_COUNTS_KEY], int64_t now)
{
    uint64_t                  size, entry;
    struct stat               st;
    unsigned char             mac[GATEWAY_DIGEST_LEN];
    gateway_counts_rc_e       rc;
    gateway_counts_header_t  *header;

    file->fd = fd;
    file->error = 0;
    file->n = 0;
    file->key = *key;
    file->pos = 0;
    file->len = 0;

    header = &file->header;
    memset(header, 0, sizeof(gateway_counts_header_t));

    if (fstat(fd, &st) == -1) {
        return gateway_counts_failed(file, errno);
    }

    if (!S_ISREG(st.st_mode)) {
        return GATEWAY_COUNTS_OTHER;
    }

    rc = gateway_counts_get(file, header, sizeof(gateway_counts_header_t));

    if (rc == GATEWAY_COUNTS_ERROR) {
        return rc;
    }

    if (memcmp(header->magic, gateway_counts_magic, sizeof(header->magic))
        != 0)
    {
        return GATEWAY_COUNTS_OTHER;
    }

    if (rc != GATEWAY_COUNTS_OK) {
        return GATEWAY_COUNTS_DAMAGED;
    }

    if (header->order != GATEWAY_COUNTS_ORDER
        || header->version != GATEWAY_COUNTS_VERSION)
    {
        return GATEWAY_COUNTS_NEWER;
    }

    gateway_counts_hmac(file, "name", "", 0, mac);

    if (CRYPTO_memcmp(mac, header->secret, sizeof(header->secret)) != 0) {
        return GATEWAY_COUNTS_FOREIGN;
    }

    gateway_counts_hmac(file, "head", header,
                        offsetof(gateway_counts_header_t, self), mac);

    if (CRYPTO_memcmp(mac, header->self, sizeof(header->self)) != 0) {
        return GATEWAY_COUNTS_DAMAGED;
    }

    if (memcmp(header->zone, kind->zone, sizeof(header->zone)) != 0
        || header->layout != kind->layout
        || header->value_size != kind->value_size
        || header->value_size > GATEWAY_COUNTS_VALUE)
    {
        return GATEWAY_COUNTS_MISPLACED;
    }

    /* what is signed was written by us, but who knows by which mistake */

    size = (uint64_t) st.st_size - sizeof(gateway_counts_header_t);
    entry = sizeof(gateway_counts_entry_t) + header->value_size;

    if (size % entry != 0 || header->n != size / entry) {
        return GATEWAY_COUNTS_DAMAGED;
    }

    rc = gateway_counts_verify(file);

    if (rc != GATEWAY_COUNTS_OK) {
        return rc;
    }

    if (header->saved > now && header->saved - now > GATEWAY_COUNTS_BACK) {
        return GATEWAY_COUNTS_FUTURE;
    }

    if (lseek(fd, (off_t) sizeof(gateway_counts_header_t), SEEK_SET) == -1) {
        return gateway_counts_failed(file, errno);
    }

    file->n = header->n;
    file->pos = 0;
    file->len = 0;

    gateway_counts_seal(file, header->sealed, zone_key);

    return GATEWAY_COUNTS_OK;
}


gateway_counts_rc_e
gateway_counts_read(gateway_counts_file_t *file, gateway_counts_entry_t *entry,
    void *value)
{
    gateway_counts_rc_e  rc;

    if (file->n == 0) {
        return GATEWAY_COUNTS_DONE;
    }

    rc = gateway_counts_get(file, entry, sizeof(gateway_counts_entry_t));

    if (rc == GATEWAY_COUNTS_OK) {
        rc = gateway_counts_get(file, value, file->header.value_size);
    }

    file->n--;

    return rc;
}


/* labels have one length */

static void
gateway_counts_hmac(gateway_counts_file_t *file, const char *label,
    const void *data, size_t len, unsigned char out[GATEWAY_DIGEST_LEN])
{
    gateway_digest_t  digest;

    gateway_digest_init(&digest, &file->key);
    gateway_digest_update(&digest, label, 4);
    gateway_digest_update(&digest, data, len);
    gateway_digest_final(&digest, out);
}


/* or opens it again */

static void
gateway_counts_seal(gateway_counts_file_t *file,
    const unsigned char from[GATEWAY_COUNTS_KEY],
    unsigned char to[GATEWAY_COUNTS_KEY])
{
    size_t         i;
    unsigned char  pad[GATEWAY_DIGEST_LEN];

    gateway_counts_hmac(file, "seal", file->header.nonce,
                        sizeof(file->header.nonce), pad);

    for (i = 0; i < GATEWAY_COUNTS_KEY; i++) {
        to[i] = from[i] ^ pad[i];
    }

    OPENSSL_cleanse(pad, sizeof(pad));
}


static void
gateway_counts_begin(gateway_counts_file_t *file)
{
    gateway_digest_init(&file->entries, &file->key);
    gateway_digest_update(&file->entries, "data", 4);
    gateway_digest_update(&file->entries, file->header.nonce,
                          sizeof(file->header.nonce));
}


static gateway_counts_rc_e
gateway_counts_verify(gateway_counts_file_t *file)
{
    unsigned char        mac[GATEWAY_DIGEST_LEN];
    gateway_counts_rc_e  rc;

    gateway_counts_begin(file);

    do {
        gateway_digest_update(&file->entries, file->buf + file->pos,
                              file->len - file->pos);

        rc = gateway_counts_fill(file);

    } while (rc == GATEWAY_COUNTS_OK);

    if (rc == GATEWAY_COUNTS_ERROR) {
        return rc;
    }

    gateway_digest_final(&file->entries, mac);

    return CRYPTO_memcmp(mac, file->header.entries, sizeof(mac)) == 0
           ? GATEWAY_COUNTS_OK : GATEWAY_COUNTS_DAMAGED;
}


static gateway_counts_rc_e
gateway_counts_put(gateway_counts_file_t *file, const void *data, size_t len)
{
    if (len > GATEWAY_COUNTS_BUFFER - file->len
        && gateway_counts_flush(file) != GATEWAY_COUNTS_OK)
    {
        return GATEWAY_COUNTS_ERROR;
    }

    memcpy(file->buf + file->len, data, len);
    file->len += len;

    return GATEWAY_COUNTS_OK;
}


static gateway_counts_rc_e
gateway_counts_flush(gateway_counts_file_t *file)
{
    size_t   done;
    ssize_t  n;

    for (done = 0; done < file->len; done += (size_t) n) {

        n = write(file->fd, file->buf + done, file->len - done);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            return gateway_counts_failed(file, n == 0 ? ENOSPC : errno);
        }
    }

    file->len = 0;

    return GATEWAY_COUNTS_OK;
}


static gateway_counts_rc_e
gateway_counts_get(gateway_counts_file_t *file, void *data, size_t len)
{
    size_t               n;
    unsigned char       *p;
    gateway_counts_rc_e  rc;

    for (p = data; len; p += n, len -= n) {

        if (file->pos == file->len) {
            rc = gateway_counts_fill(file);

            if (rc != GATEWAY_COUNTS_OK) {
                return rc == GATEWAY_COUNTS_DONE ? GATEWAY_COUNTS_DAMAGED
                                                 : rc;
            }
        }

        n = file->len - file->pos;

        if (n > len) {
            n = len;
        }

        memcpy(p, file->buf + file->pos, n);
        file->pos += n;
    }

    return GATEWAY_COUNTS_OK;
}


static gateway_counts_rc_e
gateway_counts_fill(gateway_counts_file_t *file)
{
    ssize_t  n;

    do {
        n = read(file->fd, file->buf, GATEWAY_COUNTS_BUFFER);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return gateway_counts_failed(file, errno);
    }

    file->pos = 0;
    file->len = (size_t) n;

    return n == 0 ? GATEWAY_COUNTS_DONE : GATEWAY_COUNTS_OK;
}


static gateway_counts_rc_e
gateway_counts_failed(gateway_counts_file_t *file, int error)
{
    file->error = error;

    return GATEWAY_COUNTS_ERROR;
}
