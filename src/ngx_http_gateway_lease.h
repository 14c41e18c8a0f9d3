
/*
 * Copyright (C) the ngx_gateway authors
 *
 * A lease in shared memory: of the workers that want to do something in the
 * background, one does it; when it dies, another takes over.
 */


#ifndef _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* zeroed at first; read and written under a lock of the owner's memory */
typedef struct {
    uint64_t                         holder;    /* pid, or 0 */
    uint64_t                         renewed;   /* ngx_current_msec */
} ngx_http_gateway_lease_t;


/*
 * 1 if this worker holds the lease now, and does for so many milliseconds
 * more: it was free, or ours, or had run out.
 */
ngx_uint_t ngx_http_gateway_lease_take(ngx_http_gateway_lease_t *lease,
    ngx_msec_t time);

/* others need not wait until it runs out */
void ngx_http_gateway_lease_give(ngx_http_gateway_lease_t *lease);


#endif /* _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_ */
