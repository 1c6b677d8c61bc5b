/* ring.h - a queue of records of any size in one block of memory.
 *
 * Owns:     copies of the records, in memory handed in.
 * Units:    bytes; a cursor counts bytes ever queued, so it never wraps.
 * Errors:   ERR_FULL when a record does not fit now, ERR_LIMIT when it never will.
 * Threads:  none.
 * Bounds:   capacity; each record takes its size + 8 rounded up to 8, and up to as much
 *           again is lost at the end of the block, for each record is kept in one piece.
 *
 *   memory  |    |size|record|size|record|size|END|
 *                ^head % capacity             ^ the next record starts over at 0
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct ring {
    unsigned char *memory;
    uint64_t head; /* cursor of the oldest record */
    uint64_t tail; /* cursor behind the newest */
    uint32_t capacity;
    uint32_t count;
};

/* Bytes to hand to ring_init for this capacity (bytes, rounded up to 8). */
size_t ring_size(uint32_t capacity);

/* Takes `memory`, 8-aligned, whatever it holds. */
void ring_init(struct ring *, void *memory, uint32_t capacity);

/* Queue a copy. ERR_FULL or ERR_LIMIT, nothing changed then. */
ERROR_CHECKED int ring_push(struct ring *, const void *record, uint32_t size);

/* Room for a record of `size` bytes at the tail, to be filled in place; NULL when it does
 * not fit. It is queued at once. */
void *ring_reserve(struct ring *, uint32_t size);

/* The oldest record, NULL when empty. Borrowed until it is dropped. 8-aligned. */
const void *ring_front(const struct ring *, uint32_t *size);

/* Forget the oldest record; there must be one. */
void ring_drop(struct ring *);

/* The record at the cursor, which moves on to the next; NULL at the end. Start with
 * `ring->head`. A cursor whose record was dropped moves on to the oldest there is. */
const void *ring_next(const struct ring *, uint64_t *cursor, uint32_t *size);

void ring_clear(struct ring *);

#endif
