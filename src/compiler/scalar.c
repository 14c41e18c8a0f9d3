/*
 * Copyright (C) the ngx_gateway authors
 *
 * Plain scalars by the rules of YAML 1.1, with what Kong's reader makes of
 * the doubtful ones: "y" and "n" are text, "08" is 8, "10:30" is 630.
 */

#include "scalar.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* longer digits are text anyway in every field we have */
#define GWC_SCALAR_MAX 64


static bool
gwc_scalar_in(gwc_text_t text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (gwc_text_is(text, *words)) {
            return true;
        }
    }

    return false;
}


static bool
gwc_is_digit(char c)
{
    return c >= '0' && c <= '9';
}


static void
gwc_scalar_set(gwc_node_t *node, double value)
{
    node->kind = GWC_NODE_FLOAT;
    node->number = value;
}


/* s: digits of base without "_" and sign */
static bool
gwc_scalar_int(gwc_node_t *node, const char *s, int base, bool minus)
{
    char *end;
    unsigned long long value;

    if (*s == '\0' || *s == '+' || *s == '-') {
        return false;
    }

    errno = 0;
    value = strtoull(s, &end, base);

    if (*end != '\0' || end == s) {
        return false;
    }

    if (errno == ERANGE || value > INT64_MAX) {
        gwc_scalar_set(node, (minus ? -1.0 : 1.0) * strtod(s, NULL));
        return true;
    }

    node->kind = GWC_NODE_INT;
    node->integer = minus ? -(int64_t) value : (int64_t) value;
    node->number = (double) node->integer;

    return true;
}


/* [0-9]* [. [0-9]*] [(e|E) [+-] [0-9]+], at least one digit before the e */
static bool
gwc_scalar_is_float(const char *s)
{
    size_t digits;

    digits = 0;

    for (; gwc_is_digit(*s); s++) {
        digits++;
    }

    if (*s == '.') {
        for (s++; gwc_is_digit(*s); s++) {
            digits++;
        }
    }

    if (digits == 0) {
        return false;
    }

    if (*s == 'e' || *s == 'E') {
        s++;

        if (*s == '+' || *s == '-') {
            s++;
        }

        if (!gwc_is_digit(*s)) {
            return false;
        }

        while (gwc_is_digit(*s)) {
            s++;
        }
    }

    return *s == '\0';
}


/* "10:30" and "1:30:05.5": base 60, parts after the first below 60 */
static bool
gwc_scalar_sexagesimal(gwc_node_t *node, const char *s, bool minus)
{
    double value, part;
    size_t n;

    value = 0;

    for (n = 0;; n++) {
        if (!gwc_is_digit(*s)) {
            return false;
        }

        for (part = 0; gwc_is_digit(*s); s++) {
            part = part * 10 + (*s - '0');
        }

        if (n > 0 && part >= 60) {
            return false;
        }

        value = value * 60 + part;

        if (*s != ':') {
            break;
        }

        s++;
    }

    if (*s == '.') {
        for (part = 0.1, s++; gwc_is_digit(*s); s++, part /= 10) {
            value += (*s - '0') * part;
        }
    }

    if (*s != '\0' || n == 0 || value > 9e15) {
        return false;
    }

    if (minus) {
        value = -value;
    }

    gwc_scalar_set(node, value);

    if (floor(value) >= value) {
        node->kind = GWC_NODE_INT;
        node->integer = (int64_t) value;
    }

    return true;
}


/* a text that starts like a number */
static bool
gwc_scalar_numeric(gwc_node_t *node)
{
    size_t i, n;
    bool minus;
    char buf[GWC_SCALAR_MAX + 1];
    const char *s;

    if (node->text.len == 0 || node->text.len > GWC_SCALAR_MAX) {
        return false;
    }

    i = 0;
    minus = node->text.data[0] == '-';

    if (minus || node->text.data[0] == '+') {
        i++;
    }

    if (i == node->text.len || node->text.data[i] == '_') {
        return false;
    }

    for (n = 0; i < node->text.len; i++) {
        if (node->text.data[i] == '\0') {
            return false;
        }

        if (node->text.data[i] != '_') {
            buf[n++] = node->text.data[i];
        }
    }

    buf[n] = '\0';
    s = buf;

    if (s[0] == '0' && s[1] == 'x') {
        return strspn(s + 2, "0123456789abcdefABCDEF") == n - 2
               && gwc_scalar_int(node, s + 2, 16, minus);
    }

    if (s[0] == '0' && s[1] == 'b') {
        return strspn(s + 2, "01") == n - 2
               && gwc_scalar_int(node, s + 2, 2, minus);
    }

    if (strspn(s, "0123456789") == n) {
        return gwc_scalar_int(
            node, s, s[0] == '0' && strspn(s, "01234567") == n ? 8 : 10,
            minus);
    }

    if (strchr(s, ':') != NULL) {
        return gwc_scalar_sexagesimal(node, s, minus);
    }

    if (gwc_scalar_is_float(s)) {
        gwc_scalar_set(node, (minus ? -1.0 : 1.0) * strtod(s, NULL));
        return true;
    }

    return false;
}


