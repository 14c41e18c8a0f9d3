/*
 * Copyright (C) the ngx_gateway authors
 *
 * A text that a regular expression matches, made by walking along it: first
 * alternatives, smallest counts.  It may be wrong (lookarounds, backward
 * references, case): who uses it tries it.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

#define GWC_SAMPLE_MAX   512
#define GWC_SAMPLE_DEPTH 32

typedef struct {
    const char *p;
    const char *end;
    char text[GWC_SAMPLE_MAX];
    size_t len;
    unsigned depth;
    bool failed;
} gwc_sample_t;

static void gwc_sample_alternatives(gwc_sample_t *sample);


static void
gwc_sample_put(gwc_sample_t *sample, char c)
{
    if (sample->len == GWC_SAMPLE_MAX) {
        sample->failed = true;
        return;
    }

    sample->text[sample->len++] = c;
}


/* of "\d" and its like; false when it is something else */
static bool
gwc_sample_class(char c, char *example)
{
    static const char classes[] = "dwsDWSN";
    static const char examples[] = "1a a-aa";
    const char *found = c != '\0' ? strchr(classes, c) : NULL;

    if (found != NULL) {
        *example = examples[found - classes];
    }

    return found != NULL;
}


static void
gwc_sample_escape(gwc_sample_t *sample)
{
    char c, example;

    if (sample->p == sample->end) {
        sample->failed = true;
        return;
    }

    c = *sample->p++;

    if (gwc_sample_class(c, &example)) {
        gwc_sample_put(sample, example);

    } else if (!isalnum((unsigned char) c)) {
        gwc_sample_put(sample, c);

    } else if (strchr("bBAzZG", c) == NULL) {
        sample->failed = true;
    }
}


/* a set of bytes as it is between "[" and "]" */
static void
gwc_sample_read_set(gwc_sample_t *sample, bool *in)
{
    bool first = true;

    while (sample->p < sample->end && (first || *sample->p != ']')) {
        unsigned char from = (unsigned char) *sample->p++, to;
        char example;

        first = false;

        if (from == '[' && sample->p < sample->end && *sample->p == ':') {
            sample->failed = true;
            return;
        }

        if (from == '\\' && sample->p < sample->end) {
            from = (unsigned char) *sample->p++;

            if (gwc_sample_class((char) from, &example)) {
                in[(unsigned char) example] = true;
                continue;
            }
        }

        to = from;

        if (sample->end - sample->p > 1 && sample->p[0] == '-'
            && sample->p[1] != ']') {
            to = (unsigned char) sample->p[1];
            sample->p += 2;
        }

        for (; from <= to; from++) {
            in[from] = true;

            if (from == 255) {
                break;
            }
        }
    }

    if (sample->p == sample->end) {
        sample->failed = true;
        return;
    }

    sample->p++;
}


static void
gwc_sample_set(gwc_sample_t *sample)
{
    static const char preferred[] = "abcdefghijklmnopqrstuvwxyz0123456789"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~";
    bool in[256] = { false };
    bool negated = false;
    const char *c;
    unsigned i;

    if (sample->p < sample->end && *sample->p == '^') {
        negated = true;
        sample->p++;
    }

    gwc_sample_read_set(sample, in);

    for (c = preferred; *c != '\0'; c++) {
        if (in[(unsigned char) *c] != negated) {
            gwc_sample_put(sample, *c);
            return;
        }
    }

    for (i = 0x21; i < 0x7f; i++) {
        if (in[i] != negated) {
            gwc_sample_put(sample, (char) i);
            return;
        }
    }

    sample->failed = true;
}


