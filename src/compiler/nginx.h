/*
 * Copyright (C) the ngx_gateway authors
 *
 * The nginx that will read what we write.
 */

#ifndef GWC_NGINX_H
#define GWC_NGINX_H

#include "arena.h"

typedef struct {
    const char *path;          /* of the program */
    unsigned version;          /* 1022001 */
    const char *arguments;     /* of its configure */
    const char *module;        /* absolute path of our .so; NULL: built in */
    const char *stream_module; /* that of stream{} beside it, or NULL */
    /* nginx's own of stream{}: what to load, or NULL */
    const char *stream;
    const char *stream_is_missing; /* there should be one, but is not */
    bool has_stream;
} gwc_nginx_t;

/*
 * Asks the nginx at path (NULL: the one in PATH, then /usr/sbin/nginx) and
 * looks for our module in modules (NULL: beside this program, then in
 * nginx's own directory).  False after an error, which is in diag.
 */
bool gwc_nginx_find(gwc_nginx_t *nginx, const char *path, const char *modules);

/* a program is there, whatever it is */
bool gwc_nginx_exists(const char *path);

/* it was built with that configure argument */
bool gwc_nginx_has(const gwc_nginx_t *nginx, const char *argument);

/*
 * Runs argv[0] (a path) to its end.  output: what it wrote to stdout and
 * stderr; NULL: it goes where ours goes.  Its exit status, or -1.
 */
int gwc_spawn(const char *const *argv, gwc_buf_t *output);

#endif
