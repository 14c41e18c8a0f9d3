/*
 * Copyright (C) the ngx_gateway authors
 *
 * consumers list: the file's, then those of the store.  Secrets are not in
 * it, and cannot be: what is kept of most of them are digests.
 */

#include "consumers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "json.h"
#include "prefix.h"

#include "gateway_uuid.h"

typedef struct {
    gwc_consumers_t *c;
    bool open; /* the store is there */
    bool json;
    gwc_buf_t buf; /* of one consumer */
    gwc_buf_t kinds[GATEWAY_STORE_KINDS];
    size_t n[GATEWAY_STORE_KINDS];
    size_t revoked[GATEWAY_STORE_KINDS];
    gwc_text_t name;
    gwc_vec_t lines; /* gwc_list_line_t */
} gwc_list_run_t;

/* what is printed of a consumer: in order of the names */
typedef struct {
    gwc_text_t name;
    gwc_text_t text;
} gwc_list_line_t;


static void
gwc_list_string(gwc_buf_t *buf, const char *data, size_t len)
{
    gwc_json_add_string(buf, (gwc_text_t){ data, len });
}


static void
gwc_list_credential(gwc_list_run_t *run, unsigned kind, const uint8_t id[16],
                    const char *name, size_t len, int64_t created,
                    int64_t expires, bool revoked)
{
    gwc_buf_t *buf = &run->kinds[kind];
    char text[GATEWAY_UUID_LEN];

    run->n[kind]++;
    run->revoked[kind] += revoked;

    if (!run->json) {
        return;
    }

    gateway_uuid_format(text, id);
    gwc_buf_printf(buf, "%s{\"id\":\"%.36s\"", run->n[kind] > 1 ? "," : "",
                   text);

    if (kind != GATEWAY_STORE_KEY) {
        gwc_buf_puts(buf, kind == GATEWAY_STORE_JWT ? ",\"key\":"
                                                    : ",\"username\":");
        gwc_list_string(buf, name, len);
    }

    if (created != 0) {
        gwc_buf_printf(buf, ",\"created_at\":%lld", (long long) created);
    }

    if (expires != 0) {
        gwc_buf_printf(buf, ",\"expires_at\":%lld", (long long) expires);
    }

    gwc_buf_puts(buf, revoked ? ",\"revoked\":true}" : "}");
}


static void
gwc_list_begin(gwc_list_run_t *run)
{
    unsigned kind;

    run->buf.len = 0;

    for (kind = 0; kind < GATEWAY_STORE_KINDS; kind++) {
        run->kinds[kind].len = 0;
        run->n[kind] = 0;
        run->revoked[kind] = 0;
    }
}


static void
gwc_list_head(gwc_list_run_t *run, const uint8_t id[16], gwc_text_t username,
              gwc_text_t custom_id, const char *layer)
{
    gwc_text_t name = username.len ? username : custom_id;
    char text[GATEWAY_UUID_LEN];

    gateway_uuid_format(text, id);
    run->name = (gwc_text_t){ gwc_strndup(name.data, name.len), name.len };

    if (!run->json) {
        gwc_buf_add(&run->buf, name.data, name.len);
        gwc_buf_printf(&run->buf, "\t%.36s\t%s\t", text, layer);
        return;
    }

    gwc_buf_printf(&run->buf, "{\"id\":\"%.36s\"", text);

    if (username.len) {
        gwc_buf_puts(&run->buf, ",\"username\":");
        gwc_list_string(&run->buf, username.data, username.len);
    }

    if (custom_id.len) {
        gwc_buf_puts(&run->buf, ",\"custom_id\":");
        gwc_list_string(&run->buf, custom_id.data, custom_id.len);
    }

    gwc_buf_printf(&run->buf, ",\"layer\":\"%s\"", layer);
}


static void
gwc_list_end(gwc_list_run_t *run)
{
    gwc_list_line_t *line = gwc_alloc(sizeof(gwc_list_line_t));
    const char *comma = "";
    unsigned kind;

    for (kind = 0; kind < GATEWAY_STORE_KINDS; kind++) {
        if (run->n[kind] == 0) {
            continue;
        }

        if (run->json) {
            gwc_buf_printf(&run->buf, ",\"%s\":[", gwc_store_entities[kind]);
            gwc_buf_add(&run->buf, run->kinds[kind].data,
                        run->kinds[kind].len);
            gwc_buf_puts(&run->buf, "]");

        } else {
            gwc_buf_printf(&run->buf, "%s%zu %s", comma, run->n[kind],
                           gwc_store_plugins[kind]);

            if (run->revoked[kind] == run->n[kind]) {
                gwc_buf_puts(&run->buf, " (revoked)");

            } else if (run->revoked[kind] != 0) {
                gwc_buf_printf(&run->buf, " (%zu revoked)",
                               run->revoked[kind]);
            }

            comma = ", ";
        }
    }

    gwc_buf_puts(&run->buf, run->json ? "}\n" : "\n");
    line->name = run->name;
    line->text =
        (gwc_text_t){ gwc_strndup(run->buf.data, run->buf.len), run->buf.len };
    gwc_vec_push(&run->lines, line);
}


