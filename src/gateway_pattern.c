
/*
 * Copyright (C) the ngx_gateway authors
 *
 * A matcher that goes back, as the patterns are defined by: it counts its
 * steps, so that no text of a client can hold a worker.
 */


#include <ctype.h>
#include <string.h>

#include "gateway_pattern.h"


/* a thousandth of a second or so */
#define GATEWAY_PATTERN_STEPS  200000

/* captures, optional items and "-" that are open at a time */
#define GATEWAY_PATTERN_DEPTH  200


static const char *gateway_pattern_run(gateway_pattern_t *pattern,
    const char *s, const char *p, unsigned depth);
static const char *gateway_pattern_capture(gateway_pattern_t *pattern,
    const char *s, const char *p, unsigned depth);
static const char *gateway_pattern_end_capture(gateway_pattern_t *pattern,
    const char *s, const char *p, unsigned depth);
static const char *gateway_pattern_balance(gateway_pattern_t *pattern,
    const char *s, const char *p);
static const char *gateway_pattern_back(gateway_pattern_t *pattern,
    const char *s, const char *p);
static int gateway_pattern_frontier(gateway_pattern_t *pattern,
    const char *s, const char *set, const char *end);
static const char *gateway_pattern_repeat(gateway_pattern_t *pattern,
    const char *s, const char *p, const char *next, unsigned depth);
static const char *gateway_pattern_item(const char *p, const char *last,
    const char **failure);
static int gateway_pattern_is(const gateway_pattern_t *pattern, char c,
    const char *p, const char *end);
static int gateway_pattern_in_set(unsigned char c, const char *p,
    const char *end);
static int gateway_pattern_in_class(unsigned char c, char class);


const char *
gateway_pattern_check(const gateway_str_t *source)
{
    int          open;
    size_t       captures;
    const char  *p, *last, *failure;

    p = source->data;
    last = p + source->len;
    failure = NULL;
    captures = 0;
    open = 0;

    if (p < last && *p == '^') {
        p++;
    }

    while (p < last) {

        if (*p == '(') {
            p++;
            open++;

            if (++captures > GATEWAY_PATTERN_CAPTURES) {
                return "has too many captures";
            }

            continue;
        }

        if (*p == ')') {
            p++;

            if (--open < 0) {
                return "has a \")\" too many";
            }

            continue;
        }

        if (*p == '%' && last - p > 1) {

            if (p[1] == 'b') {

                if (last - p < 4) {
                    return "lacks two signs after \"%b\"";
                }

                p += 4;
                continue;
            }

            if (p[1] == 'f') {
                p += 2;

                if (p == last || *p != '[') {
                    return "lacks a \"[\" after \"%f\"";
                }

            } else if (p[1] >= '0' && p[1] <= '9') {

                if (p[1] == '0' || (size_t) (p[1] - '0') > captures) {
                    return "refers to a capture that there is not";
                }

                p += 2;
                continue;
            }
        }

        p = gateway_pattern_item(p, last, &failure);

        if (p == NULL) {
            return failure;
        }

        if (p < last && strchr("*+-?", *p) != NULL && *p != '\0') {
            p++;
        }
    }

    return open ? "has a \"(\" that is not closed" : NULL;
}


void
gateway_pattern_init(gateway_pattern_t *pattern, const gateway_str_t *source,
    const gateway_str_t *text)
{
    pattern->pattern = *source;
    pattern->anchored = source->len && source->data[0] == '^';
    pattern->text = *text;
    pattern->steps = GATEWAY_PATTERN_STEPS;
    pattern->failure = gateway_pattern_check(source);
    pattern->ncaptures = 0;

    if (pattern->anchored) {
        pattern->pattern.data++;
        pattern->pattern.len--;
    }
}


const char *
gateway_pattern_match(gateway_pattern_t *pattern, const char **p)
{
    const char  *s, *end;

    for (s = *p; s <= pattern->text.data + pattern->text.len; s++) {

        end = gateway_pattern_match_at(pattern, s);

        if (end || pattern->failure || pattern->anchored) {
            *p = s;
            return end;
        }
    }

    return NULL;
}


const char *
gateway_pattern_match_at(gateway_pattern_t *pattern, const char *p)
{
    pattern->ncaptures = 0;

    if (pattern->failure) {
        return NULL;
    }

    return gateway_pattern_run(pattern, p, pattern->pattern.data, 0);
}


