/* history.c - gathering items by key, and reading the rows back. */
#include "common/history.h"

#include <string.h>

#include "common/check.h"
#include "proto/big_endian.h"

enum {
    ITEM_HEAD = 8, /* next, size */
    KEY_SIZE = 16,
    END = 0, /* offset 0 is never an item's next: items follow the one before */
};

void history_init(struct history *history, struct arena *arena, uint32_t table,
                  uint32_t bytes, uint32_t keys)
{
    CHECK(bytes % 8 == 0 && keys > 0);
    history->items = arena_take(arena, bytes, 8);
    history->runs = arena_take(arena, keys * sizeof *history->runs, 8);
    void *slots = arena_take(arena, map_size(keys), 8);
    history->table = table;
    history->capacity = bytes;
    history->run_capacity = keys;
    history->size = 0;
    history->run_count = 0;
    if (slots)
        map_init(&history->run_of, slots, keys);
}

static uint32_t item_space(uint32_t size)
{
    return (ITEM_HEAD + size + 7) & ~7u;
}

static void set_next(struct history *history, uint32_t item, uint32_t next)
{
    memcpy(history->items + item, &next, sizeof next);
}

static void make_key(uint8_t bytes[KEY_SIZE], uint64_t key, uint64_t last)
{
    big_endian_put(bytes, key, 8);
    big_endian_put(bytes + 8, last, 8);
}

static void write_run(struct history *history, struct outbox *outbox,
                      const struct history_run *run)
{
    uint8_t key[KEY_SIZE];
    make_key(key, run->key, run->last);
    uint8_t *row = outbox_put_space(outbox, history->table, key, sizeof key, run->size);
    uint32_t filled = 0;
    uint32_t offset = run->head;
    do {
        const uint8_t *at = history->items + offset;
        uint32_t size;
        memcpy(&offset, at, sizeof offset);
        memcpy(&size, at + 4, sizeof size);
        memcpy(row + filled, at + ITEM_HEAD, size);
        filled += size;
    } while (offset != END);
    CHECK(filled == run->size);
}

/* The run of `key` with the item at `offset` linked in. A row that is long enough is
 * written, and the item begins the next one. */
static void link_item(struct history *history, struct outbox *outbox, uint64_t key,
                      uint64_t last, uint32_t offset, uint32_t size)
{
    const struct history_run fresh = {
        .key = key, .last = last, .head = offset, .tail = offset, .size = size};
    const uint64_t found = map_find(&history->run_of, key);
    if (found == MAP_NONE) {
        const uint32_t index = history->run_count++;
        CHECK(map_add(&history->run_of, key, index) == 0);
        history->runs[index] = fresh;
        return;
    }
    struct history_run *run = &history->runs[found];
    CHECK(last >= run->last);
    if (last > run->last && run->size + size > HISTORY_ROW_BYTES) {
        write_run(history, outbox, run);
        *run = fresh;
        return;
    }
    set_next(history, run->tail, offset);
    run->tail = offset;
    run->last = last;
    run->size += size;
}

void history_add_two(struct history *history, struct outbox *outbox, uint64_t key,
                     uint64_t last, const void *first, uint32_t first_size,
                     const void *second, uint32_t second_size)
{
    const uint32_t size = first_size + second_size;
    const uint32_t space = item_space(size);
    CHECK(space <= history->capacity);
    if (history->capacity - history->size < space ||
        history->run_count == history->run_capacity)
        history_write(history, outbox);

    const uint32_t offset = history->size;
    uint8_t *at = history->items + offset;
    set_next(history, offset, END);
    memcpy(at + 4, &size, sizeof size);
    memcpy(at + ITEM_HEAD, first, first_size);
    if (second_size > 0)
        memcpy(at + ITEM_HEAD + first_size, second, second_size);
    history->size += space;
    link_item(history, outbox, key, last, offset, size);
}

void history_add(struct history *history, struct outbox *outbox, uint64_t key,
                 uint64_t last, const void *item, uint32_t size)
{
    history_add_two(history, outbox, key, last, item, size, NULL, 0);
}

void history_write(struct history *history, struct outbox *outbox)
{
    for (uint32_t i = 0; i < history->run_count; i++) {
        write_run(history, outbox, &history->runs[i]);
        CHECK(map_remove(&history->run_of, history->runs[i].key) == 0);
    }
    history->run_count = 0;
    history->size = 0;
    CHECK(history->run_of.count == 0);
}

bool history_seek(const struct core_rows *rows, uint32_t table, uint64_t key,
                  uint64_t position, struct history_row *row)
{
    uint8_t wanted[KEY_SIZE];
    make_key(wanted, key, position);
    const void *found;
    const void *value;
    size_t found_size;
    size_t value_size;
    if (rows->seek(rows->context, table, wanted, sizeof wanted, &found, &found_size,
                   &value, &value_size) != 0)
        return false;
    CHECK(found_size == KEY_SIZE);
    if (memcmp(found, wanted, 8) != 0)
        return false;
    *row = (struct history_row){
        .last = big_endian_get((const uint8_t *)found + 8, 8),
        .items = value,
        .size = value_size,
    };
    return true;
}
