
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Windows of the calendar.
 */


#include "ngx_http_gateway_windows.h"


ngx_http_gateway_period_t
    ngx_http_gateway_periods[NGX_HTTP_GATEWAY_PERIODS] =
{
    { "second", 1, 1 },
    { "minute", 60, 60 },
    { "hour", 3600, 3600 },
    { "day", 86400, 86400 },
    { "month", 2592000, 2678400 },
    { "year", 31536000, 31622400 }
};


void
ngx_http_gateway_windows(time_t now, uint32_t start[NGX_HTTP_GATEWAY_PERIODS])
{
    uint32_t   t, day;
    struct tm  tm;

    t = (uint32_t) now;

    ngx_libc_gmtime(now, &tm);

    day = t - t % 86400;

    start[0] = t;
    start[1] = t - t % 60;
    start[2] = t - t % 3600;
    start[3] = day;
    start[4] = day - (tm.tm_mday - 1) * 86400;
    start[5] = day - tm.tm_yday * 86400;
}
