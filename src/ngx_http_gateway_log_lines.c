
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lines of the error log, see the header.  A log of nginx is a list of places
 * to write to; ours is one more of them, behind the first, in the log of the
 * request's connection and in that of the worker.
 *
 *   c->log -> ours -> (the others of the location)
 *
 * It may be called from the middle of anything that logs, so it takes memory
 * from the system only, with a log that is off.
 */


#include "ngx_http_gateway_log_lines.h"
#include "ngx_http_gateway_conf.h"


#define NGX_HTTP_GATEWAY_LOG_LINES_MAX  1000


typedef struct {
    ngx_http_gateway_log_line_t     *first;
    ngx_http_gateway_log_line_t    **last;
    ngx_uint_t                       n;
} ngx_http_gateway_log_list_t;


/* of a request; in its pool */
typedef struct {
    ngx_log_t                        log;
    ngx_connection_t                *connection;
    ngx_http_gateway_log_list_t      list;
} ngx_http_gateway_log_lines_t;


static void ngx_http_gateway_log_lines_cleanup(void *data);
static void ngx_http_gateway_log_lines_write(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);
static void ngx_http_gateway_log_lines_write_worker(ngx_log_t *log,
    ngx_uint_t level, u_char *buf, size_t len);
static void ngx_http_gateway_log_lines_add(ngx_http_gateway_log_list_t *list,
    ngx_uint_t level, const ngx_str_t *text);
static ngx_uint_t ngx_http_gateway_log_lines_text(u_char *buf, size_t len,
    ngx_str_t *text);


/* of the worker */
static ngx_http_gateway_log_list_t  ngx_http_gateway_log_lines_worker;

/* a line is being kept: what that logs is not */
static ngx_uint_t                   ngx_http_gateway_log_lines_busy;

static ngx_uint_t                   ngx_http_gateway_log_lines_full;

static ngx_log_t                    ngx_http_gateway_log_lines_off;


void
ngx_http_gateway_log_lines_attach(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx)
{
    ngx_log_t                     *log;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_log_lines_t  *lines;

    r = r->main;
    lines = ctx->log_lines;

    if (lines == NULL) {

        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_gateway_log_lines_t));
        if (cln == NULL) {
            return;
        }

        lines = cln->data;
        ngx_memzero(lines, sizeof(ngx_http_gateway_log_lines_t));

        lines->connection = r->connection;
        lines->list.last = &lines->list.first;
        lines->log.writer = ngx_http_gateway_log_lines_write;
        lines->log.wdata = &lines->list;

        cln->handler = ngx_http_gateway_log_lines_cleanup;

        ctx->log_lines = lines;
    }

    log = r->connection->log;

    if (log->next == &lines->log) {
        return;
    }

    lines->log.log_level = log->log_level;
    lines->log.next = log->next;

    log->next = &lines->log;
}


/* the connection's log outlives the request */

static void
ngx_http_gateway_log_lines_cleanup(void *data)
{
    ngx_http_gateway_log_lines_t *lines = data;

    ngx_log_t  *log;

    log = lines->connection->log;

    if (log->next == &lines->log) {
        log->next = lines->log.next;
    }

    ngx_http_gateway_log_lines_free(lines->list.first);
}


ngx_http_gateway_log_line_t *
ngx_http_gateway_log_lines(ngx_http_gateway_ctx_t *ctx)
{
    ngx_http_gateway_log_lines_t  *lines;

    lines = ctx->log_lines;

    return lines ? lines->list.first : NULL;
}


ngx_int_t
ngx_http_gateway_log_lines_init_process(ngx_cycle_t *cycle)
{
    ngx_log_t                     *log;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_module);

    if (gmcf == NULL || !gmcf->log_lines) {
        return NGX_OK;
    }

    log = ngx_pcalloc(cycle->pool, sizeof(ngx_log_t));
    if (log == NULL) {
        return NGX_ERROR;
    }

    log->log_level = cycle->log->log_level;
    log->writer = ngx_http_gateway_log_lines_write_worker;
    log->next = cycle->log->next;

    cycle->log->next = log;

    return NGX_OK;
}


