
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Questions to name servers and their answers, as bytes.
 */


#include "gateway_dns.h"

#include <string.h>


#define GATEWAY_DNS_HEADER   12
#define GATEWAY_DNS_ALIASES  16            /* followed within an answer */
#define GATEWAY_DNS_IN       1


typedef struct {
    const unsigned char  *buf;
    size_t                len;
    size_t                pos;
} gateway_dns_reader_t;


/* a resource record; pos and len are those of its data */
typedef struct {
    char                  owner[GATEWAY_DNS_NAME];
    size_t                owner_len;
    unsigned              type;
    unsigned              class;
    uint32_t              ttl;
    size_t                pos;
    size_t                len;
} gateway_dns_rr_t;


static unsigned gateway_dns_u16(const unsigned char *p);
static int gateway_dns_name(gateway_dns_reader_t *reader, char *name,
    size_t *len);
static int gateway_dns_label(const unsigned char *p, size_t len, char *name,
    size_t *n);
static int gateway_dns_rr(gateway_dns_reader_t *reader, gateway_dns_rr_t *rr);
static int gateway_dns_follow(const gateway_dns_reader_t *answers,
    unsigned count, gateway_dns_answer_t *answer);
static int gateway_dns_record(const gateway_dns_reader_t *answers,
    const gateway_dns_rr_t *rr, gateway_dns_record_t *record);


size_t
gateway_dns_query(unsigned char *buf, unsigned id, const char *name,
    size_t len, unsigned type)
{
    size_t         i, n;
    unsigned char  *p, *label;

    if (len && name[len - 1] == '.') {
        len--;
    }

    /* a byte for the length of the first label, another for the root */

    if (len == 0 || len > GATEWAY_DNS_NAME - 1) {
        return 0;
    }

    memset(buf, 0, GATEWAY_DNS_HEADER);

    buf[0] = (unsigned char) (id >> 8);
    buf[1] = (unsigned char) id;
    buf[2] = 1;                            /* recursion desired */
    buf[5] = 1;                            /* one question */

    p = buf + GATEWAY_DNS_HEADER;
    label = p++;
    n = 0;

    for (i = 0; i < len; i++) {

        if (name[i] != '.') {
            if (++n > 63) {
                return 0;
            }

            *p++ = (unsigned char) (name[i] >= 'A' && name[i] <= 'Z'
                                    ? name[i] | 0x20 : name[i]);
            continue;
        }

        if (n == 0) {
            return 0;
        }

        *label = (unsigned char) n;
        label = p++;
        n = 0;
    }

    if (n == 0) {
        return 0;
    }

    *label = (unsigned char) n;
    *p++ = 0;

    *p++ = (unsigned char) (type >> 8);
    *p++ = (unsigned char) type;
    *p++ = 0;
    *p++ = GATEWAY_DNS_IN;

    return (size_t) (p - buf);
}


