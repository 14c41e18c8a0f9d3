
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Credentials of the store, as authentication policies see them.
 *
 * Each worker opens the store for itself, after fork().  What was committed
 * is seen by the next request.  A store that appears, or is replaced by
 * another file, is noticed within the time below; so is one that was cut.
 * While a store is there and cannot be read, nobody is let in: a credential
 * of the configuration may have been revoked in it.
 */


#include "ngx_http_gateway_store.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_consumers.h"
#include "ngx_http_gateway_digest.h"
#include "gateway_uuid.h"


/* how often the file itself is looked at, at most; milliseconds */
#define NGX_HTTP_GATEWAY_STORE_CHECK   200

/* how often an error is logged while it lasts; seconds */
#define NGX_HTTP_GATEWAY_STORE_REPEAT  60

/* names whose digests a worker remembers */
#define NGX_HTTP_GATEWAY_STORE_MEMO    1024


/* a consumer of the configuration */
typedef struct {
    uint8_t                          id[16];
    ngx_http_gateway_consumer_t     *consumer;  /* NULL: free */
} ngx_http_gateway_store_slot_t;


struct ngx_http_gateway_store_conf_s {
    ngx_str_t                        directory; /* terminated */
    ngx_http_gateway_memo_t         *memo;
    ngx_http_gateway_store_slot_t   *slots;     /* by id */
    ngx_uint_t                       mask;
};


/*
 * The open store.  LMDB allows one a process, and configurations of the same
 * process (without a master) come and go, so it does not belong to them.
 */
static struct {
    gateway_store_t                  store;
    ngx_http_gateway_store_conf_t   *conf;      /* whose it is */
    ngx_msec_t                       checked;
    time_t                           logged;
    pid_t                            pid;
    unsigned                         failed:1;
} ngx_http_gateway_store;


static ngx_int_t ngx_http_gateway_store_ready(
    ngx_http_gateway_store_conf_t *scf, ngx_log_t *log);
static ngx_int_t ngx_http_gateway_store_check(
    ngx_http_gateway_store_conf_t *scf, ngx_log_t *log);
static ngx_int_t ngx_http_gateway_store_failed(
    ngx_http_gateway_store_conf_t *scf, ngx_log_t *log);
static int ngx_http_gateway_store_search(gateway_store_t *store,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t by, const ngx_str_t *name,
    gateway_store_consumer_t *record);
static ngx_int_t ngx_http_gateway_store_read(ngx_http_request_t *r,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t kind,
    const u_char *digest, ngx_http_gateway_stored_t **stored);
static ngx_int_t ngx_http_gateway_store_copy(ngx_http_request_t *r,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t kind,
    const u_char *digest, gateway_store_credential_t *record,
    ngx_http_gateway_stored_t **stored);
static ngx_int_t ngx_http_gateway_store_secret(ngx_http_request_t *r,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t kind,
    const u_char *digest, gateway_store_credential_t *record,
    ngx_http_gateway_stored_t *stored);
static ngx_http_gateway_consumer_t *ngx_http_gateway_store_configured(
    ngx_http_gateway_store_conf_t *scf, const uint8_t *id);
static ngx_http_gateway_consumer_t *ngx_http_gateway_store_make(
    ngx_http_request_t *r, gateway_store_consumer_t *record);
static ngx_array_t *ngx_http_gateway_store_list(ngx_http_request_t *r,
    gateway_store_text_t list, u_char **p);
static ngx_int_t ngx_http_gateway_store_groups(ngx_http_request_t *r,
    ngx_http_gateway_consumer_t *consumer, gateway_store_text_t list);
static void ngx_http_gateway_store_put(ngx_str_t *s, u_char **p,
    gateway_store_text_t text);
static void ngx_http_gateway_store_share(ngx_cycle_t *cycle, u_char *name,
    ngx_gid_t group, mode_t mode);


