
/*
 * Copyright (C) the ngx_gateway authors
 */


#include <string.h>

#include "gateway_json_path.h"


static const char *gateway_json_path_index(const char *p, const char *last,
    gateway_json_segment_t *segment);


const char *
gateway_json_path_next(const char *p, const char *last,
    gateway_json_segment_t *segment, char *buf)
{
    const char  *start;

    segment->kind = GATEWAY_JSON_KEY;
    segment->len = 0;
    segment->index = 0;

    if (p == last) {
        return NULL;
    }

    if (*p == '[') {
        p = gateway_json_path_index(p + 1, last, segment);

        if (p == NULL) {
            return NULL;
        }

    } else {
        start = p;

        for ( /* void */ ; p < last && *p != '.' && *p != '['; p++) {

            if (*p == '\\' && ++p == last) {
                return NULL;
            }

            buf[segment->len++] = *p;
        }

        if (segment->len == 0) {
            return NULL;
        }

        if (p - start == 2 && memcmp(start, "**", 2) == 0) {
            segment->kind = GATEWAY_JSON_DEEP;
        }
    }

    if (p < last && *p == '.') {
        p++;

        return p == last ? NULL : p;
    }

    /* an index needs no dot before it, a name does */

    return (p == last || *p == '[') ? p : NULL;
}


static const char *
gateway_json_path_index(const char *p, const char *last,
    gateway_json_segment_t *segment)
{
    if (p < last && *p == '*') {
        segment->kind = GATEWAY_JSON_ALL;
        p++;

    } else {
        segment->kind = GATEWAY_JSON_INDEX;

        while (p < last && *p >= '0' && *p <= '9') {

            segment->index = segment->index * 10 + (size_t) (*p++ - '0');

            if (segment->index > GATEWAY_JSON_PATH_INDEX) {
                return NULL;
            }
        }

        if (segment->index == 0) {
            return NULL;
        }
    }

    return (p < last && *p == ']') ? p + 1 : NULL;
}


int
gateway_json_path_check(const gateway_str_t *path, char *buf)
{
    unsigned                 deep;
    const char              *p, *last;
    gateway_json_segment_t   segment;

    deep = 0;
    p = path->data;
    last = p + path->len;

    do {
        p = gateway_json_path_next(p, last, &segment, buf);

        if (p == NULL) {
            return 0;
        }

        /* work stays linear with one of them; it leads to values in it */

        if (segment.kind == GATEWAY_JSON_DEEP && (++deep > 1 || p == last)) {
            return 0;
        }

    } while (p < last);

    return 1;
}
