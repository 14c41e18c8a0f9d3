/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command "consumers": adds, revokes and lists consumers and credentials
 * of a gateway while it runs.
 */

#include "consumers.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "diag.h"
#include "json.h"
#include "prefix.h"
#include "schema.h"
#include "secret.h"

#include "gateway_uuid.h"

/* of a key or secret that is made up: 190 bits */
#define GWC_GENERATED 32

#define GWC_SECRET_LINE 4096

enum {
    GWC_CONSUMERS_JSON = 256,
    GWC_CONSUMERS_FORMAT,
    GWC_CONSUMERS_REVOKED,
    GWC_CONSUMERS_ID,
    GWC_CONSUMERS_CUSTOM_ID,
    GWC_CONSUMERS_TAG,
    GWC_CONSUMERS_ACL,
    GWC_CONSUMERS_GROUP,
    GWC_CONSUMERS_KEY,
    GWC_CONSUMERS_TTL,
    GWC_CONSUMERS_BASIC,
    GWC_CONSUMERS_JWT,
    GWC_CONSUMERS_HMAC,
    GWC_CONSUMERS_ALGORITHM,
    GWC_CONSUMERS_PUBLIC_KEY,
    GWC_CONSUMERS_CREDENTIAL,
    GWC_CONSUMERS_HELP
};

static const struct option gwc_consumers_options[] = {
    { "prefix", required_argument, NULL, 'p' },
    { "json", no_argument, NULL, GWC_CONSUMERS_JSON },
    { "format", required_argument, NULL, GWC_CONSUMERS_FORMAT },
    { "revoked", no_argument, NULL, GWC_CONSUMERS_REVOKED },
    { "id", required_argument, NULL, GWC_CONSUMERS_ID },
    { "custom-id", required_argument, NULL, GWC_CONSUMERS_CUSTOM_ID },
    { "tag", required_argument, NULL, GWC_CONSUMERS_TAG },
    { "acl", required_argument, NULL, GWC_CONSUMERS_ACL },
    { "group", required_argument, NULL, GWC_CONSUMERS_GROUP },
    { "key", optional_argument, NULL, GWC_CONSUMERS_KEY },
    { "ttl", required_argument, NULL, GWC_CONSUMERS_TTL },
    { "basic", required_argument, NULL, GWC_CONSUMERS_BASIC },
    { "jwt", required_argument, NULL, GWC_CONSUMERS_JWT },
    { "hmac", required_argument, NULL, GWC_CONSUMERS_HMAC },
    { "algorithm", required_argument, NULL, GWC_CONSUMERS_ALGORITHM },
    { "public-key", required_argument, NULL, GWC_CONSUMERS_PUBLIC_KEY },
    { "credential", required_argument, NULL, GWC_CONSUMERS_CREDENTIAL },
    { "help", no_argument, NULL, GWC_CONSUMERS_HELP },
    { NULL, 0, NULL, 0 }
};

static const char gwc_consumers_usage[] =
    "usage: ngx-gateway consumers COMMAND [ARGUMENT]... [-p DIR] [OPTION]...\n"
    "\n"
    "Consumers and credentials beside those of the file, in DIR/store.  What\n"
    "changes holds for the nginx that runs in DIR at once, without a reload.\n"
    "\n"
    "  import FILE...             adds consumers with credentials, one a line:\n"
    "                             JSON or CSV; - is standard input\n"
    "  add NAME                   adds or changes one consumer\n"
    "  revoke NAME                the consumer with all credentials; one of\n"
    "                             the file loses the credentials only\n"
    "  revoke --key=KEY | --credential ID | --basic NAME | --jwt KEY |\n"
    "         --hmac NAME         one credential\n"
    "  restore NAME | --key=KEY | ...\n"
    "                             takes back the revocation of credentials\n"
    "                             of the file\n"
    "  list [NAME]                consumers and their credentials\n"
    "\n"
    "  -p DIR                     default: ngx-gateway\n"
    "  --format json|csv          import: default: by the name, or the content\n"
    "  --key[=KEY]                add: a key for key-auth\n"
    "  --ttl SECONDS              add: how long the key is valid\n"
    "  --basic NAME[:PASSWORD]    add: username and password\n"
    "  --jwt KEY[:SECRET]         add: key and secret\n"
    "  --algorithm NAME, --public-key FILE\n"
    "                             add: of --jwt\n"
    "  --hmac NAME[:SECRET]       add: username and secret\n"
    "                             A secret that is left out is made up and\n"
    "                             printed; - reads a line of standard input\n"
    "  --id UUID, --custom-id TEXT, --tag TAG, --acl GROUP, --group NAME\n"
    "                             add: of the consumer\n"
    "  --revoked                  list: revocations only\n"
    "  --json                     list, add: as JSON\n"
    "\n"
    "exit status: 0 done, 1 bad input, 2 bad usage, 3 cannot read or write\n";

