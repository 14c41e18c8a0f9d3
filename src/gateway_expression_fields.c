
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The fields of expressions, and addresses.
 */


#include "gateway_expression_private.h"

#include <arpa/inet.h>
#include <string.h>


typedef struct {
    const char                   *name;
    gateway_expression_field_t    field;
    gateway_expression_type_t     type;
    int                           stream;
} gateway_expression_known_t;


static const char *gateway_expression_segments(const gateway_str_t *range,
    gateway_expression_lhs_t *lhs);
static int gateway_expression_number(const char **pos, const char *last,
    uint32_t *number);
static int gateway_expression_starts(const gateway_str_t *name,
    const char *prefix, gateway_str_t *rest);


static const gateway_expression_known_t  gateway_expression_known[] = {
    { "http.method", GATEWAY_FIELD_METHOD, GATEWAY_TYPE_TEXT, 0 },
    { "http.host", GATEWAY_FIELD_HOST, GATEWAY_TYPE_TEXT, 0 },
    { "http.path", GATEWAY_FIELD_PATH, GATEWAY_TYPE_TEXT, 0 },
    { "http.path.segments.len", GATEWAY_FIELD_SEGMENTS_LEN,
      GATEWAY_TYPE_INT, 0 },
    { "net.protocol", GATEWAY_FIELD_PROTOCOL, GATEWAY_TYPE_TEXT, 1 },
    { "tls.sni", GATEWAY_FIELD_SNI, GATEWAY_TYPE_TEXT, 1 },
    { "net.src.ip", GATEWAY_FIELD_SRC_IP, GATEWAY_TYPE_IP, 1 },
    { "net.src.port", GATEWAY_FIELD_SRC_PORT, GATEWAY_TYPE_INT, 1 },
    { "net.dst.ip", GATEWAY_FIELD_DST_IP, GATEWAY_TYPE_IP, 1 },
    { "net.dst.port", GATEWAY_FIELD_DST_PORT, GATEWAY_TYPE_INT, 1 },
    /* the name of net.dst.port until Kong 3.4 */
    { "net.port", GATEWAY_FIELD_DST_PORT, GATEWAY_TYPE_INT, 1 },
    { NULL, GATEWAY_FIELD_METHOD, GATEWAY_TYPE_TEXT, 0 }
};


const char *const  gateway_expression_fields[] = {
    "http.method", "http.host", "http.path", "http.path.segments.len",
    "http.path.segments.0", "http.headers.name", "http.queries.name",
    "net.protocol", "net.src.ip", "net.src.port", "net.dst.ip",
    "net.dst.port", "tls.sni", NULL
};


const char *
gateway_expression_field(const gateway_str_t *name,
    gateway_expression_schema_t schema, gateway_expression_lhs_t *lhs)
{
    int                                stream;
    const char                        *reason;
    gateway_str_t                      rest;
    const gateway_expression_known_t  *known;

    memset(lhs, 0, sizeof(gateway_expression_lhs_t));

    stream = 0;
    reason = NULL;

    for (known = gateway_expression_known; known->name; known++) {
        if (strlen(known->name) == name->len
            && memcmp(known->name, name->data, name->len) == 0)
        {
            break;
        }
    }

    if (known->name != NULL) {

        lhs->field = known->field;
        lhs->type = known->type;
        lhs->net_port = (known->name[4] == 'p' && known->name[5] == 'o');
        stream = known->stream;

    } else if (gateway_expression_starts(name, "http.headers.", &rest)) {

        lhs->field = GATEWAY_FIELD_HEADER;
        lhs->name = rest;

        if (rest.len == 0 || memchr(rest.data, '.', rest.len) != NULL) {
            reason = "needs the name of one header behind \"http.headers.\", "
                     "with \"_\" in place of \"-\"";
        }

    } else if (gateway_expression_starts(name, "http.queries.", &rest)) {

        lhs->field = GATEWAY_FIELD_QUERY;
        lhs->name = rest;

        if (rest.len == 0 || memchr(rest.data, '.', rest.len) != NULL) {
            reason = "needs the name of one query argument, without \".\", "
                     "behind \"http.queries.\"";
        }

    } else if (gateway_expression_starts(name, "http.path.segments.", &rest)) {

        lhs->field = GATEWAY_FIELD_SEGMENTS;
        reason = gateway_expression_segments(&rest, lhs);

    } else {
        return "is no field";
    }

    if (schema == GATEWAY_EXPRESSION_STREAM && !stream) {
        return "is no field of stream routes";
    }

    return reason;
}


