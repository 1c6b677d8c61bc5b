/* pool.h - hands out the indices 0..capacity-1; the items stay in the owner's array.
 *
 * Owns:     nothing; its memory is handed in.
 * Units:    indices, because they are half a pointer and survive a snapshot.
 * Errors:   POOL_NONE when all are taken; giving back an index twice fails a CHECK.
 * Threads:  none.
 * Bounds:   capacity, at most POOL_CAPACITY_MAX; take and give are O(1).
 *
 * The index given back last is taken next, while its item is still in the cache; indices
 * never used yet come in rising order, so a half-empty pool touches half its memory.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/check.h"

#define POOL_NONE         UINT32_MAX
#define POOL_TAKEN        (UINT32_MAX - 1)
#define POOL_CAPACITY_MAX (UINT32_MAX - 2)

struct pool {
    uint32_t *next; /* of a free index: the one below it on the stack; else POOL_TAKEN */
    uint32_t top;   /* of the stack of indices given back, POOL_NONE when empty */
    uint32_t fresh; /* indices from here on were never taken */
    uint32_t count; /* taken now */
    uint32_t capacity;
};

size_t pool_size(uint32_t capacity);

/* Takes `memory` of pool_size(capacity) bytes, 4-aligned, whatever it holds. */
void pool_init(struct pool *, void *memory, uint32_t capacity);

static inline bool pool_is_taken(const struct pool *pool, uint32_t index)
{
    return index < pool->fresh && pool->next[index] == POOL_TAKEN;
}

/* An index nobody holds, or POOL_NONE. */
static inline uint32_t pool_take(struct pool *pool)
{
    uint32_t index = pool->top;
    if (index != POOL_NONE)
        pool->top = pool->next[index];
    else if (pool->fresh < pool->capacity)
        index = pool->fresh++;
    else
        return POOL_NONE;
    pool->next[index] = POOL_TAKEN;
    pool->count++;
    return index;
}

static inline void pool_give(struct pool *pool, uint32_t index)
{
    CHECK(pool_is_taken(pool, index));
    pool->next[index] = pool->top;
    pool->top = index;
    pool->count--;
}

/* Invariants, O(capacity): the stack holds every index that is not taken, each once. */
void pool_check(const struct pool *);

#endif