typedef struct {
    gwc_consumers_t c;
    gwc_entry_t entry;
    const char *format;
    const char *ttl;
    const char *algorithm;
    const char *public_key;
    const char *credential; /* an id */
    bool json;
    bool revoked;
    bool given;        /* some option of "add" alone */
    gwc_vec_t printed; /* char *: pairs of what was made up and its value */
    size_t found;
} gwc_consumers_run_t;


static int
gwc_consumers_usage_error(const char *what, const char *which)
{
    fprintf(stderr, "ngx-gateway: %s%s, see consumers --help\n", what, which);

    return GWC_EXIT_USAGE;
}


/* the secret is that of the prefix; false after an error */
static bool
gwc_consumers_layer(gwc_consumers_t *c)
{
    c->now = (int64_t) time(NULL);
    c->store.names = gwc_secret_key(GATEWAY_STORE_PURPOSE);
    c->store.keys = gwc_secret_key(gwc_store_entities[GATEWAY_STORE_KEY]);
    c->store.passwords =
        gwc_secret_key(gwc_store_entities[GATEWAY_STORE_BASIC]);

    return c->store.names != NULL && c->store.keys != NULL
           && c->store.passwords != NULL
           && gwc_layer_load(&c->layer, c->prefix, c->store.names,
                             c->store.keys);
}


/* nothing asks for what is stored */
static void
gwc_consumers_check_used(const gwc_consumers_t *c)
{
    const char *path = gwc_sprintf("%s/%s/http.conf", c->prefix,
                                   gwc_prefix_generation(c->prefix));
    gwc_text_t text;

    if (access(path, R_OK) == 0 && gwc_file_read(path, &text)
        && strstr(text.data, "gateway_credential_store ") == NULL)
    {
        gwc_warning(NULL,
                    "the configuration in \"%s\" does not use the "
                    "store: it has no plugin with credentials, or the "
                    "setting \"credential_store\" is off",
                    c->prefix);
    }
}


bool
gwc_consumers_enter(gwc_consumers_t *c, bool lock)
{
    if (!gwc_prefix_enter(c->prefix, lock)) {
        return false;
    }

    gwc_secret_begin(c->prefix);

    if (!gwc_consumers_layer(c) || (lock && !gwc_secret_write(c->prefix))) {
        return false;
    }

    if (lock) {
        gwc_consumers_check_used(c);
    }

    return true;
}


static gwc_store_result_t
gwc_consumers_reconcile_once(gwc_consumers_t *c)
{
    gwc_store_result_t result = gwc_store_begin(&c->store);

    if (result == GWC_STORE_DONE) {
        result = gwc_store_reconcile(&c->store);
    }

    if (result == GWC_STORE_DONE) {
        return gwc_store_commit(&c->store);
    }

    gwc_store_abort(&c->store);

    return result;
}


