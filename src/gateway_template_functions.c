
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The functions that expressions may call.  Of several results of a function
 * of Lua the first counts.
 */


#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gateway_pattern.h"
#include "gateway_template_private.h"


/* what a number takes at most in format() */
#define GATEWAY_FORMAT_MAX  512


static int gateway_call_upper(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_lower(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_len(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_sub(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_rep(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_reverse(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_byte(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_find(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_match(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_gsub(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_format(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_type(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_tostring(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_tonumber(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_floor(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_ceil(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_abs(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_max(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_min(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);
static int gateway_call_concat(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason);

static int gateway_args_texts(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs, const char **reason);
static int gateway_args_number(const gateway_template_value_t *args,
    size_t nargs, size_t n, double absent, double *number,
    const char **reason);
static int gateway_args_round(gateway_template_value_t *args, size_t nargs,
    double (*round)(double n), gateway_template_value_t *value,
    const char **reason);
static int gateway_args_most(gateway_template_value_t *args, size_t nargs,
    int greatest, gateway_template_value_t *value, const char **reason);
static size_t gateway_from(double i, size_t len);
static void gateway_number(gateway_template_value_t *value, double number);
static int gateway_capture(const gateway_pattern_t *pattern, const char *p,
    const char *end, size_t n, gateway_str_t *text);
static int gateway_replace(const gateway_pattern_t *pattern, const char *p,
    const char *end, const gateway_str_t *with, char *out, size_t *len,
    const char **reason);
static int gateway_convert(const gateway_template_env_t *env,
    const char **p, const char *last, gateway_template_value_t *arg,
    char *out, size_t *len, const char **reason);
static int gateway_convert_take(const char **p, const char *last, char c);
static int gateway_convert_digits(const char **p, const char *last);


const gateway_function_t  gateway_template_functions[] = {
    { "string", "upper", 1, 1, 0, gateway_call_upper },
    { "string", "lower", 1, 1, 0, gateway_call_lower },
    { "string", "len", 1, 1, 0, gateway_call_len },
    { "string", "sub", 2, 3, 0, gateway_call_sub },
    { "string", "rep", 2, 2, 0, gateway_call_rep },
    { "string", "reverse", 1, 1, 0, gateway_call_reverse },
    { "string", "byte", 1, 2, 0, gateway_call_byte },
    { "string", "find", 2, 4, 0, gateway_call_find },
    { "string", "match", 2, 3, 1, gateway_call_match },
    { "string", "gsub", 3, 4, 1, gateway_call_gsub },
    { "string", "format", 1, GATEWAY_TEMPLATE_ARGS, 0, gateway_call_format },
    { "", "type", 1, 1, 0, gateway_call_type },
    { "", "tostring", 1, 1, 0, gateway_call_tostring },
    { "", "tonumber", 1, 2, 0, gateway_call_tonumber },
    { "math", "floor", 1, 1, 0, gateway_call_floor },
    { "math", "ceil", 1, 1, 0, gateway_call_ceil },
    { "math", "abs", 1, 1, 0, gateway_call_abs },
    { "math", "max", 1, GATEWAY_TEMPLATE_ARGS, 0, gateway_call_max },
    { "math", "min", 1, GATEWAY_TEMPLATE_ARGS, 0, gateway_call_min },
    { "table", "concat", 1, 2, 0, gateway_call_concat },
    { NULL, NULL, 0, 0, 0, NULL }
};


static int
gateway_call_upper(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int      rc;
    char    *p;
    size_t   i;

    rc = gateway_args_texts(env, args, nargs, reason);
    if (rc != 1) {
        return rc;
    }

    p = gateway_template_make(env, args[0].text.len, value, reason);
    if (p == NULL) {
        return gateway_template_failed(reason);
    }

    for (i = 0; i < args[0].text.len; i++) {
        p[i] = args[0].text.data[i];

        if (p[i] >= 'a' && p[i] <= 'z') {
            p[i] = (char) (p[i] - 'a' + 'A');
        }
    }

    return 1;
}


static int
gateway_call_lower(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int      rc;
    char    *p;
    size_t   i;

    rc = gateway_args_texts(env, args, nargs, reason);
    if (rc != 1) {
        return rc;
    }

    p = gateway_template_make(env, args[0].text.len, value, reason);
    if (p == NULL) {
        return gateway_template_failed(reason);
    }

    for (i = 0; i < args[0].text.len; i++) {
        p[i] = args[0].text.data[i];

        if (p[i] >= 'A' && p[i] <= 'Z') {
            p[i] = (char) (p[i] - 'A' + 'a');
        }
    }

    return 1;
}


static int
gateway_call_len(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int  rc;

    rc = gateway_args_texts(env, args, nargs, reason);

    if (rc == 1) {
        gateway_number(value, (double) args[0].text.len);
    }

    return rc;
}


static int
gateway_call_sub(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int     rc;
    double  i, k;
    size_t  from, to, len;

    rc = gateway_args_texts(env, args, 1, reason);
    if (rc != 1) {
        return rc;
    }

    if (!gateway_args_number(args, nargs, 1, 1, &i, reason)
        || !gateway_args_number(args, nargs, 2, -1, &k, reason))
    {
        return 0;
    }

    len = args[0].text.len;
    from = gateway_from(i, len);

    /* the last byte is part of it */

    if (k < 0) {
        k = (double) len + k + 1;
    }

    to = (k < 1) ? 0 : (k > (double) len) ? len : (size_t) k;

    value->type = GATEWAY_TEMPLATE_STRING;
    value->text.data = args[0].text.data + from;
    value->text.len = from < to ? to - from : 0;

    if (value->text.len == 0) {
        value->text.data = "";
    }

    return 1;
}


static int
gateway_call_rep(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int      rc;
    char    *p;
    double   n;
    size_t   i, len, times;

    rc = gateway_args_texts(env, args, 1, reason);
    if (rc != 1) {
        return rc;
    }

    if (!gateway_args_number(args, nargs, 1, 1, &n, reason)) {
        return 0;
    }

    len = args[0].text.len;
    times = (n < 1 || len == 0) ? 0
            : (n > GATEWAY_TEMPLATE_MAX) ? GATEWAY_TEMPLATE_MAX + 1
              : (size_t) n;

    p = gateway_template_make(env, len * times, value, reason);
    if (p == NULL) {
        return gateway_template_failed(reason);
    }

    for (i = 0; i < times; i++) {
        memcpy(p, args[0].text.data, len);
        p += len;
    }

    return 1;
}


static int
gateway_call_reverse(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int      rc;
    char    *p;
    size_t   i, len;

    rc = gateway_args_texts(env, args, nargs, reason);
    if (rc != 1) {
        return rc;
    }

    len = args[0].text.len;

    p = gateway_template_make(env, len, value, reason);
    if (p == NULL) {
        return gateway_template_failed(reason);
    }

    for (i = 0; i < len; i++) {
        p[i] = args[0].text.data[len - 1 - i];
    }

    return 1;
}


static int
gateway_call_byte(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int     rc;
    double  i;
    size_t  from;

    rc = gateway_args_texts(env, args, 1, reason);
    if (rc != 1) {
        return rc;
    }

    if (!gateway_args_number(args, nargs, 1, 1, &i, reason)) {
        return 0;
    }

    from = gateway_from(i, args[0].text.len);

    if (from < args[0].text.len) {
        gateway_number(value, (unsigned char) args[0].text.data[from]);
    }

    return 1;
}


/* find(text, pattern, from, plain): where it begins */

static int
gateway_call_find(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int                 rc;
    double              i;
    size_t              len;
    const char         *p, *last;
    gateway_pattern_t   pattern;

    rc = gateway_args_texts(env, args, 2, reason);
    if (rc != 1) {
        return rc;
    }

    if (!gateway_args_number(args, nargs, 2, 1, &i, reason)) {
        return 0;
    }

    p = args[0].text.data + gateway_from(i, args[0].text.len);
    last = args[0].text.data + args[0].text.len;
    len = args[1].text.len;

    if (nargs == 4 && args[3].type > GATEWAY_TEMPLATE_FALSE) {

        while ((size_t) (last - p) >= len
               && memcmp(p, args[1].text.data, len) != 0)
        {
            p++;
        }

        if ((size_t) (last - p) < len) {
            p = NULL;
        }

    } else {
        gateway_pattern_init(&pattern, &args[1].text, &args[0].text);

        if (gateway_pattern_match(&pattern, &p) == NULL) {
            p = NULL;
        }

        if (pattern.failure) {
            *reason = "a pattern that is malformed or takes too long";
            return 0;
        }
    }

    if (p) {
        gateway_number(value, (double) (p - args[0].text.data + 1));
    }

    return 1;
}


static int
gateway_call_match(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int                 rc;
    double              i;
    const char         *p, *end;
    gateway_pattern_t   pattern;

    rc = gateway_args_texts(env, args, 2, reason);
    if (rc != 1) {
        return rc;
    }

    if (!gateway_args_number(args, nargs, 2, 1, &i, reason)) {
        return 0;
    }

    p = args[0].text.data + gateway_from(i, args[0].text.len);

    gateway_pattern_init(&pattern, &args[1].text, &args[0].text);

    end = gateway_pattern_match(&pattern, &p);

    if (pattern.failure) {
        *reason = "a pattern that is malformed or takes too long";
        return 0;
    }

    if (end == NULL) {
        return 1;
    }

    if (!gateway_capture(&pattern, p, end, 0, &value->text)) {
        gateway_number(value, (double) (pattern.start[0]
                                        - args[0].text.data + 1));
        return 1;
    }

    value->type = GATEWAY_TEMPLATE_STRING;

    return 1;
}


static int
gateway_call_gsub(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int                 rc;
    char               *out, *new;
    double              max;
    size_t              len, size, more;
    const char         *p, *end, *last;
    gateway_pattern_t   pattern;

    rc = gateway_args_texts(env, args, 3, reason);
    if (rc != 1) {
        return rc;
    }

    if (!gateway_args_number(args, nargs, 3, GATEWAY_TEMPLATE_MAX + 1, &max,
                             reason))
    {
        return 0;
    }

    gateway_pattern_init(&pattern, &args[1].text, &args[0].text);

    size = args[0].text.len + args[2].text.len + 1;
    size = size < 64 ? 64 : size;

    out = gateway_template_make(env, size, value, reason);
    if (out == NULL) {
        return gateway_template_failed(reason);
    }

    len = 0;
    p = args[0].text.data;
    last = p + args[0].text.len;

    for ( ;; ) {

        end = (max >= 1) ? gateway_pattern_match_at(&pattern, p) : NULL;

        if (pattern.failure) {
            *reason = "a pattern that is malformed or takes too long";
            return 0;
        }

        more = 1;

        if (end) {
            max--;

            if (!gateway_replace(&pattern, p, end, &args[2].text, NULL, &more,
                                 reason))
            {
                return 0;
            }

            more++;
        }

        if (len + more > size) {

            while (len + more > size) {
                size *= 2;
            }

            new = gateway_template_make(env, size, value, reason);
            if (new == NULL) {
                return gateway_template_failed(reason);
            }

            memcpy(new, out, len);
            out = new;
        }

        if (end) {
            (void) gateway_replace(&pattern, p, end, &args[2].text, out + len,
                                   &more, reason);
            len += more;
        }

        if (end && end > p) {
            p = end;

        } else if (p < last) {
            out[len++] = *p++;

        } else {
            break;
        }

        if (pattern.anchored) {
            break;
        }
    }

    more = (size_t) (last - p);

    if (len + more > size) {
        new = gateway_template_make(env, len + more, value, reason);
        if (new == NULL) {
            return gateway_template_failed(reason);
        }

        memcpy(new, out, len);
        out = new;
    }

    if (more) {
        memcpy(out + len, p, more);
    }

    value->text.len = len + more;

    return 1;
}


static int
gateway_call_format(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int          rc;
    char        *out;
    size_t       i, len, size, more;
    const char  *p, *last;

    rc = gateway_args_texts(env, args, 1, reason);
    if (rc != 1) {
        return rc;
    }

    p = args[0].text.data;
    last = p + args[0].text.len;

    /* texts count once for each argument, other values are bounded */

    size = args[0].text.len;

    for (i = 1; i < nargs; i++) {
        size += args[i].text.len + GATEWAY_FORMAT_MAX;
    }

    out = gateway_template_make(env, size, value, reason);
    if (out == NULL) {
        return gateway_template_failed(reason);
    }

    len = 0;
    i = 1;

    while (p < last) {

        if (*p != '%') {
            out[len++] = *p++;
            continue;
        }

        p++;

        if (p < last && *p == '%') {
            out[len++] = *p++;
            continue;
        }

        if (i == nargs) {
            *reason = "format() with too few values";
            return 0;
        }

        rc = gateway_convert(env, &p, last, &args[i++], out + len, &more,
                             reason);
        if (rc != 1) {
            return rc;
        }

        len += more;
    }

    value->text.len = len;

    return 1;
}


static int
gateway_call_type(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    static const char *const  names[] = {
        "nil", "boolean", "boolean", "number", "string", "table"
    };

    (void) env;
    (void) nargs;
    (void) reason;

    value->type = GATEWAY_TEMPLATE_STRING;
    value->text.data = names[args[0].type];
    value->text.len = strlen(value->text.data);

    return 1;
}


static int
gateway_call_tostring(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    (void) nargs;
    (void) reason;

    value->type = GATEWAY_TEMPLATE_STRING;

    if (args[0].type <= GATEWAY_TEMPLATE_FALSE) {
        value->text.data = args[0].type ? "false" : "nil";
        value->text.len = strlen(value->text.data);
        return 1;
    }

    if (gateway_template_text(env, &args[0]) != 1) {
        return -1;
    }

    value->text = args[0].text;

    return 1;
}


static int
gateway_call_tonumber(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int     digit;
    size_t  i;
    double  base, n;

    if (nargs == 1) {

        if (gateway_template_number(&args[0], &n)) {
            gateway_number(value, n);
        }

        return 1;
    }

    if (!gateway_args_number(args, nargs, 1, 10, &base, reason)) {
        return 0;
    }

    if (base < 2 || base > 36 || base > floor(base)) {
        *reason = "tonumber() with a base that is not 2 to 36";
        return 0;
    }

    if (gateway_args_texts(env, args, 1, reason) != 1) {
        return 0;
    }

    n = 0;

    for (i = 0; i < args[0].text.len; i++) {

        digit = tolower((unsigned char) args[0].text.data[i]);
        digit = (digit >= '0' && digit <= '9') ? digit - '0'
                : (digit >= 'a' && digit <= 'z') ? digit - 'a' + 10 : 99;

        if (digit >= (int) base) {
            return 1;
        }

        n = n * base + digit;
    }

    if (i && isfinite(n)) {
        gateway_number(value, n);
    }

    return 1;
}


static int
gateway_call_floor(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    (void) env;

    return gateway_args_round(args, nargs, floor, value, reason);
}


static int
gateway_call_ceil(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    (void) env;

    return gateway_args_round(args, nargs, ceil, value, reason);
}


static int
gateway_call_abs(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    (void) env;

    return gateway_args_round(args, nargs, fabs, value, reason);
}


static int
gateway_call_max(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    (void) env;

    return gateway_args_most(args, nargs, 1, value, reason);
}


static int
gateway_call_min(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    (void) env;

    return gateway_args_most(args, nargs, 0, value, reason);
}


static int
gateway_call_concat(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs,
    gateway_template_value_t *value, const char **reason)
{
    int            rc;
    char          *p;
    size_t         i, len;
    gateway_str_t  with;

    if (args[0].type != GATEWAY_TEMPLATE_LIST) {
        *reason = "concat() of a value that is no list";
        return 0;
    }

    with.data = "";
    with.len = 0;

    if (nargs == 2) {
        rc = gateway_args_texts(env, &args[1], 1, reason);
        if (rc != 1) {
            return rc;
        }

        with = args[1].text;
    }

    len = 0;

    for (i = 0; i < args[0].nitems; i++) {
        len += args[0].items[i].len + (i ? with.len : 0);
    }

    p = gateway_template_make(env, len, value, reason);
    if (p == NULL) {
        return gateway_template_failed(reason);
    }

    for (i = 0; i < args[0].nitems; i++) {

        if (i && with.len) {
            memcpy(p, with.data, with.len);
            p += with.len;
        }

        if (args[0].items[i].len) {
            memcpy(p, args[0].items[i].data, args[0].items[i].len);
            p += args[0].items[i].len;
        }
    }

    return 1;
}


/* the first nargs are texts, or numbers that become some */

static int
gateway_args_texts(const gateway_template_env_t *env,
    gateway_template_value_t *args, size_t nargs, const char **reason)
{
    size_t  i;

    for (i = 0; i < nargs; i++) {

        if (args[i].type != GATEWAY_TEMPLATE_STRING
            && args[i].type != GATEWAY_TEMPLATE_NUMBER)
        {
            *reason = "a function of texts with a value that is none";
            return 0;
        }

        if (gateway_template_text(env, &args[i]) != 1) {
            return -1;
        }
    }

    return 1;
}


static int
gateway_args_number(const gateway_template_value_t *args, size_t nargs,
    size_t n, double absent, double *number, const char **reason)
{
    if (n >= nargs || args[n].type == GATEWAY_TEMPLATE_NIL) {
        *number = absent;
        return 1;
    }

    if (!gateway_template_number(&args[n], number)) {
        *reason = "a function of numbers with a value that is none";
        return 0;
    }

    return 1;
}


static int
gateway_args_round(gateway_template_value_t *args, size_t nargs,
    double (*round)(double n), gateway_template_value_t *value,
    const char **reason)
{
    double  n;

    if (args[0].type == GATEWAY_TEMPLATE_NIL) {
        *reason = "a function of numbers with a value that is none";
        return 0;
    }

    if (!gateway_args_number(args, nargs, 0, 0, &n, reason)) {
        return 0;
    }

    gateway_number(value, round(n));

    return 1;
}


static int
gateway_args_most(gateway_template_value_t *args, size_t nargs,
    int greatest, gateway_template_value_t *value, const char **reason)
{
    size_t  i;
    double  n, most;

    most = 0;

    for (i = 0; i < nargs; i++) {

        if (!gateway_template_number(&args[i], &n)) {
            *reason = "a function of numbers with a value that is none";
            return 0;
        }

        if (i == 0 || (greatest ? n > most : n < most)) {
            most = n;
        }
    }

    gateway_number(value, most);

    return 1;
}


/* an index of Lua as an offset, up to len; -1 is the last byte */

static size_t
gateway_from(double i, size_t len)
{
    if (i < 0) {
        i = (double) len + i + 1;
    }

    if (i < 1) {
        return 0;
    }

    return (i > (double) len) ? len : (size_t) i - 1;
}


static void
gateway_number(gateway_template_value_t *value, double number)
{
    value->type = GATEWAY_TEMPLATE_NUMBER;
    value->number = number;
}


/* capture n from 0, all of the match if there are none; 0: it is a place */

static int
gateway_capture(const gateway_pattern_t *pattern, const char *p,
    const char *end, size_t n, gateway_str_t *text)
{
    if (pattern->ncaptures == 0) {
        text->data = p;
        text->len = (size_t) (end - p);
        return 1;
    }

    if (pattern->end[n] == NULL) {
        return 0;
    }

    text->data = pattern->start[n];
    text->len = (size_t) (pattern->end[n] - pattern->start[n]);

    return 1;
}


/* "%1" in what replaces a match; out NULL: its length only */

static int
gateway_replace(const gateway_pattern_t *pattern, const char *p,
    const char *end, const gateway_str_t *with, char *out, size_t *len,
    const char **reason)
{
    char           place[GATEWAY_TEMPLATE_NUMLEN];
    size_t         i, n;
    gateway_str_t  text;

    *len = 0;

    for (i = 0; i < with->len; i++) {

        text.data = with->data + i;
        text.len = 1;

        if (with->data[i] == '%') {

            if (++i == with->len) {
                *reason = "gsub() with a \"%\" at the end";
                return 0;
            }

            if (with->data[i] >= '0' && with->data[i] <= '9') {

                n = (size_t) (with->data[i] - '0');

                if (n > (pattern->ncaptures ? pattern->ncaptures : 1)) {
                    *reason = "gsub() with a capture that there is not";
                    return 0;
                }

                if (n == 0) {
                    text.data = p;
                    text.len = (size_t) (end - p);

                } else if (!gateway_capture(pattern, p, end, n - 1, &text)) {
                    text.data = place;
                    text.len = (size_t) snprintf(place, sizeof(place), "%ld",
                                 (long) (pattern->start[n - 1]
                                         - pattern->text.data + 1));
                }

            } else {
                text.data = with->data + i;
            }
        }

        if (out && text.len) {
            memcpy(out + *len, text.data, text.len);
        }

        *len += text.len;
    }

    return 1;
}


/* one conversion of format(): "%05.2f", from behind its "%" */

static int
gateway_convert(const gateway_template_env_t *env, const char **p,
    const char *last, gateway_template_value_t *arg, char *out, size_t *len,
    const char **reason)
{
    int                       n, rc, left, zero, width, precision;
    double                    number;
    gateway_template_value_t  text;

    left = gateway_convert_take(p, last, '-');
    zero = !left && gateway_convert_take(p, last, '0');
    width = gateway_convert_digits(p, last);
    precision = -1;

    if (gateway_convert_take(p, last, '.')) {
        precision = gateway_convert_digits(p, last);
    }

    if (left) {
        width = -width;
    }

    if (*p < last && **p == 's' && width == 0 && precision == -1) {
        (*p)++;

        if (arg->type == GATEWAY_TEMPLATE_LIST) {
            *reason = "format() with a list";
            return 0;
        }

        rc = gateway_call_tostring(env, arg, 1, &text, reason);
        if (rc != 1) {
            return rc;
        }

        if (text.text.len) {
            memcpy(out, text.text.data, text.text.len);
        }

        *len = text.text.len;

        return 1;
    }

    if (!gateway_template_number(arg, &number) || fabs(number) > 9e15) {
        *reason = "format() with a value that is no number or too large";
        return 0;
    }

    switch (*p < last ? **p : '\0') {

    case 'd':
    case 'i':
        n = snprintf(out, GATEWAY_FORMAT_MAX, zero ? "%0*lld" : "%*lld",
                     width, (long long) number);
        break;

    case 'x':
        n = snprintf(out, GATEWAY_FORMAT_MAX, zero ? "%0*llx" : "%*llx",
                     width, (unsigned long long) (long long) number);
        break;

    case 'X':
        n = snprintf(out, GATEWAY_FORMAT_MAX, zero ? "%0*llX" : "%*llX",
                     width, (unsigned long long) (long long) number);
        break;

    case 'f':
        n = snprintf(out, GATEWAY_FORMAT_MAX, zero ? "%0*.*f" : "%*.*f",
                     width, precision, number);
        break;

    case 'g':
        n = snprintf(out, GATEWAY_FORMAT_MAX, zero ? "%0*.*g" : "%*.*g",
                     width, precision, number);
        break;

    default:
        *reason = "format() with a conversion that is not supported";
        return 0;
    }

    (*p)++;

    *len = (size_t) n;

    return 1;
}


static int
gateway_convert_take(const char **p, const char *last, char c)
{
    if (*p == last || **p != c) {
        return 0;
    }

    (*p)++;

    return 1;
}


/* two at most */

static int
gateway_convert_digits(const char **p, const char *last)
{
    int  n, i;

    n = 0;

    for (i = 0; i < 2 && *p < last && **p >= '0' && **p <= '9'; i++) {
        n = n * 10 + (*(*p)++ - '0');
    }

    return n;
}