static int
gwc_list_compare(const void *one, const void *two)
{
    const gwc_list_line_t *const *a = one, *const *b = two;
    int rc = gwc_text_compare((*a)->name, (*b)->name);

    return rc != 0 ? rc : gwc_text_compare((*a)->text, (*b)->text);
}


static void
gwc_list_print(gwc_list_run_t *run)
{
    size_t i;

    if (run->lines.n == 0) {
        return;
    }

    qsort(run->lines.items, run->lines.n, sizeof(void *), gwc_list_compare);

    for (i = 0; i < run->lines.n; i++) {
        const gwc_list_line_t *line = run->lines.items[i];

        (void) fwrite(line->text.data, 1, line->text.len, stdout);
    }
}


/* an array of texts, or of objects with this member */
static void
gwc_list_texts(gwc_list_run_t *run, const char *name, const char *member,
               gateway_store_text_t list)
{
    gateway_store_text_t text;
    const char *comma = "";

    if (list.len == 0 || !run->json) {
        return;
    }

    gwc_buf_printf(&run->buf, ",\"%s\":[", name);

    while (gateway_store_next(&list, &text)) {
        gwc_buf_puts(&run->buf, comma);

        if (member != NULL) {
            gwc_buf_printf(&run->buf, "{\"%s\":", member);
        }

        gwc_list_string(&run->buf, text.data, text.len);

        if (member != NULL) {
            gwc_buf_puts(&run->buf, "}");
        }

        comma = ",";
    }

    gwc_buf_puts(&run->buf, "]");
}


/* a link: the credential that it leads to */
static bool
gwc_list_link(gwc_store_t *store, const MDB_val *key, const MDB_val *value,
              void *data)
{
    const unsigned char *name = key->mv_data;
    gateway_store_credential_t credential;
    gwc_list_run_t *run = data;

    (void) value;

    if (key->mv_size != 18 + GATEWAY_DIGEST_LEN
        || gateway_store_find(&store->tree, name[17], name + 18, &credential)
               != GATEWAY_STORE_OK)
    {
        return true;
    }

    gwc_list_credential(run, name[17], credential.id, credential.name.data,
                        credential.name.len, credential.created,
                        credential.expires, false);

    return true;
}


static bool
gwc_list_added(gwc_list_run_t *run, const uint8_t id[16])
{
    unsigned char key[17];

    key[0] = 'C';
    memcpy(key + 1, id, 16);

    return !run->open
           || gwc_store_each(&run->c->store, key, sizeof(key), gwc_list_link,
                             run);
}


static bool
gwc_list_layered(gwc_list_run_t *run, const gwc_layer_consumer_t *consumer)
{
    gateway_store_credential_t stored;
    size_t i;

    gwc_list_begin(run);
    gwc_list_head(run, consumer->id, consumer->username, consumer->custom_id,
                  "file");

    if (run->json && consumer->acls.n != 0) {
        gwc_buf_puts(&run->buf, ",\"acls\":[");

        for (i = 0; i < consumer->acls.n; i++) {
            const char *group = consumer->acls.items[i];

            gwc_buf_puts(&run->buf, i ? ",{\"group\":" : "{\"group\":");
            gwc_list_string(&run->buf, group, strlen(group));
            gwc_buf_puts(&run->buf, "}");
        }

        gwc_buf_puts(&run->buf, "]");
    }

    for (i = 0; i < consumer->credentials.n; i++) {
        const gwc_layer_credential_t *credential =
            consumer->credentials.items[i];
        bool revoked =
            run->open
            && gwc_store_get_credential(&run->c->store, credential->kind,
                                        credential->digest, &stored)
                   == GATEWAY_STORE_OK
            && stored.state != GATEWAY_STORE_ADDED;

        gwc_list_credential(run, credential->kind, credential->id,
                            credential->name.data, credential->name.len, 0, 0,
                            revoked);
    }

    if (!gwc_list_added(run, consumer->id)) {
        return false;
    }

    gwc_list_end(run);

    return true;
}


static bool
gwc_list_stored(gwc_list_run_t *run, const gateway_store_consumer_t *consumer)
{
    gwc_list_begin(run);
    gwc_list_head(
        run, consumer->id,
        (gwc_text_t){ consumer->username.data, consumer->username.len },
        (gwc_text_t){ consumer->custom_id.data, consumer->custom_id.len },
        "store");

    if (run->json) {
        gwc_buf_printf(&run->buf, ",\"created_at\":%lld",
                       (long long) consumer->created);
    }

    gwc_list_texts(run, "tags", NULL, consumer->tags);
    gwc_list_texts(run, "acls", "group", consumer->acls);
    gwc_list_texts(run, "groups", "name", consumer->groups);

    if (!gwc_list_added(run, consumer->id)) {
        return false;
    }

    gwc_list_end(run);

    return true;
}