void
gwc_consumers_reconcile(const char *prefix)
{
    gwc_consumers_t c = { 0 };
    gwc_store_result_t result;
    uint64_t revoked = 0;
    size_t i;

    c.prefix = prefix;
    c.store.names = gwc_secret_key(GATEWAY_STORE_PURPOSE);

    if (!gwc_store_exists(prefix) || c.store.names == NULL
        || !gwc_store_open_read(&c.store, prefix))
    {
        return;
    }

    for (i = 0; i < GATEWAY_STORE_KINDS; i++) {
        revoked += c.store.tree.counts.revoked[i];
    }

    gwc_store_close(&c.store);

    if (revoked == 0 || !gwc_consumers_layer(&c)
        || !gwc_store_open(&c.store, prefix, &c.layer, false, 0))
    {
        return;
    }

    do {
        result = gwc_consumers_reconcile_once(&c);
    } while (result == GWC_STORE_FULL && gwc_store_grow(&c.store));

    gwc_store_close(&c.store);
}


/* letters and digits, each as likely as the others; NULL after an error */
static char *
gwc_consumers_generate(void)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789";
    char *text = gwc_alloc(GWC_GENERATED + 1);
    unsigned char byte;
    size_t n = 0;

    while (n < GWC_GENERATED) {
        if (RAND_bytes(&byte, 1) != 1) {
            gwc_error(NULL, "OpenSSL has no random bytes");
            return NULL;
        }

        if (byte < 4 * 62) {
            text[n++] = digits[byte % 62];
        }
    }

    return text;
}


/* NULL after an error */
static char *
gwc_consumers_stdin(void)
{
    static char line[GWC_SECRET_LINE];
    size_t len;

    if (fgets(line, sizeof(line), stdin) == NULL) {
        gwc_error(NULL, "standard input has no line with the secret");
        return NULL;
    }

    len = strcspn(line, "\r\n");

    if (line[len] == '\0' && len == sizeof(line) - 1) {
        gwc_error(NULL, "the secret is longer than %zu bytes", len - 1);
        return NULL;
    }

    return gwc_strndup(line, len);
}


/* value is given, "-", or NULL: made up; data NULL after an error */
static gwc_text_t
gwc_consumers_secret(gwc_consumers_run_t *run, const char *value,
                     const char *what)
{
    char *text;

    if (value != NULL && strcmp(value, "-") != 0) {
        return (gwc_text_t){ value, strlen(value) };
    }

    text = value != NULL ? gwc_consumers_stdin() : gwc_consumers_generate();

    if (text == NULL) {
        return (gwc_text_t){ NULL, 0 };
    }

    if (value == NULL) {
        gwc_vec_push(&run->printed, (char *) (uintptr_t) what);
        gwc_vec_push(&run->printed, text);
    }

    return (gwc_text_t){ text, strlen(text) };
}


/* NAME:SECRET; the secret is that of "add" only */
static void
gwc_consumers_named(gwc_consumers_run_t *run, unsigned kind, const char *value)
{
    gwc_entry_credential_t *credential = gwc_entry_add(&run->entry, kind);
    const char *name = value == NULL ? "" : value;
    const char *colon = strchr(name, ':');

    credential->name.data = name;
    credential->name.len =
        colon == NULL ? strlen(name) : (size_t) (colon - name);
    credential->secret.data = colon == NULL ? NULL : colon + 1;
}