static const char *
gateway_pattern_run(gateway_pattern_t *pattern, const char *s,
    const char *p, unsigned depth)
{
    const char  *last, *next, *end;

    last = pattern->pattern.data + pattern->pattern.len;
    end = pattern->text.data + pattern->text.len;

    /* s is a place in the text; a checker of code cannot know */

    if (s == NULL || depth > GATEWAY_PATTERN_DEPTH) {
        pattern->failure = "a pattern that is nested too deeply";
        return NULL;
    }

    while (p < last) {

        if (pattern->steps-- == 0) {
            pattern->steps = 0;
            pattern->failure = "a pattern that takes too many steps";
            return NULL;
        }

        if (*p == '(') {
            return gateway_pattern_capture(pattern, s, p, depth);
        }

        if (*p == ')') {
            return gateway_pattern_end_capture(pattern, s, p, depth);
        }

        if (*p == '$' && p + 1 == last) {
            return s == end ? s : NULL;
        }

        if (*p == '%' && p + 1 < last) {

            if (p[1] == 'b') {
                s = gateway_pattern_balance(pattern, s, p + 2);

                if (s == NULL) {
                    return NULL;
                }

                p += 4;
                continue;
            }

            if (p[1] == 'f') {
                next = gateway_pattern_item(p + 2, last, &pattern->failure);

                if (next == NULL
                    || !gateway_pattern_frontier(pattern, s, p + 2, next))
                {
                    return NULL;
                }

                p = next;
                continue;
            }

            if (p[1] >= '0' && p[1] <= '9') {
                s = gateway_pattern_back(pattern, s, p + 1);

                if (s == NULL) {
                    return NULL;
                }

                p += 2;
                continue;
            }
        }

        next = gateway_pattern_item(p, last, &pattern->failure);

        if (next == NULL) {
            return NULL;
        }

        if (next < last && (*next == '*' || *next == '+' || *next == '-'
                            || *next == '?'))
        {
            return gateway_pattern_repeat(pattern, s, p, next, depth);
        }

        if (s == end || !gateway_pattern_is(pattern, *s, p, next)) {
            return NULL;
        }

        s++;
        p = next;
    }

    return s;
}


static const char *
gateway_pattern_capture(gateway_pattern_t *pattern, const char *s,
    const char *p, unsigned depth)
{
    size_t       n;
    const char  *end, *last;

    n = pattern->ncaptures;
    last = pattern->pattern.data + pattern->pattern.len;

    if (n == GATEWAY_PATTERN_CAPTURES) {
        pattern->failure = "a pattern with too many captures";
        return NULL;
    }

    pattern->start[n] = s;
    pattern->ncaptures = n + 1;

    if (p + 1 < last && p[1] == ')') {

        /* the place itself, which has no end */

        pattern->end[n] = NULL;
        end = gateway_pattern_run(pattern, s, p + 2, depth + 1);

    } else {

        /* open as long as it ends before it begins */

        pattern->end[n] = s - 1;
        end = gateway_pattern_run(pattern, s, p + 1, depth + 1);
    }

    if (end == NULL) {
        pattern->ncaptures = n;
    }

    return end;
}


static const char *
gateway_pattern_end_capture(gateway_pattern_t *pattern, const char *s,
    const char *p, unsigned depth)
{
    size_t       n;
    const char  *end, *open;

    for (n = pattern->ncaptures; n > 0; n--) {

        open = pattern->start[n - 1] - 1;

        if (pattern->end[n - 1] == open) {
            pattern->end[n - 1] = s;

            end = gateway_pattern_run(pattern, s, p + 1, depth + 1);

            if (end == NULL) {
                pattern->end[n - 1] = open;
            }

            return end;
        }
    }

    pattern->failure = "a pattern with a \")\" too many";

    return NULL;
}


/* "%bxy": from x to the y that closes it */

static const char *
gateway_pattern_balance(gateway_pattern_t *pattern, const char *s,
    const char *p)
{
    unsigned     open;
    const char  *end;

    end = pattern->text.data + pattern->text.len;

    if (s == end || *s != p[0]) {
        return NULL;
    }

    open = 1;

    for (s++; s < end; s++) {

        if (pattern->steps) {
            pattern->steps--;
        }

        if (*s == p[1]) {

            if (--open == 0) {
                return s + 1;
            }

        } else if (*s == p[0]) {
            open++;
        }
    }

    return NULL;
}


static const char *
gateway_pattern_back(gateway_pattern_t *pattern, const char *s,
    const char *p)
{
    size_t  n, len;

    n = (size_t) (*p - '1');

    if (n >= pattern->ncaptures || pattern->end[n] == NULL
        || pattern->end[n] < pattern->start[n])
    {
        pattern->failure = "a pattern that refers to a capture that there "
                           "is not";
        return NULL;
    }

    len = (size_t) (pattern->end[n] - pattern->start[n]);

    if ((size_t) (pattern->text.data + pattern->text.len - s) < len
        || memcmp(pattern->start[n], s, len) != 0)
    {
        return NULL;
    }

    return s + len;
}


