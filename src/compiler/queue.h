/*
 * Copyright (C) the ngx_gateway authors
 *
 * The record "queue" of plugins that send in the background, and its older
 * form of flat fields.
 */

#ifndef GWC_QUEUE_H
#define GWC_QUEUE_H

#include "rule.h"

typedef struct {
    gwc_record_t record;
    gwc_int_t max_batch_size;
    gwc_num_t max_coalescing_delay;
    gwc_int_t max_entries;
    gwc_int_t max_bytes;
    gwc_num_t max_retry_time;
    gwc_num_t initial_retry_delay;
    gwc_num_t max_retry_delay;
    gwc_int_t concurrency_limit;
} gwc_queue_t;

/* beside the record */
typedef struct {
    gwc_int_t retry_count;
    gwc_int_t queue_size;
    gwc_num_t flush_timeout;
} gwc_queue_flat_t;

/* fields of the record; what is emitted are parameters "queue.max_entries=" */
extern const gwc_field_t gwc_queue_fields[];

/* rows of the config's table for a gwc_queue_t and a gwc_queue_flat_t in it */
#define GWC_QUEUE_FIELDS(config, queue_, flat)                                \
    {                                                                         \
        .name = "queue",                                                      \
        .type = GWC_RECORD,                                                   \
        .offset = offsetof(config, queue_),                                   \
        .fields = gwc_queue_fields,                                           \
        .size = sizeof(gwc_queue_t),                                          \
    },                                                                        \
        {                                                                     \
            .name = "retry_count",                                            \
            .type = GWC_INT,                                                  \
            .offset = offsetof(config, flat)                                  \
                      + offsetof(gwc_queue_flat_t, retry_count),              \
            .flags = GWC_NO_EMIT,                                             \
        },                                                                    \
        {                                                                     \
            .name = "queue_size",                                             \
            .type = GWC_INT,                                                  \
            .offset = offsetof(config, flat)                                  \
                      + offsetof(gwc_queue_flat_t, queue_size),               \
            .flags = GWC_NO_EMIT,                                             \
        },                                                                    \
    {                                                                         \
        .name = "flush_timeout", .type = GWC_NUMBER,                          \
        .offset = offsetof(config, flat)                                      \
                  + offsetof(gwc_queue_flat_t, flush_timeout),                \
        .flags = GWC_NO_EMIT,                                                 \
    }

/* for the check of a rule: what the older fields say goes into the record */
void gwc_queue_merge(gwc_queue_t *queue, const gwc_queue_flat_t *flat);

/*
 * One older field each, which is ignored where it says its own default, as in
 * Kong; NULL or not set: nothing happens.
 */
void gwc_queue_merge_size(gwc_queue_t *queue, const gwc_int_t *size,
                          const char *name, int64_t dflt);
void gwc_queue_merge_delay(gwc_queue_t *queue, const gwc_num_t *delay,
                           const char *name, double dflt);

#endif