static bool
gwc_consumers_take(gwc_consumers_run_t *run, int option, const char *value)
{
    gwc_text_t text = { value, value == NULL ? 0 : strlen(value) };

    switch (option) {

    case 'p':
        run->c.prefix = value;
        return true;

    case GWC_CONSUMERS_JSON:
        run->json = true;
        return true;

    case GWC_CONSUMERS_FORMAT:
        run->format = value;
        return true;

    case GWC_CONSUMERS_REVOKED:
        run->revoked = true;
        return true;

    case GWC_CONSUMERS_CREDENTIAL:
        run->credential = value;
        return true;

    case GWC_CONSUMERS_KEY:
        gwc_entry_add(&run->entry, GATEWAY_STORE_KEY)->name = text;
        return true;

    case GWC_CONSUMERS_BASIC:
        gwc_consumers_named(run, GATEWAY_STORE_BASIC, value);
        return true;

    case GWC_CONSUMERS_JWT:
        gwc_consumers_named(run, GATEWAY_STORE_JWT, value);
        return true;

    case GWC_CONSUMERS_HMAC:
        gwc_consumers_named(run, GATEWAY_STORE_HMAC, value);
        return true;

    default:
        break;
    }

    run->given = true;

    switch (option) {

    case GWC_CONSUMERS_ID:
        run->entry.id = text;
        return true;

    case GWC_CONSUMERS_CUSTOM_ID:
        run->entry.custom_id = text;
        return true;

    case GWC_CONSUMERS_TTL:
        run->ttl = value;
        return true;

    case GWC_CONSUMERS_ALGORITHM:
        run->algorithm = value;
        return true;

    case GWC_CONSUMERS_PUBLIC_KEY:
        run->public_key = value;
        return true;

    case GWC_CONSUMERS_TAG:
        return gwc_entry_list_add(&run->entry.tags, text);

    case GWC_CONSUMERS_ACL:
        return gwc_entry_list_add(&run->entry.acls, text);

    case GWC_CONSUMERS_GROUP:
        return gwc_entry_list_add(&run->entry.groups, text);

    default:
        return false;
    }
}


/* what the options say about each credential of "add" */
static int
gwc_consumers_complete(gwc_consumers_run_t *run)
{
    gwc_text_t pem = { NULL, 0 };
    char *end;
    size_t i;

    if (run->public_key != NULL && !gwc_file_read(run->public_key, &pem)) {
        gwc_io_failed();
        return GWC_EXIT_IO;
    }

    for (i = 0; i < run->entry.n; i++) {
        gwc_entry_credential_t *credential = &run->entry.credentials[i];

        switch (credential->kind) {

        case GATEWAY_STORE_KEY:
            credential->name =
                gwc_consumers_secret(run, credential->name.data, "key");

            if (run->ttl == NULL) {
                break;
            }

            errno = 0;
            credential->ttl = strtoll(run->ttl, &end, 10);

            if (errno != 0 || *end != '\0' || credential->ttl <= 0) {
                return gwc_consumers_usage_error(
                    "--ttl is no whole number of seconds: ", run->ttl);
            }

            break;

        case GATEWAY_STORE_BASIC:
            credential->secret =
                gwc_consumers_secret(run, credential->secret.data, "password");
            break;

        case GATEWAY_STORE_JWT:
            if (run->algorithm != NULL) {
                credential->algorithm =
                    (gwc_text_t){ run->algorithm, strlen(run->algorithm) };
            }

            credential->public_key = pem;

            if (run->public_key == NULL) {
                credential->secret = gwc_consumers_secret(
                    run, credential->secret.data, "secret");
            }

            break;

        default:
            credential->secret =
                gwc_consumers_secret(run, credential->secret.data, "secret");
            break;
        }
    }

    return gwc_error_count() ? GWC_EXIT_BAD_INPUT : GWC_EXIT_OK;
}


/* the id, and what was made up: it is told once */
static void
gwc_consumers_print_added(const gwc_consumers_run_t *run)
{
    char id[GATEWAY_UUID_LEN];
    gwc_buf_t buf = { 0 };
    size_t i;

    gateway_uuid_format(id, run->c.id);

    if (!run->json) {
        printf("id: %.36s\n", id);

        for (i = 0; i < run->printed.n; i += 2) {
            printf("%s: %s\n", (const char *) run->printed.items[i],
                   (const char *) run->printed.items[i + 1]);
        }

        return;
    }

    gwc_buf_printf(&buf, "{\"id\":\"%.36s\"", id);

    for (i = 0; i < run->printed.n; i += 2) {
        const char *value = run->printed.items[i + 1];

        gwc_buf_printf(&buf, ",\"%s\":", (const char *) run->printed.items[i]);
        gwc_json_add_string(&buf, (gwc_text_t){ value, strlen(value) });
    }

    printf("%s}\n", buf.data);
}


