/* map.h - finds a 64-bit value by a 64-bit key.
 *
 * Owns:     nothing; its memory is handed in.
 * Units:    any key; any value but MAP_NONE (an index, most often).
 * Errors:   ERR_FULL at capacity, ERR_DUPLICATE, ERR_NOT_FOUND; nothing changed then.
 * Threads:  none.
 * Bounds:   capacity; at most 3/4 of the slots are used, so a search looks at a few
 *           neighbours. There is no iteration: its order would leak into outputs.
 *
 * Open addressing with linear probing. Removal shifts the entries behind back, so there
 * are no tombstones and a map that lives for years stays as fast as a new one.
 */
#ifndef MAP_H
#define MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define MAP_NONE         UINT64_MAX
#define MAP_CAPACITY_MAX (UINT32_C(1) << 30)

struct map_slot {
    uint64_t key;
    uint64_t value; /* MAP_NONE: the slot is free */
};

struct map {
    struct map_slot *slots;
    uint32_t mask; /* number of slots - 1; a power of two - 1 */
    uint32_t count;
    uint32_t capacity;
};

size_t map_size(uint32_t capacity);

/* Takes `memory` of map_size(capacity) bytes, 8-aligned, whatever it holds. */
void map_init(struct map *, void *memory, uint32_t capacity);

/* Every bit of the key reaches every bit of the result, and no two keys meet: neighbours
 * and multiples of 2^k spread as well as random keys (the finaliser of MurmurHash3). */
static inline uint64_t map_mix(uint64_t key)
{
    key ^= key >> 33;
    key *= UINT64_C(0xff51afd7ed558ccd);
    key ^= key >> 33;
    key *= UINT64_C(0xc4ceb9fe1a85ec53);
    return key ^ key >> 33;
}

/* Two words to one key. Different pairs may meet: compare what the value leads to. */
static inline uint64_t map_key(uint64_t a, uint64_t b)
{
    return map_mix(map_mix(a) + b);
}

/* The value of `key`, or MAP_NONE. */
static inline uint64_t map_find(const struct map *map, uint64_t key)
{
    uint32_t i = (uint32_t)map_mix(key) & map->mask;
    while (map->slots[i].value != MAP_NONE && map->slots[i].key != key)
        i = (i + 1) & map->mask;
    return map->slots[i].value;
}

/* ERR_DUPLICATE if the key is present, ERR_FULL at capacity. */
ERROR_CHECKED int map_add(struct map *, uint64_t key, uint64_t value);

/* Adds, or gives a present key another value. ERR_FULL at capacity. */
ERROR_CHECKED int map_set(struct map *, uint64_t key, uint64_t value);

/* ERR_NOT_FOUND. */
int map_remove(struct map *, uint64_t key);

void map_clear(struct map *);

/* Invariants, O(slots): each entry is found by its key, and they are `count`. */
void map_check(const struct map *);

#endif
