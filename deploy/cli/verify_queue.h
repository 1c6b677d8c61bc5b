/* verify_queue.h - records a service must have submitted, until the log brings them.
 *
 * Owns:     the copies.
 * Units:    bytes.
 * Errors:   ERR_MEMORY.
 * Threads:  one.
 * Bounds:   grows with what is on its way: a window of the venue, never its history.
 */
#ifndef VERIFY_QUEUE_H
#define VERIFY_QUEUE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct verify_queue {
    uint8_t *bytes; /* items [u32 size][record] */
    size_t head, tail, capacity;
    uint64_t put_n, taken_n; /* how many ever */
};

ERROR_CHECKED static inline int verify_queue_put(struct verify_queue *q,
                                                 const uint8_t *record, uint32_t size)
{
    if (q->head == q->tail)
        q->head = q->tail = 0;
    if (q->capacity - q->tail < sizeof size + size && q->head > q->capacity / 2) {
        memmove(q->bytes, q->bytes + q->head, q->tail - q->head);
        q->tail -= q->head;
        q->head = 0;
    }
    if (q->capacity - q->tail < sizeof size + size) {
        size_t capacity = 2 * q->capacity + 65536;
        uint8_t *grown = realloc(q->bytes, capacity);
        if (grown == NULL)
            return ERR_MEMORY;
        q->bytes = grown;
        q->capacity = capacity;
    }
    memcpy(q->bytes + q->tail, &size, sizeof size);
    memcpy(q->bytes + q->tail + sizeof size, record, size);
    q->tail += sizeof size + size;
    q->put_n++;
    return 0;
}

/* The oldest, borrowed until the next put; NULL if there is none. */
static inline const uint8_t *verify_queue_take(struct verify_queue *q, uint32_t *size)
{
    if (q->head == q->tail)
        return NULL;
    const uint8_t *record = q->bytes + q->head + sizeof *size;
    memcpy(size, q->bytes + q->head, sizeof *size);
    q->head += sizeof *size + *size;
    q->taken_n++;
    return record;
}

#endif