/* what no credential of "add" would make use of; NULL: nothing */
static const char *
gwc_consumers_useless(const gwc_consumers_run_t *run)
{
    bool key = false, jwt = false;
    size_t i;

    for (i = 0; i < run->entry.n; i++) {
        key |= run->entry.credentials[i].kind == GATEWAY_STORE_KEY;
        jwt |= run->entry.credentials[i].kind == GATEWAY_STORE_JWT;
    }

    if (run->ttl != NULL && !key) {
        return "--ttl needs --key";
    }

    if (run->algorithm != NULL && !jwt) {
        return "--algorithm needs --jwt";
    }

    if (run->public_key != NULL && !jwt) {
        return "--public-key needs --jwt";
    }

    return NULL;
}


/* those of the file; it is not known before there is a configuration */
static bool
gwc_consumers_check_groups(const gwc_consumers_run_t *run)
{
    const gwc_buf_t *encoded = &run->entry.groups.encoded;
    gateway_store_text_t list = { encoded->data, encoded->len };
    gateway_store_text_t group;
    bool ok = true;

    if (gwc_prefix_generation(run->c.prefix)[0] == '\0') {
        return true;
    }

    while (gateway_store_next(&list, &group)) {
        gwc_text_t name = { group.data, group.len };

        if (gwc_map_get(run->c.layer.groups, name) == NULL) {
            gwc_error(NULL, "--group: the file has no consumer group %s",
                      gwc_quoted(name));
            ok = false;
        }
    }

    return ok;
}


static gwc_store_result_t
gwc_consumers_add_once(gwc_consumers_run_t *run)
{
    gwc_consumers_t *c = &run->c;
    gwc_store_result_t result = gwc_store_begin(&c->store);

    if (result != GWC_STORE_DONE) {
        return result;
    }

    result = gwc_store_reconcile(&c->store);

    if (result == GWC_STORE_DONE) {
        result = gwc_entry_put(c, &run->entry);
    }

    if (result == GWC_STORE_DONE) {
        return c->store.conflicts ? GWC_STORE_CONFLICT
                                  : gwc_store_commit(&c->store);
    }

    gwc_store_abort(&c->store);

    return result;
}


static int
gwc_consumers_add(gwc_consumers_run_t *run, char **arguments, int n)
{
    gwc_consumers_t *c = &run->c;
    gwc_store_result_t result;
    const char *useless;
    int status;

    if (n != 1 || run->credential != NULL) {
        return gwc_consumers_usage_error("add needs one NAME", "");
    }

    useless = gwc_consumers_useless(run);

    if (useless != NULL) {
        return gwc_consumers_usage_error(useless, "");
    }

    status = gwc_consumers_complete(run);

    if (status != GWC_EXIT_OK) {
        return status;
    }

    if (!gwc_consumers_enter(c, true)) {
        return GWC_EXIT_IO;
    }

    if (!gwc_consumers_check_groups(run)) {
        return GWC_EXIT_BAD_INPUT;
    }

    c->merge = true;
    run->entry.username = (gwc_text_t){ arguments[0], strlen(arguments[0]) };

    if (!gwc_store_open(&c->store, c->prefix, &c->layer, true, 0)) {
        return GWC_EXIT_IO;
    }

    do {
        result = gwc_consumers_add_once(run);
    } while (result == GWC_STORE_FULL && gwc_store_grow(&c->store));

    if (result == GWC_STORE_CONFLICT) {
        gwc_store_abort(&c->store);
    }

    gwc_store_close(&c->store);

    if (result == GWC_STORE_DONE) {
        gwc_consumers_print_added(run);
    }

    return GWC_EXIT_OK;
}


