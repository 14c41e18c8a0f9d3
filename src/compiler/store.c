/*
 * Copyright (C) the ngx_gateway authors
 */

#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "diag.h"
#include "prefix.h"
#include "schema.h"

#include "gateway_uuid.h"

/* nanoseconds after which all workers have seen a new store: they look every
   0.2 seconds */
#define GWC_STORE_NOTICED 250000000

/* the size of the mapping at first; it costs addresses, not memory */
#define GWC_STORE_MAP ((size_t) 64 * 1024 * 1024)

/* pages that the file is ahead of what is in use: see gwc_store_extend() */
#define GWC_STORE_AHEAD 1024

/* puts that are sorted together */
#define GWC_STORE_BATCH (3 * (size_t) 65536)

/* errors of one file, more are not told */
#define GWC_STORE_CONFLICTS 50

const char *const gwc_store_entities[GATEWAY_STORE_KINDS] = {
    "keyauth_credentials", "basicauth_credentials", "jwt_secrets",
    "hmacauth_credentials"
};

const char *const gwc_store_plugins[GATEWAY_STORE_KINDS] = {
    "key-auth", "basic-auth", "jwt", "hmac-auth"
};


void
gwc_store_error(gwc_store_t *store, unsigned line, const char *fmt, ...)
{
    const char *text;
    va_list args;

    store->conflicts++;

    if (store->conflicts > GWC_STORE_CONFLICTS) {
        return;
    }

    va_start(args, fmt);
    text = gwc_vsprintf(fmt, args);
    va_end(args);

    if (store->file == NULL) {
        gwc_error(NULL, "%s", text);

    } else {
        gwc_error_at(store->file, line, 1, "%s", text);
    }
}


/* of LMDB or the system */
static gwc_store_result_t
gwc_store_failed(const gwc_store_t *store, const char *what, int rc)
{
    if (rc == MDB_MAP_FULL) {
        return GWC_STORE_FULL;
    }

    gwc_io_failed();
    gwc_error(NULL, "cannot %s the store in \"%s\": %s", what,
              store->directory, mdb_strerror(rc));

    return GWC_STORE_FAILED;
}


/* what the reading side says */
static bool
gwc_store_told(const gwc_store_t *store)
{
    gwc_io_failed();
    gwc_error(NULL, "store in \"%s\": %s", store->directory,
              store->tree.error);

    return false;
}


static char *
gwc_store_path(const gwc_store_t *store, const char *suffix)
{
    return gwc_sprintf("%s/" GATEWAY_STORE_FILE "%s", store->directory,
                       suffix);
}


bool
gwc_store_exists(const char *prefix)
{
    return access(gwc_sprintf("%s/" GWC_STORE_DIRECTORY "/" GATEWAY_STORE_FILE,
                              prefix),
                  F_OK)
           == 0;
}


/*
 * Workers of another user read the file and write into its lock file, which
 * nginx gave to their group, with this directory: whatever the umask is.
 */
static void
gwc_store_modes(const gwc_store_t *store)
{
    (void) chmod(gwc_store_path(store, ""), 0640);
    (void) chmod(gwc_store_path(store, "-lock"), 0660);
}


/*
 * Readers take a file that ends before the last page for a damaged one, and
 * LMDB does not write pages that it has allocated and given up again.
 */
static bool
gwc_store_extend(gwc_store_t *store, size_t pages)
{
    char *path = gwc_store_path(store, "");
    MDB_envinfo info;
    struct stat st;
    off_t size;

    if (mdb_env_info(store->tree.env, &info) != 0 || stat(path, &st) == -1) {
        return false;
    }

    size = (off_t) ((info.me_last_pgno + 1 + pages) * store->tree.page);

    return st.st_size >= size || truncate(path, size) == 0;
}


static bool
gwc_store_directory(gwc_store_t *store, const char *prefix, bool create)
{
    store->directory = gwc_sprintf("%s/" GWC_STORE_DIRECTORY, prefix);

    if (!create || mkdir(store->directory, 0750) == 0 || errno == EEXIST) {
        return true;
    }

    (void) gwc_store_failed(store, "create", errno);

    return false;
}


/* the mapping: as large as it was, or as what comes may need */
static int
gwc_store_map(gwc_store_t *store, size_t room)
{
    MDB_envinfo info;
    size_t used, size;
    int rc;

    rc = mdb_env_info(store->tree.env, &info);

    if (rc != 0) {
        return rc;
    }

    used = (info.me_last_pgno + 1) * store->tree.page;
    size = info.me_mapsize > GWC_STORE_MAP ? info.me_mapsize : GWC_STORE_MAP;

    while (size < used * 2 || size - used < room) {
        size *= 2;
    }

    return size == info.me_mapsize
               ? 0
               : mdb_env_set_mapsize(store->tree.env, size);
}


