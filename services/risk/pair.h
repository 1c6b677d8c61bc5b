/* pair.h - finds an entry by two numbers, exactly.
 *
 * Owns:     its entries and the chains they hang in, carved at pair_init.
 * Units:    an entry is an index below the capacity; the caller chooses it.
 * Errors:   none; adding a pair that is present, or to a taken entry, is the caller's
 *           bug.
 * Threads:  none.
 * Bounds:   capacity; O(1) as long as nobody picks its numbers to share a chain, and then
 *           as long as that one has entries: the caller limits those.
 *
 * There are fewer chains than entries: a venue is seldom full, and a table that is
 * smaller by far stays in the cache.
 *
 * Numbers that follow each other lie next to each other: clients and the log count, and
 * so most searches end in a cache line that was just used.
 */
#ifndef PAIR_H
#define PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"

#define PAIR_NONE UINT32_MAX

struct pair {
    uint64_t second;
    uint32_t first; /* 0: the entry is free */
    uint32_t next;  /* in the chain: entry + 1, 0 at the end */
};

struct pairs {
    struct pair *entries;
    uint32_t *chains; /* first entry + 1, 0: empty; a power of two of them */
    uint32_t mask;
    uint32_t capacity;
};

/* Takes zeroed memory. On an arena that measures, only the size is taken. */
void pair_init(struct pairs *, struct arena *, uint32_t capacity);

/* Fetches the chain of a pair into the cache; `again`, once that is there: its first
 * entry. Returns that entry then, or PAIR_NONE. */
uint32_t pair_prefetch(const struct pairs *, uint32_t first, uint64_t second, bool again);

/* The same for an entry by its index. */
void pair_prefetch_entry(const struct pairs *, uint32_t entry);

/* The entry, or PAIR_NONE. */
uint32_t pair_find(const struct pairs *, uint32_t first, uint64_t second);

/* `first` is not 0; the entry is free and the pair is not present. */
void pair_add(struct pairs *, uint32_t entry, uint32_t first, uint64_t second);

/* Nothing if the entry is free. */
void pair_remove(struct pairs *, uint32_t entry);

#endif