/* one credential, of the file or added */
static gwc_store_result_t
gwc_consumers_change_one(gwc_consumers_run_t *run, unsigned kind,
                         const unsigned char *digest, bool restore)
{
    gwc_consumers_t *c = &run->c;
    const gwc_layer_credential_t *layered =
        gwc_layer_find(&c->layer, kind, digest);
    gateway_store_credential_t stored;
    int rc = gwc_store_get_credential(&c->store, kind, digest, &stored);

    if (rc == GATEWAY_STORE_ERROR) {
        return GWC_STORE_FAILED;
    }

    if (restore) {
        if (rc == GATEWAY_STORE_NONE || stored.state != GATEWAY_STORE_REVOKED)
        {
            return GWC_STORE_DONE;
        }

        run->found++;
        return gwc_store_restore(&c->store, kind, digest);
    }

    if (layered != NULL) {
        run->found++;
        return gwc_store_revoke(&c->store, layered);
    }

    if (rc == GATEWAY_STORE_NONE || stored.state != GATEWAY_STORE_ADDED) {
        return GWC_STORE_DONE;
    }

    run->found++;

    return gwc_store_delete_credential(&c->store, kind, digest);
}


typedef struct {
    uint8_t id[16];
    bool found;
    unsigned kind;
    unsigned char digest[GATEWAY_DIGEST_LEN];
} gwc_consumers_search_t;


static bool
gwc_consumers_is_id(gwc_store_t *store, const MDB_val *key,
                    const MDB_val *value, void *data)
{
    gwc_consumers_search_t *search = data;
    gateway_store_credential_t credential;

    (void) store;

    if (key->mv_size != 2 + GATEWAY_DIGEST_LEN
        || gateway_store_read_credential(&credential, value) != 0
        || credential.state == GATEWAY_STORE_DROPPED
        || memcmp(credential.id, search->id, 16) != 0)
    {
        return true;
    }

    search->found = true;
    search->kind = ((const unsigned char *) key->mv_data)[1];
    memcpy(search->digest, (const unsigned char *) key->mv_data + 2,
           GATEWAY_DIGEST_LEN);

    return false;
}


/* the file's first: there is no index of the others */
static gwc_store_result_t
gwc_consumers_change_id(gwc_consumers_run_t *run, bool restore)
{
    gwc_consumers_t *c = &run->c;
    gwc_consumers_search_t search = { 0 };
    size_t i, k;

    if (gateway_uuid_parse(search.id, run->credential, strlen(run->credential))
        != 0)
    {
        gwc_error(NULL, "--credential is no UUID");
        return GWC_STORE_CONFLICT;
    }

    for (i = 0; i < c->layer.consumers.n; i++) {
        const gwc_layer_consumer_t *consumer = c->layer.consumers.items[i];

        for (k = 0; k < consumer->credentials.n; k++) {
            const gwc_layer_credential_t *credential =
                consumer->credentials.items[k];

            if (memcmp(credential->id, search.id, 16) == 0) {
                return gwc_consumers_change_one(run, credential->kind,
                                                credential->digest, restore);
            }
        }
    }

    if (!gwc_store_each(&c->store, "K", 1, gwc_consumers_is_id, &search)) {
        return GWC_STORE_FAILED;
    }

    return search.found ? gwc_consumers_change_one(run, search.kind,
                                                   search.digest, restore)
                        : GWC_STORE_DONE;
}


static gwc_store_result_t
gwc_consumers_change_consumer(gwc_consumers_run_t *run, const char *name,
                              bool restore)
{
    gwc_text_t text = { name, strlen(name) };
    gwc_consumers_t *c = &run->c;
    const gwc_layer_consumer_t *layered = gwc_layer_consumer(&c->layer, text);
    gwc_store_result_t result = GWC_STORE_DONE;
    gateway_store_consumer_t consumer;
    size_t i, n = 0;
    int rc;

    if (layered != NULL) {
        for (i = 0; i < layered->credentials.n && result == GWC_STORE_DONE;
             i++) {
            const gwc_layer_credential_t *credential =
                layered->credentials.items[i];

            result = gwc_consumers_change_one(run, credential->kind,
                                              credential->digest, restore);
        }

        if (result != GWC_STORE_DONE || restore) {
            return result;
        }

        result = gwc_store_delete_consumer(&c->store, layered->id, &n);
        run->found += n;

        return result;
    }

    rc = gwc_store_find_consumer(&c->store, text, &consumer);

    if (rc != GATEWAY_STORE_OK || restore) {
        return rc == GATEWAY_STORE_ERROR ? GWC_STORE_FAILED : GWC_STORE_DONE;
    }

    memcpy(c->id, consumer.id, 16);
    result = gwc_store_delete_consumer(&c->store, c->id, &n);
    run->found += n + 1;

    return result;
}