ngx_http_gateway_log_line_t *
ngx_http_gateway_log_lines_take(void)
{
    ngx_http_gateway_log_line_t  *line;

    line = ngx_http_gateway_log_lines_worker.first;

    ngx_memzero(&ngx_http_gateway_log_lines_worker,
                sizeof(ngx_http_gateway_log_list_t));

    return line;
}


void
ngx_http_gateway_log_lines_free(ngx_http_gateway_log_line_t *line)
{
    ngx_http_gateway_log_line_t  *next;

    while (line) {
        next = line->next;
        ngx_free(line);
        line = next;
    }
}


static void
ngx_http_gateway_log_lines_write(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len)
{
    ngx_str_t  text;

    (void) ngx_http_gateway_log_lines_text(buf, len, &text);

    ngx_http_gateway_log_lines_add(log->wdata, level, &text);
}


/* lines of connections are those of requests, or of none that we know */

static void
ngx_http_gateway_log_lines_write_worker(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len)
{
    ngx_str_t                     text;
    ngx_http_gateway_log_list_t  *list;

    if (ngx_http_gateway_log_lines_text(buf, len, &text)) {
        return;
    }

    list = &ngx_http_gateway_log_lines_worker;

    if (list->first == NULL) {
        list->last = &list->first;
    }

    ngx_http_gateway_log_lines_add(list, level, &text);
}


static void
ngx_http_gateway_log_lines_add(ngx_http_gateway_log_list_t *list,
    ngx_uint_t level, const ngx_str_t *text)
{
    ngx_time_t                   *tp;
    ngx_http_gateway_log_line_t  *line;

    if (ngx_http_gateway_log_lines_busy) {
        return;
    }

    if (list->n == NGX_HTTP_GATEWAY_LOG_LINES_MAX) {

        if (!ngx_http_gateway_log_lines_full) {
            ngx_http_gateway_log_lines_full = 1;

            ngx_http_gateway_log_lines_busy = 1;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "too many lines of the error log to send them: new "
                          "ones are left out");
            ngx_http_gateway_log_lines_busy = 0;
        }

        return;
    }

    ngx_http_gateway_log_lines_full = 0;

    line = ngx_alloc(sizeof(ngx_http_gateway_log_line_t) + text->len,
                     &ngx_http_gateway_log_lines_off);
    if (line == NULL) {
        return;
    }

    tp = ngx_timeofday();

    line->next = NULL;
    line->time = ((uint64_t) tp->sec * 1000 + tp->msec) * 1000000;
    line->level = level;
    line->text.len = text->len;
    line->text.data = (u_char *) line + sizeof(ngx_http_gateway_log_line_t);

    ngx_memcpy(line->text.data, text->data, text->len);

    *list->last = line;
    list->last = &line->next;
    list->n++;
}


/*
 * "2026/01/31 12:00:00 [error] 12#12: *7 text", a line feed: the text; returns
 * if there is the number of a connection
 */

static ngx_uint_t
ngx_http_gateway_log_lines_text(u_char *buf, size_t len, ngx_str_t *text)
{
    u_char      *p, *last, *end;
    ngx_uint_t   connection;

    last = buf + len;
    connection = 0;

    while (last > buf && (last[-1] == LF || last[-1] == CR)) {
        last--;
    }

    p = ngx_strlchr(buf, last, ']');
    end = p ? ngx_strlchr(p, last, ':') : NULL;

    if (end && end + 2 <= last) {

        p = end + 2;

        if (p < last && *p == '*') {

            for (end = p + 1; end < last && *end >= '0' && *end <= '9'; end++)
            { /* void */ }

            if (end > p + 1 && end < last && *end == ' ') {
                connection = 1;
                p = end + 1;
            }
        }

    } else {
        p = buf;
    }

    text->data = p;
    text->len = last - p;

    return connection;
}