static bool
gwc_list_each(gwc_store_t *store, const MDB_val *key, const MDB_val *value,
              void *data)
{
    gateway_store_consumer_t consumer;
    gwc_list_run_t *run = data;

    (void) store;

    if (key->mv_size != 17
        || gateway_store_read_consumer(&consumer, value) != 0) {
        return true;
    }

    memcpy(consumer.id, (const uint8_t *) key->mv_data + 1, 16);

    /* the file has it meanwhile, and the say */
    if (gwc_map_get(run->c->layer.by_id,
                    (gwc_text_t){ (const char *) consumer.id, 16 })
        != NULL)
    {
        return true;
    }

    return gwc_list_stored(run, &consumer);
}


static bool
gwc_list_revocation(gwc_store_t *store, const MDB_val *key,
                    const MDB_val *value, void *data)
{
    const unsigned char *name = key->mv_data;
    gateway_store_credential_t credential;
    const gwc_layer_consumer_t *consumer;
    gwc_list_run_t *run = data;
    gwc_buf_t *buf = &run->buf;
    char id[GATEWAY_UUID_LEN];

    (void) value;

    if (key->mv_size != 2 + GATEWAY_DIGEST_LEN
        || gateway_store_find(&store->tree, name[1], name + 2, &credential)
               != GATEWAY_STORE_OK)
    {
        return true;
    }

    buf->len = 0;
    gateway_uuid_format(id, credential.id);
    consumer =
        gwc_map_get(run->c->layer.by_id,
                    (gwc_text_t){ (const char *) credential.consumer, 16 });

    if (run->json) {
        gwc_buf_printf(buf, "{\"type\":\"%s\",\"id\":\"%.36s\"",
                       gwc_store_entities[name[1]], id);

        if (credential.name.len) {
            gwc_buf_puts(buf, ",\"name\":");
            gwc_list_string(buf, credential.name.data, credential.name.len);
        }

        if (consumer != NULL) {
            gwc_buf_puts(buf, ",\"consumer\":");
            gwc_list_string(buf, consumer->username.data,
                            consumer->username.len);
        }

        gwc_buf_printf(buf, ",\"revoked_at\":%lld,\"in_file\":%s}\n",
                       (long long) credential.created,
                       credential.state == GATEWAY_STORE_REVOKED ? "true"
                                                                 : "false");

    } else {
        gwc_buf_printf(buf, "%s\t%.36s\t%s\t", gwc_store_plugins[name[1]], id,
                       credential.state == GATEWAY_STORE_REVOKED
                           ? "in the file"
                           : "dropped");

        if (consumer != NULL) {
            gwc_buf_add(buf, consumer->username.data, consumer->username.len);
        }

        gwc_buf_puts(buf, "\n");
    }

    (void) fwrite(buf->data, 1, buf->len, stdout);

    return true;
}


static bool
gwc_list_one(gwc_list_run_t *run, const char *name)
{
    gwc_text_t text = { name, strlen(name) };
    const gwc_layer_consumer_t *layered =
        gwc_layer_consumer(&run->c->layer, text);
    gateway_store_consumer_t consumer;

    if (layered != NULL) {
        return gwc_list_layered(run, layered);
    }

    if (run->open) {
        switch (gwc_store_find_consumer(&run->c->store, text, &consumer)) {

        case GATEWAY_STORE_OK:
            return gwc_list_stored(run, &consumer);

        case GATEWAY_STORE_ERROR:
            return false;

        default:
            break;
        }
    }

    gwc_error(NULL, "there is no consumer \"%s\"", name);

    return false;
}


static bool
gwc_list_all(gwc_list_run_t *run)
{
    size_t i;

    for (i = 0; i < run->c->layer.consumers.n; i++) {
        if (!gwc_list_layered(run, run->c->layer.consumers.items[i])) {
            return false;
        }
    }

    return !run->open
           || gwc_store_each(&run->c->store, "C", 1, gwc_list_each, run);
}


int
gwc_consumers_list(gwc_consumers_t *c, const char *name, bool json,
                   bool revoked)
{
    gwc_list_run_t run = { 0 };
    bool ok = true;

    run.c = c;
    run.json = json;
    run.open = gwc_store_open_read(&c->store, c->prefix);
    c->store.layer = &c->layer;

    if (gwc_error_count() != 0) {
        return GWC_EXIT_IO;
    }

    if (run.open && gateway_store_begin(&c->store.tree) != GATEWAY_STORE_OK) {
        gwc_io_failed();
        gwc_error(NULL, "store in \"%s\": %s", c->store.directory,
                  c->store.tree.error);
        return GWC_EXIT_IO;
    }

    if (revoked) {
        ok = !run.open
             || gwc_store_each(&c->store, "R", 1, gwc_list_revocation, &run);

    } else {
        ok = name != NULL ? gwc_list_one(&run, name) : gwc_list_all(&run);
        gwc_list_print(&run);
    }

    gwc_store_close(&c->store);

    return ok ? GWC_EXIT_OK : GWC_EXIT_BAD_INPUT;
}