static bool
gwc_store_open_env(gwc_store_t *store, size_t room)
{
    MDB_stat info;
    int dead, rc;

    rc = mdb_env_create(&store->tree.env);

    if (rc != 0) {
        store->tree.env = NULL;
        (void) gwc_store_failed(store, "open", rc);
        return false;
    }

    (void) mdb_env_set_maxreaders(store->tree.env, GATEWAY_STORE_READERS);
    rc = mdb_env_open(store->tree.env, gwc_store_path(store, ""),
                      MDB_NOSUBDIR | MDB_NOTLS, 0640);

    if (rc == 0) {
        gwc_store_modes(store);

        /* places of workers that were killed: what they read is kept */
        (void) mdb_reader_check(store->tree.env, &dead);

        rc = mdb_env_stat(store->tree.env, &info);
        store->tree.page = info.ms_psize;
    }

    if (rc == 0) {
        rc = gwc_store_map(store, room);
    }

    if (rc == 0) {
        return true;
    }

    (void) gwc_store_failed(store, "open", rc);
    gwc_store_close(store);

    return false;
}


bool
gwc_store_open(gwc_store_t *store, const char *prefix,
               const gwc_layer_t *layer, bool create, size_t room)
{
    store->layer = layer;
    gateway_store_check(store->names, store->tree.check);

    return gwc_store_directory(store, prefix, create)
           && (create || gwc_store_exists(prefix))
           && gwc_store_open_env(store, room);
}


bool
gwc_store_open_read(gwc_store_t *store, const char *prefix)
{
    (void) gwc_store_directory(store, prefix, false);

    switch (gateway_store_open(&store->tree, store->directory, store->names)) {

    case GATEWAY_STORE_OK:
        return true;

    case GATEWAY_STORE_NONE:
        return false;

    default:
        return gwc_store_told(store);
    }
}


void
gwc_store_close(gwc_store_t *store)
{
    gateway_store_close(&store->tree);
}


gwc_store_result_t
gwc_store_begin(gwc_store_t *store)
{
    MDB_val key, value;
    char name = 'H';
    int rc;

    if (!gwc_store_extend(store, GWC_STORE_AHEAD)) {
        return gwc_store_failed(store, "write", errno);
    }

    store->n = 0;
    store->bytes.len = 0;
    rc = mdb_txn_begin(store->tree.env, NULL, 0, &store->tree.txn);

    if (rc != 0) {
        store->tree.txn = NULL;
        return gwc_store_failed(store, "write", rc);
    }

    rc = mdb_dbi_open(store->tree.txn, NULL, 0, &store->tree.dbi);
    key.mv_data = &name;
    key.mv_size = 1;

    if (rc == 0) {
        rc = mdb_get(store->tree.txn, store->tree.dbi, &key, &value);
    }

    store->fresh = rc == MDB_NOTFOUND;

    if (rc == MDB_NOTFOUND) {
        memset(&store->counts, 0, sizeof(store->counts));
        return GWC_STORE_DONE;
    }

    if (rc != 0) {
        gwc_store_abort(store);
        return gwc_store_failed(store, "read", rc);
    }

    if (gateway_store_read_counts(&store->tree, &value, &store->counts)
        != GATEWAY_STORE_OK)
    {
        gwc_store_abort(store);
        (void) gwc_store_told(store);
        return GWC_STORE_FAILED;
    }

    return GWC_STORE_DONE;
}


/* workers look for a store that was not there, so who is told that it is done
   may rely on it only then */
static void
gwc_store_settle(void)
{
    struct timespec left = { 0, GWC_STORE_NOTICED };

    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
        continue;
    }
}


