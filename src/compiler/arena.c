/*
 * Copyright (C) the ngx_gateway authors
 *
 * One arena per run: blocks are cut from chunks and live until the end.
 */

#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GWC_CHUNK_SIZE ((size_t) 256 * 1024)
#define GWC_ALIGN      sizeof(max_align_t)

typedef struct gwc_chunk_s gwc_chunk_t;

struct gwc_chunk_s {
    gwc_chunk_t *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

typedef struct {
    gwc_text_t key;
    void *value;
    uint64_t hash;
} gwc_map_slot_t;

struct gwc_map_s {
    gwc_map_slot_t *slots; /* size is a power of two; free: value NULL */
    size_t size;
    size_t n;
};

static gwc_chunk_t *gwc_chunks;


static void
gwc_out_of_memory(void)
{
    fputs("ngx-gateway: out of memory\n", stderr);
    exit(3); /* NOLINT(concurrency-mt-unsafe): one thread */
}


static gwc_chunk_t *
gwc_chunk_add(size_t size)
{
    gwc_chunk_t *chunk;

    chunk = calloc(1, sizeof(gwc_chunk_t) + size);
    if (chunk == NULL) {
        gwc_out_of_memory();
        abort();
    }

    chunk->size = size;
    return chunk;
}


void *
gwc_alloc(size_t size)
{
    void *p;
    gwc_chunk_t *chunk;

    if (size > SIZE_MAX / 2) {
        gwc_out_of_memory();
    }

    size = (size + GWC_ALIGN - 1) / GWC_ALIGN * GWC_ALIGN;

    if (size > GWC_CHUNK_SIZE / 4) {
        /* a chunk of its own, behind the one being filled */
        chunk = gwc_chunk_add(size);
        chunk->used = size;

        if (gwc_chunks == NULL) {
            gwc_chunks = chunk;

        } else {
            chunk->next = gwc_chunks->next;
            gwc_chunks->next = chunk;
        }

        return chunk->data;
    }

    if (gwc_chunks == NULL || gwc_chunks->size - gwc_chunks->used < size) {
        chunk = gwc_chunk_add(GWC_CHUNK_SIZE);
        chunk->next = gwc_chunks;
        gwc_chunks = chunk;
    }

    p = (char *) gwc_chunks->data + gwc_chunks->used;
    gwc_chunks->used += size;

    return p;
}


void *
gwc_alloc_array(size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / 2 / size) {
        gwc_out_of_memory();
    }

    return gwc_alloc(n * size);
}


char *
gwc_strndup(const char *s, size_t len)
{
    char *copy;

    copy = gwc_alloc(len + 1);

    if (len != 0) {
        memcpy(copy, s, len);
    }

    return copy;
}


char *
gwc_vsprintf(const char *fmt, va_list args)
{
    int len;
    char *s;
    va_list again;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);

    if (len < 0) {
        va_end(again);
        return gwc_strndup("", 0);
    }

    s = gwc_alloc((size_t) len + 1);
    (void) vsnprintf(s, (size_t) len + 1, fmt, again);
    va_end(again);

    return s;
}


char *
gwc_sprintf(const char *fmt, ...)
{
    char *s;
    va_list args;

    va_start(args, fmt);
    s = gwc_vsprintf(fmt, args);
    va_end(args);

    return s;
}


char *
gwc_count(size_t n, const char *what)
{
    return gwc_sprintf("%zu %s%s", n, what, n == 1 ? "" : "s");
}


