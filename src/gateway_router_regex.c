
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Regexes of the router.  Kong's traditional_compatible router compiles them
 * in a dialect that matches in linear time; what that dialect refuses is
 * refused here too, so that a configuration means the same in both.  One
 * difference stays: "a++" is possessive in PCRE2 and repeats "a+" there.
 */


#include "gateway_router_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define GATEWAY_ROUTER_NO_LOOK_AROUND                                         \
    "look-around and atomic groups are not supported"


static const char *gateway_router_regex_check(const char *p, size_t len,
    size_t *offset);
static const char *gateway_router_regex_group(const char *p,
    const char *last);
static const char *gateway_router_regex_escape(char c);
static const char *gateway_router_regex_class(const char **pos,
    const char *last);
static pcre2_code *gateway_router_regex_compile(
    const gateway_router_t *router, const gateway_str_t *pattern,
    int anchored, char *reason, size_t len, size_t *offset);
static int gateway_router_regex_has_bar(const char *p, size_t len);
static int gateway_router_regex_has_flags(const char *p, const char *last);
static int gateway_router_regex_is_quoted(char c);


pcre2_code *
gateway_router_regex(gateway_router_t *router, const gateway_str_t *pattern,
    int anchored, const gateway_str_t *shown, size_t offset, char *err,
    size_t errlen)
{
    char         reason[128];
    size_t       at;
    pcre2_code  *code;

    reason[0] = '\0';

    code = gateway_router_regex_find(router, pattern, anchored, reason,
                                     sizeof(reason), &at);

    if (code == NULL && reason[0] == '\0') {
        (void) snprintf(err, errlen, "out of memory");

    } else if (code == NULL) {
        (void) snprintf(err, errlen, "invalid regex \"%.*s\": %s at %zu",
                        (int) shown->len, shown->data, reason, at + offset);
    }

    return code;
}


pcre2_code *
gateway_router_regex_find(gateway_router_t *router,
    const gateway_str_t *pattern, int anchored, char *reason, size_t len,
    size_t *offset)
{
    size_t                   size;
    uint32_t                 hash;
    const char              *why;
    pcre2_code              *code;
    gateway_router_regex_t  *regex;

    *offset = 0;
    reason[0] = '\0';

    /* the same regex stands in many routes: "~/api/v\d+" on every host */

    hash = gateway_router_hash(pattern->data, pattern->len,
                               (uint32_t) anchored);

    if (router->regexes == NULL) {

        size = GATEWAY_ROUTER_REGEX_SLOTS * sizeof(gateway_router_regex_t *);

        router->regexes = router->options.alloc(router->options.data, size);
        if (router->regexes == NULL) {
            return NULL;
        }

        memset(router->regexes, 0, size);
    }

    regex = router->regexes[hash & (GATEWAY_ROUTER_REGEX_SLOTS - 1)];

    for ( /* void */ ; regex != NULL; regex = regex->next) {
        if (regex->hash == hash
            && regex->anchored == anchored
            && gateway_router_str_eq(&regex->pattern, pattern))
        {
            return regex->code;
        }
    }

    why = NULL;

    if (router->traditional == NULL) {
        why = gateway_router_regex_check(pattern->data, pattern->len, offset);
    }

    if (why != NULL) {
        (void) snprintf(reason, len, "%s", why);
        return NULL;
    }

    code = gateway_router_regex_compile(router, pattern, anchored, reason,
                                        len, offset);
    if (code == NULL) {
        return NULL;
    }

    regex = router->options.alloc(router->options.data,
                                  sizeof(gateway_router_regex_t)
                                  + pattern->len);
    if (regex == NULL) {
        pcre2_code_free(code);
        reason[0] = '\0';
        return NULL;
    }

    if (pattern->len > 0) {
        memcpy(regex + 1, pattern->data, pattern->len);
    }

    regex->code = code;
    regex->anchored = anchored;
    regex->hash = hash;
    regex->pattern.data = (char *) (regex + 1);
    regex->pattern.len = pattern->len;

    hash &= GATEWAY_ROUTER_REGEX_SLOTS - 1;

    regex->next = router->regexes[hash];
    router->regexes[hash] = regex;

    return code;
}