int
gateway_dns_answer(const unsigned char *buf, size_t len,
    const unsigned char *query, size_t query_len,
    gateway_dns_answer_t *answer, gateway_dns_record_pt add, void *data)
{
    char                  name[GATEWAY_DNS_NAME], asked[GATEWAY_DNS_NAME];
    size_t                name_len, asked_len;
    unsigned              i, count, type;
    gateway_dns_rr_t      rr;
    gateway_dns_record_t  record;
    gateway_dns_reader_t  reader, answers;

    memset(answer, 0, sizeof(gateway_dns_answer_t));

    /* the header: our id, a response, no other operation, one question */

    if (len < GATEWAY_DNS_HEADER
        || query_len < GATEWAY_DNS_HEADER + 4
        || buf[0] != query[0]
        || buf[1] != query[1]
        || (buf[2] & 0xf8) != 0x80
        || gateway_dns_u16(buf + 4) != 1)
    {
        return -1;
    }

    reader.buf = query;
    reader.len = query_len;
    reader.pos = GATEWAY_DNS_HEADER;

    if (gateway_dns_name(&reader, asked, &asked_len) != 0) {
        return -1;
    }

    type = gateway_dns_u16(query + query_len - 4);

    reader.buf = buf;
    reader.len = len;
    reader.pos = GATEWAY_DNS_HEADER;

    if (gateway_dns_name(&reader, name, &name_len) != 0
        || len - reader.pos < 4
        || gateway_dns_u16(buf + reader.pos) != type
        || gateway_dns_u16(buf + reader.pos + 2) != GATEWAY_DNS_IN
        || name_len == 0
        || name_len != asked_len
        || memcmp(name, asked, asked_len) != 0)
    {
        return -1;
    }

    reader.pos += 4;

    answer->rcode = buf[3] & 15;
    answer->truncated = (buf[2] & 2) != 0;

    if (answer->truncated || answer->rcode) {
        return 0;
    }

    answers = reader;
    count = gateway_dns_u16(buf + 6);

    answer->ttl = UINT32_MAX;
    answer->alias_len = asked_len;
    memcpy(answer->alias, asked, asked_len);

    if (gateway_dns_follow(&answers, count, answer) != 0) {
        return -1;
    }

    for (i = 0; i < count; i++) {

        if (gateway_dns_rr(&reader, &rr) != 0) {
            return -1;
        }

        if (rr.type != type
            || rr.class != GATEWAY_DNS_IN
            || rr.owner_len != answer->alias_len
            || memcmp(rr.owner, answer->alias, rr.owner_len) != 0)
        {
            continue;
        }

        if (gateway_dns_record(&answers, &rr, &record) != 0) {
            answer->skipped++;
            continue;
        }

        if (record.ttl < answer->ttl) {
            answer->ttl = record.ttl;
        }

        answer->n++;

        if (add(data, &record) != 0) {
            break;
        }
    }

    if (answer->n
        || (answer->alias_len == asked_len
            && memcmp(answer->alias, asked, asked_len) == 0))
    {
        answer->alias_len = 0;
    }

    return 0;
}


/*
 * Aliases may stand in any order; answer->alias is the last one, and ttl
 * the least on the way.  A loop ends nowhere: -1.
 */
static int
gateway_dns_follow(const gateway_dns_reader_t *answers, unsigned count,
    gateway_dns_answer_t *answer)
{
    int                   found;
    size_t                len;
    unsigned              i, hops;
    gateway_dns_rr_t      rr;
    gateway_dns_reader_t  reader, target;

    for (hops = 0; hops < GATEWAY_DNS_ALIASES; hops++) {

        reader = *answers;
        found = 0;

        for (i = 0; i < count && !found; i++) {

            if (gateway_dns_rr(&reader, &rr) != 0) {
                return -1;
            }

            if (rr.type != GATEWAY_DNS_CNAME
                || rr.class != GATEWAY_DNS_IN
                || rr.owner_len != answer->alias_len
                || memcmp(rr.owner, answer->alias, rr.owner_len) != 0)
            {
                continue;
            }

            target = *answers;
            target.pos = rr.pos;

            if (gateway_dns_name(&target, answer->alias, &len) != 0
                || len == 0)
            {
                return -1;
            }

            answer->alias_len = len;
            found = 1;

            if (rr.ttl < answer->ttl) {
                answer->ttl = rr.ttl;
            }
        }

        if (!found) {
            return 0;
        }
    }

    return -1;
}


static unsigned
gateway_dns_u16(const unsigned char *p)
{
    return (unsigned) (p[0] << 8 | p[1]);
}


/*
 * Reads the name at the reader's place, which moves behind it.  *len is 0
 * for the root, and for names with bytes that are none of a host's name.
 * Pointers lead backwards only, so this ends.
 */
