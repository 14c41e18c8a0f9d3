
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Answers of the status listener, and what it tells about the process.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_status.h"
#include "gateway_uuid.h"


static ngx_int_t ngx_http_gateway_status_headers(ngx_http_request_t *r);
static int ngx_libc_cdecl ngx_http_gateway_status_compare(const void *one,
    const void *two);
static ngx_int_t ngx_http_gateway_status_worker(ngx_array_t *workers,
    ngx_pid_t pid);
static ngx_uint_t ngx_http_gateway_status_statm(u_char **p, u_char *last);


static ngx_http_gateway_zone_kind_t  *ngx_http_gateway_zone_kinds;


#if (NGX_STAT_STUB)

ngx_http_gateway_stat_t  ngx_http_gateway_stats[] = {
    { ngx_string("accepted"), ngx_string("connections_accepted"),
      &ngx_stat_accepted },
    { ngx_string("active"), ngx_string("connections_active"),
      &ngx_stat_active },
    { ngx_string("handled"), ngx_string("connections_handled"),
      &ngx_stat_handled },
    { ngx_string("reading"), ngx_string("connections_reading"),
      &ngx_stat_reading },
    { ngx_string("total"), ngx_string("total_requests"),
      &ngx_stat_requests },
    { ngx_string("waiting"), ngx_string("connections_waiting"),
      &ngx_stat_waiting },
    { ngx_string("writing"), ngx_string("connections_writing"),
      &ngx_stat_writing },
    { ngx_null_string, ngx_null_string, NULL }
};

#else

/* an nginx without the stub_status module counts nothing */

ngx_http_gateway_stat_t  ngx_http_gateway_stats[] = {
    { ngx_null_string, ngx_null_string, NULL }
};

#endif


ngx_int_t
ngx_http_gateway_status_send(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *type, ngx_chain_t *out, off_t len)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    if (ngx_http_gateway_status_headers(r) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    if (type) {
        r->headers_out.content_type = *type;
        r->headers_out.content_type_len = type->len;
        r->headers_out.content_type_lowcase = NULL;
    }

    if (len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    for (cl = out; cl->next; cl = cl->next) { /* void */ }

    cl->buf->last_buf = 1;
    cl->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, out);
}


/* Server, and how long it took: what the settings leave of them */

static ngx_int_t
ngx_http_gateway_status_headers(ngx_http_request_t *r)
{
    u_char                        *p;
    ngx_str_t                      value;
    ngx_time_t                    *tp;
    ngx_table_elt_t               *h;
    ngx_msec_int_t                 ms;
    ngx_http_gateway_main_conf_t  *gmcf;

    static ngx_str_t  server = ngx_string("Server");
    static ngx_str_t  token = ngx_string(NGX_HTTP_GATEWAY_TOKEN);
    static ngx_str_t  latency = ngx_string("X-Kong-Admin-Latency");

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    h = ngx_http_gateway_header_out_add(r, &server, &token);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = (gmcf->headers & NGX_HTTP_GATEWAY_HEADER_SERVER) ? 1 : 0;
    r->headers_out.server = h;

    if (!(gmcf->headers & NGX_HTTP_GATEWAY_HEADER_ADMIN_LATENCY)) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    value.data = p;
    value.len = ngx_sprintf(p, "%M", (ngx_msec_t) ngx_max(ms, 0)) - p;

    return ngx_http_gateway_header_out_add(r, &latency, &value) ? NGX_OK
                                                                : NGX_ERROR;
}


ngx_int_t
ngx_http_gateway_status_message(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *message)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static ngx_str_t  type = ngx_string("application/json; charset=utf-8");

    b = ngx_create_temp_buf(r->pool, message->len
                                     + sizeof("{\"message\":\"\"}") - 1);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_sprintf(b->last, "{\"message\":\"%V\"}", message);

    out.buf = b;
    out.next = NULL;

    return ngx_http_gateway_status_send(r, status, &type, &out,
                                        b->last - b->pos);
}


