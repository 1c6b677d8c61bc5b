/* history.h - append-only history: items gathered by key and written as one row a key.
 *
 * Owns:     its scratch memory, handed to it at init.
 * Units:    bytes; `last` is the position (gseq, trade_id) of the newest item in a row.
 * Errors:   none; scratch that is full is written out at once.
 * Threads:  none.
 * Bounds:   the bytes and the keys given to history_init; a row has HISTORY_ROW_BYTES, or
 *           the items of one position if they are more: who reads by page walks a part
 *           of a row again for each.
 *
 * A random row for every event made the services that keep history fall behind; one row
 * per key and commit does not. A row's key is (key, last), so that the row which holds
 * position p is the first one at or after (key, p).
 *
 *   row:  [8 key][8 last]  ->  item item item ...     numbers big-endian
 *
 * What is gathered is no part of a snapshot. After a restart a row may repeat items of
 * the row before it, so a reader goes by the positions in the items and passes over what
 * it has seen.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/core.h"
#include "common/map.h"

#define HISTORY_ROW_BYTES (16u << 10)

/* The items of one key that wait to be written, linked by offset in the scratch. */
struct history_run {
    uint64_t key, last;
    uint32_t head, tail; /* offsets of the first and the last item */
    uint32_t size;       /* of the row */
};

struct history {
    uint8_t *items; /* [u32 offset of the next][u32 size][bytes], 8-aligned */
    struct history_run *runs;
    struct map run_of; /* key -> index in runs */
    uint32_t table;
    uint32_t size, capacity; /* of items, in bytes */
    uint32_t run_count, run_capacity;
};

/* One row as found; `items` is borrowed until the next seek. */
struct history_row {
    uint64_t last;
    const uint8_t *items;
    size_t size;
};

/* Carves a history of `table` that gathers up to `bytes` for up to `keys` keys. */
void history_init(struct history *, struct arena *, uint32_t table, uint32_t bytes,
                  uint32_t keys);

/* Appends an item to the row of `key`; writes all out first if there is no room. */
void history_add(struct history *, struct outbox *, uint64_t key, uint64_t last,
                 const void *item, uint32_t size);

/* As history_add, for an item of two pieces. */
void history_add_two(struct history *, struct outbox *, uint64_t key, uint64_t last,
                     const void *first, uint32_t first_size, const void *second,
                     uint32_t second_size);

/* Puts one row for each key, in the order in which the keys were first added. */
void history_write(struct history *, struct outbox *);

/* The first row of `key` whose last position is >= `position`. False if there is none. */
bool history_seek(const struct core_rows *, uint32_t table, uint64_t key,
                  uint64_t position, struct history_row *);

#endif
