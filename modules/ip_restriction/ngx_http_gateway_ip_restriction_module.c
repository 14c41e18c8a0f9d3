
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Lets requests pass, or refuses them, by the client's address, in the access
 * step, after authentication.  Costs a binary search in each list.  Files of
 * addresses are read when the configuration is, and again by each worker when
 * they have changed; a file that cannot be read leaves its last list in force.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_networks.h"
#include "ngx_http_gateway_reply.h"


/* how often a worker looks whether files have changed, in milliseconds */
#define NGX_HTTP_GATEWAY_IP_RESTRICTION_CHECK  1000


/* one for each path, whatever number of instances name it */
typedef struct {
    ngx_str_t                     path;
    time_t                        mtime;     /* of what was read last ... */
    long                          nsec;
    off_t                         size;
    ngx_file_uniq_t               uniq;
    ngx_pool_t                   *pool;      /* of networks; NULL: cycle's */
    ngx_http_gateway_networks_t  *networks;
    ngx_uint_t                    gone;      /* and that is logged */
} ngx_http_gateway_ip_restriction_file_t;


typedef struct {
    ngx_array_t                   files;     /* ..._file_t * */
    ngx_event_t                   event;     /* of this worker */
} ngx_http_gateway_ip_restriction_main_conf_t;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_array_t                  *allow;
    ngx_array_t                  *deny;
    ngx_str_t                     allow_file;
    ngx_str_t                     deny_file;
    ngx_int_t                     status;
    ngx_str_t                     message;

    /* NULL when not given */
    ngx_http_gateway_networks_t  *allowed;
    ngx_http_gateway_networks_t  *denied;
    ngx_http_gateway_ip_restriction_file_t  *allowed_file;
    ngx_http_gateway_ip_restriction_file_t  *denied_file;
} ngx_http_gateway_ip_restriction_conf_t;


