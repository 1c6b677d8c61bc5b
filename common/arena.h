/* arena.h - carves one block of memory into aligned pieces.
 *
 * Owns:     nothing; the block belongs to the caller.
 * Units:    bytes.
 * Errors:   none; taking more than there is fails a CHECK, because the size was computed
 *           by the same calls.
 * Threads:  none.
 * Bounds:   the capacity given; ARENA_ALIGN_MAX.
 *
 * The same function that carves also measures: run on an arena without a block it returns
 * NULL pieces, and arena_used() is then the size to ask for.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

enum {
    ARENA_ALIGN_MAX = 64, /* a cache line; blocks must be aligned to it */
};

struct arena {
    unsigned char *base; /* NULL while measuring */
    size_t used;
    size_t capacity;
};

void arena_init(struct arena *, void *block, size_t capacity);

/* A piece of `size` bytes, NULL while measuring. `align` is a power of two. */
void *arena_take(struct arena *, size_t size, size_t align);

/* Bytes taken so far, rounded up so that arenas can follow each other. */
size_t arena_used(const struct arena *);

#endif
