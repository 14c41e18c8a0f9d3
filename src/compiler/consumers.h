/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command "consumers": what it reads, and what goes into the store.
 */

#ifndef GWC_CONSUMERS_H
#define GWC_CONSUMERS_H

#include "store.h"

typedef struct {
    unsigned kind;
    gwc_text_t id;
    gwc_text_t name; /* key of key-auth, username, key of a jwt */
    gwc_text_t secret;
    gwc_text_t hash; /* of basic-auth, instead of it */
    gwc_text_t algorithm;
    gwc_text_t public_key;
    int64_t ttl;        /* 0: none */
    int64_t created_at; /* 0: now */
} gwc_entry_credential_t;

/* a list in the form of the store */
typedef struct {
    bool set;
    gwc_buf_t encoded;
} gwc_entry_list_t;

/*
 * A consumer with credentials: a line of a file, or the arguments of "add".
 * Texts that are not given have data NULL; they live as long as the line.
 */
typedef struct {
    unsigned line;
    gwc_text_t id;
    gwc_text_t username;
    gwc_text_t custom_id;
    int64_t created_at;
    gwc_entry_list_t tags, acls, groups;
    gwc_entry_credential_t *credentials;
    size_t n, room;
} gwc_entry_t;

typedef struct {
    gwc_store_t store;
    gwc_layer_t layer;
    const char *prefix;
    bool merge; /* "add": what is not given stays as it is */
    int64_t now;
    size_t consumers, credentials; /* so many were read */
    uint8_t id[16];                /* of the last consumer */
} gwc_consumers_t;

void gwc_entry_reset(gwc_entry_t *entry, unsigned line);
gwc_entry_credential_t *gwc_entry_add(gwc_entry_t *entry, unsigned kind);
/* false: it is empty, too long, or has control characters */
bool gwc_entry_list_add(gwc_entry_list_t *list, gwc_text_t text);

/*
 * Checks the entry and puts it into the store.  What is wrong with it is told
 * and counted; only GWC_STORE_FULL and GWC_STORE_FAILED end the work.
 */
gwc_store_result_t gwc_entry_put(gwc_consumers_t *c, gwc_entry_t *entry);

/* consumers_import.c: reads files of JSON lines or CSV; an exit status */
int gwc_consumers_import(gwc_consumers_t *c, char **files, int n,
                         const char *format);
/* consumers_list.c: an exit status */
int gwc_consumers_list(gwc_consumers_t *c, const char *name, bool json,
                       bool revoked);

/* opens the prefix: secret, layer; false after an error */
bool gwc_consumers_enter(gwc_consumers_t *c, bool lock);

/*
 * After a compile, which has locked the prefix: revocations of credentials
 * that the file has no longer, or has again.
 */
void gwc_consumers_reconcile(const char *prefix);

/* the command line, from "consumers" on */
int gwc_command_consumers(int argc, char **argv);

#endif
