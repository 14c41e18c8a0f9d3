/*
 * Copyright (C) the ngx_gateway authors
 *
 * Memory of one run of the tool: nothing is freed singly, a failed
 * allocation ends the program with a message.
 */

#ifndef GWC_ARENA_H
#define GWC_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a string that may hold any byte; data NULL means "not given" */
typedef struct {
    const char *data;
    size_t len;
} gwc_text_t;

#define GWC_TEXT(s) ((gwc_text_t){ (s), sizeof(s) - 1 })

/* zeroed memory, aligned for any type */
void *gwc_alloc(size_t size);
void *gwc_alloc_array(size_t n, size_t size);
/* a terminated copy */
char *gwc_strndup(const char *s, size_t len);
char *gwc_sprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *gwc_vsprintf(const char *fmt, va_list args)
    __attribute__((format(printf, 1, 0)));
/* "1 route", "2 routes" */
char *gwc_count(size_t n, const char *what);
bool gwc_text_equal(gwc_text_t a, gwc_text_t b);
bool gwc_text_is(gwc_text_t a, const char *s);
/* by bytes, as strcmp() */
int gwc_text_compare(gwc_text_t a, gwc_text_t b);
/* frees everything, for leak-clean exits */
void gwc_arena_free(void);

/* growing array of pointers */
typedef struct {
    void **items;
    size_t n;
    size_t room;
} gwc_vec_t;

void gwc_vec_push(gwc_vec_t *vec, void *item);

/* growing bytes */
typedef struct {
    char *data;
    size_t len;
    size_t room;
} gwc_buf_t;

void gwc_buf_add(gwc_buf_t *buf, const void *data, size_t len);
void gwc_buf_puts(gwc_buf_t *buf, const char *s);
void gwc_buf_printf(gwc_buf_t *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* string -> pointer; keys are not copied */
typedef struct gwc_map_s gwc_map_t;
gwc_map_t *gwc_map_create(void);
/* returns the value that was there before, else NULL and stores value */
void *gwc_map_add(gwc_map_t *map, gwc_text_t key, void *value);
void *gwc_map_get(const gwc_map_t *map, gwc_text_t key);

#endif
