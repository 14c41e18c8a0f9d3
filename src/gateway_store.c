
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The store of consumers and credentials: its records, and the reading side.
 * A look-up walks a tree in memory that all processes share; it takes no lock
 * and waits for nobody, whatever a writer does.
 */


#include "gateway_store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>


#define GATEWAY_STORE_NONCE  12
#define GATEWAY_STORE_TAG    16


/* records are read and written with one of these */
typedef struct {
    const unsigned char   *pos;
    const unsigned char   *last;
    int                    failed;
} gateway_store_reader_t;


static int gateway_store_failed(gateway_store_t *store, const char *what,
    int rc);
static int gateway_store_path(gateway_store_t *store, const char *directory,
    char *path, size_t size);
static int gateway_store_whole(gateway_store_t *store, off_t size);
static int gateway_store_get(gateway_store_t *store, const unsigned char *key,
    size_t len, MDB_val *value);
static void gateway_store_assert(MDB_env *env, const char *text);
static const EVP_CIPHER *gateway_store_cipher(const gateway_digest_key_t *key,
    unsigned char secret[GATEWAY_DIGEST_LEN]);
static void gateway_store_bound_to(unsigned char aad[1 + GATEWAY_DIGEST_LEN],
    unsigned kind, const unsigned char *digest);
static uint64_t gateway_store_number(gateway_store_reader_t *reader,
    size_t bytes);
static void gateway_store_bytes(gateway_store_reader_t *reader, void *out,
    size_t len);
static gateway_store_text_t gateway_store_text(
    gateway_store_reader_t *reader);
static unsigned char *gateway_store_put_number(unsigned char *out,
    uint64_t number, size_t bytes);
static unsigned char *gateway_store_put_text(unsigned char *out,
    gateway_store_text_t text);


int
gateway_store_open(gateway_store_t *store, const char *directory,
    const gateway_digest_key_t *key)
{
    int          rc;
    char         path[4096];
    MDB_stat     info;
    struct stat  st;

    memset(store, 0, sizeof(gateway_store_t));

    gateway_store_check(key, store->check);

    if (gateway_store_path(store, directory, path, sizeof(path)) != 0) {
        return GATEWAY_STORE_ERROR;
    }

    if (stat(path, &st) == -1) {
        return errno == ENOENT ? GATEWAY_STORE_NONE
                               : gateway_store_failed(store, "cannot find",
                                                      errno);
    }

    if (!S_ISREG(st.st_mode)) {
        return gateway_store_failed(store, "no regular file", 0);
    }

    /* just created: LMDB would map what is not there */

    if (st.st_size == 0) {
        return GATEWAY_STORE_NONE;
    }

    rc = mdb_env_create(&store->env);

    if (rc != 0) {
        store->env = NULL;
        return gateway_store_failed(store, "cannot allocate", rc);
    }

    (void) mdb_env_set_assert(store->env, gateway_store_assert);
    (void) mdb_env_set_maxreaders(store->env, GATEWAY_STORE_READERS);

    rc = mdb_env_open(store->env, path,
                      MDB_NOSUBDIR|MDB_RDONLY|MDB_NOTLS|MDB_NORDAHEAD, 0640);

    if (rc != 0) {
        rc = gateway_store_failed(store, "cannot open", rc);
        goto failed;
    }

    (void) mdb_env_stat(store->env, &info);

    store->page = info.ms_psize;
    store->device = st.st_dev;
    store->inode = st.st_ino;

    rc = gateway_store_whole(store, st.st_size);

    if (rc != GATEWAY_STORE_OK) {
        goto failed;
    }

    rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->txn);

    if (rc != 0) {
        store->txn = NULL;
        rc = gateway_store_failed(store, "cannot begin to read", rc);
        goto failed;
    }

    /* the only one, which is open at all times */

    rc = mdb_dbi_open(store->txn, NULL, 0, &store->dbi);

    mdb_txn_reset(store->txn);

    if (rc != 0) {
        rc = gateway_store_failed(store, "cannot read", rc);
        goto failed;
    }

    rc = gateway_store_refresh(store);

    if (rc == GATEWAY_STORE_OK) {
        return GATEWAY_STORE_OK;
    }

failed:

    gateway_store_close(store);

    return rc;
}


/* the text of an error stays */

void
gateway_store_close(gateway_store_t *store)
{
    if (store->txn) {
        mdb_txn_abort(store->txn);
        store->txn = NULL;
    }

    if (store->env) {
        mdb_env_close(store->env);
        store->env = NULL;
    }
}


