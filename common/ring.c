/* ring.c - records in one piece, so that a reader needs no copy. */
#include "common/ring.h"

#include <string.h>

#include "common/check.h"

enum {
    HEADER = 8, /* the size, padded so that records are 8-aligned */
};
#define END UINT32_MAX /* in place of a size: the next record starts over at 0 */

static uint32_t room_for(uint32_t size)
{
    return HEADER + ((size + 7u) & ~7u);
}

static uint32_t offset(const struct ring *ring, uint64_t cursor)
{
    return (uint32_t)(cursor % ring->capacity);
}

static uint32_t size_at(const struct ring *ring, uint64_t cursor)
{
    uint32_t size;
    memcpy(&size, ring->memory + offset(ring, cursor), sizeof(size));
    return size;
}

static void put_size(struct ring *ring, uint64_t cursor, uint32_t size)
{
    memcpy(ring->memory + offset(ring, cursor), &size, sizeof(size));
}

size_t ring_size(uint32_t capacity)
{
    CHECK(capacity > 0 && capacity <= UINT32_MAX - 15);
    return (capacity + 7u) & ~7u;
}

void ring_init(struct ring *ring, void *memory, uint32_t capacity)
{
    CHECK(memory != NULL);
    *ring = (struct ring){.memory = memory, .capacity = (uint32_t)ring_size(capacity)};
}

/* What stays unused at the end of the block if a record of this room comes next. */
static uint32_t gap_before(const struct ring *ring, uint32_t room)
{
    const uint32_t left = ring->capacity - offset(ring, ring->tail);
    return left < room ? left : 0;
}

static bool fits_ever(const struct ring *ring, uint32_t size)
{
    return size <= ring->capacity - HEADER && ring->capacity >= HEADER;
}

void *ring_reserve(struct ring *ring, uint32_t size)
{
    if (!fits_ever(ring, size))
        return NULL;
    if (ring->count == 0)
        ring_clear(ring);
    const uint32_t room = room_for(size);
    const uint32_t gap = gap_before(ring, room);
    if (ring->tail - ring->head + gap + room > ring->capacity)
        return NULL;
    if (gap > 0)
        put_size(ring, ring->tail, END);
    ring->tail += gap;
    put_size(ring, ring->tail, size);
    void *record = ring->memory + offset(ring, ring->tail) + HEADER;
    ring->tail += room;
    ring->count++;
    return record;
}

int ring_push(struct ring *ring, const void *record, uint32_t size)
{
    if (!fits_ever(ring, size))
        return ERR_LIMIT;
    void *copy = ring_reserve(ring, size);
    if (!copy)
        return ERR_FULL;
    if (size > 0)
        memcpy(copy, record, size);
    return 0;
}

const void *ring_next(const struct ring *ring, uint64_t *cursor, uint32_t *size)
{
    CHECK(*cursor <= ring->tail);
    if (*cursor < ring->head)
        *cursor = ring->head;
    if (*cursor == ring->tail)
        return NULL;
    *size = size_at(ring, *cursor);
    if (*size == END) {
        *cursor += ring->capacity - offset(ring, *cursor);
        *size = size_at(ring, *cursor);
    }
    const void *record = ring->memory + offset(ring, *cursor) + HEADER;
    *cursor += room_for(*size);
    CHECK(*cursor <= ring->tail);
    return record;
}

const void *ring_front(const struct ring *ring, uint32_t *size)
{
    uint64_t cursor = ring->head;
    return ring_next(ring, &cursor, size);
}

void ring_drop(struct ring *ring)
{
    uint32_t size;
    CHECK(ring->count-- > 0);
    CHECK(ring_next(ring, &ring->head, &size) != NULL);
}

/* Starting over at 0 leaves the whole block in one piece; cursors only ever grow. */
void ring_clear(struct ring *ring)
{
    const uint64_t turns = (ring->tail + ring->capacity - 1) / ring->capacity;
    ring->head = ring->tail = turns * ring->capacity;
    ring->count = 0;
}