/*
 * Text is UTF-8 and "\w" means letters of any language, as in that dialect;
 * bytes that are no UTF-8 match nothing but do not fail the request.  The
 * traditional flavor is plain PCRE over bytes.
 */

static pcre2_code *
gateway_router_regex_compile(const gateway_router_t *router,
    const gateway_str_t *pattern, int anchored, char *reason, size_t len,
    size_t *offset)
{
    int                     error;
    uint32_t                n, flags;
    pcre2_code             *code;
    pcre2_compile_context  *context;

    *offset = 0;

    context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        return NULL;
    }

    (void) pcre2_set_newline(context, PCRE2_NEWLINE_LF);

    flags = anchored ? PCRE2_ANCHORED : 0;

    if (router->traditional == NULL) {
        flags |= PCRE2_UTF|PCRE2_UCP|PCRE2_MATCH_INVALID_UTF
                 |PCRE2_DOLLAR_ENDONLY;
    }

    code = pcre2_compile((PCRE2_SPTR) pattern->data, pattern->len, flags,
                         &error, offset, context);

    pcre2_compile_context_free(context);

    if (code == NULL) {
        (void) pcre2_get_error_message(error, (PCRE2_UCHAR *) reason, len);
        return NULL;
    }

    if (router->traditional == NULL
        && (pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &n) != 0
            || n != 0))
    {
        (void) snprintf(reason, len, "back-references are not supported");
        *offset = 0;

        pcre2_code_free(code);

        return NULL;
    }

    /* without JIT pcre2_match() interprets: slower, the same result */

    (void) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);

    return code;
}


/* refuses what PCRE2 has and the dialect has not */

static const char *
gateway_router_regex_check(const char *p, size_t len, size_t *offset)
{
    const char  *start, *last, *reason;

    start = p;
    last = p + len;
    reason = NULL;

    while (p < last) {

        *offset = (size_t) (p - start);

        switch (*p) {

        case '\\':

            if (last - p > 1) {
                reason = gateway_router_regex_escape(*++p);
            }

            break;

        case '[':
            reason = gateway_router_regex_class(&p, last);
            break;

        case '(':
            reason = gateway_router_regex_group(p + 1, last);
            break;

        default:
            break;
        }

        if (reason != NULL) {
            return reason;
        }

        p++;
    }

    return NULL;
}


static const char *
gateway_router_regex_group(const char *p, const char *last)
{
    if (p < last && *p == '*') {
        return "verbs are not supported";
    }

    if (p == last || *p != '?') {
        return NULL;
    }

    p++;

    if (p == last) {
        return NULL;
    }

    if (*p == '=' || *p == '!' || *p == '>') {
        return GATEWAY_ROUTER_NO_LOOK_AROUND;
    }

    if (*p == 'P' && last - p > 1) {
        return (p[1] == '<') ? NULL : "recursion is not supported";
    }

    if (*p == '<') {

        if (last - p > 1 && (p[1] == '=' || p[1] == '!')) {
            return GATEWAY_ROUTER_NO_LOOK_AROUND;
        }

        return NULL;
    }

    /* "(?:" and flags, alone or with a group */

    while (p < last && *p != '\0' && strchr("imsUx-", *p) != NULL) {
        p++;
    }

    if (p < last && *p != ':' && *p != ')') {
        return "unknown kind of group";
    }

    return NULL;
}


static const char *
gateway_router_regex_escape(char c)
{
    if (c >= '0' && c <= '9') {
        return "back-references are not supported";
    }

    if (gateway_router_lower(c) < 'a' || gateway_router_lower(c) > 'z') {
        return NULL;
    }

    if (strchr("aftnrvxdDsSwWbBAzpP", c) == NULL) {
        return "unknown escape sequence";
    }

    return NULL;
}


/* leaves *pos at the "]"; a class without an end is left to PCRE2 */

static const char *
gateway_router_regex_class(const char **pos, const char *last)
{
    const char  *p, *reason;

    p = *pos + 1;

    if (p < last && *p == '^') {
        p++;
    }

    if (p < last && *p == ']') {
        p++;
    }

    for ( /* void */ ; p < last && *p != ']'; p++) {

        if (*p == '\\' && last - p > 1) {

            reason = gateway_router_regex_escape(*++p);
            if (reason != NULL) {
                return reason;
            }

        } else if (*p == '[' && last - p > 1 && p[1] == ':') {

            for (p += 2; last - p > 1 && *p != ']'; p++) { /* void */ }

        } else if (*p == '['
                   || (last - p > 1 && *p == '&' && p[1] == '&'))
        {
            return "sets of characters do not nest";
        }
    }

    *pos = (p < last) ? p : last - 1;

    return NULL;
}