gwc_store_result_t
gwc_store_commit(gwc_store_t *store)
{
    unsigned char header[GATEWAY_STORE_HEADER];
    gwc_store_result_t result;
    MDB_val key, value;
    char name = 'H';
    int rc;

    result = gwc_store_flush(store);

    if (result != GWC_STORE_DONE) {
        gwc_store_abort(store);
        return result;
    }

    gateway_store_write_counts(header, &store->tree, &store->counts);
    key.mv_data = &name;
    key.mv_size = 1;
    value.mv_data = header;
    value.mv_size = sizeof(header);

    rc = mdb_put(store->tree.txn, store->tree.dbi, &key, &value, 0);

    if (rc != 0) {
        gwc_store_abort(store);
        return gwc_store_failed(store, "write", rc);
    }

    rc = mdb_txn_commit(store->tree.txn);
    store->tree.txn = NULL;

    if (rc != 0) {
        return gwc_store_failed(store, "write", rc);
    }

    (void) gwc_store_extend(store, 0);

    if (store->fresh) {
        gwc_store_settle();
    }

    return GWC_STORE_DONE;
}


void
gwc_store_abort(gwc_store_t *store)
{
    if (store->tree.txn != NULL) {
        mdb_txn_abort(store->tree.txn);
        store->tree.txn = NULL;
    }
}


bool
gwc_store_grow(gwc_store_t *store)
{
    MDB_envinfo info;
    int rc;

    rc = mdb_env_info(store->tree.env, &info);

    if (rc == 0) {
        rc = mdb_env_set_mapsize(store->tree.env, info.me_mapsize * 2);
    }

    if (rc != 0) {
        (void) gwc_store_failed(store, "enlarge", rc);
    }

    return rc == 0;
}


/* room for a record, until the next call */
static unsigned char *
gwc_store_scratch(gwc_store_t *store, size_t size)
{
    if (store->scratch_size < size) {
        store->scratch_size = size * 2;
        store->scratch = gwc_alloc(store->scratch_size);
    }

    return store->scratch;
}


static void
gwc_store_push(gwc_store_t *store, const void *key, size_t klen,
               const void *value, size_t vlen, unsigned line)
{
    gwc_store_put_t *put, *puts;

    if (store->n == store->room) {
        store->room = store->room == 0 ? 64 : store->room * 2;
        puts = gwc_alloc_array(store->room, sizeof(gwc_store_put_t));

        if (store->n != 0) {
            memcpy(puts, store->puts, store->n * sizeof(gwc_store_put_t));
        }

        store->puts = puts;
    }

    put = &store->puts[store->n];
    put->order = (unsigned) store->n++;
    put->key = store->bytes.len;
    put->klen = (unsigned) klen;
    put->vlen = (unsigned) vlen;
    put->line = line;
    gwc_buf_add(&store->bytes, key, klen);
    gwc_buf_add(&store->bytes, value, vlen);
}


static gwc_store_result_t
gwc_store_flush_some(gwc_store_t *store)
{
    return store->n < GWC_STORE_BATCH ? GWC_STORE_DONE
                                      : gwc_store_flush(store);
}


static void
gwc_store_key_consumer(unsigned char key[17], const uint8_t id[16])
{
    key[0] = 'C';
    memcpy(key + 1, id, 16);
}


static void
gwc_store_key_credential(unsigned char key[2 + GATEWAY_DIGEST_LEN], char what,
                         unsigned kind, const unsigned char *digest)
{
    key[0] = (unsigned char) what;
    key[1] = (unsigned char) kind;
    memcpy(key + 2, digest, GATEWAY_DIGEST_LEN);
}


static void
gwc_store_key_link(unsigned char key[18 + GATEWAY_DIGEST_LEN],
                   const uint8_t id[16], unsigned kind,
                   const unsigned char *digest)
{
    gwc_store_key_consumer(key, id);
    key[17] = (unsigned char) kind;
    memcpy(key + 18, digest, GATEWAY_DIGEST_LEN);
}


static void
gwc_store_key_index(const gwc_store_t *store,
                    unsigned char key[1 + GATEWAY_DIGEST_LEN], char what,
                    gateway_store_text_t name)
{
    key[0] = (unsigned char) what;
    gateway_store_name(store->names, (unsigned char) what, name.data, name.len,
                       key + 1);
}


/* the id that follows from the username, so there is no index of it */
static bool
gwc_store_is_derived(const gateway_store_consumer_t *consumer)
{
    uint8_t id[16];

    gateway_uuid_entity(id, "consumers", consumer->username.data,
                        consumer->username.len);

    return memcmp(id, consumer->id, 16) == 0;
}


