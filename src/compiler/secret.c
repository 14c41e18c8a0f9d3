/*
 * Copyright (C) the ngx_gateway authors
 */

#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prefix.h"

/* different purposes; there is one per kind of credentials */
#define GWC_SECRET_PURPOSES 16

typedef struct {
    const char *purpose;
    gateway_digest_key_t key;
} gwc_secret_purpose_t;

static struct {
    const char *prefix;
    char text[GATEWAY_SECRET_MAX];
    size_t len; /* 0: not read yet */
    bool drawn; /* not in a file yet */
    bool failed;
    gwc_secret_purpose_t purposes[GWC_SECRET_PURPOSES];
    size_t n;
} gwc_secret;


void
gwc_secret_begin(const char *prefix)
{
    memset(&gwc_secret, 0, sizeof(gwc_secret));
    gwc_secret.prefix = prefix;
}


static bool
gwc_secret_error(const char *what, const char *path, int number)
{
    gwc_secret.failed = true;
    gwc_io_failed();
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    gwc_error(NULL, "cannot %s \"%s\": %s", what, path, strerror(number));

    return false;
}


static bool
gwc_secret_load(void)
{
    const char *path;
    int rc = ENOENT;

    if (gwc_secret.len || gwc_secret.failed) {
        return !gwc_secret.failed;
    }

    path = gwc_secret.prefix == NULL
               ? GWC_SECRET_FILE
               : gwc_sprintf("%s/" GWC_SECRET_FILE, gwc_secret.prefix);

    if (gwc_secret.prefix != NULL) {
        rc = gateway_secret_read(path, gwc_secret.text, &gwc_secret.len);
    }

    if (rc == 0) {
        return true;
    }

    if (rc == -1) {
        gwc_secret.failed = true;
        gwc_error(NULL,
                  "\"%s\" is no secret: expected a file of %d to %d bytes; "
                  "without it a new one is made",
                  path, GATEWAY_SECRET_MIN, GATEWAY_SECRET_MAX);
        return false;
    }

    if (rc != ENOENT && rc != ENOTDIR) {
        return gwc_secret_error("read", path, rc);
    }

    if (gateway_secret_make(gwc_secret.text) != 0) {
        gwc_secret.failed = true;
        gwc_error(NULL, "OpenSSL has no random bytes for \"%s\"", path);
        return false;
    }

    gwc_secret.len = GATEWAY_SECRET_TEXT - 1;
    gwc_secret.drawn = true;

    return true;
}


const gateway_digest_key_t *
gwc_secret_key(const char *purpose)
{
    gwc_secret_purpose_t *entry;
    size_t i;

    for (i = 0; i < gwc_secret.n; i++) {
        if (strcmp(gwc_secret.purposes[i].purpose, purpose) == 0) {
            return &gwc_secret.purposes[i].key;
        }
    }

    if (!gwc_secret_load() || gwc_secret.n == GWC_SECRET_PURPOSES) {
        return NULL;
    }

    entry = &gwc_secret.purposes[gwc_secret.n++];
    entry->purpose = purpose;
    gateway_digest_key(&entry->key, gwc_secret.text, gwc_secret.len, purpose);

    return &entry->key;
}


const char *
gwc_secret_hex(const char *purpose, gwc_text_t first, gwc_text_t second)
{
    const gateway_digest_key_t *key = gwc_secret_key(purpose);
    unsigned char digest[GATEWAY_DIGEST_LEN] = { 0 };
    char hex[2 * GATEWAY_DIGEST_LEN];
    gateway_digest_t hmac;

    if (key != NULL) {
        gateway_digest_init(&hmac, key);
        gateway_digest_update(&hmac, first.data, first.len);
        gateway_digest_update(&hmac, second.data, second.len);
        gateway_digest_final(&hmac, digest);
    }

    gateway_digest_hex(hex, digest);

    return gwc_strndup(hex, sizeof(hex));
}


const char *
gwc_secret_drawn(const char *id)
{
    return gwc_secret_hex("drawn secrets", (gwc_text_t){ "", 0 },
                          (gwc_text_t){ id, strlen(id) });
}


bool
gwc_secret_is_used(void)
{
    return gwc_secret.n != 0;
}


bool
gwc_secret_write(const char *directory)
{
    const char *path = gwc_sprintf("%s/" GWC_SECRET_FILE, directory);
    bool ok;
    int fd;

    if (!gwc_secret.drawn) {
        return true;
    }

    fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1 && errno == EEXIST) {
        /* what we have in memory was digested under another one */
        gwc_secret.failed = true;
        gwc_io_failed();
        gwc_error(NULL,
                  "\"%s\" was made by another program meanwhile: run this "
                  "one again",
                  path);
        return false;
    }

    if (fd == -1) {
        return gwc_secret_error("create", path, errno);
    }

    ok = fchmod(fd, 0600) == 0
         && write(fd, gwc_secret.text, GATEWAY_SECRET_TEXT)
                == GATEWAY_SECRET_TEXT
         && fsync(fd) == 0;

    if (!ok) {
        (void) gwc_secret_error("write", path, errno);
        (void) unlink(path);
    }

    (void) close(fd);
    gwc_secret.drawn = !ok;

    return ok;
}