/* the ends of the text count as a zero */

static int
gateway_pattern_frontier(gateway_pattern_t *pattern, const char *s,
    const char *set, const char *end)
{
    char  before, after;

    before = (s == pattern->text.data) ? '\0' : s[-1];
    after = (s == pattern->text.data + pattern->text.len) ? '\0' : *s;

    return !gateway_pattern_is(pattern, before, set, end)
           && gateway_pattern_is(pattern, after, set, end);
}


static const char *
gateway_pattern_repeat(gateway_pattern_t *pattern, const char *s,
    const char *p, const char *next, unsigned depth)
{
    size_t       n, min;
    const char  *end, *found;

    end = pattern->text.data + pattern->text.len;

    if (*next == '-') {

        /* as few as possible */

        for ( ;; ) {
            found = gateway_pattern_run(pattern, s, next + 1, depth + 1);

            if (found || pattern->failure
                || s == end || !gateway_pattern_is(pattern, *s, p, next))
            {
                return found;
            }

            s++;
        }
    }

    /* as many as possible */

    min = (*next == '+');
    n = 0;

    while (s + n < end && gateway_pattern_is(pattern, s[n], p, next)) {
        n++;

        if (*next == '?') {
            break;
        }
    }

    if (pattern->steps > n) {
        pattern->steps -= (unsigned) n;

    } else {
        pattern->steps = 0;
    }

    for ( ;; ) {

        if (n < min) {
            return NULL;
        }

        found = gateway_pattern_run(pattern, s + n, next + 1, depth + 1);

        if (found || pattern->failure || n == 0) {
            return found;
        }

        n--;
    }
}


/* where the item at p ends, or NULL */

static const char *
gateway_pattern_item(const char *p, const char *last, const char **failure)
{
    char  c;

    c = *p++;

    if (c == '%') {

        if (p == last) {
            *failure = "ends with \"%\"";
            return NULL;
        }

        return p + 1;
    }

    if (c != '[') {
        return p;
    }

    if (p < last && *p == '^') {
        p++;
    }

    /* a "]" that comes first stands for itself */

    do {
        if (p == last) {
            break;
        }

        c = *p++;

        if (c == '%') {

            if (p == last) {
                break;
            }

            p++;
        }

    } while (p < last && *p != ']');

    if (p == last) {
        *failure = "has a \"[\" that is not closed";
        return NULL;
    }

    return p + 1;
}


static int
gateway_pattern_is(const gateway_pattern_t *pattern, char c, const char *p,
    const char *end)
{
    (void) pattern;

    switch (*p) {

    case '.':
        return 1;

    case '%':
        return gateway_pattern_in_class((unsigned char) c, p[1]);

    case '[':
        return gateway_pattern_in_set((unsigned char) c, p + 1, end - 1);

    default:
        return *p == c;
    }
}


/* end is the closing bracket */

static int
gateway_pattern_in_set(unsigned char c, const char *p, const char *end)
{
    int  is;

    is = 1;

    if (*p == '^') {
        is = 0;
        p++;
    }

    while (p < end) {

        if (*p == '%') {

            if (gateway_pattern_in_class(c, p[1])) {
                return is;
            }

            p += 2;

        } else if (end - p > 2 && p[1] == '-') {

            if ((unsigned char) p[0] <= c && c <= (unsigned char) p[2]) {
                return is;
            }

            p += 3;

        } else {

            if ((unsigned char) *p == c) {
                return is;
            }

            p++;
        }
    }

    return !is;
}


/* only ASCII has classes, whatever the locale */

static int
gateway_pattern_in_class(unsigned char c, char class)
{
    int  is, ascii;

    ascii = c < 0x80;

    switch (class | 0x20) {

    case 'a':
        is = ascii && isalpha(c);
        break;

    case 'c':
        is = ascii && iscntrl(c);
        break;

    case 'd':
        is = ascii && isdigit(c);
        break;

    case 'g':
        is = ascii && isgraph(c);
        break;

    case 'l':
        is = ascii && islower(c);
        break;

    case 'p':
        is = ascii && ispunct(c);
        break;

    case 's':
        is = ascii && isspace(c);
        break;

    case 'u':
        is = ascii && isupper(c);
        break;

    case 'w':
        is = ascii && isalnum(c);
        break;

    case 'x':
        is = ascii && isxdigit(c);
        break;

    default:
        return (unsigned char) class == c;
    }

    return (class >= 'A' && class <= 'Z') ? !is : is;
}
