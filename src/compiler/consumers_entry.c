/*
 * Copyright (C) the ngx_gateway authors
 *
 * A consumer with its credentials, checked, as records of the store.
 */

#include "consumers.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "schema.h"

#include "gateway_password.h"
#include "gateway_uuid.h"

/* Kong's limit of "ttl", in seconds */
#define GWC_ENTRY_TTL 100000000

static const char *const gwc_entry_algorithms[] = {
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256",
    "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"
};

#define GWC_ENTRY_ALGORITHMS                                                  \
    (sizeof(gwc_entry_algorithms) / sizeof(gwc_entry_algorithms[0]))


void
gwc_entry_reset(gwc_entry_t *entry, unsigned line)
{
    gwc_entry_credential_t *credentials = entry->credentials;
    gwc_buf_t tags = entry->tags.encoded;
    gwc_buf_t acls = entry->acls.encoded;
    gwc_buf_t groups = entry->groups.encoded;
    size_t room = entry->room;

    memset(entry, 0, sizeof(gwc_entry_t));

    entry->line = line;
    entry->credentials = credentials;
    entry->room = room;
    entry->tags.encoded = tags;
    entry->tags.encoded.len = 0;
    entry->acls.encoded = acls;
    entry->acls.encoded.len = 0;
    entry->groups.encoded = groups;
    entry->groups.encoded.len = 0;
}


gwc_entry_credential_t *
gwc_entry_add(gwc_entry_t *entry, unsigned kind)
{
    gwc_entry_credential_t *credential;

    if (entry->n == entry->room) {
        size_t room = entry->room == 0 ? 8 : entry->room * 2;

        credential = gwc_alloc_array(room, sizeof(gwc_entry_credential_t));

        if (entry->n != 0) {
            memcpy(credential, entry->credentials,
                   entry->n * sizeof(gwc_entry_credential_t));
        }

        entry->credentials = credential;
        entry->room = room;
    }

    credential = &entry->credentials[entry->n++];
    memset(credential, 0, sizeof(gwc_entry_credential_t));
    credential->kind = kind;

    return credential;
}


/* what becomes a header of requests */
static bool
gwc_entry_printable(gwc_text_t text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char) text.data[i];

        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }

    return text.len != 0;
}


bool
gwc_entry_list_add(gwc_entry_list_t *list, gwc_text_t text)
{
    unsigned char len[2];

    list->set = true;

    if (!gwc_entry_printable(text)
        || list->encoded.len + text.len > GATEWAY_STORE_TEXT_MAX - 2)
    {
        return false;
    }

    len[0] = (unsigned char) (text.len >> 8);
    len[1] = (unsigned char) (text.len & 0xff);
    gwc_buf_add(&list->encoded, len, 2);
    gwc_buf_add(&list->encoded, text.data, text.len);

    return true;
}


static gateway_store_text_t
gwc_entry_text(gwc_text_t text)
{
    return (gateway_store_text_t){ text.data, text.len };
}


static gateway_store_text_t
gwc_entry_encoded(const gwc_entry_list_t *list)
{
    return (gateway_store_text_t){ list->encoded.data, list->encoded.len };
}


static bool
gwc_entry_check_field(gwc_consumers_t *c, const gwc_entry_t *entry,
                      const char *name, gwc_text_t text)
{
    if (text.data == NULL || gwc_entry_printable(text)) {
        if (text.len <= GATEWAY_STORE_TEXT_MAX) {
            return true;
        }
    }

    gwc_store_error(&c->store, entry->line,
                    "\"%s\" is empty, too long or has control characters",
                    name);

    return false;
}


/* of the file's layer: only credentials are added to it */
static bool
gwc_entry_check_layered(gwc_consumers_t *c, const gwc_entry_t *entry,
                        const gwc_layer_consumer_t *layered)
{
    if (entry->tags.set || entry->acls.set || entry->groups.set
        || (entry->custom_id.data != NULL
            && !gwc_text_equal(entry->custom_id, layered->custom_id))
        || (entry->username.data != NULL
            && !gwc_text_equal(entry->username, layered->username)))
    {
        gwc_store_error(&c->store, entry->line,
                        "consumer %s is in the file, which says its names, "
                        "tags and groups: only credentials can be added",
                        gwc_quoted(layered->username.len
                                       ? layered->username
                                       : layered->custom_id));
        return false;
    }

    return true;
}


