
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Questions to name servers and their answers, as bytes.  Answers come from
 * the network: nothing in them is believed before it has been checked.
 */


#ifndef _GATEWAY_DNS_H_INCLUDED_
#define _GATEWAY_DNS_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define GATEWAY_DNS_NAME   254             /* bytes of a name, with a NUL */
#define GATEWAY_DNS_QUERY  (12 + 255 + 4)  /* the longest question */

#define GATEWAY_DNS_A      1
#define GATEWAY_DNS_CNAME  5
#define GATEWAY_DNS_AAAA   28
#define GATEWAY_DNS_SRV    33

#define GATEWAY_DNS_NXDOMAIN  3            /* "name error" */


typedef struct {
    unsigned       type;
    uint32_t       ttl;
    unsigned char  address[16];            /* A: the first four */
    uint16_t       priority;               /* these four: SRV */
    uint16_t       weight;
    uint16_t       port;
    char           target[GATEWAY_DNS_NAME];  /* lower case */
    size_t         target_len;
} gateway_dns_record_t;


typedef struct {
    unsigned       rcode;
    int            truncated;              /* ask again, by TCP */
    uint32_t       ttl;                    /* the least, of aliases too */
    size_t         n;                      /* records */
    size_t         skipped;                /* records without a usable name */
    /* the alias at the end of the chain when it has no records here */
    char           alias[GATEWAY_DNS_NAME];
    size_t         alias_len;
} gateway_dns_answer_t;


typedef int (*gateway_dns_record_pt)(void *data,
    const gateway_dns_record_t *record);


/*
 * Writes a question about a name (a final dot is fine) into buf of
 * GATEWAY_DNS_QUERY bytes.  Returns its length, or 0: no name of DNS.
 */
size_t gateway_dns_query(unsigned char *buf, unsigned id, const char *name,
    size_t len, unsigned type);

/*
 * Reads the answer to a question that gateway_dns_query() made: query is
 * that question.  Aliases are followed; add is called with each record, and
 * ends the reading by anything but 0.  Returns 0, or -1: not an answer to
 * this question, or malformed.
 */
int gateway_dns_answer(const unsigned char *buf, size_t len,
    const unsigned char *query, size_t query_len,
    gateway_dns_answer_t *answer, gateway_dns_record_pt add, void *data);


#endif /* _GATEWAY_DNS_H_INCLUDED_ */