static gwc_store_result_t
gwc_consumers_change_once(gwc_consumers_run_t *run, const char *name,
                          bool restore)
{
    gwc_consumers_t *c = &run->c;
    gwc_store_result_t result = gwc_store_begin(&c->store);
    size_t i;

    if (result != GWC_STORE_DONE) {
        return result;
    }

    run->found = 0;
    result = gwc_store_reconcile(&c->store);

    if (result == GWC_STORE_DONE && name != NULL) {
        result = gwc_consumers_change_consumer(run, name, restore);
    }

    if (result == GWC_STORE_DONE && run->credential != NULL) {
        result = gwc_consumers_change_id(run, restore);
    }

    for (i = 0; i < run->entry.n && result == GWC_STORE_DONE; i++) {
        const gwc_entry_credential_t *credential = &run->entry.credentials[i];
        unsigned char digest[GATEWAY_DIGEST_LEN];

        if (credential->kind == GATEWAY_STORE_KEY) {
            gateway_digest(c->store.keys, credential->name.data,
                           credential->name.len, digest);

        } else {
            gateway_store_name(
                c->store.names, (unsigned char) credential->kind,
                credential->name.data, credential->name.len, digest);
        }

        result =
            gwc_consumers_change_one(run, credential->kind, digest, restore);
    }

    if (result == GWC_STORE_DONE) {
        return gwc_store_commit(&c->store);
    }

    gwc_store_abort(&c->store);

    return result;
}


static int
gwc_consumers_change(gwc_consumers_run_t *run, char **arguments, int n,
                     bool restore)
{
    const char *command = restore ? "restore" : "revoke";
    gwc_consumers_t *c = &run->c;
    gwc_store_result_t result;
    size_t i;

    if (run->given || n > 1
        || (n == 1) + (run->credential != NULL) + (run->entry.n != 0) != 1)
    {
        return gwc_consumers_usage_error(
            command, " needs a NAME, or which credential it is");
    }

    for (i = 0; i < run->entry.n; i++) {
        gwc_entry_credential_t *credential = &run->entry.credentials[i];

        /* what is no name here is a part of it */
        if (credential->kind != GATEWAY_STORE_KEY) {
            credential->name.len = strlen(credential->name.data);
            continue;
        }

        if (credential->name.data == NULL) {
            return gwc_consumers_usage_error(command, " needs --key=KEY");
        }

        credential->name =
            gwc_consumers_secret(run, credential->name.data, "key");

        if (credential->name.data == NULL) {
            return GWC_EXIT_BAD_INPUT;
        }
    }

    if (!gwc_consumers_enter(c, true)
        || !gwc_store_open(&c->store, c->prefix, &c->layer, true, 0))
    {
        return GWC_EXIT_IO;
    }

    do {
        result =
            gwc_consumers_change_once(run, n ? arguments[0] : NULL, restore);
    } while (result == GWC_STORE_FULL && gwc_store_grow(&c->store));

    gwc_store_close(&c->store);

    if (result != GWC_STORE_DONE) {
        return GWC_EXIT_OK;
    }

    if (run->found == 0) {
        gwc_error(
            NULL, "there is nothing to %s%s%s", command, n ? " of " : "",
            n ? gwc_quoted((gwc_text_t){ arguments[0], strlen(arguments[0]) })
              : "");
        return GWC_EXIT_OK;
    }

    printf("%sd\n", restore ? "restore" : "revoke");

    return GWC_EXIT_OK;
}