static int
gateway_dns_name(gateway_dns_reader_t *reader, char *name, size_t *len)
{
    int            jumped, strange;
    size_t         n, pos, limit, label, total;

    pos = reader->pos;
    limit = pos;                           /* pointers lead before this */
    jumped = 0;
    strange = 0;
    total = 0;
    n = 0;

    for ( ;; ) {

        if (pos >= reader->len) {
            return -1;
        }

        label = reader->buf[pos];

        if (label >= 0xc0) {

            if (reader->len - pos < 2) {
                return -1;
            }

            label = (label & 0x3f) << 8 | reader->buf[pos + 1];

            if (!jumped) {
                reader->pos = pos + 2;
                jumped = 1;
            }

            if (label < GATEWAY_DNS_HEADER || label >= limit) {
                return -1;
            }

            pos = label;
            limit = label;
            continue;
        }

        pos++;

        if (label == 0) {
            break;
        }

        total += label + 1;

        if (label > 63 || label > reader->len - pos || total > 254) {
            return -1;
        }

        if (gateway_dns_label(reader->buf + pos, label, name, &n) != 0) {
            strange = 1;
        }

        pos += label;
    }

    if (!jumped) {
        reader->pos = pos;
    }

    *len = strange ? 0 : n;

    return 0;
}


/* a name of 254 bytes on the wire has 253 with dots between its labels */
static int
gateway_dns_label(const unsigned char *p, size_t len, char *name, size_t *n)
{
    size_t         i;
    unsigned char  c;

    if (*n) {
        name[(*n)++] = '.';
    }

    for (i = 0; i < len; i++) {
        c = p[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || c == '-' || c == '_'))
        {
            /* keeps the length; the name is not used */
            name[(*n)++] = '?';

            while (++i < len) {
                name[(*n)++] = '?';
            }

            return -1;
        }

        name[(*n)++] = (char) c;
    }

    return 0;
}


static int
gateway_dns_rr(gateway_dns_reader_t *reader, gateway_dns_rr_t *rr)
{
    const unsigned char  *p;

    if (gateway_dns_name(reader, rr->owner, &rr->owner_len) != 0
        || reader->len - reader->pos < 10)
    {
        return -1;
    }

    p = reader->buf + reader->pos;

    rr->type = gateway_dns_u16(p);
    rr->class = gateway_dns_u16(p + 2);
    rr->ttl = (uint32_t) gateway_dns_u16(p + 4) << 16
              | gateway_dns_u16(p + 6);
    rr->len = gateway_dns_u16(p + 8);
    rr->pos = reader->pos + 10;

    /* RFC 2181: the highest bit makes it 0 */

    if (rr->ttl > INT32_MAX) {
        rr->ttl = 0;
    }

    if (rr->len > reader->len - rr->pos) {
        return -1;
    }

    reader->pos = rr->pos + rr->len;

    return 0;
}


static int
gateway_dns_record(const gateway_dns_reader_t *answers,
    const gateway_dns_rr_t *rr, gateway_dns_record_t *record)
{
    size_t                len;
    const unsigned char  *p;
    gateway_dns_reader_t  target;

    memset(record, 0, sizeof(gateway_dns_record_t));

    record->type = rr->type;
    record->ttl = rr->ttl;

    p = answers->buf + rr->pos;

    if (rr->type != GATEWAY_DNS_SRV) {
        len = rr->type == GATEWAY_DNS_A ? 4 : 16;

        if (rr->len != len) {
            return -1;
        }

        memcpy(record->address, p, len);

        return 0;
    }

    if (rr->len < 7) {
        return -1;
    }

    record->priority = (uint16_t) gateway_dns_u16(p);
    record->weight = (uint16_t) gateway_dns_u16(p + 2);
    record->port = (uint16_t) gateway_dns_u16(p + 4);

    target = *answers;
    target.pos = rr->pos + 6;
    target.len = rr->pos + rr->len;

    /* the root means that there is no such service */

    if (gateway_dns_name(&target, record->target, &record->target_len) != 0
        || record->target_len == 0)
    {
        return -1;
    }

    return 0;
}