/* sets c->id, and *layered if it is the file's; false after an error */
static bool
gwc_entry_identify(gwc_consumers_t *c, const gwc_entry_t *entry,
                   const gwc_layer_consumer_t **layered,
                   gwc_store_result_t *result)
{
    const gwc_layer_consumer_t *by_name = NULL;
    gateway_store_consumer_t found;

    *layered = NULL;
    *result = GWC_STORE_DONE;

    if (entry->id.data != NULL
        && gateway_uuid_parse(c->id, entry->id.data, entry->id.len) != 0)
    {
        gwc_store_error(&c->store, entry->line, "\"id\" is no UUID");
        return false;
    }

    if (entry->username.data != NULL) {
        by_name = gwc_map_get(c->layer.by_username, entry->username);
    }

    if (by_name == NULL && entry->custom_id.data != NULL) {
        by_name = gwc_map_get(c->layer.by_custom_id, entry->custom_id);
    }

    if (entry->id.data != NULL) {
        *layered = gwc_map_get(c->layer.by_id,
                               (gwc_text_t){ (const char *) c->id, 16 });

        if (by_name != NULL && by_name != *layered) {
            gwc_store_error(&c->store, entry->line,
                            "the file has another consumer of this name");
            return false;
        }

        return true;
    }

    if (by_name != NULL) {
        *layered = by_name;
        memcpy(c->id, by_name->id, 16);
        return true;
    }

    if (entry->username.data != NULL) {
        *result = gwc_store_consumer_id(&c->store, c->id, entry->username);
        return *result == GWC_STORE_DONE;
    }

    if (entry->custom_id.data == NULL) {
        gwc_store_error(&c->store, entry->line,
                        "a consumer needs a \"username\" or a \"custom_id\"");
        return false;
    }

    switch (gwc_store_find_consumer(&c->store, entry->custom_id, &found)) {

    case GATEWAY_STORE_OK:
        memcpy(c->id, found.id, 16);
        return true;

    case GATEWAY_STORE_NONE:
        /* not the namespace of usernames */
        gateway_uuid_entity(c->id, "consumers:custom_id",
                            entry->custom_id.data, entry->custom_id.len);
        return true;

    default:
        *result = GWC_STORE_FAILED;
        return false;
    }
}


static gwc_store_result_t
gwc_entry_put_consumer(gwc_consumers_t *c, const gwc_entry_t *entry)
{
    gateway_store_consumer_t consumer, former;
    int rc = GATEWAY_STORE_NONE;

    memset(&consumer, 0, sizeof(consumer));
    memset(&former, 0, sizeof(former));

    if (c->store.counts.consumers != 0) {
        rc = gwc_store_get_consumer(&c->store, c->id, &former);
    }

    if (rc == GATEWAY_STORE_ERROR) {
        return GWC_STORE_FAILED;
    }

    memcpy(consumer.id, c->id, 16);
    consumer.created = entry->created_at ? entry->created_at : c->now;

    if (rc == GATEWAY_STORE_OK) {
        if (c->merge) {
            consumer = former;
        }

        if (!entry->created_at) {
            consumer.created = former.created;
        }

    } else if (entry->username.data == NULL && entry->custom_id.data == NULL) {
        gwc_store_error(&c->store, entry->line,
                        "a consumer needs a \"username\" or a \"custom_id\"");
        return GWC_STORE_DONE;
    }

    if (entry->username.data != NULL) {
        consumer.username = gwc_entry_text(entry->username);
    }

    if (entry->custom_id.data != NULL) {
        consumer.custom_id = gwc_entry_text(entry->custom_id);
    }

    if (entry->tags.set) {
        consumer.tags = gwc_entry_encoded(&entry->tags);
    }

    if (entry->acls.set) {
        consumer.acls = gwc_entry_encoded(&entry->acls);
    }

    if (entry->groups.set) {
        consumer.groups = gwc_entry_encoded(&entry->groups);
    }

    return gwc_store_put_consumer(&c->store, &consumer, entry->line);
}


/* instead of asking at the terminal */
static int
gwc_entry_no_password(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return 0;
}


static bool
gwc_entry_is_public_key(gwc_text_t pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int) pem.len);
    EVP_PKEY *key;

    if (bio == NULL) {
        return false;
    }

    key = PEM_read_bio_PUBKEY(bio, NULL, gwc_entry_no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();

    if (key == NULL) {
        return false;
    }

    EVP_PKEY_free(key);

    return true;
}


/* what is wrong with it, or NULL */
static const char *
gwc_entry_check_jwt(gwc_entry_credential_t *credential)
{
    size_t i;

    if (credential->algorithm.data == NULL) {
        credential->algorithm = GWC_TEXT("HS256");
    }

    for (i = 0; i < GWC_ENTRY_ALGORITHMS; i++) {
        if (gwc_text_is(credential->algorithm, gwc_entry_algorithms[i])) {
            break;
        }
    }

    if (i == GWC_ENTRY_ALGORITHMS) {
        return "\"algorithm\" is none of HS256, HS384, HS512, RS256, RS384, "
               "RS512, ES256, ES384, ES512, PS256, PS384, PS512 and EdDSA";
    }

    if (credential->algorithm.data[0] == 'H') {
        return credential->secret.len ? NULL : "\"secret\" is missing";
    }

    if (credential->public_key.data == NULL) {
        return "\"rsa_public_key\" is missing, which this algorithm needs";
    }

    return gwc_entry_is_public_key(credential->public_key)
               ? NULL
               : "\"rsa_public_key\" is no public key in PEM";
}