static int
gwc_consumers_run(gwc_consumers_run_t *run, const char *command,
                  char **arguments, int n)
{
    gwc_consumers_t *c = &run->c;

    if (run->format != NULL && strcmp(run->format, "json") != 0
        && strcmp(run->format, "csv") != 0)
    {
        return gwc_consumers_usage_error("--format is json or csv, not ",
                                         run->format);
    }

    if ((run->format != NULL && strcmp(command, "import") != 0)
        || (run->revoked && strcmp(command, "list") != 0))
    {
        return gwc_consumers_usage_error("an option that is not of ", command);
    }

    if (strcmp(command, "add") == 0) {
        return gwc_consumers_add(run, arguments, n);
    }

    if (strcmp(command, "revoke") == 0) {
        return gwc_consumers_change(run, arguments, n, false);
    }

    if (strcmp(command, "restore") == 0) {
        return gwc_consumers_change(run, arguments, n, true);
    }

    if (run->given || run->entry.n != 0 || run->credential != NULL) {
        return gwc_consumers_usage_error("an option that is not of ", command);
    }

    if (strcmp(command, "import") == 0) {
        if (n == 0) {
            return gwc_consumers_usage_error("import needs FILE...", "");
        }

        return gwc_consumers_enter(c, true)
                   ? gwc_consumers_import(c, arguments, n, run->format)
                   : GWC_EXIT_IO;
    }

    if (strcmp(command, "list") == 0) {
        if (n > 1) {
            return gwc_consumers_usage_error("too many arguments: ",
                                             arguments[1]);
        }

        return gwc_consumers_enter(c, false) ? gwc_consumers_list(
                   c, n ? arguments[0] : NULL, run->json, run->revoked)
                                             : GWC_EXIT_IO;
    }

    return gwc_consumers_usage_error("unknown command consumers ", command);
}


static const char *
gwc_consumers_option(int option)
{
    const struct option *o = gwc_consumers_options;

    while (o->name != NULL && o->val != option) {
        o++;
    }

    return o->name;
}


/* "--basic -p DIR": an option instead of the value, as an argument of its own;
   "--basic=-p" is what it says, and "-" standard input */
static bool
gwc_consumers_lacks_value(int option, const char *value, const char *argument)
{
    return option >= GWC_CONSUMERS_JSON && value != NULL && value == argument
           && value[0] == '-' && value[1] != '\0';
}


int
gwc_command_consumers(int argc, char **argv)
{
    gwc_consumers_run_t run = { 0 };
    int option, status;

    run.c.prefix = "ngx-gateway";

    for (;;) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        option = getopt_long(argc, argv, "p:", gwc_consumers_options, NULL);

        if (option == -1) {
            break;
        }

        if (option == GWC_CONSUMERS_HELP) {
            fputs(gwc_consumers_usage, stdout);
            return GWC_EXIT_OK;
        }

        if (option == '?') {
            return GWC_EXIT_USAGE;
        }

        if (gwc_consumers_lacks_value(option, optarg, argv[optind - 1])) {
            return gwc_consumers_usage_error(
                gwc_sprintf("--%s needs a value",
                            gwc_consumers_option(option)),
                "");
        }

        if (!gwc_consumers_take(&run, option, optarg)) {
            return gwc_consumers_usage_error("not a name of a tag or group: ",
                                             optarg);
        }
    }

    if (optind == argc) {
        fputs(gwc_consumers_usage, stderr);
        return GWC_EXIT_USAGE;
    }

    status = gwc_consumers_run(&run, argv[optind], argv + optind + 1,
                               argc - optind - 1);

    if (gwc_diag_flush() != 0 && status != GWC_EXIT_USAGE) {
        status = gwc_io_has_failed() ? GWC_EXIT_IO : GWC_EXIT_BAD_INPUT;
    }

    return status;
}