static ngx_int_t ngx_http_gateway_ip_restriction_handler(
    ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_ip_restriction_reject(
    ngx_http_request_t *r, ngx_http_gateway_ip_restriction_conf_t *conf);

static void ngx_http_gateway_ip_restriction_defaults(void *data);
static char *ngx_http_gateway_ip_restriction_check(ngx_conf_t *cf,
    void *data);
static ngx_int_t ngx_http_gateway_ip_restriction_list(ngx_conf_t *cf,
    ngx_array_t *list, ngx_http_gateway_networks_t **networks);
static ngx_int_t ngx_http_gateway_ip_restriction_file(ngx_conf_t *cf,
    ngx_str_t *path, ngx_http_gateway_ip_restriction_file_t **file);

static ngx_int_t ngx_http_gateway_ip_restriction_preconfiguration(
    ngx_conf_t *cf);
static void *ngx_http_gateway_ip_restriction_create_main_conf(
    ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_ip_restriction_init_process(
    ngx_cycle_t *cycle);
static void ngx_http_gateway_ip_restriction_exit_process(
    ngx_cycle_t *cycle);

static void ngx_http_gateway_ip_restriction_timer(ngx_event_t *ev);
static void ngx_http_gateway_ip_restriction_reread(
    ngx_http_gateway_ip_restriction_file_t *file, ngx_log_t *log);
static ngx_uint_t ngx_http_gateway_ip_restriction_changed(
    ngx_http_gateway_ip_restriction_file_t *file, ngx_file_info_t *info);


static ngx_http_gateway_param_t  ngx_http_gateway_ip_restriction_params[] = {

    { ngx_string("allow"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, allow), 0, 0, NULL },

    { ngx_string("deny"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, deny), 0, 0, NULL },

    { ngx_string("allow_file"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, allow_file), 0, 0,
      NULL },

    { ngx_string("deny_file"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, deny_file), 0, 0,
      NULL },

    { ngx_string("status"), NGX_HTTP_GATEWAY_PARAM_INT,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, status), 200, 599,
      NULL },

    { ngx_string("message"), NGX_HTTP_GATEWAY_PARAM_STRING,
      offsetof(ngx_http_gateway_ip_restriction_conf_t, message), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_ip_restriction = {
    ngx_string("ip_restriction"),
    990,
    0,

    sizeof(ngx_http_gateway_ip_restriction_conf_t),
    ngx_http_gateway_ip_restriction_params,
    ngx_http_gateway_ip_restriction_defaults,
    ngx_http_gateway_ip_restriction_check,

    ngx_http_gateway_ip_restriction_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_ip_restriction_commands[] = {

    { ngx_string("gateway_ip_restriction"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_ip_restriction },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_ip_restriction_module_ctx = {
    ngx_http_gateway_ip_restriction_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_ip_restriction_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_ip_restriction_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_ip_restriction_module_ctx, /* module context */
    ngx_http_gateway_ip_restriction_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_ip_restriction_init_process,
                                           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_ip_restriction_exit_process,
                                           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_ip_restriction_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_ip_restriction_conf_t  *conf = data;

    struct sockaddr  *sa;

    static ngx_str_t  unknown =
        ngx_string("Cannot identify the client IP address, unix domain "
                   "sockets are not supported.");

    /* what the realip module has found, if it is in use */

    sa = r->connection->sockaddr;

#if (NGX_HAVE_UNIX_DOMAIN)
    if (sa->sa_family == AF_UNIX) {
        return ngx_http_gateway_error(r, NGX_HTTP_FORBIDDEN, &unknown);
    }
#endif

    if ((conf->denied && ngx_http_gateway_networks_match(conf->denied, sa))
        || (conf->denied_file
            && ngx_http_gateway_networks_match(conf->denied_file->networks,
                                               sa)))
    {
        return ngx_http_gateway_ip_restriction_reject(r, conf);
    }

    if (conf->allowed == NULL && conf->allowed_file == NULL) {
        return NGX_OK;
    }

    if ((conf->allowed && ngx_http_gateway_networks_match(conf->allowed, sa))
        || (conf->allowed_file
            && ngx_http_gateway_networks_match(conf->allowed_file->networks,
                                               sa)))
    {
        return NGX_OK;
    }

    return ngx_http_gateway_ip_restriction_reject(r, conf);
}


static ngx_int_t
ngx_http_gateway_ip_restriction_reject(ngx_http_request_t *r,
    ngx_http_gateway_ip_restriction_conf_t *conf)
{
    ngx_str_t   message, *addr;

    static ngx_str_t  text = ngx_string("IP address not allowed: ");

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "ip_restriction: address not allowed");

    if (conf->message.data) {
        return ngx_http_gateway_error(r, conf->status, &conf->message);
    }

    addr = &r->connection->addr_text;

    message.len = text.len + addr->len;
    message.data = ngx_pnalloc(r->pool, message.len);
    if (message.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpymem(ngx_cpymem(message.data, text.data, text.len),
                      addr->data, addr->len);

    return ngx_http_gateway_error(r, conf->status, &message);
}


static void
ngx_http_gateway_ip_restriction_defaults(void *data)
{
    ngx_http_gateway_ip_restriction_conf_t  *conf = data;

    conf->status = NGX_HTTP_FORBIDDEN;
}


static char *
ngx_http_gateway_ip_restriction_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_ip_restriction_conf_t  *conf = data;

    if (conf->allow == NULL && conf->deny == NULL
        && conf->allow_file.len == 0 && conf->deny_file.len == 0)
    {
        return "needs \"allow\", \"deny\", \"allow_file\" or \"deny_file\"";
    }

    if (ngx_http_gateway_ip_restriction_list(cf, conf->allow, &conf->allowed)
        != NGX_OK
        || ngx_http_gateway_ip_restriction_list(cf, conf->deny, &conf->denied)
           != NGX_OK
        || ngx_http_gateway_ip_restriction_file(cf, &conf->allow_file,
                                                &conf->allowed_file)
           != NGX_OK
        || ngx_http_gateway_ip_restriction_file(cf, &conf->deny_file,
                                                &conf->denied_file)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_ip_restriction_list(ngx_conf_t *cf, ngx_array_t *list,
    ngx_http_gateway_networks_t **networks)
{
    if (list == NULL) {
        return NGX_OK;
    }

    return ngx_http_gateway_networks_list(cf, list->elts, list->nelts,
                                          "gateway_ip_restriction", networks);
}


static ngx_int_t
ngx_http_gateway_ip_restriction_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_gateway_ip_restriction_file_t **file)
{
    ngx_uint_t                                    i;
    ngx_file_info_t                               info;
    ngx_http_gateway_ip_restriction_file_t       *new, **files;
    ngx_http_gateway_ip_restriction_main_conf_t  *imcf;

    if (path->len == 0) {
        return NGX_OK;
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                      ngx_http_gateway_ip_restriction_module);
    files = imcf->files.elts;

    for (i = 0; i < imcf->files.nelts; i++) {

        if (files[i]->path.len == path->len
            && ngx_memcmp(files[i]->path.data, path->data, path->len) == 0)
        {
            *file = files[i];
            return NGX_OK;
        }
    }

    new = ngx_pcalloc(cf->pool,
                      sizeof(ngx_http_gateway_ip_restriction_file_t));
    if (new == NULL) {
        return NGX_ERROR;
    }

    new->path = *path;

    /* asked before it is read: a later change is seen by the timer */

    if (ngx_file_info(path->data, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    (void) ngx_http_gateway_ip_restriction_changed(new, &info);

    new->networks = ngx_http_gateway_networks_read(cf->pool, path,
                                                   NGX_LOG_EMERG, cf->log);
    if (new->networks == NULL) {
        return NGX_ERROR;
    }

    files = ngx_array_push(&imcf->files);
    if (files == NULL) {
        return NGX_ERROR;
    }

    *files = new;
    *file = new;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_ip_restriction_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_ip_restriction);
}


static void *
ngx_http_gateway_ip_restriction_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_ip_restriction_main_conf_t  *imcf;

    imcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_ip_restriction_main_conf_t));
    if (imcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&imcf->files, cf->pool, 4, sizeof(void *)) != NGX_OK) {
        return NULL;
    }

    return imcf;
}


static ngx_int_t
ngx_http_gateway_ip_restriction_init_process(ngx_cycle_t *cycle)
{
    ngx_event_t                                  *ev;
    ngx_http_gateway_ip_restriction_main_conf_t  *imcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                      ngx_http_gateway_ip_restriction_module);
    if (imcf == NULL || imcf->files.nelts == 0) {
        return NGX_OK;
    }

    ev = &imcf->event;

    ev->handler = ngx_http_gateway_ip_restriction_timer;
    ev->data = imcf;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_GATEWAY_IP_RESTRICTION_CHECK);

    return NGX_OK;
}


static void
ngx_http_gateway_ip_restriction_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                                    i;
    ngx_http_gateway_ip_restriction_file_t      **file;
    ngx_http_gateway_ip_restriction_main_conf_t  *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                      ngx_http_gateway_ip_restriction_module);
    if (imcf == NULL) {
        return;
    }

    file = imcf->files.elts;

    for (i = 0; i < imcf->files.nelts; i++) {

        if (file[i]->pool) {
            ngx_destroy_pool(file[i]->pool);
            file[i]->pool = NULL;
        }
    }
}