gwc_store_result_t
gwc_store_put_consumer(gwc_store_t *store,
                       const gateway_store_consumer_t *consumer, unsigned line)
{
    size_t size = gateway_store_consumer_size(consumer);
    unsigned char index[1 + GATEWAY_DIGEST_LEN];
    unsigned char *record = gwc_store_scratch(store, size + 16);
    unsigned char key[17];

    gateway_store_write_consumer(record, consumer);
    gwc_store_key_consumer(key, consumer->id);
    gwc_store_push(store, key, sizeof(key), record, size, line);

    if (consumer->username.len && !gwc_store_is_derived(consumer)) {
        gwc_store_key_index(store, index, GATEWAY_STORE_USERNAME,
                            consumer->username);
        memcpy(record, consumer->id, 16);
        memcpy(record + 16, consumer->username.data, consumer->username.len);
        gwc_store_push(store, index, 17, record, 16 + consumer->username.len,
                       line);
    }

    if (consumer->custom_id.len) {
        gwc_store_key_index(store, index, GATEWAY_STORE_CUSTOM,
                            consumer->custom_id);
        gwc_store_push(store, index, 17, consumer->id, 16, line);
    }

    return gwc_store_flush_some(store);
}


gwc_store_result_t
gwc_store_put_credential(gwc_store_t *store, unsigned kind,
                         const unsigned char *digest,
                         const gateway_store_credential_t *credential,
                         unsigned line)
{
    size_t size = gateway_store_credential_size(credential);
    unsigned char link[18 + GATEWAY_DIGEST_LEN];
    unsigned char *record = gwc_store_scratch(store, size);
    unsigned char key[2 + GATEWAY_DIGEST_LEN];

    gateway_store_write_credential(record, credential);
    gwc_store_key_credential(key, 'K', kind, digest);
    gwc_store_push(store, key, sizeof(key), record, size, line);

    gwc_store_key_link(link, credential->consumer, kind, digest);
    gwc_store_push(store, link, sizeof(link), "", 0, line);

    return gwc_store_flush_some(store);
}


static int
gwc_store_compare(const void *one, const void *two, void *data)
{
    const gwc_store_put_t *a = one, *b = two;
    const char *bytes = data;
    size_t len = a->klen < b->klen ? a->klen : b->klen;
    int rc = memcmp(bytes + a->key, bytes + b->key, len);

    if (rc == 0 && a->klen != b->klen) {
        rc = a->klen < b->klen ? -1 : 1;
    }

    if (rc == 0) {
        rc = a->order < b->order ? -1 : 1;
    }

    return rc;
}


static int
gwc_store_get(const gwc_store_t *store, const void *name, size_t len,
              MDB_val *value)
{
    MDB_val key = { len, (void *) (uintptr_t) name };

    return mdb_get(store->tree.txn, store->tree.dbi, &key, value);
}


static int
gwc_store_put(const gwc_store_t *store, const void *name, size_t len,
              const void *data, size_t size)
{
    MDB_val key = { len, (void *) (uintptr_t) name };
    MDB_val value = { size, (void *) (uintptr_t) data };

    return mdb_put(store->tree.txn, store->tree.dbi, &key, &value, 0);
}


