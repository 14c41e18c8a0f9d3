/*
 * Copyright (C) the ngx_gateway authors
 */

#include "layer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "prefix.h"

#include "gateway_uuid.h"

/* where the words of a directive end */
typedef enum {
    GWC_LAYER_WORD,
    GWC_LAYER_SEMICOLON,
    GWC_LAYER_OPEN,
    GWC_LAYER_CLOSE,
    GWC_LAYER_END
} gwc_layer_token_t;

#define GWC_LAYER_WORDS 16

typedef struct {
    const char *p;
    const char *end;
    gwc_text_t words[GWC_LAYER_WORDS];
    size_t n;
} gwc_layer_parser_t;

/* the directives of credentials */
typedef struct {
    const char *directive;
    unsigned kind;
    const char *name; /* the parameter that a look-up goes by */
} gwc_layer_kind_t;

static const gwc_layer_kind_t gwc_layer_kinds[] = {
    { "gateway_key_auth_credential", GATEWAY_STORE_KEY, "key=" },
    { "gateway_basic_auth_credential", GATEWAY_STORE_BASIC, "username=" },
    { "gateway_jwt_secret", GATEWAY_STORE_JWT, "key=" },
    { "gateway_hmac_auth_credential", GATEWAY_STORE_HMAC, "username=" },
};

#define GWC_LAYER_KINDS (sizeof(gwc_layer_kinds) / sizeof(gwc_layer_kinds[0]))


/* a word in quotes, p behind the first one */
static gwc_text_t
gwc_layer_quoted(gwc_layer_parser_t *parser, char quote)
{
    gwc_buf_t word = { 0 };

    while (parser->p < parser->end && *parser->p != quote) {
        if (*parser->p == '\\' && parser->p + 1 < parser->end) {
            parser->p++;
        }

        gwc_buf_add(&word, parser->p++, 1);
    }

    parser->p += parser->p < parser->end;

    return (gwc_text_t){ word.data != NULL ? word.data : "", word.len };
}


/* what the tool has written: escapes are in quotes only */
static gwc_layer_token_t
gwc_layer_token(gwc_layer_parser_t *parser, gwc_text_t *word)
{
    const char *start;

    for (;;) {
        parser->p += strspn(parser->p, " \t\r\n");

        if (parser->p >= parser->end) {
            return GWC_LAYER_END;
        }

        if (*parser->p != '#') {
            break;
        }

        parser->p += strcspn(parser->p, "\n");
    }

    switch (*parser->p) {

    case ';':
        parser->p++;
        return GWC_LAYER_SEMICOLON;

    case '{':
        parser->p++;
        return GWC_LAYER_OPEN;

    case '}':
        parser->p++;
        return GWC_LAYER_CLOSE;

    case '"':
    case '\'':
        parser->p++;
        *word = gwc_layer_quoted(parser, parser->p[-1]);
        return GWC_LAYER_WORD;

    default:
        start = parser->p;
        parser->p += strcspn(parser->p, " \t\r\n;{");
        *word = (gwc_text_t){ start, (size_t) (parser->p - start) };
        return GWC_LAYER_WORD;
    }
}


/* the words up to what ends them */
static gwc_layer_token_t
gwc_layer_directive(gwc_layer_parser_t *parser)
{
    gwc_layer_token_t token;
    gwc_text_t word;

    parser->n = 0;

    while ((token = gwc_layer_token(parser, &word)) == GWC_LAYER_WORD) {
        if (parser->n < GWC_LAYER_WORDS) {
            parser->words[parser->n++] = word;
        }
    }

    return token;
}


/* the value of a parameter; data NULL: it is not there */
static gwc_text_t
gwc_layer_param(const gwc_layer_parser_t *parser, const char *name)
{
    size_t i, len = strlen(name);

    for (i = 1; i < parser->n; i++) {
        if (parser->words[i].len >= len
            && memcmp(parser->words[i].data, name, len) == 0)
        {
            return (gwc_text_t){ parser->words[i].data + len,
                                 parser->words[i].len - len };
        }
    }

    return (gwc_text_t){ NULL, 0 };
}


static void
gwc_layer_credential(gwc_layer_t *layer, gwc_layer_consumer_t *consumer,
                     const gwc_layer_parser_t *parser,
                     const gwc_layer_kind_t *kind,
                     const gateway_digest_key_t *names,
                     const gateway_digest_key_t *keys)
{
    gwc_layer_credential_t *credential;
    gwc_text_t id, name, digest;
    char *key;

    id = gwc_layer_param(parser, "id=");
    name = gwc_layer_param(parser, kind->name);
    digest = gwc_layer_param(parser, "key_digest=");

    credential = gwc_alloc(sizeof(gwc_layer_credential_t));
    credential->kind = kind->kind;
    credential->consumer = consumer;

    if (id.data == NULL
        || gateway_uuid_parse(credential->id, id.data, id.len) != 0)
    {
        return;
    }

    if (kind->kind != GATEWAY_STORE_KEY) {
        credential->name = name;
        gateway_store_name(names, (unsigned char) kind->kind, name.data,
                           name.len, credential->digest);

    } else if (digest.data == NULL) {
        gateway_digest(keys, name.data, name.len, credential->digest);

    } else if (gateway_digest_parse(credential->digest, digest.data,
                                    digest.len)
               != 0)
    {
        return;
    }

    gwc_vec_push(&consumer->credentials, credential);

    key = gwc_alloc(1 + GATEWAY_DIGEST_LEN);
    key[0] = (char) kind->kind;
    memcpy(key + 1, credential->digest, GATEWAY_DIGEST_LEN);
    (void) gwc_map_add(layer->credentials,
                       (gwc_text_t){ key, 1 + GATEWAY_DIGEST_LEN },
                       credential);
}