static const char *
gwc_entry_check_password(const gwc_entry_credential_t *credential)
{
    const char *why;

    if (credential->hash.data == NULL) {
        return credential->secret.len ? NULL : "\"password\" is missing";
    }

    if (credential->secret.data != NULL) {
        return "\"password\" and \"password_hash\": one of them has to go";
    }

    return gateway_password_kind(credential->hash.data, credential->hash.len,
                                 &why)
                   == GATEWAY_PASSWORD_UNKNOWN
               ? gwc_sprintf("\"password_hash\" %s", why)
               : NULL;
}


static const char *
gwc_entry_check_credential(gwc_entry_credential_t *credential)
{
    if (credential->name.len == 0) {
        return credential->kind == GATEWAY_STORE_KEY
                       || credential->kind == GATEWAY_STORE_JWT
                   ? "\"key\" is missing or empty"
                   : "\"username\" is missing or empty";
    }

    if (credential->kind != GATEWAY_STORE_KEY
        && !gwc_entry_printable(credential->name))
    {
        return "the name of the credential has control characters";
    }

    if (credential->name.len > GATEWAY_STORE_TEXT_MAX
        || credential->secret.len > GATEWAY_STORE_TEXT_MAX / 2
        || credential->public_key.len > GATEWAY_STORE_TEXT_MAX)
    {
        return "a value is too long";
    }

    if (credential->ttl < 0 || credential->ttl > GWC_ENTRY_TTL) {
        return "\"ttl\" is not from 1 to 100000000 seconds";
    }

    switch (credential->kind) {

    case GATEWAY_STORE_BASIC:
        return gwc_entry_check_password(credential);

    case GATEWAY_STORE_HMAC:
        return credential->secret.len ? NULL : "\"secret\" is missing";

    case GATEWAY_STORE_JWT:
        return gwc_entry_check_jwt(credential);

    default:
        return NULL;
    }
}


/*
 * Of a key nothing may be told, so its id comes from the digest; the others'
 * are those of the declarative format.
 */
static bool
gwc_entry_credential_id(const gwc_consumers_t *c,
                        const gwc_entry_credential_t *credential,
                        const unsigned char *digest, uint8_t id[16])
{
    unsigned char bytes[GATEWAY_DIGEST_LEN];

    if (credential->id.data != NULL) {
        return gateway_uuid_parse(id, credential->id.data, credential->id.len)
               == 0;
    }

    if (credential->kind != GATEWAY_STORE_KEY) {
        gateway_uuid_entity(id, gwc_store_entities[credential->kind],
                            credential->name.data, credential->name.len);
        return true;
    }

    gateway_store_name(c->store.names, 'I', (const char *) digest,
                       GATEWAY_DIGEST_LEN, bytes);
    memcpy(id, bytes, 16);

    /* RFC 9562: version 8, made in a way of its own */
    id[6] = (uint8_t) ((id[6] & 0x0f) | 0x80);
    id[8] = (uint8_t) ((id[8] & 0x3f) | 0x80);

    return true;
}


/*
 * Plain passwords become digests, as in the files that "compile" writes; a
 * hash stays what it is.  out has room for the digits of a digest.
 */
static gateway_store_text_t
gwc_entry_password(const gwc_consumers_t *c,
                   const gwc_entry_credential_t *credential,
                   const uint8_t id[16], char *out)
{
    unsigned char digest[GATEWAY_DIGEST_LEN];
    char text[GATEWAY_UUID_LEN];
    gateway_digest_t hmac;

    if (credential->hash.data != NULL) {
        return gwc_entry_text(credential->hash);
    }

    gateway_uuid_format(text, id);
    gateway_digest_init(&hmac, c->store.passwords);
    gateway_digest_update(&hmac, text, sizeof(text));
    gateway_digest_update(&hmac, credential->secret.data,
                          credential->secret.len);
    gateway_digest_final(&hmac, digest);
    gateway_digest_hex(out, digest);

    return (gateway_store_text_t){ out, 2 * GATEWAY_DIGEST_LEN };
}


