
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Dates as people write them, in plain C for the nginx modules and the tool.
 */


#ifndef _GATEWAY_DATE_H_INCLUDED_
#define _GATEWAY_DATE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


/*
 * "2026-11-29", which is its first second in UTC, or a date and time of
 * RFC 3339, "2026-11-29T10:00:00Z" and "2026-11-29T12:00:00+02:00"; fractions
 * of seconds are read and dropped.  0 and the seconds since 1970, or -1 when
 * the text is neither or names a day that does not exist.  Years 1970 to 9999.
 */
int gateway_date_parse(int64_t *seconds, const char *text, size_t len);


#endif /* _GATEWAY_DATE_H_INCLUDED_ */
