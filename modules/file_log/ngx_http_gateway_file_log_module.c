
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Appends the log record of each request to a file, in the log phase: one
 * write() of a whole line, so that several processes may share the file.
 * When a write fails the record is lost, with a message once a second.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_record.h"


typedef struct {
    ngx_http_gateway_record_conf_t   record;    /* must be the first */

    ngx_str_t                        path;
    ngx_flag_t                       reopen;

    ngx_open_file_t                 *file;      /* NULL: reopened each time */
    ngx_fd_t                         fd;        /* what that falls back to */
    time_t                           failed;    /* last message */
} ngx_http_gateway_file_log_conf_t;


static void ngx_http_gateway_file_log_log(ngx_http_request_t *r, void *data);
static void ngx_http_gateway_file_log_fail(ngx_http_request_t *r,
    ngx_http_gateway_file_log_conf_t *conf, ngx_err_t err,
    const char *what);
static char *ngx_http_gateway_file_log_check(ngx_conf_t *cf, void *data);
static char *ngx_http_gateway_file_log_fallback(ngx_conf_t *cf,
    ngx_http_gateway_file_log_conf_t *conf);
static ngx_int_t ngx_http_gateway_file_log_preconfiguration(ngx_conf_t *cf);


static ngx_http_gateway_param_t  ngx_http_gateway_file_log_params[] = {

    { ngx_string("path"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_file_log_conf_t, path), 0, 0, NULL },

    { ngx_string("reopen"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_file_log_conf_t, reopen), 0, 0, NULL },

    NGX_HTTP_GATEWAY_RECORD_PARAM,

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_file_log = {
    ngx_string("file_log"),
    9,
    0,                                     /* forbidden */
    sizeof(ngx_http_gateway_file_log_conf_t),
    ngx_http_gateway_file_log_params,
    NULL,                                  /* defaults */
    ngx_http_gateway_file_log_check,
    NULL,                                  /* access */
    NULL,                                  /* header */
    NULL,                                  /* body */
    ngx_http_gateway_file_log_log,
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_file_log_commands[] = {

    { ngx_string("gateway_file_log"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_file_log },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_file_log_module_ctx = {
    ngx_http_gateway_file_log_preconfiguration, /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_file_log_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_file_log_module_ctx, /* module context */
    ngx_http_gateway_file_log_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void
ngx_http_gateway_file_log_log(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_file_log_conf_t *conf = data;

    ssize_t    n;
    ngx_fd_t   fd, opened;
    ngx_str_t  line;

    if (ngx_http_gateway_record(r, &conf->record, &line) != NGX_OK) {
        return;
    }

    line.data[line.len++] = LF;

    opened = NGX_INVALID_FILE;

    if (conf->file) {
        fd = conf->file->fd;

    } else {
        opened = ngx_open_file(conf->path.data, NGX_FILE_APPEND,
                               NGX_FILE_CREATE_OR_OPEN,
                               NGX_FILE_DEFAULT_ACCESS);
        fd = opened;

        if (fd == NGX_INVALID_FILE) {
            ngx_http_gateway_file_log_fail(r, conf, ngx_errno,
                                           ngx_open_file_n);

            /* a record in the file of before is better than none */

            fd = conf->fd;

            if (fd == NGX_INVALID_FILE) {
                return;
            }
        }
    }

    n = ngx_write_fd(fd, line.data, line.len);

    if (n == -1) {
        ngx_http_gateway_file_log_fail(r, conf, ngx_errno, ngx_write_fd_n);

    } else if ((size_t) n != line.len) {
        ngx_http_gateway_file_log_fail(r, conf, 0,
                                       "incomplete " ngx_write_fd_n);
    }

    if (opened != NGX_INVALID_FILE && ngx_close_file(opened) == NGX_FILE_ERROR)
    {
        ngx_http_gateway_file_log_fail(r, conf, ngx_errno, ngx_close_file_n);
    }
}


/* once a second: a full disk must not fill another one */

static void
ngx_http_gateway_file_log_fail(ngx_http_request_t *r,
    ngx_http_gateway_file_log_conf_t *conf, ngx_err_t err, const char *what)
{
    if (conf->failed == ngx_time()) {
        return;
    }

    conf->failed = ngx_time();

    ngx_log_error(NGX_LOG_ERR, r->connection->log, err,
                  "file_log: %s to \"%V\" failed", what, &conf->path);
}


static char *
ngx_http_gateway_file_log_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_file_log_conf_t *conf = data;

    u_char  *p, *last;

    if (conf->path.len == 0) {
        return "needs \"path\"";
    }

    last = conf->path.data + conf->path.len;

    for (p = conf->path.data; p < last; p++) {
        if (*p < 0x20 || *p == 0x7f || ngx_strchr("*&%\\`", *p)) {
            return "has a character in \"path\" that is not allowed: one of "
                   "* & % \\ ` or a control character";
        }
    }

    if (ngx_conf_full_name(cf->cycle, &conf->path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->reopen) {
        return ngx_http_gateway_file_log_fallback(cf, conf);
    }

    /* opened by nginx, and reopened with its own logs */

    conf->file = ngx_conf_open_file(cf->cycle, &conf->path);

    return conf->file ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * Workers may not have the rights to open the file, or to create it: so it is
 * opened with those of the master, too.  That it cannot be is told when there
 * is something to write.
 */

static char *
ngx_http_gateway_file_log_fallback(ngx_conf_t *cf,
    ngx_http_gateway_file_log_conf_t *conf)
{
    ngx_pool_cleanup_t       *cln;
    ngx_pool_cleanup_file_t  *clnf;

    conf->fd = ngx_open_file(conf->path.data, NGX_FILE_APPEND,
                             NGX_FILE_CREATE_OR_OPEN,
                             NGX_FILE_DEFAULT_ACCESS);

    if (conf->fd == NGX_INVALID_FILE) {
        return NGX_CONF_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_pool_cleanup_file_t));
    if (cln == NULL) {
        (void) ngx_close_file(conf->fd);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;

    clnf->fd = conf->fd;
    clnf->name = conf->path.data;
    clnf->log = cf->log;

    if (fcntl(conf->fd, F_SETFD, FD_CLOEXEC) == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "fcntl(FD_CLOEXEC) \"%V\" failed", &conf->path);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_file_log_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_file_log);
}