int
gateway_store_verify(gateway_store_t *store, const char *directory)
{
    char         path[4096];
    struct stat  st;

    if (gateway_store_path(store, directory, path, sizeof(path)) != 0) {
        return GATEWAY_STORE_ERROR;
    }

    if (stat(path, &st) == -1) {
        return errno == ENOENT ? GATEWAY_STORE_NONE
                               : gateway_store_failed(store, "cannot find",
                                                      errno);
    }

    if (st.st_dev != store->device || st.st_ino != store->inode) {
        return GATEWAY_STORE_NONE;
    }

    return gateway_store_whole(store, st.st_size);
}


/* a mapping beyond the end of its file kills the process that reads there */

static int
gateway_store_whole(gateway_store_t *store, off_t size)
{
    MDB_envinfo  info;

    if (size < 0 || (uint64_t) size < 2 * (uint64_t) store->page) {
        return gateway_store_failed(store, "shorter than it was written", 0);
    }

    (void) mdb_env_info(store->env, &info);

    if ((uint64_t) size / store->page <= info.me_last_pgno) {
        return gateway_store_failed(store, "shorter than it was written", 0);
    }

    return GATEWAY_STORE_OK;
}


int
gateway_store_refresh(gateway_store_t *store)
{
    int            rc;
    MDB_val        value;
    MDB_envinfo    info;
    unsigned char  key;

    (void) mdb_env_info(store->env, &info);

    /* the first transaction is 1 */

    if (store->txnid == (uint64_t) info.me_last_txnid + 1) {
        return GATEWAY_STORE_OK;
    }

    rc = gateway_store_begin(store);

    if (rc != GATEWAY_STORE_OK) {
        return rc;
    }

    key = 'H';
    rc = gateway_store_get(store, &key, 1, &value);

    if (rc == GATEWAY_STORE_NONE) {

        /* created, and nothing in it yet */

        memset(&store->counts, 0, sizeof(gateway_store_counts_t));
        rc = GATEWAY_STORE_OK;

    } else if (rc == GATEWAY_STORE_OK) {
        rc = gateway_store_read_counts(store, &value, &store->counts);
    }

    if (rc == GATEWAY_STORE_OK) {
        store->txnid = (uint64_t) mdb_txn_id(store->txn) + 1;
    }

    gateway_store_end(store);

    return rc;
}


int
gateway_store_begin(gateway_store_t *store)
{
    int  rc;

    rc = mdb_txn_renew(store->txn);

    if (rc == MDB_MAP_RESIZED) {

        /* a writer made it larger: none of ours is active now */

        rc = mdb_env_set_mapsize(store->env, 0);

        if (rc == 0) {
            rc = mdb_txn_renew(store->txn);
        }
    }

    return rc == 0 ? GATEWAY_STORE_OK
                   : gateway_store_failed(store, "cannot begin to read", rc);
}


void
gateway_store_end(gateway_store_t *store)
{
    mdb_txn_reset(store->txn);
}


static int
gateway_store_get(gateway_store_t *store, const unsigned char *key,
    size_t len, MDB_val *value)
{
    int      rc;
    MDB_val  name;

    name.mv_data = (void *) (uintptr_t) key;
    name.mv_size = len;

    rc = mdb_get(store->txn, store->dbi, &name, value);

    if (rc == MDB_NOTFOUND) {
        return GATEWAY_STORE_NONE;
    }

    return rc == 0 ? GATEWAY_STORE_OK
                   : gateway_store_failed(store, "cannot read", rc);
}


int
gateway_store_find(gateway_store_t *store, unsigned kind,
    const unsigned char digest[GATEWAY_DIGEST_LEN],
    gateway_store_credential_t *credential)
{
    int            rc;
    MDB_val        value;
    unsigned char  key[2 + GATEWAY_DIGEST_LEN];

    key[0] = 'K';
    key[1] = (unsigned char) kind;
    memcpy(key + 2, digest, GATEWAY_DIGEST_LEN);

    rc = gateway_store_get(store, key, sizeof(key), &value);

    if (rc == GATEWAY_STORE_OK
        && gateway_store_read_credential(credential, &value) != 0)
    {
        return gateway_store_failed(store, "damaged: a credential", 0);
    }

    return rc;
}


int
gateway_store_consumer(gateway_store_t *store, const uint8_t id[16],
    gateway_store_consumer_t *consumer)
{
    int            rc;
    MDB_val        value;
    unsigned char  key[1 + 16];

    key[0] = 'C';
    memcpy(key + 1, id, 16);

    rc = gateway_store_get(store, key, sizeof(key), &value);

    if (rc == GATEWAY_STORE_OK
        && gateway_store_read_consumer(consumer, &value) != 0)
    {
        return gateway_store_failed(store, "damaged: a consumer", 0);
    }

    memcpy(consumer->id, id, 16);

    return rc;
}


