/*
 * Copyright (C) the ngx_gateway authors
 *
 * How entries wait that are sent in the background.
 */

#include "queue.h"

#include "diag.h"

static void gwc_queue_check_limit(const gwc_field_t *field, void *value);

const gwc_field_t gwc_queue_fields[] = {
    {
        .name = "max_batch_size",
        .type = GWC_INT,
        .offset = offsetof(gwc_queue_t, max_batch_size),
        .dflt = "1",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "max_coalescing_delay",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_queue_t, max_coalescing_delay),
        .dflt = "1",
        .bounded = true,
        .min = 0,
        .max = 3600,
    },
    {
        .name = "max_entries",
        .type = GWC_INT,
        .offset = offsetof(gwc_queue_t, max_entries),
        .dflt = "10000",
        .bounded = true,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "max_bytes",
        .type = GWC_INT,
        .offset = offsetof(gwc_queue_t, max_bytes),
        .bounded = true,
        .min = 0,
        .max = 2147483647,
    },
    {
        .name = "max_retry_time",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_queue_t, max_retry_time),
        .dflt = "60",
        .bounded = true,
        .min = -1,
        .max = 1000000,
    },
    {
        .name = "initial_retry_delay",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_queue_t, initial_retry_delay),
        .dflt = "0.01",
        .bounded = true,
        .min = 0.001,
        .max = 1000000,
    },
    {
        .name = "max_retry_delay",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_queue_t, max_retry_delay),
        .dflt = "60",
        .bounded = true,
        .min = 0.001,
        .max = 1000000,
    },
    {
        .name = "concurrency_limit",
        .type = GWC_INT,
        .offset = offsetof(gwc_queue_t, concurrency_limit),
        .dflt = "1",
        .check = gwc_queue_check_limit,
    },
    { .name = NULL },
};


static void
gwc_queue_check_limit(const gwc_field_t *field, void *value)
{
    const gwc_int_t *limit = value;

    (void) field;

    if (limit->v != 1 && limit->v != -1) {
        gwc_error(limit->node, "expected one of: -1, 1");
    }
}


void
gwc_queue_merge(gwc_queue_t *queue, const gwc_queue_flat_t *flat)
{
    if (flat->retry_count.set && flat->retry_count.v != 10) {
        gwc_warning(flat->retry_count.node,
                    "retry_count no longer works, use queue.max_retry_time");
    }

    gwc_queue_merge_size(queue, &flat->queue_size, "queue_size", 1);
    gwc_queue_merge_delay(queue, &flat->flush_timeout, "flush_timeout", 2);
}


void
gwc_queue_merge_size(gwc_queue_t *queue, const gwc_int_t *size,
                     const char *name, int64_t dflt)
{
    if (!size->set || size->v == dflt) {
        return;
    }

    if (size->v < 1 || size->v > 1000000) {
        gwc_error(size->node, "%s must be between 1 and 1000000", name);
        return;
    }

    gwc_warning(size->node, "%s is deprecated, use queue.max_batch_size",
                name);

    queue->max_batch_size = *size;
}


void
gwc_queue_merge_delay(gwc_queue_t *queue, const gwc_num_t *delay,
                      const char *name, double dflt)
{
    if (!delay->set || (delay->v >= dflt && delay->v <= dflt)) {
        return;
    }

    if (!(delay->v >= 0 && delay->v <= 3600)) {
        gwc_error(delay->node, "%s must be between 0 and 3600", name);
        return;
    }

    gwc_warning(delay->node,
                "%s is deprecated, use queue.max_coalescing_delay", name);

    queue->max_coalescing_delay = *delay;
}