/* behind "(": names and options; false for a look around */
static bool
gwc_sample_group_head(gwc_sample_t *sample)
{
    static const char *const looks[] = { "?=", "?!", "?<=", "?<!" };
    const char *p = sample->p;
    size_t i, left = (size_t) (sample->end - p);

    for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        size_t n = strlen(looks[i]);

        if (left > n && strncmp(p, looks[i], n) == 0) {
            sample->p += n;
            return false;
        }
    }

    if (left == 0 || *p != '?') {
        return true;
    }

    for (p++; p < sample->end && strchr(":>')", *p) == NULL; p++) {
        if (!isalnum((unsigned char) *p) && strchr("<_-^", *p) == NULL) {
            sample->failed = true;
            return true;
        }
    }

    /* "(?i)" is no group: the ")" is left to the caller */
    sample->p = p < sample->end && *p != ')' ? p + 1 : p;

    return true;
}


static void
gwc_sample_group(gwc_sample_t *sample)
{
    size_t len = sample->len;
    bool counts;

    if (++sample->depth > GWC_SAMPLE_DEPTH) {
        sample->failed = true;
        return;
    }

    counts = gwc_sample_group_head(sample);
    gwc_sample_alternatives(sample);

    if (sample->p == sample->end) {
        sample->failed = true;
        return;
    }

    sample->p++;
    sample->depth--;

    if (!counts) {
        sample->len = len;
    }
}


/* "{2,3}": 2; -1 when it is no count */
static long
gwc_sample_count(gwc_sample_t *sample)
{
    const char *close =
        memchr(sample->p, '}', (size_t) (sample->end - sample->p));
    char *end;
    long n;

    if (close == NULL || !isdigit((unsigned char) sample->p[1])) {
        return -1;
    }

    n = strtol(sample->p + 1, &end, 10);

    if ((*end != ',' && end != close) || n > GWC_SAMPLE_MAX) {
        return -1;
    }

    sample->p = close + 1;

    return n;
}


/* what stands from start on is there as often as it has to */
static void
gwc_sample_quantifier(gwc_sample_t *sample, size_t start)
{
    size_t k, len = sample->len - start;
    long n = 1;

    if (sample->p == sample->end) {
        return;
    }

    switch (*sample->p) {

    case '*':
    case '?':
        n = 0;
        sample->p++;
        break;

    case '+':
        sample->p++;
        break;

    case '{':
        n = gwc_sample_count(sample);

        if (n == -1) {
            return;
        }
        break;

    default:
        return;
    }

    sample->len = start;

    for (; n > 0 && !sample->failed; n--) {
        for (k = 0; k < len; k++) {
            gwc_sample_put(sample, sample->text[start + k]);
        }
    }

    if (sample->p < sample->end && (*sample->p == '?' || *sample->p == '+')) {
        sample->p++;
    }
}


static void
gwc_sample_sequence(gwc_sample_t *sample)
{
    size_t start;
    char c;

    while (!sample->failed && sample->p < sample->end && *sample->p != '|'
           && *sample->p != ')')
    {
        start = sample->len;
        c = *sample->p++;

        switch (c) {

        case '^':
        case '$':
            break;

        case '.':
            gwc_sample_put(sample, 'x');
            break;

        case '\\':
            gwc_sample_escape(sample);
            break;

        case '[':
            gwc_sample_set(sample);
            break;

        case '(':
            gwc_sample_group(sample);
            break;

        default:
            gwc_sample_put(sample, c);
        }

        gwc_sample_quantifier(sample, start);
    }
}


/* the first one; the others are walked over */
static void
gwc_sample_alternatives(gwc_sample_t *sample)
{
    size_t len;

    gwc_sample_sequence(sample);
    len = sample->len;

    while (!sample->failed && sample->p < sample->end && *sample->p == '|') {
        sample->p++;
        gwc_sample_sequence(sample);
        sample->len = len;
    }
}


const char *
gwc_diff_sample(const char *pattern, size_t len)
{
    gwc_sample_t *sample = gwc_alloc(sizeof(gwc_sample_t));

    sample->p = pattern;
    sample->end = pattern + len;
    gwc_sample_alternatives(sample);

    if (sample->failed || sample->p < sample->end) {
        return NULL;
    }

    return gwc_strndup(sample->text, sample->len);
}
