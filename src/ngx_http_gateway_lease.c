
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Leases in shared memory, see the header.
 */


#include "ngx_http_gateway_lease.h"


ngx_uint_t
ngx_http_gateway_lease_take(ngx_http_gateway_lease_t *lease, ngx_msec_t time)
{
    uint64_t  now;

    now = (uint64_t) ngx_current_msec;

    if (lease->holder != (uint64_t) ngx_pid
        && lease->holder != 0
        /* the clock is the machine's; it is another after a restart */
        && now <= lease->renewed + time
        && lease->renewed <= now + time)
    {
        return 0;
    }

    lease->renewed = now;
    lease->holder = (uint64_t) ngx_pid;

    return 1;
}


void
ngx_http_gateway_lease_give(ngx_http_gateway_lease_t *lease)
{
    if (lease->holder == (uint64_t) ngx_pid) {
        lease->holder = 0;
    }
}
