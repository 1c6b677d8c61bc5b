/* map.c - changes to a map; finding is inline. */
#include "common/map.h"

#include "common/check.h"

/* The smallest power of two that `capacity` fills to 3/4 or less; one slot is always
 * free, which ends every search. */
static uint32_t slots_for(uint32_t capacity)
{
    CHECK(capacity <= MAP_CAPACITY_MAX);
    uint32_t slots = 2;
    while (slots / 4 * 3 < capacity || slots <= capacity)
        slots *= 2;
    return slots;
}

size_t map_size(uint32_t capacity)
{
    return slots_for(capacity) * sizeof(struct map_slot);
}

void map_init(struct map *map, void *memory, uint32_t capacity)
{
    CHECK(memory != NULL);
    *map = (struct map){
        .slots = memory,
        .mask = slots_for(capacity) - 1,
        .capacity = capacity,
    };
    map_clear(map);
}

/* The slot that holds the key, or the free one that ends its search. */
static struct map_slot *probe(const struct map *map, uint64_t key)
{
    uint32_t i = (uint32_t)map_mix(key) & map->mask;
    while (map->slots[i].value != MAP_NONE && map->slots[i].key != key)
        i = (i + 1) & map->mask;
    return &map->slots[i];
}

static int fill(struct map *map, struct map_slot *slot, uint64_t key, uint64_t value)
{
    if (map->count == map->capacity)
        return ERR_FULL;
    *slot = (struct map_slot){.key = key, .value = value};
    map->count++;
    return 0;
}

int map_add(struct map *map, uint64_t key, uint64_t value)
{
    CHECK(value != MAP_NONE);
    struct map_slot *slot = probe(map, key);
    return slot->value == MAP_NONE ? fill(map, slot, key, value) : ERR_DUPLICATE;
}

int map_set(struct map *map, uint64_t key, uint64_t value)
{
    CHECK(value != MAP_NONE);
    struct map_slot *slot = probe(map, key);
    if (slot->value == MAP_NONE)
        return fill(map, slot, key, value);
    slot->value = value;
    return 0;
}

/* An entry may move back into the hole unless its home lies between hole and entry. */
static bool may_fill(const struct map *map, uint32_t hole, uint32_t i)
{
    const uint32_t home = (uint32_t)map_mix(map->slots[i].key) & map->mask;
    return ((i - home) & map->mask) >= ((i - hole) & map->mask);
}

int map_remove(struct map *map, uint64_t key)
{
    const struct map_slot *slot = probe(map, key);
    if (slot->value == MAP_NONE)
        return ERR_NOT_FOUND;
    uint32_t hole = (uint32_t)(slot - map->slots);
    for (uint32_t i = (hole + 1) & map->mask; map->slots[i].value != MAP_NONE;
         i = (i + 1) & map->mask)
        if (may_fill(map, hole, i)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    map->slots[hole].value = MAP_NONE;
    CHECK(map->count-- > 0);
    return 0;
}

void map_clear(struct map *map)
{
    for (uint32_t i = 0; i <= map->mask; i++)
        map->slots[i] = (struct map_slot){.value = MAP_NONE};
    map->count = 0;
}

void map_check(const struct map *map)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i <= map->mask; i++) {
        if (map->slots[i].value == MAP_NONE)
            continue;
        count++;
        CHECK(probe(map, map->slots[i].key) == &map->slots[i]);
    }
    CHECK(count == map->count && count <= map->capacity && count <= map->mask);
}