static void
gwc_layer_field(gwc_layer_t *layer, gwc_layer_consumer_t *consumer,
                const gwc_layer_parser_t *parser,
                const gateway_digest_key_t *names,
                const gateway_digest_key_t *keys)
{
    size_t i;

    if (parser->n < 2) {
        return;
    }

    if (gwc_text_is(parser->words[0], "id")) {
        (void) gateway_uuid_parse(consumer->id, parser->words[1].data,
                                  parser->words[1].len);
        return;
    }

    if (gwc_text_is(parser->words[0], "username")) {
        consumer->username = parser->words[1];
        return;
    }

    if (gwc_text_is(parser->words[0], "custom_id")) {
        consumer->custom_id = parser->words[1];
        return;
    }

    if (gwc_text_is(parser->words[0], "gateway_acl_group")) {
        gwc_vec_push(&consumer->acls,
                     gwc_strndup(parser->words[1].data, parser->words[1].len));
        return;
    }

    for (i = 0; i < GWC_LAYER_KINDS; i++) {
        if (gwc_text_is(parser->words[0], gwc_layer_kinds[i].directive)) {
            gwc_layer_credential(layer, consumer, parser, &gwc_layer_kinds[i],
                                 names, keys);
            return;
        }
    }
}


static void
gwc_layer_block(gwc_layer_t *layer, gwc_layer_parser_t *parser,
                const gateway_digest_key_t *names,
                const gateway_digest_key_t *keys)
{
    gwc_layer_consumer_t *consumer = gwc_alloc(sizeof(gwc_layer_consumer_t));
    gwc_layer_token_t token;

    for (;;) {
        token = gwc_layer_directive(parser);

        if (token != GWC_LAYER_SEMICOLON) {
            break;
        }

        gwc_layer_field(layer, consumer, parser, names, keys);
    }

    gwc_vec_push(&layer->consumers, consumer);
    (void) gwc_map_add(layer->by_id,
                       (gwc_text_t){ (const char *) consumer->id, 16 },
                       consumer);

    if (consumer->username.len) {
        (void) gwc_map_add(layer->by_username, consumer->username, consumer);
    }

    if (consumer->custom_id.len) {
        (void) gwc_map_add(layer->by_custom_id, consumer->custom_id, consumer);
    }
}


void
gwc_layer_read(gwc_layer_t *layer, gwc_text_t text,
               const gateway_digest_key_t *names,
               const gateway_digest_key_t *keys)
{
    gwc_layer_parser_t parser = { 0 };
    gwc_layer_token_t token;

    layer->by_id = gwc_map_create();
    layer->by_username = gwc_map_create();
    layer->by_custom_id = gwc_map_create();
    layer->groups = gwc_map_create();
    layer->credentials = gwc_map_create();

    parser.p = text.data;
    parser.end = text.data + text.len;

    do {
        token = gwc_layer_directive(&parser);

        if (token == GWC_LAYER_OPEN && parser.n == 2
            && gwc_text_is(parser.words[0], "gateway_consumer"))
        {
            gwc_layer_block(layer, &parser, names, keys);

        } else if (token == GWC_LAYER_OPEN && parser.n == 2
                   && gwc_text_is(parser.words[0], "gateway_consumer_group"))
        {
            (void) gwc_map_add(layer->groups, parser.words[1], layer);
        }

    } while (token != GWC_LAYER_END);
}


bool
gwc_layer_load(gwc_layer_t *layer, const char *prefix,
               const gateway_digest_key_t *names,
               const gateway_digest_key_t *keys)
{
    const char *path = gwc_sprintf("%s/%s/consumers.conf", prefix,
                                   gwc_prefix_generation(prefix));
    gwc_text_t text = GWC_TEXT("");

    /* a file without consumers has none */
    if (access(path, F_OK) == 0 && !gwc_file_read(path, &text)) {
        gwc_io_failed();
        return false;
    }

    gwc_layer_read(layer, text, names, keys);

    return true;
}


const gwc_layer_credential_t *
gwc_layer_find(const gwc_layer_t *layer, unsigned kind,
               const unsigned char *digest)
{
    char key[1 + GATEWAY_DIGEST_LEN];

    key[0] = (char) kind;
    memcpy(key + 1, digest, GATEWAY_DIGEST_LEN);

    return gwc_map_get(layer->credentials, (gwc_text_t){ key, sizeof(key) });
}


const gwc_layer_consumer_t *
gwc_layer_consumer(const gwc_layer_t *layer, gwc_text_t name)
{
    const gwc_layer_consumer_t *consumer = NULL;
    uint8_t id[16];

    if (gateway_uuid_parse(id, name.data, name.len) == 0) {
        consumer =
            gwc_map_get(layer->by_id, (gwc_text_t){ (const char *) id, 16 });
    }

    if (consumer == NULL) {
        consumer = gwc_map_get(layer->by_username, name);
    }

    return consumer != NULL ? consumer
                            : gwc_map_get(layer->by_custom_id, name);
}
