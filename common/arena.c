/* arena.c - carving and measuring are one walk. */
#include "common/arena.h"

#include <stdint.h>

#include "common/check.h"

static size_t round_up(size_t size, size_t align)
{
    CHECK(size <= SIZE_MAX - (align - 1));
    return (size + align - 1) & ~(align - 1);
}

void arena_init(struct arena *arena, void *block, size_t capacity)
{
    CHECK((uintptr_t)block % ARENA_ALIGN_MAX == 0);
    *arena = (struct arena){.base = block, .capacity = block ? capacity : SIZE_MAX};
}

void *arena_take(struct arena *arena, size_t size, size_t align)
{
    CHECK(align != 0 && (align & (align - 1)) == 0 && align <= ARENA_ALIGN_MAX);
    const size_t start = round_up(arena->used, align);
    CHECK(start <= arena->capacity && size <= arena->capacity - start);
    arena->used = start + size;
    return arena->base ? arena->base + start : NULL;
}

size_t arena_used(const struct arena *arena)
{
    return round_up(arena->used, ARENA_ALIGN_MAX);
}
