
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_LOG_LINES_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_LINES_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Lines of the error log, as long as somebody wants them: those of a request,
 * while it lasts, and those of the worker that belong to no connection.  The
 * level is that of the error log.  Of each, the first 1000 are kept: later
 * ones are not more important.
 *
 * A configuration sets gmcf->log_lines for them.
 */

typedef struct ngx_http_gateway_log_line_s  ngx_http_gateway_log_line_t;

struct ngx_http_gateway_log_line_s {
    ngx_http_gateway_log_line_t     *next;      /* or NULL */
    uint64_t                         time;      /* nanoseconds since 1970 */
    ngx_uint_t                       level;     /* NGX_LOG_ERR, ... */
    ngx_str_t                        text;      /* no time, level, process */
};


/*
 * Collects those of the request.  nginx forgets about it when the location
 * changes, so the core calls it at each of its steps.
 */
void ngx_http_gateway_log_lines_attach(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx);

/* of the request up to now, the oldest one, or NULL */
ngx_http_gateway_log_line_t *ngx_http_gateway_log_lines(
    ngx_http_gateway_ctx_t *ctx);

/* for init process of who wants them: collects those of the worker */
ngx_int_t ngx_http_gateway_log_lines_init_process(ngx_cycle_t *cycle);

/* of the worker since the last call, the oldest one; the caller frees them */
ngx_http_gateway_log_line_t *ngx_http_gateway_log_lines_take(void);

void ngx_http_gateway_log_lines_free(ngx_http_gateway_log_line_t *line);


#endif /* _NGX_HTTP_GATEWAY_LOG_LINES_H_INCLUDED_ */
