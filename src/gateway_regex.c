
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Compiled with JIT where there is one.  Nothing is shared between threads.
 */


#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>

#include "gateway_regex.h"


/* steps of a match; some hundred times what sane patterns take */
#define GATEWAY_REGEX_MATCH_LIMIT  100000

/* KB of memory of a match without JIT */
#define GATEWAY_REGEX_HEAP_LIMIT   1024


struct gateway_regex_s {
    pcre2_code           *code;
    pcre2_match_data     *data;
    pcre2_match_context  *context;
};


gateway_regex_t *
gateway_regex_compile(const gateway_str_t *pattern, char *err, size_t errlen)
{
    int               code;
    PCRE2_UCHAR       message[128];
    PCRE2_SIZE        offset;
    gateway_regex_t  *regex;

    regex = calloc(1, sizeof(gateway_regex_t));
    if (regex == NULL) {
        (void) snprintf(err, errlen, "out of memory");
        return NULL;
    }

    regex->code = pcre2_compile((PCRE2_SPTR) pattern->data, pattern->len, 0,
                                &code, &offset, NULL);
    if (regex->code == NULL) {
        (void) pcre2_get_error_message(code, message, sizeof(message));
        (void) snprintf(err, errlen, "%s at offset %lu",
                        (const char *) message, (unsigned long) offset);

        gateway_regex_free(regex);
        return NULL;
    }

    /* without JIT it matches too */

    (void) pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);

    regex->data = pcre2_match_data_create(1, NULL);
    regex->context = pcre2_match_context_create(NULL);

    if (regex->data == NULL || regex->context == NULL) {
        (void) snprintf(err, errlen, "out of memory");
        gateway_regex_free(regex);
        return NULL;
    }

    (void) pcre2_set_match_limit(regex->context, GATEWAY_REGEX_MATCH_LIMIT);
    (void) pcre2_set_heap_limit(regex->context, GATEWAY_REGEX_HEAP_LIMIT);

    return regex;
}


void
gateway_regex_free(gateway_regex_t *regex)
{
    pcre2_match_context_free(regex->context);
    pcre2_match_data_free(regex->data);
    pcre2_code_free(regex->code);
    free(regex);
}


int
gateway_regex_match(gateway_regex_t *regex, const gateway_str_t *text,
    size_t from, size_t *start, size_t *end)
{
    int          rc;
    PCRE2_SIZE  *offsets;

    rc = pcre2_match(regex->code, (PCRE2_SPTR) text->data, text->len, from,
                     0, regex->data, regex->context);

    if (rc == PCRE2_ERROR_NOMATCH) {
        return 0;
    }

    if (rc < 0) {
        return -1;
    }

    offsets = pcre2_get_ovector_pointer(regex->data);

    /* "\K" in a lookahead may put the start behind the end */

    *start = offsets[0] < offsets[1] ? offsets[0] : offsets[1];
    *end = offsets[1];

    return 1;
}
