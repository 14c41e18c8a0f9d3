
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_WINDOWS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_WINDOWS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Windows of time in which things are counted: seconds, minutes, hours, days,
 * months and years of the UTC calendar.
 */

#define NGX_HTTP_GATEWAY_PERIODS  6

typedef struct {
    char                            *name;      /* "second" */
    time_t                           length;    /* seconds; a month has 30
                                                   days, a year 365 */
    time_t                           longest;   /* of these windows: 31 days,
                                                   366 */
} ngx_http_gateway_period_t;

/* from the shortest to the longest */
extern ngx_http_gateway_period_t
    ngx_http_gateway_periods[NGX_HTTP_GATEWAY_PERIODS];


/* the seconds since 1970 at which the windows that hold "now" began */
void ngx_http_gateway_windows(time_t now,
    uint32_t start[NGX_HTTP_GATEWAY_PERIODS]);


#endif /* _NGX_HTTP_GATEWAY_WINDOWS_H_INCLUDED_ */
