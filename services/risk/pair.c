/* pair.c - a map of chains. */
#include "services/risk/pair.h"

#include <stddef.h>

#include "common/check.h"

void pair_init(struct pairs *pairs, struct arena *arena, uint32_t capacity)
{
    pairs->capacity = capacity;
    pairs->entries = arena_take(arena, capacity * sizeof *pairs->entries, 64);
    void *heads = arena_take(arena, map_size(capacity), 64);
    if (heads != NULL)
        map_init(&pairs->heads, heads, capacity);
}

uint32_t pair_find(const struct pairs *pairs, uint32_t first, uint64_t second)
{
    const uint64_t head = map_find(&pairs->heads, map_key(first, second));
    uint32_t entry = head == MAP_NONE ? PAIR_NONE : (uint32_t)head;
    while (entry != PAIR_NONE && (pairs->entries[entry].first != first ||
                                  pairs->entries[entry].second != second))
        entry = pairs->entries[entry].next;
    return entry;
}

void pair_add(struct pairs *pairs, uint32_t entry, uint32_t first, uint64_t second)
{
    CHECK(entry < pairs->capacity && first != 0 && pairs->entries[entry].first == 0);
    const uint64_t key = map_key(first, second);
    const uint64_t head = map_find(&pairs->heads, key);
    pairs->entries[entry] = (struct pair){
        .first = first,
        .second = second,
        .next = head == MAP_NONE ? PAIR_NONE : (uint32_t)head,
    };
    const int error = map_set(&pairs->heads, key, entry);
    CHECK(error == 0);
}

void pair_remove(struct pairs *pairs, uint32_t entry)
{
    CHECK(entry < pairs->capacity);
    struct pair *gone = &pairs->entries[entry];
    if (gone->first == 0)
        return;
    const uint64_t key = map_key(gone->first, gone->second);
    uint32_t at = (uint32_t)map_find(&pairs->heads, key);
    if (at == entry) {
        const int error = gone->next == PAIR_NONE
                              ? map_remove(&pairs->heads, key)
                              : map_set(&pairs->heads, key, gone->next);
        CHECK(error == 0);
    } else {
        while (pairs->entries[at].next != entry)
            at = pairs->entries[at].next;
        pairs->entries[at].next = gone->next;
    }
    gone->first = 0;
}
