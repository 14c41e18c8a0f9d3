
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Paths of values in JSON, in plain C: the tool checks them with the code
 * that the module runs.  "." goes into an object, "[n]" to the n-th element
 * of an array, the first being 1, "[*]" to all of them, "**" to the value
 * itself and all that is in it; "\" takes the next byte as it is.
 */


#ifndef _GATEWAY_JSON_PATH_H_INCLUDED_
#define _GATEWAY_JSON_PATH_H_INCLUDED_


#include "gateway_router.h"


/* the largest index */
#define GATEWAY_JSON_PATH_INDEX  1000000


typedef enum {
    GATEWAY_JSON_KEY = 0,
    GATEWAY_JSON_INDEX,
    GATEWAY_JSON_ALL,
    GATEWAY_JSON_DEEP
} gateway_json_segment_e;


typedef struct {
    gateway_json_segment_e    kind;
    size_t                    len;       /* KEY: of its name */
    size_t                    index;     /* INDEX, from 1 */
} gateway_json_segment_t;


/*
 * The segment at p, its name to buf, which has room for all of the path.
 * Returns what follows, or NULL: it is malformed.
 */
const char *gateway_json_path_next(const char *p, const char *last,
    gateway_json_segment_t *segment, char *buf);

/*
 * Of a whole path; buf as above.  1, or 0: it is malformed, empty, has two
 * "**", or one at its end.
 */
int gateway_json_path_check(const gateway_str_t *path, char *buf);


#endif /* _GATEWAY_JSON_PATH_H_INCLUDED_ */