ngx_int_t
ngx_http_gateway_status_get(ngx_http_request_t *r, ngx_int_t *rc)
{
    static ngx_str_t  method = ngx_string("Method not allowed");

    *rc = ngx_http_discard_request_body(r);

    if (*rc != NGX_OK) {
        return NGX_DECLINED;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        *rc = ngx_http_gateway_status_message(r, NGX_HTTP_NOT_ALLOWED,
                                              &method);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_array_t *
ngx_http_gateway_status_workers(ngx_pool_t *pool)
{
    ngx_int_t     i;
    ngx_array_t  *workers;

    workers = ngx_array_create(pool, 8, sizeof(ngx_http_gateway_worker_t));
    if (workers == NULL) {
        return NULL;
    }

    if (ngx_http_gateway_status_worker(workers, ngx_pid) != NGX_OK) {
        return NULL;
    }

    /*
     * The table of the master as it was when this worker was forked, kept up
     * by messages: processes that are gone have lost their channel.  Those
     * that came later may be past ngx_last_process.
     */

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {

        if (ngx_processes[i].pid <= 0
            || ngx_processes[i].pid == ngx_pid
            || ngx_processes[i].detached
            || ngx_processes[i].channel[0] <= 0)
        {
            continue;
        }

        if (ngx_http_gateway_status_worker(workers, ngx_processes[i].pid)
            != NGX_OK)
        {
            return NULL;
        }
    }

    ngx_qsort(workers->elts, workers->nelts,
              sizeof(ngx_http_gateway_worker_t),
              ngx_http_gateway_status_compare);

    return workers;
}


static int ngx_libc_cdecl
ngx_http_gateway_status_compare(const void *one, const void *two)
{
    const ngx_http_gateway_worker_t  *first = one;
    const ngx_http_gateway_worker_t  *second = two;

    return (first->pid > second->pid) - (first->pid < second->pid);
}


/* a few bytes made by the kernel, not a file on a disk */
static ngx_int_t
ngx_http_gateway_status_worker(ngx_array_t *workers, ngx_pid_t pid)
{
    u_char                     *p, *last, text[256];
    ssize_t                     n;
    ngx_fd_t                    fd;
    ngx_uint_t                  resident, shared;
    ngx_http_gateway_worker_t  *worker;

    *ngx_snprintf(text, sizeof(text) - 1, "/proc/%P/statm", pid) = '\0';

    fd = ngx_open_file(text, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {

        if (pid != ngx_pid) {
            /* gone, or no such file system: nothing to tell */
            return NGX_OK;
        }

        n = 0;

    } else {
        n = ngx_read_fd(fd, text, sizeof(text));

        if (ngx_close_file(fd) == NGX_FILE_ERROR) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          ngx_close_file_n " \"/proc/%P/statm\" failed", pid);
        }
    }

    p = text;
    last = text + ngx_max(n, 0);

    /* size resident shared ..., in pages */
    (void) ngx_http_gateway_status_statm(&p, last);
    resident = ngx_http_gateway_status_statm(&p, last);
    shared = ngx_http_gateway_status_statm(&p, last);

    worker = ngx_array_push(workers);
    if (worker == NULL) {
        return NGX_ERROR;
    }

    worker->pid = pid;
    worker->memory = resident > shared ? (resident - shared) * ngx_pagesize
                                       : 0;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_status_statm(u_char **p, u_char *last)
{
    ngx_uint_t  value;

    value = 0;

    while (*p < last && **p >= '0' && **p <= '9') {
        value = value * 10 + (**p - '0');
        (*p)++;
    }

    if (*p < last) {
        (*p)++;
    }

    return value;
}


ngx_array_t *
ngx_http_gateway_status_zones(ngx_pool_t *pool)
{
    ngx_uint_t                i;
    ngx_array_t              *zones;
    ngx_shm_zone_t           *shm_zone;
    ngx_list_part_t          *part;
    ngx_http_gateway_zone_t  *zone;

    zones = ngx_array_create(pool, 8, sizeof(ngx_http_gateway_zone_t));
    if (zones == NULL) {
        return NULL;
    }

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    shm_zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                break;
            }

            part = part->next;
            shm_zone = part->elts;
            i = 0;
        }

        if (shm_zone[i].shm.addr == NULL) {
            continue;
        }

        zone = ngx_array_push(zones);
        if (zone == NULL) {
            return NULL;
        }

        zone->name = shm_zone[i].shm.name;
        zone->size = shm_zone[i].shm.size;
        zone->used = zone->size
                     - ngx_min(zone->size,
                               ngx_http_gateway_status_unused(&shm_zone[i]));
    }

    return zones;
}


void
ngx_http_gateway_status_zone_kind(ngx_http_gateway_zone_kind_t *kind)
{
    ngx_http_gateway_zone_kind_t  *k;

    for (k = ngx_http_gateway_zone_kinds; k; k = k->next) {
        if (k == kind) {
            return;
        }
    }

    kind->next = ngx_http_gateway_zone_kinds;
    ngx_http_gateway_zone_kinds = kind;
}


size_t
ngx_http_gateway_status_unused(ngx_shm_zone_t *zone)
{
    size_t                         bytes;
    ngx_slab_pool_t               *shpool;
    ngx_http_gateway_zone_kind_t  *kind;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;
    bytes = shpool->pfree * ngx_pagesize;

    for (kind = ngx_http_gateway_zone_kinds; kind; kind = kind->next) {
        if (kind->init == zone->init) {
            return bytes + kind->unused(zone);
        }
    }

    return bytes;
}


/* made of the host's name and the prefix */

ngx_int_t
ngx_http_gateway_status_node_id(ngx_pool_t *pool, ngx_str_t *id)
{
    u_char                *p;
    size_t                 len;
    uint8_t                uuid[16];
    volatile ngx_cycle_t  *cycle;

    cycle = ngx_cycle;

    len = cycle->hostname.len + 1 + cycle->prefix.len;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(p, "%V:%V", &cycle->hostname, &cycle->prefix);

    id->data = ngx_pnalloc(pool, GATEWAY_UUID_LEN);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    id->len = GATEWAY_UUID_LEN;

    gateway_uuid_entity(uuid, "nodes", (char *) p, len);
    gateway_uuid_format((char *) id->data, uuid);

    return NGX_OK;
}
