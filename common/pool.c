/* pool.c - set-up and invariants; the rest is inline. */
#include "common/pool.h"

size_t pool_size(uint32_t capacity)
{
    CHECK(capacity <= POOL_CAPACITY_MAX);
    return capacity * sizeof(uint32_t);
}

void pool_init(struct pool *pool, void *memory, uint32_t capacity)
{
    CHECK(memory != NULL && capacity <= POOL_CAPACITY_MAX);
    *pool = (struct pool){.next = memory, .top = POOL_NONE, .capacity = capacity};
}

void pool_check(const struct pool *pool)
{
    uint32_t taken = 0, given_back = 0;
    for (uint32_t i = 0; i < pool->fresh; i++)
        taken += pool_is_taken(pool, i);
    for (uint32_t i = pool->top; i != POOL_NONE; i = pool->next[i]) {
        CHECK(i < pool->fresh && !pool_is_taken(pool, i));
        CHECK(given_back++ < pool->fresh);
    }
    CHECK(taken == pool->count && pool->fresh <= pool->capacity);
    CHECK(taken + given_back == pool->fresh);
}
