
/*
 * Copyright (C) the ngx_gateway authors
 *
 * A reload that loses no HTTP/1 request.  A worker that is told to quit
 * closes its idle keep-alive connections at once; a request that is on its
 * way on one of them is lost.  With "gateway_reload_grace" the worker keeps
 * them for that long, answers what still comes with "Connection: close", and
 * keeps the promise of responses that were on their way with keep-alive.
 *
 * nginx has no call for modules at that moment, but it calls the read handler
 * of each idle connection, in the order of their slots.  So a connection that
 * nobody uses, the sentinel, takes the first free slot of a worker and waits.
 *
 * Costs one connection of each worker and nothing per request: the filters
 * are put before the others only when a worker quits.  What waits for a
 * request is recognized by the action in its log context; where a future
 * nginx has another text there, workers quit as they do without the module.
 */


#include "ngx_http_gateway.h"


/* a response whose header was sent with keep-alive before the worker quit */
typedef struct ngx_http_gateway_reload_promise_s {
    struct ngx_http_gateway_reload_promise_s  *next;    /* in done */
    struct ngx_http_gateway_reload_worker_s   *worker;
    ngx_connection_t                          *connection;
    ngx_atomic_uint_t                          number;  /* of connection */
} ngx_http_gateway_reload_promise_t;


/* of each worker */
typedef struct ngx_http_gateway_reload_worker_s {
    ngx_msec_t                                 grace;
    ngx_connection_t                          *sentinel;

    ngx_event_t                                below;   /* posted */

    /* since it quits */

    ngx_uint_t                                 promises;
    ngx_http_gateway_reload_promise_t         *done;
    ngx_event_t                                settle;  /* posted */
    ngx_event_t                                end;     /* of the grace */

    unsigned                                   holding:1;
} ngx_http_gateway_reload_worker_t;


typedef struct {
    ngx_msec_t                                 grace;   /* 0: off */
    ngx_http_gateway_reload_worker_t           worker;
} ngx_http_gateway_reload_main_conf_t;


static void ngx_http_gateway_reload_quit_handler(ngx_event_t *rev);
static ngx_uint_t ngx_http_gateway_reload_is_client(ngx_connection_t *c);
static ngx_uint_t ngx_http_gateway_reload_is_idle(ngx_connection_t *c);
static void ngx_http_gateway_reload_keep(
    ngx_http_gateway_reload_worker_t *worker, ngx_connection_t *c);
static ngx_int_t ngx_http_gateway_reload_promise(
    ngx_http_gateway_reload_worker_t *worker, ngx_connection_t *c);
static void ngx_http_gateway_reload_done(void *data);
static void ngx_http_gateway_reload_settle_handler(ngx_event_t *ev);
static void ngx_http_gateway_reload_end_handler(ngx_event_t *ev);
static void ngx_http_gateway_reload_exiting(
    ngx_http_gateway_reload_worker_t *worker);

static ngx_int_t ngx_http_gateway_reload_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_reload_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);

static ngx_int_t ngx_http_gateway_reload_log_handler(ngx_http_request_t *r);
static void ngx_http_gateway_reload_below_handler(ngx_event_t *ev);

static ngx_int_t ngx_http_gateway_reload_init_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_reload_watch(ngx_cycle_t *cycle,
    ngx_connection_t *sentinel);

static void *ngx_http_gateway_reload_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_reload_init_main_conf(ngx_conf_t *cf,
    void *conf);