bool
gwc_text_equal(gwc_text_t a, gwc_text_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


int
gwc_text_compare(gwc_text_t a, gwc_text_t b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}


bool
gwc_text_is(gwc_text_t a, const char *s)
{
    return a.data != NULL && a.len == strlen(s)
           && memcmp(a.data, s, a.len) == 0;
}


void
gwc_arena_free(void)
{
    gwc_chunk_t *next;

    while (gwc_chunks != NULL) {
        next = gwc_chunks->next;
        free(gwc_chunks);
        gwc_chunks = next;
    }
}


void
gwc_vec_push(gwc_vec_t *vec, void *item)
{
    void **items;

    if (vec->n == vec->room) {
        vec->room = vec->room == 0 ? 8 : vec->room * 2;
        items = gwc_alloc_array(vec->room, sizeof(void *));

        if (vec->n != 0) {
            memcpy(items, vec->items, vec->n * sizeof(void *));
        }

        vec->items = items;
    }

    vec->items[vec->n++] = item;
}


/* always leaves room for a terminating zero, which is not counted */
static void
gwc_buf_reserve(gwc_buf_t *buf, size_t len)
{
    char *data;
    size_t room;

    if (len >= SIZE_MAX / 4 - buf->len) {
        gwc_out_of_memory();
    }

    if (buf->room - buf->len > len) {
        return;
    }

    room = buf->room == 0 ? 256 : buf->room * 2;

    while (room - buf->len <= len) {
        room *= 2;
    }

    data = gwc_alloc(room);

    if (buf->len != 0) {
        memcpy(data, buf->data, buf->len);
    }

    buf->data = data;
    buf->room = room;
}


void
gwc_buf_add(gwc_buf_t *buf, const void *data, size_t len)
{
    gwc_buf_reserve(buf, len);

    if (len != 0) {
        memcpy(buf->data + buf->len, data, len);
    }

    buf->len += len;
    buf->data[buf->len] = '\0';
}


void
gwc_buf_puts(gwc_buf_t *buf, const char *s)
{
    gwc_buf_add(buf, s, strlen(s));
}


void
gwc_buf_printf(gwc_buf_t *buf, const char *fmt, ...)
{
    int len;
    va_list args;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (len < 0) {
        return;
    }

    gwc_buf_reserve(buf, (size_t) len);

    va_start(args, fmt);
    (void) vsnprintf(buf->data + buf->len, (size_t) len + 1, fmt, args);
    va_end(args);

    buf->len += (size_t) len;
}


static uint64_t
gwc_map_hash(gwc_text_t key)
{
    size_t i;
    uint64_t hash;

    hash = 14695981039346656037U;

    for (i = 0; i < key.len; i++) {
        hash ^= (unsigned char) key.data[i];
        hash *= 1099511628211U;
    }

    return hash ^ (hash >> 32);
}


/* the slot of key, or the free one where it would go */
static gwc_map_slot_t *
gwc_map_find(const gwc_map_t *map, gwc_text_t key, uint64_t hash)
{
    size_t i;
    gwc_map_slot_t *slot;

    for (i = hash & (map->size - 1);; i = (i + 1) & (map->size - 1)) {
        slot = &map->slots[i];

        if (slot->value == NULL
            || (slot->hash == hash && gwc_text_equal(slot->key, key)))
        {
            return slot;
        }
    }
}


gwc_map_t *
gwc_map_create(void)
{
    gwc_map_t *map;

    map = gwc_alloc(sizeof(gwc_map_t));
    map->size = 16;
    map->slots = gwc_alloc_array(map->size, sizeof(gwc_map_slot_t));

    return map;
}


void *
gwc_map_add(gwc_map_t *map, gwc_text_t key, void *value)
{
    size_t i, n;
    uint64_t hash;
    gwc_map_slot_t *old, *slot;

    hash = gwc_map_hash(key);
    slot = gwc_map_find(map, key, hash);

    if (slot->value != NULL) {
        return slot->value;
    }

    slot->key = key;
    slot->hash = hash;
    slot->value = value;
    map->n++;

    if (map->n < map->size / 2) {
        return NULL;
    }

    old = map->slots;
    n = map->size;
    map->size *= 2;
    map->slots = gwc_alloc_array(map->size, sizeof(gwc_map_slot_t));

    for (i = 0; i < n; i++) {
        if (old[i].value != NULL) {
            *gwc_map_find(map, old[i].key, old[i].hash) = old[i];
        }
    }

    return NULL;
}


void *
gwc_map_get(const gwc_map_t *map, gwc_text_t key)
{
    return gwc_map_find(map, key, gwc_map_hash(key))->value;
}