static void
ngx_http_gateway_ip_restriction_timer(ngx_event_t *ev)
{
    ngx_uint_t                                    i;
    ngx_file_info_t                               info;
    ngx_http_gateway_ip_restriction_file_t      **file;
    ngx_http_gateway_ip_restriction_main_conf_t  *imcf = ev->data;

    file = imcf->files.elts;

    for (i = 0; i < imcf->files.nelts; i++) {

        /* one that is gone for the moment will be back, or its list stays */

        if (ngx_file_info(file[i]->path.data, &info) == NGX_FILE_ERROR) {

            if (!file[i]->gone) {
                file[i]->gone = 1;

                ngx_log_error(NGX_LOG_WARN, ev->log, ngx_errno,
                              "ip_restriction: \"%V\" cannot be looked at, "
                              "its last list stays in force",
                              &file[i]->path);
            }

            continue;
        }

        if (file[i]->gone) {
            file[i]->gone = 0;

            ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                          "ip_restriction: \"%V\" is back", &file[i]->path);
        }

        if (ngx_http_gateway_ip_restriction_changed(file[i], &info)) {
            ngx_http_gateway_ip_restriction_reread(file[i], ev->log);
        }
    }

    ngx_add_timer(ev, NGX_HTTP_GATEWAY_IP_RESTRICTION_CHECK);
}


static void
ngx_http_gateway_ip_restriction_reread(
    ngx_http_gateway_ip_restriction_file_t *file, ngx_log_t *log)
{
    ngx_pool_t                   *pool;
    ngx_http_gateway_networks_t  *networks;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (pool == NULL) {
        return;
    }

    networks = ngx_http_gateway_networks_read(pool, &file->path, NGX_LOG_ERR,
                                              log);
    if (networks == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "ip_restriction: the last list of \"%V\" stays in force",
                      &file->path);
        ngx_destroy_pool(pool);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0, "ip_restriction: read \"%V\" again",
                  &file->path);

    /* no request keeps a list from one event to the next */

    if (file->pool) {
        ngx_destroy_pool(file->pool);
    }

    file->pool = pool;
    file->networks = networks;
}


/* compares with what was seen last, and remembers what is seen now */

static ngx_uint_t
ngx_http_gateway_ip_restriction_changed(
    ngx_http_gateway_ip_restriction_file_t *file, ngx_file_info_t *info)
{
    long        nsec;
    ngx_uint_t  changed;

#if (NGX_LINUX)
    nsec = info->st_mtim.tv_nsec;
#else
    nsec = 0;
#endif

    changed = (file->mtime != ngx_file_mtime(info)
               || file->nsec != nsec
               || file->size != ngx_file_size(info)
               || file->uniq != ngx_file_uniq(info));

    file->mtime = ngx_file_mtime(info);
    file->nsec = nsec;
    file->size = ngx_file_size(info);
    file->uniq = ngx_file_uniq(info);

    return changed;
}