/* "0", "12", "1_3" */

static const char *
gateway_expression_segments(const gateway_str_t *range,
    gateway_expression_lhs_t *lhs)
{
    const char  *p, *last;

    p = range->data;
    last = p + range->len;

    if (gateway_expression_number(&p, last, &lhs->first)) {

        lhs->last = lhs->first;

        if (p == last) {
            return NULL;
        }

        if (*p++ == '_'
            && gateway_expression_number(&p, last, &lhs->last)
            && p == last && lhs->first < lhs->last)
        {
            return NULL;
        }
    }

    return "needs the number of a segment, from 0, two that ascend as in "
           "\"1_3\", or \"len\" behind \"http.path.segments.\"";
}


/* without leading zeros; what is too large is as good as the largest */

static int
gateway_expression_number(const char **pos, const char *last,
    uint32_t *number)
{
    const char  *p;

    p = *pos;

    if (p == last || *p < '0' || *p > '9') {
        return 0;
    }

    if (*p == '0' && last - p > 1 && p[1] >= '0' && p[1] <= '9') {
        return 0;
    }

    *number = 0;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {

        if (*number < 100000000) {
            *number = *number * 10 + (uint32_t) (*p - '0');
        }
    }

    *pos = p;

    return 1;
}


static int
gateway_expression_starts(const gateway_str_t *name, const char *prefix,
    gateway_str_t *rest)
{
    size_t  len;

    len = strlen(prefix);

    if (name->len < len || memcmp(name->data, prefix, len) != 0) {
        return 0;
    }

    rest->data = name->data + len;
    rest->len = name->len - len;

    return 1;
}


int
gateway_address_parse(gateway_address_t *address, unsigned *bits,
    const char *text, size_t len)
{
    int          family;
    char         copy[INET6_ADDRSTRLEN];
    size_t       i, n;
    unsigned     max;
    const char  *slash;

    slash = memchr(text, '/', len);
    n = slash ? (size_t) (slash - text) : len;

    if (n == 0 || n >= sizeof(copy) || memchr(text, '\0', n) != NULL) {
        return -1;
    }

    memcpy(copy, text, n);
    copy[n] = '\0';

    family = memchr(copy, ':', n) ? AF_INET6 : AF_INET;

    address->len = (family == AF_INET6) ? 16 : 4;
    memset(address->bytes, 0, sizeof(address->bytes));

    if (inet_pton(family, copy, address->bytes) != 1) {
        return -1;
    }

    max = address->len * 8;
    *bits = max;

    if (slash == NULL) {
        return 0;
    }

    if (len - n < 2 || len - n > 4) {
        return -1;
    }

    *bits = 0;

    for (i = n + 1; i < len; i++) {

        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }

        *bits = *bits * 10 + (unsigned) (text[i] - '0');
    }

    return (*bits > max) ? -1 : 0;
}


void
gateway_address_fold(gateway_address_t *address)
{
    static const unsigned char  mapped[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
    };

    if (address->len == 16 && memcmp(address->bytes, mapped, 12) == 0) {
        memmove(address->bytes, address->bytes + 12, 4);
        memset(address->bytes + 4, 0, 12);
        address->len = 4;
    }
}


int
gateway_address_in(const gateway_address_t *address,
    const gateway_address_t *net, unsigned bits)
{
    unsigned  n, mask;

    if (address->len != net->len) {
        return 0;
    }

    n = bits / 8;

    if (memcmp(address->bytes, net->bytes, n) != 0) {
        return 0;
    }

    if (bits % 8 == 0) {
        return 1;
    }

    mask = 0xff00u >> (bits % 8);

    return ((address->bytes[n] ^ net->bytes[n]) & mask & 0xff) == 0;
}
