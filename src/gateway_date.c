
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Dates of RFC 3339.
 */


#include "gateway_date.h"


typedef struct {
    const char  *p;
    const char  *last;
} gateway_date_text_t;


static int gateway_date_number(gateway_date_text_t *t, int digits, int min,
    int max);
static int gateway_date_char(gateway_date_text_t *t, char c);
static int gateway_date_offset(gateway_date_text_t *t, int *minutes);
static int gateway_date_days_of(int year, int month);
static int64_t gateway_date_day(int year, int month, int day);


int
gateway_date_parse(int64_t *seconds, const char *text, size_t len)
{
    int                  year, month, day, hour, minute, second, offset;
    gateway_date_text_t  t;

    t.p = text;
    t.last = text + len;

    year = gateway_date_number(&t, 4, 1970, 9999);
    if (year == -1 || gateway_date_char(&t, '-') != 0) {
        return -1;
    }

    month = gateway_date_number(&t, 2, 1, 12);
    if (month == -1 || gateway_date_char(&t, '-') != 0) {
        return -1;
    }

    day = gateway_date_number(&t, 2, 1, gateway_date_days_of(year, month));
    if (day == -1) {
        return -1;
    }

    *seconds = gateway_date_day(year, month, day) * 86400;

    if (t.p == t.last) {
        return 0;
    }

    if (gateway_date_char(&t, 'T') != 0 && gateway_date_char(&t, 't') != 0) {
        return -1;
    }

    hour = gateway_date_number(&t, 2, 0, 23);
    if (hour == -1 || gateway_date_char(&t, ':') != 0) {
        return -1;
    }

    minute = gateway_date_number(&t, 2, 0, 59);
    if (minute == -1 || gateway_date_char(&t, ':') != 0) {
        return -1;
    }

    /* 60 is a leap second */

    second = gateway_date_number(&t, 2, 0, 60);
    if (second == -1) {
        return -1;
    }

    if (gateway_date_char(&t, '.') == 0) {

        if (gateway_date_number(&t, 1, 0, 9) == -1) {
            return -1;
        }

        while (gateway_date_number(&t, 1, 0, 9) != -1) {
            /* void */
        }
    }

    if (gateway_date_offset(&t, &offset) != 0 || t.p != t.last) {
        return -1;
    }

    *seconds += (int64_t) hour * 3600 + (int64_t) (minute - offset) * 60
                + second;

    return *seconds < 0 ? -1 : 0;
}


/* exactly so many digits; -1, and nothing is taken, if it is out of bounds */

static int
gateway_date_number(gateway_date_text_t *t, int digits, int min, int max)
{
    int  i, n;

    if (t->last - t->p < digits) {
        return -1;
    }

    n = 0;

    for (i = 0; i < digits; i++) {

        if (t->p[i] < '0' || t->p[i] > '9') {
            return -1;
        }

        n = n * 10 + (t->p[i] - '0');
    }

    if (n < min || n > max) {
        return -1;
    }

    t->p += digits;

    return n;
}


static int
gateway_date_char(gateway_date_text_t *t, char c)
{
    if (t->p == t->last || *t->p != c) {
        return -1;
    }

    t->p++;

    return 0;
}


static int
gateway_date_offset(gateway_date_text_t *t, int *minutes)
{
    int  sign, hour, minute;

    *minutes = 0;

    if (gateway_date_char(t, 'Z') == 0 || gateway_date_char(t, 'z') == 0) {
        return 0;
    }

    if (gateway_date_char(t, '+') == 0) {
        sign = 1;

    } else if (gateway_date_char(t, '-') == 0) {
        sign = -1;

    } else {
        return -1;
    }

    hour = gateway_date_number(t, 2, 0, 23);
    if (hour == -1 || gateway_date_char(t, ':') != 0) {
        return -1;
    }

    minute = gateway_date_number(t, 2, 0, 59);
    if (minute == -1) {
        return -1;
    }

    *minutes = sign * (hour * 60 + minute);

    return 0;
}


static int
gateway_date_days_of(int year, int month)
{
    static const int  days[] = { 31, 28, 31, 30, 31, 30,
                                 31, 31, 30, 31, 30, 31 };

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        return 29;
    }

    return days[month - 1];
}


/* days since 1970-01-01, in the Gregorian calendar */

static int64_t
gateway_date_day(int year, int month, int day)
{
    int      m;
    int64_t  n, y;

    /* leap days since year 1 */

    y = year - 1;
    n = y * 365 + y / 4 - y / 100 + y / 400;

    for (m = 1; m < month; m++) {
        n += gateway_date_days_of(year, m);
    }

    /* 719162 days before 1970 */

    return n + day - 1 - 719162;
}
