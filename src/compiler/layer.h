/*
 * Copyright (C) the ngx_gateway authors
 *
 * The credentials that the file brought: what stands in consumers.conf of
 * the generation that nginx.conf includes.
 */

#ifndef GWC_LAYER_H
#define GWC_LAYER_H

#include "arena.h"

#include "gateway_store.h"

typedef struct {
    uint8_t id[16];
    gwc_text_t username;
    gwc_text_t custom_id;
    gwc_vec_t acls;        /* char * */
    gwc_vec_t credentials; /* gwc_layer_credential_t */
} gwc_layer_consumer_t;

typedef struct {
    unsigned kind;
    unsigned char digest[GATEWAY_DIGEST_LEN];
    uint8_t id[16];
    gwc_text_t name; /* not of key-auth */
    gwc_layer_consumer_t *consumer;
} gwc_layer_credential_t;

typedef struct {
    gwc_vec_t consumers; /* gwc_layer_consumer_t */
    gwc_map_t *by_id;    /* 16 bytes */
    gwc_map_t *by_username;
    gwc_map_t *by_custom_id;
    gwc_map_t *groups;      /* names of consumer groups */
    gwc_map_t *credentials; /* kind and digest */
} gwc_layer_t;

/* of a text in the form of consumers.conf */
void gwc_layer_read(gwc_layer_t *layer, gwc_text_t text,
                    const gateway_digest_key_t *names,
                    const gateway_digest_key_t *keys);
/* of the prefix; false after an error */
bool gwc_layer_load(gwc_layer_t *layer, const char *prefix,
                    const gateway_digest_key_t *names,
                    const gateway_digest_key_t *keys);

const gwc_layer_credential_t *gwc_layer_find(const gwc_layer_t *layer,
                                             unsigned kind,
                                             const unsigned char *digest);
/* by id, username or custom_id */
const gwc_layer_consumer_t *gwc_layer_consumer(const gwc_layer_t *layer,
                                               gwc_text_t name);

#endif
