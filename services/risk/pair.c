/* pair.c - chains of entries. */
#include "services/risk/pair.h"

#include <stddef.h>

#include "common/check.h"
#include "common/map.h"
#include "common/prefetch.h"

#define NEIGHBOURS 16                           /* chains in a cache line */
#define FULL       4                            /* entries a chain when all are taken */
#define SPREAD     UINT64_C(0x9e3779b97f4a7c15) /* two firsts lie far apart */

void pair_init(struct pairs *pairs, struct arena *arena, uint32_t capacity)
{
    uint32_t chains = NEIGHBOURS;
    while (chains < capacity / FULL)
        chains *= 2;
    pairs->capacity = capacity;
    pairs->mask = chains - 1;
    pairs->entries = arena_take(arena, capacity * sizeof *pairs->entries, 64);
    pairs->chains = arena_take(arena, chains * sizeof *pairs->chains, 64);
}

static uint32_t *find_chain(const struct pairs *pairs, uint32_t first, uint64_t second)
{
    const uint64_t group = map_mix(second / NEIGHBOURS + first * SPREAD);
    return &pairs->chains[(group + second % NEIGHBOURS) & pairs->mask];
}

uint32_t pair_prefetch(const struct pairs *pairs, uint32_t first, uint64_t second,
                       bool again)
{
    const uint32_t *chain = find_chain(pairs, first, second);
    if (!again) {
        prefetch_read(chain);
        return PAIR_NONE;
    }
    if (*chain != 0)
        prefetch_read(&pairs->entries[*chain - 1]);
    return *chain - 1;
}

void pair_prefetch_entry(const struct pairs *pairs, uint32_t entry)
{
    prefetch_read(&pairs->entries[entry]);
}

uint32_t pair_find(const struct pairs *pairs, uint32_t first, uint64_t second)
{
    uint32_t at = *find_chain(pairs, first, second);
    while (at != 0 && (pairs->entries[at - 1].second != second ||
                       pairs->entries[at - 1].first != first))
        at = pairs->entries[at - 1].next;
    return at - 1; /* PAIR_NONE for 0 */
}

void pair_add(struct pairs *pairs, uint32_t entry, uint32_t first, uint64_t second)
{
    CHECK(entry < pairs->capacity && first != 0 && pairs->entries[entry].first == 0);
    uint32_t *chain = find_chain(pairs, first, second);
    pairs->entries[entry] =
        (struct pair){.second = second, .first = first, .next = *chain};
    *chain = entry + 1;
}

void pair_remove(struct pairs *pairs, uint32_t entry)
{
    CHECK(entry < pairs->capacity);
    struct pair *gone = &pairs->entries[entry];
    if (gone->first == 0)
        return;
    uint32_t *link = find_chain(pairs, gone->first, gone->second);
    while (*link != entry + 1) {
        CHECK(*link != 0);
        link = &pairs->entries[*link - 1].next;
    }
    *link = gone->next;
    gone->first = 0;
}
