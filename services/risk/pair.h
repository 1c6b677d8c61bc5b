/* pair.h - finds an entry by two numbers, exactly.
 *
 * Owns:     its entries and their index, carved at pair_init.
 * Units:    an entry is an index below the capacity; the caller chooses it.
 * Errors:   none; adding a pair that is present fails a CHECK.
 * Threads:  none.
 * Bounds:   capacity; O(1), and pairs that share a hash are chained, so that a client who
 *           picks its numbers to collide with another's finds and blocks only its own.
 */
#ifndef PAIR_H
#define PAIR_H

#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"

#define PAIR_NONE UINT32_MAX

struct pair {
    uint64_t second;
    uint32_t first; /* 0: the entry is free */
    uint32_t next;  /* entry with the same hash, or PAIR_NONE */
};

struct pairs {
    struct pair *entries;
    struct map heads; /* hash to the newest entry of its chain */
    uint32_t capacity;
};

/* On an arena that measures, only the size is taken. */
void pair_init(struct pairs *, struct arena *, uint32_t capacity);

/* The entry, or PAIR_NONE. */
uint32_t pair_find(const struct pairs *, uint32_t first, uint64_t second);

/* `first` is not 0; the entry is free and the pair is not present. */
void pair_add(struct pairs *, uint32_t entry, uint32_t first, uint64_t second);

/* Nothing if the entry is free. */
void pair_remove(struct pairs *, uint32_t entry);

#endif