ngx_int_t
ngx_http_gateway_store_find(ngx_http_request_t *r, ngx_uint_t kind,
    const ngx_str_t *name, ngx_http_gateway_stored_t **stored)
{
    u_char                          what, digest[GATEWAY_DIGEST_LEN];
    ngx_str_t                       first;
    ngx_int_t                       rc;
    ngx_uint_t                      known;
    ngx_http_gateway_memo_tag_t     tag;
    ngx_http_gateway_main_conf_t   *gmcf;
    ngx_http_gateway_store_conf_t  *scf;

    *stored = NULL;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    scf = gmcf->store;

    if (scf == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_gateway_store_ready(scf, r->connection->log);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_gateway_store.store.counts.added[kind] == 0
        && ngx_http_gateway_store.store.counts.revoked[kind] == 0)
    {
        return NGX_DECLINED;
    }

    what = (u_char) kind;
    first.data = &what;
    first.len = 1;

    known = ngx_http_gateway_memo_digest(scf->memo, &first, name, &tag,
                                         digest);

    rc = ngx_http_gateway_store_read(r, scf, kind, digest, stored);

    if (rc == NGX_OK && !known) {
        ngx_http_gateway_memo_keep(scf->memo, &tag, digest);
    }

    return rc;
}


ngx_int_t
ngx_http_gateway_store_named(ngx_http_request_t *r, ngx_uint_t kind,
    ngx_http_gateway_named_table_t *table, const ngx_str_t *name,
    void **named, ngx_http_gateway_stored_t **stored)
{
    ngx_int_t  rc;

    *named = NULL;

    rc = ngx_http_gateway_store_find(r, kind, name, stored);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_ABORT) {
        return NGX_DECLINED;
    }

    *named = ngx_http_gateway_named_find(table, name);

    return *named || rc == NGX_OK ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_gateway_store_find_key(ngx_http_request_t *r,
    const u_char digest[GATEWAY_DIGEST_LEN],
    ngx_http_gateway_stored_t **stored)
{
    ngx_int_t                       rc;
    ngx_http_gateway_main_conf_t   *gmcf;
    ngx_http_gateway_store_conf_t  *scf;

    *stored = NULL;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    scf = gmcf->store;

    if (scf == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_gateway_store_ready(scf, r->connection->log);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_gateway_store.store.counts.added[GATEWAY_STORE_KEY] == 0
        && ngx_http_gateway_store.store.counts.revoked[GATEWAY_STORE_KEY] == 0)
    {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_store_read(r, scf, GATEWAY_STORE_KEY, digest,
                                       stored);
}


ngx_int_t
ngx_http_gateway_store_consumer(ngx_http_request_t *r, ngx_uint_t by,
    const ngx_str_t *name, ngx_http_gateway_consumer_t **consumer)
{
    int                             found;
    ngx_int_t                       rc;
    gateway_store_t                *store;
    gateway_store_consumer_t        record;
    ngx_http_gateway_main_conf_t   *gmcf;
    ngx_http_gateway_store_conf_t  *scf;

    *consumer = NULL;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    scf = gmcf->store;

    if (scf == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_gateway_store_ready(scf, r->connection->log);

    if (rc != NGX_OK) {
        return rc;
    }

    store = &ngx_http_gateway_store.store;

    if (store->counts.consumers == 0) {
        return NGX_DECLINED;
    }

    if (gateway_store_begin(store) != GATEWAY_STORE_OK) {
        return ngx_http_gateway_store_failed(scf, r->connection->log);
    }

    found = ngx_http_gateway_store_search(store, scf, by, name, &record);

    if (found == GATEWAY_STORE_ERROR) {
        return ngx_http_gateway_store_failed(scf, r->connection->log);
    }

    rc = NGX_DECLINED;

    /* whom the configuration has goes by the names it says */

    if (found == GATEWAY_STORE_OK
        && ngx_http_gateway_store_configured(scf, record.id) == NULL)
    {
        *consumer = ngx_http_gateway_store_make(r, &record);
        rc = *consumer ? NGX_OK : NGX_ERROR;
    }

    gateway_store_end(store);

    return rc;
}


/* in the order in which the configuration is searched */

static int
ngx_http_gateway_store_search(gateway_store_t *store,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t by, const ngx_str_t *name,
    gateway_store_consumer_t *record)
{
    int                    found;
    char                  *data;
    uint8_t                id[16];
    gateway_digest_key_t  *key;

    found = GATEWAY_STORE_NONE;
    data = (char *) name->data;
    key = ngx_http_gateway_memo_key(scf->memo);

    if ((by & NGX_HTTP_GATEWAY_BY_ID)
        && gateway_uuid_parse(id, data, name->len) == 0)
    {
        found = gateway_store_consumer(store, id, record);
    }

    if (found == GATEWAY_STORE_NONE && (by & NGX_HTTP_GATEWAY_BY_USERNAME)) {

        found = gateway_store_consumer_by(store, GATEWAY_STORE_USERNAME, key,
                                          data, name->len, record);

        if (found == GATEWAY_STORE_NONE) {
            gateway_uuid_entity(id, "consumers", data, name->len);
            found = gateway_store_consumer(store, id, record);

            if (found == GATEWAY_STORE_OK
                && (record->username.len != name->len
                    || ngx_memcmp(record->username.data, data, name->len)
                       != 0))
            {
                found = GATEWAY_STORE_NONE;
            }
        }
    }

    if (found == GATEWAY_STORE_NONE && (by & NGX_HTTP_GATEWAY_BY_CUSTOM_ID)) {
        found = gateway_store_consumer_by(store, GATEWAY_STORE_CUSTOM, key,
                                          data, name->len, record);
    }

    return found;
}


/*
 * NGX_OK: open, with the counts of what was committed last; NGX_DECLINED:
 * there is none; NGX_ERROR.
 */

static ngx_int_t
ngx_http_gateway_store_ready(ngx_http_gateway_store_conf_t *scf,
    ngx_log_t *log)
{
    ngx_int_t  rc;

    if (ngx_http_gateway_store.conf != scf
        || ngx_http_gateway_store.pid != ngx_pid
        || ngx_current_msec - ngx_http_gateway_store.checked
           >= NGX_HTTP_GATEWAY_STORE_CHECK)
    {
        rc = ngx_http_gateway_store_check(scf, log);

        if (rc != NGX_OK) {
            return rc;
        }

    } else if (ngx_http_gateway_store.store.env == NULL) {
        return ngx_http_gateway_store.failed ? NGX_ERROR : NGX_DECLINED;
    }

    if (gateway_store_refresh(&ngx_http_gateway_store.store)
        != GATEWAY_STORE_OK)
    {
        return ngx_http_gateway_store_failed(scf, log);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_store_check(ngx_http_gateway_store_conf_t *scf,
    ngx_log_t *log)
{
    int               rc;
    gateway_store_t  *store;

    store = &ngx_http_gateway_store.store;

    /* what a parent had open is not ours to close */

    if (ngx_http_gateway_store.pid != ngx_pid) {
        ngx_memzero(&ngx_http_gateway_store, sizeof(ngx_http_gateway_store));
        ngx_http_gateway_store.pid = ngx_pid;

    } else if (ngx_http_gateway_store.conf != scf) {
        gateway_store_close(store);
        ngx_http_gateway_store.failed = 0;
    }

    ngx_http_gateway_store.conf = scf;
    ngx_http_gateway_store.checked = ngx_current_msec;

    if (store->env) {
        rc = gateway_store_verify(store, (char *) scf->directory.data);

        if (rc == GATEWAY_STORE_OK) {
            return NGX_OK;
        }

        gateway_store_close(store);

        if (rc == GATEWAY_STORE_ERROR) {
            return ngx_http_gateway_store_failed(scf, log);
        }
    }

    rc = gateway_store_open(store, (char *) scf->directory.data,
                            ngx_http_gateway_memo_key(scf->memo));

    if (rc == GATEWAY_STORE_ERROR) {
        return ngx_http_gateway_store_failed(scf, log);
    }

    if (ngx_http_gateway_store.failed) {
        ngx_http_gateway_store.failed = 0;
        ngx_http_gateway_store.logged = 0;

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "credential store in \"%V\" is %s", &scf->directory,
                      rc == GATEWAY_STORE_OK ? "readable again" : "gone");
    }

    return rc == GATEWAY_STORE_OK ? NGX_OK : NGX_DECLINED;
}


/* closes it: the next check tries again */

static ngx_int_t
ngx_http_gateway_store_failed(ngx_http_gateway_store_conf_t *scf,
    ngx_log_t *log)
{
    if (ngx_http_gateway_store.logged == 0
        || ngx_time() - ngx_http_gateway_store.logged
           >= NGX_HTTP_GATEWAY_STORE_REPEAT)
    {
        ngx_http_gateway_store.logged = ngx_time();

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "credential store in \"%V\": %s; requests that need it "
                      "fail", &scf->directory,
                      ngx_http_gateway_store.store.error);
    }

    ngx_http_gateway_store.failed = 1;
    gateway_store_close(&ngx_http_gateway_store.store);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_store_read(ngx_http_request_t *r,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t kind,
    const u_char *digest, ngx_http_gateway_stored_t **stored)
{
    int                         found;
    ngx_int_t                   rc;
    gateway_store_t            *store;
    gateway_store_credential_t  record;

    store = &ngx_http_gateway_store.store;

    if (gateway_store_begin(store) != GATEWAY_STORE_OK) {
        return ngx_http_gateway_store_failed(scf, r->connection->log);
    }

    found = gateway_store_find(store, kind, digest, &record);

    if (found == GATEWAY_STORE_ERROR) {
        return ngx_http_gateway_store_failed(scf, r->connection->log);
    }

    rc = NGX_DECLINED;

    if (found == GATEWAY_STORE_OK) {

        if (record.state != GATEWAY_STORE_ADDED) {
            rc = NGX_ABORT;

        } else if (record.expires == 0 || record.expires > ngx_time()) {
            rc = ngx_http_gateway_store_copy(r, scf, kind, digest, &record,
                                             stored);
        }
    }

    /* a failure has closed it */

    if (store->env) {
        gateway_store_end(store);
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_store_copy(ngx_http_request_t *r,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t kind,
    const u_char *digest, gateway_store_credential_t *record,
    ngx_http_gateway_stored_t **stored)
{
    u_char                       *p;
    ngx_int_t                     rc;
    gateway_store_consumer_t      owner;
    ngx_http_gateway_stored_t    *s;
    ngx_http_gateway_consumer_t  *consumer;

    consumer = ngx_http_gateway_store_configured(scf, record->consumer);

    if (consumer == NULL) {

        switch (gateway_store_consumer(&ngx_http_gateway_store.store,
                                       record->consumer, &owner))
        {

        case GATEWAY_STORE_OK:
            break;

        case GATEWAY_STORE_NONE:

            /* of a consumer that the configuration had once */

            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "credential store: a credential belongs to a "
                          "consumer that does not exist any more");
            return NGX_DECLINED;

        default:
            return ngx_http_gateway_store_failed(scf, r->connection->log);
        }

        consumer = ngx_http_gateway_store_make(r, &owner);
        if (consumer == NULL) {
            return NGX_ERROR;
        }
    }

    s = ngx_palloc(r->pool, sizeof(ngx_http_gateway_stored_t)
                            + GATEWAY_UUID_LEN + record->name.len
                            + record->algorithm.len);
    if (s == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) s + sizeof(ngx_http_gateway_stored_t);

    s->credential.consumer = consumer;
    s->credential.id.len = GATEWAY_UUID_LEN;
    s->credential.id.data = p;

    gateway_uuid_format((char *) p, record->id);
    p += GATEWAY_UUID_LEN;

    ngx_http_gateway_store_put(&s->credential.identifier, &p, record->name);
    ngx_http_gateway_store_put(&s->algorithm, &p, record->algorithm);

    if (kind == GATEWAY_STORE_KEY) {
        s->credential.identifier = s->credential.id;
    }

    rc = ngx_http_gateway_store_secret(r, scf, kind, digest, record, s);

    if (rc != NGX_OK) {
        return rc;
    }

    *stored = s;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_store_secret(ngx_http_request_t *r,
    ngx_http_gateway_store_conf_t *scf, ngx_uint_t kind,
    const u_char *digest, gateway_store_credential_t *record,
    ngx_http_gateway_stored_t *stored)
{
    gateway_store_text_t  *secret;

    secret = &record->secret;
    ngx_str_null(&stored->secret);

    if (secret->len == 0) {
        return NGX_OK;
    }

    stored->secret.data = ngx_pnalloc(r->pool, secret->len);
    if (stored->secret.data == NULL) {
        return NGX_ERROR;
    }

    if (kind != GATEWAY_STORE_HMAC
        && !(kind == GATEWAY_STORE_JWT && stored->algorithm.len
             && stored->algorithm.data[0] == 'H'))
    {
        stored->secret.len = secret->len;
        ngx_memcpy(stored->secret.data, secret->data, secret->len);

        return NGX_OK;
    }

    if (gateway_store_unseal(ngx_http_gateway_memo_key(scf->memo),
                             (unsigned) kind, digest,
                             (const unsigned char *) secret->data,
                             secret->len, (char *) stored->secret.data)
        != 0)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "credential store in \"%V\": the secret of credential "
                      "\"%V\" cannot be decrypted", &scf->directory,
                      &stored->credential.id);
        return NGX_ERROR;
    }

    stored->secret.len = secret->len - GATEWAY_STORE_SEAL;

    return NGX_OK;
}


static ngx_http_gateway_consumer_t *
ngx_http_gateway_store_configured(ngx_http_gateway_store_conf_t *scf,
    const uint8_t *id)
{
    uint32_t                        hash;
    ngx_uint_t                      i;
    ngx_http_gateway_store_slot_t  *slot;

    if (scf->slots == NULL) {
        return NULL;
    }

    /* ids are made of digests, or random */

    ngx_memcpy(&hash, id, sizeof(uint32_t));

    for (i = hash; /* void */ ; i++) {
        slot = &scf->slots[i & scf->mask];

        if (slot->consumer == NULL || ngx_memcmp(slot->id, id, 16) == 0) {
            return slot->consumer;
        }
    }
}


static ngx_http_gateway_consumer_t *
ngx_http_gateway_store_make(ngx_http_request_t *r,
    gateway_store_consumer_t *record)
{
    u_char                       *p;
    ngx_http_gateway_consumer_t  *consumer;

    consumer = ngx_palloc(r->pool, sizeof(ngx_http_gateway_consumer_t)
                                   + GATEWAY_UUID_LEN + record->username.len
                                   + record->custom_id.len + record->acls.len);
    if (consumer == NULL) {
        return NULL;
    }

    ngx_memzero(consumer, sizeof(ngx_http_gateway_consumer_t));

    /* without a number it is none of the configuration's */

    p = (u_char *) consumer + sizeof(ngx_http_gateway_consumer_t);

    consumer->id.len = GATEWAY_UUID_LEN;
    consumer->id.data = p;

    gateway_uuid_format((char *) p, record->id);
    p += GATEWAY_UUID_LEN;

    ngx_http_gateway_store_put(&consumer->username, &p, record->username);
    ngx_http_gateway_store_put(&consumer->custom_id, &p, record->custom_id);

    consumer->name = consumer->username.len ? consumer->username
                                            : consumer->id;

    if (record->acls.len) {
        consumer->stored_groups = ngx_http_gateway_store_list(r, record->acls,
                                                              &p);
        if (consumer->stored_groups == NULL) {
            return NULL;
        }
    }

    if (record->groups.len
        && ngx_http_gateway_store_groups(r, consumer, record->groups)
           != NGX_OK)
    {
        return NULL;
    }

    return consumer;
}


/* consumer groups are the configuration's: others have no effect */

static ngx_int_t
ngx_http_gateway_store_groups(ngx_http_request_t *r,
    ngx_http_gateway_consumer_t *consumer, gateway_store_text_t list)
{
    ngx_str_t                       name;
    gateway_store_text_t            text;
    ngx_http_gateway_group_t       *group, **p;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    while (gateway_store_next(&list, &text)) {

        name.data = (u_char *) (uintptr_t) text.data;
        name.len = text.len;

        group = ngx_http_gateway_find_group(gmcf, &name);

        if (group == NULL) {
            continue;
        }

        if (consumer->groups == NULL) {
            consumer->groups = ngx_array_create(r->pool, 4, sizeof(void *));
            if (consumer->groups == NULL) {
                return NGX_ERROR;
            }
        }

        p = ngx_array_push(consumer->groups);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *p = group;
    }

    return consumer->groups ? ngx_http_gateway_group_names(r->pool, consumer)
                            : NGX_OK;
}


static ngx_array_t *
ngx_http_gateway_store_list(ngx_http_request_t *r, gateway_store_text_t list,
    u_char **p)
{
    ngx_str_t             *s;
    ngx_array_t           *array;
    gateway_store_text_t   text;

    array = ngx_array_create(r->pool, 4, sizeof(ngx_str_t));
    if (array == NULL) {
        return NULL;
    }

    while (gateway_store_next(&list, &text)) {
        s = ngx_array_push(array);
        if (s == NULL) {
            return NULL;
        }

        ngx_http_gateway_store_put(s, p, text);
    }

    return array;
}


static void
ngx_http_gateway_store_put(ngx_str_t *s, u_char **p,
    gateway_store_text_t text)
{
    s->data = *p;
    s->len = text.len;

    *p = ngx_cpymem(*p, text.data, text.len);
}


ngx_http_gateway_store_conf_t *
ngx_http_gateway_store_create(ngx_conf_t *cf, ngx_str_t *directory)
{
    ngx_http_gateway_store_conf_t  *scf;

    scf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_store_conf_t));
    if (scf == NULL) {
        return NULL;
    }

    scf->directory = *directory;

    if (ngx_conf_full_name(cf->cycle, &scf->directory, 0) != NGX_OK) {
        return NULL;
    }

    return scf;
}


ngx_int_t
ngx_http_gateway_store_init(ngx_conf_t *cf,
    ngx_http_gateway_store_conf_t *scf)
{
    uint8_t                         id[16];
    uint32_t                        hash;
    ngx_uint_t                      i, k, n;
    ngx_http_gateway_consumer_t   **consumers;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    scf->memo = ngx_http_gateway_memo_create(cf, GATEWAY_STORE_PURPOSE,
                                             NGX_HTTP_GATEWAY_STORE_MEMO);
    if (scf->memo == NULL) {
        return NGX_ERROR;
    }

    if (gmcf->consumers.nelts == 0) {
        return NGX_OK;
    }

    for (n = 16; n < gmcf->consumers.nelts * 2; n *= 2) { /* void */ }

    scf->slots = ngx_pcalloc(cf->pool,
                             n * sizeof(ngx_http_gateway_store_slot_t));
    if (scf->slots == NULL) {
        return NGX_ERROR;
    }

    scf->mask = n - 1;
    consumers = gmcf->consumers.elts;

    for (i = 0; i < gmcf->consumers.nelts; i++) {

        if (gateway_uuid_parse(id, (char *) consumers[i]->id.data,
                               consumers[i]->id.len)
            != 0)
        {
            continue;
        }

        ngx_memcpy(&hash, id, sizeof(uint32_t));

        for (k = hash & scf->mask;
             scf->slots[k].consumer;
             k = (k + 1) & scf->mask)
        {
            /* void */
        }

        ngx_memcpy(scf->slots[k].id, id, 16);
        scf->slots[k].consumer = consumers[i];
    }

    return NGX_OK;
}


/*
 * Workers are of another user when the master is root.  They read the store
 * and announce in its lock file that they do; who writes is up to the owner.
 * So both files are given to their group, and the directory's group bit has
 * it given to files that come later.
 */

void
ngx_http_gateway_store_prepare(ngx_cycle_t *cycle,
    ngx_http_gateway_store_conf_t *scf)
{
    u_char           name[NGX_MAX_PATH];
    ngx_core_conf_t  *ccf;
    gateway_store_t   store;

    if (ngx_test_config) {
        return;
    }

    if (geteuid() == 0
        && ngx_create_dir(scf->directory.data, 0750) == NGX_FILE_ERROR
        && ngx_errno != NGX_EEXIST)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      ngx_create_dir_n " \"%V\" failed", &scf->directory);
        return;
    }

    /* makes the lock file, if that is missing */

    if (gateway_store_open(&store, (char *) scf->directory.data,
                           ngx_http_gateway_memo_key(scf->memo))
        == GATEWAY_STORE_ERROR)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "credential store in \"%V\": %s; requests that need it "
                      "will fail", &scf->directory, store.error);
    }

    gateway_store_close(&store);

    if (geteuid() != 0) {
        return;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    ngx_http_gateway_store_share(cycle, scf->directory.data, ccf->group,
                                 S_ISGID|0750);

    (void) ngx_snprintf(name, NGX_MAX_PATH, "%V/" GATEWAY_STORE_FILE "%Z",
                        &scf->directory);
    ngx_http_gateway_store_share(cycle, name, ccf->group, 0640);

    (void) ngx_snprintf(name, NGX_MAX_PATH, "%V/" GATEWAY_STORE_FILE "-lock%Z",
                        &scf->directory);
    ngx_http_gateway_store_share(cycle, name, ccf->group, 0660);
}


static void
ngx_http_gateway_store_share(ngx_cycle_t *cycle, u_char *name,
    ngx_gid_t group, mode_t mode)
{
    struct stat  st;

    if (lstat((char *) name, &st) == -1) {
        return;
    }

    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        return;
    }

    if (st.st_gid == group && (st.st_mode & 07777) == mode) {
        return;
    }

    if (lchown((char *) name, (uid_t) -1, group) == -1
        || chmod((char *) name, mode) == -1)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "cannot share \"%s\" with the group of the workers",
                      name);
    }
}


void
ngx_http_gateway_store_init_process(ngx_cycle_t *cycle,
    ngx_http_gateway_store_conf_t *scf)
{
    (void) ngx_http_gateway_store_check(scf, cycle->log);
}


/* frees the place among the readers */

void
ngx_http_gateway_store_exit_process(void)
{
    if (ngx_http_gateway_store.pid == ngx_pid) {
        gateway_store_close(&ngx_http_gateway_store.store);
    }
}