int
gateway_store_consumer_by(gateway_store_t *store, unsigned char what,
    const gateway_digest_key_t *key, const char *name, size_t len,
    gateway_store_consumer_t *consumer)
{
    int            rc;
    MDB_val        value;
    unsigned char  index[1 + GATEWAY_DIGEST_LEN];

    index[0] = what;
    gateway_store_name(key, what, name, len, index + 1);

    rc = gateway_store_get(store, index, 1 + 16, &value);

    if (rc != GATEWAY_STORE_OK) {
        return rc;
    }

    if (value.mv_size != 16) {
        return gateway_store_failed(store, "damaged: an index", 0);
    }

    return gateway_store_consumer(store, value.mv_data, consumer);
}


int
gateway_store_next(gateway_store_text_t *list, gateway_store_text_t *text)
{
    gateway_store_reader_t  reader;

    if (list->len == 0) {
        return 0;
    }

    reader.pos = (const unsigned char *) list->data;
    reader.last = reader.pos + list->len;
    reader.failed = 0;

    *text = gateway_store_text(&reader);

    list->data = (const char *) reader.pos;
    list->len = (size_t) (reader.last - reader.pos);

    return !reader.failed;
}


void
gateway_store_name(const gateway_digest_key_t *key, unsigned char what,
    const char *name, size_t len, unsigned char digest[GATEWAY_DIGEST_LEN])
{
    gateway_digest_t  hmac;

    gateway_digest_init(&hmac, key);
    gateway_digest_update(&hmac, &what, 1);
    gateway_digest_update(&hmac, name, len);
    gateway_digest_final(&hmac, digest);
}


void
gateway_store_check(const gateway_digest_key_t *key,
    unsigned char check[GATEWAY_DIGEST_LEN])
{
    gateway_store_name(key, 'H', "", 0, check);
}


static const EVP_CIPHER *
gateway_store_cipher(const gateway_digest_key_t *key,
    unsigned char secret[GATEWAY_DIGEST_LEN])
{
    gateway_store_name(key, 'S', "", 0, secret);

    return EVP_aes_256_gcm();
}


/* what is sealed for one entry cannot be moved to another */

static void
gateway_store_bound_to(unsigned char aad[1 + GATEWAY_DIGEST_LEN],
    unsigned kind, const unsigned char *digest)
{
    aad[0] = (unsigned char) kind;
    memcpy(aad + 1, digest, GATEWAY_DIGEST_LEN);
}


int
gateway_store_seal(const gateway_digest_key_t *key, unsigned kind,
    const unsigned char digest[GATEWAY_DIGEST_LEN], const char *secret,
    size_t len, unsigned char *out)
{
    int                n, ok;
    EVP_CIPHER_CTX    *ctx;
    unsigned char      bytes[GATEWAY_DIGEST_LEN], aad[1 + GATEWAY_DIGEST_LEN];
    const EVP_CIPHER  *cipher;

    if (RAND_bytes(out, GATEWAY_STORE_NONCE) != 1) {
        return -1;
    }

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL) {
        return -1;
    }

    cipher = gateway_store_cipher(key, bytes);
    gateway_store_bound_to(aad, kind, digest);

    ok = EVP_EncryptInit_ex(ctx, cipher, NULL, bytes, out) == 1
         && EVP_EncryptUpdate(ctx, NULL, &n, aad, (int) sizeof(aad)) == 1
         && EVP_EncryptUpdate(ctx, out + GATEWAY_STORE_NONCE, &n,
                              (const unsigned char *) secret, (int) len)
            == 1
         && EVP_EncryptFinal_ex(ctx, out + GATEWAY_STORE_NONCE + len, &n) == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, GATEWAY_STORE_TAG,
                                out + GATEWAY_STORE_NONCE + len)
            == 1;

    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return ok ? 0 : -1;
}