size_t
gateway_router_regex_literal(char *dst, const char *pattern, size_t len)
{
    char         c;
    size_t       n, previous;
    const char  *p, *last;

    /* "^/a|/b": the anchor belongs to the first branch only */

    if (gateway_router_regex_has_bar(pattern, len)) {
        return 0;
    }

    n = 0;
    previous = 0;

    p = pattern;
    last = pattern + len;

    while (p < last) {

        c = *p;

        if (c == '\0' || strchr(".[]()$^|+*?{}\\", c) == NULL) {
            p++;

        } else if (c == '\\' && last - p > 1
                   && gateway_router_regex_is_quoted(p[1]))
        {
            c = p[1];
            p += 2;

        } else {

            if (c == '*' || c == '?' || c == '{') {
                /* the character in front may be absent */
                return previous;
            }

            break;
        }

        /* continuation bytes belong to the character before */

        if (((unsigned char) c & 0xc0) != 0x80) {
            previous = n;
        }

        dst[n++] = c;
    }

    return n;
}


size_t
gateway_router_regex_tail(char *dst, const char *pattern, size_t len)
{
    char         c;
    size_t       n, depth;
    const char  *p, *last;

    if (len == 0 || pattern[len - 1] != '$'
        || gateway_router_regex_has_bar(pattern, len))
    {
        return 0;
    }

    n = 0;
    depth = 0;
    last = pattern + len - 1;

    for (p = pattern; p < last; p++) {

        c = *p;

        if (c == '(') {

            if (gateway_router_regex_has_flags(p, last)) {
                return 0;
            }

            depth++;
            n = 0;
            continue;
        }

        if (c == ')') {
            depth -= (depth > 0);
            n = 0;
            continue;
        }

        if (c == '[') {
            (void) gateway_router_regex_class(&p, last);
            n = 0;
            continue;
        }

        if (c == '\\') {

            /* "\$" at the end is no anchor */

            if (last - p < 2) {
                return 0;
            }

            c = *++p;

            /* "\x41" and "\pL" have more behind them */

            if (c == 'x' || c == 'p' || c == 'P') {
                return 0;
            }

            if (!gateway_router_regex_is_quoted(c)) {
                n = 0;
                continue;
            }

        } else if (c == '\0' || strchr(".^$|+*?{}]", c) != NULL) {

            /* a quantifier takes back what stands in front of it */

            n = 0;
            continue;
        }

        if (depth == 0) {
            dst[n++] = c;
        }
    }

    return n;
}


/* whether a "|" stands outside of all groups, or might */

static int
gateway_router_regex_has_bar(const char *p, size_t len)
{
    size_t       depth;
    const char  *last;

    if (memchr(p, '|', len) == NULL) {
        return 0;
    }

    last = p + len;
    depth = 0;

    for ( /* void */ ; p < last; p++) {

        switch (*p) {

        case '\\':
            p += (last - p > 1);
            break;

        case '[':
            (void) gateway_router_regex_class(&p, last);
            break;

        case '(':

            depth++;

            /* flags may make comments of parentheses */

            if (gateway_router_regex_has_flags(p, last)) {
                return 1;
            }

            break;

        case ')':
            depth -= (depth > 0);
            break;

        case '|':

            if (depth == 0) {
                return 1;
            }

            break;

        default:
            break;
        }
    }

    return 0;
}


/* whether "(" at p starts flags, "(?i)" or "(?i:" */

static int
gateway_router_regex_has_flags(const char *p, const char *last)
{
    return last - p > 2 && p[1] == '?' && p[2] != ':' && p[2] != '<'
           && p[2] != 'P';
}


/* whether a backslash makes an ordinary character of c */

static int
gateway_router_regex_is_quoted(char c)
{
    char  lower;

    lower = gateway_router_lower(c);

    return (c & 0x80) == 0 && (c < '0' || c > '9')
           && (lower < 'a' || lower > 'z');
}