static char *ngx_http_gateway_reload_grace(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_command_t  ngx_http_gateway_reload_commands[] = {

    { ngx_string("gateway_reload_grace"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_reload_grace,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_reload_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_reload_create_main_conf, /* create main configuration */
    ngx_http_gateway_reload_init_main_conf, /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_reload_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_reload_module_ctx,   /* module context */
    ngx_http_gateway_reload_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_reload_init_process,  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * The worker quits: nginx has set ngx_exiting, closed its listening sockets,
 * and is about to close the idle connections in the slots behind this one.
 */

static void
ngx_http_gateway_reload_quit_handler(ngx_event_t *rev)
{
    ngx_uint_t                         i, kept;
    ngx_connection_t                  *c;
    ngx_http_gateway_reload_worker_t  *worker;

    c = rev->data;
    worker = c->data;

    if (!c->close) {
        return;
    }

    ngx_close_connection(c);

    worker->sentinel = NULL;
    kept = 0;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_reload_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_gateway_reload_body_filter;

    for (i = 0; i < ngx_cycle->connection_n; i++) {
        c = &ngx_cycle->connections[i];

        if (!ngx_http_gateway_reload_is_client(c)) {
            continue;
        }

        if (ngx_http_gateway_reload_is_idle(c)) {
            ngx_http_gateway_reload_keep(worker, c);
            kept++;
            continue;
        }

        if (ngx_http_gateway_reload_promise(worker, c) != NGX_OK) {
            /* the others are kept all the same */
            ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                          "reload: no memory to keep a connection");
        }
    }

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "reload: %ui idle connections and %ui responses are given "
                  "%M ms", kept, worker->promises, worker->grace);

    if (worker->promises == 0) {
        return;
    }

    /*
     * While ngx_exiting is set, nginx closes a connection at the end of its
     * response, whatever the response said.  Our header filter sees to it
     * that no other response promises anything.
     */

    worker->holding = 1;
    ngx_exiting = 0;

    ngx_add_timer(&worker->end, worker->grace);
}


/* an HTTP connection over TCP; what came of it, we do not know yet */

static ngx_uint_t
ngx_http_gateway_reload_is_client(ngx_connection_t *c)
{
    return c->fd != (ngx_socket_t) -1
           && c->type == SOCK_STREAM
           && c->listening
           && c->listening->handler == ngx_http_init_connection
           && c->log
           && c->log->data;
}


/*
 * It waits for the next request of HTTP/1, or for its first one.  The latter
 * nginx would keep for all of client_header_timeout.
 */

static ngx_uint_t
ngx_http_gateway_reload_is_idle(ngx_connection_t *c)
{
    return c->read->timer_set
           && c->log->action
           && (ngx_strcmp(c->log->action, "keepalive") == 0
               || ngx_strcmp(c->log->action, "waiting for request") == 0);
}


static void
ngx_http_gateway_reload_keep(ngx_http_gateway_reload_worker_t *worker,
    ngx_connection_t *c)
{
    ngx_msec_int_t  left;

    c->idle = 0;

    left = (ngx_msec_int_t) (c->read->timer.key - ngx_current_msec);

    if (left > (ngx_msec_int_t) worker->grace) {
        ngx_add_timer(c->read, worker->grace);
    }
}


static ngx_int_t
ngx_http_gateway_reload_promise(ngx_http_gateway_reload_worker_t *worker,
    ngx_connection_t *c)
{
    ngx_http_request_t                 *r;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_log_ctx_t                 *ctx;
    ngx_http_gateway_reload_promise_t  *promise;

    ctx = c->log->data;
    r = ctx->request;

    /* streams of HTTP/2 have connections of their own, not in these slots */

    if (r == NULL
        || r->connection != c
        || r->pool == NULL
        || !r->header_sent
        || !r->keepalive)
    {
        return NGX_OK;
    }

    /* outlives the request, and the connection; the process ends soon */

    promise = ngx_palloc(ngx_cycle->pool,
                         sizeof(ngx_http_gateway_reload_promise_t));
    if (promise == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    promise->worker = worker;
    promise->connection = c;
    promise->number = c->number;

    cln->handler = ngx_http_gateway_reload_done;
    cln->data = promise;

    worker->promises++;

    return NGX_OK;
}


/*
 * The request ends.  Its connection is made an idle one, or closed, after
 * this and before posted events.
 */

static void
ngx_http_gateway_reload_done(void *data)
{
    ngx_http_gateway_reload_promise_t *promise = data;

    ngx_http_gateway_reload_worker_t  *worker;

    worker = promise->worker;

    promise->next = worker->done;
    worker->done = promise;

    if (!worker->settle.posted) {
        ngx_post_event(&worker->settle, &ngx_posted_events);
    }
}


static void
ngx_http_gateway_reload_settle_handler(ngx_event_t *ev)
{
    ngx_connection_t                   *c;
    ngx_http_gateway_reload_worker_t   *worker;
    ngx_http_gateway_reload_promise_t  *promise;

    worker = ev->data;

    while (worker->done) {
        promise = worker->done;
        worker->done = promise->next;
        worker->promises--;

        c = promise->connection;

        if (c->number == promise->number
            && ngx_http_gateway_reload_is_client(c)
            && ngx_http_gateway_reload_is_idle(c))
        {
            ngx_http_gateway_reload_keep(worker, c);
        }
    }

    if (worker->promises == 0 || !worker->holding) {
        ngx_http_gateway_reload_exiting(worker);
    }
}


/* what is still on its way is seen to by the body filter */

static void
ngx_http_gateway_reload_end_handler(ngx_event_t *ev)
{
    ngx_http_gateway_reload_worker_t  *worker;

    worker = ev->data;

    ngx_log_error(NGX_LOG_INFO, ev->log, 0,
                  "reload: the grace ends, %ui responses go on",
                  worker->promises);

    ngx_http_gateway_reload_exiting(worker);
}


static void
ngx_http_gateway_reload_exiting(ngx_http_gateway_reload_worker_t *worker)
{
    if (worker->end.timer_set) {
        ngx_del_timer(&worker->end);
    }

    worker->holding = 0;

    if (ngx_exiting) {
        return;
    }

    ngx_exiting = 1;

    /* connections to upstreams that were kept meanwhile */
    ngx_close_idle_connections((ngx_cycle_t *) ngx_cycle);
}


/* while ngx_exiting is not set nginx would promise keep-alive */

static ngx_int_t
ngx_http_gateway_reload_header_filter(ngx_http_request_t *r)
{
    if (r == r->main) {
        r->keepalive = 0;
    }

    return ngx_http_next_header_filter(r);
}


/*
 * The end of a response that promised keep-alive before the worker quit, and
 * took longer than the grace: what follows in this event decides about the
 * connection by ngx_exiting.
 */

static ngx_int_t
ngx_http_gateway_reload_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t                          *cl;
    ngx_http_gateway_reload_worker_t     *worker;
    ngx_http_gateway_reload_main_conf_t  *rlmcf;

    if (!ngx_exiting
        || ngx_terminate
        || r != r->main
        || !r->keepalive
        || !r->header_sent
        || r->http_version >= NGX_HTTP_VERSION_20)
    {
        return ngx_http_next_body_filter(r, in);
    }

    /* nothing new: what was held back by the client goes out */

    for (cl = in; cl; cl = cl->next) {
        if (cl->buf->last_buf) {
            break;
        }
    }

    if (in == NULL || cl) {
        rlmcf = ngx_http_get_module_main_conf(r,
                                              ngx_http_gateway_reload_module);
        worker = &rlmcf->worker;

        ngx_exiting = 0;

        if (!worker->settle.posted) {
            ngx_post_event(&worker->settle, &ngx_posted_events);
        }
    }

    return ngx_http_next_body_filter(r, in);
}


/*
 * In a worker where a slot before the sentinel's may become a client's: nginx
 * would close such a connection before we are called, so it is never idle in
 * nginx's sense.
 */

static ngx_int_t
ngx_http_gateway_reload_log_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_reload_worker_t     *worker;
    ngx_http_gateway_reload_main_conf_t  *rlmcf;

    rlmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_reload_module);
    worker = &rlmcf->worker;

    if (r->connection < worker->sentinel && !worker->below.posted) {
        ngx_post_event(&worker->below, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_reload_below_handler(ngx_event_t *ev)
{
    ngx_connection_t                  *c;
    ngx_http_gateway_reload_worker_t  *worker;

    worker = ev->data;

    if (worker->sentinel == NULL) {
        return;
    }

    for (c = ngx_cycle->connections; c < worker->sentinel; c++) {

        if (ngx_http_gateway_reload_is_client(c)
            && ngx_http_gateway_reload_is_idle(c))
        {
            c->idle = 0;
        }
    }
}


static ngx_int_t
ngx_http_gateway_reload_init_process(ngx_cycle_t *cycle)
{
    ngx_socket_t                          fd;
    ngx_connection_t                     *c;
    ngx_http_gateway_reload_worker_t     *worker;
    ngx_http_gateway_reload_main_conf_t  *rlmcf;

    rlmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_reload_module);

    if (rlmcf == NULL
        || rlmcf->grace == 0
        || ngx_process != NGX_PROCESS_WORKER)
    {
        return NGX_OK;
    }

    worker = &rlmcf->worker;
    worker->grace = rlmcf->grace;

    worker->below.handler = ngx_http_gateway_reload_below_handler;
    worker->below.data = worker;
    worker->below.log = cycle->log;

    worker->settle.handler = ngx_http_gateway_reload_settle_handler;
    worker->settle.data = worker;
    worker->settle.log = cycle->log;

    worker->end.handler = ngx_http_gateway_reload_end_handler;
    worker->end.data = worker;
    worker->end.log = cycle->log;

    /* any descriptor will do */

    fd = ngx_socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      "reload: " ngx_socket_n " failed, connections are not "
                      "kept when this worker quits");
        return NGX_OK;
    }

    c = ngx_get_connection(fd, cycle->log);

    if (c == NULL) {

        if (ngx_close_socket(fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                          ngx_close_socket_n " failed");
        }

        return NGX_OK;
    }

    c->data = worker;
    c->read->handler = ngx_http_gateway_reload_quit_handler;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->idle = 1;

    worker->sentinel = c;

    return ngx_http_gateway_reload_watch(cycle, c);
}