int
gateway_store_unseal(const gateway_digest_key_t *key, unsigned kind,
    const unsigned char digest[GATEWAY_DIGEST_LEN],
    const unsigned char *sealed, size_t len, char *out)
{
    int                n, ok;
    size_t             plain;
    EVP_CIPHER_CTX    *ctx;
    unsigned char      bytes[GATEWAY_DIGEST_LEN], aad[1 + GATEWAY_DIGEST_LEN];
    const EVP_CIPHER  *cipher;

    if (len < GATEWAY_STORE_SEAL) {
        return -1;
    }

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL) {
        return -1;
    }

    plain = len - GATEWAY_STORE_SEAL;
    cipher = gateway_store_cipher(key, bytes);
    gateway_store_bound_to(aad, kind, digest);

    ok = EVP_DecryptInit_ex(ctx, cipher, NULL, bytes, sealed) == 1
         && EVP_DecryptUpdate(ctx, NULL, &n, aad, (int) sizeof(aad)) == 1
         && EVP_DecryptUpdate(ctx, (unsigned char *) out, &n,
                              sealed + GATEWAY_STORE_NONCE, (int) plain)
            == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, GATEWAY_STORE_TAG,
                                (void *) (uintptr_t)
                                (sealed + GATEWAY_STORE_NONCE + plain))
            == 1
         && EVP_DecryptFinal_ex(ctx, (unsigned char *) out + plain, &n) == 1;

    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return ok ? 0 : -1;
}


int
gateway_store_read_consumer(gateway_store_consumer_t *consumer,
    const MDB_val *value)
{
    gateway_store_reader_t  reader;

    reader.pos = value->mv_data;
    reader.last = reader.pos + value->mv_size;
    reader.failed = 0;

    consumer->created = (int64_t) gateway_store_number(&reader, 8);
    consumer->username = gateway_store_text(&reader);
    consumer->custom_id = gateway_store_text(&reader);
    consumer->tags = gateway_store_text(&reader);
    consumer->acls = gateway_store_text(&reader);
    consumer->groups = gateway_store_text(&reader);

    return reader.failed ? -1 : 0;
}


size_t
gateway_store_consumer_size(const gateway_store_consumer_t *consumer)
{
    return 8 + 5 * 2 + consumer->username.len + consumer->custom_id.len
           + consumer->tags.len + consumer->acls.len + consumer->groups.len;
}


void
gateway_store_write_consumer(unsigned char *out,
    const gateway_store_consumer_t *consumer)
{
    out = gateway_store_put_number(out, (uint64_t) consumer->created, 8);
    out = gateway_store_put_text(out, consumer->username);
    out = gateway_store_put_text(out, consumer->custom_id);
    out = gateway_store_put_text(out, consumer->tags);
    out = gateway_store_put_text(out, consumer->acls);
    (void) gateway_store_put_text(out, consumer->groups);
}


/* of key-auth, the most frequent ones, the texts are left out */

int
gateway_store_read_credential(gateway_store_credential_t *credential,
    const MDB_val *value)
{
    gateway_store_reader_t  reader;

    reader.pos = value->mv_data;
    reader.last = reader.pos + value->mv_size;
    reader.failed = 0;

    credential->state = (uint8_t) gateway_store_number(&reader, 1);
    gateway_store_bytes(&reader, credential->id, 16);
    gateway_store_bytes(&reader, credential->consumer, 16);
    credential->created = (int64_t) gateway_store_number(&reader, 8);
    credential->expires = (int64_t) gateway_store_number(&reader, 8);

    if (reader.pos == reader.last) {
        memset(&credential->name, 0, sizeof(gateway_store_text_t));
        memset(&credential->algorithm, 0, sizeof(gateway_store_text_t));
        memset(&credential->secret, 0, sizeof(gateway_store_text_t));

    } else {
        credential->name = gateway_store_text(&reader);
        credential->algorithm = gateway_store_text(&reader);
        credential->secret = gateway_store_text(&reader);
    }

    return reader.failed ? -1 : 0;
}


static int
gateway_store_has_texts(const gateway_store_credential_t *credential)
{
    return credential->name.len || credential->algorithm.len
           || credential->secret.len;
}


size_t
gateway_store_credential_size(const gateway_store_credential_t *credential)
{
    size_t  size;

    size = 1 + 16 + 16 + 8 + 8;

    if (gateway_store_has_texts(credential)) {
        size += 3 * 2 + credential->name.len + credential->algorithm.len
                + credential->secret.len;
    }

    return size;
}


void
gateway_store_write_credential(unsigned char *out,
    const gateway_store_credential_t *credential)
{
    out = gateway_store_put_number(out, credential->state, 1);

    memcpy(out, credential->id, 16);
    memcpy(out + 16, credential->consumer, 16);
    out += 32;

    out = gateway_store_put_number(out, (uint64_t) credential->created, 8);
    out = gateway_store_put_number(out, (uint64_t) credential->expires, 8);

    if (gateway_store_has_texts(credential)) {
        out = gateway_store_put_text(out, credential->name);
        out = gateway_store_put_text(out, credential->algorithm);
        (void) gateway_store_put_text(out, credential->secret);
    }
}