bool
gwc_scalar_number(gwc_node_t *node)
{
    size_t i;
    bool minus;
    char buf[GWC_SCALAR_MAX * 8];
    const char *s;

    if (node->text.len == 0 || node->text.len >= sizeof(buf)) {
        return false;
    }

    memcpy(buf, node->text.data, node->text.len);
    buf[node->text.len] = '\0';
    minus = buf[0] == '-';
    s = minus ? buf + 1 : buf;

    /* JSON has neither "+1", "01", "1." nor ".5" */
    if (!gwc_is_digit(s[0]) || (s[0] == '0' && gwc_is_digit(s[1]))
        || !gwc_scalar_is_float(s))
    {
        return false;
    }

    for (i = 0; s[i] != '\0'; i++) {
        if (s[i] == '.' && !gwc_is_digit(s[i + 1])) {
            return false;
        }
    }

    if (strspn(s, "0123456789") == strlen(s)) {
        return gwc_scalar_int(node, s, 10, minus);
    }

    gwc_scalar_set(node, strtod(buf, NULL));
    return true;
}


void
gwc_scalar_resolve(gwc_node_t *node)
{
    char c;
    gwc_text_t text;

    static const char *const nulls[] = { "~", "null", "Null", "NULL", NULL };
    static const char *const trues[] = { "true", "True", "TRUE", "yes", "Yes",
                                         "YES",  "on",   "On",   "ON",  NULL };
    static const char *const falses[] = { "false", "False", "FALSE", "no",
                                          "No",    "NO",    "off",   "Off",
                                          "OFF",   NULL };
    static const char *const nans[] = { ".nan", ".NaN", ".NAN", NULL };
    static const char *const infs[] = { ".inf",  ".Inf",  ".INF", "+.inf",
                                        "+.Inf", "+.INF", NULL };
    static const char *const minus_infs[] = { "-.inf", "-.Inf", "-.INF",
                                              NULL };

    text = node->text;

    if (text.len == 0) {
        node->kind = GWC_NODE_NULL;
        return;
    }

    c = text.data[0];

    if (gwc_is_digit(c) || c == '-' || c == '+' || c == '.') {
        if (gwc_scalar_numeric(node)) {
            return;
        }

        if (gwc_scalar_in(text, nans)) {
            gwc_scalar_set(node, (double) NAN);

        } else if (gwc_scalar_in(text, infs)) {
            gwc_scalar_set(node, (double) INFINITY);

        } else if (gwc_scalar_in(text, minus_infs)) {
            gwc_scalar_set(node, (double) -INFINITY);
        }

        return;
    }

    if (text.len > 5 || strchr("~nNtTyYoOfF", c) == NULL) {
        return;
    }

    if (gwc_scalar_in(text, nulls)) {
        node->kind = GWC_NODE_NULL;

    } else if (gwc_scalar_in(text, trues)) {
        node->kind = GWC_NODE_BOOL;
        node->boolean = true;

    } else if (gwc_scalar_in(text, falses)) {
        node->kind = GWC_NODE_BOOL;
        node->boolean = false;
    }
}


size_t
gwc_utf8_len(const char *s, const char *end)
{
    size_t i, n;
    const unsigned char *p;

    p = (const unsigned char *) s;

    if (p[0] < 0x80) {
        return 1;
    }

    n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

    if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t) (end - s) < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    /* overlong forms, surrogates, past the last character */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)
        || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
    {
        return 0;
    }

    return n;
}