/* what is not there is deleted already */
static int
gwc_store_delete(const gwc_store_t *store, const void *name, size_t len)
{
    MDB_val key = { len, (void *) (uintptr_t) name };
    int rc = mdb_del(store->tree.txn, store->tree.dbi, &key, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
gwc_store_delete_index(gwc_store_t *store, char what,
                       gateway_store_text_t name, const uint8_t id[16])
{
    unsigned char key[1 + GATEWAY_DIGEST_LEN];
    MDB_val value;
    int rc;

    if (name.len == 0) {
        return 0;
    }

    gwc_store_key_index(store, key, what, name);
    rc = gwc_store_get(store, key, 17, &value);

    if (rc != 0 || value.mv_size != 16 || memcmp(value.mv_data, id, 16) != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    return gwc_store_delete(store, key, 17);
}


static bool
gwc_store_text_equal(gateway_store_text_t a, gateway_store_text_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


/* names that the consumer had before are free again */
static int
gwc_store_put_one_consumer(gwc_store_t *store, const unsigned char *key,
                           const MDB_val *new)
{
    gateway_store_consumer_t consumer, former;
    MDB_val value;
    int rc;

    rc = gwc_store_get(store, key, 17, &value);

    if (rc == MDB_NOTFOUND) {
        store->counts.consumers++;
        rc = 0;

    } else if (rc == 0 && gateway_store_read_consumer(&former, &value) == 0
               && gateway_store_read_consumer(&consumer, new) == 0)
    {
        if (!gwc_store_text_equal(former.username, consumer.username)) {
            rc = gwc_store_delete_index(store, GATEWAY_STORE_USERNAME,
                                        former.username, key + 1);
        }

        if (rc == 0
            && !gwc_store_text_equal(former.custom_id, consumer.custom_id)) {
            /* the record moves when the tree changes */
            rc = gwc_store_get(store, key, 17, &value);
            (void) gateway_store_read_consumer(&former, &value);
            rc = rc == 0 ? gwc_store_delete_index(store, GATEWAY_STORE_CUSTOM,
                                                  former.custom_id, key + 1)
                         : rc;
        }
    }

    return rc == 0 ? gwc_store_put(store, key, 17, new->mv_data, new->mv_size)
                   : rc;
}


static const char *
gwc_store_id_text(const uint8_t id[16])
{
    char text[GATEWAY_UUID_LEN];

    gateway_uuid_format(text, id);

    return gwc_strndup(text, sizeof(text));
}


/* how messages name a consumer */
static const char *
gwc_store_name_of(gwc_store_t *store, const uint8_t id[16])
{
    const gwc_layer_consumer_t *layered;
    gateway_store_consumer_t consumer;
    unsigned char key[17];
    MDB_val value;

    gwc_store_key_consumer(key, id);

    if (gwc_store_get(store, key, 17, &value) == 0
        && gateway_store_read_consumer(&consumer, &value) == 0
        && consumer.username.len)
    {
        return gwc_quoted(
            (gwc_text_t){ consumer.username.data, consumer.username.len });
    }

    layered = gwc_map_get(store->layer->by_id,
                          (gwc_text_t){ (const char *) id, 16 });

    if (layered != NULL && layered->username.len) {
        return gwc_quoted(layered->username);
    }

    return gwc_store_id_text(id);
}


/* what a message calls it: a key is never shown */
static const char *
gwc_store_what(unsigned kind, gateway_store_text_t name)
{
    return kind == GATEWAY_STORE_KEY
               ? "this key"
               : gwc_sprintf("%s credential %s", gwc_store_plugins[kind],
                             gwc_quoted((gwc_text_t){ name.data, name.len }));
}


static int
gwc_store_put_one_credential(gwc_store_t *store, const unsigned char *key,
                             const MDB_val *new, unsigned line)
{
    gateway_store_credential_t credential, former;
    const gwc_layer_credential_t *layered;
    unsigned kind = key[1];
    unsigned char revoked[2 + GATEWAY_DIGEST_LEN];
    MDB_val value;
    int rc;

    (void) gateway_store_read_credential(&credential, new);
    layered = gwc_layer_find(store->layer, kind, key + 2);
    rc = gwc_store_get(store, key, 2 + GATEWAY_DIGEST_LEN, &value);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    if (layered != NULL) {
        gwc_store_error(store, line,
                        "%s is in the file already%s, of consumer %s",
                        gwc_store_what(kind, credential.name),
                        rc == 0 ? ", where it was revoked" : "",
                        gwc_store_name_of(store, layered->consumer->id));
        return 0;
    }

    if (rc == 0 && gateway_store_read_credential(&former, &value) != 0) {
        return MDB_CORRUPTED;
    }

    if (rc == MDB_NOTFOUND) {
        store->counts.added[kind]++;

    } else if (former.state != GATEWAY_STORE_ADDED) {
        /* of a file that dropped it */
        gwc_store_key_credential(revoked, 'R', kind, key + 2);
        rc = gwc_store_delete(store, revoked, sizeof(revoked));

        if (rc != 0) {
            return rc;
        }

        store->counts.revoked[kind]--;
        store->counts.added[kind]++;

    } else if (memcmp(former.consumer, credential.consumer, 16) != 0) {
        gwc_store_error(store, line, "%s belongs to consumer %s already",
                        gwc_store_what(kind, credential.name),
                        gwc_store_name_of(store, former.consumer));
        return 0;
    }

    return gwc_store_put(store, key, 2 + GATEWAY_DIGEST_LEN, new->mv_data,
                         new->mv_size);
}


/* of a username, whose text is behind the id, or a custom_id */
static int
gwc_store_put_one_index(gwc_store_t *store, const unsigned char *key,
                        const MDB_val *new, unsigned line)
{
    const uint8_t *id = new->mv_data;
    gateway_store_consumer_t other;
    unsigned char derived[17];
    MDB_val value;
    int rc;

    rc = gwc_store_get(store, key, 17, &value);

    if (rc == 0 && value.mv_size == 16 && memcmp(value.mv_data, id, 16) != 0) {
        gwc_store_error(store, line, "this %s is that of consumer %s",
                        key[0] == 'U' ? "username" : "custom_id",
                        gwc_store_name_of(store, value.mv_data));
        return 0;
    }

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    if (key[0] == 'U') {
        gateway_store_text_t username = { (const char *) id + 16,
                                          new->mv_size - 16 };

        derived[0] = 'C';
        gateway_uuid_entity(derived + 1, "consumers", username.data,
                            username.len);
        rc = gwc_store_get(store, derived, 17, &value);

        if (rc == 0 && gateway_store_read_consumer(&other, &value) == 0
            && gwc_store_text_equal(other.username, username))
        {
            gwc_store_error(store, line,
                            "this username is that of consumer %s",
                            gwc_store_id_text(derived + 1));
            return 0;
        }

        if (rc != 0 && rc != MDB_NOTFOUND) {
            return rc;
        }
    }

    return gwc_store_put(store, key, 17, id, 16);
}


static int
gwc_store_put_one(gwc_store_t *store, const gwc_store_put_t *put)
{
    const unsigned char *key =
        (const unsigned char *) store->bytes.data + put->key;
    MDB_val value = { put->vlen, (void *) (uintptr_t) (key + put->klen) };

    switch (key[0]) {

    case 'C':
        return put->klen == 17 ? gwc_store_put_one_consumer(store, key, &value)
                               : gwc_store_put(store, key, put->klen, "", 0);

    case 'K':
        return gwc_store_put_one_credential(store, key, &value, put->line);

    default:
        return gwc_store_put_one_index(store, key, &value, put->line);
    }
}


gwc_store_result_t
gwc_store_flush(gwc_store_t *store)
{
    size_t i;
    int rc;

    if (store->n != 0) {
        qsort_r(store->puts, store->n, sizeof(gwc_store_put_t),
                gwc_store_compare, store->bytes.data);
    }

    for (i = 0; i < store->n; i++) {
        rc = gwc_store_put_one(store, &store->puts[i]);

        if (rc != 0) {
            return gwc_store_failed(store, "write", rc);
        }
    }

    store->n = 0;
    store->bytes.len = 0;

    return store->conflicts ? GWC_STORE_CONFLICT : GWC_STORE_DONE;
}


gwc_store_result_t
gwc_store_consumer_id(gwc_store_t *store, uint8_t id[16], gwc_text_t username)
{
    gateway_store_text_t name = { username.data, username.len };
    unsigned char key[1 + GATEWAY_DIGEST_LEN];
    MDB_val value;
    int rc;

    gwc_store_key_index(store, key, GATEWAY_STORE_USERNAME, name);
    rc = gwc_store_get(store, key, 17, &value);

    if (rc == 0 && value.mv_size == 16) {
        memcpy(id, value.mv_data, 16);
        return GWC_STORE_DONE;
    }

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return gwc_store_failed(store, "read", rc);
    }

    gateway_uuid_entity(id, "consumers", username.data, username.len);

    return GWC_STORE_DONE;
}


static int
gwc_store_told_read(gwc_store_t *store, int rc)
{
    if (rc == GATEWAY_STORE_ERROR) {
        (void) gwc_store_told(store);
    }

    return rc;
}


int
gwc_store_get_consumer(gwc_store_t *store, const uint8_t id[16],
                       gateway_store_consumer_t *consumer)
{
    return gwc_store_told_read(
        store, gateway_store_consumer(&store->tree, id, consumer));
}


int
gwc_store_get_credential(gwc_store_t *store, unsigned kind,
                         const unsigned char *digest,
                         gateway_store_credential_t *credential)
{
    return gwc_store_told_read(
        store, gateway_store_find(&store->tree, kind, digest, credential));
}


int
gwc_store_find_consumer(gwc_store_t *store, gwc_text_t name,
                        gateway_store_consumer_t *consumer)
{
    gateway_store_text_t text = { name.data, name.len };
    uint8_t id[16];
    int rc = GATEWAY_STORE_NONE;

    if (gateway_uuid_parse(id, name.data, name.len) == 0) {
        rc = gwc_store_get_consumer(store, id, consumer);
    }

    if (rc == GATEWAY_STORE_NONE) {
        rc = gateway_store_consumer_by(&store->tree, GATEWAY_STORE_USERNAME,
                                       store->names, name.data, name.len,
                                       consumer);
    }

    if (rc == GATEWAY_STORE_NONE) {
        gateway_uuid_entity(id, "consumers", name.data, name.len);
        rc = gateway_store_consumer(&store->tree, id, consumer);

        if (rc == GATEWAY_STORE_OK
            && !gwc_store_text_equal(consumer->username, text)) {
            rc = GATEWAY_STORE_NONE;
        }
    }

    if (rc == GATEWAY_STORE_NONE) {
        rc = gateway_store_consumer_by(&store->tree, GATEWAY_STORE_CUSTOM,
                                       store->names, name.data, name.len,
                                       consumer);
    }

    return gwc_store_told_read(store, rc);
}


gwc_store_result_t
gwc_store_delete_credential(gwc_store_t *store, unsigned kind,
                            const unsigned char *digest)
{
    unsigned char link[18 + GATEWAY_DIGEST_LEN];
    unsigned char key[2 + GATEWAY_DIGEST_LEN];
    gateway_store_credential_t credential;
    int rc;

    rc = gwc_store_get_credential(store, kind, digest, &credential);

    if (rc != GATEWAY_STORE_OK || credential.state != GATEWAY_STORE_ADDED) {
        return rc == GATEWAY_STORE_ERROR ? GWC_STORE_FAILED : GWC_STORE_DONE;
    }

    gwc_store_key_credential(key, 'K', kind, digest);
    gwc_store_key_link(link, credential.consumer, kind, digest);
    rc = gwc_store_delete(store, link, sizeof(link));

    if (rc == 0) {
        rc = gwc_store_delete(store, key, sizeof(key));
    }

    if (rc != 0) {
        return gwc_store_failed(store, "write", rc);
    }

    store->counts.added[kind]--;

    return GWC_STORE_DONE;
}


/* the digests of its credentials, kind in front */
static bool
gwc_store_collect(gwc_store_t *store, const MDB_val *key, const MDB_val *value,
                  void *data)
{
    (void) store;
    (void) value;

    if (key->mv_size == 18 + GATEWAY_DIGEST_LEN) {
        gwc_vec_push(data, gwc_strndup((const char *) key->mv_data + 17,
                                       1 + GATEWAY_DIGEST_LEN));
    }

    return true;
}


gwc_store_result_t
gwc_store_delete_consumer(gwc_store_t *store, const uint8_t id[16], size_t *n)
{
    gateway_store_consumer_t consumer;
    gwc_vec_t found = { 0 };
    gwc_store_result_t result;
    unsigned char key[17];
    size_t i;
    int rc;

    gwc_store_key_consumer(key, id);

    if (!gwc_store_each(store, key, sizeof(key), gwc_store_collect, &found)) {
        return GWC_STORE_FAILED;
    }

    for (i = 0; i < found.n; i++) {
        const unsigned char *name = found.items[i];

        result = gwc_store_delete_credential(store, name[0], name + 1);

        if (result != GWC_STORE_DONE) {
            return result;
        }
    }

    *n = found.n;
    rc = gwc_store_get_consumer(store, id, &consumer);

    if (rc != GATEWAY_STORE_OK) {
        return rc == GATEWAY_STORE_ERROR ? GWC_STORE_FAILED : GWC_STORE_DONE;
    }

    rc = gwc_store_delete_index(store, GATEWAY_STORE_USERNAME,
                                consumer.username, id);

    if (rc == 0) {
        /* the record moves when the tree changes */
        (void) gwc_store_get_consumer(store, id, &consumer);
        rc = gwc_store_delete_index(store, GATEWAY_STORE_CUSTOM,
                                    consumer.custom_id, id);
    }

    if (rc == 0) {
        rc = gwc_store_delete(store, key, sizeof(key));
    }

    if (rc != 0) {
        return gwc_store_failed(store, "write", rc);
    }

    store->counts.consumers--;

    return GWC_STORE_DONE;
}


static int
gwc_store_put_revocation(gwc_store_t *store, unsigned kind,
                         const unsigned char *digest,
                         const gateway_store_credential_t *credential)
{
    size_t size = gateway_store_credential_size(credential);
    unsigned char *record = gwc_store_scratch(store, size);
    unsigned char key[2 + GATEWAY_DIGEST_LEN];
    int rc;

    gateway_store_write_credential(record, credential);
    gwc_store_key_credential(key, 'K', kind, digest);
    rc = gwc_store_put(store, key, sizeof(key), record, size);

    if (rc != 0) {
        return rc;
    }

    key[0] = 'R';

    return gwc_store_put(store, key, sizeof(key), "", 0);
}


gwc_store_result_t
gwc_store_revoke(gwc_store_t *store, const gwc_layer_credential_t *layered)
{
    gateway_store_credential_t credential;
    gwc_store_result_t result;
    int rc;

    /* the same name may have been added before the file had it */
    result =
        gwc_store_delete_credential(store, layered->kind, layered->digest);

    if (result != GWC_STORE_DONE) {
        return result;
    }

    rc = gwc_store_get_credential(store, layered->kind, layered->digest,
                                  &credential);

    if (rc == GATEWAY_STORE_ERROR) {
        return GWC_STORE_FAILED;
    }

    if (rc == GATEWAY_STORE_NONE) {
        store->counts.revoked[layered->kind]++;
    }

    memset(&credential, 0, sizeof(credential));
    credential.state = GATEWAY_STORE_REVOKED;
    memcpy(credential.id, layered->id, 16);
    memcpy(credential.consumer, layered->consumer->id, 16);
    credential.created = (int64_t) time(NULL);
    credential.name.data = layered->name.data;
    credential.name.len = layered->name.len;

    rc = gwc_store_put_revocation(store, layered->kind, layered->digest,
                                  &credential);

    return rc == 0 ? GWC_STORE_DONE : gwc_store_failed(store, "write", rc);
}


gwc_store_result_t
gwc_store_restore(gwc_store_t *store, unsigned kind,
                  const unsigned char *digest)
{
    unsigned char key[2 + GATEWAY_DIGEST_LEN];
    int rc;

    gwc_store_key_credential(key, 'K', kind, digest);
    rc = gwc_store_delete(store, key, sizeof(key));

    if (rc == 0) {
        key[0] = 'R';
        rc = gwc_store_delete(store, key, sizeof(key));
    }

    if (rc != 0) {
        return gwc_store_failed(store, "write", rc);
    }

    store->counts.revoked[kind]--;

    return GWC_STORE_DONE;
}


static bool
gwc_store_collect_revoked(gwc_store_t *store, const MDB_val *key,
                          const MDB_val *value, void *data)
{
    (void) store;
    (void) value;

    if (key->mv_size == 2 + GATEWAY_DIGEST_LEN) {
        gwc_vec_push(data, gwc_strndup((const char *) key->mv_data + 1,
                                       1 + GATEWAY_DIGEST_LEN));
    }

    return true;
}


/*
 * A credential that the file has dropped stays revoked, since what runs may
 * still have it; when a later file brings it again, it is valid.
 */
gwc_store_result_t
gwc_store_reconcile(gwc_store_t *store)
{
    gateway_store_credential_t credential;
    gwc_vec_t found = { 0 };
    gwc_store_result_t result = GWC_STORE_DONE;
    size_t i;
    int rc;

    if (!gwc_store_each(store, "R", 1, gwc_store_collect_revoked, &found)) {
        return GWC_STORE_FAILED;
    }

    for (i = 0; i < found.n && result == GWC_STORE_DONE; i++) {
        const unsigned char *name = found.items[i];
        bool there = gwc_layer_find(store->layer, name[0], name + 1) != NULL;

        rc = gwc_store_get_credential(store, name[0], name + 1, &credential);

        if (rc != GATEWAY_STORE_OK) {
            continue;
        }

        if (there && credential.state == GATEWAY_STORE_DROPPED) {
            result = gwc_store_restore(store, name[0], name + 1);

        } else if (!there && credential.state == GATEWAY_STORE_REVOKED) {
            credential.state = GATEWAY_STORE_DROPPED;
            credential.name.data =
                gwc_strndup(credential.name.data, credential.name.len);
            rc = gwc_store_put_revocation(store, name[0], name + 1,
                                          &credential);

            if (rc != 0) {
                result = gwc_store_failed(store, "write", rc);
            }
        }
    }

    return result;
}


bool
gwc_store_each(gwc_store_t *store, const void *prefix, size_t len,
               gwc_store_each_pt each, void *data)
{
    MDB_val key = { len, (void *) (uintptr_t) prefix };
    MDB_cursor *cursor;
    MDB_val value;
    int rc;

    rc = mdb_cursor_open(store->tree.txn, store->tree.dbi, &cursor);

    if (rc != 0) {
        (void) gwc_store_failed(store, "read", rc);
        return false;
    }

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    while (rc == 0 && key.mv_size >= len
           && memcmp(key.mv_data, prefix, len) == 0) {
        if (!each(store, &key, &value, data)) {
            break;
        }

        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        (void) gwc_store_failed(store, "read", rc);
        return false;
    }

    return true;
}