int
gateway_store_read_counts(gateway_store_t *store, const MDB_val *value,
    gateway_store_counts_t *counts)
{
    unsigned                i;
    uint64_t                version;
    unsigned char           check[GATEWAY_DIGEST_LEN];
    gateway_store_reader_t  reader;

    reader.pos = value->mv_data;
    reader.last = reader.pos + value->mv_size;
    reader.failed = 0;

    version = gateway_store_number(&reader, 4);

    if (version != GATEWAY_STORE_VERSION) {
        return gateway_store_failed(store, "of another version of this "
                                           "program", 0);
    }

    gateway_store_bytes(&reader, check, sizeof(check));

    if (CRYPTO_memcmp(check, store->check, sizeof(check)) != 0) {
        return gateway_store_failed(store, "made under another secret", 0);
    }

    counts->consumers = gateway_store_number(&reader, 8);

    for (i = 0; i < GATEWAY_STORE_KINDS; i++) {
        counts->added[i] = gateway_store_number(&reader, 8);
        counts->revoked[i] = gateway_store_number(&reader, 8);
    }

    if (reader.failed) {
        return gateway_store_failed(store, "damaged: its header", 0);
    }

    return GATEWAY_STORE_OK;
}


void
gateway_store_write_counts(unsigned char out[GATEWAY_STORE_HEADER],
    const gateway_store_t *store, const gateway_store_counts_t *counts)
{
    unsigned  i;

    out = gateway_store_put_number(out, GATEWAY_STORE_VERSION, 4);

    memcpy(out, store->check, GATEWAY_DIGEST_LEN);
    out += GATEWAY_DIGEST_LEN;

    out = gateway_store_put_number(out, counts->consumers, 8);

    for (i = 0; i < GATEWAY_STORE_KINDS; i++) {
        out = gateway_store_put_number(out, counts->added[i], 8);
        out = gateway_store_put_number(out, counts->revoked[i], 8);
    }
}


static uint64_t
gateway_store_number(gateway_store_reader_t *reader, size_t bytes)
{
    size_t    i;
    uint64_t  number;

    if ((size_t) (reader->last - reader->pos) < bytes) {
        reader->failed = 1;
        reader->pos = reader->last;
        return 0;
    }

    number = 0;

    for (i = 0; i < bytes; i++) {
        number = number << 8 | *reader->pos++;
    }

    return number;
}


static void
gateway_store_bytes(gateway_store_reader_t *reader, void *out, size_t len)
{
    if ((size_t) (reader->last - reader->pos) < len) {
        reader->failed = 1;
        reader->pos = reader->last;
        memset(out, 0, len);
        return;
    }

    memcpy(out, reader->pos, len);
    reader->pos += len;
}


static gateway_store_text_t
gateway_store_text(gateway_store_reader_t *reader)
{
    gateway_store_text_t  text;

    text.len = (size_t) gateway_store_number(reader, 2);

    if ((size_t) (reader->last - reader->pos) < text.len) {
        reader->failed = 1;
        reader->pos = reader->last;
        text.len = 0;
    }

    text.data = (const char *) reader->pos;
    reader->pos += text.len;

    return text;
}


static unsigned char *
gateway_store_put_number(unsigned char *out, uint64_t number, size_t bytes)
{
    size_t  i;

    for (i = bytes; i > 0; i--) {
        out[i - 1] = (unsigned char) (number & 0xff);
        number >>= 8;
    }

    return out + bytes;
}


static unsigned char *
gateway_store_put_text(unsigned char *out, gateway_store_text_t text)
{
    out = gateway_store_put_number(out, text.len, 2);

    if (text.len) {
        memcpy(out, text.data, text.len);
    }

    return out + text.len;
}


static int
gateway_store_path(gateway_store_t *store, const char *directory, char *path,
    size_t size)
{
    int  n;

    n = snprintf(path, size, "%s/" GATEWAY_STORE_FILE, directory);

    if (n < 0 || (size_t) n >= size) {
        return gateway_store_failed(store, "its path is too long", 0);
    }

    return GATEWAY_STORE_OK;
}


/* rc is a number of LMDB or of the system, or 0 */

static int
gateway_store_failed(gateway_store_t *store, const char *what, int rc)
{
    if (rc) {
        (void) snprintf(store->error, sizeof(store->error), "%s: %s", what,
                        mdb_strerror(rc));

    } else {
        (void) snprintf(store->error, sizeof(store->error), "%s", what);
    }

    return GATEWAY_STORE_ERROR;
}


/*
 * LMDB found its tree inconsistent and is about to abort the process, as a
 * sudden end is better than answers out of a damaged file.
 */

static void
gateway_store_assert(MDB_env *env, const char *text)
{
    (void) env;

    fprintf(stderr, "LMDB: %s\n", text);
}