/*
 * Slots before the sentinel's belong to listening sockets, which stay, and to
 * what other modules have opened.
 */

static ngx_int_t
ngx_http_gateway_reload_watch(ngx_cycle_t *cycle, ngx_connection_t *sentinel)
{
    ngx_connection_t           *c;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    for (c = cycle->connections; c < sentinel; c++) {

        if (c->fd == (ngx_socket_t) -1 || !c->read->accept) {
            break;
        }
    }

    if (c == sentinel) {
        return NGX_OK;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_reload_log_handler;

    return NGX_OK;
}


static void *
ngx_http_gateway_reload_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_reload_main_conf_t  *rlmcf;

    rlmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_reload_main_conf_t));
    if (rlmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rlmcf->worker = { 0 };
     */

    rlmcf->grace = NGX_CONF_UNSET_MSEC;

    return rlmcf;
}


static char *
ngx_http_gateway_reload_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_reload_main_conf_t *rlmcf = conf;

    ngx_conf_init_msec_value(rlmcf->grace, 0);

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_reload_grace(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_reload_main_conf_t *rlmcf = conf;

    ngx_int_t   grace;
    ngx_str_t  *value;

    if (rlmcf->grace != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        rlmcf->grace = 0;
        return NGX_CONF_OK;
    }

    grace = ngx_parse_time(&value[1], 0);

    if (grace == NGX_ERROR || grace == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"gateway_reload_grace\": "
                           "expected more than 0, like \"2s\", or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    rlmcf->grace = (ngx_msec_t) grace;

    return NGX_CONF_OK;
}