/* what the store keeps of the secret; an error is told */
static bool
gwc_entry_secret(gwc_consumers_t *c, const gwc_entry_t *entry,
                 const gwc_entry_credential_t *credential,
                 const unsigned char *digest,
                 gateway_store_credential_t *record)
{
    static unsigned char sealed[GATEWAY_STORE_TEXT_MAX];

    switch (credential->kind) {

    case GATEWAY_STORE_BASIC:
        record->secret =
            gwc_entry_password(c, credential, record->id, (char *) sealed);
        return true;

    case GATEWAY_STORE_JWT:
        record->algorithm = gwc_entry_text(credential->algorithm);

        if (credential->algorithm.data[0] != 'H') {
            record->secret = gwc_entry_text(credential->public_key);
            return true;
        }

        break;

    case GATEWAY_STORE_HMAC:
        break;

    default:
        return true;
    }

    if (gateway_store_seal(c->store.names, credential->kind, digest,
                           credential->secret.data, credential->secret.len,
                           sealed)
        != 0)
    {
        gwc_store_error(&c->store, entry->line, "OpenSSL cannot encrypt");
        return false;
    }

    record->secret.data = (const char *) sealed;
    record->secret.len = credential->secret.len + GATEWAY_STORE_SEAL;

    return true;
}


/* the same credential again is as old as it was; false after an error */
static bool
gwc_entry_known_since(gwc_consumers_t *c, unsigned kind,
                      const unsigned char *digest, int64_t *created)
{
    gateway_store_credential_t former;
    int rc;

    if (c->store.counts.added[kind] == 0) {
        return true;
    }

    rc = gwc_store_get_credential(&c->store, kind, digest, &former);

    if (rc == GATEWAY_STORE_OK && former.state == GATEWAY_STORE_ADDED) {
        *created = former.created;
    }

    return rc != GATEWAY_STORE_ERROR;
}


static gwc_store_result_t
gwc_entry_put_credential(gwc_consumers_t *c, const gwc_entry_t *entry,
                         gwc_entry_credential_t *credential)
{
    unsigned char digest[GATEWAY_DIGEST_LEN];
    gateway_store_credential_t record;
    const char *wrong;

    wrong = gwc_entry_check_credential(credential);

    if (wrong != NULL) {
        gwc_store_error(&c->store, entry->line, "%s: %s",
                        gwc_store_entities[credential->kind], wrong);
        return GWC_STORE_DONE;
    }

    if (credential->kind == GATEWAY_STORE_KEY) {
        gateway_digest(c->store.keys, credential->name.data,
                       credential->name.len, digest);

    } else {
        gateway_store_name(c->store.names, (unsigned char) credential->kind,
                           credential->name.data, credential->name.len,
                           digest);
    }

    memset(&record, 0, sizeof(record));
    memcpy(record.consumer, c->id, 16);
    record.created = credential->created_at ? credential->created_at : c->now;
    record.expires = credential->ttl ? record.created + credential->ttl : 0;

    if (!credential->ttl && !credential->created_at
        && !gwc_entry_known_since(c, credential->kind, digest,
                                  &record.created))
    {
        return GWC_STORE_FAILED;
    }

    if (!gwc_entry_credential_id(c, credential, digest, record.id)) {
        gwc_store_error(&c->store, entry->line, "%s: \"id\" is no UUID",
                        gwc_store_entities[credential->kind]);
        return GWC_STORE_DONE;
    }

    if (credential->kind != GATEWAY_STORE_KEY) {
        record.name = gwc_entry_text(credential->name);
    }

    if (!gwc_entry_secret(c, entry, credential, digest, &record)) {
        return GWC_STORE_DONE;
    }

    c->credentials++;

    return gwc_store_put_credential(&c->store, credential->kind, digest,
                                    &record, entry->line);
}


gwc_store_result_t
gwc_entry_put(gwc_consumers_t *c, gwc_entry_t *entry)
{
    const gwc_layer_consumer_t *layered;
    gwc_store_result_t result;
    size_t i;

    if (!gwc_entry_check_field(c, entry, "username", entry->username)
        || !gwc_entry_check_field(c, entry, "custom_id", entry->custom_id))
    {
        return GWC_STORE_DONE;
    }

    if (!gwc_entry_identify(c, entry, &layered, &result)) {
        return result;
    }

    c->consumers++;

    if (layered == NULL) {
        result = gwc_entry_put_consumer(c, entry);

    } else if (!gwc_entry_check_layered(c, entry, layered)) {
        return GWC_STORE_DONE;
    }

    for (i = 0; i < entry->n; i++) {
        if (result == GWC_STORE_FULL || result == GWC_STORE_FAILED) {
            return result;
        }

        result = gwc_entry_put_credential(c, entry, &entry->credentials[i]);
    }

    return result;
}
